/* journal/local/meta.c - the file journal/meta.
 *
 * FILE. Text, replaced as a whole and durably (base/fs.h):
 *
 *   k2-journal 1                               format version; 2 once anything was to be encrypted, 3 once
 *                                              there is a cut
 *   incarnation 1804289383                     drawn when the journal was created, 1 .. 2^31-1
 *   first 0                                    number of the oldest kept segment
 *   key 0123456789abcdef                       from version 2 on: id of the key that the last writer wrote with,
 *                                              or "none" (encryption.c)
 *   topic <partitions> <name> <start> ...      one line a topic; its id is 0, 1, 2 ... in their
 *                                              order; one start a partition, its oldest kept offset
 *   cut <end> ...                              behind the line of a topic that is a further version of another
 *                                              (journal/version.h) and in use: ends of the version before
 *   crc 1a2b3c4d                               crc32c of every byte before this line
 *
 * VALIDITY. The version is 1, 2 or 3 (a newer one is K2_E_VERSION) and the crc matches. A program that knows less would
 * take encrypted frames for a torn tail, or append to a version of a topic that has ended: that is what 2 and 3 keep
 * it from.
 *
 * RECOVERY. The file is the commit point of five changes: creating a journal (its first, empty
 * segment is durable before), making a topic (durable before its first record), the cut of a topic that grew (before
 * anything behind it), another key (before the first record under it), and retention
 * (`first` and the starts move before a segment is removed; a segment below `first` is a leftover,
 * removed at the next opening). Topics are never removed and their partitions never change.
 */
#include "journal/local/meta.h"

#include "journal/backend.h"
#include "journal/local/keys.h"

#include "base/fs.h"
#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define META_VERSION 3
#define CRC_LINE 13 /* "crc 1a2b3c4d\n" */

/* --- framed text --- */

void journal_text_close(struct k2_buf *out) {
    k2_buf_printf(out, "crc %08x\n", k2_crc32c(0, out->p, out->n));
}

static bool check_crc(struct k2_sv *text) {
    if (text->n < CRC_LINE)
        return false;
    size_t body = text->n - CRC_LINE;
    char want[CRC_LINE + 1];
    snprintf(want, sizeof want, "crc %08x\n", k2_crc32c(0, text->p, body));
    if (memcmp(text->p + body, want, CRC_LINE) != 0)
        return false;
    text->n = body;
    return true;
}

int journal_text_open(struct k2_sv *text, const char *word, int64_t version, struct k2_err *err) {
    struct k2_sv rest = *text, line = k2_sv_split(&rest, '\n');
    int64_t found;
    if (!k2_sv_eq(k2_sv_split(&line, ' '), k2_sv_of(word)) || !k2_sv_i64(line, &found) || found < 1)
        return k2_fail(err, K2_E_CORRUPT, "it does not begin with \"%s\" and a version", word);
    if (found > version)
        return k2_fail(err, K2_E_VERSION,
                       "format version %" PRId64 " is newer than this k2 (%" PRId64
                       "): use a newer k2",
                       found, version);
    if (!check_crc(text))
        return k2_fail(err, K2_E_CORRUPT, "the checksum does not match");
    k2_sv_split(text, '\n');
    return K2_OK;
}

/* --- in memory --- */

void journal_meta_fini(struct meta *m) {
    for (int i = 0; i < m->topic_count; i++) {
        free(m->topics[i].name);
        free(m->topics[i].starts);
        free(m->topics[i].cut);
    }
    free(m->topics);
    *m = (struct meta){0};
}

struct meta_topic *journal_meta_add(struct meta *m, struct k2_sv name, int32_t partitions) {
    m->topics = k2_realloc(m->topics, (size_t)(m->topic_count + 1) * sizeof *m->topics);
    struct meta_topic *t = &m->topics[m->topic_count++];
    *t = (struct meta_topic){.name = k2_sv_dup(name), .partitions = partitions};
    t->starts = k2_zalloc((size_t)partitions * sizeof *t->starts);
    return t;
}

/* --- the file --- */

static int version_of(const struct meta *m) {
    for (int i = 0; i < m->topic_count; i++)
        if (m->topics[i].cut)
            return 3;
    return m->keyed ? 2 : 1;
}

static void format_cut(const struct meta_topic *t, struct k2_buf *out) {
    if (!t->cut)
        return;
    k2_buf_str(out, "cut");
    for (int i = 0; i < t->cut_n; i++)
        k2_buf_printf(out, " %" PRId64, t->cut[i]);
    k2_buf_byte(out, '\n');
}

