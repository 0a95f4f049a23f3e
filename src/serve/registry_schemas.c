/* serve/registry_schemas.c - /schemas: schemas by their ids, whatever subject has them. */
#include "serve/registry.h"

void registry_types(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_json *list = k2_json_array();
    (void)s;
    (void)r;
    k2_json_append(list, k2_json_cstring(k2_schema_type_name(K2_SCHEMA_JSON)));
    k2_json_append(list, k2_json_cstring(k2_schema_type_name(K2_SCHEMA_PROTOBUF)));
    k2_json_append(list, k2_json_cstring(k2_schema_type_name(K2_SCHEMA_AVRO)));
    registry_reply(out, list);
}

/* There is one, the default, whose name is a point. */
void registry_contexts(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_json *list = k2_json_array();
    (void)s;
    (void)r;
    k2_json_append(list, k2_json_cstring("."));
    registry_reply(out, list);
}

/* --- all of them --- */

struct schemas {
    struct k2_sv prefix;
    bool latest_only;
    struct registry_page page;
    struct k2_json *list;
    bool has_pending;
    struct k2_subject_version pending; /* may be the latest of its subject */
};

static void put_pending(struct schemas *w) {
    if (w->has_pending && registry_page_has(&w->page))
        k2_json_append(w->list, registry_version_json(&w->pending));
    w->has_pending = false;
}

static void visit_schema(void *ctx, const struct k2_subject_version *v) {
    struct schemas *w = ctx;
    if (!k2_sv_starts(v->subject, w->prefix))
        return;
    if (!w->latest_only || !k2_sv_eq(w->pending.subject, v->subject))
        put_pending(w);
    w->pending = *v;
    w->has_pending = true;
}

void registry_schemas(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_registry *registry = registry_of(s, out);
    struct schemas w = {.latest_only = registry_flag(r, "latestOnly")};
    struct k2_buf prefix = {0};
    struct k2_err err = {0};
    if (registry && registry_page_read(r, &w.page, out) && registry_prefix(r, &prefix, out)) {
        w.list = k2_json_array();
        w.prefix = k2_buf_view(&prefix);
        int rc = k2_subjects_each(registry, registry_flag(r, "deleted"), visit_schema, &w, &err);
        put_pending(&w);
        registry_answer(out, rc, &err, w.list);
    }
    k2_buf_free(&prefix);
}

/* --- by id --- */

struct users { /* versions that have the schema */
    uint32_t id, max_id;
    bool deleted; /* also those that are deleted */
    bool with_versions;
    int found; /* deleted or not */
    struct k2_json *list;
};

static bool has_text(const struct k2_json *list, struct k2_sv text) {
    struct k2_sv other;
    for (size_t i = 0; i < k2_json_count(list); i++)
        if (k2_json_as_string(k2_json_at(list, i), &other) && k2_sv_eq(other, text))
            return true;
    return false;
}

static void visit_user(void *ctx, const struct k2_subject_version *v) {
    struct users *w = ctx;
    w->max_id = v->id > w->max_id ? v->id : w->max_id;
    if (v->id != w->id)
        return;
    w->found++;
    if (v->deleted && !w->deleted)
        return;
    if (w->with_versions) {
        struct k2_json *pair = k2_json_object();
        k2_json_set(pair, "subject", k2_json_string(v->subject));
        k2_json_set(pair, "version", k2_json_int(v->version));
        k2_json_append(w->list, pair);
    } else if (!has_text(w->list, v->subject)) {
        k2_json_append(w->list, k2_json_string(v->subject));
    }
}

/* An id that no subject has is not told, though records may have it: it was deleted for good. */
static bool look(struct serve *s, const struct http_request *r, struct users *w,
                 struct k2_subject_version *schema, struct http_reply *out) {
    struct k2_registry *registry = registry_of(s, out);
    struct k2_err err = {0};
    int64_t id = 0;
    if (!registry)
        return false;
    w->list = k2_json_array();
    if (k2_sv_i64(r->captured[0], &id) && id > 0 && id <= INT32_MAX)
        w->id = (uint32_t)id;
    int rc = k2_subjects_each(registry, true, visit_user, w, &err);
    if (rc == K2_OK)
        rc = k2_subjects_schema(registry, w->found ? w->id : 0, schema, &err);
    if (rc == K2_OK)
        return true;
    if (rc == K2_NO_SCHEMA)
        k2_fail_(&err, K2_E_NOTFOUND, "Schema %.*s not found",
                 K2_SV_ARG(k2_sv_shown(r->captured[0])));
    registry_answer(out, rc, &err, w->list);
    return false;
}

void registry_id(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct users w = {0};
    struct k2_subject_version v;
    if (!look(s, r, &w, &v, out))
        return;
    struct k2_json *object = k2_json_object();
    registry_put_schema(object, &v);
    if (registry_flag(r, "fetchMaxId"))
        k2_json_set(object, "maxId", k2_json_int(w.max_id));
    k2_json_free(w.list);
    registry_reply(out, object);
}

void registry_id_text(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct users w = {0};
    struct k2_subject_version v;
    if (!look(s, r, &w, &v, out))
        return;
    k2_json_free(w.list);
    out->status = 200;
    out->type = "application/vnd.schemaregistry.v1+json";
    k2_buf_sv(&out->body, v.text);
}

static void reply_users(struct serve *s, const struct http_request *r, bool with_versions,
                        struct http_reply *out) {
    struct users w = {.with_versions = with_versions, .deleted = registry_flag(r, "deleted")};
    struct k2_subject_version v;
    if (look(s, r, &w, &v, out))
        registry_reply(out, w.list);
}

void registry_id_subjects(struct serve *s, const struct http_request *r, struct http_reply *out) {
    reply_users(s, r, false, out);
}

void registry_id_versions(struct serve *s, const struct http_request *r, struct http_reply *out) {
    reply_users(s, r, true, out);
}
