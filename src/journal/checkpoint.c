/* journal/checkpoint.c - see checkpoint.h. */
#include "journal/checkpoint.h"
#include "journal/item.h"

#include "base/clock.h"

#include <stdlib.h>

#define TOPIC K2_SV("k2.sequence")

/* Session dates of each exchange whose channels stay in memory; older ones are looked up in the log. */
enum { KEEP_DATES = 10, REPLAY_BATCH = 4096 };

static const char schema[] =
    "{\"type\":\"record\",\"name\":\"sequence_checkpoint\",\"namespace\":\"k2\",\"fields\":["
    "{\"name\":\"ends\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\","
    "\"name\":\"partition_end\",\"fields\":[{\"name\":\"topic\",\"type\":\"string\"},"
    "{\"name\":\"partition\",\"type\":\"int\"},{\"name\":\"end\",\"type\":\"long\"}]}}},"
    "{\"name\":\"state\",\"type\":\"bytes\"}]}";

/* --- saving --- */

static K2_RC put_ends(struct journal *j, struct k2_buf *out, struct k2_err *err) {
    for (int32_t i = 0; i < journal_topic_count(j); i++) {
        struct journal_topic t = journal_topic_at(j, i);
        if (!k2_kind_by_topic(k2_sv_of(t.name)))
            continue;
        int64_t *ends = k2_alloc((size_t)t.partitions * sizeof *ends);
        int rc = journal_ends(j, t.id, ends, err);
        if (rc == K2_OK)
            k2_avro_put_long(out, t.partitions);
        for (int32_t p = 0; rc == K2_OK && p < t.partitions; p++) {
            k2_avro_put_bytes(out, k2_sv_of(t.name));
            k2_avro_put_long(out, p);
            k2_avro_put_long(out, ends[p]);
        }
        free(ends);
        K2_TRY(rc);
    }
    k2_avro_put_long(out, 0);
    return K2_OK;
}

int checkpoint_save(struct journal *j, const struct seq_engine *engine, struct k2_err *err) {
    struct journal_topic topic;
    uint32_t id;
    K2_TRY(journal_topic(j, TOPIC, true, &topic, err));
    K2_TRY(k2_registry_register(journal_registry(j), K2_SV("k2.sequence-value"), k2_sv_of(schema),
                                &id, err));
    struct k2_buf state = {0};
    seq_engine_save(engine, KEEP_DATES, &state);
    struct k2_buf *out = journal_record_begin(j, topic.id, 0, K2_SV("sequence"));
    k2_wire_put_header(out, id);
    int rc = put_ends(j, out, err);
    if (rc == K2_OK) {
        k2_avro_put_bytes(out, k2_buf_view(&state));
        journal_record_end(j, k2_now_ns());
        rc = journal_commit(j, err);
    } else {
        journal_record_abort(j);
    }
    k2_buf_free(&state);
    return rc;
}

/* --- restoring --- */

/* The end that the checkpoint gives for a partition; 0 when it gives none. */
struct ends {
    struct k2_sv bytes;
};

static bool next_end(struct k2_sv *in, int64_t *left, struct k2_sv *topic, int64_t *partition,
                     int64_t *end) {
    if (*left == 0 && (!k2_avro_get_long(in, left) || *left == 0))
        return false;
    --*left;
    return k2_avro_get_bytes(in, topic) && k2_avro_get_long(in, partition) &&
           k2_avro_get_long(in, end);
}

static int64_t end_of(struct ends ends, const char *name, int32_t p) {
    struct k2_sv topic;
    int64_t left = 0, partition, end;
    while (next_end(&ends.bytes, &left, &topic, &partition, &end))
        if (partition == p && k2_sv_eq(topic, k2_sv_of(name)))
            return end;
    return 0;
}

