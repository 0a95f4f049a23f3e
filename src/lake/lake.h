/* lake/lake.h - all history as open Apache Iceberg tables.
 *
 * A lake is a catalog (SQLite, in the layout that pyiceberg's SqlCatalog reads; catalog name "k2") and
 * a warehouse directory. Tables are Iceberg v2: metadata JSON, manifest lists, manifests (own Avro
 * container framing, deflate), Parquet data files, partitioned by identity(trade_date), sorted as
 * the architecture says. Format: the Iceberg Table Spec, version 2.
 *
 * A commit is one compare-and-swap of the table's metadata location in the catalog. Data, manifests,
 * metadata and their directories are synced before it, so that the catalog never names what a power
 * cut can take. The journal offsets that a snapshot covers travel in the same swap, in the snapshot's
 * summary and in a table property, and the commit succeeds only on the vector it started from.
 *
 * Thread-safety: a lake and its tables belong to one thread; any number of threads and processes may
 * each open their own.
 */
#ifndef K2_LAKE_LAKE_H
#define K2_LAKE_LAKE_H

#include "codec/codec.h"
#include "journal/journal.h"
#include "lake/parquet.h"

#define LAKE_NAMESPACE "market_data"
#define LAKE_PROPERTY_OFFSETS "k2.offsets" /* table property and summary key: the offset vector */
#define LAKE_WRITER_LOCK "run/sink.lock" /* in the data directory: held from first file to commit */
#define LAKE_SUMMARY_COMMIT "k2.commit-id" /* summary key: who made this snapshot */

struct lake;

/* Opens catalog.db and warehouse/ in a data directory. `create`: makes them on first use; otherwise
 * a directory without a catalog is K2_E_NOTFOUND. Tables that were moved with their directory are
 * K2_E_INVALID (relocate.h). */
K2_RC lake_open(const char *data, bool create, struct lake **out, struct k2_err *err);
void lake_close(struct lake *l);
/* The catalog database page by page; what is wrong with it, in words. */
K2_RC lake_catalog_verify(struct lake *l, void (*finding)(void *ctx, const char *text), void *ctx,
                          struct k2_err *err);

/* --- tables --- */

struct lake_table; /* one version of a table's metadata, immutable; load again to see later ones */

/* Makes the table of a kind if it is missing (idempotent, also when two processes try at once). When the
 * table lacks columns that the kind has, they are added by a schema update. */
K2_RC lake_table_ensure(struct lake *l, const struct k2_kind *kind, struct k2_err *err);
K2_RC lake_table_load(struct lake *l, struct k2_sv name, struct lake_table **out,
                      struct k2_err *err);
void lake_table_free(struct lake_table *t);
/* The kind as this table has it: behind the kind's own fields the columns that were made for fields which this build does
 * not know, and the ids of later fields (codec/added.h). For k2_kind_narrow. */
K2_RC lake_table_kind(const struct lake_table *t, const struct k2_kind *kind, struct k2_kind **out,
                      struct k2_err *err);
/* Names of the tables in the namespace, in order; gives an array for k2_fs_names_free. */
K2_RC lake_table_names(struct lake *l, char ***names, size_t *n, struct k2_err *err);

struct lake_field { /* a top-level column of the current schema */
    int id;
    const char *name, *type; /* Iceberg type text: "decimal(20, 9)", "list<string>" */
    bool required;
};

struct lake_table_info { /* borrowed from the table */
    const char *name, *location, *metadata_location, *uuid;
    int64_t last_updated_ms, current_snapshot; /* 0 = no snapshot */
    int schema_id, field_count;
    const struct lake_field *fields;
    int snapshot_count;
};

struct lake_table_info lake_table_info(const struct lake_table *t);
const char *lake_table_property(const struct lake_table *t, const char *key); /* NULL if unset */
/* Visits what the metadata says of the table beside its columns and snapshots, as text: "location",
 * "partitioning" ("trade_date"), "sort order" ("exchange_timestamp asc nulls first, ..."),
 * "property K" ... Name and value are borrowed for the call. */
void lake_table_facts(const struct lake_table *t,
                      void (*fact)(void *ctx, const char *name, struct k2_sv value), void *ctx);

struct lake_snapshot { /* borrowed from the table */
    int64_t id, parent, sequence_number, timestamp_ms;
    const char *operation, *manifest_list;
    int schema_id;
    /* -1 when the summary lacks it. */
    int64_t added_records, added_files, total_records, total_files;
};

