/* The views over rows: what a symbol meant on a date, and what is odd about trades and quotes. */
#include "world.h"

#define DAY "2024-03-"
#define E9 INT64_C(1000000000)

static uint32_t map_of(struct world *w, const char *key, const char *value) {
    struct k2_buf blob = {0};
    k2_blob_add(&blob, k2_sv_of(key));
    k2_blob_add(&blob, k2_sv_of(value));
    uint32_t id = k2_intern(w->in, k2_buf_view(&blob));
    k2_buf_free(&blob);
    return id;
}

static struct k2_event event_of(struct world *w, enum k2_kind_id kind, const char *symbol,
                                const char *time) {
    struct k2_event e;
    k2_event_blank(&e, kind);
    e.head.exchange = world_str(w, "XNAS");
    e.head.symbol = world_str(w, symbol);
    e.head.channel = world_str(w, "c");
    e.head.exchange_timestamp_ns = world_time(time);
    e.head.exchange_timestamp = k2_floor_us(e.head.exchange_timestamp_ns);
    e.head.trade_date = k2_date_of(e.head.exchange_timestamp_ns);
    e.head.exchange_sequence_number = ++w->sequence;
    return e;
}

/* tick in units of 1e-9; extra as a pair, or NULL. */
static void define(struct world *w, const char *symbol, const char *date, const char *action,
                   int64_t tick, const char *key, const char *value) {
    struct k2_event e = event_of(w, K2_KIND_INSTRUMENT, symbol, date);
    e.instrument.action = world_str(w, action);
    e.instrument.tick_size = tick;
    e.instrument.lot_size = (k2_i128)100 * 10000000000;
    e.instrument.extra = key ? map_of(w, key, value) : 0;
    world_append(w, &e);
}

static void trade(struct world *w, const char *symbol, const char *time, int64_t price,
                  int64_t quantity, int64_t receive_ns) {
    struct k2_event e = event_of(w, K2_KIND_TRADE, symbol, time);
    e.trade.price = price;
    e.trade.quantity = (k2_i128)quantity * 10000000000;
    e.trade.receive_timestamp_ns = receive_ns;
    world_append(w, &e);
}

static void quote(struct world *w, const char *symbol, const char *time, int64_t bid, int64_t ask) {
    struct k2_event e = event_of(w, K2_KIND_QUOTE, symbol, time);
    e.quote.bid_price = bid;
    if (ask) /* else there is none */
        e.quote.ask_price = ask;
    world_append(w, &e);
}

static void make_definitions(struct world *w) {
    define(w, "FB", DAY "01", "DEFINE", E9 / 100, NULL, NULL); /* every day the same ... */
    define(w, "FB", DAY "04", "DEFINE", E9 / 100, NULL, NULL);
    define(w, "FB", DAY "05", "DEFINE", E9 / 10, NULL, NULL); /* ... then another tick ... */
    define(w, "FB", DAY "08", "DELETE", E9 / 10, NULL, NULL); /* ... then gone ... */
    define(w, "FB", DAY "12", "DEFINE", E9, NULL, NULL);      /* ... and used again */
    define(w, "BAC", DAY "01", "DEFINE", 1, "ticker", "nb");  /* a rename, as LEAN tells it */
    define(w, "BAC", DAY "06", "MODIFY", 1, "ticker", "bac");
    define(w, "OLD", DAY "01", "DEFINE", 1, "delisting_date", "2024-03-09");
    define(w, "EFF", DAY "01", "DEFINE", 1, "ts_effective", "2024-03-20T00:00:00Z");
}

