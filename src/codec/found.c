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

void found_name(const struct k2_kind *kind, struct k2_sv name, struct k2_buf *out) {
    out->n = 0;
    k2_buf_sv(out, name);
    while (is_taken(kind, k2_buf_cstr(out)))
        k2_buf_byte(out, '_');
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
    if (!shape_of(k2_json_get(field, "type"), &shape) || !shape_column(&shape, &f.type))
        return k2_fail(err, K2_E_UNSUPPORTED,
                       "field %.*s has a type that no column of a table can hold", K2_SV_ARG(name));
    struct k2_buf column = {0};
    found_name(kind, name, &column);
    (void)k2_json_as_string(k2_json_get(field, "doc"), &doc);
    f.name = k2_buf_cstr(&column);
    char *meaning = k2_sv_dup(doc);
    f.meaning = meaning;
    const struct k2_field *have = like(kind->fields + k2_own_fields(kind), kind->found, f.name);
    if (!have)
        have = like(out->items, out->n, f.name);
    int rc = have ? check_like(have, &f, err) : K2_OK;
    if (!have)
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
