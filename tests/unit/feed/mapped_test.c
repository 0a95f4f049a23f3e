/* mapped: mapping files and the rows they read; what is wrong with them. */
#include "feed_helper.h"

#define TRADES                                                                                     \
    "kind = trade\nexchange = exchange\nsymbol = symbol\ntime = timestamp us\n"                    \
    "receive_time = local us\nside = side\nprice = price\nquantity = amount\ncalendar = utc\n"
#define HEADER "exchange,symbol,timestamp,local,id,side,price,amount\n"
#define ROW "bitmex,XBTUSD,1583020803145000,1583020803307160,ccc3,sell,8531.5,2152\n"

static void decode(const char *mapping, const char *text, size_t step, struct gathered *g) {
    struct feed_options o = plain_options("rows.csv");
    o.mapping = k2_sv_of(mapping);
    gather_init(g);
    decode_text("mapped", &o, k2_sv_of(text), step, g);
}

static struct k2_sv pair(const struct gathered *g, uint32_t map, const char *key) {
    struct k2_sv blob = k2_interned(g->in, map), k, v;
    while (k2_blob_next(&blob, &k) && k2_blob_next(&blob, &v))
        if (k2_sv_eq(k, k2_sv_of(key)))
            return v;
    return (struct k2_sv){NULL, 0};
}

static void columns_become_an_event_and_the_rest_is_extra(void **state) {
    (void)state;
    struct gathered g;
    decode(TRADES, HEADER ROW, 0, &g);
    assert_int_equal(g.events, 1);
    const struct k2_trade *t = &g.all[0].event.trade;
    assert_string_equal(text_of(&g, t->exchange), "BITMEX");
    assert_string_equal(text_of(&g, t->symbol), "XBTUSD");
    assert_true(t->exchange_timestamp_ns == INT64_C(1583020803145000000));
    assert_true(t->receive_timestamp_ns == INT64_C(1583020803307160000));
    assert_string_equal(text_of(&g, t->side), "SELL");
    assert_true(t->price == (k2_i128)8531500000000 && t->quantity == (k2_i128)21520000000000);
    assert_true(k2_sv_eq(pair(&g, t->extra, "id"), K2_SV("ccc3")));
    assert_int_equal(t->exchange_sequence_number, 1);
    gather_free(&g);
}

static void every_cut_gives_the_same(void **state) {
    (void)state;
    static const char text[] = "\xef\xbb\xbf" HEADER ROW "bad\n\n" ROW;
    struct gathered whole;
    decode(TRADES, text, 0, &whole);
    assert_true(whole.events == 2 && whole.rejects == 1);
    for (size_t step = 1; step < 90; step++) {
        struct gathered g;
        decode(TRADES, text, step, &g);
        assert_int_equal(g.n, whole.n);
        for (size_t i = 0; i < g.n; i++)
            assert_int_equal(g.all[i].position, whole.all[i].position);
        gather_free(&g);
    }
    gather_free(&whole);
}

static int64_t time_of(const char *spec, const char *cells, const char *names) {
    struct gathered g;
    struct k2_buf mapping = {0}, text = {0};
    k2_buf_printf(&mapping,
                  "kind = message\nmessage_type = \"m\"\nexchange = \"ASX\"\nsymbol = "
                  "\"X\"\n%s\n",
                  spec);
    k2_buf_printf(&text, "%s\n%s\n", names, cells);
    decode(k2_buf_cstr(&mapping), k2_buf_cstr(&text), 0, &g);
    int64_t ns = g.events == 1 ? g.all[0].event.message.exchange_timestamp_ns : -1;
    k2_buf_free(&mapping);
    k2_buf_free(&text);
    gather_free(&g);
    return ns;
}

