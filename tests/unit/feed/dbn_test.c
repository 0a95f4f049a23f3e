/* dbn: records made by hand, of every layout; cuts, damages; what is written reads back. */
#include "feed_helper.h"

#define T0 INT64_C(1609160400000000000) /* 2020-12-28 13:00 UTC */

static void put(struct k2_buf *b, int size, uint64_t v) {
    k2_buf_put(b, &v, (size_t)size);
}

static void put_text(struct k2_buf *b, const char *text, size_t size) {
    char field[512] = {0};
    snprintf(field, sizeof field, "%s", text);
    k2_buf_put(b, field, size);
}

static void put_header(struct k2_buf *b, int size, int rtype, int publisher, int instrument,
                       int64_t ts_event) {
    put(b, 1, (uint64_t)size / 4);
    put(b, 1, (uint64_t)rtype);
    put(b, 2, (uint64_t)publisher);
    put(b, 4, (uint64_t)instrument);
    put(b, 8, (uint64_t)ts_event);
}

/* Metadata of a stream in which ESH1 is instrument 5482 on 28 December 2020, and ESM1 from then on. */
static void put_metadata(struct k2_buf *b, int version, int schema) {
    size_t symbol = version == 1 ? 22 : 71, start = b->n;
    put_text(b, "DBN", 3);
    put(b, 1, (uint64_t)version);
    put(b, 4, 0);
    put_text(b, "GLBX.MDP3", 16);
    put(b, 2, (uint64_t)schema);
    put(b, 8, (uint64_t)T0);
    put(b, 8, UINT64_MAX);
    put(b, 8, 0);
    if (version == 1)
        put(b, 8, 0);
    put(b, 1, 1);
    put(b, 1, 0);
    put(b, 1, 0);
    if (version > 1)
        put(b, 2, symbol);
    put_text(b, "", version == 1 ? 47 : 53);
    put(b, 4, 0);
    put(b, 4, 1);
    put_text(b, "ESH1", symbol);
    put(b, 4, 0);
    put(b, 4, 0);
    put(b, 4, 2);
    for (int i = 0; i < 2; i++) {
        put_text(b, i ? "ESM1" : "ESH1", symbol);
        put(b, 4, 1);
        put(b, 4, i ? 20201229 : 20201228);
        put(b, 4, i ? 20210101 : 20201229);
        put_text(b, "5482", symbol);
    }
    uint32_t length = (uint32_t)(b->n - start - 8);
    memcpy(b->p + start + 4, &length, 4);
}

static void put_mbo(struct k2_buf *b, int instrument, int64_t ns, char action, char side,
                    uint64_t order, int64_t price, uint32_t size, int flags) {
    put_header(b, 56, 0xa0, 1, instrument, ns - 1000);
    put(b, 8, order);
    put(b, 8, (uint64_t)price);
    put(b, 4, size);
    put(b, 1, (uint64_t)flags);
    put(b, 1, 7);
    put(b, 1, (uint64_t)action);
    put(b, 1, (uint64_t)side);
    put(b, 8, (uint64_t)ns);
    put(b, 4, (uint64_t)-20);
    put(b, 4, 1170352);
}

static void put_level(struct k2_buf *b, int64_t bid, int64_t ask, uint32_t bid_size,
                      uint32_t ask_size) {
    put(b, 8, (uint64_t)bid);
    put(b, 8, (uint64_t)ask);
    put(b, 4, bid_size);
    put(b, 4, ask_size);
    put(b, 4, 15);
    put(b, 4, 8);
}

static void put_mbp(struct k2_buf *b, int rtype, int size, char action, int64_t ns) {
    put_header(b, size, rtype, 1, 5482, ns - 1000);
    put(b, 8, 3720250000000);
    put(b, 4, 5);
    put(b, 1, (uint64_t)action);
    put(b, 1, 'A');
    put(b, 1, 128);
    put(b, 1, 0);
    put(b, 8, (uint64_t)ns);
    put(b, 4, 1);
    put(b, 4, 9);
}

static void decode(const struct k2_buf *b, size_t step, struct gathered *g) {
    struct feed_options o = plain_options("made.dbn");
    gather_init(g);
    decode_text("dbn", &o, k2_buf_view(b), step, g);
}

/* The value that a map has under the key, or "". */
static const char *said(const struct gathered *g, uint32_t extra, const char *key) {
    static char out[300];
    struct k2_sv blob = k2_interned(g->in, extra), k, v;
    while (k2_blob_next(&blob, &k) && k2_blob_next(&blob, &v))
        if (k2_sv_eq(k, k2_sv_of(key))) {
            snprintf(out, sizeof out, "%.*s", K2_SV_ARG(v));
            return out;
        }
    return "";
}

