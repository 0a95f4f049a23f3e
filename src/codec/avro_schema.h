/* codec/avro_schema.h - an Avro schema as a graph of types (inside the codec room).
 *
 * Names are full names (specification, "Names"); a name that refers to a type is the type itself, so a
 * recursive schema is a cycle. All belongs to the schema and ends with it.
 */
#ifndef K2_CODEC_AVRO_SCHEMA_H
#define K2_CODEC_AVRO_SCHEMA_H

#include "codec/compat_int.h"

enum avro_type {
    AVRO_NULL,
    AVRO_BOOLEAN,
    AVRO_INT,
    AVRO_LONG,
    AVRO_FLOAT,
    AVRO_DOUBLE,
    AVRO_BYTES,
    AVRO_STRING, /* the last primitive */
    AVRO_RECORD,
    AVRO_ENUM,
    AVRO_ARRAY,
    AVRO_MAP,
    AVRO_UNION,
    AVRO_FIXED
};

struct avro_node;

struct avro_field {
    struct k2_sv name;
    struct avro_node *type;
    const struct k2_json *json;  /* the field's object: doc, order, aliases and properties */
    const struct k2_json *value; /* the default, or NULL */
};

struct avro_node {
    enum avro_type type;
    const struct k2_json *json; /* the declaration; NULL of a primitive that is only its name */
    /* Of records, enums and fixed: "n.R", its parts, and the other names it is read by. */
    struct k2_sv full, name, space;
    struct k2_sv *aliases;
    size_t alias_count;
    size_t index;    /* place among the schema's named types */
    bool referenced; /* declared in another schema that this one names */
    struct avro_field *fields;
    size_t field_count;
    struct avro_node **branches; /* a union's; of an array or map the one type of its elements */
    size_t branch_count;
    int64_t size; /* of a fixed type */
};

struct avro_schema {
    struct schema_arena arena;
    struct k2_json **docs;
    size_t doc_count;
    struct avro_node *root;
    struct avro_node **named;
    size_t named_count;
};

/* Reads s and all it refers to; free in any case. */
K2_RC avro_schema_parse(const struct k2_schema_text *s, struct avro_schema *out,
                        struct k2_err *err);
void avro_schema_free(struct avro_schema *s);

const char *avro_type_name(enum avro_type type); /* "int" */
static inline bool avro_is_named(enum avro_type t) {
    return t == AVRO_RECORD || t == AVRO_ENUM || t == AVRO_FIXED;
}
bool avro_symbol_known(const struct avro_node *enumeration, struct k2_sv symbol);
/* Whether a JSON value can be a default of this type ("Complex Types", the table of default values). */
bool avro_default_fits(const struct avro_node *type, const struct k2_json *value);

#endif
