/* journal/derive_lane.c - the totals of one lane, and how records come to them (derive_int.h). */
#include "journal/derive_int.h"

#include <stdlib.h>

enum { MOST_STRING_BYTES = 4 << 20 };

const struct derive_rule derive_rules[DERIVE_COUNT] = {
    [DERIVE_VOLUME] = {"volume",
                       K2_KIND_VOLUME,
                       {K2_KIND_TRADE, K2_KIND_CORRECTION},
                       2,
                       volume_apply,
                       volume_row,
                       volume_restore},
    [DERIVE_PNL] = {"pnl", K2_KIND_PNL, {K2_KIND_EXECUTION}, 1, pnl_apply, pnl_row, pnl_restore},
};

/* --- totals by key --- */

static size_t slot_of(const struct derive_lane *l, struct k2_h128 key) {
    size_t at = (size_t)key.lo & (l->slot_count - 1);
    while (l->slots[at] && k2_h128_cmp(l->keys[l->slots[at] - 1], key) != 0)
        at = (at + 1) & (l->slot_count - 1);
    return at;
}

static void grow(struct derive_lane *l) {
    l->cap = l->cap ? 2 * l->cap : 256;
    l->totals = (struct total **)k2_realloc((void *)l->totals, l->cap * sizeof(struct total *));
    l->keys = k2_realloc(l->keys, l->cap * sizeof *l->keys);
    free(l->slots);
    l->slot_count = 2 * l->cap;
    l->slots = k2_zalloc(l->slot_count * sizeof *l->slots);
    for (size_t i = 0; i < l->n; i++)
        l->slots[slot_of(l, l->keys[i])] = (uint32_t)i + 1;
}

static struct total *add_total(struct derive_lane *l, const struct k2_event *e,
                               struct k2_sv account, const struct k2_interner *in) {
    struct total *t = k2_zalloc(sizeof *t);
    t->exchange = k2_sv_dup(k2_interned(in, e->head.exchange));
    t->symbol = k2_sv_dup(k2_interned(in, e->head.symbol));
    t->account = l->what == DERIVE_PNL ? k2_sv_dup(account) : NULL;
    t->ns = INT64_MIN;
    return t;
}

/* Of an event of the input or of the output. */
struct total *derive_lane_total(struct derive_lane *l, const struct k2_event *e,
                                const struct k2_interner *in) {
    struct k2_sv account = {0};
    l->key.n = 0;
    if (l->what == DERIVE_VOLUME)
        k2_buf_printf(&l->key, "%d", (int)e->head.trade_date);
    else if (e->kind == K2_KIND_PNL)
        account = k2_interned(in, e->pnl.account);
    else
        account = k2_interned(in, e->execution.account);
    if (l->what == DERIVE_PNL && account.n == 0)
        account = K2_SV("-");
    k2_buf_sv(&l->key, account);
    k2_buf_byte(&l->key, 0);
    k2_buf_sv(&l->key, k2_interned(in, e->head.symbol));
    struct k2_h128 key = k2_hash128(l->key.p, l->key.n);
    if (l->n == l->cap)
        grow(l);
    size_t slot = slot_of(l, key);
    if (l->slots[slot])
        return l->totals[l->slots[slot] - 1];
    l->keys[l->n] = key;
    l->totals[l->n++] = add_total(l, e, account, in);
    l->slots[slot] = (uint32_t)l->n;
    return l->totals[l->n - 1];
}

static void free_total(struct total *t) {
    if (t->account)
        pnl_free(&t->pnl);
    free(t->exchange);
    free(t->symbol);
    free(t->account);
    free(t);
}

/* --- records --- */

static K2_RC apply(struct derive_lane *l, const struct k2_event *e, struct k2_err *err) {
    struct total *t = derive_lane_total(l, e, l->interner);
    K2_TRY_CTX(derive_rules[l->what].apply(t, e, l->interner, err), err, "%s of %s",
               derive_rules[l->what].name, t->symbol);
    t->dirty = true;
    t->trade_date = e->head.trade_date;
    if (e->head.exchange_timestamp_ns > t->ns)
        t->ns = e->head.exchange_timestamp_ns;
    return K2_OK;
}

/* Whether the record came to the lane of its symbol, and not by a key that somebody else chose. */
static bool is_at_home(struct derive_lane *l, const struct k2_event *e, struct k2_sv key) {
    l->key.n = 0;
    k2_event_key(e, l->interner, &l->key);
    return k2_sv_eq(k2_buf_view(&l->key), key);
}

int derive_lane_take(struct derive_lane *l, enum k2_kind_id kind,
                     const struct journal_record *record, bool alone, struct k2_err *err) {
    struct k2_event e;
    K2_TRY(k2_decode(l->decoders[kind], record->value, &e, err));
    if (!alone && !is_at_home(l, &e, record->key))
        return k2_fail(err, K2_E_CONFLICT,
                       "the record at offset %lld has the key of another symbol",
                       (long long)record->offset);
    K2_TRY(apply(l, &e, err));
    if (k2_interner_used(l->interner) > MOST_STRING_BYTES)
        k2_interner_reset(l->interner);
    return K2_OK;
}

/* --- begin and end --- */

void derive_lane_init(struct derive_lane *l, enum derive_what what,
                      struct k2_schema_source schemas) {
    const struct derive_rule *rule = &derive_rules[what];
    *l = (struct derive_lane){.what = what, .interner = k2_interner_new()};
    for (int i = 0; i < rule->input_count; i++)
        l->decoders[rule->inputs[i]] =
            k2_decoder_new(k2_kind(rule->inputs[i]), l->interner, schemas);
}

void derive_lane_fini(struct derive_lane *l) {
    for (size_t i = 0; i < l->n; i++)
        free_total(l->totals[i]);
    for (int i = 0; i < K2_KIND_COUNT; i++)
        k2_decoder_free(l->decoders[i]);
    k2_interner_free(l->interner);
    k2_buf_free(&l->key);
    free((void *)l->totals);
    free(l->keys);
    free(l->slots);
    *l = (struct derive_lane){0};
}
