/* feed/venue/coinbase.c - messages of Coinbase: the Exchange feed and Advanced Trade.
 *
 * Exchange WebSocket feed (docs.cdp.coinbase.com, "Exchange: WebSocket channels"): an object with a type.
 *   match, last_match   a trade; number: trade_id of the product. "The side field indicates the maker order
 *                       side", so the aggressor is the other one. Of a source of the full channel it is an
 *                       EXECUTE of the maker's order too.
 *   received, open, done, change, activate   the full channel: book events and messages on the channel
 *                       PRODUCT@full, whose number, sequence, counts all types of it ("increasing integer
 *                       values for each product, with each new message being exactly one sequence number
 *                       greater than the one before it")
 *   snapshot, l2update  levels, without a number: channel PRODUCT@level2
 *   ticker              a quote and figures; sequence, with holes
 *   heartbeat           a message; sequence, with holes
 *   status              an instrument's state for each product
 * Advanced Trade: channel, timestamp, sequence_num, events. sequence_num counts all messages of a connection,
 * of every channel: number space "*@advanced", and its restarts are epochs. Trades are numbered by their own
 * trade_id; a message of trades has a `message` for the number that it uses up.
 */
#include "feed/venue/venue.h"

#define OWN_FULL 0   /* the source is of the full channel */
#define OWN_NUMBER 1 /* the last sequence_num + 1; 0 = none yet */
#define OWN_EPOCH 2

enum { KEEP_ORDER, KEEP_SEQUENCE, KEEP_BIDS, KEEP_ASKS };

/* --- the Exchange feed --- */

static const struct vj_field match_fields[] = {
    VJ("type", DROP, 0),
    VJ("trade_id", NUMBER, 0),
    VJ_AS("maker_order_id", EXTRA, "maker_order_id"),
    VJ_AS("taker_order_id", EXTRA, "taker_order_id"),
    VJ("side", MAKER, 0),
    VJ("size", QUANTITY, VJ_quantity),
    VJ("price", PRICE, VJ_price),
    VJ("product_id", SYMBOL, 0),
    VJ_AS("sequence", EXTRA, "sequence"),
    VJ("time", TIME_ISO, 0),
};

static const struct vj_field execute_fields[] = {
    VJ("type", DROP, 0),
    VJ("trade_id", TEXT, VJ_trade_id),
    VJ("maker_order_id", TEXT, VJ_order_id),
    VJ_AS("taker_order_id", EXTRA, "taker_order_id"),
    VJ("side", SIDE, 0),
    VJ("size", QUANTITY, VJ_quantity),
    VJ("price", PRICE, VJ_price),
    VJ("product_id", SYMBOL, 0),
    VJ("sequence", NUMBER, 0),
    VJ("time", TIME_ISO, 0),
};

static const struct vj_field open_fields[] = {
    VJ("type", DROP, 0),
    VJ("order_id", TEXT, VJ_order_id),
    VJ("side", SIDE, 0),
    VJ("price", PRICE, VJ_price),
    VJ("remaining_size", QUANTITY, VJ_quantity),
    VJ("product_id", SYMBOL, 0),
    VJ("sequence", NUMBER, 0),
    VJ("time", TIME_ISO, 0),
};

static const struct vj_field done_fields[] = {
    VJ("type", DROP, 0),         VJ("order_id", TEXT, VJ_order_id),
    VJ("side", SIDE, 0),         VJ("price", PRICE, VJ_price),
    VJ("product_id", SYMBOL, 0), VJ("sequence", NUMBER, 0),
    VJ("time", TIME_ISO, 0),     VJ("remaining_size", QUANTITY, VJ_quantity),
};

static const struct vj_field change_fields[] = {
    VJ("type", DROP, 0),
    VJ("order_id", TEXT, VJ_order_id),
    VJ("side", SIDE, 0),
    VJ("price", PRICE, VJ_price),
    VJ_AS("old_price", EXTRA, "old_price"),
    VJ("new_price", PRICE, VJ_price),
    VJ("new_size", QUANTITY, VJ_quantity),
    VJ("product_id", SYMBOL, 0),
    VJ("sequence", NUMBER, 0),
    VJ("time", TIME_ISO, 0),
};

