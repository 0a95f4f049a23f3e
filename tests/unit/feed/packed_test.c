/* Packed files as a source: zstd, xz and members of zip archives; whole ones, ones of several parts, cut and damaged
 * ones, and archives that are none. */
#include "feed_helper.h"

#include "base/archive.h"
#include "base/fs.h"
#include "base/unpack.h"
#include "base/zstd.h"

#define ROWS 20000

static void python(const char *dir, const char *program) {
    char *path = k2_path(dir, "make.py"), command[9000];
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fprintf(f, "import lzma, zipfile, random\nrows = open('rows.csv', 'rb').read()\n%s\n", program);
    assert_int_equal(fclose(f), 0);
    snprintf(command, sizeof command, "cd '%s' && python3 make.py", dir);
    if (system(command) != 0)
        fail_msg("%s failed", program);
    free(path);
}

static void write_file(const char *path, struct k2_sv bytes) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
    assert_int_equal(fclose(f), 0);
}

static char *dir_of_rows(struct k2_buf *rows) {
    char *dir = k2test_dir(), *path = k2_path(dir, "rows.csv");
    for (int i = 0; i < ROWS; i++)
        k2_buf_printf(rows, "03/10/2014,10:05:44.516,37.51,%d,3,X,\r\n", i + 1);
    write_file(path, k2_buf_view(rows));
    free(path);
    return dir;
}

static int feed(const char *path, size_t step, struct gathered *g, struct k2_err *err) {
    struct feed_options o = plain_options(path);
    o.symbol = K2_SV("BHP");
    return read_file("asx-csv", &o, path, step, g, err);
}

/* Rows 1, 2, 3 ... , and none of them made up. */
static void check_rows(const struct gathered *g) {
    assert_int_equal(g->rejects, 0);
    for (size_t i = 0; i < g->n; i++)
        assert_true(g->all[i].event.trade.quantity == (k2_i128)(i + 1) * INT64_C(10000000000));
}

static void expect_rows(const char *dir, const char *name) {
    struct k2_err err = {0};
    char *path = k2_path(dir, name);
    for (size_t step = 0; step <= 1000; step += 1000) {
        struct gathered g;
        gather_init(&g);
        CHECK_OK(feed(path, step, &g, &err), &err);
        assert_int_equal(g.events, ROWS);
        check_rows(&g);
        gather_free(&g);
    }
    free(path);
}

static void zst_file(const char *dir, struct k2_sv rows, const char *name) {
    struct zstd_packer *p = zstd_packer_new(3);
    struct k2_buf out = {0};
    struct k2_err err = {0};
    char *path = k2_path(dir, name);
    CHECK_OK(zstd_pack(p, rows.p, 1000, &out, &err), &err);
    k2_buf_put(&out, "\x50\x2a\x4d\x18\3\0\0\0abc", 11); /* a frame that is to be skipped */
    CHECK_OK(zstd_pack(p, rows.p + 1000, rows.n - 1000, &out, &err), &err);
    write_file(path, k2_buf_view(&out));
    zstd_packer_free(p);
    k2_buf_free(&out);
    free(path);
}

static void packed_files_give_the_rows_of_plain_ones(void **state) {
    (void)state;
    struct k2_buf rows = {0};
    char *dir = dir_of_rows(&rows);
    zst_file(dir, k2_buf_view(&rows), "1_BHP.csv.zst");
    zst_file(dir, k2_buf_view(&rows), "named_otherwise.csv");
    python(dir, "open('a.csv.xz', 'wb').write(lzma.compress(rows[:5000]) + bytes(8) + "
                "lzma.compress(rows[5000:], check=lzma.CHECK_SHA256))");
    expect_rows(dir, "1_BHP.csv.zst");
    expect_rows(dir, "named_otherwise.csv"); /* the first bytes tell */
    expect_rows(dir, "a.csv.xz");
    k2_buf_free(&rows);
    k2test_rmdir(dir);
}

static void members_of_archives_are_files(void **state) {
    (void)state;
    struct k2_buf rows = {0};
    char *dir = dir_of_rows(&rows);
    python(dir, "import gzip\n"
                "with zipfile.ZipFile('a.zip', 'w', zipfile.ZIP_DEFLATED) as z:\n"
                "    z.writestr('deep/1_BHP.csv', rows)\n"
                "    z.writestr('deep/2_BHP.csv.gz', gzip.compress(rows))\n"
                "with zipfile.ZipFile('one.zip', 'w') as z:\n"
                "    z.writestr('dir/', b'')\n"
                "    z.writestr('1_BHP.csv', rows)\n");
    expect_rows(dir, "a.zip/deep/1_BHP.csv");
    expect_rows(dir, "a.zip/deep/2_BHP.csv.gz");
    expect_rows(dir, "one.zip/1_BHP.csv");
    expect_rows(dir, "one.zip"); /* it is its only member */
    k2_buf_free(&rows);
    k2test_rmdir(dir);
}

