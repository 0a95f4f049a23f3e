/* Tables of the namespace: made from an event kind, loaded, given the columns they lack. */
#include "base/clock.h"
#include "base/fs.h"
#include "lake/lake_int.h"

#include <stdlib.h>

#define LOAD_ATTEMPTS 10
#define ENSURE_ATTEMPTS 20

/* --- reading metadata --- */

/* Whatever lies outside of the warehouse belongs to another directory or to nobody: reading it would
 * read that one's rows, and writing would write there. lake_open has looked for moved directories. */
static K2_RC check_home(const struct lake *l, struct k2_sv name, const char *location,
                        struct k2_err *err) {
    char *path;
    K2_TRY(lake_location_path(k2_sv_of(location), &path, err));
    size_t n = strlen(l->warehouse);
    bool home = strncmp(path, l->warehouse, n) == 0 && path[n] == '/';
    free(path);
    if (home)
        return K2_OK;
    return k2_fail(err, K2_E_INVALID,
                   "table %.*s is at %s, outside of this data directory's warehouse %s, which k2 "
                   "does not read",
                   K2_SV_ARG(name), location, l->warehouse);
}

static K2_RC load_from(const struct lake *l, struct k2_sv name, const char *location,
                       struct lake_table **out, struct k2_err *err) {
    K2_TRY(check_home(l, name, location, err));
    char *path, *text = k2_sv_dup(name);
    struct k2_buf bytes = {0};
    int rc = lake_location_path(k2_sv_of(location), &path, err);
    if (rc == K2_OK) {
        rc = k2_fs_read(path, &bytes, err);
        free(path);
    }
    if (rc == K2_OK)
        rc = lake_metadata_parse(k2_buf_view(&bytes), text, location, out, err);
    k2_buf_free(&bytes);
    free(text);
    return rc;
}

static K2_RC lost(struct k2_sv name, const char *location, struct k2_err *err) {
    return k2_fail(err, K2_E_CORRUPT,
                   "the catalog names metadata %s for table %.*s, but there is no such file: was "
                   "a part of the data directory moved away? k2 restore brings it back",
                   location, K2_SV_ARG(name));
}

K2_RC lake_data_path(const struct lake_table *t, int32_t trade_date, char **path,
                     struct k2_err *err) {
    char *table, date[K2_DATE_TEXT], uuid[LAKE_UUID_TEXT];
    struct k2_buf b = {0};
    K2_TRY(lake_location_path(k2_sv_of(t->location), &table, err));
    (void)k2_date_format(trade_date, date);
    k2_buf_printf(&b, "%s/data/%s=%s", table, LAKE_PARTITION_COLUMN, date);
    free(table);
    int rc = k2_fs_mkdirs(k2_buf_cstr(&b), err);
    if (rc == K2_OK) {
        lake_uuid(uuid);
        k2_buf_printf(&b, "/%s.parquet", uuid);
        *path = k2_sv_dup(k2_buf_view(&b));
    }
    k2_buf_free(&b);
    return rc;
}

/* --- the metadata of a new table --- */

static struct k2_json *one(struct k2_json *v) {
    struct k2_json *list = k2_json_array();
    k2_json_append(list, v);
    return list;
}

/* Metadata stays small: 20 old versions, 100 manifests of up to 1 MB before they are merged. */
static struct k2_json *first_properties(const struct k2_kind *kind) {
    static const char *const pairs[][2] = {{LAKE_PROPERTY_FORMAT, "1"},
                                           {"write.format.default", "parquet"},
                                           {"write.parquet.compression-codec", "zstd"},
                                           {"write.metadata.delete-after-commit.enabled", "true"},
                                           {"write.metadata.previous-versions-max", "20"},
                                           {"commit.manifest-merge.enabled", "true"},
                                           {"commit.manifest.min-count-to-merge", "100"},
                                           {"commit.manifest.target-size-bytes", "1048576"},
                                           {"commit.retry.num-retries", "20"}};
    struct k2_json *o = k2_json_object();
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        k2_json_set(o, pairs[i][0], k2_json_cstring(pairs[i][1]));
    k2_json_set(o, "comment", k2_json_cstring(kind->meaning));
    return o;
}

