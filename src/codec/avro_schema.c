/* codec/avro_schema.c - reads the JSON of an Avro schema (Avro 1.11 specification, "Schema Declaration").
 *
 * As the Java library reads it: a name without dots is looked up in the enclosing namespace, then without
 * one; properties that the specification does not know are kept and mean nothing; "error" is a record.
 * Refused are a name twice, a union in a union or two like branches in one, a default that is no value of
 * its type, a field, symbol or size that is missing or malformed.
 */
#include "codec/avro_schema.h"

#include <stdlib.h>

struct parse {
    struct avro_schema *s;
    struct schema_path path;
    struct k2_err *err;
    struct k2_sv space; /* the enclosing namespace */
    int depth;
    bool referenced;
};

static const char *const names[] = {"null",   "boolean", "int",    "long",   "float",
                                    "double", "bytes",   "string", "record", "enum",
                                    "array",  "map",     "union",  "fixed"};

const char *avro_type_name(enum avro_type type) {
    return names[type];
}

static K2_RC parse_type(struct parse *p, const struct k2_json *json, struct avro_node **out);

#define bad(p, ...) (k2_fail_((p)->err, K2_E_INVALID, __VA_ARGS__), at(p), K2_E_INVALID)

/* Puts the place in front of what is wrong there. */
static void at(struct parse *p) {
    k2_err_context(p->err, K2_E_INVALID, "at %s",
                   p->path.text.n ? k2_buf_cstr(&p->path.text) : "/");
}

/* --- names --- */

static bool name_ok(struct k2_sv s) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return s.n > 0;
}

static bool space_ok(struct k2_sv s) {
    while (s.n)
        if (!name_ok(k2_sv_split(&s, '.')))
            return false;
    return true;
}

static bool primitive(struct k2_sv name, enum avro_type *type) {
    for (int i = AVRO_NULL; i <= AVRO_STRING; i++) {
        if (k2_sv_eq(name, k2_sv_of(names[i]))) {
            *type = (enum avro_type)i;
            return true;
        }
    }
    return false;
}

/* The parts before and after the last dot. */
static void split_name(struct k2_sv full, struct k2_sv *space, struct k2_sv *name) {
    size_t dot = full.n;
    while (dot > 0 && full.p[dot - 1] != '.')
        dot--;
    *space = (struct k2_sv){full.p, dot ? dot - 1 : 0};
    *name = (struct k2_sv){full.p + dot, full.n - dot};
}

static struct k2_sv full_name(struct parse *p, struct k2_sv name, struct k2_sv space) {
    if (space.n == 0 || memchr(name.p, '.', name.n))
        return name;
    size_t n = space.n + 1 + name.n;
    char *text = schema_arena_take(&p->s->arena, n + 1);
    memcpy(text, space.p, space.n);
    text[space.n] = '.';
    memcpy(text + space.n + 1, name.p, name.n);
    return (struct k2_sv){text, n};
}

static struct avro_node *find_full(const struct avro_schema *s, struct k2_sv full) {
    for (size_t i = 0; i < s->named_count; i++)
        if (k2_sv_eq(s->named[i]->full, full))
            return s->named[i];
    return NULL;
}

static struct avro_node *find_named(struct parse *p, struct k2_sv name) {
    struct avro_node *found = name.n ? find_full(p->s, full_name(p, name, p->space)) : NULL;
    return found ? found : find_full(p->s, name);
}

static struct avro_node *new_node(struct parse *p, enum avro_type type,
                                  const struct k2_json *json) {
    struct avro_node *node = schema_arena_take(&p->s->arena, sizeof *node);
    node->type = type;
    node->json = json;
    return node;
}

static K2_RC name_text(struct parse *p, const struct k2_json *json, struct k2_sv *full) {
    struct k2_sv name, space = p->space;
    if (!k2_json_as_string(k2_json_get(json, "name"), &name))
        return bad(p, "a named type needs a \"name\"");
    k2_json_as_string(k2_json_get(json, "namespace"), &space);
    if (name.n == 0)
        return bad(p, "the name is empty");
    *full = full_name(p, name, space);
    return K2_OK;
}

static K2_RC take_aliases(struct parse *p, struct avro_node *node) {
    const struct k2_json *list = k2_json_get(node->json, "aliases");
    if (!list)
        return K2_OK;
    if (k2_json_type(list) != K2_JSON_ARRAY)
        return bad(p, "\"aliases\" is not an array");
    node->aliases = schema_arena_take(&p->s->arena, k2_json_count(list) * sizeof *node->aliases);
    for (size_t i = 0; i < k2_json_count(list); i++) {
        struct k2_sv alias;
        if (!k2_json_as_string(k2_json_at(list, i), &alias) || alias.n == 0)
            return bad(p, "an alias is not a name");
        node->aliases[node->alias_count++] = full_name(p, alias, node->space);
    }
    return K2_OK;
}

