/* feed/venue/bybit.c - messages of Bybit: WebSocket v2 and v5, and answers of REST v5.
 *
 * {"topic","type","ts","data"}:
 *   trade.*, publicTrade.*   trades; their ids are no numbers: the place in channel SYMBOL@trade
 *   orderBookL2_25.*, orderBook_200.100ms.*   v2: a snapshot, then {"delete","update","insert"}; number:
 *                            cross_seq, with holes
 *   orderbook.DEPTH.*        v5: number u, which counts the updates of a depth of a symbol by one; a snapshot
 *                            below the last one ("u is 1: the service restarted") begins another epoch
 *   tickers.*                a quote and figures; a delta has only what changed
 *   kline.*, candle.*, klineV2.*   bars
 *   liquidation.*, allLiquidation.*, instrument_info.* and others   messages
 */
#include "feed/venue/venue.h"

enum { KEEP_BIDS, KEEP_ASKS };

static const struct vj_field trade2_fields[] = {
    VJ("symbol", SYMBOL, 0),      VJ("tick_direction", EXTRA, 0),
    VJ("price", PRICE, VJ_price), VJ("size", QUANTITY, VJ_quantity),
    VJ("timestamp", EXTRA, 0),    VJ("trade_time_ms", TIME, VJ_MS),
    VJ("side", SIDE, 0),
};

static const struct vj_field trade5_fields[] = {
    VJ("T", TIME, VJ_MS),
    VJ("s", SYMBOL, 0),
    VJ("S", SIDE, 0),
    VJ("v", QUANTITY, VJ_quantity),
    VJ("p", PRICE, VJ_price),
    VJ_AS("L", EXTRA, "tick_direction"),
    VJ_AS("i", EXTRA, "trade_id"),
    VJ_AS("BT", EXTRA, "block_trade"),
    VJ_AS("RPI", EXTRA, "rpi_trade"),
};

static const struct vj_field recent_fields[] = {
    VJ("execId", EXTRA, 0),       VJ("symbol", SYMBOL, 0),
    VJ("price", PRICE, VJ_price), VJ("size", QUANTITY, VJ_quantity),
    VJ("side", SIDE, 0),          VJ("time", TIME, VJ_MS),
};

static const struct vj_field level_fields[] = {
    VJ("price", PRICE, VJ_price),
    VJ("symbol", DROP, 0),
    VJ("id", EXTRA, 0),
    VJ("side", SIDE, 0),
    VJ("size", QUANTITY, VJ_quantity),
};

static const struct vj_field envelope2_fields[] = {
    VJ("topic", DROP, 0),
    VJ("type", DROP, 0),
    VJ("data", DROP, 0),
    VJ("cross_seq", NUMBER, 0),
    VJ("timestamp_e6", TIME, VJ_US),
};

static const struct vj_field book5_fields[] = {
    VJ("s", SYMBOL, 0),  VJ("b", KEEP, KEEP_BIDS), VJ("a", KEEP, KEEP_ASKS),   VJ("u", NUMBER, 0),
    VJ("seq", EXTRA, 0), VJ("ts", TIME, VJ_MS),    VJ_AS("cts", EXTRA, "cts"),
};

