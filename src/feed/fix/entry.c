/* feed/fix/entry.c - the event of a market data entry: FIX 5.0 SP2, volume 3, MarketDataIncrementalRefresh and
 * MarketDataSnapshotFullRefresh, component MDIncGrp.
 *
 * The time of a change of the book is that at which it was sent (or TransactTime): MDEntryTime is the order's or the
 * level's, which may be much older. Of trades and figures it is MDEntryTime. Without MDEntryDate it is a time of the
 * day of sending, or of the day before where it would be more than an hour after it. */
#include "feed/fix/market.h"

#define ORDER 0
#define SIDE 1
#define ACTION 2
#define STATISTIC 3
#define VENUE 4
#define TRADE 5

static uint32_t word(struct fix_market *m, int memo, const char *text) {
    return feed_intern(m->in, &m->memo[memo], k2_sv_of(text));
}

static void time_of_entry(struct fix_market *m, struct feed_head *h) {
    struct k2_sv time = fix_look(m, FIX_ENTRY_TIME), date = fix_look(m, FIX_ENTRY_DATE);
    int64_t of_day;
    int32_t days = k2_date_of(m->ns);
    if (!time.n)
        return;
    if (!fix_time_of_day(time, &of_day) || (date.n && !fix_date(date, &days))) {
        if (!m->fault.reason)
            (void)feed_fault_set(&m->fault, "MALFORMED", "this is no time or date of an entry",
                                 time);
        return;
    }
    (void)fix_take(m, FIX_ENTRY_TIME);
    (void)fix_take(m, FIX_ENTRY_DATE);
    h->ns = days * K2_NS_PER_DAY + of_day;
    if (!date.n && h->ns > m->ns + 3600 * K2_NS_PER_SEC)
        h->ns -= K2_NS_PER_DAY;
}

static void transact_time(struct fix_market *m, struct feed_head *h) {
    struct k2_sv s = fix_look(m, FIX_TRANSACT_TIME);
    int64_t ns;
    if (s.n && fix_stamp(s, &ns)) {
        (void)fix_take(m, FIX_TRANSACT_TIME);
        h->ns = ns;
    }
}

/* MDUpdateAction (279): 0 New, 1 Change, 2 Delete, 3 Delete Thru, 4 Delete From, 5 Overlay. */
static char action_of(const struct fix_market *m) {
    struct k2_sv s = fix_look(m, FIX_UPDATE_ACTION);
    if (s.n == 1)
        return *s.p;
    return '0';
}

/* --- the book --- */

static const char *action_of_order(char action) {
    return action == '0' ? "ADD" : action == '1' || action == '5' ? "MODIFY" : "DELETE";
}

static const char *action_of_level(char action) {
    return action == '0' || action == '1' || action == '5' ? "SET" : "DELETE";
}

/* An entry is an order where it is named by OrderID, or by MDEntryID and not by a level. */
static void take_order(struct fix_market *m, struct k2_book_event *b, bool snapshot) {
    bool level = fix_look(m, FIX_PRICE_LEVEL).n > 0;
    uint32_t tag = fix_look(m, FIX_ORDER_ID).n ? FIX_ORDER_ID : FIX_ENTRY_ID;
    bool order = tag == FIX_ORDER_ID || (!level && fix_look(m, FIX_ENTRY_ID).n > 0);
    char action = '0';
    if (!snapshot)
        action = action_of(m);
    if (order)
        b->order_id = fix_take_text(m, tag, &m->memo[ORDER]);
    b->action = word(m, ACTION, order ? action_of_order(action) : action_of_level(action));
}

