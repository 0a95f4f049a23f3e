/* base/metrics.h - what the program counts, for monitoring; metrics.def has the list.
 *
 * A metric has one series for each combination of its labels' values. Who counts takes the series
 * once (it lives as long as the process) and adds to it after each batch, never per event:
 *
 *     struct k2_series *rows = k2_metric(K2_METRIC_sink_rows, "trades", NULL);
 *     k2_metric_add(rows, n);
 *
 * Counters and gauges are relaxed atomics: a reader sees each value whole, several of them not as of
 * one instant. Label values are bounded: from the K2_SERIES_MAX-th series of a metric on, all share one
 * whose labels say "other". Thread-safety: everything here is safe from any thread.
 */
#ifndef K2_BASE_METRICS_H
#define K2_BASE_METRICS_H

#include "base/buf.h"

enum k2_metric {
#define K2_METRIC(name, type, unit, labels, help) K2_METRIC_##name,
#include "base/metrics.def"
#undef K2_METRIC
    K2_METRIC_COUNT
};

#define K2_SERIES_MAX 256 /* of one metric */
#define K2_SERIES_LABELS 3

struct k2_series;

/* The series with these label values (as many strings as the metric has labels), ended by NULL; made
 * when new. Takes a lock. Values may hold any bytes. */
struct k2_series *k2_metric(enum k2_metric metric, ...) __attribute__((sentinel));
void k2_metric_add(struct k2_series *s, int64_t n);     /* a counter; n >= 0 */
void k2_metric_set(struct k2_series *s, int64_t value); /* a gauge; seconds in ns */
void k2_metric_record(struct k2_series *s, int64_t ns); /* a histogram */
int64_t k2_metric_value(const struct k2_series *s);     /* of a histogram: how often */

enum k2_metrics_format {
    K2_METRICS_PROMETHEUS, /* text format 0.0.4 */
    K2_METRICS_OPENMETRICS /* OpenMetrics 1.0 */
};

/* Appends all metrics as text. Those of the process are read from the system by the call. */
void k2_metrics_write(enum k2_metrics_format format, struct k2_buf *out);

/* --- process.c --- */

void k2_process_metrics(void); /* brings the process_ metrics up to date */

#endif
