/* base/intern.c - see intern.h.
 *
 * Strings lie in chunks that never move; `texts` says where, by id; `slots` finds an id by its key:
 * open addressing, linear probing, a power of two of slots, at most half of them taken. The key of
 * a string of up to 16 bytes is the string itself, padded with zeros, so that a lookup of it ends in
 * the slot (measured 14 -> 5 ns); that of a longer one is its hash, and the strings are compared.
 */
#include "base/intern.h"

#include "base/err.h"
#include "base/hash.h"

#include <stdlib.h>

#define CHUNK_BYTES ((size_t)64 << 10)
#define FIRST_SLOTS 1024u
#define SHORT K2_INTERN_SHORT

struct key {
    uint64_t lo, hi; /* bytes 0..7 and 8..15, or the hash and 0 */
    uint32_t n;      /* bytes of the string */
};

struct slot {
    uint64_t lo, hi;
    uint32_t n;
    uint32_t id; /* 0: empty */
};

struct chunk {
    char *p;
    size_t n, cap;
};

struct k2_interner {
    struct k2_interner_texts texts; /* first: see k2_interned */
    size_t text_cap;
    struct slot *slots;
    uint32_t mask; /* slots - 1 */
    struct chunk *chunks;
    size_t n_chunks, current; /* chunks after `current` are empty: left by a reset */
    size_t chunk_bytes;
};

struct k2_interner *k2_interner_new(void) {
    struct k2_interner *in = k2_zalloc(sizeof *in);
    in->slots = k2_zalloc(FIRST_SLOTS * sizeof *in->slots);
    in->mask = FIRST_SLOTS - 1;
    in->text_cap = FIRST_SLOTS / 2 + 1;
    in->texts.by_id = k2_zalloc(in->text_cap * sizeof *in->texts.by_id);
    return in;
}

void k2_interner_free(struct k2_interner *in) {
    if (!in)
        return;
    for (size_t i = 0; i < in->n_chunks; i++)
        free(in->chunks[i].p);
    free(in->chunks);
    free(in->texts.by_id);
    free(in->slots);
    free(in);
}

