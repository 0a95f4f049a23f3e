/* As-of: exactly the rows durable before an instant, whatever snapshots there are; and the sink's lag. */
#include "world.h"

#define BATCHES 8

struct batch {
    int64_t ns; /* append time */
    int rows;   /* in all batches up to and with this one */
};

struct asof_world {
    struct world w;
    struct batch batches[BATCHES];
    int64_t snapshots[BATCHES]; /* current after the batch; 0 = the sink did not run */
};

static int64_t current_snapshot(struct world *w) {
    struct lake_table *t;
    CHECK_OK(lake_table_load(w->lake, K2_SV("trades"), &t, &w->err), &w->err);
    int64_t id = lake_table_info(t).current_snapshot;
    lake_table_free(t);
    return id;
}

/* Eight batches a second apart; the sink runs after batches 2, 5 and 7 (counted from 0). Batch 3 has one
 * row, so that one row alone must make the next snapshot necessary. */
static int set_up(void **state) {
    static struct asof_world a;
    struct world *w = &a.w;
    uint64_t seed = k2test_seed();
    int rows = 0;
    world_open(w);
    for (int b = 0; b < BATCHES; b++) {
        for (int i = 0; i < (b == 3 ? 1 : b + 1); i++, rows++) {
            struct k2_event e = world_trade(
                w, i % 2 ? "ASX" : "MOEX", (const char *[]){"A", "B", "C"}[i % 3],
                world_time("2014-03-10") + (int64_t)(k2test_random(&seed) % 86400) * K2_NS_PER_SEC,
                1, 1);
            world_append(w, &e);
        }
        a.batches[b] = (struct batch){world_clock_ns, rows + 0};
        world_commit(w);
        if (b == 2 || b == 5 || b == 7) {
            world_sink(w);
            a.snapshots[b] = current_snapshot(w);
        }
    }
    world_engine(w);
    *state = &a;
    return 0;
}

static int tear_down(void **state) {
    world_close(&((struct asof_world *)*state)->w);
    return 0;
}

static int count_as_of(struct world *w, struct query_as_of as_of, int64_t *snapshot) {
    struct query_request request = {.sql = K2_SV("select count(*) from trades"), .as_of = as_of};
    struct query_stats stats = {0};
    char *text = world_ask(w, &request, QUERY_CSV, &stats);
    if (!text)
        fail_msg("%s", w->err.msg);
    int n = atoi(strchr(text, '\n') + 1);
    if (snapshot)
        *snapshot = stats.scans[0].snapshot;
    free(text);
    return n;
}

static void an_instant_sees_exactly_the_rows_before_it(void **state) {
    struct asof_world *a = *state;
    for (int b = 0; b < BATCHES; b++) {
        int before = b ? a->batches[b - 1].rows : 0;
        int64_t ns = a->batches[b].ns;
        assert_int_equal(count_as_of(&a->w, (struct query_as_of){.set = true, .ns = ns}, NULL),
                         before);
        assert_int_equal(count_as_of(&a->w, (struct query_as_of){.set = true, .ns = ns + 1}, NULL),
                         a->batches[b].rows);
        assert_int_equal(count_as_of(&a->w, (struct query_as_of){.set = true, .ns = ns - 1}, NULL),
                         before);
    }
}

static void the_oldest_snapshot_that_covers_the_instant_is_read(void **state) {
    struct asof_world *a = *state;
    int64_t snapshot;
    count_as_of(&a->w, (struct query_as_of){.set = true, .ns = a->batches[2].ns + 1}, &snapshot);
    assert_true(snapshot == a->snapshots[2]);
    count_as_of(&a->w, (struct query_as_of){.set = true, .ns = a->batches[3].ns + 1}, &snapshot);
    assert_true(snapshot == a->snapshots[5]);
    count_as_of(&a->w, (struct query_as_of){.set = true, .ns = a->batches[7].ns + 1}, &snapshot);
    assert_true(snapshot == a->snapshots[7]);
}

