/* Time zones against libc on random instants, and files made by hand for what tzdata lacks. */
#include "base/clock.h"
#include "base/fs.h"
#include "k2test.h"

#include <time.h>

static struct k2_err err;

static struct k2_zone *loaded(const char *name) {
    struct k2_zone *zone;
    CHECK_OK(k2_zone_load(name, &zone, &err), &err);
    return zone;
}

static int64_t random_second(uint64_t *seed) { /* of 1971 to 2100 */
    return 31536000 + (int64_t)(k2test_random(seed) % (INT64_C(129) * 31556952));
}

/* Seconds that differ in nothing a wall clock shows. */
static int64_t wall_of(const struct tm *tm) {
    return k2_days_from_civil(tm->tm_year + 1900, tm->tm_mon + 1, tm->tm_mday) * INT64_C(86400) +
           tm->tm_hour * 3600 + tm->tm_min * 60 + tm->tm_sec;
}

/* The first instant that shows this wall clock, by trying every offset of the days around. */
static int64_t first_utc_of(const struct k2_zone *zone, int64_t wall) {
    int64_t first = INT64_MAX;
    for (int64_t near = wall - 2 * 86400; near <= wall + 2 * 86400; near += 6 * 3600) {
        int64_t utc = wall - k2_zone_offset(zone, near * K2_NS_PER_SEC);
        bool shows = utc + k2_zone_offset(zone, utc * K2_NS_PER_SEC) == wall;
        if (shows && utc < first)
            first = utc;
    }
    return first;
}

static void compare_with_libc(const char *name) {
    uint64_t seed = k2test_seed();
    struct k2_zone *zone = loaded(name);
    setenv("TZ", name, 1);
    tzset();
    for (int round = 0; round < 100000; round++) {
        time_t utc = random_second(&seed);
        struct tm tm;
        localtime_r(&utc, &tm);
        int64_t ns = utc * K2_NS_PER_SEC + (int64_t)(k2test_random(&seed) % K2_NS_PER_SEC);
        int64_t offset = k2_zone_offset(zone, ns), local = ns + offset * K2_NS_PER_SEC;
        if (offset != tm.tm_gmtoff || wall_of(&tm) != utc + offset)
            fail_msg("K2_SEED=%llu %s at %lld: %lld, libc says %ld",
                     (unsigned long long)k2test_seed(), name, (long long)utc, (long long)offset,
                     tm.tm_gmtoff);
        int64_t first = first_utc_of(zone, utc + offset) * K2_NS_PER_SEC + ns % K2_NS_PER_SEC;
        if (k2_zone_to_utc(zone, local) != first || first > ns ||
            ns - first > 2 * 3600 * K2_NS_PER_SEC)
            fail_msg("K2_SEED=%llu %s: the way back of %lld gives %lld",
                     (unsigned long long)k2test_seed(), name, (long long)ns,
                     (long long)k2_zone_to_utc(zone, local));
    }
    k2_zone_free(zone);
}

static void libc_agrees_on_random_instants_and_the_way_back(void **state) {
    (void)state;
    compare_with_libc("Australia/Sydney");
    compare_with_libc("America/New_York");
    compare_with_libc("UTC");
    compare_with_libc("Asia/Kolkata");
    compare_with_libc("Europe/Dublin");       /* its winter is the daylight saving time */
    compare_with_libc("Australia/Lord_Howe"); /* half an hour */
    compare_with_libc("America/Nuuk");        /* changes at negative hours */
    compare_with_libc("Pacific/Apia");        /* lost a whole day in 2011 */
}

static void instants_beside_each_change_are_on_the_right_side(void **state) {
    (void)state;
    static const char *const names[] = {"Australia/Sydney", "America/New_York",
                                        "Africa/Casablanca"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct k2_zone *zone = loaded(names[i]);
        setenv("TZ", names[i], 1);
        tzset();
        for (time_t hour = 0; hour < INT64_C(130) * 8766; hour++) {
            time_t utc = hour * 3600 - (hour & 1);
            struct tm tm;
            localtime_r(&utc, &tm);
            assert_int_equal(k2_zone_offset(zone, utc * K2_NS_PER_SEC), tm.tm_gmtoff);
        }
        k2_zone_free(zone);
    }
}

static int64_t at(const char *utc) {
    int64_t ns;
    CHECK_OK(k2_time_parse(k2_sv_of(utc), 0, NULL, &ns, &err), &err);
    return ns;
}

static void the_hour_that_occurs_twice_means_the_first(void **state) {
    (void)state;
    struct k2_zone *zone = loaded("Australia/Sydney");
    assert_int_equal(k2_zone_to_utc(zone, at("2026-04-05T02:30:00")), at("2026-04-04T15:30:00"));
    assert_int_equal(k2_zone_to_utc(zone, at("2026-04-05T03:00:00")), at("2026-04-04T17:00:00"));
    assert_int_equal(k2_zone_to_utc(zone, at("2126-04-07T02:30:00")), at("2126-04-06T15:30:00"));
    k2_zone_free(zone);
}

