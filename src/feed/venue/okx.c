/* feed/venue/okx.c - messages of OKX (API v5): {"arg":{"channel","instId"},"action","data":[...]}, and the
 * answers of REST for trades and books.
 *
 *   trades            number: tradeId, which counts an instrument; an update that puts several matches together
 *                     (count) is for the ids up to tradeId. trades-all has a channel of its own.
 *   books, books-l2-tbt, books50-l2-tbt   a snapshot, then changes: [price, size, "0", orders] each. checksum
 *                     over the 25 best levels; seqId and prevSeqId where they are sent: a change is for the numbers
 *                     after prevSeqId. "If there are no updates to the depth for an extended period" a
 *                     message comes with seqId = prevSeqId. Older messages have no number.
 *   books5            the book each time
 *   bbo-tbt, tickers  quotes; and figures
 *   funding-rate, mark-price, index-tickers, open-interest, price-limit, opt-summary   figures
 *   candle*           bars
 *   instruments       instruments
 *
 * REST: {"code","msg","data":[...]}, the entries as those of the channel that has the same members. Candles and books do
 * not name their instrument: it is in the address (instId), or given by --symbol; the length of a candle (bar) is that
 * of the address, or the time from one to the next.
 */
#include "feed/venue/venue.h"

enum { KEEP_BIDS, KEEP_ASKS, KEEP_COUNT };

static const struct vj_field trade_fields[] = {
    VJ("instId", SYMBOL, 0),         VJ("tradeId", NUMBER, 0), VJ("px", PRICE, VJ_price),
    VJ("sz", QUANTITY, VJ_quantity), VJ("side", SIDE, 0),      VJ("ts", TIME, VJ_MS),
    VJ("count", KEEP, KEEP_COUNT),
};

static const struct vj_field book_fields[] = {
    VJ("asks", KEEP, KEEP_ASKS), VJ("bids", KEEP, KEEP_BIDS),  VJ("ts", TIME, VJ_MS),
    VJ("checksum", EXTRA, 0),    VJ("prevSeqId", PREVIOUS, 0), VJ("seqId", NUMBER, 0),
    VJ("instId", DROP, 0),
};

static const struct vj_field level_fields[] = {
    VJ("deprecated", DROP, 0),
    VJ("orders", COUNT, VJ_order_count),
};

static const struct vj_field figure_fields[] = {
    VJ("instId", SYMBOL, 0),
    VJ("ts", TIME, VJ_MS),
    VJ_AS("last", STAT, "LAST"),
    VJ_AS("lastSz", STAT_SIZE, "LAST_QUANTITY"),
    VJ("askPx", PRICE, VJ_ask_price),
    VJ("askSz", QUANTITY, VJ_ask_quantity),
    VJ("bidPx", PRICE, VJ_bid_price),
    VJ("bidSz", QUANTITY, VJ_bid_quantity),
    VJ_AS("open24h", STAT, "OPEN"),
    VJ_AS("high24h", STAT, "HIGH"),
    VJ_AS("low24h", STAT, "LOW"),
    VJ_AS("vol24h", STAT_SIZE, "VOLUME"),
    VJ_AS("volCcy24h", STAT_SIZE, "QUOTE_VOLUME"),
    VJ_AS("fundingRate", STAT, "FUNDING_RATE"),
    VJ_AS("nextFundingRate", STAT, "NEXT_FUNDING_RATE"),
    VJ_AS("markPx", STAT, "MARK_PRICE"),
    VJ_AS("idxPx", STAT, "INDEX_PRICE"),
    VJ_AS("oi", STAT_SIZE, "OPEN_INTEREST"),
    VJ_AS("settlePx", STAT, "ESTIMATED_SETTLEMENT_PRICE"),
    VJ_AS("buyLmt", STAT, "HIGH_LIMIT"),
    VJ_AS("sellLmt", STAT, "LOW_LIMIT"),
    VJ_AS("markVol", STAT, "IMPLIED_VOLATILITY"),
};

static const struct vj_field candle_fields[] = {
    VJ("ts", TIME, VJ_MS),
    VJ("o", PRICE, VJ_open),
    VJ("h", PRICE, VJ_high),
    VJ("l", PRICE, VJ_low),
    VJ("c", PRICE, VJ_close),
    VJ("vol", QUANTITY, VJ_volume),
    VJ_AS("volCcy", EXTRA, "volume_currency"),
    VJ_AS("volCcyQuote", EXTRA, "quote_volume"),
    VJ_AS("confirm", EXTRA, "confirm"),
};

static const struct vj_field confirm = VJ_AS("confirm", EXTRA, "confirm");

struct arg {
    struct k2_sv channel, instrument;
};

