/* Frames of captures and streams. What a source gives is written down as text, a line for each answer; however
 * the bytes are cut into pieces, it must be the same text. */
#include "capture_helper.h"
#include "feed/capture/frames.h"
#include "k2test.h"

#include <inttypes.h>

static int log_frame(void *state, const struct feed_frame *f, const struct feed_sink *sink,
                     struct k2_err *err) {
    struct k2_buf *log = state;
    (void)sink;
    (void)err;
    k2_buf_printf(log, "frame %" PRId64 " @%" PRIu64 " ", f->number, f->offset);
    if (f->time_ns != INT64_MIN)
        k2_buf_printf(log, "t=%" PRId64 " ", f->time_ns);
    k2_buf_printf(log, "%s%u %.*s|%.*s|\n", f->datagram ? "d" : "s", f->flow,
                  K2_SV_ARG(f->flow_name), K2_SV_ARG(f->bytes));
    return K2_OK;
}

static int log_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    (void)err;
    k2_buf_printf(ctx, "reject %" PRId64 " @%" PRIu64 " %zu bytes: %s\n", r->position, r->offset,
                  r->raw.n, r->detail);
    assert_string_equal(r->reason, "MALFORMED");
    return K2_OK;
}

static int log_filtered(void *ctx, const char *why, struct k2_err *err) {
    (void)err;
    k2_buf_printf(ctx, "filtered: %s\n", why);
    return K2_OK;
}

/* Frames that begin with a digit have that many bytes; nothing else is one. */
static size_t cut_by_digit(void *state, struct k2_sv bytes) {
    (void)state;
    return bytes.p[0] > '0' && bytes.p[0] <= '9' ? (size_t)(bytes.p[0] - '0') : SIZE_MAX;
}

/* The answers to bytes shown in pieces, whose sizes `next` gives. */
static void run_pieces(struct k2_sv bytes, enum feed_framing framing, size_t (*next)(uint64_t *),
                       uint64_t seed, struct k2_buf *log) {
    struct k2_err err = {0};
    const struct feed_sink sink = {log, NULL, log_reject, log_filtered};
    const struct feed_frames_options o = {log_frame, log, framing, cut_by_digit};
    struct feed_frames *f = feed_frames_new(&o);
    size_t done = 0, shown = 0;
    bool last = false;
    while (!last) {
        size_t more = next ? next(&seed) : bytes.n;
        shown = bytes.n - shown <= more ? bytes.n : shown + more;
        last = shown == bytes.n;
        size_t n = shown - done, used = 0;
        char *copy = malloc(n ? n : 1); /* its end is the end that may be read */
        memcpy(copy, bytes.p + done, n);
        CHECK_OK(feed_frames_decode(f, (struct k2_sv){copy, n}, last, &used, &sink, &err), &err);
        assert_true(used <= n && (!last || used == n));
        done += used;
        free(copy);
    }
    feed_frames_free(f);
}

static size_t one(uint64_t *seed) {
    (void)seed;
    return 1;
}

static size_t some(uint64_t *seed) {
    uint64_t r = k2test_random(seed);
    return (size_t)(r >> 8) % (r & 1 ? 8 : 300);
}

/* Checks that all ways of cutting give the same, and gives that. */
static const char *answers(struct k2_sv bytes, enum feed_framing framing) {
    static struct k2_buf whole;
    struct k2_buf pieces = {0};
    uint64_t seed = k2test_seed();
    whole.n = 0;
    run_pieces(bytes, framing, NULL, 0, &whole);
    for (int i = 0; i < 20; i++, pieces.n = 0) {
        run_pieces(bytes, framing, i ? some : one, seed + (uint64_t)i, &pieces);
        if (strcmp(k2_buf_cstr(&whole), k2_buf_cstr(&pieces)) != 0)
            fail_msg("K2_SEED=%" PRIu64 ": whole:\n%s\nin pieces (%d):\n%s", seed,
                     k2_buf_cstr(&whole), i, k2_buf_cstr(&pieces));
    }
    k2_buf_free(&pieces);
    return k2_buf_cstr(&whole);
}

static void expect_framed(struct maker *m, enum feed_framing framing, const char *expected) {
    assert_string_equal(answers(k2_buf_view(&m->out), framing), expected);
    k2_buf_free(&m->out);
}

static void expect(struct maker *m, const char *expected) {
    expect_framed(m, FEED_FRAMING_NONE, expected);
}

/* --- captures --- */

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

/* --- pcapng --- */

static void blocks_that_are_not_known_are_passed_over(void **state) {
    (void)state;
    struct maker m = {.link = 101, .ng = true};
    make_start(&m);
    make_block(&m, 5, K2_SV("statistics that nobody reads"));
    make_block(&m, 0x80000001, K2_SV("a block of somebody's own"));
    make_datagram(&m, K2_SV("one"));
    make_block(&m, 10, K2_SV(""));
    expect(&m, "frame 1 @184 t=7000 d0 udp://239.1.2.3:26400|one|\n");
}

