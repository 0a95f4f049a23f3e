/* feed/layout/link.c - a layout's definitions as one array of nodes; see layout.h.
 *
 * Structs are copied into every place that uses them, and every message into the `choose` it belongs to.
 */
#include "feed/layout/parse.h"

#include <stdlib.h>

#define NODES_MAX 100000
#define NESTED_MAX 24

struct link { /* where a struct is copied to */
    int32_t parent;
    bool in_unit, in_items;
    int deep;
    struct k2_sv owner; /* the struct whose `choose` messages name with `in` */
};

static int expand_struct(struct layout_parse *p, int32_t def, int32_t node,
                         const struct link *where);

static struct layout_node *node_at(struct layout_parse *p, int32_t i) {
    return &p->l->nodes[i];
}

static int32_t new_node(struct layout_parse *p, int32_t parent, enum layout_type type,
                        struct k2_sv name) {
    struct layout_node *n = LAYOUT_ADD(p->l, nodes);
    n->type = (uint8_t)type;
    n->name = name;
    n->parent = parent;
    n->cond = n->is = n->program = n->key[0] = n->key[1] = LAYOUT_NONE;
    n->clock = n->sets_clock = -1;
    n->length.node = n->sized.node = n->repeat.node = LAYOUT_NONE;
    return (int32_t)p->l->nodes_n - 1;
}

static bool is_unit(const struct layout_parse *p, struct k2_sv name) {
    for (uint32_t i = 0; i < p->units_n; i++)
        if (k2_sv_eq(p->units[i], name))
            return true;
    return p->units_n == 0 && k2_sv_eq(name, K2_SV("message"));
}

/* --- the options of a field --- */

static int take_null(struct layout_parse *p, const struct def_member *m, struct layout_node *n) {
    uint64_t all = m->size >= 8 ? UINT64_MAX : ((uint64_t)1 << (8 * m->size)) - 1;
    uint64_t top = (all >> 1) + 1;
    int64_t v;
    n->has_null = true;
    if (k2_sv_eq(m->null, K2_SV("max")))
        n->null_raw = m->type == LAYOUT_INT ? top - 1 : all;
    else if (k2_sv_eq(m->null, K2_SV("min")))
        n->null_raw = m->type == LAYOUT_INT ? top : 0;
    else if (layout_literal(m->null, layout_textual(n), &v))
        n->null_raw =
            m->type == LAYOUT_INT || m->type == LAYOUT_UINT ? (uint64_t)v & all : (uint64_t)v;
    else
        return layout_wrong(p, "null is a value, max or min", m->null);
    return 0;
}

static int take_cond(struct layout_parse *p, int32_t parent, struct k2_sv text, int32_t *out) {
    struct layout_cond c;
    if (layout_take_cond(p, parent, text, &c))
        return -1;
    *LAYOUT_ADD(p->l, conds) = c;
    *out = (int32_t)p->l->conds_n - 1;
    return 0;
}

static int take_clock(struct layout_parse *p, struct k2_sv name, int8_t *out) {
    for (int i = 0; i < p->l->clocks; i++)
        if (k2_sv_eq(p->l->clock[i].name, name)) {
            *out = (int8_t)i;
            return 0;
        }
    return layout_wrong(p, "there is no clock", name);
}

static int take_scales(struct layout_parse *p, const struct def_member *m, int32_t parent,
                       struct layout_node *n) {
    if (m->scale.n && layout_take_number(p, parent, m->scale, &n->scale))
        return -1;
    if (m->over.n && layout_take_number(p, parent, m->over, &n->over))
        return -1;
    if ((n->scale.from == LAYOUT_FROM_NUMBER && (n->scale.number < 0 || n->scale.number > 18)) ||
        (n->over.from == LAYOUT_FROM_NUMBER && n->over.number < 1))
        return layout_wrong(p, "a scale is 0 to 18, a denominator at least 1", m->name);
    n->decimal = m->scale.n || m->over.n;
    return 0;
}

static int take_repeat(struct layout_parse *p, const struct def_member *m, int32_t parent,
                       struct layout_node *n) {
    if (!m->repeat.n)
        return 0;
    n->repeated = true;
    if (layout_take_size(p, parent, m->repeat, &n->repeat))
        return -1;
    n->has_none = m->none.n > 0;
    if (n->has_none && !layout_integer(m->none, &n->none))
        return layout_wrong(p, "none is a number", m->none);
    return 0;
}

