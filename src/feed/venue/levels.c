/* feed/venue/levels.c - the levels and orders that a message changes; see venue.h. */
#include "feed/venue/venue.h"

struct vj_level *vj_add_level(struct vj *v, bool sell) {
    if (v->n_levels == v->cap_levels) {
        v->cap_levels = v->cap_levels ? v->cap_levels * 2 : 64;
        v->levels = k2_realloc(v->levels, v->cap_levels * sizeof *v->levels);
    }
    struct vj_level *l = &v->levels[v->n_levels++];
    *l = (struct vj_level){.action = "SET",
                           .sell = sell,
                           .price = K2_NULL_DECIMAL,
                           .quantity = K2_NULL_DECIMAL,
                           .order_count = K2_NULL_LONG,
                           .ns = K2_NULL_LONG,
                           .pairs = (uint32_t)v->n_level_pairs};
    return l;
}

/* Only of the level that was added last. */
void vj_level_extra(struct vj *v, struct vj_level *l, struct k2_sv key, struct k2_sv value) {
    if (v->n_level_pairs == v->cap_level_pairs) {
        v->cap_level_pairs = v->cap_level_pairs ? v->cap_level_pairs * 2 : 64;
        v->level_pairs = k2_realloc(v->level_pairs, v->cap_level_pairs * sizeof *v->level_pairs);
    }
    v->level_pairs[v->n_level_pairs++] = (struct vj_pair){key, value};
    l->n_pairs++;
}

/* How many digits stand behind the point, where that is not what the value needs anyway: from this and the
 * value the text comes back, of which the venue makes its checksum. What is written in a way that does
 * not come back is kept whole. */
static void keep_digits(struct vj *v, struct vj_level *l, struct k2_sv text, bool price) {
    static const char counts[] = "00010203040506070809101112131415161718";
    struct k2_sv fraction = text, whole = k2_sv_split(&fraction, '.');
    bool plain = whole.n && (whole.n == 1 || whole.p[0] != '0') && whole.p[0] != '+' &&
                 whole.p[0] != '-' && (fraction.p ? fraction.n > 0 && fraction.n <= 18 : true) &&
                 !memchr(text.p, 'e', text.n) && !memchr(text.p, 'E', text.n);
    if (!plain)
        vj_level_extra(v, l, price ? K2_SV("price_text") : K2_SV("quantity_text"), text);
    else if (fraction.p && fraction.n && fraction.p[fraction.n - 1] == '0')
        vj_level_extra(v, l, price ? K2_SV("price_digits") : K2_SV("quantity_digits"),
                       fraction.n < 10 ? (struct k2_sv){counts + 2 * fraction.n + 1, 1}
                                       : (struct k2_sv){counts + 2 * fraction.n, 2});
}

void vj_set_or_delete(struct vj_level *l) {
    if (l->quantity != 0)
        return;
    l->action = "DELETE";
    l->quantity = K2_NULL_DECIMAL;
}

/* One more column of a level. */
static void read_column(struct vj *v, struct vj_level *l, const struct vj_field *f, uint32_t at) {
    struct vj_item *m = &v->item;
    int64_t ns = m->ns;
    if (f->role == VJ_DROP) {
        return;
    } else if (f->role == VJ_EXTRA) {
        size_t n = m->n_pairs;
        vj_read_value(v, f, at);
        for (size_t i = n; i < m->n_pairs; i++)
            vj_level_extra(v, l, m->pair[i].key, m->pair[i].value);
        m->n_pairs = n;
        return;
    }
    vj_read_value(v, f, at);
    if (f->role == VJ_COUNT)
        l->order_count = m->count[f->slot];
    if (f->role == VJ_TIME && m->ns != K2_NULL_LONG) {
        l->ns = m->ns;
        l->time = vj_text(v, at);
        m->ns = ns == K2_NULL_LONG || m->ns > ns ? m->ns : ns;
    }
}

static void read_level(struct vj *v, uint32_t at, bool sell, const struct vj_table *more) {
    uint32_t price = vj_element(v, at, 0), quantity = vj_element(v, at, 1);
    if (!quantity || vj_type(v, price) > JSON_NUMBER || vj_type(v, quantity) > JSON_NUMBER) {
        (void)vj_fault(v, "MALFORMED", "a level is no price and quantity", vj_text(v, at));
        return;
    }
    struct vj_level *l = vj_add_level(v, sell);
    struct k2_sv p = vj_text(v, price), q = vj_text(v, quantity);
    if (!vj_decimal(v, p, true, &l->price, "the price of a level is no number") ||
        !vj_decimal(v, q, false, &l->quantity, "the quantity of a level is no number"))
        return;
    vj_set_or_delete(l);
    if (v->venue->digits) {
        keep_digits(v, l, p, true);
        keep_digits(v, l, q, false);
    }
    uint32_t i = vj_next(v, quantity);
    for (size_t k = 0; more && k < more->n && i < vj_end(v, at); k++, i = vj_next(v, i))
        read_column(v, l, &more->fields[k], i);
}

