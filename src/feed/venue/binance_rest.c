/* feed/venue/binance_rest.c - answers of Binance's REST that have other names than its streams: trades, klines, tickers.
 * Document: Binance Spot API, REST, "Market Data endpoints"; those of futures have the same members.
 *
 *   /trades, /historicalTrades     trades; number id, channel SYMBOL@trades
 *   /klines                        bars; the interval is the time from open to close
 *   /ticker/24hr, /ticker/bookTicker, /ticker/price   figures, and the quote where there is one
 *   /avgPrice                      a figure
 *
 * Trades, klines and averages do not name their symbol: it is in the address of the request, or given by --symbol.
 */
#include "feed/venue/venue.h"

enum { KEEP_CLOSE };

static const struct vj_field trade_fields[] = {
    VJ("id", NUMBER, 0),           VJ("price", PRICE, VJ_price), VJ("qty", QUANTITY, VJ_quantity),
    VJ("time", TIME, VJ_MS_OR_US), VJ("isBuyerMaker", SELLS, 0),
};

static const struct vj_field kline_fields[] = {
    VJ("open time", TIME, VJ_MS_OR_US),
    VJ("open", PRICE, VJ_open),
    VJ("high", PRICE, VJ_high),
    VJ("low", PRICE, VJ_low),
    VJ("close", PRICE, VJ_close),
    VJ("volume", QUANTITY, VJ_volume),
    VJ("close time", KEEP, KEEP_CLOSE),
    VJ_AS("quote volume", EXTRA, "quote_volume"),
    VJ("trades", COUNT, VJ_trade_count),
    VJ_AS("taker buy volume", EXTRA, "taker_buy_volume"),
    VJ_AS("taker buy quote volume", EXTRA, "taker_buy_quote_volume"),
};

static const struct vj_field ticker_fields[] = {
    VJ("symbol", SYMBOL, 0),
    VJ_AS("price", STAT, "LAST"),
    VJ_AS("priceChange", STAT, "PRICE_CHANGE"),
    VJ_AS("weightedAvgPrice", STAT, "AVERAGE_PRICE"),
    VJ_AS("prevClosePrice", STAT, "PREVIOUS_CLOSE"),
    VJ_AS("lastPrice", STAT, "LAST"),
    VJ_AS("lastQty", STAT_SIZE, "LAST_QUANTITY"),
    VJ("bidPrice", PRICE, VJ_bid_price),
    VJ("bidQty", QUANTITY, VJ_bid_quantity),
    VJ("askPrice", PRICE, VJ_ask_price),
    VJ("askQty", QUANTITY, VJ_ask_quantity),
    VJ_AS("openPrice", STAT, "OPEN"),
    VJ_AS("highPrice", STAT, "HIGH"),
    VJ_AS("lowPrice", STAT, "LOW"),
    VJ_AS("volume", STAT_SIZE, "VOLUME"),
    VJ_AS("quoteVolume", STAT_SIZE, "QUOTE_VOLUME"),
    VJ_AS("count", STAT_SIZE, "TRADE_COUNT"),
    VJ("time", TIME, VJ_MS_OR_US),
    VJ("closeTime", TIME, VJ_MS_OR_US),
};

static const struct vj_field average_fields[] = {
    VJ_AS("mins", EXTRA, "minutes"),
    VJ_AS("price", STAT, "AVERAGE_PRICE"),
    VJ("closeTime", TIME, VJ_MS_OR_US),
};

static struct vj_item *begin(struct vj *v, const struct json_record *r, uint32_t at,
                             const char *suffix) {
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = suffix;
    if (!v->given)
        m->exchange = v->venue->answers_of(v, r);
    return m;
}

static void find_symbol(struct vj *v, const struct json_record *r) {
    vj_symbol_asked(v, vj_part(r->url, "symbol=", '&'));
}

static int take_trade(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(trade_fields);
    struct vj_item *m = begin(v, r, at, "@trades");
    find_symbol(v, r);
    vj_read(v, at, &table);
    m->numbered = true;
    return vj_trade(v);
}

