/* query/trace_find.c - from an id to the rows it names: in the tables by SQL, which is pruned by date and
 * bounds, then in the records that no table holds yet, segment by segment, pruned by digests.
 */
#include "query/text.h"
#include "query/trace_int.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>

/* --- the tables --- */

int trace_each_row(struct trace *t, const struct k2_kind *kind, const char *where, int most,
                   void (*row)(void *ctx, const struct k2_event *e), void *ctx,
                   struct k2_err *err) {
    struct query_rows *rows;
    struct k2_columns c;
    struct lake_table *table;
    int rc = lake_table_load(t->engine->lake, k2_sv_of(kind->table), &table, NULL);
    if (rc == K2_E_NOTFOUND)
        return K2_OK;
    lake_table_free(rc == K2_OK ? table : NULL);
    K2_TRY(query_rows_open(t->engine, kind, NULL, where, t->report->in, &rows, err));
    k2_columns_init(&c, kind, (size_t)most);
    rc = query_rows_next(rows, &c, err);
    for (size_t i = 0; rc == K2_OK && i < c.n; i++) {
        struct k2_event e;
        memset(&e, 0, sizeof e);
        k2_columns_get(&c, i, &e);
        row(ctx, &e);
    }
    k2_columns_free(&c);
    query_rows_close(rows);
    return rc;
}

static void put_text(struct k2_buf *sql, const char *column, const char *value) {
    k2_buf_printf(sql, " AND %s = ", column);
    query_text_literal(sql, k2_sv_of(value));
}

static void put_condition(struct k2_buf *sql, const struct trace_id *id) {
    k2_buf_printf(sql, "exchange_sequence_number = %" PRId64, id->sequence);
    put_text(sql, "exchange", id->exchange);
    if (id->symbol)
        put_text(sql, "symbol", id->symbol);
    if (!id->channel)
        return;
    char date[K2_DATE_TEXT];
    k2_date_format(id->trade_date, date);
    put_text(sql, "channel", id->channel);
    k2_buf_printf(sql, " AND trade_date = DATE '%s' AND epoch = %d AND part = %d", date, id->epoch,
                  id->part);
}

/* --- the journal --- */

int trace_decode(struct trace *t, struct k2_decoder *d, const struct journal_batch *b,
                 const struct journal_record *record, struct k2_event *e, struct k2_err *err) {
    memset(e, 0, sizeof *e);
    K2_TRY(k2_decode(d, record->value, e, err));
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        e->name.exchange_timestamp = k2_floor_us(e->name.exchange_timestamp_ns);                   \
        e->name.ingest_timestamp = k2_floor_us(b->append_ns);                                      \
        e->name.journal_id = journal_id(t->journal);                                               \
        e->name.journal_partition = b->row_partition;                                              \
        e->name.journal_offset = record->offset;                                                   \
        break;
#include "codec/kinds.def"
#undef K2_KIND
    case K2_KIND_COUNT:
        break;
    }
    return K2_OK;
}

struct scan {
    struct trace *trace;
    const struct k2_kind *kind;
    const struct trace_id *id;
    struct k2_interner *scratch;
    struct k2_decoder *quick, *keep; /* into the scratch interner, into the report's */
    int64_t *from, *ends;            /* of each partition of the topic */
    bool (*wanted)(void *ctx, const struct k2_event *e, const struct k2_interner *in);
    void (*row)(void *ctx, const struct k2_event *e);
    void *ctx;
};

static int scan_batch(struct scan *s, const struct journal_batch *b, struct k2_err *err) {
    struct journal_record record;
    struct k2_event e;
    for (size_t cursor = 0; journal_batch_next(b, &cursor, &record);) {
        s->trace->report->looked_at++;
        K2_TRY(trace_decode(s->trace, s->quick, b, &record, &e, err));
        if (!s->wanted(s->ctx, &e, s->scratch))
            continue;
        K2_TRY(trace_decode(s->trace, s->keep, b, &record, &e, err));
        s->row(s->ctx, &e);
    }
    k2_interner_reset(s->scratch);
    return K2_OK;
}

