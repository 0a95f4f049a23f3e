/* codec/resolve.c - reading records that another version of a schema wrote.
 *
 * A plan has one step per field of the writer's record, in the order of its bytes: what to read, and into
 * which of our fields it goes (by name), or nowhere. Fields of ours that the writer lacks stay null
 * (Avro 1.11 specification, "Schema Resolution"). Only what the event model uses is understood: string,
 * bytes, decimal, int, long, boolean, float, double, arrays and maps of string, each optionally in a
 * union with null. Anything else is K2_E_UNSUPPORTED, never guessed.
 */
#include "codec/wire.h"

#include "base/json.h"

#include <stdlib.h>

enum wire { W_STRING, W_BYTES, W_INT, W_LONG, W_BOOL, W_FLOAT, W_DOUBLE, W_ARRAY, W_MAP };

struct step {
    enum wire wire;
    int null_branch; /* -1: not nullable; else the union branch that means null */
    int target;      /* index in kind->fields, or -1: skip */
};

struct wire_plan {
    const struct k2_kind *kind;
    int count;
    struct step *steps;
};

/* One field's type taken apart. */
struct shape {
    enum wire wire;
    int null_branch;
    bool decimal;
    int64_t precision, scale;
};

static bool named(const struct k2_json *v, const char *name) {
    struct k2_sv s;
    return k2_json_as_string(v, &s) && k2_sv_eq(s, k2_sv_of(name));
}

static bool primitive(struct k2_sv name, enum wire *out) {
    static const struct {
        const char *name;
        enum wire wire;
    } known[] = {{"string", W_STRING}, {"bytes", W_BYTES}, {"int", W_INT},      {"long", W_LONG},
                 {"boolean", W_BOOL},  {"float", W_FLOAT}, {"double", W_DOUBLE}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (k2_sv_eq(name, k2_sv_of(known[i].name))) {
            *out = known[i].wire;
            return true;
        }
    }
    return false;
}

static bool shape_of_object(const struct k2_json *type, struct shape *s) {
    struct k2_sv name;
    if (!k2_json_as_string(k2_json_get(type, "type"), &name))
        return false;
    if (k2_sv_eq(name, K2_SV("array")) || k2_sv_eq(name, K2_SV("map"))) {
        bool array = k2_sv_eq(name, K2_SV("array"));
        s->wire = array ? W_ARRAY : W_MAP;
        return named(k2_json_get(type, array ? "items" : "values"), "string");
    }
    if (!primitive(name, &s->wire))
        return false;
    if (s->wire == W_BYTES && named(k2_json_get(type, "logicalType"), "decimal")) {
        s->decimal = true;
        s->scale = 0;
        k2_json_as_int(k2_json_get(type, "scale"), &s->scale);
        return k2_json_as_int(k2_json_get(type, "precision"), &s->precision);
    }
    return true;
}

static bool shape_of_branch(const struct k2_json *type, struct shape *s) {
    struct k2_sv name;
    if (k2_json_as_string(type, &name))
        return primitive(name, &s->wire);
    return k2_json_type(type) == K2_JSON_OBJECT && shape_of_object(type, s);
}

static bool shape_of(const struct k2_json *type, struct shape *s) {
    *s = (struct shape){.null_branch = -1};
    if (k2_json_type(type) != K2_JSON_ARRAY)
        return shape_of_branch(type, s);
    if (k2_json_count(type) != 2)
        return false;
    bool null_first = named(k2_json_at(type, 0), "null");
    if (!null_first && !named(k2_json_at(type, 1), "null"))
        return false;
    s->null_branch = null_first ? 0 : 1;
    return shape_of_branch(k2_json_at(type, null_first ? 1 : 0), s);
}

/* Whether a value of this shape can go into a field of this type without any loss. */
static bool fits(const struct shape *s, enum k2_type type) {
    switch (type) {
    case K2_STR:
        return s->wire == W_STRING;
    case K2_BYTES:
        return s->wire == W_BYTES && !s->decimal;
    case K2_LIST:
        return s->wire == W_ARRAY;
    case K2_MAP:
        return s->wire == W_MAP;
    case K2_LONG:
    case K2_STAMP:
        return s->wire == W_LONG || s->wire == W_INT;
    case K2_INT:
    case K2_DATE:
        return s->wire == W_INT;
    case K2_PRICE:
        return s->decimal && s->scale == K2_PRICE_SCALE && s->precision <= K2_PRICE_PRECISION;
    case K2_QUANTITY:
        return s->decimal && s->scale == K2_QUANTITY_SCALE && s->precision <= K2_QUANTITY_PRECISION;
    }
    return false;
}