static int take_kline(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(kline_fields);
    static const struct vj_field extra = VJ_AS("close time", EXTRA, "close_time");
    struct k2_sv interval = vj_part(r->url, "interval=", '&');
    struct vj_item *m = begin(v, r, at, interval.n ? "@klines_" : "@klines");
    int64_t open, close;
    find_symbol(v, r);
    if (interval.n && feed_text_ok(interval, VJ_WORD_MAX))
        m->suffix_more = interval;
    vj_read_array(v, at, &table);
    uint32_t last = m->keep[KEEP_CLOSE], first = vj_first(at);
    if (last && k2_sv_i64(vj_text(v, first), &open) && k2_sv_i64(vj_text(v, last), &close) &&
        close > open && close - open < INT64_C(1) << 40) {
        m->interval_ns = (close - open + 1) * K2_NS_PER_MS;
        vj_read_value(v, &extra, last);
    }
    return vj_bar(v);
}

static int take_ticker(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(ticker_fields);
    (void)begin(v, r, at, "@ticker");
    vj_read(v, at, &table);
    vj_time_of_receipt(v);
    return vj_quote_and_figures(v, K2_SV("ticker"));
}

static int take_average(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(average_fields);
    (void)begin(v, r, at, "@avgPrice");
    find_symbol(v, r);
    vj_read(v, at, &table);
    vj_time_of_receipt(v);
    return vj_quote_and_figures(v, K2_SV("avgPrice"));
}

vj_taker *vj_binance_rest(const struct vj *v, uint32_t entry) {
    const struct json_token *t = vj_token(v, entry);
    if (t->type == JSON_ARRAY)
        return entry && vj_element(v, entry, 10) ? take_kline : NULL;
    if (vj_member(v, entry, "e") || vj_member(v, entry, "orderId"))
        return NULL;
    if (vj_member(v, entry, "isBuyerMaker") && vj_member(v, entry, "qty"))
        return take_trade;
    if (vj_member(v, entry, "mins") && vj_member(v, entry, "price"))
        return take_average;
    bool figures = vj_member(v, entry, "bidPrice") || vj_member(v, entry, "lastPrice") ||
                   vj_member(v, entry, "price");
    return vj_member(v, entry, "symbol") && figures ? take_ticker : NULL;
}

/* [1499040000000,"0.0163479",..."0"]: two times, the prices and volumes as text, the number of trades, a text. */
static bool is_kline(struct json_scan *s) {
    static const char kinds[] = "nsssssnsnsss";
    struct json_index x = {0};
    struct json_value entry;
    bool good = json_value(s, &entry) && entry.type == JSON_ARRAY;
    struct json_scan inside = {entry.text.p, entry.text.p + entry.text.n, NULL, false};
    good = good && json_index(&inside, &x) && x.n == sizeof kinds;
    for (size_t i = 0; good && kinds[i]; i++)
        good = x.all[i + 1].type == (kinds[i] == 'n' ? JSON_NUMBER : JSON_STRING);
    json_index_free(&x);
    return good;
}

/* {"symbol","price"} and, of futures, time; nothing else. */
static bool is_price(struct json_scan *s) {
    struct k2_sv key;
    struct json_value value;
    int symbols = 0, prices = 0, others = 0;
    if (!json_enter(s))
        return false;
    while (json_member(s, &key, &value)) {
        bool text = value.type == JSON_STRING;
        symbols += text && k2_sv_eq(key, K2_SV("symbol"));
        prices += text && k2_sv_eq(key, K2_SV("price"));
        others += !k2_sv_eq(key, K2_SV("symbol")) && !k2_sv_eq(key, K2_SV("price")) &&
                  !k2_sv_eq(key, K2_SV("time"));
    }
    return !s->fault && symbols == 1 && prices == 1 && others == 0;
}

bool vj_is_binance_rest(struct k2_sv text) {
    text = k2_sv_trim(text);
    bool list = k2_sv_take(&text, '[');
    text = k2_sv_trim(text);
    struct json_scan s = {text.p, text.p + text.n, NULL, false};
    if (!text.n)
        return false;
    return text.p[0] == '[' ? list && is_kline(&s) : is_price(&s);
}
