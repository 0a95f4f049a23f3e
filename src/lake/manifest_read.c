/* Reading manifests: Avro container files <table>/metadata/<uuid>-m<n>.avro with one record a data
 * file. What a record does not say it inherits from its row in the manifest list (Iceberg Table
 * Spec, "Sequence Number Inheritance"): an ADDED entry's sequence numbers, and any entry's
 * snapshot.
 *
 * Validity: as a container file (ocf.c), and every entry has status, path, row count and size;
 * bounds that are longer than we keep are cut (lower) or dropped (upper): both stay true. */
#include "lake/manifest.h"

#include <stdlib.h>
#include <strings.h>

enum tag {
    NONE,
    STATUS,
    SNAPSHOT,
    SEQUENCE,
    FILE_SEQUENCE,
    CONTENT,
    PATH,
    FORMAT,
    PARTITION,
    ROWS,
    BYTES,
    PAIR, /* a key-value record of any map begins */
    KEY,
    COLUMN_SIZE,
    VALUE_COUNT,
    NULL_COUNT,
    LOWER,
    UPPER,
    SPLIT,
    SORT_ORDER
};

static const struct {
    const char *path;
    enum tag tag;
} paths[] = {{"status", STATUS},
             {"snapshot_id", SNAPSHOT},
             {"sequence_number", SEQUENCE},
             {"file_sequence_number", FILE_SEQUENCE},
             {"data_file.content", CONTENT},
             {"data_file.file_path", PATH},
             {"data_file.file_format", FORMAT},
             {"data_file.record_count", ROWS},
             {"data_file.file_size_in_bytes", BYTES},
             {"data_file.column_sizes", PAIR},
             {"data_file.column_sizes.key", KEY},
             {"data_file.column_sizes.value", COLUMN_SIZE},
             {"data_file.value_counts", PAIR},
             {"data_file.value_counts.key", KEY},
             {"data_file.value_counts.value", VALUE_COUNT},
             {"data_file.null_value_counts", PAIR},
             {"data_file.null_value_counts.key", KEY},
             {"data_file.null_value_counts.value", NULL_COUNT},
             {"data_file.lower_bounds", PAIR},
             {"data_file.lower_bounds.key", KEY},
             {"data_file.lower_bounds.value", LOWER},
             {"data_file.upper_bounds", PAIR},
             {"data_file.upper_bounds.key", KEY},
             {"data_file.upper_bounds.value", UPPER},
             {"data_file.split_offsets", SPLIT},
             {"data_file.sort_order_id", SORT_ORDER}};

struct reading {
    struct lake_manifest_reader *reader;
    const struct lake_manifest *row;
    struct lake_entry entry;
    struct k2_err *err;
    int status; /* of a leaf that is refused for more than damage */
    int seen;   /* bits of the tags of this entry */
    bool has_key;
    int key, hint; /* the column of the current pair; where its metrics may be */
    int metric_room, split_room;
    lake_entry_fn fn;
    void *ctx;
};

#define PARTITION_PREFIX "data_file.partition."

static int tag_of(void *ctx, const char *path) {
    const struct reading *r = ctx;
    const char *partition = r->reader->partition;
    size_t prefix = sizeof PARTITION_PREFIX - 1;
    if (partition && strncmp(path, PARTITION_PREFIX, prefix) == 0 &&
        strcmp(path + prefix, partition) == 0)
        return PARTITION;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (strcmp(path, paths[i].path) == 0)
            return (int)paths[i].tag;
    return NONE;
}

/* --- metrics --- */

/* Maps list columns in the same order, so the wanted metrics are mostly one after the last ones. */
static struct parquet_metrics *metrics(struct reading *r) {
    struct lake_file *f = &r->entry.file;
    for (int i = 0; i < f->metric_count; i++) {
        int at = (r->hint + i) % f->metric_count;
        if (f->metrics[at].field_id == r->key) {
            r->hint = at + 1;
            return &f->metrics[at];
        }
    }
    if (f->metric_count == r->metric_room) {
        r->metric_room = r->metric_room ? 2 * r->metric_room : 32;
        f->metrics = k2_realloc(f->metrics, (size_t)r->metric_room * sizeof *f->metrics);
    }
    struct parquet_metrics *m = &f->metrics[f->metric_count++];
    *m = (struct parquet_metrics){.field_id = r->key,
                                  .column_size = -1,
                                  .value_count = -1,
                                  .null_count = -1,
                                  .lower_n = -1,
                                  .upper_n = -1};
    r->hint = f->metric_count;
    return m;
}

