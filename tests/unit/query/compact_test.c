/* k2-test: timeout=300
 * Compaction of tables that the real sink fills: rows stay as they are, files become few. */
#include "world.h"

#include "base/fs.h"
#include "base/log.h"

#include <pthread.h>

enum { DAY = 16139 };
#define DAY_NS (DAY * K2_NS_PER_DAY)

static const struct compact_options eager = {
    .target_bytes = COMPACT_TARGET, .eager = true, .now_ns = INT64_C(1700000000) * K2_NS_PER_SEC};

static void random_trade(struct world *w, uint64_t *seed) {
    static const char *const symbols[] = {"BHP", "CBA", "A/B%", ""};
    int64_t ns = DAY_NS + (int64_t)(k2test_random(seed) % 2) * K2_NS_PER_DAY +
                 (int64_t)(k2test_random(seed) % 1000) * 10007;
    struct k2_event e = world_trade(w, "SIM", symbols[k2test_random(seed) % 3], ns,
                                    (int64_t)(k2test_random(seed) % 100000) - 500,
                                    (int64_t)k2test_random(seed) / 2);
    if (k2test_random(seed) % 3 == 0)
        e.trade.price = K2_NULL_DECIMAL;
    if (k2test_random(seed) % 3 == 0)
        e.trade.side = world_str(w, k2test_random(seed) % 2 ? "BUY" : "");
    world_append(w, &e);
}

static void fill(struct world *w, int commits, int rows, uint64_t *seed) {
    for (int i = 0; i < commits; i++) {
        for (int k = 0; k < rows; k++)
            random_trade(w, seed);
        world_commit(w);
        world_sink(w);
    }
}

static struct lake_plan plan_of(struct world *w) {
    struct lake_table *t;
    struct lake_plan plan;
    CHECK_OK(lake_table_load(w->lake, K2_SV("trades"), &t, &w->err), &w->err);
    CHECK_OK(lake_plan(t, 0, NULL, 0, &plan, &w->err), &w->err);
    lake_table_free(t);
    return plan;
}

static int count_files(struct world *w) {
    struct lake_plan plan = plan_of(w);
    int n = plan.file_count;
    lake_plan_free(&plan);
    return n;
}

static int64_t current_snapshot(struct world *w) {
    struct lake_table *t;
    CHECK_OK(lake_table_load(w->lake, K2_SV("trades"), &t, &w->err), &w->err);
    int64_t id = lake_table_info(t).current_snapshot;
    lake_table_free(t);
    return id;
}

static struct compact_report compact(struct world *w, const struct compact_options *o) {
    struct compact_report r;
    CHECK_OK(compact_run(w->dir, NULL, o, &r, &w->err), &w->err);
    return r;
}

static void expect_equal(struct world *w, int64_t rows) {
    struct reconcile_report r;
    struct lake_verified seen = {0};
    CHECK_OK(reconcile_run(w->dir, w->engine, NULL, NULL, &r, &w->err), &w->err);
    if (!reconcile_equal(&r))
        fail_msg("%s", r.first);
    assert_int_equal(r.compared, rows);
    reconcile_free(&r);
    CHECK_OK(lake_verify(w->lake, "trades", NULL, NULL, &seen, &w->err), &w->err);
    assert_int_equal(seen.findings, 0);
}

/* Files below the partitions, committed or not. */
static int count_on_disk(struct world *w) {
    int n = 0;
    for (int day = DAY; day < DAY + 2; day++) {
        char date[K2_DATE_TEXT];
        struct k2_buf path = {0};
        char **names;
        size_t count;
        k2_date_format(day, date);
        k2_buf_printf(&path, "%s/warehouse/market_data/trades/data/trade_date=%s", w->dir, date);
        if (k2_fs_list(k2_buf_cstr(&path), &names, &count, NULL) == K2_OK) {
            n += (int)count;
            k2_fs_names_free(names, count);
        }
        k2_buf_free(&path);
    }
    return n;
}

#define ALL_ROWS "SELECT * FROM trades ORDER BY journal_partition, journal_offset"

static char *as_of(struct world *w, const struct query_as_of *when) {
    struct query_request request = {.sql = K2_SV(ALL_ROWS), .as_of = *when};
    char *text = world_ask(w, &request, QUERY_CSV, NULL);
    if (!text)
        fail_msg("%s", w->err.msg);
    return text;
}

