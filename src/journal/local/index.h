/* journal/local/index.h - what a segment holds: spans, places, times, digests; and its .idx file
 * (index.c). Internal to the room. Thread-safety: none; an index of a sealed segment does not
 * change.
 */
#ifndef K2_JOURNAL_INDEX_H
#define K2_JOURNAL_INDEX_H

#include "journal/journal.h"
#include "journal/local/segment.h"

struct index_mark {
    int64_t offset, position;
};

struct index_marks { /* of one span, about every 64 KB of the log */
    struct index_mark *at;
    int n, cap;
};

struct journal_index {
    int64_t base, end; /* log positions */
    int64_t first_ns, last_ns;
    int64_t batch_count;
    struct journal_span *spans;
    struct index_marks *marks; /* one per span */
    int span_count;
    struct k2_buf batches; /* packed list of all frames; may have been dropped */
    struct journal_digest *digests;
    int digest_count;
    bool digested;
    uint64_t key; /* id of the key that the segment's frames are encrypted with; 0: none */
    bool locked;  /* the digests are in the file, encrypted, and nobody gave the key */
};

void journal_index_init(struct journal_index *x, int64_t base);
void journal_index_fini(struct journal_index *x);
void journal_index_add(struct journal_index *x, const struct frame *f);
/* Position in x->spans, or -1. */
int journal_index_span(const struct journal_index *x, int32_t topic, int32_t partition);
/* Log position of a frame of the span at or before the one that holds the offset. */
int64_t journal_index_find(const struct journal_index *x, int span, int64_t offset);

struct index_batch {
    int span;
    int32_t count;
    int64_t offset, position, append_ns;
    uint32_t length;
};

struct index_cursor {
    const struct journal_index *index;
    struct k2_sv rest;
    int64_t *next; /* next offset of each span */
    int64_t position, append_ns;
};

/* Iterates the packed list; next is 1 = a batch, 0 = end, -1 = the list is malformed. */
void journal_index_cursor_init(struct index_cursor *c, const struct journal_index *x);
void journal_index_cursor_fini(struct index_cursor *c);
int journal_index_cursor_next(struct index_cursor *c, struct index_batch *out);

/* The .idx file. Loading gives an initialised index, complete with digests (but see `locked`) and packed list;
 * K2_E_NOTFOUND, K2_E_CORRUPT and K2_E_VERSION leave it empty. */
K2_RC journal_index_load(const char *path, int32_t incarnation, int64_t base,
                         struct journal_index *x, struct k2_err *err);
K2_RC journal_index_save(const char *path, int32_t incarnation, const struct journal_index *x,
                         struct k2_err *err);
/* The same from and to memory. */
K2_RC journal_index_encode(const struct journal_index *x, int32_t incarnation, struct k2_buf *out,
                           struct k2_err *err);
K2_RC journal_index_decode(struct k2_sv bytes, int32_t incarnation, int64_t base,
                           struct journal_index *x, struct k2_err *err);

#endif
