/* lake/parquet_bound.c - see parquet_bound.h. */
#include "lake/parquet_bound.h"

#include "lake/parquet_encode.h"

static bool is_continuation(uint8_t b) {
    return (b & 0xc0) == 0x80;
}

/* Bytes of the code point at p, 0 if it is not well-formed. */
static size_t point_length(const uint8_t *p, size_t n) {
    if (p[0] < 0x80)
        return 1;
    size_t need = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n < need)
        return 0;
    for (size_t i = 1; i < need; i++)
        if (!is_continuation(p[i]))
            return 0;
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool surrogate = p[0] == 0xed && p[1] > 0x9f;
    bool beyond = p[0] == 0xf4 && p[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : need;
}

bool parquet_utf8_valid(struct k2_sv s) {
    const uint8_t *p = (const uint8_t *)s.p;
    for (size_t i = 0, step; i < s.n; i += step) {
        step = point_length(p + i, s.n - i);
        if (step == 0)
            return false;
    }
    return true;
}

void parquet_range_number(struct parquet_range *r, k2_i128 lo, k2_i128 hi) {
    if (!r->any || lo < r->lo)
        r->lo = lo;
    if (!r->any || hi > r->hi)
        r->hi = hi;
    r->any = true;
}

void parquet_range_text(struct parquet_range *r, struct k2_sv s) {
    if (!r->any || k2_sv_cmp(s, r->low) < 0)
        r->low = s;
    if (!r->any || k2_sv_cmp(s, r->high) > 0)
        r->high = s;
    r->any = true;
}

void parquet_range_merge(const struct parquet_leaf *leaf, struct parquet_range *into,
                         const struct parquet_range *from) {
    if (!from->any)
        return;
    if (leaf->text) {
        parquet_range_text(into, from->low);
        parquet_range_text(into, from->high);
    } else {
        parquet_range_number(into, from->lo, from->hi);
    }
}

int parquet_range_compare(const struct parquet_leaf *leaf, enum parquet_side side,
                          const struct parquet_range *a, const struct parquet_range *b) {
    if (leaf->text)
        return side == PARQUET_LOWER ? k2_sv_cmp(a->low, b->low) : k2_sv_cmp(a->high, b->high);
    k2_i128 x = side == PARQUET_LOWER ? a->lo : a->hi, y = side == PARQUET_LOWER ? b->lo : b->hi;
    return (x > y) - (x < y);
}

struct k2_sv parquet_cut_lower(struct k2_sv s, size_t limit, bool utf8) {
    if (s.n <= limit)
        return s;
    size_t n = limit;
    while (utf8 && n > 0 && is_continuation((uint8_t)s.p[n]))
        n--;
    return (struct k2_sv){s.p, n};
}

static uint32_t read_point(const uint8_t *p, size_t n) {
    static const uint8_t lead[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t point = p[0] & lead[n];
    for (size_t i = 1; i < n; i++)
        point = point << 6 | (p[i] & 0x3f);
    return point;
}

static size_t write_point(uint32_t point, uint8_t *out) {
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        return 1;
    }
    static const uint8_t lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t n = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, point >>= 6)
        out[i] = (uint8_t)(0x80 | (point & 0x3f));
    out[0] = (uint8_t)(lead[n] | point);
    return n;
}

/* Raises the last code point that can be in out[0..n) and drops what follows it. */
static int raise_utf8(uint8_t *out, size_t n) {
    while (n > 0) {
        size_t at = n - 1;
        while (is_continuation(out[at]))
            at--;
        uint32_t point = read_point(out + at, n - at);
        if (point < 0x10ffff) {
            point = point == 0xd7ff ? 0xe000 : point + 1; /* surrogates are no characters */
            return (int)(at + write_point(point, out + at));
        }
        n = at;
    }
    return -1;
}

static int raise_bytes(uint8_t *out, size_t n) {
    while (n > 0 && out[n - 1] == 0xff)
        n--;
    if (n == 0)
        return -1;
    out[n - 1]++;
    return (int)n;
}

int parquet_cut_upper(struct k2_sv s, size_t limit, bool utf8, uint8_t *out) {
    struct k2_sv cut = parquet_cut_lower(s, limit, utf8);
    if (cut.n)
        memcpy(out, cut.p, cut.n);
    if (cut.n == s.n)
        return (int)cut.n;
    return utf8 ? raise_utf8(out, cut.n) : raise_bytes(out, cut.n);
}

static void put_text(struct k2_sv s, bool utf8, enum parquet_side side, struct k2_buf *out,
                     bool *exact) {
    *exact = s.n <= PARQUET_STATISTIC;
    if (*exact) {
        k2_buf_sv(out, s);
        return;
    }
    if (side == PARQUET_LOWER) {
        k2_buf_sv(out, parquet_cut_lower(s, PARQUET_STATISTIC, utf8));
        return;
    }
    int n = parquet_cut_upper(s, PARQUET_STATISTIC, utf8, k2_buf_need(out, PARQUET_STATISTIC + 4));
    if (n >= 0) {
        out->n += (size_t)n;
    } else {
        *exact = true;
        k2_buf_sv(out, s);
    }
}

void parquet_bound_plain(const struct parquet_leaf *leaf, enum parquet_side side,
                         const struct parquet_range *r, struct k2_buf *out, bool *exact) {
    if (leaf->text) {
        put_text(side == PARQUET_LOWER ? r->low : r->high, leaf->utf8, side, out, exact);
        return;
    }
    *exact = true;
    k2_i128 v = side == PARQUET_LOWER ? r->lo : r->hi;
    if (leaf->physical == PARQUET_FIXED)
        parquet_put_fixed(out, &v, 1, leaf->width);
    else
        k2_buf_put(out, &v, leaf->width);
}

static int iceberg_text(struct k2_sv s, bool utf8, enum parquet_side side,
                        uint8_t out[PARQUET_BOUND]) {
    if (side == PARQUET_UPPER)
        return parquet_cut_upper(s, PARQUET_BOUND_TEXT, utf8, out);
    struct k2_sv cut = parquet_cut_lower(s, PARQUET_BOUND_TEXT, utf8);
    if (cut.n)
        memcpy(out, cut.p, cut.n);
    return (int)cut.n;
}

int parquet_bound_iceberg(const struct parquet_leaf *leaf, enum parquet_side side,
                          const struct parquet_range *r, uint8_t out[PARQUET_BOUND]) {
    if (!r->any || leaf->max_rep)
        return -1;
    if (leaf->text)
        return iceberg_text(side == PARQUET_LOWER ? r->low : r->high, leaf->utf8, side, out);
    k2_i128 v = side == PARQUET_LOWER ? r->lo : r->hi;
    if (leaf->physical == PARQUET_FIXED)
        return (int)k2_decimal_to_be(v, out);
    memcpy(out, &v, leaf->width);
    return (int)leaf->width;
}
