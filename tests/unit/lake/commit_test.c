/* Commits: races, lost replies, vectors, merging of manifests. */
#include <sys/wait.h>

#include "lake/manifest.h"
#include "lake_fixture.h"

static struct lake *open_again(struct fixture *f) {
    struct k2_err err = {0};
    struct lake *l;
    CHECK_OK(lake_open(f->dir, false, &l, &err), &err);
    return l;
}

static void expect_verified(struct fixture *f) {
    struct k2_err err = {0};
    struct lake_verified seen = {.findings = -1};
    CHECK_OK(lake_verify(f->lake, "trades", NULL, NULL, &seen, &err), &err);
    assert_int_equal(seen.findings, 0);
}

static char *metadata_directory(struct fixture *f) {
    return k2_path(f->lake->warehouse, "market_data/trades/metadata");
}

static void a_moved_vector_is_a_conflict_and_leaves_nothing_behind(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    (void)fixture_commit(&f, 16139, 1, 2);
    struct lake_file late = fixture_file(&f, 16139, 3, 4);
    char *directory = metadata_directory(&f);
    int before = fixture_count(directory, "");
    CHECK_STATUS(fixture_try(&f, f.lake, &late, 1, 0, 2, "late", NULL, &err), K2_E_CONFLICT);
    assert_non_null(strstr(err.msg, "{\"journal\":7"));
    CHECK_STATUS(fixture_try(&f, f.lake, &late, 1, 5, 6, "early", NULL, &err), K2_E_CONFLICT);
    assert_int_equal(fixture_count(directory, ""), before);
    lake_files_discard(&late, 1);
    assert_false(k2_fs_exists(late.path));
    lake_file_free(&late);
    free(directory);
    expect_verified(&f);
    fixture_free(&f);
}

static void the_same_commit_id_is_committed_once(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct lake_file file = fixture_file(&f, 16139, 1, 2), next = fixture_file(&f, 16139, 3, 4);
    int64_t first, second, again;
    CHECK_OK(fixture_try(&f, f.lake, &file, 1, 0, 1, "a", &first, &err), &err);
    CHECK_OK(fixture_try(&f, f.lake, &next, 1, 1, 2, "b", &second, &err), &err);
    /* The reply to "a" was lost; others committed since; the same work comes again. */
    CHECK_OK(fixture_try(&f, f.lake, &file, 1, 0, 1, "a", &again, &err), &err);
    assert_int_equal(again, first);
    struct lake_table *t = fixture_load(&f);
    assert_int_equal(lake_table_info(t).snapshot_count, 2);
    assert_int_equal(lake_table_info(t).current_snapshot, second);
    lake_table_free(t);
    lake_file_free(&file);
    lake_file_free(&next);
    fixture_free(&f);
}

static void an_append_without_files_moves_the_vector(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    int64_t id;
    CHECK_OK(fixture_try(&f, f.lake, NULL, 0, 0, 5, "empty", &id, &err), &err);
    struct lake_table *t = fixture_load(&f);
    struct lake_offsets o;
    CHECK_OK(lake_table_offsets(t, &o, &err), &err);
    assert_int_equal(lake_offsets_get(&o, "t", 0), 5);
    assert_int_equal(o.journal_id, 7);
    struct lake_plan plan;
    CHECK_OK(lake_plan(t, 0, NULL, 0, &plan, &err), &err);
    assert_int_equal(plan.file_count + plan.manifests_total, 0);
    lake_plan_free(&plan);
    lake_offsets_free(&o);
    lake_table_free(t);
    expect_verified(&f);
    fixture_free(&f);
}

/* A writer that changes the table without moving the vector: as pyiceberg setting a property. */
static void change_property(struct lake *l, const char *value) {
    struct k2_err err = {0};
    bool unsure;
    for (;;) {
        struct lake_table *t;
        CHECK_OK(lake_table_load(l, K2_SV("trades"), &t, &err), &err);
        lake_property_set(t, "note", k2_sv_of(value));
        lake_metadata_advance(t, 0);
        int rc = lake_metadata_swap(l, t, &unsure, &err);
        lake_table_free(t);
        if (rc == K2_OK)
            return;
        CHECK_STATUS(rc, K2_E_CONFLICT);
    }
}

