/* lake/relocate.c - see relocate.h.
 *
 * DETECTION. A row of the catalog names metadata outside of this warehouse, and behind some
 * "/warehouse/" in that name stands a path that exists in this one. Tables elsewhere for which that is
 * not so were put there by somebody on purpose and are left alone.
 *
 * REWRITING. Manifests and manifest lists are changed record by record in their writer's own schema
 * (lake_ocf_edit): only paths and lengths change, whoever wrote them. Names below the old data
 * directory become names below this one; all others stay. The new metadata has no log of older
 * versions: those name the old place for ever, so they are removed.
 *
 * ORDER. Manifests, lists and metadata of all tables are written and synced, then their directories,
 * then the catalog changes all rows in one transaction, then the old files go. A crash before the
 * transaction leaves files that nothing names, after it old files that nothing names.
 */
#include "base/clock.h"
#include "base/fs.h"
#include "codec/codec.h"
#include "lake/merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct moved_file { /* where a manifest or list is now; by the id of its old location */
    char *location;
    int64_t length;
};

struct mover {
    struct lake *lake;
    const struct lake_relocate_options *options;
    struct lake_relocation *out;
    char *from;      /* the old data directory of the table in hand; NULL = it is at home */
    char *directory; /* where its new metadata goes */
    struct k2_interner *names;
    struct moved_file *files; /* [id - 1] */
    uint32_t file_count;
    struct lake_paths written, old;
};

/* --- detection --- */

static bool inside(const char *directory, const char *path) {
    size_t n = strlen(directory);
    return strncmp(path, directory, n) == 0 && path[n] == '/';
}

static char *home_of(const char *warehouse, const char *path) {
    static const char mark[] = "/warehouse/";
    for (const char *p = path + strlen(path); p-- > path;) {
        if (strncmp(p, mark, sizeof mark - 1) != 0)
            continue;
        char *here = k2_path(warehouse, p + sizeof mark - 1);
        bool there = k2_fs_exists(here);
        free(here);
        if (there)
            return k2_sv_dup((struct k2_sv){path, (size_t)(p - path)});
    }
    return NULL;
}

char *lake_moved_from(const struct lake *l, const char *location) {
    char *path, *from = NULL;
    if (lake_location_path(k2_sv_of(location), &path, NULL) != K2_OK)
        return NULL;
    if (!inside(l->warehouse, path))
        from = home_of(l->warehouse, path);
    free(path);
    return from;
}

K2_RC lake_check_home(struct lake *l, struct k2_err *err) {
    struct lake_catalog_row *rows;
    size_t n;
    int rc = K2_OK;
    K2_TRY(lake_catalog_rows(l->catalog, &rows, &n, err));
    for (size_t i = 0; rc == K2_OK && i < n; i++) {
        char *from = lake_moved_from(l, rows[i].location);
        if (from)
            rc = k2_fail(err, K2_E_INVALID,
                         "its tables belong to %s: the directory was copied or moved, and Iceberg "
                         "tables hold absolute paths; k2 doctor --fix --data %s rewrites them",
                         from, l->data);
        free(from);
    }
    lake_catalog_rows_free(rows, n);
    return rc;
}

/* --- names --- */

/* The path in this directory of a file that has this location in the old one. */
static K2_RC here(const struct mover *m, struct k2_sv location, char **path, struct k2_err *err) {
    char *was;
    K2_TRY(lake_location_path(location, &was, err));
    size_t n = m->from ? strlen(m->from) : 0;
    bool ours = m->from && strncmp(was, m->from, n) == 0 && was[n] == '/';
    *path = ours ? k2_path(m->lake->data, was + n + 1) : k2_strdup(was);
    free(was);
    return K2_OK;
}

static K2_RC map(const struct mover *m, struct k2_sv location, char **mapped, struct k2_err *err) {
    char *path;
    K2_TRY(here(m, location, &path, err));
    *mapped = lake_location_of(path);
    free(path);
    return K2_OK;
}

static char *directory_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return k2_sv_dup((struct k2_sv){path, slash ? (size_t)(slash - path) : 0});
}

/* --- files --- */

static K2_RC write_new(struct mover *m, const char *path, struct k2_sv bytes, struct k2_err *err) {
    K2_TRY(lake_file_write(path, bytes, err));
    lake_paths_add(&m->written, path);
    m->out->files++;
    return K2_OK;
}

/* Reads the file that has this location in the old place, and remembers it as an old one. */
static K2_RC read_old(struct mover *m, struct k2_sv location, struct k2_buf *bytes,
                      struct k2_err *err) {
    char *path;
    K2_TRY(here(m, location, &path, err));
    int rc = inside(m->lake->data, path)
                 ? k2_fs_read(path, bytes, err)
                 : k2_fail(err, K2_E_UNSUPPORTED, "%s lies outside of the data directory", path);
    if (rc == K2_E_NOTFOUND)
        rc = k2_fail(err, K2_E_CORRUPT, "%s is missing: was the whole directory copied?", path);
    else if (rc == K2_OK)
        lake_paths_add(&m->old, path);
    free(path);
    return rc;
}

