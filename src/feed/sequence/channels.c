/* feed/sequence/channels.c - the channels of the sequence engine by (exchange, date, channel, kind). */
#include "feed/sequence/seq_int.h"

#include <stdlib.h>

static void free_channel(struct seq_channel *c) {
    seq_gaps_free(&c->gaps);
    seq_holes_free(&c->holes);
    seq_spans_free(&c->past);
    free(c->queue.all);
    seq_set_free(&c->recent);
    seq_set_free(&c->loaded);
    free(c->text);
    free(c);
}

void seq_channels_free(struct seq_channels *c) {
    for (size_t i = 0; i < c->n; i++)
        free_channel(c->all[i]);
    for (size_t i = 0; i < c->n_floors; i++)
        free(c->floors[i].exchange);
    free(c->all);
    free(c->slots);
    free(c->floors);
    *c = (struct seq_channels){0};
}

struct k2_sv seq_channel_exchange(const struct seq_channel *c) {
    return (struct k2_sv){c->text, c->exchange_n};
}

struct k2_sv seq_channel_name(const struct seq_channel *c) {
    return (struct k2_sv){c->text + c->exchange_n, c->channel_n};
}

static bool same_bytes(const char *text, struct k2_sv s) {
    return s.n == 0 || memcmp(text, s.p, s.n) == 0;
}

bool seq_channel_is(const struct seq_channel *c, const struct seq_key *k) {
    return c->trade_date == k->trade_date && c->kind == k->kind && c->channel_n == k->channel.n &&
           c->exchange_n == k->exchange.n && same_bytes(c->text, k->exchange) &&
           same_bytes(c->text + c->exchange_n, k->channel);
}

static uint64_t hash_of(const struct seq_key *k) {
    uint64_t h = k2_hash64(k->channel.p, k->channel.n);
    h = h * 31 + k2_hash64(k->exchange.p, k->exchange.n);
    h ^=
        ((uint64_t)(uint32_t)k->trade_date << 8 | (uint64_t)k->kind) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

static size_t probe(const struct seq_channels *c, const struct seq_key *k, uint64_t hash) {
    size_t at = hash & (c->n_slots - 1);
    for (; c->slots[at]; at = (at + 1) & (c->n_slots - 1)) {
        const struct seq_channel *found = c->all[c->slots[at] - 1];
        if (found->hash == hash && seq_channel_is(found, k))
            break;
    }
    return at;
}

static void grow_slots(struct seq_channels *c) {
    free(c->slots);
    c->n_slots = c->n_slots ? c->n_slots * 2 : 64;
    c->slots = k2_zalloc(c->n_slots * sizeof *c->slots);
    for (size_t i = 0; i < c->n; i++) {
        size_t at = c->all[i]->hash & (c->n_slots - 1);
        while (c->slots[at])
            at = (at + 1) & (c->n_slots - 1);
        c->slots[at] = (uint32_t)i + 1;
    }
}

struct seq_channel *seq_channels_find(const struct seq_channels *c, const struct seq_key *k) {
    if (c->n == 0)
        return NULL;
    uint32_t place = c->slots[probe(c, k, hash_of(k))];
    return place ? c->all[place - 1] : NULL;
}

static struct seq_floor *floor_of(const struct seq_channels *c, struct k2_sv exchange) {
    for (size_t i = 0; i < c->n_floors; i++)
        if (k2_sv_eq(seq_floor_exchange(&c->floors[i]), exchange))
            return &c->floors[i];
    return NULL;
}

void seq_channels_raise_floor(struct seq_channels *c, struct k2_sv exchange, int32_t date) {
    struct seq_floor *f = floor_of(c, exchange);
    if (!f) {
        c->floors = k2_realloc(c->floors, (c->n_floors + 1) * sizeof *c->floors);
        f = &c->floors[c->n_floors++];
        *f = (struct seq_floor){k2_sv_dup(exchange), exchange.n, date};
    }
    if (date > f->date)
        f->date = date;
}

static struct seq_channel *make(const struct seq_channels *c, const struct seq_key *k,
                                uint64_t hash) {
    struct seq_channel *made = k2_zalloc(sizeof *made);
    const struct seq_floor *f = floor_of(c, k->exchange);
    struct k2_buf text = {0};
    k2_buf_sv(&text, k->exchange);
    k2_buf_sv(&text, k->channel);
    k2_buf_byte(&text, 0); /* there is a text also when both are empty */
    made->text = (char *)text.p;
    made->exchange_n = (uint32_t)k->exchange.n;
    made->channel_n = (uint32_t)k->channel.n;
    made->kind = k->kind;
    made->trade_date = k->trade_date;
    made->hash = hash;
    made->due = UINT64_MAX;
    made->forgotten = c->ask_unknown || (f && k->trade_date < f->date);
    return made;
}

struct seq_channel *seq_channels_get(struct seq_channels *c, const struct seq_key *k) {
    if (2 * (c->n + 1) > c->n_slots)
        grow_slots(c);
    uint64_t hash = hash_of(k);
    size_t at = probe(c, k, hash);
    if (c->slots[at])
        return c->all[c->slots[at] - 1];
    if (c->n == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 16;
        c->all = k2_realloc(c->all, c->cap * sizeof *c->all);
    }
    struct seq_channel *made = make(c, k, hash);
    c->all[c->n++] = made;
    c->slots[at] = (uint32_t)c->n;
    return made;
}
