/* Planning: which files of a snapshot may hold rows that satisfy all filters.
 *
 * Two sieves: the manifest list's partition bounds decide which manifests are read at all, then
 * each file's partition value, null counts and column bounds. A filter on a column we do not know,
 * or on a type whose order we do not know, lets everything through. */
#include "lake/filter.h"
#include "lake/manifest.h"

#include <stdlib.h>

struct wanted { /* a filter that can prune */
    const struct lake_filter *filter;
    const char *type;
    bool partition; /* it is on the partition's source column */
};

struct planning {
    const struct lake_table *table;
    struct wanted *wanted;
    int wanted_count;
    struct lake_plan *plan;
    int room;
};

/* --- filters --- */

static const char *type_of(const struct lake_table *t, int field_id) {
    for (int i = 0; i < t->field_count; i++)
        if (t->fields[i].id == field_id)
            return t->fields[i].type;
    return "";
}

static bool is_partition(const struct lake_table *t, int field_id) {
    for (int i = 0; i < t->field_count; i++)
        if (t->fields[i].id == field_id)
            return strcmp(t->fields[i].name, LAKE_PARTITION_COLUMN) == 0;
    return false;
}

static void choose(struct planning *p, const struct lake_filter *filters, int n) {
    p->wanted = k2_zalloc(((size_t)n + 1) * sizeof *p->wanted);
    for (int i = 0; i < n; i++) {
        const char *type = type_of(p->table, filters[i].field_id);
        enum lake_bound_kind kind = filters[i].is_string ? LAKE_BOUND_STRING : LAKE_BOUND_NUMBER;
        if (lake_type_kind(type) != kind)
            continue;
        p->wanted[p->wanted_count++] =
            (struct wanted){.filter = &filters[i],
                            .type = type,
                            .partition = is_partition(p->table, filters[i].field_id)};
    }
}

/* --- manifests --- */

static bool manifest_possible(const struct planning *p, const struct lake_manifest *m) {
    int at, source;
    const char *name;
    if (lake_manifest_live_files(m) == 0)
        return false;
    if (!lake_spec_partition(p->table, m->spec_id, &at, &source, &name) || at < 0 ||
        at >= m->summary_count)
        return true;
    const struct lake_summary *s = &m->summaries[at];
    for (int i = 0; i < p->wanted_count; i++) {
        const struct wanted *w = &p->wanted[i];
        if (!w->partition)
            continue;
        struct lake_bound lower = lake_bound_decode(w->type, (uint8_t *)s->lower.p, s->lower.n);
        struct lake_bound upper = lake_bound_decode(w->type, (uint8_t *)s->upper.p, s->upper.n);
        if (!lake_filter_possible(w->filter, &lower, &upper))
            return false;
    }
    return true;
}

/* --- files --- */

static const struct parquet_metrics *metrics_of(const struct lake_file *f, int field_id) {
    for (int i = 0; i < f->metric_count; i++)
        if (f->metrics[i].field_id == field_id)
            return &f->metrics[i];
    return NULL;
}

static bool file_possible(const struct planning *p, const struct lake_entry *e) {
    struct lake_bound day = {.kind = LAKE_BOUND_NUMBER, .number = e->file.trade_date};
    for (int i = 0; i < p->wanted_count; i++) {
        const struct wanted *w = &p->wanted[i];
        if (w->partition && e->has_date && !lake_filter_possible(w->filter, &day, &day))
            return false;
        const struct parquet_metrics *m = metrics_of(&e->file, w->filter->field_id);
        if (!m)
            continue;
        if (m->value_count >= 0 && m->value_count == m->null_count)
            return false; /* no comparison is true of null */
        struct lake_bound lower = lake_bound_decode(w->type, m->lower, m->lower_n);
        struct lake_bound upper = lake_bound_decode(w->type, m->upper, m->upper_n);
        if (!lake_filter_possible(w->filter, &lower, &upper))
            return false;
    }
    return true;
}

