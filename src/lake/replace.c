/* lake/replace.c - one snapshot in which some data files stand for others.
 *
 * Of each manifest that holds a file to be removed, the other entries are written into a new one, as
 * EXISTING and with their own sequence numbers; one more manifest has what is added and what is DELETED.
 * Nothing else changes: not the journal's offsets, not a row. The condition of the swap is that all files
 * to be removed are live in the metadata it replaces; so an append in between is no conflict, and another
 * compaction of the same files is.
 *
 * A crash before the swap leaves files that nothing names. Until the swap, the added files are such, too;
 * so the commit is made under the lock that what removes those holds, after a look that they are there.
 */
#include "lake/replace.h"

#include "base/clock.h"
#include "base/fs.h"
#include "lake/commit.h"

#include <stdlib.h>
#include <time.h>

enum { LOCK_TRIES = 600, LOCK_WAIT_MS = 50 };

struct replacing {
    const struct lake_commit *what;
    struct k2_interner *gone; /* paths that go */
    int32_t first_date, last_date;
    int64_t snapshot;
    int found;
    struct lake_manifest_writer changes; /* what is added and removed */
    /* the manifest in hand */
    struct lake_entry *entries; /* those that are live */
    int n, room, hits;
};

/* --- a manifest --- */

static bool goes(const struct replacing *r, const struct lake_entry *e) {
    return k2_intern_find(r->gone, k2_sv_of(e->file.path)) != 0;
}

static K2_RC take(void *ctx, struct lake_entry *e, struct k2_err *err) {
    (void)err;
    struct replacing *r = ctx;
    if (e->status == LAKE_DELETED)
        return K2_OK;
    if (r->n == r->room) {
        r->room = r->room ? 2 * r->room : 256;
        r->entries = k2_realloc(r->entries, (size_t)r->room * sizeof *r->entries);
    }
    r->hits += goes(r, e);
    r->entries[r->n++] = *e;
    e->file = (struct lake_file){0};
    return K2_OK;
}

static void forget_entries(struct replacing *r) {
    for (int i = 0; i < r->n; i++)
        lake_file_free(&r->entries[i].file);
    r->n = r->hits = 0;
}

/* A bound that cannot be read rules nothing out. */
static bool may_hold(const struct replacing *r, const struct lake_manifest *m) {
    int32_t low, high;
    if (m->summary_count != 1 || m->summaries[0].lower.n != sizeof low ||
        m->summaries[0].upper.n != sizeof high)
        return true;
    memcpy(&low, m->summaries[0].lower.p, sizeof low);
    memcpy(&high, m->summaries[0].upper.p, sizeof high);
    return low <= r->last_date && r->first_date <= high;
}

/* Writes what stays of the entries in hand; *row stays empty when nothing does. */
static K2_RC write_rest(struct replacing *r, const struct lake_table *t, const char *directory,
                        struct lake_manifest *row, struct lake_paths *written, struct k2_err *err) {
    struct lake_manifest_writer rest;
    lake_manifest_begin(&rest, t, r->snapshot);
    for (int i = 0; i < r->n; i++) {
        struct lake_entry *e = &r->entries[i];
        bool gone = goes(r, e);
        e->status = gone ? LAKE_DELETED : LAKE_EXISTING;
        if (gone)
            e->snapshot = r->snapshot;
        lake_manifest_add(gone ? &r->changes : &rest, e);
    }
    if (r->hits == r->n) {
        lake_manifest_writer_free(&rest);
        return K2_OK;
    }
    char *path = lake_manifest_path(directory, written->n + 1);
    int rc = lake_manifest_finish(&rest, t, path, row, err);
    if (rc == K2_OK)
        lake_paths_add(written, path);
    free(path);
    return rc;
}

/* Puts the manifest, or what stays of it, into `kept`; *m is empty afterwards. */
static K2_RC replace_in(struct replacing *r, const struct lake_table *t, const char *directory,
                        struct lake_manifest_reader *reader, struct lake_manifest *m,
                        struct lake_manifest_list *kept, struct lake_paths *written,
                        struct k2_err *err) {
    struct lake_manifest row = {0};
    bool looked = m->content == 0 && may_hold(r, m);
    int rc = looked ? lake_manifest_read(reader, t, m, take, r, err) : K2_OK;
    if (rc == K2_OK && r->hits == 0) {
        lake_manifest_list_add(kept, m);
    } else if (rc == K2_OK && m->spec_id != t->spec_id) {
        rc = k2_fail(err, K2_E_UNSUPPORTED, "manifest %s is of an older partition spec",
                     m->location);
    } else if (rc == K2_OK) {
        r->found += r->hits;
        rc = write_rest(r, t, directory, &row, written, err);
        if (rc == K2_OK && row.location)
            lake_manifest_list_add(kept, &row);
        lake_manifest_free(m);
        *m = (struct lake_manifest){0};
    }
    forget_entries(r);
    return rc;
}

/* --- the list --- */

