/* codec/protobuf_lex.c - the words of a .proto file (language specification, "Lexical Elements"), and the same
 * words as a text that is the same for every layout and comment. */
#include "codec/protobuf_schema.h"

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static K2_RC bad(const struct proto_lexer *l, const char *what) {
    return k2_fail(l->err, K2_E_INVALID, "line %d: %s", l->line, what);
}

static K2_RC skip_comment(struct proto_lexer *l) {
    if (l->at[1] == '/') {
        while (l->at < l->end && *l->at != '\n')
            l->at++;
        return K2_OK;
    }
    for (l->at += 2; l->end - l->at >= 2; l->at++) {
        if (l->at[0] == '*' && l->at[1] == '/') {
            l->at += 2;
            return K2_OK;
        }
        l->line += *l->at == '\n';
    }
    return bad(l, "a comment does not end");
}

static K2_RC skip_blanks(struct proto_lexer *l) {
    while (l->at < l->end) {
        char c = *l->at;
        if (c == '/' && l->end - l->at >= 2 && (l->at[1] == '/' || l->at[1] == '*')) {
            K2_TRY(skip_comment(l));
        } else if (c == ' ' || (c >= '\t' && c <= '\r')) {
            l->line += c == '\n';
            l->at++;
        } else {
            break;
        }
    }
    return K2_OK;
}

static K2_RC take_string(struct proto_lexer *l) {
    char quote = *l->at;
    for (const char *p = l->at + 1; p < l->end && *p != '\n'; p++) {
        if (*p == '\\' && p + 1 < l->end) {
            p++;
        } else if (*p == quote) {
            l->text = (struct k2_sv){l->at, (size_t)(p + 1 - l->at)};
            return K2_OK;
        }
    }
    return bad(l, "a string does not end on its line");
}

/* Digits, letters and points; a sign behind the e of a decimal number. */
static size_t number_length(const struct proto_lexer *l) {
    const char *p = l->at;
    bool hex = l->end - p > 1 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
    for (; p < l->end; p++) {
        bool sign = (*p == '+' || *p == '-') && !hex && p > l->at && (p[-1] == 'e' || p[-1] == 'E');
        if (!is_word(*p) && !is_digit(*p) && *p != '.' && !sign)
            break;
    }
    return (size_t)(p - l->at);
}

int proto_next(struct proto_lexer *l) {
    K2_TRY(skip_blanks(l));
    l->token_line = l->line;
    l->text = (struct k2_sv){l->at, 0};
    l->token = PROTO_END;
    if (l->at == l->end)
        return K2_OK;
    char c = *l->at;
    l->text.n = 1;
    l->token = PROTO_SYMBOL;
    if (is_word(c)) {
        l->token = PROTO_WORD;
        while (l->at + l->text.n < l->end &&
               (is_word(l->at[l->text.n]) || is_digit(l->at[l->text.n])))
            l->text.n++;
    } else if (is_digit(c) || (c == '.' && l->end - l->at > 1 && is_digit(l->at[1]))) {
        l->token = PROTO_NUMBER;
        l->text.n = number_length(l);
    } else if (c == '"' || c == '\'') {
        l->token = PROTO_STRING;
        K2_TRY(take_string(l));
    } else if (c <= ' ' || c >= 127 || !strchr("{}[]()<>=;,.:-+/", c)) {
        return bad(l, "a character that has no meaning in a .proto file");
    }
    l->at += l->text.n;
    return K2_OK;
}

/* --- the text again --- */

struct printer {
    struct k2_buf *out;
    int depth;
    bool line_begins;
    bool glued; /* no blank before the next word */
    enum proto_token last;
    struct k2_sv last_text;
};

static void begin_line(struct printer *p) {
    k2_buf_byte(p->out, '\n');
    p->line_begins = true;
}

static bool is_one_of(struct k2_sv word, const char *const *list) {
    for (; *list; list++)
        if (k2_sv_eq(word, k2_sv_of(*list)))
            return true;
    return false;
}

/* A point belongs to the name before it, but not to a word of the language. */
static bool sticks_left(const struct printer *p, struct k2_sv word) {
    static const char *const apart[] = {"optional", "required", "repeated", "stream",
                                        "extend",   "oneof",    NULL};
    if (k2_sv_eq(word, K2_SV(".")) || k2_sv_eq(word, K2_SV("<")))
        return p->last == PROTO_WORD && !is_one_of(p->last_text, apart);
    return word.n == 1 && strchr(";,>]):", word.p[0]);
}

/* Closes a block on a line of its own, and keeps a ';' on the line it ends. */
static void put_break(struct printer *p, char c) {
    if (c == '}') {
        p->depth -= p->depth > 0;
        if (!p->line_begins)
            begin_line(p);
    } else if (c == ';' && p->line_begins && p->out->n > 0) {
        p->out->n--;
        p->line_begins = false;
    }
}

static void put_word(struct printer *p, const struct proto_lexer *l) {
    bool symbol = l->token == PROTO_SYMBOL;
    char c = l->text.p[0];
    if (symbol)
        put_break(p, c);
    if (p->line_begins)
        for (int i = 0; i < p->depth; i++)
            k2_buf_str(p->out, "  ");
    else if (!p->glued && !(symbol && sticks_left(p, l->text)))
        k2_buf_byte(p->out, ' ');
    k2_buf_sv(p->out, l->text);
    p->line_begins = false;
    p->glued = symbol && strchr(".<([-", c);
    p->last = l->token;
    p->last_text = l->text;
    p->depth += symbol && c == '{';
    if (symbol && strchr("{};", c))
        begin_line(p);
}

int proto_text_put(struct k2_sv text, struct k2_buf *out, struct k2_err *err) {
    struct proto_lexer l = {.at = text.p, .end = text.p + text.n, .line = 1, .err = err};
    struct printer p = {.out = out, .line_begins = true};
    K2_TRY(proto_next(&l));
    while (l.token != PROTO_END) {
        put_word(&p, &l);
        K2_TRY(proto_next(&l));
    }
    return K2_OK;
}
