/* lake/kept.c - see kept.h. */
#include "lake/kept.h"

#include "base/intern.h"

#include <stdlib.h>
#include <sys/stat.h>

/* Device and inode as bytes: all that there is to a key. */
struct identity {
    uint64_t device, inode;
};

static bool identify(const char *path, struct identity *out) {
    struct stat st;
    if (stat(path, &st) != 0)
        return false;
    *out = (struct identity){st.st_dev, st.st_ino};
    return true;
}

static struct k2_sv key_of(const struct identity *i) {
    return (struct k2_sv){(const char *)i, sizeof *i};
}

void lake_kept_init(struct lake_kept *k) {
    *k = (struct lake_kept){.files = k2_interner_new(), .opened = k2_interner_new()};
}

void lake_kept_free(struct lake_kept *k) {
    k2_interner_free(k->files);
    k2_interner_free(k->opened);
    lake_manifest_reader_free(&k->reader);
    *k = (struct lake_kept){0};
}

bool lake_kept_has(const struct lake_kept *k, const char *path) {
    struct identity i;
    return identify(path, &i) && k2_intern_find(k->files, key_of(&i));
}

static bool keep(struct lake_kept *k, const char *path) {
    struct identity i;
    if (!identify(path, &i))
        return false;
    (void)k2_intern(k->files, key_of(&i));
    return true;
}

static K2_RC keep_path(struct lake_kept *k, const char *path, struct k2_err *err) {
    if (keep(k, path))
        return K2_OK;
    return k2_fail(err, K2_E_CORRUPT, "%s is named and not there: k2 verify says more", path);
}

static K2_RC keep_location(struct lake_kept *k, struct k2_sv location, struct k2_err *err) {
    char *path;
    K2_TRY(lake_location_path(location, &path, err));
    int rc = keep_path(k, path, err);
    free(path);
    return rc;
}

/* The files that the elements of a list name by `key`. Old metadata files may be gone: whoever
 * removes them does it after the file that names them last. */
static void keep_each(struct lake_kept *k, const struct k2_json *list, const char *key) {
    for (size_t i = 0; i < k2_json_count(list); i++) {
        struct k2_sv location;
        char *path;
        if (!k2_json_as_string(k2_json_get(k2_json_at(list, i), key), &location) ||
            lake_location_path(location, &path, NULL) != K2_OK)
            continue;
        (void)keep(k, path);
        free(path);
    }
}

static K2_RC keep_manifests(struct lake_kept *k, const struct lake_snapshot *s,
                            struct k2_err *err) {
    struct lake_manifest_list list = {0};
    K2_TRY(keep_location(k, k2_sv_of(s->manifest_list), err));
    K2_TRY(lake_manifest_list_load(s->manifest_list, &list, err));
    int rc = K2_OK;
    for (int i = 0; i < list.n && rc == K2_OK; i++)
        rc = keep_location(k, k2_sv_of(list.at[i].location), err);
    lake_manifest_list_free(&list);
    return rc;
}

K2_RC lake_kept_metadata(struct lake_kept *k, const struct lake_table *t, const bool *wanted,
                         struct k2_err *err) {
    K2_TRY(keep_location(k, k2_sv_of(t->metadata_location), err));
    keep_each(k, k2_json_get(t->root, "metadata-log"), "metadata-file");
    keep_each(k, k2_json_get(t->root, "statistics"), "statistics-path");
    keep_each(k, k2_json_get(t->root, "partition-statistics"), "statistics-path");
    for (int i = 0; i < t->snapshot_count; i++)
        if (!wanted || wanted[i])
            K2_TRY_CTX(keep_manifests(k, &t->snapshots[i], err), err, "snapshot %lld of table %s",
                       (long long)t->snapshots[i].id, t->name);
    return K2_OK;
}

static K2_RC keep_entry(void *ctx, struct lake_entry *e, struct k2_err *err) {
    if (e->status == LAKE_DELETED)
        return K2_OK;
    return keep_path(ctx, e->file.path, err);
}

static K2_RC keep_entries(struct lake_kept *k, const struct lake_table *t,
                          const struct lake_manifest *m, struct k2_err *err) {
    if (k2_intern_find(k->opened, k2_sv_of(m->location)))
        return K2_OK;
    K2_TRY(lake_manifest_read(&k->reader, t, m, keep_entry, k, err));
    (void)k2_intern(k->opened, k2_sv_of(m->location));
    return K2_OK;
}

K2_RC lake_kept_data(struct lake_kept *k, const struct lake_table *t, const struct lake_snapshot *s,
                     struct k2_err *err) {
    struct lake_manifest_list list = {0};
    K2_TRY(lake_manifest_list_load(s->manifest_list, &list, err));
    int rc = K2_OK;
    for (int i = 0; i < list.n && rc == K2_OK; i++)
        rc = keep_entries(k, t, &list.at[i], err);
    lake_manifest_list_free(&list);
    return rc;
}
