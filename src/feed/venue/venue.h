/* feed/venue/venue.h - what the decoders of JSON messages of crypto venues share.
 *
 * A message is indexed once (json_index); its objects are read through tables: a table says for each
 * member what it is. A member that no table knows goes to `extra` under its own name, so that what a
 * venue adds is kept. What is read stands in a struct vj_item, nothing of it interned; when all of it is
 * good it becomes events, else one reject. The unit that is answered is the item: a message, or an entry
 * of a message that is a list (of trades, say).
 *
 * Numbers (channel, sequence) of an item:
 *   the venue counts densely           number
 *   it counts, but says where from     number and first: the message is for first..number (K2_FLAG_SPAN)
 *   its numbers rise with holes        number and sparse: no gap can be told (K2_FLAG_SPAN, no first)
 *   it gives none                      the ordinal of the item in its channel, kind and session date
 * A channel is the symbol with a suffix; the bare symbol is the channel of the venue's own trade ids.
 */
#ifndef K2_FEED_VENUE_JSON_H
#define K2_FEED_VENUE_JSON_H

#include "feed/venue/json_lines.h"
#include "feed/venue/json_scan.h"

#define VJ_WORD_MAX 64   /* bytes of a symbol, of an id and of the other columns of text */
#define VJ_PAIRS_MAX 128 /* of the extra of one event */
#define VJ_STATS_MAX 64  /* figures of one message */
#define VJ_CODES_MAX 4   /* exchanges of one decoder */
#define VJ_KEEPS 8
#define VJ_level_time (VJ_KEEPS - 1) /* in keep: the last time that was read */

/* --- tables --- */

enum vj_role {
    VJ_DROP,      /* says nothing beyond what told the message's type */
    VJ_EXTRA,     /* extra, under the name `as` */
    VJ_SYMBOL,    /* symbol */
    VJ_NUMBER,    /* exchange_sequence_number; also to extra as `as` where that is given */
    VJ_FIRST,     /* the first of the numbers that the message is for */
    VJ_PREVIOUS,  /* the last number before these; -1 or null: there is none */
    VJ_TIME,      /* exchange_timestamp_ns; `slot` is the unit */
    VJ_TIME_ISO,  /* the same as text */
    VJ_PRICE,     /* a column of decimal(20,9), `slot` */
    VJ_QUANTITY,  /* a column of decimal(28,10), `slot` */
    VJ_COUNT,     /* a column that is a whole number, `slot` */
    VJ_TEXT,      /* a column of text, `slot` */
    VJ_SIDE,      /* side */
    VJ_MAKER,     /* side, said as that of the order that waited */
    VJ_SELLS,     /* side: true = SELL */
    VJ_STAT,      /* a statistic `as`, a price or a rate */
    VJ_STAT_SIZE, /* a statistic `as`, a quantity */
    VJ_STEP, /* as PRICE; an empty text is none, and what does not fit the column goes to extra */
    VJ_STEP_SIZE, /* as QUANTITY, likewise */
    VJ_INTO,      /* an object: its members are read by the same table */
    VJ_KEEP,      /* the place of the value, for the decoder: keep[slot] */
};

enum vj_unit { VJ_S, VJ_MS, VJ_US, VJ_NS, VJ_MS_OR_US };
enum vj_decimal { /* columns */
                  VJ_price,
                  VJ_quantity,
                  VJ_bid_price,
                  VJ_bid_quantity,
                  VJ_ask_price,
                  VJ_ask_quantity,
                  VJ_open,
                  VJ_high,
                  VJ_low,
                  VJ_close,
                  VJ_volume,
                  VJ_tick_size,
                  VJ_lot_size,
                  VJ_multiplier,
                  VJ_strike_price,
                  VJ_DECIMALS
};
enum vj_whole { VJ_trade_count, VJ_order_count, VJ_COUNTS };
enum vj_text {
    VJ_order_id,
    VJ_trade_id,
    VJ_status,
    VJ_reason,
    VJ_condition,
    VJ_action,
    VJ_interval,
    VJ_venue_id,
    VJ_name,
    VJ_instrument_type,
    VJ_currency,
    VJ_underlying,
    VJ_expiration,
    VJ_TEXTS
};

