/* role/platform.c - the roles of `k2 up` put together; see role.h. */
#include "role/role.h"

#include "base/fs.h"
#include "role/alert.h"
#include "role/deriving.h"
#include "role/feeder.h"
#include "role/hub.h"
#include "role/intake_plan.h"
#include "role/line.h"
#include "role/maintainer.h"
#include "role/recover.h"
#include "role/sinker.h"

#include <stdlib.h>
#include <unistd.h>

enum { MOST_VIEWS = 256 };

struct role_platform {
    char *data, *http;
    struct k2_lock *lock;
    struct alerter *alerter;
    struct feeder *feeder;
    struct recoverer *recoverer;
    struct sinker *sinker;
    struct maintainer *maintainer;
    struct deriving *deriving;
    struct hub *hub;
    int64_t started_ns;
};

/* --- what it says of itself --- */

int role_platform_views(struct role_platform *p, struct agent_view *out, int max) {
    int n = 0;
    for (struct agent *a; n < max && (a = role_platform_agent(p, n)) != NULL; n++)
        out[n] = agent_view(a);
    return n + feeder_views(p->feeder, out + n, max - n);
}

static struct k2_json *view_json(const struct agent_view *view) {
    struct k2_json *v = k2_json_object();
    k2_json_set(v, "name", k2_json_cstring(view->name));
    k2_json_set(v, "state", k2_json_cstring(agent_state_name(view->state)));
    k2_json_set(v, "since_ns", k2_json_int(view->since_ns));
    k2_json_set(v, "why", k2_json_cstring(view->why));
    k2_json_set(v, "detail", k2_json_cstring(view->detail));
    k2_json_set(v, "failures", k2_json_int(view->failures));
    return v;
}

static struct k2_json *status(void *ctx) {
    struct role_platform *p = ctx;
    struct agent_view *views = k2_alloc(MOST_VIEWS * sizeof *views);
    struct k2_json *v = k2_json_object(), *roles = k2_json_array();
    int n = role_platform_views(p, views, MOST_VIEWS);
    for (int i = 0; i < n; i++)
        k2_json_append(roles, view_json(&views[i]));
    free(views);
    k2_json_set(v, "pid", k2_json_int(getpid()));
    k2_json_set(v, "version", k2_json_cstring(K2_VERSION));
    k2_json_set(v, "started_ns", k2_json_int(p->started_ns));
    k2_json_set(v, "http", k2_json_cstring(p->http ? p->http : ""));
    k2_json_set(v, "roles", roles);
    return v;
}

static bool resume(void *ctx, const char *name) {
    struct role_platform *p = ctx;
    struct agent *a;
    for (int i = 0; (a = role_platform_agent(p, i)) != NULL; i++) {
        if (strcmp(agent_view(a).name, name) == 0) {
            agent_resume(a);
            return true;
        }
    }
    return feeder_resume(p->feeder, name);
}

bool role_runs(const char *data) {
    struct line *l = NULL;
    bool runs = line_connect(data, &l, NULL) == K2_OK;
    line_close(l);
    return runs;
}

/* One request, one answer. Gives the answer. */
static K2_RC ask(const char *data, struct k2_json *request, struct k2_json **answer,
                 struct k2_err *err) {
    struct line *l;
    *answer = NULL;
    int rc = line_connect(data, &l, err);
    if (rc != K2_OK) {
        k2_json_free(request);
        return rc;
    }
    rc = line_send(l, request, -1, err);
    if (rc == K2_OK)
        rc = line_receive(l, answer, NULL, err);
    if (rc == K2_OK && !*answer)
        rc = k2_fail(err, K2_E_FAILED, "the running k2 up did not answer");
    if (rc == K2_OK)
        rc = request_error_read(*answer, err);
    line_close(l);
    return rc;
}

int role_status(const char *data, struct k2_json **out, struct k2_err *err) {
    struct k2_json *request = k2_json_object(), *answer;
    k2_json_set(request, "do", k2_json_cstring("status"));
    int rc = ask(data, request, &answer, err);
    *out = rc == K2_OK ? k2_json_copy(k2_json_get(answer, "done")) : NULL;
    k2_json_free(answer);
    return rc;
}

int role_resume(const char *data, const char *role, struct k2_err *err) {
    struct k2_json *request = k2_json_object(), *answer;
    k2_json_set(request, "do", k2_json_cstring("resume"));
    k2_json_set(request, "role", k2_json_cstring(role));
    int rc = ask(data, request, &answer, err);
    k2_json_free(answer);
    return rc;
}

/* --- opening --- */

struct findings {
    void (*tell)(void *ctx, const char *text);
    void *ctx;
    int n;
};

static void count_finding(void *ctx, const char *text) {
    struct findings *f = ctx;
    f->n++;
    f->tell(f->ctx, text);
}

int role_platform_check(const struct k2_config *config, void (*tell)(void *ctx, const char *text),
                        void *ctx) {
    struct findings found = {tell, ctx, 0};
    for (int i = 0; i < k2_config_named_count(config, "feed"); i++) {
        struct intake_plan plan;
        intake_plan_read(config, i, &plan);
        if (plan.enabled)
            (void)!intake_plan_check(&plan, count_finding, &found, NULL);
        intake_plan_free(&plan);
    }
    return found.n;
}