static void an_order_that_is_added_becomes_a_book_event(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered g;
    put_metadata(&b, 2, 0);
    size_t at = b.n;
    put_mbo(&b, 5482, T0, 'A', 'B', 647784973705, 3722750000000, 3, 0x80 | 0x20);
    decode(&b, 0, &g);
    assert_int_equal(g.n, 1);
    const struct k2_book_event *e = &g.all[0].event.book_event;
    assert_int_equal(g.all[0].event.kind, K2_KIND_BOOK_EVENT);
    assert_string_equal(text_of(&g, e->exchange), "GLBX");
    assert_string_equal(text_of(&g, e->symbol), "ESH1");
    assert_string_equal(text_of(&g, e->channel), "GLBX.MDP3-mbo-5482-20201228");
    assert_string_equal(text_of(&g, e->action), "ADD");
    assert_string_equal(text_of(&g, e->side), "BUY");
    assert_string_equal(text_of(&g, e->order_id), "647784973705");
    assert_true(e->price == 3722750000000 && e->quantity == 30000000000);
    assert_true(e->exchange_timestamp_ns == T0 - 1000 && e->receive_timestamp_ns == T0);
    assert_int_equal(e->exchange_sequence_number, 1);
    assert_int_equal(e->flags, K2_FLAG_LAST | K2_FLAG_SNAPSHOT);
    assert_int_equal(e->raw_offset, at);
    assert_int_equal(e->trade_date, k2_days_from_civil(2020, 12, 28));
    assert_string_equal(said(&g, e->extra, "flags"), "160");
    assert_string_equal(said(&g, e->extra, "sequence"), "1170352");
    assert_string_equal(said(&g, e->extra, "ts_in_delta"), "-20");
    assert_string_equal(said(&g, e->extra, "channel_id"), "7");
    assert_string_equal(said(&g, e->extra, "ts_out"), "");
    gather_free(&g);
    k2_buf_free(&b);
}

static void the_actions_of_orders_are_told_apart(void **state) {
    (void)state;
    static const char *const actions[] = {"ADD", "MODIFY", "CANCEL", "CLEAR"};
    struct k2_buf b = {0};
    struct gathered g;
    for (const char *a = "AMCRTFN"; *a; a++)
        put_mbo(&b, 1, T0, *a, 'A', 5, 100, 1, 128);
    put_mbo(&b, 1, T0, 'x', 'A', 5, 100, 1, 128);
    put_mbo(&b, 1, T0, 'A', 'x', 5, 100, 1, 128);
    decode(&b, 0, &g);
    assert_int_equal(g.events, 7);
    assert_int_equal(g.rejects, 2);
    for (int i = 0; i < 4; i++)
        assert_string_equal(text_of(&g, g.all[i].event.book_event.action), actions[i]);
    assert_true(g.all[3].event.book_event.quantity == K2_NULL_DECIMAL);
    assert_int_equal(g.all[4].event.kind, K2_KIND_TRADE);
    assert_string_equal(text_of(&g, g.all[4].event.trade.side), "SELL");
    assert_string_equal(said(&g, g.all[4].event.trade.extra, "order_id"), "5");
    assert_int_equal(g.all[5].event.kind, K2_KIND_MESSAGE);
    assert_string_equal(text_of(&g, g.all[5].event.message.message_type), "mbo");
    assert_string_equal(said(&g, g.all[5].event.message.extra, "action"), "F");
    /* each kind counts for itself, refused ones too */
    assert_int_equal(g.all[3].event.head.exchange_sequence_number, 4);
    assert_int_equal(g.all[4].event.head.exchange_sequence_number, 1);
    assert_int_equal(g.all[6].event.head.exchange_sequence_number, 2);
    assert_true(g.all[8].rejected && g.all[8].numbered);
    assert_int_equal(g.all[8].event.head.exchange_sequence_number, 6);
    assert_string_equal(g.all[8].reason, "MALFORMED");
    gather_free(&g);
    k2_buf_free(&b);
}