static void a_stale_table_cannot_be_swapped(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct lake_table *stale = fixture_load(&f);
    change_property(f.lake, "x");
    char *directory = metadata_directory(&f);
    int before = fixture_count(directory, "");
    bool unsure;
    lake_metadata_advance(stale, 0);
    CHECK_STATUS(lake_metadata_swap(f.lake, stale, &unsure, &err), K2_E_CONFLICT);
    assert_false(unsure);
    assert_int_equal(fixture_count(directory, ""), before);
    free(directory);
    lake_table_free(stale);
    fixture_free(&f);
}

/* Two processes: one appends, one changes the table all the time without moving the vector. Every
 * append is rebased on what the other did, and none is lost. */
static void appends_are_rebased_on_changes_that_move_no_vector(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    enum { APPENDS = 25 };
    pid_t child = fork();
    if (child == 0) {
        struct lake *l = open_again(&f);
        char value[16];
        for (int i = 0; i < 40; i++) {
            (void)snprintf(value, sizeof value, "%d", i);
            change_property(l, value);
        }
        lake_close(l);
        _exit(0);
    }
    struct lake *l = open_again(&f);
    lake_close(f.lake);
    f.lake = l;
    for (int i = 0; i < APPENDS; i++)
        (void)fixture_commit(&f, 16139, i, i);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct lake_table *t = fixture_load(&f);
    assert_int_equal(lake_table_info(t).snapshot_count, APPENDS);
    assert_string_equal(lake_table_property(t, "note"), "39");
    lake_table_free(t);
    expect_verified(&f);
    fixture_free(&f);
}

/* Commits the vector's next step until it stands at `last`; whoever loses drops its file. */
static int race(struct fixture *f, struct lake *l, int who, int last) {
    struct k2_err err = {0};
    int won = 0;
    for (;;) {
        struct lake_table *t;
        struct lake_offsets o;
        CHECK_OK(lake_table_load(l, K2_SV("trades"), &t, &err), &err);
        CHECK_OK(lake_table_offsets(t, &o, &err), &err);
        int64_t at = lake_offsets_get(&o, "t", 0);
        lake_offsets_free(&o);
        lake_table_free(t);
        if (at >= last)
            return won;
        struct lake_file file = fixture_file(f, 16139, at, at);
        char id[32];
        (void)snprintf(id, sizeof id, "%d-%lld", who, (long long)at);
        int rc = fixture_try(f, l, &file, 1, at, at + 1, id, NULL, &err);
        if (rc == K2_E_CONFLICT)
            lake_files_discard(&file, 1);
        else
            CHECK_OK(rc, &err);
        won += rc == K2_OK;
        lake_file_free(&file);
    }
}

static void two_writers_of_one_vector_commit_each_step_once(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    enum { STEPS = 30 };
    lake_close(f.lake); /* a connection does not survive a fork */
    pid_t child = fork();
    f.lake = open_again(&f);
    int won = race(&f, f.lake, child == 0, STEPS);
    if (child == 0)
        _exit(won);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(won + WEXITSTATUS(status), STEPS);
    struct lake_table *t = fixture_load(&f);
    assert_int_equal(lake_table_info(t).snapshot_count, STEPS);
    struct lake_plan plan;
    struct k2_err err = {0};
    CHECK_OK(lake_plan(t, 0, NULL, 0, &plan, &err), &err);
    assert_int_equal(plan.file_count, STEPS);
    lake_plan_free(&plan);
    lake_table_free(t);
    expect_verified(&f);
    /* What the losers wrote is gone again: a list and a manifest a snapshot, 20 + 1 metadata. */
    char *directory = metadata_directory(&f);
    assert_int_equal(fixture_count(directory, ""), 2 * STEPS + 21);
    free(directory);
    fixture_free(&f);
}

static void two_processes_make_one_table(void **state) {
    (void)state;
    for (int round = 0; round < 5; round++) {
        struct fixture f = {.dir = k2test_dir(), .kind = k2_kind(K2_KIND_TRADE)};
        struct k2_err err = {0};
        pid_t child = fork();
        CHECK_OK(lake_open(f.dir, true, &f.lake, &err), &err);
        CHECK_OK(lake_table_ensure(f.lake, f.kind, &err), &err);
        if (child == 0)
            _exit(0);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        char *directory = metadata_directory(&f);
        assert_int_equal(fixture_count(directory, ".metadata.json"), 1);
        free(directory);
        fixture_free(&f);
    }
}

/* --- merging --- */

