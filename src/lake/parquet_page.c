/* lake/parquet_page.c - pages into the file, and what page index and footer will say of them.
 *
 * A page: a PageHeader (Thrift), then one zstd frame. Version 1 data pages: inside the frame lie
 * the repetition levels, the definition levels (each u32 length and a hybrid; left out when the
 * greatest level is 0) and the values.
 */
#include "lake/parquet_writer.h"

#include "base/fs.h"
#include "base/hash.h"
#include "lake/parquet_bound.h"
#include "lake/parquet_thrift.h"

#define OUT_BYTES ((size_t)1 << 20)

/* Writes what waits to the file if there are at least `least` bytes. */
K2_RC parquet_flush(struct parquet_writer *w, size_t least, struct k2_err *err) {
    if (w->out.n < least || w->out.n == 0)
        return K2_OK;
    K2_TRY(k2_fs_pwrite(w->fd, w->out.p, w->out.n, w->written, w->path, err));
    w->crc = k2_crc32c(w->crc, w->out.p, w->out.n);
    w->written += (int64_t)w->out.n;
    w->out.n = 0;
    return K2_OK;
}

struct parquet_chunk *parquet_chunk_begin(struct parquet_writer *w, int leaf, int encoding) {
    struct parquet_chunk *c = &w->chunks[w->group_n * w->leaf_n + leaf];
    *c = (struct parquet_chunk){.start = parquet_position(w), .encoding = encoding};
    w->page_n = 0;
    return c;
}

static void put_data_header(struct parquet_thrift *t, size_t entries, int encoding) {
    parquet_thrift_struct(t, 5);
    parquet_thrift_i32(t, 1, (int32_t)entries);
    parquet_thrift_i32(t, 2, encoding);
    parquet_thrift_i32(t, 3, PARQUET_CODE_RLE);
    parquet_thrift_i32(t, 4, PARQUET_CODE_RLE);
    parquet_thrift_end(t);
}

static void put_dictionary_header(struct parquet_thrift *t, size_t entries) {
    parquet_thrift_struct(t, 7);
    parquet_thrift_i32(t, 1, (int32_t)entries);
    parquet_thrift_i32(t, 2, PARQUET_CODE_PLAIN);
    parquet_thrift_end(t);
}

/* Compresses w->body and appends the page; *size is what it takes in the file. */
static int put_page(struct parquet_writer *w, struct parquet_chunk *c, int type, size_t entries,
                    int32_t *size, struct k2_err *err) {
    w->packed.n = w->header.n = 0;
    if (w->body.n > INT32_MAX / 2)
        return k2_fail(err, K2_E_RANGE, "a page of %zu bytes is too large for %s", w->body.n,
                       w->path);
    K2_TRY_CTX(zstd_pack(w->zstd, w->body.p, w->body.n, &w->packed, err), err, "%s", w->path);
    struct parquet_thrift t = {.out = &w->header};
    parquet_thrift_i32(&t, 1, type);
    parquet_thrift_i32(&t, 2, (int32_t)w->body.n);
    parquet_thrift_i32(&t, 3, (int32_t)w->packed.n);
    if (type == PARQUET_PAGE_DICTIONARY)
        put_dictionary_header(&t, entries);
    else
        put_data_header(&t, entries, c->encoding);
    parquet_thrift_end(&t);
    k2_buf_put(&w->out, w->header.p, w->header.n);
    k2_buf_put(&w->out, w->packed.p, w->packed.n);
    *size = (int32_t)(w->header.n + w->packed.n);
    c->packed += *size;
    c->raw += (int64_t)(w->header.n + w->body.n);
    w->body.n = 0;
    return parquet_flush(w, OUT_BYTES, err);
}

K2_RC parquet_page_dictionary(struct parquet_writer *w, struct parquet_chunk *c, size_t entries,
                              struct k2_err *err) {
    int32_t size;
    c->dictionary = parquet_position(w);
    return put_page(w, c, PARQUET_PAGE_DICTIONARY, entries, &size, err);
}

K2_RC parquet_page_data(struct parquet_writer *w, struct parquet_chunk *c, struct parquet_page page,
                        size_t entries, struct k2_err *err) {
    page.offset = parquet_position(w);
    if (c->data_pages++ == 0)
        c->data = page.offset;
    c->values += (int64_t)entries;
    c->nulls += page.nulls;
    K2_TRY(put_page(w, c, PARQUET_PAGE_DATA, entries, &page.size, err));
    if (w->page_n == w->page_cap) {
        w->page_cap = w->page_cap ? w->page_cap * 2 : 16;
        w->pages = k2_realloc(w->pages, w->page_cap * sizeof *w->pages);
    }
    w->pages[w->page_n++] = page;
    return K2_OK;
}

static struct parquet_slice put_bound(struct parquet_writer *w, const struct parquet_leaf *leaf,
                                      enum parquet_side side, const struct parquet_range *r,
                                      bool *exact) {
    size_t at = w->bounds.n;
    parquet_bound_plain(leaf, side, r, &w->bounds, exact);
    return (struct parquet_slice){at, (int)(w->bounds.n - at)};
}

/* Copies a text that the file's range borrows from a dictionary that is about to be emptied. */
static void keep_text(struct k2_sv *text, struct k2_buf *buf) {
    if ((const uint8_t *)text->p == buf->p && text->n == buf->n)
        return;
    buf->n = 0;
    k2_buf_need(buf, 1); /* an empty text is not NULL */
    k2_buf_sv(buf, *text);
    *text = k2_buf_view(buf);
}

static void add_to_leaf(struct parquet_leaf *leaf, const struct parquet_chunk *c,
                        const struct parquet_range *r) {
    leaf->size += c->packed;
    leaf->values += c->values;
    leaf->nulls += c->nulls;
    parquet_range_merge(leaf, &leaf->range, r);
    if (leaf->text && leaf->range.any) {
        keep_text(&leaf->range.low, &leaf->low);
        keep_text(&leaf->range.high, &leaf->high);
    }
}

void parquet_chunk_end(struct parquet_writer *w, struct parquet_chunk *c,
                       struct parquet_leaf *leaf) {
    struct parquet_range all = {0};
    for (size_t i = 0; i < w->page_n; i++)
        parquet_range_merge(leaf, &all, &w->pages[i].range);
    c->any = all.any;
    if (all.any) {
        c->low = put_bound(w, leaf, PARQUET_LOWER, &all, &c->low_exact);
        c->high = put_bound(w, leaf, PARQUET_UPPER, &all, &c->high_exact);
    }
    c->column_index.at = w->column_index.n;
    parquet_put_column_index(w, leaf, &w->column_index);
    c->column_index.n = (int)(w->column_index.n - c->column_index.at);
    c->offset_index.at = w->offset_index.n;
    parquet_put_offset_index(w, &w->offset_index);
    c->offset_index.n = (int)(w->offset_index.n - c->offset_index.at);
    add_to_leaf(leaf, c, &all);
}