/* On a copy, because looking up may move the nodes' array. */
static int take_rest_of(struct layout_parse *p, const struct def_member *m, int32_t parent,
                        struct layout_node *n) {
    if (m->null.n && take_null(p, m, n))
        return -1;
    if (m->cond.n && take_cond(p, parent, m->cond, &n->cond))
        return -1;
    if (m->length.n && layout_take_size(p, parent, m->length, &n->length))
        return -1;
    if (m->clock.n && take_clock(p, m->clock, &n->clock))
        return -1;
    return take_scales(p, m, parent, n) || take_repeat(p, m, parent, n) ? -1 : 0;
}

/* FIELD=VALUE,VALUE of the field itself. */
static int take_is(struct layout_parse *p, struct k2_sv values, int32_t node) {
    struct layout_cond c = {.node = node, .op = '='};
    if (layout_take_values(p, values, &c))
        return -1;
    *LAYOUT_ADD(p->l, conds) = c;
    node_at(p, node)->is = (int32_t)p->l->conds_n - 1;
    return 0;
}

static int add_bits(struct layout_parse *p, const struct def_member *m, int32_t bits) {
    unsigned shift = 0;
    for (uint32_t i = 0; i < m->bits_n; i++) {
        int32_t bit = new_node(p, bits, LAYOUT_BIT, m->bits[i].name);
        struct layout_node *n = node_at(p, bit);
        n->shift = (uint8_t)shift;
        n->width = m->bits[i].width;
        n->end = bit + 1;
        n->in_items = node_at(p, bits)->in_items;
        shift += m->bits[i].width;
    }
    if (shift > 8u * m->size)
        return layout_wrong(p, "the flags have more bits than there are", m->name);
    return 0;
}

/* --- choose --- */

static int take_key(struct layout_parse *p, struct k2_sv word, int32_t node, int64_t *out) {
    if (!layout_literal(word, layout_textual(node_at(p, node)), out))
        return layout_wrong(p, "this is no key", word);
    return 0;
}

static int add_keys(struct layout_parse *p, struct k2_sv keys, int32_t choose, int32_t body) {
    int32_t by[2] = {node_at(p, choose)->key[0], node_at(p, choose)->key[1]};
    while (keys.p) {
        struct k2_sv second = layout_split(&keys, ','), first = layout_split(&second, '/');
        struct layout_case c = {.node = body};
        if (take_key(p, first, by[0], &c.key[0]))
            return -1;
        if ((by[1] >= 0) != (second.p != NULL))
            return layout_wrong(p, "a key has as many parts as choose has fields", first);
        if (by[1] >= 0 && take_key(p, second, by[1], &c.key[1]))
            return -1;
        *LAYOUT_ADD(p->l, cases) = c;
    }
    return 0;
}

static int compare_cases(const void *a, const void *b) {
    const struct layout_case *x = a, *y = b;
    if (x->key[0] != y->key[0])
        return x->key[0] < y->key[0] ? -1 : 1;
    return (x->key[1] > y->key[1]) - (x->key[1] < y->key[1]);
}

/* Most keys are one byte: then a table finds the message without a search. */
static void add_jumps(struct layout_parse *p, int32_t choose) {
    struct layout *l = p->l;
    struct layout_node *n = node_at(p, choose);
    bool small = n->key[1] < 0 && n->case_count > 0;
    for (uint32_t i = 0; i < n->case_count; i++)
        small = small && l->cases[n->cases + i].key[0] >= 0 && l->cases[n->cases + i].key[0] < 256;
    if (!small)
        return;
    n->jumps = l->jumps_n + 1;
    for (int i = 0; i < 256; i++)
        *LAYOUT_ADD(l, jumps) = 0;
    for (uint32_t i = n->cases; i < n->cases + n->case_count; i++)
        l->jumps[n->jumps - 1 + (uint32_t)l->cases[i].key[0]] = i + 1;
}

static int sort_cases(struct layout_parse *p, int32_t choose, struct layout_case *keep,
                      uint32_t n) {
    if (n)
        qsort(keep, n, sizeof *keep, compare_cases);
    for (uint32_t i = 1; i < n; i++)
        if (compare_cases(&keep[i - 1], &keep[i]) == 0)
            return layout_wrong(p, "two messages have the same key",
                                node_at(p, keep[i].node)->name);
    node_at(p, choose)->cases = p->l->cases_n;
    node_at(p, choose)->case_count = n;
    for (uint32_t i = 0; i < n; i++)
        *LAYOUT_ADD(p->l, cases) = keep[i];
    add_jumps(p, choose);
    return 0;
}

