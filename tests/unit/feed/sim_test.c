/* The simulator: same options same bytes, faults as ordered, a market that looks like one; and what it
 * prints is read back by the decoders. */
#include "feed_helper.h"

#include "feed/sim/sim_int.h"

static struct sim_options options(void) {
    return (struct sim_options){
        .symbols = 50,
        .rate = 10000,
        .seconds = 2,
        .seed = 7,
        .start_ns = INT64_C(1772445600000000000), /* 2026-03-02T10:00:00Z */
        .quotes = true,
    };
}

struct run {
    struct k2_interner *in;
    struct k2_event *all;
    int64_t *sent;
    size_t n;
};

static struct run run_of(const struct sim_options *o) {
    struct k2_err err = {0};
    struct sim *s;
    struct run r = {.in = k2_interner_new()};
    size_t cap = 200000;
    r.all = calloc(cap, sizeof *r.all);
    r.sent = calloc(cap, sizeof *r.sent);
    CHECK_OK(sim_open(o, r.in, &s, &err), &err);
    while (sim_next(s, &r.all[r.n])) {
        r.sent[r.n] = sim_sent_ns(s);
        r.n++;
        assert_true(r.n < cap);
    }
    assert_false(sim_next(s, &r.all[r.n]));
    sim_close(s);
    return r;
}

static void run_free(struct run *r) {
    free(r->all);
    free(r->sent);
    k2_interner_free(r->in);
}

static struct k2_h128 sum_of(const struct run *r) {
    struct k2_h128 sum = {0, 0};
    for (size_t i = 0; i < r->n; i++) {
        struct k2_h128 h = k2_row_hash(&r->all[i], r->in);
        h.lo = h.lo * 31 + i; /* order counts */
        sum = k2_h128_add(sum, h);
    }
    return sum;
}

static void the_same_options_give_the_same_events_to_the_bit(void **state) {
    (void)state;
    struct sim_options o = options(), other = options();
    o.gaps = o.duplicates = o.out_of_order = 0.01;
    struct run a = run_of(&o), b = run_of(&o);
    struct k2_h128 sum = sum_of(&a);
    assert_int_equal(k2_h128_cmp(sum, sum_of(&b)), 0);
    run_free(&b);
    other.seed = 8;
    b = run_of(&other);
    assert_int_not_equal(k2_h128_cmp(sum, sum_of(&b)), 0);
    /* of another run, hence another channel */
    assert_false(k2_sv_eq(k2_interned(a.in, a.all[0].trade.channel),
                          k2_interned(b.in, b.all[0].trade.channel)));
    run_free(&a);
    run_free(&b);
}

static void the_bytes_never_change_with_the_build(void **state) {
    (void)state;
    struct sim_options o = options();
    struct k2_buf text = {0};
    o.gaps = o.duplicates = o.out_of_order = 0.01;
    struct run r = run_of(&o);
    for (size_t i = 0; i < r.n; i++)
        feed_print_event(K2_SV("binance-json"), &r.all[i], r.in, &text);
    char hex[33];
    k2_h128_hex(k2_hash128(text.p, text.n), hex);
    assert_string_equal(hex, "23d32538307cdc66dd25cc5b549446f8");
    k2_buf_free(&text);
    run_free(&r);
}

static void events_are_counted_exactly_and_within_the_time(void **state) {
    (void)state;
    struct sim_options o = options();
    static const double rates[] = {0.4, 1, 777.7, 50000};
    for (int i = 0; i < 4; i++) {
        o.rate = rates[i];
        struct run r = run_of(&o);
        assert_int_equal(r.n, (size_t)(rates[i] * 2 + 0.5));
        size_t first_half = 0;
        for (size_t k = 0; k < r.n; k++) {
            int64_t at = r.all[k].trade.exchange_timestamp_ns;
            assert_true(at >= o.start_ns && at < o.start_ns + 2 * K2_NS_PER_SEC);
            assert_true(k == 0 || at >= r.all[k - 1].trade.exchange_timestamp_ns);
            first_half += at < o.start_ns + K2_NS_PER_SEC;
        }
        if (i == 3)
            assert_in_range(first_half, 45000, 55000);
        run_free(&r);
    }
}

