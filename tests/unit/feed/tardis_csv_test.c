/* tardis-csv: what each type of Tardis' CSV files becomes, and what is wrong with them. */
#include "feed_helper.h"

#define COMMON "exchange,symbol,timestamp,local_timestamp,"
#define WHO "deribit,BTC-PERPETUAL,1583020803145000,1583020803307160,"
#define TRADES COMMON "id,side,price,amount\n"
#define CHANGES COMMON "is_snapshot,side,price,amount\n"
#define QUOTES COMMON "ask_amount,ask_price,bid_price,bid_amount\n"

static void decode_named(const char *name, const char *text, struct gathered *g) {
    struct feed_options o = plain_options(name);
    gather_init(g);
    decode_text("tardis-csv", &o, k2_sv_of(text), 0, g);
}

static void decode(const char *text, struct gathered *g) {
    decode_named("rows.csv", text, g);
}

static struct k2_sv pair(const struct gathered *g, uint32_t map, const char *key) {
    struct k2_sv blob = k2_interned(g->in, map), k, v;
    while (k2_blob_next(&blob, &k) && k2_blob_next(&blob, &v))
        if (k2_sv_eq(k, k2_sv_of(key)))
            return v;
    return (struct k2_sv){NULL, 0};
}

static k2_i128 units(const char *text, int scale) {
    k2_i128 out;
    assert_int_equal(k2_decimal_parse(k2_sv_of(text), 38, scale, &out, NULL), K2_OK);
    return out;
}
#define PX(text) units(text, K2_PRICE_SCALE)
#define QTY(text) units(text, K2_QUANTITY_SCALE)

static void a_trade_has_both_times_its_side_and_the_rest_in_extra(void **state) {
    (void)state;
    struct gathered g;
    decode(TRADES WHO "ccc3,sell,8531.5,2152\n" WHO ",unknown,-0.5,1e-3\n", &g);
    assert_int_equal(g.events, 2);
    const struct k2_trade *t = &g.all[0].event.trade;
    assert_string_equal(text_of(&g, t->exchange), "TARDIS");
    assert_string_equal(text_of(&g, t->channel), "BTC-PERPETUAL@deribit.trades");
    assert_true(t->exchange_timestamp_ns == INT64_C(1583020803145000000));
    assert_true(t->receive_timestamp_ns == INT64_C(1583020803307160000));
    assert_string_equal(text_of(&g, t->side), "SELL");
    assert_true(t->price == PX("8531.5") && t->quantity == QTY("2152"));
    assert_true(k2_sv_eq(pair(&g, t->extra, "trade_id"), K2_SV("ccc3")));
    assert_true(k2_sv_eq(pair(&g, t->extra, "exchange"), K2_SV("deribit")));
    t = &g.all[1].event.trade;
    assert_int_equal(t->exchange_sequence_number, 2);
    assert_int_equal(t->side, 0);
    assert_true(t->price == PX("-0.5") && t->quantity == QTY("0.001"));
    assert_true(pair(&g, t->extra, "trade_id").p == NULL);
    gather_free(&g);
}

static void
times_of_18_digits_and_more_are_nanoseconds_and_a_missing_one_is_the_local(void **state) {
    (void)state;
    struct gathered g;
    decode(TRADES "a,B,1583020803145000123,1583020803307160456,1,buy,1,1\n"
                  "a,B,,1583020803307160,1,buy,1,1\n",
           &g);
    assert_int_equal(g.events, 2);
    assert_true(g.all[0].event.trade.exchange_timestamp_ns == INT64_C(1583020803145000123));
    assert_true(g.all[0].event.trade.receive_timestamp_ns == INT64_C(1583020803307160456));
    assert_true(g.all[1].event.trade.exchange_timestamp_ns == INT64_C(1583020803307160000));
    gather_free(&g);
}

static void the_columns_may_stand_in_any_order_and_unknown_ones_are_extra(void **state) {
    (void)state;
    struct gathered g;
    decode("amount,zone,symbol,price,side,id,local_timestamp,timestamp,exchange\n"
           "2,x,B,1.5,buy,7,1583020803307160,1583020803145000,a\n",
           &g);
    assert_int_equal(g.events, 1);
    const struct k2_trade *t = &g.all[0].event.trade;
    assert_true(t->price == PX("1.5") && t->quantity == QTY("2"));
    assert_true(k2_sv_eq(pair(&g, t->extra, "zone"), K2_SV("x")));
    gather_free(&g);
}

