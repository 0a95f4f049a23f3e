/* tests/crash/platform_powercut_test.c - a running platform on a disk that loses power.
 * k2-test: timeout=300
 *
 * A platform with a followed file, a directory and a sink is stepped by hand through a fixed workload, again
 * and again; each time the power goes at another operation, SQLite's included, and the roles go on failing
 * for a while before they are stopped. Afterwards what had been durable must be there, and the same
 * platform, started again, must bring each row of the files into the journal and the tables exactly once:
 * the marks, from which it goes on reading, are then never ahead of the rows.
 */
#include "unit/role/place.h"

#include "base/log.h"
#include "crash/disk.h"
#include "crash/sqlite_disk.h"

#define CONFIG                                                                                     \
    "[http]\nenabled = false\n[journal]\nsegment_bytes = 8KB\npartitions = 2\n"                    \
    "[feed.asx]\nformat = asx-csv\nsource = @/1_BHP.csv\n"                                         \
    "[feed.files]\nformat = asx-csv\nsource = @/in\n"
enum { FOLLOWED = 100, IN_DIRECTORY = 40, ALL = FOLLOWED + IN_DIRECTORY };

struct run {
    struct place p;
    struct disk *disk;
    int64_t cut_at;
    int64_t durable; /* rows, when the power was last seen to be on */
    char why[600];
};

static bool complain(struct run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool complain(struct run *r, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->why, sizeof r->why, fmt, args);
    va_end(args);
    return false;
}

/* --- the workload --- */

static bool has_power(const struct run *r) {
    return r->cut_at == 0 || disk_count(r->disk, DISK_OPS) < r->cut_at;
}

static void step(struct run *r, int64_t seconds) {
    r->p.now_ns += seconds * K2_NS_PER_SEC;
    for (int i = 0; i < 50 && place_step(&r->p, PLACE_INGEST) == 0; i++)
        ;
    if (has_power(r) && place_view(&r->p, "ingest").state == AGENT_UP)
        r->durable = place_records(&r->p, "market.ticks.asx");
}

static void sink(struct run *r) {
    r->p.now_ns += 3600 * K2_NS_PER_SEC;
    place_step(&r->p, PLACE_SINK);
}

static void work(struct run *r) {
    step(r, 0);
    sink(r);
    place_rows(&r->p, "1_BHP.csv", 60, 80, 10);
    place_rows(&r->p, "in/3_RIO.csv", 0, 15, 10);
    step(r, 2);
    step(r, 30);
    sink(r);
    place_rows(&r->p, "1_BHP.csv", 80, FOLLOWED, 10);
    step(r, 2);
}

/* True when it came to its end with power. */
static bool run_until_cut(struct run *r) {
    struct place *p = &r->p;
    struct k2_err err = {0};
    if (r->cut_at > 0)
        disk_power_off_at(r->disk, r->cut_at);
    if (role_platform_open(p->data, p->config, &p->platform, &p->err) != K2_OK)
        return false;
    work(r);
    struct role_platform *platform = p->platform;
    p->platform = NULL;
    int rc = role_platform_close(platform, &err);
    if (rc != K2_OK && has_power(r))
        fail_msg("%s", err.msg);
    return rc == K2_OK && has_power(r);
}

/* --- what must hold --- */

static int64_t table_rows(struct run *r) {
    struct lake *l;
    struct lake_table *t;
    struct lake_plan plan;
    int64_t rows = 0;
    CHECK_OK(lake_open(r->p.data, false, &l, &r->p.err), &r->p.err);
    CHECK_OK(lake_table_load(l, K2_SV("trades"), &t, &r->p.err), &r->p.err);
    CHECK_OK(lake_plan(t, 0, NULL, 0, &plan, &r->p.err), &r->p.err);
    for (int i = 0; i < plan.file_count; i++)
        rows += plan.files[i].rows;
    lake_plan_free(&plan);
    lake_table_free(t);
    lake_close(l);
    return rows;
}

