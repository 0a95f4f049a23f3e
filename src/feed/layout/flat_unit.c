/* feed/layout/flat_unit.c - the events of a unit that has the flat form (flat.h).
 *
 * Each line of the table has one event that is made once for all messages; a message writes what differs in it. An
 * event is gone when the sink returns, so it can serve again. Ids of strings are good as long as the interner is not
 * emptied, which its round tells: then every line's event is begun anew when it is next used.
 */
#include "feed/layout/flat.h"
#include "feed/layout/state.h"

#include <stdlib.h>

#define KEPT                                                                                       \
    16384 /* texts of extra that are known by the bytes they were made of; a power of two */
#define KEPT_TEXT 64  /* bytes of one */
#define SYMBOLS 65536 /* ids of the first directory whose symbols are looked up by place */

struct made { /* an event line's event */
    struct k2_event event;
    uint32_t round; /* of the interner; 0: not begun */
};

struct kept {
    uint64_t key, hash;
    uint32_t shape, round, id;
    uint32_t n; /* of the text; 0: it is too long or too short to be kept */
    char text[KEPT_TEXT];
};

struct symbol {
    uint64_t
        text; /* of up to 8 bytes, the first one lowest, so that a new round needs no look at the directory */
    uint32_t n; /* 0: it is not known here */
    uint32_t round, id;
};

struct layout_flat_state {
    struct made *made; /* by event of the flat form */
    struct kept *kept;
    struct symbol *symbols;
    uint32_t round;
};

struct layout_flat_state *layout_flat_state_new(const struct layout_flat *f) {
    struct layout_flat_state *x = k2_zalloc(sizeof *x);
    x->made = k2_zalloc((f->events_n + 1) * sizeof *x->made);
    x->kept = k2_zalloc(KEPT * sizeof *x->kept);
    x->symbols = k2_zalloc(SYMBOLS * sizeof *x->symbols);
    return x;
}

void layout_flat_state_free(struct layout_flat_state *x) {
    if (!x)
        return;
    free(x->made);
    free(x->kept);
    free(x->symbols);
    free(x);
}

/* --- which message --- */

/* NULL: the unit has no flat form, or not this time. */
static const struct flat_message *find_message(const struct layout_flat *f,
                                               const struct flat_unit *u, const uint8_t *unit,
                                               size_t left) {
    int then = u->first;
    if (left < u->head)
        return NULL;
    while (then < 0) {
        const struct flat_choice *c = &f->choices[-then - 1];
        if ((size_t)c->at + c->size > left)
            return NULL;
        uint64_t key = layout_number_at(unit + c->at, c->size, c->big);
        then = key < 256 ? c->then[key] : 0;
    }
    const struct flat_message *m = then ? &f->messages[then - 1] : NULL;
    if (!m || m->size > left)
        return NULL;
    if (u->sized_rest)
        return m->size == left ? m : NULL;
    if (!u->sized_node)
        return m;
    int64_t told = (int64_t)layout_number_at(unit + u->sized_at, u->sized_size, u->sized_big);
    return told + u->sized_add == (int64_t)m->size ? m : NULL;
}

/* --- slots, where others look at them --- */

static bool fill_slots(struct layout_state *s, const struct flat_message *m, size_t at) {
    const int32_t *needed = s->l->flat->needed + m->needed;
    for (uint32_t i = 0; i < m->needed_count; i++)
        if (!layout_walk_flat(&s->walk, needed[i], at + s->l->nodes[needed[i]].flat_at))
            return false;
    return true;
}

/* --- columns: false leaves the unit to unit.c --- */

static inline bool set_id(void *to, uint32_t id) {
    memcpy(to, &id, sizeof id);
    return true;
}

