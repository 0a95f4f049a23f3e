/* Verifying a table: everything that its current metadata names, from every snapshot down to the
 * data files, is there, has the size that was said, parses, adds up, and has the checksum it carries. */
#include "base/fs.h"
#include "lake/manifest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct verifying {
    const struct lake_table *table;
    void (*finding)(void *ctx, const char *text);
    void *ctx;
    struct lake_verified out;
    struct k2_interner *seen; /* manifests and data files that were checked already */
    struct k2_interner *live; /* data files of the current snapshot */
    bool current;             /* the snapshot in hand is the current one */
    const struct lake_manifest *manifest;
    int64_t added_files, other_files, added_rows, other_rows; /* of the manifest in hand */
    struct lake_manifest_reader reader;
};

static void report(struct verifying *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void report(struct verifying *v, const char *fmt, ...) {
    char text[1400];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    v->out.findings++;
    if (v->finding)
        v->finding(v->ctx, text);
}

static bool first_time(struct verifying *v, const char *name) {
    if (k2_intern_find(v->seen, k2_sv_of(name)))
        return false;
    (void)k2_intern(v->seen, k2_sv_of(name));
    return true;
}

/* Whether the file is there with the size that was said. */
static bool check_size(struct verifying *v, const char *what, const char *path, int64_t bytes) {
    v->out.files++;
    int64_t size = k2_fs_size(path);
    if (size < 0)
        report(v, "%s %s is missing", what, path);
    else if (bytes >= 0 && size != bytes)
        report(v, "%s %s has %lld bytes, %lld were said", what, path, (long long)size,
               (long long)bytes);
    return size >= 0 && (bytes < 0 || size == bytes);
}

static void check_data_file(struct verifying *v, const struct lake_file *f) {
    struct k2_err why = {0};
    bool checked;
    if (!check_size(v, "data file", f->path, f->bytes))
        return;
    if (parquet_check(f->path, &checked, &why) != K2_OK)
        report(v, "%s", why.msg);
    else if (!checked)
        v->out.unchecked++;
}

/* A metadata file that we named carries a hash of its bytes in its name. */
static void check_name(struct verifying *v, const char *path) {
    struct k2_buf text = {0};
    char uuid[LAKE_UUID_TEXT];
    const char *name = strrchr(path, '/'), *dash = name ? strchr(name, '-') : NULL;
    bool ours = dash && strlen(dash) > LAKE_UUID_TEXT && dash[15] == '8';
    if (ours && k2_fs_read(path, &text, NULL) == K2_OK) {
        lake_content_uuid(k2_buf_view(&text), uuid);
        if (strncmp(dash + 1, uuid, LAKE_UUID_TEXT - 1) != 0)
            report(v, "metadata file %s has other bytes than were written", path);
    }
    k2_buf_free(&text);
}

/* --- manifests --- */

static K2_RC check_entry(void *ctx, struct lake_entry *e, struct k2_err *err) {
    (void)err;
    struct verifying *v = ctx;
    if (e->status == LAKE_DELETED)
        return K2_OK;
    bool added = e->status == LAKE_ADDED;
    *(added ? &v->added_files : &v->other_files) += 1;
    *(added ? &v->added_rows : &v->other_rows) += e->file.rows;
    if (v->current && k2_intern_find(v->live, k2_sv_of(e->file.path)))
        report(v, "data file %s is in the current snapshot twice", e->file.path);
    if (v->current)
        (void)k2_intern(v->live, k2_sv_of(e->file.path));
    if (first_time(v, e->file.path))
        check_data_file(v, &e->file);
    return K2_OK;
}

static void check_count(struct verifying *v, const char *what, int64_t found, int64_t said) {
    if (said >= 0 && found != said)
        report(v, "manifest %s has %lld %s, the manifest list says %lld", v->manifest->location,
               (long long)found, what, (long long)said);
}

static void check_manifest(struct verifying *v, const struct lake_manifest *m) {
    struct k2_err err = {0};
    bool fresh = first_time(v, m->location);
    if (!fresh && !v->current)
        return;
    v->out.files += fresh;
    v->manifest = m;
    v->added_files = v->other_files = v->added_rows = v->other_rows = 0;
    if (lake_manifest_read(&v->reader, v->table, m, check_entry, v, &err) != K2_OK) {
        report(v, "%s", err.msg);
        return;
    }
    check_count(v, "added files", v->added_files, m->added_files);
    check_count(v, "existing files", v->other_files, m->existing_files);
    check_count(v, "added rows", v->added_rows, m->added_rows);
    check_count(v, "existing rows", v->other_rows, m->existing_rows);
}

/* --- snapshots --- */

static void check_total(struct verifying *v, const struct lake_snapshot *s, const char *what,
                        int64_t found, int64_t said) {
    if (said >= 0 && found >= 0 && found != said)
        report(v, "snapshot %lld has %lld %s, its summary says %lld", (long long)s->id,
               (long long)found, what, (long long)said);
}

static void check_snapshot(struct verifying *v, const struct lake_snapshot *s) {
    struct k2_err err = {0};
    struct lake_manifest_list list = {0};
    int64_t files = 0, rows = 0;
    v->out.files++;
    v->current = s->id == v->table->current_snapshot;
    if (lake_manifest_list_load(s->manifest_list, &list, &err) != K2_OK) {
        report(v, "snapshot %lld: %s", (long long)s->id, err.msg);
        return;
    }
    for (int i = 0; i < list.n; i++) {
        const struct lake_manifest *m = &list.at[i];
        if (m->content == 0)
            check_manifest(v, m);
        int64_t live_files = lake_manifest_live_files(m), live_rows = lake_manifest_live_rows(m);
        files = files < 0 || live_files < 0 ? -1 : files + (m->content == 0 ? live_files : 0);
        rows = rows < 0 || live_rows < 0 ? -1 : rows + (m->content == 0 ? live_rows : 0);
    }
    check_total(v, s, "files", files, s->total_files);
    check_total(v, s, "rows", rows, s->total_records);
    lake_manifest_list_free(&list);
}

/* --- the table --- */

static void check_metadata_log(struct verifying *v) {
    const struct k2_json *log = k2_json_get(v->table->root, "metadata-log");
    for (size_t i = 0; i < k2_json_count(log); i++) {
        struct k2_sv location;
        char *path;
        if (!k2_json_as_string(k2_json_get(k2_json_at(log, i), "metadata-file"), &location) ||
            lake_location_path(location, &path, NULL) != K2_OK) {
            report(v, "metadata-log entry %zu names no file", i + 1);
            continue;
        }
        if (check_size(v, "old metadata file", path, -1))
            check_name(v, path);
        free(path);
    }
}

static void check_metadata(struct verifying *v) {
    char *path;
    if (lake_location_path(k2_sv_of(v->table->metadata_location), &path, NULL) == K2_OK) {
        check_name(v, path);
        free(path);
    }
    check_metadata_log(v);
}

static void check_offsets(struct verifying *v) {
    struct k2_err err = {0};
    struct lake_offsets table, snapshot;
    if (lake_table_offsets(v->table, &table, &err) != K2_OK) {
        report(v, "%s", err.msg);
        return;
    }
    if (v->table->current_snapshot) {
        if (lake_snapshot_offsets(v->table, v->table->current_snapshot, &snapshot, &err) != K2_OK) {
            report(v, "%s", err.msg);
        } else {
            if (!lake_offsets_equal(&table, &snapshot))
                report(v, "the offsets of table %s differ from those of its current snapshot",
                       v->table->name);
            lake_offsets_free(&snapshot);
        }
    }
    lake_offsets_free(&table);
}

K2_RC lake_verify(struct lake *l, const char *table, void (*finding)(void *ctx, const char *text),
                  void *ctx, struct lake_verified *out, struct k2_err *err) {
    struct verifying v = {.finding = finding, .ctx = ctx};
    struct lake_table *t;
    struct k2_err load_err = {0};
    int rc = lake_table_load(l, k2_sv_of(table), &t, &load_err);
    if (rc == K2_E_CORRUPT) {
        report(&v, "%s", load_err.msg);
    } else if (rc != K2_OK) {
        if (err)
            *err = load_err;
        return rc;
    } else {
        v.table = t;
        v.out.files = 1;
        v.seen = k2_interner_new();
        v.live = k2_interner_new();
        check_metadata(&v);
        for (int i = 0; i < t->snapshot_count; i++)
            check_snapshot(&v, &t->snapshots[i]);
        check_offsets(&v);
        lake_manifest_reader_free(&v.reader);
        k2_interner_free(v.seen);
        k2_interner_free(v.live);
        lake_table_free(t);
    }
    *out = v.out;
    return K2_OK;
}
