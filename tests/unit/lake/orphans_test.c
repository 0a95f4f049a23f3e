/* Files that nothing names are found and removed when they are old; no other file is, ever. */
#include "lake_fixture.h"

#include <sys/wait.h>

#define HOUR_NS (3600 * K2_NS_PER_SEC)
#define DATE 16139

struct seen {
    int n;
    char path[16][512];
};

static void note(void *ctx, const char *path, int64_t bytes, int64_t changed_ns) {
    struct seen *s = ctx;
    assert_true(bytes > 0 && changed_ns > 0 && s->n < 16);
    (void)snprintf(s->path[s->n++], sizeof s->path[0], "%s", path);
}

/* As if so many hours had gone by. */
static struct lake_orphans remove_after(struct fixture *f, int hours) {
    struct k2_err err = {0};
    struct lake_orphan_options o = {.now_ns = k2_now_ns() + hours * HOUR_NS,
                                    .age_ns = 24 * HOUR_NS};
    struct lake_orphans out;
    CHECK_OK(lake_remove_orphans(f->lake, NULL, &o, &out, &err), &err);
    return out;
}

static void expect_verified(struct fixture *f) {
    struct k2_err err = {0};
    struct lake_verified seen;
    CHECK_OK(lake_verify(f->lake, "trades", NULL, NULL, &seen, &err), &err);
    assert_int_equal(seen.findings, 0);
}

static char *leave(struct fixture *f, const char *name) {
    struct k2_err err = {0};
    char *path = k2_path(f->lake->warehouse, name), *slash = strrchr(path, '/');
    *slash = 0;
    CHECK_OK(k2_fs_mkdirs(path, &err), &err);
    *slash = '/';
    CHECK_OK(k2_fs_create(path, K2_SV("left by a killed writer"), &err), &err);
    return path;
}

static void what_a_killed_writer_left_goes_when_it_is_old(void **state) {
    (void)state;
    static const char *const names[] = {"market_data/trades/data/trade_date=2014-03-10/x.parquet",
                                        "market_data/trades/data/trade_date=2031-01-01/y.parquet",
                                        "market_data/trades/metadata/0-m0.avro",
                                        "market_data/trades/metadata/snap-1-0-z.avro",
                                        "market_data/trades/metadata/00007-a.metadata.json"};
    struct fixture f = fixture_new();
    char *paths[5];
    (void)fixture_commit(&f, DATE, 1, 2);
    for (int i = 0; i < 5; i++)
        paths[i] = leave(&f, names[i]);
    struct lake_orphans young = remove_after(&f, 23);
    assert_int_equal(young.files, 5);
    assert_int_equal(young.bytes, 5 * 23);
    assert_int_equal(young.old + young.old_bytes, 0);
    struct lake_orphans old = remove_after(&f, 25);
    assert_int_equal(old.old, 5);
    assert_int_equal(old.old_bytes, 5 * 23);
    for (int i = 0; i < 5; i++) {
        assert_false(k2_fs_exists(paths[i]));
        free(paths[i]);
    }
    assert_int_equal(remove_after(&f, 25).files, 0);
    expect_verified(&f);
    fixture_free(&f);
}

static void a_dry_run_names_them_and_removes_nothing(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct seen seen = {0};
    struct lake_orphans out;
    (void)fixture_commit(&f, DATE, 1, 2);
    char *path = leave(&f, "market_data/trades/data/trade_date=2014-03-10/x.parquet");
    struct lake_orphan_options o = {.now_ns = k2_now_ns() + 25 * HOUR_NS,
                                    .age_ns = 24 * HOUR_NS,
                                    .dry_run = true,
                                    .each = note,
                                    .ctx = &seen};
    CHECK_OK(lake_remove_orphans(f.lake, "trades", &o, &out, &err), &err);
    assert_int_equal(out.old, 1);
    assert_int_equal(seen.n, 1);
    assert_string_equal(seen.path[0], path);
    assert_true(k2_fs_exists(path));
    free(path);
    fixture_free(&f);
}

