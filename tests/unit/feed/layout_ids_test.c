/* What a layout's decoder remembers of instruments and orders is bounded. */
#include "feed/layout/state.h"
#include "k2test.h"

static void beyond_the_bound_the_oldest_is_dropped(void **state) {
    (void)state;
    struct layout_book_of_ids ids = {0};
    layout_known_name(layout_ids_add(&ids, 1), K2_SV("a symbol that is longer than what has room"));
    for (uint64_t i = 2; i <= LAYOUT_IDS_MAX; i++)
        (void)layout_ids_add(&ids, i);
    assert_int_equal(ids.n, LAYOUT_IDS_MAX);
    assert_non_null(layout_ids_find(&ids, 1));
    (void)layout_ids_add(&ids, 1); /* known: nothing is dropped for it */
    assert_non_null(layout_ids_find(&ids, 2));
    for (uint64_t i = 1; i <= 3; i++) {
        (void)layout_ids_add(&ids, LAYOUT_IDS_MAX + i);
        assert_int_equal(ids.n, LAYOUT_IDS_MAX);
        assert_null(layout_ids_find(&ids, i));
        assert_non_null(layout_ids_find(&ids, i + 1));
        assert_non_null(layout_ids_find(&ids, LAYOUT_IDS_MAX + i));
    }
    layout_ids_free(&ids);
}

static void what_is_forgotten_makes_room_and_comes_again_as_the_youngest(void **state) {
    (void)state;
    struct layout_book_of_ids ids = {0};
    for (uint64_t i = 1; i <= LAYOUT_IDS_MAX; i++)
        (void)layout_ids_add(&ids, i);
    layout_ids_forget(&ids, 1);
    layout_ids_forget(&ids, 5);
    (void)layout_ids_add(&ids, 1);
    (void)layout_ids_add(&ids, LAYOUT_IDS_MAX + 1);
    assert_non_null(layout_ids_find(&ids, 2));
    (void)layout_ids_add(&ids, LAYOUT_IDS_MAX + 2);
    assert_null(layout_ids_find(&ids, 2));
    assert_non_null(layout_ids_find(&ids, 1));
    layout_ids_free(&ids);
}

static void orders_that_come_and_go_need_no_more_memory(void **state) {
    (void)state;
    struct layout_book_of_ids ids = {0};
    for (uint64_t i = 1; i <= 3000000; i++) {
        (void)layout_ids_add(&ids, i);
        if (i > 100)
            layout_ids_forget(&ids, i - 100);
    }
    assert_int_equal(ids.n, 100);
    assert_true(ids.size <= 1024 && ids.ages_cap <= 1024);
    layout_ids_free(&ids);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beyond_the_bound_the_oldest_is_dropped),
        cmocka_unit_test(what_is_forgotten_makes_room_and_comes_again_as_the_youngest),
        cmocka_unit_test(orders_that_come_and_go_need_no_more_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
