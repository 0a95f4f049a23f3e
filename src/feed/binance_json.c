/* feed/binance_json.c - Binance WebSocket messages, one a line, as captured.
 *
 *   [<receive time, ns since 1970> ]{"stream":"btcusdt@trade","data":{...}}   combined stream
 *   [<receive time, ns since 1970> ]{...}                                     raw stream, REST
 * answer
 *
 * A message with "e":"trade" is a trade; every other message that is whole JSON is filtered.
 * Fields: s symbol, t trade id, p price, q quantity, T trade time (ms; 16 digits are us), m "the
 * buyer is the maker", a and b order ids where they are sent. Spot messages have M, futures X (the
 * kind of the match, kept as condition); COIN-M symbols have "USD_" in them.
 *
 * A line is checked as JSON from end to end before anything of it is used. Names and the type of the
 * message may be written with escapes, which no venue does; another value that matters and is
 * written so is refused.
 */
#include "feed/feed_int.h"
#include "feed/json_scan.h"

#include <stdio.h>
#include <stdlib.h>

#define WORD_MAX 64 /* bytes of a symbol or condition */
#define MS_MAX (INT64_MAX / K2_NS_PER_MS)
#define US_MIN                                                                                     \
    INT64_C(100000000000000) /* a time from here on is microseconds: 1973; as ms, beyond MS_MAX */
#define US_MAX (INT64_MAX / K2_NS_PER_US)

enum venue { SPOT, USDM, COINM, GIVEN, VENUES };

struct binance {
    struct k2_interner *in;
    struct feed_lines lines;
    char *exchange[VENUES]; /* GIVEN: by option, or NULL */
    const struct feed_calendar *calendar[VENUES];
    bool (*wants)(void *ctx, struct k2_sv symbol);
    void *wants_ctx;
    uint32_t exchange_id[VENUES], symbol_id, side_id[2], condition_id, extra_id; /* memos */
    struct k2_buf blob;
};

enum name { /* of the members that matter */
            NAME_e,
            NAME_s,
            NAME_t,
            NAME_p,
            NAME_q,
            NAME_T,
            NAME_m,
            NAME_M,
            NAME_X,
            NAME_a,
            NAME_b,
            NAME_u,
            NAME_data,
            NAME_lastUpdateId,
            NAMES
};

struct message {
    struct k2_sv raw; /* the line */
    int64_t receive_ns;
    struct json_value value[NAMES];
    struct k2_sv twice; /* a name that matters and is there twice */
    /* what could be read of a trade */
    bool identified; /* venue, symbol, date and number are known */
    enum venue venue;
    struct k2_sv symbol;
    int32_t date; /* INT32_MIN = not known */
    int64_t ns, number;
};

/* --- the line as JSON --- */

static const char letters[] =
    "estpqTmMXabu"; /* the names of one letter, in the order of enum name */

static enum name name_of_escaped(struct k2_sv key) {
    for (size_t i = 0; i < sizeof letters - 1; i++)
        if (json_says(key, (struct k2_sv){letters + i, 1}))
            return (enum name)i;
    if (json_says(key, K2_SV("data")))
        return NAME_data;
    return json_says(key, K2_SV("lastUpdateId")) ? NAME_lastUpdateId : NAMES;
}

static enum name name_of(struct k2_sv key) {
    if (key.n == 1) {
        const char *at = memchr(letters, key.p[0], sizeof letters - 1);
        return at ? (enum name)(at - letters) : NAMES;
    }
    if (k2_sv_eq(key, K2_SV("data")))
        return NAME_data;
    return k2_sv_eq(key, K2_SV("lastUpdateId")) ? NAME_lastUpdateId : NAMES;
}

static bool says_trade(const struct json_value *v) {
    return v->type == JSON_STRING &&
           (v->escaped ? json_says(v->text, K2_SV("trade")) : k2_sv_eq(v->text, K2_SV("trade")));
}

/* Gathers the members of the object at the front of s. With `until_type`, stops at an "e" that is
 * not a trade's: the text has been checked before. */
