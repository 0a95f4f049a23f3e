/* feed/venue/deribit.c - notifications of Deribit: {"jsonrpc","method":"subscription","params":{"channel","data"}}.
 *
 *   trades.*              number: trade_seq, "the sequence number of the trade within instrument"
 *   book.INSTRUMENT.*     change_id and prev_change_id: a change is for the numbers after prev_change_id;
 *                         grouped books (book.INSTRUMENT.GROUP.DEPTH.INTERVAL) are told whole each time
 *   quote.*, ticker.*, perpetual.*, deribit_price_index.*, deribit_volatility_index.*, markprice.*
 *   chart.trades.*        bars
 *   instrument.state.*    trading status
 * and of the answers: get_last_trades_by_*, get_tradingview_chart_data (arrays, one for each column; the instrument is in
 * the address or given by --symbol, the length of a bar in the address or the time from one to the next), instruments.
 * Prices are JSON numbers and may be below 0 (combos).
 */
#include "feed/venue/venue.h"

enum { KEEP_BIDS, KEEP_ASKS };

static const struct vj_field trade_fields[] = {
    VJ("timestamp", TIME, VJ_MS),        VJ("price", PRICE, VJ_price),
    VJ("amount", QUANTITY, VJ_quantity), VJ("direction", SIDE, 0),
    VJ("instrument_name", SYMBOL, 0),    VJ("trade_seq", NUMBER, 0),
};

static const struct vj_field book_fields[] = {
    VJ("type", DROP, 0),
    VJ("instrument_name", SYMBOL, 0),
    VJ("timestamp", TIME, VJ_MS),
    VJ("change_id", NUMBER, 0),
    VJ_AS("prev_change_id", PREVIOUS, "prev_change_id"),
    VJ("bids", KEEP, KEEP_BIDS),
    VJ("asks", KEEP, KEEP_ASKS),
};

static const struct vj_field figure_fields[] = {
    VJ("timestamp", TIME, VJ_MS),
    VJ("instrument_name", SYMBOL, 0),
    VJ("index_name", SYMBOL, 0),
    VJ("best_bid_price", PRICE, VJ_bid_price),
    VJ("best_bid_amount", QUANTITY, VJ_bid_quantity),
    VJ("best_ask_price", PRICE, VJ_ask_price),
    VJ("best_ask_amount", QUANTITY, VJ_ask_quantity),
    VJ("stats", INTO, 0),
    VJ("greeks", INTO, 0),
    VJ_AS("high", STAT, "HIGH"),
    VJ_AS("low", STAT, "LOW"),
    VJ_AS("volume", STAT_SIZE, "VOLUME"),
    VJ_AS("volume_usd", STAT_SIZE, "QUOTE_VOLUME"),
    VJ_AS("last_price", STAT, "LAST"),
    VJ_AS("mark_price", STAT, "MARK_PRICE"),
    VJ_AS("index_price", STAT, "INDEX_PRICE"),
    VJ_AS("settlement_price", STAT, "SETTLEMENT"),
    VJ_AS("estimated_delivery_price", STAT, "ESTIMATED_SETTLEMENT_PRICE"),
    VJ_AS("open_interest", STAT_SIZE, "OPEN_INTEREST"),
    VJ_AS("current_funding", STAT, "FUNDING_RATE"),
    VJ_AS("funding_8h", STAT, "FUNDING_RATE_8H"),
    VJ_AS("interest", STAT, "FUNDING_RATE"),
    VJ_AS("price", STAT, "INDEX_PRICE"),
    VJ_AS("volatility", STAT, "VOLATILITY"),
    VJ_AS("iv", STAT, "IMPLIED_VOLATILITY"),
};

static const struct vj_field chart_fields[] = {
    VJ("tick", TIME, VJ_MS),      VJ("open", PRICE, VJ_open),   VJ("high", PRICE, VJ_high),
    VJ("low", PRICE, VJ_low),     VJ("close", PRICE, VJ_close), VJ("volume", QUANTITY, VJ_volume),
    VJ_AS("cost", EXTRA, "cost"),
};

static const struct vj_field state_fields[] = {
    VJ("timestamp", TIME, VJ_MS),
    VJ("instrument_name", SYMBOL, 0),
    VJ("state", TEXT, VJ_status),
};

static int take_trade(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(trade_fields);
    vj_begin(v, r, at)->numbered = true;
    vj_read(v, at, &table);
    return vj_trade(v);
}

