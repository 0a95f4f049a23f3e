/* feed/sim/sim_market.c - arrivals and prices of the simulator; see sim_int.h.
 *
 * Arrivals excite themselves (a Hawkes process, Hawkes 1971): every event raises the intensity by
 * JUMP, which fades over FADE mean intervals, so that of four events three are answers to others.
 * The mean interval is taken from what is left of time and events, which makes the count exact.
 *
 * A symbol's activity falls as 1/rank (Zipf); 3 of 8 events stay at the symbol of the one before.
 * Its anchor walks by steps relative to its price; the mid stays near the anchor; bid and ask are
 * on the tick grid of the price's level; trades take the bid or the ask that stands and push the
 * anchor.
 */
#include "feed/sim/sim_int.h"

#include <stdlib.h>

#define ONE (UINT64_C(1) << 16)
#define FADE UINT64_C(50)    /* mean intervals */
#define JUMP (ONE * 3 / 200) /* 0.75 / FADE: three of four events are answers */
#define BASE (ONE / 4)       /* the rest comes by itself */
#define LN2 UINT64_C(45426)  /* 2^16 ln 2 */
#define RENEW 64             /* events between two looks at the mean interval */

/* --- arrivals --- */

/* 2^16 log2(x / 2^32) for 2^32 <= x < 2^33, bit by bit: squaring doubles the logarithm. */
static uint32_t log2_of(uint64_t x) {
    uint32_t log = 0;
    for (int bit = 15; bit >= 0; bit--) {
        x = (uint64_t)(((k2_u128)x * x) >> 32);
        if (x >> 33) {
            x >>= 1;
            log |= 1u << bit;
        }
    }
    return log;
}

/* log_table[i] = 2^16 * -log2(1 - i / 128): the fraction of an exponential variable in units of
 * ln 2, whose whole part is geometric. */
void sim_arrivals_start(struct sim_arrivals *a, uint64_t seed, int64_t start, int64_t end,
                        int64_t total) {
    *a = (struct sim_arrivals){.random = seed, .now = start, .end = end, .left = total};
    for (uint64_t i = 0; i <= SIM_LOG_STEPS; i++) {
        uint64_t x = (UINT64_C(1) << 33) - (i << 32) / SIM_LOG_STEPS - (i == 0);
        a->log_table[i] = (uint32_t)ONE - log2_of(x);
    }
}

/* Exponential with mean 2^16. */
static uint64_t exponential(struct sim_arrivals *a) {
    uint64_t r = sim_random(&a->random);
    uint64_t whole = (uint64_t)__builtin_ctzll(r | UINT64_C(1) << 40);
    uint64_t step = r >> 58, within = r >> 42 & 0xffff;
    uint64_t low = a->log_table[step], high = a->log_table[step + 1];
    uint64_t log = (whole << 16) + low + ((high - low) * within >> 16);
    return log * LN2 >> 16;
}

int64_t sim_arrivals_next(struct sim_arrivals *a) {
    if (a->left % RENEW == 0 || a->left < RENEW || a->mean_ns == 0)
        a->mean_ns = a->left > 0 ? (a->end - a->now) / a->left : 0;
    uint64_t wait = exponential(a), intensity = BASE + a->excite;
    uint64_t faded = (wait << 16) / (intensity * FADE); /* in FADE mean intervals */
    a->excite = a->excite * ONE / (ONE + faded) + JUMP;
    k2_u128 ns = (k2_u128)wait * (uint64_t)a->mean_ns;
    ns = ns >> 64 ? ns / intensity : (k2_u128)((uint64_t)ns / intensity);
    int64_t most = a->end - 1 - a->now;
    a->now += ns < (k2_u128)most ? (int64_t)ns : most;
    a->left--;
    return a->now;
}

/* --- symbols --- */

