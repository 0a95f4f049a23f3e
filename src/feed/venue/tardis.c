/* feed/venue/tardis.c - messages as the clients of Tardis.dev normalise them, one JSON object a line, and the instruments
 * of its metadata API. Document: docs.tardis.dev, "Normalized data types" and "Instruments Metadata API"; it has no version.
 *
 * Which exchange a message is of is in the message ("exchange": "bitmex"). Tardis has more of them than a format has
 * exchanges here, and its symbols are those of the exchange: so all are stored under TARDIS, the exchange is part of the
 * channel (SYMBOL@bitmex.trade) and in extra; --exchange CODE stores them under that one. Nothing is numbered.
 *
 *   trade                          trades; the id is in extra
 *   book_change, book_snapshot     levels; the latter, and the former with isSnapshot, is the whole book
 *   trade_bar                      bars of time, which Tardis dates by their end; those of volume and of ticks are messages
 *   derivative_ticker, option_summary, book_ticker   figures, and the quote where there is one
 *   disconnect and all others      messages
 *   an object with availableSince  an instrument, at the time that it is available since
 */
#include "feed/venue/venue.h"

#include <stdio.h>

enum { KEEP_BIDS, KEEP_ASKS, KEEP_LOCAL, KEEP_EXPIRY };

/* What all begin with. */
#define COMMON                                                                                     \
    VJ("type", DROP, 0), VJ("symbol", SYMBOL, 0), VJ("timestamp", TIME_ISO, 0),                    \
        VJ("localTimestamp", KEEP, KEEP_LOCAL)

static const struct vj_field trade_fields[] = {
    COMMON,
    VJ_AS("id", EXTRA, "trade_id"),
    VJ("price", PRICE, VJ_price),
    VJ("amount", QUANTITY, VJ_quantity),
    VJ("side", KEEP, KEEP_BIDS),
};

static const struct vj_field book_fields[] = {
    COMMON,
    VJ("isSnapshot", DROP, 0),
    VJ("bids", KEEP, KEEP_BIDS),
    VJ("asks", KEEP, KEEP_ASKS),
};

static const struct vj_field level_fields[] = {
    VJ("price", PRICE, VJ_price),
    VJ("amount", QUANTITY, VJ_quantity),
};

static const struct vj_field bar_fields[] = {
    COMMON,
    VJ("interval", EXTRA, 0),
    VJ("open", PRICE, VJ_open),
    VJ("high", PRICE, VJ_high),
    VJ("low", PRICE, VJ_low),
    VJ("close", PRICE, VJ_close),
    VJ("volume", QUANTITY, VJ_volume),
    VJ("trades", COUNT, VJ_trade_count),
};

static const struct vj_field figure_fields[] = {
    COMMON,
    VJ_AS("lastPrice", STAT, "LAST"),
    VJ_AS("openInterest", STAT_SIZE, "OPEN_INTEREST"),
    VJ_AS("fundingRate", STAT, "FUNDING_RATE"),
    VJ_AS("predictedFundingRate", STAT, "NEXT_FUNDING_RATE"),
    VJ_AS("indexPrice", STAT, "INDEX_PRICE"),
    VJ_AS("markPrice", STAT, "MARK_PRICE"),
    VJ_AS("underlyingPrice", STAT, "UNDERLYING_PRICE"),
    VJ("bestBidPrice", PRICE, VJ_bid_price),
    VJ("bestBidAmount", QUANTITY, VJ_bid_quantity),
    VJ("bestAskPrice", PRICE, VJ_ask_price),
    VJ("bestAskAmount", QUANTITY, VJ_ask_quantity),
    VJ("bidPrice", PRICE, VJ_bid_price),
    VJ("bidAmount", QUANTITY, VJ_bid_quantity),
    VJ("askPrice", PRICE, VJ_ask_price),
    VJ("askAmount", QUANTITY, VJ_ask_quantity),
};

