/* Committing: one snapshot more, with its manifests, its manifest list and the vector of offsets.
 *
 * Every attempt starts from the table as it is now: is our commit in its ancestry already (a reply
 * was lost)? Does its vector still equal the one the work started from (else K2_E_CONFLICT)? Then
 * the new manifest, written once, is put into a new list, and metadata and vector change in one
 * swap. A lost swap removes what only this attempt wrote and tries again. A commit that replaces
 * files leaves the vector as it is, whatever it is by then; its condition is that all of them are
 * still there (replace.c). */
#include "base/clock.h"
#include "base/fs.h"
#include "lake/commit.h"

#include <stdio.h>
#include <stdlib.h>

#define ATTEMPTS 50

struct append {
    struct lake *lake;
    const char *table;
    const struct lake_commit *what;
    int64_t snapshot;
    char *directory;            /* <table>/metadata */
    char *manifest_path;        /* NULL until it is written */
    struct lake_manifest added; /* its row, sequence -1 */
    bool unsure; /* the last swap failed and may have happened: what was written must stay */
};

struct attempt {
    struct lake_table *table;
    struct lake_manifest_list list;
    struct lake_paths written; /* by this attempt alone */
    char *list_location;
    int64_t sequence, timestamp_ms;
};

/* --- what the table has already --- */

static bool find_commit(const struct lake_table *t, const char *commit_id, int64_t *snapshot) {
    int64_t id = t->current_snapshot;
    for (int i = 0; id && i <= t->snapshot_count; i++) {
        const char *found = lake_snapshot_summary(t, id, LAKE_SUMMARY_COMMIT);
        if (found && strcmp(found, commit_id) == 0) {
            *snapshot = id;
            return true;
        }
        id = lake_json_int(lake_metadata_snapshot(t, id), "parent-snapshot-id", 0);
    }
    return false;
}

static K2_RC check_vector(const struct append *a, const struct lake_table *t, struct k2_err *err) {
    struct lake_offsets have;
    if (!a->what->from)
        return K2_OK;
    K2_TRY(lake_table_offsets(t, &have, err));
    int rc = K2_OK;
    if (!lake_offsets_equal(&have, a->what->from)) {
        struct k2_buf text = {0};
        lake_offsets_format(&have, &text);
        rc = k2_fail(err, K2_E_CONFLICT,
                     "table %s is at offsets %s now, not where this work started: drop it and plan "
                     "again",
                     t->name, k2_buf_cstr(&text));
        k2_buf_free(&text);
    }
    lake_offsets_free(&have);
    return rc;
}

/* What we write is partitioned by identity(trade_date) alone. */
static K2_RC check_spec(const struct lake_table *t, struct k2_err *err) {
    int at, source;
    const char *name = NULL;
    bool known = lake_spec_partition(t, t->spec_id, &at, &source, &name);
    if (known && at == 0 && strcmp(name, LAKE_PARTITION_COLUMN) == 0 &&
        k2_json_count(k2_json_get(t->spec, "fields")) == 1)
        return K2_OK;
    return k2_fail(err, K2_E_UNSUPPORTED,
                   "table %s is no longer partitioned by identity(%s): another program changed its "
                   "partition spec; change it back",
                   t->name, LAKE_PARTITION_COLUMN);
}

/* --- the manifest --- */

static K2_RC write_manifest(struct append *a, const struct lake_table *t, struct k2_err *err) {
    struct lake_manifest_writer w;
    lake_manifest_begin(&w, t, a->snapshot);
    for (int i = 0; i < a->what->added_count; i++) {
        struct lake_entry e = {.status = LAKE_ADDED,
                               .snapshot = a->snapshot,
                               .has_date = true,
                               .file = a->what->added[i]};
        lake_manifest_add(&w, &e);
    }
    char *path = lake_manifest_path(a->directory, 0);
    int rc = lake_manifest_finish(&w, t, path, &a->added, err);
    if (rc == K2_OK)
        a->manifest_path = path;
    else
        free(path);
    return rc;
}

static struct lake_blob copy_blob(const struct lake_blob *b) {
    struct lake_blob copy = {.n = b->n};
    if (b->n >= 0)
        copy.p = k2_sv_dup((struct k2_sv){b->p, (size_t)b->n});
    return copy;
}

static struct lake_manifest copy_row(const struct lake_manifest *m) {
    struct lake_manifest copy = *m;
    copy.location = k2_strdup(m->location);
    copy.summaries = k2_zalloc((size_t)m->summary_count * sizeof *copy.summaries);
    for (int i = 0; i < m->summary_count; i++) {
        copy.summaries[i] = m->summaries[i];
        copy.summaries[i].lower = copy_blob(&m->summaries[i].lower);
        copy.summaries[i].upper = copy_blob(&m->summaries[i].upper);
    }
    return copy;
}

