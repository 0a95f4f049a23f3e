/* verb/schema.c - `k2 schema list` and `show`: the registry beside the journal. */
#include "verb/listing.h"
#include "verb/schema_check.h"
#include "verb/schema_register.h"
#include "verb/verbs.h"
#include "verb/words.h"

#include <stdlib.h>

static void put_version(void *ctx, struct k2_sv subject, int version, uint32_t id) {
    struct listing *l = ctx;
    listing_text(l, subject);
    listing_number(l, version);
    listing_number(l, id);
}

static int list_versions(struct verb_context *c, struct journal *j, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"subject", NULL}, {"version", NULL}, {"id", NULL}};
    struct listing *l;
    K2_TRY(listing_open(c, columns, 3, &l, err));
    k2_registry_each(journal_registry(j), put_version, l);
    return listing_close(l, err);
}

static int run_list(struct verb_context *c, struct k2_err *err) {
    struct journal *j;
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err));
    int rc = list_versions(c, j, err);
    journal_close(j);
    return rc;
}

struct wanted { /* the newest version of a subject */
    const char *subject;
    uint32_t id;
};

struct subjects {
    char *names[256];
    int n;
};

static void collect(void *ctx, struct k2_sv subject, int version, uint32_t id) {
    struct subjects *s = ctx;
    (void)version;
    (void)id;
    if (s->n < (int)(sizeof s->names / sizeof *s->names))
        s->names[s->n++] = k2_sv_dup(subject);
}

static void find_newest(void *ctx, struct k2_sv subject, int version, uint32_t id) {
    struct wanted *w = ctx;
    (void)version;
    if (k2_sv_eq(subject, k2_sv_of(w->subject)))
        w->id = id;
}

static int unknown_subject(struct k2_registry *r, const char *word, struct k2_err *err) {
    struct subjects s = {0};
    k2_registry_each(r, collect, &s);
    const char *best = k2_nearest(word, (const char *const *)s.names, s.n);
    (void)k2_fail(err, K2_E_NOTFOUND, "there is no subject or id '%s'%s%s%s", word,
                  best ? "; did you mean " : "; k2 schema list names them", best ? best : "",
                  best ? "?" : "");
    for (int i = 0; i < s.n; i++)
        free(s.names[i]);
    return K2_E_NOTFOUND;
}

static int print_schema(struct verb_context *c, struct journal *j, struct k2_err *err) {
    struct k2_registry *r = journal_registry(j);
    struct wanted w = {.subject = c->args[0]};
    int64_t number;
    struct k2_sv text;
    if (k2_sv_i64(k2_sv_of(c->args[0]), &number) && number > 0 && number <= UINT32_MAX)
        w.id = (uint32_t)number;
    else
        k2_registry_each(r, find_newest, &w);
    if (w.id == 0)
        return unknown_subject(r, c->args[0], err);
    K2_TRY(k2_registry_schema(r, w.id, &text, err));
    printf("%.*s\n", K2_SV_ARG(text));
    return K2_OK;
}

static int run_show(struct verb_context *c, struct k2_err *err) {
    struct journal *j;
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err));
    int rc = print_schema(c, j, err);
    journal_close(j);
    return rc;
}

static const struct verb_option options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const char *const list_examples[] = {"k2 schema list", NULL};
static const char *const show_examples[] = {"k2 schema show market.ticks.sim-value",
                                            "k2 schema show 1", NULL};

static const struct verb list = {
    .name = "list",
    .summary = "the subjects and their versions",
    .usage = "",
    .options = options,
    .examples = list_examples,
    .run = run_list,
};

static const struct verb show = {
    .name = "show",
    .summary = "a schema as Avro JSON: of an id, or the newest of a subject",
    .usage = "SUBJECT|ID",
    .examples = show_examples,
    .min_args = 1,
    .max_args = 1,
    .run = run_show,
};

static const struct verb *const subs[] = {
    &list, &show, &verb_schema_register, &verb_schema_check, &verb_schema_compatibility, NULL};

const struct verb verb_schema = {
    .name = "schema",
    .summary = "the schemas of the journal's records",
    .usage = "list|show|register|check|compatibility",
    .options = options,
    .examples = list_examples,
    .subs = subs,
    .run = run_list,
};
