/* tests/crash/backup_powercut_test.c - backups, restores and moved directories on a disk that loses power.
 * k2-test: timeout=300
 *
 * A small data directory and its backup lie on one disk. An operation runs again and again, and the power
 * goes at each of its changes in turn; the disk then holds another part of what was not synced. Whatever
 * is visible afterwards must be whole, and the operation must succeed when it is repeated.
 */
#include "base/log.h"
#include "crash/disk.h"
#include "crash/sqlite_disk.h"
#include "unit/lake/lake_fixture.h"

#include "lake/backup_int.h"

#define RECORDS 60

static struct k2_err err;
static const struct backup_options plain;
static const struct lake_relocate_options move;

struct world {
    char *root, *data, *dest, *to;
    struct disk *disk;
};

static void append(const char *data, int n) {
    struct journal *j;
    struct journal_topic t;
    CHECK_OK(journal_open(data, JOURNAL_WRITE, NULL, &j, &err), &err);
    CHECK_OK(journal_topic(j, K2_SV("raw"), true, &t, &err), &err);
    for (int i = 0; i < n; i++) {
        k2_buf_str(journal_record_begin(j, 0, i % 3, K2_SV("key")), "a value of a record");
        journal_record_end(j, 0);
    }
    CHECK_OK(journal_commit(j, &err), &err);
    journal_close(j);
}

/* What is there now is durable, and the counting begins. */
static void settle(struct world *w) {
    disk_unmount(w->disk);
    w->disk = disk_mount(w->root);
}

/* Records in the journal, two snapshots in a table; all of it durable. */
static struct world world_new(void) {
    struct world w = {.root = k2test_dir()};
    struct fixture f = {.kind = k2_kind(K2_KIND_TRADE)};
    w.disk = disk_mount(w.root);
    w.data = k2_path(w.root, "data");
    w.dest = k2_path(w.root, "dest");
    w.to = k2_path(w.root, "to");
    append(w.data, RECORDS);
    CHECK_OK(lake_open(w.data, true, &f.lake, &err), &err);
    CHECK_OK(lake_table_ensure(f.lake, f.kind, &err), &err);
    (void)fixture_commit(&f, 16139, 1, 5);
    (void)fixture_commit(&f, 16140, 6, 9);
    lake_close(f.lake);
    settle(&w);
    return w;
}

static void world_free(struct world *w) {
    disk_unmount(w->disk);
    free(w->data);
    free(w->dest);
    free(w->to);
    k2test_rmdir(w->root);
}

static int back_up(struct world *w) {
    struct backup_cut cut;
    int rc = backup_take(w->data, w->dest, &plain, &cut, &err);
    backup_cut_free(&cut);
    return rc;
}

static int64_t count_cuts(const struct world *w, int64_t *findings) {
    struct backup_findings f = {0};
    char **ids;
    size_t n;
    *findings = 0;
    if (backup_cuts(w->dest, &ids, &n, &err) != K2_OK) /* DEST itself was lost */
        return 0;
    k2_fs_names_free(ids, n);
    CHECK_OK(backup_verify(w->dest, NULL, &f, &err), &err);
    *findings = f.findings;
    return (int64_t)n;
}

/* Whether the directory holds everything: both snapshots with their files, all records. */
static void check_whole(const char *data, int records) {
    struct lake *l;
    struct lake_table *t;
    struct journal *j;
    int64_t ends[3];
    CHECK_OK(lake_open(data, false, &l, &err), &err);
    CHECK_OK(lake_table_load(l, K2_SV("trades"), &t, &err), &err);
    assert_int_equal(t->snapshot_count, 2);
    for (int i = 0; i < 2; i++) {
        struct lake_plan p;
        CHECK_OK(lake_plan(t, t->snapshots[i].id, NULL, 0, &p, &err), &err);
        assert_int_equal(p.file_count, i + 1);
        for (int k = 0; k <= i; k++)
            assert_int_equal(k2_fs_size(p.files[k].path), p.files[k].bytes);
        lake_plan_free(&p);
    }
    lake_table_free(t);
    lake_close(l);
    CHECK_OK(journal_open(data, JOURNAL_READ, NULL, &j, &err), &err);
    CHECK_OK(journal_ends(j, 0, ends, &err), &err);
    assert_int_equal(ends[0] + ends[1] + ends[2], records);
    journal_close(j);
}

/* --- backups --- */

/* The power goes at the n-th change of a second backup. True: there was no n-th. */
static bool cut_backup(int64_t n, uint64_t seed) {
    struct world w = world_new();
    int64_t findings;
    CHECK_OK(back_up(&w), &err);
    append(w.data, 10);
    settle(&w);
    disk_power_off_at(w.disk, n);
    bool complete = back_up(&w) == K2_OK;
    disk_cut(w.disk, seed);
    int64_t cuts = count_cuts(&w, &findings);
    assert_int_equal(findings, 0);
    if (complete)
        assert_int_equal(cuts, 2);
    assert_in_range(cuts, 1, 2);
    CHECK_OK(back_up(&w), &err); /* the next one goes on from what is there */
    assert_int_equal(count_cuts(&w, &findings), cuts + 1);
    assert_int_equal(findings, 0);
    world_free(&w);
    return complete;
}

