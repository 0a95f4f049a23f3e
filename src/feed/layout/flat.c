/* feed/layout/flat.c - makes the flat form of a layout's messages; see flat.h. */
#include "feed/layout/flat.h"

#include <stdlib.h>

struct build {
    struct layout *l;
    struct layout_flat *f;
    int32_t
        *at; /* by node: its place in the unit; -1: it is not on the way to the message in hand */
    int32_t unit;
    bool *taken; /* by node: a column or the time of the event in hand has it */
};

static const struct layout_node *node_of(const struct build *b, int32_t node) {
    return &b->l->nodes[node];
}

/* --- places --- */

static bool has_fixed_place(const struct build *b, const struct layout_node *n) {
    return n->cond < 0 && !n->align && !n->repeated && !n->length.set && !n->sized.set &&
           (!n->optional || node_of(b, b->unit)->sized.set);
}

static bool place_field(struct build *b, int32_t node, uint32_t *at) {
    const struct layout_node *n = node_of(b, node);
    for (int32_t i = node; i < n->end; i++)
        b->at[i] = (int32_t)*at;
    *at += n->size;
    return n->size > 0 && *at < UINT16_MAX;
}

/* The fields below `node`, from *at on, up to a choice, behind which nothing may come. */
static bool place_fields(struct build *b, int32_t node, uint32_t *at, int32_t *choose) {
    for (int32_t i = node + 1; i < node_of(b, node)->end; i = node_of(b, i)->end) {
        const struct layout_node *n = node_of(b, i);
        if (*choose >= 0 || !has_fixed_place(b, n))
            return false;
        if (n->type == LAYOUT_CHOOSE)
            *choose = i;
        else if (n->type == LAYOUT_STRUCT ? !place_fields(b, i, at, choose)
                                          : !place_field(b, i, at))
            return false;
    }
    return true;
}

static void displace(struct build *b, int32_t node) {
    for (int32_t i = node; i < node_of(b, node)->end; i++)
        b->at[i] = -1;
}

/* Any field of up to 8 bytes, and flags. Text has its first byte lowest. */
static bool refer(const struct build *b, const struct flat_message *m, int32_t node,
                  struct flat_ref *out) {
    const struct layout_node *n = node_of(b, node);
    const struct layout_node *field = n->type == LAYOUT_BIT ? node_of(b, n->parent) : n;
    if (b->at[node] < 0 || field->size > 8 || n->type >= LAYOUT_STRUCT)
        return false;
    unsigned bits = 8u * field->size, width = n->type == LAYOUT_BIT ? n->width : bits;
    bool big = (field->big || field->size == 1) && n->type != LAYOUT_TEXT;
    uint32_t at = (uint32_t)b->at[node], base = at < m->size - 8 ? at : m->size - 8;
    if (big && at + field->size >= 8) /* its last byte is the last of the 8 */
        base = at + field->size - 8;
    unsigned before = 8 * (at - base);
    *out = (struct flat_ref){.node = node,
                             .base = (uint16_t)base,
                             .shift = (uint8_t)(big ? 64 - bits - before : before),
                             .sign = (uint8_t)(n->type == LAYOUT_INT ? 64 - bits : 0),
                             .big = big,
                             .has_null = n->has_null,
                             .is_signed = n->type == LAYOUT_INT,
                             .mask = width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1,
                             .null_raw = n->null_raw};
    if (n->type == LAYOUT_BIT)
        out->shift = (uint8_t)(out->shift + n->shift);
    return true;
}

/* The slot of the field is looked at by others. False: it has none that could be filled. */
static bool need(struct build *b, struct flat_message *m, int32_t node) {
    const struct layout_node *unit = node_of(b, b->unit);
    if (node < 0 || node < b->unit || node >= unit->end)
        return true;
    if (b->at[node] < 0)
        return false;
    for (uint32_t i = m->needed; i < b->f->needed_n; i++)
        if (b->f->needed[i] == node)
            return true;
    *LAYOUT_ADD(b->f, needed) = node;
    b->l->nodes[node].flat_at = (uint16_t)b->at[node];
    return true;
}

