/* Frames of captures, of what is damaged, and of files that are no captures. */
#include "frames_helper.h"

static void every_kind_of_capture_gives_the_same_datagrams(void **state) {
    (void)state;
    static const struct {
        bool big, ng, nanos;
        const char *expected;
    } kinds[] = {
        {false, false, false,
         "frame 1 @82 t=5000007000 d0 udp://239.1.2.3:26400|one|\n"
         "frame 2 @143 t=6000007000 d0 udp://239.1.2.3:26400|three|\n"},
        {true, false, true,
         "frame 1 @82 t=5000000007 d0 udp://239.1.2.3:26400|one|\n"
         "frame 2 @143 t=6000000007 d0 udp://239.1.2.3:26400|three|\n"},
        {false, true, false,
         "frame 1 @118 t=5000007000 d0 udp://239.1.2.3:26400|one|\n"
         "frame 2 @198 t=6000007000 d0 udp://239.1.2.3:26400|three|\n"},
        {true, true, true,
         "frame 1 @130 t=5000000007 d0 udp://239.1.2.3:26400|one|\n"
         "frame 2 @210 t=6000000007 d0 udp://239.1.2.3:26400|three|\n"},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct maker m = {.big = kinds[i].big,
                          .ng = kinds[i].ng,
                          .nanos = kinds[i].nanos,
                          .link = 1,
                          .time_s = 5};
        make_start(&m);
        make_datagram(&m, K2_SV("one"));
        make_datagram(&m, K2_SV("three"));
        expect(&m, kinds[i].expected);
    }
}

static void every_link_type_leads_to_the_datagram(void **state) {
    (void)state;
    static const struct {
        uint32_t link;
        int offset;
    } links[] = {{0, 4}, {1, 14}, {12, 0}, {101, 0}, {108, 4}, {113, 16}, {228, 0}, {276, 20}};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        char expected[100];
        struct maker m = {.link = links[i].link};
        make_start(&m);
        make_datagram(&m, K2_SV("x"));
        snprintf(expected, sizeof expected, "frame 1 @%d t=7000 d0 udp://239.1.2.3:26400|x|\n",
                 24 + 16 + links[i].offset + 28);
        expect(&m, expected);
    }
}

static void an_unknown_link_type_is_refused_packet_by_packet(void **state) {
    (void)state;
    struct maker m = {.link = 147};
    make_start(&m);
    make_datagram(&m, K2_SV("x"));
    expect(&m, "reject 1 @40 29 bytes: the capture's link type is not one that is read\n");
}

static void tags_and_padding_are_no_payload(void **state) {
    (void)state;
    struct maker m = {.link = 1};
    make_start(&m);
    for (int tags = 0; tags <= 5; tags++) {
        struct k2_buf b = {0};
        k2_buf_str(&b, "x");
        wrap_udp(&b, 1, 2);
        wrap_ip4(&b, 17, 0, 0);
        wrap_ethernet(&b, 0x0800, tags);
        k2_buf_str(&b, "padding and FCS");
        make_packet(&m, k2_buf_view(&b));
        k2_buf_free(&b);
    }
    expect(&m, "frame 1 @82 t=7000 d0 udp://239.1.2.3:2|x|\n"
               "frame 2 @160 t=1000007000 d0 udp://239.1.2.3:2|x|\n"
               "frame 3 @242 t=2000007000 d0 udp://239.1.2.3:2|x|\n"
               "frame 4 @328 t=3000007000 d0 udp://239.1.2.3:2|x|\n"
               "frame 5 @418 t=4000007000 d0 udp://239.1.2.3:2|x|\n"
               "filtered: a packet with more VLAN tags than are read\n");
}

static void ip6_is_read_behind_its_extension_headers(void **state) {
    (void)state;
    struct maker m = {.link = 1};
    make_start(&m);
    for (int extensions = 0; extensions <= 1; extensions++) {
        struct k2_buf b = {0};
        k2_buf_str(&b, "x");
        wrap_udp(&b, 1, 2);
        wrap_ip6(&b, 17, extensions);
        wrap_link(&b, 1);
        make_packet(&m, k2_buf_view(&b));
        k2_buf_free(&b);
    }
    expect(&m, "frame 1 @102 t=7000 d0 udp://[ff02::5]:2|x|\n"
               "frame 2 @197 t=1000007000 d0 udp://[ff02::5]:2|x|\n");
}

