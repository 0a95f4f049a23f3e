/* binance-json: messages by hand, bad ones, every cut and many damages, and the real captures. */
#include "feed_helper.h"

#define SPOT                                                                                       \
    "1723161254087896568 {\"stream\":\"btcusdt@trade\",\"data\":{\"e\":\"trade\",\"E\":"           \
    "1723161255343,\"s\":\"BTCUSDT\",\"t\":3735683259,\"p\":\"61837.63000000\",\"q\":"             \
    "\"0.02000000\",\"T\":1723161255342,\"m\":true,\"M\":true}}\n"
#define USDM                                                                                       \
    "1723161255088176367 {\"stream\":\"btcusdt@trade\",\"data\":{\"e\":\"trade\",\"E\":"           \
    "1723161256322,\"T\":1723161256322,\"s\":\"BTCUSDT\",\"t\":5266583935,\"p\":\"61800.30\","     \
    "\"q\":\"0.006\",\"X\":\"MARKET\",\"m\":false}}\n"
#define DEPTH                                                                                      \
    "1723161254036059768 {\"stream\":\"btcusdt@depth@100ms\",\"data\":{\"e\":\"depthUpdate\","     \
    "\"E\":1723161255308,\"s\":\"BTCUSDT\",\"U\":50093239203,\"u\":50093239207,\"b\":[["           \
    "\"55653.87\",\"0.0\"]],\"a\":[]}}\n"

static void decode(const char *text, struct gathered *g) {
    struct feed_options o = plain_options("capture.gz");
    gather_init(g);
    decode_text("binance-json", &o, k2_sv_of(text), 0, g);
}

static void a_spot_trade_message_becomes_a_trade(void **state) {
    (void)state;
    struct gathered g;
    decode(DEPTH SPOT, &g);
    assert_int_equal(g.events, 2);
    const struct k2_trade *t = &g.all[1].event.trade;
    assert_string_equal(text_of(&g, t->exchange), "BINANCE");
    assert_string_equal(text_of(&g, t->symbol), "BTCUSDT");
    assert_string_equal(text_of(&g, t->channel), "BTCUSDT");
    assert_string_equal(text_of(&g, t->side), "SELL");
    assert_true(t->price == INT64_C(61837630000000) && t->quantity == 200000000);
    assert_true(t->exchange_timestamp_ns == INT64_C(1723161255342000000));
    assert_true(t->receive_timestamp_ns == INT64_C(1723161254087896568));
    assert_true(t->exchange_sequence_number == INT64_C(3735683259));
    assert_int_equal(t->trade_date, k2_days_from_civil(2024, 8, 8));
    assert_int_equal(t->conditions + t->extra + t->venue, 0);
    assert_int_equal(t->flags, K2_FLAG_LAST);
    assert_int_equal(t->raw_offset, strlen(DEPTH));
    assert_int_equal(g.all[1].position, 2);
    assert_int_equal(g.all[1].raw_n, strlen(SPOT) - 1);
    gather_free(&g);
}

static void futures_are_told_by_their_fields_and_keep_the_kind_of_match(void **state) {
    (void)state;
    struct gathered g;
    decode(USDM "{\"e\":\"trade\",\"T\":1723161258762,\"s\":\"ETHUSD_PERP\",\"t\":805376266,"
                "\"p\":\"2682.18\",\"q\":\"1\",\"X\":\"NA\",\"m\":false,\"b\":17,\"a\":9}\n",
           &g);
    assert_int_equal(g.events, 2);
    const struct k2_trade *t = &g.all[0].event.trade;
    struct k2_sv s, blob = k2_interned(g.in, t->conditions);
    assert_string_equal(text_of(&g, t->exchange), "BINANCE-USDM");
    assert_string_equal(text_of(&g, t->side), "BUY");
    assert_true(k2_blob_next(&blob, &s) && k2_sv_eq(s, K2_SV("MARKET")) && blob.n == 0);
    t = &g.all[1].event.trade;
    assert_string_equal(text_of(&g, t->exchange), "BINANCE-COINM");
    assert_true(t->receive_timestamp_ns == K2_NULL_LONG);
    blob = k2_interned(g.in, t->extra);
    static const char *const extra[] = {"buyer_order_id", "17", "seller_order_id", "9"};
    for (int i = 0; i < 4; i++)
        assert_true(k2_blob_next(&blob, &s) && k2_sv_eq(s, k2_sv_of(extra[i])));
    assert_int_equal(blob.n, 0);
    gather_free(&g);
}