static const struct vj_field ticker_fields[] = {
    VJ("symbol", SYMBOL, 0),
    VJ_AS("lastPrice", STAT, "LAST"),
    VJ_AS("prevPrice24h", STAT, "OPEN"),
    VJ_AS("highPrice24h", STAT, "HIGH"),
    VJ_AS("lowPrice24h", STAT, "LOW"),
    VJ_AS("prevPrice1h", STAT, "PREVIOUS_PRICE_1H"),
    VJ_AS("markPrice", STAT, "MARK_PRICE"),
    VJ_AS("indexPrice", STAT, "INDEX_PRICE"),
    VJ_AS("openInterest", STAT_SIZE, "OPEN_INTEREST"),
    VJ_AS("openInterestValue", STAT_SIZE, "OPEN_INTEREST_VALUE"),
    VJ_AS("turnover24h", STAT_SIZE, "QUOTE_VOLUME"),
    VJ_AS("volume24h", STAT_SIZE, "VOLUME"),
    VJ_AS("fundingRate", STAT, "FUNDING_RATE"),
    VJ("bid1Price", PRICE, VJ_bid_price),
    VJ("bid1Size", QUANTITY, VJ_bid_quantity),
    VJ("ask1Price", PRICE, VJ_ask_price),
    VJ("ask1Size", QUANTITY, VJ_ask_quantity),
    VJ("bidPrice", PRICE, VJ_bid_price),
    VJ("bidSize", QUANTITY, VJ_bid_quantity),
    VJ("askPrice", PRICE, VJ_ask_price),
    VJ("askSize", QUANTITY, VJ_ask_quantity),
};

static const struct vj_field candle_fields[] = {
    VJ("start", TIME, VJ_MS),        VJ("end", EXTRA, 0),        VJ("interval", TEXT, VJ_interval),
    VJ("period", TEXT, VJ_interval), VJ("open", PRICE, VJ_open), VJ("close", PRICE, VJ_close),
    VJ("high", PRICE, VJ_high),      VJ("low", PRICE, VJ_low),   VJ("volume", QUANTITY, VJ_volume),
};

static const struct vj_field candle2_fields[] = {
    VJ("start", TIME, VJ_S),         VJ("end", EXTRA, 0),        VJ("interval", TEXT, VJ_interval),
    VJ("period", TEXT, VJ_interval), VJ("open", PRICE, VJ_open), VJ("close", PRICE, VJ_close),
    VJ("high", PRICE, VJ_high),      VJ("low", PRICE, VJ_low),   VJ("volume", QUANTITY, VJ_volume),
};

static const struct vj_field asked_candle_fields[] = {
    VJ("start", TIME, VJ_MS), VJ("open", PRICE, VJ_open),   VJ("high", PRICE, VJ_high),
    VJ("low", PRICE, VJ_low), VJ("close", PRICE, VJ_close), VJ("volume", QUANTITY, VJ_volume),
    VJ("turnover", EXTRA, 0),
};

static const struct vj_field funding_fields[] = {
    VJ("symbol", SYMBOL, 0),
    VJ_AS("fundingRate", STAT, "FUNDING_RATE"),
    VJ("fundingRateTimestamp", TIME, VJ_MS),
};

static const struct vj_field other_fields[] = {
    VJ("symbol", SYMBOL, 0),
    VJ("s", SYMBOL, 0),
};

/* The symbol is the last part of a topic. */
static struct k2_sv last_part(struct k2_sv topic) {
    size_t n = topic.n;
    while (n && topic.p[n - 1] != '.')
        n--;
    return (struct k2_sv){topic.p + n, topic.n - n};
}

/* What is before the symbol: the channel. */
static struct k2_sv first_parts(struct k2_sv topic) {
    struct k2_sv last = last_part(topic);
    return (struct k2_sv){topic.p, topic.n > last.n ? topic.n - last.n - 1 : topic.n};
}

static struct vj_item *begin(struct vj *v, const struct json_record *r, uint32_t at,
                             struct k2_sv topic) {
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = "@";
    m->suffix_more = first_parts(topic);
    vj_symbol(v, last_part(topic));
    return m;
}

static void read_sent(struct vj *v) {
    static const struct vj_field time = VJ("ts", TIME, VJ_MS),
                                 time2 = VJ("timestamp_e6", TIME, VJ_US);
    uint32_t ts = vj_member(v, 0, "ts"), us = vj_member(v, 0, "timestamp_e6");
    if (v->item.ns == K2_NULL_LONG && ts)
        vj_read_value(v, &time, ts);
    else if (v->item.ns == K2_NULL_LONG && us)
        vj_read_value(v, &time2, us);
    vj_time_of_receipt(v);
}