static void gather(struct json_scan *s, struct message *m, bool until_type) {
    struct k2_sv key;
    struct json_value v;
    if (!json_enter(s))
        return;
    while (json_member(s, &key, &v)) {
        enum name name = s->key_escaped ? name_of_escaped(key) : name_of(key);
        if (name == NAMES)
            continue;
        if (m->value[name].type)
            m->twice = key;
        m->value[name] = v;
        if (until_type && name == NAME_e && !says_trade(&v))
            return;
    }
}

static int bad_json(const struct message *m, const struct json_scan *s, struct feed_fault *c) {
    c->reason = "MALFORMED";
    snprintf(c->detail, sizeof c->detail, "not JSON at byte %zu of the line: %s",
             (size_t)(s->p - m->raw.p) + 1, s->fault);
    return -1;
}

/* The receive time in front, if there is one; leaves *text at the JSON. */
static int read_receive_time(struct k2_sv *text, struct message *m, struct feed_fault *c) {
    m->receive_ns = K2_NULL_LONG;
    if (text->p[0] < '0' || text->p[0] > '9')
        return 0;
    const char *blank = memchr(text->p, ' ', text->n);
    struct k2_sv digits = {text->p, blank ? (size_t)(blank - text->p) : text->n};
    if (!blank || !k2_sv_i64(digits, &m->receive_ns))
        return feed_fault_set(c, "MALFORMED",
                              "the line does not start with a receive time in ns and a "
                              "blank",
                              digits);
    *text = k2_sv_trim((struct k2_sv){blank, text->n - digits.n});
    return 0;
}

static int read_json(struct k2_sv text, struct message *m, struct feed_fault *c) {
    struct json_scan s = {.p = text.p, .end = text.p + text.n};
    if (text.n && text.p[0] == '[') {
        struct json_value whole;
        (void)json_value(&s, &whole);
    } else {
        gather(&s, m, false);
    }
    if (!s.fault && !json_at_end(&s))
        s.fault = "something follows the message";
    if (s.fault)
        return bad_json(m, &s, c);
    if (m->value[NAME_data].type == JSON_OBJECT) {
        struct k2_sv data = m->value[NAME_data].text;
        struct json_scan inner = {.p = data.p, .end = data.p + data.n};
        memset(m->value, 0, sizeof m->value);
        gather(&inner, m, true);
    }
    return 0;
}

/* --- a trade's fields --- */

static int read_string(const struct message *m, enum name name, const char *what, struct k2_sv *out,
                       struct feed_fault *c) {
    const struct json_value *v = &m->value[name];
    if (v->type != JSON_STRING || v->escaped)
        return feed_fault_set(c, "MALFORMED", what, v->text);
    *out = v->text;
    return 0;
}

static int read_word(const struct message *m, enum name name, const char *what, struct k2_sv *out,
                     struct feed_fault *c) {
    if (read_string(m, name, what, out, c))
        return -1;
    return out->n && feed_text_ok(*out, WORD_MAX) ? 0 : feed_fault_set(c, "MALFORMED", what, *out);
}

static int read_integer(const struct message *m, enum name name, const char *what, int64_t *out,
                        struct feed_fault *c) {
    const struct json_value *v = &m->value[name];
    if (v->type != JSON_NUMBER || !k2_sv_i64(v->text, out) || *out < 0)
        return feed_fault_set(c, "MALFORMED", what, v->text);
    return 0;
}

static int read_decimal(const struct message *m, enum name name, const char *what, int precision,
                        int scale, k2_i128 *out, struct feed_fault *c) {
    struct k2_sv text;
    if (read_string(m, name, what, &text, c))
        return -1;
    int rc = k2_decimal_parse(text, precision, scale, out, NULL);
    if (rc == K2_E_RANGE)
        return feed_fault_set(c, "RANGE", "the number has more digits than the table holds", text);
    return rc == K2_OK && *out >= 0 ? 0 : feed_fault_set(c, "MALFORMED", what, text);
}

