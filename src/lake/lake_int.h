/* lake/lake_int.h - what the Iceberg half of the room shares among its own files. */
#ifndef K2_LAKE_LAKE_INT_H
#define K2_LAKE_LAKE_INT_H

#include "base/json.h"
#include "lake/lake.h"

#define LAKE_CATALOG_NAME "k2"
#define LAKE_PARTITION_COLUMN "trade_date"
#define LAKE_PROPERTY_FORMAT "k2.format"
#define LAKE_FORMAT 1        /* of our tables' conventions; a higher one is refused */
#define LAKE_UUID_TEXT 37    /* with NUL */
#define LAKE_LAST_COLUMN 499 /* ids up to here are ours: see schema.c */

struct lake {
    char *data, *warehouse; /* absolute paths */
    struct lake_catalog *catalog;
};

struct lake_log_entry { /* of the snapshot-log: when a snapshot became current */
    int64_t timestamp_ms, snapshot;
};

struct lake_snapshot_ref {
    int64_t id;
    struct k2_json *json; /* borrowed from the table's root */
};

struct lake_table {
    char *name, *metadata_location;
    struct k2_json *root; /* the metadata file; every borrowed string below points into it */
    const char *location, *uuid;
    int64_t last_sequence, last_updated_ms, last_column, current_snapshot;
    int schema_id, spec_id, sort_order_id;
    struct k2_json *schema, *spec; /* the current ones; borrowed from root */
    struct lake_field *fields;     /* of the current schema; types are owned */
    int field_count;
    struct lake_snapshot *snapshots; /* oldest first */
    struct lake_snapshot_ref *refs;  /* the same, by id */
    int snapshot_count;
    struct lake_log_entry *log;
    int log_count;
};

/* --- locations and names (lake.c) --- */

/* "file:///a/b", "file:/a/b" or "/a/b" to "/a/b"; other schemes are K2_E_UNSUPPORTED. Gives memory.
 * */
K2_RC lake_location_path(struct k2_sv location, char **path, struct k2_err *err);
/* Whether a data directory can be there: some characters cannot be in locations. */
K2_RC lake_path_check(const char *path, struct k2_err *err);
char *lake_location_of(const char *path); /* "file://" + absolute path; gives memory */
void lake_uuid(char out[LAKE_UUID_TEXT]); /* random, version 4 */
/* Made from a hash of the content: version 8 (RFC 9562). A file named so proves its own bytes. */
void lake_content_uuid(struct k2_sv content, char out[LAKE_UUID_TEXT]);
int64_t lake_random_id(void); /* 1 .. INT64_MAX */
/* Writes a new file and syncs it; the directory is for the caller to sync. A failure leaves
 * nothing. */
K2_RC lake_file_write(const char *path, struct k2_sv bytes, struct k2_err *err);
/* Reads a file that metadata names by its location: if it is missing, that is K2_E_CORRUPT. */
K2_RC lake_file_read(const char *location, struct k2_buf *out, struct k2_err *err);
/* Removes a file that no metadata names any more; a failure is only logged: it is garbage then. */
void lake_file_remove(const char *path);

/* As lake_open, wherever its tables say they are and whatever the directory says of itself. */
K2_RC lake_open_anywhere(const char *data, bool create, struct lake **out, struct k2_err *err);

/* --- moved directories (relocate.c) --- */

/* The old data directory of a table whose metadata has this location outside of the warehouse and is
 * found in it all the same; NULL otherwise. Gives memory. */
char *lake_moved_from(const struct lake *l, const char *location);
/* K2_E_INVALID, with the remedy, when some table was moved. */
K2_RC lake_check_home(struct lake *l, struct k2_err *err);

/* --- the catalog (catalog.c) --- */

struct lake_catalog;
K2_RC lake_catalog_open(const char *path, bool create, struct lake_catalog **out,
                        struct k2_err *err);
void lake_catalog_close(struct lake_catalog *c);
/* Gives the table's metadata location; K2_E_NOTFOUND. */
K2_RC lake_catalog_get(struct lake_catalog *c, struct k2_sv table, char **location,
                       struct k2_err *err);
/* Adds a table; K2_E_EXISTS when somebody was faster. */
K2_RC lake_catalog_insert(struct lake_catalog *c, const char *table, const char *location,
                          struct k2_err *err);
/* The compare-and-swap. K2_E_CONFLICT: the row no longer holds `from`; K2_E_LOCKED: not done, the
 * database stayed busy; anything else: the outcome is unknown until the row is read again. */
K2_RC lake_catalog_swap(struct lake_catalog *c, const char *table, const char *from, const char *to,
                        struct k2_err *err);
