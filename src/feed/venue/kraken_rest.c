/* feed/venue/kraken_rest.c - answers of Kraken's REST APIs, spot and futures; see venue.h.
 * Documents: Kraken Spot REST API, "Market Data"; Kraken Futures REST API, "Market Data", "Charts", "History".
 *
 *   spot, {"error":[],"result":{PAIR: ...}}
 *     Trades         [price, volume, time, side, type, misc, trade_id]: number trade_id, the bare pair is its channel
 *     OHLC           [time, open, high, low, close, vwap, volume, count]
 *     Ticker         lists as in the WebSocket's ticker, but "o" is a number
 *     SystemStatus   {"status","timestamp"}
 *   futures
 *     tickers        {"tickers":[{"symbol",...}],"serverTime"}
 *     orderbook      {"orderBook":{"bids","asks"},"serverTime"}
 *     charts         {"candles":[{"time",...}],"more_candles"}
 *     historicalfundingrates   {"rates":[{"timestamp",...}]}
 *     executions     {"elements":[{"event":{"Execution":...}}]}: trades without a number, in both orders' words
 *
 * Order books, candles and rates do not name their symbol: it is in the address of the request, or given by --symbol. What
 * an answer says beside its list (where to go on asking) is a message, where its request is known.
 */
#include "feed/venue/venue.h"

enum { KEEP_BIDS, KEEP_ASKS, KEEP_MAKER, KEEP_TAKER };

static const struct vj_field trade_fields[] = {
    VJ("price", PRICE, VJ_price), VJ("volume", QUANTITY, VJ_quantity), VJ("time", TIME, VJ_S),
    VJ("side", SIDE, 0),          VJ_AS("type", EXTRA, "orderType"),   VJ("misc", EXTRA, 0),
    VJ("trade_id", NUMBER, 0),
};

static const struct vj_field ohlc_fields[] = {
    VJ("time", TIME, VJ_S),
    VJ("open", PRICE, VJ_open),
    VJ("high", PRICE, VJ_high),
    VJ("low", PRICE, VJ_low),
    VJ("close", PRICE, VJ_close),
    VJ("vwap", EXTRA, 0),
    VJ("volume", QUANTITY, VJ_volume),
    VJ("count", COUNT, VJ_trade_count),
};

static const struct vj_field status_fields[] = {
    VJ("status", TEXT, VJ_status),
    VJ("timestamp", TIME_ISO, 0),
};

static const struct vj_field futures_ticker_fields[] = {
    VJ("symbol", SYMBOL, 0),
    VJ("bid", PRICE, VJ_bid_price),
    VJ("bidSize", QUANTITY, VJ_bid_quantity),
    VJ("ask", PRICE, VJ_ask_price),
    VJ("askSize", QUANTITY, VJ_ask_quantity),
    VJ_AS("last", STAT, "LAST"),
    VJ_AS("lastSize", STAT_SIZE, "LAST_QUANTITY"),
    VJ_AS("markPrice", STAT, "MARK_PRICE"),
    VJ_AS("indexPrice", STAT, "INDEX_PRICE"),
    VJ_AS("open24h", STAT, "OPEN"),
    VJ_AS("high24h", STAT, "HIGH"),
    VJ_AS("low24h", STAT, "LOW"),
    VJ_AS("vol24h", STAT_SIZE, "VOLUME"),
    VJ_AS("volumeQuote", STAT_SIZE, "QUOTE_VOLUME"),
    VJ_AS("openInterest", STAT_SIZE, "OPEN_INTEREST"),
    VJ_AS("fundingRate", STAT, "FUNDING_RATE"),
    VJ_AS("fundingRatePrediction", STAT, "NEXT_FUNDING_RATE"),
};

static const struct vj_field candle_fields[] = {
    VJ("time", TIME, VJ_MS),  VJ("open", PRICE, VJ_open),   VJ("high", PRICE, VJ_high),
    VJ("low", PRICE, VJ_low), VJ("close", PRICE, VJ_close), VJ("volume", QUANTITY, VJ_volume),
};

static const struct vj_field rate_fields[] = {
    VJ("timestamp", TIME_ISO, 0),
    VJ_AS("fundingRate", STAT, "FUNDING_RATE"),
    VJ_AS("relativeFundingRate", STAT, "RELATIVE_FUNDING_RATE"),
};

static const struct vj_field book_fields[] = {
    VJ("bids", KEEP, KEEP_BIDS),
    VJ("asks", KEEP, KEEP_ASKS),
};

