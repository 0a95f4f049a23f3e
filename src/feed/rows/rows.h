/* feed/rows/rows.h - what decoders of text rows share: numbers by place, local time, exact numbers, answers.
 *
 * A decoder keeps a struct feed_rows as the first member of its state. It gives feed_rows_decode a function that
 * reads one row and appends the events it finds with feed_rows_event; numbering, refusing, filtering and
 * the parts inside a row are done here.
 *
 * Numbering: a row that has no number of its own is numbered by its place among the rows of its (exchange,
 * channel, kind, session date), from 1, bad rows included. A bad row whose date or kind cannot be told counts
 * as its predecessor does; if it has none, it has no number.
 */
#ifndef K2_FEED_ROWS_H
#define K2_FEED_ROWS_H

#include "feed/feed_int.h"

/* --- numbers by place --- */

struct feed_ordinal {
    struct k2_h128 key; /* of exchange, channel, kind and session date */
    int64_t last;       /* number given last; -1: the slot is free */
};

struct feed_ordinals {
    struct feed_ordinal *slots; /* a power of two of them */
    size_t n, n_slots;
};

/* --- time --- */

struct feed_clock { /* a wall clock; the offset of the day asked last is kept */
    const struct k2_zone *zone;
    int32_t day;
    int64_t day_offset;
    bool day_cached, day_regular;
};

/* The moment `of_day` ns after the local midnight of a day, on the wall clock. */
int64_t feed_clock_utc(struct feed_clock *c, int32_t day, int64_t of_day);
/* n digits at p. */
bool feed_digits(const char *p, size_t n, int *out);
/* YYYYMMDD of a date that exists, in 1700..2200. */
bool feed_date8(struct k2_sv text, int32_t *day);

/* --- rows --- */

struct feed_row {
    struct k2_sv raw; /* without LF and CR */
    /* Of the source, or as the decoder finds them in the row. */
    struct k2_sv exchange, symbol, channel;
    enum k2_kind_id kind; /* the kind that the row counts as; K2_KIND_COUNT = not known */
    bool dated;
    int32_t date; /* session date */
    int64_t ns, receive_ns;
    bool numbered; /* it has a number of its own */
    int64_t number;
};

struct feed_rows {
    struct k2_interner *in;
    struct feed_lines lines;
    struct feed_clock clock;
    const struct feed_calendar *calendar;
    char *exchange, *symbol, *channel; /* NULL: the rows say it */
    char comment;                      /* lines that begin so are no rows; 0 = all are */
    bool shared; /* rows give events of several kinds: one count for all of them, kept as `kind` */
    bool (*wants)(void *ctx, struct k2_sv symbol);
    void *wants_ctx;
    int64_t (*counted)(void *ctx, struct k2_sv exchange, struct k2_sv channel, enum k2_kind_id kind,
                       int32_t date);
    void *counted_ctx;
    int32_t date;         /* session date of the last dated row; INT32_MIN = none yet */
    enum k2_kind_id kind; /* of the last good row; K2_KIND_COUNT = none yet */
    struct feed_ordinals ordinals;
    struct k2_event *events; /* of the row being read */
    size_t n, cap;
    struct k2_buf blob;
    uint32_t exchange_id, symbol_id, channel_id, list_id, map_id; /* memos */
};

/* Reads row->raw: sets what it finds in *row (date and time first, so that a bad row is dated) and
 * appends at least one event; nonzero with the fault of a bad row. */
typedef int feed_row_fn(void *state, struct feed_rows *r, struct feed_row *row,
                        struct feed_fault *f);

/* To be called first by init: what the options say. The rest is the decoder's to set. */
void feed_rows_init(struct feed_rows *r, const struct feed_options *o, struct k2_interner *in);
void feed_rows_fini(struct feed_rows *r);
/* As feed_ops.decode; the state begins with a struct feed_rows. `header`: whether line 1 is no row; NULL =
 * it always is one. */
K2_RC feed_rows_decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                       const struct feed_sink *sink, feed_row_fn *read,
                       bool (*header)(void *state, struct k2_sv line), struct k2_err *err);
/* For feed_ops.save and restore: lines, date, kind and counts. */
void feed_rows_save(const struct feed_rows *r, struct k2_buf *out);
bool feed_rows_restore(struct feed_rows *r, struct k2_sv saved);

/* Appends an event of the kind with what *row says so far; good until the next call. */
struct k2_event *feed_rows_event(struct feed_rows *r, const struct feed_row *row,
                                 enum k2_kind_id kind);
/* row->ns of a local time, and the session date of it. */
void feed_rows_moment(struct feed_rows *r, struct feed_row *row, int32_t day, int64_t of_day);
void feed_rows_moment_utc(struct feed_rows *r, struct feed_row *row, int64_t ns);

/* --- fields --- */

/* Cuts a row at the separators; gives how many fields there are, of which at most `most` are set. */
size_t feed_fields(struct k2_sv row, char separator, struct k2_sv *field, size_t most);
/* The exact number text * 10^-shift in the scale of the column; an exponent is understood. The fault is set. */
int feed_price(struct k2_sv text, int shift, k2_i128 *out, struct feed_fault *f);
int feed_quantity(struct k2_sv text, int shift, k2_i128 *out, struct feed_fault *f);
/* "the row has 5 columns; a message has 6" */
int feed_fault_columns(struct feed_fault *f, size_t found, const char *wanted);

/* A map of one more pair: pairs are added in the order of their keys, then the map is taken. */
void feed_map_add(struct feed_rows *r, struct k2_sv key, struct k2_sv value);
uint32_t feed_map_take(struct feed_rows *r); /* 0 when nothing was added */
void feed_rows_extra(struct feed_rows *r);   /* the same, as extra of the row's first event */
/* The same for a list. */
void feed_list_add(struct feed_rows *r, struct k2_sv text);
uint32_t feed_list_take(struct feed_rows *r);

/* The part of a path behind its last '/'. */
struct k2_sv feed_base_name(struct k2_sv path);

#endif
