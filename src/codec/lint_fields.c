/* codec/lint_fields.c - the fields of Avro, JSON and Protobuf schemas for the rules of lint.c.
 *
 * A type that is met again is not walked again, so that recursive schemas end and every field is
 * looked at once, where it is met first.
 */
#include "codec/avro_schema.h"
#include "codec/json_schema.h"
#include "codec/lint_int.h"
#include "codec/protobuf_schema.h"

enum { MOST_FIELDS = 10000 };

/* --- Avro --- */

struct avro_walk {
    struct lint_fields *out;
    bool *seen; /* by named type */
    int depth;
};

static void walk_avro(struct avro_walk *w, const struct avro_node *node);

/* What a union, an array or a map holds in the end, null apart; NULL if that is not one thing. */
static const struct avro_node *inner_avro(const struct avro_node *node) {
    for (int hops = 0; hops < SCHEMA_MAX_DEPTH; hops++) {
        const struct avro_node *only = NULL;
        if (node->branch_count == 0)
            return node;
        for (size_t i = 0; i < node->branch_count; i++) {
            if (node->branches[i]->type == AVRO_NULL)
                continue;
            if (only)
                return NULL;
            only = node->branches[i];
        }
        if (!only)
            return NULL;
        node = only;
    }
    return NULL;
}