static bool need_number(struct build *b, struct flat_message *m, const struct layout_number *n) {
    return (n->from != LAYOUT_FROM_NODE && n->from != LAYOUT_FROM_DIRECTORY) || need(b, m, n->node);
}

static bool need_conds(struct build *b, struct flat_message *m, uint32_t first, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (!need(b, m, b->l->conds[first + i].node))
            return false;
    return true;
}

static bool need_term(struct build *b, struct flat_message *m, const struct layout_term *t) {
    if (t->make == LAYOUT_MAKE_TEXT)
        return true;
    return t->group < 0 && t->index < 0 && need(b, m, t->node) && need_number(b, m, &t->by) &&
           need_number(b, m, &node_of(b, t->node)->scale) &&
           need_number(b, m, &node_of(b, t->node)->over);
}

/* --- columns --- */

/* In the event. */
static uint16_t place_of(const struct k2_field *f) {
    return (uint16_t)(offsetof(struct k2_event, head) + f->offset);
}

#define BLANKS UINT64_C(0x2020202020202020)

static bool is_constant(const struct build *b, const struct layout_assign *a) {
    bool number =
        a->column->type == K2_PRICE || a->column->type == K2_QUANTITY || a->column->type == K2_LONG;
    for (uint32_t i = a->first; i < a->first + a->count; i++)
        if (b->l->terms[i].make != LAYOUT_MAKE_TEXT || (number && !b->l->terms[i].is_number))
            return false;
    return true;
}

static bool is_word(struct k2_sv text) {
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] <= ' ' || text.p[i] > '~')
            return false;
    return text.n > 0;
}

/* The map's words by code. */
static bool make_words(struct build *b, const struct layout_term *t, struct flat_column *c) {
    const struct layout_node *n = node_of(b, t->node);
    const struct layout_map *map = &b->l->maps[t->map];
    bool byte = (n->type == LAYOUT_BIT && n->width <= 8) || n->type == LAYOUT_CHAR ||
                (n->type == LAYOUT_UINT && n->size == 1);
    for (uint32_t i = 0; i < map->count; i++)
        if (!is_word(b->l->pairs[map->first + i].text))
            return false;
    if (!byte || map->count > UINT16_MAX - 1)
        return false;
    c->words = b->f->words_n;
    for (int64_t key = 0; key < 256; key++) {
        uint16_t *word = LAYOUT_ADD(b->f, words);
        for (uint32_t i = map->count; i-- > 0;)
            if (b->l->pairs[map->first + i].any || b->l->pairs[map->first + i].key == key)
                *word = (uint16_t)(i + 1);
    }
    return true;
}

static bool is_plain_text(const struct build *b, const struct layout_term *t) {
    const struct layout_node *n = node_of(b, t->node);
    return n->type == LAYOUT_TEXT && !n->has_null && !n->untrimmed;
}

/* The operation of a column that is text: FLAT_OTHER where none is made for it. */
static enum flat_op text_op(struct build *b, const struct flat_message *m,
                            const struct layout_term *t, struct flat_column *c) {
    const struct layout_node *n = node_of(b, t->node);
    bool refers = refer(b, m, t->node, &c->from);
    if (t->make == LAYOUT_MAKE_SYMBOL)
        return refers && n->type <= LAYOUT_INT ? FLAT_SYMBOL : FLAT_OTHER;
    if (!refers || t->make != LAYOUT_MAKE_FIELD || t->date || t->digits || t->scaling || t->raw ||
        t->as_signed)
        return FLAT_OTHER;
    if (t->map >= 0)
        return make_words(b, t, c) ? FLAT_WORD : FLAT_OTHER;
    c->blanks = BLANKS & ~c->from.mask;
    if (layout_is_integer(n))
        return c->from.is_signed ? FLAT_NUMBER : FLAT_DIGITS;
    return is_plain_text(b, t) ? FLAT_TEXT : FLAT_OTHER;
}

