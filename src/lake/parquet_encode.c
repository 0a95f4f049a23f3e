/* lake/parquet_encode.c - see parquet_encode.h.
 *
 * Hybrid: runs, each with a varint header. header & 1 == 0: header >> 1 times the value that
 * follows in ceil(width / 8) bytes. header & 1 == 1: (header >> 1) * 8 values, bit-packed from the
 * lowest bit. Delta: varint 128 (block), 4 (miniblocks), n, zigzag of the first value; then per
 * block the zigzag least difference, 4 bytes of bit widths, and each miniblock's 32 differences
 * minus the least, bit-packed. A miniblock beyond the last value has width 0 and no bytes.
 */
#include "lake/parquet_encode.h"

#include "lake/parquet_thrift.h"

enum { BLOCK = 128, MINI = 32, MINIS = BLOCK / MINI };

unsigned parquet_bit_width(uint64_t max) {
    return max ? 64 - (unsigned)__builtin_clzll(max) : 0;
}

/* A stream of bits, lowest first. Whole words are stored, so 8 bytes behind `out` must be writable;
 * held < 8 between calls. */
struct bits {
    uint8_t *out;
    uint64_t word;
    unsigned held;
};

static inline void push(struct bits *b, uint64_t v, unsigned width) { /* width <= 56 */
    b->word |= v << b->held;
    memcpy(b->out, &b->word, 8);
    unsigned held = b->held + width;
    b->out += held >> 3;
    b->word >>= held & ~7U;
    b->held = held & 7;
}

/* n is a multiple of 8. Values are joined before they enter the stream, as many as fit: the stream
 * is a chain of dependent steps, joining is not. */
static uint8_t *pack32(uint8_t *out, const uint32_t *v, size_t n, unsigned w) {
    struct bits b = {out, 0, 0};
    if (w <= 7)
        for (size_t i = 0; i < n; i += 8) {
            uint64_t low = v[i] | (uint64_t)v[i + 1] << w | (uint64_t)v[i + 2] << 2 * w |
                           (uint64_t)v[i + 3] << 3 * w;
            uint64_t high = v[i + 4] | (uint64_t)v[i + 5] << w | (uint64_t)v[i + 6] << 2 * w |
                            (uint64_t)v[i + 7] << 3 * w;
            push(&b, low | high << 4 * w, 8 * w);
        }
    else if (w <= 14)
        for (size_t i = 0; i < n; i += 4)
            push(&b,
                 v[i] | (uint64_t)v[i + 1] << w | (uint64_t)v[i + 2] << 2 * w |
                     (uint64_t)v[i + 3] << 3 * w,
                 4 * w);
    else if (w <= 28)
        for (size_t i = 0; i < n; i += 2)
            push(&b, v[i] | (uint64_t)v[i + 1] << w, 2 * w);
    else
        for (size_t i = 0; i < n; i++)
            push(&b, v[i], w);
    return b.out;
}

/* One miniblock. */
static uint8_t *pack64(uint8_t *out, const uint64_t *v, unsigned w) {
    struct bits b = {out, 0, 0};
    if (w <= 14)
        for (size_t i = 0; i < MINI; i += 4)
            push(&b, v[i] | v[i + 1] << w | v[i + 2] << 2 * w | v[i + 3] << 3 * w, 4 * w);
    else if (w <= 28)
        for (size_t i = 0; i < MINI; i += 2)
            push(&b, v[i] | v[i + 1] << w, 2 * w);
    else if (w <= 56)
        for (size_t i = 0; i < MINI; i++)
            push(&b, v[i], w);
    else
        for (size_t i = 0; i < MINI; i++) {
            push(&b, v[i] & UINT32_MAX, 32);
            push(&b, v[i] >> 32, w - 32);
        }
    return b.out;
}

/* n values; those up to the next multiple of 8 are zero. */
static void put_literal(struct k2_buf *out, const uint32_t *v, size_t n, unsigned width) {
    if (n == 0)
        return;
    size_t groups = (n + 7) / 8, whole = n & ~(size_t)7;
    parquet_thrift_varint(out, groups << 1 | 1);
    uint8_t *start = k2_buf_need(out, groups * width + 8);
    uint8_t *at = pack32(start, v, whole, width);
    if (n > whole) {
        uint32_t rest[8] = {0};
        memcpy(rest, v + whole, (n - whole) * sizeof *v);
        at = pack32(at, rest, 8, width);
    }
    out->n += (size_t)(at - start);
}

void parquet_put_run(struct k2_buf *out, uint32_t value, size_t n, unsigned width) {
    if (n == 0)
        return;
    parquet_thrift_varint(out, n << 1);
    k2_buf_put(out, &value, (width + 7) / 8);
}

