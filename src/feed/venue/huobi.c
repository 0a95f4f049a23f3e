/* feed/venue/huobi.c - messages of Huobi, which is HTX today: the WebSocket feeds of spot, which come packed by gzip, and
 * the answers of REST, which have the same form.
 *
 * {"ch":"market.SYMBOL.TOPIC","ts","tick"}, with "data" in the place of "tick" in answers of REST, and with "rep" in that of
 * "ch" in answers over the WebSocket:
 *   trade.detail          trades; number tradeId, which a market counts without holes; a message lists the newest first,
 *                         events are in the order of the numbers. Without it the place in the channel.
 *   depth.STEP            the book each time; number version, which has holes
 *   mbp.LEVELS            levels that changed; the message follows prevSeqNum, number seqNum. mbp.refresh.LEVELS, and an
 *                         answer: the book
 *   bbo                   quotes; number seqId, which has holes
 *   kline.PERIOD          bars
 *   detail, detail.merged, ticker   figures, and the quote where there is one
 * /v1/common/symbols and /v2/settings/common/symbols are instruments. {"ping"} and confirmations are filtered.
 */
#include "feed/venue/venue.h"

enum { KEEP_BIDS, KEEP_ASKS, KEEP_ID, KEEP_BID, KEEP_ASK };

static const struct vj_field trade_fields[] = {
    VJ("id", EXTRA, 0),
    VJ("ts", TIME, VJ_MS),
    VJ("tradeId", NUMBER, 0),
    VJ("trade-id", NUMBER, 0),
    VJ("amount", QUANTITY, VJ_quantity),
    VJ("price", PRICE, VJ_price),
    VJ("direction", SIDE, 0),
};

static const struct vj_field book_fields[] = {
    VJ("bids", KEEP, KEEP_BIDS),
    VJ("asks", KEEP, KEEP_ASKS),
    VJ("version", NUMBER, 0),
    VJ("seqNum", NUMBER, 0),
    VJ_AS("prevSeqNum", PREVIOUS, "previous_sequence"),
    VJ("ts", TIME, VJ_MS),
};

static const struct vj_field best_fields[] = {
    VJ("seqId", NUMBER, 0),
    VJ("quoteTime", TIME, VJ_MS),
    VJ("symbol", DROP, 0),
    VJ("bid", PRICE, VJ_bid_price),
    VJ("bidSize", QUANTITY, VJ_bid_quantity),
    VJ("ask", PRICE, VJ_ask_price),
    VJ("askSize", QUANTITY, VJ_ask_quantity),
};

static const struct vj_field candle_fields[] = {
    VJ("id", TIME, VJ_S),
    VJ("open", PRICE, VJ_open),
    VJ("high", PRICE, VJ_high),
    VJ("low", PRICE, VJ_low),
    VJ("close", PRICE, VJ_close),
    VJ("amount", QUANTITY, VJ_volume),
    VJ("count", COUNT, VJ_trade_count),
    VJ_AS("vol", EXTRA, "quote_volume"),
};

static const struct vj_field figure_fields[] = {
    VJ("symbol", SYMBOL, 0),
    VJ_AS("open", STAT, "OPEN"),
    VJ_AS("high", STAT, "HIGH"),
    VJ_AS("low", STAT, "LOW"),
    VJ_AS("close", STAT, "LAST"),
    VJ_AS("amount", STAT_SIZE, "VOLUME"),
    VJ_AS("vol", STAT_SIZE, "QUOTE_VOLUME"),
    VJ_AS("count", STAT_SIZE, "TRADE_COUNT"),
    VJ_AS("lastPrice", EXTRA, "last_price"),
    VJ_AS("lastSize", STAT_SIZE, "LAST_QUANTITY"),
    VJ("ts", TIME, VJ_MS),
    VJ("bid", KEEP, KEEP_BID),
    VJ("bidSize", QUANTITY, VJ_bid_quantity),
    VJ("ask", KEEP, KEEP_ASK),
    VJ("askSize", QUANTITY, VJ_ask_quantity),
};

/* --- the parts of a channel --- */

/* "btcusdt" and "trade.detail" of "market.btcusdt.trade.detail"; empty if it is no such name. */
static struct k2_sv split_channel(const struct vj *v, struct k2_sv *topic) {
    struct k2_sv rest = vj_member_text(v, 0, "ch");
    if (!rest.n)
        rest = vj_member_text(v, 0, "rep");
    struct k2_sv market = k2_sv_split(&rest, '.'), symbol = k2_sv_split(&rest, '.');
    *topic = rest;
    return k2_sv_eq(market, K2_SV("market")) ? symbol : (struct k2_sv){NULL, 0};
}