static void add_chunk(struct k2_interner *in, size_t cap) {
    in->chunks = k2_realloc(in->chunks, (in->n_chunks + 1) * sizeof *in->chunks);
    in->chunks[in->n_chunks++] = (struct chunk){.p = k2_alloc(cap + SHORT), .cap = cap};
    in->chunk_bytes += cap + SHORT;
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

/* The n bytes at s in a word, n at most 8, without a loop: loads that overlap meet in equal bits. */
static inline uint64_t load_word(const char *s, size_t n) {
    const uint8_t *p = (const uint8_t *)s;
    if (n >= 4)
        return k2_get_u32(p) | (uint64_t)k2_get_u32(p + n - 4) << 8 * (n - 4);
    if (n == 0)
        return 0;
    return p[0] | (uint64_t)p[n / 2] << 8 * (n / 2) | (uint64_t)p[n - 1] << 8 * (n - 1);
}

static inline struct key short_key(struct k2_sv s) {
    if (s.n <= 8)
        return (struct key){load_word(s.p, s.n), 0, (uint32_t)s.n};
    return (struct key){k2_get_u64(s.p), load_word(s.p + 8, s.n - 8), (uint32_t)s.n};
}

static struct key long_key(struct k2_sv s) {
    K2_ASSERT(s.n <= UINT32_MAX);
    return (struct key){k2_hash64(s.p, s.n), 0, (uint32_t)s.n};
}

/* Where probing starts. One multiplication of two 64-bit words mixes all their bits. */
static inline uint32_t home(const struct k2_interner *in, uint64_t lo, uint64_t hi) {
    __extension__ unsigned __int128 product =
        (unsigned __int128)(lo ^ UINT64_C(0x9e3779b97f4a7c15)) *
        (hi ^ UINT64_C(0xbf58476d1ce4e5b9));
    return (uint32_t)((uint64_t)product ^ (uint64_t)(product >> 64)) & in->mask;
}

static void grow(struct k2_interner *in) {
    struct slot *old = in->slots;
    uint32_t n = in->mask + 1;
    K2_ASSERT(n <= UINT32_MAX / 2);
    in->slots = k2_zalloc((size_t)n * 2 * sizeof *in->slots);
    in->mask = n * 2 - 1;
    for (uint32_t i = 0; i < n; i++) {
        if (!old[i].id)
            continue;
        uint32_t at = home(in, old[i].lo, old[i].hi);
        while (in->slots[at].id)
            at = (at + 1) & in->mask;
        in->slots[at] = old[i];
    }
    free(old);
    in->text_cap = (size_t)n + 1;
    in->texts.by_id = k2_realloc(in->texts.by_id, in->text_cap * sizeof *in->texts.by_id);
}

/* The id with this key, 0 if there is none. text: compared too, unless it is NULL. */
static inline uint32_t find(const struct k2_interner *in, struct key key, const char *text) {
    for (uint32_t at = home(in, key.lo, key.hi);; at = (at + 1) & in->mask) {
        const struct slot *slot = &in->slots[at];
        if (slot->lo == key.lo && slot->hi == key.hi && slot->n == key.n && slot->id &&
            (!text || memcmp(in->texts.by_id[slot->id].p, text, key.n) == 0))
            return slot->id;
        if (!slot->id)
            return 0;
    }
}

static uint32_t find_any(const struct k2_interner *in, struct k2_sv s) {
    return s.n <= SHORT ? find(in, short_key(s), NULL) : find(in, long_key(s), s.p);
}

/* A string that is not there yet. Kept out of the look-ups, which are small and many. */
static __attribute__((noinline)) uint32_t add(struct k2_interner *in, struct k2_sv s) {
    if (in->texts.count == in->mask / 2)
        grow(in);
    struct key key = s.n <= SHORT ? short_key(s) : long_key(s);
    uint32_t at = home(in, key.lo, key.hi);
    while (in->slots[at].id)
        at = (at + 1) & in->mask;
    char *copy = store(in, s.n);
    if (s.n)
        memcpy(copy, s.p, s.n);
    uint32_t id = ++in->texts.count;
    in->texts.by_id[id] = (struct k2_sv){copy, s.n};
    in->slots[at] = (struct slot){key.lo, key.hi, key.n, id};
    return id;
}

uint32_t k2_intern(struct k2_interner *in, struct k2_sv s) {
    uint32_t id = find_any(in, s);
    return id ? id : add(in, s);
}

uint32_t k2_intern_short(struct k2_interner *in, struct k2_sv s) {
    /* Ones, then zeros: read from 16 - n on, a mask of the first n of 16 bytes. */
    static const uint8_t edge[2 * SHORT] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    K2_ASSERT(s.n <= SHORT);
    const uint8_t *mask = edge + SHORT - s.n;
    struct key key = {k2_get_u64(s.p) & k2_get_u64(mask),
                      k2_get_u64(s.p + 8) & k2_get_u64(mask + 8), (uint32_t)s.n};
    uint32_t id = find(in, key, NULL);
    return id ? id : add(in, s);
}

uint32_t k2_intern_find(const struct k2_interner *in, struct k2_sv s) {
    return find_any(in, s);
}

uint32_t k2_interner_count(const struct k2_interner *in) {
    return in->texts.count;
}

size_t k2_interner_bytes(const struct k2_interner *in) {
    return sizeof *in + ((size_t)in->mask + 1) * sizeof *in->slots +
           in->text_cap * sizeof *in->texts.by_id + in->n_chunks * sizeof *in->chunks +
           in->chunk_bytes;
}

void k2_interner_reset(struct k2_interner *in) {
    memset(in->slots, 0, ((size_t)in->mask + 1) * sizeof *in->slots);
    for (size_t i = 0; i < in->n_chunks; i++)
        in->chunks[i].n = 0;
    in->current = 0;
    in->texts.count = 0;
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
