/* Dictionaries against a list that is searched from its start; bounds against their definition. */
#include "k2test.h"

#include "lake/parquet_bound.h"
#include "lake/parquet_dict.h"

static void numbers_are_counted_as_a_plain_list_would(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct parquet_numbers d = {0};
    for (int round = 0; round < 8; round++) {
        static k2_i128 model[4000];
        uint32_t n = 0;
        bool wide = false;
        parquet_numbers_reset(&d);
        for (int i = 0; i < 4000; i++) {
            k2_i128 v = (int64_t)(k2test_random(&seed) % 700) - 350;
            if (round % 2)
                v *= (k2_i128)1 << (k2test_random(&seed) % 4 *
                                    32); /* beyond int64; equal low halves */
            wide |= v != (int64_t)v;
            uint32_t at = 0;
            while (at < n && model[at] != v)
                at++;
            if (at == n)
                model[n++] = v;
            assert_int_equal(parquet_numbers_index(&d, v), at);
        }
        assert_int_equal(d.count, n);
        assert_memory_equal(d.values, model, n * sizeof *model);
        assert_int_equal(d.wide, wide);
    }
    parquet_numbers_free(&d);
}

/* The key of (hi, lo) is lo ^ hi * a constant: these two have the same key. */
static void wide_numbers_that_share_a_key_stay_apart(void **state) {
    (void)state;
    struct parquet_numbers d = {0};
    uint64_t spread = UINT64_C(0x9e3779b97f4a7c15);
    k2_i128 a = (k2_i128)((k2_u128)1 << 64 | (77 ^ spread));
    k2_i128 b = (k2_i128)((k2_u128)2 << 64 | (77 ^ (2 * spread)));
    parquet_numbers_reset(&d);
    assert_int_equal(parquet_numbers_index(&d, a), 0);
    assert_int_equal(parquet_numbers_index(&d, b), 1);
    assert_int_equal(parquet_numbers_index(&d, 77), 2);
    assert_int_equal(parquet_numbers_index(&d, b), 1);
    parquet_numbers_free(&d);
}

static void an_emptied_dictionary_forgets_even_when_its_epoch_wraps(void **state) {
    (void)state;
    struct parquet_numbers d = {0};
    parquet_numbers_reset(&d);
    assert_int_equal(parquet_numbers_index(&d, 5), 0);
    d.table.mark = UINT32_MAX - 1; /* the last epoch */
    assert_int_equal(parquet_numbers_index(&d, 6), 1);
    parquet_numbers_reset(&d);
    assert_int_equal(d.table.mark, 2);
    assert_int_equal(parquet_numbers_index(&d, 6), 0);
    assert_int_equal(parquet_numbers_index(&d, 5), 1);
    parquet_numbers_free(&d);
}

static void strings_are_equal_by_content_not_by_id(void **state) {
    (void)state;
    struct parquet_strings d = {0};
    parquet_strings_reset(&d);
    assert_int_equal(parquet_strings_index(&d, K2_SV("a")), 0);
    assert_int_equal(parquet_strings_index(&d, K2_SV("")), 1);
    assert_int_equal(parquet_strings_index(&d, K2_SV("a")), 0);
    char text[16];
    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "s%u", i);
        assert_int_equal(parquet_strings_index(&d, k2_sv_of(text)), i + 2);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "s%u", i);
        assert_int_equal(parquet_strings_index(&d, k2_sv_of(text)), i + 2);
        assert_true(k2_sv_eq(parquet_strings_get(&d, i + 2), k2_sv_of(text)));
        assert_int_equal(parquet_strings_size(&d, i + 2), 4 + strlen(text));
    }
    parquet_strings_reset(&d);
    assert_int_equal(parquet_strings_index(&d, K2_SV("s7")), 0);
    parquet_strings_free(&d);
}

static void ids_mean_nothing_after_a_new_batch_begins(void **state) {
    (void)state;
    struct parquet_strings d = {0};
    struct k2_interner *in = k2_interner_new();
    uint32_t id = k2_intern(in, K2_SV("x"));
    parquet_strings_reset(&d);
    parquet_remap_begin(&d, in, true);
    assert_int_equal(parquet_remap_find(&d, 0), PARQUET_NONE);
    assert_int_equal(parquet_remap_find(&d, id), PARQUET_UNKNOWN);
    parquet_remap_set(&d, id, 3);
    assert_int_equal(parquet_remap_find(&d, id), 3);
    d.epoch = UINT32_MAX; /* the next epoch is the first again */
    parquet_remap_begin(&d, in, false);
    assert_int_equal(parquet_remap_find(&d, id), PARQUET_UNKNOWN);
    assert_int_equal(parquet_remap_find(&d, 0), PARQUET_UNKNOWN);
    parquet_strings_free(&d);
    k2_interner_free(in);
}

