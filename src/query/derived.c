/* query/derived.c - views that say more than the rows they are made of, and change none of them.
 *
 *     definitions     from `instruments`: which definition a symbol had, from when (valid_from) until before when
 *                     (valid_to; null = still)
 *     checked_trades  the rows of `trades`, each with `checks`: what is odd about it
 *     checked_quotes  the same of `quotes`
 *
 * definitions. Every definition of an instrument is a row of `instruments`, most of them day after day the same. Equal
 * ones that follow each other are one line here. A line ends where the symbol's next one begins, where its
 * instrument goes on under another symbol (a rename), where it was deleted, or where it says so itself (delisting,
 * expiration, the date of a LEAN map file). When rows say from when on they hold (Databento's ts_effective), that
 * counts, else their session date. `instrument` stays the same through renames where a source tells that.
 *
 * checks. Flags are made when they are read and not stored: docs/decisions/0074-flags.md. Words, in this order:
 *     CROSSED    bid above ask                  LOCKED   bid equal to ask
 *     STALE      it came more than 5 s after the venue's own time
 *     BACKWARDS  its time is before that of a row that the venue sent earlier on the same channel and symbol
 *     OUTLIER    further than 1 % from the median of the symbol's 50 trades before it in the session, and further out
 *                than 8 times the distance of their quartiles; there must be 10
 *     OFF_TICK   a price that is no multiple of the tick size      ODD_LOT  a quantity that is none of the lot size
 * Tick and lot are those that held on the session date (definitions); without one nothing is said. All is exact.
 */
#include "query/query_int.h"
#include "query/text.h"

#define INSTRUMENTS QUERY_PLAN_SCHEMA ".known_instruments"

/* From what an instrument says of itself; columns of definitions in their order. */
#define FACTS                                                                                      \
    "instrument_type, currency, tick_size, lot_size, multiplier, name, underlying, strike_price, " \
    "expiration, mic, isin, figi"

static const char definitions[] =
    "CREATE OR REPLACE VIEW " LAKE_NAMESPACE ".definitions AS "
    "WITH told AS (SELECT exchange, coalesce(upper(extra['ticker']), symbol) AS symbol, "
    "CASE WHEN extra['ts_effective'] IS NULL THEN symbol ELSE coalesce(venue_id, symbol) END AS "
    "instrument, action = 'DELETE' AS gone, "
    "coalesce(TRY_CAST(left(extra['ts_effective'], 10) AS DATE), trade_date) AS valid_from, "
    "least(TRY_CAST(nullif(extra['until'], '2050-12-31') AS DATE) + 1, "
    "TRY_CAST(extra['delisting_date'] AS DATE), TRY_CAST(expiration AS DATE) + 1) AS own_end, "
    "instrument_type, currency, tick_size, lot_size, multiplier, name, underlying, strike_price, "
    "expiration, coalesce(extra['segment_mic'], extra['operating_mic'], extra['mic']) AS mic, "
    "extra['isin'] AS isin, coalesce(extra['figi'], extra['FIGI']) AS figi, message_id, "
    "row(exchange_timestamp_ns, channel, epoch, exchange_sequence_number, part) AS place "
    "FROM " INSTRUMENTS "), "
    "changes AS (SELECT *, lag(row(instrument, gone, " FACTS ")) OVER named IS DISTINCT FROM "
    "row(instrument, gone, " FACTS ") AS changes FROM told "
    "WINDOW named AS (PARTITION BY exchange, symbol, instrument_type ORDER BY valid_from, place)), "
    "runs AS (SELECT *, count(*) FILTER (changes) OVER (PARTITION BY exchange, symbol, "
    "instrument_type ORDER BY valid_from, place) AS run FROM changes), "
    "lines AS (SELECT exchange, symbol, instrument, gone, min(valid_from) AS valid_from, "
    "arg_max(coalesce(own_end, DATE '9999-12-31'), row(valid_from, place)) AS own_end, " FACTS ", "
    "count(*) AS definition_rows, arg_min(message_id, row(valid_from, place)) AS message_id, "
    "min(place) AS place, run "
    "FROM runs GROUP BY exchange, symbol, instrument, gone, run, " FACTS "), "
    "ended AS (SELECT *, lead(valid_from) OVER named AS next_from, "
    "lead(symbol) OVER same IS DISTINCT FROM symbol AS renamed, lead(valid_from) OVER same AS "
    "other_from FROM lines WINDOW "
    "named AS (PARTITION BY exchange, symbol, instrument_type ORDER BY valid_from, run), "
    "same AS (PARTITION BY exchange, instrument, instrument_type ORDER BY valid_from, place)), "
    "spans AS (SELECT *, nullif(least(own_end, coalesce(next_from, DATE '9999-12-31'), "
    "CASE WHEN renamed THEN coalesce(other_from, DATE '9999-12-31') ELSE DATE '9999-12-31' END), "
    "DATE '9999-12-31') AS valid_to FROM ended) "
    "SELECT exchange, symbol, instrument, valid_from, valid_to, " FACTS
    ", definition_rows, message_id "
    "FROM spans WHERE NOT gone AND (valid_to IS NULL OR valid_from < valid_to)";

