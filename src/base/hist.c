/* base/hist.c - see hist.h.
 *
 * The first 128 buckets hold one value each. From there on each doubling of the value has 128
 * buckets of equal width, so that a bucket is never wider than 1/128 of the values in it.
 */
#include "base/hist.h"

#define SUB_BITS 7
#define SUB (1u << SUB_BITS)
#define BUCKETS (sizeof((struct k2_hist *)0)->buckets / sizeof(uint64_t))
#define MOST ((UINT64_C(1) << 40) - 1)

static unsigned bucket_of(uint64_t ns) {
    if (ns < SUB)
        return (unsigned)ns;
    unsigned doubling = 64 - (unsigned)__builtin_clzll(ns) - SUB_BITS; /* 1 for SUB..2 SUB - 1 */
    return doubling * SUB + (unsigned)(ns >> (doubling - 1)) - SUB;
}

/* The largest value that the bucket holds. */
static uint64_t upper_edge(unsigned bucket) {
    if (bucket < SUB)
        return bucket;
    unsigned doubling = bucket / SUB;
    return ((uint64_t)(bucket % SUB + SUB + 1) << (doubling - 1)) - 1;
}

void k2_hist_record(struct k2_hist *h, uint64_t ns) {
    if (ns > MOST)
        ns = MOST;
    h->count++;
    h->sum += ns;
    h->buckets[bucket_of(ns)]++;
    if (ns > h->max)
        h->max = ns;
}

uint64_t k2_hist_quantile(const struct k2_hist *h, double q) {
    double exact = q * (double)h->count;
    uint64_t rank = exact > 0 ? (uint64_t)exact : 0, seen = 0;
    if ((double)rank < exact || rank == 0)
        rank++;
    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen >= rank)
            return upper_edge(i) < h->max ? upper_edge(i) : h->max;
    }
    return h->max;
}

uint64_t k2_hist_at_most(const struct k2_hist *h, uint64_t ns) {
    unsigned last = bucket_of(ns > MOST ? MOST : ns);
    uint64_t n = 0;
    for (unsigned i = 0; i <= last; i++)
        n += h->buckets[i];
    return n;
}

void k2_hist_merge(struct k2_hist *into, const struct k2_hist *from) {
    into->count += from->count;
    into->sum += from->sum;
    if (from->max > into->max)
        into->max = from->max;
    for (unsigned i = 0; i < BUCKETS; i++)
        into->buckets[i] += from->buckets[i];
}