static void archives_are_sources_of_as_many_files(void **state) {
    (void)state;
    struct k2_buf rows = {0};
    char *dir = dir_of_rows(&rows), path[4200];
    struct sources s = {0};
    python(dir, "import os\nos.remove('rows.csv')\nos.remove('make.py')\n"
                "with zipfile.ZipFile('a.zip', 'w') as z:\n"
                "    z.writestr('2_CBA.csv', rows)\n"
                "    z.writestr('deep/1_BHP.csv', rows)\n"
                "    z.writestr('deep/.hidden/1_BHP.csv', rows)\n"
                "    z.writestr('__MACOSX/1_BHP.csv', rows)\n"
                "    z.writestr('README', 'nothing of ours')\n"
                "with zipfile.ZipFile('broken.zip', 'w') as z:\n"
                "    z.writestr('1_BHP.csv', rows)\n"
                "open('broken.zip', 'r+b').truncate(1000)\n"
                "with zipfile.ZipFile('one.zip', 'w') as z:\n"
                "    z.writestr('data.txt', 'no rows')\n");
    sources_add(&s, dir, NULL);
    assert_int_equal(s.n, 3);
    snprintf(path, sizeof path, "%s/a.zip/2_CBA.csv", dir);
    assert_string_equal(s.at[0].path, path);
    assert_string_equal(s.at[0].feed->name, "asx-csv");
    snprintf(path, sizeof path, "%s/a.zip/deep/1_BHP.csv", dir);
    assert_string_equal(s.at[1].path, path);
    assert_null(s.at[2].feed);
    assert_non_null(strstr(s.at[2].why.msg, "broken.zip cannot be read as a zip archive"));
    assert_int_equal(s.passed_over, 4);
    sources_free(&s);
    snprintf(path, sizeof path, "%s/one.zip", dir);
    sources_add(&s, path, feed_find(K2_SV("asx-csv"))); /* whoever names it knows its format */
    assert_int_equal(s.n, 1);
    assert_string_equal(s.at[0].feed->name, "asx-csv");
    sources_free(&s);
    snprintf(path, sizeof path, "%s/a.zip/2_CBA.csv", dir);
    sources_add(&s, path, NULL);
    assert_string_equal(s.at[0].feed->name, "asx-csv");
    sources_free(&s);
    k2_buf_free(&rows);
    k2test_rmdir(dir);
}

static void paths_into_archives_are_made_absolute(void **state) {
    (void)state;
    struct k2_buf rows = {0};
    struct k2_err err = {0};
    struct stat st;
    char *dir = dir_of_rows(&rows), path[4200], *full;
    python(dir, "zipfile.ZipFile('a.zip', 'w').writestr('b/c', b'12345')");
    snprintf(path, sizeof path, "%s/./a.zip/b/c", dir);
    CHECK_OK(feed_file_absolute(path, &full, &err), &err);
    assert_non_null(strstr(full, "/a.zip/b/c"));
    assert_null(strstr(full, "/./"));
    assert_true(feed_file_stat(full, &st) && st.st_size == 5);
    assert_true(feed_is_member(full) && feed_is_packed(full));
    free(full);
    snprintf(path, sizeof path, "%s/a.zip/b/d", dir);
    assert_false(feed_file_stat(path, &st));
    k2_buf_free(&rows);
    k2test_rmdir(dir);
}

static void cut_and_damaged_files_give_their_whole_rows_and_then_an_error(void **state) {
    (void)state;
    static const char *const names[] = {"a.csv.xz", "a.csv.zst"};
    struct k2_buf rows = {0};
    struct k2_err err = {0};
    char *dir = dir_of_rows(&rows);
    uint64_t seed = k2test_seed();
    python(dir, "open('a.csv.xz', 'wb').write(lzma.compress(rows))");
    zst_file(dir, k2_buf_view(&rows), "a.csv.zst");
    for (int turn = 0; turn < 60; turn++) {
        struct gathered g;
        struct k2_buf bytes = {0};
        char *path = k2_path(dir, names[turn % 2]), *bad = k2_path(dir, "bad.csv");
        CHECK_OK(k2_fs_read(path, &bytes, &err), &err);
        bool cut = turn < 30;
        size_t at = 20 + k2test_random(&seed) % (bytes.n - 21);
        if (!cut)
            bytes.p[at] ^= 0x55;
        write_file(bad, (struct k2_sv){(char *)bytes.p, cut ? at : bytes.n});
        gather_init(&g);
        int rc = feed(bad, 0, &g, &err);
        /* A byte of the frame that is skipped may be any. */
        if (rc != K2_E_CORRUPT && (cut || rc != K2_OK || g.events != ROWS))
            fail_msg("turn %d, byte %zu: %s, %d events", turn, at, k2_status_name(rc),
                     (int)g.events);
        if (rc != K2_OK)
            assert_non_null(strstr(err.msg, cut ? "cut off at byte" : " byte "));
        if (cut)
            check_rows(&g);
        gather_free(&g);
        k2_buf_free(&bytes);
        free(path);
        free(bad);
    }
    k2_buf_free(&rows);
    k2test_rmdir(dir);
}

