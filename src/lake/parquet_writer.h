/* lake/parquet_writer.h - what the files of the Parquet writer share. Nobody else includes it.
 *
 * The way of the rows: parquet.c takes them, parquet_stage.c keeps them column by column until
 * their row group is full (text and decimals as dictionary indices), parquet_chunk.c turns a staged
 * column into the pages of its leaves, parquet_page.c compresses pages, puts them into the file and
 * notes what page index and footer say of them, parquet_meta.c writes those two, and
 * parquet_check.c knows the checksum of it all.
 */
#ifndef K2_LAKE_PARQUET_WRITER_H
#define K2_LAKE_PARQUET_WRITER_H

#include "lake/parquet.h"
#include "lake/parquet_dict.h"

#include "base/zstd.h"

#define PARQUET_BOUND_TEXT 16 /* bytes of text in an Iceberg bound */
#define PARQUET_CREATOR "k2 version "
#define PARQUET_CHECKSUM_KEY "k2.checksum"
#define PARQUET_CHECKSUM_FORM "crc32c:"   /* before the digits */
#define PARQUET_CHECKSUM_BLANK "00000000" /* what the digits are while the checksum is computed */
#define PARQUET_CHECKSUM_DIGITS (sizeof PARQUET_CHECKSUM_BLANK - 1)

/* Numbers that parquet.thrift gives. */
enum {
    PARQUET_PHYSICAL_INT32 = 1,
    PARQUET_PHYSICAL_INT64 = 2,
    PARQUET_BYTES = 6,
    PARQUET_FIXED = 7
};
enum {
    PARQUET_CODE_PLAIN = 0,
    PARQUET_CODE_RLE = 3,
    PARQUET_CODE_DELTA = 5,
    PARQUET_CODE_DICTIONARY = 8
};
enum { PARQUET_PAGE_DATA = 0, PARQUET_PAGE_DICTIONARY = 2 };
enum { PARQUET_CODEC_ZSTD = 6 };

struct parquet_range { /* numbers or texts, as the leaf has; texts are borrowed */
    bool any;
    k2_i128 lo, hi;
    struct k2_sv low, high;
};

/* A primitive field of the schema: a flat column, a list's element, a map's key or value. */
struct parquet_leaf {
    const struct parquet_column *column;
    const char *path[3];
    size_t path_n;
    int field_id, physical;
    unsigned width; /* bytes of a value, 0 for text */
    bool text, utf8;
    unsigned max_rep, max_def;
    /* of the whole file so far */
    int64_t size, values, nulls;
    struct parquet_range range; /* its texts are the two buffers */
    struct k2_buf low, high;
};

/* The distinct blobs of a list or map column, taken apart: blob b holds count strings, as indices
 * into items[k], from refs[k][start] on. A list uses k = 0 only, a map's keys are 0, its values 1.
 */
struct parquet_nested {
    struct parquet_strings items[2];
    uint32_t *refs[2];
    size_t ref_n, ref_cap;
    struct parquet_span {
        size_t start;
        uint32_t count;
    } * spans;
    uint32_t span_cap;
};

enum parquet_form { PARQUET_INDEXED, PARQUET_LONGS, PARQUET_INTS, PARQUET_WIDES, PARQUET_NESTED };

/* A column's rows that wait for their row group. INDEXED: `index` into numbers or strings. NESTED:
 * `index` of blobs in strings, and nested. Others: values of that type at `values`, which is `own`
 * or, for a row group taken from one call, the caller's array. */
struct parquet_store {
    const struct parquet_column *column;
    int leaf, leaves;
    enum parquet_form form;
    size_t first; /* the row of the caller's batch that staging began with, for messages */
    uint32_t *index;
    void *own;
    const void *values;
    struct parquet_numbers numbers;
    struct parquet_strings strings;
    struct parquet_nested nested;
};

struct parquet_page {
    int64_t offset, first_row, nulls;
    int32_t size; /* header and body in the file */
    struct parquet_range range;
};

