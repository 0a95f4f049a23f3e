/* codec/schema_pairs.h - a table from pairs of addresses to a number: what is known about two nodes. */
#ifndef K2_CODEC_SCHEMA_PAIRS_H
#define K2_CODEC_SCHEMA_PAIRS_H

#include <stddef.h>
#include <stdint.h>

struct schema_pair_slot {
    const void *a, *b;
    uintptr_t value;
};

struct schema_pairs {
    struct schema_pair_slot *slots;
    size_t n, cap;
};

uintptr_t schema_pairs_get(const struct schema_pairs *t, const void *a, const void *b); /* or 0 */
void schema_pairs_set(struct schema_pairs *t, const void *a, const void *b, uintptr_t value);
void schema_pairs_free(struct schema_pairs *t);

#endif
