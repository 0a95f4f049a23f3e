/* journal/compare.c - see compare.h. */
#include "journal/compare.h"

#include "journal/history.h"

#include <stdlib.h>

struct entry {
    struct seq_known known;
    uint32_t exchange, channel; /* of the interner */
    int32_t date;
    uint8_t kind, channel_kind; /* channel_kind: or SEQ_SHARED */
    int64_t number;
};

struct compare {
    struct history *history;
    struct k2_interner *names;
    struct entry *entries;
    size_t n, cap;
    struct seq_known *known; /* of the channel at hand */
    size_t known_n, known_cap;
    void (*row)(void *ctx, const struct compare_row *row);
    void *ctx;
    int64_t repeated;
};

/* --- what was decoded --- */

void compare_add(struct compare *c, const struct k2_event *e, const struct k2_interner *in) {
    struct seq_item i = seq_item_of(e, in);
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 1024;
        c->entries = k2_realloc(c->entries, c->cap * sizeof *c->entries);
    }
    c->entries[c->n] = (struct entry){.known = {i.sequence, i.epoch, i.part, i.payload},
                                      .exchange = k2_intern(c->names, i.exchange),
                                      .channel = k2_intern(c->names, i.channel),
                                      .date = i.trade_date,
                                      .kind = (uint8_t)e->kind,
                                      .channel_kind = (uint8_t)i.kind,
                                      .number = (int64_t)c->n};
    c->n++;
}

/* Exchange, session date and kind: what is looked up together. */
static int compare_groups(const struct entry *a, const struct entry *b) {
    if (a->exchange != b->exchange)
        return a->exchange < b->exchange ? -1 : 1;
    if (a->date != b->date)
        return a->date < b->date ? -1 : 1;
    return (a->channel_kind > b->channel_kind) - (a->channel_kind < b->channel_kind);
}

static int compare_channels(const struct entry *a, const struct entry *b) {
    int order = compare_groups(a, b);
    return order ? order : (a->channel > b->channel) - (a->channel < b->channel);
}

static int compare_entries(const void *pa, const void *pb) {
    const struct entry *a = pa, *b = pb;
    int order = compare_channels(a, b);
    if (order == 0)
        order = seq_known_cmp(&a->known, &b->known);
    return order ? order : (a->number > b->number) - (a->number < b->number);
}

static int compare_known(const void *a, const void *b) {
    return seq_known_cmp(a, b);
}

/* --- against what is known --- */

static void put_known(void *ctx, const struct seq_known *known) {
    struct compare *c = ctx;
    if (c->known_n == c->known_cap) {
        c->known_cap = c->known_cap ? 2 * c->known_cap : 1024;
        c->known = k2_realloc(c->known, c->known_cap * sizeof *c->known);
    }
    c->known[c->known_n++] = *known;
}

static void tell(struct compare *c, const struct entry *of, const struct seq_known *known,
                 enum compare_change change) {
    bool missing = change == COMPARE_MISSING;
    const struct compare_row row = {
        .change = change,
        .kind = (enum k2_kind_id)(missing ? of->channel_kind : of->kind),
        .exchange = k2_interned(c->names, of->exchange),
        .channel = k2_interned(c->names, of->channel),
        .trade_date = of->date,
        .epoch = known->epoch,
        .part = known->part,
        .sequence = known->sequence,
        .number = missing ? -1 : of->number,
    };
    c->row(c->ctx, &row);
}

/* The known events of the channel from *at on that belong to this stretch of one epoch, which is decoded from `from` to
 * `to`, both in order. */
