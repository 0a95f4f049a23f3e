/* codec/resolve.c - reading records that another version of a schema wrote.
 *
 * A plan has one step per field of the writer's record, in the order of its bytes: what to read, and into
 * which of our fields it goes (by name). Fields of ours that the writer lacks stay null (Avro 1.11
 * specification, "Schema Resolution"). A field that this build does not know keeps its value all the same
 * (codec/added.h): a number of fewer places gets zeros, milliseconds become microseconds, a boolean is 0 or 1, an enum
 * its symbol, a binary floating point number the shortest text that reads as the same, and what is made of other types its
 * JSON. Types by name, as recursive ones have, are K2_E_UNSUPPORTED, never guessed.
 */
#include "codec/avro_json.h"
#include "codec/found.h"
#include "codec/wire.h"

#include <stdlib.h>

struct step {
    enum wire wire;
    int null_branch; /* -1: not nullable; else the union branch that means null */
    int target;      /* index in kind->fields; -1: into k2_event.added */
    enum k2_type type;
    char *name;     /* what is not ours: name of the column, */
    int64_t times;  /* what its number is multiplied by, */
    char **symbols; /* and the symbols of an enum */
    size_t symbol_count;
    struct k2_json *json; /* the type of W_OTHER */
};

struct wire_plan {
    const struct k2_kind *kind;
    int count;
    struct step *steps;
};

/* --- planning --- */

static void take_symbols(struct step *s, const struct k2_json *symbols) {
    struct k2_sv text;
    s->symbols = k2_zalloc((k2_json_count(symbols) + 1) * sizeof *s->symbols);
    for (size_t i = 0; i < k2_json_count(symbols); i++)
        if (k2_json_as_string(k2_json_at(symbols, i), &text))
            s->symbols[s->symbol_count++] = k2_sv_dup(text);
}

static int64_t times_of(const struct shape *shape, enum k2_type type) {
    if (shape->unit == SHAPE_MILLIS)
        return 1000;
    if (type == K2_QUANTITY)
        return (int64_t)k2_pow10((int)(K2_QUANTITY_SCALE - shape->scale));
    return 1;
}

/* A field that is not ours: into the column that the kind has for it, or into k2_event.added. */
static K2_RC plan_found(struct wire_plan *p, struct k2_sv name, const struct shape *shape,
                        struct k2_err *err) {
    struct step s = {.wire = shape->wire, .null_branch = shape->null_branch};
    struct k2_buf column = {0};
    if (!shape_column(shape, &s.type))
        return found_no_type(name, shape, err);
    int rc = found_column(p->kind, name, &column, err);
    s.target = k2_field_by_name(p->kind, k2_buf_view(&column));
    s.times = times_of(shape, s.type);
    s.name = k2_sv_dup(k2_buf_view(&column));
    k2_buf_free(&column);
    if (shape->wire == W_ENUM)
        take_symbols(&s, shape->symbols);
    s.json = shape->wire == W_OTHER ? k2_json_copy(shape->type) : NULL;
    p->steps[p->count++] = s;
    K2_TRY(rc);
    if (s.target >= 0 && p->kind->fields[s.target].type != s.type)
        return k2_fail(err, K2_E_UNSUPPORTED, "field %.*s was written with another type before",
                       K2_SV_ARG(name));
    return K2_OK;
}

static K2_RC plan_step(struct wire_plan *p, const struct k2_json *field, struct k2_err *err) {
    struct k2_sv name;
    struct shape shape;
    if (!k2_json_as_string(k2_json_get(field, "name"), &name))
        return k2_fail(err, K2_E_INVALID, "a field of the writer's schema has no name");
    if (!shape_of(k2_json_get(field, "type"), &shape))
        return found_no_type(name, NULL, err);
    if (!found_is_known(p->kind, name))
        return plan_found(p, name, &shape, err);
    int target = k2_field_by_name(p->kind, name);
    enum k2_type type = p->kind->fields[target].type;
    if (!shape_fits(&shape, type))
        return k2_fail(err, K2_E_UNSUPPORTED, "field %.*s was written with another type",
                       K2_SV_ARG(name));
    p->steps[p->count++] = (struct step){
        .wire = shape.wire, .null_branch = shape.null_branch, .target = target, .type = type};
    return K2_OK;
}

/* A registry of others may have let it through: the first value would be lost. */
static K2_RC check_once(const struct wire_plan *p, struct k2_err *err) {
    const struct step *last = &p->steps[p->count - 1];
    for (const struct step *s = p->steps; s < last; s++) {
        bool named = s->name && last->name && strcmp(s->name, last->name) == 0;
        if (named || (s->target >= 0 && s->target == last->target))
            return k2_fail(err, K2_E_INVALID, "the writer's schema has field %s twice",
                           last->name ? last->name : p->kind->fields[last->target].name);
    }
    return K2_OK;
}

