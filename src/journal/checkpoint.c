/* journal/checkpoint.c - see checkpoint.h. */
#include "journal/checkpoint.h"

#include "journal/last_record.h"
#include "journal/ledger.h"
#include "journal/passed.h"

#include "base/clock.h"

#include <stdlib.h>

#define TOPIC K2_SV("k2.sequence")

/* Session dates of each exchange whose channels stay in memory; older ones are looked up in the log. */
enum { KEEP_DATES = 10 };

static const char schema[] =
    "{\"type\":\"record\",\"name\":\"sequence_checkpoint\",\"namespace\":\"k2\",\"fields\":["
    "{\"name\":\"ends\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\","
    "\"name\":\"partition_end\",\"fields\":[{\"name\":\"topic\",\"type\":\"string\"},"
    "{\"name\":\"partition\",\"type\":\"int\"},{\"name\":\"end\",\"type\":\"long\"}]}}},"
    "{\"name\":\"state\",\"type\":\"bytes\"}]}";

/* Whose records the engine judges. */
static bool is_judged(const char *topic) {
    const struct k2_kind *kind = k2_kind_by_topic(k2_sv_of(topic));
    return kind ? seq_judges(kind->id) : strcmp(topic, PASSED_TOPIC) == 0;
}

/* --- saving --- */

static K2_RC put_ends(struct journal *j, struct k2_buf *out, struct k2_err *err) {
    for (int32_t i = 0; i < journal_topic_count(j); i++) {
        struct journal_topic t = journal_topic_at(j, i);
        if (!is_judged(t.name))
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

/* The log behind the checkpoint, judged again; its verdicts were acted on then. */
struct replay {
    struct journal *journal;
    struct seq_engine *engine;
    struct k2_interner *interner;
    struct k2_decoder *decoders[K2_KIND_COUNT];
    struct seq_item *items;
    size_t count, cap;
    struct seq_step *steps; /* of gaps, that the log tells */
    size_t step_count, step_cap;
    int64_t append_ns; /* of the write that all these came from */
};

/* A quarantined record used up a number, if it was numbered: no gap, and nothing that can conflict. */
static bool item_of_quarantine(const struct k2_event *e, const struct k2_interner *in,
                               struct seq_item *out) {
    const struct k2_quarantine *q = &e->quarantine;
    const struct k2_kind *k = k2_kind_by_name(k2_interned(in, q->event_kind));
    int64_t flags = q->event_flags == K2_NULL_LONG ? 0 : q->event_flags;
    *out = (struct seq_item){.exchange = k2_interned(in, q->exchange),
                             .channel = k2_interned(in, q->event_channel),
                             .kind = seq_kind_of(k ? k->id : K2_KIND_TRADE, flags),
                             .trade_date = q->trade_date,
                             .epoch = q->event_epoch == K2_NULL_LONG ? 0 : (int32_t)q->event_epoch,
                             .sequence = q->event_sequence,
                             .span = flags & K2_FLAG_SPAN ? INT64_MAX : 0,
                             .time_ns = K2_NULL_LONG,
                             .raw_offset = K2_NULL_LONG,
                             .consumed_only = true};
    return q->event_channel != 0 && q->event_sequence != K2_NULL_LONG && (!k || seq_judges(k->id));
}

static int by_sequence(const void *pa, const void *pb) {
    const struct seq_item *a = pa, *b = pb;
    if (a->epoch != b->epoch)
        return a->epoch < b->epoch ? -1 : 1;
    if (a->sequence != b->sequence)
        return a->sequence < b->sequence ? -1 : 1;
    return (a->part > b->part) - (a->part < b->part);
}

/* A channel's events may lie in several partitions, which a write puts one behind the other: in order of
 * their numbers again, they leave no gaps that there were not. The steps of gaps are told behind them. */
static K2_RC judge_write(struct replay *r, struct k2_err *err) {
    if (r->count)
        qsort(r->items, r->count, sizeof *r->items, by_sequence);
    int rc = seq_judge(r->engine, r->items, r->count, err);
    for (size_t i = 0; rc == K2_OK && i < r->step_count; i++)
        seq_engine_told(r->engine, &r->steps[i]);
    r->count = r->step_count = 0;
    k2_interner_reset(r->interner);
    return rc;
}

static void keep_item(struct replay *r, const struct seq_item *item) {
    if (r->count == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 4096;
        r->items = k2_realloc(r->items, r->cap * sizeof *r->items);
    }
    r->items[r->count++] = *item;
}

static void keep_step(struct replay *r, const struct k2_event *e) {
    if (r->step_count == r->step_cap) {
        r->step_cap = r->step_cap ? 2 * r->step_cap : 64;
        r->steps = k2_realloc(r->steps, r->step_cap * sizeof *r->steps);
    }
    r->step_count += ledger_step(e, r->interner, &r->steps[r->step_count]);
}

static void put_item(void *ctx, const struct seq_item *item) {
    keep_item(ctx, item);
}

static K2_RC replay_record(struct replay *r, const struct k2_kind *kind, struct k2_sv value,
                           struct k2_err *err) {
    struct k2_event e;
    struct seq_item item;
    if (!kind)
        return passed_read(value, r->interner, put_item, r, err);
    K2_TRY(k2_decode(r->decoders[kind->id], value, &e, err));
    if (kind->id == K2_KIND_GAP) {
        keep_step(r, &e);
        return K2_OK;
    }
    if (kind->id != K2_KIND_QUARANTINE) {
        item = seq_item_of(&e, r->interner);
        item.time_ns = e.head.exchange_timestamp_ns;
        item.raw_offset = k2_event_raw_offset(&e);
    } else if (!item_of_quarantine(&e, r->interner, &item)) {
        return K2_OK;
    }
    keep_item(r, &item);
    return K2_OK;
}

static K2_RC replay_batches(struct replay *r, struct journal_reader *reader, struct k2_err *err) {
    struct journal_batch b;
    int got;
    while ((got = journal_next(reader, &b, err)) > 0) {
        if (b.append_ns != r->append_ns)
            K2_TRY(judge_write(r, err));
        r->append_ns = b.append_ns;
        const struct k2_kind *kind =
            k2_kind_by_topic(k2_sv_of(journal_topic_at(r->journal, b.topic).name));
        struct journal_record record;
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record);)
            K2_TRY(replay_record(r, kind, record.value, err));
    }
    return got < 0 ? got : judge_write(r, err);
}