static void key_order_and_blanks_do_not_matter(void **state) {
    (void)state;
    static const char *const same[] = {
        "{\"data\":{\"M\":true,\"m\":true,\"T\":1723161255342,\"q\":\"0.02\",\"p\":\"61837.63\","
        "\"t\":3735683259,\"s\":\"BTCUSDT\",\"e\":\"trade\"},\"stream\":\"btcusdt@trade\"}",
        " { \"e\" : \"trade\" , \"E\" : [ 1 , { \"t\" : 5 } , \"\\u00e9\\\"\" , -1.5e+3 , null ] , "
        "\"s\" : \"BTCUSDT\" , \"t\" : 3735683259 , \"p\" : \"61837.63\" , \"q\" : \"0.02\" , "
        "\"T\" : 1723161255342 , \"m\" : true , \"M\" : true } \r",
        "{\"e\":\"trade\",\"s\":\"BTCUSDT\",\"t\":3735683259,\"p\":\"0061837.630\",\"q\":\".02\","
        "\"T\":1723161255342000,\"m\":true,\"M\":false}", /* microseconds */
    };
    struct gathered one;
    decode(SPOT, &one);
    struct k2_h128 expected = k2_payload_hash(&one.all[0].event, one.in);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct gathered g;
        decode(same[i], &g);
        assert_int_equal(g.events, 1);
        assert_int_equal(k2_h128_cmp(expected, k2_payload_hash(&g.all[0].event, g.in)), 0);
        gather_free(&g);
    }
    gather_free(&one);
}

/* JSON may write any character as an escape: the same message, the same trade. */
static void names_and_the_type_are_the_same_when_they_are_written_with_escapes(void **state) {
    (void)state;
    static const char *const same[] = {
        "{\"\\u0065\":\"trade\",\"E\":1,\"s\":\"A\",\"t\":7,\"p\":\"1\",\"q\":\"2\",\"T\":5,\"m\":"
        "true,"
        "\"M\":true}\n",
        "{\"e\":\"\\u0074rade\",\"s\":\"A\",\"t\":7,\"p\":\"1\",\"q\":\"2\",\"T\":5,\"m\":true,"
        "\"M\":true}\n",
        "{\"str\\u0065am\":\"a@trade\",\"d\\u0061t\\u0061\":{\"e\":\"tr\\u0061de\",\"\\u0073\":"
        "\"A\","
        "\"\\u0074\":7,\"\\u0070\":\"1\",\"\\u0071\":\"2\",\"\\u0054\":5,\"\\u006D\":true,"
        "\"\\u004d\":true}}\n",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct gathered g;
        decode(same[i], &g);
        assert_int_equal(g.events, 1);
        const struct k2_trade *t = &g.all[0].event.trade;
        assert_string_equal(text_of(&g, t->exchange), "BINANCE");
        assert_string_equal(text_of(&g, t->symbol), "A");
        assert_string_equal(text_of(&g, t->side), "SELL");
        assert_true(t->exchange_sequence_number == 7);
        gather_free(&g);
    }
    static const char *const other[] = {
        "{\"\\u00e5\":\"trade\"}\n", "{\"\\\\u0065\":\"trade\"}\n", "{\"e\":\"trade\\u0000\"}\n",
        "{\"\\u0165\":\"trade\"}\n", "{\"\\n\":\"trade\"}\n",       "{\"e\":\"trad\\/e\"}\n",
    };
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        struct gathered g;
        decode(other[i], &g);
        assert_int_equal(g.filtered, 1);
        gather_free(&g);
    }
    struct gathered g;
    decode("{\"e\":\"trade\",\"s\":\"A\",\"M\":true,\"t\":7,\"\\u0074\":8,\"p\":\"1\",\"q\":\"2\","
           "\"T\":5}\n",
           &g);
    assert_int_equal(g.rejects, 1);
    assert_non_null(strstr(g.all[0].detail, "twice"));
    gather_free(&g);
}

