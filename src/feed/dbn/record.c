/* feed/dbn/record.c - records of DBN as events: orders, trades, quotes, levels, bars; see dbn.h.
 *
 *   mbo            A, M, C, R -> book_event ADD, MODIFY, CANCEL, CLEAR; T -> trade; F (an order was filled,
 *                  which says nothing about the book: a C or M follows) and N -> message
 *   mbp-0          trade
 *   mbp-1, cmbp-1, tcbbo, bbo, cbbo   quote, after a trade where the action is T
 *   mbp-10         book_event SET or DELETE of each level that is not what the record before said, after a
 *                  trade where the action is T; message where neither is
 *   ohlcv          bar
 *   error, symbol-mapping, system, and every rtype that is not known   message
 * The others are in figures.c.
 */
#include "feed/dbn/dbn.h"

#include <stdio.h>

#define LEVEL_SIZE 32 /* bid_px i64, ask_px i64, bid_sz u32, ask_sz u32, bid_ct u32, ask_ct u32 */
#define LEVELS_AT 48  /* of all records with levels */
#define BAD_DETAIL_MAX 16

/* --- what all share --- */

uint32_t dbn_word(struct dbn *d, enum dbn_word word) {
    static const char *const texts[DBN_WORDS] = {"BUY",    "SELL",  "NONE", "ADD",    "MODIFY",
                                                 "CANCEL", "CLEAR", "SET",  "DELETE", "DEFINE"};
    return feed_intern(d->in, &d->words[word], k2_sv_of(texts[word]));
}

uint32_t dbn_venue(struct dbn *d, const struct dbn_record *r) {
    struct dbn_market *m = r->stream->market;
    return m->venue[0] ? feed_intern(d->in, &m->venue_id, k2_sv_of(m->venue)) : 0;
}

void dbn_start_as(struct dbn *d, const struct dbn_record *r, enum k2_kind_id kind, int64_t number,
                  struct k2_event *e) {
    struct dbn_stream *s = r->stream;
    struct dbn_market *m = s->market;
    const struct feed_head head = {
        .exchange = feed_intern(d->in, &m->exchange_id, k2_sv_of(m->exchange)),
        .symbol = feed_intern(d->in, &s->symbol_id, (struct k2_sv){s->symbol, s->symbol_n}),
        .channel = feed_intern(d->in, &s->channel_id, (struct k2_sv){s->channel, s->channel_n}),
        .trade_date = r->date,
        .ns = r->ns,
        .receive_ns = r->receive_ns,
        .sequence = number,
        .raw_offset = (int64_t)d->offset,
    };
    feed_event_start(e, kind, &head);
}

void dbn_start(struct dbn *d, const struct dbn_record *r, enum k2_kind_id kind,
               struct k2_event *e) {
    dbn_start_as(d, r, kind, dbn_next_number(d, r->stream, kind, r->date), e);
}

int dbn_extra(struct dbn *d, const struct dbn_record *r, const struct dbn_plan *plan, uint32_t *id,
              struct feed_fault *c) {
    if (dbn_extra_blob(r->layout, plan, r->p, r->ts_out, &d->blob, c))
        return -1;
    *id = k2_intern(d->in, k2_buf_view(&d->blob));
    return 0;
}

k2_i128 dbn_price(const uint8_t *at) {
    int64_t v = (int64_t)k2_get_u64(at);
    return v == DBN_NO_PRICE ? K2_NULL_DECIMAL : v;
}

static k2_i128 size_of(const uint8_t *at) {
    return (k2_i128)k2_get_u32(at) * 10000000000;
}

int dbn_quantity(uint64_t v, k2_i128 *out, struct feed_fault *c) {
    char text[DBN_NUMBER_TEXT] = "";
    *out = (k2_i128)v * k2_pow10(K2_QUANTITY_SCALE);
    if (k2_decimal_fits(*out, K2_QUANTITY_PRECISION))
        return 0;
    return feed_fault_set(c, "RANGE", "the quantity has too many digits",
                          (struct k2_sv){text, dbn_u64_text(v, text)});
}

int dbn_side(struct dbn *d, char letter, uint32_t *id, struct feed_fault *c) {
    if (letter == 'B')
        *id = dbn_word(d, DBN_BUY);
    else if (letter == 'A')
        *id = dbn_word(d, DBN_SELL);
    else if (letter != 'N')
        return feed_fault_set(c, "MALFORMED", "the side is neither A nor B nor N",
                              (struct k2_sv){&letter, 1});
    return 0;
}

