/* feed/layout/words.c - words, names, values and references in a layout's text. */
#include "feed/layout/parse.h"

#include <stdlib.h>

void layout_room(void **list, uint32_t *n, uint32_t *cap, size_t size) {
    if (*n == *cap) {
        *cap = *cap ? *cap * 2 : 16;
        *list = k2_realloc(*list, *cap * size);
    }
    memset((char *)*list + *n * size, 0, size);
    ++*n;
}

int layout_wrong(struct layout_parse *p, const char *what, struct k2_sv text) {
    if (!p->failed)
        (void)k2_fail(p->err, K2_E_INVALID, "%s:%d: %s: \"%.*s\"", p->file, p->line, what,
                      K2_SV_ARG(k2_sv_shown(k2_sv_trim(text))));
    p->failed = true;
    return -1;
}

static bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/* Where the text that begins at `at` ends: at a blank, or at sep where that is not 0. */
static size_t run(struct k2_sv s, char sep) {
    int depth = 0;
    char quote = 0;
    size_t i = 0;
    for (; i < s.n; i++) {
        char c = s.p[i];
        if (quote) {
            quote = (char)(c == quote ? 0 : quote);
            continue;
        }
        if (depth == 0 && (sep ? c == sep : blank(c)))
            break;
        if (c == '"' || c == '\'')
            quote = c;
        depth += (c == '{') + (c == '[') + (c == '(') - (c == '}') - (c == ']') - (c == ')');
    }
    return i;
}

bool layout_word(struct k2_sv *rest, struct k2_sv *word) {
    while (rest->n && blank(rest->p[0]))
        *rest = (struct k2_sv){rest->p + 1, rest->n - 1};
    size_t n = run(*rest, 0);
    *word = (struct k2_sv){rest->p, n};
    if (n)
        *rest = (struct k2_sv){rest->p + n, rest->n - n};
    return n > 0;
}

struct k2_sv layout_split(struct k2_sv *rest, char sep) {
    size_t n = run(*rest, sep);
    struct k2_sv before = {rest->p, n};
    *rest =
        n < rest->n ? (struct k2_sv){rest->p + n + 1, rest->n - n - 1} : (struct k2_sv){NULL, 0};
    return before;
}

bool layout_is_name(struct k2_sv s) {
    for (size_t i = 0; i < s.n; i++)
        if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && s.p[i] != '_' &&
            !(i && s.p[i] >= '0' && s.p[i] <= '9'))
            return false;
    return s.n > 0 && s.n < 100;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool layout_integer(struct k2_sv s, int64_t *out) {
    if (!k2_sv_starts(s, K2_SV("0x")))
        return k2_sv_i64(s, out);
    uint64_t v = 0;
    if (s.n < 3 || s.n > 18)
        return false;
    for (size_t i = 2; i < s.n; i++) {
        int d = hex_digit(s.p[i]);
        if (d < 0)
            return false;
        v = v << 4 | (uint64_t)d;
    }
    *out = (int64_t)v;
    return true;
}

struct k2_sv layout_unquoted(struct k2_sv word, bool *ok) {
    *ok = word.n >= 2 && word.p[0] == '"' && word.p[word.n - 1] == '"';
    return *ok ? (struct k2_sv){word.p + 1, word.n - 2} : word;
}

static bool packed(struct k2_sv s, int64_t *out) {
    uint64_t v = 0;
    while (s.n && s.p[s.n - 1] == ' ')
        s.n--;
    for (size_t i = 0; i < s.n; i++)
        v = v << 8 | (unsigned char)s.p[i];
    *out = (int64_t)v;
    return s.n <= 8;
}