static void the_hour_that_does_not_exist_takes_the_offset_before(void **state) {
    (void)state;
    struct k2_zone *zone = loaded("Australia/Sydney");
    assert_int_equal(k2_zone_to_utc(zone, at("2026-10-04T02:30:00")), at("2026-10-03T16:30:00"));
    assert_int_equal(k2_zone_to_utc(zone, at("2026-10-04T01:59:59")), at("2026-10-03T15:59:59"));
    assert_int_equal(k2_zone_to_utc(zone, at("2026-10-04T03:00:00")), at("2026-10-03T16:00:00"));
    assert_int_equal(k2_zone_to_utc(zone, at("2126-10-06T02:30:00")), at("2126-10-05T16:30:00"));
    k2_zone_free(zone);
}

static void no_zone_is_utc_and_utc_needs_no_file(void **state) {
    (void)state;
    setenv("TZDIR", "/nonexistent", 1);
    struct k2_zone *utc = loaded("UTC");
    unsetenv("TZDIR");
    assert_string_equal(k2_zone_name(utc), "UTC");
    assert_string_equal(k2_zone_name(NULL), "UTC");
    assert_int_equal(k2_zone_offset(NULL, 5), 0);
    assert_int_equal(k2_zone_to_utc(NULL, 5), 5);
    assert_int_equal(k2_zone_to_utc(utc, INT64_MIN), INT64_MIN);
    k2_zone_free(utc);
}

static void the_ends_of_the_range_do_not_overflow(void **state) {
    (void)state;
    struct k2_zone *east = loaded("Australia/Sydney"), *west = loaded("America/New_York");
    assert_int_equal(k2_zone_to_utc(east, INT64_MIN), INT64_MIN);
    assert_int_equal(k2_zone_to_utc(west, INT64_MAX), INT64_MAX);
    assert_int_equal(k2_zone_offset(east, INT64_MAX), 10 * 3600);
    assert_int_equal(k2_zone_offset(west, INT64_MIN), -17762); /* local mean time */
    k2_zone_free(east);
    k2_zone_free(west);
}

