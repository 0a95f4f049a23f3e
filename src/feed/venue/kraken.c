/* feed/venue/kraken.c - messages of Kraken: WebSocket v1, v2 and futures.
 *
 * v1 (docs.kraken.com, "Websockets v1"): [channelID, payload ..., "book-1000", "XBT/USD"]
 *   trade    [price, volume, time, side, orderType, misc] each; no number: channel PAIR@trade
 *   book-N   {"as","bs"} a snapshot; {"a","b","c"} changes, [price, volume, timestamp, "r"] each, and the
 *            checksum c over the ten best levels of each side; no number: channel PAIR@book-N
 *   spread, ticker, ohlc-N
 * v2: {"channel","type","data":[...]}; trade_id of a trade is "unique per book" and dense: the bare pair is
 *   its channel. book has a checksum, level3 tells of orders.
 * Futures: {"feed","product_id",...}; seq counts a feed of a product.
 *
 * The checksum is made of the digits of prices and quantities as they were sent, so extra of a level says how
 * many stood behind the point where the value alone does not.
 */
#include "feed/venue/venue.h"

enum { KEEP_A, KEEP_B, KEEP_C, KEEP_D };

/* --- v1 --- */

static const struct vj_field level_fields[] = {
    VJ("timestamp", TIME, VJ_S),
    VJ_AS("update type", EXTRA, "update_type"),
};
static const struct vj_table level_table = VJ_TABLE(level_fields);

static const struct vj_field trade_fields[] = {
    VJ("price", PRICE, VJ_price), VJ("volume", QUANTITY, VJ_quantity), VJ("time", TIME, VJ_S),
    VJ("side", SIDE, 0),          VJ("orderType", EXTRA, 0),           VJ("misc", EXTRA, 0),
};

static const struct vj_field spread_fields[] = {
    VJ("bid", PRICE, VJ_bid_price),
    VJ("ask", PRICE, VJ_ask_price),
    VJ("timestamp", TIME, VJ_S),
    VJ("bidVolume", QUANTITY, VJ_bid_quantity),
    VJ("askVolume", QUANTITY, VJ_ask_quantity),
};

static const struct vj_field candle_fields[] = {
    VJ("time", DROP, 0),
    VJ("etime", TIME, VJ_S),
    VJ("open", PRICE, VJ_open),
    VJ("high", PRICE, VJ_high),
    VJ("low", PRICE, VJ_low),
    VJ("close", PRICE, VJ_close),
    VJ("vwap", EXTRA, 0),
    VJ("volume", QUANTITY, VJ_volume),
    VJ("count", COUNT, VJ_trade_count),
};

/* The ticker's members are lists: today's and the last 24 hours' figure, or price and volumes. */
static const struct {
    const char *member;
    uint32_t element;
    struct vj_field field;
} ticker_parts[] = {
    {"a", 0, VJ("a", PRICE, VJ_ask_price)},
    {"a", 1, VJ_AS("a", EXTRA, "ask_whole_lots")},
    {"a", 2, VJ("a", QUANTITY, VJ_ask_quantity)},
    {"b", 0, VJ("b", PRICE, VJ_bid_price)},
    {"b", 1, VJ_AS("b", EXTRA, "bid_whole_lots")},
    {"b", 2, VJ("b", QUANTITY, VJ_bid_quantity)},
    {"c", 0, VJ_AS("c", STAT, "LAST")},
    {"c", 1, VJ_AS("c", STAT_SIZE, "LAST_QUANTITY")},
    {"v", 0, VJ_AS("v", STAT_SIZE, "VOLUME_TODAY")},
    {"v", 1, VJ_AS("v", STAT_SIZE, "VOLUME")},
    {"p", 0, VJ_AS("p", STAT, "AVERAGE_PRICE_TODAY")},
    {"p", 1, VJ_AS("p", STAT, "AVERAGE_PRICE")},
    {"t", 0, VJ_AS("t", STAT_SIZE, "TRADE_COUNT_TODAY")},
    {"t", 1, VJ_AS("t", STAT_SIZE, "TRADE_COUNT")},
    {"l", 0, VJ_AS("l", STAT, "LOW_TODAY")},
    {"l", 1, VJ_AS("l", STAT, "LOW")},
    {"h", 0, VJ_AS("h", STAT, "HIGH_TODAY")},
    {"h", 1, VJ_AS("h", STAT, "HIGH")},
    {"o", 0, VJ_AS("o", STAT, "OPEN_TODAY")},
    {"o", 1, VJ_AS("o", STAT, "OPEN")},
};