struct parquet_slice { /* of a k2_buf that may move */
    size_t at;
    int n;
};

/* A leaf in a row group, as the footer describes it. */
struct parquet_chunk {
    int64_t start, data, dictionary; /* dictionary: 0 = none */
    int64_t packed, raw;             /* bytes, page headers included */
    int64_t values, nulls;
    int32_t data_pages;
    int encoding; /* of the data pages */
    bool any, low_exact, high_exact;
    struct parquet_slice low, high;                  /* in w->bounds */
    struct parquet_slice column_index, offset_index; /* in the buffers of these names */
};

struct parquet_group {
    int64_t rows, start, raw, packed;
};

struct parquet_writer {
    char *path, *created_by;
    int fd; /* -1: closed */
    bool closed;
    int failed; /* the status of the first failure: what follows is refused */
    size_t group_rows, page_rows;
    struct parquet_column *columns;
    int column_n;
    int *sort_leaves;
    int sort_n;
    struct zstd_packer *zstd;

    struct parquet_store *stores;
    size_t staged; /* rows */

    struct parquet_leaf *leaves;
    int leaf_n;
    struct parquet_group *groups;
    struct parquet_chunk *chunks; /* leaf_n for each group */
    int group_n, group_cap;
    struct k2_buf bounds, column_index, offset_index;

    struct k2_buf out; /* what is not written to the file yet */
    int64_t written;
    uint32_t crc; /* CRC-32C of what is written */

    struct k2_buf body, packed, header; /* of the page in work */
    struct parquet_page *pages;         /* of the chunk in work */
    size_t page_n, page_cap;
    uint32_t *rep, *def, *index; /* entries of the page in work */
    size_t entry_cap;
    struct k2_buf numbers; /* its integers or decimals */

    int64_t rows;
    struct parquet_metrics *metrics;
    int64_t *splits;
};

/* parquet_stage.c */
void parquet_store_init(struct parquet_store *s, const struct parquet_column *column);
void parquet_store_free(struct parquet_store *s);
void parquet_store_reset(struct parquet_store *s); /* a row group begins */
/* Takes values at..at+n of the caller's column as the rows from w->staged on. */
K2_RC parquet_stage(const struct parquet_writer *w, struct parquet_store *s, const void *data,
                    size_t at, size_t n, const struct k2_interner *in, struct k2_err *err);

/* parquet_chunk.c: the chunks of a column, from w->staged rows. */
K2_RC parquet_chunk_write(struct parquet_writer *w, struct parquet_store *s, struct k2_err *err);

/* parquet_page.c */
static inline int64_t parquet_position(const struct parquet_writer *w) {
    return w->written + (int64_t)w->out.n;
}
K2_RC parquet_flush(struct parquet_writer *w, size_t least, struct k2_err *err);
struct parquet_chunk *parquet_chunk_begin(struct parquet_writer *w, int leaf, int encoding);
/* The page's bytes are w->body; it becomes empty. */
K2_RC parquet_page_dictionary(struct parquet_writer *w, struct parquet_chunk *c, size_t entries,
                              struct k2_err *err);
/* page: first_row, nulls and range are set. */
K2_RC parquet_page_data(struct parquet_writer *w, struct parquet_chunk *c, struct parquet_page page,
                        size_t entries, struct k2_err *err);
void parquet_chunk_end(struct parquet_writer *w, struct parquet_chunk *c,
                       struct parquet_leaf *leaf);

/* parquet_meta.c */
void parquet_put_column_index(struct parquet_writer *w, const struct parquet_leaf *leaf,
                              struct k2_buf *out);
void parquet_put_offset_index(const struct parquet_writer *w, struct k2_buf *out);
/* Appends page index, footer, its length and the closing magic to w->out; gives the place in w->out
 * of the checksum's digits, which are blank. */
size_t parquet_put_footer(struct parquet_writer *w);

/* parquet_check.c: writes the digits of a checksum. */
void parquet_seal(uint32_t crc, uint8_t *digits);

#endif