static bool character(struct k2_sv s, int64_t *out) {
    if (s.n == 1)
        *out = (unsigned char)s.p[0];
    else if (s.n == 2 && s.p[0] == '\\')
        *out = s.p[1] == '0' ? 0 : (unsigned char)s.p[1];
    else if (s.n == 4 && s.p[0] == '\\' && s.p[1] == 'x' && hex_digit(s.p[2]) >= 0 &&
             hex_digit(s.p[3]) >= 0)
        *out = hex_digit(s.p[2]) * 16 + hex_digit(s.p[3]);
    else
        return false;
    return true;
}

bool layout_literal(struct k2_sv word, bool textual, int64_t *out) {
    bool quoted;
    struct k2_sv text = layout_unquoted(word, &quoted);
    if (quoted)
        return packed(text, out);
    if (word.n >= 3 && word.p[0] == '\'' && word.p[word.n - 1] == '\'')
        return character((struct k2_sv){word.p + 1, word.n - 2}, out);
    return textual ? word.n > 0 && packed(word, out) : layout_integer(word, out);
}

bool layout_textual(const struct layout_node *n) {
    return n->type == LAYOUT_CHAR || n->type == LAYOUT_TEXT;
}

/* --- references --- */

/* The child of the node with this name; children of inline structs count as its own. */
static int32_t child(const struct layout *l, int32_t node, struct k2_sv name) {
    int32_t end = node == (int32_t)l->nodes_n - 1 || l->nodes[node].end == 0 ? (int32_t)l->nodes_n
                                                                             : l->nodes[node].end;
    int32_t found = LAYOUT_NONE;
    for (int32_t i = node + 1; i < end;) {
        const struct layout_node *n = &l->nodes[i];
        if (n->type != LAYOUT_CHOOSE && n->inlined) {
            int32_t inner = child(l, i, name);
            found = inner >= 0 ? inner : found;
        } else if (n->type != LAYOUT_CHOOSE && k2_sv_eq(n->name, name)) {
            found = i;
        }
        if (n->end <= i)
            break; /* it is being made: nothing is behind it */
        i = n->end;
    }
    return found;
}

int32_t layout_find(const struct layout *l, int32_t scope, struct k2_sv path) {
    for (; scope >= 0; scope = l->nodes[scope].parent) {
        struct k2_sv rest = path;
        int32_t at = scope;
        if (l->nodes[scope].type == LAYOUT_CHOOSE)
            continue;
        do
            at = child(l, at, k2_sv_split(&rest, '.'));
        while (at >= 0 && rest.p);
        if (at >= 0)
            return at;
    }
    return LAYOUT_NONE;
}

int32_t layout_resolve(struct layout_parse *p, int32_t scope, struct k2_sv path) {
    int32_t node = layout_find(p->l, scope, path);
    if (node < 0)
        (void)layout_wrong(p, "there is no field", path);
    return node;
}

/* --- maps, numbers, conditions, sizes --- */

int layout_take_map(struct layout_parse *p, struct k2_sv *text, struct k2_sv *braces) {
    const char *open = text->n ? memchr(text->p, '{', text->n) : NULL;
    *braces = (struct k2_sv){NULL, 0};
    if (!open)
        return 0;
    if (text->p[text->n - 1] != '}')
        return layout_wrong(p, "behind { there is no }", *text);
    size_t at = (size_t)(open - text->p);
    *braces = (struct k2_sv){open + 1, text->n - at - 2};
    text->n = at;
    return 0;
}

int32_t layout_add_map(struct layout_parse *p, struct k2_sv braces, bool textual) {
    struct layout *l = p->l;
    uint32_t first = l->pairs_n;
    while (braces.p) {
        struct k2_sv value = k2_sv_trim(layout_split(&braces, ',')), whole = value;
        struct k2_sv key = layout_split(&value, ':');
        struct layout_pair pair = {.any = k2_sv_eq(key, K2_SV("*"))};
        bool quoted;
        if (!value.p || (!pair.any && !layout_literal(key, textual, &pair.key)))
            return layout_wrong(p, "a code is told as CODE:VALUE", whole);
        pair.text = layout_unquoted(k2_sv_trim(value), &quoted);
        if (!layout_integer(pair.text, &pair.number))
            pair.number = K2_NULL_LONG;
        *LAYOUT_ADD(l, pairs) = pair;
    }
    *LAYOUT_ADD(l, maps) = (struct layout_map){first, l->pairs_n - first};
    return (int32_t)l->maps_n - 1;
}

