/* codec/subjects_delete.c - see subjects.h: deleting versions softly, and then for good.
 *
 * What is deleted softly keeps its number and id, and is found by who asks for deleted ones. What is deleted for good
 * leaves its schema and id behind, which no other schema gets: records may name it.
 */
#include "codec/subjects_int.h"

#include <stdlib.h>

/* --- references --- */

static bool refers(const struct model_version *from, struct k2_sv subject, int version) {
    for (size_t i = 0; i < from->schema->ref_count; i++)
        if (from->schema->refs[i].version == version &&
            k2_sv_eq(from->schema->refs[i].subject, subject))
            return true;
    return false;
}

/* A version that is deleted softly holds what it names against being deleted for good. */
static bool is_referenced(const struct k2_registry *r, struct k2_sv subject, int version,
                          bool permanent) {
    for (size_t i = 0; i < r->model.count; i++) {
        const struct model_subject *s = &r->model.subjects[i];
        for (size_t k = 0; k < s->count; k++)
            if ((permanent || !s->versions[k].deleted) && refers(&s->versions[k], subject, version))
                return true;
    }
    return false;
}

static int check_references(const struct k2_registry *r, const struct model_subject *s,
                            const struct model_version *v, bool permanent, struct k2_err *err) {
    if (!is_referenced(r, s->name, v->version, permanent))
        return K2_OK;
    return subjects_refuse(err, K2_REFERENCED,
                           "One or more references exist to the schema "
                           "{magic=1,keytype=SCHEMA,subject=%.*s,version=%d}.",
                           K2_SV_ARG(s->name), v->version);
}

static int check_own(const struct model_subject *s, bool permanent, struct k2_err *err) {
    if (!permanent || !s->own)
        return K2_OK;
    return subjects_refuse(
        err, K2_NOT_PERMITTED,
        "Subject %.*s is not deleted for good: records in the journal of k2 name "
        "its schemas",
        K2_SV_ARG(s->name));
}

/* --- a subject --- */

static int check_subject(const struct k2_registry *r, struct k2_sv subject, bool permanent,
                         struct model_subject **out, struct k2_err *err) {
    struct model_subject *s = model_subject(&r->model, subject);
    K2_TRY(subjects_check_writable(r, subject, err));
    if (!s || s->count == 0)
        return subjects_no_subject(subject, err);
    if (!permanent && !subjects_has_live(s))
        return subjects_refuse(err, K2_SUBJECT_DELETED_SOFTLY,
                               "Subject '%.*s' was soft deleted.Set permanent=true to delete "
                               "permanently",
                               K2_SV_ARG(subject));
    if (permanent && subjects_has_live(s))
        return subjects_refuse(err, K2_SUBJECT_NOT_DELETED,
                               "Subject '%.*s' was not deleted first before being permanently "
                               "deleted",
                               K2_SV_ARG(subject));
    K2_TRY(check_own(s, permanent, err));
    for (size_t i = 0; i < s->count; i++)
        if (permanent || !s->versions[i].deleted)
            K2_TRY(check_references(r, s, &s->versions[i], permanent, err));
    *out = s;
    return K2_OK;
}

/* The rules of the subject go with it. */
static void delete_all(struct k2_registry *r, struct model_subject *s, bool permanent,
                       int *versions, size_t *n) {
    *n = 0;
    for (size_t i = 0; i < s->count; i++)
        if (permanent || !s->versions[i].deleted) {
            versions[(*n)++] = s->versions[i].version;
            s->versions[i].deleted = true;
        }
    if (!s->own)
        s->level = s->mode = MODEL_INHERITED;
    if (permanent)
        model_subject_remove(&r->model, s);
}

static int delete_subject(struct k2_registry *r, struct k2_sv subject, bool permanent,
                          int **versions, size_t *n, struct k2_err *err) {
    struct registry_change c;
    struct model_subject *s = NULL;
    K2_TRY(registry_begin(r, &c, err));
    int rc = check_subject(r, subject, permanent, &s, err);
    if (rc == K2_OK) {
        K2_ASSERT(s != NULL);
        *versions = k2_alloc((s->count + 1) * sizeof **versions);
        delete_all(r, s, permanent, *versions, n);
    }
    rc = registry_end(r, &c, rc, err);
    if (rc != K2_OK) {
        free(*versions);
        *versions = NULL;
    }
    return rc;
}

int k2_subject_delete(struct k2_registry *r, struct k2_sv subject, bool permanent, int **versions,
                      size_t *n, struct k2_err *err) {
    *versions = NULL;
    pthread_mutex_lock(&r->mutex);
    int rc = delete_subject(r, subject, permanent, versions, n, err);
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

/* --- a version --- */

static int check_version(const struct k2_registry *r, struct k2_sv subject, int version,
                         bool permanent, struct model_version **out, struct k2_err *err) {
    const struct model_subject *s = model_subject(&r->model, subject);
    K2_TRY(subjects_check_writable(r, subject, err));
    if (!s || s->count == 0)
        return subjects_no_subject(subject, err);
    struct model_version *v =
        version == K2_VERSION_LATEST ? model_latest(s, permanent) : model_version(s, version);
    if (!v)
        return subjects_no_version(version, err);
    if (v->deleted && !permanent)
        return subjects_refuse(err, K2_VERSION_DELETED_SOFTLY,
                               "Subject '%.*s' Version %d was soft deleted.Set permanent=true to "
                               "delete permanently",
                               K2_SV_ARG(subject), v->version);
    if (!v->deleted && permanent)
        return subjects_refuse(err, K2_VERSION_NOT_DELETED,
                               "Subject '%.*s' Version %d was not deleted first before being "
                               "permanently deleted",
                               K2_SV_ARG(subject), v->version);
    K2_TRY(check_own(s, permanent, err));
    K2_TRY(check_references(r, s, v, permanent, err));
    *out = v;
    return K2_OK;
}

static int delete_version(struct k2_registry *r, struct k2_sv subject, int version, bool permanent,
                          int *deleted, struct k2_err *err) {
    struct registry_change c;
    struct model_version *v = NULL;
    K2_TRY(registry_begin(r, &c, err));
    int rc = check_version(r, subject, version, permanent, &v, err);
    if (rc == K2_OK) {
        K2_ASSERT(v != NULL);
        struct model_subject *s = model_subject(&r->model, subject);
        *deleted = v->version;
        v->deleted = true;
        if (permanent)
            model_version_remove(s, v);
        if (s->count == 0 && s->level == MODEL_INHERITED && s->mode == MODEL_INHERITED)
            model_subject_remove(&r->model, s);
    }
    return registry_end(r, &c, rc, err);
}

int k2_subject_delete_version(struct k2_registry *r, struct k2_sv subject, int version,
                              bool permanent, int *deleted, struct k2_err *err) {
    pthread_mutex_lock(&r->mutex);
    int rc = delete_version(r, subject, version, permanent, deleted, err);
    pthread_mutex_unlock(&r->mutex);
    return rc;
}
