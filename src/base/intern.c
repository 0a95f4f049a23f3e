/* base/intern.c - see intern.h.
 *
 * Strings lie in chunks that never move; `texts` says where, by id; `slots` finds an id by its key:
 * open addressing, linear probing, a power of two of slots, at most half of them taken. The key of
 * a string of up to 16 bytes is the string itself, padded with zeros, so that a lookup of it ends in
 * the slot (measured 14 -> 5 ns); that of a longer one is its hash, and the strings are compared.
 * A slot says in which era it was taken: one of an earlier era is free, and emptying touches none. After a round only as
 * many slots are used as the rounds before it needed: the fewer they are, the nearer they stay.
 *
 * Kept strings have slots and chunks of their own, which are never emptied. Most strings are no kept ones and need not
 * be looked for there: first byte and length tell that of the short ones, a bit by their hash that of the long ones.
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
    uint32_t tag;    /* the era and the length, as in a slot */
};

#define KEPT_BITS (UINT32_C(1) << 19) /* eight for each that may be kept */

#define LENGTH_BITS 5
#define LONG 31u /* in the place of a length */
#define ERA_MASK (UINT32_MAX >> LENGTH_BITS)

struct slot {
    uint64_t lo, hi;
    uint32_t tag; /* era << LENGTH_BITS | length; no era is 0 */
    uint32_t id;
};

struct chunk {
    char *p;
    size_t cap;
};

struct store { /* of texts */
    struct chunk *chunks;
    size_t n_chunks, current; /* chunks after `current` are empty: left by a reset */
    char *next;               /* what is free of the current one */
    size_t left;
    size_t bytes;
};

struct
    keep { /* kept strings: those whose ids are good, and those of this round, from the next one on */
    struct slot *slots; /* the tag of a slot is the length alone */
    uint32_t mask, n;
    struct k2_sv *by_id;
    struct store store;
};

struct k2_interner {
    struct k2_interner_texts texts; /* first: see k2_interned */
    size_t text_cap;                /* room for the kept ones and those of half the slots */
    struct slot *slots;
    uint32_t mask, most; /* slots in use - 1, and slots - 1 */
    uint32_t last;       /* id that there is room for: half of the slots are taken then */
    uint32_t era;
    uint32_t usual; /* strings of a round */
    struct store store;
    struct keep keep;
    uint32_t kept_short[256]; /* by first byte, bit n: a kept string of n bytes begins with it */
    uint64_t
        *kept_long; /* by hash, KEPT_BITS: there is a long kept string of it; NULL: there is none */
};

struct k2_interner *k2_interner_new(void) {
    struct k2_interner *in = k2_zalloc(sizeof *in);
    in->slots = k2_zalloc(FIRST_SLOTS * sizeof *in->slots);
    in->mask = in->most = FIRST_SLOTS - 1;
    in->era = 1;
    in->last = in->mask / 2;
    in->text_cap = FIRST_SLOTS / 2 + 1;
    in->texts.by_id = k2_zalloc(in->text_cap * sizeof *in->texts.by_id);
    in->texts.round = 1;
    return in;
}

static void free_store(struct store *st) {
    for (size_t i = 0; i < st->n_chunks; i++)
        free(st->chunks[i].p);
    free(st->chunks);
}

void k2_interner_free(struct k2_interner *in) {
    if (!in)
        return;
    free_store(&in->store);
    free_store(&in->keep.store);
    free(in->keep.slots);
    free(in->keep.by_id);
    free(in->kept_long);
    free(in->texts.by_id);
    free(in->slots);
    free(in);
}

static void add_chunk(struct store *st, size_t cap) {
    st->chunks = k2_realloc(st->chunks, (st->n_chunks + 1) * sizeof *st->chunks);
    st->chunks[st->n_chunks++] = (struct chunk){.p = k2_alloc(cap + SHORT), .cap = cap};
    st->bytes += cap + SHORT;
}

static void use_chunk(struct store *st, size_t i) {
    st->current = i;
    st->next = st->chunks[i].p;
    st->left = st->chunks[i].cap;
}