static bool valid(const char *text) {
    return parquet_utf8_valid(k2_sv_of(text));
}

static void only_well_formed_utf8_is_text(void **state) {
    (void)state;
    const char *const good[] = {"",
                                "a",
                                "\x7f",
                                "\xc2\x80",
                                "\xdf\xbf",
                                "\xe0\xa0\x80",
                                "\xed\x9f\xbf",
                                "\xee\x80\x80",
                                "\xef\xbf\xbf",
                                "\xf0\x90\x80\x80",
                                "\xf4\x8f\xbf\xbf",
                                "x\xe2\x82\xacy"};
    const char *const bad[] = {"\x80",
                               "\xc1\xbf",
                               "\xc2",
                               "\xc2x",
                               "\xe0\x9f\xbf",
                               "\xed\xa0\x80",
                               "\xe2\x82",
                               "\xf0\x8f\xbf\xbf",
                               "\xf4\x90\x80\x80",
                               "\xf5\x80\x80\x80",
                               "\xff",
                               "ok\xfe"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(valid(bad[i]));
}

static struct k2_sv upper(const char *text, bool utf8, uint8_t out[32]) {
    int n = parquet_cut_upper(k2_sv_of(text), 4, utf8, out);
    return n < 0 ? (struct k2_sv){NULL, 999} : (struct k2_sv){(const char *)out, (size_t)n};
}

static void upper_bounds_are_raised_where_they_can_be(void **state) {
    (void)state;
    static const struct {
        const char *text, *want; /* cut to 4 bytes; NULL: there is none */
        bool utf8;
    } cases[] = {
        {"abcd", "abcd", true},
        {"abcde", "abce", true},
        {"abc\x7fz", "abc\xc2\x80", true},
        {"ab\xdf\xbfz", "ab\xe0\xa0\x80", true},
        {"a\xed\x9f\xbfz", "a\xee\x80\x80", true},
        {"a\xef\xbf\xbfz", "a\xf0\x90\x80\x80", true},
        {"abc\xe2\x82\xac", "abd", true}, /* the cut does not split a code point */
        {"\xf4\x8f\xbf\xbfz", NULL, true},
        {"abc\xff\xff", "abd", false},
        {"\xff\xff\xff\xff\x01", NULL, false},
        {"abcde", "abce", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t out[32];
        struct k2_sv got = upper(cases[i].text, cases[i].utf8, out);
        assert_int_equal(got.p == NULL, cases[i].want == NULL);
        if (got.p)
            assert_true(k2_sv_eq(got, k2_sv_of(cases[i].want)));
    }
}

static size_t random_text(uint64_t *seed, char *out) {
    static const char *const points[] = {
        "a",           "\x7f", "\xdf\xbf", "\xed\x9f\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf",
        "\xe2\x82\xac"};
    size_t n = 0;
    for (size_t left = k2test_random(seed) % 12; left > 0; left--) {
        const char *point = points[k2test_random(seed) % 7];
        memcpy(out + n, point, strlen(point));
        n += strlen(point);
    }
    return n;
}

static void bounds_of_random_text_hold_and_are_text(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    for (int i = 0; i < 20000; i++) {
        char text[64];
        uint8_t out[32];
        struct k2_sv s = {text, random_text(&seed, text)};
        struct k2_sv low = parquet_cut_lower(s, 16, true);
        assert_true(low.n <= 16 && k2_sv_cmp(low, s) <= 0 && parquet_utf8_valid(low));
        int n = parquet_cut_upper(s, 16, true, out);
        if (n < 0)
            continue;
        struct k2_sv high = {(const char *)out, (size_t)n};
        assert_true(n <= 17 && k2_sv_cmp(high, s) >= 0 && parquet_utf8_valid(high));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_counted_as_a_plain_list_would),
        cmocka_unit_test(wide_numbers_that_share_a_key_stay_apart),
        cmocka_unit_test(an_emptied_dictionary_forgets_even_when_its_epoch_wraps),
        cmocka_unit_test(strings_are_equal_by_content_not_by_id),
        cmocka_unit_test(ids_mean_nothing_after_a_new_batch_begins),
        cmocka_unit_test(only_well_formed_utf8_is_text),
        cmocka_unit_test(upper_bounds_are_raised_where_they_can_be),
        cmocka_unit_test(bounds_of_random_text_hold_and_are_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