static void times_are_read_in_every_unit(void **state) {
    (void)state;
    const int64_t at = INT64_C(1394406344516000000); /* 2014-03-09T23:05:44.516Z */
    assert_true(time_of("time = t s", "1394406344.516", "t") == at);
    assert_true(time_of("time = t ms", "1394406344516", "t") == at);
    assert_true(time_of("time = t us", "1394406344516000", "t") == at);
    assert_true(time_of("time = t ns", "1394406344516000000", "t") == at);
    assert_true(time_of("time = t iso", "2014-03-09T23:05:44.516Z", "t") == at);
    assert_true(time_of("time = t iso", "2014-03-10 10:05:44.516000+11:00", "t") == at);
    assert_true(time_of("time = t iso\nzone = Australia/Sydney", "2014-03-10 10:05:44.516", "t") ==
                at);
    assert_true(time_of("time = t \"%d/%b/%Y %H:%M:%S.%f\"\nzone = Australia/Sydney",
                        "10/Mar/2014 10:05:44.516", "t") == at);
    assert_true(time_of("date = d \"%m/%d/%Y\"\ntime = t \"%H:%M:%S.%f\"\nzone = Australia/Sydney",
                        "03/10/2014,10:05:44.516", "d,t") == at);
    assert_true(time_of("date = d iso\ntime = t ms-of-day\nzone = Australia/Sydney",
                        "2014-03-10,36344516", "d,t") == at);
    assert_true(time_of("time = t iso", "now", "t") == -1);
    assert_true(time_of("time = t iso", "-1h", "t") == -1);
    assert_true(time_of("time = t \"%Y%m%d\"", "20140230", "t") == -1);
    assert_true(time_of("time = t s", "99999999999", "t") == -1);
}

static void a_date_can_come_from_outside(void **state) {
    (void)state;
    struct gathered g;
    struct feed_options o = plain_options("rows.csv");
    o.mapping = K2_SV("kind = trade\nprice = p\ntime = t s-of-day\n");
    o.exchange = K2_SV("SIM");
    o.symbol = K2_SV("A");
    o.date = 1;
    gather_init(&g);
    decode_text("mapped", &o, K2_SV("t,p\n1.5,2\n"), 0, &g);
    assert_true(g.all[0].event.trade.exchange_timestamp_ns == K2_NS_PER_DAY + 1500000000);
    gather_free(&g);
}

#define BASE "exchange = \"SIM\"\nsymbol = \"A\"\ntime = t s\n"

static void factors_are_exact_and_what_does_not_fit_is_refused(void **state) {
    (void)state;
    struct gathered g;
    decode("kind = trade\n" BASE "price = p / 10000\nquantity = q * 100 zero-null\n",
           "t,p,q\n1,5853301,1.5\n1,-12.5e-1,0\n1,0.000001,1\n1,1e2,2\n1,x,1\n1,1,\n", 0, &g);
    assert_true(g.events == 4 && g.rejects == 2);
    assert_true(g.all[0].event.trade.price == (k2_i128)585330100000);
    assert_true(g.all[0].event.trade.quantity == (k2_i128)1500000000000);
    assert_true(g.all[1].event.trade.price == (k2_i128)-125000);
    assert_true(g.all[1].event.trade.quantity == K2_NULL_DECIMAL);
    assert_string_equal(g.all[2].reason, "RANGE");
    assert_true(g.all[3].event.trade.price == (k2_i128)10000000);
    assert_string_equal(g.all[4].reason, "MALFORMED");
    assert_true(g.all[5].event.trade.quantity == K2_NULL_DECIMAL);
    gather_free(&g);
}

static void words_mean_what_the_codes_say(void **state) {
    (void)state;
    static const char mapping[] =
        "kind = book_event\n" BASE "action = what\nside = side\nprice = p\nquantity = q\n"
        "when_zero = DELETE\nsnapshot = snap\n"
        "[action]\nset = SET\n[side]\nb = BUY\na = SELL\n";
    struct gathered g;
    decode(mapping, "t,what,side,p,q,snap\n1,set,b,5,1,true\n1,set,a,6,0,false\n1,odd,a,6,1,\n", 0,
           &g);
    assert_true(g.events == 2 && g.rejects == 1);
    const struct k2_book_event *b = &g.all[0].event.book_event;
    assert_string_equal(text_of(&g, b->action), "SET");
    assert_true(b->flags & K2_FLAG_SNAPSHOT);
    b = &g.all[1].event.book_event;
    assert_string_equal(text_of(&g, b->action), "DELETE");
    assert_string_equal(text_of(&g, b->side), "SELL");
    assert_true(b->quantity == K2_NULL_DECIMAL && !(b->flags & K2_FLAG_SNAPSHOT));
    assert_string_equal(g.all[2].reason, "INVALID");
    gather_free(&g);
}

