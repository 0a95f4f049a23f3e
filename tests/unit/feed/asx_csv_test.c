/* asx-csv: rows by hand, bad rows, every cut and many damages, and the real files. */
#include "feed_helper.h"

#include "base/fs.h"

#define SYDNEY_SUMMER INT64_C(39600000000000) /* 11 h */

static const char trades_text[] = "Date,Time,Price,Volume,Qualifiers,Venue,BuyerID\r\n"
                                  "03/10/2014,10:05:44.516,37.51,40000,3,X,37.5\r\n"
                                  "\r\n"
                                  "03/10/2014,10:05:44.516,37.51,40000,3,X,37.5\n"
                                  "03/11/2014,10:00:00.000,0.0,5,,,\r\n"
                                  "03/11/2014,10:00:00.001,36,5,0,,";

static void a_trade_row_becomes_a_trade(void **state) {
    (void)state;
    struct feed_options o = plain_options("/some/where/7078_BHP_20140310.csv.gz");
    struct gathered g;
    gather_init(&g);
    decode_text("asx-csv", &o, K2_SV(trades_text), 0, &g);
    assert_int_equal(g.events, 4);
    assert_int_equal(g.rejects + g.filtered, 0);
    const struct k2_trade *t = &g.all[0].event.trade;
    assert_int_equal(g.all[0].event.kind, K2_KIND_TRADE);
    assert_string_equal(text_of(&g, t->exchange), "ASX");
    assert_string_equal(text_of(&g, t->symbol), "BHP");
    assert_string_equal(text_of(&g, t->channel), "BHP");
    assert_string_equal(text_of(&g, t->venue), "X");
    assert_int_equal(t->trade_date, k2_days_from_civil(2014, 3, 10));
    assert_true(t->exchange_timestamp_ns ==
                t->trade_date * K2_NS_PER_DAY - SYDNEY_SUMMER + INT64_C(36344516000000));
    assert_true(t->price == INT64_C(37510000000) && t->quantity == INT64_C(400000000000000));
    assert_int_equal(t->exchange_sequence_number, 1);
    assert_int_equal(t->flags, K2_FLAG_LAST);
    assert_int_equal(t->epoch + t->part, 0);
    assert_true(t->receive_timestamp_ns == K2_NULL_LONG && t->instrument_id == K2_NULL_LONG);
    assert_int_equal(t->side, 0);
    assert_int_equal(t->raw_offset, 49);
    assert_int_equal(g.all[0].position, 2);
    struct k2_sv blob = k2_interned(g.in, t->conditions), s;
    assert_true(k2_blob_next(&blob, &s) && k2_sv_eq(s, K2_SV("3")) && blob.n == 0);
    blob = k2_interned(g.in, t->extra);
    assert_true(k2_blob_next(&blob, &s) && k2_sv_eq(s, K2_SV("column7")));
    assert_true(k2_blob_next(&blob, &s) && k2_sv_eq(s, K2_SV("37.5")) && blob.n == 0);
    /* equal rows are two events; a new date counts anew; a price of 0 is none */
    assert_int_equal(g.all[1].event.trade.exchange_sequence_number, 2);
    assert_int_equal(g.all[2].event.trade.exchange_sequence_number, 1);
    assert_true(g.all[2].event.trade.price == K2_NULL_DECIMAL);
    assert_int_equal(g.all[2].event.trade.conditions + g.all[2].event.trade.venue, 0);
    assert_int_equal(g.all[3].event.trade.exchange_sequence_number, 2);
    gather_free(&g);
}

static void a_quote_side_without_a_price_is_absent(void **state) {
    (void)state;
    struct feed_options o = plain_options("1_ABC.csv");
    struct gathered g;
    gather_init(&g);
    decode_text("asx-csv", &o,
                K2_SV("03/10/2014,05:46:13.604,1.11,0.0,10300,0\r\n"
                      "03/10/2014,05:46:13.604,0,1.18,0,3667\r\n"),
                0, &g);
    const struct k2_quote *q = &g.all[0].event.quote;
    assert_int_equal(g.all[0].event.kind, K2_KIND_QUOTE);
    assert_true(q->bid_price == 1110000000 && q->bid_quantity == INT64_C(103000000000000));
    assert_true(q->ask_price == K2_NULL_DECIMAL && q->ask_quantity == K2_NULL_DECIMAL);
    q = &g.all[1].event.quote;
    assert_true(q->bid_price == K2_NULL_DECIMAL && q->bid_quantity == K2_NULL_DECIMAL);
    assert_true(q->ask_price == 1180000000 && q->exchange_sequence_number == 2);
    gather_free(&g);
}

