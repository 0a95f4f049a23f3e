/* query/filters.c - terms of a plan as filters of the lake: literals become the numbers and strings
 * that file bounds are compared with. A literal that is not exactly what the field's type prints as is
 * not understood, and its term is left out. See query/prune.h. */
#include "query/prune.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_type(const struct prune_literal *l, const char *type) {
    return type ? l->type && strcmp(l->type, type) == 0 : !l->type;
}

/* "2014-03-10", a year of four digits after Christ. */
static bool read_date(const struct prune_literal *l, k2_i128 *out) {
    int32_t days;
    if (!l->quoted || !is_type(l, "DATE") || k2_date_parse(k2_sv_of(l->text), &days, NULL) != K2_OK)
        return false;
    *out = days;
    return true;
}

/* "2014-03-10 10:00:00.5+00": what a timestamptz prints as in UTC. */
static bool read_stamp(const struct prune_literal *l, k2_i128 *out) {
    int64_t day_ns, rest;
    int32_t days;
    struct k2_sv text = k2_sv_of(l->text);
    if (!l->quoted || !is_type(l, "TIMESTAMP WITH TIME ZONE") || text.n < 22 || text.p[10] != ' ' ||
        !k2_sv_ends(text, K2_SV("+00")))
        return false;
    if (k2_date_parse((struct k2_sv){text.p, 10}, &days, NULL) != K2_OK)
        return false;
    /* The time of day, read on the first day of the epoch, where every value fits. */
    char clock[K2_TIME_TEXT];
    if (text.n - 14 > 15)
        return false;
    snprintf(clock, sizeof clock, "1970-01-01T%.*sZ", (int)(text.n - 14), text.p + 11);
    if (k2_time_parse(k2_sv_of(clock), 0, NULL, &day_ns, NULL) != K2_OK)
        return false;
    rest = day_ns / K2_NS_PER_US;
    *out = (k2_i128)days * (K2_NS_PER_DAY / K2_NS_PER_US) + rest;
    return true;
}

static bool read_integer(const struct prune_literal *l, k2_i128 *out) {
    int64_t v;
    if (l->quoted || !is_type(l, NULL) || !k2_sv_i64(k2_sv_of(l->text), &v))
        return false;
    *out = v;
    return true;
}

static bool read_decimal(const struct prune_literal *l, const char *type, k2_i128 *out) {
    int precision, scale;
    if (l->quoted || !is_type(l, NULL) || sscanf(type, "decimal(%d, %d)", &precision, &scale) != 2)
        return false;
    return k2_decimal_parse(k2_sv_of(l->text), precision, scale, out, NULL) == K2_OK;
}

static bool read_number(const struct prune_literal *l, const char *type, k2_i128 *out) {
    if (strcmp(type, "date") == 0)
        return read_date(l, out);
    if (strcmp(type, "timestamptz") == 0)
        return read_stamp(l, out);
    if (strcmp(type, "long") == 0 || strcmp(type, "int") == 0)
        return read_integer(l, out);
    return read_decimal(l, type, out);
}

static const struct lake_field *find_field(const struct lake_table_info *table, const char *name) {
    for (int i = 0; i < table->field_count; i++)
        if (strcmp(table->fields[i].name, name) == 0)
            return &table->fields[i];
    return NULL;
}

static bool make_strings(const struct prune_term *t, struct lake_filter *f) {
    struct k2_sv *strings = k2_zalloc((size_t)t->count * sizeof *strings);
    f->strings = strings;
    for (int i = 0; i < t->count; i++) {
        if (!t->literals[i].quoted || t->literals[i].type)
            return false;
        strings[i] = k2_sv_of(t->literals[i].text);
    }
    return true;
}

static bool make_numbers(const struct prune_term *t, const char *type, struct lake_filter *f) {
    k2_i128 *numbers = k2_zalloc((size_t)t->count * sizeof *numbers);
    f->numbers = numbers;
    for (int i = 0; i < t->count; i++)
        if (!read_number(&t->literals[i], type, &numbers[i]))
            return false;
    return true;
}

static void free_filter(struct lake_filter *f) {
    free((void *)f->numbers);
    free((void *)f->strings);
}

static bool make_filter(const struct prune_term *t, const struct lake_table_info *table,
                        struct lake_filter *f) {
    const struct lake_field *field = find_field(table, t->column);
    if (!field)
        return false;
    *f = (struct lake_filter){.field_id = field->id, .op = t->op, .count = t->count};
    f->is_string = strcmp(field->type, "string") == 0;
    if (f->is_string ? make_strings(t, f) : make_numbers(t, field->type, f))
        return true;
    free_filter(f);
    return false;
}

void prune_filters_make(const struct prune_scan *scan, const struct lake_table_info *table,
                        struct prune_filters *out) {
    size_t room = scan->term_count ? (size_t)scan->term_count : 1;
    *out = (struct prune_filters){.filters = k2_zalloc(room * sizeof *out->filters)};
    for (int i = 0; i < scan->term_count; i++)
        if (make_filter(&scan->terms[i], table, &out->filters[out->n]))
            out->n++;
}

void prune_filters_free(struct prune_filters *f) {
    for (int i = 0; i < f->n; i++)
        free_filter(&f->filters[i]);
    free(f->filters);
    *f = (struct prune_filters){0};
}

static const char *op_text(enum lake_op op) {
    static const char *const texts[] = {"=", "<", "<=", ">", ">=", " IN "};
    return texts[op];
}

static void print_term(const struct prune_term *t, struct k2_buf *out) {
    k2_buf_printf(out, "%s%s%s%s", out->n ? " AND " : "", t->column, op_text(t->op),
                  t->op == LAKE_IN ? "(" : "");
    for (int i = 0; i < t->count; i++) {
        const struct prune_literal *l = &t->literals[i];
        k2_buf_printf(out, l->quoted ? "%s'%s'" : "%s%s", i ? ", " : "", l->text);
    }
    if (t->op == LAKE_IN)
        k2_buf_byte(out, ')');
}

void prune_filters_print(const struct prune_scan *scan, const struct lake_table_info *table,
                         struct k2_buf *out) {
    for (int i = 0; i < scan->term_count; i++) {
        struct lake_filter f;
        if (!make_filter(&scan->terms[i], table, &f))
            continue;
        print_term(&scan->terms[i], out);
        free_filter(&f);
    }
}
