/* lake/parquet_thrift.c - see parquet_thrift.h.
 *
 * Field header: one byte (id delta << 4 | type) when the id rises by 1..15, else the type byte and
 * the id as zigzag varint. Integers: zigzag varint. Binary: varint length and bytes. List header:
 * one byte (count << 4 | type) below 15 elements, else 0xf0 | type and the count as varint. A
 * struct ends with a zero byte. The value of a bool field is its type; of a bool element, a byte 1
 * or 2.
 */
#include "lake/parquet_thrift.h"

#include "base/err.h"

void parquet_thrift_varint(struct k2_buf *out, uint64_t v) {
    uint8_t *at = k2_buf_need(out, 10);
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        at[n++] = (uint8_t)(v | 0x80);
    at[n++] = (uint8_t)v;
    out->n += n;
}

void parquet_thrift_zigzag(struct k2_buf *out, int64_t v) {
    parquet_thrift_varint(out, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

static void put_field(struct parquet_thrift *t, int id, int type) {
    int rise = id - t->last[t->depth];
    if (rise > 0 && rise < 16) {
        k2_buf_byte(t->out, (uint8_t)(rise << 4 | type));
    } else {
        k2_buf_byte(t->out, (uint8_t)type);
        parquet_thrift_zigzag(t->out, id);
    }
    t->last[t->depth] = id;
}

static void go_down(struct parquet_thrift *t) {
    K2_ASSERT(t->depth + 1 < PARQUET_THRIFT_DEPTH);
    t->last[++t->depth] = 0;
}

void parquet_thrift_bool(struct parquet_thrift *t, int id, bool v) {
    put_field(t, id, v ? PARQUET_THRIFT_TRUE : PARQUET_THRIFT_FALSE);
}

void parquet_thrift_i16(struct parquet_thrift *t, int id, int16_t v) {
    put_field(t, id, PARQUET_THRIFT_I16);
    parquet_thrift_zigzag(t->out, v);
}

void parquet_thrift_i32(struct parquet_thrift *t, int id, int32_t v) {
    put_field(t, id, PARQUET_THRIFT_I32);
    parquet_thrift_zigzag(t->out, v);
}

void parquet_thrift_i64(struct parquet_thrift *t, int id, int64_t v) {
    put_field(t, id, PARQUET_THRIFT_I64);
    parquet_thrift_zigzag(t->out, v);
}

void parquet_thrift_binary(struct parquet_thrift *t, int id, struct k2_sv v) {
    put_field(t, id, PARQUET_THRIFT_BINARY);
    parquet_thrift_each_binary(t, v);
}

void parquet_thrift_struct(struct parquet_thrift *t, int id) {
    put_field(t, id, PARQUET_THRIFT_STRUCT);
    go_down(t);
}

void parquet_thrift_end(struct parquet_thrift *t) {
    k2_buf_byte(t->out, 0);
    t->depth--; /* -1 after the outermost struct: nothing may follow */
}

void parquet_thrift_list(struct parquet_thrift *t, int id, enum parquet_thrift_type of, size_t n) {
    put_field(t, id, PARQUET_THRIFT_LIST);
    if (n < 15) {
        k2_buf_byte(t->out, (uint8_t)(n << 4 | (unsigned)of));
    } else {
        k2_buf_byte(t->out, (uint8_t)(0xf0 | (unsigned)of));
        parquet_thrift_varint(t->out, n);
    }
}

void parquet_thrift_each_bool(struct parquet_thrift *t, bool v) {
    k2_buf_byte(t->out, v ? PARQUET_THRIFT_TRUE : PARQUET_THRIFT_FALSE);
}

void parquet_thrift_each_int(struct parquet_thrift *t, int64_t v) {
    parquet_thrift_zigzag(t->out, v);
}

void parquet_thrift_each_binary(struct parquet_thrift *t, struct k2_sv v) {
    parquet_thrift_varint(t->out, v.n);
    k2_buf_sv(t->out, v);
}

void parquet_thrift_each_struct(struct parquet_thrift *t) {
    go_down(t);
}
