/* feed/sequence/spans.c - the epochs of a channel and the numbers seen of each; see seq_int.h. */
#include "feed/sequence/seq_int.h"

#include <stdlib.h>

void seq_spans_free(struct seq_spans *s) {
    free(s->all);
    *s = (struct seq_spans){0};
}

/* How many epochs are before this one. */
static size_t before(const struct seq_spans *s, int32_t epoch) {
    size_t low = 0, high = s->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->all[middle].epoch < epoch)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct seq_span *seq_spans_find(const struct seq_spans *s, int32_t epoch) {
    size_t at = before(s, epoch);
    return at < s->n && s->all[at].epoch == epoch ? &s->all[at] : NULL;
}

void seq_spans_add(struct seq_spans *s, struct seq_span span) {
    size_t at = before(s, span.epoch);
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 4;
        s->all = k2_realloc(s->all, s->cap * sizeof *s->all);
    }
    memmove(s->all + at + 1, s->all + at, (s->n - at) * sizeof *s->all);
    s->all[at] = span;
    s->n++;
}