int layout_take_number(struct layout_parse *p, int32_t scope, struct k2_sv text,
                       struct layout_number *out) {
    struct k2_sv braces;
    *out = (struct layout_number){.node = LAYOUT_NONE, .map = LAYOUT_NONE};
    if (layout_take_map(p, &text, &braces))
        return -1;
    if (!braces.p && layout_integer(text, &out->number)) {
        out->from = LAYOUT_FROM_NUMBER;
        return 0;
    }
    out->from = LAYOUT_FROM_NODE;
    out->node = layout_resolve(p, scope, text);
    if (out->node < 0)
        return -1;
    if (braces.p)
        out->map = layout_add_map(p, braces, layout_textual(&p->l->nodes[out->node]));
    return braces.p && out->map < 0 ? -1 : 0;
}

int layout_take_values(struct layout_parse *p, struct k2_sv text, struct layout_cond *out) {
    bool textual = layout_textual(&p->l->nodes[out->node]);
    out->first = p->l->values_n;
    while (text.p) {
        struct k2_sv word = layout_split(&text, ',');
        int64_t v;
        if (!layout_literal(word, textual, &v))
            return layout_wrong(p, "this is no value", word);
        *LAYOUT_ADD(p->l, values) = v;
    }
    out->count = p->l->values_n - out->first;
    return 0;
}

int layout_take_cond(struct layout_parse *p, int32_t scope, struct k2_sv text,
                     struct layout_cond *out) {
    size_t n = 0;
    while (n < text.n && !memchr("=!&", text.p[n], 3))
        n++;
    *out = (struct layout_cond){.op = (char)(n < text.n ? text.p[n] : '?')};
    out->node = layout_resolve(p, scope, (struct k2_sv){text.p, n});
    if (out->node < 0)
        return -1;
    if (out->op == '?')
        return 0;
    size_t skip = n + (out->op == '!' ? 2 : 1);
    if (skip >= text.n || (out->op == '!' && text.p[n + 1] != '='))
        return layout_wrong(p, "a condition is FIELD=VALUE, FIELD!=VALUE or FIELD&VALUE", text);
    return layout_take_values(p, (struct k2_sv){text.p + skip, text.n - skip}, out);
}

int layout_take_size(struct layout_parse *p, int32_t scope, struct k2_sv text,
                     struct layout_size *out) {
    *out = (struct layout_size){.node = LAYOUT_NONE, .set = true};
    if (k2_sv_eq(text, K2_SV("rest"))) {
        out->rest = true;
        return 0;
    }
    if (layout_integer(text, &out->n))
        return out->n >= 0 && out->n <= 65535 ? 0 : layout_wrong(p, "too large", text);
    size_t n = 0;
    while (n < text.n && text.p[n] != '+' && text.p[n] != '-')
        n++;
    struct k2_sv add = {text.p + n, text.n - n};
    (void)k2_sv_take(&add, '+');
    if (add.n && (!layout_integer(add, &out->n) || out->n < -65535 || out->n > 65535))
        return layout_wrong(p, "a size is N, FIELD, FIELD+N or FIELD-N", text);
    out->node = layout_resolve(p, scope, (struct k2_sv){text.p, n});
    if (out->node < 0)
        return -1;
    if (p->l->nodes[out->node].type > LAYOUT_DIGITS && p->l->nodes[out->node].type != LAYOUT_BIT)
        return layout_wrong(p, "this field is no number", text);
    p->l->nodes[out->node].framing = true;
    return 0;
}
