/* feed/layout/layout.h - decoders that are tables: a layout (docs/layouts.md) and what runs it.
 *
 * parse.c reads the text into definitions, link.c makes the compiled form below of
 * them: one array of nodes, in the order of the wire. A node's children begin behind it, its `end` is the next
 * sibling. Structs are copied into every place of use, so that each field has one node, and a node's
 * index is also the index of its slot, where the walk (walk.c) leaves the value. References are
 * node indices: nothing is looked up by name at run time. unit.c makes events of the slots.
 *
 * A layout is immutable once made and can be used from any thread.
 */
#ifndef K2_FEED_LAYOUT_H
#define K2_FEED_LAYOUT_H

#include "feed/feed_int.h"
#include "feed/capture/frames.h"

#define LAYOUT_NONE (-1) /* no node, no condition, no map */
#define LAYOUT_DEEP 6    /* repeated structs inside each other, and messages inside messages */
#define LAYOUT_COLUMNS 4 /* numbers of a directory beside the symbol */
#define LAYOUT_CLOCKS 4
#define LAYOUT_DIRECTORIES 3

enum layout_type {
    LAYOUT_UINT,
    LAYOUT_INT,
    LAYOUT_CHAR,
    LAYOUT_TEXT,
    LAYOUT_DIGITS,
    LAYOUT_BYTES,
    LAYOUT_PAD,
    LAYOUT_BITS, /* its BIT nodes are its children */
    LAYOUT_BIT,
    LAYOUT_STRUCT,
    LAYOUT_CHOOSE /* its children are the structs it can be */
};

struct layout_size { /* `n`, or the value of a node plus n, or all that is left */
    int32_t node;
    bool rest, set;
    int64_t n;
};

struct layout_cond {
    int32_t node;
    char op;               /* '=' '!' '&', '?': there and not null */
    uint32_t first, count; /* in values */
};

struct layout_pair { /* of a map: a code and what it stands for */
    int64_t key;
    bool any; /* "*" */
    struct k2_sv text;
    int64_t number;
};

struct layout_map {
    uint32_t first, count; /* in pairs */
};

enum layout_from {
    LAYOUT_FROM_NOTHING,
    LAYOUT_FROM_NUMBER,
    LAYOUT_FROM_NODE,
    LAYOUT_FROM_DIRECTORY
};

struct layout_number { /* a number that the table says, a field, or a column of the directory */
    enum layout_from from;
    int32_t node, map; /* FROM_DIRECTORY: the node of the id */
    uint8_t directory;
    int64_t number; /* FROM_DIRECTORY: the column */
};

struct layout_case {
    int64_t key[2];
    int32_t node;
};

struct layout_node {
    uint8_t type, size; /* size 0: it varies, or is the sum of its children */
    bool plain;         /* an integer or character that is always there: the walk's short way */
    bool big, has_null, repeated, unit, inlined;
    int32_t end, cond;
    uint64_t null_raw;
    bool optional, untrimmed, has_none;
    bool decimal;         /* printed and used with a scale */
    bool framing;         /* a count or a size: no content of its own */
    bool in_items;        /* inside a repeated struct of the unit */
    bool each;            /* events are made of each item */
    bool simple;          /* STRUCT that is only its fields, once: the walk's short way */
    bool one_key;         /* STRUCT that is a message: a single key chooses it */
    uint8_t shift, width; /* BIT */
    uint8_t align;
    int8_t clock, sets_clock; /* index, or -1 */
    int32_t is;               /* condition that holds in every frame of this feed, or -1 */
    int32_t parent;
    int32_t program; /* STRUCT that is a message: its events */
    uint32_t
        flat; /* STRUCT that is a unit: 1 + its place in the flat form (flat.h); 0: it has none */
    uint16_t flat_at; /* of a field in a flat unit whose slot is looked at */
    int32_t key[2];   /* CHOOSE */
    uint32_t cases, case_count;
    uint32_t
        jumps; /* CHOOSE by keys of one byte: 1 + the place of its 256 entries in jumps; 0: none */
    struct k2_sv name;
    struct layout_size length; /* of text, bytes, pad, choose; `size=` of a struct */
    struct layout_size sized;  /* STRUCT: from its own fields */
    struct layout_size repeat;
    int64_t none; /* with has_none */
    struct layout_number scale, over;
};

/* --- events --- */