static K2_RC plan_steps(struct wire_plan *p, const struct k2_json *schema, struct k2_err *err) {
    const struct k2_json *fields = k2_json_get(schema, "fields");
    size_t n = k2_json_count(fields);
    if (k2_json_type(fields) != K2_JSON_ARRAY || n == 0)
        return k2_fail(err, K2_E_INVALID, "the writer's schema is not a record with fields");
    p->steps = k2_zalloc(n * sizeof *p->steps);
    for (size_t i = 0; i < n; i++) {
        K2_TRY(plan_step(p, k2_json_at(fields, i), err));
        K2_TRY(check_once(p, err));
    }
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
    for (int i = 0; i < p->count; i++) {
        for (size_t k = 0; k < p->steps[i].symbol_count; k++)
            free(p->steps[i].symbols[k]);
        free(p->steps[i].symbols);
        free(p->steps[i].name);
        k2_json_free(p->steps[i].json);
    }
    free(p->steps);
    free(p);
}

/* --- reading --- */

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

static const uint8_t *read_fixed(struct wire_in *in, size_t n) {
    const uint8_t *p = in->p;
    if ((size_t)(in->end - in->p) < n) {
        in->bad = true;
        return NULL;
    }
    in->p += n;
    return p;
}

static uint32_t read_real(struct wire_in *in, bool wide, struct k2_interner *interner) {
    const uint8_t *p = read_fixed(in, wide ? sizeof(double) : sizeof(float));
    char text[K2_REAL_TEXT];
    if (!p)
        return 0;
    k2_avro_real_text(p, wide, text);
    return k2_intern(interner, k2_sv_of(text));
}

/* The JSON of a value; a null is none. */
static uint32_t read_other(struct wire_in *in, const struct step *s, struct k2_interner *interner) {
    struct k2_sv rest = {(const char *)in->p, (size_t)(in->end - in->p)};
    struct k2_json *value;
    struct k2_buf text = {0};
    uint32_t id = 0;
    if (k2_avro_json_value(s->json, &rest, &value, NULL) != K2_OK) {
        in->bad = true;
        return 0;
    }
    in->p = (const uint8_t *)rest.p;
    k2_json_dump(value, &text);
    if (k2_json_type(value) != K2_JSON_NULL)
        id = k2_intern(interner, k2_buf_view(&text));
    k2_json_free(value);
    k2_buf_free(&text);
    return id;
}

static uint32_t read_symbol(struct wire_in *in, const struct step *s,
                            struct k2_interner *interner) {
    int64_t i = wire_long(in);
    if (i < 0 || (uint64_t)i >= s->symbol_count) {
        in->bad = true;
        return 0;
    }
    return k2_intern(interner, k2_sv_of(s->symbols[i]));
}

static int32_t read_bool(struct wire_in *in) {
    const uint8_t *p = read_fixed(in, 1);
    if (p && *p > 1)
        in->bad = true;
    return p && *p == 1;
}

/* A value of a field that is not ours, as the C type of its column. */
static void read_found(struct wire_in *in, const struct step *s, struct k2_interner *interner,
                       void *to) {
    if (s->wire == W_FLOAT || s->wire == W_DOUBLE)
        *(uint32_t *)to = read_real(in, s->wire == W_DOUBLE, interner);
    else if (s->wire == W_OTHER)
        *(uint32_t *)to = read_other(in, s, interner);
    else if (s->wire == W_ENUM)
        *(uint32_t *)to = read_symbol(in, s, interner);
    else if (s->wire == W_BOOL)
        *(int32_t *)to = read_bool(in);
    else
        read_value(in, s->type, interner, to);
    bool over = false;
    if (s->type == K2_STAMP)
        over = __builtin_mul_overflow(*(int64_t *)to, s->times, (int64_t *)to);
    if (s->type == K2_QUANTITY)
        over = __builtin_mul_overflow(*(k2_i128 *)to, (k2_i128)s->times, (k2_i128 *)to) ||
               !k2_decimal_fits(*(k2_i128 *)to, K2_QUANTITY_PRECISION);
    if (s->type == K2_PRICE)
        over = !k2_decimal_fits(*(k2_i128 *)to, K2_PRICE_PRECISION);
    in->bad |= over;
}

static void take_found(struct wire_in *in, const struct step *s, struct k2_interner *interner,
                       struct k2_buf *added, struct k2_columns *c, size_t row) {
    k2_i128 value = 0;
    read_found(in, s, interner, &value);
    if (in->bad)
        return;
    if (c && s->target >= 0)
        memcpy((char *)c->col[s->target] + row * k2_type_size(s->type), &value,
               k2_type_size(s->type));
    else if (!k2_value_is_null(s->type, &value))
        k2_added_put(added, k2_sv_of(s->name), s->type, &value, interner);
}

void wire_plan_run(const struct wire_plan *p, struct wire_in *in, struct k2_interner *interner,
                   struct k2_event *e, struct k2_columns *c, size_t row) {
    uint8_t *fields = k2_event_fields(e);
    struct k2_buf added = {0};
    for (int i = 0; i < p->count && !in->bad; i++) {
        const struct step *s = &p->steps[i];
        if (s->null_branch >= 0) {
            bool second = wire_some(in);
            if (second == (s->null_branch == 1))
                continue; /* null: the field keeps the null it was given */
        }
        if (s->name)
            take_found(in, s, interner, &added, c, row);
        else
            read_value(in, s->type, interner, fields + p->kind->fields[s->target].offset);
    }
    if (added.n > 0 && !in->bad)
        e->added = k2_intern(interner, k2_buf_view(&added));
    k2_buf_free(&added);
}