/* One line per exchange, symbol and date: where several hold at a time, the finer step. */
#define STEPS                                                                                      \
    "WITH steps AS (SELECT exchange, symbol, valid_from, max(coalesce(valid_to, DATE "             \
    "'9999-12-31')) AS valid_to, min(tick_size) AS tick_size, min(lot_size) AS lot_size "          \
    "FROM " LAKE_NAMESPACE ".definitions WHERE tick_size > 0 OR lot_size > 0 "                     \
    "GROUP BY exchange, symbol, valid_from), "
#define WITH_STEPS                                                                                 \
    " AS r ASOF LEFT JOIN steps AS s ON r.exchange = s.exchange AND r.symbol = s.symbol AND "      \
    "r.trade_date >= s.valid_from"
/* Session, channel and symbol: what is looked at together, so a date that is asked for prunes. */
#define SENT                                                                                       \
    "sent AS (PARTITION BY r.trade_date, r.exchange, r.symbol, r.channel ORDER BY r.epoch, "       \
    "r.exchange_sequence_number, r.part ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
#define TIMES                                                                                      \
    "CASE WHEN receive_timestamp_ns - exchange_timestamp_ns > 5000000000 THEN 'STALE' END, "       \
    "CASE WHEN exchange_timestamp_ns < k2_latest THEN 'BACKWARDS' END"
#define NO_MULTIPLE(of, step) #of " % nullif(" #step ", 0) <> 0"
#define EXCLUDE "SELECT * EXCLUDE (k2_latest, k2_tick, k2_lot"
#define FILTERED(list) "list_filter([" list "], lambda word: word IS NOT NULL) AS checks FROM seen"

static const char checked_trades[] =
    "CREATE OR REPLACE VIEW " LAKE_NAMESPACE ".checked_trades AS " STEPS
    "seen AS (SELECT r.*, max(r.exchange_timestamp_ns) OVER sent AS k2_latest, "
    "quantile_disc(r.price, [0.25, 0.5, 0.75]) OVER recent AS k2_recent, "
    "count(r.price) OVER recent AS k2_count, "
    "CASE WHEN r.trade_date < s.valid_to THEN s.tick_size END AS k2_tick, "
    "CASE WHEN r.trade_date < s.valid_to THEN s.lot_size END AS k2_lot "
    "FROM " LAKE_NAMESPACE ".trades" WITH_STEPS " WINDOW " SENT ", "
    "recent AS (PARTITION BY r.trade_date, r.exchange, r.symbol ORDER BY r.exchange_timestamp_ns, "
    "r.channel, r.epoch, r.exchange_sequence_number, r.part "
    "ROWS BETWEEN 50 PRECEDING AND 1 PRECEDING)) " EXCLUDE ", k2_recent, k2_count), " FILTERED(
        TIMES ", CASE WHEN k2_count >= 10 AND abs(price - k2_recent[2]) * 100 > abs(k2_recent[2]) "
              "AND (price < k2_recent[1] - 8 * (k2_recent[3] - k2_recent[1]) OR "
              "price > k2_recent[3] + 8 * (k2_recent[3] - k2_recent[1])) THEN 'OUTLIER' END, "
              "CASE WHEN " NO_MULTIPLE(price, k2_tick) " THEN 'OFF_TICK' END, "
                                                       "CASE WHEN " NO_MULTIPLE(
                                                           quantity, k2_lot) " THEN 'ODD_LOT' END");

