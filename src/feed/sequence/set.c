/* feed/sequence/set.c - a set of known events; see seq_int.h. */
#include "feed/sequence/seq_int.h"

#include <stdlib.h>

void seq_set_free(struct seq_set *s) {
    free(s->all);
    free(s->slots);
    *s = (struct seq_set){0};
}

static uint64_t mix(int32_t epoch, int64_t sequence, int32_t part) {
    uint64_t x = (uint64_t)sequence * UINT64_C(0x9e3779b97f4a7c15);
    x ^= ((uint64_t)(uint32_t)epoch << 32 | (uint32_t)part) * UINT64_C(0xff51afd7ed558ccd);
    return x ^ x >> 29;
}

static bool same(const struct seq_known *k, int32_t epoch, int64_t sequence, int32_t part) {
    return k->sequence == sequence && k->epoch == epoch && k->part == part;
}

/* The slot of this identity, or the free one where it belongs. */
static size_t probe(const struct seq_set *s, int32_t epoch, int64_t sequence, int32_t part) {
    size_t at = mix(epoch, sequence, part) & (s->n_slots - 1);
    while (s->slots[at] && !same(&s->all[s->slots[at] - 1], epoch, sequence, part))
        at = (at + 1) & (s->n_slots - 1);
    return at;
}

static void index_one(struct seq_set *s, size_t i) {
    const struct seq_known *k = &s->all[i];
    s->slots[probe(s, k->epoch, k->sequence, k->part)] = (uint32_t)i + 1;
}

static void drop_index(struct seq_set *s) {
    free(s->slots);
    s->slots = NULL;
    s->n_slots = 0;
}

static void make_index(struct seq_set *s) {
    s->n_slots = 16;
    while (s->n_slots < 4 * s->n)
        s->n_slots *= 2;
    s->slots = k2_zalloc(s->n_slots * sizeof *s->slots);
    for (size_t i = 0; i < s->n; i++)
        index_one(s, i);
}

void seq_set_add(struct seq_set *s, const struct seq_known *k) {
    K2_ASSERT(s->n < UINT32_MAX);
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 16;
        s->all = k2_realloc(s->all, s->cap * sizeof *s->all);
    }
    s->all[s->n++] = *k;
    if (s->slots && 2 * s->n > s->n_slots)
        drop_index(s); /* the next lookup makes a larger one */
    else if (s->slots)
        index_one(s, s->n - 1);
}

const struct seq_known *seq_set_find(struct seq_set *s, int32_t epoch, int64_t sequence,
                                     int32_t part) {
    if (s->n == 0)
        return NULL;
    if (!s->slots)
        make_index(s);
    uint32_t place = s->slots[probe(s, epoch, sequence, part)];
    return place ? &s->all[place - 1] : NULL;
}

void seq_set_keep_last(struct seq_set *s, size_t n) {
    if (s->n <= n)
        return;
    memmove(s->all, s->all + (s->n - n), n * sizeof *s->all);
    s->n = n;
    drop_index(s);
}
