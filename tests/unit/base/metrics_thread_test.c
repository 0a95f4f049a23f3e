/* Threads count, make series and write the text at the same time; nothing is lost. */
#include "base/metrics.h"
#include "k2test.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 2000 };

static void *count(void *arg) {
    const char *own = arg;
    for (int i = 0; i < ROUNDS; i++) {
        char shared[16];
        snprintf(shared, sizeof shared, "S%d", i % 7);
        k2_metric_add(k2_metric(K2_METRIC_sink_rows, "shared", NULL), 3);
        k2_metric_add(k2_metric(K2_METRIC_sink_rows, own, NULL), 1);
        k2_metric_add(k2_metric(K2_METRIC_quarantine_records, shared, own, NULL), 1);
        k2_metric_set(k2_metric(K2_METRIC_sink_lag_rows, own, NULL), i);
        k2_metric_record(k2_metric(K2_METRIC_query_seconds, NULL), 1000000);
    }
    return NULL;
}

static void *write_text(void *arg) {
    (void)arg;
    for (int i = 0; i < 40; i++) {
        struct k2_buf out = {0};
        k2_metrics_write(i % 2 ? K2_METRICS_OPENMETRICS : K2_METRICS_PROMETHEUS, &out);
        assert_true(out.n > 1000);
        k2_buf_free(&out);
    }
    return NULL;
}

static void counts_of_many_threads_add_up_while_they_are_read(void **state) {
    static char names[THREADS][8] = {"a", "b", "c", "d"};
    pthread_t threads[THREADS], reader;
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, names[i]), 0);
    assert_int_equal(pthread_create(&reader, NULL, write_text, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_join(reader, NULL);
    int64_t quarantined = 0;
    for (int s = 0; s < 7; s++)
        for (int i = 0; i < THREADS; i++) {
            char shared[16];
            snprintf(shared, sizeof shared, "S%d", s);
            quarantined +=
                k2_metric_value(k2_metric(K2_METRIC_quarantine_records, shared, names[i], NULL));
        }
    assert_int_equal(k2_metric_value(k2_metric(K2_METRIC_sink_rows, "shared", NULL)),
                     3 * THREADS * ROUNDS);
    assert_int_equal(k2_metric_value(k2_metric(K2_METRIC_sink_rows, "c", NULL)), ROUNDS);
    assert_int_equal(quarantined, THREADS * ROUNDS);
    assert_int_equal(k2_metric_value(k2_metric(K2_METRIC_query_seconds, NULL)), THREADS * ROUNDS);
    assert_int_equal(k2_metric_value(k2_metric(K2_METRIC_sink_lag_rows, "d", NULL)), ROUNDS - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_of_many_threads_add_up_while_they_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
