/* codec/json_compat_objects.c - JSON objects: properties, and what is allowed besides them.
 *
 * An object's content is open when properties that are not named may be anything, closed when there may be
 * none, partially open when they must match a schema. A property may be added where old values could not have
 * had it otherwise, and removed where the rest takes it: so an open content model may lose properties and
 * a closed one gain them.
 */
#include "codec/json_compat.h"

#include <regex.h>

enum { MOST_PATTERN = 200, MOST_SUBJECT = 1024 };

static bool is_false(const struct k2_json *v) {
    bool truth;
    return k2_json_as_bool(v, &truth) && !truth;
}

static const struct k2_json *unevaluated(const struct json_node *n) {
    return n->doc->latest ? k2_json_get(n->json, "unevaluatedProperties") : NULL;
}

/* --- patterns --- */

/* As a POSIX expression; false where it has more than is matched here. */
static bool posix_pattern(struct k2_sv pattern, struct k2_buf *out) {
    if (pattern.n > MOST_PATTERN || memchr(pattern.p, '{', pattern.n))
        return false;
    for (size_t i = 0; i < pattern.n; i++) {
        char c = pattern.p[i], next = '\0';
        if (i + 1 < pattern.n)
            next = pattern.p[i + 1];
        if (c == '(' && next == '?')
            return false;
        if (c != '\\') {
            k2_buf_byte(out, (uint8_t)c);
            continue;
        }
        i++;
        if (next == 'd')
            k2_buf_str(out, "[0-9]");
        else if (next == 'w')
            k2_buf_str(out, "[A-Za-z0-9_]");
        else if (memchr("./-$^*+?()[]|\\", next, 14))
            k2_buf_printf(out, "\\%c", next);
        else
            return false;
    }
    return true;
}

/* A pattern that cannot be told is taken to match: what it covers is then compared. */
static bool pattern_finds(struct k2_sv pattern, struct k2_sv name) {
    struct k2_buf posix = {0}, subject = {0};
    regex_t compiled;
    bool found = true;
    if (name.n <= MOST_SUBJECT && posix_pattern(pattern, &posix) &&
        regcomp(&compiled, k2_buf_cstr(&posix), REG_EXTENDED | REG_NOSUB) == 0) {
        k2_buf_sv(&subject, name);
        found = regexec(&compiled, k2_buf_cstr(&subject), 0, NULL, 0) == 0;
        regfree(&compiled);
    }
    k2_buf_free(&posix);
    k2_buf_free(&subject);
    return found;
}

static const struct k2_json *by_pattern(const struct json_node *n, struct k2_sv name) {
    void *iter = NULL;
    struct k2_sv pattern;
    struct k2_json *schema;
    while (k2_json_next(k2_json_get(n->json, "patternProperties"), &iter, &pattern, &schema))
        if (pattern_finds(pattern, name))
            return schema;
    return NULL;
}

/* --- content models --- */

static bool is_open(const struct json_node *n) {
    const struct k2_json *additional = k2_json_get(n->json, "additionalProperties");
    const struct k2_json *rest = unevaluated(n);
    if (is_false(additional) || k2_json_type(additional) == K2_JSON_OBJECT ||
        k2_json_count(k2_json_get(n->json, "patternProperties")) > 0)
        return false;
    return !rest || (k2_json_type(rest) == K2_JSON_BOOL && !is_false(rest)) ||
           (k2_json_type(rest) == K2_JSON_OBJECT && k2_json_count(rest) == 0);
}

/* The schema that a property must match which is not named; NULL where there is none. */
static const struct k2_json *covering(const struct json_node *n, struct k2_sv name) {
    const struct k2_json *found = by_pattern(n, name);
    const struct k2_json *additional = k2_json_get(n->json, "additionalProperties");
    if (found)
        return found;
    if (k2_json_type(additional) == K2_JSON_OBJECT)
        return additional;
    const struct k2_json *rest = is_false(additional) ? NULL : unevaluated(n);
    return k2_json_type(rest) == K2_JSON_OBJECT && k2_json_count(rest) > 0 ? rest : NULL;
}

static bool is_required(const struct json_node *n, struct k2_sv name) {
    const struct k2_json *list = k2_json_get(n->json, "required");
    struct k2_sv s;
    for (size_t i = 0; i < k2_json_count(list); i++)
        if (k2_json_as_string(k2_json_at(list, i), &s) && k2_sv_eq(s, name))
            return true;
    return false;
}

/* --- properties --- */

