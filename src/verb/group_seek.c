/* verb/group_seek.c - `k2 group seek`: a group reads on from another place. */
#include "verb/group.h"
#include "verb/listing.h"
#include "verb/records.h"
#include "verb/words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

struct seek {
    const struct verb_context *c;
    struct journal *journal;
    struct journal_span *spans; /* what the group has saved, and what --topic adds; from moves */
    int64_t *old;               /* of each, before; -1 = it had none */
    int n;
    int32_t topic, partition; /* -1 = all */
    int moved;
};

/* --- which places --- */

static K2_RC read_partition(struct seek *s, struct k2_err *err) {
    const char *word = verb_value(s->c, "partition");
    int64_t n;
    s->partition = -1;
    if (!word)
        return K2_OK;
    K2_TRY(words_count("partition", word, 0, &n, err));
    if (n >= INT32_MAX)
        return k2_fail(err, K2_E_USAGE, "--partition %s is too large", word);
    s->partition = (int32_t)n;
    return K2_OK;
}

static K2_RC read_topic(struct seek *s, struct k2_err *err) {
    const char *word = verb_value(s->c, "topic");
    struct journal_topic t;
    s->topic = -1;
    if (!word)
        return K2_OK;
    K2_TRY(records_topic(s->journal, word, &t, err));
    if (s->partition >= t.partitions)
        return k2_fail(err, K2_E_USAGE, "%s has the partitions 0 to %d, not %d", t.name,
                       t.partitions - 1, s->partition);
    s->topic = t.id;
    return K2_OK;
}

static bool is_meant(const struct seek *s, const struct journal_span *at) {
    return (s->topic < 0 || at->topic == s->topic) &&
           (s->partition < 0 || at->partition == s->partition);
}

static bool has(const struct seek *s, int32_t topic, int32_t partition) {
    for (int i = 0; i < s->n; i++)
        if (s->spans[i].topic == topic && s->spans[i].partition == partition)
            return true;
    return false;
}

static void add(struct seek *s, const struct journal_span *at, int64_t old) {
    s->spans = k2_realloc(s->spans, (size_t)(s->n + 1) * sizeof *s->spans);
    s->old = k2_realloc(s->old, (size_t)(s->n + 1) * sizeof *s->old);
    s->spans[s->n] = *at;
    s->old[s->n++] = old;
}

static K2_RC load(struct seek *s, struct k2_err *err) {
    struct journal_span *saved = NULL;
    int n = 0;
    K2_TRY(journal_position_load(s->journal, s->c->args[0], &saved, &n, err));
    for (int i = 0; i < n; i++)
        add(s, &saved[i], saved[i].from);
    free(saved);
    int32_t partitions = s->topic >= 0 ? journal_topic_at(s->journal, s->topic).partitions : 0;
    for (int32_t p = 0; p < partitions; p++)
        if (!has(s, s->topic, p) && (s->partition < 0 || s->partition == p))
            add(s, &(struct journal_span){s->topic, p, 0, 0}, -1);
    if (s->n == 0)
        return k2_fail(err, K2_E_NOTFOUND,
                       "group %s has saved no position; name a --topic, or see k2 group list",
                       s->c->args[0]);
    return K2_OK;
}

/* --- where to --- */

/* An offset beyond what can be read would be a slip. */
static K2_RC check_offset(const struct journal_topic *t, int32_t p, const char *word,
                          const int64_t *starts, const int64_t *ends, struct k2_err *err) {
    int64_t n;
    if (!k2_sv_i64(k2_sv_of(word), &n) || n < 0 || (n >= starts[p] && n <= ends[p]))
        return K2_OK;
    return k2_fail(err, K2_E_USAGE,
                   "%s partition %" PRId32 " has the offsets %" PRId64 " to %" PRId64 ", not %s",
                   t->name, p, starts[p], ends[p], word);
}

static K2_RC place_topic(struct seek *s, const struct journal_topic *t, const char *word,
                         int64_t *room, struct k2_err *err) {
    int64_t *starts = room, *ends = room + t->partitions, *to = ends + t->partitions;
    K2_TRY(journal_starts(s->journal, t->id, starts, err));
    K2_TRY(journal_ends(s->journal, t->id, ends, err));
    K2_TRY(records_offsets(s->c, s->journal, t, "to", word, starts, ends, to, err));
    for (int i = 0; i < s->n; i++) {
        struct journal_span *at = &s->spans[i];
        if (at->topic != t->id || !is_meant(s, at) || at->partition >= t->partitions)
            continue;
        K2_TRY(check_offset(t, at->partition, word, starts, ends, err));
        at->from = to[at->partition];
        s->moved += at->from != s->old[i];
    }
    return K2_OK;
}

