/* lake/orphans.c - files below the tables' directories that no catalog entry leads to: what a writer
 * leaves that was killed before its commit.
 *
 * A file without a name may be one that is about to get it. It is removed only if
 *   1. its last change is older than the age that the caller asks, and than a minute;
 *   2. it was there when the first look began, and that look, at everything that every row of the
 *      catalog names, did not find it;
 *   3. it is not found by a second look, taken while the sink's lock is held.
 * The lock is what makes it safe against our own sink, however long that was stopped between writing
 * and committing (a laptop that slept over the weekend): it holds the lock from its first file to its
 * commit, so when we have it, every file of a sink is committed, given up, or a dead one's. The age is
 * for writers that do not know the lock: other programs, and ours that write nothing but a metadata
 * file and swap it in at once. The second look catches those that committed during the first.
 *
 * Looked for are files with the names that Iceberg's writers give (*.parquet, *.avro, *.metadata.json,
 * statistics) below data/ and metadata/ of the tables in our namespace; anything else is not ours to
 * judge, and neither links nor directories are followed or removed. If a row of the catalog or
 * anything it names cannot be read, nothing is removed. */
#include "base/clock.h"
#include "base/fs.h"
#include "lake/kept.h"

#include <stdlib.h>
#include <sys/stat.h>

#define LEAST_AGE_NS (60 * K2_NS_PER_SEC)
#define DEPTH 8 /* of directories below data/ */
#define LOOK_ATTEMPTS 5
#define LOCK_ATTEMPTS 30
#define LOCK_WAIT_MS 100

struct found { /* a file that nothing was seen to name */
    char *path;
    int64_t bytes, changed_ns;
};

struct looking {
    struct lake *lake;
    const struct lake_orphan_options *options;
    struct found *found;
    int n, room;
    char **locations; /* of all metadata files that the catalog named at the last look */
    size_t location_count;
    struct lake_orphans *out;
};

/* --- what is there --- */

static bool has_our_name(struct k2_sv name) {
    return k2_sv_ends(name, K2_SV(".parquet")) || k2_sv_ends(name, K2_SV(".avro")) ||
           k2_sv_ends(name, K2_SV(".metadata.json")) || k2_sv_ends(name, K2_SV(".stats")) ||
           k2_sv_ends(name, K2_SV(".puffin"));
}

/* Takes path. */
static void add(struct looking *k, char *path, const struct stat *st) {
    if (k->n == k->room) {
        k->room = k->room ? 2 * k->room : 256;
        k->found = k2_realloc(k->found, (size_t)k->room * sizeof *k->found);
    }
    k->found[k->n++] =
        (struct found){path, st->st_size, st->st_mtim.tv_sec * K2_NS_PER_SEC + st->st_mtim.tv_nsec};
}

static K2_RC walk(struct looking *k, const char *directory, int depth, struct k2_err *err) {
    char **names;
    size_t n;
    int rc = k2_fs_list(directory, &names, &n, err);
    if (rc == K2_E_NOTFOUND) {
        k2_err_clear(err);
        return K2_OK;
    }
    for (size_t i = 0; rc == K2_OK && i < n; i++) {
        char *path = k2_path(directory, names[i]);
        struct stat st;
        bool there = lstat(path, &st) == 0;
        if (there && S_ISREG(st.st_mode) && has_our_name(k2_sv_of(names[i]))) {
            add(k, path, &st);
            continue;
        }
        if (there && S_ISDIR(st.st_mode) && depth < DEPTH)
            rc = walk(k, path, depth + 1, err);
        free(path);
    }
    k2_fs_names_free(names, n);
    return rc;
}

static K2_RC walk_table(struct looking *k, const char *name, struct k2_err *err) {
    static const char *const parts[] = {"data", "metadata"};
    struct lake_table *t;
    char *location;
    K2_TRY(lake_table_load(k->lake, k2_sv_of(name), &t, err));
    int rc = lake_location_path(k2_sv_of(t->location), &location, err);
    lake_table_free(t);
    K2_TRY(rc);
    for (int i = 0; i < 2 && rc == K2_OK; i++) {
        char *directory = k2_path(location, parts[i]);
        rc = walk(k, directory, 0, err);
        free(directory);
    }
    free(location);
    return rc;
}

static K2_RC walk_tables(struct looking *k, const char *table, struct k2_err *err) {
    char **names;
    size_t n;
    if (table)
        return walk_table(k, table, err);
    K2_TRY(lake_table_names(k->lake, &names, &n, err));
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < n; i++)
        rc = walk_table(k, names[i], err);
    k2_fs_names_free(names, n);
    return rc;
}

/* --- what is named --- */

static void drop_kept(struct looking *k, const struct lake_kept *kept) {
    int left = 0;
    for (int i = 0; i < k->n; i++) {
        if (!k2_fs_exists(k->found[i].path) || lake_kept_has(kept, k->found[i].path))
            free(k->found[i].path);
        else
            k->found[left++] = k->found[i];
    }
    k->n = left;
}

static bool is_local(const char *location) {
    return location[0] == '/' || strncmp(location, "file:/", 6) == 0;
}

/* all: data files of every snapshot, not of the current one only. */
static K2_RC keep_table(struct lake_kept *kept, const struct lake_table *t, bool all,
                        struct k2_err *err) {
    if (!all)
        K2_TRY(lake_kept_metadata(kept, t, NULL, err));
    for (int i = 0; i < t->snapshot_count; i++)
        if (all || t->snapshots[i].id == t->current_snapshot)
            K2_TRY_CTX(lake_kept_data(kept, t, &t->snapshots[i], err), err, "snapshot %lld",
                       (long long)t->snapshots[i].id);
    return K2_OK;
}

