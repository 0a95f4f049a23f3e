/* query/retain.c - see retain.h. */
#include "query/query.h"

#include "base/clock.h"

#include <limits.h>
#include <stdlib.h>

enum { ROWS = 65536 };

struct fence {
    struct journal *journal;
    struct lake *lake;
    struct query_engine *engine;
    int64_t last; /* segment that may go */
    int left;     /* segments that are still to be looked at */
};

/* --- the tables hold it --- */

static K2_RC check_span(struct fence *f, const struct k2_kind *kind, const char *topic,
                        const struct journal_span *span, struct k2_err *err) {
    struct lake_table *t;
    struct lake_offsets held = {0};
    K2_TRY(lake_table_load(f->lake, k2_sv_of(kind->table), &t, err));
    int rc = lake_table_offsets(t, &held, err);
    lake_table_free(t);
    K2_TRY(rc);
    int64_t end = held.journal_id == journal_id(f->journal)
                      ? lake_offsets_get(&held, topic, span->partition)
                      : 0;
    lake_offsets_free(&held);
    if (end >= span->to)
        return K2_OK;
    return k2_fail(err, K2_E_FAILED,
                   "table %s holds %s partition %d only up to offset %lld: run k2 sink --once",
                   kind->table, topic, span->partition, (long long)end);
}

/* --- its digest is the tables' --- */

/* Sums of the table's rows, in the order of the segment's digests. */
struct sums {
    const struct journal_segment_info *segment;
    struct journal_digest *of_table;
};

static int digest_of(const struct journal_segment_info *s, enum k2_kind_id kind,
                     struct k2_sv exchange, struct k2_sv symbol, int32_t date, int last) {
    for (int n = 0; n < s->digest_count; n++) {
        int i = (last + n) % s->digest_count; /* rows of one group come together */
        const struct journal_digest *d = &s->digests[i];
        if (d->kind == kind && d->trade_date == date && k2_sv_eq(symbol, k2_sv_of(d->symbol)) &&
            k2_sv_eq(exchange, k2_sv_of(d->exchange)))
            return i;
    }
    return -1;
}

/* Symbol columns stand at different places in the kinds' structs; the common ones are the same. */
static struct k2_sv text_of(const struct k2_event *e, const struct k2_kind *kind, const char *name,
                            const struct k2_interner *in) {
    const struct k2_field *f = &kind->fields[k2_field_by_name(kind, k2_sv_of(name))];
    uint32_t id;
    memcpy(&id, (const uint8_t *)k2_event_fields_const(e) + f->offset, sizeof id);
    return k2_interned(in, id);
}

static int32_t date_of(const struct k2_event *e, const struct k2_kind *kind) {
    const struct k2_field *f = &kind->fields[k2_field_by_name(kind, K2_SV("trade_date"))];
    int32_t date;
    memcpy(&date, (const uint8_t *)k2_event_fields_const(e) + f->offset, sizeof date);
    return date;
}

static K2_RC add_row(struct sums *s, const struct k2_event *e, const struct k2_kind *kind,
                     const struct k2_interner *in, int *last, struct k2_err *err) {
    struct k2_sv symbol = text_of(e, kind, "symbol", in);
    int i = digest_of(s->segment, kind->id, text_of(e, kind, "exchange", in), symbol,
                      date_of(e, kind), *last);
    if (i < 0)
        return k2_fail(err, K2_E_DATA, "table %s has a row of symbol %.*s that the segment lacks",
                       kind->table, K2_SV_ARG(symbol));
    *last = i;
    s->of_table[i].count++;
    s->of_table[i].sum = k2_h128_add(s->of_table[i].sum, k2_row_hash(e, in));
    return K2_OK;
}

static K2_RC add_rows(struct sums *s, struct query_rows *rows, const struct k2_kind *kind,
                      struct k2_interner *in, struct k2_err *err) {
    struct k2_columns c;
    k2_columns_init(&c, kind, ROWS);
    int rc, last = 0;
    while ((rc = query_rows_next(rows, &c, err)) == K2_OK && c.n) {
        for (size_t i = 0; rc == K2_OK && i < c.n; i++) {
            struct k2_event e;
            memset(&e, 0, sizeof e);
            k2_columns_get(&c, i, &e);
            rc = add_row(s, &e, kind, in, &last, err);
        }
        if (rc != K2_OK)
            break;
    }
    k2_columns_free(&c);
    return rc;
}

