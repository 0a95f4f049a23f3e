/* codec/protobuf_schema.c - what the words of a .proto file refer to, and whether its numbers and names are good.
 *
 * A type's name is looked for in the innermost message first, then outwards through the package. Files that
 * come with Protobuf and with Confluent's clients (google/protobuf, google/type, confluent) need not be given;
 * their types are known by name only. Every other import must be among the references.
 */
#include "codec/protobuf_schema.h"

#include <stdlib.h>

static const char *const scalars[] = {"double",   "float",    "int32",  "int64",   "uint32",
                                      "uint64",   "sint32",   "sint64", "fixed32", "fixed64",
                                      "sfixed32", "sfixed64", "bool",   "string",  "bytes"};

static bool is_scalar(struct k2_sv name) {
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++)
        if (k2_sv_eq(name, k2_sv_of(scalars[i])))
            return true;
    return false;
}

static bool is_well_known(struct k2_sv name) {
    k2_sv_take(&name, '.');
    return k2_sv_starts(name, K2_SV("google.")) || k2_sv_starts(name, K2_SV("confluent.")) ||
           k2_sv_starts(name, K2_SV("protobuf.")) || k2_sv_starts(name, K2_SV("type."));
}

static int by_full(const void *a, const void *b) {
    const struct proto_type *x = *(struct proto_type *const *)a,
                            *y = *(struct proto_type *const *)b;
    return k2_sv_cmp(x->full, y->full);
}

static const struct proto_type *find(const struct proto_schema *s, struct k2_sv full) {
    struct proto_type key = {.full = full}, *k = &key;
    struct proto_type **found = bsearch(&k, s->names, s->name_count, sizeof *s->names, by_full);
    return found ? *found : NULL;
}

/* The name in a scope, then in what is around it. */
static const struct proto_type *resolve(const struct proto_schema *s, struct k2_sv scope,
                                        struct k2_sv name) {
    if (k2_sv_take(&name, '.'))
        return find(s, name);
    struct k2_buf text = {0};
    const struct proto_type *found = NULL;
    while (!found && scope.n > 0) {
        text.n = 0;
        k2_buf_sv(&text, scope);
        k2_buf_byte(&text, '.');
        k2_buf_sv(&text, name);
        found = find(s, k2_buf_view(&text));
        while (scope.n > 0 && scope.p[scope.n - 1] != '.')
            scope.n--;
        scope.n -= scope.n > 0;
    }
    k2_buf_free(&text);
    return found ? found : find(s, name);
}

static K2_RC resolve_use(const struct proto_schema *s, const struct proto_type *m,
                         const struct proto_field *f, struct proto_use *use, struct k2_err *err) {
    use->scalar = is_scalar(use->name);
    if (use->scalar)
        return K2_OK;
    use->type = resolve(s, m->full, use->name);
    if (!use->type && !is_well_known(use->name))
        return k2_fail(err, K2_E_INVALID,
                       "line %d: field %.*s of %.*s has the type %.*s, which is declared neither "
                       "here nor in a reference",
                       f->line, K2_SV_ARG(k2_sv_shown(f->name)), K2_SV_ARG(k2_sv_shown(m->full)),
                       K2_SV_ARG(k2_sv_shown(use->name)));
    return K2_OK;
}

/* --- numbers and names of one type --- */

static int by_tag(const void *a, const void *b) {
    const struct proto_field *x = *(struct proto_field *const *)a;
    const struct proto_field *y = *(struct proto_field *const *)b;
    return (x->tag > y->tag) - (x->tag < y->tag);
}

static int by_name(const void *a, const void *b) {
    const struct proto_field *x = *(struct proto_field *const *)a;
    const struct proto_field *y = *(struct proto_field *const *)b;
    return k2_sv_cmp(x->name, y->name);
}

/* Sorts the members by name, then by number, and looks for neighbours that are alike. */
static K2_RC check_twice(const struct proto_type *t, struct k2_err *err) {
    struct proto_field **list = t->by_tag;
    qsort(list, t->field_count, sizeof(struct proto_field *), by_name);
    for (size_t i = 1; i < t->field_count; i++)
        if (by_name(&list[i - 1], &list[i]) == 0)
            return k2_fail(err, K2_E_INVALID, "line %d: %.*s is there twice in %.*s", list[i]->line,
                           K2_SV_ARG(k2_sv_shown(list[i]->name)), K2_SV_ARG(k2_sv_shown(t->full)));
    qsort(list, t->field_count, sizeof(struct proto_field *), by_tag);
    for (size_t i = 1; i < t->field_count; i++)
        if (list[i - 1]->tag == list[i]->tag && !t->allow_alias)
            return k2_fail(err, K2_E_INVALID, "line %d: %.*s and %.*s of %.*s have one number, %d",
                           list[i]->line, K2_SV_ARG(k2_sv_shown(list[i - 1]->name)),
                           K2_SV_ARG(k2_sv_shown(list[i]->name)), K2_SV_ARG(k2_sv_shown(t->full)),
                           list[i]->tag);
    return K2_OK;
}

const struct proto_field *proto_field_with_tag(const struct proto_type *t, int32_t tag) {
    struct proto_field key = {.tag = tag}, *k = &key;
    struct proto_field **found =
        t->field_count ? bsearch(&k, t->by_tag, t->field_count, sizeof k, by_tag) : NULL;
    return found ? *found : NULL;
}

static bool is_reserved(const struct proto_type *t, const struct proto_field *f) {
    for (const struct proto_range *r = t->reserved; r; r = r->next)
        if (f->tag >= r->from && f->tag <= r->to)
            return true;
    for (const struct proto_field *r = t->reserved_names; r; r = r->next)
        if (k2_sv_eq(r->name, f->name))
            return true;
    return false;
}

