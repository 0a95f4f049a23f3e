/* feed/venue/gateio.c - messages of Gate.io: WebSocket v4 of spot and futures, and REST order books.
 *
 * {"time","time_ms","channel","event":"update" or "all","result"}:
 *   *.trades             trades; number id_market of a market where it is sent ("dense"), else id, which counts
 *                        all markets together. Futures: the sign of size is the aggressor's side.
 *   *.book_ticker        quotes; number u, with holes
 *   *.order_book_update  levels; the message is for the ids U..u, number u
 *   *.order_book         the book each time
 *   *.tickers            quotes and figures; *.candlesticks bars
 */
#include "feed/venue/venue.h"

enum { KEEP_BIDS, KEEP_ASKS, KEEP_ID, KEEP_MARKET, KEEP_SIZE, KEEP_LAST, KEEP_CURRENT };

static const struct vj_field trade_fields[] = {
    VJ("id", KEEP, KEEP_ID),     VJ("id_market", KEEP, KEEP_MARKET),
    VJ("create_time", EXTRA, 0), VJ("create_time_ms", TIME, VJ_MS),
    VJ("side", SIDE, 0),         VJ("currency_pair", SYMBOL, 0),
    VJ("contract", SYMBOL, 0),   VJ("amount", QUANTITY, VJ_quantity),
    VJ("size", KEEP, KEEP_SIZE), VJ("price", PRICE, VJ_price),
};

static const struct vj_field best_fields[] = {
    VJ("t", TIME, VJ_MS),
    VJ("u", NUMBER, 0),
    VJ("s", SYMBOL, 0),
    VJ("b", PRICE, VJ_bid_price),
    VJ("B", QUANTITY, VJ_bid_quantity),
    VJ("a", PRICE, VJ_ask_price),
    VJ("A", QUANTITY, VJ_ask_quantity),
};

static const struct vj_field update_fields[] = {
    VJ("t", TIME, VJ_MS),       VJ("e", DROP, 0),         VJ_AS("E", EXTRA, "event_time"),
    VJ("s", SYMBOL, 0),         VJ("U", FIRST, 0),        VJ("u", NUMBER, 0),
    VJ("b", KEEP, KEEP_BIDS),   VJ("a", KEEP, KEEP_ASKS), VJ("full", DROP, 0),
    VJ_AS("l", EXTRA, "depth"),
};

static const struct vj_field book_fields[] = {
    VJ("t", TIME, VJ_MS),
    VJ("lastUpdateId", NUMBER, 0),
    VJ("id", NUMBER, 0),
    VJ("s", SYMBOL, 0),
    VJ("contract", SYMBOL, 0),
    VJ("bids", KEEP, KEEP_BIDS),
    VJ("asks", KEEP, KEEP_ASKS),
    VJ("current", KEEP, KEEP_CURRENT),
    VJ_AS("update", EXTRA, "update"),
    VJ_AS("l", EXTRA, "depth"),
};

static const struct vj_field level_fields[] = {
    VJ("p", PRICE, VJ_price),
    VJ("s", QUANTITY, VJ_quantity),
};

static const struct vj_field ticker_fields[] = {
    VJ("currency_pair", SYMBOL, 0),
    VJ("contract", SYMBOL, 0),
    VJ_AS("last", STAT, "LAST"),
    VJ("lowest_ask", PRICE, VJ_ask_price),
    VJ("highest_bid", PRICE, VJ_bid_price),
    VJ("lowest_size", QUANTITY, VJ_ask_quantity),
    VJ("highest_size", QUANTITY, VJ_bid_quantity),
    VJ_AS("base_volume", STAT_SIZE, "VOLUME"),
    VJ_AS("quote_volume", STAT_SIZE, "QUOTE_VOLUME"),
    VJ_AS("high_24h", STAT, "HIGH"),
    VJ_AS("low_24h", STAT, "LOW"),
    VJ_AS("volume_24h", STAT_SIZE, "VOLUME"),
    VJ_AS("mark_price", STAT, "MARK_PRICE"),
    VJ_AS("index_price", STAT, "INDEX_PRICE"),
    VJ_AS("funding_rate", STAT, "FUNDING_RATE"),
    VJ_AS("funding_rate_indicative", STAT, "NEXT_FUNDING_RATE"),
    VJ_AS("total_size", STAT_SIZE, "OPEN_INTEREST"),
};

static const struct vj_field candle_fields[] = {
    VJ("t", TIME, VJ_S),     VJ("v", QUANTITY, VJ_volume),     VJ("c", PRICE, VJ_close),
    VJ("h", PRICE, VJ_high), VJ("l", PRICE, VJ_low),           VJ("o", PRICE, VJ_open),
    VJ("n", KEEP, KEEP_ID),  VJ_AS("a", EXTRA, "base_volume"), VJ_AS("w", EXTRA, "closed"),
};

