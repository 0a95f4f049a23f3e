/* feed/venue/bitstamp.c - messages of Bitstamp: WebSocket v2, the order book of REST, and logs of the older
 * Pusher channels (RECEIVED EVENT JSON, whose channels without a pair in their name are of BTC/USD).
 *
 *   trade            channel live_trades_PAIR; number: id, which counts the trades of all pairs together
 *   order_book_PAIR  the best levels, all of them each time; number: microtimestamp
 *   diff_order_book_PAIR, detail_order_book_PAIR  levels; orders
 *   order_created, order_changed, order_deleted   channel live_orders_PAIR: orders, no number
 *
 * Amounts and prices are JSON numbers printed from doubles (1.7885566900000001); where the same stands as text
 * beside them (amount_str) that is taken. Else, where a number has more digits than a quantity and there
 * is a decimal of eight places, which is what the venue trades in, that is the same double, it is meant; the
 * number as it was sent is then in extra.
 */
#include "feed/venue/venue.h"

#define PLACES 8 /* of amounts and prices */
#define FINE 28  /* places that doubles are compared with */

enum { KEEP_AMOUNT, KEEP_PRICE, KEEP_BIDS, KEEP_ASKS };

static const struct vj_field trade_fields[] = {
    VJ("id", NUMBER, 0),
    VJ("timestamp", KEEP, 4),
    VJ("amount", KEEP, KEEP_AMOUNT),
    VJ("amount_str", QUANTITY, VJ_quantity),
    VJ("price", KEEP, KEEP_PRICE),
    VJ("price_str", PRICE, VJ_price),
    VJ("type", SIDE, 0),
    VJ("microtimestamp", TIME, VJ_US),
    VJ("buy_order_id", EXTRA, 0),
    VJ("sell_order_id", EXTRA, 0),
};

static const struct vj_field order_fields[] = {
    VJ("id", TEXT, VJ_order_id),
    VJ("id_str", DROP, 0),
    VJ("order_type", SIDE, 0),
    VJ("datetime", EXTRA, 0),
    VJ("microtimestamp", TIME, VJ_US),
    VJ("amount", KEEP, KEEP_AMOUNT),
    VJ("amount_str", QUANTITY, VJ_quantity),
    VJ("price", KEEP, KEEP_PRICE),
    VJ("price_str", PRICE, VJ_price),
};

static const struct vj_field book_fields[] = {
    VJ("timestamp", DROP, 0),
    VJ("microtimestamp", NUMBER, 0),
    VJ("bids", KEEP, KEEP_BIDS),
    VJ("asks", KEEP, KEEP_ASKS),
};

/* --- numbers that are doubles --- */

/* The decimal of eight places that is the same double as a decimal of FINE places, at `scale`; false if there
 * is none. Neighbouring doubles are 2^-52 apart, relative to their size. */
static bool same_double(k2_i128 value, int scale, k2_i128 *out) {
    k2_i128 unit = k2_pow10(FINE - PLACES), near = (value + unit / 2) / unit;
    k2_i128 distance = value > near * unit ? value - near * unit : near * unit - value;
    *out = near * k2_pow10(scale - PLACES);
    return distance < ((k2_i128)1 << 74) && (distance << 52) <= value;
}

/* A number that has no text beside it. */
static void read_double(struct vj *v, const struct vj_field *f, uint32_t at) {
    struct vj_item *m = &v->item;
    int scale = f->role == VJ_PRICE ? K2_PRICE_SCALE : K2_QUANTITY_SCALE;
    k2_i128 value;
    if (m->seen_decimals[f->slot] || !at)
        return;
    char out[VJ_NUMBER_TEXT];
    struct k2_sv text = vj_text(v, at), plain = text;
    if (vj_type(v, at) == JSON_NUMBER && vj_write_plainly(&plain, out) == K2_OK &&
        k2_decimal_parse(plain, 38, scale, &value, NULL) == K2_E_RANGE &&
        k2_decimal_parse(plain, 38, FINE, &value, NULL) == K2_OK && value >= 0 &&
        same_double(value, scale, &m->decimal[f->slot]) &&
        k2_decimal_fits(m->decimal[f->slot], K2_PRICE_PRECISION)) {
        m->seen_decimals[f->slot] = 1;
        vj_extra(v, (struct k2_sv){f->name, f->n}, text);
    } else {
        vj_read_value(v, f, at);
    }
}

static void read_numbers(struct vj *v) {
    static const struct vj_field amount = VJ("amount", QUANTITY, VJ_quantity),
                                 price = VJ("price", PRICE, VJ_price);
    read_double(v, &amount, v->item.keep[KEEP_AMOUNT]);
    read_double(v, &price, v->item.keep[KEEP_PRICE]);
}

/* --- the types --- */

/* "btcusd" of "live_trades_btcusd". */
static void read_pair(struct vj *v, struct k2_sv channel) {
    size_t n = channel.n;
    while (n && channel.p[n - 1] != '_')
        n--;
    if (v->item.record->word.n || !channel.n)
        vj_symbol(v, v->symbol ? k2_sv_of(v->symbol) : K2_SV("btcusd"));
    else
        vj_symbol(v, (struct k2_sv){channel.p + n, channel.n - n});
}

static int take_trade(struct vj *v, const struct json_record *r, uint32_t at,
                      struct k2_sv channel) {
    static const struct vj_table table = VJ_TABLE(trade_fields);
    static const struct vj_field seconds = VJ("timestamp", TIME, VJ_S);
    struct vj_item *m = vj_begin(v, r, at);
    m->numbered = m->sparse = true;
    read_pair(v, channel);
    vj_read(v, at, &table);
    if (m->ns == K2_NULL_LONG && m->keep[4])
        vj_read_value(v, &seconds, m->keep[4]);
    vj_time_of_receipt(v);
    read_numbers(v);
    return vj_trade(v);
}

