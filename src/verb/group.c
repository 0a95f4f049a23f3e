/* verb/group.c - `k2 group`: the consumer groups of the journal, how far they have read; forgetting one. */
#include "verb/listing.h"
#include "verb/verbs.h"

#include "base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Records of one partition that the group has not read. */
static int partition_lag(struct journal *j, const struct journal_topic *t, int32_t partition,
                         int64_t from, int64_t *lag, struct k2_err *err) {
    size_t size = (size_t)t->partitions * sizeof(int64_t);
    int64_t *starts = k2_zalloc(size), *ends = k2_zalloc(size);
    int rc = journal_starts(j, t->id, starts, err);
    if (rc == K2_OK)
        rc = journal_ends(j, t->id, ends, err);
    int64_t next = from > starts[partition] ? from : starts[partition];
    *lag = rc == K2_OK && ends[partition] > next ? ends[partition] - next : 0;
    free(starts);
    free(ends);
    return rc;
}

static int put_position(struct listing *l, struct journal *j, const char *group,
                        const struct journal_span *at, struct k2_err *err) {
    int64_t lag, saved = journal_group_saved_ns(j, group);
    if (at->topic < 0 || at->topic >= journal_topic_count(j))
        return K2_OK; /* a topic of the future: this reader is older than the group */
    struct journal_topic t = journal_topic_at(j, at->topic);
    if (at->partition < 0 || at->partition >= t.partitions)
        return K2_OK;
    K2_TRY(partition_lag(j, &t, at->partition, at->from, &lag, err));
    listing_cstring(l, group);
    listing_cstring(l, t.name);
    listing_number(l, at->partition);
    listing_number(l, at->from);
    listing_count(l, lag);
    if (saved >= 0)
        listing_time(l, saved);
    else
        listing_null(l);
    return K2_OK;
}

static int put_group(struct listing *l, struct journal *j, const char *group, struct k2_err *err) {
    struct journal_span *spans;
    int n;
    K2_TRY(journal_position_load(j, group, &spans, &n, err));
    int rc = K2_OK;
    for (int i = 0; rc == K2_OK && i < n; i++)
        rc = put_position(l, j, group, &spans[i], err);
    free(spans);
    return rc;
}

static int put_groups(struct listing *l, struct journal *j, struct k2_err *err) {
    char **names;
    size_t n;
    K2_TRY(journal_groups(j, &names, &n, err));
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < n; i++)
        rc = put_group(l, j, names[i], err);
    k2_fs_names_free(names, n);
    return rc;
}

static int list_groups(struct verb_context *c, struct journal *j, struct k2_err *err) {
    static const struct listing_column columns[] = {{"group", NULL},     {"topic", NULL},
                                                    {"partition", NULL}, {"offset", NULL},
                                                    {"lag", NULL},       {"saved", "saved (UTC)"}};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 6, &l, err));
    int rc = put_groups(l, j, err);
    if (rc == K2_OK)
        return listing_close(l, err);
    listing_drop(l);
    return rc;
}

static int run_list(struct verb_context *c, struct k2_err *err) {
    struct journal *j;
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err));
    int rc = list_groups(c, j, err);
    journal_close(j);
    return rc;
}

/* --- remove --- */

static K2_RC confirm(const struct verb_context *c, const char *group, struct k2_err *err) {
    if (verb_flag(c, "yes"))
        return K2_OK;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return k2_fail(err, K2_E_USAGE, "retention may then remove what %s has not read: say --yes",
                       group);
    fprintf(stderr, "Forget %s, so that retention may remove what it has not read? [y/N] ", group);
    int answer = getchar();
    return answer == 'y' || answer == 'Y' ? K2_OK
                                          : k2_fail(err, K2_E_CANCELLED, "nothing was removed");
}

static int run_remove(struct verb_context *c, struct k2_err *err) {
    const char *group = c->args[0];
    struct journal *j;
    if (strcmp(group, "sink") == 0)
        return k2_fail(err, K2_E_INVALID, "the group sink is what fills the tables: it stays");
    K2_TRY(confirm(c, group, err));
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err));
    int rc = journal_group_remove(j, group, err);
    journal_close(j);
    return rc;
}

static const struct verb_option options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const char *const examples[] = {"k2 group list", "k2 group list --format json", NULL};

static const struct verb list = {
    .name = "list",
    .summary = "each group's next offset and lag, partition by partition",
    .usage = "",
    .about =
        "The lag is what the journal holds and the group has not read. A group that stays behind\n"
        "keeps k2 maintain from removing what it has not read.",
    .options = options,
    .examples = examples,
    .run = run_list,
};

static const struct verb_option remove_options[] = {{"yes", NULL, NULL, "do not ask", NULL, 0},
                                                    {0}};

static const char *const remove_examples[] = {"k2 group remove raw.binance.1adc9a30 --yes", NULL};

static const struct verb remove_group = {
    .name = "remove",
    .summary = "forget a group that nobody reads for any more",
    .usage = "GROUP",
    .about = "A live source that was given up leaves its group raw.EXCHANGE.HASH behind, and what "
             "it has\n"
             "not read stays in the journal. One that is at work comes back by itself.",
    .min_args = 1,
    .max_args = 1,
    .options = remove_options,
    .examples = remove_examples,
    .run = run_remove,
};

static const struct verb *const subs[] = {&list, &remove_group, NULL};

const struct verb verb_group = {
    .name = "group",
    .summary = "who reads the journal, and how far",
    .usage = "list|remove",
    .options = options,
    .examples = examples,
    .subs = subs,
    .run = run_list,
};
