/* A lake in a fresh directory, data files that hold nothing but a size, and commits of them. */
#ifndef LAKE_FIXTURE_H
#define LAKE_FIXTURE_H

#include "base/clock.h"
#include "base/fs.h"
#include "k2test.h"
#include "lake/lake_int.h"

struct fixture {
    char *dir;
    struct lake *lake;
    const struct k2_kind *kind;
    int commits;
};

static inline struct fixture fixture_new(void) {
    struct k2_err err = {0};
    struct fixture f = {.dir = k2test_dir(), .kind = k2_kind(K2_KIND_TRADE)};
    CHECK_OK(lake_open(f.dir, true, &f.lake, &err), &err);
    CHECK_OK(lake_table_ensure(f.lake, f.kind, &err), &err);
    return f;
}

static inline void fixture_free(struct fixture *f) {
    lake_close(f->lake);
    k2test_rmdir(f->dir);
}

static inline struct lake_table *fixture_load(struct fixture *f) {
    struct k2_err err = {0};
    struct lake_table *t = NULL;
    CHECK_OK(lake_table_load(f->lake, K2_SV("trades"), &t, &err), &err);
    return t;
}

static inline void metric_long(struct parquet_metrics *m, int id, int64_t low, int64_t high) {
    *m = (struct parquet_metrics){.field_id = id, .column_size = 10, .value_count = 100};
    m->lower_n = m->upper_n = 8;
    memcpy(m->lower, &low, 8);
    memcpy(m->upper, &high, 8);
}

static inline void metric_bytes(struct parquet_metrics *m, int id, const char *low,
                                const char *high) {
    *m = (struct parquet_metrics){.field_id = id, .column_size = 10, .value_count = 100};
    m->lower_n = (int)strlen(low);
    m->upper_n = (int)strlen(high);
    memcpy(m->lower, low, strlen(low));
    memcpy(m->upper, high, strlen(high));
}

/* A data file of one partition with bounds on symbol (id 2) and sequence number (id 9). */
static inline struct lake_file fixture_file(struct fixture *f, int32_t date, int64_t first,
                                            int64_t last) {
    struct k2_err err = {0};
    struct lake_file file = {.trade_date = date, .rows = 100, .bytes = 12, .sort_order_id = 1};
    struct lake_table *t = fixture_load(f);
    CHECK_OK(lake_data_path(t, date, &file.path, &err), &err);
    lake_table_free(t);
    CHECK_OK(k2_fs_create(file.path, K2_SV("PAR1....PAR1"), &err), &err);
    file.metric_count = 2;
    file.metrics = k2_zalloc(2 * sizeof *file.metrics);
    metric_bytes(&file.metrics[0], 2, "AAA", "MMM");
    metric_long(&file.metrics[1], 9, first, last);
    file.split_count = 1;
    file.splits = k2_zalloc(sizeof *file.splits);
    file.splits[0] = 4;
    return file;
}

/* Commits the files, moving the vector of topic "t" partition 0 from `from` to `to`. */
static inline int fixture_try(struct fixture *f, struct lake *l, const struct lake_file *files,
                              int n, int64_t from, int64_t to, const char *commit_id,
                              int64_t *snapshot, struct k2_err *err) {
    struct lake_offsets before = {.journal_id = from ? 7 : 0}, after = {.journal_id = 7};
    if (from)
        lake_offsets_set(&before, "t", 0, from);
    lake_offsets_set(&after, "t", 0, to);
    struct lake_append a = {.files = files,
                            .file_count = n,
                            .from = &before,
                            .to = &after,
                            .commit_id = commit_id,
                            .now_ns = k2_now_ns()};
    f->commits++;
    int rc = lake_append(l, "trades", &a, snapshot, err);
    lake_offsets_free(&before);
    lake_offsets_free(&after);
    return rc;
}

/* The n-th commit (from 0) of one file: the vector goes from n to n + 1. */
static inline int64_t fixture_commit(struct fixture *f, int32_t date, int64_t first, int64_t last) {
    struct k2_err err = {0};
    struct lake_file file = fixture_file(f, date, first, last);
    char id[32];
    int64_t snapshot = 0;
    int n = f->commits;
    (void)snprintf(id, sizeof id, "commit-%d", n);
    CHECK_OK(fixture_try(f, f->lake, &file, 1, n, n + 1, id, &snapshot, &err), &err);
    lake_file_free(&file);
    return snapshot;
}

static inline int fixture_count(const char *directory, const char *ending) {
    struct k2_err err = {0};
    char **names;
    size_t n;
    int found = 0;
    CHECK_OK(k2_fs_list(directory, &names, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        found += k2_sv_ends(k2_sv_of(names[i]), k2_sv_of(ending));
    k2_fs_names_free(names, n);
    return found;
}

#endif
