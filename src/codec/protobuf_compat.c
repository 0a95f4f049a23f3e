/* codec/protobuf_compat.c - does a reader with one .proto file understand what another wrote?
 *
 * Fields are compared by their numbers, after the rules that Confluent's registry documents for Protobuf
 * ("Updating A Message Type" of the language guide): types that share a wire format may replace each other,
 * fields may come and go unless they are required, names do not matter. Only what breaks is told.
 */
#include "codec/protobuf_schema.h"
#include "codec/schema_pairs.h"

enum verdict { UNKNOWN, OPEN, GOOD, BAD };
enum shape { SCALAR, MAP, MESSAGE };
enum scalar { VARINT, ZIGZAG, TEXT, FIXED32, FIXED64, FLOAT, DOUBLE };

struct compare {
    struct compat_run *run;
    struct k2_err *err;
    int rc;
    struct schema_path path;
    struct schema_pairs verdicts; /* of messages of other files */
    int depth;
    size_t steps;
};

struct pair { /* the same message on either side */
    const struct proto_type *r, *w;
};

/* --- findings --- */

static const char *const sentences[][2] = {
    {"PACKAGE_CHANGED",
     "The package at '%p' in the %r schema does not match the package in the %w schema"},
    {"MESSAGE_REMOVED", "The %r schema is missing a MESSAGE type at path '%p' in the %w schema"},
    {"FIELD_KIND_CHANGED",
     "The type of a field at path '%p' in the %r schema does not match the %w schema"},
    {"FIELD_SCALAR_KIND_CHANGED", "The kind of a SCALAR field at path '%p' in the %r schema does "
                                  "not match its kind in the %w schema"},
    {"FIELD_NAMED_TYPE_CHANGED", "The type of a MESSAGE field at path '%p' in the %r schema does "
                                 "not match its type in the %w schema"},
    {"FIELD_NUMERIC_LABEL_CHANGED", "The label for a NUMERIC field at path '%p' in the %r schema "
                                    "does not match its label in the %w schema"},
    {"REQUIRED_FIELD_ADDED",
     "A required field  at path '%p' in the %r schema is missing in the %w schema"},
    {"REQUIRED_FIELD_REMOVED",
     "The %r schema is missing a required field at path: '%p' in the %w schema"},
    {"ONEOF_FIELD_REMOVED", "The %r schema is missing a oneof field at path '%p' in the %w schema"},
    {"MULTIPLE_FIELDS_MOVED_TO_ONEOF", "Multiple fields in the oneof at path '%p' in the %r schema "
                                       "are outside a oneof in the %w schema"},
    {"FIELD_MOVED_TO_EXISTING_ONEOF", "A field in the oneof at path '%p' in the %r schema is "
                                      "outside an existing oneof in the %w schema"},
};

static void put_place(struct k2_sv path, const char *name, struct k2_buf *out) {
    while (k2_sv_take(&path, '/'))
        ;
    for (size_t i = 0; i < path.n; i++)
        k2_buf_byte(out, path.p[i] == '/' ? '.' : (uint8_t)path.p[i]);
    if (name)
        k2_buf_printf(out, " (%s)", name);
}

/* `field` names the field for people, whose path has its number; may be NULL. */
static bool tell(struct compare *c, const char *type, const struct proto_field *field) {
    struct k2_buf path = {0}, place = {0}, message = {0}, name = {0};
    if (c->run->out->n >= SCHEMA_MAX_FINDINGS)
        return false;
    k2_buf_str(&path, c->path.text.n ? "#" : "#/");
    k2_buf_sv(&path, k2_buf_view(&c->path.text));
    if (field)
        k2_buf_sv(&name, field->name);
    put_place(k2_buf_view(&c->path.text), field ? k2_buf_cstr(&name) : NULL, &place);
    k2_buf_printf(&message, "{errorType:\"%s\", description:\"", type);
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
        if (strcmp(sentences[i][0], type) == 0)
            compat_words(c->run, sentences[i][1], k2_buf_view(&path), &message);
    k2_buf_str(&message, "\"}");
    compat_add(c->run, type, k2_buf_view(&path), k2_buf_view(&place), (struct k2_sv){0},
               k2_buf_view(&message));
    struct k2_buf *all[] = {&path, &place, &message, &name};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        k2_buf_free(all[i]);
    return false;
}

/* --- types of fields --- */

static bool compare_messages(struct compare *c, struct pair p);

static bool is_enum(const struct proto_use *u) {
    return u->type && u->type->is_enum;
}

static enum shape shape_of(const struct proto_use *u) {
    return u->scalar || is_enum(u) ? SCALAR : MESSAGE;
}

