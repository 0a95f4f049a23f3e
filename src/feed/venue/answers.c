/* feed/venue/answers.c - answers to requests: what can be traded, and what has no kind of its own; see venue.h.
 *
 * What a venue's list of instruments looks like is a row of `lists`: where it stands, by which member its entries are
 * known, and their table. Specifications (REST, public): Binance exchangeInfo, Coinbase /products, Kraken AssetPairs and
 * futures /instruments, Bitstamp trading-pairs-info, Bybit v2 symbols and v5 instruments-info, OKX v5 instruments, Deribit
 * get_instruments, Gate.io v4 currency_pairs and contracts, Hyperliquid meta, HTX v1 common/symbols.
 */
#include "feed/venue/venue.h"

#include <stdio.h>

#define MS_PER_DAY INT64_C(86400000)
#define NEVER_MS (INT64_C(47482) * MS_PER_DAY) /* 2100-01-01 */

enum { KEEP_EXPIRY, KEEP_FILTERS, KEEP_NAME };

/* --- the tables --- */

static const struct vj_field binance_fields[] = {
    VJ("symbol", SYMBOL, 0),
    VJ("pair", TEXT, VJ_underlying),
    VJ("quoteAsset", TEXT, VJ_currency),
    VJ("contractType", TEXT, VJ_instrument_type),
    VJ("deliveryDate", KEEP, KEEP_EXPIRY),
    VJ("contractSize", STEP_SIZE, VJ_multiplier),
    VJ("filters", KEEP, KEEP_FILTERS),
};

static const struct vj_field coinbase_fields[] = {
    VJ("id", SYMBOL, 0),
    VJ("product_id", SYMBOL, 0),
    VJ("display_name", TEXT, VJ_name),
    VJ("quote_currency", TEXT, VJ_currency),
    VJ("quote_currency_id", TEXT, VJ_currency),
    VJ("product_type", TEXT, VJ_instrument_type),
    VJ("quote_increment", STEP, VJ_tick_size),
    VJ("base_increment", STEP_SIZE, VJ_lot_size),
};

static const struct vj_field kraken_fields[] = {
    VJ("wsname", KEEP, KEEP_NAME),
    VJ("altname", TEXT, VJ_name),
    VJ("quote", TEXT, VJ_currency),
    VJ("tick_size", STEP, VJ_tick_size),
};

static const struct vj_field kraken_futures_fields[] = {
    VJ("symbol", SYMBOL, 0),
    VJ("type", TEXT, VJ_instrument_type),
    VJ("underlying", TEXT, VJ_underlying),
    VJ("quote", TEXT, VJ_currency),
    VJ("tickSize", STEP, VJ_tick_size),
    VJ("contractSize", STEP_SIZE, VJ_multiplier),
};

static const struct vj_field bitstamp_fields[] = {
    VJ("url_symbol", SYMBOL, 0),
    VJ("name", TEXT, VJ_name),
};

static const struct vj_field bybit2_fields[] = {
    VJ("name", SYMBOL, 0),
    VJ("alias", TEXT, VJ_name),
    VJ("quote_currency", TEXT, VJ_currency),
    VJ("price_filter", INTO, 0),
    VJ("tick_size", STEP, VJ_tick_size),
    VJ("lot_size_filter", INTO, 0),
    VJ("qty_step", STEP_SIZE, VJ_lot_size),
};

static const struct vj_field bybit5_fields[] = {
    VJ("symbol", SYMBOL, 0),
    VJ("contractType", TEXT, VJ_instrument_type),
    VJ("quoteCoin", TEXT, VJ_currency),
    VJ("deliveryTime", KEEP, KEEP_EXPIRY),
    VJ("priceFilter", INTO, 0),
    VJ("tickSize", STEP, VJ_tick_size),
    VJ("lotSizeFilter", INTO, 0),
    VJ("qtyStep", STEP_SIZE, VJ_lot_size),
    VJ("basePrecision", STEP_SIZE, VJ_lot_size),
};