static K2_RC take_entry(void *ctx, struct lake_entry *e, struct k2_err *err) {
    (void)err;
    struct planning *p = ctx;
    struct lake_plan *plan = p->plan;
    if (e->status == LAKE_DELETED || !file_possible(p, e))
        return K2_OK;
    if (plan->file_count == p->room) {
        p->room = p->room ? 2 * p->room : 64;
        plan->files = k2_realloc(plan->files, (size_t)p->room * sizeof *plan->files);
    }
    plan->files[plan->file_count++] = e->file;
    e->file = (struct lake_file){0};
    return K2_OK;
}

static int by_path(const void *a, const void *b) {
    const struct lake_file *x = a, *y = b;
    return strcmp(x->path, y->path);
}

/* --- the plan --- */

/* A manifest that does not say its counts is read to know them, so the totals are always exact. */
struct counting {
    int files;
    int64_t rows;
};

static K2_RC count_entry(void *ctx, struct lake_entry *e, struct k2_err *err) {
    (void)err;
    struct counting *c = ctx;
    c->files += e->status != LAKE_DELETED;
    c->rows += e->status != LAKE_DELETED ? e->file.rows : 0;
    return K2_OK;
}

static K2_RC add_totals(struct planning *p, struct lake_manifest_reader *r,
                        const struct lake_manifest *m, struct k2_err *err) {
    int64_t files = lake_manifest_live_files(m), rows = lake_manifest_live_rows(m);
    struct counting c = {(int)files, rows};
    if (files < 0 || rows < 0) {
        c = (struct counting){0};
        K2_TRY(lake_manifest_read(r, p->table, m, count_entry, &c, err));
    }
    p->plan->files_total += c.files;
    p->plan->rows_total += c.rows;
    return K2_OK;
}

static K2_RC plan_list(struct planning *p, const struct lake_manifest_list *list,
                       struct k2_err *err) {
    struct lake_manifest_reader reader = {0};
    int rc = K2_OK;
    p->plan->manifests_total = list->n;
    for (int i = 0; i < list->n && rc == K2_OK; i++) {
        const struct lake_manifest *m = &list->at[i];
        rc = add_totals(p, &reader, m, err);
        if (rc != K2_OK || !manifest_possible(p, m))
            continue;
        p->plan->manifests_read++;
        rc = lake_manifest_read(&reader, p->table, m, take_entry, p, err);
    }
    lake_manifest_reader_free(&reader);
    return rc;
}

static K2_RC plan_snapshot(struct planning *p, const struct lake_snapshot *s, struct k2_err *err) {
    struct lake_manifest_list list = {0};
    K2_TRY(lake_manifest_list_load(s->manifest_list, &list, err));
    int rc = plan_list(p, &list, err);
    lake_manifest_list_free(&list);
    K2_TRY(rc);
    if (p->plan->file_count)
        qsort(p->plan->files, (size_t)p->plan->file_count, sizeof *p->plan->files, by_path);
    p->plan->bytes_total = lake_summary_number(s, p->table, "total-files-size");
    return K2_OK;
}

K2_RC lake_plan(const struct lake_table *t, int64_t snapshot, const struct lake_filter *filters,
                int n, struct lake_plan *out, struct k2_err *err) {
    struct lake_plan plan = {0};
    struct planning p = {.table = t, .plan = &plan};
    struct lake_snapshot s;
    int64_t id = snapshot ? snapshot : t->current_snapshot;
    if (id) {
        K2_TRY(lake_snapshot_find(t, id, &s, err));
        choose(&p, filters, n);
        int rc = plan_snapshot(&p, &s, err);
        free(p.wanted);
        if (rc != K2_OK) {
            lake_plan_free(&plan);
            return k2_err_context(err, rc, "plan snapshot %lld of table %s", (long long)id,
                                  t->name);
        }
    }
    *out = plan;
    return K2_OK;
}

void lake_plan_free(struct lake_plan *p) {
    lake_files_free(p->files, p->file_count);
    *p = (struct lake_plan){0};
}
