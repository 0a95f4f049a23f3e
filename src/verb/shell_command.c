/* verb/shell_command.c - what the shell does besides SQL: \d, .mode and the others.
 *
 * One table holds them all. Who comes from psql writes \x, who comes from duckdb or sqlite writes .x: both
 * work for every command, and names that differ between the two have a row each.
 */
#include "verb/listing.h"
#include "verb/shell.h"

#include "base/config.h"
#include "base/fs.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#define MAX_DEPTH 8 /* of files that run files */

struct command {
    const char *name, *args; /* as \? shows them: "\\d", "[TABLE]" */
    const char *meaning;     /* NULL: another name of the row above */
    int (*run)(struct shell *s, struct k2_sv arg, struct k2_err *err);
};

/* --- switches --- */

static int set_switch(const char *name, struct k2_sv arg, bool *value, struct k2_err *err) {
    bool on = k2_sv_eq(arg, K2_SV("on")), off = k2_sv_eq(arg, K2_SV("off"));
    if (arg.n && !on && !off)
        return k2_fail(err, K2_E_USAGE, "%s takes on or off, not '%.*s'", name, K2_SV_ARG(arg));
    *value = arg.n ? on : !*value;
    return K2_OK;
}

static int set_timing(struct shell *s, struct k2_sv arg, struct k2_err *err) {
    K2_TRY(set_switch("\\timing", arg, &s->timing, err));
    fprintf(stderr, "timing is %s\n", s->timing ? "on" : "off");
    return K2_OK;
}

static int set_lines(struct shell *s, struct k2_sv arg, struct k2_err *err) {
    K2_TRY(set_switch("\\x", arg, &s->look.lines, err));
    fprintf(stderr, "one line a column is %s\n", s->look.lines ? "on" : "off");
    return K2_OK;
}

/* --- how results look, and where they go --- */

static const char *mode_name(const struct shell *s) {
    return s->look.lines ? "line" : verb_formats[s->look.format];
}

static int set_mode(struct shell *s, struct k2_sv arg, struct k2_err *err) {
    if (arg.n == 0) {
        fprintf(stderr, "mode is %s; there are table, csv, json, ndjson, markdown and line\n",
                mode_name(s));
        return K2_OK;
    }
    bool line = k2_sv_eq(arg, K2_SV("line"));
    for (int i = 0; line || verb_formats[i]; i++) {
        if (!line && !k2_sv_eq(arg, k2_sv_of(verb_formats[i])))
            continue;
        s->look.lines = line;
        s->look.format = line ? QUERY_TABLE : (enum query_format)i;
        return K2_OK;
    }
    return k2_fail(err, K2_E_USAGE,
                   "there is no mode '%.*s'; there are table, csv, json, ndjson, markdown and line",
                   K2_SV_ARG(arg));
}

static int set_max_rows(struct shell *s, struct k2_sv arg, struct k2_err *err) {
    int64_t n;
    if (arg.n == 0) {
        fprintf(stderr, "at most %lld rows are shown (0: all)\n", (long long)s->look.max_rows);
        return K2_OK;
    }
    if (!k2_sv_i64(arg, &n) || n < 0)
        return k2_fail(err, K2_E_USAGE, ".maxrows takes a number, 0 for all, not '%.*s'",
                       K2_SV_ARG(arg));
    s->look.max_rows = n;
    return K2_OK;
}

static int close_output(struct shell *s, struct k2_err *err) {
    if (s->out == stdout)
        return K2_OK;
    int rc = K2_OK;
    if (fclose(s->out) != 0)
        rc = k2_fail_errno(err, "%s cannot be written", s->out_path);
    s->out = stdout;
    free(s->out_path);
    s->out_path = NULL;
    return rc;
}

static int set_output(struct shell *s, struct k2_sv arg, struct k2_err *err) {
    K2_TRY(close_output(s, err));
    if (arg.n == 0 || k2_sv_eq(arg, K2_SV("stdout")))
        return K2_OK;
    if (k2_sv_ends(arg, K2_SV(".parquet")))
        return k2_fail(err, K2_E_UNSUPPORTED,
                       "\\o writes text; k2 query \"SELECT ...\" --out %.*s writes Parquet",
                       K2_SV_ARG(arg));
    char *path = k2_sv_dup(arg);
    FILE *to = fopen(path, "we");
    if (!to) {
        int rc = k2_fail_errno(err, "%s cannot be written", path);
        free(path);
        return rc;
    }
    s->out = to;
    s->out_path = path;
    fprintf(stderr, "results go to %s, as %s; \\o ends it\n", path, mode_name(s));
    return K2_OK;
}

