/* verb/symbol.c - `k2 symbol`: which instrument a symbol means, and meant. */
#include "verb/listing.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include <stdlib.h>

#define COLUMNS                                                                                    \
    "exchange, symbol, instrument, valid_from, valid_to, instrument_type, currency, tick_size, "   \
    "lot_size, multiplier, mic, isin, figi, name, underlying, strike_price, expiration"

struct run {
    struct verb_context *c;
    struct query_engine *engine;
    struct k2_buf sql;
    struct symbol_name name;
    int64_t rows;
};

/* --- the statement --- */

static int put_date(struct run *r, struct k2_err *err) {
    const char *text = verb_value(r->c, "date");
    int32_t date = k2_date_of(r->c->now_ns);
    char shown[K2_DATE_TEXT];
    if (text && k2_date_parse(k2_sv_of(text), &date, NULL) != K2_OK)
        return k2_fail(err, K2_E_USAGE, "--date takes a session date such as 2014-03-10, not '%s'",
                       text);
    k2_date_format(date, shown);
    k2_buf_printf(&r->sql,
                  " AND valid_from <= DATE '%s' AND (valid_to IS NULL OR DATE '%s' < valid_to)",
                  shown, shown);
    return K2_OK;
}

static void put_name(struct run *r) {
    symbol_exchange_condition(k2_sv_of(r->name.exchange), &r->sql);
    k2_buf_str(&r->sql, " AND symbol = ");
    query_text_literal(&r->sql, k2_sv_of(r->name.symbol));
}

static void start(struct run *r) {
    k2_buf_str(&r->sql, "SELECT " COLUMNS " FROM market_data.definitions WHERE ");
}

static void finish(struct run *r) {
    k2_buf_str(&r->sql, " ORDER BY exchange, symbol, valid_from, instrument_type");
}

/* --- printing --- */

static int print(struct run *r, struct k2_err *err) {
    const struct query_request request = {.sql = k2_buf_view(&r->sql)};
    struct out_file out;
    K2_TRY(out_open(r->c, &out, err));
    int rc;
    if (out.parquet) {
        rc = query_to_parquet(r->engine, &request, out.path, &r->rows, err);
    } else {
        struct query_result *result;
        rc = query_run(r->engine, &request, &result, err);
        if (rc == K2_OK) {
            struct query_look look = {.format = out.format};
            rc = query_show(result, &look, out.to, &out.rows, err);
            r->rows = out.rows;
            query_result_free(result);
        }
    }
    if (rc == K2_OK)
        rc = out_close(&out, err);
    out_drop(&out);
    return rc;
}

/* --- the work --- */

static int open_engine(struct run *r, struct k2_err *err) {
    const struct query_options o = {
        .threads = (int)k2_config_int(r->c->config, K2_CONFIG_query_threads),
        .memory_limit = k2_config_int(r->c->config, K2_CONFIG_query_memory_limit),
    };
    int rc = query_open(r->c->data, &o, &r->engine, err);
    if (rc == K2_E_NOTFOUND)
        return k2_fail(err, rc, "%s holds no tables; k2 init or k2 sink --once makes them",
                       r->c->data);
    return rc;
}

static int show(struct run *r, struct k2_err *err) {
    K2_TRY(symbol_resolve(r->engine, r->c->args[0], &r->name, err));
    start(r);
    put_name(r);
    K2_TRY(put_date(r, err));
    finish(r);
    K2_TRY(print(r, err));
    if (r->rows == 0)
        verb_note(r->c,
                  "%s.%s has no definition that holds on that date; k2 symbol history %s.%s shows "
                  "all it had",
                  r->name.exchange, r->name.symbol, r->name.exchange, r->name.symbol);
    return K2_OK;
}

/* Also the names that its instruments had before and after. */
static int history(struct run *r, struct k2_err *err) {
    K2_TRY(symbol_resolve(r->engine, r->c->args[0], &r->name, err));
    start(r);
    k2_buf_str(&r->sql, "(exchange, instrument) IN (SELECT (exchange, instrument) FROM "
                        "market_data.definitions WHERE ");
    put_name(r);
    k2_buf_str(&r->sql, ")");
    k2_buf_str(&r->sql, " ORDER BY exchange, valid_from, symbol, instrument_type");
    K2_TRY(print(r, err));
    if (r->rows == 0)
        verb_note(r->c, "there are rows of %s.%s, but nothing defines it", r->name.exchange,
                  r->name.symbol);
    return K2_OK;
}