static void what_is_neither_udp_nor_tcp_is_filtered(void **state) {
    (void)state;
    struct maker m = {.link = 1};
    make_start(&m);
    struct k2_buf arp = {0}, icmp = {0};
    k2_buf_str(&arp, "0123456789012345678901234567");
    wrap_ethernet(&arp, 0x0806, 0);
    make_packet(&m, k2_buf_view(&arp));
    k2_buf_str(&icmp, "ping");
    wrap_ip4(&icmp, 1, 0, 0);
    wrap_link(&icmp, 1);
    make_packet(&m, k2_buf_view(&icmp));
    make_datagram(&m, K2_SV(""));
    make_segment(&m, 1, 0, K2_SV("abc"));
    k2_buf_free(&arp);
    k2_buf_free(&icmp);
    expect(&m, "filtered: a packet that is not IP\n"
               "filtered: a packet that is neither UDP nor TCP\n"
               "filtered: a datagram without payload\n"
               "filtered: a TCP packet: the format comes in datagrams only\n");
}

static void lengths_of_zero_stand_for_all_that_is_there(void **state) {
    (void)state;
    struct maker m = {.link = 101};
    make_start(&m);
    make_datagram(&m, K2_SV("abc"));
    m.out.p[24 + 16 + 2] = m.out.p[24 + 16 + 3] = 0;   /* IP */
    m.out.p[24 + 16 + 24] = m.out.p[24 + 16 + 25] = 0; /* UDP */
    expect(&m, "frame 1 @68 t=7000 d0 udp://239.1.2.3:26400|abc|\n");
}