/* A field whose scale is in the table, as one number to multiply with. */
static bool make_decimal(const struct build *b, const struct flat_message *m,
                         const struct layout_term *t, const struct k2_field *f,
                         struct flat_column *c) {
    const struct layout_node *n = node_of(b, t->node);
    bool price = f->type == K2_PRICE;
    int64_t scale = 0;
    if (t->make != LAYOUT_MAKE_FIELD || t->map >= 0 || t->as_signed || n->type > LAYOUT_INT ||
        !refer(b, m, t->node, &c->from))
        return false;
    if (!t->raw && (n->over.from || (n->scale.from && n->scale.from != LAYOUT_FROM_NUMBER)))
        return false;
    if (t->scaling && (t->scaling != '~' || t->by.from != LAYOUT_FROM_NUMBER || t->by.number < 0 ||
                       t->by.number > 18))
        return false;
    scale = (t->raw || !n->scale.from ? 0 : n->scale.number) + (t->scaling ? t->by.number : 0);
    int64_t up = (price ? K2_PRICE_SCALE : K2_QUANTITY_SCALE) - scale;
    if (up < 0)
        return false;
    c->factor = (uint64_t)k2_pow10((int)up);
    k2_i128 most =
        (k2_pow10(price ? K2_PRICE_PRECISION : K2_QUANTITY_PRECISION) - 1) / k2_pow10((int)up);
    c->most = most > (k2_i128)UINT64_MAX ? UINT64_MAX : (uint64_t)most;
    c->wide = (k2_u128)c->from.mask > (k2_u128)most;
    return true;
}

static enum flat_op op_of(struct build *b, const struct flat_message *m,
                          const struct layout_term *t, const struct k2_field *f,
                          struct flat_column *c) {
    if (t->make == LAYOUT_MAKE_TEXT || t->make == LAYOUT_MAKE_COLUMN || t->group >= 0)
        return FLAT_OTHER;
    if (f->type == K2_STR)
        return text_op(b, m, t, c);
    if (f->type == K2_PRICE || f->type == K2_QUANTITY)
        return !make_decimal(b, m, t, f, c)   ? FLAT_OTHER
               : c->wide || c->from.is_signed ? FLAT_DECIMAL
                                              : FLAT_PRODUCT;
    bool integer = f->type == K2_LONG && t->make == LAYOUT_MAKE_FIELD && t->map < 0 &&
                   node_of(b, t->node)->type <= LAYOUT_INT;
    return integer && refer(b, m, t->node, &c->from) ? FLAT_LONG : FLAT_OTHER;
}

static void take(struct build *b, const struct layout_term *t) {
    if (t->make == LAYOUT_MAKE_FIELD)
        b->taken[t->node] = true;
}

/* Of a list a term may be null without the list being so: then what it left must not go into extra. */
static bool is_simple_item(const struct layout_term *t) {
    return t->map < 0 && !t->date && !t->scaling && t->make == LAYOUT_MAKE_FIELD;
}

static bool make_other(struct build *b, struct flat_message *m, const struct layout_assign *a) {
    for (uint32_t i = a->first; i < a->first + a->count; i++) {
        const struct layout_term *t = &b->l->terms[i];
        if (!need_term(b, m, t) ||
            (a->column->type == K2_LIST && t->make != LAYOUT_MAKE_TEXT && !is_simple_item(t)))
            return false;
    }
    return true;
}