static void a_new_section_has_its_own_interfaces_and_byte_order(void **state) {
    (void)state;
    struct maker m = {.link = 101, .ng = true};
    make_start(&m);
    make_datagram(&m, K2_SV("one"));
    m.big = true;
    make_section(&m);
    make_datagram(&m, K2_SV("two"));
    make_interface(&m, 6, 0);
    make_datagram(&m, K2_SV("three"));
    expect(&m, "frame 1 @104 t=7000 d0 udp://239.1.2.3:26400|one|\n"
               "reject 2 @140 64 bytes: a packet of an interface that was not described\n"
               "frame 3 @280 t=2000007000 d0 udp://239.1.2.3:26400|three|\n");
}

static void simple_packets_have_no_time(void **state) {
    (void)state;
    struct maker m = {.link = 101, .ng = true};
    struct k2_buf b = {0};
    make_section(&m);
    make_interface(&m, 6, 31);
    k2_buf_str(&b, "abc");
    wrap_udp(&b, 1, 2);
    wrap_ip4(&b, 17, 0, 0);
    for (int more = 0; more <= 1; more++) {
        struct maker body = {0};
        put32(&body, (uint32_t)b.n + (more ? 5 : 0)); /* 5 bytes beyond what the interface keeps */
        k2_buf_sv(&body.out, k2_buf_view(&b));
        make_block_of(&m, 3, &body);
    }
    k2_buf_free(&b);
    expect(&m, "frame 1 @88 d0 udp://239.1.2.3:2|abc|\n"
               "frame 2 @136 d0 udp://239.1.2.3:2|abc|\n");
}

static void clocks_of_any_resolution_are_read(void **state) {
    (void)state;
    static const struct {
        uint8_t resolution;
        const char *time;
    } clocks[] = {{0, "t=7000000007000000000 "}, /* ticks are 7000000007 */
                  {3, "t=7000000007000000 "},
                  {12, "t=7000000 "},
                  {0x80 + 10, "t=6835937506835937 "},
                  {0x80 + 0, "t=7000000007000000000 "},
                  {30, "t=0 "}};
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        struct maker m = {.link = 101, .ng = true, .nanos = true, .time_s = 7};
        make_section(&m);
        make_interface(&m, clocks[i].resolution, 0);
        make_datagram(&m, K2_SV("x"));
        const char *got = answers(k2_buf_view(&m.out), FEED_FRAMING_NONE);
        if (!strstr(got, clocks[i].time))
            fail_msg("resolution %d: %s", clocks[i].resolution, got);
        k2_buf_free(&m.out);
    }
}

/* --- fragments --- */

static void make_fragments(struct maker *m, uint16_t id, struct k2_sv payload, const int *order,
                           int n, size_t size) {
    struct k2_buf whole = {0};
    k2_buf_sv(&whole, payload);
    wrap_udp(&whole, 1, 2);
    for (int i = 0; i < n; i++) {
        size_t at = (size_t)order[i] * size;
        size_t here = whole.n - at < size ? whole.n - at : size;
        struct k2_buf b = {0};
        k2_buf_put(&b, whole.p + at, here);
        wrap_ip4(&b, 17, id, (uint16_t)(at / 8 | (at + here < whole.n ? 0x2000 : 0)));
        wrap_link(&b, m->link);
        make_packet(m, k2_buf_view(&b));
        k2_buf_free(&b);
    }
    k2_buf_free(&whole);
}

static void fragments_are_put_together_in_any_order(void **state) {
    (void)state;
    static const int orders[][4] = {{0, 1, 2, 2}, {2, 1, 0, 0}, {1, 1, 2, 0}};
    static const char *const expected[] = {
        "frame 3 @68 t=2000007000 d0 udp://239.1.2.3:2|abcdefghijklmnopqrstuvwxyz0123456789ABC|\n",
        "frame 3 @171 t=2000007000 d0 udp://239.1.2.3:2|abcdefghijklmnopqrstuvwxyz0123456789ABC|\n",
        ("frame 4 @223 t=3000007000 d0 "
         "udp://239.1.2.3:2|abcdefghijklmnopqrstuvwxyz0123456789ABC|\n")};
    for (int i = 0; i < 3; i++) {
        struct maker m = {.link = 101};
        make_start(&m);
        make_fragments(&m, 77, K2_SV("abcdefghijklmnopqrstuvwxyz0123456789ABC"), orders[i],
                       i == 2 ? 4 : 3, 16);
        expect(&m, expected[i]);
    }
}