static bool metric_leaf(struct reading *r, int tag, int64_t number, struct k2_sv bytes) {
    if (!r->has_key)
        return false;
    struct parquet_metrics *m = metrics(r);
    size_t kept = bytes.n < PARQUET_BOUND ? bytes.n : PARQUET_BOUND;
    switch (tag) {
    case COLUMN_SIZE:
        m->column_size = number;
        return number >= 0;
    case VALUE_COUNT:
        m->value_count = number;
        return number >= 0;
    case NULL_COUNT:
        m->null_count = number;
        return number >= 0;
    case LOWER:
        m->lower_n = (int)kept;
        memcpy(m->lower, bytes.p, kept);
        return true;
    default: /* UPPER */
        if (bytes.n > PARQUET_BOUND)
            return true;
        m->upper_n = (int)kept;
        memcpy(m->upper, bytes.p, kept);
        return true;
    }
}

static void add_split(struct reading *r, int64_t offset) {
    struct lake_file *f = &r->entry.file;
    if (f->split_count == r->split_room) {
        r->split_room = r->split_room ? 2 * r->split_room : 8;
        f->splits = k2_realloc(f->splits, (size_t)r->split_room * sizeof *f->splits);
    }
    f->splits[f->split_count++] = offset;
}

/* --- leaves --- */

static bool refuse(struct reading *r, const char *what) {
    r->status =
        k2_fail(r->err, K2_E_UNSUPPORTED, "it has %s, which this build does not read", what);
    return false;
}

static bool path_leaf(struct reading *r, struct k2_sv location) {
    free(r->entry.file.path);
    r->entry.file.path = NULL;
    r->status = lake_location_path(location, &r->entry.file.path, r->err);
    return r->status == K2_OK;
}

static bool format_leaf(struct reading *r, struct k2_sv format) {
    if (format.n == 7 && strncasecmp(format.p, "PARQUET", 7) == 0)
        return true;
    return refuse(r, "data files that are not Parquet");
}

static bool file_leaf(struct reading *r, int tag, int64_t number, struct k2_sv bytes) {
    struct lake_entry *e = &r->entry;
    switch (tag) {
    case CONTENT:
        return number == 0 || refuse(r, "delete files");
    case PATH:
        return path_leaf(r, bytes);
    case FORMAT:
        return format_leaf(r, bytes);
    case PARTITION:
        e->has_date = true;
        e->file.trade_date = (int32_t)number;
        return number >= INT32_MIN && number <= INT32_MAX;
    case ROWS:
        e->file.rows = number;
        return number >= 0;
    case BYTES:
        e->file.bytes = number;
        return number >= 0;
    case SPLIT:
        add_split(r, number);
        return true;
    default: /* SORT_ORDER */
        e->file.sort_order_id = (int)number;
        return true;
    }
}

static bool leaf(void *ctx, int tag, int64_t number, struct k2_sv bytes) {
    struct reading *r = ctx;
    r->seen |= 1 << tag;
    switch (tag) {
    case STATUS:
        r->entry.status = (enum lake_entry_status)number;
        return number >= LAKE_EXISTING && number <= LAKE_DELETED;
    case SNAPSHOT:
        r->entry.snapshot = number;
        return true;
    case SEQUENCE:
        r->entry.sequence = number;
        return number >= 0;
    case FILE_SEQUENCE:
        r->entry.file_sequence = number;
        return number >= 0;
    case PAIR:
        r->has_key = false;
        return true;
    case KEY:
        r->has_key = true;
        r->key = (int)number;
        return number >= 0 && number <= INT32_MAX;
    default:
        if (tag >= COLUMN_SIZE && tag <= UPPER)
            return metric_leaf(r, tag, number, bytes);
        return file_leaf(r, tag, number, bytes);
    }
}

/* --- entries --- */

static void reset(struct reading *r) {
    struct lake_file *f = &r->entry.file;
    free(f->path);
    if (!f->metrics)
        r->metric_room = 0;
    if (!f->splits)
        r->split_room = 0;
    r->entry = (struct lake_entry){.file = {.metrics = f->metrics, .splits = f->splits}};
    r->seen = r->hint = 0;
}

static bool saw(const struct reading *r, int tag) {
    return (r->seen >> tag) & 1;
}