static bool make_column(struct build *b, struct flat_message *m, uint32_t assign) {
    const struct layout_assign *a = &b->l->assigns[assign];
    struct flat_column c = {.assign = assign,
                            .term = a->first,
                            .required = a->column->need == K2_REQ,
                            .to = place_of(a->column),
                            .directory = b->l->terms[a->first].directory};
    enum flat_op op =
        a->count == 1 && !a->list ? op_of(b, m, &b->l->terms[a->first], a->column, &c) : FLAT_OTHER;
    if (op == FLAT_OTHER) {
        c.from = (struct flat_ref){0}; /* what is loaded of it is not looked at */
        if (!make_other(b, m, a))
            return false;
    }
    c.value_op = (uint8_t)op;
    c.op = c.from.has_null ? FLAT_NULLABLE : c.value_op;
    c.memo = b->l->terms[a->first].memo;
    for (uint32_t i = a->first; i < a->first + a->count; i++)
        take(b, &b->l->terms[i]);
    *LAYOUT_ADD(b->f, columns) = c;
    return true;
}

/* --- extra --- */

static enum flat_leaf_op leaf_op(const struct layout_node *n) {
    bool text = n->type == LAYOUT_CHAR || (n->type == LAYOUT_TEXT && !n->untrimmed);
    return layout_is_integer(n)   ? FLAT_LEAF_DIGITS
           : text && !n->has_null ? FLAT_LEAF_TEXT
                                  : FLAT_LEAF_OTHER;
}

static void make_head(struct layout_flat *f, struct flat_leaf *leaf, struct k2_sv key) {
    static const char zeros[FLAT_CHUNK];
    leaf->head = (uint32_t)f->heads.n;
    leaf->head_n = (uint32_t)key.n + 4;
    k2_blob_add(&f->heads, key);
    k2_buf_put(&f->heads, zeros, FLAT_CHUNK - f->heads.n % FLAT_CHUNK);
}

static bool make_leaf(struct build *b, struct flat_message *m, struct flat_event *v,
                      const struct layout_leaf *leaf) {
    const struct layout_node *n = node_of(b, leaf->node);
    struct flat_leaf made = {.size = n->size};
    bool refers = refer(b, m, leaf->node, &made.from);
    made.op = (uint8_t)(refers ? leaf_op(n) : FLAT_LEAF_OTHER);
    made.from.node = leaf->node;
    made.blanks = BLANKS & ~made.from.mask;
    make_head(b->f, &made, (struct k2_sv){(const char *)b->l->names.p + leaf->name, leaf->name_n});
    v->kept =
        v->kept && refers && n->scale.from != LAYOUT_FROM_NODE && n->over.from != LAYOUT_FROM_NODE;
    *LAYOUT_ADD(b->f, leaves) = made;
    return made.op != FLAT_LEAF_OTHER ||
           (need(b, m, leaf->node) && need_number(b, m, &n->scale) && need_number(b, m, &n->over));
}

/* The bytes from the first to the last of the fields, those in between blanked. */
static bool span_leaves(const struct build *b, const struct flat_message *m, struct flat_event *v) {
    struct flat_leaf *leaf = b->f->leaves + v->leaves;
    uint32_t first = UINT32_MAX, last = 0;
    uint64_t mask = 0;
    for (uint32_t i = 0; i < v->leaf_count; i++) {
        uint32_t at = (uint32_t)b->at[leaf[i].from.node];
        first = at < first ? at : first;
        last = at + leaf[i].size > last ? at + leaf[i].size : last;
    }
    if (last - first > 8)
        return false;
    for (uint32_t i = 0; i < v->leaf_count; i++) {
        leaf[i].place = (uint8_t)((uint32_t)b->at[leaf[i].from.node] - first);
        mask |= UINT64_MAX >> (64 - 8 * leaf[i].size) << 8 * leaf[i].place;
    }
    uint32_t base = first < m->size - 8 ? first : m->size - 8;
    v->told_by = (struct flat_ref){
        .base = (uint16_t)base, .shift = (uint8_t)(8 * (first - base)), .mask = mask};
    return true;
}

static bool is_alike(const struct build *b, const struct flat_leaf *x, const struct flat_leaf *y) {
    const struct layout_node *n = node_of(b, x->from.node), *m = node_of(b, y->from.node);
    return x->head_n == y->head_n &&
           memcmp(b->f->heads.p + x->head, b->f->heads.p + y->head, x->head_n) == 0 &&
           x->place == y->place && n->type == m->type && x->size == y->size && n->big == m->big &&
           x->from.has_null == y->from.has_null && x->from.null_raw == y->from.null_raw &&
           !n->decimal && !m->decimal && n->untrimmed == m->untrimmed;
}

