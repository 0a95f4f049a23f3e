/* feed/venue/json_scan.c - see json_scan.h. */
#include "feed/venue/json_scan.h"

#include <stdlib.h>

#define DEPTH_MAX 64

static bool fault(struct json_scan *s, const char *what) {
    s->fault = what;
    return false;
}

static void skip_blanks(struct json_scan *s) {
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || *s->p == '\n'))
        s->p++;
}

static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

/* Behind a backslash. */
static bool escape(struct json_scan *s) {
    if (s->p == s->end)
        return fault(s, "a string does not end");
    char c = *s->p++;
    if (c != 'u')
        return (c != 0 && strchr("\"\\/bfnrt", c)) || fault(s, "an unknown escape in a string");
    for (int i = 0; i < 4; i++)
        if (s->p == s->end || !is_hex(*s->p++))
            return fault(s, "\\u without four hexadecimal digits");
    return true;
}

/* The first byte that ends a plain run in a string: a quote, a backslash or a control character. Eight bytes
 * at a time: a byte is 0 after the exclusive or where it is the one looked for, and what is below 0x20 borrows;
 * a byte behind the first hit may seem one, the first itself never does. */
static const char *plain_end(const char *p, const char *end) {
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
    for (; end - p >= 8; p += 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        uint64_t quote = w ^ ones * '"', slash = w ^ ones * '\\';
        uint64_t hit =
            (((quote - ones) & ~quote) | ((slash - ones) & ~slash) | ((w - ones * 0x20) & ~w)) &
            tops;
        if (hit)
            return p + (__builtin_ctzll(hit) >> 3);
    }
    while (p < end && *p != '"' && *p != '\\' && (uint8_t)*p >= 0x20)
        p++;
    return p;
}

/* At the opening quote. */
static bool string(struct json_scan *s, struct k2_sv *text, bool *escaped) {
    const char *start = ++s->p;
    *escaped = false;
    for (;;) {
        s->p = plain_end(s->p, s->end);
        if (s->p == s->end)
            return fault(s, "a string does not end");
        if ((uint8_t)*s->p < 0x20)
            return fault(s, "a control character in a string");
        if (*s->p++ == '"')
            break;
        *escaped = true;
        if (!escape(s))
            return false;
    }
    *text = (struct k2_sv){start, (size_t)(s->p - 1 - start)};
    return true;
}

static size_t digits(struct json_scan *s) {
    const char *start = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return (size_t)(s->p - start);
}

static bool number(struct json_scan *s) {
    if (*s->p == '-')
        s->p++;
    bool zero = s->p < s->end && *s->p == '0';
    size_t whole = digits(s);
    if (whole == 0 || (zero && whole > 1))
        return fault(s, "a number that JSON does not know");
    if (s->p < s->end && *s->p == '.') {
        s->p++;
        if (digits(s) == 0)
            return fault(s, "a number without digits behind its point");
    }
    if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
        s->p++;
        if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
            s->p++;
        if (digits(s) == 0)
            return fault(s, "a number without digits in its exponent");
    }
    return true;
}

static bool word(struct json_scan *s, struct k2_sv expected) {
    if (!k2_sv_starts((struct k2_sv){s->p, (size_t)(s->end - s->p)}, expected))
        return fault(s, "a word that JSON does not know");
    s->p += expected.n;
    return true;
}

static bool key(struct json_scan *s, struct k2_sv *name, bool *escaped) {
    skip_blanks(s);
    if (s->p == s->end || *s->p != '"')
        return fault(s, "a member without its name");
    if (!string(s, name, escaped))
        return false;
    skip_blanks(s);
    if (s->p == s->end || *s->p != ':')
        return fault(s, "a member name without its colon");
    s->p++;
    return true;
}

static bool value(struct json_scan *s, struct json_value *v, int depth);

/* At the opening bracket of an array or object. */
static bool container(struct json_scan *s, char close, int depth) {
    struct json_value inner;
    struct k2_sv name;
    bool escaped;
    if (depth == DEPTH_MAX)
        return fault(s, "more than 64 levels of nesting");
    s->p++;
    skip_blanks(s);
    if (s->p < s->end && *s->p == close) {
        s->p++;
        return true;
    }
    for (;;) {
        if (close == '}' && !key(s, &name, &escaped))
            return false;
        if (!value(s, &inner, depth + 1))
            return false;
        if (s->p == s->end)
            return fault(s, "an array or object does not end");
        char c = *s->p++;
        if (c == close)
            return true;
        if (c != ',')
            return fault(s, "neither a comma nor the end of an array or object");
    }
}

static bool plain_value(struct json_scan *s, struct json_value *v, int depth) {
    switch (*s->p) {
    case '{':
        v->type = JSON_OBJECT;
        return container(s, '}', depth);
    case '[':
        v->type = JSON_ARRAY;
        return container(s, ']', depth);
    case 't':
        v->type = JSON_TRUE;
        return word(s, K2_SV("true"));
    case 'f':
        v->type = JSON_FALSE;
        return word(s, K2_SV("false"));
    case 'n':
        v->type = JSON_NULL;
        return word(s, K2_SV("null"));
    default:
        v->type = JSON_NUMBER;
        return number(s);
    }
}