static void bad_rows_are_refused_use_up_their_number_and_stop_nothing(void **state) {
    (void)state;
    static const struct {
        const char *row, *reason, *says;
        int columns_date; /* 1: its own date is readable */
    } bad[] = {
        {"03/10/2014,10:00:00.000,1,2,3,X", "MALFORMED", "not a number", 1},
        {"03/10/2014,10:00:00.000,1,2", "MALFORMED", "4 columns", 1},
        {"03/10/2014,10:00:00.000,1,2,3,X,,", "MALFORMED", "8 columns", 1},
        {"10/03/14,10:00:00.000,1,2,3,X,", "MALFORMED", "date", 0},
        {"02/30/2014,10:00:00.000,1,2,3,X,", "MALFORMED", "date", 0},
        {"13/10/2014,10:00:00.000,1,2,3,X,", "MALFORMED", "date", 0},
        {"03/10/2014,24:00:00.000,1,2,3,X,", "MALFORMED", "time", 1},
        {"03/10/2014,10:00:61.000,1,2,3,X,", "MALFORMED", "time", 1},
        {"03/10/2014,,1,2,3,X,", "MALFORMED", "time", 1},
        {"03/10/2014,10:00:00.000,1.2.3,2,3,X,", "MALFORMED", "not a number", 1},
        {"03/10/2014,10:00:00.000,1e3,2,3,X,", "MALFORMED", "not a number", 1},
        {"03/10/2014,10:00:00.000,nan,2,3,X,", "MALFORMED", "not a number", 1},
        {"03/10/2014,10:00:00.000,-1,2,3,X,", "MALFORMED", "negative", 1},
        {"03/10/2014,10:00:00.000,1,-2,3,X,", "MALFORMED", "negative", 1},
        {"03/10/2014,10:00:00.000,1.0000000001,2,3,X,", "RANGE", "digits", 1},
        {"03/10/2014,10:00:00.000,123456789012,2,3,X,", "RANGE", "digits", 1},
        {"03/10/2014,10:00:00.000,1,2.12345678901,3,X,", "RANGE", "digits", 1},
        {"03/10/2014,10:00:00.000,1,2,\xff,X,", "MALFORMED", "UTF-8", 1},
        {"garbage", "MALFORMED", "date", 0},
        {"\x01\x02", "MALFORMED", "date", 0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct feed_options o = plain_options("1_ABC.csv");
        struct gathered g;
        char text[400];
        gather_init(&g);
        snprintf(text, sizeof text,
                 "03/10/2014,09:00:00.000,1,2,3,X,\n%s\r\n03/10/2014,11:00:00.000,1,2,3,X,\n",
                 bad[i].row);
        decode_text("asx-csv", &o, k2_sv_of(text), 0, &g);
        assert_int_equal(g.events, 2);
        assert_int_equal(g.rejects, 1);
        const struct kept *k = &g.all[1];
        assert_string_equal(k->reason, bad[i].reason);
        if (!strstr(k->detail, bad[i].says))
            fail_msg("row %zu: \"%s\" lacks \"%s\"", i, k->detail, bad[i].says);
        assert_int_equal(k->raw_n, strlen(bad[i].row) + 1); /* with its CR */
        assert_memory_equal(k->raw, bad[i].row, k->raw_n - 1);
        assert_int_equal(k->position, 2);
        assert_int_equal(k->offset, 33);
        assert_true(k->numbered && k->event.kind == K2_KIND_TRADE);
        assert_int_equal(k->event.trade.exchange_sequence_number, 2);
        assert_int_equal(k->event.trade.trade_date, k2_days_from_civil(2014, 3, 10));
        assert_int_equal(g.all[2].event.trade.exchange_sequence_number, 3);
        for (const char *p = k->detail; *p; p++)
            assert_true(*p >= 0x20 && *p < 0x7f);
        gather_free(&g);
    }
}

static void a_bad_first_row_still_uses_up_the_first_number(void **state) {
    (void)state;
    struct feed_options o = plain_options("1_ABC.csv");
    struct gathered g;
    gather_init(&g);
    decode_text("asx-csv", &o,
                K2_SV("03/10/2014,09:00:00.000,1\n03/10/2014,09:00:00.000,1,2,10,20\n"), 0, &g);
    assert_false(g.all[0].numbered); /* of which kind it was cannot be told */
    assert_int_equal(g.all[1].event.quote.exchange_sequence_number, 2);
    gather_free(&g);
}

static bool wants_only_bhp(void *ctx, struct k2_sv symbol) {
    (void)ctx;
    return k2_sv_eq(symbol, K2_SV("BHP"));
}

static int64_t counted_41(void *ctx, struct k2_sv exchange, struct k2_sv channel,
                          enum k2_kind_id kind, int32_t date) {
    ++*(int *)ctx;
    assert_true(k2_sv_eq(exchange, K2_SV("ASX")) && k2_sv_eq(channel, K2_SV("BHP")));
    return kind == K2_KIND_TRADE && date == k2_days_from_civil(2014, 3, 10) ? 41 : 0;
}

static void options_filter_rename_and_go_on_counting(void **state) {
    (void)state;
    struct feed_options o = plain_options("1_ABC.csv");
    struct gathered g;
    int asked = 0;
    gather_init(&g);
    o.wants = wants_only_bhp;
    decode_text("asx-csv", &o, K2_SV(trades_text), 0, &g);
    assert_int_equal(g.filtered, 4);
    assert_int_equal(g.events, 0);
    o.symbol = K2_SV("BHP");
    o.counted = counted_41;
    o.counted_ctx = &asked;
    decode_text("asx-csv", &o, K2_SV(trades_text), 0, &g);
    assert_int_equal(g.events, 4);
    assert_int_equal(asked, 2);
    assert_string_equal(text_of(&g, g.all[0].event.trade.symbol), "BHP");
    assert_int_equal(g.all[0].event.trade.exchange_sequence_number, 42);
    assert_int_equal(g.all[2].event.trade.exchange_sequence_number, 1);
    gather_free(&g);
}

static void the_symbol_comes_from_the_file_name_or_is_asked_for(void **state) {
    (void)state;
    static const struct {
        const char *path, *symbol;
    } names[] = {
        {"7078_BHP.csv", "BHP"},
        {"a_b/7078_BHP_20140310.csv.gz", "BHP"},
        {"7078.csv", NULL},
        {"BHP.csv", NULL},
        {"7078_BHP.txt", NULL},
        {"-", NULL},
        {"x7078_BHP.csv", NULL},
        {"7078__20140310.csv", NULL},
        {"7078_BHP_2014x.csv", NULL},
        {"1_BRK.B.csv", "BRK.B"},
        {"7078_BHP_20140310_2.csv", NULL},
        {"", NULL},
    };
    const struct feed_ops *ops = feed_find(K2_SV("asx-csv"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct k2_err err = {0};
        struct feed_options o = plain_options(names[i].path);
        struct gathered g;
        gather_init(&g);
        void *s = calloc(1, ops->state_size);
        int rc = ops->init(ops, s, &o, g.in, &err);
        ops->fini(s);
        free(s);
        assert_int_equal(rc, names[i].symbol ? K2_OK : K2_E_INVALID);
        if (names[i].symbol) {
            decode_text("asx-csv", &o, K2_SV(trades_text), 0, &g);
            assert_string_equal(text_of(&g, g.all[0].event.trade.symbol), names[i].symbol);
        }
        gather_free(&g);
    }
}

static void wall_clock_becomes_utc_on_both_sides_of_daylight_saving(void **state) {
    (void)state;
    static const struct {
        const char *row;
        int y, m, d;
        int64_t utc_seconds; /* since 1970 */
    } moments[] = {
        {"04/05/2014,10:00:00.000,1,2,3,X,\n", 2014, 4, 5, 1396652400},  /* +11 */
        {"04/06/2014,01:30:00.000,1,2,3,X,\n", 2014, 4, 6, 1396708200},  /* +11 */
        {"04/06/2014,02:30:00.000,1,2,3,X,\n", 2014, 4, 6, 1396711800},  /* twice: the first */
        {"04/06/2014,03:30:00.000,1,2,3,X,\n", 2014, 4, 6, 1396719000},  /* +10 */
        {"04/07/2014,10:00:00.000,1,2,3,X,\n", 2014, 4, 7, 1396828800},  /* +10 */
        {"10/05/2014,10:00:00.000,1,2,3,X,\n", 2014, 10, 5, 1412463600}, /* +11 again */
        {"07/01/2014,00:00:00.000,1,2,3,X,\n", 2014, 7, 1, 1404136800},
        {"07/01/2014,23:59:59.999,1,2,3,X,\n", 2014, 7, 1, 1404223199},
    };
    struct feed_options o = plain_options("1_ABC.csv");
    struct gathered g;
    struct k2_buf text = {0};
    gather_init(&g);
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++)
        k2_buf_str(&text, moments[i].row);
    decode_text("asx-csv", &o, k2_buf_view(&text), 0, &g);
    assert_int_equal(g.events, sizeof moments / sizeof *moments);
    for (size_t i = 0; i < g.n; i++) {
        const struct k2_trade *t = &g.all[i].event.trade;
        assert_int_equal(t->exchange_timestamp_ns / K2_NS_PER_SEC, moments[i].utc_seconds);
        assert_int_equal(t->trade_date,
                         k2_days_from_civil(moments[i].y, moments[i].m, moments[i].d));
    }
    o.calendar = "utc"; /* the wall clock stays Sydney's, the date does not */
    decode_text("asx-csv", &o, K2_SV("07/02/2014,09:00:00.000,1,2,3,X,\n"), 0, &g);
    assert_int_equal(g.all[g.n - 1].event.trade.trade_date, k2_days_from_civil(2014, 7, 1));
    assert_int_equal(g.all[g.n - 1].event.trade.exchange_timestamp_ns / K2_NS_PER_SEC, 1404255600);
    gather_free(&g);
    k2_buf_free(&text);
}

static void check_equal(const struct gathered *a, const struct gathered *b) {
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->events, b->events);
    assert_int_equal(a->filtered, b->filtered);
    for (size_t i = 0; i < a->n; i++) {
        assert_int_equal(a->all[i].position, b->all[i].position);
        assert_int_equal(a->all[i].raw_n, b->all[i].raw_n);
        assert_memory_equal(a->all[i].raw, b->all[i].raw, a->all[i].raw_n);
        struct k2_h128 x = k2_full_hash(&a->all[i].event, a->in);
        assert_int_equal(k2_h128_cmp(x, k2_full_hash(&b->all[i].event, b->in)), 0);
    }
}

