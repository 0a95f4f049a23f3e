/* codec/json_schema.c - reads JSON Schema: drafts 4, 6 and 7, and 2019-09 and 2020-12 as far as compared.
 *
 * Without "$schema" a text is draft 7, as registries take it. Checked is that every keyword that is compared
 * has the type its draft gives it, wherever a schema stands, and that every $ref leads somewhere: into the
 * same text (JSON pointer, $anchor or $id) or into a reference by its name or $id. Nothing is fetched.
 */
#include "codec/json_schema.h"

#include <stdlib.h>

struct walk {
    struct json_schema *s;
    const struct json_doc *doc;
    struct schema_path path;
    struct k2_err *err;
    int depth;
};

static K2_RC check_schema(struct walk *w, const struct k2_json *json);

static K2_RC bad(struct walk *w, const char *what) {
    return k2_fail(w->err, K2_E_INVALID, "at #%s: %s",
                   w->path.text.n ? k2_buf_cstr(&w->path.text) : "/", what);
}

/* --- the keywords and what they hold --- */

enum holds {
    A_SCHEMA,
    SCHEMAS,        /* an array of them, not empty */
    SCHEMA_OR_LIST, /* "items" */
    NAMED_SCHEMAS,  /* an object of them */
    DEPENDENCIES,   /* an object of schemas or arrays of names */
    NAMES,          /* an array of strings */
    NAMED_NAMES,    /* an object of arrays of strings */
    A_COUNT,        /* an integer that is not negative */
    A_NUMBER,       /* also a boolean: draft 4's exclusiveMinimum */
    A_TEXT,
    A_BOOLEAN,
    A_LIST,
    A_TYPE
};

static const struct {
    const char *word;
    enum holds holds;
    const char *what;
} keywords[] = {
    {"type", A_TYPE, "\"type\" is a type's name or an array of such names"},
    {"properties", NAMED_SCHEMAS, "\"properties\" is an object of schemas"},
    {"patternProperties", NAMED_SCHEMAS, "\"patternProperties\" is an object of schemas"},
    {"definitions", NAMED_SCHEMAS, "\"definitions\" is an object of schemas"},
    {"$defs", NAMED_SCHEMAS, "\"$defs\" is an object of schemas"},
    {"dependentSchemas", NAMED_SCHEMAS, "\"dependentSchemas\" is an object of schemas"},
    {"dependencies", DEPENDENCIES, "\"dependencies\" is an object of schemas or arrays of names"},
    {"dependentRequired", NAMED_NAMES, "\"dependentRequired\" is an object of arrays of names"},
    {"required", NAMES, "\"required\" is an array of names"},
    {"additionalProperties", A_SCHEMA, "\"additionalProperties\" is a schema"},
    {"unevaluatedProperties", A_SCHEMA, "\"unevaluatedProperties\" is a schema"},
    {"propertyNames", A_SCHEMA, "\"propertyNames\" is a schema"},
    {"maxProperties", A_COUNT, "\"maxProperties\" is a count"},
    {"minProperties", A_COUNT, "\"minProperties\" is a count"},
    {"items", SCHEMA_OR_LIST, "\"items\" is a schema or an array of schemas"},
    {"prefixItems", SCHEMAS, "\"prefixItems\" is an array of schemas"},
    {"additionalItems", A_SCHEMA, "\"additionalItems\" is a schema"},
    {"unevaluatedItems", A_SCHEMA, "\"unevaluatedItems\" is a schema"},
    {"contains", A_SCHEMA, "\"contains\" is a schema"},
    {"maxItems", A_COUNT, "\"maxItems\" is a count"},
    {"minItems", A_COUNT, "\"minItems\" is a count"},
    {"maxContains", A_COUNT, "\"maxContains\" is a count"},
    {"minContains", A_COUNT, "\"minContains\" is a count"},
    {"uniqueItems", A_BOOLEAN, "\"uniqueItems\" is true or false"},
    {"maxLength", A_COUNT, "\"maxLength\" is a count"},
    {"minLength", A_COUNT, "\"minLength\" is a count"},
    {"pattern", A_TEXT, "\"pattern\" is a string"},
    {"format", A_TEXT, "\"format\" is a string"},
    {"maximum", A_NUMBER, "\"maximum\" is a number"},
    {"minimum", A_NUMBER, "\"minimum\" is a number"},
    {"exclusiveMaximum", A_NUMBER, "\"exclusiveMaximum\" is a number"},
    {"exclusiveMinimum", A_NUMBER, "\"exclusiveMinimum\" is a number"},
    {"multipleOf", A_NUMBER, "\"multipleOf\" is a number"},
    {"enum", A_LIST, "\"enum\" is an array of values"},
    {"allOf", SCHEMAS, "\"allOf\" is an array of schemas"},
    {"anyOf", SCHEMAS, "\"anyOf\" is an array of schemas"},
    {"oneOf", SCHEMAS, "\"oneOf\" is an array of schemas"},
    {"not", A_SCHEMA, "\"not\" is a schema"},
    {"if", A_SCHEMA, "\"if\" is a schema"},
    {"then", A_SCHEMA, "\"then\" is a schema"},
    {"else", A_SCHEMA, "\"else\" is a schema"},
    {"$ref", A_TEXT, "\"$ref\" is a string"},
};