static const struct vj_field okx_fields[] = {
    VJ("instId", SYMBOL, 0),
    VJ("sprdId", SYMBOL, 0),
    VJ("instType", TEXT, VJ_instrument_type),
    VJ("uly", TEXT, VJ_underlying),
    VJ("quoteCcy", TEXT, VJ_currency),
    VJ("tickSz", STEP, VJ_tick_size),
    VJ("lotSz", STEP_SIZE, VJ_lot_size),
    VJ("ctVal", STEP_SIZE, VJ_multiplier),
    VJ("stk", STEP, VJ_strike_price),
    VJ("expTime", KEEP, KEEP_EXPIRY),
};

static const struct vj_field deribit_fields[] = {
    VJ("instrument_name", SYMBOL, 0),
    VJ("instrument_id", TEXT, VJ_venue_id),
    VJ("kind", TEXT, VJ_instrument_type),
    VJ("price_index", TEXT, VJ_underlying),
    VJ("quote_currency", TEXT, VJ_currency),
    VJ("tick_size", STEP, VJ_tick_size),
    VJ("min_trade_amount", STEP_SIZE, VJ_lot_size),
    VJ("contract_size", STEP_SIZE, VJ_multiplier),
    VJ("strike", STEP, VJ_strike_price),
    VJ("expiration_timestamp", KEEP, KEEP_EXPIRY),
};

static const struct vj_field gateio_fields[] = {
    VJ("id", SYMBOL, 0),
    VJ("quote", TEXT, VJ_currency),
};

static const struct vj_field gateio_futures_fields[] = {
    VJ("name", SYMBOL, 0),
    VJ("type", TEXT, VJ_instrument_type),
    VJ("order_price_round", STEP, VJ_tick_size),
    VJ("quanto_multiplier", STEP_SIZE, VJ_multiplier),
};

static const struct vj_field combo_fields[] = {
    VJ("id", SYMBOL, 0),
    VJ("instrument_id", TEXT, VJ_venue_id),
    VJ("state_timestamp", TIME, VJ_MS),
};

static const struct vj_field hyperliquid_fields[] = {VJ("name", SYMBOL, 0)};

static const struct vj_field huobi_fields[] = {
    VJ("symbol", SYMBOL, 0),
    VJ("quote-currency", TEXT, VJ_currency),
};

/* --- what tables cannot say --- */

/* The step of price and quantity among Binance's filters. */
static void read_filters(struct vj *v, uint32_t filters) {
    static const struct vj_field tick = VJ("tickSize", STEP, VJ_tick_size),
                                 lot = VJ("stepSize", STEP_SIZE, VJ_lot_size),
                                 all = VJ("filters", EXTRA, 0);
    if (vj_type(v, filters) != JSON_ARRAY)
        return;
    vj_read_value(v, &all, filters);
    for (uint32_t i = vj_first(filters); i < vj_end(v, filters); i = vj_next(v, i)) {
        bool price = vj_member_is(v, i, "filterType", "PRICE_FILTER");
        uint32_t step = price                                          ? vj_member(v, i, "tickSize")
                        : vj_member_is(v, i, "filterType", "LOT_SIZE") ? vj_member(v, i, "stepSize")
                                                                       : 0;
        if (step)
            vj_read_value(v, price ? &tick : &lot, step);
    }
}

/* Kraken's name of a pair as its feed has it, in which a slash may be written with a backslash. */
static void read_pair(struct vj *v, uint32_t at) {
    char *out = v->item.own_symbol;
    size_t n = 0;
    struct k2_sv name = at ? vj_text(v, at) : v->item.text[VJ_name];
    for (size_t i = 0; i < name.n && n < VJ_WORD_MAX; i++)
        if (name.p[i] != '\\')
            out[n++] = name.p[i];
    vj_symbol(v, (struct k2_sv){out, n});
}