static void a_name_that_leaves_the_directory_is_refused(void **state) {
    (void)state;
    struct k2_zone *zone;
    static const char *const bad[] = {"", "/etc/localtime", "../zoneinfo/UTC", "Australia/../UTC"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_STATUS(k2_zone_load(bad[i], &zone, &err), K2_E_INVALID);
    CHECK_STATUS(k2_zone_load("Australia/Atlantis", &zone, &err), K2_E_NOTFOUND);
    assert_non_null(strstr(err.msg, "Australia/Atlantis"));
    assert_non_null(strstr(err.msg, "tzdata"));
}

/* A version 2 file: one transition at 0 from offset 3600 to 7200, and the footer. */
static void make_file(const char *dir, const char *name, const char *footer, char version) {
    struct k2_buf b = {0}, head = {0};
    char *path = k2_path(dir, name);
    k2_buf_str(&head, "TZif");
    k2_buf_byte(&head, (uint8_t)version);
    k2_buf_put(&head, (uint8_t[15]){0}, 15);
    k2_buf_put(&b, head.p, head.n);
    k2_buf_put(&b, (uint8_t[24]){0}, 24);
    k2_buf_put(&b, head.p, head.n);
    k2_buf_put(&b, (uint8_t[24]){[15] = 1, [19] = 2, [23] = 4}, 24);
    k2_buf_put(&b, (uint8_t[8]){0}, 8); /* at 0 */
    k2_buf_byte(&b, 1);                 /* type 1 begins */
    k2_buf_put(&b, (uint8_t[12]){0, 0, 0x0e, 0x10, 0, 0, 0, 0, 0x1c, 0x20}, 12);
    k2_buf_str(&b, "ABC");
    k2_buf_byte(&b, 0);
    k2_buf_printf(&b, "\n%s\n", footer);
    CHECK_OK(k2_fs_replace(path, k2_buf_view(&b), &err), &err);
    k2_buf_free(&b);
    k2_buf_free(&head);
    free(path);
}

static void each_form_of_the_footer_rule_is_followed(void **state) {
    (void)state;
    static const struct {
        const char *footer, *utc;
        int32_t offset;
    } cases[] = {
        {"", "2030-07-01", 7200},
        {"XYZ-3", "2030-07-01", 10800},
        {"<+0330>-3:30", "2030-07-01", 12600},
        {"<-03>3", "2030-07-01", -10800},
        {"EST5EDT,M3.2.0,M11.1.0", "2030-07-01", -14400},
        {"EST5EDT,M3.2.0,M11.1.0", "2030-03-10T06:59:59", -18000},
        {"EST5EDT,M3.2.0,M11.1.0", "2030-03-10T07:00:00", -14400},
        {"EST5EDT,0/0,J365/25", "2030-01-01T04:59:59", -14400}, /* daylight saving all year */
        {"EST5EDT,0/0,J365/25", "2030-01-01T05:00:00", -14400},
        {"AAA0BBB,J60/0,J61/0", "2028-02-29T12:00:00", 0}, /* J60 is 1 March, also in a leap year */
        {"AAA0BBB,J60/0,J61/0", "2028-03-01T12:00:00", 3600},
        {"AAA0BBB,J60/0,J61/0", "2027-03-01T12:00:00", 3600},
        {"AAA0BBB,59/0,60/0", "2028-02-29T12:00:00", 3600}, /* counted from 0, with leap day */
        {"AAA0BBB,59/0,60/0", "2027-03-01T12:00:00", 3600},
        {"AAA0BBB,59/0,60/0", "2028-03-01T12:00:00", 0},
        {"AAA0BBB-2,M1.5.6/-1,M2.1.0/167", "2030-02-08T12:00:00", 7200},
    };
    char *dir = k2test_dir();
    setenv("TZDIR", dir, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_file(dir, "Made", cases[i].footer, '3');
        struct k2_zone *zone = loaded("Made");
        if (k2_zone_offset(zone, at(cases[i].utc)) != cases[i].offset)
            fail_msg("%s at %s: %d", cases[i].footer, cases[i].utc,
                     k2_zone_offset(zone, at(cases[i].utc)));
        assert_int_equal(k2_zone_offset(zone, -1), 3600);
        k2_zone_free(zone);
    }
    unsetenv("TZDIR");
    k2test_rmdir(dir);
}

static void a_file_that_is_cut_or_no_zone_file_is_corrupt(void **state) {
    (void)state;
    static const char *const bad[] = {"X-3",
                                      "XYZ",
                                      "XYZ-3DST",
                                      "<+03-3",
                                      "XYZ-3:60",
                                      "A0BBB,1,2",
                                      "AAA0BBB,M13.1.0,M1.1.0",
                                      "AAA0BBB,J0,1",
                                      "AAA0BBB,1,2x",
                                      "AAA0BBB,M1.1.7,1"};
    struct k2_zone *zone;
    char *dir = k2test_dir(), *path = k2_path(dir, "Made");
    setenv("TZDIR", dir, 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        make_file(dir, "Made", bad[i], '2');
        if (k2_zone_load("Made", &zone, &err) != K2_E_CORRUPT)
            fail_msg("the footer %s was accepted", bad[i]);
    }
    make_file(dir, "Made", "XYZ-3", '\0');
    CHECK_STATUS(k2_zone_load("Made", &zone, &err), K2_E_CORRUPT);
    make_file(dir, "Made", "XYZ-3", '2');
    struct k2_buf whole = {0};
    CHECK_OK(k2_fs_read(path, &whole, &err), &err);
    for (size_t n = 0; n < whole.n; n++) {
        CHECK_OK(k2_fs_replace(path, (struct k2_sv){(char *)whole.p, n}, &err), &err);
        CHECK_STATUS(k2_zone_load("Made", &zone, &err), K2_E_CORRUPT);
    }
    unsetenv("TZDIR");
    k2_buf_free(&whole);
    free(path);
    k2test_rmdir(dir);
}

static void a_damaged_file_never_reads_out_of_bounds(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct k2_buf whole = {0};
    char *dir = k2test_dir(), *path = k2_path(dir, "Made");
    make_file(dir, "Made", "EST5EDT,M3.2.0,M11.1.0", '2');
    CHECK_OK(k2_fs_read(path, &whole, &err), &err);
    setenv("TZDIR", dir, 1);
    for (int round = 0; round < 2000; round++) {
        size_t i = k2test_random(&seed) % whole.n;
        uint8_t kept = whole.p[i];
        whole.p[i] = (uint8_t)k2test_random(&seed);
        CHECK_OK(k2_fs_replace(path, k2_buf_view(&whole), &err), &err);
        struct k2_zone *zone;
        if (k2_zone_load("Made", &zone, &err) == K2_OK) {
            for (int64_t t = -8; t <= 8; t++)
                assert_in_range(k2_zone_offset(zone, t * INT64_C(1000000000000000000)) + 26 * 3600,
                                0, 52 * 3600);
            (void)k2_zone_to_utc(zone, 0);
            k2_zone_free(zone);
        }
        whole.p[i] = kept;
    }
    unsetenv("TZDIR");
    k2_buf_free(&whole);
    free(path);
    k2test_rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libc_agrees_on_random_instants_and_the_way_back),
        cmocka_unit_test(instants_beside_each_change_are_on_the_right_side),
        cmocka_unit_test(the_hour_that_occurs_twice_means_the_first),
        cmocka_unit_test(the_hour_that_does_not_exist_takes_the_offset_before),
        cmocka_unit_test(no_zone_is_utc_and_utc_needs_no_file),
        cmocka_unit_test(the_ends_of_the_range_do_not_overflow),
        cmocka_unit_test(a_name_that_leaves_the_directory_is_refused),
        cmocka_unit_test(each_form_of_the_footer_rule_is_followed),
        cmocka_unit_test(a_file_that_is_cut_or_no_zone_file_is_corrupt),
        cmocka_unit_test(a_damaged_file_never_reads_out_of_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