static void symbols_go_by_the_day_and_an_instrument_without_one_by_its_number(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered g;
    put_metadata(&b, 3, 0);
    put_mbo(&b, 5482, T0, 'A', 'B', 1, 100, 1, 128);
    put_mbo(&b, 77, T0, 'A', 'B', 1, 100, 1, 128);
    put_mbo(&b, 5482, T0 + K2_NS_PER_DAY, 'A', 'B', 1, 100, 1, 128);
    put_mbo(&b, 5482, T0 + 9 * K2_NS_PER_DAY, 'A', 'B', 1, 100, 1, 128);
    decode(&b, 0, &g);
    assert_int_equal(g.n, 4);
    assert_string_equal(text_of(&g, g.all[0].event.head.symbol), "ESH1");
    assert_string_equal(text_of(&g, g.all[1].event.head.symbol), "77");
    assert_string_equal(text_of(&g, g.all[2].event.head.symbol), "ESM1");
    assert_string_equal(text_of(&g, g.all[3].event.head.symbol), "5482");
    for (int i = 0; i < 4; i++) /* another instrument or another day is another channel */
        assert_int_equal(g.all[i].event.head.exchange_sequence_number, 1);
    gather_free(&g);
    k2_buf_free(&b);
}

static void the_evening_in_chicago_belongs_to_the_next_session_and_to_its_utc_day(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered g;
    const int64_t roll = T0 + 10 * 3600 * K2_NS_PER_SEC; /* 23:00 UTC is 17:00 in Chicago */
    put_metadata(&b, 3, 0);
    put_mbo(&b, 5482, roll - 1, 'A', 'B', 1, 100, 1, 128);
    put_mbo(&b, 5482, roll, 'A', 'B', 1, 100, 1, 128);
    put_mbo(&b, 5482, roll + 3600 * K2_NS_PER_SEC, 'A', 'B', 1, 100, 1, 128);
    decode(&b, 0, &g);
    int32_t day = k2_days_from_civil(2020, 12, 28);
    assert_int_equal(g.all[0].event.head.trade_date, day);
    assert_int_equal(g.all[1].event.head.trade_date, day + 1);
    assert_int_equal(g.all[2].event.head.trade_date, day + 1);
    assert_string_equal(text_of(&g, g.all[1].event.head.channel), "GLBX.MDP3-mbo-5482-20201228");
    assert_string_equal(text_of(&g, g.all[2].event.head.channel), "GLBX.MDP3-mbo-5482-20201229");
    assert_int_equal(g.all[1].event.head.exchange_sequence_number, 1);
    gather_free(&g);
    k2_buf_free(&b);
}

static void a_symbol_mapping_names_the_instrument_from_then_on(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered g;
    put_mbo(&b, 9, T0, 'A', 'B', 1, 100, 1, 128);
    put_header(&b, 176, 0x16, 1, 9, T0);
    put(&b, 1, 1);
    put_text(&b, "ES.c.0", 71);
    put(&b, 1, 1);
    put_text(&b, "ESH1", 71);
    put(&b, 8, (uint64_t)T0);
    put(&b, 8, UINT64_MAX);
    put_mbo(&b, 9, T0, 'A', 'B', 1, 100, 1, 128);
    decode(&b, 0, &g);
    assert_int_equal(g.events, 3);
    assert_string_equal(text_of(&g, g.all[0].event.head.symbol), "9");
    assert_string_equal(text_of(&g, g.all[1].event.message.message_type), "symbol-mapping");
    assert_string_equal(said(&g, g.all[1].event.message.extra, "stype_in_symbol"), "ES.c.0");
    assert_string_equal(said(&g, g.all[1].event.message.extra, "end_ts"), "");
    assert_string_equal(text_of(&g, g.all[2].event.head.symbol), "ESH1");
    assert_int_equal(g.all[2].event.head.exchange_sequence_number, 2);
    gather_free(&g);
    k2_buf_free(&b);
}

