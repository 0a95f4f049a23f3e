/* serve/registry_rules.c - /compatibility, /config and /mode of the schema registry. */
#include "serve/registry.h"

/* --- would it be taken? --- */

static struct k2_json *verdict(const struct k2_compat_findings *f, bool verbose) {
    struct k2_json *v = k2_json_object();
    k2_json_set(v, "is_compatible", k2_json_bool(f->n == 0));
    if (!verbose)
        return v;
    struct k2_json *messages = k2_json_array();
    for (size_t i = 0; i < f->n; i++)
        k2_json_append(messages, k2_json_cstring(f->items[i].message));
    k2_json_set(v, "messages", messages);
    return v;
}

/* Of one version if the path names it, else of those that the level looks at. */
void registry_compatible(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_registry *registry = registry_of(s, out);
    struct registry_given g;
    struct k2_compat_findings findings;
    struct k2_err err = {0};
    int version = K2_VERSION_ALL;
    if (!registry || (r->captured[1].n && !registry_version(r, &version, out)) ||
        !registry_given_read(r, &g, out))
        return;
    int rc = k2_subject_compare(registry, r->captured[0], version, &g.given, &findings, &err);
    registry_answer(out, rc, &err, verdict(&findings, registry_flag(r, "verbose")));
    k2_compat_findings_free(&findings);
    registry_given_free(&g);
}

/* --- compatibility levels --- */

void registry_config(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_registry *registry = registry_of(s, out);
    enum k2_compat_level level = K2_COMPAT_NONE;
    struct k2_err err = {0};
    if (!registry)
        return;
    int rc = k2_subject_level(registry, r->captured[0], registry_flag(r, "defaultToGlobal"), &level,
                              &err);
    registry_answer(out, rc, &err, registry_one("compatibilityLevel", k2_compat_level_name(level)));
}

/* What else such a body may say is refused: a rule that nobody keeps is worse than none. */
static bool read_level(struct k2_json *body, enum k2_compat_level *level, struct http_reply *out) {
    struct k2_sv word = {0}, name;
    struct k2_json *value;
    void *iter = NULL;
    while (k2_json_next(body, &iter, &name, &value))
        if (!k2_sv_eq(name, K2_SV("compatibility")) && k2_json_type(value) != K2_JSON_NULL) {
            registry_error(out, 422, "only compatibility can be configured here");
            return false;
        }
    if (k2_json_as_string(k2_json_get(body, "compatibility"), &word) &&
        k2_compat_level_of(word, level))
        return true;
    registry_error(out, K2_BAD_LEVEL,
                   "Invalid compatibility level. Valid values are none, backward, forward, full, "
                   "backward_transitive, forward_transitive, and full_transitive");
    return false;
}

void registry_config_set(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_registry *registry = registry_to_change(s, out);
    struct k2_json *body = registry ? registry_body(r, out) : NULL;
    enum k2_compat_level level;
    struct k2_err err = {0};
    if (body && read_level(body, &level, out)) {
        int rc = k2_subject_level_set(registry, r->captured[0], level, &err);
        registry_answer(out, rc, &err, registry_one("compatibility", k2_compat_level_name(level)));
    }
    k2_json_free(body);
}

void registry_config_clear(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_registry *registry = registry_to_change(s, out);
    enum k2_compat_level was = K2_COMPAT_NONE;
    struct k2_err err = {0};
    if (!registry)
        return;
    int rc = k2_subject_level_clear(registry, r->captured[0], &was, &err);
    registry_answer(out, rc, &err, registry_one("compatibilityLevel", k2_compat_level_name(was)));
}

/* --- modes --- */

void registry_mode(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_registry *registry = registry_of(s, out);
    enum k2_registry_mode mode = K2_REGISTRY_READWRITE;
    struct k2_err err = {0};
    if (!registry)
        return;
    int rc =
        k2_subject_mode(registry, r->captured[0], registry_flag(r, "defaultToGlobal"), &mode, &err);
    registry_answer(out, rc, &err, registry_one("mode", k2_registry_mode_name(mode)));
}

static bool read_mode(const struct k2_json *body, enum k2_registry_mode *mode,
                      struct http_reply *out) {
    struct k2_sv word;
    if (k2_json_as_string(k2_json_get(body, "mode"), &word) && k2_registry_mode_of(word, mode))
        return true;
    registry_error(out, K2_BAD_MODE,
                   "Invalid mode. Valid values are READWRITE, READONLY, READONLY_OVERRIDE, and "
                   "IMPORT.");
    return false;
}

void registry_mode_set(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_registry *registry = registry_to_change(s, out);
    struct k2_json *body = registry ? registry_body(r, out) : NULL;
    enum k2_registry_mode mode;
    struct k2_err err = {0};
    if (body && read_mode(body, &mode, out)) {
        int rc =
            k2_subject_mode_set(registry, r->captured[0], mode, registry_flag(r, "force"), &err);
        registry_answer(out, rc, &err, registry_one("mode", k2_registry_mode_name(mode)));
    }
    k2_json_free(body);
}

void registry_mode_clear(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct k2_registry *registry = registry_to_change(s, out);
    enum k2_registry_mode was = K2_REGISTRY_READWRITE;
    struct k2_err err = {0};
    if (!registry)
        return;
    int rc = k2_subject_mode_clear(registry, r->captured[0], &was, &err);
    registry_answer(out, rc, &err, registry_one("mode", k2_registry_mode_name(was)));
}
