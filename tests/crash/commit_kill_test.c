/* tests/crash/commit_kill_test.c - the way from the feed to the tables, killed and then without power, and with each
 * of its syncs ignored.
 * k2-test: timeout=1200
 *
 * The workload and the promises are those of commit_powercut_test.c. That each sync is needed is shown by ignoring it:
 * some cut must then break a promise.
 */
#include "base/log.h"
#include "crash/cut.h"
#include "crash/sqlite_disk.h"
#include "k2test.h"

/* The next process goes on to the end, or only the sink does; both end well, so their word counts. */
static bool goes_on(struct pipeline *p, bool to_the_end) {
    struct k2_err err = {0};
    if (to_the_end)
        return pipeline_finish(p);
    int rc = pipeline_sink(p, &err);
    if (rc == K2_OK || rc == K2_E_NOTFOUND) /* no journal yet */
        return true;
    snprintf(p->why, sizeof p->why, "%s", err.msg);
    return false;
}

/* True when the workload ended before it could be killed. */
static bool kill_then_cut(int64_t kill_at, bool to_the_end) {
    struct pipeline *p = pipeline_new();
    bool complete = cut_run_until(p, NULL, kill_at);
    disk_calm(p->disk);
    if (!goes_on(p, to_the_end))
        fail_msg("killed at operation %lld: %s", (long long)kill_at, p->why);
    pipeline_cut(p, 0);
    if (!pipeline_check(p) || !pipeline_finish(p))
        fail_msg("killed at operation %lld, then cut: %s", (long long)kill_at, p->why);
    pipeline_free(p);
    return complete;
}

/* The process is killed and the power stays on; the next one goes on, and then the power goes: what the
 * killed one had not synced must not have been built upon. */
static void what_a_killed_process_left_unsynced_is_not_built_upon(void **state) {
    (void)state;
    int64_t kill_at = 1;
    while (!kill_then_cut(kill_at, true) && !kill_then_cut(kill_at, false))
        kill_at++;
    assert_true(kill_at > 300);
}

/* --- every sync is needed --- */

static const struct mutation mutations[] = {
    {DISK_SYNC, "*.seg", "ingest", false},            /* group commit */
    {DISK_SYNC_DIR, "*/journal", "ingest", false},    /* names of segments, meta, schemas */
    {DISK_SYNC, "*/journal/meta.*", "ingest", false}, /* topics */
    {DISK_SYNC, "*/schemas.json*", NULL, false},      /* the schema of a record that is durable */
    {DISK_SYNC, "*/positions/sink*", NULL, false},    /* what retention trusts */
    {DISK_SYNC_DIR, "*/k2", "ingest", false},         /* journal/ */
    {DISK_SYNC_DIR, "*/k2", "tables", false},         /* warehouse/, catalog.db */
    {DISK_SYNC_DIR, "*/warehouse", NULL, false},      /* market_data/ */
    {DISK_SYNC_DIR, "*/market_data", NULL, false},    /* trades/ */
    {DISK_SYNC_DIR, "*/trades", NULL, false},         /* metadata/, data/ */
    {DISK_SYNC_DIR, "*/trades/data", NULL, false},    /* trade_date=.../ */
    {DISK_SYNC_DIR, "*/trade_date=*", NULL, false},   /* names of data files */
    {DISK_SYNC, "*.parquet", NULL, false},            /* data files */
    {DISK_SYNC, "*-m0.avro", NULL, false},            /* manifests */
    {DISK_SYNC, "*-m1.avro", NULL, false},            /* merged manifests */
    {DISK_SYNC, "*/snap-*.avro", NULL, false},        /* manifest lists */
    {DISK_SYNC, "*.metadata.json", NULL, false},      /* table metadata */
    {DISK_SYNC_DIR, "*/metadata", "tables", false},   /* its name */
    {DISK_SYNC_DIR, "*/metadata", "sink", false},     /* its name, and those of the manifests */
    {DISK_SYNC, "*/catalog.db-journal", NULL, false}, /* SQLite: what to undo */
    {DISK_SYNC, "*/catalog.db", NULL, false},         /* SQLite: the pages */
    {DISK_SYNC_DIR, "*/k2", "sink", false},           /* SQLite: the end of a transaction */
    {DISK_OPS, "PRAGMA synchronous", NULL, true},     /* FULL does not sync that end */
};

enum { STRIDE = 23 };

/* Whether some cut shows that the sync was needed: most do at the end of the workload already, and the others at many
 * operations in a row, so every 23rd is tried before those between. */
static bool is_noticed(const struct mutation *m, char *why) {
    uint64_t seeds = k2test_seed(), seed[4] = {0};
    for (int s = 1; s < 4; s++)
        seed[s] = k2test_random(&seeds) | 1;
    for (int s = 0; s < 4; s++)
        if (cut_run_once(m, 0, seed[s], why) == LOST)
            return true;
    for (int first = 1; first <= STRIDE; first++)
        for (int s = 0; s < 4; s++) {
            enum outcome out = HELD;
            for (int64_t cut_at = first; out == HELD; cut_at += STRIDE)
                out = cut_run_once(m, cut_at, seed[s], why);
            if (out == LOST)
                return true;
        }
    return false;
}

static void every_sync_is_needed(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof mutations / sizeof *mutations; i++) {
        const struct mutation *m = &mutations[i];
        char why[1200];
        const char *when = m->step ? m->step : "always";
        sqlite_disk_ignore_synchronous(m->synchronous);
        bool noticed = is_noticed(m, why);
        sqlite_disk_ignore_synchronous(false);
        if (!noticed)
            fail_msg("no cut notices that sync %s is ignored (%s)", m->pattern, when);
        print_message("without sync %-22s (%s): %.100s\n", m->pattern, when, why);
    }
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR + 1, false); /* failures are what is wanted here */
    sqlite_disk_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_killed_process_left_unsynced_is_not_built_upon),
        cmocka_unit_test(every_sync_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
