/* verb/shell.h - `k2 query` on a terminal: what its files share, and the door to it.
 *
 * A line is read (shell_edit.c) and is a command (\d, .mode: shell_command.c) or a part of SQL, which runs
 * when its semicolon has come (shell.c). Errors are told and the shell goes on. What was typed is kept
 * for the next time (shell_history.c); TAB knows the tables and their columns (shell_names.c).
 * Thread-safety: all of it belongs to the main thread.
 */
#ifndef K2_VERB_SHELL_H
#define K2_VERB_SHELL_H

#include "verb/verb.h"

/* Reads and answers until the user leaves. The engine was opened with signals held; `base` gives the
 * parameters and the instant to begin with. */
K2_RC shell_run(struct verb_context *c, struct query_engine *engine,
                const struct query_request *base, enum query_format format, struct k2_err *err);

/* --- shell_edit.c: one line from the terminal --- */

struct edit;
enum edit_event {
    EDIT_LINE,  /* a line was typed */
    EDIT_CLEAR, /* Ctrl-C: what was typed is forgotten */
    EDIT_END    /* Ctrl-D, SIGTERM, or the terminal is gone */
};

/* What TAB may put in for the word that ends at the cursor. `line` is the text in front of the cursor,
 * `word` the tail of it to complete; every word that fits goes to `add`. */
typedef void edit_complete(void *ctx, struct k2_sv line, struct k2_sv word,
                           void (*add)(void *to, const char *word), void *to);

/* Before the engine's threads: a resize or a return from the background is for the prompt alone. */
void edit_hold(void);
K2_RC edit_open(edit_complete *complete, void *ctx, struct edit **out, struct k2_err *err);
void edit_close(struct edit *e); /* NULL is fine */
/* The line without its end, borrowed until the next call. */
enum edit_event edit_line(struct edit *e, const char *prompt, struct k2_sv *line);
/* One entry more for the arrow keys and Ctrl-R. */
void edit_remember(struct edit *e, const char *entry);

/* --- shell_history.c: what was typed, across sessions --- */

struct history_file;
/* Gives the entries of earlier sessions to `each`, oldest first. Without a home directory, or when it
 * cannot be written, there is no file and nothing is kept: *out is NULL. */
void history_open(void (*each)(void *ctx, const char *entry), void *ctx, struct history_file **out);
void history_add(struct history_file *h, const char *entry);
void history_close(struct history_file *h); /* NULL is fine */

/* --- shell_names.c: tables and columns --- */

struct shell_names {
    struct k2_json
        *columns;     /* [{"table_name", "column_name", "data_type"}] in order; NULL = not asked */
    int64_t asked_ns; /* monotonic */
};
/* Asks the engine, unless it did within the last ten seconds. */
K2_RC names_load(struct shell_names *n, struct query_engine *engine, struct k2_err *err);
void names_free(struct shell_names *n);
struct name { /* one column of one table */
    struct k2_sv table, column, type;
};
bool names_at(const struct shell_names *n, size_t i, struct name *out); /* false at the end */
/* The table as it is written in the catalog (market_data. in front is taken off); K2_E_NOTFOUND names the
 * nearest. */
K2_RC names_table(const struct shell_names *n, struct k2_sv name, struct k2_sv *table,
                  struct k2_err *err);
/* The words of SQL that fit behind `line`: tables behind FROM, columns of the tables named, keywords. */
void names_complete(const struct shell_names *n, struct k2_sv line, struct k2_sv word,
                    void (*add)(void *to, const char *word), void *to);

/* --- shell.c --- */

struct shell {
    struct verb_context *c;
    struct query_engine *engine;
    const struct query_request *base;
    struct query_as_of as_of;
    char *as_of_text, *as_of_table; /* as it was given; NULL = now */
    struct query_look look;
    bool timing, quit, failed; /* failed: the last statement or command */
    FILE *out;
    char *out_path;        /* NULL = the terminal */
    struct k2_buf pending; /* lines of a statement that has no semicolon yet */
    struct k2_buf entry;   /* the same as typed, for the history */
    struct edit *edit;
    struct history_file *history;
    struct shell_names names;
    int depth;         /* of \i in \i */
    unsigned told_lag; /* bit per kind: its lag was told */
};

/* Runs SQL, prints the result, tells errors. */
void shell_statement(struct shell *s, struct k2_sv sql);
/* Takes one line as if it had been typed. */
void shell_line(struct shell *s, struct k2_sv line);
void shell_complain(struct shell *s, const struct k2_err *err);

/* --- shell_command.c --- */

/* Is the line, trimmed, a command: \x, .x, or the bare words exit, quit and help? */
bool command_is(struct k2_sv line);
/* exit, quit or help, which are commands without a sign. */
bool command_is_word(struct k2_sv line);
K2_RC command_run(struct shell *s, struct k2_sv line, struct k2_err *err);
void command_complete(struct shell *s, struct k2_sv line, struct k2_sv word,
                      void (*add)(void *to, const char *word), void *to);

/* --- query.c --- */

/* Reads a WHEN of --as-of and \asof; *table is heap memory or NULL, and a->table points to it. */
K2_RC query_read_as_of(const struct verb_context *c, const char *text, struct query_as_of *a,
                       char **table, struct k2_err *err);
/* Tells on stderr how many rows the journal holds that the tables of a result lack; NULL = all tables.
 * *told: bits of the kinds not to tell again, and which were; NULL = tell all. */
void query_note_lag(const struct verb_context *c, const struct query_stats *s,
                    const struct query_as_of *as_of, unsigned *told);
/* How tables look on stdout: whole, unless it is a terminal. */
struct query_look query_screen(enum query_format format);

#endif
