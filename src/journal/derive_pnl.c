/* journal/derive_pnl.c - position and realised profit of an account in a symbol; see derive.h.
 *
 * First in first out (decision 83): what closes is matched with the oldest open lot, and profit is the difference of the
 * two prices times what was matched: no division, so it is exact. Executions count in the order of the journal; a late
 * fill is the newest, whatever its time. Always: realised = sold - bought + open cost.
 */
#include "journal/derive_int.h"

#include <stdlib.h>

/* --- lots --- */

static void push_lot(struct pnl *p, k2_i128 quantity, k2_i128 price) {
    struct lot *last = p->lot_count > p->first ? &p->lots[p->lot_count - 1] : NULL;
    if (last && last->price == price) { /* one lot is as good as two */
        last->quantity += quantity;
        return;
    }
    if (p->lot_count == p->lot_cap && p->first > p->lot_count / 2) {
        memmove(p->lots, p->lots + p->first, (p->lot_count - p->first) * sizeof *p->lots);
        p->lot_count -= p->first;
        p->first = 0;
    }
    if (p->lot_count == p->lot_cap) {
        p->lot_cap = p->lot_cap ? 2 * p->lot_cap : 4;
        p->lots = k2_realloc(p->lots, p->lot_cap * sizeof *p->lots);
    }
    p->lots[p->lot_count++] = (struct lot){quantity, price};
}

/* Matches with what is open on the other side; gives what is left. `sign`: of the execution, 1 = bought. */
static k2_i128 close_lots(struct pnl *p, int sign, k2_i128 quantity, k2_i128 price) {
    while (quantity > 0 && p->first < p->lot_count) {
        struct lot *l = &p->lots[p->first];
        k2_i128 n = l->quantity < quantity ? l->quantity : quantity;
        k2_i128 gain = sign > 0 ? l->price - price : price - l->price;
        p->realised = k2_wide_add(p->realised, k2_wide_product(gain, n));
        quantity -= n;
        l->quantity -= n;
        p->first += l->quantity == 0;
    }
    if (p->first == p->lot_count)
        p->first = p->lot_count = 0;
    return quantity;
}

static struct k2_wide open_cost(const struct pnl *p) {
    struct k2_wide sum = {{0}};
    for (size_t i = p->first; i < p->lot_count; i++)
        sum = k2_wide_add(sum, k2_wide_product(p->lots[i].price, p->lots[i].quantity));
    return p->position < 0 ? k2_wide_sub((struct k2_wide){{0}}, sum) : sum;
}

/* --- fees --- */

static struct fee *fee_of(struct pnl *p, struct k2_sv currency) {
    for (size_t i = 0; i < p->fee_count; i++)
        if (k2_sv_eq(k2_sv_of(p->fees[i].currency), currency))
            return &p->fees[i];
    char *name = k2_sv_dup(currency);
    size_t at = p->fee_count;
    p->fees = k2_realloc(p->fees, (p->fee_count + 1) * sizeof *p->fees);
    for (; at > 0 && strcmp(p->fees[at - 1].currency, name) > 0; at--)
        p->fees[at] = p->fees[at - 1];
    p->fee_count++;
    p->fees[at] = (struct fee){.currency = name};
    return &p->fees[at];
}

/* --- executions --- */

int pnl_apply(struct total *t, const struct k2_event *e, const struct k2_interner *in,
              struct k2_err *err) {
    const struct k2_execution *x = &e->execution;
    struct pnl *p = &t->pnl;
    int sign = k2_sv_eq(k2_interned(in, x->side), K2_SV("BUY")) ? 1 : -1;
    if (x->price == K2_NULL_DECIMAL || x->quantity == K2_NULL_DECIMAL)
        return k2_fail(err, K2_E_CORRUPT, "an execution has no price or no quantity");
    k2_i128 before = p->position, left = x->quantity;
    struct k2_wide value = k2_wide_product(x->price, x->quantity);
    struct k2_wide *side = sign > 0 ? &p->bought_notional : &p->sold_notional;
    K2_TRY(derive_add(sign > 0 ? &p->bought : &p->sold, x->quantity, err));
    K2_TRY(derive_add(&p->position, sign * x->quantity, err));
    *side = k2_wide_add(*side, value);
    p->executions++;
    if (before != 0 && (before < 0) == (sign > 0))
        left = close_lots(p, sign, left, x->price);
    if (left > 0)
        push_lot(p, left, x->price);
    if (x->fee != K2_NULL_DECIMAL)
        K2_TRY(derive_add(&fee_of(p, k2_interned(in, x->fee_currency))->sum, x->fee, err));
    return K2_OK;
}

