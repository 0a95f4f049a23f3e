/* verb/options.c - the words of a command line become a verb, its options and its arguments.
 *
 * Options are written --name VALUE, --name=VALUE, -f VALUE or -fVALUE, anywhere on the line; the
 * general ones also before the verb. "--" ends them; "-" alone is an argument. The word behind an
 * option that wants a value is its value even with a minus in front (--as-of -1h), but not with two:
 * that is an option whose value was forgotten. A word with a blank or newline in its name is no option
 * but text: SQL may begin with a comment, as in k2 query '-- all of them
 * SELECT ...'.
 */
#include "verb/verb.h"

#include <stdlib.h>
#include <strings.h>

#define MAX_WORDS 64 /* verbs of one table, or options of one verb */

const char *const verb_formats[] = {"table", "csv", "json", "ndjson", "markdown", NULL};

static const char *const log_formats[] = {"text", "json", NULL};

const struct verb_option verb_general[] = {
    {"data", "DIR", NULL, "the data directory [$K2_DATA, else ./k2-data]", NULL, 0},
    {"config", "FILE", NULL, "configuration in INI form; see k2 config show", NULL, 0},
    {"log-format", "FORMAT", "text", "of messages on stderr: text or json", log_formats, 0},
    {"quiet", NULL, NULL, "no notes and no progress on stderr, only errors", NULL, 'q'},
    {"help", NULL, NULL, "print this", NULL, 'h'},
    {0}};

struct words {
    char *const *at;
    int n, next;
};

static const struct verb_option *find_in(const struct verb_option *table, struct k2_sv name) {
    for (const struct verb_option *o = table; o && o->name; o++) {
        if (k2_sv_eq(name, k2_sv_of(o->name)))
            return o;
    }
    return NULL;
}

static const struct verb_option *find(const struct verb *v, struct k2_sv name) {
    const struct verb_option *o = find_in(v->options, name);
    return o ? o : find_in(verb_general, name);
}

static const struct verb_option *letter_in(const struct verb_option *table, char letter) {
    for (const struct verb_option *o = table; o && o->name; o++) {
        if (o->letter == letter)
            return o;
    }
    return NULL;
}

/* " (did you mean --x?)", or nothing when no word is near. */
static void near(struct k2_buf *out, const char *word, const char *const *words, int n,
                 const char *prefix) {
    const char *best = k2_nearest(word, words, n);
    if (best)
        k2_buf_printf(out, "; did you mean %s%s?", prefix, best);
}

static int collect(const struct verb_option *table, const char **names, int n) {
    for (const struct verb_option *o = table; o && o->name && n < MAX_WORDS; o++)
        names[n++] = o->name;
    return n;
}

/* Another program's option: what to write instead. */
static bool foreign_option(const struct verb_context *c, const char *word, struct k2_err *err) {
    const char *instead = verb_synonym_option(c, word);
    if (instead)
        k2_fail_(err, K2_E_USAGE, "there is no option %s; instead: %s", word, instead);
    return instead != NULL;
}

static int unknown_letter(const struct verb_context *c, const char *letters, struct k2_err *err) {
    char word[] = {'-', letters[0], 0};
    if (foreign_option(c, word, err))
        return K2_E_USAGE;
    return k2_fail(err, K2_E_USAGE, "there is no option -%s", letters);
}

static int unknown_option(const struct verb_context *c, struct k2_sv name, struct k2_err *err) {
    const struct verb *v = c->verb;
    const char *names[MAX_WORDS];
    int n = collect(v->options, names, 0);
    n = collect(verb_general, names, n);
    struct k2_buf hint = {0}, written = {0};
    k2_buf_printf(&written, "--%.*s", K2_SV_ARG(name));
    const char *word = k2_buf_cstr(&written) + 2;
    near(&hint, word, names, n, "--");
    if (hint.n == 0 && v->max_args != 0)
        k2_buf_str(&hint, "; if it is not meant as one, write -- in front of it");
    if (!foreign_option(c, k2_buf_cstr(&written), err))
        k2_fail_(err, K2_E_USAGE, "there is no option --%s%s", word, k2_buf_cstr(&hint));
    k2_buf_free(&hint);
    k2_buf_free(&written);
    return K2_E_USAGE;
}