static K2_RC end_record(void *ctx, struct k2_err *err) {
    struct reading *r = ctx;
    struct lake_entry *e = &r->entry;
    if (!saw(r, STATUS) || !saw(r, PATH) || !saw(r, ROWS) || !saw(r, BYTES))
        return k2_fail(err, K2_E_CORRUPT, "an entry of it lacks status, path, rows or size");
    bool fresh = e->status == LAKE_ADDED;
    if (!fresh && !saw(r, SEQUENCE) && r->row->sequence > 0)
        return k2_fail(err, K2_E_CORRUPT, "an entry of it that is not new has no sequence number");
    if (!saw(r, SNAPSHOT))
        e->snapshot = r->row->added_snapshot;
    if (!saw(r, SEQUENCE))
        e->sequence = r->row->sequence;
    if (!saw(r, FILE_SEQUENCE))
        e->file_sequence = fresh ? r->row->sequence : e->sequence;
    int rc = r->fn(r->ctx, e, err);
    reset(r);
    return rc;
}

K2_RC lake_manifest_parse(struct lake_manifest_reader *reader, struct k2_sv bytes,
                          const char *partition, const struct lake_manifest *m, lake_entry_fn fn,
                          void *ctx, struct k2_err *err) {
    bool same = partition && reader->partition && strcmp(partition, reader->partition) == 0;
    if (!same && (partition || reader->partition)) {
        lake_ocf_reader_free(&reader->ocf);
        free(reader->partition);
        reader->partition = partition ? k2_strdup(partition) : NULL;
    }
    struct reading r = {.reader = reader, .row = m, .fn = fn, .ctx = ctx, .err = err};
    struct lake_ocf_visitor v = {.ctx = &r, .tag = tag_of, .leaf = leaf, .record = end_record};
    struct k2_err walk_err = {0};
    int rc = lake_ocf_read(&reader->ocf, bytes, &v, &walk_err);
    lake_file_free(&r.entry.file);
    if (r.status != K2_OK) /* a leaf was refused: err says why, better than the walk can */
        return r.status;
    if (rc != K2_OK && err)
        *err = walk_err;
    return rc;
}

/* --- from files --- */

bool lake_spec_partition(const struct lake_table *t, int spec_id, int *at, int *source_id,
                         const char **name) {
    const struct k2_json *spec =
        lake_json_by_id(k2_json_get(t->root, "partition-specs"), "spec-id", spec_id);
    const struct k2_json *fields = k2_json_get(spec, "fields");
    *at = -1;
    *source_id = 0;
    for (int i = 0; i < t->field_count; i++)
        if (strcmp(t->fields[i].name, LAKE_PARTITION_COLUMN) == 0)
            *source_id = t->fields[i].id;
    for (size_t i = 0; *source_id && i < k2_json_count(fields); i++) {
        struct k2_sv transform, text;
        const struct k2_json *f = k2_json_at(fields, i);
        if (lake_json_int(f, "source-id", -1) == *source_id &&
            k2_json_as_string(k2_json_get(f, "transform"), &transform) &&
            k2_sv_eq(transform, K2_SV("identity")) &&
            k2_json_as_string(k2_json_get(f, "name"), &text)) {
            *at = (int)i;
            *name = text.p;
        }
    }
    return spec != NULL;
}

static K2_RC read_file(struct lake_manifest_reader *r, const struct lake_table *t,
                       const struct lake_manifest *m, lake_entry_fn fn, void *ctx,
                       struct k2_err *err) {
    int at, source;
    const char *name = NULL;
    if (m->content != 0)
        return k2_fail(err, K2_E_UNSUPPORTED,
                       "it holds delete files, which this build cannot "
                       "apply: rewrite the data files with the engine that "
                       "wrote them");
    if (m->encrypted)
        return k2_fail(err, K2_E_UNSUPPORTED, "it is encrypted");
    if (!lake_spec_partition(t, m->spec_id, &at, &source, &name))
        return k2_fail(err, K2_E_CORRUPT, "its partition spec %d is not in the table", m->spec_id);
    r->bytes.n = 0;
    K2_TRY(lake_file_read(m->location, &r->bytes, err));
    if ((int64_t)r->bytes.n != m->length)
        return k2_fail(err, K2_E_CORRUPT, "it has %zu bytes, the manifest list says %lld",
                       r->bytes.n, (long long)m->length);
    return lake_manifest_parse(r, k2_buf_view(&r->bytes), at < 0 ? NULL : name, m, fn, ctx, err);
}

K2_RC lake_manifest_read(struct lake_manifest_reader *r, const struct lake_table *t,
                         const struct lake_manifest *m, lake_entry_fn fn, void *ctx,
                         struct k2_err *err) {
    K2_TRY_CTX(read_file(r, t, m, fn, ctx, err), err, "manifest %s", m->location);
    return K2_OK;
}

void lake_manifest_reader_free(struct lake_manifest_reader *r) {
    lake_ocf_reader_free(&r->ocf);
    k2_buf_free(&r->bytes);
    free(r->partition);
    *r = (struct lake_manifest_reader){0};
}