/* One word for one thing: what the venue calls it goes to extra where that is another one. */
static void read_type(struct vj *v, uint32_t at, bool spot) {
    static const struct {
        const char *said, *type;
    } types[] = {{"SPOT", "CRYPTO"},
                 {"OPTION", "OPTION"},
                 {"option", "OPTION"},
                 {"FUTURES", "FUTURE"},
                 {"FUTURE", "FUTURE"},
                 {"future", "FUTURE"},
                 {"CURRENT_QUARTER", "FUTURE"},
                 {"NEXT_QUARTER", "FUTURE"},
                 {"LinearFutures", "FUTURE"},
                 {"InverseFutures", "FUTURE"},
                 {"SWAP", "PERPETUAL"},
                 {"LinearPerpetual", "PERPETUAL"},
                 {"InversePerpetual", "PERPETUAL"}};
    struct vj_item *m = &v->item;
    struct k2_sv said = m->text[VJ_instrument_type], *type = &m->text[VJ_instrument_type];
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (k2_sv_eq(said, k2_sv_of(types[i].said)))
            *type = k2_sv_of(types[i].type);
    if (vj_member_is(v, at, "settlement_period", "perpetual"))
        *type = K2_SV("PERPETUAL");
    if (vj_member(v, at, "optionsType"))
        *type = K2_SV("OPTION");
    if (!said.n && spot && !vj_member(v, at, "contractType"))
        *type = K2_SV("CRYPTO");
    if (said.n && !k2_sv_eq(said, *type))
        vj_extra(v, K2_SV("venue_type"), said);
}

/* The day of a moment in milliseconds; what has no expiry says nothing, 0, or a day in 2100 or later. */
static void read_expiry(struct vj *v, uint32_t at) {
    struct vj_item *m = &v->item;
    int64_t ms;
    int year, month, day;
    struct k2_sv text = at && vj_type(v, at) != JSON_NULL ? vj_text(v, at) : K2_SV("");
    if (!text.n)
        return;
    if (!k2_sv_i64(text, &ms) || ms < 0) {
        (void)vj_fault(v, "MALFORMED", "the time of the expiry is no time", text);
        return;
    }
    vj_extra(v, K2_SV("expiration_time"), text);
    if (ms == 0 || ms >= NEVER_MS)
        return;
    k2_civil_from_days((int32_t)(ms / MS_PER_DAY), &year, &month, &day);
    snprintf(m->own_day, sizeof m->own_day, "%04d-%02d-%02d", year, month, day);
    m->text[VJ_expiration] = k2_sv_of(m->own_day);
}

/* --- lists --- */

struct list {
    const char *code; /* of the venue's first exchange */
    const char *outer,
        *list;        /* the list is this member of that one; NULL: of the message, or it itself */
    const char *mark; /* what an entry has */
    const char *time; /* member of the message, ms or us; NULL = it has none */
    bool spot;        /* what says no type is a pair of currencies */
    struct vj_table table;
    const char *alone; /* what one that stands alone, in the list's place, has; NULL: none does */
};

