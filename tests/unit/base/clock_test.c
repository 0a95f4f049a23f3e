/* Dates and times: the calendar against libc, and every word form of TIME. */
#include "base/clock.h"
#include "k2test.h"

#include <time.h>

static struct k2_err err;

/* 2026-03-02T10:00:00.123456789Z, a Monday. */
#define NOW INT64_C(1772445600123456789)

static int64_t parsed(const char *text, const struct k2_zone *zone) {
    int64_t ns = 0;
    int rc = k2_time_parse(k2_sv_of(text), NOW, zone, &ns, &err);
    if (rc != K2_OK)
        fail_msg("%s: %s", text, err.msg);
    return ns;
}

static void assert_parses_to(const char *text, const struct k2_zone *zone, const char *utc) {
    char out[K2_TIME_TEXT];
    assert_int_equal(k2_time_format(parsed(text, zone), out), 30);
    assert_string_equal(out, utc);
}

static void libc_agrees_on_every_date_of_ten_thousand_years(void **state) {
    (void)state;
    for (int32_t days = k2_days_from_civil(0, 1, 1); days <= k2_days_from_civil(9999, 12, 31);
         days++) {
        int year, month, day;
        time_t seconds = (time_t)days * 86400;
        struct tm tm;
        gmtime_r(&seconds, &tm);
        k2_civil_from_days(days, &year, &month, &day);
        assert_int_equal(year, tm.tm_year + 1900);
        assert_int_equal(month, tm.tm_mon + 1);
        assert_int_equal(day, tm.tm_mday);
        assert_int_equal(k2_days_from_civil(year, month, day), days);
    }
}

static void dates_at_the_ends_of_int32_fit_their_text(void **state) {
    (void)state;
    char out[K2_DATE_TEXT];
    assert_int_equal(k2_date_format(INT32_MIN, out), 14);
    assert_string_equal(out, "-5877641-06-23");
    assert_int_equal(k2_date_format(INT32_MAX, out), 13);
    assert_string_equal(out, "5881580-07-11");
    k2_date_format(0, out);
    assert_string_equal(out, "1970-01-01");
}

static void dates_and_microseconds_are_floors_before_1970_too(void **state) {
    (void)state;
    assert_int_equal(k2_date_of(-1), -1);
    assert_int_equal(k2_date_of(0), 0);
    assert_int_equal(k2_date_of(-K2_NS_PER_DAY), -1);
    assert_int_equal(k2_date_of(-K2_NS_PER_DAY - 1), -2);
    assert_int_equal(k2_floor_us(-1), -1);
    assert_int_equal(k2_floor_us(-1000), -1);
    assert_int_equal(k2_floor_us(-1001), -2);
    assert_int_equal(k2_floor_us(1999), 1);
}

static void the_clocks_go_forward(void **state) {
    (void)state;
    int64_t a = k2_monotonic_ns(), b = k2_monotonic_ns();
    assert_true(b >= a);
    assert_in_range(k2_now_ns() / K2_NS_PER_SEC, time(NULL) - 1, time(NULL) + 1);
}

static void what_is_formatted_parses_to_the_same_instant(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    int64_t first = parsed("1678-01-01", NULL), last = parsed("2261-12-31", NULL);
    for (int round = 0; round < 200000; round++) {
        uint64_t span = (uint64_t)last - (uint64_t)first;
        int64_t ns = (int64_t)((uint64_t)first + k2test_random(&seed) % span);
        char out[K2_TIME_TEXT];
        k2_time_format(ns, out);
        assert_int_equal(parsed(out, NULL), ns);
    }
    char out[K2_TIME_TEXT];
    k2_time_format(INT64_MIN, out);
    assert_string_equal(out, "1677-09-21T00:12:43.145224192Z");
    k2_time_format(INT64_MAX, out);
    assert_string_equal(out, "2262-04-11T23:47:16.854775807Z");
}

static void every_word_form_is_understood(void **state) {
    (void)state;
    assert_int_equal(parsed("now", NULL), NOW);
    assert_parses_to("today", NULL, "2026-03-02T00:00:00.000000000Z");
    assert_parses_to("yesterday", NULL, "2026-03-01T00:00:00.000000000Z");
    assert_parses_to("2026-03-02", NULL, "2026-03-02T00:00:00.000000000Z");
    assert_parses_to("2026-03-02T10:00", NULL, "2026-03-02T10:00:00.000000000Z");
    assert_parses_to("2026-03-02 10:00:01", NULL, "2026-03-02T10:00:01.000000000Z");
    assert_parses_to("2026-03-02T10:00:00.5Z", NULL, "2026-03-02T10:00:00.500000000Z");
    assert_parses_to("2026-03-02t10:00:00.123456789z", NULL, "2026-03-02T10:00:00.123456789Z");
    assert_parses_to("2026-03-02T10:00:00+11:00", NULL, "2026-03-01T23:00:00.000000000Z");
    assert_parses_to("2026-03-02T10:00:00.25-05:30", NULL, "2026-03-02T15:30:00.250000000Z");
    assert_parses_to("2024-02-29T23:59:59.999999999Z", NULL, "2024-02-29T23:59:59.999999999Z");
}