static void pieces_of_any_size_give_the_same_events(void **state) {
    (void)state;
    struct feed_options o = plain_options("1_ABC.csv");
    struct gathered whole;
    gather_init(&whole);
    decode_text("asx-csv", &o, K2_SV(trades_text), 0, &whole);
    for (size_t step = 1; step < 60; step++) {
        struct gathered g;
        gather_init(&g);
        decode_text("asx-csv", &o, K2_SV(trades_text), step, &g);
        check_equal(&whole, &g);
        gather_free(&g);
    }
    gather_free(&whole);
}

static int64_t data_lines(struct k2_sv text) {
    int64_t n = 0, position = 0;
    while (text.p) {
        struct k2_sv line = k2_sv_split(&text, '\n');
        position++;
        bool header = position == 1 && k2_sv_starts(line, K2_SV("Date"));
        n += k2_sv_trim(line).n > 0 && !header;
    }
    return n;
}

static void every_prefix_and_many_damages_are_answered_line_by_line(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    char text[sizeof trades_text];
    for (size_t turn = 0; turn < sizeof text + 3000; turn++) {
        size_t n = turn < sizeof text ? turn : sizeof text - 1;
        memcpy(text, trades_text, sizeof text);
        for (int i = 0; turn >= sizeof text && i < 3; i++) /* behind the header */
            text[50 + k2test_random(&seed) % (sizeof text - 52)] =
                "0123456789,,\r\n\n.:-/ \xff\x80"[k2test_random(&seed) % 23];
        struct feed_options o = plain_options("1_ABC.csv");
        struct gathered g;
        gather_init(&g);
        decode_text("asx-csv", &o, (struct k2_sv){text, n}, turn % 7, &g);
        struct k2_sv lines = {text, n};
        int64_t cut_header = n > 0 && n < 11; /* "Date,Time" without more is no header yet */
        if (!cut_header)
            assert_int_equal(g.events + g.rejects + g.filtered, data_lines(lines));
        gather_free(&g);
    }
}

