/* A layout whose packets of streams have no number: NASDAQ TotalView-ITCH in BinaryFILE and SoupBinTCP beside MoldUDP64. */
#include "feed/layout/state.h"
#include "feed_helper.h"

#define ITCH "nasdaq-totalview-itch-5.0"
#define TIME "\x1f\x1a\xce\xd9\x7a\x40"
#define SYSTEM "S\x00\x00\x00\x00" TIME "O"
#define ADD                                                                                        \
    "A\x00\x07\x00\x02" TIME "\x00\x00\x00\x00\x00\x00\x00\x63"                                    \
    "B\x00\x00\x00\x64"                                                                            \
    "BHP     "                                                                                     \
    "\x00\x01\x86\xa0"
#define DELETE "D\x00\x07\x00\x02" TIME "\x00\x00\x00\x00\x00\x00\x00\x63"
#define CUT "D\x00\x07\x00\x02" TIME "\x00\x00\x00"

#define BINARY_FILE "\x00\x0c" SYSTEM "\x00\x24" ADD "\x00\x13" DELETE "\x00\x00"
#define LOGIN                                                                                      \
    "\x00\x1f"                                                                                     \
    "A"                                                                                            \
    "SESSION001"                                                                                   \
    "                   1"
#define SOUP_BIN                                                                                   \
    LOGIN "\x00\x0d"                                                                               \
          "S" SYSTEM "\x00\x01"                                                                    \
          "H"                                                                                      \
          "\x00\x25"                                                                               \
          "S" ADD "\x00\x14"                                                                       \
          "S" DELETE "\x00\x01"                                                                    \
          "Z"

#define TEXT(literal) ((struct k2_sv){(literal), sizeof(literal) - 1})

static void decode_stream(struct gathered *g, struct k2_sv bytes, size_t step) {
    struct feed_options o = plain_options("-");
    o.date = 20514;
    gather_init(g);
    decode_text(ITCH, &o, bytes, step, g);
}

static void see_three(const struct gathered *g, const char *channel) {
    static const enum k2_kind_id kinds[] = {K2_KIND_TRADING_STATUS, K2_KIND_BOOK_EVENT,
                                            K2_KIND_BOOK_EVENT};
    assert_int_equal(g->rejects, 0);
    assert_int_equal(g->events, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct k2_head *h = &g->all[i].event.head;
        assert_int_equal(g->all[i].event.kind, kinds[i]);
        assert_int_equal(h->exchange_sequence_number, i + 1);
        assert_int_equal(h->trade_date, 20514);
        assert_string_equal(text_of(g, h->channel), channel);
    }
    const struct k2_book_event *b = &g->all[1].event.book_event;
    assert_int_equal(b->flags, K2_FLAG_SHARED | K2_FLAG_LAST);
    assert_string_equal(text_of(g, b->symbol), "BHP");
    assert_string_equal(text_of(g, b->order_id), "99");
    assert_true(b->price == 10 * k2_pow10(9) && b->quantity == 100 * k2_pow10(10));
    assert_string_equal(text_of(g, g->all[2].event.book_event.action), "DELETE");
}

static void messages_of_a_binary_file_are_counted_from_one(void **state) {
    (void)state;
    for (size_t step = 0; step < 5; step++) {
        struct gathered g;
        decode_stream(&g, TEXT(BINARY_FILE), step);
        see_three(&g, "stream");
        assert_int_equal(g.filtered, 1);
        assert_string_equal(g.why, "end of session");
        gather_free(&g);
    }
}

static void of_soup_bin_only_sequenced_messages_count(void **state) {
    (void)state;
    for (size_t step = 0; step < 5; step++) {
        struct gathered g;
        decode_stream(&g, TEXT(SOUP_BIN), step);
        see_three(&g, "stream");
        assert_int_equal(g.filtered, 3);
        gather_free(&g);
    }
}

static void a_soup_bin_that_begins_with_a_message_is_one(void **state) {
    (void)state;
    struct gathered g;
    decode_stream(&g,
                  TEXT("\x00\x0d"
                       "S" SYSTEM "\x00\x25"
                       "S" ADD "\x00\x14"
                       "S" DELETE),
                  0);
    see_three(&g, "stream");
    gather_free(&g);
}

static void a_damaged_message_has_its_number_and_the_next_goes_on(void **state) {
    (void)state;
    struct gathered g;
    decode_stream(&g, TEXT("\x00\x0c" SYSTEM "\x00\x0e" CUT "\x00\x13" DELETE), 0);
    assert_int_equal(g.events, 2);
    assert_int_equal(g.rejects, 1);
    assert_true(g.all[1].rejected && g.all[1].numbered);
    assert_string_equal(g.all[1].reason, "MALFORMED");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(g.all[i].event.head.exchange_sequence_number, i + 1);
    gather_free(&g);
}

