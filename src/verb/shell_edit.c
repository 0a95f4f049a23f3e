/* verb/shell_edit.c - one line from the terminal; the only file that knows libedit.
 *
 * Characters are read by a function of ours: it waits in ppoll, where alone signals may arrive, so that none
 * is lost and none interrupts anything else. Ctrl-C becomes the character 3, which is bound to a function
 * that gives up the line; SIGTERM ends the line as Ctrl-D does, and libedit puts the terminal back as it
 * was.
 */
#include "verb/shell.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define KEPT 5000      /* entries in memory */
#define MAX_WORDS 2000 /* that TAB chooses from */
#define ASK_ABOVE 200  /* more are not listed */
#define CTRL_C 3

struct edit {
    EditLine *el;
    History *history;
    FILE *to;
    const char *prompt;
    struct k2_buf line;
    bool cleared;
    edit_complete *complete;
    void *ctx;
    char *words[MAX_WORDS]; /* of one TAB */
    int word_count;
};

/* --- signals --- */

static volatile sig_atomic_t interrupted, ended, resized, continued;

static void on_signal(int signal) {
    switch (signal) {
    case SIGINT:
        interrupted = 1;
        break;
    case SIGTERM:
        ended = 1;
        break;
    case SIGWINCH:
        resized = 1;
        break;
    default:
        continued = 1;
    }
}

void edit_hold(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    sigaddset(&set, SIGCONT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGWINCH, &action, NULL);
    sigaction(SIGCONT, &action, NULL);
}

