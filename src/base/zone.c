/* base/zone.c - see clock.h.
 *
 * A TZif file (RFC 8536) holds two data blocks, each behind a 44-byte header, and a footer. The
 * first block has 32-bit times for readers of 1995 and is skipped. The second has 64-bit times: the
 * transitions, for each the index of the local time type that starts there, and the types. The
 * footer is a POSIX TZ string, "AEST-10AEDT,M10.1.0,M4.1.0/3": the rule after the last transition.
 * Everything in here is seconds; nanoseconds are met only in the public functions.
 */
#include "base/clock.h"
#include "base/fs.h"

#include <stdio.h>
#include <stdlib.h>

#define HEADER 44
#define TYPE_BYTES 6     /* of a local time type: i32 offset, u8 is-dst, u8 name */
#define MAX_OFFSET 93600 /* 26 hours */
#define SEC_PER_DAY INT64_C(86400)

/* The day and time at which a rule changes the offset, in the wall clock before the change. */
struct change {
    char kind;            /* 'M': weekday of a month; 'J': 1..365 without leap day; 0: 0..365 */
    int month, week, day; /* week 5 is the last; for 'J' and 0 only day */
    int32_t time;         /* seconds after midnight; may be negative or beyond the day */
};

struct rule {
    bool exists, has_dst;
    int32_t std, dst; /* seconds east of UTC */
    struct change to_dst, to_std;
};

struct transition {
    int64_t at;
    int32_t offset; /* from then on */
};

struct k2_zone {
    char *name;
    struct transition *transitions; /* ascending */
    size_t n;
    int32_t first_offset; /* before all transitions */
    struct rule rule;     /* from the last transition on */
};

/* --- the footer: each take_ function cuts what it reads off *s, or returns false --- */

static bool take_int(struct k2_sv *s, int most, int *out) {
    size_t n = 0;
    int v = 0;
    for (; n < s->n && n < 3 && s->p[n] >= '0' && s->p[n] <= '9'; n++)
        v = v * 10 + (s->p[n] - '0');
    s->p += n;
    s->n -= n;
    *out = v;
    return n > 0 && v <= most;
}

/* "AEST" or "<+1030>": of no use to us. */
static bool take_abbreviation(struct k2_sv *s) {
    bool quoted = k2_sv_take(s, '<');
    size_t n = 0;
    while (n < s->n && (quoted ? s->p[n] != '>' : ((s->p[n] | 32) >= 'a' && (s->p[n] | 32) <= 'z')))
        n++;
    s->p += n;
    s->n -= n;
    return n >= 3 && (!quoted || k2_sv_take(s, '>'));
}

/* "[+-]hh[:mm[:ss]]" */
static bool take_hms(struct k2_sv *s, int32_t *seconds) {
    int hours, minutes = 0, secs = 0, sign = k2_sv_take(s, '-') ? -1 : 1;
    if (sign == 1)
        (void)k2_sv_take(s, '+');
    if (!take_int(s, 167, &hours)) /* a week less an hour: RFC 8536, 3.3.1 */
        return false;
    if (k2_sv_take(s, ':')) {
        if (!take_int(s, 59, &minutes) || (k2_sv_take(s, ':') && !take_int(s, 59, &secs)))
            return false;
    }
    *seconds = sign * (hours * 3600 + minutes * 60 + secs);
    return true;
}

/* POSIX counts offsets west of Greenwich; we count east. */
static bool take_offset(struct k2_sv *s, int32_t *east) {
    int32_t west;
    if (!take_hms(s, &west) || abs(west) > MAX_OFFSET)
        return false;
    *east = -west;
    return true;
}

static bool take_change(struct k2_sv *s, struct change *c) {
    *c = (struct change){.time = 2 * 3600};
    if (k2_sv_take(s, 'M')) {
        c->kind = 'M';
        if (!take_int(s, 12, &c->month) || !k2_sv_take(s, '.') || !take_int(s, 5, &c->week) ||
            !k2_sv_take(s, '.') || !take_int(s, 6, &c->day) || c->month < 1 || c->week < 1)
            return false;
    } else {
        c->kind = k2_sv_take(s, 'J') ? 'J' : 0;
        if (!take_int(s, 365, &c->day) || (c->kind == 'J' && c->day < 1))
            return false;
    }
    return !k2_sv_take(s, '/') || take_hms(s, &c->time);
}

static bool parse_rule(struct k2_sv s, struct rule *r) {
    *r = (struct rule){.exists = s.n > 0};
    if (s.n == 0)
        return true;
    if (!take_abbreviation(&s) || !take_offset(&s, &r->std))
        return false;
    if (s.n == 0)
        return true;
    r->has_dst = true;
    r->dst = r->std + 3600;
    if (!take_abbreviation(&s) || (s.n && s.p[0] != ',' && !take_offset(&s, &r->dst)))
        return false;
    return k2_sv_take(&s, ',') && take_change(&s, &r->to_dst) && k2_sv_take(&s, ',') &&
           take_change(&s, &r->to_std) && s.n == 0;
}

/* --- the rule at work --- */

