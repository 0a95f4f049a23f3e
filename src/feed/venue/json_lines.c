/* feed/venue/json_lines.c - see json_lines.h. */
#include "feed/venue/json_lines.h"

#include <stdio.h>

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
        if (r->text.n == 0)
            return bad_time(r, time);
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

static enum json_line next_plain(struct json_lines *l, struct k2_sv *bytes, bool last,
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

/* --- raw captures --- */

static struct json_record record_of(const struct json_lines *l, const struct raw_finding *f) {
    return (struct json_record){.raw = f->frame.bytes,
                                .text = k2_sv_trim(f->frame.bytes),
                                .url = k2_buf_view(&l->url),
                                .receive_ns = f->frame.received_ns,
                                .position = f->number,
                                .offset = f->offset};
}

static enum json_line bad(struct json_record *r, const char *why) {
    r->receive_ns = K2_NULL_LONG;
    r->fault.reason = "MALFORMED";
    snprintf(r->fault.detail, sizeof r->fault.detail, "%s", why);
    return JSON_LINE_BAD;
}

/* A recording that is played again has RECEIVED in front of its JSON too; the time of a raw capture's events is that of
 * their frame. */
static enum json_line read_framed(struct json_record *r) {
    int64_t received = r->receive_ns;
    enum json_line found = is_digit(r->text.p[0]) ? read_received(r->text, r) : JSON_LINE_MESSAGE;
    r->receive_ns = received;
    return found;
}

/* What a stream left behind that is no line: its end will not come. */
static enum json_line leave_stream(struct json_lines *l, struct json_record *r) {
    *r = (struct json_record){.raw = {(char *)l->stream.p, l->stream.n},
                              .position = l->raw.number,
                              .offset = l->stream_offset};
    l->stream_done = l->stream.n;
    return bad(r, "the connection ended inside a line");
}

static struct k2_sv unread(const struct json_lines *l) {
    if (l->stream.n == l->stream_done)
        return (struct k2_sv){NULL, 0};
    return (struct k2_sv){(char *)l->stream.p + l->stream_done, l->stream.n - l->stream_done};
}

static void drop_given(struct json_lines *l) {
    size_t left = l->stream.n - l->stream_done;
    if (l->stream_done && left)
        memmove(l->stream.p, l->stream.p + l->stream_done, left);
    l->stream.n = left;
    l->stream_done = 0;
}

static void add_to_stream(struct json_lines *l, const struct raw_finding *f) {
    drop_given(l);
    if (l->stream.n == 0)
        l->stream_offset = f->offset;
    l->stream_ns = f->frame.received_ns;
    k2_buf_sv(&l->stream, f->frame.bytes);
}

/* MORE: there is no whole line in what came. */
static enum json_line next_of_stream(struct json_lines *l, struct json_record *r) {
    struct k2_sv rest = unread(l);
    while (rest.n) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        if (!end && n <= FEED_LINE_MAX)
            return JSON_LINE_MORE;
        l->stream_done += n + (end != NULL);
        *r = (struct json_record){.raw = {rest.p, n},
                                  .text = k2_sv_trim((struct k2_sv){rest.p, n}),
                                  .url = k2_buf_view(&l->url),
                                  .receive_ns = l->stream_ns,
                                  .position = l->raw.number,
                                  .offset = l->stream_offset};
        if (n > FEED_LINE_MAX)
            return too_long(r);
        if (r->text.n)
            return read_framed(r);
        rest = (struct k2_sv){rest.p + n + 1, rest.n - n - 1};
    }
    return JSON_LINE_MORE;
}

/* MORE: the frame was bytes of a stream. */
static enum json_line read_frame(struct json_lines *l, const struct raw_finding *f,
                                 struct json_record *r) {
    switch (f->frame.form) {
    case LIVE_CONNECTED:
        (void)keep_url(l, f->frame.bytes);
        drop_given(l);
        if (l->stream.n) /* who was killed did not write that it ended */
            return leave_stream(l, r);
        r->url = f->frame.bytes;
        return note(r, feed_raw_connected);
    case LIVE_DISCONNECTED:
        drop_given(l);
        return l->stream.n ? leave_stream(l, r) : note(r, feed_raw_disconnected);
    case LIVE_STREAM:
        add_to_stream(l, f);
        return JSON_LINE_MORE;
    case LIVE_DATAGRAM:
    case LIVE_TEXT:
    case LIVE_BINARY:
        break;
    }
    return r->text.n ? read_framed(r) : note(r, "a frame without bytes");
}

