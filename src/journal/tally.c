/* journal/tally.c - see tally.h. */
#include "journal/tally.h"

#include "base/metrics.h"

#include <stdio.h>
#include <stdlib.h>

/* Places in a row of numbers. */
enum {
    READ,
    ACCEPTED,
    DUPLICATES,
    CONFLICTS,
    QUARANTINED,
    FILTERED,
    HALTED,
    GAPS,
    MISSING,
    OUT_OF_ORDER,
    RESETS,
    GAP_REQUESTS,
    GAP_HALTS,
    COUNTS
};

static const enum k2_metric metrics[COUNTS] = {
    [READ] = K2_METRIC_ingest_read,
    [ACCEPTED] = K2_METRIC_ingest_accepted,
    [DUPLICATES] = K2_METRIC_ingest_duplicates,
    [CONFLICTS] = K2_METRIC_ingest_conflicts,
    [QUARANTINED] = K2_METRIC_ingest_quarantined,
    [FILTERED] = K2_METRIC_ingest_filtered,
    [HALTED] = K2_METRIC_ingest_halted,
    [GAPS] = K2_METRIC_ingest_gaps,
    [MISSING] = K2_METRIC_ingest_missing,
    [OUT_OF_ORDER] = K2_METRIC_ingest_out_of_order,
    [RESETS] = K2_METRIC_ingest_resets,
    [GAP_REQUESTS] = K2_METRIC_gap_requests,
    [GAP_HALTS] = K2_METRIC_gap_halts,
};

struct exchange {
    char name[32];
    struct k2_series *series[COUNTS];
};

struct tally {
    struct exchange *exchanges;
    int n;
    int64_t filtered; /* counted so far */
};

struct tally *tally_new(void) {
    return k2_zalloc(sizeof(struct tally));
}

void tally_free(struct tally *t) {
    if (!t)
        return;
    free(t->exchanges);
    free(t);
}

static struct exchange *find(struct tally *t, struct k2_sv name) {
    char text[sizeof t->exchanges->name];
    snprintf(text, sizeof text, "%.*s", K2_SV_ARG(name));
    const char *wanted = *text ? text : "UNKNOWN";
    for (int i = 0; i < t->n; i++)
        if (strcmp(t->exchanges[i].name, wanted) == 0)
            return &t->exchanges[i];
    t->exchanges = k2_realloc(t->exchanges, (size_t)(t->n + 1) * sizeof *t->exchanges);
    struct exchange *e = &t->exchanges[t->n++];
    snprintf(e->name, sizeof e->name, "%s", wanted);
    for (int i = 0; i < COUNTS; i++)
        e->series[i] = k2_metric(metrics[i], e->name, NULL);
    return e;
}

static void add(const struct exchange *e, int count, int64_t n) {
    if (n)
        k2_metric_add(e->series[count], n);
}

void tally_judged(struct tally *t, struct k2_sv exchange, const struct ingest_stats *before,
                  const struct ingest_stats *after) {
    const int64_t n[COUNTS] = {
        [ACCEPTED] = after->accepted - before->accepted,
        [DUPLICATES] = after->duplicates - before->duplicates,
        [CONFLICTS] = after->conflicts - before->conflicts,
        [QUARANTINED] = after->quarantined - before->quarantined,
        [HALTED] = after->halted - before->halted,
        [GAPS] = after->gaps - before->gaps,
        [MISSING] = after->missing - before->missing,
        [OUT_OF_ORDER] = after->out_of_order - before->out_of_order,
        [RESETS] = after->resets - before->resets,
    };
    const struct exchange *e = find(t, exchange);
    add(e, READ, n[ACCEPTED] + n[DUPLICATES] + n[CONFLICTS] + n[QUARANTINED] + n[HALTED]);
    for (int i = ACCEPTED; i < COUNTS; i++)
        add(e, i, n[i]);
}

void tally_gap(struct tally *t, struct k2_sv exchange, bool halts) {
    add(find(t, exchange), halts ? GAP_HALTS : GAP_REQUESTS, 1);
}

void tally_outage(struct k2_sv exchange, enum seq_cause cause) {
    char text[32];
    snprintf(text, sizeof text, "%.*s", K2_SV_ARG(exchange));
    k2_metric_add(k2_metric(K2_METRIC_outages, text, seq_cause_name(cause), NULL), 1);
}

void tally_refused(struct tally *t, struct k2_sv exchange) {
    const struct exchange *e = find(t, exchange);
    add(e, READ, 1);
    add(e, QUARANTINED, 1);
}

void tally_filtered(struct tally *t, int64_t all) {
    if (all == t->filtered)
        return;
    const struct exchange *e = find(t, (struct k2_sv){0});
    add(e, READ, all - t->filtered);
    add(e, FILTERED, all - t->filtered);
    t->filtered = all;
}
