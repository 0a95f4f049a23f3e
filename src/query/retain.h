/* query/retain.h - journal retention behind its fence.
 *
 * A segment goes only when it is older than asked, every consumer group has read it, every table holds its
 * rows (committed offsets), and its digest equals that of the table's rows of the same journal positions,
 * read back by DuckDB at that moment. The digest stays in the segment's index, so that reconcile can go on
 * proving these rows.
 * Included by query.h, the room's face. Thread-safety: one thread.
 */
#ifndef K2_QUERY_RETAIN_H
#define K2_QUERY_RETAIN_H

#include "journal/journal.h"

struct query_engine;

struct retain_report {
    int removed;       /* segments that went, or would have (dry run) */
    int64_t last;      /* number of the last of them; -1 = none */
    char stopped[256]; /* why the next one stays; "" = no more candidates */
};

/* The journal is open for writing. older_than_ns: append time; keep_bytes as in journal_retention. */
K2_RC retain_run(struct journal *j, const char *data, struct query_engine *q, int64_t older_than_ns,
                 int64_t keep_bytes, bool dry_run, struct retain_report *out, struct k2_err *err);

/* Proves the oldest segments, `most` at once, and removes nothing: for who must not wait long, on a journal
 * opened for reading. out->removed == most: there may be more. */
K2_RC retain_prove(struct journal *j, const char *data, struct query_engine *q,
                   int64_t older_than_ns, int most, struct retain_report *out, struct k2_err *err);

#endif
