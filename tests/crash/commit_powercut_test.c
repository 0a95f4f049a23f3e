/* tests/crash/commit_powercut_test.c - the way from the feed to the tables on a disk that loses power.
 * k2-test: timeout=1200
 *
 * A fixed workload (crash/pipeline.h: ingest and sink in turn, several commits, merged manifests, deleted
 * old metadata) runs again and again; each time the power goes at another operation, SQLite's included,
 * and the disk then holds another part of what was not synced. Afterwards the promises must hold, and
 * the same feed and the sink again must bring each row into the tables exactly once.
 */
#include "base/log.h"
#include "crash/cut.h"
#include "crash/sqlite_disk.h"
#include "k2test.h"

static void no_cut_loses_or_doubles_a_row(void **state) {
    (void)state;
    char why[1200];
    uint64_t seeds = k2test_seed();
    int64_t cut_at = 1;
    for (enum outcome out = HELD; out != COMPLETE; cut_at++) {
        for (uint64_t s = 0; s < 3; s++) {
            uint64_t seed = s == 0 ? 0 : k2test_random(&seeds) | 1;
            out = cut_run_once(NULL, cut_at, seed, why);
            if (out == LOST)
                fail_msg("cut at operation %lld, seed %#llx: %s", (long long)cut_at,
                         (unsigned long long)seed, why);
            if (out == COMPLETE)
                break;
        }
    }
    print_message("%lld cut points\n", (long long)cut_at);
    assert_true(cut_at > 300);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR + 1, false); /* failures are what is wanted here */
    sqlite_disk_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_cut_loses_or_doubles_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
