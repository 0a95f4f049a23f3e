/* query/text.c - SQL as text; see query/text.h. */
#include "query/text.h"

#include <ctype.h>
#include <strings.h>

static bool is_word(char c) {
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Length of a quoted run at s (s.p[0] is the quote); a doubled quote stays inside. */
static size_t quoted(struct k2_sv s, bool backslash) {
    char quote = s.p[0];
    size_t i = 1;
    while (i < s.n) {
        if (backslash && s.p[i] == '\\')
            i += 2;
        else if (s.p[i] != quote)
            i++;
        else if (i + 1 < s.n && s.p[i + 1] == quote)
            i += 2;
        else
            return i + 1;
    }
    return s.n;
}

/* Length of a comment at s, 0 if there is none. Block comments nest. */
static size_t comment(struct k2_sv s) {
    if (k2_sv_starts(s, K2_SV("--"))) {
        const char *end = memchr(s.p, '\n', s.n);
        return end ? (size_t)(end - s.p) + 1 : s.n;
    }
    if (!k2_sv_starts(s, K2_SV("/*")))
        return 0;
    size_t i = 2;
    for (int depth = 1; i < s.n && depth > 0; i++) {
        if (i + 1 < s.n && s.p[i] == '/' && s.p[i + 1] == '*')
            depth++, i++;
        else if (i + 1 < s.n && s.p[i] == '*' && s.p[i + 1] == '/')
            depth--, i++;
    }
    return i < s.n ? i : s.n;
}

/* Length of $tag$ ... $tag$ at s; 1 when it is only a dollar (a parameter). */
static size_t dollar_quoted(struct k2_sv s) {
    size_t tag = 1;
    while (tag < s.n && is_word(s.p[tag]) && !(tag == 1 && isdigit((unsigned char)s.p[1])))
        tag++;
    if (tag >= s.n || s.p[tag] != '$')
        return 1;
    tag++;
    const char *end = memmem(s.p + tag, s.n - tag, s.p, tag);
    return end ? (size_t)(end - s.p) + tag : s.n;
}

/* Length of the token at s, which is not empty. */
static size_t token(struct k2_sv s) {
    size_t n = comment(s);
    if (n)
        return n;
    char c = s.p[0];
    if (c == '\'' || c == '"')
        return quoted(s, false);
    if ((c == 'e' || c == 'E') && s.n > 1 && s.p[1] == '\'')
        return 1 + quoted((struct k2_sv){s.p + 1, s.n - 1}, true);
    if (c == '$')
        return dollar_quoted(s);
    n = 1;
    while (is_word(c) && n < s.n && (is_word(s.p[n]) || s.p[n] == '$'))
        n++;
    return n;
}

static struct k2_sv drop(struct k2_sv s, size_t n) {
    return (struct k2_sv){s.p + n, s.n - n};
}

static struct k2_sv skip_blank(struct k2_sv s) {
    while (s.n) {
        size_t n = isspace((unsigned char)s.p[0]) ? 1 : comment(s);
        if (n == 0)
            break;
        s = drop(s, n);
    }
    return s;
}

bool query_text_next(struct k2_sv *rest, struct k2_sv *statement) {
    struct k2_sv s = skip_blank(*rest);
    while (s.n && s.p[0] == ';')
        s = skip_blank(drop(s, 1));
    *statement = s;
    while (s.n && s.p[0] != ';')
        s = drop(s, token(s));
    statement->n -= s.n;
    *rest = s.n ? drop(s, 1) : s;
    return statement->n > 0;
}

bool query_text_complete(struct k2_sv text) {
    struct k2_sv statement;
    while (query_text_next(&text, &statement))
        if (text.p == statement.p + statement.n)
            return false; /* no semicolon was cut off */
    return true;
}

size_t query_text_token(struct k2_sv s) {
    return token(s);
}

void query_text_flatten(struct k2_sv statement, struct k2_buf *out) {
    for (struct k2_sv s = skip_blank(statement); s.n;) {
        struct k2_sv next = skip_blank(s);
        if (next.p != s.p && next.n)
            k2_buf_byte(out, ' ');
        s = next;
        size_t n = s.n ? token(s) : 0;
        k2_buf_put(out, s.p, n);
        s = drop(s, n);
    }
}

struct k2_sv query_text_word(struct k2_sv statement) {
    struct k2_sv s = skip_blank(statement);
    if (s.n)
        s.n = token(s);
    return s;
}

static bool take_word(struct k2_sv *s, const char *word) {
    struct k2_sv w = query_text_word(*s);
    if (w.n != strlen(word) || strncasecmp(w.p, word, w.n) != 0)
        return false;
    *s = drop(*s, (size_t)(w.p - s->p) + w.n);
    return true;
}

/* Is this the list of options of EXPLAIN, and not a statement in parentheses? */
static bool is_options(struct k2_sv s) {
    if (!s.n || s.p[0] != '(')
        return false;
    struct k2_sv w = query_text_word(drop(s, 1));
    static const char *const options[] = {"FORMAT", "ANALYZE", "ANALYSE", "VERBOSE", "CODEGEN"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (w.n == strlen(options[i]) && strncasecmp(w.p, options[i], w.n) == 0)
            return true;
    return false;
}

static struct k2_sv drop_parentheses(struct k2_sv s) {
    for (int depth = 0; s.n;) {
        depth += (s.p[0] == '(') - (s.p[0] == ')');
        s = drop(s, token(s));
        if (depth == 0)
            break;
    }
    return s;
}

bool query_text_explained(struct k2_sv statement, struct k2_sv *inner) {
    *inner = statement;
    if (!take_word(inner, "EXPLAIN"))
        return false;
    if (!take_word(inner, "ANALYZE"))
        take_word(inner, "ANALYSE");
    *inner = skip_blank(*inner);
    if (is_options(*inner))
        *inner = skip_blank(drop_parentheses(*inner));
    return true;
}

bool query_text_mentions(struct k2_sv text, const char *word) {
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= text.n; i++)
        if (strncasecmp(text.p + i, word, n) == 0)
            return true;
    return false;
}

static void put_quoted(struct k2_buf *out, struct k2_sv s, char quote) {
    k2_buf_byte(out, (uint8_t)quote);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == quote)
            k2_buf_byte(out, (uint8_t)quote);
        k2_buf_byte(out, (uint8_t)s.p[i]);
    }
    k2_buf_byte(out, (uint8_t)quote);
}

void query_text_literal(struct k2_buf *out, struct k2_sv text) {
    put_quoted(out, text, '\'');
}

void query_text_name(struct k2_buf *out, const char *name) {
    put_quoted(out, k2_sv_of(name), '"');
}
