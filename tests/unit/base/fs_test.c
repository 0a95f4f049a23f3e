/* Files: what is created, replaced and listed, and what is synced in which order. */
#include "base/fs.h"
#include "k2test.h"

#include <errno.h>
#include <fcntl.h>

static struct k2_err err;
static char *dir;

static int make_dir(void **state) {
    (void)state;
    dir = k2test_dir();
    return 0;
}

static int remove_dir(void **state) {
    (void)state;
    k2_fs_use(NULL);
    k2test_rmdir(dir);
    return 0;
}

static void assert_holds(const char *path, const char *text) {
    struct k2_buf b = {0};
    CHECK_OK(k2_fs_read(path, &b, &err), &err);
    assert_string_equal(k2_buf_cstr(&b), text);
    k2_buf_free(&b);
}

static size_t count_names(const char *path) {
    char **names;
    size_t n;
    CHECK_OK(k2_fs_list(path, &names, &n, &err), &err);
    k2_fs_names_free(names, n);
    return n;
}

static void a_created_file_is_never_created_again(void **state) {
    (void)state;
    char *path = k2_path(dir, "new");
    CHECK_OK(k2_fs_create(path, K2_SV("first"), &err), &err);
    CHECK_STATUS(k2_fs_create(path, K2_SV("second"), &err), K2_E_EXISTS);
    assert_non_null(strstr(err.msg, path));
    assert_holds(path, "first");
    assert_int_equal(k2_fs_size(path), 5);
    free(path);
}

static void a_replaced_file_holds_the_new_bytes_and_leaves_no_other(void **state) {
    (void)state;
    char *path = k2_path(dir, "file");
    CHECK_OK(k2_fs_replace(path, K2_SV("a long first text"), &err), &err);
    CHECK_OK(k2_fs_replace(path, K2_SV("short"), &err), &err);
    assert_holds(path, "short");
    CHECK_OK(k2_fs_replace(path, K2_SV(""), &err), &err);
    assert_holds(path, "");
    assert_int_equal(count_names(dir), 1);
    free(path);
}

static void names_are_listed_in_byte_order(void **state) {
    (void)state;
    static const char *const made[] = {"b", "a", "B", "10", "9", ".hidden", "a.tmp", "\xc3\xa9"};
    static const char *const sorted[] = {".hidden", "10", "9", "B", "a", "a.tmp", "b", "\xc3\xa9"};
    for (size_t i = 0; i < 8; i++) {
        char *path = k2_path(dir, made[i]);
        CHECK_OK(k2_fs_create(path, K2_SV(""), &err), &err);
        free(path);
    }
    char **names;
    size_t n;
    CHECK_OK(k2_fs_list(dir, &names, &n, &err), &err);
    assert_int_equal(n, 8);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(names[i], sorted[i]);
    k2_fs_names_free(names, n);
}

static void what_is_missing_is_not_found_and_removing_it_is_fine(void **state) {
    (void)state;
    char *path = k2_path(dir, "missing"), **names, *absolute;
    size_t n;
    struct k2_buf b = {0};
    CHECK_STATUS(k2_fs_read(path, &b, &err), K2_E_NOTFOUND);
    assert_non_null(strstr(err.msg, path));
    CHECK_STATUS(k2_fs_list(path, &names, &n, &err), K2_E_NOTFOUND);
    CHECK_STATUS(k2_fs_absolute(path, &absolute, &err), K2_E_NOTFOUND);
    CHECK_OK(k2_fs_unlink(path, &err), &err);
    assert_false(k2_fs_exists(path));
    assert_int_equal(k2_fs_size(path), -1);
    free(path);
}

