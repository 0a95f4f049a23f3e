/* lake/parquet_thrift.h - the Thrift compact protocol, as far as Parquet's metadata need it.
 *
 * A struct is a sequence of fields with rising ids, ended by parquet_thrift_end. The outermost
 * struct is begun by initialising a struct parquet_thrift with its buffer. Format: apache/thrift,
 * thrift-compact-protocol.md. Thread-safety: one owner at a time.
 */
#ifndef K2_LAKE_PARQUET_THRIFT_H
#define K2_LAKE_PARQUET_THRIFT_H

#include "base/buf.h"

enum parquet_thrift_type {
    PARQUET_THRIFT_TRUE = 1,
    PARQUET_THRIFT_FALSE = 2,
    PARQUET_THRIFT_I16 = 4,
    PARQUET_THRIFT_I32 = 5,
    PARQUET_THRIFT_I64 = 6,
    PARQUET_THRIFT_BINARY = 8,
    PARQUET_THRIFT_LIST = 9,
    PARQUET_THRIFT_STRUCT = 12
};

#define PARQUET_THRIFT_DEPTH 8 /* structs inside each other */

struct parquet_thrift {
    struct k2_buf *out;
    int depth;
    int last[PARQUET_THRIFT_DEPTH]; /* id of the field written last, at each depth */
};

void parquet_thrift_varint(struct k2_buf *out, uint64_t v);
void parquet_thrift_zigzag(struct k2_buf *out, int64_t v);

void parquet_thrift_bool(struct parquet_thrift *t, int id, bool v);
void parquet_thrift_i16(struct parquet_thrift *t, int id, int16_t v);
void parquet_thrift_i32(struct parquet_thrift *t, int id, int32_t v);
void parquet_thrift_i64(struct parquet_thrift *t, int id, int64_t v);
void parquet_thrift_binary(struct parquet_thrift *t, int id, struct k2_sv v);
/* A field that is a struct; its fields follow, then parquet_thrift_end. */
void parquet_thrift_struct(struct parquet_thrift *t, int id);
void parquet_thrift_end(struct parquet_thrift *t);

/* A field that is a list of n elements of one type; the elements follow, each by the call below
 * that fits (TRUE stands for bool). A struct element ends with parquet_thrift_end. */
void parquet_thrift_list(struct parquet_thrift *t, int id, enum parquet_thrift_type of, size_t n);
void parquet_thrift_each_bool(struct parquet_thrift *t, bool v);
void parquet_thrift_each_int(struct parquet_thrift *t, int64_t v);
void parquet_thrift_each_binary(struct parquet_thrift *t, struct k2_sv v);
void parquet_thrift_each_struct(struct parquet_thrift *t);

#endif