static int year_of(int64_t seconds) {
    int year, month, day;
    k2_civil_from_days((int32_t)k2_floor_div(seconds, SEC_PER_DAY), &year, &month, &day);
    return year;
}

/* The day, since 1970, of the week-th such weekday of the month. */
static int32_t weekday_of_month(int year, const struct change *c) {
    int32_t first = k2_days_from_civil(year, c->month, 1);
    int32_t next = c->month == 12 ? k2_days_from_civil(year + 1, 1, 1)
                                  : k2_days_from_civil(year, c->month + 1, 1);
    int weekday = (int)(((int64_t)first + 4) % 7); /* 1970-01-01 was a Thursday */
    if (weekday < 0)
        weekday += 7;
    int32_t day = first + (c->day - weekday + 7) % 7 + (c->week - 1) * 7;
    return day < next ? day : day - 7;
}

static int64_t wall_time_of(int year, const struct change *c) {
    int32_t first = k2_days_from_civil(year, 1, 1), day = first + c->day;
    if (c->kind == 'M')
        day = weekday_of_month(year, c);
    else if (c->kind == 'J') /* never counts the leap day, so that J60 is always 1 March */
        day += c->day < 60 || k2_days_from_civil(year, 3, 1) - first == 59 ? -1 : 0;
    return day * SEC_PER_DAY + c->time;
}

static int64_t dst_starts(const struct rule *r, int year) {
    return wall_time_of(year, &r->to_dst) - r->std;
}

static int64_t dst_ends(const struct rule *r, int year) {
    return wall_time_of(year, &r->to_std) - r->dst;
}

static int32_t rule_offset(const struct rule *r, int64_t at) {
    if (!r->has_dst)
        return r->std;
    int year = year_of(at + r->std);
    int64_t start = dst_starts(r, year), end = dst_ends(r, year);
    bool dst = start < end ? at >= start && at < end : at >= start || at < end;
    return dst ? r->dst : r->std;
}

/* The first change of the rule after `at`; also ones that change nothing may be given. */
static int64_t rule_next(const struct rule *r, int64_t at) {
    int64_t next = INT64_MAX;
    if (!r->has_dst)
        return next;
    int middle = year_of(at + r->std);
    for (int year = middle - 1; year <= middle + 1; year++) {
        int64_t start = dst_starts(r, year), end = dst_ends(r, year);
        if (start > at && start < next)
            next = start;
        if (end > at && end < next)
            next = end;
    }
    return next;
}

/* --- table and rule together --- */