int dbn_send(struct dbn *d, const struct dbn_record *r, const struct k2_event *e,
             const struct feed_sink *sink, struct k2_err *err) {
    return sink->event(sink->ctx, e, r->raw, d->position, err);
}

int dbn_refuse(struct dbn *d, const struct dbn_record *r, enum k2_kind_id kind,
               const struct feed_fault *c, const struct feed_sink *sink, struct k2_err *err) {
    struct k2_event partial;
    const struct feed_reject reject = {
        .reason = c->reason,
        .detail = c->detail,
        .raw = r->raw,
        .position = d->position,
        .offset = d->offset,
        .partial = r->stream ? &partial : NULL,
        .numbered = r->stream != NULL,
    };
    if (r->stream)
        dbn_start(d, r, kind, &partial);
    return sink->reject(sink->ctx, &reject, err);
}

/* --- messages --- */

/* A record whose rtype is not known: its bytes in hex. */
static uint32_t extra_of_unknown(struct dbn *d, const struct dbn_record *r) {
    static const char digits[] = "0123456789abcdef";
    struct k2_buf *b = &d->blob;
    char number[DBN_NUMBER_TEXT];
    b->n = 0;
    k2_blob_add(b, K2_SV("bytes"));
    uint8_t *p = k2_buf_need(b, 4 + 2 * r->raw.n);
    k2_put_u32(p, (uint32_t)(2 * r->raw.n));
    for (size_t i = 0; i < r->raw.n; i++) {
        p[4 + 2 * i] = (uint8_t)digits[r->p[i] >> 4];
        p[5 + 2 * i] = (uint8_t)digits[r->p[i] & 15];
    }
    b->n += 4 + 2 * r->raw.n;
    k2_blob_add(b, K2_SV("instrument_id"));
    k2_blob_add(b, (struct k2_sv){number, dbn_number_text(DBN_U32, r->p + 4, number)});
    k2_blob_add(b, K2_SV("publisher_id"));
    k2_blob_add(b, (struct k2_sv){number, dbn_number_text(DBN_U16, r->p + 2, number)});
    k2_blob_add(b, K2_SV("rtype"));
    k2_blob_add(b, (struct k2_sv){number, dbn_number_text(DBN_U8, r->p + 1, number)});
    return k2_intern(d->in, k2_buf_view(b));
}

int dbn_take_message(struct dbn *d, const struct dbn_record *r, const struct feed_sink *sink,
                     struct k2_err *err) {
    struct k2_event e;
    struct feed_fault c;
    uint32_t extra = 0;
    char name[16];
    if (r->layout && dbn_extra(d, r, &dbn_plans_of(d, r)->all, &extra, &c))
        return dbn_refuse(d, r, K2_KIND_MESSAGE, &c, sink, err);
    snprintf(name, sizeof name, "rtype-%d", r->p[1]);
    dbn_start(d, r, K2_KIND_MESSAGE, &e);
    e.message.message_type =
        feed_intern(d->in, &d->text_id, k2_sv_of(r->layout ? r->layout->name : name));
    e.message.extra = r->layout ? extra : extra_of_unknown(d, r);
    e.message.venue = dbn_venue(d, r);
    return dbn_send(d, r, &e, sink, err);
}

/* --- orders --- */

static bool last_of_event(const uint8_t *flags) {
    return *flags & DBN_FLAG_LAST;
}

static int32_t flags_of(uint8_t flags, bool last_part) {
    return (last_part && last_of_event(&flags) ? K2_FLAG_LAST : 0) |
           (flags & DBN_FLAG_SNAPSHOT ? K2_FLAG_SNAPSHOT : 0);
}

/* Fields of mbo, by their places in the record. */
enum {
    MBO_ORDER = 16,
    MBO_PRICE = 24,
    MBO_SIZE = 32,
    MBO_FLAGS = 36,
    MBO_ACTION = 38,
    MBO_SIDE = 39
};

/* Of text with K2_INTERN_SHORT readable bytes. */
static uint32_t intern_number(struct dbn *d, struct k2_sv text) {
    return text.n <= K2_INTERN_SHORT ? k2_intern_short(d->in, text) : k2_intern(d->in, text);
}

