/* verb/completion_fish.c - the script for fish: one `complete` line for each command, option and argument,
 * with what it means, under the condition that the command line has come to its command.
 */
#include "verb/completion.h"

/* Options that take a value, of all commands: the word behind them is none of the command's. */
static void put_takers(void *ctx, const char *path, const struct verb *v) {
    struct k2_buf *out = ctx;
    (void)path;
    for (const struct verb_option *o = v->options; o && o->name; o++) {
        if (o->arg)
            k2_buf_printf(out, " --%s", o->name);
        if (o->arg && o->letter)
            k2_buf_printf(out, " -%c", o->letter);
    }
}

static void put_path(void *ctx, const char *path, const struct verb *v) {
    struct k2_buf *out = ctx;
    (void)v;
    if (!*path)
        return;
    k2_buf_byte(out, ' ');
    completion_quote(out, path);
}

static void put_head(struct k2_buf *out) {
    k2_buf_str(out, "# fish completion of k2, made by: k2 completion fish\n\n"
                    "# The command that the words so far name: \"topic tail\".\n"
                    "function __k2_path\n"
                    "    set -l takers --data --config --log-format");
    completion_each(put_takers, out);
    k2_buf_str(out, "\n    set -l paths");
    completion_each(put_path, out);
    k2_buf_str(out,
               "\n"
               "    set -l at\n"
               "    set -l skip 0\n"
               "    for word in (commandline -opc)[2..-1]\n"
               "        if test $skip = 1\n"
               "            set skip 0\n"
               "        else if contains -- $word $takers\n"
               "            set skip 1\n"
               "        else if contains -- \"$at $word\" ' '$paths $paths\n"
               "            set at (string trim -- \"$at $word\")\n"
               "        end\n"
               "    end\n"
               "    echo $at\n"
               "end\n\n"
               "function __k2_at\n"
               "    test (__k2_path) = \"$argv[1]\"\n"
               "end\n\n"
               "# The first column of a list that k2 prints.\n"
               "function __k2_ask\n"
               "    set -l words (commandline -opc)\n"
               "    set -l data\n"
               "    for i in (seq (count $words))\n"
               "        test \"$words[$i]\" = --data; and set data --data $words[(math $i + 1)]\n"
               "    end\n"
               "    $words[1] --quiet $data $argv --format csv 2>/dev/null | tail -n +2 | "
               "cut -d, -f1\n"
               "end\n\n"
               "complete -c k2 -f\n");
}

/* The part of a line that says what fits. */
static void put_answer(struct k2_buf *out, struct completion c) {
    static const char *const lists[COMPLETION_KINDS] = {
        [COMPLETION_TOPICS] = "topic list",
        [COMPLETION_TABLES] = "table list",
        [COMPLETION_SUBJECTS] = "schema list",
        [COMPLETION_FORMATS] = "feed list",
    };
    if (c.kind == COMPLETION_FILES || c.kind == COMPLETION_FORMATS)
        k2_buf_str(out, " -F");
    if (c.kind == COMPLETION_DIRS)
        k2_buf_str(out, " -a '(__fish_complete_directories)'");
    if (lists[c.kind])
        k2_buf_printf(out, " -a '(__k2_ask %s)'", lists[c.kind]);
    if (c.kind == COMPLETION_WORDS)
        k2_buf_printf(out, " -a '%s'", c.words);
    if (c.kind == COMPLETION_EXCHANGES)
        k2_buf_str(out, " -a '");
    for (const char *const *x = feed_exchanges(); c.kind == COMPLETION_EXCHANGES && *x; x++)
        k2_buf_printf(out, "%s ", *x);
    if (c.kind == COMPLETION_EXCHANGES)
        k2_buf_str(out, "'");
}

static void put_condition(struct k2_buf *out, const char *path) {
    k2_buf_printf(out, "complete -c k2 -n \"__k2_at '%s'\"", path);
}

static void put_option(struct k2_buf *out, const char *path, const struct verb_option *o) {
    struct k2_buf scratch = {0};
    put_condition(out, path);
    k2_buf_printf(out, " -l %s", o->name);
    if (o->letter)
        k2_buf_printf(out, " -s %c", o->letter);
    if (o->arg) {
        struct completion c = completion_of_option(o, &scratch);
        k2_buf_str(out, c.kind == COMPLETION_FILES ? " -r" : " -x"); /* -x: no files beside it */
        put_answer(out, c);
    }
    k2_buf_str(out, " -d ");
    completion_quote(out, o->meaning);
    k2_buf_byte(out, '\n');
    k2_buf_free(&scratch);
}

static void put_sub(struct k2_buf *out, const char *path, const struct verb *sub) {
    put_condition(out, path);
    k2_buf_printf(out, " -a %s -d ", sub->name);
    completion_quote(out, sub->summary);
    k2_buf_byte(out, '\n');
}

static void put_commands(struct k2_buf *out, const char *path, const struct verb *root) {
    for (const struct verb *const *s = root->subs; *s; s++)
        put_sub(out, path, *s);
}

static void put_verb(void *ctx, const char *path, const struct verb *v) {
    struct k2_buf *out = ctx, scratch = {0};
    k2_buf_byte(out, '\n');
    for (const struct verb *const *s = v->subs; s && *s; s++)
        put_sub(out, path, *s);
    struct completion c = completion_of_args(v, &scratch);
    if (c.kind == COMPLETION_COMMANDS) {
        put_commands(out, path, &verb_root);
    } else if (c.kind != COMPLETION_NONE) {
        put_condition(out, path);
        put_answer(out, c);
        k2_buf_byte(out, '\n');
    }
    k2_buf_free(&scratch);
    for (const struct verb_option *o = v->options; o && o->name; o++)
        put_option(out, path, o);
    for (const struct verb_option *o = verb_general; o->name; o++)
        put_option(out, path, o);
}

void completion_fish(struct k2_buf *out) {
    put_head(out);
    completion_each(put_verb, out);
}