static enum scalar scalar_of(const struct proto_use *u) {
    static const struct {
        const char *name;
        enum scalar scalar;
    } known[] = {{"sint32", ZIGZAG},   {"sint64", ZIGZAG},    {"string", TEXT},
                 {"bytes", TEXT},      {"fixed32", FIXED32},  {"sfixed32", FIXED32},
                 {"fixed64", FIXED64}, {"sfixed64", FIXED64}, {"float", FLOAT},
                 {"double", DOUBLE}};
    for (size_t i = 0; u->scalar && i < sizeof known / sizeof *known; i++)
        if (k2_sv_eq(u->name, k2_sv_of(known[i].name)))
            return known[i].scalar;
    return VARINT; /* int32, int64, uint32, uint64, bool and enums */
}

/* The name without its package. */
static struct k2_sv local_name(const struct proto_use *u) {
    if (!u->type) {
        struct k2_sv name = u->name;
        k2_sv_take(&name, '.');
        return name;
    }
    size_t cut = u->type->file->package.n ? u->type->file->package.n + 1 : 0;
    return (struct k2_sv){u->type->full.p + cut, u->type->full.n - cut};
}

static bool same_source(const struct proto_file *r, const struct proto_file *w) {
    return r->version == w->version && k2_sv_eq(r->subject, w->subject);
}

/* Another version of an imported message is compared as if it stood in the file. */
static bool compare_imported(struct compare *c, struct pair p) {
    struct schema_path outer = c->path;
    enum verdict known = (enum verdict)schema_pairs_get(&c->verdicts, p.r, p.w);
    if (known == OPEN || known == GOOD)
        return true;
    if (known == BAD && c->run->out->n >= SCHEMA_MAX_FINDINGS)
        return false;
    schema_pairs_set(&c->verdicts, p.r, p.w, OPEN);
    c->path = (struct schema_path){0};
    struct proto_use use = {.type = p.w};
    struct k2_sv rest = local_name(&use);
    while (rest.p)
        schema_path_enter(&c->path, k2_sv_split(&rest, '.'));
    bool good = compare_messages(c, p);
    k2_buf_free(&c->path.text);
    c->path = outer;
    schema_pairs_set(&c->verdicts, p.r, p.w, good ? GOOD : BAD);
    return good;
}

static bool compare_named(struct compare *c, const struct proto_use *r, const struct proto_use *w,
                          const struct proto_field *f) {
    if (!k2_sv_eq(local_name(r), local_name(w)))
        return tell(c, "FIELD_NAMED_TYPE_CHANGED", f);
    if (!r->type || !w->type || same_source(r->type->file, w->type->file) ||
        compare_imported(c, (struct pair){r->type, w->type}))
        return true;
    return tell(c, "FIELD_NAMED_TYPE_CHANGED", f);
}

static bool compare_use(struct compare *c, const struct proto_use *r, const struct proto_use *w,
                        const struct proto_field *f) {
    if (shape_of(r) != shape_of(w))
        return tell(c, "FIELD_KIND_CHANGED", f);
    if (shape_of(r) == MESSAGE)
        return compare_named(c, r, w, f);
    return scalar_of(r) == scalar_of(w) || tell(c, "FIELD_SCALAR_KIND_CHANGED", f);
}

static bool compare_field(struct compare *c, const struct proto_field *r,
                          const struct proto_field *w) {
    bool map = r->key.name.n > 0;
    if (map != (w->key.name.n > 0))
        return tell(c, "FIELD_KIND_CHANGED", r);
    if (map) {
        bool good = compare_use(c, &r->key, &w->key, r);
        return compare_use(c, &r->type, &w->type, r) && good;
    }
    if (!compare_use(c, &r->type, &w->type, r))
        return false;
    bool relabelled = r->label != w->label && r->label != PROTO_PLAIN && w->label != PROTO_PLAIN;
    if (relabelled && shape_of(&r->type) == SCALAR && scalar_of(&r->type) != TEXT)
        return tell(c, "FIELD_NUMERIC_LABEL_CHANGED", r);
    return true;
}

/* --- messages --- */

static bool has_oneof(const struct proto_type *m, struct k2_sv name) {
    for (const struct proto_field *o = m->oneofs; o; o = o->next)
        if (k2_sv_eq(o->name, name))
            return true;
    return false;
}

/* A oneof that is gone with all its members: nobody writes it any more. */
static bool gone_whole(struct compare *c, struct pair p, struct k2_sv oneof) {
    if (has_oneof(p.r, oneof))
        return false;
    c->steps += p.w->field_count;
    for (const struct proto_field *f = p.w->fields; f; f = f->next)
        if (k2_sv_eq(f->oneof, oneof) && proto_field_with_tag(p.r, f->tag))
            return false;
    return true;
}

static size_t enter_field(struct compare *c, const struct proto_field *f) {
    size_t was = c->path.text.n;
    if (f->oneof.n)
        schema_path_enter(&c->path, f->oneof);
    schema_path_enter_index(&c->path, (size_t)f->tag);
    return was;
}