static enum json_line next_raw(struct json_lines *l, struct k2_sv *bytes, bool last,
                               struct json_record *r) {
    for (;;) {
        struct raw_finding f;
        enum json_line line = next_of_stream(l, r);
        if (line != JSON_LINE_MORE)
            return line;
        enum raw_found found = raw_next(&l->raw, bytes, last, &f);
        if (found == RAW_MORE) {
            drop_given(l);
            return last && l->stream.n ? leave_stream(l, r) : JSON_LINE_MORE;
        }
        *r = record_of(l, &f);
        if (found == RAW_DAMAGE)
            return bad(r, f.what);
        if (found == RAW_TWIN)
            return note(r, feed_raw_twin);
        line = read_frame(l, &f, r);
        if (line != JSON_LINE_MORE)
            return line;
    }
}

static void tell_container(struct json_lines *l, struct k2_sv bytes, bool last) {
    if (!last && (bytes.n == 0 || (feed_raw_may_be(bytes) && !feed_raw_is(bytes))))
        return;
    l->in = feed_raw_is(bytes) ? JSON_RAW : JSON_PLAIN;
}

enum json_line json_line_next(struct json_lines *l, struct k2_sv *bytes, bool last,
                              struct json_record *r) {
    if (l->in == JSON_UNTOLD)
        tell_container(l, *bytes, last);
    if (l->in == JSON_UNTOLD)
        return JSON_LINE_MORE;
    enum json_line found =
        l->in == JSON_RAW ? next_raw(l, bytes, last, r) : next_plain(l, bytes, last, r);
    return found == JSON_LINE_MESSAGE && !json_unpack(&l->packed, r) ? JSON_LINE_BAD : found;
}

void json_lines_free(struct json_lines *l) {
    k2_buf_free(&l->url);
    k2_buf_free(&l->stream);
    raw_reader_free(&l->raw);
    json_packed_free(&l->packed);
    *l = (struct json_lines){0};
}

void json_lines_save(const struct json_lines *l, struct k2_buf *out) {
    k2_avro_put_long(out, (int64_t)l->in);
    feed_lines_save(&l->lines, out);
    k2_avro_put_bytes(out, k2_buf_view(&l->url));
    if (l->in != JSON_RAW)
        return;
    raw_reader_save(&l->raw, out);
    k2_avro_put_bytes(out, unread(l));
    k2_avro_put_long(out, l->stream_ns);
    k2_avro_put_long(out, (int64_t)l->stream_offset);
}

static bool restore_raw(struct json_lines *l, struct k2_sv *in) {
    struct k2_sv stream;
    int64_t ns, offset;
    if (!raw_reader_restore(&l->raw, in) || !k2_avro_get_bytes(in, &stream) ||
        !k2_avro_get_long(in, &ns) || !k2_avro_get_long(in, &offset) || offset < 0)
        return false;
    l->stream.n = l->stream_done = 0;
    k2_buf_sv(&l->stream, stream);
    l->stream_ns = ns;
    l->stream_offset = (uint64_t)offset;
    return true;
}

bool json_lines_restore(struct json_lines *l, struct k2_sv *in) {
    struct feed_lines lines;
    struct k2_sv url;
    int64_t container;
    if (!k2_avro_get_long(in, &container) || container < JSON_UNTOLD || container > JSON_RAW ||
        !feed_lines_restore(&lines, in) || !k2_avro_get_bytes(in, &url) || url.n > URL_MAX)
        return false;
    l->in = (enum json_container)container;
    l->lines = lines;
    (void)keep_url(l, url);
    return l->in != JSON_RAW || restore_raw(l, in);
}

bool json_lines_first(struct k2_sv head, struct json_record *r) {
    struct json_lines l = {0};
    *r = (struct json_record){0}; /* an empty head has no line that would fill it */
    const char *end = head.p + head.n;
    enum json_line found;
    struct k2_sv connected = {NULL, 0};
    while ((found = json_line_next(&l, &head, true, r)) == JSON_LINE_NOTE &&
           (l.in == JSON_RAW || !r->url.n))
        if (r->url.n && !connected.n)
            connected = r->url;
    if (l.in == JSON_RAW) {
        r->url = connected;
        r->any_url = true;
        if (r->packed)
            r->text.n = 0;
        json_lines_free(&l);
        return found == JSON_LINE_MESSAGE;
    }
    if (found != JSON_LINE_NOTE && !r->answer)
        r->url = (struct k2_sv){NULL, 0};
    if (r->packed) /* it went with the lines */
        r->text.n = 0;
    if (r->text.n == 1) /* a message over several lines, of which the end is not there */
        r->text.n = (size_t)(end - r->text.p);
    json_lines_free(&l);
    return found == JSON_LINE_MESSAGE || (found == JSON_LINE_NOTE && r->url.n);
}