void journal_meta_format(const struct meta *m, struct k2_buf *out) {
    char key[JOURNAL_KEY_TEXT] = "none";
    int version = version_of(m);
    if (m->key)
        journal_key_text(m->key, key);
    k2_buf_printf(out, "k2-journal %d\nincarnation %d\nfirst %" PRId64 "\n", version,
                  m->incarnation, m->first);
    if (version > 1)
        k2_buf_printf(out, "key %s\n", key);
    for (int i = 0; i < m->topic_count; i++) {
        k2_buf_printf(out, "topic %d %s", m->topics[i].partitions, m->topics[i].name);
        for (int p = 0; p < m->topics[i].partitions; p++)
            k2_buf_printf(out, " %" PRId64, m->topics[i].starts[p]);
        k2_buf_byte(out, '\n');
        format_cut(&m->topics[i], out);
    }
    journal_text_close(out);
}

/* The next word of the line as a number in [least, most]. */
static bool number(struct k2_sv *line, int64_t least, int64_t most, int64_t *out) {
    return k2_sv_i64(k2_sv_split(line, ' '), out) && *out >= least && *out <= most;
}

static bool parse_topic(struct k2_sv line, struct meta *m) {
    int64_t partitions;
    if (!k2_sv_eq(k2_sv_split(&line, ' '), K2_SV("topic")) ||
        !number(&line, 1, JOURNAL_MAX_PARTITIONS, &partitions))
        return false;
    struct k2_sv name = k2_sv_split(&line, ' ');
    if (journal_name_check(name, NULL) != K2_OK)
        return false;
    struct meta_topic *t = journal_meta_add(m, name, (int32_t)partitions);
    for (int p = 0; p < partitions; p++)
        if (!number(&line, 0, INT64_MAX, &t->starts[p]))
            return false;
    return line.n == 0;
}

/* Of the topic whose line was before. */
static bool parse_cut(struct k2_sv line, struct meta *m) {
    k2_sv_split(&line, ' ');
    struct meta_topic *t = m->topic_count > 0 ? &m->topics[m->topic_count - 1] : NULL;
    if (!t || t->cut || line.n == 0)
        return false;
    t->cut = k2_alloc(JOURNAL_MAX_PARTITIONS * sizeof *t->cut);
    while (line.n > 0)
        if (t->cut_n == JOURNAL_MAX_PARTITIONS || !number(&line, 0, INT64_MAX, &t->cut[t->cut_n++]))
            return false;
    return true;
}

static bool parse_line(struct k2_sv line, struct meta *m) {
    return k2_sv_starts(line, K2_SV("cut ")) ? parse_cut(line, m) : parse_topic(line, m);
}

static bool parse_named(struct k2_sv *text, const char *word, int64_t least, int64_t most,
                        int64_t *out) {
    struct k2_sv line = k2_sv_split(text, '\n');
    return k2_sv_eq(k2_sv_split(&line, ' '), k2_sv_of(word)) && number(&line, least, most, out) &&
           line.n == 0;
}

static bool parse_key(struct k2_sv *text, struct meta *m) {
    struct k2_sv line = k2_sv_split(text, '\n');
    m->keyed = true;
    return k2_sv_eq(k2_sv_split(&line, ' '), K2_SV("key")) &&
           (k2_sv_eq(line, K2_SV("none")) || journal_key_parse(line, &m->key));
}

static bool parse_lines(struct k2_sv text, bool keyed, struct meta *m) {
    int64_t incarnation;
    if (!parse_named(&text, "incarnation", 1, INT32_MAX, &incarnation) ||
        !parse_named(&text, "first", 0, INT64_MAX, &m->first))
        return false;
    m->incarnation = (int32_t)incarnation;
    if (keyed && !parse_key(&text, m))
        return false;
    while (text.n > 0)
        if (!parse_line(k2_sv_split(&text, '\n'), m))
            return false;
    return true;
}

int journal_meta_parse(struct k2_sv text, struct meta *m, struct k2_err *err) {
    *m = (struct meta){0};
    bool keyed = !k2_sv_starts(text, K2_SV("k2-journal 1\n"));
    K2_TRY(journal_text_open(&text, "k2-journal", META_VERSION, err));
    if (parse_lines(text, keyed, m))
        return K2_OK;
    journal_meta_fini(m);
    return k2_fail(err, K2_E_CORRUPT, "a line is malformed");
}

int journal_meta_load(const char *path, struct meta *m, struct k2_err *err) {
    struct k2_buf text = {0};
    *m = (struct meta){0};
    int rc = k2_fs_read(path, &text, err);
    if (rc == K2_OK) {
        rc = journal_meta_parse(k2_buf_view(&text), m, err);
        if (rc != K2_OK)
            rc = k2_err_context(err, rc, "%s", path);
    }
    k2_buf_free(&text);
    return rc;
}

int journal_meta_save(const char *path, const struct meta *m, struct k2_err *err) {
    struct k2_buf text = {0};
    journal_meta_format(m, &text);
    int rc = k2_fs_replace(path, k2_buf_view(&text), err);
    k2_buf_free(&text);
    return rc;
}
