/* feed/dbn/figures.c - definitions, statistics, status and imbalances of DBN as events; see dbn.h.
 *
 *   instrument-def  A, M, D -> instrument DEFINE, MODIFY, DELETE; else message
 *   statistics      statistic; the number of its type beside it in extra
 *   status          trading_status; the reason in the words of the list
 *   imbalance       auction
 */
#include "feed/dbn/dbn.h"

#include <stdio.h>

static struct k2_sv field_text(const struct dbn_record *r, const char *name, size_t size) {
    return dbn_text(r->p + dbn_field_at(r->layout, name), size);
}

static uint32_t intern_text(struct dbn *d, struct k2_sv text) {
    return text.n ? k2_intern(d->in, text) : 0;
}

/* --- definitions --- */

static const char *type_of(char letter) {
    switch (letter) {
    case 'B':
        return "BOND";
    case 'C':
    case 'P':
        return "OPTION";
    case 'F':
        return "FUTURE";
    case 'I':
        return "INDEX";
    case 'K':
        return "EQUITY";
    case 'M':
    case 'S':
    case 'T':
        return "SPREAD";
    case 'X':
        return "FX";
    case 'Y':
        return "COMMODITY";
    default:
        return NULL;
    }
}

/* A number of whole units, null where it is none or says nothing (0). */
static k2_i128 units_at(const struct dbn_record *r, const char *name) {
    int32_t v = (int32_t)k2_get_u32(r->p + dbn_field_at(r->layout, name));
    return v == INT32_MAX || v <= 0 ? K2_NULL_DECIMAL : (k2_i128)v * k2_pow10(K2_QUANTITY_SCALE);
}

static k2_i128 multiplier_of(const struct dbn_record *r) {
    k2_i128 v = units_at(r, "contract_multiplier");
    if (v != K2_NULL_DECIMAL)
        return v;
    v = dbn_price(r->p + dbn_field_at(r->layout, "unit_of_measure_qty"));
    return v == K2_NULL_DECIMAL ? v : v * k2_pow10(K2_QUANTITY_SCALE - K2_PRICE_SCALE);
}

static k2_i128 lot_of(const struct dbn_record *r) {
    k2_i128 v = units_at(r, "min_lot_size_round_lot");
    return v == K2_NULL_DECIMAL ? units_at(r, "min_lot_size") : v;
}

/* The date in the exchange's zone. */
static uint32_t expiration_of(struct dbn *d, const struct dbn_record *r) {
    uint64_t ns = k2_get_u64(r->p + dbn_field_at(r->layout, "expiration"));
    char text[16];
    int year, month, day;
    if (ns > INT64_MAX)
        return 0;
    int64_t offset = k2_zone_offset(feed_calendar_zone(r->stream->market->calendar), (int64_t)ns);
    int64_t seconds = (int64_t)(ns / (uint64_t)K2_NS_PER_SEC) + offset;
    k2_civil_from_days((int32_t)k2_floor_div(seconds, 86400), &year, &month, &day);
    int n = snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day);
    return k2_intern(d->in, (struct k2_sv){text, (size_t)n});
}

static int check_texts(const struct dbn_record *r, struct feed_fault *c) {
    static const char *const names[] = {"raw_symbol", "currency", "underlying"};
    static const uint8_t sizes[] = {DBN_SYMBOL_MAX, 4, 21};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size = i == 0 && r->layout->size == 360 ? 22 : sizes[i];
        struct k2_sv text = field_text(r, names[i], size);
        if (!feed_text_ok(text, size))
            return feed_fault_set(c, "MALFORMED", names[i], text);
    }
    return 0;
}