static void datagrams_without_all_fragments_are_refused_at_the_end(void **state) {
    (void)state;
    struct maker m = {.link = 101};
    make_start(&m);
    make_fragments(&m, 1, K2_SV("abcdefghijklmnopqrstuvwxyz0123456789ABC"), (const int[]){0, 2}, 2,
                   16);
    make_fragments(&m, 2, K2_SV("abcdefghijklmnopqrstuvwxyz0123456789ABC"), (const int[]){0, 1, 2},
                   3, 16);
    expect(
        &m,
        "frame 5 @171 t=4000007000 d0 udp://239.1.2.3:2|abcdefghijklmnopqrstuvwxyz0123456789ABC|\n"
        "reject 1 @60 47 bytes: not all fragments of this IP datagram came, or they do not "
        "fit together\n");
}

static void a_fragment_of_long_ago_is_not_mixed_with_a_new_datagram(void **state) {
    (void)state;
    struct maker m = {.link = 101};
    make_start(&m);
    make_fragments(&m, 1, K2_SV("XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX"), (const int[]){1}, 1,
                   16);
    m.time_s += 40;
    make_fragments(&m, 1, K2_SV("abcdefghijklmnopqrstuvwxyz0123456789ABC"), (const int[]){0, 2, 1},
                   3, 16);
    const char *got = answers(k2_buf_view(&m.out), FEED_FRAMING_NONE);
    assert_memory_equal(got, "reject 1 ", 9);
    assert_non_null(strstr(got, "|abcdefghijklmnopqrstuvwxyz0123456789ABC|"));
    k2_buf_free(&m.out);
}

static void fragments_that_do_not_fit_together_are_refused(void **state) {
    (void)state;
    struct maker m = {.link = 101};
    make_start(&m);
    /* As many bytes as the datagram should have, but not the ones. */
    make_fragments(&m, 1, K2_SV("abcdefghijklmnopqrstuvwxyz0123456789ABC"), (const int[]){2}, 1,
                   16);
    make_fragments(&m, 1, K2_SV("abcdefghijklmnopqrstuvwx"), (const int[]){1}, 1, 16);
    expect(&m, "reject 1 @60 47 bytes: not all fragments of this IP datagram came, or they do not "
               "fit together\n");
}

static void the_memory_for_fragments_is_bounded(void **state) {
    (void)state;
    struct maker m = {.link = 101};
    make_start(&m);
    m.time_s = 0;
    for (uint16_t id = 0; id < 1000; id++) {
        make_fragments(&m, id, K2_SV("abcdefghijklmnopqrstuvwxyz0123456789ABC"), (const int[]){0},
                       1, 16);
        m.time_s = 0;
    }
    struct k2_buf log = {0};
    run_pieces(k2_buf_view(&m.out), FEED_FRAMING_NONE, NULL, 0, &log);
    int rejects = 0;
    for (const char *at = k2_buf_cstr(&log); (at = strstr(at, "reject ")); at++)
        rejects++;
    assert_int_equal(rejects, 1000); /* each is answered, and by one */
    k2_buf_free(&log);
    k2_buf_free(&m.out);
}

/* --- TCP --- */

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
        cmocka_unit_test(blocks_that_are_not_known_are_passed_over),
        cmocka_unit_test(a_new_section_has_its_own_interfaces_and_byte_order),
        cmocka_unit_test(simple_packets_have_no_time),
        cmocka_unit_test(clocks_of_any_resolution_are_read),
        cmocka_unit_test(fragments_are_put_together_in_any_order),
        cmocka_unit_test(datagrams_without_all_fragments_are_refused_at_the_end),
        cmocka_unit_test(a_fragment_of_long_ago_is_not_mixed_with_a_new_datagram),
        cmocka_unit_test(fragments_that_do_not_fit_together_are_refused),
        cmocka_unit_test(the_memory_for_fragments_is_bounded),
        cmocka_unit_test(a_tcp_flow_is_cut_into_frames_wherever_segments_end),
        cmocka_unit_test(soupbin_packets_give_their_sequenced_data),
        cmocka_unit_test(segments_are_taken_in_the_order_of_their_numbers),
        cmocka_unit_test(a_hole_that_stays_is_one_reject_and_the_flow_is_cut_anew),
        cmocka_unit_test(a_flow_does_not_wait_for_ever),
        cmocka_unit_test(a_segment_that_was_cut_costs_one_reject),
        cmocka_unit_test(a_new_connection_with_the_same_ports_is_a_new_flow),
        cmocka_unit_test(a_capture_may_begin_inside_a_connection),
        cmocka_unit_test(segments_may_be_frames_as_they_are),
        cmocka_unit_test(a_plain_file_is_cut_by_the_framing),
        cmocka_unit_test(a_file_that_is_no_capture_is_refused_once_where_only_captures_are_read),
        cmocka_unit_test(the_first_frame_is_found_for_detection),
        cmocka_unit_test(damaged_captures_give_the_same_however_they_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
