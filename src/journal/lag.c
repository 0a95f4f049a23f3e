/* journal/lag.c - when a record was appended: of the first that a group has not read, how long ago. */
#include "journal/backend.h"

int journal_append_at(struct journal *j, int32_t topic, int32_t partition, int64_t from,
                      int64_t *append_ns, struct k2_err *err) {
    const struct journal_span span = {topic, partition, from, INT64_MAX};
    struct journal_reader *r;
    struct journal_batch b;
    bool known = false;
    *append_ns = 0;
    if (j->ops->append_at)
        K2_TRY(j->ops->append_at(j, topic, partition, from, &known, append_ns, err));
    if (known)
        return K2_OK;
    K2_TRY(journal_read(j, &span, 1, &r, err));
    int got = journal_next(r, &b, err);
    if (got > 0)
        *append_ns = b.append_ns;
    journal_reader_close(r);
    return got < 0 ? got : K2_OK;
}
