/* Filters against bounds.
 *
 * Bounds enclose the values but need not be values: writers cut long strings, the lower bound to a
 * prefix (which is not greater), the upper one to a prefix with its last character incremented
 * (which is greater). So the only sound questions are "is every value below (above) what the filter
 * asks?". */
#include "lake/filter.h"

enum lake_bound_kind lake_type_kind(const char *type) {
    static const char *const numbers[] = {"int",  "long",      "date",
                                          "time", "timestamp", "timestamptz"};
    if (strcmp(type, "string") == 0)
        return LAKE_BOUND_STRING;
    if (strncmp(type, "decimal(", 8) == 0)
        return LAKE_BOUND_NUMBER;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(type, numbers[i]) == 0)
            return LAKE_BOUND_NUMBER;
    return LAKE_BOUND_NONE;
}

/* A column may have been an int when the file was written and be a long now, so the length decides.
 * */
static bool decode_integer(const uint8_t *bytes, int64_t n, k2_i128 *out) {
    int32_t narrow;
    int64_t wide;
    if (n == 4) {
        memcpy(&narrow, bytes, 4);
        *out = narrow;
        return true;
    }
    if (n != 8)
        return false;
    memcpy(&wide, bytes, 8);
    *out = wide;
    return true;
}

struct lake_bound lake_bound_decode(const char *type, const uint8_t *bytes, int64_t n) {
    struct lake_bound b = {.kind = LAKE_BOUND_NONE};
    enum lake_bound_kind kind = n < 0 ? LAKE_BOUND_NONE : lake_type_kind(type);
    if (kind == LAKE_BOUND_STRING) {
        b.string = (struct k2_sv){(const char *)bytes, (size_t)n};
        b.kind = kind;
    } else if (kind == LAKE_BOUND_NUMBER) {
        bool good = type[0] == 'd' && type[1] == 'e'
                        ? k2_decimal_from_be(bytes, (size_t)n, &b.number)
                        : decode_integer(bytes, n, &b.number);
        b.kind = good ? kind : LAKE_BOUND_NONE;
    }
    return b;
}

/* -1, 0, 1 as the filter's i-th value is below, at or above the bound. */
static int compare(const struct lake_filter *f, int i, const struct lake_bound *b) {
    if (f->is_string)
        return k2_sv_cmp(f->strings[i], b->string);
    return (f->numbers[i] > b->number) - (f->numbers[i] < b->number);
}

static bool inside(const struct lake_filter *f, int i, const struct lake_bound *lower,
                   const struct lake_bound *upper) {
    return (!lower || compare(f, i, lower) >= 0) && (!upper || compare(f, i, upper) <= 0);
}

bool lake_filter_possible(const struct lake_filter *f, const struct lake_bound *lower,
                          const struct lake_bound *upper) {
    enum lake_bound_kind kind = f->is_string ? LAKE_BOUND_STRING : LAKE_BOUND_NUMBER;
    lower = lower->kind == kind ? lower : NULL;
    upper = upper->kind == kind ? upper : NULL;
    switch (f->op) {
    case LAKE_EQ:
        return inside(f, 0, lower, upper);
    case LAKE_LT:
        return !lower || compare(f, 0, lower) > 0;
    case LAKE_LE:
        return !lower || compare(f, 0, lower) >= 0;
    case LAKE_GT:
        return !upper || compare(f, 0, upper) < 0;
    case LAKE_GE:
        return !upper || compare(f, 0, upper) <= 0;
    case LAKE_IN:
        for (int i = 0; i < f->count; i++)
            if (inside(f, i, lower, upper))
                return true;
        return false;
    }
    return true;
}