struct vj_field {
    const char *name;
    uint8_t n, role, slot, as_n;
    const char *as;
};
#define VJ(name, role, slot)                                                                       \
    { name, sizeof(name) - 1, VJ_##role, slot, 0, NULL }
#define VJ_AS(name, role, as)                                                                      \
    { name, sizeof(name) - 1, VJ_##role, 0, sizeof(as) - 1, as }
struct vj_table {
    const struct vj_field *fields;
    size_t n;
};
#define VJ_TABLE(fields)                                                                           \
    { fields, sizeof(fields) / sizeof *(fields) }

/* --- an item --- */

struct vj_pair {
    struct k2_sv key, value;
};

struct vj_stat {
    struct k2_sv name; /* MARK_PRICE */
    bool size;
    k2_i128 value;
};

struct vj_level { /* a change of the book */
    const char *action;
    bool sell;
    k2_i128 price, quantity;               /* or K2_NULL_DECIMAL */
    int64_t order_count, ns;               /* or K2_NULL_LONG; ns: its own time */
    struct k2_sv order_id, trade_id, time; /* time: as it was written */
    uint32_t pairs, n_pairs;               /* in vj.level_pairs */
};

struct vj_item {
    const struct json_record *record;
    struct k2_sv raw; /* of an entry of a list; else that of the record */
    uint64_t offset;
    int exchange; /* index in vj.codes */
    struct k2_sv symbol;
    const char *suffix; /* of the channel */
    struct k2_sv suffix_more;
    int64_t ns, number, first, previous; /* or K2_NULL_LONG */
    int32_t epoch;
    bool numbered; /* the venue numbers it: without a number it is refused */
    bool sparse, shared;
    uint32_t flags;
    int64_t part; /* of its first event */
    uint8_t seen_decimals[VJ_DECIMALS];
    k2_i128 decimal[VJ_DECIMALS];
    int64_t count[VJ_COUNTS], interval_ns;
    struct k2_sv text[VJ_TEXTS];
    const char *side;
    uint32_t keep[VJ_KEEPS]; /* index of a token, 0 = not there */
    size_t n_pairs, n_stats;
    char own_symbol[VJ_WORD_MAX + 1]; /* one that is not written so in the message */
    char own_day[40];                 /* YYYY-MM-DD of an expiration that is written as a moment */
    bool bad;
    struct feed_fault fault; /* the first */
    struct vj_pair pair[VJ_PAIRS_MAX];
    struct vj_stat stat[VJ_STATS_MAX];
};

/* --- a decoder's state: a venue's own begins with it --- */

struct vj;
struct vj_venue {
    const char *const *codes; /* exchanges, NULL-terminated; at most VJ_CODES_MAX */
    const char *const *hosts; /* parts of addresses that are this venue's, NULL-terminated */
    /* Takes one message, indexed in v->json. */
    K2_RC (*take)(struct vj *v, const struct json_record *r);
    /* How sure the shape of a message is this venue's, 0..100, and why. */
    int (*shape)(struct k2_sv text, const char **why);
    /* The index of the exchange that an answer without events is of; NULL = the first. */
    int (*answers_of)(const struct vj *v, const struct json_record *r);
    bool signed_prices; /* spreads are traded, so a price may be below 0 */
    bool digits;        /* checksums are made of the digits: what a price is written with is kept */
};

struct vj_count { /* of a kind in a channel */
    bool begun;
    int64_t last;  /* ordinal; or the number, where they are sparse */
    int64_t parts; /* events with that number so far, where they are sparse: it may come again */
};

struct vj_channel { /* what is known of a channel on a session date */
    char *name;
    size_t n;
    int exchange;
    int32_t date, epoch;
    int64_t high; /* for the venue's decoder: the last number, K2_NULL_LONG = none yet */
    struct vj_count counts[K2_KIND_COUNT];
};

struct vj {
    const struct vj_venue *venue;
    struct k2_interner *in;
    struct json_lines lines;
    struct json_index json;
    char *codes[VJ_CODES_MAX];
    const struct feed_calendar *calendars[VJ_CODES_MAX];
    bool given;   /* the exchange is, by option: codes[0] */
    char *symbol; /* by option, or NULL */
    int32_t date; /* by option, or INT32_MIN */
    bool (*wants)(void *ctx, struct k2_sv symbol);
    void *wants_ctx;
    int64_t (*counted)(void *ctx, struct k2_sv exchange, struct k2_sv channel, enum k2_kind_id kind,
                       int32_t date);
    void *counted_ctx;
    struct vj_channel *channels;
    size_t n_channels, cap_channels, last_channel;
    uint32_t *slots; /* place in channels + 1 */
    size_t n_slots;
    int64_t own[4]; /* what the venue's decoder remembers; saved */
    char own_text[VJ_WORD_MAX + 1];
    struct vj_item item;
    struct vj_level *levels;
    size_t n_levels, cap_levels;
    struct vj_pair *level_pairs;
    size_t n_level_pairs, cap_level_pairs;
    struct k2_buf blob, name, compact, merged;
    uint32_t exchange_id[VJ_CODES_MAX], symbol_id, channel_id, side_id[2], action_id, extra_id,
        condition_id, text_id[VJ_TEXTS]; /* memos */
    const struct feed_sink *sink;        /* of the call */
    struct k2_err *err;
};

K2_RC vj_init(struct vj *v, const struct vj_venue *venue, const struct feed_options *o,
              struct k2_interner *in, struct k2_err *err);
void vj_fini(void *state);
K2_RC vj_decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                const struct feed_sink *sink, struct k2_err *err);
void vj_save(const void *state, struct k2_buf *out);
bool vj_restore(void *state, struct k2_sv saved);
int vj_detect(const struct vj_venue *venue, struct k2_sv head, const char **why);

/* The table of functions of a venue whose state is struct vj: VJ_FEED(name, title, numbering, facts...) */
#define VJ_FEED(venue_name, of_title, of_numbering, ...)                                           \
    static int init(const struct feed_ops *self, void *state, const struct feed_options *o,        \
                    struct k2_interner *in, struct k2_err *err) {                                  \
        (void)self;                                                                                \
        return vj_init(state, &venue, o, in, err);                                                 \
    }                                                                                              \
    static int detect(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,      \
                      const char **why) {                                                          \
        (void)self;                                                                                \
        (void)file_name;                                                                           \
        return vj_detect(&venue, head, why);                                                       \
    }                                                                                              \
    static const struct feed_fact facts[] = {__VA_ARGS__{0}};                                      \
    const struct feed_ops feed_##venue_name##_json = {                                             \
        .name = #venue_name "-json",                                                               \
        .title = of_title,                                                                         \
        .numbering = of_numbering,                                                                 \
        .facts = facts,                                                                            \
        .captures = true,                                                                          \
        .state_size = sizeof(struct vj),                                                           \
        .detect = detect,                                                                          \
        .init = init,                                                                              \
        .decode = vj_decode,                                                                       \
        .fini = vj_fini,                                                                           \
        .save = vj_save,                                                                           \
        .restore = vj_restore,                                                                     \
    };

