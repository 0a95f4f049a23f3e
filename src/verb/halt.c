/* verb/halt.c - `k2 halt`: the roles of a running k2 up that failed or stopped themselves, and the channels that a
 * gap halted, and letting them go on. */
#include "role/role.h"
#include "verb/gap_id.h"
#include "verb/listing.h"
#include "verb/verbs.h"

#include <stdlib.h>

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

/* --- channels --- */

struct halts {
    struct listing *list; /* NULL: looks for `name` */
    const struct seq_engine *engine;
    size_t n;
    const char *name;
    struct k2_buf found; /* the ID of the gap that halts it */
    const char *rest;    /* of that: how what is behind the gap is stored */
};

/* raw_offset: of a file it is a byte, of a live source the offset of its frame. */
static bool is_live(struct k2_sv source) {
    char *text = k2_sv_dup(source);
    bool live = feed_is_live(text) || k2_sv_starts(source, K2_SV("feed:"));
    free(text);
    return live;
}

/* Of a live source nothing has to come again: its bytes are kept. */
static const char *rest_of(struct k2_sv source) {
    if (is_live(source))
        return "what was received meanwhile is kept in the raw topic and stored from there: by k2 "
               "up of its feeds, else when the address is read again (k2 ingest), or by k2 "
               "redecode EXCHANGE --commit";
    return "what was read meanwhile is stored when its file is read again (k2 ingest)";
}

static void put_channel(struct halts *h, const struct seq_step *gap) {
    struct k2_buf name = {0}, why = {0};
    int64_t high =
        seq_engine_high(h->engine, gap->exchange, gap->trade_date, gap->channel, gap->kind);
    ledger_channel_name(gap, &name);
    k2_buf_printf(&why,
                  "gap from %lld to %lld lacks %lld; nothing beyond number %lld is stored until it "
                  "is filled or given up",
                  (long long)gap->from, (long long)gap->to, (long long)gap->missing,
                  (long long)high);
    if (gap->source.n > 0)
        k2_buf_printf(&why, "; behind it: %.*s", K2_SV_ARG(gap->source));
    if (gap->raw_offset != K2_NULL_LONG)
        k2_buf_printf(&why, is_live(gap->source) ? ", offset %lld of the raw topic" : " byte %lld",
                      (long long)gap->raw_offset);
    listing_text(h->list, k2_buf_view(&name));
    listing_cstring(h->list, "halted");
    listing_time(h->list, gap->opened_ns);
    listing_count(h->list, 1);
    listing_text(h->list, k2_buf_view(&why));
    k2_buf_free(&name);
    k2_buf_free(&why);
}

static void see_gap(void *ctx, const struct seq_step *gap) {
    struct halts *h = ctx;
    struct k2_buf name = {0};
    if (!gap->halts)
        return;
    ledger_channel_name(gap, &name);
    if (h->list)
        put_channel(h, gap);
    else if (h->found.n == 0 && k2_sv_eq(k2_buf_view(&name), k2_sv_of(h->name))) {
        ledger_entry_name(gap, &h->found);
        h->rest = rest_of(gap->source);
    }
    h->n++;
    k2_buf_free(&name);
}

static K2_RC look_at_channels(struct verb_context *c, struct halts *h, struct k2_err *err) {
    struct journal *j;
    struct seq_engine *engine = NULL;
    int rc = verb_journal(c, JOURNAL_READ, &j, err);
    if (rc == K2_E_NOTFOUND) {
        k2_err_clear(err);
        return K2_OK;
    }
    K2_TRY(rc);
    rc = journal_sequence(j, &engine, err);
    if (rc == K2_OK) {
        h->engine = engine;
        seq_engine_ledger(engine, see_gap, h);
    }
    seq_engine_free(engine);
    journal_close(j);
    return rc;
}

/* --- list --- */

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
    struct halts h = {.list = l};
    int rc = look_at_channels(c, &h, err);
    if (rc != K2_OK) {
        listing_drop(l);
        return rc;
    }
    K2_TRY(listing_close(l, err));
    if (halted + h.n == 0)
        verb_note(c, k2_json_count(roles)
                         ? "every role of k2 up is at work, and no channel is halted"
                         : "no k2 up runs here, and no channel is halted");
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

/* The gap is given up, so that its channel goes on. */
static K2_RC resume_channel(struct verb_context *c, struct k2_err *err) {
    struct halts h = {.name = c->args[0]};
    int rc = look_at_channels(c, &h, err);
    if (rc == K2_OK && h.found.n == 0)
        rc = k2_fail(err, K2_E_NOTFOUND, "no gap halts a channel %s; k2 halt list names those",
                     c->args[0]);
    if (rc == K2_OK)
        rc = gap_id_mark(c, k2_buf_cstr(&h.found), SEQ_GIVEN_UP, NULL, err);
    if (rc == K2_OK)
        verb_note(c, "%s goes on without %s; %s", c->args[0], k2_buf_cstr(&h.found), h.rest);
    k2_buf_free(&h.found);
    return rc;
}

static K2_RC run_resume(struct verb_context *c, struct k2_err *err) {
    if (strchr(c->args[0], '/'))
        return resume_channel(c, err);
    K2_TRY(role_resume(c->data, c->args[0], err));
    verb_note(c, "%s is tried again; k2 halt list tells whether it works", c->args[0]);
    return K2_OK;
}

static const struct verb_option options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const char *const examples[] = {"k2 halt list", "k2 halt list --format json", NULL};

static const struct verb list = {
    .name = "list",
    .summary = "roles, feeds and channels that failed or stopped, since when, and why",
    .usage = "",
    .about =
        "degraded: it failed and tries again by itself. down: trying again would not mend it, as\n"
        "with damaged data; it waits for k2 halt resume, SIGHUP or a restart. No role takes "
        "another\n"
        "one with it, and none loses what the journal holds.\n"
        "\n"
        "halted: a channel with a gap of more numbers than sequence.halt_above. Nothing beyond "
        "its\n"
        "highest number is stored until the gap is filled, which lets it go on by itself, or "
        "given\n"
        "up by k2 halt resume. Other channels go on. k2 up reads its files again when it goes on,\n"
        "so what was read meanwhile is stored then; a file of k2 ingest has to be given again. "
        "What\n"
        "live sources received meanwhile is kept in their raw topic and stored from there.",
    .options = options,
    .examples = examples,
    .run = run_list,
};

static const struct verb_option no_options[] = {{0}};
static const char *const resume_examples[] = {
    "k2 up --simulate 10 >up.out 2>up.log & sleep 1; k2 halt resume sink; kill %1", NULL};

static const struct verb resume = {
    .name = "resume",
    .summary = "try a role or a feed again at once, or let a channel go on without its gap",
    .usage = "ROLE|CHANNEL",
    .about =
        "ROLE as k2 status names it: sink, maintenance, feed.NAME ...; CHANNEL as k2 halt list\n"
        "names it: EXCHANGE/DATE/CHANNEL/KIND. Its gap is given up; k2 gaps keeps it.",
    .options = no_options,
    .examples = resume_examples,
    .min_args = 1,
    .max_args = 1,
    .run = run_resume,
};

static const struct verb *const subs[] = {&list, &resume, NULL};

const struct verb verb_halt = {
    .name = "halt",
    .summary = "what stopped itself and why, and letting it go on",
    .usage = "list|resume",
    .options = options,
    .examples = examples,
    .subs = subs,
    .run = run_list,
};
