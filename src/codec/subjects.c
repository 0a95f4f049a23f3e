/* codec/subjects.c - see subjects.h: registering schemas and looking at them. */
#include "codec/added.h"
#include "codec/subjects_int.h"

#include "base/metrics.h"
#include "codec/lint.h"

#include <stdlib.h>

/* --- what all of subjects.h needs --- */

int subjects_status(enum k2_refusal refusal) {
    if (refusal == K2_INCOMPATIBLE)
        return K2_E_CONFLICT;
    return refusal < 42200 ? K2_E_NOTFOUND : K2_E_INVALID;
}

int subjects_no_subject(struct k2_sv subject, struct k2_err *err) {
    return subjects_refuse(err, K2_NO_SUBJECT, "Subject '%.*s' not found.", K2_SV_ARG(subject));
}

int subjects_no_version(int version, struct k2_err *err) {
    return subjects_refuse(err, K2_NO_VERSION, "Version %d not found.", version);
}

/* JSON keeps what is UTF-8 as it is, and nothing else. */
static bool is_utf8(struct k2_sv s) {
    struct k2_json *v = k2_json_string(s);
    struct k2_sv kept;
    bool same = k2_json_as_string(v, &kept) && k2_sv_eq(kept, s);
    k2_json_free(v);
    return same;
}

int subjects_check_name(struct k2_sv subject, struct k2_err *err) {
    bool good = subject.n > 0 && subject.n <= 500 && is_utf8(subject);
    for (size_t i = 0; good && i < subject.n; i++)
        good = (unsigned char)subject.p[i] >= ' ' && subject.p[i] != 0x7f;
    return good ? K2_OK
                : subjects_refuse(err, K2_BAD_SUBJECT,
                                  "The specified subject is not a valid: 1 to 500 bytes of UTF-8 "
                                  "without control characters");
}

bool subjects_has_live(const struct model_subject *s) {
    return model_latest(s, false) != NULL;
}

void subjects_show(const struct model_subject *s, const struct model_version *v,
                   struct k2_subject_version *out) {
    if (!out)
        return;
    *out = (struct k2_subject_version){
        .subject = s->name,
        .version = v->version,
        .deleted = v->deleted,
        .id = v->schema->id,
        .type = v->schema->type,
        .text = v->schema->text,
        .refs = v->schema->refs,
        .ref_count = v->schema->ref_count,
    };
}

/* --- registering --- */

static struct model_version *version_of(const struct model_subject *s,
                                        const struct model_schema *schema, bool deleted) {
    for (size_t i = s ? s->count : 0; schema && i > 0; i--)
        if (s->versions[i - 1].schema == schema && (deleted || !s->versions[i - 1].deleted))
            return &s->versions[i - 1];
    return NULL;
}

/* A schema that was given, as it is kept: its canonical text, and references that name a version by its number. */
struct canonical {
    struct model_given given;
    struct k2_buf text;
    struct k2_schema_ref *refs;
};

static void canonical_free(struct canonical *c) {
    k2_buf_free(&c->text);
    free(c->refs);
}

/* The latest version is the one that is the latest now. */
static void number_references(const struct k2_registry *r, struct canonical *c) {
    for (size_t i = 0; i < c->given.ref_count; i++) {
        const struct model_version *v =
            model_latest(model_subject(&r->model, c->refs[i].subject), false);
        if (c->refs[i].version == K2_VERSION_LATEST && v)
            c->refs[i].version = v->version;
    }
}

/* To be freed in any case. */
static int make_canonical(const struct k2_registry *r, const struct k2_schema_given *g,
                          struct canonical *out, struct k2_err *err) {
    *out = (struct canonical){.given = {.type = g->type, .text = g->text}};
    if (g->text.n == 0)
        return subjects_refuse(err, K2_BAD_SCHEMA, "Empty schema");
    out->refs = g->ref_count ? k2_alloc(g->ref_count * sizeof *out->refs) : NULL;
    for (size_t i = 0; i < g->ref_count; i++)
        out->refs[i] = g->refs[i];
    out->given.refs = out->refs;
    out->given.ref_count = g->ref_count;
    number_references(r, out);
    struct k2_err why = {0};
    int rc = registry_canonical(r, &out->given, g->normalize, &out->text, &why);
    out->given.text = k2_buf_view(&out->text);
    if (rc == K2_OK)
        return K2_OK;
    return subjects_refuse(err, K2_BAD_SCHEMA, "Invalid schema of type %s, details: %s",
                           k2_schema_type_name(g->type), why.msg);
}