static void what_says_nothing_of_a_market_is_filtered_and_says_why(void **state) {
    (void)state;
    static const struct {
        const char *text, *why;
    } other[] = {
        {"{\"result\":null,\"id\":1}", "no event type"},
        {"{}", "no event type"},
        {"[]", "no event type"},
        {"[1,[{\"e\":\"trade\"}]]", "no event type"},
        {"https://api.binance.com/x <- 1.5: {\"e\":\"trade\"}", "sent to the venue"},
        {"wss://stream.binance.com:9443/x <-> 1.5", "a connection was opened"},
        {"configuration: {\"trades\":[]}", "about the capture"},
        {"{\"e\":\"outboundAccountPosition\"}", "other message"},
        {"{\"e\":5}", "other message"},
        {"{\"data\":[1]}", "no event type"},
    };
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        struct gathered g;
        decode(other[i].text, &g);
        assert_int_equal(g.filtered, 1);
        assert_int_equal(g.n, 0);
        assert_string_equal(g.why, other[i].why);
        gather_free(&g);
    }
}

static void bad_messages_are_refused_with_what_could_be_read(void **state) {
    (void)state;
#define T "\"T\":1723161255342"
    static const struct {
        const char *text, *reason, *says;
        bool numbered;
    } bad[] = {
        {"nonsense", "MALFORMED", "word that JSON does not", false},
        {"12x {}", "MALFORMED", "receive time", false},
        {"99999999999999999999 {}", "MALFORMED", "receive time", false},
        {"123", "MALFORMED", "receive time", false},
        {"123 ", "MALFORMED", "receive time", false},
        {"{\"e\":\"trade\"", "MALFORMED", "not JSON at byte 13", false},
        {"{\"e\":\"trade\"}}", "MALFORMED", "something follows", false},
        {"{\"e\":\"trade\",}", "MALFORMED", "without its name", false},
        {"{,\"e\":1}", "MALFORMED", "without its name", false},
        {"{\"e\":tru}", "MALFORMED", "word", false},
        {"{\"e\":01}", "MALFORMED", "number", false},
        {"{\"e\":1.}", "MALFORMED", "number", false},
        {"{\"e\":\"\\x\"}", "MALFORMED", "escape", false},
        {"{\"e\":\"\\u12g4\"}", "MALFORMED", "hexadecimal", false},
        {"{\"e\":\"a\tb\"}", "MALFORMED", "control", false},
        {"[1,2", "MALFORMED", "not JSON", false},
        {"{\"e\":\"trade\"}", "MALFORMED", "symbol", false},
        {"{\"e\":\"trade\",\"s\":5}", "MALFORMED", "symbol", false},
        {"{\"e\":\"trade\",\"s\":\"\\u0041\"}", "MALFORMED", "symbol", false},
        {"{\"e\":\"trade\",\"s\":\"A\xff\"}", "MALFORMED", "symbol", false},
        {"{\"e\":\"trade\",\"s\":\"\"}", "MALFORMED", "symbol", false},
        {"{\"e\":\"trade\",\"s\":\"A\",\"M\":true,\"t\":7}", "MALFORMED", "no time", false},
        {"{\"e\":\"trade\",\"s\":\"A\",\"M\":true,\"t\":7,\"T\":9999999999999}", "RANGE", "time T",
         false},
        {"{\"e\":\"trade\",\"s\":\"A\",\"M\":true,\"p\":\"1\",\"q\":\"1\"," T "}", "MALFORMED",
         "number that the venue gives", false},
        {"{\"e\":\"trade\",\"s\":\"A\",\"M\":true,\"t\":-7," T "}", "MALFORMED", "number t", false},
        {"{\"e\":\"trade\",\"s\":\"A\",\"M\":true,\"t\":7.0," T "}", "MALFORMED", "number t",
         false},
        {"{\"e\":\"trade\",\"s\":\"A\",\"M\":true,\"t\":7,\"t\":8," T "}", "MALFORMED", "twice",
         false},
        {"{\"e\":\"trade\",\"s\":\"A\",\"M\":true,\"t\":7," T "}", "MALFORMED", "no price", true},
        {"{\"e\":\"trade\",\"s\":\"A\",\"M\":true,\"t\":7," T ",\"p\":\"-1\",\"q\":\"1\"}",
         "MALFORMED", "price p", true},
        {"{\"e\":\"trade\",\"s\":\"A\",\"M\":true,\"t\":7," T ",\"p\":\"1e5x\",\"q\":\"1\"}",
         "MALFORMED", "price p", true},
        {"{\"e\":\"trade\",\"s\":\"A\",\"M\":true,\"t\":7," T ",\"p\":\"1e99\",\"q\":\"1\"}",
         "RANGE", "price p", true},
        {"{\"e\":\"trade\",\"s\":\"A\",\"M\":true,\"t\":7," T
         ",\"p\":\"1.0123456789\",\"q\":\"1\"}",
         "RANGE", "digits", true},
        {"{\"e\":\"trade\",\"s\":\"A\",\"M\":true,\"t\":7," T ",\"p\":\"1\",\"q\":\"\"}",
         "MALFORMED", "quantity q", true},
        {"{\"e\":\"trade\",\"s\":\"A\",\"M\":true,\"t\":7," T ",\"p\":\"1\",\"q\":\"1\",\"m\":1}",
         "MALFORMED", "maker", true},
        {"{\"e\":\"trade\",\"s\":\"A\",\"X\":[7],\"t\":7," T ",\"p\":\"1\",\"q\":\"1\"}",
         "MALFORMED", "value X", true},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct gathered g;
        char text[600];
        snprintf(text, sizeof text, DEPTH "%s\n" SPOT, bad[i].text);
        decode(text, &g);
        assert_int_equal(g.events + g.filtered, 2);
        if (g.rejects != 1 || !strstr(g.all[1].detail, bad[i].says))
            fail_msg("%s: \"%s\" lacks \"%s\"", bad[i].text, g.n > 1 ? g.all[1].detail : "",
                     bad[i].says);
        assert_string_equal(g.all[1].reason, bad[i].reason);
        assert_int_equal(g.all[1].numbered, bad[i].numbered);
        assert_memory_equal(g.all[1].raw, bad[i].text, g.all[1].raw_n);
        assert_int_equal(g.all[1].offset, strlen(DEPTH));
        if (bad[i].numbered) {
            assert_int_equal(g.all[1].event.trade.exchange_sequence_number, 7);
            assert_int_equal(g.all[1].event.trade.trade_date, k2_days_from_civil(2024, 8, 8));
            assert_string_equal(text_of(&g, g.all[1].event.trade.channel), "A");
        }
        gather_free(&g);
    }
}