static void a_table_at_a_snapshot_is_that_snapshot(void **state) {
    struct asof_world *a = *state;
    static const char *const names[] = {"trades", "market_data.trades", "ticks"};
    for (int i = 0; i < 3; i++)
        for (int b = 2; b < BATCHES; b++)
            if (a->snapshots[b]) {
                struct query_as_of as_of = {
                    .set = true, .table = names[i], .snapshot = a->snapshots[b]};
                assert_int_equal(count_as_of(&a->w, as_of, NULL), a->batches[b].rows);
            }
    struct query_request request = {.sql = K2_SV("from trades"),
                                    .as_of = {.set = true, .table = "trades", .snapshot = 5}};
    assert_null(world_ask(&a->w, &request, QUERY_CSV, NULL));
    request.as_of.table = "quotes";
    assert_null(world_ask(&a->w, &request, QUERY_CSV, NULL));
    assert_non_null(strstr(a->w.err.msg, "quotes@5"));
}

static void rows_of_another_journal_compare_by_time(void **state) {
    struct asof_world *a = *state;
    struct world *w = &a->w;
    char command[4200];
    journal_close(w->journal);
    snprintf(command, sizeof command, "mv '%s/journal' '%s/journal.old'", w->dir, w->dir);
    assert_int_equal(system(command), 0);
    int64_t ns = a->batches[4].ns;
    /* without any journal */
    assert_int_equal(count_as_of(w, (struct query_as_of){.set = true, .ns = ns}, NULL),
                     a->batches[3].rows);
    assert_int_equal(count_as_of(w, (struct query_as_of){.set = true, .ns = ns + 1000}, NULL),
                     a->batches[4].rows);
    /* with a new one */
    world_journal(w);
    struct k2_event e = world_trade(w, "ASX", "A", world_time("2014-03-11"), 1, 1);
    world_append(w, &e);
    int64_t late = world_clock_ns;
    world_commit(w);
    world_sink(w);
    assert_int_equal(count_as_of(w, (struct query_as_of){.set = true, .ns = ns}, NULL),
                     a->batches[3].rows);
    assert_int_equal(count_as_of(w, (struct query_as_of){.set = true, .ns = late}, NULL),
                     a->batches[7].rows);
    assert_int_equal(count_as_of(w, (struct query_as_of){.set = true, .ns = late + 1}, NULL),
                     a->batches[7].rows + 1);
}

static int64_t lag_of(struct world *w, const char *table) {
    struct query_lag lag[K2_KIND_COUNT];
    int n;
    CHECK_OK(query_lag(w->dir, lag, K2_KIND_COUNT, &n, &w->err), &w->err);
    for (int i = 0; i < n; i++)
        if (strcmp(lag[i].table, table) == 0)
            return lag[i].rows;
    return -1;
}

static void lag_is_what_the_sink_has_not_committed(void **state) {
    struct world *w = &((struct asof_world *)*state)->w;
    assert_int_equal(lag_of(w, "trades"), 0);
    for (int i = 0; i < 5; i++) {
        struct k2_event e = world_trade(w, "NEW", "A", world_time("2014-03-11"), 1, 1);
        world_append(w, &e);
    }
    assert_int_equal(lag_of(w, "trades"), 0); /* not durable yet */
    world_commit(w);
    assert_int_equal(lag_of(w, "trades"), 5);
    assert_int_equal(lag_of(w, "quotes"), 0);
    world_sink(w);
    assert_int_equal(lag_of(w, "trades"), 0);
    struct query_lag lag[1];
    int n;
    CHECK_OK(query_lag("/nonexistent", lag, 1, &n, &w->err), &w->err);
    assert_int_equal(n, 1);
    assert_int_equal(lag[0].rows, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instant_sees_exactly_the_rows_before_it),
        cmocka_unit_test(the_oldest_snapshot_that_covers_the_instant_is_read),
        cmocka_unit_test(a_table_at_a_snapshot_is_that_snapshot),
        cmocka_unit_test(rows_of_another_journal_compare_by_time),
        cmocka_unit_test(lag_is_what_the_sink_has_not_committed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
