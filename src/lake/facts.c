/* lake/facts.c - a table's metadata as lines of text, for people. */
#include "lake/lake_int.h"

#include <inttypes.h>
#include <stdio.h>

struct telling {
    const struct lake_table *table;
    void (*fact)(void *ctx, const char *name, struct k2_sv value);
    void *ctx;
};

static void tell(const struct telling *t, const char *name, const char *value) {
    t->fact(t->ctx, name, k2_sv_of(value));
}

static void tell_number(const struct telling *t, const char *name, int64_t n) {
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, n);
    tell(t, name, text);
}

static struct k2_sv word(const struct k2_json *object, const char *key) {
    struct k2_sv s = {0};
    (void)k2_json_as_string(k2_json_get(object, key), &s);
    return s;
}

static const char *column(const struct lake_table *t, const struct k2_json *field) {
    int64_t id = lake_json_int(field, "source-id", -1);
    for (int i = 0; i < t->field_count; i++) {
        if (t->fields[i].id == id)
            return t->fields[i].name;
    }
    return "a column that was dropped";
}

/* "trade_date", or "bucket[4](symbol)" for a transform that changes the value. */
static void put_term(struct k2_buf *out, const struct lake_table *t, const struct k2_json *field) {
    struct k2_sv transform = word(field, "transform");
    if (k2_sv_eq(transform, K2_SV("identity")))
        k2_buf_str(out, column(t, field));
    else
        k2_buf_printf(out, "%.*s(%s)", K2_SV_ARG(transform), column(t, field));
}

static void tell_partitioning(const struct telling *t) {
    const struct k2_json *fields = k2_json_get(t->table->spec, "fields");
    struct k2_buf text = {0};
    for (size_t i = 0; i < k2_json_count(fields); i++) {
        k2_buf_str(&text, i ? ", " : "");
        put_term(&text, t->table, k2_json_at(fields, i));
    }
    tell(t, "partitioning", text.n ? k2_buf_cstr(&text) : "none");
    k2_buf_free(&text);
}

static void tell_order(const struct telling *t) {
    const struct k2_json *order = lake_json_by_id(k2_json_get(t->table->root, "sort-orders"),
                                                  "order-id", t->table->sort_order_id);
    const struct k2_json *fields = k2_json_get(order, "fields");
    struct k2_buf text = {0};
    for (size_t i = 0; i < k2_json_count(fields); i++) {
        const struct k2_json *f = k2_json_at(fields, i);
        k2_buf_str(&text, i ? ", " : "");
        put_term(&text, t->table, f);
        k2_buf_printf(&text, " %.*s %.*s", K2_SV_ARG(word(f, "direction")),
                      K2_SV_ARG(word(f, "null-order")));
    }
    tell(t, "sort order", text.n ? k2_buf_cstr(&text) : "none");
    k2_buf_free(&text);
}

static void tell_properties(const struct telling *t) {
    const struct k2_json *properties = k2_json_get(t->table->root, "properties");
    struct k2_json *value;
    struct k2_sv key, text;
    void *iter = NULL;
    while (k2_json_next(properties, &iter, &key, &value)) {
        struct k2_buf name = {0};
        k2_buf_printf(&name, "property %.*s", K2_SV_ARG(key));
        if (k2_json_as_string(value, &text))
            t->fact(t->ctx, k2_buf_cstr(&name), text);
        k2_buf_free(&name);
    }
}

void lake_table_facts(const struct lake_table *table,
                      void (*fact)(void *ctx, const char *name, struct k2_sv value), void *ctx) {
    const struct telling t = {table, fact, ctx};
    tell(&t, "location", table->location);
    tell(&t, "metadata", table->metadata_location);
    tell(&t, "uuid", table->uuid);
    tell_number(&t, "format version", lake_json_int(table->root, "format-version", 0));
    tell_number(&t, "schema", table->schema_id);
    tell_partitioning(&t);
    tell_order(&t);
    if (table->current_snapshot != 0)
        tell_number(&t, "current snapshot", table->current_snapshot);
    tell_number(&t, "snapshots", table->snapshot_count);
    tell_properties(&t);
}
