/* The Iceberg schema of an event kind, its partition spec and sort order, and how a table that
 * lacks columns gets them.
 *
 * Field ids come from the kind's table (codec/event.h) and are for ever: a list's element has id
 * 200 + the field's, a map's key 200 + and its value 400 + the field's. last-column-id starts at
 * 499, so that an id which another writer gives to its own column can never be one of ours of
 * tomorrow. A field that was added later (codec/added.h) is its name: it has the id that the table
 * gave it first, the kind's if that was free. */
#include "codec/added.h"
#include "lake/lake_int.h"

#include <stdio.h>

#define ELEMENT_ID 200
#define VALUE_ID 400

static const char *const sort_columns[] = {
    "exchange_timestamp", "exchange_sequence_number", "symbol", "channel", "epoch", "part"};

/* --- kind to JSON --- */

static struct k2_json *list_type(int id) {
    struct k2_json *t = k2_json_object();
    k2_json_set(t, "type", k2_json_cstring("list"));
    k2_json_set(t, "element-id", k2_json_int(ELEMENT_ID + id));
    k2_json_set(t, "element", k2_json_cstring("string"));
    k2_json_set(t, "element-required", k2_json_bool(true));
    return t;
}

static struct k2_json *map_type(int id) {
    struct k2_json *t = k2_json_object();
    k2_json_set(t, "type", k2_json_cstring("map"));
    k2_json_set(t, "key-id", k2_json_int(ELEMENT_ID + id));
    k2_json_set(t, "key", k2_json_cstring("string"));
    k2_json_set(t, "value-id", k2_json_int(VALUE_ID + id));
    k2_json_set(t, "value", k2_json_cstring("string"));
    k2_json_set(t, "value-required", k2_json_bool(true));
    return t;
}

static struct k2_json *decimal_type(int precision, int scale) {
    char text[32];
    (void)snprintf(text, sizeof text, "decimal(%d, %d)", precision, scale);
    return k2_json_cstring(text);
}

static struct k2_json *type_of(const struct k2_field *f) {
    switch (f->type) {
    case K2_STR:
        return k2_json_cstring("string");
    case K2_LIST:
        return list_type(f->id);
    case K2_MAP:
        return map_type(f->id);
    case K2_LONG:
        return k2_json_cstring("long");
    case K2_INT:
        return k2_json_cstring("int");
    case K2_DATE:
        return k2_json_cstring("date");
    case K2_STAMP:
        return k2_json_cstring("timestamptz");
    case K2_PRICE:
        return decimal_type(K2_PRICE_PRECISION, K2_PRICE_SCALE);
    case K2_QUANTITY:
        return decimal_type(K2_QUANTITY_PRECISION, K2_QUANTITY_SCALE);
    case K2_BYTES:
        break;
    }
    return k2_json_cstring("binary");
}

static struct k2_json *field_json(const struct k2_field *f, bool required) {
    struct k2_json *o = k2_json_object();
    k2_json_set(o, "id", k2_json_int(f->id));
    k2_json_set(o, "name", k2_json_cstring(f->name));
    k2_json_set(o, "required", k2_json_bool(required));
    k2_json_set(o, "type", type_of(f));
    k2_json_set(o, "doc", k2_json_cstring(f->meaning));
    return o;
}

struct k2_json *lake_schema_of_kind(const struct k2_kind *kind, int schema_id) {
    struct k2_json *schema = k2_json_object(), *fields = k2_json_array();
    k2_json_set(schema, "type", k2_json_cstring("struct"));
    k2_json_set(schema, "schema-id", k2_json_int(schema_id));
    for (int i = 0; i < kind->field_count; i++)
        k2_json_append(fields, field_json(&kind->fields[i], kind->fields[i].need == K2_REQ));
    k2_json_set(schema, "fields", fields);
    return schema;
}

struct k2_json *lake_spec_of_kind(const struct k2_kind *kind) {
    int at = k2_field_by_name(kind, K2_SV(LAKE_PARTITION_COLUMN));
    K2_ASSERT(at >= 0); /* every kind has it: codec/<kind>.def */
    struct k2_json *fields = k2_json_array(), *f = k2_json_object();
    k2_json_set(f, "name", k2_json_cstring(LAKE_PARTITION_COLUMN));
    k2_json_set(f, "transform", k2_json_cstring("identity"));
    k2_json_set(f, "source-id", k2_json_int(kind->fields[at].id));
    k2_json_set(f, "field-id", k2_json_int(1000));
    k2_json_append(fields, f);
    return fields;
}