/* Mostly the messages of a feed leave the same fields: their texts are known from each other. */
static uint32_t shape_of(const struct build *b, const struct flat_event *v) {
    const struct layout_flat *f = b->f;
    for (uint32_t i = 0; i < f->events_n; i++) {
        const struct flat_event *other = &f->events[i];
        bool same = other->kept && v->kept && other->leaf_count == v->leaf_count;
        for (uint32_t k = 0; k < v->leaf_count && same; k++)
            same = is_alike(b, &f->leaves[other->leaves + k], &f->leaves[v->leaves + k]);
        if (same)
            return other->shape;
    }
    return f->events_n;
}

static bool make_extra(struct build *b, struct flat_message *m, struct flat_event *v,
                       const struct layout_event *e) {
    v->kept = true;
    v->leaves = b->f->leaves_n;
    for (uint32_t i = e->extra; i < e->extra + e->extra_count; i++) {
        const struct layout_leaf *leaf = &b->l->leaves[i];
        if (!b->taken[leaf->node] && !node_of(b, leaf->node)->framing && !make_leaf(b, m, v, leaf))
            return false;
    }
    v->leaf_count = b->f->leaves_n - v->leaves;
    v->kept = v->kept && v->leaf_count && span_leaves(b, m, v);
    v->shape = shape_of(b, v);
    return true;
}

/* --- events --- */

static uint16_t place_named(enum k2_kind_id kind, struct k2_sv column) {
    return place_of(&k2_kind(kind)->fields[k2_field_by_name(k2_kind(kind), column)]);
}

/* The fields that tell the time: of the first line, which is the one that tells it here. */
static void take_time(struct build *b, uint32_t times, uint32_t count) {
    if (count == 0)
        return;
    const struct layout_time *t = &b->l->times[times];
    for (uint32_t i = t->first; i < t->first + t->count; i++)
        if (b->l->time_terms[i].what == 'f')
            b->taken[b->l->time_terms[i].node] = true;
}

static bool make_columns(struct build *b, struct flat_message *m, struct flat_event *v,
                         const struct layout_event *e) {
    v->columns = b->f->columns_n;
    v->constants = b->f->constants_n;
    for (uint32_t i = e->assign; i < e->assign + e->assign_count; i++) {
        if (is_constant(b, &b->l->assigns[i]))
            *LAYOUT_ADD(b->f, constants) = i;
        else if (!make_column(b, m, i))
            return false;
    }
    v->column_count = b->f->columns_n - v->columns;
    v->constant_count = b->f->constants_n - v->constants;
    return true;
}

static int compare_ops(const void *a, const void *b) {
    const struct flat_column *x = a, *y = b;
    return x->op != y->op ? (x->op > y->op) - (x->op < y->op)
                          : (x->assign > y->assign) - (x->assign < y->assign);
}

static uint16_t *count_of(struct flat_counts *n, enum flat_op op) {
    switch (op) {
    case FLAT_PRODUCT:
        return &n->products;
    case FLAT_WORD:
        return &n->words;
    case FLAT_SYMBOL:
        return &n->symbols;
    case FLAT_TEXT:
        return &n->texts;
    case FLAT_DIGITS:
        return &n->digits;
    case FLAT_NUMBER:
    case FLAT_DECIMAL:
    case FLAT_LONG:
    case FLAT_OTHER:
    case FLAT_NULLABLE:
        break;
    }
    return &n->others;
}

static bool is_plain(const struct flat_ref *r) {
    return r->big && r->shift == 0;
}

