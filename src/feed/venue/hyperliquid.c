/* feed/venue/hyperliquid.c - messages of Hyperliquid: WebSocket subscriptions and answers of /info.
 *
 * {"channel","data"} (hyperliquid.gitbook.io, "Subscriptions"): trades, l2Book (the book each time), bbo,
 * candle, activeAssetCtx, activeSpotAssetCtx, allDexsAssetCtxs, allMids; of /info also fundingHistory. Nothing is numbered: a trade's tid is "a 50-bit hash of
 * (buyer_oid, seller_oid)". Sides: "A" is ask, "B" is bid, of the aggressor. allDexsAssetCtxs does not name its assets: they
 * stand in the order of each dex's `meta`, so the symbol is their place there, #0 of the first dex and DEX:#0 of others.
 */
#include "feed/venue/venue.h"

#include <stdio.h>

enum { KEEP_LEVELS };

static const struct vj_field trade_fields[] = {
    VJ("coin", SYMBOL, 0),     VJ("side", SIDE, 0),
    VJ("px", PRICE, VJ_price), VJ("sz", QUANTITY, VJ_quantity),
    VJ("time", TIME, VJ_MS),   VJ("hash", EXTRA, 0),
    VJ("tid", EXTRA, 0),       VJ("users", EXTRA, 0),
};

static const struct vj_field book_fields[] = {
    VJ("coin", SYMBOL, 0),
    VJ("levels", KEEP, KEEP_LEVELS),
    VJ("bbo", KEEP, KEEP_LEVELS),
    VJ("time", TIME, VJ_MS),
};

static const struct vj_field level_fields[] = {
    VJ("px", PRICE, VJ_price),
    VJ("sz", QUANTITY, VJ_quantity),
    VJ("n", COUNT, VJ_order_count),
};

static const struct vj_field context_fields[] = {
    VJ("coin", SYMBOL, 0),
    VJ("ctx", INTO, 0),
    VJ_AS("dayNtlVlm", STAT_SIZE, "QUOTE_VOLUME"),
    VJ_AS("dayBaseVlm", STAT_SIZE, "VOLUME"),
    VJ_AS("prevDayPx", STAT, "PREVIOUS_CLOSE"),
    VJ_AS("markPx", STAT, "MARK_PRICE"),
    VJ_AS("midPx", STAT, "MID_PRICE"),
    VJ_AS("oraclePx", STAT, "INDEX_PRICE"),
    VJ_AS("funding", STAT, "FUNDING_RATE"),
    VJ_AS("openInterest", STAT_SIZE, "OPEN_INTEREST"),
    VJ_AS("circulatingSupply", STAT_SIZE, "CIRCULATING_SUPPLY"),
};

static const struct vj_field funding_fields[] = {
    VJ("coin", SYMBOL, 0),
    VJ_AS("fundingRate", STAT, "FUNDING_RATE"),
    VJ("time", TIME, VJ_MS),
};

static const struct vj_field candle_fields[] = {
    VJ("t", TIME, VJ_MS),           VJ_AS("T", EXTRA, "close_time"), VJ("s", SYMBOL, 0),
    VJ("i", TEXT, VJ_interval),     VJ("o", PRICE, VJ_open),         VJ("c", PRICE, VJ_close),
    VJ("h", PRICE, VJ_high),        VJ("l", PRICE, VJ_low),          VJ("v", QUANTITY, VJ_volume),
    VJ("n", COUNT, VJ_trade_count),
};

static int take_trade(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(trade_fields);
    vj_begin(v, r, at)->suffix = "@trades";
    vj_read(v, at, &table);
    return vj_trade(v);
}

static int take_book(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(book_fields), levels = VJ_TABLE(level_fields);
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = "@l2Book";
    vj_read(v, at, &table);
    uint32_t sides = m->keep[KEEP_LEVELS], bids = sides ? vj_element(v, sides, 0) : 0,
             asks = sides ? vj_element(v, sides, 1) : 0;
    if (!bids || !asks)
        (void)vj_fault(v, "MALFORMED", "the book has no two sides", m->raw);
    vj_level_objects(v, bids, "BUY", &levels);
    vj_level_objects(v, asks, "SELL", &levels);
    return vj_book(v, true, "l2Book");
}

