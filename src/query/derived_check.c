/* query/derived_check.c - derived totals against the same by SQL over the tables; see past.h.
 *
 * Both become lines of text, one for each total, in the order of their bytes; what is in one list alone is a difference.
 * Profit first in first out is no aggregate of SQL; that realised - open cost = sold - bought is compared instead.
 */
#include "query/query_int.h"

#include "base/wide.h"

#include <stdio.h>
#include <stdlib.h>

static const char volume_sql[] =
    "WITH c AS (SELECT symbol, trade_date, action = 'CORRECT' AS amends, price, quantity,"
    " CASE WHEN amends OR (original_price IS NOT NULL AND original_quantity IS NOT NULL)"
    " THEN original_price ELSE price END AS p,"
    " CASE WHEN amends OR (original_price IS NOT NULL AND original_quantity IS NOT NULL)"
    " THEN original_quantity ELSE quantity END AS q,"
    " p IS NULL OR q IS NULL AS unknown FROM corrections WHERE %s), m AS ("
    "SELECT symbol, trade_date, 1 AS n, quantity AS q, price * quantity AS v, 0 AS b, 0 AS u"
    " FROM trades WHERE %s UNION ALL "
    "SELECT symbol, trade_date, CASE WHEN unknown OR amends THEN 0 ELSE -1 END,"
    " CASE WHEN NOT unknown THEN (CASE WHEN amends THEN coalesce(quantity, q) ELSE 0 END) - q END,"
    " CASE WHEN NOT unknown THEN (CASE WHEN amends THEN coalesce(price, p) * coalesce(quantity, q)"
    " ELSE 0 END) - p * q END, 1, CAST(unknown AS INT) FROM c) "
    "SELECT concat_ws(' ', symbol, trade_date, sum(n), array_to_string(list_transform(["
    "CAST(coalesce(sum(q), 0) AS VARCHAR), CAST(coalesce(sum(v), 0) AS VARCHAR)],"
    " lambda x: rtrim(rtrim(x, '0'), '.')), ' '), sum(b), sum(u)) AS l"
    " FROM m GROUP BY symbol, trade_date";

/* bought and sold are NULL in rows of the other side. */
static const char pnl_sql[] =
    "WITH e AS (SELECT account, symbol, price, CASE WHEN side = 'BUY' THEN quantity END AS bought,"
    " CASE WHEN side <> 'BUY' THEN quantity END AS sold FROM executions WHERE %s), t AS ("
    "SELECT account, symbol, count(*) AS n, coalesce(sum(bought), 0) AS b,"
    " coalesce(sum(sold), 0) AS s, coalesce(sum(price * bought), 0) AS paid,"
    " coalesce(sum(price * sold), 0) AS got FROM e GROUP BY account, symbol) "
    "SELECT concat_ws(' ', coalesce(account, '-'), symbol, n, array_to_string(list_transform(["
    "CAST(b - s AS VARCHAR), CAST(b AS VARCHAR), CAST(s AS VARCHAR), CAST(paid AS VARCHAR),"
    " CAST(got AS VARCHAR), CAST(got - paid AS VARCHAR)],"
    " lambda x: rtrim(rtrim(x, '0'), '.')), ' ')) AS l FROM t";

struct lines {
    char **at;
    size_t n;
};

static void add_line(struct lines *l, struct k2_sv text) {
    l->at = (char **)k2_realloc((void *)l->at, (l->n + 1) * sizeof(char *));
    l->at[l->n++] = k2_sv_dup(text);
}

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_lines(struct lines *l) {
    if (l->n > 0)
        qsort((void *)l->at, l->n, sizeof(char *), compare);
}

static void free_lines(struct lines *l) {
    for (size_t i = 0; i < l->n; i++)
        free(l->at[i]);
    free((void *)l->at);
}

/* --- the totals --- */