static void a_trade_in_mbp_1_is_a_trade_and_a_quote(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered g;
    put_metadata(&b, 3, 3);
    put_mbp(&b, 0x01, 80, 'T', T0);
    put_level(&b, 3720250000000, INT64_MAX, 26, 7);
    put_mbp(&b, 0x01, 80, 'A', T0 + 1);
    put_level(&b, 3720250000000, 3720500000000, 27, 7);
    decode(&b, 0, &g);
    assert_int_equal(g.events, 3);
    const struct k2_trade *t = &g.all[0].event.trade;
    const struct k2_quote *q = &g.all[1].event.quote;
    assert_int_equal(g.all[0].event.kind, K2_KIND_TRADE);
    assert_true(t->price == 3720250000000 && t->quantity == 50000000000 && t->flags == 0);
    assert_string_equal(said(&g, t->extra, "price"), "");
    assert_int_equal(g.all[1].event.kind, K2_KIND_QUOTE);
    assert_true(q->bid_price == 3720250000000 && q->bid_quantity == 260000000000);
    assert_true(q->ask_price == K2_NULL_DECIMAL && q->ask_quantity == K2_NULL_DECIMAL);
    assert_int_equal(q->flags, K2_FLAG_LAST);
    assert_string_equal(said(&g, q->extra, "price"), "3720.25");
    assert_string_equal(said(&g, q->extra, "bid_ct"), "15");
    assert_string_equal(text_of(&g, q->channel), "GLBX.MDP3-tbbo-5482-20201228");
    assert_int_equal(g.all[0].position, g.all[1].position);
    assert_int_equal(g.all[2].event.quote.exchange_sequence_number, 2);
    gather_free(&g);
    k2_buf_free(&b);
}

static void levels_are_told_when_they_change(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered g;
    for (int i = 0; i < 4; i++) { /* all; one of them; none; none, and a trade */
        put_mbp(&b, 0x0a, 368, i == 3 ? 'T' : 'C', T0 + i);
        for (int level = 0; level < 10; level++)
            put_level(&b, 1000 - level, level == 9 ? INT64_MAX : 1001 + level, 5,
                      level == 2 && i ? 4 : 6);
    }
    decode(&b, 0, &g);
    assert_int_equal(g.events, 20 + 1 + 1 + 1);
    const struct k2_book_event *last = &g.all[19].event.book_event,
                               *set = &g.all[20].event.book_event;
    assert_string_equal(text_of(&g, last->action), "DELETE");
    assert_int_equal(last->part, 19);
    assert_int_equal(last->level, 10);
    assert_int_equal(last->flags, K2_FLAG_LAST);
    assert_int_equal(g.all[18].event.book_event.flags, 0);
    assert_true(last->price == K2_NULL_DECIMAL && last->order_count == K2_NULL_LONG);
    assert_string_equal(text_of(&g, set->action), "SET");
    assert_string_equal(text_of(&g, set->side), "SELL");
    assert_true(set->level == 3 && set->price == 1003 && set->quantity == 40000000000);
    assert_int_equal(set->exchange_sequence_number, 2);
    assert_int_equal(set->order_count, 8);
    assert_int_equal(g.all[21].event.kind, K2_KIND_MESSAGE);
    assert_int_equal(g.all[22].event.kind, K2_KIND_TRADE);
    assert_int_equal(g.all[22].event.trade.flags, K2_FLAG_LAST);
    gather_free(&g);
    k2_buf_free(&b);
}

static void bars_have_the_interval_of_their_record(void **state) {
    (void)state;
    static const int64_t seconds[] = {1, 60, 3600, 86400, 86400};
    struct k2_buf b = {0};
    struct gathered g;
    for (int i = 0; i < 6; i++) {
        put_header(&b, 56, 0x20 + i % 5, 1, 5482, T0 + i);
        for (int v = 1; v <= 4; v++)
            put(&b, 8, (uint64_t)v * 1000);
        put(&b, 8, i == 5 ? UINT64_MAX : 353);
    }
    decode(&b, 0, &g);
    for (int i = 0; i < 5; i++) {
        const struct k2_bar *bar = &g.all[i].event.bar;
        assert_int_equal(bar->interval_ns, seconds[i] * K2_NS_PER_SEC);
        assert_true(bar->open == 1000 && bar->high == 2000 && bar->low == 3000);
        assert_true(bar->close == 4000 && bar->volume == (k2_i128)353 * 10000000000);
        assert_true(bar->receive_timestamp_ns == K2_NULL_LONG);
    }
    assert_true(g.all[5].rejected && g.all[5].numbered);
    assert_string_equal(g.all[5].reason, "RANGE");
    gather_free(&g);
    k2_buf_free(&b);
}

