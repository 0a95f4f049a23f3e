/* lake/sink_worker.c - see sink_worker.h. Memory is bounded by the rows of a set; strings are interned for one set and
 * then forgotten. */
#include "lake/sink_worker.h"
#include "lake/sort.h"

#include "base/clock.h"

#include <stdlib.h>

enum {
    ROW_GROUP_ROWS = 122880,
    MOST_STRING_BYTES = 64 << 20 /* of one set: strings that come once must not fill the memory */
};

/* The columns that the sink fills itself, by position in the kind's table. */
struct own_columns {
    int time_us, time_ns, ingest, journal, partition, offset;
};

struct sink_worker {
    const struct sink_plan *plan;
    struct journal_span *spans;
    int span_count;
    struct own_columns own;
    struct k2_interner *interner;
    struct k2_decoder *decoder;
    struct k2_columns rows;
    struct sort_order order;
    void *gathered[K2_MAX_FIELDS]; /* one row group of sorted values */
    bool same[K2_MAX_FIELDS];      /* the column has one value in all rows */
    struct journal_reader *reader;
    struct journal_batch batch; /* being consumed; count 0 = none */
    size_t cursor;
    bool ended;
    struct sink_set set; /* being made */
};

/* --- decoding --- */

static int need_field(const struct k2_kind *kind, const char *name) {
    int i = k2_field_by_name(kind, k2_sv_of(name));
    K2_ASSERT(i >= 0);
    return i;
}

static struct own_columns own_columns_of(const struct k2_kind *kind) {
    return (struct own_columns){.time_us = need_field(kind, "exchange_timestamp"),
                                .time_ns = need_field(kind, "exchange_timestamp_ns"),
                                .ingest = need_field(kind, "ingest_timestamp"),
                                .journal = need_field(kind, "journal_id"),
                                .partition = need_field(kind, "journal_partition"),
                                .offset = need_field(kind, "journal_offset")};
}

/* The sink's own columns of the rows from `first` on, which came from one batch. */
static void fill_own(struct sink_worker *w, size_t first, int64_t offset) {
    struct k2_columns *c = &w->rows;
    const int64_t *ns = c->col[w->own.time_ns];
    int64_t *us = c->col[w->own.time_us], *ingest = c->col[w->own.ingest];
    int64_t *offsets = c->col[w->own.offset];
    int32_t *journals = c->col[w->own.journal], *partitions = c->col[w->own.partition];
    int64_t now = k2_floor_us(w->batch.append_ns);
    int32_t journal = journal_id(w->plan->journal);
    for (size_t row = first; row < c->n; row++) {
        us[row] = k2_floor_us(ns[row]);
        ingest[row] = now;
        journals[row] = journal;
        partitions[row] = w->batch.row_partition;
        offsets[row] = offset++;
    }
}

/* Decodes the rest of the current batch, as far as there is room. */
static K2_RC decode_batch(struct sink_worker *w, struct k2_err *err) {
    struct journal_record r = {.offset = 0};
    const char *topic = journal_topic_at(w->plan->journal, w->batch.topic).name;
    size_t first = w->rows.n;
    while (w->rows.n < w->rows.cap) {
        if (!journal_batch_next(&w->batch, &w->cursor, &r)) {
            w->batch.count = 0;
            break;
        }
        K2_TRY_CTX(k2_decode_row(w->decoder, r.value, &w->rows, w->rows.n, err), err,
                   "topic %s partition %d offset %lld", topic, w->batch.partition,
                   (long long)r.offset);
        w->rows.n++;
    }
    if (w->rows.n > first) {
        int64_t end = r.offset + 1;
        fill_own(w, first, end - (int64_t)(w->rows.n - first));
        if (w->batch.append_ns < w->set.oldest_ns)
            w->set.oldest_ns = w->batch.append_ns;
        lake_offsets_set(&w->set.ends, topic, w->batch.partition, end);
    }
    return K2_OK;
}