static const char *const types[] = {"string", "number", "integer", "boolean",
                                    "null",   "array",  "object"};

static bool type_known(const struct k2_json *v) {
    struct k2_sv s;
    if (!k2_json_as_string(v, &s))
        return false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (k2_sv_eq(s, k2_sv_of(types[i])))
            return true;
    return false;
}

static bool types_known(const struct k2_json *v) {
    if (k2_json_type(v) != K2_JSON_ARRAY)
        return type_known(v);
    for (size_t i = 0; i < k2_json_count(v); i++)
        if (!type_known(k2_json_at(v, i)))
            return false;
    return k2_json_count(v) > 0 && k2_json_count(v) <= sizeof types / sizeof *types;
}

static bool all_strings(const struct k2_json *v) {
    for (size_t i = 0; i < k2_json_count(v); i++)
        if (k2_json_type(k2_json_at(v, i)) != K2_JSON_STRING)
            return false;
    return k2_json_type(v) == K2_JSON_ARRAY;
}

static bool plain_ok(const struct k2_json *v, enum holds holds) {
    int64_t count;
    enum k2_json_type t = k2_json_type(v);
    switch (holds) {
    case NAMES:
        return all_strings(v);
    case A_COUNT:
        return (k2_json_as_int(v, &count) && count >= 0) || t == K2_JSON_REAL;
    case A_NUMBER:
        return t == K2_JSON_INT || t == K2_JSON_REAL || t == K2_JSON_BOOL;
    case A_TEXT:
        return t == K2_JSON_STRING;
    case A_BOOLEAN:
        return t == K2_JSON_BOOL;
    case A_LIST:
        return t == K2_JSON_ARRAY;
    case A_TYPE:
        return types_known(v);
    case A_SCHEMA:
    case SCHEMAS:
    case SCHEMA_OR_LIST:
    case NAMED_SCHEMAS:
    case DEPENDENCIES:
    case NAMED_NAMES:
        break;
    }
    return false;
}

static K2_RC check_list(struct walk *w, const struct k2_json *list, const char *what) {
    if (k2_json_type(list) != K2_JSON_ARRAY)
        return bad(w, what);
    if (k2_json_count(list) > JSON_MOST_SUBS)
        return k2_fail(w->err, K2_E_RANGE, "at #%s: more than %d schemas in one array",
                       k2_buf_cstr(&w->path.text), JSON_MOST_SUBS);
    for (size_t i = 0; i < k2_json_count(list); i++) {
        size_t was = schema_path_enter_index(&w->path, i);
        K2_TRY(check_schema(w, k2_json_at(list, i)));
        schema_path_leave(&w->path, was);
    }
    return K2_OK;
}

static K2_RC check_named(struct walk *w, const struct k2_json *object, enum holds holds,
                         const char *what) {
    void *iter = NULL;
    struct k2_sv key;
    struct k2_json *value;
    if (k2_json_type(object) != K2_JSON_OBJECT)
        return bad(w, what);
    while (k2_json_next(object, &iter, &key, &value)) {
        size_t was = schema_path_enter(&w->path, key);
        bool list = k2_json_type(value) == K2_JSON_ARRAY;
        if (holds == NAMED_NAMES || (holds == DEPENDENCIES && list)) {
            if (!all_strings(value))
                return bad(w, what);
        } else {
            K2_TRY(check_schema(w, value));
        }
        schema_path_leave(&w->path, was);
    }
    return K2_OK;
}

static K2_RC check_keyword(struct walk *w, const struct k2_json *v, enum holds holds,
                           const char *what) {
    switch (holds) {
    case A_SCHEMA:
        return check_schema(w, v);
    case SCHEMAS:
        return k2_json_count(v) == 0 ? bad(w, what) : check_list(w, v, what);
    case SCHEMA_OR_LIST:
        return k2_json_type(v) == K2_JSON_ARRAY ? check_list(w, v, what) : check_schema(w, v);
    case NAMED_SCHEMAS:
    case DEPENDENCIES:
    case NAMED_NAMES:
        return check_named(w, v, holds, what);
    case NAMES:
    case A_COUNT:
    case A_NUMBER:
    case A_TEXT:
    case A_BOOLEAN:
    case A_LIST:
    case A_TYPE:
        break;
    }
    return plain_ok(v, holds) ? K2_OK : bad(w, what);
}

