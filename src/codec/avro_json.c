/* codec/avro_json.c - see avro_json.h. Avro 1.11 specification, "Binary Encoding". */
#include "codec/avro_json.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define EXACT (INT64_C(1) << 53) /* beyond it a reader that uses doubles would round */

struct walk {
    struct k2_sv in; /* what is left of the record */
    k2_avro_json_bytes_fn *bytes;
};

static int read_value(struct walk *w, const struct k2_json *type, struct k2_json **out,
                      struct k2_err *err);

static int broken(struct k2_err *err, const char *what) {
    return k2_fail(err, K2_E_CORRUPT, "the record breaks its schema: %s", what);
}

static bool text_of(const struct k2_json *v, const char *key, struct k2_sv *out) {
    *out = (struct k2_sv){NULL, 0};
    return k2_json_as_string(k2_json_get(v, key), out);
}

/* --- values --- */

static struct k2_json *time_json(int64_t v, int64_t unit) {
    char text[K2_TIME_TEXT];
    int64_t ns;
    if (__builtin_mul_overflow(v, unit, &ns))
        return k2_json_null();
    k2_time_format(ns, text);
    return k2_json_cstring(text);
}

static struct k2_json *long_json(int64_t v, const struct k2_json *type) {
    char text[32];
    struct k2_sv logical;
    text_of(type, "logicalType", &logical);
    if (k2_sv_eq(logical, K2_SV("timestamp-micros")))
        return time_json(v, K2_NS_PER_US);
    if (k2_sv_eq(logical, K2_SV("timestamp-millis")))
        return time_json(v, K2_NS_PER_MS);
    if (k2_sv_eq(logical, K2_SV("date")) && v >= INT32_MIN && v <= INT32_MAX) {
        k2_date_format((int32_t)v, text);
        return k2_json_cstring(text);
    }
    if (v <= EXACT && v >= -EXACT)
        return k2_json_int(v);
    snprintf(text, sizeof text, "%" PRId64, v);
    return k2_json_cstring(text);
}

static bool is_text(struct k2_sv s) {
    struct k2_json *v = k2_json_string(s);
    struct k2_sv clean = {NULL, 0};
    bool same = k2_json_as_string(v, &clean) && k2_sv_eq(clean, s);
    for (size_t i = 0; same && i < s.n; i++)
        same = (unsigned char)s.p[i] >= ' ' || s.p[i] == '\n' || s.p[i] == '\t';
    k2_json_free(v);
    return same;
}

static struct k2_json *bytes_json(struct k2_sv s) {
    if (is_text(s))
        return k2_json_string(s);
    struct k2_json *v = k2_json_object();
    struct k2_buf hex = {0};
    for (size_t i = 0; i < s.n; i++)
        k2_buf_printf(&hex, "%02x", (unsigned char)s.p[i]);
    k2_json_set(v, "hex", k2_json_string(k2_buf_view(&hex)));
    k2_buf_free(&hex);
    return v;
}

static int read_long(struct walk *w, const struct k2_json *type, struct k2_json **out,
                     struct k2_err *err) {
    int64_t v;
    if (!k2_avro_get_long(&w->in, &v))
        return broken(err, "a number is cut off");
    *out = long_json(v, type);
    return K2_OK;
}

static int read_bytes(struct walk *w, bool text, struct k2_json **out, struct k2_err *err) {
    struct k2_sv s;
    if (!k2_avro_get_bytes(&w->in, &s))
        return broken(err, "a text is cut off");
    *out = text ? k2_json_string(s) : w->bytes ? w->bytes(s) : NULL;
    if (!*out)
        *out = bytes_json(s);
    return K2_OK;
}

static int read_bool(struct walk *w, struct k2_json **out, struct k2_err *err) {
    if (w->in.n == 0 || (unsigned char)w->in.p[0] > 1)
        return broken(err, "a boolean is neither 0 nor 1");
    *out = k2_json_bool(w->in.p[0] == 1);
    w->in = (struct k2_sv){w->in.p + 1, w->in.n - 1};
    return K2_OK;
}

