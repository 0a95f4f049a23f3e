/* verb/topic_grow.c - `k2 topic grow`: a topic comes to more partitions by another version of it. */
#include "verb/listing.h"
#include "verb/progress.h"
#include "verb/records.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include "role/role.h"

#include <stdlib.h>

/* --- growing --- */

static K2_RC read_partitions(const struct verb_context *c, int32_t *out, struct k2_err *err) {
    int64_t n;
    K2_TRY(words_count("partitions", verb_value(c, "partitions"), 1, &n, err));
    if (n > INT32_MAX)
        return k2_fail(err, K2_E_USAGE, "--partitions %lld is too large", (long long)n);
    *out = (int32_t)n;
    return K2_OK;
}

/* A slip in the name is told before the journal is opened for writing. */
static K2_RC find_topic(struct verb_context *c, struct journal_topic *out, struct k2_buf *of,
                        struct k2_err *err) {
    struct journal *j;
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err));
    int rc = records_topic(j, c->args[0], out, err);
    if (rc == K2_OK)
        k2_buf_sv(of, out->of);
    journal_close(j);
    return rc;
}

static K2_RC list_cut(struct verb_context *c, struct journal *j, const struct journal_topic *ended,
                      const struct journal_topic *now, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"topic", NULL}, {"partition", NULL}, {"cut", "ends at"}};
    struct listing *l;
    int64_t *cut;
    int n;
    K2_TRY(listing_open(c, columns, 3, &l, err));
    journal_cut(j, now, &cut, &n);
    for (int p = 0; p < n; p++) {
        listing_cstring(l, ended->name);
        listing_number(l, ended->first + p);
        listing_number(l, cut[p]);
    }
    free(cut);
    return listing_close(l, err);
}

static K2_RC tell(struct verb_context *c, const char *of, const struct journal_grown *grown,
                  struct k2_err *err) {
    struct journal *j;
    struct journal_topic *all = NULL;
    int n = 0;
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err));
    int rc = journal_versions(j, k2_sv_of(of), &all, &n, err);
    if (rc == K2_OK && grown->version >= 2 && grown->version <= n)
        rc = list_cut(c, j, &all[grown->version - 2], &all[grown->version - 1], err);
    if (rc == K2_OK)
        verb_note(c, "%s %s %d partitions%s, which rows number %d to %d",
                  all[grown->version - 1].name, grown->already ? "had" : "has", grown->partitions,
                  grown->already ? " already" : "", grown->first,
                  grown->first + grown->partitions - 1);
    free(all);
    journal_close(j);
    return rc;
}

static K2_RC grow(struct verb_context *c, const char *of, struct k2_err *err) {
    const struct role_writer_options o = {.command = c->name};
    struct role_writer *w = NULL;
    struct journal_grown grown;
    int32_t partitions;
    K2_TRY(read_partitions(c, &partitions, err));
    int rc = role_writer_open(c->data, c->config, &o, &w, err);
    if (rc == K2_OK)
        rc = role_writer_grow(w, of, partitions, &grown, err);
    role_writer_close(w);
    return rc == K2_OK ? tell(c, of, &grown, err) : rc;
}

/* --- proving --- */

static void show(void *ctx, int64_t records) {
    struct progress *p = ctx;
    char text[HUMAN_TEXT];
    if (progress_due(p))
        progress_show(p, "%s records", human_count(records, text));
}

static int64_t wrong_in(const struct journal_version_proof *p) {
    return p->behind + p->misplaced + p->overtaken;
}

static K2_RC list_proofs(struct verb_context *c, const char *of,
                         const struct journal_version_proof *all, int n, struct k2_err *err) {
    static const struct listing_column columns[] = {{"topic", NULL},
                                                    {"first", "first partition in rows"},
                                                    {"partitions", NULL},
                                                    {"records", NULL},
                                                    {"keys", NULL},
                                                    {"late", NULL},
                                                    {"behind", "behind the cut"},
                                                    {"misplaced", "in a wrong partition"},
                                                    {"overtaken", "after a newer version"}};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 9, &l, err));
    for (int i = 0; i < n; i++) {
        struct k2_buf name = {0};
        journal_version_name(k2_sv_of(of), all[i].version, &name);
        listing_cstring(l, k2_buf_cstr(&name));
        k2_buf_free(&name);
        listing_number(l, all[i].first);
        listing_number(l, all[i].partitions);
        listing_count(l, all[i].records);
        listing_count(l, all[i].keys);
        listing_count(l, all[i].late);
        listing_count(l, all[i].behind);
        listing_count(l, all[i].misplaced);
        listing_count(l, all[i].overtaken);
    }
    return listing_close(l, err);
}

