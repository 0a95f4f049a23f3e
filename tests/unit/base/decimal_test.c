/* Decimals against Python's decimal module, against text arithmetic and against themselves. */
#include "base/decimal.h"
#include "k2test.h"

static struct k2_err err;

/* Made with Python 3.11: Decimal(text).scaleb(scale) as an int i; full is format(Decimal(i)
 * .scaleb(-scale), "f"), hex the shortest i.to_bytes(n, "big", signed=True). NULL: does not fit. */
static const struct {
    const char *text;
    int precision, scale;
    const char *full, *brief, *hex;
} vectors[] = {
    {"0", 20, 9, "0.000000000", "0", "00"},
    {"-0", 20, 9, "0.000000000", "0", "00"},
    {"+1", 20, 9, "1.000000000", "1", "3b9aca00"},
    {"12.34", 20, 9, "12.340000000", "12.34", "02df857500"},
    {"-12.34", 20, 9, "-12.340000000", "-12.34", "fd207a8b00"},
    {"000012.3400000000000", 20, 9, "12.340000000", "12.34", "02df857500"},
    {".5", 20, 9, "0.500000000", "0.5", "1dcd6500"},
    {"5.", 20, 9, "5.000000000", "5", "012a05f200"},
    {"99999999999.999999999", 20, 9, "99999999999.999999999", "99999999999.999999999",
     "056bc75e2d630fffff"},
    {"-99999999999.999999999", 20, 9, "-99999999999.999999999", "-99999999999.999999999",
     "fa9438a1d29cf00001"},
    {"100000000000", 20, 9, NULL, NULL, NULL},
    {"0.0000000001", 20, 9, NULL, NULL, NULL},
    {"0.000000001", 20, 9, "0.000000001", "0.000000001", "01"},
    {"1.0000000000000000000000000000000001", 20, 9, NULL, NULL, NULL},
    {"999999999999999999.9999999999", 28, 10, "999999999999999999.9999999999",
     "999999999999999999.9999999999", "204fce5e3e2502610fffffff"},
    {"-1000000000000000000", 28, 10, NULL, NULL, NULL},
    {"99999999999999999999999999999999999999", 38, 0, "99999999999999999999999999999999999999",
     "99999999999999999999999999999999999999", "4b3b4ca85a86c47a098a223fffffffff"},
    {"-99999999999999999999999999999999999999", 38, 0, "-99999999999999999999999999999999999999",
     "-99999999999999999999999999999999999999", "b4c4b357a5793b85f675ddc000000001"},
    {"100000000000000000000000000000000000000", 38, 0, NULL, NULL, NULL},
    {"0.00000000000000000000000000000000000001", 38, 38, "0.00000000000000000000000000000000000001",
     "0.00000000000000000000000000000000000001", "01"},
    {"-0.99999999999999999999999999999999999999", 38, 38,
     "-0.99999999999999999999999999999999999999", "-0.99999999999999999999999999999999999999",
     "b4c4b357a5793b85f675ddc000000001"},
    {"1", 38, 38, NULL, NULL, NULL},
    {"18446744073709551615", 38, 0, "18446744073709551615", "18446744073709551615",
     "00ffffffffffffffff"},
    {"18446744073709551616", 38, 0, "18446744073709551616", "18446744073709551616",
     "010000000000000000"},
    {"-18446744073709551616.5", 38, 10, "-18446744073709551616.5000000000",
     "-18446744073709551616.5", "fdabf41bfffffffffed5fa0e00"},
    {"10000000000000000000", 38, 0, "10000000000000000000", "10000000000000000000",
     "008ac7230489e80000"},
    {"127", 3, 0, "127", "127", "7f"},
    {"128", 3, 0, "128", "128", "0080"},
    {"-128", 3, 0, "-128", "-128", "80"},
    {"-129", 3, 0, "-129", "-129", "ff7f"},
    {"32767", 5, 0, "32767", "32767", "7fff"},
    {"32768", 5, 0, "32768", "32768", "008000"},
    {"-32768", 5, 0, "-32768", "-32768", "8000"},
    {"-32769", 5, 0, "-32769", "-32769", "ff7fff"},
    {"-8159083016613", 25, 4, "-8159083016613.0000", "-8159083016613", "fede21927f04c2b0"},
    {"13", 10, 8, "13.00000000", "13", "4d7c6d00"},
    {"-2.4", 8, 6, "-2.400000", "-2.4", "db6100"},
    {"821993518190937865.7", 31, 9, "821993518190937865.700000000", "821993518190937865.7",
     "02a7efe5e8da4b18bf304100"},
    {"31948.7574911", 34, 23, "31948.75749110000000000000000", "31948.7574911",
     "0a52bd41667b182633bf0000"},
    {"-760.189555979711471049746507", 37, 26, "-760.18955597971147104974650700",
     "-760.189555979711471049746507", "ff0a5e97ff87affdf56a4242b4"},
    {"-34236671276842684656", 27, 5, "-34236671276842684656.00000", "-34236671276842684656",
     "fd2b02a213d104b7c7ca00"},
    {"-307.9", 19, 4, "-307.9000", "-307.9", "d104a8"},
    {"-85995", 16, 8, "-85995.00000000", "-85995", "f82dc5db7500"},
    {"078.666617603", 13, 11, "78.66661760300", "78.666617603", "072799946d2c"},
    {"-9010.9", 9, 3, "-9010.900", "-9010.9", "ff76812c"},
    {"1.39624", 14, 8, "1.39624000", "1.39624", "08527e40"},
    {"-777741.215472803852808", 27, 19, "-777741.2154728038528080000", "-777741.215472803852808",
     "f99111a46c3a79b32da780"},
    {"2.53888539", 24, 20, "2.53888539000000000000", "2.53888539", "0dc369490fb5e8b000"},
    {"-7500474.395", 17, 7, "-7500474.3950000", "-7500474.395", "bbc898e16150"},
    {"-373537.99", 33, 22, "-373537.9900000000000000000000", "-373537.99",
     "f3ee2a89de398d7ef6900000"},
};

