/* feed/rows/mapping_time.c - times of rows: counts since 1970 or midnight, and texts by a pattern. See mapping.h. */
#include "feed/rows/mapping.h"

#include "base/clock.h"
#include "feed/rows/rows.h"

bool mapping_epoch(struct k2_sv text, enum map_unit unit, int64_t *ns) {
    static const int scale[] = {9, 6, 3, 0, 9, 6, 3, 0};
    k2_i128 value;
    if (unit > MAP_NS_OF_DAY || k2_decimal_parse(text, 19, scale[unit], &value, NULL) != K2_OK)
        return false;
    if (value > INT64_MAX || value <= INT64_MIN)
        return false;
    *ns = (int64_t)value;
    return unit < MAP_S_OF_DAY || (*ns >= 0 && *ns < K2_NS_PER_DAY);
}

/* --- patterns --- */

struct parts {
    int year, month, day, hour, minute, second;
    int64_t fraction;
};

static bool take_number(struct k2_sv *text, size_t least, size_t most, int *out) {
    size_t n = 0;
    while (n < most && n < text->n && text->p[n] >= '0' && text->p[n] <= '9')
        n++;
    if (n < least || !feed_digits(text->p, n, out))
        return false;
    text->p += n;
    text->n -= n;
    return true;
}

static bool take_fraction(struct k2_sv *text, int64_t *out) {
    int64_t unit = K2_NS_PER_SEC;
    size_t n = 0;
    *out = 0;
    for (; n < text->n && text->p[n] >= '0' && text->p[n] <= '9'; n++) {
        unit /= 10;
        if (unit == 0 && text->p[n] != '0')
            return false;
        *out += unit * (text->p[n] - '0');
    }
    text->p += n;
    text->n -= n;
    return n > 0;
}

static bool take_month(struct k2_sv *text, int *out) {
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int m = 0; m < 12 && text->n >= 3; m++) {
        const char *name = names + 3 * (size_t)m;
        if ((text->p[0] | 32) != name[0] || (text->p[1] | 32) != name[1] ||
            (text->p[2] | 32) != name[2])
            continue;
        *out = m + 1;
        text->p += 3;
        text->n -= 3;
        return true;
    }
    return false;
}

static bool take_part(struct k2_sv *text, char part, struct parts *p) {
    switch (part) {
    case 'Y':
        return take_number(text, 4, 4, &p->year);
    case 'm':
        return take_number(text, 1, 2, &p->month);
    case 'b':
        return take_month(text, &p->month);
    case 'd':
        return take_number(text, 1, 2, &p->day);
    case 'H':
        return take_number(text, 1, 2, &p->hour);
    case 'M':
        return take_number(text, 2, 2, &p->minute);
    case 'S':
        return take_number(text, 2, 2, &p->second);
    case 'f':
        return take_fraction(text, &p->fraction);
    default:
        return false; /* mapping_check_pattern refused it before */
    }
}

const char *mapping_check_pattern(const char *pattern, bool *day, bool *time) {
    bool seen[128] = {false};
    for (const char *p = pattern; *p; p++) {
        if (*p != '%')
            continue;
        p++;
        if (!*p || !strchr("YmbdHMSf", *p))
            return "a pattern knows %Y %m %b %d %H %M %S %f";
        if (seen[(unsigned char)*p])
            return "a part is there twice";
        seen[(unsigned char)*p] = true;
    }
    *day = seen['Y'] && (seen['m'] || seen['b']) && seen['d'];
    *time = seen['H'];
    return *day || *time ? NULL : "it gives neither a date (%Y %m %d) nor a time (%H)";
}

static bool date_of(const struct parts *p, int32_t *day) {
    int y, m, d;
    if (p->year < 1700 || p->year > 2200 || p->month < 1 || p->month > 12 || p->day < 1 ||
        p->day > 31)
        return false;
    *day = k2_days_from_civil(p->year, p->month, p->day);
    k2_civil_from_days(*day, &y, &m, &d);
    return m == p->month;
}

bool mapping_match(struct k2_sv text, const char *pattern, struct map_moment *out) {
    struct parts p = {0};
    if (mapping_check_pattern(pattern, &out->has_day, &out->has_time))
        return false;
    for (const char *at = pattern; *at; at++) {
        if (*at == '%' ? !take_part(&text, *++at, &p) : !k2_sv_take(&text, *at))
            return false;
    }
    if (text.n || p.hour > 23 || p.minute > 59 || p.second > 59)
        return false;
    out->of_day = (p.hour * 3600 + p.minute * 60 + p.second) * K2_NS_PER_SEC + p.fraction;
    return !out->has_day || date_of(&p, &out->day);
}
