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

void feed_event_start(struct k2_event *e, enum k2_kind_id kind, const struct feed_head *h) {
    e->kind = kind;
    if (kind == K2_KIND_QUOTE)
        start_quote(&e->quote, h);
    else
        start_trade(&e->trade, h);
}
