/* verb/up.c - `k2 up`: the whole platform in one process. */
#include "role/role.h"
#include "serve/serve.h"
#include "verb/config_check.h"
#include "verb/signals.h"
#include "verb/up_registry.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_PARTS = 256 };
#define LOOK_EVERY (3600 * K2_NS_PER_SEC) /* at nothing: signals end the wait */

struct up {
    struct verb_context *c;
    struct k2_config *config;
    struct role_platform *platform;
    struct serve *serve;
    struct up_registry registry;
};

/* --- the configuration --- */

/* --simulate is a feed like any other, so that a reload finds it again. */
static K2_RC add_simulator(const struct verb_context *c, struct k2_err *err) {
    const char *rate = verb_value(c, "simulate");
    int64_t n;
    char text[32];
    if (!rate)
        return K2_OK;
    K2_TRY(words_count("simulate", rate, 1, &n, err));
    snprintf(text, sizeof text, "%" PRId64, n);
    if (setenv("K2_FEED_SIMULATED_SOURCE", "sim:", 1) != 0 ||
        setenv("K2_FEED_SIMULATED_RATE", text, 1) != 0)
        return k2_fail_errno(err, "the environment cannot be changed");
    return K2_OK;
}

/* In an address there may be a password. */
static void tell_needs_restart(const struct k2_config_entry *a, const struct k2_config_entry *b) {
    struct k2_buf now = {0}, file = {0};
    journal_url_print(a->value, &now);
    journal_url_print(b->value, &file);
    k2_log(K2_LOG_WARN, "needs a restart", "section", a->section, "key", a->key, "now",
           k2_buf_cstr(&now), "file", k2_buf_cstr(&file), NULL);
    k2_buf_free(&now);
    k2_buf_free(&file);
}

/* What the running process cannot take is told, not passed over. */
static void tell_unchanged(const struct k2_config *old, const struct k2_config *fresh) {
    static const enum k2_config_key fixed[] = {
        K2_CONFIG_journal_url,           K2_CONFIG_journal_profile,
        K2_CONFIG_journal_producer,      K2_CONFIG_journal_partitions,
        K2_CONFIG_journal_segment_bytes, K2_CONFIG_ingest_batch_bytes,
        K2_CONFIG_http_listen,           K2_CONFIG_http_enabled,
        K2_CONFIG_http_allow_remote,     K2_CONFIG_registry_url,
        K2_CONFIG_registry_user,         K2_CONFIG_registry_password,
        K2_CONFIG_registry_ca_file,      K2_CONFIG_registry_cache,
        K2_CONFIG_registry_allow_remote};
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        struct k2_config_entry a = k2_config_entry(old, (int)fixed[i]),
                               b = k2_config_entry(fresh, (int)fixed[i]);
        if (strcmp(a.value, b.value) != 0)
            tell_needs_restart(&a, &b);
    }
}

static void log_not_reloaded(void *ctx, const char *why) {
    (void)ctx;
    k2_log(K2_LOG_ERROR, "configuration not reloaded", "why", why, NULL);
}

static void reload(struct up *u) {
    struct k2_config *fresh;
    struct k2_err why = {0};
    int errors;
    if (config_check_load(u->c, log_not_reloaded, NULL, &fresh, &errors, &why) != K2_OK) {
        log_not_reloaded(NULL, why.msg);
        return;
    }
    if (errors > 0) {
        k2_config_free(fresh);
        return;
    }
    tell_unchanged(u->config, fresh);
    (void)!verb_use_tier(fresh, NULL); /* config_check_load has checked it */
    role_platform_reload(u->platform, fresh);
    k2_config_free(u->config);
    u->config = fresh;
    k2_log(K2_LOG_INFO, "configuration reloaded", NULL);
}

/* --- the doors --- */

static enum serve_state state_of(enum agent_state s) {
    static const enum serve_state states[] = {SERVE_STARTING, SERVE_UP, SERVE_DEGRADED, SERVE_DOWN};
    return states[s];
}

static int parts(void *ctx, struct serve_part *out, int max) {
    struct up *u = ctx;
    struct agent_view *views = k2_alloc(MOST_PARTS * sizeof *views);
    int n = role_platform_views(u->platform, views, max < MOST_PARTS ? max : MOST_PARTS);
    for (int i = 0; i < n; i++) {
        struct serve_part *p = &out[i];
        *p = (struct serve_part){.state = state_of(views[i].state), .since_ns = views[i].since_ns};
        snprintf(p->name, sizeof p->name, "%s", views[i].name);
        snprintf(p->why, sizeof p->why, "%.*s", (int)sizeof p->why - 1, views[i].why);
        snprintf(p->detail, sizeof p->detail, "%.*s", (int)sizeof p->detail - 1, views[i].detail);
    }
    free(views);
    return n;
}