struct k2_json *lake_sort_order_of_kind(const struct k2_kind *kind) {
    struct k2_json *order = k2_json_object(), *fields = k2_json_array();
    for (size_t i = 0; i < sizeof sort_columns / sizeof *sort_columns; i++) {
        int at = k2_field_by_name(kind, k2_sv_of(sort_columns[i]));
        if (at < 0)
            continue;
        struct k2_json *f = k2_json_object();
        k2_json_set(f, "transform", k2_json_cstring("identity"));
        k2_json_set(f, "source-id", k2_json_int(kind->fields[at].id));
        k2_json_set(f, "direction", k2_json_cstring("asc"));
        k2_json_set(f, "null-order", k2_json_cstring("nulls-first"));
        k2_json_append(fields, f);
    }
    k2_json_set(order, "order-id", k2_json_int(1));
    k2_json_set(order, "fields", fields);
    return order;
}

/* --- type text --- */

static bool type_text(const struct k2_json *type, int depth, struct k2_buf *out);

static bool struct_text(const struct k2_json *type, int depth, struct k2_buf *out) {
    const struct k2_json *fields = k2_json_get(type, "fields");
    if (k2_json_type(fields) != K2_JSON_ARRAY)
        return false;
    k2_buf_str(out, "struct<");
    for (size_t i = 0; i < k2_json_count(fields); i++) {
        struct k2_sv name;
        if (!k2_json_as_string(k2_json_get(k2_json_at(fields, i), "name"), &name))
            return false;
        k2_buf_printf(out, "%s%.*s: ", i ? ", " : "", K2_SV_ARG(name));
        if (!type_text(k2_json_get(k2_json_at(fields, i), "type"), depth + 1, out))
            return false;
    }
    k2_buf_byte(out, '>');
    return true;
}

static bool type_text(const struct k2_json *type, int depth, struct k2_buf *out) {
    struct k2_sv word;
    if (depth > 32)
        return false;
    if (k2_json_as_string(type, &word)) {
        k2_buf_sv(out, word);
        return word.n > 0;
    }
    if (!k2_json_as_string(k2_json_get(type, "type"), &word))
        return false;
    if (k2_sv_eq(word, K2_SV("struct")))
        return struct_text(type, depth, out);
    bool list = k2_sv_eq(word, K2_SV("list"));
    if (!list && !k2_sv_eq(word, K2_SV("map")))
        return false;
    k2_buf_str(out, list ? "list<" : "map<");
    bool good = type_text(k2_json_get(type, list ? "element" : "key"), depth + 1, out);
    if (!list) {
        k2_buf_str(out, ", ");
        good = good && type_text(k2_json_get(type, "value"), depth + 1, out);
    }
    k2_buf_byte(out, '>');
    return good;
}

bool lake_schema_type_text(const struct k2_json *type, struct k2_buf *out) {
    return type_text(type, 0, out);
}

/* --- evolution --- */

static const struct lake_field *find_field(const struct lake_table *t, const struct k2_field *f) {
    for (int i = 0; i < t->field_count; i++)
        if (t->fields[i].id == f->id)
            return &t->fields[i];
    return NULL;
}

static const struct lake_field *find_name(const struct lake_table *t, const struct k2_field *f) {
    for (int i = 0; i < t->field_count; i++)
        if (strcmp(t->fields[i].name, f->name) == 0)
            return &t->fields[i];
    return NULL;
}

/* Columns below K2_LATE_ID are their ids, later ones their names. */
static const struct lake_field *find_column(const struct lake_table *t, const struct k2_field *f) {
    bool late = f->id >= K2_LATE_ID || f->id == 0;
    return late ? find_name(t, f) : find_field(t, f);
}

/* A column that the table has must be of the type that we write. */
static K2_RC check_type(const struct lake_table *t, const struct lake_field *have,
                        const struct k2_field *f, struct k2_err *err) {
    struct k2_buf want = {0};
    struct k2_json *type = type_of(f);
    bool known = lake_schema_type_text(type, &want);
    K2_ASSERT(known);
    k2_json_free(type);
    int rc = K2_OK;
    if (strcmp(have->type, k2_buf_cstr(&want)) != 0)
        rc = k2_fail(err, K2_E_CONFLICT,
                     "column %s (id %d) of table %s is %s, this build writes %s: the table was "
                     "changed by another program",
                     have->name, have->id, t->name, have->type, (const char *)want.p);
    k2_buf_free(&want);
    return rc;
}