static const struct list lists[] = {
    {"BINANCE", NULL, "symbols", "filters", "serverTime", true, VJ_TABLE(binance_fields), NULL},
    {"COINBASE", NULL, NULL, "base_increment", NULL, true, VJ_TABLE(coinbase_fields),
     "base_increment"},
    {"COINBASE", NULL, "products", "base_increment", NULL, true, VJ_TABLE(coinbase_fields), NULL},
    {"KRAKEN", NULL, "result", "altname", NULL, true, VJ_TABLE(kraken_fields), NULL},
    {"KRAKEN", NULL, "instruments", "symbol", NULL, false, VJ_TABLE(kraken_futures_fields), NULL},
    {"BITSTAMP", NULL, NULL, "url_symbol", NULL, true, VJ_TABLE(bitstamp_fields), NULL},
    {"BYBIT", NULL, "result", "price_filter", NULL, false, VJ_TABLE(bybit2_fields), NULL},
    {"BYBIT", "result", "list", "priceFilter", "time", false, VJ_TABLE(bybit5_fields), NULL},
    {"OKX", NULL, "data", "tickSz", NULL, false, VJ_TABLE(okx_fields), NULL},
    {"DERIBIT", NULL, "result", "instrument_name", "usOut", false, VJ_TABLE(deribit_fields),
     "tick_size"},
    {"DERIBIT", NULL, "result", "legs", "usOut", false, VJ_TABLE(combo_fields), NULL},
    {"GATEIO", NULL, NULL, "trade_status", NULL, true, VJ_TABLE(gateio_fields), NULL},
    {"GATEIO", NULL, NULL, "order_price_round", NULL, false, VJ_TABLE(gateio_futures_fields), NULL},
    {"HYPERLIQUID", NULL, "universe", "szDecimals", NULL, false, VJ_TABLE(hyperliquid_fields),
     NULL},
    {"HYPERLIQUID", NULL, "universe", "tokens", NULL, true, VJ_TABLE(hyperliquid_fields), NULL},
    {"HYPERLIQUID", NULL, "tokens", "weiDecimals", NULL, true, VJ_TABLE(hyperliquid_fields), NULL},
    {"HUOBI", NULL, "data", "base-currency", NULL, true, VJ_TABLE(huobi_fields), NULL},
};

/* Of an array, or of an object whose names are those of the entries. */
static uint32_t entry_at(const struct vj *v, uint32_t list, uint32_t i) {
    return vj_token(v, list)->type == JSON_OBJECT ? i + 1 : i;
}

static bool is_list(const struct vj *v, uint32_t at, const char *mark) {
    enum json_type type = (enum json_type)vj_token(v, at)->type;
    return (type == JSON_ARRAY || type == JSON_OBJECT) && vj_first(at) < vj_end(v, at) &&
           vj_member(v, entry_at(v, at, vj_first(at)), mark);
}

/* The row for this answer, and where its list, or what stands alone in its place, is; NULL if it has none. */
static const struct list *find_list(const struct vj *v, uint32_t answer, uint32_t *at) {
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const struct list *l = &lists[i];
        uint32_t outer = l->outer ? vj_member(v, answer, l->outer) : answer;
        *at = l->list ? vj_member(v, outer, l->list) : answer;
        if (strcmp(v->venue->codes[0], l->code) == 0 && (*at || !l->list) && (outer || !l->outer) &&
            (is_list(v, *at, l->mark) || (l->alone && vj_member(v, *at, l->alone))))
            return l;
    }
    return NULL;
}

static struct vj_item *begin(struct vj *v, const struct json_record *r, uint32_t at) {
    struct vj_item *m = vj_begin(v, r, at);
    if (v->venue->answers_of && !v->given)
        m->exchange = v->venue->answers_of(v, r);
    return m;
}

/* The answer's own time, if it has one. */
static void read_time(struct vj *v, const struct list *l) {
    static const struct vj_field time = VJ("time", TIME, VJ_MS_OR_US);
    uint32_t sent = l && l->time ? vj_member(v, 0, l->time) : 0;
    if (sent && v->item.ns == K2_NULL_LONG)
        vj_read_value(v, &time, sent);
    vj_time_of_receipt(v);
}

static int take_instrument(struct vj *v, const struct json_record *r, const struct list *l,
                           uint32_t at, struct k2_sv name) {
    struct vj_item *m = begin(v, r, at);
    m->suffix = "@instruments";
    vj_read(v, at, &l->table);
    if (l->table.fields == kraken_fields)
        read_pair(v, m->keep[KEEP_NAME]);
    if (name.n && feed_text_ok(name, VJ_WORD_MAX))
        m->text[VJ_venue_id] = name;
    read_filters(v, m->keep[KEEP_FILTERS]);
    read_expiry(v, m->keep[KEEP_EXPIRY]);
    read_type(v, at, l->spot);
    read_time(v, l);
    return vj_instrument(v);
}

