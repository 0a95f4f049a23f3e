/* lake/parquet_dict.c - see parquet_dict.h.
 *
 * The key of a number that fits int64 is the number itself, so that most lookups end in the slot;
 * wider ones are keyed by a mixture of their halves and marked so (mark | 1): only they look at the
 * value. Strings are keyed by their hash.
 */
#include "lake/parquet_dict.h"

#include "base/hash.h"

#include <stdlib.h>

#define FIRST_BITS 6
#define SPREAD UINT64_C(0x9e3779b97f4a7c15) /* 2^64 / golden ratio: Fibonacci hashing */

static size_t home(const struct parquet_table *t, uint64_t key) {
    key *= SPREAD;
    return (size_t)((key ^ key >> 32) * SPREAD >> (64 - t->bits));
}

static bool is_taken(const struct parquet_table *t, const struct parquet_slot *s) {
    return (s->mark | 1) == (t->mark | 1);
}

static void place(struct parquet_table *t, struct parquet_slot slot) {
    size_t mask = ((size_t)1 << t->bits) - 1, at = home(t, slot.key);
    while (is_taken(t, &t->slots[at]))
        at = (at + 1) & mask;
    t->slots[at] = slot;
}

static void grow(struct parquet_table *t) {
    struct parquet_table old = *t;
    t->bits = old.slots ? old.bits + 1 : FIRST_BITS;
    t->slots = k2_zalloc(sizeof *t->slots << t->bits);
    for (size_t i = 0; old.slots && i < (size_t)1 << old.bits; i++)
        if (is_taken(&old, &old.slots[i]))
            place(t, old.slots[i]);
    free(old.slots);
}

/* A search ends at a free slot, so at least one is kept: the table grows after an insertion. */
static void insert(struct parquet_table *t, struct parquet_slot slot) {
    place(t, slot);
    t->taken++;
    if ((size_t)t->taken * 2 >= (size_t)1 << t->bits)
        grow(t);
}

/* Marks 0 and 1 are those of fresh memory and never in use. */
static void empty(struct parquet_table *t) {
    t->taken = 0;
    t->mark += 2;
    if (!t->slots) {
        grow(t);
    } else if (t->mark == 0) {
        memset(t->slots, 0, sizeof *t->slots << t->bits);
        t->mark = 2;
    }
}

void parquet_numbers_free(struct parquet_numbers *d) {
    free(d->table.slots);
    free(d->values);
    *d = (struct parquet_numbers){0};
}

void parquet_numbers_reset(struct parquet_numbers *d) {
    empty(&d->table);
    d->count = 0;
    d->wide = false;
}

static uint32_t add_number(struct parquet_numbers *d, k2_i128 v, uint64_t key, uint32_t mark) {
    if (d->count == d->cap) {
        d->cap = d->cap ? d->cap * 2 : 1024;
        d->values = k2_realloc(d->values, d->cap * sizeof *d->values);
    }
    d->values[d->count] = v;
    d->wide |= mark & 1;
    insert(&d->table, (struct parquet_slot){key, d->count, mark});
    return d->count++;
}

uint32_t parquet_numbers_index(struct parquet_numbers *d, k2_i128 v) {
    struct parquet_table *t = &d->table;
    bool wide = v != (int64_t)v;
    uint64_t key = (uint64_t)v;
    if (wide)
        key ^= (uint64_t)((k2_u128)v >> 64) * SPREAD;
    uint32_t mark = t->mark | wide;
    size_t mask = ((size_t)1 << t->bits) - 1;
    for (size_t at = home(t, key);; at = (at + 1) & mask) {
        const struct parquet_slot *s = &t->slots[at];
        if (s->mark == mark && s->key == key && (!wide || d->values[s->index] == v))
            return s->index;
        if (!is_taken(t, s))
            return add_number(d, v, key, mark);
    }
}

void parquet_strings_free(struct parquet_strings *d) {
    free(d->table.slots);
    k2_buf_free(&d->bytes);
    free(d->starts);
    free(d->seen);
    free(d->remap);
    *d = (struct parquet_strings){0};
}

void parquet_strings_reset(struct parquet_strings *d) {
    empty(&d->table);
    d->bytes.n = 0;
    d->count = 0;
}

struct k2_sv parquet_strings_get(const struct parquet_strings *d, uint32_t index) {
    const uint8_t *at = d->bytes.p + d->starts[index];
    return (struct k2_sv){(const char *)at + 4, k2_get_u32(at)};
}

static uint32_t add_string(struct parquet_strings *d, struct k2_sv s, uint64_t key) {
    if (d->count == d->cap) {
        uint32_t cap = d->cap ? d->cap * 2 : 256;
        d->starts = k2_realloc(d->starts, cap * sizeof *d->starts);
        d->seen = k2_realloc(d->seen, cap * sizeof *d->seen);
        memset(d->seen + d->cap, 0, (cap - d->cap) * sizeof *d->seen);
        d->cap = cap;
    }
    d->starts[d->count] = d->bytes.n;
    uint32_t length = (uint32_t)s.n;
    k2_buf_put(&d->bytes, &length, 4);
    k2_buf_sv(&d->bytes, s);
    insert(&d->table, (struct parquet_slot){key, d->count, d->table.mark});
    return d->count++;
}

uint32_t parquet_strings_index(struct parquet_strings *d, struct k2_sv s) {
    struct parquet_table *t = &d->table;
    uint64_t key = k2_hash64(s.p, s.n);
    size_t mask = ((size_t)1 << t->bits) - 1;
    for (size_t at = home(t, key);; at = (at + 1) & mask) {
        const struct parquet_slot *slot = &t->slots[at];
        if (!is_taken(t, slot))
            return add_string(d, s, key);
        if (slot->key == key && k2_sv_eq(parquet_strings_get(d, slot->index), s))
            return slot->index;
    }
}

void parquet_remap_begin(struct parquet_strings *d, const struct k2_interner *in, bool nulls) {
    uint32_t ids = k2_interner_count(in) + 1;
    if (ids > d->ids) {
        d->remap = k2_realloc(d->remap, ids * sizeof *d->remap);
        memset(d->remap + d->ids, 0, (ids - d->ids) * sizeof *d->remap);
        d->ids = ids;
    }
    if (++d->epoch == 0) {
        memset(d->remap, 0, d->ids * sizeof *d->remap);
        d->epoch = 1;
    }
    if (nulls)
        parquet_remap_set(d, 0, PARQUET_NONE);
}
