/* feed/layout/parse.c - a layout's text as definitions: the head, structs, messages and their lines.
 *
 * The language is docs/layouts.md. Only the form of lines is looked at here; what they refer to is
 * found in link.c and lines.c.
 */
#include "feed/layout/parse.h"

#include "feed/layout/flat.h"

#include <stdlib.h>

#define TEXT_MAX ((size_t)1 << 20) /* of a layout */

typedef int directive_fn(struct layout_parse *p, struct k2_sv rest);

static struct def_struct *opened(struct layout_parse *p) {
    return &p->defs[p->open];
}

/* --- the lines of a struct --- */

/* The number at the end of "u16", "text10"; *rest is what follows it. */
static bool take_count(struct k2_sv word, size_t letters, int64_t *out, struct k2_sv *rest) {
    size_t i = letters;
    while (i < word.n && word.p[i] >= '0' && word.p[i] <= '9')
        i++;
    *rest = (struct k2_sv){word.p + i, word.n - i};
    return i > letters && i - letters < 6 &&
           k2_sv_i64((struct k2_sv){word.p + letters, i - letters}, out);
}

static bool take_order(const struct layout_parse *p, struct k2_sv rest, bool *big) {
    *big = rest.n ? k2_sv_eq(rest, K2_SV("be")) : p->l->big;
    return rest.n == 0 || *big || k2_sv_eq(rest, K2_SV("le"));
}

static bool numeric_type(const struct layout_parse *p, struct k2_sv word, struct def_member *m) {
    static const struct {
        struct k2_sv name;
        enum layout_type type;
    } types[] = {{{"u", 1}, LAYOUT_UINT}, {{"i", 1}, LAYOUT_INT}, {{"bits", 4}, LAYOUT_BITS}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        int64_t bits;
        struct k2_sv rest;
        if (!k2_sv_starts(word, types[i].name) ||
            !take_count(word, types[i].name.n, &bits, &rest) || !take_order(p, rest, &m->big))
            continue;
        if (bits < 8 || bits > 64 || bits % 8)
            return false;
        m->type = types[i].type;
        m->size = (uint8_t)(bits / 8);
        return true;
    }
    return false;
}

static bool text_type(struct k2_sv word, struct def_member *m) {
    static const struct {
        struct k2_sv name;
        enum layout_type type;
    } types[] = {{{"text", 4}, LAYOUT_TEXT},
                 {{"digits", 6}, LAYOUT_DIGITS},
                 {{"bytes", 5}, LAYOUT_BYTES},
                 {{"pad", 3}, LAYOUT_PAD}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        int64_t n = 0;
        struct k2_sv rest = {NULL, 0};
        bool bare = k2_sv_eq(word, types[i].name) && types[i].type != LAYOUT_DIGITS;
        if (!bare && !(k2_sv_starts(word, types[i].name) &&
                       take_count(word, types[i].name.n, &n, &rest) && rest.n == 0))
            continue;
        if (!bare && (n < 1 || n > (types[i].type == LAYOUT_DIGITS ? 18 : 255)))
            return false;
        m->type = types[i].type;
        m->size = (uint8_t)n;
        return true;
    }
    return false;
}

static int32_t find_def(const struct layout_parse *p, struct k2_sv name) {
    for (uint32_t i = 0; i < p->defs_n; i++)
        if (k2_sv_eq(p->defs[i].name, name) && p->defs[i].owner.n == 0)
            return (int32_t)i;
    return LAYOUT_NONE;
}

static int take_type(struct layout_parse *p, struct k2_sv word, struct def_member *m) {
    if (k2_sv_eq(word, K2_SV("char"))) {
        m->type = LAYOUT_CHAR;
        m->size = 1;
        return 0;
    }
    if (numeric_type(p, word, m) || text_type(word, m))
        return 0;
    m->def = find_def(p, word);
    if (m->def < 0 || m->def == p->open || m->def == p->outer)
        return layout_wrong(p, "there is no type or struct", word);
    m->type = LAYOUT_STRUCT;
    return 0;
}