static void put_quantity(struct k2_buf *b, k2_i128 v) {
    char text[K2_DECIMAL_TEXT];
    k2_buf_byte(b, ' ');
    k2_buf_put(b, text, k2_decimal_format_short(v, K2_QUANTITY_SCALE, text));
}

static void put_volume(const struct k2_volume *v, const struct k2_interner *in, struct k2_buf *b) {
    char date[K2_DATE_TEXT];
    k2_date_format(v->trade_date, date);
    k2_buf_sv(b, k2_interned(in, v->symbol));
    k2_buf_printf(b, " %s %lld", date, (long long)v->trade_count);
    put_quantity(b, v->quantity);
    k2_buf_printf(b, " %.*s %lld %lld", K2_SV_ARG(k2_interned(in, v->notional)),
                  (long long)v->busted_count, (long long)v->unresolved_count);
}

/* realised - open cost */
static void put_cash(const struct k2_pnl *p, const struct k2_interner *in, struct k2_buf *b) {
    struct k2_wide realised = {{0}}, open = {{0}};
    char text[K2_WIDE_TEXT];
    bool good =
        k2_wide_parse(k2_interned(in, p->realised), K2_NOTIONAL_SCALE, &realised, NULL) == K2_OK &&
        k2_wide_parse(k2_interned(in, p->open_cost), K2_NOTIONAL_SCALE, &open, NULL) == K2_OK;
    k2_wide_format(k2_wide_sub(realised, open), K2_NOTIONAL_SCALE, text);
    k2_buf_printf(b, " %s", good ? text : "?");
}

static void put_pnl(const struct k2_pnl *p, const struct k2_interner *in, struct k2_buf *b) {
    k2_buf_sv(b, k2_interned(in, p->account));
    k2_buf_byte(b, ' ');
    k2_buf_sv(b, k2_interned(in, p->symbol));
    k2_buf_printf(b, " %lld", (long long)p->execution_count);
    put_quantity(b, p->position);
    put_quantity(b, p->bought_quantity);
    put_quantity(b, p->sold_quantity);
    k2_buf_printf(b, " %.*s %.*s", K2_SV_ARG(k2_interned(in, p->bought_notional)),
                  K2_SV_ARG(k2_interned(in, p->sold_notional)));
    put_cash(p, in, b);
}

static void take_total(void *ctx, const struct k2_event *e, const struct k2_interner *in) {
    struct k2_buf text = {0};
    if (e->kind == K2_KIND_VOLUME)
        put_volume(&e->volume, in, &text);
    else
        put_pnl(&e->pnl, in, &text);
    add_line(ctx, k2_buf_view(&text));
    k2_buf_free(&text);
}

/* --- the tables --- */

/* The rows of the kind's table that the totals cover; K2_E_FAILED: the table lacks some of them. */
static K2_RC put_cut(struct lake *l, struct journal *j, const struct derive *d,
                     const struct k2_kind *kind, struct k2_sv exchange, struct k2_buf *out,
                     struct k2_err *err) {
    int n;
    const struct journal_span *at = derive_positions(d, &n);
    struct lake_table *t;
    struct lake_offsets held = {0};
    K2_TRY(lake_table_load(l, k2_sv_of(kind->table), &t, err));
    int rc = lake_table_offsets(t, &held, err);
    lake_table_free(t);
    k2_buf_printf(out, "lower(exchange) = '%.*s' AND journal_id = %d AND (false",
                  K2_SV_ARG(exchange), (int)journal_id(j));
    for (int i = 0; rc == K2_OK && i < n; i++) {
        const struct journal_topic read = journal_topic_at(j, at[i].topic);
        const char *topic = read.name;
        if (k2_kind_by_topic(k2_sv_of(topic)) != kind)
            continue;
        if (lake_offsets_get(&held, topic, at[i].partition) < at[i].from)
            rc = k2_fail(err, K2_E_FAILED,
                         "table %s does not hold all that the totals cover; k2 sink --once first",
                         kind->table);
        k2_buf_printf(out, " OR (journal_partition = %d AND journal_offset < %lld)",
                      (int)(read.first + at[i].partition), (long long)at[i].from);
    }
    k2_buf_str(out, ")");
    lake_offsets_free(&held);
    return rc;
}

