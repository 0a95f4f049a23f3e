/* serve/registry_subjects.c - /subjects: subjects and their versions. */
#include "serve/registry.h"

#include <stdlib.h>

/* --- as JSON --- */

void registry_put_schema(struct k2_json *object, const struct k2_subject_version *v) {
    if (v->type != K2_SCHEMA_AVRO) /* which clients take for granted */
        k2_json_set(object, "schemaType", k2_json_cstring(k2_schema_type_name(v->type)));
    k2_json_set(object, "schema", k2_json_string(v->text));
    if (v->ref_count == 0)
        return;
    struct k2_json *list = k2_json_array();
    for (size_t i = 0; i < v->ref_count; i++) {
        struct k2_json *ref = k2_json_object();
        k2_json_set(ref, "name", k2_json_string(v->refs[i].name));
        k2_json_set(ref, "subject", k2_json_string(v->refs[i].subject));
        k2_json_set(ref, "version", k2_json_int(v->refs[i].version));
        k2_json_append(list, ref);
    }
    k2_json_set(object, "references", list);
}

struct k2_json *registry_version_json(const struct k2_subject_version *v) {
    struct k2_json *object = k2_json_object();
    k2_json_set(object, "subject", k2_json_string(v->subject));
    k2_json_set(object, "version", k2_json_int(v->version));
    k2_json_set(object, "id", k2_json_int(v->id));
    registry_put_schema(object, v);
    return object;
}

/* --- lists --- */

struct subjects {
    struct k2_sv prefix;
    bool deleted_only;
    struct registry_page page;
    struct k2_json *list;
    struct k2_sv pending; /* whose versions come now */
    bool has_live;
};

static void put_pending(struct subjects *s) {
    if (s->pending.p && !(s->deleted_only && s->has_live) && registry_page_has(&s->page))
        k2_json_append(s->list, k2_json_string(s->pending));
    s->pending = (struct k2_sv){0};
    s->has_live = false;
}

static void visit_subject(void *ctx, const struct k2_subject_version *v) {
    struct subjects *s = ctx;
    if (!k2_sv_starts(v->subject, s->prefix))
        return;
    if (!s->pending.p || !k2_sv_eq(s->pending, v->subject)) {
        put_pending(s);
        s->pending = v->subject;
    }
    s->has_live = s->has_live || !v->deleted;
}

void registry_subjects(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_registry *registry = registry_of(s, out);
    struct subjects w = {.deleted_only = registry_flag(r, "deletedOnly")};
    struct k2_buf prefix = {0};
    struct k2_err err = {0};
    if (registry && registry_page_read(r, &w.page, out) && registry_prefix(r, &prefix, out)) {
        w.list = k2_json_array();
        w.prefix = k2_buf_view(&prefix);
        int rc = k2_subjects_each(registry, w.deleted_only || registry_flag(r, "deleted"),
                                  visit_subject, &w, &err);
        put_pending(&w);
        registry_answer(out, rc, &err, w.list);
    }
    k2_buf_free(&prefix);
}

struct versions {
    struct k2_sv subject;
    bool deleted_only;
    int found; /* of the subject, wanted or not */
    struct k2_json *list;
};

static void visit_version(void *ctx, const struct k2_subject_version *v) {
    struct versions *w = ctx;
    if (!k2_sv_eq(v->subject, w->subject))
        return;
    w->found++;
    if (v->deleted || !w->deleted_only)
        k2_json_append(w->list, k2_json_int(v->version));
}

void registry_versions(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_registry *registry = registry_of(s, out);
    struct versions w = {.subject = r->captured[0],
                         .deleted_only = registry_flag(r, "deletedOnly")};
    struct k2_subject_version none;
    struct k2_err err = {0};
    bool deleted = w.deleted_only || registry_flag(r, "deleted");
    if (!registry)
        return;
    w.list = k2_json_array();
    int rc = k2_subjects_each(registry, deleted, visit_version, &w, &err);
    if (rc == K2_OK && w.found == 0) /* says that there is no such subject */
        rc = k2_subject_get(registry, w.subject, K2_VERSION_LATEST, deleted, &none, &err);
    registry_answer(out, rc, &err, w.list);
}