static struct vj_item *begin(struct vj *v, const struct json_record *r, uint32_t at,
                             const struct arg *a) {
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = "@";
    m->suffix_more = a->channel;
    if (a->instrument.n)
        vj_symbol(v, a->instrument);
    return m;
}

/* So many matches were put together: the ids before tradeId are theirs. */
static void read_count(struct vj *v) {
    static const struct vj_field extra = VJ_AS("count", EXTRA, "count");
    struct vj_item *m = &v->item;
    int64_t count;
    if (!m->keep[KEEP_COUNT])
        return;
    vj_read_value(v, &extra, m->keep[KEEP_COUNT]);
    if (m->number != K2_NULL_LONG && k2_sv_i64(vj_text(v, m->keep[KEEP_COUNT]), &count) &&
        count >= 1 && count <= m->number)
        m->first = m->number - count + 1;
}

static int take_trade(struct vj *v, const struct json_record *r, uint32_t at, const struct arg *a) {
    static const struct vj_table table = VJ_TABLE(trade_fields);
    struct vj_item *m = begin(v, r, at, a);
    if (!k2_sv_eq(a->channel, K2_SV("trades-all")))
        m->suffix = "";
    m->numbered = true;
    vj_read(v, at, &table);
    read_count(v);
    return vj_trade(v);
}

/* A change whose own number is below that before it: the venue began to count anew. */
static void read_epoch(struct vj *v, bool snapshot) {
    struct vj_item *m = &v->item;
    struct vj_channel *c = m->bad || m->number == K2_NULL_LONG ? NULL : vj_channel(v);
    if (!c)
        return;
    if (c->high != K2_NULL_LONG && m->number < c->high && (snapshot || m->number < m->previous))
        c->epoch++;
    c->high = m->number;
    m->epoch = c->epoch;
}

static int take_book(struct vj *v, const struct json_record *r, uint32_t at, const struct arg *a,
                     bool snapshot) {
    static const struct vj_table table = VJ_TABLE(book_fields), levels = VJ_TABLE(level_fields);
    struct vj_item *m = begin(v, r, at, a);
    vj_read(v, at, &table);
    m->shared = m->number != K2_NULL_LONG;
    m->sparse = m->shared && (snapshot || m->number < m->previous);
    read_epoch(v, snapshot);
    vj_levels(v, m->keep[KEEP_BIDS], false, &levels);
    vj_levels(v, m->keep[KEEP_ASKS], true, &levels);
    if (!snapshot && !m->bad && v->n_levels == 0 && m->number == m->previous)
        return vj_filtered(v, "nothing changed");
    return vj_book(v, snapshot, "books");
}

static void read_best(struct vj *v, uint32_t list, bool ask) {
    static const struct vj_field bid_fields[] = {
        VJ("price", PRICE, VJ_bid_price), VJ("size", QUANTITY, VJ_bid_quantity),
        VJ("deprecated", DROP, 0), VJ_AS("orders", EXTRA, "bid_order_count")};
    static const struct vj_field ask_fields[] = {
        VJ("price", PRICE, VJ_ask_price), VJ("size", QUANTITY, VJ_ask_quantity),
        VJ("deprecated", DROP, 0), VJ_AS("orders", EXTRA, "ask_order_count")};
    static const struct vj_table bid = VJ_TABLE(bid_fields), offer = VJ_TABLE(ask_fields);
    uint32_t best = list ? vj_element(v, list, 0) : 0;
    if (best)
        vj_read_array(v, best, ask ? &offer : &bid);
}

static int take_best(struct vj *v, const struct json_record *r, uint32_t at, const struct arg *a) {
    static const struct vj_table table = VJ_TABLE(book_fields);
    struct vj_item *m = begin(v, r, at, a);
    vj_read(v, at, &table);
    m->sparse = m->number != K2_NULL_LONG;
    m->previous = K2_NULL_LONG;
    read_best(v, m->keep[KEEP_BIDS], false);
    read_best(v, m->keep[KEEP_ASKS], true);
    return vj_quote_and_figures(v, K2_SV("bbo-tbt"));
}

static int take_figures(struct vj *v, const struct json_record *r, uint32_t at,
                        const struct arg *a) {
    static const struct vj_table table = VJ_TABLE(figure_fields);
    static const struct vj_field funding = VJ("fundingTime", TIME, VJ_MS);
    struct vj_item *m = begin(v, r, at, a);
    vj_read(v, at, &table);
    if (!m->symbol.n)
        m->symbol = K2_SV("*");
    uint32_t funded = m->ns == K2_NULL_LONG ? vj_member(v, at, "fundingTime") : 0;
    if (funded) /* of the history, which has no other time */
        vj_read_value(v, &funding, funded);
    vj_time_of_receipt(v);
    return vj_quote_and_figures(v, a->channel);
}

