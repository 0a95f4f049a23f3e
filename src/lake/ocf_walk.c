/* Reading Avro records by their writer's schema: the schema's JSON becomes a tree of nodes in which
 * each wanted leaf has its number, and a record is one walk over that tree. Fields nobody asked
 * for, in whatever order, are stepped over; so manifests of every writer are read the same way. */
#include "lake/ocf.h"

#include "codec/codec.h"
#include "lake/lake_int.h"

#include <stdlib.h>

#define MAX_DEPTH 24
#define MAX_NODES 4096 /* a manifest's schema has about 80 */

enum node_type { NUL, BOOLEAN, LONG, BYTES, FIXED, ENUM, RECORD, ARRAY, MAP, UNION };

struct node {
    enum node_type type;
    bool narrow; /* LONG: an Avro int */
    int tag, n;  /* n children: fields, branches; ENUM: symbols */
    size_t size; /* FIXED: bytes */
    struct node *child;
};

struct lake_ocf_schema {
    struct node root;
};

/* --- compiling --- */

struct compiler {
    const struct lake_ocf_visitor *visitor;
    const struct k2_json *root; /* named types are looked for in it */
    struct k2_buf path;
    int nodes;
};

static K2_RC compile(struct compiler *c, const struct k2_json *type, int depth, struct node *out,
                     struct k2_err *err);

static void free_node(struct node *n) {
    for (int i = 0; n->child && i < n->n; i++)
        free_node(&n->child[i]);
    free(n->child);
}

