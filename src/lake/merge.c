/* Merging manifests: a plan reads each manifest that it cannot rule out, so thousands of small ones
 * (one a commit) are rewritten into few large ones. Entries keep their snapshot and their sequence
 * numbers and become EXISTING; entries that were DELETED by earlier snapshots are left out; order
 * is by trade date, so that the partition bounds of the merged manifests stay narrow. */
#include "lake/merge.h"

#include "base/fs.h"

#include <stdio.h>
#include <stdlib.h>

#define MIN_COUNT_DEFAULT 100
#define TARGET_DEFAULT (8 << 20) /* both Iceberg's */

struct gathered {
    int n, room;
    struct lake_entry *at;
};

void lake_paths_add(struct lake_paths *p, const char *path) {
    p->at = k2_realloc((void *)p->at, ((size_t)p->n + 1) * sizeof *p->at);
    p->at[p->n++] = k2_strdup(path);
}

void lake_paths_free(struct lake_paths *p) {
    for (int i = 0; i < p->n; i++)
        free(p->at[i]);
    free((void *)p->at);
    *p = (struct lake_paths){0};
}

void lake_paths_remove(const struct lake_paths *p) {
    for (int i = 0; i < p->n; i++)
        lake_file_remove(p->at[i]);
}

char *lake_manifest_path(const char *directory, int n) {
    char uuid[LAKE_UUID_TEXT], name[64];
    lake_uuid(uuid);
    (void)snprintf(name, sizeof name, "%s-m%d.avro", uuid, n);
    return k2_path(directory, name);
}

static K2_RC gather(void *ctx, struct lake_entry *e, struct k2_err *err) {
    (void)err;
    struct gathered *g = ctx;
    if (e->status == LAKE_DELETED)
        return K2_OK;
    if (g->n == g->room) {
        g->room = g->room ? 2 * g->room : 256;
        g->at = k2_realloc(g->at, (size_t)g->room * sizeof *g->at);
    }
    g->at[g->n] = *e;
    g->at[g->n++].status = LAKE_EXISTING;
    e->file = (struct lake_file){0};
    return K2_OK;
}

static void free_gathered(struct gathered *g) {
    for (int i = 0; i < g->n; i++)
        lake_file_free(&g->at[i].file);
    free(g->at);
}

static int by_date(const void *a, const void *b) {
    const struct lake_entry *x = a, *y = b;
    if (x->file.trade_date != y->file.trade_date)
        return x->file.trade_date < y->file.trade_date ? -1 : 1;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static bool mergeable(const struct lake_table *t, const struct lake_manifest *m, int64_t target) {
    return m->content == 0 && m->spec_id == t->spec_id && m->length < target && !m->encrypted;
}

static K2_RC gather_all(const struct lake_table *t, const struct lake_manifest_list *list,
                        int64_t target, struct gathered *g, struct k2_err *err) {
    struct lake_manifest_reader reader = {0};
    int rc = K2_OK;
    for (int i = 0; i < list->n && rc == K2_OK; i++)
        if (mergeable(t, &list->at[i], target))
            rc = lake_manifest_read(&reader, t, &list->at[i], gather, g, err);
    lake_manifest_reader_free(&reader);
    return rc;
}

static K2_RC write_part(const struct lake_table *t, const char *directory, int64_t snapshot,
                        const struct gathered *g, int from, int to, struct lake_manifest *row,
                        struct lake_paths *written, struct k2_err *err) {
    struct lake_manifest_writer w;
    lake_manifest_begin(&w, t, snapshot);
    for (int i = from; i < to; i++)
        lake_manifest_add(&w, &g->at[i]);
    char *path = lake_manifest_path(directory, written->n + 1);
    int rc = lake_manifest_finish(&w, t, path, row, err);
    if (rc == K2_OK)
        lake_paths_add(written, path);
    free(path);
    return rc;
}

/* The rows of the list that stay, then the merged ones. */
static K2_RC replace(const struct lake_table *t, const char *directory, int64_t snapshot,
                     int64_t target, int64_t parts, struct gathered *g,
                     struct lake_manifest_list *list, struct lake_paths *written,
                     struct k2_err *err) {
    struct lake_manifest_list kept = {0};
    qsort(g->at, (size_t)g->n, sizeof *g->at, by_date);
    for (int64_t i = 0; i < parts && g->n; i++) {
        struct lake_manifest row;
        int from = (int)(g->n * i / parts), to = (int)(g->n * (i + 1) / parts);
        if (from == to)
            continue;
        int rc = write_part(t, directory, snapshot, g, from, to, &row, written, err);
        if (rc != K2_OK) {
            lake_manifest_list_free(&kept);
            return rc;
        }
        lake_manifest_list_add(&kept, &row);
    }
    for (int i = 0; i < list->n; i++)
        if (!mergeable(t, &list->at[i], target))
            lake_manifest_list_add(&kept, &list->at[i]);
    lake_manifest_list_free(list);
    *list = kept;
    return K2_OK;
}

K2_RC lake_manifests_merge(const struct lake_table *t, const char *directory, int64_t snapshot,
                           struct lake_manifest_list *list, struct lake_paths *written,
                           struct k2_err *err) {
    const char *wish = lake_table_property(t, "commit.manifest-merge.enabled");
    int64_t target = lake_property_int(t, "commit.manifest.target-size-bytes", TARGET_DEFAULT);
    int64_t least = lake_property_int(t, "commit.manifest.min-count-to-merge", MIN_COUNT_DEFAULT);
    int64_t count = 0, bytes = 0;
    for (int i = 0; i < list->n; i++)
        if (mergeable(t, &list->at[i], target)) {
            count++;
            bytes += list->at[i].length;
        }
    if (count < 2 || count < least || (wish && strcmp(wish, "false") == 0))
        return K2_OK;
    struct gathered g = {0};
    int64_t parts = (bytes + target - 1) / target;
    int rc = gather_all(t, list, target, &g, err);
    if (rc == K2_OK)
        rc = replace(t, directory, snapshot, target, parts, &g, list, written, err);
    free_gathered(&g);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "merge %lld manifests", (long long)count);
}