/* One side of the best quote: an object, or null where there is none. */
static void read_best(struct vj *v, uint32_t at, bool ask) {
    static const struct vj_field bid_fields[] = {VJ("px", PRICE, VJ_bid_price),
                                                 VJ("sz", QUANTITY, VJ_bid_quantity),
                                                 VJ_AS("n", EXTRA, "bid_order_count")},
                                 ask_fields[] = {VJ("px", PRICE, VJ_ask_price),
                                                 VJ("sz", QUANTITY, VJ_ask_quantity),
                                                 VJ_AS("n", EXTRA, "ask_order_count")};
    static const struct vj_table bid = VJ_TABLE(bid_fields), offer = VJ_TABLE(ask_fields);
    if (vj_type(v, at) != JSON_NULL && at)
        vj_read(v, at, ask ? &offer : &bid);
}

static int take_bbo(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(book_fields);
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = "@bbo";
    vj_read(v, at, &table);
    if (m->keep[KEEP_LEVELS]) {
        read_best(v, vj_element(v, m->keep[KEEP_LEVELS], 0), false);
        read_best(v, vj_element(v, m->keep[KEEP_LEVELS], 1), true);
    }
    return vj_quote_and_figures(v, K2_SV("bbo"));
}

static int take_context(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(context_fields);
    vj_begin(v, r, at)->suffix = "@assetCtx";
    vj_read(v, at, &table);
    vj_time_of_receipt(v);
    return vj_quote_and_figures(v, K2_SV("activeAssetCtx"));
}

static int take_funding(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(funding_fields);
    vj_begin(v, r, at)->suffix = "@fundingHistory";
    vj_read(v, at, &table);
    return vj_quote_and_figures(v, K2_SV("fundingHistory"));
}

static int take_placed_context(struct vj *v, const struct json_record *r, uint32_t at,
                               struct k2_sv dex, int place) {
    static const struct vj_table table = VJ_TABLE(context_fields);
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = "@allDexsAssetCtxs";
    snprintf(m->own_symbol, sizeof m->own_symbol, "%.*s%s#%d", (int)(dex.n < 40 ? dex.n : 40),
             dex.n ? dex.p : "", dex.n ? ":" : "", place);
    vj_symbol(v, k2_sv_of(m->own_symbol));
    vj_read(v, at, &table);
    vj_time_of_receipt(v);
    return vj_quote_and_figures(v, K2_SV("allDexsAssetCtxs"));
}

/* [dex, [context, ...]] */
static int take_dex(struct vj *v, const struct json_record *r, uint32_t at) {
    uint32_t name = vj_element(v, at, 0), list = vj_element(v, at, 1);
    int rc = K2_OK, place = 0;
    if (!list || vj_type(v, name) != JSON_STRING || vj_type(v, list) != JSON_ARRAY) {
        (void)vj_begin(v, r, at);
        (void)vj_fault(v, "MALFORMED", "an entry is no dex and its assets", v->item.raw);
        v->item.symbol = K2_SV("*");
        return vj_message(v, K2_SV("allDexsAssetCtxs"));
    }
    for (uint32_t i = vj_first(list); i < vj_end(v, list) && rc == K2_OK; i = vj_next(v, i))
        rc = take_placed_context(v, r, i, vj_text(v, name), place++);
    return rc;
}

static int take_candle(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(candle_fields);
    struct vj_item *m = vj_begin(v, r, at);
    m->suffix = "@candle_";
    vj_read(v, at, &table);
    m->suffix_more = m->text[VJ_interval];
    vj_interval(v, m->text[VJ_interval], 0);
    return vj_bar(v);
}

static int take_mids(struct vj *v, const struct json_record *r, uint32_t mids) {
    static const struct vj_field field = VJ_AS("mid", STAT, "MID_PRICE");
    int rc = K2_OK;
    if (vj_type(v, mids) != JSON_OBJECT || vj_first(mids) == vj_end(v, mids))
        return vj_filtered(v, "a message without data");
    for (uint32_t i = vj_first(mids); i < vj_end(v, mids) && rc == K2_OK; i = vj_next(v, i + 1)) {
        struct vj_item *m = vj_begin(v, r, 0);
        m->suffix = "@allMids";
        vj_symbol(v, vj_text(v, i));
        vj_read_value(v, &field, i + 1);
        vj_time_of_receipt(v);
        rc = vj_quote_and_figures(v, K2_SV("allMids"));
    }
    return rc;
}