/* Numbers seen of a kind: each once, repeats in `twice`. */
struct numbers {
    int64_t seen, twice, late, most;
};

static struct numbers count(const struct run *r, enum k2_kind_id kind) {
    struct numbers n = {0};
    bool *had = calloc(200000, 1);
    int64_t high = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (r->all[i].kind != kind)
            continue;
        int64_t k = r->all[i].trade.exchange_sequence_number;
        n.twice += had[k];
        n.late += !had[k] && k < high;
        n.seen += !had[k];
        had[k] = true;
        high = k > high ? k : high;
    }
    n.most = high;
    free(had);
    return n;
}

static void faults_come_as_often_as_ordered_and_leave_the_market_alone(void **state) {
    (void)state;
    struct sim_options o = options();
    struct run plain = run_of(&o);
    struct numbers trades = count(&plain, K2_KIND_TRADE), quotes = count(&plain, K2_KIND_QUOTE);
    assert_int_equal(trades.seen, trades.most);
    assert_int_equal(trades.seen + quotes.seen, 20000);
    assert_int_equal(trades.twice + trades.late + quotes.twice + quotes.late, 0);
    assert_in_range(trades.seen, 4500, 5500);
    o.gaps = 0.1;
    o.duplicates = 0.2;
    o.out_of_order = 0.05;
    struct run r = run_of(&o);
    trades = count(&r, K2_KIND_TRADE);
    quotes = count(&r, K2_KIND_QUOTE);
    assert_in_range(trades.seen + quotes.seen, 17700, 18300);
    assert_in_range(trades.twice + quotes.twice, 3300, 3900);
    assert_in_range(trades.late + quotes.late, 300, 1000);
    /* the market is that of the run without faults */
    for (size_t i = 0; i < r.n; i++) {
        if (r.all[i].kind != K2_KIND_TRADE)
            continue;
        int64_t k = r.all[i].trade.exchange_sequence_number, at = 0;
        for (size_t j = 0; j < plain.n && at == 0 && i % 50 == 0; j++)
            if (plain.all[j].kind == K2_KIND_TRADE &&
                plain.all[j].trade.exchange_sequence_number == k) {
                at = plain.all[j].trade.exchange_timestamp_ns;
                assert_true(r.all[i].trade.price == plain.all[j].trade.price);
                assert_int_equal(r.all[i].trade.exchange_timestamp_ns, at);
            }
    }
    run_free(&plain);
    run_free(&r);
}

static void a_repeat_is_equal_in_every_field_and_all_faults_at_once_end(void **state) {
    (void)state;
    struct sim_options o = options();
    o.duplicates = o.out_of_order = 1;
    struct run r = run_of(&o);
    assert_int_equal(r.n, 40000);
    struct k2_h128 *first = calloc(2 * 40000, sizeof *first);
    for (size_t i = 0; i < r.n; i++) {
        int64_t k = 2 * r.all[i].trade.exchange_sequence_number + (r.all[i].kind == K2_KIND_QUOTE);
        struct k2_h128 h = k2_row_hash(&r.all[i], r.in); /* with the receive time */
        if (first[k].lo)
            assert_int_equal(k2_h128_cmp(first[k], h), 0);
        first[k] = h;
        assert_true(i == 0 || r.sent[i] >= r.sent[i - 1]);
    }
    free(first);
    run_free(&r);
    o.duplicates = o.out_of_order = 0;
    o.gaps = 1;
    r = run_of(&o);
    assert_int_equal(r.n, 0);
    run_free(&r);
}

