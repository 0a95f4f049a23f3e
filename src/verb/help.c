/* verb/help.c - what --help prints, from the tables of a verb, and the page of all commands. */
#include "verb/verb.h"

#define GUTTER 26 /* column of the meanings */

static void print_option(const struct verb_option *o, FILE *out) {
    char left[80];
    char letter[8] = "";
    if (o->letter)
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, o->name, o->arg ? " " : "",
             o->arg ? o->arg : "");
    fprintf(out, "%-*s%s%s", GUTTER, left, strlen(left) >= GUTTER ? "  " : "", o->meaning);
    if (o->def)
        fprintf(out, " [%s]", o->def);
    fputc('\n', out);
}

static void print_options(const struct verb *v, FILE *out) {
    if (v->options && v->options->name)
        fputs("\nOptions:\n", out);
    for (const struct verb_option *o = v->options; o && o->name; o++)
        print_option(o, out);
}

static void print_general(FILE *out) {
    fputs("\nOptions of every command:\n", out);
    for (const struct verb_option *o = verb_general; o->name; o++)
        print_option(o, out);
}

static void print_subs(const struct verb *v, FILE *out) {
    int width = 10;
    for (const struct verb *const *s = v->subs; s && *s; s++)
        width = (int)strlen((*s)->name) > width ? (int)strlen((*s)->name) : width;
    if (v->subs)
        fputs("\nCommands:\n", out);
    for (const struct verb *const *s = v->subs; s && *s; s++)
        fprintf(out, "  %-*s  %s\n", width, (*s)->name, (*s)->summary);
}

static void print_examples(const struct verb *v, FILE *out) {
    fputs("\nExamples:\n", out);
    for (const char *const *e = v->examples; *e; e++)
        fprintf(out, "  %s\n", *e);
}

static void print_exits(const struct verb *v, FILE *out) {
    fputs("\nExit codes: 0 done, 1 failed, 2 wrong usage", out);
    if (v->data_exit)
        fprintf(out, ",\n  3 %s", v->data_exit);
    fputs(".\n", out);
}

static void print_help(const struct verb *v, const char *name, bool general, FILE *out) {
    fprintf(out, "%s: %s\n\nusage: %s%s%s\n", name, v->summary, name, v->usage[0] ? " " : "",
            v->usage);
    if (v->about)
        fprintf(out, "\n%s\n", v->about);
    print_subs(v, out);
    print_options(v, out);
    if (general)
        print_general(out);
    print_examples(v, out);
    print_exits(v, out);
}

void verb_help(const struct verb_context *c, FILE *out) {
    print_help(c->verb, c->name, true, out);
}

static void print_section(const struct verb *v, const char *name, FILE *out) {
    fprintf(out, "\n## %s\n\n```text\n", name);
    print_help(v, name, v == &verb_root, out);
    fputs("```\n", out);
    for (const struct verb *const *s = v->subs; s && *s; s++) {
        struct k2_buf below = {0};
        k2_buf_printf(&below, "%s %s", name, (*s)->name);
        print_section(*s, k2_buf_cstr(&below), out);
        k2_buf_free(&below);
    }
}

void verb_help_page(FILE *out) {
    fputs("<!-- Made by k2 help --markdown from the tables in src/verb. Change those, then run "
          "tools/docs_in_sync.sh --write. -->\n\n"
          "# Commands\n\n"
          "What `--help` says of every command. The options of every command are said once, with "
          "`k2` itself.\n",
          out);
    print_section(&verb_root, verb_root.name, out);
}