/* Everything before the spans' ends was read: what had no record there (journal.h, Kafka's markers) is done too. */
static void reach_ends(struct sink_worker *w) {
    for (int i = 0; i < w->span_count; i++) {
        const struct journal_span *span = &w->spans[i];
        lake_offsets_set(&w->set.ends, journal_topic_at(w->plan->journal, span->topic).name,
                         span->partition, span->to);
    }
    w->ended = true;
}

/* Gathers the rows of one set, or those that are left before the spans' ends. */
static K2_RC gather(struct sink_worker *w, struct k2_err *err) {
    int64_t start = k2_monotonic_ns();
    w->rows.n = 0;
    while (w->rows.n < w->rows.cap &&
           (w->rows.n == 0 || k2_interner_used(w->interner) < MOST_STRING_BYTES)) {
        if (w->batch.count == 0) {
            int got = journal_next(w->reader, &w->batch, err);
            if (got < 0)
                return got;
            if (got == 0) {
                reach_ends(w);
                break;
            }
            w->cursor = 0;
        }
        K2_TRY(decode_batch(w, err));
    }
    w->set.rows = (int64_t)w->rows.n;
    w->set.decode_ns = k2_monotonic_ns() - start;
    return K2_OK;
}

/* --- writing --- */

/* Whether all n values are equal: each to the next. */
static bool is_same(const void *values, size_t n, size_t size) {
    return memcmp(values, (const uint8_t *)values + size, (n - 1) * size) == 0;
}

static void find_same(struct sink_worker *w) {
    const struct k2_kind *kind = w->plan->kind;
    for (int i = 0; i < kind->field_count; i++)
        w->same[i] = is_same(w->rows.col[i], w->rows.n, k2_type_size(kind->fields[i].type));
}

/* Points data[] at n sorted rows from `at`: the columns themselves when their order is right or does
 * not matter. */
static void sorted_rows(struct sink_worker *w, const struct sort_group *g, size_t at, size_t n,
                        const void **data) {
    for (int i = 0; i < w->plan->kind->field_count; i++) {
        size_t size = k2_type_size(w->plan->kind->fields[i].type);
        if (g->identity || w->same[i]) {
            data[i] = (const uint8_t *)w->rows.col[i] + at * size;
        } else {
            sort_gather(w->gathered[i], w->rows.col[i], w->order.rows + at, n, size);
            data[i] = w->gathered[i];
        }
    }
}

static K2_RC write_groups(struct sink_worker *w, struct lake_data_writer *out,
                          const struct sort_group *g, struct k2_err *err) {
    const void *data[K2_MAX_FIELDS];
    for (size_t at = g->from; at < g->to; at += ROW_GROUP_ROWS) {
        size_t n = g->to - at < ROW_GROUP_ROWS ? g->to - at : ROW_GROUP_ROWS;
        sorted_rows(w, g, at, n, data);
        K2_TRY(lake_data_write(out, data, n, w->interner, err));
    }
    return K2_OK;
}

static K2_RC write_file(struct sink_worker *w, const struct sort_group *g, struct k2_err *err) {
    const struct sink_plan *p = w->plan;
    struct lake_data_writer *out;
    struct lake_file file;
    K2_TRY(lake_data_begin(p->table, p->kind, g->trade_date, p->zstd_level, &out, err));
    int rc = write_groups(w, out, g, err);
    if (rc != K2_OK) {
        lake_data_drop(out);
        return rc;
    }
    K2_TRY(lake_data_end(out, &file, err));
    struct sink_set *s = &w->set;
    s->files = k2_realloc(s->files, (size_t)(s->file_count + 1) * sizeof *s->files);
    s->files[s->file_count++] = file;
    return K2_OK;
}

static K2_RC write_files(struct sink_worker *w, struct k2_err *err) {
    if (w->rows.n == 0)
        return K2_OK;
    int64_t start = k2_monotonic_ns();
    sort_columns(&w->order, &w->rows, w->interner);
    find_same(w);
    int64_t sorted = k2_monotonic_ns();
    w->set.sort_ns = sorted - start;
    for (int i = 0; i < w->order.group_count; i++)
        K2_TRY(write_file(w, &w->order.groups[i], err));
    w->set.write_ns = k2_monotonic_ns() - sorted;
    return K2_OK;
}

