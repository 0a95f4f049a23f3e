/* Sums of price * quantity: products, carries, signs, text. */
#include "base/wide.h"
#include "k2test.h"

static const char *text_of(struct k2_wide v, int scale) {
    static char text[K2_WIDE_TEXT];
    k2_wide_format(v, scale, text);
    return text;
}

static void a_product_has_all_its_digits(void **state) {
    (void)state;
    k2_i128 price = k2_pow10(20) - 1, quantity = k2_pow10(28) - 1;
    struct k2_wide v = k2_wide_product(price, quantity);
    assert_string_equal(text_of(v, 0), "999999999999999999989999999900000000000000000001");
    assert_string_equal(text_of(k2_wide_product(-price, quantity), 0),
                        "-999999999999999999989999999900000000000000000001");
    assert_string_equal(text_of(k2_wide_product(-price, -quantity), 19),
                        "99999999999999999998999999990.0000000000000000001");
    assert_string_equal(text_of(k2_wide_product(0, quantity), 19), "0");
}

static void sums_carry_over_all_words_and_come_back_to_zero(void **state) {
    (void)state;
    struct k2_wide sum = {{0}}, one = k2_wide_product(k2_pow10(38), k2_pow10(38));
    for (int i = 0; i < 5; i++)
        sum = k2_wide_add(sum, one);
    assert_int_equal(k2_wide_sign(sum), 1);
    for (int i = 0; i < 6; i++)
        sum = k2_wide_sub(sum, one);
    assert_int_equal(k2_wide_sign(sum), -1);
    sum = k2_wide_add(sum, one);
    assert_int_equal(k2_wide_sign(sum), 0);
    assert_true(k2_wide_equal(sum, (struct k2_wide){{0}}));
}

static void text_comes_back_as_it_was(void **state) {
    (void)state;
    static const char *const good[] = {"0", "-0.0000000000000000001", "12.5", "-12.75",
                                       "99999999999999999998999999990.0000000000000000001"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct k2_wide v;
        struct k2_err err = {0};
        CHECK_OK(k2_wide_parse(k2_sv_of(good[i]), 19, &v, &err), &err);
        assert_string_equal(text_of(v, 19), good[i]);
    }
}

static void what_is_no_decimal_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"", "-", ".", "1.2.3", "1e5", " 1", "0.00000000000000000001"};
    char large[78];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct k2_wide v;
        assert_int_equal(k2_wide_parse(k2_sv_of(bad[i]), 19, &v, NULL), K2_E_INVALID);
    }
    struct k2_wide v;
    memset(large, '9', sizeof large);
    assert_int_equal(k2_wide_parse((struct k2_sv){large, sizeof large - 1}, 19, &v, NULL),
                     K2_E_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_product_has_all_its_digits),
        cmocka_unit_test(sums_carry_over_all_words_and_come_back_to_zero),
        cmocka_unit_test(text_comes_back_as_it_was),
        cmocka_unit_test(what_is_no_decimal_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
