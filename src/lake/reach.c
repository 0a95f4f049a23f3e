/* lake/reach.c - see reach.h. Reads any writer's metadata of any format version that has manifest
 * lists, because a backup takes tables as they are. */
#include "lake/reach.h"

#include "base/fs.h"
#include "lake/manifest.h"

#include <stdlib.h>

struct reaching {
    lake_reach_fn fn;
    void *ctx;
    struct k2_interner *seen; /* manifests and lists */
    struct lake_ocf_reader ocf;
    /* The entry of a manifest in hand. */
    int64_t status, bytes;
    char *path;
};

static K2_RC pass(const struct reaching *r, const char *path, const struct k2_buf *content,
                  struct k2_err *err) {
    struct lake_reached file = {path, (int64_t)content->n, true, k2_buf_view(content)};
    return r->fn(r->ctx, &file, err);
}

/* Reads the file and passes it on. */
static K2_RC take(const struct reaching *r, struct k2_sv location, struct k2_buf *out,
                  struct k2_err *err) {
    char *path;
    K2_TRY(lake_location_path(location, &path, err));
    int rc = k2_fs_read(path, out, err);
    if (rc == K2_OK)
        rc = pass(r, path, out, err);
    free(path);
    return rc;
}

/* --- manifests --- */

enum { STATUS = 1, PATH, BYTES };

static int entry_tag(void *ctx, const char *path) {
    (void)ctx;
    if (strcmp(path, "status") == 0)
        return STATUS;
    if (strcmp(path, "data_file.file_path") == 0)
        return PATH;
    return strcmp(path, "data_file.file_size_in_bytes") == 0 ? BYTES : 0;
}

static bool entry_leaf(void *ctx, int tag, int64_t number, struct k2_sv bytes) {
    struct reaching *r = ctx;
    if (tag == STATUS)
        r->status = number;
    if (tag == BYTES)
        r->bytes = number;
    if (tag != PATH)
        return true;
    free(r->path);
    r->path = NULL;
    return lake_location_path(bytes, &r->path, NULL) == K2_OK;
}

static K2_RC entry_end(void *ctx, struct k2_err *err) {
    struct reaching *r = ctx;
    int rc = K2_OK;
    if (!r->path)
        rc = k2_fail(err, K2_E_CORRUPT, "an entry of it has no path");
    else if (r->status != LAKE_DELETED)
        rc = r->fn(r->ctx, &(struct lake_reached){.path = r->path, .bytes = r->bytes}, err);
    free(r->path);
    r->path = NULL;
    r->status = 0;
    r->bytes = -1;
    return rc;
}

static bool first_time(struct reaching *r, struct k2_sv name) {
    bool known = k2_intern_find(r->seen, name) != 0;
    if (!known)
        (void)k2_intern(r->seen, name);
    return !known;
}

static K2_RC reach_manifest(struct reaching *r, const char *location, struct k2_err *err) {
    const struct lake_ocf_visitor v = {
        .ctx = r, .tag = entry_tag, .leaf = entry_leaf, .record = entry_end};
    struct k2_buf bytes = {0};
    if (!first_time(r, k2_sv_of(location)))
        return K2_OK;
    r->bytes = -1;
    int rc = take(r, k2_sv_of(location), &bytes, err);
    if (rc == K2_OK)
        rc = lake_ocf_read(&r->ocf, k2_buf_view(&bytes), &v, err);
    k2_buf_free(&bytes);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "manifest %s", location);
}

/* --- snapshots --- */

static K2_RC reach_list(struct reaching *r, struct k2_sv location, struct k2_err *err) {
    struct k2_buf bytes = {0};
    struct lake_manifest_list list = {0};
    int rc = take(r, location, &bytes, err);
    if (rc == K2_OK)
        rc = lake_manifest_list_parse(k2_buf_view(&bytes), &list, err);
    k2_buf_free(&bytes);
    for (int i = 0; rc == K2_OK && i < list.n; i++)
        rc = reach_manifest(r, list.at[i].location, err);
    lake_manifest_list_free(&list);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "manifest list %.*s", K2_SV_ARG(location));
}

static K2_RC reach_snapshots(struct reaching *r, const struct k2_json *root, struct k2_err *err) {
    const struct k2_json *all = k2_json_get(root, "snapshots");
    for (size_t i = 0; i < k2_json_count(all); i++) {
        struct k2_sv location;
        if (!k2_json_as_string(k2_json_get(k2_json_at(all, i), "manifest-list"), &location))
            return k2_fail(err, K2_E_UNSUPPORTED,
                           "a snapshot has no manifest list (Iceberg format version 1)");
        if (first_time(r, location))
            K2_TRY(reach_list(r, location, err));
    }
    return K2_OK;
}

static K2_RC reach_statistics(struct reaching *r, const struct k2_json *list, struct k2_err *err) {
    for (size_t i = 0; i < k2_json_count(list); i++) {
        struct k2_sv location;
        char *path;
        if (!k2_json_as_string(k2_json_get(k2_json_at(list, i), "statistics-path"), &location))
            continue;
        K2_TRY(lake_location_path(location, &path, err));
        int rc = r->fn(r->ctx, &(struct lake_reached){.path = path, .bytes = -1}, err);
        free(path);
        K2_TRY(rc);
    }
    return K2_OK;
}

static K2_RC reach_root(struct reaching *r, struct k2_sv location, struct k2_err *err) {
    struct k2_buf text = {0};
    struct k2_json *root = NULL;
    int rc = take(r, location, &text, err);
    if (rc == K2_OK && k2_json_parse(k2_buf_view(&text), &root, err) != K2_OK)
        rc = k2_err_context(err, K2_E_CORRUPT, "metadata file %.*s", K2_SV_ARG(location));
    k2_buf_free(&text);
    if (rc == K2_OK)
        rc = reach_snapshots(r, root, err);
    if (rc == K2_OK)
        rc = reach_statistics(r, k2_json_get(root, "statistics"), err);
    if (rc == K2_OK)
        rc = reach_statistics(r, k2_json_get(root, "partition-statistics"), err);
    k2_json_free(root);
    return rc;
}

K2_RC lake_reach(const char *location, lake_reach_fn fn, void *ctx, struct k2_err *err) {
    struct reaching r = {.fn = fn, .ctx = ctx, .seen = k2_interner_new()};
    int rc = reach_root(&r, k2_sv_of(location), err);
    lake_ocf_reader_free(&r.ocf);
    k2_interner_free(r.seen);
    free(r.path);
    return rc;
}
