/* feed/calendar.c - which session date a moment belongs to, per exchange.
 *
 * A session date is the local date of the exchange's zone, counted from its roll time: with a roll
 * at 18:00 the evening belongs to the next date. A calendar's version changes with its rule, so
 * that a table can say by which rule its dates were made. On which dates there is a session at all, and its
 * hours, are the market's rules (holidays.h).
 */
#include "feed/feed.h"
#include "feed/holidays.h"

#include <stdatomic.h>
#include <stdio.h>

struct feed_calendar {
    const char *exchange, *zone_name; /* zone_name NULL: UTC */
    int32_t roll; /* seconds after local midnight at which the next date starts; 0 = midnight */
    const char *version;
    _Atomic(struct k2_zone *) zone; /* loaded at the first use, then kept */
};

/* Every exchange that is known: code, zone (NULL: UTC), roll, version. */
#define EXCHANGES(ROW)                                                                             \
    ROW("ASX", "Australia/Sydney", 0, "asx-2")                                                     \
    ROW("BINANCE", NULL, 0, "utc-1")                                                               \
    ROW("BINANCE-USDM", NULL, 0, "utc-1")                                                          \
    ROW("BINANCE-COINM", NULL, 0, "utc-1")                                                         \
    ROW("NYSE", "America/New_York", 0, "us-1")                                                     \
    ROW("NASDAQ", "America/New_York", 0, "us-1")                                                   \
    ROW("CME", "America/Chicago", 17 * 3600, "cme-2")                                              \
    ROW("LSE", "Europe/London", 0, "lse-1")                                                        \
    ROW("JPX", "Asia/Tokyo", 0, "jpx-1")                                                           \
    ROW("GLBX", "America/Chicago", 17 * 3600, "cme-2")                                             \
    ROW("XCBF", "America/Chicago", 17 * 3600, "cme-2")                                             \
    ROW("XNAS", "America/New_York", 0, "us-1")                                                     \
    ROW("XBOS", "America/New_York", 0, "us-1")                                                     \
    ROW("XPSX", "America/New_York", 0, "us-1")                                                     \
    ROW("BATS", "America/New_York", 0, "us-1")                                                     \
    ROW("BATY", "America/New_York", 0, "us-1")                                                     \
    ROW("EDGA", "America/New_York", 0, "us-1")                                                     \
    ROW("EDGX", "America/New_York", 0, "us-1")                                                     \
    ROW("XNYS", "America/New_York", 0, "us-1")                                                     \
    ROW("XCIS", "America/New_York", 0, "us-1")                                                     \
    ROW("XASE", "America/New_York", 0, "us-1")                                                     \
    ROW("XCHI", "America/New_York", 0, "us-1")                                                     \
    ROW("ARCX", "America/New_York", 0, "us-1")                                                     \
    ROW("IEXG", "America/New_York", 0, "us-1")                                                     \
    ROW("MEMX", "America/New_York", 0, "us-1")                                                     \
    ROW("EPRL", "America/New_York", 0, "us-1")                                                     \
    ROW("LTSE", "America/New_York", 0, "us-1")                                                     \
    ROW("DBEQ", "America/New_York", 0, "us-1")                                                     \
    ROW("EQUS", "America/New_York", 0, "us-1")                                                     \
    ROW("OPRA", "America/New_York", 0, "us-1")                                                     \
    ROW("IFUS", "America/New_York", 18 * 3600, "ice-us-1")                                         \
    ROW("OCEA", "America/New_York", 20 * 3600, "ocea-1")                                           \
    ROW("IFEU", "Europe/London", 23 * 3600, "ice-eu-1")                                            \
    ROW("IFLL", "Europe/London", 23 * 3600, "ice-eu-1")                                            \
    ROW("NDEX", "Europe/Amsterdam", 0, "ndex-1")                                                   \
    ROW("XEUR", "Europe/Berlin", 0, "eurex-1")                                                     \
    ROW("XEEE", "Europe/Berlin", 0, "eex-1")                                                       \
    ROW("DBN", NULL, 0, "utc-1")                                                                   \
    ROW("US-EQUITY", "America/New_York", 0, "us-1")                                                \
    ROW("OANDA", "America/New_York", 17 * 3600, "fx-1")                                            \
    ROW("FXCM", "America/New_York", 17 * 3600, "fx-1")                                             \
    ROW("COMEX", "America/New_York", 18 * 3600, "comex-1")                                         \
    ROW("NYMEX", "America/New_York", 18 * 3600, "nymex-1")                                         \
    ROW("CBOT", "America/Chicago", 17 * 3600, "cme-2")                                             \
    ROW("COINBASE", NULL, 0, "utc-1")                                                              \
    ROW("KRAKEN", NULL, 0, "utc-1")                                                                \
    ROW("BITSTAMP", NULL, 0, "utc-1")                                                              \
    ROW("BYBIT", NULL, 0, "utc-1")                                                                 \
    ROW("OKX", NULL, 0, "utc-1")                                                                   \
    ROW("DERIBIT", NULL, 0, "utc-1")                                                               \
    ROW("GATEIO", NULL, 0, "utc-1")                                                                \
    ROW("HYPERLIQUID", NULL, 0, "utc-1")                                                           \
    ROW("HUOBI", NULL, 0, "utc-1")                                                                 \
    ROW("TARDIS", NULL, 0, "utc-1")                                                                \
    ROW("BITFINEX", NULL, 0, "utc-1")                                                              \
    ROW("CTA", "America/New_York", 0, "us-1")                                                      \
    ROW("XISX", "America/New_York", 0, "us-1")                                                     \
    ROW("XBOX", "America/New_York", 0, "us-1")                                                     \
    ROW("XCBO", "America/Chicago", 0, "cboe-1")                                                    \
    ROW("XMIO", "America/New_York", 0, "us-1")                                                     \
    ROW("XMGE", "America/Chicago", 17 * 3600, "cme-2")                                             \
    ROW("OTCM", "America/New_York", 0, "us-1")                                                     \
    ROW("UTP", "America/New_York", 0, "us-1")                                                      \
    ROW("XTSE", "America/Toronto", 0, "tsx-1")                                                     \
    ROW("BVMF", "America/Sao_Paulo", 0, "b3-1")                                                    \
    ROW("COINBASE-DERIV", "America/Chicago", 17 * 3600, "cme-2")                                   \
    ROW("RTSX", "Europe/Moscow", 19 * 3600, "moex-1")                                              \
    ROW("SIM", NULL, 0, "utc-1")

