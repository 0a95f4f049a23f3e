/* verb/shell.c - the shell's loop: lines become statements, statements answers; see shell.h. */
#include "verb/shell.h"

#include "verb/listing.h"
#include "verb/meter.h"
#include "verb/signals.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SHELL_ROWS 100 /* shown of a table until .maxrows says otherwise */

void shell_complain(struct shell *s, const struct k2_err *err) {
    s->failed = true;
    if (s->c->json_logs)
        verb_complain(s->c, err);
    else
        verb_print_line(stderr, "error", err->msg);
}

/* --- one statement --- */

/* The parameters that the statement names: not every one has to be in every statement. */
static int mentioned_params(const struct shell *s, struct k2_sv sql, struct query_param *params) {
    int n = 0;
    for (int i = 0; i < s->base->param_count; i++) {
        struct k2_buf name = {0};
        k2_buf_printf(&name, "$%s", s->base->params[i].name);
        if (query_text_mentions(sql, k2_buf_cstr(&name)))
            params[n++] = s->base->params[i];
        k2_buf_free(&name);
    }
    return n;
}

static struct query_look look_now(const struct shell *s) {
    struct query_look look = s->look;
    struct query_look screen = query_screen(look.format);
    if (s->out != stdout)
        look.max_rows = 0;
    look.width = s->out == stdout ? screen.width : 0;
    look.more_rows = ".maxrows N shows more";
    look.more_columns = "\\x shows all";
    return look;
}

static int run_and_show(struct shell *s, const struct query_request *request, struct meter *m,
                        struct k2_err *err) {
    struct query_result *result;
    K2_TRY(query_run(s->engine, request, &result, err));
    meter_hide(m);
    struct query_look look = look_now(s);
    int rc = query_show(result, &look, s->out, NULL, err);
    struct query_stats stats = query_result_stats(result);
    if (rc == K2_OK)
        query_note_lag(s->c, &stats, &s->as_of, &s->told_lag);
    query_result_free(result);
    return rc;
}

void shell_statement(struct shell *s, struct k2_sv sql) {
    struct k2_err err = {0};
    struct query_request request = {.sql = sql, .as_of = s->as_of};
    struct query_param *params = k2_zalloc((size_t)(s->base->param_count + 1) * sizeof *params);
    request.params = params;
    request.param_count = mentioned_params(s, sql, params);
    int64_t began = k2_monotonic_ns();
    struct meter *m = meter_start(s->c, s->engine);
    int rc = run_and_show(s, &request, m, &err);
    meter_stop(m);
    int64_t took = k2_monotonic_ns() - began;
    fflush(s->out);
    if (rc != K2_OK)
        shell_complain(s, &err);
    if (s->timing)
        fprintf(stderr, "Time: %lld.%03lld ms\n", (long long)(took / K2_NS_PER_MS),
                (long long)(took % K2_NS_PER_MS / K2_NS_PER_US));
    s->quit |= signals_terminated();
    free(params);
}

/* --- lines --- */

static void remember(struct shell *s, const char *entry) {
    if (s->depth > 0)
        return;
    edit_remember(s->edit, entry);
    history_add(s->history, entry);
}

/* What was typed is one entry of the history, on one line, once nothing of it is pending. */
static void remember_entry(struct shell *s) {
    struct k2_buf flat = {0};
    query_text_flatten(k2_buf_view(&s->entry), &flat);
    if (flat.n)
        remember(s, k2_buf_cstr(&flat));
    k2_buf_free(&flat);
    s->entry.n = 0;
}

static void forget_pending(struct shell *s) {
    s->pending.n = 0;
    s->entry.n = 0;
}

/* Runs the statements that have come to their semicolon; what is behind the last one stays. */
static void run_pending(struct shell *s) {
    struct k2_sv rest = k2_buf_view(&s->pending), statement;
    while (!s->quit && !s->failed && query_text_next(&rest, &statement)) {
        if (rest.p == statement.p + statement.n) {
            rest = (struct k2_sv){statement.p, statement.n};
            break;
        }
        shell_statement(s, statement);
    }
    if (s->failed || s->quit)
        rest.n = 0;
    memmove(s->pending.p, rest.n ? (const void *)rest.p : s->pending.p, rest.n);
    s->pending.n = rest.n;
}

static void run_command(struct shell *s, struct k2_sv line) {
    struct k2_err err = {0};
    char *entry = k2_sv_dup(line);
    remember(s, entry);
    if (command_run(s, line, &err) != K2_OK)
        shell_complain(s, &err);
    fflush(s->out);
    free(entry);
}

