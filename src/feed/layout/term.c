/* feed/layout/term.c - the values of an event's columns out of the fields of a message. */
#include "feed/layout/state.h"

#include <stdio.h>

bool layout_text_blank(struct k2_sv s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != ' ' && s.p[i] != 0)
            return false;
    return true;
}

static const struct layout_node *node_of(const struct layout_state *s,
                                         const struct layout_term *t) {
    return &s->l->nodes[t->node];
}

static void take(struct layout_state *s, const struct layout_term *t) {
    if (t->group < 0)
        s->taken[t->node] = s->taking;
}

/* The field's value, also of another item; false: it is absent or null. */
static bool value_of(struct layout_state *s, const struct layout_term *t, struct layout_slot *out) {
    if (t->group < 0) {
        *out = s->walk.slot[t->node];
        return out->there && !out->null;
    }
    return layout_item_field(&s->walk, t->group, t->index, t->node, t->offset, out);
}

/* --- numbers --- */

static bool scaling(struct layout_state *s, const struct layout_term *t, int64_t *by) {
    const struct layout_number *n = &t->by;
    if (n->from == LAYOUT_FROM_DIRECTORY) {
        const struct layout_slot *id = &s->walk.slot[n->node];
        const struct layout_known *k =
            id->there ? layout_ids_find(&s->ids[n->directory], id->raw) : NULL;
        *by = k ? k->column[n->number] : 0;
        return k && (k->set >> n->number & 1);
    }
    return layout_number_known(s->l, s->walk.slot, n, by);
}

static int out_of_range(struct layout_state *s, const struct layout_term *t) {
    return feed_fault_set(&s->fault, "RANGE", "the value does not fit its column",
                          t->node >= 0 ? node_of(s, t)->name : t->text);
}

/* value / (10^scale * over), as so many units of 10^-to; false: not exactly, or too large. */
static bool rescale(k2_i128 value, int64_t scale, int64_t over, int to, k2_i128 *out) {
    if (scale < -18 || scale > 36)
        return value == 0 ? (*out = 0, true) : false;
    int up = to - (int)scale;
    if (up > 38 || up < -38)
        return false;
    k2_i128 factor = k2_pow10(up < 0 ? -up : up);
    if (up >= 0 && __builtin_mul_overflow(value, factor, &value))
        return false;
    if (up < 0) {
        if (value % factor)
            return false;
        value /= factor;
    }
    if (over > 1 && value % over)
        return false;
    *out = over > 1 ? value / over : value;
    return true;
}

int layout_term_decimal(struct layout_state *s, const struct layout_term *t, int precision,
                        int scale, k2_i128 *out) {
    struct layout_slot v;
    int own = t->number_scale;
    int64_t over = 1, by = 0, all;
    k2_i128 value = t->number;
    if (t->make == LAYOUT_MAKE_TEXT && !t->is_number)
        return 1;
    if (t->make == LAYOUT_MAKE_SYMBOL || t->make == LAYOUT_MAKE_COLUMN || t->map >= 0) {
        int rc = layout_term_long(s, t, &by);
        if (rc)
            return rc;
        value = by;
    } else if (t->make == LAYOUT_MAKE_FIELD) {
        const struct layout_node *n = node_of(s, t);
        if (!value_of(s, t, &v) || !layout_scale_of(s->l, s->walk.slot, n, &own, &over))
            return 1;
        if (t->raw) {
            own = 0;
            over = 1;
        }
        value = n->type == LAYOUT_UINT ? (k2_i128)v.raw : (k2_i128)layout_signed(n, v.raw);
        if (t->as_signed)
            value = (int64_t)(v.raw << (64 - 8 * n->size)) >> (64 - 8 * n->size);
        if (t->scaling && !scaling(s, t, &by))
            return 1;
        take(s, t);
    }
    all = own;
    if (t->scaling == '/') {
        if (by < 1 || __builtin_mul_overflow(over, by, &over))
            return by == 0 ? 1 : out_of_range(s, t);
    } else if (t->scaling && (by < -64 || by > 64)) {
        return out_of_range(s, t);
    } else if (t->scaling) {
        all += t->scaling == '~' ? by : -by;
    }
    if (!rescale(value, all, over, scale, out) || !k2_decimal_fits(*out, precision))
        return out_of_range(s, t);
    return 0;
}