static K2_RC check_reference(struct walk *w, const struct k2_json *json) {
    struct k2_sv ref;
    const struct json_doc *doc;
    if (!k2_json_as_string(k2_json_get(json, "$ref"), &ref))
        return K2_OK;
    if (!json_reference(w->s, w->doc, ref, &doc))
        return k2_fail(w->err, K2_E_INVALID,
                       "at #%s: $ref \"%.*s\" leads nowhere: not in this schema, nor in one of its "
                       "references",
                       k2_buf_cstr(&w->path.text), K2_SV_ARG(k2_sv_shown(ref)));
    return K2_OK;
}

static K2_RC check_schema(struct walk *w, const struct k2_json *json) {
    if (k2_json_type(json) == K2_JSON_BOOL)
        return K2_OK;
    if (k2_json_type(json) != K2_JSON_OBJECT)
        return bad(w, "a schema is an object, true or false");
    if (w->depth == SCHEMA_MAX_DEPTH)
        return k2_fail(w->err, K2_E_RANGE, "schemas are nested deeper than %d", SCHEMA_MAX_DEPTH);
    w->depth++;
    K2_TRY(check_reference(w, json));
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        const struct k2_json *v = k2_json_get(json, keywords[i].word);
        size_t was = schema_path_enter(&w->path, k2_sv_of(keywords[i].word));
        if (v)
            K2_TRY(check_keyword(w, v, keywords[i].holds, keywords[i].what));
        schema_path_leave(&w->path, was);
    }
    w->depth--;
    return K2_OK;
}

/* --- all of it --- */

static bool is_latest(const struct k2_json *root) {
    struct k2_sv s;
    if (!k2_json_as_string(k2_json_get(root, "$schema"), &s))
        return false;
    return memmem(s.p, s.n, "2020-12", 7) || memmem(s.p, s.n, "2019-09", 7);
}

static K2_RC parse_doc(struct json_schema *s, struct k2_sv name, struct k2_sv text,
                       struct k2_err *err) {
    struct json_doc *doc = &s->docs[s->doc_count];
    K2_TRY(k2_json_parse(text, &doc->root, err));
    doc->name = name;
    doc->latest = is_latest(doc->root);
    s->doc_count++;
    return K2_OK;
}

static K2_RC check_docs(struct json_schema *s, struct k2_err *err) {
    for (size_t i = 0; i < s->doc_count; i++) {
        struct walk w = {.s = s, .doc = &s->docs[i], .err = err};
        int rc = check_schema(&w, s->docs[i].root);
        k2_buf_free(&w.path.text);
        if (rc != K2_OK && s->docs[i].name.n)
            return k2_err_context(err, rc, "reference %.*s",
                                  K2_SV_ARG(k2_sv_shown(s->docs[i].name)));
        K2_TRY(rc);
    }
    return K2_OK;
}

static K2_RC parse_all(const struct k2_schema_text *s, struct json_schema *out,
                       struct k2_err *err) {
    for (size_t i = 0; i < s->ref_count; i++)
        K2_TRY_CTX(parse_doc(out, s->refs[i].name, s->refs[i].text, err), err, "reference %.*s",
                   K2_SV_ARG(k2_sv_shown(s->refs[i].name)));
    K2_TRY(parse_doc(out, (struct k2_sv){0}, s->text, err));
    K2_TRY(check_docs(out, err));
    const struct json_doc *doc = &out->docs[out->doc_count - 1];
    out->root = json_node_of(out, doc, doc->root);
    return K2_OK;
}

int json_schema_parse(const struct k2_schema_text *s, struct json_schema *out, struct k2_err *err) {
    *out = (struct json_schema){0};
    out->docs = k2_zalloc((s->ref_count + 1) * sizeof *out->docs);
    return k2_err_context(err, parse_all(s, out, err), "not a JSON Schema");
}

void json_schema_free(struct json_schema *s) {
    for (size_t i = 0; i < s->doc_count; i++)
        k2_json_free(s->docs[i].root);
    free(s->docs);
    schema_pairs_free(&s->nodes);
    schema_arena_free(&s->arena);
}

int json_schema_form(const struct k2_schema_text *s, enum k2_schema_form form, struct k2_buf *out,
                     struct k2_err *err) {
    struct json_schema schema;
    int rc = json_schema_parse(s, &schema, err);
    if (rc == K2_OK)
        schema_json_put(schema.docs[schema.doc_count - 1].root, form == K2_SCHEMA_NORMALIZED, out);
    json_schema_free(&schema);
    return rc;
}