static const struct vj_field other_fields[] = {
    VJ("type", DROP, 0),
    VJ("product_id", SYMBOL, 0),
    VJ("sequence", NUMBER, 0),
    VJ("time", TIME_ISO, 0),
};

static const struct vj_field snapshot_fields[] = {
    VJ("type", DROP, 0),         VJ("product_id", SYMBOL, 0), VJ("bids", KEEP, KEEP_BIDS),
    VJ("asks", KEEP, KEEP_ASKS), VJ("time", TIME_ISO, 0),
};

static const struct vj_field l2update_fields[] = {
    VJ("type", DROP, 0),
    VJ("product_id", SYMBOL, 0),
    VJ("changes", KEEP, KEEP_BIDS),
    VJ("time", TIME_ISO, 0),
};

static const struct vj_field ticker_fields[] = {
    VJ("type", DROP, 0),
    VJ("sequence", NUMBER, 0),
    VJ("product_id", SYMBOL, 0),
    VJ_AS("price", STAT, "LAST"),
    VJ_AS("open_24h", STAT, "OPEN"),
    VJ_AS("volume_24h", STAT_SIZE, "VOLUME"),
    VJ_AS("low_24h", STAT, "LOW"),
    VJ_AS("high_24h", STAT, "HIGH"),
    VJ_AS("volume_30d", STAT_SIZE, "VOLUME_30D"),
    VJ("best_bid", PRICE, VJ_bid_price),
    VJ("best_bid_size", QUANTITY, VJ_bid_quantity),
    VJ("best_ask", PRICE, VJ_ask_price),
    VJ("best_ask_size", QUANTITY, VJ_ask_quantity),
    VJ("time", TIME_ISO, 0),
    VJ_AS("last_size", STAT_SIZE, "LAST_QUANTITY"),
};

static int take_order(struct vj *v, const struct json_record *r, const struct vj_table *table,
                      const char *action) {
    struct vj_item *m = vj_begin(v, r, 0);
    m->suffix = "@full";
    m->shared = true;
    vj_read(v, 0, table);
    if (!m->text[VJ_order_id].n || !m->side)
        (void)vj_fault(v, "MALFORMED", "the message names no order and side", m->raw);
    m->numbered = true;
    struct vj_level *l = vj_add_level(v, m->side && m->side[0] == 'S');
    l->action = action;
    l->order_id = m->text[VJ_order_id];
    l->trade_id = m->text[VJ_trade_id];
    l->price = m->seen_decimals[VJ_price] ? m->decimal[VJ_price] : K2_NULL_DECIMAL;
    l->quantity = m->seen_decimals[VJ_quantity] ? m->decimal[VJ_quantity] : K2_NULL_DECIMAL;
    return vj_book(v, false, action);
}

static int take_open(struct vj *v, const struct json_record *r) {
    static const struct vj_table table = VJ_TABLE(open_fields);
    v->own[OWN_FULL] = 1;
    return take_order(v, r, &table, "ADD");
}

static int take_done(struct vj *v, const struct json_record *r) {
    static const struct vj_table table = VJ_TABLE(done_fields);
    v->own[OWN_FULL] = 1;
    return take_order(v, r, &table, "DELETE");
}

static int take_change(struct vj *v, const struct json_record *r) {
    static const struct vj_table table = VJ_TABLE(change_fields);
    v->own[OWN_FULL] = 1;
    return take_order(v, r, &table, "MODIFY");
}

static int take_numbered(struct vj *v, const struct json_record *r) {
    static const struct vj_table table = VJ_TABLE(other_fields);
    struct k2_sv type = vj_member_text(v, 0, "type");
    struct vj_item *m = vj_begin(v, r, 0);
    m->suffix = "@full";
    m->shared = true;
    v->own[OWN_FULL] = 1;
    vj_read(v, 0, &table);
    m->numbered = true;
    return vj_message(v, type);
}

