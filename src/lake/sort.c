/* lake/sort.c - see sort.h.
 *
 * DESIGN. Rows come from the journal nearly in time order (a merge of a few partitions), and many
 * share a microsecond or even a millisecond. So: a radix sort of (microsecond, row) by the bytes that
 * differ at all - none, when the rows are in order already - and then each run of equal microseconds
 * is sorted by the rest of the key, which is cheap because runs are short.
 */
#include "lake/sort.h"

#include <stdlib.h>

struct entry {
    uint64_t key; /* microseconds, biased so that unsigned order is time order */
    uint32_t row;
};

/* The rest of the sort key, by column. */
struct keys {
    const int64_t *time, *sequence;
    const int32_t *date, *epoch, *part;
    const uint32_t *symbol, *channel;
    const struct k2_interner *in;
};

static const void *column(const struct k2_columns *c, const char *name) {
    int i = k2_field_by_name(c->kind, k2_sv_of(name));
    K2_ASSERT(i >= 0);
    return c->col[i];
}

static struct keys keys_of(const struct k2_columns *c, const struct k2_interner *in) {
    return (struct keys){.time = column(c, "exchange_timestamp"),
                         .sequence = column(c, "exchange_sequence_number"),
                         .date = column(c, "trade_date"),
                         .epoch = column(c, "epoch"),
                         .part = column(c, "part"),
                         .symbol = column(c, "symbol"),
                         .channel = column(c, "channel"),
                         .in = in};
}

static int compare_text(const struct keys *k, uint32_t a, uint32_t b) {
    return a == b ? 0 : k2_sv_cmp(k2_interned(k->in, a), k2_interned(k->in, b));
}

static int compare_rest(const void *pa, const void *pb, void *ctx) {
    const struct keys *k = ctx;
    uint32_t a = ((const struct entry *)pa)->row, b = ((const struct entry *)pb)->row;
    if (k->sequence[a] != k->sequence[b])
        return k->sequence[a] < k->sequence[b] ? -1 : 1;
    int c = compare_text(k, k->symbol[a], k->symbol[b]);
    if (c == 0)
        c = compare_text(k, k->channel[a], k->channel[b]);
    if (c == 0)
        c = (k->epoch[a] > k->epoch[b]) - (k->epoch[a] < k->epoch[b]);
    if (c == 0)
        c = (k->part[a] > k->part[b]) - (k->part[a] < k->part[b]);
    return c ? c : (a > b) - (a < b); /* equal keys keep journal order */
}

static bool in_order(const struct entry *e, size_t n) {
    for (size_t i = 1; i < n; i++)
        if (e[i].key < e[i - 1].key)
            return false;
    return true;
}

/* One stable pass by 11 bits at `shift`; skipped when all entries agree there. */
static bool radix_pass(const struct entry *from, struct entry *to, size_t n, unsigned shift) {
    enum { BUCKETS = 2048 };
    size_t at[BUCKETS] = {0};
    for (size_t i = 0; i < n; i++)
        at[from[i].key >> shift & (BUCKETS - 1)]++;
    if (at[from[0].key >> shift & (BUCKETS - 1)] == n)
        return false;
    size_t sum = 0;
    for (size_t b = 0; b < BUCKETS; b++) {
        size_t count = at[b];
        at[b] = sum;
        sum += count;
    }
    for (size_t i = 0; i < n; i++)
        to[at[from[i].key >> shift & (BUCKETS - 1)]++] = from[i];
    return true;
}

/* Sorts by key; the result is in *e, the other array is scratch. */
static void radix_sort(struct entry **e, struct entry **scratch, size_t n) {
    if (n < 2 || in_order(*e, n))
        return;
    uint64_t differ = 0;
    for (size_t i = 1; i < n; i++)
        differ |= (*e)[i].key ^ (*e)[0].key;
    for (unsigned shift = 0; shift < 64 && differ >> shift; shift += 11) {
        if (radix_pass(*e, *scratch, n, shift)) {
            struct entry *t = *e;
            *e = *scratch;
            *scratch = t;
        }
    }
}