static int take_trade(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table v2 = VJ_TABLE(trade2_fields), v5 = VJ_TABLE(trade5_fields),
                                 recent = VJ_TABLE(recent_fields);
    vj_begin(v, r, at)->suffix = "@trade";
    vj_read(v, at, vj_member(v, at, "execId") ? &recent : vj_member(v, at, "symbol") ? &v2 : &v5);
    return vj_trade(v);
}

static int take_book2(struct vj *v, const struct json_record *r, uint32_t data,
                      struct k2_sv topic) {
    static const struct vj_table table = VJ_TABLE(envelope2_fields),
                                 levels = VJ_TABLE(level_fields);
    bool snapshot = vj_member_is(v, 0, "type", "snapshot");
    struct vj_item *m = begin(v, r, 0, topic);
    vj_read(v, 0, &table);
    m->numbered = m->sparse = true;
    if (snapshot) {
        uint32_t list = vj_member(v, data, "order_book");
        vj_level_objects(v, list ? list : data, NULL, &levels);
        return vj_book(v, true, "orderBook");
    }
    vj_level_deletes(v, vj_member(v, data, "delete"), &levels);
    vj_level_objects(v, vj_member(v, data, "update"), NULL, &levels);
    vj_level_objects(v, vj_member(v, data, "insert"), NULL, &levels);
    return vj_book(v, false, "orderBook");
}

/* Snapshots that go back begin an epoch. */
static void read_epoch(struct vj *v, bool snapshot) {
    struct vj_item *m = &v->item;
    struct vj_channel *c = m->bad || m->number == K2_NULL_LONG ? NULL : vj_channel(v);
    if (!c)
        return;
    if (snapshot && c->high != K2_NULL_LONG && m->number < c->high)
        c->epoch++;
    if (snapshot || m->number > c->high)
        c->high = m->number;
    m->epoch = c->epoch;
}

static int take_book5(struct vj *v, const struct json_record *r, uint32_t data,
                      struct k2_sv channel, bool snapshot) {
    static const struct vj_table table = VJ_TABLE(book5_fields);
    static const struct vj_field extra = VJ("cts", EXTRA, 0);
    struct vj_item *m = vj_begin(v, r, data);
    uint32_t cts = vj_member(v, 0, "cts");
    m->suffix = "@";
    m->suffix_more = channel;
    m->numbered = m->shared = true;
    vj_read(v, data, &table);
    read_sent(v);
    if (cts)
        vj_read_value(v, &extra, cts);
    m->sparse = snapshot;
    read_epoch(v, snapshot);
    vj_levels(v, m->keep[KEEP_BIDS], false, NULL);
    vj_levels(v, m->keep[KEEP_ASKS], true, NULL);
    return vj_book(v, snapshot, "orderbook");
}

/* A delta has only what changed; a quote that lacks a side would say that nobody is on it. So what there is
 * of an incomplete quote becomes figures. */
static void split_quote(struct vj *v) {
    static const struct {
        enum vj_decimal column;
        bool size;
        const char *name;
    } parts[] = {{VJ_bid_price, false, "BID_PRICE"},
                 {VJ_bid_quantity, true, "BID_QUANTITY"},
                 {VJ_ask_price, false, "ASK_PRICE"},
                 {VJ_ask_quantity, true, "ASK_QUANTITY"}};
    struct vj_item *m = &v->item;
    int seen = 0;
    for (size_t i = 0; i < 4; i++)
        seen += m->seen_decimals[parts[i].column];
    for (size_t i = 0; i < 4 && seen < 4; i++)
        if (m->seen_decimals[parts[i].column] && m->n_stats < VJ_STATS_MAX) {
            m->stat[m->n_stats++] = (struct vj_stat){k2_sv_of(parts[i].name), parts[i].size,
                                                     m->decimal[parts[i].column]};
            m->seen_decimals[parts[i].column] = 0;
        }
}