static void a_row_can_give_many_events_and_a_repeated_one_counts_its_columns(void **state) {
    (void)state;
    static const char mapping[] = BASE "[event]\nkind = quote\nbid_price = bids[0].price\n"
                                       "[event 0..2]\nkind = book_event\naction = \"SET\"\n"
                                       "side = \"BUY\"\nlevel = \"{n+1}\"\n"
                                       "price = bids[{n}].price\n";
    struct gathered g;
    decode(mapping, "t,bids[0].price,bids[1].price,bids[2].price,x\n1,9,8,,y\n", 0, &g);
    assert_int_equal(g.events, 3);
    assert_int_equal(g.all[0].event.kind, K2_KIND_QUOTE);
    assert_true(k2_sv_eq(pair(&g, g.all[0].event.quote.extra, "x"), K2_SV("y")));
    const struct k2_book_event *b = &g.all[2].event.book_event;
    assert_true(b->level == 2 && b->part == 2 && b->exchange_sequence_number == 1);
    assert_int_equal(b->flags, K2_FLAG_LAST | K2_FLAG_SHARED);
    assert_int_equal(b->extra, 0);
    gather_free(&g);
}

static void json_values_are_found_by_their_paths(void **state) {
    (void)state;
    static const char mapping[] = "format = jsonl\nkind = quote\nexchange = \"SIM\"\nsymbol = s\n"
                                  "time = data.t ms\nsequence = data.u\n"
                                  "bid_price = data.b[0][0]\nbid_quantity = data.b[0][1]\n";
    struct gathered g;
    decode(mapping,
           "{\"s\":\"A\\u00e9\",\"data\":{\"t\":1000,\"u\":7,\"b\":[[\"1.5\",\"2\"]],\"n\":null,"
           "\"o\":{\"x\":true,\"y\":\"\\\"\\ud83d\\ude00\"}}}\n"
           "{\"s\":\"A\",\"data\":{\"t\":1000}}\n[1]\n{\"s\":\"A\",\"s\":\"B\"}\n{\"a\":1\n",
           0, &g);
    assert_true(g.events == 1 && g.rejects == 4);
    const struct k2_quote *q = &g.all[0].event.quote;
    assert_string_equal(text_of(&g, q->symbol), "A\xc3\xa9");
    assert_true(q->bid_price == (k2_i128)1500000000 && q->exchange_sequence_number == 7);
    assert_true(k2_sv_eq(pair(&g, q->extra, "data.o.x"), K2_SV("true")));
    assert_true(k2_sv_eq(pair(&g, q->extra, "data.o.y"), K2_SV("\"\xf0\x9f\x98\x80")));
    gather_free(&g);
}

static void fields_in_quotes_may_hold_delimiters_and_quotes(void **state) {
    (void)state;
    struct gathered g;
    decode("kind = trade\ndelimiter = ;\nconditions = c split |\n" BASE "price = p\n",
           "t;p;c;note\n1;2;\"a|b\";\"x;\"\"y\"\"\"\n1;\"2\";;\n1;2;\"c;\n1;2;\"c\"d;\n", 0, &g);
    assert_true(g.events == 2 && g.rejects == 2);
    const struct k2_trade *t = &g.all[0].event.trade;
    assert_true(k2_sv_eq(pair(&g, t->extra, "note"), K2_SV("x;\"y\"")));
    struct k2_sv list = k2_interned(g.in, t->conditions), one;
    assert_true(k2_blob_next(&list, &one) && k2_sv_eq(one, K2_SV("a")));
    assert_true(k2_blob_next(&list, &one) && k2_sv_eq(one, K2_SV("b")));
    assert_int_equal(g.all[1].event.trade.extra, 0);
    gather_free(&g);
}

static void rows_without_a_header_have_the_names_of_the_mapping(void **state) {
    (void)state;
    struct gathered g;
    decode("kind = bar\nheader = no\ncolumns = t open high low close volume\n" BASE
           "interval_ns = \"1m\"\nopen = open\nclose = close\nnull = NaN\nignore = *\n",
           "60,1,2,0.5,1.5,7\n120,1,2,NaN,NaN\n180,1,2,NaN,NaN,7\n", 0, &g);
    assert_true(g.events == 2 && g.rejects == 1);
    const struct k2_bar *b = &g.all[0].event.bar;
    assert_true(b->interval_ns == 60 * K2_NS_PER_SEC && b->close == (k2_i128)1500000000);
    assert_true(b->high == K2_NULL_DECIMAL && b->extra == 0);
    assert_true(g.all[2].event.bar.close == K2_NULL_DECIMAL);
    gather_free(&g);
}