struct tuple { /* of a v1 message */
    struct k2_sv name, pair;
    uint32_t first, end; /* its payload */
};

static struct vj_item *begin(struct vj *v, const struct json_record *r, uint32_t at,
                             const struct tuple *t) {
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = "@";
    m->suffix_more = t->name;
    vj_symbol(v, t->pair);
    return m;
}

static int take_trades(struct vj *v, const struct json_record *r, const struct tuple *t) {
    static const struct vj_table table = VJ_TABLE(trade_fields);
    int rc = K2_OK;
    for (uint32_t i = vj_first(t->first); i < vj_end(v, t->first) && rc == K2_OK;
         i = vj_next(v, i)) {
        struct vj_item *m = begin(v, r, i, t);
        vj_read_array(v, i, &table);
        if (m->n_pairs && m->pair[m->n_pairs - 1].value.n == 0) /* misc is mostly empty */
            m->n_pairs--;
        rc = vj_trade(v);
    }
    return rc;
}

static int take_spread(struct vj *v, const struct json_record *r, const struct tuple *t) {
    static const struct vj_table table = VJ_TABLE(spread_fields);
    begin(v, r, 0, t);
    vj_read_array(v, t->first, &table);
    return vj_quote_and_figures(v, K2_SV("spread"));
}

static int take_candle(struct vj *v, const struct json_record *r, const struct tuple *t) {
    static const struct vj_table table = VJ_TABLE(candle_fields);
    struct vj_item *m = begin(v, r, 0, t);
    vj_interval(v, vj_part(t->name, "ohlc-", 0), 60);
    vj_read_array(v, t->first, &table);
    if (m->ns != K2_NULL_LONG) /* etime is where it ends */
        m->ns -= m->interval_ns;
    return vj_bar(v);
}

void vj_kraken_ticker(struct vj *v, uint32_t object) {
    for (size_t i = 0; i < sizeof ticker_parts / sizeof *ticker_parts; i++) {
        uint32_t list = vj_member(v, object, ticker_parts[i].member),
                 part = ticker_parts[i].element;
        bool alone = part == 0 && vj_type(v, list) == JSON_STRING; /* "o" of the REST API */
        uint32_t at = alone ? list : list ? vj_element(v, list, part) : 0;
        if (at)
            vj_read_value(v, &ticker_parts[i].field, at);
    }
}

static int take_ticker(struct vj *v, const struct json_record *r, const struct tuple *t) {
    begin(v, r, 0, t);
    vj_kraken_ticker(v, t->first);
    vj_time_of_receipt(v);
    return vj_quote_and_figures(v, K2_SV("ticker"));
}

static int take_book(struct vj *v, const struct json_record *r, const struct tuple *t) {
    static const struct vj_field fields[] = {
        VJ("as", KEEP, KEEP_A), VJ("bs", KEEP, KEEP_B),        VJ("a", KEEP, KEEP_C),
        VJ("b", KEEP, KEEP_D),  VJ_AS("c", EXTRA, "checksum"),
    };
    static const struct vj_table table = VJ_TABLE(fields);
    struct vj_item *m = begin(v, r, 0, t);
    for (uint32_t i = t->first; i < t->end; i = vj_next(v, i))
        vj_read(v, i, &table);
    bool snapshot = m->keep[KEEP_A] || m->keep[KEEP_B];
    vj_levels(v, m->keep[snapshot ? KEEP_B : KEEP_D], false, &level_table);
    vj_levels(v, m->keep[snapshot ? KEEP_A : KEEP_C], true, &level_table);
    if (v->n_levels == 0)
        vj_time_of_receipt(v);
    return vj_book(v, snapshot, "book");
}

static int take_tuple(struct vj *v, const struct json_record *r) {
    struct tuple t = {.first = 2};
    uint32_t last = 0, before = 0, n = 0;
    for (uint32_t i = vj_first(0); i < vj_end(v, 0); i = vj_next(v, i), n++) {
        before = last;
        last = i;
    }
    if (n < 4 || vj_type(v, last) != JSON_STRING || vj_type(v, before) != JSON_STRING)
        return vj_filtered(v, "other message");
    t.end = before;
    t.name = vj_text(v, before);
    t.pair = vj_text(v, last);
    if (k2_sv_starts(t.name, K2_SV("book")))
        return take_book(v, r, &t);
    if (k2_sv_eq(t.name, K2_SV("trade")))
        return take_trades(v, r, &t);
    if (k2_sv_eq(t.name, K2_SV("spread")))
        return take_spread(v, r, &t);
    if (k2_sv_eq(t.name, K2_SV("ticker")))
        return take_ticker(v, r, &t);
    if (k2_sv_starts(t.name, K2_SV("ohlc")))
        return take_candle(v, r, &t);
    return vj_filtered(v, "other message");
}