static int take_ticker(struct vj *v, const struct json_record *r, uint32_t data,
                       struct k2_sv topic) {
    static const struct vj_table table = VJ_TABLE(ticker_fields);
    static const struct vj_field extra = VJ_AS("cs", EXTRA, "cross_seq");
    begin(v, r, data, topic);
    uint32_t cs = vj_member(v, 0, "cs");
    vj_read(v, data, &table);
    if (cs)
        vj_read_value(v, &extra, cs);
    read_sent(v);
    if (vj_member_is(v, 0, "type", "delta"))
        split_quote(v);
    return vj_quote_and_figures(v, K2_SV("tickers"));
}

static int take_candle(struct vj *v, const struct json_record *r, uint32_t at, struct k2_sv topic) {
    static const struct vj_table v5 = VJ_TABLE(candle_fields), v2 = VJ_TABLE(candle2_fields);
    struct vj_item *m = begin(v, r, at, topic);
    vj_read(v, at, vj_member(v, at, "interval") ? &v5 : &v2);
    vj_interval(v, m->text[VJ_interval], 60);
    return vj_bar(v);
}

static int take_other(struct vj *v, const struct json_record *r, uint32_t at, struct k2_sv topic) {
    static const struct vj_table table = VJ_TABLE(other_fields);
    struct k2_sv rest = topic;
    begin(v, r, at, topic);
    vj_read(v, at, &table);
    read_sent(v);
    return vj_message(v, k2_sv_split(&rest, '.'));
}

static int take_list(struct vj *v, const struct json_record *r, uint32_t data, struct k2_sv topic,
                     int (*take)(struct vj *, const struct json_record *, uint32_t, struct k2_sv)) {
    int rc = K2_OK;
    if (vj_type(v, data) == JSON_OBJECT)
        return take(v, r, data, topic);
    if (vj_type(v, data) != JSON_ARRAY || vj_first(data) == vj_end(v, data))
        return vj_filtered(v, "a message without data");
    for (uint32_t i = vj_first(data); i < vj_end(v, data) && rc == K2_OK; i = vj_next(v, i))
        rc = take(v, r, i, topic);
    return rc;
}

static int take_topic(struct vj *v, const struct json_record *r, uint32_t data,
                      struct k2_sv topic) {
    if (k2_sv_starts(topic, K2_SV("trade.")) || k2_sv_starts(topic, K2_SV("publicTrade.")))
        return vj_each(v, r, data, take_trade);
    if (k2_sv_starts(topic, K2_SV("orderBook")))
        return take_book2(v, r, data, topic);
    if (k2_sv_starts(topic, K2_SV("orderbook.")))
        return take_book5(v, r, data, first_parts(topic), vj_member_is(v, 0, "type", "snapshot"));
    if (k2_sv_starts(topic, K2_SV("tickers.")))
        return take_list(v, r, data, topic, take_ticker);
    if (k2_sv_starts(topic, K2_SV("kline")) || k2_sv_starts(topic, K2_SV("candle")))
        return take_list(v, r, data, topic, take_candle);
    return take_list(v, r, data, topic, take_other);
}

/* /kline: [start, open, high, low, close, volume, turnover] each. */
static int take_asked_candles(struct vj *v, const struct json_record *r, uint32_t result,
                              uint32_t list) {
    static const struct vj_table whole = VJ_TABLE(asked_candle_fields),
                                 prices = {asked_candle_fields, 5};
    struct k2_sv length = vj_part(r->url, "interval=", '&');
    int64_t step = vj_step_between(v, list, NULL, K2_NS_PER_MS);
    int rc = K2_OK;
    for (uint32_t i = vj_first(list); i < vj_end(v, list) && rc == K2_OK; i = vj_next(v, i)) {
        (void)vj_begin(v, r, i);
        vj_symbol(v, vj_member_text(v, result, "symbol"));
        vj_bar_asked(v, "kline", length, 60, step);
        vj_read_array(v, i, vj_element(v, i, 6) ? &whole : &prices);
        rc = vj_bar(v);
    }
    return rc == K2_OK ? vj_answer_rest(v, r, list) : rc;
}