static int take_match(struct vj *v, const struct json_record *r) {
    static const struct vj_table table = VJ_TABLE(match_fields), execute = VJ_TABLE(execute_fields);
    struct vj_item *m = vj_begin(v, r, 0);
    vj_read(v, 0, &table);
    m->numbered = true;
    bool good = !m->bad;
    int rc = vj_trade(v);
    if (rc != K2_OK || !good || !v->own[OWN_FULL] || vj_member_is(v, 0, "type", "last_match"))
        return rc;
    return take_order(v, r, &execute, "EXECUTE");
}

static int take_snapshot(struct vj *v, const struct json_record *r) {
    static const struct vj_table table = VJ_TABLE(snapshot_fields);
    struct vj_item *m = vj_begin(v, r, 0);
    m->suffix = "@level2";
    vj_read(v, 0, &table);
    vj_time_of_receipt(v);
    vj_levels(v, m->keep[KEEP_BIDS], false, NULL);
    vj_levels(v, m->keep[KEEP_ASKS], true, NULL);
    return vj_book(v, true, "snapshot");
}

/* [side, price, size] */
static void read_change(struct vj *v, uint32_t at) {
    uint32_t side = vj_element(v, at, 0), price = vj_element(v, at, 1), size = vj_element(v, at, 2);
    bool sell = side && k2_sv_eq(vj_text(v, side), K2_SV("sell"));
    if (!size || vj_type(v, price) > JSON_NUMBER || vj_type(v, size) > JSON_NUMBER ||
        (!sell && !k2_sv_eq(vj_text(v, side), K2_SV("buy")))) {
        (void)vj_fault(v, "MALFORMED", "a change is no side, price and size", vj_text(v, at));
        return;
    }
    struct vj_level *l = vj_add_level(v, sell);
    if (!vj_decimal(v, vj_text(v, price), true, &l->price, "the price of a level is no number") ||
        !vj_decimal(v, vj_text(v, size), false, &l->quantity, "the size of a level is no number"))
        return;
    vj_set_or_delete(l);
}

static int take_l2update(struct vj *v, const struct json_record *r) {
    static const struct vj_table table = VJ_TABLE(l2update_fields);
    struct vj_item *m = vj_begin(v, r, 0);
    m->suffix = "@level2";
    vj_read(v, 0, &table);
    uint32_t list = m->keep[KEEP_BIDS];
    if (vj_type(v, list) != JSON_ARRAY)
        (void)vj_fault(v, "MALFORMED", "the update has no changes", m->raw);
    else
        for (uint32_t i = vj_first(list); i < vj_end(v, list); i = vj_next(v, i))
            read_change(v, i);
    return vj_book(v, false, "l2update");
}

static int take_ticker(struct vj *v, const struct json_record *r) {
    static const struct vj_table table = VJ_TABLE(ticker_fields);
    struct vj_item *m = vj_begin(v, r, 0);
    m->suffix = "@ticker";
    m->sparse = true;
    vj_read(v, 0, &table);
    vj_time_of_receipt(v);
    return vj_quote_and_figures(v, K2_SV("ticker"));
}

static int take_heartbeat(struct vj *v, const struct json_record *r) {
    static const struct vj_table table = VJ_TABLE(other_fields);
    struct vj_item *m = vj_begin(v, r, 0);
    m->suffix = "@heartbeat";
    m->sparse = true;
    vj_read(v, 0, &table);
    return vj_message(v, K2_SV("heartbeat"));
}

static const struct vj_field product_fields[] = {
    VJ("id", SYMBOL, 0),
    VJ("status", TEXT, VJ_status),
    VJ("status_message", TEXT, VJ_reason),
};

static int take_status(struct vj *v, const struct json_record *r) {
    static const struct vj_table table = VJ_TABLE(product_fields);
    uint32_t list = vj_member(v, 0, "products");
    int rc = K2_OK;
    if (vj_type(v, list) != JSON_ARRAY || vj_end(v, list) == vj_first(list))
        return vj_filtered(v, "status without products");
    for (uint32_t i = vj_first(list); i < vj_end(v, list) && rc == K2_OK; i = vj_next(v, i)) {
        vj_begin(v, r, i)->suffix = "@status";
        vj_read(v, i, &table);
        vj_time_of_receipt(v);
        rc = vj_status(v);
    }
    return rc;
}

