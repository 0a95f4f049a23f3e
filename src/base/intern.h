/* base/intern.h - strings as small ids.
 *
 * Events carry ids instead of strings, so that a batch holds no pointers and equal strings compare as
 * integers. Id 0 is "no value" (null); the empty string has an id of its own. Ids are dense: 1, 2, 3 ...
 * Lists and maps of strings are interned whole, as one blob: for each string u32 length and bytes, in
 * order; a map alternates key and value, sorted by key.
 * Ids stay valid until k2_interner_reset. Strings that come in every batch can be kept over resets: the kept ones
 * have the ids 1, 2, 3 ..., the others those behind them. Thread-safety: none; one owner at a time.
 */
#ifndef K2_BASE_INTERN_H
#define K2_BASE_INTERN_H

#include "base/buf.h"
#include "base/err.h"

struct k2_interner;

struct k2_interner *k2_interner_new(void);
void k2_interner_free(struct k2_interner *in);
uint32_t k2_intern(struct k2_interner *in, struct k2_sv s);
/* The same for a string of up to K2_INTERN_SHORT bytes with as many readable ones from its start on,
 * whatever they are: what decoders do most. */
#define K2_INTERN_SHORT 16
uint32_t k2_intern_short(struct k2_interner *in, struct k2_sv s);
/* The same of the bytes in two words, the first byte lowest, zeros behind the n-th. */
uint32_t k2_intern_words(struct k2_interner *in, uint64_t lo, uint64_t hi, size_t n);
/* The id if the string was interned before, else 0. */
uint32_t k2_intern_find(const struct k2_interner *in, struct k2_sv s);

/* The strings by id: what an interner begins with, so that k2_interned can be inline. */
struct k2_interner_texts {
    struct k2_sv *by_id; /* [0] is {NULL, 0} */
    uint32_t count;
    uint32_t round; /* from 1: how often it was emptied */
    uint32_t kept;  /* ids up to here are good in this round and all that follow */
};

/* Borrowed until reset; id 0 gives {NULL, 0}. Of any other K2_INTERN_SHORT bytes can be read, however
 * short it is. */
static inline struct k2_sv k2_interned(const struct k2_interner *in, uint32_t id) {
    const struct k2_interner_texts *texts = (const struct k2_interner_texts *)in;
    K2_ASSERT(id <= texts->count);
    return texts->by_id[id];
}

/* Ids are good in the round in which they were given. */
static inline uint32_t k2_interner_round(const struct k2_interner *in) {
    return ((const struct k2_interner_texts *)in)->round;
}

/* Keeps a string: from the next reset on it has the id that is given back, in all rounds. Until then its id is the one
 * that k2_intern gives. 0: it is longer than K2_INTERN_KEPT_TEXT, or there are K2_INTERN_KEPT already. */
#define K2_INTERN_KEPT 65536u
#define K2_INTERN_KEPT_TEXT 256
uint32_t k2_intern_keep(struct k2_interner *in, struct k2_sv s);
/* Whether a kept string's id is good by now; 0 is not. */
static inline bool k2_intern_is_kept(const struct k2_interner *in, uint32_t id) {
    return id - 1 < ((const struct k2_interner_texts *)in)->kept;
}

uint32_t k2_interner_count(const struct k2_interner *in); /* ids are 1..count */
/* Heap memory in use, also what a reset keeps. */
size_t k2_interner_bytes(const struct k2_interner *in);
/* What the strings since the last reset take of it: the measure for the next reset. */
size_t k2_interner_used(const struct k2_interner *in);
/* Forgets every id but those of kept strings; keeps the memory. */
void k2_interner_reset(struct k2_interner *in);

/* Blobs of lists and maps. */
void k2_blob_add(struct k2_buf *blob, struct k2_sv s);
/* Takes the next string off *blob; false at its end. A malformed blob is our own bug (asserted). */
bool k2_blob_next(struct k2_sv *blob, struct k2_sv *s);

#endif
