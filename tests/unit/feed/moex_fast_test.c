/* The decoder moex-fast: messages made by hand with templates of this file, damage between them, datagrams. */
#include "capture_helper.h"
#include "feed_helper.h"

static const char templates[] =
    "<templates>"
    "<template name='Inc' id='1' dictionary='1'>"
    "<string name='MessageType' id='35'><constant value='X'/></string>"
    "<string name='SenderCompID' id='49'><constant value='RTS'/></string>"
    "<uInt32 name='MsgSeqNum' id='34'/><uInt64 name='SendingTime' id='52'><copy "
    "value='20130801142437941'/></uInt64>"
    "<sequence name='MDEntries'><length name='NoMDEntries' id='268'/>"
    "<uInt32 name='MDUpdateAction' id='279'/><string name='MDEntryType' id='269'/>"
    "<uInt64 name='SecurityID' id='48'/><decimal name='MDEntryPx' id='270' presence='optional'/>"
    "<int64 name='MDEntrySize' id='271' presence='optional'/>"
    "<uInt32 name='MDEntryTime' id='273' presence='optional'/>"
    "<uInt64 name='MDEntryID' id='278' presence='optional'/></sequence></template>"
    "<template name='Def' id='2' dictionary='2'>"
    "<string name='MessageType' id='35'><constant value='d'/></string>"
    "<string name='SenderCompID' id='49'><constant value='RTS'/></string>"
    "<uInt32 name='MsgSeqNum' id='34'/><uInt64 name='SendingTime' id='52'><copy "
    "value='20130801142437000'/></uInt64><string name='Symbol' id='55'/>"
    "<uInt64 name='SecurityID' id='48'/><sequence name='Underlyings'>"
    "<length name='NoUnderlyings' id='711'/><string name='UnderlyingSymbol' id='311'/></sequence>"
    "<uInt32 name='MaturityDate' id='541'/></template>"
    "<template name='Snap' id='4' dictionary='4'>"
    "<string name='MessageType' id='35'><constant value='W'/></string>"
    "<string name='SenderCompID' id='49'><constant value='RTS'/></string>"
    "<uInt32 name='MsgSeqNum' id='34'/><uInt64 name='SendingTime' id='52'><copy "
    "value='20130801142437941'/></uInt64><uInt64 name='SecurityID' id='48'/>"
    "<sequence name='MDEntries'><length name='NoMDEntries' id='268'/>"
    "<string name='MDEntryType' id='269'/><decimal name='MDEntryPx' "
    "id='270'/></sequence></template>"
    "<template name='SequenceReset' id='3' dictionary='3'>"
    "<string name='MessageType' id='35'><constant value='4'/></string>"
    "<string name='SenderCompID' id='49'><constant value='RTS'/></string>"
    "<uInt32 name='MsgSeqNum' id='34'/><uInt64 name='SendingTime' id='52'><copy "
    "value='20130801142437941'/></uInt64><uInt32 name='NewSeqNo' id='36'/></template>"
    "<template name='Heartbeat' id='5' dictionary='5'>"
    "<string name='MessageType' id='35'><constant value='0'/></string>"
    "<string name='SenderCompID' id='49'><constant value='RTS'/></string>"
    "<uInt32 name='MsgSeqNum' id='34'/><uInt64 name='SendingTime' id='52'><copy "
    "value='20130801142437941'/></uInt64></template>"
    "</templates>";

#define RESET "\xc0\xf8"
/* A trade of 19835 x 12 at 14:24:37.900 (142437900), number `n`, security 7. */
#define TRADE(n) RESET "\xc0\x81" n "\x81\x80\xb2\x87\x81\x01\x1a\xfb\x8d\x43\x75\x5c\x8d\x80"

static struct feed_options options(void) {
    struct feed_options o = plain_options("a.dat");
    o.mapping = k2_sv_of(templates);
    return o;
}

static void decode_bytes(struct k2_sv bytes, size_t step, struct gathered *g) {
    const struct feed_options o = options();
    gather_init(g);
    decode_text("moex-fast", &o, bytes, step, g);
}