static void every_question_is_answered_as_before(void **state) {
    (void)state;
    struct world w;
    uint64_t seed = k2test_seed();
    world_open(&w);
    world_engine(&w);
    fill(&w, 5, 200, &seed);
    const struct query_as_of instant = {.set = true, .ns = world_clock_ns - K2_NS_PER_MS};
    const struct query_as_of snapshot = {
        .set = true, .table = "trades", .snapshot = current_snapshot(&w)};
    fill(&w, 4, 200, &seed);
    char *now = world_csv(&w, ALL_ROWS), *then = as_of(&w, &instant), *at = as_of(&w, &snapshot);
    struct compact_report r = compact(&w, &eager);
    assert_int_equal(r.merges, 2);
    assert_int_equal(r.files_before, 18);
    assert_int_equal(r.files_after, 2);
    assert_int_equal(r.rows, 1800);
    assert_int_equal(count_files(&w), 2);
    char *now_again = world_csv(&w, ALL_ROWS), *then_again = as_of(&w, &instant),
         *at_again = as_of(&w, &snapshot);
    assert_string_equal(now, now_again);
    assert_string_equal(then, then_again);
    assert_string_equal(at, at_again);
    assert_string_equal(then, at);
    assert_string_not_equal(now, then);
    expect_equal(&w, 1800);
    /* The sink goes on where it was, and so does compaction. */
    fill(&w, 2, 100, &seed);
    compact(&w, &eager);
    assert_int_equal(count_files(&w), 2);
    expect_equal(&w, 2000);
    assert_int_equal(compact(&w, &eager).merges, 0);
    char *const texts[] = {now, then, at, now_again, then_again, at_again};
    for (int i = 0; i < 6; i++)
        free(texts[i]);
    world_close(&w);
}

static void files_are_in_the_order_they_say_and_of_the_size_asked(void **state) {
    (void)state;
    struct world w;
    uint64_t seed = k2test_seed();
    world_open(&w);
    world_engine(&w);
    fill(&w, 12, 500, &seed);
    struct lake_plan before = plan_of(&w);
    int64_t bytes = 0;
    for (int i = 0; i < before.file_count; i++)
        bytes += before.files[i].bytes;
    lake_plan_free(&before);
    struct compact_options o = eager;
    o.target_bytes = bytes / 8;
    compact(&w, &o);
    struct lake_plan plan = plan_of(&w);
    assert_in_range(plan.file_count, 4, 12);
    lake_plan_free(&plan);
    /* Each file is sorted (the read back of the merge checks that too); here by SQL over all. */
    world_expect(&w, "SELECT count(*) FROM trades", "6000\n");
    expect_equal(&w, 6000);
    world_close(&w);
}

struct sinking {
    struct world *w;
    uint64_t seed;
    int commits, rows;
};

static void *sink_meanwhile(void *ctx) {
    struct sinking *s = ctx;
    struct lake *l, *mine = s->w->lake;
    if (lake_open(s->w->dir, false, &l, &s->w->err) != K2_OK)
        abort();
    s->w->lake = l;
    fill(s->w, s->commits, s->rows, &s->seed);
    s->w->lake = mine;
    lake_close(l);
    return NULL;
}

static void a_sink_at_work_and_compaction_do_not_hinder_each_other(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct world w;
    world_open(&w);
    world_engine(&w);
    fill(&w, 3, 50, &seed);
    struct sinking s = {&w, k2test_random(&seed), 40, 50};
    struct compact_report r;
    struct k2_err err = {0};
    pthread_t thread;
    int merges = 0;
    assert_int_equal(pthread_create(&thread, NULL, sink_meanwhile, &s), 0);
    for (int i = 0; i < 20; i++) {
        CHECK_OK(compact_run(w.dir, w.engine, &eager, &r, &err), &err);
        merges += r.merges;
    }
    pthread_join(thread, NULL);
    CHECK_OK(compact_run(w.dir, w.engine, &eager, &r, &err), &err);
    print_message("%d merges beside 40 commits\n", merges + r.merges);
    assert_true(merges > 0);
    assert_int_equal(count_files(&w), 2);
    expect_equal(&w, 43 * 50);
    world_close(&w);
}

