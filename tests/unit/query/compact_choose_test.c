/* Which files a merge takes. */
#include "k2test.h"
#include "query/compact_choose.h"

#include "base/clock.h"

enum { DAY = 16139, TIME = 4, MOST = 2000 };
#define MB (INT64_C(1) << 20)
#define KB (INT64_C(1) << 10)
#define NOW (INT64_C(1700000000) * K2_NS_PER_SEC)

struct table {
    struct lake_plan plan;
    int64_t written[MOST];
};

static void add(struct table *t, int32_t date, int64_t bytes, int64_t first, int64_t last) {
    char name[32];
    struct lake_plan *p = &t->plan;
    p->files = k2_realloc(p->files, (size_t)(p->file_count + 1) * sizeof *p->files);
    struct lake_file *f = &p->files[p->file_count];
    snprintf(name, sizeof name, "/f%05d", p->file_count);
    *f = (struct lake_file){.path = k2_strdup(name),
                            .trade_date = date,
                            .rows = bytes / 10,
                            .bytes = bytes,
                            .sort_order_id = 1,
                            .metric_count = 1,
                            .metrics = k2_zalloc(sizeof *f->metrics)};
    f->metrics[0] = (struct parquet_metrics){.field_id = TIME, .lower_n = 8, .upper_n = 8};
    memcpy(f->metrics[0].lower, &first, 8);
    memcpy(f->metrics[0].upper, &last, 8);
    t->written[p->file_count++] = NOW;
}

static void add_many(struct table *t, int n, int32_t date, int64_t bytes) {
    for (int i = 0; i < n; i++)
        add(t, date, bytes, 1000 * i, 1000 * i + 999);
}

static const struct compact_rule rule = {
    .target_bytes = 256 * MB, .time_field = TIME, .now_ns = NOW};

static struct compact_group choose(const struct table *t, const struct compact_rule *r) {
    struct compact_group g;
    compact_choose(&t->plan, t->written, r, &g);
    return g;
}

static int count(const struct table *t, const struct compact_rule *r) {
    struct compact_group g = choose(t, r);
    int n = g.n;
    compact_group_free(&g);
    return n;
}

static void eight_of_a_size_are_merged(void **state) {
    (void)state;
    struct table t = {0};
    add_many(&t, 7, DAY, 2 * MB);
    add_many(&t, 7, DAY, 20 * MB);
    assert_int_equal(count(&t, &rule), 0);
    add(&t, DAY, 1 * MB, 0, 9);
    assert_int_equal(count(&t, &rule), 8); /* not those of 20 MB */
    lake_plan_free(&t.plan);
}

static void smaller_ones_go_with_them(void **state) {
    (void)state;
    struct table t = {0};
    add_many(&t, 3, DAY, 5 * KB);
    add_many(&t, 8, DAY, 20 * MB);
    add_many(&t, 9, DAY, 64 * MB); /* large already */
    struct compact_group g = choose(&t, &rule);
    assert_int_equal(g.n, 11);
    assert_int_equal(g.bytes, 160 * MB + 15 * KB);
    assert_int_equal(g.pieces, 1);
    compact_group_free(&g);
    lake_plan_free(&t.plan);
}

static void a_quiet_partition_is_merged_from_two_on(void **state) {
    (void)state;
    struct table t = {0};
    add_many(&t, 2, DAY, MB);
    assert_int_equal(count(&t, &rule), 0);
    t.written[0] = t.written[1] = NOW - 3601 * K2_NS_PER_SEC;
    assert_int_equal(count(&t, &rule), 2);
    t.written[1] = NOW - 3599 * K2_NS_PER_SEC;
    assert_int_equal(count(&t, &rule), 0);
    lake_plan_free(&t.plan);
}

