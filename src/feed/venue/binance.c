/* feed/venue/binance.c - messages of Binance spot and futures: WebSocket streams, raw or combined, and the
 * REST answers for depth (others: binance_rest.c). One a line, in the containers of json_lines.h.
 *
 *   trade, aggTrade                    trades; numbers: trade id t, aggregate trade id a
 *   bookTicker                         quotes; number: update id u, which has holes
 *   depthUpdate                        book events; the message is for the update ids U..u (spot) or for
 *                                      those after pu up to u (futures: "pu should be equal to the previous
 *                                      event's u"); numbers u
 *   lastUpdateId, bids, asks           a snapshot: of REST, or a partial depth stream
 *   kline                              bars
 *   markPriceUpdate, 24hrTicker, 24hrMiniTicker, 1hTicker ..., avgPrice   statistics
 *   forceOrder and all others          messages
 *
 * Which exchange: of the address where there is one; else by the message's form (M is only in spot trades,
 * X and pu only in those of futures, "USD_" only in symbols of COIN-M); a message that fits both is taken to
 * be of the exchange that the source was of before.
 * Spot bookTicker and snapshots have no time: it is that of the receipt. A snapshot of spot or USD-M does
 * not name its symbol: it is in the address or in the stream's name, or it is the only one of the source's
 * depth updates.
 */
#include "feed/venue/venue.h"

enum exchange { SPOT, USDM, COINM };
enum shape { OF_SPOT, OF_FUTURES, OF_EITHER };
/* own: */
#define OWN_EXCHANGE 0 /* the last one that was told, from 1 */
#define OWN_SEVERAL 1  /* there are depth updates of more than one symbol; own_text is the first */

/* --- tables --- */

enum { KEEP_E, KEEP_U, KEEP_BIDS, KEEP_ASKS, KEEP_M, KEEP_X };

/* What messages begin with whose time is that of the event. */
#define EVENT VJ("e", DROP, 0), VJ("E", TIME, VJ_MS_OR_US)

static const struct vj_field trade_fields[] = {
    VJ("e", DROP, 0),
    VJ("E", DROP, 0),
    VJ("s", SYMBOL, 0),
    VJ("t", NUMBER, 0),
    VJ("p", PRICE, VJ_price),
    VJ("q", QUANTITY, VJ_quantity),
    VJ("T", TIME, VJ_MS_OR_US),
    VJ("m", SELLS, 0),
    VJ("M", KEEP, KEEP_M),
    VJ("X", TEXT, VJ_condition),
    VJ_AS("a", EXTRA, "seller_order_id"),
    VJ_AS("b", EXTRA, "buyer_order_id"),
};

static const struct vj_field agg_trade_fields[] = {
    VJ("e", DROP, 0),
    VJ("E", DROP, 0),
    VJ("s", SYMBOL, 0),
    VJ("a", NUMBER, 0),
    VJ("p", PRICE, VJ_price),
    VJ("q", QUANTITY, VJ_quantity),
    VJ_AS("f", EXTRA, "first_trade_id"),
    VJ_AS("l", EXTRA, "last_trade_id"),
    VJ("T", TIME, VJ_MS_OR_US),
    VJ("m", SELLS, 0),
    VJ("M", KEEP, KEEP_M),
};

static const struct vj_field book_ticker_fields[] = {
    VJ("e", DROP, 0),
    VJ("u", NUMBER, 0),
    VJ("s", SYMBOL, 0),
    VJ_AS("ps", EXTRA, "pair"),
    VJ("b", PRICE, VJ_bid_price),
    VJ("B", QUANTITY, VJ_bid_quantity),
    VJ("a", PRICE, VJ_ask_price),
    VJ("A", QUANTITY, VJ_ask_quantity),
    VJ("T", TIME, VJ_MS_OR_US),
    VJ_AS("E", EXTRA, "event_time"),
};

static const struct vj_field depth_fields[] = {
    VJ("e", DROP, 0),           VJ("E", KEEP, KEEP_E),
    VJ("T", TIME, VJ_MS_OR_US), VJ("s", SYMBOL, 0),
    VJ_AS("ps", EXTRA, "pair"), VJ("U", KEEP, KEEP_U),
    VJ("u", NUMBER, 0),         VJ_AS("pu", PREVIOUS, "previous_update_id"),
    VJ("b", KEEP, KEEP_BIDS),   VJ("a", KEEP, KEEP_ASKS),
};

