/* codec/avro_default.c - is this JSON a default of that type? (Avro 1.11 specification, "Complex Types":
 * the table of field default values.) */
#include "codec/avro_schema.h"

/* Unions of records in each other could be tried in more ways than there is time for. */
enum { MOST_STEPS = 1000000 };

static bool fits(const struct avro_node *type, const struct k2_json *value, int *steps);

static bool int_fits(const struct k2_json *value) {
    int64_t v;
    return k2_json_as_int(value, &v) && v >= INT32_MIN && v <= INT32_MAX;
}

static bool elements_fit(const struct avro_node *type, const struct k2_json *value, int *steps) {
    for (size_t i = 0; i < k2_json_count(value); i++)
        if (!fits(type->branches[0], k2_json_at(value, i), steps))
            return false;
    return k2_json_type(value) == K2_JSON_ARRAY;
}

static bool values_fit(const struct avro_node *type, const struct k2_json *value, int *steps) {
    void *iter = NULL;
    struct k2_sv key;
    struct k2_json *member;
    if (k2_json_type(value) != K2_JSON_OBJECT)
        return false;
    while (k2_json_next(value, &iter, &key, &member))
        if (!fits(type->branches[0], member, steps))
            return false;
    return true;
}

/* A member that is left out takes its own field's default, which is checked where it stands. */
static bool record_fits(const struct avro_node *type, const struct k2_json *value, int *steps) {
    if (k2_json_type(value) != K2_JSON_OBJECT)
        return false;
    for (size_t i = 0; i < type->field_count; i++) {
        const struct avro_field *f = &type->fields[i];
        const struct k2_json *member = k2_json_get(value, f->name.p);
        if (member ? !fits(f->type, member, steps) : !f->value)
            return false;
    }
    return true;
}

static bool union_fits(const struct avro_node *type, const struct k2_json *value, int *steps) {
    for (size_t i = 0; i < type->branch_count; i++)
        if (fits(type->branches[i], value, steps))
            return true;
    return false;
}

/* The depth is bounded by that of the JSON value, for each step into a type goes one deeper there. */
static bool fits(const struct avro_node *type, const struct k2_json *value, int *steps) {
    enum k2_json_type given = k2_json_type(value);
    if (--*steps < 0)
        return false;
    switch (type->type) {
    case AVRO_NULL:
        return given == K2_JSON_NULL;
    case AVRO_BOOLEAN:
        return given == K2_JSON_BOOL;
    case AVRO_INT:
        return int_fits(value);
    case AVRO_LONG:
        return given == K2_JSON_INT;
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return given == K2_JSON_INT || given == K2_JSON_REAL;
    case AVRO_BYTES:
    case AVRO_STRING:
    case AVRO_ENUM:
    case AVRO_FIXED:
        return given == K2_JSON_STRING;
    case AVRO_ARRAY:
        return elements_fit(type, value, steps);
    case AVRO_MAP:
        return values_fit(type, value, steps);
    case AVRO_RECORD:
        return record_fits(type, value, steps);
    case AVRO_UNION:
        return union_fits(type, value, steps);
    }
    return false;
}

bool avro_default_fits(const struct avro_node *type, const struct k2_json *value) {
    int steps = MOST_STEPS;
    return fits(type, value, &steps);
}