static void a_trade_that_could_be_of_either_exchange_is_of_the_one_before_or_refused(void **state) {
    (void)state;
    static const char either[] = "{\"e\":\"trade\",\"s\":\"A\",\"T\":1723161255342,\"t\":7,"
                                 "\"p\":\"1\",\"q\":\"1\"}\n";
    struct gathered g;
    char text[sizeof USDM + sizeof either];
    decode(either, &g);
    assert_int_equal(g.rejects, 1);
    assert_non_null(strstr(g.all[0].detail, "spot or futures"));
    gather_free(&g);
    snprintf(text, sizeof text, "%s%s", USDM, either);
    decode(text, &g);
    assert_int_equal(g.events, 2);
    assert_string_equal(text_of(&g, g.all[1].event.trade.exchange), "BINANCE-USDM");
    gather_free(&g);
}

static void nesting_beyond_the_limit_is_refused_not_followed(void **state) {
    (void)state;
    struct k2_buf text = {0};
    struct gathered g;
    for (int i = 0; i < 200000; i++)
        k2_buf_byte(&text, '[');
    struct feed_options o = plain_options("x");
    gather_init(&g);
    decode_text("binance-json", &o, k2_buf_view(&text), 0, &g);
    assert_int_equal(g.rejects, 1);
    assert_non_null(strstr(g.all[0].detail, "nesting"));
    gather_free(&g);
    k2_buf_free(&text);
}

static bool wants_btc(void *ctx, struct k2_sv symbol) {
    (void)ctx;
    return k2_sv_starts(symbol, K2_SV("BTC"));
}

