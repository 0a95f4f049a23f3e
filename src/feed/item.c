/* feed/item.c - an event as the sequence engine sees it; see feed.h. */
#include "feed/feed.h"

/* The identity columns, which every kind has under the same names. */
#define ITEM(e, in)                                                                                \
    ((struct seq_item){.exchange = k2_interned(in, (e)->exchange),                                 \
                       .channel = k2_interned(in, (e)->channel),                                   \
                       .trade_date = (e)->trade_date,                                              \
                       .epoch = (e)->epoch,                                                        \
                       .part = (e)->part,                                                          \
                       .sequence = (e)->exchange_sequence_number})

struct seq_item seq_item_of(const struct k2_event *e, const struct k2_interner *in) {
    struct seq_item item;
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        item = ITEM(&e->name, in);                                                                 \
        break;
#include "codec/kinds.def"
#undef K2_KIND
    case K2_KIND_COUNT:
    default:
        K2_ASSERT(!"known kind");
    }
    item.kind = e->kind;
    item.payload = k2_payload_hash(e, in);
    return item;
}
