/* codec/avro_form.c - writes an Avro schema as text, in three forms.
 *
 * Canonical is what the Java library's Schema.toString gives and registries store: "type" first, then name,
 * namespace (where it is another than the enclosing one), doc, fields or symbols, then the properties in
 * their order, then aliases; a primitive without properties is its bare name. Normalized has full names,
 * sorted properties and no spelling of what is the default anyway. Parsing is the specification's
 * "Transforming into Parsing Canonical Form": what matters to a reader of bytes only.
 */
#include "codec/avro_schema.h"

#include <stdlib.h>

struct writer {
    enum k2_schema_form form;
    struct k2_buf *out;
    struct k2_sv space; /* the enclosing namespace */
    bool *written;      /* per named type */
};

static void write_type(struct writer *w, const struct avro_node *node);

static void put(struct writer *w, const char *s) {
    k2_buf_str(w->out, s);
}

static void put_string(struct writer *w, struct k2_sv s) {
    schema_json_put_string(s, w->out);
}

static void put_value(struct writer *w, const char *key, const struct k2_json *value) {
    if (!value)
        return;
    k2_buf_printf(w->out, ",\"%s\":", key);
    schema_json_put(value, w->form == K2_SCHEMA_NORMALIZED, w->out);
}

/* --- properties that the specification does not know --- */

static bool among(struct k2_sv key, const char *const *list) {
    for (; *list; list++)
        if (k2_sv_eq(key, k2_sv_of(*list)))
            return true;
    return false;
}

static const char *const type_words[] = {"type",    "name",    "namespace", "doc",
                                         "fields",  "items",   "values",    "size",
                                         "symbols", "aliases", NULL};
static const char *const enum_words[] = {"type",    "name",    "namespace", "doc",
                                         "fields",  "items",   "values",    "size",
                                         "symbols", "aliases", "default",   NULL};
static const char *const field_words[] = {"type",  "name",    "doc", "default",
                                          "order", "aliases", NULL};

/* Whether there is a property besides the known words. */
static bool has_properties(const struct k2_json *json, const char *const *known) {
    void *iter = NULL;
    struct k2_sv key;
    struct k2_json *value;
    while (k2_json_next(json, &iter, &key, &value))
        if (!among(key, known))
            return true;
    return false;
}

static void put_properties(struct writer *w, const struct k2_json *json, const char *const *known) {
    struct k2_json *rest = k2_json_copy(json);
    for (; *known; known++)
        k2_json_remove(rest, *known);
    struct k2_buf text = {0};
    schema_json_put(rest, w->form == K2_SCHEMA_NORMALIZED, &text);
    if (k2_json_count(rest) > 0) { /* the members without the braces */
        k2_buf_byte(w->out, ',');
        k2_buf_put(w->out, text.p + 1, text.n - 2);
    }
    k2_buf_free(&text);
    k2_json_free(rest);
}

/* --- named types --- */

static bool qualified(const struct writer *w, const struct avro_node *node) {
    return w->form != K2_SCHEMA_CANONICAL ||
           (node->space.n > 0 && !k2_sv_eq(node->space, w->space));
}

static void put_name(struct writer *w, const struct avro_node *node) {
    put_string(w, node->name);
    if (!k2_sv_eq(node->space, w->space)) {
        put(w, ",\"namespace\":");
        put_string(w, node->space);
    }
}

static void put_aliases(struct writer *w, const struct avro_node *node) {
    if (node->alias_count == 0)
        return;
    struct k2_json *list = k2_json_array();
    for (size_t i = 0; i < node->alias_count; i++) {
        struct k2_sv alias = node->aliases[i];
        bool inside = w->form == K2_SCHEMA_CANONICAL && node->space.n > 0 &&
                      alias.n > node->space.n + 1 && k2_sv_starts(alias, node->space) &&
                      alias.p[node->space.n] == '.' &&
                      !memchr(alias.p + node->space.n + 1, '.', alias.n - node->space.n - 1);
        size_t cut = inside ? node->space.n + 1 : 0;
        k2_json_append(list, k2_json_string((struct k2_sv){alias.p + cut, alias.n - cut}));
    }
    put_value(w, "aliases", list);
    k2_json_free(list);
}

static void write_field(struct writer *w, const struct avro_field *f) {
    const struct k2_json *order = k2_json_get(f->json, "order");
    struct k2_sv word = {0};
    put(w, "{\"name\":");
    put_string(w, f->name);
    put(w, ",\"type\":");
    write_type(w, f->type);
    if (w->form != K2_SCHEMA_PARSING) {
        put_value(w, "doc", k2_json_get(f->json, "doc"));
        put_value(w, "default", f->value);
        if (k2_json_as_string(order, &word) && !k2_sv_eq(word, K2_SV("ascending")))
            put_value(w, "order", order);
        if (k2_json_count(k2_json_get(f->json, "aliases")) > 0)
            put_value(w, "aliases", k2_json_get(f->json, "aliases"));
        put_properties(w, f->json, field_words);
    }
    put(w, "}");
}