/* --- v2 --- */

static const struct vj_field trade2_fields[] = {
    VJ("symbol", SYMBOL, 0),          VJ("side", SIDE, 0),      VJ("price", PRICE, VJ_price),
    VJ("qty", QUANTITY, VJ_quantity), VJ("ord_type", EXTRA, 0), VJ("trade_id", NUMBER, 0),
    VJ("timestamp", TIME_ISO, 0),
};

static const struct vj_field book2_fields[] = {
    VJ("symbol", SYMBOL, 0),  VJ("bids", KEEP, KEEP_B),     VJ("asks", KEEP, KEEP_A),
    VJ("checksum", EXTRA, 0), VJ("timestamp", TIME_ISO, 0),
};

static const struct vj_field level2_fields[] = {
    VJ("price", PRICE, VJ_price),
    VJ("qty", QUANTITY, VJ_quantity),
};

static const struct vj_field order_fields[] = {
    VJ("event", TEXT, VJ_action),       VJ("order_id", TEXT, VJ_order_id),
    VJ("limit_price", PRICE, VJ_price), VJ("order_qty", QUANTITY, VJ_quantity),
    VJ("timestamp", TIME_ISO, 0),
};

static const struct vj_field ticker2_fields[] = {
    VJ("symbol", SYMBOL, 0),
    VJ("bid", PRICE, VJ_bid_price),
    VJ("bid_qty", QUANTITY, VJ_bid_quantity),
    VJ("ask", PRICE, VJ_ask_price),
    VJ("ask_qty", QUANTITY, VJ_ask_quantity),
    VJ_AS("last", STAT, "LAST"),
    VJ_AS("volume", STAT_SIZE, "VOLUME"),
    VJ_AS("vwap", STAT, "AVERAGE_PRICE"),
    VJ_AS("low", STAT, "LOW"),
    VJ_AS("high", STAT, "HIGH"),
    VJ_AS("change", STAT, "PRICE_CHANGE"),
    VJ("change_pct", EXTRA, 0),
    VJ("timestamp", TIME_ISO, 0),
};

static const struct vj_field candle2_fields[] = {
    VJ("symbol", SYMBOL, 0),
    VJ("interval", TEXT, VJ_interval),
    VJ("interval_begin", TIME_ISO, 0),
    VJ("open", PRICE, VJ_open),
    VJ("high", PRICE, VJ_high),
    VJ("low", PRICE, VJ_low),
    VJ("close", PRICE, VJ_close),
    VJ("volume", QUANTITY, VJ_volume),
    VJ("vwap", EXTRA, 0),
    VJ("trades", COUNT, VJ_trade_count),
    VJ_AS("timestamp", EXTRA, "timestamp"),
};

static const struct vj_field status_fields[] = {
    VJ("symbol", SYMBOL, 0),
    VJ("status", TEXT, VJ_status),
    VJ("system", TEXT, VJ_status),
    VJ("event", DROP, 0),
};

static int take_trade2(struct vj *v, const struct json_record *r, uint32_t at, bool snapshot) {
    static const struct vj_table table = VJ_TABLE(trade2_fields);
    (void)snapshot; /* the trades before the subscription: the same trades with the same ids */
    vj_begin(v, r, at);
    vj_read(v, at, &table);
    if (v->item.number == K2_NULL_LONG)
        (void)vj_fault(v, "MALFORMED", "the trade has no trade_id", v->item.raw);
    return vj_trade(v);
}

static int take_book2(struct vj *v, const struct json_record *r, uint32_t at, bool snapshot) {
    static const struct vj_table table = VJ_TABLE(book2_fields), levels = VJ_TABLE(level2_fields);
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = "@book";
    vj_read(v, at, &table);
    vj_time_of_receipt(v);
    vj_level_objects(v, m->keep[KEEP_B], "BUY", &levels);
    vj_level_objects(v, m->keep[KEEP_A], "SELL", &levels);
    return vj_book(v, snapshot, "book");
}