static const char checked_quotes[] =
    "CREATE OR REPLACE VIEW " LAKE_NAMESPACE ".checked_quotes AS " STEPS
    "seen AS (SELECT r.*, max(r.exchange_timestamp_ns) OVER sent AS k2_latest, "
    "CASE WHEN r.trade_date < s.valid_to THEN s.tick_size END AS k2_tick, "
    "CASE WHEN r.trade_date < s.valid_to THEN s.lot_size END AS k2_lot "
    "FROM " LAKE_NAMESPACE ".quotes" WITH_STEPS " WINDOW " SENT ") " EXCLUDE "), " FILTERED(
        "CASE WHEN bid_price > ask_price THEN 'CROSSED' END, "
        "CASE WHEN bid_price = ask_price THEN 'LOCKED' END, " TIMES
        ", CASE WHEN " NO_MULTIPLE(bid_price, k2_tick) " OR " NO_MULTIPLE(
            ask_price, k2_tick) " THEN 'OFF_TICK' END, "
                                "CASE WHEN " NO_MULTIPLE(bid_quantity, k2_lot) " OR " NO_MULTIPLE(
                                    ask_quantity, k2_lot) " THEN 'ODD_LOT' END");

/* A view comes behind those that it reads. All read the definitions too. */
static const struct {
    const char *name, *table, *sql;
} views[] = {
    {"definitions", NULL, definitions},
    {"checked_trades", "trades", checked_trades},
    {"checked_quotes", "quotes", checked_quotes},
};
#define VIEWS (sizeof views / sizeof *views)

bool query_derived_reads(struct k2_sv sql, const char *table) {
    bool mine = false;
    for (size_t i = 0; i < VIEWS; i++)
        if (query_text_mentions(sql, views[i].name))
            mine |= strcmp(table, "instruments") == 0 ||
                    (views[i].table && strcmp(table, views[i].table) == 0);
    return mine;
}

/* --- making them --- */

static const char *type_of(enum k2_type type) {
    switch (type) {
    case K2_STR:
        return "VARCHAR";
    case K2_LIST:
        return "VARCHAR[]";
    case K2_MAP:
        return "MAP(VARCHAR, VARCHAR)";
    case K2_LONG:
        return "BIGINT";
    case K2_INT:
        return "INTEGER";
    case K2_DATE:
        return "DATE";
    case K2_STAMP:
        return "TIMESTAMPTZ";
    case K2_PRICE:
        return "DECIMAL(20,9)";
    case K2_QUANTITY:
        return "DECIMAL(28,10)";
    case K2_BYTES:
        return "BLOB";
    }
    return NULL;
}

/* Before the first definition there is no table instruments: none are then defined. */
static int make_instruments(struct query_engine *q, bool there, struct k2_err *err) {
    const struct k2_kind *kind = k2_kind(K2_KIND_INSTRUMENT);
    struct k2_buf sql = {0};
    k2_buf_str(&sql, "CREATE OR REPLACE VIEW " INSTRUMENTS " AS SELECT ");
    if (there)
        k2_buf_str(&sql, "* FROM " LAKE_NAMESPACE ".instruments");
    for (int i = 0; !there && i < kind->field_count; i++)
        k2_buf_printf(&sql, "CAST(NULL AS %s) AS %s, ", type_of(kind->fields[i].type),
                      kind->fields[i].name);
    if (!there)
        k2_buf_str(&sql, "CAST(NULL AS VARCHAR) AS message_id WHERE false");
    int rc = duck_exec(q->duck, k2_buf_cstr(&sql), err);
    k2_buf_free(&sql);
    return rc;
}

static int make_all(struct query_engine *q, const struct query_sources *sources,
                    struct k2_err *err) {
    K2_TRY(make_instruments(q, query_source_find(sources, "instruments") != NULL, err));
    for (size_t i = 0; i < VIEWS; i++)
        if (!views[i].table || query_source_find(sources, views[i].table))
            K2_TRY(duck_exec(q->duck, views[i].sql, err));
    return K2_OK;
}

int query_derived_make(struct query_engine *q, struct k2_sv sql,
                       const struct query_sources *sources, struct k2_err *err) {
    bool wanted = false;
    for (size_t i = 0; i < VIEWS; i++)
        wanted |= query_text_mentions(sql, views[i].name);
    if (!wanted && !sources->all)
        return K2_OK;
    int rc = make_all(q, sources, err);
    if (rc == K2_OK || wanted || rc == K2_E_CANCELLED)
        return rc;
    k2_err_clear(
        err); /* tables of these names that others made: no reason to fail a query of other tables */
    return K2_OK;
}
