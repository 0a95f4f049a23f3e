#include "base/buf.h"
#include "k2test.h"

static bool sv_is(struct k2_sv s, const char *text) {
    return k2_sv_eq(s, k2_sv_of(text));
}

static void split_gives_every_piece_and_the_empty_ones(void **state) {
    (void)state;
    struct k2_sv rest = K2_SV("a,,b,");
    assert_true(sv_is(k2_sv_split(&rest, ','), "a"));
    assert_true(sv_is(k2_sv_split(&rest, ','), ""));
    assert_true(sv_is(k2_sv_split(&rest, ','), "b"));
    assert_non_null(rest.p); /* an empty piece is left, not nothing */
    assert_true(sv_is(k2_sv_split(&rest, ','), ""));
    assert_null(rest.p);
}

static void integers_are_whole_or_refused(void **state) {
    (void)state;
    int64_t v = 5;
    assert_true(k2_sv_i64(K2_SV("-9223372036854775808"), &v));
    assert_true(v == INT64_MIN);
    assert_true(k2_sv_i64(K2_SV("9223372036854775807"), &v));
    assert_true(v == INT64_MAX);
    const char *bad[] = {"",   "-",  "9223372036854775808", "-9223372036854775809", "1x", " 1",
                         "+1", "--1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (k2_sv_i64(k2_sv_of(bad[i]), &v))
            fail_msg("\"%s\" was taken for a number", bad[i]);
}

static void comparing_is_by_bytes_and_then_by_length(void **state) {
    (void)state;
    assert_true(k2_sv_cmp(K2_SV("a"), K2_SV("ab")) < 0);
    assert_true(k2_sv_cmp(K2_SV("b"), K2_SV("ab")) > 0);
    assert_true(k2_sv_cmp(K2_SV("\xff"), K2_SV("a")) > 0);
    assert_int_equal(k2_sv_cmp(k2_sv_of(NULL), K2_SV("")), 0);
    assert_true(k2_sv_starts(K2_SV("abc"), K2_SV("ab")) && !k2_sv_starts(K2_SV("a"), K2_SV("ab")));
    assert_true(k2_sv_ends(K2_SV("abc"), K2_SV("bc")) && !k2_sv_ends(K2_SV("c"), K2_SV("bc")));
    assert_true(sv_is(k2_sv_trim(K2_SV(" \t a b\r\n")), "a b"));
}

static void what_could_steer_a_terminal_is_made_visible(void **state) {
    (void)state;
    struct k2_sv text = {"a\x1b[2J\r\n\tb\0\x7f\xc3\xa9", 13};
    struct k2_buf one = {0}, lines = {0};
    k2_buf_visible(&one, text, false);
    k2_buf_visible(&lines, text, true);
    assert_string_equal(k2_buf_cstr(&one), "a\\x1b[2J\\x0d\\n\\tb\\x00\\x7f\xc3\xa9");
    assert_string_equal(k2_buf_cstr(&lines), "a\\x1b[2J\\x0d\n\tb\\x00\\x7f\xc3\xa9");
    k2_buf_free(&one);
    k2_buf_free(&lines);
}

static void a_buffer_holds_what_was_put_however_it_grew(void **state) {
    (void)state;
    struct k2_buf b = {0};
    for (int i = 0; i < 2000; i++)
        k2_buf_printf(&b, "%d,", i);
    k2_buf_put(&b, NULL, 0);
    struct k2_sv rest = k2_buf_view(&b);
    for (int64_t i = 0, v; i < 2000; i++) {
        assert_true(k2_sv_i64(k2_sv_split(&rest, ','), &v));
        assert_int_equal(v, i);
    }
    size_t n = b.n;
    assert_int_equal(strlen(k2_buf_cstr(&b)), n);
    assert_int_equal(b.n, n);
    k2_buf_free(&b);
    k2_buf_free(&b);
    assert_null(b.p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split_gives_every_piece_and_the_empty_ones),
        cmocka_unit_test(integers_are_whole_or_refused),
        cmocka_unit_test(comparing_is_by_bytes_and_then_by_length),
        cmocka_unit_test(what_could_steer_a_terminal_is_made_visible),
        cmocka_unit_test(a_buffer_holds_what_was_put_however_it_grew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