static int refuse_incompatible(struct k2_sv subject, const struct k2_compat_findings *f,
                               struct k2_err *err) {
    struct k2_buf details = {0};
    for (size_t i = 0; i < f->n; i++)
        k2_buf_printf(&details, "%s%s", i ? ", " : "", f->items[i].message);
    k2_metric_add(k2_metric(K2_METRIC_registry_compatibility_failures, NULL), 1);
    int rc = subjects_refuse(err, K2_INCOMPATIBLE,
                             "Schema being registered is incompatible with an earlier schema for "
                             "subject \"%.*s\", details: [%.*s]",
                             K2_SV_ARG(k2_sv_shown(subject)), K2_SV_ARG(k2_buf_view(&details)));
    k2_buf_free(&details);
    return rc;
}

static int check_follows(const struct k2_registry *r, struct k2_sv subject,
                         const struct model_given *g, struct k2_err *err) {
    const struct model_subject *s = model_subject(&r->model, subject);
    int level = s && s->level != MODEL_INHERITED ? s->level : r->model.level;
    struct k2_compat_findings findings;
    K2_TRY(registry_compare(r, s, NULL, g, (enum k2_compat_level)level, &findings, err));
    int rc = findings.n ? refuse_incompatible(subject, &findings, err) : K2_OK;
    k2_compat_findings_free(&findings);
    return rc;
}

/* The kind of record that K2 writes under this subject, whether it did already or not; NULL = none. */
static const struct k2_kind *kind_of(struct k2_sv subject) {
    const struct k2_sv end = K2_SV("-value");
    return k2_sv_ends(subject, end) ? k2_kind_by_topic((struct k2_sv){subject.p, subject.n - end.n})
                                    : NULL;
}

/* The ids of found columns never end before: every kind has enough fields of its own (subjects_test.c). */
static K2_RC check_count(const struct k2_kind *kind, const struct k2_field_list *found,
                         struct k2_err *err) {
    int columns = kind->field_count + found->n;
    if (columns <= K2_MAX_FIELDS)
        return K2_OK;
    return k2_fail(err, K2_E_RANGE,
                   "with the fields of all schemas of its topics it would have %d columns, and k2 "
                   "reads and writes %d at most: take fields out of the schema (docs/schemas.md)",
                   columns, K2_MAX_FIELDS);
}

/* Columns stay, so every version counts, of every topic whose records are in the table. */
static void columns_so_far(const struct k2_registry *r, const struct k2_kind *kind,
                           struct k2_field_list *found) {
    for (size_t i = 0; i < r->model.count; i++) {
        const struct model_subject *s = &r->model.subjects[i];
        for (size_t k = 0; kind_of(s->name) == kind && k < s->count; k++)
            (void)!k2_found_fields(kind, s->versions[k].schema->text, found, NULL);
    }
}

/* Fields that this build does not know become columns of the table (codec/added.h). */
static int check_columns(const struct k2_registry *r, struct k2_sv subject,
                         const struct k2_kind *kind, struct k2_sv text, struct k2_err *err) {
    struct k2_field_list found = {0};
    struct k2_err why = {0};
    columns_so_far(r, kind, &found);
    int before = found.n;
    int rc = k2_found_fields(kind, text, &found, &why);
    if (rc == K2_OK && found.n > before) /* what adds nothing does not stop a sink */
        rc = check_count(kind, &found, &why);
    k2_field_list_free(&found);
    if (rc == K2_OK)
        return K2_OK;
    return subjects_refuse(err, K2_INCOMPATIBLE,
                           "Subject %.*s is of records that k2 brings into table %s: %s",
                           K2_SV_ARG(k2_sv_shown(subject)), kind->table, why.msg);
}

