/* verb/schema_register.c - `k2 schema register` and `k2 schema compatibility`: others' schemas in the registry. */
#include "verb/listing.h"
#include "verb/schema_register.h"
#include "verb/verbs.h"

#include "base/fs.h"

#include <stdlib.h>

/* --- register --- */

enum { MOST_REFERENCES = 64 };

struct registering {
    struct k2_buf text;
    struct k2_schema_ref refs[MOST_REFERENCES];
    struct k2_schema_given given;
};

/* NAME=SUBJECT:VERSION, the subject may hold colons. */
static K2_RC read_reference(const char *word, struct k2_schema_ref *out, struct k2_err *err) {
    struct k2_sv rest = k2_sv_of(word);
    const char *colon = strrchr(word, ':');
    int64_t version;
    out->name = k2_sv_split(&rest, '=');
    if (!colon || rest.n == 0 || colon < rest.p || !k2_sv_i64(k2_sv_of(colon + 1), &version) ||
        version < 1 || version > INT32_MAX)
        return k2_fail(
            err, K2_E_USAGE,
            "--reference takes NAME=SUBJECT:VERSION, as k2.price=price-value:1, not '%s'", word);
    out->subject = (struct k2_sv){rest.p, (size_t)(colon - rest.p)};
    out->version = (int)version;
    return K2_OK;
}

/* By the option, else by the name of the file. */
static K2_RC choose_type(const struct verb_context *c, const char *path, enum k2_schema_type *out,
                         struct k2_err *err) {
    const char *word = verb_value(c, "type");
    if (!word)
        word = k2_sv_ends(k2_sv_of(path), K2_SV(".proto"))  ? "PROTOBUF"
               : k2_sv_ends(k2_sv_of(path), K2_SV(".json")) ? "JSON"
                                                            : "AVRO";
    if (k2_schema_type_of(k2_sv_of(word), out))
        return K2_OK;
    return k2_fail(err, K2_E_USAGE, "--type is avro, json or protobuf, not '%s'", word);
}

static K2_RC read_words(const struct verb_context *c, struct registering *g, struct k2_err *err) {
    const char *path = c->args[1], *word;
    K2_TRY(choose_type(c, path, &g->given.type, err));
    for (; (word = verb_value_at(c, "reference", (int)g->given.ref_count)) != NULL;
         g->given.ref_count++) {
        if (g->given.ref_count == MOST_REFERENCES)
            return k2_fail(err, K2_E_USAGE, "more than %d references", MOST_REFERENCES);
        K2_TRY(read_reference(word, &g->refs[g->given.ref_count], err));
    }
    K2_TRY(k2_fs_read(path, &g->text, err));
    g->given.refs = g->refs;
    g->given.text = k2_sv_trim(k2_buf_view(&g->text));
    g->given.normalize = verb_flag(c, "normalize");
    return K2_OK;
}

/* A refusal is positive, and a verb ends with a status. */
static int as_status(int rc, const struct k2_err *err) {
    return rc > 0 ? err->status : rc;
}

static int run_register(struct verb_context *c, struct k2_err *err) {
    struct registering g = {0};
    struct k2_subject_version v;
    struct journal *j = NULL;
    int rc = read_words(c, &g, err);
    if (rc == K2_OK)
        rc = verb_journal(c, JOURNAL_READ, &j, err);
    if (rc == K2_OK)
        rc = as_status(
            k2_subject_register(journal_registry(j), k2_sv_of(c->args[0]), &g.given, &v, err), err);
    if (rc == K2_OK)
        printf("%.*s version %d, id %u\n", K2_SV_ARG(v.subject), v.version, v.id);
    journal_close(j);
    k2_buf_free(&g.text);
    return rc;
}

/* --- compatibility --- */

struct levels {
    struct k2_registry *registry;
    struct listing *list;
    struct k2_sv last;
};

static void put_level(struct levels *l, struct k2_sv subject, const char *level, bool own) {
    listing_text(l->list, subject);
    listing_cstring(l->list, level);
    listing_cstring(l->list, own ? "subject" : "global");
}

static void collect(void *ctx, const struct k2_subject_version *v) {
    struct k2_buf *names = ctx;
    k2_buf_sv(names, v->subject);
    k2_buf_byte(names, '\n');
}