/* begin was called, and the interval is known. */
static int take_bar(struct vj *v, uint32_t at) {
    static const struct vj_table whole = VJ_TABLE(candle_fields), prices = {candle_fields, 5};
    struct vj_item *m = &v->item;
    bool volume = vj_element(v, at, 8) != 0;
    vj_read_array(v, at, volume ? &whole : &prices);
    uint32_t last = volume || m->bad ? 0 : vj_element(v, at, 5);
    if (last) /* of an index or of mark prices */
        vj_read_value(v, &confirm, last);
    return vj_bar(v);
}

static int take_candle(struct vj *v, const struct json_record *r, uint32_t at,
                       const struct arg *a) {
    (void)begin(v, r, at, a);
    vj_interval(v, vj_part(a->channel, "candle", 0), 0);
    return take_bar(v, at);
}

static int take_entry(struct vj *v, const struct json_record *r, uint32_t at, const struct arg *a) {
    bool changes = vj_member_is(v, 0, "action", "update");
    if (k2_sv_starts(a->channel, K2_SV("trades")))
        return take_trade(v, r, at, a);
    if (k2_sv_starts(a->channel, K2_SV("books")))
        return take_book(v, r, at, a, !changes);
    if (k2_sv_eq(a->channel, K2_SV("bbo-tbt")))
        return take_best(v, r, at, a);
    if (vj_contains(a->channel, "candle"))
        return take_candle(v, r, at, a);
    return take_figures(v, r, at, a);
}

static int take_list(struct vj *v, const struct json_record *r, uint32_t data,
                     const struct arg *a) {
    int rc = K2_OK;
    if (vj_token(v, data)->type != JSON_ARRAY || vj_first(data) == vj_end(v, data))
        return vj_filtered(v, "a message without data");
    for (uint32_t i = vj_first(data); i < vj_end(v, data) && rc == K2_OK; i = vj_next(v, i))
        rc = take_entry(v, r, i, a);
    return rc;
}

/* --- answers to requests --- */

static int take_asked_candles(struct vj *v, const struct json_record *r, uint32_t data) {
    struct k2_sv length = vj_part(r->url, "bar=", '&');
    int64_t step = vj_step_between(v, data, NULL, K2_NS_PER_MS);
    int rc = K2_OK;
    for (uint32_t i = vj_first(data); i < vj_end(v, data) && rc == K2_OK; i = vj_next(v, i)) {
        (void)vj_begin(v, r, i);
        vj_symbol_asked(v, vj_part(r->url, "instId=", '&'));
        vj_bar_asked(v, "candles", length, 1, step);
        rc = take_bar(v, i);
    }
    return rc;
}

/* A book as it stands; seqId is where the changes go on. */
static int take_asked_books(struct vj *v, const struct json_record *r, uint32_t data) {
    int rc = K2_OK;
    for (uint32_t i = vj_first(data); i < vj_end(v, data) && rc == K2_OK; i = vj_next(v, i)) {
        struct k2_sv asked = vj_part(r->url, "instId=", '&');
        struct arg a = {K2_SV("rest-books"), asked.n ? asked : k2_sv_of(v->symbol)};
        rc = take_book(v, r, i, &a, true);
    }
    return rc;
}

/* The number space of entries with these members: that of the WebSocket's channel for trades, which have numbers. Empty:
 * they are of none. */
static struct k2_sv channel_of(const struct vj *v, uint32_t entry) {
    static const struct {
        const char *member, *channel;
    } known[] = {{"realizedRate", "rest-funding-rate-history"},
                 {"fundingRate", "rest-funding-rate"},
                 {"markVol", "rest-opt-summary"},
                 {"markPx", "rest-mark-price"},
                 {"idxPx", "rest-index-tickers"},
                 {"last", "rest-tickers"},
                 {"oi", "rest-open-interest"},
                 {"buyLmt", "rest-price-limit"}};
    bool traded = vj_member(v, entry, "tradeId") && vj_member(v, entry, "px");
    if (vj_member(v, entry, "ordId") || vj_member(v, entry, "posId"))
        return K2_SV("");
    for (size_t i = 0; !traded && vj_member(v, entry, "instId") && i < sizeof known / sizeof *known;
         i++)
        if (vj_member(v, entry, known[i].member))
            return k2_sv_of(known[i].channel);
    return traded ? K2_SV("trades") : K2_SV("");
}