/* Judges again what was accepted after the checkpoint; its verdicts were acted on then. */
static K2_RC replay_batches(struct journal_reader *r, struct k2_decoder *d, struct k2_interner *in,
                            struct seq_engine *engine, struct k2_err *err) {
    struct seq_item *items = k2_alloc(REPLAY_BATCH * sizeof *items);
    struct journal_batch b;
    int got, rc = K2_OK;
    while (rc == K2_OK && (got = journal_next(r, &b, err)) != 0) {
        if (got < 0) {
            rc = got;
            break;
        }
        struct journal_record record;
        size_t cursor = 0, n = 0;
        while (rc == K2_OK && journal_batch_next(&b, &cursor, &record)) {
            struct k2_event e;
            rc = k2_decode(d, record.value, &e, err);
            if (rc == K2_OK)
                items[n++] = item_of_event(&e, in);
            if (n == REPLAY_BATCH) {
                rc = seq_judge(engine, items, n, err);
                n = 0;
            }
        }
        if (rc == K2_OK)
            rc = seq_judge(engine, items, n, err);
    }
    free(items);
    return rc;
}

static K2_RC replay_topic(struct journal *j, const struct journal_topic *t, struct ends ends,
                          struct seq_engine *engine, struct k2_err *err) {
    int64_t *starts = k2_alloc((size_t)t->partitions * sizeof *starts);
    struct journal_span *spans = k2_alloc((size_t)t->partitions * sizeof *spans);
    int rc = journal_starts(j, t->id, starts, err);
    for (int32_t p = 0; rc == K2_OK && p < t->partitions; p++) {
        int64_t from = end_of(ends, t->name, p);
        spans[p] = (struct journal_span){t->id, p, from > starts[p] ? from : starts[p], INT64_MAX};
    }
    struct journal_reader *r = NULL;
    if (rc == K2_OK)
        rc = journal_read(j, spans, t->partitions, &r, err);
    if (rc == K2_OK) {
        struct k2_interner *in = k2_interner_new();
        struct k2_decoder *d = k2_decoder_new(k2_kind_by_topic(k2_sv_of(t->name)), in,
                                              k2_registry_source(journal_registry(j)));
        rc = replay_batches(r, d, in, engine, err);
        k2_decoder_free(d);
        k2_interner_free(in);
    }
    journal_reader_close(r);
    free(starts);
    free(spans);
    return rc;
}

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

/* The value of the last record of the topic; out stays empty when there is none. */
static K2_RC last_record(struct journal *j, struct k2_buf *out, struct k2_err *err) {
    struct journal_topic t;
    int rc = journal_topic(j, TOPIC, false, &t, err);
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

static K2_RC restore_state(struct k2_sv value, struct seq_engine *engine, struct ends *ends,
                           struct k2_err *err) {
    if (value.n == 0)
        return K2_OK;
    uint32_t id;
    K2_TRY(k2_wire_schema_id(value, &id, err));
    struct k2_sv in = {value.p + K2_WIRE_HEADER, value.n - K2_WIRE_HEADER}, topic, state;
    ends->bytes = in;
    int64_t left = 0, partition, end;
    while (next_end(&in, &left, &topic, &partition, &end))
        ;
    if (!k2_avro_get_bytes(&in, &state) || in.n != 0)
        return k2_fail(err, K2_E_CORRUPT, "the last record of topic k2.sequence breaks its schema");
    return seq_engine_restore(engine, state, err);
}

int checkpoint_restore(struct journal *j, struct seq_engine *engine, struct k2_err *err) {
    struct k2_buf value = {0};
    struct ends ends = {0};
    int rc = last_record(j, &value, err);
    if (rc == K2_OK)
        rc = restore_state(k2_buf_view(&value), engine, &ends, err);
    for (int32_t i = 0; rc == K2_OK && i < journal_topic_count(j); i++) {
        struct journal_topic t = journal_topic_at(j, i);
        const struct k2_kind *kind = k2_kind_by_topic(k2_sv_of(t.name));
        if (kind && kind->id != K2_KIND_QUARANTINE)
            rc = replay_topic(j, &t, ends, engine, err);
    }
    k2_buf_free(&value);
    return rc;
}