/* Not of the writers' names, outside of data and metadata, links, directories, other tables. */
static void what_is_not_ours_to_judge_stays(void **state) {
    (void)state;
    static const char *const names[] = {
        "market_data/trades/data/README.txt", "market_data/trades/metadata/version-hint.text",
        "market_data/trades/x.parquet", "market_data/unknown/data/x.parquet",
        "elsewhere/trades/data/x.parquet"};
    struct fixture f = fixture_new();
    (void)fixture_commit(&f, DATE, 1, 2);
    char *target = leave(&f, "elsewhere/target.parquet");
    char *link = k2_path(f.lake->warehouse, "market_data/trades/data/link.parquet");
    char *inward = k2_path(f.lake->warehouse, "market_data/trades/data/loop");
    char *outer = k2_path(f.lake->warehouse, "elsewhere");
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(symlink(outer, inward), 0);
    for (int i = 0; i < 5; i++)
        free(leave(&f, names[i]));
    struct lake_orphans out = remove_after(&f, 100);
    assert_int_equal(out.files, 0);
    assert_true(k2_fs_exists(link) && k2_fs_exists(target));
    free(target);
    free(link);
    free(inward);
    free(outer);
    expect_verified(&f);
    fixture_free(&f);
}

/* The spelling of a location is its writer's; the file is the same. */
static void a_file_that_is_named_in_other_letters_stays(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct lake_file file = fixture_file(&f, DATE, 1, 2);
    struct k2_buf spelled = {0};
    const char *at = strstr(file.path, "/data/");
    assert_non_null(at);
    k2_buf_put(&spelled, file.path, (size_t)(at - file.path));
    k2_buf_printf(&spelled, "/metadata/..//data/.%s", at + 5);
    free(file.path);
    file.path = k2_sv_dup(k2_buf_view(&spelled));
    CHECK_OK(fixture_try(&f, f.lake, &file, 1, 0, 1, "odd", NULL, &err), &err);
    assert_int_equal(remove_after(&f, 100).files, 0);
    expect_verified(&f);
    k2_buf_free(&spelled);
    lake_file_free(&file);
    fixture_free(&f);
}

/* The files of a table that another program registered a second time, and that then went on. */
static void what_any_row_of_the_catalog_names_stays(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    bool unsure;
    (void)fixture_commit(&f, DATE, 1, 2);
    struct lake_table *t = fixture_load(&f);
    CHECK_OK(
        lake_catalog_insert(f.lake->catalog, "copy", lake_table_info(t).metadata_location, &err),
        &err);
    /* The first one is emptied, and its metadata log with it. */
    k2_json_set(t->root, "snapshots", k2_json_array());
    k2_json_set(t->root, "snapshot-log", k2_json_array());
    k2_json_set(t->root, "refs", k2_json_object());
    k2_json_set(t->root, "current-snapshot-id", k2_json_int(-1));
    lake_metadata_advance(t, 0);
    k2_json_set(t->root, "metadata-log", k2_json_array());
    CHECK_OK(lake_metadata_swap(f.lake, t, &unsure, &err), &err);
    lake_table_free(t);
    /* Only the first metadata file, of before the commit, is named by neither. */
    assert_int_equal(remove_after(&f, 100).old, 0);
    CHECK_OK(lake_verify(f.lake, "copy", NULL, NULL, &(struct lake_verified){0}, &err), &err);
    fixture_free(&f);
}

static void nothing_goes_while_something_that_is_named_is_missing(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct lake_plan plan;
    struct lake_orphans out;
    (void)fixture_commit(&f, DATE, 1, 2);
    char *left = leave(&f, "market_data/trades/data/trade_date=2014-03-10/x.parquet");
    struct lake_table *t = fixture_load(&f);
    CHECK_OK(lake_plan(t, 0, NULL, 0, &plan, &err), &err);
    assert_int_equal(unlink(plan.files[0].path), 0);
    struct lake_orphan_options o = {.now_ns = k2_now_ns() + 100 * HOUR_NS};
    CHECK_STATUS(lake_remove_orphans(f.lake, NULL, &o, &out, &err), K2_E_CORRUPT);
    assert_non_null(strstr(err.msg, plan.files[0].path));
    assert_true(k2_fs_exists(left));
    free(left);
    lake_plan_free(&plan);
    lake_table_free(t);
    fixture_free(&f);
}

