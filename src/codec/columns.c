/* codec/columns.c - batches of events as columns. See event.h. */
#include "codec/event.h"

#include <stdlib.h>

void k2_columns_init(struct k2_columns *c, const struct k2_kind *kind, size_t cap) {
    *c = (struct k2_columns){.kind = kind};
    k2_columns_grow(c, cap);
}

void k2_columns_free(struct k2_columns *c) {
    for (int i = 0; c->kind && i < c->kind->field_count; i++)
        free(c->col[i]);
    free(c->added);
    *c = (struct k2_columns){0};
}

void k2_columns_grow(struct k2_columns *c, size_t cap) {
    if (cap <= c->cap)
        return;
    for (int i = 0; i < c->kind->field_count; i++)
        if (c->col[i] || c->cap == 0)
            c->col[i] = k2_realloc(c->col[i], cap * k2_type_size(c->kind->fields[i].type));
    if (c->added) {
        c->added = k2_realloc(c->added, cap * sizeof *c->added);
        memset(c->added + c->cap, 0, (cap - c->cap) * sizeof *c->added);
    }
    c->cap = cap;
}

void k2_columns_add(struct k2_columns *c) {
    if (!c->added)
        c->added = k2_zalloc((c->cap + 1) * sizeof *c->added);
}

void k2_columns_drop(struct k2_columns *c, int field) {
    free(c->col[field]);
    c->col[field] = NULL;
}

/* Sizes are 4, 8 or 16: a switch lets the compiler copy without a call. */
static inline void copy_value(void *to, const void *from, size_t size) {
    switch (size) {
    case 4:
        memcpy(to, from, 4);
        break;
    case 8:
        memcpy(to, from, 8);
        break;
    default:
        memcpy(to, from, 16);
        break;
    }
}

void k2_columns_get(const struct k2_columns *c, size_t row, struct k2_event *e) {
    e->kind = c->kind->id;
    e->added = c->added ? c->added[row] : 0;
    uint8_t *to = k2_event_fields(e);
    for (int i = 0; i < k2_own_fields(c->kind); i++) {
        const struct k2_field *f = &c->kind->fields[i];
        size_t size = k2_type_size(f->type);
        copy_value(to + f->offset, (const uint8_t *)c->col[i] + row * size, size);
    }
}

static void set_field(struct k2_columns *c, int i, size_t row, const struct k2_event *e) {
    const struct k2_field *f = &c->kind->fields[i];
    size_t size = k2_type_size(f->type);
    const uint8_t *from = k2_event_fields_const(e);
    copy_value((uint8_t *)c->col[i] + row * size, from + f->offset, size);
}

void k2_columns_set(struct k2_columns *c, size_t row, const struct k2_event *e) {
    for (int i = 0; i < k2_own_fields(c->kind); i++)
        set_field(c, i, row, e);
}

void k2_columns_set_record(struct k2_columns *c, size_t row, const struct k2_event *e) {
    for (int i = 0; i < k2_own_fields(c->kind); i++)
        if (c->col[i] && k2_field_in_record(&c->kind->fields[i]))
            set_field(c, i, row, e);
}