static const struct vj_field other_fields[] = {VJ("currency_pair", SYMBOL, 0),
                                               VJ("contract", SYMBOL, 0), VJ("s", SYMBOL, 0)};

/* Behind "spot." or "futures.": the channel. */
static struct k2_sv kind_of(const struct vj *v) {
    struct k2_sv channel = vj_member_text(v, 0, "channel");
    (void)k2_sv_split(&channel, '.');
    return channel;
}

static struct vj_item *begin(struct vj *v, const struct json_record *r, uint32_t at) {
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = "@";
    m->suffix_more = kind_of(v);
    return m;
}

/* The message's own time, where what is in it has none. */
static void read_sent(struct vj *v) {
    static const struct vj_field ms = VJ("time_ms", TIME, VJ_MS), s = VJ("time", TIME, VJ_S);
    uint32_t time_ms = vj_member(v, 0, "time_ms"), time = vj_member(v, 0, "time");
    if (v->item.ns == K2_NULL_LONG && time_ms)
        vj_read_value(v, &ms, time_ms);
    else if (v->item.ns == K2_NULL_LONG && time)
        vj_read_value(v, &s, time);
    vj_time_of_receipt(v);
}

/* Futures: the size is below 0 when the seller came. */
static void read_size(struct vj *v) {
    static const struct vj_field field = VJ("size", QUANTITY, VJ_quantity);
    struct vj_item *m = &v->item;
    uint32_t at = m->keep[KEEP_SIZE];
    if (!at)
        return;
    struct k2_sv text = vj_text(v, at);
    m->side = k2_sv_take(&text, '-') ? "SELL" : "BUY";
    if (vj_type(v, at) > JSON_NUMBER ||
        !vj_decimal(v, text, false, &m->decimal[VJ_quantity], "the size is no number"))
        (void)vj_fault(v, "MALFORMED", "the size is no number", text);
    m->seen_decimals[field.slot] = 1;
}

static int take_trade(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(trade_fields);
    static const struct vj_field number = VJ("id", NUMBER, 0), id = VJ_AS("id", EXTRA, "id");
    struct vj_item *m = vj_begin(v, r, at);
    m->numbered = true;
    vj_read(v, at, &table);
    read_size(v);
    m->sparse = !m->keep[KEEP_MARKET];
    if (m->keep[KEEP_MARKET])
        vj_read_value(v, &number, m->keep[KEEP_MARKET]);
    if (m->keep[KEEP_ID])
        vj_read_value(v, m->sparse ? &number : &id, m->keep[KEEP_ID]);
    return vj_trade(v);
}

static int take_best(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(best_fields);
    struct vj_item *m = begin(v, r, at);
    m->numbered = m->sparse = true;
    vj_read(v, at, &table);
    read_sent(v);
    return vj_quote_and_figures(v, K2_SV("book_ticker"));
}

/* Spot tells a level as [price, amount], futures as {"p","s"}. */
static void read_side(struct vj *v, uint32_t list, bool sell) {
    static const struct vj_table objects = VJ_TABLE(level_fields);
    uint32_t first = vj_type(v, list) == JSON_ARRAY ? vj_element(v, list, 0) : 0;
    if (first && vj_type(v, first) == JSON_OBJECT)
        vj_level_objects(v, list, sell ? "SELL" : "BUY", &objects);
    else
        vj_levels(v, list, sell, NULL);
}

static int take_update(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(update_fields);
    struct vj_item *m = begin(v, r, at);
    uint32_t full = vj_member(v, at, "full");
    m->numbered = m->shared = true;
    vj_read(v, at, &table);
    read_sent(v);
    bool snapshot = vj_type(v, full) == JSON_TRUE;
    if (snapshot) {
        m->sparse = true;
        m->first = K2_NULL_LONG;
    }
    read_side(v, m->keep[KEEP_BIDS], false);
    read_side(v, m->keep[KEEP_ASKS], true);
    return vj_book(v, snapshot, "order_book_update");
}

/* When the book was as it is told: milliseconds, or seconds with a fraction. */
static void read_current(struct vj *v) {
    static const struct vj_field ms = VJ("current", TIME, VJ_MS), s = VJ("current", TIME, VJ_S);
    uint32_t at = v->item.keep[KEEP_CURRENT];
    if (at)
        vj_read_value(v, vj_contains(vj_text(v, at), ".") ? &s : &ms, at);
}

