/* codec/schema_json.c - JSON text as schemas are stored: without blanks, numbers as short as they go. */
#include "codec/compat_int.h"

#include <stdio.h>
#include <stdlib.h>

/* The tree keeps a real number as binary; the text shown is the shortest that reads as the same. */
static void put_real(const struct k2_json *v, struct k2_buf *out) {
    struct k2_buf exact = {0};
    k2_json_dump(v, &exact);
    double value = strtod(k2_buf_cstr(&exact), NULL);
    char text[40] = "";
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    k2_buf_free(&exact);
    if (strstr(text, "e+") && value > -1e15 && value < 1e15)
        snprintf(text, sizeof text, "%.1f", value); /* 100.0, not 1e+02 */
    k2_buf_str(out, text);
    if (!strpbrk(text, ".eE"))
        k2_buf_str(out, ".0");
}

void schema_json_put_string(struct k2_sv s, struct k2_buf *out) {
    struct k2_json *v = k2_json_string(s);
    k2_json_dump(v, out);
    k2_json_free(v);
}

struct member {
    struct k2_sv key;
    const struct k2_json *value;
};

static int by_key(const void *a, const void *b) {
    return k2_sv_cmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static void put_object(const struct k2_json *v, bool sorted, struct k2_buf *out) {
    size_t n = k2_json_count(v);
    struct member *members = k2_alloc((n + 1) * sizeof *members);
    void *iter = NULL;
    struct k2_json *value;
    for (size_t i = 0; k2_json_next(v, &iter, &members[i].key, &value); i++)
        members[i].value = value;
    if (sorted)
        qsort(members, n, sizeof *members, by_key);
    k2_buf_byte(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i)
            k2_buf_byte(out, ',');
        schema_json_put_string(members[i].key, out);
        k2_buf_byte(out, ':');
        schema_json_put(members[i].value, sorted, out);
    }
    k2_buf_byte(out, '}');
    free(members);
}

static void put_array(const struct k2_json *v, bool sorted, struct k2_buf *out) {
    k2_buf_byte(out, '[');
    for (size_t i = 0; i < k2_json_count(v); i++) {
        if (i)
            k2_buf_byte(out, ',');
        schema_json_put(k2_json_at(v, i), sorted, out);
    }
    k2_buf_byte(out, ']');
}

void schema_json_put(const struct k2_json *v, bool sorted, struct k2_buf *out) {
    switch (k2_json_type(v)) {
    case K2_JSON_OBJECT:
        put_object(v, sorted, out);
        break;
    case K2_JSON_ARRAY:
        put_array(v, sorted, out);
        break;
    case K2_JSON_REAL:
        put_real(v, out);
        break;
    case K2_JSON_MISSING:
        break;
    case K2_JSON_NULL:
    case K2_JSON_BOOL:
    case K2_JSON_INT:
    case K2_JSON_STRING:
        k2_json_dump(v, out);
        break;
    }
}