static bool compare_removed(struct compare *c, struct pair p, const struct proto_field *w) {
    size_t was = enter_field(c, w);
    bool good = true;
    if (w->oneof.n && !gone_whole(c, p, w->oneof))
        good = tell(c, "ONEOF_FIELD_REMOVED", w);
    else if (!w->oneof.n && w->label == PROTO_REQUIRED)
        good = tell(c, "REQUIRED_FIELD_REMOVED", w);
    schema_path_leave(&c->path, was);
    return good;
}

static bool compare_fields(struct compare *c, struct pair p) {
    bool good = true;
    for (const struct proto_field *w = p.w->fields; w; w = w->next)
        if (!proto_field_with_tag(p.r, w->tag))
            good &= compare_removed(c, p, w);
    for (const struct proto_field *r = p.r->fields; r; r = r->next) {
        const struct proto_field *w = proto_field_with_tag(p.w, r->tag);
        size_t was = enter_field(c, r);
        if (w)
            good &= compare_field(c, r, w);
        else if (r->label == PROTO_REQUIRED && !r->oneof.n)
            good = tell(c, "REQUIRED_FIELD_ADDED", r);
        schema_path_leave(&c->path, was);
    }
    return good;
}

/* Fields that could be set together may not come to exclude each other. */
static bool compare_oneof(struct compare *c, struct pair p, const struct proto_field *oneof) {
    int plain = 0, groups = 0;
    struct k2_sv seen = {0};
    for (const struct proto_field *f = p.r->fields; f; f = f->next) {
        if (!k2_sv_eq(f->oneof, oneof->name))
            continue;
        const struct proto_field *w = proto_field_with_tag(p.w, f->tag);
        if (!w)
            continue;
        plain += w->oneof.n == 0;
        groups += w->oneof.n == 0 || !k2_sv_eq(w->oneof, seen);
        if (w->oneof.n)
            seen = w->oneof;
    }
    if (groups <= 1)
        return true;
    size_t was = schema_path_enter(&c->path, oneof->name);
    tell(c, plain > 1 ? "MULTIPLE_FIELDS_MOVED_TO_ONEOF" : "FIELD_MOVED_TO_EXISTING_ONEOF", NULL);
    schema_path_leave(&c->path, was);
    return false;
}

static const struct proto_type *message_named(const struct proto_type *list, struct k2_sv name) {
    while (list && (list->is_enum || !k2_sv_eq(list->name, name)))
        list = list->next;
    return list;
}

static bool compare_types(struct compare *c, const struct proto_type *r,
                          const struct proto_type *w) {
    bool good = true;
    for (; w; w = w->next) {
        if (w->is_enum)
            continue;
        const struct proto_type *same = message_named(r, w->name);
        size_t was = schema_path_enter(&c->path, w->name);
        if (same)
            good &= compare_messages(c, (struct pair){same, w});
        else
            good = tell(c, "MESSAGE_REMOVED", NULL);
        schema_path_leave(&c->path, was);
    }
    return good;
}

static bool within_bounds(struct compare *c, struct pair p) {
    c->steps += 1 + p.r->field_count + p.w->field_count;
    if (c->rc == K2_OK && (c->depth == SCHEMA_MAX_TRAIL || c->steps > SCHEMA_MAX_STEPS))
        c->rc = k2_fail(c->err, K2_E_RANGE, "the schemas lead deeper than %d into each other",
                        SCHEMA_MAX_TRAIL);
    return c->rc == K2_OK;
}

static bool compare_messages(struct compare *c, struct pair p) {
    bool good = true;
    if (!within_bounds(c, p))
        return true;
    c->depth++;
    for (const struct proto_field *o = p.r->oneofs; o; o = o->next)
        good &= compare_oneof(c, p, o);
    good &= compare_fields(c, p);
    good &= compare_types(c, p.r->types, p.w->types);
    c->depth--;
    return good;
}

int protobuf_compat_check(const struct k2_schema_text *reader, const struct k2_schema_text *writer,
                          struct compat_run *run, struct k2_err *err) {
    struct proto_schema r, w;
    int rc = proto_schema_parse(reader, &r, err);
    k2_err_context(err, rc, "the %s schema", compat_reader(run));
    if (rc == K2_OK) {
        rc = proto_schema_parse(writer, &w, err);
        k2_err_context(err, rc, "the %s schema", compat_writer(run));
        if (rc == K2_OK) {
            struct compare c = {.run = run, .err = err};
            const struct proto_file *ours = &r.files[r.file_count - 1];
            const struct proto_file *theirs = &w.files[w.file_count - 1];
            if (!k2_sv_eq(ours->package, theirs->package))
                tell(&c, "PACKAGE_CHANGED", NULL);
            compare_types(&c, ours->types, theirs->types);
            rc = c.rc;
            schema_pairs_free(&c.verdicts);
            k2_buf_free(&c.path.text);
        }
        proto_schema_free(&w);
    }
    proto_schema_free(&r);
    return rc;
}