/* Whether a nested id of a new list or map is one that the table gave away. Ids over 499 are given
 * by other writers, ids up to there only by us, so a clash means that somebody chose ids by hand.
 * */
static bool id_taken(const struct k2_json *v, int64_t id) {
    static const char *const keys[] = {"id", "element-id", "key-id", "value-id"};
    void *iter = NULL;
    struct k2_sv name;
    struct k2_json *member;
    if (k2_json_type(v) == K2_JSON_OBJECT) {
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (lake_json_int(v, keys[i], -1) == id)
                return true;
        while (k2_json_next(v, &iter, &name, &member))
            if (id_taken(member, id))
                return true;
    }
    for (size_t i = 0; k2_json_type(v) == K2_JSON_ARRAY && i < k2_json_count(v); i++)
        if (id_taken(k2_json_at(v, i), id))
            return true;
    return false;
}

static bool is_free(const struct k2_json *schemas, const struct k2_field *f, int id) {
    bool nested = f->type == K2_LIST || f->type == K2_MAP;
    return !id_taken(schemas, id) && !(nested && id_taken(schemas, ELEMENT_ID + id)) &&
           !(f->type == K2_MAP && id_taken(schemas, VALUE_ID + id));
}

/* The id of a later field: its own if it says one and nobody has it, else the next. `schema` is the new one so far. */
static K2_RC choose_id(const struct lake_table *t, const struct k2_json *schema, struct k2_field *f,
                       struct k2_err *err) {
    const struct k2_json *schemas = k2_json_get(t->root, "schemas");
    int id = f->id ? f->id : K2_FOUND_ID;
    for (bool first = true; id < K2_END_ID; first = false) {
        if (is_free(schemas, f, id) && is_free(schema, f, id)) {
            f->id = id;
            return K2_OK;
        }
        id = first && id < K2_FOUND_ID ? K2_FOUND_ID : id + 1;
    }
    return k2_fail(err, K2_E_RANGE,
                   "table %s has no field id left for column %s: %d columns that k2 did not know "
                   "were added to it",
                   t->name, f->name, K2_END_ID - K2_FOUND_ID);
}

static K2_RC check_new(const struct lake_table *t, const struct k2_field *f, struct k2_err *err) {
    if (find_name(t, f))
        return k2_fail(err, K2_E_CONFLICT,
                       "table %s has a column %s with another id than ours (%d): rename it, then "
                       "try again",
                       t->name, f->name, f->id);
    if (is_free(k2_json_get(t->root, "schemas"), f, f->id))
        return K2_OK;
    return k2_fail(err, K2_E_CONFLICT,
                   "table %s used field id %d, or one of its nested ids, for another column than "
                   "%s: another program changed the table, it cannot take our column",
                   t->name, f->id, f->name);
}

/* The field as the new column of the table that it will be. */
static K2_RC place_new(const struct lake_table *t, const struct k2_json *schema, struct k2_field *f,
                       struct k2_err *err) {
    return f->id >= K2_LATE_ID || f->id == 0 ? choose_id(t, schema, f, err) : check_new(t, f, err);
}

/* A column of another program may have the name of a late field, but nobody filled it for us. */
static K2_RC check_late(const struct lake_table *t, const struct lake_field *have,
                        struct k2_err *err) {
    if (have->id < K2_END_ID)
        return K2_OK;
    return k2_fail(err, K2_E_CONFLICT,
                   "table %s has a column %s that another program added (id %d), and records have "
                   "a field of this name: rename the column, then try again",
                   t->name, have->name, have->id);
}

static K2_RC extend_by(const struct lake_table *t, const struct k2_kind *kind,
                       struct k2_json **schema, struct k2_err *err) {
    for (int i = 0; i < kind->field_count; i++) {
        struct k2_field f = kind->fields[i];
        const struct lake_field *have = find_column(t, &f);
        if (have) {
            K2_TRY(check_late(t, have, err));
            K2_TRY(check_type(t, have, &f, err));
            continue;
        }
        K2_TRY(place_new(t, *schema, &f, err));
        if (!*schema)
            *schema = k2_json_copy(t->schema);
        /* Rows that exist have no value, so the new column is optional, whatever the kind says. */
        k2_json_append(k2_json_get(*schema, "fields"), field_json(&f, false));
    }
    return K2_OK;
}

