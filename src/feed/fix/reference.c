/* feed/fix/reference.c - definitions and states of instruments and sessions: FIX 5.0 SP2, volume 3, SecurityDefinition
 * (d), SecurityStatus (f), TradingSessionStatus (h). */
#include "feed/fix/market.h"

#define WORD 0
#define CODE 1
#define NAME 2
#define CURRENCY 3
#define UNDERLYING 4
#define EXPIRY 5
#define TYPE 6

static uint32_t word(struct fix_market *m, int memo, const char *text) {
    return feed_intern(m->in, &m->memo[memo], k2_sv_of(text));
}

/* --- instruments --- */

struct known {
    const char *code, *name;
};

static const char *named(const struct known *all, size_t n, struct k2_sv code) {
    for (size_t i = 0; i < n; i++)
        if (k2_sv_eq(code, k2_sv_of(all[i].code)))
            return all[i].name;
    return NULL;
}

/* SecurityType (167), else the first letter of CFICode (461, ISO 10962). */
static uint32_t take_type(struct fix_market *m) {
    static const struct known types[] = {{"FUT", "FUTURE"}, {"OPT", "OPTION"}, {"OOF", "OPTION"},
                                         {"CS", "EQUITY"},  {"PS", "EQUITY"},  {"ETF", "ETF"},
                                         {"MLEG", "SPREAD"}};
    static const struct known letters[] = {
        {"F", "FUTURE"}, {"O", "OPTION"}, {"E", "EQUITY"}, {"D", "BOND"}};
    struct k2_sv type = fix_look(m, FIX_SECURITY_TYPE), cfi = fix_look(m, FIX_CFI_CODE);
    const char *name = named(types, sizeof types / sizeof *types, type);
    if (!name && !type.n && cfi.n)
        name = named(letters, sizeof letters / sizeof *letters, (struct k2_sv){cfi.p, 1});
    if (!name)
        return fix_take_text(m, FIX_SECURITY_TYPE, &m->memo[TYPE]);
    return word(m, TYPE, name);
}

/* MaturityDate (541) YYYYMMDD, else MaturityMonthYear (200) YYYYMM. */
static uint32_t take_expiry(struct fix_market *m) {
    struct k2_sv date = fix_look(m, FIX_MATURITY_DATE), month = fix_look(m, FIX_MATURITY_MONTH);
    struct k2_sv s = date.n == 8 ? date : month;
    int32_t days;
    char text[K2_DATE_TEXT], full[8] = {0};
    if (s.n != 6 && s.n != 8)
        return 0;
    memcpy(full, s.p, s.n);
    if (s.n == 6)
        memcpy(full + 6, "01", 2);
    if (!fix_date((struct k2_sv){full, 8}, &days))
        return 0;
    (void)fix_take(m, date.n == 8 ? FIX_MATURITY_DATE : FIX_MATURITY_MONTH);
    (void)k2_date_format(days, text);
    return feed_intern(m->in, &m->memo[EXPIRY], (struct k2_sv){text, s.n == 6 ? 7 : 10});
}

/* SecurityUpdateAction (980): A, M, D. What is no definition but changes figures of it is a MODIFY. */
static const char *action_of(const struct fix_market *m) {
    struct k2_sv s = fix_look(m, FIX_UPDATE_ACTION_OF_SECURITY), type = fix_look(m, FIX_MSG_TYPE);
    if (k2_sv_eq(s, K2_SV("D")))
        return "DELETE";
    return k2_sv_eq(s, K2_SV("M")) || !k2_sv_eq(type, K2_SV("d")) ? "MODIFY" : "DEFINE";
}

void fix_instrument_event(struct fix_market *m, struct k2_event *e, const struct feed_head *h) {
    feed_event_start(e, K2_KIND_INSTRUMENT, h);
    struct k2_instrument *i = &e->instrument;
    i->action = word(m, WORD, action_of(m));
    i->venue_id = fix_take_text(m, FIX_SECURITY_ID, &m->memo[CODE]);
    i->name = fix_take_text(m, FIX_SECURITY_DESC, &m->memo[NAME]);
    i->instrument_type = take_type(m);
    i->currency = fix_take_text(m, FIX_CURRENCY, &m->memo[CURRENCY]);
    fix_take_decimal(m, FIX_TICK, K2_PRICE_PRECISION, K2_PRICE_SCALE, &i->tick_size);
    fix_take_decimal(m, FIX_ROUND_LOT, K2_QUANTITY_PRECISION, K2_QUANTITY_SCALE, &i->lot_size);
    fix_take_decimal(m, FIX_MULTIPLIER, K2_QUANTITY_PRECISION, K2_QUANTITY_SCALE, &i->multiplier);
    i->underlying = fix_take_text(m, FIX_UNDERLYING, &m->memo[UNDERLYING]);
    fix_take_decimal(m, FIX_STRIKE, K2_PRICE_PRECISION, K2_PRICE_SCALE, &i->strike_price);
    i->expiration = take_expiry(m);
}

/* --- states --- */

/* SecurityTradingStatus (326) */
static const struct known security_states[] = {
    {"1", "PRE_OPEN"}, {"2", "HALTED"},   {"3", "OPEN"},     {"4", "CLOSED"},    {"5", "HALTED"},
    {"17", "OPEN"},    {"18", "CLOSED"},  {"19", "CLOSED"},  {"21", "PRE_OPEN"}, {"22", "AUCTION"},
    {"23", "OPEN"},    {"24", "AUCTION"}, {"25", "AUCTION"}, {"26", "CLOSED"},
};
/* TradSesStatus (340) */
static const struct known session_states[] = {
    {"1", "HALTED"}, {"2", "OPEN"}, {"3", "CLOSED"}, {"4", "PRE_OPEN"}, {"5", "PRE_CLOSE"},
};

static void state_event(struct fix_market *m, struct k2_event *e, const struct feed_head *h,
                        uint32_t tag, const struct known *all, size_t n) {
    feed_event_start(e, K2_KIND_TRADING_STATUS, h);
    struct k2_trading_status *s = &e->trading_status;
    const char *name = named(all, n, fix_look(m, tag));
    s->status = word(m, WORD, name ? name : "OTHER");
    s->code = fix_take_text(m, tag, &m->memo[CODE]);
    s->reason = fix_take_text(m, FIX_HALT_REASON, &m->memo[NAME]);
}

void fix_security_status_event(struct fix_market *m, struct k2_event *e,
                               const struct feed_head *h) {
    state_event(m, e, h, FIX_TRADING_STATUS, security_states,
                sizeof security_states / sizeof *security_states);
}

void fix_session_status_event(struct fix_market *m, struct k2_event *e, const struct feed_head *h) {
    state_event(m, e, h, FIX_SESSION_STATUS, session_states,
                sizeof session_states / sizeof *session_states);
}