enum layout_make { LAYOUT_MAKE_FIELD, LAYOUT_MAKE_TEXT, LAYOUT_MAKE_SYMBOL, LAYOUT_MAKE_COLUMN };
enum layout_date {
    LAYOUT_DATE_NOT,
    LAYOUT_DATE_YMD,
    LAYOUT_DATE_DAYS,
    LAYOUT_DATE_S,
    LAYOUT_DATE_MS,
    LAYOUT_DATE_NS
};

struct layout_term { /* one of the values that are joined */
    enum layout_make make;
    enum layout_date date;
    int32_t node, map;
    struct k2_sv text;
    int64_t number; /* of a constant; MAKE_COLUMN: which */
    bool is_number;
    uint8_t number_scale, directory;
    uint8_t digits; /* at least so many */
    bool raw;       /* the integer, without the scale of its field */
    bool as_signed; /* the bits of an unsigned field as a signed number */
    char scaling;   /* '~' '/' '^' or 0 */
    struct layout_number by;
    int32_t index, group; /* group[index].field: the node that says which; else -1 */
    uint32_t offset;      /* of the field in the item */
    uint32_t memo;        /* of constants and maps */
};

struct layout_time_term {
    char what; /* 'f' field, 'm' midnight, 'c' clock */
    int32_t node;
    int64_t unit; /* ns */
    int clock;
};

struct layout_time {
    uint32_t first, count; /* in time_terms */
};

struct layout_assign {
    int field; /* in the kind's table */
    const struct k2_field *column;
    uint32_t first, count; /* terms */
    bool list;
};

struct layout_event {
    enum k2_kind_id kind;
    int32_t each; /* node, or -1: once per message */
    uint32_t assign, assign_count;
    uint32_t conds, cond_count;
    uint32_t times, time_count;
    uint32_t extra, extra_count; /* nodes that no column takes, by name, in `leaves` */
    int flags;
};

struct layout_directory { /* a line that fills a directory, or forgets an id */
    uint8_t directory;
    bool forget;
    int32_t id;
    uint32_t symbol;                 /* term; UINT32_MAX = not said */
    uint32_t column[LAYOUT_COLUMNS]; /* terms; UINT32_MAX = not set here */
    uint32_t conds, cond_count;
};

struct layout_leaf {
    int32_t node;
    uint32_t name, name_n; /* in names */
};

struct layout_program {
    uint32_t events, event_count;
    uint32_t directories, directory_count;
    uint32_t times, time_count;  /* those of the head that can be told here, for `message` events */
    uint32_t extra, extra_count; /* all leaves, for `message` events */
    uint32_t clocks;             /* bit i: clock i is set by this message */
    int32_t clock_node[LAYOUT_CLOCKS];
    bool reset, unnumbered;
    bool each; /* an event line is `each` */
    struct k2_sv name;
    uint32_t memo;
};

struct layout_clock {
    struct k2_sv name, field, last; /* last: of the field's path */
    int64_t unit;
    bool midnight;
};

enum layout_counting {
    LAYOUT_COUNT_NOT,
    LAYOUT_COUNT_MESSAGE,
    LAYOUT_COUNT_PACKET,
    LAYOUT_COUNT_OWN
};

struct layout_part {   /* of the channel's name */
    int32_t node;      /* or -1 */
    struct k2_sv text; /* empty, without a node: the flow */
};

#define LAYOUT_LIST(type, name)                                                                    \
    type *name;                                                                                    \
    uint32_t name##_n, name##_cap