static int unknown_verb(const struct verb_context *c, const char *word, struct k2_err *err) {
    const char *names[MAX_WORDS];
    int n = 0;
    for (const struct verb *const *s = c->verb->subs; *s && n < MAX_WORDS; s++)
        names[n++] = (*s)->name;
    struct k2_buf hint = {0}, instead = {0};
    if (verb_synonym_command(c, word, &instead))
        k2_buf_printf(&hint, "; instead: %s", k2_buf_cstr(&instead));
    else
        near(&hint, word, names, n, "");
    k2_fail_(err, K2_E_USAGE, "there is no command '%s'%s", word, k2_buf_cstr(&hint));
    k2_buf_free(&hint);
    k2_buf_free(&instead);
    return K2_E_USAGE;
}

static int wrong_value(const struct verb_option *o, const char *value, struct k2_err *err) {
    struct k2_buf hint = {0};
    int n = 0;
    while (o->words[n])
        n++;
    near(&hint, value, o->words, n, "");
    for (int i = 0; i < n; i++)
        k2_buf_printf(&hint, "%s%s", i ? ", " : " (it takes ", o->words[i]);
    k2_fail_(err, K2_E_USAGE, "--%s cannot be '%s'%s)", o->name, value, k2_buf_cstr(&hint));
    k2_buf_free(&hint);
    return K2_E_USAGE;
}

/* The option's own word for the value, which may be in other letters: "CSV" is csv. */
static int check_value(const struct verb_option *o, const char **value, struct k2_err *err) {
    if (!o->words)
        return K2_OK;
    for (const char *const *w = o->words; *w; w++) {
        if (strcasecmp(*w, *value) == 0) {
            *value = *w;
            return K2_OK;
        }
    }
    return wrong_value(o, *value, err);
}

static int give(struct verb_context *c, const struct verb_option *o, const char *value,
                struct k2_err *err) {
    if (value)
        K2_TRY(check_value(o, &value, err));
    c->given[c->given_count++] = (struct verb_given){o, value};
    return K2_OK;
}

static bool is_long_option(const char *word) {
    if (word[0] != '-' || word[1] != '-')
        return false;
    char end = word[2 + strcspn(word + 2, "= \t\r\n")];
    return end == '=' || end == 0;
}

/* The option wants a value that did not come with the same word. */
static int value_behind(struct verb_context *c, struct words *w, const struct verb_option *o,
                        struct k2_err *err) {
    const char *value = w->next < w->n ? w->at[w->next] : NULL;
    if (!value || (is_long_option(value) && value[2]))
        return k2_fail(err, K2_E_USAGE, "--%s needs a value: --%s %s", o->name, o->name, o->arg);
    w->next++;
    return give(c, o, value, err);
}

static int long_option(struct verb_context *c, struct words *w, const char *word,
                       struct k2_err *err) {
    const char *equals = strchr(word, '=');
    struct k2_sv name = {word, equals ? (size_t)(equals - word) : strlen(word)};
    const struct verb_option *o = find(c->verb, name);
    if (!o)
        return unknown_option(c, name, err);
    if (!o->arg && equals)
        return k2_fail(err, K2_E_USAGE, "--%s takes no value", o->name);
    if (!o->arg || equals)
        return give(c, o, equals ? equals + 1 : NULL, err);
    return value_behind(c, w, o, err);
}

static int short_option(struct verb_context *c, struct words *w, const char *word,
                        struct k2_err *err) {
    const struct verb_option *o = letter_in(c->verb->options, word[0]);
    if (!o)
        o = letter_in(verb_general, word[0]);
    if (!o || (!o->arg && word[1]))
        return unknown_letter(c, word, err);
    if (!o->arg || word[1])
        return give(c, o, o->arg ? word + 1 : NULL, err);
    return value_behind(c, w, o, err);
}

static const struct verb *find_sub(const struct verb *v, const char *word) {
    for (const struct verb *const *s = v->subs; s && *s; s++) {
        if (strcmp((*s)->name, word) == 0)
            return *s;
    }
    return NULL;
}