static K2_RC registry(void *ctx, struct k2_registry **out, struct k2_err *err) {
    struct up *u = ctx;
    return up_registry_get(&u->registry, out, err);
}

static K2_RC take_address(struct up *u, struct k2_err *err) {
    if (u->serve || !k2_config_int(u->config, K2_CONFIG_http_enabled))
        return K2_OK;
    const struct serve_options o = {
        .listen = k2_config_string(u->config, K2_CONFIG_http_listen),
        .allow_remote = k2_config_int(u->config, K2_CONFIG_http_allow_remote) != 0,
    };
    return serve_listen(&o, &u->serve, err);
}

static K2_RC open_doors(struct up *u, struct k2_err *err) {
    K2_TRY(take_address(u, err));
    if (!u->serve)
        return K2_OK;
    const struct serve_hooks hooks = {
        .ctx = u,
        .data = u->c->data,
        .parts = parts,
        .registry = registry,
        .registry_allow_remote = k2_config_int(u->config, K2_CONFIG_registry_allow_remote) != 0,
    };
    K2_TRY(serve_start(u->serve, &hooks, err));
    struct k2_buf url = {0};
    k2_buf_printf(&url, "http://%s", serve_address(u->serve));
    role_platform_set_address(u->platform, k2_buf_cstr(&url));
    k2_buf_free(&url);
    return K2_OK;
}

/* --- its life --- */

static void greet(const struct up *u) {
    int feeds = k2_config_named_count(u->config, "feed");
    printf("k2 %s runs in %s, pid %ld\n", K2_VERSION, u->c->data, (long)getpid());
    if (u->serve)
        printf("  http    http://%s\n", serve_address(u->serve));
    for (int i = 0; i < feeds; i++)
        printf("  feed    %s from %s%s\n", k2_config_named_name(u->config, "feed", i),
               k2_config_named_string(u->config, K2_CONFIG_feed_source, i),
               k2_config_named_bool(u->config, K2_CONFIG_feed_enabled, i) ? "" : " (not enabled)");
    if (feeds == 0)
        puts("  feed    none yet: [feed.NAME] in the configuration, or k2 up --simulate 1000");
    puts("in another terminal: k2 status, k2 query, k2 ingest FILE; Ctrl-C ends it");
    fflush(stdout);
}

static void wait_for_the_end(struct up *u) {
    for (;;) {
        enum signals_word w = signals_wait(LOOK_EVERY);
        if (w == SIGNALS_STOP)
            return;
        if (w == SIGNALS_RELOAD)
            reload(u);
    }
}

static K2_RC live(struct up *u, struct k2_err *err) {
    K2_TRY(open_doors(u, err));
    K2_TRY(role_platform_start(u->platform, err));
    greet(u);
    wait_for_the_end(u);
    verb_note(u->c, "ending: the last rows go into the tables");
    return K2_OK;
}

static K2_RC run_platform(struct up *u, struct k2_err *err) {
    struct k2_err second = {0};
    /* An address that is taken is told before anything is made. Who runs here already is told by its lock. */
    if (!role_runs(u->c->data))
        K2_TRY(take_address(u, err));
    int rc = role_platform_open(u->c->data, u->config, &u->platform, err);
    if (rc == K2_OK)
        rc = live(u, err);
    serve_close(u->serve);
    up_registry_close(&u->registry);
    int closed = role_platform_close(u->platform, rc == K2_OK ? err : &second);
    return rc == K2_OK ? closed : rc;
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct up u = {.c = c, .registry = {.data = c->data, .mutex = PTHREAD_MUTEX_INITIALIZER}};
    k2_log_setup(c->quiet ? K2_LOG_WARN : K2_LOG_INFO, c->json_logs);
    signals_hold_reload();
    K2_TRY(add_simulator(c, err));
    K2_TRY(config_check_load_or_complain(c, &u.config, err));
    int rc = verb_use(u.config, err);
    if (rc == K2_OK)
        rc = run_platform(&u, err);
    k2_config_free(u.config);
    return rc;
}

static const struct verb_option options[] = {
    {"simulate", "RATE", NULL, "a simulated market of so many events a second, as one more feed",
     NULL, 0},
    {0}};
static const char *const examples[] = {"timeout --preserve-status 3 k2 up --simulate 1000", NULL};

const struct verb verb_up = {
    .name = "up",
    .summary = "run the platform: feeds, sink, maintenance, HTTP",
    .usage = "[--simulate RATE]",
    .about =
        "Reads the feeds of [feed.NAME] sections (k2 config init shows them), brings the tables "
        "up\n"
        "to the journal, removes what is old and proven, and answers HTTP. All other commands "
        "work\n"
        "beside it in other terminals.\n"
        "\n"
        "Killed at any moment it goes on where it was. SIGTERM and Ctrl-C end it after a last\n"
        "commit; SIGHUP reads the configuration again.",
    .options = options,
    .examples = examples,
    .bare = true,
    .run = run,
};