static void visible_cut_is_whole_wherever_the_power_goes(void **state) {
    (void)state;
    uint64_t seeds = k2test_seed();
    int64_t n = 1;
    for (bool done = false; !done; n++)
        for (int s = 0; s < 2; s++)
            done = cut_backup(n, s ? k2test_random(&seeds) | 1 : 0);
    print_message("%lld cut points\n", (long long)n);
    assert_true(n > 20);
}

/* A sync that does nothing must show: the cut is there and what it names is not. */
static void every_sync_of_a_backup_is_needed(void **state) {
    (void)state;
    static const struct {
        enum disk_op op;
        const char *pattern;
        bool cut_lost; /* the cut itself goes */
    } syncs[] = {{DISK_SYNC, "*/tmp/copy", false},
                 {DISK_SYNC_DIR, "*/objects/??", false},
                 {DISK_SYNC_DIR, "*/objects", false},
                 {DISK_SYNC, "*/cuts/*", true},
                 {DISK_SYNC_DIR, "*/cuts", true}};
    for (size_t i = 0; i < sizeof syncs / sizeof *syncs; i++) {
        struct world w = world_new();
        int64_t findings;
        disk_ignore(w.disk, syncs[i].op, syncs[i].pattern, 0);
        CHECK_OK(back_up(&w), &err);
        disk_cut(w.disk, 0);
        int64_t cuts = count_cuts(&w, &findings);
        if (findings == 0 && !(syncs[i].cut_lost && cuts == 0))
            fail_msg("no cut notices that sync %s is ignored", syncs[i].pattern);
        world_free(&w);
    }
}

/* --- restores --- */

static char *only_cut(const struct world *w) {
    char **ids;
    size_t n;
    CHECK_OK(backup_cuts(w->dest, &ids, &n, &err), &err);
    assert_int_equal(n, 1);
    char *id = k2_strdup(ids[0]);
    k2_fs_names_free(ids, n);
    return id;
}

/* Nobody takes a part for the whole: it opens and is whole, or it does not open. */
static void check_all_or_nothing(const struct world *w) {
    struct journal *j = NULL;
    struct lake *l = NULL;
    bool journal = journal_open(w->to, JOURNAL_READ, NULL, &j, &err) == K2_OK;
    bool lake = lake_open(w->to, false, &l, &err) == K2_OK;
    journal_close(j);
    lake_close(l);
    assert_int_equal(journal, lake);
    if (lake)
        check_whole(w->to, RECORDS);
}

static bool cut_restore(int64_t n, uint64_t seed) {
    struct world w = world_new();
    CHECK_OK(back_up(&w), &err);
    char *id = only_cut(&w);
    settle(&w);
    disk_power_off_at(w.disk, n);
    bool complete = backup_restore(w.dest, id, w.to, &plain, &err) == K2_OK;
    disk_cut(w.disk, seed);
    check_all_or_nothing(&w);
    if (complete)
        check_whole(w.to, RECORDS);
    free(id);
    world_free(&w);
    return complete;
}

static void restored_directory_is_whole_or_does_not_open(void **state) {
    (void)state;
    uint64_t seeds = k2test_seed();
    int64_t n = 1;
    for (bool done = false; !done; n++)
        for (int s = 0; s < 2; s++)
            done = cut_restore(n, s ? k2test_random(&seeds) | 1 : 0);
    print_message("%lld cut points\n", (long long)n);
    assert_true(n > 40);
}

/* --- moved directories --- */

static bool cut_move(int64_t n, uint64_t seed) {
    struct world w = world_new();
    struct lake_relocation r;
    struct lake *l;
    assert_int_equal(rename(w.data, w.to), 0);
    settle(&w);
    disk_power_off_at(w.disk, n);
    bool complete = lake_relocate(w.to, &move, &r, &err) == K2_OK;
    disk_cut(w.disk, seed);
    int rc = lake_open(w.to, false, &l, &err);
    if (rc == K2_OK)
        lake_close(l);
    else
        assert_int_equal(rc, K2_E_INVALID); /* the old state, and it is found again */
    assert_true(rc == K2_OK || !complete);
    CHECK_OK(lake_relocate(w.to, &move, &r, &err), &err);
    assert_int_equal(r.tables, rc == K2_OK ? 0 : 1);
    disk_cut(w.disk, seed);
    check_whole(w.to, RECORDS);
    world_free(&w);
    return complete;
}

static void moved_directory_is_old_or_new_wherever_the_power_goes(void **state) {
    (void)state;
    uint64_t seeds = k2test_seed();
    int64_t n = 1;
    for (bool done = false; !done; n++)
        for (int s = 0; s < 2; s++)
            done = cut_move(n, s ? k2test_random(&seeds) | 1 : 0);
    print_message("%lld cut points\n", (long long)n);
    assert_true(n > 20);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR + 1, false); /* failures are what is wanted here */
    sqlite_disk_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(visible_cut_is_whole_wherever_the_power_goes),
        cmocka_unit_test(every_sync_of_a_backup_is_needed),
        cmocka_unit_test(restored_directory_is_whole_or_does_not_open),
        cmocka_unit_test(moved_directory_is_old_or_new_wherever_the_power_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
