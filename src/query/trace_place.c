/* query/trace_place.c - where a row stands: its record in the journal, its place in a data file, and the
 * snapshots that hold it.
 */
#include "query/text.h"
#include "query/trace_int.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>

/* --- the record --- */

static bool holds(const struct journal_segment_info *s, int32_t topic, int32_t partition,
                  int64_t offset) {
    for (int i = 0; i < s->span_count; i++) {
        const struct journal_span *span = &s->spans[i];
        if (span->topic == topic && span->partition == partition && span->from <= offset &&
            offset < span->to)
            return true;
    }
    return false;
}

static void take_digest(struct trace_journal *out, const struct journal_segment_info *s,
                        enum k2_kind_id kind, const struct trace_facts *f) {
    for (int i = 0; i < s->digest_count; i++) {
        const struct journal_digest *d = &s->digests[i];
        if (d->kind == kind && d->trade_date == f->trade_date &&
            k2_sv_eq(k2_sv_of(d->exchange), f->exchange) &&
            k2_sv_eq(k2_sv_of(d->symbol), f->symbol)) {
            out->digested = true;
            out->digest = *d;
        }
    }
}

/* One of the live or removed segments. */
typedef int segment_at(struct journal *j, int index, struct journal_segment_info *out,
                       struct k2_err *err);

static int find_segment(struct trace *t, int32_t topic, const struct trace_facts *f, int count,
                        segment_at *at, struct k2_err *err) {
    struct trace_journal *out = &t->report->journal;
    for (int i = 0; i < count && out->segment < 0; i++) {
        struct journal_segment_info s;
        K2_TRY(at(t->journal, i, &s, err));
        if (!holds(&s, topic, f->partition, f->offset))
            continue;
        out->segment = s.number;
        out->sealed = s.sealed;
        take_digest(out, &s, t->report->rows[0].event.kind, f);
    }
    return K2_OK;
}

/* Reads the record itself and compares it with the row. */
static int take_record(struct trace *t, int32_t topic, const struct trace_facts *f,
                       struct k2_err *err) {
    struct trace_journal *out = &t->report->journal;
    const struct trace_row *row = &t->report->rows[0];
    const struct journal_span span = {topic, f->partition, f->offset, f->offset + 1};
    struct journal_reader *r;
    struct journal_batch b;
    struct journal_record record;
    struct k2_event e;
    size_t cursor = 0;
    K2_TRY(journal_read(t->journal, &span, 1, &r, err));
    struct k2_decoder *d = k2_decoder_new(k2_kind(row->event.kind), t->report->in,
                                          k2_registry_source(journal_registry(t->journal)));
    int got = journal_next(r, &b, err);
    int rc = got < 0 ? got : K2_OK;
    if (got > 0 && journal_batch_next(&b, &cursor, &record)) {
        out->append_ns = b.append_ns;
        out->bytes = (int64_t)record.value.n;
        rc = k2_wire_schema_id(record.value, &out->schema_id, err);
        if (rc == K2_OK)
            rc = trace_decode(t, d, &b, &record, &e, err);
        out->compared = rc == K2_OK && row->in_table;
        if (out->compared)
            out->same = k2_h128_cmp(k2_full_hash(&e, t->report->in),
                                    k2_full_hash(&row->event, t->report->in)) == 0;
    }
    k2_decoder_free(d);
    journal_reader_close(r);
    return rc;
}

static int first_kept(struct journal *j, const struct journal_topic *topic, int32_t partition,
                      int64_t *out, struct k2_err *err) {
    int64_t *starts = k2_zalloc((size_t)topic->partitions * sizeof *starts);
    int rc = journal_starts(j, topic->id, starts, err);
    *out = starts[partition];
    free(starts);
    return rc;
}

static int place_in(struct trace *t, const struct journal_topic *topic, const struct trace_facts *f,
                    struct k2_err *err) {
    struct trace_journal *out = &t->report->journal;
    int64_t start;
    K2_TRY(first_kept(t->journal, topic, f->partition, &start, err));
    if (f->offset < start) {
        out->state = TRACE_REMOVED;
        return find_segment(t, topic->id, f, journal_removed_count(t->journal), journal_removed,
                            err);
    }
    out->state = TRACE_KEPT;
    K2_TRY(find_segment(t, topic->id, f, journal_segment_count(t->journal), journal_segment, err));
    return take_record(t, topic->id, f, err);
}