/* --- the manifest list --- */

/* Leaves out manifests in which every file is deleted. A list of Iceberg version 1 may say no
 * counts, and ours must. */
static K2_RC drop_empty(struct attempt *at, struct k2_err *err) {
    int kept = 0;
    for (int i = 0; i < at->list.n; i++) {
        struct lake_manifest *m = &at->list.at[i];
        if (lake_manifest_live_files(m) < 0 || lake_manifest_live_rows(m) < 0 ||
            m->deleted_files < 0 || m->deleted_rows < 0)
            return k2_fail(err, K2_E_UNSUPPORTED,
                           "manifest %s has no file counts: rewrite the table's manifests with the "
                           "engine that wrote it",
                           m->location);
        if (m->encrypted)
            return k2_fail(err, K2_E_UNSUPPORTED, "manifest %s is encrypted", m->location);
        if (lake_manifest_live_files(m) == 0) {
            lake_manifest_free(m);
            continue;
        }
        struct lake_manifest row = *m;
        *m = (struct lake_manifest){0};
        at->list.at[kept++] = row;
    }
    at->list.n = kept;
    return K2_OK;
}

/* Manifests that this commit writes get its sequence number. */
static void number(struct attempt *at) {
    for (int i = 0; i < at->list.n; i++) {
        struct lake_manifest *m = &at->list.at[i];
        if (m->sequence >= 0)
            continue;
        m->sequence = at->sequence;
        bool own = m->added_files > 0 || lake_manifest_live_files(m) == 0;
        if (own && at->sequence < m->min_sequence)
            m->min_sequence = at->sequence;
    }
}

static K2_RC gather_list(struct append *a, struct attempt *at, struct k2_err *err) {
    const struct lake_table *t = at->table;
    struct lake_snapshot parent;
    if (t->current_snapshot) {
        K2_TRY(lake_snapshot_find(t, t->current_snapshot, &parent, err));
        K2_TRY(lake_manifest_list_load(parent.manifest_list, &at->list, err));
    }
    K2_TRY(drop_empty(at, err));
    if (a->what->removed_count)
        K2_TRY(lake_manifests_replace(t, a->directory, a->snapshot, a->what, &at->list,
                                      &at->written, err));
    else
        K2_TRY(lake_manifests_merge(t, a->directory, a->snapshot, &at->list, &at->written, err));
    if (a->manifest_path) {
        struct lake_manifest row = copy_row(&a->added);
        lake_manifest_list_add(&at->list, &row);
    }
    number(at);
    return K2_OK;
}

static K2_RC write_list(struct append *a, struct attempt *at, struct k2_err *err) {
    char uuid[LAKE_UUID_TEXT], name[96];
    struct k2_buf bytes = {0};
    lake_uuid(uuid);
    (void)snprintf(name, sizeof name, "snap-%lld-0-%s.avro", (long long)a->snapshot, uuid);
    char *path = k2_path(a->directory, name);
    int rc = lake_manifest_list_format(&at->list, a->snapshot, at->table->current_snapshot,
                                       at->sequence, &bytes, err);
    if (rc == K2_OK)
        rc = lake_file_write(path, k2_buf_view(&bytes), err);
    if (rc == K2_OK) {
        lake_paths_add(&at->written, path);
        at->list_location = lake_location_of(path);
    }
    k2_buf_free(&bytes);
    free(path);
    return rc;
}

/* --- the snapshot --- */

static void put_count(struct k2_json *summary, const char *key, int64_t v) {
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)v);
    k2_json_set(summary, key, k2_json_cstring(text));
}

