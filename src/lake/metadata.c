/* A table's metadata file: JSON as the Iceberg Table Spec says under "Table Metadata", version 2.
 *
 * File: <table>/metadata/<version, 5 digits>-<uuid>.metadata.json, never changed once written.
 * Validity: every field that version 2 requires is there with its type; current-schema-id,
 * default-spec-id, default-sort-order-id and current-snapshot-id name elements of their lists; ids
 * of snapshots are unique. What else it holds (statistics, fields of later revisions) is kept as it
 * is when we write the next version, because the whole tree is. Recovery: none needed; the catalog
 * names a file only after it is synced. */
#include "lake/lake_int.h"

#include <stdlib.h>

/* --- small readers --- */

int64_t lake_json_int(const struct k2_json *object, const char *key, int64_t otherwise) {
    (void)k2_json_as_int(k2_json_get(object, key), &otherwise);
    return otherwise;
}

struct k2_json *lake_json_by_id(const struct k2_json *array, const char *key, int64_t id) {
    for (size_t i = 0; i < k2_json_count(array); i++) {
        struct k2_json *o = k2_json_at(array, i);
        int64_t found;
        if (k2_json_as_int(k2_json_get(o, key), &found) && found == id)
            return o;
    }
    return NULL;
}

static K2_RC need_int(const struct k2_json *o, const char *key, int64_t least, int64_t *out,
                      struct k2_err *err) {
    if (!k2_json_as_int(k2_json_get(o, key), out))
        return k2_fail(err, K2_E_CORRUPT, "%s is missing or not an integer", key);
    if (*out < least)
        return k2_fail(err, K2_E_CORRUPT, "%s is %lld, below %lld", key, (long long)*out,
                       (long long)least);
    return K2_OK;
}

static K2_RC need_id(const struct k2_json *o, const char *key, int *out, struct k2_err *err) {
    int64_t v;
    K2_TRY(need_int(o, key, 0, &v, err));
    if (v > INT32_MAX)
        return k2_fail(err, K2_E_CORRUPT, "%s is %lld, too large", key, (long long)v);
    *out = (int)v;
    return K2_OK;
}

static K2_RC need_text(const struct k2_json *o, const char *key, const char **out,
                       struct k2_err *err) {
    struct k2_sv s;
    if (!k2_json_as_string(k2_json_get(o, key), &s) || s.n == 0 || memchr(s.p, 0, s.n))
        return k2_fail(err, K2_E_CORRUPT, "%s is missing or not a text", key);
    *out = s.p;
    return K2_OK;
}

static K2_RC need_list(const struct k2_json *o, const char *key, struct k2_json **out,
                       struct k2_err *err) {
    *out = k2_json_get(o, key);
    if (k2_json_type(*out) != K2_JSON_ARRAY || k2_json_count(*out) == 0)
        return k2_fail(err, K2_E_CORRUPT, "%s is missing, empty or not a list", key);
    return K2_OK;
}

/* An optional member must have the right type if it is there; null counts as absent. */
static K2_RC optional(const struct k2_json *o, const char *key, enum k2_json_type type,
                      struct k2_err *err) {
    enum k2_json_type found = k2_json_type(k2_json_get(o, key));
    if (found == type || found == K2_JSON_MISSING || found == K2_JSON_NULL)
        return K2_OK;
    return k2_fail(err, K2_E_CORRUPT, "%s has the wrong type", key);
}

/* The element of a required list that a required id names. */
static K2_RC need_current(const struct k2_json *root, const char *list, const char *id_key,
                          const char *current_key, int *id, struct k2_json **out,
                          struct k2_err *err) {
    struct k2_json *all;
    K2_TRY(need_list(root, list, &all, err));
    K2_TRY(need_id(root, current_key, id, err));
    *out = lake_json_by_id(all, id_key, *id);
    if (!*out)
        return k2_fail(err, K2_E_CORRUPT, "%s is %d, but %s has no such element", current_key, *id,
                       list);
    if (k2_json_type(k2_json_get(*out, "fields")) != K2_JSON_ARRAY)
        return k2_fail(err, K2_E_CORRUPT, "element %d of %s has no fields", *id, list);
    return K2_OK;
}

