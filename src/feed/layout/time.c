/* feed/layout/time.c - when a message of a layout happened, and on which session date. */
#include "feed/layout/state.h"

int32_t layout_date_find(struct layout_state *s, int64_t ns) {
    s->minute = (int64_t)((uint64_t)k2_floor_div(ns, LAYOUT_MINUTE) * (uint64_t)LAYOUT_MINUTE);
    s->minute_date = s->date != INT32_MIN ? s->date : feed_session_date(s->calendar, ns);
    return s->minute_date;
}

static int number_of(const char *p, int n) {
    int v = 0;
    for (int i = 0; i < n; i++)
        v = v * 10 + (p[i] - '0');
    return v;
}

static int32_t date_of(int year, int month, int day) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    bool good = year >= 1970 && year < 2200 && month >= 1 && month <= 12 && day >= 1 &&
                day <= days[month - 1] + (leap && month == 2);
    return good ? k2_days_from_civil(year, month, day) : INT32_MIN;
}

int32_t layout_name_date(struct k2_sv path) {
    int32_t found = INT32_MIN;
    size_t digits = 0;
    for (size_t i = 0; i <= path.n; i++) {
        char c = (char)(i < path.n ? path.p[i] : 0);
        if (digits == 8 && (c < '0' || c > '9')) {
            const char *p = path.p + i - 8;
            found = date_of(number_of(p, 4), number_of(p + 4, 2), number_of(p + 6, 2));
            if (found == INT32_MIN)
                found = date_of(number_of(p + 4, 4), number_of(p, 2), number_of(p + 2, 2));
        }
        if (c == '/') /* of the file, not of its folder */
            found = INT32_MIN;
        digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    }
    return found;
}

bool layout_midnight_find(struct layout_state *s, int64_t *out) {
    bool told = s->date != INT32_MIN || s->frame->time_ns != K2_NULL_LONG;
    int32_t date = told ? layout_date_of(s, s->frame->time_ns) : s->name_date;
    if (date == INT32_MIN)
        return false;
    if (date != s->midnight_date) {
        s->midnight_date = date;
        s->midnight =
            k2_zone_to_utc(feed_calendar_zone(s->calendar), (int64_t)date * K2_NS_PER_DAY);
    }
    s->midnight_frame_ns = s->frame->time_ns;
    *out = s->midnight;
    return true;
}

static bool term(struct layout_state *s, const struct layout_time_term *t, int64_t *out) {
    if (t->what == 'm')
        return layout_midnight(s, out);
    if (t->what == 'c') {
        const struct layout_clock *c = &s->l->clock[t->clock];
        int64_t base = 0, at = s->channel->clock[t->clock];
        return at != K2_NULL_LONG && !__builtin_mul_overflow(at, c->unit, out) &&
               (!c->midnight || layout_midnight(s, &base)) &&
               !__builtin_add_overflow(*out, base, out);
    }
    const struct layout_slot *v = &s->walk.slot[t->node];
    const struct layout_node *n = &s->l->nodes[t->node];
    if (!v->there || v->null || (n->type == LAYOUT_UINT && v->raw > INT64_MAX))
        return false;
    return !__builtin_mul_overflow(layout_signed(n, v->raw), t->unit, out);
}

static bool sum(struct layout_state *s, const struct layout_time *time, int64_t *out) {
    *out = 0;
    for (uint32_t i = 0; i < time->count; i++) {
        int64_t one;
        if (!term(s, &s->l->time_terms[time->first + i], &one) ||
            __builtin_add_overflow(*out, one, out))
            return false;
    }
    return *out > 0;
}

void layout_time_taken(struct layout_state *s, uint32_t time) {
    const struct layout_time *t = &s->l->times[time];
    for (uint32_t i = 0; i < t->count; i++)
        if (s->l->time_terms[t->first + i].what == 'f')
            s->taken[s->l->time_terms[t->first + i].node] = s->taking;
}

int64_t layout_time_of(struct layout_state *s, uint32_t times, uint32_t count) {
    int64_t ns;
    for (uint32_t i = 0; i < count; i++) {
        const struct layout_time *time = &s->l->times[times + i];
        if (!sum(s, time, &ns))
            continue;
        layout_time_taken(s, times + i);
        s->time_told = (int)i;
        return ns;
    }
    s->time_told = -1;
    return s->frame->time_ns;
}
