/* feed/layout/flat_unit.c - the events of a unit that has the flat form (flat.h).
 *
 * Each line of the table has one event that is made once for all messages; a message writes what differs in it. An
 * event is gone when the sink returns, so it can serve again. Ids of strings are good as long as the interner is not
 * emptied, which its round tells: then every line's event is begun anew when it is next used.
 */
#include "feed/layout/flat.h"
#include "feed/layout/state.h"

#include <stdlib.h>

#define SETS 16384 /* of strings that come again; a power of two */
#define WAYS 2
#define SYMBOLS 65536 /* ids of the first directory whose symbols are looked up by place */

#define RARE __attribute__((noinline, cold)) /* out of the way of what every message needs */

struct made { /* an event line's event */
    struct k2_event event;
    uint32_t round; /* of the interner; 0: not begun */
};

/* Texts of extra and of columns by the bytes they were made of: one line of the processor's cache holds what a message
 * needs. Their ids are those under which the interner keeps them, as it does when they come a second time. */
struct set {
    uint64_t key[WAYS]; /* the bytes that tell an extra */
    uint64_t
        bytes[WAYS]; /* of a column's text as they came, blanks behind them, the first one lowest */
    uint32_t shape[WAYS]; /* 1 + the extra's; 0: there is none */
    uint32_t extra[WAYS], text[WAYS];
    uint32_t unused[2];
};

struct layout_flat_state {
    struct made *made; /* by event of the flat form */
    struct set *sets;
    uint32_t *symbols; /* ids of kept ones */
    uint32_t round;
    void *room; /* of the sets, which begin at a line's start in it */
};

struct layout_flat_state *layout_flat_state_new(const struct layout_flat *f) {
    struct layout_flat_state *x = k2_zalloc(sizeof *x);
    x->made = k2_zalloc((f->events_n + 1) * sizeof *x->made);
    x->room = k2_zalloc((SETS + 1) * sizeof *x->sets);
    x->sets = (struct set *)(((uintptr_t)x->room + sizeof *x->sets - 1) & ~(sizeof *x->sets - 1));
    x->symbols = k2_zalloc(SYMBOLS * sizeof *x->symbols);
    return x;
}

void layout_flat_state_free(struct layout_flat_state *x) {
    if (!x)
        return;
    free(x->made);
    free(x->room);
    free(x->symbols);
    free(x);
}

/* --- strings that come again --- */

static inline struct set *set_of(const struct layout_state *s, uint64_t key, uint32_t shape) {
    uint64_t mixed = (key ^ (uint64_t)shape << 56) * UINT64_C(0x9e3779b97f4a7c15);
    return &s->flat->sets[mixed >> 50 & (SETS - 1)];
}

static uint32_t keep(struct layout_state *s, uint32_t id) {
    return id ? k2_intern_keep(s->in, k2_interned(s->in, id)) : 0;
}

/* --- which message --- */

/* By its keys alone; NULL: there is none, or it has no flat form, or it is not all there. */
static inline const struct flat_message *choose_message(const struct layout_flat *f,
                                                        const struct flat_unit *u,
                                                        const uint8_t *unit, size_t left) {
    int then = u->first;
    if (left < u->head)
        return NULL;
    while (then < 0) {
        const struct flat_choice *c = &f->choices[-then - 1];
        if ((size_t)c->at + c->size > left)
            return NULL;
        uint64_t key = c->size == 1 ? unit[c->at] : layout_number_at(unit + c->at, c->size, c->big);
        then = key < 256 ? c->then[key] : 0;
    }
    const struct flat_message *m = then ? &f->messages[then - 1] : NULL;
    return m && m->size <= left ? m : NULL;
}