static void a_trade_has_its_own_time_and_the_number_of_its_message(void **state) {
    struct gathered g;
    (void)state;
    decode_bytes(K2_SV(TRADE("\x85")), 0, &g);
    assert_int_equal(g.events, 1);
    assert_int_equal(g.filtered, 1);
    const struct k2_trade *t = &g.all[0].event.trade;
    assert_int_equal(g.all[0].event.kind, K2_KIND_TRADE);
    assert_string_equal(text_of(&g, t->exchange), "RTSX");
    assert_string_equal(text_of(&g, t->channel), "RTS@incremental");
    assert_string_equal(text_of(&g, t->symbol), "7");
    assert_int_equal(t->exchange_sequence_number, 5);
    assert_true(t->price == 19835 * k2_pow10(9) && t->quantity == 12 * k2_pow10(10));
    assert_int_equal(t->exchange_timestamp_ns, INT64_C(1375367077900000000));
    assert_int_equal(t->flags, K2_FLAG_LAST | K2_FLAG_SHARED);
    assert_int_equal(t->raw_offset, 2);
    gather_free(&g);
}

static void pieces_of_any_size_give_the_same_events(void **state) {
    struct gathered whole, g;
    static const char bytes[] = TRADE("\x85") TRADE("\x86") TRADE("\x87");
    (void)state;
    decode_bytes((struct k2_sv){bytes, sizeof bytes - 1}, 0, &whole);
    assert_int_equal(whole.events, 3);
    for (size_t step = 1; step < sizeof bytes; step++) {
        decode_bytes((struct k2_sv){bytes, sizeof bytes - 1}, step, &g);
        assert_int_equal(g.events, 3);
        for (size_t i = 0; i < 3; i++) {
            struct k2_h128 a = k2_full_hash(&whole.all[i].event, whole.in),
                           b = k2_full_hash(&g.all[i].event, g.in);
            assert_memory_equal(&a, &b, sizeof a);
        }
        gather_free(&g);
    }
    gather_free(&whole);
}

static void damage_is_refused_up_to_the_next_reset_and_its_number_is_used_up(void **state) {
    struct gathered g;
    (void)state;
    /* the second message has an action of more than 32 bits, behind its number */
    decode_bytes(K2_SV(TRADE("\x85") RESET "\xc0\x81\x86\x81\x7f\x7f\x7f\x7f\xff\xb2\x87"
                                           "garbage" TRADE("\x87")),
                 0, &g);
    assert_int_equal(g.events, 2);
    assert_int_equal(g.rejects, 1);
    const struct kept *r = &g.all[1];
    assert_true(r->rejected && r->numbered);
    assert_string_equal(r->reason, "MALFORMED");
    assert_string_equal(r->detail,
                        "D2: an integer is larger than its type, at byte 9 of the message");
    assert_int_equal(r->event.head.exchange_sequence_number, 6);
    assert_int_equal(r->offset, 19 + 2);
    assert_int_equal(g.all[2].event.head.exchange_sequence_number, 7);
    gather_free(&g);
}

static void a_file_that_ends_inside_a_message_ends_with_a_reject(void **state) {
    struct gathered g;
    (void)state;
    decode_bytes(K2_SV(TRADE("\x85") RESET "\xc0\x81\x86\x81"), 0, &g);
    assert_int_equal(g.events, 1);
    assert_int_equal(g.rejects, 1);
    assert_string_equal(g.all[1].detail, "the source ends inside a frame");
    gather_free(&g);
}

static void what_does_not_fit_its_column_is_out_of_range(void **state) {
    struct gathered g;
    (void)state;
    /* 1e-10 has ten places behind the point */
    decode_bytes(K2_SV(RESET "\xc0\x81\x85\x81\x80\xb2\x87\xf6\x81\x8d\x80\x80"), 0, &g);
    assert_int_equal(g.rejects, 1);
    assert_string_equal(g.all[0].reason, "RANGE");
    assert_true(g.all[0].numbered);
    gather_free(&g);
}

static void a_definition_names_the_symbol_of_what_follows(void **state) {
    struct gathered g;
    (void)state;
    decode_bytes(K2_SV(RESET "\xc0\x82\x81RIU\xb3\x87\x81RT\xd3\x09\x4c\x58\xe3" TRADE("\x85")), 0,
                 &g);
    assert_int_equal(g.rejects, 0);
    assert_int_equal(g.events, 2);
    const struct k2_instrument *i = &g.all[0].event.instrument;
    assert_string_equal(text_of(&g, i->symbol), "RIU3");
    assert_string_equal(text_of(&g, i->venue_id), "7");
    assert_string_equal(text_of(&g, i->underlying), "RTS");
    assert_string_equal(text_of(&g, i->expiration), "2013-09-15");
    assert_string_equal(text_of(&g, i->channel), "RTS@instruments");
    assert_string_equal(text_of(&g, g.all[1].event.head.symbol), "RIU3");
    gather_free(&g);
}

