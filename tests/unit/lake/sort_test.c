#include "k2test.h"
#include "lake/sort.h"

#include "base/clock.h"

struct row_key {
    int32_t date;
    int64_t us, sequence;
    char symbol[8], channel[8];
    int32_t epoch, part;
    uint32_t row;
};

static int by_definition(const void *pa, const void *pb) {
    const struct row_key *a = pa, *b = pb;
#define BY(x)                                                                                      \
    if (a->x != b->x)                                                                              \
    return a->x < b->x ? -1 : 1
    BY(date);
    BY(us);
    BY(sequence);
    int c = strcmp(a->symbol, b->symbol);
    if (c == 0)
        c = strcmp(a->channel, b->channel);
    if (c)
        return c;
    BY(epoch);
    BY(part);
    BY(row);
    return 0;
}

static void fill(struct k2_columns *c, struct k2_interner *in, struct row_key *keys, size_t n,
                 uint64_t *seed, int64_t spread) {
    int64_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct row_key *k = &keys[i];
        at += (int64_t)(k2test_random(seed) % 3);
        if (spread)
            at -= (int64_t)(k2test_random(seed) % 2);
        k->us = spread ? at + (int64_t)(k2test_random(seed) % (uint64_t)spread) - spread / 2 : at;
        k->date = 16000 + (int32_t)(k2test_random(seed) % 50 == 0);
        k->sequence = (int64_t)(k2test_random(seed) % 4);
        snprintf(k->symbol, 8, "S%d", (int)(k2test_random(seed) % 3));
        snprintf(k->channel, 8, "C%d", (int)(k2test_random(seed) % 2));
        k->epoch = (int32_t)(k2test_random(seed) % 2);
        k->part = (int32_t)(k2test_random(seed) % 2);
        k->row = i;
        struct k2_event e = {.kind = K2_KIND_TRADE};
        e.trade.trade_date = k->date;
        e.trade.exchange_timestamp = k->us;
        e.trade.exchange_sequence_number = k->sequence;
        e.trade.symbol = k2_intern(in, k2_sv_of(k->symbol));
        e.trade.channel = k2_intern(in, k2_sv_of(k->channel));
        e.trade.epoch = k->epoch;
        e.trade.part = k->part;
        k2_columns_set(c, i, &e);
    }
    c->n = n;
}

static void order_is_the_files_order_whatever_comes(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct k2_interner *in = k2_interner_new();
    k2_intern(in, K2_SV("S2")); /* so that id order is not text order */
    struct sort_order order = {0};
    const int64_t spreads[] = {0, 3, 5000, INT64_C(1) << 40};
    for (size_t n = 0; n < 3000; n = n * 3 + 1) {
        for (size_t s = 0; s < 4; s++) {
            struct k2_columns c;
            k2_columns_init(&c, k2_kind(K2_KIND_TRADE), n + 1);
            struct row_key *keys = calloc(n + 1, sizeof *keys);
            fill(&c, in, keys, n, &seed, spreads[s]);
            sort_columns(&order, &c, in);
            qsort(keys, n, sizeof *keys, by_definition);
            size_t at = 0;
            for (int g = 0; g < order.group_count; g++) {
                assert_int_equal(order.groups[g].from, at);
                for (; at < order.groups[g].to; at++) {
                    assert_int_equal(keys[at].date, order.groups[g].trade_date);
                    assert_int_equal(order.rows[at], keys[at].row);
                    if (order.groups[g].identity)
                        assert_int_equal(order.rows[at], at);
                }
            }
            assert_int_equal(at, n);
            free(keys);
            k2_columns_free(&c);
        }
    }
    sort_order_free(&order);
    k2_interner_free(in);
}

static void rows_in_order_are_used_as_they_are(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    struct sort_order order = {0};
    struct k2_columns c;
    k2_columns_init(&c, k2_kind(K2_KIND_QUOTE), 100);
    for (uint32_t i = 0; i < 100; i++) {
        struct k2_event e = {.kind = K2_KIND_QUOTE};
        e.quote.exchange_timestamp = i / 3;
        e.quote.exchange_sequence_number = i;
        k2_columns_set(&c, i, &e);
    }
    c.n = 100;
    sort_columns(&order, &c, in);
    assert_int_equal(order.group_count, 1);
    assert_true(order.groups[0].identity);
    k2_columns_free(&c);
    sort_order_free(&order);
    k2_interner_free(in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_the_files_order_whatever_comes),
        cmocka_unit_test(rows_in_order_are_used_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
