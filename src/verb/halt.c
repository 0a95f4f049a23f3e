/* verb/halt.c - `k2 halt`: the roles of a running k2 up that failed or stopped themselves, and trying them again. */
#include "role/role.h"
#include "verb/listing.h"
#include "verb/verbs.h"

static const char *text_of(const struct k2_json *v, const char *key) {
    struct k2_sv s;
    return k2_json_as_string(k2_json_get(v, key), &s) ? s.p : "";
}

static bool is_halted(const struct k2_json *role) {
    const char *state = text_of(role, "state");
    return strcmp(state, agent_state_name(AGENT_DOWN)) == 0 ||
           strcmp(state, agent_state_name(AGENT_DEGRADED)) == 0;
}

static void put_role(struct listing *l, const struct k2_json *role) {
    int64_t since = 0, failures = 0;
    (void)k2_json_as_int(k2_json_get(role, "since_ns"), &since);
    (void)k2_json_as_int(k2_json_get(role, "failures"), &failures);
    listing_cstring(l, text_of(role, "name"));
    listing_cstring(l, text_of(role, "state"));
    listing_time(l, since);
    listing_count(l, failures);
    listing_cstring(l, text_of(role, "why"));
}

static K2_RC list_roles(struct verb_context *c, const struct k2_json *roles, struct k2_err *err) {
    static const struct listing_column columns[] = {{"role", NULL},
                                                    {"state", NULL},
                                                    {"since", "since (UTC)"},
                                                    {"failures", NULL},
                                                    {"why", NULL}};
    struct listing *l;
    size_t halted = 0;
    K2_TRY(listing_open(c, columns, 5, &l, err));
    for (size_t i = 0; i < k2_json_count(roles); i++) {
        const struct k2_json *role = k2_json_at(roles, i);
        if (!is_halted(role))
            continue;
        put_role(l, role);
        halted++;
    }
    K2_TRY(listing_close(l, err));
    if (halted == 0)
        verb_note(c, k2_json_count(roles) ? "every role of k2 up is at work"
                                          : "no k2 up runs here, so nothing can be halted");
    return K2_OK;
}

static K2_RC run_list(struct verb_context *c, struct k2_err *err) {
    struct k2_json *status = NULL;
    int rc = role_status(c->data, &status, err);
    if (rc == K2_E_NOTFOUND) {
        k2_err_clear(err);
        rc = K2_OK;
    }
    if (rc == K2_OK)
        rc = list_roles(c, k2_json_get(status, "roles"), err);
    k2_json_free(status);
    return rc;
}

static K2_RC run_resume(struct verb_context *c, struct k2_err *err) {
    K2_TRY(role_resume(c->data, c->args[0], err));
    verb_note(c, "%s is tried again; k2 halt list tells whether it works", c->args[0]);
    return K2_OK;
}

static const struct verb_option options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const char *const examples[] = {"k2 halt list", "k2 halt list --format json", NULL};

static const struct verb list = {
    .name = "list",
    .summary = "roles and feeds that failed or stopped themselves, since when, and why",
    .usage = "",
    .about =
        "degraded: it failed and tries again by itself. down: trying again would not mend it, as\n"
        "with damaged data; it waits for k2 halt resume, SIGHUP or a restart. No role takes "
        "another\n"
        "one with it, and none loses what the journal holds.",
    .options = options,
    .examples = examples,
    .run = run_list,
};

static const struct verb_option no_options[] = {{0}};
static const char *const resume_examples[] = {
    "k2 up --simulate 10 >up.out 2>up.log & sleep 1; k2 halt resume sink; kill %1", NULL};

static const struct verb resume = {
    .name = "resume",
    .summary = "try a role or a feed again at once",
    .usage = "ROLE",
    .about = "ROLE as k2 status names it: sink, maintenance, feed.NAME ...",
    .options = no_options,
    .examples = resume_examples,
    .min_args = 1,
    .max_args = 1,
    .run = run_resume,
};

static const struct verb *const subs[] = {&list, &resume, NULL};

const struct verb verb_halt = {
    .name = "halt",
    .summary = "what of k2 up stopped itself and why, and trying it again",
    .usage = "list|resume",
    .options = options,
    .examples = examples,
    .subs = subs,
    .run = run_list,
};