#define CALENDAR(code, zone, roll, version) {code, zone, roll, version, NULL},
static struct feed_calendar calendars[] = {EXCHANGES(CALENDAR)};
#undef CALENDAR
#define CALENDARS (sizeof calendars / sizeof *calendars)

static struct feed_calendar utc = {"UTC", NULL, 0, "utc-1", NULL};

/* Other codes of exchanges. Rows that were stored under one of them stay as they are. */
static const struct {
    const char *other, *code;
} aliases[] = {
    {"NASDAQ", "XNAS"}, {"NYSE", "XNYS"},  {"XASX", "ASX"},   {"XLON", "LSE"},
    {"XTKS", "JPX"},    {"XJPX", "JPX"},   {"XCME", "CME"},   {"XCBT", "CBOT"},
    {"XNYM", "NYMEX"},  {"XCEC", "COMEX"}, {"EUREX", "XEUR"},
};

struct k2_sv feed_exchange_code(struct k2_sv exchange) {
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (k2_sv_eq(exchange, k2_sv_of(aliases[i].other)))
            return k2_sv_of(aliases[i].code);
    return exchange;
}

static struct feed_calendar *lookup(struct k2_sv exchange) {
    exchange = feed_exchange_code(exchange);
    for (size_t i = 0; i < CALENDARS; i++)
        if (k2_sv_eq(exchange, k2_sv_of(calendars[i].exchange)))
            return &calendars[i];
    return NULL;
}

static int load_zone(struct feed_calendar *c, struct k2_err *err) {
    if (!c->zone_name || atomic_load(&c->zone))
        return K2_OK;
    struct k2_zone *zone, *none = NULL;
    K2_TRY_CTX(k2_zone_load(c->zone_name, &zone, err), err, "calendar of %s", c->exchange);
    if (!atomic_compare_exchange_strong(&c->zone, &none, zone))
        k2_zone_free(zone); /* another thread was faster */
    return K2_OK;
}

