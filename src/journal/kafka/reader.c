/* journal/kafka/reader.c - reading spans of what is committed.
 *
 * Versions of a topic are read one after the other (journal/version.h): in rounds, each of one number of version.
 *
 * Kafka's offsets have holes (markers of transactions, records that were undone), so a span ends when a record at or
 * behind its end comes, or the end of the partition does. A batch is a run of records of one partition with neither a
 * hole nor another time of appending between them; its bytes are put together in the form that all readers give
 * (gather.c), which is the one copy there is.
 */
#include "journal/kafka/kafka.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>

#define AT_ONCE 2048  /* messages that are taken from the client at a time */
#define PATIENCE_S 60 /* without any record or end: nobody answers */
#define BATCH_BYTES ((size_t)4 << 20)

struct kafka_reader {
    struct journal_reader base;
    struct kafka *k;
    struct kafka_client *client;
    struct journal_span *spans; /* from advances; from >= to: it was read */
    int32_t *versions;          /* of each span's topic */
    int32_t version;            /* of the round */
    int n, unread, left;        /* left: of the round */
    struct kafka_message *got;
    int got_count, got_at;
    struct k2_buf bytes;
};

static struct kafka_reader *reader_of(struct journal_reader *r) {
    return (struct kafka_reader *)r; /* base is its first member */
}

/* --- planning --- */

static int check_start(const struct kafka *k, const struct journal_span *s, int64_t start,
                       struct k2_err *err) {
    return s->from >= start ? K2_OK
                            : k2_fail(err, K2_E_NOTFOUND,
                                      "topic %s partition %" PRId32 " begins at offset %" PRId64
                                      " now; what was before (%" PRId64 ") has been removed",
                                      k->names[s->topic], s->partition, start, s->from);
}

static int check_span(const struct kafka *k, const struct journal_span *s, struct k2_err *err) {
    if (s->topic < 0 || s->topic >= k->base.topic_count || s->partition < 0 ||
        s->partition >= k->base.topics[s->topic].partitions)
        return k2_fail(err, K2_E_NOTFOUND, "the journal at %s has no topic %d with a partition %d",
                       k->address.text, s->topic, s->partition);
    return K2_OK;
}

/* Asks for one end of all spans at once. */
static int ask(struct kafka_reader *r, const struct journal_span *spans, int n, int64_t which,
               struct kafka_at *at, struct k2_err *err) {
    for (int i = 0; i < n; i++)
        at[i] = (struct kafka_at){r->k->names[spans[i].topic], spans[i].partition, which};
    return client_offsets(r->k->asker, at, NULL, n, true, err);
}

static int take_spans(struct kafka_reader *r, const struct journal_span *spans, int n,
                      struct k2_err *err) {
    struct kafka_at *starts = k2_alloc((size_t)(2 * n + 1) * sizeof *starts), *ends = starts + n;
    r->spans = k2_alloc((size_t)(n + 1) * sizeof *r->spans);
    r->versions = k2_alloc((size_t)(n + 1) * sizeof *r->versions);
    int rc = K2_OK;
    for (int i = 0; rc == K2_OK && i < n; i++)
        rc = check_span(r->k, &spans[i], err);
    if (rc == K2_OK)
        rc = ask(r, spans, n, KAFKA_EARLIEST, starts, err);
    if (rc == K2_OK)
        rc = ask(r, spans, n, KAFKA_LATEST, ends, err);
    for (int i = 0; rc == K2_OK && i < n; i++) {
        struct journal_span s = spans[i];
        rc = check_start(r->k, &s, starts[i].offset, err);
        s.to = s.to < ends[i].offset ? s.to : ends[i].offset;
        if (s.from >= s.to)
            continue;
        r->versions[r->n] = journal_topic_at(&r->k->base, s.topic).version;
        r->spans[r->n++] = s;
    }
    free(starts);
    r->unread = r->n;
    return rc;
}

/* The spans of the next version that has any. */
static int begin_round(struct kafka_reader *r, struct k2_err *err) {
    int32_t next = INT32_MAX;
    for (int i = 0; i < r->n; i++)
        if (r->versions[i] > r->version && r->versions[i] < next)
            next = r->versions[i];
    r->version = next;
    r->left = r->got_count = r->got_at = 0;
    struct kafka_at *at = k2_alloc((size_t)r->n * sizeof *at);
    for (int i = 0; i < r->n; i++)
        if (r->versions[i] == next)
            at[r->left++] = (struct kafka_at){r->k->names[r->spans[i].topic], r->spans[i].partition,
                                              r->spans[i].from};
    int rc = client_assign(r->client, at, r->left, err);
    free(at);
    return rc;
}

