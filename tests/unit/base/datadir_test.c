/* The file that says which format a data directory has. */
#include "base/buf.h"
#include "base/datadir.h"
#include "base/fs.h"
#include "k2test.h"

static struct k2_err err;

static void put(const char *dir, const char *text) {
    char *path = k2_path(dir, "format");
    CHECK_OK(k2_fs_replace(path, k2_sv_of(text), &err), &err);
    free(path);
}

static void directory_without_the_file_counts_as_format_1(void **state) {
    (void)state;
    char *dir = k2test_dir();
    CHECK_OK(k2_datadir_check(dir, &err), &err);
    CHECK_OK(k2_datadir_check("/nowhere/at/all", &err), &err);
    k2test_rmdir(dir);
}

static void mark_is_written_once_and_read_back(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_buf text = {0};
    char *path = k2_path(dir, "format");
    CHECK_OK(k2_datadir_mark(dir, &err), &err);
    CHECK_OK(k2_fs_read(path, &text, &err), &err);
    assert_string_equal(k2_buf_cstr(&text), "k2 data directory, format 1\n");
    CHECK_OK(k2_datadir_check(dir, &err), &err);
    put(dir, "k2 data directory, format 2\n");
    CHECK_STATUS(k2_datadir_mark(dir, &err), K2_E_VERSION); /* and not overwritten */
    CHECK_STATUS(k2_datadir_check(dir, &err), K2_E_VERSION);
    assert_non_null(strstr(err.msg, "use a newer k2"));
    k2_buf_free(&text);
    free(path);
    k2test_rmdir(dir);
}

static void text_that_is_not_ours_is_corrupt(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "k2",
                                      "k2 data directory, ",
                                      "k2 data directory, format",
                                      "k2 data directory, format x",
                                      "k2 data directory, format 0",
                                      "k2 data directory, format 1 2"};
    char *dir = k2test_dir();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put(dir, bad[i]);
        CHECK_STATUS(k2_datadir_check(dir, &err), K2_E_CORRUPT);
    }
    k2test_rmdir(dir);
}

static void restore_that_did_not_end_keeps_everybody_out(void **state) {
    (void)state;
    char *dir = k2test_dir();
    CHECK_OK(k2_datadir_restoring(dir, &err), &err);
    CHECK_STATUS(k2_datadir_check(dir, &err), K2_E_INVALID);
    CHECK_STATUS(k2_datadir_mark(dir, &err), K2_E_INVALID);
    assert_non_null(strstr(err.msg, "restore again"));
    CHECK_OK(k2_datadir_restored(dir, &err), &err);
    CHECK_OK(k2_datadir_check(dir, &err), &err);
    k2test_rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directory_without_the_file_counts_as_format_1),
        cmocka_unit_test(mark_is_written_once_and_read_back),
        cmocka_unit_test(text_that_is_not_ours_is_corrupt),
        cmocka_unit_test(restore_that_did_not_end_keeps_everybody_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
