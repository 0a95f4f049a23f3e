/* lake/expire.c - which snapshots stay, and removing the others with what only they name.
 *
 * A commit a minute makes half a million snapshots a year, and the metadata file, which names them
 * all, is written again by each commit. So they are thinned out with age: all of the last hour, then
 * the last one of each 10 minutes, hour and day, none beyond 90 days. The spans are those of the
 * clock, and each contains whole ones of those before it: what the coarser rule keeps, the finer one
 * has kept.
 *
 * Never removed, whatever their age:
 *   - the current snapshot, and one that was current within the last hour: a reader that loaded the
 *     table meanwhile goes on finding its manifests;
 *   - what a tag or branch names; of other branches than main also what they do not share with it;
 *   - what the caller pins;
 *   - the last snapshot of every journal that filled the table: as-of queries and the sequence
 *     engine learn from it that rows of another journal are there;
 *   - the ancestors of a snapshot without a vector of offsets, up to the first that has one.
 *
 * Order: first the catalog is swapped to metadata without the snapshots, durably, then their files
 * are removed. A crash in between leaves orphans (orphans.c), never a name without its file. Which
 * files those are is found before the swap, from the metadata that it replaces: a table whose
 * references cannot be read is left as it is. */
#include "base/clock.h"
#include "base/fs.h"
#include "base/intern.h"
#include "lake/kept.h"
#include "lake/merge.h"

#include <stdlib.h>

#define ATTEMPTS 20
#define HOUR_MS INT64_C(3600000)
#define DAY_MS (INT64_C(24) * HOUR_MS)

/* Up to this age: the last snapshot of each span. */
static const struct {
    int64_t age_ms, span_ms;
} steps[] = {{DAY_MS, HOUR_MS / 6}, {7 * DAY_MS, HOUR_MS}, {90 * DAY_MS, DAY_MS}};

struct expiring {
    struct lake *lake;
    const struct lake_expire_options *options;
    struct lake_table *table;
    bool *stays; /* by index in table->snapshots */
    struct lake_paths doomed;
    struct lake_expired out;
};

/* --- which stay --- */

static int index_of(const struct lake_table *t, int64_t id) {
    for (int i = t->snapshot_count; i-- > 0;)
        if (t->snapshots[i].id == id)
            return i;
    return -1;
}

static void stay(struct expiring *x, int64_t id) {
    int i = index_of(x->table, id);
    if (i >= 0)
        x->stays[i] = true;
}

/* next_ms: when the snapshot after it was made. */
static bool stays_by_age(int64_t made_ms, int64_t next_ms, int64_t now_ms) {
    if (now_ms - next_ms < HOUR_MS)
        return true;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (now_ms - made_ms < steps[i].age_ms)
            return made_ms / steps[i].span_ms != next_ms / steps[i].span_ms;
    return false;
}

static void keep_by_age(struct expiring *x) {
    const struct lake_table *t = x->table;
    int64_t now_ms = x->options->now_ns / K2_NS_PER_MS;
    for (int i = 0; i + 1 < t->snapshot_count; i++)
        x->stays[i] =
            stays_by_age(t->snapshots[i].timestamp_ms, t->snapshots[i + 1].timestamp_ms, now_ms);
    if (t->snapshot_count > 0)
        x->stays[t->snapshot_count - 1] = true;
}

/* Marks the ancestry of a snapshot, itself included, up to one that is marked already. */
static void mark_line(const struct lake_table *t, int64_t id, bool *marks) {
    for (int i = index_of(t, id); i >= 0 && !marks[i]; i = index_of(t, t->snapshots[i].parent))
        marks[i] = true;
}

static void keep_refs(struct expiring *x) {
    const struct lake_table *t = x->table;
    bool *main_line = k2_zalloc(((size_t)t->snapshot_count + 1) * sizeof *main_line);
    void *iter = NULL;
    struct k2_sv name, type;
    struct k2_json *ref;
    mark_line(t, t->current_snapshot, main_line);
    while (k2_json_next(k2_json_get(t->root, "refs"), &iter, &name, &ref)) {
        int64_t id = lake_json_int(ref, "snapshot-id", 0);
        bool branch = k2_json_as_string(k2_json_get(ref, "type"), &type) &&
                      k2_sv_eq(type, K2_SV("branch")) && !k2_sv_eq(name, K2_SV("main"));
        stay(x, id);
        for (int i = index_of(t, id); branch && i >= 0 && !main_line[i];
             i = index_of(t, t->snapshots[i].parent)) {
            x->stays[i] = true;
            main_line[i] = true; /* done: also ends a line that leads back into itself */
        }
    }
    free(main_line);
}

