/* Cuts of a data directory: taken, listed, verified, restored. */
#include "lake_fixture.h"

#include "base/log.h"
#include "journal/journal.h"
#include "lake/backup_int.h"

static struct k2_err err;
static const struct backup_options plain;

struct world {
    struct fixture lake;
    struct journal *journal;
    char *dest, *to;
};

static char *beside(const char *dir, const char *ending) {
    struct k2_buf b = {0};
    k2_buf_printf(&b, "%s.%s", dir, ending);
    char *path = k2_strdup(k2_buf_cstr(&b));
    k2_buf_free(&b);
    return path;
}

static void append(struct world *w, int n) {
    for (int i = 0; i < n; i++) {
        k2_buf_str(journal_record_begin(w->journal, 0, i % 3, K2_SV("key")), "a value of a record");
        journal_record_end(w->journal, 0);
    }
    CHECK_OK(journal_commit(w->journal, &err), &err);
}

/* The index of the sealed segment is written by a thread; cuts of before and after it differ. */
static void wait_for_index(const char *dir) {
    char *path = k2_path(dir, "journal/00000000000000000000.idx");
    for (int i = 0; !k2_fs_exists(path) && i < 10000; i++)
        usleep(1000);
    assert_true(k2_fs_exists(path));
    free(path);
}

/* A journal of two segments that is open for writing, a position, and a table of two snapshots. */
static struct world world_new(void) {
    struct world w = {.lake = fixture_new()};
    struct journal_topic t;
    w.dest = beside(w.lake.dir, "dest");
    w.to = beside(w.lake.dir, "to");
    CHECK_OK(journal_open(w.lake.dir, JOURNAL_WRITE, NULL, &w.journal, &err), &err);
    CHECK_OK(journal_topic(w.journal, K2_SV("raw"), true, &t, &err), &err);
    append(&w, 100);
    CHECK_OK(journal_seal(w.journal, &err), &err);
    wait_for_index(w.lake.dir);
    append(&w, 50);
    const struct journal_span read = {.topic = 0, .partition = 1, .from = 20};
    CHECK_OK(journal_position_save(w.journal, "group", &read, 1, &err), &err);
    (void)fixture_commit(&w.lake, 16139, 1, 5);
    (void)fixture_commit(&w.lake, 16140, 6, 9);
    return w;
}

static void world_free(struct world *w) {
    journal_close(w->journal);
    fixture_free(&w->lake);
    k2test_rmdir(w->dest);
    k2test_rmdir(w->to);
}

static struct backup_cut take(struct world *w) {
    struct backup_cut cut;
    CHECK_OK(backup_take(w->lake.dir, w->dest, &plain, &cut, &err), &err);
    return cut;
}

static const struct backup_file *file_of(const struct backup_cut *cut, const char *ending) {
    for (int i = 0; i < cut->file_count; i++)
        if (k2_sv_ends(k2_sv_of(cut->files[i].path), k2_sv_of(ending)))
            return &cut->files[i];
    fail_msg("the cut has no file that ends in %s", ending);
    return NULL;
}

static int64_t findings_of(const struct world *w, const char *id) {
    struct backup_findings f = {0};
    CHECK_OK(backup_verify(w->dest, id, &f, &err), &err);
    assert_true(f.parts > 0);
    return f.findings;
}

/* The records of topic 0 in a data directory, and that nothing in its journal is damaged. */
static int64_t count_records(const char *dir) {
    struct journal *j;
    int64_t findings, records, ends[3];
    CHECK_OK(journal_open(dir, JOURNAL_READ, NULL, &j, &err), &err);
    CHECK_OK(journal_verify(j, NULL, NULL, &findings, &records, &err), &err);
    assert_int_equal(findings, 0);
    CHECK_OK(journal_ends(j, 0, ends, &err), &err);
    assert_int_equal(ends[0] + ends[1] + ends[2], records);
    journal_close(j);
    return records;
}

static int count_snapshots(const char *dir) {
    struct lake *l;
    struct lake_table *t;
    CHECK_OK(lake_open(dir, false, &l, &err), &err);
    CHECK_OK(lake_table_load(l, K2_SV("trades"), &t, &err), &err);
    int n = t->snapshot_count;
    for (int i = 0; i < n; i++) {
        struct lake_plan p;
        CHECK_OK(lake_plan(t, t->snapshots[i].id, NULL, 0, &p, &err), &err);
        for (int k = 0; k < p.file_count; k++)
            assert_int_equal(k2_fs_size(p.files[k].path), p.files[k].bytes);
        lake_plan_free(&p);
    }
    lake_table_free(t);
    lake_close(l);
    return n;
}