/* --- versions --- */

static bool get(struct serve *s, const struct http_request *r, bool deleted,
                struct k2_subject_version *v, struct http_reply *out) {
    struct k2_registry *registry = registry_of(s, out);
    struct k2_err err = {0};
    int version;
    if (!registry || !registry_version(r, &version, out))
        return false;
    int rc = k2_subject_get(registry, r->captured[0], version, deleted, v, &err);
    if (rc != K2_OK)
        registry_refuse(out, rc, &err);
    return rc == K2_OK;
}

void registry_get(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_subject_version v;
    if (get(s, r, registry_flag(r, "deleted"), &v, out))
        registry_reply(out, registry_version_json(&v));
}

void registry_get_text(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_subject_version v;
    if (!get(s, r, registry_flag(r, "deleted"), &v, out))
        return;
    out->status = 200;
    out->type = "application/vnd.schemaregistry.v1+json";
    k2_buf_sv(&out->body, v.text);
}

void registry_find(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_registry *registry = registry_of(s, out);
    struct registry_given g;
    struct k2_subject_version v;
    struct k2_err err = {0};
    if (!registry || !registry_given_read(r, &g, out))
        return;
    int rc =
        k2_subject_find(registry, r->captured[0], &g.given, registry_flag(r, "deleted"), &v, &err);
    registry_answer(out, rc, &err, rc == K2_OK ? registry_version_json(&v) : NULL);
    registry_given_free(&g);
}

void registry_register(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_registry *registry = registry_to_change(s, out);
    struct registry_given g;
    struct k2_subject_version v = {0};
    struct k2_err err = {0};
    if (!registry || !registry_given_read(r, &g, out))
        return;
    int rc = k2_subject_register(registry, r->captured[0], &g.given, &v, &err);
    struct k2_json *object = k2_json_object();
    k2_json_set(object, "id", k2_json_int(v.id));
    registry_answer(out, rc, &err, object);
    registry_given_free(&g);
}

/* --- deleting --- */

void registry_delete(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_registry *registry = registry_to_change(s, out);
    struct k2_err err = {0};
    int *versions;
    size_t n = 0;
    if (!registry)
        return;
    int rc = k2_subject_delete(registry, r->captured[0], registry_flag(r, "permanent"), &versions,
                               &n, &err);
    struct k2_json *list = k2_json_array();
    for (size_t i = 0; rc == K2_OK && i < n; i++)
        k2_json_append(list, k2_json_int(versions[i]));
    registry_answer(out, rc, &err, list);
    free(versions);
}

void registry_delete_version(struct serve *s, const struct http_request *r,
                             struct http_reply *out) {
    struct k2_registry *registry = registry_to_change(s, out);
    struct k2_err err = {0};
    int version, deleted = 0;
    if (!registry || !registry_version(r, &version, out))
        return;
    int rc = k2_subject_delete_version(registry, r->captured[0], version,
                                       registry_flag(r, "permanent"), &deleted, &err);
    registry_answer(out, rc, &err, k2_json_int(deleted));
}

/* --- who refers to it --- */

struct referrers {
    struct k2_subject_version of;
    struct k2_json *list;
};

static bool listed(const struct k2_json *list, uint32_t id) {
    int64_t other;
    for (size_t i = 0; i < k2_json_count(list); i++)
        if (k2_json_as_int(k2_json_at(list, i), &other) && other == id)
            return true;
    return false;
}

static void visit_referrer(void *ctx, const struct k2_subject_version *v) {
    struct referrers *w = ctx;
    for (size_t i = 0; i < v->ref_count; i++)
        if (v->refs[i].version == w->of.version && k2_sv_eq(v->refs[i].subject, w->of.subject) &&
            !listed(w->list, v->id))
            k2_json_append(w->list, k2_json_int(v->id));
}

void registry_referenced_by(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_registry *registry = registry_of(s, out);
    struct referrers w;
    struct k2_err err = {0};
    if (!registry || !get(s, r, true, &w.of, out))
        return;
    w.list = k2_json_array();
    int rc = k2_subjects_each(registry, false, visit_referrer, &w, &err);
    registry_answer(out, rc, &err, w.list);
}
