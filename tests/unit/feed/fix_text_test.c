/* The decoder fix-text: messages made here, with BodyLength and CheckSum as the specification counts them. */
#include "capture_helper.h"
#include "feed_helper.h"

/* Of fields with '|' behind each; written with `separator`. */
static void put_message(struct k2_buf *out, const char *begin, const char *fields, char separator) {
    size_t from = out->n;
    unsigned sum = 0;
    k2_buf_printf(out, "8=%s|9=%zu|%s", begin, strlen(fields), fields);
    for (size_t i = from; i < out->n; i++) {
        sum += out->p[i] == '|' ? 1u : out->p[i];
        if (out->p[i] == '|')
            out->p[i] = (uint8_t)separator;
    }
    k2_buf_printf(out, "10=%03u%c", sum & 255u, separator);
}

#define HEAD(type, number) "35=" type "|34=" number "|49=LSE|56=ME|52=20250303-10:00:00.123|"

static void decode_fix(const struct k2_buf *b, size_t step, struct gathered *g) {
    struct feed_options o = plain_options("a.log");
    gather_init(g);
    decode_text("fix-text", &o, k2_buf_view(b), step, g);
}

/* One message of FIX 4.4. */
static void decode_one(const char *fields, struct gathered *g) {
    struct k2_buf b = {0};
    put_message(&b, "FIX.4.4", fields, 1);
    decode_fix(&b, 0, g);
    k2_buf_free(&b);
}

static const char *extra_of(const struct gathered *g, uint32_t extra, const char *name) {
    static char out[200];
    struct k2_sv blob = k2_interned(g->in, extra), key, text;
    while (extra && k2_blob_next(&blob, &key) && k2_blob_next(&blob, &text))
        if (k2_sv_eq(key, k2_sv_of(name))) {
            snprintf(out, sizeof out, "%.*s", K2_SV_ARG(text));
            return out;
        }
    return "(none)";
}

#define TEN_O_CLOCK INT64_C(1740996000000000000)

static void entries_of_a_refresh_become_events_of_their_kinds(void **state) {
    struct gathered g;
    (void)state;
    decode_one(
        HEAD("X", "7") "262=R|268=5|"
                       "279=0|269=0|278=a1|55=VOD|270=71.25|271=500|346=3|1023=1|"
                       "279=2|269=1|278=o9|270=71.5|271=0|"
                       "279=0|269=2|55=VOD|270=71.25|271=500|273=09:59:59.5|277=A B|5797=2|30=XLON|"
                       "279=0|269=7|270=72|"
                       "279=2|269=2|1003=T5|270=71|271=1|",
        &g);
    assert_int_equal(g.rejects, 0);
    assert_int_equal(g.events, 5);
    const struct k2_book_event *level = &g.all[0].event.book_event,
                               *order = &g.all[1].event.book_event;
    assert_string_equal(text_of(&g, level->action), "SET");
    assert_string_equal(text_of(&g, level->side), "BUY");
    assert_true(level->price == 7125 * k2_pow10(7) && level->quantity == 500 * k2_pow10(10));
    assert_int_equal(level->level, 1);
    assert_int_equal(level->order_count, 3);
    assert_int_equal(level->exchange_timestamp_ns, TEN_O_CLOCK + 123 * K2_NS_PER_MS);
    assert_string_equal(text_of(&g, level->channel), "LSE-ME");
    assert_string_equal(extra_of(&g, level->extra, "MDEntryID"), "a1");
    assert_string_equal(extra_of(&g, level->extra, "MDReqID"), "R");
    assert_string_equal(text_of(&g, order->action), "DELETE");
    assert_string_equal(text_of(&g, order->order_id), "o9");
    assert_string_equal(text_of(&g, order->symbol), "VOD");
    const struct k2_trade *t = &g.all[2].event.trade;
    assert_int_equal(t->exchange_timestamp_ns, TEN_O_CLOCK - K2_NS_PER_SEC / 2);
    assert_string_equal(text_of(&g, t->side), "SELL");
    assert_string_equal(text_of(&g, t->venue), "XLON");
    assert_string_equal(extra_of(&g, t->extra, "SendingTime"), "20250303-10:00:00.123");
    assert_string_equal(text_of(&g, g.all[3].event.statistic.statistic), "HIGH");
    const struct k2_correction *c = &g.all[4].event.correction;
    assert_string_equal(text_of(&g, c->action), "CANCEL");
    assert_string_equal(text_of(&g, c->trade_id), "T5");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(g.all[i].event.head.exchange_sequence_number, 7);
        assert_int_equal(g.all[i].event.head.part, i);
    }
    assert_int_equal(level->flags, K2_FLAG_SHARED);
    assert_int_equal(c->flags, K2_FLAG_SHARED | K2_FLAG_LAST);
    gather_free(&g);
}

