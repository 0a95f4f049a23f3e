/* feed/layout/state.h - what a decoder that runs a layout keeps; shared by the files that make its events. */
#ifndef K2_FEED_LAYOUT_STATE_H
#define K2_FEED_LAYOUT_STATE_H

#include "feed/layout/layout.h"

#define LAYOUT_ROOM 256 /* bytes of a short text that is made */

struct layout_channel {     /* one number space */
    char *name, *uncounted; /* uncounted: the name of what has no number in it */
    size_t name_n;
    uint32_t memo, uncounted_memo, memo_round;
    int32_t epoch, date;
    bool begun;   /* a message came since the epoch began */
    int64_t last; /* number */
    int64_t counted;
    int64_t ordinal;              /* of the last message of a stream that numbers none */
    int64_t clock[LAYOUT_CLOCKS]; /* K2_NULL_LONG: not set */
};

#define LAYOUT_SYMBOL 28 /* bytes of a symbol that need no memory of their own */

struct layout_known { /* of a directory */
    uint64_t id, born;
    uint32_t memo,
        round; /* the symbol's id in that round of the interner; 0: it was not asked for */
    int64_t column[LAYOUT_COLUMNS];
    char *longer;      /* the symbol, when it is longer than LAYOUT_SYMBOL */
    uint8_t used, set; /* set: bit i: column i */
    uint8_t symbol_n;
    char symbol[LAYOUT_SYMBOL];
};

#define LAYOUT_IDS_MAX ((size_t)1 << 20) /* of a directory; for more the oldest ones are dropped */

struct layout_age { /* an id was added; stale where it was forgotten since */
    uint64_t id, born;
};

struct layout_book_of_ids { /* a directory: open addressing, half full at most */
    struct layout_known *at;
    size_t size, n;
    uint64_t born;           /* counts what was added */
    struct layout_age *ages; /* from the oldest to the youngest: [ages_first, ages_n) */
    size_t ages_first, ages_n, ages_cap;
};

struct layout_state {
    const struct layout *l;
    struct k2_interner *in;
    struct feed_frames *frames;
    const struct feed_calendar *calendar;
    char *exchange;
    int32_t date;      /* given; INT32_MIN: told by the times */
    int32_t name_date; /* of the source's name, for files whose frames have no time; or INT32_MIN */
    bool (*wants)(void *ctx, struct k2_sv symbol);
    void *wants_ctx;
    int64_t (*counted_before)(void *ctx, struct k2_sv exchange, struct k2_sv channel,
                              enum k2_kind_id kind, int32_t date); /* NULL = from the start */
    void *counted_ctx;
    struct layout_walk walk;
    uint32_t *memo;
    uint32_t *taken; /* by node: the event that took the field */
    uint32_t taking;
    uint32_t exchange_id, conditions_id, all_id;
    uint32_t *extra_id; /* by event, and one for `message` */
    struct layout_book_of_ids ids[LAYOUT_DIRECTORIES];
    struct layout_channel *channels;
    uint32_t channels_n, channels_cap, channel_last;
    int64_t minute;        /* its start: of the session date that was asked for last */
    int32_t minute_date;   /* INT32_MIN: none was */
    int32_t midnight_date; /* of `midnight` */
    int64_t midnight, midnight_frame_ns; /* of the frame that it was told for last */
    /* the frame in hand */
    const struct feed_frame *frame;
    const struct feed_sink *sink;
    struct k2_err *err;
    const struct layout_root *root;
    bool in_stream;   /* the frame is one of a file, and none has a number of its own */
    int64_t units;    /* in this packet */
    int64_t position; /* of the last unit in the source */
    int64_t answered; /* position at the end of the packet before */
    int packet_part;
    /* the unit in hand */
    struct layout_channel *channel;
    uint32_t stream;   /* its place, from 1, where it is the one of a file without numbers */
    int32_t unit_node; /* the struct that the unit is, and where */
    size_t unit_at, unit_end;
    int64_t unit_ns; /* its time and session date, once they are known */
    int32_t unit_date;
    int unit_told,
        time_told; /* the time line that told its time, and a time last; -1: that of the frame */
    bool counted;  /* it has a number of the venue's */
    int64_t sequence;
    struct k2_event *out;
    uint32_t out_n, out_cap;
    int item_events; /* of the item in hand */
    int not_wanted;
    bool traced_told; /* an event has the repeated fields */
    const struct layout_program *program;
    struct layout_flat_state *flat;
    int64_t flat_units; /* that were answered from their flat form */
    struct feed_fault fault;
    bool refused;
    struct k2_buf blob, text, keys;
};

