/* lake/parquet.c - a Parquet file, from rows to a durable file.
 *
 * Layout (apache/parquet-format 2.10):
 *   0              "PAR1"
 *   4              row groups; in each, for every leaf in schema order: its chunk =
 *                  [dictionary page] data page ...   (page: see parquet_page.c)
 *   behind them    ColumnIndex of every chunk, then OffsetIndex of every chunk (parquet_meta.c)
 *   end - 8 - n    FileMetaData, n bytes of Thrift; its key-value entry k2.checksum covers every byte
 *                  of the file (parquet_check.c)
 *   end - 8        u32 n, little-endian
 *   end - 4        "PAR1"
 * Validity: the file is complete when it ends so; the footer comes last, and it is synced with the
 * directory before parquet_close returns. Every page is one zstd frame that ends with its checksum,
 * which readers check; headers, page index and footer have only the file's own, which k2 verify does.
 * Recovery: there is none. A file that was not closed is referred to by nothing and is removed, by
 * parquet_free or, after a crash, as an orphan.
 */
#include "lake/parquet.h"

#include "base/fs.h"
#include "base/hash.h"
#include "lake/parquet_bound.h"
#include "lake/parquet_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>

#define GROUP_ROWS 122880
#define PAGE_ROWS 20480
#define GROUP_ROWS_MOST ((size_t)1 << 26) /* indices, and sizes of pages, are 32 bits */

static bool is_integer(const struct parquet_column *c) {
    return c->type == PARQUET_INT32 || c->type == PARQUET_DATE || c->type == PARQUET_INT64 ||
           c->type == PARQUET_TIMESTAMP_US;
}

static bool is_nested(const struct parquet_column *c) {
    return c->type == PARQUET_LIST || c->type == PARQUET_MAP;
}

static int check_column(const struct parquet_column *c, struct k2_err *err) {
    if (!c->name || !*c->name)
        return k2_fail(err, K2_E_INVALID, "the column of field id %d has no name", c->field_id);
    if (c->encoding == PARQUET_DELTA && !is_integer(c))
        return k2_fail(err, K2_E_INVALID, "column %s: only integers can be delta-encoded", c->name);
    if (c->type == PARQUET_DECIMAL &&
        (c->precision < 1 || c->precision > 38 || c->scale < 0 || c->scale > c->precision))
        return k2_fail(err, K2_E_INVALID, "column %s: there is no decimal(%d,%d)", c->name,
                       c->precision, c->scale);
    return K2_OK;
}

static int check_options(const struct parquet_column *columns, int n,
                         const struct parquet_options *o, struct k2_err *err) {
    if (n < 1)
        return k2_fail(err, K2_E_INVALID, "a Parquet file needs a column");
    for (int i = 0; i < n; i++)
        K2_TRY(check_column(&columns[i], err));
    for (int i = 0; i < o->sort_count; i++)
        if (o->sort_columns[i] < 0 || o->sort_columns[i] >= n ||
            is_nested(&columns[o->sort_columns[i]]))
            return k2_fail(err, K2_E_INVALID, "sort column %d is not a flat column of the file",
                           o->sort_columns[i]);
    if (o->row_group_rows > GROUP_ROWS_MOST)
        return k2_fail(err, K2_E_RANGE, "a row group of %zu rows is too large (%zu)",
                       o->row_group_rows, GROUP_ROWS_MOST);
    return K2_OK;
}

/* Bytes of two's complement that hold +-(10^precision - 1). */
static unsigned decimal_width(int precision) {
    k2_u128 most = (k2_u128)k2_pow10(precision) - 1;
    unsigned width = 1;
    while (most >> (8 * width - 1))
        width++;
    return width;
}

static void set_primitive(struct parquet_leaf *leaf) {
    const struct parquet_column *c = leaf->column;
    switch (c->type) {
    case PARQUET_INT32:
    case PARQUET_DATE:
        leaf->physical = PARQUET_PHYSICAL_INT32;
        leaf->width = 4;
        break;
    case PARQUET_INT64:
    case PARQUET_TIMESTAMP_US:
        leaf->physical = PARQUET_PHYSICAL_INT64;
        leaf->width = 8;
        break;
    case PARQUET_DECIMAL:
        leaf->physical = PARQUET_FIXED;
        leaf->width = decimal_width(c->precision);
        break;
    default:
        leaf->physical = PARQUET_BYTES;
        leaf->text = true;
        leaf->utf8 = c->type != PARQUET_BINARY;
        break;
    }
}

static void set_leaf(struct parquet_leaf *leaf, const struct parquet_column *c, int k) {
    leaf->column = c;
    leaf->path[0] = c->name;
    leaf->path_n = 1;
    leaf->field_id = c->field_id;
    leaf->max_def = c->optional;
    set_primitive(leaf);
    if (!is_nested(c))
        return;
    bool map = c->type == PARQUET_MAP;
    leaf->path[1] = map ? "key_value" : "list";
    leaf->path[2] = !map ? "element" : k == 0 ? "key" : "value";
    leaf->path_n = 3;
    leaf->field_id = k == 0 ? c->element_id : c->value_id;
    leaf->max_def++;
    leaf->max_rep = 1;
}