static void read_definition(struct dbn *d, const struct dbn_record *r, struct k2_instrument *i) {
    char number[DBN_NUMBER_TEXT];
    const uint8_t *letter = r->p + dbn_field_at(r->layout, "instrument_class");
    const char *type = type_of((char)*letter);
    struct k2_sv symbol = field_text(r, "raw_symbol", r->layout->size == 360 ? 22 : DBN_SYMBOL_MAX);
    struct k2_sv id = {number, dbn_u64_text(k2_get_u32(r->p + 4), number)};
    i->venue_id = k2_intern(d->in, id);
    i->name = intern_text(d, symbol);
    if (symbol.n && k2_sv_eq((struct k2_sv){r->stream->symbol, r->stream->symbol_n}, id))
        i->symbol = i->name; /* nothing else names it */
    i->instrument_type = type      ? k2_intern(d->in, k2_sv_of(type))
                         : *letter ? k2_intern(d->in, (struct k2_sv){(const char *)letter, 1})
                                   : 0;
    i->currency = intern_text(d, field_text(r, "currency", 4));
    i->tick_size = dbn_price(r->p + dbn_field_at(r->layout, "min_price_increment"));
    i->lot_size = lot_of(r);
    i->multiplier = multiplier_of(r);
    i->underlying = intern_text(d, field_text(r, "underlying", 21));
    i->strike_price = dbn_price(r->p + dbn_field_at(r->layout, "strike_price"));
    i->expiration = expiration_of(d, r);
}

static K2_RC take_definition(struct dbn *d, const struct dbn_record *r,
                             const struct feed_sink *sink, struct k2_err *err) {
    struct k2_event e;
    struct feed_fault c;
    uint32_t extra;
    char action = (char)r->p[dbn_field_at(r->layout, "security_update_action")];
    if (action != 'A' && action != 'M' && action != 'D')
        return dbn_take_message(d, r, sink, err);
    if (check_texts(r, &c) || dbn_extra(d, r, &dbn_plans_of(d, r)->rest, &extra, &c))
        return dbn_refuse(d, r, K2_KIND_INSTRUMENT, &c, sink, err);
    dbn_start(d, r, K2_KIND_INSTRUMENT, &e);
    e.instrument.action = dbn_word(d, action == 'A'   ? DBN_DEFINE
                                      : action == 'M' ? DBN_MODIFY
                                                      : DBN_DELETE);
    read_definition(d, r, &e.instrument);
    e.instrument.venue = dbn_venue(d, r);
    e.instrument.extra = extra;
    return dbn_send(d, r, &e, sink, err);
}

/* --- statistics --- */

static const char *const statistics[] = {
    [1] = "OPEN",
    "INDICATIVE_OPEN",
    "SETTLEMENT",
    "LOW",
    "HIGH",
    "CLEARED_VOLUME",
    "LOWEST_OFFER",
    "HIGHEST_BID",
    "OPEN_INTEREST",
    "FIXING_PRICE",
    "CLOSE",
    "NET_CHANGE",
    "VWAP",
    "VOLATILITY",
    "DELTA",
    "UNCROSSING_PRICE",
    "UPPER_PRICE_LIMIT",
    "LOWER_PRICE_LIMIT",
    "BLOCK_VOLUME",
    "INDICATIVE_CLOSE",
    "MWCB_LEVEL_1",
    "MWCB_LEVEL_2",
    "MWCB_LEVEL_3",
    "AUCTION_COLLAR_REFERENCE_PRICE",
    "AUCTION_COLLAR_UPPER_PRICE",
    "AUCTION_COLLAR_LOWER_PRICE",
};

static uint32_t statistic_of(struct dbn *d, uint16_t type) {
    char text[24];
    if (type > 0 && type < sizeof statistics / sizeof *statistics)
        return k2_intern(d->in, k2_sv_of(statistics[type]));
    int n = snprintf(text, sizeof text, "TYPE_%d", type);
    return k2_intern(d->in, (struct k2_sv){text, (size_t)n});
}

static int read_statistic_quantity(const struct dbn_record *r, k2_i128 *out, struct feed_fault *c) {
    const uint8_t *at = r->p + dbn_field_at(r->layout, "quantity");
    bool is_short = r->layout->size == 64;
    int64_t v = is_short ? (int32_t)k2_get_u32(at) : (int64_t)k2_get_u64(at);
    *out = K2_NULL_DECIMAL;
    if (v == (is_short ? INT32_MAX : INT64_MAX))
        return 0;
    int bad = dbn_quantity(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, out, c);
    if (v < 0)
        *out = -*out;
    return bad;
}

