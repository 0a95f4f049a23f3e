/* journal/digest.c - see digest.h. */
#include "journal/digest.h"

#include <stdlib.h>

#define INTERNER_BYTES (64u << 20) /* beyond it the strings seen so far are forgotten */

struct slot { /* of the open-addressing table: interned key -> digest */
    uint32_t exchange, symbol;
    int32_t trade_date, kind; /* kind -1 = free */
    int digest;
};

struct fields { /* where a kind's struct has what a digest is keyed by */
    size_t exchange, symbol, trade_date, sequence;
};

struct journal_digester {
    struct k2_registry *registry;
    struct k2_interner *strings;
    struct k2_decoder *decoders[K2_KIND_COUNT];
    struct fields fields[K2_KIND_COUNT];
    struct slot *slots;
    size_t slot_count, used;
    struct journal_digest *digests;
    int n, cap;
};

/* --- the table --- */

static void clear_slots(struct journal_digester *d, size_t count) {
    free(d->slots);
    d->slots = k2_alloc(count * sizeof *d->slots);
    for (size_t i = 0; i < count; i++)
        d->slots[i].kind = -1;
    d->slot_count = count;
    d->used = 0;
}

static struct slot *find_slot(struct journal_digester *d, const struct slot *key) {
    uint64_t h = ((uint64_t)key->exchange << 32 | key->symbol) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= ((uint64_t)(uint32_t)key->trade_date << 3 | (uint32_t)key->kind) *
         UINT64_C(0xbf58476d1ce4e5b9);
    for (size_t i = (h ^ h >> 32) & (d->slot_count - 1);; i = (i + 1) & (d->slot_count - 1)) {
        struct slot *s = &d->slots[i];
        if (s->kind < 0 || (s->exchange == key->exchange && s->symbol == key->symbol &&
                            s->trade_date == key->trade_date && s->kind == key->kind))
            return s;
    }
}

static void grow_slots(struct journal_digester *d) {
    struct slot *old = d->slots;
    size_t n = d->slot_count, used = d->used;
    d->slots = NULL;
    clear_slots(d, 2 * n);
    for (size_t i = 0; i < n; i++)
        if (old[i].kind >= 0)
            *find_slot(d, &old[i]) = old[i];
    d->used = used;
    free(old);
}

static void copy_text(char *out, size_t cap, struct k2_sv s) {
    size_t n = s.n < cap ? s.n : cap - 1;
    if (n > 0)
        memcpy(out, s.p, n);
    out[n] = 0;
}

/* The digest of these texts, which may exist from before the strings were forgotten. */
static int digest_of(struct journal_digester *d, const struct slot *key) {
    struct journal_digest fresh = {.kind = (enum k2_kind_id)key->kind,
                                   .trade_date = key->trade_date,
                                   .min_sequence = INT64_MAX,
                                   .max_sequence = INT64_MIN};
    copy_text(fresh.exchange, sizeof fresh.exchange, k2_interned(d->strings, key->exchange));
    copy_text(fresh.symbol, sizeof fresh.symbol, k2_interned(d->strings, key->symbol));
    for (int i = 0; i < d->n; i++)
        if (d->digests[i].kind == fresh.kind && d->digests[i].trade_date == fresh.trade_date &&
            strcmp(d->digests[i].symbol, fresh.symbol) == 0 &&
            strcmp(d->digests[i].exchange, fresh.exchange) == 0)
            return i;
    if (d->n == d->cap) {
        d->cap = d->cap ? 2 * d->cap : 64;
        d->digests = k2_realloc(d->digests, (size_t)d->cap * sizeof *d->digests);
    }
    d->digests[d->n] = fresh;
    return d->n++;
}

static struct journal_digest *look_up(struct journal_digester *d, struct slot key) {
    struct slot *s = find_slot(d, &key);
    if (s->kind < 0) {
        key.digest = digest_of(d, &key);
        *s = key;
        if (++d->used * 2 > d->slot_count)
            grow_slots(d);
        return &d->digests[key.digest];
    }
    return &d->digests[s->digest];
}

/* --- records --- */

static size_t field_offset(const struct k2_kind *kind, const char *name) {
    int i = k2_field_by_name(kind, k2_sv_of(name));
    K2_ASSERT(i >= 0);
    return kind->fields[i].offset;
}

static struct k2_decoder *decoder_of(struct journal_digester *d, enum k2_kind_id id) {
    if (d->decoders[id])
        return d->decoders[id];
    const struct k2_kind *kind = k2_kind(id);
    d->fields[id] = (struct fields){field_offset(kind, "exchange"), field_offset(kind, "symbol"),
                                    field_offset(kind, "trade_date"),
                                    field_offset(kind, "exchange_sequence_number")};
    d->decoders[id] = k2_decoder_new(kind, d->strings, k2_registry_source(d->registry));
    return d->decoders[id];
}

int journal_digester_add(struct journal_digester *d, enum k2_kind_id id, struct k2_sv value,
                         struct k2_err *err) {
    struct k2_event e;
    K2_TRY(k2_decode(decoder_of(d, id), value, &e, err));
    const uint8_t *at = k2_event_fields_const(&e);
    struct slot key = {.kind = (int32_t)id};
    int64_t sequence;
    memcpy(&key.exchange, at + d->fields[id].exchange, sizeof key.exchange);
    memcpy(&key.symbol, at + d->fields[id].symbol, sizeof key.symbol);
    memcpy(&key.trade_date, at + d->fields[id].trade_date, sizeof key.trade_date);
    memcpy(&sequence, at + d->fields[id].sequence, sizeof sequence);
    struct journal_digest *g = look_up(d, key);
    g->count++;
    g->min_sequence = sequence < g->min_sequence ? sequence : g->min_sequence;
    g->max_sequence = sequence > g->max_sequence ? sequence : g->max_sequence;
    g->sum = k2_h128_add(g->sum, k2_row_hash(&e, d->strings));
    return K2_OK;
}

void journal_digester_rest(struct journal_digester *d) {
    if (k2_interner_used(d->strings) <= INTERNER_BYTES)
        return;
    k2_interner_reset(d->strings);
    clear_slots(d, d->slot_count);
}

int journal_digester_open(const char *dir, struct journal_digester **out, struct k2_err *err) {
    struct journal_digester *d = k2_zalloc(sizeof *d);
    d->strings = k2_interner_new();
    clear_slots(d, 256);
    int rc = k2_registry_open(dir, &d->registry, err);
    if (rc != K2_OK)
        journal_digester_close(d);
    else
        *out = d;
    return rc;
}

struct journal_digest *journal_digester_take(struct journal_digester *d, int *n) {
    struct journal_digest *taken = d->digests;
    *n = d->n;
    d->digests = NULL;
    d->n = d->cap = 0;
    clear_slots(d, d->slot_count);
    return taken;
}

void journal_digester_close(struct journal_digester *d) {
    if (!d)
        return;
    for (int i = 0; i < K2_KIND_COUNT; i++)
        k2_decoder_free(d->decoders[i]);
    k2_interner_free(d->strings);
    k2_registry_close(d->registry);
    free(d->digests);
    free(d->slots);
    free(d);
}