static bool reconciles(struct run *r) {
    struct reconcile_report report;
    struct query_engine *q;
    const struct query_options options = {.threads = 1};
    CHECK_OK(query_open(r->p.data, &options, &q, &r->p.err), &r->p.err);
    CHECK_OK(reconcile_run(r->p.data, q, NULL, NULL, &report, &r->p.err), &r->p.err);
    bool equal = reconcile_equal(&report) && report.lag == 0;
    if (!equal)
        complain(r, "reconcile: %s", report.first);
    reconcile_free(&report);
    query_close(q);
    return equal;
}

/* The power may have gone before the workload wrote them. */
static void write_all_files(struct run *r) {
    char *path = place_path(&r->p, "1_BHP.csv");
    struct stat st;
    bool whole = stat(path, &st) == 0 && st.st_size >= (int64_t)FOLLOWED * 36;
    free(path);
    if (!whole) {
        place_rows(&r->p, "1_BHP.csv", 0, FOLLOWED, 10);
        place_rows(&r->p, "in/3_RIO.csv", 0, 15, 10);
    }
}

static bool goes_on(struct run *r) {
    struct place *p = &r->p;
    const int64_t durable = r->durable; /* before the cut */
    write_all_files(r);
    if (role_platform_open(p->data, p->config, &p->platform, &p->err) != K2_OK)
        return complain(r, "it does not start again: %s", p->err.msg);
    int64_t left = place_records(p, "market.ticks.asx");
    for (int i = 0; i < 4; i++)
        step(r, 30);
    place_close(p);
    int64_t rows = place_records(p, "market.ticks.asx");
    if (left < durable)
        return complain(r, "%lld rows were durable, %lld are left", (long long)durable,
                        (long long)left);
    if (rows != ALL || place_records(p, "market.quarantine.asx") != 0)
        return complain(r, "%lld rows in the journal, not %d", (long long)rows, ALL);
    if (table_rows(r) != ALL)
        return complain(r, "%lld rows in the table, not %d", (long long)table_rows(r), ALL);
    return r->cut_at % 16 != 0 || reconciles(r);
}

/* --- runs --- */

enum outcome { HELD, LOST, COMPLETE /* and held: there was no operation at which to cut */ };

static enum outcome run_once(int64_t cut_at, uint64_t seed, const char *ignored, char why[600]) {
    struct run r = {.p = place_make(), .cut_at = cut_at};
    char *in = place_path(&r.p, "in");
    assert_int_equal(mkdir(in, 0777), 0);
    free(in);
    place_rows(&r.p, "1_BHP.csv", 0, 60, 10);
    place_rows(&r.p, "in/2_CBA.csv", 0, IN_DIRECTORY - 15, 10);
    place_configure(&r.p, CONFIG);
    r.disk = disk_mount(r.p.root);
    if (ignored)
        disk_ignore(r.disk, DISK_SYNC, ignored, 0);
    bool complete = run_until_cut(&r);
    disk_cut(r.disk, seed);
    disk_calm(r.disk);
    enum outcome out = !goes_on(&r) ? LOST : complete ? COMPLETE : HELD;
    memcpy(why, r.why, sizeof r.why);
    disk_unmount(r.disk);
    place_free(&r.p);
    return out;
}

static void no_cut_loses_or_doubles_a_row(void **state) {
    (void)state;
    char why[600];
    uint64_t seeds = k2test_seed();
    enum outcome out = HELD;
    int cuts = 0;
    for (int64_t cut_at = 1; out != COMPLETE; cut_at += 1 + (int64_t)(k2test_random(&seeds) % 2)) {
        uint64_t seed = ++cuts % 3 == 0 ? 0 : k2test_random(&seeds) | 1;
        out = run_once(cut_at, seed, NULL, why);
        if (out == LOST)
            fail_msg("cut at operation %lld, seed %#llx: %s", (long long)cut_at,
                     (unsigned long long)seed, why);
    }
    print_message("%d cuts\n", cuts);
    assert_true(cuts > 100);
}

/* The test would notice: without the syncs of the log what was called durable is lost. */
static void a_sync_of_the_log_that_is_left_out_is_noticed(void **state) {
    (void)state;
    char why[600];
    assert_int_equal(run_once(0, 0, "*.seg", why), LOST);
    print_message("%s\n", why);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR, false); /* failures are expected here */
    sqlite_disk_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_cut_loses_or_doubles_a_row),
        cmocka_unit_test(a_sync_of_the_log_that_is_left_out_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