/* Of each subject once: versions of one come one after the other. */
static int put_levels(struct levels *l, struct k2_err *err) {
    struct k2_buf names = {0};
    int rc = k2_subjects_each(l->registry, false, collect, &names, err);
    struct k2_sv rest = k2_buf_view(&names);
    while (rc == K2_OK && rest.n > 0) {
        struct k2_sv name = k2_sv_split(&rest, '\n');
        enum k2_compat_level level;
        struct k2_err none = {0};
        if (k2_sv_eq(name, l->last))
            continue;
        l->last = name;
        bool own = k2_subject_level(l->registry, name, false, &level, &none) == K2_OK;
        if (!own)
            rc = k2_subject_level(l->registry, name, true, &level, err);
        if (rc == K2_OK)
            put_level(l, name, k2_compat_level_name(level), own);
    }
    k2_buf_free(&names);
    return rc;
}

static int list_levels(struct verb_context *c, struct k2_registry *r, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"subject", NULL}, {"compatibility", NULL}, {"said_by", NULL}};
    struct levels l = {.registry = r};
    K2_TRY(listing_open(c, columns, 3, &l.list, err));
    int rc = put_levels(&l, err);
    int closed = listing_close(l.list, rc == K2_OK ? err : NULL);
    return rc == K2_OK ? closed : rc;
}

static int show_level(struct verb_context *c, struct k2_registry *r, struct k2_err *err) {
    enum k2_compat_level level;
    struct k2_subject_version v;
    struct k2_sv subject = k2_sv_of(c->args[0]);
    struct k2_err none = {0};
    int rc = k2_subject_level(r, subject, false, &level, &none);
    if (rc == K2_NO_LEVEL &&
        (rc = k2_subject_get(r, subject, K2_VERSION_LATEST, false, &v, err)) == K2_OK)
        rc = k2_subject_level(r, subject, true, &level, err);
    if (rc == K2_OK)
        printf("%s\n", k2_compat_level_name(level));
    return as_status(rc, err);
}

static int set_level(struct verb_context *c, struct k2_registry *r, struct k2_err *err) {
    enum k2_compat_level level;
    if (!k2_compat_level_of(k2_sv_of(c->args[1]), &level)) {
        const char *names[K2_COMPAT_LEVELS];
        for (int i = 0; i < K2_COMPAT_LEVELS; i++)
            names[i] = k2_compat_level_name((enum k2_compat_level)i);
        const char *best = k2_nearest(c->args[1], names, K2_COMPAT_LEVELS);
        return k2_fail(err, K2_E_USAGE, "'%s' is no compatibility level%s%s%s", c->args[1],
                       best ? "; did you mean " : "", best ? best : "", best ? "?" : "");
    }
    return as_status(k2_subject_level_set(r, k2_sv_of(c->args[0]), level, err), err);
}

static int run_compatibility(struct verb_context *c, struct k2_err *err) {
    struct journal *j;
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err));
    struct k2_registry *r = journal_registry(j);
    int rc = c->arg_count == 0   ? list_levels(c, r, err)
             : c->arg_count == 1 ? show_level(c, r, err)
                                 : set_level(c, r, err);
    journal_close(j);
    return rc;
}

/* --- the verbs --- */

static const struct verb_option register_options[] = {
    {"type", "TYPE", NULL, "avro, json or protobuf; else by the file's name, .json or .proto", NULL,
     0},
    {"reference", "REF", NULL, "NAME=SUBJECT:VERSION that the schema refers to; several times",
     NULL, 0},
    {"normalize", NULL, NULL, "store the normalised text: spellings of one schema are equal", NULL,
     0},
    {0}};
static const char *const register_examples[] = {
    "k2 schema show 1 > one.avsc && k2 schema register other-value one.avsc", NULL};

const struct verb verb_schema_register = {
    .name = "register",
    .summary = "register a schema of others: prints its version and id",
    .usage = "SUBJECT FILE",
    .about =
        "The schema has to be compatible with earlier versions of the subject as its level says "
        "(k2 schema\n"
        "compatibility). One that is there already is told again, and changes nothing.",
    .options = register_options,
    .examples = register_examples,
    .min_args = 2,
    .max_args = 2,
    .run = run_register,
};

static const struct verb_option compatibility_options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const char *const compatibility_examples[] = {"k2 schema compatibility", NULL};

const struct verb verb_schema_compatibility = {
    .name = "compatibility",
    .summary = "the compatibility levels of subjects: all, of one, or set it",
    .usage = "[SUBJECT [LEVEL]]",
    .about = "LEVEL is NONE, BACKWARD, BACKWARD_TRANSITIVE, FORWARD, FORWARD_TRANSITIVE, FULL or\n"
             "FULL_TRANSITIVE. Subjects that k2 itself writes stay FULL_TRANSITIVE.",
    .options = compatibility_options,
    .examples = compatibility_examples,
    .max_args = 2,
    .run = run_compatibility,
};