static void sort_ties(struct entry *e, size_t n, struct keys *k) {
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && e[j].key == e[i].key; j++)
            ;
        bool ordered = true;
        for (size_t r = i + 1; r < j && ordered; r++)
            ordered = compare_rest(&e[r - 1], &e[r], k) < 0;
        if (!ordered)
            qsort_r(e + i, j - i, sizeof *e, compare_rest, k);
    }
}

static int compare_dates(const void *a, const void *b) {
    int32_t x = ((const struct sort_group *)a)->trade_date;
    int32_t y = ((const struct sort_group *)b)->trade_date;
    return (x > y) - (x < y);
}

/* Index of the group of a date, made on first sight; dates change rarely from row to row. */
static int group_of(struct sort_order *o, int32_t date, int last) {
    if (last < o->group_count && o->groups[last].trade_date == date)
        return last;
    for (int i = 0; i < o->group_count; i++)
        if (o->groups[i].trade_date == date)
            return i;
    o->groups = k2_realloc(o->groups, (size_t)(o->group_count + 1) * sizeof *o->groups);
    o->groups[o->group_count] = (struct sort_group){.trade_date = date};
    return o->group_count++;
}

/* Counts the rows of each date and gives each group its range, dates ascending. */
static void find_groups(struct sort_order *o, const int32_t *date, size_t n) {
    o->group_count = 0;
    for (size_t i = 0, g = 0; i < n; i++) {
        g = (size_t)group_of(o, date[i], (int)g);
        o->groups[g].to++;
    }
    if (o->group_count)
        qsort(o->groups, (size_t)o->group_count, sizeof *o->groups, compare_dates);
    size_t at = 0;
    for (int i = 0; i < o->group_count; i++) {
        struct sort_group *g = &o->groups[i];
        g->from = at;
        at += g->to;
        g->to = g->from; /* grows again as rows are put */
    }
}

static void put_rows(struct sort_order *o, struct entry *e, const struct keys *k, size_t n) {
    for (size_t i = 0, g = 0; i < n; i++) {
        g = (size_t)group_of(o, k->date[i], (int)g);
        e[o->groups[g].to++] =
            (struct entry){(uint64_t)k->time[i] ^ UINT64_C(1) << 63, (uint32_t)i};
    }
}

static void sort_group_rows(struct sort_order *o, struct sort_group *g, struct entry *all,
                            struct entry *spare, struct keys *k) {
    size_t n = g->to - g->from;
    struct entry *e = all + g->from, *scratch = spare;
    radix_sort(&e, &scratch, n);
    sort_ties(e, n, k);
    g->identity = true;
    for (size_t i = 0; i < n; i++) {
        o->rows[g->from + i] = e[i].row;
        g->identity &= e[i].row == g->from + i;
    }
}

static void reserve(struct sort_order *o, size_t n) {
    if (n <= o->cap)
        return;
    o->rows = k2_realloc(o->rows, n * sizeof *o->rows);
    free(o->scratch);
    o->scratch = k2_alloc(2 * n * sizeof(struct entry));
    o->cap = n;
}

void sort_columns(struct sort_order *o, const struct k2_columns *c, const struct k2_interner *in) {
    K2_ASSERT(c->n <= UINT32_MAX);
    reserve(o, c->n);
    struct keys k = keys_of(c, in);
    struct entry *e = o->scratch;
    find_groups(o, k.date, c->n);
    put_rows(o, e, &k, c->n);
    for (int i = 0; i < o->group_count; i++)
        sort_group_rows(o, &o->groups[i], e, e + o->cap, &k);
}

void sort_order_free(struct sort_order *o) {
    free(o->rows);
    free(o->groups);
    free(o->scratch);
    *o = (struct sort_order){0};
}