static void options_override_the_exchange_and_filter_symbols(void **state) {
    (void)state;
    struct feed_options o = plain_options("x");
    struct gathered g;
    gather_init(&g);
    o.exchange = K2_SV("BINANCE-USDM");
    o.wants = wants_btc;
    decode_text("binance-json", &o,
                K2_SV(SPOT "{\"e\":\"trade\",\"s\":\"ETHUSDT\",\"t\":\"bad\"}\n"), 0, &g);
    assert_int_equal(g.events, 1);
    assert_int_equal(g.filtered, 1);
    assert_string_equal(text_of(&g, g.all[0].event.trade.exchange), "BINANCE-USDM");
    gather_free(&g);
    struct k2_err err = {0};
    const struct feed_ops *ops = feed_find(K2_SV("binance-json"));
    void *s = calloc(1, ops->state_size);
    struct k2_interner *in = k2_interner_new();
    o.exchange = K2_SV("MOON");
    CHECK_STATUS(ops->init(ops, s, &o, in, &err), K2_E_NOTFOUND);
    ops->fini(s);
    o.calendar = "utc";
    CHECK_OK(ops->init(ops, s, &o, in, &err), &err);
    ops->fini(s);
    free(s);
    k2_interner_free(in);
}

/* The interner may be reset by whoever owns it, even between two events. */
static int reset_and_count(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                           struct k2_err *err) {
    struct gathered *g = ctx;
    (void)raw, (void)position, (void)err;
    assert_string_equal(text_of(g, e->trade.symbol), "BTCUSDT");
    assert_true(k2_sv_starts(k2_interned(g->in, e->trade.exchange), K2_SV("BINANCE")));
    g->events++;
    k2_interner_reset(g->in);
    k2_intern(g->in, K2_SV("something else"));
    return K2_OK;
}

static void a_reset_interner_never_mixes_up_strings(void **state) {
    (void)state;
    struct feed_options o = plain_options("x");
    struct gathered g;
    gather_init(&g);
    g.sink.event = reset_and_count;
    decode_text("binance-json", &o, K2_SV(SPOT USDM SPOT SPOT USDM), 0, &g);
    assert_int_equal(g.events, 5);
    gather_free(&g);
}

static void every_prefix_and_many_damages_are_answered_line_by_line(void **state) {
    (void)state;
    static const char good[] = SPOT DEPTH USDM SPOT;
    uint64_t seed = k2test_seed();
    char text[sizeof good];
    for (size_t turn = 0; turn < sizeof text + 3000; turn++) {
        size_t n = turn < sizeof text ? turn : sizeof text - 1;
        memcpy(text, good, sizeof text);
        for (int i = 0; turn >= sizeof text && i < 3; i++)
            text[k2test_random(&seed) % (sizeof text - 1)] =
                "{}[]\":,\\u01\n -e.t\xff\x01"[k2test_random(&seed) % 19];
        struct feed_options o = plain_options("x");
        struct gathered g;
        gather_init(&g);
        decode_text("binance-json", &o, (struct k2_sv){text, n}, turn % 11, &g);
        bool told[8] = {false};
        int64_t lines = 0, position = 0;
        struct k2_sv rest = {text, n};
        for (size_t k = 0; k < g.n; k++)
            told[g.all[k].position & 7] = true;
        while (rest.p) {
            position++;
            lines += k2_sv_trim(k2_sv_split(&rest, '\n')).n > 0 && !told[position & 7];
        }
        assert_true(lines == g.filtered); /* what is not told of was filtered */
        gather_free(&g);
    }
}

/* --- the real captures --- */

struct capture {
    const char *path, *exchange;
    int64_t lines, trades, tickers;
};
static const struct capture captures[] = {
    {"spot/btcusdt_20240808.gz", "BINANCE", 41249, 9757, 564},
    {"spot/btcusdt_20240809.gz", "BINANCE", 58325, 10147, 0},
    {"usdm/btcusdt_20240808.gz", "BINANCE-USDM", 93954, 21313, 629},
    {"cm/ethusd_perp_20240808.gz", "BINANCE-COINM", 40454, 1732, 1345},
};

/* A book of levels, as small as can be: bids and asks in order of price. */
struct side {
    k2_i128 price[20000], quantity[20000];
    size_t n;
};
struct book {
    struct side side[2]; /* bids, asks */
    int64_t update;      /* the last one applied; 0 = no snapshot yet */
};

static void set_level(struct side *s, k2_i128 price, k2_i128 quantity) {
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->price[middle] < price)
            low = middle + 1;
        else
            high = middle;
    }
    bool there = low < s->n && s->price[low] == price;
    if (quantity == K2_NULL_DECIMAL) {
        for (size_t i = low; there && i + 1 < s->n; i++) {
            s->price[i] = s->price[i + 1];
            s->quantity[i] = s->quantity[i + 1];
        }
        s->n -= there;
        return;
    }
    if (!there) {
        assert_true(s->n < sizeof s->price / sizeof *s->price);
        memmove(s->price + low + 1, s->price + low, (s->n - low) * sizeof *s->price);
        memmove(s->quantity + low + 1, s->quantity + low, (s->n - low) * sizeof *s->quantity);
        s->price[low] = price;
        s->n++;
    }
    s->quantity[low] = quantity;
}

