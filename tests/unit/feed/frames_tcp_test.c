/* Frames of TCP flows: segments in order, holes, new connections. */
#include "frames_helper.h"

#define TCP_NAME "tcp://10.0.0.1:5000>239.1.2.3:6000"

static void a_tcp_flow_is_cut_into_frames_wherever_segments_end(void **state) {
    (void)state;
    static const char bytes[] = "\0\3abc\0\0\0\5defgh\0\1i";
    struct maker m = {.link = 101};
    make_start(&m);
    make_segment(&m, 99, TCP_SYN, K2_SV(""));
    size_t n = sizeof bytes - 1;
    for (size_t at = 0; at < n; at += 2)
        make_segment(&m, 100 + (uint32_t)at, 0,
                     (struct k2_sv){bytes + at, n - at < 2 ? n - at : 2});
    expect_framed(&m, FEED_FRAMING_LENGTH16,
                  "filtered: a TCP packet without payload\n"
                  "frame 4 @194 t=3000007000 s0 " TCP_NAME "|abc|\n"
                  "filtered: end of session\n"
                  "frame 8 @369 t=7000007000 s0 " TCP_NAME "|defgh|\n"
                  "frame 10 @600 t=9000007000 s0 " TCP_NAME "|i|\n");
}

static void soupbin_packets_give_their_sequenced_data(void **state) {
    (void)state;
    struct maker m = {.link = 101};
    make_start(&m);
    make_segment(&m, 1, 0, K2_SV("\0\4A..."));
    make_segment(&m, 7, 0, K2_SV("\0\4Sone\0\1H\0\6Sthree\0\1"));
    make_segment(&m, 26, TCP_FIN, K2_SV("Z"));
    expect_framed(&m, FEED_FRAMING_SOUPBIN,
                  "filtered: SoupBinTCP login accepted\n"
                  "frame 2 @145 t=1000007000 s0 " TCP_NAME "|one|\n"
                  "filtered: SoupBinTCP server heartbeat\n"
                  "frame 2 @154 t=1000007000 s0 " TCP_NAME "|three|\n"
                  "filtered: SoupBinTCP end of session\n");
}

static void segments_are_taken_in_the_order_of_their_numbers(void **state) {
    (void)state;
    struct maker m = {.link = 101};
    make_start(&m);
    uint32_t first = 0xfffffffe; /* the numbers wrap around */
    make_segment(&m, first, 0, K2_SV("\0\1"));
    make_segment(&m, first + 6, 0, K2_SV("\0\1c"));
    make_segment(&m, first + 6, 0, K2_SV("\0\1c"));
    make_segment(&m, first + 3, 0, K2_SV("\0\1b"));
    make_segment(&m, first + 2, 0, K2_SV("a\0\1b\0\1c"));
    make_segment(&m, first + 6, 0, K2_SV("\0\1c\0\1d"));
    expect_framed(&m, FEED_FRAMING_LENGTH16,
                  "filtered: a TCP segment that was sent again\n"
                  "frame 5 @315 t=4000007000 s0 " TCP_NAME "|a|\n"
                  "frame 5 @318 t=4000007000 s0 " TCP_NAME "|b|\n"
                  "frame 5 @321 t=4000007000 s0 " TCP_NAME "|c|\n"
                  "filtered: a TCP segment that was sent again\n"
                  "filtered: a TCP segment that was sent again\n"
                  "frame 6 @383 t=5000007000 s0 " TCP_NAME "|d|\n");
}

static void a_hole_that_stays_is_one_reject_and_the_flow_is_cut_anew(void **state) {
    (void)state;
    struct maker m = {.link = 101};
    make_start(&m);
    make_segment(&m, 1, 0, K2_SV("\0\1a\0\3b")); /* and then two bytes that never come */
    make_segment(&m, 9, 0, K2_SV("\0\1c"));
    make_segment(&m, 12, 0, K2_SV("\0\1d"));
    expect_framed(&m, FEED_FRAMING_LENGTH16,
                  "frame 1 @82 t=7000 s0 " TCP_NAME "|a|\n"
                  "reject 2 @83 3 bytes: 2 bytes are missing in the flow " TCP_NAME
                  ", with the frames in them\n"
                  "frame 2 @144 t=1000007000 s0 " TCP_NAME "|c|\n"
                  "frame 3 @203 t=2000007000 s0 " TCP_NAME "|d|\n");
}

static void a_flow_does_not_wait_for_ever(void **state) {
    (void)state;
    struct maker m = {.link = 101};
    struct k2_buf log = {0};
    make_start(&m);
    make_segment(&m, 1, 0, K2_SV("\0\1a"));
    for (uint32_t i = 0; i < 300; i++)
        make_segment(&m, 10 + 3 * i, 0, K2_SV("\0\1b"));
    run_pieces(k2_buf_view(&m.out), FEED_FRAMING_LENGTH16, NULL, 0, &log);
    const char *got = k2_buf_cstr(&log), *reject = strstr(got, "reject 2 ");
    assert_non_null(
        reject); /* when the 257th waits, not at the end: what comes later is behind it */
    assert_non_null(strstr(reject, "frame 301 "));
    assert_null(strstr(reject + 1, "reject"));
    k2_buf_free(&log);
    k2_buf_free(&m.out);
}