static void statistics_of_both_sizes_say_the_same(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered g;
    for (int wide = 0; wide < 2; wide++)
        for (int none = 0; none < 2; none++) {
            put_header(&b, wide ? 80 : 64, 0x18, 1, 5482, T0);
            put(&b, 8, (uint64_t)T0);
            put(&b, 8, UINT64_MAX);
            put(&b, 8, INT64_MAX);
            put(&b, wide ? 8 : 4, none ? (wide ? INT64_MAX : INT32_MAX) : 42);
            put(&b, 4, 3);
            put(&b, 4, 4);
            put(&b, 2, 9);
            put(&b, 2, 13);
            put(&b, 1, 1);
            put(&b, 1, 255);
            put_text(&b, "", wide ? 18 : 6);
        }
    decode(&b, 0, &g);
    assert_int_equal(g.events, 4);
    for (int i = 0; i < 4; i++) {
        const struct k2_statistic *s = &g.all[i].event.statistic;
        assert_string_equal(text_of(&g, s->statistic), "OPEN_INTEREST");
        assert_true(s->price == K2_NULL_DECIMAL);
        assert_true(s->quantity == (i & 1 ? K2_NULL_DECIMAL : (k2_i128)42 * 10000000000));
        assert_string_equal(said(&g, s->extra, "stat_flags"), "255");
    }
    gather_free(&g);
    k2_buf_free(&b);
}

static void status_and_messages_of_the_gateway_are_kept(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered g;
    put_metadata(&b, 3, 11);
    put_header(&b, 40, 0x12, 1, 5482, T0);
    put(&b, 8, (uint64_t)T0);
    put(&b, 2, 8);
    put(&b, 2, 50);
    put(&b, 2, 0);
    put_text(&b, "NN~", 10);
    put_header(&b, 320, 0x17, 0, 0, T0);
    put_text(&b, "Heartbeat", 303);
    put(&b, 1, 0);
    put_header(&b, 80, 0x15, 0, 0, T0);
    put_text(&b, "no such symbol", 64);
    decode(&b, 0, &g);
    assert_int_equal(g.events, 3);
    const struct k2_trading_status *s = &g.all[0].event.trading_status;
    assert_string_equal(text_of(&g, s->status), "HALTED");
    assert_string_equal(text_of(&g, s->reason), "LULD_PAUSE");
    assert_string_equal(text_of(&g, s->code), "8");
    assert_string_equal(said(&g, s->extra, "is_trading"), "N");
    assert_string_equal(said(&g, g.all[1].event.message.extra, "msg"), "Heartbeat");
    assert_string_equal(text_of(&g, g.all[1].event.head.exchange), "GLBX"); /* by the dataset */
    assert_string_equal(said(&g, g.all[2].event.message.extra, "err"), "no such symbol");
    gather_free(&g);
    k2_buf_free(&b);
}

static void a_record_of_an_unknown_type_is_kept_as_its_bytes(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered g;
    put_header(&b, 20, 0x77, 1, 5482, T0);
    put(&b, 4, 0xc0ffee);
    put_mbo(&b, 1, T0, 'A', 'B', 1, 100, 1, 128);
    decode(&b, 0, &g);
    assert_int_equal(g.events, 2);
    assert_string_equal(text_of(&g, g.all[0].event.message.message_type), "rtype-119");
    const char *hex = said(&g, g.all[0].event.message.extra, "bytes");
    assert_int_equal(strlen(hex), 40);
    assert_string_equal(hex + 32, "eeffc000");
    gather_free(&g);
    k2_buf_free(&b);
}

static void ts_out_behind_a_record_is_kept(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered g;
    put_mbo(&b, 1, T0, 'A', 'B', 1, 100, 1, 128);
    b.p[0] = 64 / 4;
    put(&b, 8, (uint64_t)T0 + 5);
    decode(&b, 0, &g);
    assert_int_equal(g.events, 1);
    assert_string_equal(said(&g, g.all[0].event.book_event.extra, "ts_out"), "1609160400000000005");
    gather_free(&g);
    k2_buf_free(&b);
}

static void bad_records_are_refused_and_the_others_go_on(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered g;
    put_header(&b, 60, 0xa0, 1, 1, T0); /* no mbo record is so long */
    put_text(&b, "", 44);
    put_mbo(&b, 1, T0, 'A', 'B', 1, 100, 1, 128);
    put_mbo(&b, 1, INT64_MIN + 1000, 'A', 'B', 1, 100, 1, 128);
    put_header(&b, 16, 0x77, 1, 1, -1); /* no time */
    size_t rest = b.n;
    put_header(&b, 12, 0xa0, 1, 1, T0); /* no record is so short */
    put_text(&b, "", 44);
    decode(&b, 0, &g);
    assert_int_equal(g.events, 1);
    assert_int_equal(g.rejects, 4);
    assert_string_equal(g.all[0].detail, "no mbo record has 60 bytes");
    assert_false(g.all[0].numbered);
    assert_string_equal(g.all[2].reason, "RANGE");
    assert_string_equal(g.all[3].reason, "INVALID");
    assert_int_equal(g.all[4].offset, rest);
    assert_int_equal(g.all[4].position, 5);
    gather_free(&g);
    k2_buf_free(&b);
}

