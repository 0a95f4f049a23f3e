/* feed/text.c - lines and strings of text formats; see feed_int.h. */
#include "feed/feed_int.h"

#include <stdio.h>

static void take(struct feed_lines *l, struct k2_sv *bytes, size_t n) {
    bytes->p += n;
    bytes->n -= n;
    l->next += n;
}

/* Drops the rest of a line that was too long; false while its end is not in sight. */
static bool skip_rest(struct feed_lines *l, struct k2_sv *bytes) {
    const char *lf = bytes->n ? memchr(bytes->p, '\n', bytes->n) : NULL;
    take(l, bytes, lf ? (size_t)(lf - bytes->p) + 1 : bytes->n);
    l->skipping = !lf;
    return !l->skipping;
}

/* Editors of another system put it before UTF-8; it says nothing about the lines. */
size_t feed_byte_order_mark(struct k2_sv head) {
    return k2_sv_starts(head, K2_SV("\xef\xbb\xbf")) ? 3 : 0;
}

enum feed_line feed_line_next(struct feed_lines *l, struct k2_sv *bytes, bool last,
                              struct k2_sv *line) {
    if (l->skipping && !skip_rest(l, bytes))
        return FEED_LINE_MORE;
    if (l->next == 0)
        take(l, bytes, feed_byte_order_mark(*bytes));
    if (bytes->n == 0)
        return FEED_LINE_MORE;
    size_t window = bytes->n <= FEED_LINE_MAX ? bytes->n : FEED_LINE_MAX + 1;
    const char *lf = memchr(bytes->p, '\n', window);
    bool too_long = !lf && bytes->n > FEED_LINE_MAX;
    if (!lf && !too_long && !last)
        return FEED_LINE_MORE;
    *line = (struct k2_sv){bytes->p, lf ? (size_t)(lf - bytes->p) : bytes->n};
    if (too_long)
        line->n = FEED_LINE_MAX;
    l->position++;
    l->offset = l->next;
    l->skipping = too_long;
    take(l, bytes, line->n + (lf != NULL));
    return too_long ? FEED_LINE_TOO_LONG : FEED_LINE_WHOLE;
}

void feed_lines_save(const struct feed_lines *l, struct k2_buf *out) {
    k2_avro_put_long(out, l->position);
    k2_avro_put_long(out, (int64_t)l->next);
    k2_avro_put_long(out, l->skipping);
}

bool feed_lines_restore(struct feed_lines *l, struct k2_sv *in) {
    int64_t position, next, skipping;
    if (!k2_avro_get_long(in, &position) || !k2_avro_get_long(in, &next) ||
        !k2_avro_get_long(in, &skipping) || position < 0 || position > INT64_MAX / 2 || next < 0 ||
        next > INT64_MAX / 2 || skipping < 0 || skipping > 1)
        return false;
    *l = (struct feed_lines){
        .position = position, .next = (uint64_t)next, .skipping = skipping == 1};
    return true;
}

/* Length of the UTF-8 sequence at p, 0 if there is none. RFC 3629, section 4. */
static size_t sequence_length(const uint8_t *p, size_t n) {
    size_t want = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (want == 0 || want > n || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < want; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0; /* overlong, surrogate, beyond U+10FFFF */
    return want;
}

bool feed_text_ok(struct k2_sv s, size_t most) {
    if (s.n > most)
        return false;
    const uint8_t *p = (const uint8_t *)s.p;
    for (size_t i = 0, step; i < s.n; i += step) {
        step = sequence_length(p + i, s.n - i);
        if (step == 0 || p[i] < 0x20 || p[i] == 0x7f)
            return false;
    }
    return true;
}

int feed_fault_set(struct feed_fault *f, const char *reason, const char *what, struct k2_sv text) {
    char shown[49];
    size_t n = text.n < sizeof shown - 1 ? text.n : sizeof shown - 1;
    for (size_t i = 0; i < n; i++)
        shown[i] = (char)(text.p[i] >= 0x20 && text.p[i] < 0x7f ? text.p[i] : '?');
    shown[n] = 0;
    f->reason = reason;
    snprintf(f->detail, sizeof f->detail, "%s: \"%s\"", what, shown);
    return -1;
}

int feed_fault_too_long(struct feed_fault *f) {
    f->reason = "MALFORMED";
    snprintf(f->detail, sizeof f->detail, "the line is longer than %zu bytes; its start is kept",
             FEED_LINE_MAX);
    return -1;
}