/* NULL: the unit has no flat form, or not this time. */
static inline const struct flat_message *find_message(const struct layout_flat *f,
                                                      const struct flat_unit *u,
                                                      const uint8_t *unit, size_t left) {
    const struct flat_message *m = choose_message(f, u, unit, left);
    if (!m)
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

static RARE uint32_t intern_word(struct layout_state *s, const struct layout_term *t,
                                 uint32_t word) {
    return k2_intern(s->in, s->l->pairs[s->l->maps[t->map].first + word - 1].text);
}

static inline bool set_word(struct layout_state *s, const struct flat_column *c, uint64_t raw,
                            void *to) {
    uint32_t word = s->l->flat->words[c->words + (uint8_t)raw];
    if (word == 0)
        return false;
    uint32_t *memo = &s->memo[c->memo + word - 1];
    if (!*memo)
        *memo = intern_word(s, &s->l->terms[c->term], word);
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

static RARE uint32_t intern_long_digits(struct layout_state *s, int32_t node, uint64_t raw) {
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

/* 8 bytes, the first one lowest: they end at a NUL, blanks behind are cut off. False: it is no plain text. */
static bool cut_text(uint64_t text, uint64_t *out, size_t *n) {
    uint64_t nuls = (text - EACH(1)) & ~text & EACH(0x80);
    if (nuls) {
        uint64_t beyond = UINT64_MAX << (__builtin_ctzll(nuls) - 7);
        text = (text & ~beyond) | (EACH(' ') & beyond);
    }
    if ((text | (text + EACH(1)) | (text - EACH(' '))) & EACH(0x80))
        return false;
    uint64_t differs = text ^ EACH(' ');
    *n = differs ? 8 - (size_t)__builtin_clzll(differs) / 8 : 0;
    *out = *n < 8 ? text & ~(UINT64_MAX << 8 * *n) : text;
    return *n && (text & 0xff) != ' ';
}

/* A new one takes the first place of its set, and what was there the second. */
static void learn_text(struct layout_state *s, uint64_t bytes, struct set *set, uint32_t id) {
    unsigned way = set->bytes[0] != bytes;
    if (set->bytes[way] == bytes) {
        set->text[way] = keep(s, id);
        return;
    }
    set->bytes[1] = set->bytes[0];
    set->text[1] = set->text[0];
    set->bytes[0] = bytes;
    set->text[0] = 0;
}

static __attribute__((noinline)) bool make_text(struct layout_state *s, uint64_t bytes,
                                                struct set *set, void *to) {
    uint64_t text;
    size_t n;
    if (!cut_text(bytes, &text, &n))
        return false;
    uint32_t id = k2_intern_words(s->in, text, 0, n);
    if (set)
        learn_text(s, bytes, set, id);
    return set_id(to, id);
}

/* Without a set that is at hand for the extra it is faster made than found. */
static inline bool set_text(struct layout_state *s, const struct flat_column *c, uint64_t raw,
                            struct set *set, void *to) {
    uint64_t bytes = raw | c->blanks;
    unsigned way = set && set->bytes[0] != bytes;
    if (set && set->bytes[way] == bytes && k2_intern_is_kept(s->in, set->text[way]))
        return set_id(to, set->text[way]);
    return make_text(s, bytes, set, to);
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

static inline bool has_place(const struct layout_state *s, const struct flat_column *c,
                             uint64_t raw) {
    return c->directory == 0 && raw < SYMBOLS && s->ids[0].n < LAYOUT_IDS_MAX;
}

static RARE bool make_symbol(struct layout_state *s, const struct flat_column *c, uint64_t raw,
                             void *to) {
    uint32_t id = find_symbol(s, c, raw);
    if (has_place(s, c, raw))
        s->flat->symbols[raw] = keep(s, id);
    return id && set_id(to, id);
}

static inline bool set_symbol(struct layout_state *s, const struct flat_column *c, uint64_t raw,
                              void *to) {
    if (has_place(s, c, raw) && k2_intern_is_kept(s->in, s->flat->symbols[raw]))
        return set_id(to, s->flat->symbols[raw]);
    return make_symbol(s, c, raw, to);
}

void layout_flat_forget(struct layout_flat_state *x, unsigned directory, uint64_t id) {
    if (directory == 0 && id < SYMBOLS)
        x->symbols[id] = 0;
}

static inline bool set_product(const struct flat_column *c, uint64_t raw, void *to) {
    k2_u128 made = (k2_u128)raw * c->factor;
    memcpy(to, &made, sizeof made);
    return true;
}

static inline bool set_decimal(const struct flat_column *c, uint64_t raw, void *to) {
    int64_t v = flat_signed(&c->from, raw);
    bool negative = c->from.is_signed && v < 0;
    uint64_t size = negative ? 0 - (uint64_t)v : raw;
    if (c->wide && size > c->most)
        return false;
    k2_i128 made = (k2_i128)((k2_u128)size * c->factor);
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
        return set_id((char *)e + c->to, 0);
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

static inline __attribute__((always_inline)) bool set_value(struct layout_state *s,
                                                            const struct flat_column *c, uint8_t op,
                                                            uint64_t raw, struct set *set,
                                                            struct k2_event *e) {
    void *to = (char *)e + c->to;
    switch ((enum flat_op)op) {
    case FLAT_WORD:
        return set_word(s, c, raw, to);
    case FLAT_DIGITS:
        return set_digits(s, c, raw, to);
    case FLAT_TEXT:
        return set_text(s, c, raw, set, to);
    case FLAT_SYMBOL:
        return set_symbol(s, c, raw, to);
    case FLAT_PRODUCT:
        return set_product(c, raw, to);
    case FLAT_DECIMAL:
        return set_decimal(c, raw, to);
    case FLAT_LONG:
        return set_long(c, raw, to);
    case FLAT_OTHER:
    case FLAT_NULLABLE:
        break;
    }
    return set_other(s, c, e);
}

static __attribute__((noinline)) bool set_nullable(struct layout_state *s,
                                                   const struct flat_column *c, uint64_t raw,
                                                   struct set *set, struct k2_event *e) {
    return set_value(s, c, c->value_op, raw, set, e);
}

static inline __attribute__((always_inline)) bool set_column(struct layout_state *s,
                                                             const struct flat_column *c,
                                                             const uint8_t *unit, struct set *set,
                                                             struct k2_event *e) {
    uint64_t raw = flat_load(&c->from, unit);
    if (c->op != FLAT_NULLABLE)
        return set_value(s, c, c->op, raw, set, e);
    if (raw == c->from.null_raw)
        return set_column_null(s, c, (char *)e + c->to);
    return set_nullable(s, c, raw, set, e);
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

static RARE uint32_t learn_extra(struct layout_state *s, const struct flat_event *v,
                                 const uint8_t *unit, uint64_t key, struct set *set) {
    uint32_t id = make_extra(s, v, unit), shape = v->shape + 1;
    for (unsigned way = 0; way < WAYS; way++)
        if (set->key[way] == key && set->shape[way] == shape) {
            set->extra[way] = keep(s, id);
            return id;
        }
    set->key[1] = set->key[0];
    set->shape[1] = set->shape[0];
    set->extra[1] = set->extra[0];
    set->key[0] = key;
    set->shape[0] = shape;
    set->extra[0] = 0;
    return id;
}

static inline uint32_t extra_of(struct layout_state *s, const struct flat_event *v,
                                const uint8_t *unit, uint64_t key, struct set *set) {
    if (!set)
        return v->leaf_count ? make_extra(s, v, unit) : 0;
    unsigned way = set->key[0] != key || set->shape[0] != v->shape + 1;
    if (set->key[way] == key && set->shape[way] == v->shape + 1 &&
        k2_intern_is_kept(s->in, set->extra[way]))
        return set->extra[way];
    return learn_extra(s, v, unit, key, set);
}

/* --- events --- */

static RARE bool begin_event(struct layout_state *s, const struct flat_event *v,
                             struct made *made) {
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

static inline __attribute__((always_inline)) bool make_event(struct layout_state *s,
                                                             const struct flat_event *v,
                                                             struct made *made,
                                                             const uint8_t *unit) {
    if (made->round != s->flat->round && !begin_event(s, v, made))
        return false;
    uint64_t key = v->kept ? flat_load(&v->told_by, unit) : 0;
    struct set *set = v->kept ? set_of(s, key, v->shape) : NULL;
    if (set)
        __builtin_prefetch(set); /* it is far away mostly: other columns are made meanwhile */
    for (const struct flat_column *c = v->column; c < v->column_end; c++)
        if (!set_column(s, c, unit, set, &made->event))
            return false;
    return set_id((char *)&made->event + v->extra, extra_of(s, v, unit, key, set));
}

static inline void end_event(struct layout_state *s, const struct flat_event *v, struct k2_event *e,
                             int32_t flags, int32_t part) {
    const struct layout_channel *c = s->channel;
    int64_t ns = s->unit_ns, offset = (int64_t)s->frame->offset;
    flags |= v->line_flags | (s->counted ? K2_FLAG_SHARED : 0);
    e->head.trade_date = s->unit_date;
    e->head.exchange_timestamp = ns > 0 ? (int64_t)((uint64_t)ns / 1000) : k2_floor_us(ns);
    e->head.exchange_timestamp_ns = ns;
    e->head.receive_timestamp_ns = s->frame->time_ns;
    e->head.exchange_sequence_number = s->sequence;
    e->head.channel =
        s->counted && c->memo_round == s->flat->round ? c->memo : layout_channel_id(s);
    e->head.epoch = s->counted ? c->epoch : 0;
    e->head.part = s->counted && s->l->counting == LAYOUT_COUNT_PACKET ? s->packet_part++ : part;
    memcpy((char *)e + v->flags, &flags, sizeof flags);
    memcpy((char *)e + v->raw_offset, &offset, sizeof offset);
}

static inline int send_event(struct layout_state *s, const struct flat_event *v, struct made *made,
                             int32_t flags, int32_t part, struct k2_sv raw) {
    end_event(s, v, &made->event, flags, part);
    return s->sink->event(s->sink->ctx, &made->event, raw, s->position, s->err);
}

struct picked { /* event lines whose conditions hold, and their events */
    const struct flat_event *line[LAYOUT_FLAT_EVENTS];
    struct made *made[LAYOUT_FLAT_EVENTS];
    uint32_t n;
};

/* All of them, or false. */
static bool make_events(struct layout_state *s, const struct flat_message *m, const uint8_t *unit,
                        struct picked *picked) {
    const struct flat_event *v = m->event, *end = v + m->event_count;
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

static int send_events(struct layout_state *s, const struct picked *picked, struct k2_sv raw) {
    int rc = K2_OK;
    for (uint32_t i = 0; i < picked->n && rc == K2_OK; i++)
        rc = send_event(s, picked->line[i], picked->made[i], i + 1 == picked->n ? K2_FLAG_LAST : 0,
                        (int32_t)i, raw);
    return rc;
}

/* --- the unit --- */

static inline bool tell_time(struct layout_state *s, const struct flat_message *m,
                             const uint8_t *unit, int64_t *out) {
    int64_t sum = 0;
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

static bool tell_any_time(struct layout_state *s, const struct flat_message *m, const uint8_t *unit,
                          int64_t *out) {
    if (m->fast_time)
        return tell_time(s, m, unit, out);
    *out = layout_time_of(s, m->program->times, m->program->time_count);
    return *out != K2_NULL_LONG && s->time_told == (m->program->time_count ? 0 : -1);
}

/* Memos that are not 0 are good. */
static RARE void renew(struct layout_state *s) {
    s->flat->round = k2_interner_round(s->in);
    memset(s->memo, 0, (s->l->memos + 1) * sizeof *s->memo);
}

/* In a file without numbers each frame is a unit, and all are of the channel that the first one found. */
static inline void find_channel(struct layout_state *s) {
    if (s->in_stream && s->stream)
        s->channel = &s->channels[s->stream - 1];
    else if (s->l->counting == LAYOUT_COUNT_OWN || s->units == 0)
        layout_find_channel(s);
}

static bool make_unit(struct layout_state *s, const struct flat_message *m, size_t at,
                      struct picked *picked) {
    const uint8_t *unit = s->walk.p + at;
    if (m->needed_count && !fill_slots(s, m, at))
        return false;
    s->program = m->program;
    find_channel(s);
    if (m->program->directory_count)
        layout_apply_directories(s, m->program, false);
    return tell_any_time(s, m, unit, &s->unit_ns) && make_events(s, m, unit, picked);
}

/* Of a message that is quick. */
static inline bool make_quick(struct layout_state *s, const struct flat_message *m,
                              const uint8_t *unit) {
    find_channel(s);
    return tell_time(s, m, unit, &s->unit_ns) &&
           make_event(s, m->event, &s->flat->made[m->events], unit);
}

/* Its number and its place in the epoch: mostly the next one of the day. */
static inline void place_unit(struct layout_state *s) {
    struct layout_channel *c = s->channel;
    if (s->in_stream && c->begun && c->date >= s->unit_date && !s->l->restarts) {
        s->sequence = c->last = ++c->ordinal;
        s->counted = true;
        return;
    }
    s->counted = layout_find_number(s);
    layout_place_in_epoch(s, s->unit_date);
}

static inline void begin_answer(struct layout_state *s) {
    s->flat_units++;
    s->position++;
    s->unit_date = layout_date_of(s, s->unit_ns);
    place_unit(s);
}

static __attribute__((noinline)) int
answer_unit(struct layout_state *s, const struct flat_message *m, size_t at, struct k2_sv raw) {
    struct picked picked;
    if (!make_unit(s, m, at, &picked))
        return 0;
    begin_answer(s);
    s->walk.rc = send_events(s, &picked, raw);
    if (m->program->directory_count)
        layout_apply_directories(s, m->program, true);
    return 1;
}

static inline int answer_quick(struct layout_state *s, const struct flat_message *m,
                               struct k2_sv raw) {
    if (!make_quick(s, m, (const uint8_t *)raw.p))
        return 0;
    begin_answer(s);
    s->walk.rc = send_event(s, m->event, &s->flat->made[m->events], K2_FLAG_LAST, 0, raw);
    return 1;
}

int layout_flat_unit(struct layout_walk *w, uint32_t unit, size_t *at, size_t end) {
    struct layout_state *s = w->ctx;
    const struct layout_flat *f = s->l->flat;
    const struct flat_message *m = find_message(f, &f->units[unit - 1], w->p + *at, end - *at);
    if (!m || s->wants)
        return 0;
    if (k2_interner_round(s->in) != s->flat->round)
        renew(s);
    const struct k2_sv raw = {(const char *)w->p + *at, m->size};
    if (!(m->quick ? answer_quick(s, m, raw) : answer_unit(s, m, *at, raw)))
        return 0;
    s->units++;
    w->in_unit = false;
    *at += m->size;
    return w->rc == K2_OK ? 1 : -1;
}