static bool contains(struct k2_sv s, struct k2_sv part) {
    return s.n && memmem(s.p, s.n, part.p, part.n);
}

static int tell_venue(const struct binance *b, struct message *m, struct feed_fault *c) {
    if (b->exchange[GIVEN])
        m->venue = GIVEN;
    else if (m->value[NAME_M].type)
        m->venue = SPOT;
    else if (m->value[NAME_X].type)
        m->venue = contains(m->symbol, K2_SV("USD_")) ? COINM : USDM;
    else
        return feed_fault_set(
            c, "MALFORMED",
            "the trade has neither M (spot) nor X (futures), so its exchange cannot be "
            "told",
            m->symbol);
    return 0;
}

static int read_time(const struct message *m, int64_t *ns, struct feed_fault *c) {
    int64_t t;
    if (read_integer(m, NAME_T, "the trade time T is no time", &t, c))
        return -1;
    if (t <= MS_MAX)
        *ns = t * K2_NS_PER_MS;
    else if (t >= US_MIN && t <= US_MAX)
        *ns = t * K2_NS_PER_US;
    else
        return feed_fault_set(c, "RANGE", "the trade time T is out of range",
                              m->value[NAME_T].text);
    return 0;
}

/* Identity first, so that a bad trade still uses up its number. */
static int identify(const struct binance *b, struct message *m, struct feed_fault *c) {
    if (m->twice.n)
        return feed_fault_set(c, "MALFORMED", "a member is there twice", m->twice);
    if (read_word(m, NAME_s, "the symbol s is no plain text", &m->symbol, c)) {
        m->symbol = (struct k2_sv){NULL, 0};
        return -1;
    }
    if (tell_venue(b, m, c))
        return -1;
    int untimed = read_time(m, &m->ns, c);
    if (!untimed)
        m->date = feed_session_date(b->calendar[m->venue], m->ns);
    if (untimed || read_integer(m, NAME_t, "the trade id t is no number", &m->number, c))
        return -1;
    m->identified = true;
    return 0;
}

static void start_event(struct binance *b, const struct message *m, struct k2_event *e) {
    enum venue v = b->exchange[GIVEN] ? GIVEN : m->venue;
    struct feed_head head = {
        .exchange = feed_intern(b->in, &b->exchange_id[v], k2_sv_of(b->exchange[v])),
        .trade_date = m->date,
        .ns = m->ns,
        .receive_ns = m->receive_ns,
        .sequence = m->number,
        .raw_offset = (int64_t)b->lines.offset,
    };
    if (m->symbol.n)
        head.symbol = head.channel = feed_intern(b->in, &b->symbol_id, m->symbol);
    feed_event_start(e, K2_KIND_TRADE, &head);
}

static int read_side(struct binance *b, const struct message *m, uint32_t *side,
                     struct feed_fault *c) {
    const struct json_value *v = &m->value[NAME_m];
    if (v->type == JSON_TRUE) /* the buyer waited in the book, so the seller came */
        *side = feed_intern(b->in, &b->side_id[0], K2_SV("SELL"));
    else if (v->type == JSON_FALSE)
        *side = feed_intern(b->in, &b->side_id[1], K2_SV("BUY"));
    else if (v->type != JSON_NONE)
        return feed_fault_set(c, "MALFORMED", "the maker mark m is neither true nor false",
                              v->text);
    return 0;
}

static int read_conditions(struct binance *b, const struct message *m, uint32_t *id,
                           struct feed_fault *c) {
    struct k2_sv text;
    if (!m->value[NAME_X].type)
        return 0;
    if (read_word(m, NAME_X, "the match kind X is no plain text", &text, c))
        return -1;
    b->blob.n = 0;
    k2_blob_add(&b->blob, text);
    *id = feed_intern(b->in, &b->condition_id, k2_buf_view(&b->blob));
    return 0;
}

