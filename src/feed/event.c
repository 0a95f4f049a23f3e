/* feed/event.c - the start of every event that a decoder makes; see feed_int.h. */
#include "feed/feed_int.h"

static void start_trade(struct k2_trade *t, const struct feed_head *h) {
    *t = (struct k2_trade){
        .exchange = h->exchange,
        .symbol = h->symbol,
        .instrument_id = K2_NULL_LONG,
        .trade_date = h->trade_date,
        .exchange_timestamp = k2_floor_us(h->ns),
        .exchange_timestamp_ns = h->ns,
        .receive_timestamp_ns = h->receive_ns,
        .exchange_sequence_number = h->sequence,
        .channel = h->channel,
        .price = K2_NULL_DECIMAL,
        .quantity = K2_NULL_DECIMAL,
        .flags = K2_FLAG_LAST,
        .raw_offset = h->raw_offset,
    };
}

static void start_quote(struct k2_quote *q, const struct feed_head *h) {
    *q = (struct k2_quote){
        .exchange = h->exchange,
        .symbol = h->symbol,
        .instrument_id = K2_NULL_LONG,
        .trade_date = h->trade_date,
        .exchange_timestamp = k2_floor_us(h->ns),
        .exchange_timestamp_ns = h->ns,
        .receive_timestamp_ns = h->receive_ns,
        .exchange_sequence_number = h->sequence,
        .channel = h->channel,
        .bid_price = K2_NULL_DECIMAL,
        .bid_quantity = K2_NULL_DECIMAL,
        .ask_price = K2_NULL_DECIMAL,
        .ask_quantity = K2_NULL_DECIMAL,
        .flags = K2_FLAG_LAST,
        .raw_offset = h->raw_offset,
    };
}

static void start_book_event(struct k2_book_event *b, const struct feed_head *h) {
    *b = (struct k2_book_event){
        .exchange = h->exchange,
        .symbol = h->symbol,
        .instrument_id = K2_NULL_LONG,
        .trade_date = h->trade_date,
        .exchange_timestamp = k2_floor_us(h->ns),
        .exchange_timestamp_ns = h->ns,
        .receive_timestamp_ns = h->receive_ns,
        .exchange_sequence_number = h->sequence,
        .channel = h->channel,
        .price = K2_NULL_DECIMAL,
        .quantity = K2_NULL_DECIMAL,
        .level = K2_NULL_LONG,
        .order_count = K2_NULL_LONG,
        .flags = K2_FLAG_LAST,
        .raw_offset = h->raw_offset,
    };
}

/* Kinds that come less often: every column is blanked first. */
static void start_other(struct k2_event *e, const struct feed_head *h) {
    k2_event_blank(e, e->kind);
    e->head = (struct k2_head){
        .exchange = h->exchange,
        .symbol = h->symbol,
        .instrument_id = K2_NULL_LONG,
        .trade_date = h->trade_date,
        .exchange_timestamp = k2_floor_us(h->ns),
        .exchange_timestamp_ns = h->ns,
        .receive_timestamp_ns = h->receive_ns,
        .exchange_sequence_number = h->sequence,
        .channel = h->channel,
    };
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)
#define K2_MARKET_KIND(name, NAME, table, topic, meaning)                                          \
    case K2_KIND_##NAME:                                                                           \
        e->name.flags = K2_FLAG_LAST;                                                              \
        e->name.raw_offset = h->raw_offset;                                                        \
        break;
#include "codec/kinds.def"
#undef K2_KIND
#undef K2_MARKET_KIND
    case K2_KIND_QUARANTINE:
    case K2_KIND_COUNT:
        K2_ASSERT(!"a market's kind");
    }
}

void feed_event_start(struct k2_event *e, enum k2_kind_id kind, const struct feed_head *h) {
    e->kind = kind;
    if (kind == K2_KIND_TRADE)
        start_trade(&e->trade, h);
    else if (kind == K2_KIND_QUOTE)
        start_quote(&e->quote, h);
    else if (kind == K2_KIND_BOOK_EVENT)
        start_book_event(&e->book_event, h);
    else
        start_other(e, h);
}
