/* Readers in other processes sleep until the one writer has synced, and no publication passes them unseen. */
#include "base/log.h"
#include "journal/journal.h"
#include "k2test.h"

#include <sys/wait.h>

enum { FOLLOWERS = 3, COMMITS = 200 };

#define FOR_EVER (600 * K2_NS_PER_SEC) /* a wake-up that is missed costs the test its time */

/* A process: it says with a byte that it saw one more record, and ends when it saw all. */
static int follow(const char *dir, int told) {
    struct k2_err err = {0};
    struct journal *j;
    int64_t end, seen = 0;
    if (journal_open(dir, JOURNAL_READ, NULL, &j, &err) != K2_OK)
        return 1;
    while (seen < COMMITS) {
        if (journal_ends(j, 0, &end, &err) != K2_OK || end < seen)
            return 2;
        for (; seen < end; seen++)
            if (write(told, "x", 1) != 1)
                return 3;
        if (seen < COMMITS)
            journal_wait(j, FOR_EVER);
    }
    journal_close(j);
    return 0;
}

static pid_t start(const char *dir, int *told) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(follow(dir, ends[1]));
    close(ends[1]);
    *told = ends[0];
    return pid;
}

static void commit_one(struct journal *j, int64_t i) {
    struct k2_err err = {0};
    k2_buf_put(journal_record_begin(j, 0, 0, K2_SV("k")), &i, sizeof i);
    assert_int_equal(journal_record_end(j, i), i);
    CHECK_OK(journal_commit(j, &err), &err);
}

static void each_commit_wakes_every_follower(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct journal_topic t;
    struct journal *j;
    struct k2_err err = {0};
    int told[FOLLOWERS];
    pid_t pids[FOLLOWERS];
    const struct journal_options o = {.segment_bytes = 8192, .partitions = 1};
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, &o, &j, &err), &err);
    CHECK_OK(journal_topic(j, K2_SV("t"), true, &t, &err), &err);
    journal_close(j);
    for (int i = 0; i < FOLLOWERS; i++) /* while nobody writes, and while we have one thread */
        pids[i] = start(dir, &told[i]);
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, &o, &j, &err), &err);
    for (int64_t n = 0; n < COMMITS; n++) {
        char seen;
        commit_one(j, n);
        for (int i = 0; i < FOLLOWERS; i++) /* the next commit only when all saw this one */
            assert_int_equal(read(told[i], &seen, 1), 1);
    }
    for (int i = 0; i < FOLLOWERS; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
        close(told[i]);
    }
    journal_close(j);
    k2test_rmdir(dir);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_commit_wakes_every_follower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