static void partitions_are_never_mixed(void **state) {
    (void)state;
    struct table t = {0};
    add_many(&t, 7, DAY, MB);
    add_many(&t, 7, DAY + 1, MB);
    assert_int_equal(count(&t, &rule), 0);
    add_many(&t, 20, DAY + 2, MB);
    struct compact_group g = choose(&t, &rule);
    assert_int_equal(g.n, 20);
    assert_int_equal(g.trade_date, DAY + 2);
    for (int i = 0; i < g.n; i++)
        assert_int_equal(g.files[i]->trade_date, DAY + 2);
    compact_group_free(&g);
    struct compact_rule other = rule;
    other.left_out = (const int32_t[]){DAY + 2};
    other.left_out_count = 1;
    assert_int_equal(count(&t, &other), 0);
    lake_plan_free(&t.plan);
}

static void who_asks_for_a_date_gets_all_of_it(void **state) {
    (void)state;
    struct table t = {0};
    struct compact_rule r = rule;
    r.eager = r.has_date = true;
    r.trade_date = DAY;
    add_many(&t, 9, DAY + 1, MB);
    add(&t, DAY, 190 * MB, 0, 9);
    assert_int_equal(count(&t, &r), 0);
    add(&t, DAY, 191 * MB, 0, 9);
    struct compact_group g = choose(&t, &r);
    assert_int_equal(g.n, 2);
    assert_int_equal(g.pieces, 1); /* else it would go on for ever */
    compact_group_free(&g);
    lake_plan_free(&t.plan);
}

static void files_of_another_order_stay(void **state) {
    (void)state;
    struct table t = {0};
    add_many(&t, 8, DAY, MB);
    t.plan.files[3].sort_order_id = 0;
    assert_int_equal(count(&t, &rule), 0);
    lake_plan_free(&t.plan);
}

static void few_that_overlap_are_taken_at_a_time(void **state) {
    (void)state;
    struct table t = {0};
    for (int i = 0; i < 300; i++)
        add(&t, DAY, MB, i, 100000);
    int n = count(&t, &rule);
    assert_in_range(n, 8, 30);
    lake_plan_free(&t.plan);
    t = (struct table){0};
    add_many(&t, 300, DAY, MB); /* one behind the other */
    assert_int_equal(count(&t, &rule), 300);
    struct compact_rule r = rule;
    r.max_bytes = 20 * MB;
    assert_in_range(count(&t, &r), 18, 20);
    r.max_bytes = 1;
    assert_int_equal(count(&t, &r), 2); /* less would be nothing */
    lake_plan_free(&t.plan);
}

/* A file a minute for weeks: few are left, and each byte is written few times. */
static void many_small_files_become_few_at_a_small_cost(void **state) {
    (void)state;
    struct table t = {0};
    int64_t came = 0, written = 0;
    int most = 0;
    for (int minute = 0; minute < 20000; minute++) {
        add(&t, DAY, 40 * KB, minute, minute);
        came += 40 * KB;
        struct compact_group g;
        while ((g = choose(&t, &rule)).n > 0) {
            struct table next = {0};
            for (int i = 0; i < t.plan.file_count; i++) {
                bool taken = false;
                for (int k = 0; k < g.n; k++)
                    taken |= g.files[k] == &t.plan.files[i];
                if (!taken)
                    add(&next, DAY, t.plan.files[i].bytes, i, i);
            }
            add(&next, DAY, g.bytes, minute, minute);
            written += g.bytes;
            compact_group_free(&g);
            lake_plan_free(&t.plan);
            t = next;
        }
        most = t.plan.file_count > most ? t.plan.file_count : most;
    }
    print_message("most files %d, now %d, bytes written %.2f times\n", most, t.plan.file_count,
                  (double)written / (double)came);
    assert_true(most <= 40);
    assert_true(written <= 4 * came);
    lake_plan_free(&t.plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_of_a_size_are_merged),
        cmocka_unit_test(smaller_ones_go_with_them),
        cmocka_unit_test(a_quiet_partition_is_merged_from_two_on),
        cmocka_unit_test(partitions_are_never_mixed),
        cmocka_unit_test(who_asks_for_a_date_gets_all_of_it),
        cmocka_unit_test(files_of_another_order_stay),
        cmocka_unit_test(few_that_overlap_are_taken_at_a_time),
        cmocka_unit_test(many_small_files_become_few_at_a_small_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