/* Order ids, where the venue sends them. */
static int read_extra(struct binance *b, const struct message *m, uint32_t *id,
                      struct feed_fault *c) {
    int64_t order;
    b->blob.n = 0;
    if (m->value[NAME_b].type) {
        if (read_integer(m, NAME_b, "the buyer's order id b is no number", &order, c))
            return -1;
        k2_blob_add(&b->blob, K2_SV("buyer_order_id"));
        k2_blob_add(&b->blob, m->value[NAME_b].text);
    }
    if (m->value[NAME_a].type) {
        if (read_integer(m, NAME_a, "the seller's order id a is no number", &order, c))
            return -1;
        k2_blob_add(&b->blob, K2_SV("seller_order_id"));
        k2_blob_add(&b->blob, m->value[NAME_a].text);
    }
    if (b->blob.n)
        *id = feed_intern(b->in, &b->extra_id, k2_buf_view(&b->blob));
    return 0;
}

static int read_trade(struct binance *b, const struct message *m, struct k2_event *e,
                      struct feed_fault *c) {
    struct k2_trade *t = &e->trade;
    if (read_decimal(m, NAME_p, "the price p is no number", K2_PRICE_PRECISION, K2_PRICE_SCALE,
                     &t->price, c) ||
        read_decimal(m, NAME_q, "the quantity q is no number", K2_QUANTITY_PRECISION,
                     K2_QUANTITY_SCALE, &t->quantity, c))
        return -1;
    if (t->price == 0) /* insurance fund and the like: there was no price */
        t->price = K2_NULL_DECIMAL;
    return read_side(b, m, &t->side, c) || read_conditions(b, m, &t->conditions, c) ||
                   read_extra(b, m, &t->extra, c)
               ? -1
               : 0;
}

/* --- answers --- */

static int refuse(struct binance *b, const struct message *m, const struct feed_fault *c,
                  const struct feed_sink *sink, struct k2_err *err) {
    struct k2_event partial;
    struct feed_reject reject = {
        .reason = c->reason,
        .detail = c->detail,
        .raw = m->raw,
        .position = b->lines.position,
        .offset = b->lines.offset,
        .numbered = m->identified,
    };
    if (m->symbol.n || b->exchange[GIVEN]) {
        start_event(b, m, &partial);
        reject.partial = &partial;
    }
    return sink->reject(sink->ctx, &reject, err);
}

/* Why a message that is no trade is left out. */
static const char *other(const struct message *m) {
    static const char *const types[] = {"aggTrade",        "bookTicker", "depthUpdate",
                                        "kline",           "24hrTicker", "24hrMiniTicker",
                                        "markPriceUpdate", "forceOrder", "avgPrice"};
    const struct json_value *e = &m->value[NAME_e];
    for (size_t i = 0; e->type == JSON_STRING && i < sizeof types / sizeof *types; i++)
        if (k2_sv_eq(e->text, k2_sv_of(types[i])))
            return types[i];
    if (e->type)
        return "other message";
    if (m->value[NAME_lastUpdateId].type)
        return "depth snapshot";
    return m->value[NAME_u].type && m->value[NAME_b].type && m->value[NAME_a].type
               ? "bookTicker"
               : "no event type";
}

static int take_message(struct binance *b, struct k2_sv text, struct message *m,
                        const struct feed_sink *sink, struct k2_err *err) {
    struct feed_fault c;
    struct k2_event e;
    if (read_receive_time(&text, m, &c) || read_json(text, m, &c))
        return refuse(b, m, &c, sink, err);
    if (!says_trade(&m->value[NAME_e]))
        return sink->filtered(sink->ctx, other(m), err);
    int bad = identify(b, m, &c);
    if (m->symbol.n && b->wants && !b->wants(b->wants_ctx, m->symbol))
        return sink->filtered(sink->ctx, "symbol not wanted", err);
    if (bad)
        return refuse(b, m, &c, sink, err);
    start_event(b, m, &e);
    if (read_trade(b, m, &e, &c))
        return refuse(b, m, &c, sink, err);
    return sink->event(sink->ctx, &e, m->raw, b->lines.position, err);
}

