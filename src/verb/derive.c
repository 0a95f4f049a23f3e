/* verb/derive.c - `k2 derive`: totals that count each record of the journal once. */
#include "role/role.h"
#include "verb/signals.h"
#include "verb/verbs.h"

#define EVERY K2_NS_PER_SEC

static const char *const names[] = {"volume", "pnl", NULL};

static K2_RC read_what(const struct verb_context *c, enum derive_what *what, struct k2_err *err) {
    for (int i = 0; i < DERIVE_COUNT; i++) {
        *what = (enum derive_what)i;
        if (strcmp(c->args[0], derive_name(*what)) == 0)
            return K2_OK;
    }
    const char *best = k2_nearest(c->args[0], names, DERIVE_COUNT);
    return k2_fail(err, K2_E_USAGE, "'%s' is neither volume nor pnl%s%s", c->args[0],
                   best ? "; did you mean " : "", best ? best : "");
}

static K2_RC derive_now(struct verb_context *c, enum derive_what what, struct derive_report *report,
                        struct k2_err *err) {
    const struct role_writer_options o = {.command = c->name};
    struct role_writer *w;
    K2_TRY(role_writer_open(c->data, c->config, &o, &w, err));
    int rc = role_writer_derive(w, what, report, err);
    role_writer_close(w);
    return rc;
}

static K2_RC run_once(struct verb_context *c, enum derive_what what, struct k2_err *err) {
    struct derive_report r;
    K2_TRY(derive_now(c, what, &r, err));
    printf("%lld records read, %lld totals written\n", (long long)r.records, (long long)r.rows);
    return K2_OK;
}

/* Between two rounds the journal is anybody's. */
static K2_RC follow(struct verb_context *c, enum derive_what what, struct k2_err *err) {
    int64_t records = 0, rows = 0;
    signals_hold();
    do {
        struct derive_report r = {0};
        k2_err_clear(err);
        int rc = derive_now(c, what, &r, err);
        if (rc != K2_OK && rc != K2_E_LOCKED)
            return rc;
        records += r.records;
        rows += r.rows;
    } while (!signals_sleep(EVERY));
    k2_err_clear(err);
    printf("%lld records read, %lld totals written\n", (long long)records, (long long)rows);
    return K2_OK;
}

/* --- --verify --- */

struct check {
    struct verb_context *c;
    struct journal *journal;
    enum derive_what what;
    struct query_derived found;
    int rc;
    struct k2_err why;
};

static void tell(void *ctx, const char *text) {
    const struct check *k = ctx;
    verb_print_line(stdout, derive_name(k->what), text);
}

static void check_exchange(void *ctx, struct k2_sv exchange) {
    struct check *k = ctx;
    const struct derive_past past = query_past(k->c->data);
    struct derive *d;
    if (k->rc != K2_OK)
        return;
    k->rc = derive_open(k->journal, k->what, exchange, &past, &d, &k->why);
    if (k->rc != K2_OK)
        return;
    k->rc = query_derived_check(k->c->data, d, k->journal, k->what, exchange, tell, k, &k->found,
                                &k->why);
    derive_close(d);
}

static K2_RC verify(struct verb_context *c, enum derive_what what, struct k2_err *err) {
    struct check k = {.c = c, .what = what};
    K2_TRY(verb_journal(c, JOURNAL_READ, &k.journal, err));
    int rc = derive_exchanges(k.journal, what, check_exchange, &k, err);
    journal_close(k.journal);
    K2_TRY(rc);
    if (k.rc != K2_OK)
        return k2_fail(err, k.rc, "%s", k.why.msg);
    if (k.found.different > 0)
        return k2_fail(err, K2_E_DATA,
                       "the totals are not what the tables say: %lld lines are on one side only",
                       (long long)k.found.different);
    printf("%lld totals are what the tables say\n", (long long)k.found.totals);
    return K2_OK;
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct journal *j;
    enum derive_what what;
    bool followed = verb_flag(c, "follow"), verified = verb_flag(c, "verify");
    K2_TRY(read_what(c, &what, err));
    if (followed + verified + verb_flag(c, "once") > 1)
        return k2_fail(err, K2_E_USAGE, "--once, --follow and --verify exclude each other");
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err)); /* it is there, and nothing new is made */
    journal_close(j);
    if (verified)
        return verify(c, what, err);
    return followed ? follow(c, what, err) : run_once(c, what, err);
}

static const struct verb_option options[] = {
    {"once", NULL, NULL, "up to what the journal holds now, then end (without words too)", NULL, 0},
    {"follow", NULL, NULL, "go on, with a look each second, until SIGINT", NULL, 0},
    {"verify", NULL, NULL, "compare the totals with the same by SQL over the tables", NULL, 0},
    {0}};

static const char *const examples[] = {"k2 derive volume", "k2 derive pnl --once",
                                       "k2 derive pnl --verify", NULL};

const struct verb verb_derive = {
    .name = "derive",
    .summary = "traded volume and profit, each record counted exactly once",
    .usage = "volume|pnl [--once|--follow|--verify]",
    .about = "volume: trades, quantity and price * quantity of each symbol and session date, less\n"
             "what was busted (table volumes). pnl: position and realised profit of each account\n"
             "and symbol, first in first out, and fees (table pnl). What is new in the journal is\n"
             "added to the totals, which are written back to it with the positions they hold for:\n"
             "both or neither, whatever is killed when. The last row of a total is the truth.\n"
             "While k2 up runs it goes through that; [derive] volume = true makes it do so always.",
    .options = options,
    .examples = examples,
    .data_exit = "--verify: a total is not what the tables say",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