static int read_fixed(struct walk *w, size_t n, struct k2_sv *out, struct k2_err *err) {
    if (w->in.n < n)
        return broken(err, "a value is cut off");
    *out = (struct k2_sv){w->in.p, n};
    w->in = (struct k2_sv){w->in.p + n, w->in.n - n};
    return K2_OK;
}

void k2_avro_real_text(const void *bytes, bool wide, char text[K2_REAL_TEXT]) {
    double value = 0;
    float narrow = 0;
    if (wide)
        memcpy(&value, bytes, sizeof value);
    else
        memcpy(&narrow, bytes, sizeof narrow);
    for (int digits = 1; digits <= 17; digits++) {
        (void)snprintf(text, K2_REAL_TEXT, "%.*g", digits, wide ? value : (double)narrow);
        if (wide ? strtod(text, NULL) == value : strtof(text, NULL) == narrow)
            break;
    }
}

static int read_real(struct walk *w, bool wide, struct k2_json **out, struct k2_err *err) {
    struct k2_sv bytes = {0};
    char text[K2_REAL_TEXT];
    K2_TRY(read_fixed(w, wide ? sizeof(double) : sizeof(float), &bytes, err));
    k2_avro_real_text(bytes.p, wide, text);
    *out = k2_json_cstring(text);
    return K2_OK;
}

static int read_enum(struct walk *w, const struct k2_json *type, struct k2_json **out,
                     struct k2_err *err) {
    const struct k2_json *symbols = k2_json_get(type, "symbols");
    struct k2_sv symbol;
    int64_t i;
    if (!k2_avro_get_long(&w->in, &i) || i < 0 || (uint64_t)i >= k2_json_count(symbols) ||
        !k2_json_as_string(k2_json_at(symbols, (size_t)i), &symbol))
        return broken(err, "an enum has no such symbol");
    *out = k2_json_string(symbol);
    return K2_OK;
}

static int read_fixed_json(struct walk *w, const struct k2_json *type, struct k2_json **out,
                           struct k2_err *err) {
    int64_t size = 0;
    struct k2_sv bytes;
    if (!k2_json_as_int(k2_json_get(type, "size"), &size) || size < 0)
        return k2_fail(err, K2_E_INVALID, "a fixed type of the schema has no size");
    K2_TRY(read_fixed(w, (size_t)size, &bytes, err));
    *out = bytes_json(bytes);
    return K2_OK;
}

/* --- values made of values --- */

static int read_record(struct walk *w, const struct k2_json *type, struct k2_json **out,
                       struct k2_err *err) {
    const struct k2_json *fields = k2_json_get(type, "fields");
    struct k2_json *object = k2_json_object();
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < k2_json_count(fields); i++) {
        const struct k2_json *f = k2_json_at(fields, i);
        struct k2_json *value = NULL;
        struct k2_sv name;
        if (!text_of(f, "name", &name)) {
            rc = k2_fail(err, K2_E_INVALID, "a field of the schema has no name");
            break;
        }
        rc = read_value(w, k2_json_get(f, "type"), &value, err);
        if (rc == K2_OK)
            k2_json_set(object, name.p, value);
    }
    if (rc == K2_OK)
        *out = object;
    else
        k2_json_free(object);
    return rc;
}

/* The number of elements in the next block; 0 at the end. More than there are bytes is damage: no element
 * of ours takes none. */
static int read_count(struct walk *w, int64_t *n, struct k2_err *err) {
    int64_t size;
    if (!k2_avro_get_long(&w->in, n))
        return broken(err, "a list is cut off");
    if (*n < 0 && (*n == INT64_MIN || !k2_avro_get_long(&w->in, &size)))
        return broken(err, "a list is cut off");
    *n = *n < 0 ? -*n : *n;
    return (uint64_t)*n <= w->in.n ? K2_OK : broken(err, "a list is longer than the record");
}

static int read_element(struct walk *w, const struct k2_json *type, bool map, struct k2_json *into,
                        struct k2_err *err) {
    struct k2_sv key = {NULL, 0};
    struct k2_json *value = NULL;
    if (map && !k2_avro_get_bytes(&w->in, &key))
        return broken(err, "a key is cut off");
    K2_TRY(read_value(w, type, &value, err));
    if (map) {
        char *name = k2_sv_dup(key);
        k2_json_set(into, name, value);
        free(name);
    } else {
        k2_json_append(into, value);
    }
    return K2_OK;
}

