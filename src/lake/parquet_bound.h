/* lake/parquet_bound.h - least and greatest values, and how Parquet and Iceberg write them.
 *
 * Numbers are ordered as integers, text as unsigned bytes (which is code point order in UTF-8).
 * Thread-safety: pure functions.
 */
#ifndef K2_LAKE_PARQUET_BOUND_H
#define K2_LAKE_PARQUET_BOUND_H

#include "lake/parquet_writer.h"

bool parquet_utf8_valid(struct k2_sv s); /* RFC 3629: no overlong form, no surrogate */

void parquet_range_number(struct parquet_range *r, k2_i128 lo, k2_i128 hi);
void parquet_range_text(struct parquet_range *r, struct k2_sv s);
/* Widens `into`; texts stay where they are. */
void parquet_range_merge(const struct parquet_leaf *leaf, struct parquet_range *into,
                         const struct parquet_range *from);
enum parquet_side { PARQUET_LOWER, PARQUET_UPPER };
/* Compares the lower (or upper) ends of two ranges. */
int parquet_range_compare(const struct parquet_leaf *leaf, enum parquet_side side,
                          const struct parquet_range *a, const struct parquet_range *b);

/* The longest text that Parquet statistics hold. */
#define PARQUET_STATISTIC 64
/* Appends the value as in a PLAIN page (text without its length). Long text is cut as below; *exact
 * tells. A text for which no upper bound of that length exists is put whole. */
void parquet_bound_plain(const struct parquet_leaf *leaf, enum parquet_side side,
                         const struct parquet_range *r, struct k2_buf *out, bool *exact);
/* Iceberg's single-value serialisation; returns its length, -1 if there is no such bound. */
int parquet_bound_iceberg(const struct parquet_leaf *leaf, enum parquet_side side,
                          const struct parquet_range *r, uint8_t out[PARQUET_BOUND]);

/* Cuts s to `limit` bytes at most: UTF-8 between code points, so that the result is valid and not
 * above s. */
struct k2_sv parquet_cut_lower(struct k2_sv s, size_t limit, bool utf8);
/* Writes the least text of about `limit` bytes that is not below s: s itself if short enough, else
 * the cut with its last code point (byte) that can be raised, raised. Returns the length, at most
 * limit + 1; -1 if none can. out has room for limit + 4 bytes. */
int parquet_cut_upper(struct k2_sv s, size_t limit, bool utf8, uint8_t *out);

#endif
