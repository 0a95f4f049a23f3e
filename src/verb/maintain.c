/* verb/maintain.c - `k2 maintain`: journal retention behind its fence. */
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
                       "it removes journal segments: say --yes, or --dry-run to "
                       "see what would go");
    fprintf(stderr, "Remove journal segments that every table is proven to hold? [y/N] ");
    int answer = getchar();
    return answer == 'y' || answer == 'Y' ? K2_OK
                                          : k2_fail(err, K2_E_CANCELLED, "nothing was removed");
}

static void print_report(const struct verb_context *c, const struct retain_report *r) {
    printf("%d segments %s\n", r->removed,
           verb_flag(c, "dry-run") ? "would go" : "removed; their digests are kept");
    if (r->stopped[0])
        printf("the next one stays: %s\n", r->stopped);
}

static K2_RC retain(struct verb_context *c, struct journal *j, struct k2_err *err) {
    int64_t older_than = 0;
    struct query_engine *q;
    struct retain_report r;
    K2_TRY(limits(c, &older_than, err));
    K2_TRY(query_open(c->data, NULL, &q, err));
    int rc = retain_run(j, c->data, q, older_than, 0, verb_flag(c, "dry-run"), &r, err);
    query_close(q);
    if (rc == K2_OK)
        print_report(c, &r);
    return rc;
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct journal *j;
    K2_TRY(confirm(c, err));
    K2_TRY(verb_journal(c, JOURNAL_WRITE, &j, err));
    int rc = retain(c, j, err);
    journal_close(j);
    return rc;
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
    .summary = "remove old journal segments that the tables are proven to hold",
    .usage = "[--older-than SPAN] [--dry-run]",
    .about =
        "A sealed segment goes only when every table's offsets cover it, every consumer group\n"
        "has read it, and its digest equals that of the table's rows, read back at that moment.\n"
        "The digest stays: k2 reconcile goes on proving these rows.",
    .options = options,
    .examples = examples,
    .run = run,
};