/* --- finding one's way in a message (read.c) --- */

static inline const struct json_token *vj_token(const struct vj *v, uint32_t at) {
    return &v->json.all[at];
}
static inline enum json_type vj_type(const struct vj *v, uint32_t at) {
    return at ? (enum json_type)v->json.all[at].type : JSON_NONE;
}
/* Index of a member's value; 0 = there is none. */
uint32_t vj_member(const struct vj *v, uint32_t object, const char *name);
/* Its text if it is a string without escapes, a number or a word; else empty. */
struct k2_sv vj_member_text(const struct vj *v, uint32_t object, const char *name);
bool vj_member_is(const struct vj *v, uint32_t object, const char *name, const char *text);
/* The elements of an array (or values, names and all, of an object): for (uint32_t i =
 * vj_first(v, a); i < vj_end(v, a); i = vj_next(v, i)) */
static inline uint32_t vj_first(uint32_t container) {
    return container + 1;
}
static inline uint32_t vj_end(const struct vj *v, uint32_t container) {
    return v->json.all[container].next;
}
static inline uint32_t vj_next(const struct vj *v, uint32_t at) {
    return v->json.all[at].next;
}
static inline struct k2_sv vj_text(const struct vj *v, uint32_t at) {
    return json_text(&v->json.all[at]);
}
/* The element of an array; 0 = it has not so many. */
uint32_t vj_element(const struct vj *v, uint32_t array, uint32_t index);
/* The part of an address or name behind `key` and up to `end` or the end. */
struct k2_sv vj_part(struct k2_sv s, const char *key, char end);
bool vj_contains(struct k2_sv s, const char *part);
/* Whether a text, which need not be whole JSON, has a member of that name. */
bool vj_names(struct k2_sv text, const char *name);
bool vj_says(struct k2_sv text, const char *name); /* and its value is a text */