static K2_RC add_span(struct fence *f, struct sums *s, const struct k2_kind *kind,
                      const char *topic, const struct journal_span *span, struct k2_err *err) {
    struct k2_buf where = {0};
    k2_buf_printf(&where,
                  "journal_id = %d AND '%s.' || lower(exchange) = '%s' AND journal_partition = %d "
                  "AND journal_offset >= %lld AND journal_offset < %lld",
                  journal_id(f->journal), kind->topic_prefix, topic, span->partition,
                  (long long)span->from, (long long)span->to);
    struct k2_interner *in = k2_interner_new();
    struct query_rows *rows = NULL;
    int rc = query_rows_open(f->engine, kind, NULL, k2_buf_cstr(&where), in, &rows, err);
    if (rc == K2_OK) {
        rc = add_rows(s, rows, kind, in, err);
        query_rows_close(rows);
    }
    k2_interner_free(in);
    k2_buf_free(&where);
    return rc;
}

static K2_RC compare(const struct sums *s, struct k2_err *err) {
    for (int i = 0; i < s->segment->digest_count; i++) {
        const struct journal_digest *d = &s->segment->digests[i], *t = &s->of_table[i];
        if (d->count == t->count && k2_h128_cmp(d->sum, t->sum) == 0)
            continue;
        char date[K2_DATE_TEXT];
        k2_date_format(d->trade_date, date);
        return k2_fail(err, K2_E_DATA,
                       "segment %lld and table %s differ for %s.%s on %s (%lld and %lld rows): run "
                       "k2 reconcile",
                       (long long)s->segment->number, k2_kind(d->kind)->table, d->exchange,
                       d->symbol, date, (long long)d->count, (long long)t->count);
    }
    return K2_OK;
}

/* --- the fence --- */

/* The sequence checkpoint lives by its last record. */
static K2_RC check_own(struct fence *f, const struct journal_topic *t,
                       const struct journal_span *span, struct k2_err *err) {
    int64_t *ends = k2_alloc((size_t)t->partitions * sizeof *ends);
    int rc = journal_ends(f->journal, t->id, ends, err);
    if (rc == K2_OK && span->to >= ends[span->partition])
        rc = k2_fail(err, K2_E_FAILED,
                     "it holds the last record of topic %s; the next ingest writes a newer one",
                     t->name);
    free(ends);
    return rc;
}

static K2_RC check_spans(struct fence *f, const struct journal_segment_info *segment,
                         struct sums *s, struct k2_err *err) {
    for (int i = 0; i < segment->span_count; i++) {
        const struct journal_span *span = &segment->spans[i];
        struct journal_topic t = journal_topic_at(f->journal, span->topic);
        const struct k2_kind *kind = k2_kind_by_topic(k2_sv_of(t.name));
        if (!kind) {
            if (strcmp(t.name, "k2.sequence") == 0)
                K2_TRY(check_own(f, &t, span, err));
            continue;
        }
        K2_TRY(check_span(f, kind, t.name, span, err));
        K2_TRY(add_span(f, s, kind, t.name, span, err));
    }
    return K2_OK;
}

static K2_RC may_go(void *ctx, const struct journal_segment_info *segment, struct k2_err *err) {
    struct fence *f = ctx;
    if (f->left == 0)
        return k2_fail(err, K2_E_FAILED, "it is the next one's turn");
    f->left--;
    struct sums s = {segment, k2_zalloc(((size_t)segment->digest_count + 1) * sizeof *s.of_table)};
    int rc = check_spans(f, segment, &s, err);
    if (rc == K2_OK)
        rc = compare(&s, err);
    if (rc == K2_OK)
        f->last = segment->number;
    free(s.of_table);
    return rc;
}

static K2_RC run(struct fence *f, const char *data, const struct journal_retention *rules,
                 struct retain_report *out, struct k2_err *err) {
    *out = (struct retain_report){.last = -1};
    K2_TRY(lake_open(data, false, &f->lake, err));
    int rc = journal_retain(f->journal, rules, &out->removed, out->stopped, err);
    out->last = f->last;
    lake_close(f->lake);
    return rc;
}

int retain_run(struct journal *j, const char *data, struct query_engine *q, int64_t older_than_ns,
               int64_t keep_bytes, bool dry_run, struct retain_report *out, struct k2_err *err) {
    struct fence f = {.journal = j, .engine = q, .last = -1, .left = INT_MAX};
    const struct journal_retention rules = {.older_than_ns = older_than_ns,
                                            .keep_bytes = keep_bytes,
                                            .ctx = &f,
                                            .may_go = may_go,
                                            .dry_run = dry_run};
    return run(&f, data, &rules, out, err);
}

int retain_prove(struct journal *j, const char *data, struct query_engine *q, int64_t older_than_ns,
                 int most, struct retain_report *out, struct k2_err *err) {
    struct fence f = {.journal = j, .engine = q, .last = -1, .left = most};
    const struct journal_retention rules = {
        .older_than_ns = older_than_ns, .ctx = &f, .may_go = may_go, .dry_run = true};
    K2_TRY(run(&f, data, &rules, out, err));
    if (f.left == 0)
        out->stopped[0] = 0; /* nothing is wrong with the next one */
    return K2_OK;
}