static bool value(struct json_scan *s, struct json_value *v, int depth) {
    skip_blanks(s);
    v->escaped = false;
    const char *start = s->p;
    if (s->p == s->end)
        return fault(s, "a value is missing");
    if (*s->p == '"') {
        v->type = JSON_STRING;
        if (!string(s, &v->text, &v->escaped))
            return false;
    } else {
        if (!plain_value(s, v, depth))
            return false;
        v->text = (struct k2_sv){start, (size_t)(s->p - start)};
    }
    skip_blanks(s);
    return true;
}

bool json_value(struct json_scan *s, struct json_value *v) {
    return value(s, v, 0);
}

bool json_enter(struct json_scan *s) {
    skip_blanks(s);
    if (s->p == s->end || *s->p != '{')
        return fault(s, "no object");
    s->p++;
    skip_blanks(s);
    if (s->p < s->end && *s->p != '"' && *s->p != '}')
        return fault(s, "a member without its name");
    return true;
}

/* s->p is behind '{', or behind a value: at a comma or at the end. */
bool json_member(struct json_scan *s, struct k2_sv *name, struct json_value *v) {
    if (s->fault)
        return false;
    if (s->p == s->end)
        return fault(s, "an object does not end");
    if (*s->p == '}') {
        s->p++;
        return false;
    }
    if (*s->p == ',')
        s->p++;
    if (!key(s, name, &s->key_escaped) || !value(s, v, 1))
        return false;
    if (s->p == s->end)
        return fault(s, "an object does not end");
    return *s->p == ',' || *s->p == '}' || fault(s, "neither a comma nor the end of an object");
}

static unsigned hex_digit(char c) {
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 32) - 'a' + 10);
}

/* Takes one character (of UTF-16 where it is \u) off a checked text. */
static unsigned take_char(struct k2_sv *text) {
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
    unsigned c = (uint8_t)*text->p++;
    text->n--;
    if (c != '\\')
        return c;
    c = (uint8_t)*text->p++;
    text->n--;
    const char *at = strchr(letters, (int)c);
    if (c != 'u')
        return at ? (unsigned)meant[at - letters] : c;
    c = 0;
    for (int i = 0; i < 4; i++)
        c = c << 4 | hex_digit(text->p[i]);
    text->p += 4;
    text->n -= 4;
    return c;
}

bool json_says(struct k2_sv text, struct k2_sv plain) {
    for (size_t i = 0; i < plain.n; i++)
        if (text.n == 0 || take_char(&text) != (uint8_t)plain.p[i])
            return false;
    return text.n == 0;
}

bool json_at_end(struct json_scan *s) {
    skip_blanks(s);
    return s->p == s->end;
}

/* --- the list of values --- */

static struct json_token *add_token(struct json_index *x, enum json_type type, const char *p) {
    if (x->n == x->cap) {
        x->cap = x->cap ? x->cap * 2 : 256;
        x->all = k2_realloc(x->all, x->cap * sizeof *x->all);
    }
    struct json_token *t = &x->all[x->n++];
    *t = (struct json_token){.p = p, .next = x->n, .type = (uint8_t)type};
    return t;
}

static bool list_string(struct json_scan *s, struct json_index *x) {
    struct json_token *t = add_token(x, JSON_STRING, s->p + 1);
    struct k2_sv text;
    if (!string(s, &text, &t->escaped))
        return false;
    t->n = (uint32_t)text.n;
    return true;
}

static bool list_name(struct json_scan *s, struct json_index *x) {
    skip_blanks(s);
    if (s->p == s->end || *s->p != '"')
        return fault(s, "a member without its name");
    if (!list_string(s, x))
        return false;
    skip_blanks(s);
    if (s->p == s->end || *s->p != ':')
        return fault(s, "a member name without its colon");
    s->p++;
    return true;
}

static bool list_value(struct json_scan *s, struct json_index *x, int depth);

/* At the opening bracket; its token is the last one. */
static bool list_inside(struct json_scan *s, struct json_index *x, char close, int depth) {
    if (depth == DEPTH_MAX)
        return fault(s, "more than 64 levels of nesting");
    s->p++;
    skip_blanks(s);
    if (s->p < s->end && *s->p == close) {
        s->p++;
        return true;
    }
    for (;;) {
        if (close == '}' && !list_name(s, x))
            return false;
        if (!list_value(s, x, depth + 1))
            return false;
        if (s->p == s->end)
            return fault(s, "an array or object does not end");
        char c = *s->p++;
        if (c == close)
            return true;
        if (c != ',')
            return fault(s, "neither a comma nor the end of an array or object");
    }
}

static bool list_value(struct json_scan *s, struct json_index *x, int depth) {
    struct json_value v;
    skip_blanks(s);
    if (s->p == s->end)
        return fault(s, "a value is missing");
    const char *start = s->p, c = *start;
    bool good;
    if (c == '"') {
        good = list_string(s, x);
    } else {
        uint32_t at = x->n;
        add_token(x, c == '{' ? JSON_OBJECT : JSON_ARRAY, start);
        if (c == '{' || c == '[') {
            good = list_inside(s, x, c == '{' ? '}' : ']', depth);
        } else {
            good = plain_value(s, &v, depth);
            x->all[at].type = (uint8_t)v.type;
        }
        x->all[at].n = (uint32_t)(s->p - start);
        x->all[at].next = x->n;
    }
    skip_blanks(s);
    return good;
}

bool json_index(struct json_scan *s, struct json_index *x) {
    x->n = 0;
    return list_value(s, x, 0) && (s->p == s->end || fault(s, "something follows the message"));
}

void json_index_free(struct json_index *x) {
    free(x->all);
    *x = (struct json_index){0};
}
