/* Datagrams that came as IP fragments. */
#include "frames_helper.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fragments_are_put_together_in_any_order),
        cmocka_unit_test(datagrams_without_all_fragments_are_refused_at_the_end),
        cmocka_unit_test(a_fragment_of_long_ago_is_not_mixed_with_a_new_datagram),
        cmocka_unit_test(fragments_that_do_not_fit_together_are_refused),
        cmocka_unit_test(the_memory_for_fragments_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