static struct vj_item *begin(struct vj *v, const struct json_record *r, uint32_t at) {
    struct vj_item *m = vj_begin(v, r, at);
    struct k2_sv topic, symbol = split_channel(v, &topic);
    m->suffix = "@";
    m->suffix_more = topic;
    if (symbol.n)
        vj_symbol(v, symbol);
    return m;
}

/* When the message was sent: its time where what is in it has none, else to extra. */
static void read_sent(struct vj *v) {
    static const struct vj_field time = VJ("ts", TIME, VJ_MS),
                                 extra = VJ_AS("ts", EXTRA, "sent_time");
    uint32_t at = vj_member(v, 0, "ts");
    if (at)
        vj_read_value(v, v->item.ns == K2_NULL_LONG ? &time : &extra, at);
    vj_time_of_receipt(v);
}

/* --- the topics --- */

static int take_trade(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(trade_fields);
    struct vj_item *m = begin(v, r, at);
    vj_read(v, at, &table);
    if (m->number != K2_NULL_LONG)
        m->suffix = "", m->suffix_more.n = 0;
    read_sent(v);
    return vj_trade(v);
}

/* A list of trades, or of such lists in "data" (history); from its end, where the oldest is. */
static int take_trades(struct vj *v, const struct json_record *r, uint32_t at) {
    uint32_t list = vj_type(v, at) == JSON_OBJECT ? vj_member(v, at, "data") : at;
    uint32_t n = 0;
    int rc = K2_OK;
    if (vj_type(v, list) != JSON_ARRAY)
        return take_trade(v, r, at);
    for (uint32_t i = vj_first(list); i < vj_end(v, list); i = vj_next(v, i))
        n++;
    if (n == 0)
        return vj_filtered(v, "a message without data");
    while (n-- > 0 && rc == K2_OK) {
        uint32_t entry = vj_element(v, list, n);
        rc = vj_member(v, entry, "data") ? take_trades(v, r, entry) : take_trade(v, r, entry);
    }
    return rc;
}

static int take_book(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(book_fields);
    struct vj_item *m = begin(v, r, at);
    vj_read(v, at, &table);
    bool asked = vj_member(v, 0, "rep"), snapshot = asked || m->previous == K2_NULL_LONG;
    if (asked) /* its number is that of a change, too */
        m->suffix = "@snapshot.";
    m->sparse = snapshot && m->number != K2_NULL_LONG;
    m->shared = !snapshot;
    if (snapshot)
        m->previous = K2_NULL_LONG;
    read_sent(v);
    vj_levels(v, m->keep[KEEP_BIDS], false, NULL);
    vj_levels(v, m->keep[KEEP_ASKS], true, NULL);
    return vj_book(v, snapshot, "mbp");
}

static int take_best(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(best_fields);
    struct vj_item *m = begin(v, r, at);
    vj_read(v, at, &table);
    m->sparse = m->number != K2_NULL_LONG;
    read_sent(v);
    return vj_quote_and_figures(v, K2_SV("bbo"));
}

/* "1min", "4hour", "1day", "1week", "1mon", "1year". */
static int64_t period_ns(struct k2_sv text) {
    static const struct {
        const char *word;
        int64_t seconds;
    } units[] = {{"min", 60},      {"hour", 3600},   {"day", 86400},
                 {"week", 604800}, {"mon", 2592000}, {"year", 31536000}};
    size_t digits = 0;
    int64_t count;
    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    if (!k2_sv_i64((struct k2_sv){text.p, digits}, &count) || count < 1 || count > 10000)
        return 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (k2_sv_eq((struct k2_sv){text.p + digits, text.n - digits}, k2_sv_of(units[i].word)))
            return count * units[i].seconds * K2_NS_PER_SEC;
    return 0;
}

static int take_candle(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(candle_fields);
    struct vj_item *m = begin(v, r, at);
    struct k2_sv period = m->suffix_more;
    (void)k2_sv_split(&period, '.');
    vj_read(v, at, &table);
    read_sent(v);
    m->interval_ns = period_ns(period);
    m->text[VJ_interval] = period;
    return vj_bar(v);
}

/* A side of the best: its price, or [price, quantity]. */
static void read_best(struct vj *v, uint32_t at, bool ask) {
    static const struct vj_field bid_pair[] = {VJ("bid", PRICE, VJ_bid_price),
                                               VJ("bid", QUANTITY, VJ_bid_quantity)};
    static const struct vj_field ask_pair[] = {VJ("ask", PRICE, VJ_ask_price),
                                               VJ("ask", QUANTITY, VJ_ask_quantity)};
    static const struct vj_table bid_table = VJ_TABLE(bid_pair), ask_table = VJ_TABLE(ask_pair);
    if (vj_type(v, at) == JSON_ARRAY)
        vj_read_array(v, at, ask ? &ask_table : &bid_table);
    else if (at)
        vj_read_value(v, ask ? ask_pair : bid_pair, at);
}