static void restored_cut_is_the_directory_of_that_moment(void **state) {
    (void)state;
    struct world w = world_new();
    struct backup_cut cut = take(&w);
    struct journal *j;
    struct journal_span *spans;
    int n;
    append(&w, 30); /* after the cut */
    (void)fixture_commit(&w.lake, 16141, 10, 12);
    CHECK_OK(backup_restore(w.dest, cut.id, w.to, &plain, &err), &err);
    assert_int_equal(count_records(w.to), 150);
    assert_int_equal(count_snapshots(w.to), 2);
    assert_int_equal(cut.journal_id, journal_id(w.journal));
    CHECK_OK(journal_open(w.to, JOURNAL_WRITE, NULL, &j, &err), &err); /* and it goes on */
    CHECK_OK(journal_position_load(j, "group", &spans, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_int_equal(spans[0].from, 20);
    free(spans);
    journal_close(j);
    backup_cut_free(&cut);
    world_free(&w);
}

static void second_cut_copies_only_what_is_new(void **state) {
    (void)state;
    struct world w = world_new();
    struct backup_cut first = take(&w), same = take(&w);
    assert_true(first.bytes_new > 0);
    assert_int_equal(same.bytes_total, first.bytes_total);
    assert_int_equal(same.bytes_new, 0);
    append(&w, 10);
    struct backup_cut grown = take(&w);
    const struct backup_file *sealed = file_of(&grown, ".seg");
    assert_int_equal(sealed->part_count, 1);
    int grew = 0;
    for (int i = 0; i < grown.file_count; i++)
        grew += grown.files[i].part_count == 2;
    assert_int_equal(grew, 1); /* the tail: what it was, and what came */
    assert_int_equal(grown.bytes_new, grown.journal_end - first.journal_end);
    assert_int_equal(findings_of(&w, NULL), 0);
    CHECK_OK(backup_restore(w.dest, grown.id, w.to, &plain, &err), &err);
    assert_int_equal(count_records(w.to), 160);
    backup_cut_free(&first);
    backup_cut_free(&same);
    backup_cut_free(&grown);
    world_free(&w);
}

static void segment_that_was_the_tail_keeps_its_parts_when_sealed(void **state) {
    (void)state;
    struct world w = world_new();
    struct backup_cut a = take(&w);
    append(&w, 10);
    CHECK_OK(journal_seal(w.journal, &err), &err);
    append(&w, 5);
    struct backup_cut b = take(&w);
    CHECK_OK(backup_restore(w.dest, b.id, w.to, &plain, &err), &err);
    assert_int_equal(count_records(w.to), 165);
    k2test_rmdir(w.to);
    w.to = beside(w.lake.dir, "to");
    CHECK_OK(backup_restore(w.dest, a.id, w.to, &plain, &err), &err);
    assert_int_equal(count_records(w.to), 150);
    backup_cut_free(&a);
    backup_cut_free(&b);
    world_free(&w);
}

static void dry_run_writes_nothing(void **state) {
    (void)state;
    struct world w = world_new();
    struct backup_cut cut;
    const struct backup_options dry = {.dry_run = true};
    CHECK_OK(backup_take(w.lake.dir, w.dest, &dry, &cut, &err), &err);
    assert_true(cut.bytes_new > 0);
    assert_false(k2_fs_exists(w.dest));
    backup_cut_free(&cut);
    cut = take(&w);
    CHECK_OK(backup_restore(w.dest, cut.id, w.to, &dry, &err), &err);
    assert_false(k2_fs_exists(w.to));
    backup_cut_free(&cut);
    world_free(&w);
}

/* Changes a byte of the object that holds the end of the file. */
static void damage(const struct world *w, const struct backup_file *f) {
    const struct backup_part *p = &f->parts[f->part_count - 1];
    char hex[33], name[64];
    k2_h128_hex(p->sum, hex);
    snprintf(name, sizeof name, "objects/%.2s/%s", hex, hex);
    char *path = k2_path(w->dest, name);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)p->bytes / 2, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, (long)p->bytes / 2, SEEK_SET), 0);
    fputc(byte ^ 1, file);
    assert_int_equal(fclose(file), 0);
    free(path);
}

