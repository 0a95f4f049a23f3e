/* feed/layout/flat.h - messages whose fields all have a fixed place: a table that is made once of their nodes, and
 * run without walking them.
 *
 * A unit is flat when everything from its first byte to the end of its message has a fixed size, is always there and
 * comes once. Then each column of its events is one operation on bytes at a known place, and what is the same in all
 * events of a line stands in that line's event already. flat.c makes the form when a layout is linked, flat_unit.c runs
 * it, flat_run.c runs many of them behind each other. Whatever is not as usual (an unknown code, a blank text, a value
 * out of range, another length) leaves the unit to unit.c before anything was answered: its meaning is said there alone.
 */
#ifndef K2_FEED_LAYOUT_FLAT_H
#define K2_FEED_LAYOUT_FLAT_H

#include "feed/layout/layout.h"

#define FLAT_TIME_TERMS 3

struct flat_ref { /* an integer or character: 8 bytes that it is part of, inside the unit */
    uint64_t mask, null_raw;
    int32_t node;
    uint16_t base;
    uint8_t shift, sign; /* sign: bits above a signed one */
    bool big, has_null, is_signed;
};

/* The first five are what most columns are: an event has its columns in this order. */
enum flat_op {
    FLAT_PRODUCT, /* a number without a sign, always in range, times a power of ten */
    FLAT_WORD,    /* a code and the word it stands for */
    FLAT_SYMBOL,  /* of a directory */
    FLAT_TEXT,    /* text of up to 8 bytes */
    FLAT_DIGITS,  /* an integer without a sign as text */
    FLAT_NUMBER,  /* one with a sign */
    FLAT_DECIMAL, /* any other number, times a power of ten */
    FLAT_LONG,
    FLAT_OTHER,   /* by unit.c, from slots */
    FLAT_NULLABLE /* a value of the bytes means null */
};

struct flat_column {
    struct flat_ref from;
    uint64_t factor;
    uint16_t to;          /* in the event */
    uint8_t op, value_op; /* enum flat_op; value_op: of a NULLABLE one that is not null */
    uint8_t directory;
    bool required;
    bool wide;       /* a decimal's number may be too large */
    uint64_t blanks; /* behind a text of less than 8 bytes */
    uint64_t most;   /* magnitude of the number before it is multiplied */
    uint32_t words;  /* by code: 1 + place among the map's pairs, or 0 */
    uint32_t memo;   /* of the first pair */
    uint32_t assign; /* in the layout's */
    uint32_t term;
};

enum flat_leaf_op {
    FLAT_LEAF_DIGITS, /* an integer */
    FLAT_LEAF_TEXT,   /* text of up to 8 bytes */
    FLAT_LEAF_OTHER   /* by extra.c, from slots */
};

#define FLAT_CHUNK 16 /* heads are copied in so many bytes at a time */

struct flat_leaf { /* what goes into extra */
    struct flat_ref from;
    uint64_t blanks;       /* behind a text of less than 8 bytes */
    uint32_t head, head_n; /* in heads: its key as it is in a map's blob, the length in front */
    uint8_t op, size;
    uint8_t place; /* among the bytes that tell all of extra */
};

struct flat_counts { /* columns by op, in their order */
    uint16_t products, words, symbols, texts, digits, others;
};

/* What the messages are like that feeds of orders send most; flat_run.c has a way for each. */
enum flat_shape {
    FLAT_SHAPE_ADD,
    FLAT_SHAPE_EXECUTE,
    FLAT_SHAPE_CANCEL,
    FLAT_SHAPE_DELETE,
    FLAT_SHAPE_REPLACE,
    FLAT_SHAPE_OTHER
};
static const struct flat_counts flat_shapes[FLAT_SHAPE_OTHER] = {
    [FLAT_SHAPE_ADD] = {.products = 2, .words = 1, .texts = 1, .digits = 1},
    [FLAT_SHAPE_EXECUTE] = {.products = 1, .symbols = 1, .digits = 2},
    [FLAT_SHAPE_CANCEL] = {.products = 1, .symbols = 1, .digits = 1},
    [FLAT_SHAPE_DELETE] = {.symbols = 1, .digits = 1},
    [FLAT_SHAPE_REPLACE] = {.products = 2, .symbols = 1, .digits = 2},
};

struct flat_event {
    const struct flat_column *column; /* the first of `columns`, once no list grows any more */
    struct flat_counts count;
    struct flat_ref told_by; /* the bytes that tell all of extra, the first one lowest */
    uint32_t shape;          /* the first event whose extra has the same fields */
    bool kept; /* up to 8 bytes beside each other tell all of extra: it is looked up by them */
    bool
        plain; /* its products, words and digits are big-endian numbers that end where the 8 bytes do */
    bool conds;                        /* the line has conditions */
    uint16_t flags, extra, raw_offset; /* where they are in the event */
    int32_t line_flags;
    uint32_t index; /* in the layout's events */
    uint32_t columns, column_count;
    uint32_t constants, constant_count; /* in `constants` */
    uint32_t leaves, leaf_count;
};

struct flat_message {
    const struct flat_event *event; /* the first of `events`, once no list grows any more */
    uint32_t size;                  /* of the whole unit */
    uint32_t events, event_count;
    bool quick; /* one event without conditions, nothing is needed and no directory filled */
    bool plain; /* quick, its event is plain, and its time is one plain number behind midnight */
    bool fast_time; /* by the terms below; else by time.c, from slots */
    bool midnight;
    uint8_t time_terms;
    struct flat_ref time[FLAT_TIME_TERMS];
    int64_t time_unit[FLAT_TIME_TERMS];
    uint32_t needed, needed_count; /* nodes whose slots are filled first */
    const struct layout_program *program;
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

struct flat_stream {                        /* a frame that is one unit, which one byte tells */
    uint32_t at;                            /* of the byte, below 8 */
    const struct flat_message *by_key[256]; /* plain ones; NULL: any other */
    uint8_t shape[256];                     /* enum flat_shape */
};

struct layout_flat {
    uint32_t sole[2]; /* by root: layout_node.flat of the unit that is all of it, or 0 */
    struct flat_stream *stream[2]; /* by root; NULL: its frames are no such units */
    LAYOUT_LIST(struct flat_unit, units);
    LAYOUT_LIST(struct flat_choice, choices);
    LAYOUT_LIST(struct flat_message, messages);
    LAYOUT_LIST(struct flat_event, events);
    LAYOUT_LIST(struct flat_column, columns);
    LAYOUT_LIST(uint32_t, constants); /* in the layout's assigns */
    LAYOUT_LIST(struct flat_leaf, leaves);
    struct k2_buf heads; /* of leaves, whole chunks */
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

/* As flat_load, of a plain number. */
static inline uint64_t flat_load_plain(const struct flat_ref *r, const uint8_t *unit) {
    return __builtin_bswap64(k2_get_u64(unit + r->base)) & r->mask;
}

#endif