/* Whether a text, a quoted name or a comment is still open: a line may then be anything. */
static bool is_in_quotes(const struct shell *s) {
    struct k2_buf ended = {0};
    k2_buf_sv(&ended, k2_buf_view(&s->pending));
    k2_buf_byte(&ended, ';');
    bool open = !query_text_complete(k2_buf_view(&ended));
    k2_buf_free(&ended);
    return open;
}

/* A line inside of a statement that is meant for the shell; gives whether it was. */
static bool take_from_statement(struct shell *s, struct k2_sv trimmed) {
    if (trimmed.n == 0 || is_in_quotes(s))
        return false;
    if (trimmed.p[0] == '\\') {
        run_command(s, trimmed);
        return true;
    }
    if (!command_is_word(trimmed))
        return false;
    fprintf(stderr,
            "unfinished statement: end it with ; or clear it with Ctrl-C. '%.*s' was not added to "
            "it\n",
            K2_SV_ARG(trimmed));
    return true;
}

void shell_line(struct shell *s, struct k2_sv line) {
    struct k2_sv trimmed = k2_sv_trim(line);
    s->failed = false;
    if (s->pending.n == 0 && command_is(trimmed)) {
        run_command(s, trimmed);
        return;
    }
    if (s->pending.n > 0 && take_from_statement(s, trimmed))
        return;
    if (line.n > 0 && memchr(line.p, 0, line.n))
        return;
    k2_buf_sv(&s->pending, line);
    k2_buf_byte(&s->pending, '\n');
    k2_buf_sv(&s->entry, line);
    k2_buf_byte(&s->entry, '\n');
    if (query_text_complete(k2_buf_view(&s->pending)))
        remember_entry(s);
    run_pending(s);
}

/* --- the terminal --- */

struct query_look query_screen(enum query_format format) {
    struct winsize size;
    struct query_look look = {.format = format};
    if (!isatty(STDOUT_FILENO))
        return look;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    look.width = known ? size.ws_col : 80;
    return look;
}

static void complete(void *ctx, struct k2_sv line, struct k2_sv word,
                     void (*add)(void *to, const char *word), void *to) {
    struct shell *s = ctx;
    if (names_load(&s->names, s->engine, NULL) != K2_OK)
        return; /* TAB is no place for errors; the next statement tells them */
    if (s->pending.n == 0 && command_is(k2_sv_trim(line))) {
        command_complete(s, line, word, add, to);
        return;
    }
    struct k2_buf all = {0};
    k2_buf_sv(&all, k2_buf_view(&s->pending));
    k2_buf_sv(&all, line);
    names_complete(&s->names, k2_buf_view(&all), word, add, to);
    k2_buf_free(&all);
}

static void remember_old(void *ctx, const char *entry) {
    edit_remember(ctx, entry);
}

static void greet(const struct shell *s) {
    if (!s->c->quiet)
        fprintf(stderr, "k2 " K2_VERSION ", SQL over %s. \\? tells the commands, \\q leaves.\n",
                s->c->data);
}

static void loop(struct shell *s) {
    while (!s->quit) {
        struct k2_sv line;
        switch (edit_line(s->edit, s->pending.n ? "  -> " : "k2> ", &line)) {
        case EDIT_LINE:
            shell_line(s, line);
            break;
        case EDIT_CLEAR:
            forget_pending(s);
            break;
        case EDIT_END:
            s->quit = true;
        }
    }
}

K2_RC shell_run(struct verb_context *c, struct query_engine *engine,
                const struct query_request *base, enum query_format format, struct k2_err *err) {
    struct shell s = {.c = c, .engine = engine, .base = base, .as_of = base->as_of, .out = stdout};
    const char *as_of = verb_value(c, "as-of");
    s.as_of_text = as_of ? k2_strdup(as_of) : NULL;
    s.look = query_screen(format);
    s.look.max_rows = SHELL_ROWS;
    int rc = edit_open(complete, &s, &s.edit, err);
    if (rc == K2_OK) {
        history_open(remember_old, s.edit, &s.history);
        greet(&s);
        loop(&s);
    }
    if (s.out != stdout)
        fclose(s.out);
    edit_close(s.edit);
    history_close(s.history);
    names_free(&s.names);
    k2_buf_free(&s.pending);
    k2_buf_free(&s.entry);
    free(s.out_path);
    free(s.as_of_text);
    free(s.as_of_table);
    return rc;
}
