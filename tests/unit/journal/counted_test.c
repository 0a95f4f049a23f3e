/* Where the counting of a file's rows began, as text and back. */
#include "journal/journal.h"

#include "k2test.h"

static int64_t find(struct counted *c, const char *channel, enum k2_kind_id kind, int32_t date) {
    return counted_find(c, K2_SV("ASX"), k2_sv_of(channel), kind, date);
}

static void what_was_told_is_found_again_after_the_text(void **state) {
    struct counted *told = counted_new(), *again;
    struct k2_buf text = {0};
    (void)state;
    counted_add(told, K2_SV("ASX"), K2_SV("BHP"), K2_KIND_TRADE, 16139, 934);
    counted_add(told, K2_SV("ASX"), K2_SV("a \"b\"/c\n"), K2_KIND_QUOTE, 16140, INT64_MAX);
    counted_add(told, K2_SV("ASX"), K2_SV("BHP"), SEQ_SHARED, 16139, 7);
    counted_put(told, &text);
    assert_string_equal(
        k2_buf_cstr(&text),
        "[[\"ASX\",\"BHP\",\"trade\",\"2014-03-10\",934],"
        "[\"ASX\",\"a \\\"b\\\"/c\\n\",\"quote\",\"2014-03-11\",9223372036854775807],"
        "[\"ASX\",\"BHP\",\"shared\",\"2014-03-10\",7]]");
    assert_int_equal(counted_parse(k2_buf_view(&text), &again, NULL), K2_OK);
    assert_int_equal(find(again, "BHP", K2_KIND_TRADE, 16139), 934);
    assert_int_equal(find(again, "a \"b\"/c\n", K2_KIND_QUOTE, 16140), INT64_MAX);
    assert_int_equal(find(again, "BHP", SEQ_SHARED, 16139), 7);
    assert_int_equal(find(again, "BHP", K2_KIND_QUOTE, 16139), 0);
    assert_int_equal(find(again, "BHP", K2_KIND_TRADE, 16140), 0);
    assert_int_equal(find(again, "CBA", K2_KIND_TRADE, 16139), 0);
    k2_buf_free(&text);
    counted_free(told);
    counted_free(again);
}

static void what_counts_from_1_has_no_text(void **state) {
    struct counted *c;
    struct k2_buf text = {0};
    (void)state;
    assert_int_equal(counted_parse(K2_SV(""), &c, NULL), K2_OK);
    assert_int_equal(find(c, "BHP", K2_KIND_TRADE, 16139), 0);
    counted_put(c, &text);
    assert_int_equal(text.n, 0);
    counted_free(c);
    k2_buf_free(&text);
}

static void what_cannot_be_kept_is_refused_and_not_counted_from_1(void **state) {
    struct counted *c = counted_new(), *again;
    struct k2_buf text = {0};
    struct k2_err err = {0};
    (void)state;
    for (int i = 0; i <= COUNTED_MOST; i++)
        counted_add(c, K2_SV("ASX"), K2_SV("BHP"), K2_KIND_TRADE, i, 1);
    counted_put(c, &text);
    assert_int_equal(counted_parse(k2_buf_view(&text), &again, &err), K2_E_INVALID);
    assert_non_null(strstr(err.msg, "--continue"));
    counted_free(c);
    k2_buf_free(&text);
}

static void other_text_is_refused(void **state) {
    static const char *const bad[] = {"[",
                                      "7",
                                      "[7]",
                                      "[[\"ASX\",\"BHP\",\"trade\",\"2014-03-10\"]]",
                                      "[[\"ASX\",\"BHP\",\"trad\",\"2014-03-10\",1]]",
                                      "[[\"ASX\",\"BHP\",\"trade\",\"2014-03\",1]]",
                                      "[[\"ASX\",\"BHP\",\"trade\",\"2014-03-10\",\"1\"]]"};
    struct counted *c;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(counted_parse(k2_sv_of(bad[i]), &c, NULL), K2_E_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_told_is_found_again_after_the_text),
        cmocka_unit_test(what_counts_from_1_has_no_text),
        cmocka_unit_test(what_cannot_be_kept_is_refused_and_not_counted_from_1),
        cmocka_unit_test(other_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