static void what_packs_it_is_told_by_its_bytes(void **state) {
    (void)state;
    const struct k2_sv sources[] = {TEXT(BINARY_FILE), TEXT(SOUP_BIN)};
    for (size_t i = 0; i < 2; i++) {
        int sure;
        const char *why;
        const struct feed_ops *ops = feed_detect_why(K2_SV("01302020"), sources[i], &sure, &why);
        assert_non_null(ops);
        assert_string_equal(ops->name, ITCH);
        assert_true(sure >= 70);
    }
    /* the second message is none of it */
    assert_null(feed_detect(K2_SV("x"), TEXT("\x00\x0c" SYSTEM "\x00\x02"
                                             "?!"
                                             "\x00\x13" DELETE)));
}

static void the_date_of_a_file_is_in_its_name(void **state) {
    (void)state;
    assert_int_equal(layout_name_date(K2_SV("/data/01302020.NASDAQ_ITCH50")), 18291);
    assert_int_equal(layout_name_date(K2_SV("S20200130-v50.txt")), 18291);
    assert_int_equal(layout_name_date(K2_SV("20200130/itch")), INT32_MIN);
    assert_int_equal(layout_name_date(K2_SV("13322020")), INT32_MIN);
    assert_int_equal(layout_name_date(K2_SV("013020201")), INT32_MIN);
    assert_int_equal(layout_name_date((struct k2_sv){NULL, 0}), INT32_MIN);
    struct gathered g;
    struct feed_options o = plain_options("01302020.NASDAQ_ITCH50");
    gather_init(&g);
    decode_text(ITCH, &o, TEXT(BINARY_FILE), 0, &g);
    assert_int_equal(g.events, 3);
    assert_int_equal(g.all[0].event.head.trade_date, 18291);
    gather_free(&g);
    o = plain_options("itch");
    gather_init(&g);
    decode_text(ITCH, &o, TEXT(BINARY_FILE), 0, &g);
    assert_int_equal(g.rejects, 3);
    assert_true(g.all[2].numbered && g.all[2].event.head.exchange_sequence_number == 3);
    gather_free(&g);
}

static void each_connection_is_a_stream_of_its_own(void **state) {
    (void)state;
    struct gathered g;
    struct k2_err err = {0};
    struct feed_options o = plain_options("-");
    const struct feed_ops *ops = feed_find(K2_SV(ITCH));
    void *s = k2_zalloc(ops->state_size);
    o.date = 20514;
    gather_init(&g);
    CHECK_OK(ops->init(ops, s, &o, g.in, &err), &err);
    for (int i = 0; i < 4; i++) {
        const struct feed_frame f = {.bytes = TEXT(DELETE),
                                     .time_ns = K2_NULL_LONG,
                                     .number = i + 1,
                                     .flow_name = i % 2 ? K2_SV("tcp://b") : K2_SV("tcp://a")};
        CHECK_OK(layout_frame(s, &f, &g.sink, &err), &err);
    }
    assert_int_equal(g.events, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(g.all[i].event.head.exchange_sequence_number, i / 2 + 1);
        assert_string_equal(text_of(&g, g.all[i].event.head.channel),
                            i % 2 ? "stream/tcp://b" : "stream/tcp://a");
    }
    ops->fini(s);
    free(s);
    gather_free(&g);
}

static int64_t seven_deletions(void *ctx, struct k2_sv exchange, struct k2_sv channel,
                               enum k2_kind_id kind, int32_t date) {
    int *asked = ctx;
    *asked += kind == K2_KIND_BOOK_EVENT;
    assert_true(k2_sv_eq(exchange, K2_SV("XNAS")));
    assert_true(k2_sv_eq(channel, K2_SV("0000000000/unnumbered")));
    assert_int_equal(date, 20514);
    return kind == K2_KIND_BOOK_EVENT ? 7 : 2;
}

/* MoldUDP64 begins at 1: packets that say 0 have no number, and are no copies of each other. */
static void a_packet_with_the_number_zero_is_counted(void **state) {
    (void)state;
    int asked = 0;
    static const char packet[] = "0000000000\0\0\0\0\0\0\0\0\0\x01\0\x13" DELETE;
    struct gathered g;
    struct k2_err err = {0};
    struct feed_options o = plain_options("-");
    const struct feed_ops *ops = feed_find(K2_SV(ITCH));
    void *s = k2_zalloc(ops->state_size);
    o.date = 20514;
    o.counted = seven_deletions;
    o.counted_ctx = &asked;
    gather_init(&g);
    CHECK_OK(ops->init(ops, s, &o, g.in, &err), &err);
    for (int i = 0; i < 3; i++) {
        const struct feed_frame f = {.bytes = TEXT(packet),
                                     .datagram = true,
                                     .time_ns = K2_NULL_LONG,
                                     .number = i + 1,
                                     .flow_name = K2_SV("udp://a")};
        CHECK_OK(layout_frame(s, &f, &g.sink, &err), &err);
    }
    assert_int_equal(g.events, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(g.all[i].event.head.exchange_sequence_number, i + 8);
        assert_string_equal(text_of(&g, g.all[i].event.head.channel), "0000000000/unnumbered");
    }
    assert_int_equal(asked, 1);
    ops->fini(s);
    free(s);
    gather_free(&g);
}

