/* verb/check.c - `k2 check`: how many trades and quotes are odd, and in which way. */
#include "verb/listing.h"
#include "verb/verbs.h"
#include "verb/words.h"

struct run {
    struct verb_context *c;
    struct k2_buf where;
    struct k2_buf sql;
};

/* --- the words --- */

static int read_options(struct run *r, struct k2_err *err) {
    const char *symbols = verb_value(r->c, "symbols"), *date = verb_value(r->c, "date");
    int32_t day;
    symbol_exchange_condition(k2_sv_of(verb_value(r->c, "exchange")), &r->where);
    if (date && k2_date_parse(k2_sv_of(date), &day, NULL) != K2_OK)
        return k2_fail(err, K2_E_USAGE, "--date takes a session date such as 2014-03-10, not '%s'",
                       date);
    if (date) {
        char text[K2_DATE_TEXT];
        k2_date_format(day, text);
        k2_buf_printf(&r->where, " AND trade_date = DATE '%s'", text);
    }
    if (symbols) {
        struct symbols *parsed;
        K2_TRY(symbols_parse(symbols, &parsed, err));
        k2_buf_str(&r->where, " AND ");
        symbol_list_condition(parsed, &r->where);
        symbols_free(parsed);
    }
    return K2_OK;
}

static void put_table(struct run *r, const char *table, const char *kind) {
    k2_buf_printf(&r->sql,
                  "SELECT exchange, symbol, '%s' AS kind, trade_date, checks FROM "
                  "market_data.checked_%s WHERE %s",
                  kind, table, k2_buf_cstr(&r->where));
}

/* A row with two words is counted under both; `rows` are all of the symbol's. */
static void put_statement(struct run *r) {
    k2_buf_str(&r->sql, "WITH checked AS (");
    put_table(r, "trades", "trade");
    k2_buf_str(&r->sql, " UNION ALL ");
    put_table(r, "quotes", "quote");
    k2_buf_str(
        &r->sql,
        "), totals AS (SELECT exchange, symbol, kind, count(*) AS of_rows FROM checked GROUP "
        "BY ALL), found AS (SELECT exchange, symbol, kind, unnest(checks) AS word, "
        "trade_date FROM checked WHERE len(checks) > 0) "
        "SELECT exchange, symbol, kind, word AS \"check\", count(*) AS \"rows\", of_rows, "
        "min(trade_date) AS first_date, max(trade_date) AS last_date "
        "FROM found JOIN totals USING (exchange, symbol, kind) GROUP BY ALL "
        "ORDER BY exchange, symbol, kind, word");
}

/* --- the work --- */

static int print(struct run *r, struct query_engine *q, struct out_file *out, struct k2_err *err) {
    const struct query_request request = {.sql = k2_buf_view(&r->sql)};
    struct query_result *result;
    if (out->parquet)
        return query_to_parquet(q, &request, out->path, &out->rows, err);
    K2_TRY(query_run(q, &request, &result, err));
    struct query_look look = {.format = out->format};
    int rc = query_show(result, &look, out->to, &out->rows, err);
    query_result_free(result);
    return rc;
}

/* Trades and quotes that were looked at. */
static int count_rows(const struct run *r, struct query_engine *q, int64_t *rows,
                      struct k2_err *err) {
    int64_t trades, quotes;
    const char *where = (const char *)r->where.p;
    K2_TRY(query_rows_count(q, k2_kind(K2_KIND_TRADE), where, &trades, err));
    K2_TRY(query_rows_count(q, k2_kind(K2_KIND_QUOTE), where, &quotes, err));
    *rows = trades + quotes;
    return K2_OK;
}

/* A clean answer about nothing is none. */
static int note_clean(struct run *r, struct query_engine *q, struct k2_err *err) {
    int64_t rows;
    (void)k2_buf_cstr(&r->where);
    K2_TRY(count_rows(r, q, &rows, err));
    if (rows > 0) {
        verb_note(r->c, "nothing is odd about the trades and quotes in the tables");
    } else {
        words_note_exchange(r->c, verb_value(r->c, "exchange"));
        verb_note(r->c,
                  "the tables hold no trade or quote that was asked for, so none was checked; "
                  "k2 coverage lists what there is");
    }
    return K2_OK;
}

static int check(struct run *r, struct query_engine *q, struct k2_err *err) {
    struct out_file out;
    put_statement(r);
    K2_TRY(out_open(r->c, &out, err));
    int rc = print(r, q, &out, err);
    bool clean = out.rows == 0;
    if (rc == K2_OK)
        rc = out_close(&out, err);
    out_drop(&out);
    K2_TRY(rc);
    if (clean)
        return note_clean(r, q, err);
    if (verb_flag(r->c, "strict"))
        return k2_fail(err, K2_E_DATA, "--strict: there are odd rows");
    return K2_OK;
}

static int run_all(struct run *r, struct k2_err *err) {
    const struct query_options o = {
        .threads = (int)k2_config_int(r->c->config, K2_CONFIG_query_threads),
        .memory_limit = k2_config_int(r->c->config, K2_CONFIG_query_memory_limit),
    };
    struct query_engine *q;
    K2_TRY(read_options(r, err));
    int rc = query_open(r->c->data, &o, &q, err);
    if (rc == K2_E_NOTFOUND)
        return k2_fail(err, rc, "%s holds no tables; k2 init or k2 sink --once makes them",
                       r->c->data);
    K2_TRY(rc);
    rc = check(r, q, err);
    query_close(q);
    return rc;
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct run r = {.c = c};
    int rc = run_all(&r, err);
    k2_buf_free(&r.where);
    k2_buf_free(&r.sql);
    return rc;
}

static const struct verb_option options[] = {
    {"exchange", "CODE", NULL, "only of this exchange", NULL, 0},
    {"symbols", "LIST", NULL, "only these: BHP,CBA, globs such as B*, @FILE", NULL, 0},
    {"date", "DATE", NULL, "only of this session date", NULL, 0},
    {"strict", NULL, NULL, "exit with 3 when there is an odd row", NULL, 0},
    VERB_FORMAT,
    VERB_OUT,
    {0}};
static const char *const examples[] = {"k2 check", "k2 check --symbols 'A*' --format csv", NULL};

const struct verb verb_check = {
    .name = "check",
    .summary = "trades and quotes that are odd: crossed, stale, outliers, off tick",
    .usage = "[--exchange CODE] [--symbols LIST] [--date DATE]",
    .about =
        "Nothing is dropped and nothing is stored: rows are judged when they are read, the same\n"
        "way every time. A row can be odd in more than one way.\n"
        "  CROSSED, LOCKED   bid above, or equal to, ask\n"
        "  STALE             it came more than 5 s after the venue's own time\n"
        "  BACKWARDS         its time is before that of one the venue sent earlier\n"
        "  OUTLIER           a price far from the symbol's 50 trades before it in the session\n"
        "  OFF_TICK          a price that is no multiple of the tick size, where that is known\n"
        "  ODD_LOT           a quantity that is no multiple of the lot size, where that is known\n"
        "Bytes, references and sums are checked by k2 verify and k2 reconcile.\n"
        "The rows themselves: SELECT * FROM checked_trades WHERE len(checks) > 0; also\n"
        "checked_quotes.",
    .options = options,
    .examples = examples,
    .data_exit = "with --strict: there are odd rows",
    .run = run,
};
