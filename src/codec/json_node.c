/* codec/json_node.c - which kinds of schema one JSON object is.
 *
 * "enum", each of "allOf", "anyOf" and "oneOf", "not" and "const" are schemas of their own; so is "type",
 * with the keywords of that type; keywords of a type that is not named are a schema of that type. More than
 * one of them is an allOf of all, combinations first. In drafts before 2019-09 a $ref stands alone.
 */
#include "codec/json_schema.h"

enum { MOST_PARTS = 16, MOST_HOPS = 64 };

struct parts {
    struct json_schema *s;
    const struct json_doc *doc;
    const struct k2_json *json;
    struct json_node *list[MOST_PARTS];
    size_t n;
};

static struct json_node *add(struct parts *p, enum json_kind kind) {
    struct json_node *node = schema_arena_take(&p->s->arena, sizeof *node);
    *node = (struct json_node){.kind = kind, .json = p->json, .doc = p->doc};
    p->list[p->n++] = node;
    return node;
}

static bool has(const struct parts *p, const char *word) {
    return k2_json_get(p->json, word) != NULL;
}

static void add_combined(struct parts *p, const char *word, enum json_criterion criterion) {
    const struct k2_json *list = k2_json_get(p->json, word);
    if (!list)
        return;
    struct json_node *node = add(p, JSON_COMBINED);
    node->criterion = criterion;
    node->subs = schema_arena_take(&p->s->arena, k2_json_count(list) * sizeof(struct json_node *));
    for (size_t i = 0; i < k2_json_count(list); i++)
        node->subs[node->sub_count++] = json_node_of(p->s, p->doc, k2_json_at(list, i));
}

/* --- types --- */

static const char *const string_words[] = {"minLength", "maxLength", "pattern", "format", NULL};
static const char *const number_words[] = {"minimum",          "maximum",    "exclusiveMinimum",
                                           "exclusiveMaximum", "multipleOf", NULL};
static const char *const object_words[] = {"properties",
                                           "required",
                                           "minProperties",
                                           "maxProperties",
                                           "dependencies",
                                           "patternProperties",
                                           "propertyNames",
                                           "additionalProperties",
                                           NULL};
static const char *const latest_object_words[] = {"dependentRequired", "dependentSchemas",
                                                  "unevaluatedProperties", NULL};
static const char *const array_words[] = {"items",       "additionalItems", "minItems", "maxItems",
                                          "uniqueItems", "contains",        NULL};
static const char *const latest_array_words[] = {"prefixItems", "unevaluatedItems", NULL};

static bool has_any(const struct parts *p, const char *const *words) {
    for (; *words; words++)
        if (has(p, *words))
            return true;
    return false;
}

static bool speaks_of(const struct parts *p, enum json_kind kind) {
    switch (kind) {
    case JSON_ARRAYS:
        return has_any(p, array_words) || (p->doc->latest && has_any(p, latest_array_words));
    case JSON_OBJECTS:
        return has_any(p, object_words) || (p->doc->latest && has_any(p, latest_object_words));
    case JSON_NUMBERS:
        return has_any(p, number_words);
    case JSON_STRINGS: /* "format" says nothing from 2019-09 on */
        return has_any(p, string_words) &&
               (!p->doc->latest || has(p, "minLength") || has(p, "maxLength") || has(p, "pattern"));
    case JSON_EMPTY:
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_REFERENCE:
    case JSON_BOOLEANS:
    case JSON_NULLS:
    case JSON_ENUM:
    case JSON_CONST:
    case JSON_NOT:
    case JSON_IF:
    case JSON_COMBINED:
        break;
    }
    return false;
}

