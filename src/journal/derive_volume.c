/* journal/derive_volume.c - traded volume of a symbol and session date; see derive.h.
 *
 * A trade adds its quantity and its price * quantity. What was busted or cancelled is subtracted with the price and
 * quantity that the correction says it had been reported with (where it says no others: with those it names); what was
 * corrected is subtracted so and added as it is now. Where nobody says what it had been, nothing is subtracted and the
 * correction is counted as unresolved. Sums do not depend on the order, so a correction may come before its trade.
 */
#include "journal/derive_int.h"

static const k2_i128 null = K2_NULL_DECIMAL;

static K2_RC add(struct volume *v, k2_i128 price, k2_i128 quantity, int sign, struct k2_err *err) {
    K2_TRY(derive_add(&v->quantity, sign * quantity, err));
    if (price != null)
        v->notional = k2_wide_add(v->notional, k2_wide_product(price, sign * quantity));
    return K2_OK;
}

static K2_RC apply_trade(struct volume *v, const struct k2_trade *t, struct k2_err *err) {
    v->trades++;
    return t->quantity == null ? K2_OK : add(v, t->price, t->quantity, 1, err);
}

static K2_RC apply_correction(struct volume *v, const struct k2_correction *c, bool amends,
                              struct k2_err *err) {
    bool original = c->original_price != null && c->original_quantity != null;
    k2_i128 price = original || amends ? c->original_price : c->price;
    k2_i128 quantity = original || amends ? c->original_quantity : c->quantity;
    v->busted++;
    if (price == null || quantity == null) {
        v->unresolved++;
        return K2_OK;
    }
    v->trades -= !amends;
    K2_TRY(add(v, price, quantity, -1, err));
    if (!amends)
        return K2_OK;
    return add(v, c->price == null ? price : c->price, c->quantity == null ? quantity : c->quantity,
               1, err);
}

int volume_apply(struct total *t, const struct k2_event *e, const struct k2_interner *in,
                 struct k2_err *err) {
    if (e->kind == K2_KIND_TRADE)
        return apply_trade(&t->volume, &e->trade, err);
    bool amends = k2_sv_eq(k2_interned(in, e->correction.action), K2_SV("CORRECT"));
    return apply_correction(&t->volume, &e->correction, amends, err);
}

void volume_row(const struct total *t, struct k2_interner *in, struct k2_event *e) {
    struct k2_volume *v = &e->volume;
    v->channel = v->symbol;
    v->trade_count = t->volume.trades;
    v->quantity = t->volume.quantity;
    v->notional = derive_intern_wide(in, t->volume.notional);
    v->busted_count = t->volume.busted;
    v->unresolved_count = t->volume.unresolved;
}

int volume_restore(struct total *t, const struct k2_event *e, const struct k2_interner *in,
                   struct k2_err *err) {
    const struct k2_volume *v = &e->volume;
    t->volume = (struct volume){.trades = v->trade_count,
                                .busted = v->busted_count,
                                .unresolved = v->unresolved_count,
                                .quantity = v->quantity};
    return k2_wide_parse(k2_interned(in, v->notional), K2_NOTIONAL_SCALE, &t->volume.notional, err);
}
