/* feed/holidays.c - the session rules of the markets; see holidays.h.
 *
 * Sources: the trading calendars of ASX, NYSE, LSE, JPX and CME Group; Japan's equinoxes by the formula of the
 * National Astronomical Observatory's almanac (valid 1980-2099).
 */
#include "feed/holidays.h"

#include <string.h>

enum { MON, TUE, WED, THU, FRI, SAT, SUN };

struct day { /* a date in its parts */
    int32_t date;
    int year, month, day, weekday;
};

struct market {
    const char *zone;
    bool rolls;
    bool (*holiday)(const struct day *d); /* of a Monday to Friday */
    struct market_hours (*hours)(struct day d);
};

/* --- dates --- */

static struct day day_of(int32_t date) {
    struct day d = {.date = date, .weekday = (date % 7 + 7 + 3) % 7}; /* 1970-01-01: a Thursday */
    k2_civil_from_days(date, &d.year, &d.month, &d.day);
    return d;
}

static bool is(const struct day *d, int month, int day) {
    return d->month == month && d->day == day;
}

/* The n-th such weekday of the month. */
static bool is_nth(const struct day *d, int month, int weekday, int n) {
    return d->month == month && d->weekday == weekday && (d->day - 1) / 7 == n - 1;
}

static bool is_last_monday(const struct day *d, int month, int days) {
    return d->month == month && d->weekday == MON && d->day > days - 7;
}

/* The date itself, or the Monday after it when it is a Sunday. */
static bool is_or_monday(const struct day *d, int month, int day) {
    return is(d, month, day) || (d->weekday == MON && is(d, month, day + 1));
}

/* The date itself; the Monday after it when it is on a weekend. */
static bool is_or_next_monday(const struct day *d, int month, int day) {
    return is_or_monday(d, month, day) || (d->weekday == MON && is(d, month, day + 2));
}

/* The date itself; Friday before it when it is a Saturday, Monday after it when it is a Sunday. */
static bool is_or_nearest(const struct day *d, int month, int day) {
    return is_or_monday(d, month, day) || (d->weekday == FRI && is(d, month, day - 1));
}

/* Western Easter Sunday: the anonymous Gregorian computus (Meeus, Astronomical Algorithms, ch. 8). */
static int32_t easter(int y) {
    int a = y % 19, b = y / 100, c = y % 100;
    int h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    int l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    int m = (a + 11 * h + 22 * l) / 451;
    int n = h + l - 7 * m + 114;
    return k2_days_from_civil(y, n / 31, n % 31 + 1);
}

static bool is_good_friday(const struct day *d) {
    return d->weekday == FRI && d->date == easter(d->year) - 2;
}

static bool is_easter_monday(const struct day *d) {
    return d->weekday == MON && d->date == easter(d->year) + 1;
}

static bool listed(const struct day *d, const int (*list)[3], size_t n) {
    for (size_t i = 0; i < n; i++)
        if (d->year == list[i][0] && is(d, list[i][1], list[i][2]))
            return true;
    return false;
}
#define LISTED(d, list) listed(d, list, sizeof(list) / sizeof *(list))

/* Christmas and Boxing Day of the Commonwealth: what is on a weekend is made up for on the 27th and 28th. */
static bool is_christmas_or_boxing_day(const struct day *d) {
    if (d->month != 12)
        return false;
    if (d->day == 25 || d->day == 26)
        return true;
    int weekday_of_25 = (d->weekday + 7 * 4 - (d->day - 25)) % 7;
    if (d->day == 27)
        return weekday_of_25 == SAT || weekday_of_25 == SUN;
    return d->day == 28 && (weekday_of_25 == SAT || weekday_of_25 == FRI);
}

/* --- ASX --- */

static bool asx_holiday(const struct day *d) {
    static const int special[][3] = {{2022, 9, 22}};
    return is_or_next_monday(d, 1, 1) || is_or_next_monday(d, 1, 26) || is_good_friday(d) ||
           is_easter_monday(d) || is(d, 4, 25) || is_nth(d, 6, MON, 2) ||
           is_christmas_or_boxing_day(d) || LISTED(d, special);
}

/* Whether it is the last session before the 25th of December or before the new year. */
static bool is_last_before(const struct day *d, int eve) {
    return d->month == 12 &&
           (d->day == eve || (d->weekday == FRI && d->day > eve - 3 && d->day < eve));
}