static bool removed(struct json_compare *c, struct json_pair p, struct k2_sv name,
                    const struct k2_json *schema) {
    if (is_open(p.r))
        return true;
    const struct k2_json *cover = covering(p.r, name);
    if (!cover)
        return is_false(schema) || json_tell(c, "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL");
    struct json_node *r = json_reader_node(c, p.r, cover), *w = json_writer_node(c, p.w, schema);
    if (json_can_read(c, r, w))
        return true;
    return json_tell(c, "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL");
}

static bool added_to_open(struct json_compare *c, struct json_pair p, struct k2_sv name,
                          const struct k2_json *schema) {
    enum json_kind kind = json_reader_node(c, p.r, schema)->kind;
    if (kind == JSON_EMPTY || kind == JSON_TRUE)
        return true;
    if (!is_required(p.r, name))
        return json_tell(c, "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL");
    return json_tell(c, k2_json_get(schema, "default")
                            ? "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL"
                            : "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL");
}

static bool added(struct json_compare *c, struct json_pair p, struct k2_sv name,
                  const struct k2_json *schema) {
    if (is_open(p.w))
        return added_to_open(c, p, name, schema);
    const struct k2_json *cover = covering(p.w, name);
    bool good = true;
    if (cover &&
        !json_can_read(c, json_reader_node(c, p.r, schema), json_writer_node(c, p.w, cover)))
        good = json_tell(c, "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL");
    if (is_required(p.r, name) && !k2_json_get(schema, "default"))
        good = json_tell(c, "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL");
    return good;
}

static bool properties(struct json_compare *c, struct json_pair p) {
    const struct k2_json *r = k2_json_get(p.r->json, "properties");
    const struct k2_json *w = k2_json_get(p.w->json, "properties");
    void *iter = NULL;
    struct k2_sv name;
    struct k2_json *schema;
    bool good = true;
    size_t was = schema_path_enter(&c->path, K2_SV("properties"));
    while (k2_json_next(w, &iter, &name, &schema)) {
        size_t inner = schema_path_enter(&c->path, name);
        const struct k2_json *other = k2_json_get(r, name.p);
        if (!other)
            good &= removed(c, p, name, schema);
        else
            good &=
                json_can_read(c, json_reader_node(c, p.r, other), json_writer_node(c, p.w, schema));
        schema_path_leave(&c->path, inner);
    }
    iter = NULL;
    while (k2_json_next(r, &iter, &name, &schema)) {
        size_t inner = schema_path_enter(&c->path, name);
        if (!k2_json_get(w, name.p))
            good &= added(c, p, name, schema);
        schema_path_leave(&c->path, inner);
    }
    schema_path_leave(&c->path, was);
    return good;
}

static bool required(struct json_compare *c, struct json_pair p) {
    const struct k2_json *r = k2_json_get(p.r->json, "properties");
    void *iter = NULL;
    struct k2_sv name;
    struct k2_json *schema;
    bool good = true;
    size_t was = schema_path_enter(&c->path, K2_SV("required"));
    while (k2_json_next(k2_json_get(p.w->json, "properties"), &iter, &name, &schema)) {
        const struct k2_json *other = k2_json_get(r, name.p);
        if (other && is_required(p.r, name) && !is_required(p.w, name) &&
            !k2_json_get(other, "default"))
            good = json_tell_at(c, name.p, "REQUIRED_ATTRIBUTE_ADDED");
    }
    schema_path_leave(&c->path, was);
    return good;
}

/* --- dependencies --- */

static const struct k2_json *dependency(const struct json_node *n, const char *name, bool list) {
    const struct k2_json *v = k2_json_get(k2_json_get(n->json, "dependencies"), name);
    if (v && (k2_json_type(v) == K2_JSON_ARRAY) == list && !n->doc->latest)
        return v;
    const char *word = list ? "dependentRequired" : "dependentSchemas";
    return n->doc->latest ? k2_json_get(k2_json_get(n->json, word), name) : NULL;
}

static bool in_list(const struct k2_json *list, const struct k2_json *value) {
    for (size_t i = 0; i < k2_json_count(list); i++)
        if (k2_json_equal(k2_json_at(list, i), value))
            return true;
    return false;
}

static bool holds_all(const struct k2_json *list, const struct k2_json *these) {
    for (size_t i = 0; i < k2_json_count(these); i++)
        if (!in_list(list, k2_json_at(these, i)))
            return false;
    return true;
}

