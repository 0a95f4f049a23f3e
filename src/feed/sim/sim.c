/* feed/sim/sim.c - the simulator: a market (sim_market.c) as a feed that numbers, delays, repeats and
 * loses messages.
 *
 * Everything follows from the options by integer arithmetic: the three rates are turned into
 * integers once, when it opens. Faults draw from a random source of their own, so that a run with
 * gaps shows the market of the run without, less the gaps.
 */
#include "feed/feed_int.h"
#include "feed/sim/sim_int.h"

#include <stdio.h>
#include <stdlib.h>

#define PENDING_MAX 64 /* far more than can wait: see hold */
#define LATE_MOST 4    /* numbered events after which a late one is sent */
#define REPEAT_MOST 8
#define TOTAL_MAX 1e15
#define SECONDS_MAX 1e9
#define RATE_MAX 1e9
#define CHANCE_ONE (UINT64_C(1) << 53)

struct waiting { /* to be sent later; its strings are interned again then */
    struct k2_event event;
    struct sim_tick tick;
    int64_t due; /* when this many events are numbered */
    bool repeat; /* a copy of one that was sent; else it is late */
};

struct sim {
    struct k2_interner *in;
    struct sim_arrivals arrivals;
    struct sim_market market;
    uint64_t random;                         /* of faults and latency */
    uint64_t gaps, duplicates, out_of_order; /* chances of CHANCE_ONE */
    int64_t total, numbered, sequence[2];    /* of trades and quotes */
    int64_t now, sent_ns;
    int64_t symbol_number; /* of the last event sent */
    struct waiting waiting[PENDING_MAX];
    size_t n_waiting;
    char channel[24];
    uint32_t exchange_id, channel_id, side_id[2], odd_lot_id; /* memos */
    struct k2_buf odd_lot;
};

/* --- opening --- */

static int check(const struct sim_options *o, struct k2_err *err) {
    if (o->symbols < 1 || o->symbols > 10000)
        return k2_fail(err, K2_E_USAGE, "simulate: --symbols is 1 to 10000, not %d", o->symbols);
    if (!(o->rate > 0 && o->rate <= RATE_MAX))
        return k2_fail(err, K2_E_USAGE,
                       "simulate: --rate is above 0 and at most 1e9 events a "
                       "second, not %g",
                       o->rate);
    if (!(o->seconds > 0 && o->seconds <= SECONDS_MAX && o->rate * o->seconds <= TOTAL_MAX))
        return k2_fail(err, K2_E_USAGE,
                       "simulate: --seconds is above 0, at most 1e9, and with the "
                       "rate at most 1e15 events, not %g",
                       o->seconds);
    const double chances[] = {o->gaps, o->duplicates, o->out_of_order};
    for (int i = 0; i < 3; i++)
        if (!(chances[i] >= 0 && chances[i] <= 1))
            return k2_fail(err, K2_E_USAGE,
                           "simulate: --gaps, --duplicates and --out-of-order are "
                           "chances from 0 to 1, not %g",
                           chances[i]);
    int64_t end;
    if (__builtin_add_overflow(o->start_ns, (int64_t)(o->seconds * 1e9) + K2_NS_PER_SEC, &end))
        return k2_fail(err, K2_E_USAGE, "simulate: the run would end after the year 2261");
    return K2_OK;
}

/* What the run is: every option, and the version of the market. */
static void name_channel(struct sim *s, const struct sim_options *o) {
    struct {
        uint64_t version, symbols, seed, start, quotes;
        double rate, seconds, gaps, duplicates, out_of_order;
    } id = {1,       (uint64_t)o->symbols, o->seed,     (uint64_t)o->start_ns, o->quotes,
            o->rate, o->seconds,           o->gaps + 0, o->duplicates + 0,     o->out_of_order + 0};
    snprintf(s->channel, sizeof s->channel, "sim-%016llx",
             (unsigned long long)k2_hash64(&id, sizeof id));
}

static uint64_t chance(double p) {
    return (uint64_t)(p * (double)CHANCE_ONE);
}

int sim_open(const struct sim_options *o, struct k2_interner *in, struct sim **out,
             struct k2_err *err) {
    K2_TRY(check(o, err));
    struct sim *s = k2_zalloc(sizeof *s);
    uint64_t seed = o->seed;
    s->in = in;
    s->total = (int64_t)(o->rate * o->seconds + 0.5);
    s->now = s->sent_ns = o->start_ns;
    s->gaps = chance(o->gaps);
    s->duplicates = chance(o->duplicates);
    s->out_of_order = chance(o->out_of_order);
    name_channel(s, o);
    k2_blob_add(&s->odd_lot, K2_SV("I"));
    sim_market_start(&s->market, sim_random(&seed), (uint32_t)o->symbols, o->quotes);
    sim_arrivals_start(&s->arrivals, sim_random(&seed), o->start_ns,
                       o->start_ns + (int64_t)(o->seconds * 1e9), s->total);
    s->random = sim_random(&seed);
    *out = s;
    return K2_OK;
}

void sim_close(struct sim *s) {
    if (!s)
        return;
    sim_market_free(&s->market);
    k2_buf_free(&s->odd_lot);
    free(s);
}

/* --- events --- */