/* Adds the topic's partitions behind the checkpoint. */
static K2_RC add_spans(struct journal *j, const struct journal_topic *t, struct ends ends,
                       struct journal_span **spans, int *n, struct k2_err *err) {
    int64_t *starts = k2_alloc((size_t)t->partitions * sizeof *starts);
    int rc = journal_starts(j, t->id, starts, err);
    *spans = k2_realloc(*spans, (size_t)(*n + t->partitions) * sizeof **spans);
    for (int32_t p = 0; rc == K2_OK && p < t->partitions; p++) {
        int64_t from = end_of(ends, t->name, p);
        (*spans)[(*n)++] =
            (struct journal_span){t->id, p, from > starts[p] ? from : starts[p], INT64_MAX};
    }
    free(starts);
    return rc;
}

static K2_RC replay_spans(struct journal *j, const struct journal_span *spans, int n,
                          struct seq_engine *engine, struct k2_err *err) {
    struct replay r = {.journal = j, .engine = engine, .interner = k2_interner_new()};
    for (int i = 0; i < K2_KIND_COUNT; i++)
        r.decoders[i] = k2_decoder_new(k2_kind((enum k2_kind_id)i), r.interner,
                                       k2_registry_source(journal_registry(j)));
    struct journal_reader *reader = NULL;
    int rc = journal_read(j, spans, n, &reader, err);
    if (rc == K2_OK)
        rc = replay_batches(&r, reader, err);
    journal_reader_close(reader);
    for (int i = 0; i < K2_KIND_COUNT; i++)
        k2_decoder_free(r.decoders[i]);
    k2_interner_free(r.interner);
    free(r.items);
    free(r.steps);
    return rc;
}

static K2_RC replay_log(struct journal *j, struct ends ends, struct seq_engine *engine,
                        struct k2_err *err) {
    struct journal_span *spans = NULL;
    int n = 0, rc = K2_OK;
    for (int32_t i = 0; rc == K2_OK && i < journal_topic_count(j); i++) {
        struct journal_topic t = journal_topic_at(j, i);
        if (is_judged(t.name))
            rc = add_spans(j, &t, ends, &spans, &n, err);
    }
    if (rc == K2_OK && n)
        rc = replay_spans(j, spans, n, engine, err);
    free(spans);
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

int checkpoint_last(struct journal *j, struct k2_buf *out, struct k2_err *err) {
    return last_record(j, TOPIC, out, err);
}

int64_t checkpoint_covers(const struct k2_buf *last, const char *topic, int32_t partition) {
    struct k2_sv value = k2_buf_view(last);
    if (!is_judged(topic))
        return INT64_MAX;
    if (value.n < K2_WIRE_HEADER)
        return 0;
    return end_of((struct ends){{value.p + K2_WIRE_HEADER, value.n - K2_WIRE_HEADER}}, topic,
                  partition);
}

int checkpoint_restore(struct journal *j, struct seq_engine *engine, struct k2_err *err) {
    struct k2_buf value = {0};
    struct ends ends = {0};
    int rc = last_record(j, TOPIC, &value, err);
    if (rc == K2_OK)
        rc = restore_state(k2_buf_view(&value), engine, &ends, err);
    seq_engine_replay(engine, true);
    if (rc == K2_OK)
        rc = replay_log(j, ends, engine, err);
    seq_engine_replay(engine, false);
    k2_buf_free(&value);
    return rc;
}