void vj_levels(struct vj *v, uint32_t array, bool sell, const struct vj_table *more) {
    if (!array || vj_type(v, array) == JSON_NULL)
        return;
    if (vj_type(v, array) != JSON_ARRAY) {
        (void)vj_fault(v, "MALFORMED", "levels are wanted here", vj_text(v, array));
        return;
    }
    for (uint32_t i = vj_first(array); i < vj_end(v, array) && !v->item.bad; i = vj_next(v, i))
        read_level(v, i, sell, more);
}

/* --- levels and orders that are objects --- */

static const char *action_of(struct vj *v, struct k2_sv word, bool order) {
    static const struct {
        const char *word, *order, *level;
    } words[] = {{"add", "ADD", "SET"},          {"new", "ADD", "SET"},
                 {"modify", "MODIFY", "SET"},    {"change", "MODIFY", "SET"},
                 {"update", "MODIFY", "SET"},    {"delete", "DELETE", "DELETE"},
                 {"remove", "DELETE", "DELETE"}, {"insert", "ADD", "SET"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (k2_sv_eq(word, k2_sv_of(words[i].word)))
            return order ? words[i].order : words[i].level;
    (void)vj_fault(v, "MALFORMED", "an unknown change of a level", word);
    return "SET";
}

static void fill_level(struct vj *v, struct vj_level *l, bool gone) {
    struct vj_item *m = &v->item;
    l->order_id = m->text[VJ_order_id];
    l->trade_id = m->text[VJ_trade_id];
    l->order_count = m->count[VJ_order_count];
    if (m->seen_decimals[VJ_price])
        l->price = m->decimal[VJ_price];
    if (m->seen_decimals[VJ_quantity])
        l->quantity = m->decimal[VJ_quantity];
    if (m->text[VJ_action].n)
        l->action = action_of(v, m->text[VJ_action], l->order_id.n > 0);
    else if (l->order_id.n)
        l->action = "ADD";
    if (gone)
        l->action = "DELETE";
    else if (!l->order_id.n)
        vj_set_or_delete(l);
    if (strcmp(l->action, "DELETE") == 0 && !l->order_id.n)
        l->quantity = K2_NULL_DECIMAL;
    else if (!l->order_id.n && (l->price == K2_NULL_DECIMAL || l->quantity == K2_NULL_DECIMAL))
        (void)vj_fault(v, "MALFORMED", "a level is no price and quantity", m->raw);
}

static void object_digits(struct vj *v, struct vj_level *l, uint32_t object,
                          const struct vj_table *fields) {
    for (size_t i = 0; i < fields->n; i++) {
        const struct vj_field *f = &fields->fields[i];
        struct k2_sv text = vj_member_text(v, object, f->name);
        if (text.n && (f->role == VJ_PRICE || f->role == VJ_QUANTITY))
            keep_digits(v, l, text, f->role == VJ_PRICE);
    }
}

static void level_object(struct vj *v, uint32_t object, const char *side,
                         const struct vj_table *fields, bool gone) {
    struct vj_item *m = &v->item;
    size_t n = m->n_pairs;
    int64_t ns = m->ns;
    m->seen_decimals[VJ_price] = m->seen_decimals[VJ_quantity] = 0;
    m->text[VJ_order_id] = m->text[VJ_trade_id] = m->text[VJ_action] = (struct k2_sv){NULL, 0};
    m->count[VJ_order_count] = K2_NULL_LONG;
    m->keep[VJ_level_time] = 0;
    m->side = side;
    vj_read(v, object, fields);
    if (!m->side)
        (void)vj_fault(v, "MALFORMED", "a level has no side", vj_text(v, object));
    struct vj_level *l = vj_add_level(v, m->side && m->side[0] == 'S');
    fill_level(v, l, gone);
    if (m->keep[VJ_level_time]) {
        l->ns = m->ns;
        l->time = vj_text(v, m->keep[VJ_level_time]);
    }
    m->ns = ns == K2_NULL_LONG || m->ns > ns ? m->ns : ns;
    for (size_t i = n; i < m->n_pairs; i++)
        vj_level_extra(v, l, m->pair[i].key, m->pair[i].value);
    m->n_pairs = n;
    if (v->venue->digits)
        object_digits(v, l, object, fields);
}

void vj_level_object(struct vj *v, uint32_t object, const char *side,
                     const struct vj_table *fields) {
    level_object(v, object, side, fields, false);
}

static void level_objects(struct vj *v, uint32_t array, const char *side,
                          const struct vj_table *fields, bool gone) {
    if (!array || vj_type(v, array) == JSON_NULL)
        return;
    if (vj_type(v, array) != JSON_ARRAY) {
        (void)vj_fault(v, "MALFORMED", "levels are wanted here", vj_text(v, array));
        return;
    }
    for (uint32_t i = vj_first(array); i < vj_end(v, array) && !v->item.bad; i = vj_next(v, i))
        level_object(v, i, side, fields, gone);
}

void vj_level_objects(struct vj *v, uint32_t array, const char *side,
                      const struct vj_table *fields) {
    level_objects(v, array, side, fields, false);
}

void vj_level_deletes(struct vj *v, uint32_t array, const struct vj_table *fields) {
    level_objects(v, array, NULL, fields, true);
}