static int take_order(struct vj *v, const struct json_record *r, uint32_t at, struct k2_sv channel,
                      const char *action) {
    static const struct vj_table table = VJ_TABLE(order_fields);
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = "@live_orders";
    read_pair(v, channel);
    vj_read(v, at, &table);
    vj_time_of_receipt(v);
    read_numbers(v);
    if (!m->text[VJ_order_id].n || !m->side || !m->seen_decimals[VJ_price] ||
        !m->seen_decimals[VJ_quantity])
        (void)vj_fault(v, "MALFORMED", "the order has no id, side, price and amount", m->raw);
    struct vj_level *l = vj_add_level(v, m->side && m->side[0] == 'S');
    l->action = action;
    l->order_id = m->text[VJ_order_id];
    l->price = m->decimal[VJ_price];
    l->quantity = m->decimal[VJ_quantity];
    return vj_book(v, false, action);
}

static int take_book(struct vj *v, const struct json_record *r, uint32_t at, struct k2_sv channel,
                     struct k2_sv pair, bool snapshot) {
    static const struct vj_table table = VJ_TABLE(book_fields);
    static const struct vj_field more_fields[] = {VJ("order_id", EXTRA, 0)};
    static const struct vj_table more = VJ_TABLE(more_fields);
    static const struct vj_field time = VJ("microtimestamp", TIME, VJ_US);
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = vj_contains(channel, "detail_") ? "@detail_order_book"
                : snapshot                      ? "@order_book"
                                                : "@diff_order_book";
    if (pair.n)
        vj_symbol(v, pair);
    else
        read_pair(v, channel);
    vj_read(v, at, &table);
    m->sparse = m->number != K2_NULL_LONG;
    if (m->sparse)
        vj_read_value(v, &time, vj_member(v, at, "microtimestamp"));
    vj_time_of_receipt(v);
    vj_levels(v, m->keep[KEEP_BIDS], false, &more);
    vj_levels(v, m->keep[KEEP_ASKS], true, &more);
    return vj_book(v, snapshot, "diff_order_book");
}

/* --- a message --- */

static const struct {
    const char *event, *action;
} orders[] = {{"order_created", "ADD"}, {"order_changed", "MODIFY"}, {"order_deleted", "DELETE"}};

static int take_event(struct vj *v, const struct json_record *r, uint32_t data, struct k2_sv event,
                      struct k2_sv channel) {
    struct k2_sv none = {NULL, 0};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (k2_sv_eq(event, k2_sv_of(orders[i].event)))
            return take_order(v, r, data, channel, orders[i].action);
    if (k2_sv_eq(event, K2_SV("trade")))
        return take_trade(v, r, data, channel);
    if (k2_sv_eq(event, K2_SV("order_book")))
        return take_book(v, r, data, none, none, true);
    if (k2_sv_eq(event, K2_SV("data")) && vj_member(v, data, "bids"))
        return take_book(v, r, data, channel, none, !vj_contains(channel, "diff_"));
    return vj_filtered(v, "other message");
}

static int take(struct vj *v, const struct json_record *r) {
    struct k2_sv pair = vj_part(r->url, "order_book/", '/'), none = {NULL, 0};
    if (vj_token(v, 0)->type != JSON_OBJECT)
        return vj_answer(v, r, "other message");
    if (r->answer && pair.n && vj_member(v, 0, "bids"))
        return take_book(v, r, 0, none, pair, true);
    if (r->answer)
        return vj_answer(v, r, "the answer to a request");
    if (r->word.n)
        return take_event(v, r, 0, r->word, none);
    uint32_t data = vj_member(v, 0, "data");
    if (vj_type(v, data) != JSON_OBJECT)
        return vj_filtered(v, "other message");
    return take_event(v, r, data, vj_member_text(v, 0, "event"), vj_member_text(v, 0, "channel"));
}

/* --- the feed --- */

static int shape(struct k2_sv text, const char **why) {
    *why = "the first message has the form of Bitstamp's";
    if (vj_names(text, "event") && vj_names(text, "channel") &&
        (vj_contains(text, "live_") || vj_contains(text, "order_book_") ||
         vj_contains(text, "\"bts:")))
        return 90;
    if (vj_names(text, "url_symbol") && vj_names(text, "base_decimals"))
        return 80;
    return vj_names(text, "order_type") && vj_names(text, "amount") && vj_names(text, "datetime")
               ? 85
               : 0;
}

static const char *const codes[] = {"BITSTAMP", NULL};
static const char *const hosts[] = {"bitstamp.net", NULL};
static const struct vj_venue venue = {.codes = codes, .hosts = hosts, .take = take, .shape = shape};

VJ_FEED(
    bitstamp, "Bitstamp: trades, order book by levels and by orders, JSON messages as captured",
    "id of a trade and microtimestamp of a book, which have holes; else the place in its channel",
    {"specification", "document",
     "Bitstamp WebSocket API v2, and the Pusher channels before it; HTTP API v2: order book"},
    {"file name", "any", "symbol and date come from the messages"},
    {"line", "a log of events", "1430438404518 order_created {\"price\": \"236.47\", ...}"},
    {"trade", "trade", "number id; amount_str and price_str where they are"},
    {"book_event", "order_created, order_changed, order_deleted",
     "ADD, MODIFY, DELETE of an order"},
    {"book_event", "order_book, diff_order_book", "levels; number microtimestamp"},
    {"instrument", "trading-pairs-info",
     "channel SYMBOL@instruments; what has no column is in extra"},
    {"message", "other answers to requests", "channel *@answers, named by the request"},
    {"other", "answers to subscriptions", "are filtered"}, )
