/* Replacing data files in one snapshot: what it leaves as it was, races, and failures at every operation. */
#include <errno.h>
#include <pthread.h>

#include "lake/manifest.h"
#include "lake_fixture.h"

enum { DATE = 16139 };

static struct lake_plan plan_of(struct fixture *f) {
    struct k2_err err = {0};
    struct lake_plan plan;
    struct lake_table *t = fixture_load(f);
    CHECK_OK(lake_plan(t, 0, NULL, 0, &plan, &err), &err);
    lake_table_free(t);
    return plan;
}

/* One file with the rows of all of them. */
static struct lake_file merged(struct fixture *f, const struct lake_file *files, int n) {
    struct lake_file file = fixture_file(f, files[0].trade_date, 0, 1000);
    file.rows = 0;
    for (int i = 0; i < n; i++)
        file.rows += files[i].rows;
    return file;
}

static int replace(struct fixture *f, const struct lake_file *added,
                   const struct lake_file *removed, int n, const char *id, struct k2_err *err) {
    const struct lake_replace r = {.added = added,
                                   .added_count = 1,
                                   .removed = removed,
                                   .removed_count = n,
                                   .commit_id = id,
                                   .now_ns = k2_now_ns()};
    return lake_replace(f->lake, "trades", &r, NULL, err);
}

static void expect_whole(struct fixture *f, int files, int64_t rows, int64_t offset) {
    struct k2_err err = {0};
    struct lake_verified seen = {.findings = -1};
    struct lake_plan plan = plan_of(f);
    struct lake_table *t = fixture_load(f);
    struct lake_offsets o;
    assert_int_equal(plan.file_count, files);
    assert_int_equal(plan.files_total, files);
    assert_int_equal(plan.rows_total, rows);
    lake_plan_free(&plan);
    CHECK_OK(lake_table_offsets(t, &o, &err), &err);
    assert_int_equal(lake_offsets_get(&o, "t", 0), offset);
    lake_offsets_free(&o);
    CHECK_OK(lake_snapshot_offsets(t, lake_table_info(t).current_snapshot, &o, &err), &err);
    assert_int_equal(lake_offsets_get(&o, "t", 0), offset);
    lake_offsets_free(&o);
    lake_table_free(t);
    CHECK_OK(lake_verify(f->lake, "trades", NULL, NULL, &seen, &err), &err);
    assert_int_equal(seen.findings, 0);
}

static const char *summary(const struct lake_table *t, const char *key) {
    return lake_snapshot_summary(t, lake_table_info(t).current_snapshot, key);
}

static void files_change_and_nothing_else_does(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    for (int i = 0; i < 5; i++)
        fixture_commit(&f, DATE + (i == 4), i, i);
    struct lake_plan plan = plan_of(&f);
    int64_t before = 0;
    struct lake_file small[4], other = {0};
    int n = 0;
    for (int i = 0; i < 5; i++) {
        if (plan.files[i].trade_date == DATE)
            small[n++] = plan.files[i];
        else
            other = plan.files[i];
    }
    struct lake_table *t = fixture_load(&f);
    before = lake_table_info(t).current_snapshot;
    lake_table_free(t);
    struct lake_file one = merged(&f, small, 4);
    CHECK_OK(replace(&f, &one, small, 4, "c1", &err), &err);
    expect_whole(&f, 2, 500, 5);
    t = fixture_load(&f);
    assert_string_equal(summary(t, "operation"), "replace");
    assert_string_equal(summary(t, "added-records"), "400");
    assert_string_equal(summary(t, "deleted-records"), "400");
    assert_string_equal(summary(t, "deleted-data-files"), "4");
    assert_string_equal(summary(t, "total-records"), "500");
    assert_string_equal(summary(t, "changed-partition-count"), "1");
    struct lake_plan old;
    CHECK_OK(lake_plan(t, before, NULL, 0, &old, &err), &err); /* time travel */
    assert_int_equal(old.file_count, 5);
    lake_plan_free(&old);
    lake_table_free(t);
    assert_true(k2_fs_exists(small[0].path) && k2_fs_exists(other.path));
    /* The next append finds the vector it knows. */
    fixture_commit(&f, DATE, 5, 5);
    expect_whole(&f, 3, 600, 6);
    lake_file_free(&one);
    lake_plan_free(&plan);
    fixture_free(&f);
}

static void what_stays_of_a_manifest_keeps_its_sequence(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct lake_file files[3];
    for (int i = 0; i < 3; i++)
        files[i] = fixture_file(&f, DATE, i, i);
    CHECK_OK(fixture_try(&f, f.lake, files, 3, 0, 1, "a", NULL, &err), &err);
    fixture_commit(&f, DATE, 9, 9);
    struct lake_file one = merged(&f, files, 2);
    CHECK_OK(replace(&f, &one, files, 2, "c", &err), &err);
    expect_whole(&f, 3, 400, 2);
    struct lake_table *t = fixture_load(&f);
    struct lake_snapshot s;
    struct lake_manifest_list list = {0};
    CHECK_OK(lake_snapshot_find(t, lake_table_info(t).current_snapshot, &s, &err), &err);
    CHECK_OK(lake_manifest_list_load(s.manifest_list, &list, &err), &err);
    int existing = 0, deleted = 0;
    for (int i = 0; i < list.n; i++) {
        existing += list.at[i].existing_files == 1 && list.at[i].min_sequence == 1;
        deleted += list.at[i].deleted_files == 2 && list.at[i].deleted_rows == 200 &&
                   list.at[i].added_files == 1 && list.at[i].min_sequence == s.sequence_number;
    }
    assert_int_equal(existing, 1);
    assert_int_equal(deleted, 1);
    lake_manifest_list_free(&list);
    lake_table_free(t);
    for (int i = 0; i < 3; i++)
        lake_file_free(&files[i]);
    lake_file_free(&one);
    fixture_free(&f);
}