static int32_t journal_of(const struct lake_table *t, int index) {
    struct lake_offsets o;
    const char *text = lake_snapshot_summary(t, t->snapshots[index].id, LAKE_PROPERTY_OFFSETS);
    if (!text || lake_offsets_parse(k2_sv_of(text), &o, NULL) != K2_OK)
        return 0;
    int32_t id = o.journal_id;
    lake_offsets_free(&o);
    return id;
}

static void keep_last_of_journals(struct expiring *x) {
    int32_t *seen = k2_alloc(((size_t)x->table->snapshot_count + 1) * sizeof *seen);
    int n = 0;
    for (int i = x->table->snapshot_count; i-- > 0;) {
        int32_t id = journal_of(x->table, i);
        int k = 0;
        while (k < n && seen[k] != id)
            k++;
        if (id == 0 || k < n)
            continue;
        seen[n++] = id;
        x->stays[i] = true;
    }
    free(seen);
}

/* Up from each that stays: what has no vector of its own is led to one by its parents. */
static void keep_vectors(struct expiring *x) {
    const struct lake_table *t = x->table;
    for (int i = t->snapshot_count; i-- > 0;) {
        bool has = lake_snapshot_summary(t, t->snapshots[i].id, LAKE_PROPERTY_OFFSETS) != NULL;
        if (x->stays[i] && !has)
            stay(x, t->snapshots[i].parent);
    }
}

static int choose(struct expiring *x) {
    int gone = 0;
    x->stays = k2_zalloc(((size_t)x->table->snapshot_count + 1) * sizeof *x->stays);
    keep_by_age(x);
    stay(x, x->table->current_snapshot);
    keep_refs(x);
    for (int i = 0; i < x->options->pinned_count; i++)
        stay(x, x->options->pinned[i]);
    keep_last_of_journals(x);
    keep_vectors(x);
    for (int i = 0; i < x->table->snapshot_count; i++)
        gone += !x->stays[i];
    return gone;
}

/* --- which files go with them --- */

struct dooming {
    struct expiring *x;
    struct lake_kept *kept;
    struct k2_interner *seen;       /* paths that are in x->doomed */
    struct lake_manifest_list data; /* manifests that go: their data files may */
};

/* Whether the path was added: it is not kept, and not there already. */
static bool doom(struct dooming *d, const char *path) {
    if (lake_kept_has(d->kept, path) || k2_intern_find(d->seen, k2_sv_of(path)))
        return false;
    (void)k2_intern(d->seen, k2_sv_of(path));
    lake_paths_add(&d->x->doomed, path);
    return true;
}

static K2_RC doom_location(struct dooming *d, const char *location, bool *added,
                           struct k2_err *err) {
    char *path;
    K2_TRY(lake_location_path(k2_sv_of(location), &path, err));
    *added = doom(d, path);
    free(path);
    return K2_OK;
}

static K2_RC doom_snapshot(struct dooming *d, const struct lake_snapshot *s, struct k2_err *err) {
    struct lake_manifest_list list = {0};
    bool added;
    K2_TRY(doom_location(d, s->manifest_list, &added, err));
    K2_TRY(lake_manifest_list_load(s->manifest_list, &list, err));
    int rc = K2_OK;
    for (int i = 0; i < list.n && rc == K2_OK; i++) {
        rc = doom_location(d, list.at[i].location, &added, err);
        if (rc == K2_OK && added)
            lake_manifest_list_add(&d->data, &list.at[i]);
    }
    lake_manifest_list_free(&list);
    return rc;
}

static K2_RC doom_entry(void *ctx, struct lake_entry *e, struct k2_err *err) {
    (void)err;
    (void)doom(ctx, e->file.path);
    return K2_OK;
}

/* Data files of manifests that go. Appending alone never removes one: the current snapshot has them
 * all, so the others are asked only if that leaves any. */
static K2_RC doom_data(struct dooming *d, bool all, struct k2_err *err) {
    const struct lake_table *t = d->x->table;
    struct lake_manifest_reader reader = {0};
    int before = d->x->doomed.n, rc = K2_OK;
    for (int i = 0; i < t->snapshot_count && rc == K2_OK; i++)
        if (d->x->stays[i] && (all || t->snapshots[i].id == t->current_snapshot))
            rc = lake_kept_data(d->kept, t, &t->snapshots[i], err);
    for (int i = 0; i < d->data.n && rc == K2_OK; i++)
        rc = lake_manifest_read(&reader, t, &d->data.at[i], doom_entry, d, err);
    lake_manifest_reader_free(&reader);
    if (rc != K2_OK || all || d->x->doomed.n == before)
        return rc;
    while (d->x->doomed.n > before)
        free(d->x->doomed.at[--d->x->doomed.n]);
    k2_interner_reset(d->seen);
    return doom_data(d, true, err);
}

