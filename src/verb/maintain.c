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

static void print_tiered(const struct journal_tier_report *r, bool dry_run) {
    char bytes[HUMAN_TEXT];
    if (r->segments > 0)
        printf("%d %s (%s) %s the object store\n", r->segments,
               human_word(r->segments, "segment", "segments"), human_bytes(r->bytes, bytes),
               dry_run ? "would go to" : "went to");
    if (r->objects > 0)
        printf("%d removed %s from the object store too\n", r->objects,
               human_word(r->objects, "segment is gone", "segments are gone"));
    if (r->stopped[0])
        printf("not tiered: %s\n", r->stopped);
}

/* Where nobody writes we are the writer, who makes the indexes that lack. */
static K2_RC open_to_tier(const struct verb_context *c, bool dry_run, struct journal **out,
                          struct k2_err *err) {
    int rc = dry_run ? K2_E_LOCKED : verb_journal(c, JOURNAL_WRITE, out, err);
    if (rc != K2_E_LOCKED)
        return rc;
    k2_err_clear(err);
    return verb_journal(c, JOURNAL_READ, out, err);
}

/* Segments go to the store behind retention, so that none goes there only to be removed. */
static K2_RC tier(const struct verb_context *c, bool dry_run, struct k2_err *err) {
    const struct journal_tier_options o = {.now_ns = c->now_ns, .dry_run = dry_run};
    struct journal_tier_report r;
    struct journal *j;
    if (!journal_is_local())
        return K2_OK;
    K2_TRY(open_to_tier(c, dry_run, &j, err));
    int rc = journal_tier(j, &o, &r, err);
    journal_close(j);
    if (rc == K2_E_LOCKED) { /* k2 up is at it, and does the same */
        snprintf(r.stopped, sizeof r.stopped, "%.500s", err->msg);
        k2_err_clear(err);
        rc = K2_OK;
    }
    print_tiered(&r, dry_run);
    return rc;
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
    K2_TRY(table_upkeep(c, o.dry_run, err));
    return tier(c, o.dry_run, err);
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
        "The digest stays: k2 reconcile goes on proving these rows. Where journal.tier_url names "
        "an\n"
        "object store, sealed segments that are old enough go there, and are read from there. "
        "Then\n"
        "follows what k2 table expire and k2 table remove-orphans do, for all tables.",
    .options = options,
    .examples = examples,
    .run = run,
};
