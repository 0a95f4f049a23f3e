/* query/compact.c - see compact.h.
 *
 * Each merge is planned on the table as it is then: what was merged before, and what a sink appended
 * meanwhile, is seen by the next plan, and there is no state between two runs.
 */
#include "query/query.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/metrics.h"
#include "query/compact_merge.h"

#include "codec/added.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>

enum { MOST_CONFLICTS = 5 };
#define OWN_MEMORY (INT64_C(512) << 20)

struct compaction {
    const char *data;
    const struct compact_options *options;
    struct compact_report *report;
    struct lake *lake;
    struct query_engine *engine;
    bool own_engine;
    struct k2_err failure; /* the first one; the run went on */
    /* of the table in hand */
    const struct k2_kind *kind;
    struct k2_kind *wide; /* with all the columns of the table */
    int32_t *left_out;
    int left_out_count, conflicts;
};

/* --- what can be merged --- */

/* Columns that we do not know would be lost; ones that the table lacks would be nobody's. */
static K2_RC check_columns(const struct lake_table *t, const struct k2_kind *wide,
                           struct k2_err *err) {
    struct lake_table_info info = lake_table_info(t);
    bool same = info.field_count == wide->field_count;
    for (int i = 0; same && i < info.field_count; i++) {
        int own = k2_field_by_id(wide, info.fields[i].id);
        same = own >= 0 && strcmp(wide->fields[own].name, info.fields[i].name) == 0;
    }
    return same ? K2_OK
                : k2_fail(err, K2_E_UNSUPPORTED,
                          "table %s has other columns than this version writes, so its files are "
                          "not merged",
                          info.name);
}

static int64_t written_at(const struct lake_file *f) {
    struct stat st;
    return stat(f->path, &st) == 0 ? st.st_mtim.tv_sec * K2_NS_PER_SEC + st.st_mtim.tv_nsec : 0;
}

static void choose(const struct compaction *c, const struct lake_plan *plan,
                   struct compact_group *out) {
    const struct compact_options *o = c->options;
    int time = k2_field_by_name(c->kind, K2_SV("exchange_timestamp"));
    int64_t *written = k2_alloc(((size_t)plan->file_count + 1) * sizeof *written);
    int64_t left = o->max_bytes - c->report->bytes_before;
    for (int i = 0; i < plan->file_count; i++)
        written[i] = written_at(&plan->files[i]);
    const struct compact_rule rule = {.target_bytes =
                                          o->target_bytes > 0 ? o->target_bytes : COMPACT_TARGET,
                                      .max_bytes = o->max_bytes > 0 ? left : 0,
                                      .eager = o->eager,
                                      .has_date = o->has_date,
                                      .trade_date = o->trade_date,
                                      .time_field = c->kind->fields[time].id,
                                      .now_ns = o->now_ns,
                                      .left_out = c->left_out,
                                      .left_out_count = c->left_out_count};
    compact_choose(plan, written, &rule, out);
    free(written);
}

static void leave_out(struct compaction *c, int32_t date) {
    c->left_out = k2_realloc(c->left_out, (size_t)(c->left_out_count + 1) * sizeof *c->left_out);
    c->left_out[c->left_out_count++] = date;
}

/* --- one merge --- */

static K2_RC need_engine(struct compaction *c, struct k2_err *err) {
    const struct query_options own = {.threads = 1, .memory_limit = OWN_MEMORY};
    if (c->engine)
        return K2_OK;
    c->own_engine = true;
    return query_open(c->data, &own, &c->engine, err);
}

static void make_commit_id(char out[48]) {
    uint64_t random[2];
    ssize_t n = getrandom(random, sizeof random, 0);
    K2_ASSERT(n == (ssize_t)sizeof random);
    snprintf(out, 48, "compact-%016" PRIx64 "%016" PRIx64, random[0], random[1]);
}