static void directories_are_made_with_their_parents(void **state) {
    (void)state;
    char *path = k2_path(dir, "a/b//c/"), *file = k2_path(path, "file");
    CHECK_OK(k2_fs_mkdirs(path, &err), &err);
    CHECK_OK(k2_fs_mkdirs(path, &err), &err);
    CHECK_OK(k2_fs_create(file, K2_SV("x"), &err), &err);
    CHECK_STATUS(k2_fs_mkdirs(file, &err), K2_E_IO);
    assert_non_null(strstr(err.msg, "File exists"));
    char *absolute, *expected = k2_path(dir, "a/b/c/file"), *resolved;
    CHECK_OK(k2_fs_absolute(file, &absolute, &err), &err);
    CHECK_OK(k2_fs_absolute(expected, &resolved, &err), &err);
    assert_string_equal(absolute, resolved);
    free(absolute);
    free(resolved);
    free(expected);
    free(file);
    free(path);
}

static void relative_paths_work_from_the_current_directory(void **state) {
    (void)state;
    char before[4096];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(dir), 0);
    CHECK_OK(k2_fs_mkdirs("x/y", &err), &err);
    CHECK_OK(k2_fs_create("plain", K2_SV("1"), &err), &err);
    CHECK_OK(k2_fs_replace("x/y/deep", K2_SV("2"), &err), &err);
    assert_int_equal(count_names("."), 2);
    assert_int_equal(chdir(before), 0);
}

static void a_path_has_one_slash_between_its_parts(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "b"}};
    for (size_t i = 0; i < 4; i++) {
        char *path = k2_path(cases[i][0], cases[i][1]);
        assert_string_equal(path, cases[i][2]);
        free(path);
    }
}

static void reading_appends_and_writing_goes_where_it_is_told(void **state) {
    (void)state;
    char *path = k2_path(dir, "file");
    int fd;
    CHECK_OK(k2_fs_open(path, O_RDWR | O_CREAT, &fd, &err), &err);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CHECK_OK(k2_fs_pwrite(fd, "world", 5, 6, path, &err), &err);
    CHECK_OK(k2_fs_pwrite(fd, "hello ", 6, 0, path, &err), &err);
    CHECK_OK(k2_fs_sync(fd, path, &err), &err);
    struct k2_buf b = {0};
    k2_buf_str(&b, "> ");
    CHECK_OK(k2_fs_read(path, &b, &err), &err);
    assert_string_equal(k2_buf_cstr(&b), "> hello world");
    CHECK_OK(k2_fs_truncate(fd, 5, path, &err), &err);
    assert_holds(path, "hello");
    CHECK_OK(k2_fs_close(fd, path, &err), &err);
    CHECK_STATUS(k2_fs_close(fd, path, &err), K2_E_IO);
    CHECK_STATUS(k2_fs_open(dir, O_WRONLY, &fd, &err), K2_E_IO);
    k2_buf_free(&b);
    free(path);
}

/* --- a disk that notes what is asked of it and fails where it is told to --- */

static char trace[256];
static const char *fail_at = "";

static int noted(const char *name) {
    size_t n = strlen(trace);
    snprintf(trace + n, sizeof trace - n, "%s ", name);
    if (strcmp(name, fail_at) != 0)
        return 0;
    errno = EIO;
    return -1;
}

static int traced_open(const char *path, int flags, mode_t mode) {
    return noted("open") < 0 ? -1 : k2_fs_system.open(path, flags, mode);
}

static ssize_t traced_pwrite(int fd, const void *bytes, size_t n, off_t at) {
    if (noted("write") < 0)
        return -1;
    return k2_fs_system.pwrite(fd, bytes, n > 3 ? 3 : n, at); /* never more than 3 bytes at once */
}

static int traced_sync(int fd) {
    return noted("sync") < 0 ? -1 : k2_fs_system.sync(fd);
}

static int traced_close(int fd) {
    (void)k2_fs_system.close(fd);
    return noted("close");
}

static int traced_rename(const char *from, const char *to) {
    return noted("rename") < 0 ? -1 : k2_fs_system.rename(from, to);
}

static int traced_unlink(const char *path) {
    return noted("unlink") < 0 ? -1 : k2_fs_system.unlink(path);
}