static K2_RC take_lock(struct role_platform *p, struct k2_err *err) {
    char *run = k2_path(p->data, "run");
    char *path = k2_path(run, "up.lock");
    int rc = k2_fs_mkdirs(run, err);
    if (rc == K2_OK)
        rc = k2_lock_take(path, "k2 up", &p->lock, err);
    free(path);
    free(run);
    return rc;
}

/* So that the first question finds the tables, empty as they are. */
static K2_RC make_tables(const char *data, struct k2_err *err) {
    struct lake *l;
    K2_TRY(lake_open(data, true, &l, err));
    int rc = K2_OK;
    for (int i = 0; rc == K2_OK && i < K2_KINDS_FROM_THE_START; i++)
        rc = lake_table_ensure(l, k2_kind((enum k2_kind_id)i), err);
    lake_close(l);
    return rc;
}

static void note_rows(void *ctx, int64_t rows) {
    struct role_platform *p = ctx;
    sinker_note(p->sinker, rows);
}

static void note_step(void *ctx, const struct seq_step *step) {
    struct role_platform *p = ctx;
    alerter_note(p->alerter, step);
    recoverer_note(p->recoverer, step);
}

static void free_platform(struct role_platform *p) {
    feeder_free(p->feeder);
    alerter_free(p->alerter);
    recoverer_free(p->recoverer);
    maintainer_free(p->maintainer);
    deriving_free(p->deriving);
    sinker_free(p->sinker);
    k2_lock_release(p->lock);
    free(p->http);
    free(p->data);
    free(p);
}

static K2_RC open_roles(struct role_platform *p, const struct k2_config *config,
                        struct k2_err *err) {
    const struct feeder_hooks hooks = {p, note_rows, note_step};
    K2_TRY(take_lock(p, err));
    K2_TRY(make_tables(p->data, err));
    p->sinker = sinker_new(p->data, config);
    p->alerter = alerter_new(p->data, config);
    K2_TRY(feeder_new(p->data, config, &hooks, &p->feeder, err));
    p->maintainer = maintainer_new(p->data, config, p->feeder);
    p->recoverer = recoverer_new(p->data, config, p->feeder);
    p->deriving = deriving_new(p->data, config, p->feeder);
    return K2_OK;
}

int role_platform_open(const char *data, const struct k2_config *config, struct role_platform **out,
                       struct k2_err *err) {
    struct role_platform *p = k2_zalloc(sizeof *p);
    p->data = k2_strdup(data);
    p->started_ns = k2_now_ns();
    int rc = open_roles(p, config, err);
    if (rc == K2_OK)
        *out = p;
    else
        free_platform(p);
    return rc;
}

/* --- running --- */

struct agent *role_platform_agent(struct role_platform *p, int index) {
    struct agent *const agents[] = {feeder_agent(p->feeder),         sinker_agent(p->sinker),
                                    maintainer_agent(p->maintainer), alerter_agent(p->alerter),
                                    recoverer_agent(p->recoverer),   deriving_agent(p->deriving)};
    return index < 6 ? agents[index] : NULL;
}

void role_platform_set_address(struct role_platform *p, const char *http) {
    free(p->http);
    p->http = k2_strdup(http);
}

int role_platform_start(struct role_platform *p, struct k2_err *err) {
    const struct hub_hooks hooks = {p, status, resume};
    struct agent *a;
    for (int i = 0; (a = role_platform_agent(p, i)) != NULL; i++)
        K2_TRY(agent_start(a, err));
    return hub_open(p->data, p->feeder, &hooks, &p->hub, err);
}

void role_platform_reload(struct role_platform *p, const struct k2_config *config) {
    feeder_reload(p->feeder, config);
    sinker_reload(p->sinker, config);
    alerter_reload(p->alerter, config);
    recoverer_reload(p->recoverer, config);
    maintainer_reload(p->maintainer, config);
    deriving_reload(p->deriving, config);
    struct agent *a;
    for (int i = 0; (a = role_platform_agent(p, i)) != NULL; i++)
        agent_resume(a);
}

/* Commands first, because their jobs need the feeder; then the maintenance, for the same reason. The tables
 * get what the feeder made durable last. */
int role_platform_close(struct role_platform *p, struct k2_err *err) {
    if (!p)
        return K2_OK;
    hub_close(p->hub);
    maintainer_give_up(p->maintainer);
    recoverer_give_up(p->recoverer);
    deriving_give_up(p->deriving);
    agent_stop(deriving_agent(p->deriving));
    agent_stop(recoverer_agent(p->recoverer));
    agent_stop(maintainer_agent(p->maintainer));
    agent_stop(feeder_agent(p->feeder));
    agent_stop(sinker_agent(p->sinker));
    agent_stop(alerter_agent(p->alerter));
    feeder_free(p->feeder);
    p->feeder = NULL;
    int rc = sinker_finish(p->sinker, err);
    free_platform(p);
    return rc;
}