static K2_RC replace_files(struct compaction *c, const struct compact_job *j, struct k2_err *err) {
    char id[48];
    const struct compact_group *g = j->group;
    struct lake_file *removed = k2_alloc((size_t)g->n * sizeof *removed);
    for (int i = 0; i < g->n; i++)
        removed[i] = *g->files[i];
    make_commit_id(id);
    const struct lake_replace r = {.added = j->added,
                                   .added_count = j->added_count,
                                   .removed = removed,
                                   .removed_count = g->n,
                                   .commit_id = id,
                                   .now_ns = k2_now_ns()};
    int rc = lake_replace(c->lake, c->kind->table, &r, NULL, err);
    free(removed);
    if (rc == K2_E_CONFLICT)
        lake_files_discard(j->added, j->added_count);
    return rc;
}

static void tell(struct compaction *c, const struct compact_done *d) {
    struct compact_report *r = c->report;
    r->merges++;
    r->files_before += d->files_before;
    r->files_after += d->files_after;
    r->rows += d->rows;
    r->bytes_before += d->bytes_before;
    r->bytes_after += d->bytes_after > 0 ? d->bytes_after : 0;
    if (c->options->each)
        c->options->each(c->options->ctx, d);
}

static void count(const struct compact_done *d) {
    char date[K2_DATE_TEXT], before[16], after[16];
    k2_metric_add(k2_metric(K2_METRIC_compact_commits, d->table, NULL), 1);
    k2_metric_add(k2_metric(K2_METRIC_compact_files_replaced, d->table, NULL), d->files_before);
    k2_metric_add(k2_metric(K2_METRIC_compact_files, d->table, NULL), d->files_after);
    k2_metric_add(k2_metric(K2_METRIC_compact_read_bytes, d->table, NULL), d->bytes_before);
    k2_metric_add(k2_metric(K2_METRIC_compact_written_bytes, d->table, NULL), d->bytes_after);
    k2_date_format(d->trade_date, date);
    snprintf(before, sizeof before, "%d", d->files_before);
    snprintf(after, sizeof after, "%d", d->files_after);
    k2_log(K2_LOG_INFO, "files are merged", "table", d->table, "trade_date", date, "files", before,
           "into", after, NULL);
}

static K2_RC merge(struct compaction *c, const struct lake_table *t, const struct compact_group *g,
                   struct k2_err *err) {
    struct compact_done done = {.table = c->kind->table,
                                .trade_date = g->trade_date,
                                .files_before = g->n,
                                .files_after = g->pieces,
                                .rows = g->rows,
                                .bytes_before = g->bytes,
                                .bytes_after = -1};
    if (c->options->dry_run) {
        leave_out(c, g->trade_date);
        tell(c, &done);
        return K2_OK;
    }
    K2_TRY(need_engine(c, err));
    struct compact_job j = {
        .engine = c->engine, .table = t, .kind = c->wide, .group = g, .options = c->options};
    K2_TRY(compact_write(&j, err));
    int rc = replace_files(c, &j, err);
    done.files_after = j.added_count;
    done.bytes_after = 0;
    for (int i = 0; i < j.added_count; i++)
        done.bytes_after += j.added[i].bytes;
    lake_files_free(j.added, j.added_count);
    K2_TRY(rc);
    count(&done);
    tell(c, &done);
    return K2_OK;
}

/* --- a table --- */

static void note_failure(struct compaction *c, const struct k2_err *why) {
    if (c->failure.status == K2_OK || why->status == K2_E_CANCELLED)
        c->failure = *why;
}

/* What failed: a race is run again, anything else leaves the partition as it is. Gives what ends the run. */
static K2_RC settle(struct compaction *c, int rc, const struct compact_group *g,
                    const struct k2_err *why, struct k2_err *err) {
    if (rc == K2_OK)
        return K2_OK;
    if (rc == K2_E_CANCELLED) {
        *err = *why;
        return rc;
    }
    bool race = rc == K2_E_CONFLICT || rc == K2_E_NOTFOUND;
    c->report->conflicts += race;
    if (race && ++c->conflicts < MOST_CONFLICTS)
        return K2_OK;
    leave_out(c, g->trade_date);
    note_failure(c, why);
    return K2_OK;
}

