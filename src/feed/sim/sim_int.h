/* feed/sim/sim_int.h - the simulated market behind sim.c: when something happens, to which symbol, at
 * what price. Integers only. */
#ifndef K2_FEED_SIM_INT_H
#define K2_FEED_SIM_INT_H

#include "feed/feed.h"

/* splitmix64 (Steele, Lea, Flood 2014): any seed is a good one. */
static inline uint64_t sim_random(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* --- arrivals: exactly `total` moments in [start, end), in bursts --- */

#define SIM_LOG_STEPS 64

struct sim_arrivals {
    uint64_t random;
    int64_t now, end;
    int64_t left;    /* moments still to come */
    int64_t mean_ns; /* between them, as far as is left */
    uint64_t excite; /* intensity above the base, 2^16 = the mean rate */
    uint32_t log_table[SIM_LOG_STEPS + 1];
};

void sim_arrivals_start(struct sim_arrivals *a, uint64_t seed, int64_t start, int64_t end,
                        int64_t total);
int64_t sim_arrivals_next(struct sim_arrivals *a); /* the caller counts `total` */

/* --- the market --- */

#define SIM_SYMBOL_MAX 8

struct sim_stock {
    char symbol[SIM_SYMBOL_MAX];
    uint32_t symbol_n;
    uint32_t symbol_id; /* memo */
    int64_t tick;       /* in 1e-9 of the currency */
    int64_t anchor;     /* where the price belongs, in 1/16 ticks: a random walk */
    int64_t away;       /* of the mid from it: reverts to 0 */
    int64_t bid, ask;   /* in ticks */
    int32_t bid_lots, ask_lots;
    int32_t usual_spread; /* in ticks */
    int64_t numbered[2];  /* its own trades and quotes so far */
};

struct sim_choice { /* of the alias method: i with this chance, else other */
    uint32_t chance, other;
};

struct sim_market {
    uint64_t random;
    struct sim_stock *stocks;
    struct sim_choice *choices;
    uint32_t n, last; /* last: the symbol of the event before */
    bool quotes;
};

struct sim_tick { /* what happened */
    struct sim_stock *stock;
    bool is_quote;
    bool buyer_came; /* trade: the aggressor's side */
    int64_t price;   /* trade, in ticks */
    int64_t quantity;
    int64_t number; /* among the trades, or the quotes, of its stock; from 1 */
};

void sim_market_start(struct sim_market *m, uint64_t seed, uint32_t symbols, bool quotes);
void sim_market_free(struct sim_market *m);
void sim_market_next(struct sim_market *m, struct sim_tick *t);

#endif