/* Makes a named type known, so that it can be named from inside itself. */
static K2_RC declare(struct parse *p, struct avro_node *node) {
    struct avro_schema *s = p->s;
    enum avro_type type;
    K2_TRY(name_text(p, node->json, &node->full));
    split_name(node->full, &node->space, &node->name);
    if (!name_ok(node->name) || !space_ok(node->space))
        return bad(p, "\"%.*s\" is not a name: letters, digits and _ only, no digit first",
                   K2_SV_ARG(k2_sv_shown(node->full)));
    if (primitive(node->full, &type))
        return bad(p, "a type may not be named %s, as a primitive type is", names[type]);
    if (find_full(s, node->full))
        return bad(p, "%.*s is declared twice", K2_SV_ARG(k2_sv_shown(node->full)));
    if (s->named_count == SCHEMA_MAX_NAMES)
        return k2_fail(p->err, K2_E_RANGE, "a schema declares more than %d names",
                       SCHEMA_MAX_NAMES);
    node->index = s->named_count;
    node->referenced = p->referenced;
    s->named[s->named_count++] = node;
    return take_aliases(p, node);
}

/* --- the complex types --- */

static bool order_ok(const struct k2_json *order) {
    struct k2_sv s;
    if (!order)
        return true;
    return k2_json_as_string(order, &s) &&
           (k2_sv_eq(s, K2_SV("ascending")) || k2_sv_eq(s, K2_SV("descending")) ||
            k2_sv_eq(s, K2_SV("ignore")));
}

static bool aliases_ok(const struct k2_json *list) {
    struct k2_sv s;
    if (list && k2_json_type(list) != K2_JSON_ARRAY)
        return false;
    for (size_t i = 0; i < k2_json_count(list); i++)
        if (!k2_json_as_string(k2_json_at(list, i), &s))
            return false;
    return true;
}

static K2_RC parse_field(struct parse *p, const struct k2_json *json, struct avro_node *record) {
    struct avro_field *f = &record->fields[record->field_count];
    if (!k2_json_as_string(k2_json_get(json, "name"), &f->name) || !name_ok(f->name))
        return bad(p, "a field needs a \"name\" of letters, digits and _");
    for (size_t i = 0; i < record->field_count; i++)
        if (k2_sv_eq(record->fields[i].name, f->name))
            return bad(p, "field %.*s is there twice", K2_SV_ARG(k2_sv_shown(f->name)));
    if (!k2_json_get(json, "type"))
        return bad(p, "field %.*s has no \"type\"", K2_SV_ARG(k2_sv_shown(f->name)));
    if (!order_ok(k2_json_get(json, "order")))
        return bad(p, "\"order\" is ascending, descending or ignore");
    if (!aliases_ok(k2_json_get(json, "aliases")))
        return bad(p, "\"aliases\" is not an array of names");
    f->json = json;
    size_t was = schema_path_enter(&p->path, K2_SV("type"));
    K2_TRY(parse_type(p, k2_json_get(json, "type"), &f->type));
    schema_path_leave(&p->path, was);
    f->value = k2_json_get(json, "default");
    record->field_count++;
    return K2_OK;
}

static K2_RC parse_record(struct parse *p, struct avro_node *node) {
    const struct k2_json *fields = k2_json_get(node->json, "fields");
    if (k2_json_type(fields) != K2_JSON_ARRAY)
        return bad(p, "record %.*s has no array \"fields\"", K2_SV_ARG(k2_sv_shown(node->full)));
    node->fields = schema_arena_take(&p->s->arena, k2_json_count(fields) * sizeof *node->fields);
    struct k2_sv space = p->space;
    p->space = node->space;
    size_t was = schema_path_enter(&p->path, K2_SV("fields"));
    for (size_t i = 0; i < k2_json_count(fields); i++) {
        size_t inner = schema_path_enter_index(&p->path, i);
        K2_TRY(parse_field(p, k2_json_at(fields, i), node));
        schema_path_leave(&p->path, inner);
    }
    schema_path_leave(&p->path, was);
    p->space = space;
    return K2_OK;
}

bool avro_symbol_known(const struct avro_node *enumeration, struct k2_sv symbol) {
    const struct k2_json *symbols = k2_json_get(enumeration->json, "symbols");
    struct k2_sv s;
    for (size_t i = 0; i < k2_json_count(symbols); i++)
        if (k2_json_as_string(k2_json_at(symbols, i), &s) && k2_sv_eq(s, symbol))
            return true;
    return false;
}