static int take_answer(struct vj *v, const struct json_record *r, uint32_t data) {
    bool list = vj_token(v, data)->type == JSON_ARRAY && vj_first(data) < vj_end(v, data);
    uint32_t first = list ? vj_first(data) : 0;
    if (vj_type(v, first) == JSON_ARRAY && vj_element(v, first, 5))
        return take_asked_candles(v, r, data);
    if (first && vj_member(v, first, "asks") && vj_member(v, first, "bids"))
        return take_asked_books(v, r, data);
    struct arg a = {.channel = first ? channel_of(v, first) : K2_SV("")};
    return a.channel.n ? take_list(v, r, data, &a) : vj_answer(v, r, "the answer to a request");
}

/* Of a user's own account. */
static bool is_private(struct k2_sv channel) {
    static const char *const starts[] = {
        "orders",  "account",  "positions",   "balance",     "fills", "algo-", "grid-",
        "deposit", "withdraw", "sprd-orders", "copytrading", "rfqs",  "quotes"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (k2_sv_starts(channel, k2_sv_of(starts[i])))
            return true;
    return false;
}

static int take(struct vj *v, const struct json_record *r) {
    uint32_t arg = vj_member(v, 0, "arg"), data = vj_member(v, 0, "data");
    if (vj_token(v, 0)->type == JSON_ARRAY)
        return take_answer(v, r, 0);
    if (vj_member(v, 0, "event"))
        return vj_filtered(v, "an answer");
    if (!arg || vj_type(v, arg) != JSON_OBJECT)
        return data && vj_member(v, 0, "code") ? take_answer(v, r, data)
                                               : vj_filtered(v, "other message");
    struct arg a = {vj_member_text(v, arg, "channel"), vj_member_text(v, arg, "instId")};
    if (k2_sv_eq(a.channel, K2_SV("instruments")))
        return vj_answer(v, r, "other message");
    if (!feed_text_ok(a.channel, VJ_WORD_MAX - 1))
        return vj_filtered(v, "other message");
    return is_private(a.channel) ? vj_filtered(v, "of a private channel")
                                 : take_list(v, r, data, &a);
}

/* What is behind a member's name and the characters of `wanted`, blanks aside; empty: it is not so. */
static struct k2_sv behind(struct k2_sv text, const char *name, const char *wanted) {
    struct k2_sv rest = vj_part(text, name, 0);
    for (; *wanted; wanted++) {
        rest = k2_sv_trim(rest);
        if (!k2_sv_take(&rest, *wanted))
            return (struct k2_sv){NULL, 0};
    }
    return rest;
}

/* {"code":"0",...,"data":[["1625097600000","33528.6",...: candles, of which nothing else says whose they are. */
static bool is_candles(struct k2_sv text) {
    struct k2_sv rest = behind(text, "\"data\"", ":[[\""), time = k2_sv_split(&rest, '"');
    int64_t ms;
    return behind(text, "\"code\"", ":\"0\"").n && time.n == 13 && k2_sv_i64(time, &ms);
}

static int shape(struct k2_sv text, const char **why) {
    *why = "the first message has the form of OKX's";
    if (vj_names(text, "arg") && vj_names(text, "channel"))
        return 92;
    if (vj_names(text, "code") && vj_names(text, "data") &&
        (vj_names(text, "instId") || is_candles(text)))
        return 85;
    return vj_names(text, "instId") && vj_names(text, "fwdPx") && vj_names(text, "ts") ? 85 : 0;
}

static const char *const codes[] = {"OKX", NULL};
static const char *const hosts[] = {"okx.com", "okex.com", NULL};
static const struct vj_venue venue = {.codes = codes,
                                      .hosts = hosts,
                                      .take = take,
                                      .shape = shape,
                                      .signed_prices = true,
                                      .digits = true};

VJ_FEED(okx, "OKX: trades, order book, tickers, figures, JSON messages as captured",
        "tradeId and seqId of the instrument; else the place in its channel",
        {"specification", "document", "OKX API v5: WebSocket public and business channels, REST"},
        {"file name", "any", "symbol and date come from the messages"},
        {"trade", "trades", "number tradeId; with count also for the ids before it"},
        {"book_event", "books", "number seqId; extra: checksum, price_digits, quantity_digits"},
        {"quote", "bbo-tbt, tickers", "with the figures of a ticker as statistics"},
        {"statistic", "funding-rate, mark-price, open-interest ...",
         "FUNDING_RATE, MARK_PRICE ..."},
        {"bar", "candle", "channel INSTRUMENT@candleINTERVAL"},
        {"bar", "/candles",
         "of REST: channel INSTRUMENT@rest-candles; --symbol names the instrument"},
        {"instrument", "instruments", "channel SYMBOL@instruments; what has no column is in extra"},
        {"message", "other answers to requests", "channel *@answers, named by the request"},
        {"other", "answers to subscriptions", "are filtered"}, )
