/* feed/venue/json_lines.c - see json_lines.h. */
#include "feed/venue/json_lines.h"

#define URL_MAX 4096 /* bytes of an address that are kept; a longer one is cut */

/* --- moments --- */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Up to 18 digits; how many. */
static size_t take_number(struct k2_sv *s, int64_t *out) {
    size_t n = 0;
    *out = 0;
    for (; n < s->n && n < 18 && is_digit(s->p[n]); n++)
        *out = *out * 10 + (s->p[n] - '0');
    s->p += n;
    s->n -= n;
    return n;
}

/* Digits as a fraction of `unit`, which is a power of ten; false if something else is among them. */
static bool fraction_of(struct k2_sv digits, int64_t unit, int64_t *out) {
    *out = 0;
    for (size_t i = 0; i < digits.n; i++) {
        if (!is_digit(digits.p[i]))
            return false;
        unit /= 10;
        *out += unit * (digits.p[i] - '0');
    }
    return true;
}

bool json_time(struct k2_sv text, int64_t unit, int64_t *ns) {
    struct k2_sv fraction = text, whole = k2_sv_split(&fraction, '.');
    int64_t value, rest = 0;
    if (!whole.n || !is_digit(whole.p[0]) || !k2_sv_i64(whole, &value))
        return false;
    if (fraction.p && (fraction.n == 0 || !fraction_of(fraction, unit, &rest)))
        return false;
    return !__builtin_mul_overflow(value, unit, ns) && !__builtin_add_overflow(*ns, rest, ns);
}

/* `n` digits and the mark behind them, which is 0 for none. */
static bool take_part(struct k2_sv *s, size_t n, char mark, int *out) {
    int64_t value;
    struct k2_sv digits = {s->p, n};
    if (s->n < n + (mark != 0) || take_number(&digits, &value) != n)
        return false;
    s->p += n;
    s->n -= n;
    *out = (int)value;
    return !mark || k2_sv_take(s, mark);
}

static bool take_zone(struct k2_sv *s) {
    return k2_sv_eq(*s, K2_SV("Z")) || k2_sv_eq(*s, K2_SV("+00:00")) || s->n == 0;
}

static bool take_fraction(struct k2_sv *s, int64_t *ns) {
    struct k2_sv digits = {s->p, 0};
    *ns = 0;
    if (s->n == 0 || s->p[0] != '.')
        return true;
    digits.p++;
    while (digits.n + 1 < s->n && is_digit(digits.p[digits.n]))
        digits.n++;
    s->p += digits.n + 1;
    s->n -= digits.n + 1;
    return digits.n && fraction_of(digits, K2_NS_PER_SEC, ns);
}

bool json_time_iso(struct k2_sv s, int64_t *ns) {
    int year, month, day, hour, minute, second, y, m, d;
    int64_t fraction;
    if (!take_part(&s, 4, '-', &year) || !take_part(&s, 2, '-', &month) ||
        !take_part(&s, 2, 0, &day) || !(k2_sv_take(&s, 'T') || k2_sv_take(&s, ' ')) ||
        !take_part(&s, 2, ':', &hour) || !take_part(&s, 2, ':', &minute) ||
        !take_part(&s, 2, 0, &second) || !take_fraction(&s, &fraction) || !take_zone(&s))
        return false;
    if (year < 1970 || year > 2261 || month < 1 || month > 12 || day < 1 || hour > 23 ||
        minute > 59 || second > 60)
        return false;
    int32_t days = k2_days_from_civil(year, month, day);
    k2_civil_from_days(days, &y, &m, &d);
    if (y != year || m != month || d != day)
        return false;
    *ns = days * K2_NS_PER_DAY + (hour * 3600 + minute * 60 + second) * K2_NS_PER_SEC + fraction;
    return true;
}

/* --- one line --- */

