/* verb/topic.c - `k2 topic list` and `describe`; tail is in tail.c. */
#include "verb/listing.h"
#include "verb/records.h"
#include "verb/verbs.h"

#include <stdlib.h>

extern const struct verb verb_topic_tail; /* tail.c */

/* Oldest kept offset and durable end of each partition; gives both arrays. */
static int bounds(struct journal *j, const struct journal_topic *t, int64_t **starts,
                  int64_t **ends, struct k2_err *err) {
    *starts = k2_zalloc((size_t)t->partitions * sizeof **starts);
    *ends = k2_zalloc((size_t)t->partitions * sizeof **ends);
    int rc = journal_starts(j, t->id, *starts, err);
    if (rc == K2_OK)
        rc = journal_ends(j, t->id, *ends, err);
    if (rc != K2_OK) {
        free(*starts);
        free(*ends);
    }
    return rc;
}

static int put_topic(struct listing *l, struct journal *j, const struct journal_topic *t,
                     struct k2_err *err) {
    const struct k2_kind *kind = k2_kind_by_topic(k2_sv_of(t->name));
    int64_t *starts, *ends, records = 0;
    K2_TRY(bounds(j, t, &starts, &ends, err));
    for (int32_t p = 0; p < t->partitions; p++)
        records += ends[p] - starts[p];
    free(starts);
    free(ends);
    listing_cstring(l, t->name);
    listing_cstring(l, kind ? kind->table : NULL);
    listing_number(l, t->partitions);
    listing_count(l, records);
    return K2_OK;
}

static int put_topics(struct listing *l, struct journal *j, struct k2_err *err) {
    for (int32_t i = 0; i < journal_topic_count(j); i++) {
        struct journal_topic t = journal_topic_at(j, i);
        K2_TRY(put_topic(l, j, &t, err));
    }
    return K2_OK;
}

static int put_partitions(struct listing *l, struct journal *j, const struct journal_topic *t,
                          struct k2_err *err) {
    int64_t *starts, *ends;
    K2_TRY(bounds(j, t, &starts, &ends, err));
    for (int32_t p = 0; p < t->partitions; p++) {
        listing_number(l, p);
        listing_number(l, starts[p]);
        listing_number(l, ends[p]);
        listing_count(l, ends[p] - starts[p]);
    }
    free(starts);
    free(ends);
    return K2_OK;
}

static int list_topics(struct verb_context *c, struct journal *j, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"topic", NULL}, {"table", NULL}, {"partitions", NULL}, {"records", NULL}};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 4, &l, err));
    int rc = put_topics(l, j, err);
    if (rc == K2_OK)
        return listing_close(l, err);
    listing_drop(l);
    return rc;
}

static int list_partitions(struct verb_context *c, struct journal *j, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"partition", NULL}, {"start", NULL}, {"end", NULL}, {"records", NULL}};
    struct listing *l;
    struct journal_topic t;
    K2_TRY(records_topic(j, c->args[0], &t, err));
    K2_TRY(listing_open(c, columns, 4, &l, err));
    int rc = put_partitions(l, j, &t, err);
    if (rc == K2_OK)
        return listing_close(l, err);
    listing_drop(l);
    return rc;
}

static int run_list(struct verb_context *c, struct k2_err *err) {
    struct journal *j;
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err));
    int rc = list_topics(c, j, err);
    journal_close(j);
    return rc;
}

static int run_describe(struct verb_context *c, struct k2_err *err) {
    struct journal *j;
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err));
    int rc = list_partitions(c, j, err);
    journal_close(j);
    return rc;
}

static const struct verb_option options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const char *const list_examples[] = {"k2 topic list", NULL};
static const char *const describe_examples[] = {"k2 topic describe market.ticks.sim", NULL};

static const struct verb list = {
    .name = "list",
    .summary = "the topics of the journal",
    .usage = "",
    .options = options,
    .examples = list_examples,
    .run = run_list,
};

static const struct verb describe = {
    .name = "describe",
    .summary = "the partitions of a topic and their offsets",
    .usage = "TOPIC",
    .about = "Offsets from start (oldest kept) up to end (exclusive) can be read.",
    .options = options,
    .examples = describe_examples,
    .min_args = 1,
    .max_args = 1,
    .run = run_describe,
};

static const struct verb *const subs[] = {&list, &describe, &verb_topic_tail, NULL};

const struct verb verb_topic = {
    .name = "topic",
    .summary = "what the journal holds",
    .usage = "list|describe|tail",
    .options = options,
    .examples = list_examples,
    .subs = subs,
    .run = run_list,
};