static const struct vj_field snapshot_fields[] = {
    VJ("lastUpdateId", NUMBER, 0), VJ("E", KEEP, KEEP_E),       VJ("T", TIME, VJ_MS_OR_US),
    VJ("symbol", SYMBOL, 0),       VJ("bids", KEEP, KEEP_BIDS), VJ("asks", KEEP, KEEP_ASKS),
};

static const struct vj_field mark_price_fields[] = {
    EVENT,
    VJ("s", SYMBOL, 0),
    VJ_AS("p", STAT, "MARK_PRICE"),
    VJ_AS("i", STAT, "INDEX_PRICE"),
    VJ_AS("P", STAT, "ESTIMATED_SETTLEMENT_PRICE"),
    VJ_AS("r", STAT, "FUNDING_RATE"),
    VJ_AS("T", EXTRA, "next_funding_time"),
};

static const struct vj_field kline_fields[] = {
    VJ("e", DROP, 0),
    VJ_AS("E", EXTRA, "event_time"),
    VJ("s", SYMBOL, 0),
    VJ("k", INTO, 0),
    VJ("t", TIME, VJ_MS_OR_US),
    VJ_AS("T", EXTRA, "close_time"),
    VJ("i", TEXT, VJ_interval),
    VJ_AS("f", EXTRA, "first_trade_id"),
    VJ_AS("L", EXTRA, "last_trade_id"),
    VJ("o", PRICE, VJ_open),
    VJ("c", PRICE, VJ_close),
    VJ("h", PRICE, VJ_high),
    VJ("l", PRICE, VJ_low),
    VJ("v", QUANTITY, VJ_volume),
    VJ("n", COUNT, VJ_trade_count),
    VJ_AS("x", EXTRA, "closed"),
    VJ_AS("q", EXTRA, "quote_volume"),
    VJ_AS("V", EXTRA, "taker_buy_volume"),
    VJ_AS("Q", EXTRA, "taker_buy_quote_volume"),
    VJ("B", DROP, 0),
};

static const struct vj_field ticker_fields[] = {
    EVENT,
    VJ("s", SYMBOL, 0),
    VJ_AS("ps", EXTRA, "pair"),
    VJ_AS("p", STAT, "PRICE_CHANGE"),
    VJ_AS("P", EXTRA, "price_change_percent"),
    VJ_AS("w", STAT, "AVERAGE_PRICE"),
    VJ_AS("x", STAT, "PREVIOUS_CLOSE"),
    VJ_AS("c", STAT, "LAST"),
    VJ_AS("Q", STAT_SIZE, "LAST_QUANTITY"),
    VJ("b", PRICE, VJ_bid_price),
    VJ("B", QUANTITY, VJ_bid_quantity),
    VJ("a", PRICE, VJ_ask_price),
    VJ("A", QUANTITY, VJ_ask_quantity),
    VJ_AS("o", STAT, "OPEN"),
    VJ_AS("h", STAT, "HIGH"),
    VJ_AS("l", STAT, "LOW"),
    VJ_AS("v", STAT_SIZE, "VOLUME"),
    VJ_AS("q", STAT_SIZE, "QUOTE_VOLUME"),
    VJ_AS("O", EXTRA, "open_time"),
    VJ_AS("C", EXTRA, "close_time"),
    VJ_AS("F", EXTRA, "first_trade_id"),
    VJ_AS("L", EXTRA, "last_trade_id"),
    VJ_AS("n", STAT_SIZE, "TRADE_COUNT"),
};

static const struct vj_field average_fields[] = {
    EVENT,
    VJ("s", SYMBOL, 0),
    VJ_AS("i", EXTRA, "interval"),
    VJ_AS("w", STAT, "AVERAGE_PRICE"),
    VJ_AS("T", EXTRA, "last_trade_time"),
};

static const struct vj_field force_order_fields[] = {
    EVENT,
    VJ("o", KEEP, 0),
};

static const struct vj_field forced_fields[] = {
    VJ("s", SYMBOL, 0),
    VJ_AS("ps", EXTRA, "pair"),
    VJ_AS("S", EXTRA, "side"),
    VJ_AS("o", EXTRA, "order_type"),
    VJ_AS("f", EXTRA, "time_in_force"),
    VJ_AS("q", EXTRA, "quantity"),
    VJ_AS("p", EXTRA, "price"),
    VJ_AS("ap", EXTRA, "average_price"),
    VJ_AS("X", EXTRA, "order_status"),
    VJ_AS("l", EXTRA, "last_filled_quantity"),
    VJ_AS("z", EXTRA, "filled_quantity"),
    VJ_AS("T", EXTRA, "trade_time"),
};