/* ["new" | "change" | "delete", price, amount], or [price, amount] of a grouped book. */
static void read_side(struct vj *v, uint32_t list, bool sell) {
    if (!list || vj_type(v, list) != JSON_ARRAY) {
        (void)vj_fault(v, "MALFORMED", "the book has no two sides", v->item.raw);
        return;
    }
    for (uint32_t i = vj_first(list); i < vj_end(v, list) && !v->item.bad; i = vj_next(v, i)) {
        uint32_t a = vj_element(v, i, 0), b = vj_element(v, i, 1), c = vj_element(v, i, 2);
        bool word = vj_type(v, a) == JSON_STRING;
        uint32_t price = word ? b : a, amount = word ? c : b;
        if (vj_type(v, price) != JSON_NUMBER || vj_type(v, amount) != JSON_NUMBER) {
            (void)vj_fault(v, "MALFORMED", "a level is no price and amount", vj_text(v, i));
            return;
        }
        struct vj_level *l = vj_add_level(v, sell);
        if (!vj_decimal(v, vj_text(v, price), true, &l->price, "the price is no number") ||
            !vj_decimal(v, vj_text(v, amount), false, &l->quantity, "the amount is no number"))
            return;
        if (word && k2_sv_eq(vj_text(v, a), K2_SV("delete")))
            l->quantity = 0;
        vj_set_or_delete(l);
    }
}

static int take_book(struct vj *v, const struct json_record *r, uint32_t at, struct k2_sv channel) {
    static const struct vj_table table = VJ_TABLE(book_fields);
    struct vj_item *m = vj_begin(v, r, at);
    m->numbered = m->shared = true;
    vj_read(v, at, &table);
    m->suffix = "@book";
    if (m->symbol.n && channel.n > m->symbol.n + 5)
        m->suffix_more = (struct k2_sv){channel.p + m->symbol.n + 5, channel.n - m->symbol.n - 5};
    bool snapshot = !vj_member_is(v, at, "type", "change");
    if (snapshot) {
        m->sparse = true;
        m->previous = K2_NULL_LONG;
    }
    read_side(v, m->keep[KEEP_BIDS], false);
    read_side(v, m->keep[KEEP_ASKS], true);
    return vj_book(v, snapshot, "book");
}

/* The part of the channel's name behind the first `dots` dots. */
static struct k2_sv behind(struct k2_sv channel, int dots) {
    while (dots-- > 0)
        (void)k2_sv_split(&channel, '.');
    return channel;
}

static int take_figures(struct vj *v, const struct json_record *r, uint32_t at,
                        struct k2_sv channel) {
    static const struct vj_table table = VJ_TABLE(figure_fields);
    struct k2_sv rest = channel, name = k2_sv_split(&rest, '.');
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = "@";
    m->suffix_more = name;
    vj_read(v, at, &table);
    if (!m->symbol.n)
        vj_symbol(v, k2_sv_split(&rest, '.'));
    vj_time_of_receipt(v);
    return vj_quote_and_figures(v, name);
}

static int take_chart(struct vj *v, const struct json_record *r, uint32_t at,
                      struct k2_sv channel) {
    static const struct vj_table table = VJ_TABLE(chart_fields);
    struct k2_sv rest = behind(channel, 2);
    struct vj_item *m = vj_begin(v, r, at);
    vj_symbol(v, k2_sv_split(&rest, '.'));
    m->suffix = "@chart.";
    m->suffix_more = rest;
    vj_interval(v, rest, 60);
    vj_read(v, at, &table);
    return vj_bar(v);
}

static int take_state(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(state_fields);
    vj_begin(v, r, at)->suffix = "@state";
    vj_read(v, at, &table);
    return vj_status(v);
}

static int take_list(struct vj *v, const struct json_record *r, uint32_t data,
                     struct k2_sv channel) {
    int rc = K2_OK;
    if (k2_sv_starts(channel, K2_SV("trades.")))
        return vj_each(v, r, data, take_trade);
    if (vj_first(data) == vj_end(v, data))
        return vj_filtered(v, "a message without data");
    for (uint32_t i = vj_first(data); i < vj_end(v, data) && rc == K2_OK; i = vj_next(v, i))
        rc = take_figures(v, r, i, channel);
    return rc;
}

/* --- answers to requests --- */

#define CHART_COLUMNS (sizeof chart_fields / sizeof *chart_fields)

/* The arrays of a chart in the order of chart_fields: where their first elements are. False: they are not of one
 * length. */
static bool find_columns(const struct vj *v, uint32_t chart, uint32_t column[CHART_COLUMNS]) {
    static const char *const names[CHART_COLUMNS] = {"ticks", "open",   "high", "low",
                                                     "close", "volume", "cost"};
    size_t length = 0;
    for (size_t k = 0; k < CHART_COLUMNS; k++) {
        uint32_t list = vj_member(v, chart, names[k]);
        size_t n = 0;
        if (vj_type(v, list) != JSON_ARRAY)
            return false;
        for (uint32_t i = vj_first(list); i < vj_end(v, list); i = vj_next(v, i))
            n++;
        length = k == 0 ? n : length;
        if (n != length)
            return false;
        column[k] = vj_first(list);
    }
    return true;
}

