/* feed/dbn/write.c - events as DBN, version 3; see write.h, and dbn.h for the layout of records. */
#include "feed/dbn/write.h"
#include "feed/dbn/dbn.h"

#include <stdlib.h>

#define VERSION 3
#define SYMBOL_SIZE DBN_SYMBOL_MAX
#define SCHEMA_NONE UINT16_MAX
#define STYPE_RAW_SYMBOL 1
#define STYPE_INSTRUMENT_ID 0
#define STYPE_NONE 255
#define SIZE_NOT_KNOWN UINT32_MAX
#define OWN_NUMBERS 0x80000000u /* where numbers of instruments begin that DBN did not give */
#define MBO_SIZE 56
#define TRADE_SIZE 48
#define QUOTE_SIZE 80
#define MAPPING_SIZE 176

struct feed_dbn_writer {
    enum k2_kind_id kind;
    struct dbn_symbols told;     /* symbols that were written */
    struct k2_interner *numbers; /* of instruments without one: "EXCHANGE.SYMBOL" */
    struct k2_buf key;
};

/* --- metadata --- */

static uint16_t schema_of(enum k2_kind_id kind) {
    switch (kind) {
    case K2_KIND_TRADE:
        return 4;
    case K2_KIND_QUOTE:
        return 1;
    case K2_KIND_BOOK_EVENT:
        return 0;
    default:
        return SCHEMA_NONE;
    }
}

static uint64_t time_or_none(int64_t ns) {
    return ns < 0 ? DBN_NO_TIME : (uint64_t)ns; /* also K2_NULL_LONG */
}

/* An exchange's code stands for its first dataset. */
static struct k2_sv dataset_of(struct k2_sv name) {
    const struct dbn_publisher *p = dbn_publisher(dbn_publisher_of(name));
    return p ? k2_sv_of(p->dataset) : (struct k2_sv){name.p, name.n < 16 ? name.n : 16};
}

static void put_metadata(const struct feed_dbn_head *h, struct k2_buf *out) {
    const uint32_t lists =
        5 * 4; /* schema definition, symbols, partial, not found, mappings: none */
    const size_t size = DBN_META_PREFIX + DBN_META_FIXED + lists;
    uint8_t *p = k2_buf_need(out, size);
    uint16_t schema = schema_of(h->kind);
    struct k2_sv dataset = dataset_of(h->dataset);
    memset(p, 0, size);
    memcpy(p, "DBN", 3);
    p[3] = VERSION;
    k2_put_u32(p + 4, DBN_META_FIXED + lists);
    if (dataset.n)
        memcpy(p + 8, dataset.p, dataset.n);
    k2_put_u16(p + 24, schema);
    k2_put_u64(p + 26, h->start_ns == K2_NULL_LONG ? 0 : time_or_none(h->start_ns));
    k2_put_u64(p + 34, time_or_none(h->end_ns));
    p[50] = schema == SCHEMA_NONE ? STYPE_NONE : STYPE_RAW_SYMBOL;
    p[51] = STYPE_INSTRUMENT_ID;
    k2_put_u16(p + 53, SYMBOL_SIZE);
    out->n += size;
}

struct feed_dbn_writer *feed_dbn_writer_new(const struct feed_dbn_head *head, struct k2_buf *out) {
    struct feed_dbn_writer *w = k2_zalloc(sizeof *w);
    w->kind = head->kind;
    w->numbers = k2_interner_new();
    put_metadata(head, out);
    return w;
}

void feed_dbn_writer_free(struct feed_dbn_writer *w) {
    if (!w)
        return;
    dbn_symbols_free(&w->told);
    k2_interner_free(w->numbers);
    k2_buf_free(&w->key);
    free(w);
}

/* --- what `extra` says --- */

enum said { /* fields of DBN that have no column, in the order of their names */
            SAID_ask_ct,
            SAID_bid_ct,
            SAID_channel_id,
            SAID_depth,
            SAID_flags,
            SAID_instrument_id,
            SAID_order_id,
            SAID_publisher_id,
            SAID_sequence,
            SAID_size,
            SAID_ts_in_delta,
            SAID_COUNT
};