static const struct vj_field other_fields[] = {
    EVENT,
    VJ("s", SYMBOL, 0),
};

/* --- which exchange --- */

static int of_address(struct k2_sv url) {
    if (vj_contains(url, "fstream") || vj_contains(url, "fapi"))
        return USDM;
    if (vj_contains(url, "dstream") || vj_contains(url, "dapi"))
        return COINM;
    return vj_contains(url, "binance.") ? SPOT : -1;
}

static int told_exchange(const struct vj *v, enum shape shape) {
    const struct vj_item *m = &v->item;
    int address = of_address(m->record->url);
    if (address >= 0)
        return address;
    if (shape == OF_EITHER)
        return v->own[OWN_EXCHANGE] >= 1 && v->own[OWN_EXCHANGE] <= 3
                   ? (int)v->own[OWN_EXCHANGE] - 1
                   : -1;
    if (shape == OF_SPOT)
        return SPOT;
    return vj_contains(m->symbol, "USD_") ? COINM : USDM;
}

static void tell_exchange(struct vj *v, enum shape shape) {
    struct vj_item *m = &v->item;
    if (v->given)
        return;
    int told = told_exchange(v, shape);
    if (told < 0) {
        (void)vj_fault(v, "MALFORMED", "the exchange cannot be told: nothing says spot or futures",
                       m->symbol);
        return;
    }
    m->exchange = told;
    v->own[OWN_EXCHANGE] = told + 1;
}

/* --- the types --- */

static void begin(struct vj *v, const struct json_record *r, uint32_t at, const char *suffix) {
    vj_begin(v, r, at)->suffix = suffix;
}

static int take_trade(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(trade_fields);
    begin(v, r, at, "");
    vj_read(v, at, &table);
    struct vj_item *m = &v->item;
    tell_exchange(v, m->keep[KEEP_M] ? OF_SPOT : m->text[VJ_condition].n ? OF_FUTURES : OF_EITHER);
    m->numbered = true;
    return vj_trade(v);
}

static int take_agg_trade(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(agg_trade_fields);
    begin(v, r, at, "@aggTrade");
    vj_read(v, at, &table);
    tell_exchange(v, v->item.keep[KEEP_M] ? OF_SPOT : OF_FUTURES);
    return vj_trade(v);
}

static int take_book_ticker(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(book_ticker_fields);
    begin(v, r, at, "@bookTicker");
    vj_read(v, at, &table);
    tell_exchange(v, v->item.ns == K2_NULL_LONG ? OF_SPOT : OF_FUTURES);
    vj_time_of_receipt(v);
    v->item.sparse = true;
    return vj_quote_and_figures(v, K2_SV("bookTicker"));
}

/* Futures say when it happened (T) and when it was sent (E), spot only E. */
static void read_event_time(struct vj *v) {
    static const struct vj_field time = VJ("E", TIME, VJ_MS_OR_US),
                                 extra = VJ_AS("E", EXTRA, "event_time");
    struct vj_item *m = &v->item;
    if (m->keep[KEEP_E])
        vj_read_value(v, m->ns == K2_NULL_LONG ? &time : &extra, m->keep[KEEP_E]);
}

static void read_sides(struct vj *v) {
    vj_levels(v, v->item.keep[KEEP_BIDS], false, NULL);
    vj_levels(v, v->item.keep[KEEP_ASKS], true, NULL);
}

static void remember_symbol(struct vj *v) {
    struct k2_sv s = v->item.symbol;
    if (!s.n || v->own[OWN_SEVERAL] || k2_sv_eq(s, k2_sv_of(v->own_text)))
        return;
    v->own[OWN_SEVERAL] = v->own_text[0] != 0;
    memcpy(v->own_text, s.p, s.n);
    v->own_text[s.n] = 0;
}

static int take_depth(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(depth_fields);
    static const struct vj_field from = VJ("U", FIRST, 0),
                                 extra = VJ_AS("U", EXTRA, "first_update_id");
    begin(v, r, at, "@depth");
    vj_read(v, at, &table);
    struct vj_item *m = &v->item;
    bool futures = m->previous != K2_NULL_LONG;
    read_event_time(v);
    if (m->keep[KEEP_U])
        vj_read_value(v, futures ? &extra : &from, m->keep[KEEP_U]);
    tell_exchange(v, futures ? OF_FUTURES : OF_SPOT);
    remember_symbol(v);
    read_sides(v);
    m->shared = true;
    m->numbered = true;
    return vj_book(v, false, "depthUpdate");
}

