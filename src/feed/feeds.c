/* feed/feeds.c - the table of feeds. A new one is its folder or file and a line here, or a layout in
 * feeds/ (docs/layouts.md). */
#include "feed/layout/layout.h"

#include <stdlib.h>

static const struct feed_ops *const feeds[] = {
    &feed_asx_csv,
    &feed_binance_json,
    &feed_coinbase_json,
    &feed_kraken_json,
    &feed_bitstamp_json,
    &feed_bybit_json,
    &feed_okx_json,
    &feed_deribit_json,
    &feed_gateio_json,
    &feed_hyperliquid_json,
    &feed_huobi_json,
    &feed_tardis_json,
    &feed_tardis_csv,
    &feed_dbn,
    &feed_lobster,
    &feed_lobster_book,
    &feed_lean,
    &feed_mapped,
    &feed_executions,
    &feed_moex_fast,
    &feed_fix_text,
    &feed_lean_symbols,
    &feed_lean_securities,
    &feed_databento_security_master,
    &feed_databento_corporate_actions,
    &feed_databento_adjustment_factors,
};
#define FEEDS ((int)(sizeof feeds / sizeof *feeds))
/* A lower score is a guess, and a wrong decoder quarantines a whole file. */
#define SURE_ENOUGH 50

static const struct {
    const char *format;
    void (*print)(const struct k2_event *e, const struct k2_interner *in, struct k2_buf *out);
} printers[] = {
    {"asx-csv", feed_asx_print},
    {"binance-json", feed_binance_print},
};
#define PRINTERS (sizeof printers / sizeof *printers)

int feed_count(void) {
    return FEEDS + layout_count();
}

const struct feed_ops *feed_at(int index) {
    return index < FEEDS ? feeds[index] : &layout_at(index - FEEDS)->ops;
}

int feed_load(struct k2_sv name, const struct feed_ops **out, struct k2_err *err) {
    const struct layout *l = NULL;
    *out = NULL;
    for (int i = 0; i < FEEDS && !*out; i++)
        if (k2_sv_eq(name, k2_sv_of(feeds[i]->name)))
            *out = feeds[i];
    if (*out)
        return K2_OK;
    if (k2_sv_ends(name, K2_SV(".layout"))) {
        char *path = k2_sv_dup(name);
        int rc = layout_load(path, &l, err);
        free(path);
        if (rc != K2_OK)
            return rc;
    } else {
        l = layout_named(name);
    }
    if (!l)
        return k2_fail(err, K2_E_NOTFOUND, "there is no format \"%.*s\"", K2_SV_ARG(name));
    *out = &l->ops;
    return K2_OK;
}

const struct feed_ops *feed_find(struct k2_sv name) {
    const struct feed_ops *found;
    return feed_load(name, &found, NULL) == K2_OK ? found : NULL;
}

/* Of two layouts that fit as well. */
static bool newer(const struct feed_ops *a, const struct feed_ops *b) {
    return a->table && b->table && layout_newer(k2_sv_of(a->name), k2_sv_of(b->name));
}

const struct feed_ops *feed_detect_why(struct k2_sv file_name, struct k2_sv head, int *sure,
                                       const char **why) {
    const struct feed_ops *best = NULL;
    int score = SURE_ENOUGH - 1;
    size_t mark = feed_byte_order_mark(head);
    head = (struct k2_sv){head.p + mark, head.n - mark};
    for (int i = 0; i < feed_count(); i++) {
        const char *reason = NULL;
        const struct feed_ops *ops = feed_at(i);
        int found = ops->detect(ops, file_name, head, &reason);
        if (found > score || (best && found == score && newer(ops, best))) {
            best = ops;
            score = found;
            *why = reason;
        }
    }
    if (!best) {
        *why = feed_unknown_why(head);
        *why = *why ? *why : "its first lines are in none of the known formats";
    }
    *sure = best ? score : 0;
    return best;
}

bool feed_fits(const struct feed_ops *ops, struct k2_sv file_name, struct k2_sv head) {
    const char *why;
    size_t mark = feed_byte_order_mark(head);
    head = (struct k2_sv){head.p + mark, head.n - mark};
    return ops->detect(ops, file_name, head, &why) >= SURE_ENOUGH;
}

const struct feed_ops *feed_detect(struct k2_sv file_name, struct k2_sv head) {
    int sure;
    const char *why;
    return feed_detect_why(file_name, head, &sure, &why);
}

bool feed_can_print(struct k2_sv format) {
    for (size_t i = 0; i < PRINTERS; i++)
        if (k2_sv_eq(format, k2_sv_of(printers[i].format)))
            return true;
    return false;
}

void feed_print_event(struct k2_sv format, const struct k2_event *e, const struct k2_interner *in,
                      struct k2_buf *out) {
    for (size_t i = 0; i < PRINTERS; i++)
        if (k2_sv_eq(format, k2_sv_of(printers[i].format)))
            printers[i].print(e, in, out);
}
