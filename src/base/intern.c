/* base/intern.c - see intern.h.
 *
 * Strings lie in chunks that never move; `entries` says where, by id; `slots` finds an id by hash:
 * open addressing, linear probing, a power of two of slots, at most half of them taken. A slot
 * holds the id and the upper half of the hash, so that a lookup touches the entry and the string
 * only once it has almost surely found them.
 */
#include "base/intern.h"

#include "base/err.h"
#include "base/hash.h"

#include <stdlib.h>

#define CHUNK_BYTES ((size_t)64 << 10)
#define FIRST_SLOTS 1024u

struct slot {
    uint32_t id; /* 0: empty */
    uint32_t tag;
};

struct entry {
    const char *p;
    uint32_t n;
    uint32_t hash; /* the lower half, where probing starts: growing need not hash again */
};

struct chunk {
    char *p;
    size_t n, cap;
};

struct k2_interner {
    struct slot *slots;
    uint32_t mask; /* slots - 1 */
    uint32_t count;
    struct entry *entries; /* [0] is unused, so that ids are indices */
    size_t entry_cap;
    struct chunk *chunks;
    size_t n_chunks, current; /* chunks after `current` are empty: left by a reset */
    size_t chunk_bytes;
};

struct k2_interner *k2_interner_new(void) {
    struct k2_interner *in = k2_zalloc(sizeof *in);
    in->slots = k2_zalloc(FIRST_SLOTS * sizeof *in->slots);
    in->mask = FIRST_SLOTS - 1;
    in->entry_cap = FIRST_SLOTS / 2 + 1;
    in->entries = k2_zalloc(in->entry_cap * sizeof *in->entries);
    return in;
}

void k2_interner_free(struct k2_interner *in) {
    if (!in)
        return;
    for (size_t i = 0; i < in->n_chunks; i++)
        free(in->chunks[i].p);
    free(in->chunks);
    free(in->entries);
    free(in->slots);
    free(in);
}

static void add_chunk(struct k2_interner *in, size_t cap) {
    in->chunks = k2_realloc(in->chunks, (in->n_chunks + 1) * sizeof *in->chunks);
    in->chunks[in->n_chunks++] = (struct chunk){.p = k2_alloc(cap), .cap = cap};
    in->chunk_bytes += cap;
}

/* Room for n bytes in the current chunk, or in the first later one that has it. */
static char *store(struct k2_interner *in, size_t n) {
    while (in->current < in->n_chunks) {
        struct chunk *c = &in->chunks[in->current];
        if (c->cap - c->n >= n) {
            c->n += n;
            return c->p + c->n - n;
        }
        in->current++;
    }
    add_chunk(in, n > CHUNK_BYTES ? n : CHUNK_BYTES);
    in->chunks[in->current].n = n;
    return in->chunks[in->current].p;
}

static void grow(struct k2_interner *in) {
    uint32_t n = (in->mask + 1) * 2, mask = n - 1;
    K2_ASSERT(n != 0);
    struct slot *slots = k2_zalloc(n * sizeof *slots);
    for (uint32_t i = 0; i <= in->mask; i++) {
        if (!in->slots[i].id)
            continue;
        uint32_t at = in->entries[in->slots[i].id].hash & mask;
        while (slots[at].id)
            at = (at + 1) & mask;
        slots[at] = in->slots[i];
    }
    free(in->slots);
    in->slots = slots;
    in->mask = mask;
    in->entry_cap = n / 2 + 1;
    in->entries = k2_realloc(in->entries, in->entry_cap * sizeof *in->entries);
}

/* The slot that holds s, or the empty one where it belongs. */
static uint32_t probe(const struct k2_interner *in, struct k2_sv s, uint64_t hash) {
    uint32_t at = (uint32_t)hash & in->mask, tag = (uint32_t)(hash >> 32);
    for (;; at = (at + 1) & in->mask) {
        struct slot slot = in->slots[at];
        if (!slot.id)
            return at;
        if (slot.tag != tag)
            continue;
        const struct entry *e = &in->entries[slot.id];
        if (e->n == s.n && (s.n == 0 || memcmp(e->p, s.p, s.n) == 0))
            return at;
    }
}

static uint32_t add(struct k2_interner *in, struct k2_sv s, uint64_t hash, uint32_t at) {
    K2_ASSERT(s.n <= UINT32_MAX);
    if (in->count == in->mask / 2) {
        grow(in);
        at = probe(in, s, hash);
    }
    char *copy = store(in, s.n);
    if (s.n)
        memcpy(copy, s.p, s.n);
    uint32_t id = ++in->count;
    in->entries[id] = (struct entry){copy, (uint32_t)s.n, (uint32_t)hash};
    in->slots[at] = (struct slot){id, (uint32_t)(hash >> 32)};
    return id;
}

uint32_t k2_intern(struct k2_interner *in, struct k2_sv s) {
    uint64_t hash = k2_hash64(s.p, s.n);
    uint32_t at = probe(in, s, hash), id = in->slots[at].id;
    return id ? id : add(in, s, hash, at);
}

uint32_t k2_intern_find(const struct k2_interner *in, struct k2_sv s) {
    return in->slots[probe(in, s, k2_hash64(s.p, s.n))].id;
}

struct k2_sv k2_interned(const struct k2_interner *in, uint32_t id) {
    if (id == 0)
        return (struct k2_sv){NULL, 0};
    K2_ASSERT(id <= in->count);
    return (struct k2_sv){in->entries[id].p, in->entries[id].n};
}

uint32_t k2_interner_count(const struct k2_interner *in) {
    return in->count;
}

size_t k2_interner_bytes(const struct k2_interner *in) {
    return sizeof *in + ((size_t)in->mask + 1) * sizeof *in->slots +
           in->entry_cap * sizeof *in->entries + in->n_chunks * sizeof *in->chunks +
           in->chunk_bytes;
}

void k2_interner_reset(struct k2_interner *in) {
    memset(in->slots, 0, ((size_t)in->mask + 1) * sizeof *in->slots);
    for (size_t i = 0; i < in->n_chunks; i++)
        in->chunks[i].n = 0;
    in->current = 0;
    in->count = 0;
}

void k2_blob_add(struct k2_buf *blob, struct k2_sv s) {
    K2_ASSERT(s.n <= UINT32_MAX);
    k2_put_u32(k2_buf_need(blob, 4), (uint32_t)s.n);
    blob->n += 4;
    k2_buf_sv(blob, s);
}

bool k2_blob_next(struct k2_sv *blob, struct k2_sv *s) {
    if (blob->n == 0)
        return false;
    K2_ASSERT(blob->n >= 4);
    size_t n = k2_get_u32(blob->p);
    K2_ASSERT(blob->n - 4 >= n);
    *s = (struct k2_sv){blob->p + 4, n};
    *blob = (struct k2_sv){blob->p + 4 + n, blob->n - 4 - n};
    return true;
}