static void hex_of(const uint8_t *bytes, size_t n, char *out) {
    for (size_t i = 0; i < n; i++)
        sprintf(out + 2 * i, "%02x", bytes[i]);
}

static void python_agrees_on_every_vector(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct k2_sv text = k2_sv_of(vectors[i].text);
        int scale = vectors[i].scale;
        k2_i128 v;
        char out[K2_DECIMAL_TEXT];
        if (!vectors[i].full) {
            CHECK_STATUS(k2_decimal_parse(text, vectors[i].precision, scale, &v, &err), K2_E_RANGE);
            continue;
        }
        CHECK_OK(k2_decimal_parse(text, vectors[i].precision, scale, &v, &err), &err);
        assert_int_equal(k2_decimal_format(v, scale, out), strlen(vectors[i].full));
        assert_string_equal(out, vectors[i].full);
        assert_int_equal(k2_decimal_format_short(v, scale, out), strlen(vectors[i].brief));
        assert_string_equal(out, vectors[i].brief);
        uint8_t bytes[16];
        char hex[33];
        hex_of(bytes, k2_decimal_to_be(v, bytes), hex);
        assert_string_equal(hex, vectors[i].hex);
    }
}

static void malformed_text_is_invalid_and_leaves_the_result_alone(void **state) {
    (void)state;
    static const char *const bad[] = {"",      "+",   "-",   ".",   "-.",  "1e5",
                                      " 1",    "1 ",  "1,0", "--1", "+-1", "1.2.",
                                      "1.2.3", "0x1", "NaN", "inf", "1-",  "1.-2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        k2_i128 v = 77;
        CHECK_STATUS(k2_decimal_parse(k2_sv_of(bad[i]), 20, 9, &v, &err), K2_E_INVALID);
        CHECK_STATUS(k2_decimal_parse(k2_sv_of(bad[i]), 20, 9, &v, NULL), K2_E_INVALID);
        assert_true(v == 77);
    }
    k2_i128 v;
    CHECK_STATUS(k2_decimal_parse((struct k2_sv){NULL, 0}, 20, 9, &v, &err), K2_E_INVALID);
    assert_non_null(strstr(err.msg, "12.34"));
}

static void a_value_that_does_not_fit_is_named_with_its_limits(void **state) {
    (void)state;
    k2_i128 v;
    CHECK_STATUS(k2_decimal_parse(K2_SV("1.0000000001"), 20, 9, &v, &err), K2_E_RANGE);
    assert_string_equal(err.msg, "1.0000000001 does not fit decimal(20,9): at most 20 digits, 9 of "
                                 "them after the point");
    assert_true(k2_decimal_fits(k2_pow10(20) - 1, 20) && k2_decimal_fits(1 - k2_pow10(20), 20));
    assert_false(k2_decimal_fits(k2_pow10(20), 20) || k2_decimal_fits(-k2_pow10(20), 20));
    assert_false(k2_decimal_fits(K2_NULL_DECIMAL, 38));
}

static void powers_of_ten_are_what_multiplying_gives(void **state) {
    (void)state;
    k2_i128 power = 1;
    for (int i = 0; i <= 38; i++) {
        assert_true(k2_pow10(i) == power);
        if (i < 38)
            power *= 10;
    }
}

