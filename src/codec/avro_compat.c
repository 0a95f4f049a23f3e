/* codec/avro_compat.c - can a reader with one Avro schema read what another wrote?
 *
 * Avro 1.11 specification, "Schema Resolution", in the reading of the Java library's SchemaCompatibility,
 * whose verdicts registries give: types have the same name, whatever the namespace, or the writer's full
 * name is an alias of the reader; a reader's enum default stands for the symbols it lacks; logical types do
 * not matter; each branch of a writer's union must be read, and a reader's union needs one that can.
 *
 * Pairs of named types are compared once. One that is met again inside itself is taken to be compatible,
 * and what is wrong with it is found where it was met first.
 */
#include "codec/avro_schema.h"

#include <stdlib.h>

enum verdict { UNKNOWN, OPEN, GOOD, BAD_UNTOLD, BAD };

struct compare {
    struct compat_run *run;
    struct k2_err *err;
    int rc; /* K2_OK, or why it could not be compared to its end */
    size_t writer_names;
    uint8_t *verdicts; /* per pair of named types */
    int quiet;         /* > 0: a branch is only tried, findings are not told */
    int depth;
    size_t base;             /* Java's path begins anew below a writer's union */
    struct schema_path path; /* in the reader */
    struct k2_buf place;     /* the same in names */
};

static bool can_read(struct compare *c, const struct avro_node *r, const struct avro_node *w);

/* --- findings --- */

static const char *words_of(const char *type) {
    static const char *const words[][2] = {
        {"FIXED_SIZE_MISMATCH",
         "The size of FIXED type field at path '%p' in the %r schema does not "
         "match with the %w schema"},
        {"TYPE_MISMATCH",
         "The type (path '%p') of a field in the %r schema does not match with the %w schema"},
        {"NAME_MISMATCH", "The name of the schema has changed (path '%p')"},
        {"MISSING_UNION_BRANCH",
         "The %r schema is missing a type inside a union field at path '%p' in the %w schema"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i][0], type) == 0)
            return words[i][1];
    return NULL;
}

/* These two name what is missing in the middle of the sentence. */
static void put_named_words(struct compare *c, const char *type, struct k2_sv info,
                            struct k2_sv path, struct k2_buf *out) {
    if (strcmp(type, "MISSING_ENUM_SYMBOLS") == 0) {
        compat_words(c->run, "The %r schema is missing enum symbols '", path, out);
        k2_buf_sv(out, info);
        compat_words(c->run, "' at path '%p' in the %w schema", path, out);
        return;
    }
    k2_buf_str(out, "The field '");
    k2_buf_sv(out, info);
    compat_words(c->run,
                 "' at path '%p' in the %r schema has no default value and is missing in the %w "
                 "schema",
                 path, out);
}

static bool tell(struct compare *c, const char *type, const struct k2_buf *info) {
    if (c->quiet)
        return false;
    struct k2_buf message = {0};
    struct k2_sv path = K2_SV("/");
    if (c->path.text.n > c->base)
        path = (struct k2_sv){(const char *)c->path.text.p + c->base, c->path.text.n - c->base};
    k2_buf_printf(&message, "{errorType:'%s', description:'", type);
    if (words_of(type))
        compat_words(c->run, words_of(type), path, &message);
    else
        put_named_words(c, type, k2_buf_view(info), path, &message);
    k2_buf_str(&message, "', additionalInfo:'");
    k2_buf_sv(&message, k2_buf_view(info));
    k2_buf_str(&message, "'}");
    compat_add(c->run, type, path, k2_buf_view(&c->place), k2_buf_view(info),
               k2_buf_view(&message));
    k2_buf_free(&message);
    return false;
}

static void put_upper(const char *s, struct k2_buf *out) {
    for (; *s; s++)
        k2_buf_byte(out, (uint8_t)(*s - 'a' + 'A'));
}

static bool tell_types(struct compare *c, const struct avro_node *r, const struct avro_node *w) {
    struct k2_buf info = {0};
    k2_buf_str(&info, "reader type: ");
    put_upper(avro_type_name(r->type), &info);
    k2_buf_str(&info, " not compatible with writer type: ");
    put_upper(avro_type_name(w->type), &info);
    tell(c, "TYPE_MISMATCH", &info);
    k2_buf_free(&info);
    return false;
}

static bool tell_branch(struct compare *c, const struct avro_node *w) {
    struct k2_buf info = {0};
    k2_buf_str(&info, "reader union lacking writer type: ");
    put_upper(avro_type_name(w->type), &info);
    tell(c, "MISSING_UNION_BRANCH", &info);
    k2_buf_free(&info);
    return false;
}

/* --- named types --- */

static bool same_name(const struct avro_node *r, const struct avro_node *w) {
    for (size_t i = 0; i < r->alias_count; i++)
        if (k2_sv_eq(r->aliases[i], w->full))
            return true;
    return k2_sv_eq(r->name, w->name);
}