/* The entry of commit i (its lower bound) keeps that commit's snapshot and sequence number; it is
 * ADDED only in the manifest which that commit wrote. */
struct entry_check {
    const int64_t *snapshots;
    const struct lake_manifest *manifest;
    int existing;
};

static K2_RC check_entry(void *ctx, struct lake_entry *e, struct k2_err *err) {
    (void)err;
    struct entry_check *c = ctx;
    int64_t i;
    memcpy(&i, e->file.metrics[1].lower, 8);
    assert_int_equal(e->snapshot, c->snapshots[i]);
    assert_int_equal(e->sequence, i + 1);
    assert_int_equal(e->file_sequence, i + 1);
    bool own = c->manifest->added_snapshot == e->snapshot;
    assert_int_equal(e->status, own ? LAKE_ADDED : LAKE_EXISTING);
    assert_true(c->manifest->min_sequence <= e->sequence);
    c->existing += !own;
    return K2_OK;
}

static void check_entries(const struct lake_table *t, const int64_t *snapshots) {
    struct k2_err err = {0};
    struct lake_manifest_list list;
    struct lake_manifest_reader reader = {0};
    struct entry_check c = {.snapshots = snapshots};
    struct lake_snapshot s;
    CHECK_OK(lake_snapshot_find(t, lake_table_info(t).current_snapshot, &s, &err), &err);
    CHECK_OK(lake_manifest_list_load(s.manifest_list, &list, &err), &err);
    for (int i = 0; i < list.n; i++) {
        c.manifest = &list.at[i];
        CHECK_OK(lake_manifest_read(&reader, t, &list.at[i], check_entry, &c, &err), &err);
    }
    assert_true(c.existing > 150);
    lake_manifest_reader_free(&reader);
    lake_manifest_list_free(&list);
}

static void merging_keeps_every_file_once_with_all_it_said(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    enum { COMMITS = 230 };
    char *paths[COMMITS];
    int64_t ids[COMMITS];
    for (int i = 0; i < COMMITS; i++) {
        struct lake_file file = fixture_file(&f, 16139 + i % 7, i, 2 * i);
        char id[32];
        (void)snprintf(id, sizeof id, "%d", i);
        CHECK_OK(fixture_try(&f, f.lake, &file, 1, i, i + 1, id, &ids[i], &err), &err);
        paths[i] = k2_strdup(file.path);
        lake_file_free(&file);
    }
    struct lake_table *t = fixture_load(&f);
    struct lake_plan plan;
    CHECK_OK(lake_plan(t, 0, NULL, 0, &plan, &err), &err);
    assert_true(plan.manifests_total < 110);
    assert_int_equal(plan.file_count, COMMITS);
    assert_int_equal(plan.rows_total, 100 * COMMITS);
    for (int i = 0; i < COMMITS; i++) {
        int found = 0;
        for (int k = 0; k < plan.file_count; k++) {
            const struct lake_file *file = &plan.files[k];
            if (strcmp(file->path, paths[i]) != 0)
                continue;
            found++;
            int64_t low, high;
            memcpy(&low, file->metrics[1].lower, 8);
            memcpy(&high, file->metrics[1].upper, 8);
            assert_int_equal(low, i);
            assert_int_equal(high, 2 * i);
            assert_int_equal(file->trade_date, 16139 + i % 7);
            assert_int_equal(file->splits[0], 4);
        }
        assert_int_equal(found, 1);
        free(paths[i]);
    }
    check_entries(t, ids);
    lake_plan_free(&plan);
    CHECK_OK(lake_plan(t, ids[150], NULL, 0, &plan, &err), &err); /* old snapshots are untouched */
    assert_int_equal(plan.file_count, 151);
    lake_plan_free(&plan);
    lake_table_free(t);
    expect_verified(&f);
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_moved_vector_is_a_conflict_and_leaves_nothing_behind),
        cmocka_unit_test(the_same_commit_id_is_committed_once),
        cmocka_unit_test(an_append_without_files_moves_the_vector),
        cmocka_unit_test(a_stale_table_cannot_be_swapped),
        cmocka_unit_test(appends_are_rebased_on_changes_that_move_no_vector),
        cmocka_unit_test(two_writers_of_one_vector_commit_each_step_once),
        cmocka_unit_test(two_processes_make_one_table),
        cmocka_unit_test(merging_keeps_every_file_once_with_all_it_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
