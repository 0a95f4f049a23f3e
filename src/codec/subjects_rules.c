/* codec/subjects_rules.c - see subjects.h: compatibility levels and modes, of subjects and of all. */
#include "codec/subjects_int.h"

/* --- what holds --- */

static bool is_elsewhere(const struct k2_registry *r) {
    return r->client || r->copy || r->model.of_service;
}

enum k2_registry_mode subjects_mode(const struct k2_registry *r, const struct model_subject *s) {
    if (is_elsewhere(r))
        return K2_REGISTRY_READONLY_OVERRIDE;
    if (r->model.mode == K2_REGISTRY_READONLY_OVERRIDE || !s || s->mode == MODEL_INHERITED)
        return (enum k2_registry_mode)r->model.mode;
    return (enum k2_registry_mode)s->mode;
}

int subjects_check_writable(const struct k2_registry *r, struct k2_sv subject, struct k2_err *err) {
    enum k2_registry_mode mode = subjects_mode(r, model_subject(&r->model, subject));
    if (mode != K2_REGISTRY_READONLY && mode != K2_REGISTRY_READONLY_OVERRIDE)
        return K2_OK;
    return subjects_refuse(err, K2_NOT_PERMITTED, "Subject %.*s is in read-only mode%s",
                           K2_SV_ARG(subject),
                           is_elsewhere(r) ? ": this is a copy of what a registry service, or a "
                                             "journal on Kafka, says"
                                           : "");
}

static int check_here(const struct k2_registry *r, struct k2_err *err) {
    if (!is_elsewhere(r))
        return K2_OK;
    return subjects_refuse(err, K2_NOT_PERMITTED,
                           "this registry is a copy of what a registry service, or a journal on "
                           "Kafka, says: it is changed there");
}

/* The subject, or NULL for the global rules. */
static struct model_subject *subject_made(struct k2_registry *r, struct k2_sv subject) {
    return subject.n ? model_subject_make(&r->model, &r->pool, subject) : NULL;
}

/* A subject that is nothing but its rules goes with the last of them. */
static void tidy(struct k2_registry *r, struct model_subject *s) {
    if (s->count == 0 && s->level == MODEL_INHERITED && s->mode == MODEL_INHERITED)
        model_subject_remove(&r->model, s);
}

/* --- levels --- */