static void headers_that_cannot_be_are_refused(void **state) {
    (void)state;
    static const struct {
        size_t at;
        uint8_t byte;
        const char *why;
    } wrong[] = {
        {0, 0x44, "the IP header has a length that cannot be"},
        {3, 19, "the IP header has a length that cannot be"},
        {3, 60, "the IP header says more bytes than the packet has"},
        {3, 27, "the packet is shorter than its headers"},
        {25, 7, "the UDP header has a length that cannot be"},
        {25, 12, "the UDP header has a length that cannot be"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char expected[200];
        struct maker m = {.link = 101};
        make_start(&m);
        make_datagram(&m, K2_SV("abc"));
        m.out.p[24 + 16 + wrong[i].at] = wrong[i].byte;
        make_datagram(&m, K2_SV("good"));
        snprintf(expected, sizeof expected,
                 "reject 1 @40 31 bytes: %s\n"
                 "frame 2 @115 t=1000007000 d0 udp://239.1.2.3:26400|good|\n",
                 wrong[i].why);
        expect(&m, expected);
    }
}

static void each_packet_that_was_cut_gives_one_reject(void **state) {
    (void)state;
    for (int ng = 0; ng <= 1; ng++) {
        struct maker m = {.link = 101, .ng = ng};
        make_start(&m);
        struct k2_buf b = {0};
        k2_buf_str(&b, "abcdefgh");
        wrap_udp(&b, 1, 2);
        wrap_ip4(&b, 17, 0, 0);
        make_packet_cut(&m, k2_buf_view(&b), 1);
        make_packet_cut(&m, k2_buf_view(&b), 10);
        make_packet_cut(&m, k2_buf_view(&b), 30);
        make_packet_cut(&m, k2_buf_view(&b), 36);
        k2_buf_str(&b, "padding");
        make_packet_cut(&m, k2_buf_view(&b), 7);
        k2_buf_free(&b);
        const char *got = answers(k2_buf_view(&m.out), FEED_FRAMING_NONE);
        for (int i = 0; i < 4; i++) {
            char start[32];
            snprintf(start, sizeof start, "reject %d ", i + 1);
            assert_memory_equal(got, start, strlen(start));
            assert_non_null(strstr(got, "the packet was cut when it was captured"));
            got = strchr(got, '\n') + 1;
        }
        assert_memory_equal(got, "frame 5 ", 8); /* only padding was lost */
        assert_non_null(strstr(got, "|abcdefgh|\n"));
        k2_buf_free(&m.out);
    }
}

static void flows_are_numbered_as_they_turn_up(void **state) {
    (void)state;
    struct maker m = {.link = 101};
    make_start(&m);
    for (int i = 0; i < 4; i++) {
        struct k2_buf b = {0};
        k2_buf_printf(&b, "%d", i);
        wrap_udp(&b, 1, (uint16_t)(i == 1 ? 20 : 10));
        wrap_ip4(&b, 17, 0, 0);
        if (i == 3)
            b.p[12] = 11; /* another sender to the same group is the same flow */
        make_packet(&m, k2_buf_view(&b));
        k2_buf_free(&b);
    }
    expect(&m, "frame 1 @68 t=7000 d0 udp://239.1.2.3:10|0|\n"
               "frame 2 @113 t=1000007000 d1 udp://239.1.2.3:20|1|\n"
               "frame 3 @158 t=2000007000 d0 udp://239.1.2.3:10|2|\n"
               "frame 4 @203 t=3000007000 d0 udp://239.1.2.3:10|3|\n");
}

/* --- damage of the capture itself --- */

static void a_damaged_record_is_one_reject_and_the_next_ones_are_read(void **state) {
    (void)state;
    struct maker m = {.link = 101, .time_s = 1000};
    make_start(&m);
    make_datagram(&m, K2_SV("one"));
    size_t at = m.out.n;
    make_datagram(&m, K2_SV("two"));
    make_datagram(&m, K2_SV("three"));
    m.out.p[at + 11] = 0x7f; /* captured bytes */
    expect(&m, "frame 1 @68 t=1000000007000 d0 udp://239.1.2.3:26400|one|\n"
               "reject 2 @71 47 bytes: a packet of 2130706463 bytes cannot be; 47 bytes are "
               "passed over\n"
               "frame 3 @162 t=1002000007000 d0 udp://239.1.2.3:26400|three|\n");
}

static void a_damaged_block_is_one_reject_and_the_next_ones_are_read(void **state) {
    (void)state;
    for (int where = 0; where <= 1; where++) {
        struct maker m = {.link = 101, .ng = true};
        make_start(&m);
        size_t at = m.out.n;
        make_datagram(&m, K2_SV("one"));
        m.out.p[where ? at + 4 : m.out.n - 4] ^= 1; /* one of its lengths */
        make_datagram(&m, K2_SV("two"));
        expect(&m, where ? "reject 1 @48 64 bytes: a block of a length that cannot be; 64 bytes "
                           "are passed over\n"
                           "frame 2 @168 t=1000007000 d0 udp://239.1.2.3:26400|two|\n"
                         : "reject 1 @48 64 bytes: a block whose two lengths differ; 64 bytes "
                           "are passed over\n"
                           "frame 2 @168 t=1000007000 d0 udp://239.1.2.3:26400|two|\n");
    }
}

static void a_block_with_a_wrong_packet_is_refused_alone(void **state) {
    (void)state;
    struct maker m = {.link = 101, .ng = true};
    make_start(&m);
    size_t at = m.out.n;
    make_datagram(&m, K2_SV("one"));
    make_datagram(&m, K2_SV("two"));
    make_datagram(&m, K2_SV("three"));
    m.out.p[at + 8] = 9;        /* interface */
    m.out.p[at + 64 + 20] = 60; /* captured bytes */
    expect(&m, "reject 1 @48 64 bytes: a packet of an interface that was not described\n"
               "reject 2 @112 64 bytes: a packet that is longer than its block\n"
               "frame 3 @232 t=2000007000 d0 udp://239.1.2.3:26400|three|\n");
}

static void a_capture_that_ends_early_says_so(void **state) {
    (void)state;
    for (int ng = 0; ng <= 1; ng++) {
        struct maker m = {.link = 101, .ng = ng};
        make_start(&m);
        make_datagram(&m, K2_SV("one"));
        size_t at = m.out.n;
        make_datagram(&m, K2_SV("two"));
        for (size_t n = m.out.n - 1; n > at; n--) {
            const char *got = answers((struct k2_sv){(char *)m.out.p, n}, FEED_FRAMING_NONE);
            char expected[160];
            snprintf(expected, sizeof expected,
                     "\nreject 2 @%zu %zu bytes: the capture ends inside a packet or block\n", at,
                     n - at);
            assert_non_null(strstr(got, expected));
        }
        k2_buf_free(&m.out);
    }
}

/* --- files that are no captures --- */

static void a_plain_file_is_cut_by_the_framing(void **state) {
    (void)state;
    assert_string_equal(answers(K2_SV("\0\3abc\0\0\0\2de"), FEED_FRAMING_LENGTH16),
                        "frame 1 @2 s0 |abc|\nfiltered: end of session\nframe 3 @9 s0 |de|\n");
    assert_string_equal(answers(K2_SV("\0\4Sabc\0\1H\0\3Sd"), FEED_FRAMING_SOUPBIN),
                        "frame 1 @3 s0 |abc|\nfiltered: SoupBinTCP server heartbeat\n"
                        "reject 3 @9 4 bytes: the source ends inside a frame\n");
    assert_string_equal(answers(K2_SV("3ab1??2c1"), FEED_FRAMING_OWN),
                        "frame 1 @0 s0 |3ab|\nframe 2 @3 s0 |1|\n"
                        "reject 3 @4 2 bytes: no frame begins here; 2 bytes are passed over\n"
                        "frame 4 @6 s0 |2c|\nframe 5 @8 s0 |1|\n");
    assert_string_equal(answers(K2_SV(""), FEED_FRAMING_OWN), "");
}

static void a_file_that_is_no_capture_is_refused_once_where_only_captures_are_read(void **state) {
    (void)state;
    assert_string_equal(answers(K2_SV("some text\nin lines\n"), FEED_FRAMING_NONE),
                        "reject 1 @0 19 bytes: this is no capture (pcap, pcapng), and the format "
                        "comes in packets; 19 bytes are passed over\n");
    assert_string_equal(answers(K2_SV("ab"), FEED_FRAMING_NONE),
                        "reject 1 @0 2 bytes: this is no capture (pcap, pcapng), and the format "
                        "comes in packets; 2 bytes are passed over\n");
}

static void the_first_frame_is_found_for_detection(void **state) {
    (void)state;
    struct feed_frame frame;
    struct maker m = {.link = 1};
    make_start(&m);
    make_datagram(&m, K2_SV(""));
    make_datagram(&m, K2_SV("hello"));
    struct k2_sv head = k2_buf_view(&m.out);
    assert_true(feed_frames_first(head, FEED_FRAMING_NONE, &frame));
    assert_int_equal(frame.bytes.p - head.p, frame.offset);
    assert_int_equal(frame.number, 2);
    assert_memory_equal(frame.bytes.p, "hello", 5);
    assert_true(frame.datagram);
    head.n--;
    assert_false(feed_frames_first(head, FEED_FRAMING_NONE, &frame));
    assert_true(feed_frames_first(K2_SV("\0\2ab\0\1c"), FEED_FRAMING_LENGTH16, &frame));
    assert_int_equal(frame.bytes.n, 2);
    assert_false(frame.datagram);
    assert_false(feed_frames_first(K2_SV("a text"), FEED_FRAMING_NONE, &frame));
    assert_false(feed_frames_first(K2_SV(""), FEED_FRAMING_OWN, &frame));
    k2_buf_free(&m.out);
}

/* --- any bytes --- */

/* Captures with random damage: `answers` holds all ways of cutting against each other. */
static void damaged_captures_give_the_same_however_they_are_cut(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    for (int round = 0; round < 300; round++) {
        uint64_t r = k2test_random(&seed);
        struct maker m = {
            .link = r & 1 ? 1 : 101, .ng = r & 2, .big = r & 4, .nanos = r & 8, .time_s = 1000};
        make_start(&m);
        make_fragments(&m, 9, K2_SV("abcdefghijklmnopqrstuvwxyz0123456789ABC"),
                       (const int[]){2, 0, 1}, 3, 16);
        for (uint32_t i = 0; i < 12; i++) {
            uint64_t what = k2test_random(&seed);
            if (what & 1)
                make_datagram(&m, K2_SV("payload"));
            else
                make_segment(&m, (uint32_t)(what >> 8) % 40, (uint8_t)(what >> 16) & 7,
                             K2_SV("\0\4Sabc\0\1H"));
        }
        for (uint64_t damage = k2test_random(&seed) % 4; damage > 0; damage--) {
            uint64_t where = k2test_random(&seed);
            m.out.p[24 + (where >> 8) % (m.out.n - 24)] ^= (uint8_t)where;
        }
        (void)answers(k2_buf_view(&m.out), (enum feed_framing)((r >> 8) % 5));
        k2_buf_free(&m.out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_capture_gives_the_same_datagrams),
        cmocka_unit_test(every_link_type_leads_to_the_datagram),
        cmocka_unit_test(an_unknown_link_type_is_refused_packet_by_packet),
        cmocka_unit_test(tags_and_padding_are_no_payload),
        cmocka_unit_test(ip6_is_read_behind_its_extension_headers),
        cmocka_unit_test(what_is_neither_udp_nor_tcp_is_filtered),
        cmocka_unit_test(lengths_of_zero_stand_for_all_that_is_there),
        cmocka_unit_test(headers_that_cannot_be_are_refused),
        cmocka_unit_test(each_packet_that_was_cut_gives_one_reject),
        cmocka_unit_test(flows_are_numbered_as_they_turn_up),
        cmocka_unit_test(a_damaged_record_is_one_reject_and_the_next_ones_are_read),
        cmocka_unit_test(a_damaged_block_is_one_reject_and_the_next_ones_are_read),
        cmocka_unit_test(a_block_with_a_wrong_packet_is_refused_alone),
        cmocka_unit_test(a_capture_that_ends_early_says_so),
        cmocka_unit_test(a_plain_file_is_cut_by_the_framing),
        cmocka_unit_test(a_file_that_is_no_capture_is_refused_once_where_only_captures_are_read),
        cmocka_unit_test(the_first_frame_is_found_for_detection),
        cmocka_unit_test(damaged_captures_give_the_same_however_they_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