static void set_columns(struct parquet_writer *w, const struct parquet_column *columns, int n) {
    w->column_n = n;
    w->columns = k2_alloc((size_t)n * sizeof *w->columns);
    memcpy(w->columns, columns, (size_t)n * sizeof *w->columns);
    w->stores = k2_zalloc((size_t)n * sizeof *w->stores);
    w->leaves = k2_zalloc((size_t)n * 2 * sizeof *w->leaves);
    for (int i = 0; i < n; i++) {
        struct parquet_store *s = &w->stores[i];
        parquet_store_init(s, &w->columns[i]);
        s->leaf = w->leaf_n;
        s->leaves = columns[i].type == PARQUET_MAP ? 2 : 1;
        for (int k = 0; k < s->leaves; k++)
            set_leaf(&w->leaves[w->leaf_n++], &w->columns[i], k);
    }
}

static void set_options(struct parquet_writer *w, const struct parquet_options *o) {
    w->group_rows = o->row_group_rows ? o->row_group_rows : GROUP_ROWS;
    w->page_rows = o->page_rows ? o->page_rows : PAGE_ROWS;
    w->created_by = k2_strdup(o->created_by ? o->created_by : PARQUET_CREATOR K2_VERSION);
    w->zstd = zstd_packer_new(o->zstd_level ? o->zstd_level : 1);
    w->sort_n = o->sort_count;
    w->sort_leaves = k2_alloc((size_t)o->sort_count * sizeof *w->sort_leaves);
    for (int i = 0; i < o->sort_count; i++)
        w->sort_leaves[i] = w->stores[o->sort_columns[i]].leaf;
}

static int create(const char *path, int *fd, struct k2_err *err) {
    int rc = k2_fs_open(path, O_WRONLY | O_CREAT | O_EXCL, fd, err);
    if (rc != K2_OK && errno == EEXIST)
        return k2_fail(err, K2_E_EXISTS, "%s exists already; a data file is never written twice",
                       path);
    return rc;
}

static void begin_group(struct parquet_writer *w) {
    if (w->group_n < w->group_cap)
        return;
    w->group_cap = w->group_cap ? w->group_cap * 2 : 8;
    size_t cap = (size_t)w->group_cap;
    w->groups = k2_realloc(w->groups, cap * sizeof *w->groups);
    w->chunks = k2_realloc(w->chunks, cap * (size_t)w->leaf_n * sizeof *w->chunks);
}

static void end_group(struct parquet_writer *w) {
    const struct parquet_chunk *c = &w->chunks[(size_t)w->group_n * (size_t)w->leaf_n];
    struct parquet_group g = {.rows = (int64_t)w->staged, .start = c->start};
    for (int i = 0; i < w->leaf_n; i++) {
        g.raw += c[i].raw;
        g.packed += c[i].packed;
    }
    w->groups[w->group_n++] = g;
    w->rows += g.rows;
    w->staged = 0;
    for (int i = 0; i < w->column_n; i++)
        parquet_store_reset(&w->stores[i]);
}

/* Stages rows at..at+n; when they fill the row group each column is written while it is in cache.
 */
static int take_rows(struct parquet_writer *w, const void *const *data, size_t at, size_t n,
                     const struct k2_interner *in, struct k2_err *err) {
    bool full = w->staged + n == w->group_rows;
    size_t before = w->staged;
    if (full)
        begin_group(w);
    for (int i = 0; i < w->column_n; i++) {
        w->staged = before;
        K2_TRY(parquet_stage(w, &w->stores[i], data[i], at, n, in, err));
        w->staged = before + n;
        if (full)
            K2_TRY(parquet_chunk_write(w, &w->stores[i], err));
    }
    if (full)
        end_group(w);
    return K2_OK;
}

static int write_rows(struct parquet_writer *w, const void *const *data, size_t rows,
                      const struct k2_interner *in, struct k2_err *err) {
    for (size_t at = 0, n; at < rows; at += n) {
        size_t room = w->group_rows - w->staged;
        n = rows - at < room ? rows - at : room;
        K2_TRY(take_rows(w, data, at, n, in, err));
    }
    return K2_OK;
}

static int write_last_group(struct parquet_writer *w, struct k2_err *err) {
    if (w->staged == 0)
        return K2_OK;
    begin_group(w);
    for (int i = 0; i < w->column_n; i++)
        K2_TRY(parquet_chunk_write(w, &w->stores[i], err));
    end_group(w);
    return K2_OK;
}

static int sync_directory(const struct parquet_writer *w, struct k2_err *err) {
    char *copy = k2_strdup(w->path);
    int rc = k2_fs_sync_dir(dirname(copy), err);
    free(copy);
    return rc;
}