struct lake_snapshot lake_snapshot_at(const struct lake_table *t, int index); /* oldest first */
K2_RC lake_snapshot_find(const struct lake_table *t, int64_t id, struct lake_snapshot *out,
                         struct k2_err *err);
/* The snapshot that was current at that instant, or, of what has expired, the one before it that
 * stayed; K2_E_NOTFOUND before the first. */
K2_RC lake_snapshot_as_of(const struct lake_table *t, int64_t ns, struct lake_snapshot *out,
                          struct k2_err *err);
const char *lake_snapshot_summary(const struct lake_table *t, int64_t id, const char *key);

/* --- offset vectors --- */

/* Exclusive end of one partition; the topic by name: vectors outlive journals. */
struct lake_offset {
    char topic[96];
    int32_t partition;
    int64_t end;
};

struct lake_offsets {
    int32_t journal_id; /* 0 = nothing committed yet */
    int n;
    struct lake_offset *at; /* sorted by topic, partition; owned */
};

/* JSON text {"journal":N,"topics":{"market.ticks.asx":[3,0,7]}}: -1 marks a partition never read. */
void lake_offsets_format(const struct lake_offsets *o, struct k2_buf *out);
K2_RC lake_offsets_parse(struct k2_sv text, struct lake_offsets *out, struct k2_err *err);
void lake_offsets_set(struct lake_offsets *o, const char *topic, int32_t partition, int64_t end);
/* 0 if absent. */
int64_t lake_offsets_get(const struct lake_offsets *o, const char *topic, int32_t partition);
void lake_offsets_free(struct lake_offsets *o);
/* The committed vector of a table (its property), or of one snapshot (its summary). */
K2_RC lake_table_offsets(const struct lake_table *t, struct lake_offsets *out, struct k2_err *err);
K2_RC lake_snapshot_offsets(const struct lake_table *t, int64_t snapshot, struct lake_offsets *out,
                            struct k2_err *err);

/* --- data files --- */

struct lake_file {      /* one data file as a manifest describes it */
    char *path;         /* absolute file system path, without "file://"; owned */
    int32_t trade_date; /* partition value */
    int64_t rows, bytes;
    int sort_order_id;
    int metric_count, split_count;
    struct parquet_metrics *metrics; /* owned */
    int64_t *splits;                 /* owned */
};

void lake_file_free(struct lake_file *f);
void lake_files_free(struct lake_file *files, int n); /* the array too */

enum lake_op { LAKE_EQ, LAKE_LT, LAKE_LE, LAKE_GT, LAKE_GE, LAKE_IN };

struct lake_filter { /* "field op value"; several are ANDed */
    int field_id;
    enum lake_op op;
    bool is_string;
    const k2_i128 *numbers; /* one, or `count` for LAKE_IN: unscaled decimals, longs, days, us */
    const struct k2_sv *strings; /* the same for strings */
    int count;
};

struct lake_plan {
    int file_count;
    struct lake_file *files; /* owned; may match, in path order */
    /* Of the whole snapshot; bytes by its summary, -1 if that does not say. */
    int manifests_total, manifests_read, files_total;
    int64_t bytes_total, rows_total;
};

/* The files of a snapshot (0 = current) that may hold matching rows: pruned by the manifest list's
 * partition bounds, then by each file's bounds. Filters on unknown fields prune nothing. Delete files
 * (which we never write) are K2_E_UNSUPPORTED. Statuses: deleted entries are left out. */
K2_RC lake_plan(const struct lake_table *t, int64_t snapshot, const struct lake_filter *filters,
                int n, struct lake_plan *out, struct k2_err *err);
void lake_plan_free(struct lake_plan *p);

/* --- committing --- */

/* A fresh path for a data file of a partition, its directory made:
 * <table>/data/trade_date=2014-03-10/<uuid>.parquet. Gives heap memory. */
K2_RC lake_data_path(const struct lake_table *t, int32_t trade_date, char **path,
                     struct k2_err *err);

struct lake_append {
    const struct lake_file *files; /* synced already, by parquet_close; borrowed */
    int file_count;
    const struct lake_offsets *from; /* the vector this work started from: must be the table's */
    const struct lake_offsets *to;   /* the vector the table has afterwards */
    const char *commit_id;           /* unique for this work; found again when a reply was lost */
    int64_t now_ns;                  /* timestamp of the snapshot (made later than its parent's) */
};

