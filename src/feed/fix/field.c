/* feed/fix/field.c - fields of a message as columns, and the others as extra; see market.h. */
#include "feed/fix/market.h"

#include <stdio.h>
#include <stdlib.h>

/* --- finding --- */

static size_t find_in(const struct fix_market *m, uint32_t tag, size_t from, size_t to) {
    for (size_t i = from; i < to; i++)
        if (m->m->fields[i].tag == tag)
            return i;
    return SIZE_MAX;
}

static size_t find(const struct fix_market *m, uint32_t tag) {
    size_t at = find_in(m, tag, m->from, m->to);
    if (at == SIZE_MAX)
        at = find_in(m, tag, 0, m->entries_at);
    return at != SIZE_MAX ? at : find_in(m, tag, m->entries_end, m->m->n);
}

struct k2_sv fix_look(const struct fix_market *m, uint32_t tag) {
    size_t at = find(m, tag);
    return at == SIZE_MAX ? (struct k2_sv){NULL, 0} : m->m->fields[at].text;
}

struct k2_sv fix_take(struct fix_market *m, uint32_t tag) {
    size_t at = find(m, tag);
    if (at == SIZE_MAX)
        return (struct k2_sv){NULL, 0};
    m->taken[at] = m->taking;
    return m->m->fields[at].text;
}

uint32_t fix_take_text(struct fix_market *m, uint32_t tag, uint32_t *memo) {
    struct k2_sv s = fix_take(m, tag);
    return s.n ? feed_intern(m->in, memo, s) : 0;
}

void fix_take_decimal(struct fix_market *m, uint32_t tag, int precision, int scale, k2_i128 *out) {
    struct k2_sv s = fix_take(m, tag);
    if (!s.n)
        return;
    int rc = k2_decimal_parse(s, precision, scale, out, NULL);
    if (rc == K2_OK)
        return;
    *out = K2_NULL_DECIMAL;
    if (!m->fault.reason && rc == K2_E_RANGE)
        (void)feed_fault_set(&m->fault, "RANGE", "a decimal has more digits than its column", s);
    else if (!m->fault.reason)
        (void)feed_fault_set(&m->fault, "MALFORMED", "this is no decimal", s);
}

void fix_take_long(struct fix_market *m, uint32_t tag, int64_t *out) {
    struct k2_sv s = fix_take(m, tag);
    if (!s.n || (k2_sv_i64(s, out) && *out != K2_NULL_LONG))
        return;
    *out = K2_NULL_LONG;
    if (!m->fault.reason)
        (void)feed_fault_set(&m->fault, "MALFORMED", "this is no integer", s);
}

/* --- times: FIX 5.0 SP2, volume 1, "UTCTimestamp" --- */

#define DIGITS_MAX 24

/* The digits without what is between them; 0 = there is something else. */
static size_t digits_of(struct k2_sv s, char out[DIGITS_MAX]) {
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] >= '0' && s.p[i] <= '9' && n < DIGITS_MAX)
            out[n++] = s.p[i];
        else if (!memchr("-:.", s.p[i], 3))
            return 0;
    }
    return n;
}

static int number(const char *p, size_t n) {
    int v = 0;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (p[i] - '0');
    return v;
}

static bool date_of(const char *p, int32_t *days) {
    int y = number(p, 4), mo = number(p + 4, 2), d = number(p + 6, 2), y2, mo2, d2;
    if (y < 1700 || y > 2200 || mo < 1 || mo > 12)
        return false;
    *days = k2_days_from_civil(y, mo, d);
    k2_civil_from_days(*days, &y2, &mo2, &d2);
    return y == y2 && mo == mo2 && d == d2;
}

/* HHMMSS and up to nine digits. A leap second is the one before it. */
static bool time_of(const char *p, size_t n, int64_t *ns) {
    if (n < 6 || n > 15)
        return false;
    int h = number(p, 2), mi = number(p + 2, 2), s = number(p + 4, 2);
    int64_t part = 0;
    for (size_t i = 0; i < 9; i++)
        part = part * 10 + (i + 6 < n ? p[i + 6] - '0' : 0);
    *ns = ((h * 60 + mi) * 60 + (s == 60 ? 59 : s)) * K2_NS_PER_SEC + part;
    return h < 24 && mi < 60 && s <= 60;
}

bool fix_date(struct k2_sv text, int32_t *days) {
    char d[DIGITS_MAX];
    return digits_of(text, d) == 8 && date_of(d, days);
}

bool fix_stamp(struct k2_sv text, int64_t *ns) {
    char d[DIGITS_MAX];
    size_t n = digits_of(text, d);
    int32_t days;
    int64_t rest;
    if (n < 14 || !date_of(d, &days) || !time_of(d + 8, n - 8, &rest))
        return false;
    *ns = days * K2_NS_PER_DAY + rest;
    return true;
}