/* --- schema --- */

static K2_RC read_field(const struct k2_json *o, struct lake_field *f, struct k2_err *err) {
    K2_TRY(need_id(o, "id", &f->id, err));
    K2_TRY(need_text(o, "name", &f->name, err));
    if (!k2_json_as_bool(k2_json_get(o, "required"), &f->required))
        return k2_fail(err, K2_E_CORRUPT, "required is missing or not a boolean");
    struct k2_buf type = {0};
    if (!lake_schema_type_text(k2_json_get(o, "type"), &type)) {
        k2_buf_free(&type);
        return k2_fail(err, K2_E_CORRUPT, "type of column %s is missing or unknown", f->name);
    }
    f->type = k2_sv_dup(k2_buf_view(&type));
    k2_buf_free(&type);
    return K2_OK;
}

static K2_RC read_schema(struct lake_table *t, struct k2_err *err) {
    const struct k2_json *fields = k2_json_get(t->schema, "fields");
    size_t n = k2_json_count(fields);
    t->fields = k2_zalloc((n + 1) * sizeof *t->fields);
    for (size_t i = 0; i < n; i++) {
        t->field_count++;
        K2_TRY_CTX(read_field(k2_json_at(fields, i), &t->fields[i], err), err,
                   "column %zu of schema %d", i + 1, t->schema_id);
    }
    return K2_OK;
}

/* --- snapshots --- */

static int64_t summary_number(const struct k2_json *summary, const char *key) {
    struct k2_sv text;
    int64_t v;
    if (!k2_json_as_string(k2_json_get(summary, key), &text) || !k2_sv_i64(text, &v))
        return -1;
    return v;
}

static K2_RC read_snapshot(const struct k2_json *o, struct lake_snapshot *s, struct k2_err *err) {
    K2_TRY(need_int(o, "snapshot-id", 1, &s->id, err));
    K2_TRY(need_int(o, "sequence-number", 0, &s->sequence_number, err));
    K2_TRY(need_int(o, "timestamp-ms", 0, &s->timestamp_ms, err));
    K2_TRY(need_text(o, "manifest-list", &s->manifest_list, err));
    s->parent = lake_json_int(o, "parent-snapshot-id", 0);
    s->schema_id = (int)lake_json_int(o, "schema-id", -1);
    const struct k2_json *summary = k2_json_get(o, "summary");
    K2_TRY(need_text(summary, "operation", &s->operation, err));
    s->added_records = summary_number(summary, "added-records");
    s->added_files = summary_number(summary, "added-data-files");
    s->total_records = summary_number(summary, "total-records");
    s->total_files = summary_number(summary, "total-data-files");
    return K2_OK;
}

static int by_age(const void *a, const void *b) {
    const struct lake_snapshot *x = a, *y = b;
    if (x->sequence_number != y->sequence_number)
        return x->sequence_number < y->sequence_number ? -1 : 1;
    return (x->timestamp_ms > y->timestamp_ms) - (x->timestamp_ms < y->timestamp_ms);
}