static enum json_line bad_time(struct json_record *r, struct k2_sv text) {
    (void)feed_fault_set(&r->fault, "MALFORMED",
                         "it is neither JSON nor a receive time in ns and a blank in front of it",
                         text);
    return JSON_LINE_BAD;
}

static bool starts_json(struct k2_sv s) {
    return s.n && (s.p[0] == '{' || s.p[0] == '[');
}

/* RECEIVED JSON, RECEIVED WORD JSON and TIME: JSON. */
static enum json_line read_received(struct k2_sv line, struct json_record *r) {
    struct k2_sv rest = line, time = {line.p, 0};
    while (time.n < line.n && (is_digit(line.p[time.n]) || line.p[time.n] == '.'))
        time.n++;
    rest = (struct k2_sv){line.p + time.n, line.n - time.n};
    bool colon = k2_sv_take(&rest, ':'), blank = k2_sv_take(&rest, ' ') || k2_sv_take(&rest, '\t');
    r->text = k2_sv_trim(rest);
    if (!blank || r->text.n == 0)
        return bad_time(r, time);
    if (!colon && !starts_json(r->text)) {
        r->word = k2_sv_split(&rest, ' ');
        r->text = k2_sv_trim(rest);
    }
    int64_t unit = colon ? K2_NS_PER_SEC : r->word.n ? K2_NS_PER_MS : 1;
    if (!json_time(time, unit, &r->receive_ns))
        return bad_time(r, time);
    return JSON_LINE_MESSAGE;
}

static bool keep_url(struct json_lines *l, struct k2_sv url) {
    l->url.n = 0;
    k2_buf_put(&l->url, url.p, url.n < URL_MAX ? url.n : URL_MAX);
    return true;
}

static enum json_line note(struct json_record *r, const char *text) {
    r->note = text;
    return JSON_LINE_NOTE;
}

/* URL <-> TIME, URL <- TIME: JSON and URL -> TIME: JSON; false if it is none of these. */
static bool read_addressed(struct json_lines *l, struct k2_sv line, struct json_record *r,
                           enum json_line *found) {
    struct k2_sv rest = line, url = k2_sv_split(&rest, ' '), way = k2_sv_split(&rest, ' ');
    if (!url.n || !memmem(url.p, url.n, "://", 3))
        return false;
    r->url = url;
    if (k2_sv_eq(way, K2_SV("<->"))) {
        (void)keep_url(l, url);
        *found = note(r, "a connection was opened");
    } else if (k2_sv_eq(way, K2_SV("<-"))) {
        *found = note(r, "sent to the venue");
    } else if (k2_sv_eq(way, K2_SV("->"))) {
        *found = rest.n && is_digit(rest.p[0]) ? read_received(rest, r) : bad_time(r, rest);
        r->answer = true;
    } else {
        r->url = (struct k2_sv){NULL, 0};
        return false;
    }
    return true;
}

/* WORD: JSON */
static bool is_about_capture(struct k2_sv line) {
    size_t n = 0;
    while (n < line.n && line.p[n] >= 'a' && line.p[n] <= 'z')
        n++;
    return n && n + 2 < line.n && line.p[n] == ':' && line.p[n + 1] == ' ' &&
           starts_json((struct k2_sv){line.p + n + 2, line.n - n - 2});
}

static enum json_line read_line(struct json_lines *l, struct k2_sv line, struct json_record *r) {
    enum json_line found;
    r->url = k2_buf_view(&l->url);
    r->text = line;
    if (is_digit(line.p[0]))
        return read_received(line, r);
    if (starts_json(line))
        return JSON_LINE_MESSAGE;
    if (read_addressed(l, line, r, &found))
        return found;
    return is_about_capture(line) ? note(r, "about the capture") : JSON_LINE_MESSAGE;
}

/* --- a message over several lines --- */

