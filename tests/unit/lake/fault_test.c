/* Every file operation of a commit fails once: the table stays whole, and the same work can be
 * committed afterwards. And nothing is named before it is durable. */
#include <errno.h>

#include "lake_fixture.h"

enum { CREATED = 64 };

static struct {
    int count, fail_at;   /* operations seen; the one to fail, 0 = none */
    const char *obstacle; /* made a directory when the metadata directory is synced */
    struct {
        char path[512];
        int fd;
        bool synced;
    } created[CREATED];
    int created_count, unsynced_names;
} disk;

static bool fails(void) {
    disk.count++;
    if (disk.count != disk.fail_at)
        return false;
    errno = EIO;
    return true;
}

static int fault_open(const char *path, int flags, mode_t mode) {
    if (fails())
        return -1;
    int fd = k2_fs_system.open(path, flags, mode);
    if (fd >= 0 && disk.created_count < CREATED) {
        snprintf(disk.created[disk.created_count].path, 512, "%s", path);
        disk.created[disk.created_count].synced = false;
        disk.created[disk.created_count++].fd = fd;
    }
    return fd;
}

static ssize_t fault_pwrite(int fd, const void *bytes, size_t n, off_t at) {
    if (fails())
        return k2_fs_system.pwrite(fd, bytes, n / 2, at) < 0 ? -1 : (errno = EIO, -1);
    return k2_fs_system.pwrite(fd, bytes, n, at);
}

static int fault_sync(int fd) {
    if (fails())
        return -1;
    for (int i = 0; i < disk.created_count; i++)
        disk.created[i].synced |= disk.created[i].fd == fd;
    return k2_fs_system.sync(fd);
}

static int fault_close(int fd) {
    for (int i = 0; i < disk.created_count; i++)
        if (disk.created[i].fd == fd)
            disk.created[i].fd = -1;
    return k2_fs_system.close(fd);
}

static int fault_sync_dir(const char *path) {
    if (fails())
        return -1;
    if (strstr(path, "/metadata"))
        for (int i = 0; i < disk.created_count; i++)
            disk.unsynced_names += !disk.created[i].synced;
    if (disk.obstacle && mkdir(disk.obstacle, 0755) != 0)
        return -1;
    return k2_fs_system.sync_dir(path);
}

static int fault_unlink(const char *path) {
    return fails() ? -1 : k2_fs_system.unlink(path);
}

static void use_faults(int fail_at) {
    static struct k2_fs_ops ops;
    ops = k2_fs_system;
    ops.open = fault_open;
    ops.pwrite = fault_pwrite;
    ops.sync = fault_sync;
    ops.close = fault_close;
    ops.sync_dir = fault_sync_dir;
    ops.unlink = fault_unlink;
    memset(&disk, 0, sizeof disk);
    disk.fail_at = fail_at;
    k2_fs_use(&ops);
}

static void expect_whole(struct fixture *f, int64_t at_least, int64_t at_most) {
    struct k2_err err = {0};
    struct lake_verified seen = {.findings = -1};
    CHECK_OK(lake_verify(f->lake, "trades", NULL, NULL, &seen, &err), &err);
    assert_int_equal(seen.findings, 0);
    struct lake_table *t = fixture_load(f);
    struct lake_offsets o;
    CHECK_OK(lake_table_offsets(t, &o, &err), &err);
    assert_in_range(lake_offsets_get(&o, "t", 0), at_least, at_most);
    lake_offsets_free(&o);
    lake_table_free(t);
}

/* The manifest threshold is so low that this commit merges, too. */
static void merge_early(struct fixture *f) {
    struct k2_err err = {0};
    struct lake_table *t = fixture_load(f);
    bool unsure;
    lake_property_set(t, "commit.manifest.min-count-to-merge", K2_SV("2"));
    lake_property_set(t, "write.metadata.previous-versions-max", K2_SV("2"));
    lake_metadata_advance(t, 0);
    CHECK_OK(lake_metadata_swap(f->lake, t, &unsure, &err), &err);
    lake_table_free(t);
}

static void a_failing_file_operation_leaves_the_table_whole(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    merge_early(&f);
    bool reached = true;
    for (int i = 0; reached; i++) {
        struct k2_err err = {0};
        struct lake_file file = fixture_file(&f, 16139, i, i);
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        use_faults(i + 1);
        int rc = fixture_try(&f, f.lake, &file, 1, i, i + 1, id, NULL, &err);
        reached = disk.count >= disk.fail_at;
        k2_fs_use(NULL);
        assert_true(rc == K2_OK || rc == K2_E_IO);
        expect_whole(&f, rc == K2_OK ? i + 1 : i, i + 1);
        CHECK_OK(fixture_try(&f, f.lake, &file, 1, i, i + 1, id, NULL, &err), &err);
        expect_whole(&f, i + 1, i + 1);
        lake_file_free(&file);
        assert_true(i < 100);
    }
    assert_true(f.commits > 20); /* it did fail a dozen times */
    fixture_free(&f);
}

static void everything_is_synced_before_the_catalog_names_it(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    merge_early(&f);
    for (int i = 0; i < 4; i++) {
        struct lake_file file = fixture_file(&f, 16139, i, i);
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        use_faults(0);
        CHECK_OK(fixture_try(&f, f.lake, &file, 1, i, i + 1, id, NULL, &err), &err);
        k2_fs_use(NULL);
        assert_true(disk.created_count >= 3);
        assert_int_equal(disk.unsynced_names, 0);
        lake_file_free(&file);
    }
    fixture_free(&f);
}

/* The catalog breaks between the last sync and the swap, and cannot be read either. */
static void an_unknown_outcome_removes_nothing_and_is_found_out_later(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct lake_file file = fixture_file(&f, 16139, 1, 2);
    char *journal = k2_path(f.dir, "catalog.db-journal");
    char *directory = k2_path(f.lake->warehouse, "market_data/trades/metadata");
    use_faults(0);
    disk.obstacle = journal;
    CHECK_STATUS(fixture_try(&f, f.lake, &file, 1, 0, 1, "a", NULL, &err), K2_E_IO);
    k2_fs_use(NULL);
    assert_non_null(strstr(err.msg, "not known"));
    assert_int_equal(fixture_count(directory, ""), 1 + 3); /* manifest, list, metadata stay */
    assert_int_equal(rmdir(journal), 0);
    CHECK_OK(fixture_try(&f, f.lake, &file, 1, 0, 1, "a", NULL, &err), &err);
    expect_whole(&f, 1, 1);
    free(journal);
    free(directory);
    lake_file_free(&file);
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failing_file_operation_leaves_the_table_whole),
        cmocka_unit_test(everything_is_synced_before_the_catalog_names_it),
        cmocka_unit_test(an_unknown_outcome_removes_nothing_and_is_found_out_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