/* How many transitions are at or before `at`. */
static size_t passed(const struct k2_zone *z, int64_t at) {
    size_t low = 0, high = z->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (z->transitions[middle].at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int32_t offset_at(const struct k2_zone *z, int64_t at) {
    size_t i = passed(z, at);
    if (i == z->n && z->rule.exists)
        return rule_offset(&z->rule, at);
    return i ? z->transitions[i - 1].offset : z->first_offset;
}

static int64_t next_change(const struct k2_zone *z, int64_t at) {
    size_t i = passed(z, at);
    return i < z->n ? z->transitions[i].at : rule_next(&z->rule, at);
}

int32_t k2_zone_offset(const struct k2_zone *zone, int64_t utc_ns) {
    return zone ? offset_at(zone, k2_floor_div(utc_ns, K2_NS_PER_SEC)) : 0;
}

/* Walks the spans of constant offset from surely before the answer: the first span in which the
 * wall clock shows `local` is meant; a span that starts beyond it means that `local` was skipped.
 */
static int32_t offset_of_local(const struct k2_zone *z, int64_t local) {
    int64_t at = local - MAX_OFFSET, next;
    int32_t offset = offset_at(z, at);
    while ((next = next_change(z, at)) <= local - offset) {
        int32_t after = offset_at(z, next);
        if (local - after < next)
            break;
        at = next;
        offset = after;
    }
    return offset;
}

int64_t k2_zone_to_utc(const struct k2_zone *zone, int64_t local_ns) {
    if (!zone)
        return local_ns;
    int64_t utc, offset = offset_of_local(zone, k2_floor_div(local_ns, K2_NS_PER_SEC));
    if (__builtin_sub_overflow(local_ns, offset * K2_NS_PER_SEC, &utc))
        return offset > 0 ? INT64_MIN : INT64_MAX; /* the last hours of the int64 range */
    return utc;
}

const char *k2_zone_name(const struct k2_zone *zone) {
    return zone ? zone->name : "UTC";
}

/* --- the file --- */

static uint32_t be32(const char *p) {
    return __builtin_bswap32(k2_get_u32(p));
}

struct counts { /* in the header's order */
    uint32_t isut, isstd, leap, times, types, chars;
};

/* Cuts a header off *s. */
static bool take_header(struct k2_sv *s, struct counts *c) {
    if (s->n < HEADER || memcmp(s->p, "TZif", 4) != 0 || s->p[4] < '2')
        return false;
    const char *p = s->p + 20;
    *c = (struct counts){be32(p),      be32(p + 4),  be32(p + 8),
                         be32(p + 12), be32(p + 16), be32(p + 20)};
    s->p += HEADER;
    s->n -= HEADER;
    return true;
}

/* The size of the block behind a header whose times have `width` bytes. */
static uint64_t block_size(const struct counts *c, uint64_t width) {
    return c->times * (width + 1) + (uint64_t)c->types * TYPE_BYTES + c->chars +
           c->leap * (width + 4) + c->isstd + c->isut;
}

/* The offset of the type-th of n local time types. */
static bool read_type(const char *types, uint32_t n, uint32_t type, int32_t *offset) {
    if (type >= n)
        return false;
    *offset = (int32_t)be32(types + (size_t)type * TYPE_BYTES);
    return *offset >= -MAX_OFFSET && *offset <= MAX_OFFSET;
}

/* The transitions of a 64-bit block that is known to be whole. */
static bool read_block(const char *block, const struct counts *c, struct k2_zone *z) {
    const char *indices = block + (size_t)c->times * 8, *types = indices + c->times;
    if (!read_type(types, c->types, 0, &z->first_offset))
        return false;
    z->transitions = k2_alloc(c->times * sizeof *z->transitions);
    for (z->n = 0; z->n < c->times; z->n++) {
        struct transition *t = &z->transitions[z->n];
        t->at = (int64_t)__builtin_bswap64(k2_get_u64(block + z->n * 8));
        if ((z->n && t->at <= t[-1].at) ||
            !read_type(types, c->types, (uint8_t)indices[z->n], &t->offset))
            return false;
    }
    return true;
}

/* Leap seconds (the "right/" files) are refused: our time has none. */
static bool parse_file(struct k2_sv file, struct k2_zone *z) {
    struct counts c;
    if (!take_header(&file, &c) || block_size(&c, 4) > file.n)
        return false;
    file.p += block_size(&c, 4);
    file.n -= block_size(&c, 4);
    if (!take_header(&file, &c) || block_size(&c, 8) > file.n || c.leap != 0 ||
        !read_block(file.p, &c, z))
        return false;
    file.p += block_size(&c, 8);
    file.n -= block_size(&c, 8);
    return k2_sv_take(&file, '\n') && file.n && file.p[file.n - 1] == '\n' &&
           parse_rule((struct k2_sv){file.p, file.n - 1}, &z->rule);
}

static const char *zone_directory(void) {
    const char *dir = getenv("TZDIR");
    return dir && *dir ? dir : "/usr/share/zoneinfo";
}

static int load_file(const char *path, struct k2_zone *z, struct k2_err *err) {
    struct k2_buf file = {0};
    int rc = k2_fs_read(path, &file, err);
    if (rc == K2_E_NOTFOUND)
        rc = k2_fail(err, rc,
                     "there is no time zone \"%s\" in %s; write a name like Australia/Sydney, or "
                     "install the time zone files (tzdata)",
                     z->name, zone_directory());
    if (rc == K2_OK && !parse_file(k2_buf_view(&file), z))
        rc = k2_fail(err, K2_E_CORRUPT,
                     "%s is not a time zone file of version 2 or later without leap seconds; "
                     "install the time zone files (tzdata) again",
                     path);
    k2_buf_free(&file);
    return rc;
}

int k2_zone_load(const char *name, struct k2_zone **out, struct k2_err *err) {
    if (!*name || *name == '/' || strstr(name, ".."))
        return k2_fail(err, K2_E_INVALID,
                       "\"%s\" is not the name of a time zone; write one like Australia/Sydney",
                       name);
    struct k2_zone *z = k2_zalloc(sizeof *z);
    z->name = k2_strdup(name);
    if (strcmp(name, "UTC") != 0) { /* which needs no file, so that it works without tzdata */
        char *path = k2_path(zone_directory(), name);
        int rc = load_file(path, z, err);
        free(path);
        if (rc != K2_OK) {
            k2_zone_free(z);
            return rc;
        }
    }
    *out = z;
    return K2_OK;
}

/* "# version 2025b" of tzdata.zi, "2025b" of +VERSION: the last word of the first line. */
static bool read_release(const char *name, char *out, size_t n) {
    struct k2_buf file = {0};
    char *path = k2_path(zone_directory(), name);
    struct k2_sv word = {NULL, 0};
    if (k2_fs_read(path, &file, NULL) == K2_OK) {
        struct k2_sv rest = k2_buf_view(&file);
        struct k2_sv line = k2_sv_trim(k2_sv_split(&rest, '\n'));
        while (line.n)
            word = k2_sv_split(&line, ' ');
    }
    bool good = word.n >= 5 && word.n < n && word.p[0] == '2';
    if (good)
        snprintf(out, n, "%.*s", K2_SV_ARG(word));
    k2_buf_free(&file);
    free(path);
    return good;
}

void k2_zone_release(char *out, size_t n) {
    if (!read_release("+VERSION", out, n) && !read_release("tzdata.zi", out, n))
        snprintf(out, n, "unknown");
}

void k2_zone_free(struct k2_zone *zone) {
    if (!zone)
        return;
    free(zone->transitions);
    free(zone->name);
    free(zone);
}