static int by_id(const void *a, const void *b) {
    const struct lake_snapshot_ref *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

struct k2_json *lake_metadata_snapshot(const struct lake_table *t, int64_t id) {
    struct lake_snapshot_ref key = {.id = id};
    struct lake_snapshot_ref *found =
        bsearch(&key, t->refs, (size_t)t->snapshot_count, sizeof key, by_id);
    return found ? found->json : NULL;
}

static K2_RC index_snapshots(struct lake_table *t, const struct k2_json *list, struct k2_err *err) {
    size_t n = (size_t)t->snapshot_count;
    t->refs = k2_zalloc((n + 1) * sizeof *t->refs);
    for (size_t i = 0; i < n; i++)
        t->refs[i] =
            (struct lake_snapshot_ref){.id = t->snapshots[i].id, .json = k2_json_at(list, i)};
    qsort(t->refs, n, sizeof *t->refs, by_id);
    for (size_t i = 1; i < n; i++)
        if (t->refs[i].id == t->refs[i - 1].id)
            return k2_fail(err, K2_E_CORRUPT, "snapshot %lld is listed twice",
                           (long long)t->refs[i].id);
    return K2_OK;
}

static K2_RC read_snapshots(struct lake_table *t, struct k2_err *err) {
    K2_TRY(optional(t->root, "snapshots", K2_JSON_ARRAY, err));
    const struct k2_json *list = k2_json_get(t->root, "snapshots");
    size_t n = k2_json_count(list);
    t->snapshots = k2_zalloc((n + 1) * sizeof *t->snapshots);
    for (size_t i = 0; i < n; i++) {
        K2_TRY_CTX(read_snapshot(k2_json_at(list, i), &t->snapshots[i], err), err, "snapshot %zu",
                   i + 1);
        if (t->snapshots[i].sequence_number > t->last_sequence)
            return k2_fail(err, K2_E_CORRUPT, "snapshot %lld has a later sequence number than %s",
                           (long long)t->snapshots[i].id, "last-sequence-number");
    }
    t->snapshot_count = (int)n;
    K2_TRY(index_snapshots(t, list, err));
    qsort(t->snapshots, n, sizeof *t->snapshots, by_age);
    return K2_OK;
}

static K2_RC read_current_snapshot(struct lake_table *t, struct k2_err *err) {
    K2_TRY(optional(t->root, "current-snapshot-id", K2_JSON_INT, err));
    K2_TRY(optional(t->root, "refs", K2_JSON_OBJECT, err));
    int64_t id = lake_json_int(t->root, "current-snapshot-id", -1);
    const struct k2_json *branch = k2_json_get(k2_json_get(t->root, "refs"), "main");
    int64_t head = lake_json_int(branch, "snapshot-id", id);
    t->current_snapshot = id == -1 ? 0 : id;
    if (head != id)
        return k2_fail(err, K2_E_CORRUPT, "branch main is at %lld, current-snapshot-id is %lld",
                       (long long)head, (long long)id);
    if (id != -1 && !lake_metadata_snapshot(t, id))
        return k2_fail(err, K2_E_CORRUPT, "current-snapshot-id %lld names no snapshot",
                       (long long)id);
    return K2_OK;
}

static K2_RC read_log(struct lake_table *t, struct k2_err *err) {
    K2_TRY(optional(t->root, "snapshot-log", K2_JSON_ARRAY, err));
    K2_TRY(optional(t->root, "metadata-log", K2_JSON_ARRAY, err));
    const struct k2_json *list = k2_json_get(t->root, "snapshot-log");
    size_t n = k2_json_count(list);
    t->log = k2_zalloc((n + 1) * sizeof *t->log);
    for (size_t i = 0; i < n; i++) {
        const struct k2_json *o = k2_json_at(list, i);
        K2_TRY_CTX(need_int(o, "timestamp-ms", 0, &t->log[i].timestamp_ms, err), err,
                   "snapshot-log entry %zu", i + 1);
        K2_TRY_CTX(need_int(o, "snapshot-id", 1, &t->log[i].snapshot, err), err,
                   "snapshot-log entry %zu", i + 1);
    }
    t->log_count = (int)n;
    return K2_OK;
}

int64_t lake_summary_number(const struct lake_snapshot *s, const struct lake_table *t,
                            const char *key) {
    return summary_number(k2_json_get(lake_metadata_snapshot(t, s->id), "summary"), key);
}

/* --- properties --- */

const char *lake_table_property(const struct lake_table *t, const char *key) {
    struct k2_sv s;
    const struct k2_json *all = k2_json_get(t->root, "properties");
    return k2_json_as_string(k2_json_get(all, key), &s) ? s.p : NULL;
}

int64_t lake_property_int(const struct lake_table *t, const char *key, int64_t otherwise) {
    int64_t v;
    return k2_sv_i64(k2_sv_of(lake_table_property(t, key)), &v) ? v : otherwise;
}

void lake_property_set(struct lake_table *t, const char *key, struct k2_sv value) {
    if (!k2_json_get(t->root, "properties"))
        k2_json_set(t->root, "properties", k2_json_object());
    k2_json_set(k2_json_get(t->root, "properties"), key, k2_json_string(value));
}

static K2_RC check_format(const struct lake_table *t, struct k2_err *err) {
    K2_TRY(optional(t->root, "properties", K2_JSON_OBJECT, err));
    int64_t ours = lake_property_int(t, LAKE_PROPERTY_FORMAT, LAKE_FORMAT);
    if (ours > LAKE_FORMAT)
        return k2_fail(err, K2_E_VERSION, "%s is %lld, this build knows %d: use a newer k2",
                       LAKE_PROPERTY_FORMAT, (long long)ours, LAKE_FORMAT);
    return K2_OK;
}

/* --- the whole --- */

static K2_RC check_version(const struct k2_json *root, struct k2_err *err) {
    int64_t version;
    if (k2_json_type(root) != K2_JSON_OBJECT)
        return k2_fail(err, K2_E_CORRUPT, "it is not a JSON object");
    K2_TRY(need_int(root, "format-version", 1, &version, err));
    if (version == 1)
        return k2_fail(err, K2_E_UNSUPPORTED,
                       "it is Iceberg format version 1, this build reads version 2: upgrade the "
                       "table with its own engine");
    if (version > 2)
        return k2_fail(err, K2_E_VERSION,
                       "it is Iceberg format version %lld, this build reads version 2",
                       (long long)version);
    return K2_OK;
}

static K2_RC read_root(struct lake_table *t, struct k2_err *err) {
    int64_t partition_id;
    struct k2_json *order;
    K2_TRY(check_version(t->root, err));
    K2_TRY(need_text(t->root, "table-uuid", &t->uuid, err));
    K2_TRY(need_text(t->root, "location", &t->location, err));
    K2_TRY(need_int(t->root, "last-sequence-number", 0, &t->last_sequence, err));
    K2_TRY(need_int(t->root, "last-updated-ms", 0, &t->last_updated_ms, err));
    K2_TRY(need_int(t->root, "last-column-id", 0, &t->last_column, err));
    K2_TRY(need_current(t->root, "schemas", "schema-id", "current-schema-id", &t->schema_id,
                        &t->schema, err));
    K2_TRY(need_current(t->root, "partition-specs", "spec-id", "default-spec-id", &t->spec_id,
                        &t->spec, err));
    K2_TRY(need_current(t->root, "sort-orders", "order-id", "default-sort-order-id",
                        &t->sort_order_id, &order, err));
    K2_TRY(need_int(t->root, "last-partition-id", 0, &partition_id, err));
    K2_TRY(check_format(t, err));
    K2_TRY(read_schema(t, err));
    K2_TRY(read_snapshots(t, err));
    K2_TRY(read_current_snapshot(t, err));
    return read_log(t, err);
}

K2_RC lake_metadata_parse(struct k2_sv text, const char *name, const char *metadata_location,
                          struct lake_table **out, struct k2_err *err) {
    struct lake_table *t = k2_zalloc(sizeof *t);
    t->name = k2_strdup(name);
    t->metadata_location = k2_strdup(metadata_location);
    int rc = k2_json_parse(text, &t->root, err);
    if (rc == K2_E_INVALID && err)
        err->status = K2_E_CORRUPT;
    rc = rc == K2_E_INVALID ? K2_E_CORRUPT : rc;
    if (rc == K2_OK)
        rc = read_root(t, err);
    if (rc != K2_OK) {
        lake_table_free(t);
        return k2_err_context(err, rc, "metadata file %s of table %s", metadata_location, name);
    }
    *out = t;
    return K2_OK;
}

void lake_table_free(struct lake_table *t) {
    if (!t)
        return;
    for (int i = 0; i < t->field_count; i++)
        free((void *)(uintptr_t)t->fields[i].type);
    free(t->fields);
    free(t->snapshots);
    free(t->refs);
    free(t->log);
    k2_json_free(t->root);
    free(t->name);
    free(t->metadata_location);
    free(t);
}