static void apply(struct book *b, const struct gathered *g, const struct k2_book_event *e) {
    struct side *s = &b->side[strcmp(text_of(g, e->side), "SELL") == 0];
    bool gone = strcmp(text_of(g, e->action), "DELETE") == 0;
    if (strcmp(text_of(g, e->action), "CLEAR") == 0)
        b->side[0].n = b->side[1].n = 0;
    else
        set_level(s, e->price, gone ? K2_NULL_DECIMAL : e->quantity);
    b->update = e->exchange_sequence_number;
}

/* The venue's rule: the snapshot first, then every update that ends above it, also those that came before
 * the answer to the request. */
static void take_snapshot(struct book *b, const struct gathered *g) {
    b->side[0].n = b->side[1].n = 0;
    b->update = 0;
    for (size_t k = 0; k < g->n; k++)
        if (g->all[k].event.kind == K2_KIND_BOOK_EVENT &&
            g->all[k].event.book_event.flags & K2_FLAG_SNAPSHOT)
            apply(b, g, &g->all[k].event.book_event);
}

struct ticker {
    int64_t update;
    const struct k2_quote *quote;
};

static int ticker_cmp(const void *a, const void *b) {
    const struct ticker *x = a, *y = b;
    return (x->update > y->update) - (x->update < y->update);
}

/* The quote with the same update id as the book, which was sent before or after it. */
static const struct k2_quote *find_quote(const struct ticker *all, size_t n, int64_t update) {
    struct ticker key = {update, NULL};
    const struct ticker *t = bsearch(&key, all, n, sizeof *all, ticker_cmp);
    return t ? t->quote : NULL;
}

static int64_t compare_book_and_quotes(const struct gathered *g) {
    static struct book b;
    struct ticker *tickers = calloc(g->n, sizeof *tickers);
    size_t n = 0;
    int64_t equal = 0;
    take_snapshot(&b, g);
    int64_t snapshot = b.update;
    for (size_t k = 0; k < g->n; k++)
        if (g->all[k].event.kind == K2_KIND_QUOTE)
            tickers[n++] = (struct ticker){g->all[k].event.quote.exchange_sequence_number,
                                           &g->all[k].event.quote};
    qsort(tickers, n, sizeof *tickers, ticker_cmp);
    for (size_t k = 0; k < g->n; k++) {
        const struct k2_book_event *e = &g->all[k].event.book_event;
        if (g->all[k].event.kind != K2_KIND_BOOK_EVENT || e->flags & K2_FLAG_SNAPSHOT ||
            !snapshot || e->exchange_sequence_number <= snapshot)
            continue;
        apply(&b, g, e);
        if (!(e->flags & K2_FLAG_LAST))
            continue;
        const struct k2_quote *q = find_quote(tickers, n, b.update);
        const struct side *bids = &b.side[0], *asks = &b.side[1];
        if (!q)
            continue;
        assert_true(q->bid_price == bids->price[bids->n - 1]);
        assert_true(q->bid_quantity == bids->quantity[bids->n - 1]);
        assert_true(q->ask_price == asks->price[0] && q->ask_quantity == asks->quantity[0]);
        equal++;
    }
    free(tickers);
    return equal;
}

/* The engine finds no gap, and after one depth update is left out exactly the ids that it was for. */
static void judge(const struct gathered *g, size_t without, struct seq_stats *out) {
    struct seq_engine *s = seq_engine_new((struct seq_history){0});
    struct k2_err err = {0};
    for (size_t k = 0; k < g->n; k++) {
        const struct kept *kept = &g->all[k];
        if (kept->position == g->all[without].position && without)
            continue;
        struct seq_item item = seq_item_of(&kept->event, g->in);
        CHECK_OK(seq_judge(s, &item, 1, &err), &err);
    }
    *out = seq_engine_stats(s);
    seq_engine_free(s);
}