static void the_name_of_the_file_tells_liquidations_and_book_tickers(void **state) {
    (void)state;
    static const struct {
        const char *name, *text, *channel;
        enum k2_kind_id kind;
    } files[] = {
        {"a/deribit_liquidations_2020-03-01_X.csv.gz", TRADES WHO "7,buy,1,2\n",
         "BTC-PERPETUAL@deribit.liquidations", K2_KIND_MESSAGE},
        {"liquidations/2020-03-01.csv", TRADES WHO "7,buy,1,2\n",
         "BTC-PERPETUAL@deribit.liquidations", K2_KIND_MESSAGE},
        {"liquidations/deribit_trades_2020-03-01_X.csv", TRADES WHO "7,buy,1,2\n",
         "BTC-PERPETUAL@deribit.trades", K2_KIND_TRADE},
        {"deribit_book_ticker_2020-03-01_X.csv", QUOTES WHO "1,2,3,4\n",
         "BTC-PERPETUAL@deribit.book_ticker", K2_KIND_QUOTE},
        {"deribit_quotes_2020-03-01_X.csv", QUOTES WHO "1,2,3,4\n", "BTC-PERPETUAL@deribit.quotes",
         K2_KIND_QUOTE},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct gathered g;
        decode_named(files[i].name, files[i].text, &g);
        assert_int_equal(g.events, 1);
        assert_int_equal(g.all[0].event.kind, files[i].kind);
        assert_string_equal(text_of(&g, g.all[0].event.head.channel), files[i].channel);
        if (files[i].kind == K2_KIND_MESSAGE)
            assert_true(k2_sv_eq(pair(&g, g.all[0].event.message.extra, "price"), K2_SV("1")));
        gather_free(&g);
    }
}

static void a_side_of_a_quote_may_be_missing_and_its_amount_is_not_lost(void **state) {
    (void)state;
    struct gathered g;
    decode(QUOTES WHO "5,,10,2\n" WHO "0,0,10,\n", &g);
    assert_int_equal(g.events, 2);
    const struct k2_quote *q = &g.all[0].event.quote;
    assert_true(q->bid_price == PX("10") && q->bid_quantity == QTY("2"));
    assert_true(q->ask_price == K2_NULL_DECIMAL && q->ask_quantity == K2_NULL_DECIMAL);
    assert_true(k2_sv_eq(pair(&g, q->extra, "ask_amount"), K2_SV("5")));
    q = &g.all[1].event.quote;
    assert_true(q->ask_price == K2_NULL_DECIMAL && q->bid_quantity == K2_NULL_DECIMAL);
    assert_true(pair(&g, q->extra, "ask_amount").p == NULL);
    gather_free(&g);
}

#define DEL(symbol, snapshot, price, amount)                                                       \
    "deribit," symbol ",1583020803145000,1583020803307160," snapshot ",bid," price "," amount "\n"

static void where_a_snapshot_of_a_book_begins_the_book_is_cleared(void **state) {
    (void)state;
    static const char *const actions[] = {"SET", "CLEAR",  "SET",   "CLEAR", "SET",
                                          "SET", "DELETE", "CLEAR", "SET"};
    static const int parts[] = {0, 0, 1, 0, 1, 0, 0, 0, 1};
    struct gathered g;
    decode(CHANGES DEL("A", "false", "1", "1") DEL("A", "true", "1", "1") DEL("B", "true", "1", "1")
               DEL("A", "true", "2", "1") DEL("A", "false", "1", "0") DEL("A", "true", "3", "1"),
           &g);
    assert_int_equal(g.events, 9);
    for (size_t i = 0; i < 9; i++) {
        const struct k2_book_event *b = &g.all[i].event.book_event;
        assert_string_equal(text_of(&g, b->action), actions[i]);
        assert_int_equal(b->part, parts[i]);
        assert_int_equal(!!(b->flags & K2_FLAG_SNAPSHOT), i != 0 && i != 6);
    }
    assert_true(g.all[6].event.book_event.quantity == K2_NULL_DECIMAL);
    assert_int_equal(g.all[8].event.book_event.exchange_sequence_number, 5);
    gather_free(&g);
}

