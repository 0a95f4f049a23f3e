/* lean: rows of every form by hand, bad ones, every cut, paths. */
#include "feed_helper.h"

#define USA "/d/equity/usa/"
#define IBM USA "tick/ibm/20131007_trade.zip/20131007_ibm_Trade_Tick.csv"
#define IBM_QUOTE USA "tick/ibm/20131007_quote.zip/20131007_ibm_Quote_Tick.csv"
#define EUR "/d/forex/oanda/"

static void decode(const char *name, const char *text, size_t step, struct gathered *g) {
    struct feed_options o = plain_options(name);
    gather_init(g);
    decode_text("lean", &o, k2_sv_of(text), step, g);
}

static struct k2_sv pair(const struct gathered *g, uint32_t map, const char *key) {
    struct k2_sv blob = k2_interned(g->in, map), k, v;
    while (k2_blob_next(&blob, &k) && k2_blob_next(&blob, &v))
        if (k2_sv_eq(k, k2_sv_of(key)))
            return v;
    return (struct k2_sv){NULL, 0};
}

static void an_equity_trade_has_venue_conditions_and_suspicion(void **state) {
    (void)state;
    struct gathered g;
    decode(IBM, "14430270.25,1815200,283,P,20002020,1\n14430271,1815200,283,,0,0\n", 0, &g);
    assert_int_equal(g.events, 2);
    const struct k2_trade *t = &g.all[0].event.trade;
    assert_string_equal(text_of(&g, t->exchange), "US-EQUITY");
    assert_string_equal(text_of(&g, t->symbol), "IBM");
    assert_string_equal(text_of(&g, t->channel), "20131007_ibm_tick_trade");
    assert_true(t->price == (k2_i128)181520000000 && t->quantity == (k2_i128)2830000000000);
    assert_true(t->exchange_timestamp_ns == INT64_C(1381132830270250000)); /* UTC-4 */
    assert_string_equal(text_of(&g, t->venue), "P");
    struct k2_sv blob = k2_interned(g.in, t->conditions), code;
    static const char *const codes[] = {"20", "2000", "20000000"};
    for (size_t i = 0; i < 3; i++)
        assert_true(k2_blob_next(&blob, &code) && k2_sv_eq(code, k2_sv_of(codes[i])));
    assert_false(k2_blob_next(&blob, &code));
    assert_true(k2_sv_eq(pair(&g, t->extra, "suspicious"), K2_SV("1")));
    t = &g.all[1].event.trade;
    assert_true(t->conditions == 0 && t->extra == 0 && t->venue == 0);
    assert_int_equal(t->exchange_sequence_number, 2);
    gather_free(&g);
}

static void a_quote_tells_of_one_side_or_of_both(void **state) {
    (void)state;
    struct gathered g;
    decode(IBM_QUOTE, "14400054,0,0,1836300,100,Q,1,0\n", 0, &g);
    const struct k2_quote *q = &g.all[0].event.quote;
    assert_true(q->bid_price == K2_NULL_DECIMAL && q->bid_quantity == K2_NULL_DECIMAL);
    assert_true(q->ask_price == (k2_i128)183630000000);
    gather_free(&g);
    decode(EUR "tick/eurusd/20140501_quote.zip/20140501_eurusd_tick_quote.csv",
           "292,1.38676,1.38686\n86399999,1.38676,1.38687\n", 0, &g);
    q = &g.all[0].event.quote;
    assert_string_equal(text_of(&g, q->exchange), "OANDA");
    assert_true(q->exchange_timestamp_ns == INT64_C(1398902400292000000)); /* UTC */
    assert_true(q->bid_price == (k2_i128)1386760000 && q->ask_quantity == K2_NULL_DECIMAL);
    /* 17:00 in New York begins the next session, and its numbers */
    assert_int_equal(g.all[1].event.quote.trade_date, q->trade_date + 1);
    assert_int_equal(g.all[1].event.quote.exchange_sequence_number, 1);
    gather_free(&g);
}

static void a_quote_bar_is_a_bar_of_each_side(void **state) {
    (void)state;
    struct gathered g;
    decode("/d/future/comex/minute/gc/20131007_quote.zip/20131007_gc_minute_quote_201312.csv",
           "60000,1312.7,1312.9,1312.6,1312.8,1,1313.1,1313.3,1313.0,1313.2,4\n"
           "120000,,,,,0,1313.1,1313.1,1313.1,1313.1,4\n"
           "180000,,,,,0,,,,,0\n",
           0, &g);
    assert_true(g.events == 3 && g.rejects == 1);
    const struct k2_bar *b = &g.all[1].event.bar;
    assert_string_equal(text_of(&g, b->symbol), "GC_201312");
    assert_string_equal(text_of(&g, b->side), "ASK");
    assert_true(b->interval_ns == 60 * K2_NS_PER_SEC && b->part == 1);
    assert_true(b->exchange_sequence_number == 1 && (b->flags & K2_FLAG_LAST));
    assert_false(g.all[0].event.bar.flags & K2_FLAG_LAST);
    assert_true(b->open == (k2_i128)1313100000000 && b->high == (k2_i128)1313300000000);
    assert_true(b->low == (k2_i128)1313000000000 && b->close == (k2_i128)1313200000000);
    assert_true(k2_sv_eq(pair(&g, b->extra, "last_size"), K2_SV("4")));
    assert_true(g.all[2].event.bar.part == 0 && (g.all[2].event.bar.flags & K2_FLAG_LAST));
    assert_string_equal(g.all[3].reason, "INVALID");
    gather_free(&g);
}