static int take_funding(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(funding_fields);
    vj_begin(v, r, at)->suffix = "@fundingHistory";
    vj_read(v, at, &table);
    return vj_quote_and_figures(v, K2_SV("fundingHistory"));
}

static int take_answer(struct vj *v, const struct json_record *r) {
    uint32_t result = vj_member(v, 0, "result");
    uint32_t list = vj_type(v, result) == JSON_OBJECT ? vj_member(v, result, "list") : 0;
    uint32_t first = vj_type(v, list) == JSON_ARRAY ? vj_element(v, list, 0) : 0;
    if (first && vj_member(v, first, "execId") && vj_member(v, first, "size"))
        return vj_each(v, r, list, take_trade);
    if (vj_type(v, first) == JSON_ARRAY && vj_element(v, first, 4))
        return take_asked_candles(v, r, result, list);
    if (first && vj_member(v, first, "fundingRateTimestamp")) {
        K2_TRY(vj_each(v, r, list, take_funding));
        return vj_answer_rest(v, r, list);
    }
    if (vj_type(v, result) == JSON_OBJECT && vj_member(v, result, "b") && vj_member(v, result, "u"))
        return take_book5(v, r, result, K2_SV("orderbook"), true);
    return vj_answer(v, r, "other message");
}

static int take(struct vj *v, const struct json_record *r) {
    struct k2_sv topic = vj_member_text(v, 0, "topic");
    uint32_t data = vj_member(v, 0, "data");
    if (vj_token(v, 0)->type != JSON_OBJECT)
        return vj_filtered(v, "other message");
    if (!topic.n && vj_member(v, 0, "result"))
        return take_answer(v, r);
    if (!topic.n || !data || !vj_contains(topic, ".") || !feed_text_ok(topic, VJ_WORD_MAX))
        return vj_filtered(v, "other message");
    if (vj_type(v, data) != JSON_OBJECT && vj_type(v, data) != JSON_ARRAY)
        return vj_filtered(v, "a message without data");
    return take_topic(v, r, data, topic);
}

static int shape(struct k2_sv text, const char **why) {
    *why = "the first message has the form of Bybit's";
    if (vj_names(text, "topic") && (vj_names(text, "data") || vj_names(text, "type")))
        return 92;
    if (vj_names(text, "ret_msg") || vj_names(text, "retMsg"))
        return 80;
    return 0;
}

static const char *const codes[] = {"BYBIT", NULL};
static const char *const hosts[] = {"bybit.com", "bytick.com", NULL};
static const struct vj_venue venue = {
    .codes = codes, .hosts = hosts, .take = take, .shape = shape, .signed_prices = true};

VJ_FEED(bybit, "Bybit: trades, order book, tickers, JSON messages as captured",
        "u of a book (v5), cross_seq (v2, with holes); else the place in its channel",
        {"specification", "document", "Bybit WebSocket v2 (inverse, linear) and v5; REST v5"},
        {"file name", "any", "symbol and date come from the messages"},
        {"trade", "trade, publicTrade", "channel SYMBOL@trade; extra: trade_id"},
        {"book_event", "orderBookL2_25, orderbook.DEPTH", "levels; a snapshot is CLEAR and SET"},
        {"quote", "tickers", "with the figures as statistics"},
        {"bar", "kline, candle", "channel SYMBOL@kline.INTERVAL; of REST SYMBOL@rest-kline"},
        {"statistic", "funding/history", "of REST: FUNDING_RATE"},
        {"message", "liquidation, instrument_info and others", "fields in extra"},
        {"instrument", "symbols (v2), instruments-info (v5)",
         "channel SYMBOL@instruments; what has no column is in extra"},
        {"message", "other answers to requests", "channel *@answers, named by the request"},
        {"other", "answers to subscriptions", "are filtered"}, )