/* Names that people know, with the level in dollars that they know them at. */
static const struct {
    const char *symbol;
    int64_t dollars;
} famous[] = {
    {"AAPL", 230}, {"MSFT", 420},  {"NVDA", 135}, {"AMZN", 190}, {"GOOGL", 175}, {"META", 560},
    {"TSLA", 260}, {"BRK.B", 455}, {"AVGO", 170}, {"LLY", 880},  {"JPM", 220},   {"V", 285},
    {"UNH", 580},  {"XOM", 118},   {"MA", 500},   {"COST", 900}, {"HD", 400},    {"PG", 170},
    {"JNJ", 160},  {"NFLX", 720},  {"ABBV", 195}, {"BAC", 42},   {"CRM", 290},   {"CVX", 152},
    {"KO", 68},    {"WMT", 82},    {"MRK", 108},  {"AMD", 155},  {"PEP", 170},   {"TMO", 590},
    {"ORCL", 172}, {"LIN", 470},   {"ADBE", 495}, {"MCD", 300},  {"CSCO", 54},   {"ABT", 116},
    {"DIS", 95},   {"WFC", 62},    {"INTC", 23},  {"QCOM", 168}, {"IBM", 220},   {"GE", 182},
    {"CAT", 380},  {"VZ", 42},     {"PFE", 29},   {"TXN", 198},  {"DHR", 262},   {"CMCSA", 42},
    {"NKE", 82},   {"PM", 130},    {"UNP", 240},  {"SPGI", 500}, {"LOW", 270},   {"HON", 215},
    {"BA", 150},   {"T", 22},      {"GS", 520},   {"BLK", 980},  {"SBUX", 97},   {"F", 11},
};
#define FAMOUS (sizeof famous / sizeof *famous)

static bool is_famous(const char *symbol) {
    for (size_t i = 0; i < FAMOUS; i++)
        if (strcmp(famous[i].symbol, symbol) == 0)
            return true;
    return false;
}

/* Four letters from a counter: the factor has no divisor in common with 26^4, so none comes twice.
 */
static void invent_symbol(uint32_t *counter, char out[SIM_SYMBOL_MAX]) {
    do {
        uint32_t x = (*counter)++ * 7919u % 456976u;
        for (int i = 3; i >= 0; i--, x /= 26)
            out[i] = (char)('A' + x % 26);
        out[4] = 0;
    } while (is_famous(out));
}

/* Chances of 1/rank by the alias method (Walker 1977, Vose 1991), in whole numbers. */
static void make_choices(struct sim_market *m) {
    uint64_t *weight = k2_alloc(m->n * sizeof *weight), sum = 0;
    uint32_t *small = k2_alloc((size_t)m->n * 2 * sizeof *small), *large = small + m->n;
    size_t n_small = 0, n_large = 0;
    for (uint32_t i = 0; i < m->n; i++)
        sum += (UINT64_C(1) << 40) / (i + 1);
    for (uint32_t i = 0; i < m->n; i++) {
        weight[i] = (UINT64_C(1) << 40) / (i + 1) * m->n; /* `sum` is fair */
        m->choices[i] = (struct sim_choice){UINT32_MAX, i};
        if (weight[i] < sum)
            small[n_small++] = i;
        else
            large[n_large++] = i;
    }
    while (n_small && n_large) {
        uint32_t poor = small[--n_small], rich = large[n_large - 1];
        m->choices[poor].chance = (uint32_t)(((k2_u128)weight[poor] << 32) / sum);
        m->choices[poor].other = rich;
        weight[rich] -= sum - weight[poor];
        if (weight[rich] < sum)
            small[n_small++] = large[--n_large];
    }
    free(weight);
    free(small);
}

static struct sim_stock *choose(struct sim_market *m) {
    uint64_t r = sim_random(&m->random);
    if ((r & 7) >= 3) { /* else once more the same */
        uint32_t i = (uint32_t)((r >> 32) * m->n >> 32);
        m->last = (uint32_t)(r >> 3) <= m->choices[i].chance ? i : m->choices[i].other;
    }
    return &m->stocks[m->last];
}

/* --- prices --- */

#define CENT INT64_C(10000000)
#define PRICE_MAX (INT64_C(100000) * 100 * CENT)

/* Ticks by level, as exchanges have them: 0.0001 below 1, 0.05 from 1000 on. */
static int64_t tick_at(int64_t price) {
    return price < 100 * CENT ? CENT / 100 : price < 100000 * CENT ? CENT : 5 * CENT;
}

/* Within 5 % of the level that is known; else between 0.10 and 2000, half of them between 10 and 100. */
static int64_t first_price(uint32_t rank, uint64_t *random) {
    uint64_t r = sim_random(random), level = r >> 8 & 31;
    if (rank < FAMOUS)
        return famous[rank].dollars * (95 + (int64_t)(r % 11)) * CENT;
    int64_t cents = (int64_t)(1000 + r % 9000);
    if (level == 0)
        return cents * CENT / 100;
    if (level < 4)
        return cents * CENT / 10;
    if (level < 20)
        return cents * CENT;
    return level < 31 ? (10000 + cents * 5) * CENT : cents * 20 * CENT;
}

