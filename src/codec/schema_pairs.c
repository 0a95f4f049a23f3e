/* codec/schema_pairs.c - open addressing, grown at half full; see schema_pairs.h. */
#include "codec/schema_pairs.h"

#include "base/buf.h"

#include <stdlib.h>

static size_t place(const struct schema_pairs *t, const void *a, const void *b) {
    uint64_t h = (uint64_t)(uintptr_t)a * 0x9e3779b97f4a7c15u ^ (uint64_t)(uintptr_t)b;
    h = (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9u;
    size_t i = (size_t)(h ^ (h >> 32)) & (t->cap - 1);
    while (t->slots[i].a && (t->slots[i].a != a || t->slots[i].b != b))
        i = (i + 1) & (t->cap - 1);
    return i;
}

static void grow(struct schema_pairs *t) {
    struct schema_pairs wider = {.cap = t->cap ? 2 * t->cap : 256, .n = t->n};
    wider.slots = k2_zalloc(wider.cap * sizeof *wider.slots);
    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i].a)
            wider.slots[place(&wider, t->slots[i].a, t->slots[i].b)] = t->slots[i];
    free(t->slots);
    *t = wider;
}

uintptr_t schema_pairs_get(const struct schema_pairs *t, const void *a, const void *b) {
    return t->cap ? t->slots[place(t, a, b)].value : 0;
}

void schema_pairs_set(struct schema_pairs *t, const void *a, const void *b, uintptr_t value) {
    if (2 * (t->n + 1) > t->cap)
        grow(t);
    struct schema_pair_slot *slot = &t->slots[place(t, a, b)];
    if (!slot->a)
        t->n++;
    *slot = (struct schema_pair_slot){a, b, value};
}

void schema_pairs_free(struct schema_pairs *t) {
    free(t->slots);
    *t = (struct schema_pairs){0};
}
