/* feed/fix/market.h - FIX market data messages to events, whatever they were encoded in: text (fix/text.c) or FAST by
 * templates (fast/moex.c). A message is a list of fields with their tags; what they mean is FIX 5.0 SP2, volume 3
 * "Market Data", and FIXT 1.1 for what is of the session.
 *
 *   X, W   an event for each entry (MDEntries): 0 and 1 book_event, 2 trade, or correction where it is changed or deleted,
 *          A auction, J book_event CLEAR, all others statistic. W: with K2_FLAG_SNAPSHOT, and a CLEAR before them
 *          where it tells of the book
 *   d, BP  instrument
 *   f, h   trading_status, h of the whole market
 *   else   message
 *
 * MsgSeqNum (34) counts the messages of a channel over all kinds; part is the place of the event in its message. What
 * no column takes is in extra, under the field's name. SecurityID (48) becomes the symbol where Symbol (55) is missing:
 * its own text, or the symbol that a d of the same source gave it.
 */
#ifndef K2_FEED_FIX_MARKET_H
#define K2_FEED_FIX_MARKET_H

#include "feed/feed_int.h"
#include "feed/layout/state.h"

enum fix_tag {
    FIX_BEGIN_STRING = 8,
    FIX_BODY_LENGTH = 9,
    FIX_CHECK_SUM = 10,
    FIX_CURRENCY = 15,
    FIX_LAST_MKT = 30,
    FIX_SEQ_NUM = 34,
    FIX_MSG_TYPE = 35,
    FIX_NEW_SEQ_NO = 36,
    FIX_POSS_DUP = 43,
    FIX_SECURITY_ID = 48,
    FIX_SENDER = 49,
    FIX_SENDING_TIME = 52,
    FIX_SIDE = 54,
    FIX_SYMBOL = 55,
    FIX_TARGET = 56,
    FIX_TRANSACT_TIME = 60,
    FIX_SECURITY_DESC = 107,
    FIX_ORIG_SENDING_TIME = 122,
    FIX_GAP_FILL = 123,
    FIX_RESET_SEQ_NUM = 141,
    FIX_SECURITY_TYPE = 167,
    FIX_MATURITY_MONTH = 200,
    FIX_STRIKE = 202,
    FIX_MULTIPLIER = 231,
    FIX_NO_ENTRIES = 268,
    FIX_ENTRY_TYPE = 269,
    FIX_ENTRY_PX = 270,
    FIX_ENTRY_SIZE = 271,
    FIX_ENTRY_DATE = 272,
    FIX_ENTRY_TIME = 273,
    FIX_MD_MKT = 275,
    FIX_TRADE_CONDITION = 277,
    FIX_ENTRY_ID = 278,
    FIX_UPDATE_ACTION = 279,
    FIX_UNDERLYING = 311,
    FIX_TRADING_STATUS = 326,
    FIX_HALT_REASON = 327,
    FIX_SESSION_STATUS = 340,
    FIX_NUMBER_OF_ORDERS = 346,
    FIX_ORDER_ID = 37,
    FIX_CFI_CODE = 461,
    FIX_MATURITY_DATE = 541,
    FIX_ROUND_LOT = 561,
    FIX_TICK = 969,
    FIX_UPDATE_ACTION_OF_SECURITY = 980,
    FIX_TRADE_ID = 1003,
    FIX_PRICE_LEVEL = 1023,
    FIX_AGGRESSOR = 5797
};

struct fix_field {
    uint32_t tag;           /* 0: inside a group other than that of the entries */
    int32_t entry;          /* index of the entry it is in, from 0; -1 = of the message */
    struct k2_sv key, text; /* key: its name in extra */
};

struct fix_message {
    const struct fix_field *fields;
    size_t n;
    int32_t entries;
    struct k2_sv channel;
    bool stamped; /* the epochs of its channel are told by the time of day at which they begin */
    const char *name; /* of its type; NULL: as FIX calls it */
    struct k2_sv raw;
    int64_t position, receive_ns;
    uint64_t offset;
};

struct fix_channel { /* of a session date */
    char *name;
    size_t n;
    int32_t date, epoch;
    bool begun, resets; /* resets: the next message begins an epoch */
};