static int scan_span(struct scan *s, const struct journal_span *span, struct k2_err *err) {
    struct journal_reader *r;
    struct journal_batch b;
    int got;
    K2_TRY(journal_read(s->trace->journal, span, 1, &r, err));
    while ((got = journal_next(r, &b, err)) > 0) {
        int rc = scan_batch(s, &b, err);
        if (rc != K2_OK) {
            got = rc;
            break;
        }
    }
    journal_reader_close(r);
    return got;
}

/* Whether a sealed segment's digests leave it open that it holds the row. */
static bool may_hold(const struct scan *s, const struct journal_segment_info *segment) {
    if (!segment->sealed || !s->id)
        return true;
    for (int i = 0; i < segment->digest_count; i++) {
        const struct journal_digest *d = &segment->digests[i];
        if (d->kind == s->kind->id && s->id->sequence >= d->min_sequence &&
            s->id->sequence <= d->max_sequence && strcmp(d->exchange, s->id->exchange) == 0 &&
            (!s->id->channel || d->trade_date == s->id->trade_date) &&
            (!s->id->symbol || strcmp(d->symbol, s->id->symbol) == 0))
            return true;
    }
    return false;
}

static int scan_segment(struct scan *s, int32_t topic, const struct journal_segment_info *segment,
                        struct k2_err *err) {
    for (int i = 0; i < segment->span_count; i++) {
        struct journal_span span = segment->spans[i];
        if (span.topic != topic)
            continue;
        if (span.from < s->from[span.partition])
            span.from = s->from[span.partition];
        if (span.to > s->ends[span.partition])
            span.to = s->ends[span.partition];
        if (span.from < span.to)
            K2_TRY(scan_span(s, &span, err));
    }
    return K2_OK;
}

static int scan_segments(struct scan *s, int32_t topic, struct k2_err *err) {
    for (int i = 0; i < journal_segment_count(s->trace->journal); i++) {
        struct journal_segment_info segment;
        K2_TRY(journal_segment(s->trace->journal, i, &segment, err));
        if (may_hold(s, &segment))
            K2_TRY(scan_segment(s, topic, &segment, err));
    }
    return K2_OK;
}

/* Where the part begins that the kind's table does not hold. */
static int find_begin(struct scan *s, const struct journal_topic *topic, struct k2_err *err) {
    struct lake_offsets committed = {0};
    struct lake_table *table;
    struct trace *t = s->trace;
    K2_TRY(journal_starts(t->journal, topic->id, s->from, err));
    K2_TRY(journal_ends(t->journal, topic->id, s->ends, err));
    if (!t->engine ||
        lake_table_load(t->engine->lake, k2_sv_of(s->kind->table), &table, NULL) != K2_OK)
        return K2_OK;
    int rc = lake_table_offsets(table, &committed, err);
    for (int32_t p = 0; rc == K2_OK && p < topic->partitions; p++) {
        int64_t done = lake_offsets_get(&committed, topic->name, p);
        if (committed.journal_id == journal_id(t->journal) && done > s->from[p])
            s->from[p] = done;
    }
    lake_offsets_free(&committed);
    lake_table_free(table);
    return rc;
}

static int scan_topic(struct scan *s, const struct journal_topic *topic, struct k2_err *err) {
    size_t size = (size_t)topic->partitions * sizeof(int64_t);
    s->from = k2_zalloc(size);
    s->ends = k2_zalloc(size);
    int rc = find_begin(s, topic, err);
    bool any = false;
    for (int32_t p = 0; rc == K2_OK && p < topic->partitions; p++)
        any |= s->from[p] < s->ends[p];
    if (rc == K2_OK && any)
        rc = scan_segments(s, topic->id, err);
    free(s->from);
    free(s->ends);
    return rc;
}