static void bars_of_hours_and_days_say_their_own_dates(void **state) {
    (void)state;
    struct gathered g;
    decode(USA "daily/ibm.zip/ibm.csv",
           "19980102 00:00,1045000,1057500,1040600,1057500,2563200\n19980705 00:00,1,2,1,2,3\n", 0,
           &g);
    const struct k2_bar *b = &g.all[0].event.bar;
    assert_string_equal(text_of(&g, b->channel), "ibm_daily");
    assert_true(b->interval_ns == 86400 * K2_NS_PER_SEC && b->side == 0);
    assert_true(b->open == (k2_i128)104500000000 && b->volume == (k2_i128)25632000000000000);
    assert_true(b->exchange_timestamp_ns == INT64_C(883717200000000000)); /* UTC-5 */
    assert_int_equal(g.all[1].event.bar.exchange_sequence_number, 1);
    gather_free(&g);
    decode("/d/crypto/gdax/hour/btcusd_quote.zip/btcusd.csv",
           "20190224 00:00,10.10,10.12,10.10,10.11,209324.91,10.11,10.13,10.11,10.12,4e-5\n", 0,
           &g);
    assert_int_equal(g.events, 2);
    assert_string_equal(text_of(&g, g.all[0].event.bar.exchange), "COINBASE");
    assert_string_equal(text_of(&g, g.all[0].event.bar.channel), "btcusd_hour_quote");
    gather_free(&g);
}

static void open_interest_is_a_statistic(void **state) {
    (void)state;
    struct gathered g;
    decode("/d/comex/tick/gc/20131007_openinterest.zip/20131007_gc_tick_openinterest_201310.csv",
           "22068523,458\n", 0, &g);
    const struct k2_statistic *s = &g.all[0].event.statistic;
    assert_string_equal(text_of(&g, s->statistic), "OPEN_INTEREST");
    assert_true(s->quantity == (k2_i128)4580000000000);
    gather_free(&g);
}

static void renames_and_factors_hold_from_the_day_behind_the_row_before(void **state) {
    (void)state;
    struct gathered g;
    decode(USA "map_files/twx.csv", "19980102,aol,N\n20031015,aol,N\n20501231,twx\n", 0, &g);
    assert_int_equal(g.events, 3);
    static const char *const actions[] = {"DEFINE", "MODIFY", "MODIFY"};
    static const int32_t days[] = {10228, 10228, 12341};
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(text_of(&g, g.all[i].event.instrument.action), actions[i]);
        assert_int_equal(g.all[i].event.instrument.trade_date, days[i]);
    }
    const struct k2_instrument *in = &g.all[2].event.instrument;
    assert_string_equal(text_of(&g, in->symbol), "TWX");
    assert_true(k2_sv_eq(pair(&g, in->extra, "ticker"), K2_SV("twx")));
    assert_true(k2_sv_eq(pair(&g, in->extra, "until"), K2_SV("2050-12-31")));
    gather_free(&g);
    decode(USA "factor_files/aapl.csv", "19980102,0.8613657,0.00892857,1\n20501231,1,1,0", 0, &g);
    assert_int_equal(g.events, 6);
    assert_string_equal(text_of(&g, g.all[1].event.statistic.statistic), "SPLIT_FACTOR");
    assert_true(g.all[1].event.statistic.price == (k2_i128)8928570);
    assert_int_equal(g.all[1].event.statistic.part, 1);
    gather_free(&g);
}

static void a_bad_row_is_refused_once_and_uses_up_its_number(void **state) {
    (void)state;
    static const char *const rows[] = {
        "x,1815200,283,P,0,0\n",        "14430270,1815200,283,P\n",
        "14430270,18x,283,P,0,0\n",     "14430270,1815200,-1,P,0,0\n",
        "86400000,1815200,283,P,0,0\n", "14430270,1815200,283,\x01,0,0\n",
        "1,2,3,4,5,6,7,8,9,10,11,12\n"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct gathered g;
        struct k2_buf text = {0};
        k2_buf_str(&text, "14430270,1815200,283,P,0,0\n");
        k2_buf_str(&text, rows[i]);
        k2_buf_str(&text, "14430270,1815200,283,P,0,0\n");
        decode(IBM, k2_buf_cstr(&text), 0, &g);
        assert_true(g.events == 2 && g.rejects == 1 && g.all[1].rejected && g.all[1].numbered);
        assert_int_equal(g.all[1].event.head.exchange_sequence_number, 2);
        assert_int_equal(g.all[2].event.head.exchange_sequence_number, 3);
        k2_buf_free(&text);
        gather_free(&g);
    }
}