static int take_orders(struct vj *v, const struct json_record *r, uint32_t at, bool snapshot) {
    static const struct vj_table table = VJ_TABLE(book2_fields), orders = VJ_TABLE(order_fields);
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = "@level3";
    vj_read(v, at, &table);
    vj_level_objects(v, m->keep[KEEP_B], "BUY", &orders);
    vj_level_objects(v, m->keep[KEEP_A], "SELL", &orders);
    vj_time_of_receipt(v);
    return vj_book(v, snapshot, "level3");
}

static int take_ticker2(struct vj *v, const struct json_record *r, uint32_t at, bool snapshot) {
    static const struct vj_table table = VJ_TABLE(ticker2_fields);
    (void)snapshot;
    vj_begin(v, r, at)->suffix = "@ticker";
    vj_read(v, at, &table);
    vj_time_of_receipt(v);
    return vj_quote_and_figures(v, K2_SV("ticker"));
}

static int take_candle2(struct vj *v, const struct json_record *r, uint32_t at, bool snapshot) {
    static const struct vj_table table = VJ_TABLE(candle2_fields);
    (void)snapshot;
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = "@ohlc-";
    vj_read(v, at, &table);
    m->suffix_more = m->text[VJ_interval];
    vj_interval(v, m->text[VJ_interval], 60);
    return vj_bar(v);
}

static int take_status(struct vj *v, const struct json_record *r, uint32_t at, bool snapshot) {
    static const struct vj_table table = VJ_TABLE(status_fields);
    (void)snapshot;
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = "@status";
    vj_read(v, at, &table);
    if (!m->symbol.n)
        m->symbol = K2_SV("*");
    vj_time_of_receipt(v);
    return vj_status(v);
}

static int take_list(struct vj *v, const struct json_record *r, uint32_t list, bool snapshot,
                     int (*take)(struct vj *, const struct json_record *, uint32_t, bool)) {
    int rc = K2_OK;
    if (vj_type(v, list) != JSON_ARRAY || vj_first(list) == vj_end(v, list))
        return vj_filtered(v, "a message without data");
    for (uint32_t i = vj_first(list); i < vj_end(v, list) && rc == K2_OK; i = vj_next(v, i))
        rc = take(v, r, i, snapshot);
    return rc;
}

static int take_channel(struct vj *v, const struct json_record *r, struct k2_sv channel) {
    static const struct {
        const char *channel;
        int (*take)(struct vj *, const struct json_record *, uint32_t, bool);
    } channels[] = {
        {"trade", take_trade2},   {"book", take_book2},   {"level3", take_orders},
        {"ticker", take_ticker2}, {"ohlc", take_candle2}, {"status", take_status},
    };
    uint32_t data = vj_member(v, 0, "data");
    bool snapshot = vj_member_is(v, 0, "type", "snapshot");
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        if (k2_sv_eq(channel, k2_sv_of(channels[i].channel)))
            return take_list(v, r, data, snapshot, channels[i].take);
    if (k2_sv_eq(channel, K2_SV("instrument")) && data)
        return take_list(v, r, vj_member(v, data, "pairs"), snapshot, take_status);
    return vj_filtered(v, k2_sv_eq(channel, K2_SV("heartbeat")) ? "heartbeat" : "other message");
}

/* --- futures --- */

static const struct vj_field futures_trade_fields[] = {
    VJ("feed", DROP, 0),     VJ("product_id", SYMBOL, 0),      VJ("uid", EXTRA, 0),
    VJ("side", SIDE, 0),     VJ("type", TEXT, VJ_condition),   VJ("seq", NUMBER, 0),
    VJ("time", TIME, VJ_MS), VJ("qty", QUANTITY, VJ_quantity), VJ("price", PRICE, VJ_price),
};

static const struct vj_field futures_book_fields[] = {
    VJ("feed", DROP, 0),          VJ("product_id", SYMBOL, 0), VJ("side", DROP, 0),
    VJ("seq", NUMBER, 0),         VJ("price", DROP, 0),        VJ("qty", DROP, 0),
    VJ("timestamp", TIME, VJ_MS), VJ("bids", KEEP, KEEP_B),    VJ("asks", KEEP, KEEP_A),
};

static const struct vj_field futures_level_fields[] = {
    VJ("feed", DROP, 0),      VJ("product_id", DROP, 0),    VJ("side", SIDE, 0),
    VJ("seq", DROP, 0),       VJ("price", PRICE, VJ_price), VJ("qty", QUANTITY, VJ_quantity),
    VJ("timestamp", DROP, 0),
};