/* The nodes of a message's struct come behind those of the one before; its cases, which may have a
 * `choose` of their own in between, are kept aside until all are there. */
static int expand_cases(struct layout_parse *p, int32_t choose, const struct link *where,
                        struct layout_case **keep, uint32_t *kept) {
    for (uint32_t i = 0; i < p->cases_n; i++) {
        const struct def_case *c = &p->cases[i];
        if (!k2_sv_eq(c->in, where->owner))
            continue;
        struct link inner = *where;
        inner.parent = choose;
        inner.in_items = false;
        int32_t body = new_node(p, choose, LAYOUT_STRUCT, p->defs[c->def].name);
        if (expand_struct(p, c->def, body, &inner))
            return -1;
        node_at(p, body)->end = (int32_t)p->l->nodes_n;
        uint32_t before = p->l->cases_n;
        p->line = c->line;
        if (add_keys(p, c->key, choose, body))
            return -1;
        uint32_t n = p->l->cases_n - before;
        *keep = k2_realloc(*keep, (*kept + n + 1) * sizeof **keep);
        memcpy(*keep + *kept, p->l->cases + before, n * sizeof **keep);
        *kept += n;
        p->l->cases_n = before;
        node_at(p, body)->one_key = n == 1;
        p->line = p->defs[c->def].line;
        if (layout_link_events(p, body, &p->defs[c->def]))
            return -1;
    }
    return 0;
}

static int expand_choose(struct layout_parse *p, const struct def_member *m, int32_t choose,
                         const struct link *where) {
    struct layout_case *keep = NULL;
    uint32_t kept = 0;
    for (int i = 0; i < 2 && m->key[i].n; i++) {
        int32_t by = layout_resolve(p, where->parent, m->key[i]);
        if (by < 0)
            return -1;
        node_at(p, choose)->key[i] = by;
    }
    if (!where->in_unit)
        return layout_wrong(p, "choose stands inside a unit (struct message)", m->key[0]);
    int rc = expand_cases(p, choose, where, &keep, &kept);
    if (!rc)
        rc = sort_cases(p, choose, keep, kept);
    free(keep);
    const struct def_struct unknown = {.name = K2_SV("unknown")};
    node_at(p, choose)->end = (int32_t)p->l->nodes_n;
    return rc ? rc : layout_link_events(p, choose, &unknown);
}

/* --- structs --- */

static int expand_member(struct layout_parse *p, const struct def_member *m,
                         const struct link *where) {
    p->line = m->line;
    if (p->l->nodes_n > NODES_MAX)
        return layout_wrong(p, "too large: structs inside structs, all told", m->name);
    struct layout_node made = {0};
    int32_t at = new_node(p, where->parent, m->type, m->name);
    made = *node_at(p, at);
    p->l->nodes_n--; /* it is no field that can be referred to yet */
    made.size = m->size;
    made.big = m->big;
    made.optional = m->optional;
    made.untrimmed = m->untrimmed;
    made.inlined = m->inlined;
    made.align = m->align;
    made.in_items = where->in_items;
    if (take_rest_of(p, m, where->parent, &made))
        return -1;
    *LAYOUT_ADD(p->l, nodes) = made;
    int rc = m->is.n ? take_is(p, m->is, at) : 0;
    if (rc)
        return rc;
    if (m->type == LAYOUT_BITS)
        rc = add_bits(p, m, at);
    else if (m->type == LAYOUT_CHOOSE)
        rc = expand_choose(p, m, at, where);
    else if (m->type == LAYOUT_STRUCT)
        rc = expand_struct(p, m->def, at, where);
    node_at(p, at)->end = (int32_t)p->l->nodes_n;
    return rc;
}