static void write_fields(struct writer *w, const struct avro_node *node) {
    struct k2_sv space = w->space;
    w->space = node->space;
    put(w, ",\"fields\":[");
    for (size_t i = 0; i < node->field_count; i++) {
        if (i)
            put(w, ",");
        write_field(w, &node->fields[i]);
    }
    put(w, "]");
    w->space = space;
}

static void write_body(struct writer *w, const struct avro_node *node) {
    if (node->type == AVRO_RECORD)
        write_fields(w, node);
    else if (node->type == AVRO_ENUM)
        put_value(w, "symbols", k2_json_get(node->json, "symbols"));
    else
        k2_buf_printf(w->out, ",\"size\":%lld", (long long)node->size);
}

static void write_named(struct writer *w, const struct avro_node *node) {
    struct k2_sv type = K2_SV("record");
    bool parsing = w->form == K2_SCHEMA_PARSING, is_enum = node->type == AVRO_ENUM;
    if (w->written[node->index]) {
        put_string(w, qualified(w, node) ? node->full : node->name);
        return;
    }
    w->written[node->index] = true;
    k2_json_as_string(k2_json_get(node->json, "type"), &type);
    if (w->form == K2_SCHEMA_CANONICAL) {
        put(w, "{\"type\":");
        put_string(w, type);
        put(w, ",\"name\":");
        put_name(w, node);
        put_value(w, "doc", k2_json_get(node->json, "doc"));
    } else {
        put(w, "{\"name\":");
        put_string(w, node->full);
        if (!parsing && node->space.n == 0 && w->space.n > 0)
            put(w, ",\"namespace\":\"\""); /* else it would be in the enclosing one */
        put(w, ",\"type\":");
        put_string(w, parsing ? k2_sv_of(avro_type_name(node->type)) : type);
    }
    write_body(w, node);
    if (is_enum && !parsing)
        put_value(w, "default", k2_json_get(node->json, "default"));
    if (w->form == K2_SCHEMA_NORMALIZED)
        put_value(w, "doc", k2_json_get(node->json, "doc"));
    if (!parsing) {
        put_properties(w, node->json, is_enum ? enum_words : type_words);
        put_aliases(w, node);
    }
    put(w, "}");
}

/* --- the others --- */

static void write_branches(struct writer *w, const struct avro_node *node) {
    put(w, "[");
    for (size_t i = 0; i < node->branch_count; i++) {
        if (i)
            put(w, ",");
        write_type(w, node->branches[i]);
    }
    put(w, "]");
}

static void write_elements(struct writer *w, const struct avro_node *node) {
    put(w, node->type == AVRO_ARRAY ? "{\"type\":\"array\",\"items\":"
                                    : "{\"type\":\"map\",\"values\":");
    write_type(w, node->branches[0]);
    if (w->form != K2_SCHEMA_PARSING)
        put_properties(w, node->json, type_words);
    put(w, "}");
}

static void write_primitive(struct writer *w, const struct avro_node *node) {
    bool plain = w->form == K2_SCHEMA_PARSING || !has_properties(node->json, type_words);
    put(w, plain ? "" : "{\"type\":");
    put_string(w, k2_sv_of(avro_type_name(node->type)));
    if (plain)
        return;
    put_properties(w, node->json, type_words);
    put(w, "}");
}

static void write_type(struct writer *w, const struct avro_node *node) {
    if (avro_is_named(node->type))
        write_named(w, node);
    else if (node->type == AVRO_UNION)
        write_branches(w, node);
    else if (node->type == AVRO_ARRAY || node->type == AVRO_MAP)
        write_elements(w, node);
    else
        write_primitive(w, node);
}

int avro_schema_form(const struct k2_schema_text *s, enum k2_schema_form form, struct k2_buf *out,
                     struct k2_err *err) {
    struct avro_schema schema;
    int rc = avro_schema_parse(s, &schema, err);
    if (rc == K2_OK) {
        struct writer w = {.form = form, .out = out};
        w.written = k2_zalloc(schema.named_count + 1);
        for (size_t i = 0; i < schema.named_count; i++)
            w.written[i] = schema.named[i]->referenced;
        write_type(&w, schema.root);
        free(w.written);
    }
    avro_schema_free(&schema);
    return rc;
}