static int take_book(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(book_fields);
    struct vj_item *m = begin(v, r, at);
    struct k2_sv pair = vj_part(r->url, "currency_pair=", '&');
    if (r->answer) {
        m->suffix = "@snapshot";
        m->suffix_more.n = 0;
        vj_symbol(v, pair.n ? pair : vj_part(r->url, "contract=", '&'));
    }
    vj_read(v, at, &table);
    m->sparse = m->number != K2_NULL_LONG;
    read_current(v);
    if (r->answer)
        vj_time_of_receipt(v);
    else
        read_sent(v);
    read_side(v, m->keep[KEEP_BIDS], false);
    read_side(v, m->keep[KEEP_ASKS], true);
    return vj_book(v, true, "order_book");
}

static int take_ticker(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(ticker_fields);
    begin(v, r, at);
    vj_read(v, at, &table);
    read_sent(v);
    return vj_quote_and_figures(v, K2_SV("tickers"));
}

/* n is "1m_BTC_USDT". */
static int take_candle(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(candle_fields);
    struct vj_item *m = begin(v, r, at);
    vj_read(v, at, &table);
    struct k2_sv symbol = m->keep[KEEP_ID] ? vj_text(v, m->keep[KEEP_ID]) : (struct k2_sv){NULL, 0};
    struct k2_sv interval = k2_sv_split(&symbol, '_');
    vj_symbol(v, symbol);
    vj_interval(v, interval, 1);
    m->suffix = "@candlesticks_";
    m->suffix_more = interval;
    return vj_bar(v);
}

static int take_other(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(other_fields);
    struct k2_sv type = kind_of(v);
    struct vj_item *m = begin(v, r, at);
    vj_read(v, at, &table);
    if (!m->symbol.n)
        m->symbol = K2_SV("*");
    read_sent(v);
    return vj_message(v, type);
}

static int take(struct vj *v, const struct json_record *r) {
    static const struct {
        const char *channel;
        int (*take)(struct vj *, const struct json_record *, uint32_t);
    } channels[] = {
        {"trades", take_trade},    {"book_ticker", take_best}, {"order_book_update", take_update},
        {"order_book", take_book}, {"tickers", take_ticker},   {"candlesticks", take_candle},
    };
    uint32_t result = vj_member(v, 0, "result");
    struct k2_sv channel = kind_of(v), event = vj_member_text(v, 0, "event");
    if (r->answer)
        return vj_contains(r->url, "order_book") && vj_member(v, 0, "bids")
                   ? take_book(v, r, 0)
                   : vj_answer(v, r, "the answer to a request");
    if (!(k2_sv_eq(event, K2_SV("update")) || k2_sv_eq(event, K2_SV("all"))) || !channel.n ||
        !feed_text_ok(channel, VJ_WORD_MAX) ||
        (vj_type(v, result) != JSON_OBJECT && vj_type(v, result) != JSON_ARRAY))
        return vj_filtered(v, "other message");
    int (*by)(struct vj *, const struct json_record *, uint32_t) = take_other;
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++)
        if (k2_sv_eq(channel, k2_sv_of(channels[i].channel)))
            by = channels[i].take;
    return vj_type(v, result) == JSON_ARRAY ? vj_each(v, r, result, by) : by(v, r, result);
}

static int shape(struct k2_sv text, const char **why) {
    *why = "the first message has the form of Gate.io's";
    if (vj_names(text, "trade_status") && vj_names(text, "min_quote_amount"))
        return 80;
    return vj_names(text, "channel") && vj_names(text, "time") &&
                   (vj_contains(text, "\"spot.") || vj_contains(text, "\"futures."))
               ? 94
               : 0;
}

static const char *const codes[] = {"GATEIO", NULL};
static const char *const hosts[] = {"gateio.ws", "gate.io", NULL};
static const struct vj_venue venue = {.codes = codes, .hosts = hosts, .take = take, .shape = shape};

VJ_FEED(gateio, "Gate.io spot and futures: trades, order book, tickers, JSON messages as captured",
        "id_market, else id of a trade; u of quotes and books; else the place in its channel",
        {"specification", "document",
         "Gate.io API v4: WebSocket of spot and futures, REST order books"},
        {"file name", "any", "symbol and date come from the messages"},
        {"trade", "trades", "number id_market, or id, which has holes"},
        {"quote", "book_ticker, tickers", "number u; with the figures of a ticker as statistics"},
        {"book_event", "order_book_update", "number u; extra: first_sequence"},
        {"book_event", "order_book", "CLEAR and SET; also the answer of REST"},
        {"bar", "candlesticks", "channel PAIR@candlesticks_INTERVAL"},
        {"instrument", "currency_pairs, contracts",
         "channel SYMBOL@instruments; what has no column is in extra"},
        {"message", "other answers to requests", "channel *@answers, named by the request"},
        {"other", "answers to subscriptions", "are filtered"}, )
