/* CME MDP 3.0: definitions of schema version 9, which end before what later versions appended. */
#include "capture_helper.h"
#include "feed_helper.h"

static void put(struct k2_buf *b, uint64_t v, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        k2_buf_byte(b, (uint8_t)(v >> 8 * i));
}

static void put_word(struct k2_buf *b, const char *text, size_t bytes) {
    size_t n = strlen(text);
    for (size_t i = 0; i < bytes; i++)
        k2_buf_byte(b, i < n ? (uint8_t)text[i] : 0);
}

/* The root block of template 54: a future of version 9. */
static void put_future(struct k2_buf *b) {
    const uint64_t none = INT64_MAX;
    put(b, 0x80, 1);       /* end of event */
    put(b, UINT32_MAX, 4); /* reports */
    put_word(b, "A", 1);   /* action */
    put(b, 1577836800, 8); /* last update */
    put(b, 17, 1);         /* open */
    put(b, 310, 2);        /* application */
    put(b, 64, 1);         /* market segment */
    put(b, 5, 1);          /* product */
    put_word(b, "XCME", 4);
    put_word(b, "ES", 6);
    put_word(b, "ES", 6);
    put_word(b, "ESH0", 20);
    put(b, 4711, 4);
    put_word(b, "FUT", 6);
    put_word(b, "FFIXSX", 6);
    put(b, 2020, 2); /* month of maturity */
    put(b, 3, 1);
    put(b, 0xffff, 2);
    put_word(b, "USD", 3);
    put_word(b, "USD", 3);
    put_word(b, "F", 1);
    put(b, 1, 4);
    put(b, 3000, 4);
    put(b, UINT64_C(25000000000), 8); /* tick 25, scale 9 */
    put(b, UINT64_C(10000000), 8);
    put(b, 0xffffff, 3);
    put_word(b, "IPNT", 30);
    put(b, UINT64_C(50000000000), 8);
    put(b, none, 8);
    put(b, 0, 1);
    put(b, INT32_MAX, 4);
    put(b, INT32_MAX, 4);
    put(b, none, 8);
    put(b, none, 8);
    put(b, none, 8);
    put(b, INT32_MAX, 4);
    put(b, UINT16_MAX, 2);
    put(b, INT32_MAX, 4);
    put(b, INT32_MAX, 4);
    put(b, 0x7f7f, 2);
    put(b, none, 8);
    put_word(b, "N", 1);
    put(b, UINT16_MAX, 2);
}

static void make_frame(struct k2_buf *frame) {
    struct k2_buf block = {0};
    put_future(&block);
    put(frame, 1, 4);
    put(frame, UINT64_C(1577836800000000000), 8);
    put(frame, 10 + block.n + 4 * 3, 2);
    put(frame, block.n, 2);
    put(frame, 54, 2);
    put(frame, 1, 2);
    put(frame, 9, 2);
    k2_buf_sv(frame, k2_buf_view(&block));
    for (int i = 0; i < 4; i++) /* groups without items */
        put(frame, 0, 3);
    k2_buf_free(&block);
}

static void a_definition_of_version_9_defines_its_instrument(void **state) {
    (void)state;
    struct k2_buf frame = {0};
    struct maker m = {.link = 1};
    struct gathered g;
    struct feed_options o = plain_options("/d/cme.pcap");
    make_frame(&frame);
    make_pcap(&m);
    make_datagram(&m, k2_buf_view(&frame));
    gather_init(&g);
    assert_string_equal(feed_detect(K2_SV("/d/cme.pcap"), k2_buf_view(&m.out))->name,
                        "cme-mdp3-1.9");
    decode_text("cme-mdp3-1.9", &o, k2_buf_view(&m.out), 0, &g);
    assert_int_equal(g.rejects, 0);
    assert_int_equal(g.events, 2); /* and its trading status */
    const struct k2_instrument *i = &g.all[0].event.instrument;
    assert_int_equal(g.all[0].event.kind, K2_KIND_INSTRUMENT);
    assert_string_equal(text_of(&g, i->symbol), "ESH0");
    assert_string_equal(text_of(&g, i->venue_id), "4711");
    assert_string_equal(text_of(&g, i->instrument_type), "FUTURE");
    assert_string_equal(text_of(&g, i->expiration), "2020-03");
    assert_true(i->tick_size == 25 * k2_pow10(9));
    assert_true(i->multiplier == 50 * k2_pow10(10));
    assert_string_equal(text_of(&g, g.all[1].event.trading_status.status), "OPEN");
    gather_free(&g);
    k2_buf_free(&m.out);
    k2_buf_free(&frame);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_definition_of_version_9_defines_its_instrument),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
