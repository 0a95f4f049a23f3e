/* feed/layout/flat_event.c - what the event of a flat message needs now and then: strings that are met for the first
 * time, columns of the rarer operations, an event's begin; see flat_event.h. */
#include "feed/layout/flat_event.h"

#include <stdlib.h>

#define KNOWN_FIRST 1024u

struct layout_flat_state *layout_flat_state_new(const struct layout_flat *f) {
    struct layout_flat_state *x = k2_zalloc(sizeof *x);
    x->made = k2_zalloc((f->events_n + 1) * sizeof *x->made);
    x->known = k2_zalloc(KNOWN_FIRST * sizeof *x->known);
    x->known_mask = KNOWN_FIRST - 1;
    x->met = k2_zalloc(FLAT_MET * sizeof *x->met);
    x->symbols = k2_zalloc(FLAT_SYMBOLS * sizeof *x->symbols);
    x->words = k2_zalloc((f->words_n + 1) * sizeof *x->words);
    return x;
}

void layout_flat_state_free(struct layout_flat_state *x) {
    if (!x)
        return;
    free(x->made);
    free(x->known);
    free(x->met);
    free(x->symbols);
    free(x->words);
    free(x);
}

/* Memos that are not 0 are good. */
void flat_renew(struct layout_state *s) {
    s->flat->round = k2_interner_round(s->in);
    memset(s->memo, 0, (s->l->memos + 1) * sizeof *s->memo);
}

bool flat_begin(struct layout_state *s, const struct flat_event *v, struct flat_made *made) {
    const struct layout_event *line = &s->l->events[v->index];
    const struct feed_head head = {.exchange = layout_exchange(s),
                                   .symbol = feed_intern(s->in, &s->all_id, K2_SV("*"))};
    feed_event_start(&made->event, line->kind, &head);
    for (uint32_t i = 0; i < v->constant_count; i++)
        if (layout_set_column(s, &s->l->assigns[s->l->flat->constants[v->constants + i]],
                              &made->event))
            return false;
    made->round = s->flat->round;
    return true;
}

static uint32_t keep(struct layout_state *s, uint32_t id) {
    return id ? k2_intern_keep(s->in, k2_interned(s->in, id)) : 0;
}

/* --- strings that come again --- */

static void grow_known(struct layout_flat_state *x) {
    const struct layout_flat_state old = *x;
    size_t n = (size_t)old.known_mask + 1;
    x->known = k2_zalloc(2 * n * sizeof *x->known);
    x->known_mask = old.known_mask * 2 + 1;
    for (size_t i = 0; i < n; i++) {
        const struct flat_known *k = &old.known[i];
        if (k->id)
            *flat_find(x, flat_home(x, k->key, k->shape), k->key, k->shape) = *k;
    }
    free(old.known);
}

/* The id of a string that is new here is found from its second time on. The interner keeps so many strings at most, and so
 * does this. */
static void learn(struct layout_state *s, uint64_t key, uint32_t shape, uint32_t id) {
    struct layout_flat_state *x = s->flat;
    uint64_t mixed = flat_mix(key, shape);
    uint32_t *met = &x->met[mixed >> 24 & (FLAT_MET - 1)], mark = (uint32_t)(mixed >> 32) | 1;
    struct flat_known *k = flat_find(x, flat_home(x, key, shape), key, shape);
    if (k->id || !id)
        return;
    uint32_t kept = *met == mark || k2_intern_is_kept(s->in, id) ? keep(s, id) : 0;
    *met = mark;
    if (!kept || x->known_n == K2_INTERN_KEPT)
        return;
    *k = (struct flat_known){key, shape, kept};
    if (++x->known_n > x->known_mask / 2)
        grow_known(x);
}

/* --- words and numbers --- */

uint32_t flat_word(struct layout_state *s, const struct flat_column *c, uint64_t raw) {
    uint32_t place = c->words + (uint8_t)raw, word = s->l->flat->words[place];
    if (word == 0)
        return 0;
    uint32_t *memo = &s->memo[c->memo + word - 1];
    if (!*memo) {
        const struct layout_map *map = &s->l->maps[s->l->terms[c->term].map];
        *memo = k2_intern(s->in, s->l->pairs[map->first + word - 1].text);
    }
    if (!s->flat->words[place])
        s->flat->words[place] = keep(s, *memo);
    return *memo;
}

uint32_t flat_number(struct layout_state *s, const struct flat_column *c, uint64_t raw) {
    char room[LAYOUT_TEXT_MAX];
    return k2_intern(s->in, layout_print_integer(&s->l->nodes[c->from.node], raw, room));
}

/* --- texts --- */

/* 8 bytes, the first one lowest: they end at a NUL, blanks behind are cut off. False: there is more than plain text. */
static bool cut_text(uint64_t text, uint64_t *out, size_t *n) {
    uint64_t nuls = (text - FLAT_EACH(1)) & ~text & FLAT_EACH(0x80);
    if (nuls) {
        uint64_t beyond = UINT64_MAX << (__builtin_ctzll(nuls) - 7);
        text = (text & ~beyond) | (FLAT_EACH(' ') & beyond);
    }
    uint64_t differs = text ^ FLAT_EACH(' ');
    *n = differs ? 8 - (size_t)__builtin_clzll(differs) / 8 : 0;
    *out = *n < 8 ? text & ~(UINT64_MAX << 8 * *n) : text;
    return !((text | (text + FLAT_EACH(1)) | (text - FLAT_EACH(' '))) & FLAT_EACH(0x80));
}