int trace_place_record(struct trace *t, struct k2_err *err) {
    const struct k2_event *e = &t->report->rows[0].event;
    struct trace_facts f = trace_facts_of(e, t->report->in);
    struct trace_journal *out = &t->report->journal;
    struct k2_buf name = {0};
    struct journal_topic topic;
    *out = (struct trace_journal){.state = TRACE_FOREIGN,
                                  .segment = -1,
                                  .partition = f.partition,
                                  .append_ns = f.ingest_us * K2_NS_PER_US};
    k2_topic_name(k2_kind(e->kind), f.exchange, &name);
    snprintf(out->topic, sizeof out->topic, "%s", k2_buf_cstr(&name));
    bool ours = t->journal && f.journal == journal_id(t->journal) &&
                journal_place(t->journal, k2_buf_view(&name), f.partition, &topic, &f.partition,
                              NULL) == K2_OK;
    k2_buf_free(&name);
    if (!ours)
        return K2_OK;
    snprintf(out->topic, sizeof out->topic, "%s", topic.name);
    out->partition = f.partition;
    return place_in(t, &topic, &f, err);
}

/* --- the data file --- */

static void put_files(struct k2_buf *sql, const struct lake_plan *plan) {
    k2_buf_str(sql, "SELECT filename, file_row_number FROM read_parquet([");
    for (int i = 0; i < plan->file_count; i++) {
        k2_buf_str(sql, i ? ", " : "");
        query_text_literal(sql, k2_sv_of(plan->files[i].path));
    }
    k2_buf_str(sql, "], hive_partitioning=false, union_by_name=true, filename=true, "
                    "file_row_number=true)");
}

/* The first row of a statement of ours; *n = 0 when it gives none. Ends with *stmt and *result to free. */
static int first_chunk(struct duck *d, const char *sql, struct duck_stmt **stmt,
                       struct duck_result **result, uint64_t *n, const struct duck_vector **v,
                       struct k2_err *err) {
    *result = NULL;
    K2_TRY(duck_prepare(d, sql, stmt, err));
    int rc = duck_execute(*stmt, result, err);
    return rc == K2_OK ? duck_next(*result, n, v, err) : rc;
}

/* The row's file and number in it. */
static int ask_file(struct trace *t, const struct lake_plan *plan, const struct trace_facts *f,
                    struct k2_err *err) {
    struct trace_table *out = &t->report->table;
    struct k2_buf sql = {0};
    struct duck_stmt *stmt = NULL;
    struct duck_result *result = NULL;
    const struct duck_vector *v;
    uint64_t n = 0;
    put_files(&sql, plan);
    k2_buf_printf(&sql,
                  " WHERE journal_id = %d AND journal_partition = %d AND journal_offset = %" PRId64
                  " AND exchange_sequence_number = %" PRId64,
                  f->journal, f->partition, f->offset, f->sequence);
    int rc = first_chunk(t->engine->duck, k2_buf_cstr(&sql), &stmt, &result, &n, &v, err);
    if (rc == K2_OK && n > 0) {
        out->file = k2_sv_dup(duck_string(&v[0], 0));
        out->row = (int64_t)query_value_integer(&v[1], 0);
    }
    duck_result_free(result);
    duck_stmt_free(stmt);
    k2_buf_free(&sql);
    return rc;
}

static void count_group(struct trace_table *out, int64_t rows, int64_t *before) {
    if (out->row >= *before && out->row < *before + rows)
        out->row_group = out->row_groups;
    out->row_groups++;
    *before += rows;
}

/* Which row group of the file the row is in. */
static int ask_row_group(struct trace *t, struct k2_err *err) {
    struct trace_table *out = &t->report->table;
    struct k2_buf sql = {0};
    struct duck_stmt *stmt = NULL;
    struct duck_result *result = NULL;
    const struct duck_vector *v;
    uint64_t n = 0;
    int64_t before = 0;
    k2_buf_str(&sql, "SELECT any_value(row_group_num_rows) FROM parquet_metadata(");
    query_text_literal(&sql, k2_sv_of(out->file));
    k2_buf_str(&sql, ") GROUP BY row_group_id ORDER BY row_group_id");
    int rc = first_chunk(t->engine->duck, k2_buf_cstr(&sql), &stmt, &result, &n, &v, err);
    while (rc == K2_OK && n > 0) {
        for (uint64_t i = 0; i < n; i++)
            count_group(out, (int64_t)query_value_integer(&v[0], i), &before);
        rc = duck_next(result, &n, &v, err);
    }
    duck_result_free(result);
    duck_stmt_free(stmt);
    k2_buf_free(&sql);
    return rc;
}