/* Random text, and beside it what parse and format must make of it, by moving characters only. */
static void random_digits_come_back_as_they_were_written(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    for (int round = 0; round < 200000; round++) {
        int scale = (int)(k2test_random(&seed) % 39);
        int whole = (int)(k2test_random(&seed) % (uint64_t)(39 - scale));
        int zeros = (int)(k2test_random(&seed) % 4);
        char text[64], expected[64], got[K2_DECIMAL_TEXT];
        int n = 0, e = 0, zero = 1;
        char digits[40];
        for (int i = 0; i < whole + scale; i++) {
            digits[i] = (char)('0' + k2test_random(&seed) % 10);
            if (i == 0 && whole)
                digits[i] = (char)('1' + k2test_random(&seed) % 9);
            zero &= digits[i] == '0';
        }
        bool negative = k2test_random(&seed) & 1;
        if (negative)
            text[n++] = '-';
        if (negative && !zero)
            expected[e++] = '-';
        n += sprintf(text + n, "%.*s%.*s", zeros, "000", whole, digits);
        n += sprintf(text + n, "%s.%.*s%.*s", whole + zeros ? "" : "0", scale, digits + whole,
                     zeros, "000");
        e += sprintf(expected + e, "%s%.*s", whole ? "" : "0", whole, digits);
        if (scale)
            sprintf(expected + e, ".%.*s", scale, digits + whole);
        k2_i128 v;
        CHECK_OK(k2_decimal_parse((struct k2_sv){text, (size_t)n}, 38, scale, &v, &err), &err);
        k2_decimal_format(v, scale, got);
        if (strcmp(got, expected) != 0)
            fail_msg("K2_SEED=%llu: %s gave %s", (unsigned long long)k2test_seed(), text, got);
    }
}

static k2_i128 random_i128(uint64_t *seed) {
    k2_u128 v = (k2_u128)k2test_random(seed) << 64 | k2test_random(seed);
    return (k2_i128)v >> k2test_random(seed) % 128;
}

static void bytes_are_minimal_and_come_back_equal_at_every_length(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    for (int round = 0; round < 200000; round++) {
        k2_i128 v = random_i128(&seed), back;
        uint8_t bytes[16], wide[16];
        size_t n = k2_decimal_to_be(v, bytes);
        assert_true(k2_decimal_from_be(bytes, n, &back) && back == v);
        if (n > 1)
            assert_false((bytes[0] == 0 && bytes[1] < 0x80) ||
                         (bytes[0] == 0xff && bytes[1] >= 0x80));
        memset(wide, v < 0 ? 0xff : 0, sizeof wide);
        memcpy(wide + 16 - n, bytes, n);
        for (size_t start = 0; start <= 16 - n; start++)
            assert_true(k2_decimal_from_be(wide + start, 16 - start, &back) && back == v);
    }
    k2_i128 v;
    uint8_t bytes[17] = {0};
    assert_false(k2_decimal_from_be(bytes, 0, &v));
    assert_false(k2_decimal_from_be(bytes, 17, &v));
}

/* Digit by digit, as by hand. */
static void by_long_division(k2_i128 v, char *out) {
    k2_u128 rest = v < 0 ? -(k2_u128)v : (k2_u128)v;
    char reversed[48];
    int n = 0;
    do {
        reversed[n++] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest);
    if (v < 0)
        *out++ = '-';
    while (n)
        *out++ = reversed[--n];
    *out = 0;
}

static void every_integer_is_written_as_by_long_division(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    for (int round = 0; round < 200000; round++) {
        k2_i128 v = round == 0 ? K2_NULL_DECIMAL : random_i128(&seed);
        char expected[48], got[K2_DECIMAL_TEXT];
        by_long_division(v, expected);
        assert_int_equal(k2_decimal_format(v, 0, got), strlen(expected));
        assert_string_equal(got, expected);
    }
    char got[K2_DECIMAL_TEXT];
    k2_decimal_format(K2_NULL_DECIMAL, 38, got);
    assert_string_equal(got, "-1.70141183460469231731687303715884105728");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(python_agrees_on_every_vector),
        cmocka_unit_test(malformed_text_is_invalid_and_leaves_the_result_alone),
        cmocka_unit_test(a_value_that_does_not_fit_is_named_with_its_limits),
        cmocka_unit_test(powers_of_ten_are_what_multiplying_gives),
        cmocka_unit_test(random_digits_come_back_as_they_were_written),
        cmocka_unit_test(bytes_are_minimal_and_come_back_equal_at_every_length),
        cmocka_unit_test(every_integer_is_written_as_by_long_division),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
