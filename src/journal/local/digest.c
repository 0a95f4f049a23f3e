/* journal/local/digest.c - the digests of a segment, from its file.
 *
 * A record that cannot be decoded fails the whole segment: retention then keeps it and says why.
 */
#include "journal/digest.h"
#include "journal/local/local.h"
#include "journal/local/opener.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

static int add_frame(struct journal_digester *d, enum k2_kind_id id, const struct frame *f,
                     struct k2_sv records, struct k2_err *err) {
    const uint8_t *bytes = (const uint8_t *)records.p;
    size_t at = 0;
    for (int32_t i = 0; i < f->count; i++) {
        size_t key = k2_get_u32(bytes + at + 4);
        struct k2_sv value = {(const char *)bytes + at + GATHER_RECORD + key,
                              k2_get_u32(bytes + at)};
        K2_TRY_CTX(journal_digester_add(d, id, value, err), err,
                   "topic id %d partition %d offset %" PRId64, f->topic, f->partition,
                   f->base_offset + i);
        at += GATHER_RECORD + key + value.n;
    }
    journal_digester_rest(d);
    return K2_OK;
}

static int add_file(struct journal_digester *d, struct journal_opener *opener,
                    const struct segment_file *file, const uint8_t *bytes, size_t size,
                    const char *const *topics, int topic_count, const atomic_bool *stop,
                    struct k2_err *err) {
    struct frame f;
    struct k2_sv records;
    for (size_t at = 0; at < size; at += f.length) {
        if (atomic_load(stop))
            return k2_fail(err, K2_E_CANCELLED, "the journal is being closed");
        if (!journal_frame_parse(bytes + at, size - at, file->incarnation,
                                 file->number + (int64_t)at, &f) ||
            f.length > size - at || !journal_frame_intact(bytes + at, &f) || f.topic >= topic_count)
            return k2_fail(err, K2_E_CORRUPT, "%s is damaged at byte %zu", file->path, at);
        const struct k2_kind *kind = k2_kind_by_topic(k2_sv_of(topics[f.topic]));
        if (!kind)
            continue;
        K2_TRY_CTX(journal_opener_records(opener, file->number, &f, bytes + at, &records, err), err,
                   "%s, byte %zu", file->path, at);
        K2_TRY(add_frame(d, kind->id, &f, records, err));
    }
    return K2_OK;
}

int journal_digest_segment(const char *dir, const struct segment_file *file, int64_t end,
                           const char *const *topics, int topic_count, const atomic_bool *stop,
                           struct journal_digest **out, int *n, struct k2_err *err) {
    struct journal_digester *d = NULL;
    struct stat st;
    size_t size = (size_t)(end - file->number);
    if (fstat(file->fd, &st) < 0 || st.st_size < (off_t)size)
        return k2_fail(err, K2_E_CORRUPT, "%s is shorter than %zu bytes", file->path, size);
    uint8_t *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, file->fd, 0);
    if (bytes == MAP_FAILED)
        return k2_fail_errno(err, "cannot map %s", file->path);
    struct journal_opener opener = {.incarnation = file->incarnation};
    int rc = journal_digester_open(dir, &d, err);
    if (rc == K2_OK)
        rc = add_file(d, &opener, file, bytes, size, topics, topic_count, stop, err);
    journal_opener_fini(&opener);
    munmap(bytes, size);
    if (rc == K2_OK)
        *out = journal_digester_take(d, n);
    journal_digester_close(d);
    return rc;
}