/* The symbol of a snapshot that does not name it. */
static void find_symbol(struct vj *v, struct k2_sv stream) {
    struct vj_item *m = &v->item;
    struct k2_sv in_address = vj_part(m->record->url, "symbol=", '&'), rest = stream;
    if (m->symbol.n)
        return;
    if (in_address.n)
        vj_symbol(v, in_address);
    else if (stream.n)
        vj_symbol_upper(v, k2_sv_split(&rest, '@'));
    else if (v->symbol)
        vj_symbol(v, k2_sv_of(v->symbol));
    else if (v->own_text[0] && !v->own[OWN_SEVERAL])
        vj_symbol(v, k2_sv_of(v->own_text));
    else
        (void)vj_fault(v, "INVALID",
                       "the snapshot does not name its symbol, nor does anything before it",
                       m->raw);
}

static int take_snapshot(struct vj *v, const struct json_record *r, uint32_t at,
                         struct k2_sv stream) {
    static const struct vj_table table = VJ_TABLE(snapshot_fields);
    begin(v, r, at, "@snapshot");
    vj_read(v, at, &table);
    struct vj_item *m = &v->item;
    find_symbol(v, stream);
    tell_exchange(v, m->keep[KEEP_E] || m->ns != K2_NULL_LONG ? OF_FUTURES : OF_SPOT);
    read_event_time(v);
    vj_time_of_receipt(v);
    read_sides(v);
    m->sparse = true;
    return vj_book(v, true, "depth");
}

static int take_mark_price(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(mark_price_fields);
    begin(v, r, at, "@markPrice");
    vj_read(v, at, &table);
    tell_exchange(v, OF_FUTURES);
    return vj_quote_and_figures(v, K2_SV("markPriceUpdate"));
}

static int take_kline(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(kline_fields);
    begin(v, r, at, "@kline_");
    vj_read(v, at, &table);
    v->item.suffix_more = v->item.text[VJ_interval];
    vj_interval(v, v->item.text[VJ_interval], 0);
    tell_exchange(v, OF_EITHER);
    return vj_bar(v);
}

static int take_ticker(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(ticker_fields);
    begin(v, r, at, "@");
    v->item.suffix_more = vj_member_text(v, at, "e");
    vj_read(v, at, &table);
    tell_exchange(v, v->item.seen_decimals[VJ_bid_price] ? OF_SPOT : OF_EITHER);
    return vj_quote_and_figures(v, K2_SV("ticker"));
}

static int take_average(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(average_fields);
    begin(v, r, at, "@avgPrice");
    vj_read(v, at, &table);
    tell_exchange(v, OF_SPOT);
    return vj_quote_and_figures(v, K2_SV("avgPrice"));
}

static int take_force_order(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(force_order_fields),
                                 forced = VJ_TABLE(forced_fields);
    begin(v, r, at, "@forceOrder");
    vj_read(v, at, &table);
    vj_read(v, v->item.keep[0], &forced);
    tell_exchange(v, OF_FUTURES);
    return vj_message(v, K2_SV("forceOrder"));
}

/* What has a type but none of the above: kept as a message if it can be placed. */
static int take_other(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(other_fields);
    struct k2_sv type = vj_member_text(v, at, "e");
    begin(v, r, at, "@");
    v->item.suffix_more = type;
    vj_read(v, at, &table);
    if (!v->item.symbol.n)
        v->item.symbol = K2_SV("*");
    tell_exchange(v, OF_EITHER);
    if (v->item.bad || v->item.ns == K2_NULL_LONG ||
        vj_type(v, vj_member(v, at, "e")) != JSON_STRING)
        return vj_filtered(v, "other message");
    return vj_message(v, type);
}

/* --- a message --- */

static const struct {
    const char *type;
    int (*take)(struct vj *v, const struct json_record *r, uint32_t at);
} types[] = {
    {"trade", take_trade},
    {"bookTicker", take_book_ticker},
    {"depthUpdate", take_depth},
    {"aggTrade", take_agg_trade},
    {"kline", take_kline},
    {"markPriceUpdate", take_mark_price},
    {"forceOrder", take_force_order},
    {"24hrTicker", take_ticker},
    {"24hrMiniTicker", take_ticker},
    {"1hTicker", take_ticker},
    {"4hTicker", take_ticker},
    {"1dTicker", take_ticker},
    {"avgPrice", take_average},
};

