/* verb/schema_check.c - `k2 schema check`: may this schema follow those? For people and for CI.
 *
 * The schema is read from a file; the earlier ones are files, oldest first, or the versions of a subject in
 * the journal's registry. Nothing is registered.
 */
#include "verb/schema_check.h"

#include "verb/listing.h"
#include "verb/words.h"

#include "base/clock.h"
#include "base/fs.h"

#include <stdlib.h>

struct earlier { /* one version to check against */
    struct k2_buf text;
    char *name; /* "v2.avsc", "market.trades-value version 3" */
};

struct check {
    struct verb_context *c;
    enum k2_schema_type type;
    enum k2_compat_level level;
    struct k2_buf next;
    struct earlier *earlier;
    size_t n;
    struct k2_schema_ref *refs;
    struct k2_buf *ref_texts;
    size_t ref_count;
    struct k2_compat_findings breaks;
    struct k2_lint_findings lint;
    const char *subject; /* whose table has no column for a field */
    struct k2_err no_column;
};

/* --- what is read --- */

static K2_RC read_text(const char *path, struct k2_buf *out, struct k2_err *err) {
    char part[65536];
    size_t n;
    if (strcmp(path, "-") != 0)
        return k2_fs_read(path, out, err);
    while ((n = fread(part, 1, sizeof part, stdin)) > 0)
        k2_buf_put(out, part, n);
    return ferror(stdin) ? k2_fail_errno(err, "standard input") : K2_OK;
}

static K2_RC pick_type(struct check *k, struct k2_err *err) {
    const char *given = verb_value(k->c, "type");
    struct k2_sv name = k2_sv_of(k->c->args[0]);
    if (given)
        return k2_schema_type_of(k2_sv_of(given), &k->type)
                   ? K2_OK
                   : k2_fail(err, K2_E_USAGE, "--type %s: avro, json or protobuf", given);
    k->type = k2_sv_ends(name, K2_SV(".proto"))  ? K2_SCHEMA_PROTOBUF
              : k2_sv_ends(name, K2_SV(".json")) ? K2_SCHEMA_JSON
                                                 : K2_SCHEMA_AVRO;
    return K2_OK;
}

static struct earlier *add_earlier(struct check *k) {
    k->earlier = k2_realloc(k->earlier, (k->n + 1) * sizeof *k->earlier);
    k->earlier[k->n] = (struct earlier){0};
    return &k->earlier[k->n++];
}

struct gathering { /* the versions of a subject */
    const char *subject;
    int *versions;
    uint32_t *ids;
    size_t n;
};

static void gather(void *ctx, struct k2_sv subject, int version, uint32_t id) {
    struct gathering *g = ctx;
    if (!k2_sv_eq(subject, k2_sv_of(g->subject)))
        return;
    g->versions = k2_realloc(g->versions, (g->n + 1) * sizeof *g->versions);
    g->ids = k2_realloc(g->ids, (g->n + 1) * sizeof *g->ids);
    g->versions[g->n] = version;
    g->ids[g->n++] = id;
}

static K2_RC read_versions(struct check *k, struct k2_registry *r, const struct gathering *g,
                           struct k2_err *err) {
    for (size_t i = 0; i < g->n; i++) {
        struct k2_sv text;
        struct k2_buf name = {0};
        K2_TRY(k2_registry_schema(r, g->ids[i], &text, err));
        struct earlier *e = add_earlier(k);
        k2_buf_sv(&e->text, text);
        k2_buf_printf(&name, "%s version %d", g->subject, g->versions[i]);
        e->name = k2_strdup(k2_buf_cstr(&name));
        k2_buf_free(&name);
    }
    if (g->n > 0)
        return K2_OK;
    return k2_fail(err, K2_E_NOTFOUND,
                   "there is neither a file nor a subject %s; k2 schema list names the subjects",
                   g->subject);
}

