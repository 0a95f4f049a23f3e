/* Reference tables: LEAN's symbol properties and securities, Databento's JSON lines. */
#include "feed_helper.h"

static void decode(const char *format, int32_t date, const char *text, size_t step,
                   struct gathered *g) {
    struct feed_options o = plain_options("/d/table");
    o.date = date;
    gather_init(g);
    decode_text(format, &o, k2_sv_of(text), step, g);
}

static struct k2_sv pair(const struct gathered *g, uint32_t map, const char *key) {
    struct k2_sv blob = k2_interned(g->in, map), k, v;
    while (k2_blob_next(&blob, &k) && k2_blob_next(&blob, &v))
        if (k2_sv_eq(k, k2_sv_of(key)))
            return v;
    return (struct k2_sv){NULL, 0};
}

static const char properties[] =
    "market,symbol,type,description,quote_currency,contract_multiplier,minimum_price_variation,"
    "lot_size,market_ticker,minimum_order_size,price_magnifier,strike_multiplier\n"
    "\n# a comment, of no row\n"
    "cme,ES,future,E-mini S&P 500,USD,50,0.25,1,,1\n"
    "usa,[*],equity,,USD,1,0.01,1\n"
    "kraken,XBTUSD,crypto,XBT/USD,USD,1,1e-05,0.00000001,XXBTZUSD,0.0001\n"
    "usa,NQX,indexoption,Reduced,USD,100,0.05,1,,,,5\n"
    "kraken,ANKRBTC,crypto,ANKR/XBT,BTC,1,0.0000000001,0.00000001\n"
    "cme,ES,future,short\n"
    "cme,,future,none,USD,50,0.25,1\n";

static void symbol_properties_become_definitions(void **state) {
    (void)state;
    for (size_t step = 0; step < 60; step += 7) {
        struct gathered g;
        decode("lean-symbols", INT32_MIN, properties, step, &g);
        assert_int_equal(g.events, 4);
        assert_int_equal(g.rejects, 3);
        const struct k2_instrument *i = &g.all[0].event.instrument;
        assert_string_equal(text_of(&g, i->exchange), "CME");
        assert_string_equal(text_of(&g, i->symbol), "ES");
        assert_string_equal(text_of(&g, i->channel), "future/ES");
        assert_string_equal(text_of(&g, i->instrument_type), "FUTURE");
        assert_true(i->tick_size == (k2_i128)250000000);
        assert_true(i->lot_size == (k2_i128)10000000000);
        assert_true(i->multiplier == (k2_i128)500000000000);
        assert_int_equal(i->trade_date, 0);
        assert_int_equal(i->exchange_sequence_number, 1);
        assert_true(k2_sv_eq(pair(&g, i->extra, "minimum_order_size"), K2_SV("1")));
        i = &g.all[1].event.instrument;
        assert_string_equal(text_of(&g, i->exchange), "US-EQUITY");
        assert_string_equal(text_of(&g, i->symbol), "*");
        assert_true(g.all[2].event.instrument.tick_size == (k2_i128)10000); /* 1e-05 */
        i = &g.all[3].event.instrument;
        assert_string_equal(text_of(&g, i->instrument_type), "INDEX_OPTION");
        assert_true(k2_sv_eq(pair(&g, i->extra, "strike_multiplier"), K2_SV("5")));
        assert_true(g.all[4].rejected && g.all[4].numbered);
        assert_string_equal(g.all[4].reason, "RANGE");
        assert_string_equal(g.all[5].reason, "MALFORMED");
        assert_string_equal(g.all[6].reason, "INVALID");
        gather_free(&g);
    }
}

/* A table that grew in its middle gave every later row another number. */
static void a_row_keeps_its_number_when_lines_come_before_it(void **state) {
    (void)state;
    struct gathered g;
    decode("lean-securities", 19000,
           "IBM R735QTJ8XC9X,1,BBG000BLNNH6,2005973,US4592001014,51143\n"
           "AAPL R735QTJ8XC9X,2,,,US0378331005,\nAAPL R735QTJ8XC9X,2,,,US0378331005,\n",
           0, &g);
    assert_int_equal(g.events, 3);
    const struct k2_instrument *i = &g.all[1].event.instrument;
    assert_string_equal(text_of(&g, i->symbol), "AAPL");
    assert_int_equal(i->exchange_sequence_number, 1);
    assert_int_equal(g.all[2].event.instrument.exchange_sequence_number, 2);
    assert_int_equal(i->trade_date, 19000);
    assert_true(i->exchange_timestamp_ns == 19000 * K2_NS_PER_DAY);
    assert_true(k2_sv_eq(pair(&g, i->extra, "lean_id"), K2_SV("R735QTJ8XC9X")));
    assert_true(k2_sv_eq(pair(&g, i->extra, "isin"), K2_SV("US0378331005")));
    assert_int_equal(pair(&g, i->extra, "figi").n, 0);
    gather_free(&g);
}