static const struct vj_field futures_ticker_fields[] = {
    VJ("feed", DROP, 0),
    VJ("product_id", SYMBOL, 0),
    VJ("time", TIME, VJ_MS),
    VJ("bid", PRICE, VJ_bid_price),
    VJ("bid_size", QUANTITY, VJ_bid_quantity),
    VJ("ask", PRICE, VJ_ask_price),
    VJ("ask_size", QUANTITY, VJ_ask_quantity),
    VJ_AS("last", STAT, "LAST"),
    VJ_AS("open", STAT, "OPEN"),
    VJ_AS("high", STAT, "HIGH"),
    VJ_AS("low", STAT, "LOW"),
    VJ_AS("volume", STAT_SIZE, "VOLUME"),
    VJ_AS("index", STAT, "INDEX_PRICE"),
    VJ_AS("markPrice", STAT, "MARK_PRICE"),
    VJ_AS("openInterest", STAT_SIZE, "OPEN_INTEREST"),
    VJ_AS("funding_rate", STAT, "FUNDING_RATE"),
};

static int take_futures_trade(struct vj *v, const struct json_record *r, uint32_t at,
                              bool snapshot) {
    static const struct vj_table table = VJ_TABLE(futures_trade_fields);
    (void)snapshot;
    vj_begin(v, r, at);
    vj_read(v, at, &table);
    if (v->item.number == K2_NULL_LONG)
        (void)vj_fault(v, "MALFORMED", "the trade has no seq", v->item.raw);
    return vj_trade(v);
}

static int take_futures_book(struct vj *v, const struct json_record *r, bool snapshot) {
    static const struct vj_table table = VJ_TABLE(futures_book_fields),
                                 level = VJ_TABLE(futures_level_fields),
                                 levels = VJ_TABLE(level2_fields);
    struct vj_item *m = vj_begin(v, r, 0);
    m->suffix = "@book";
    vj_read(v, 0, &table);
    m->numbered = true;
    if (snapshot) {
        m->sparse = true;
        vj_level_objects(v, m->keep[KEEP_B], "BUY", &levels);
        vj_level_objects(v, m->keep[KEEP_A], "SELL", &levels);
    } else if (!m->bad) {
        vj_level_object(v, 0, NULL, &level);
    }
    return vj_book(v, snapshot, "book");
}

static int take_futures(struct vj *v, const struct json_record *r, struct k2_sv feed) {
    static const struct vj_table table = VJ_TABLE(futures_ticker_fields);
    if (k2_sv_eq(feed, K2_SV("trade")))
        return take_futures_trade(v, r, 0, false);
    if (k2_sv_eq(feed, K2_SV("trade_snapshot")))
        return take_list(v, r, vj_member(v, 0, "trades"), true, take_futures_trade);
    if (k2_sv_eq(feed, K2_SV("book")) && vj_member(v, 0, "price"))
        return take_futures_book(v, r, false);
    if (k2_sv_eq(feed, K2_SV("book_snapshot")))
        return take_futures_book(v, r, true);
    if (!k2_sv_starts(feed, K2_SV("ticker")) || vj_member(v, 0, "event"))
        return vj_filtered(v, "other message");
    vj_begin(v, r, 0)->suffix = "@";
    v->item.suffix_more = feed;
    vj_read(v, 0, &table);
    vj_time_of_receipt(v);
    return vj_quote_and_figures(v, K2_SV("ticker"));
}

/* --- a message --- */

static int take_answer(struct vj *v, const struct json_record *r, const char *why) {
    bool any;
    K2_TRY(vj_kraken_rest(v, r, &any));
    return any ? K2_OK : vj_answer(v, r, why);
}

static int take(struct vj *v, const struct json_record *r) {
    if (r->answer)
        return take_answer(v, r, "the answer to a request");
    if (vj_token(v, 0)->type == JSON_ARRAY)
        return take_tuple(v, r);
    struct k2_sv event = vj_member_text(v, 0, "event"), feed = vj_member_text(v, 0, "feed"),
                 channel = vj_member_text(v, 0, "channel");
    if (k2_sv_eq(event, K2_SV("systemStatus")))
        return take_status(v, r, 0, false);
    if (event.n)
        return vj_filtered(v, k2_sv_eq(event, K2_SV("heartbeat")) ? "heartbeat" : "other message");
    if (feed.n)
        return take_futures(v, r, feed);
    return channel.n ? take_channel(v, r, channel) : take_answer(v, r, "other message");
}

