/* tests/crash/compact_powercut_test.c - compaction on a disk that loses power.
 * k2-test: timeout=600
 *
 * The workload of crash/pipeline.h leaves tables of many small files; then they are compacted, and the power
 * goes at each operation of that in turn, SQLite's included, with other parts of what was not synced. The
 * tables then hold the old files or the new ones, never both and never a part: rows, offsets and every
 * checksum are as they were; and compaction and sink go on. That each sync is needed is shown by ignoring it.
 */
#include "base/log.h"
#include "crash/pipeline.h"
#include "crash/sqlite_disk.h"
#include "k2test.h"
#include "query/query.h"

static const struct compact_options options = {
    .target_bytes = COMPACT_TARGET, .eager = true, .now_ns = INT64_C(1700001000) * 1000000000};

struct run {
    struct pipeline *p;
    int before; /* data files of all tables, before it */
};

static int count_files(struct pipeline *p) {
    struct k2_err err = {0};
    struct lake *l;
    int n = 0;
    CHECK_OK(lake_open(p->data, false, &l, &err), &err);
    for (int k = 0; k < K2_KIND_COUNT; k++) {
        struct lake_table *t;
        struct lake_plan plan;
        const char *name = k2_kind((enum k2_kind_id)k)->table;
        CHECK_OK(lake_table_load(l, k2_sv_of(name), &t, &err), &err);
        CHECK_OK(lake_plan(t, 0, NULL, 0, &plan, &err), &err);
        n += plan.file_count;
        lake_plan_free(&plan);
        lake_table_free(t);
    }
    lake_close(l);
    return n;
}

static struct run begin(void) {
    struct k2_err err = {0};
    struct run r = {.p = pipeline_new()};
    CHECK_OK(pipeline_run(r.p, NULL, NULL, &err), &err);
    pipeline_cut(r.p, 0);
    r.before = count_files(r.p);
    disk_calm(r.p->disk);
    return r;
}

static int compact(struct pipeline *p, struct compact_report *r, struct k2_err *err) {
    return compact_run(p->data, NULL, &options, r, err);
}

static void complain(struct pipeline *p, const char *what) {
    snprintf(p->why, sizeof p->why, "%s", what);
}

/* What is there after the cut, and that it goes on from there. */
static bool recovers(struct run *r, bool deep) {
    struct k2_err err = {0};
    struct compact_report report;
    if (!pipeline_check(r->p))
        return false;
    if (compact(r->p, &report, &err) != K2_OK) {
        complain(r->p, err.msg);
        return false;
    }
    if (count_files(r->p) >= r->before) {
        complain(r->p, "nothing was merged");
        return false;
    }
    return pipeline_finish(r->p) && (!deep || pipeline_reconcile(r->p));
}

/* True when compaction ended before the cut. */
static bool cut_once(int64_t cut_at, uint64_t seed) {
    struct run r = begin();
    struct compact_report report;
    struct k2_err err = {0};
    disk_power_off_at(r.p->disk, cut_at);
    bool complete = compact(r.p, &report, &err) == K2_OK;
    pipeline_cut(r.p, seed);
    int files = count_files(r.p);
    if (files > r.before || (complete && files == r.before))
        fail_msg("cut at operation %lld: %d files of %d", (long long)cut_at, files, r.before);
    if (!recovers(&r, cut_at % 8 == 0 || complete))
        fail_msg("cut at operation %lld, seed %#llx: %s", (long long)cut_at,
                 (unsigned long long)seed, r.p->why);
    pipeline_free(r.p);
    return complete;
}

static void no_cut_loses_or_doubles_a_row(void **state) {
    (void)state;
    uint64_t seeds = k2test_seed();
    int64_t cut_at = 0;
    bool complete = false;
    while (!complete) {
        cut_at++;
        complete = cut_once(cut_at, 0);
        if (!complete)
            (void)cut_once(cut_at, k2test_random(&seeds) | 1);
    }
    print_message("%lld cut points\n", (long long)cut_at);
    assert_true(cut_at > 60);
}

/* Killed, the power stays on: what is there is built upon, then the power goes. */
static void a_killed_compaction_is_built_upon(void **state) {
    (void)state;
    bool complete = false;
    for (int64_t kill_at = 1; !complete; kill_at += 3) {
        struct run r = begin();
        struct compact_report report;
        struct k2_err err = {0};
        disk_power_off_at(r.p->disk, kill_at);
        complete = compact(r.p, &report, &err) == K2_OK;
        disk_calm(r.p->disk);
        CHECK_OK(compact(r.p, &report, &err), &err);
        pipeline_cut(r.p, 0);
        if (!recovers(&r, false))
            fail_msg("killed at operation %lld: %s", (long long)kill_at, r.p->why);
        pipeline_free(r.p);
    }
}

static const struct {
    enum disk_op op;
    const char *pattern;
} syncs[] = {
    {DISK_SYNC, "*.parquet"},     {DISK_SYNC_DIR, "*/trade_date=*"}, {DISK_SYNC, "*-m0.avro"},
    {DISK_SYNC, "*/snap-*.avro"}, {DISK_SYNC, "*.metadata.json"},    {DISK_SYNC_DIR, "*/metadata"},
    {DISK_SYNC, "*/catalog.db"},
};

static void every_sync_is_needed(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof syncs / sizeof *syncs; i++) {
        struct run r = begin();
        struct compact_report report;
        struct k2_err err = {0};
        disk_ignore(r.p->disk, syncs[i].op, syncs[i].pattern, 0);
        CHECK_OK(compact(r.p, &report, &err), &err);
        pipeline_cut(r.p, 0);
        if (pipeline_check(r.p) && count_files(r.p) < r.before)
            fail_msg("nobody notices that the sync of %s is ignored", syncs[i].pattern);
        pipeline_free(r.p);
    }
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR + 1, false); /* failures are what is wanted here */
    sqlite_disk_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_cut_loses_or_doubles_a_row),
        cmocka_unit_test(a_killed_compaction_is_built_upon),
        cmocka_unit_test(every_sync_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
