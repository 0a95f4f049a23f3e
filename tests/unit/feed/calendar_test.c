/* Calendars: the exchanges of the table, session dates at their edges, the unknown ones. */
#include "base/json.h"
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
    assert_true(n >= 10);
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
        assert_in_range(feed_session_date(c, INT64_MAX), 106750, 106753);
        assert_in_range(-feed_session_date(c, INT64_MIN), 106750, 106753);
    }
}

static void weekends_have_no_session_but_where_every_day_has_one(void **state) {
    (void)state;
    const struct feed_calendar *asx = find(K2_SV("ASX"), NULL);
    const struct feed_calendar *binance = find(K2_SV("BINANCE"), NULL);
    int32_t monday = k2_days_from_civil(2014, 3, 10), old = k2_days_from_civil(1969, 12, 8);
    for (int day = 0; day < 7; day++) {
        assert_int_equal(feed_calendar_session(asx, monday + day), day < 5);
        assert_int_equal(feed_calendar_session(asx, old + day), day < 5); /* a Monday too */
        assert_true(feed_calendar_session(binance, monday + day));
    }
}

static int64_t instant(const char *text) {
    int64_t ns;
    struct k2_err err = {0};
    CHECK_OK(k2_time_parse(k2_sv_of(text), 0, NULL, &ns, &err), &err);
    return ns;
}

/* Every date from the first to the last of the file: a session exactly where the file has one, at its times. */
static void sessions_are_those_of(const char *exchange, const char *path) {
    const char *root = getenv("K2_SHARED_DATA");
    char line[256], name[1024];
    snprintf(name, sizeof name, "%s/ref-calendars/%s", root ? root : "", path);
    FILE *f = root ? fopen(name, "r") : NULL;
    if (!f) {
        printf("SKIP: %s is not there\n", name);
        skip();
    }
    const struct feed_calendar *c = find(k2_sv_of(exchange), NULL);
    int32_t last = 0;
    int rows = 0;
    assert_non_null(fgets(line, sizeof line, f));
    while (fgets(line, sizeof line, f)) {
        struct k2_sv rest = k2_sv_trim(k2_sv_of(line)), column[5];
        for (int i = 0; i < 5; i++)
            column[i] = k2_sv_split(&rest, ',');
        char text[5][40];
        for (int i = 0; i < 5; i++)
            snprintf(text[i], sizeof text[i], "%.*s", K2_SV_ARG(column[i]));
        int32_t date = (int32_t)(instant(text[0]) / K2_NS_PER_DAY);
        struct feed_hours h;
        for (int32_t d = last ? last + 1 : date; d < date; d++)
            if (feed_calendar_session(c, d))
                fail_msg("%s: a session %d days before %s", exchange, date - d, text[0]);
        if (!feed_calendar_hours(c, date, &h))
            fail_msg("%s: no session on %s", exchange, text[0]);
        if (h.open_ns != instant(text[1]) || h.close_ns != instant(text[2]))
            fail_msg("%s: other hours on %s", exchange, text[0]);
        if (column[3].n)
            assert_true(h.break_start_ns == instant(text[3]) && h.break_end_ns == instant(text[4]));
        else
            assert_int_equal(h.break_start_ns, h.break_end_ns);
        last = date;
        rows++;
    }
    fclose(f);
    assert_true(rows > 3000);
}

static void sydneys_sessions_are_those_of_the_published_calendar(void **state) {
    (void)state;
    sessions_are_those_of("ASX", "sessions_XASX_2012_2026.csv");
}

static void new_yorks_sessions_are_those_of_the_published_calendar(void **state) {
    (void)state;
    sessions_are_those_of("NYSE", "sessions_XNYS_2012_2026.csv");
}

static void tokyos_sessions_are_those_of_the_published_calendar(void **state) {
    (void)state;
    sessions_are_those_of("JPX", "sessions_XTKS_2012_2026.csv");
}

/* London, by the exchange's published list of 2024 and 2025; early closes at 12:30. */
static void london_has_its_holidays_and_early_closes(void **state) {
    (void)state;
    static const int holidays[][3] = {{2024, 1, 1},  {2024, 3, 29}, {2024, 4, 1},   {2024, 5, 6},
                                      {2024, 5, 27}, {2024, 8, 26}, {2024, 12, 25}, {2024, 12, 26},
                                      {2025, 4, 18}, {2025, 4, 21}, {2025, 5, 5},   {2025, 5, 26},
                                      {2025, 8, 25}};
    const struct feed_calendar *c = find(K2_SV("LSE"), NULL);
    for (size_t i = 0; i < sizeof holidays / sizeof *holidays; i++)
        assert_false(feed_calendar_session(
            c, k2_days_from_civil(holidays[i][0], holidays[i][1], holidays[i][2])));
    struct feed_hours h;
    assert_true(feed_calendar_hours(c, k2_days_from_civil(2024, 12, 24), &h));
    assert_int_equal(h.close_ns, utc(2024, 12, 24, 12 * 3600 + 1800));
    assert_true(feed_calendar_hours(c, k2_days_from_civil(2024, 7, 1), &h)); /* summer time */
    assert_int_equal(h.open_ns, utc(2024, 7, 1, 7 * 3600));
    assert_int_equal(h.close_ns, utc(2024, 7, 1, 15 * 3600 + 1800));
}