static void a_refused_row_does_not_begin_a_snapshot(void **state) {
    (void)state;
    struct gathered g;
    decode(COMMON "is_snapshot,side,price,amount,note\n" WHO "true,bid,1,1,\xff\n" WHO
                  "true,bid,1,x,\n" WHO "true,bid,1,1,\n",
           &g);
    assert_true(g.events == 2 && g.rejects == 2);
    assert_string_equal(text_of(&g, g.all[2].event.book_event.action), "CLEAR");
    assert_int_equal(g.all[2].event.book_event.exchange_sequence_number, 3);
    gather_free(&g);
}

static void a_whole_book_is_cleared_and_set_level_by_level(void **state) {
    (void)state;
    struct gathered g;
    decode(COMMON "asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,asks[1].price,"
                  "asks[1].amount,bids[1].price,bids[1].amount\n" WHO "11,1,10,2,12,3,,\n",
           &g);
    assert_int_equal(g.events, 4);
    static const char *const sides[] = {"", "BUY", "SELL", "SELL"};
    static const char *const prices[] = {"0", "10", "11", "12"};
    static const int levels[] = {0, 1, 1, 2};
    for (size_t i = 1; i < 4; i++) {
        const struct k2_book_event *b = &g.all[i].event.book_event;
        assert_string_equal(text_of(&g, b->side), sides[i]);
        assert_true(b->price == PX(prices[i]));
        assert_int_equal(b->level, levels[i]);
        assert_int_equal(b->part, i);
    }
    assert_string_equal(text_of(&g, g.all[0].event.book_event.channel),
                        "BTC-PERPETUAL@deribit.book_snapshot_2");
    assert_string_equal(text_of(&g, g.all[0].event.book_event.action), "CLEAR");
    gather_free(&g);
}

#define TICKER                                                                                     \
    COMMON "funding_timestamp,funding_rate,predicted_funding_rate,open_interest,last_price,"       \
           "index_price,mark_price\n"

static void figures_are_statistics_and_one_that_is_too_fine_is_kept_as_text(void **state) {
    (void)state;
    struct gathered g;
    decode(TICKER WHO "1583020800000000,0.0000000001,,1000,9500.5,,\n" WHO ",,,,,,\n", &g);
    assert_int_equal(g.events, 3);
    const struct k2_statistic *s = &g.all[0].event.statistic;
    assert_string_equal(text_of(&g, s->statistic), "OPEN_INTEREST");
    assert_true(s->quantity == QTY("1000"));
    assert_true(k2_sv_eq(pair(&g, s->extra, "funding_rate"), K2_SV("0.0000000001")));
    assert_true(k2_sv_eq(pair(&g, s->extra, "funding_timestamp"), K2_SV("1583020800000000")));
    s = &g.all[1].event.statistic;
    assert_string_equal(text_of(&g, s->statistic), "LAST");
    assert_true(s->part == 1 && s->exchange_sequence_number == 1 && (s->flags & K2_FLAG_SHARED));
    assert_int_equal(g.all[2].event.kind, K2_KIND_MESSAGE);
    assert_int_equal(g.all[2].event.head.exchange_sequence_number, 2);
    gather_free(&g);
}

#define OPTIONS                                                                                    \
    COMMON "type,strike_price,expiration,open_interest,last_price,bid_price,bid_amount,bid_iv,"    \
           "ask_price,ask_amount,ask_iv,mark_price,mark_iv,underlying_index,underlying_price,"     \
           "delta,gamma,vega,theta,rho\n"

static void an_option_is_a_quote_and_figures_under_one_number(void **state) {
    (void)state;
    struct gathered g;
    decode(OPTIONS WHO "put,9875,1591689600000000,0.1,,0.02,15.1,55.91,0.03,15.2,68.94,0.0221,"
                       "62.89,SYN,9756.36,-0.6,0.1,2,-53,-0.2\n" WHO
                       "put,9875,1591689600000000,,,,15.1,,,,,,,,,,,,,\n",
           &g);
    assert_int_equal(g.events, 5);
    assert_int_equal(g.all[0].event.kind, K2_KIND_QUOTE);
    assert_true(k2_sv_eq(pair(&g, g.all[0].event.quote.extra, "delta"), K2_SV("-0.6")));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(g.all[i].event.head.exchange_sequence_number, 1);
        assert_int_equal(g.all[i].event.head.part, i);
    }
    assert_string_equal(text_of(&g, g.all[3].event.statistic.statistic), "UNDERLYING_PRICE");
    assert_int_equal(g.all[4].event.kind, K2_KIND_MESSAGE);
    assert_true(k2_sv_eq(pair(&g, g.all[4].event.message.extra, "bid_amount"), K2_SV("15.1")));
    gather_free(&g);
}