/* Registering it would ask, too: may the table of these records have all columns? */
static K2_RC check_columns(struct check *k, struct journal *j, const char *subject,
                           struct k2_err *err) {
    const struct k2_schema_text next = {.type = k->type, .text = k2_buf_view(&k->next)};
    struct k2_buf canonical = {0};
    struct k2_err why = {0};
    int rc = K2_OK;
    if (k->type == K2_SCHEMA_AVRO && k2_schema_parse_check(&next, &canonical, NULL) == K2_OK)
        rc = k2_subject_columns(journal_registry(j), k2_sv_of(subject), next.text, &why);
    k2_buf_free(&canonical);
    if (rc < 0)
        return k2_fail(err, rc, "%s", why.msg);
    if (rc > 0) {
        k->subject = subject;
        k->no_column = why;
    }
    return K2_OK;
}

static K2_RC read_subject(struct check *k, const char *subject, struct k2_err *err) {
    struct journal *j;
    struct gathering g = {.subject = subject};
    K2_TRY_CTX(verb_journal(k->c, JOURNAL_READ, &j, err), err,
               "there is no file %s, so it is taken for a subject", subject);
    k2_registry_each(journal_registry(j), gather, &g);
    int rc = read_versions(k, journal_registry(j), &g, err);
    if (rc == K2_OK)
        rc = k2_subject_level(journal_registry(j), k2_sv_of(subject), true, &k->level, err);
    if (rc == K2_OK)
        rc = check_columns(k, j, subject, err);
    journal_close(j);
    free(g.versions);
    free(g.ids);
    return rc;
}

static K2_RC read_earlier(struct check *k, struct k2_err *err) {
    const char *word;
    for (int i = 0; (word = verb_value_at(k->c, "against", i)); i++) {
        if (!k2_fs_exists(word)) {
            K2_TRY(read_subject(k, word, err));
            continue;
        }
        struct earlier *e = add_earlier(k);
        e->name = k2_strdup(word);
        K2_TRY(k2_fs_read(word, &e->text, err));
    }
    return K2_OK;
}

/* --reference NAME=FILE */
static K2_RC read_reference(struct check *k, const char *word, struct k2_err *err) {
    struct k2_sv rest = k2_sv_of(word), name = k2_sv_split(&rest, '=');
    struct k2_buf *text = &k->ref_texts[k->ref_count];
    if (!rest.p || name.n == 0)
        return k2_fail(err, K2_E_USAGE, "--reference %s is not NAME=FILE", word);
    K2_TRY(k2_fs_read(rest.p, text, err));
    k->refs[k->ref_count++] =
        (struct k2_schema_ref){.name = name, .subject = name, .text = k2_buf_view(text)};
    return K2_OK;
}

static K2_RC read_references(struct check *k, struct k2_err *err) {
    int n = 0;
    const char *word;
    while (verb_value_at(k->c, "reference", n))
        n++;
    k->refs = k2_zalloc(((size_t)n + 1) * sizeof *k->refs);
    k->ref_texts = k2_zalloc(((size_t)n + 1) * sizeof *k->ref_texts);
    for (int i = 0; (word = verb_value_at(k->c, "reference", i)); i++)
        K2_TRY(read_reference(k, word, err));
    return K2_OK;
}

static K2_RC pick_level(struct check *k, struct k2_err *err) {
    const char *given = verb_value(k->c, "compatibility");
    static const char *names[K2_COMPAT_LEVELS];
    for (int i = 0; i < K2_COMPAT_LEVELS; i++)
        names[i] = k2_compat_level_name((enum k2_compat_level)i);
    if (!given || k2_compat_level_of(k2_sv_of(given), &k->level))
        return K2_OK;
    const char *near = k2_nearest(given, names, K2_COMPAT_LEVELS);
    return k2_fail(err, K2_E_USAGE, "--compatibility %s%s%s%s", given,
                   near ? "; did you mean "
                        : " is none of NONE, BACKWARD, FORWARD, FULL and these "
                          "with _TRANSITIVE",
                   near ? near : "", near ? "?" : "");
}

