/* The merge of sorted sources against a plain sort of all their rows. */
#include "k2test.h"
#include "lake/lake.h"
#include "lake/sort.h"

#include "base/clock.h"

enum { SOURCES = 12, ROWS = 5000 };

struct feed { /* a source whose rows lie in columns, with strings of an interner of its own */
    struct k2_columns rows;
    struct k2_interner *in, *to;
    size_t at;
    bool asked, ended;
    int *open, *most_open;
};

static K2_RC give(void *ctx, struct k2_columns *c, struct k2_err *err) {
    (void)err;
    struct feed *f = ctx;
    if (!f->asked && ++*f->open > *f->most_open)
        *f->most_open = *f->open;
    f->asked = true;
    for (c->n = 0; c->n < c->cap && f->at < f->rows.n; c->n++, f->at++) {
        struct k2_event e;
        memset(&e, 0, sizeof e);
        k2_columns_get(&f->rows, f->at, &e);
        e.trade.symbol = k2_intern(f->to, k2_interned(f->in, e.trade.symbol));
        e.trade.channel = k2_intern(f->to, k2_interned(f->in, e.trade.channel));
        k2_columns_set(c, c->n, &e);
    }
    if (c->n == 0 && !f->ended) {
        f->ended = true;
        --*f->open;
    }
    return K2_OK;
}

/* n rows from `from` us on, sorted as a data file is; `quantity` tells them apart. */
static void fill(struct feed *f, size_t n, int64_t from, int64_t span, int64_t *number,
                 uint64_t *seed) {
    const struct k2_kind *kind = k2_kind(K2_KIND_TRADE);
    struct k2_columns raw;
    struct sort_order order = {0};
    char text[16];
    k2_columns_init(&raw, kind, n + 1);
    k2_columns_init(&f->rows, kind, n + 1);
    f->in = k2_interner_new();
    for (raw.n = 0; raw.n < n; raw.n++) {
        struct k2_event e = {.kind = K2_KIND_TRADE};
        snprintf(text, sizeof text, "S%d", (int)(k2test_random(seed) % 3));
        e.trade.symbol = k2_intern(f->in, k2_sv_of(text));
        snprintf(text, sizeof text, "C%d", (int)(k2test_random(seed) % 2));
        e.trade.channel = k2_intern(f->in, k2_sv_of(text));
        e.trade.exchange_timestamp = from + (int64_t)(k2test_random(seed) % (uint64_t)span);
        e.trade.exchange_sequence_number = (int64_t)(k2test_random(seed) % 3);
        e.trade.epoch = (int32_t)(k2test_random(seed) % 2);
        e.trade.part = (int32_t)(k2test_random(seed) % 2);
        e.trade.quantity = (*number)++;
        k2_columns_set(&raw, raw.n, &e);
    }
    sort_columns(&order, &raw, f->in);
    for (; f->rows.n < n; f->rows.n++) {
        struct k2_event e;
        k2_columns_get(&raw, order.rows[f->rows.n], &e);
        k2_columns_set(&f->rows, f->rows.n, &e);
    }
    sort_order_free(&order);
    k2_columns_free(&raw);
}

static void free_feeds(struct feed *f, int n) {
    for (int i = 0; i < n; i++) {
        k2_columns_free(&f[i].rows);
        k2_interner_free(f[i].in);
    }
}

static struct lake_merge_source source_of(struct feed *f, int64_t least_us) {
    return (struct lake_merge_source){.name = "feed", .ctx = f, .least_us = least_us, .next = give};
}

static int64_t number_at(const struct k2_columns *c, size_t row) {
    return (int64_t)((const k2_i128 *)c->col[K2_TRADE_quantity])[row];
}

/* Every row once, in the order that sort_columns gives all of them together. */
static void check_merged(const struct k2_columns *out, const struct k2_interner *in) {
    struct sort_order order = {0};
    if (out->n == 0)
        return;
    sort_columns(&order, out, in);
    assert_int_equal(order.group_count, 1);
    assert_true(order.groups[0].identity);
    bool *seen = k2_zalloc(out->n);
    for (size_t i = 0; i < out->n; i++) {
        assert_false(seen[number_at(out, i)]);
        seen[number_at(out, i)] = true;
    }
    free(seen);
    sort_order_free(&order);
}

static void append(struct k2_columns *all, const struct k2_columns *some,
                   const struct k2_interner *from, struct k2_interner *to) {
    for (size_t i = 0; i < some->n; i++, all->n++) {
        struct k2_event e;
        memset(&e, 0, sizeof e);
        k2_columns_get(some, i, &e);
        e.trade.symbol = k2_intern(to, k2_interned(from, e.trade.symbol));
        e.trade.channel = k2_intern(to, k2_interned(from, e.trade.channel));
        k2_columns_set(all, all->n, &e);
    }
}

