/* The lock between processes: held, released, and left behind by a killed one. */
#include "base/fs.h"
#include "k2test.h"

#include <signal.h>
#include <sys/wait.h>

static struct k2_err err;
static char *dir, *path;

static int make_dir(void **state) {
    (void)state;
    dir = k2test_dir();
    path = k2_path(dir, "lock");
    return 0;
}

static int remove_dir(void **state) {
    (void)state;
    free(path);
    k2test_rmdir(dir);
    return 0;
}

/* A child that has taken the lock and waits to be killed. */
static pid_t locking_child(void) {
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct k2_lock *lock;
        struct k2_err failed;
        char byte = k2_lock_take(path, "k2 ingest", &lock, &failed) == K2_OK ? 'y' : 'n';
        (void)!write(ready[1], &byte, 1);
        for (;;)
            pause();
    }
    char byte;
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    close(ready[0]);
    return pid;
}

static void a_lock_held_by_another_process_names_it(void **state) {
    (void)state;
    pid_t pid = locking_child();
    struct k2_lock *lock;
    char holder[64];
    CHECK_STATUS(k2_lock_take(path, "k2 sink", &lock, &err), K2_E_LOCKED);
    snprintf(holder, sizeof holder, "pid %d (k2 ingest)", pid);
    assert_non_null(strstr(err.msg, holder));
    assert_non_null(strstr(err.msg, path));
    assert_true(err.retriable);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    CHECK_OK(k2_lock_take(path, "k2 sink", &lock, &err), &err);
    k2_lock_release(lock);
}

static void a_lock_is_exclusive_within_a_process_and_free_after_release(void **state) {
    (void)state;
    struct k2_lock *lock, *second;
    for (int i = 0; i < 3; i++) {
        CHECK_OK(k2_lock_take(path, "k2 up", &lock, &err), &err);
        CHECK_STATUS(k2_lock_take(path, "k2 up", &second, &err), K2_E_LOCKED);
        k2_lock_release(lock);
    }
    k2_lock_release(NULL);
}

static void a_forked_child_does_not_keep_a_released_lock(void **state) {
    (void)state;
    struct k2_lock *lock, *again;
    CHECK_OK(k2_lock_take(path, "k2 up", &lock, &err), &err);
    pid_t pid = fork();
    if (pid == 0) {
        for (;;)
            pause();
    }
    k2_lock_release(lock);
    CHECK_OK(k2_lock_take(path, "k2 up", &again, &err), &err);
    k2_lock_release(again);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_lock_in_no_directory_is_an_error_that_names_it(void **state) {
    (void)state;
    struct k2_lock *lock;
    char *nowhere = k2_path(dir, "missing/lock");
    CHECK_STATUS(k2_lock_take(nowhere, "k2 up", &lock, &err), K2_E_IO);
    assert_non_null(strstr(err.msg, nowhere));
    free(nowhere);
}

#define LOCK_TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

static void a_look_names_the_holder_and_takes_nothing(void **state) {
    (void)state;
    struct k2_lock_holder holder;
    struct k2_lock *lock;
    CHECK_OK(k2_lock_look(path, &holder, &err), &err);
    assert_int_equal(holder.pid, 0); /* there is no file */
    pid_t pid = locking_child();
    CHECK_OK(k2_lock_look(path, &holder, &err), &err);
    assert_int_equal(holder.pid, pid);
    assert_string_equal(holder.command, "k2 ingest");
    assert_true(holder.alive);
    assert_true(holder.since_ns > 0);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    CHECK_OK(k2_lock_look(path, &holder, &err), &err);
    assert_int_equal(holder.pid, pid); /* its name is still there */
    assert_false(holder.alive);
    CHECK_OK(k2_lock_take(path, "k2 sink", &lock, &err), &err);
    CHECK_OK(k2_lock_look(path, &holder, &err), &err); /* our own is seen too */
    assert_int_equal(holder.pid, getpid());
    assert_true(holder.alive);
    k2_lock_release(lock);
    CHECK_OK(k2_lock_look(path, &holder, &err), &err);
    assert_int_equal(holder.pid, 0);
}

static void a_text_that_is_no_signature_is_nobody(void **state) {
    (void)state;
    struct k2_lock_holder holder;
    CHECK_OK(k2_fs_replace(path, K2_SV("pid x (k2)"), &err), &err);
    CHECK_OK(k2_lock_look(path, &holder, &err), &err);
    assert_int_equal(holder.pid, 0);
    assert_false(holder.alive);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        LOCK_TEST(a_lock_held_by_another_process_names_it),
        LOCK_TEST(a_lock_is_exclusive_within_a_process_and_free_after_release),
        LOCK_TEST(a_forked_child_does_not_keep_a_released_lock),
        LOCK_TEST(a_lock_in_no_directory_is_an_error_that_names_it),
        LOCK_TEST(a_look_names_the_holder_and_takes_nothing),
        LOCK_TEST(a_text_that_is_no_signature_is_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