static const struct vj_field instrument_fields[] = {
    VJ("id", SYMBOL, 0),
    VJ("datasetId", TEXT, VJ_venue_id),
    VJ("type", TEXT, VJ_instrument_type),
    VJ("availableSince", TIME_ISO, 0),
    VJ("quoteCurrency", TEXT, VJ_currency),
    VJ("priceIncrement", STEP, VJ_tick_size),
    VJ("amountIncrement", STEP_SIZE, VJ_lot_size),
    VJ("contractMultiplier", STEP_SIZE, VJ_multiplier),
    VJ("strikePrice", STEP, VJ_strike_price),
    VJ("expiry", KEEP, KEEP_EXPIRY),
};

static const struct vj_field other_fields[] = {COMMON};

/* --- items --- */

static struct vj_item *begin(struct vj *v, const struct json_record *r, uint32_t at) {
    struct vj_item *m = vj_begin(v, r, at);
    char *to = m->own_symbol; /* of the channel: the symbol is as the message has it */
    struct k2_sv exchange = vj_member_text(v, at, "exchange"), type = vj_member_text(v, at, "type");
    int n = snprintf(to, sizeof m->own_symbol, "%.*s.%.*s",
                     (int)(exchange.n < 40 ? exchange.n : 40), exchange.n ? exchange.p : "",
                     (int)(type.n < 20 ? type.n : 20), type.n ? type.p : "");
    m->suffix = "@";
    m->suffix_more = (struct k2_sv){to, n < 0 ? 0 : (size_t)n};
    if (!feed_text_ok(m->suffix_more, VJ_WORD_MAX))
        (void)vj_fault(v, "MALFORMED", "the exchange is no plain text", m->raw);
    return m;
}

/* When the client had it: its time where the exchange says none, else to extra. */
static void read_local(struct vj *v) {
    static const struct vj_field time = VJ("localTimestamp", TIME_ISO, 0),
                                 extra = VJ("localTimestamp", EXTRA, 0);
    uint32_t at = v->item.keep[KEEP_LOCAL];
    if (at)
        vj_read_value(v, v->item.ns == K2_NULL_LONG ? &time : &extra, at);
    vj_time_of_receipt(v);
}

static int take_trade(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(trade_fields);
    static const struct vj_field side = VJ("side", SIDE, 0);
    struct vj_item *m = begin(v, r, at);
    vj_read(v, at, &table);
    if (m->keep[KEEP_BIDS] && !vj_member_is(v, at, "side", "unknown"))
        vj_read_value(v, &side, m->keep[KEEP_BIDS]);
    read_local(v);
    return vj_trade(v);
}

static int take_book(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(book_fields), levels = VJ_TABLE(level_fields);
    struct vj_item *m = begin(v, r, at);
    vj_read(v, at, &table);
    read_local(v);
    vj_level_objects(v, m->keep[KEEP_BIDS], "BUY", &levels);
    vj_level_objects(v, m->keep[KEEP_ASKS], "SELL", &levels);
    return vj_book(v,
                   vj_member_is(v, at, "type", "book_snapshot") ||
                       vj_type(v, vj_member(v, at, "isSnapshot")) == JSON_TRUE,
                   "book_change");
}

static int take_bar(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(bar_fields), other = VJ_TABLE(other_fields);
    struct vj_item *m = begin(v, r, at);
    bool time = vj_member_is(v, at, "kind", "time");
    int64_t ms = 0;
    vj_read(v, at, time ? &table : &other);
    read_local(v);
    if (!time)
        return vj_message(v, K2_SV("trade_bar"));
    m->text[VJ_interval] = vj_member_text(v, at, "interval");
    if (k2_sv_i64(m->text[VJ_interval], &ms) && ms > 0 && ms < INT64_C(1) << 40)
        m->interval_ns = ms * K2_NS_PER_MS;
    if (m->ns != K2_NULL_LONG && m->ns > m->interval_ns)
        m->ns -= m->interval_ns; /* it is that of the end, where a bar's is that of its start */
    return vj_bar(v);
}

static int take_figures(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(figure_fields);
    (void)begin(v, r, at);
    vj_read(v, at, &table);
    read_local(v);
    return vj_quote_and_figures(v, vj_member_text(v, at, "type"));
}