/* A line that is only an opening bracket, at its start. */
static char closing(struct k2_sv line) {
    struct k2_sv s = k2_sv_trim(line);
    if (s.n != 1 || s.p != line.p)
        return 0;
    return (char)(s.p[0] == '{' ? '}' : s.p[0] == '[' ? ']' : 0);
}

/* Up to the line that begins with `close`. MORE: its end is not in sight; TOO_LONG: it has none. */
static enum feed_line take_document(struct feed_lines *l, struct k2_sv *bytes, bool last,
                                    char close, struct k2_sv *line) {
    struct feed_lines at = *l;
    struct k2_sv rest = *bytes, next;
    const char *start = line->p;
    while ((size_t)(rest.p - start) <= FEED_LINE_MAX) {
        enum feed_line found = feed_line_next(&at, &rest, last, &next);
        if (found == FEED_LINE_MORE)
            return last ? FEED_LINE_TOO_LONG : FEED_LINE_MORE;
        if (found == FEED_LINE_WHOLE && next.n && next.p[0] == close) {
            l->position = at.position;
            l->next = at.next;
            *line = (struct k2_sv){start, (size_t)(next.p - start) + next.n};
            *bytes = rest;
            return FEED_LINE_WHOLE;
        }
        if (rest.n == 0)
            return last ? FEED_LINE_TOO_LONG : FEED_LINE_MORE;
    }
    return FEED_LINE_TOO_LONG;
}

static enum json_line too_long(struct json_record *r) {
    (void)feed_fault_too_long(&r->fault);
    return JSON_LINE_BAD;
}

enum json_line json_line_next(struct json_lines *l, struct k2_sv *bytes, bool last,
                              struct json_record *r) {
    struct k2_sv line, text;
    for (;;) {
        struct feed_lines before = l->lines;
        struct k2_sv whole = *bytes;
        enum feed_line found = feed_line_next(&l->lines, bytes, last, &line);
        if (found == FEED_LINE_MORE)
            return JSON_LINE_MORE;
        *r = (struct json_record){.raw = line,
                                  .receive_ns = K2_NULL_LONG,
                                  .position = l->lines.position,
                                  .offset = l->lines.offset};
        if (found == FEED_LINE_TOO_LONG)
            return too_long(r);
        char close = closing(line);
        if (close && take_document(&l->lines, bytes, last, close, &line) == FEED_LINE_MORE) {
            l->lines = before;
            *bytes = whole;
            return JSON_LINE_MORE;
        }
        r->raw = line;
        text = k2_sv_trim(line);
        if (text.n)
            return read_line(l, text, r);
    }
}

void json_lines_free(struct json_lines *l) {
    k2_buf_free(&l->url);
    *l = (struct json_lines){0};
}

void json_lines_save(const struct json_lines *l, struct k2_buf *out) {
    feed_lines_save(&l->lines, out);
    k2_avro_put_bytes(out, k2_buf_view(&l->url));
}

bool json_lines_restore(struct json_lines *l, struct k2_sv *in) {
    struct feed_lines lines;
    struct k2_sv url;
    if (!feed_lines_restore(&lines, in) || !k2_avro_get_bytes(in, &url) || url.n > URL_MAX)
        return false;
    l->lines = lines;
    return keep_url(l, url);
}

bool json_lines_first(struct k2_sv head, struct json_record *r) {
    struct json_lines l = {0};
    *r = (struct json_record){0}; /* an empty head has no line that would fill it */
    const char *end = head.p + head.n;
    enum json_line found;
    while ((found = json_line_next(&l, &head, true, r)) == JSON_LINE_NOTE && !r->url.n)
        ;
    if (found != JSON_LINE_NOTE && !r->answer)
        r->url = (struct k2_sv){NULL, 0};
    if (r->text.n == 1) /* a message over several lines, of which the end is not there */
        r->text.n = (size_t)(end - r->text.p);
    json_lines_free(&l);
    return found == JSON_LINE_MESSAGE || (found == JSON_LINE_NOTE && r->url.n);
}