static K2_RC place_all(struct seek *s, struct k2_err *err) {
    const char *word = verb_value(s->c, "to");
    if (!word)
        return k2_fail(err, K2_E_USAGE, "--to is missing: start, end, an OFFSET or a TIME");
    for (int32_t i = 0; i < journal_topic_count(s->journal); i++) {
        struct journal_topic t = journal_topic_at(s->journal, i);
        bool wanted = false;
        for (int k = 0; k < s->n; k++)
            wanted = wanted || (s->spans[k].topic == i && is_meant(s, &s->spans[k]));
        if (!wanted)
            continue;
        int64_t *room = k2_alloc(3 * (size_t)t.partitions * sizeof *room);
        int rc = place_topic(s, &t, word, room, err);
        free(room);
        K2_TRY(rc);
    }
    return K2_OK;
}

/* --- who is at it --- */

static void take_member(void *ctx, const struct journal_member *m) {
    char *out = ctx;
    if (!out[0])
        snprintf(out, 256, "%s %s", m->client, m->host);
}

static K2_RC check_group(struct seek *s, struct k2_err *err) {
    const char *group = s->c->args[0];
    char who[256] = "";
    if (strcmp(group, "sink") == 0)
        return k2_fail(err, K2_E_INVALID,
                       "the tables themselves say how far the sink is; k2 table rollback, or a new "
                       "data directory, reads again");
    if (strncmp(group, "derive.", 7) == 0)
        return k2_fail(err, K2_E_INVALID,
                       "the totals themselves say how far %s is; no seek counts a record again",
                       group);
    K2_TRY(journal_group_members(s->journal, group, take_member, who, err));
    if (who[0] || group_holder(s->c, group, who))
        return k2_fail(err, K2_E_CONFLICT, "%s reads for group %s: stop it first", who, group);
    return K2_OK;
}

/* --- the command --- */

static K2_RC list(struct verb_context *c, const struct seek *s, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"topic", NULL}, {"partition", NULL}, {"from", NULL}, {"to", NULL}};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 4, &l, err));
    for (int i = 0; i < s->n; i++) {
        if (!is_meant(s, &s->spans[i]) || s->spans[i].topic >= journal_topic_count(s->journal))
            continue;
        listing_cstring(l, journal_topic_at(s->journal, s->spans[i].topic).name);
        listing_number(l, s->spans[i].partition);
        if (s->old[i] >= 0)
            listing_number(l, s->old[i]);
        else
            listing_null(l);
        listing_number(l, s->spans[i].from);
    }
    return listing_close(l, err);
}

static K2_RC confirm(const struct seek *s, struct k2_err *err) {
    const struct verb_context *c = s->c;
    if (verb_flag(c, "yes"))
        return K2_OK;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return k2_fail(err, K2_E_USAGE,
                       "%d %s of %s would move: say --yes, or --dry-run to see them", s->moved,
                       human_word(s->moved, "position", "positions"), c->args[0]);
    fprintf(stderr, "Move %d %s of %s? [y/N] ", s->moved,
            human_word(s->moved, "position", "positions"), c->args[0]);
    int answer = getchar();
    return answer == 'y' || answer == 'Y' ? K2_OK
                                          : k2_fail(err, K2_E_CANCELLED, "nothing was moved");
}

static K2_RC seek(struct verb_context *c, struct seek *s, struct k2_err *err) {
    K2_TRY(read_partition(s, err));
    K2_TRY(read_topic(s, err));
    K2_TRY(check_group(s, err));
    K2_TRY(load(s, err));
    K2_TRY(place_all(s, err));
    bool moves = !verb_flag(c, "dry-run") && s->moved > 0;
    if (moves) {
        K2_TRY(confirm(s, err));
        K2_TRY(journal_position_save(s->journal, c->args[0], s->spans, s->n, err));
    }
    verb_note(c, "%d %s %s", s->moved, human_word(s->moved, "position", "positions"),
              moves          ? "moved"
              : s->moved > 0 ? "would move"
                             : "to move");
    return list(c, s, err);
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct seek s = {.c = c};
    K2_TRY(verb_journal(c, JOURNAL_READ, &s.journal, err));
    int rc = seek(c, &s, err);
    journal_close(s.journal);
    free(s.spans);
    free(s.old);
    return rc;
}

static const struct verb_option options[] = {
    {"to", "WHERE", NULL, "start, end, an OFFSET, a TIME, or -N: so many before the end", NULL, 0},
    {"topic", "TOPIC", NULL, "only this one; the group need not have read it before", NULL, 0},
    {"partition", "N", NULL, "only this one", NULL, 0},
    {"dry-run", NULL, NULL, "say what would move", NULL, 0},
    {"yes", NULL, NULL, "do not ask", NULL, 0},
    VERB_FORMAT,
    VERB_OUT,
    {0}};

static const char *const examples[] = {
    "k2 group seek mine --topic market.ticks.sim --to start --dry-run",
    "k2 group seek mine --topic market.ticks.sim --to -1h --yes", NULL};

const struct verb verb_group_seek = {
    .name = "seek",
    .summary = "let a group read on from another place",
    .usage = "GROUP --to start|end|OFFSET|TIME",
    .about = "Without --topic all that the group has saved moves. Refused while somebody reads for "
             "the\n"
             "group, and for the sink, whose place is in the tables. What lies behind a group's "
             "position\n"
             "is held off retention.",
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .examples = examples,
    .run = run,
};
