/* feed/print.c - events written as the venue would have sent them, for `k2 simulate --print`. */
#include "feed/feed_int.h"

static void put_decimal(struct k2_buf *out, k2_i128 value, int scale) {
    char text[K2_DECIMAL_TEXT];
    if (value == K2_NULL_DECIMAL)
        value = 0;
    size_t n = k2_decimal_format_short(value, scale, text);
    k2_buf_put(out, text, n);
}

/* The first string of a list, or the value of the map's key; empty if there is none. */
static struct k2_sv in_blob(struct k2_sv blob, struct k2_sv key) {
    struct k2_sv k, v;
    while (k2_blob_next(&blob, &k)) {
        if (key.n == 0)
            return k;
        if (k2_blob_next(&blob, &v) && k2_sv_eq(k, key))
            return v;
    }
    return (struct k2_sv){NULL, 0};
}

static const struct k2_zone *sydney(void) {
    const struct feed_calendar *c;
    return feed_calendar_find(K2_SV("ASX"), NULL, &c, NULL) == K2_OK ? feed_calendar_zone(c) : NULL;
}

static void put_wall_clock(struct k2_buf *out, int64_t ns) {
    const struct k2_zone *zone = sydney();
    int64_t local = ns + k2_zone_offset(zone, ns) * K2_NS_PER_SEC;
    int32_t day = k2_date_of(local);
    int64_t ms = (local - day * K2_NS_PER_DAY) / K2_NS_PER_MS;
    int y, m, d;
    k2_civil_from_days(day, &y, &m, &d);
    k2_buf_printf(out, "%02d/%02d/%04d,%02d:%02d:%02d.%03d", m, d, y, (int)(ms / 3600000),
                  (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
}

static void print_asx_trade(const struct k2_trade *t, const struct k2_interner *in,
                            struct k2_buf *out) {
    put_wall_clock(out, t->exchange_timestamp_ns);
    k2_buf_byte(out, ',');
    put_decimal(out, t->price, K2_PRICE_SCALE);
    k2_buf_byte(out, ',');
    put_decimal(out, t->quantity, K2_QUANTITY_SCALE);
    k2_buf_byte(out, ',');
    k2_buf_sv(out, in_blob(k2_interned(in, t->conditions), K2_SV("")));
    k2_buf_byte(out, ',');
    k2_buf_sv(out, k2_interned(in, t->venue));
    k2_buf_byte(out, ',');
    k2_buf_sv(out, in_blob(k2_interned(in, t->extra), K2_SV("column7")));
    k2_buf_str(out, "\r\n");
}

static void print_asx_quote(const struct k2_quote *q, struct k2_buf *out) {
    put_wall_clock(out, q->exchange_timestamp_ns);
    k2_buf_byte(out, ',');
    put_decimal(out, q->bid_price, K2_PRICE_SCALE);
    k2_buf_byte(out, ',');
    put_decimal(out, q->ask_price, K2_PRICE_SCALE);
    k2_buf_byte(out, ',');
    put_decimal(out, q->bid_quantity, K2_QUANTITY_SCALE);
    k2_buf_byte(out, ',');
    put_decimal(out, q->ask_quantity, K2_QUANTITY_SCALE);
    k2_buf_str(out, "\r\n");
}

void feed_asx_print(const struct k2_event *e, const struct k2_interner *in, struct k2_buf *out) {
    if (e->kind == K2_KIND_TRADE)
        print_asx_trade(&e->trade, in, out);
    else if (e->kind == K2_KIND_QUOTE)
        print_asx_quote(&e->quote, out);
}

static void put_stream(struct k2_buf *out, struct k2_sv symbol, const char *stream,
                       int64_t receive_ns) {
    if (receive_ns != K2_NULL_LONG)
        k2_buf_printf(out, "%lld ", (long long)receive_ns);
    k2_buf_str(out, "{\"stream\":\"");
    for (size_t i = 0; i < symbol.n; i++) {
        char c = symbol.p[i];
        k2_buf_byte(out, (uint8_t)(c >= 'A' && c <= 'Z' ? c | 32 : c));
    }
    k2_buf_printf(out, "@%s\",\"data\":", stream);
}

static void put_text(struct k2_buf *out, const char *name, k2_i128 value, int scale) {
    k2_buf_printf(out, ",\"%s\":\"", name);
    put_decimal(out, value, scale);
    k2_buf_byte(out, '"');
}

/* A symbol or code; what JSON would have to escape is none, and is left out. */
static void put_word(struct k2_buf *out, const char *name, struct k2_sv word) {
    k2_buf_printf(out, ",\"%s\":\"", name);
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] != '"' && word.p[i] != '\\' && (uint8_t)word.p[i] >= 0x20)
            k2_buf_byte(out, (uint8_t)word.p[i]);
    k2_buf_byte(out, '"');
}