static void make_trades(struct world *w) {
    for (int i = 0; i < 12; i++)
        trade(w, "FB", DAY "05T10:00:00Z", 100 * E9 + i % 2 * (E9 / 10), 100, K2_NULL_LONG);
    trade(w, "FB", DAY "05T10:00:02Z", 150 * E9, 100, K2_NULL_LONG);            /* outlier */
    trade(w, "FB", DAY "05T10:00:03Z", 100 * E9 + E9 / 100, 150, K2_NULL_LONG); /* off tick, odd */
    trade(w, "FB", DAY "05T10:00:02.5Z", 100 * E9, 100, K2_NULL_LONG);          /* backwards */
    trade(w, "FB", DAY "05T10:00:04Z", 100 * E9, 100, world_time(DAY "05T10:00:10Z")); /* stale */
    trade(w, "FB", DAY "04T10:00:00Z", 100 * E9 + E9 / 100, 100, K2_NULL_LONG); /* fine then */
    trade(w, "ZZZ", DAY "05T10:00:00Z", 7, 1, K2_NULL_LONG); /* nothing is known of it */
    quote(w, "FB", DAY "05T10:00:00Z", 101 * E9, 100 * E9);
    quote(w, "FB", DAY "05T10:00:01Z", 100 * E9, 100 * E9);
    quote(w, "FB", DAY "05T10:00:02Z", 99 * E9, 0);
}

static int set_up(void **state) {
    static struct world w;
    world_open(&w);
    make_definitions(&w);
    make_trades(&w);
    world_commit(&w);
    world_sink(&w);
    world_engine(&w);
    *state = &w;
    return 0;
}

static int tear_down(void **state) {
    world_close(*state);
    return 0;
}

static void equal_definitions_are_one_line_and_a_deleted_symbol_can_come_again(void **state) {
    world_expect(*state,
                 "SELECT valid_from, valid_to, tick_size, definition_rows FROM definitions "
                 "WHERE symbol = 'FB' ORDER BY 1",
                 "2024-03-01,2024-03-05,0.010000000,2\n2024-03-05,2024-03-08,0.100000000,1\n"
                 "2024-03-12,,1.000000000,1\n");
}

static void a_renamed_instrument_ends_under_its_old_symbol(void **state) {
    world_expect(*state,
                 "SELECT symbol, valid_from, valid_to FROM definitions WHERE instrument = 'BAC' "
                 "ORDER BY 2",
                 "NB,2024-03-01,2024-03-06\nBAC,2024-03-06,\n");
}

static void what_a_definition_says_of_its_dates_counts(void **state) {
    world_expect(
        *state,
        "SELECT symbol, valid_from, valid_to FROM definitions WHERE symbol IN ('OLD', 'EFF') "
        "ORDER BY 1",
        "EFF,2024-03-20,\nOLD,2024-03-01,2024-03-09\n");
}

static void a_symbol_on_a_date_is_one_definition(void **state) {
    world_expect(
        *state,
        "SELECT tick_size FROM definitions WHERE symbol = 'FB' AND valid_from <= '2024-03-06' "
        "AND (valid_to IS NULL OR '2024-03-06' < valid_to)",
        "0.100000000\n");
}

static void odd_trades_are_flagged_and_none_is_dropped(void **state) {
    world_expect(*state, "SELECT count(*) FROM checked_trades", "18\n");
    world_expect(*state,
                 "SELECT checks, count(*) FROM checked_trades GROUP BY 1 ORDER BY 2 DESC, 1",
                 "[],14\n\"[\"\"BACKWARDS\"\"]\",1\n\"[\"\"OFF_TICK\"\",\"\"ODD_LOT\"\"]\",1\n"
                 "\"[\"\"OUTLIER\"\"]\",1\n\"[\"\"STALE\"\"]\",1\n");
    world_expect(
        *state,
        "SELECT price, quantity FROM checked_trades WHERE list_contains(checks, 'OFF_TICK')",
        "100.010000000,150.0000000000\n");
}

static void crossed_and_locked_quotes_are_flagged(void **state) {
    world_expect(*state,
                 "SELECT bid_price, ask_price, checks FROM checked_quotes ORDER BY "
                 "exchange_timestamp_ns",
                 "101.000000000,100.000000000,\"[\"\"CROSSED\"\"]\"\n"
                 "100.000000000,100.000000000,\"[\"\"LOCKED\"\"]\"\n99.000000000,,[]\n");
}