struct extra {
    bool there[SAID_COUNT];
    uint64_t value[SAID_COUNT]; /* ts_in_delta: as two's complement */
    char action, side;          /* 0: not said */
    int64_t price;
};

static bool unsigned_of(struct k2_sv text, uint64_t *out) {
    uint64_t v = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned digit = (unsigned char)text.p[i] - (unsigned)'0';
        if (digit > 9 || v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return text.n > 0;
}

static void read_number(struct extra *x, struct k2_sv key, struct k2_sv value) {
    static const char *const names[SAID_COUNT] = {
        "ask_ct",   "bid_ct",       "channel_id", "depth", "flags",      "instrument_id",
        "order_id", "publisher_id", "sequence",   "size",  "ts_in_delta"};
    for (int i = 0; i < SAID_COUNT; i++) {
        if (!k2_sv_eq(key, k2_sv_of(names[i])))
            continue;
        bool minus = i == SAID_ts_in_delta && k2_sv_take(&value, '-');
        x->there[i] = unsigned_of(value, &x->value[i]);
        if (minus)
            x->value[i] = 0 - x->value[i];
    }
}

static void read_extra(struct k2_sv blob, struct extra *x) {
    struct k2_sv key, value;
    k2_i128 price;
    *x = (struct extra){.price = DBN_NO_PRICE};
    while (k2_blob_next(&blob, &key) && k2_blob_next(&blob, &value)) {
        if (k2_sv_eq(key, K2_SV("action")) && value.n == 1)
            x->action = value.p[0];
        else if (k2_sv_eq(key, K2_SV("side")) && value.n == 1)
            x->side = value.p[0];
        else if (!k2_sv_eq(key, K2_SV("price")))
            read_number(x, key, value);
        else if (k2_decimal_parse(value, K2_PRICE_PRECISION, K2_PRICE_SCALE, &price, NULL) ==
                     K2_OK &&
                 price < INT64_MAX && price > INT64_MIN)
            x->price = (int64_t)price;
    }
}

static uint64_t said(const struct extra *x, enum said field, uint64_t otherwise, uint64_t most) {
    return x->there[field] && x->value[field] <= most ? x->value[field] : otherwise;
}

/* --- values of columns --- */

static bool price_of(k2_i128 v, int64_t *out, const char **why) {
    *out = DBN_NO_PRICE;
    if (v == K2_NULL_DECIMAL)
        return true;
    *why = "a price is beyond what 64 bits hold in units of 1e-9";
    if (v <= INT64_MIN || v >= INT64_MAX)
        return false;
    *out = (int64_t)v;
    return true;
}

static bool size_of(k2_i128 v, uint32_t *out, const char **why) {
    const k2_i128 one = k2_pow10(K2_QUANTITY_SCALE);
    *out = 0;
    if (v == K2_NULL_DECIMAL)
        return true;
    *why = "a quantity is no whole number below 4294967295";
    if (v < 0 || v % one != 0 || v / one >= SIZE_NOT_KNOWN)
        return false;
    *out = (uint32_t)(v / one);
    return true;
}

/* What the source said, where it said it. */
static char or_char(char said, char otherwise) {
    if (said)
        return said;
    return otherwise;
}

static char side_of(struct k2_sv side) {
    if (side.n == 0)
        return 'N';
    return side.p[0] == 'B' ? 'B' : 'A';
}

static uint8_t flags_of(const struct extra *x, int32_t flags) {
    uint64_t own = (flags & K2_FLAG_LAST ? DBN_FLAG_LAST : 0u) |
                   (flags & K2_FLAG_SNAPSHOT ? DBN_FLAG_SNAPSHOT : 0u);
    return (uint8_t)said(x, SAID_flags, own, UINT8_MAX);
}

/* --- records --- */

struct record {
    const struct k2_head *head;
    struct extra extra;
    uint16_t publisher;
    uint32_t instrument, sequence;
};

static void put_header(uint8_t *p, size_t size, enum dbn_rtype rtype, const struct record *r) {
    memset(p, 0, size);
    p[0] = (uint8_t)(size / 4);
    p[1] = (uint8_t)rtype;
    k2_put_u16(p + 2, r->publisher);
    k2_put_u32(p + 4, r->instrument);
    k2_put_u64(p + 8, (uint64_t)r->head->exchange_timestamp_ns);
}

static void put_end_of(uint8_t *p, size_t at, const struct record *r) {
    k2_put_u64(p + at, time_or_none(r->head->receive_timestamp_ns));
    k2_put_u32(p + at + 8, (uint32_t)said(&r->extra, SAID_ts_in_delta, 0, UINT64_MAX));
    k2_put_u32(p + at + 12, r->sequence);
}

struct order {
    uint64_t id;
    int64_t price;
    uint32_t size;
    uint8_t flags;
    char action, side;
};

static void put_mbo(const struct record *r, const struct order *o, struct k2_buf *out) {
    uint8_t *p = k2_buf_need(out, MBO_SIZE);
    put_header(p, MBO_SIZE, DBN_MBO, r);
    k2_put_u64(p + 16, o->id);
    k2_put_u64(p + 24, (uint64_t)o->price);
    k2_put_u32(p + 32, o->size);
    p[36] = o->flags;
    p[37] = (uint8_t)said(&r->extra, SAID_channel_id, 0, UINT8_MAX);
    p[38] = (uint8_t)o->action;
    p[39] = (uint8_t)o->side;
    put_end_of(p, 40, r);
    out->n += MBO_SIZE;
}

/* The part that all records of prices have. */
static void put_price_record(uint8_t *p, const struct record *r, const struct order *o) {
    k2_put_u64(p + 16, (uint64_t)o->price);
    k2_put_u32(p + 24, o->size);
    p[28] = (uint8_t)o->action;
    p[29] = (uint8_t)o->side;
    p[30] = o->flags;
    p[31] = (uint8_t)said(&r->extra, SAID_depth, 0, UINT8_MAX);
    put_end_of(p, 32, r);
}

static void put_mapping(const struct record *r, struct k2_sv symbol, struct k2_buf *out) {
    uint8_t *p = k2_buf_need(out, MAPPING_SIZE);
    put_header(p, MAPPING_SIZE, DBN_SYMBOL_MAPPING, r);
    p[16] = STYPE_RAW_SYMBOL;
    memcpy(p + 17, symbol.p, symbol.n);
    p[88] = STYPE_RAW_SYMBOL;
    memcpy(p + 89, symbol.p, symbol.n);
    k2_put_u64(p + 160, (uint64_t)r->head->exchange_timestamp_ns);
    k2_put_u64(p + 168, DBN_NO_TIME);
    out->n += MAPPING_SIZE;
}

/* --- events --- */

static uint32_t own_number(struct feed_dbn_writer *w, struct k2_sv exchange, struct k2_sv symbol) {
    w->key.n = 0;
    k2_buf_sv(&w->key, exchange);
    k2_buf_byte(&w->key, '.');
    k2_buf_sv(&w->key, symbol);
    return OWN_NUMBERS + k2_intern(w->numbers, k2_buf_view(&w->key));
}

static bool is_number(struct k2_sv symbol, uint32_t instrument) {
    char text[DBN_NUMBER_TEXT] = "";
    return k2_sv_eq(symbol, (struct k2_sv){text, dbn_u64_text(instrument, text)});
}

static bool begin(struct feed_dbn_writer *w, const struct k2_head *h, uint32_t extra,
                  const struct k2_interner *in, struct record *r, const char **why) {
    struct k2_sv exchange = k2_interned(in, h->exchange), symbol = k2_interned(in, h->symbol);
    int64_t number = h->exchange_sequence_number;
    *why = "its symbol is longer than 70 bytes";
    if (symbol.n >= SYMBOL_SIZE)
        return false;
    *why = "its time is before 1970";
    if (h->exchange_timestamp_ns < 0)
        return false;
    r->head = h;
    read_extra(k2_interned(in, extra), &r->extra);
    r->publisher =
        (uint16_t)said(&r->extra, SAID_publisher_id, dbn_publisher_of(exchange), UINT16_MAX);
    r->instrument = r->extra.there[SAID_instrument_id]
                        ? (uint32_t)said(&r->extra, SAID_instrument_id, 0, UINT32_MAX)
                        : own_number(w, exchange, symbol);
    number = number < 0 || number > UINT32_MAX ? 0 : number;
    r->sequence = (uint32_t)said(&r->extra, SAID_sequence, (uint64_t)number, UINT32_MAX);
    return true;
}

/* Before the first record of an instrument: which symbol it has. */
static void name_instrument(struct feed_dbn_writer *w, const struct record *r,
                            const struct k2_interner *in, struct k2_buf *out) {
    struct k2_sv symbol = k2_interned(in, r->head->symbol);
    if (symbol.n && !is_number(symbol, r->instrument) &&
        dbn_symbol_set(&w->told, r->instrument, symbol))
        put_mapping(r, symbol, out);
}

static bool write_trade(struct feed_dbn_writer *w, const struct k2_event *e,
                        const struct k2_interner *in, struct k2_buf *out, const char **why) {
    const struct k2_trade *t = &e->trade;
    struct record r;
    struct order o = {.action = 'T', .side = side_of(k2_interned(in, t->side))};
    if (!begin(w, &e->head, e->trade.extra, in, &r, why) || !price_of(t->price, &o.price, why) ||
        !size_of(t->quantity, &o.size, why))
        return false;
    o.flags = flags_of(&r.extra, t->flags);
    o.id = said(&r.extra, SAID_order_id, 0, UINT64_MAX);
    name_instrument(w, &r, in, out);
    if (w->kind == K2_KIND_BOOK_EVENT) {
        put_mbo(&r, &o, out);
        return true;
    }
    uint8_t *p = k2_buf_need(out, TRADE_SIZE);
    put_header(p, TRADE_SIZE, DBN_MBP_0, &r);
    put_price_record(p, &r, &o);
    out->n += TRADE_SIZE;
    return true;
}

static bool write_quote(struct feed_dbn_writer *w, const struct k2_event *e,
                        const struct k2_interner *in, struct k2_buf *out, const char **why) {
    const struct k2_quote *q = &e->quote;
    struct record r;
    int64_t bid, ask;
    uint32_t bid_size, ask_size;
    if (!begin(w, &e->head, e->quote.extra, in, &r, why) || !price_of(q->bid_price, &bid, why) ||
        !price_of(q->ask_price, &ask, why) || !size_of(q->bid_quantity, &bid_size, why) ||
        !size_of(q->ask_quantity, &ask_size, why))
        return false;
    struct order o = {.price = r.extra.price,
                      .size = (uint32_t)said(&r.extra, SAID_size, 0, UINT32_MAX),
                      .flags = flags_of(&r.extra, q->flags),
                      .action = or_char(r.extra.action, 'M'),
                      .side = or_char(r.extra.side, 'N')};
    name_instrument(w, &r, in, out);
    uint8_t *p = k2_buf_need(out, QUOTE_SIZE);
    put_header(p, QUOTE_SIZE, DBN_MBP_1, &r);
    put_price_record(p, &r, &o);
    k2_put_u64(p + 48, (uint64_t)bid);
    k2_put_u64(p + 56, (uint64_t)ask);
    k2_put_u32(p + 64, bid_size);
    k2_put_u32(p + 68, ask_size);
    k2_put_u32(p + 72, (uint32_t)said(&r.extra, SAID_bid_ct, 0, UINT32_MAX));
    k2_put_u32(p + 76, (uint32_t)said(&r.extra, SAID_ask_ct, 0, UINT32_MAX));
    out->n += QUOTE_SIZE;
    return true;
}

/* Letter of a book event's action; EXECUTE is the cancel behind its fill. 0: there is none. */
static char action_of(struct k2_sv action) {
    static const struct {
        const char *name;
        char letter;
    } letters[] = {{"ADD", 'A'},     {"MODIFY", 'M'}, {"CANCEL", 'C'},
                   {"EXECUTE", 'C'}, {"DELETE", 'C'}, {"CLEAR", 'R'}};
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (k2_sv_eq(action, k2_sv_of(letters[i].name)))
            return letters[i].letter;
    return 0;
}

/* Without one only what has none in DBN either: a book that is cleared, and what DBN said. */
static bool read_order_id(const struct k2_book_event *b, const struct k2_interner *in,
                          const struct record *r, struct order *o) {
    if (b->order_id)
        return unsigned_of(k2_interned(in, b->order_id), &o->id);
    return o->action == 'R' || (b->level == K2_NULL_LONG && r->extra.there[SAID_publisher_id]);
}

static bool write_order(struct feed_dbn_writer *w, const struct k2_event *e,
                        const struct k2_interner *in, struct k2_buf *out, const char **why) {
    const struct k2_book_event *b = &e->book_event;
    struct record r;
    struct k2_sv action = k2_interned(in, b->action);
    struct order o = {.action = action_of(action), .side = side_of(k2_interned(in, b->side))};
    if (!begin(w, &e->head, e->book_event.extra, in, &r, why) ||
        !price_of(b->price, &o.price, why) || !size_of(b->quantity, &o.size, why))
        return false;
    *why = "DBN has no record for what happened to the book";
    if (!o.action)
        return false;
    *why = "it is of no order whose id is a number";
    if (!read_order_id(b, in, &r, &o))
        return false;
    o.flags = flags_of(&r.extra, b->flags);
    if (k2_sv_eq(action, K2_SV("DELETE")) && b->quantity == K2_NULL_DECIMAL)
        o.size = SIZE_NOT_KNOWN;
    name_instrument(w, &r, in, out);
    if (k2_sv_eq(action, K2_SV("EXECUTE"))) {
        struct order fill = o;
        fill.action = 'F';
        fill.flags &= (uint8_t)~DBN_FLAG_LAST;
        put_mbo(&r, &fill, out);
    }
    put_mbo(&r, &o, out);
    return true;
}

static bool write_message(struct feed_dbn_writer *w, const struct k2_event *e,
                          const struct k2_interner *in, struct k2_buf *out, const char **why) {
    const struct k2_message *m = &e->message;
    struct record r;
    if (!begin(w, &e->head, e->message.extra, in, &r, why))
        return false;
    *why = "DBN has no record for such a message";
    if (!k2_sv_eq(k2_interned(in, m->message_type), K2_SV("mbo")) || !r.extra.action)
        return false;
    struct order o = {.id = said(&r.extra, SAID_order_id, 0, UINT64_MAX),
                      .price = r.extra.price,
                      .size = (uint32_t)said(&r.extra, SAID_size, 0, UINT32_MAX),
                      .flags = flags_of(&r.extra, m->flags),
                      .action = r.extra.action,
                      .side = or_char(r.extra.side, 'N')};
    name_instrument(w, &r, in, out);
    put_mbo(&r, &o, out);
    return true;
}

static bool wanted(const struct feed_dbn_writer *w, enum k2_kind_id kind) {
    if (w->kind == K2_KIND_TRADE || w->kind == K2_KIND_QUOTE)
        return kind == w->kind;
    return w->kind != K2_KIND_BOOK_EVENT || kind != K2_KIND_QUOTE;
}

bool feed_dbn_write(struct feed_dbn_writer *w, const struct k2_event *e,
                    const struct k2_interner *in, struct k2_buf *out, const char **why) {
    *why = "the stream's schema has no place for its kind";
    if (!wanted(w, e->kind))
        return false;
    switch (e->kind) {
    case K2_KIND_TRADE:
        return write_trade(w, e, in, out, why);
    case K2_KIND_QUOTE:
        return write_quote(w, e, in, out, why);
    case K2_KIND_BOOK_EVENT:
        return write_order(w, e, in, out, why);
    case K2_KIND_MESSAGE:
        return write_message(w, e, in, out, why);
    default:
        *why = "DBN is written of trades, quotes and orders only";
        return false;
    }
}