static size_t second_depth_update(const struct gathered *g) {
    int seen = 0;
    for (size_t k = 0; k < g->n; k++)
        if (g->all[k].event.kind == K2_KIND_BOOK_EVENT && g->all[k].event.book_event.part == 0 &&
            !(g->all[k].event.book_event.flags & K2_FLAG_SNAPSHOT) && seen++ == 1)
            return k;
    return 0;
}

static int64_t first_sequence(const struct gathered *g, const struct k2_book_event *e) {
    struct k2_sv blob = k2_interned(g->in, e->extra), key, value;
    int64_t first = e->exchange_sequence_number;
    while (e->extra && k2_blob_next(&blob, &key) && k2_blob_next(&blob, &value))
        if (k2_sv_eq(key, K2_SV("first_sequence")))
            assert_true(k2_sv_i64(value, &first));
    return first;
}

static void check_gaps(const struct gathered *g) {
    struct seq_stats all, missing;
    size_t left_out = second_depth_update(g);
    const struct k2_book_event *e = &g->all[left_out].event.book_event;
    judge(g, 0, &all);
    assert_int_equal(all.verdicts[SEQ_NEW], g->n);
    assert_int_equal(all.missing, 0);
    judge(g, left_out, &missing);
    assert_int_equal(missing.gaps_open, 1);
    assert_int_equal(missing.missing, e->exchange_sequence_number - first_sequence(g, e) + 1);
}

static void check_trades(const struct gathered *g, const struct capture *c, int64_t *next) {
    int64_t trades = 0, last = *next - 1;
    for (size_t k = 0; k < g->n; k++) {
        const struct k2_trade *t = &g->all[k].event.trade;
        assert_string_equal(text_of(g, t->exchange), c->exchange);
        if (g->all[k].event.kind != K2_KIND_TRADE)
            continue;
        if (trades++ || *next)
            assert_int_equal(t->exchange_sequence_number, last + 1);
        last = t->exchange_sequence_number;
    }
    assert_int_equal(trades, c->trades);
    *next = last + 1;
}

static void real_captures_have_no_holes_and_their_books_agree_with_their_quotes(void **state) {
    (void)state;
    const char *dir = shared_data();
    int64_t next = 0;
    if (!dir)
        skip();
    for (size_t i = 0; i < sizeof captures / sizeof *captures; i++) {
        const struct capture *c = &captures[i];
        char path[4096];
        struct gathered g;
        struct k2_buf head = {0};
        struct k2_err err = {0};
        gather_init(&g);
        snprintf(path, sizeof path, "%s/binance-raw/%s", dir, c->path);
        CHECK_OK(feed_file_head(path, 4096, &head, &err), &err);
        const struct feed_ops *ops = feed_detect(k2_sv_of(path), k2_buf_view(&head));
        assert_non_null(ops);
        assert_string_equal(ops->name, "binance-json");
        struct feed_options o = plain_options(path);
        decode_file("binance-json", &o, path, &g);
        assert_int_equal(g.rejects + g.filtered, 0);
        assert_int_equal(g.all[g.n - 1].position, c->lines);
        next = i == 1 ? next : 0; /* the second file goes on where the first one ends */
        check_trades(&g, c, &next);
        assert_int_equal(compare_book_and_quotes(&g), c->tickers);
        check_gaps(&g);
        gather_free(&g);
        k2_buf_free(&head);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spot_trade_message_becomes_a_trade),
        cmocka_unit_test(futures_are_told_by_their_fields_and_keep_the_kind_of_match),
        cmocka_unit_test(key_order_and_blanks_do_not_matter),
        cmocka_unit_test(names_and_the_type_are_the_same_when_they_are_written_with_escapes),
        cmocka_unit_test(what_says_nothing_of_a_market_is_filtered_and_says_why),
        cmocka_unit_test(bad_messages_are_refused_with_what_could_be_read),
        cmocka_unit_test(a_trade_that_could_be_of_either_exchange_is_of_the_one_before_or_refused),
        cmocka_unit_test(nesting_beyond_the_limit_is_refused_not_followed),
        cmocka_unit_test(options_override_the_exchange_and_filter_symbols),
        cmocka_unit_test(a_reset_interner_never_mixes_up_strings),
        cmocka_unit_test(every_prefix_and_many_damages_are_answered_line_by_line),
        cmocka_unit_test(real_captures_have_no_holes_and_their_books_agree_with_their_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