static K2_RC read_all(struct check *k, struct k2_err *err) {
    K2_TRY(pick_type(k, err));
    K2_TRY(read_text(k->c->args[0], &k->next, err));
    K2_TRY(read_references(k, err));
    K2_TRY(read_earlier(k, err));
    return pick_level(k, err);
}

/* --- the check --- */

static struct k2_schema_text text_of(const struct check *k, const struct k2_buf *text) {
    return (struct k2_schema_text){
        .type = k->type, .text = k2_buf_view(text), .refs = k->refs, .ref_count = k->ref_count};
}

static K2_RC today_of(const struct check *k, int32_t *today, struct k2_err *err) {
    const char *given = verb_value(k->c, "today");
    *today = k2_date_of(k->c->now_ns);
    if (given && k2_date_parse(k2_sv_of(given), today, err) != K2_OK)
        return k2_err_context(err, K2_E_USAGE, "--today");
    return K2_OK;
}

static K2_RC check_all(struct check *k, struct k2_err *err) {
    struct k2_buf canonical = {0};
    int32_t today;
    struct k2_schema_text next = text_of(k, &k->next), last = {0};
    struct k2_schema_text *all = k2_alloc((k->n + 1) * sizeof *all);
    for (size_t i = 0; i < k->n; i++)
        last = all[i] = text_of(k, &k->earlier[i].text);
    int rc = today_of(k, &today, err);
    if (rc == K2_OK)
        rc = k2_schema_parse_check(&next, &canonical, err);
    k2_err_context(err, rc == K2_E_USAGE ? K2_OK : rc, "%s", k->c->args[0]);
    if (rc == K2_OK)
        rc = k2_compat_check(&next, all, k->n, k->level, &k->breaks, err);
    if (rc == K2_OK && !verb_flag(k->c, "no-lint"))
        rc = k2_schema_lint(&next, k->n ? &last : NULL, today, &k->lint, err);
    k2_buf_free(&canonical);
    free(all);
    return rc == K2_E_INVALID || rc == K2_E_CONFLICT ? k2_err_context(err, K2_E_DATA, "schema")
                                                     : rc;
}

/* --- what is told --- */

/* People get what they can act on, programs also what a registry would answer. */
static bool for_people(const struct verb_context *c) {
    const char *format = verb_value(c, "format");
    return !verb_value(c, "out") &&
           (strcmp(format, "table") == 0 || strcmp(format, "markdown") == 0);
}

static void put_break(struct listing *l, const struct check *k, const struct k2_compat_finding *f) {
    struct k2_buf what = {0};
    k2_buf_str(&what, f->backward ? "the new schema cannot read the old one"
                                  : "the old schema cannot read the new one");
    if (f->info[0])
        k2_buf_printf(&what, ": %s", f->info);
    listing_cstring(l, "compatibility");
    listing_cstring(l, f->type);
    listing_cstring(l, f->place[0] ? f->place : f->path);
    listing_cstring(l, k->earlier[f->earlier].name);
    listing_cstring(l, k2_buf_cstr(&what));
    k2_buf_free(&what);
    if (for_people(k->c))
        return;
    listing_cstring(l, f->path);
    listing_cstring(l, f->message);
}

static void put_lint(struct listing *l, const struct check *k, const struct k2_lint_finding *f) {
    listing_cstring(l, "lint");
    listing_cstring(l, f->rule);
    listing_cstring(l, f->place[0] ? f->place : "/");
    listing_cstring(l, k->n ? k->earlier[k->n - 1].name : NULL);
    listing_cstring(l, f->what);
    if (for_people(k->c))
        return;
    listing_null(l);
    listing_null(l);
}

static void put_no_column(struct listing *l, const struct check *k) {
    listing_cstring(l, "columns");
    listing_cstring(l, "NO_COLUMN");
    listing_cstring(l, "/");
    listing_cstring(l, k->subject);
    listing_cstring(l, k->no_column.msg);
    if (for_people(k->c))
        return;
    listing_null(l);
    listing_cstring(l, k->no_column.msg);
}