static struct k2_json *first_spec(const struct k2_kind *kind) {
    struct k2_json *spec = k2_json_object();
    k2_json_set(spec, "spec-id", k2_json_int(0));
    k2_json_set(spec, "fields", lake_spec_of_kind(kind));
    return spec;
}

static struct k2_json *first_metadata(const struct lake *l, const struct k2_kind *kind) {
    char uuid[LAKE_UUID_TEXT];
    lake_uuid(uuid);
    struct k2_buf location = {0};
    k2_buf_printf(&location, "file://%s/%s/%s", l->warehouse, LAKE_NAMESPACE, kind->table);
    struct k2_json *root = k2_json_object();
    k2_json_set(root, "format-version", k2_json_int(2));
    k2_json_set(root, "table-uuid", k2_json_cstring(uuid));
    k2_json_set(root, "location", k2_json_string(k2_buf_view(&location)));
    k2_json_set(root, "last-sequence-number", k2_json_int(0));
    k2_json_set(root, "last-updated-ms", k2_json_int(k2_now_ns() / K2_NS_PER_MS));
    k2_json_set(root, "last-column-id", k2_json_int(LAKE_LAST_COLUMN));
    k2_json_set(root, "current-schema-id", k2_json_int(0));
    k2_json_set(root, "schemas", one(lake_schema_of_kind(kind, 0)));
    k2_json_set(root, "default-spec-id", k2_json_int(0));
    k2_json_set(root, "partition-specs", one(first_spec(kind)));
    k2_json_set(root, "last-partition-id", k2_json_int(1000));
    k2_json_set(root, "default-sort-order-id", k2_json_int(1));
    k2_json_set(root, "sort-orders", one(lake_sort_order_of_kind(kind)));
    k2_json_set(root, "properties", first_properties(kind));
    k2_json_set(root, "current-snapshot-id", k2_json_int(-1));
    k2_json_set(root, "refs", k2_json_object());
    k2_json_set(root, "snapshots", k2_json_array());
    k2_json_set(root, "statistics", k2_json_array());
    k2_json_set(root, "snapshot-log", k2_json_array());
    k2_json_set(root, "metadata-log", k2_json_array());
    k2_buf_free(&location);
    return root;
}

/* --- loading --- */

/* Whether the first data directories did not have the table: a catalog without it is older than it, not damaged. */
static bool is_younger(struct k2_sv name) {
    const struct k2_kind *kind = k2_kind_by_table(name);
    return kind && (int)kind->id >= K2_KINDS_FROM_THE_START;
}

/* What an older directory holds of a table that it does not have yet: nothing. It is made by the next writer. */
static K2_RC load_empty(const struct lake *l, struct k2_sv name, struct lake_table **out,
                        struct k2_err *err) {
    const struct k2_kind *kind = k2_kind_by_table(name);
    struct k2_json *root = first_metadata(l, kind);
    struct k2_buf text = {0};
    k2_json_dump(root, &text);
    k2_json_free(root);
    int rc = lake_metadata_parse(k2_buf_view(&text), kind->table, "", out, err);
    k2_buf_free(&text);
    return rc;
}

/* Between reading the row and opening the file other writers may have committed so often that the
 * file is gone; then the row says another one. */