static int take_line(struct binance *b, struct k2_sv line, enum feed_line whole,
                     const struct feed_sink *sink, struct k2_err *err) {
    struct message m = {.raw = line, .receive_ns = K2_NULL_LONG, .date = INT32_MIN};
    if (whole == FEED_LINE_TOO_LONG) {
        struct feed_fault c;
        (void)feed_fault_too_long(&c);
        return refuse(b, &m, &c, sink, err);
    }
    struct k2_sv text = k2_sv_trim(line);
    return text.n ? take_message(b, text, &m, sink, err) : K2_OK;
}

static int decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                  const struct feed_sink *sink, struct k2_err *err) {
    struct binance *b = state;
    struct k2_sv rest = bytes, line;
    enum feed_line found;
    int rc = K2_OK;
    while (rc == K2_OK && (found = feed_line_next(&b->lines, &rest, last, &line)) != FEED_LINE_MORE)
        rc = take_line(b, line, found, sink, err);
    *consumed = bytes.n - rest.n;
    return rc;
}

/* --- setting up --- */

static int init(const struct feed_ops *self, void *state, const struct feed_options *o,
                struct k2_interner *in, struct k2_err *err) {
    static const char *const codes[] = {"BINANCE", "BINANCE-USDM", "BINANCE-COINM"};
    (void)self;
    struct binance *b = state;
    b->in = in;
    b->wants = o->wants;
    b->wants_ctx = o->wants_ctx;
    if (o->exchange.n) {
        b->exchange[GIVEN] = k2_sv_dup(o->exchange);
        return feed_calendar_find(o->exchange, o->calendar, &b->calendar[GIVEN], err);
    }
    for (int v = SPOT; v <= COINM; v++) {
        b->exchange[v] = k2_strdup(codes[v]);
        K2_TRY(feed_calendar_find(k2_sv_of(codes[v]), o->calendar, &b->calendar[v], err));
    }
    return K2_OK;
}

static void fini(void *state) {
    struct binance *b = state;
    for (int v = 0; v < VENUES; v++)
        free(b->exchange[v]);
    k2_buf_free(&b->blob);
    *b = (struct binance){0};
}

static void save(const void *state, struct k2_buf *out) {
    const struct binance *b = state;
    feed_lines_save(&b->lines, out);
}

static bool restore(void *state, struct k2_sv saved) {
    struct binance *b = state;
    struct feed_lines lines;
    if (!feed_lines_restore(&lines, &saved) || saved.n)
        return false;
    b->lines = lines;
    return true;
}

static int detect(const struct feed_ops *self, struct k2_sv file_name, struct k2_sv head,
                  const char **why) {
    (void)self;
    (void)file_name;
    struct k2_sv rest = head, line = k2_sv_trim(k2_sv_split(&rest, '\n'));
    size_t digits = 0;
    while (digits < line.n && line.p[digits] >= '0' && line.p[digits] <= '9')
        digits++;
    line = k2_sv_trim((struct k2_sv){line.p + digits, line.n - digits});
    if (!k2_sv_starts(line, K2_SV("{")))
        return 0;
    *why = "the first line is a message of a combined stream";
    if (contains(line, K2_SV("\"stream\":\"")) && contains(line, K2_SV("\"data\":")))
        return 95;
    *why = "the first line is a message with a type (e) and a symbol (s)";
    if (contains(line, K2_SV("\"e\":\"")) && contains(line, K2_SV("\"s\":\"")))
        return 85;
    *why = "the first line is a depth snapshot";
    return contains(line, K2_SV("\"lastUpdateId\":")) ? 70 : 0;
}

static const struct feed_fact facts[] = {
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
    {"other", "every other message", "whole JSON is filtered, anything else goes to quarantine"},
    {0},
};

const struct feed_ops feed_binance_json = {
    .name = "binance-json",
    .title = "Binance spot and futures trades, JSON messages as captured, one a line",
    .numbering = "the venue's trade id (t), per symbol",
    .facts = facts,
    .state_size = sizeof(struct binance),
    .detect = detect,
    .init = init,
    .decode = decode,
    .fini = fini,
    .save = save,
    .restore = restore,
};