static K2_RC conclude(const struct verb_context *c, const char *of,
                      const struct journal_version_proof *all, int n, struct k2_err *err) {
    char records[HUMAN_TEXT], late[HUMAN_TEXT], bad[HUMAN_TEXT];
    int64_t count = 0, wrong = 0, lower = 0;
    for (int i = 0; i < n; i++) {
        count += all[i].records;
        wrong += wrong_in(&all[i]);
        lower += all[i].late;
    }
    if (wrong > 0)
        return k2_fail(err, K2_E_DATA,
                       "%s records of %s are out of the order of their symbols: something else "
                       "than k2 writes to the topic, or the journal is not whole; k2 verify",
                       human_count(wrong, bad), of);
    verb_note(c,
              "%s records in %d %s of %s: each symbol's are in one partition of a version, and "
              "those of a version all before those of the next; %s have a lower number than the "
              "one before them, as what fills a gap does",
              human_count(count, records), n, human_word(n, "version", "versions"), of,
              human_count(lower, late));
    return K2_OK;
}

static K2_RC verify(struct verb_context *c, const char *of, struct k2_err *err) {
    struct journal_version_proof *all;
    struct progress progress;
    struct journal *j;
    int n = 0;
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err));
    progress_start(&progress, c);
    int rc = journal_versions_prove(j, k2_sv_of(of), show, &progress, &all, &n, err);
    progress_end(&progress);
    journal_close(j);
    K2_TRY(rc);
    rc = list_proofs(c, of, all, n, err);
    if (rc == K2_OK)
        rc = conclude(c, of, all, n, err);
    free(all);
    return rc;
}

/* --- the command --- */

static int run(struct verb_context *c, struct k2_err *err) {
    struct journal_topic t;
    struct k2_buf of = {0};
    bool grows = verb_value(c, "partitions") != NULL, proves = verb_flag(c, "verify");
    if (grows == proves)
        return k2_fail(err, K2_E_USAGE,
                       "say one of them: --partitions N to grow, --verify to "
                       "read back and prove the order");
    int rc = find_topic(c, &t, &of, err);
    if (rc == K2_OK)
        rc = grows ? grow(c, k2_buf_cstr(&of), err) : verify(c, k2_buf_cstr(&of), err);
    k2_buf_free(&of);
    return rc;
}

static const struct verb_option options[] = {
    {"partitions", "N", NULL, "of the topic from now on, more than it has", NULL, 0},
    {"verify", NULL, NULL, "read all versions and prove the order of every symbol", NULL, 0},
    VERB_FORMAT,
    VERB_OUT,
    {0}};

static const char *const examples[] = {"k2 topic grow market.ticks.sim --partitions 12",
                                       "k2 topic grow market.ticks.sim --verify", NULL};

const struct verb verb_topic_grow = {
    .name = "grow",
    .summary = "more partitions, by the next version of a topic; --verify proves the order",
    .usage = "TOPIC --partitions N | TOPIC --verify",
    .about =
        "The partitions of a topic never change, since a symbol would then be in two of them and "
        "out\n"
        "of order. market.ticks.sim grows by market.ticks.sim.v2: what is appended from now on "
        "goes\n"
        "there, and where each partition of the version before ends, its cut, is noted in the "
        "same\n"
        "step. Who reads market.ticks.sim reads the one to its cut and then the other: the sink,\n"
        "derived totals, k2 topic tail. Nothing is copied, so no row is twice. A running k2 up "
        "goes\n"
        "over without a restart. Rows number the partitions of all versions through.\n"
        "Broken off, it is finished by the same command; said again, it changes nothing.",
    .data_exit = "with --verify: a symbol's records are not in order",
    .options = options,
    .examples = examples,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
