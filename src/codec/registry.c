/* codec/registry.c - see registry.h. The file and what K2 itself registers; registry_model.c specifies the bytes. */
#include "codec/registry_int.h"

#include "codec/lint.h"
#include "codec/registry_client.h"

#include "base/metrics.h"

#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

enum { LOCK_LOOKS = 1000, LOCK_LOOK_NS = 10000000 };

/* --- names --- */

static const char *const mode_names[K2_REGISTRY_MODES] = {"READWRITE", "READONLY",
                                                          "READONLY_OVERRIDE", "IMPORT"};

const char *k2_registry_mode_name(enum k2_registry_mode mode) {
    return mode_names[mode];
}

bool k2_registry_mode_of(struct k2_sv name, enum k2_registry_mode *out) {
    for (int i = 0; i < K2_REGISTRY_MODES; i++)
        if (name.n == strlen(mode_names[i]) && strncasecmp(name.p, mode_names[i], name.n) == 0) {
            *out = (enum k2_registry_mode)i;
            return true;
        }
    return false;
}

/* --- the file --- */

static void stamp_of(const char *path, int64_t out[4]) {
    struct stat st;
    bool there = stat(path, &st) == 0;
    out[0] = there ? (int64_t)st.st_ino : 0;
    out[1] = there ? st.st_mtim.tv_sec : 0;
    out[2] = there ? st.st_mtim.tv_nsec : 0;
    out[3] = there ? st.st_size : -1;
}

static int parse(struct k2_registry *r, struct k2_sv text, struct model *out, struct k2_err *err) {
    struct k2_json *doc = NULL;
    int rc = k2_json_parse(text, &doc, err);
    if (rc != K2_OK)
        rc = k2_err_context(err, K2_E_CORRUPT, "%s", r->path);
    else
        rc = model_read(doc, &r->pool, out, err);
    k2_json_free(doc);
    return rc;
}

static int load(struct k2_registry *r, struct k2_err *err) {
    struct k2_buf text = {0};
    struct model fresh;
    int64_t stamp[4];
    model_init(&fresh);
    stamp_of(r->path, stamp); /* before reading: what comes in between is read again */
    int rc = k2_fs_read(r->path, &text, err);
    if (rc == K2_E_NOTFOUND)
        rc = K2_OK;
    else if (rc == K2_OK)
        rc = parse(r, k2_buf_view(&text), &fresh, err);
    k2_buf_free(&text);
    if (rc != K2_OK)
        return k2_err_context(err, rc, "schema registry %s", r->path);
    model_free(&r->model);
    r->model = fresh;
    memcpy(r->stamp, stamp, sizeof stamp);
    return K2_OK;
}

int registry_look(struct k2_registry *r, struct k2_err *err) {
    int64_t now[4];
    stamp_of(r->path, now);
    return memcmp(now, r->stamp, sizeof now) == 0 ? K2_OK : load(r, err);
}

static int take_lock(struct k2_registry *r, struct k2_lock **out, struct k2_err *err) {
    char *path = k2_path(r->dir, "schemas.lock");
    int rc = k2_lock_take(path, "k2", out, err);
    for (int i = 0; rc == K2_E_LOCKED && i < LOCK_LOOKS;
         i++) { /* others write a small file and go */
        nanosleep(&(struct timespec){.tv_nsec = LOCK_LOOK_NS}, NULL);
        rc = k2_lock_take(path, "k2", out, err);
    }
    free(path);
    return rc;
}

int registry_begin(struct k2_registry *r, struct registry_change *c, struct k2_err *err) {
    *c = (struct registry_change){0};
    K2_TRY(take_lock(r, &c->lock, err));
    int rc = load(r, err);
    if (rc != K2_OK)
        k2_lock_release(c->lock);
    return rc;
}

static int store(struct k2_registry *r, struct k2_err *err) {
    struct k2_json *doc = model_write(&r->model, &r->pool);
    struct k2_buf text = {0};
    k2_json_dump(doc, &text);
    k2_json_free(doc);
    int rc = k2_fs_replace(r->path, k2_buf_view(&text), err);
    k2_buf_free(&text);
    stamp_of(r->path, r->stamp);
    return rc;
}

/* Nothing of the change was lent to anybody. */
static void undo(struct k2_registry *r, const struct registry_change *c) {
    model_free(&r->model);
    if (c->added)
        model_schema_drop(&r->pool, c->added);
    memset(r->stamp, 0, sizeof r->stamp);
    (void)!load(r, NULL); /* if that fails, the next look says so */
}

