/* JSON by jansson, whose header is included here only: a struct k2_json is a json_t under our name.
 * */
#include "base/json.h"

#include <jansson.h>

static json_t *own(struct k2_json *v) {
    return (json_t *)v;
}

/* jansson's readers do not change the value, but most lack const. */
static json_t *peek(const struct k2_json *v) {
    return (json_t *)(uintptr_t)v;
}

/* A maker gives NULL only without memory. */
static struct k2_json *made(json_t *v) {
    K2_ASSERT(v != NULL);
    return (struct k2_json *)v;
}

K2_RC k2_json_parse(struct k2_sv text, struct k2_json **out, struct k2_err *err) {
    json_error_t why;
    json_t *v = json_loadb(text.p ? text.p : "", text.n,
                           JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (!v)
        return k2_fail(err, K2_E_INVALID, "not valid JSON at line %d column %d: %s", why.line,
                       why.column, why.text);
    *out = (struct k2_json *)v;
    return K2_OK;
}

void k2_json_free(struct k2_json *v) {
    json_decref(own(v));
}

struct k2_json *k2_json_copy(const struct k2_json *v) {
    return v ? made(json_deep_copy(peek(v))) : NULL;
}

bool k2_json_equal(const struct k2_json *a, const struct k2_json *b) {
    return a == b || json_equal(peek(a), peek(b));
}

static int put(const char *bytes, size_t n, void *out) {
    k2_buf_put(out, bytes, n);
    return 0;
}

void k2_json_dump(const struct k2_json *v, struct k2_buf *out) {
    int rc = json_dump_callback(peek(v), put, out,
                                JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    K2_ASSERT(rc == 0);
}

enum k2_json_type k2_json_type(const struct k2_json *v) {
    if (!v)
        return K2_JSON_MISSING;
    switch (json_typeof(peek(v))) {
    case JSON_OBJECT:
        return K2_JSON_OBJECT;
    case JSON_ARRAY:
        return K2_JSON_ARRAY;
    case JSON_STRING:
        return K2_JSON_STRING;
    case JSON_INTEGER:
        return K2_JSON_INT;
    case JSON_REAL:
        return K2_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return K2_JSON_BOOL;
    case JSON_NULL:
        break;
    }
    return K2_JSON_NULL;
}

struct k2_json *k2_json_get(const struct k2_json *object, const char *key) {
    return (struct k2_json *)json_object_get(peek(object), key);
}

struct k2_json *k2_json_at(const struct k2_json *array, size_t index) {
    return (struct k2_json *)json_array_get(peek(array), index);
}

size_t k2_json_count(const struct k2_json *v) {
    if (k2_json_type(v) == K2_JSON_OBJECT)
        return json_object_size(peek(v));
    return json_array_size(peek(v));
}

bool k2_json_next(const struct k2_json *object, void **iter, struct k2_sv *key,
                  struct k2_json **value) {
    json_t *o = peek(object);
    *iter = *iter ? json_object_iter_next(o, *iter) : json_object_iter(o);
    if (!*iter)
        return false;
    *key = k2_sv_of(json_object_iter_key(*iter));
    *value = (struct k2_json *)json_object_iter_value(*iter);
    return true;
}

bool k2_json_as_string(const struct k2_json *v, struct k2_sv *out) {
    if (k2_json_type(v) != K2_JSON_STRING)
        return false;
    *out = (struct k2_sv){json_string_value(peek(v)), json_string_length(peek(v))};
    return true;
}

bool k2_json_as_int(const struct k2_json *v, int64_t *out) {
    if (k2_json_type(v) != K2_JSON_INT)
        return false;
    *out = json_integer_value(peek(v));
    return true;
}

bool k2_json_as_bool(const struct k2_json *v, bool *out) {
    if (k2_json_type(v) != K2_JSON_BOOL)
        return false;
    *out = json_is_true(peek(v));
    return true;
}

struct k2_json *k2_json_object(void) {
    return made(json_object());
}

struct k2_json *k2_json_array(void) {
    return made(json_array());
}

/* Length of the well-formed UTF-8 sequence at s, 0 if there is none (Unicode 15, table 3-7). */
static size_t utf8_length(const uint8_t *s, size_t n) {
    size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (len == 0 || len > n || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool outside = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
    return overlong || outside ? 0 : len;
}

static struct k2_json *string_repaired(struct k2_sv s) {
    struct k2_buf b = {0};
    for (size_t i = 0; i < s.n;) {
        size_t len = utf8_length((const uint8_t *)s.p + i, s.n - i);
        if (len)
            k2_buf_put(&b, s.p + i, len);
        else
            k2_buf_str(&b, "\xef\xbf\xbd");
        i += len ? len : 1;
    }
    struct k2_json *v = made(json_stringn((const char *)b.p, b.n));
    k2_buf_free(&b);
    return v;
}

struct k2_json *k2_json_string(struct k2_sv s) {
    if (s.n == 0)
        return made(json_stringn("", 0));
    json_t *v = json_stringn(s.p, s.n);
    return v ? made(v) : string_repaired(s);
}

struct k2_json *k2_json_cstring(const char *s) {
    return k2_json_string(k2_sv_of(s));
}

struct k2_json *k2_json_int(int64_t v) {
    return made(json_integer(v));
}

struct k2_json *k2_json_bool(bool v) {
    return made(json_boolean(v));
}

struct k2_json *k2_json_null(void) {
    return made(json_null());
}

void k2_json_set(struct k2_json *object, const char *key, struct k2_json *value) {
    int rc = json_object_set_new(own(object), key, own(value));
    K2_ASSERT(rc == 0);
}

void k2_json_append(struct k2_json *array, struct k2_json *value) {
    int rc = json_array_append_new(own(array), own(value));
    K2_ASSERT(rc == 0);
}

void k2_json_remove(struct k2_json *object, const char *key) {
    (void)json_object_del(own(object), key);
}

void k2_json_remove_at(struct k2_json *array, size_t index) {
    (void)json_array_remove(own(array), index);
}