/* Columns by op. */
static void sort_columns(struct build *b, struct flat_event *v) {
    struct flat_column *c = b->f->columns + v->columns;
    v->plain = true;
    if (v->column_count == 0)
        return;
    qsort(c, v->column_count, sizeof *c, compare_ops);
    for (uint32_t i = 0; i < v->column_count; i++) {
        ++*count_of(&v->count, (enum flat_op)c[i].op);
        v->plain = v->plain && (c[i].op == FLAT_SYMBOL || c[i].op == FLAT_TEXT ||
                                (c[i].op <= FLAT_DIGITS && is_plain(&c[i].from)));
    }
}

static bool make_event(struct build *b, struct flat_message *m, uint32_t index) {
    const struct layout_event *e = &b->l->events[index];
    struct flat_event v = {.index = index,
                           .conds = e->cond_count > 0,
                           .line_flags = e->flags,
                           .flags = place_named(e->kind, K2_SV("flags")),
                           .extra = place_named(e->kind, K2_SV("extra")),
                           .raw_offset = place_named(e->kind, K2_SV("raw_offset"))};
    memset(b->taken, 0, b->l->nodes_n * sizeof *b->taken);
    take_time(b, e->times, e->time_count);
    if (e->time_count != m->program->time_count || !need_conds(b, m, e->conds, e->cond_count) ||
        !make_columns(b, m, &v, e) || !make_extra(b, m, &v, e))
        return false;
    sort_columns(b, &v);
    *LAYOUT_ADD(b->f, events) = v;
    return true;
}

/* --- messages --- */

static bool make_fast_time(const struct build *b, struct flat_message *m) {
    if (m->program->time_count == 0)
        return false;
    const struct layout_time *t = &b->l->times[m->program->times];
    for (uint32_t i = t->first; i < t->first + t->count; i++) {
        const struct layout_time_term *term = &b->l->time_terms[i];
        if (term->what == 'm' && !m->midnight)
            m->midnight = true;
        else if (term->what != 'f' || m->time_terms == FLAT_TIME_TERMS ||
                 node_of(b, term->node)->type > LAYOUT_INT ||
                 !refer(b, m, term->node, &m->time[m->time_terms]))
            return false;
        else
            m->time_unit[m->time_terms++] = term->unit;
    }
    return true;
}

static bool make_time(struct build *b, struct flat_message *m) {
    m->fast_time = make_fast_time(b, m);
    for (uint32_t i = 0; i < m->program->time_count && !m->fast_time; i++) {
        const struct layout_time *t = &b->l->times[m->program->times + i];
        for (uint32_t k = t->first; k < t->first + t->count; k++)
            if (b->l->time_terms[k].what == 'f' && !need(b, m, b->l->time_terms[k].node))
                return false;
    }
    return true;
}

/* What unit.c looks at for the number and the channel, and to fill directories. */
static bool need_others(struct build *b, struct flat_message *m) {
    const struct layout *l = b->l;
    for (int root = 0; root < 2; root++) {
        const struct layout_root *r = &l->root[root];
        bool ours = r->node >= 0 && b->unit > r->node && b->unit < l->nodes[r->node].end;
        for (uint32_t i = r->parts; i < r->parts + r->part_count && ours; i++)
            if (!need(b, m, l->parts[i].node))
                return false;
        if (ours && !need(b, m, r->sequence))
            return false;
    }
    for (uint32_t i = 0; i < m->program->directory_count; i++) {
        const struct layout_directory *d = &l->directories[m->program->directories + i];
        if (!need(b, m, d->id) || !need_conds(b, m, d->conds, d->cond_count) ||
            (d->symbol != UINT32_MAX && !need_term(b, m, &l->terms[d->symbol])))
            return false;
        for (int c = 0; c < LAYOUT_COLUMNS; c++)
            if (d->column[c] != UINT32_MAX && !need_term(b, m, &l->terms[d->column[c]]))
                return false;
    }
    return true;
}

/* Digits are looked at in any case: other characters are damage. */
static bool need_digits(struct build *b, struct flat_message *m) {
    const struct layout_node *unit = node_of(b, b->unit);
    for (int32_t i = b->unit; i < unit->end; i++)
        if (b->at[i] >= 0 && node_of(b, i)->type == LAYOUT_DIGITS && !need(b, m, i))
            return false;
    return true;
}

