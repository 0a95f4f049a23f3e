/* base/clock.c - see clock.h.
 *
 * The calendar arithmetic is Howard Hinnant's: years start in March, so that the leap day is the
 * last of its year, and eras of 400 years repeat exactly.
 */
#include "base/clock.h"

#include <time.h>

#define SEC_PER_DAY INT64_C(86400)
#define FIRST_YEAR 1678 /* the whole years that int64 nanoseconds hold */
#define LAST_YEAR 2261

static int64_t read_clock(clockid_t id) {
    struct timespec ts;
    K2_ASSERT(clock_gettime(id, &ts) == 0);
    return (int64_t)ts.tv_sec * K2_NS_PER_SEC + ts.tv_nsec;
}

int64_t k2_now_ns(void) {
    return read_clock(CLOCK_REALTIME);
}

int64_t k2_monotonic_ns(void) {
    return read_clock(CLOCK_MONOTONIC);
}

int32_t k2_days_from_civil(int year, int month, int day) {
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = k2_floor_div(y, 400), of_era = y - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return (int32_t)(era * 146097 + day_of_era - 719468);
}

void k2_civil_from_days(int32_t days, int *year, int *month, int *day) {
    int64_t z = (int64_t)days + 719468;
    int64_t era = k2_floor_div(z, 146097), doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t from_march = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * from_march + 2) / 5 + 1);
    *month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

int32_t k2_date_of(int64_t ns) {
    return (int32_t)k2_floor_div(ns, K2_NS_PER_DAY);
}

int64_t k2_floor_us(int64_t ns) {
    return k2_floor_div(ns, K2_NS_PER_US);
}