/* What `k2 simulate --print` writes: a venue that counts each symbol and kind for itself. */
static void every_symbol_has_its_own_numbers_and_a_lost_event_takes_its_number_along(void **state) {
    (void)state;
    struct sim_options o = options();
    struct k2_err err = {0};
    int64_t *number_of[2], *last = calloc(2000, sizeof *last);
    for (int i = 0; i < 2; i++)
        number_of[i] = calloc(20001, sizeof **number_of); /* by number in the channel */
    for (int faulty = 0; faulty < 2; faulty++) {
        struct k2_interner *in = k2_interner_new();
        struct k2_event e;
        struct sim *s;
        size_t n = 0;
        if (faulty)
            o.gaps = o.duplicates = o.out_of_order = 0.1;
        CHECK_OK(sim_open(&o, in, &s, &err), &err);
        for (; sim_next(s, &e); n++) {
            int quote = e.kind == K2_KIND_QUOTE;
            int64_t *number = &number_of[quote][e.trade.exchange_sequence_number];
            if (faulty)
                assert_int_equal(sim_symbol_number(s), *number);
            else
                assert_int_equal(sim_symbol_number(s),
                                 ++last[2 * e.trade.symbol + (uint32_t)quote]);
            *number = sim_symbol_number(s);
        }
        assert_true(n > 15000 && (!faulty || n != 20000));
        sim_close(s);
        k2_interner_free(in);
    }
    free(last);
    free(number_of[0]);
    free(number_of[1]);
}

static void a_reset_interner_never_mixes_up_strings(void **state) {
    (void)state;
    struct sim_options o = options();
    struct k2_err err = {0};
    struct sim *s;
    struct k2_event e;
    o.duplicates = o.out_of_order = 0.3;
    struct run r = run_of(&o);
    struct k2_interner *in = k2_interner_new();
    CHECK_OK(sim_open(&o, in, &s, &err), &err);
    for (size_t i = 0; i < r.n; i++) {
        assert_true(sim_next(s, &e));
        assert_int_equal(k2_h128_cmp(k2_row_hash(&e, in), k2_row_hash(&r.all[i], r.in)), 0);
        if (i % 3 == 0) {
            k2_interner_reset(in);
            k2_intern(in, K2_SV("MSFT"));
        }
    }
    sim_close(s);
    k2_interner_free(in);
    run_free(&r);
}

static void prices_are_on_the_grid_trades_at_the_quote_that_stands(void **state) {
    (void)state;
    struct sim_options o = options();
    struct last {
        k2_i128 bid, ask;
        int64_t trades;
    } *last = calloc(2000, sizeof *last);
    struct run r = run_of(&o);
    int64_t odd = 0, bursts = 0, trades = 0;
    for (size_t i = 0; i < r.n; i++) {
        struct last *l = &last[r.all[i].trade.symbol];
        if (r.all[i].kind == K2_KIND_QUOTE) {
            const struct k2_quote *q = &r.all[i].quote;
            k2_i128 tick = q->bid_price < K2_NS_PER_SEC * 9 / 10    ? 100000
                           : q->bid_price < K2_NS_PER_SEC * 11 / 10 ? 1
                           : q->bid_price < K2_NS_PER_SEC * 900     ? 10000000
                           : q->bid_price < K2_NS_PER_SEC * 1100    ? 1
                                                                    : 50000000;
            assert_true(q->bid_price > 0 && q->bid_price < q->ask_price);
            assert_true(q->bid_price % tick == 0 && q->ask_price % tick == 0);
            assert_true(q->bid_quantity > 0 && q->ask_quantity > 0);
            *l = (struct last){q->bid_price, q->ask_price, l->trades};
        } else {
            const struct k2_trade *t = &r.all[i].trade;
            bool buy = k2_sv_eq(k2_interned(r.in, t->side), K2_SV("BUY"));
            if (l->bid)
                assert_true(t->price == (buy ? l->ask : l->bid));
            assert_true(t->quantity > 0);
            assert_true((t->conditions != 0) == (t->quantity < 100 * (k2_i128)10000000000));
            odd += t->conditions != 0;
            trades++;
            l->trades++;
        }
        bursts += i > 0 && r.all[i].trade.symbol == r.all[i - 1].trade.symbol;
    }
    assert_true(odd > trades / 20 && odd < trades / 4);
    assert_true(bursts > (int64_t)r.n / 3);
    uint32_t aapl = k2_intern_find(r.in, K2_SV("AAPL")), f = k2_intern_find(r.in, K2_SV("HON"));
    assert_true(aapl && last[aapl].trades > 8 * last[f].trades);
    free(last);
    run_free(&r);
}