static int take_typed(struct vj *v, const struct json_record *r, uint32_t at, uint32_t type) {
    const struct json_token *t = vj_token(v, type);
    for (size_t i = 0; t->type == JSON_STRING && i < sizeof types / sizeof *types; i++)
        if (t->escaped ? json_says(json_text(t), k2_sv_of(types[i].type))
                       : k2_sv_eq(json_text(t), k2_sv_of(types[i].type)))
            return types[i].take(v, r, at);
    return take_other(v, r, at);
}

static int take_object(struct vj *v, const struct json_record *r, uint32_t at,
                       struct k2_sv stream) {
    uint32_t type = vj_member(v, at, "e");
    if (type)
        return take_typed(v, r, at, type);
    if (vj_member(v, at, "lastUpdateId"))
        return take_snapshot(v, r, at, stream);
    if (vj_member(v, at, "u") && vj_member(v, at, "b") && vj_member(v, at, "a"))
        return take_book_ticker(v, r, at);
    return at ? vj_filtered(v, "no event type") : vj_answer(v, r, "no event type");
}

static int take(struct vj *v, const struct json_record *r) {
    uint32_t data = vj_member(v, 0, "data"), list = 0;
    struct k2_sv stream = vj_member_text(v, 0, "stream");
    bool whole = vj_token(v, 0)->type == JSON_ARRAY;
    uint32_t entry = whole ? vj_element(v, 0, 0) : 0;
    vj_taker *rest = entry || !whole ? vj_binance_rest(v, entry) : NULL;
    if (rest)
        return whole ? vj_each(v, r, 0, rest) : rest(v, r, 0);
    if (vj_type(v, data) == JSON_OBJECT)
        return take_object(v, r, data, stream);
    if (vj_type(v, data) == JSON_ARRAY)
        list = data;
    else if (vj_token(v, 0)->type == JSON_OBJECT)
        return take_object(v, r, 0, stream);
    else if (vj_token(v, 0)->type != JSON_ARRAY || r->answer)
        return vj_answer(v, r, "no event type");
    int rc = K2_OK;
    bool any = false;
    for (uint32_t i = vj_first(list); i < vj_end(v, list) && rc == K2_OK; i = vj_next(v, i))
        if (vj_token(v, i)->type == JSON_OBJECT) {
            any = true;
            rc = take_object(v, r, i, stream);
        }
    return any ? rc : vj_filtered(v, "no event type");
}

/* An answer names its exchange by its address; exchangeInfo also by what the market is margined in. */
static int answers_of(const struct vj *v, const struct json_record *r) {
    int address = of_address(r->url);
    if (address >= 0)
        return address;
    if (vj_member_is(v, 0, "futuresType", "U_MARGINED"))
        return USDM;
    if (vj_contains(r->text, "\"contractType\""))
        return vj_contains(r->text, "\"contractSize\"") ? COINM : USDM;
    return SPOT;
}

/* --- the feed --- */

static int shape(struct k2_sv text, const char **why) {
    *why = "the first line is a message of a combined stream";
    if (vj_names(text, "stream") && vj_names(text, "data"))
        return 95;
    *why = "the first line is a message with a type (e) and a symbol (s)";
    if (vj_says(text, "e") && vj_names(text, "s"))
        return 85;
    *why = "the first line is an answer for exchangeInfo";
    if (vj_names(text, "rateLimits") && vj_names(text, "exchangeFilters"))
        return 80;
    *why = "the first line is an answer for trades or tickers";
    if (vj_names(text, "isBuyerMaker") && vj_names(text, "qty") && !vj_names(text, "orderId"))
        return 80;
    if (vj_names(text, "bidPrice") && vj_names(text, "bidQty") && !vj_names(text, "exchange"))
        return 80;
    if (vj_names(text, "mins") && vj_names(text, "price") && vj_names(text, "closeTime"))
        return 70;
    *why = "the first line is an answer for klines or the last price";
    if (vj_is_binance_rest(text))
        return 60;
    *why = "the first line is a depth snapshot";
    return vj_names(text, "lastUpdateId") ? 70 : 0;
}

