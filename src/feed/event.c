/* feed/event.c - the start of every event that a decoder makes; see feed_int.h. */
#include "feed/feed_int.h"

/* Field by field: the padding behind the head of a copied one would fall on the kind's first column. */
static void begin(struct k2_event *e, const struct feed_head *h) {
    struct k2_head *to = &e->head;
    to->exchange = h->exchange;
    to->symbol = h->symbol;
    to->instrument_id = K2_NULL_LONG;
    to->trade_date = h->trade_date;
    to->exchange_timestamp = k2_floor_us(h->ns);
    to->exchange_timestamp_ns = h->ns;
    to->receive_timestamp_ns = h->receive_ns;
    to->ingest_timestamp = 0;
    to->exchange_sequence_number = h->sequence;
    to->channel = h->channel;
    to->epoch = to->part = 0;
}

static void end(struct k2_event *e, const struct feed_head *h) {
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

/* Those that come most often are written in one go. */
static void blank(struct k2_event *e) {
    static const struct k2_trade trade = {.price = K2_NULL_DECIMAL, .quantity = K2_NULL_DECIMAL};
    static const struct k2_quote quote = {.bid_price = K2_NULL_DECIMAL,
                                          .bid_quantity = K2_NULL_DECIMAL,
                                          .ask_price = K2_NULL_DECIMAL,
                                          .ask_quantity = K2_NULL_DECIMAL};
    static const struct k2_book_event book_event = {.price = K2_NULL_DECIMAL,
                                                    .quantity = K2_NULL_DECIMAL,
                                                    .level = K2_NULL_LONG,
                                                    .order_count = K2_NULL_LONG};
    if (e->kind == K2_KIND_TRADE)
        e->trade = trade;
    else if (e->kind == K2_KIND_QUOTE)
        e->quote = quote;
    else if (e->kind == K2_KIND_BOOK_EVENT)
        e->book_event = book_event;
    else
        k2_event_blank(e, e->kind);
}

void feed_event_start(struct k2_event *e, enum k2_kind_id kind, const struct feed_head *h) {
    e->kind = kind;
    e->added = 0;
    blank(e);
    begin(e, h);
    end(e, h);
}