static bool is_usual(const struct layout *l, const struct layout_program *g) {
    for (int i = 0; i < l->clocks; i++)
        if (g->clock_node[i] >= 0)
            return false;
    return !g->reset && !g->unnumbered && !g->each && g->event_count > 0;
}

static bool fill_message(struct build *b, struct flat_message *m) {
    m->needed = b->f->needed_n;
    m->events = b->f->events_n;
    if (!is_usual(b->l, m->program) || m->size < 8 || !make_time(b, m) || !need_others(b, m) ||
        !need_digits(b, m))
        return false;
    for (uint32_t i = 0; i < m->program->event_count; i++)
        if (!make_event(b, m, m->program->events + i))
            return false;
    m->event_count = b->f->events_n - m->events;
    m->needed_count = b->f->needed_n - m->needed;
    m->quick = m->event_count == 1 && !b->f->events[m->events].conds && m->needed_count == 0 &&
               m->program->directory_count == 0 && m->fast_time;
    m->plain = m->quick && b->f->events[m->events].plain && m->midnight && m->time_terms == 1 &&
               is_plain(&m->time[0]) && !m->time[0].has_null && !m->time[0].is_signed &&
               m->time_unit[0] == 1 && m->time[0].mask <= UINT64_MAX >> 16;
    return true;
}

/* As flat_choice.then. What a message that is not flat left behind in the lists is of nobody. */
static int32_t make_message(struct build *b, int32_t node, uint32_t size) {
    struct flat_message m = {.program = &b->l->programs[node_of(b, node)->program], .size = size};
    if (!fill_message(b, &m))
        return 0;
    *LAYOUT_ADD(b->f, messages) = m;
    return (int32_t)b->f->messages_n;
}

static int32_t make_choice(struct build *b, int32_t choose, uint32_t at);

static int32_t make_case(struct build *b, int32_t node, uint32_t at) {
    int32_t choose = -1;
    uint32_t size = at;
    int32_t then = 0;
    if (place_fields(b, node, &size, &choose))
        then = choose >= 0 ? make_choice(b, choose, size) : make_message(b, node, size);
    displace(b, node);
    return then;
}

static int32_t make_choice(struct build *b, int32_t choose, uint32_t at) {
    const struct layout_node *n = node_of(b, choose), *key = node_of(b, n->key[0]);
    if (!n->jumps || n->length.set || b->at[n->key[0]] < 0 || key->type > LAYOUT_CHAR ||
        key->type == LAYOUT_INT)
        return 0;
    struct flat_choice c = {.at = (uint16_t)b->at[n->key[0]], .size = key->size, .big = key->big};
    for (int i = 0; i < 256; i++) {
        uint32_t found = b->l->jumps[n->jumps - 1 + (uint32_t)i];
        const struct layout_case *first = found ? &b->l->cases[found - 1] : NULL;
        for (int k = 0; k < i && first; k++) { /* two keys of one message */
            uint32_t same = b->l->jumps[n->jumps - 1 + (uint32_t)k];
            if (same && b->l->cases[same - 1].node == first->node) {
                c.then[i] = c.then[k];
                first = NULL;
            }
        }
        if (first)
            c.then[i] = make_case(b, first->node, at);
    }
    *LAYOUT_ADD(b->f, choices) = c;
    return -(int32_t)b->f->choices_n;
}

/* --- units --- */

/* False: how long it is has to be found out by walking it. */
static bool make_size(const struct build *b, struct flat_unit *u) {
    const struct layout_size *sized = &node_of(b, u->node)->sized;
    if (node_of(b, u->node)->length.set)
        return false;
    u->sized_rest = sized->set && sized->rest;
    u->sized_node = sized->set && !sized->rest && sized->node >= 0;
    u->sized_add = sized->n;
    if (!u->sized_node)
        return u->sized_rest || !sized->set;
    const struct layout_node *n = node_of(b, sized->node);
    u->sized_at = (uint16_t)b->at[sized->node];
    u->sized_size = n->size;
    u->sized_big = n->big;
    return b->at[sized->node] >= 0 && n->type == LAYOUT_UINT && n->size <= 4;
}

