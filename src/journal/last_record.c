/* journal/last_record.c - see last_record.h. */
#include "journal/last_record.h"

#include <stdlib.h>

/* Copies the value of the record at `offset` of partition 0 into out. */
static K2_RC read_record(struct journal *j, int32_t topic, int64_t offset, struct k2_buf *out,
                         struct k2_err *err) {
    struct journal_reader *r;
    struct journal_span span = {topic, 0, offset, offset + 1};
    K2_TRY(journal_read(j, &span, 1, &r, err));
    struct journal_batch b;
    struct journal_record record;
    size_t cursor = 0;
    int got = journal_next(r, &b, err);
    if (got > 0 && journal_batch_next(&b, &cursor, &record))
        k2_buf_sv(out, record.value);
    journal_reader_close(r);
    return got < 0 ? got : K2_OK;
}

int last_record(struct journal *j, struct k2_sv topic, struct k2_buf *out, struct k2_err *err) {
    struct journal_topic t;
    int rc = journal_topic(j, topic, false, &t, err);
    if (rc == K2_E_NOTFOUND)
        return K2_OK;
    K2_TRY(rc);
    int64_t *ends = k2_alloc((size_t)t.partitions * sizeof *ends);
    int64_t *starts = k2_alloc((size_t)t.partitions * sizeof *starts);
    rc = journal_ends(j, t.id, ends, err);
    if (rc == K2_OK)
        rc = journal_starts(j, t.id, starts, err);
    if (rc == K2_OK && ends[0] > starts[0])
        rc = read_record(j, t.id, ends[0] - 1, out, err);
    free(ends);
    free(starts);
    return rc;
}