static void every_layout_over_mold_udp_knows_that_zero_is_no_number(void **state) {
    (void)state;
    int seen = 0;
    for (int i = 0; i < feed_count(); i++) {
        const struct feed_ops *f = feed_at(i);
        if (!f->dissect || !k2_sv_starts(k2_sv_of(f->numbering), K2_SV("MoldUDP64")))
            continue;
        const struct layout *l = f->table;
        assert_true(l->has_unless && l->unless == 0);
        seen++;
    }
    assert_true(seen >= 7);
}

static void a_field_that_no_packet_has_is_still_a_mistake(void **state) {
    (void)state;
    static const char text[] =
        "layout t\ntitle T\nexchange ASX\norder big\nsequence header.sequense each message\n"
        "struct header\n  u32 sequence\nstruct message sized=rest\n  u8 a\n"
        "packet\n  header\n  message\npacket tcp\n  message\n";
    struct layout *l;
    struct k2_err err = {0};
    assert_int_equal(layout_parse(TEXT(text), "t", &l, &err), K2_E_INVALID);
    assert_string_equal(err.msg, "t:5: there is no field: \"header.sequense\"");
}

/* Conflated TCP of CME: SubscriberHeartbeat, 14 bytes of technical header and 10 of the message. */
#define CME_HEARTBEAT(n)                                                                           \
    "\xfe\xca" n                                                                                   \
    "\x00\x00\x00\xc0\xc4\x57\xa0\xf2\xc2\xa2\x16\x0a\x00\x00\x00\xd2\x00\x02\x00\x00\x00"

static void frames_are_cut_by_the_length_in_them_and_found_again_by_how_they_begin(void **state) {
    (void)state;
    const struct k2_sv good =
        TEXT(CME_HEARTBEAT("\x01") CME_HEARTBEAT("\x02") CME_HEARTBEAT("\x03"));
    const struct k2_sv broken =
        TEXT(CME_HEARTBEAT("\x01") "\xfe\xcb\xfe\x00" CME_HEARTBEAT("\x02") CME_HEARTBEAT("\x03"));
    for (size_t step = 0; step < 30; step++)
        for (int bad = 0; bad < 2; bad++) {
            struct gathered g;
            struct feed_options o = plain_options("-");
            gather_init(&g);
            decode_text("cme-mdp3-1.12", &o, bad ? broken : good, step, &g);
            assert_int_equal(g.events + g.filtered, 3);
            assert_int_equal(g.rejects, bad);
            gather_free(&g);
        }
}

static void how_frames_begin_is_said_in_whole_bytes(void **state) {
    (void)state;
    static const char *const lines[] = {
        "begins=0x1", "begins=0x", "begins=02", "begins=0xgg", "begins=0x010203040506070809",
        "starts=0x01"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[200];
        struct layout *l;
        struct k2_err err = {0};
        int n = snprintf(text, sizeof text,
                         "layout t\ntitle t\nexchange XNAS\norder big\nframing own\n"
                         "frame u16 0+2 %s\npacket\n    u16 length\n",
                         lines[i]);
        assert_int_equal(layout_parse((struct k2_sv){text, (size_t)n}, "t", &l, &err),
                         K2_E_INVALID);
        assert_non_null(strstr(err.msg, "begins=0xHEX"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_a_binary_file_are_counted_from_one),
        cmocka_unit_test(of_soup_bin_only_sequenced_messages_count),
        cmocka_unit_test(a_soup_bin_that_begins_with_a_message_is_one),
        cmocka_unit_test(a_damaged_message_has_its_number_and_the_next_goes_on),
        cmocka_unit_test(what_packs_it_is_told_by_its_bytes),
        cmocka_unit_test(the_date_of_a_file_is_in_its_name),
        cmocka_unit_test(each_connection_is_a_stream_of_its_own),
        cmocka_unit_test(a_packet_with_the_number_zero_is_counted),
        cmocka_unit_test(every_layout_over_mold_udp_knows_that_zero_is_no_number),
        cmocka_unit_test(a_field_that_no_packet_has_is_still_a_mistake),
        cmocka_unit_test(frames_are_cut_by_the_length_in_them_and_found_again_by_how_they_begin),
        cmocka_unit_test(how_frames_begin_is_said_in_whole_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
