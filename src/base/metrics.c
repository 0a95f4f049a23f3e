/* base/metrics.c - see metrics.h.
 *
 * The series of a metric are a list that only grows, at its head, under one lock; a value is reached
 * without it. A histogram's buckets are finer than what is shown (hist.h), so that the edges below can
 * be changed; a value within 1 % above an edge may count as below it.
 */
#include "base/metrics.h"

#include "base/clock.h"
#include "base/hist.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

enum type { COUNTER, GAUGE, HISTOGRAM, INFO };

static const struct metric {
    const char *name;
    enum type type;
    const char *unit, *labels, *help;
} metrics[K2_METRIC_COUNT] = {
#define K2_METRIC(name, type, unit, labels, help) {#name, type, unit, labels, help},
#include "base/metrics.def"
#undef K2_METRIC
};

struct k2_series {
    struct k2_series *next;
    enum k2_metric metric;
    char *values[K2_SERIES_LABELS];
    _Atomic int64_t value;
    pthread_mutex_t mutex; /* of hist */
    struct k2_hist *hist;  /* histograms only */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct family {
    struct k2_series *first, *other;
    int count;
} families[K2_METRIC_COUNT];

/* --- series --- */

/* Cuts the next name off a list "a,b". */
static bool next_label(struct k2_sv *labels, struct k2_sv *name) {
    if (labels->n == 0)
        return false;
    *name = k2_sv_split(labels, ',');
    return true;
}

static int label_count(enum k2_metric m) {
    struct k2_sv labels = k2_sv_of(metrics[m].labels), name;
    int n = 0;
    while (next_label(&labels, &name))
        n++;
    return n;
}

static struct k2_series *make(enum k2_metric m, const char *const *values, int n) {
    struct k2_series *s = k2_zalloc(sizeof *s);
    s->metric = m;
    for (int i = 0; i < n; i++)
        s->values[i] = k2_strdup(values[i]);
    if (metrics[m].type == HISTOGRAM) {
        pthread_mutex_init(&s->mutex, NULL);
        s->hist = k2_zalloc(sizeof *s->hist);
    }
    return s;
}

static struct k2_series *push(struct family *f, struct k2_series *s) {
    s->next = f->first;
    f->first = s;
    f->count++;
    return s;
}

static struct k2_series *look_up(const struct family *f, const char *const *values, int n) {
    for (struct k2_series *s = f->first; s; s = s->next) {
        int i = 0;
        while (i < n && strcmp(s->values[i], values[i]) == 0)
            i++;
        if (i == n)
            return s;
    }
    return NULL;
}

static struct k2_series *find(enum k2_metric m, const char *const *values, int n) {
    static const char *const other[K2_SERIES_LABELS] = {"other", "other", "other"};
    struct family *f = &families[m];
    struct k2_series *s = look_up(f, values, n);
    if (s)
        return s;
    if (f->count < K2_SERIES_MAX - 1)
        return push(f, make(m, values, n));
    if (!f->other)
        f->other = push(f, make(m, other, n));
    return f->other;
}

struct k2_series *k2_metric(enum k2_metric m, ...) {
    const char *values[K2_SERIES_LABELS];
    int n = 0;
    va_list args;
    va_start(args, m);
    for (const char *v; (v = va_arg(args, const char *));) {
        K2_ASSERT(n < K2_SERIES_LABELS);
        values[n++] = v;
    }
    va_end(args);
    K2_ASSERT(n == label_count(m));
    pthread_mutex_lock(&lock);
    struct k2_series *s = find(m, values, n);
    pthread_mutex_unlock(&lock);
    return s;
}

void k2_metric_add(struct k2_series *s, int64_t n) {
    K2_ASSERT(metrics[s->metric].type == COUNTER);
    atomic_fetch_add_explicit(&s->value, n, memory_order_relaxed);
}

void k2_metric_set(struct k2_series *s, int64_t value) {
    K2_ASSERT(metrics[s->metric].type != HISTOGRAM);
    atomic_store_explicit(&s->value, value, memory_order_relaxed);
}

void k2_metric_record(struct k2_series *s, int64_t ns) {
    K2_ASSERT(metrics[s->metric].type == HISTOGRAM);
    pthread_mutex_lock(&s->mutex);
    k2_hist_record(s->hist, ns > 0 ? (uint64_t)ns : 0);
    pthread_mutex_unlock(&s->mutex);
    atomic_fetch_add_explicit(&s->value, 1, memory_order_relaxed);
}

int64_t k2_metric_value(const struct k2_series *s) {
    return atomic_load_explicit(&s->value, memory_order_relaxed);
}

/* --- text --- */

struct writing {
    struct k2_buf *out;
    bool open; /* OpenMetrics */
    enum k2_metric metric;
};

static void put_name(const struct writing *w) {
    const char *name = metrics[w->metric].name;
    if (strncmp(name, "process_", 8) != 0)
        k2_buf_str(w->out, "k2_");
    k2_buf_str(w->out, name);
}

/* The old format knows no family names: its head lines name the samples. */
static void put_head_name(const struct writing *w) {
    put_name(w);
    if (!w->open && metrics[w->metric].type == COUNTER)
        k2_buf_str(w->out, "_total");
    if (!w->open && metrics[w->metric].type == INFO)
        k2_buf_str(w->out, "_info");
}

static void put_head_line(const struct writing *w, const char *what, const char *text) {
    k2_buf_printf(w->out, "# %s ", what);
    put_head_name(w);
    k2_buf_printf(w->out, " %s\n", text);
}

static void put_head(const struct writing *w) {
    static const char *const types[] = {"counter", "gauge", "histogram", "info"};
    const struct metric *m = &metrics[w->metric];
    put_head_line(w, "TYPE", m->type == INFO && !w->open ? "gauge" : types[m->type]);
    if (w->open && *m->unit)
        put_head_line(w, "UNIT", m->unit);
    put_head_line(w, "HELP", m->help);
}

/* The formats are UTF-8: what else is in a value is shown as \xNN. */
static void put_value_text(struct k2_buf *out, const char *text) {
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '\n')
            k2_buf_str(out, "\\n");
        else if (*p == '"' || *p == '\\')
            k2_buf_printf(out, "\\%c", *p);
        else if (*p < ' ' || *p > '~')
            k2_buf_printf(out, "\\\\x%02x", *p);
        else
            k2_buf_byte(out, *p);
    }
}

