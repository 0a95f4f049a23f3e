/* base/intern.c - see intern.h.
 *
 * Strings lie in chunks that never move; `texts` says where, by id; `slots` finds an id by its key:
 * open addressing, linear probing, a power of two of slots, at most half of them taken. The key of
 * a string of up to 16 bytes is the string itself, padded with zeros, so that a lookup of it ends in
 * the slot (measured 14 -> 5 ns); that of a longer one is its hash, and the strings are compared.
 * A slot says in which round it was taken: one of an earlier round is free, and emptying touches none.
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
    uint32_t tag;    /* the round and the length, as in a slot */
};

#define LENGTH_BITS 5
#define LONG 31u /* in the place of a length */
#define ROUND_MASK (UINT32_MAX >> LENGTH_BITS)

struct slot {
    uint64_t lo, hi;
    uint32_t tag; /* round << LENGTH_BITS | length; no round is 0 */
    uint32_t id;
};

struct chunk {
    char *p;
    size_t cap;
};

struct k2_interner {
    struct k2_interner_texts texts; /* first: see k2_interned */
    size_t text_cap;
    struct slot *slots;
    uint32_t mask; /* slots - 1 */
    struct chunk *chunks;
    size_t n_chunks, current; /* chunks after `current` are empty: left by a reset */
    char *next;               /* what is free of the current one */
    size_t left;
    size_t chunk_bytes;
};