/* True when a byte can be read, false at an interrupt or the end. */
static bool wait_for_byte(struct edit *e) {
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    sigset_t open;
    sigemptyset(&open);
    for (;;) {
        if (resized)
            el_resize(e->el);
        if (continued) {
            el_set(e->el, EL_PREP_TERM, 0);
            el_set(e->el, EL_PREP_TERM, 1);
        }
        if (resized || continued)
            el_set(e->el, EL_REFRESH);
        resized = continued = 0;
        if (interrupted || ended)
            return false;
        int n = ppoll(&in, 1, NULL, &open);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

/* --- characters --- */

/* One character from its bytes; bytes that are none of the locale's are left out. Gives 1, or 0 at the end. */
static int get_char(EditLine *el, wchar_t *out) {
    struct edit *e;
    mbstate_t state = {0};
    el_get(el, EL_CLIENTDATA, &e);
    for (;;) {
        if (!wait_for_byte(e)) {
            *out = CTRL_C;
            bool clear = interrupted && !ended;
            interrupted = 0;
            return clear;
        }
        char byte;
        ssize_t got = read(STDIN_FILENO, &byte, 1);
        if (got <= 0)
            return 0;
        size_t n = mbrtowc(out, &byte, 1, &state);
        if (n == 0 || n == 1)
            return 1;
        if (n == (size_t)-1)
            state = (mbstate_t){0};
    }
}

static unsigned char clear_line(EditLine *el, wint_t key) {
    struct edit *e;
    (void)key;
    el_get(el, EL_CLIENTDATA, &e);
    e->cleared = true;
    fputs("^C", e->to);
    return CC_NEWLINE;
}

/* --- TAB --- */

static void add_word(void *to, const char *word) {
    struct edit *e = to;
    for (int i = 0; i < e->word_count; i++)
        if (strcmp(e->words[i], word) == 0)
            return;
    if (e->word_count < MAX_WORDS)
        e->words[e->word_count++] = k2_strdup(word);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t common_length(const struct edit *e) {
    size_t n = strlen(e->words[0]);
    for (int i = 1; i < e->word_count; i++) {
        size_t same = 0;
        while (same < n && e->words[0][same] == e->words[i][same])
            same++;
        n = same;
    }
    return n;
}

static int terminal_columns(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* The words below the line, in columns. */
static void list_words(struct edit *e) {
    int widest = 0, per_line;
    qsort(e->words, (size_t)e->word_count, sizeof *e->words, by_name);
    for (int i = 0; i < e->word_count; i++)
        widest = (int)strlen(e->words[i]) > widest ? (int)strlen(e->words[i]) : widest;
    per_line = terminal_columns() / (widest + 2);
    per_line = per_line > 0 ? per_line : 1;
    fputc('\n', e->to);
    if (e->word_count > ASK_ABOVE)
        fprintf(e->to, "%d words fit\n", e->word_count);
    for (int i = 0; i < e->word_count && e->word_count <= ASK_ABOVE; i++) {
        bool last = i + 1 == e->word_count || (i + 1) % per_line == 0;
        fprintf(e->to, "%-*s%s", last ? 0 : widest + 2, e->words[i], last ? "\n" : "");
    }
    fflush(e->to);
}

static bool in_word(char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80;
}

static struct k2_sv last_word(struct k2_sv line) {
    size_t from = line.n;
    while (from > 0 && in_word(line.p[from - 1]))
        from--;
    return (struct k2_sv){line.p + from, line.n - from};
}

/* Puts in what is sure; gives true when that was something. */
static bool insert(struct edit *e, struct k2_sv word) {
    size_t common = common_length(e);
    if (common < word.n || (common == word.n && e->word_count > 1))
        return false;
    struct k2_buf rest = {0};
    el_deletestr(e->el, (int)word.n); /* the letters may change from small to large */
    k2_buf_put(&rest, e->words[0], common);
    if (e->word_count == 1)
        k2_buf_byte(&rest, ' ');
    bool done = el_insertstr(e->el, k2_buf_cstr(&rest)) == 0;
    k2_buf_free(&rest);
    return done;
}

static void free_words(struct edit *e) {
    for (int i = 0; i < e->word_count; i++)
        free(e->words[i]);
    e->word_count = 0;
}

static unsigned char complete(EditLine *el, wint_t key) {
    struct edit *e;
    (void)key;
    el_get(el, EL_CLIENTDATA, &e);
    const LineInfo *info = el_line(el);
    struct k2_sv line = {info->buffer, (size_t)(info->cursor - info->buffer)};
    if (k2_sv_trim(line).n == 0) /* an indented line, or pasted text */
        return el_insertstr(el, "    ") == 0 ? CC_REFRESH : CC_ERROR;
    char *copy = k2_sv_dup(line); /* libedit's buffer changes below */
    struct k2_sv own = {copy, line.n}, word = last_word(own);
    e->complete(e->ctx, own, word, add_word, e);
    unsigned char answer = CC_ERROR;
    if (e->word_count > 0 && insert(e, word)) {
        answer = CC_REFRESH;
    } else if (e->word_count > 0) {
        list_words(e);
        answer = CC_REDISPLAY;
    }
    free_words(e);
    free(copy);
    return answer;
}

/* --- opening --- */

static char *give_prompt(EditLine *el) {
    struct edit *e;
    el_get(el, EL_CLIENTDATA, &e);
    return (char *)e->prompt;
}

static void bind_keys(EditLine *el) {
    /* The wide form: the other one copies the names and never frees them. */
    el_wset(el, EL_ADDFN, L"k2-clear", L"give up the line", clear_line);
    el_wset(el, EL_ADDFN, L"k2-complete", L"complete the word", complete);
    el_set(el, EL_BIND, "^C", "k2-clear", NULL);
    el_set(el, EL_BIND, "^I", "k2-complete", NULL);
    el_set(el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_set(el, EL_BIND, "^W", "ed-delete-prev-word", NULL);
    /* Home, End, Delete, and Ctrl with the arrows. */
    el_set(el, EL_BIND, "\033[1~", "ed-move-to-beg", NULL);
    el_set(el, EL_BIND, "\033[4~", "ed-move-to-end", NULL);
    el_set(el, EL_BIND, "\033[3~", "ed-delete-next-char", NULL);
    el_set(el, EL_BIND, "\033[1;5C", "em-next-word", NULL);
    el_set(el, EL_BIND, "\033[1;5D", "ed-prev-word", NULL);
}

static void set_up(struct edit *e) {
    el_set(e->el, EL_CLIENTDATA, e);
    el_set(e->el, EL_SIGNAL, 0);
    el_set(e->el, EL_EDITOR, "emacs");
    el_set(e->el, EL_PROMPT, give_prompt);
    el_set(e->el, EL_HIST, history, e->history);
    el_source(e->el, NULL); /* ~/.editrc: who wants vi's keys has them */
    bind_keys(e->el);
    el_set(e->el, EL_GETCFN, get_char);
}

K2_RC edit_open(edit_complete *how, void *ctx, struct edit **out, struct k2_err *err) {
    struct edit *e = k2_zalloc(sizeof *e);
    HistEvent event;
    e->complete = how;
    e->ctx = ctx;
    e->prompt = "";
    /* Without a locale in the environment, UTF-8 all the same: it is what the tables hold. */
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
    e->to = isatty(STDOUT_FILENO) ? stdout : stderr;
    e->history = history_init();
    e->el = e->history ? el_init("k2", stdin, e->to, stderr) : NULL;
    if (!e->el) {
        edit_close(e);
        return k2_fail(err, K2_E_FAILED, "the terminal cannot be set up for typing");
    }
    history(e->history, &event, H_SETSIZE, KEPT);
    history(e->history, &event, H_SETUNIQUE, 1);
    catch_signals();
    set_up(e);
    *out = e;
    return K2_OK;
}

void edit_close(struct edit *e) {
    if (!e)
        return;
    if (e->el)
        el_end(e->el);
    if (e->history)
        history_end(e->history);
    k2_buf_free(&e->line);
    free(e);
}

void edit_remember(struct edit *e, const char *entry) {
    HistEvent event;
    history(e->history, &event, H_ENTER, entry);
}

enum edit_event edit_line(struct edit *e, const char *prompt, struct k2_sv *line) {
    int n = 0;
    e->prompt = prompt;
    e->cleared = false;
    e->line.n = 0;
    /* Before the prompt: what is typed between it and el_gets' own change of mode would be lost. */
    el_set(e->el, EL_PREP_TERM, 1);
    const char *text = ended ? NULL : el_gets(e->el, &n);
    el_set(e->el, EL_PREP_TERM, 0);
    if (e->cleared)
        return EDIT_CLEAR;
    if (!text || n <= 0) {
        fputc('\n', e->to);
        return EDIT_END;
    }
    k2_buf_put(&e->line, text, (size_t)n);
    *line = k2_buf_view(&e->line);
    while (line->n && (line->p[line->n - 1] == '\n' || line->p[line->n - 1] == '\r'))
        line->n--;
    return EDIT_LINE;
}