static K2_RC check_members(struct proto_schema *s, struct proto_type *t, struct k2_err *err) {
    for (const struct proto_field *f = t->fields; f; f = f->next, t->field_count++)
        if (is_reserved(t, f))
            return k2_fail(err, K2_E_INVALID, "line %d: %.*s = %d of %.*s is reserved", f->line,
                           K2_SV_ARG(k2_sv_shown(f->name)), f->tag,
                           K2_SV_ARG(k2_sv_shown(t->full)));
    size_t i = 0;
    t->by_tag = schema_arena_take(&s->arena, t->field_count * sizeof(struct proto_field *));
    for (struct proto_field *f = t->fields; f; f = f->next)
        t->by_tag[i++] = f;
    return check_twice(t, err);
}

static K2_RC check_enum(struct proto_schema *s, struct proto_type *t, struct k2_err *err) {
    if (!t->fields)
        return k2_fail(err, K2_E_INVALID, "line %d: enum %.*s is empty", t->line,
                       K2_SV_ARG(k2_sv_shown(t->full)));
    if (t->file->proto3 && t->fields->tag != 0)
        return k2_fail(err, K2_E_INVALID, "line %d: the first constant of enum %.*s must be 0",
                       t->fields->line, K2_SV_ARG(k2_sv_shown(t->full)));
    return check_members(s, t, err);
}

static K2_RC check_message(struct proto_schema *s, struct proto_type *t, struct k2_err *err) {
    for (struct proto_field *f = t->fields; f; f = f->next) {
        if (t->file->proto3 && f->label == PROTO_REQUIRED)
            return k2_fail(err, K2_E_INVALID, "line %d: proto3 has no required fields", f->line);
        K2_TRY(resolve_use(s, t, f, &f->type, err));
        if (f->key.name.n)
            K2_TRY(resolve_use(s, t, f, &f->key, err));
        if (f->key.name.n && !f->key.scalar)
            return k2_fail(err, K2_E_INVALID, "line %d: a map's key is a scalar", f->line);
    }
    return check_members(s, t, err);
}

/* --- all files --- */

static bool is_given(const struct proto_schema *s, struct k2_sv path) {
    for (size_t i = 0; i < s->file_count; i++)
        if (k2_sv_eq(s->files[i].name, path))
            return true;
    return k2_sv_starts(path, K2_SV("google/protobuf/")) ||
           k2_sv_starts(path, K2_SV("google/type/")) || k2_sv_starts(path, K2_SV("confluent/"));
}

static K2_RC check_imports(const struct proto_schema *s, struct k2_err *err) {
    for (size_t f = 0; f < s->file_count; f++)
        for (const struct proto_import *i = s->files[f].imports; i; i = i->next)
            if (!is_given(s, i->path))
                return k2_fail(err, K2_E_INVALID,
                               "line %d: import \"%.*s\" is none of the references", i->line,
                               K2_SV_ARG(k2_sv_shown(i->path)));
    return K2_OK;
}

int proto_schema_check(struct proto_schema *s, struct k2_err *err) {
    K2_TRY(check_imports(s, err));
    qsort(s->names, s->name_count, sizeof *s->names, by_full);
    for (size_t i = 1; i < s->name_count; i++)
        if (by_full(&s->names[i - 1], &s->names[i]) == 0)
            return k2_fail(err, K2_E_INVALID, "line %d: %.*s is declared twice", s->names[i]->line,
                           K2_SV_ARG(k2_sv_shown(s->names[i]->full)));
    for (size_t i = 0; i < s->name_count; i++) {
        struct proto_type *t = s->names[i];
        K2_TRY(t->is_enum ? check_enum(s, t, err) : check_message(s, t, err));
    }
    return K2_OK;
}

static K2_RC parse_all(const struct k2_schema_text *s, struct proto_schema *out,
                       struct k2_err *err) {
    for (size_t i = 0; i < s->ref_count; i++) {
        const struct k2_schema_ref *ref = &s->refs[i];
        struct proto_file *file = &out->files[out->file_count++];
        file->name = ref->name;
        file->subject = ref->subject;
        file->version = ref->version;
        struct k2_sv text;
        int rc = proto_text_of(out, ref->text, &text, err);
        if (rc == K2_OK)
            rc = proto_file_parse(out, file, text, err);
        if (rc != K2_OK)
            return k2_err_context(err, rc, "reference %.*s", K2_SV_ARG(k2_sv_shown(ref->name)));
    }
    struct proto_file *file = &out->files[out->file_count++];
    file->version = -1;
    K2_TRY(proto_text_of(out, s->text, &out->text, err));
    K2_TRY(proto_file_parse(out, file, out->text, err));
    return proto_schema_check(out, err);
}

int proto_schema_parse(const struct k2_schema_text *s, struct proto_schema *out,
                       struct k2_err *err) {
    *out = (struct proto_schema){0};
    out->files = schema_arena_take(&out->arena, (s->ref_count + 1) * sizeof *out->files);
    out->names = schema_arena_take(&out->arena, SCHEMA_MAX_NAMES * sizeof *out->names);
    return k2_err_context(err, parse_all(s, out, err), "not a .proto file");
}

void proto_schema_free(struct proto_schema *s) {
    schema_arena_free(&s->arena);
}

int protobuf_schema_form(const struct k2_schema_text *s, enum k2_schema_form form,
                         struct k2_buf *out, struct k2_err *err) {
    struct proto_schema schema;
    (void)form; /* the words decide, whatever the layout */
    int rc = proto_schema_parse(s, &schema, err);
    if (rc == K2_OK)
        rc = proto_text_put(schema.text, out, err);
    proto_schema_free(&schema);
    return rc;
}