/* A line of n sevens between two good rows, shown `step` bytes at a time. */
static void decode_long(size_t n, size_t step, bool behind, struct gathered *g) {
    struct feed_options o = plain_options("1_ABC.csv");
    struct k2_buf text = {0};
    gather_init(g);
    k2_buf_str(&text, "03/10/2014,09:00:00.000,1,2,3,X,\n");
    memset(k2_buf_need(&text, n), '7', n);
    text.n += n;
    if (behind)
        k2_buf_str(&text, "\n03/10/2014,09:00:00.000,1,2,3,X,\n");
    decode_text("asx-csv", &o, k2_buf_view(&text), step, g);
    k2_buf_free(&text);
}

static void a_line_without_end_is_one_reject_and_the_next_line_is_read(void **state) {
    (void)state;
    const size_t most = (size_t)4 << 20;
    const size_t lengths[] = {most - 1, most, most + 1, most + 2, 9 << 20};
    for (int i = 0; i < 5; i++)
        for (int turn = 0; turn < 4; turn++) {
            struct gathered g;
            decode_long(lengths[i], turn & 1 ? 0 : 1 << 20, turn < 2, &g);
            assert_int_equal(g.rejects, 1);
            assert_int_equal(g.all[1].raw_n, lengths[i] < most ? lengths[i] : most);
            bool too_long = strstr(g.all[1].detail, "longer than") != NULL;
            assert_int_equal(too_long, lengths[i] > most);
            assert_int_equal(g.events, turn < 2 ? 2 : 1);
            if (turn < 2) {
                assert_int_equal(g.all[2].position, 3);
                assert_int_equal(g.all[2].event.trade.exchange_sequence_number, 3);
                assert_int_equal(g.all[2].event.trade.raw_offset, 33 + lengths[i] + 1);
            }
            gather_free(&g);
        }
}

