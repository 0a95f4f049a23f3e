/* bench/market.h - the rows of the benches: Zipf over symbols, a random walk each, the session 2026-03-02. */
#ifndef K2_BENCH_MARKET_H
#define K2_BENCH_MARKET_H

#include "base/clock.h"
#include "codec/codec.h"

#include <stdio.h>

enum { SYMBOLS = 500, EXCHANGES = 4 };

struct market {
    uint64_t random;
    uint32_t cumulated[SYMBOLS];
    int64_t price[SYMBOLS], sequence[SYMBOLS][EXCHANGES];
    int64_t now;
    uint32_t symbol[SYMBOLS], exchange[EXCHANGES], channel[SYMBOLS], side[2];
    uint32_t conditions[3], venue[2];
};

static inline uint64_t draw(struct market *m) {
    uint64_t z = (m->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint32_t intern_text(struct k2_interner *in, const char *s) {
    return k2_intern(in, k2_sv_of(s));
}

static inline uint32_t intern_list(struct k2_interner *in, const char *s) {
    struct k2_buf b = {0};
    k2_blob_add(&b, k2_sv_of(s));
    uint32_t id = k2_intern(in, k2_buf_view(&b));
    k2_buf_free(&b);
    return id;
}

static inline void market_init(struct market *m, struct k2_interner *in) {
    static const char *const exchanges[EXCHANGES] = {"ASX", "BINANCE", "KRAKEN", "COINBASE"};
    *m = (struct market){.random = 42};
    uint32_t sum = 0;
    for (uint32_t i = 0; i < SYMBOLS; i++) {
        char name[16];
        snprintf(name, sizeof name, i % 3 ? "S%03u" : "SYM%03uUSD", i);
        m->symbol[i] = m->channel[i] = intern_text(in, name);
        m->price[i] = (int64_t)(500 + draw(m) % 5000000);
        m->cumulated[i] = sum += 1000000 / (i + 1);
    }
    for (int i = 0; i < EXCHANGES; i++)
        m->exchange[i] = intern_text(in, exchanges[i]);
    m->side[0] = intern_text(in, "BUY");
    m->side[1] = intern_text(in, "SELL");
    m->conditions[1] = intern_list(in, "@");
    m->conditions[2] = intern_list(in, "I");
    m->venue[1] = intern_text(in, "X");
    m->now = (int64_t)k2_days_from_civil(2026, 3, 2) * K2_NS_PER_DAY;
}

static inline uint32_t draw_symbol(struct market *m) {
    uint32_t x = (uint32_t)(draw(m) % m->cumulated[SYMBOLS - 1]), lo = 0, hi = SYMBOLS - 1;
    while (lo < hi) {
        uint32_t middle = (lo + hi) / 2;
        if (m->cumulated[middle] <= x)
            lo = middle + 1;
        else
            hi = middle;
    }
    return lo;
}

static inline void market_next(struct market *m, struct k2_event *e) {
    uint32_t s = draw_symbol(m);
    uint64_t r = draw(m);
    uint32_t x = r % 10 < 4 ? 0 : r % 10 < 7 ? 1 : r % 10 < 9 ? 2 : 3;
    m->now += (int64_t)(draw(m) % 17280000); /* 10 million rows a day */
    m->price[s] += (int64_t)(r >> 8) % 5 - 2;
    if (m->price[s] < 1)
        m->price[s] = 1;
    int64_t lot = (int64_t)(1 + (r >> 16) % 100);
    *e = (struct k2_event){.kind = K2_KIND_TRADE};
    e->trade = (struct k2_trade){
        .exchange = m->exchange[x],
        .symbol = m->symbol[s],
        .instrument_id = K2_NULL_LONG,
        .trade_date = k2_date_of(m->now),
        .exchange_timestamp_ns = m->now,
        .receive_timestamp_ns = m->now + 500000 + (int64_t)((r >> 24) % 4000000),
        .exchange_sequence_number = ++m->sequence[s][x],
        .channel = m->channel[s],
        .price = (k2_i128)m->price[s] * 10000000,
        .quantity = (k2_i128)(lot * ((r >> 40) % 4 ? 100 : 1)) * 10000000,
        .side = m->side[(r >> 48) & 1],
        .conditions = m->conditions[((r >> 50) % 10 >= 6) + ((r >> 50) % 10 >= 9)],
        .venue = m->venue[(r >> 56) & 1],
        .flags = K2_FLAG_LAST,
        .raw_offset = K2_NULL_LONG,
    };
}

#endif