static int begin(struct kafka_reader *r, struct k2_err *err) {
    if (r->n == 0)
        return K2_OK;
    K2_TRY(kafka_reader_take(r->k, &r->client, err));
    return begin_round(r, err);
}

int kafka_read(struct journal *journal, const struct journal_span *spans, int n,
               struct journal_reader **out, struct k2_err *err) {
    struct kafka_reader *r = k2_zalloc(sizeof *r);
    r->base.ops = &journal_kafka;
    r->k = kafka_of(journal);
    r->got = k2_alloc(AT_ONCE * sizeof *r->got);
    int rc = take_spans(r, spans, n, err);
    if (rc == K2_OK)
        rc = begin(r, err);
    if (rc != K2_OK)
        kafka_reader_close(&r->base);
    else
        *out = &r->base;
    return rc;
}

void kafka_reader_close(struct journal_reader *reader) {
    struct kafka_reader *r = reader_of(reader);
    if (r->client)
        kafka_reader_give(r->k, r->client);
    k2_buf_free(&r->bytes);
    free(r->spans);
    free(r->versions);
    free(r->got);
    free(r);
}

/* --- reading --- */

static struct journal_span *span_of(struct kafka_reader *r, const struct kafka_message *m) {
    for (int i = 0; i < r->n; i++)
        if (r->spans[i].partition == m->partition &&
            strcmp(r->k->names[r->spans[i].topic], m->topic) == 0)
            return &r->spans[i];
    return NULL;
}

static void finish(struct kafka_reader *r, struct journal_span *s) {
    if (s->from < s->to) {
        s->from = s->to;
        r->unread--;
        r->left--;
    }
}

static void put(struct k2_buf *out, const struct kafka_message *m) {
    size_t at = out->n;
    k2_buf_need(out, GATHER_RECORD + m->key.n + m->value.n);
    out->n += GATHER_RECORD;
    k2_put_u32(out->p + at, (uint32_t)m->value.n);
    k2_put_u32(out->p + at + 4, (uint32_t)m->key.n);
    k2_buf_sv(out, m->key);
    k2_buf_sv(out, m->value);
}

static bool continues(const struct kafka_message *first, const struct kafka_message *m,
                      int64_t offset) {
    return !m->end && m->offset == offset && m->partition == first->partition &&
           m->time_ms == first->time_ms && strcmp(m->topic, first->topic) == 0;
}

/* The run that begins with the next message, which belongs to the span. */
static void take_run(struct kafka_reader *r, struct journal_span *s, struct journal_batch *out) {
    const struct kafka_message *first = &r->got[r->got_at];
    int64_t offset = first->offset;
    r->bytes.n = 0;
    while (r->got_at < r->got_count && offset < s->to && r->bytes.n < BATCH_BYTES &&
           continues(first, &r->got[r->got_at], offset)) {
        put(&r->bytes, &r->got[r->got_at++]);
        offset++;
    }
    *out = (struct journal_batch){.topic = s->topic,
                                  .partition = s->partition,
                                  .count = (int32_t)(offset - first->offset),
                                  .base_offset = first->offset,
                                  .append_ns = first->time_ms * K2_NS_PER_MS,
                                  .records = r->bytes.p,
                                  .bytes = r->bytes.n};
    if (offset >= s->to)
        finish(r, s);
    else
        s->from = offset;
}

static int wait(struct kafka_reader *r, struct k2_err *err) {
    for (int i = 0; i < PATIENCE_S; i++) {
        r->got_at = 0;
        r->got_count = client_poll(r->client, r->got, AT_ONCE, 1000, err);
        if (r->got_count != 0)
            return r->got_count < 0 ? r->got_count : K2_OK;
    }
    return k2_fail(err, K2_E_UNAVAILABLE, "%s: no broker gave a record for %d s",
                   r->k->address.text, PATIENCE_S);
}

int kafka_next(struct journal_reader *reader, struct journal_batch *batch, struct k2_err *err) {
    struct kafka_reader *r = reader_of(reader);
    while (r->unread > 0) {
        if (r->left == 0)
            K2_TRY(begin_round(r, err));
        if (r->got_at >= r->got_count) {
            K2_TRY(wait(r, err));
            continue;
        }
        const struct kafka_message *m = &r->got[r->got_at];
        struct journal_span *s = span_of(r, m);
        if (s && s->from < s->to && !m->end && m->offset >= s->from && m->offset < s->to) {
            take_run(r, s, batch);
            return 1;
        }
        if (s && m->offset >= s->to)
            finish(r, s);
        r->got_at++;
    }
    return 0;
}