int layout_term_long(struct layout_state *s, const struct layout_term *t, int64_t *out) {
    struct layout_slot v;
    const struct layout_pair *pair;
    switch (t->make) {
    case LAYOUT_MAKE_TEXT:
        *out = t->number;
        return t->is_number && t->number_scale == 0 ? 0 : 1;
    case LAYOUT_MAKE_COLUMN: {
        const struct layout_slot *id = &s->walk.slot[t->node];
        const struct layout_known *k =
            id->there ? layout_ids_find(&s->ids[t->directory], id->raw) : NULL;
        *out = k ? k->column[t->number] : 0;
        return k && (k->set >> t->number & 1) ? 0 : 1;
    }
    case LAYOUT_MAKE_SYMBOL:
        return 1;
    case LAYOUT_MAKE_FIELD:
        break;
    }
    if (!value_of(s, t, &v))
        return 1;
    *out = layout_signed(node_of(s, t), v.raw);
    if (t->map >= 0) {
        pair = layout_map_find(s->l, t->map, *out);
        if (!pair || pair->number == K2_NULL_LONG)
            return 1;
        *out = pair->number;
    } else if (node_of(s, t)->type == LAYOUT_UINT && v.raw > INT64_MAX) {
        return out_of_range(s, t);
    }
    take(s, t);
    return *out == K2_NULL_LONG ? out_of_range(s, t) : 0;
}

/* --- text --- */

static int print_date(const struct layout_term *t, int64_t v, char *room, struct k2_sv *out) {
    static const int64_t per_day[] = {[LAYOUT_DATE_DAYS] = 1,
                                      [LAYOUT_DATE_S] = 86400,
                                      [LAYOUT_DATE_MS] = 86400000,
                                      [LAYOUT_DATE_NS] = K2_NS_PER_DAY};
    if (t->date == LAYOUT_DATE_YMD) {
        if (v < 10000101 || v > 99991231)
            return 1;
        int n = snprintf(room, LAYOUT_ROOM, "%04d-%02d-%02d", (int)(v / 10000),
                         (int)(v / 100 % 100), (int)(v % 100));
        *out = (struct k2_sv){room, (size_t)n};
        return 0;
    }
    int64_t days = k2_floor_div(v, per_day[t->date]);
    if (days < -100000 || days > 2932896)
        return 1;
    *out = (struct k2_sv){room, k2_date_format((int32_t)days, room)};
    return 0;
}

static int print_symbol(struct layout_state *s, const struct layout_term *t, char *room,
                        struct k2_sv *out) {
    struct layout_slot id;
    if (!value_of(s, t, &id))
        return 1;
    const struct layout_known *k = layout_ids_find(&s->ids[t->directory], id.raw);
    if (k && k->symbol_n)
        *out = layout_known_symbol(k);
    else if (t->directory == 0) /* it names an instrument, also while we do not know its symbol */
        *out = layout_print(&s->walk, t->node, &id, room);
    else
        return 1;
    return 0;
}

static int print_field(struct layout_state *s, const struct layout_term *t, char *room,
                       struct k2_sv *out) {
    struct layout_slot v;
    const struct layout_node *n = node_of(s, t);
    if (!value_of(s, t, &v))
        return 1;
    if (t->map >= 0) {
        const struct layout_pair *pair = layout_map_find(s->l, t->map, layout_signed(n, v.raw));
        if (!pair)
            return 1;
        *out = pair->text;
    } else if (t->date) {
        if (print_date(t, layout_signed(n, v.raw), room, out))
            return 1;
    } else if (t->digits) {
        int len =
            snprintf(room, LAYOUT_ROOM, "%0*lld", t->digits, (long long)layout_signed(n, v.raw));
        *out = (struct k2_sv){room, (size_t)len};
    } else {
        s->walk.spare.n = 0;
        *out = k2_sv_trim(layout_print(&s->walk, t->node, &v, room));
    }
    if (layout_text_blank(*out))
        return 1;
    take(s, t);
    return 0;
}

int layout_term_text(struct layout_state *s, const struct layout_term *t, char room[LAYOUT_ROOM],
                     struct k2_sv *out) {
    k2_i128 v = 0;
    switch (t->make) {
    case LAYOUT_MAKE_TEXT:
        *out = t->text;
        return 0;
    case LAYOUT_MAKE_SYMBOL:
        return print_symbol(s, t, room, out);
    case LAYOUT_MAKE_COLUMN:
    case LAYOUT_MAKE_FIELD:
        break;
    }
    if (t->make == LAYOUT_MAKE_FIELD && !t->scaling)
        return print_field(s, t, room, out);
    int rc = layout_term_decimal(s, t, K2_QUANTITY_PRECISION, K2_QUANTITY_SCALE, &v);
    if (rc == 0)
        *out = (struct k2_sv){room, k2_decimal_format_short(v, K2_QUANTITY_SCALE, room)};
    return rc;
}

