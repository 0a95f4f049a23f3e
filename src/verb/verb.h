/* verb/verb.h - the command line: what a verb is, and what every verb gets.
 *
 * A verb is one `const struct verb` in one file and one line in verbs.c. The parser, the help and the
 * hints follow from its tables: an option that is not in them does not exist, and the default that
 * --help prints is the value that is used. Verbs may hold verbs (`k2 topic tail`); the program itself
 * is the outermost one.
 *
 * Results go to stdout, everything else to stderr. A verb returns a status; the one place that prints
 * the error and turns it into an exit code is run.c.
 * Thread-safety: a context belongs to the main thread.
 */
#ifndef K2_VERB_VERB_H
#define K2_VERB_VERB_H

#include "query/query.h"

#include "base/config.h"

#include <stdio.h>

struct verb_context;

struct verb_option {
    const char *name;         /* "symbols" is written --symbols */
    const char *arg;          /* what --help calls the value; NULL = a flag without value */
    const char *def;          /* the value when none is given; NULL = none */
    const char *meaning;      /* for --help */
    const char *const *words; /* the only values allowed, NULL-terminated; NULL = any */
    char letter;              /* 'f' is written -f too; 0 = none */
};

struct verb {
    const char *name;    /* one word */
    const char *summary; /* one line, for lists */
    const char *usage;   /* what follows the name: "[FORMAT] SOURCE..." */
    const char *about;   /* paragraphs for --help, lines below 80 columns; NULL = none */
    const struct verb_option *options; /* ended by a row without name; NULL = none of its own */
    const char *const *examples;       /* NULL-terminated, each can be run as it is */
    const char *data_exit;             /* when it exits with 3, in words; NULL = it does not */
    /* NULL-terminated. When max_args is not 0, a first word that is none of them is an argument. */
    const struct verb *const *subs;
    int min_args, max_args; /* max_args -1 = any number */
    bool bare;              /* runs without reading the configuration */
    K2_RC (*run)(struct verb_context *c, struct k2_err *err); /* NULL: a sub must be named */
};

extern const struct verb verb_root;

struct verb_given { /* an option as it was given */
    const struct verb_option *option;
    const char *value; /* NULL for flags */
};

struct verb_context {
    const struct verb *verb;
    char name[64]; /* "k2 topic tail" */
    int arg_count;
    const char **args; /* the words that are no options */
    int given_count;
    struct verb_given *given;
    const char *data;         /* the data directory */
    struct k2_config *config; /* NULL for bare verbs */
    bool quiet, json_logs, help;
    int64_t now_ns;
};

/* --- options.c --- */

extern const struct verb_option verb_general[]; /* what every command takes */
extern const char *const verb_formats[]; /* "table", "csv", ... in the order of enum query_format */
/* Rows for the option tables of verbs that print listings. */
#define VERB_FORMAT                                                                                \
    { "format", "FORMAT", "table", "table, csv, json, ndjson or markdown", verb_formats, 0 }
#define VERB_OUT                                                                                   \
    { "out", "FILE", NULL, "write there; the name's end gives the format", NULL, 0 }

/* Reads the words of a command line (without the program's name). Any error is K2_E_USAGE and names
 * the nearest right word; *c is then filled as far as it was understood, so that help can be named. */
K2_RC verb_parse(const struct verb *root, int n, char *const *words, struct verb_context *c,
                 struct k2_err *err);
void verb_context_fini(struct verb_context *c);

/* The option's value: the last one given, else its default, else NULL. The option must be in the
 * verb's table (asserted). */
const char *verb_value(const struct verb_context *c, const char *name);
/* The index-th value given (defaults do not count), or NULL. */
const char *verb_value_at(const struct verb_context *c, const char *name, int index);
bool verb_flag(const struct verb_context *c, const char *name);

/* --- synonyms.c --- */

/* What K2 has for a command or option that other programs call so: the command line to type. The option
 * is written with its minus. False, NULL: nothing is known of it. */
bool verb_synonym_command(const struct verb_context *c, const char *word, struct k2_buf *out);
const char *verb_synonym_option(const struct verb_context *c, const char *word);

/* --- help.c --- */

void verb_help(const struct verb_context *c, FILE *out);
/* The help of every command as one page of Markdown: docs/commands.md. */
void verb_help_page(FILE *out);

/* --- run.c --- */

int verb_main(int argc, char *const *argv); /* gives the exit code */
/* A line on stderr, "k2 query: text", unless --quiet. */
void verb_note(const struct verb_context *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Who brings the tables up to the journal: "k2 sink --once", or the running k2 up. */
const char *verb_bringer(const struct verb_context *c);
/* The text on one line of a stream, with what could steer a terminal made visible; line feeds stay. */
void verb_print_line(FILE *to, const char *before, const char *text);
/* A failure that does not end the run: a line on stderr, also with --quiet. */
void verb_complain(const struct verb_context *c, const struct k2_err *err);
/* K2_E_UNSUPPORTED when the configuration names a journal of a kind that this version does not have. */
K2_RC verb_journal_known(const struct verb_context *c, struct k2_err *err);
/* K2_E_INVALID when the keys of the journal are not such, or stand in the configuration themselves. */
K2_RC verb_keys_known(const struct k2_config *config, struct k2_err *err);
/* Segments are tiered from now on as the configuration says; this one may change while k2 up runs. */
K2_RC verb_use_tier(const struct k2_config *config, struct k2_err *err);
/* Journals and schema registries that are opened later are where the configuration says. */
K2_RC verb_use(const struct k2_config *config, struct k2_err *err);
/* Opens the journal as the configuration says. */
K2_RC verb_journal(const struct verb_context *c, enum journal_mode mode, struct journal **out,
                   struct k2_err *err);

#endif
