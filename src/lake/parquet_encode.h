/* lake/parquet_encode.h - the encodings of Parquet pages (apache/parquet-format, Encodings.md).
 *
 * Each call appends to a buffer. Thread-safety: pure functions.
 */
#ifndef K2_LAKE_PARQUET_ENCODE_H
#define K2_LAKE_PARQUET_ENCODE_H

#include "base/decimal.h"

unsigned parquet_bit_width(uint64_t max); /* bits that hold 0..max: 0 for 0 */

/* RLE / bit-packing hybrid of n values below 2^width, width 0..32. */
void parquet_put_hybrid(struct k2_buf *out, const uint32_t *v, size_t n, unsigned width);
/* The same for n times one value. */
void parquet_put_run(struct k2_buf *out, uint32_t value, size_t n, unsigned width);

struct parquet_extent {
    int64_t lo, hi;
};
/* DELTA_BINARY_PACKED, blocks of 128 in 4 miniblocks. narrow: the column is INT32, so differences
 * wrap at 32 bits. Returns the least and greatest value ({INT64_MAX, INT64_MIN} when n == 0), found
 * in the same pass. */
struct parquet_extent parquet_put_delta(struct k2_buf *out, const int64_t *v, size_t n,
                                        bool narrow);

/* PLAIN integers of 4 or 8 bytes; the same extent. */
struct parquet_extent parquet_put_plain(struct k2_buf *out, const int64_t *v, size_t n,
                                        bool narrow);
/* PLAIN FIXED_LEN_BYTE_ARRAY of `width` bytes: big-endian two's complement that must fit. */
void parquet_put_fixed(struct k2_buf *out, const k2_i128 *v, size_t n, unsigned width);

#endif