/* --- reading an item (read.c) --- */

/* Begins the item of a message; `at` = 0: of the whole record, else of the value there. */
struct vj_item *vj_begin(struct vj *v, const struct json_record *r, uint32_t at);
/* Reads the members of an object; what is wrong with one is the item's fault. */
void vj_read(struct vj *v, uint32_t object, const struct vj_table *table);
/* Reads one value as that field. */
void vj_read_value(struct vj *v, const struct vj_field *f, uint32_t at);
/* The elements of an array, each as its field in the table. */
void vj_read_array(struct vj *v, uint32_t array, const struct vj_table *table);
void vj_extra(struct vj *v, struct k2_sv key, struct k2_sv value);
int vj_fault(struct vj *v, const char *reason, const char *what, struct k2_sv text);
/* The time is that of the receipt where the venue says none, and the start of the day that was given where the source
 * has not even that; extra says so. */
void vj_time_of_receipt(struct vj *v);
void vj_symbol(struct vj *v, struct k2_sv symbol);
/* The same in capital letters. */
void vj_symbol_upper(struct vj *v, struct k2_sv symbol);
/* The interval of a bar from "5m", "1h", "1D", "1w", "1M", or a plain number of `unit` seconds. */
void vj_interval(struct vj *v, struct k2_sv text, int64_t unit);
#define VJ_NUMBER_TEXT 200
/* Scientific notation is written plainly, in `out`; K2_E_INVALID, K2_E_RANGE. */
K2_RC vj_write_plainly(struct k2_sv *text, char out[VJ_NUMBER_TEXT]);
bool vj_decimal(struct vj *v, struct k2_sv text, bool price, k2_i128 *out, const char *what);

/* Levels of one side, each [price, quantity, columns of `more`]: SET, or DELETE where the quantity is 0. */
void vj_levels(struct vj *v, uint32_t array, bool sell, const struct vj_table *more);
/* Levels that are objects. `fields`: price, quantity, order_count, order_id, action, side, time. */
void vj_level_objects(struct vj *v, uint32_t array, const char *side,
                      const struct vj_table *fields);
/* The same, of levels that go: DELETE, with or without a quantity. */
void vj_level_deletes(struct vj *v, uint32_t array, const struct vj_table *fields);
struct vj_level *vj_add_level(struct vj *v, bool sell);
void vj_set_or_delete(struct vj_level *l); /* DELETE where the quantity is 0 */
void vj_level_object(struct vj *v, uint32_t object, const char *side,
                     const struct vj_table *fields);