/* --- the real files --- */

static const struct {
    const char *path, *bars;
    int64_t rows;
} real[] = {
    {"trades/7078_BHP_20140310.csv.gz", "BHP", 17000},
    {"trades/7078_BHP_20140311.csv.gz", "BHP", 21681},
    {"trades/7078_BHP_20140312.csv.gz", "BHP", 20283},
    {"trades/7181_DVN.csv", "DVN", 232},
    {"trades/3153_MWR.csv", "MWR", 11},
    {"quotes/7078_BHP_20140310.csv.gz", NULL, 14312},
    {"quotes/7078_BHP_20140311.csv.gz", NULL, 17980},
    {"quotes/7078_BHP_20140312.csv.gz", NULL, 17827},
    {"quotes/7181_DVN.csv", NULL, 549},
    {"quotes/3153_MWR.csv", NULL, 60},
};
#define REAL (sizeof real / sizeof *real)

static void every_real_row_is_an_event_numbered_without_holes(void **state) {
    (void)state;
    const char *dir = shared_data();
    if (!dir)
        skip();
    for (size_t i = 0; i < REAL; i++) {
        char path[4096];
        struct gathered g;
        struct k2_buf head = {0};
        struct k2_err err = {0};
        gather_init(&g);
        snprintf(path, sizeof path, "%s/asx-csv/%s", dir, real[i].path);
        CHECK_OK(feed_file_head(path, 4096, &head, &err), &err);
        const struct feed_ops *ops = feed_detect(k2_sv_of(path), k2_buf_view(&head));
        assert_non_null(ops);
        assert_string_equal(ops->name, "asx-csv");
        struct feed_options o = plain_options(path);
        decode_file("asx-csv", &o, path, &g);
        assert_int_equal(g.events, real[i].rows);
        assert_int_equal(g.rejects + g.filtered, 0);
        int32_t date = 0;
        int64_t number = 0;
        for (size_t k = 0; k < g.n; k++) {
            const struct k2_event *e = &g.all[k].event;
            assert_int_equal(e->kind, real[i].bars ? K2_KIND_TRADE : K2_KIND_QUOTE);
            int32_t d = e->trade.trade_date; /* the first twelve fields are the same in both */
            number = d == date ? number + 1 : 1;
            date = d;
            assert_int_equal(e->trade.exchange_sequence_number, number);
        }
        gather_free(&g);
        k2_buf_free(&head);
    }
}

