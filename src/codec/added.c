/* codec/added.c - see added.h. */
#include "codec/added.h"

#include <stdlib.h>

/* --- values --- */

bool k2_value_is_null(enum k2_type type, const void *value) {
    switch (type) {
    case K2_LONG:
    case K2_STAMP:
        return *(const int64_t *)value == K2_NULL_LONG;
    case K2_INT:
    case K2_DATE:
        return *(const int32_t *)value == K2_NULL_INT;
    case K2_PRICE:
    case K2_QUANTITY:
        return *(const k2_i128 *)value == K2_NULL_DECIMAL;
    case K2_STR:
    case K2_LIST:
    case K2_MAP:
    case K2_BYTES:
        break;
    }
    return *(const uint32_t *)value == 0;
}

void k2_value_set_null(enum k2_type type, void *value) {
    switch (type) {
    case K2_LONG:
    case K2_STAMP:
        *(int64_t *)value = K2_NULL_LONG;
        break;
    case K2_INT:
    case K2_DATE:
        *(int32_t *)value = K2_NULL_INT;
        break;
    case K2_PRICE:
    case K2_QUANTITY:
        *(k2_i128 *)value = K2_NULL_DECIMAL;
        break;
    case K2_STR:
    case K2_LIST:
    case K2_MAP:
    case K2_BYTES:
        *(uint32_t *)value = 0;
        break;
    }
}

static bool is_integer(enum k2_type type) {
    return type == K2_LONG || type == K2_STAMP || type == K2_INT || type == K2_DATE;
}

static bool is_decimal(enum k2_type type) {
    return type == K2_PRICE || type == K2_QUANTITY;
}

/* Without the type in front: 16 bytes of `room` are for numbers. */
static struct k2_sv value_bytes(enum k2_type type, const void *value, const struct k2_interner *in,
                                char room[16]) {
    if (is_decimal(type)) {
        memcpy(room, value, sizeof(k2_i128));
        return (struct k2_sv){room, sizeof(k2_i128)};
    }
    if (!is_integer(type))
        return k2_interned(in, *(const uint32_t *)value);
    bool narrow = type == K2_INT || type == K2_DATE;
    int64_t number = narrow ? *(const int32_t *)value : *(const int64_t *)value;
    k2_put_u64(room, (uint64_t)number);
    return (struct k2_sv){room, sizeof number};
}

void k2_added_put(struct k2_buf *blob, struct k2_sv name, enum k2_type type, const void *value,
                  const struct k2_interner *in) {
    char room[16];
    struct k2_sv bytes = value_bytes(type, value, in, room);
    k2_blob_add(blob, name);
    struct k2_buf typed = {0};
    k2_buf_byte(&typed, (uint8_t)type);
    k2_buf_sv(&typed, bytes);
    k2_blob_add(blob, k2_buf_view(&typed));
    k2_buf_free(&typed);
}

bool k2_added_next(struct k2_sv *blob, struct k2_added *out) {
    struct k2_sv typed;
    *out = (struct k2_added){0};
    if (!k2_blob_next(blob, &out->name) || !k2_blob_next(blob, &typed) || typed.n == 0)
        return false;
    out->type = (enum k2_type)typed.p[0];
    const struct k2_sv value = {typed.p + 1, typed.n - 1};
    if (is_decimal(out->type))
        memcpy(&out->decimal, value.p, sizeof out->decimal);
    else if (is_integer(out->type))
        out->number = (int64_t)k2_get_u64(value.p);
    else
        out->text = value;
    return true;
}

/* --- hashes --- */

struct k2_h128 k2_added_hash(struct k2_sv name, enum k2_type type, struct k2_sv value) {
    struct k2_buf b = {0};
    k2_buf_sv(&b, name);
    k2_buf_byte(&b, 0);
    k2_buf_byte(&b, (uint8_t)(is_integer(type) ? 'i' : is_decimal(type) ? 'd' : 's'));
    k2_buf_sv(&b, value);
    struct k2_h128 h = k2_hash128(b.p, b.n);
    k2_buf_free(&b);
    return h;
}

struct k2_h128 k2_added_sum(struct k2_sv blob) {
    struct k2_h128 sum = {0};
    struct k2_sv name, typed;
    while (k2_blob_next(&blob, &name) && k2_blob_next(&blob, &typed) && typed.n > 0)
        sum = k2_h128_add(sum, k2_added_hash(name, (enum k2_type)typed.p[0],
                                             (struct k2_sv){typed.p + 1, typed.n - 1}));
    return sum;
}

struct k2_h128 k2_columns_found_sum(const struct k2_columns *c, size_t row,
                                    const struct k2_interner *in) {
    struct k2_h128 sum = {0};
    for (int i = k2_own_fields(c->kind); i < c->kind->field_count; i++) {
        const struct k2_field *f = &c->kind->fields[i];
        const void *value = (const char *)c->col[i] + row * k2_type_size(f->type);
        char room[16];
        if (!k2_value_is_null(f->type, value))
            sum = k2_h128_add(sum, k2_added_hash(k2_sv_of(f->name), f->type,
                                                 value_bytes(f->type, value, in, room)));
    }
    return sum;
}

/* --- fields --- */

void k2_field_list_add(struct k2_field_list *list, const struct k2_field *f) {
    list->items = k2_realloc(list->items, (size_t)(list->n + 1) * sizeof *list->items);
    struct k2_field *copy = &list->items[list->n++];
    *copy = *f;
    copy->name = k2_strdup(f->name);
    copy->meaning = k2_strdup(f->meaning);
}

static void free_names(const struct k2_field *fields, int n) {
    for (int i = 0; i < n; i++) {
        free((void *)(uintptr_t)fields[i].name);
        free((void *)(uintptr_t)fields[i].meaning);
    }
}

void k2_field_list_free(struct k2_field_list *list) {
    free_names(list->items, list->n);
    free(list->items);
    *list = (struct k2_field_list){0};
}

int k2_kind_widen(const struct k2_kind *kind, const struct k2_field_list *found,
                  struct k2_kind **out, struct k2_err *err) {
    int n = kind->field_count + found->n;
    if (n > K2_MAX_FIELDS)
        return k2_fail(err, K2_E_RANGE,
                       "table %s would have %d columns, and k2 reads and writes %d at most: take "
                       "fields out of the schemas of its topics",
                       kind->table, n, K2_MAX_FIELDS);
    struct k2_kind *wide = k2_alloc(sizeof *wide);
    struct k2_field_list fields = {0};
    for (int i = 0; i < kind->field_count; i++)
        k2_field_list_add(&fields, &kind->fields[i]);
    for (int i = 0; i < found->n; i++)
        k2_field_list_add(&fields, &found->items[i]);
    *wide = *kind;
    wide->fields = fields.items;
    wide->field_count = n;
    wide->found = kind->found + found->n;
    *out = wide;
    return K2_OK;
}

void k2_kind_narrow(struct k2_kind *wide) {
    if (!wide)
        return;
    free_names(wide->fields, wide->field_count);
    free((void *)(uintptr_t)wide->fields);
    free(wide);
}
