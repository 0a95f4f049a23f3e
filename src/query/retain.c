/* query/retain.c - see retain.h. */
#include "query/query.h"

#include "base/clock.h"

#include <limits.h>
#include <stdlib.h>

enum { ROWS = 8192 };

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

/* The rows of one topic, summed in the order of the segment's digests. */
struct sums {
    const struct journal_segment_info *segment;
    struct journal_digest *of_table;
    struct k2_interner *in;
    const struct k2_kind *kind;
    int exchange, symbol, date; /* places of these columns in the kind's struct */
    struct group {
        uint32_t exchange, symbol; /* in `in` */
    } * groups;                    /* of each digest */
    int *
        found; /* by id of the symbol: the digest of its last row, which is mostly the next one's too */
    size_t found_n;
};

static int place_of(const struct k2_kind *kind, const char *column) {
    return (int)kind->fields[k2_field_by_name(kind, k2_sv_of(column))].offset;
}

static void start_topic(struct sums *s, const struct k2_kind *kind) {
    const struct journal_segment_info *segment = s->segment;
    s->kind = kind;
    s->in = k2_interner_new();
    s->exchange = place_of(kind, "exchange");
    s->symbol = place_of(kind, "symbol");
    s->date = place_of(kind, "trade_date");
    s->groups = k2_zalloc(((size_t)segment->digest_count + 1) * sizeof *s->groups);
    for (int i = 0; i < segment->digest_count; i++) {
        s->groups[i].exchange = k2_intern(s->in, k2_sv_of(segment->digests[i].exchange));
        s->groups[i].symbol = k2_intern(s->in, k2_sv_of(segment->digests[i].symbol));
    }
    s->found_n = (size_t)k2_interner_count(s->in) + 1;
    s->found = k2_zalloc(s->found_n * sizeof *s->found);
}

static void end_topic(struct sums *s) {
    k2_interner_free(s->in);
    free(s->groups);
    free(s->found);
}

static uint32_t column_of(const struct k2_event *e, int place) {
    uint32_t value;
    memcpy(&value, (const uint8_t *)k2_event_fields_const(e) + place, sizeof value);
    return value;
}

/* Position in the segment's digests, or -1. */
static int digest_of(struct sums *s, const struct k2_event *e) {
    uint32_t exchange = column_of(e, s->exchange), symbol = column_of(e, s->symbol);
    int32_t date = (int32_t)column_of(e, s->date);
    int count = s->segment->digest_count;
    if (symbol >= s->found_n)
        return -1;
    for (int n = 0; n < count; n++) {
        int i = (s->found[symbol] + n) % count;
        const struct journal_digest *d = &s->segment->digests[i];
        if (s->groups[i].symbol == symbol && s->groups[i].exchange == exchange &&
            d->trade_date == date && d->kind == s->kind->id) {
            s->found[symbol] = i;
            return i;
        }
    }
    return -1;
}

static K2_RC add_row(struct sums *s, const struct k2_event *e, struct k2_err *err) {
    int i = digest_of(s, e);
    if (i < 0)
        return k2_fail(err, K2_E_DATA, "table %s has a row of symbol %.*s that the segment lacks",
                       s->kind->table, K2_SV_ARG(k2_interned(s->in, column_of(e, s->symbol))));
    s->of_table[i].count++;
    s->of_table[i].sum = k2_h128_add(s->of_table[i].sum, k2_row_hash(e, s->in));
    return K2_OK;
}

static K2_RC add_rows(struct sums *s, struct query_rows *rows, struct k2_err *err) {
    struct k2_columns c;
    k2_columns_init(&c, s->kind, ROWS);
    int rc;
    while ((rc = query_rows_next(rows, &c, err)) == K2_OK && c.n) {
        for (size_t i = 0; rc == K2_OK && i < c.n; i++) {
            struct k2_event e;
            memset(&e, 0, sizeof e);
            k2_columns_get(&c, i, &e);
            rc = add_row(s, &e, err);
        }
        if (rc != K2_OK)
            break;
    }
    k2_columns_free(&c);
    return rc;
}

/* The rows of one topic that the segment holds. Offsets alone prune little: those of a topic's partitions drift apart,
 * so that a file's bounds, which are over all of them, hold nearly every offset. The time of appending rises from
 * segment to segment and from commit to commit. */
static void put_topic(struct k2_buf *where, const struct fence *f,
                      const struct journal_segment_info *s, const struct k2_kind *kind,
                      const struct journal_topic *t) {
    k2_buf_printf(where,
                  "journal_id = %d AND '%s.' || lower(exchange) = '%.*s' AND "
                  "ingest_timestamp >= make_timestamptz(%lld) AND "
                  "ingest_timestamp <= make_timestamptz(%lld) AND (",
                  journal_id(f->journal), kind->topic_prefix, K2_SV_ARG(t->of),
                  (long long)k2_floor_us(s->first_append_ns),
                  (long long)k2_floor_us(s->last_append_ns));
    const char * or = "";
    for (int i = 0; i < s->span_count; i++) {
        const struct journal_span *span = &s->spans[i];
        if (span->topic != t->id)
            continue;
        k2_buf_printf(where,
                      "%sjournal_partition = %d AND journal_offset >= %lld AND "
                      "journal_offset < %lld",
                      or, t->first + span->partition, (long long)span->from, (long long)span->to);
        or = " OR ";
    }
    k2_buf_byte(where, ')');
}

static K2_RC add_topic(struct fence *f, struct sums *s, const struct k2_kind *kind,
                       const struct journal_topic *t, struct k2_err *err) {
    struct k2_buf where = {0};
    struct query_rows *rows = NULL;
    start_topic(s, kind);
    put_topic(&where, f, s->segment, kind, t);
    int rc = query_rows_open(f->engine, kind, NULL, k2_buf_cstr(&where), s->in, &rows, err);
    if (rc == K2_OK) {
        rc = add_rows(s, rows, err);
        query_rows_close(rows);
    }
    end_topic(s);
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

/* Whether a span before this one is of the same topic. */
static bool is_repeated(const struct journal_segment_info *s, int span) {
    for (int i = 0; i < span; i++) {
        if (s->spans[i].topic == s->spans[span].topic)
            return true;
    }
    return false;
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
        if (!is_repeated(segment, i))
            K2_TRY(add_topic(f, s, kind, &t, err));
    }
    return K2_OK;
}

static K2_RC may_go(void *ctx, const struct journal_segment_info *segment, struct k2_err *err) {
    struct fence *f = ctx;
    if (f->left == 0)
        return k2_fail(err, K2_E_FAILED, "it is the next one's turn");
    f->left--;
    struct sums s = {.segment = segment};
    s.of_table = k2_zalloc(((size_t)segment->digest_count + 1) * sizeof *s.of_table);
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
