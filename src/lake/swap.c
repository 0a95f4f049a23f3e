/* One change of a table: a new metadata file and the compare-and-swap that makes it current.
 *
 * Order of durability: whatever the metadata names is written and synced by the caller, then the
 * metadata file, then their common directory, then the catalog's transaction. A crash before the
 * last step leaves files that nothing names (orphans), never a name without its file. */
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "lake/lake_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PREVIOUS_VERSIONS_DEFAULT                                                                  \
    100 /* Iceberg's default of write.metadata.previous-versions-max */

/* --- names --- */

/* "00042-<uuid>.metadata.json" is version 42; names of other writers without a number count as 0.
 * */
static int version_of(const char *location) {
    const char *name = strrchr(location, '/');
    name = name ? name + 1 : location;
    int version = 0;
    for (name += *name == 'v'; *name >= '0' && *name <= '9' && version < 100000000; name++)
        version = version * 10 + (*name - '0');
    return version;
}

static K2_RC metadata_directory(const struct k2_sv location, char **out, struct k2_err *err) {
    char *table;
    K2_TRY(lake_location_path(location, &table, err));
    *out = k2_path(table, "metadata");
    free(table);
    return K2_OK;
}

/* The uuid is made from the content, so that k2 verify can tell whether a byte of it changed. */
static char *metadata_path(const char *directory, int version, struct k2_sv text) {
    char uuid[LAKE_UUID_TEXT], name[80];
    lake_content_uuid(text, uuid);
    (void)snprintf(name, sizeof name, "%05d-%s.metadata.json", version, uuid);
    return k2_path(directory, name);
}

/* Writes the file and syncs the directory. Gives its path. */
static K2_RC write_root(const char *directory, int version, const struct k2_json *root, char **out,
                        struct k2_err *err) {
    struct k2_buf text = {0};
    k2_json_dump(root, &text);
    char *path = metadata_path(directory, version, k2_buf_view(&text));
    int rc = lake_file_write(path, k2_buf_view(&text), err);
    k2_buf_free(&text);
    if (rc == K2_OK) {
        rc = k2_fs_sync_dir(directory, err);
        if (rc != K2_OK)
            lake_file_remove(path);
    }
    if (rc == K2_OK)
        *out = path;
    else
        free(path);
    return rc;
}

/* --- the metadata log --- */

void lake_metadata_advance(struct lake_table *t, int64_t now_ms) {
    struct k2_json *log = k2_json_get(t->root, "metadata-log"), *entry = k2_json_object();
    if (k2_json_type(log) != K2_JSON_ARRAY) {
        log = k2_json_array();
        k2_json_set(t->root, "metadata-log", log);
    }
    k2_json_set(entry, "timestamp-ms", k2_json_int(t->last_updated_ms));
    k2_json_set(entry, "metadata-file", k2_json_cstring(t->metadata_location));
    k2_json_append(log, entry);
    int64_t updated = now_ms > t->last_updated_ms ? now_ms : t->last_updated_ms + 1;
    k2_json_set(t->root, "last-updated-ms", k2_json_int(updated));
}

/* Cuts the log to the table's limit; what falls out goes to `dropped`, an array. */
static void cut_log(struct lake_table *t, struct k2_json *dropped) {
    struct k2_json *log = k2_json_get(t->root, "metadata-log");
    int64_t most =
        lake_property_int(t, "write.metadata.previous-versions-max", PREVIOUS_VERSIONS_DEFAULT);
    while ((int64_t)k2_json_count(log) > (most < 1 ? 1 : most)) {
        k2_json_append(dropped, k2_json_copy(k2_json_get(k2_json_at(log, 0), "metadata-file")));
        k2_json_remove_at(log, 0);
    }
}

static void remove_dropped(const struct lake_table *t, const struct k2_json *dropped) {
    const char *wish = lake_table_property(t, "write.metadata.delete-after-commit.enabled");
    if (!wish || strcmp(wish, "true") != 0)
        return;
    for (size_t i = 0; i < k2_json_count(dropped); i++) {
        struct k2_sv location;
        char *path;
        if (k2_json_as_string(k2_json_at(dropped, i), &location) &&
            lake_location_path(location, &path, NULL) == K2_OK) {
            lake_file_remove(path);
            free(path);
        }
    }
}

