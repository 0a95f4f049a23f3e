/* base/clock.h - time as int64 nanoseconds UTC since 1970, dates as int32 days since 1970.
 *
 * Range: 1678 to 2261 (what int64 ns holds). Leap seconds do not exist (POSIX time).
 * Thread-safety: all functions are safe from any thread.
 */
#ifndef K2_BASE_CLOCK_H
#define K2_BASE_CLOCK_H

#include "base/buf.h"
#include "base/err.h"

#define K2_NS_PER_US INT64_C(1000)
#define K2_NS_PER_MS INT64_C(1000000)
#define K2_NS_PER_SEC INT64_C(1000000000)
#define K2_NS_PER_DAY INT64_C(86400000000000)
#define K2_TIME_TEXT 40 /* bytes that any formatted time fits, NUL included */
#define K2_DATE_TEXT 16

/* Rounds towards the past, also before 1970; b > 0. */
static inline int64_t k2_floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

int64_t k2_now_ns(void);       /* wall clock, UTC */
int64_t k2_monotonic_ns(void); /* for durations only */

int32_t k2_days_from_civil(int year, int month, int day); /* proleptic Gregorian */
void k2_civil_from_days(int32_t days, int *year, int *month, int *day);
int32_t k2_date_of(int64_t ns);  /* the UTC date, floor (also before 1970) */
int64_t k2_floor_us(int64_t ns); /* microseconds, floor (also before 1970) */

/* "2026-03-02T10:00:00.123456789Z": always 9 fraction digits; returns the length. */
size_t k2_time_format(int64_t ns, char out[K2_TIME_TEXT]);
size_t k2_date_format(int32_t days, char out[K2_DATE_TEXT]); /* "2026-03-02" */
/* "YYYY-MM-DD" only; a date the calendar lacks (02-30) is K2_E_INVALID. */
K2_RC k2_date_parse(struct k2_sv text, int32_t *days, struct k2_err *err);

/* A span of time: a count and one of ns, us, ms, s, m, h, d, w, as in "90d"; never negative. */
K2_RC k2_span_parse(struct k2_sv text, int64_t *ns, struct k2_err *err);

struct k2_zone;
/* The TIME word of the command surface: RFC 3339 down to ns ("2026-03-02T10:00:00.5Z",
 * "...+11:00", 'T' or blank, zone left out = `zone`), a date (its midnight in `zone`), "now",
 * "today", "yesterday" (midnights in `zone`), or a signed span from now: "-1h", "+250ms". Seconds may
 * be left out ("10:00"). now_ns is what "now" means; zone NULL = UTC here and below. More than 9
 * fraction digits, or a year outside 1678 to 2261, is K2_E_RANGE. */
K2_RC k2_time_parse(struct k2_sv text, int64_t now_ns, const struct k2_zone *zone, int64_t *ns,
                    struct k2_err *err);

/* A time zone, read from the system's TZif files (RFC 8536). Immutable once loaded. */
/* "Australia/Sydney", "UTC" */
K2_RC k2_zone_load(const char *name, struct k2_zone **out, struct k2_err *err);
/* The release of the time zone files, "2025b", as their tzdata.zi or +VERSION says; "unknown" where none does. */
void k2_zone_release(char *out, size_t n);
void k2_zone_free(struct k2_zone *zone);
const char *k2_zone_name(const struct k2_zone *zone);
int32_t k2_zone_offset(const struct k2_zone *zone, int64_t utc_ns); /* seconds east of UTC */
/* Local wall clock (ns as if it were UTC) to UTC. In the hour that occurs twice the first is meant;
 * in the hour that does not exist the offset before the change is used. */
int64_t k2_zone_to_utc(const struct k2_zone *zone, int64_t local_ns);

#endif