int registry_end(struct k2_registry *r, struct registry_change *c, int rc, struct k2_err *err) {
    if (rc == K2_OK)
        rc = store(r, err);
    if (rc != K2_OK)
        undo(r, c);
    k2_lock_release(c->lock);
    return rc;
}

const struct model_schema *registry_schema_make(struct k2_registry *r, struct registry_change *c,
                                                const struct model_given *canonical, uint32_t id) {
    const struct model_schema *known = model_schema_find(&r->pool, canonical);
    if (known)
        return known;
    c->added = id ? id : model_next_id(&r->pool);
    return model_schema_add(&r->pool, c->added, canonical);
}

/* --- opening --- */

int k2_registry_open(const char *dir, struct k2_registry **out, struct k2_err *err) {
    struct k2_registry *r = k2_zalloc(sizeof *r);
    pthread_mutex_init(&r->mutex, NULL);
    model_init(&r->model);
    r->dir = k2_strdup(dir);
    r->path = k2_path(dir, "schemas.json");
    r->prefix = k2_strdup("");
    r->client = registry_client_new();
    int rc = load(r, err);
    if (rc == K2_OK && r->client && !r->model.of_service && r->pool.count > 0) /* see decision 81 */
        rc = k2_fail(
            err, K2_E_CONFLICT,
            "%s: the schema ids in this journal's records are its own, so registry.url cannot "
            "give others; begin a journal with it in another directory",
            r->path);
    if (rc != K2_OK) {
        k2_registry_close(r);
        return rc;
    }
    *out = r;
    return K2_OK;
}

void k2_registry_close(struct k2_registry *r) {
    if (!r)
        return;
    registry_client_free(r->client);
    model_free(&r->model);
    model_pool_free(&r->pool);
    pthread_mutex_destroy(&r->mutex);
    free(r->prefix);
    free(r->path);
    free(r->dir);
    free(r);
}

void k2_registry_set_copy(struct k2_registry *r, const char *prefix) {
    free(r->prefix);
    r->copy = true;
    r->prefix = k2_strdup(prefix);
}

/* --- reading --- */

static int find_text(struct k2_registry *r, uint32_t id, struct k2_sv *schema, struct k2_err *err) {
    const struct model_schema *s = model_schema_by_id(&r->pool, id);
    if (!s)
        K2_TRY(registry_look(r, err)); /* another process may have registered it since */
    if (!s && !(s = model_schema_by_id(&r->pool, id)) && r->client) {
        K2_TRY(registry_service_fetch(r, id, err));
        s = model_schema_by_id(&r->pool, id);
    }
    if (!s)
        return k2_fail(err, K2_E_NOTFOUND, "schema id %u is not in %s", id, r->path);
    *schema = s->text;
    return K2_OK;
}

int k2_registry_schema(struct k2_registry *r, uint32_t id, struct k2_sv *schema,
                       struct k2_err *err) {
    pthread_mutex_lock(&r->mutex);
    int rc = find_text(r, id, schema, err);
    pthread_mutex_unlock(&r->mutex);
    return rc;
}

static K2_RC find_in_source(void *ctx, uint32_t id, struct k2_sv *schema, struct k2_err *err) {
    return k2_registry_schema(ctx, id, schema, err);
}

struct k2_schema_source k2_registry_source(struct k2_registry *r) {
    return (struct k2_schema_source){r, find_in_source};
}

void k2_registry_each(struct k2_registry *r,
                      void (*visit)(void *ctx, struct k2_sv subject, int version, uint32_t id),
                      void *ctx) {
    pthread_mutex_lock(&r->mutex);
    for (size_t i = 0; i < r->model.count; i++) {
        const struct model_subject *s = &r->model.subjects[i];
        for (size_t k = 0; k < s->count; k++)
            if (!s->versions[k].deleted)
                visit(ctx, s->name, s->versions[k].version, s->versions[k].schema->id);
    }
    pthread_mutex_unlock(&r->mutex);
}

/* --- registering what K2 itself writes --- */

static bool has_live(const struct model_subject *s, const struct model_schema *schema) {
    for (size_t i = 0; i < s->count; i++)
        if (!s->versions[i].deleted && s->versions[i].schema == schema)
            return true;
    return false;
}