static int by_value(const void *a, const void *b) {
    const int32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static int64_t count_partitions(const struct lake_commit *what) {
    int64_t partitions = 0;
    int n = what->added_count + what->removed_count;
    int32_t *dates = k2_alloc(((size_t)n + 1) * sizeof *dates);
    for (int i = 0; i < n; i++)
        dates[i] = i < what->added_count ? what->added[i].trade_date
                                         : what->removed[i - what->added_count].trade_date;
    qsort(dates, (size_t)n, sizeof *dates, by_value);
    for (int i = 0; i < n; i++)
        partitions += i == 0 || dates[i] != dates[i - 1];
    free(dates);
    return partitions;
}

/* Files and rows in total are what the new list says; bytes are carried on from snapshot to
 * snapshot, and left out when an earlier one did not say them. */
static void put_totals(struct k2_json *summary, const struct attempt *at, int64_t more_bytes) {
    int64_t files = 0, rows = 0, bytes = 0;
    for (int i = 0; i < at->list.n; i++) {
        files += lake_manifest_live_files(&at->list.at[i]);
        rows += lake_manifest_live_rows(&at->list.at[i]);
    }
    if (at->table->current_snapshot) {
        struct lake_snapshot parent = {.id = at->table->current_snapshot};
        bytes = lake_summary_number(&parent, at->table, "total-files-size");
    }
    put_count(summary, "total-data-files", files);
    put_count(summary, "total-records", rows);
    if (bytes >= 0)
        put_count(summary, "total-files-size", bytes + more_bytes);
    put_count(summary, "total-delete-files", 0);
    put_count(summary, "total-position-deletes", 0);
    put_count(summary, "total-equality-deletes", 0);
}

/* What the files together have; gives their bytes. */
static int64_t put_files(struct k2_json *summary, const struct lake_file *files, int n,
                         const char *files_key, const char *rows_key, const char *bytes_key) {
    int64_t rows = 0, bytes = 0;
    for (int i = 0; i < n; i++) {
        rows += files[i].rows;
        bytes += files[i].bytes;
    }
    put_count(summary, files_key, n);
    put_count(summary, rows_key, rows);
    put_count(summary, bytes_key, bytes);
    return bytes;
}

/* The vector that the table has after this commit; false: it has none. */
static bool put_vector(const struct append *a, const struct lake_table *t, struct k2_buf *out) {
    const char *carried = lake_table_property(t, LAKE_PROPERTY_OFFSETS);
    if (a->what->to)
        lake_offsets_format(a->what->to, out);
    else if (carried)
        k2_buf_str(out, carried);
    return a->what->to || carried;
}

static struct k2_json *make_summary(const struct append *a, const struct attempt *at) {
    const struct lake_commit *what = a->what;
    struct k2_json *s = k2_json_object();
    struct k2_buf vector = {0};
    k2_json_set(s, "operation", k2_json_cstring(what->removed_count ? "replace" : "append"));
    int64_t bytes = put_files(s, what->added, what->added_count, "added-data-files",
                              "added-records", "added-files-size");
    if (what->removed_count)
        bytes -= put_files(s, what->removed, what->removed_count, "deleted-data-files",
                           "deleted-records", "removed-files-size");
    put_count(s, "changed-partition-count", count_partitions(what));
    put_totals(s, at, bytes);
    if (put_vector(a, at->table, &vector))
        k2_json_set(s, LAKE_PROPERTY_OFFSETS, k2_json_string(k2_buf_view(&vector)));
    k2_json_set(s, LAKE_SUMMARY_COMMIT, k2_json_cstring(what->commit_id));
    k2_buf_free(&vector);
    return s;
}

static struct k2_json *make_snapshot(const struct append *a, const struct attempt *at) {
    struct k2_json *s = k2_json_object();
    k2_json_set(s, "sequence-number", k2_json_int(at->sequence));
    k2_json_set(s, "snapshot-id", k2_json_int(a->snapshot));
    if (at->table->current_snapshot)
        k2_json_set(s, "parent-snapshot-id", k2_json_int(at->table->current_snapshot));
    k2_json_set(s, "timestamp-ms", k2_json_int(at->timestamp_ms));
    k2_json_set(s, "summary", make_summary(a, at));
    k2_json_set(s, "manifest-list", k2_json_cstring(at->list_location));
    k2_json_set(s, "schema-id", k2_json_int(at->table->schema_id));
    return s;
}

/* --- the metadata --- */

static struct k2_json *list_of(struct k2_json *root, const char *key) {
    if (k2_json_type(k2_json_get(root, key)) != K2_JSON_ARRAY)
        k2_json_set(root, key, k2_json_array());
    return k2_json_get(root, key);
}

/* Settings of the branch, such as its retention, stay as they are. */
static void move_branch(struct k2_json *root, int64_t snapshot) {
    if (k2_json_type(k2_json_get(root, "refs")) != K2_JSON_OBJECT)
        k2_json_set(root, "refs", k2_json_object());
    struct k2_json *refs = k2_json_get(root, "refs");
    if (!k2_json_get(refs, "main"))
        k2_json_set(refs, "main", k2_json_object());
    struct k2_json *branch = k2_json_get(refs, "main");
    k2_json_set(branch, "snapshot-id", k2_json_int(snapshot));
    k2_json_set(branch, "type", k2_json_cstring("branch"));
}

static void change_metadata(const struct append *a, const struct attempt *at) {
    struct lake_table *t = at->table;
    struct k2_json *entry = k2_json_object();
    k2_json_append(list_of(t->root, "snapshots"), make_snapshot(a, at));
    k2_json_set(t->root, "current-snapshot-id", k2_json_int(a->snapshot));
    k2_json_set(t->root, "last-sequence-number", k2_json_int(at->sequence));
    move_branch(t->root, a->snapshot);
    k2_json_set(entry, "timestamp-ms", k2_json_int(at->timestamp_ms));
    k2_json_set(entry, "snapshot-id", k2_json_int(a->snapshot));
    k2_json_append(list_of(t->root, "snapshot-log"), entry);
    if (a->what->to) {
        struct k2_buf vector = {0};
        lake_offsets_format(a->what->to, &vector);
        lake_property_set(t, LAKE_PROPERTY_OFFSETS, k2_buf_view(&vector));
        k2_buf_free(&vector);
    }
    lake_metadata_advance(t, at->timestamp_ms);
}

/* --- one attempt --- */

static int64_t next_timestamp(const struct lake_table *t, int64_t now_ns) {
    int64_t ms = now_ns / K2_NS_PER_MS;
    int64_t least = t->last_updated_ms;
    for (int i = 0; i < t->log_count; i++)
        least = t->log[i].timestamp_ms > least ? t->log[i].timestamp_ms : least;
    return ms > least ? ms : least + 1;
}

static K2_RC prepare(struct append *a, struct lake_table *t, struct k2_err *err) {
    K2_TRY(check_vector(a, t, err));
    K2_TRY(check_spec(t, err));
    if (!a->directory) {
        char *table;
        K2_TRY(lake_location_path(k2_sv_of(t->location), &table, err));
        a->directory = k2_path(table, "metadata");
        free(table);
    }
    if (!a->manifest_path && !a->what->removed_count && a->what->added_count)
        K2_TRY(write_manifest(a, t, err));
    return K2_OK;
}

/* *again: the swap was lost, and nothing else is wrong. */
static K2_RC commit(struct append *a, struct attempt *at, bool *again, struct k2_err *err) {
    at->sequence = at->table->last_sequence + 1;
    at->timestamp_ms = next_timestamp(at->table, a->what->now_ns);
    int rc = gather_list(a, at, err);
    if (rc == K2_OK)
        rc = write_list(a, at, err);
    bool swapping = rc == K2_OK;
    if (swapping) {
        change_metadata(a, at);
        rc = lake_metadata_swap(a->lake, at->table, &a->unsure, err);
    }
    *again = swapping && rc == K2_E_CONFLICT;
    return rc;
}

static K2_RC attempt(struct append *a, bool *done, bool *again, struct k2_err *err) {
    struct attempt at = {0};
    K2_TRY(lake_table_load(a->lake, k2_sv_of(a->table), &at.table, err));
    int rc = K2_OK;
    a->unsure = false;
    *done = find_commit(at.table, a->what->commit_id, &a->snapshot);
    if (!*done)
        rc = prepare(a, at.table, err);
    if (!*done && rc == K2_OK) {
        rc = commit(a, &at, again, err);
        *done = rc == K2_OK;
        if (rc != K2_OK && !a->unsure)
            lake_paths_remove(&at.written);
    }
    lake_paths_free(&at.written);
    lake_manifest_list_free(&at.list);
    free(at.list_location);
    lake_table_free(at.table);
    return rc;
}

static K2_RC append(struct append *a, struct k2_err *err) {
    bool done = false;
    int rc = K2_OK;
    for (int i = 0; i < ATTEMPTS; i++) {
        bool again = false;
        rc = attempt(a, &done, &again, err);
        if (!again)
            return rc;
        lake_metadata_wait(i);
    }
    rc = k2_fail(err, K2_E_LOCKED, "other writers were faster %d times in turn; try again",
                 ATTEMPTS);
    if (err)
        err->retriable = true;
    return rc;
}

K2_RC lake_commit(struct lake *l, const char *table, const struct lake_commit *what,
                  int64_t *snapshot_id, struct k2_err *err) {
    struct append a = {.lake = l, .table = table, .what = what, .snapshot = lake_random_id()};
    int64_t drawn = a.snapshot;
    int rc = append(&a, err);
    if (rc == K2_OK && snapshot_id)
        *snapshot_id = a.snapshot;
    bool used = a.unsure || (rc == K2_OK && a.snapshot == drawn);
    if (!used && a.manifest_path)
        lake_file_remove(a.manifest_path);
    lake_manifest_free(&a.added);
    free(a.manifest_path);
    free(a.directory);
    return rc;
}

K2_RC lake_append(struct lake *l, const char *table, const struct lake_append *a,
                  int64_t *snapshot_id, struct k2_err *err) {
    const struct lake_commit what = {.added = a->files,
                                     .added_count = a->file_count,
                                     .from = a->from,
                                     .to = a->to,
                                     .commit_id = a->commit_id,
                                     .now_ns = a->now_ns};
    int rc = lake_commit(l, table, &what, snapshot_id, err);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "append to table %s", table);
}