/* How many: half of the time 1, a quarter 2 or 3, and so on up to 2^12: a tail of exponent 1. */
static int64_t heavy_tail(uint64_t r) {
    int magnitude = __builtin_ctzll(r | UINT64_C(1) << 12);
    return (INT64_C(1) << magnitude) + (int64_t)(r >> 20 & ((UINT64_C(1) << magnitude) - 1));
}

static void new_quote(struct sim_stock *s, uint64_t r) {
    int64_t spread = s->usual_spread + (r & 3 ? 0 : __builtin_ctzll(r >> 2 | 64));
    int64_t mid = (s->anchor + s->away) / 16;
    s->bid = mid - spread / 2;
    if (s->bid < 1)
        s->bid = 1;
    s->ask = s->bid + spread;
    s->bid_lots = (int32_t)heavy_tail(r >> 8);
    s->ask_lots = (int32_t)heavy_tail(r >> 24);
}

/* Uniform in [-most, most]. */
static int64_t step(uint64_t r, int64_t most) {
    return (int64_t)((r & 0xffff) * (uint64_t)(2 * most + 1) >> 16) - most;
}

/* The price entered another level: the same price on the other grid. */
static void keep_on_grid(struct sim_stock *s) {
    int64_t tick = tick_at(s->anchor / 16 * s->tick);
    if (tick == s->tick)
        return;
    s->anchor = s->anchor * s->tick / tick;
    s->away = 0;
    s->tick = tick;
}

static void move(struct sim_stock *s, uint64_t r) {
    s->anchor += step(r, 1 + (s->anchor >> 15));
    s->away += step(r >> 16, 8 + (int64_t)s->usual_spread * 4) - s->away / 8;
    keep_on_grid(s);
    if (s->anchor < 1600) /* only the lowest level comes here */
        s->anchor = 1600;
    if (s->anchor / 16 > PRICE_MAX / s->tick)
        s->anchor = PRICE_MAX / s->tick * 16;
    new_quote(s, r >> 32 | r << 32);
}

static void start_stock(struct sim_stock *s, uint32_t rank, uint64_t *random) {
    int64_t price = first_price(rank, random);
    s->tick = tick_at(price);
    s->anchor = price / s->tick * 16;
    s->usual_spread = 1 + (rank > 30) + (rank > 300 ? 2 : 0) + (rank > 3000 ? 4 : 0);
    new_quote(s, sim_random(random));
}

void sim_market_start(struct sim_market *m, uint64_t seed, uint32_t symbols, bool quotes) {
    uint32_t counter = 1;
    *m = (struct sim_market){.random = seed, .n = symbols, .quotes = quotes};
    m->stocks = k2_zalloc(symbols * sizeof *m->stocks);
    m->choices = k2_alloc(symbols * sizeof *m->choices);
    for (uint32_t i = 0; i < symbols; i++) {
        struct sim_stock *s = &m->stocks[i];
        if (i < FAMOUS)
            memcpy(s->symbol, famous[i].symbol, strlen(famous[i].symbol) + 1);
        else
            invent_symbol(&counter, s->symbol);
        s->symbol_n = (uint32_t)strlen(s->symbol);
        start_stock(s, i, &m->random);
    }
    make_choices(m);
}

void sim_market_free(struct sim_market *m) {
    free(m->stocks);
    free(m->choices);
}

/* Takes from the side that stands and pushes the anchor the way of the aggressor. */
static void trade(struct sim_stock *s, uint64_t r, struct sim_tick *t) {
    t->buyer_came = r & 1;
    t->price = t->buyer_came ? s->ask : s->bid;
    int64_t lots = heavy_tail(r >> 4);
    bool odd = (r >> 1 & 7) == 0; /* an odd lot */
    t->quantity = odd ? 1 + (int64_t)((r >> 4) % 99) : lots * 100;
    int64_t push = 1 + (lots < 8 ? lots : 8);
    s->anchor += t->buyer_came ? push : -push;
}

void sim_market_next(struct sim_market *m, struct sim_tick *t) {
    struct sim_stock *s = choose(m);
    uint64_t r = sim_random(&m->random);
    t->stock = s;
    t->is_quote = m->quotes && (r & 3) != 0; /* three quotes a trade */
    if (t->is_quote || (!m->quotes && (r & 3) != 0))
        move(s, sim_random(&m->random));
    if (!t->is_quote)
        trade(s, r >> 2, t);
}