/* {table="trades",le="0.5"}; le NULL = none. */
static void put_labels(const struct writing *w, const struct k2_series *s, const char *le) {
    struct k2_sv labels = k2_sv_of(metrics[w->metric].labels), name;
    char before = '{';
    for (int i = 0; next_label(&labels, &name); i++, before = ',') {
        k2_buf_printf(w->out, "%c%.*s=\"", before, K2_SV_ARG(name));
        put_value_text(w->out, s->values[i]);
        k2_buf_byte(w->out, '"');
    }
    if (le) {
        k2_buf_printf(w->out, "%cle=\"%s\"", before, le);
        before = ',';
    }
    if (before == ',')
        k2_buf_byte(w->out, '}');
}

/* A count as it is, ns as seconds with as many digits as there are. */
static void put_number(const struct writing *w, int64_t value) {
    if (strcmp(metrics[w->metric].unit, "seconds") != 0) {
        k2_buf_printf(w->out, "%" PRId64, value);
        return;
    }
    uint64_t ns = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    k2_buf_printf(w->out, "%s%" PRIu64 ".%09" PRIu64, value < 0 ? "-" : "",
                  ns / (uint64_t)K2_NS_PER_SEC, ns % (uint64_t)K2_NS_PER_SEC);
    while (w->out->p[w->out->n - 1] == '0' && w->out->p[w->out->n - 2] != '.')
        w->out->n--;
}