/* --- Advanced Trade --- */

static const struct vj_field market_trade_fields[] = {
    VJ("trade_id", NUMBER, 0),         VJ("product_id", SYMBOL, 0), VJ("price", PRICE, VJ_price),
    VJ("size", QUANTITY, VJ_quantity), VJ("side", MAKER, 0),        VJ("time", TIME_ISO, 0),
};

static const struct vj_field level_fields[] = {
    VJ("side", SIDE, 0),
    VJ_AS("event_time", EXTRA, "event_time"),
    VJ("price_level", PRICE, VJ_price),
    VJ("new_quantity", QUANTITY, VJ_quantity),
};

static const struct vj_field advanced_ticker_fields[] = {
    VJ("type", DROP, 0),
    VJ("product_id", SYMBOL, 0),
    VJ_AS("price", STAT, "LAST"),
    VJ_AS("volume_24_h", STAT_SIZE, "VOLUME"),
    VJ_AS("low_24_h", STAT, "LOW"),
    VJ_AS("high_24_h", STAT, "HIGH"),
    VJ_AS("low_52_w", STAT, "LOW_52W"),
    VJ_AS("high_52_w", STAT, "HIGH_52W"),
    VJ_AS("price_percent_chg_24_h", EXTRA, "price_percent_chg_24_h"),
    VJ("best_bid", PRICE, VJ_bid_price),
    VJ("best_bid_quantity", QUANTITY, VJ_bid_quantity),
    VJ("best_ask", PRICE, VJ_ask_price),
    VJ("best_ask_quantity", QUANTITY, VJ_ask_quantity),
};

static const struct vj_field candle_fields[] = {
    VJ("start", TIME, VJ_S),     VJ("high", PRICE, VJ_high),   VJ("low", PRICE, VJ_low),
    VJ("open", PRICE, VJ_open),  VJ("close", PRICE, VJ_close), VJ("volume", QUANTITY, VJ_volume),
    VJ("product_id", SYMBOL, 0),
};

static const struct vj_field envelope_fields[] = {
    VJ("channel", DROP, 0),       VJ("client_id", EXTRA, 0),
    VJ("timestamp", TIME_ISO, 0), VJ_AS("sequence_num", NUMBER, "sequence_num"),
    VJ("events", EXTRA, 0),
};

struct advanced { /* what is around the events of a message */
    int64_t ns, number;
    struct k2_sv channel, number_text;
};

static struct vj_item *begin_entry(struct vj *v, const struct json_record *r, uint32_t at,
                                   const struct advanced *a, const char *suffix) {
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = suffix;
    m->ns = a->ns;
    vj_extra(v, K2_SV("sequence_num"), a->number_text);
    return m;
}

static int take_market_trade(struct vj *v, const struct json_record *r, uint32_t at,
                             const struct advanced *a) {
    static const struct vj_table table = VJ_TABLE(market_trade_fields);
    struct vj_item *m = begin_entry(v, r, at, a, "");
    vj_read(v, at, &table);
    m->numbered = true;
    return vj_trade(v);
}

static int take_advanced_ticker(struct vj *v, const struct json_record *r, uint32_t at,
                                const struct advanced *a) {
    static const struct vj_table table = VJ_TABLE(advanced_ticker_fields);
    begin_entry(v, r, at, a, "@ticker");
    vj_read(v, at, &table);
    return vj_quote_and_figures(v, K2_SV("ticker"));
}

static int take_candle(struct vj *v, const struct json_record *r, uint32_t at,
                       const struct advanced *a) {
    static const struct vj_table table = VJ_TABLE(candle_fields);
    struct vj_item *m = begin_entry(v, r, at, a, "@candles");
    vj_read(v, at, &table);
    m->interval_ns = 300 * K2_NS_PER_SEC; /* "candles are grouped into buckets of five minutes" */
    return vj_bar(v);
}