static void a_stream_that_ends_in_a_record_says_so(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered g;
    put_metadata(&b, 3, 0);
    put_mbo(&b, 5482, T0, 'A', 'B', 1, 100, 1, 128);
    b.n -= 7;
    decode(&b, 0, &g);
    assert_int_equal(g.n, 1);
    assert_true(g.all[0].rejected);
    assert_string_equal(g.all[0].detail, "the stream ends after 49 of 56 bytes of a record");
    gather_free(&g);
    k2_buf_free(&b);
}

static void damaged_metadata_is_refused_and_its_records_are_read(void **state) {
    (void)state;
    for (int version = 1; version <= 3; version++) {
        struct k2_buf b = {0};
        struct gathered g;
        put_metadata(&b, version, 0);
        size_t count = version == 1 ? 108 + 4 + 4 + 22 + 4 : 108 + 4 + 4 + 71 + 4;
        b.p[count] = 200; /* so many symbols that were not found */
        put_mbo(&b, 5482, T0, 'A', 'B', 1, 100, 1, 128);
        decode(&b, 0, &g);
        assert_int_equal(g.n, 2);
        assert_true(g.all[0].rejected && !g.all[0].numbered);
        assert_string_equal(text_of(&g, g.all[1].event.head.symbol), "5482");
        gather_free(&g);
        k2_buf_free(&b);
    }
}

static void every_version_of_metadata_names_its_symbols(void **state) {
    (void)state;
    for (int version = 1; version <= 4; version++) {
        struct k2_buf b = {0};
        struct gathered g;
        put_metadata(&b, version, 0);
        put_mbo(&b, 5482, T0, 'A', 'B', 1, 100, 1, 128);
        decode(&b, 0, &g);
        assert_int_equal(g.n, 1);
        if (version < 4)
            assert_string_equal(text_of(&g, g.all[0].event.head.symbol), "ESH1");
        else
            assert_true(g.all[0].rejected);
        gather_free(&g);
        k2_buf_free(&b);
    }
}

/* Some of everything. */
static void put_mix(struct k2_buf *b) {
    put_metadata(b, 3, 0xffff);
    put_mbo(b, 5482, T0, 'A', 'B', 1, 100, 1, 128);
    put_mbp(b, 0x00, 48, 'T', T0);
    put_mbp(b, 0x01, 80, 'T', T0);
    put_level(b, 1, 2, 3, 4);
    put_mbp(b, 0x0a, 368, 'T', T0);
    for (int i = 0; i < 10; i++)
        put_level(b, 100 - i, 101 + i, 3, 4);
    put_header(b, 520, 0x13, 1, 5482, T0);
    put_text(b, "", 504 - 17 - 6);
    put_text(b, "", 23);
    put_header(b, 320, 0x17, 0, 0, T0);
    put_text(b, "Heartbeat", 304);
}

static void what_cannot_be_cut_is_refused_the_same_however_it_comes(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered g;
    put_header(&b, 8, 0xa0, 1, 1, T0);
    for (int i = 0; i < 1000; i++)
        put(&b, 8, 1);
    for (size_t step = 0; step < 9000; step += 1700) {
        decode(&b, step, &g);
        assert_int_equal(g.n, 1);
        assert_int_equal(g.all[0].raw_n, 4096);
        gather_free(&g);
    }
    k2_buf_free(&b);
}

static void however_the_bytes_are_cut_the_answer_is_the_same(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered whole, pieces;
    put_mix(&b);
    decode(&b, 0, &whole);
    for (size_t step = 1; step < 130; step += 3) {
        decode(&b, step, &pieces);
        assert_int_equal(pieces.n, whole.n);
        for (size_t i = 0; i < whole.n; i++)
            assert_true(k2_h128_cmp(k2_full_hash(&whole.all[i].event, whole.in),
                                    k2_full_hash(&pieces.all[i].event, pieces.in)) == 0);
        gather_free(&pieces);
    }
    gather_free(&whole);
    k2_buf_free(&b);
}

static void no_damaged_byte_breaks_the_decoder(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered g;
    put_mix(&b);
    for (size_t i = 0; i < b.n; i++) {
        uint8_t was = b.p[i];
        b.p[i] = (uint8_t)(was ^ (i % 3 == 0 ? 0xff : i % 3 == 1 ? 0x01 : 0x80));
        if (i < 8 || i >= 24) { /* another dataset has no calendar, which is an error of its own */
            decode(&b, 0, &g);
            assert_true(g.n > 0);
            gather_free(&g);
        }
        b.p[i] = was;
    }
    k2_buf_free(&b);
}