/* Takes `location`. */
static void remember(struct mover *m, struct k2_sv was, char *location, int64_t length) {
    uint32_t id = k2_intern(m->names, was);
    if (id > m->file_count) {
        m->files = k2_realloc(m->files, id * sizeof *m->files);
        m->file_count = id;
    }
    m->files[id - 1] = (struct moved_file){location, length};
}

static const struct moved_file *remembered(const struct mover *m, struct k2_sv was) {
    uint32_t id = k2_intern_find(m->names, was);
    return id ? &m->files[id - 1] : NULL;
}

static K2_RC store(struct mover *m, struct k2_sv was, char *path, struct k2_sv bytes,
                   struct k2_err *err) {
    int rc = write_new(m, path, bytes, err);
    if (rc == K2_OK)
        remember(m, was, lake_location_of(path), (int64_t)bytes.n);
    free(path);
    return rc;
}

/* --- manifests --- */

enum { CONTENT = 1, PATH, LENGTH };

static int manifest_tag(void *ctx, const char *path) {
    (void)ctx;
    if (strcmp(path, "data_file.file_path") == 0)
        return PATH;
    return strcmp(path, "data_file.content") == 0 ? CONTENT : 0;
}

static K2_RC edit_manifest(void *ctx, int tag, struct k2_sv encoded, struct k2_buf *out,
                           struct k2_err *err) {
    struct k2_sv rest = encoded, location;
    int64_t content;
    char *mapped;
    if (tag == CONTENT) {
        if (!k2_avro_get_long(&rest, &content) || content != 0)
            return k2_fail(err, K2_E_UNSUPPORTED,
                           "it has delete files, whose rows name absolute paths: apply the deletes "
                           "with the engine that wrote them, at the old place");
        k2_buf_sv(out, encoded);
        return K2_OK;
    }
    if (!k2_avro_get_bytes(&rest, &location))
        return k2_fail(err, K2_E_CORRUPT, "a path of it is cut");
    K2_TRY(map(ctx, location, &mapped, err));
    k2_avro_put_bytes(out, k2_sv_of(mapped));
    free(mapped);
    return K2_OK;
}

static K2_RC change(struct mover *m, struct k2_sv was, const struct lake_ocf_editor *e,
                    struct k2_buf *in, struct k2_buf *out, struct k2_err *err) {
    int rc = in->n ? K2_OK : read_old(m, was, in, err);
    return rc == K2_OK ? lake_ocf_edit(k2_buf_view(in), e, out, err) : rc;
}

static K2_RC move_manifest(struct mover *m, const char *was, struct k2_err *err) {
    const struct lake_ocf_editor editor = {m, manifest_tag, edit_manifest};
    struct k2_buf in = {0}, out = {0};
    if (remembered(m, k2_sv_of(was)))
        return K2_OK;
    int rc = change(m, k2_sv_of(was), &editor, &in, &out, err);
    if (rc == K2_OK)
        rc = store(m, k2_sv_of(was), lake_manifest_path(m->directory, 0), k2_buf_view(&out), err);
    k2_buf_free(&in);
    k2_buf_free(&out);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "manifest %s", was);
}

/* --- manifest lists --- */

struct list_editing {
    struct mover *mover;
    const struct lake_manifest_list *list;
    int paths, lengths; /* seen so far: the n-th of each is of the n-th record */
};

static int list_tag(void *ctx, const char *path) {
    (void)ctx;
    if (strcmp(path, "manifest_path") == 0)
        return PATH;
    return strcmp(path, "manifest_length") == 0 ? LENGTH : 0;
}

static K2_RC edit_list(void *ctx, int tag, struct k2_sv encoded, struct k2_buf *out,
                       struct k2_err *err) {
    (void)encoded, (void)err;
    struct list_editing *e = ctx;
    int at = tag == PATH ? e->paths++ : e->lengths++;
    const struct moved_file *f = remembered(e->mover, k2_sv_of(e->list->at[at].location));
    if (tag == PATH)
        k2_avro_put_bytes(out, k2_sv_of(f->location));
    else
        k2_avro_put_long(out, f->length);
    return K2_OK;
}

static K2_RC move_manifests(struct mover *m, const struct lake_manifest_list *list,
                            struct k2_err *err) {
    for (int i = 0; i < list->n; i++)
        K2_TRY(move_manifest(m, list->at[i].location, err));
    return K2_OK;
}