struct k2_interner *k2_interner_new(void) {
    struct k2_interner *in = k2_zalloc(sizeof *in);
    in->slots = k2_zalloc(FIRST_SLOTS * sizeof *in->slots);
    in->mask = FIRST_SLOTS - 1;
    in->text_cap = FIRST_SLOTS / 2 + 1;
    in->texts.by_id = k2_zalloc(in->text_cap * sizeof *in->texts.by_id);
    in->texts.round = 1;
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

static void use_chunk(struct k2_interner *in, size_t i) {
    in->current = i;
    in->next = in->chunks[i].p;
    in->left = in->chunks[i].cap;
}

/* The next chunk that has room for n bytes is the current one. */
static __attribute__((noinline)) void next_chunk(struct k2_interner *in, size_t n) {
    size_t i = in->n_chunks ? in->current + 1 : 0;
    while (i < in->n_chunks && in->chunks[i].cap < n)
        i++;
    if (i == in->n_chunks)
        add_chunk(in, n > CHUNK_BYTES ? n : CHUNK_BYTES);
    use_chunk(in, i);
}

static inline char *store(struct k2_interner *in, size_t n) {
    if (n > in->left || !in->next)
        next_chunk(in, n);
    char *p = in->next;
    in->next += n;
    in->left -= n;
    return p;
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

static inline uint32_t tag_of(const struct k2_interner *in, uint32_t length) {
    return (in->texts.round & ROUND_MASK) << LENGTH_BITS | length;
}

static inline struct key short_key(const struct k2_interner *in, struct k2_sv s) {
    uint32_t tag = tag_of(in, (uint32_t)s.n);
    if (s.n <= 8)
        return (struct key){load_word(s.p, s.n), 0, tag};
    return (struct key){k2_get_u64(s.p), load_word(s.p + 8, s.n - 8), tag};
}

static struct key long_key(const struct k2_interner *in, uint64_t hash) {
    return (struct key){hash, 0, tag_of(in, LONG)};
}

static struct key key_of(const struct k2_interner *in, struct k2_sv s) {
    K2_ASSERT(s.n <= UINT32_MAX);
    return s.n <= SHORT ? short_key(in, s) : long_key(in, k2_hash64(s.p, s.n));
}

/* Where probing starts. One multiplication of two 64-bit words mixes all their bits. */
static inline uint32_t home(const struct k2_interner *in, uint64_t lo, uint64_t hi) {
    __extension__ unsigned __int128 product =
        (unsigned __int128)(lo ^ UINT64_C(0x9e3779b97f4a7c15)) *
        (hi ^ UINT64_C(0xbf58476d1ce4e5b9));
    return (uint32_t)((uint64_t)product ^ (uint64_t)(product >> 64)) & in->mask;
}

static inline bool is_free(const struct slot *slot, uint32_t tag) {
    return (slot->tag ^ tag) >> LENGTH_BITS != 0;
}

static void grow(struct k2_interner *in) {
    struct slot *old = in->slots;
    uint32_t n = in->mask + 1, now = tag_of(in, 0);
    K2_ASSERT(n <= UINT32_MAX / 2);
    in->slots = k2_zalloc((size_t)n * 2 * sizeof *in->slots);
    in->mask = n * 2 - 1;
    for (uint32_t i = 0; i < n; i++) {
        if (is_free(&old[i], now))
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

/* The slot with this key, or the free one where it belongs. s: compared too, where it is long. */
static inline struct slot *find(const struct k2_interner *in, struct key key, struct k2_sv s) {
    for (uint32_t at = home(in, key.lo, key.hi);; at = (at + 1) & in->mask) {
        struct slot *slot = &in->slots[at];
        if (is_free(slot, key.tag))
            return slot;
        if (slot->lo == key.lo && slot->hi == key.hi && slot->tag == key.tag &&
            (s.n <= SHORT || k2_sv_eq(in->texts.by_id[slot->id], s)))
            return slot;
    }
}

/* Takes the slot for a string of which `copy` is ours. */
static inline uint32_t take(struct k2_interner *in, struct slot *slot, struct key key,
                            struct k2_sv copy) {
    uint32_t id = ++in->texts.count;
    in->texts.by_id[id] = copy;
    *slot = (struct slot){key.lo, key.hi, key.tag, id};
    return id;
}

static inline struct slot *find_room(struct k2_interner *in, struct slot *slot, struct key key,
                                     struct k2_sv s) {
    if (in->texts.count < in->mask / 2)
        return slot;
    grow(in);
    return find(in, key, s);
}

/* The key is the string, and there is room for all of it behind the last byte of a chunk. */
static inline uint32_t intern_short(struct k2_interner *in, struct key key, size_t n) {
    struct k2_sv s = {NULL, n};
    struct slot *slot = find(in, key, s);
    if (!is_free(slot, key.tag))
        return slot->id;
    slot = find_room(in, slot, key, s);
    char *copy = store(in, n);
    k2_put_u64(copy, key.lo);
    k2_put_u64(copy + 8, key.hi);
    return take(in, slot, key, (struct k2_sv){copy, n});
}

static uint32_t intern_long(struct k2_interner *in, struct key key, struct k2_sv s) {
    struct slot *slot = find(in, key, s);
    if (!is_free(slot, key.tag))
        return slot->id;
    slot = find_room(in, slot, key, s);
    char *copy = store(in, s.n);
    memcpy(copy, s.p, s.n);
    return take(in, slot, key, (struct k2_sv){copy, s.n});
}

uint32_t k2_intern(struct k2_interner *in, struct k2_sv s) {
    struct key key = key_of(in, s);
    return s.n <= SHORT ? intern_short(in, key, s.n) : intern_long(in, key, s);
}

uint32_t k2_intern_hashed(struct k2_interner *in, struct k2_sv s, uint64_t hash) {
    K2_ASSERT(s.n > SHORT && s.n <= UINT32_MAX);
    return intern_long(in, long_key(in, hash), s);
}

uint32_t k2_intern_words(struct k2_interner *in, uint64_t lo, uint64_t hi, size_t n) {
    return intern_short(in, (struct key){lo, hi, tag_of(in, (uint32_t)n)}, n);
}

uint32_t k2_intern_short(struct k2_interner *in, struct k2_sv s) {
    /* Ones, then zeros: read from 16 - n on, a mask of the first n of 16 bytes. */
    static const uint8_t edge[2 * SHORT] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    K2_ASSERT(s.n <= SHORT);
    const uint8_t *mask = edge + SHORT - s.n;
    struct key key = {k2_get_u64(s.p) & k2_get_u64(mask),
                      k2_get_u64(s.p + 8) & k2_get_u64(mask + 8), tag_of(in, (uint32_t)s.n)};
    return intern_short(in, key, s.n);
}

uint32_t k2_intern_find(const struct k2_interner *in, struct k2_sv s) {
    struct key key = key_of(in, s);
    const struct slot *slot = find(in, key, s);
    return is_free(slot, key.tag) ? 0 : slot->id;
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
    if (in->n_chunks)
        use_chunk(in, 0);
    in->texts.count = 0;
    if ((++in->texts.round & ROUND_MASK) ==
        0) { /* slots of the rounds before would be taken for new ones */
        memset(in->slots, 0, ((size_t)in->mask + 1) * sizeof *in->slots);
        in->texts.round++;
    }
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
