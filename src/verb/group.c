/* verb/group.c - `k2 group`: the consumer groups of the journal, how far they have read; forgetting one.
 * describe and seek have files of their own. */
#include "verb/group.h"
#include "verb/listing.h"
#include "verb/verbs.h"

#include "base/clock.h"
#include "base/fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int group_place(struct journal *j, const struct journal_span *at, int64_t now_ns, bool *known,
                struct group_place *out, struct k2_err *err) {
    *known = at->topic >= 0 && at->topic < journal_topic_count(j);
    if (*known)
        out->topic = journal_topic_at(j, at->topic);
    *known = *known && at->partition >= 0 && at->partition < out->topic.partitions;
    if (!*known)
        return K2_OK;
    size_t n = (size_t)out->topic.partitions;
    int64_t append_ns = 0, *starts = k2_zalloc(2 * n * sizeof *starts), *ends = starts + n;
    int rc = journal_starts(j, at->topic, starts, err);
    if (rc == K2_OK)
        rc = journal_ends(j, at->topic, ends, err);
    out->start = starts[at->partition];
    out->end = ends[at->partition];
    free(starts);
    K2_TRY(rc);
    int64_t next = at->from > out->start ? at->from : out->start;
    out->lag = out->end > next ? out->end - next : 0;
    if (out->lag > 0)
        K2_TRY(journal_append_at(j, at->topic, at->partition, next, &append_ns, err));
    out->behind_ns = append_ns > 0 && now_ns > append_ns ? now_ns - append_ns : 0;
    return K2_OK;
}

int64_t group_seconds(const struct group_place *p) {
    return p->behind_ns / K2_NS_PER_SEC;
}

bool group_holder(const struct verb_context *c, const char *group, char out[256]) {
    static const struct {
        const char *begins, *lock;
    } roles[] = {{"raw.", "run/journal.lock"}, {"sink", "run/up.lock"}};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        struct k2_lock_holder h = {0};
        char *path = k2_path(c->data, roles[i].lock);
        bool held = k2_sv_starts(k2_sv_of(group), k2_sv_of(roles[i].begins)) &&
                    k2_lock_look(path, &h, NULL) == K2_OK && h.pid > 0 && h.alive;
        free(path);
        if (held) {
            snprintf(out, 256, "%s, pid %lld", h.command, (long long)h.pid);
            return true;
        }
    }
    return false;
}

/* --- list --- */

static int put_position(struct listing *l, const struct verb_context *c, struct journal *j,
                        const char *group, const struct journal_span *at, struct k2_err *err) {
    int64_t saved = journal_group_saved_ns(j, group);
    struct group_place p;
    bool known;
    K2_TRY(group_place(j, at, c->now_ns, &known, &p, err));
    if (!known)
        return K2_OK;
    listing_cstring(l, group);
    listing_cstring(l, p.topic.name);
    listing_number(l, at->partition);
    listing_number(l, at->from);
    listing_count(l, p.lag);
    listing_count(l, group_seconds(&p));
    if (saved >= 0)
        listing_time(l, saved);
    else
        listing_null(l);
    return K2_OK;
}

static int put_group(struct listing *l, const struct verb_context *c, struct journal *j,
                     const char *group, struct k2_err *err) {
    struct journal_span *spans;
    int n;
    K2_TRY(journal_position_load(j, group, &spans, &n, err));
    int rc = K2_OK;
    for (int i = 0; rc == K2_OK && i < n; i++)
        rc = put_position(l, c, j, group, &spans[i], err);
    free(spans);
    return rc;
}

static int put_groups(struct listing *l, const struct verb_context *c, struct journal *j,
                      struct k2_err *err) {
    char **names;
    size_t n;
    K2_TRY(journal_groups(j, &names, &n, err));
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < n; i++)
        rc = put_group(l, c, j, names[i], err);
    k2_fs_names_free(names, n);
    return rc;
}

static int list_groups(struct verb_context *c, struct journal *j, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"group", NULL},         {"topic", NULL}, {"partition", NULL},
        {"offset", NULL},        {"lag", NULL},   {"lag_seconds", "behind (s)"},
        {"saved", "saved (UTC)"}};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 7, &l, err));
    int rc = put_groups(l, c, j, err);
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
    .about = "The lag is what the journal holds and the group has not read, and how long ago the "
             "first of\n"
             "it was appended. A group that stays behind\n"
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

static const struct verb *const subs[] = {&list, &verb_group_describe, &verb_group_seek,
                                          &remove_group, NULL};

const struct verb verb_group = {
    .name = "group",
    .summary = "who reads the journal, and how far",
    .usage = "list|describe|seek|remove",
    .options = options,
    .examples = examples,
    .subs = subs,
    .run = run_list,
};