bool fix_time_of_day(struct k2_sv text, int64_t *ns) {
    char d[DIGITS_MAX], padded[16] = "000000000000000";
    size_t n = digits_of(text, d);
    if (n == 0 || n > 15)
        return false;
    if (memchr(text.p, ':', text.n))
        return time_of(d, n, ns);
    size_t width = n <= 9 ? 9 : n <= 12 ? 12 : 15;
    memcpy(padded + (width - n), d, n);
    return time_of(padded, width, ns);
}

/* --- extra --- */

static void add_pairs(struct fix_market *m, size_t from, size_t to, size_t *n) {
    for (size_t i = from; i < to; i++) {
        const struct fix_field *f = &m->m->fields[i];
        bool again = m->possdup && f->tag == FIX_ORIG_SENDING_TIME;
        if (m->taken[i] != m->taking && f->text.n)
            m->pairs[(*n)++] = (struct fix_pair){again ? K2_SV("SendingTime") : f->key, f->text};
    }
}

/* Few: by insertion; the first of equal keys is before the others. */
static void sort(struct fix_pair *p, size_t n) {
    for (size_t i = 1; i < n; i++) {
        struct fix_pair moved = p[i];
        size_t at = i;
        for (; at > 0 && k2_sv_cmp(moved.key, p[at - 1].key) < 0; at--)
            p[at] = p[at - 1];
        p[at] = moved;
    }
}

static int compare(const void *a, const void *b) {
    const struct fix_pair *x = a, *y = b;
    int order = k2_sv_cmp(x->key, y->key);
    return order ? order : (x->text.p > y->text.p) - (x->text.p < y->text.p);
}

/* Fields that repeat have their place behind their name: "Text", "Text.1", "Text.2". */
static void put_key(struct k2_buf *blob, struct k2_sv key, unsigned again) {
    char suffix[16];
    int n = again ? snprintf(suffix, sizeof suffix, ".%u", again) : 0;
    uint8_t *p = k2_buf_need(blob, 4 + key.n + (size_t)n);
    k2_put_u32(p, (uint32_t)(key.n + (size_t)n));
    memcpy(p + 4, key.p, key.n);
    memcpy(p + 4 + key.n, suffix, (size_t)n);
    blob->n += 4 + key.n + (size_t)n;
}

/* Text that may not be stored as it is, in hexadecimal. */
static void put_text(struct fix_market *m, struct k2_sv text) {
    if (feed_text_ok(text, 65535)) {
        k2_blob_add(&m->blob, text);
        return;
    }
    m->text.n = 0;
    for (size_t i = 0; i < text.n; i++)
        k2_buf_printf(&m->text, "%02x", (unsigned)(unsigned char)text.p[i]);
    k2_blob_add(&m->blob, k2_buf_view(&m->text));
}

static void order_again(struct fix_market *m) {
    struct k2_sv blob, key, text;
    size_t n = 0;
    m->text.n = 0;
    k2_buf_sv(&m->text, k2_buf_view(&m->blob));
    blob = k2_buf_view(&m->text);
    while (k2_blob_next(&blob, &key) && k2_blob_next(&blob, &text))
        m->pairs[n++] = (struct fix_pair){key, text};
    qsort(m->pairs, n, sizeof *m->pairs, compare);
    m->blob.n = 0;
    for (size_t i = 0; i < n; i++) {
        k2_blob_add(&m->blob, m->pairs[i].key);
        k2_blob_add(&m->blob, m->pairs[i].text);
    }
}

uint32_t fix_extra(struct fix_market *m) {
    size_t n = 0;
    unsigned again = 0, most = 0;
    add_pairs(m, m->from, m->to, &n);
    add_pairs(m, 0, m->entries_at, &n);
    add_pairs(m, m->entries_end, m->m->n, &n);
    if (m->first != K2_NULL_LONG)
        m->pairs[n++] = (struct fix_pair){K2_SV("first_sequence"), fix_look(m, FIX_SEQ_NUM)};
    if (n == 0)
        return 0;
    if (n > 64)
        qsort(m->pairs, n, sizeof *m->pairs, compare);
    else
        sort(m->pairs, n);
    m->blob.n = 0;
    for (size_t i = 0; i < n; i++) {
        again = i && k2_sv_eq(m->pairs[i].key, m->pairs[i - 1].key) ? again + 1 : 0;
        most = again > most ? again : most;
        put_key(&m->blob, m->pairs[i].key, again);
        put_text(m, m->pairs[i].text);
    }
    if (most)
        order_again(m);
    return feed_intern(m->in, &m->extra_id, k2_buf_view(&m->blob));
}
