/* query/compact_choose.c - see compact_choose.h. */
#include "query/compact_choose.h"

#include "base/clock.h"

#include <stdlib.h>

enum {
    TIERS = 4,
    TIER_FACTOR = 8,
    TIER_FILES = 8,       /* of a tier are merged */
    MOST_FILES = 500,     /* of one merge */
    MOST_OVERLAPPING = 24 /* of them at a time: each holds a row group in memory */
};
#define QUIET_NS (3600 * K2_NS_PER_SEC)

struct candidate {
    const struct lake_file *file;
    int64_t written_ns, first, last;
};

/* --- candidates --- */

static bool is_left_out(const struct compact_rule *rule, int32_t date) {
    for (int i = 0; i < rule->left_out_count; i++)
        if (rule->left_out[i] == date)
            return true;
    return rule->has_date && rule->trade_date != date;
}

static bool is_small(const struct compact_rule *rule, const struct lake_file *f) {
    int64_t limit = rule->eager ? rule->target_bytes / 4 * 3 : rule->target_bytes / 4;
    return f->bytes < limit && f->sort_order_id == 1 && !is_left_out(rule, f->trade_date);
}

static int by_date_and_size(const void *a, const void *b) {
    const struct lake_file *x = ((const struct candidate *)a)->file;
    const struct lake_file *y = ((const struct candidate *)b)->file;
    if (x->trade_date != y->trade_date)
        return x->trade_date < y->trade_date ? -1 : 1;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? -1 : 1;
    return strcmp(x->path, y->path);
}

static int by_time(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    if (x->last != y->last)
        return x->last < y->last ? -1 : 1;
    return strcmp(x->file->path, y->file->path);
}

void compact_times(const struct lake_file *f, int time_field, int64_t *first, int64_t *last) {
    *first = INT64_MIN;
    *last = INT64_MAX;
    for (int i = 0; i < f->metric_count; i++) {
        const struct parquet_metrics *m = &f->metrics[i];
        if (m->field_id != time_field)
            continue;
        if (m->lower_n == sizeof *first)
            memcpy(first, m->lower, sizeof *first);
        if (m->upper_n == sizeof *last)
            memcpy(last, m->upper, sizeof *last);
    }
}

static int gather(const struct lake_plan *plan, const int64_t *written_ns,
                  const struct compact_rule *rule, struct candidate *out) {
    int n = 0;
    for (int i = 0; i < plan->file_count; i++) {
        if (!is_small(rule, &plan->files[i]))
            continue;
        out[n] = (struct candidate){.file = &plan->files[i], .written_ns = written_ns[i]};
        compact_times(out[n].file, rule->time_field, &out[n].first, &out[n].last);
        n++;
    }
    if (n)
        qsort(out, (size_t)n, sizeof *out, by_date_and_size);
    return n;
}

/* --- one partition; its candidates are ordered by size --- */

static bool is_quiet(const struct compact_rule *rule, const struct candidate *c, int n) {
    for (int i = 0; i < n; i++)
        if (rule->now_ns - c[i].written_ns < QUIET_NS)
            return false;
    return true;
}

/* How many of the smallest are to be merged. */
static int count_due(const struct compact_rule *rule, const struct candidate *c, int n) {
    if (n < 2 || rule->eager || is_quiet(rule, c, n))
        return n < 2 ? 0 : n;
    int64_t limit = rule->target_bytes / 4;
    for (int i = 1; i < TIERS; i++)
        limit /= TIER_FACTOR;
    for (int tier = 0, below = 0; tier < TIERS; tier++, limit *= TIER_FACTOR) {
        int end = below;
        while (end < n && (c[end].file->bytes < limit || tier == TIERS - 1))
            end++;
        if (end - below >= TIER_FILES)
            return end;
        below = end;
    }
    return 0;
}

/* How many files that begin earlier have rows at the time when this one begins. */
static int count_overlapping(const struct candidate *c, int at) {
    int n = 0;
    for (int i = 0; i < at; i++)
        n += c[i].last >= c[at].first;
    return n;
}

/* Of n candidates by time, those that one merge takes. */
static int count_taken(const struct compact_rule *rule, const struct candidate *c, int n) {
    int64_t bytes = 0;
    int taken = 0;
    for (; taken < n && taken < MOST_FILES; taken++) {
        bytes += c[taken].file->bytes;
        bool too_much = rule->max_bytes > 0 && bytes > rule->max_bytes;
        if (taken >= 2 && (too_much || count_overlapping(c, taken) >= MOST_OVERLAPPING))
            break;
    }
    return taken;
}

static void take(const struct compact_rule *rule, const struct candidate *c, int n,
                 struct compact_group *out) {
    *out = (struct compact_group){.trade_date = c[0].file->trade_date, .n = n};
    out->files = k2_alloc((size_t)n * sizeof(struct lake_file *));
    for (int i = 0; i < n; i++) {
        out->files[i] = c[i].file;
        out->rows += c[i].file->rows;
        out->bytes += c[i].file->bytes;
    }
    int64_t pieces = (out->bytes + rule->target_bytes / 2) / rule->target_bytes;
    out->pieces = pieces < 1 ? 1 : (int)pieces;
}

/* --- all partitions --- */

void compact_choose(const struct lake_plan *plan, const int64_t *written_ns,
                    const struct compact_rule *rule, struct compact_group *out) {
    *out = (struct compact_group){0};
    struct candidate *c = k2_alloc(((size_t)plan->file_count + 1) * sizeof *c);
    int n = gather(plan, written_ns, rule, c), best = 0, best_due = 0;
    for (int from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && c[to].file->trade_date == c[from].file->trade_date; to++)
            ;
        int due = count_due(rule, c + from, to - from);
        if (due > best_due) {
            best = from;
            best_due = due;
        }
    }
    if (best_due > 0) {
        qsort(c + best, (size_t)best_due, sizeof *c, by_time);
        take(rule, c + best, count_taken(rule, c + best, best_due), out);
    }
    free(c);
}

void compact_group_free(struct compact_group *g) {
    free((void *)g->files);
    *g = (struct compact_group){0};
}
