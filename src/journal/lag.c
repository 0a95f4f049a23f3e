/* journal/lag.c - how long ago the first record was appended that a group has not read. */
#include "journal/backend.h"

int journal_append_at(struct journal *j, int32_t topic, int32_t partition, int64_t from,
                      int64_t *append_ns, struct k2_err *err) {
    const struct journal_span span = {topic, partition, from, INT64_MAX};
    struct journal_reader *r;
    struct journal_batch b;
    *append_ns = 0;
    K2_TRY(journal_read(j, &span, 1, &r, err));
    int got = journal_next(r, &b, err);
    if (got > 0)
        *append_ns = b.append_ns;
    journal_reader_close(r);
    return got < 0 ? got : K2_OK;
}