static void numbers_that_begin_again_begin_an_epoch(void **state) {
    struct gathered g;
    (void)state;
    decode_bytes(K2_SV(TRADE("\x85") RESET "\xc0\x83\x86\x81" TRADE("\x81")), 0, &g);
    assert_int_equal(g.events, 3);
    assert_int_equal(g.all[0].event.head.epoch, 0);
    assert_int_equal(g.all[1].event.kind, K2_KIND_MESSAGE);
    assert_string_equal(text_of(&g, g.all[1].event.message.message_type), "SequenceReset");
    assert_int_equal(g.all[1].event.head.epoch, 0);
    assert_int_equal(g.all[2].event.head.epoch, 1);
    gather_free(&g);
}

#define SNAP(n) RESET "\xc0\x84" n "\x87\x81\xb0\x80\x85"
#define AGAIN(n) RESET "\xc0\x83" n "\x81"

/* All of them in one millisecond, 14:24:37.941; the first cycle is not seen from its start. */
static void each_cycle_of_snapshots_is_an_epoch_told_by_its_time(void **state) {
    static const int32_t stamp = (86400 + 14 * 3600 + 24 * 60 + 37) * 1000 + 941;
    static const struct {
        int64_t number;
        int32_t epoch;
    } expected[] = {{9, -1}, {9, -1}, {10, -1}, {1, 0}, {1, 0}, {2, 0}, {1, 1}, {1, 1}};
    struct gathered g;
    (void)state;
    decode_bytes(K2_SV(SNAP("\x89") AGAIN("\x8a") SNAP("\x81") AGAIN("\x82") SNAP("\x81")), 0, &g);
    assert_int_equal(g.rejects, 0);
    assert_int_equal(g.events, 8);
    for (size_t i = 0; i < 8; i++) {
        const struct k2_head *h = &g.all[i].event.head;
        assert_string_equal(text_of(&g, h->channel), "RTS@snapshot");
        assert_int_equal(h->exchange_sequence_number, expected[i].number);
        assert_int_equal(h->epoch, stamp + expected[i].epoch);
    }
    assert_string_equal(text_of(&g, g.all[0].event.book_event.action), "CLEAR");
    assert_int_equal(g.all[1].event.book_event.flags,
                     K2_FLAG_LAST | K2_FLAG_SHARED | K2_FLAG_SNAPSHOT);
    gather_free(&g);
}

#define HEARTBEAT(n) RESET "\xc0\x85" n

static void put_frame(struct k2_buf *out, enum feed_live_form form, int64_t connection,
                      struct k2_sv bytes) {
    const struct feed_live_frame f = {
        .form = form, .bytes = bytes, .received_ns = 1700000000000000000, .connection = connection};
    if (out->n == 0)
        feed_raw_begin(out);
    feed_raw_put(out, &f);
}

/* A connection that is made again to an address is of the feed that it was; of another address nothing is known, and its
 * numbers are no other's. */
static void a_heartbeat_is_of_the_feed_of_its_address(void **state) {
    static const struct {
        const char *channel;
        int64_t number;
    } expected[] = {
        {"RTS@incremental", 5}, {"RTS@incremental", 6},        {"RTS@incremental", 7},
        {"RTS@incremental", 8}, {"RTS@session udp://b:2", 90}, {"RTS@session udp://c:3", 3},
    };
    struct k2_buf b = {0};
    struct gathered g;
    (void)state;
    put_frame(&b, LIVE_CONNECTED, 1, K2_SV("udp://a:1"));
    put_frame(&b, LIVE_DATAGRAM, 1, K2_SV(TRADE("\x85")));
    put_frame(&b, LIVE_DATAGRAM, 1, K2_SV(HEARTBEAT("\x86")));
    put_frame(&b, LIVE_DISCONNECTED, 1, K2_SV("lost"));
    put_frame(&b, LIVE_CONNECTED, 2, K2_SV("udp://a:1"));
    put_frame(&b, LIVE_DATAGRAM, 2, K2_SV(HEARTBEAT("\x87")));
    put_frame(&b, LIVE_DATAGRAM, 2, K2_SV(TRADE("\x88")));
    put_frame(&b, LIVE_CONNECTED, 3, K2_SV("udp://b:2"));
    put_frame(&b, LIVE_DATAGRAM, 3, K2_SV(HEARTBEAT("\xda")));
    put_frame(&b, LIVE_CONNECTED, 4, K2_SV("udp://c:3"));
    put_frame(&b, LIVE_DATAGRAM, 4, K2_SV(HEARTBEAT("\x83")));
    decode_bytes(k2_buf_view(&b), 0, &g);
    assert_int_equal(g.rejects, 0);
    assert_int_equal(g.events, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(text_of(&g, g.all[i].event.head.channel), expected[i].channel);
        assert_int_equal(g.all[i].event.head.exchange_sequence_number, expected[i].number);
    }
    gather_free(&g);
    k2_buf_free(&b);
}