static int list(struct run *r, struct k2_err *err) {
    const char *exchange = verb_value(r->c, "exchange"), *symbols = verb_value(r->c, "symbols");
    start(r);
    symbol_exchange_condition(k2_sv_of(exchange), &r->sql);
    if (symbols) {
        struct symbols *parsed;
        K2_TRY(symbols_parse(symbols, &parsed, err));
        k2_buf_str(&r->sql, " AND ");
        symbol_list_condition(parsed, &r->sql);
        symbols_free(parsed);
    }
    if (!verb_flag(r->c, "all"))
        K2_TRY(put_date(r, err));
    finish(r);
    K2_TRY(print(r, err));
    if (r->rows == 0)
        words_note_exchange(r->c, exchange);
    return K2_OK;
}

static int with_engine(struct verb_context *c, int (*work)(struct run *r, struct k2_err *err),
                       struct k2_err *err) {
    struct run r = {.c = c};
    int rc = open_engine(&r, err);
    if (rc == K2_OK)
        rc = work(&r, err);
    query_close(r.engine);
    symbol_name_free(&r.name);
    k2_buf_free(&r.sql);
    return rc;
}

static int run_show(struct verb_context *c, struct k2_err *err) {
    return with_engine(c, show, err);
}

static int run_history(struct verb_context *c, struct k2_err *err) {
    return with_engine(c, history, err);
}

static int run_list(struct verb_context *c, struct k2_err *err) {
    return with_engine(c, list, err);
}

#define DATE                                                                                       \
    { "date", "DATE", NULL, "the session date that is asked for [today]", NULL, 0 }

static const struct verb_option list_options[] = {
    {"exchange", "CODE", NULL, "only of this exchange", NULL, 0},
    {"symbols", "LIST", NULL, "only these: BHP,CBA, globs such as B*, @FILE", NULL, 0},
    DATE,
    {"all", NULL, NULL, "of all dates", NULL, 0},
    VERB_FORMAT,
    VERB_OUT,
    {0}};
static const char *const list_examples[] = {
    "k2 symbol list", "k2 symbol list --symbols 'A*' --all --format csv", NULL};
static const struct verb symbol_list = {
    .name = "list",
    .summary = "the symbols that are defined",
    .usage = "[--exchange CODE] [--symbols LIST] [--date DATE]",
    .options = list_options,
    .examples = list_examples,
    .run = run_list,
};

static const struct verb_option history_options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const char *const history_examples[] = {"k2 symbol history SIM.AAPL", NULL};
static const struct verb symbol_history = {
    .name = "history",
    .summary = "all that a symbol was, and other names of its instruments",
    .usage = "SYMBOL",
    .options = history_options,
    .examples = history_examples,
    .min_args = 1,
    .max_args = 1,
    .run = run_history,
};

static const struct verb *const subs[] = {&symbol_list, &symbol_history, NULL};
static const struct verb_option options[] = {DATE, VERB_FORMAT, VERB_OUT, {0}};
static const char *const examples[] = {"k2 symbol SIM.AAPL", "k2 symbol SIM.AAPL --date 2026-03-02",
                                       "k2 symbol list", NULL};

const struct verb verb_symbol = {
    .name = "symbol",
    .summary = "which instrument a symbol meant on a date",
    .usage = "SYMBOL [--date DATE]",
    .about =
        "From the definitions in the table instruments: those of the venues' own messages, of\n"
        "LEAN's symbol properties and map files, of Databento's security master. SYMBOL is\n"
        "EXCHANGE.SYMBOL, or bare when it is of one exchange only. A definition holds from\n"
        "valid_from until before valid_to, which is empty while it holds still. The same for SQL:\n"
        "the view definitions.",
    .options = options,
    .examples = examples,
    .subs = subs,
    .min_args = 1,
    .max_args = 1,
    .run = run_show,
};
