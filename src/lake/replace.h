/* lake/replace.h - data files in place of others with the same rows: what compaction needs of the lake.
 *
 * lake_merge gives the rows of several sorted files in one order, lake_data_* write a data file,
 * lake_replace commits. That the rows are the same is the caller's to prove, before it commits.
 * Included by lake.h, the room's face. Thread-safety: as lake.h; a merge and a writer belong to one
 * thread.
 */
#ifndef K2_LAKE_REPLACE_H
#define K2_LAKE_REPLACE_H

#include "codec/codec.h"
#include "lake/parquet.h"

struct lake;
struct lake_file;
struct lake_table;

/* --- merging (sort_merge.c) --- */

struct lake_merge_source { /* rows in the order of data files (lake/sort.h) */
    const char *name;      /* for messages */
    void *ctx;
    int64_t
        least_us; /* no row's exchange_timestamp is below: it is not asked for rows before they are due */
    /* Fills the columns from row 0, strings in the interner as it is then; c->n = 0: the end. */
    K2_RC (*next)(void *ctx, struct k2_columns *c, struct k2_err *err);
};

struct lake_merge;
/* The sources are borrowed; rows with equal keys come in the order of the sources. */
struct lake_merge *lake_merge_new(const struct k2_kind *kind,
                                  const struct lake_merge_source *sources, int n,
                                  struct k2_interner *in);
void lake_merge_free(struct lake_merge *m);
/* Fills `out` from row 0 with the next rows; out->n < out->cap only at the end. Rows of a source that are
 * not in order are K2_E_DATA. */
K2_RC lake_merge_next(struct lake_merge *m, struct k2_columns *out, struct k2_err *err);
/* Moves what the merge holds into another interner: so the first can be reset before it fills the memory. */
void lake_merge_move(struct lake_merge *m, struct k2_interner *to);

/* --- writing (data_file.c) --- */

struct lake_data_writer;
/* A new data file of the table's partition; rows are given in the order of data files. */
K2_RC lake_data_begin(const struct lake_table *t, const struct k2_kind *kind, int32_t trade_date,
                      int zstd_level, struct lake_data_writer **out, struct k2_err *err);
/* As parquet_write: data[i] are the values of the kind's field i. */
K2_RC lake_data_write(struct lake_data_writer *w, const void *const *data, size_t rows,
                      const struct k2_interner *in, struct k2_err *err);
/* Makes the file durable and describes it; the writer is freed, also on failure. */
K2_RC lake_data_end(struct lake_data_writer *w, struct lake_file *out, struct k2_err *err);
void lake_data_drop(struct lake_data_writer *w); /* removes the file; NULL is fine */

/* --- committing (replace.c) --- */

struct lake_replace {
    const struct lake_file *added, *removed; /* borrowed; of the same rows */
    int added_count, removed_count;
    const char *commit_id; /* as in struct lake_append */
    int64_t now_ns;
};

/* Commits a snapshot "replace": offsets stay as they are. On a lost race the same files are put on top of
 * the new metadata as long as every file to be removed is still there; one is not, or an added one was
 * taken for an orphan: K2_E_CONFLICT, and nothing was committed (the caller discards its files and plans
 * again). The removed files stay on disk for the snapshots that have them. Takes run/sink.lock for the
 * moment of the commit, waiting for it: what removes orphans holds it too. */
K2_RC lake_replace(struct lake *l, const char *table, const struct lake_replace *r,
                   int64_t *snapshot_id, struct k2_err *err);

#endif
