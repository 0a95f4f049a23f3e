/* An object store that is a directory: whole objects or none, and away is not the same as empty. */
#include "base/fs.h"
#include "base/store.h"
#include "k2test.h"

#include <fcntl.h>

static struct k2_err err;

static void keep(struct k2_store *s, const char *dir, const char *key, const char *text) {
    char *path = k2_path(dir, "from");
    CHECK_OK(k2_fs_replace(path, k2_sv_of(text), &err), &err);
    int fd = open(path, O_RDONLY);
    CHECK_OK(k2_store_put(s, key, fd, (int64_t)strlen(text), &err), &err);
    close(fd);
    free(path);
}

static void objects_are_kept_read_in_pieces_listed_and_removed(void **state) {
    (void)state;
    char *dir = k2test_dir(), *root = k2_path(dir, "store"), got[8] = "", **names;
    struct k2_store *s;
    int64_t bytes;
    size_t n;
    assert_int_equal(mkdir(root, 0777), 0);
    CHECK_STATUS(k2_store_open(root, false, &s, &err), K2_E_IO);
    CHECK_OK(k2_store_open(root, true, &s, &err), &err);
    CHECK_OK(k2_store_list(s, "a", &names, &n, &err), &err);
    assert_int_equal(n, 0);
    CHECK_STATUS(k2_store_size(s, "a/x", &bytes, &err), K2_E_NOTFOUND);
    keep(s, dir, "a/x", "0123456789");
    keep(s, dir, "a/x", "abcdefghij"); /* replaced */
    keep(s, dir, "a/y", "");
    keep(s, dir, "b/x", "other");
    CHECK_OK(k2_store_size(s, "a/x", &bytes, &err), &err);
    assert_int_equal(bytes, 10);
    CHECK_OK(k2_store_get(s, "a/x", 3, got, 4, &err), &err);
    assert_string_equal(got, "defg");
    CHECK_STATUS(k2_store_get(s, "a/x", 7, got, 4, &err), K2_E_CORRUPT);
    CHECK_STATUS(k2_store_get(s, "a/z", 0, got, 1, &err), K2_E_NOTFOUND);
    CHECK_OK(k2_store_list(s, "a", &names, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "x");
    k2_fs_names_free(names, n);
    CHECK_OK(k2_store_remove(s, "a/x", &err), &err);
    CHECK_OK(k2_store_remove(s, "a/x", &err), &err);
    CHECK_STATUS(k2_store_size(s, "a/x", &bytes, &err), K2_E_NOTFOUND);
    k2_store_close(s);
    CHECK_OK(k2_store_open(root, false, &s, &err), &err);
    CHECK_OK(k2_store_size(s, "b/x", &bytes, &err), &err);
    k2_store_close(s);
    free(root);
    k2test_rmdir(dir);
}

/* As when its disk is unmounted while objects are put: nothing may land in what is below. */
static void a_store_that_goes_while_it_is_open_is_away_and_not_made_anew(void **state) {
    (void)state;
    char *dir = k2test_dir(), *root = k2_path(dir, "store"), *away = k2_path(dir, "away");
    char *from = k2_path(dir, "from"), byte;
    struct k2_store *s;
    int64_t bytes;
    assert_int_equal(mkdir(root, 0777), 0);
    CHECK_OK(k2_store_open(root, true, &s, &err), &err);
    keep(s, dir, "a/x", "text");
    int fd = open(from, O_RDONLY);
    assert_int_equal(rename(root, away), 0);
    for (int i = 0; i < 2; i++) {
        err.retriable = false;
        CHECK_STATUS(k2_store_put(s, "a/y", fd, 4, &err), K2_E_IO);
        assert_true(err.retriable);
        CHECK_STATUS(k2_store_size(s, "a/x", &bytes, &err), K2_E_IO);
        CHECK_STATUS(k2_store_get(s, "a/x", 0, &byte, 1, &err), K2_E_IO);
        if (i == 0) {
            assert_false(k2_fs_exists(root));
            assert_int_equal(mkdir(root, 0777), 0); /* the mount point */
        }
    }
    assert_int_equal(rmdir(root), 0); /* it is empty */
    assert_int_equal(rename(away, root), 0);
    CHECK_OK(k2_store_put(s, "a/y", fd, 4, &err), &err);
    close(fd);
    k2_store_close(s);
    free(root);
    free(away);
    free(from);
    k2test_rmdir(dir);
}

static void what_is_no_store_is_not_filled(void **state) {
    (void)state;
    char *dir = k2test_dir(), *root = k2_path(dir, "store"), *other = k2_path(root, "other");
    char *mark = k2_path(root, "k2-store");
    struct k2_store *s;
    CHECK_STATUS(k2_store_open(root, true, &s, &err), K2_E_IO);
    assert_true(err.retriable);
    CHECK_OK(k2_fs_mkdirs(other, &err), &err);
    CHECK_STATUS(k2_store_open(root, true, &s, &err), K2_E_INVALID);
    assert_non_null(strstr(err.msg, "other"));
    CHECK_OK(k2_fs_replace(mark, K2_SV("k2 store, format 2\n"), &err), &err);
    CHECK_STATUS(k2_store_open(root, true, &s, &err), K2_E_VERSION);
    static const char *const wrong[] = {
        "", "store", "file:", "file://", "file://host/x", "file:x", "s3://bucket/x", "/a\nb", "/"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_STATUS(k2_store_check(wrong[i], &err), K2_E_INVALID);
    CHECK_OK(k2_store_check("/mnt/x", &err), &err);
    CHECK_OK(k2_store_check("file:///mnt/x", &err), &err);
    CHECK_OK(k2_store_check("file:/mnt/x", &err), &err);
    free(root);
    free(other);
    free(mark);
    k2test_rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_kept_read_in_pieces_listed_and_removed),
        cmocka_unit_test(a_store_that_goes_while_it_is_open_is_away_and_not_made_anew),
        cmocka_unit_test(what_is_no_store_is_not_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
