/* tests/crash/commit_faults_test.c - ingest and sink (crash/pipeline.h) on a disk that runs full, fails
 * single operations or writes less than it was told to.
 * k2-test: timeout=300
 *
 * A step that meets a fault ends with a status and a sentence; what was acknowledged before it stands, and
 * once the disk is well again the next run brings each row into the tables exactly once.
 */
#include "base/fs.h"
#include "base/log.h"
#include "crash/pipeline.h"
#include "crash/sqlite_disk.h"
#include "k2test.h"

#include <errno.h>

/* Afterwards: nothing is lost, and it goes on. */
static void expect_recovery(struct pipeline *p, const char *what, int64_t n) {
    if (!pipeline_check(p) || !pipeline_finish(p))
        fail_msg("%s %lld: %s", what, (long long)n, p->why);
}

/* --- a full disk --- */

static void expect_full(const struct k2_err *err, int rc) {
    assert_int_equal(rc, err->status);
    if (!strstr(err->msg, "No space left") && !strstr(err->msg, "disk is full"))
        fail_msg("it does not say that the disk is full: %s", err->msg);
}

/* One step with room for so many bytes more; true once they are enough. */
static bool fits(bool sink, int64_t room) {
    struct pipeline *p = pipeline_new();
    struct k2_err err = {0};
    CHECK_OK(pipeline_ingest(p, 0, 40, &err), &err);
    CHECK_OK(pipeline_sink(p, &err), &err);
    if (sink)
        CHECK_OK(pipeline_ingest(p, 40, PIPELINE_EVENTS, &err), &err);
    disk_room(p->disk, room);
    int rc = sink ? pipeline_sink(p, &err) : pipeline_ingest(p, 40, PIPELINE_EVENTS, &err);
    if (rc != K2_OK)
        expect_full(&err, rc);
    disk_calm(p->disk);
    expect_recovery(p, "room for bytes:", room);
    pipeline_cut(p, 0);
    expect_recovery(p, "cut after room for bytes:", room);
    pipeline_free(p);
    return rc == K2_OK;
}

static void full_disk_in_the_middle_of_ingest_loses_nothing(void **state) {
    (void)state;
    int64_t room = 0;
    while (!fits(false, room))
        room += 331;
    assert_true(room > 5000);
}

static void full_disk_in_the_middle_of_the_sink_loses_nothing(void **state) {
    (void)state;
    int64_t room = 0;
    while (!fits(true, room))
        room += 1723;
    assert_true(room > 50000);
}

/* --- one operation fails --- */

static const char *const op_names[DISK_OPS] = {
    "open", "write", "truncate", "sync", "rename", "unlink", "mkdir", "sync of a directory"};

/* The n-th operation of a kind on such paths fails, then all goes on. Gives the status of the run that
 * met it. */
static int fail_one(enum disk_op op, const char *pattern, int64_t n, bool cut, bool *reached) {
    struct pipeline *p = pipeline_new();
    struct k2_err err = {0};
    disk_fail(p->disk, op, pattern, n, EIO);
    int rc = pipeline_run(p, NULL, NULL, &err);
    *reached = disk_count(p->disk, op) >= n;
    if (rc != K2_OK && (rc != err.status || err.msg[0] == 0))
        fail_msg("%s %lld failed without a word", op_names[op], (long long)n);
    disk_calm(p->disk);
    if (cut)
        pipeline_cut(p, 0);
    expect_recovery(p, op_names[op], n);
    pipeline_free(p);
    return rc;
}

static void any_one_failure_loses_nothing(void **state) {
    (void)state;
    for (enum disk_op op = 0; op < DISK_OPS; op++) {
        bool reached = true;
        int64_t n = 0;
        while (reached) {
            n++;
            (void)!fail_one(op, "*", n, n % 4 != 0, &reached);
        }
        print_message("%lld failures of %s\n", (long long)n - 1, op_names[op]);
        assert_true(n > 1);
    }
}

/* Not an index of the journal: what is missing there is made again. */
static void failure_of_what_is_acknowledged_is_told(void **state) {
    (void)state;
    static const char *const patterns[] = {
        "*.seg",        "*/journal/meta.*",    "*/schemas.json*", "*/positions/*",
        "*.parquet",    "*-m0.avro",           "*/snap-*.avro",   "*.metadata.json",
        "*/catalog.db", "*/catalog.db-journal"};
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        for (int64_t n = 1; n <= 2; n++) {
            bool reached;
            if (fail_one(DISK_WRITE, patterns[i], n, false, &reached) == K2_OK ||
                fail_one(DISK_SYNC, patterns[i], n, false, &reached) == K2_OK)
                fail_msg("write or sync %lld of %s failed and nobody said so", (long long)n,
                         patterns[i]);
        }
    }
}

/* --- short and interrupted writes --- */

static long interrupted;

static ssize_t write_less(int fd, const void *bytes, size_t n, off_t at) {
    if (++interrupted % 3 == 0) {
        errno = EINTR;
        return -1;
    }
    return pwrite(fd, bytes, n > 1 ? n / 2 : n, at);
}

static void short_writes_are_continued(void **state) {
    (void)state;
    struct pipeline *p = pipeline_new();
    struct k2_fs_ops ops = k2_fs_system;
    struct k2_err err = {0};
    ops.pwrite = write_less;
    k2_fs_use(&ops);
    CHECK_OK(pipeline_run(p, NULL, NULL, &err), &err);
    assert_true(interrupted > 300);
    expect_recovery(p, "short writes", interrupted);
    if (!pipeline_reconcile(p))
        fail_msg("%s", p->why);
    pipeline_free(p);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR + 1, false); /* failures are what is wanted here */
    sqlite_disk_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_writes_are_continued),
        cmocka_unit_test(full_disk_in_the_middle_of_ingest_loses_nothing),
        cmocka_unit_test(full_disk_in_the_middle_of_the_sink_loses_nothing),
        cmocka_unit_test(any_one_failure_loses_nothing),
        cmocka_unit_test(failure_of_what_is_acknowledged_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