static int symbol_order(const void *a, const void *b) {
    return k2_sv_cmp(*(const struct k2_sv *)a, *(const struct k2_sv *)b);
}

static K2_RC parse_enum(struct parse *p, const struct avro_node *node) {
    const struct k2_json *symbols = k2_json_get(node->json, "symbols");
    size_t n = k2_json_count(symbols);
    if (k2_json_type(symbols) != K2_JSON_ARRAY)
        return bad(p, "enum %.*s has no array \"symbols\"", K2_SV_ARG(k2_sv_shown(node->full)));
    struct k2_sv *sorted = schema_arena_take(&p->s->arena, n * sizeof *sorted);
    for (size_t i = 0; i < n; i++)
        if (!k2_json_as_string(k2_json_at(symbols, i), &sorted[i]) || !name_ok(sorted[i]))
            return bad(p, "symbol %zu is not a name of letters, digits and _", i);
    qsort(sorted, n, sizeof *sorted, symbol_order);
    for (size_t i = 1; i < n; i++)
        if (k2_sv_eq(sorted[i - 1], sorted[i]))
            return bad(p, "symbol %.*s is there twice", K2_SV_ARG(k2_sv_shown(sorted[i])));
    const struct k2_json *value = k2_json_get(node->json, "default");
    struct k2_sv symbol;
    if (value && (!k2_json_as_string(value, &symbol) || !avro_symbol_known(node, symbol)))
        return bad(p, "the default of enum %.*s is none of its symbols",
                   K2_SV_ARG(k2_sv_shown(node->full)));
    return K2_OK;
}

static K2_RC parse_named(struct parse *p, struct avro_node *node) {
    K2_TRY(declare(p, node));
    if (node->type == AVRO_RECORD)
        return parse_record(p, node);
    if (node->type == AVRO_ENUM)
        return parse_enum(p, node);
    if (!k2_json_as_int(k2_json_get(node->json, "size"), &node->size) || node->size < 0 ||
        node->size > INT32_MAX)
        return bad(p, "fixed %.*s needs a \"size\" of bytes", K2_SV_ARG(k2_sv_shown(node->full)));
    return K2_OK;
}

static K2_RC parse_elements(struct parse *p, struct avro_node *node, const char *key) {
    const struct k2_json *type = k2_json_get(node->json, key);
    if (!type)
        return bad(p, "%s without \"%s\"", names[node->type], key);
    node->branches = schema_arena_take(&p->s->arena, sizeof *node->branches);
    node->branch_count = 1;
    size_t was = schema_path_enter(&p->path, k2_sv_of(key));
    K2_TRY(parse_type(p, type, &node->branches[0]));
    schema_path_leave(&p->path, was);
    return K2_OK;
}

static bool same_branch(const struct avro_node *a, const struct avro_node *b) {
    return a->type == b->type && (!avro_is_named(a->type) || k2_sv_eq(a->full, b->full));
}

static K2_RC add_branch(struct parse *p, struct avro_node *node, struct avro_node *branch) {
    if (branch->type == AVRO_UNION)
        return bad(p, "a union may not hold a union");
    for (size_t i = 0; i < node->branch_count; i++)
        if (same_branch(node->branches[i], branch))
            return bad(p, "the union has %s twice",
                       avro_is_named(branch->type) ? schema_arena_text(&p->s->arena, branch->full)
                                                   : names[branch->type]);
    node->branches[node->branch_count++] = branch;
    return K2_OK;
}

static K2_RC parse_union(struct parse *p, const struct k2_json *json, struct avro_node **out) {
    struct avro_node *node = new_node(p, AVRO_UNION, json), *branch = NULL;
    node->branches = schema_arena_take(&p->s->arena, k2_json_count(json) * sizeof *node->branches);
    for (size_t i = 0; i < k2_json_count(json); i++) {
        size_t was = schema_path_enter_index(&p->path, i);
        K2_TRY(parse_type(p, k2_json_at(json, i), &branch));
        K2_TRY(add_branch(p, node, branch));
        schema_path_leave(&p->path, was);
    }
    *out = node;
    return K2_OK;
}

static bool complex(struct k2_sv name, enum avro_type *type) {
    if (k2_sv_eq(name, K2_SV("error"))) {
        *type = AVRO_RECORD;
        return true;
    }
    for (int i = AVRO_RECORD; i <= AVRO_FIXED; i++) {
        if (i != AVRO_UNION && k2_sv_eq(name, k2_sv_of(names[i]))) {
            *type = (enum avro_type)i;
            return true;
        }
    }
    return false;
}

