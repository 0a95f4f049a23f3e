/* codec/found.c - the fields of a writer's schema that a kind lacks; see added.h, and found.h for their names. */
#include "codec/found.h"

#include <strings.h>

/* Every table's view has it beside the columns. */
static const char *const taken[] = {"message_id"};

static bool is_taken(const struct k2_kind *kind, const char *name) {
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcasecmp(name, taken[i]) == 0)
            return true;
    for (int i = 0; i < k2_own_fields(kind); i++)
        if (strcasecmp(name, kind->fields[i].name) == 0)
            return true;
    return false;
}

bool found_is_known(const struct k2_kind *kind, struct k2_sv name) {
    int i = k2_field_by_name(kind, name);
    return i >= 0 && i < k2_own_fields(kind) && k2_field_in_record(&kind->fields[i]);
}

static void name_column(const struct k2_kind *kind, struct k2_sv name, struct k2_buf *out) {
    out->n = 0;
    k2_buf_sv(out, name);
    while (is_taken(kind, k2_buf_cstr(out)))
        k2_buf_byte(out, '_');
}

/* Whether the column is for a field of another name, which is this one with fewer underscores behind it. */
static bool is_of_another(const struct k2_kind *kind, struct k2_sv name, struct k2_sv column,
                          struct k2_sv *another) {
    struct k2_buf theirs = {0};
    bool same = false;
    *another = name;
    while (!same && another->n > 1 && another->p[another->n - 1] == '_') {
        another->n--;
        name_column(kind, *another, &theirs);
        same = !found_is_known(kind, *another) && k2_sv_eq(k2_buf_view(&theirs), column);
    }
    k2_buf_free(&theirs);
    return same;
}

int found_column(const struct k2_kind *kind, struct k2_sv name, struct k2_buf *out,
                 struct k2_err *err) {
    struct k2_sv another;
    name_column(kind, name, out);
    if (!is_of_another(kind, name, k2_buf_view(out), &another))
        return K2_OK;
    return k2_fail(err, K2_E_UNSUPPORTED,
                   "field %.*s would have column %s of table %s, which is kept for a field %.*s: "
                   "call it something else (docs/schemas.md)",
                   K2_SV_ARG(name), k2_buf_cstr(out), kind->table, K2_SV_ARG(another));
}

int found_no_type(struct k2_sv name, const struct shape *shape, struct k2_err *err) {
    if (shape && shape->decimal)
        return k2_fail(err, K2_E_UNSUPPORTED,
                       "field %.*s is decimal(%lld,%lld), which no column of a table can hold; "
                       "decimals have at most %d digits before and %d behind the point "
                       "(docs/schemas.md)",
                       K2_SV_ARG(name), (long long)shape->precision, (long long)shape->scale,
                       K2_QUANTITY_PRECISION - K2_QUANTITY_SCALE, K2_QUANTITY_SCALE);
    return k2_fail(err, K2_E_UNSUPPORTED,
                   "field %.*s has a type that no column of a table can hold: one by its name "
                   "alone, an empty one or one too deep; say in the field all that the type is "
                   "made of (docs/schemas.md)",
                   K2_SV_ARG(name));
}

/* The id that another K2 gave it. */
static int id_of(const struct k2_json *field) {
    int64_t id = 0;
    bool said = k2_json_as_int(k2_json_get(field, "field-id"), &id);
    return said && id >= K2_LATE_ID && id < K2_FOUND_ID ? (int)id : 0;
}

/* Engines take names of columns for equal that differ in the case of letters. */
static const struct k2_field *like(const struct k2_field *fields, int n, const char *name) {
    for (int i = 0; i < n; i++)
        if (strcasecmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

static K2_RC check_like(const struct k2_field *have, const struct k2_field *f, struct k2_err *err) {
    if (strcmp(have->name, f->name) != 0)
        return k2_fail(err, K2_E_UNSUPPORTED,
                       "fields %s and %s differ in the case of letters only, and columns cannot",
                       have->name, f->name);
    if (have->type != f->type)
        return k2_fail(err, K2_E_UNSUPPORTED, "field %s was written with another type before",
                       f->name);
    return K2_OK;
}

static K2_RC add_found(const struct k2_kind *kind, const struct k2_json *field, struct k2_sv name,
                       struct k2_field_list *out, struct k2_err *err) {
    struct shape shape;
    struct k2_sv doc = {NULL, 0};
    struct k2_field f = {.need = K2_OPT, .cls = K2_PAYLOAD, .id = id_of(field)};
    bool told = shape_of(k2_json_get(field, "type"), &shape);
    if (!told || !shape_column(&shape, &f.type))
        return found_no_type(name, told ? &shape : NULL, err);
    struct k2_buf column = {0};
    int rc = found_column(kind, name, &column, err);
    (void)k2_json_as_string(k2_json_get(field, "doc"), &doc);
    f.name = k2_buf_cstr(&column);
    char *meaning = k2_sv_dup(doc);
    f.meaning = meaning;
    const struct k2_field *have = like(kind->fields + k2_own_fields(kind), kind->found, f.name);
    if (!have)
        have = like(out->items, out->n, f.name);
    if (rc == K2_OK && have)
        rc = check_like(have, &f, err);
    if (rc == K2_OK && !have)
        k2_field_list_add(out, &f);
    free(meaning);
    k2_buf_free(&column);
    return rc;
}

int k2_found_fields(const struct k2_kind *kind, struct k2_sv writer_schema,
                    struct k2_field_list *out, struct k2_err *err) {
    struct k2_json *schema;
    K2_TRY_CTX(k2_json_parse(writer_schema, &schema, err), err, "writer's schema");
    const struct k2_json *fields = k2_json_get(schema, "fields");
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < k2_json_count(fields); i++) {
        struct k2_sv name;
        const struct k2_json *field = k2_json_at(fields, i);
        if (k2_json_as_string(k2_json_get(field, "name"), &name) && !found_is_known(kind, name))
            rc = add_found(kind, field, name, out, err);
    }
    k2_json_free(schema);
    return rc;
}