static void a_span_counts_from_now(void **state) {
    (void)state;
    assert_int_equal(parsed("-1h", NULL), NOW - 3600 * K2_NS_PER_SEC);
    assert_int_equal(parsed("-15m", NULL), NOW - 900 * K2_NS_PER_SEC);
    assert_int_equal(parsed("-30s", NULL), NOW - 30 * K2_NS_PER_SEC);
    assert_int_equal(parsed("-2d", NULL), NOW - 2 * K2_NS_PER_DAY);
    assert_int_equal(parsed("-1w", NULL), NOW - 7 * K2_NS_PER_DAY);
    assert_int_equal(parsed("-250ms", NULL), NOW - 250 * K2_NS_PER_MS);
    assert_int_equal(parsed("-7us", NULL), NOW - 7000);
    assert_int_equal(parsed("+7ns", NULL), NOW + 7);
    int64_t ns;
    CHECK_OK(k2_span_parse(K2_SV("90d"), &ns, &err), &err);
    assert_int_equal(ns, 90 * K2_NS_PER_DAY);
    CHECK_STATUS(k2_span_parse(K2_SV("-1s"), &ns, &err), K2_E_INVALID);
    CHECK_STATUS(k2_span_parse(K2_SV("20000w"), &ns, &err), K2_E_RANGE);
}

static void a_zone_applies_to_what_names_none(void **state) {
    (void)state;
    struct k2_zone *sydney;
    CHECK_OK(k2_zone_load("Australia/Sydney", &sydney, &err), &err);
    assert_parses_to("2026-03-02T10:00:00", sydney, "2026-03-01T23:00:00.000000000Z");
    assert_parses_to("2026-03-02", sydney, "2026-03-01T13:00:00.000000000Z");
    assert_parses_to("2026-07-02", sydney, "2026-07-01T14:00:00.000000000Z");
    assert_parses_to("2026-03-02T10:00:00Z", sydney, "2026-03-02T10:00:00.000000000Z");
    assert_parses_to("today", sydney, "2026-03-01T13:00:00.000000000Z");
    assert_parses_to("yesterday", sydney, "2026-02-28T13:00:00.000000000Z");
    /* 04:30 local time of the day after the clocks went forward: the day had 23 hours. */
    int64_t ns, after_change = parsed("2026-10-04T17:30:00Z", NULL);
    CHECK_OK(k2_time_parse(K2_SV("yesterday"), after_change, sydney, &ns, &err), &err);
    assert_int_equal(ns, parsed("2026-10-03T14:00:00Z", NULL));
    CHECK_OK(k2_time_parse(K2_SV("today"), after_change, sydney, &ns, &err), &err);
    assert_int_equal(ns, parsed("2026-10-04T13:00:00Z", NULL));
    k2_zone_free(sydney);
}

static void what_is_no_time_is_refused_with_examples(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "tomorrow",
        "2026-02-30",
        "2025-02-29",
        "1900-02-29",
        "2026-13-01",
        "2026-00-01",
        "2026-01-00",
        "2026-3-2",
        "2026-03-02T",
        "2026-03-02T10",
        "2026-03-02T24:00:00",
        "-",
        "2026-03-02T10:60",
        "2026-03-02T10:00:60",
        "2026-03-02T10:00:00.",
        "-1",
        "-1y",
        "1h",
        "--1h",
        "+ 1h",
        "2026-03-02T10:00X",
        "2026-03-02T10:0012",
        "2026-03-02T10:00:00+11",
        "-h",
        "2026-03-02Z",
        "2026-03-02T10:00Zx",
        "2026-03-02T10:00:00+1100",
        "NOW",
        "2026/03/02",
        "20260302",
        "2026-03-02T10:00:00+24:00",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t ns = 77;
        if (k2_time_parse(k2_sv_of(bad[i]), NOW, NULL, &ns, &err) != K2_E_INVALID)
            fail_msg("\"%s\" was not refused", bad[i]);
        assert_int_equal(ns, 77);
        assert_non_null(strstr(err.msg, "2026-03-02T10:00:00.5Z"));
    }
}

static void what_int64_nanoseconds_lack_is_out_of_range(void **state) {
    (void)state;
    static const char *const bad[] = {"2026-03-02T10:00:00.1234567890Z",
                                      "1677-12-31",
                                      "2262-01-01",
                                      "0000-01-01T00:00:00Z",
                                      "-300000w",
                                      "+14000w"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t ns = 77;
        if (k2_time_parse(k2_sv_of(bad[i]), NOW, NULL, &ns, &err) != K2_E_RANGE)
            fail_msg("\"%s\" was not out of range", bad[i]);
        assert_int_equal(ns, 77);
    }
}

static void a_date_is_exactly_ten_characters_of_the_calendar(void **state) {
    (void)state;
    int32_t days;
    CHECK_OK(k2_date_parse(K2_SV("2026-03-02"), &days, &err), &err);
    assert_int_equal(days, NOW / K2_NS_PER_DAY);
    CHECK_OK(k2_date_parse(K2_SV("0000-02-29"), &days, &err), &err);
    static const char *const bad[] = {"2026-02-30", "2026-03-02 ", "2026-03-02T10:00:00Z", "today",
                                      ""};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_STATUS(k2_date_parse(k2_sv_of(bad[i]), &days, &err), K2_E_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libc_agrees_on_every_date_of_ten_thousand_years),
        cmocka_unit_test(dates_at_the_ends_of_int32_fit_their_text),
        cmocka_unit_test(dates_and_microseconds_are_floors_before_1970_too),
        cmocka_unit_test(the_clocks_go_forward),
        cmocka_unit_test(what_is_formatted_parses_to_the_same_instant),
        cmocka_unit_test(every_word_form_is_understood),
        cmocka_unit_test(a_span_counts_from_now),
        cmocka_unit_test(a_zone_applies_to_what_names_none),
        cmocka_unit_test(what_is_no_time_is_refused_with_examples),
        cmocka_unit_test(what_int64_nanoseconds_lack_is_out_of_range),
        cmocka_unit_test(a_date_is_exactly_ten_characters_of_the_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