int k2_subject_level(struct k2_registry *r, struct k2_sv subject, bool or_global,
                     enum k2_compat_level *out, struct k2_err *err) {
    pthread_mutex_lock(&r->mutex);
    int rc = registry_look(r, err);
    const struct model_subject *s = model_subject(&r->model, subject);
    if (rc == K2_OK && s && s->level != MODEL_INHERITED)
        *out = (enum k2_compat_level)s->level;
    else if (rc == K2_OK && (subject.n == 0 || or_global))
        *out = (enum k2_compat_level)r->model.level;
    else if (rc == K2_OK)
        rc = subjects_refuse(err, K2_NO_LEVEL,
                             "Subject '%.*s' does not have subject-level compatibility configured",
                             K2_SV_ARG(subject));
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

static int check_level(const struct k2_registry *r, struct k2_sv subject,
                       enum k2_compat_level level, struct k2_err *err) {
    const struct model_subject *s = model_subject(&r->model, subject);
    K2_TRY(subjects_check_writable(r, subject, err));
    if (!s || !s->own || level == K2_COMPAT_FULL_TRANSITIVE)
        return K2_OK;
    return subjects_refuse(err, K2_NOT_PERMITTED,
                           "Subject %.*s stays FULL_TRANSITIVE: k2 writes its records, and any "
                           "version must read them",
                           K2_SV_ARG(subject));
}

int k2_subject_level_set(struct k2_registry *r, struct k2_sv subject, enum k2_compat_level level,
                         struct k2_err *err) {
    struct registry_change c;
    if (subject.n)
        K2_TRY(subjects_check_name(subject, err));
    pthread_mutex_lock(&r->mutex);
    int rc = registry_begin(r, &c, err);
    if (rc == K2_OK) {
        rc = check_level(r, subject, level, err);
        struct model_subject *s = rc == K2_OK ? subject_made(r, subject) : NULL;
        if (rc == K2_OK)
            *(s ? &s->level : &r->model.level) = (int)level;
        rc = registry_end(r, &c, rc, err);
    }
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

static int clear_level(struct k2_registry *r, struct k2_sv subject, enum k2_compat_level *was,
                       struct k2_err *err) {
    struct model_subject *s = model_subject(&r->model, subject);
    K2_TRY(check_level(r, subject, K2_COMPAT_BACKWARD, err));
    if (subject.n == 0) {
        *was = (enum k2_compat_level)r->model.level;
        r->model.level = K2_COMPAT_BACKWARD;
        return K2_OK;
    }
    if (!s || s->level == MODEL_INHERITED)
        return subjects_no_subject(subject, err);
    *was = (enum k2_compat_level)s->level;
    s->level = MODEL_INHERITED;
    tidy(r, s);
    return K2_OK;
}

int k2_subject_level_clear(struct k2_registry *r, struct k2_sv subject, enum k2_compat_level *was,
                           struct k2_err *err) {
    struct registry_change c;
    pthread_mutex_lock(&r->mutex);
    int rc = registry_begin(r, &c, err);
    if (rc == K2_OK)
        rc = registry_end(r, &c, clear_level(r, subject, was, err), err);
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

/* --- modes --- */

int k2_subject_mode(struct k2_registry *r, struct k2_sv subject, bool or_global,
                    enum k2_registry_mode *out, struct k2_err *err) {
    pthread_mutex_lock(&r->mutex);
    int rc = registry_look(r, err);
    const struct model_subject *s = model_subject(&r->model, subject);
    if (rc == K2_OK && is_elsewhere(r))
        *out = K2_REGISTRY_READONLY_OVERRIDE;
    else if (rc == K2_OK && or_global)
        *out = subjects_mode(r, s);
    else if (rc == K2_OK && subject.n == 0)
        *out = (enum k2_registry_mode)r->model.mode;
    else if (rc == K2_OK && s && s->mode != MODEL_INHERITED)
        *out = (enum k2_registry_mode)s->mode;
    else if (rc == K2_OK)
        rc = subjects_refuse(err, K2_NO_MODE,
                             "Subject '%.*s' does not have subject-level mode configured",
                             K2_SV_ARG(subject));
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

/* Ids that are imported must not meet those that were given here. */
static bool has_versions(const struct k2_registry *r, struct k2_sv subject) {
    for (size_t i = 0; i < r->model.count; i++)
        if ((subject.n == 0 || k2_sv_eq(r->model.subjects[i].name, subject)) &&
            subjects_has_live(&r->model.subjects[i]))
            return true;
    return false;
}

static int set_mode(struct k2_registry *r, struct k2_sv subject, enum k2_registry_mode mode,
                    bool force, struct k2_err *err) {
    K2_TRY(check_here(r, err));
    if (mode == K2_REGISTRY_IMPORT && !force && has_versions(r, subject))
        return subjects_refuse(err, K2_NOT_PERMITTED,
                               "Cannot import since found existing subjects");
    struct model_subject *s = subject_made(r, subject);
    *(s ? &s->mode : &r->model.mode) = (int)mode;
    return K2_OK;
}

int k2_subject_mode_set(struct k2_registry *r, struct k2_sv subject, enum k2_registry_mode mode,
                        bool force, struct k2_err *err) {
    struct registry_change c;
    if (subject.n)
        K2_TRY(subjects_check_name(subject, err));
    pthread_mutex_lock(&r->mutex);
    int rc = registry_begin(r, &c, err);
    if (rc == K2_OK)
        rc = registry_end(r, &c, set_mode(r, subject, mode, force, err), err);
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

static int clear_mode(struct k2_registry *r, struct k2_sv subject, enum k2_registry_mode *was,
                      struct k2_err *err) {
    struct model_subject *s = model_subject(&r->model, subject);
    K2_TRY(check_here(r, err));
    if (subject.n == 0) {
        *was = (enum k2_registry_mode)r->model.mode;
        r->model.mode = K2_REGISTRY_READWRITE;
        return K2_OK;
    }
    if (!s || s->mode == MODEL_INHERITED)
        return subjects_no_subject(subject, err);
    *was = (enum k2_registry_mode)s->mode;
    s->mode = MODEL_INHERITED;
    tidy(r, s);
    return K2_OK;
}

int k2_subject_mode_clear(struct k2_registry *r, struct k2_sv subject, enum k2_registry_mode *was,
                          struct k2_err *err) {
    struct registry_change c;
    pthread_mutex_lock(&r->mutex);
    int rc = registry_begin(r, &c, err);
    if (rc == K2_OK)
        rc = registry_end(r, &c, clear_mode(r, subject, was, err), err);
    pthread_mutex_unlock(&r->mutex);
    return rc;
}