static int take_list(struct vj *v, const struct json_record *r, const struct list *l, uint32_t at) {
    int rc = K2_OK;
    if (l->alone && vj_member(v, at, l->alone))
        return take_instrument(v, r, l, at, (struct k2_sv){NULL, 0});
    bool named = vj_token(v, at)->type == JSON_OBJECT;
    for (uint32_t i = vj_first(at); i < vj_end(v, at) && rc == K2_OK;) {
        uint32_t entry = entry_at(v, at, i);
        rc = take_instrument(v, r, l, entry, named ? vj_text(v, i) : (struct k2_sv){NULL, 0});
        i = vj_next(v, entry);
    }
    return rc;
}

/* --- messages --- */

/* "exchangeInfo" of "https://api.binance.com/api/v3/exchangeInfo?a=b". */
static struct k2_sv name_of(struct k2_sv url) {
    struct k2_sv path = k2_sv_split(&url, '?');
    while (path.n && path.p[path.n - 1] == '/')
        path.n--;
    size_t n = path.n;
    while (n && path.p[n - 1] != '/')
        n--;
    path = (struct k2_sv){path.p + n, path.n - n};
    return path.n && feed_text_ok(path, VJ_WORD_MAX) ? path : K2_SV("answer");
}

/* The members of an object but the list that was read; false: there were no others. */
static bool keep_others(struct vj *v, uint32_t object, uint32_t list) {
    bool any = false;
    for (uint32_t i = vj_first(object); i < vj_end(v, object); i = vj_next(v, i + 1)) {
        struct k2_sv name = vj_text(v, i);
        struct vj_field field = {.name = name.p, .n = (uint8_t)name.n, .role = VJ_EXTRA};
        if (i + 1 == list)
            continue;
        if (i + 1 < list && list < vj_next(v, i + 1)) {
            any = keep_others(v, i + 1, list) || any;
            continue;
        }
        if (name.n > VJ_WORD_MAX)
            (void)vj_fault(v, "MALFORMED", "a member is no plain text", v->item.raw);
        else
            vj_read_value(v, &field, i + 1);
        any = true;
    }
    return any;
}

static int take_rest(struct vj *v, const struct json_record *r, const struct list *l,
                     uint32_t answer, uint32_t list) {
    static const struct vj_field whole = VJ("answer", EXTRA, 0);
    struct vj_item *m = begin(v, r, answer);
    bool object = vj_token(v, answer)->type == JSON_OBJECT, any = !object;
    m->suffix = "@answers";
    m->symbol = K2_SV("*");
    if (r->answer && feed_text_ok(r->url, FEED_LINE_MAX))
        vj_extra(v, K2_SV("request"), r->url);
    if (object)
        any = keep_others(v, answer, list);
    else
        vj_read_value(v, &whole, answer);
    read_time(v, l);
    return any ? vj_message(v, r->answer ? name_of(r->url) : K2_SV("answer")) : K2_OK;
}

int vj_answer_rest(struct vj *v, const struct json_record *r, uint32_t list) {
    return r->answer ? take_rest(v, r, NULL, 0, list) : K2_OK;
}

/* Each element of an array is an answer of its own. */
static int take_answers(struct vj *v, const struct json_record *r) {
    int rc = K2_OK;
    for (uint32_t i = vj_first(0); i < vj_end(v, 0) && rc == K2_OK; i = vj_next(v, i)) {
        uint32_t at;
        const struct list *l = find_list(v, i, &at);
        if (l)
            rc = take_list(v, r, l, at);
        if (rc == K2_OK)
            rc = take_rest(v, r, l, i, l ? at : 0);
    }
    return rc;
}

int vj_answer(struct vj *v, const struct json_record *r, const char *why) {
    uint32_t at, first = vj_element(v, 0, 0);
    const struct list *l = find_list(v, 0, &at);
    if (!l && vj_type(v, first) == JSON_OBJECT && find_list(v, first, &at))
        return take_answers(v, r);
    if (!l)
        return r->answer ? take_rest(v, r, NULL, 0, 0) : vj_filtered(v, why);
    K2_TRY(take_list(v, r, l, at));
    return at ? take_rest(v, r, l, 0, at) : K2_OK;
}
