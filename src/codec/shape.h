/* codec/shape.h - a field's type in a writer's schema, as far as columns can hold it (inside the codec room). */
#ifndef K2_CODEC_SHAPE_H
#define K2_CODEC_SHAPE_H

#include "codec/event.h"

#include "base/json.h"

enum wire {
    W_STRING,
    W_BYTES,
    W_INT,
    W_LONG,
    W_BOOL,
    W_FLOAT,
    W_DOUBLE,
    W_ENUM,
    W_ARRAY,
    W_MAP,
    W_OTHER /* anything else: its JSON */
};

enum shape_unit { SHAPE_NUMBER, SHAPE_DATE, SHAPE_MILLIS, SHAPE_MICROS };

/* One field's type taken apart. */
struct shape {
    enum wire wire;
    int null_branch; /* -1: not nullable; else the union branch that means null */
    bool decimal;
    int64_t precision, scale;
    enum shape_unit unit;          /* of an int or long */
    const struct k2_json *symbols; /* of an enum; borrowed */
    const struct k2_json *type;    /* of W_OTHER, without the null; borrowed */
};

/* False: a type that no column can hold: types that are named but not declared there, as in recursive ones. */
bool shape_of(const struct k2_json *type, struct shape *s);
/* Whether a value of this shape can go into a field of this type without any loss. */
bool shape_fits(const struct shape *s, enum k2_type type);
/* The type of a column that is made for it; false: there is none. */
bool shape_column(const struct shape *s, enum k2_type *out);

#endif