/* One word for one thing; what Tardis calls it goes to extra. */
static void read_type(struct vj *v) {
    static const struct {
        const char *said, *type;
    } types[] = {{"spot", "CRYPTO"},
                 {"future", "FUTURE"},
                 {"perpetual", "PERPETUAL"},
                 {"option", "OPTION"},
                 {"combo", "SPREAD"}};
    struct k2_sv *type = &v->item.text[VJ_instrument_type], said = *type;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (k2_sv_eq(said, k2_sv_of(types[i].said)))
            *type = k2_sv_of(types[i].type);
    if (said.n && !k2_sv_eq(said, *type))
        vj_extra(v, K2_SV("venue_type"), said);
}

static int take_instrument(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(instrument_fields);
    struct vj_item *m = begin(v, r, at);
    static const struct vj_field expiry = VJ("expiry", EXTRA, 0);
    struct k2_sv day;
    vj_read(v, at, &table);
    read_type(v);
    if (m->keep[KEEP_EXPIRY]) {
        vj_read_value(v, &expiry, m->keep[KEEP_EXPIRY]);
        day = vj_text(v, m->keep[KEEP_EXPIRY]);
        m->text[VJ_expiration] = (struct k2_sv){day.p, day.n < 10 ? day.n : 10};
    }
    vj_time_of_receipt(v);
    return vj_instrument(v);
}

static int take_other(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct vj_table table = VJ_TABLE(other_fields);
    struct vj_item *m = begin(v, r, at);
    vj_read(v, at, &table);
    if (!m->symbol.n)
        m->symbol = K2_SV("*");
    read_local(v);
    return vj_message(v, vj_member_text(v, at, "type"));
}

/* --- a message --- */

static int take_object(struct vj *v, const struct json_record *r, uint32_t at) {
    static const struct {
        const char *type;
        int (*take)(struct vj *, const struct json_record *, uint32_t);
    } types[] = {{"trade", take_trade},
                 {"book_change", take_book},
                 {"book_snapshot", take_book},
                 {"trade_bar", take_bar},
                 {"derivative_ticker", take_figures},
                 {"option_summary", take_figures},
                 {"book_ticker", take_figures}};
    struct k2_sv type = vj_member_text(v, at, "type");
    if (vj_member(v, at, "availableSince"))
        return take_instrument(v, r, at);
    if (!type.n || !vj_member(v, at, "exchange"))
        return vj_filtered(v, "other message");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (k2_sv_eq(type, k2_sv_of(types[i].type)))
            return types[i].take(v, r, at);
    return take_other(v, r, at);
}

static int take(struct vj *v, const struct json_record *r) {
    if (vj_token(v, 0)->type == JSON_ARRAY)
        return vj_each(v, r, 0, take_object);
    return vj_token(v, 0)->type == JSON_OBJECT ? take_object(v, r, 0)
                                               : vj_filtered(v, "other message");
}

static int shape(struct k2_sv text, const char **why) {
    *why = "the first message is normalised as Tardis.dev does";
    if (vj_says(text, "type") && vj_says(text, "exchange") && vj_names(text, "localTimestamp"))
        return 91;
    *why = "the first message is an instrument of Tardis.dev";
    return vj_names(text, "availableSince") && vj_names(text, "exchange") ? 91 : 0;
}

static const char *const codes[] = {"TARDIS", NULL};
static const char *const hosts[] = {"tardis.dev", NULL};
static const struct vj_venue venue = {
    .codes = codes, .hosts = hosts, .take = take, .shape = shape, .signed_prices = true};

VJ_FEED(tardis, "Tardis.dev: normalised messages of any crypto exchange, JSON",
        "the place in its channel: what is normalised has no numbers",
        {"specification", "document",
         "docs.tardis.dev: Normalized data types, Instruments Metadata API"},
        {"file name", "any", "exchange, symbol and date come from the messages"},
        {"trade", "exchange", "TARDIS, or that of --exchange; part of the channel, and in extra"},
        {"trade", "trade", "channel SYMBOL@EXCHANGE.trade; extra: trade_id, localTimestamp"},
        {"book_event", "book_change, book_snapshot", "SET and DELETE; CLEAR before a whole book"},
        {"bar", "trade_bar", "of kind time; the others are messages"},
        {"statistic", "derivative_ticker, option_summary", "with a quote where it has one"},
        {"instrument", "an object with availableSince", "at the time that it is available since"},
        {"message", "all others", "disconnect, liquidation, ..."}, )