int k2_subject_columns(struct k2_registry *r, struct k2_sv subject, struct k2_sv text,
                       struct k2_err *err) {
    const struct k2_kind *kind = kind_of(subject);
    if (!kind)
        return K2_OK;
    pthread_mutex_lock(&r->mutex);
    int rc = registry_look(r, err);
    if (rc == K2_OK)
        rc = check_columns(r, subject, kind, text, err);
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

/* Another K2 registers its schemas here, older or newer ones; nobody registers what K2 could not write beside. */
static int check_kind(const struct k2_registry *r, struct k2_sv subject,
                      const struct model_given *g, struct k2_err *err) {
    const struct k2_kind *kind = kind_of(subject);
    if (!kind)
        return K2_OK;
    const struct k2_schema_text theirs = {.type = g->type, .text = g->text};
    const struct k2_schema_text ours = {.type = K2_SCHEMA_AVRO,
                                        .text = k2_sv_of(kind->avro_schema)};
    struct k2_compat_findings findings = {0};
    struct k2_err why = {0};
    int rc = K2_E_CONFLICT;
    if (g->type == K2_SCHEMA_AVRO)
        rc = k2_compat_check(&theirs, &ours, 1, K2_COMPAT_FULL, &findings, &why);
    if (rc == K2_OK && findings.n == 0)
        rc = k2_schema_same_numbers(&theirs, &ours, &why);
    bool good = rc == K2_OK && findings.n == 0;
    k2_compat_findings_free(&findings);
    if (good && (rc = check_columns(r, subject, kind, g->text, err)) == K2_OK)
        return K2_OK;
    k2_metric_add(k2_metric(K2_METRIC_registry_compatibility_failures, NULL), 1);
    if (good)
        return rc;
    return subjects_refuse(err, K2_INCOMPATIBLE,
                           "Subject %.*s is of records that k2 writes (table %s), and this schema "
                           "cannot read or be read by theirs; take another subject",
                           K2_SV_ARG(k2_sv_shown(subject)), kind->table);
}

/* Who gives the id: the mode says whether he must or must not. */
static int check_id(const struct k2_registry *r, struct k2_sv subject,
                    const struct k2_schema_given *g, const struct model_schema *known,
                    struct k2_err *err) {
    enum k2_registry_mode mode = subjects_mode(r, model_subject(&r->model, subject));
    if (g->id && mode != K2_REGISTRY_IMPORT)
        return subjects_refuse(err, K2_NOT_PERMITTED, "Subject %.*s is not in import mode",
                               K2_SV_ARG(subject));
    if (!g->id && mode == K2_REGISTRY_IMPORT)
        return subjects_refuse(err, K2_NOT_PERMITTED, "Subject %.*s is not in read-write mode",
                               K2_SV_ARG(subject));
    if (!g->id || (known && known->id == g->id))
        return K2_OK;
    if (model_schema_by_id(&r->pool, g->id))
        return subjects_refuse(err, K2_NOT_PERMITTED,
                               "Overwrite new schema with id %u is not permitted.", g->id);
    if (known)
        return subjects_refuse(err, K2_NOT_PERMITTED,
                               "The schema has id %u here, and a schema has one id", known->id);
    return K2_OK;
}

/* The number of the new version, or a refusal. */
static int next_version(const struct model_subject *s, const struct k2_schema_given *g, int *out,
                        struct k2_err *err) {
    const struct model_version *last = model_latest(s, true);
    int newest = last ? last->version : 0;
    if (newest == INT32_MAX)
        return subjects_refuse(err, K2_BAD_VERSION, "There is no number left for a version");
    *out = newest + 1;
    if (g->version == 0 || g->version == *out)
        return K2_OK;
    if (g->id == 0)
        return subjects_refuse(err, K2_BAD_SCHEMA, "Version is not one more than previous version");
    *out = g->version;
    return model_version(s, g->version)
               ? subjects_refuse(err, K2_NOT_PERMITTED, "Version %d is there already", g->version)
               : K2_OK;
}

static int check_reference_names(const struct k2_schema_given *g, struct k2_err *err) {
    for (size_t i = 0; i < g->ref_count; i++) {
        K2_TRY(subjects_check_name(g->refs[i].subject, err));
        if (!is_utf8(g->refs[i].name))
            return subjects_refuse(err, K2_BAD_SUBJECT,
                                   "The name of reference %zu is not valid UTF-8", i + 1);
    }
    return K2_OK;
}

static int add_version(struct k2_registry *r, struct registry_change *c, struct k2_sv subject,
                       const struct k2_schema_given *g, const struct model_given *given,
                       struct k2_subject_version *out, struct k2_err *err) {
    const struct model_schema *known = model_schema_find(&r->pool, given);
    struct model_version *v = version_of(model_subject(&r->model, subject), known, false);
    int version;
    K2_TRY(subjects_check_writable(r, subject, err));
    if (v && (g->id == 0 || g->id == known->id)) { /* it came while we waited for the lock */
        subjects_show(model_subject(&r->model, subject), v, out);
        return K2_OK;
    }
    K2_TRY(check_id(r, subject, g, known, err));
    K2_TRY(check_kind(r, subject, given, err));
    if (g->id == 0)
        K2_TRY(check_follows(r, subject, given, err));
    K2_TRY(next_version(model_subject(&r->model, subject), g, &version, err));
    const struct model_schema *schema = registry_schema_make(r, c, given, g->id);
    struct model_subject *s = model_subject_make(&r->model, &r->pool, subject);
    model_version_add(s, version, schema);
    subjects_show(s, model_version(s, version), out);
    return K2_OK;
}

static int register_it(struct k2_registry *r, struct k2_sv subject, const struct k2_schema_given *g,
                       struct k2_subject_version *out, struct k2_err *err) {
    struct canonical canonical;
    struct registry_change c;
    int rc = make_canonical(r, g, &canonical, err);
    const struct model_subject *s = model_subject(&r->model, subject);
    const struct model_schema *known =
        rc == K2_OK ? model_schema_find(&r->pool, &canonical.given) : NULL;
    const struct model_version *v = version_of(s, known, false);
    if (rc == K2_OK && v && (g->id == 0 || g->id == known->id)) {
        subjects_show(s, v, out);
    } else if (rc == K2_OK && (rc = registry_begin(r, &c, err)) == K2_OK) {
        rc = add_version(r, &c, subject, g, &canonical.given, out, err);
        rc = registry_end(r, &c, rc, err);
    }
    canonical_free(&canonical);
    return rc;
}

int k2_subject_register(struct k2_registry *r, struct k2_sv subject,
                        const struct k2_schema_given *g, struct k2_subject_version *out,
                        struct k2_err *err) {
    K2_TRY(subjects_check_name(subject, err));
    K2_TRY(check_reference_names(g, err));
    pthread_mutex_lock(&r->mutex);
    int rc = registry_look(r, err);
    if (rc == K2_OK)
        rc = register_it(r, subject, g, out, err);
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

/* --- looking --- */

static int find(struct k2_registry *r, struct k2_sv subject, const struct k2_schema_given *g,
                bool deleted, struct k2_subject_version *out, struct k2_err *err) {
    struct canonical canonical;
    K2_TRY(registry_look(r, err));
    const struct model_subject *s = model_subject(&r->model, subject);
    if (!s || !model_latest(s, deleted))
        return subjects_no_subject(subject, err);
    int rc = make_canonical(r, g, &canonical, err);
    const struct model_version *v =
        rc == K2_OK ? version_of(s, model_schema_find(&r->pool, &canonical.given), deleted) : NULL;
    canonical_free(&canonical);
    K2_TRY(rc);
    if (!v)
        return subjects_refuse(err, K2_NO_SCHEMA, "Schema not found");
    subjects_show(s, v, out);
    return K2_OK;
}

int k2_subject_find(struct k2_registry *r, struct k2_sv subject, const struct k2_schema_given *g,
                    bool deleted, struct k2_subject_version *out, struct k2_err *err) {
    pthread_mutex_lock(&r->mutex);
    int rc = find(r, subject, g, deleted, out, err);
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

static int get(struct k2_registry *r, struct k2_sv subject, int version, bool deleted,
               struct k2_subject_version *out, struct k2_err *err) {
    K2_TRY(registry_look(r, err));
    const struct model_subject *s = model_subject(&r->model, subject);
    if (!s || !model_latest(s, deleted))
        return subjects_no_subject(subject, err);
    const struct model_version *v =
        version == K2_VERSION_LATEST ? model_latest(s, deleted) : model_version(s, version);
    if (!v || (v->deleted && !deleted))
        return subjects_no_version(version, err);
    subjects_show(s, v, out);
    return K2_OK;
}

int k2_subject_get(struct k2_registry *r, struct k2_sv subject, int version, bool deleted,
                   struct k2_subject_version *out, struct k2_err *err) {
    pthread_mutex_lock(&r->mutex);
    int rc = get(r, subject, version, deleted, out, err);
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

static int compare(struct k2_registry *r, struct k2_sv subject, int version,
                   const struct k2_schema_given *g, struct k2_compat_findings *out,
                   struct k2_err *err) {
    struct canonical canonical;
    const struct model_version *only = NULL;
    K2_TRY(registry_look(r, err));
    const struct model_subject *s = model_subject(&r->model, subject);
    int level = s && s->level != MODEL_INHERITED ? s->level : r->model.level;
    if (version == K2_VERSION_LATEST)
        only = model_latest(s, false);
    else if (version != K2_VERSION_ALL && !(only = model_version(s, version)))
        return model_latest(s, true) ? subjects_no_version(version, err)
                                     : subjects_no_subject(subject, err);
    int rc = make_canonical(r, g, &canonical, err);
    if (rc == K2_OK && (only || version == K2_VERSION_ALL))
        rc = registry_compare(r, s, only, &canonical.given, (enum k2_compat_level)level, out, err);
    canonical_free(&canonical);
    return rc;
}

int k2_subject_compare(struct k2_registry *r, struct k2_sv subject, int version,
                       const struct k2_schema_given *g, struct k2_compat_findings *out,
                       struct k2_err *err) {
    *out = (struct k2_compat_findings){0};
    pthread_mutex_lock(&r->mutex);
    int rc = compare(r, subject, version, g, out, err);
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

static int by_name(const void *a, const void *b) {
    const struct model_subject *const *x = a, *const *y = b;
    return k2_sv_cmp((*x)->name, (*y)->name);
}

static void visit_all(const struct k2_registry *r, bool deleted,
                      void (*visit)(void *ctx, const struct k2_subject_version *v), void *ctx) {
    size_t n = r->model.count;
    const struct model_subject **sorted = k2_alloc((n + 1) * sizeof *sorted);
    for (size_t i = 0; i < n; i++)
        sorted[i] = &r->model.subjects[i];
    qsort((void *)sorted, n, sizeof *sorted, by_name);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sorted[i]->count; k++) {
            struct k2_subject_version v;
            subjects_show(sorted[i], &sorted[i]->versions[k], &v);
            if (deleted || !v.deleted)
                visit(ctx, &v);
        }
    free((void *)sorted);
}

int k2_subjects_each(struct k2_registry *r, bool deleted,
                     void (*visit)(void *ctx, const struct k2_subject_version *v), void *ctx,
                     struct k2_err *err) {
    pthread_mutex_lock(&r->mutex);
    int rc = registry_look(r, err);
    if (rc == K2_OK)
        visit_all(r, deleted, visit, ctx);
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

int k2_subjects_schema(struct k2_registry *r, uint32_t id, struct k2_subject_version *out,
                       struct k2_err *err) {
    pthread_mutex_lock(&r->mutex);
    int rc = registry_look(r, err);
    const struct model_schema *s = rc == K2_OK ? model_schema_by_id(&r->pool, id) : NULL;
    if (s)
        *out = (struct k2_subject_version){.id = s->id,
                                           .type = s->type,
                                           .text = s->text,
                                           .refs = s->refs,
                                           .ref_count = s->ref_count};
    else if (rc == K2_OK)
        rc = subjects_refuse(err, K2_NO_SCHEMA, "Schema %u not found", id);
    pthread_mutex_unlock(&r->mutex);
    return rc;
}
