/* journal/last_record.c - see journal_last in journal.h, and last_record.h. */
#include "journal/last_record.h"

#include "journal/backend.h"

#include <stdlib.h>

struct last {
    int32_t topic, partition;
    struct k2_buf *value; /* NULL = is not wanted */
    int64_t *append_ns;
    bool found;
    int64_t offset;
};

static void take(struct last *l, const struct journal_batch *b) {
    struct journal_record record;
    size_t cursor = 0;
    l->found = true;
    *l->append_ns = b->append_ns;
    l->offset = b->base_offset + b->count - 1;
    if (!l->value)
        return;
    while (journal_batch_next(b, &cursor, &record)) {
        l->value->n = 0;
        k2_buf_sv(l->value, record.value);
    }
}

/* The last record of [from, to), if there is one. */
static K2_RC look(struct journal *j, struct last *l, int64_t from, int64_t to, struct k2_err *err) {
    struct journal_reader *r;
    struct journal_batch b;
    const struct journal_span span = {l->topic, l->partition, from, to};
    int got;
    K2_TRY(journal_read(j, &span, 1, &r, err));
    while ((got = journal_next(r, &b, err)) > 0)
        take(l, &b);
    journal_reader_close(r);
    return got;
}

/* When it was appended may be known without reading it. */
static K2_RC look_up(struct journal *j, struct last *l, int64_t start, int64_t end,
                     struct k2_err *err) {
    if (l->value || !j->ops->append_at || end <= start)
        return K2_OK;
    l->offset = end - 1;
    return j->ops->append_at(j, l->topic, l->partition, l->offset, &l->found, l->append_ns, err);
}

/* The last offset may be no record's: further and further back is looked. */
static K2_RC look_back(struct journal *j, struct last *l, int64_t start, int64_t end,
                       struct k2_err *err) {
    K2_TRY(look_up(j, l, start, end, err));
    for (int64_t step = 1; !l->found && end > start; step *= 8) {
        int64_t from = end - step > start ? end - step : start;
        K2_TRY(look(j, l, from, end, err));
        end = from;
    }
    return K2_OK;
}

static K2_RC find_last(struct journal *j, struct last *l, struct k2_err *err) {
    size_t n = (size_t)journal_topic_at(j, l->topic).partitions;
    int64_t *ends = k2_alloc(2 * n * sizeof *ends), *starts = ends + n;
    *l->append_ns = 0;
    int rc = journal_ends(j, l->topic, ends, err);
    if (rc == K2_OK)
        rc = journal_starts(j, l->topic, starts, err);
    if (rc == K2_OK)
        rc = look_back(j, l, starts[l->partition], ends[l->partition], err);
    free(ends);
    return rc;
}

int journal_last(struct journal *j, int32_t topic, int32_t partition, struct k2_buf *value,
                 int64_t *append_ns, struct k2_err *err) {
    struct last l = {topic, partition, value, append_ns, false, -1};
    return find_last(j, &l, err);
}

int journal_last_offset(struct journal *j, int32_t topic, int32_t partition, int64_t *offset,
                        struct k2_err *err) {
    int64_t append_ns;
    struct last l = {topic, partition, NULL, &append_ns, false, -1};
    int rc = find_last(j, &l, err);
    *offset = l.offset;
    return rc;
}

int last_record(struct journal *j, struct k2_sv topic, struct k2_buf *out, struct k2_err *err) {
    struct journal_topic t;
    struct k2_buf value = {0};
    int64_t append_ns;
    int rc = journal_topic(j, topic, false, &t, err);
    if (rc == K2_E_NOTFOUND)
        return K2_OK;
    K2_TRY(rc);
    rc = journal_last(j, t.id, 0, &value, &append_ns, err);
    k2_buf_sv(out, k2_buf_view(&value));
    k2_buf_free(&value);
    return rc;
}