static void a_bad_row_is_refused_alone_and_uses_up_its_number(void **state) {
    (void)state;
    static const struct {
        const char *row, *reason;
        bool numbered;
    } rows[] = {
        {WHO "1,sell,x,1\n", "MALFORMED", true},
        {WHO "1,sell,,1\n", "MALFORMED", true},
        {WHO "1,sell,1,-1\n", "MALFORMED", true},
        {WHO "1,middle,1,1\n", "MALFORMED", true},
        {WHO "1,sell,99999999999999,1\n", "RANGE", true},
        {WHO "1,sell,1\n", "MALFORMED", false},
        {"deribit,,1583020803145000,1583020803307160,1,sell,1,1\n", "MALFORMED", false},
        {"deribit,BTC-PERPETUAL,99999999999999999,,1,sell,1,1\n", "RANGE", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gathered g;
        struct k2_buf text = {0};
        k2_buf_printf(&text, "%s%s%s%s", TRADES, WHO "1,buy,1,1\n", rows[i].row, WHO "1,buy,1,1\n");
        decode(k2_buf_cstr(&text), &g);
        assert_true(g.events == 2 && g.rejects == 1);
        assert_true(g.all[1].rejected && g.all[1].position == 3);
        assert_string_equal(g.all[1].reason, rows[i].reason);
        assert_int_equal(g.all[1].numbered, rows[i].numbered);
        assert_int_equal(g.all[2].event.head.exchange_sequence_number, 2 + rows[i].numbered);
        k2_buf_free(&text);
        gather_free(&g);
    }
}

static void rows_under_a_header_of_something_else_are_refused(void **state) {
    (void)state;
    static const char *const headers[] = {"price,amount\n", COMMON "price\n",
                                          COMMON "id,side,price,amount,trade_id\n",
                                          COMMON "asks[0].price,asks[0].amount\n",
                                          COMMON "asks[1].price,asks[1].amount,bids[1].price,"
                                                 "bids[1].amount\n"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct gathered g;
        struct k2_buf text = {0};
        k2_buf_printf(&text, "%s1,2\n", headers[i]);
        decode(k2_buf_cstr(&text), &g);
        assert_true(g.events == 0 && g.rejects == 2);
        assert_true(feed_detect(K2_SV("x.csv"), k2_buf_view(&text)) == NULL);
        k2_buf_free(&text);
        gather_free(&g);
    }
}

static void the_header_tells_the_format(void **state) {
    (void)state;
    static const char *const files[] = {TRADES, CHANGES, QUOTES, TICKER, OPTIONS};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const struct feed_ops *ops = feed_detect(K2_SV("x.csv"), k2_sv_of(files[i]));
        assert_non_null(ops);
        assert_string_equal(ops->name, "tardis-csv");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trade_has_both_times_its_side_and_the_rest_in_extra),
        cmocka_unit_test(
            times_of_18_digits_and_more_are_nanoseconds_and_a_missing_one_is_the_local),
        cmocka_unit_test(the_columns_may_stand_in_any_order_and_unknown_ones_are_extra),
        cmocka_unit_test(the_name_of_the_file_tells_liquidations_and_book_tickers),
        cmocka_unit_test(a_side_of_a_quote_may_be_missing_and_its_amount_is_not_lost),
        cmocka_unit_test(where_a_snapshot_of_a_book_begins_the_book_is_cleared),
        cmocka_unit_test(a_refused_row_does_not_begin_a_snapshot),
        cmocka_unit_test(a_whole_book_is_cleared_and_set_level_by_level),
        cmocka_unit_test(figures_are_statistics_and_one_that_is_too_fine_is_kept_as_text),
        cmocka_unit_test(an_option_is_a_quote_and_figures_under_one_number),
        cmocka_unit_test(a_bad_row_is_refused_alone_and_uses_up_its_number),
        cmocka_unit_test(rows_under_a_header_of_something_else_are_refused),
        cmocka_unit_test(the_header_tells_the_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