K2_RC lake_schema_extend(const struct lake_table *t, const struct k2_kind *kind,
                         struct k2_json **out, struct k2_err *err) {
    struct k2_json *schema = NULL;
    int rc = extend_by(t, kind, &schema, err);
    if (rc != K2_OK) {
        k2_json_free(schema);
        return rc;
    }
    if (schema)
        k2_json_remove(schema, "schema-id");
    *out = schema;
    return K2_OK;
}

/* --- the kind of a table --- */

/* The type that a column of this type text holds. */
static bool type_of_text(const char *text, enum k2_type *out) {
    static const enum k2_type types[] = {K2_STR,  K2_LIST,  K2_MAP,   K2_LONG,     K2_INT,
                                         K2_DATE, K2_STAMP, K2_PRICE, K2_QUANTITY, K2_BYTES};
    bool same = false;
    for (size_t i = 0; !same && i < sizeof types / sizeof *types; i++) {
        struct k2_buf known = {0};
        const struct k2_field field = {.type = types[i]};
        struct k2_json *json = type_of(&field);
        same = lake_schema_type_text(json, &known) && strcmp(k2_buf_cstr(&known), text) == 0;
        k2_json_free(json);
        k2_buf_free(&known);
        *out = types[i];
    }
    return same;
}

static bool is_found(const struct k2_kind *kind, const struct lake_field *f, enum k2_type *type) {
    return f->id >= K2_LATE_ID && f->id < K2_END_ID &&
           k2_field_by_name(kind, k2_sv_of(f->name)) < 0 && type_of_text(f->type, type);
}

K2_RC lake_table_kind(const struct lake_table *t, const struct k2_kind *kind, struct k2_kind **out,
                      struct k2_err *err) {
    struct k2_field_list found = {0};
    for (int i = 0; i < t->field_count; i++) {
        struct k2_field f = {.id = t->fields[i].id,
                             .name = t->fields[i].name,
                             .need = K2_OPT,
                             .cls = K2_PAYLOAD,
                             .meaning = ""};
        if (is_found(kind, &t->fields[i], &f.type))
            k2_field_list_add(&found, &f);
    }
    int rc = k2_kind_widen(kind, &found, out, err);
    k2_field_list_free(&found);
    for (int i = 0; rc == K2_OK && i < (*out)->field_count; i++) {
        struct k2_field *f = (struct k2_field *)(uintptr_t) & (*out)->fields[i];
        const struct lake_field *have = f->id >= K2_LATE_ID ? find_name(t, f) : NULL;
        if (have)
            f->id = have->id;
    }
    return rc;
}

/* --- Parquet columns --- */

static struct parquet_column parquet_column(const struct k2_field *f) {
    struct parquet_column c = {.name = f->name, .field_id = f->id, .optional = f->need == K2_OPT};
    switch (f->type) {
    case K2_STR:
        c.type = PARQUET_STRING;
        break;
    case K2_LIST:
        c.type = PARQUET_LIST;
        c.element_id = ELEMENT_ID + f->id;
        break;
    case K2_MAP:
        c.type = PARQUET_MAP;
        c.element_id = ELEMENT_ID + f->id;
        c.value_id = VALUE_ID + f->id;
        break;
    case K2_LONG:
        c.type = PARQUET_INT64;
        break;
    case K2_INT:
        c.type = PARQUET_INT32;
        break;
    case K2_DATE:
        c.type = PARQUET_DATE;
        break;
    case K2_STAMP:
        c.type = PARQUET_TIMESTAMP_US;
        break;
    case K2_PRICE:
        c.type = PARQUET_DECIMAL;
        c.precision = K2_PRICE_PRECISION;
        c.scale = K2_PRICE_SCALE;
        break;
    case K2_QUANTITY:
        c.type = PARQUET_DECIMAL;
        c.precision = K2_QUANTITY_PRECISION;
        c.scale = K2_QUANTITY_SCALE;
        break;
    case K2_BYTES:
        c.type = PARQUET_BINARY;
        break;
    }
    return c;
}

void lake_parquet_columns(const struct k2_kind *kind, struct parquet_column *columns) {
    for (int i = 0; i < kind->field_count; i++)
        columns[i] = parquet_column(&kind->fields[i]);
}
