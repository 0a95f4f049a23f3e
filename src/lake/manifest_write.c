/* Writing manifests (schema in manifest_schema.h), file metadata: schema, schema-id,
 * partition-spec, partition-spec-id, format-version, content. Sequence numbers of added entries are
 * left null: they are inherited from the manifest list, so a manifest stays valid when a lost race
 * makes its commit try again under another number. */
#include "codec/codec.h"
#include "lake/manifest.h"
#include "lake/manifest_schema.h"

#include <stdio.h>
#include <stdlib.h>

static void put_optional_long(struct k2_buf *b, bool there, int64_t v) {
    k2_avro_put_long(b, there);
    if (there)
        k2_avro_put_long(b, v);
}

/* --- metrics: each is a map column id -> value, without the columns that lack it --- */

enum metric { COLUMN_SIZES, VALUE_COUNTS, NULL_COUNTS, LOWER_BOUNDS, UPPER_BOUNDS };

static bool has_metric(const struct parquet_metrics *m, enum metric which) {
    const int64_t marks[] = {m->column_size, m->value_count, m->null_count, m->lower_n, m->upper_n};
    return marks[which] >= 0;
}

static void put_metric(struct k2_buf *b, const struct parquet_metrics *m, enum metric which) {
    k2_avro_put_long(b, m->field_id);
    switch (which) {
    case COLUMN_SIZES:
        k2_avro_put_long(b, m->column_size);
        break;
    case VALUE_COUNTS:
        k2_avro_put_long(b, m->value_count);
        break;
    case NULL_COUNTS:
        k2_avro_put_long(b, m->null_count);
        break;
    case LOWER_BOUNDS:
        k2_avro_put_bytes(b, (struct k2_sv){(const char *)m->lower, (size_t)m->lower_n});
        break;
    case UPPER_BOUNDS:
        k2_avro_put_bytes(b, (struct k2_sv){(const char *)m->upper, (size_t)m->upper_n});
        break;
    }
}

static void put_metrics(struct k2_buf *b, const struct lake_file *f, enum metric which) {
    int n = 0;
    for (int i = 0; i < f->metric_count; i++)
        n += has_metric(&f->metrics[i], which);
    k2_avro_put_long(b, n > 0);
    if (n == 0)
        return;
    k2_avro_put_long(b, n);
    for (int i = 0; i < f->metric_count; i++)
        if (has_metric(&f->metrics[i], which))
            put_metric(b, &f->metrics[i], which);
    k2_avro_put_long(b, 0);
}

static void put_splits(struct k2_buf *b, const struct lake_file *f) {
    k2_avro_put_long(b, f->split_count > 0);
    if (f->split_count == 0)
        return;
    k2_avro_put_long(b, f->split_count);
    for (int i = 0; i < f->split_count; i++)
        k2_avro_put_long(b, f->splits[i]);
    k2_avro_put_long(b, 0);
}

static void put_file(struct k2_buf *b, const struct lake_entry *e) {
    const struct lake_file *f = &e->file;
    char *location = lake_location_of(f->path);
    k2_avro_put_long(b, 0); /* content: data */
    k2_avro_put_bytes(b, k2_sv_of(location));
    free(location);
    k2_avro_put_bytes(b, K2_SV("PARQUET"));
    put_optional_long(b, e->has_date, f->trade_date);
    k2_avro_put_long(b, f->rows);
    k2_avro_put_long(b, f->bytes);
    put_metrics(b, f, COLUMN_SIZES);
    put_metrics(b, f, VALUE_COUNTS);
    put_metrics(b, f, NULL_COUNTS);
    k2_avro_put_long(b, 0); /* nan_value_counts: no column of ours is a float */
    put_metrics(b, f, LOWER_BOUNDS);
    put_metrics(b, f, UPPER_BOUNDS);
    k2_avro_put_long(b, 0); /* key_metadata */
    put_splits(b, f);
    k2_avro_put_long(b, 0); /* equality_ids */
    put_optional_long(b, f->sort_order_id > 0, f->sort_order_id);
}

/* --- the manifest --- */