static const struct vj_field execution_fields[] = {
    VJ("uid", EXTRA, 0),
    VJ("timestamp", TIME, VJ_MS),
    VJ("price", PRICE, VJ_price),
    VJ("quantity", QUANTITY, VJ_quantity),
    VJ("makerOrder", KEEP, KEEP_MAKER),
    VJ("takerOrder", KEEP, KEEP_TAKER),
};

/* --- what the address says --- */

static void read_server_time(struct vj *v) {
    static const struct vj_field time = VJ("serverTime", TIME_ISO, 0);
    uint32_t at = vj_member(v, 0, "serverTime");
    if (at)
        vj_read_value(v, &time, at);
    vj_time_of_receipt(v);
}

/* --- spot --- */

static int take_trades(struct vj *v, const struct json_record *r, struct k2_sv pair,
                       uint32_t list) {
    static const struct vj_table table = VJ_TABLE(trade_fields);
    int rc = K2_OK;
    for (uint32_t i = vj_first(list); i < vj_end(v, list) && rc == K2_OK; i = vj_next(v, i)) {
        struct vj_item *m = vj_begin(v, r, i);
        vj_symbol(v, pair);
        m->numbered = true;
        vj_read_array(v, i, &table);
        if (m->n_pairs && m->pair[m->n_pairs - 1].value.n == 0) /* misc is mostly empty */
            m->n_pairs--;
        rc = vj_trade(v);
    }
    return rc;
}

static int take_bars(struct vj *v, const struct json_record *r, struct k2_sv pair, uint32_t list) {
    static const struct vj_table table = VJ_TABLE(ohlc_fields);
    struct k2_sv interval = vj_part(r->url, "interval=", '&');
    int rc = K2_OK;
    for (uint32_t i = vj_first(list); i < vj_end(v, list) && rc == K2_OK; i = vj_next(v, i)) {
        vj_begin(v, r, i)->suffix = interval.n ? "@ohlc-" : "@ohlc";
        vj_symbol(v, pair);
        vj_interval_asked(v, interval, 60, vj_step_between(v, list, NULL, K2_NS_PER_SEC));
        vj_read_array(v, i, &table);
        rc = vj_bar(v);
    }
    return rc;
}

static int take_spot_ticker(struct vj *v, const struct json_record *r, struct k2_sv pair,
                            uint32_t at) {
    vj_begin(v, r, at)->suffix = "@ticker";
    vj_symbol(v, pair);
    vj_kraken_ticker(v, at);
    vj_time_of_receipt(v);
    return vj_quote_and_figures(v, K2_SV("ticker"));
}

static int take_pair(struct vj *v, const struct json_record *r, struct k2_sv pair, uint32_t at,
                     bool *any) {
    uint32_t entry = vj_type(v, at) == JSON_ARRAY ? vj_element(v, at, 0) : 0;
    bool list = vj_type(v, entry) == JSON_ARRAY;
    if (vj_type(v, at) == JSON_OBJECT && vj_member(v, at, "c") && vj_member(v, at, "v")) {
        *any = true;
        return take_spot_ticker(v, r, pair, at);
    }
    if (!list || !vj_element(v, entry, 6))
        return K2_OK;
    *any = true;
    K2_TRY(vj_element(v, entry, 7) ? take_bars(v, r, pair, at) : take_trades(v, r, pair, at));
    return vj_answer_rest(v, r, at);
}

static int take_pairs(struct vj *v, const struct json_record *r, uint32_t result, bool *any) {
    int rc = K2_OK;
    for (uint32_t i = vj_first(result); i < vj_end(v, result) && rc == K2_OK; i = vj_next(v, i + 1))
        rc = take_pair(v, r, vj_text(v, i), i + 1, any);
    return rc;
}

static int take_system_status(struct vj *v, const struct json_record *r, uint32_t result) {
    static const struct vj_table table = VJ_TABLE(status_fields);
    struct vj_item *m = vj_begin(v, r, 0);
    m->suffix = "@status";
    m->symbol = K2_SV("*");
    vj_read(v, result, &table);
    vj_time_of_receipt(v);
    return vj_status(v);
}

/* --- futures --- */

static int take_ticker(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(futures_ticker_fields);
    vj_begin(v, r, at)->suffix = "@tickers";
    vj_read(v, at, &table);
    read_server_time(v);
    return vj_quote_and_figures(v, K2_SV("ticker"));
}

static int take_book(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(book_fields), none = {NULL, 0};
    struct vj_item *m = vj_begin(v, r, 0);
    m->suffix = "@orderbook";
    vj_symbol_asked(v, vj_part(r->url, "symbol=", '&'));
    vj_read(v, at, &table);
    read_server_time(v);
    vj_levels(v, m->keep[KEEP_BIDS], false, &none);
    vj_levels(v, m->keep[KEEP_ASKS], true, &none);
    return vj_book(v, true, "orderbook");
}