static void put_sample(const struct writing *w, const struct k2_series *s, const char *suffix,
                       const char *le) {
    put_name(w);
    k2_buf_str(w->out, suffix);
    put_labels(w, s, le);
    k2_buf_byte(w->out, ' ');
}

static void put_count(const struct writing *w, const struct k2_series *s, const char *suffix,
                      const char *le, uint64_t n) {
    put_sample(w, s, suffix, le);
    k2_buf_printf(w->out, "%" PRIu64 "\n", n);
}

static void put_buckets(const struct writing *w, const struct k2_series *s,
                        const struct k2_hist *h) {
    static const struct {
        int64_t ns;
        const char *le;
    } edges[] = {
        {50000, "5e-05"},      {100000, "0.0001"},    {250000, "0.00025"},   {500000, "0.0005"},
        {1000000, "0.001"},    {2500000, "0.0025"},   {5000000, "0.005"},    {10000000, "0.01"},
        {25000000, "0.025"},   {50000000, "0.05"},    {100000000, "0.1"},    {250000000, "0.25"},
        {500000000, "0.5"},    {1000000000, "1.0"},   {2500000000, "2.5"},   {5000000000, "5.0"},
        {10000000000, "10.0"}, {30000000000, "30.0"}, {60000000000, "60.0"},
    };
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
        put_count(w, s, "_bucket", edges[i].le, k2_hist_at_most(h, (uint64_t)edges[i].ns));
    put_count(w, s, "_bucket", "+Inf", h->count);
    put_sample(w, s, "_sum", NULL);
    put_number(w, h->sum < INT64_MAX ? (int64_t)h->sum : INT64_MAX);
    k2_buf_byte(w->out, '\n');
    put_count(w, s, "_count", NULL, h->count);
}

static void put_histogram(const struct writing *w, struct k2_series *s) {
    struct k2_hist *copy = k2_alloc(sizeof *copy);
    pthread_mutex_lock(&s->mutex);
    memcpy(copy, s->hist, sizeof *copy);
    pthread_mutex_unlock(&s->mutex);
    put_buckets(w, s, copy);
    free(copy);
}

static void put_series(const struct writing *w, struct k2_series *s) {
    static const char *const suffixes[] = {[COUNTER] = "_total", [GAUGE] = "", [INFO] = "_info"};
    enum type type = metrics[w->metric].type;
    if (type == HISTOGRAM) {
        put_histogram(w, s);
        return;
    }
    put_sample(w, s, suffixes[type], NULL);
    put_number(w, type == INFO ? 1 : k2_metric_value(s));
    k2_buf_byte(w->out, '\n');
}

static struct k2_series *first_of(enum k2_metric m) {
    pthread_mutex_lock(&lock);
    struct k2_series *s = families[m].first;
    pthread_mutex_unlock(&lock);
    return s;
}

/* What has no labels and only counts is shown from the start: it is 0, and not unknown as a gauge is. */
static void show_zeros(void) {
    for (int m = 0; m < K2_METRIC_COUNT; m++)
        if (!*metrics[m].labels && metrics[m].type != GAUGE)
            k2_metric((enum k2_metric)m, NULL);
}

void k2_metrics_write(enum k2_metrics_format format, struct k2_buf *out) {
    struct writing w = {.out = out, .open = format == K2_METRICS_OPENMETRICS};
    k2_process_metrics();
    show_zeros();
    for (int m = 0; m < K2_METRIC_COUNT; m++) {
        struct k2_series *first = first_of((enum k2_metric)m);
        w.metric = (enum k2_metric)m;
        if (first)
            put_head(&w);
        for (struct k2_series *s = first; s; s = s->next)
            put_series(&w, s);
    }
    if (w.open)
        k2_buf_str(out, "# EOF\n");
}