/* A row of whatever namespace may name files of ours: the same table registered a second time. */
static K2_RC keep_row(struct lake_kept *kept, const char *location, bool all, struct k2_err *err) {
    struct k2_buf text = {0};
    struct lake_table *t = NULL;
    if (!is_local(location))
        return K2_OK;
    int rc = lake_file_read(location, &text, err);
    if (rc == K2_OK)
        rc = lake_metadata_parse(k2_buf_view(&text), location, location, &t, err);
    k2_buf_free(&text);
    K2_TRY(rc);
    rc = keep_table(kept, t, all, err);
    lake_table_free(t);
    return rc;
}

static K2_RC keep_rows(struct looking *k, struct lake_kept *kept, bool all, struct k2_err *err) {
    for (size_t i = 0; i < k->location_count; i++)
        K2_TRY_CTX(keep_row(kept, k->locations[i], all, err), err, "%s", k->locations[i]);
    return K2_OK;
}

static K2_RC drop_named(struct looking *k, struct lake_kept *kept, struct k2_err *err) {
    K2_TRY(keep_rows(k, kept, false, err));
    drop_kept(k, kept);
    if (k->n == 0)
        return K2_OK;
    K2_TRY(keep_rows(k, kept, true, err));
    drop_kept(k, kept);
    return K2_OK;
}

/* Reads the catalog; *same: it names what it named at the last look. */
static K2_RC read_catalog(struct looking *k, bool *same, struct k2_err *err) {
    char **locations;
    size_t n;
    K2_TRY(lake_catalog_locations(k->lake->catalog, &locations, &n, err));
    *same = k->locations && n == k->location_count;
    for (size_t i = 0; *same && i < n; i++)
        *same = strcmp(locations[i], k->locations[i]) == 0;
    k2_fs_names_free(k->locations, k->location_count);
    k->locations = locations;
    k->location_count = n;
    return K2_OK;
}

static K2_RC look(struct looking *k, struct k2_err *err) {
    struct lake_kept kept;
    lake_kept_init(&kept);
    int rc = drop_named(k, &kept, err);
    lake_kept_free(&kept);
    return rc;
}

/* Looks at what the catalog names, if that has changed since the last look: metadata files never do.
 * What is missing may have been removed by one who committed meanwhile: then the catalog has changed
 * again, and so we look again. */
static K2_RC look_if_changed(struct looking *k, struct k2_err *err) {
    int rc = K2_OK;
    for (int i = 0; i < LOOK_ATTEMPTS; i++) {
        bool same;
        struct k2_err other = {0};
        int read = read_catalog(k, &same, rc == K2_OK ? err : &other);
        if (read != K2_OK || same)
            return rc == K2_OK ? read : rc;
        rc = look(k, err);
        if (rc != K2_E_CORRUPT)
            return rc;
    }
    return rc;
}

/* --- removing --- */

static void drop_young(struct looking *k) {
    int64_t age = k->options->age_ns > LEAST_AGE_NS ? k->options->age_ns : LEAST_AGE_NS;
    int left = 0;
    for (int i = 0; i < k->n; i++) {
        if (k->options->now_ns - k->found[i].changed_ns < age)
            free(k->found[i].path);
        else
            k->found[left++] = k->found[i];
    }
    k->n = left;
}

static void remove_found(struct looking *k) {
    for (int i = 0; i < k->n; i++) {
        const struct found *f = &k->found[i];
        if (!k->options->dry_run)
            lake_file_remove(f->path);
        k->out->old++;
        k->out->old_bytes += f->bytes;
        if (k->options->each)
            k->options->each(k->options->ctx, f->path, f->bytes, f->changed_ns);
    }
}

/* A round of the sink is short as a rule, so it is waited for. */
static K2_RC take_lock(const struct looking *k, struct k2_lock **lock, struct k2_err *err) {
    char *directory = k2_path(k->lake->data, "run");
    char *path = k2_path(k->lake->data, LAKE_WRITER_LOCK);
    int rc = k2_fs_mkdirs(directory, err); /* missing where no journal was opened yet */
    if (rc == K2_OK)
        rc = k2_lock_take(path, "remove orphans", lock, err);
    for (int i = 0; rc == K2_E_LOCKED && i < LOCK_ATTEMPTS; i++) {
        lake_wait_ms(LOCK_WAIT_MS);
        rc = k2_lock_take(path, "remove orphans", lock, err);
    }
    free(path);
    free(directory);
    return rc;
}

static K2_RC remove_locked(struct looking *k, struct k2_err *err) {
    struct k2_lock *lock;
    K2_TRY(take_lock(k, &lock, err));
    int rc = look_if_changed(k, err);
    if (rc == K2_OK)
        remove_found(k);
    k2_lock_release(lock);
    return rc;
}

static K2_RC find_and_remove(struct looking *k, const char *table, struct k2_err *err) {
    K2_TRY(walk_tables(k, table, err));
    K2_TRY(look_if_changed(k, err));
    k->out->files = k->n;
    for (int i = 0; i < k->n; i++)
        k->out->bytes += k->found[i].bytes;
    drop_young(k);
    if (k->n > 0 && !k->options->dry_run)
        return remove_locked(k, err);
    remove_found(k);
    return K2_OK;
}

K2_RC lake_remove_orphans(struct lake *l, const char *table, const struct lake_orphan_options *o,
                          struct lake_orphans *out, struct k2_err *err) {
    struct looking k = {.lake = l, .options = o, .out = out};
    *out = (struct lake_orphans){0};
    int rc = find_and_remove(&k, table, err);
    for (int i = 0; i < k.n; i++)
        free(k.found[i].path);
    free(k.found);
    k2_fs_names_free(k.locations, k.location_count);
    return k2_err_context(err, rc, "look for files that no table names");
}