static K2_RC make_sql(const char *data, struct journal *j, const struct derive *d,
                      enum derive_what what, struct k2_sv exchange, struct k2_buf *out,
                      struct k2_err *err) {
    struct lake *l;
    struct k2_buf first = {0}, second = {0};
    K2_TRY(lake_open(data, false, &l, err));
    int rc;
    if (what == DERIVE_VOLUME) {
        rc = put_cut(l, j, d, k2_kind(K2_KIND_CORRECTION), exchange, &first, err);
        if (rc == K2_OK)
            rc = put_cut(l, j, d, k2_kind(K2_KIND_TRADE), exchange, &second, err);
        if (rc == K2_OK)
            k2_buf_printf(out, volume_sql, k2_buf_cstr(&first), k2_buf_cstr(&second));
    } else {
        rc = put_cut(l, j, d, k2_kind(K2_KIND_EXECUTION), exchange, &first, err);
        if (rc == K2_OK)
            k2_buf_printf(out, pnl_sql, k2_buf_cstr(&first));
    }
    k2_buf_free(&first);
    k2_buf_free(&second);
    lake_close(l);
    return rc;
}

static K2_RC run_sql(const char *data, struct k2_sv sql, struct lines *out, struct k2_err *err) {
    struct query_engine *q;
    struct query_result *result;
    const struct query_request request = {.sql = sql};
    char *text = NULL;
    size_t size = 0;
    int64_t rows;
    K2_TRY(query_open(data, NULL, &q, err));
    int rc = query_run(q, &request, &result, err);
    if (rc == K2_OK) {
        FILE *f = open_memstream(&text, &size);
        K2_ASSERT(f);
        rc = query_print(result, QUERY_CSV, 0, f, &rows, err);
        fclose(f);
        query_result_free(result);
    }
    struct k2_sv rest = {text, size};
    k2_sv_split(&rest, '\n'); /* the header */
    while (rc == K2_OK && rest.n > 0)
        add_line(out, k2_sv_split(&rest, '\n'));
    free(text);
    query_close(q);
    return rc;
}

/* --- the comparison --- */

static void differ(const struct lines *a, const struct lines *b,
                   void (*tell)(void *ctx, const char *text), void *ctx,
                   struct query_derived *out) {
    size_t i = 0, k = 0;
    while (i < a->n || k < b->n) {
        int c = i == a->n ? 1 : k == b->n ? -1 : strcmp(a->at[i], b->at[k]);
        struct k2_buf text = {0};
        if (c != 0) {
            out->different++;
            k2_buf_printf(&text, "%s %s",
                          c < 0 ? "derived:" : "tables: ", c < 0 ? a->at[i] : b->at[k]);
            tell(ctx, k2_buf_cstr(&text));
        }
        i += c <= 0;
        k += c >= 0;
        k2_buf_free(&text);
    }
}

int query_derived_check(const char *data, const struct derive *d, struct journal *j,
                        enum derive_what what, struct k2_sv exchange,
                        void (*tell)(void *ctx, const char *text), void *ctx,
                        struct query_derived *out, struct k2_err *err) {
    struct lines totals = {0}, tables = {0};
    struct k2_buf sql = {0};
    int rc = make_sql(data, j, d, what, exchange, &sql, err);
    if (rc == K2_OK)
        rc = run_sql(data, k2_buf_view(&sql), &tables, err);
    if (rc == K2_OK) {
        derive_totals(d, take_total, &totals);
        sort_lines(&totals);
        sort_lines(&tables);
        out->totals += (int64_t)totals.n;
        differ(&totals, &tables, tell, ctx, out);
    }
    free_lines(&totals);
    free_lines(&tables);
    k2_buf_free(&sql);
    return rc;
}