/* Copies the struct to `node`, which is there. */
static int expand_struct(struct layout_parse *p, int32_t def, int32_t node,
                         const struct link *where) {
    const struct def_struct *d = &p->defs[def];
    struct link inner = *where;
    inner.parent = node;
    inner.deep++;
    inner.owner = d->owner.n ? d->owner : d->name;
    if (inner.deep > NESTED_MAX)
        return layout_wrong(p, "structs are nested too deeply", d->name);
    if (inner.in_unit && node_at(p, node)->repeated)
        inner.in_items = true;
    if (!inner.in_unit && is_unit(p, d->name)) {
        node_at(p, node)->unit = true;
        inner.in_unit = true;
    }
    for (uint32_t i = 0; i < d->members_n; i++)
        if (expand_member(p, &p->defs[def].members[i], &inner))
            return -1;
    p->line = d->line;
    struct layout_size sized = {.node = LAYOUT_NONE};
    if (d->sized.n && layout_take_size(p, node, d->sized, &sized))
        return -1;
    if (sized.node >= 0 && sized.node < node)
        return layout_wrong(p, "sized is told by a field of the struct's own", d->sized);
    node_at(p, node)->sized = sized;
    if (!node_at(p, node)->unit)
        return 0;
    node_at(p, node)->end = (int32_t)p->l->nodes_n;
    return layout_link_events(p, node, d);
}

/* --- the head --- */

static int link_clock(struct layout_parse *p, const struct def_line *line) {
    struct layout_clock *c = &p->l->clock[p->l->clocks];
    struct k2_sv rest = line->text, word;
    p->line = line->line;
    if (p->l->clocks == LAYOUT_CLOCKS)
        return layout_wrong(p, "there are too many clocks", rest);
    if (!layout_word(&rest, &c->name) || !layout_word(&rest, &c->field) ||
        !memchr(c->field.p, '.', c->field.n))
        return layout_wrong(p, "a clock is told as: clock NAME MESSAGE.FIELD", line->text);
    const char *dot = memrchr(c->field.p, '.', c->field.n);
    c->last = (struct k2_sv){dot + 1, c->field.n - (size_t)(dot + 1 - c->field.p)};
    c->unit = K2_NS_PER_SEC;
    while (layout_word(&rest, &word)) {
        if (k2_sv_eq(word, K2_SV("midnight")))
            c->midnight = true;
        else if (k2_sv_eq(word, K2_SV("unit=ms")))
            c->unit = K2_NS_PER_MS;
        else if (k2_sv_eq(word, K2_SV("unit=us")))
            c->unit = K2_NS_PER_US;
        else if (k2_sv_eq(word, K2_SV("unit=ns")))
            c->unit = 1;
        else if (!k2_sv_eq(word, K2_SV("unit=s")))
            return layout_wrong(p, "there is no such option", word);
    }
    p->l->clocks++;
    return 0;
}

static int link_counting(struct layout_parse *p, struct k2_sv rest) {
    static const char *const names[] = {"", "message", "packet", "own"};
    struct k2_sv field, each = {NULL, 0}, what = {NULL, 0}, word;
    (void)layout_word(&rest, &field);
    if (!layout_word(&rest, &each) || !k2_sv_eq(each, K2_SV("each")) || !layout_word(&rest, &what))
        return layout_wrong(p, "it is told as: sequence FIELD each message|packet|own", field);
    for (int i = LAYOUT_COUNT_MESSAGE; i <= LAYOUT_COUNT_OWN; i++)
        if (k2_sv_eq(what, k2_sv_of(names[i])))
            p->l->counting = (enum layout_counting)i;
    if (p->l->counting == LAYOUT_COUNT_NOT)
        return layout_wrong(p, "each is message, packet or own", what);
    while (layout_word(&rest, &word)) {
        struct k2_sv number = {word.p + 7, word.n - 7};
        if (k2_sv_eq(word, K2_SV("restarts")))
            p->l->restarts = true;
        else if (k2_sv_starts(word, K2_SV("unless=")) && layout_integer(number, &p->l->unless))
            p->l->has_unless = true;
        else
            return layout_wrong(p, "there is no such option", word);
    }
    p->sequence = field;
    return 0;
}

/* The innermost place that numbers and names of channels can refer to: the unit, else the packet. */
static int32_t unit_of(const struct layout *l, int32_t root) {
    for (int32_t i = root; i < l->nodes[root].end; i++)
        if (l->nodes[i].unit)
            return i;
    return root;
}

/* Streams of messages that other packets number are bare: their packet lacks the fields. */
static bool lacks(const struct layout_parse *p, const struct layout_root *r, struct k2_sv field) {
    return r == &p->l->root[1] && p->packet[0] >= 0 &&
           layout_find(p->l, unit_of(p->l, r->node), field) < 0 &&
           layout_find(p->l, unit_of(p->l, p->l->root[0].node), field) >= 0;
}