static bool dependent_names(struct json_compare *c, const struct k2_json *r,
                            const struct k2_json *w) {
    if (!r || (w && holds_all(w, r)))
        return true;
    if (!w)
        return json_tell(c, "DEPENDENCY_ARRAY_ADDED");
    return json_tell(c, holds_all(r, w) ? "DEPENDENCY_ARRAY_EXTENDED" : "DEPENDENCY_ARRAY_CHANGED");
}

static bool dependent_schema(struct json_compare *c, struct json_pair p, const struct k2_json *r,
                             const struct k2_json *w) {
    if (!r)
        return true;
    if (!w)
        return json_tell(c, "DEPENDENCY_SCHEMA_ADDED");
    return json_can_read(c, json_reader_node(c, p.r, r), json_writer_node(c, p.w, w));
}

static bool dependencies_of(struct json_compare *c, struct json_pair p, const char *word) {
    void *iter = NULL;
    struct k2_sv name;
    struct k2_json *ignored;
    bool good = true;
    while (k2_json_next(k2_json_get(p.r->json, word), &iter, &name, &ignored)) {
        size_t was = schema_path_enter(&c->path, name);
        good &= dependent_names(c, dependency(p.r, name.p, true), dependency(p.w, name.p, true));
        good &=
            dependent_schema(c, p, dependency(p.r, name.p, false), dependency(p.w, name.p, false));
        schema_path_leave(&c->path, was);
    }
    return good;
}

static bool dependencies(struct json_compare *c, struct json_pair p) {
    size_t was = schema_path_enter(&c->path, K2_SV("dependencies"));
    bool good = true;
    if (!p.r->doc->latest) {
        good = dependencies_of(c, p, "dependencies");
    } else {
        good &= dependencies_of(c, p, "dependentRequired");
        good &= dependencies_of(c, p, "dependentSchemas");
    }
    schema_path_leave(&c->path, was);
    return good;
}

/* --- the rest of an object --- */

static bool additional(struct json_compare *c, struct json_pair p) {
    const struct k2_json *r = k2_json_get(p.r->json, "additionalProperties");
    const struct k2_json *w = k2_json_get(p.w->json, "additionalProperties");
    size_t was = schema_path_enter(&c->path, K2_SV("additionalProperties"));
    bool good = true, schema = k2_json_type(r) == K2_JSON_OBJECT;
    if (is_false(r) && !is_false(w))
        good = json_tell(c, "ADDITIONAL_PROPERTIES_REMOVED");
    else if (schema && !is_false(w) && k2_json_type(w) != K2_JSON_OBJECT)
        good = json_tell(c, "ADDITIONAL_PROPERTIES_NARROWED");
    else if (schema && k2_json_type(w) == K2_JSON_OBJECT)
        good = json_can_read(c, json_reader_node(c, p.r, r), json_writer_node(c, p.w, w));
    schema_path_leave(&c->path, was);
    return good;
}

static bool unevaluated_rest(struct json_compare *c, struct json_pair p) {
    const struct k2_json *r = unevaluated(p.r), *w = unevaluated(p.w);
    size_t was = schema_path_enter(&c->path, K2_SV("unevaluatedProperties"));
    bool good = true;
    if (r && is_false(r) && !is_false(w)) {
        good = json_tell(c, "UNEVALUATED_PROPERTIES_REMOVED");
    } else if (r && !w) {
        good = json_tell(c, "UNEVALUATED_PROPERTIES_NARROWED");
    } else if (r && !is_false(w)) {
        struct json_node *reader = json_reader_node(c, p.r, r);
        struct json_node *writer = json_writer_node(c, p.w, w);
        bool any = writer->kind == JSON_EMPTY || writer->kind == JSON_TRUE;
        bool all = reader->kind == JSON_EMPTY || reader->kind == JSON_TRUE;
        if (any && !all)
            good = json_tell(c, "UNEVALUATED_PROPERTIES_NARROWED");
        else if (!all)
            good = json_can_read(c, reader, writer);
    }
    schema_path_leave(&c->path, was);
    return good;
}

bool json_objects_can_read(struct json_compare *c, struct json_pair p) {
    static const struct json_limit limits[] = {
        {"maxProperties", "MAX_PROPERTIES_ADDED", "MAX_PROPERTIES_DECREASED", true},
        {"minProperties", "MIN_PROPERTIES_ADDED", "MIN_PROPERTIES_INCREASED", false},
    };
    bool good = required(c, p);
    good &= properties(c, p);
    good &= dependencies(c, p);
    good &= additional(c, p);
    good &= unevaluated_rest(c, p);
    good &= json_limits_can_read(c, p, limits, sizeof limits / sizeof *limits);
    return good;
}