/* --- the feed --- */

/* Whether the text begins so; blanks in it are passed over, and '*' is a text in quotes. */
static bool begins(struct k2_sv text, const char *with) {
    size_t at = 0;
    for (; *with; with++) {
        while (at < text.n && strchr(" \t\r\n", text.p[at]))
            at++;
        const char *end = *with == '*' && at < text.n && text.p[at] == '"'
                              ? memchr(text.p + at + 1, '"', text.n - at - 1)
                              : NULL;
        if (end)
            at = (size_t)(end - text.p) + 1;
        else if (at < text.n && text.p[at] == *with)
            at++;
        else
            return false;
    }
    return true;
}

/* Of answers of the REST APIs; what they tell of an account begins otherwise. */
static int answer_shape(struct k2_sv text) {
    bool spot = begins(text, "{\"error\":[],\"result\":{*:[[") ||
                begins(text, "{\"error\":[],\"result\":{*:{\"a\":[") ||
                begins(text, "{\"error\":[],\"result\":{\"status\":*,\"timestamp\":") ||
                begins(text, "{\"error\":[],\"result\":{\"unixtime\":");
    bool futures = (vj_names(text, "candles") && vj_names(text, "more_candles")) ||
                   (vj_names(text, "rates") && vj_names(text, "relativeFundingRate")) ||
                   (vj_names(text, "orderBook") && vj_names(text, "serverTime")) ||
                   (vj_names(text, "elements") && vj_names(text, "takerOrder")) ||
                   (vj_names(text, "tickers") && vj_names(text, "serverTime"));
    return spot || futures ? 80 : 0;
}

static int shape(struct k2_sv text, const char **why) {
    *why = "the first message has the form of Kraken's";
    if (text.n && text.p[0] == '{' && answer_shape(text))
        return answer_shape(text);
    if (text.p[0] == '[' && text.n > 1 && text.p[1] >= '0' && text.p[1] <= '9')
        return 85;
    if (vj_names(text, "feed") && vj_names(text, "product_id"))
        return 90;
    if (vj_names(text, "connectionID"))
        return 90;
    if (vj_names(text, "instruments") && vj_names(text, "tickSize") &&
        vj_names(text, "contractSize"))
        return 85;
    if (vj_names(text, "altname") && vj_names(text, "wsname"))
        return 85;
    return vj_names(text, "channel") && vj_names(text, "data") && vj_names(text, "symbol") &&
                   vj_names(text, "type")
               ? 80
               : 0;
}

static const char *const codes[] = {"KRAKEN", NULL};
static const char *const hosts[] = {"kraken.com", "cryptofacilities.com", NULL};
static const struct vj_venue venue = {.codes = codes,
                                      .hosts = hosts,
                                      .take = take,
                                      .shape = shape,
                                      .signed_prices = true,
                                      .digits = true};

VJ_FEED(kraken, "Kraken spot and futures: trades, order book, tickers, JSON messages as captured",
        "trade_id (v2) and seq (futures); else the place in its channel",
        {"specification", "document",
         "Kraken WebSocket API v1 and v2; Kraken Futures WebSocket API v1"},
        {"file name", "any", "symbol and date come from the messages"},
        {"trade", "trade", "v2: number trade_id; v1: channel PAIR@trade; futures: seq"},
        {"book_event", "book", "levels; extra: checksum, price_digits, quantity_digits"},
        {"book_event", "level3", "orders"},
        {"quote", "spread, ticker", "with the figures of a ticker as statistics"},
        {"bar", "ohlc", "channel PAIR@ohlc-MINUTES"},
        {"trading_status", "systemStatus, status, instrument", "of the venue (symbol *) or a pair"},
        {"instrument", "AssetPairs; instruments of futures",
         "channel SYMBOL@instruments; what has no column is in extra"},
        {"trade, bar, quote", "Trades, OHLC, Ticker; tickers, charts, executions of futures",
         "answers of the REST APIs; a symbol that is not in one is in its address, or by --symbol"},
        {"book_event", "orderbook of futures", "a snapshot, channel SYMBOL@orderbook"},
        {"statistic", "historicalfundingrates", "FUNDING_RATE, RELATIVE_FUNDING_RATE"},
        {"message", "other answers to requests", "channel *@answers, named by the request"},
        {"other", "heartbeats, answers to subscriptions", "are filtered"}, )
