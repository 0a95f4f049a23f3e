/* query/files.c - the files a query reads of one table: per scan those that may match its filters,
 * together the union over the scans, because all scans of a table read one view. */
#include "query/query_int.h"

#include <stdlib.h>

struct choice {
    int scan_count;
    struct lake_plan *plans;        /* one per scan of the table */
    const struct lake_file **files; /* the union, in path order; borrowed from the plans */
    int file_count;
};

static int by_path(const void *a, const void *b) {
    const struct lake_file *x = *(const struct lake_file *const *)a;
    const struct lake_file *y = *(const struct lake_file *const *)b;
    return strcmp(x->path, y->path);
}

static void unite(struct choice *c) {
    size_t room = 1;
    for (int i = 0; i < c->scan_count; i++)
        room += (size_t)c->plans[i].file_count;
    c->files = k2_alloc(room * sizeof *c->files);
    int n = 0;
    for (int i = 0; i < c->scan_count; i++)
        for (int k = 0; k < c->plans[i].file_count; k++)
            c->files[n++] = &c->plans[i].files[k];
    qsort(c->files, (size_t)n, sizeof *c->files, by_path);
    for (int i = 0; i < n; i++)
        if (i == 0 || strcmp(c->files[i]->path, c->files[c->file_count - 1]->path) != 0)
            c->files[c->file_count++] = c->files[i];
}

static void print_filters(const struct prune_scan *scan, const struct lake_table_info *info,
                          struct query_scan *out) {
    struct k2_buf text = {0};
    prune_filters_print(scan, info, &text);
    snprintf(
        out->filters, sizeof out->filters, "%s%.*s", text.n >= sizeof out->filters ? "..." : "",
        (int)(text.n < sizeof out->filters ? text.n : sizeof out->filters - 4), k2_buf_cstr(&text));
    k2_buf_free(&text);
}

static int plan_scan(const struct query_source *s, const struct prune_scan *scan, struct choice *c,
                     struct query_scan *out, struct k2_err *err) {
    struct lake_table_info info = lake_table_info(s->table);
    struct prune_filters filters;
    prune_filters_make(scan, &info, &filters);
    struct lake_plan plan = {0};
    int rc = lake_plan(s->table, s->snapshot, filters.filters, filters.n, &plan, err);
    if (rc == K2_OK) {
        c->plans = k2_realloc(c->plans, (size_t)(c->scan_count + 1) * sizeof *c->plans);
        c->plans[c->scan_count++] = plan;
        out->files_total = plan.files_total;
        out->bytes_total = plan.bytes_total;
    }
    prune_filters_free(&filters);
    print_filters(scan, &info, out);
    return rc;
}

static int plan_scans(const struct query_source *s, const struct prune_plan *plan, struct choice *c,
                      struct query_scan *out, struct k2_err *err) {
    if (!s->snapshot)
        return K2_OK;
    for (int i = 0; i < plan->scan_count; i++)
        if (strcmp(plan->scans[i].table, s->name) == 0)
            K2_TRY_CTX(plan_scan(s, &plan->scans[i], c, out, err), err, "table %s", s->name);
    if (c->scan_count > 1)
        snprintf(out->filters, sizeof out->filters, "%d scans, each with its own", c->scan_count);
    return K2_OK;
}

/* The journal positions that the snapshot covers, if it says. */
static int tell_offsets(const struct query_source *s, struct query_scan *scan, struct k2_err *err) {
    struct lake_offsets offsets = {0};
    struct k2_buf text = {0};
    if (s->snapshot)
        K2_TRY(lake_snapshot_offsets(s->table, s->snapshot, &offsets, err));
    if (offsets.n)
        lake_offsets_format(&offsets, &text);
    scan->offsets = offsets.n ? k2_strdup(k2_buf_cstr(&text)) : NULL;
    k2_buf_free(&text);
    lake_offsets_free(&offsets);
    return K2_OK;
}

K2_RC query_files_apply(struct query_engine *q, const struct query_source *source,
                        const struct prune_plan *plan, bool groups, struct query_scan *scan,
                        struct query_reads *reads, struct k2_err *err) {
    struct choice c = {0};
    scan->snapshot = source->snapshot;
    int rc = plan_scans(source, plan, &c, scan, err);
    if (rc == K2_OK) {
        unite(&c);
        scan->files_read = c.file_count;
        for (int i = 0; i < c.file_count; i++)
            scan->bytes_read += c.files[i]->bytes;
        query_reads_add(reads, c.files, c.file_count);
        rc = query_view_files(q, source, c.files, c.file_count, err);
    }
    if (rc == K2_OK && groups)
        rc = query_groups_count(q, source, plan, c.files, c.file_count, scan, err);
    if (rc == K2_OK && groups)
        rc = tell_offsets(source, scan, err);
    for (int i = 0; i < c.scan_count; i++)
        lake_plan_free(&c.plans[i]);
    free(c.plans);
    free(c.files);
    return rc;
}