static int add_bit(struct layout_parse *p, struct def_member *m, struct k2_sv name,
                   struct k2_sv width) {
    int64_t n;
    if (!layout_is_name(name) || !k2_sv_i64(width, &n) || n < 1 || n > 64)
        return layout_wrong(p, "flags are name:width", name);
    *LAYOUT_ADD(m, bits) = (struct def_bit){name, (uint8_t)n};
    return 0;
}

static bool take_flag(struct k2_sv word, struct def_member *m) {
    if (k2_sv_eq(word, K2_SV("optional")))
        return m->optional = true;
    if (k2_sv_eq(word, K2_SV("untrimmed")))
        return m->untrimmed = true;
    if (k2_sv_eq(word, K2_SV("inline")))
        return m->inlined = true;
    return false;
}

static bool take_option(struct k2_sv key, struct k2_sv value, struct def_member *m) {
    const struct {
        const char *key;
        struct k2_sv *to;
    } options[] = {{"scale", &m->scale},   {"over", &m->over},   {"null", &m->null},
                   {"if", &m->cond},       {"none", &m->none},   {"length", &m->length},
                   {"repeat", &m->repeat}, {"clock", &m->clock}, {"size", &m->length},
                   {"is", &m->is}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (k2_sv_eq(key, k2_sv_of(options[i].key))) {
            *options[i].to = value;
            return true;
        }
    int64_t n;
    if (!k2_sv_eq(key, K2_SV("align")) || !k2_sv_i64(value, &n) || n < 1 || n > 64)
        return false;
    m->align = (uint8_t)n;
    return true;
}

static int take_options(struct layout_parse *p, struct k2_sv rest, struct def_member *m) {
    struct k2_sv word;
    while (layout_word(&rest, &word)) {
        struct k2_sv value = word, key = layout_split(&value, '=');
        if (value.p ? take_option(key, value, m) : take_flag(word, m))
            continue;
        struct k2_sv width = word, name = layout_split(&width, ':');
        if (m->type != LAYOUT_BITS || !width.p)
            return layout_wrong(p, "there is no such option", word);
        if (add_bit(p, m, name, width))
            return -1;
    }
    return 0;
}

static int check_member(struct layout_parse *p, const struct def_member *m) {
    bool sizeless = m->type == LAYOUT_TEXT || m->type == LAYOUT_BYTES || m->type == LAYOUT_PAD;
    if (sizeless && !m->size && !m->length.n && !m->align)
        return layout_wrong(p, "how many bytes it has is not said", m->name);
    if (m->type == LAYOUT_TEXT && m->size > LAYOUT_TEXT_MAX - 8)
        return 0;
    if (m->inlined && (m->type != LAYOUT_STRUCT || m->repeat.n))
        return layout_wrong(p, "only a struct that does not repeat is inline", m->name);
    if (m->repeat.n && m->type != LAYOUT_STRUCT)
        return layout_wrong(p, "only structs repeat", m->name);
    return 0;
}

static int add_field(struct layout_parse *p, struct k2_sv type, struct k2_sv rest) {
    struct def_member m = {.line = p->line, .def = LAYOUT_NONE};
    struct k2_sv before = rest, name;
    if (take_type(p, type, &m))
        return -1;
    if (m.type == LAYOUT_STRUCT) {
        m.name = type;
        if (layout_word(&rest, &name) && layout_is_name(name) &&
            !k2_sv_eq(name, K2_SV("optional")) && !k2_sv_eq(name, K2_SV("inline")))
            m.name = name;
        else
            rest = before;
    } else if (!layout_word(&rest, &m.name) || !layout_is_name(m.name)) {
        return layout_wrong(p, "the field has no name (a-z 0-9 _)", m.name);
    }
    int rc = take_options(p, rest, &m);
    *LAYOUT_ADD(opened(p), members) = m; /* owns the flags from here on */
    return rc ? rc : check_member(p, &m);
}

static int add_choose(struct layout_parse *p, struct k2_sv rest) {
    struct def_member m = {
        .line = p->line, .type = LAYOUT_CHOOSE, .def = LAYOUT_NONE, .name = K2_SV("choose")};
    struct k2_sv before = rest, word;
    for (int i = 0; i < 2 && layout_word(&rest, &word); i++) {
        if (memchr(word.p, '=', word.n) || (i && k2_sv_eq(word, K2_SV("optional"))))
            break;
        m.key[i] = word;
        before = rest;
    }
    if (!m.key[0].n)
        return layout_wrong(p, "choose needs a field", word);
    int rc = take_options(p, before, &m);
    *LAYOUT_ADD(opened(p), members) = m;
    return rc;
}

/* A block is a struct without a name that is told as part of the one it is in. */
static int open_block(struct layout_parse *p, struct k2_sv size) {
    if (p->outer >= 0)
        return layout_wrong(p, "a block cannot be in a block", size);
    struct k2_sv owner = opened(p)->name;
    struct def_member m = {.line = p->line,
                           .type = LAYOUT_STRUCT,
                           .name = K2_SV("block"),
                           .inlined = true,
                           .def = (int32_t)p->defs_n,
                           .length = k2_sv_trim(size)};
    if (!m.length.n)
        return layout_wrong(p, "a block needs its size", size);
    *LAYOUT_ADD(opened(p), members) = m;
    struct def_struct *d = LAYOUT_ADD(p, defs);
    d->line = p->line;
    d->owner = owner;
    p->outer = p->open;
    p->open = (int32_t)p->defs_n - 1;
    return 0;
}

static int close_block(struct layout_parse *p) {
    if (p->outer < 0)
        return layout_wrong(p, "there is no block to end", K2_SV("end"));
    p->open = p->outer;
    p->outer = LAYOUT_NONE;
    return 0;
}

static int take_member(struct layout_parse *p, struct k2_sv line) {
    struct k2_sv rest = line, word;
    if (p->open < 0)
        return layout_wrong(p, "a field outside of a struct, packet or message", line);
    if (!layout_word(&rest, &word))
        return 0;
    if (k2_sv_eq(word, K2_SV("choose")))
        return add_choose(p, rest);
    if (k2_sv_eq(word, K2_SV("block")))
        return open_block(p, rest);
    if (k2_sv_eq(word, K2_SV("end")))
        return close_block(p);
    if (k2_sv_eq(word, K2_SV("reset")) && !k2_sv_trim(rest).n)
        return opened(p)->reset = true, 0;
    if (k2_sv_eq(word, K2_SV("unnumbered")) && !k2_sv_trim(rest).n)
        return opened(p)->unnumbered = true, 0;
    if (k2_sv_eq(word, K2_SV("event")) || k2_sv_eq(word, K2_SV("directory")) ||
        k2_sv_eq(word, K2_SV("forget"))) {
        *LAYOUT_ADD(opened(p), lines) = (struct def_line){p->line, line};
        return 0;
    }
    return add_field(p, word, rest);
}

/* --- directives --- */

static int take_text(struct k2_sv *to, struct k2_sv rest) {
    *to = k2_sv_trim(rest);
    return 0;
}

static int take_layout(struct layout_parse *p, struct k2_sv rest) {
    struct k2_sv name = k2_sv_trim(rest);
    for (size_t i = 0; i < name.n; i++)
        if (!memchr("abcdefghijklmnopqrstuvwxyz0123456789.-", name.p[i], 38))
            return layout_wrong(p, "a layout's name has only a-z 0-9 . -", name);
    if (name.n == 0 || name.n > 64)
        return layout_wrong(p, "a layout needs a name of 64 characters or less", name);
    p->l->name = name;
    return 0;
}

static int take_title(struct layout_parse *p, struct k2_sv rest) {
    return take_text(&p->l->title, rest);
}

static int take_spec(struct layout_parse *p, struct k2_sv rest) {
    return take_text(&p->l->spec, rest);
}

static int take_numbering(struct layout_parse *p, struct k2_sv rest) {
    return take_text(&p->l->numbering, rest);
}

static int take_exchange(struct layout_parse *p, struct k2_sv rest) {
    p->l->exchange = k2_sv_trim(rest);
    if (!k2_exchange_ok(p->l->exchange))
        return layout_wrong(p, "an exchange's code is 1 to 31 of A-Z 0-9 _ -", rest);
    return 0;
}

static int take_byte_order(struct layout_parse *p, struct k2_sv rest) {
    rest = k2_sv_trim(rest);
    p->l->big = k2_sv_eq(rest, K2_SV("big"));
    if (!p->l->big && !k2_sv_eq(rest, K2_SV("little")))
        return layout_wrong(p, "the order is big or little", rest);
    if (p->defs_n)
        return layout_wrong(p, "the order must be said before the first struct", rest);
    return 0;
}

static int take_framing(struct layout_parse *p, struct k2_sv rest) {
    static const char *const names[] = {
        [FEED_FRAMING_NONE] = "udp",        [FEED_FRAMING_LENGTH16] = "length16",
        [FEED_FRAMING_SOUPBIN] = "soupbin", [FEED_FRAMING_NASDAQ] = "nasdaq",
        [FEED_FRAMING_OWN] = "own",         [FEED_FRAMING_SEGMENTS] = "segments"};
    rest = k2_sv_trim(rest);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (k2_sv_eq(rest, k2_sv_of(names[i]))) {
            p->l->framing = (enum feed_framing)i;
            return 0;
        }
    return layout_wrong(p, "the framing is udp, length16, soupbin, nasdaq, segments or own", rest);
}

/* begins=0x0258: the first bytes of each frame, in their order. */
static bool take_begins(struct layout *l, struct k2_sv word) {
    int64_t bytes;
    struct k2_sv hex = {word.p + 7, word.n - 7};
    if (!k2_sv_starts(word, K2_SV("begins=")) || hex.n % 2 || !k2_sv_starts(hex, K2_SV("0x")) ||
        !layout_integer(hex, &bytes))
        return false;
    l->frame_begins_n = (uint8_t)(hex.n / 2 - 1);
    for (int i = l->frame_begins_n; i-- > 0; bytes = (int64_t)((uint64_t)bytes >> 8))
        l->frame_begins[i] = (uint8_t)bytes;
    return true;
}

static int take_frame(struct layout_parse *p, struct k2_sv rest) {
    struct def_member m = {0};
    struct k2_sv type, at = {NULL, 0}, begins;
    int64_t from = -1;
    bool ok = layout_word(&rest, &type) && layout_word(&rest, &at) && numeric_type(p, type, &m) &&
              m.type == LAYOUT_UINT;
    struct k2_sv add = at, digits = layout_split(&add, '+');
    if (!ok || !k2_sv_i64(digits, &from) || from < 0 || from > 64 ||
        (add.n && !k2_sv_i64(add, &p->l->frame_add)) ||
        (layout_word(&rest, &begins) && !take_begins(p->l, begins)))
        return layout_wrong(p, "a frame is told as: u16 AT+N [begins=0xHEX]", at);
    p->l->frame_size = m.size;
    p->l->frame_big = m.big;
    p->l->frame_at = (uint8_t)from;
    return 0;
}

static int take_nothing(struct layout_parse *p, struct k2_sv rest) {
    (void)p;
    (void)rest;
    return 0;
}

static int take_sequence(struct layout_parse *p, struct k2_sv rest) {
    p->sequence = k2_sv_trim(rest);
    p->line_of_sequence = p->line;
    return 0;
}

static int take_channel(struct layout_parse *p, struct k2_sv rest) {
    p->channel = k2_sv_trim(rest);
    p->line_of_channel = p->line;
    return 0;
}

static int take_clock(struct layout_parse *p, struct k2_sv rest) {
    *LAYOUT_ADD(p, clocks) = (struct def_line){p->line, rest};
    return 0;
}

static int take_time(struct layout_parse *p, struct k2_sv rest) {
    *LAYOUT_ADD(p, times) = (struct def_line){p->line, rest};
    return 0;
}

static int take_unit(struct layout_parse *p, struct k2_sv rest) {
    struct k2_sv word;
    while (layout_word(&rest, &word))
        *LAYOUT_ADD(p, units) = word;
    return 0;
}

static int new_struct(struct layout_parse *p, struct k2_sv name) {
    if (!layout_is_name(name))
        return layout_wrong(p, "a name has only a-z 0-9 _", name);
    if (find_def(p, name) >= 0)
        return layout_wrong(p, "this name was used before", name);
    struct def_struct *d = LAYOUT_ADD(p, defs);
    d->line = p->line;
    d->name = name;
    p->open = (int32_t)p->defs_n - 1;
    return 0;
}

static int take_sized(struct layout_parse *p, struct k2_sv rest) {
    struct k2_sv word;
    while (layout_word(&rest, &word)) {
        if (!k2_sv_starts(word, K2_SV("sized=")))
            return layout_wrong(p, "there is no such option", word);
        opened(p)->sized = (struct k2_sv){word.p + 6, word.n - 6};
    }
    return 0;
}

static int take_struct(struct layout_parse *p, struct k2_sv rest) {
    struct k2_sv name = {NULL, 0};
    (void)layout_word(&rest, &name);
    return new_struct(p, name) ? -1 : take_sized(p, rest);
}

static int take_packet(struct layout_parse *p, struct k2_sv rest) {
    struct k2_sv before = rest, word;
    bool tcp = layout_word(&rest, &word) && k2_sv_eq(word, K2_SV("tcp"));
    if (p->packet[tcp] >= 0)
        return layout_wrong(p, "there is a second packet", word);
    struct def_struct *d = LAYOUT_ADD(p, defs);
    d->line = p->line;
    d->name = K2_SV("(packet)");
    p->packet[tcp] = p->open = (int32_t)p->defs_n - 1;
    return take_sized(p, tcp ? rest : before);
}

/* KEY NAME [in STRUCT] of `message` and `case`. */
static int take_case_line(struct layout_parse *p, struct k2_sv rest, struct def_case *c,
                          struct k2_sv *name) {
    struct k2_sv word;
    *c = (struct def_case){.line = p->line, .in = K2_SV("message")};
    *name = (struct k2_sv){NULL, 0};
    if (!layout_word(&rest, &c->key) || !layout_word(&rest, name))
        return layout_wrong(p, "it needs a key and a name", *name);
    if (!layout_word(&rest, &word))
        return 0;
    if (!k2_sv_eq(word, K2_SV("in")) || !layout_word(&rest, &c->in))
        return layout_wrong(p, "behind the name comes: in STRUCT", word);
    return 0;
}

static int take_message(struct layout_parse *p, struct k2_sv rest) {
    struct def_case c;
    struct k2_sv name;
    if (take_case_line(p, rest, &c, &name) || new_struct(p, name))
        return -1;
    c.def = p->open;
    *LAYOUT_ADD(p, cases) = c;
    return 0;
}

static int take_case(struct layout_parse *p, struct k2_sv rest) {
    struct def_case c;
    struct k2_sv name;
    if (take_case_line(p, rest, &c, &name))
        return -1;
    c.def = find_def(p, name);
    if (c.def < 0)
        return layout_wrong(p, "there is no struct", name);
    *LAYOUT_ADD(p, cases) = c;
    return 0;
}

static const struct {
    const char *word;
    directive_fn *take;
} directives[] = {
    {"layout", take_layout},     {"title", take_title},      {"spec", take_spec},
    {"exchange", take_exchange}, {"order", take_byte_order}, {"framing", take_framing},
    {"frame", take_frame},       {"sample", take_nothing},   {"numbering", take_numbering},
    {"sequence", take_sequence}, {"channel", take_channel},  {"clock", take_clock},
    {"time", take_time},         {"unit", take_unit},        {"struct", take_struct},
    {"packet", take_packet},     {"message", take_message},  {"case", take_case},
};

static int take_directive(struct layout_parse *p, struct k2_sv line) {
    struct k2_sv rest = line, word = {NULL, 0};
    (void)layout_word(&rest, &word);
    if (p->outer >= 0)
        return layout_wrong(p, "the block above has no end", word);
    p->open = LAYOUT_NONE;
    if (!p->l->name.n && !k2_sv_eq(word, K2_SV("layout")))
        return layout_wrong(p, "the first line is: layout NAME", word);
    for (size_t i = 0; i < sizeof directives / sizeof *directives; i++)
        if (k2_sv_eq(word, k2_sv_of(directives[i].word)))
            return directives[i].take(p, rest);
    return layout_wrong(p, "there is no such directive", word);
}

/* --- lines --- */

/* Blanks out comments; the text keeps its length. */
static void strip(char *text) {
    char quote = 0, before = '\n';
    for (char *at = text; *at; before = *at, at++) {
        if (*at == '\n')
            quote = 0;
        else if (quote)
            quote = (char)(*at == quote ? 0 : quote);
        else if (*at == '"')
            quote = *at;
        else if (*at == '#' && (before == ' ' || before == '\t' || before == '\n'))
            for (char *c = at; *c && *c != '\n'; c++)
                *c = ' ';
    }
}

/* Cuts the next logical line off *text, its continuations joined with it in place. */
static struct k2_sv next_line(char **text, int *lines) {
    char *start = *text, *at = start;
    *lines = 1;
    for (; *at && *at != '\n'; at++) {
        if (at[0] != '\\' || (at[1] != '\n' && !(at[1] == '\r' && at[2] == '\n')))
            continue;
        ++*lines;
        while (*at != '\n')
            *at++ = ' ';
        *at = ' ';
    }
    *text = *at ? at + 1 : at;
    return (struct k2_sv){start, (size_t)(at - start)};
}

static int take_lines(struct layout_parse *p) {
    char *text = p->l->text;
    strip(text);
    int line = 1, lines;
    while (*text) {
        p->line = line;
        struct k2_sv s = next_line(&text, &lines);
        line += lines;
        bool inner = s.n && (s.p[0] == ' ' || s.p[0] == '\t');
        if (k2_sv_trim(s).n == 0)
            continue;
        if (inner ? take_member(p, s) : take_directive(p, s))
            return -1;
    }
    if (p->outer >= 0)
        return layout_wrong(p, "the last block has no end", K2_SV(""));
    return 0;
}

static void free_parse(struct layout_parse *p) {
    for (uint32_t i = 0; i < p->defs_n; i++) {
        for (uint32_t k = 0; k < p->defs[i].members_n; k++)
            free(p->defs[i].members[k].bits);
        free(p->defs[i].members);
        free(p->defs[i].lines);
    }
    free(p->defs);
    free(p->cases);
    free(p->times);
    free(p->clocks);
    free(p->units);
}

int layout_parse(struct k2_sv text, const char *file, struct layout **out, struct k2_err *err) {
    *out = NULL;
    if (text.n > TEXT_MAX || memchr(text.p ? text.p : "", 0, text.n))
        return k2_fail(err, K2_E_INVALID, "%s is no layout: %s", file,
                       text.n > TEXT_MAX ? "it is longer than 1 MB" : "there is a NUL in it");
    struct layout *l = k2_zalloc(sizeof *l);
    l->text = k2_sv_dup(text);
    struct layout_parse p = {.file = file,
                             .err = err,
                             .l = l,
                             .open = LAYOUT_NONE,
                             .outer = LAYOUT_NONE,
                             .packet = {LAYOUT_NONE, LAYOUT_NONE}};
    int rc = take_lines(&p);
    if (!rc)
        rc = layout_link(&p);
    free_parse(&p);
    if (rc) {
        layout_free(l);
        return K2_E_INVALID;
    }
    l->flat = layout_flat_new(l);
    layout_make_ops(l);
    *out = l;
    return K2_OK;
}

void layout_free(struct layout *l) {
    if (!l)
        return;
    void *const lists[] = {l->text,  l->nodes,      l->conds,    l->values,      l->pairs,
                           l->maps,  l->cases,      l->events,   l->assigns,     l->terms,
                           l->times, l->time_terms, l->programs, l->directories, l->leaves,
                           l->parts, l->facts,      l->jumps};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        free(lists[i]);
    layout_flat_free(l->flat);
    k2_buf_free(&l->names);
    free(l);
}