static struct market_hours asx_hours(struct day d) {
    /* of 2022 the calendars that we compare with know no early close */
    bool early = d.year != 2022 && (is_last_before(&d, 24) || is_last_before(&d, 31));
    return (struct market_hours){10 * 3600, early ? 14 * 3600 + 600 : 16 * 3600, 0, 0};
}

/* --- NYSE, Nasdaq and the other US equity and option markets --- */

static bool us_holiday(const struct day *d) {
    static const int special[][3] = {{2012, 10, 29}, {2012, 10, 30}, {2018, 12, 5}, {2025, 1, 9}};
    return is_or_monday(d, 1, 1) || is_nth(d, 1, MON, 3) || is_nth(d, 2, MON, 3) ||
           is_good_friday(d) || is_last_monday(d, 5, 31) ||
           (d->year >= 2022 && is_or_nearest(d, 6, 19)) || is_or_nearest(d, 7, 4) ||
           is_nth(d, 9, MON, 1) || is_nth(d, 11, THU, 4) || is_or_nearest(d, 12, 25) ||
           LISTED(d, special);
}

static struct market_hours us_hours(struct day d) {
    bool eve = is(&d, 7, 3) || is(&d, 12, 24); /* of a holiday that is a weekday itself */
    bool after_thanksgiving = d.weekday == FRI && d.month == 11 && d.day >= 23 && d.day <= 29;
    bool early = (eve && d.weekday != FRI) || after_thanksgiving;
    return (struct market_hours){9 * 3600 + 1800, (early ? 13 : 16) * 3600, 0, 0};
}

/* --- CME Globex: the evening before belongs to the session --- */

static bool cme_holiday(const struct day *d) {
    return is_or_monday(d, 1, 1) || is_good_friday(d) || is_or_nearest(d, 12, 25);
}

/* On Good Fridays on which the employment report comes out, financial products trade until 08:15. */
static bool is_report_friday(const struct day *d) {
    static const int dates[][3] = {{2010, 4, 2}, {2012, 4, 6}, {2015, 4, 3},
                                   {2021, 4, 2}, {2023, 4, 7}, {2026, 4, 3}};
    return LISTED(d, dates);
}

static bool chicago_holiday(const struct day *d) {
    return cme_holiday(d) && !is_report_friday(d);
}

/* Holidays of the country on which trading halts at noon, until 2014 at 10:30. */
static bool is_short_holiday(const struct day *d) {
    return is_nth(d, 1, MON, 3) || is_nth(d, 2, MON, 3) || is_last_monday(d, 5, 31) ||
           (d->year >= 2022 && is_or_nearest(d, 6, 19)) || is_or_nearest(d, 7, 4) ||
           is_nth(d, 9, MON, 1) || is_nth(d, 11, THU, 4);
}

/* The day behind Thanksgiving, Christmas Eve, and 3 July before a holiday: until 12:15. */
static bool is_eve(const struct day *d) {
    return (d->month == 11 && d->weekday == FRI && d->day >= 23 && d->day <= 29) || is(d, 12, 24) ||
           (is(d, 7, 3) && d->weekday < FRI);
}

/* Hours of equity index futures; grains, metals and energies have others on short days. */
static struct market_hours cme_hours(struct day d) {
    int32_t close = 16 * 60;
    if (is_report_friday(&d))
        close = 8 * 60 + 15;
    else if (is_short_holiday(&d))
        close = d.date < k2_days_from_civil(2014, 5, 1) ? 10 * 60 + 30 : 12 * 60;
    else if (is_eve(&d))
        close = 12 * 60 + 15;
    return (struct market_hours){-7 * 3600, close * 60, 0, 0};
}

static struct market_hours comex_hours(struct day d) {
    (void)d;
    return (struct market_hours){-6 * 3600, 17 * 3600, 0, 0};
}

/* --- LSE --- */

static bool lse_holiday(const struct day *d) {
    static const int special[][3] = {{2012, 6, 4}, {2012, 6, 5},  {2020, 5, 8}, {2022, 6, 2},
                                     {2022, 6, 3}, {2022, 9, 19}, {2023, 5, 8}};
    bool may = is_nth(d, 5, MON, 1) && d->year != 2020; /* 2020: on Friday the 8th */
    bool spring = is_last_monday(d, 5, 31) && d->year != 2012 && d->year != 2022;
    return is_or_next_monday(d, 1, 1) || is_good_friday(d) || is_easter_monday(d) || may ||
           spring || is_last_monday(d, 8, 31) || is_christmas_or_boxing_day(d) ||
           LISTED(d, special);
}