/* A word that is no option: the next verb, or an argument of the verb found. */
static int plain_word(struct verb_context *c, const char *word, struct k2_err *err) {
    const struct verb *sub = c->arg_count == 0 ? find_sub(c->verb, word) : NULL;
    if (sub) {
        c->verb = sub;
        size_t n = strlen(c->name);
        snprintf(c->name + n, sizeof c->name - n, " %s", word);
        return K2_OK;
    }
    if (c->verb->subs && c->verb->max_args == 0)
        return unknown_verb(c, word, err);
    c->args[c->arg_count++] = word;
    return K2_OK;
}

static int check_args(const struct verb_context *c, struct k2_err *err) {
    const struct verb *v = c->verb;
    const char *blank = v->usage[0] ? " " : "";
    if (!v->run)
        return k2_fail(err, K2_E_USAGE, "a command is missing: %s%s%s", c->name, blank, v->usage);
    if (c->arg_count < v->min_args)
        return k2_fail(err, K2_E_USAGE, "something is missing: %s%s%s", c->name, blank, v->usage);
    if (v->max_args >= 0 && c->arg_count > v->max_args)
        return k2_fail(err, K2_E_USAGE,
                       "'%s' is one word too many: %s%s%s; words with blanks need quotes",
                       c->args[v->max_args], c->name, blank, v->usage);
    return K2_OK;
}

static int parse_words(struct verb_context *c, struct words *w, struct k2_err *err) {
    bool ended = false;
    while (w->next < w->n) {
        const char *word = w->at[w->next++];
        if (!ended && strcmp(word, "--") == 0)
            ended = true;
        else if (!ended && is_long_option(word))
            K2_TRY(long_option(c, w, word + 2, err));
        else if (!ended && word[0] == '-' && word[1] && word[1] != '-')
            K2_TRY(short_option(c, w, word + 1, err));
        else
            K2_TRY(plain_word(c, word, err));
    }
    return K2_OK;
}

/* What every verb gets, from the general options. */
static void fill_general(struct verb_context *c) {
    c->help = verb_flag(c, "help");
    c->quiet = verb_flag(c, "quiet");
    c->json_logs = strcmp(verb_value(c, "log-format"), "json") == 0;
    const char *data = verb_value(c, "data");
    const char *env = getenv("K2_DATA");
    c->data = data ? data : env && *env ? env : "./k2-data";
}

int verb_parse(const struct verb *root, int n, char *const *words, struct verb_context *c,
               struct k2_err *err) {
    *c = (struct verb_context){.verb = root, .now_ns = k2_now_ns()};
    snprintf(c->name, sizeof c->name, "%s", root->name);
    c->args = k2_zalloc(((size_t)n + 1) * sizeof *c->args);
    c->given = k2_zalloc(((size_t)n + 1) * sizeof *c->given);
    struct words w = {words, n, 0};
    int rc = parse_words(c, &w, err);
    fill_general(c);
    if (rc == K2_OK && !*c->data)
        rc = k2_fail(err, K2_E_USAGE, "--data is empty; leave it out for ./k2-data");
    if (rc == K2_OK && !c->help)
        rc = check_args(c, err);
    return rc;
}

void verb_context_fini(struct verb_context *c) {
    free(c->args);
    free(c->given);
    k2_config_free(c->config);
    *c = (struct verb_context){0};
}

const char *verb_value_at(const struct verb_context *c, const char *name, int index) {
    const struct verb_option *o = find(c->verb, k2_sv_of(name));
    K2_ASSERT(o != NULL);
    for (int i = 0; i < c->given_count; i++) {
        /* By name: a general option may stand before the verb. */
        if (strcmp(c->given[i].option->name, name) == 0 && index-- == 0)
            return c->given[i].value;
    }
    return NULL;
}

const char *verb_value(const struct verb_context *c, const char *name) {
    const struct verb_option *o = find(c->verb, k2_sv_of(name));
    K2_ASSERT(o != NULL);
    for (int i = c->given_count - 1; i >= 0; i--) {
        if (strcmp(c->given[i].option->name, name) == 0)
            return c->given[i].value;
    }
    return o->def;
}

bool verb_flag(const struct verb_context *c, const char *name) {
    for (int i = 0; i < c->given_count; i++) {
        if (strcmp(c->given[i].option->name, name) == 0)
            return true;
    }
    return false;
}
