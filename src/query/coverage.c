/* query/coverage.c - see coverage.h: one statement per table, then calendars and gaps line by line. */
#include "query/query_int.h"
#include "query/text.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdlib.h>

struct gap {
    char exchange[32];
    char *channel; /* owned */
    int32_t trade_date;
    enum k2_kind_id kind;
    int64_t from, to;
};

struct coverage {
    struct query_engine *engine;
    const struct coverage_request *request;
    struct coverage_report *report;
    struct gap *gaps;
    size_t gap_count;
};

/* --- gaps --- */

static void take_gap(void *ctx, struct k2_sv exchange, int32_t trade_date, struct k2_sv channel,
                     enum k2_kind_id kind, int32_t epoch, int64_t from, int64_t to) {
    struct coverage *c = ctx;
    (void)epoch;
    c->gaps = k2_realloc(c->gaps, (c->gap_count + 1) * sizeof *c->gaps);
    struct gap *g = &c->gaps[c->gap_count++];
    *g = (struct gap){.channel = k2_sv_dup(channel),
                      .trade_date = trade_date,
                      .kind = kind,
                      .from = from,
                      .to = to};
    snprintf(g->exchange, sizeof g->exchange, "%.*s", K2_SV_ARG(exchange));
}

static bool has_date(const int32_t *dates, uint64_t n, int32_t date) {
    uint64_t low = 0, high = n;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (dates[middle] < date)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && dates[low] == date;
}

static bool has_channel(const struct duck_vector *channels, struct duck_span span,
                        struct k2_sv channel) {
    for (uint64_t i = span.offset; i < span.offset + span.length; i++) {
        if (k2_sv_eq(duck_string(channels, i), channel))
            return true;
    }
    return false;
}

static void count_gaps(const struct coverage *c, struct coverage_line *l, const int32_t *dates,
                       uint64_t n, const struct duck_vector *channels, struct duck_span span) {
    for (size_t i = 0; i < c->gap_count; i++) {
        const struct gap *g = &c->gaps[i];
        if ((g->kind != l->kind->id && g->kind != SEQ_SHARED) ||
            strcmp(g->exchange, l->exchange) != 0 || !has_date(dates, n, g->trade_date) ||
            !has_channel(channels, span, k2_sv_of(g->channel)))
            continue;
        l->gaps++;
        l->missing = seq_missing_add(l->missing, g->from, g->to);
    }
}

/* --- sessions --- */

/* The dates between the first and the last on which the calendar has a session and the symbol no row. */
static void find_lacking(struct coverage_line *l, const int32_t *dates, uint64_t n) {
    const struct feed_calendar *calendar;
    l->session_count = (int)n;
    if (feed_calendar_find(k2_sv_of(l->exchange), NULL, &calendar, NULL) != K2_OK) {
        l->lacking_count = -1;
        return;
    }
    for (uint64_t i = 0; i + 1 < n; i++) {
        for (int32_t date = dates[i] + 1; date < dates[i + 1]; date++) {
            if (!feed_calendar_session(calendar, date))
                continue;
            l->lacking = k2_realloc(l->lacking, (size_t)(l->lacking_count + 1) * sizeof(int32_t));
            l->lacking[l->lacking_count++] = date;
        }
    }
}

/* --- rows --- */

enum { EXCHANGE, SYMBOL, FIRST, LAST, ROWS, DATES, CHANNELS };

static void take_row(struct coverage *c, const struct k2_kind *kind, const struct duck_vector *v,
                     uint64_t row) {
    const struct coverage_request *r = c->request;
    struct k2_sv exchange = duck_string(&v[EXCHANGE], row), symbol = duck_string(&v[SYMBOL], row);
    if (r->wants && !r->wants(r->wants_ctx, exchange, symbol))
        return;
    struct coverage_report *out = c->report;
    out->lines = k2_realloc(out->lines, (size_t)(out->line_count + 1) * sizeof *out->lines);
    struct coverage_line *l = &out->lines[out->line_count++];
    *l = (struct coverage_line){.kind = kind,
                                .exchange = k2_sv_dup(exchange),
                                .symbol = k2_sv_dup(symbol),
                                .first_ns = (int64_t)query_value_integer(&v[FIRST], row),
                                .last_ns = (int64_t)query_value_integer(&v[LAST], row),
                                .rows = (int64_t)query_value_integer(&v[ROWS], row)};
    struct duck_span span = ((const struct duck_span *)v[DATES].data)[row];
    const int32_t *dates = (const int32_t *)v[DATES].children[0].data + span.offset;
    find_lacking(l, dates, span.length);
    count_gaps(c, l, dates, span.length, &v[CHANNELS].children[0],
               ((const struct duck_span *)v[CHANNELS].data)[row]);
}