static void expect_failure(const char *dir, const char *name, int status, const char *says) {
    struct gathered g;
    struct k2_err err = {0};
    char *path = k2_path(dir, name);
    gather_init(&g);
    CHECK_STATUS(feed(path, 0, &g, &err), status);
    char *archive = k2_sv_dup((struct k2_sv){name, (size_t)(strstr(name, ".zip") - name) + 4});
    if (!strstr(err.msg, says) || !strstr(err.msg, archive))
        fail_msg("%s", err.msg);
    free(archive);
    check_rows(&g);
    gather_free(&g);
    free(path);
}

static void what_is_wrong_with_an_archive_is_said(void **state) {
    (void)state;
    struct k2_buf rows = {0};
    char *dir = dir_of_rows(&rows);
    python(dir, "with zipfile.ZipFile('a.zip', 'w') as z:\n"
                "    z.writestr('1_BHP.csv', rows)\n"
                "    z.writestr('2_BHP.csv', rows)\n"
                "b = bytearray(open('a.zip', 'rb').read())\n"
                "b[len(rows) // 2] ^= 1\n" /* the first member is stored as it is */
                "open('flipped.zip', 'wb').write(b)\n"
                "open('cut.zip', 'wb').write(b[:-30])\n"
                "with zipfile.ZipFile('bomb.zip', 'w', zipfile.ZIP_DEFLATED) as z:\n"
                "    z.writestr('1_BHP.csv', bytes(200 << 20))\n"
                "with zipfile.ZipFile('outer.zip', 'w') as z:\n"
                "    z.write('a.zip')\n"
                "    z.writestr('1_BHP.csv', rows)\n"
                "b = open('a.zip', 'rb').read()\n"
                "open('longer.zip', 'wb').write(b.replace(len(rows).to_bytes(4, 'little'), "
                "(len(rows) - 5).to_bytes(4, 'little')))\n");
    expect_failure(dir, "a.zip", K2_E_INVALID, "a zip archive of 2 files: name one as");
    expect_failure(dir, "a.zip/3_BHP.csv", K2_E_NOTFOUND, "the archive has no such member");
    expect_failure(dir, "flipped.zip/1_BHP.csv", K2_E_CORRUPT, "the zip archive is damaged after");
    expect_rows(dir, "flipped.zip/2_BHP.csv"); /* its neighbour is read */
    expect_failure(dir, "cut.zip/1_BHP.csv", K2_E_CORRUPT, "cannot be read as a zip archive");
    expect_failure(dir, "bomb.zip", K2_E_RANGE, "taken for a zip bomb");
    expect_failure(dir, "bomb.zip/1_BHP.csv", K2_E_RANGE, "taken for a zip bomb");
    expect_failure(dir, "outer.zip/a.zip", K2_E_INVALID, "only be read from a file of its own");
    expect_failure(dir, "longer.zip/1_BHP.csv", K2_E_CORRUPT, "zip archive");
    k2_buf_free(&rows);
    k2test_rmdir(dir);
}

static void the_first_bytes_tell_the_packing(void **state) {
    (void)state;
    static const struct {
        struct k2_sv head;
        const char *name;
        bool whole;
        enum k2_packing packing;
    } files[] = {
        {{"\x1f\x8b\x08", 3}, "a.csv", false, K2_PACKING_GZIP},
        {{"\x1f", 1}, "a.csv", false, K2_PACKING_UNTOLD},
        {{"\x1f", 1}, "a.csv", true, K2_PACKING_NONE},
        {{"\x1f", 1}, "a.csv.gz", true, K2_PACKING_GZIP},
        {{"", 0}, "a.csv", false, K2_PACKING_UNTOLD},
        {{"0", 1}, "a.csv", false, K2_PACKING_NONE},
        {{"\x28\xb5\x2f\xfd", 4}, "a.gz", false, K2_PACKING_ZSTD}, /* bytes before names */
        {{"\xfd"
          "7zXZ",
          5},
         "a",
         false,
         K2_PACKING_UNTOLD},
        {{"\xfd"
          "7zXZ\0",
          6},
         "a",
         false,
         K2_PACKING_XZ},
        {{"PK\3\4", 4}, "a", false, K2_PACKING_ZIP},
        {{"garbage", 7}, "a.xz", false, K2_PACKING_XZ},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        assert_int_equal(k2_packing_of(files[i].head, k2_sv_of(files[i].name), files[i].whole),
                         files[i].packing);
    assert_true(k2_sv_eq(k2_packing_stem(K2_SV("a.csv.zst")), K2_SV("a.csv")));
    assert_true(k2_sv_eq(k2_packing_stem(K2_SV("a.csv")), K2_SV("a.csv")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_files_give_the_rows_of_plain_ones),
        cmocka_unit_test(members_of_archives_are_files),
        cmocka_unit_test(archives_are_sources_of_as_many_files),
        cmocka_unit_test(paths_into_archives_are_made_absolute),
        cmocka_unit_test(cut_and_damaged_files_give_their_whole_rows_and_then_an_error),
        cmocka_unit_test(what_is_wrong_with_an_archive_is_said),
        cmocka_unit_test(the_first_bytes_tell_the_packing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