static int take(struct vj *v, const struct json_record *r) {
    struct k2_sv channel = vj_member_text(v, 0, "channel");
    uint32_t data = vj_member(v, 0, "data");
    if (vj_token(v, 0)->type == JSON_ARRAY && vj_first(0) < vj_end(v, 0) &&
        vj_token(v, 1)->type == JSON_OBJECT && vj_member(v, 1, "tid"))
        return vj_each(v, r, 0, take_trade);
    if (vj_token(v, 0)->type == JSON_ARRAY && vj_first(0) < vj_end(v, 0) &&
        vj_member(v, 1, "fundingRate") && vj_member(v, 1, "coin"))
        return vj_each(v, r, 0, take_funding);
    if (vj_member(v, 0, "coin") && vj_member(v, 0, "levels"))
        return take_book(v, r, 0);
    if (!data)
        return vj_answer(v, r, "other message");
    if (k2_sv_eq(channel, K2_SV("trades")))
        return vj_each(v, r, data, take_trade);
    if (k2_sv_eq(channel, K2_SV("l2Book")))
        return take_book(v, r, data);
    if (k2_sv_eq(channel, K2_SV("bbo")))
        return take_bbo(v, r, data);
    if (k2_sv_eq(channel, K2_SV("candle")))
        return vj_type(v, data) == JSON_ARRAY ? vj_each(v, r, data, take_candle)
                                              : take_candle(v, r, data);
    if (k2_sv_eq(channel, K2_SV("activeAssetCtx")) ||
        k2_sv_eq(channel, K2_SV("activeSpotAssetCtx")))
        return take_context(v, r, data);
    if (k2_sv_eq(channel, K2_SV("allMids")))
        return take_mids(v, r, vj_member(v, data, "mids"));
    uint32_t contexts = vj_member(v, data, "ctxs");
    if (k2_sv_eq(channel, K2_SV("allDexsAssetCtxs")) && vj_type(v, contexts) == JSON_ARRAY)
        return vj_each(v, r, contexts, take_dex);
    return vj_filtered(v, "other message");
}

static int shape(struct k2_sv text, const char **why) {
    *why = "the first message has the form of Hyperliquid's";
    if (vj_names(text, "channel") && vj_names(text, "data") && !vj_names(text, "event") &&
        !vj_names(text, "arg") &&
        (vj_names(text, "coin") || vj_contains(text, "\"candle\"") ||
         vj_contains(text, "\"subscriptionResponse\"")))
        return 90;
    if (vj_names(text, "coin") && (vj_names(text, "levels") || vj_names(text, "tid")))
        return 85;
    if (vj_names(text, "universe") && vj_names(text, "szDecimals"))
        return 80;
    if (vj_names(text, "coin") && vj_names(text, "fundingRate") && vj_names(text, "time"))
        return 80;
    return vj_contains(text, "\"allMids\"") || vj_contains(text, "\"allDexsAssetCtxs\"") ? 85 : 0;
}

static const char *const codes[] = {"HYPERLIQUID", NULL};
static const char *const hosts[] = {"hyperliquid", NULL};
static const struct vj_venue venue = {.codes = codes, .hosts = hosts, .take = take, .shape = shape};

VJ_FEED(hyperliquid, "Hyperliquid: trades, order book, figures, JSON messages as captured",
        "the place in its channel: the venue numbers nothing",
        {"specification", "document",
         "Hyperliquid API: WebSocket subscriptions, /info; it has no version"},
        {"file name", "any", "symbol and date come from the messages"},
        {"trade", "trades", "channel COIN@trades; extra: tid, hash, users"},
        {"book_event", "l2Book", "CLEAR and SET; n is order_count"},
        {"quote", "bbo", "a side may be missing"},
        {"statistic", "activeAssetCtx, allMids",
         "MARK_PRICE, FUNDING_RATE, OPEN_INTEREST, MID_PRICE ..."},
        {"statistic", "allDexsAssetCtxs",
         "the same; symbol: the place in its dex, #0 or DEX:#0, as nothing is named"},
        {"statistic", "fundingHistory", "FUNDING_RATE; extra: premium"},
        {"bar", "candle", "channel COIN@candle_INTERVAL"},
        {"instrument", "meta", "channel SYMBOL@instruments; what has no column is in extra"},
        {"message", "other answers to requests", "channel *@answers, named by the request"},
        {"other", "answers to subscriptions, pong", "are filtered"}, )
