/* codec/lint_int.h - the fields of a schema as the rules look at them, whatever its language. */
#ifndef K2_CODEC_LINT_INT_H
#define K2_CODEC_LINT_INT_H

#include "codec/compat_int.h"
#include "codec/lint.h"

struct lint_field {
    struct k2_sv place, name; /* "legs.price", "price" */
    const char *float_type;   /* NULL, or what it is called: "double" */
    const char *instead;      /* what such a field should be */
    bool integer;             /* a whole number: it can be a sequence number */
    bool required;            /* readers cannot do without it */
    bool has_scale, has_precision;
    int64_t scale, precision;
    struct k2_sv unit;       /* empty: not said */
    struct k2_sv deprecated; /* the date it says, "true" without one, or empty */
    struct k2_sv *aliases;   /* names that it is read by as well */
    size_t alias_count;
};

struct lint_fields {
    struct schema_arena arena;
    struct lint_field *list;
    size_t n, cap;
    struct schema_path path;
};

/* Appends one; `name` is borrowed, the place is made from the path. */
struct lint_field *lint_fields_add(struct lint_fields *f, struct k2_sv name);
void lint_fields_free(struct lint_fields *f);
/* The unit and the date of deprecation that properties or a text for people give. */
void lint_field_words(struct lint_field *f, const struct k2_json *properties, const char *doc_key);

/* All fields, each type once. */
K2_RC lint_fields_of_avro(const struct k2_schema_text *s, struct lint_fields *out,
                          struct k2_err *err);
K2_RC lint_fields_of_json(const struct k2_schema_text *s, struct lint_fields *out,
                          struct k2_err *err);
K2_RC lint_fields_of_protobuf(const struct k2_schema_text *s, struct lint_fields *out,
                              struct k2_err *err);

#endif