static int take_rows(struct coverage *c, const struct k2_kind *kind, struct query_result *result,
                     struct k2_err *err) {
    for (;;) {
        uint64_t n;
        const struct duck_vector *v;
        K2_TRY(query_result_next(result, &n, &v, err));
        if (n == 0)
            return K2_OK;
        for (uint64_t row = 0; row < n; row++)
            take_row(c, kind, v, row);
    }
}

static void put_bound(struct k2_buf *sql, const char *op, int64_t ns) {
    k2_buf_printf(sql, " AND exchange_timestamp_ns %s %" PRId64, op, ns);
}

static void put_statement(struct k2_buf *sql, const struct k2_kind *kind,
                          const struct coverage_request *r) {
    k2_buf_str(sql, "SELECT exchange, symbol, min(exchange_timestamp_ns), "
                    "max(exchange_timestamp_ns), count(*), list_sort(list(DISTINCT trade_date)), "
                    "list(DISTINCT channel) FROM " LAKE_NAMESPACE ".");
    query_text_name(sql, kind->table);
    k2_buf_str(sql, " WHERE true");
    if (r->exchange.n > 0) {
        k2_buf_str(sql, " AND ");
        symbol_exchange_condition(r->exchange, sql);
    }
    if (r->from_ns != INT64_MIN)
        put_bound(sql, ">=", r->from_ns);
    if (r->to_ns != INT64_MAX)
        put_bound(sql, "<", r->to_ns);
    k2_buf_str(sql, " GROUP BY exchange, symbol ORDER BY exchange, symbol");
}

static int cover_kind(struct coverage *c, const struct k2_kind *kind, struct k2_err *err) {
    struct query_result *result;
    struct k2_buf sql = {0};
    put_statement(&sql, kind, c->request);
    const struct query_request request = {.sql = k2_buf_view(&sql)};
    int rc = query_run(c->engine, &request, &result, err);
    if (rc == K2_OK) {
        rc = take_rows(c, kind, result, err);
        query_result_free(result);
    }
    k2_buf_free(&sql);
    return k2_err_context(err, rc, "coverage of table %s", kind->table);
}

static int cover_all(struct coverage *c, struct k2_err *err) {
    for (int i = 0; i < K2_KIND_COUNT; i++) {
        const struct k2_kind *kind = k2_kind((enum k2_kind_id)i);
        struct lake_table *t;
        if (kind->id == K2_KIND_QUARANTINE || kind->id == K2_KIND_GAP)
            continue;
        int rc = lake_table_load(c->engine->lake, k2_sv_of(kind->table), &t, err);
        if (rc == K2_E_NOTFOUND)
            continue;
        K2_TRY(rc);
        lake_table_free(t);
        K2_TRY(cover_kind(c, kind, err));
    }
    return K2_OK;
}

K2_RC coverage_run(struct query_engine *q, struct journal *j, const struct coverage_request *r,
                   struct coverage_report *out, struct k2_err *err) {
    struct coverage c = {.engine = q, .request = r, .report = out};
    *out = (struct coverage_report){0};
    int rc = j ? journal_gaps(j, take_gap, &c, err) : K2_OK;
    if (rc == K2_OK)
        rc = cover_all(&c, err);
    for (size_t i = 0; i < c.gap_count; i++)
        free(c.gaps[i].channel);
    free(c.gaps);
    if (rc != K2_OK)
        coverage_free(out);
    return rc;
}

void coverage_free(struct coverage_report *r) {
    for (int i = 0; i < r->line_count; i++) {
        free(r->lines[i].exchange);
        free(r->lines[i].symbol);
        free(r->lines[i].lacking);
    }
    free(r->lines);
    *r = (struct coverage_report){0};
}
