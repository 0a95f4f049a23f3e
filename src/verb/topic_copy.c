/* verb/topic_copy.c - `k2 topic copy`: topics into another journal, wherever that is. */
#include "verb/listing.h"
#include "verb/progress.h"
#include "verb/records.h"
#include "verb/verbs.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>

#define LOCAL K2_SV("local:")

struct run {
    struct verb_context *c;
    struct journal *from, *to;
    int32_t to_partitions; /* that it was opened with */
    struct listing *listing;
    struct progress progress;
    const char *topic; /* under way */
    int64_t equal, copied;
};

/* The journal of --to, for topics of so many partitions. */
static K2_RC open_to(struct run *r, int32_t partitions, struct k2_err *err) {
    const char *to = verb_value(r->c, "to");
    bool local = k2_sv_starts(k2_sv_of(to), LOCAL);
    const char *data = local ? to + LOCAL.n : r->c->data;
    struct journal_options o = {
        .url = local ? "local:" : to, .partitions = partitions, .command = r->c->name};
    if (r->to && r->to_partitions == partitions)
        return K2_OK;
    journal_close(r->to);
    r->to = NULL;
    r->to_partitions = partitions;
    if (local && !*data)
        return k2_fail(err, K2_E_USAGE, "--to local:DIR needs the data directory it goes to");
    if (!local && journal_url_check(to, NULL) != K2_OK)
        return k2_fail(err, K2_E_INVALID,
                       "--to names no journal; use local:DIR, of a data directory, or "
                       "kafka://HOST:PORT/PREFIX");
    K2_TRY_CTX(journal_open(data, JOURNAL_WRITE, &o, &r->to, err), err, "--to %s", to);
    if (journal_id(r->to) == journal_id(r->from))
        return k2_fail(err, K2_E_INVALID, "--to %s is the journal that would be copied", to);
    return K2_OK;
}

static void show(void *ctx, int64_t records) {
    struct run *r = ctx;
    char text[HUMAN_TEXT];
    if (progress_due(&r->progress))
        progress_show(&r->progress, "%s: %s records", r->topic, human_count(records, text));
}

static K2_RC copy_topic(struct run *r, const struct journal_topic *t, struct k2_err *err) {
    struct journal_copied done;
    K2_TRY(open_to(r, t->partitions, err));
    r->topic = t->name;
    K2_TRY_CTX(journal_copy(r->from, r->to, k2_sv_of(t->name), show, r, &done, err), err,
               "copy to %s", verb_value(r->c, "to"));
    listing_cstring(r->listing, t->name);
    listing_number(r->listing, done.partitions);
    listing_count(r->listing, done.equal);
    listing_count(r->listing, done.copied);
    r->equal += done.equal;
    r->copied += done.copied;
    return K2_OK;
}

/* Topics that cannot be copied are taken by their name only, to be told why. */
static bool is_named(const char *pattern, const struct journal_topic *t) {
    char *of = k2_sv_dup(t->of);
    bool named = strcmp(pattern, t->name) == 0 || strcmp(pattern, of) == 0 ||
                 (journal_copy_makes_sense(t->of) &&
                  (fnmatch(pattern, t->name, 0) == 0 || fnmatch(pattern, of, 0) == 0));
    free(of);
    return named;
}

/* The name without a version means all of them; a version means those before it too, without which nobody reads it. */
static bool is_meant(const struct run *r, const char *pattern, const struct journal_topic *t) {
    for (int32_t i = 0; i < journal_topic_count(r->from); i++) {
        struct journal_topic later = journal_topic_at(r->from, i);
        if (later.version >= t->version && k2_sv_eq(later.of, t->of) && is_named(pattern, &later))
            return true;
    }
    return false;
}

static K2_RC copy_matching(struct run *r, const char *pattern, struct k2_err *err) {
    int found = 0;
    for (int32_t i = 0; i < journal_topic_count(r->from); i++) {
        struct journal_topic t = journal_topic_at(r->from, i);
        if (!is_meant(r, pattern, &t))
            continue;
        found++;
        K2_TRY(copy_topic(r, &t, err));
    }
    struct journal_topic t;
    return found ? K2_OK : records_topic(r->from, pattern, &t, err);
}

static K2_RC copy_all(struct run *r, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"topic", NULL}, {"partitions", NULL}, {"equal", "there, equal"}, {"copied", NULL}};
    K2_TRY(listing_open(r->c, columns, 4, &r->listing, err));
    int rc = K2_OK;
    progress_start(&r->progress, r->c);
    for (int i = 0; rc == K2_OK && i < r->c->arg_count; i++)
        rc = copy_matching(r, r->c->args[i], err);
    progress_end(&r->progress);
    if (rc != K2_OK) {
        listing_drop(r->listing);
        return rc;
    }
    K2_TRY(listing_close(r->listing, err));
    char equal[HUMAN_TEXT], copied[HUMAN_TEXT];
    verb_note(r->c, "%s records were there and are equal, %s were copied",
              human_count(r->equal, equal), human_count(r->copied, copied));
    return K2_OK;
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct run r = {.c = c};
    if (!verb_value(c, "to"))
        return k2_fail(err, K2_E_USAGE,
                       "say where to: --to local:DIR or --to kafka://HOST:PORT/PREFIX");
    K2_TRY(verb_journal(c, JOURNAL_READ, &r.from, err));
    int rc = copy_all(&r, err);
    journal_close(r.to);
    journal_close(r.from);
    return rc;
}

static const struct verb_option options[] = {
    {"to", "URL", NULL, "the other journal: local:DIR, of a data directory, or kafka://...", NULL,
     0},
    VERB_FORMAT,
    {0}};

static const char *const examples[] = {"k2 topic copy 'market.*' --to local:elsewhere", NULL};

const struct verb verb_topic_copy = {
    .name = "copy",
    .summary = "records of topics into another journal, value for value",
    .usage = "TOPIC...",
    .about =
        "Keys, values and places in their partitions stay what they are; the id of a record's\n"
        "schema becomes the id of the same schema there. Offsets and times of appending are those\n"
        "of the other journal; raw_offset in a row still names the frame in the journal it came\n"
        "from. Topics that name places in their journal (k2.*, market.derived.*) are left out.\n"
        "What is there already is compared with what would be copied, so a copy that was\n"
        "broken off is gone on with by the same command, and a copy that grew behind its original\n"
        "catches up. TOPIC may be a pattern: 'market.*'.",
    .data_exit = "the topic there holds other records, or has another number of partitions",
    .options = options,
    .examples = examples,
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