static void a_wrong_mapping_is_told_with_its_line_and_the_nearest_word(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"kind = trade\n" BASE "prise = p\n",
         "m line 5: there is no such key: prise; did you mean price?"},
        {"kind = trad\n", "m line 1: not a kind of event: trad; did you mean trade?"},
        {"kind = trade\ntime = t m\n", "m line 2: not a unit of time"},
        {"kind = trade\n\n# a\nfromat = csv\n",
         "m line 4: there is no such key: fromat; did you mean format?"},
        {"kind = trade\n" BASE "price = p / 7\n", "m line 5: a factor is a power of ten"},
        {"kind = trade\n" BASE "price = \"x\"\n", "m line 5: not a number that fits"},
        {"kind = trade\nprice = \"1\n", "m line 2: the quote does not end"},
        {"kind = trade\n", "the time is missing"},
        {BASE, "no event is told of"},
        {"kind = bar\n" BASE, "a bar needs its interval_ns"},
        {"kind = trade\ntime = t \"%Q\"\n", "a pattern knows"},
        {BASE "[event 3..1]\n", "m line 4: a repeated event"},
        {BASE "[evnt]\n", "did you mean event?"},
        {"kind = trade\n" BASE "exchange = x\n", "m line 5: this was said before"},
        {"price = p\n", "m line 1: the kind must be said before its fields"},
        {"kind = trade\nsymbol = \"A\"\ntime = t s\nexchange = \"sim\"\n",
         "an exchange has 1 to 31"},
        {"nonsense\n", "m line 1: a line is KEY = VALUE"},
        {"kind = gap\n", "not a kind of event"},
        {"header = perhaps\n", "neither of the two words"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct k2_err err = {0};
        assert_int_equal(feed_mapping_check(k2_sv_of(wrong[i].text), K2_SV("m"), &err),
                         K2_E_INVALID);
        if (!strstr(err.msg, wrong[i].says))
            fail_msg("\"%s\" does not say \"%s\"", err.msg, wrong[i].says);
    }
}

/* What only the file or the options can settle is told when it is opened. */
static int open_and_decode(const char *mapping, const char *text, struct k2_err *err) {
    const struct feed_ops *ops = feed_find(K2_SV("mapped"));
    struct feed_options o = plain_options("rows.csv");
    struct gathered g;
    void *memory = calloc(1, ops->state_size);
    size_t used;
    o.mapping = k2_sv_of(mapping);
    gather_init(&g);
    int rc = ops->init(ops, memory, &o, g.in, err);
    if (rc == K2_OK)
        rc = ops->decode(memory, k2_sv_of(text), true, &used, &g.sink, err);
    ops->fini(memory);
    free(memory);
    gather_free(&g);
    return rc;
}

static void a_mapping_that_does_not_fit_the_file_is_an_error(void **state) {
    (void)state;
    struct k2_err err = {0};
    assert_int_equal(open_and_decode("", "", &err), K2_E_INVALID);
    assert_int_equal(open_and_decode("kind = trade\ntime = t s\n", "", &err), K2_E_INVALID);
    assert_non_null(strstr(err.msg, "--exchange"));
    assert_int_equal(open_and_decode("kind = trade\n" BASE "price = price\n", "t,pryce\n", &err),
                     K2_E_INVALID);
    assert_non_null(strstr(err.msg, "no column price, which line 5 of the mapping names; did you "
                                    "mean pryce?"));
    assert_int_equal(open_and_decode("kind = trade\nsymbol = \"A\"\nexchange = \"NOWHERE\"\ntime = "
                                     "t s\n",
                                     "t\n", &err),
                     K2_E_NOTFOUND);
    assert_int_equal(open_and_decode("kind = trade\n" BASE "zone = Mars\n", "t\n", &err),
                     K2_E_NOTFOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_become_an_event_and_the_rest_is_extra),
        cmocka_unit_test(every_cut_gives_the_same),
        cmocka_unit_test(times_are_read_in_every_unit),
        cmocka_unit_test(a_date_can_come_from_outside),
        cmocka_unit_test(factors_are_exact_and_what_does_not_fit_is_refused),
        cmocka_unit_test(words_mean_what_the_codes_say),
        cmocka_unit_test(a_row_can_give_many_events_and_a_repeated_one_counts_its_columns),
        cmocka_unit_test(json_values_are_found_by_their_paths),
        cmocka_unit_test(fields_in_quotes_may_hold_delimiters_and_quotes),
        cmocka_unit_test(rows_without_a_header_have_the_names_of_the_mapping),
        cmocka_unit_test(a_wrong_mapping_is_told_with_its_line_and_the_nearest_word),
        cmocka_unit_test(a_mapping_that_does_not_fit_the_file_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
