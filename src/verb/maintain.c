/* verb/maintain.c - `k2 maintain`: journal retention behind its fence, then the tables' upkeep. */
#include "verb/listing.h"
#include "role/role.h"
#include "verb/table.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include "base/clock.h"

#include <unistd.h>

/* The age and size that the command line asks for, else the configuration. */
static K2_RC limits(const struct verb_context *c, int64_t *older_than_ns, struct k2_err *err) {
    int64_t age = k2_config_int(c->config, K2_CONFIG_journal_retention);
    const char *given = verb_value(c, "older-than");
    if (given)
        K2_TRY(words_span("older-than", given, &age, err));
    *older_than_ns = c->now_ns - age;
    return K2_OK;
}

static K2_RC confirm(const struct verb_context *c, struct k2_err *err) {
    if (verb_flag(c, "yes") || verb_flag(c, "dry-run"))
        return K2_OK;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return k2_fail(err, K2_E_USAGE,
                       "it removes journal segments, snapshots and files: say --yes, or "
                       "--dry-run to see what would go");
    fprintf(stderr,
            "Remove journal segments that every table is proven to hold, old snapshots, and "
            "files that no table names? [y/N] ");
    int answer = getchar();
    return answer == 'y' || answer == 'Y' ? K2_OK
                                          : k2_fail(err, K2_E_CANCELLED, "nothing was removed");
}

static void print_report(const struct verb_context *c, const struct retain_report *r) {
    printf("%d %s %s\n", r->removed, human_word(r->removed, "segment", "segments"),
           verb_flag(c, "dry-run") ? "would go" : "removed; all digests are kept");
    if (r->stopped[0])
        printf("the next one stays: %s\n", r->stopped);
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct role_retention o = {.command = c->name, .dry_run = verb_flag(c, "dry-run")};
    struct retain_report r;
    K2_TRY(confirm(c, err));
    K2_TRY(verb_journal_known(c, err));
    K2_TRY(limits(c, &o.older_than_ns, err));
    int rc = role_retain(c->data, &o, &r, err);
    if (rc == K2_E_NOTFOUND && journal_is_local())
        return k2_fail(err, rc, "%s holds no journal; k2 ingest or k2 simulate makes one", c->data);
    K2_TRY(rc);
    print_report(c, &r);
    return table_upkeep(c, o.dry_run, err);
}

static const struct verb_option options[] = {
    {"older-than", "SPAN", NULL, "instead of journal.retention (k2 config show)", NULL, 0},
    {"dry-run", NULL, NULL, "say what would go, remove nothing", NULL, 0},
    {"yes", NULL, NULL, "do not ask", NULL, 0},
    {0}};
static const char *const examples[] = {"k2 maintain --dry-run",
                                       "k2 maintain --older-than 30d --yes", NULL};

const struct verb verb_maintain = {
    .name = "maintain",
    .summary = "remove old journal segments, snapshots and files that nothing needs",
    .usage = "[--older-than SPAN] [--dry-run]",
    .about =
        "A sealed segment goes only when every table's offsets cover it, every consumer group\n"
        "has read it, and its digest equals that of the table's rows, read back at that moment.\n"
        "The digest stays: k2 reconcile goes on proving these rows. Then follows what k2 table\n"
        "expire and k2 table remove-orphans do, for all tables.",
    .options = options,
    .examples = examples,
    .run = run,
};
