/* journal/local/tier_note.c - the file journal/<20 digits>.tier: where the bytes of a sealed segment are.
 *
 * FILE. Text, replaced as a whole and durably (base/fs.h):
 *
 *   k2-tier 1                                  format version
 *   incarnation 1804289383                     of the journal
 *   segment 0                                  its number: the log position of its first byte
 *   bytes 268435456                            its size
 *   sha256 <64 hex digits>                     of these bytes
 *   object <incarnation>-<16 hex digits>/<20 digits>.seg   its key in the store
 *   url file:///mnt/k2                         the store
 *   crc 1a2b3c4d                               crc32c of every byte before this line
 *
 * VALIDITY. The version is 1 (a newer one is K2_E_VERSION), the crc matches, incarnation and segment are those asked for.
 *
 * LIFE. The note is written when the object was put and read back; only then the segment's file may go. Where both are
 * there the file counts. A note below `first` (meta.c) is of a segment that retention removed: it stays until its object
 * is gone from the store.
 *
 * NAMES. The 16 digits are of the directory itself, its inode and time of birth: they stay when it is renamed, and differ
 * for a copy. So a copied directory, whose journal has the same incarnation, reads the objects of the first one, puts its
 * own beside them, and never removes what the first one may still need.
 */
#include "journal/local/tier.h"

#include "base/hash.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define NOTE_VERSION 1

void journal_tier_prefix(const char *dir, int32_t incarnation, char out[TIER_PREFIX]) {
    struct statx st;
    uint64_t born[3] = {0}; /* of a file system that tells no time of birth the inode alone */
    if (statx(AT_FDCWD, dir, 0, STATX_INO | STATX_BTIME, &st) == 0) {
        born[0] = st.stx_ino;
        if (st.stx_mask & STATX_BTIME) {
            born[1] = (uint64_t)st.stx_btime.tv_sec;
            born[2] = st.stx_btime.tv_nsec;
        }
    }
    snprintf(out, TIER_PREFIX, "%" PRId32 "-%016" PRIx64, incarnation,
             k2_hash64(born, sizeof born));
}

void journal_tier_object(const char *prefix, int64_t number, char out[TIER_OBJECT]) {
    snprintf(out, TIER_OBJECT, "%s/%020" PRId64 ".seg", prefix, number);
}

/* --- the file --- */

void journal_tier_note_format(const struct tier_note *n, int32_t incarnation, struct k2_buf *out) {
    k2_buf_printf(out,
                  "k2-tier %d\nincarnation %" PRId32 "\nsegment %" PRId64 "\nbytes %" PRId64
                  "\nsha256 %s\nobject %s\nurl %s\n",
                  NOTE_VERSION, incarnation, n->number, n->bytes, n->sha256, n->object, n->url);
    journal_text_close(out);
}

/* The rest of the next line, which begins with the word and has at least one byte more and fewer than cap. */
static bool take_text(struct k2_sv *text, const char *word, char *out, size_t cap) {
    struct k2_sv line = k2_sv_split(text, '\n');
    if (!k2_sv_eq(k2_sv_split(&line, ' '), k2_sv_of(word)) || line.n == 0 || line.n >= cap ||
        memchr(line.p, 0, line.n))
        return false;
    memcpy(out, line.p, line.n);
    out[line.n] = 0;
    return true;
}

static bool take_number(struct k2_sv *text, const char *word, int64_t *out) {
    char digits[24];
    return take_text(text, word, digits, sizeof digits) && k2_sv_i64(k2_sv_of(digits), out);
}

/* PREFIX/<20 digits>.seg and nothing that leads elsewhere: objects are removed by this name. */
static bool is_object(const char *key, int64_t number) {
    char prefix[TIER_PREFIX], want[TIER_OBJECT];
    size_t n = strspn(key, "0123456789abcdef-");
    if (n == 0 || n >= sizeof prefix)
        return false;
    memcpy(prefix, key, n);
    prefix[n] = 0;
    journal_tier_object(prefix, number, want);
    return strcmp(key, want) == 0;
}

static bool take_lines(struct k2_sv text, int64_t *incarnation, struct tier_note *n) {
    return take_number(&text, "incarnation", incarnation) &&
           take_number(&text, "segment", &n->number) && take_number(&text, "bytes", &n->bytes) &&
           n->bytes > 0 && take_text(&text, "sha256", n->sha256, sizeof n->sha256) &&
           strlen(n->sha256) == K2_SHA256_HEX - 1 &&
           take_text(&text, "object", n->object, sizeof n->object) &&
           is_object(n->object, n->number) && take_text(&text, "url", n->url, sizeof n->url) &&
           text.n == 0;
}

int journal_tier_note_parse(struct k2_sv text, int32_t incarnation, int64_t number,
                            struct tier_note *out, struct k2_err *err) {
    int64_t of;
    *out = (struct tier_note){0};
    K2_TRY(journal_text_open(&text, "k2-tier", NOTE_VERSION, err));
    if (!take_lines(text, &of, out))
        return k2_fail(err, K2_E_CORRUPT, "a line is malformed");
    if (of != incarnation || out->number != number)
        return k2_fail(err, K2_E_CORRUPT, "it belongs to another segment");
    return K2_OK;
}

int journal_tier_note_load(const char *dir, int32_t incarnation, int64_t number,
                           struct tier_note *out, struct k2_err *err) {
    char *path = journal_segment_path(dir, number, ".tier");
    struct k2_buf text = {0};
    int rc = k2_fs_read(path, &text, err);
    if (rc == K2_OK) {
        rc = journal_tier_note_parse(k2_buf_view(&text), incarnation, number, out, err);
        if (rc != K2_OK)
            rc = k2_err_context(err, rc, "%s", path);
    }
    k2_buf_free(&text);
    free(path);
    return rc;
}

int journal_tier_note_save(const char *dir, int32_t incarnation, const struct tier_note *note,
                           struct k2_err *err) {
    char *path = journal_segment_path(dir, note->number, ".tier");
    struct k2_buf text = {0};
    journal_tier_note_format(note, incarnation, &text);
    int rc = k2_fs_replace(path, k2_buf_view(&text), err);
    k2_buf_free(&text);
    free(path);
    return rc;
}
