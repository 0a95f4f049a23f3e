/* feed/layout/value.c - the values of fields: conditions, codes, scales, and how they print. */
#include "feed/layout/layout.h"

static int64_t value_of(const struct layout *l, const struct layout_slot *slots, int32_t node) {
    return layout_signed(&l->nodes[node], slots[node].raw);
}

bool layout_holds(const struct layout *l, const struct layout_slot *slots,
                  const struct layout_cond *c) {
    const struct layout_slot *s = &slots[c->node];
    if (!s->there)
        return c->op == '!';
    if (c->op == '?')
        return !s->null;
    int64_t v = value_of(l, slots, c->node);
    bool found = false;
    for (uint32_t i = 0; i < c->count && !found; i++)
        found = c->op == '&' ? (v & l->values[c->first + i]) != 0 : v == l->values[c->first + i];
    return c->op == '!' ? !found : found;
}

const struct layout_pair *layout_map_find(const struct layout *l, int32_t map, int64_t key) {
    const struct layout_map *m = &l->maps[map];
    for (uint32_t i = 0; i < m->count; i++) {
        const struct layout_pair *p = &l->pairs[m->first + i];
        if (p->any || p->key == key)
            return p;
    }
    return NULL;
}

bool layout_number_known(const struct layout *l, const struct layout_slot *slots,
                         const struct layout_number *n, int64_t *out) {
    if (n->from == LAYOUT_FROM_NUMBER) {
        *out = n->number;
        return true;
    }
    if (!slots[n->node].there)
        return false;
    *out = value_of(l, slots, n->node);
    if (n->map < 0)
        return true;
    const struct layout_pair *p = layout_map_find(l, n->map, *out);
    if (p)
        *out = p->number;
    return p != NULL;
}

bool layout_scale_of(const struct layout *l, const struct layout_slot *slots,
                     const struct layout_node *node, int *scale, int64_t *over) {
    int64_t n = 0;
    *over = 1;
    *scale = 0;
    if (node->over.from && (!layout_number_known(l, slots, &node->over, over) || *over < 1))
        return false;
    if (node->scale.from && !layout_number_known(l, slots, &node->scale, &n))
        return false;
    *scale = (int)n;
    return n >= 0 && n <= 18;
}

/* --- printing --- */

static struct k2_sv print_decimal(const struct layout_walk *w, const struct layout_node *n,
                                  const struct layout_slot *v, char *room) {
    int scale;
    int64_t over;
    if (v->null)
        return K2_SV("null");
    k2_i128 value = n->type == LAYOUT_UINT ? (k2_i128)v->raw : (k2_i128)layout_signed(n, v->raw);
    if (!layout_scale_of(w->l, w->slot, n, &scale, &over)) {
        scale = 0;
        over = 1;
    }
    if (over > 1) { /* as many digits as come out, at most 18 */
        value = value * k2_pow10(18 - scale) / over;
        scale = 18;
    }
    return (struct k2_sv){room, k2_decimal_format_short(value, scale, room)};
}

/* Most fields of most messages come through here: two digits at a time. */
static struct k2_sv print_digits(uint64_t v, bool negative, char *room) {
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324252627282930313233"
        "34353637383940414243444546474849505152535455565758596061626364656667"
        "6869707172737475767778798081828384858687888990919293949596979899";
    char *at = room + 32;
    for (; v >= 100; v /= 100) {
        at -= 2;
        memcpy(at, pairs + v % 100 * 2, 2);
    }
    if (v >= 10) {
        at -= 2;
        memcpy(at, pairs + v * 2, 2);
    } else {
        *--at = (char)('0' + v);
    }
    if (negative)
        *--at = '-';
    return (struct k2_sv){at, (size_t)(room + 32 - at)};
}

struct k2_sv layout_print_integer(const struct layout_node *n, uint64_t raw, char *room) {
    int64_t value = layout_signed(n, raw);
    bool negative = value < 0 && (n->type == LAYOUT_INT || n->type == LAYOUT_DIGITS);
    return print_digits(negative ? 0 - (uint64_t)value : raw, negative, room);
}

static struct k2_sv print_hex(struct layout_walk *w, const struct layout_slot *v) {
    for (uint32_t i = 0; i < v->n; i++)
        k2_buf_printf(&w->spare, "%02x", w->p[v->at + i]);
    return k2_buf_view(&w->spare);
}

struct k2_sv layout_print(struct layout_walk *w, int32_t node, const struct layout_slot *v,
                          char *room) {
    const struct layout_node *n = &w->l->nodes[node];
    const char *p = (const char *)w->p + v->at;
    switch ((enum layout_type)n->type) {
    case LAYOUT_CHAR:
        return (struct k2_sv){p, *p ? 1 : 0};
    case LAYOUT_TEXT:
        return (struct k2_sv){p, v->n};
    case LAYOUT_BYTES:
    case LAYOUT_PAD:
        return print_hex(w, v);
    case LAYOUT_DIGITS:
        if (v->null)
            return K2_SV("");
        break;
    case LAYOUT_UINT:
    case LAYOUT_INT:
    case LAYOUT_BITS:
    case LAYOUT_BIT:
    case LAYOUT_STRUCT:
    case LAYOUT_CHOOSE:
        break;
    }
    if (n->decimal)
        return print_decimal(w, n, v, room);
    return layout_print_integer(n, v->raw, room);
}
