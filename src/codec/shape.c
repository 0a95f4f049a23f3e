/* codec/shape.c - see shape.h. Avro 1.11 specification, "Primitive Types", "Complex Types" and "Logical Types". */
#include "codec/shape.h"

static bool named(const struct k2_json *v, const char *name) {
    struct k2_sv s;
    return k2_json_as_string(v, &s) && k2_sv_eq(s, k2_sv_of(name));
}

static bool primitive(struct k2_sv name, enum wire *out) {
    static const struct {
        const char *name;
        enum wire wire;
    } known[] = {{"string", W_STRING}, {"bytes", W_BYTES}, {"int", W_INT},      {"long", W_LONG},
                 {"boolean", W_BOOL},  {"float", W_FLOAT}, {"double", W_DOUBLE}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (k2_sv_eq(name, k2_sv_of(known[i].name))) {
            *out = known[i].wire;
            return true;
        }
    }
    return false;
}

static bool shape_of_decimal(const struct k2_json *type, struct shape *s) {
    s->decimal = true;
    s->scale = 0;
    k2_json_as_int(k2_json_get(type, "scale"), &s->scale);
    return k2_json_as_int(k2_json_get(type, "precision"), &s->precision);
}

/* A logical type that is not known, or not of this type, is to be ignored. */
static bool shape_of_logical(const struct k2_json *type, struct shape *s) {
    const struct k2_json *logical = k2_json_get(type, "logicalType");
    if (s->wire == W_BYTES && named(logical, "decimal"))
        return shape_of_decimal(type, s);
    if (s->wire == W_INT && named(logical, "date"))
        s->unit = SHAPE_DATE;
    if (s->wire == W_LONG && named(logical, "timestamp-millis"))
        s->unit = SHAPE_MILLIS;
    if (s->wire == W_LONG && named(logical, "timestamp-micros"))
        s->unit = SHAPE_MICROS;
    return true;
}

static bool shape_of_object(const struct k2_json *type, struct shape *s) {
    struct k2_sv name;
    if (!k2_json_as_string(k2_json_get(type, "type"), &name))
        return false;
    if (k2_sv_eq(name, K2_SV("array")) || k2_sv_eq(name, K2_SV("map"))) {
        bool array = k2_sv_eq(name, K2_SV("array"));
        s->wire = array ? W_ARRAY : W_MAP;
        return named(k2_json_get(type, array ? "items" : "values"), "string");
    }
    if (k2_sv_eq(name, K2_SV("enum"))) {
        s->wire = W_ENUM;
        s->symbols = k2_json_get(type, "symbols");
        return k2_json_count(s->symbols) > 0;
    }
    return primitive(name, &s->wire) && shape_of_logical(type, s);
}

static bool shape_of_plain(const struct k2_json *type, struct shape *s) {
    struct k2_sv name;
    if (k2_json_as_string(type, &name))
        return primitive(name, &s->wire);
    return k2_json_type(type) == K2_JSON_OBJECT && shape_of_object(type, s);
}

enum { MOST_DEEP = 32 };

static bool is_declared(const struct k2_json *type, int deep);

static bool all_declared(const struct k2_json *list, const char *member, int deep) {
    for (size_t i = 0; i < k2_json_count(list); i++) {
        const struct k2_json *item = k2_json_at(list, i);
        if (!is_declared(member ? k2_json_get(item, member) : item, deep))
            return false;
    }
    return k2_json_count(list) > 0;
}

/* Whether all that this type is made of is said in it. */
static bool is_declared(const struct k2_json *type, int deep) {
    enum wire unused;
    struct k2_sv name;
    if (deep == MOST_DEEP)
        return false;
    if (k2_json_type(type) == K2_JSON_ARRAY)
        return all_declared(type, NULL, deep + 1);
    if (k2_json_as_string(type, &name))
        return primitive(name, &unused) || k2_sv_eq(name, K2_SV("null"));
    const struct k2_json *inner = k2_json_get(type, "type");
    if (k2_json_type(inner) != K2_JSON_STRING)
        return inner && is_declared(inner, deep + 1);
    if (named(inner, "record"))
        return all_declared(k2_json_get(type, "fields"), "type", deep + 1);
    if (named(inner, "array"))
        return is_declared(k2_json_get(type, "items"), deep + 1);
    if (named(inner, "map"))
        return is_declared(k2_json_get(type, "values"), deep + 1);
    return named(inner, "enum") || named(inner, "fixed") || is_declared(inner, deep + 1);
}

static bool shape_of_branch(const struct k2_json *type, struct shape *s) {
    if (shape_of_plain(type, s))
        return true;
    s->wire = W_OTHER;
    s->decimal = false;
    s->type = type;
    return is_declared(type, 0);
}

bool shape_of(const struct k2_json *type, struct shape *s) {
    *s = (struct shape){.null_branch = -1};
    bool pair = k2_json_type(type) == K2_JSON_ARRAY && k2_json_count(type) == 2;
    bool null_first = pair && named(k2_json_at(type, 0), "null");
    if (!null_first && !(pair && named(k2_json_at(type, 1), "null")))
        return shape_of_branch(type, s);
    s->null_branch = null_first ? 0 : 1;
    return shape_of_branch(k2_json_at(type, null_first ? 1 : 0), s);
}

bool shape_fits(const struct shape *s, enum k2_type type) {
    switch (type) {
    case K2_STR:
        return s->wire == W_STRING;
    case K2_BYTES:
        return s->wire == W_BYTES && !s->decimal;
    case K2_LIST:
        return s->wire == W_ARRAY;
    case K2_MAP:
        return s->wire == W_MAP;
    case K2_LONG:
    case K2_STAMP:
        return s->wire == W_LONG || s->wire == W_INT;
    case K2_INT:
    case K2_DATE:
        return s->wire == W_INT;
    case K2_PRICE:
        return s->decimal && s->scale == K2_PRICE_SCALE && s->precision <= K2_PRICE_PRECISION;
    case K2_QUANTITY:
        return s->decimal && s->scale == K2_QUANTITY_SCALE && s->precision <= K2_QUANTITY_PRECISION;
    }
    return false;
}

static bool decimal_column(const struct shape *s, enum k2_type *out) {
    int64_t whole = s->precision - s->scale;
    if (shape_fits(s, K2_PRICE)) {
        *out = K2_PRICE;
        return true;
    }
    *out = K2_QUANTITY; /* a value of fewer places is the same value with zeros behind it */
    return s->scale >= 0 && s->scale <= K2_QUANTITY_SCALE &&
           whole <= K2_QUANTITY_PRECISION - K2_QUANTITY_SCALE;
}

bool shape_column(const struct shape *s, enum k2_type *out) {
    static const enum k2_type plain[] = {
        [W_STRING] = K2_STR, [W_BYTES] = K2_BYTES, [W_INT] = K2_INT,    [W_LONG] = K2_LONG,
        [W_BOOL] = K2_INT,   [W_FLOAT] = K2_STR,   [W_DOUBLE] = K2_STR, [W_ENUM] = K2_STR,
        [W_ARRAY] = K2_LIST, [W_MAP] = K2_MAP,     [W_OTHER] = K2_STR};
    if (s->decimal)
        return decimal_column(s, out);
    *out = plain[s->wire];
    if (s->unit == SHAPE_DATE)
        *out = K2_DATE;
    if (s->unit == SHAPE_MILLIS || s->unit == SHAPE_MICROS)
        *out = K2_STAMP;
    return true;
}
