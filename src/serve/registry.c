/* serve/registry.c - see registry.h: the registry that the routes speak to, and how they answer. */
#include "serve/registry.h"

enum { OWN_FAULT = 50001 };

void registry_reply(struct http_reply *out, struct k2_json *v) {
    serve_reply_json(out, 200, v);
    out->type = "application/vnd.schemaregistry.v1+json";
}

struct k2_json *registry_one(const char *name, const char *value) {
    struct k2_json *v = k2_json_object();
    k2_json_set(v, name, k2_json_cstring(value));
    return v;
}

void registry_error(struct http_reply *out, int code, const char *message) {
    struct k2_json *v = k2_json_object();
    k2_json_set(v, "error_code", k2_json_int(code));
    k2_json_set(v, "message", k2_json_cstring(message));
    registry_reply(out, v);
    out->status = code < 1000 ? code : code / 100;
}

void registry_refuse(struct http_reply *out, int rc, const struct k2_err *err) {
    registry_error(out, rc > 0 ? rc : OWN_FAULT, err->msg);
}

void registry_answer(struct http_reply *out, int rc, const struct k2_err *err, struct k2_json *v) {
    if (rc == K2_OK) {
        registry_reply(out, v);
        return;
    }
    k2_json_free(v);
    registry_refuse(out, rc, err);
}

struct k2_registry *registry_of(struct serve *s, struct http_reply *out) {
    struct k2_registry *registry = NULL;
    struct k2_err err = {0};
    if (!s->hooks.registry) {
        registry_error(out, 404, "this k2 serves no schema registry");
        return NULL;
    }
    if (s->hooks.registry(s->hooks.ctx, &registry, &err) == K2_OK)
        return registry;
    registry_error(out, OWN_FAULT, err.msg);
    return NULL;
}

struct k2_registry *registry_to_change(struct serve *s, struct http_reply *out) {
    if (!s->allow_remote || s->hooks.registry_allow_remote)
        return registry_of(s, out);
    registry_error(out, 403,
                   "other machines are let in here (http.allow_remote), and nobody is asked for a "
                   "password, so schemas are not changed; registry.allow_remote = true allows it");
    return NULL;
}
