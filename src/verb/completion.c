/* verb/completion.c - `k2 completion`, and the facts that its scripts are made of; see completion.h.
 *
 * What an argument is follows from the verb's usage, what an option's value is from its table: the words
 * it takes, or the name of its value (FILE, DIR, CODE).
 */
#include "verb/completion.h"

#include "verb/verbs.h"

#include <ctype.h>

static const char *const shells[] = {"bash", "zsh", "fish", NULL};

struct completion completion_of_option(const struct verb_option *o, struct k2_buf *scratch) {
    if (!o->arg)
        return (struct completion){COMPLETION_NONE, NULL};
    if (o->words) {
        scratch->n = 0;
        for (const char *const *w = o->words; *w; w++)
            k2_buf_printf(scratch, "%s%s", w == o->words ? "" : " ", *w);
        return (struct completion){COMPLETION_WORDS, k2_buf_cstr(scratch)};
    }
    if (strcmp(o->arg, "FILE") == 0)
        return (struct completion){COMPLETION_FILES, NULL};
    if (strcmp(o->arg, "DIR") == 0)
        return (struct completion){COMPLETION_DIRS, NULL};
    if (strcmp(o->arg, "CODE") == 0)
        return (struct completion){COMPLETION_EXCHANGES, NULL};
    return (struct completion){COMPLETION_NONE, NULL};
}

/* "bash|zsh|fish": words to choose from, all in lower case. */
static bool is_choice(const char *usage) {
    bool bar = false;
    for (const char *p = usage; *p; p++) {
        if (*p != '|' && !islower((unsigned char)*p))
            return false;
        bar |= *p == '|';
    }
    return bar;
}

static struct completion choice(const char *usage, struct k2_buf *scratch) {
    scratch->n = 0;
    for (const char *p = usage; *p; p++)
        k2_buf_byte(scratch, *p == '|' ? ' ' : (uint8_t)*p);
    return (struct completion){COMPLETION_WORDS, k2_buf_cstr(scratch)};
}

struct completion completion_of_args(const struct verb *v, struct k2_buf *scratch) {
    static const struct {
        const char *usage;
        enum completion_kind kind;
    } known[] = {
        {"TOPIC", COMPLETION_TOPICS},     {"TABLE", COMPLETION_TABLES},
        {"SUBJECT", COMPLETION_SUBJECTS}, {"FORMAT", COMPLETION_FORMATS},
        {"SOURCE", COMPLETION_FILES},     {"FILE", COMPLETION_FILES},
        {"DIR", COMPLETION_DIRS},         {"COMMAND", COMPLETION_COMMANDS},
    };
    if (v->subs || v->max_args == 0)
        return (struct completion){COMPLETION_NONE, NULL};
    if (is_choice(v->usage))
        return choice(v->usage, scratch);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strstr(v->usage, known[i].usage))
            return (struct completion){known[i].kind, NULL};
    }
    return (struct completion){COMPLETION_NONE, NULL};
}

static void visit_below(const struct verb *v, const char *path,
                        void (*visit)(void *ctx, const char *path, const struct verb *v),
                        void *ctx) {
    visit(ctx, path, v);
    for (const struct verb *const *s = v->subs; s && *s; s++) {
        struct k2_buf below = {0};
        k2_buf_printf(&below, "%s%s%s", path, *path ? " " : "", (*s)->name);
        visit_below(*s, k2_buf_cstr(&below), visit, ctx);
        k2_buf_free(&below);
    }
}

void completion_each(void (*visit)(void *ctx, const char *path, const struct verb *v), void *ctx) {
    visit_below(&verb_root, "", visit, ctx);
}

void completion_quote(struct k2_buf *out, const char *text) {
    k2_buf_byte(out, '\'');
    for (const char *p = text; *p; p++) {
        if (*p == '\'')
            k2_buf_str(out, "'\\'");
        k2_buf_byte(out, (uint8_t)*p);
    }
    k2_buf_byte(out, '\'');
}

static int run(struct verb_context *c, struct k2_err *err) {
    static void (*const makers[])(struct k2_buf * out) = {completion_bash, completion_zsh,
                                                          completion_fish};
    for (int i = 0; shells[i]; i++) {
        if (strcmp(shells[i], c->args[0]) != 0)
            continue;
        struct k2_buf script = {0};
        makers[i](&script);
        fwrite(script.p, 1, script.n, stdout);
        k2_buf_free(&script);
        return K2_OK;
    }
    const char *best = k2_nearest(c->args[0], shells, 3);
    return k2_fail(err, K2_E_USAGE, "there is no completion for '%s'%s%s%s", c->args[0],
                   best ? "; did you mean " : " (bash, zsh, fish)", best ? best : "",
                   best ? "?" : "");
}

static const char *const examples[] = {
    "k2 completion bash >k2.bash",
    "k2 completion zsh >_k2",
    "k2 completion fish >k2.fish",
    NULL,
};

const struct verb verb_completion = {
    .name = "completion",
    .summary = "a script that completes commands, options and their words in a shell",
    .usage = "bash|zsh|fish",
    .about =
        "Load it in the shell's start-up file:\n"
        "  bash  source <(k2 completion bash)\n"
        "  zsh   source <(k2 completion zsh), behind compinit; or as a file _k2 in the fpath\n"
        "  fish  k2 completion fish | source\n"
        "Topics, tables and subjects are completed from the data directory, --data or $K2_DATA.",
    .examples = examples,
    .min_args = 1,
    .max_args = 1,
    .bare = true,
    .run = run,
};
