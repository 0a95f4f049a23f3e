/* base/hist.h - a histogram of durations: log-linear buckets, 1 ns to 18 minutes, error under 1 %.
 * After HdrHistogram (Tene). Mergeable. Thread-safety: none; one writer, merge copies for readers.
 */
#ifndef K2_BASE_HIST_H
#define K2_BASE_HIST_H

#include <stdint.h>

struct k2_hist {
    uint64_t count, max, sum;   /* sum: of ns */
    uint64_t buckets[34 * 128]; /* 32 bits would overflow within a day at full rate */
};

void k2_hist_record(struct k2_hist *h, uint64_t ns); /* 2^40 and more count as 2^40 - 1 */
/* The largest value of the bucket, but never above max; 0 when empty. 0 <= q <= 1. */
uint64_t k2_hist_quantile(const struct k2_hist *h, double q);
/* How many of the values are at most `ns`, up to the bucket that `ns` is in, that one too. */
uint64_t k2_hist_at_most(const struct k2_hist *h, uint64_t ns);
void k2_hist_merge(struct k2_hist *into, const struct k2_hist *from);

#endif
