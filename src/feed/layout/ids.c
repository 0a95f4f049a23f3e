/* feed/layout/ids.c - what a decoder that runs a layout remembers of the feed: instruments and channels. */
#include "feed/layout/state.h"

#include <stdlib.h>

/* --- directories --- */

static size_t home_of(const struct layout_book_of_ids *ids, uint64_t id) {
    return (size_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (ids->size - 1);
}

static size_t place_of(const struct layout_book_of_ids *ids, uint64_t id) {
    size_t i = home_of(ids, id);
    while (ids->at[i].used && ids->at[i].id != id)
        i = (i + 1) & (ids->size - 1);
    return i;
}

struct layout_known *layout_ids_find(const struct layout_book_of_ids *ids, uint64_t id) {
    if (!ids->size)
        return NULL;
    struct layout_known *k = &ids->at[place_of(ids, id)];
    return k->used ? k : NULL;
}

static void grow(struct layout_book_of_ids *ids) {
    struct layout_book_of_ids more = *ids;
    more.size = ids->size ? ids->size * 2 : 256;
    more.at = k2_zalloc(more.size * sizeof *more.at);
    for (size_t i = 0; i < ids->size; i++)
        if (ids->at[i].used)
            more.at[place_of(&more, ids->at[i].id)] = ids->at[i];
    free(ids->at);
    *ids = more;
}

/* What stands behind it in a row moves up, so that no place in between is free. */
void layout_ids_forget(struct layout_book_of_ids *ids, uint64_t id) {
    struct layout_known *k = layout_ids_find(ids, id);
    if (!k)
        return;
    free(k->longer);
    size_t mask = ids->size - 1, hole = (size_t)(k - ids->at);
    for (size_t i = (hole + 1) & mask; ids->at[i].used; i = (i + 1) & mask)
        if (((i - home_of(ids, ids->at[i].id)) & mask) >= ((i - hole) & mask)) {
            ids->at[hole] = ids->at[i];
            hole = i;
        }
    memset(&ids->at[hole], 0, sizeof ids->at[hole]);
    ids->n--;
}

static bool is_stale(const struct layout_book_of_ids *ids, struct layout_age age) {
    const struct layout_known *k = layout_ids_find(ids, age.id);
    return !k || k->born != age.born;
}

static void drop_oldest(struct layout_book_of_ids *ids) {
    while (ids->n >= LAYOUT_IDS_MAX && ids->ages_first < ids->ages_n) {
        struct layout_age age = ids->ages[ids->ages_first++];
        if (!is_stale(ids, age))
            layout_ids_forget(ids, age.id);
    }
}

/* Stale ones go first; only where at least half is left is there more room. */
static void make_room_for_age(struct layout_book_of_ids *ids) {
    size_t n = 0;
    for (size_t i = ids->ages_first; i < ids->ages_n; i++)
        if (!is_stale(ids, ids->ages[i]))
            ids->ages[n++] = ids->ages[i];
    ids->ages_first = 0;
    ids->ages_n = n;
    if (n * 2 < ids->ages_cap)
        return;
    ids->ages_cap = ids->ages_cap ? ids->ages_cap * 2 : 256;
    ids->ages = k2_realloc(ids->ages, ids->ages_cap * sizeof *ids->ages);
}

struct layout_known *layout_ids_add(struct layout_book_of_ids *ids, uint64_t id) {
    struct layout_known *k = layout_ids_find(ids, id);
    if (k)
        return k;
    drop_oldest(ids);
    if (ids->n * 2 >= ids->size)
        grow(ids);
    if (ids->ages_n == ids->ages_cap)
        make_room_for_age(ids);
    k = &ids->at[place_of(ids, id)];
    *k = (struct layout_known){.id = id, .born = ++ids->born, .used = 1};
    ids->ages[ids->ages_n++] = (struct layout_age){id, ids->born};
    ids->n++;
    return k;
}

void layout_ids_free(struct layout_book_of_ids *ids) {
    for (size_t i = 0; i < ids->size; i++)
        free(ids->at[i].longer);
    free(ids->at);
    free(ids->ages);
    *ids = (struct layout_book_of_ids){0};
}

void layout_known_name(struct layout_known *k, struct k2_sv symbol) {
    if (k2_sv_eq(layout_known_symbol(k), symbol))
        return;
    free(k->longer);
    k->round = 0;
    k->longer = symbol.n > LAYOUT_SYMBOL ? k2_sv_dup(symbol) : NULL;
    k->symbol_n = (uint8_t)symbol.n;
    if (!k->longer)
        memcpy(k->symbol, symbol.p, symbol.n);
}

struct k2_sv layout_known_symbol(const struct layout_known *k) {
    return (struct k2_sv){k->longer ? k->longer : k->symbol, k->symbol_n};
}

/* --- channels --- */

static bool is_named(const struct layout_channel *c, struct k2_sv name) {
    return c->name_n == name.n && memcmp(c->name, name.p, name.n) == 0;
}

static struct layout_channel *add_channel(struct layout_state *s, struct k2_sv name) {
    struct layout_channel *c = LAYOUT_ADD(s, channels);
    struct k2_buf b = {0};
    k2_buf_sv(&b, name);
    k2_buf_str(&b, "/unnumbered");
    c->name = k2_sv_dup(name);
    c->name_n = name.n;
    c->uncounted = k2_sv_dup(k2_buf_view(&b));
    c->date = INT32_MIN;
    for (int i = 0; i < LAYOUT_CLOCKS; i++)
        c->clock[i] = K2_NULL_LONG;
    k2_buf_free(&b);
    return c;
}

/* A capture has a few channels, and mostly the one of the packet before. */
struct layout_channel *layout_channel_of(struct layout_state *s, struct k2_sv name) {
    if (s->channel_last < s->channels_n && is_named(&s->channels[s->channel_last], name))
        return &s->channels[s->channel_last];
    for (s->channel_last = 0; s->channel_last < s->channels_n; s->channel_last++)
        if (is_named(&s->channels[s->channel_last], name))
            return &s->channels[s->channel_last];
    return add_channel(s, name);
}

void layout_channels_free(struct layout_state *s) {
    for (uint32_t i = 0; i < s->channels_n; i++) {
        free(s->channels[i].name);
        free(s->channels[i].uncounted);
    }
    free(s->channels);
    s->channels = NULL;
    s->channels_n = s->channels_cap = 0;
}
