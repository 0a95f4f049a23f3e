/* feed/venue/coinbase_rest.c - answers of Coinbase's Advanced Trade REST API; see venue.h.
 * Document: Coinbase Advanced Trade API v3, "Get Product Book", "Get Market Trades", "Get Product Candles".
 *
 *   product_book   {"pricebook":{"product_id","bids":[{"price","size"}],"asks","time"},"last",...}: the book
 *   ticker         {"trades":[{"trade_id",...}],"best_bid","best_ask"}: trades, channel PRODUCT@trades, number trade_id;
 *                  the two prices are in extra of the first, which is the newest
 *   candles        {"candles":[{"start",...}]}: bars; the product is in the address, .../PRODUCT/candles, or given by
 *                  --symbol; the interval is in the address (granularity) or the time from one bar to the next
 */
#include "feed/venue/venue.h"

enum { KEEP_BIDS, KEEP_ASKS };

static const struct vj_field book_fields[] = {
    VJ("pricebook", INTO, 0),    VJ("product_id", SYMBOL, 0), VJ("bids", KEEP, KEEP_BIDS),
    VJ("asks", KEEP, KEEP_ASKS), VJ("time", TIME_ISO, 0),
};

static const struct vj_field level_fields[] = {
    VJ("price", PRICE, VJ_price),
    VJ("size", QUANTITY, VJ_quantity),
};

static const struct vj_field trade_fields[] = {
    VJ("trade_id", NUMBER, 0),         VJ("product_id", SYMBOL, 0), VJ("price", PRICE, VJ_price),
    VJ("size", QUANTITY, VJ_quantity), VJ("time", TIME_ISO, 0),     VJ("side", MAKER, 0),
};

static const struct vj_field candle_fields[] = {
    VJ("start", TIME, VJ_S),    VJ("low", PRICE, VJ_low),     VJ("high", PRICE, VJ_high),
    VJ("open", PRICE, VJ_open), VJ("close", PRICE, VJ_close), VJ("volume", QUANTITY, VJ_volume),
};

static int take_book(struct vj *v, const struct json_record *r) {
    static const struct vj_table table = VJ_TABLE(book_fields), levels = VJ_TABLE(level_fields);
    struct vj_item *m = vj_begin(v, r, 0);
    m->suffix = "@product_book";
    vj_read(v, 0, &table);
    vj_level_objects(v, m->keep[KEEP_BIDS], "BUY", &levels);
    vj_level_objects(v, m->keep[KEEP_ASKS], "SELL", &levels);
    return vj_book(v, true, "product_book");
}

static int take_trades(struct vj *v, const struct json_record *r, uint32_t list) {
    static const struct vj_table table = VJ_TABLE(trade_fields);
    static const struct vj_field bid = VJ("best_bid", EXTRA, 0), ask = VJ("best_ask", EXTRA, 0);
    uint32_t best_bid = vj_member(v, 0, "best_bid"), best_ask = vj_member(v, 0, "best_ask");
    int rc = K2_OK;
    for (uint32_t i = vj_first(list); i < vj_end(v, list) && rc == K2_OK; i = vj_next(v, i)) {
        struct vj_item *m = vj_begin(v, r, i);
        m->suffix = "@trades";
        m->numbered = true;
        vj_read(v, i, &table);
        if (i == vj_first(list) && best_bid)
            vj_read_value(v, &bid, best_bid);
        if (i == vj_first(list) && best_ask)
            vj_read_value(v, &ask, best_ask);
        rc = vj_trade(v);
    }
    return rc;
}

/* The length that the request asked for, in seconds as text. */
static struct k2_sv granularity(struct k2_sv url) {
    static const struct {
        const char *word, *seconds;
    } known[] = {{"ONE_MINUTE", "60"},      {"FIVE_MINUTE", "300"}, {"FIFTEEN_MINUTE", "900"},
                 {"THIRTY_MINUTE", "1800"}, {"ONE_HOUR", "3600"},   {"TWO_HOUR", "7200"},
                 {"FOUR_HOUR", "14400"},    {"SIX_HOUR", "21600"},  {"ONE_DAY", "86400"}};
    struct k2_sv said = vj_part(url, "granularity=", '&');
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (k2_sv_eq(said, k2_sv_of(known[i].word)))
            return k2_sv_of(known[i].seconds);
    return said;
}

static int take_candles(struct vj *v, const struct json_record *r, uint32_t list) {
    static const struct vj_table table = VJ_TABLE(candle_fields);
    struct k2_sv length = granularity(r->url);
    int64_t step = vj_step_between(v, list, "start", K2_NS_PER_SEC);
    int rc = K2_OK;
    for (uint32_t i = vj_first(list); i < vj_end(v, list) && rc == K2_OK; i = vj_next(v, i)) {
        (void)vj_begin(v, r, i);
        vj_symbol_asked(v, r->answer ? vj_path_part(r->url, 1) : (struct k2_sv){NULL, 0});
        vj_bar_asked(v, "candles", length, 1, step);
        vj_read(v, i, &table);
        rc = vj_bar(v);
    }
    return rc;
}

static bool is_list(const struct vj *v, uint32_t at, const char *member) {
    uint32_t first = vj_type(v, at) == JSON_ARRAY ? vj_element(v, at, 0) : 0;
    return first && vj_member(v, first, member);
}

int vj_coinbase_rest(struct vj *v, const struct json_record *r, bool *any) {
    uint32_t trades = vj_member(v, 0, "trades"), candles = vj_member(v, 0, "candles");
    *any = true;
    if (vj_type(v, vj_member(v, 0, "pricebook")) == JSON_OBJECT)
        return take_book(v, r);
    if (is_list(v, trades, "trade_id"))
        return take_trades(v, r, trades);
    if (is_list(v, candles, "start"))
        return take_candles(v, r, candles);
    *any = false;
    return K2_OK;
}