static void book_entry(struct fix_market *m, struct k2_event *e, struct feed_head h, char type,
                       bool snapshot) {
    transact_time(m, &h);
    feed_event_start(e, K2_KIND_BOOK_EVENT, &h);
    struct k2_book_event *b = &e->book_event;
    if (type == 'J') {
        b->action = word(m, ACTION, "CLEAR");
        return;
    }
    take_order(m, b, snapshot);
    b->side = word(m, SIDE, type == '0' ? "BUY" : "SELL");
    (void)fix_take(m, FIX_ENTRY_TYPE);
    fix_take_decimal(m, FIX_ENTRY_PX, K2_PRICE_PRECISION, K2_PRICE_SCALE, &b->price);
    fix_take_decimal(m, FIX_ENTRY_SIZE, K2_QUANTITY_PRECISION, K2_QUANTITY_SCALE, &b->quantity);
    fix_take_long(m, FIX_PRICE_LEVEL, &b->level);
    fix_take_long(m, FIX_NUMBER_OF_ORDERS, &b->order_count);
}

/* --- trades --- */

/* AggressorSide (5797), else Side (54): 1 buy, 2 sell. */
static uint32_t side_of(struct fix_market *m) {
    uint32_t tag = fix_look(m, FIX_AGGRESSOR).n ? FIX_AGGRESSOR : FIX_SIDE;
    struct k2_sv s = fix_look(m, tag);
    if (s.n != 1 || (*s.p != '1' && *s.p != '2'))
        return 0;
    (void)fix_take(m, tag);
    return word(m, SIDE, *s.p == '1' ? "BUY" : "SELL");
}

/* TradeCondition (277): codes with blanks between them. */
static uint32_t conditions_of(struct fix_market *m) {
    struct k2_sv rest = fix_look(m, FIX_TRADE_CONDITION);
    if (!rest.n || !feed_text_ok(rest, 4096))
        return 0;
    (void)fix_take(m, FIX_TRADE_CONDITION);
    m->blob.n = 0;
    while (rest.n) {
        struct k2_sv code = k2_sv_split(&rest, ' ');
        if (code.n)
            k2_blob_add(&m->blob, code);
    }
    return m->blob.n ? feed_intern(m->in, &m->list_id, k2_buf_view(&m->blob)) : 0;
}

static void correction_entry(struct fix_market *m, struct k2_event *e, const struct feed_head *h) {
    feed_event_start(e, K2_KIND_CORRECTION, h);
    struct k2_correction *c = &e->correction;
    uint32_t tag = fix_look(m, FIX_TRADE_ID).n ? FIX_TRADE_ID : FIX_ENTRY_ID;
    c->action = word(m, ACTION, action_of(m) == '1' ? "CORRECT" : "CANCEL");
    c->trade_id = fix_take_text(m, tag, &m->memo[TRADE]);
    fix_take_decimal(m, FIX_ENTRY_PX, K2_PRICE_PRECISION, K2_PRICE_SCALE, &c->price);
    fix_take_decimal(m, FIX_ENTRY_SIZE, K2_QUANTITY_PRECISION, K2_QUANTITY_SCALE, &c->quantity);
}

static void trade_entry(struct fix_market *m, struct k2_event *e, struct feed_head h) {
    char action = action_of(m);
    time_of_entry(m, &h);
    (void)fix_take(m, FIX_ENTRY_TYPE);
    if (action == '1' || action == '2') {
        correction_entry(m, e, &h);
        return;
    }
    feed_event_start(e, K2_KIND_TRADE, &h);
    struct k2_trade *t = &e->trade;
    fix_take_decimal(m, FIX_ENTRY_PX, K2_PRICE_PRECISION, K2_PRICE_SCALE, &t->price);
    fix_take_decimal(m, FIX_ENTRY_SIZE, K2_QUANTITY_PRECISION, K2_QUANTITY_SCALE, &t->quantity);
    t->side = side_of(m);
    t->conditions = conditions_of(m);
    t->venue =
        fix_take_text(m, fix_look(m, FIX_MD_MKT).n ? FIX_MD_MKT : FIX_LAST_MKT, &m->memo[VENUE]);
}

/* --- figures --- */

