/* lake/manifest.h - manifest lists and manifests: which data files a snapshot has.
 *
 * Format: Iceberg Table Spec, version 2, "Manifests" and "Manifest Lists". Read by the writer's
 * schema and by field name, whatever the order and the optional fields. Thread-safety: none; a
 * reader belongs to one thread.
 */
#ifndef K2_LAKE_MANIFEST_H
#define K2_LAKE_MANIFEST_H

#include "lake/lake_int.h"
#include "lake/ocf.h"

/* --- manifest lists --- */

struct lake_blob { /* owned bytes; n = -1: none */
    int64_t n;
    char *p;
};

struct lake_summary { /* of one partition field over a manifest's files */
    bool contains_null;
    int contains_nan; /* 0, 1, -1 = not said */
    struct lake_blob lower, upper;
};

struct lake_manifest { /* a row of a manifest list; counts are -1 when not said */
    char *location;    /* as written: with "file://" or without */
    int64_t length, sequence, min_sequence, added_snapshot;
    int spec_id, content; /* content 0 = data, 1 = deletes */
    int64_t added_files, existing_files, deleted_files, added_rows, existing_rows, deleted_rows;
    bool encrypted;
    int summary_count;
    struct lake_summary *summaries; /* in the order of the spec's fields; owned */
};

struct lake_manifest_list {
    int n;
    struct lake_manifest *at; /* owned */
};

void lake_manifest_free(struct lake_manifest *m);
void lake_manifest_list_free(struct lake_manifest_list *list);
/* Takes *m, which is empty afterwards. */
void lake_manifest_list_add(struct lake_manifest_list *list, struct lake_manifest *m);
/* The parsed bytes of a manifest list. */
K2_RC lake_manifest_list_parse(struct k2_sv bytes, struct lake_manifest_list *out,
                               struct k2_err *err);
K2_RC lake_manifest_list_load(const char *location, struct lake_manifest_list *out,
                              struct k2_err *err);
/* The bytes of the list of a snapshot; parent 0 = none. */
K2_RC lake_manifest_list_format(const struct lake_manifest_list *list, int64_t snapshot,
                                int64_t parent, int64_t sequence, struct k2_buf *out,
                                struct k2_err *err);
/* Added and existing files or rows; -1 when the list does not say. */
int64_t lake_manifest_live_files(const struct lake_manifest *m);
int64_t lake_manifest_live_rows(const struct lake_manifest *m);

/* --- manifests --- */

enum lake_entry_status { LAKE_EXISTING, LAKE_ADDED, LAKE_DELETED };

struct lake_entry { /* a row of a manifest; snapshot and sequences as inherited from the list */
    enum lake_entry_status status;
    int64_t snapshot, sequence, file_sequence;
    bool has_date;         /* the partition is identity(trade_date) and not null */
    struct lake_file file; /* metrics: counts and sizes are -1 when not said */
};

/* Gets each entry. It may keep the file by taking it (and leaving {0}); what it leaves is reused.
 * */
typedef int (*lake_entry_fn)(void *ctx, struct lake_entry *entry, struct k2_err *err);

struct lake_manifest_reader {
    struct lake_ocf_reader ocf;
    struct k2_buf bytes;
    char *partition; /* name of the partition field that is identity(trade_date); NULL = none */
};

void lake_manifest_reader_free(struct lake_manifest_reader *r);
/* Reads the entries of a manifest of table t. Deletes and files that are not Parquet are
 * K2_E_UNSUPPORTED. */
K2_RC lake_manifest_read(struct lake_manifest_reader *r, const struct lake_table *t,
                         const struct lake_manifest *m, lake_entry_fn fn, void *ctx,
                         struct k2_err *err);
/* The same for bytes in memory, partition field by name (NULL = none). */
K2_RC lake_manifest_parse(struct lake_manifest_reader *r, struct k2_sv bytes, const char *partition,
                          const struct lake_manifest *m, lake_entry_fn fn, void *ctx,
                          struct k2_err *err);
/* The place of the field identity(trade_date) in a partition spec of the table and its source
 * column: false if the spec is unknown; *at = -1 if it has no such field. */
bool lake_spec_partition(const struct lake_table *t, int spec_id, int *at, int *source_id,
                         const char **name);

/* Builds a manifest of the table's current spec. */
struct lake_manifest_writer {
    struct k2_buf records;
    struct lake_manifest row; /* counts and partition summary so far */
    int32_t min_date, max_date;
};

/* snapshot: of the commit that writes it. Entries that this commit adds are LAKE_ADDED and get its
 * sequence number by inheritance; others are LAKE_EXISTING, or LAKE_DELETED by this commit, and keep
 * theirs. */
void lake_manifest_begin(struct lake_manifest_writer *w, const struct lake_table *t,
                         int64_t snapshot);
void lake_manifest_add(struct lake_manifest_writer *w, const struct lake_entry *entry);
/* Writes the file, synced; gives its row for the manifest list. The writer is empty afterwards. */
K2_RC lake_manifest_finish(struct lake_manifest_writer *w, const struct lake_table *t,
                           const char *path, struct lake_manifest *row, struct k2_err *err);
void lake_manifest_writer_free(struct lake_manifest_writer *w);

#endif
