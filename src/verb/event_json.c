/* verb/event_json.c - an event as JSON, driven by the fields of its kind. */
#include "verb/records.h"

#include "base/json.h"
#include "codec/added.h"

#include <inttypes.h>

#define EXACT (INT64_C(1) << 53) /* beyond it a reader that uses doubles would round */

void event_json_string(struct k2_buf *out, struct k2_sv s) {
    bool plain = true;
    for (size_t i = 0; i < s.n && plain; i++)
        plain = s.p[i] >= ' ' && s.p[i] < 0x7f && s.p[i] != '"' && s.p[i] != '\\';
    if (plain) {
        k2_buf_byte(out, '"');
        k2_buf_sv(out, s);
        k2_buf_byte(out, '"');
        return;
    }
    struct k2_json *value = k2_json_string(s);
    k2_json_dump(value, out);
    k2_json_free(value);
}

static void put_long(struct k2_buf *out, int64_t v) {
    if (v == K2_NULL_LONG)
        k2_buf_str(out, "null");
    else if (v > EXACT || v < -EXACT)
        k2_buf_printf(out, "\"%" PRId64 "\"", v);
    else
        k2_buf_printf(out, "%" PRId64, v);
}

static void put_int(struct k2_buf *out, int32_t v) {
    if (v == K2_NULL_INT)
        k2_buf_str(out, "null");
    else
        k2_buf_printf(out, "%" PRId32, v);
}

static void put_decimal(struct k2_buf *out, k2_i128 v, int scale) {
    char text[K2_DECIMAL_TEXT];
    if (v == K2_NULL_DECIMAL) {
        k2_buf_str(out, "null");
        return;
    }
    k2_decimal_format(v, scale, text);
    k2_buf_printf(out, "\"%s\"", text);
}

static void put_date(struct k2_buf *out, int32_t days) {
    char text[K2_DATE_TEXT];
    if (days == K2_NULL_INT) {
        k2_buf_str(out, "null");
        return;
    }
    k2_date_format(days, text);
    k2_buf_printf(out, "\"%s\"", text);
}

static void put_list(struct k2_buf *out, struct k2_sv blob, bool map) {
    struct k2_sv s;
    k2_buf_byte(out, map ? '{' : '[');
    for (int i = 0; k2_blob_next(&blob, &s); i++) {
        if (i > 0)
            k2_buf_byte(out, map && i % 2 == 1 ? ':' : ',');
        event_json_string(out, s);
    }
    k2_buf_byte(out, map ? '}' : ']');
}

static void put_interned(struct k2_buf *out, enum k2_type type, uint32_t id,
                         const struct k2_interner *in) {
    if (id == 0)
        k2_buf_str(out, "null");
    else if (type == K2_LIST || type == K2_MAP)
        put_list(out, k2_interned(in, id), type == K2_MAP);
    else
        event_json_string(out, k2_interned(in, id));
}

static void put_value(struct k2_buf *out, const struct k2_field *f, const void *fields,
                      const struct k2_interner *in) {
    const void *at = (const char *)fields + f->offset;
    switch (f->type) {
    case K2_LONG:
    case K2_STAMP:
        put_long(out, *(const int64_t *)at);
        break;
    case K2_INT:
        put_int(out, *(const int32_t *)at);
        break;
    case K2_DATE:
        put_date(out, *(const int32_t *)at);
        break;
    case K2_PRICE:
        put_decimal(out, *(const k2_i128 *)at, K2_PRICE_SCALE);
        break;
    case K2_QUANTITY:
        put_decimal(out, *(const k2_i128 *)at, K2_QUANTITY_SCALE);
        break;
    case K2_STR:
    case K2_LIST:
    case K2_MAP:
    case K2_BYTES:
        put_interned(out, f->type, *(const uint32_t *)at, in);
        break;
    }
}

static void put_added_value(struct k2_buf *out, const struct k2_added *a) {
    switch (a->type) {
    case K2_LONG:
    case K2_STAMP:
        put_long(out, a->number);
        break;
    case K2_INT:
        put_int(out, (int32_t)a->number);
        break;
    case K2_DATE:
        put_date(out, (int32_t)a->number);
        break;
    case K2_PRICE:
        put_decimal(out, a->decimal, K2_PRICE_SCALE);
        break;
    case K2_QUANTITY:
        put_decimal(out, a->decimal, K2_QUANTITY_SCALE);
        break;
    case K2_LIST:
    case K2_MAP:
        put_list(out, a->text, a->type == K2_MAP);
        break;
    case K2_STR:
    case K2_BYTES:
        event_json_string(out, a->text);
        break;
    }
}

/* Fields that this build does not know and the record says. */
static void put_added(struct k2_buf *out, struct k2_sv blob) {
    struct k2_added a;
    while (k2_added_next(&blob, &a)) {
        k2_buf_byte(out, ',');
        event_json_string(out, a.name);
        k2_buf_byte(out, ':');
        put_added_value(out, &a);
    }
}

bool event_json_field(const struct k2_event *e, int field, const struct k2_interner *in,
                      struct k2_buf *out) {
    const struct k2_field *f = &k2_kind(e->kind)->fields[field];
    const void *value = (const char *)k2_event_fields_const(e) + f->offset;
    if (!k2_field_in_record(f) || k2_value_is_null(f->type, value))
        return false;
    put_value(out, f, k2_event_fields_const(e), in);
    return true;
}

void event_json(const struct k2_event *e, const struct k2_interner *in, struct k2_buf *out) {
    const struct k2_kind *kind = k2_kind(e->kind);
    char before = '{';
    for (int i = 0; i < kind->field_count; i++) {
        const struct k2_field *f = &kind->fields[i];
        if (!k2_field_in_record(f))
            continue;
        k2_buf_printf(out, "%c\"%s\":", before, f->name);
        put_value(out, f, k2_event_fields_const(e), in);
        before = ',';
    }
    if (e->added)
        put_added(out, k2_interned(in, e->added));
    k2_buf_byte(out, '}');
}