/* --- time --- */

static int set_as_of(struct shell *s, struct k2_sv arg, struct k2_err *err) {
    struct query_as_of as_of = {0};
    char *text = k2_sv_dup(arg), *table = NULL;
    int rc = K2_OK;
    if (arg.n == 0) {
        fprintf(stderr, "tables are read as of %s\n", s->as_of.set ? s->as_of_text : "now");
        free(text);
        return K2_OK;
    }
    if (strcmp(text, "off") != 0 && strcmp(text, "now") != 0)
        rc = query_read_as_of(s->c, text, &as_of, &table, err);
    if (rc != K2_OK) {
        free(text);
        return rc;
    }
    free(s->as_of_text);
    free(s->as_of_table);
    s->as_of_text = text;
    s->as_of_table = table;
    s->as_of = as_of;
    s->told_lag = 0;
    fprintf(stderr, "tables are read as of %s\n", as_of.set ? text : "now");
    return K2_OK;
}

/* --- tables --- */

static int list_tables(struct shell *s, struct k2_sv arg, struct k2_err *err) {
    (void)arg;
    (void)err;
    shell_statement(s, K2_SV("SELECT table_schema AS \"schema\", table_name AS name, "
                             "CASE table_type WHEN 'VIEW' THEN 'view' ELSE 'table' END AS type "
                             "FROM information_schema.tables ORDER BY 1, 2"));
    return K2_OK;
}

static int list_spaces(struct shell *s, struct k2_sv arg, struct k2_err *err) {
    struct k2_buf sql = {0};
    (void)arg;
    (void)err;
    k2_buf_str(&sql, "SELECT table_schema AS namespace, count(*) AS tables, ");
    query_text_literal(&sql, k2_sv_of(s->c->data));
    k2_buf_str(&sql, " AS data FROM information_schema.tables GROUP BY 1");
    shell_statement(s, k2_buf_view(&sql));
    k2_buf_free(&sql);
    return K2_OK;
}

/* Asked anew: who lists the tables wants them as they are now. */
static int load_names(struct shell *s, struct k2_err *err) {
    names_free(&s->names);
    return names_load(&s->names, s->engine, err);
}

static int print_names(struct shell *s, struct k2_sv arg, struct k2_err *err) {
    struct name at;
    struct k2_sv last = {0};
    (void)arg;
    K2_TRY(load_names(s, err));
    for (size_t i = 0; names_at(&s->names, i, &at); i++) {
        if (!k2_sv_eq(at.table, last))
            fprintf(s->out, "%.*s\n", K2_SV_ARG(at.table));
        last = at.table;
    }
    return K2_OK;
}

/* What a column means; the names of the view ticks stand for those of trades. */
static const char *meaning_of(const struct name *at) {
    bool ticks = k2_sv_eq(at->table, K2_SV("ticks"));
    struct k2_sv column = at->column;
    const struct k2_kind *kind = k2_kind_by_table(ticks ? K2_SV("trades") : at->table);
    if (ticks && k2_sv_eq(column, K2_SV("timestamp")))
        column = K2_SV("exchange_timestamp");
    if (ticks && k2_sv_eq(column, K2_SV("volume")))
        column = K2_SV("quantity");
    if (k2_sv_eq(column, K2_SV("message_id")))
        return "EXCHANGE/DATE/CHANNEL/KIND/EPOCH/SEQUENCE/PART: the identity, printed";
    int i = kind ? k2_field_by_name(kind, column) : -1;
    return i >= 0 ? kind->fields[i].meaning : "";
}

/* The engine prints it too, so that it looks as .mode says. */
static int describe(struct shell *s, struct k2_sv arg, struct k2_err *err) {
    struct k2_sv table;
    struct k2_buf sql = {0};
    struct name at;
    if (arg.n == 0)
        return list_tables(s, arg, err);
    K2_TRY(load_names(s, err));
    K2_TRY(names_table(&s->names, arg, &table, err));
    k2_buf_str(&sql, "SELECT * FROM (VALUES ");
    bool first = true;
    for (size_t i = 0; names_at(&s->names, i, &at); i++) {
        if (!k2_sv_eq(at.table, table))
            continue;
        k2_buf_str(&sql, first ? "(" : ", (");
        query_text_literal(&sql, at.column);
        k2_buf_str(&sql, ", ");
        query_text_literal(&sql, at.type);
        k2_buf_str(&sql, ", ");
        query_text_literal(&sql, k2_sv_of(meaning_of(&at)));
        k2_buf_byte(&sql, ')');
        first = false;
    }
    k2_buf_str(&sql, ") v(\"column\", type, meaning)");
    shell_statement(s, k2_buf_view(&sql));
    k2_buf_free(&sql);
    return K2_OK;
}

