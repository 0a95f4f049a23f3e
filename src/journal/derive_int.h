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

/* What makes one derivation another. */
struct derive_rule {
    const char *name;
    enum k2_kind_id kind, inputs[2];
    int input_count;
    K2_RC(*apply)
    (struct total *t, const struct k2_event *e, const struct k2_interner *in, struct k2_err *err);
    void (*row)(const struct total *t, struct k2_interner *in, struct k2_event *e);
    K2_RC(*restore)
    (struct total *t, const struct k2_event *e, const struct k2_interner *in, struct k2_err *err);
};
extern const struct derive_rule derive_rules[DERIVE_COUNT];

/* --- derive_lane.c: the totals of a share of the symbols, and all that is needed to change them --- */

struct derive_lane {
    enum derive_what what;
    struct k2_interner *interner;
    struct k2_decoder *decoders[K2_KIND_COUNT]; /* of the inputs */
    struct k2_buf key;
    struct total **totals;
    struct k2_h128 *keys; /* of totals, by place */
    size_t n, cap;
    uint32_t *slots; /* place in totals + 1; a power of two of them */
    size_t slot_count;
};

void derive_lane_init(struct derive_lane *l, enum derive_what what,
                      struct k2_schema_source schemas);
void derive_lane_fini(struct derive_lane *l);
/* The total that an event of the input or of the output belongs to; it is made if there is none. */
struct total *derive_lane_total(struct derive_lane *l, const struct k2_event *e,
                                const struct k2_interner *in);
/* Counts a record of the input. K2_E_CONFLICT: its key is not that of its symbol, so another lane has the symbol's total;
 * not asked when the lane is alone. */
K2_RC derive_lane_take(struct derive_lane *l, enum k2_kind_id kind,
                       const struct journal_record *record, bool alone, struct k2_err *err);

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