static void damage_is_found_and_a_restore_stops_at_it(void **state) {
    (void)state;
    static const char *const endings[] = {".parquet", ".seg", "meta", "catalog.db", "-m0.avro"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        struct world w = world_new();
        struct backup_cut cut = take(&w);
        damage(&w, file_of(&cut, endings[i]));
        assert_int_equal(findings_of(&w, cut.id), 1);
        CHECK_STATUS(backup_restore(w.dest, cut.id, w.to, &plain, &err), K2_E_CORRUPT);
        struct lake *l;
        struct journal *j;
        CHECK_STATUS(lake_open(w.to, true, &l, &err), K2_E_INVALID); /* nobody takes it for whole */
        CHECK_STATUS(journal_open(w.to, JOURNAL_WRITE, NULL, &j, &err), K2_E_INVALID);
        backup_cut_free(&cut);
        world_free(&w);
    }
}

static void lost_object_is_copied_again_by_the_next_cut(void **state) {
    (void)state;
    struct world w = world_new();
    struct backup_cut cut = take(&w);
    char command[4200];
    snprintf(command, sizeof command, "rm -rf '%s'/objects/*", w.dest);
    assert_int_equal(system(command), 0);
    assert_true(findings_of(&w, cut.id) > 5);
    backup_cut_free(&cut);
    cut = take(&w);
    assert_int_equal(findings_of(&w, NULL), 0);
    backup_cut_free(&cut);
    world_free(&w);
}

static void description_that_changed_is_corrupt(void **state) {
    (void)state;
    struct world w = world_new();
    struct backup_cut cut = take(&w), again;
    struct k2_buf text = {0};
    char name[64];
    snprintf(name, sizeof name, "cuts/%s.json", cut.id);
    char *path = k2_path(w.dest, name);
    CHECK_OK(k2_fs_read(path, &text, &err), &err);
    for (size_t i = 0; i + 1 < text.n; i += 97) {
        text.p[i] ^= 4;
        CHECK_OK(k2_fs_replace(path, k2_buf_view(&text), &err), &err);
        int rc = backup_cut_load(w.dest, cut.id, &again, &err);
        if (rc != K2_E_CORRUPT && rc != K2_E_VERSION)
            fail_msg("byte %zu: %s", i, k2_status_name(rc));
        text.p[i] ^= 4;
    }
    k2_buf_free(&text);
    free(path);
    backup_cut_free(&cut);
    world_free(&w);
}

/* A description with a right checksum may still be hostile. */
static void path_that_leads_out_of_the_directory_is_refused(void **state) {
    (void)state;
    static const char *const paths[] = {"../x", "/etc/x", "journal/../../x", "a//b", "./a", ""};
    struct world w = world_new();
    struct backup_cut cut = take(&w), again;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        free(cut.files[0].path);
        cut.files[0].path = k2_strdup(paths[i]);
        CHECK_OK(backup_cut_save(w.dest, &cut, &err), &err);
        CHECK_STATUS(backup_cut_load(w.dest, cut.id, &again, &err), K2_E_CORRUPT);
    }
    backup_cut_free(&cut);
    world_free(&w);
}

static void places_that_would_do_harm_are_refused(void **state) {
    (void)state;
    struct world w = world_new();
    struct backup_cut cut;
    char *inside = k2_path(w.lake.dir, "backup/deep"), *file = k2_path(w.to, "file");
    CHECK_STATUS(backup_take(w.lake.dir, inside, &plain, &cut, &err), K2_E_INVALID);
    CHECK_STATUS(backup_take(w.lake.dir, w.lake.dir, &plain, &cut, &err), K2_E_INVALID);
    CHECK_OK(k2_fs_mkdirs(w.to, &err), &err);
    CHECK_OK(k2_fs_create(file, K2_SV("x"), &err), &err);
    CHECK_STATUS(backup_take(w.lake.dir, w.to, &plain, &cut, &err), K2_E_INVALID);
    cut = take(&w);
    CHECK_STATUS(backup_restore(w.dest, cut.id, w.to, &plain, &err), K2_E_EXISTS);
    CHECK_STATUS(backup_restore(w.dest, "20200101T000000.000Z", w.dest, &plain, &err), K2_E_EXISTS);
    backup_cut_free(&cut);
    free(inside);
    free(file);
    world_free(&w);
}