static enum json_kind kind_of_type(struct k2_sv name) {
    static const struct {
        const char *name;
        enum json_kind kind;
    } known[] = {{"string", JSON_STRINGS},   {"number", JSON_NUMBERS}, {"integer", JSON_NUMBERS},
                 {"boolean", JSON_BOOLEANS}, {"null", JSON_NULLS},     {"array", JSON_ARRAYS}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (k2_sv_eq(name, k2_sv_of(known[i].name)))
            return known[i].kind;
    return JSON_OBJECTS;
}

static struct json_node *typed(struct parts *p, const struct k2_json *type, unsigned *seen) {
    struct k2_sv name = {0};
    k2_json_as_string(type, &name);
    struct json_node *node = schema_arena_take(&p->s->arena, sizeof *node);
    *node = (struct json_node){.kind = kind_of_type(name), .json = p->json, .doc = p->doc};
    node->integer = k2_sv_eq(name, K2_SV("integer"));
    *seen |= 1u << node->kind;
    return node;
}

/* "type"; gives the kinds whose keywords are spoken for. */
static unsigned add_typed(struct parts *p) {
    const struct k2_json *type = k2_json_get(p->json, "type");
    unsigned seen = 0;
    if (k2_json_type(type) == K2_JSON_STRING) {
        p->list[p->n++] = typed(p, type, &seen);
    } else if (type) {
        struct json_node *any = add(p, JSON_COMBINED);
        any->criterion = JSON_ANY_OF;
        any->subs =
            schema_arena_take(&p->s->arena, k2_json_count(type) * sizeof(struct json_node *));
        for (size_t i = 0; i < k2_json_count(type); i++)
            any->subs[any->sub_count++] = typed(p, k2_json_at(type, i), &seen);
    }
    return seen;
}

static void add_untyped(struct parts *p, unsigned seen) {
    static const enum json_kind kinds[] = {JSON_ARRAYS, JSON_OBJECTS, JSON_NUMBERS, JSON_STRINGS};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!(seen & 1u << kinds[i]) && speaks_of(p, kinds[i]))
            add(p, kinds[i]);
    if (has(p, "if") && (has(p, "then") || has(p, "else")))
        add(p, JSON_IF);
}

/* --- nodes --- */

static struct json_node *all_of(struct parts *p) {
    struct json_node *node = schema_arena_take(&p->s->arena, sizeof *node);
    *node = (struct json_node){.kind = JSON_COMBINED, .json = p->json, .doc = p->doc};
    node->subs = schema_arena_take(&p->s->arena, p->n * sizeof(struct json_node *));
    for (int combined = 1; combined >= 0; combined--)
        for (size_t i = 0; i < p->n; i++)
            if ((p->list[i]->kind == JSON_COMBINED) == combined)
                node->subs[node->sub_count++] = p->list[i];
    return node;
}

static struct json_node *make(struct json_schema *s, const struct json_doc *doc,
                              const struct k2_json *json) {
    struct parts p = {.s = s, .doc = doc, .json = json};
    bool truth;
    if (k2_json_as_bool(json, &truth))
        return add(&p, truth ? JSON_TRUE : JSON_FALSE);
    if (has(&p, "$ref")) {
        struct json_node *node = add(&p, JSON_REFERENCE);
        if (!doc->latest)
            return node;
    }
    if (has(&p, "enum"))
        add(&p, JSON_ENUM);
    add_combined(&p, "allOf", JSON_ALL_OF);
    add_combined(&p, "anyOf", JSON_ANY_OF);
    add_combined(&p, "oneOf", JSON_ONE_OF);
    if (has(&p, "not"))
        add(&p, JSON_NOT);
    if (has(&p, "const"))
        add(&p, JSON_CONST);
    add_untyped(&p, add_typed(&p));
    if (p.n == 0)
        return add(&p, JSON_EMPTY);
    return p.n == 1 ? p.list[0] : all_of(&p);
}

struct json_node *json_node_of(struct json_schema *s, const struct json_doc *doc,
                               const struct k2_json *json) {
    if (!json)
        return NULL;
    /* true and false are the same object wherever they stand, and mean the same */
    struct json_node *node = (struct json_node *)schema_pairs_get(&s->nodes, json, NULL);
    if (!node) {
        node = make(s, doc, json);
        schema_pairs_set(&s->nodes, json, NULL, (uintptr_t)node);
    }
    return node;
}

struct json_node *json_node_meant(struct json_schema *s, struct json_node *node) {
    for (int hops = 0; node && node->kind == JSON_REFERENCE && hops < MOST_HOPS; hops++) {
        struct k2_sv ref = {0};
        const struct json_doc *doc;
        k2_json_as_string(k2_json_get(node->json, "$ref"), &ref);
        const struct k2_json *json = json_reference(s, node->doc, ref, &doc);
        node = json_node_of(s, doc, json);
    }
    return node;
}