static K2_RC doom_files(struct dooming *d, struct k2_err *err) {
    const struct lake_table *t = d->x->table;
    K2_TRY(lake_kept_metadata(d->kept, t, d->x->stays, err));
    for (int i = 0; i < t->snapshot_count; i++)
        if (!d->x->stays[i])
            K2_TRY_CTX(doom_snapshot(d, &t->snapshots[i], err), err, "snapshot %lld",
                       (long long)t->snapshots[i].id);
    return doom_data(d, false, err);
}

static K2_RC find_doomed(struct expiring *x, struct k2_err *err) {
    struct lake_kept kept;
    struct dooming d = {.x = x, .kept = &kept, .seen = k2_interner_new()};
    lake_kept_init(&kept);
    int rc = doom_files(&d, err);
    for (int i = 0; i < x->doomed.n; i++) {
        int64_t size = k2_fs_size(x->doomed.at[i]);
        x->out.bytes += size > 0 ? size : 0;
    }
    x->out.files = x->doomed.n;
    lake_manifest_list_free(&d.data);
    k2_interner_free(d.seen);
    lake_kept_free(&kept);
    return rc;
}

/* --- the metadata without them --- */

static bool is_gone(const struct expiring *x, const struct k2_json *o) {
    int i = index_of(x->table, lake_json_int(o, "snapshot-id", 0));
    return i >= 0 && !x->stays[i];
}

static void remove_gone(const struct expiring *x, const char *key) {
    struct k2_json *list = k2_json_get(x->table->root, key);
    for (size_t i = k2_json_count(list); i-- > 0;)
        if (is_gone(x, k2_json_at(list, i)))
            k2_json_remove_at(list, i);
}

/* The table spec: entries before one whose snapshot has expired go too, so that the log has no
 * holes. */
static void cut_log(const struct expiring *x) {
    struct k2_json *log = k2_json_get(x->table->root, "snapshot-log");
    size_t from = k2_json_count(log);
    while (from > 0 && !is_gone(x, k2_json_at(log, from - 1)))
        from--;
    while (from-- > 0)
        k2_json_remove_at(log, 0);
}

static void change_metadata(const struct expiring *x) {
    remove_gone(x, "statistics");
    remove_gone(x, "partition-statistics");
    cut_log(x);
    remove_gone(x, "snapshots");
    lake_metadata_advance(x->table, x->options->now_ns / K2_NS_PER_MS);
}

/* --- one attempt --- */

static void tell(const struct expiring *x) {
    for (int i = 0; x->options->each && i < x->table->snapshot_count; i++)
        if (!x->stays[i])
            x->options->each(x->options->ctx, &x->table->snapshots[i]);
}

static K2_RC check_wish(const struct lake_table *t, struct k2_err *err) {
    const char *wish = lake_table_property(t, "gc.enabled");
    if (!wish || strcmp(wish, "false") != 0)
        return K2_OK;
    return k2_fail(
        err, K2_E_UNSUPPORTED,
        "table %s forbids it by its property gc.enabled = false: another table may share "
        "its files",
        t->name);
}

static K2_RC expire_loaded(struct expiring *x, bool *again, struct k2_err *err) {
    bool unsure;
    x->out = (struct lake_expired){.before = x->table->snapshot_count, .snapshots = choose(x)};
    if (x->out.snapshots == 0 || x->out.snapshots < x->options->least) {
        x->out.snapshots = 0;
        return K2_OK;
    }
    K2_TRY(check_wish(x->table, err));
    K2_TRY(find_doomed(x, err));
    if (!x->options->dry_run) {
        change_metadata(x);
        int rc = lake_metadata_swap(x->lake, x->table, &unsure, err);
        *again = rc == K2_E_CONFLICT;
        K2_TRY(rc);
        lake_paths_remove(&x->doomed);
    }
    tell(x);
    return K2_OK;
}

static K2_RC attempt(struct expiring *x, const char *table, bool *again, struct k2_err *err) {
    K2_TRY(lake_table_load(x->lake, k2_sv_of(table), &x->table, err));
    int rc = expire_loaded(x, again, err);
    lake_table_free(x->table);
    lake_paths_free(&x->doomed);
    free(x->stays);
    return rc;
}

K2_RC lake_expire(struct lake *l, const char *table, const struct lake_expire_options *o,
                  struct lake_expired *out, struct k2_err *err) {
    struct expiring x = {.lake = l, .options = o};
    int rc = K2_OK;
    bool again = true;
    for (int i = 0; i < ATTEMPTS && again; i++) {
        again = false;
        rc = attempt(&x, table, &again, err);
        if (again)
            lake_metadata_wait(i);
    }
    *out = x.out;
    return k2_err_context(err, rc, "expire snapshots of table %s", table);
}