/* Timestamps and times carry their unit in the logical type. */
static struct k2_sv logical_unit(struct k2_sv logical) {
    static const char *const units[] = {"millis", "micros", "nanos"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (k2_sv_ends(logical, k2_sv_of(units[i])))
            return k2_sv_of(units[i]);
    return (struct k2_sv){0};
}

static void take_scale(struct lint_field *f, const struct k2_json *properties) {
    if (k2_json_as_int(k2_json_get(properties, "scale"), &f->scale))
        f->has_scale = true;
    if (k2_json_as_int(k2_json_get(properties, "precision"), &f->precision))
        f->has_precision = true;
}

static void take_aliases(struct schema_arena *arena, struct lint_field *out,
                         const struct k2_json *list) {
    struct k2_sv s;
    out->aliases = schema_arena_take(arena, k2_json_count(list) * sizeof *out->aliases);
    for (size_t i = 0; i < k2_json_count(list); i++)
        if (k2_json_as_string(k2_json_at(list, i), &s))
            out->aliases[out->alias_count++] = (struct k2_sv){schema_arena_text(arena, s), s.n};
}

static void describe_avro(struct schema_arena *arena, struct lint_field *out,
                          const struct avro_field *f) {
    struct k2_sv logical = {0};
    const struct avro_node *type = inner_avro(f->type);
    out->required = !f->value;
    take_aliases(arena, out, k2_json_get(f->json, "aliases"));
    out->instead = "bytes with the logical type decimal, or a long with a fixed scale";
    if (type && (type->type == AVRO_FLOAT || type->type == AVRO_DOUBLE))
        out->float_type = avro_type_name(type->type);
    if (type) {
        out->integer = type->type == AVRO_INT || type->type == AVRO_LONG;
        k2_json_as_string(k2_json_get(type->json, "logicalType"), &logical);
        out->unit = logical_unit(logical);
        take_scale(out, type->json);
        if (k2_sv_eq(logical, K2_SV("decimal")))
            out->has_scale = true; /* 0 when it is left out */
    }
    take_scale(out, f->json);
    lint_field_words(out, f->json, "doc");
}

static void walk_avro_record(struct avro_walk *w, const struct avro_node *record) {
    if (w->seen[record->index] || w->depth == SCHEMA_MAX_DEPTH)
        return;
    w->seen[record->index] = true;
    w->depth++;
    for (size_t i = 0; i < record->field_count && w->out->n < MOST_FIELDS; i++) {
        const struct avro_field *f = &record->fields[i];
        describe_avro(&w->out->arena, lint_fields_add(w->out, f->name), f);
        size_t was = schema_path_enter(&w->out->path, f->name);
        walk_avro(w, f->type);
        schema_path_leave(&w->out->path, was);
    }
    w->depth--;
}

static void walk_avro(struct avro_walk *w, const struct avro_node *node) {
    if (node->type == AVRO_RECORD)
        walk_avro_record(w, node);
    for (size_t i = 0; i < node->branch_count; i++)
        walk_avro(w, node->branches[i]);
}

/* The texts of the fields are borrowed from the JSON: copied before it goes. */
static void keep_texts(struct lint_fields *out) {
    for (size_t i = 0; i < out->n; i++) {
        struct lint_field *f = &out->list[i];
        struct k2_sv *texts[] = {&f->unit, &f->deprecated};
        for (size_t t = 0; t < 2; t++)
            texts[t]->p = schema_arena_text(&out->arena, *texts[t]);
    }
}

int lint_fields_of_avro(const struct k2_schema_text *s, struct lint_fields *out,
                        struct k2_err *err) {
    struct avro_schema schema;
    int rc = avro_schema_parse(s, &schema, err);
    if (rc == K2_OK) {
        struct avro_walk w = {.out = out};
        w.seen = schema_arena_take(&schema.arena, schema.named_count);
        walk_avro(&w, schema.root);
        keep_texts(out);
    }
    avro_schema_free(&schema);
    return rc;
}

/* --- JSON Schema --- */

struct json_walk {
    struct lint_fields *out;
    struct json_schema *s;
    struct schema_pairs seen; /* by object */
    int depth;
};

static void walk_json(struct json_walk *w, const struct json_node *node);

static const struct json_node *meant(struct json_walk *w, const struct json_doc *doc,
                                     const struct k2_json *json) {
    return json_node_meant(w->s, json_node_of(w->s, doc, json));
}

static bool names_type(const struct k2_json *json, const char *type) {
    const struct k2_json *given = k2_json_get(json, "type");
    struct k2_sv s;
    if (k2_json_as_string(given, &s))
        return k2_sv_eq(s, k2_sv_of(type));
    for (size_t i = 0; i < k2_json_count(given); i++)
        if (k2_json_as_string(k2_json_at(given, i), &s) && k2_sv_eq(s, k2_sv_of(type)))
            return true;
    return false;
}

static bool is_required(const struct k2_json *object, struct k2_sv name) {
    const struct k2_json *list = k2_json_get(object, "required");
    struct k2_sv s;
    for (size_t i = 0; i < k2_json_count(list); i++)
        if (k2_json_as_string(k2_json_at(list, i), &s) && k2_sv_eq(s, name))
            return true;
    return false;
}

static void walk_json_property(struct json_walk *w, const struct json_node *object,
                               struct k2_sv name, const struct k2_json *schema) {
    const struct json_node *node = meant(w, object->doc, schema);
    struct lint_field *f = lint_fields_add(w->out, name);
    f->required = is_required(object->json, name);
    f->instead = "a string with decimal digits, or an integer with a fixed scale";
    f->integer = names_type(node->json, "integer");
    if (names_type(node->json, "number"))
        f->float_type = "a JSON number";
    take_scale(f, schema);
    lint_field_words(f, schema, "description");
    size_t was = schema_path_enter(&w->out->path, name);
    walk_json(w, node);
    schema_path_leave(&w->out->path, was);
}

static void walk_json_object(struct json_walk *w, const struct json_node *node) {
    void *iter = NULL;
    struct k2_sv name;
    struct k2_json *schema;
    while (k2_json_next(k2_json_get(node->json, "properties"), &iter, &name, &schema) &&
           w->out->n < MOST_FIELDS)
        walk_json_property(w, node, name, schema);
    const struct k2_json *items = k2_json_get(node->json, "items");
    if (k2_json_type(items) == K2_JSON_OBJECT)
        walk_json(w, meant(w, node->doc, items));
}

static void walk_json(struct json_walk *w, const struct json_node *node) {
    if (!node || !node->json || w->depth == SCHEMA_MAX_DEPTH ||
        schema_pairs_get(&w->seen, node->json, NULL))
        return;
    schema_pairs_set(&w->seen, node->json, NULL, 1);
    w->depth++;
    for (size_t i = 0; i < node->sub_count; i++)
        walk_json(w, json_node_meant(w->s, node->subs[i]));
    walk_json_object(w, node);
    w->depth--;
}

int lint_fields_of_json(const struct k2_schema_text *s, struct lint_fields *out,
                        struct k2_err *err) {
    struct json_schema schema;
    int rc = json_schema_parse(s, &schema, err);
    if (rc == K2_OK) {
        struct json_walk w = {.out = out, .s = &schema};
        walk_json(&w, json_node_meant(&schema, schema.root));
        keep_texts(out);
        schema_pairs_free(&w.seen);
    }
    json_schema_free(&schema);
    return rc;
}

/* --- Protobuf --- */

static void walk_types(struct lint_fields *out, const struct proto_type *t) {
    for (; t; t = t->next) {
        size_t was = schema_path_enter(&out->path, t->name);
        for (const struct proto_field *p = t->fields; !t->is_enum && p && out->n < MOST_FIELDS;
             p = p->next) {
            struct lint_field *f = lint_fields_add(out, p->name);
            f->required = p->label == PROTO_REQUIRED;
            f->instead = "a string with decimal digits, or an int64 with a fixed scale";
            f->integer = p->type.scalar && k2_sv_ends(p->type.name, K2_SV("64"));
            if (p->type.scalar && k2_sv_eq(p->type.name, K2_SV("double")))
                f->float_type = "double";
            if (p->type.scalar && k2_sv_eq(p->type.name, K2_SV("float")))
                f->float_type = "float";
        }
        walk_types(out, t->types);
        schema_path_leave(&out->path, was);
    }
}

int lint_fields_of_protobuf(const struct k2_schema_text *s, struct lint_fields *out,
                            struct k2_err *err) {
    struct proto_schema schema;
    int rc = proto_schema_parse(s, &schema, err);
    if (rc == K2_OK)
        walk_types(out, schema.files[schema.file_count - 1].types);
    proto_schema_free(&schema);
    return rc;
}