/* The evening before belongs to the session, over weekends and the changes of the clock too. */
static void chicagos_sessions_begin_the_evening_before(void **state) {
    (void)state;
    const struct feed_calendar *c = find(K2_SV("CME"), NULL);
    struct feed_hours h;
    int32_t monday = k2_days_from_civil(2025, 3, 10); /* clocks went forward on the Sunday */
    assert_true(feed_calendar_hours(c, monday, &h));
    assert_int_equal(h.open_ns, utc(2025, 3, 9, 22 * 3600));
    assert_int_equal(h.close_ns, utc(2025, 3, 10, 21 * 3600));
    assert_int_equal(feed_session_date(c, h.open_ns), monday);
    assert_int_equal(feed_session_date(c, h.open_ns - 1), monday - 1);
    assert_int_equal(feed_session_date(c, h.close_ns - 1), monday);
    assert_false(feed_calendar_session(c, k2_days_from_civil(2025, 4, 18))); /* Good Friday */
}

/* Seconds after midnight of "13:15:00" under M/D/YYYY; what is at 16:00 and later is no early close. */
static int32_t early_close(const struct k2_json *closes, int year, int month, int day) {
    char key[16];
    struct k2_sv text;
    snprintf(key, sizeof key, "%d/%d/%d", month, day, year);
    if (!k2_json_as_string(k2_json_get(closes, key), &text))
        return 17 * 3600;
    int32_t at = ((text.p[0] - '0') * 10 + text.p[1] - '0') * 3600 +
                 ((text.p[3] - '0') * 10 + text.p[4] - '0') * 60;
    return at < 16 * 3600 ? at : 17 * 3600;
}

/* Days on which Chicago closed early and the database does not say so. */
static bool database_lacks(int year, int month, int day) {
    return (month == 7 && day == 3 && (year == 2023 || year == 2024)) ||
           (year == 2024 && month == 11 && day == 29);
}

static void compare_closes(const struct k2_json *closes) {
    const struct feed_calendar *chicago = find(K2_SV("CME"), NULL);
    struct k2_zone *zone;
    struct k2_err err = {0};
    int compared = 0;
    CHECK_OK(k2_zone_load("America/New_York", &zone, &err), &err); /* of the database */
    for (int32_t date = k2_days_from_civil(2009, 1, 19); date < k2_days_from_civil(2026, 12, 1);
         date++) {
        struct feed_hours h;
        int year, month, day;
        k2_civil_from_days(date, &year, &month, &day);
        int32_t want = early_close(closes, year, month, day);
        if (!feed_calendar_hours(chicago, date, &h) || database_lacks(year, month, day))
            continue;
        int64_t at = date * K2_NS_PER_DAY + want * K2_NS_PER_SEC;
        if (h.close_ns != k2_zone_to_utc(zone, at))
            fail_msg("%d-%02d-%02d: close is %lld", year, month, day, (long long)h.close_ns);
        compared += want < 17 * 3600;
    }
    assert_true(compared > 120);
    k2_zone_free(zone);
}

static void chicagos_short_days_are_those_of_the_published_hours(void **state) {
    (void)state;
    const char *dir = getenv("K2_SHARED_DATA");
    struct k2_buf path = {0}, text = {0};
    struct k2_json *all;
    struct k2_err err = {0};
    k2_buf_printf(&path, "%s/ref-calendars/lean-market-hours-database.json.gz", dir ? dir : "");
    if (access(k2_buf_cstr(&path), R_OK) != 0) {
        printf("SKIP: %s is not there\n", k2_buf_cstr(&path));
        k2_buf_free(&path);
        skip();
    }
    CHECK_OK(feed_file_head(k2_buf_cstr(&path), (size_t)64 << 20, &text, &err), &err);
    CHECK_OK(k2_json_parse(k2_buf_view(&text), &all, &err), &err);
    const struct k2_json *entry = k2_json_get(k2_json_get(all, "entries"), "Future-cme-ES");
    compare_closes(k2_json_get(entry, "earlyCloses"));
    k2_json_free(all);
    k2_buf_free(&text);
    k2_buf_free(&path);
}

static void an_exchange_has_one_code_under_all_its_names(void **state) {
    (void)state;
    assert_true(k2_sv_eq(feed_exchange_code(K2_SV("NASDAQ")), K2_SV("XNAS")));
    assert_true(k2_sv_eq(feed_exchange_code(K2_SV("XNAS")), K2_SV("XNAS")));
    assert_true(k2_sv_eq(feed_exchange_code(K2_SV("NOWHERE")), K2_SV("NOWHERE")));
    assert_ptr_equal(find(K2_SV("NASDAQ"), NULL), find(K2_SV("XNAS"), NULL));
    assert_true(feed_exchange_known(K2_SV("XLON")));
    assert_false(feed_exchange_known(K2_SV("NOWHERE")));
    char one[17], two[17];
    feed_calendars_version(one);
    feed_calendars_version(two);
    assert_string_equal(one, two);
    assert_int_equal(strlen(one), 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_listed_exchange_has_a_calendar_with_a_version),
        cmocka_unit_test(an_unknown_exchange_is_refused_unless_utc_is_asked_for),
        cmocka_unit_test(a_sydney_session_date_is_the_local_date_on_both_sides_of_daylight_saving),
        cmocka_unit_test(the_ends_of_time_have_a_date),
        cmocka_unit_test(weekends_have_no_session_but_where_every_day_has_one),
        cmocka_unit_test(sydneys_sessions_are_those_of_the_published_calendar),
        cmocka_unit_test(new_yorks_sessions_are_those_of_the_published_calendar),
        cmocka_unit_test(tokyos_sessions_are_those_of_the_published_calendar),
        cmocka_unit_test(london_has_its_holidays_and_early_closes),
        cmocka_unit_test(chicagos_sessions_begin_the_evening_before),
        cmocka_unit_test(chicagos_short_days_are_those_of_the_published_hours),
        cmocka_unit_test(an_exchange_has_one_code_under_all_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