uint32_t flat_text(struct layout_state *s, uint64_t bytes, bool known) {
    uint64_t text;
    size_t n;
    if (!cut_text(bytes, &text, &n) || n == 0 || (text & 0xff) == ' ')
        return 0;
    uint32_t id = k2_intern_words(s->in, text, 0, n);
    if (known)
        learn(s, bytes, FLAT_TEXT_SHAPE, id);
    return id;
}

static uint32_t find_symbol(struct layout_state *s, const struct flat_column *c, uint64_t raw) {
    struct layout_known *k = layout_ids_find(&s->ids[c->directory], raw);
    if (!k || !k->symbol_n)
        return 0;
    if (k->round != s->flat->round) {
        k->round = s->flat->round;
        k->memo = k2_intern(s->in, layout_known_symbol(k));
    }
    return k->memo;
}

uint32_t flat_symbol(struct layout_state *s, const struct flat_column *c, uint64_t raw) {
    uint32_t id = find_symbol(s, c, raw);
    if (flat_has_place(s, c, raw))
        s->flat->symbols[raw] = keep(s, id);
    return id;
}

void layout_flat_forget(struct layout_flat_state *x, unsigned directory, uint64_t id) {
    if (directory == 0 && id < FLAT_SYMBOLS)
        x->symbols[id] = 0;
}

/* --- columns --- */

bool flat_set_other(struct layout_state *s, const struct flat_column *c, struct k2_event *e) {
    const struct layout_assign *a = &s->l->assigns[c->assign];
    int rc = layout_set_column(s, a, e);
    if (rc == 1 && a->list && !c->required) {
        flat_set_id((char *)e + c->to, 0);
        return true;
    }
    return rc == 0;
}

static void set_null(const struct k2_field *f, void *to) {
    static const int64_t none = K2_NULL_LONG;
    static const k2_i128 no_decimal = K2_NULL_DECIMAL;
    if (f->type == K2_PRICE || f->type == K2_QUANTITY)
        memcpy(to, &no_decimal, sizeof no_decimal);
    else if (f->type == K2_LONG)
        memcpy(to, &none, sizeof none);
    else
        memset(to, 0, sizeof(uint32_t));
}

bool flat_set_null(struct layout_state *s, const struct flat_column *c, void *to) {
    set_null(s->l->assigns[c->assign].column, to);
    return !c->required;
}

/* --- extra --- */

#define VALUE_ROOM 32 /* of a value of two words with its length in front */

/* key is the leaf's; the value is n bytes in two words. */
static void put_pair(struct layout_state *s, const struct flat_leaf *leaf, struct flat_digits v) {
    const uint8_t *head = s->l->flat->heads.p + leaf->head;
    uint8_t *p = k2_buf_need(&s->blob, leaf->head_n + FLAT_CHUNK + VALUE_ROOM);
    for (uint32_t i = 0; i < leaf->head_n; i += FLAT_CHUNK)
        memcpy(p + i, head + i, FLAT_CHUNK);
    p += leaf->head_n;
    k2_put_u32(p, v.n);
    k2_put_u64(p + 4, v.lo);
    k2_put_u64(p + 12, v.hi);
    s->blob.n += leaf->head_n + 4 + v.n;
}

static struct k2_sv key_of(const struct layout_state *s, const struct flat_leaf *leaf) {
    return (struct k2_sv){(const char *)s->l->flat->heads.p + leaf->head + 4, leaf->head_n - 4};
}

static void put_digits(struct layout_state *s, const struct flat_leaf *leaf, uint64_t raw) {
    char room[LAYOUT_TEXT_MAX];
    if (leaf->from.has_null && raw == leaf->from.null_raw)
        return;
    if (raw <= FLAT_DIGITS_MAX && !(leaf->from.is_signed && flat_signed(&leaf->from, raw) < 0))
        put_pair(s, leaf, flat_print(raw));
    else
        layout_extra_pair(&s->blob, key_of(s, leaf),
                          layout_print_integer(&s->l->nodes[leaf->from.node], raw, room));
}

static bool put_text(struct layout_state *s, const struct flat_leaf *leaf, uint64_t raw) {
    uint64_t text;
    size_t n;
    if (!cut_text(raw | leaf->blanks, &text, &n))
        return false;
    if (n)
        put_pair(s, leaf, (struct flat_digits){.lo = text, .n = (unsigned)n});
    return true;
}

bool flat_extra(struct layout_state *s, const struct flat_event *v, const uint8_t *unit,
                uint32_t *out) {
    const struct flat_leaf *leaf = s->l->flat->leaves + v->leaves, *end = leaf + v->leaf_count;
    s->blob.n = 0;
    for (; leaf < end; leaf++) {
        uint64_t raw = flat_load(&leaf->from, unit);
        if (leaf->op == FLAT_LEAF_DIGITS)
            put_digits(s, leaf, raw);
        else if (leaf->op == FLAT_LEAF_OTHER)
            layout_extra_field(s, key_of(s, leaf), leaf->from.node);
        else if (!put_text(s, leaf, raw))
            return false;
    }
    *out = s->blob.n ? k2_intern(s->in, k2_buf_view(&s->blob)) : 0;
    if (v->kept)
        learn(s, flat_load(&v->told_by, unit), v->shape + 1, *out);
    return true;
}