static int read_order(struct dbn *d, const struct dbn_record *r, struct k2_book_event *b,
                      struct feed_fault *c) {
    uint64_t order = k2_get_u64(r->p + MBO_ORDER);
    char text[DBN_NUMBER_TEXT];
    if (dbn_side(d, (char)r->p[MBO_SIDE], &b->side, c) ||
        dbn_extra(d, r, &dbn_plans_of(d, r)->rest, &b->extra, c))
        return -1;
    b->venue = dbn_venue(d, r);
    b->flags = flags_of(r->p[MBO_FLAGS], true);
    if (r->p[MBO_ACTION] == 'R')
        return 0;
    b->price = dbn_price(r->p + MBO_PRICE);
    b->quantity = size_of(r->p + MBO_SIZE);
    if (order)
        b->order_id = intern_number(d, (struct k2_sv){text, dbn_u64_text(order, text)});
    return 0;
}

static K2_RC take_order(struct dbn *d, const struct dbn_record *r, enum dbn_word action,
                        const struct feed_sink *sink, struct k2_err *err) {
    struct k2_event e;
    struct feed_fault c;
    struct k2_book_event b = {0};
    b.price = b.quantity = K2_NULL_DECIMAL;
    if (read_order(d, r, &b, &c))
        return dbn_refuse(d, r, K2_KIND_BOOK_EVENT, &c, sink, err);
    dbn_start(d, r, K2_KIND_BOOK_EVENT, &e);
    e.book_event.action = dbn_word(d, action);
    e.book_event.order_id = b.order_id;
    e.book_event.side = b.side;
    e.book_event.price = b.price;
    e.book_event.quantity = b.quantity;
    e.book_event.venue = b.venue;
    e.book_event.flags = b.flags;
    e.book_event.extra = b.extra;
    return dbn_send(d, r, &e, sink, err);
}

/* --- trades --- */

struct trade_places { /* in the record */
    uint8_t price, size, side, flags;
};
static const struct trade_places in_mbo = {MBO_PRICE, MBO_SIZE, MBO_SIDE, MBO_FLAGS};
static const struct trade_places in_mbp = {16, 24, 29, 30};

static K2_RC take_trade(struct dbn *d, const struct dbn_record *r, const struct trade_places *at,
                        bool last, const struct feed_sink *sink, struct k2_err *err) {
    struct k2_event e;
    struct feed_fault c;
    uint32_t side = 0, extra;
    if (dbn_side(d, (char)r->p[at->side], &side, &c) ||
        dbn_extra(d, r, &dbn_plans_of(d, r)->trade, &extra, &c))
        return dbn_refuse(d, r, K2_KIND_TRADE, &c, sink, err);
    dbn_start(d, r, K2_KIND_TRADE, &e);
    e.trade.price = dbn_price(r->p + at->price);
    e.trade.quantity = size_of(r->p + at->size);
    e.trade.side = side;
    e.trade.venue = dbn_venue(d, r);
    e.trade.flags = flags_of(r->p[at->flags], last);
    e.trade.extra = extra;
    return dbn_send(d, r, &e, sink, err);
}

static K2_RC take_mbo(struct dbn *d, const struct dbn_record *r, const struct feed_sink *sink,
                      struct k2_err *err) {
    struct feed_fault c;
    char action = (char)r->p[MBO_ACTION];
    switch (action) {
    case 'A':
        return take_order(d, r, DBN_ADD, sink, err);
    case 'M':
        return take_order(d, r, DBN_MODIFY, sink, err);
    case 'C':
        return take_order(d, r, DBN_CANCEL, sink, err);
    case 'R':
        return take_order(d, r, DBN_CLEAR, sink, err);
    case 'T':
        return take_trade(d, r, &in_mbo, true, sink, err);
    case 'F':
    case 'N':
        return dbn_take_message(d, r, sink, err);
    default:
        feed_fault_set(&c, "MALFORMED", "the action is none of A, C, M, R, T, F and N",
                       (struct k2_sv){&action, 1});
        return dbn_refuse(d, r, K2_KIND_BOOK_EVENT, &c, sink, err);
    }
}

/* --- quotes --- */

static void read_level(const uint8_t *level, struct k2_quote *q) {
    q->bid_price = dbn_price(level);
    q->ask_price = dbn_price(level + 8);
    if (q->bid_price != K2_NULL_DECIMAL)
        q->bid_quantity = size_of(level + 16);
    if (q->ask_price != K2_NULL_DECIMAL)
        q->ask_quantity = size_of(level + 20);
}

static bool has_action(enum dbn_rtype rtype) {
    return rtype == DBN_MBP_1 || rtype == DBN_MBP_10 || rtype == DBN_CMBP_1 || rtype == DBN_TCBBO;
}