K2_RC lake_catalog_names(struct lake_catalog *c, char ***names, size_t *n, struct k2_err *err);
/* The metadata locations of all tables, of whatever catalog and namespace the database holds. */
K2_RC lake_catalog_locations(struct lake_catalog *c, char ***locations, size_t *n,
                             struct k2_err *err);

struct lake_catalog_row { /* a table of any namespace; owned texts */
    char *space, *table, *location;
};
K2_RC lake_catalog_rows(struct lake_catalog *c, struct lake_catalog_row **rows, size_t *n,
                        struct k2_err *err);
void lake_catalog_rows_free(struct lake_catalog_row *rows, size_t n);
/* Moves all rows to new locations (to[i] NULL = this one stays) in one transaction, if all of them
 * hold what `rows` says (else K2_E_CONFLICT). *unsure: it failed and may have happened. */
K2_RC lake_catalog_move(struct lake_catalog *c, const struct lake_catalog_row *rows,
                        char *const *to, size_t n, bool *unsure, struct k2_err *err);
/* SQLite's own check of every page; each thing it finds. */
K2_RC lake_catalog_check(struct lake_catalog *c, void (*finding)(void *ctx, const char *text),
                         void *ctx, struct k2_err *err);
/* Appends the database's bytes, and gives the rows in it, as of one moment. */
K2_RC lake_catalog_image(struct lake_catalog *c, struct k2_buf *bytes,
                         struct lake_catalog_row **rows, size_t *n, struct k2_err *err);

/* --- schemas (schema.c) --- */

struct k2_json *lake_schema_of_kind(const struct k2_kind *kind, int schema_id);
struct k2_json *lake_spec_of_kind(const struct k2_kind *kind);       /* fields of spec 0 */
struct k2_json *lake_sort_order_of_kind(const struct k2_kind *kind); /* order 1 */
/* Type text of a schema's "type" value; false when it is no Iceberg type. */
bool lake_schema_type_text(const struct k2_json *type, struct k2_buf *out);
/* Adds to a copy of the table's current schema what the kind has and it lacks: *out is the new
 * schema (without a schema-id), or NULL when nothing is missing. */
K2_RC lake_schema_extend(const struct lake_table *t, const struct k2_kind *kind,
                         struct k2_json **out, struct k2_err *err);

/* --- table metadata (metadata.c) --- */

/* Checks the text against the table spec, version 2. Gives *out; name and location are copied. */
K2_RC lake_metadata_parse(struct k2_sv text, const char *name, const char *metadata_location,
                          struct lake_table **out, struct k2_err *err);
/* Parses the summary entry as a number; -1 without one. */
int64_t lake_summary_number(const struct lake_snapshot *s, const struct lake_table *t,
                            const char *key);
/* The JSON of a snapshot; NULL if the id is unknown. */
struct k2_json *lake_metadata_snapshot(const struct lake_table *t, int64_t id);
/* The element of `array` whose member `key` is `id`; NULL if there is none. */
struct k2_json *lake_json_by_id(const struct k2_json *array, const char *key, int64_t id);
int64_t lake_json_int(const struct k2_json *object, const char *key, int64_t otherwise);
/* A property as a number, or `otherwise`. */
int64_t lake_property_int(const struct lake_table *t, const char *key, int64_t otherwise);
void lake_property_set(struct lake_table *t, const char *key, struct k2_sv value);

/* --- metadata files and their swap (swap.c) --- */

/* Makes t->root the next version of the table: metadata-log, last-updated-ms. */
void lake_metadata_advance(struct lake_table *t, int64_t now_ms);
/* Writes t->root as a new metadata file, syncs its directory (and so everything written into it
 * before) and swaps the catalog to it. K2_E_CONFLICT: another writer was faster. *unsure: the swap
 * failed and may have happened all the same, so nothing that the new metadata names may be removed;
 * loading the table again tells. On success files that fell out of the metadata-log are removed. */
K2_RC lake_metadata_swap(struct lake *l, struct lake_table *t, bool *unsure, struct k2_err *err);
/* Writes `root` as the version after `previous` into the directory, which is synced. Gives the path. */
K2_RC lake_metadata_write(const char *directory, const char *previous, const struct k2_json *root,
                          char **path, struct k2_err *err);
/* As lake_metadata_swap, for a table that does not exist yet; K2_E_EXISTS. */
K2_RC lake_metadata_create(struct lake *l, const char *table, const struct k2_json *root,
                           struct k2_err *err);

/* Waits before the next attempt of a lost race: longer and less even with each. */
void lake_metadata_wait(int attempts);
void lake_wait_ms(int64_t ms);

/* --- offsets (offsets.c) --- */

bool lake_offsets_equal(const struct lake_offsets *a, const struct lake_offsets *b);

#endif
