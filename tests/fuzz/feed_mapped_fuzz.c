/* Fuzz target of mapping files and of the rows they read. The first byte says how the rows are cut and which mapping
 * reads them: one for CSV, one for JSON, or the input's own, up to its first line of dashes. */
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char csv[] =
    "header = no\ncolumns = t s p q side x\nkind = trade\nexchange = \"SIM\"\n"
    "symbol = s\ntime = t iso\nprice = p / 100\nquantity = q zero-null\n"
    "side = side\n";
static const char json[] = "format = jsonl\nexchange = e\nsymbol = s\ntime = d.t ms\n"
                           "sequence = d.u\n[event 0..2]\nkind = book_event\naction = \"SET\"\n"
                           "price = d.b[{n}][0]\nquantity = d.b[{n}][1]\n[event]\nkind = quote\n"
                           "bid_price = d.b[0][0]\n";

/* Gives the status: a header that does not fit ends the source. */
static int decode(const struct feed_options *o, struct k2_sv rows, size_t step, struct answers *a) {
    const struct feed_ops *ops = feed_find(K2_SV("mapped"));
    struct feed_sink sink = {a, see_event, see_reject, see_filtered};
    void *state = calloc(1, ops->state_size);
    int rc = ops->init(ops, state, o, a->in, NULL);
    for (size_t done = 0, shown = 0, used; rc == K2_OK; done += used) {
        shown = step == 0 || rows.n - shown <= step ? rows.n : shown + step;
        bool last = shown == rows.n;
        char *copy = malloc(shown - done + 1);
        memcpy(copy, rows.p + done, shown - done);
        copy = realloc(copy, shown - done ? shown - done : 1);
        used = 0;
        rc = ops->decode(state, (struct k2_sv){copy, shown - done}, last, &used, &sink, NULL);
        free(copy);
        if (last)
            break;
    }
    ops->fini(state);
    free(state);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n == 0)
        return 0;
    struct k2_sv rows = {(const char *)data + 1, n - 1}, mapping = K2_SV(csv);
    struct feed_options o = {.source = K2_SV("rows"), .date = 1, .calendar = "utc"};
    if (data[0] >> 6 == 1)
        mapping = K2_SV(json);
    if (data[0] >> 6 >= 2) {
        const char *cut = memmem(rows.p, rows.n, "\n---\n", 5);
        mapping = (struct k2_sv){rows.p, cut ? (size_t)(cut - rows.p) : rows.n};
        rows = cut ? (struct k2_sv){cut + 5, rows.n - mapping.n - 5} : K2_SV("");
        if (feed_mapping_check(mapping, K2_SV("m"), NULL) != K2_OK)
            return 0;
        o.exchange = K2_SV("SIM");
        o.symbol = K2_SV("A");
    }
    o.mapping = mapping;
    struct answers whole = {.in = k2_interner_new()}, pieces = {.in = k2_interner_new()};
    int rc = decode(&o, rows, 0, &whole);
    K2_ASSERT(decode(&o, rows, data[0] % 64 + 1, &pieces) == rc);
    K2_ASSERT(whole.events == pieces.events && whole.rejects == pieces.rejects);
    K2_ASSERT(k2_h128_cmp(whole.sum, pieces.sum) == 0);
    k2_interner_free(whole.in);
    k2_interner_free(pieces.in);
    return 0;
}