/* --- sets --- */

void sink_set_free(struct sink_set *set) {
    lake_files_free(set->files, set->file_count);
    lake_offsets_free(&set->ends);
    *set = (struct sink_set){0};
}

void sink_set_discard(struct sink_set *set) {
    lake_files_discard(set->files, set->file_count);
    sink_set_free(set);
}

int sink_worker_next(struct sink_worker *w, struct sink_set *out, struct k2_err *err) {
    w->set =
        (struct sink_set){.ends.journal_id = journal_id(w->plan->journal), .oldest_ns = INT64_MAX};
    int rc = gather(w, err);
    if (rc == K2_OK)
        rc = write_files(w, err);
    k2_interner_reset(w->interner);
    if (rc != K2_OK) {
        sink_set_discard(&w->set);
        return rc;
    }
    *out = w->set;
    w->set = (struct sink_set){0};
    return w->ended ? 0 : 1;
}

/* --- the worker --- */

/* A schema is met once by each worker, before its first record is decoded. */
static K2_RC look_at_schema(const struct sink_worker *w, struct k2_sv schema, struct k2_err *err) {
    struct k2_field_list *found = &w->plan->schemas->found;
    K2_TRY(k2_found_fields(w->plan->kind, schema, found, err));
    if (found->n == 0)
        return K2_OK;
    return k2_fail(err, K2_E_CONFLICT, "table %s has no column %s yet", w->plan->kind->table,
                   found->items[0].name);
}

static K2_RC find_schema(void *ctx, uint32_t id, struct k2_sv *schema, struct k2_err *err) {
    struct sink_worker *w = ctx;
    struct sink_schemas *s = w->plan->schemas;
    pthread_mutex_lock(&s->mutex);
    int rc = s->source.find(s->source.ctx, id, schema, err);
    if (rc == K2_OK && !k2_sv_eq(*schema, k2_sv_of(w->plan->kind->avro_schema)))
        rc = look_at_schema(w, *schema, err);
    pthread_mutex_unlock(&s->mutex);
    return rc;
}

K2_RC sink_worker_new(const struct sink_plan *plan, const struct journal_span *spans, int n,
                      struct sink_worker **out, struct k2_err *err) {
    struct sink_worker *w = k2_zalloc(sizeof *w);
    const struct k2_kind *kind = plan->kind;
    w->plan = plan;
    w->span_count = n;
    w->spans = k2_alloc((size_t)(n + 1) * sizeof *w->spans);
    if (n)
        memcpy(w->spans, spans, (size_t)n * sizeof *spans);
    w->own = own_columns_of(kind);
    w->interner = k2_interner_new();
    w->decoder = k2_decoder_new(kind, w->interner, (struct k2_schema_source){w, find_schema});
    k2_columns_init(&w->rows, kind, plan->rows);
    size_t group = plan->rows < ROW_GROUP_ROWS ? plan->rows : ROW_GROUP_ROWS;
    for (int i = 0; i < kind->field_count; i++)
        w->gathered[i] = k2_alloc(group * k2_type_size(kind->fields[i].type));
    int rc = journal_read(plan->journal, spans, n, &w->reader, err);
    if (rc == K2_OK)
        *out = w;
    else
        sink_worker_free(w);
    return rc;
}

void sink_worker_free(struct sink_worker *w) {
    if (!w)
        return;
    if (w->reader)
        journal_reader_close(w->reader);
    for (int i = 0; i < w->plan->kind->field_count; i++)
        free(w->gathered[i]);
    k2_columns_free(&w->rows);
    k2_decoder_free(w->decoder);
    k2_interner_free(w->interner);
    sort_order_free(&w->order);
    free(w->spans);
    free(w);
}