/* --- rows --- */

static void put_decimal(struct k2_buf *b, k2_i128 v, int scale) {
    char text[K2_DECIMAL_TEXT];
    k2_buf_put(b, text, k2_decimal_format_short(v, scale, text));
}

static uint32_t intern_text(struct k2_interner *in, struct k2_buf *text) {
    uint32_t id = text->n > 0 ? k2_intern(in, k2_buf_view(text)) : 0;
    k2_buf_free(text);
    return id;
}

static uint32_t lots_text(const struct pnl *p, struct k2_interner *in) {
    struct k2_buf text = {0};
    for (size_t i = p->first; i < p->lot_count; i++) {
        if (text.n > 0)
            k2_buf_byte(&text, ' ');
        put_decimal(&text, p->lots[i].quantity, K2_QUANTITY_SCALE);
        k2_buf_byte(&text, '@');
        put_decimal(&text, p->lots[i].price, K2_PRICE_SCALE);
    }
    return intern_text(in, &text);
}

static uint32_t fees_text(const struct pnl *p, struct k2_interner *in) {
    struct k2_buf text = {0};
    for (size_t i = 0; i < p->fee_count; i++) {
        if (text.n > 0)
            k2_buf_str(&text, ", ");
        put_decimal(&text, p->fees[i].sum, K2_PRICE_SCALE);
        k2_buf_printf(&text, " %s", p->fees[i].currency);
    }
    return intern_text(in, &text);
}

void pnl_row(const struct total *t, struct k2_interner *in, struct k2_event *e) {
    struct k2_pnl *row = &e->pnl;
    const struct pnl *p = &t->pnl;
    struct k2_buf channel = {0};
    row->account = k2_intern(in, k2_sv_of(t->account));
    k2_buf_printf(&channel, "%s:%s", t->account, t->symbol);
    row->channel = intern_text(in, &channel);
    row->position = p->position;
    row->open_cost = derive_intern_wide(in, open_cost(p));
    row->realised = derive_intern_wide(in, p->realised);
    row->fees = fees_text(p, in);
    row->execution_count = p->executions;
    row->bought_quantity = p->bought;
    row->sold_quantity = p->sold;
    row->bought_notional = derive_intern_wide(in, p->bought_notional);
    row->sold_notional = derive_intern_wide(in, p->sold_notional);
    row->lots = lots_text(p, in);
}

/* --- and back --- */

static K2_RC restore_lots(struct pnl *p, struct k2_sv text, struct k2_err *err) {
    p->first = p->lot_count = 0;
    while (text.n > 0) {
        struct k2_sv word = k2_sv_split(&text, ' ');
        struct k2_sv quantity = k2_sv_split(&word, '@');
        struct lot l;
        K2_TRY(k2_decimal_parse(quantity, 38, K2_QUANTITY_SCALE, &l.quantity, err));
        K2_TRY(k2_decimal_parse(word, 38, K2_PRICE_SCALE, &l.price, err));
        push_lot(p, l.quantity, l.price);
    }
    return K2_OK;
}

static K2_RC restore_fees(struct pnl *p, struct k2_sv text, struct k2_err *err) {
    while (text.n > 0) {
        struct k2_sv word = k2_sv_trim(k2_sv_split(&text, ','));
        struct k2_sv sum = k2_sv_split(&word, ' ');
        K2_TRY(k2_decimal_parse(sum, 38, K2_PRICE_SCALE, &fee_of(p, word)->sum, err));
    }
    return K2_OK;
}

int pnl_restore(struct total *t, const struct k2_event *e, const struct k2_interner *in,
                struct k2_err *err) {
    const struct k2_pnl *row = &e->pnl;
    struct pnl *p = &t->pnl;
    p->position = row->position;
    p->executions = row->execution_count;
    p->bought = row->bought_quantity;
    p->sold = row->sold_quantity;
    K2_TRY(k2_wide_parse(k2_interned(in, row->realised), K2_NOTIONAL_SCALE, &p->realised, err));
    K2_TRY(k2_wide_parse(k2_interned(in, row->bought_notional), K2_NOTIONAL_SCALE,
                         &p->bought_notional, err));
    K2_TRY(k2_wide_parse(k2_interned(in, row->sold_notional), K2_NOTIONAL_SCALE, &p->sold_notional,
                         err));
    K2_TRY(restore_lots(p, k2_interned(in, row->lots), err));
    return restore_fees(p, k2_interned(in, row->fees), err);
}

void pnl_free(struct pnl *p) {
    for (size_t i = 0; i < p->fee_count; i++)
        free(p->fees[i].currency);
    free(p->fees);
    free(p->lots);
}
