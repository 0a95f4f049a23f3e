/* feed/layout/flat.h - messages whose fields all have a fixed place: a table that is made once of their nodes, and
 * run without walking them.
 *
 * A unit is flat when everything from its first byte to the end of its message has a fixed size, is always there and
 * comes once. Then each column of its events is one operation on bytes at a known place, and what is the same in all
 * events of a line stands in that line's event already. flat.c makes the form when a layout is linked, flat_unit.c runs
 * it. Whatever is not as usual (an unknown code, a blank text, a value out of range, another length) leaves the unit
 * to unit.c before anything was answered: its meaning is said there alone.
 */
#ifndef K2_FEED_LAYOUT_FLAT_H
#define K2_FEED_LAYOUT_FLAT_H

#include "feed/layout/layout.h"

#define FLAT_TIME_TERMS 3

struct flat_ref { /* an integer or character: 8 bytes that it is part of, inside the unit */
    int32_t node;
    uint16_t base;
    uint8_t shift, sign; /* sign: bits above a signed one */
    bool big, has_null, is_signed;
    uint64_t mask, null_raw;
};

enum flat_op {
    FLAT_WORD,    /* a code and the word it stands for */
    FLAT_DIGITS,  /* an integer as text */
    FLAT_TEXT,    /* text of up to 8 bytes */
    FLAT_SYMBOL,  /* of a directory */
    FLAT_PRODUCT, /* a number without a sign, always in range, times a power of ten */
    FLAT_DECIMAL, /* any other number, times a power of ten */
    FLAT_LONG,
    FLAT_OTHER,   /* by unit.c, from slots */
    FLAT_NULLABLE /* a value of the bytes means null */
};

struct flat_column {
    struct flat_ref from;
    uint8_t op, value_op; /* enum flat_op; value_op: of a NULLABLE one that is not null */
    bool required;
    bool wide;   /* a decimal's number may be too large */
    uint16_t to; /* in the event */
    uint8_t directory;
    uint64_t factor;
    uint64_t most;   /* magnitude of the number before it is multiplied */
    uint64_t blanks; /* behind a text of less than 8 bytes */
    uint32_t words;  /* by code: 1 + place among the map's pairs, or 0 */
    uint32_t memo;   /* of the first pair */
    uint32_t assign; /* in the layout's */
    uint32_t term;
};

struct flat_leaf { /* what goes into extra */
    struct k2_sv key;
    int32_t node;
    bool integer; /* it prints as its digits */
    uint8_t size;
    uint8_t place;        /* among the bytes that tell all of extra */
    struct flat_ref from; /* of an integer */
};

struct flat_event {
    const struct flat_column *column, *column_end; /* `columns`, once no list grows any more */
    uint32_t index;                                /* in the layout's events */
    uint32_t columns, column_count;
    uint32_t constants, constant_count; /* in `constants` */
    uint32_t leaves, leaf_count;
    bool kept; /* up to 8 bytes beside each other tell all of extra: it is looked up by them */
    struct flat_ref told_by; /* these bytes, the first one lowest */
    bool conds;              /* the line has conditions */
    uint32_t shape;          /* the first event whose extra has the same fields */
    int32_t line_flags;
    uint16_t flags, extra, raw_offset; /* where they are in the event */
};

struct flat_message {
    const struct layout_program *program;
    const struct flat_event *event; /* the first of `events`, once no list grows any more */
    uint32_t size;                  /* of the whole unit */
    uint32_t events, event_count;
    uint32_t needed, needed_count; /* nodes whose slots are filled first */
    bool quick;     /* one event without conditions, nothing is needed and no directory filled */
    bool fast_time; /* by the terms below; else by time.c, from slots */
    bool midnight;
    uint8_t time_terms;
    struct flat_ref time[FLAT_TIME_TERMS];
    int64_t time_unit[FLAT_TIME_TERMS];
};

struct flat_choice { /* where a key tells what follows */
    uint16_t at;
    uint8_t size;
    bool big;
    /* by key: 0 = it is not flat, n > 0: message n - 1, n < 0: choice -n - 1 */
    int32_t then[256];
};

struct flat_unit {
    int32_t node;
    uint32_t head; /* bytes in front of what is chosen */
    int32_t first; /* as flat_choice.then */
    bool sized_rest, sized_node;
    uint16_t sized_at;
    uint8_t sized_size;
    bool sized_big;
    int64_t sized_add;
};

struct layout_flat {
    uint32_t sole[2]; /* by root: layout_node.flat of the unit that is all of it, or 0 */
    LAYOUT_LIST(struct flat_unit, units);
    LAYOUT_LIST(struct flat_choice, choices);
    LAYOUT_LIST(struct flat_message, messages);
    LAYOUT_LIST(struct flat_event, events);
    LAYOUT_LIST(struct flat_column, columns);
    LAYOUT_LIST(uint32_t, constants); /* in the layout's assigns */
    LAYOUT_LIST(struct flat_leaf, leaves);
    LAYOUT_LIST(int32_t, needed);
    LAYOUT_LIST(uint16_t, words);
};

/* Of a linked layout; sets `flat` and `flat_at` of its nodes. */
struct layout_flat *layout_flat_new(struct layout *l);
void layout_flat_free(struct layout_flat *f); /* NULL is fine */

static inline uint64_t flat_load(const struct flat_ref *r, const uint8_t *unit) {
    uint64_t v = k2_get_u64(unit + r->base);
    return (r->big ? __builtin_bswap64(v) : v) >> r->shift & r->mask;
}

static inline int64_t flat_signed(const struct flat_ref *r, uint64_t raw) {
    return (int64_t)(raw << r->sign) >> r->sign;
}

#endif
