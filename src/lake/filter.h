/* lake/filter.h - whether values between two bounds can satisfy a filter. Pure functions. */
#ifndef K2_LAKE_FILTER_H
#define K2_LAKE_FILTER_H

#include "lake/lake.h"

enum lake_bound_kind { LAKE_BOUND_NONE, LAKE_BOUND_NUMBER, LAKE_BOUND_STRING };

struct lake_bound {
    enum lake_bound_kind kind;
    k2_i128 number;
    struct k2_sv string;
};

/* How values of an Iceberg type compare: NONE when we cannot tell (floats, binary, lists ...). */
enum lake_bound_kind lake_type_kind(const char *type);
/* Decodes a bound of a column of that type (Iceberg Table Spec, "Binary single-value
 * serialization"); n < 0 or bytes that do not fit the type give kind NONE: no bound. */
struct lake_bound lake_bound_decode(const char *type, const uint8_t *bytes, int64_t n);
/* False only if no value v with lower <= v <= upper can satisfy the filter. A bound of kind NONE,
 * or of another kind than the filter's, is no bound. */
bool lake_filter_possible(const struct lake_filter *f, const struct lake_bound *lower,
                          const struct lake_bound *upper);

#endif