static bool is_spent(const struct compaction *c) {
    return c->options->max_bytes > 0 && c->report->bytes_before >= c->options->max_bytes;
}

static K2_RC merge_next(struct compaction *c, const struct lake_table *t, bool *done,
                        struct k2_err *err) {
    struct lake_plan plan = {0};
    struct compact_group g;
    struct k2_err why = {0};
    if (lake_table_info(t).current_snapshot != 0)
        K2_TRY(lake_plan(t, 0, NULL, 0, &plan, err));
    choose(c, &plan, &g);
    *done = g.n == 0 || is_spent(c);
    c->report->more |= g.n > 0 && *done;
    int rc = *done ? K2_OK : merge(c, t, &g, &why);
    rc = settle(c, rc, &g, &why, err);
    compact_group_free(&g);
    lake_plan_free(&plan);
    return rc;
}

static K2_RC compact_table(struct compaction *c, struct k2_err *err) {
    int rc = K2_OK;
    c->left_out_count = c->conflicts = 0;
    for (bool done = false; rc == K2_OK && !done;) {
        struct lake_table *t;
        K2_TRY(lake_table_load(c->lake, k2_sv_of(c->kind->table), &t, err));
        rc = lake_table_kind(t, c->kind, &c->wide, err);
        if (rc == K2_OK)
            rc = check_columns(t, c->wide, err);
        if (rc == K2_OK)
            rc = merge_next(c, t, &done, err);
        k2_kind_narrow(c->wide);
        c->wide = NULL;
        lake_table_free(t);
    }
    return rc;
}

/* --- the run --- */

static bool is_there(struct compaction *c, const char *table) {
    struct lake_table *t;
    bool there = lake_table_load(c->lake, k2_sv_of(table), &t, NULL) == K2_OK;
    if (there)
        lake_table_free(t);
    return there;
}

static K2_RC compact_tables(struct compaction *c, struct k2_err *err) {
    const char *only = c->options->table;
    if (only && !k2_kind_by_table(k2_sv_of(only)))
        return k2_fail(err, K2_E_UNSUPPORTED, "table %s is not one that k2 writes", only);
    for (int i = 0; i < K2_KIND_COUNT; i++) {
        c->kind = k2_kind((enum k2_kind_id)i);
        if (only ? strcmp(only, c->kind->table) != 0 : !is_there(c, c->kind->table))
            continue;
        struct k2_err why = {0};
        int rc = compact_table(c, &why);
        if (rc != K2_OK) {
            (void)k2_err_context(&why, rc, "compact table %s", c->kind->table);
            note_failure(c, &why);
        }
        if (rc == K2_E_CANCELLED)
            break;
    }
    return K2_OK;
}

static K2_RC take_lock(const char *data, struct k2_lock **lock, struct k2_err *err) {
    char *directory = k2_path(data, "run"), *path = k2_path(data, "run/compact.lock");
    int rc = k2_fs_mkdirs(directory, err);
    if (rc == K2_OK)
        rc = k2_lock_take(path, "compaction", lock, err);
    free(directory);
    free(path);
    return rc;
}

K2_RC compact_run(const char *data, struct query_engine *q, const struct compact_options *o,
                  struct compact_report *out, struct k2_err *err) {
    struct compaction c = {.data = data, .options = o, .report = out, .engine = q};
    struct k2_lock *lock = NULL;
    *out = (struct compact_report){0};
    K2_TRY(lake_open(data, false, &c.lake, err));
    int rc = o->dry_run ? K2_OK : take_lock(data, &lock, err);
    if (rc == K2_OK)
        rc = compact_tables(&c, err);
    if (c.own_engine)
        query_close(c.engine);
    k2_lock_release(lock);
    lake_close(c.lake);
    free(c.left_out);
    if (rc == K2_OK && c.failure.status != K2_OK) {
        rc = c.failure.status;
        if (err)
            *err = c.failure;
    }
    return rc;
}