static bool is_topic_of(const struct journal_topic *topic, const struct k2_kind *kind,
                        const struct trace_id *id) {
    if (k2_kind_by_topic(k2_sv_of(topic->name)) != kind)
        return false;
    if (!id || !k2_exchange_ok(k2_sv_of(id->exchange)))
        return !id;
    struct k2_buf name = {0};
    k2_topic_name(kind, k2_sv_of(id->exchange), &name);
    bool same = k2_sv_eq(k2_buf_view(&name), topic->of);
    k2_buf_free(&name);
    return same;
}

int trace_each_record(struct trace *t, const struct k2_kind *kind, const struct trace_id *id,
                      bool (*wanted)(void *ctx, const struct k2_event *e,
                                     const struct k2_interner *in),
                      void (*row)(void *ctx, const struct k2_event *e), void *ctx,
                      struct k2_err *err) {
    struct scan s = {.trace = t, .kind = kind, .id = id, .wanted = wanted, .row = row, .ctx = ctx};
    struct k2_schema_source schemas = k2_registry_source(journal_registry(t->journal));
    s.scratch = k2_interner_new();
    s.quick = k2_decoder_new(kind, s.scratch, schemas);
    s.keep = k2_decoder_new(kind, t->report->in, schemas);
    int rc = K2_OK;
    for (int32_t i = 0; rc == K2_OK && i < journal_topic_count(t->journal); i++) {
        struct journal_topic topic = journal_topic_at(t->journal, i);
        if (is_topic_of(&topic, kind, id))
            rc = scan_topic(&s, &topic, err);
    }
    k2_decoder_free(s.quick);
    k2_decoder_free(s.keep);
    k2_interner_free(s.scratch);
    return rc;
}

/* --- both --- */

static void add_row(struct trace_report *r, const struct k2_event *e, bool in_table) {
    if (r->row_count == TRACE_ROWS)
        return;
    r->rows = k2_realloc(r->rows, (size_t)(r->row_count + 1) * sizeof *r->rows);
    r->rows[r->row_count++] = (struct trace_row){*e, in_table};
}

static void take_table_row(void *ctx, const struct k2_event *e) {
    struct trace *t = ctx;
    add_row(t->report, e, true);
}

static void take_record(void *ctx, const struct k2_event *e) {
    struct trace *t = ctx;
    add_row(t->report, e, false);
}

static bool is_named(void *ctx, const struct k2_event *e, const struct k2_interner *in) {
    const struct trace_id *id = ((struct trace *)ctx)->id;
    struct trace_facts f = trace_facts_of(e, in);
    if (f.sequence != id->sequence || !k2_sv_eq(f.exchange, k2_sv_of(id->exchange)))
        return false;
    if (!id->channel)
        return k2_sv_eq(f.symbol, k2_sv_of(id->symbol));
    return f.trade_date == id->trade_date && f.epoch == id->epoch && f.part == id->part &&
           k2_sv_eq(f.channel, k2_sv_of(id->channel));
}

static int find_kind(struct trace *t, const struct k2_kind *kind, struct k2_err *err) {
    if (t->engine) {
        struct k2_buf where = {0};
        put_condition(&where, t->id);
        int rc = trace_each_row(t, kind, k2_buf_cstr(&where), TRACE_ROWS, take_table_row, t, err);
        k2_buf_free(&where);
        K2_TRY(rc);
    }
    return t->journal ? trace_each_record(t, kind, t->id, is_named, take_record, t, err) : K2_OK;
}

int trace_find(struct trace *t, struct k2_err *err) {
    for (int i = 0; i < K2_KIND_COUNT; i++) {
        const struct k2_kind *kind = k2_kind((enum k2_kind_id)i);
        if (t->id->kind ? t->id->kind == kind : kind->id != K2_KIND_QUARANTINE)
            K2_TRY_CTX(find_kind(t, kind, err), err, "looking for it in %s", kind->table);
    }
    return K2_OK;
}