static bool check_names(struct compare *c, const struct avro_node *r, const struct avro_node *w) {
    if (same_name(r, w))
        return true;
    struct k2_buf info = {0};
    size_t was = schema_path_enter(&c->path, K2_SV("name"));
    k2_buf_str(&info, "expected: ");
    k2_buf_sv(&info, w->full);
    tell(c, "NAME_MISMATCH", &info);
    k2_buf_free(&info);
    schema_path_leave(&c->path, was);
    return false;
}

static bool check_size(struct compare *c, const struct avro_node *r, const struct avro_node *w) {
    if (r->size == w->size)
        return true;
    struct k2_buf info = {0};
    size_t was = schema_path_enter(&c->path, K2_SV("size"));
    k2_buf_printf(&info, "expected: %lld, found: %lld", (long long)w->size, (long long)r->size);
    tell(c, "FIXED_SIZE_MISMATCH", &info);
    k2_buf_free(&info);
    schema_path_leave(&c->path, was);
    return false;
}

static int by_bytes(const void *a, const void *b) {
    return k2_sv_cmp(*(const struct k2_sv *)a, *(const struct k2_sv *)b);
}

static bool check_symbols(struct compare *c, const struct avro_node *r, const struct avro_node *w) {
    const struct k2_json *symbols = k2_json_get(w->json, "symbols");
    struct k2_sv *missing = k2_alloc((k2_json_count(symbols) + 1) * sizeof *missing);
    size_t n = 0, count = k2_json_get(r->json, "default") ? 0 : k2_json_count(symbols);
    for (size_t i = 0; i < count; i++)
        if (k2_json_as_string(k2_json_at(symbols, i), &missing[n]) &&
            !avro_symbol_known(r, missing[n]))
            n++;
    if (n > 0) {
        struct k2_buf info = {0};
        size_t was = schema_path_enter(&c->path, K2_SV("symbols"));
        qsort(missing, n, sizeof *missing, by_bytes);
        for (size_t i = 0; i < n; i++) {
            k2_buf_str(&info, i ? ", " : "[");
            k2_buf_sv(&info, missing[i]);
        }
        k2_buf_str(&info, "]");
        tell(c, "MISSING_ENUM_SYMBOLS", &info);
        k2_buf_free(&info);
        schema_path_leave(&c->path, was);
    }
    free(missing);
    return n == 0;
}

/* --- records --- */

static const struct avro_field *field_named(const struct avro_node *record, struct k2_sv name) {
    for (size_t i = 0; i < record->field_count; i++)
        if (k2_sv_eq(record->fields[i].name, name))
            return &record->fields[i];
    return NULL;
}

/* The writer's field of that name or of one of its aliases; two of them are an error, as in Java. */
static const struct avro_field *writer_field(struct compare *c, const struct avro_field *f,
                                             const struct avro_node *w) {
    const struct k2_json *aliases = k2_json_get(f->json, "aliases");
    const struct avro_field *found = field_named(w, f->name);
    for (size_t i = 0; i < k2_json_count(aliases); i++) {
        struct k2_sv alias = {0};
        k2_json_as_string(k2_json_at(aliases, i), &alias);
        const struct avro_field *other = field_named(w, alias);
        if (other && found && c->rc == K2_OK)
            c->rc = k2_fail(c->err, K2_E_CONFLICT,
                            "reader record field %.*s matches multiple fields in writer record "
                            "%.*s, by name and alias",
                            K2_SV_ARG(k2_sv_shown(f->name)), K2_SV_ARG(k2_sv_shown(w->full)));
        if (other)
            found = other;
    }
    return found;
}

static bool check_field(struct compare *c, const struct avro_field *f, const struct avro_node *w) {
    const struct avro_field *other = writer_field(c, f, w);
    if (other) {
        size_t was = schema_path_enter(&c->path, K2_SV("type"));
        bool good = can_read(c, f->type, other->type);
        schema_path_leave(&c->path, was);
        return good;
    }
    if (f->value)
        return true;
    struct k2_buf info = {0};
    k2_buf_sv(&info, f->name);
    tell(c, "READER_FIELD_MISSING_DEFAULT_VALUE", &info);
    k2_buf_free(&info);
    return false;
}

static bool check_fields(struct compare *c, const struct avro_node *r, const struct avro_node *w) {
    bool good = true;
    size_t was = schema_path_enter(&c->path, K2_SV("fields"));
    for (size_t i = 0; i < r->field_count; i++) {
        size_t inner = schema_path_enter_index(&c->path, i), named = c->place.n;
        if (c->place.n)
            k2_buf_byte(&c->place, '.');
        k2_buf_sv(&c->place, r->fields[i].name);
        good &= check_field(c, &r->fields[i], w);
        c->place.n = named;
        schema_path_leave(&c->path, inner);
    }
    schema_path_leave(&c->path, was);
    return good;
}

static bool check_named(struct compare *c, const struct avro_node *r, const struct avro_node *w) {
    uint8_t *verdict = &c->verdicts[r->index * c->writer_names + w->index];
    if (*verdict == OPEN || *verdict == GOOD)
        return true;
    if (*verdict == BAD || (*verdict == BAD_UNTOLD && c->quiet))
        return false;
    if (c->quiet && !same_name(r, w)) { /* which of a union's branches: that is told at once */
        *verdict = BAD_UNTOLD;
        return false;
    }
    *verdict = OPEN;
    bool good = check_names(c, r, w);
    if (r->type == AVRO_RECORD)
        good &= check_fields(c, r, w);
    else if (r->type == AVRO_ENUM)
        good &= check_symbols(c, r, w);
    else
        good &= check_size(c, r, w);
    *verdict = good ? GOOD : c->quiet ? BAD_UNTOLD : BAD;
    return good;
}