static char *list_path(const struct mover *m, int64_t snapshot) {
    char uuid[LAKE_UUID_TEXT], name[96];
    lake_uuid(uuid);
    (void)snprintf(name, sizeof name, "snap-%lld-0-%s.avro", (long long)snapshot, uuid);
    return k2_path(m->directory, name);
}

static K2_RC rewrite_list(struct mover *m, struct k2_sv was, int64_t snapshot, struct k2_buf *in,
                          struct k2_buf *out, struct k2_err *err) {
    struct lake_manifest_list list;
    K2_TRY(read_old(m, was, in, err));
    K2_TRY(lake_manifest_list_parse(k2_buf_view(in), &list, err));
    struct list_editing e = {.mover = m, .list = &list};
    const struct lake_ocf_editor editor = {&e, list_tag, edit_list};
    int rc = move_manifests(m, &list, err);
    if (rc == K2_OK)
        rc = change(m, was, &editor, in, out, err);
    lake_manifest_list_free(&list);
    return rc == K2_OK ? store(m, was, list_path(m, snapshot), k2_buf_view(out), err) : rc;
}

static K2_RC move_list(struct mover *m, struct k2_sv was, int64_t snapshot, struct k2_err *err) {
    struct k2_buf in = {0}, out = {0};
    if (remembered(m, was))
        return K2_OK;
    int rc = rewrite_list(m, was, snapshot, &in, &out, err);
    k2_buf_free(&in);
    k2_buf_free(&out);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "manifest list %.*s", K2_SV_ARG(was));
}

/* --- metadata --- */

static K2_RC map_member(struct mover *m, struct k2_json *o, const char *key, struct k2_err *err) {
    struct k2_sv text;
    char *mapped;
    if (!k2_json_as_string(k2_json_get(o, key), &text))
        return K2_OK;
    K2_TRY(map(m, text, &mapped, err));
    k2_json_set(o, key, k2_json_cstring(mapped));
    free(mapped);
    return K2_OK;
}

static K2_RC map_each(struct mover *m, const struct k2_json *list, const char *key,
                      struct k2_err *err) {
    for (size_t i = 0; i < k2_json_count(list); i++)
        K2_TRY(map_member(m, k2_json_at(list, i), key, err));
    return K2_OK;
}

static K2_RC map_paths(struct mover *m, struct k2_json *root, struct k2_err *err) {
    static const char *const properties[] = {"write.data.path", "write.metadata.path",
                                             "write.object-storage.path"};
    K2_TRY(map_member(m, root, "location", err));
    K2_TRY(map_each(m, k2_json_get(root, "statistics"), "statistics-path", err));
    K2_TRY(map_each(m, k2_json_get(root, "partition-statistics"), "statistics-path", err));
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++)
        K2_TRY(map_member(m, k2_json_get(root, "properties"), properties[i], err));
    return K2_OK;
}

static K2_RC move_snapshot(struct mover *m, struct k2_json *snapshot, struct k2_err *err) {
    struct k2_sv was;
    if (!k2_json_as_string(k2_json_get(snapshot, "manifest-list"), &was))
        return k2_fail(err, K2_E_UNSUPPORTED,
                       "a snapshot has no manifest list (Iceberg format version 1): upgrade the "
                       "table at the old place");
    K2_TRY(move_list(m, was, lake_json_int(snapshot, "snapshot-id", 0), err));
    const char *location = remembered(m, was)->location;
    k2_json_set(snapshot, "manifest-list", k2_json_cstring(location));
    return K2_OK;
}

static K2_RC move_snapshots(struct mover *m, struct k2_json *root, struct k2_err *err) {
    const struct k2_json *list = k2_json_get(root, "snapshots");
    for (size_t i = 0; i < k2_json_count(list); i++)
        K2_TRY(move_snapshot(m, k2_json_at(list, i), err));
    return K2_OK;
}

/* Older versions of the metadata name the old place. */
static void drop_log(struct mover *m, struct k2_json *root) {
    const struct k2_json *log = k2_json_get(root, "metadata-log");
    for (size_t i = 0; i < k2_json_count(log); i++) {
        struct k2_sv location;
        char *path;
        if (k2_json_as_string(k2_json_get(k2_json_at(log, i), "metadata-file"), &location) &&
            here(m, location, &path, NULL) == K2_OK) {
            if (inside(m->lake->data, path)) /* never the old place's */
                lake_paths_add(&m->old, path);
            free(path);
        }
    }
    k2_json_set(root, "metadata-log", k2_json_array());
}

static K2_RC change_root(struct mover *m, struct k2_json *root, struct k2_err *err) {
    drop_log(m, root);
    if (!m->from)
        return K2_OK;
    K2_TRY(map_paths(m, root, err));
    return move_snapshots(m, root, err);
}

/* --- tables --- */