static int take_asked_chart(struct vj *v, const struct json_record *r, uint32_t chart) {
    uint32_t column[CHART_COLUMNS], ticks = vj_member(v, chart, "ticks");
    struct k2_sv length = vj_part(r->url, "resolution=", '&');
    int64_t step = vj_step_between(v, ticks, NULL, K2_NS_PER_MS);
    int rc = K2_OK;
    if (!find_columns(v, chart, column))
        return vj_refuse(v, r, "MALFORMED", "the columns of the chart are not of one length");
    while (column[0] < vj_end(v, ticks) && rc == K2_OK) {
        (void)vj_begin(v, r, 0);
        vj_symbol_asked(v, vj_part(r->url, "instrument_name=", '&'));
        vj_bar_asked(v, "chart", length, 60, step);
        for (size_t k = 0; k < CHART_COLUMNS; k++) {
            vj_read_value(v, &chart_fields[k], column[k]);
            column[k] = vj_next(v, column[k]);
        }
        rc = vj_bar(v);
    }
    return rc == K2_OK ? vj_answer_rest(v, r, chart) : rc;
}

static int take_answer(struct vj *v, const struct json_record *r) {
    uint32_t result = vj_member(v, 0, "result"), trades = 0, first = 0;
    if (vj_type(v, result) == JSON_OBJECT)
        trades = vj_member(v, result, "trades");
    if (vj_type(v, trades) == JSON_ARRAY)
        first = vj_element(v, trades, 0);
    if (first && vj_member(v, first, "trade_seq")) {
        K2_TRY(vj_each(v, r, trades, take_trade));
        return vj_answer_rest(v, r, trades);
    }
    if (vj_type(v, result) == JSON_OBJECT && vj_member(v, result, "ticks"))
        return take_asked_chart(v, r, result);
    return vj_answer(v, r, "other message");
}

static int take(struct vj *v, const struct json_record *r) {
    uint32_t params = vj_member(v, 0, "params");
    if (!params || !vj_member_is(v, 0, "method", "subscription"))
        return take_answer(v, r);
    struct k2_sv channel = vj_member_text(v, params, "channel");
    uint32_t data = vj_member(v, params, "data");
    if (k2_sv_starts(channel, K2_SV("user.")))
        return vj_filtered(v, "of a private channel");
    if (vj_type(v, data) == JSON_ARRAY)
        return take_list(v, r, data, channel);
    if (vj_type(v, data) != JSON_OBJECT || !channel.n)
        return vj_filtered(v, "other message");
    if (k2_sv_starts(channel, K2_SV("book.")))
        return take_book(v, r, data, channel);
    if (k2_sv_starts(channel, K2_SV("chart.trades.")))
        return take_chart(v, r, data, channel);
    if (k2_sv_starts(channel, K2_SV("instrument.state.")))
        return take_state(v, r, data);
    return take_figures(v, r, data, channel);
}

static int shape(struct k2_sv text, const char **why) {
    *why = "the first message has the form of Deribit's";
    return vj_names(text, "jsonrpc") && (vj_names(text, "params") || vj_names(text, "result")) ? 90
                                                                                               : 0;
}

static const char *const codes[] = {"DERIBIT", NULL};
static const char *const hosts[] = {"deribit.com", NULL};
static const struct vj_venue venue = {
    .codes = codes, .hosts = hosts, .take = take, .shape = shape, .signed_prices = true};

VJ_FEED(deribit, "Deribit: trades, order book, quotes, figures, JSON messages as captured",
        "trade_seq and change_id of the instrument; else the place in its channel",
        {"specification", "document", "Deribit API v2.1 (JSON-RPC 2.0): subscriptions"},
        {"file name", "any", "symbol and date come from the messages"},
        {"trade", "trades", "number trade_seq; extra: trade_id, mark_price, index_price ..."},
        {"book_event", "book", "number change_id; extra: first_sequence, prev_change_id"},
        {"quote", "quote, ticker", "with the figures of a ticker as statistics"},
        {"statistic", "ticker, perpetual, deribit_price_index", "MARK_PRICE, FUNDING_RATE ..."},
        {"bar", "chart.trades", "channel INSTRUMENT@chart.RESOLUTION"},
        {"trade", "get_last_trades_by_...", "as those of the channel"},
        {"bar", "get_tradingview_chart_data",
         "channel INSTRUMENT@rest-chart; --symbol names the instrument"},
        {"trading_status", "instrument.state", "of the instrument"},
        {"instrument", "get_instruments",
         "channel SYMBOL@instruments; what has no column is in extra"},
        {"message", "other answers to requests", "channel *@answers, named by the request"},
        {"other", "answers and heartbeats", "are filtered"}, )