static bool is_trade(const struct dbn_record *r) {
    return has_action(r->layout->rtype) && r->p[28] == 'T';
}

static K2_RC take_quote(struct dbn *d, const struct dbn_record *r, const struct feed_sink *sink,
                        struct k2_err *err) {
    struct k2_event e;
    struct feed_fault c;
    uint32_t extra, side;
    if (dbn_side(d, (char)r->p[in_mbp.side], &side, &c))
        return dbn_refuse(d, r, K2_KIND_QUOTE, &c, sink, err);
    if (is_trade(r))
        K2_TRY(take_trade(d, r, &in_mbp, false, sink, err));
    if (dbn_extra(d, r, &dbn_plans_of(d, r)->rest, &extra, &c)) /* not of one with a trade */
        return dbn_refuse(d, r, K2_KIND_QUOTE, &c, sink, err);
    dbn_start(d, r, K2_KIND_QUOTE, &e);
    read_level(r->p + LEVELS_AT, &e.quote);
    e.quote.venue = dbn_venue(d, r);
    e.quote.flags = flags_of(r->p[in_mbp.flags], true);
    e.quote.extra = extra;
    return dbn_send(d, r, &e, sink, err);
}

/* --- levels --- */

struct side_of_level {
    const uint8_t *price, *size, *count;
};

static struct side_of_level side_of_level(const uint8_t *levels, int i) { /* i: level * 2 + ask */
    const uint8_t *level = levels + (size_t)i / 2 * LEVEL_SIZE;
    size_t ask = i & 1;
    return (struct side_of_level){level + 8 * ask, level + 16 + 4 * ask, level + 24 + 4 * ask};
}

static bool level_changed(const uint8_t *levels, const uint8_t *before, int i) {
    if (!before)
        return true;
    struct side_of_level a = side_of_level(levels, i), b = side_of_level(before, i);
    return memcmp(a.price, b.price, 8) != 0 || memcmp(a.size, b.size, 4) != 0 ||
           memcmp(a.count, b.count, 4) != 0;
}

static void read_changed(struct dbn *d, const uint8_t *levels, int i, struct k2_book_event *b) {
    struct side_of_level s = side_of_level(levels, i);
    bool there = (int64_t)k2_get_u64(s.price) != DBN_NO_PRICE;
    b->action = dbn_word(d, there ? DBN_SET : DBN_DELETE);
    b->side = dbn_word(d, i & 1 ? DBN_SELL : DBN_BUY);
    b->level = i / 2 + 1;
    if (!there)
        return;
    b->price = dbn_price(s.price);
    b->quantity = size_of(s.size);
    b->order_count = k2_get_u32(s.count);
}

static K2_RC send_levels(struct dbn *d, const struct dbn_record *r, const uint8_t *changed, int n,
                         const struct feed_sink *sink, struct k2_err *err) {
    struct k2_event e;
    struct feed_fault c;
    uint32_t extra;
    if (dbn_extra(d, r, &dbn_plans_of(d, r)->rest, &extra, &c)) /* not of one with a trade */
        return dbn_refuse(d, r, K2_KIND_BOOK_EVENT, &c, sink, err);
    int64_t number = dbn_next_number(d, r->stream, K2_KIND_BOOK_EVENT, r->date);
    for (int i = 0; i < n; i++) {
        dbn_start_as(d, r, K2_KIND_BOOK_EVENT, number, &e);
        e.book_event.extra = k2_intern(d->in, k2_buf_view(&d->blob));
        e.book_event.venue = dbn_venue(d, r);
        e.book_event.part = i;
        e.book_event.flags = flags_of(r->p[in_mbp.flags], i == n - 1);
        read_changed(d, r->p + LEVELS_AT, changed[i], &e.book_event);
        K2_TRY(dbn_send(d, r, &e, sink, err));
    }
    return K2_OK;
}

static int find_changed(const struct dbn_record *r, uint8_t *changed) {
    int n = 0;
    for (int i = 0; i < 2 * r->layout->levels; i++)
        if (level_changed(r->p + LEVELS_AT, r->stream->levels, i))
            changed[n++] = (uint8_t)i;
    return n;
}

static void keep_levels(const struct dbn_record *r) {
    const size_t size = (size_t)r->layout->levels * LEVEL_SIZE;
    if (!r->stream->levels)
        r->stream->levels = k2_alloc(size);
    memcpy(r->stream->levels, r->p + LEVELS_AT, size);
}

