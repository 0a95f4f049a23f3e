/* codec/json_reference.c - what a $ref means: a fragment of this text, or of one that it refers to. */
#include "codec/json_schema.h"

enum { MOST_LOOKS = 20000000 };

static bool is_schema(const struct k2_json *v) {
    return k2_json_type(v) == K2_JSON_OBJECT || k2_json_type(v) == K2_JSON_BOOL;
}

static int hex(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One step of a JSON pointer in a URL: %XX, ~1 and ~0 are undone. False when it holds a NUL. */
static bool step_text(struct k2_sv step, struct k2_buf *out) {
    out->n = 0;
    for (size_t i = 0; i < step.n; i++) {
        char c = step.p[i];
        if (c == '%' && i + 2 < step.n && hex(step.p[i + 1]) >= 0 && hex(step.p[i + 2]) >= 0) {
            c = (char)(16 * hex(step.p[i + 1]) + hex(step.p[i + 2]));
            i += 2;
        } else if (c == '~' && i + 1 < step.n) {
            c = step.p[++i] == '1' ? '/' : '~';
        }
        if (c == 0)
            return false;
        k2_buf_byte(out, (uint8_t)c);
    }
    return true;
}

static const struct k2_json *step_into(const struct k2_json *at, const struct k2_buf *step,
                                       const char *text) {
    int64_t index;
    if (k2_json_type(at) != K2_JSON_ARRAY)
        return k2_json_get(at, text);
    if (!k2_sv_i64(k2_buf_view(step), &index) || index < 0)
        return NULL;
    return k2_json_at(at, (size_t)index);
}

static const struct k2_json *by_pointer(const struct k2_json *at, struct k2_sv pointer) {
    struct k2_buf step = {0};
    k2_sv_split(&pointer, '/');
    while (at && pointer.p) {
        bool good = step_text(k2_sv_split(&pointer, '/'), &step);
        at = good ? step_into(at, &step, k2_buf_cstr(&step)) : NULL;
    }
    k2_buf_free(&step);
    return at;
}

static bool has_name(const struct k2_json *object, struct k2_sv name) {
    struct k2_sv s;
    static const char *const keys[] = {"$anchor", "$dynamicAnchor"};
    for (size_t i = 0; i < 2; i++)
        if (k2_json_as_string(k2_json_get(object, keys[i]), &s) && k2_sv_eq(s, name))
            return true;
    static const char *const ids[] = {"$id", "id"};
    for (size_t i = 0; i < 2; i++)
        if (k2_json_as_string(k2_json_get(object, ids[i]), &s) && s.n == name.n + 1 &&
            s.p[0] == '#' && k2_sv_ends(s, name))
            return true;
    return false;
}

static bool has_id(const struct k2_json *object, struct k2_sv url) {
    struct k2_sv s;
    static const char *const ids[] = {"$id", "id"};
    for (size_t i = 0; i < 2; i++) {
        if (!k2_json_as_string(k2_json_get(object, ids[i]), &s))
            continue;
        if (k2_sv_ends(s, K2_SV("#")))
            s.n--;
        if (k2_sv_eq(s, url))
            return true;
        /* an address without a scheme is one beside the $id's */
        if (url.n > 0 && s.n > url.n && s.p[s.n - url.n - 1] == '/' && k2_sv_ends(s, url))
            return true;
    }
    return false;
}

/* The first object below `at` for which `is` holds; the tree's depth is bounded by the JSON parser, and all
 * the looking by MOST_LOOKS. */
static const struct k2_json *search(struct json_schema *s, const struct k2_json *at,
                                    struct k2_sv name,
                                    bool (*is)(const struct k2_json *, struct k2_sv)) {
    const struct k2_json *found = NULL;
    if (s->looks++ > MOST_LOOKS)
        return NULL;
    if (k2_json_type(at) == K2_JSON_ARRAY) {
        for (size_t i = 0; !found && i < k2_json_count(at); i++)
            found = search(s, k2_json_at(at, i), name, is);
        return found;
    }
    if (k2_json_type(at) != K2_JSON_OBJECT)
        return NULL;
    if (is(at, name))
        return at;
    void *iter = NULL;
    struct k2_sv key;
    struct k2_json *value;
    while (!found && k2_json_next(at, &iter, &key, &value))
        found = search(s, value, name, is);
    return found;
}

static const struct k2_json *fragment(struct json_schema *s, const struct k2_json *root,
                                      struct k2_sv name) {
    const struct k2_json *found = root;
    if (name.n && name.p[0] == '/')
        found = by_pointer(root, name);
    else if (name.n)
        found = search(s, root, name, has_name);
    return is_schema(found) ? found : NULL;
}

static bool is_named(const struct json_doc *doc, struct k2_sv url) {
    return doc->name.n > 0 && k2_sv_eq(doc->name, url);
}

/* The object that an address without a fragment means: another text by its name, or any by its $id. */
static const struct k2_json *by_address(struct json_schema *s, const struct json_doc *from,
                                        struct k2_sv url, const struct json_doc **doc) {
    for (size_t i = 0; i < s->doc_count; i++) {
        if (is_named(&s->docs[i], url)) {
            *doc = &s->docs[i];
            return s->docs[i].root;
        }
    }
    *doc = from;
    const struct k2_json *found = search(s, from->root, url, has_id);
    for (size_t i = 0; !found && i < s->doc_count; i++) {
        *doc = &s->docs[i];
        found = search(s, s->docs[i].root, url, has_id);
    }
    return found;
}

const struct k2_json *json_reference(struct json_schema *s, const struct json_doc *from,
                                     struct k2_sv ref, const struct json_doc **doc) {
    struct k2_sv name = ref, url = k2_sv_split(&name, '#');
    *doc = from;
    const struct k2_json *root = url.n ? by_address(s, from, url, doc) : from->root;
    return root ? fragment(s, root, name) : NULL;
}