static size_t run_length(const uint32_t *v, size_t n) {
    size_t run = 1;
    while (run < n && v[run] == v[0])
        run++;
    return run;
}

/* A run cuts the literal around it in two: two headers more. Below this length packing is smaller.
 */
static size_t least_run(unsigned width) {
    return width < 4 ? 64 / (width + 1) : 16;
}

void parquet_put_hybrid(struct k2_buf *out, const uint32_t *v, size_t n, unsigned width) {
    size_t least = least_run(width), literal = 0, i = 0;
    while (i < n) {
        size_t run = run_length(v + i, n - i);
        if (run >= least || (run == n - i && i == literal)) {
            put_literal(out, v + literal, i - literal, width);
            parquet_put_run(out, v[i], run, width);
            i += run;
            literal = i;
        } else {
            i += n - i < 8 ? n - i : 8; /* a literal grows by whole groups */
        }
    }
    put_literal(out, v + literal, n - literal, width);
}

static void widen(struct parquet_extent *e, int64_t v) {
    e->lo = v < e->lo ? v : e->lo;
    e->hi = v > e->hi ? v : e->hi;
}

/* d[i] = v[i] - v[i - 1], n of them; returns the least. */
static int64_t subtract(int64_t *d, const int64_t *v, size_t n, bool narrow,
                        struct parquet_extent *e) {
    struct parquet_extent seen = *e;
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < n; i++) {
        d[i] = (int64_t)((uint64_t)v[i] - (uint64_t)v[i - 1]);
        if (narrow)
            d[i] = (int32_t)(uint32_t)d[i];
        least = d[i] < least ? d[i] : least;
        widen(&seen, v[i]);
    }
    *e = seen;
    return least;
}

static void put_block(struct k2_buf *out, const int64_t *d, size_t n, int64_t least) {
    parquet_thrift_zigzag(out, least);
    uint8_t *widths = k2_buf_need(out, MINIS + BLOCK * 8 + 8), *at = widths + MINIS;
    for (size_t m = 0; m < MINIS; m++) {
        uint64_t u[MINI], all = 0;
        for (size_t i = 0; i < MINI; i++) {
            u[i] = (uint64_t)d[m * MINI + i] - (uint64_t)least;
            all |= u[i];
        }
        widths[m] = m * MINI < n ? (uint8_t)parquet_bit_width(all) : 0;
        if (widths[m])
            at = pack64(at, u, widths[m]);
    }
    out->n += (size_t)(at - widths);
}

struct parquet_extent parquet_put_delta(struct k2_buf *out, const int64_t *v, size_t n,
                                        bool narrow) {
    struct parquet_extent e = {INT64_MAX, INT64_MIN};
    parquet_thrift_varint(out, BLOCK);
    parquet_thrift_varint(out, MINIS);
    parquet_thrift_varint(out, n);
    parquet_thrift_zigzag(out, n ? v[0] : 0);
    if (n)
        widen(&e, v[0]);
    for (size_t i = 1; i < n; i += BLOCK) {
        int64_t d[BLOCK];
        size_t m = n - i < BLOCK ? n - i : BLOCK;
        int64_t least = subtract(d, v + i, m, narrow, &e);
        for (size_t k = m; k < BLOCK; k++)
            d[k] = least;
        put_block(out, d, m, least);
    }
    return e;
}

struct parquet_extent parquet_put_plain(struct k2_buf *out, const int64_t *v, size_t n,
                                        bool narrow) {
    struct parquet_extent e = {INT64_MAX, INT64_MIN};
    size_t size = narrow ? 4 : 8;
    uint8_t *at = k2_buf_need(out, n * size);
    for (size_t i = 0; i < n; i++)
        widen(&e, v[i]);
    if (narrow)
        for (size_t i = 0; i < n; i++)
            k2_put_u32(at + i * 4, (uint32_t)v[i]);
    else if (n)
        memcpy(at, v, n * 8);
    out->n += n * size;
    return e;
}

void parquet_put_fixed(struct k2_buf *out, const k2_i128 *v, size_t n, unsigned width) {
    uint8_t *at = k2_buf_need(out, n * width + 16); /* each store is 16 bytes, the next overlaps */
    for (size_t i = 0; i < n; i++) {
        k2_u128 top = (k2_u128)v[i] << (128 - 8 * width);
        k2_put_u64(at, __builtin_bswap64((uint64_t)(top >> 64)));
        k2_put_u64(at + 8, __builtin_bswap64((uint64_t)top));
        at += width;
    }
    out->n += n * width;
}