static K2_RC write_root(struct mover *m, const char *was, const struct k2_json *root, char **to,
                        struct k2_err *err) {
    char *path;
    K2_TRY(lake_metadata_write(m->directory, was, root, &path, err));
    lake_paths_add(&m->written, path);
    m->out->files++;
    *to = lake_location_of(path);
    free(path);
    return K2_OK;
}

static K2_RC rewrite(struct mover *m, const char *was, char **to, struct k2_err *err) {
    struct k2_buf text = {0};
    struct k2_json *root = NULL;
    int rc = read_old(m, k2_sv_of(was), &text, err);
    if (rc == K2_OK && k2_json_parse(k2_buf_view(&text), &root, err) != K2_OK)
        rc = k2_err_context(err, K2_E_CORRUPT, "metadata file %s", was);
    k2_buf_free(&text);
    if (rc == K2_OK) {
        k2_json_set(root, "last-updated-ms", k2_json_int(k2_now_ns() / K2_NS_PER_MS));
        rc = change_root(m, root, err);
    }
    if (rc == K2_OK)
        rc = write_root(m, was, root, to, err);
    k2_json_free(root);
    return rc;
}

static bool at_home(const struct mover *m, const char *location) {
    char *path;
    if (lake_location_path(k2_sv_of(location), &path, NULL) != K2_OK)
        return false;
    bool home = inside(m->lake->warehouse, path);
    free(path);
    return home;
}

/* *to stays NULL when the table has nothing to move. */
static K2_RC move_table(struct mover *m, const struct lake_catalog_row *row, char **to,
                        struct k2_err *err) {
    m->from = lake_moved_from(m->lake, row->location);
    bool wanted = m->from || (m->options->all && at_home(m, row->location));
    if (m->from) {
        m->out->tables++;
        if (m->options->table)
            m->options->table(m->options->ctx, row->table, m->from);
    }
    int rc = K2_OK;
    if (wanted && !m->options->dry_run) {
        char *path;
        rc = here(m, k2_sv_of(row->location), &path, err);
        if (rc == K2_OK) {
            m->directory = directory_of(path);
            free(path);
            rc = rewrite(m, row->location, to, err);
        }
    }
    free(m->directory);
    free(m->from);
    m->directory = m->from = NULL;
    return rc == K2_OK ? rc : k2_err_context(err, rc, "move table %s", row->table);
}

static void finish(struct mover *m, int rc, bool unsure) {
    if (rc == K2_OK)
        lake_paths_remove(&m->old);
    else if (!unsure)
        lake_paths_remove(&m->written);
    for (uint32_t i = 0; i < m->file_count; i++)
        free(m->files[i].location);
    free(m->files);
    k2_interner_free(m->names);
    lake_paths_free(&m->written);
    lake_paths_free(&m->old);
}

/* The database that a copy by hard links shares with the original would change for both. */
static K2_RC check_alone(const struct lake *l, struct k2_err *err) {
    char *path = k2_path(l->data, "catalog.db");
    struct stat st;
    bool shared = stat(path, &st) == 0 && st.st_nlink > 1;
    free(path);
    if (!shared)
        return K2_OK;
    return k2_fail(err, K2_E_INVALID,
                   "%s/catalog.db has other hard links, and changing it would change them: copy it "
                   "to a file of its own first (cp catalog.db x && mv x catalog.db)",
                   l->data);
}

static K2_RC move_rows(struct mover *m, const struct lake_catalog_row *rows, size_t n,
                       struct k2_err *err) {
    char **to = k2_zalloc((n + 1) * sizeof *to);
    bool unsure = false;
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < n; i++)
        rc = move_table(m, &rows[i], &to[i], err);
    if (rc == K2_OK && m->written.n)
        rc = check_alone(m->lake, err);
    if (rc == K2_OK && m->written.n)
        rc = lake_catalog_move(m->lake->catalog, rows, to, n, &unsure, err);
    finish(m, rc, unsure);
    k2_fs_names_free(to, n);
    return rc;
}

K2_RC lake_relocate(const char *data, const struct lake_relocate_options *o,
                    struct lake_relocation *out, struct k2_err *err) {
    struct mover m = {.options = o, .out = out, .names = k2_interner_new()};
    struct lake_catalog_row *rows;
    size_t n;
    *out = (struct lake_relocation){0};
    int rc = lake_open_anywhere(data, false, &m.lake, err);
    if (rc == K2_OK)
        rc = lake_catalog_rows(m.lake->catalog, &rows, &n, err);
    if (rc != K2_OK) {
        k2_interner_free(m.names);
        lake_close(m.lake);
        return rc;
    }
    rc = move_rows(&m, rows, n, err);
    lake_catalog_rows_free(rows, n);
    lake_close(m.lake);
    return rc;
}
