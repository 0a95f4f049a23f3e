/* verb/help.c - what --help prints, from the tables of a verb. */
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
    fputs("\nOptions of every command:\n", out);
    for (const struct verb_option *o = verb_general; o->name; o++)
        print_option(o, out);
}

static void print_subs(const struct verb *v, FILE *out) {
    if (v->subs)
        fputs("\nCommands:\n", out);
    for (const struct verb *const *s = v->subs; s && *s; s++)
        fprintf(out, "  %-12s%s\n", (*s)->name, (*s)->summary);
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

void verb_help(const struct verb_context *c, FILE *out) {
    const struct verb *v = c->verb;
    fprintf(out, "%s: %s\n\nusage: %s %s\n", c->name, v->summary, c->name, v->usage);
    if (v->about)
        fprintf(out, "\n%s\n", v->about);
    print_subs(v, out);
    print_options(v, out);
    print_examples(v, out);
    print_exits(v, out);
}