static int finish(struct parquet_writer *w, struct k2_err *err) {
    K2_TRY(write_last_group(w, err));
    size_t digits = parquet_put_footer(w);
    parquet_seal(k2_crc32c(w->crc, w->out.p, w->out.n), w->out.p + digits);
    K2_TRY(parquet_flush(w, 0, err));
    K2_TRY(k2_fs_sync(w->fd, w->path, err));
    int fd = w->fd;
    w->fd = -1;
    K2_TRY(k2_fs_close(fd, w->path, err));
    return sync_directory(w, err);
}

static void fill_metrics(struct parquet_writer *w) {
    w->metrics = k2_zalloc((size_t)w->leaf_n * sizeof *w->metrics);
    for (int i = 0; i < w->leaf_n; i++) {
        const struct parquet_leaf *leaf = &w->leaves[i];
        struct parquet_metrics *m = &w->metrics[i];
        m->field_id = leaf->field_id;
        m->column_size = leaf->size;
        m->value_count = leaf->values;
        m->null_count = leaf->nulls;
        m->lower_n = parquet_bound_iceberg(leaf, PARQUET_LOWER, &leaf->range, m->lower);
        m->upper_n = parquet_bound_iceberg(leaf, PARQUET_UPPER, &leaf->range, m->upper);
    }
    w->splits = k2_alloc((size_t)w->group_n * sizeof *w->splits);
    for (int i = 0; i < w->group_n; i++)
        w->splits[i] = w->groups[i].start;
}

static int refuse(const struct parquet_writer *w, struct k2_err *err) {
    if (w->closed)
        return k2_fail(err, K2_E_INVALID, "%s is closed already", w->path);
    if (w->failed)
        return k2_fail(err, w->failed, "an earlier write to %s failed; start a new file", w->path);
    return K2_OK;
}

K2_RC parquet_open(const char *path, const struct parquet_column *columns, int n,
                   const struct parquet_options *options, struct parquet_writer **out,
                   struct k2_err *err) {
    static const struct parquet_options defaults;
    const struct parquet_options *o = options ? options : &defaults;
    int fd;
    K2_TRY_CTX(check_options(columns, n, o, err), err, "%s", path);
    K2_TRY(create(path, &fd, err));
    struct parquet_writer *w = k2_zalloc(sizeof *w);
    w->path = k2_strdup(path);
    w->fd = fd;
    set_columns(w, columns, n);
    set_options(w, o);
    k2_buf_sv(&w->out, K2_SV("PAR1"));
    *out = w;
    return K2_OK;
}

K2_RC parquet_write(struct parquet_writer *w, const void *const *data, size_t rows,
                    const struct k2_interner *in, struct k2_err *err) {
    K2_TRY(refuse(w, err));
    w->failed = write_rows(w, data, rows, in, err);
    return w->failed ? k2_err_context(err, w->failed, "%s", w->path) : K2_OK;
}

K2_RC parquet_close(struct parquet_writer *w, struct k2_err *err) {
    K2_TRY(refuse(w, err));
    w->failed = finish(w, err);
    if (w->failed)
        return w->failed;
    w->closed = true;
    fill_metrics(w);
    return K2_OK;
}

int64_t parquet_bytes(const struct parquet_writer *w) {
    return parquet_position(w);
}

struct parquet_info parquet_info(const struct parquet_writer *w) {
    return (struct parquet_info){
        .rows = w->rows,
        .bytes = w->written,
        .metric_count = w->metrics ? w->leaf_n : 0,
        .metrics = w->metrics,
        .split_count = w->splits ? w->group_n : 0,
        .splits = w->splits,
    };
}

static void remove_file(struct parquet_writer *w) {
    if (w->fd >= 0)
        (void)!k2_fs_close(w->fd, w->path, NULL);
    (void)!k2_fs_unlink(w->path, NULL); /* what stays behind is an orphan that nothing refers to */
}

void parquet_free(struct parquet_writer *w) {
    if (!w)
        return;
    if (!w->closed)
        remove_file(w);
    for (int i = 0; i < w->column_n; i++)
        parquet_store_free(&w->stores[i]);
    for (int i = 0; i < w->leaf_n; i++) {
        k2_buf_free(&w->leaves[i].low);
        k2_buf_free(&w->leaves[i].high);
    }
    zstd_packer_free(w->zstd);
    struct k2_buf *bufs[] = {&w->bounds, &w->column_index, &w->offset_index, &w->out,
                             &w->body,   &w->packed,       &w->header,       &w->numbers};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        k2_buf_free(bufs[i]);
    void *blocks[] = {w->path,   w->created_by, w->columns, w->sort_leaves, w->stores,
                      w->leaves, w->groups,     w->chunks,  w->pages,       w->rep,
                      w->def,    w->index,      w->metrics, w->splits,      w};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
}