static int checked(struct layout_state *s, struct k2_sv text) {
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < ' ' || text.p[i] > '~')
            return feed_text_ok(text, 65535)
                       ? 0
                       : feed_fault_set(&s->fault, "MALFORMED", "a text is no text", text);
    return 0;
}

/* A constant or a word of a map has a memo of its own. */
static uint32_t *memo_of(struct layout_state *s, const struct layout_term *t, struct k2_sv text) {
    if (t->make == LAYOUT_MAKE_TEXT)
        return &s->memo[t->memo];
    if (t->make != LAYOUT_MAKE_FIELD || t->map < 0)
        return NULL;
    const struct layout_map *m = &s->l->maps[t->map];
    for (uint32_t i = 0; i < m->count; i++)
        if (s->l->pairs[m->first + i].text.p == text.p)
            return &s->memo[t->memo + i];
    return NULL;
}

static uint32_t intern(struct layout_state *s, struct k2_sv text) {
    char room[K2_INTERN_SHORT] = {0};
    if (text.n > K2_INTERN_SHORT)
        return k2_intern(s->in, text);
    memcpy(room, text.p, text.n);
    return k2_intern_short(s->in, (struct k2_sv){room, text.n});
}

/* Numbers of orders and trades: their digits need no looking at. */
static bool is_plain_integer(const struct layout_state *s, const struct layout_term *t) {
    return t->make == LAYOUT_MAKE_FIELD && t->group < 0 && t->map < 0 && !t->date && !t->digits &&
           !t->scaling && !t->raw && !t->as_signed && layout_is_integer(node_of(s, t));
}

static int intern_integer(struct layout_state *s, const struct layout_term *t, uint32_t *out) {
    char room[LAYOUT_TEXT_MAX];
    const struct layout_slot *v = &s->walk.slot[t->node];
    if (!v->there || v->null)
        return 1;
    struct k2_sv text = layout_print_integer(node_of(s, t), v->raw, room);
    *out = text.n <= K2_INTERN_SHORT ? k2_intern_short(s->in, text) : k2_intern(s->in, text);
    take(s, t);
    return 0;
}

static int intern_one(struct layout_state *s, const struct layout_term *t, uint32_t *out) {
    if (is_plain_integer(s, t))
        return intern_integer(s, t, out);
    char room[LAYOUT_ROOM];
    struct k2_sv text;
    int rc = layout_term_text(s, t, room, &text);
    if (rc || checked(s, text))
        return rc ? rc : -1;
    uint32_t *memo = memo_of(s, t, text);
    *out = memo ? feed_intern(s->in, memo, text) : intern(s, text);
    return 0;
}

/* Several are joined; all of them must be there. */
int layout_terms_intern(struct layout_state *s, const struct layout_assign *a, uint32_t *out) {
    *out = 0;
    if (a->count == 1)
        return intern_one(s, &s->l->terms[a->first], out);
    s->text.n = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        char room[LAYOUT_ROOM];
        struct k2_sv text;
        int rc = layout_term_text(s, &s->l->terms[a->first + i], room, &text);
        if (rc)
            return rc;
        k2_buf_sv(&s->text, text);
    }
    if (checked(s, k2_buf_view(&s->text)))
        return -1;
    *out = k2_intern(s->in, k2_buf_view(&s->text));
    return 0;
}

int layout_terms_list(struct layout_state *s, const struct layout_assign *a, uint32_t *out) {
    *out = 0;
    s->blob.n = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        char room[LAYOUT_ROOM];
        struct k2_sv text;
        int rc = layout_term_text(s, &s->l->terms[a->first + i], room, &text);
        if (rc < 0 || (rc == 0 && checked(s, text)))
            return -1;
        if (rc == 0)
            k2_blob_add(&s->blob, text);
    }
    if (s->blob.n)
        *out = feed_intern(s->in, &s->conditions_id, k2_buf_view(&s->blob));
    return s->blob.n ? 0 : 1;
}