K2_RC lake_table_load(struct lake *l, struct k2_sv name, struct lake_table **out,
                      struct k2_err *err) {
    struct k2_sv prefix = K2_SV(LAKE_NAMESPACE ".");
    if (k2_sv_starts(name, prefix))
        name = (struct k2_sv){name.p + prefix.n, name.n - prefix.n};
    char *before = NULL;
    int rc = K2_E_NOTFOUND;
    for (int i = 0; i < LOAD_ATTEMPTS; i++) {
        char *location;
        rc = lake_catalog_get(l->catalog, name, &location, err);
        if (rc == K2_E_NOTFOUND && is_younger(name))
            return load_empty(l, name, out, err);
        if (rc != K2_OK)
            break;
        bool same = before && strcmp(before, location) == 0;
        free(before);
        before = location;
        rc = same ? lost(name, location, err) : load_from(l, name, location, out, err);
        if (same || rc != K2_E_NOTFOUND)
            break;
    }
    free(before);
    if (rc == K2_OK && (rc = check_home(l, name, (*out)->location, err)) != K2_OK)
        lake_table_free(*out);
    return rc;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_name(char **names, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* A directory that has tables has those too that a later writer will make. */
K2_RC lake_table_names(struct lake *l, char ***names, size_t *n, struct k2_err *err) {
    K2_TRY(lake_catalog_names(l->catalog, names, n, err));
    if (*n == 0)
        return K2_OK;
    size_t listed = *n;
    *names = k2_realloc(*names, (listed + K2_KIND_COUNT + 1) * sizeof **names);
    for (int i = 0; i < K2_KIND_COUNT; i++) {
        const char *table = k2_kind((enum k2_kind_id)i)->table;
        if (is_younger(k2_sv_of(table)) && !has_name(*names, listed, table))
            (*names)[(*n)++] = k2_sv_dup(k2_sv_of(table));
    }
    qsort(*names, *n, sizeof **names, by_name);
    return K2_OK;
}

/* --- making --- */

static K2_RC create(struct lake *l, const struct k2_kind *kind, struct k2_err *err) {
    struct k2_json *root = first_metadata(l, kind);
    int rc = lake_metadata_create(l, kind->table, root, err);
    k2_json_free(root);
    return rc;
}

/* --- evolving --- */

static int64_t next_schema_id(const struct lake_table *t) {
    int64_t most = 0;
    const struct k2_json *all = k2_json_get(t->root, "schemas");
    for (size_t i = 0; i < k2_json_count(all); i++) {
        int64_t id = lake_json_int(k2_json_at(all, i), "schema-id", 0);
        most = id > most ? id : most;
    }
    return most + 1;
}

/* Takes schema. Ids of kinds stay below LAKE_LAST_COLUMN, which a table of ours starts with. */
static void adopt(struct lake_table *t, struct k2_json *schema) {
    int64_t id = next_schema_id(t);
    k2_json_set(schema, "schema-id", k2_json_int(id));
    k2_json_append(k2_json_get(t->root, "schemas"), schema);
    k2_json_set(t->root, "current-schema-id", k2_json_int(id));
    if (t->last_column < LAKE_LAST_COLUMN)
        k2_json_set(t->root, "last-column-id", k2_json_int(LAKE_LAST_COLUMN));
}

/* *again: another writer was faster. A table that cannot take our columns is no race. */
static K2_RC extend(struct lake *l, const struct k2_kind *kind, struct lake_table *t, bool *again,
                    struct k2_err *err) {
    struct k2_json *schema = NULL;
    K2_TRY(lake_schema_extend(t, kind, &schema, err));
    if (!schema)
        return K2_OK;
    adopt(t, schema);
    lake_metadata_advance(t, k2_now_ns() / K2_NS_PER_MS);
    bool unsure; /* if it happened, the next look finds the columns */
    int rc = lake_metadata_swap(l, t, &unsure, err);
    *again = rc == K2_E_CONFLICT;
    return rc;
}

static K2_RC ensure_once(struct lake *l, const struct k2_kind *kind, bool *again,
                         struct k2_err *err) {
    struct lake_table *t;
    bool there = false;
    int rc = lake_table_load(l, k2_sv_of(kind->table), &t, err);
    if (rc == K2_OK) {
        there = t->metadata_location[0] != 0; /* else it is load_empty's, and is made now */
        if (there)
            rc = extend(l, kind, t, again, err);
        lake_table_free(t);
    }
    if (there || (rc != K2_OK && rc != K2_E_NOTFOUND))
        return rc;
    rc = create(l, kind, err);
    *again = rc == K2_E_EXISTS;
    return rc;
}

K2_RC lake_table_ensure(struct lake *l, const struct k2_kind *kind, struct k2_err *err) {
    int rc = K2_OK;
    bool again = true;
    for (int i = 0; i < ENSURE_ATTEMPTS && again; i++) {
        again = false;
        rc = ensure_once(l, kind, &again, err);
    }
    if (rc != K2_OK)
        return k2_err_context(err, rc, "make table %s", kind->table);
    return K2_OK;
}