static K2_RC take_levels(struct dbn *d, const struct dbn_record *r, const struct feed_sink *sink,
                         struct k2_err *err) {
    struct feed_fault c;
    uint32_t side;
    uint8_t changed[20];
    if (dbn_side(d, (char)r->p[in_mbp.side], &side, &c))
        return dbn_refuse(d, r, K2_KIND_BOOK_EVENT, &c, sink, err);
    int n = find_changed(r, changed);
    keep_levels(r);
    if (is_trade(r))
        K2_TRY(take_trade(d, r, &in_mbp, n == 0, sink, err));
    else if (n == 0)
        return dbn_take_message(d, r, sink, err);
    return n ? send_levels(d, r, changed, n, sink, err) : K2_OK;
}

/* --- bars --- */

static int64_t interval_of(const struct dbn *d, enum dbn_rtype rtype) {
    static const struct {
        uint8_t rtype;
        int16_t schema;
        int64_t seconds;
    } intervals[] = {{DBN_OHLCV_1S, 5, 1},
                     {DBN_OHLCV_1M, 6, 60},
                     {DBN_OHLCV_1H, 7, 3600},
                     {DBN_OHLCV_1D, 8, 86400},
                     {DBN_OHLCV_EOD, 13, 86400}};
    for (size_t i = 0; i < sizeof intervals / sizeof *intervals; i++)
        if (intervals[i].rtype == rtype || (rtype == DBN_OHLCV_DEPRECATED && d->meta.version &&
                                            intervals[i].schema == d->meta.schema))
            return intervals[i].seconds * K2_NS_PER_SEC;
    return 0;
}

static K2_RC take_bar(struct dbn *d, const struct dbn_record *r, const struct feed_sink *sink,
                      struct k2_err *err) {
    struct k2_event e;
    struct feed_fault c;
    k2_i128 volume;
    uint32_t extra;
    int64_t interval = interval_of(d, r->layout->rtype);
    if (!interval) /* the old rtype of all bars, and nothing says of which */
        return dbn_take_message(d, r, sink, err);
    if (dbn_quantity(k2_get_u64(r->p + 48), &volume, &c) ||
        dbn_extra(d, r, &dbn_plans_of(d, r)->rest, &extra, &c))
        return dbn_refuse(d, r, K2_KIND_BAR, &c, sink, err);
    dbn_start(d, r, K2_KIND_BAR, &e);
    e.bar.interval_ns = interval;
    e.bar.open = dbn_price(r->p + 16);
    e.bar.high = dbn_price(r->p + 24);
    e.bar.low = dbn_price(r->p + 32);
    e.bar.close = dbn_price(r->p + 40);
    e.bar.volume = volume;
    e.bar.venue = dbn_venue(d, r);
    e.bar.extra = extra;
    return dbn_send(d, r, &e, sink, err);
}

/* --- which is which --- */

int dbn_take_record(struct dbn *d, const struct dbn_record *r, const struct feed_sink *sink,
                    struct k2_err *err) {
    if (!r->layout)
        return dbn_take_message(d, r, sink, err);
    switch (r->layout->rtype) {
    case DBN_MBO:
        return take_mbo(d, r, sink, err);
    case DBN_MBP_0:
        return r->p[28] == 'T' ? take_trade(d, r, &in_mbp, true, sink, err)
                               : dbn_take_message(d, r, sink, err);
    case DBN_MBP_1:
    case DBN_CMBP_1:
    case DBN_CBBO_1S:
    case DBN_CBBO_1M:
    case DBN_TCBBO:
    case DBN_BBO_1S:
    case DBN_BBO_1M:
        return take_quote(d, r, sink, err);
    case DBN_MBP_10:
        return take_levels(d, r, sink, err);
    case DBN_OHLCV_DEPRECATED:
    case DBN_OHLCV_1S:
    case DBN_OHLCV_1M:
    case DBN_OHLCV_1H:
    case DBN_OHLCV_1D:
    case DBN_OHLCV_EOD:
        return take_bar(d, r, sink, err);
    case DBN_SYMBOL_MAPPING:
    case DBN_ERROR:
    case DBN_SYSTEM:
        return dbn_take_message(d, r, sink, err);
    case DBN_STATUS:
    case DBN_INSTRUMENT_DEF:
    case DBN_IMBALANCE:
    case DBN_STATISTICS:
        break;
    }
    return dbn_take_figure(d, r, sink, err);
}
