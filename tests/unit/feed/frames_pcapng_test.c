/* Frames of pcapng: blocks, sections, interfaces, clocks. */
#include "frames_helper.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_that_are_not_known_are_passed_over),
        cmocka_unit_test(a_new_section_has_its_own_interfaces_and_byte_order),
        cmocka_unit_test(simple_packets_have_no_time),
        cmocka_unit_test(clocks_of_any_resolution_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