static int print_schema(struct shell *s, struct k2_sv arg, struct k2_err *err) {
    struct k2_sv wanted = {0}, last = {0};
    struct name at;
    K2_TRY(load_names(s, err));
    if (arg.n)
        K2_TRY(names_table(&s->names, arg, &wanted, err));
    for (size_t i = 0; names_at(&s->names, i, &at); i++) {
        if (wanted.n && !k2_sv_eq(at.table, wanted))
            continue;
        bool next = !k2_sv_eq(at.table, last);
        if (next)
            fprintf(s->out, "%sCREATE %s " LAKE_NAMESPACE ".%.*s (", last.n ? "\n);\n" : "",
                    k2_kind_by_table(at.table) ? "TABLE" : "VIEW", K2_SV_ARG(at.table));
        fprintf(s->out, "%s\n    %.*s %.*s", next ? "" : ",", K2_SV_ARG(at.column),
                K2_SV_ARG(at.type));
        last = at.table;
    }
    fputs(last.n ? "\n);\n" : "", s->out);
    return K2_OK;
}

/* --- files --- */

static void run_lines(struct shell *s, struct k2_sv text, const char *path) {
    for (int number = 1; text.n && !s->quit; number++) {
        shell_line(s, k2_sv_split(&text, '\n'));
        if (s->failed) {
            fprintf(stderr, "%s stopped at line %d\n", path, number);
            return;
        }
    }
    if (s->pending.n) /* the last statement may lack its semicolon */
        shell_line(s, K2_SV(";"));
}

static int run_file(struct shell *s, struct k2_sv arg, struct k2_err *err) {
    struct k2_buf text = {0};
    if (arg.n == 0)
        return k2_fail(err, K2_E_USAGE, "\\i needs a file: \\i FILE");
    if (s->depth == MAX_DEPTH)
        return k2_fail(err, K2_E_INVALID, "%.*s: files run files, %d deep", K2_SV_ARG(arg),
                       MAX_DEPTH);
    char *path = k2_sv_dup(arg);
    int rc = k2_fs_read(path, &text, err);
    if (rc == K2_OK) {
        s->depth++;
        run_lines(s, k2_buf_view(&text), path);
        s->depth--;
        s->pending.n = s->entry.n = 0;
    }
    k2_buf_free(&text);
    free(path);
    return rc;
}

/* --- the rest --- */

static int leave(struct shell *s, struct k2_sv arg, struct k2_err *err) {
    (void)arg;
    (void)err;
    s->quit = true;
    return K2_OK;
}

static int help(struct shell *s, struct k2_sv arg, struct k2_err *err);

static const struct command commands[] = {
    {"\\d", "[TABLE]", "the tables, or the columns of one", describe},
    {"\\dt", "", NULL, list_tables},
    {".tables", "", "the names of the tables, bare", print_names},
    {".schema", "[TABLE]", "the tables as SQL", print_schema},
    {"\\l", "", "the namespace and where its data is", list_spaces},
    {".databases", "", NULL, list_spaces},
    {".mode", "[MODE]", "table, csv, json, ndjson, markdown or line", set_mode},
    {"\\x", "[on|off]", "a line for each column instead of a table", set_lines},
    {".maxrows", "[N]", "how many rows a table shows; 0 shows all", set_max_rows},
    {"\\timing", "[on|off]", "tell how long each statement took", set_timing},
    {".timer", "[on|off]", NULL, set_timing},
    {"\\asof", "[WHEN|off]", "read the tables as of a TIME or table@snapshot", set_as_of},
    {"\\o", "[FILE]", "write results to a file; alone: to the terminal again", set_output},
    {".output", "[FILE]", NULL, set_output},
    {"\\i", "FILE", "run the lines of a file", run_file},
    {".read", "FILE", NULL, run_file},
    {"\\?", "", "this list", help},
    {".help", "", NULL, help},
    {"\\h", "", NULL, help},
    {"\\q", "", "leave; so do exit, quit and Ctrl-D", leave},
    {".quit", "", NULL, leave},
    {".exit", "", NULL, leave},
};
#define COMMANDS (int)(sizeof commands / sizeof *commands)

