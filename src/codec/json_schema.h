/* codec/json_schema.h - a JSON Schema as the kinds of schema that are compared (inside the codec room).
 *
 * One JSON object can be several schemas at once ("type" and "enum" and "oneOf"): it is then a combination of
 * them with the criterion allOf. Nodes are made when they are first asked for, once per object, so that a
 * schema that refers to itself is a cycle.
 */
#ifndef K2_CODEC_JSON_SCHEMA_H
#define K2_CODEC_JSON_SCHEMA_H

#include "codec/compat_int.h"
#include "codec/schema_pairs.h"

enum json_kind {
    JSON_EMPTY, /* {} or without a keyword that says anything */
    JSON_TRUE,
    JSON_FALSE,
    JSON_REFERENCE,
    JSON_STRINGS,
    JSON_NUMBERS,
    JSON_BOOLEANS,
    JSON_NULLS,
    JSON_OBJECTS,
    JSON_ARRAYS,
    JSON_ENUM,
    JSON_CONST,
    JSON_NOT,
    JSON_IF,
    JSON_COMBINED
};

enum json_criterion { JSON_ALL_OF, JSON_ANY_OF, JSON_ONE_OF };

struct json_doc { /* one text: the schema, or one that it refers to */
    struct k2_json *root;
    struct k2_sv name; /* of a reference; empty for the schema itself */
    bool latest;       /* draft 2019-09 or later: $ref has neighbours, prefixItems ... */
};

struct json_node {
    enum json_kind kind;
    const struct k2_json *json; /* the object whose keywords count */
    const struct json_doc *doc;
    bool integer; /* of JSON_NUMBERS */
    enum json_criterion criterion;
    struct json_node **subs; /* of JSON_COMBINED */
    size_t sub_count;
};

struct json_schema {
    struct schema_arena arena;
    struct json_doc *docs; /* the schema is the last one */
    size_t doc_count;
    struct schema_pairs nodes; /* by object */
    struct json_node *root;
    size_t looks; /* objects looked at for a name */
};

enum { JSON_MOST_SUBS = 512 };

/* Reads s and all it refers to; free in any case. */
K2_RC json_schema_parse(const struct k2_schema_text *s, struct json_schema *out,
                        struct k2_err *err);
void json_schema_free(struct json_schema *s);
/* The node of an object or boolean in a document; NULL for no JSON. */
struct json_node *json_node_of(struct json_schema *s, const struct json_doc *doc,
                               const struct k2_json *json);
/* What a reference leads to in the end. */
struct json_node *json_node_meant(struct json_schema *s, struct json_node *node);
/* The object or boolean that a $ref names, and its document; NULL when there is none. */
const struct k2_json *json_reference(struct json_schema *s, const struct json_doc *from,
                                     struct k2_sv ref, const struct json_doc **doc);

#endif