static bool primitive(struct k2_sv name, struct node *out) {
    static const struct {
        const char *name;
        enum node_type type;
        size_t size;
    } known[] = {{"null", NUL, 0},    {"boolean", BOOLEAN, 0}, {"int", LONG, 0},
                 {"long", LONG, 0},   {"float", FIXED, 4},     {"double", FIXED, 8},
                 {"bytes", BYTES, 0}, {"string", BYTES, 0}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (k2_sv_eq(name, k2_sv_of(known[i].name))) {
            out->type = known[i].type;
            out->size = known[i].size;
            out->narrow = k2_sv_eq(name, K2_SV("int"));
            return true;
        }
    return false;
}

/* The definition of a named type, anywhere in the schema. Namespaces are ignored: Iceberg's writers
 * use none. */
static const struct k2_json *definition(const struct k2_json *v, struct k2_sv name, int depth) {
    if (depth > 2 * MAX_DEPTH)
        return NULL;
    struct k2_sv text;
    if (k2_json_as_string(k2_json_get(v, "name"), &text) && k2_sv_eq(text, name) &&
        (k2_json_get(v, "fields") || k2_json_get(v, "size") || k2_json_get(v, "symbols")))
        return v;
    const struct k2_json *found = NULL;
    for (size_t i = 0; k2_json_type(v) == K2_JSON_ARRAY && i < k2_json_count(v) && !found; i++)
        found = definition(k2_json_at(v, i), name, depth + 1);
    static const char *const inside[] = {"type", "fields", "items", "values"};
    for (size_t i = 0; k2_json_type(v) == K2_JSON_OBJECT && i < 4 && !found; i++)
        found = definition(k2_json_get(v, inside[i]), name, depth + 1);
    return found;
}

static K2_RC compile_name(struct compiler *c, struct k2_sv name, int depth, struct node *out,
                          struct k2_err *err) {
    if (primitive(name, out)) {
        out->tag = c->visitor->tag(c->visitor->ctx, k2_buf_cstr(&c->path));
        return K2_OK;
    }
    const struct k2_json *d = definition(c->root, name, 0);
    if (!d)
        return k2_fail(err, K2_E_CORRUPT, "its Avro schema names the unknown type %.*s",
                       K2_SV_ARG(name));
    return compile(c, d, depth + 1, out, err);
}

/* Compiles a child under a longer path; `name` empty: the same path. */
static K2_RC compile_child(struct compiler *c, struct k2_sv name, const struct k2_json *type,
                           int depth, struct node *out, struct k2_err *err) {
    size_t length = c->path.n;
    if (name.n && length)
        k2_buf_byte(&c->path, '.');
    k2_buf_sv(&c->path, name);
    int rc = compile(c, type, depth + 1, out, err);
    c->path.n = length;
    return rc;
}

static void make_children(struct node *out, size_t n) {
    out->child = k2_zalloc((n + 1) * sizeof *out->child);
    out->n = (int)n;
}

static K2_RC compile_record(struct compiler *c, const struct k2_json *type, int depth,
                            struct node *out, struct k2_err *err) {
    const struct k2_json *fields = k2_json_get(type, "fields");
    if (k2_json_type(fields) != K2_JSON_ARRAY || k2_json_count(fields) > MAX_NODES)
        return k2_fail(err, K2_E_CORRUPT, "its Avro schema has a record without fields");
    out->type = RECORD;
    out->tag = c->visitor->tag(c->visitor->ctx, k2_buf_cstr(&c->path));
    make_children(out, k2_json_count(fields));
    for (int i = 0; i < out->n; i++) {
        const struct k2_json *f = k2_json_at(fields, (size_t)i);
        struct k2_sv name;
        if (!k2_json_as_string(k2_json_get(f, "name"), &name) || name.n == 0)
            return k2_fail(err, K2_E_CORRUPT, "its Avro schema has a field without a name");
        K2_TRY(compile_child(c, name, k2_json_get(f, "type"), depth, &out->child[i], err));
    }
    return K2_OK;
}

static K2_RC compile_union(struct compiler *c, const struct k2_json *type, int depth,
                           struct node *out, struct k2_err *err) {
    size_t n = k2_json_count(type);
    if (n > MAX_NODES)
        return k2_fail(err, K2_E_CORRUPT, "its Avro schema has an oversized union");
    out->type = UNION;
    make_children(out, n);
    for (size_t i = 0; i < n; i++)
        K2_TRY(compile_child(c, K2_SV(""), k2_json_at(type, i), depth, &out->child[i], err));
    return K2_OK;
}

/* Whether a value of this type can take no byte at all: many of those in few bytes would be an
 * endless loop, and no manifest has them. */
static bool weightless(const struct node *n) {
    bool all = n->type == NUL || n->type == RECORD || (n->type == FIXED && n->size == 0);
    for (int i = 0; all && n->type == RECORD && i < n->n; i++)
        all = weightless(&n->child[i]);
    return all;
}

static K2_RC compile_array(struct compiler *c, const struct k2_json *type, int depth,
                           struct node *out, struct k2_err *err) {
    out->type = ARRAY;
    make_children(out, 1);
    K2_TRY(compile_child(c, K2_SV(""), k2_json_get(type, "items"), depth, out->child, err));
    if (weightless(out->child))
        return k2_fail(err, K2_E_CORRUPT, "its Avro schema has an array of nothing");
    return K2_OK;
}

/* A map's children are its keys and its values. */
static K2_RC compile_map(struct compiler *c, const struct k2_json *type, int depth,
                         struct node *out, struct k2_err *err) {
    out->type = MAP;
    make_children(out, 2);
    struct k2_json *key = k2_json_cstring("string");
    int rc = compile_child(c, K2_SV("key"), key, depth, &out->child[0], err);
    k2_json_free(key);
    K2_TRY(rc);
    return compile_child(c, K2_SV("value"), k2_json_get(type, "values"), depth, &out->child[1],
                         err);
}

static K2_RC compile_leaf(struct compiler *c, const struct k2_json *type, enum node_type leaf,
                          struct node *out, struct k2_err *err) {
    int64_t size = leaf == FIXED ? lake_json_int(type, "size", -1)
                                 : (int64_t)k2_json_count(k2_json_get(type, "symbols"));
    if (size < 0 || size > 1 << 20)
        return k2_fail(err, K2_E_CORRUPT, "its Avro schema has a fixed type of no valid size");
    out->type = leaf;
    out->size = (size_t)size;
    out->tag = c->visitor->tag(c->visitor->ctx, k2_buf_cstr(&c->path));
    return K2_OK;
}

static K2_RC compile(struct compiler *c, const struct k2_json *type, int depth, struct node *out,
                     struct k2_err *err) {
    struct k2_sv name;
    if (depth > MAX_DEPTH || ++c->nodes > MAX_NODES)
        return k2_fail(err, K2_E_CORRUPT, "its Avro schema is nested too deeply or too large");
    if (k2_json_as_string(type, &name))
        return compile_name(c, name, depth, out, err);
    if (k2_json_type(type) == K2_JSON_ARRAY)
        return compile_union(c, type, depth, out, err);
    const struct k2_json *inner = k2_json_get(type, "type");
    if (!k2_json_as_string(inner, &name)) {
        if (!inner)
            return k2_fail(err, K2_E_CORRUPT, "its Avro schema has a type that says nothing");
        return compile(c, inner, depth + 1, out, err);
    }
    if (k2_sv_eq(name, K2_SV("record")))
        return compile_record(c, type, depth, out, err);
    if (k2_sv_eq(name, K2_SV("array")))
        return compile_array(c, type, depth, out, err);
    if (k2_sv_eq(name, K2_SV("map")))
        return compile_map(c, type, depth, out, err);
    if (k2_sv_eq(name, K2_SV("fixed")) || k2_sv_eq(name, K2_SV("enum")))
        return compile_leaf(c, type, name.p[0] == 'f' ? FIXED : ENUM, out, err);
    return compile_name(c, name, depth, out, err);
}

K2_RC lake_ocf_compile(struct k2_sv text, const struct lake_ocf_visitor *v,
                       struct lake_ocf_schema **out, struct k2_err *err) {
    struct k2_json *json;
    if (k2_json_parse(text, &json, err) != K2_OK)
        return k2_fail(err, K2_E_CORRUPT, "its Avro schema is not JSON");
    struct lake_ocf_schema *s = k2_zalloc(sizeof *s);
    struct compiler c = {.visitor = v, .root = json};
    int rc = compile(&c, json, 0, &s->root, err);
    if (rc == K2_OK && (s->root.type != RECORD || weightless(&s->root)))
        rc = k2_fail(err, K2_E_CORRUPT, "its Avro schema is not a record with fields");
    k2_buf_free(&c.path);
    k2_json_free(json);
    if (rc != K2_OK) {
        lake_ocf_schema_free(s);
        return rc;
    }
    *out = s;
    return K2_OK;
}

void lake_ocf_schema_free(struct lake_ocf_schema *s) {
    if (!s)
        return;
    free_node(&s->root);
    free(s);
}

/* --- walking --- */

static bool walk(const struct node *n, const struct lake_ocf_visitor *v, struct k2_sv *in);

static bool give(const struct node *n, const struct lake_ocf_visitor *v, int64_t number,
                 struct k2_sv bytes) {
    return n->tag == 0 || v->leaf(v->ctx, n->tag, number, bytes);
}

static bool take(struct k2_sv *in, size_t n, struct k2_sv *out) {
    if (in->n < n)
        return false;
    *out = (struct k2_sv){in->p, n};
    *in = (struct k2_sv){in->p + n, in->n - n};
    return true;
}

static bool walk_number(const struct node *n, const struct lake_ocf_visitor *v, struct k2_sv *in) {
    int64_t number;
    if (!k2_avro_get_long(in, &number))
        return false;
    if (n->narrow && (number < INT32_MIN || number > INT32_MAX))
        return false;
    if (n->type == ENUM && (number < 0 || number >= (int64_t)n->size))
        return false;
    return give(n, v, number, (struct k2_sv){0});
}

static bool walk_children(const struct node *n, const struct lake_ocf_visitor *v,
                          struct k2_sv *in) {
    for (int i = 0; i < n->n; i++)
        if (!walk(&n->child[i], v, in))
            return false;
    return true;
}

/* Arrays and maps: blocks of items. An item takes at least a byte (compile_array sees to it), so a
 * count beyond the bytes left is damage. */
static bool walk_items(const struct node *n, const struct lake_ocf_visitor *v, struct k2_sv *in) {
    int64_t count, bytes;
    for (;;) {
        if (!k2_avro_get_long(in, &count))
            return false;
        if (count == 0)
            return true;
        if (count == INT64_MIN || (count < 0 && !k2_avro_get_long(in, &bytes)))
            return false;
        count = count < 0 ? -count : count;
        if ((uint64_t)count > in->n)
            return false;
        for (; count > 0; count--)
            if (!walk_children(n, v, in))
                return false;
    }
}

static bool walk_branch(const struct node *n, const struct lake_ocf_visitor *v, struct k2_sv *in) {
    int64_t branch;
    if (!k2_avro_get_long(in, &branch) || branch < 0 || branch >= n->n)
        return false;
    return walk(&n->child[branch], v, in);
}

static bool walk_node(const struct node *n, const struct lake_ocf_visitor *v, struct k2_sv *in) {
    struct k2_sv bytes;
    switch (n->type) {
    case NUL:
        return true;
    case BOOLEAN:
        return take(in, 1, &bytes) && (uint8_t)bytes.p[0] <= 1 &&
               give(n, v, bytes.p[0], (struct k2_sv){0});
    case LONG:
    case ENUM:
        return walk_number(n, v, in);
    case BYTES:
        return k2_avro_get_bytes(in, &bytes) && give(n, v, 0, bytes);
    case FIXED:
        return take(in, n->size, &bytes) && give(n, v, 0, bytes);
    case RECORD:
        return give(n, v, 0, (struct k2_sv){0}) && walk_children(n, v, in);
    case ARRAY:
    case MAP:
        return walk_items(n, v, in);
    case UNION:
        return walk_branch(n, v, in);
    }
    return false;
}

static bool walk(const struct node *n, const struct lake_ocf_visitor *v, struct k2_sv *in) {
    const char *from = in->p;
    if (!walk_node(n, v, in))
        return false;
    if (!v->encoded || n->tag == 0 || n->type == RECORD || n->type == NUL)
        return true;
    return v->encoded(v->ctx, n->tag, (struct k2_sv){from, (size_t)(in->p - from)});
}

K2_RC lake_ocf_walk(const struct lake_ocf_schema *s, const struct lake_ocf_visitor *v,
                    struct k2_sv *in, struct k2_err *err) {
    if (!walk(&s->root, v, in))
        return k2_fail(err, K2_E_CORRUPT, "a record of it breaks its own schema or is cut");
    return K2_OK;
}