static void merge(struct compare *c, const struct entry *from, const struct entry *to, size_t *at) {
    int64_t last = to[-1].known.sequence;
    size_t k = *at;
    while (k < c->known_n &&
           (c->known[k].epoch < from->known.epoch || (c->known[k].epoch == from->known.epoch &&
                                                      c->known[k].sequence < from->known.sequence)))
        k++;
    for (const struct entry *e = from; e < to; e++) {
        if (e > from && seq_known_cmp(&e[-1].known, &e->known) == 0) {
            c->repeated++;
            continue;
        }
        for (; k < c->known_n && seq_known_cmp(&c->known[k], &e->known) < 0; k++)
            tell(c, e, &c->known[k], COMPARE_MISSING);
        bool known = k < c->known_n && seq_known_cmp(&c->known[k], &e->known) == 0;
        bool same = known && k2_h128_cmp(c->known[k].payload, e->known.payload) == 0;
        tell(c, e, &e->known, same ? COMPARE_SAME : known ? COMPARE_CHANGED : COMPARE_ADDED);
        k += known;
    }
    for (; k < c->known_n && c->known[k].epoch == from->known.epoch && c->known[k].sequence <= last;
         k++)
        tell(c, from, &c->known[k], COMPARE_MISSING);
    *at = k;
}

/* What is in the log and in the tables as well comes from both. */
static void drop_repeated(struct compare *c) {
    size_t n = 0;
    for (size_t i = 0; i < c->known_n; i++)
        if (n == 0 || seq_known_cmp(&c->known[n - 1], &c->known[i]) != 0)
            c->known[n++] = c->known[i];
    c->known_n = n;
}

/* lo, hi: of the whole group, so that the log is read once for all its channels. */
static K2_RC run_channel(struct compare *c, const struct entry *from, const struct entry *to,
                         int64_t lo, int64_t hi, struct k2_err *err) {
    struct seq_history h = history_source(c->history);
    c->known_n = 0;
    K2_TRY(h.load(h.ctx, k2_interned(c->names, from->exchange), from->date,
                  k2_interned(c->names, from->channel), (enum k2_kind_id)from->channel_kind, lo, hi,
                  put_known, c, err));
    if (c->known_n > 0)
        qsort(c->known, c->known_n, sizeof *c->known, compare_known);
    drop_repeated(c);
    size_t at = 0;
    for (const struct entry *e = from, *end; e < to; e = end) {
        for (end = e; end < to && end->known.epoch == e->known.epoch; end++)
            ;
        merge(c, e, end, &at);
    }
    return K2_OK;
}

static K2_RC run_group(struct compare *c, const struct entry *from, const struct entry *to,
                       struct k2_err *err) {
    int64_t lo = INT64_MAX, hi = INT64_MIN;
    for (const struct entry *e = from; e < to; e++) {
        lo = e->known.sequence < lo ? e->known.sequence : lo;
        hi = e->known.sequence > hi ? e->known.sequence : hi;
    }
    for (const struct entry *e = from, *end; e < to; e = end) {
        for (end = e; end < to && compare_channels(end, e) == 0; end++)
            ;
        K2_TRY(run_channel(c, e, end, lo, hi, err));
    }
    return K2_OK;
}

int compare_run(struct compare *c, void (*row)(void *ctx, const struct compare_row *row), void *ctx,
                int64_t *repeated, struct k2_err *err) {
    c->row = row;
    c->ctx = ctx;
    c->repeated = 0;
    if (c->n > 0)
        qsort(c->entries, c->n, sizeof *c->entries, compare_entries);
    for (size_t i = 0, end; i < c->n; i = end) {
        for (end = i; end < c->n && compare_groups(&c->entries[end], &c->entries[i]) == 0; end++)
            ;
        K2_TRY(run_group(c, &c->entries[i], &c->entries[end], err));
    }
    *repeated = c->repeated;
    return K2_OK;
}

struct compare *compare_new(struct journal *j, struct seq_history archive) {
    struct compare *c = k2_zalloc(sizeof *c);
    c->history = history_new(j, archive);
    c->names = k2_interner_new();
    return c;
}

void compare_free(struct compare *c) {
    if (!c)
        return;
    history_free(c->history);
    k2_interner_free(c->names);
    free(c->entries);
    free(c->known);
    free(c);
}