static inline bool set_word(struct layout_state *s, const struct flat_column *c, uint64_t raw,
                            void *to) {
    const struct layout_term *t = &s->l->terms[c->term];
    uint32_t word = s->l->flat->words[c->words + (uint8_t)raw];
    if (word == 0)
        return false;
    uint32_t *memo = &s->memo[t->memo + word - 1];
    if (!*memo)
        *memo = k2_intern(s->in, s->l->pairs[s->l->maps[t->map].first + word - 1].text);
    return set_id(to, *memo);
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* 8 digits of a number below 10^8, the first one lowest: four, two and one at a time in the lanes of a word. */
static inline uint64_t eight_digits(uint64_t v) {
    uint64_t fours = v / 10000 | v % 10000 << 32;
    uint64_t high = fours * 10486 >> 20 & UINT64_C(0x7f0000007f);
    uint64_t twos = high | (fours - 100 * high) << 16;
    uint64_t tens = twos * 103 >> 10 & UINT64_C(0x000f000f000f000f);
    return tens | (twos - 10 * tens) << 8;
}

static uint32_t intern_long_digits(struct layout_state *s, int32_t node, uint64_t raw) {
    char room[LAYOUT_TEXT_MAX];
    return k2_intern(s->in, layout_print_integer(&s->l->nodes[node], raw, room));
}

static inline bool set_digits(struct layout_state *s, const struct flat_column *c, uint64_t raw,
                              void *to) {
    if (raw >= UINT64_C(10000000000000000) || (c->from.is_signed && flat_signed(&c->from, raw) < 0))
        return set_id(to, intern_long_digits(s, c->from.node, raw));
    uint64_t high = raw / 100000000, last = eight_digits(raw % 100000000), first = last, behind = 0;
    size_t n = 8;
    if (high) {
        first = eight_digits(high);
        behind = last | EACH('0');
        n = 16;
    }
    unsigned zeros = first ? (unsigned)__builtin_ctzll(first) / 8 : 7;
    uint64_t lo = (first | EACH('0')) >> 8 * zeros;
    if (zeros) {
        lo |= behind << (64 - 8 * zeros);
        behind >>= 8 * zeros;
    }
    return set_id(to, k2_intern_words(s->in, lo, behind, n - zeros));
}

/* Up to 8 bytes, the first one lowest: they end at a NUL, blanks behind are cut off. False: it is no plain text. */
static inline bool cut_text(uint64_t text, unsigned size, uint64_t *out, size_t *n) {
    uint64_t beyond = size < 8 ? UINT64_MAX << 8 * size : 0;
    uint64_t nuls = (text - EACH(1)) & ~text & EACH(0x80) & ~beyond;
    if (nuls)
        beyond = UINT64_MAX << (__builtin_ctzll(nuls) - 7);
    text = (text & ~beyond) | (EACH(' ') & beyond);
    if ((text | (text + EACH(1)) | (text - EACH(' '))) & EACH(0x80))
        return false;
    uint64_t differs = text ^ EACH(' ');
    *n = differs ? 8 - (size_t)__builtin_clzll(differs) / 8 : 0;
    *out = *n < 8 ? text & ~(UINT64_MAX << 8 * *n) : text;
    return *n && (text & 0xff) != ' ';
}

static inline bool set_text(struct layout_state *s, const struct flat_column *c, uint64_t raw,
                            void *to) {
    uint64_t text;
    size_t n;
    if (!cut_text(c->from.big ? __builtin_bswap64(raw) >> (64 - 8 * c->size) : raw, c->size, &text,
                  &n))
        return false;
    return set_id(to, k2_intern_words(s->in, text, 0, n));
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

static void learn_symbol(struct layout_state *s, struct symbol *x, uint32_t id) {
    struct k2_sv text = k2_interned(s->in, id);
    *x = (struct symbol){.id = id};
    if (text.n == 0 || text.n > sizeof x->text)
        return;
    x->n = (uint32_t)text.n;
    memcpy(&x->text, text.p, text.n);
}

static inline bool set_symbol(struct layout_state *s, const struct flat_column *c, uint64_t raw,
                              void *to) {
    const struct layout_book_of_ids *ids = &s->ids[c->directory];
    if (c->directory > 0 || raw >= SYMBOLS || ids->n == LAYOUT_IDS_MAX) {
        uint32_t id = find_symbol(s, c, raw);
        return id && set_id(to, id);
    }
    struct symbol *x = &s->flat->symbols[raw];
    if (x->round != s->flat->round) {
        if (x->n)
            x->id = k2_intern_words(s->in, x->text, 0, x->n);
        else
            learn_symbol(s, x, find_symbol(s, c, raw));
        x->round = s->flat->round;
    }
    return x->id && set_id(to, x->id);
}

void layout_flat_forget(struct layout_flat_state *x, unsigned directory, uint64_t id) {
    if (directory == 0 && id < SYMBOLS)
        x->symbols[id] = (struct symbol){0};
}

static inline bool set_decimal(const struct flat_column *c, uint64_t raw, void *to) {
    int64_t v = flat_signed(&c->from, raw);
    bool negative = c->from.is_signed && v < 0;
    uint64_t size = negative ? 0 - (uint64_t)v : raw;
    if (c->wide && size > c->most)
        return false;
    k2_i128 made = (k2_i128)((k2_u128)size * (uint64_t)c->factor);
    made = negative ? -made : made;
    memcpy(to, &made, sizeof made);
    return true;
}

static inline bool set_long(const struct flat_column *c, uint64_t raw, void *to) {
    int64_t v = flat_signed(&c->from, raw);
    if ((!c->from.is_signed && raw > INT64_MAX) || v == K2_NULL_LONG)
        return false;
    memcpy(to, &v, sizeof v);
    return true;
}

static bool set_other(struct layout_state *s, const struct flat_column *c, struct k2_event *e) {
    const struct layout_assign *a = &s->l->assigns[c->assign];
    int rc = layout_set_column(s, a, e);
    if (rc == 1 && a->list && !c->required)
        return set_id((char *)k2_event_fields(e) + c->to, 0);
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

static bool set_column_null(struct layout_state *s, const struct flat_column *c, void *to) {
    set_null(s->l->assigns[c->assign].column, to);
    return !c->required;
}

static inline bool set_column(struct layout_state *s, const struct flat_column *c,
                              const uint8_t *unit, struct k2_event *e) {
    void *to = (char *)k2_event_fields(e) + c->to;
    uint64_t raw = flat_load(&c->from, unit);
    if (c->from.has_null && raw == c->from.null_raw)
        return set_column_null(s, c, to);
    switch (c->op) {
    case FLAT_WORD:
        return set_word(s, c, raw, to);
    case FLAT_DIGITS:
        return set_digits(s, c, raw, to);
    case FLAT_TEXT:
        return set_text(s, c, raw, to);
    case FLAT_SYMBOL:
        return set_symbol(s, c, raw, to);
    case FLAT_DECIMAL:
        return set_decimal(c, raw, to);
    case FLAT_LONG:
        return set_long(c, raw, to);
    case FLAT_OTHER:
        break;
    }
    return set_other(s, c, e);
}

/* --- extra --- */

static uint32_t make_extra(struct layout_state *s, const struct flat_event *v,
                           const uint8_t *unit) {
    char room[LAYOUT_TEXT_MAX];
    const struct flat_leaf *leaf = s->l->flat->leaves + v->leaves, *end = leaf + v->leaf_count;
    s->blob.n = 0;
    for (; leaf < end; leaf++) {
        if (!leaf->integer) {
            layout_extra_field(s, leaf->key, leaf->node);
            continue;
        }
        uint64_t raw = flat_load(&leaf->from, unit);
        if (!leaf->from.has_null || raw != leaf->from.null_raw)
            layout_extra_pair(&s->blob, leaf->key,
                              layout_print_integer(&s->l->nodes[leaf->node], raw, room));
    }
    return s->blob.n ? k2_intern(s->in, k2_buf_view(&s->blob)) : 0;
}

static void keep_extra(struct layout_state *s, const struct flat_event *v, const uint8_t *unit,
                       uint64_t key, struct kept *k) {
    k->key = key;
    k->shape = v->shape;
    k->id = make_extra(s, v, unit);
    k->n = s->blob.n > K2_INTERN_SHORT && s->blob.n <= KEPT_TEXT ? (uint32_t)s->blob.n : 0;
    if (k->n)
        memcpy(k->text, s->blob.p, k->n);
    k->hash = k2_hash64(k->text, k->n);
}

static inline size_t place_of(const struct flat_event *v, uint64_t key) {
    uint64_t mixed = (key ^ (uint64_t)v->shape << 56) * UINT64_C(0x9e3779b97f4a7c15);
    return mixed >> 50 & (KEPT - 1);
}

/* It is far away mostly: the columns are made meanwhile. */
static inline void expect_extra(const struct layout_state *s, const struct flat_event *v,
                                const uint8_t *unit) {
    if (!v->kept)
        return;
    const struct kept *k = &s->flat->kept[place_of(v, flat_load(&v->told_by, unit))];
    __builtin_prefetch(k);
    __builtin_prefetch(k->text + 32);
}

static inline uint32_t extra_of(struct layout_state *s, const struct flat_event *v,
                                const uint8_t *unit) {
    if (v->leaf_count == 0)
        return 0;
    if (!v->kept)
        return make_extra(s, v, unit);
    uint64_t key = flat_load(&v->told_by, unit);
    struct kept *k = &s->flat->kept[place_of(v, key)];
    if (k->key != key || k->shape != v->shape || k->round == 0)
        keep_extra(s, v, unit, key, k);
    else if (k->round != s->flat->round)
        k->id = k->n ? k2_intern_hashed(s->in, (struct k2_sv){k->text, k->n}, k->hash)
                     : make_extra(s, v, unit);
    k->round = s->flat->round;
    return k->id;
}

/* --- events --- */

static bool begin_event(struct layout_state *s, const struct flat_event *v, struct made *made) {
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

static bool holds(const struct layout_state *s, uint32_t index) {
    const struct layout_event *line = &s->l->events[index];
    for (uint32_t i = 0; i < line->cond_count; i++)
        if (!layout_holds(s->l, s->walk.slot, &s->l->conds[line->conds + i]))
            return false;
    return true;
}

static inline bool make_event(struct layout_state *s, const struct flat_event *v, struct made *made,
                              const uint8_t *unit) {
    if (made->round != s->flat->round && !begin_event(s, v, made))
        return false;
    expect_extra(s, v, unit);
    const struct flat_column *c = s->l->flat->columns + v->columns, *end = c + v->column_count;
    for (; c < end; c++)
        if (!set_column(s, c, unit, &made->event))
            return false;
    return set_id((char *)k2_event_fields(&made->event) + v->extra, extra_of(s, v, unit));
}

struct picked { /* event lines whose conditions hold, and their events */
    const struct flat_event *line[LAYOUT_FLAT_EVENTS];
    struct made *made[LAYOUT_FLAT_EVENTS];
    uint32_t n;
};

/* All of them, or false. */
static inline bool make_events(struct layout_state *s, const struct flat_message *m,
                               const uint8_t *unit, struct picked *picked) {
    const struct flat_event *v = s->l->flat->events + m->events, *end = v + m->event_count;
    struct made *made = s->flat->made + m->events;
    picked->n = 0;
    for (; v < end; v++, made++) {
        if (v->conds && !holds(s, v->index))
            continue;
        if (picked->n == LAYOUT_FLAT_EVENTS || !make_event(s, v, made, unit))
            return false;
        picked->line[picked->n] = v;
        picked->made[picked->n++] = made;
    }
    return picked->n > 0;
}

static inline void end_event(const struct layout_state *s, const struct flat_event *v,
                             struct k2_event *e, int32_t flags) {
    char *fields = k2_event_fields(e);
    int64_t offset = (int64_t)s->frame->offset;
    flags |= v->line_flags;
    e->head.trade_date = s->unit_date;
    e->head.exchange_timestamp = k2_floor_us(s->unit_ns);
    e->head.exchange_timestamp_ns = s->unit_ns;
    e->head.receive_timestamp_ns = s->frame->time_ns;
    e->head.exchange_sequence_number = s->sequence;
    memcpy(fields + v->flags, &flags, sizeof flags);
    memcpy(fields + v->raw_offset, &offset, sizeof offset);
}

static int send_events(struct layout_state *s, const struct picked *picked, struct k2_sv raw) {
    bool shared = s->counted && s->l->counting == LAYOUT_COUNT_PACKET;
    int32_t flags = s->counted ? K2_FLAG_SHARED : 0, epoch = s->counted ? s->channel->epoch : 0;
    int rc = K2_OK;
    for (uint32_t i = 0; i < picked->n && rc == K2_OK; i++) {
        struct k2_event *e = &picked->made[i]->event;
        end_event(s, picked->line[i], e, flags | (i + 1 == picked->n ? K2_FLAG_LAST : 0));
        e->head.channel = layout_channel_id(s);
        e->head.epoch = epoch;
        e->head.part = shared ? s->packet_part++ : (int32_t)i;
        rc = s->sink->event(s->sink->ctx, e, raw, s->position, s->err);
    }
    return rc;
}

/* --- the unit --- */

static bool tell_time(struct layout_state *s, const struct flat_message *m, const uint8_t *unit,
                      int64_t *out) {
    int64_t sum = 0;
    if (!m->fast_time) {
        *out = layout_time_of(s, m->program->times, m->program->time_count);
        return *out != K2_NULL_LONG && s->time_told == (m->program->time_count ? 0 : -1);
    }
    if (m->midnight && !layout_midnight(s, &sum))
        return false;
    for (unsigned i = 0; i < m->time_terms; i++) {
        const struct flat_ref *r = &m->time[i];
        uint64_t raw = flat_load(r, unit);
        int64_t one = flat_signed(r, raw);
        if ((r->has_null && raw == r->null_raw) || (!r->is_signed && raw > INT64_MAX) ||
            __builtin_mul_overflow(one, m->time_unit[i], &one) ||
            __builtin_add_overflow(sum, one, &sum))
            return false;
    }
    *out = sum;
    return sum > 0;
}

/* Memos that are not 0 are good. */
static void renew(struct layout_state *s, uint32_t round) {
    s->flat->round = round;
    memset(s->memo, 0, (s->l->memos + 1) * sizeof *s->memo);
}

/* A file without numbers: its only channel is known since the first message. */
static inline bool is_stream(struct layout_state *s) {
    if (!s->root->ordinal || !s->stream || s->frame->message || s->frame->flow_name.n)
        return false;
    s->channel = &s->channels[s->stream - 1];
    return true;
}

static bool make_unit(struct layout_state *s, const struct flat_message *m, size_t at,
                      struct picked *picked) {
    uint32_t round = k2_interner_round(s->in);
    if (round != s->flat->round)
        renew(s, round);
    if (m->needed_count && !fill_slots(s, m, at))
        return false;
    s->program = m->program;
    if (s->l->counting == LAYOUT_COUNT_OWN || (s->units == 0 && !is_stream(s)))
        layout_find_channel(s);
    if (m->program->directory_count)
        layout_apply_directories(s, m->program, false);
    return tell_time(s, m, s->walk.p + at, &s->unit_ns) &&
           make_events(s, m, s->walk.p + at, picked);
}

int layout_flat_unit(struct layout_walk *w, uint32_t unit, size_t *at, size_t end) {
    struct layout_state *s = w->ctx;
    const struct layout_flat *f = s->l->flat;
    struct picked picked;
    const struct flat_message *m = find_message(f, &f->units[unit - 1], w->p + *at, end - *at);
    if (!m || s->wants || !make_unit(s, m, *at, &picked))
        return 0;
    const struct k2_sv raw = {(const char *)w->p + *at, m->size};
    s->flat_units++;
    s->position++;
    s->counted = layout_find_number(s);
    s->unit_date = layout_date_of(s, s->unit_ns);
    layout_place_in_epoch(s, s->unit_date);
    w->rc = send_events(s, &picked, raw);
    if (m->program->directory_count)
        layout_apply_directories(s, m->program, true);
    s->units++;
    w->in_unit = false;
    *at += m->size;
    return w->rc == K2_OK ? 1 : -1;
}