static K2_RC parse_object(struct parse *p, const struct k2_json *json, struct avro_node **out) {
    struct k2_sv name;
    enum avro_type type;
    if (!k2_json_as_string(k2_json_get(json, "type"), &name))
        return bad(p, "a type's object needs \"type\" with the name of a type");
    if (primitive(name, &type)) {
        *out = new_node(p, type, json);
        return K2_OK;
    }
    if (!complex(name, &type)) {
        *out = find_named(p, name);
        return *out ? K2_OK : bad(p, "unknown type \"%.*s\"", K2_SV_ARG(k2_sv_shown(name)));
    }
    *out = new_node(p, type, json);
    if (type == AVRO_ARRAY || type == AVRO_MAP)
        return parse_elements(p, *out, type == AVRO_ARRAY ? "items" : "values");
    return parse_named(p, *out);
}

static K2_RC parse_name(struct parse *p, struct k2_sv name, struct avro_node **out) {
    enum avro_type type;
    *out = primitive(name, &type) ? new_node(p, type, NULL) : find_named(p, name);
    return *out ? K2_OK
                : bad(p, "unknown type \"%.*s\": a name must be declared before it is used",
                      K2_SV_ARG(k2_sv_shown(name)));
}

static K2_RC parse_type(struct parse *p, const struct k2_json *json, struct avro_node **out) {
    struct k2_sv name;
    if (p->depth == SCHEMA_MAX_DEPTH)
        return k2_fail(p->err, K2_E_RANGE, "types are nested deeper than %d", SCHEMA_MAX_DEPTH);
    p->depth++;
    int rc = K2_OK;
    if (k2_json_as_string(json, &name))
        rc = parse_name(p, name, out);
    else if (k2_json_type(json) == K2_JSON_ARRAY)
        rc = parse_union(p, json, out);
    else if (k2_json_type(json) == K2_JSON_OBJECT)
        rc = parse_object(p, json, out);
    else
        rc = bad(p, "a type is a name, an object or an array");
    p->depth--;
    return rc;
}

/* --- defaults, once every type is whole --- */

static K2_RC check_defaults(struct parse *p, const struct avro_node *record) {
    for (size_t i = 0; i < record->field_count; i++) {
        const struct avro_field *f = &record->fields[i];
        const struct avro_node *type = f->type;
        if (!f->value)
            continue;
        if (type->type == AVRO_UNION && type->branch_count > 0)
            type = type->branches[0]; /* "Unions": a default is of the first type */
        if (!avro_default_fits(type, f->value))
            return k2_fail(p->err, K2_E_INVALID,
                           "field %.*s of %.*s: the default is no value of %s%s",
                           K2_SV_ARG(k2_sv_shown(f->name)), K2_SV_ARG(k2_sv_shown(record->full)),
                           f->type == type ? "" : "the union's first type, ", names[type->type]);
    }
    return K2_OK;
}

static K2_RC parse_text(struct parse *p, struct k2_sv text, struct avro_node **out) {
    struct avro_schema *s = p->s;
    size_t first = s->named_count;
    K2_TRY(k2_json_parse(text, &s->docs[s->doc_count], p->err));
    s->doc_count++;
    p->space = (struct k2_sv){0};
    p->depth = 0;
    p->path.text.n = 0;
    K2_TRY(parse_type(p, s->docs[s->doc_count - 1], out));
    for (size_t i = first; i < s->named_count; i++)
        K2_TRY(check_defaults(p, s->named[i]));
    return K2_OK;
}

static K2_RC parse_all(struct parse *p, const struct k2_schema_text *s) {
    struct avro_node *ignored;
    p->referenced = true;
    for (size_t i = 0; i < s->ref_count; i++)
        K2_TRY_CTX(parse_text(p, s->refs[i].text, &ignored), p->err, "reference %.*s",
                   K2_SV_ARG(k2_sv_shown(s->refs[i].name)));
    p->referenced = false;
    return parse_text(p, s->text, &p->s->root);
}

int avro_schema_parse(const struct k2_schema_text *s, struct avro_schema *out, struct k2_err *err) {
    struct parse p = {.s = out, .err = err};
    *out = (struct avro_schema){0};
    out->docs = k2_zalloc((s->ref_count + 1) * sizeof(struct k2_json *));
    out->named = schema_arena_take(&out->arena, SCHEMA_MAX_NAMES * sizeof *out->named);
    int rc = parse_all(&p, s);
    k2_buf_free(&p.path.text);
    return k2_err_context(err, rc, "not an Avro schema");
}

void avro_schema_free(struct avro_schema *s) {
    for (size_t i = 0; i < s->doc_count; i++)
        k2_json_free(s->docs[i]);
    free(s->docs);
    schema_arena_free(&s->arena);
}