static int traced_mkdir(const char *path, mode_t mode) {
    return noted("mkdir") < 0 ? -1 : k2_fs_system.mkdir(path, mode);
}

static int traced_sync_dir(const char *path) {
    return noted("sync_dir") < 0 ? -1 : k2_fs_system.sync_dir(path);
}

static const struct k2_fs_ops traced = {
    .open = traced_open,
    .pwrite = traced_pwrite,
    .sync = traced_sync,
    .close = traced_close,
    .rename = traced_rename,
    .unlink = traced_unlink,
    .mkdir = traced_mkdir,
    .sync_dir = traced_sync_dir,
};

static void use_traced(const char *failing) {
    trace[0] = 0;
    fail_at = failing;
    k2_fs_use(&traced);
}

static void everything_is_synced_before_it_is_called_done(void **state) {
    (void)state;
    char *path = k2_path(dir, "file"), *deep = k2_path(dir, "a/b");
    use_traced("");
    CHECK_OK(k2_fs_create(path, K2_SV("12345678"), &err), &err);
    assert_string_equal(trace, "open write write write sync close sync_dir ");
    use_traced("");
    CHECK_OK(k2_fs_replace(path, K2_SV("1234"), &err), &err);
    assert_string_equal(trace, "open write write sync close rename sync_dir ");
    use_traced("");
    CHECK_OK(k2_fs_mkdirs(deep, &err), &err);
    /* The first parent that was there is synced too. */
    assert_string_equal(trace, "sync_dir mkdir sync_dir mkdir sync_dir ");
    use_traced("");
    CHECK_OK(k2_fs_mkdirs(deep, &err), &err); /* its maker may have been killed before the sync */
    assert_string_equal(trace, "sync_dir ");
    k2_fs_use(NULL);
    assert_holds(path, "1234");
    free(path);
    free(deep);
}

static void a_failed_replace_leaves_the_old_bytes_and_no_other_file(void **state) {
    (void)state;
    static const char *const steps[] = {"open", "write", "sync", "close", "rename"};
    char *path = k2_path(dir, "file");
    CHECK_OK(k2_fs_create(path, K2_SV("old"), &err), &err);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        use_traced(steps[i]);
        CHECK_STATUS(k2_fs_replace(path, K2_SV("new bytes"), &err), K2_E_IO);
        assert_non_null(strstr(err.msg, path));
        assert_non_null(strstr(err.msg, strerror(EIO)));
        k2_fs_use(NULL);
        assert_holds(path, "old");
        assert_int_equal(count_names(dir), 1);
    }
    use_traced("sync_dir");
    CHECK_STATUS(k2_fs_replace(path, K2_SV("new"), &err), K2_E_IO);
    free(path);
}

static void a_failed_create_leaves_no_file(void **state) {
    (void)state;
    static const char *const steps[] = {"open", "write", "sync", "close"};
    char *path = k2_path(dir, "file");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        use_traced(steps[i]);
        CHECK_STATUS(k2_fs_create(path, K2_SV("bytes"), &err), K2_E_IO);
        k2_fs_use(NULL);
        assert_int_equal(count_names(dir), 0);
    }
    free(path);
}

#define FS_TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void) {
    const struct CMUnitTest tests[] = {
        FS_TEST(a_created_file_is_never_created_again),
        FS_TEST(a_replaced_file_holds_the_new_bytes_and_leaves_no_other),
        FS_TEST(names_are_listed_in_byte_order),
        FS_TEST(what_is_missing_is_not_found_and_removing_it_is_fine),
        FS_TEST(directories_are_made_with_their_parents),
        FS_TEST(relative_paths_work_from_the_current_directory),
        FS_TEST(a_path_has_one_slash_between_its_parts),
        FS_TEST(reading_appends_and_writing_goes_where_it_is_told),
        FS_TEST(everything_is_synced_before_it_is_called_done),
        FS_TEST(a_failed_replace_leaves_the_old_bytes_and_no_other_file),
        FS_TEST(a_failed_create_leaves_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