static int find_file(struct trace *t, const struct lake_table *table, const struct k2_kind *kind,
                     const struct trace_facts *f, struct k2_err *err) {
    struct trace_table *out = &t->report->table;
    k2_i128 date = f->trade_date, sequence = f->sequence;
    const struct lake_filter filters[] = {
        {.field_id = kind->fields[k2_field_by_name(kind, K2_SV("trade_date"))].id,
         .op = LAKE_EQ,
         .numbers = &date,
         .count = 1},
        {.field_id = kind->fields[k2_field_by_name(kind, K2_SV("exchange_sequence_number"))].id,
         .op = LAKE_EQ,
         .numbers = &sequence,
         .count = 1}};
    struct lake_plan plan;
    K2_TRY(lake_plan(table, 0, filters, 2, &plan, err));
    int rc = plan.file_count > 0 ? ask_file(t, &plan, f, err) : K2_OK;
    for (int i = 0; i < plan.file_count && out->file; i++) {
        if (strcmp(plan.files[i].path, out->file) == 0) {
            out->file_rows = plan.files[i].rows;
            out->file_bytes = plan.files[i].bytes;
        }
    }
    lake_plan_free(&plan);
    return rc == K2_OK && out->file ? ask_row_group(t, err) : rc;
}

/* --- the snapshots --- */

static int covers(const struct lake_table *table, int64_t snapshot, const char *topic,
                  int32_t partition, const struct trace_facts *f, bool *yes, struct k2_err *err) {
    struct lake_offsets o;
    K2_TRY(lake_snapshot_offsets(table, snapshot, &o, err));
    *yes = o.journal_id == f->journal && lake_offsets_get(&o, topic, partition) > f->offset;
    lake_offsets_free(&o);
    return K2_OK;
}

/* Index of the snapshot with this id before `before`, which is nearly always the last; -1 = gone. */
static int index_of(const struct lake_table *table, int before, int64_t id) {
    int i = before - 1;
    while (i >= 0 && lake_snapshot_at(table, i).id != id)
        i--;
    return i;
}

/* A snapshot contains the row when its vector covers it or its parent contains it: the vector names
 * only the journal that was written last. */
static int count_snapshots(struct trace *t, const struct lake_table *table,
                           const struct trace_facts *f, struct k2_err *err) {
    struct trace_table *out = &t->report->table;
    out->snapshots = lake_table_info(table).snapshot_count;
    out->current = lake_table_info(table).current_snapshot;
    bool *contains = k2_zalloc((size_t)out->snapshots + 1);
    int rc = K2_OK;
    for (int i = 0; rc == K2_OK && i < out->snapshots; i++) {
        struct lake_snapshot s = lake_snapshot_at(table, i);
        int parent = index_of(table, i, s.parent);
        contains[i] = parent >= 0 && contains[parent];
        if (!contains[i])
            rc = covers(table, s.id, t->report->journal.topic, t->report->journal.partition, f,
                        &contains[i], err);
        if (!contains[i] || out->holding++ > 0)
            continue;
        out->brought = s.id;
        out->brought_ms = s.timestamp_ms;
        out->older_gone = s.parent > 0 && parent < 0;
    }
    free(contains);
    return rc;
}

int trace_place_row(struct trace *t, struct k2_err *err) {
    const struct k2_kind *kind = k2_kind(t->report->rows[0].event.kind);
    struct trace_facts f = trace_facts_of(&t->report->rows[0].event, t->report->in);
    struct lake_table *table;
    if (!t->report->rows[0].in_table)
        return K2_OK;
    K2_TRY(lake_table_load(t->engine->lake, k2_sv_of(kind->table), &table, err));
    int rc = find_file(t, table, kind, &f, err);
    if (rc == K2_OK)
        rc = count_snapshots(t, table, &f, err);
    lake_table_free(table);
    return rc;
}