static void a_snapshot_begins_with_a_clear_book(void **state) {
    struct gathered g;
    (void)state;
    decode_one(HEAD("W", "2") "55=VOD|268=2|269=0|270=1|271=2|269=4|270=3|", &g);
    assert_int_equal(g.events, 3);
    assert_string_equal(text_of(&g, g.all[0].event.book_event.action), "CLEAR");
    assert_string_equal(text_of(&g, g.all[1].event.book_event.action), "SET");
    assert_string_equal(text_of(&g, g.all[2].event.statistic.statistic), "OPEN");
    for (int i = 0; i < 3; i++)
        assert_string_equal(text_of(&g, g.all[i].event.head.symbol), "VOD");
    assert_int_equal(g.all[1].event.book_event.flags, K2_FLAG_SHARED | K2_FLAG_SNAPSHOT);
    gather_free(&g);
}

static void definitions_and_states_have_their_kinds(void **state) {
    struct k2_buf b = {0};
    struct gathered g;
    (void)state;
    put_message(&b, "FIX.4.2",
                HEAD("d", "1") "55=FEZ5|48=17|107=Future|167=FUT|15=GBP|969=0.5|231=10|"
                               "541=20251219|600=A|600=B|",
                '|');
    put_message(&b, "FIXT.1.1", HEAD("f", "2") "48=17|326=2|327=News|", '|');
    put_message(&b, "FIX.5.0SP2", HEAD("h", "3") "336=1|340=2|", '|');
    put_message(&b, "FIX.4.4", HEAD("B", "4") "148=Late|58=one|58=two|", '|');
    decode_fix(&b, 0, &g);
    assert_int_equal(g.rejects, 0);
    assert_int_equal(g.events, 4);
    const struct k2_instrument *i = &g.all[0].event.instrument;
    assert_string_equal(text_of(&g, i->instrument_type), "FUTURE");
    assert_string_equal(text_of(&g, i->expiration), "2025-12-19");
    assert_true(i->tick_size == 5 * k2_pow10(8) && i->multiplier == 10 * k2_pow10(10));
    assert_string_equal(extra_of(&g, i->extra, "LegSymbol"), "A");
    assert_string_equal(extra_of(&g, i->extra, "LegSymbol.1"), "B");
    const struct k2_trading_status *f = &g.all[1].event.trading_status,
                                   *h = &g.all[2].event.trading_status;
    assert_string_equal(text_of(&g, f->symbol), "FEZ5");
    assert_string_equal(text_of(&g, f->status), "HALTED");
    assert_string_equal(text_of(&g, f->reason), "News");
    assert_string_equal(text_of(&g, h->symbol), "*");
    assert_string_equal(text_of(&g, h->status), "OPEN");
    assert_string_equal(text_of(&g, g.all[3].event.message.message_type), "News");
    assert_string_equal(extra_of(&g, g.all[3].event.message.extra, "Text.1"), "two");
    gather_free(&g);
    k2_buf_free(&b);
}

