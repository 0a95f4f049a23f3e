/* feed/sequence/item.c - an event as the sequence engine sees it; see feed.h. */
#include "feed/feed.h"

/* The identity columns, which every kind has under the same names. */
#define ITEM(e, in)                                                                                \
    ((struct seq_item){.exchange = k2_interned(in, (e)->exchange),                                 \
                       .channel = k2_interned(in, (e)->channel),                                   \
                       .trade_date = (e)->trade_date,                                              \
                       .epoch = (e)->epoch,                                                        \
                       .part = (e)->part,                                                          \
                       .sequence = (e)->exchange_sequence_number})

enum k2_kind_id seq_kind_of(enum k2_kind_id kind, int64_t flags) {
    return flags & K2_FLAG_SHARED ? SEQ_SHARED : kind;
}

const char *seq_kind_name(enum k2_kind_id kind) {
    return kind == SEQ_SHARED ? "shared" : k2_kind(kind)->name;
}

/* How many numbers before its own the message is for; see K2_FLAG_SPAN. */
static int64_t span_of(int64_t sequence, uint32_t extra, const struct k2_interner *in) {
    struct k2_sv blob = k2_interned(in, extra), key, value;
    int64_t first;
    while (k2_blob_next(&blob, &key) && k2_blob_next(&blob, &value))
        if (k2_sv_eq(key, K2_SV("first_sequence")))
            return k2_sv_i64(value, &first) && first >= 0 && first <= sequence ? sequence - first
                                                                               : 0;
    return INT64_MAX;
}

struct seq_item seq_item_of(const struct k2_event *e, const struct k2_interner *in) {
    struct seq_item item;
    uint32_t extra = 0;
    int64_t flags = 0;
    switch (e->kind) {
#define K2_KIND(name, NAME, table, topic, meaning)                                                 \
    case K2_KIND_##NAME:                                                                           \
        item = ITEM(&e->name, in);                                                                 \
        break;
#define K2_MARKET_KIND(name, NAME, table, topic, meaning)                                          \
    case K2_KIND_##NAME:                                                                           \
        item = ITEM(&e->name, in);                                                                 \
        flags = e->name.flags;                                                                     \
        extra = e->name.extra;                                                                     \
        break;
#include "codec/kinds.def"
#undef K2_KIND
#undef K2_MARKET_KIND
    case K2_KIND_COUNT:
    default:
        K2_ASSERT(!"known kind");
    }
    item.kind = seq_kind_of(e->kind, flags);
    if (flags & K2_FLAG_SPAN)
        item.span = span_of(item.sequence, extra, in);
    item.payload = k2_payload_hash(e, in);
    return item;
}