static void make_unit(struct build *b, int32_t node) {
    struct flat_unit u = {.node = node};
    int32_t choose = -1;
    b->unit = node;
    if (place_fields(b, node, &u.head, &choose) && make_size(b, &u))
        u.first = choose >= 0 ? make_choice(b, choose, u.head) : make_message(b, node, u.head);
    displace(b, node);
    if (u.first == 0)
        return;
    *LAYOUT_ADD(b->f, units) = u;
    b->l->nodes[node].flat = b->f->units_n;
}

static uint32_t sole_unit(const struct layout *l, int32_t root) {
    if (root < 0 || l->nodes[root].length.set || l->nodes[root].sized.set ||
        root + 1 >= l->nodes[root].end)
        return 0;
    const struct layout_node *first = &l->nodes[root + 1];
    bool sole = first->unit && !first->repeated && first->cond < 0 && !first->optional &&
                first->end == l->nodes[root].end;
    return sole ? first->flat : 0;
}

static enum flat_shape shape_like(const struct flat_counts *n) {
    int shape = 0;
    while (shape < FLAT_SHAPE_OTHER && memcmp(n, &flat_shapes[shape], sizeof *n) != 0)
        shape++;
    return (enum flat_shape)shape;
}

/* The plain messages of a frame that is one unit. */
static struct flat_stream *stream_of(const struct layout_flat *f, uint32_t sole) {
    const struct flat_unit *u = sole ? &f->units[sole - 1] : NULL;
    const struct flat_choice *c = u && u->first < 0 ? &f->choices[-u->first - 1] : NULL;
    if (!c || u->sized_node || c->size != 1 || c->at >= 8)
        return NULL;
    struct flat_stream *made = k2_zalloc(sizeof *made);
    made->at = c->at;
    for (int i = 0; i < 256; i++) {
        const struct flat_message *m = c->then[i] > 0 ? &f->messages[c->then[i] - 1] : NULL;
        if (!m || !m->plain)
            continue;
        made->by_key[i] = m;
        made->shape[i] = (uint8_t)shape_like(&m->event->count);
    }
    return made;
}

/* No list grows any more. */
static void point(struct layout_flat *f) {
    for (uint32_t i = 0; i < f->messages_n; i++)
        f->messages[i].event = &f->events[f->messages[i].events];
    for (uint32_t i = 0; i < f->events_n; i++)
        f->events[i].column = f->columns ? &f->columns[f->events[i].columns] : NULL;
    for (int root = 0; root < 2; root++)
        f->stream[root] = stream_of(f, f->sole[root]);
}

struct layout_flat *layout_flat_new(struct layout *l) {
    struct build b = {.l = l,
                      .f = k2_zalloc(sizeof *b.f),
                      .at = k2_alloc((l->nodes_n + 1) * sizeof *b.at),
                      .taken = k2_zalloc((l->nodes_n + 1) * sizeof *b.taken)};
    memset(b.at, 0xff, (l->nodes_n + 1) * sizeof *b.at);
    for (uint32_t i = 0; i < l->nodes_n; i++)
        if (l->nodes[i].unit)
            make_unit(&b, (int32_t)i);
    for (int root = 0; root < 2; root++)
        b.f->sole[root] = sole_unit(l, l->root[root].node);
    point(b.f);
    free(b.at);
    free(b.taken);
    return b.f;
}

void layout_flat_free(struct layout_flat *f) {
    if (!f)
        return;
    void *const lists[] = {f->units,   f->choices,   f->messages, f->events,
                           f->columns, f->constants, f->leaves,   f->needed,
                           f->words,   f->stream[0], f->stream[1]};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        free(lists[i]);
    k2_buf_free(&f->heads);
    free(f);
}