/* With the preamble of four bytes and without it; a datagram's previous values are its own. */
static void datagrams_are_messages_with_or_without_a_preamble(void **state) {
    struct gathered g;
    struct maker m = {.link = 1, .time_s = 5};
    (void)state;
    make_start(&m);
    make_datagram(&m, K2_SV("\x05\x00\x00\x00" TRADE("\x85")));
    make_datagram(&m, K2_SV(TRADE("\x86") TRADE("\x87")));
    make_datagram(&m, K2_SV("\x08\x00\x00\x00\x80\x88\x81"));
    decode_bytes(k2_buf_view(&m.out), 0, &g);
    assert_int_equal(g.events, 3);
    assert_int_equal(g.filtered, 3);
    assert_int_equal(g.rejects, 1);
    assert_int_equal(g.all[0].event.head.receive_timestamp_ns, INT64_C(5000007000));
    assert_int_equal(g.all[2].event.head.exchange_sequence_number, 7);
    assert_string_equal(g.all[3].reason, "MALFORMED");
    gather_free(&g);
    k2_buf_free(&m.out);
}

static void without_templates_the_format_says_what_it_needs(void **state) {
    struct k2_err err = {0};
    struct k2_interner *in = k2_interner_new();
    const struct feed_ops *ops = feed_find(K2_SV("moex-fast"));
    const struct feed_options o = plain_options("a.dat");
    void *s = calloc(1, ops->state_size);
    (void)state;
    assert_int_equal(ops->init(ops, s, &o, in, &err), K2_E_USAGE);
    assert_string_equal(
        err.msg, "the format moex-fast needs the venue's templates: --mapping templates.xml");
    ops->fini(s);
    free(s);
    k2_interner_free(in);
}

static void a_file_is_told_by_its_first_reset(void **state) {
    (void)state;
    const struct feed_ops *ops = feed_detect(K2_SV("a.dat"), K2_SV(TRADE("\x85")));
    assert_non_null(ops);
    assert_string_equal(ops->name, "moex-fast");
    assert_null(feed_detect(K2_SV("a.dat"), K2_SV("\xc0\xf8 something else")));
}

/* Counts of the recorded feeds; each field is compared by tests/judge/fast_judge.py. */
static void the_recorded_feeds_are_whole(void **state) {
    static const struct {
        const char *name;
        int64_t events, filtered;
    } files[] = {{"increment_a.dat", 22104, 8101}, {"snapshot.dat", 64723, 9314}};
    const char *dir = shared_data();
    (void)state;
    for (size_t i = 0; dir && i < sizeof files / sizeof *files; i++) {
        char path[600], xml[600];
        struct k2_buf text = {0};
        struct k2_err err = {0};
        struct gathered g;
        snprintf(path, sizeof path, "%s/fast-moex/%s", dir, files[i].name);
        snprintf(xml, sizeof xml, "%s/fast-moex/templates.xml", dir);
        CHECK_OK(feed_file_head(xml, (size_t)1 << 20, &text, &err), &err);
        gather_init(&g);
        struct feed_options o = plain_options(path);
        o.mapping = k2_buf_view(&text);
        CHECK_OK(read_file("moex-fast", &o, path, 4096, &g, &err), &err);
        assert_int_equal(g.events, files[i].events);
        assert_int_equal(g.filtered, files[i].filtered);
        assert_int_equal(g.rejects, 0);
        gather_free(&g);
        k2_buf_free(&text);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trade_has_its_own_time_and_the_number_of_its_message),
        cmocka_unit_test(pieces_of_any_size_give_the_same_events),
        cmocka_unit_test(damage_is_refused_up_to_the_next_reset_and_its_number_is_used_up),
        cmocka_unit_test(a_file_that_ends_inside_a_message_ends_with_a_reject),
        cmocka_unit_test(what_does_not_fit_its_column_is_out_of_range),
        cmocka_unit_test(a_definition_names_the_symbol_of_what_follows),
        cmocka_unit_test(numbers_that_begin_again_begin_an_epoch),
        cmocka_unit_test(each_cycle_of_snapshots_is_an_epoch_told_by_its_time),
        cmocka_unit_test(a_heartbeat_is_of_the_feed_of_its_address),
        cmocka_unit_test(datagrams_are_messages_with_or_without_a_preamble),
        cmocka_unit_test(without_templates_the_format_says_what_it_needs),
        cmocka_unit_test(a_file_is_told_by_its_first_reset),
        cmocka_unit_test(the_recorded_feeds_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
