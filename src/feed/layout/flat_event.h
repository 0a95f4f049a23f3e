/* feed/layout/flat_event.h - the event of a message that has the flat form, made by its columns: shared by flat_unit.c and
 * flat_run.c, in whose loops it is.
 *
 * Each line of the table has one event that is made once for all messages; a message writes what differs in it. An
 * event is gone when the sink returns, so it can serve again. Ids of strings are good as long as the interner is not
 * emptied, which its round tells: then every line's event is begun anew when it is next used. Strings that come again
 * are kept by the interner, and their ids in tables here. What is needed now and then only is in flat_event.c.
 */
#ifndef K2_FEED_LAYOUT_FLAT_EVENT_H
#define K2_FEED_LAYOUT_FLAT_EVENT_H

#include "feed/layout/flat.h"
#include "feed/layout/state.h"

#define FLAT_SYMBOLS 65536 /* ids of the first directory whose symbols are looked up by place */
#define FLAT_MET 32768     /* strings that were met once, by their homes; a power of two */

struct flat_made { /* an event line's event */
    struct k2_event event;
    uint32_t round; /* of the interner; 0: not begun */
};

struct flat_known { /* a text of extra or of a column */
    uint64_t key;   /* the bytes that it was made of */
    uint32_t shape; /* 1 + the extra's; FLAT_TEXT_SHAPE: of a column */
    uint32_t id;    /* under which the interner keeps it; 0: this place is free */
};
#define FLAT_TEXT_SHAPE 0 /* the bytes with blanks behind them, the first one lowest */

struct layout_flat_state {
    struct flat_made *made; /* by event of the flat form */
    /* Open addressing, half full at most. What is in it came a second time. */
    struct flat_known *known;
    uint32_t known_n, known_mask;
    uint32_t *met;     /* by its place: a mark of what came last */
    uint32_t *symbols; /* ids of kept ones */
    uint32_t *words;   /* the same, by place in the flat form's */
    uint32_t round;
};

/* --- flat_event.c: 0 or false leaves the unit to unit.c --- */

/* Ids of a round that is over are good no more. */
void flat_renew(struct layout_state *s);
/* All that is the same in every event of the line. */
bool flat_begin(struct layout_state *s, const struct flat_event *v, struct flat_made *made);
uint32_t flat_word(struct layout_state *s, const struct flat_column *c, uint64_t raw);
/* Any integer, by its type. */
uint32_t flat_number(struct layout_state *s, const struct flat_column *c, uint64_t raw);
/* known: it is looked for among the known ones next. */
uint32_t flat_text(struct layout_state *s, uint64_t bytes, bool known);
uint32_t flat_symbol(struct layout_state *s, const struct flat_column *c, uint64_t raw);
/* By unit.c, from slots. */
bool flat_set_other(struct layout_state *s, const struct flat_column *c, struct k2_event *e);
bool flat_set_null(struct layout_state *s, const struct flat_column *c, void *to);
/* *out is 0 where there are no fields for it; false leaves the unit to unit.c. */
bool flat_extra(struct layout_state *s, const struct flat_event *v, const uint8_t *unit,
                uint32_t *out);

/* --- strings that come again --- */