static void a_price_that_enters_another_level_keeps_its_value_on_the_new_grid(void **state) {
    (void)state;
    const int64_t cent = 10000000;
    const struct {
        int64_t tick, price;
    } starts[] = {{cent, 101 * cent},
                  {cent / 100, 99 * cent},
                  {cent, 99950 * cent},
                  {5 * cent, 100050 * cent}};
    int crossed = 0;
    for (int i = 0; i < 4; i++) {
        struct sim_market m;
        struct sim_tick t;
        sim_market_start(&m, k2test_seed() + (uint64_t)i, 1, true);
        struct sim_stock *s = m.stocks;
        s->tick = starts[i].tick;
        s->anchor = starts[i].price / s->tick * 16;
        int64_t before = starts[i].price, tick = s->tick;
        for (int k = 0; k < 400000; k++) {
            sim_market_next(&m, &t);
            if (!t.is_quote)
                continue;
            int64_t price = s->bid * s->tick, level = price < 90 * cent       ? cent / 100
                                                      : price < 110 * cent    ? s->tick
                                                      : price < 90000 * cent  ? cent
                                                      : price < 110000 * cent ? s->tick
                                                                              : 5 * cent;
            assert_int_equal(s->tick, level);
            assert_true(price > before * 9 / 10 && price < before * 11 / 10);
            crossed += s->tick != tick;
            tick = s->tick;
            before = price;
        }
        sim_market_free(&m);
    }
    assert_true(crossed > 20);
}