static K2_RC take_statistic(struct dbn *d, const struct dbn_record *r, const struct feed_sink *sink,
                            struct k2_err *err) {
    struct k2_event e;
    struct feed_fault c;
    uint32_t extra;
    k2_i128 quantity;
    if (read_statistic_quantity(r, &quantity, &c) ||
        dbn_extra(d, r, &dbn_plans_of(d, r)->rest, &extra, &c))
        return dbn_refuse(d, r, K2_KIND_STATISTIC, &c, sink, err);
    dbn_start(d, r, K2_KIND_STATISTIC, &e);
    e.statistic.statistic =
        statistic_of(d, k2_get_u16(r->p + dbn_field_at(r->layout, "stat_type")));
    e.statistic.price = dbn_price(r->p + dbn_field_at(r->layout, "price"));
    e.statistic.quantity = quantity;
    e.statistic.venue = dbn_venue(d, r);
    e.statistic.extra = extra;
    return dbn_send(d, r, &e, sink, err);
}

/* --- status --- */

enum { STATUS_ACTION = 24, STATUS_REASON = 26 };

static const char *status_of(uint16_t action) {
    static const char *const names[] = {"OTHER",   "PRE_OPEN",   "PRE_CROSS", "QUOTING",
                                        "AUCTION", "ROTATION",   "OTHER",     "OPEN",
                                        "HALTED",  "PAUSED",     "SUSPENDED", "PRE_CLOSE",
                                        "CLOSED",  "POST_CLOSE", "OTHER",     "NOT_AVAILABLE"};
    return action < sizeof names / sizeof *names ? names[action] : "OTHER";
}

static const struct {
    uint16_t code;
    const char *name;
} reasons[] = {
    {1, "SCHEDULED"},
    {2, "SURVEILLANCE_INTERVENTION"},
    {3, "MARKET_EVENT"},
    {4, "INSTRUMENT_ACTIVATION"},
    {5, "INSTRUMENT_EXPIRATION"},
    {6, "RECOVERY_IN_PROCESS"},
    {10, "REGULATORY"},
    {11, "ADMINISTRATIVE"},
    {12, "NON_COMPLIANCE"},
    {13, "FILINGS_NOT_CURRENT"},
    {14, "SEC_TRADING_SUSPENSION"},
    {15, "NEW_ISSUE"},
    {16, "ISSUE_AVAILABLE"},
    {17, "ISSUES_REVIEWED"},
    {18, "FILING_REQS_SATISFIED"},
    {30, "NEWS_PENDING"},
    {31, "NEWS_RELEASED"},
    {32, "NEWS_AND_RESUMPTION_TIMES"},
    {33, "NEWS_NOT_FORTHCOMING"},
    {40, "ORDER_IMBALANCE"},
    {50, "LULD_PAUSE"},
    {60, "OPERATIONAL"},
    {70, "ADDITIONAL_INFORMATION_REQUESTED"},
    {80, "MERGER_EFFECTIVE"},
    {90, "ETF"},
    {100, "CORPORATE_ACTION"},
    {110, "NEW_SECURITY_OFFERING"},
    {120, "MARKET_WIDE_HALT_LEVEL1"},
    {121, "MARKET_WIDE_HALT_LEVEL2"},
    {122, "MARKET_WIDE_HALT_LEVEL3"},
    {123, "MARKET_WIDE_HALT_CARRYOVER"},
    {124, "MARKET_WIDE_HALT_RESUMPTION"},
    {130, "QUOTATION_NOT_AVAILABLE"},
};

/* Null for 0; a reason that is not in the list as its number. */
static uint32_t reason_of(struct dbn *d, uint16_t code) {
    char number[DBN_NUMBER_TEXT];
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].code == code)
            return k2_intern(d->in, k2_sv_of(reasons[i].name));
    return code ? k2_intern(d->in, (struct k2_sv){number, dbn_u64_text(code, number)}) : 0;
}