/* The next chunk that has room for n bytes is the current one. */
static __attribute__((noinline)) void next_chunk(struct store *st, size_t n) {
    size_t i = st->n_chunks ? st->current + 1 : 0;
    while (i < st->n_chunks && st->chunks[i].cap < n)
        i++;
    if (i == st->n_chunks)
        add_chunk(st, n > CHUNK_BYTES ? n : CHUNK_BYTES);
    use_chunk(st, i);
}

static inline char *store(struct store *st, size_t n) {
    if (n > st->left || !st->next)
        next_chunk(st, n);
    char *p = st->next;
    st->next += n;
    st->left -= n;
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
    return in->era << LENGTH_BITS | length;
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
static inline uint32_t home(uint32_t mask, uint64_t lo, uint64_t hi) {
    __extension__ unsigned __int128 product =
        (unsigned __int128)(lo ^ UINT64_C(0x9e3779b97f4a7c15)) *
        (hi ^ UINT64_C(0xbf58476d1ce4e5b9));
    return (uint32_t)((uint64_t)product ^ (uint64_t)(product >> 64)) & mask;
}

static inline bool is_free(const struct slot *slot, uint32_t tag) {
    return (slot->tag ^ tag) >> LENGTH_BITS != 0;
}

/* The slots in use or the kept strings are others now. */
static void make_text_room(struct k2_interner *in) {
    in->last = in->texts.kept + in->mask / 2;
    size_t need = (size_t)in->texts.kept + in->mask / 2 + 2;
    if (need <= in->text_cap)
        return;
    in->text_cap = need + in->texts.kept;
    in->texts.by_id = k2_realloc(in->texts.by_id, in->text_cap * sizeof *in->texts.by_id);
}

/* All slots are free. */
static void begin_era(struct k2_interner *in) {
    in->era = (in->era + 1) & ERA_MASK;
    if (in->era)
        return;
    memset(in->slots, 0, ((size_t)in->most + 1) * sizeof *in->slots);
    in->era = 1;
}

static void grow(struct k2_interner *in) {
    K2_ASSERT(in->mask < UINT32_MAX / 2);
    begin_era(in);
    in->mask = in->mask * 2 + 1;
    if (in->mask > in->most) {
        free(in->slots);
        in->slots = k2_zalloc(((size_t)in->mask + 1) * sizeof *in->slots);
        in->most = in->mask;
    }
    for (uint32_t id = in->texts.kept + 1; id <= in->texts.count; id++) {
        struct key key = key_of(in, in->texts.by_id[id]);
        uint32_t at = home(in->mask, key.lo, key.hi);
        while (!is_free(&in->slots[at], key.tag))
            at = (at + 1) & in->mask;
        in->slots[at] = (struct slot){key.lo, key.hi, key.tag, id};
    }
    make_text_room(in);
}

/* --- kept strings --- */

/* The slot with this key, or the free one where it belongs. */
static struct slot *find_kept(const struct keep *k, uint64_t lo, uint64_t hi, struct k2_sv s,
                              uint32_t length) {
    for (uint32_t at = home(k->mask, lo, hi);; at = (at + 1) & k->mask) {
        struct slot *slot = &k->slots[at];
        if (!slot->id || (slot->lo == lo && slot->hi == hi && slot->tag == length &&
                          (length != LONG || k2_sv_eq(k->by_id[slot->id], s))))
            return slot;
    }
}

/* The id of a string that was kept in a round before, or 0. */
static uint32_t kept_id(const struct k2_interner *in, struct key key, struct k2_sv s) {
    uint32_t length = key.tag & LONG;
    uint32_t id = find_kept(&in->keep, key.lo, key.hi, s, length)->id;
    return id <= in->texts.kept ? id : 0;
}

static inline bool may_be_kept(const struct k2_interner *in, struct key key, size_t n) {
    if (n <= SHORT)
        return in->kept_short[key.lo & 0xff] >> n & 1;
    return in->kept_long && in->kept_long[key.lo % KEPT_BITS / 64] >> key.lo % 64 & 1;
}

static void mark_kept(struct k2_interner *in, struct key key, size_t n) {
    if (n <= SHORT) {
        in->kept_short[key.lo & 0xff] |= UINT32_C(1) << n;
        return;
    }
    if (!in->kept_long)
        in->kept_long = k2_zalloc(KEPT_BITS / 8);
    in->kept_long[key.lo % KEPT_BITS / 64] |= UINT64_C(1) << key.lo % 64;
}

/* The slot with this key, or the free one where it belongs. s: compared too, where it is long. */
static inline struct slot *find(const struct k2_interner *in, struct key key, struct k2_sv s) {
    for (uint32_t at = home(in->mask, key.lo, key.hi);; at = (at + 1) & in->mask) {
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

static inline struct slot *find_room(struct k2_interner *in, struct slot *slot, struct key *key,
                                     struct k2_sv s) {
    if (in->texts.count < in->last)
        return slot;
    grow(in);
    key->tag = tag_of(in, key->tag & LONG);
    return find(in, *key, s);
}

/* The key is the string, and there is room for all of it behind the last byte of a chunk. */
static inline uint32_t take_short(struct k2_interner *in, struct slot *slot, struct key key,
                                  size_t n, char *copy) {
    k2_put_u64(copy, key.lo);
    k2_put_u64(copy + 8, key.hi);
    return take(in, slot, key, (struct k2_sv){copy, n});
}

static __attribute__((noinline)) uint32_t intern_any_short(struct k2_interner *in, uint64_t lo,
                                                           uint64_t hi, size_t n) {
    struct key key = {lo, hi, tag_of(in, (uint32_t)n)};
    struct k2_sv s = {NULL, n};
    uint32_t kept = may_be_kept(in, key, n) ? kept_id(in, key, s) : 0;
    if (kept)
        return kept;
    struct slot *slot = find(in, key, s);
    if (!is_free(slot, key.tag))
        return slot->id;
    slot = find_room(in, slot, &key, s);
    return take_short(in, slot, key, n, store(&in->store, n));
}

/* What decoders do most: a string that is no kept one, with room for it. Nothing else is called on this way. */
static inline uint32_t intern_short(struct k2_interner *in, uint64_t lo, uint64_t hi, size_t n) {
    struct store *st = &in->store;
    if (in->kept_short[lo & 0xff] >> n & 1 || in->texts.count >= in->last || n - 1 >= st->left)
        return intern_any_short(in, lo, hi, n);
    uint32_t tag = tag_of(in, (uint32_t)n), at = home(in->mask, lo, hi);
    struct slot *slot = &in->slots[at];
    for (; !is_free(slot, tag); slot = &in->slots[at]) {
        if (((slot->lo ^ lo) | (slot->hi ^ hi) | (slot->tag ^ tag)) == 0)
            return slot->id;
        at = (at + 1) & in->mask;
    }
    char *copy = st->next;
    st->next += n;
    st->left -= n;
    return take_short(in, slot, (struct key){lo, hi, tag}, n, copy);
}

static uint32_t intern_long(struct k2_interner *in, struct key key, struct k2_sv s) {
    uint32_t kept = may_be_kept(in, key, s.n) ? kept_id(in, key, s) : 0;
    if (kept)
        return kept;
    struct slot *slot = find(in, key, s);
    if (!is_free(slot, key.tag))
        return slot->id;
    slot = find_room(in, slot, &key, s);
    char *copy = store(&in->store, s.n);
    memcpy(copy, s.p, s.n);
    return take(in, slot, key, (struct k2_sv){copy, s.n});
}

uint32_t k2_intern(struct k2_interner *in, struct k2_sv s) {
    struct key key = key_of(in, s);
    return s.n <= SHORT ? intern_short(in, key.lo, key.hi, s.n) : intern_long(in, key, s);
}

uint32_t k2_intern_words(struct k2_interner *in, uint64_t lo, uint64_t hi, size_t n) {
    return intern_short(in, lo, hi, n);
}

uint32_t k2_intern_short(struct k2_interner *in, struct k2_sv s) {
    /* Ones, then zeros: read from 16 - n on, a mask of the first n of 16 bytes. */
    static const uint8_t edge[2 * SHORT] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    K2_ASSERT(s.n <= SHORT);
    const uint8_t *mask = edge + SHORT - s.n;
    return intern_short(in, k2_get_u64(s.p) & k2_get_u64(mask),
                        k2_get_u64(s.p + 8) & k2_get_u64(mask + 8), s.n);
}

uint32_t k2_intern_find(const struct k2_interner *in, struct k2_sv s) {
    struct key key = key_of(in, s);
    uint32_t kept = may_be_kept(in, key, s.n) ? kept_id(in, key, s) : 0;
    if (kept)
        return kept;
    const struct slot *slot = find(in, key, s);
    return is_free(slot, key.tag) ? 0 : slot->id;
}

uint32_t k2_interner_count(const struct k2_interner *in) {
    return in->texts.count;
}

static size_t store_bytes(const struct store *st) {
    return st->n_chunks * sizeof *st->chunks + st->bytes;
}

size_t k2_interner_bytes(const struct k2_interner *in) {
    size_t kept = in->keep.slots ? (size_t)in->keep.mask + 1 : 0;
    return sizeof *in + ((size_t)in->most + 1 + kept) * sizeof *in->slots +
           (in->text_cap + kept / 2 + 1) * sizeof *in->texts.by_id + store_bytes(&in->store) +
           store_bytes(&in->keep.store) + (in->kept_long ? KEPT_BITS / 8 : 0);
}

size_t k2_interner_used(const struct k2_interner *in) {
    const struct store *st = &in->store;
    size_t text = st->n_chunks ? st->chunks[st->current].cap - st->left : 0;
    for (size_t i = 0; st->n_chunks && i < st->current; i++)
        text += st->chunks[i].cap;
    return text + (size_t)(in->texts.count - in->texts.kept) *
                      (sizeof *in->texts.by_id + 2 * sizeof *in->slots);
}

static void grow_keep(struct keep *k) {
    struct slot *old = k->slots;
    uint32_t n = old ? k->mask + 1 : 0, more = n ? n * 2 : FIRST_SLOTS;
    k->slots = k2_zalloc(more * sizeof *k->slots);
    k->mask = more - 1;
    for (uint32_t i = 0; i < n; i++)
        if (old[i].id)
            *find_kept(k, old[i].lo, old[i].hi, k->by_id[old[i].id], old[i].tag) = old[i];
    free(old);
    k->by_id = k2_realloc(k->by_id, ((size_t)more / 2 + 1) * sizeof *k->by_id);
}

uint32_t k2_intern_keep(struct k2_interner *in, struct k2_sv s) {
    struct keep *k = &in->keep;
    if (s.n > K2_INTERN_KEPT_TEXT || !s.p)
        return 0;
    if (k->n >= k->mask / 2)
        grow_keep(k);
    struct key key = key_of(in, s);
    struct slot *slot = find_kept(k, key.lo, key.hi, s, key.tag & LONG);
    if (slot->id || k->n == K2_INTERN_KEPT)
        return slot->id;
    char *copy = store(&k->store, s.n);
    memcpy(copy, s.p, s.n);
    k->by_id[++k->n] = (struct k2_sv){copy, s.n};
    *slot = (struct slot){key.lo, key.hi, key.tag & LONG, k->n};
    mark_kept(in, key, s.n);
    return k->n;
}

/* The strings that were kept in the round that ends have their ids now. */
static void begin_kept(struct k2_interner *in) {
    uint32_t before = in->texts.kept, n = in->keep.n - before;
    in->texts.kept = in->keep.n;
    make_text_room(in);
    if (n)
        memcpy(in->texts.by_id + before + 1, in->keep.by_id + before + 1,
               n * sizeof *in->texts.by_id);
}

/* As many slots as the next round will need, if it is like those before. */
static void choose_slots(struct k2_interner *in) {
    uint32_t n = in->texts.count - in->texts.kept, less = in->usual - in->usual / 16;
    in->usual = n > less ? n : less;
    in->mask = FIRST_SLOTS - 1;
    while (in->mask < in->most && in->mask / 2 - in->mask / 8 < in->usual)
        in->mask = in->mask * 2 + 1;
}

void k2_interner_reset(struct k2_interner *in) {
    if (in->store.n_chunks)
        use_chunk(&in->store, 0);
    choose_slots(in);
    begin_kept(in);
    in->texts.count = in->texts.kept;
    in->texts.round += in->texts.round == UINT32_MAX ? 2 : 1; /* never 0 */
    begin_era(in);
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