static int help(struct shell *s, struct k2_sv arg, struct k2_err *err) {
    (void)arg;
    (void)err;
    for (int i = 0; i < COMMANDS; i++) {
        const struct command *c = &commands[i];
        char usage[40];
        snprintf(usage, sizeof usage, "%s %s", c->name, c->args);
        fprintf(s->out, "  %-20s %s\n", usage, c->meaning ? c->meaning : "the same");
    }
    fputs(
        "A statement ends with a semicolon and may take several lines. TAB completes, the arrows\n"
        "and Ctrl-R find what was typed before, Ctrl-C stops a query or clears the line.\n"
        "\\ and . may stand for each other in front of a command.\n",
        s->out);
    return K2_OK;
}

/* --- finding one --- */

static struct k2_sv first_word(struct k2_sv line) {
    size_t n = 0;
    while (n < line.n && !isspace((unsigned char)line.p[n]))
        n++;
    return (struct k2_sv){line.p, n};
}

/* Without the semicolon that the hand adds out of habit. */
static struct k2_sv without_end(struct k2_sv line) {
    while (line.n && line.p[line.n - 1] == ';')
        line = k2_sv_trim((struct k2_sv){line.p, line.n - 1});
    return line;
}

bool command_is_word(struct k2_sv line) {
    static const char *const words[] = {"exit", "quit", "help"};
    line = without_end(line);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (line.n == strlen(words[i]) && strncasecmp(line.p, words[i], line.n) == 0)
            return true;
    return false;
}

bool command_is(struct k2_sv line) {
    if (command_is_word(line))
        return true;
    return line.n > 0 && (line.p[0] == '\\' ||
                          (line.p[0] == '.' && line.n > 1 && isalpha((unsigned char)line.p[1])));
}

/* The row of a name without its sign; a + behind it (\d+, \dt+) asks for no more than there is. */
static const struct command *find(struct k2_sv name) {
    if (name.n > 1 && name.p[name.n - 1] == '+')
        name.n--;
    for (int i = 0; i < COMMANDS; i++)
        if (k2_sv_eq(name, k2_sv_of(commands[i].name + 1)))
            return &commands[i];
    return NULL;
}

static int unknown(struct k2_sv line, struct k2_sv name, struct k2_err *err) {
    const char *names[COMMANDS];
    for (int i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name + 1;
    char *word = k2_sv_dup(name);
    const char *best = k2_nearest(word, names, COMMANDS);
    if (best)
        k2_fail_(err, K2_E_USAGE, "there is no command %c%s; did you mean %c%s?", line.p[0], word,
                 line.p[0], best);
    else
        k2_fail_(err, K2_E_USAGE, "there is no command %c%s; \\? tells which there are", line.p[0],
                 word);
    free(word);
    return K2_E_USAGE;
}

K2_RC command_run(struct shell *s, struct k2_sv line, struct k2_err *err) {
    line = without_end(line);
    bool bare = command_is_word(line);
    struct k2_sv word = first_word(line);
    struct k2_sv arg = k2_sv_trim((struct k2_sv){line.p + word.n, line.n - word.n});
    struct k2_sv name = bare ? word : (struct k2_sv){word.p + !!word.n, word.n - !!word.n};
    char small[8] = {0};
    for (size_t i = 0; bare && i < name.n; i++)
        small[i] = (char)tolower((unsigned char)name.p[i]);
    const struct command *c = find(bare ? k2_sv_of(small) : name);
    return c ? c->run(s, arg, err) : unknown(line, name, err);
}

void command_complete(struct shell *s, struct k2_sv line, struct k2_sv word,
                      void (*add)(void *to, const char *word), void *to) {
    struct k2_sv trimmed = k2_sv_trim(line), first = first_word(trimmed);
    if (word.p == trimmed.p + 1) { /* the command's own name */
        for (int i = 0; i < COMMANDS; i++)
            if (k2_sv_starts(k2_sv_of(commands[i].name + 1), word))
                add(to, commands[i].name + 1);
        return;
    }
    const struct command *c = first.n ? find((struct k2_sv){first.p + 1, first.n - 1}) : NULL;
    if (c && c->run == set_mode) {
        for (int i = 0; verb_formats[i]; i++)
            if (k2_sv_starts(k2_sv_of(verb_formats[i]), word))
                add(to, verb_formats[i]);
        if (k2_sv_starts(K2_SV("line"), word))
            add(to, "line");
    } else if (c && (c->run == describe || c->run == print_schema)) {
        names_complete(&s->names, K2_SV("from "), word, add, to);
    }
}