/* --- unions --- */

static bool reads_branch(struct compare *c, const struct avro_node *r, const struct avro_node *w) {
    for (size_t i = 0; i < r->branch_count; i++) {
        c->quiet++;
        bool good = can_read(c, r->branches[i], w);
        c->quiet--;
        if (good)
            return true;
    }
    return tell_branch(c, w);
}

static bool check_unions(struct compare *c, const struct avro_node *r, const struct avro_node *w) {
    bool good = true;
    for (size_t i = 0; i < w->branch_count; i++) {
        size_t was = schema_path_enter_index(&c->path, i);
        good &= reads_branch(c, r, w->branches[i]);
        schema_path_leave(&c->path, was);
    }
    return good;
}

/* A reader without a union reads a writer's union if it reads every branch. */
static bool reads_all(struct compare *c, const struct avro_node *r, const struct avro_node *w) {
    bool good = true;
    size_t base = c->base;
    c->base = c->path.text.n;
    for (size_t i = 0; i < w->branch_count; i++)
        good &= can_read(c, r, w->branches[i]);
    c->base = base;
    return good;
}

/* --- types --- */

static bool promotes(enum avro_type r, enum avro_type w) {
    switch (r) {
    case AVRO_LONG:
        return w == AVRO_INT;
    case AVRO_FLOAT:
        return w == AVRO_INT || w == AVRO_LONG;
    case AVRO_DOUBLE:
        return w == AVRO_INT || w == AVRO_LONG || w == AVRO_FLOAT;
    case AVRO_BYTES:
        return w == AVRO_STRING;
    case AVRO_STRING:
        return w == AVRO_BYTES;
    case AVRO_NULL:
    case AVRO_BOOLEAN:
    case AVRO_INT:
    case AVRO_RECORD:
    case AVRO_ENUM:
    case AVRO_ARRAY:
    case AVRO_MAP:
    case AVRO_UNION:
    case AVRO_FIXED:
        break;
    }
    return false;
}

static bool check_elements(struct compare *c, const struct avro_node *r,
                           const struct avro_node *w) {
    size_t was = schema_path_enter(&c->path, k2_sv_of(r->type == AVRO_ARRAY ? "items" : "values"));
    bool good = can_read(c, r->branches[0], w->branches[0]);
    schema_path_leave(&c->path, was);
    return good;
}

static bool check_same_type(struct compare *c, const struct avro_node *r,
                            const struct avro_node *w) {
    if (avro_is_named(r->type))
        return check_named(c, r, w);
    if (r->type == AVRO_UNION)
        return check_unions(c, r, w);
    if (r->type == AVRO_ARRAY || r->type == AVRO_MAP)
        return check_elements(c, r, w);
    return true;
}

static bool check_types(struct compare *c, const struct avro_node *r, const struct avro_node *w) {
    if (r->type == w->type)
        return check_same_type(c, r, w);
    if (w->type == AVRO_UNION)
        return reads_all(c, r, w);
    if (r->type == AVRO_UNION)
        return reads_branch(c, r, w);
    return promotes(r->type, w->type) || tell_types(c, r, w);
}

static bool can_read(struct compare *c, const struct avro_node *r, const struct avro_node *w) {
    if (c->depth == SCHEMA_MAX_TRAIL && c->rc == K2_OK)
        c->rc = k2_fail(c->err, K2_E_RANGE, "the schemas lead deeper than %d into each other",
                        SCHEMA_MAX_TRAIL);
    if (c->rc != K2_OK)
        return true;
    c->depth++;
    bool good = check_types(c, r, w);
    c->depth--;
    return good;
}

static K2_RC compare_schemas(const struct avro_schema *r, const struct avro_schema *w,
                             struct compat_run *run, struct k2_err *err) {
    struct compare c = {.run = run, .err = err, .writer_names = w->named_count};
    c.verdicts = k2_zalloc(r->named_count * w->named_count + 1);
    can_read(&c, r->root, w->root);
    free(c.verdicts);
    k2_buf_free(&c.path.text);
    k2_buf_free(&c.place);
    return c.rc;
}

int avro_compat_check(const struct k2_schema_text *reader, const struct k2_schema_text *writer,
                      struct compat_run *run, struct k2_err *err) {
    struct avro_schema r, w;
    int rc = avro_schema_parse(reader, &r, err);
    k2_err_context(err, rc, "the %s schema", compat_reader(run));
    if (rc == K2_OK) {
        rc = avro_schema_parse(writer, &w, err);
        k2_err_context(err, rc, "the %s schema", compat_writer(run));
        if (rc == K2_OK)
            rc = compare_schemas(&r, &w, run, err);
        avro_schema_free(&w);
    }
    avro_schema_free(&r);
    return rc;
}