static K2_RC take_status(struct dbn *d, const struct dbn_record *r, const struct feed_sink *sink,
                         struct k2_err *err) {
    struct k2_event e;
    struct feed_fault c;
    uint32_t extra;
    char number[DBN_NUMBER_TEXT];
    uint16_t action = k2_get_u16(r->p + STATUS_ACTION);
    if (dbn_extra(d, r, &dbn_plans_of(d, r)->rest, &extra, &c))
        return dbn_refuse(d, r, K2_KIND_TRADING_STATUS, &c, sink, err);
    dbn_start(d, r, K2_KIND_TRADING_STATUS, &e);
    e.trading_status.status = k2_intern(d->in, k2_sv_of(status_of(action)));
    e.trading_status.reason = reason_of(d, k2_get_u16(r->p + STATUS_REASON));
    e.trading_status.code = k2_intern(d->in, (struct k2_sv){number, dbn_u64_text(action, number)});
    e.trading_status.venue = dbn_venue(d, r);
    e.trading_status.extra = extra;
    return dbn_send(d, r, &e, sink, err);
}

/* --- imbalances --- */

enum {
    IMBALANCE_REFERENCE = 24,
    IMBALANCE_NEAR = 40, /* cont_book_clr_price: cross and continuous orders */
    IMBALANCE_FAR = 48,  /* auct_interest_clr_price: cross orders only */
    IMBALANCE_PAIRED = 88,
    IMBALANCE_TOTAL = 92,
    IMBALANCE_TYPE = 104,
    IMBALANCE_SIDE = 105
};

static uint32_t phase_of(struct dbn *d, const uint8_t *letter) {
    switch (*letter) {
    case 0:
    case '~':
        return 0;
    case 'O':
        return k2_intern(d->in, K2_SV("OPENING"));
    case 'C':
        return k2_intern(d->in, K2_SV("CLOSING"));
    default:
        return k2_intern(d->in, (struct k2_sv){(const char *)letter, 1});
    }
}

static int quantity_at(const uint8_t *at, k2_i128 *out, struct feed_fault *c) {
    uint32_t v = k2_get_u32(at);
    *out = K2_NULL_DECIMAL;
    return v == UINT32_MAX ? 0 : dbn_quantity(v, out, c);
}

static K2_RC take_imbalance(struct dbn *d, const struct dbn_record *r, const struct feed_sink *sink,
                            struct k2_err *err) {
    struct k2_event e;
    struct feed_fault c;
    uint32_t extra, side = dbn_word(d, DBN_NONE);
    k2_i128 paired, total;
    if (dbn_side(d, (char)r->p[IMBALANCE_SIDE], &side, &c) ||
        quantity_at(r->p + IMBALANCE_PAIRED, &paired, &c) ||
        quantity_at(r->p + IMBALANCE_TOTAL, &total, &c) ||
        dbn_extra(d, r, &dbn_plans_of(d, r)->rest, &extra, &c))
        return dbn_refuse(d, r, K2_KIND_AUCTION, &c, sink, err);
    dbn_start(d, r, K2_KIND_AUCTION, &e);
    e.auction.phase = phase_of(d, r->p + IMBALANCE_TYPE);
    e.auction.paired_quantity = paired;
    e.auction.imbalance_quantity = total;
    e.auction.imbalance_side = side;
    e.auction.reference_price = dbn_price(r->p + IMBALANCE_REFERENCE);
    e.auction.indicative_price = dbn_price(r->p + IMBALANCE_NEAR);
    e.auction.far_price = dbn_price(r->p + IMBALANCE_FAR);
    e.auction.venue = dbn_venue(d, r);
    e.auction.extra = extra;
    return dbn_send(d, r, &e, sink, err);
}

int dbn_take_figure(struct dbn *d, const struct dbn_record *r, const struct feed_sink *sink,
                    struct k2_err *err) {
    switch (r->layout->rtype) {
    case DBN_INSTRUMENT_DEF:
        return take_definition(d, r, sink, err);
    case DBN_STATISTICS:
        return take_statistic(d, r, sink, err);
    case DBN_STATUS:
        return take_status(d, r, sink, err);
    default:
        return take_imbalance(d, r, sink, err);
    }
}
