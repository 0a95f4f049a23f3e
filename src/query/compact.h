/* query/compact.h - few large data files in place of many small ones, with the same rows.
 *
 * Small files of one partition are merged in the order of data files and written by our own writer; then the
 * new files are read back by DuckDB, and count and sum mod 2^128 of the rows' hashes over every column must be
 * those of the old files (else K2_E_DATA, and the old files stay); then they take the old ones' place in one
 * snapshot "replace" (lake/replace.h). The old files stay on disk for the snapshots that have them.
 * A crash leaves the table as it was or as it shall be, and at most files that nothing names.
 * Included by query.h, the room's face. Thread-safety: one thread; any number of sinks and readers beside it,
 * one compaction at a time (run/compact.lock, else K2_E_LOCKED).
 */
#ifndef K2_QUERY_COMPACT_H
#define K2_QUERY_COMPACT_H

#include "base/err.h"

struct query_engine;

#define COMPACT_TARGET (INT64_C(256) << 20)

struct compact_done { /* one merge; dry run: one that would be the next of its partition */
    const char *table;
    int32_t trade_date;
    int files_before, files_after; /* dry run: after is an estimate, and so are the bytes (-1) */
    int64_t rows, bytes_before, bytes_after;
};

struct compact_options {
    const char *table; /* NULL = all */
    bool has_date;
    int32_t trade_date;   /* only this partition */
    int64_t target_bytes; /* size of a large file; 0 = COMPACT_TARGET */
    /* Any two files that are smaller than three quarters of the target. Otherwise as upkeep does it, so that a
     * row is written few times: compact_choose.h. */
    bool eager;
    int64_t max_bytes; /* ends once so many were read, and no merge reads many more; 0 = no limit */
    bool dry_run;
    int64_t now_ns;          /* by which a partition is quiet */
    bool (*stop)(void *ctx); /* asked now and then: true gives up what is under way; may be NULL */
    void (*each)(void *ctx, const struct compact_done *done); /* may be NULL */
    void *ctx;
};

struct compact_report {
    int merges, files_before, files_after, conflicts; /* conflicts: work dropped and planned anew */
    int64_t rows, bytes_before, bytes_after;
    bool more; /* max_bytes ended it, and there may be more to do */
};

/* q NULL: an engine of one thread and little memory is opened when there is something to do, and closed
 * again. A partition that fails (a damaged file) is left as it is, the others go on, and the first failure is
 * the result. */
K2_RC compact_run(const char *data, struct query_engine *q, const struct compact_options *o,
                  struct compact_report *out, struct k2_err *err);

#endif
