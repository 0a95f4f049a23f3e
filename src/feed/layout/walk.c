/* feed/layout/walk.c - through the bytes of a frame by a layout's nodes.
 *
 * The same walk serves events (values are left in slots, `unit` is called at the end of each) and `k2
 * decode` (`visit` is told every field). It allocates nothing but the trace of repeated fields, which
 * grows to the largest message seen. What is damage is said in docs/layouts.md.
 */
#include "feed/layout/layout.h"

#include <stdio.h>

struct range { /* of an enclosing struct: fields may be absent at its end when it has a size */
    size_t end;
    bool sized;
};

static int walk_children(struct layout_walk *w, int32_t node, size_t *at, struct range r);

static int damage(struct layout_walk *w, const char *what, size_t at) {
    if (!w->fault) {
        w->fault = what;
        w->fault_at = at;
    }
    return -1;
}

/* --- values --- */

int64_t layout_signed(const struct layout_node *n, uint64_t raw) {
    unsigned unused = n->type == LAYOUT_INT && n->size < 8 ? 64u - 8u * n->size : 0;
    return (int64_t)(raw << unused) >> unused;
}

/* Up to 8 bytes of text as a number, for keys and conditions. */
static uint64_t pack(const uint8_t *p, size_t n) {
    uint64_t v = 0;
    for (size_t i = 0; i < n && i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

static void load_text(const uint8_t *p, struct layout_slot *s, bool untrimmed) {
    const void *nul = memchr(p, 0, s->n);
    if (nul)
        s->n = (uint32_t)((const uint8_t *)nul - p);
    uint32_t n = s->n;
    while (n && p[n - 1] == ' ')
        n--;
    s->raw =
        n && s->size >= 8 && n <= 8 ? __builtin_bswap64(k2_get_u64(p)) >> (64 - 8 * n) : pack(p, n);
    s->null = n == 0;
    if (!untrimmed)
        s->n = n;
}

static bool load_digits(const uint8_t *p, struct layout_slot *s) {
    size_t i = 0, n = s->n;
    while (n && (p[n - 1] == ' ' || p[n - 1] == 0))
        n--;
    while (i < n && p[i] == ' ')
        i++;
    s->null = i == n;
    bool negative = i < n && p[i] == '-';
    if (i < n && (p[i] == '-' || p[i] == '+'))
        i++;
    uint64_t v = 0;
    bool any = s->null;
    for (; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(p[i] - '0');
        any = true;
    }
    s->raw = negative ? 0 - v : v;
    return any;
}

static int64_t number_of(const struct layout_walk *w, int32_t node) {
    const struct layout_slot *s = &w->slot[node];
    return s->there ? layout_signed(&w->l->nodes[node], s->raw) : 0;
}

/* --- sizes and conditions --- */

/* False: there is no such many bytes. */
static bool size_of(const struct layout_walk *w, const struct layout_size *s, size_t left,
                    size_t *out) {
    int64_t n = s->n;
    *out = left;
    if (s->rest)
        return true;
    if (s->node >= 0)
        n += number_of(w, s->node);
    *out = (size_t)n;
    return n >= 0 && (uint64_t)n <= left;
}

static bool absent(const struct layout_walk *w, const struct layout_node *n, size_t at,
                   struct range r) {
    if (n->cond >= 0 && !layout_holds(w->l, w->slot, &w->l->conds[n->cond]))
        return true;
    return at == r.end && (r.sized || n->optional) && n->type != LAYOUT_CHOOSE &&
           !(n->type == LAYOUT_STRUCT && n->repeated);
}

/* --- telling --- */

static void show_field(struct layout_walk *w, int32_t node, const struct layout_slot *s) {
    const struct layout_node *n = &w->l->nodes[node];
    char room[LAYOUT_TEXT_MAX];
    w->spare.n = 0;
    struct k2_sv text = layout_print(w, node, s, room);
    w->visit->field(w->visit->ctx, n->name.p, text, n->type == LAYOUT_PAD, s->at,
                    n->type == LAYOUT_BIT ? 0 : s->size);
}

static void show_clock(struct layout_walk *w, int32_t node, const struct layout_slot *s) {
    size_t clock = (size_t)w->l->nodes[node].clock; /* one that has one */
    const struct layout_clock *c = &w->l->clock[clock];
    char room[32];
    int n = snprintf(room, sizeof room, "%lld", (long long)w->clock[clock]);
    w->visit->open(w->visit->ctx, c->name.p, -1, s->at);
    w->visit->field(w->visit->ctx, c->last.p, (struct k2_sv){room, (size_t)n}, false, s->at, 0);
    show_field(w, node, s);
    w->visit->close(w->visit->ctx);
}

static void show(struct layout_walk *w, int32_t node, const struct layout_slot *s) {
    const struct layout_node *n = &w->l->nodes[node];
    if (n->sets_clock >= 0)
        w->clock[n->sets_clock] = layout_signed(n, s->raw);
    if (n->clock >= 0 && w->clock[n->clock] != K2_NULL_LONG)
        show_clock(w, node, s);
    else
        show_field(w, node, s);
}

static void show_bytes(struct layout_walk *w, const char *name, size_t at, size_t end) {
    w->spare.n = 0;
    for (size_t i = at; i < end; i++)
        k2_buf_printf(&w->spare, "%02x", w->p[i]);
    w->visit->field(w->visit->ctx, name, k2_buf_view(&w->spare), false, at, end - at);
}

/* What is left up to `end` is not known. */
static void take_unknown(struct layout_walk *w, size_t *at, size_t end) {
    if (*at < end) {
        w->rest_at = *at;
        w->rest_n = end - *at;
        if (w->visit)
            show_bytes(w, "rest", *at, end);
    }
    *at = end;
}

/* --- fields --- */

static void trace(struct layout_walk *w, int32_t node, const struct layout_slot *s) {
    if (w->traced == w->trace_cap) {
        w->trace_cap = w->trace_cap ? w->trace_cap * 2 : 256;
        w->trace = k2_realloc(w->trace, w->trace_cap * sizeof *w->trace);
    }
    struct layout_trace *t = &w->trace[w->traced++];
    *t = (struct layout_trace){.node = node, .slot = *s};
    memcpy(t->index, w->index, sizeof t->index);
}

static void walk_bits(struct layout_walk *w, int32_t bits, const struct layout_slot *whole) {
    if (w->visit)
        w->visit->open(w->visit->ctx, w->l->nodes[bits].name.p, -1, whole->at);
    for (int32_t i = bits + 1; i < w->l->nodes[bits].end; i++) {
        const struct layout_node *n = &w->l->nodes[i];
        uint64_t mask = n->width == 64 ? UINT64_MAX : ((uint64_t)1 << n->width) - 1;
        w->slot[i] = (struct layout_slot){
            .raw = whole->raw >> n->shift & mask, .at = whole->at, .n = whole->n, .there = true};
        if (w->visit)
            show(w, i, &w->slot[i]);
    }
    if (w->visit)
        w->visit->close(w->visit->ctx);
}

static bool read_value(struct layout_walk *w, const struct layout_node *n, struct layout_slot *s) {
    const uint8_t *p = w->p + s->at;
    switch ((enum layout_type)n->type) {
    case LAYOUT_UINT:
    case LAYOUT_INT:
    case LAYOUT_BITS:
        s->raw = layout_number_at(p, n->size, n->big);
        break;
    case LAYOUT_CHAR:
        s->raw = p[0];
        break;
    case LAYOUT_TEXT:
        load_text(p, s, n->untrimmed);
        return true;
    case LAYOUT_DIGITS:
        return load_digits(p, s);
    case LAYOUT_BYTES:
    case LAYOUT_PAD:
    case LAYOUT_BIT:
    case LAYOUT_STRUCT:
    case LAYOUT_CHOOSE:
        s->raw = s->n;
        return true;
    }
    s->null = n->has_null && s->raw == n->null_raw;
    return true;
}

bool layout_walk_flat(struct layout_walk *w, int32_t node, size_t at) {
    const struct layout_node *n = &w->l->nodes[node];
    struct layout_slot *s = &w->slot[node];
    if (n->type == LAYOUT_BIT) {
        const struct layout_node *bits = &w->l->nodes[n->parent];
        uint64_t mask = n->width == 64 ? UINT64_MAX : ((uint64_t)1 << n->width) - 1;
        uint64_t whole = layout_number_at(w->p + at, bits->size, bits->big);
        *s = (struct layout_slot){
            .raw = whole >> n->shift & mask, .at = (uint32_t)at, .n = bits->size, .there = true};
        return true;
    }
    *s = (struct layout_slot){.at = (uint32_t)at, .n = n->size, .size = n->size, .there = true};
    return read_value(w, n, s);
}

static int field_size(struct layout_walk *w, const struct layout_node *n, size_t at, size_t begin,
                      size_t left, size_t *out) {
    *out = n->size;
    if (n->length.set && !size_of(w, &n->length, left, out))
        return damage(w, "a length is more than what is there", at);
    if (n->align)
        *out = (n->align - (at - begin) % n->align) % n->align;
    return *out <= left ? 0 : damage(w, "it ends inside a field", at);
}

static int walk_field(struct layout_walk *w, int32_t node, size_t *at, size_t begin,
                      struct range r) {
    const struct layout_node *n = &w->l->nodes[node];
    struct layout_slot *s = &w->slot[node];
    size_t size = n->size;
    if (!size || n->align || n->length.set || *at + size > r.end)
        if (field_size(w, n, *at, begin, r.end - *at, &size))
            return -1;
    *s = (struct layout_slot){
        .at = (uint32_t)*at, .n = (uint32_t)size, .size = (uint32_t)size, .there = true};
    if (!read_value(w, n, s))
        return damage(w, "a number has other characters than digits", *at);
    if (n->type == LAYOUT_BITS)
        walk_bits(w, node, s);
    else if (w->visit)
        show(w, node, s);
    if (n->in_items && w->tracing && !n->each && n->type != LAYOUT_PAD && !n->framing)
        trace(w, node, s);
    *at += size;
    return 0;
}

/* --- choose --- */

static const struct layout_case *find_case(const struct layout_walk *w,
                                           const struct layout_node *n) {
    int64_t key[2] = {number_of(w, n->key[0]), n->key[1] >= 0 ? number_of(w, n->key[1]) : 0};
    if (n->jumps) {
        uint32_t at = (uint64_t)key[0] < 256 ? w->l->jumps[n->jumps - 1 + (uint64_t)key[0]] : 0;
        return at ? &w->l->cases[at - 1] : NULL;
    }
    const struct layout_case *c = w->l->cases + n->cases;
    size_t low = 0, high = n->case_count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (c[mid].key[0] < key[0] || (c[mid].key[0] == key[0] && c[mid].key[1] < key[1]))
            low = mid + 1;
        else
            high = mid;
    }
    return low < n->case_count && c[low].key[0] == key[0] && c[low].key[1] == key[1] ? &c[low]
                                                                                     : NULL;
}

static void forget(struct layout_walk *w, int32_t first, int32_t end) {
    for (int32_t i = first; i < end; i++) {
        w->slot[i].there = false;
        if (w->l->nodes[i].type == LAYOUT_CHOOSE)
            i = w->l->nodes[i].end - 1;
    }
}

static int walk_choose(struct layout_walk *w, int32_t node, size_t *at, struct range r) {
    const struct layout_node *n = &w->l->nodes[node];
    size_t size = r.end - *at;
    if (n->length.set && !size_of(w, &n->length, size, &size))
        return damage(w, "a message is longer than what it is in", *at);
    struct range inner = {*at + size, r.sized || n->length.set};
    const struct layout_case *c = find_case(w, n);
    if (!c) {
        w->known = false;
        if (w->choices < LAYOUT_DEEP)
            w->chosen[w->choices++] = node;
        take_unknown(w, at, inner.end);
        return 0;
    }
    if (w->choices < LAYOUT_DEEP) {
        w->chosen[w->choices] = c->node;
        w->chosen_at[w->choices] = *at;
        w->chosen_end[w->choices++] = inner.end;
    }
    forget(w, c->node + 1, w->l->nodes[c->node].end);
    if (w->visit)
        w->visit->open(w->visit->ctx, w->l->nodes[c->node].name.p, -1, *at);
    if (walk_children(w, c->node, at, inner))
        return -1;
    if (n->length.set)
        take_unknown(w, at, inner.end);
    if (w->visit)
        w->visit->close(w->visit->ctx);
    return 0;
}

/* --- structs --- */

/* Once the field is there that says how long the struct is. */
static int narrow(struct layout_walk *w, const struct layout_size *sized, size_t begin, size_t at,
                  struct range *r) {
    size_t size;
    if (sized->node >= 0 && !w->slot[sized->node].there)
        return 0;
    if (!size_of(w, sized, r->end - begin, &size))
        return damage(w, "a struct is longer than what it is in", begin);
    if (begin + size < at)
        return damage(w, "a struct is shorter than its first fields", begin);
    *r = (struct range){begin + size, true};
    return 0;
}

static int walk_simple(struct layout_walk *w, int32_t node, size_t *at, struct range r) {
    size_t first = *at;
    if (walk_children(w, node, at, r))
        return -1;
    w->slot[node] = (struct layout_slot){
        .raw = 1, .at = (uint32_t)first, .n = (uint32_t)(*at - first), .there = true};
    return 0;
}

static int walk_children(struct layout_walk *w, int32_t node, size_t *at, struct range r) {
    const struct layout_node *nodes = w->l->nodes, *n = &nodes[node];
    const size_t begin = *at;
    bool open = n->sized.set;
    if (open && n->sized.node >= 0)
        w->slot[n->sized.node].there =
            false; /* what the struct before this one had does not count */
    for (int32_t i = node + 1; i < n->end; i = nodes[i].end) {
        const struct layout_node *m = &nodes[i];
        if (m->plain && !w->visit && *at + m->size <= r.end) {
            uint64_t raw = layout_number_at(w->p + *at, m->size, m->big);
            w->slot[i] = (struct layout_slot){.raw = raw,
                                              .at = (uint32_t)*at,
                                              .n = m->size,
                                              .size = m->size,
                                              .there = true,
                                              .null = m->has_null && raw == m->null_raw};
            *at += m->size;
        } else if ((m->cond >= 0 || *at >= r.end) && absent(w, m, *at, r)) {
            w->slot[i].there = false;
            if (m->type == LAYOUT_STRUCT || m->type == LAYOUT_BITS)
                forget(w, i, m->end);
        } else if (m->simple && !w->visit) {
            if (walk_simple(w, i, at, r))
                return -1;
        } else if (m->type == LAYOUT_STRUCT) {
            if (layout_walk_struct(w, i, at, r.end, r.sized))
                return -1;
        } else if (m->type == LAYOUT_CHOOSE) {
            if (walk_choose(w, i, at, r))
                return -1;
        } else if (walk_field(w, i, at, begin, r)) {
            return -1;
        }
        if (open) {
            if (narrow(w, &n->sized, begin, *at, &r))
                return -1;
            open = !r.sized || (n->sized.node >= 0 && !w->slot[n->sized.node].there);
        }
    }
    if (n->sized.set && !open)
        take_unknown(w, at, r.end);
    return 0;
}

static void begin_unit(struct layout_walk *w, size_t at) {
    w->in_unit = w->known = true;
    w->unit_at = at;
    w->choices = 0;
    w->traced = 0;
    w->rest_n = 0;
}

static int walk_item(struct layout_walk *w, int32_t node, size_t *at, struct range r, int index) {
    const struct layout_node *n = &w->l->nodes[node];
    size_t begin = *at, size;
    struct range inner = r;
    if (n->length.set) {
        if (!size_of(w, &n->length, r.end - begin, &size))
            return damage(w, "a block is longer than what it is in", begin);
        inner = (struct range){begin + size, true};
    }
    if (n->flat && w->flat) {
        int rc = w->flat(w, n->flat, at, inner.end);
        if (rc)
            return rc < 0 ? -1 : 0;
    }
    if (n->unit)
        begin_unit(w, begin);
    if (n->repeated && !n->unit)
        forget(w, node + 1, n->end);
    if (w->visit && !n->inlined && n->parent >= 0)
        w->visit->open(w->visit->ctx, n->name.p, n->repeated ? index : -1, begin);
    if (walk_children(w, node, at, inner))
        return -1;
    if (n->length.set)
        take_unknown(w, at, inner.end);
    if (w->visit && !n->inlined && n->parent >= 0)
        w->visit->close(w->visit->ctx);
    if (n->unit) {
        w->in_unit = false;
        return w->unit ? w->unit(w, node, begin, *at) : 0;
    }
    return n->each && w->item ? w->item(w, node, index) : 0;
}

static int count_of(struct layout_walk *w, const struct layout_node *n, size_t at, int64_t *count) {
    *count = 1;
    if (!n->repeated)
        return 0;
    if (n->repeat.rest) {
        *count = INT64_MAX;
        return 0;
    }
    *count = n->repeat.node >= 0 ? number_of(w, n->repeat.node) + n->repeat.n : n->repeat.n;
    if (n->has_none && *count == n->none)
        *count = 0;
    return *count >= 0 ? 0 : damage(w, "a count is negative", at);
}

int layout_walk_struct(struct layout_walk *w, int32_t node, size_t *at, size_t end, bool sized) {
    const struct layout_node *n = &w->l->nodes[node];
    int64_t count;
    size_t first = *at;
    uint32_t each = 0;
    if (count_of(w, n, *at, &count))
        return -1;
    int level = w->depth;
    if (n->repeated && !n->unit && level < LAYOUT_DEEP)
        w->depth++;
    int64_t i = 0;
    for (; i < count; i++) {
        size_t before = *at;
        if (n->repeated && before == end && n->repeat.rest)
            break;
        if (n->repeated && before == end)
            return damage(w, "there are fewer of a struct than its count says", before);
        if (n->repeated && level < LAYOUT_DEEP)
            w->index[level] = (uint16_t)(i < UINT16_MAX ? i : UINT16_MAX);
        if (walk_item(w, node, at, (struct range){end, sized}, (int)i))
            return -1;
        each = (uint32_t)(*at - before);
        if (n->repeated && *at == before)
            break; /* nothing is in it: more of it would be nothing too */
    }
    w->depth = level;
    w->slot[node] =
        (struct layout_slot){.raw = (uint64_t)i, .at = (uint32_t)first, .n = each, .there = true};
    return 0;
}

bool layout_item_field(struct layout_walk *w, int32_t group, int32_t index, int32_t field,
                       uint32_t offset, struct layout_slot *out) {
    const struct layout_slot *g = &w->slot[group], *i = &w->slot[index];
    const struct layout_node *n = &w->l->nodes[field];
    if (!g->there || !i->there || i->null || i->raw < 1 || i->raw > g->raw ||
        offset + n->size > g->n)
        return false;
    *out = (struct layout_slot){.at = g->at + (uint32_t)(i->raw - 1) * g->n + offset,
                                .n = n->size,
                                .size = n->size,
                                .there = true};
    return read_value(w, n, out) && !out->null;
}

int layout_walk(struct layout_walk *w, int32_t node, size_t *at) {
    w->fault = NULL;
    w->rc = K2_OK;
    w->depth = 0;
    w->in_unit = false;
    return layout_walk_struct(w, node, at, w->n, false);
}

int layout_walk_again(struct layout_walk *w, int32_t node, size_t at, size_t end) {
    return walk_children(w, node, &at, (struct range){end, true});
}