/* Appends the files as one snapshot. On a lost race the files are committed again on top of the new
 * metadata as long as the table's vector still equals `from`; moved: K2_E_CONFLICT, and nothing was
 * committed (the caller removes its files and plans again). If a snapshot with this commit id is already
 * in the ancestry, it is done: K2_OK. Gives the new snapshot's id. */
K2_RC lake_append(struct lake *l, const char *table, const struct lake_append *a,
                  int64_t *snapshot_id, struct k2_err *err);
/* Removes the files of a plan that was given up. */
void lake_files_discard(const struct lake_file *files, int n);

struct lake_verified {
    int64_t findings, files; /* files: everything that was looked at */
    int64_t unchecked;       /* data files that carry no checksum of their own: parquet_check */
};

/* Checks that everything the table's current metadata references exists, has the size said and its
 * right checksum, and that manifests and metadata parse; findings as in journal_verify. Whether the
 * rows can be read is the caller's. */
K2_RC lake_verify(struct lake *l, const char *table, void (*finding)(void *ctx, const char *text),
                  void *ctx, struct lake_verified *out, struct k2_err *err);

/* --- upkeep --- */

struct lake_expire_options {
    int64_t now_ns;
    bool dry_run;
    int least; /* for fewer snapshots nothing is done: each time writes the metadata anew */
    const int64_t *pinned; /* snapshots that must stay: those of open queries */
    int pinned_count;
    void (*each)(void *ctx, const struct lake_snapshot *s); /* gets those that went; may be NULL */
    void *ctx;
};

struct lake_expired {
    int before, snapshots; /* how many there were, how many of them went */
    int64_t files, bytes;  /* that went with them: manifests, their lists, data */
};

/* Thins out the snapshots of a table by age (expire.c has the rule), then removes the files that only
 * they named. K2_E_CORRUPT, and nothing is changed: something that a snapshot names is missing or
 * cannot be read. K2_E_UNSUPPORTED: the table's property gc.enabled forbids it. */
K2_RC lake_expire(struct lake *l, const char *table, const struct lake_expire_options *o,
                  struct lake_expired *out, struct k2_err *err);

struct lake_orphan_options {
    int64_t now_ns,
        age_ns; /* only files that were not changed for so long go (at least a minute) */
    bool dry_run;
    void (*each)(void *ctx, const char *path, int64_t bytes, int64_t changed_ns); /* may be NULL */
    void *ctx; /* of each that went */
};

struct lake_orphans {
    int64_t files, bytes;   /* that no catalog entry leads to; a writer at work has some too */
    int64_t old, old_bytes; /* those of them that went, or would go */
};

/* Removes files below a table's directory (NULL: of all tables) that nothing names: what killed
 * writers left. Takes the sink's lock for the last step if there is any to remove (K2_E_LOCKED when
 * the sink does not end). If anything that the catalog leads to is missing or cannot be read, nothing
 * is removed (K2_E_CORRUPT). Reads every manifest of the tables: not for each minute. */
K2_RC lake_remove_orphans(struct lake *l, const char *table, const struct lake_orphan_options *o,
                          struct lake_orphans *out, struct k2_err *err);

/* The Parquet columns of a kind's table (array of kind->field_count), with field ids and encodings. */
void lake_parquet_columns(const struct k2_kind *kind, struct parquet_column *columns);

/* --- the sink: journal -> tables, exactly once (sink.c) --- */

struct sink_options {
    int64_t commit_rows; /* 0 = 1,000,000: rows gathered before a commit */
    int workers;    /* 0 = 1: threads that decode and write; the commits are made by the caller's */
    int zstd_level; /* 0 = 1 */
    const struct k2_kind *only; /* NULL = the tables of all kinds, and the position "sink" */
    int64_t (*clock)(void);
    void (*progress)(void *ctx, const char *table, int64_t rows, int64_t all);
    void *progress_ctx;
};

struct sink_totals {
    int64_t rows, files, commits, bytes;
    int64_t decode_ns, sort_ns, write_ns, commit_ns;
};

/* What sink.workers means: 0 = one for each processor, 4 at most. */
int sink_workers(int64_t configured);
/* Brings every table up to the journal's durable ends as of the call, in one or more commits. Takes the
 * lock LAKE_WRITER_LOCK (K2_E_LOCKED). Also saves the consumer position "sink". */
K2_RC sink_run(struct journal *j, struct lake *l, const char *data, const struct sink_options *o,
               struct sink_totals *totals, struct k2_err *err);

#include "lake/backup.h"
#include "lake/relocate.h"
#include "lake/replace.h"

#endif