static const char *const codes[] = {"BINANCE", "BINANCE-USDM", "BINANCE-COINM", NULL};
static const char *const hosts[] = {"binance.com", "binance.vision", NULL};
static const struct vj_venue venue = {
    .codes = codes, .hosts = hosts, .take = take, .shape = shape, .answers_of = answers_of};

static int init(const struct feed_ops *self, void *state, const struct feed_options *o,
                struct k2_interner *in, struct k2_err *err) {
    (void)self;
    return vj_init(state, &venue, o, in, err);
}

static int detect(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,
                  const char **why) {
    (void)self;
    (void)file_name;
    return vj_detect(&venue, head, why);
}

static const struct feed_fact facts[] = {
    {"specification", "document",
     "Binance: Spot WebSocket Streams, USD-M and COIN-M Futures WebSocket Streams; REST v3 of "
     "spot, v1 of futures"},
    {"file name", "any", "exchange, symbol and date come from the messages"},
    {"line", "spot",
     "1723161254087896568 "
     "{\"stream\":\"btcusdt@trade\",\"data\":{\"e\":\"trade\",\"E\":1723161255343,"
     "\"s\":\"BTCUSDT\",\"t\":3735683259,\"p\":\"61837.63\",\"q\":\"0.02\",\"T\":1723161255342,"
     "\"m\":true,\"M\":true}}"},
    {"line", "futures",
     "{\"e\":\"trade\",\"E\":1723161256322,\"T\":1723161256322,\"s\":\"BTCUSDT\",\"t\":5266583935,"
     "\"p\":\"61800.30\",\"q\":\"0.006\",\"X\":\"MARKET\",\"m\":false}"},
    {"trade", "number in front", "receive_timestamp_ns; may be missing"},
    {"trade", "M or X",
     "exchange: M = BINANCE, X = BINANCE-USDM, with USD_ in the symbol BINANCE-COINM"},
    {"trade", "s", "symbol, and the channel of its numbers"},
    {"trade", "t", "exchange_sequence_number"},
    {"trade", "T", "exchange_timestamp_ns: milliseconds, with 16 digits microseconds"},
    {"trade", "p", "price; 0 = none"},
    {"trade", "q", "quantity"},
    {"trade", "m", "side: true = SELL, false = BUY"},
    {"trade", "X", "conditions: the kind of the match"},
    {"trade", "a, b", "extra: seller_order_id, buyer_order_id"},
    {"trade", "aggTrade",
     "channel SYMBOL@aggTrade, numbers a; extra: first_trade_id, last_trade_id"},
    {"quote", "bookTicker", "channel SYMBOL@bookTicker, numbers u, which have holes"},
    {"book_event", "depthUpdate",
     "SET and DELETE of levels; channel SYMBOL@depth, numbers u; extra: first_sequence"},
    {"book_event", "lastUpdateId", "CLEAR and SET of a snapshot; channel SYMBOL@snapshot"},
    {"bar", "kline", "channel SYMBOL@kline_INTERVAL"},
    {"statistic", "markPriceUpdate",
     "MARK_PRICE, INDEX_PRICE, ESTIMATED_SETTLEMENT_PRICE, FUNDING_RATE"},
    {"statistic", "24hrTicker",
     "LAST, OPEN, HIGH, LOW, VOLUME and more; with a quote where it has one"},
    {"message", "forceOrder", "a liquidation: its fields are in extra"},
    {"instrument", "exchangeInfo", "channel SYMBOL@instruments; what has no column is in extra"},
    {"trade", "/trades", "of REST: channel SYMBOL@trades, numbers id"},
    {"bar", "/klines", "of REST: channel SYMBOL@klines_INTERVAL"},
    {"statistic", "/ticker", "of REST: with a quote where it has one"},
    {"message", "other answers to requests", "channel *@answers, named by the request"},
    {"other", "answers to subscriptions", "are filtered; what is not JSON goes to quarantine"},
    {0},
};

const struct feed_ops feed_binance_json = {
    .name = "binance-json",
    .title =
        "Binance spot and futures: trades, quotes, depth and figures, JSON messages as captured",
    .numbering =
        "the venue's trade id (t), aggregate trade id (a) and update id (u), per symbol; else "
        "the place in its channel",
    .facts = facts,
    .captures = true,
    .state_size = sizeof(struct vj),
    .detect = detect,
    .init = init,
    .decode = vj_decode,
    .fini = vj_fini,
    .save = vj_save,
    .restore = vj_restore,
};