/* A place behind the last one, zeroed. */
#define LAYOUT_ADD(owner, list)                                                                    \
    (layout_room((void **)&(owner)->list, &(owner)->list##_n, &(owner)->list##_cap,                \
                 sizeof *(owner)->list),                                                           \
     &(owner)->list[(owner)->list##_n - 1])
void layout_room(void **list, uint32_t *n, uint32_t *cap, size_t size);

struct layout_root { /* `packet`, and what depends on it */
    int32_t node;    /* STRUCT, or -1: there is no such packet */
    uint32_t parts, part_count;
    int32_t sequence;
    bool ordinal; /* its messages have no number: they are counted, in the channel "stream" */
};

struct layout {
    char *text; /* what names point into */
    struct k2_sv name, title, spec, exchange, numbering;
    bool big;
    enum feed_framing framing;
    uint8_t frame_size, frame_at; /* FEED_FRAMING_OWN */
    bool frame_big;
    int64_t frame_add;
    uint8_t frame_begins[8], frame_begins_n; /* what each begins with */
    enum layout_counting counting;
    bool restarts, has_unless;
    int64_t unless;
    struct layout_root root[2]; /* datagrams, and flows of TCP */
    struct layout_clock clock[LAYOUT_CLOCKS];
    int clocks;
    struct k2_sv column[LAYOUT_COLUMNS];
    int columns;
    struct k2_sv directory[LAYOUT_DIRECTORIES]; /* names; the first has none */
    int directories_named;
    uint32_t memos;
    LAYOUT_LIST(struct layout_node, nodes);
    LAYOUT_LIST(struct layout_cond, conds);
    LAYOUT_LIST(int64_t, values);
    LAYOUT_LIST(struct layout_pair, pairs);
    LAYOUT_LIST(struct layout_map, maps);
    LAYOUT_LIST(struct layout_case, cases);
    LAYOUT_LIST(uint32_t, jumps); /* by key: 1 + the case, or 0 */
    LAYOUT_LIST(struct layout_event, events);
    LAYOUT_LIST(struct layout_assign, assigns);
    LAYOUT_LIST(struct layout_term, terms);
    LAYOUT_LIST(struct layout_time_term, time_terms);
    LAYOUT_LIST(struct layout_time, times);
    LAYOUT_LIST(struct layout_directory, directories);
    LAYOUT_LIST(struct layout_program, programs);
    LAYOUT_LIST(struct layout_leaf, leaves);
    LAYOUT_LIST(struct layout_part, parts);
    struct k2_buf names;
    LAYOUT_LIST(struct feed_fact, facts);
    struct layout_flat *flat;
    struct feed_ops ops; /* the decoder; its `table` is this layout */
};

/* --- parse.c, link.c --- */

/* `file` is for messages. K2_E_INVALID with file:line: and what is wrong. */
K2_RC layout_parse(struct k2_sv text, const char *file, struct layout **out, struct k2_err *err);
void layout_free(struct layout *l); /* NULL is fine */

/* --- walk.c: through the bytes --- */

struct layout_slot { /* what a field had */
    uint64_t
        raw; /* of an integer; of text up to 8 bytes, the first one highest; of a repeated struct the count */
    uint32_t at, n; /* n: of text without what is cut off; of a repeated struct an item's size */
    uint32_t size;  /* bytes on the wire */
    bool there, null;
};

struct layout_trace { /* a field of a repeated struct */
    int32_t node;
    struct layout_slot slot;
    uint16_t index[LAYOUT_DEEP];
};

struct layout_walk {
    const struct layout *l;
    const uint8_t *p;
    size_t n;
    struct layout_slot *slot;       /* as many as nodes */
    const struct feed_visit *visit; /* or NULL */
    void *ctx;
    /* A unit that has a flat form begins at *at: 1 = it was read and answered, 0 = it has to be walked. */
    int (*flat)(struct layout_walk *w, uint32_t unit, size_t *at, size_t end);
    /* The unit at node is read, bytes [at, end). */
    int (*unit)(struct layout_walk *w, int32_t node, size_t at, size_t end);
    /* An item of a struct that has `each` is read. */
    int (*item)(struct layout_walk *w, int32_t node, int index);
    bool tracing;
    struct layout_trace *trace;
    size_t traced, trace_cap;
    int depth;
    uint16_t index[LAYOUT_DEEP];
    int32_t
        chosen[LAYOUT_DEEP]; /* messages that the unit is, from the outer one to the inner one */
    size_t chosen_at[LAYOUT_DEEP], chosen_end[LAYOUT_DEEP];
    int choices;
    bool in_unit, known; /* known: a message was found for every key */
    size_t unit_at;
    size_t rest_at, rest_n;       /* of the unit: what was not known */
    int64_t clock[LAYOUT_CLOCKS]; /* for showing, in the clock's unit; K2_NULL_LONG: not set */
    /* why the walk failed: a text, and where */
    const char *fault;
    size_t fault_at;
    int rc;              /* of a callback that failed; K2_OK: the bytes are to blame */
    struct k2_buf spare; /* for printing */
};

/* Reads the struct at node from *at on; gives 0 or -1. */
int layout_walk(struct layout_walk *w, int32_t node, size_t *at);
int layout_walk_struct(struct layout_walk *w, int32_t node, size_t *at, size_t end, bool sized);
/* Reads the fields of a message once more, for `item`. */
int layout_walk_again(struct layout_walk *w, int32_t node, size_t at, size_t end);

/* Reads one field at its place, into its slot; a flag from the field that it is part of. False: it breaks the format. */
bool layout_walk_flat(struct layout_walk *w, int32_t node, size_t at);
/* An integer of 1 to 8 bytes. */
static inline uint64_t layout_number_at(const uint8_t *p, unsigned size, bool big) {
    uint64_t v = 0;
    switch (size) {
    case 1:
        return p[0];
    case 2: {
        uint16_t x = k2_get_u16(p);
        return big ? __builtin_bswap16(x) : x;
    }
    case 4: {
        uint32_t x = k2_get_u32(p);
        return big ? __builtin_bswap32(x) : x;
    }
    case 8:
        v = k2_get_u64(p);
        return big ? __builtin_bswap64(v) : v;
    case 6: {
        uint64_t low = k2_get_u32(p), high = k2_get_u16(p + 4);
        return big ? (uint64_t)__builtin_bswap32((uint32_t)low) << 16 |
                         __builtin_bswap16((uint16_t)high)
                   : high << 32 | low;
    }
    default:
        for (unsigned i = 0; i < size; i++)
            v |= (uint64_t)p[big ? size - 1 - i : i] << (8 * i);
        return v;
    }
}

/* --- value.c --- */

bool layout_holds(const struct layout *l, const struct layout_slot *slots,
                  const struct layout_cond *c);
/* NULL when the map has no such key. */
const struct layout_pair *layout_map_find(const struct layout *l, int32_t map, int64_t key);
/* The number as it is now; false: not known. Not of the directory. */
bool layout_number_known(const struct layout *l, const struct layout_slot *slots,
                         const struct layout_number *n, int64_t *out);
/* group[index].field: false when there is no such item, or the field is null in it. */
bool layout_item_field(struct layout_walk *w, int32_t group, int32_t index, int32_t field,
                       uint32_t offset, struct layout_slot *out);
/* The digits after the point of a decimal; false when the number is not known or out of range. *over
 * is the denominator or 1. */
bool layout_scale_of(const struct layout *l, const struct layout_slot *slots,
                     const struct layout_node *node, int *scale, int64_t *over);
/* As `k2 decode` prints it; the text is in `room` (LAYOUT_TEXT_MAX bytes), in
 * w->spare or in the frame. */
#define LAYOUT_TEXT_MAX 128
struct k2_sv layout_print(struct layout_walk *w, int32_t node, const struct layout_slot *v,
                          char *room);
/* An integer that prints as its digits alone: the short way of most fields. `room` has LAYOUT_TEXT_MAX bytes. */
static inline bool layout_is_integer(const struct layout_node *n) {
    return (n->type == LAYOUT_UINT || n->type == LAYOUT_INT) && !n->decimal;
}
struct k2_sv layout_print_integer(const struct layout_node *n, uint64_t raw, char *room);
int64_t layout_signed(const struct layout_node *n, uint64_t raw);

/* --- set.c: the layouts that are part of the program, and files --- */

struct layout_text {
    const char *name;
    const unsigned char *text;
    size_t n;
};
extern const struct layout_text
    layout_texts[]; /* ended by one without a name; generated from feeds/ */

int layout_from_text(const struct layout_text *t, struct layout **out, struct k2_err *err);

/* Those of the texts that are good, parsed when they are first asked for; a broken one is logged once and passed over
 * (a unit test finds it before a user does). Not safe from several threads. */
struct layout_set;
struct layout_set *layout_set_new(const struct layout_text *texts);
void layout_set_free(struct layout_set *set);
int layout_set_count(struct layout_set *set);
const struct layout *layout_set_at(struct layout_set *set, int index); /* NULL: there are fewer */
const struct layout *layout_set_named(struct layout_set *set, struct k2_sv name);

/* The program's own; from any thread. */
int layout_text_count(void);
int layout_count(void);
const struct layout *layout_at(int index);
const struct layout *layout_named(struct k2_sv name); /* NULL if there is none */
/* Whether name a is behind b, numbers compared as numbers: x-1.10 is newer than x-1.9. */
bool layout_newer(struct k2_sv a, struct k2_sv b);
/* A layout of a file whose name ends in .layout; lives as long as the process. */
K2_RC layout_load(const char *path, const struct layout **out, struct k2_err *err);

/* --- feed.c: the decoder --- */

void layout_make_ops(struct layout *l);
/* A feed_frame_fn; state is the decoder's. */
K2_RC layout_frame(void *state, const struct feed_frame *f, const struct feed_sink *sink,
                   struct k2_err *err);

#endif