static int unknown_calendar(const char *name, struct k2_err *err) {
    struct k2_buf codes = {0};
    for (const char *const *e = feed_exchanges(); *e; e++)
        k2_buf_printf(&codes, ", %s", *e);
    (void)k2_fail(err, K2_E_NOTFOUND, "there is no calendar \"%s\"; it is utc%s", name,
                  k2_buf_cstr(&codes));
    k2_buf_free(&codes);
    return K2_E_NOTFOUND;
}

bool feed_exchange_known(struct k2_sv exchange) {
    return lookup(exchange) != NULL;
}

int feed_calendar_find(struct k2_sv exchange, const char *name, const struct feed_calendar **out,
                       struct k2_err *err) {
    struct feed_calendar *c = &utc;
    if (!name)
        c = lookup(exchange);
    else if (strcmp(name, "utc") != 0)
        c = lookup(k2_sv_of(name));
    if (!c && name)
        return unknown_calendar(name, err);
    if (!c)
        return k2_fail(err, K2_E_NOTFOUND,
                       "no calendar is known for the exchange \"%.*s\", so its session dates "
                       "cannot be told; use --calendar utc to take UTC dates",
                       K2_SV_ARG(exchange));
    K2_TRY(load_zone(c, err));
    *out = c;
    return K2_OK;
}

int32_t feed_session_date(const struct feed_calendar *c, int64_t utc_ns) {
    int64_t seconds = utc_ns / K2_NS_PER_SEC - (utc_ns % K2_NS_PER_SEC < 0);
    seconds += k2_zone_offset(atomic_load_explicit(&c->zone, memory_order_acquire), utc_ns);
    if (c->roll)
        seconds += 86400 - c->roll;
    return (int32_t)(seconds / 86400 - (seconds % 86400 < 0));
}

const struct k2_zone *feed_calendar_zone(const struct feed_calendar *c) {
    return atomic_load(&c->zone);
}

static const struct market *rules(const struct feed_calendar *c) {
    return c->zone_name ? market_of(c->zone_name, c->roll != 0) : NULL;
}

bool feed_calendar_session(const struct feed_calendar *c, int32_t date) {
    const struct market *m = rules(c);
    int32_t weekday = (date % 7 + 7 + 3) % 7; /* 0 = Monday: 1970-01-01 was a Thursday */
    return m ? market_session(m, date) : !c->zone_name || weekday < 5;
}

static int64_t local(const struct feed_calendar *c, int32_t date, int32_t seconds) {
    return k2_zone_to_utc(feed_calendar_zone(c), date * K2_NS_PER_DAY + seconds * K2_NS_PER_SEC);
}

bool feed_calendar_hours(const struct feed_calendar *c, int32_t date, struct feed_hours *out) {
    const struct market *m = rules(c);
    if (!feed_calendar_session(c, date))
        return false;
    if (!m) { /* around the clock, as far as is known */
        *out = (struct feed_hours){local(c, date, 0), local(c, date + 1, 0), 0, 0};
        return true;
    }
    struct market_hours h = market_hours_of(m, date);
    *out =
        (struct feed_hours){.open_ns = local(c, date, h.open), .close_ns = local(c, date, h.close)};
    if (h.break_start < h.break_end) {
        out->break_start_ns = local(c, date, h.break_start);
        out->break_end_ns = local(c, date, h.break_end);
    }
    return true;
}

const char *feed_calendar_version(const struct feed_calendar *c) {
    return c->version;
}

void feed_calendars_version(char out[17]) {
    struct k2_buf text = {0};
    for (size_t i = 0; i < CALENDARS; i++)
        k2_buf_printf(&text, "%s %s %d %s\n", calendars[i].exchange,
                      calendars[i].zone_name ? calendars[i].zone_name : "UTC", calendars[i].roll,
                      calendars[i].version);
    snprintf(out, 17, "%016llx", (unsigned long long)k2_hash64(text.p, text.n));
    k2_buf_free(&text);
}

const char *const *feed_exchanges(void) {
#define CODE(code, zone, roll, version) code,
    static const char *const codes[] = {EXCHANGES(CODE) NULL};
#undef CODE
    return codes;
}