struct bar {
    int64_t minute; /* local ns, its start */
    k2_i128 volume, notional;
    int64_t trades;
};

/* Sums of the trades of a symbol by local minute, files in the order of `real`. */
static size_t sum_bars(const char *dir, const char *symbol, struct bar *bars, size_t cap) {
    size_t n = 0;
    for (size_t i = 0; i < REAL; i++) {
        char path[4096];
        struct gathered g;
        if (!real[i].bars || strcmp(real[i].bars, symbol) != 0)
            continue;
        gather_init(&g);
        snprintf(path, sizeof path, "%s/asx-csv/%s", dir, real[i].path);
        struct feed_options o = plain_options(path);
        decode_file("asx-csv", &o, path, &g);
        for (size_t k = 0; k < g.n; k++) {
            const struct k2_trade *t = &g.all[k].event.trade;
            int64_t local = t->exchange_timestamp_ns + SYDNEY_SUMMER;
            int64_t minute = local - local % (60 * K2_NS_PER_SEC);
            if (n == 0 || bars[n - 1].minute != minute)
                bars[n++] = (struct bar){.minute = minute};
            assert_true(n < cap);
            bars[n - 1].volume += t->quantity;
            bars[n - 1].notional += t->price * t->quantity;
            bars[n - 1].trades++;
        }
        gather_free(&g);
    }
    return n;
}

static void sums_per_minute_equal_the_publishers_bars(void **state) {
    (void)state;
    static const char *const symbols[] = {"BHP", "DVN", "MWR"};
    const char *dir = shared_data();
    if (!dir)
        skip();
    for (int s = 0; s < 3; s++) {
        static struct bar bars[4000];
        struct k2_err err = {0};
        struct k2_buf text = {0};
        char path[4096];
        size_t n = sum_bars(dir, symbols[s], bars, 4000), i = 0;
        snprintf(path, sizeof path, "%s/asx-csv/expected_bars_1m_%s.csv", dir, symbols[s]);
        CHECK_OK(k2_fs_read(path, &text, &err), &err);
        struct k2_sv rest = k2_sv_trim(k2_buf_view(&text));
        k2_sv_split(&rest, '\n');
        for (; rest.n; i++) {
            struct k2_sv line = k2_sv_trim(k2_sv_split(&rest, '\n')), field[8];
            for (int f = 0; f < 8; f++)
                field[f] = k2_sv_split(&line, ',');
            int64_t minute, trades;
            k2_i128 volume, notional;
            assert_true(i < n);
            CHECK_OK(k2_time_parse(field[0], 0, NULL, &minute, &err), &err);
            CHECK_OK(k2_decimal_parse(field[5], 28, 10, &volume, &err), &err);
            assert_true(k2_sv_i64(field[6], &trades));
            CHECK_OK(k2_decimal_parse(field[7], 38, 19, &notional, &err), &err);
            assert_true(bars[i].minute == minute && bars[i].volume == volume);
            assert_true(bars[i].trades == trades && bars[i].notional == notional);
        }
        assert_int_equal(i, n);
        k2_buf_free(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trade_row_becomes_a_trade),
        cmocka_unit_test(a_quote_side_without_a_price_is_absent),
        cmocka_unit_test(bad_rows_are_refused_use_up_their_number_and_stop_nothing),
        cmocka_unit_test(a_bad_first_row_still_uses_up_the_first_number),
        cmocka_unit_test(options_filter_rename_and_go_on_counting),
        cmocka_unit_test(the_symbol_comes_from_the_file_name_or_is_asked_for),
        cmocka_unit_test(wall_clock_becomes_utc_on_both_sides_of_daylight_saving),
        cmocka_unit_test(pieces_of_any_size_give_the_same_events),
        cmocka_unit_test(every_prefix_and_many_damages_are_answered_line_by_line),
        cmocka_unit_test(a_line_without_end_is_one_reject_and_the_next_line_is_read),
        cmocka_unit_test(every_real_row_is_an_event_numbered_without_holes),
        cmocka_unit_test(sums_per_minute_equal_the_publishers_bars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