/* The id, if the subject has just this text; else 0. */
static uint32_t find_version(const struct k2_registry *r, struct k2_sv subject,
                             const struct model_given *g) {
    const struct model_subject *s = model_subject(&r->model, subject);
    for (size_t i = 0; s && s->own && i < s->count; i++) {
        const struct model_schema *schema = s->versions[i].schema;
        if (!s->versions[i].deleted && schema->type == g->type && schema->ref_count == 0 &&
            k2_sv_eq(schema->text, g->text))
            return schema->id;
    }
    return 0;
}

static int check_follows(struct k2_registry *r, const struct model_subject *s,
                         const struct model_given *g, struct k2_err *err) {
    struct k2_compat_findings findings;
    K2_TRY(registry_compare(r, s, NULL, g, K2_COMPAT_FULL_TRANSITIVE, &findings, err));
    int rc = K2_OK;
    if (findings.n > 0) {
        const struct k2_compat_finding *f = &findings.items[0];
        rc = k2_fail(err, K2_E_CONFLICT, "%s: %s: %s",
                     f->backward ? "the new schema cannot read what an earlier one wrote"
                                 : "an earlier schema cannot read what the new one writes",
                     f->type, f->message);
        k2_metric_add(k2_metric(K2_METRIC_registry_compatibility_failures, NULL), 1);
    }
    k2_compat_findings_free(&findings);
    return rc;
}

/* Avro lets a decimal change its scale; a row would then hold another price. */
static int check_numbers(const struct model_subject *s, const struct model_given *g,
                         struct k2_err *err) {
    const struct model_version *last = s ? model_latest(s, true) : NULL;
    if (!last || last->schema->type != g->type)
        return K2_OK;
    const struct k2_schema_text next = {.type = g->type, .text = g->text};
    const struct k2_schema_text then = {.type = g->type, .text = last->schema->text};
    return k2_schema_same_numbers(&next, &then, err);
}

static int add_own(struct k2_registry *r, struct registry_change *c, struct k2_sv subject,
                   const struct model_given *g, uint32_t *id, struct k2_err *err) {
    if ((*id = find_version(r, subject, g)) != 0) /* it came meanwhile */
        return K2_OK;
    if (r->model.of_service)
        return k2_fail(err, K2_E_UNAVAILABLE,
                       "%s: this journal's schema ids come from a registry service; a new schema "
                       "needs it: set registry.url",
                       r->path);
    K2_TRY(check_follows(r, model_subject(&r->model, subject), g, err));
    K2_TRY(check_numbers(model_subject(&r->model, subject), g, err));
    const struct model_schema *schema = registry_schema_make(r, c, g, 0);
    struct model_subject *s = model_subject_make(&r->model, &r->pool, subject);
    const struct model_version *last = model_latest(s, true);
    s->own = true;
    s->level = K2_COMPAT_FULL_TRANSITIVE;
    if (!has_live(s, schema) && last && last->version == INT32_MAX)
        return k2_fail(err, K2_E_RANGE, "there is no number left for a version");
    if (!has_live(s, schema))
        model_version_add(s, last ? last->version + 1 : 1, schema);
    *id = schema->id;
    return K2_OK;
}

static int register_own(struct k2_registry *r, struct k2_sv subject, struct k2_sv schema,
                        uint32_t *id, struct k2_err *err) {
    struct model_given g = {.type = K2_SCHEMA_AVRO, .text = schema};
    struct registry_change c;
    struct k2_buf canonical = {0};
    if ((*id = find_version(r, subject, &g)) != 0)
        return K2_OK;
    int rc = registry_canonical(r, &g, false, &canonical, err);
    g.text = k2_buf_view(&canonical);
    if (rc == K2_OK)
        rc = registry_begin(r, &c, err);
    if (rc == K2_OK) {
        rc = add_own(r, &c, subject, &g, id, err);
        rc = registry_end(r, &c, rc, err);
    }
    k2_buf_free(&canonical);
    return rc;
}

int k2_registry_register(struct k2_registry *r, struct k2_sv subject, struct k2_sv schema,
                         uint32_t *id, struct k2_err *err) {
    pthread_mutex_lock(&r->mutex);
    int rc = r->client ? registry_service_register(r, subject, schema, id, err)
                       : register_own(r, subject, schema, id, err);
    pthread_mutex_unlock(&r->mutex);
    return k2_err_context(err, rc, "subject %.*s", K2_SV_ARG(subject));
}