static void every_symbol_has_a_name_of_its_own(void **state) {
    (void)state;
    struct sim_options o = options();
    struct k2_err err = {0};
    o.symbols = 10000;
    o.rate = 50000;
    struct run r = run_of(&o);
    struct k2_sv channel = k2_interned(r.in, r.all[0].trade.channel);
    assert_true(k2_sv_starts(channel, K2_SV("sim-")) && channel.n == 20);
    assert_string_equal(text_of(&(struct gathered){.in = r.in}, r.all[0].trade.exchange), "SIM");
    assert_true(k2_interner_count(r.in) > 5000);
    run_free(&r);
    const struct {
        int symbols;
        double rate, seconds, gaps;
    } bad[] = {{0, 1, 1, 0},    {10001, 1, 1, 0},     {1, 0, 1, 0},
               {1, -1, 1, 0},   {1, 1, 0, 0},         {1, 1, 1, 1.1},
               {1, 1, 1, -0.1}, {1, 0.0 / 0.0, 1, 0}, {1, 1e9, 1e9, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sim *s;
        o = options();
        o.symbols = bad[i].symbols;
        o.rate = bad[i].rate;
        o.seconds = bad[i].seconds;
        o.gaps = bad[i].gaps;
        CHECK_STATUS(sim_open(&o, NULL, &s, &err), K2_E_USAGE);
    }
}

static void what_is_printed_as_binance_json_is_decoded_the_same(void **state) {
    (void)state;
    struct sim_options o = options();
    struct run r = run_of(&o);
    struct k2_buf text = {0};
    struct gathered g;
    for (size_t i = 0; i < r.n; i++)
        feed_print_event(K2_SV("binance-json"), &r.all[i], r.in, &text);
    struct feed_options wire = plain_options("-");
    gather_init(&g);
    assert_ptr_equal(feed_detect(K2_SV("-"), k2_buf_view(&text)), feed_find(K2_SV("binance-json")));
    decode_text("binance-json", &wire, k2_buf_view(&text), 0, &g);
    assert_int_equal(g.rejects, 0);
    assert_int_equal(g.events + g.filtered, r.n);
    size_t k = 0;
    for (size_t i = 0; i < r.n; i++) {
        if (r.all[i].kind != K2_KIND_TRADE)
            continue;
        while (g.all[k].event.kind != K2_KIND_TRADE)
            k++;
        const struct k2_trade *a = &r.all[i].trade, *b = &g.all[k++].event.trade;
        assert_true(a->price == b->price && a->quantity == b->quantity);
        assert_true(a->exchange_timestamp_ns / 1000000 * 1000000 == b->exchange_timestamp_ns);
        assert_true(a->receive_timestamp_ns == b->receive_timestamp_ns);
        assert_true(a->exchange_sequence_number == b->exchange_sequence_number);
        assert_true(k2_sv_eq(k2_interned(r.in, a->symbol), k2_interned(g.in, b->symbol)));
        assert_true(k2_sv_eq(k2_interned(r.in, a->side), k2_interned(g.in, b->side)));
    }
    while (k < (size_t)g.events && g.all[k].event.kind != K2_KIND_TRADE)
        k++;
    assert_int_equal(k, g.events);
    /* and printed again, the decoded trades are the same text: also as futures, with ids */
    gather_free(&g);
    text.n = 0;
    static const char futures[] =
        "7 "
        "{\"stream\":\"a@trade\",\"data\":{\"e\":\"trade\",\"E\":1723161258762,\"s\":\"A\",\"t\":8,"
        "\"p\":\"2.18\",\"q\":\"1\",\"b\":17,\"a\":9,\"T\":1723161258762,\"X\":\"MARKET\",\"m\":"
        "false}}\n";
    gather_init(&g);
    decode_text("binance-json", &wire, K2_SV(futures), 0, &g);
    assert_int_equal(g.events, 1);
    feed_print_event(K2_SV("binance-json"), &g.all[0].event, g.in, &text);
    assert_string_equal(k2_buf_cstr(&text), futures);
    gather_free(&g);
    k2_buf_free(&text);
    run_free(&r);
}

static void what_is_printed_as_asx_csv_is_decoded_the_same(void **state) {
    (void)state;
    struct sim_options o = options();
    o.symbols = 1;
    struct run r = run_of(&o);
    struct k2_buf text = {0};
    struct gathered g;
    for (size_t i = 0; i < r.n; i++)
        feed_print_event(K2_SV("asx-csv"), &r.all[i], r.in, &text);
    struct feed_options wire = plain_options("-");
    wire.symbol = K2_SV("AAPL");
    gather_init(&g);
    assert_ptr_equal(feed_detect(K2_SV("-"), k2_buf_view(&text)), feed_find(K2_SV("asx-csv")));
    decode_text("asx-csv", &wire, k2_buf_view(&text), 0, &g);
    assert_int_equal(g.events, r.n);
    for (size_t i = 0; i < r.n; i++) {
        const struct k2_event *a = &r.all[i], *b = &g.all[i].event;
        assert_int_equal(a->kind, b->kind);
        assert_true(a->trade.exchange_timestamp_ns / 1000000 * 1000000 ==
                    b->trade.exchange_timestamp_ns);
        assert_true(a->trade.exchange_sequence_number == b->trade.exchange_sequence_number);
        if (a->kind == K2_KIND_QUOTE) {
            assert_true(a->quote.bid_price == b->quote.bid_price);
            assert_true(a->quote.ask_quantity == b->quote.ask_quantity);
        } else {
            assert_true(a->trade.price == b->trade.price);
            assert_true(a->trade.quantity == b->trade.quantity);
            assert_true(k2_sv_eq(k2_interned(r.in, a->trade.conditions),
                                 k2_interned(g.in, b->trade.conditions)));
        }
    }
    gather_free(&g);
    k2_buf_free(&text);
    run_free(&r);
    assert_true(feed_can_print(K2_SV("asx-csv")) && feed_can_print(K2_SV("binance-json")));
    assert_false(feed_can_print(K2_SV("itch")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_options_give_the_same_events_to_the_bit),
        cmocka_unit_test(the_bytes_never_change_with_the_build),
        cmocka_unit_test(events_are_counted_exactly_and_within_the_time),
        cmocka_unit_test(faults_come_as_often_as_ordered_and_leave_the_market_alone),
        cmocka_unit_test(a_repeat_is_equal_in_every_field_and_all_faults_at_once_end),
        cmocka_unit_test(every_symbol_has_its_own_numbers_and_a_lost_event_takes_its_number_along),
        cmocka_unit_test(a_reset_interner_never_mixes_up_strings),
        cmocka_unit_test(prices_are_on_the_grid_trades_at_the_quote_that_stands),
        cmocka_unit_test(a_price_that_enters_another_level_keeps_its_value_on_the_new_grid),
        cmocka_unit_test(every_symbol_has_a_name_of_its_own),
        cmocka_unit_test(what_is_printed_as_binance_json_is_decoded_the_same),
        cmocka_unit_test(what_is_printed_as_asx_csv_is_decoded_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