/* --- the swap --- */

void lake_wait_ms(int64_t ms) {
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * K2_NS_PER_MS};
    (void)nanosleep(&t, NULL);
}

void lake_metadata_wait(int attempts) {
    int64_t most = attempts < 8 ? attempts + 1 : 8;
    struct timespec t = {.tv_nsec = lake_random_id() % (most * 2 * K2_NS_PER_MS)};
    (void)nanosleep(&t, NULL);
}

/* The swap failed without saying whether it happened. If the row can be read and is ours or as it
 * was, all is known; if it is a third one, that may stand on ours. Ours and yet a failure: what failed
 * may be the sync after SQLite removed its journal, and a power cut would bring that back and undo the
 * commit; so it is synced again before it is called done. */
static K2_RC settle(struct lake *l, const struct lake_table *t, const char *path, const char *to,
                    int rc, bool *unsure, struct k2_err *err) {
    char *now;
    *unsure = true;
    if (lake_catalog_get(l->catalog, k2_sv_of(t->name), &now, NULL) != K2_OK)
        return k2_err_context(err, rc,
                              "it is not known whether the commit happened; the next attempt will "
                              "find out");
    bool done = strcmp(now, to) == 0, undone = strcmp(now, t->metadata_location) == 0;
    *unsure = !undone;
    free(now);
    if (done) {
        K2_TRY(k2_fs_sync_dir(l->data, err));
        *unsure = false;
        return K2_OK;
    }
    if (!undone)
        return k2_fail(err, K2_E_CONFLICT, "table %s was changed by another writer", t->name);
    lake_file_remove(path);
    return rc;
}

static K2_RC swap_to(struct lake *l, const struct lake_table *t, const char *path, bool *unsure,
                     struct k2_err *err) {
    char *to = lake_location_of(path);
    int rc = lake_catalog_swap(l->catalog, t->name, t->metadata_location, to, err);
    if (rc == K2_E_CONFLICT || rc == K2_E_LOCKED)
        lake_file_remove(path);
    else if (rc != K2_OK)
        rc = settle(l, t, path, to, rc, unsure, err);
    free(to);
    return rc;
}

K2_RC lake_metadata_swap(struct lake *l, struct lake_table *t, bool *unsure, struct k2_err *err) {
    char *directory;
    *unsure = false;
    K2_TRY(metadata_directory(k2_sv_of(t->location), &directory, err));
    char *path = NULL;
    struct k2_json *dropped = k2_json_array();
    cut_log(t, dropped);
    int rc = write_root(directory, version_of(t->metadata_location) + 1, t->root, &path, err);
    if (rc == K2_OK)
        rc = swap_to(l, t, path, unsure, err);
    if (rc == K2_OK)
        remove_dropped(t, dropped);
    k2_json_free(dropped);
    free(path);
    free(directory);
    return rc;
}

K2_RC lake_metadata_write(const char *directory, const char *previous, const struct k2_json *root,
                          char **path, struct k2_err *err) {
    return write_root(directory, version_of(previous) + 1, root, path, err);
}

K2_RC lake_metadata_create(struct lake *l, const char *table, const struct k2_json *root,
                           struct k2_err *err) {
    struct k2_sv text = {0};
    (void)k2_json_as_string(k2_json_get(root, "location"), &text);
    char *directory;
    K2_TRY(metadata_directory(text, &directory, err));
    char *path = NULL;
    int rc = k2_fs_mkdirs(directory, err);
    if (rc == K2_OK)
        rc = write_root(directory, 0, root, &path, err);
    if (rc == K2_OK) {
        char *location = lake_location_of(path);
        rc = lake_catalog_insert(l->catalog, table, location, err);
        if (rc == K2_E_EXISTS || rc == K2_E_LOCKED)
            lake_file_remove(path);
        free(location);
    }
    free(path);
    free(directory);
    return rc;
}