static int link_channel(struct layout_parse *p, struct layout_root *r) {
    struct k2_sv rest = p->channel, word;
    r->parts = p->l->parts_n;
    p->line = p->line_of_channel;
    while (layout_word(&rest, &word)) {
        struct layout_part part = {.node = LAYOUT_NONE};
        bool quoted;
        part.text = layout_unquoted(word, &quoted);
        if (quoted && !part.text.n)
            return layout_wrong(p, "a part of the channel is empty", word);
        if (!quoted && !k2_sv_eq(word, K2_SV("flow"))) {
            if (lacks(p, r, word)) {
                r->ordinal = true;
                break;
            }
            part.node = layout_resolve(p, unit_of(p->l, r->node), word);
            if (part.node < 0)
                return -1;
        }
        if (!quoted)
            part.text = (struct k2_sv){NULL, 0};
        *LAYOUT_ADD(p->l, parts) = part;
    }
    r->part_count = p->l->parts_n - r->parts;
    return 0;
}

static void end_name(struct layout *l, size_t n, struct k2_sv name) {
    if (name.p >= l->text && name.p < l->text + n)
        l->text[name.p - l->text + (ptrdiff_t)name.n] = 0;
}

/* Names become C strings in place: what stands behind them was read. */
static void end_names(struct layout *l) {
    size_t n = strlen(l->text);
    struct k2_sv head[] = {l->name, l->title, l->numbering, l->spec};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        end_name(l, n, head[i]);
    for (uint32_t i = 0; i < l->nodes_n; i++)
        end_name(l, n, l->nodes[i].name);
    for (uint32_t i = 0; i < l->programs_n; i++)
        end_name(l, n, l->programs[i].name);
    for (int i = 0; i < l->clocks; i++) {
        end_name(l, n, l->clock[i].name);
        end_name(l, n, l->clock[i].last);
    }
}

static int link_root(struct layout_parse *p, int tcp) {
    struct layout_root *r = &p->l->root[tcp];
    *r = (struct layout_root){.node = LAYOUT_NONE, .sequence = LAYOUT_NONE};
    if (p->packet[tcp] < 0)
        return 0;
    struct link top = {.parent = LAYOUT_NONE};
    int32_t node = new_node(p, LAYOUT_NONE, LAYOUT_STRUCT, K2_SV("packet"));
    r->node = node;
    if (expand_struct(p, p->packet[tcp], node, &top))
        return -1;
    node_at(p, node)->end = (int32_t)p->l->nodes_n;
    if (link_channel(p, r))
        return -1;
    p->line = p->line_of_sequence;
    r->ordinal = p->sequence.n && (r->ordinal || lacks(p, r, p->sequence));
    if (!p->sequence.n || r->ordinal)
        return 0;
    r->sequence = layout_resolve(p, unit_of(p->l, node), p->sequence);
    if (r->sequence < 0)
        return -1;
    if (p->l->counting == LAYOUT_COUNT_OWN)
        node_at(p, r->sequence)->framing = true;
    return 0;
}

static int check_head(struct layout_parse *p) {
    p->line = 1;
    if (!p->l->name.n || !p->l->title.n || !p->l->exchange.n)
        return layout_wrong(p, "a layout needs the lines layout, title and exchange", p->l->name);
    if (p->packet[0] < 0 && p->packet[1] < 0)
        return layout_wrong(p, "a layout needs a packet", p->l->name);
    if (p->l->framing == FEED_FRAMING_OWN && !p->l->frame_size)
        return layout_wrong(p, "framing own needs a line: frame u16 AT+N", p->l->name);
    return 0;
}

static void mark_plain(struct layout *l) {
    for (uint32_t i = 0; i < l->nodes_n; i++) {
        struct layout_node *n = &l->nodes[i];
        n->plain = n->type <= LAYOUT_CHAR && n->cond < 0 && !n->length.set && !n->align &&
                   (!n->in_items || n->each || n->framing);
        n->simple = n->type == LAYOUT_STRUCT && !n->repeated && !n->unit && !n->length.set &&
                    !n->each && !n->in_items;
    }
}

int layout_link(struct layout_parse *p) {
    if (check_head(p))
        return -1;
    for (uint32_t i = 0; i < p->clocks_n; i++)
        if (link_clock(p, &p->clocks[i]))
            return -1;
    p->line = p->line_of_sequence;
    if (p->sequence.n && link_counting(p, p->sequence))
        return -1;
    for (int tcp = 0; tcp < 2; tcp++)
        if (link_root(p, tcp))
            return -1;
    end_names(p->l);
    mark_plain(p->l);
    return 0;
}
