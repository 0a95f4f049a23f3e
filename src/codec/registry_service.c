/* codec/registry_service.c - the registry when a service gives the ids: what is asked, and what is known already.
 *
 * Schemas by id never change, so what was fetched once is in the file for ever. That a subject has a schema is believed
 * for registry.cache, then asked again. While the service is away, all that is known goes on: records are read, and
 * written with schemas that it has confirmed before. Only a schema that is new must wait for it.
 */
#include "codec/registry_client.h"
#include "codec/registry_int.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <stdio.h>

static void count_cache(bool hit) {
    k2_metric_add(
        k2_metric(hit ? K2_METRIC_registry_cache_hits : K2_METRIC_registry_cache_misses, NULL), 1);
}

/* The version of the subject with this schema, or NULL. */
static const struct model_version *known_version(const struct model_subject *s,
                                                 const struct model_given *g) {
    for (size_t i = 0; s && i < s->count; i++)
        if (s->versions[i].schema->type == g->type &&
            k2_sv_eq(s->versions[i].schema->text, g->text))
            return &s->versions[i];
    return NULL;
}

/* Whether two texts are one schema: services write them in their own way. */
static bool same_schema(const struct k2_registry *r, const struct model_schema *s,
                        const struct model_given *g) {
    struct model_given known = {.type = s->type, .text = s->text};
    struct k2_buf a = {0}, b = {0};
    bool same = s->type == g->type && registry_canonical(r, &known, true, &a, NULL) == K2_OK &&
                registry_canonical(r, g, true, &b, NULL) == K2_OK &&
                k2_sv_eq(k2_buf_view(&a), k2_buf_view(&b));
    k2_buf_free(&a);
    k2_buf_free(&b);
    return same;
}

/* The schema under the id that the service gave it. */
static int keep_schema(struct k2_registry *r, struct registry_change *c, uint32_t id,
                       const struct model_given *g, const struct model_schema **out,
                       struct k2_err *err) {
    *out = model_schema_by_id(&r->pool, id);
    if (*out && !same_schema(r, *out, g))
        return k2_fail(err, K2_E_CONFLICT,
                       "the schema registry gives id %" PRIu32
                       " to another schema than the records in this journal: registry.url is not "
                       "the registry that the journal was begun with",
                       id);
    if (!*out) {
        c->added = id;
        *out = model_schema_add(&r->pool, id, g);
    }
    r->model.of_service = true;
    return K2_OK;
}

static int keep_version(struct k2_registry *r, struct k2_sv subject, const struct model_given *g,
                        const struct registry_told *told, struct k2_err *err) {
    struct registry_change c;
    const struct model_schema *schema = NULL;
    K2_TRY(registry_begin(r, &c, err));
    int rc = keep_schema(r, &c, told->id, g, &schema, err);
    if (rc == K2_OK) {
        struct model_subject *s = model_subject_make(&r->model, &r->pool, subject);
        const struct model_version *last = model_latest(s, true);
        int version = told->version ? told->version : last ? last->version + 1 : 1;
        s->own = true;
        s->asked_ns = k2_now_ns();
        if (!model_version(s, version) && !known_version(s, g))
            model_version_add(s, version, schema);
    }
    return registry_end(r, &c, rc, err);
}

static int ask_register(struct k2_registry *r, struct k2_sv subject, struct k2_sv schema,
                        struct registry_told *told, struct k2_err *err) {
    struct k2_buf name = {0};
    k2_buf_str(&name, r->prefix);
    k2_buf_sv(&name, subject);
    pthread_mutex_unlock(&r->mutex);
    int rc = registry_client_register(r->client, k2_buf_view(&name), schema, told, err);
    pthread_mutex_lock(&r->mutex);
    k2_buf_free(&name);
    return rc;
}

static bool is_fresh(const struct k2_registry *r, const struct model_subject *s) {
    int64_t age = k2_now_ns() - s->asked_ns;
    return age >= 0 && age < registry_client_cache_ns(r->client);
}

static void observe_away(struct k2_sv subject, const char *why) {
    char name[200];
    snprintf(name, sizeof name, "%.*s", K2_SV_ARG(subject));
    k2_log(K2_LOG_WARN, "schema registry is away, going on with what is known", "subject", name,
           "why", why, NULL);
}

int registry_service_register(struct k2_registry *r, struct k2_sv subject, struct k2_sv schema,
                              uint32_t *id, struct k2_err *err) {
    const struct model_given g = {.type = K2_SCHEMA_AVRO, .text = schema};
    struct registry_told told;
    K2_TRY(registry_look(r, err));
    const struct model_subject *s = model_subject(&r->model, subject);
    const struct model_version *known = known_version(s, &g);
    *id = known ? known->schema->id : 0;
    bool hit = known && is_fresh(r, s);
    count_cache(hit);
    if (hit)
        return K2_OK;
    int rc = ask_register(r, subject, schema, &told, err);
    if (rc == K2_E_UNAVAILABLE && *id) {
        observe_away(subject, err ? err->msg : "");
        return K2_OK;
    }
    K2_TRY_CTX(rc, err, "%s", *id ? "a schema is registered" : "a new schema is registered");
    if (*id && told.id != *id)
        return k2_fail(err, K2_E_CONFLICT,
                       "the schema registry gives id %" PRIu32 " to the schema that has id %" PRIu32
                       " in the records of this journal: registry.url is not the registry that the "
                       "journal was begun with",
                       told.id, *id);
    K2_TRY(keep_version(r, subject, &g, &told, err));
    *id = told.id;
    return K2_OK;
}

int registry_service_fetch(struct k2_registry *r, uint32_t id, struct k2_err *err) {
    struct registry_change c;
    struct k2_buf text = {0};
    const struct model_schema *schema;
    struct model_given g = {0};
    count_cache(false);
    pthread_mutex_unlock(&r->mutex);
    int rc = registry_client_schema(r->client, id, &g.type, &text, err);
    pthread_mutex_lock(&r->mutex);
    g.text = k2_buf_view(&text);
    if (rc == K2_OK)
        rc = registry_begin(r, &c, err);
    if (rc == K2_OK)
        rc = registry_end(r, &c, keep_schema(r, &c, id, &g, &schema, err), err);
    k2_buf_free(&text);
    return k2_err_context(err, rc, "schema id %" PRIu32, id);
}