struct fix_pair {
    struct k2_sv key, text;
};

struct fix_market {
    struct k2_interner *in;
    const struct feed_calendar *calendar; /* NULL: the session's sender says the exchange */
    char *exchange, *calendar_name;
    bool (*wants)(void *ctx, struct k2_sv symbol);
    void *wants_ctx;
    struct layout_book_of_ids symbols;
    struct fix_channel *channels;
    size_t channels_n, channels_cap, channel_last;
    struct k2_buf blob, text;
    struct fix_pair *pairs;
    uint32_t *taken; /* of each field: the event that has taken it */
    size_t pairs_cap, taken_cap;
    uint32_t taking;
    uint32_t exchange_id, symbol_id, channel_id, extra_id, list_id, memo[8];
    /* the message */
    const struct fix_message *m;
    const struct feed_sink *sink;
    struct k2_err *err;
    size_t from, to;                /* fields of the entry */
    size_t entries_at, entries_end; /* fields of all entries */
    struct fix_channel *channel;
    int64_t ns, number,
        first; /* time of sending; first: K2_NULL_LONG, or the first of the numbers that it stands for */
    int32_t date, part;
    bool possdup;      /* sent again: the same event as before, whatever the framing says */
    struct k2_sv code; /* of the exchange, and its calendar */
    const struct feed_calendar *of;
    struct k2_sv symbol_before;
    struct feed_fault fault;
};

/* `exchange` is that of the format, where feed_options does not say one; empty: the sender's. */
K2_RC fix_market_init(struct fix_market *m, const struct feed_options *o, struct k2_sv exchange,
                      struct k2_interner *in, struct k2_err *err);
void fix_market_fini(struct fix_market *m);
/* Answers each event of the message by one callback. */
K2_RC fix_market_take(struct fix_market *m, const struct fix_message *message,
                      const struct feed_sink *sink, struct k2_err *err);
/* The message is refused as a whole; its number is used up as far as it can be read. */
K2_RC fix_market_refuse(struct fix_market *m, const struct fix_message *message,
                        const struct feed_fault *fault, const struct feed_sink *sink,
                        struct k2_err *err);

/* --- field.c --- */

/* The text of a field: of the entry, else of the message; empty where it is missing. Taken: not in extra. */
struct k2_sv fix_look(const struct fix_market *m, uint32_t tag);
struct k2_sv fix_take(struct fix_market *m, uint32_t tag);
/* Interned; 0 = it is missing. */
uint32_t fix_take_text(struct fix_market *m, uint32_t tag, uint32_t *memo);
void fix_take_decimal(struct fix_market *m, uint32_t tag, int precision, int scale, k2_i128 *out);
void fix_take_long(struct fix_market *m, uint32_t tag, int64_t *out);
/* UTCTimestamp, with or without its separators, down to ns. */
bool fix_stamp(struct k2_sv text, int64_t *ns);
/* UTCTimeOnly, or the digits HHMMSSsss, HHMMSSssssss, HHMMSSsssssssss without leading zeros: ns of the day. */
bool fix_time_of_day(struct k2_sv text, int64_t *ns);
/* YYYYMMDD */
bool fix_date(struct k2_sv text, int32_t *days);
/* What was not taken of entry and message, as the map of extra; 0 = nothing. */
uint32_t fix_extra(struct fix_market *m);

/* --- entry.c: the event of the entry that is aimed at --- */
void fix_entry_event(struct fix_market *m, struct k2_event *e, const struct feed_head *h,
                     bool snapshot);
/* --- reference.c: of messages without entries --- */
void fix_instrument_event(struct fix_market *m, struct k2_event *e, const struct feed_head *h);
void fix_security_status_event(struct fix_market *m, struct k2_event *e, const struct feed_head *h);
void fix_session_status_event(struct fix_market *m, struct k2_event *e, const struct feed_head *h);

/* --- names.c --- */
struct k2_sv fix_tag_name(uint32_t tag);      /* empty = it is not known */
const char *fix_type_name(struct k2_sv type); /* NULL = it is not known */

#endif