static void a_dataset_without_a_calendar_is_an_error_that_says_what_to_do(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered g;
    struct k2_err err = {0};
    const struct feed_ops *ops = feed_find(K2_SV("dbn"));
    struct feed_options o = plain_options("made.dbn");
    put_metadata(&b, 3, 0);
    memcpy(b.p + 8, "ABCD.NEWS", 9);
    put_mbo(&b, 5482, T0, 'A', 'B', 1, 100, 1, 128);
    b.p[b.n - 56 + 2] = b.p[b.n - 56 + 3] = 0xff; /* a publisher that is not in the list */
    for (int utc = 0; utc < 2; utc++) {
        gather_init(&g);
        o.calendar = utc ? "utc" : NULL;
        void *s = calloc(1, ops->state_size);
        size_t used;
        CHECK_OK(ops->init(ops, s, &o, g.in, &err), &err);
        int rc = ops->decode(s, k2_buf_view(&b), true, &used, &g.sink, &err);
        assert_int_equal(rc, utc ? K2_OK : K2_E_NOTFOUND);
        if (utc)
            assert_string_equal(text_of(&g, g.all[0].event.head.exchange), "ABCD-NEWS");
        else
            assert_non_null(strstr(err.msg, "--calendar utc"));
        ops->fini(s);
        free(s);
        gather_free(&g);
    }
    k2_buf_free(&b);
}

static void a_venue_that_is_not_the_exchange_has_its_column(void **state) {
    (void)state;
    struct k2_buf b = {0};
    struct gathered g;
    put_mbp(&b, 0x00, 48, 'T', T0);
    b.p[2] = 22; /* OPRA.PILLAR, XCBO */
    decode(&b, 0, &g);
    assert_string_equal(text_of(&g, g.all[0].event.trade.exchange), "OPRA");
    assert_string_equal(text_of(&g, g.all[0].event.trade.venue), "XCBO");
    assert_string_equal(text_of(&g, g.all[0].event.trade.channel),
                        "OPRA.PILLAR-XCBO-mbp-0-5482-20201228");
    gather_free(&g);
    k2_buf_free(&b);
}

/* Events of the stream, written again. */
static void write_again(const struct k2_buf *b, enum k2_kind_id kind, struct k2_buf *out) {
    struct gathered g;
    const struct feed_dbn_head head = {
        .dataset = K2_SV("GLBX.MDP3"), .kind = kind, .start_ns = T0, .end_ns = K2_NULL_LONG};
    const char *why;
    decode(b, 0, &g);
    struct feed_dbn_writer *w = feed_dbn_writer_new(&head, out);
    for (size_t i = 0; i < g.n; i++)
        if (!feed_dbn_write(w, &g.all[i].event, g.in, out, &why))
            assert_true(*why);
    feed_dbn_writer_free(w);
    gather_free(&g);
}

static void orders_that_are_written_are_the_bytes_that_were_read(void **state) {
    (void)state;
    struct k2_buf b = {0}, out = {0};
    put_metadata(&b, 3, 0);
    size_t at = b.n;
    for (const char *a = "AMCTFN"; *a; a++)
        put_mbo(&b, 5482, T0, *a, 'B', UINT64_MAX, -3722750000000, UINT32_MAX - 1, 0x82);
    write_again(&b, K2_KIND_BOOK_EVENT, &out);
    size_t records = b.n - at;
    assert_int_equal(out.n, 128 + 176 + records); /* metadata, ESH1, and the same records */
    assert_memory_equal(out.p + out.n - records, b.p + at, records);
    k2_buf_free(&b);
    k2_buf_free(&out);
}

static void quotes_and_trades_that_are_written_are_the_bytes_that_were_read(void **state) {
    (void)state;
    struct k2_buf b = {0}, out = {0};
    put_mbp(&b, 0x01, 80, 'T', T0);
    put_level(&b, 3720250000000, INT64_MAX, 26, 0);
    write_again(&b, K2_KIND_QUOTE, &out);
    assert_int_equal(out.n, 128 + 80);
    assert_memory_equal(out.p + 128, b.p, 80);
    b.n = out.n = 0;
    put_mbp(&b, 0x00, 48, 'T', T0);
    write_again(&b, K2_KIND_TRADE, &out);
    assert_int_equal(out.n, 128 + 48);
    assert_memory_equal(out.p + 128, b.p, 48);
    k2_buf_free(&b);
    k2_buf_free(&out);
}

