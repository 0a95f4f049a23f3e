/* feed/sequence/gaps.c - the open gaps of a channel; see seq_int.h. */
#include "feed/sequence/seq_int.h"

#include <stdlib.h>

void seq_gaps_free(struct seq_gaps *g) {
    free(g->all);
    *g = (struct seq_gaps){0};
}

/* How many gaps start at or before (epoch, sequence): the last of them is the only one that may
 * hold it. */
static size_t starting_by(const struct seq_gaps *g, int32_t epoch, int64_t sequence) {
    size_t low = 0, high = g->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct seq_gap *gap = &g->all[middle];
        if (gap->epoch < epoch || (gap->epoch == epoch && gap->from <= sequence))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(struct seq_gaps *g, size_t at, struct seq_gap gap) {
    if (g->n == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 4;
        g->all = k2_realloc(g->all, g->cap * sizeof *g->all);
    }
    memmove(g->all + at + 1, g->all + at, (g->n - at) * sizeof *g->all);
    g->all[at] = gap;
    g->n++;
}

static void erase(struct seq_gaps *g, size_t at) {
    g->n--;
    memmove(g->all + at, g->all + at + 1, (g->n - at) * sizeof *g->all);
}

void seq_gaps_open(struct seq_gaps *g, struct seq_gap gap) {
    insert(g, starting_by(g, gap.epoch, gap.from), gap);
}

bool seq_gaps_have(const struct seq_gaps *g, int32_t epoch, int64_t sequence) {
    if (g->n == 0)
        return false;
    size_t i = starting_by(g, epoch, sequence);
    return i > 0 && g->all[i - 1].epoch == epoch && sequence <= g->all[i - 1].to;
}

int64_t seq_gaps_count(const struct seq_gaps *g, int32_t epoch, int64_t from, int64_t to) {
    int64_t sum = 0;
    for (size_t i = starting_by(g, epoch, to); i > 0; i--) {
        const struct seq_gap *gap = &g->all[i - 1];
        if (gap->epoch != epoch || gap->to < from)
            break;
        sum =
            seq_missing_add(sum, gap->from > from ? gap->from : from, gap->to < to ? gap->to : to);
    }
    return sum;
}

bool seq_gaps_fill(struct seq_gaps *g, int32_t epoch, int64_t sequence) {
    if (!seq_gaps_have(g, epoch, sequence))
        return false;
    size_t at = starting_by(g, epoch, sequence) - 1;
    struct seq_gap *gap = &g->all[at];
    if (gap->from == gap->to) {
        erase(g, at);
    } else if (sequence == gap->from) {
        gap->from++;
    } else if (sequence == gap->to) {
        gap->to--;
    } else {
        struct seq_gap upper = *gap;
        upper.from = sequence + 1;
        gap->to = sequence - 1;
        insert(g, at + 1, upper);
    }
    return true;
}

void seq_gaps_fill_range(struct seq_gaps *g, int32_t epoch, int64_t from, int64_t to) {
    while (from <= to) {
        size_t n = starting_by(g, epoch, to);
        struct seq_gap *gap = n ? &g->all[n - 1] : NULL;
        if (!gap || gap->epoch != epoch || gap->to < from)
            return;
        if (gap->to > to) {
            struct seq_gap upper = *gap;
            upper.from = to + 1;
            gap->to = to;
            insert(g, n, upper);
            gap = &g->all[n - 1];
        }
        to = gap->from - 1;
        if (gap->from < from) {
            gap->to = from - 1;
            return;
        }
        erase(g, n - 1);
    }
}
