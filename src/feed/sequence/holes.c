/* feed/sequence/holes.c - the gaps of a channel as they were found; see seq_int.h. */
#include "feed/sequence/seq_int.h"

#include <stdlib.h>

void seq_holes_free(struct seq_holes *h) {
    for (size_t i = 0; i < h->n; i++)
        if (h->all[i].missing > 0)
            free(h->all[i].source);
    free(h->all);
    *h = (struct seq_holes){0};
}

/* How many start at or before (epoch, sequence). */
static size_t starting_by(const struct seq_holes *h, int32_t epoch, int64_t sequence) {
    size_t low = 0, high = h->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct seq_hole *hole = &h->all[middle];
        if (hole->epoch < epoch || (hole->epoch == epoch && hole->from <= sequence))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct seq_hole *seq_holes_add(struct seq_holes *h, const struct seq_hole *hole) {
    size_t at = starting_by(h, hole->epoch, hole->from);
    if (h->n == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 4;
        h->all = k2_realloc(h->all, h->cap * sizeof *h->all);
    }
    memmove(h->all + at + 1, h->all + at, (h->n - at) * sizeof *h->all);
    h->all[at] = *hole;
    h->n++;
    return &h->all[at];
}

struct seq_hole *seq_holes_find(const struct seq_holes *h, int32_t epoch, int64_t sequence) {
    size_t at = starting_by(h, epoch, sequence);
    struct seq_hole *hole = at > 0 ? &h->all[at - 1] : NULL;
    bool holds = hole && hole->epoch == epoch && sequence <= hole->to && hole->missing > 0;
    return holds ? hole : NULL;
}

struct seq_hole *seq_holes_find_in(const struct seq_holes *h, int32_t epoch, int64_t from,
                                   int64_t to) {
    for (size_t i = starting_by(h, epoch, to); i > 0; i--) {
        struct seq_hole *hole = &h->all[i - 1];
        if (hole->missing > 0)
            return hole->epoch == epoch && hole->to >= from ? hole : NULL;
    }
    return NULL;
}

void seq_holes_tidy(struct seq_holes *h) {
    size_t kept = 0;
    for (size_t i = 0; i < h->n; i++)
        if (h->all[i].missing > 0)
            h->all[kept++] = h->all[i];
    h->n = kept;
    h->gone = 0;
}

/* Late fills come by the thousand: places are given back only when half of them are free. */
void seq_holes_remove(struct seq_holes *h, struct seq_hole *hole) {
    free(hole->source);
    hole->source = NULL;
    hole->missing = 0;
    if (++h->gone > h->n / 2)
        seq_holes_tidy(h);
}
