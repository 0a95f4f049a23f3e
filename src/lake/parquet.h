/* lake/parquet.h - our Parquet writer (measured 4x DuckDB's best path per core; lake.md §2).
 *
 * Columns are flat, or a list of strings, or a map of string to string; each carries its Iceberg
 * field id. Strings, lists and maps come as interner ids. zstd pages, dictionary /
 * DELTA_BINARY_PACKED / PLAIN chosen per column, statistics, page index (column and offset index),
 * sorting columns, a checksum of the whole file (parquet_check.c). The file is written through
 * base/fs.h and is durable when parquet_close returns.
 * Format: apache/parquet-format 2.10 (parquet.thrift, Encodings.md, LogicalTypes.md, PageIndex.md).
 * Thread-safety: one writer, one thread.
 */
#ifndef K2_LAKE_PARQUET_H
#define K2_LAKE_PARQUET_H

#include "base/decimal.h"
#include "base/intern.h"

enum parquet_type {
    PARQUET_STRING,       /* uint32_t interner ids, 0 = null */
    PARQUET_BINARY,       /* the same without the UTF-8 annotation */
    PARQUET_LIST,         /* uint32_t ids of blobs (base/intern.h), 0 = null */
    PARQUET_MAP,          /* the same */
    PARQUET_INT32,        /* int32_t */
    PARQUET_DATE,         /* int32_t days */
    PARQUET_INT64,        /* int64_t; null = K2_NULL_LONG in optional columns */
    PARQUET_TIMESTAMP_US, /* int64_t microseconds, UTC-adjusted */
    PARQUET_DECIMAL /* k2_i128; null = K2_NULL_DECIMAL; FIXED_LEN_BYTE_ARRAY of minimal width */
};

enum parquet_encoding { PARQUET_AUTO, PARQUET_DICTIONARY, PARQUET_DELTA, PARQUET_PLAIN };

struct parquet_column {
    const char *name;                   /* borrowed */
    int field_id, element_id, value_id; /* element: list element or map key; value: map value */
    enum parquet_type type;
    bool optional;
    int precision, scale; /* decimals */
    enum parquet_encoding
        encoding; /* AUTO: dictionary for strings and decimals, delta for integers */
};

struct parquet_options {
    int zstd_level;          /* 0 = 1 */
    size_t row_group_rows;   /* 0 = 122880 */
    size_t page_rows;        /* 0 = 20480 */
    const int *sort_columns; /* indices of columns, ascending, nulls first; borrowed during open */
    int sort_count;
    const char *created_by; /* NULL = "k2 version 1.2.3", the form that readers parse */
};

#define PARQUET_BOUND 24 /* bytes a bound may have: strings are cut to 16 (upper: incremented) */

struct parquet_metrics { /* of one leaf field of the finished file, for Iceberg */
    int field_id;
    int64_t column_size, value_count, null_count; /* value_count counts nulls too (Iceberg) */
    int lower_n, upper_n;                         /* -1 = no bound (all null, or no upper exists) */
    uint8_t lower[PARQUET_BOUND], upper[PARQUET_BOUND]; /* Iceberg single-value serialisation */
};

struct parquet_info { /* borrowed from the writer until parquet_free */
    int64_t rows, bytes;
    int metric_count;
    const struct parquet_metrics *metrics;
    int split_count;
    const int64_t *splits; /* offset of each row group */
};

struct parquet_writer;
/* Creates the file (K2_E_EXISTS if it is there). options NULL: all defaults. */
K2_RC parquet_open(const char *path, const struct parquet_column *columns, int n,
                   const struct parquet_options *options, struct parquet_writer **out,
                   struct k2_err *err);
/* Appends rows: data[i] points at `rows` values of column i, in the C type of its parquet_type.
 * Rows go into row groups of row_group_rows; what does not fill one is kept for the next call, and
 * the interner may be reset then. A null in a required column and a string that is not UTF-8 are
 * K2_E_INVALID, a decimal that does not fit is K2_E_RANGE; after any failure the writer can only be
 * freed. */
K2_RC parquet_write(struct parquet_writer *w, const void *const *data, size_t rows,
                    const struct k2_interner *in, struct k2_err *err);
/* Writes the last row group and the footer, syncs file and directory. The writer stays valid for
 * parquet_info. */
K2_RC parquet_close(struct parquet_writer *w, struct k2_err *err);
/* Bytes written so far, for closing files at a size. */
int64_t parquet_bytes(const struct parquet_writer *w);
struct parquet_info parquet_info(const struct parquet_writer *w);
/* Frees; a file that was not closed is removed. NULL is fine. */
void parquet_free(struct parquet_writer *w);

/* Reads every byte of a file and compares it with the checksum in its footer: K2_E_CORRUPT names the
 * file. *checked = false: it carries none (another program's file, or ours of before there was one),
 * and only its first and last bytes were looked at. K2_E_NOTFOUND: there is no file. */
K2_RC parquet_check(const char *path, bool *checked, struct k2_err *err);

#endif
