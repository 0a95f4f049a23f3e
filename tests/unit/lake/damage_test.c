/* Damaged files of a table: refused as corrupt, or found by lake_verify; never a crash. */
#include "lake_fixture.h"
#include "lake/manifest.h"

static struct k2_buf read_all(const char *path) {
    struct k2_err err = {0};
    struct k2_buf b = {0};
    CHECK_OK(k2_fs_read(path, &b, &err), &err);
    return b;
}

static void write_all(const char *path, const void *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* The newest file of the table's metadata with this ending. */
static char *find_file(struct fixture *f, const char *beginning, const char *ending) {
    struct k2_err err = {0};
    char **names, *found = NULL;
    size_t n;
    char *directory = k2_path(f->lake->warehouse, "market_data/trades/metadata");
    CHECK_OK(k2_fs_list(directory, &names, &n, &err), &err);
    for (size_t i = 0; i < n; i++)
        if (k2_sv_ends(k2_sv_of(names[i]), k2_sv_of(ending)) &&
            k2_sv_starts(k2_sv_of(names[i]), k2_sv_of(beginning))) {
            free(found);
            found = k2_path(directory, names[i]);
        }
    k2_fs_names_free(names, n);
    free(directory);
    assert_non_null(found);
    return found;
}

static int load_and_plan(struct fixture *f, struct k2_err *err) {
    struct lake_table *t;
    int rc = lake_table_load(f->lake, K2_SV("trades"), &t, err);
    if (rc != K2_OK)
        return rc;
    struct lake_plan plan;
    rc = lake_plan(t, 0, NULL, 0, &plan, err);
    if (rc == K2_OK)
        lake_plan_free(&plan);
    lake_table_free(t);
    return rc;
}

static int64_t findings_of(struct fixture *f) {
    struct k2_err err = {0};
    struct lake_verified seen = {.findings = -1};
    CHECK_OK(lake_verify(f->lake, "trades", NULL, NULL, &seen, &err), &err);
    return seen.findings;
}

/* Cuts the file at every length (or every few) and flips bits; puts it back. Manifest lists say
 * their manifests' lengths, so any cut is noticed at once. */
static void torture(struct fixture *f, const char *path, bool json) {
    struct k2_buf good = read_all(path);
    uint64_t r = k2test_seed();
    const size_t size = good.n > 0 ? good.n : 1;
    assert_int_equal(size, good.n);
    for (size_t n = 0; n < good.n; n += 1 + good.n / 60) {
        struct k2_err err = {0};
        write_all(path, good.p, n);
        int rc = load_and_plan(f, &err);
        if (rc != K2_E_CORRUPT)
            fail_msg("%s cut at %zu: %s %s", path, n, k2_status_name(rc), err.msg);
        assert_true(findings_of(f) > 0);
    }
    struct k2_buf bad = {0};
    for (int i = 0; i < 150; i++) {
        struct k2_err err = {0};
        bad.n = 0;
        k2_buf_put(&bad, good.p, good.n);
        for (int k = 0; k < 1 + (int)(k2test_random(&r) % 3); k++)
            bad.p[k2test_random(&r) % size] ^= (uint8_t)(1 << k2test_random(&r) % 8);
        write_all(path, bad.p, bad.n);
        int rc = load_and_plan(f, &err); /* some flips are still valid; none may crash */
        if (!json && rc != K2_OK && rc != K2_E_CORRUPT && rc != K2_E_UNSUPPORTED &&
            rc != K2_E_NOTFOUND && rc != K2_E_RANGE)
            fail_msg("%s: %s %s", path, k2_status_name(rc), err.msg);
    }
    write_all(path, good.p, good.n);
    k2_buf_free(&bad);
    k2_buf_free(&good);
    assert_int_equal(findings_of(f), 0);
}

static void cut_and_flipped_metadata_is_never_a_crash(void **state) {
    (void)state;
    static const char *const parts[][2] = {
        {"0", ".metadata.json"}, {"snap-", ".avro"}, {"", "-m0.avro"}};
    struct fixture f = fixture_new();
    (void)fixture_commit(&f, 16139, 1, 2);
    for (size_t i = 0; i < 3; i++) {
        char *path = find_file(&f, parts[i][0], parts[i][1]);
        torture(&f, path, i == 0);
        free(path);
    }
    fixture_free(&f);
}

static void a_missing_metadata_file_asks_whether_the_directory_was_moved(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    char *path = find_file(&f, "0", ".metadata.json");
    assert_int_equal(unlink(path), 0);
    struct lake_table *t;
    CHECK_STATUS(lake_table_load(f.lake, K2_SV("trades"), &t, &err), K2_E_CORRUPT);
    assert_non_null(strstr(err.msg, "moved"));
    assert_true(findings_of(&f) > 0);
    free(path);
    fixture_free(&f);
}

static void a_missing_manifest_is_corrupt_and_named(void **state) {
    (void)state;
    static const char *const parts[][2] = {{"", "-m0.avro"}, {"snap-", ".avro"}};
    struct fixture f = fixture_new();
    (void)fixture_commit(&f, 16139, 1, 2);
    for (size_t i = 0; i < 2; i++) {
        struct k2_err err = {0};
        char *path = find_file(&f, parts[i][0], parts[i][1]);
        assert_int_equal(unlink(path), 0);
        CHECK_STATUS(load_and_plan(&f, &err), K2_E_CORRUPT);
        assert_non_null(strstr(err.msg, path));
        free(path);
    }
    fixture_free(&f);
}

static int expected_finding;

static void look_at(void *ctx, const char *text) {
    expected_finding += strstr(text, ctx) != NULL;
}

static void verify_finds_what_is_missing_or_has_another_size(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    for (int i = 0; i < 3; i++)
        (void)fixture_commit(&f, 16139, i, i);
    struct lake_table *t = fixture_load(&f);
    struct lake_plan plan;
    CHECK_OK(lake_plan(t, 0, NULL, 0, &plan, &err), &err);
    assert_int_equal(findings_of(&f), 0);
    write_all(plan.files[0].path, "short", 5);
    assert_int_equal(unlink(plan.files[1].path), 0);
    struct lake_verified seen;
    expected_finding = 0;
    CHECK_OK(lake_verify(f.lake, "trades", look_at, (void *)(uintptr_t) "has 5 bytes, 12 were said",
                         &seen, &err),
             &err);
    assert_int_equal(expected_finding, 1);
    assert_int_equal(seen.findings, 2);
    lake_plan_free(&plan);
    lake_table_free(t);
    fixture_free(&f);
}

/* A Parquet file of our writer, in place of one that holds nothing but a size. */
static struct lake_file real_file(struct fixture *f) {
    struct k2_err err = {0};
    struct lake_file file = fixture_file(f, 16139, 1, 2);
    const struct parquet_column column = {.name = "n", .field_id = 9, .type = PARQUET_INT64};
    const int64_t numbers[] = {1, 2};
    const void *data[] = {numbers};
    struct parquet_writer *w;
    assert_int_equal(unlink(file.path), 0);
    CHECK_OK(parquet_open(file.path, &column, 1, NULL, &w, &err), &err);
    CHECK_OK(parquet_write(w, data, 2, NULL, &err), &err);
    CHECK_OK(parquet_close(w, &err), &err);
    file.rows = 2;
    file.bytes = parquet_info(w).bytes;
    parquet_free(w);
    return file;
}

static void verify_finds_any_changed_byte_of_a_data_file(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct lake_file file = real_file(&f);
    struct lake_verified seen;
    CHECK_OK(fixture_try(&f, f.lake, &file, 1, 0, 1, "one", NULL, &err), &err);
    CHECK_OK(lake_verify(f.lake, "trades", NULL, NULL, &seen, &err), &err);
    assert_int_equal(seen.findings + seen.unchecked, 0);
    struct k2_buf bytes = read_all(file.path);
    for (size_t i = 0; i < bytes.n; i++) {
        bytes.p[i] ^= 0x04;
        write_all(file.path, bytes.p, bytes.n);
        expected_finding = 0;
        CHECK_OK(lake_verify(f.lake, "trades", look_at, file.path, &seen, &err), &err);
        if (seen.findings != 1 || expected_finding != 1)
            fail_msg("byte %zu of %zu: %d findings", i, bytes.n, (int)seen.findings);
        bytes.p[i] ^= 0x04;
    }
    k2_buf_free(&bytes);
    lake_file_free(&file);
    fixture_free(&f);
}

static void verify_counts_data_files_without_a_checksum(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct lake_verified seen;
    (void)fixture_commit(&f, 16139, 1, 2);
    (void)fixture_commit(&f, 16140, 1, 2);
    CHECK_OK(lake_verify(f.lake, "trades", NULL, NULL, &seen, &err), &err);
    assert_int_equal(seen.findings, 0);
    assert_int_equal(seen.unchecked, 2);
    fixture_free(&f);
}

static void a_catalog_of_a_newer_format_is_refused(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    lake_close(f.lake);
    f.lake = NULL;
    char *path = k2_path(f.dir, "catalog.db");
    struct k2_buf b = read_all(path);
    b.p[63] = 9; /* user_version: SQLite file format, offset 60, big-endian */
    write_all(path, b.p, b.n);
    CHECK_STATUS(lake_open(f.dir, true, &f.lake, &err), K2_E_VERSION);
    write_all(path, "this is not a database at all, and long enough to look like one ........", 72);
    CHECK_STATUS(lake_open(f.dir, true, &f.lake, &err), K2_E_CORRUPT);
    k2_buf_free(&b);
    free(path);
    k2test_rmdir(f.dir);
}

static void a_table_of_a_newer_format_is_refused(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct lake_table *t = fixture_load(&f);
    bool unsure;
    lake_property_set(t, LAKE_PROPERTY_FORMAT, K2_SV("2"));
    lake_metadata_advance(t, 0);
    CHECK_OK(lake_metadata_swap(f.lake, t, &unsure, &err), &err);
    lake_table_free(t);
    CHECK_STATUS(lake_table_load(f.lake, K2_SV("trades"), &t, &err), K2_E_VERSION);
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_metadata_file_asks_whether_the_directory_was_moved),
        cmocka_unit_test(a_missing_manifest_is_corrupt_and_named),
        cmocka_unit_test(verify_finds_what_is_missing_or_has_another_size),
        cmocka_unit_test(verify_finds_any_changed_byte_of_a_data_file),
        cmocka_unit_test(verify_counts_data_files_without_a_checksum),
        cmocka_unit_test(a_catalog_of_a_newer_format_is_refused),
        cmocka_unit_test(a_table_of_a_newer_format_is_refused),
        cmocka_unit_test(cut_and_flipped_metadata_is_never_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
