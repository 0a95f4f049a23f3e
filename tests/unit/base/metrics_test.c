/* The metrics: what is counted, and how it is written in both formats. */
#include "base/metrics.h"
#include "k2test.h"

#include "base/clock.h"

static char *written(enum k2_metrics_format format) {
    struct k2_buf out = {0};
    k2_metrics_write(format, &out);
    return (char *)k2_buf_cstr(&out);
}

static void assert_has(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void a_counter_is_written_with_total_and_its_head_lines(void **state) {
    (void)state;
    k2_metric_add(k2_metric(K2_METRIC_sink_rows, "trades", NULL), 5);
    k2_metric_add(k2_metric(K2_METRIC_sink_rows, "trades", NULL), 2);
    k2_metric_add(k2_metric(K2_METRIC_sink_rows, "quotes", NULL), 1);
    char *open = written(K2_METRICS_OPENMETRICS), *old = written(K2_METRICS_PROMETHEUS);
    assert_has(open, "# TYPE k2_sink_rows counter\n# HELP k2_sink_rows Rows committed\n");
    assert_has(open, "\nk2_sink_rows_total{table=\"trades\"} 7\n");
    assert_has(open, "\nk2_sink_rows_total{table=\"quotes\"} 1\n");
    assert_has(open,
               "# TYPE k2_journal_written_bytes counter\n# UNIT k2_journal_written_bytes bytes\n");
    assert_has(old,
               "# TYPE k2_sink_rows_total counter\n# HELP k2_sink_rows_total Rows committed\n");
    assert_has(old, "\nk2_sink_rows_total{table=\"trades\"} 7\n");
    assert_null(strstr(old, "# UNIT"));
    assert_string_equal(open + strlen(open) - 6, "# EOF\n");
    assert_null(strstr(old, "# EOF"));
    free(open);
    free(old);
}

static void seconds_are_written_exactly_from_nanoseconds(void **state) {
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } cases[] = {{0, "0.0"},
                 {1, "0.000000001"},
                 {1500000000, "1.5"},
                 {-1, "-0.000000001"},
                 {-2 * K2_NS_PER_SEC, "-2.0"},
                 {1795244400123456789, "1795244400.123456789"},
                 {INT64_MAX, "9223372036.854775807"},
                 {INT64_MIN, "-9223372036.854775808"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[128];
        k2_metric_set(k2_metric(K2_METRIC_sink_freshness_seconds, "trades", NULL), cases[i].ns);
        char *text = written(K2_METRICS_OPENMETRICS);
        snprintf(line, sizeof line, "\nk2_sink_freshness_seconds{table=\"trades\"} %s\n",
                 cases[i].text);
        assert_has(text, line);
        free(text);
    }
}

static void a_gauge_is_absent_until_it_is_known_and_a_counter_is_zero(void **state) {
    (void)state;
    char *text = written(K2_METRICS_OPENMETRICS);
    assert_null(strstr(text, "k2_journal_segments"));
    assert_has(text, "\nk2_journal_records_total 0\n");
    assert_has(text, "\nk2_journal_sync_seconds_count 0\n");
    free(text);
    k2_metric_set(k2_metric(K2_METRIC_journal_segments, NULL), -3);
    text = written(K2_METRICS_OPENMETRICS);
    assert_has(text, "\nk2_journal_segments -3\n");
    free(text);
}

/* The number behind `name{...le="edge"}`. */
static int bucket(const char *text, const char *edge) {
    char line[128];
    snprintf(line, sizeof line, "\nk2_query_seconds_bucket{le=\"%s\"} ", edge);
    const char *at = strstr(text, line);
    assert_non_null(at);
    return atoi(at + strlen(line));
}

static void a_histogram_has_cumulative_buckets_sum_and_count(void **state) {
    (void)state;
    struct k2_series *s = k2_metric(K2_METRIC_query_seconds, NULL);
    static const int64_t ns[] = {0, -5, 40000, 900000, 200000000, 90 * K2_NS_PER_SEC};
    for (size_t i = 0; i < sizeof ns / sizeof *ns; i++)
        k2_metric_record(s, ns[i]);
    char *text = written(K2_METRICS_OPENMETRICS);
    assert_int_equal(bucket(text, "5e-05"), 3);
    assert_int_equal(bucket(text, "0.0005"), 3);
    assert_int_equal(bucket(text, "0.001"), 4);
    assert_int_equal(bucket(text, "0.25"), 5);
    assert_int_equal(bucket(text, "60.0"), 5);
    assert_int_equal(bucket(text, "+Inf"), 6);
    assert_has(text, "\nk2_query_seconds_count 6\n");
    assert_has(text, "\nk2_query_seconds_sum 90.20094\n");
    assert_int_equal(k2_metric_value(s), 6);
    free(text);
}

static void label_values_are_escaped_and_never_break_a_line(void **state) {
    (void)state;
    k2_metric_add(k2_metric(K2_METRIC_ingest_gaps, "a\"b\\c\nd\x01\xc3\xa9", NULL), 1);
    char *text = written(K2_METRICS_OPENMETRICS);
    assert_has(text, "{exchange=\"a\\\"b\\\\c\\nd\\\\x01\\\\xc3\\\\xa9\"} 1\n");
    free(text);
}

static void from_the_limit_on_all_new_series_are_one(void **state) {
    (void)state;
    char name[32];
    for (int i = 0; i < 2 * K2_SERIES_MAX; i++) {
        snprintf(name, sizeof name, "R%d", i);
        k2_metric_add(k2_metric(K2_METRIC_quarantine_records, "ASX", name, NULL), 1);
    }
    struct k2_series *known = k2_metric(K2_METRIC_quarantine_records, "ASX", "R0", NULL);
    struct k2_series *late = k2_metric(K2_METRIC_quarantine_records, "LSE", "NEW", NULL);
    assert_int_equal(k2_metric_value(known), 1);
    assert_int_equal(k2_metric_value(late), K2_SERIES_MAX + 1);
    char *text = written(K2_METRICS_OPENMETRICS);
    int lines = 0;
    for (const char *p = text; (p = strstr(p, "\nk2_quarantine_records_total{")); p++)
        lines++;
    assert_int_equal(lines, K2_SERIES_MAX);
    assert_has(text, "{exchange=\"other\",reason=\"other\"} ");
    free(text);
}

static void the_process_is_described(void **state) {
    (void)state;
    char *text = written(K2_METRICS_PROMETHEUS);
    assert_has(text, "# TYPE k2_build_info gauge\n");
    assert_has(text, "\nk2_build_info{version=\"" K2_VERSION "\",");
    assert_has(text, "\nprocess_cpu_seconds_total ");
    free(text);
    int64_t rss = k2_metric_value(k2_metric(K2_METRIC_process_resident_memory_bytes, NULL));
    int64_t fds = k2_metric_value(k2_metric(K2_METRIC_process_open_fds, NULL));
    int64_t start = k2_metric_value(k2_metric(K2_METRIC_process_start_time_seconds, NULL));
    assert_in_range(rss, 1 << 20, (int64_t)1 << 40);
    assert_in_range(start, k2_now_ns() - K2_NS_PER_DAY, k2_now_ns() + K2_NS_PER_SEC);
    int more = dup(0);
    k2_process_metrics();
    assert_int_equal(k2_metric_value(k2_metric(K2_METRIC_process_open_fds, NULL)), fds + 1);
    close(more);
}

static void every_metric_keeps_the_rules_of_openmetrics(void **state) {
    (void)state;
    static const struct {
        const char *name, *type, *unit, *help;
    } all[] = {
#define K2_METRIC(name, type, unit, labels, help) {#name, #type, unit, help},
#include "base/metrics.def"
#undef K2_METRIC
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t n = strlen(all[i].name), u = strlen(all[i].unit);
        if (u && (n <= u || strcmp(all[i].name + n - u, all[i].unit) != 0))
            fail_msg("%s does not end with its unit", all[i].name);
        assert_null(strstr(all[i].name, "_total"));
        assert_true(strlen(all[i].help) > 0 && !strpbrk(all[i].help, "\n\\\""));
        if (strcmp(all[i].type, "HISTOGRAM") == 0)
            assert_string_equal(all[i].unit, "seconds"); /* k2_metric_record takes ns */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gauge_is_absent_until_it_is_known_and_a_counter_is_zero),
        cmocka_unit_test(a_counter_is_written_with_total_and_its_head_lines),
        cmocka_unit_test(seconds_are_written_exactly_from_nanoseconds),
        cmocka_unit_test(a_histogram_has_cumulative_buckets_sum_and_count),
        cmocka_unit_test(label_values_are_escaped_and_never_break_a_line),
        cmocka_unit_test(from_the_limit_on_all_new_series_are_one),
        cmocka_unit_test(the_process_is_described),
        cmocka_unit_test(every_metric_keeps_the_rules_of_openmetrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
