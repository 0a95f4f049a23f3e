/* journal/kafka/append.c - writing gathered records in transactions.
 *
 * journal_write hands the records to the client; journal_flush commits the transaction they are in, and with it
 * everything that was written meanwhile. So what one flush makes durable is seen whole or not at all.
 *
 * OFFSETS. journal_record_end must give the offset of a record at once. There is one writer, the newest of its
 * transactional.id, and Kafka gives offsets in order: the next offset is known, one more after each commit for the
 * marker that ends a transaction in every partition it wrote to. What was foretold is compared with what each record
 * got before the transaction is committed: where somebody else has written to the topic it is undone.
 */
#include "journal/kafka/kafka.h"

#include "base/clock.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void touch(struct kafka *k, const struct gather *g) {
    for (int i = 0; i < k->touched_count; i++)
        if (k->touched[i].topic == g->topic && k->touched[i].partition == g->partition)
            return;
    k->touched = k2_realloc(k->touched, (size_t)(k->touched_count + 1) * sizeof *k->touched);
    k->touched[k->touched_count].topic = g->topic;
    k->touched[k->touched_count++].partition = g->partition;
}

static int send_batch(struct kafka *k, const struct gather *g, struct k2_err *err) {
    struct journal_batch b = {.base_offset = g->base_offset,
                              .records = g->bytes.p + GATHER_ROOM,
                              .bytes = g->bytes.n - GATHER_ROOM};
    struct journal_record r;
    size_t cursor = 0;
    touch(k, g);
    while (journal_batch_next(&b, &cursor, &r))
        K2_TRY(client_send(k->writer, k->names[g->topic], g->partition, r.key, r.value, r.offset,
                           err));
    return K2_OK;
}

static int send_all(struct kafka *k, struct k2_err *err) {
    if (journal_pending_bytes(&k->base) == 0)
        return K2_OK;
    K2_TRY(client_begin(k->writer, err));
    K2_TRY(kafka_identify_schemas(k, err));
    for (int i = 0; i < k->base.dirty_count; i++)
        if (k->base.dirty[i]->count > 0)
            K2_TRY(send_batch(k, k->base.dirty[i], err));
    return K2_OK;
}

static void observe_write(struct kafka *k) {
    int64_t records = 0, batches = 0, bytes = 0;
    for (int i = 0; i < k->base.dirty_count; i++) {
        const struct gather *g = k->base.dirty[i];
        records += g->count;
        batches += g->count > 0;
        bytes += g->count > 0 ? (int64_t)g->bytes.n - GATHER_ROOM : 0;
    }
    k->written += records;
    k->producer.bytes += bytes;
    k2_metric_add(k2_metric(K2_METRIC_journal_records, NULL), records);
    k2_metric_add(k2_metric(K2_METRIC_journal_batches, NULL), batches);
    k2_metric_add(k2_metric(K2_METRIC_journal_written_bytes, NULL), bytes);
}

/* A transaction that failed cannot be mended here: what follows its records was judged by them. */
static int give_up(struct kafka *k, int rc, struct k2_err *err) {
    k->failed.status = rc;
    snprintf(k->failed.msg, sizeof k->failed.msg, "%s", err ? err->msg : "a write failed");
    return k2_err_context(err, rc, "append to the journal at %s", k->address.text);
}

int kafka_write(struct journal *journal, int64_t *position, struct k2_err *err) {
    struct kafka *k = kafka_of(journal);
    struct k2_err why = {0};
    if (!err)
        err = &why;
    K2_ASSERT(!k->base.open);
    if (k->base.mode != JOURNAL_WRITE)
        return k2_fail(err, K2_E_INVALID, "the journal at %s is open for reading only",
                       k->address.text);
    if (k->failed.status != K2_OK)
        return k2_fail(err, k->failed.status, "%s", k->failed.msg);
    int rc = send_all(k, err);
    if (rc != K2_OK)
        return give_up(k, rc, err);
    observe_write(k);
    journal_gather_clear(&k->base);
    if (position)
        *position = k->written;
    return K2_OK;
}

static void set_end(const struct topic *t, int32_t partition) {
    char number[16];
    snprintf(number, sizeof number, "%" PRId32, partition);
    k2_metric_set(k2_metric(K2_METRIC_journal_end_offset, t->name, number, NULL),
                  t->ends[partition]);
}

/* The marker of the commit stands behind the records of each partition. */
static void step_over_markers(struct kafka *k) {
    pthread_mutex_lock(&k->base.mutex);
    for (int i = 0; i < k->touched_count; i++) {
        struct topic *t = &k->base.topics[k->touched[i].topic];
        int32_t p = k->touched[i].partition;
        t->ends[p] = ++t->gathers[p].next;
        set_end(t, p);
    }
    pthread_mutex_unlock(&k->base.mutex);
    k->touched_count = 0;
}

/* Records that were gathered meanwhile go into the same transaction: their offsets were told without a marker before
 * them. */
int kafka_flush(struct journal *journal, int64_t position, struct k2_err *err) {
    struct kafka *k = kafka_of(journal);
    struct k2_err why = {0};
    if (!err)
        err = &why;
    if (position <= k->durable && k->failed.status == K2_OK)
        return K2_OK;
    K2_TRY(kafka_write(journal, NULL, err));
    int64_t began = k2_monotonic_ns();
    int rc = client_commit(k->writer, err);
    if (rc != K2_OK)
        return give_up(k, rc, err);
    k2_metric_record(k2_metric(K2_METRIC_journal_sync_seconds, NULL), k2_monotonic_ns() - began);
    kafka_producer_observe(k, began);
    step_over_markers(k);
    k->durable = k->written;
    return K2_OK;
}

int kafka_commit(struct journal *journal, struct k2_err *err) {
    int64_t position = 0;
    K2_TRY(kafka_write(journal, &position, err));
    return kafka_flush(journal, position, err);
}

/* Without records there is no transaction, and nothing that the positions would have to go with. */
int kafka_commit_with(struct journal *journal, const char *group, const struct journal_span *spans,
                      int n, struct k2_err *err) {
    struct kafka *k = kafka_of(journal);
    int64_t position = 0;
    K2_TRY(kafka_write(journal, &position, err));
    if (position > k->durable) {
        int rc = kafka_group_join(k, group, spans, n, err);
        if (rc != K2_OK)
            return give_up(k, rc, err);
    }
    return kafka_flush(journal, position, err);
}