static void fill_trade(const struct sim_tick *t, struct k2_trade *trade) {
    trade->price = (k2_i128)t->price * t->stock->tick;
    trade->quantity = (k2_i128)t->quantity * INT64_C(10000000000);
}

static void fill_quote(const struct sim_stock *stock, struct k2_quote *quote) {
    const int64_t lot = INT64_C(1000000000000);
    quote->bid_price = (k2_i128)stock->bid * stock->tick;
    quote->ask_price = (k2_i128)stock->ask * stock->tick;
    quote->bid_quantity = (k2_i128)stock->bid_lots * lot;
    quote->ask_quantity = (k2_i128)stock->ask_lots * lot;
}

static void fill_strings(struct sim *s, const struct sim_tick *t, struct k2_event *e) {
    static const char *const sides[] = {"SELL", "BUY"};
    struct k2_sv name = {t->stock->symbol, t->stock->symbol_n};
    uint32_t exchange = feed_intern(s->in, &s->exchange_id, K2_SV("SIM"));
    uint32_t symbol = feed_intern(s->in, &t->stock->symbol_id, name);
    uint32_t channel = feed_intern(s->in, &s->channel_id, k2_sv_of(s->channel));
    if (t->is_quote) {
        e->quote.exchange = exchange;
        e->quote.symbol = symbol;
        e->quote.channel = channel;
        return;
    }
    e->trade.exchange = exchange;
    e->trade.symbol = symbol;
    e->trade.channel = channel;
    e->trade.side = feed_intern(s->in, &s->side_id[t->buyer_came], k2_sv_of(sides[t->buyer_came]));
    if (t->quantity < 100)
        e->trade.conditions = feed_intern(s->in, &s->odd_lot_id, k2_buf_view(&s->odd_lot));
}

static void make_event(struct sim *s, struct k2_event *e, struct sim_tick *t) {
    s->now = sim_arrivals_next(&s->arrivals);
    sim_market_next(&s->market, t);
    s->numbered++;
    t->number = ++t->stock->numbered[t->is_quote];
    struct feed_head head = {
        .trade_date = k2_date_of(s->now),
        .ns = s->now,
        .receive_ns = K2_NULL_LONG,
        .sequence = ++s->sequence[t->is_quote],
        .raw_offset = K2_NULL_LONG,
    };
    feed_event_start(e, t->is_quote ? K2_KIND_QUOTE : K2_KIND_TRADE, &head);
    if (t->is_quote)
        fill_quote(t->stock, &e->quote);
    else
        fill_trade(t, &e->trade);
}

static bool happens(struct sim *s, uint64_t of_chance) {
    return of_chance && sim_random(&s->random) >> 11 < of_chance;
}

/* At most LATE_MOST late events wait, and of the last REPEAT_MOST + LATE_MOST sent ones a copy. */
static void hold(struct sim *s, const struct k2_event *e, const struct sim_tick *t, int64_t most,
                 bool repeat) {
    K2_ASSERT(s->n_waiting < PENDING_MAX);
    int64_t after = 1 + (int64_t)(sim_random(&s->random) % (uint64_t)most);
    s->waiting[s->n_waiting++] = (struct waiting){*e, *t, s->numbered + after, repeat};
}

/* The event leaves the venue now and is received a little later. */
static void send(struct sim *s, struct k2_event *e, const struct sim_tick *t) {
    int64_t received = s->now + 20000 + (int64_t)(sim_random(&s->random) & 0x3ffff);
    if (e->kind == K2_KIND_QUOTE)
        e->quote.receive_timestamp_ns = received;
    else
        e->trade.receive_timestamp_ns = received;
    if (happens(s, s->duplicates))
        hold(s, e, t, REPEAT_MOST, true);
}

/* Takes the event that is due first, if one is; when nothing more is numbered, all are. */
static bool take_due(struct sim *s, struct k2_event *e, struct sim_tick *t) {
    size_t first = 0;
    for (size_t i = 1; i < s->n_waiting; i++)
        if (s->waiting[i].due < s->waiting[first].due)
            first = i;
    if (s->n_waiting == 0 || (s->numbered < s->total && s->waiting[first].due > s->numbered))
        return false;
    bool repeat = s->waiting[first].repeat;
    *e = s->waiting[first].event;
    *t = s->waiting[first].tick;
    memmove(s->waiting + first, s->waiting + first + 1,
            (s->n_waiting - first - 1) * sizeof *s->waiting);
    s->n_waiting--;
    if (!repeat)
        send(s, e, t);
    return true;
}

bool sim_next(struct sim *s, struct k2_event *e) {
    struct sim_tick t;
    while (!take_due(s, e, &t)) {
        if (s->numbered == s->total)
            return false;
        make_event(s, e, &t);
        if (happens(s, s->gaps))
            continue;
        if (happens(s, s->out_of_order)) {
            hold(s, e, &t, LATE_MOST, false);
            continue;
        }
        send(s, e, &t);
        break;
    }
    fill_strings(s, &t, e);
    s->sent_ns = s->now;
    s->symbol_number = t.number;
    return true;
}

int64_t sim_symbol_number(const struct sim *s) {
    return s->symbol_number;
}

int64_t sim_sent_ns(const struct sim *s) {
    return s->sent_ns;
}