static void a_segment_that_was_cut_costs_one_reject(void **state) {
    (void)state;
    struct maker m = {.link = 101};
    struct k2_buf b = {0};
    make_start(&m);
    make_segment(&m, 1, 0, K2_SV("\0\1a\0\7"));
    k2_buf_str(&b, "bcdefgh");
    wrap_tcp(&b, 5000, 6000, 6, 0);
    wrap_ip4(&b, 6, 1, 0);
    make_packet_cut(&m, k2_buf_view(&b), 3);
    k2_buf_free(&b);
    make_segment(&m, 13, 0, K2_SV("\0\1i"));
    expect_framed(&m, FEED_FRAMING_LENGTH16,
                  "frame 1 @82 t=7000 s0 " TCP_NAME "|a|\n"
                  "reject 2 @101 44 bytes: the packet was cut when it was captured: 44 of its 47 "
                  "bytes are there\n"
                  "frame 3 @203 t=2000007000 s0 " TCP_NAME "|i|\n");
}

static void a_new_connection_with_the_same_ports_is_a_new_flow(void **state) {
    (void)state;
    struct maker m = {.link = 101};
    make_start(&m);
    make_segment(&m, 1, TCP_SYN, K2_SV(""));
    make_segment(&m, 2, 0, K2_SV("\0\1a\0"));
    make_segment(&m, 5, TCP_RST, K2_SV(""));
    make_segment(&m, 7000, TCP_SYN, K2_SV(""));
    make_segment(&m, 7001, 0, K2_SV("\0\1b"));
    expect_framed(&m, FEED_FRAMING_LENGTH16,
                  "filtered: a TCP packet without payload\n"
                  "frame 2 @138 t=1000007000 s0 " TCP_NAME "|a|\n"
                  "reject 3 @139 1 bytes: the flow " TCP_NAME " ends inside a frame\n"
                  "filtered: a TCP packet without payload\n"
                  "frame 5 @310 t=4000007000 s1 " TCP_NAME "|b|\n");
}

static void a_capture_may_begin_inside_a_connection(void **state) {
    (void)state;
    struct maker m = {.link = 101};
    make_start(&m);
    make_segment(&m, 1, 0, K2_SV("the end of a frame"));
    make_segment(&m, 19, 0, K2_SV("\0\4Sone"));
    make_segment(&m, 25, 0, K2_SV("\0\4?one"));
    make_segment(&m, 31, 0, K2_SV("\0\4Stwo"));
    expect_framed(&m, FEED_FRAMING_SOUPBIN,
                  "filtered: a TCP segment that does not begin with a frame\n"
                  "frame 2 @157 t=1000007000 s0 " TCP_NAME "|one|\n"
                  "reject 3 @216 6 bytes: no frame begins here in the flow " TCP_NAME "\n"
                  "frame 4 @281 t=3000007000 s0 " TCP_NAME "|two|\n");
}

static void segments_may_be_frames_as_they_are(void **state) {
    (void)state;
    struct maker m = {.link = 101};
    make_start(&m);
    make_segment(&m, 1, 0, K2_SV("one"));
    make_segment(&m, 9, 0, K2_SV("three"));
    make_segment(&m, 4, 0, K2_SV("two.."));
    make_segment(&m, 4, 0, K2_SV("two.."));
    expect_framed(&m, FEED_FRAMING_SEGMENTS,
                  "frame 1 @80 t=7000 s0 " TCP_NAME "|one|\n"
                  "frame 3 @200 t=2000007000 s0 " TCP_NAME "|two..|\n"
                  "frame 2 @139 t=1000007000 s0 " TCP_NAME "|three|\n"
                  "filtered: a TCP segment that was sent again\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tcp_flow_is_cut_into_frames_wherever_segments_end),
        cmocka_unit_test(soupbin_packets_give_their_sequenced_data),
        cmocka_unit_test(segments_are_taken_in_the_order_of_their_numbers),
        cmocka_unit_test(a_hole_that_stays_is_one_reject_and_the_flow_is_cut_anew),
        cmocka_unit_test(a_flow_does_not_wait_for_ever),
        cmocka_unit_test(a_segment_that_was_cut_costs_one_reject),
        cmocka_unit_test(a_new_connection_with_the_same_ports_is_a_new_flow),
        cmocka_unit_test(a_capture_may_begin_inside_a_connection),
        cmocka_unit_test(segments_may_be_frames_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