/* An event of the level2 channel is one change of a product's book. */
static int take_advanced_levels(struct vj *v, const struct json_record *r, uint32_t at,
                                const struct advanced *a) {
    static const struct vj_table table = VJ_TABLE(level_fields);
    begin_entry(v, r, at, a, "@level2");
    vj_symbol(v, vj_member_text(v, at, "product_id"));
    vj_level_objects(v, vj_member(v, at, "updates"), NULL, &table);
    return vj_book(v, vj_member_is(v, at, "type", "snapshot"), "l2_data");
}

static int
take_list(struct vj *v, const struct json_record *r, uint32_t list, const struct advanced *a,
          int (*take)(struct vj *, const struct json_record *, uint32_t, const struct advanced *)) {
    int rc = K2_OK;
    if (vj_type(v, list) != JSON_ARRAY)
        return K2_OK;
    for (uint32_t i = vj_first(list); i < vj_end(v, list) && rc == K2_OK; i = vj_next(v, i))
        rc = take(v, r, i, a);
    return rc;
}

static int take_event(struct vj *v, const struct json_record *r, uint32_t at,
                      const struct advanced *a) {
    if (k2_sv_eq(a->channel, K2_SV("l2_data")))
        return take_advanced_levels(v, r, at, a);
    if (k2_sv_eq(a->channel, K2_SV("market_trades")))
        return take_list(v, r, vj_member(v, at, "trades"), a, take_market_trade);
    if (k2_sv_eq(a->channel, K2_SV("candles")))
        return take_list(v, r, vj_member(v, at, "candles"), a, take_candle);
    return take_list(v, r, vj_member(v, at, "tickers"), a, take_advanced_ticker);
}

