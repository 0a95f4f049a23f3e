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
    /* The last one is too wide to be packed into a word. */
    const int64_t spreads[] = {0, 3, 5000, INT64_C(1) << 40, INT64_C(1) << 62};
    for (size_t n = 0; n < 3000; n = n * 3 + 1) {
        for (size_t s = 0; s < 5; s++) {
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

/* As the journal gives them: a few partitions in turn, each in order, their frames of any length. */
static void runs_of_several_partitions_are_merged(void **state) {
    (void)state;
    enum { PARTITIONS = 5, ROWS = 20000 };
    uint64_t seed = k2test_seed();
    struct k2_interner *in = k2_interner_new();
    struct sort_order order = {0};
    struct k2_columns c;
    k2_columns_init(&c, k2_kind(K2_KIND_TRADE), ROWS);
    for (uint64_t longest = 1; longest < 10000; longest *= 7) {
        int64_t at[PARTITIONS] = {0};
        for (c.n = 0; c.n < ROWS;) {
            uint64_t p = k2test_random(&seed) % PARTITIONS, n = k2test_random(&seed) % longest;
            for (uint64_t i = 0; i <= n && c.n < ROWS; i++) {
                struct k2_event e = {.kind = K2_KIND_TRADE};
                at[p] += (int64_t)(k2test_random(&seed) % 4);
                e.trade.exchange_timestamp = at[p];
                e.trade.exchange_sequence_number = (int64_t)c.n;
                k2_columns_set(&c, c.n++, &e);
            }
        }
        sort_columns(&order, &c, in);
        const int64_t *time = c.col[K2_TRADE_exchange_timestamp];
        for (size_t i = 1; i < ROWS; i++) {
            uint32_t a = order.rows[i - 1], b = order.rows[i];
            assert_true(time[a] < time[b] || (time[a] == time[b] && a < b));
        }
    }
    k2_columns_free(&c);
    sort_order_free(&order);
    k2_interner_free(in);
}

static void values_are_gathered_by_row_number(void **state) {
    (void)state;
    enum { ROWS = 300 };
    uint64_t seed = k2test_seed();
    for (size_t size = 4; size <= 16; size *= 2) {
        uint8_t from[ROWS * 16], to[ROWS * 16];
        uint32_t rows[ROWS];
        for (size_t i = 0; i < sizeof from; i++)
            from[i] = (uint8_t)k2test_random(&seed);
        for (size_t i = 0; i < ROWS; i++)
            rows[i] = (uint32_t)(k2test_random(&seed) % ROWS);
        for (size_t n = 0; n <= ROWS; n += 50) {
            memset(to, 0, sizeof to);
            sort_gather(to, from, rows, n, size);
            for (size_t i = 0; i < n; i++)
                assert_memory_equal(to + i * size, from + rows[i] * size, size);
            if (n < ROWS)
                assert_int_equal(to[n * size], 0);
        }
    }
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
        cmocka_unit_test(runs_of_several_partitions_are_merged),
        cmocka_unit_test(values_are_gathered_by_row_number),
        cmocka_unit_test(rows_in_order_are_used_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