static void put_order_id(struct k2_buf *out, const char *name, struct k2_sv id) {
    if (id.n)
        k2_buf_printf(out, ",\"%s\":%.*s", name, K2_SV_ARG(id));
}

/* Futures carry the kind of the match in X, spot a constant M. */
static void print_binance_trade(const struct k2_trade *t, const struct k2_interner *in,
                                struct k2_buf *out) {
    struct k2_sv symbol = k2_interned(in, t->symbol), exchange = k2_interned(in, t->exchange);
    struct k2_sv extra = k2_interned(in, t->extra);
    long long ms = (long long)(t->exchange_timestamp_ns / K2_NS_PER_MS);
    put_stream(out, symbol, "trade", t->receive_timestamp_ns);
    k2_buf_printf(out, "{\"e\":\"trade\",\"E\":%lld", ms);
    put_word(out, "s", symbol);
    k2_buf_printf(out, ",\"t\":%lld", (long long)t->exchange_sequence_number);
    put_text(out, "p", t->price, K2_PRICE_SCALE);
    put_text(out, "q", t->quantity, K2_QUANTITY_SCALE);
    put_order_id(out, "b", in_blob(extra, K2_SV("buyer_order_id")));
    put_order_id(out, "a", in_blob(extra, K2_SV("seller_order_id")));
    k2_buf_printf(out, ",\"T\":%lld", ms);
    if (k2_sv_starts(exchange, K2_SV("BINANCE-")))
        put_word(out, "X", in_blob(k2_interned(in, t->conditions), K2_SV("")));
    if (t->side)
        k2_buf_printf(out, ",\"m\":%s",
                      k2_sv_eq(k2_interned(in, t->side), K2_SV("SELL")) ? "true" : "false");
    k2_buf_str(out, k2_sv_starts(exchange, K2_SV("BINANCE-")) ? "}}\n" : ",\"M\":true}}\n");
}

static void print_binance_quote(const struct k2_quote *q, const struct k2_interner *in,
                                struct k2_buf *out) {
    struct k2_sv symbol = k2_interned(in, q->symbol);
    put_stream(out, symbol, "bookTicker", q->receive_timestamp_ns);
    k2_buf_printf(out, "{\"u\":%lld", (long long)q->exchange_sequence_number);
    put_word(out, "s", symbol);
    put_text(out, "b", q->bid_price, K2_PRICE_SCALE);
    put_text(out, "B", q->bid_quantity, K2_QUANTITY_SCALE);
    put_text(out, "a", q->ask_price, K2_PRICE_SCALE);
    put_text(out, "A", q->ask_quantity, K2_QUANTITY_SCALE);
    k2_buf_str(out, "}}\n");
}

void feed_binance_print(const struct k2_event *e, const struct k2_interner *in,
                        struct k2_buf *out) {
    if (e->kind == K2_KIND_TRADE)
        print_binance_trade(&e->trade, in, out);
    else if (e->kind == K2_KIND_QUOTE)
        print_binance_quote(&e->quote, in, out);
}