static K2_RC plan_step(struct wire_plan *p, const struct k2_json *field, struct k2_err *err) {
    struct k2_sv name;
    struct shape shape;
    if (!k2_json_as_string(k2_json_get(field, "name"), &name))
        return k2_fail(err, K2_E_INVALID, "a field of the writer's schema has no name");
    if (!shape_of(k2_json_get(field, "type"), &shape))
        return k2_fail(err, K2_E_UNSUPPORTED, "field %.*s has a type that events do not use",
                       K2_SV_ARG(name));
    int target = k2_field_by_name(p->kind, name);
    if (target >= 0 && !k2_field_in_record(&p->kind->fields[target]))
        target = -1;
    if (target >= 0 && !fits(&shape, p->kind->fields[target].type))
        return k2_fail(err, K2_E_UNSUPPORTED, "field %.*s was written with another type",
                       K2_SV_ARG(name));
    p->steps[p->count++] = (struct step){shape.wire, shape.null_branch, target};
    return K2_OK;
}

static K2_RC plan_steps(struct wire_plan *p, const struct k2_json *schema, struct k2_err *err) {
    const struct k2_json *fields = k2_json_get(schema, "fields");
    size_t n = k2_json_count(fields);
    if (k2_json_type(fields) != K2_JSON_ARRAY || n == 0)
        return k2_fail(err, K2_E_INVALID, "the writer's schema is not a record with fields");
    p->steps = k2_zalloc(n * sizeof *p->steps);
    for (size_t i = 0; i < n; i++)
        K2_TRY(plan_step(p, k2_json_at(fields, i), err));
    return K2_OK;
}

int wire_plan_make(const struct k2_kind *kind, struct k2_sv writer_schema, struct wire_plan **out,
                   struct k2_err *err) {
    struct k2_json *schema;
    K2_TRY_CTX(k2_json_parse(writer_schema, &schema, err), err, "writer's schema");
    struct wire_plan *p = k2_zalloc(sizeof *p);
    p->kind = kind;
    int rc = plan_steps(p, schema, err);
    k2_json_free(schema);
    if (rc != K2_OK) {
        wire_plan_free(p);
        return rc;
    }
    *out = p;
    return K2_OK;
}

void wire_plan_free(struct wire_plan *p) {
    if (!p)
        return;
    free(p->steps);
    free(p);
}

static void skip_bytes(struct wire_in *in, size_t n) {
    if ((size_t)(in->end - in->p) < n)
        in->bad = true;
    else
        in->p += n;
}

static void skip(struct wire_in *in, enum wire wire) {
    switch (wire) {
    case W_STRING:
    case W_BYTES:
        wire_bytes(in);
        break;
    case W_INT:
    case W_LONG:
        wire_long(in);
        break;
    case W_BOOL:
        skip_bytes(in, 1);
        break;
    case W_FLOAT:
        skip_bytes(in, 4);
        break;
    case W_DOUBLE:
        skip_bytes(in, 8);
        break;
    case W_ARRAY:
        wire_blob(in, false);
        break;
    case W_MAP:
        wire_blob(in, true);
        break;
    }
}

static void read_value(struct wire_in *in, enum k2_type type, struct k2_interner *interner,
                       void *to) {
    switch (type) {
    case K2_STR:
    case K2_BYTES:
        *(uint32_t *)to = k2_intern(interner, wire_bytes(in));
        break;
    case K2_LIST:
        *(uint32_t *)to = k2_intern(interner, wire_blob(in, false));
        break;
    case K2_MAP:
        *(uint32_t *)to = k2_intern(interner, wire_blob(in, true));
        break;
    case K2_LONG:
    case K2_STAMP:
        *(int64_t *)to = wire_long(in);
        break;
    case K2_INT:
    case K2_DATE:
        *(int32_t *)to = wire_int(in);
        break;
    case K2_PRICE:
    case K2_QUANTITY:
        *(k2_i128 *)to = wire_decimal(in);
        break;
    }
}

void wire_plan_run(const struct wire_plan *p, struct wire_in *in, struct k2_interner *interner,
                   struct k2_event *e) {
    uint8_t *fields = k2_event_fields(e);
    for (int i = 0; i < p->count && !in->bad; i++) {
        const struct step *s = &p->steps[i];
        if (s->null_branch >= 0) {
            bool second = wire_some(in);
            if (second == (s->null_branch == 1))
                continue; /* null: the field keeps the null it was given */
        }
        if (s->target < 0) {
            skip(in, s->wire);
        } else {
            const struct k2_field *f = &p->kind->fields[s->target];
            read_value(in, f->type, interner, fields + f->offset);
        }
    }
}