static void pieces_and_separators_give_the_same_events(void **state) {
    static const char separators[] = {1, '|'};
    struct k2_h128 sum[2] = {{0}};
    (void)state;
    for (int k = 0; k < 2; k++) {
        struct k2_buf b = {0};
        k2_buf_str(&b, "20250303-10:00:00.124000 : ");
        put_message(&b, "FIX.4.4", HEAD("X", "7") "268=1|279=0|269=2|55=VOD|270=1|271=2|",
                    separators[k]);
        k2_buf_str(&b, "\nsession is up\n");
        put_message(&b, "FIX.4.4", HEAD("0", "8"), separators[k]);
        b.n--; /* no separator at the end of the line */
        k2_buf_str(&b, "\r\n");
        put_message(&b, "FIX.4.4", HEAD("0", "9"), separators[k]);
        put_message(&b, "FIX.4.4", HEAD("0", "10"), separators[k]);
        for (size_t step = 0; step < b.n; step++) {
            struct gathered g;
            struct k2_h128 s = {0};
            decode_fix(&b, step, &g);
            assert_int_equal(g.rejects, 0);
            assert_int_equal(g.events, 4);
            assert_int_equal(g.filtered, 1);
            for (size_t i = 0; i < g.n; i++)
                s = k2_h128_add(s, k2_full_hash(&g.all[i].event, g.in));
            assert_int_equal(g.all[0].event.trade.receive_timestamp_ns,
                             TEN_O_CLOCK + 124 * K2_NS_PER_MS);
            assert_true((step == 0 && k == 0) || memcmp(&s, &sum[0], sizeof s) == 0);
            sum[0] = s;
            gather_free(&g);
        }
        k2_buf_free(&b);
    }
}

static void wrong_sums_and_lengths_are_refused_and_the_next_message_is_good(void **state) {
    struct k2_buf b = {0};
    struct gathered g;
    (void)state;
    put_message(&b, "FIX.4.4", HEAD("0", "1"), '|');
    size_t second = b.n;
    put_message(&b, "FIX.4.4", HEAD("0", "2"), '|');
    b.p[second + 30]++; /* in SenderCompID or beside it */
    put_message(&b, "FIX.4.4", HEAD("0", "3"), '|');
    size_t fourth = b.n;
    put_message(&b, "FIX.4.4", HEAD("0", "4"), '|');
    b.p[fourth + 13]++; /* BodyLength */
    k2_buf_str(&b, "8=FIX.4.4|35=0|\n49=A|35=0|10=000|\n");
    put_message(&b, "FIX.4.4", HEAD("0", "5"), '|');
    k2_buf_str(&b, "8=FIX.4.4|9=100|35=0|");
    decode_fix(&b, 0, &g);
    assert_int_equal(g.events, 3);
    assert_int_equal(g.rejects, 5);
    assert_true(strncmp(g.all[1].detail, "CheckSum is ", 12) == 0);
    assert_int_equal(g.all[1].offset, second);
    assert_string_equal(g.all[3].detail, "BodyLength does not end at its CheckSum");
    assert_true(g.all[3].numbered);
    assert_int_equal(g.all[3].event.head.exchange_sequence_number, 4);
    assert_string_equal(g.all[4].detail, "it does not begin with BeginString and BodyLength");
    assert_string_equal(g.all[5].detail, "no message begins in this line");
    assert_false(g.all[6].rejected);
    assert_string_equal(g.all[7].detail, "BodyLength does not end at its CheckSum");
    gather_free(&g);
    k2_buf_free(&b);
}

static void a_message_sent_again_is_the_event_it_was(void **state) {
    struct k2_buf b = {0};
    struct gathered g;
#define ENTRIES "268=2|279=0|269=2|55=VOD|270=1|271=2|273=10:00:00|279=0|269=0|55=VOD|270=1|271=2|"
    (void)state;
    put_message(&b, "FIX.4.4", HEAD("X", "7") ENTRIES, 1);
    put_message(
        &b, "FIX.4.4",
        "35=X|34=7|43=Y|49=LSE|56=ME|52=20250303-10:01:00|122=20250303-10:00:00.123|" ENTRIES, 1);
    decode_fix(&b, 0, &g);
    assert_int_equal(g.events, 4);
    for (size_t i = 0; i < 2; i++) {
        struct k2_h128 x = k2_payload_hash(&g.all[i].event, g.in),
                       y = k2_payload_hash(&g.all[i + 2].event, g.in);
        assert_memory_equal(&x, &y, sizeof x);
    }
    gather_free(&g);
    k2_buf_free(&b);
}