static void nothing_goes_while_a_sink_is_at_work(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct k2_lock *lock;
    struct lake_orphans out;
    char *run = k2_path(f.dir, "run"), *path = k2_path(f.dir, LAKE_WRITER_LOCK);
    (void)fixture_commit(&f, DATE, 1, 2);
    /* Written, and not committed yet: however long that takes. */
    struct lake_file file = fixture_file(&f, DATE, 3, 4);
    CHECK_OK(k2_fs_mkdirs(run, &err), &err);
    CHECK_OK(k2_lock_take(path, "sink", &lock, &err), &err);
    struct lake_orphan_options o = {.now_ns = k2_now_ns() + 100 * HOUR_NS};
    CHECK_STATUS(lake_remove_orphans(f.lake, NULL, &o, &out, &err), K2_E_LOCKED);
    CHECK_OK(fixture_try(&f, f.lake, &file, 1, 1, 2, "late", NULL, &err), &err);
    k2_lock_release(lock);
    assert_int_equal(remove_after(&f, 100).files, 0);
    expect_verified(&f);
    lake_file_free(&file);
    free(run);
    free(path);
    fixture_free(&f);
}

/* As sink_run does: the lock from the first file to the commit. */
static void commit_under_lock(struct fixture *f, const char *path) {
    struct k2_err err = {0};
    struct k2_lock *lock = NULL;
    int rc;
    while ((rc = k2_lock_take(path, "sink", &lock, &err)) == K2_E_LOCKED)
        usleep(1000);
    CHECK_OK(rc, &err);
    (void)fixture_commit(f, DATE, 1, 2);
    k2_lock_release(lock);
    usleep(2000);
}

static void a_sink_that_commits_at_the_same_time_loses_nothing(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    char *run = k2_path(f.dir, "run"), *path = k2_path(f.dir, LAKE_WRITER_LOCK);
    CHECK_OK(k2_fs_mkdirs(run, &err), &err);
    lake_close(f.lake);
    f.lake = NULL;
    pid_t child = fork();
    CHECK_OK(lake_open(f.dir, false, &f.lake, &err), &err);
    if (child == 0) {
        for (int i = 0; i < 40; i++)
            commit_under_lock(&f, path);
        _exit(0);
    }
    int status = 0, looks = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        struct lake_orphans out;
        struct lake_orphan_options o = {.now_ns = k2_now_ns() + 100 * HOUR_NS};
        int rc = lake_remove_orphans(f.lake, NULL, &o, &out, &err);
        if (rc != K2_OK && rc != K2_E_LOCKED)
            fail_msg("%s", err.msg);
        looks += rc == K2_OK;
    }
    assert_int_equal(status, 0);
    assert_true(looks > 0);
    struct lake_table *t = fixture_load(&f);
    assert_int_equal(lake_table_info(t).snapshot_count, 40);
    lake_table_free(t);
    expect_verified(&f);
    free(run);
    free(path);
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_killed_writer_left_goes_when_it_is_old),
        cmocka_unit_test(a_dry_run_names_them_and_removes_nothing),
        cmocka_unit_test(what_is_not_ours_to_judge_stays),
        cmocka_unit_test(a_file_that_is_named_in_other_letters_stays),
        cmocka_unit_test(what_any_row_of_the_catalog_names_stays),
        cmocka_unit_test(nothing_goes_while_something_that_is_named_is_missing),
        cmocka_unit_test(nothing_goes_while_a_sink_is_at_work),
        cmocka_unit_test(a_sink_that_commits_at_the_same_time_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