static void data_file_of_another_size_is_told_and_no_cut_made(void **state) {
    (void)state;
    struct world w = world_new();
    struct backup_cut cut;
    char command[4200], **ids;
    size_t n;
    snprintf(command, sizeof command,
             "find '%s' -name '*.parquet' | head -n 1 | xargs truncate -s 3", w.lake.dir);
    assert_int_equal(system(command), 0);
    CHECK_STATUS(backup_take(w.lake.dir, w.dest, &plain, &cut, &err), K2_E_CORRUPT);
    CHECK_OK(backup_cuts(w.dest, &ids, &n, &err), &err);
    assert_int_equal(n, 0);
    k2_fs_names_free(ids, n);
    world_free(&w);
}

/* The same names, the same journal_id and as many bytes, but not the same ones. */
static void directory_restored_to_an_older_cut_is_copied_as_it_is(void **state) {
    (void)state;
    struct world w = world_new();
    char *third = beside(w.lake.dir, "third"), *fourth = beside(w.lake.dir, "fourth");
    struct backup_cut first = take(&w), own;
    append(&w, 30);
    struct backup_cut second = take(&w);
    CHECK_OK(backup_restore(w.dest, first.id, w.to, &plain, &err), &err);
    journal_close(w.journal);
    CHECK_OK(journal_open(w.to, JOURNAL_WRITE, NULL, &w.journal, &err), &err);
    append(&w, 40);
    CHECK_OK(journal_seal(w.journal, &err), &err);
    append(&w, 5);
    CHECK_OK(backup_take(w.to, w.dest, &plain, &own, &err), &err);
    assert_int_equal(findings_of(&w, NULL), 0);
    CHECK_OK(backup_restore(w.dest, own.id, third, &plain, &err), &err);
    assert_int_equal(count_records(third), 195);
    CHECK_OK(backup_restore(w.dest, second.id, fourth, &plain, &err), &err);
    assert_int_equal(count_records(fourth), 180);
    k2test_rmdir(third);
    k2test_rmdir(fourth);
    backup_cut_free(&first);
    backup_cut_free(&second);
    backup_cut_free(&own);
    world_free(&w);
}

/* Changes a byte in the middle of a segment of the data directory. */
static void damage_segment(const struct world *w, const char *path) {
    char *whole = k2_path(w->lake.dir, path);
    FILE *file = fopen(whole, "r+b");
    assert_non_null(file);
    long at = (long)k2_fs_size(whole) / 2;
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    fputc(byte ^ 1, file);
    assert_int_equal(fclose(file), 0);
    free(whole);
}

static void damaged_segment_is_not_copied(void **state) {
    (void)state;
    struct world w = world_new();
    struct backup_cut cut;
    damage_segment(&w, "journal/00000000000000000000.seg");
    CHECK_STATUS(backup_take(w.lake.dir, w.dest, &plain, &cut, &err), K2_E_CORRUPT);
    assert_non_null(strstr(err.msg, "00000000000000000000.seg is damaged at byte"));
    damage_segment(&w, "journal/00000000000000000000.seg"); /* mends it */
    cut = take(&w);
    assert_non_null(file_of(&cut, "00000000000000000000.idx"));
    damage_segment(&w, "journal/00000000000000000000.seg");
    struct backup_cut again = take(&w); /* what is sealed and kept already is not read */
    assert_int_equal(again.bytes_new, 0);
    assert_int_equal(findings_of(&w, NULL), 0);
    backup_cut_free(&cut);
    backup_cut_free(&again);
    world_free(&w);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restored_cut_is_the_directory_of_that_moment),
        cmocka_unit_test(second_cut_copies_only_what_is_new),
        cmocka_unit_test(segment_that_was_the_tail_keeps_its_parts_when_sealed),
        cmocka_unit_test(directory_restored_to_an_older_cut_is_copied_as_it_is),
        cmocka_unit_test(damaged_segment_is_not_copied),
        cmocka_unit_test(dry_run_writes_nothing),
        cmocka_unit_test(damage_is_found_and_a_restore_stops_at_it),
        cmocka_unit_test(lost_object_is_copied_again_by_the_next_cut),
        cmocka_unit_test(description_that_changed_is_corrupt),
        cmocka_unit_test(path_that_leads_out_of_the_directory_is_refused),
        cmocka_unit_test(places_that_would_do_harm_are_refused),
        cmocka_unit_test(data_file_of_another_size_is_told_and_no_cut_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