static void resets_begin_an_epoch_and_gap_fills_use_numbers_up(void **state) {
    struct k2_buf b = {0};
    struct gathered g;
    (void)state;
    put_message(&b, "FIX.4.4", HEAD("A", "1") "98=0|108=30|141=Y|", 1);
    put_message(&b, "FIX.4.4", HEAD("4", "2") "123=Y|36=10|", 1);
    put_message(&b, "FIX.4.4", HEAD("0", "10"), 1);
    put_message(&b, "FIX.4.4", HEAD("A", "1") "98=0|108=30|141=Y|", 1);
    put_message(&b, "FIX.4.4", HEAD("4", "2") "36=1|", 1);
    put_message(&b, "FIX.4.4", HEAD("0", "1"), 1);
    decode_fix(&b, 0, &g);
    static const struct {
        int64_t number;
        int32_t epoch;
    } expected[] = {{1, 0}, {9, 0}, {10, 0}, {1, 1}, {2, 1}, {1, 2}};
    assert_int_equal(g.events, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(g.all[i].event.head.exchange_sequence_number, expected[i].number);
        assert_int_equal(g.all[i].event.head.epoch, expected[i].epoch);
    }
    assert_int_equal(g.all[1].event.message.flags, K2_FLAG_SHARED | K2_FLAG_LAST | K2_FLAG_SPAN);
    assert_string_equal(extra_of(&g, g.all[1].event.message.extra, "first_sequence"), "2");
    gather_free(&g);
    k2_buf_free(&b);
}