static const char security[] =
    "{\"ts_record\":\"2024-08-07T23:00:00Z\",\"ts_effective\":\"2024-08-15T00:00:00Z\","
    "\"listing_id\":\"L-1\",\"operating_mic\":\"XNAS\",\"local_code\":\"AAPL\",\"lot_size\":100,"
    "\"isin\":\"US0378331005\",\"trading_currency\":\"USD\",\"security_type\":\"EQS\","
    "\"issuer_name\":\"Apple Inc\",\"gics\":null}\n";

static void a_security_master_record_is_dated_by_when_it_was_known(void **state) {
    (void)state;
    struct gathered g;
    decode("databento-security-master", INT32_MIN, security, 0, &g);
    assert_int_equal(g.events, 1);
    const struct k2_instrument *i = &g.all[0].event.instrument;
    assert_string_equal(text_of(&g, i->exchange), "XNAS");
    assert_string_equal(text_of(&g, i->symbol), "AAPL");
    assert_string_equal(text_of(&g, i->venue_id), "L-1");
    assert_string_equal(text_of(&g, i->currency), "USD");
    assert_true(i->lot_size == (k2_i128)1000000000000);
    assert_int_equal(i->trade_date, 19942); /* 2024-08-07 */
    assert_true(k2_sv_eq(pair(&g, i->extra, "ts_effective"), K2_SV("2024-08-15T00:00:00Z")));
    assert_int_equal(pair(&g, i->extra, "gics").n, 0);
    gather_free(&g);
}

static void a_factor_keeps_all_its_digits(void **state) {
    (void)state;
    struct gathered g;
    decode("databento-adjustment-factors", INT32_MIN,
           "{\"security_id\":39827,\"operating_mic\":\"XNAS\",\"local_code\":\"MSFT\","
           "\"ex_date\":\"2007-02-13\",\"factor\":0.996544574982723,"
           "\"ts_created\":\"2024-06-10T07:21:25.845228Z\"}\n{\"security_id\":1}\n",
           0, &g);
    assert_int_equal(g.events, 1);
    assert_int_equal(g.rejects, 1);
    const struct k2_statistic *s = &g.all[0].event.statistic;
    assert_string_equal(text_of(&g, s->statistic), "ADJUSTMENT_FACTOR");
    assert_true(k2_sv_eq(pair(&g, s->extra, "factor"), K2_SV("0.996544574982723")));
    assert_true(s->exchange_timestamp_ns == INT64_C(1718004085845228000));
    gather_free(&g);
}

static void check_detected(const char *text, const char *format) {
    const struct feed_ops *ops = feed_detect(K2_SV("/d/x"), k2_sv_of(text));
    assert_non_null(ops);
    assert_string_equal(ops->name, format);
}

static void each_table_is_told_by_its_first_line(void **state) {
    (void)state;
    check_detected(properties, "lean-symbols");
    check_detected("# fake\nIBM R73,1,BBG000BLNNH6,2005973,US4592001014,51143\n",
                   "lean-securities");
    check_detected(security, "databento-security-master");
    assert_null(feed_detect(K2_SV("/d/x"), K2_SV("{\"ts_record\":1,\"listing_id\":2}\n")));
}

/* The state goes on where the bytes ended, also behind a header. */
static void a_mapped_file_goes_on_where_it_was(void **state) {
    (void)state;
    static const char mapping[] = "kind = trade\nexchange = \"SIM\"\nsymbol = s\ntime = t ns\n"
                                  "price = p\nquantity = q\n";
    static const char text[] = "s,t,p,q\nA,1,2,3\nA,2,2,3\n";
    struct feed_options o = plain_options("/d/x.csv");
    struct k2_err err = {0};
    struct k2_buf saved = {0};
    struct gathered g;
    size_t used;
    const struct feed_ops *ops = feed_find(K2_SV("mapped"));
    void *one = calloc(1, ops->state_size), *two = calloc(1, ops->state_size);
    o.mapping = k2_sv_of(mapping);
    gather_init(&g);
    CHECK_OK(ops->init(ops, one, &o, g.in, &err), &err);
    CHECK_OK(ops->init(ops, two, &o, g.in, &err), &err);
    CHECK_OK(ops->decode(one, (struct k2_sv){text, 16}, false, &used, &g.sink, &err), &err);
    assert_int_equal(used, 16);
    ops->save(one, &saved);
    assert_false(ops->restore(two, (struct k2_sv){(char *)saved.p, saved.n - 1}));
    assert_true(ops->restore(two, k2_buf_view(&saved)));
    CHECK_OK(ops->decode(two, (struct k2_sv){text + 16, 8}, true, &used, &g.sink, &err), &err);
    assert_int_equal(g.events, 2);
    assert_int_equal(g.all[1].event.trade.exchange_sequence_number, 2);
    ops->fini(one);
    ops->fini(two);
    free(one);
    free(two);
    k2_buf_free(&saved);
    gather_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbol_properties_become_definitions),
        cmocka_unit_test(a_row_keeps_its_number_when_lines_come_before_it),
        cmocka_unit_test(a_security_master_record_is_dated_by_when_it_was_known),
        cmocka_unit_test(a_factor_keeps_all_its_digits),
        cmocka_unit_test(each_table_is_told_by_its_first_line),
        cmocka_unit_test(a_mapped_file_goes_on_where_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
