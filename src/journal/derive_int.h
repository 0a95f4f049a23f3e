/* journal/derive_int.h - the totals of a derivation: how an input event changes one, and its row (derive.h). */
#ifndef K2_JOURNAL_DERIVE_INT_H
#define K2_JOURNAL_DERIVE_INT_H

#include "base/wide.h"
#include "journal/journal.h"

struct lot {
    k2_i128 quantity, price; /* quantity > 0 */
};

struct fee {
    char *currency;
    k2_i128 sum; /* as prices */
};

struct volume {
    int64_t trades, busted, unresolved;
    k2_i128 quantity;
    struct k2_wide notional;
};

struct pnl {
    k2_i128 position, bought, sold;
    struct k2_wide realised, bought_notional, sold_notional;
    int64_t executions;
    struct lot *lots; /* from `first` on: oldest first */
    size_t first, lot_count, lot_cap;
    struct fee *fees; /* by currency */
    size_t fee_count;
};

struct total {
    char *exchange, *symbol, *account; /* account: of pnl, else NULL */
    int32_t trade_date;                /* of volume; of pnl that of the last execution */
    int64_t ns;                        /* of the last event in it */
    int64_t updates;                   /* rows so far: the number of the last one */
    bool dirty;
    union {
        struct volume volume;
        struct pnl pnl;
    };
};

/* --- derive_volume.c --- */
/* e is a trade or a correction. */
K2_RC volume_apply(struct total *t, const struct k2_event *e, const struct k2_interner *in,
                   struct k2_err *err);
void volume_row(const struct total *t, struct k2_interner *in, struct k2_event *e);
K2_RC volume_restore(struct total *t, const struct k2_event *e, const struct k2_interner *in,
                     struct k2_err *err);

/* --- derive_pnl.c --- */
K2_RC pnl_apply(struct total *t, const struct k2_event *e, const struct k2_interner *in,
                struct k2_err *err);
void pnl_row(const struct total *t, struct k2_interner *in, struct k2_event *e);
K2_RC pnl_restore(struct total *t, const struct k2_event *e, const struct k2_interner *in,
                  struct k2_err *err);
void pnl_free(struct pnl *p);

/* A sum of quantities that its column holds. */
K2_RC derive_add(k2_i128 *sum, k2_i128 more, struct k2_err *err);
uint32_t derive_intern_wide(struct k2_interner *in, struct k2_wide v);

#endif