static struct market_hours lse_hours(struct day d) {
    bool early = is_last_before(&d, 24) || is_last_before(&d, 31);
    return (struct market_hours){8 * 3600, early ? 12 * 3600 + 1800 : 16 * 3600 + 1800, 0, 0};
}

/* --- JPX --- */

/* Day of the month; base is its millionths of a day in 1980. */
static int equinox(int year, int base) {
    int n = year - 1980;
    return (base + 242194 * n) / 1000000 - n / 4;
}

static int autumn(int year) {
    return equinox(year, 23248800);
}

/* 3, 4 and 5 May; when one of them is a Sunday, the 6th too. */
static bool golden_week(const struct day *d) {
    if (d->month != 5 || d->day < 3 || d->day > 6)
        return false;
    return d->day < 6 || d->weekday <= WED; /* a Monday to Wednesday has a Sunday on one of them */
}

/* The autumnal equinox, and a day that two holidays enclose. */
static bool silver_week(const struct day *d) {
    int equinox_day = autumn(d->year);
    bool between = d->month == 9 && d->weekday == TUE && d->day == equinox_day - 1 &&
                   (d->day - 2) / 7 == 2; /* behind the third Monday */
    return is_or_monday(d, 9, equinox_day) || between;
}

/* Days that the Olympic Games moved, the enthronement, and the outage of October 2020. */
static bool jpx_special(const struct day *d) {
    static const int special[][3] = {{2019, 4, 30}, {2019, 5, 1},  {2019, 5, 2},  {2019, 10, 22},
                                     {2020, 7, 23}, {2020, 7, 24}, {2020, 8, 10}, {2020, 10, 1},
                                     {2021, 7, 22}, {2021, 7, 23}, {2021, 8, 9}};
    return LISTED(d, special);
}

static bool jpx_holiday(const struct day *d) {
    bool games = d->year == 2020 || d->year == 2021;
    bool emperor =
        d->year >= 2020 ? is_or_monday(d, 2, 23) : d->year < 2019 && is_or_monday(d, 12, 23);
    bool moved = !games && (is_nth(d, 7, MON, 3) || is_nth(d, 10, MON, 2) ||
                            (d->year >= 2016 && is_or_monday(d, 8, 11)));
    return (d->month == 1 && d->day <= 3) || is(d, 12, 31) || is_nth(d, 1, MON, 2) ||
           is_or_monday(d, 2, 11) || is_or_monday(d, 3, equinox(d->year, 20843100)) ||
           is_or_monday(d, 4, 29) || golden_week(d) || is_nth(d, 9, MON, 3) || silver_week(d) ||
           is_or_monday(d, 11, 3) || is_or_monday(d, 11, 23) || emperor || moved || jpx_special(d);
}

static struct market_hours jpx_hours(struct day d) {
    bool longer = d.date >= k2_days_from_civil(2024, 11, 5);
    return (struct market_hours){9 * 3600, 15 * 3600 + (longer ? 1800 : 0), 11 * 3600 + 1800,
                                 12 * 3600 + 1800};
}

/* --- the markets --- */

static const struct market markets[] = {
    {"Australia/Sydney", false, asx_holiday, asx_hours},
    {"America/New_York", false, us_holiday, us_hours},
    {"America/New_York", true, cme_holiday, comex_hours},
    {"America/Chicago", true, chicago_holiday, cme_hours},
    {"Europe/London", false, lse_holiday, lse_hours},
    {"Asia/Tokyo", false, jpx_holiday, jpx_hours},
};

const struct market *market_of(const char *zone, bool rolls) {
    for (size_t i = 0; i < sizeof markets / sizeof *markets; i++)
        if (strcmp(markets[i].zone, zone) == 0 && markets[i].rolls == rolls)
            return &markets[i];
    return NULL;
}

bool market_session(const struct market *m, int32_t date) {
    struct day d = day_of(date);
    return d.weekday <= FRI && !m->holiday(&d);
}

struct market_hours market_hours_of(const struct market *m, int32_t date) {
    struct day d = day_of(date);
    return m->hours(d);
}