static void random_appends_and_merges_keep_every_row(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct world w;
    world_open(&w);
    world_engine(&w);
    int64_t rows = 0;
    for (int round = 0; round < 12; round++) {
        int commits = 1 + (int)(k2test_random(&seed) % 10),
            n = 1 + (int)(k2test_random(&seed) % 99);
        fill(&w, commits, n, &seed);
        rows += commits * n;
        struct compact_options o = eager;
        o.eager = k2test_random(&seed) % 2;
        o.has_date = k2test_random(&seed) % 3 == 0;
        o.trade_date = DAY;
        o.target_bytes = (int64_t)1 << (12 + k2test_random(&seed) % 16);
        int before = count_files(&w);
        struct compact_report r = compact(&w, &o);
        assert_int_equal(count_files(&w), before - r.files_before + r.files_after);
        assert_true(r.merges == 0 || r.files_after < r.files_before);
        if (round % 4 == 3)
            expect_equal(&w, rows);
    }
    assert_int_equal(compact_run(w.dir, w.engine, &eager, &(struct compact_report){0}, &w.err), 0);
    assert_int_equal(count_files(&w), 2);
    expect_equal(&w, rows);
    world_close(&w);
}

static void work_is_done_in_pieces(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct world w;
    world_open(&w);
    world_engine(&w);
    fill(&w, 10, 50, &seed);
    struct compact_options o = eager;
    o.max_bytes = 1;
    int rounds = 0;
    struct compact_report r;
    do {
        r = compact(&w, &o);
        assert_true(r.merges == 0 || (r.merges == 1 && r.files_before == 2));
        rounds++;
    } while (r.more && rounds < 100);
    assert_int_equal(rounds, 18);
    assert_int_equal(count_files(&w), 2);
    expect_equal(&w, 500);
    world_close(&w);
}

static void count_done(void *ctx, const struct compact_done *d) {
    int *files = ctx;
    *files += d->files_before;
}

static void a_dry_run_only_tells(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct world w;
    world_open(&w);
    fill(&w, 4, 50, &seed);
    int64_t snapshot = current_snapshot(&w);
    int told = 0;
    struct compact_options o = eager;
    o.dry_run = true;
    o.each = count_done;
    o.ctx = &told;
    assert_int_equal(compact(&w, &o).merges, 2);
    assert_int_equal(told, 8);
    assert_int_equal(current_snapshot(&w), snapshot);
    assert_int_equal(count_on_disk(&w), 8);
    world_close(&w);
}

static bool always(void *ctx) {
    (void)ctx;
    return true;
}

static void who_is_told_to_stop_leaves_nothing(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct world w;
    world_open(&w);
    fill(&w, 4, 50, &seed);
    struct compact_options o = eager;
    struct compact_report r;
    o.stop = always;
    assert_int_equal(compact_run(w.dir, NULL, &o, &r, &w.err), K2_E_CANCELLED);
    assert_int_equal(count_files(&w), 8);
    assert_int_equal(count_on_disk(&w), 8);
    world_close(&w);
}

/* --- what must not be merged --- */

static void damage_keeps_its_partition_as_it_is_and_the_others_go_on(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct world w;
    struct compact_report r;
    world_open(&w);
    fill(&w, 4, 50, &seed);
    struct lake_plan plan = plan_of(&w);
    const struct lake_file *bad = &plan.files[2];
    FILE *f = fopen(bad->path, "r+b");
    assert_non_null(f);
    fseek(f, (long)bad->bytes / 2, SEEK_SET);
    int byte = fgetc(f);
    fseek(f, -1, SEEK_CUR);
    fputc(byte ^ 1, f);
    fclose(f);
    assert_int_equal(compact_run(w.dir, NULL, &eager, &r, &w.err), K2_E_CORRUPT);
    assert_non_null(strstr(w.err.msg, bad->path));
    assert_int_equal(r.merges, 1);
    assert_int_equal(count_files(&w), 5);
    assert_int_equal(count_on_disk(&w), 9); /* the other four stay for older snapshots */
    lake_plan_free(&plan);
    world_close(&w);
}