/* Merges in batches of `cap`; with a second interner, its strings move there and back all the time. */
static void merge_all(struct feed *f, const struct lake_merge_source *sources, int n, size_t cap,
                      bool moves, size_t expected) {
    const struct k2_kind *kind = k2_kind(K2_KIND_TRADE);
    struct k2_interner *in = k2_interner_new(), *other = k2_interner_new(),
                       *kept = k2_interner_new();
    struct k2_columns out, all;
    struct k2_err err = {0};
    for (int i = 0; i < n; i++)
        f[i].to = in;
    k2_columns_init(&out, kind, cap);
    k2_columns_init(&all, kind, expected + 1);
    struct lake_merge *m = lake_merge_new(kind, sources, n, in);
    do {
        CHECK_OK(lake_merge_next(m, &out, &err), &err);
        append(&all, &out, in, kept);
        if (moves) {
            lake_merge_move(m, other);
            k2_interner_reset(in);
            struct k2_interner *t = in;
            in = other;
            other = t;
            for (int i = 0; i < n; i++)
                f[i].to = in;
        }
    } while (out.n == cap);
    lake_merge_free(m);
    assert_int_equal(all.n, expected);
    check_merged(&all, kept);
    k2_columns_free(&out);
    k2_columns_free(&all);
    k2_interner_free(in);
    k2_interner_free(other);
    k2_interner_free(kept);
}

static void rows_of_all_sources_come_in_one_order(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    for (int round = 0; round < 40; round++) {
        struct feed f[SOURCES] = {0};
        struct lake_merge_source sources[SOURCES];
        int n = (int)(k2test_random(&seed) % SOURCES), open = 0, most = 0;
        int64_t number = 0;
        for (int i = 0; i < n; i++) {
            f[i].open = &open;
            f[i].most_open = &most;
            int64_t from = (int64_t)(k2test_random(&seed) % 300);
            fill(&f[i], k2test_random(&seed) % ROWS, from,
                 1 + (int64_t)(k2test_random(&seed) % 300), &number, &seed);
            sources[i] = source_of(&f[i], round % 2 ? from : INT64_MIN);
        }
        merge_all(f, sources, n, 1 + k2test_random(&seed) % 4000, round % 3 == 0, (size_t)number);
        assert_int_equal(open, 0);
        free_feeds(f, n);
    }
}

static void sources_that_follow_each_other_are_not_open_together(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct feed f[SOURCES] = {0};
    struct lake_merge_source sources[SOURCES];
    int open = 0, most = 0;
    int64_t number = 0;
    for (int i = 0; i < SOURCES; i++) {
        f[i].open = &open;
        f[i].most_open = &most;
        fill(&f[i], 3000, (SOURCES - i) * 1000, 900, &number, &seed);
        sources[i] = source_of(&f[i], (SOURCES - i) * 1000);
    }
    merge_all(f, sources, SOURCES, 2500, false, (size_t)number);
    assert_int_equal(most, 1);
    free_feeds(f, SOURCES);
}

static int merge_status(struct feed *f, int64_t least_us) {
    const struct k2_kind *kind = k2_kind(K2_KIND_TRADE);
    const struct lake_merge_source source = source_of(f, least_us);
    struct k2_interner *in = k2_interner_new();
    struct k2_columns out;
    struct k2_err err = {0};
    f->to = in;
    k2_columns_init(&out, kind, ROWS);
    struct lake_merge *m = lake_merge_new(kind, &source, 1, in);
    int rc = lake_merge_next(m, &out, &err);
    lake_merge_free(m);
    k2_columns_free(&out);
    k2_interner_free(in);
    return rc;
}

static void a_source_out_of_order_is_refused(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    for (int place = 1; place < 4; place++) {
        struct feed f = {0};
        int open = 0, most = 0;
        int64_t number = 0;
        f.open = &open;
        f.most_open = &most;
        fill(&f, ROWS, 1000, 100, &number, &seed);
        /* Inside of a batch, at its first row, at the very end. */
        size_t row = place == 1 ? 77 : place == 2 ? 2048 : ROWS - 1;
        ((int64_t *)f.rows.col[K2_TRADE_exchange_timestamp])[row] = 999;
        assert_int_equal(merge_status(&f, INT64_MIN), K2_E_DATA);
        free_feeds(&f, 1);
    }
}

static void a_source_that_begins_before_it_says_is_refused(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct feed f = {0};
    int open = 0, most = 0;
    int64_t number = 0;
    f.open = &open;
    f.most_open = &most;
    fill(&f, 10, 1000, 1, &number, &seed);
    assert_int_equal(merge_status(&f, 1001), K2_E_DATA);
    f.at = 0;
    assert_int_equal(merge_status(&f, 1000), K2_OK);
    free_feeds(&f, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_all_sources_come_in_one_order),
        cmocka_unit_test(sources_that_follow_each_other_are_not_open_together),
        cmocka_unit_test(a_source_out_of_order_is_refused),
        cmocka_unit_test(a_source_that_begins_before_it_says_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