/* The columns of a table are those of its checked view, and one more. */
static void a_checked_row_is_the_row(void **state) {
    world_expect(*state,
                 "SELECT count(*) FROM (SELECT * EXCLUDE checks FROM checked_trades EXCEPT ALL "
                 "SELECT * FROM trades)",
                 "0\n");
}

/* Files of other dates are not opened, although rows are compared with each other. */
static void a_date_prunes_through_the_checks(void **state) {
    struct world *w = *state;
    struct query_request request = {
        .sql = K2_SV("SELECT count(*) FROM checked_trades WHERE trade_date = '2024-03-04'")};
    struct query_result *result;
    CHECK_OK(query_run(w->engine, &request, &result, &w->err), &w->err);
    struct query_stats stats = query_result_stats(result);
    int seen = 0;
    for (int i = 0; i < stats.scan_count; i++)
        if (strcmp(stats.scans[i].table, "trades") == 0) {
            assert_int_equal(stats.scans[i].files_total, 2);
            assert_int_equal(stats.scans[i].files_read, 1);
            seen++;
        }
    assert_int_equal(seen, 1);
    query_result_free(result);
    world_expect(w, "SELECT count(*) FROM checked_trades WHERE trade_date = '2024-03-04'", "1\n");
}

static void a_bare_symbol_must_be_of_one_exchange(void **state) {
    struct world *w = *state;
    struct symbol_name name;
    struct k2_err err = {0};
    CHECK_OK(symbol_resolve(w->engine, "ZZZ", &name, &err), &err);
    assert_string_equal(name.exchange, "XNAS");
    symbol_name_free(&name);
    CHECK_OK(symbol_resolve(w->engine, "NASDAQ.FB", &name, &err), &err);
    assert_string_equal(name.exchange, "XNAS");
    assert_string_equal(name.symbol, "FB");
    symbol_name_free(&name);
    assert_int_equal(symbol_resolve(w->engine, "ZZY", &name, &err), K2_E_NOTFOUND);
    assert_non_null(strstr(err.msg, "XNAS.ZZZ"));
}

static void a_symbol_of_two_exchanges_is_asked_back(void **state) {
    (void)state;
    struct world w;
    struct symbol_name name;
    world_open(&w);
    const int64_t t = world_time(DAY "05");
    static const char *const codes[] = {"ASX", "NASDAQ", "XNAS"};
    for (size_t i = 0; i < 3; i++) {
        struct k2_event e = world_trade(&w, codes[i], i ? "FB" : "BHP", t, 1, 1);
        world_append(&w, &e);
        e = world_trade(&w, codes[i], "ALL", t, 1, 1);
        world_append(&w, &e);
    }
    world_commit(&w);
    world_sink(&w);
    world_engine(&w);
    CHECK_OK(symbol_resolve(w.engine, "FB", &name, &w.err), &w.err); /* one exchange, two codes */
    symbol_name_free(&name);
    assert_int_equal(symbol_resolve(w.engine, "ALL", &name, &w.err), K2_E_USAGE);
    assert_non_null(strstr(w.err.msg, "ASX.ALL, NASDAQ.ALL"));
    world_close(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_definitions_are_one_line_and_a_deleted_symbol_can_come_again),
        cmocka_unit_test(a_renamed_instrument_ends_under_its_old_symbol),
        cmocka_unit_test(what_a_definition_says_of_its_dates_counts),
        cmocka_unit_test(a_symbol_on_a_date_is_one_definition),
        cmocka_unit_test(odd_trades_are_flagged_and_none_is_dropped),
        cmocka_unit_test(crossed_and_locked_quotes_are_flagged),
        cmocka_unit_test(a_checked_row_is_the_row),
        cmocka_unit_test(a_date_prunes_through_the_checks),
        cmocka_unit_test(a_bare_symbol_must_be_of_one_exchange),
        cmocka_unit_test(a_symbol_of_two_exchanges_is_asked_back),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