/* Writes exactly n digits; the higher ones of a larger value are lost. */
static char *put_number(char *at, int64_t value, int n) {
    for (int i = n; i-- > 0; value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + n;
}

static char *put_date(char *at, int32_t days) {
    int year, month, day;
    k2_civil_from_days(days, &year, &month, &day);
    if (year < 0) {
        *at++ = '-';
        year = -year;
    }
    int digits = 4;
    for (int more = year / 10000; more; more /= 10)
        digits++;
    at = put_number(at, year, digits);
    *at++ = '-';
    at = put_number(at, month, 2);
    *at++ = '-';
    return put_number(at, day, 2);
}

size_t k2_date_format(int32_t days, char out[K2_DATE_TEXT]) {
    char *end = put_date(out, days);
    *end = 0;
    return (size_t)(end - out);
}

size_t k2_time_format(int64_t ns, char out[K2_TIME_TEXT]) {
    int32_t days = k2_date_of(ns);
    int64_t of_day = ns % K2_NS_PER_DAY + (ns % K2_NS_PER_DAY < 0 ? K2_NS_PER_DAY : 0);
    int64_t seconds = of_day / K2_NS_PER_SEC;
    char *at = put_date(out, days);
    *at++ = 'T';
    at = put_number(at, seconds / 3600, 2);
    *at++ = ':';
    at = put_number(at, seconds / 60 % 60, 2);
    *at++ = ':';
    at = put_number(at, seconds % 60, 2);
    *at++ = '.';
    at = put_number(at, of_day % K2_NS_PER_SEC, 9);
    *at++ = 'Z';
    *at = 0;
    return (size_t)(at - out);
}

/* --- parsing: each take_ function cuts what it reads off *s, or returns false --- */

static bool take_number(struct k2_sv *s, size_t digits, int most, int *out) {
    int v = 0;
    if (s->n < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        v = v * 10 + (s->p[i] - '0');
    }
    s->p += digits;
    s->n -= digits;
    *out = v;
    return v <= most;
}

static int days_in_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_date(struct k2_sv *s, int *year, int32_t *days) {
    int month, day;
    if (!take_number(s, 4, 9999, year) || !k2_sv_take(s, '-') || !take_number(s, 2, 12, &month) ||
        !k2_sv_take(s, '-') || !take_number(s, 2, 31, &day))
        return false;
    if (month < 1 || day < 1 || day > days_in_month(*year, month))
        return false;
    *days = k2_days_from_civil(*year, month, day);
    return true;
}

/* The fraction of a second; *fits is false if it has digits below the nanosecond. */
static bool take_fraction(struct k2_sv *s, int64_t *ns, bool *fits) {
    size_t n = 0;
    int64_t unit = K2_NS_PER_SEC;
    for (; n < s->n && s->p[n] >= '0' && s->p[n] <= '9'; n++) {
        unit /= 10;
        *ns += unit * (s->p[n] - '0');
    }
    s->p += n;
    s->n -= n;
    *fits = n <= 9;
    return n > 0;
}

/* "10:00", "10:00:00" or "10:00:00.5". */
static bool take_time_of_day(struct k2_sv *s, int64_t *ns, bool *fits) {
    int hour, minute, second;
    if (!take_number(s, 2, 23, &hour) || !k2_sv_take(s, ':') || !take_number(s, 2, 59, &minute))
        return false;
    *ns = (hour * 60 + minute) * (60 * K2_NS_PER_SEC);
    if (!k2_sv_take(s, ':'))
        return true;
    if (!take_number(s, 2, 59, &second))
        return false;
    *ns += second * K2_NS_PER_SEC;
    return !k2_sv_take(s, '.') || take_fraction(s, ns, fits);
}

/* "Z" or "+11:00"; *given tells whether one was there. */
static bool take_offset(struct k2_sv *s, bool *given, int64_t *seconds) {
    *given = s->n > 0;
    *seconds = 0;
    if (!*given || k2_sv_take(s, 'Z') || k2_sv_take(s, 'z'))
        return true;
    int hours, minutes, sign = k2_sv_take(s, '-') ? -1 : k2_sv_take(s, '+') ? 1 : 0;
    if (!sign || !take_number(s, 2, 23, &hours) || !k2_sv_take(s, ':') ||
        !take_number(s, 2, 59, &minutes))
        return false;
    *seconds = sign * (INT64_C(3600) * hours + INT64_C(60) * minutes);
    return true;
}

static int bad_time(struct k2_sv text, struct k2_err *err) {
    return k2_fail(err, K2_E_INVALID,
                   "\"%.*s\" is not a time; write it as 2026-03-02T10:00:00.5Z, 2026-03-02, now, "
                   "today, yesterday or a span from now like -15m",
                   K2_SV_ARG(k2_sv_shown(text)));
}

static int out_of_range(struct k2_sv text, const char *limit, struct k2_err *err) {
    return k2_fail(err, K2_E_RANGE, "the time \"%.*s\" does not fit: %s",
                   K2_SV_ARG(k2_sv_shown(text)), limit);
}

int k2_date_parse(struct k2_sv text, int32_t *days, struct k2_err *err) {
    struct k2_sv rest = text;
    int year;
    int32_t parsed;
    if (!take_date(&rest, &year, &parsed) || rest.n)
        return k2_fail(err, K2_E_INVALID,
                       "\"%.*s\" is not a date of the calendar; write it as 2026-03-02",
                       K2_SV_ARG(k2_sv_shown(text)));
    *days = parsed;
    return K2_OK;
}

static bool unit_of(struct k2_sv name, int64_t *ns) {
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {
        {"ns", 1},
        {"us", K2_NS_PER_US},
        {"ms", K2_NS_PER_MS},
        {"s", K2_NS_PER_SEC},
        {"m", 60 * K2_NS_PER_SEC},
        {"h", 3600 * K2_NS_PER_SEC},
        {"d", K2_NS_PER_DAY},
        {"w", 7 * K2_NS_PER_DAY},
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (k2_sv_eq(name, k2_sv_of(units[i].name))) {
            *ns = units[i].ns;
            return true;
        }
    }
    return false;
}

int k2_span_parse(struct k2_sv text, int64_t *ns, struct k2_err *err) {
    struct k2_sv count = {text.p, 0};
    int64_t n, unit;
    while (count.n < text.n && text.p[count.n] >= '0' && text.p[count.n] <= '9')
        count.n++;
    if (count.n == 0 || !unit_of((struct k2_sv){text.p + count.n, text.n - count.n}, &unit))
        return k2_fail(err, K2_E_INVALID,
                       "\"%.*s\" is not a span of time; write a number and one of ns, us, ms, s, "
                       "m, h, d, w, as in 15m",
                       K2_SV_ARG(k2_sv_shown(text)));
    if (!k2_sv_i64(count, &n) || __builtin_mul_overflow(n, unit, ns))
        return out_of_range(text, "a span is at most 292 years", err);
    return K2_OK;
}

/* "-15m": text starts with a sign. */
static int from_now(struct k2_sv text, int64_t now_ns, int64_t *ns, struct k2_err *err) {
    int64_t span, at;
    int rc = k2_span_parse((struct k2_sv){text.p + 1, text.n - 1}, &span, err);
    if (rc == K2_E_INVALID)
        return bad_time(text, err);
    if (rc != K2_OK)
        return rc;
    if (__builtin_add_overflow(now_ns, text.p[0] == '-' ? -span : span, &at))
        return out_of_range(text, "times run from 1678 to 2261", err);
    *ns = at;
    return K2_OK;
}

/* The midnight in the zone that starts the day `back` days before that of now. */
static int64_t midnight(int64_t now_ns, int32_t back, const struct k2_zone *zone) {
    int64_t local = now_ns + k2_zone_offset(zone, now_ns) * K2_NS_PER_SEC;
    return k2_zone_to_utc(zone, (k2_date_of(local) - back) * K2_NS_PER_DAY);
}

/* What a text says about a time on the calendar, before the zone is applied. */
struct calendar_time {
    int64_t of_day, offset; /* ns, seconds east */
    int32_t days;
    int year;
    bool zoned; /* the text gives its own offset */
    bool fits;  /* it has no digits below the nanosecond */
};

static bool take_calendar_time(struct k2_sv *s, struct calendar_time *t) {
    *t = (struct calendar_time){.fits = true};
    if (!take_date(s, &t->year, &t->days))
        return false;
    if (s->n == 0)
        return true;
    return (k2_sv_take(s, 'T') || k2_sv_take(s, 't') || k2_sv_take(s, ' ')) &&
           take_time_of_day(s, &t->of_day, &t->fits) && take_offset(s, &t->zoned, &t->offset) &&
           s->n == 0;
}

static int from_calendar(struct k2_sv text, const struct k2_zone *zone, int64_t *ns,
                         struct k2_err *err) {
    struct k2_sv rest = text;
    struct calendar_time t;
    if (!take_calendar_time(&rest, &t))
        return bad_time(text, err);
    if (!t.fits)
        return out_of_range(text, "a second has at most 9 fraction digits", err);
    if (t.year < FIRST_YEAR || t.year > LAST_YEAR)
        return out_of_range(text, "times run from 1678 to 2261", err);
    int64_t local = t.days * K2_NS_PER_DAY + t.of_day;
    *ns = t.zoned ? local - t.offset * K2_NS_PER_SEC : k2_zone_to_utc(zone, local);
    return K2_OK;
}

int k2_time_parse(struct k2_sv text, int64_t now_ns, const struct k2_zone *zone, int64_t *ns,
                  struct k2_err *err) {
    if (k2_sv_eq(text, K2_SV("now")))
        *ns = now_ns;
    else if (k2_sv_eq(text, K2_SV("today")))
        *ns = midnight(now_ns, 0, zone);
    else if (k2_sv_eq(text, K2_SV("yesterday")))
        *ns = midnight(now_ns, 1, zone);
    else if (text.n && (text.p[0] == '-' || text.p[0] == '+'))
        return from_now(text, now_ns, ns, err);
    else
        return from_calendar(text, zone, ns, err);
    return K2_OK;
}