static void auction_entry(struct fix_market *m, struct k2_event *e, struct feed_head h) {
    time_of_entry(m, &h);
    feed_event_start(e, K2_KIND_AUCTION, &h);
    struct k2_auction *a = &e->auction;
    (void)fix_take(m, FIX_ENTRY_TYPE);
    fix_take_decimal(m, FIX_ENTRY_SIZE, K2_QUANTITY_PRECISION, K2_QUANTITY_SCALE,
                     &a->imbalance_quantity);
    fix_take_decimal(m, FIX_ENTRY_PX, K2_PRICE_PRECISION, K2_PRICE_SCALE, &a->reference_price);
}

/* MDEntryType (269), FIX 5.0 SP2. */
static const struct {
    const char *type, *name;
} figures[] = {
    {"3", "INDEX"},
    {"4", "OPEN"},
    {"5", "CLOSE"},
    {"6", "SETTLEMENT"},
    {"7", "HIGH"},
    {"8", "LOW"},
    {"9", "VWAP"},
    {"B", "VOLUME"},
    {"C", "OPEN_INTEREST"},
    {"D", "COMPOSITE_UNDERLYING"},
    {"E", "SIMULATED_SELL"},
    {"F", "SIMULATED_BUY"},
    {"G", "MARGIN_RATE"},
    {"H", "MID"},
    {"K", "SETTLEMENT_HIGH"},
    {"L", "SETTLEMENT_LOW"},
    {"M", "PREVIOUS_SETTLEMENT"},
    {"N", "SESSION_HIGH_BID"},
    {"O", "SESSION_LOW_OFFER"},
    {"P", "EARLY"},
    {"Q", "AUCTION_CLEARING_PRICE"},
    {"S", "SWAP_VALUE_FACTOR"},
    {"R", "DAILY_VALUE_ADJUSTMENT"},
    {"V", "ACCRUED_INTEREST"},
    {"W", "FIXING"},
    {"X", "CASH_RATE"},
    {"Y", "RECOVERY_RATE"},
};

/* A type of a venue's own is named as it is: "MDENTRY_z". */
static uint32_t figure_of(struct fix_market *m, struct k2_sv type) {
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if (k2_sv_eq(type, k2_sv_of(figures[i].type))) {
            (void)fix_take(m, FIX_ENTRY_TYPE);
            return word(m, STATISTIC, figures[i].name);
        }
    m->text.n = 0;
    k2_buf_str(&m->text, "MDENTRY_");
    k2_buf_sv(&m->text, type);
    return feed_intern(m->in, &m->memo[STATISTIC], k2_buf_view(&m->text));
}

static void figure_entry(struct fix_market *m, struct k2_event *e, struct feed_head h,
                         struct k2_sv type) {
    time_of_entry(m, &h);
    feed_event_start(e, K2_KIND_STATISTIC, &h);
    struct k2_statistic *s = &e->statistic;
    s->statistic = figure_of(m, type);
    fix_take_decimal(m, FIX_ENTRY_PX, K2_PRICE_PRECISION, K2_PRICE_SCALE, &s->price);
    fix_take_decimal(m, FIX_ENTRY_SIZE, K2_QUANTITY_PRECISION, K2_QUANTITY_SCALE, &s->quantity);
}

void fix_entry_event(struct fix_market *m, struct k2_event *e, const struct feed_head *h,
                     bool snapshot) {
    struct k2_sv type = fix_look(m, FIX_ENTRY_TYPE);
    char letter = 0;
    if (type.n == 1)
        letter = *type.p;
    if ((!type.n || !feed_text_ok(type, 32)) && !m->fault.reason)
        (void)feed_fault_set(&m->fault, "INVALID", "an entry has no MDEntryType", type);
    if (letter == '0' || letter == '1' || letter == 'J')
        book_entry(m, e, *h, letter, snapshot);
    else if (letter == '2')
        trade_entry(m, e, *h);
    else if (letter == 'A')
        auction_entry(m, e, *h);
    else
        figure_entry(m, e, *h, type);
}