/* --- ids.c --- */
struct layout_known *layout_ids_find(const struct layout_book_of_ids *ids, uint64_t id);
/* The same; made if it is new, the oldest one dropped where there are LAYOUT_IDS_MAX. */
struct layout_known *layout_ids_add(struct layout_book_of_ids *ids, uint64_t id);
void layout_ids_forget(struct layout_book_of_ids *ids, uint64_t id);
void layout_ids_free(struct layout_book_of_ids *ids);
/* At most 255 bytes. */
void layout_known_name(struct layout_known *k, struct k2_sv symbol);
struct k2_sv layout_known_symbol(const struct layout_known *k);
/* The channel with this name, made if it is new. */
struct layout_channel *layout_channel_of(struct layout_state *s, struct k2_sv name);
void layout_channels_free(struct layout_state *s);

/* --- term.c: 0 with a value, 1 without (null), -1 refused (s->fault) --- */
int layout_term_decimal(struct layout_state *s, const struct layout_term *t, int precision,
                        int scale, k2_i128 *out);
int layout_term_long(struct layout_state *s, const struct layout_term *t, int64_t *out);
/* The text is in `room`, in the frame or constant. */
int layout_term_text(struct layout_state *s, const struct layout_term *t, char room[LAYOUT_ROOM],
                     struct k2_sv *out);
/* Interned; 0 is null. */
int layout_terms_intern(struct layout_state *s, const struct layout_assign *a, uint32_t *out);
int layout_terms_list(struct layout_state *s, const struct layout_assign *a, uint32_t *out);
bool layout_text_blank(struct k2_sv s);

/* --- extra.c --- */
/* Interns the fields that the event did not take. */
uint32_t layout_extra(struct layout_state *s, uint32_t first, uint32_t count, uint32_t *memo,
                      bool traced);

/* Appends a field that may be stored, by its slot. */
void layout_extra_field(struct layout_state *s, struct k2_sv key, int32_t node);
void layout_extra_pair(struct k2_buf *b, struct k2_sv key, struct k2_sv text);

/* --- time.c --- */
/* Midnight of the session date of the capture, or of the file's name. */
bool layout_midnight_find(struct layout_state *s, int64_t *out);
static inline bool layout_midnight(struct layout_state *s, int64_t *out) {
    *out = s->midnight;
    return (s->midnight_date != INT32_MIN && s->frame->time_ns == s->midnight_frame_ns) ||
           layout_midnight_find(s, out);
}
/* When the event happened, by the first of the times that can be told. */
int64_t layout_time_of(struct layout_state *s, uint32_t times, uint32_t count);
/* The date in a file's name: 8 digits, YYYYMMDD or, as Nasdaq's are, MMDDYYYY; INT32_MIN: there is none. */
int32_t layout_name_date(struct k2_sv path);
/* Its fields are not for extra. */
void layout_time_taken(struct layout_state *s, uint32_t time);
#define LAYOUT_MINUTE (60 * K2_NS_PER_SEC)
int32_t layout_date_find(struct layout_state *s, int64_t ns);
static inline int32_t layout_date_of(struct layout_state *s, int64_t ns) {
    bool same = (uint64_t)ns - (uint64_t)s->minute < (uint64_t)LAYOUT_MINUTE;
    return same && s->minute_date != INT32_MIN ? s->minute_date : layout_date_find(s, ns);
}

/* --- flat_unit.c, flat_event.c --- */
#define LAYOUT_FLAT_EVENTS 16 /* of one message */
struct layout_flat_state *layout_flat_state_new(const struct layout_flat *f);
void layout_flat_state_free(struct layout_flat_state *x); /* NULL is fine */
/* What a directory says of this id is another thing now. */
void layout_flat_forget(struct layout_flat_state *x, unsigned directory, uint64_t id);
/* As layout_walk.flat. */
int layout_flat_unit(struct layout_walk *w, uint32_t unit, size_t *at, size_t end);

/* --- flat_run.c --- */
/* A feed_run_fn; state is the decoder's. */
K2_RC layout_flat_run(void *state, struct k2_sv bytes, struct feed_frame *next,
                      const struct feed_sink *sink, struct k2_err *err);

/* --- unit.c --- */
uint32_t layout_exchange(struct layout_state *s);
uint32_t layout_channel_id(struct layout_state *s);
void layout_find_channel(struct layout_state *s);
/* The venue's number of the unit, if it has one. */
bool layout_find_number(struct layout_state *s);
void layout_place_in_epoch(struct layout_state *s, int32_t date);
/* `forget`: the lines that forget, or those that fill. */
void layout_apply_directories(struct layout_state *s, const struct layout_program *g, bool forget);
/* 0 with a value, 1 without (null), -1 refused. */
int layout_set_column(struct layout_state *s, const struct layout_assign *a, struct k2_event *e);
int layout_unit(struct layout_walk *w, int32_t node, size_t at, size_t end);
K2_RC layout_refuse(struct layout_state *s);

#endif