static void every_cut_gives_the_same(void **state) {
    (void)state;
    static const char text[] = "60000,1,2,1,2,5,3,4,3,4,6\r\nbad\n\n61000,1,2,1,2,5,3,4,3,4,6";
    static const char name[] = USA "minute/spy/20131007_quote.zip/20131007_spy_minute_quote.csv";
    struct gathered whole;
    decode(name, text, 0, &whole);
    assert_true(whole.events == 4 && whole.rejects == 1);
    for (size_t step = 1; step < 40; step++) {
        struct gathered g;
        decode(name, text, step, &g);
        assert_int_equal(g.n, whole.n);
        for (size_t i = 0; i < g.n; i++)
            assert_int_equal(g.all[i].event.head.exchange_sequence_number,
                             whole.all[i].event.head.exchange_sequence_number);
        gather_free(&g);
    }
    gather_free(&whole);
}

static void a_path_that_does_not_say_enough_is_an_error(void **state) {
    (void)state;
    static const struct {
        const char *path, *says;
    } bad[] = {
        {"notes.txt", "named as LEAN"},
        {"/d/usa/ibm.csv", "the resolution"},
        {"/d/20131007_ibm_minute_trade.csv", "the market"},
    };
    const struct feed_ops *ops = feed_find(K2_SV("lean"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct k2_err err = {0};
        struct gathered g;
        void *memory = calloc(1, ops->state_size);
        struct feed_options o = plain_options(bad[i].path);
        gather_init(&g);
        assert_int_equal(ops->init(ops, memory, &o, g.in, &err), K2_E_INVALID);
        assert_non_null(strstr(err.msg, bad[i].says));
        ops->fini(memory);
        free(memory);
        gather_free(&g);
    }
}

static void an_exchange_that_is_given_stands_for_the_market(void **state) {
    (void)state;
    struct gathered g;
    struct feed_options o = plain_options("20131007_ibm_minute_trade.csv");
    o.exchange = K2_SV("US-EQUITY");
    gather_init(&g);
    decode_text("lean", &o, K2_SV("14400000,1815200,1818000,1815200,1818000,1283\n"), 0, &g);
    assert_true(g.all[0].event.bar.open == (k2_i128)181520000000);
    assert_true(g.all[0].event.bar.exchange_timestamp_ns == INT64_C(1381132800000000000));
    gather_free(&g);
}

static void files_are_told_by_name_and_shape(void **state) {
    (void)state;
    const struct feed_ops *lean = feed_find(K2_SV("lean"));
    assert_ptr_equal(feed_detect(K2_SV("20131007_trade.zip/20131007_ibm_Trade_Tick.csv"),
                                 K2_SV("14430270,1815200,283,P,20002020,0\n")),
                     lean);
    assert_ptr_equal(feed_detect(K2_SV("ibm.zip/ibm.csv"),
                                 K2_SV("19980102 00:00,1045000,1057500,1040600,1057500,2563200\n")),
                     lean);
    assert_ptr_equal(feed_detect(K2_SV("ibm.csv"), K2_SV("19980102,ibm,N\n")), lean);
    assert_ptr_equal(feed_detect(K2_SV("ibm.csv"), K2_SV("19980102,0.62,0.5,1\n")), lean);
    assert_null(feed_detect(K2_SV("ibm.csv"), K2_SV("14430270,1815200,283,P,20002020,0\n")));
    assert_null(feed_detect(K2_SV("20131007_ibm_minute_trade.csv"), K2_SV("time,open\n")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_equity_trade_has_venue_conditions_and_suspicion),
        cmocka_unit_test(a_quote_tells_of_one_side_or_of_both),
        cmocka_unit_test(a_quote_bar_is_a_bar_of_each_side),
        cmocka_unit_test(bars_of_hours_and_days_say_their_own_dates),
        cmocka_unit_test(open_interest_is_a_statistic),
        cmocka_unit_test(renames_and_factors_hold_from_the_day_behind_the_row_before),
        cmocka_unit_test(a_bad_row_is_refused_once_and_uses_up_its_number),
        cmocka_unit_test(every_cut_gives_the_same),
        cmocka_unit_test(a_path_that_does_not_say_enough_is_an_error),
        cmocka_unit_test(an_exchange_that_is_given_stands_for_the_market),
        cmocka_unit_test(files_are_told_by_name_and_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
