/* Calendars: the exchanges of the table, session dates at their edges, the unknown ones. */
#include "feed/feed.h"
#include "k2test.h"

static const struct feed_calendar *find(struct k2_sv exchange, const char *name) {
    struct k2_err err = {0};
    const struct feed_calendar *c;
    CHECK_OK(feed_calendar_find(exchange, name, &c, &err), &err);
    return c;
}

static int64_t utc(int y, int m, int d, int64_t seconds) {
    return k2_days_from_civil(y, m, d) * K2_NS_PER_DAY + seconds * K2_NS_PER_SEC;
}

static void every_listed_exchange_has_a_calendar_with_a_version(void **state) {
    (void)state;
    int n = 0;
    for (const char *const *code = feed_exchanges(); *code; code++, n++) {
        const struct feed_calendar *c = find(k2_sv_of(*code), NULL);
        assert_ptr_equal(c, find(k2_sv_of(*code), NULL));
        assert_true(strlen(feed_calendar_version(c)) > 0);
        for (const char *p = *code; *p; p++)
            assert_true((*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("_-", *p));
    }
    assert_int_equal(n, 5);
}

static void an_unknown_exchange_is_refused_unless_utc_is_asked_for(void **state) {
    (void)state;
    struct k2_err err = {0};
    const struct feed_calendar *c;
    CHECK_STATUS(feed_calendar_find(K2_SV("MOON"), NULL, &c, &err), K2_E_NOTFOUND);
    assert_non_null(strstr(err.msg, "MOON"));
    CHECK_STATUS(feed_calendar_find(K2_SV("asx"), NULL, &c, &err), K2_E_NOTFOUND);
    CHECK_STATUS(feed_calendar_find(K2_SV("ASX"), "Mars", &c, &err), K2_E_NOTFOUND);
    c = find(K2_SV("MOON"), "utc");
    assert_int_equal(feed_session_date(c, -1), -1);
    assert_int_equal(feed_session_date(c, 0), 0);
    assert_ptr_equal(find(K2_SV("MOON"), "ASX"), find(K2_SV("ASX"), NULL));
}

static void a_sydney_session_date_is_the_local_date_on_both_sides_of_daylight_saving(void **state) {
    (void)state;
    const struct feed_calendar *c = find(K2_SV("ASX"), NULL);
    assert_string_equal(k2_zone_name(feed_calendar_zone(c)), "Australia/Sydney");
    /* summer, +11: midnight is 13:00 UTC of the day before */
    assert_int_equal(feed_session_date(c, utc(2014, 3, 9, 13 * 3600 - 1)),
                     k2_days_from_civil(2014, 3, 9));
    assert_int_equal(feed_session_date(c, utc(2014, 3, 9, 13 * 3600)),
                     k2_days_from_civil(2014, 3, 10));
    /* winter, +10 */
    assert_int_equal(feed_session_date(c, utc(2014, 7, 9, 14 * 3600 - 1)),
                     k2_days_from_civil(2014, 7, 9));
    assert_int_equal(feed_session_date(c, utc(2014, 7, 9, 14 * 3600)),
                     k2_days_from_civil(2014, 7, 10));
    /* the days of the change: 2014-04-06 has 25 hours, 2014-10-05 has 23 */
    int32_t autumn = k2_days_from_civil(2014, 4, 6), spring = k2_days_from_civil(2014, 10, 5);
    assert_int_equal(feed_session_date(c, utc(2014, 4, 5, 13 * 3600)), autumn);
    assert_int_equal(feed_session_date(c, utc(2014, 4, 6, 14 * 3600 - 1)), autumn);
    assert_int_equal(feed_session_date(c, utc(2014, 4, 6, 14 * 3600)), autumn + 1);
    assert_int_equal(feed_session_date(c, utc(2014, 10, 4, 14 * 3600)), spring);
    assert_int_equal(feed_session_date(c, utc(2014, 10, 5, 13 * 3600)), spring + 1);
}

static void the_ends_of_time_have_a_date(void **state) {
    (void)state;
    for (const char *const *code = feed_exchanges(); *code; code++) {
        const struct feed_calendar *c = find(k2_sv_of(*code), NULL);
        assert_in_range(feed_session_date(c, INT64_MAX), 106751, 106752);
        assert_in_range(-feed_session_date(c, INT64_MIN), 106751, 106752);
    }
}

static void weekends_have_no_session_but_where_every_day_has_one(void **state) {
    (void)state;
    const struct feed_calendar *asx = find(K2_SV("ASX"), NULL);
    const struct feed_calendar *binance = find(K2_SV("BINANCE"), NULL);
    int32_t monday = k2_days_from_civil(2014, 3, 10), old = k2_days_from_civil(1969, 12, 29);
    for (int day = 0; day < 7; day++) {
        assert_int_equal(feed_calendar_session(asx, monday + day), day < 5);
        assert_int_equal(feed_calendar_session(asx, old + day), day < 5); /* a Monday too */
        assert_true(feed_calendar_session(binance, monday + day));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_listed_exchange_has_a_calendar_with_a_version),
        cmocka_unit_test(an_unknown_exchange_is_refused_unless_utc_is_asked_for),
        cmocka_unit_test(a_sydney_session_date_is_the_local_date_on_both_sides_of_daylight_saving),
        cmocka_unit_test(the_ends_of_time_have_a_date),
        cmocka_unit_test(weekends_have_no_session_but_where_every_day_has_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