static int take_figures(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(figure_fields);
    struct vj_item *m = begin(v, r, at);
    if (!m->suffix_more.n)
        m->suffix_more = K2_SV("tickers");
    vj_read(v, at, &table);
    read_best(v, m->keep[KEEP_BID], false);
    read_best(v, m->keep[KEEP_ASK], true);
    read_sent(v);
    return vj_quote_and_figures(v, K2_SV("ticker"));
}

static int take_other(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table nothing = {NULL, 0};
    struct k2_sv topic;
    (void)split_channel(v, &topic);
    (void)begin(v, r, at);
    vj_read(v, at, &nothing);
    read_sent(v);
    return vj_message(v, topic);
}

/* --- a message --- */

typedef int (*taker)(struct vj *v, const struct json_record *r, uint32_t at);

static taker taker_of(struct k2_sv topic) {
    static const struct {
        const char *topic;
        taker take;
    } topics[] = {{"trade", take_trades},  {"depth", take_book},   {"mbp", take_book},
                  {"bbo", take_best},      {"kline", take_candle}, {"detail", take_figures},
                  {"ticker", take_figures}};
    struct k2_sv first = k2_sv_split(&topic, '.');
    for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
        if (k2_sv_eq(first, k2_sv_of(topics[i].topic)))
            return topics[i].take;
    return take_other;
}

/* An answer without a channel: symbols, tickers, or something else. */
static int take_unnamed(struct vj *v, const struct json_record *r, uint32_t data) {
    uint32_t first = vj_type(v, data) == JSON_ARRAY ? vj_element(v, data, 0) : 0;
    if (first && vj_member(v, first, "symbol") && vj_member(v, first, "close"))
        return vj_each(v, r, data, take_figures);
    return vj_answer(v, r,
                     vj_member(v, 0, "ping")     ? "a sign of life"
                     : vj_member(v, 0, "subbed") ? "the answer to a subscription"
                                                 : "other message");
}

static int take(struct vj *v, const struct json_record *r) {
    uint32_t tick = vj_member(v, 0, "tick"), data = vj_member(v, 0, "data");
    struct k2_sv topic, symbol = split_channel(v, &topic);
    uint32_t body = tick ? tick : data;
    if (!symbol.n || !topic.n || !feed_text_ok(topic, VJ_WORD_MAX))
        return take_unnamed(v, r, data);
    taker by = taker_of(topic);
    if (vj_type(v, body) == JSON_ARRAY && by != take_trades)
        return vj_each(v, r, body, by);
    if (vj_type(v, body) != JSON_OBJECT && vj_type(v, body) != JSON_ARRAY)
        return vj_filtered(v, "a message without data");
    return by(v, r, body);
}

static int shape(struct k2_sv text, const char **why) {
    *why = "the first message has the form of Huobi's";
    if ((vj_says(text, "ch") || vj_says(text, "rep")) && vj_contains(text, "\"market."))
        return 93;
    return vj_names(text, "base-currency") && vj_names(text, "quote-currency") ? 85 : 0;
}

static const char *const codes[] = {"HUOBI", NULL};
static const char *const hosts[] = {"huobi.", "htx.com", NULL};
static const struct vj_venue venue = {.codes = codes, .hosts = hosts, .take = take, .shape = shape};

VJ_FEED(huobi, "Huobi (HTX) spot: trades, order book, quotes, bars, figures, JSON as captured",
        "tradeId of a trade, seqNum of book changes; version of books and seqId of quotes, which "
        "have holes; else the place in its channel",
        {"specification", "document",
         "HTX Spot API v1.0: WebSocket Market Data, REST Market Data and Reference Data"},
        {"file name", "any", "symbol and date come from the messages"},
        {"line", "packed", "1618678070.5: b'\\x1f\\x8b...': gzip, as Python writes bytes"},
        {"trade", "trade.detail", "number tradeId; extra: id, sent_time"},
        {"book_event", "depth", "CLEAR and SET; number version"},
        {"book_event", "mbp", "SET and DELETE; numbers prevSeqNum+1..seqNum"},
        {"quote", "bbo, ticker", "number seqId; with the figures of a ticker as statistics"},
        {"bar", "kline", "channel SYMBOL@kline.PERIOD"},
        {"instrument", "/v1/common/symbols", "channel SYMBOL@instruments; the rest is in extra"},
        {"message", "other answers", "channel *@answers"},
        {"other", "ping, answers to subscriptions", "are filtered"}, )