static inline uint64_t flat_mix(uint64_t key, uint32_t shape) {
    return (key ^ (uint64_t)shape << 56) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint32_t flat_home(const struct layout_flat_state *x, uint64_t key, uint32_t shape) {
    return (uint32_t)(flat_mix(key, shape) >> 40) & x->known_mask;
}

/* The place that it has, or would have. */
static inline struct flat_known *flat_find(const struct layout_flat_state *x, uint32_t at,
                                           uint64_t key, uint32_t shape) {
    struct flat_known *k = &x->known[at];
    while (k->id && (k->key != key || k->shape != shape))
        k = &x->known[at = (at + 1) & x->known_mask];
    return k;
}

/* --- columns --- */

static inline void flat_set_id(void *to, uint32_t id) {
    memcpy(to, &id, sizeof id);
}

static inline void flat_set_product(const struct flat_column *c, uint64_t raw, void *to) {
    k2_u128 made = (k2_u128)raw * c->factor;
    memcpy(to, &made, sizeof made);
}

static inline bool flat_set_decimal(const struct flat_column *c, uint64_t raw, void *to) {
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

static inline bool flat_set_long(const struct flat_column *c, uint64_t raw, void *to) {
    int64_t v = flat_signed(&c->from, raw);
    if ((!c->from.is_signed && raw > INT64_MAX) || v == K2_NULL_LONG)
        return false;
    memcpy(to, &v, sizeof v);
    return true;
}

/* The ids up to here are good in this round. */
static inline uint32_t flat_kept(const struct layout_state *s) {
    return ((const struct k2_interner_texts *)s->in)->kept;
}

static inline uint32_t flat_word_of(struct layout_state *s, const struct flat_column *c,
                                    uint64_t raw, uint32_t kept) {
    uint32_t id = s->flat->words[c->words + (uint8_t)raw];
    return id - 1 < kept ? id : flat_word(s, c, raw);
}

static inline bool flat_has_place(const struct layout_state *s, const struct flat_column *c,
                                  uint64_t raw) {
    return c->directory == 0 && raw < FLAT_SYMBOLS && s->ids[0].n < LAYOUT_IDS_MAX;
}

static inline uint32_t flat_symbol_of(struct layout_state *s, const struct flat_column *c,
                                      uint64_t raw, uint32_t kept) {
    if (flat_has_place(s, c, raw) && s->flat->symbols[raw] - 1 < kept)
        return s->flat->symbols[raw];
    return flat_symbol(s, c, raw);
}

/* known: it is looked for among them. A text that comes rarely is faster made than found. */
static inline uint32_t flat_text_of(struct layout_state *s, const struct flat_column *c,
                                    uint64_t raw, uint32_t kept, bool known) {
    uint64_t bytes = raw | c->blanks;
    const struct layout_flat_state *x = s->flat;
    if (!known)
        return flat_text(s, bytes, false);
    uint32_t id = flat_find(x, flat_home(x, bytes, FLAT_TEXT_SHAPE), bytes, FLAT_TEXT_SHAPE)->id;
    return id - 1 < kept ? id : flat_text(s, bytes, true);
}

#define FLAT_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* 8 digits of a number below 10^8, the first one lowest: four, two and one at a time in the lanes of a word. */
static inline uint64_t flat_eight_digits(uint64_t v) {
    uint64_t fours = v / 10000 | v % 10000 << 32;
    uint64_t high = fours * 10486 >> 20 & UINT64_C(0x7f0000007f);
    uint64_t twos = high | (fours - 100 * high) << 16;
    uint64_t tens = twos * 103 >> 10 & UINT64_C(0x000f000f000f000f);
    return tens | (twos - 10 * tens) << 8;
}

struct flat_digits { /* n bytes in two words, the first one lowest, zeros behind them */
    uint64_t lo, hi;
    unsigned n;
};

#define FLAT_DIGITS_MAX UINT64_C(9999999999999999)

/* Of a number up to FLAT_DIGITS_MAX. */
static inline struct flat_digits flat_print(uint64_t raw) {
    uint64_t first, behind = 0;
    unsigned n = 8;
    if (raw < 100000000) {
        first = flat_eight_digits(raw);
    } else {
        first = flat_eight_digits(raw / 100000000);
        behind = flat_eight_digits(raw % 100000000) | FLAT_EACH('0');
        n = 16;
    }
    unsigned bits = first ? (unsigned)__builtin_ctzll(first) & ~7u : 56;
    uint64_t lo = (first | FLAT_EACH('0')) >> bits | behind << 1 << (63 - bits);
    return (struct flat_digits){lo, behind >> bits, n - bits / 8};
}

static inline uint32_t flat_digits_of(struct layout_state *s, const struct flat_column *c,
                                      uint64_t raw) {
    if (raw > FLAT_DIGITS_MAX)
        return flat_number(s, c, raw);
    struct flat_digits d = flat_print(raw);
    return k2_intern_words(s->in, d.lo, d.hi, d.n);
}

/* --- events --- */

/* The columns of a plain line that has so many of each; false: there is a string without an id. */
static inline __attribute__((always_inline)) bool flat_set_plain(struct layout_state *s,
                                                                 const struct flat_event *v,
                                                                 char *e, const uint8_t *unit,
                                                                 struct flat_counts count) {
    const struct flat_column *c = v->column;
    const uint32_t kept = flat_kept(s);
    uint32_t id = 1;
    for (unsigned n = count.products; n; n--, c++)
        flat_set_product(c, flat_load_plain(&c->from, unit), e + c->to);
    for (unsigned n = count.words; n && id; n--, c++)
        flat_set_id(e + c->to, id = flat_word_of(s, c, flat_load_plain(&c->from, unit), kept));
    for (unsigned n = count.symbols; n && id; n--, c++)
        flat_set_id(e + c->to, id = flat_symbol_of(s, c, flat_load(&c->from, unit), kept));
    for (unsigned n = count.texts; n && id; n--, c++)
        flat_set_id(e + c->to, id = flat_text_of(s, c, flat_load(&c->from, unit), kept, v->kept));
    for (unsigned n = count.digits; n && id; n--, c++)
        flat_set_id(e + c->to, id = flat_digits_of(s, c, flat_load_plain(&c->from, unit)));
    return id != 0;
}

static inline bool flat_set_some_id(void *to, uint32_t id) {
    flat_set_id(to, id);
    return id != 0;
}

static inline __attribute__((always_inline)) bool flat_set_value(struct layout_state *s,
                                                                 const struct flat_column *c,
                                                                 uint8_t op, uint64_t raw,
                                                                 bool known, struct k2_event *e) {
    void *to = (char *)e + c->to;
    switch ((enum flat_op)op) {
    case FLAT_PRODUCT:
        flat_set_product(c, raw, to);
        return true;
    case FLAT_WORD:
        return flat_set_some_id(to, flat_word_of(s, c, raw, flat_kept(s)));
    case FLAT_SYMBOL:
        return flat_set_some_id(to, flat_symbol_of(s, c, raw, flat_kept(s)));
    case FLAT_TEXT:
        return flat_set_some_id(to, flat_text_of(s, c, raw, flat_kept(s), known));
    case FLAT_DIGITS:
        return flat_set_some_id(to, flat_digits_of(s, c, raw));
    case FLAT_NUMBER:
        return flat_set_some_id(to, flat_signed(&c->from, raw) < 0 ? flat_number(s, c, raw)
                                                                   : flat_digits_of(s, c, raw));
    case FLAT_DECIMAL:
        return flat_set_decimal(c, raw, to);
    case FLAT_LONG:
        return flat_set_long(c, raw, to);
    case FLAT_OTHER:
    case FLAT_NULLABLE:
        break;
    }
    return flat_set_other(s, c, e);
}

/* The columns of any line. */
static inline __attribute__((always_inline)) bool flat_set_any(struct layout_state *s,
                                                               const struct flat_event *v,
                                                               struct k2_event *e,
                                                               const uint8_t *unit) {
    const struct flat_column *c = v->column, *end = c + v->column_count;
    bool good = true;
    for (; c < end && good; c++) {
        uint64_t raw = flat_load(&c->from, unit);
        uint8_t op = c->op != FLAT_NULLABLE ? c->op : c->value_op;
        good = c->op == FLAT_NULLABLE && raw == c->from.null_raw
                   ? flat_set_null(s, c, (char *)e + c->to)
                   : flat_set_value(s, c, op, raw, v->kept, e);
    }
    return good;
}

/* The line's event but for what all events have. count: of a plain line; NULL: it may be any. False leaves the unit to
 * unit.c. */
static inline __attribute__((always_inline)) bool
flat_make(struct layout_state *s, const struct flat_event *v, struct flat_made *made,
          const uint8_t *unit, const struct flat_counts *count) {
    if (made->round != s->flat->round && !flat_begin(s, v, made))
        return false;
    const struct layout_flat_state *x = s->flat;
    uint64_t key = flat_load(&v->told_by, unit);
    uint32_t home = flat_home(x, key, v->shape + 1);
    __builtin_prefetch(&x->known[home]); /* it is far away mostly: columns are made meanwhile */
    char *e = (char *)&made->event;
    if (!(count ? flat_set_plain(s, v, e, unit, *count) : flat_set_any(s, v, &made->event, unit)))
        return false;
    uint32_t extra = v->kept ? flat_find(x, home, key, v->shape + 1)->id : 0;
    if (!k2_intern_is_kept(s->in, extra) && !flat_extra(s, v, unit, &extra))
        return false;
    flat_set_id(e + v->extra, extra);
    return true;
}

#endif
