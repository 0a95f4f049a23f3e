/* Unit tests of verb/words.c and verb/symbols.c. */
#include "k2test.h"

#include "verb/words.h"

static void whole_numbers_take_k_m_and_g(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t want; /* -1 = refused */
    } cases[] = {{"0", 0},
                 {"50000", 50000},
                 {"50K", 50000},
                 {"2k", 2000},
                 {"3M", 3000000},
                 {"9G", 9000000000},
                 {"9223372036854775807", INT64_MAX},
                 {"9223372036854775808", -1},
                 {"10000000000G", -1},
                 {"-1", -1},
                 {"", -1},
                 {"K", -1},
                 {"1.5K", -1},
                 {"5KK", -1},
                 {"0x10", -1},
                 {" 5", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t n = 0;
        struct k2_err err = {0};
        int rc = words_count("n", cases[i].text, 0, &n, &err);
        if (cases[i].want < 0) {
            CHECK_STATUS(rc, K2_E_USAGE);
            continue;
        }
        CHECK_OK(rc, &err);
        assert_true(n == cases[i].want);
    }
}

static void real_numbers_are_digits_and_one_point_only(void **state) {
    (void)state;
    static const char *const bad[] = {
        "nan", "inf", "1e3",   "-1",  "0x1p3",
        ".",   "",    "1.2.3", "1,5", "1234567890123456789012345678901234567890"};
    double v;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_STATUS(words_real("r", bad[i], &v, NULL), K2_E_USAGE);
    CHECK_OK(words_real("r", "1.5K", &v, &(struct k2_err){0}), &(struct k2_err){0});
    assert_true(v == 1500);
    CHECK_OK(words_real("r", ".5", &v, &(struct k2_err){0}), &(struct k2_err){0});
    assert_true(v == 0.5);
}

static void probabilities_are_between_0_and_1_or_percent(void **state) {
    (void)state;
    double v;
    assert_int_equal(words_probability("p", "0.25", &v, NULL), K2_OK);
    assert_true(v == 0.25);
    assert_int_equal(words_probability("p", "5%", &v, NULL), K2_OK);
    assert_true(v == 0.05);
    assert_int_equal(words_probability("p", "1", &v, NULL), K2_OK);
    CHECK_STATUS(words_probability("p", "1.01", &v, NULL), K2_E_USAGE);
    CHECK_STATUS(words_probability("p", "101%", &v, NULL), K2_E_USAGE);
    CHECK_STATUS(words_probability("p", "%", &v, NULL), K2_E_USAGE);
}

static void sizes_count_by_1024(void **state) {
    (void)state;
    int64_t n;
    assert_int_equal(words_bytes("b", "512MB", &n, NULL), K2_OK);
    assert_true(n == 512LL << 20);
    assert_int_equal(words_bytes("b", "77", &n, NULL), K2_OK);
    assert_true(n == 77);
    static const char *const bad[] = {"", "MB", "1.5GB", "-1MB", "0", "4 GB", "99999999999TB"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_STATUS(words_bytes("b", bad[i], &n, NULL), K2_E_USAGE);
}

static void times_are_read_in_the_zone_of_a_name_or_an_exchange(void **state) {
    (void)state;
    struct verb_context c = {.now_ns = 1000 * K2_NS_PER_SEC};
    struct k2_err err = {0};
    int64_t utc, sydney, asx;
    CHECK_OK(words_time(&c, "t", "2014-03-10", NULL, &utc, &err), &err);
    CHECK_OK(words_time(&c, "t", "2014-03-10", "Australia/Sydney", &sydney, &err), &err);
    CHECK_OK(words_time(&c, "t", "2014-03-10", "ASX", &asx, &err), &err);
    assert_true(utc - sydney == 11 * 3600 * K2_NS_PER_SEC);
    assert_true(asx == sydney);
    CHECK_OK(words_time(&c, "t", "-10s", NULL, &utc, &err), &err);
    assert_true(utc == 990 * K2_NS_PER_SEC);
    CHECK_STATUS(words_time(&c, "t", "soon", NULL, &utc, &err), K2_E_USAGE);
    CHECK_STATUS(words_time(&c, "t", "now", "Mars/Olympus", &utc, &err), K2_E_USAGE);
}

static bool matches(const char *list, const char *exchange, const char *symbol) {
    struct symbols *s = NULL;
    struct k2_err err = {0};
    CHECK_OK(symbols_parse(list, &s, &err), &err);
    bool yes = symbols_match(s, k2_sv_of(exchange), k2_sv_of(symbol));
    symbols_free(s);
    return yes;
}

static void symbols_are_names_globs_and_exchanges(void **state) {
    (void)state;
    assert_true(matches("BHP,CBA", "ASX", "CBA"));
    assert_false(matches("BHP,CBA", "ASX", "CB"));
    assert_true(matches("B*", "", "BHP"));
    assert_true(matches("[A-C]HP", "", "BHP"));
    assert_true(matches("ASX.BHP", "ASX", "BHP"));
    assert_false(matches("ASX.BHP", "SIM", "BHP"));
    assert_true(matches("ASX.BHP", "", "BHP")); /* the format says the exchange later */
    assert_true(matches("BRK.B", "NYSE", "BRK.B"));
    assert_false(matches("BRK.B", "NYSE", "B"));
    assert_true(matches("ASX.BRK.B", "ASX", "BRK.B"));
    assert_true(matches("MYVENUE.X*", "MYVENUE", "X1")); /* an exchange that is not built in */
    assert_true(matches("MYVENUE.X1", "ASX", "MYVENUE.X1"));
    assert_false(matches("MYVENUE.X1", "ASX", "X1"));
}

static void symbols_come_from_a_file_too(void **state) {
    (void)state;
    char *dir = k2test_dir();
    char path[4200], list[4300];
    snprintf(path, sizeof path, "%s/list", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("# mine\nBHP\r\n\n  ASX.CBA  \nQ*", f);
    fclose(f);
    snprintf(list, sizeof list, "ANZ,@%s", path);
    assert_true(matches(list, "ASX", "BHP"));
    assert_true(matches(list, "ASX", "CBA"));
    assert_true(matches(list, "ASX", "QAN"));
    assert_true(matches(list, "ASX", "ANZ"));
    assert_false(matches(list, "ASX", "# mine"));
    struct symbols *s;
    CHECK_STATUS(symbols_parse("@/nowhere/to/be/found", &s, NULL), K2_E_NOTFOUND);
    CHECK_STATUS(symbols_parse("", &s, NULL), K2_E_USAGE);
    CHECK_STATUS(symbols_parse(",,", &s, NULL), K2_E_USAGE);
    k2test_rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_take_k_m_and_g),
        cmocka_unit_test(real_numbers_are_digits_and_one_point_only),
        cmocka_unit_test(probabilities_are_between_0_and_1_or_percent),
        cmocka_unit_test(sizes_count_by_1024),
        cmocka_unit_test(times_are_read_in_the_zone_of_a_name_or_an_exchange),
        cmocka_unit_test(symbols_are_names_globs_and_exchanges),
        cmocka_unit_test(symbols_come_from_a_file_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