static void what_an_event_needs_and_lacks_is_invalid(void **state) {
    static const struct {
        const char *fields, *reason, *detail;
    } wrong[] = {
        {"35=0|49=LSE|56=ME|52=20250303-10:00:00|", "INVALID",
         "MsgSeqNum is missing or no number: \"\""},
        {"35=0|34=1|49=LSE|56=ME|", "INVALID", "SendingTime is missing or no time: \"\""},
        {"35=0|34=1|49=NOBODY|52=20250303-10:00:00|", "INVALID",
         "the sender is no exchange that is known; name it with --exchange: \"NOBODY\""},
        {HEAD("X", "1") "268=1|279=0|269=0|270=1|", "INVALID",
         "an entry has neither Symbol nor SecurityID: \"0\""},
        {HEAD("X", "1") "268=2|279=0|269=0|55=A|270=1|", "MALFORMED",
         "NoMDEntries says 2, there are 1 entries"},
        {HEAD("X", "1") "268=1|279=0|269=0|55=A|270=1.0000000001|", "RANGE",
         "a decimal has more digits than its column: \"1.0000000001\""},
        {HEAD("X", "1") "268=1|279=0|269=0|55=A|270=1e5|", "MALFORMED",
         "this is no decimal: \"1e5\""},
        {HEAD("X", "1") "268=1|279=0|269=2|55=A|270=1|273=25:00:00|", "MALFORMED",
         "this is no time or date of an entry: \"25:00:00\""},
        {HEAD("0", "1") "x=1|", "MALFORMED", "this is no field: \"x=1\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct gathered g;
        decode_one(wrong[i].fields, &g);
        assert_int_equal(g.events, 0);
        assert_int_equal(g.rejects, 1);
        assert_string_equal(g.all[0].reason, wrong[i].reason);
        assert_string_equal(g.all[0].detail, wrong[i].detail);
        gather_free(&g);
    }
}

/* In TCP segments that end anywhere, and in a datagram. */
static void captures_hold_messages_too(void **state) {
    struct maker m = {.link = 1, .time_s = 5};
    struct k2_buf b = {0};
    struct gathered g;
    (void)state;
    put_message(&b, "FIX.4.4", HEAD("0", "1"), 1);
    put_message(&b, "FIX.4.4", HEAD("0", "2"), 1);
    make_start(&m);
    make_segment(&m, 1000, 0x18, (struct k2_sv){(const char *)b.p, 30});
    make_segment(&m, 1030, 0x18, (struct k2_sv){(const char *)b.p + 30, b.n - 30});
    b.n = 0;
    put_message(&b, "FIX.4.4", HEAD("0", "3"), 1);
    make_datagram(&m, k2_buf_view(&b));
    struct feed_options o = plain_options("a.pcap");
    for (size_t step = 0; step < 40; step += 13) {
        gather_init(&g);
        decode_text("fix-text", &o, k2_buf_view(&m.out), step, &g);
        assert_int_equal(g.rejects, 0);
        assert_int_equal(g.events, 3);
        for (int i = 0; i < 3; i++)
            assert_int_equal(g.all[i].event.head.exchange_sequence_number, i + 1);
        assert_int_equal(g.all[2].event.head.receive_timestamp_ns, INT64_C(7000007000));
        gather_free(&g);
    }
    k2_buf_free(&b);
    k2_buf_free(&m.out);
}

static void a_data_field_may_hold_the_separator(void **state) {
    struct gathered g;
    (void)state;
    decode_one(HEAD("B", "1") "95=3|96=a|b|148=x|", &g);
    assert_int_equal(g.events, 1);
    assert_string_equal(extra_of(&g, g.all[0].event.message.extra, "RawData"), "610162");
    assert_string_equal(extra_of(&g, g.all[0].event.message.extra, "Headline"), "x");
    gather_free(&g);
}

static void a_file_is_told_by_its_first_message(void **state) {
    struct k2_buf b = {0};
    (void)state;
    k2_buf_str(&b, "10:00:00 in: ");
    put_message(&b, "FIX.4.4", HEAD("0", "1"), '|');
    const struct feed_ops *ops = feed_detect(K2_SV("a.log"), k2_buf_view(&b));
    assert_non_null(ops);
    assert_string_equal(ops->name, "fix-text");
    assert_null(feed_detect(K2_SV("a.log"), K2_SV("8=FIX.4.4|35=0|")));
    k2_buf_free(&b);
}

static void see_open(void *ctx, const char *name, int index, size_t at) {
    (void)at;
    k2_buf_printf(ctx, "%s.%d(", name, index);
}

static void see_close(void *ctx) {
    k2_buf_str(ctx, ")");
}

static void see_field(void *ctx, const char *name, struct k2_sv text, bool padding, size_t at,
                      size_t size) {
    (void)padding;
    (void)at;
    (void)size;
    k2_buf_printf(ctx, "%s=%.*s ", name, K2_SV_ARG(text));
}

/* CheckSum is of the message, whatever group it stands behind. */
static void a_message_is_shown_with_its_entries_as_groups(void **state) {
    const struct feed_ops *ops = feed_find(K2_SV("fix-text"));
    struct k2_buf b = {0}, log = {0};
    const struct feed_visit visit = {&log, see_open, see_close, see_field};
    struct k2_err err = {0};
    void *decoder = k2_zalloc(ops->state_size);
    (void)state;
    put_message(&b, "FIX.4.4", "35=W|34=7|55=VOD|268=2|269=0|270=1|269=1|270=2|", '|');
    const struct feed_frame f = {.bytes = k2_buf_view(&b)};
    CHECK_OK(ops->dissect(ops, decoder, &f, &visit, &err), &err);
    const char *shown = k2_buf_cstr(&log);
    assert_non_null(strstr(shown, "NoMDEntries=2 MDEntries.0(MDEntryType=0 MDEntryPx=1 )"
                                  "MDEntries.1(MDEntryType=1 MDEntryPx=2 )CheckSum="));
    assert_int_not_equal(shown[strlen(shown) - 1], ')');
    ops->fini(decoder);
    free(decoder);
    k2_buf_free(&log);
    k2_buf_free(&b);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_shown_with_its_entries_as_groups),
        cmocka_unit_test(entries_of_a_refresh_become_events_of_their_kinds),
        cmocka_unit_test(a_snapshot_begins_with_a_clear_book),
        cmocka_unit_test(definitions_and_states_have_their_kinds),
        cmocka_unit_test(pieces_and_separators_give_the_same_events),
        cmocka_unit_test(wrong_sums_and_lengths_are_refused_and_the_next_message_is_good),
        cmocka_unit_test(a_message_sent_again_is_the_event_it_was),
        cmocka_unit_test(resets_begin_an_epoch_and_gap_fills_use_numbers_up),
        cmocka_unit_test(what_an_event_needs_and_lacks_is_invalid),
        cmocka_unit_test(captures_hold_messages_too),
        cmocka_unit_test(a_data_field_may_hold_the_separator),
        cmocka_unit_test(a_file_is_told_by_its_first_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