/* Whether the events have rows of their own; else they are in the message's extra. */
static bool has_rows(struct k2_sv channel) {
    static const char *const rows[] = {"l2_data", "market_trades", "candles", "ticker",
                                       "ticker_batch"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (k2_sv_eq(channel, k2_sv_of(rows[i])))
            return true;
    return false;
}

static int take_envelope(struct vj *v, const struct json_record *r, struct advanced *a) {
    static const struct vj_table whole = VJ_TABLE(envelope_fields);
    struct vj_item *m = vj_begin(v, r, 0);
    m->suffix = "@advanced";
    m->symbol = K2_SV("*");
    m->shared = true;
    vj_read(v, 0, &whole);
    if (has_rows(a->channel) && m->n_pairs && !m->bad)
        m->n_pairs -= k2_sv_eq(m->pair[m->n_pairs - 1].key, K2_SV("events"));
    m->numbered = true;
    if (v->own[OWN_NUMBER] && m->number < v->own[OWN_NUMBER] && !m->bad)
        v->own[OWN_EPOCH]++;
    m->epoch = (int32_t)(v->own[OWN_EPOCH] & INT32_MAX);
    if (!m->bad)
        v->own[OWN_NUMBER] = m->number + 1;
    a->ns = m->ns;
    a->number = m->number;
    return m->bad ? -1 : 0;
}

static int take_advanced(struct vj *v, const struct json_record *r, struct k2_sv channel) {
    struct advanced a = {.channel = channel, .number_text = vj_member_text(v, 0, "sequence_num")};
    int bad = take_envelope(v, r, &a);
    int rc = vj_message(v, channel);
    uint32_t list = vj_member(v, 0, "events");
    if (rc != K2_OK || bad || !has_rows(channel) || vj_type(v, list) != JSON_ARRAY)
        return rc;
    return take_list(v, r, list, &a, take_event);
}

/* --- a message --- */

static const struct {
    const char *type;
    int (*take)(struct vj *v, const struct json_record *r);
} types[] = {
    {"match", take_match},       {"last_match", take_match},    {"l2update", take_l2update},
    {"ticker", take_ticker},     {"open", take_open},           {"done", take_done},
    {"received", take_numbered}, {"change", take_change},       {"activate", take_numbered},
    {"snapshot", take_snapshot}, {"heartbeat", take_heartbeat}, {"status", take_status},
};

static int take_error(struct vj *v, const struct json_record *r) {
    static const struct vj_table table = VJ_TABLE(other_fields);
    struct vj_item *m = vj_begin(v, r, 0);
    m->suffix = "@errors";
    vj_read(v, 0, &table);
    m->symbol = m->symbol.n ? m->symbol : K2_SV("*");
    vj_time_of_receipt(v);
    return vj_message(v, K2_SV("error"));
}

static int take_answer(struct vj *v, const struct json_record *r, const char *why) {
    bool any;
    int rc = vj_coinbase_rest(v, r, &any);
    return any ? rc : vj_answer(v, r, why);
}

static int take(struct vj *v, const struct json_record *r) {
    struct k2_sv type = vj_member_text(v, 0, "type"), channel = vj_member_text(v, 0, "channel");
    if (r->answer)
        return take_answer(v, r, "the answer to a request");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (k2_sv_eq(type, k2_sv_of(types[i].type)))
            return types[i].take(v, r);
    if (k2_sv_eq(type, K2_SV("subscriptions")))
        return vj_filtered(v, "subscriptions");
    if (k2_sv_eq(type, K2_SV("error")))
        return take_error(v, r);
    if (channel.n && vj_member(v, 0, "sequence_num"))
        return take_advanced(v, r, channel);
    return take_answer(v, r, "other message");
}

/* --- the feed --- */

static int shape(struct k2_sv text, const char **why) {
    *why = "the first message has the form of Coinbase's";
    if (vj_names(text, "sequence_num") && vj_names(text, "events"))
        return 92;
    if (vj_names(text, "base_increment") && vj_names(text, "quote_increment"))
        return 80;
    if (vj_names(text, "pricebook") && vj_names(text, "product_id"))
        return 85;
    if (vj_names(text, "trades") && vj_names(text, "trade_id") && vj_names(text, "product_id"))
        return 85;
    if (vj_names(text, "candles") && vj_says(text, "start") && !vj_names(text, "channel"))
        return 75;
    return vj_names(text, "type") &&
                   (vj_names(text, "product_id") || vj_names(text, "products") ||
                    vj_contains(text, "\"subscriptions\"")) &&
                   !vj_names(text, "feed")
               ? 88
               : 0;
}

static const char *const codes[] = {"COINBASE", NULL};
static const char *const hosts[] = {"coinbase.com", NULL};
static const struct vj_venue venue = {.codes = codes, .hosts = hosts, .take = take, .shape = shape};
VJ_FEED(coinbase, "Coinbase: trades, order book, tickers, JSON messages as captured",
        "trade_id of the product; sequence of the full channel; else the place in its channel",
        {"specification", "document",
         "Coinbase Exchange WebSocket Feed; Advanced Trade WebSocket and REST v3"},
        {"file name", "any", "symbol and date come from the messages"},
        {"trade", "match, last_match", "number trade_id; side is that of the aggressor"},
        {"book_event", "open, done, change, match",
         "orders; channel PRODUCT@full, number sequence"},
        {"book_event", "snapshot, l2update", "levels; channel PRODUCT@level2"},
        {"quote", "ticker", "best_bid, best_ask; with statistics LAST, OPEN, HIGH, LOW, VOLUME"},
        {"trading_status", "status", "of each product"},
        {"message", "received, activate, heartbeat, error", "fields in extra"},
        {"message", "sequence_num", "one for each message of Advanced Trade; its events beside it"},
        {"instrument", "/products", "channel SYMBOL@instruments; what has no column is in extra"},
        {"trade", "ticker", "of REST: channel PRODUCT@trades, number trade_id"},
        {"book_event", "product_book", "of REST: CLEAR and SET"},
        {"bar", "candles", "of REST: channel PRODUCT@rest-candles; --symbol names the product"},
        {"message", "other answers to requests", "channel *@answers, named by the request"},
        {"other", "subscriptions", "are filtered; what is not JSON goes to quarantine"}, )