static void of_two_compactions_of_a_file_one_wins(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    for (int i = 0; i < 3; i++)
        fixture_commit(&f, DATE, i, i);
    struct lake_plan plan = plan_of(&f);
    struct lake_file first = merged(&f, plan.files, 2), second = merged(&f, plan.files + 1, 2);
    CHECK_OK(replace(&f, &first, plan.files, 2, "c1", &err), &err);
    assert_int_equal(replace(&f, &second, plan.files + 1, 2, "c2", &err), K2_E_CONFLICT);
    expect_whole(&f, 2, 300, 3);
    /* The same work a second time is done already. */
    CHECK_OK(replace(&f, &first, plan.files, 2, "c1", &err), &err);
    expect_whole(&f, 2, 300, 3);
    lake_file_free(&first);
    lake_file_free(&second);
    lake_plan_free(&plan);
    fixture_free(&f);
}

static void an_added_file_that_is_gone_is_not_committed(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    fixture_commit(&f, DATE, 0, 0);
    fixture_commit(&f, DATE, 1, 1);
    struct lake_plan plan = plan_of(&f);
    struct lake_file one = merged(&f, plan.files, 2);
    CHECK_OK(k2_fs_unlink(one.path, &err), &err);
    assert_int_equal(replace(&f, &one, plan.files, 2, "c", &err), K2_E_CONFLICT);
    expect_whole(&f, 2, 200, 2);
    lake_file_free(&one);
    lake_plan_free(&plan);
    fixture_free(&f);
}

/* --- races --- */

static void *append_many(void *ctx) {
    struct fixture *f = ctx;
    struct fixture own = {.dir = f->dir, .kind = f->kind, .commits = f->commits};
    struct k2_err err = {0};
    if (lake_open(f->dir, false, &own.lake, &err) != K2_OK)
        abort();
    for (int i = 0; i < 40; i++)
        fixture_commit(&own, DATE, i, i);
    lake_close(own.lake);
    return NULL;
}

static void appends_meanwhile_are_no_conflict(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    for (int i = 0; i < 2; i++)
        fixture_commit(&f, DATE, i, i);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, append_many, &f), 0);
    int merges = 0;
    for (int i = 0; i < 25; i++) {
        struct k2_err err = {0};
        char id[16];
        struct lake_plan plan = plan_of(&f);
        if (plan.file_count >= 2) {
            struct lake_file one = merged(&f, plan.files, plan.file_count);
            snprintf(id, sizeof id, "c%d", i);
            CHECK_OK(replace(&f, &one, plan.files, plan.file_count, id, &err), &err);
            lake_file_free(&one);
            merges++;
        }
        lake_plan_free(&plan);
    }
    pthread_join(thread, NULL);
    struct lake_plan plan = plan_of(&f);
    assert_true(merges > 0);
    assert_true(plan.file_count < 42);
    expect_whole(&f, plan.file_count, 42 * 100, 42);
    lake_plan_free(&plan);
    fixture_free(&f);
}

/* --- failures --- */

static int op_count, op_fails;

static bool fails(void) {
    op_count++;
    errno = EIO;
    return op_count == op_fails;
}

static int fault_open(const char *path, int flags, mode_t mode) {
    return fails() ? -1 : k2_fs_system.open(path, flags, mode);
}

static ssize_t fault_pwrite(int fd, const void *bytes, size_t n, off_t at) {
    return fails() ? -1 : k2_fs_system.pwrite(fd, bytes, n, at);
}

static int fault_sync(int fd) {
    return fails() ? -1 : k2_fs_system.sync(fd);
}

static int fault_sync_dir(const char *path) {
    return fails() ? -1 : k2_fs_system.sync_dir(path);
}

static void any_failure_leaves_the_old_files_or_the_new_ones(void **state) {
    (void)state;
    struct k2_fs_ops ops = k2_fs_system;
    ops.open = fault_open;
    ops.pwrite = fault_pwrite;
    ops.sync = fault_sync;
    ops.sync_dir = fault_sync_dir;
    bool reached = true;
    for (int i = 1; reached; i++) {
        struct fixture f = fixture_new();
        struct k2_err err = {0};
        for (int k = 0; k < 3; k++)
            fixture_commit(&f, DATE, k, k);
        struct lake_plan plan = plan_of(&f);
        struct lake_file one = merged(&f, plan.files, 3);
        op_count = 0;
        op_fails = i;
        k2_fs_use(&ops);
        int rc = replace(&f, &one, plan.files, 3, "c", &err);
        k2_fs_use(NULL);
        reached = op_count >= i;
        assert_true(rc == K2_OK || rc == K2_E_IO);
        expect_whole(&f, rc == K2_OK ? 1 : 3, 300, 3);
        CHECK_OK(replace(&f, &one, plan.files, 3, "c", &err), &err);
        expect_whole(&f, 1, 300, 3);
        lake_file_free(&one);
        lake_plan_free(&plan);
        fixture_free(&f);
        assert_true(i < 200);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_change_and_nothing_else_does),
        cmocka_unit_test(what_stays_of_a_manifest_keeps_its_sequence),
        cmocka_unit_test(of_two_compactions_of_a_file_one_wins),
        cmocka_unit_test(an_added_file_that_is_gone_is_not_committed),
        cmocka_unit_test(appends_meanwhile_are_no_conflict),
        cmocka_unit_test(any_failure_leaves_the_old_files_or_the_new_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
