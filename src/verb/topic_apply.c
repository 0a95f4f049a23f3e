/* verb/topic_apply.c - `k2 topic apply`: the topics as a profile has them. */
#include "verb/listing.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include <stdlib.h>
#include <unistd.h>

struct apply {
    const struct journal_profile *profile;
    struct listing *list;
    int mendable, fixed; /* what differs and was listed */
};

static const char *const fits[] = {
    [JOURNAL_FITS] = "fits",
    [JOURNAL_MENDED] = "mended",
    [JOURNAL_DIFFERS] = "k2 topic apply --yes",
};

static void count(struct apply *a, enum journal_fit fit) {
    a->mendable += fit == JOURNAL_DIFFERS;
    a->fixed += fit == JOURNAL_FIXED;
}

static void put(void *ctx, const struct journal_property *p) {
    struct apply *a = ctx;
    count(a, p->fit);
    if (p->fit == JOURNAL_FITS)
        return;
    listing_cstring(a->list, p->topic);
    listing_cstring(a->list, p->name);
    listing_cstring(a->list, p->is);
    listing_cstring(a->list, p->should);
    listing_cstring(a->list, p->fit == JOURNAL_FIXED ? p->how : fits[p->fit]);
}

static void only_count(void *ctx, const struct journal_property *p) {
    count(ctx, p->fit);
}

/* --- retention: of the processes, not of the topics --- */

/* What journal.retention should be: --retention, or anything in the profile's range. */
static K2_RC retention_range(const struct verb_context *c, const struct journal_profile *p,
                             int64_t *least, int64_t *most, struct k2_err *err) {
    char from[HUMAN_TEXT], to[HUMAN_TEXT];
    const char *given = verb_value(c, "retention");
    *least = p->retention_ns;
    *most = p->longest_ns;
    if (!given)
        return K2_OK;
    int64_t asked;
    K2_TRY(words_span("retention", given, &asked, err));
    if (asked < *least || asked > *most)
        return k2_fail(err, K2_E_USAGE, "--retention %s: profile %s keeps %s to %s", given, p->name,
                       human_span(*least, from), human_span(*most, to));
    *least = *most = asked;
    return K2_OK;
}

static void put_retention(const struct verb_context *c, struct apply *a, int64_t least,
                          int64_t most) {
    int64_t is = k2_config_int(c->config, K2_CONFIG_journal_retention);
    char text[HUMAN_TEXT], from[HUMAN_TEXT], to[HUMAN_TEXT], should[3 * HUMAN_TEXT];
    if (is >= least && is <= most)
        return;
    human_span(least, from);
    if (least == most)
        snprintf(should, sizeof should, "%s", from);
    else
        snprintf(should, sizeof should, "%s to %s", from, human_span(most, to));
    put(a, &(struct journal_property){
               .topic = NULL,
               .name = "journal.retention",
               .is = human_span(is, text),
               .should = should,
               .fit = JOURNAL_FIXED,
               .how = "retention under [journal] in the configuration of k2 up and k2 maintain"});
}

/* --- the command --- */

static K2_RC list_drift(struct verb_context *c, struct journal *j, struct apply *a, bool mend,
                        struct k2_err *err) {
    static const struct listing_column columns[] = {{"topic", NULL},
                                                    {"property", NULL},
                                                    {"is", NULL},
                                                    {"should", "should be"},
                                                    {"by", "changed by"}};
    int64_t least, most;
    K2_TRY(retention_range(c, a->profile, &least, &most, err));
    K2_TRY(listing_open(c, columns, 5, &a->list, err));
    a->mendable = a->fixed = 0;
    int rc = journal_profile_compare(j, a->profile, NULL, mend, put, a, err);
    if (rc != K2_OK) {
        listing_drop(a->list);
        return rc;
    }
    put_retention(c, a, least, most);
    return listing_close(a->list, err);
}

static K2_RC confirm(const struct verb_context *c, const struct apply *a, struct k2_err *err) {
    if (verb_flag(c, "yes"))
        return K2_OK;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return k2_fail(err, K2_E_USAGE,
                       "%d %s of topics would be set: say --yes, or --dry-run to see them",
                       a->mendable, human_word(a->mendable, "property", "properties"));
    fprintf(stderr, "Set %d %s of topics as profile %s has them? [y/N] ", a->mendable,
            human_word(a->mendable, "property", "properties"), a->profile->name);
    int answer = getchar();
    return answer == 'y' || answer == 'Y' ? K2_OK
                                          : k2_fail(err, K2_E_CANCELLED, "nothing was changed");
}

static K2_RC conclude(const struct verb_context *c, const struct apply *a, struct k2_err *err) {
    int left = a->mendable + a->fixed;
    if (left > 0)
        return k2_fail(err, K2_E_DATA, "%d %s not as profile %s has them", left,
                       human_word(left, "property is", "properties are"), a->profile->name);
    verb_note(c, "every topic is as profile %s has it", a->profile->name);
    return K2_OK;
}

static K2_RC apply(struct verb_context *c, struct journal *j, struct k2_err *err) {
    struct apply a;
    K2_TRY(journal_profile_find(verb_value(c, "profile"), &a.profile, err));
    a = (struct apply){.profile = a.profile ? a.profile : journal_profile(j)};
    bool mend = !verb_flag(c, "dry-run");
    K2_TRY(journal_profile_compare(j, a.profile, NULL, false, only_count, &a, err));
    if (mend && a.mendable > 0)
        K2_TRY(confirm(c, &a, err));
    if (journal_is_local())
        verb_note(c, "a journal in the data directory has partitions and journal.retention; "
                     "replicas and settings are Kafka's and do not apply");
    K2_TRY(list_drift(c, j, &a, mend, err));
    if (a.profile != journal_profile(j))
        verb_note(c, "new topics are made by profile %s: journal.profile",
                  journal_profile(j)->name);
    return conclude(c, &a, err);
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct journal *j;
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err));
    int rc = apply(c, j, err);
    journal_close(j);
    return rc;
}

static const char *const profiles[] = {"auto", "dev", "production", NULL};

static const struct verb_option options[] = {
    {"profile", "PROFILE", NULL, "dev, production or auto; else journal.profile", profiles, 0},
    {"retention", "SPAN", NULL, "what journal.retention is to be, within the profile's range", NULL,
     0},
    {"dry-run", NULL, NULL, "list what differs, change nothing", NULL, 0},
    {"yes", NULL, NULL, "do not ask", NULL, 0},
    VERB_FORMAT,
    VERB_OUT,
    {0}};

static const char *const examples[] = {"k2 topic apply --profile dev --dry-run",
                                       "k2 topic apply --yes --format json", NULL};

const struct verb verb_topic_apply = {
    .name = "apply",
    .summary = "make the topics as a profile has them, and list what cannot be",
    .usage = "[--profile PROFILE] [--retention SPAN] [--dry-run]",
    .about = "dev: 3 partitions, 1 replica. production: 12 partitions, 3 replicas of which 2 must "
             "have\n"
             "a record before it is acknowledged, zstd, 90 to 365 days. auto is production where "
             "the\n"
             "cluster has 3 brokers. In both Kafka itself deletes nothing: k2 maintain does, when "
             "the\n"
             "tables are proven to hold it. Partitions and replicas of a topic that exists are "
             "listed,\n"
             "never changed. Of a journal in the data directory only the partitions and\n"
             "journal.retention apply.",
    .options = options,
    .examples = examples,
    .data_exit = "something is not as the profile has it",
    .run = run,
};