void lake_manifest_begin(struct lake_manifest_writer *w, const struct lake_table *t,
                         int64_t snapshot) {
    *w = (struct lake_manifest_writer){.min_date = INT32_MAX, .max_date = INT32_MIN};
    w->row.spec_id = t->spec_id;
    w->row.added_snapshot = snapshot;
    w->row.sequence = -1; /* known when the commit is: commit.c */
    w->row.min_sequence = INT64_MAX;
    w->row.summaries = k2_zalloc(sizeof *w->row.summaries);
    w->row.summaries[0] = (struct lake_summary){.contains_nan = 0, .lower.n = -1, .upper.n = -1};
    w->row.summary_count = 1;
}

static void count(struct lake_manifest_writer *w, const struct lake_entry *e) {
    struct lake_manifest *row = &w->row;
    int64_t *files[] = {&row->existing_files, &row->added_files, &row->deleted_files};
    int64_t *rows[] = {&row->existing_rows, &row->added_rows, &row->deleted_rows};
    *files[e->status] += 1;
    *rows[e->status] += e->file.rows;
    if (e->status == LAKE_EXISTING && e->sequence < row->min_sequence)
        row->min_sequence = e->sequence;
    if (!e->has_date) {
        row->summaries[0].contains_null = true;
        return;
    }
    w->min_date = e->file.trade_date < w->min_date ? e->file.trade_date : w->min_date;
    w->max_date = e->file.trade_date > w->max_date ? e->file.trade_date : w->max_date;
}

void lake_manifest_add(struct lake_manifest_writer *w, const struct lake_entry *e) {
    bool added = e->status == LAKE_ADDED;
    k2_avro_put_long(&w->records, e->status);
    put_optional_long(&w->records, true, e->snapshot);
    put_optional_long(&w->records, !added, e->sequence);
    put_optional_long(&w->records, !added, e->file_sequence);
    put_file(&w->records, e);
    count(w, e);
}

static void set_bound(struct lake_blob *b, int32_t date) {
    b->n = sizeof date;
    b->p = k2_alloc(sizeof date);
    memcpy(b->p, &date, sizeof date); /* Iceberg's single values are little-endian, as we are */
}

static K2_RC format(struct lake_manifest_writer *w, const struct lake_table *t, struct k2_buf *out,
                    struct k2_err *err) {
    struct k2_buf schema = {0}, spec = {0};
    char schema_id[16], spec_id[16];
    k2_json_dump(t->schema, &schema);
    k2_json_dump(k2_json_get(t->spec, "fields"), &spec);
    (void)snprintf(schema_id, sizeof schema_id, "%d", t->schema_id);
    (void)snprintf(spec_id, sizeof spec_id, "%d", t->spec_id);
    const struct lake_ocf_pair pairs[] = {
        {"schema", k2_buf_view(&schema)},       {"schema-id", k2_sv_of(schema_id)},
        {"partition-spec", k2_buf_view(&spec)}, {"partition-spec-id", k2_sv_of(spec_id)},
        {"format-version", K2_SV("2")},         {"content", K2_SV("data")}};
    int rc =
        lake_ocf_write(LAKE_ENTRY_SCHEMA, pairs, 6, k2_buf_view(&w->records),
                       w->row.added_files + w->row.existing_files + w->row.deleted_files, out, err);
    k2_buf_free(&schema);
    k2_buf_free(&spec);
    return rc;
}

K2_RC lake_manifest_finish(struct lake_manifest_writer *w, const struct lake_table *t,
                           const char *path, struct lake_manifest *row, struct k2_err *err) {
    struct k2_buf file = {0};
    int rc = format(w, t, &file, err);
    if (rc == K2_OK)
        rc = lake_file_write(path, k2_buf_view(&file), err);
    if (rc == K2_OK) {
        w->row.location = lake_location_of(path);
        w->row.length = (int64_t)file.n;
        if (w->min_date <= w->max_date) {
            set_bound(&w->row.summaries[0].lower, w->min_date);
            set_bound(&w->row.summaries[0].upper, w->max_date);
        }
        *row = w->row;
        w->row = (struct lake_manifest){0};
    }
    k2_buf_free(&file);
    lake_manifest_writer_free(w);
    return rc;
}

void lake_manifest_writer_free(struct lake_manifest_writer *w) {
    k2_buf_free(&w->records);
    lake_manifest_free(&w->row);
    *w = (struct lake_manifest_writer){0};
}
