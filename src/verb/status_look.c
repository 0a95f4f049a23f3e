/* verb/status_look.c - see status.h. */
#include "verb/status.h"

#include "base/fs.h"
#include "role/role.h"

#include <inttypes.h>
#include <stdlib.h>

static void put_holder(struct health *h, const char *lock, const struct k2_lock_holder *holder) {
    struct health_row *r = health_add(h, HEALTH_PROCESS, holder->command);
    r->last_ns = holder->since_ns;
    /* Whoever starts the platform wants it to run: that it was killed is not all well. */
    if (!holder->alive && strcmp(holder->command, "k2 up") == 0)
        r->level = HEALTH_DEGRADED;
    snprintf(r->detail, sizeof r->detail,
             holder->alive ? "pid %" PRId64 " holds %s"
                           : "pid %" PRId64 " was killed while it held %s; the lock is free",
             holder->pid, lock);
}

static void look_at_locks(const char *data, struct health *h) {
    char *run = k2_path(data, "run"), **names;
    size_t n;
    if (k2_fs_list(run, &names, &n, NULL) == K2_OK) {
        for (size_t i = 0; i < n; i++) {
            struct k2_lock_holder holder;
            char *path = k2_path(run, names[i]);
            if (k2_sv_ends(k2_sv_of(names[i]), K2_SV(".lock")) &&
                k2_lock_look(path, &holder, NULL) == K2_OK && holder.pid != 0)
                put_holder(h, names[i], &holder);
            free(path);
        }
        k2_fs_names_free(names, n);
    }
    free(run);
}

/* --- the roles of a running k2 up --- */

static const char *text_of(const struct k2_json *v, const char *key) {
    struct k2_sv s;
    return k2_json_as_string(k2_json_get(v, key), &s) ? s.p : "";
}

static enum health_level level_of(const char *state) {
    if (strcmp(state, agent_state_name(AGENT_DOWN)) == 0)
        return HEALTH_DOWN;
    return strcmp(state, agent_state_name(AGENT_DEGRADED)) == 0 ? HEALTH_DEGRADED : HEALTH_GOOD;
}

static void put_role(struct health *h, const struct k2_json *role) {
    struct health_row *r = health_add(h, HEALTH_PROCESS, text_of(role, "name"));
    const char *why = text_of(role, "why"), *detail = text_of(role, "detail");
    r->level = level_of(text_of(role, "state"));
    (void)k2_json_as_int(k2_json_get(role, "since_ns"), &r->last_ns);
    snprintf(r->detail, sizeof r->detail, "%s%.400s%s%.400s", why[0] ? "failed: " : "", why,
             why[0] && detail[0] ? "; " : "", detail);
}

static void put_roles(struct health *h, const struct k2_json *status) {
    const struct k2_json *roles = k2_json_get(status, "roles");
    const char *http = text_of(status, "http");
    if (http[0]) {
        struct health_row *r = health_add(h, HEALTH_PROCESS, "http");
        snprintf(r->detail, sizeof r->detail, "%.200s", http);
    }
    for (size_t i = 0; i < k2_json_count(roles); i++)
        put_role(h, k2_json_at(roles, i));
}

void status_roles(const char *data, struct health *h) {
    struct k2_json *status;
    look_at_locks(data, h);
    if (role_status(data, &status, NULL) != K2_OK)
        return; /* no k2 up runs here */
    put_roles(h, status);
    k2_json_free(status);
}

const struct health_row *status_look(const struct verb_context *c, struct health *h) {
    const struct health_limits limits = {
        .max_lag_ns = k2_config_int(c->config, K2_CONFIG_status_max_lag),
        .min_free_percent = k2_config_int(c->config, K2_CONFIG_status_min_free),
        .now_ns = k2_now_ns(),
    };
    status_roles(c->data, h);
    health_look(c->data, &limits, h);
    return health_weigh(h);
}
