/* lake/data_file.c - a data file of a kind's table, from its path to its description. */
#include "lake/lake.h"

#include <stdlib.h>

enum { ROW_GROUP_ROWS = 122880 };

struct lake_data_writer {
    struct parquet_writer *parquet;
    char *path;
    int32_t trade_date;
};

static int column(const struct k2_kind *kind, const char *name) {
    int i = k2_field_by_name(kind, k2_sv_of(name));
    K2_ASSERT(i >= 0);
    return i;
}

K2_RC lake_data_begin(const struct lake_table *t, const struct k2_kind *kind, int32_t trade_date,
                      int zstd_level, struct lake_data_writer **out, struct k2_err *err) {
    struct parquet_column columns[K2_MAX_FIELDS];
    lake_parquet_columns(kind, columns);
    const int sort[] = {column(kind, "exchange_timestamp"),
                        column(kind, "exchange_sequence_number"),
                        column(kind, "symbol"),
                        column(kind, "channel"),
                        column(kind, "epoch"),
                        column(kind, "part")};
    const struct parquet_options o = {.zstd_level = zstd_level,
                                      .row_group_rows = ROW_GROUP_ROWS,
                                      .sort_columns = sort,
                                      .sort_count = sizeof sort / sizeof *sort};
    struct lake_data_writer *w = k2_zalloc(sizeof *w);
    w->trade_date = trade_date;
    int rc = lake_data_path(t, trade_date, &w->path, err);
    if (rc == K2_OK)
        rc = parquet_open(w->path, columns, kind->field_count, &o, &w->parquet, err);
    if (rc == K2_OK)
        *out = w;
    else
        lake_data_drop(w);
    return rc;
}

K2_RC lake_data_write(struct lake_data_writer *w, const void *const *data, size_t rows,
                      const struct k2_interner *in, struct k2_err *err) {
    return parquet_write(w->parquet, data, rows, in, err);
}

static void *copy_of(const void *p, size_t n) {
    void *copy = k2_alloc(n);
    if (n)
        memcpy(copy, p, n);
    return copy;
}

static void describe(struct lake_data_writer *w, struct lake_file *out) {
    struct parquet_info info = parquet_info(w->parquet);
    *out = (struct lake_file){
        .path = w->path,
        .trade_date = w->trade_date,
        .rows = info.rows,
        .bytes = info.bytes,
        .sort_order_id = 1,
        .metric_count = info.metric_count,
        .split_count = info.split_count,
        .metrics = copy_of(info.metrics, (size_t)info.metric_count * sizeof *info.metrics),
        .splits = copy_of(info.splits, (size_t)info.split_count * sizeof *info.splits),
    };
    w->path = NULL;
}

K2_RC lake_data_end(struct lake_data_writer *w, struct lake_file *out, struct k2_err *err) {
    int rc = parquet_close(w->parquet, err);
    if (rc == K2_OK)
        describe(w, out);
    lake_data_drop(w);
    return rc;
}

void lake_data_drop(struct lake_data_writer *w) {
    if (!w)
        return;
    parquet_free(w->parquet);
    free(w->path);
    free(w);
}