static K2_RC write_changes(struct replacing *r, const struct lake_table *t, const char *directory,
                           struct lake_manifest_list *kept, struct lake_paths *written,
                           struct k2_err *err) {
    struct lake_manifest row;
    for (int i = 0; i < r->what->added_count; i++) {
        const struct lake_entry e = {.status = LAKE_ADDED,
                                     .snapshot = r->snapshot,
                                     .has_date = true,
                                     .file = r->what->added[i]};
        lake_manifest_add(&r->changes, &e);
    }
    char *path = lake_manifest_path(directory, 0);
    int rc = lake_manifest_finish(&r->changes, t, path, &row, err);
    if (rc == K2_OK) {
        lake_paths_add(written, path);
        lake_manifest_list_add(kept, &row);
    }
    free(path);
    return rc;
}

static void begin(struct replacing *r, const struct lake_table *t) {
    r->gone = k2_interner_new();
    r->first_date = INT32_MAX;
    r->last_date = INT32_MIN;
    for (int i = 0; i < r->what->removed_count; i++) {
        const struct lake_file *f = &r->what->removed[i];
        (void)k2_intern(r->gone, k2_sv_of(f->path));
        r->first_date = f->trade_date < r->first_date ? f->trade_date : r->first_date;
        r->last_date = f->trade_date > r->last_date ? f->trade_date : r->last_date;
    }
    lake_manifest_begin(&r->changes, t, r->snapshot);
}

static void end(struct replacing *r) {
    lake_manifest_writer_free(&r->changes);
    k2_interner_free(r->gone);
    free(r->entries);
}

static K2_RC replace_list(struct replacing *r, const struct lake_table *t, const char *directory,
                          struct lake_manifest_list *list, struct lake_manifest_list *kept,
                          struct lake_paths *written, struct k2_err *err) {
    struct lake_manifest_reader reader = {0};
    int rc = K2_OK;
    for (int i = 0; rc == K2_OK && i < list->n; i++)
        rc = replace_in(r, t, directory, &reader, &list->at[i], kept, written, err);
    lake_manifest_reader_free(&reader);
    K2_TRY(rc);
    if (r->found != r->what->removed_count)
        return k2_fail(err, K2_E_CONFLICT,
                       "%d of %d files to be replaced are no longer in the table: drop the work "
                       "and plan again",
                       r->what->removed_count - r->found, r->what->removed_count);
    return write_changes(r, t, directory, kept, written, err);
}

K2_RC lake_manifests_replace(const struct lake_table *t, const char *directory, int64_t snapshot,
                             const struct lake_commit *what, struct lake_manifest_list *list,
                             struct lake_paths *written, struct k2_err *err) {
    struct replacing r = {.what = what, .snapshot = snapshot};
    struct lake_manifest_list kept = {0};
    begin(&r, t);
    int rc = replace_list(&r, t, directory, list, &kept, written, err);
    end(&r);
    lake_manifest_list_free(list);
    *list = kept;
    return rc;
}

/* --- the commit --- */

static K2_RC take_lock(const struct lake *l, struct k2_lock **lock, struct k2_err *err) {
    const struct timespec pause = {.tv_nsec = LOCK_WAIT_MS * K2_NS_PER_MS};
    char *directory = k2_path(l->data, "run"), *path = k2_path(l->data, LAKE_WRITER_LOCK);
    int rc = k2_fs_mkdirs(directory, err);
    if (rc == K2_OK)
        rc = k2_lock_take(path, "compaction", lock, err);
    for (int i = 0; rc == K2_E_LOCKED && i < LOCK_TRIES; i++) {
        (void)nanosleep(&pause, NULL);
        rc = k2_lock_take(path, "compaction", lock, err);
    }
    free(directory);
    free(path);
    return rc;
}

static K2_RC check_there(const struct lake_replace *r, struct k2_err *err) {
    for (int i = 0; i < r->added_count; i++)
        if (k2_fs_size(r->added[i].path) != r->added[i].bytes)
            return k2_fail(err, K2_E_CONFLICT,
                           "%s is gone before it was committed: was it removed as an orphan?",
                           r->added[i].path);
    return K2_OK;
}

K2_RC lake_replace(struct lake *l, const char *table, const struct lake_replace *r,
                   int64_t *snapshot_id, struct k2_err *err) {
    const struct lake_commit what = {.added = r->added,
                                     .added_count = r->added_count,
                                     .removed = r->removed,
                                     .removed_count = r->removed_count,
                                     .commit_id = r->commit_id,
                                     .now_ns = r->now_ns};
    struct k2_lock *lock = NULL;
    K2_ASSERT(r->removed_count > 0);
    int rc = take_lock(l, &lock, err);
    if (rc == K2_OK)
        rc = check_there(r, err);
    if (rc == K2_OK)
        rc = lake_commit(l, table, &what, snapshot_id, err);
    k2_lock_release(lock);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "replace files of table %s", table);
}