static void what_dbn_cannot_say_is_not_written(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    struct k2_buf out = {0};
    struct k2_event e;
    const struct feed_dbn_head head = {
        .dataset = K2_SV("SIM"), .kind = K2_KIND_COUNT, .start_ns = 0, .end_ns = K2_NULL_LONG};
    struct feed_dbn_writer *w = feed_dbn_writer_new(&head, &out);
    const char *why;
    k2_event_blank(&e, K2_KIND_TRADE);
    e.trade.exchange = k2_intern(in, K2_SV("SIM"));
    e.trade.symbol = k2_intern(in, K2_SV("AAPL"));
    e.trade.exchange_timestamp_ns = T0;
    e.trade.price = 1;
    e.trade.quantity = k2_pow10(9); /* a tenth */
    size_t before = out.n;
    assert_false(feed_dbn_write(w, &e, in, &out, &why));
    assert_non_null(strstr(why, "whole number"));
    assert_int_equal(out.n, before);
    e.trade.quantity = k2_pow10(10);
    e.trade.price = (k2_i128)INT64_MAX + 1;
    assert_false(feed_dbn_write(w, &e, in, &out, &why));
    e.trade.price = 5;
    assert_true(feed_dbn_write(w, &e, in, &out, &why));
    assert_int_equal(out.n, before + 176 + 48);
    k2_event_blank(&e, K2_KIND_BAR);
    assert_false(feed_dbn_write(w, &e, in, &out, &why));
    feed_dbn_writer_free(w);
    k2_interner_free(in);
    k2_buf_free(&out);
}

static void it_is_detected_by_its_first_bytes(void **state) {
    (void)state;
    struct k2_buf b = {0};
    put_mbo(&b, 1, T0, 'A', 'B', 1, 100, 1, 128);
    assert_null(feed_detect(K2_SV("x"), k2_buf_view(&b)));
    assert_ptr_equal(feed_detect(K2_SV("x.dbn.frag"), k2_buf_view(&b)), feed_find(K2_SV("dbn")));
    b.n = 0;
    put_metadata(&b, 1, 0);
    assert_ptr_equal(feed_detect(K2_SV("x"), k2_buf_view(&b)), feed_find(K2_SV("dbn")));
    k2_buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_that_is_added_becomes_a_book_event),
        cmocka_unit_test(the_actions_of_orders_are_told_apart),
        cmocka_unit_test(symbols_go_by_the_day_and_an_instrument_without_one_by_its_number),
        cmocka_unit_test(the_evening_in_chicago_belongs_to_the_next_session_and_to_its_utc_day),
        cmocka_unit_test(a_symbol_mapping_names_the_instrument_from_then_on),
        cmocka_unit_test(a_trade_in_mbp_1_is_a_trade_and_a_quote),
        cmocka_unit_test(levels_are_told_when_they_change),
        cmocka_unit_test(bars_have_the_interval_of_their_record),
        cmocka_unit_test(statistics_of_both_sizes_say_the_same),
        cmocka_unit_test(status_and_messages_of_the_gateway_are_kept),
        cmocka_unit_test(a_record_of_an_unknown_type_is_kept_as_its_bytes),
        cmocka_unit_test(ts_out_behind_a_record_is_kept),
        cmocka_unit_test(bad_records_are_refused_and_the_others_go_on),
        cmocka_unit_test(a_stream_that_ends_in_a_record_says_so),
        cmocka_unit_test(damaged_metadata_is_refused_and_its_records_are_read),
        cmocka_unit_test(every_version_of_metadata_names_its_symbols),
        cmocka_unit_test(what_cannot_be_cut_is_refused_the_same_however_it_comes),
        cmocka_unit_test(however_the_bytes_are_cut_the_answer_is_the_same),
        cmocka_unit_test(no_damaged_byte_breaks_the_decoder),
        cmocka_unit_test(a_dataset_without_a_calendar_is_an_error_that_says_what_to_do),
        cmocka_unit_test(a_venue_that_is_not_the_exchange_has_its_column),
        cmocka_unit_test(orders_that_are_written_are_the_bytes_that_were_read),
        cmocka_unit_test(quotes_and_trades_that_are_written_are_the_bytes_that_were_read),
        cmocka_unit_test(what_dbn_cannot_say_is_not_written),
        cmocka_unit_test(it_is_detected_by_its_first_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
