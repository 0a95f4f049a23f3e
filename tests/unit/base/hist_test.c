/* The histogram against a sorted list of the same values. */
#include "base/hist.h"
#include "k2test.h"

enum { N = 20000 };
static const double quantiles[] = {0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1};
#define N_QUANTILES (sizeof quantiles / sizeof *quantiles)

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The smallest value that at least q of all are at or below. */
static uint64_t exact(const uint64_t *sorted, size_t n, double q) {
    double place = q * (double)n;
    size_t rank = (size_t)place + ((double)(size_t)place < place);
    return sorted[rank ? rank - 1 : 0];
}

static void assert_within_one_percent(const struct k2_hist *h, uint64_t *values, size_t n) {
    qsort(values, n, sizeof *values, by_value);
    for (size_t i = 0; i < N_QUANTILES; i++) {
        uint64_t expected = exact(values, n, quantiles[i]), got = k2_hist_quantile(h, quantiles[i]);
        if (got < expected || (double)(got - expected) > 0.01 * (double)expected)
            fail_msg("K2_SEED=%llu: quantile %g is %llu, not %llu",
                     (unsigned long long)k2test_seed(), quantiles[i], (unsigned long long)got,
                     (unsigned long long)expected);
    }
}

static void quantiles_are_within_one_percent_at_every_magnitude(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    static uint64_t values[N];
    for (unsigned bits = 1; bits <= 40; bits++) {
        struct k2_hist *h = calloc(1, sizeof *h);
        for (size_t i = 0; i < N; i++) { /* many small values, few large ones, as latencies are */
            values[i] = (k2test_random(&seed) >> (64 - bits)) >> k2test_random(&seed) % bits;
            k2_hist_record(h, values[i]);
        }
        assert_int_equal(h->count, N);
        assert_within_one_percent(h, values, N);
        assert_int_equal(h->max, values[N - 1]);
        assert_int_equal(k2_hist_quantile(h, 1), values[N - 1]);
        free(h);
    }
}

static void each_power_of_two_and_its_neighbours_are_in_reach(void **state) {
    (void)state;
    for (unsigned bit = 0; bit <= 40; bit++) {
        for (int64_t near = -1; near <= 1; near++) {
            uint64_t value = (UINT64_C(1) << bit) + (uint64_t)near;
            if (value >= UINT64_C(1) << 40)
                continue;
            struct k2_hist *h = calloc(1, sizeof *h);
            k2_hist_record(h, value);
            assert_int_equal(k2_hist_quantile(h, 0.5), value);
            k2_hist_record(h, UINT64_C(1) << 40);
            uint64_t got = k2_hist_quantile(h, 0.5);
            assert_true(got >= value && got - value <= value / 128);
            free(h);
        }
    }
}

static void what_is_longer_than_eighteen_minutes_counts_as_that(void **state) {
    (void)state;
    struct k2_hist *h = calloc(1, sizeof *h);
    k2_hist_record(h, UINT64_MAX);
    k2_hist_record(h, (UINT64_C(1) << 40) + 1);
    assert_int_equal(h->max, (UINT64_C(1) << 40) - 1);
    assert_int_equal(k2_hist_quantile(h, 1), (UINT64_C(1) << 40) - 1);
    free(h);
}

static void an_empty_histogram_answers_zero(void **state) {
    (void)state;
    struct k2_hist *h = calloc(1, sizeof *h);
    for (size_t i = 0; i < N_QUANTILES; i++)
        assert_int_equal(k2_hist_quantile(h, quantiles[i]), 0);
    free(h);
}

static void merged_histograms_equal_one_that_saw_everything(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct k2_hist *all = calloc(1, sizeof *all), *merged = calloc(1, sizeof *merged);
    for (int part = 0; part < 3; part++) {
        struct k2_hist *h = calloc(1, sizeof *h);
        for (int i = 0; i < 1000; i++) {
            uint64_t value = k2test_random(&seed) >> (24 + k2test_random(&seed) % 40);
            k2_hist_record(h, value);
            k2_hist_record(all, value);
        }
        k2_hist_merge(merged, h);
        free(h);
    }
    assert_memory_equal(all, merged, sizeof *all);
    free(all);
    free(merged);
}

static void values_up_to_an_edge_are_counted_and_all_are_summed(void **state) {
    (void)state;
    struct k2_hist *h = calloc(1, sizeof *h);
    assert_int_equal(k2_hist_at_most(h, UINT64_MAX), 0);
    uint64_t sum = 0;
    for (uint64_t value = 0; value < 128; value++) { /* these have buckets of their own */
        k2_hist_record(h, value);
        sum += value;
        assert_int_equal(k2_hist_at_most(h, value), value + 1);
        assert_int_equal(k2_hist_at_most(h, value ? value - 1 : 0), value ? value : 1);
    }
    for (uint64_t value = 1000000; value <= 2000000; value += 1000) {
        uint64_t before = k2_hist_at_most(h, value + value / 100);
        k2_hist_record(h, value);
        sum += value;
        assert_int_equal(k2_hist_at_most(h, value + value / 100), before + 1);
        assert_int_equal(k2_hist_at_most(h, value), k2_hist_at_most(h, UINT64_MAX));
        assert_true(k2_hist_at_most(h, value - value / 50) < h->count);
    }
    assert_int_equal(h->sum, sum);
    free(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_within_one_percent_at_every_magnitude),
        cmocka_unit_test(each_power_of_two_and_its_neighbours_are_in_reach),
        cmocka_unit_test(what_is_longer_than_eighteen_minutes_counts_as_that),
        cmocka_unit_test(an_empty_histogram_answers_zero),
        cmocka_unit_test(values_up_to_an_edge_are_counted_and_all_are_summed),
        cmocka_unit_test(merged_histograms_equal_one_that_saw_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