static K2_RC list_findings(struct check *k, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"check", NULL}, {"finding", NULL}, {"place", NULL},  {"against", NULL},
        {"what", NULL},  {"path", NULL},    {"message", NULL}};
    struct listing *l;
    K2_TRY(listing_open(k->c, columns, for_people(k->c) ? 5 : 7, &l, err));
    for (size_t i = 0; i < k->breaks.n; i++)
        put_break(l, k, &k->breaks.items[i]);
    for (size_t i = 0; i < k->lint.n; i++)
        put_lint(l, k, &k->lint.items[i]);
    if (k->subject)
        put_no_column(l, k);
    return listing_close(l, err);
}

static K2_RC tell(struct check *k, struct k2_err *err) {
    const char *name = k->c->args[0];
    size_t n = k->breaks.n + k->lint.n + (k->subject ? 1 : 0);
    if (n > 0 || !for_people(k->c))
        K2_TRY(list_findings(k, err));
    if (n > 0)
        return k2_fail(err, K2_E_DATA, "%s has %zu %s", name, n,
                       human_word((int64_t)n, "finding", "findings"));
    if (k->n > 0)
        verb_note(k->c, "%s may follow: %s against %zu earlier %s", name,
                  k2_compat_level_name(k->level), k->n,
                  human_word((int64_t)k->n, "version", "versions"));
    else
        verb_note(k->c, "%s is good; --against names what it is to follow", name);
    return K2_OK;
}

static void fini(struct check *k) {
    for (size_t i = 0; i < k->n; i++) {
        k2_buf_free(&k->earlier[i].text);
        free(k->earlier[i].name);
    }
    for (size_t i = 0; i < k->ref_count; i++)
        k2_buf_free(&k->ref_texts[i]);
    free(k->earlier);
    free(k->refs);
    free(k->ref_texts);
    k2_buf_free(&k->next);
    k2_compat_findings_free(&k->breaks);
    k2_lint_findings_free(&k->lint);
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct check k = {.c = c, .level = K2_COMPAT_BACKWARD};
    int rc = read_all(&k, err);
    if (rc == K2_OK)
        rc = check_all(&k, err);
    if (rc == K2_OK)
        rc = tell(&k, err);
    fini(&k);
    return rc;
}

static const struct verb_option options[] = {
    {"against", "SUBJECT|FILE", NULL,
     "an earlier version, or all of a subject; again, oldest first", NULL, 0},
    {"compatibility", "LEVEL", NULL,
     "NONE, BACKWARD, FORWARD, FULL, or with _TRANSITIVE; else the subject's", NULL, 0},
    {"type", "TYPE", NULL, "avro, json or protobuf, if the file's name does not say", NULL, 0},
    {"reference", "NAME=FILE", NULL, "a schema that it refers to; again, dependencies first", NULL,
     0},
    {"no-lint", NULL, NULL, "only the language's own rules", NULL, 0},
    {"today", "DATE", NULL, "the date that the notice of removals is counted to", NULL, 0},
    VERB_FORMAT,
    VERB_OUT,
    {0}};
static const char *const examples[] = {
    "k2 schema show market.ticks.sim-value | k2 schema check - --against market.ticks.sim-value",
    NULL};

const struct verb verb_schema_check = {
    .name = "check",
    .summary = "may a schema follow its earlier versions? for CI",
    .usage = "FILE",
    .about =
        "Checks that the file is a schema, that it is compatible with earlier versions, and\n"
        "what else market data needs: exact prices, the venue's number and clock, no\n"
        "change of scale or unit, 30 days of notice before a required field goes; and, against\n"
        "a subject whose records go into a table, a column for every field.",
    .options = options,
    .examples = examples,
    .data_exit = "the schema may not follow, or is none",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