/* .../api/charts/v1/TICK_TYPE/SYMBOL/RESOLUTION; of mark, index and traded prices there are bars of their own. */
static int take_candle(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(candle_fields);
    struct vj_item *m = vj_begin(v, r, at);
    struct k2_sv type = vj_path_part(r->url, 2);
    bool charts = vj_contains(r->url, "/charts/");
    m->suffix = charts && k2_sv_eq(type, K2_SV("mark"))   ? "@mark-candles-"
                : charts && k2_sv_eq(type, K2_SV("spot")) ? "@spot-candles-"
                : charts                                  ? "@candles-"
                                                          : "@candles";
    vj_symbol_asked(v, charts ? vj_path_part(r->url, 1) : (struct k2_sv){NULL, 0});
    vj_interval_asked(v, charts ? vj_path_part(r->url, 0) : (struct k2_sv){NULL, 0}, 60,
                      vj_step_between(v, vj_member(v, 0, "candles"), "time", K2_NS_PER_MS));
    vj_read(v, at, &table);
    return vj_bar(v);
}

static int take_rate(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(rate_fields);
    vj_begin(v, r, at)->suffix = "@funding";
    vj_symbol_asked(v, vj_part(r->url, "symbol=", '&'));
    vj_read(v, at, &table);
    return vj_quote_and_figures(v, K2_SV("funding"));
}

static int take_execution(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(execution_fields);
    static const struct vj_field side = VJ("direction", SIDE, 0),
                                 uid = VJ_AS("uid", EXTRA, "element_uid"),
                                 maker = VJ("makerOrder", EXTRA, 0),
                                 taker = VJ("takerOrder", EXTRA, 0),
                                 reduced = VJ("takerReducedQuantity", EXTRA, 0);
    uint32_t event = vj_member(v, at, "event"), outer = vj_member(v, event, "Execution"),
             inner = outer ? vj_member(v, outer, "execution") : 0, own = vj_member(v, at, "uid");
    if (!event || !inner)
        return vj_filtered(v, "other message");
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = "@executions";
    vj_read(v, inner, &table);
    if (own)
        vj_read_value(v, &uid, own);
    if (vj_member_text(v, outer, "takerReducedQuantity").n)
        vj_read_value(v, &reduced, vj_member(v, outer, "takerReducedQuantity"));
    uint32_t made = m->keep[KEEP_MAKER], took = m->keep[KEEP_TAKER];
    if (!made || !took || !vj_member(v, took, "direction")) {
        (void)vj_fault(v, "MALFORMED", "the execution lacks its orders", m->raw);
        return vj_trade(v);
    }
    vj_symbol(v, vj_member_text(v, made, "tradeable"));
    vj_read_value(v, &side, vj_member(v, took, "direction"));
    vj_read_value(v, &maker, made);
    vj_read_value(v, &taker, took);
    return vj_trade(v);
}

/* --- an answer --- */

static int take_futures_list(struct vj *v, const struct json_record *r, bool *any) {
    static const struct {
        const char *list, *mark;
        vj_taker *take;
    } lists[] = {
        {"tickers", "symbol", take_ticker},
        {"candles", "open", take_candle},
        {"rates", "fundingRate", take_rate},
        {"elements", "event", take_execution},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        uint32_t list = vj_member(v, 0, lists[i].list);
        uint32_t first = vj_type(v, list) == JSON_ARRAY ? vj_element(v, list, 0) : 0;
        if (!first || !vj_member(v, first, lists[i].mark) || vj_member(v, 0, "accountUid"))
            continue;
        *any = true;
        K2_TRY(vj_each(v, r, list, lists[i].take));
        return vj_answer_rest(v, r, list);
    }
    return K2_OK;
}

int vj_kraken_rest(struct vj *v, const struct json_record *r, bool *any) {
    uint32_t result = vj_member(v, 0, "result"), book = vj_member(v, 0, "orderBook");
    *any = false;
    if (vj_type(v, book) == JSON_OBJECT) {
        *any = true;
        return take_book(v, r, book);
    }
    if (vj_type(v, result) != JSON_OBJECT || !vj_member(v, 0, "error"))
        return take_futures_list(v, r, any);
    if (vj_member(v, result, "status") && vj_member(v, result, "timestamp")) {
        *any = true;
        return take_system_status(v, r, result);
    }
    return take_pairs(v, r, result, any);
}