void vj_level_extra(struct vj *v, struct vj_level *l, struct k2_sv key, struct k2_sv value);

/* --- what a request says (request.c) --- */

/* The last but n part of the path of an address. */
struct k2_sv vj_path_part(struct k2_sv url, int n);
/* The symbol that the address names, else that of --symbol; neither is a fault. */
void vj_symbol_asked(struct vj *v, struct k2_sv in_url);
/* From the first time of a list to the second: what entries are as far apart as a bar is long. A time is the `member` of
 * an entry; NULL: its first element, or it itself. 0: it cannot be told. */
int64_t vj_step_between(const struct vj *v, uint32_t list, const char *member, int64_t unit);
/* The interval of a bar as the address says it, a plain number in units of so many seconds; else `step`. */
void vj_interval_asked(struct vj *v, struct k2_sv said, int64_t seconds, int64_t step);
/* The same, and its channel, SYMBOL@rest-NAME_INTERVAL: the name is that of the request in the address, else `name`. */
void vj_bar_asked(struct vj *v, const char *name, struct k2_sv said, int64_t seconds, int64_t step);

/* --- answers (emit.c) --- */

typedef K2_RC vj_taker(struct vj *v, const struct json_record *r, uint32_t at);
/* Takes an entry of an answer of Binance's REST that has other names than the streams; NULL: it is none. */
vj_taker *vj_binance_rest(const struct vj *v, uint32_t entry);
/* Whether a text, which need not be whole, is such an answer of klines or of the last price: their shape tells it. */
bool vj_is_binance_rest(struct k2_sv text);

/* An answer of Coinbase's REST API; *any: it was one that is known. */
K2_RC vj_coinbase_rest(struct vj *v, const struct json_record *r, bool *any);
/* An answer of Kraken's REST APIs; *any: it was one that is known. And a ticker's lists, as in its WebSocket. */
K2_RC vj_kraken_rest(struct vj *v, const struct json_record *r, bool *any);
void vj_kraken_ticker(struct vj *v, uint32_t object);

/* Each element of an array; an empty one is filtered. 0 as the array is the whole message. */
K2_RC vj_each(struct vj *v, const struct json_record *r, uint32_t array,
              int (*take)(struct vj *v, const struct json_record *r, uint32_t at));

K2_RC vj_filtered(struct vj *v, const char *why);
K2_RC vj_refuse(struct vj *v, const struct json_record *r, const char *reason, const char *detail);
K2_RC vj_trade(struct vj *v);
/* A quote if there is any of one, the figures as statistics, and if there is neither a message `type`. */
K2_RC vj_quote_and_figures(struct vj *v, struct k2_sv type);
K2_RC vj_bar(struct vj *v);
/* The levels; a CLEAR before them and the flag if it is a snapshot. Without any: a message `type`. */
K2_RC vj_book(struct vj *v, bool snapshot, const char *type);
K2_RC vj_message(struct vj *v, struct k2_sv type);
K2_RC vj_status(struct vj *v);
K2_RC vj_instrument(struct vj *v);
/* An answer to a request that is none of trades, books or figures: its list of instruments if it has one, and a message
 * of the request's name with all else that it says. What is no answer and has no such list is filtered as `why`. */
K2_RC vj_answer(struct vj *v, const struct json_record *r, const char *why);
/* What an answer says beside the list that was read, as such a message, where its request is known. */
K2_RC vj_answer_rest(struct vj *v, const struct json_record *r, uint32_t list);
/* The channel of the item on its session date, made if need be; NULL when symbol or time are not known. */
struct vj_channel *vj_channel(struct vj *v);
struct vj_channel *vj_channel_named(struct vj *v, struct k2_sv name, int exchange, int32_t date);

#endif