static int read_list(struct walk *w, const struct k2_json *type, bool map, struct k2_json **out,
                     struct k2_err *err) {
    const struct k2_json *item = k2_json_get(type, map ? "values" : "items");
    struct k2_json *list = map ? k2_json_object() : k2_json_array();
    int64_t n;
    int rc;
    while ((rc = read_count(w, &n, err)) == K2_OK && n > 0) {
        for (; rc == K2_OK && n > 0; n--)
            rc = read_element(w, item, map, list, err);
        if (rc != K2_OK)
            break;
    }
    if (rc == K2_OK)
        *out = list;
    else
        k2_json_free(list);
    return rc;
}

static int read_union(struct walk *w, const struct k2_json *types, struct k2_json **out,
                      struct k2_err *err) {
    int64_t branch;
    if (!k2_avro_get_long(&w->in, &branch) || branch < 0 ||
        (uint64_t)branch >= k2_json_count(types))
        return broken(err, "a union has no such branch");
    return read_value(w, k2_json_at(types, (size_t)branch), out, err);
}

static int read_value(struct walk *w, const struct k2_json *type, struct k2_json **out,
                      struct k2_err *err) {
    struct k2_sv name;
    const struct k2_json *nested = k2_json_get(type, "type");
    if (k2_json_type(type) == K2_JSON_ARRAY)
        return read_union(w, type, out, err);
    if (k2_json_type(nested) == K2_JSON_OBJECT || k2_json_type(nested) == K2_JSON_ARRAY)
        return read_value(w, nested, out, err);
    if (!k2_json_as_string(type, &name) && !text_of(type, "type", &name))
        return k2_fail(err, K2_E_INVALID, "a type of the schema is neither a name nor an object");
    if (k2_sv_eq(name, K2_SV("record")))
        return read_record(w, type, out, err);
    if (k2_sv_eq(name, K2_SV("array")) || k2_sv_eq(name, K2_SV("map")))
        return read_list(w, type, name.p[0] == 'm', out, err);
    if (k2_sv_eq(name, K2_SV("int")) || k2_sv_eq(name, K2_SV("long")))
        return read_long(w, type, out, err);
    if (k2_sv_eq(name, K2_SV("string")) || k2_sv_eq(name, K2_SV("bytes")))
        return read_bytes(w, name.p[0] == 's', out, err);
    if (k2_sv_eq(name, K2_SV("boolean")))
        return read_bool(w, out, err);
    if (k2_sv_eq(name, K2_SV("float")) || k2_sv_eq(name, K2_SV("double")))
        return read_real(w, name.p[0] == 'd', out, err);
    if (k2_sv_eq(name, K2_SV("enum")))
        return read_enum(w, type, out, err);
    if (k2_sv_eq(name, K2_SV("fixed")))
        return read_fixed_json(w, type, out, err);
    if (!k2_sv_eq(name, K2_SV("null")))
        return k2_fail(err, K2_E_UNSUPPORTED, "the schema has a field of type %.*s",
                       K2_SV_ARG(name));
    *out = k2_json_null();
    return K2_OK;
}

int k2_avro_json(struct k2_sv schema, struct k2_sv record, k2_avro_json_bytes_fn *bytes,
                 struct k2_json **out, struct k2_err *err) {
    struct k2_json *type, *value = NULL;
    struct walk w = {record, bytes};
    K2_TRY_CTX(k2_json_parse(schema, &type, err), err, "the schema");
    int rc = read_value(&w, type, &value, err);
    if (rc == K2_OK && w.in.n > 0) {
        k2_json_free(value);
        rc = broken(err, "there are bytes behind its end");
    }
    k2_json_free(type);
    if (rc == K2_OK)
        *out = value;
    return rc;
}

int k2_avro_json_value(const struct k2_json *type, struct k2_sv *in, struct k2_json **out,
                       struct k2_err *err) {
    struct walk w = {*in, NULL};
    K2_TRY(read_value(&w, type, out, err));
    *in = w.in;
    return K2_OK;
}