/* The manifest says one row more than the file has: then some row is lost, and nobody knows where. */
static void rows_that_the_manifests_count_and_nobody_reads_are_told(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct world w;
    struct compact_report r;
    struct lake_table *t;
    world_open(&w);
    fill(&w, 2, 50, &seed);
    struct lake_plan plan = plan_of(&w);
    struct lake_file lying = plan.files[0];
    lying.rows++;
    CHECK_OK(lake_table_load(w.lake, K2_SV("trades"), &t, &w.err), &w.err);
    CHECK_OK(lake_data_path(t, lying.trade_date, &lying.path, &w.err), &w.err);
    lake_table_free(t);
    struct k2_buf bytes = {0};
    CHECK_OK(k2_fs_read(plan.files[0].path, &bytes, &w.err), &w.err);
    CHECK_OK(k2_fs_create(lying.path, k2_buf_view(&bytes), &w.err), &w.err);
    const struct lake_replace change = {.added = &lying,
                                        .added_count = 1,
                                        .removed = plan.files,
                                        .removed_count = 1,
                                        .commit_id = "a lie",
                                        .now_ns = eager.now_ns};
    CHECK_OK(lake_replace(w.lake, "trades", &change, NULL, &w.err), &w.err);
    int on_disk = count_on_disk(&w);
    struct compact_options o = eager;
    o.has_date = true;
    o.trade_date = lying.trade_date;
    assert_int_equal(compact_run(w.dir, NULL, &o, &r, &w.err), K2_E_DATA);
    assert_non_null(strstr(w.err.msg, "the old files stay"));
    assert_int_equal(count_files(&w), 4);
    assert_int_equal(count_on_disk(&w), on_disk);
    k2_buf_free(&bytes);
    free(lying.path);
    lake_plan_free(&plan);
    world_close(&w);
}

/* Texts that come once: more of them than are kept in memory. */
static void much_text_is_merged_in_bounded_memory(void **state) {
    (void)state;
    enum { TEXT = 16000, EVENTS = 3000 };
    struct world w;
    uint64_t seed = k2test_seed();
    char *text = k2_alloc(TEXT + 1);
    world_open(&w);
    world_engine(&w);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < EVENTS; k++) {
            struct k2_event e = world_trade(&w, "SIM", "BHP", DAY_NS + k * 1000 + i, 1, 1);
            for (int c = 0; c < TEXT; c += 8)
                snprintf(text + c, 9, "%08x", (unsigned)k2test_random(&seed));
            e.trade.venue = world_str(&w, text);
            world_append(&w, &e);
            if (k % 100 == 99)
                k2_interner_reset(w.in);
        }
        world_commit(&w);
        world_sink(&w);
    }
    struct compact_report r = compact(&w, &eager);
    assert_int_equal(r.files_before, 3);
    expect_equal(&w, 3 * EVENTS);
    free(text);
    world_close(&w);
}

static void only_one_compaction_at_a_time(void **state) {
    (void)state;
    struct world w;
    struct k2_lock *lock;
    struct compact_report r;
    world_open(&w);
    char *path = k2_path(w.dir, "run/compact.lock");
    CHECK_OK(k2_lock_take(path, "another", &lock, &w.err), &w.err);
    assert_int_equal(compact_run(w.dir, NULL, &eager, &r, &w.err), K2_E_LOCKED);
    k2_lock_release(lock);
    free(path);
    world_close(&w);
}

int main(void) {
    k2_log_setup(K2_LOG_WARN, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_question_is_answered_as_before),
        cmocka_unit_test(files_are_in_the_order_they_say_and_of_the_size_asked),
        cmocka_unit_test(random_appends_and_merges_keep_every_row),
        cmocka_unit_test(a_sink_at_work_and_compaction_do_not_hinder_each_other),
        cmocka_unit_test(work_is_done_in_pieces),
        cmocka_unit_test(a_dry_run_only_tells),
        cmocka_unit_test(who_is_told_to_stop_leaves_nothing),
        cmocka_unit_test(damage_keeps_its_partition_as_it_is_and_the_others_go_on),
        cmocka_unit_test(rows_that_the_manifests_count_and_nobody_reads_are_told),
        cmocka_unit_test(much_text_is_merged_in_bounded_memory),
        cmocka_unit_test(only_one_compaction_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
