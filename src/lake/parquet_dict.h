/* lake/parquet_dict.h - the dictionaries of a column for one row group.
 *
 * Distinct values get the indices 0, 1, 2 ... in the order they are seen. A dictionary is emptied
 * by raising its epoch, not by clearing memory; memory is kept from row group to row group.
 * Thread-safety: one owner at a time.
 */
#ifndef K2_LAKE_PARQUET_DICT_H
#define K2_LAKE_PARQUET_DICT_H

#include "base/decimal.h"
#include "base/intern.h"

#define PARQUET_NONE UINT32_MAX          /* the index of a null */
#define PARQUET_UNKNOWN (UINT32_MAX - 1) /* of an interner id that was not seen yet */

/* Open addressing, 64-bit keys. A slot is taken when its mark is the table's. */
struct parquet_slot {
    uint64_t key;
    uint32_t index, mark;
};

struct parquet_table {
    struct parquet_slot *slots;
    unsigned bits; /* 2^bits slots, at most half of them taken */
    uint32_t taken, mark;
};

/* Integers and decimals. */
struct parquet_numbers {
    struct parquet_table table;
    k2_i128 *values;
    uint32_t count, cap;
    bool wide; /* some value does not fit int64 */
};

void parquet_numbers_free(struct parquet_numbers *d);
void parquet_numbers_reset(struct parquet_numbers *d); /* also before the first use */
/* The index of v, new or known. */
uint32_t parquet_numbers_index(struct parquet_numbers *d, k2_i128 v);

/* Strings. Entries lie behind each other as in a PLAIN page: u32 length, bytes. */
struct parquet_strings {
    struct parquet_table table;
    struct k2_buf bytes;
    size_t *starts; /* of the entries, in bytes */
    uint32_t count, cap;
    uint32_t *seen; /* the page that saw the entry last, see parquet_chunk.c */
    uint32_t page;
    struct parquet_remap {
        uint32_t epoch, index;
    } * remap; /* by interner id; valid when its epoch is the one below */
    uint32_t ids, epoch;
};

void parquet_strings_free(struct parquet_strings *d);
void parquet_strings_reset(struct parquet_strings *d); /* also before the first use */
/* The index of s, new or known. */
uint32_t parquet_strings_index(struct parquet_strings *d, struct k2_sv s);
/* Borrowed until the next call of parquet_strings_index. */
struct k2_sv parquet_strings_get(const struct parquet_strings *d, uint32_t index);
static inline size_t parquet_strings_size(const struct parquet_strings *d, uint32_t index) {
    return 4 + (size_t)k2_get_u32(d->bytes.p + d->starts[index]);
}

/* Forgets what ids meant: the interner of the next rows may be another one, or have been reset. Id
 * 0 becomes PARQUET_NONE when nulls are allowed. */
void parquet_remap_begin(struct parquet_strings *d, const struct k2_interner *in, bool nulls);
/* The index of an id; PARQUET_UNKNOWN if these rows did not have it before. */
static inline uint32_t parquet_remap_find(const struct parquet_strings *d, uint32_t id) {
    return d->remap[id].epoch == d->epoch ? d->remap[id].index : PARQUET_UNKNOWN;
}
static inline void parquet_remap_set(struct parquet_strings *d, uint32_t id, uint32_t index) {
    d->remap[id] = (struct parquet_remap){d->epoch, index};
}

#endif
