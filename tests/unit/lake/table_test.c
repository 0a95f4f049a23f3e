/* Tables: made, loaded, appended to, looked at as of a time, given new columns. */
#include "codec/added.h"
#include "lake_fixture.h"

static void a_lake_that_was_never_made_is_not_found(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct lake *l = NULL;
    struct k2_err err = {0};
    CHECK_STATUS(lake_open(dir, false, &l, &err), K2_E_NOTFOUND);
    k2test_rmdir(dir);
}

static void paths_that_a_uri_would_change_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"a?b", "a#b", "a%20b", "a\nb", "a\xff"};
    char *dir = k2test_dir();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *path = k2_path(dir, bad[i]);
        struct lake *l = NULL;
        struct k2_err err = {0};
        CHECK_STATUS(lake_open(path, true, &l, &err), K2_E_INVALID);
        free(path);
    }
    k2test_rmdir(dir);
}

static void making_a_table_twice_changes_nothing(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct lake_table *t = fixture_load(&f);
    CHECK_OK(lake_table_ensure(f.lake, f.kind, &err), &err);
    struct lake_table *again = fixture_load(&f);
    assert_string_equal(lake_table_info(t).metadata_location,
                        lake_table_info(again).metadata_location);
    struct lake_table_info info = lake_table_info(again);
    assert_int_equal(info.field_count, K2_TRADE_FIELDS);
    assert_string_equal(info.fields[K2_TRADE_price].type, "decimal(20, 9)");
    assert_string_equal(info.fields[K2_TRADE_conditions].type, "list<string>");
    assert_string_equal(info.fields[K2_TRADE_extra].type, "map<string, string>");
    assert_string_equal(info.fields[K2_TRADE_exchange_timestamp].type, "timestamptz");
    assert_true(info.fields[K2_TRADE_exchange].required);
    assert_false(info.fields[K2_TRADE_price].required);
    assert_int_equal(info.current_snapshot, 0);
    assert_string_equal(lake_table_property(again, "k2.format"), "1");
    assert_null(lake_table_property(again, "k2.offsets"));
    lake_table_free(t);
    lake_table_free(again);
    fixture_free(&f);
}

static void a_table_that_an_older_directory_lacks_is_empty(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct lake_table *t;
    CHECK_OK(lake_table_load(f.lake, K2_SV("book_events"), &t, &err), &err);
    assert_int_equal(lake_table_info(t).current_snapshot, 0);
    assert_int_equal(lake_table_info(t).field_count, K2_BOOK_EVENT_FIELDS);
    lake_table_free(t);
    /* a writer makes it: then it has its file */
    CHECK_OK(lake_table_ensure(f.lake, k2_kind(K2_KIND_BOOK_EVENT), &err), &err);
    CHECK_OK(lake_table_load(f.lake, K2_SV("book_events"), &t, &err), &err);
    assert_true(k2_fs_exists(lake_table_info(t).metadata_location + strlen("file://")));
    lake_table_free(t);
    /* quarantine was there from the start: without it the catalog is damaged */
    CHECK_STATUS(lake_table_load(f.lake, K2_SV("quarantine"), &t, &err), K2_E_NOTFOUND);
    fixture_free(&f);
}

static void names_are_listed_in_order_and_found_with_their_namespace(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    CHECK_OK(lake_table_ensure(f.lake, k2_kind(K2_KIND_QUOTE), &err), &err);
    CHECK_OK(lake_table_ensure(f.lake, k2_kind(K2_KIND_QUARANTINE), &err), &err);
    char **names;
    size_t n;
    CHECK_OK(lake_table_names(f.lake, &names, &n, &err), &err);
    assert_int_equal(n, K2_KIND_COUNT); /* also those that only a later writer makes */
    assert_string_equal(names[0], "auctions");
    assert_string_equal(names[n - 1], "volumes");
    for (size_t i = 1; i < n; i++)
        assert_true(strcmp(names[i - 1], names[i]) < 0);
    k2_fs_names_free(names, n);
    struct lake_table *t;
    CHECK_OK(lake_table_load(f.lake, K2_SV("market_data.quotes"), &t, &err), &err);
    lake_table_free(t);
    CHECK_STATUS(lake_table_load(f.lake, K2_SV("nothing"), &t, &err), K2_E_NOTFOUND);
    fixture_free(&f);
}

static void an_append_is_there_after_reopening_with_all_that_it_said(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    int64_t id = fixture_commit(&f, 16139, 1, 100);
    lake_close(f.lake);
    CHECK_OK(lake_open(f.dir, false, &f.lake, &err), &err);
    struct lake_table *t = fixture_load(&f);
    struct lake_snapshot s;
    CHECK_OK(lake_snapshot_find(t, id, &s, &err), &err);
    assert_int_equal(lake_table_info(t).current_snapshot, id);
    assert_string_equal(s.operation, "append");
    assert_int_equal(s.total_records, 100);
    assert_int_equal(s.added_files, 1);
    assert_int_equal(s.sequence_number, 1);
    assert_string_equal(lake_snapshot_summary(t, id, LAKE_SUMMARY_COMMIT), "commit-0");
    assert_string_equal(lake_table_property(t, "k2.offsets"),
                        "{\"journal\":7,\"topics\":{\"t\":[1]}}");
    struct lake_plan plan;
    CHECK_OK(lake_plan(t, 0, NULL, 0, &plan, &err), &err);
    assert_int_equal(plan.file_count, 1);
    assert_int_equal(plan.files_total, 1);
    assert_int_equal(plan.rows_total, 100);
    assert_int_equal(plan.bytes_total, 12);
    const struct lake_file *file = &plan.files[0];
    assert_true(k2_fs_exists(file->path));
    assert_int_equal(file->trade_date, 16139);
    assert_int_equal(file->rows, 100);
    assert_int_equal(file->sort_order_id, 1);
    assert_int_equal(file->split_count, 1);
    assert_int_equal(file->splits[0], 4);
    assert_int_equal(file->metric_count, 2);
    assert_memory_equal(file->metrics[0].upper, "MMM", 3);
    assert_int_equal(file->metrics[1].value_count, 100);
    lake_plan_free(&plan);
    lake_table_free(t);
    fixture_free(&f);
}

static void as_of_gives_the_snapshot_that_was_current_then(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    int64_t ids[5];
    for (int i = 0; i < 5; i++)
        ids[i] = fixture_commit(&f, 16139 + i, 1, 100);
    struct lake_table *t = fixture_load(&f);
    assert_int_equal(lake_table_info(t).snapshot_count, 5);
    for (int i = 0; i < 5; i++) {
        struct lake_snapshot s = lake_snapshot_at(t, i), found;
        assert_int_equal(s.id, ids[i]);
        assert_int_equal(s.parent, i ? ids[i - 1] : 0);
        if (i)
            assert_true(s.timestamp_ms > lake_snapshot_at(t, i - 1).timestamp_ms);
        CHECK_OK(lake_snapshot_as_of(t, s.timestamp_ms * K2_NS_PER_MS, &found, &err), &err);
        assert_int_equal(found.id, ids[i]);
        CHECK_OK(lake_snapshot_as_of(t, s.timestamp_ms * K2_NS_PER_MS + 999999, &found, &err),
                 &err);
        assert_int_equal(found.id, ids[i]);
        struct lake_offsets o;
        CHECK_OK(lake_snapshot_offsets(t, ids[i], &o, &err), &err);
        assert_int_equal(lake_offsets_get(&o, "t", 0), i + 1);
        lake_offsets_free(&o);
        struct lake_plan plan;
        CHECK_OK(lake_plan(t, ids[i], NULL, 0, &plan, &err), &err);
        assert_int_equal(plan.file_count, i + 1);
        lake_plan_free(&plan);
    }
    struct lake_snapshot before;
    int64_t first = lake_snapshot_at(t, 0).timestamp_ms * K2_NS_PER_MS;
    CHECK_STATUS(lake_snapshot_as_of(t, first - 1, &before, &err), K2_E_NOTFOUND);
    CHECK_STATUS(lake_snapshot_find(t, 12345, &before, &err), K2_E_NOTFOUND);
    lake_table_free(t);
    fixture_free(&f);
}

/* The trade kind of an older build: without its last columns. */
static void a_kind_with_more_columns_extends_the_table_and_keeps_its_data(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct k2_kind older = *k2_kind(K2_KIND_QUOTE);
    older.field_count = K2_QUOTE_extra; /* extra is a map: nested ids are added too */
    CHECK_OK(lake_table_ensure(f.lake, &older, &err), &err);
    struct lake_table *t;
    CHECK_OK(lake_table_load(f.lake, K2_SV("quotes"), &t, &err), &err);
    assert_int_equal(lake_table_info(t).field_count, K2_QUOTE_extra);
    lake_table_free(t);
    CHECK_OK(lake_table_ensure(f.lake, k2_kind(K2_KIND_QUOTE), &err), &err);
    CHECK_OK(lake_table_load(f.lake, K2_SV("quotes"), &t, &err), &err);
    struct lake_table_info info = lake_table_info(t);
    assert_int_equal(info.field_count, K2_QUOTE_FIELDS);
    assert_int_equal(info.schema_id, 1);
    assert_string_equal(info.fields[K2_QUOTE_extra].name, "extra");
    assert_int_equal(info.fields[K2_QUOTE_extra].id, 19);
    for (int i = K2_QUOTE_extra; i < info.field_count; i++)
        assert_false(info.fields[i].required); /* old rows have none */
    assert_int_equal(k2_json_count(k2_json_get(t->root, "schemas")), 2);
    lake_table_free(t);
    CHECK_OK(lake_table_ensure(f.lake, &older, &err), &err); /* an older build is not disturbed */
    CHECK_OK(lake_table_load(f.lake, K2_SV("quotes"), &t, &err), &err);
    assert_int_equal(lake_table_info(t).schema_id, 1);
    lake_table_free(t);
    fixture_free(&f);
}

static void a_column_that_means_something_else_is_a_conflict(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct k2_field fields[K2_MAX_FIELDS];
    struct k2_kind changed = *f.kind;
    memcpy(fields, f.kind->fields, sizeof *fields * K2_TRADE_FIELDS);
    changed.fields = fields;
    fields[K2_TRADE_quantity].type = K2_PRICE; /* same id, other type */
    CHECK_STATUS(lake_table_ensure(f.lake, &changed, &err), K2_E_CONFLICT);
    fields[K2_TRADE_quantity] = f.kind->fields[K2_TRADE_quantity];
    fields[K2_TRADE_quantity].id = 30; /* same name, other id */
    CHECK_STATUS(lake_table_ensure(f.lake, &changed, &err), K2_E_CONFLICT);
    assert_non_null(strstr(err.msg, "quantity"));
    fixture_free(&f);
}

static struct lake_field column_of(const struct lake_table *t, const char *name) {
    struct lake_table_info info = lake_table_info(t);
    for (int i = 0; i < info.field_count; i++)
        if (strcmp(info.fields[i].name, name) == 0)
            return info.fields[i];
    fail_msg("no column %s", name);
    return info.fields[0];
}

/* Adds columns for a writer's fields, with the ids that its schema says. */
static int add_found(struct fixture *f, const char *name, int id, enum k2_type type) {
    struct k2_field_list found = {0};
    struct k2_kind *wide;
    struct k2_err err = {0};
    k2_field_list_add(
        &found, &(struct k2_field){
                    .id = id, .name = name, .type = type, .need = K2_OPT, .meaning = "found"});
    CHECK_OK(k2_kind_widen(f->kind, &found, &wide, &err), &err);
    int rc = lake_table_ensure(f->lake, wide, &err);
    k2_kind_narrow(wide);
    k2_field_list_free(&found);
    return rc;
}

static void a_found_field_is_its_name_and_keeps_the_id_it_got_first(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct k2_err err = {0};
    struct k2_kind *wide;
    CHECK_OK(add_found(&f, "said", 99, K2_STR), &err);
    CHECK_OK(add_found(&f, "other", 99, K2_MAP), &err); /* taken */
    CHECK_OK(add_found(&f, "nothing", 0, K2_DATE), &err);
    CHECK_OK(add_found(&f, "said", 120, K2_STR), &err); /* as a K2 of tomorrow numbers it */
    CHECK_STATUS(add_found(&f, "said", 99, K2_LONG), K2_E_CONFLICT);
    struct lake_table *t = fixture_load(&f);
    assert_int_equal(column_of(t, "said").id, 99);
    assert_int_equal(column_of(t, "other").id, K2_FOUND_ID);
    assert_int_equal(column_of(t, "nothing").id, K2_FOUND_ID + 1);
    CHECK_OK(lake_table_kind(t, f.kind, &wide, &err), &err);
    assert_int_equal(wide->found, 3);
    int i = k2_field_by_name(wide, K2_SV("nothing"));
    assert_int_equal(wide->fields[i].type, K2_DATE);
    assert_int_equal(wide->fields[i].id, K2_FOUND_ID + 1);
    k2_kind_narrow(wide);
    lake_table_free(t);
    fixture_free(&f);
}

static void old_metadata_files_are_removed_and_the_log_kept(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    for (int i = 0; i < 30; i++)
        (void)fixture_commit(&f, 16139, i, i);
    struct lake_table *t = fixture_load(&f);
    assert_int_equal(k2_json_count(k2_json_get(t->root, "metadata-log")), 20);
    char *directory = k2_path(f.lake->warehouse, "market_data/trades/metadata");
    assert_int_equal(fixture_count(directory, ".metadata.json"), 21);
    struct lake_verified seen = {.findings = -1};
    struct k2_err err = {0};
    CHECK_OK(lake_verify(f.lake, "trades", NULL, NULL, &seen, &err), &err);
    assert_int_equal(seen.findings, 0);
    assert_int_equal(seen.files,
                     1 + 20 + 30 + 30 + 30); /* metadata, old ones, lists, manifests, data */
    free(directory);
    lake_table_free(t);
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lake_that_was_never_made_is_not_found),
        cmocka_unit_test(paths_that_a_uri_would_change_are_refused),
        cmocka_unit_test(making_a_table_twice_changes_nothing),
        cmocka_unit_test(a_table_that_an_older_directory_lacks_is_empty),
        cmocka_unit_test(names_are_listed_in_order_and_found_with_their_namespace),
        cmocka_unit_test(an_append_is_there_after_reopening_with_all_that_it_said),
        cmocka_unit_test(as_of_gives_the_snapshot_that_was_current_then),
        cmocka_unit_test(a_kind_with_more_columns_extends_the_table_and_keeps_its_data),
        cmocka_unit_test(a_column_that_means_something_else_is_a_conflict),
        cmocka_unit_test(a_found_field_is_its_name_and_keeps_the_id_it_got_first),
        cmocka_unit_test(old_metadata_files_are_removed_and_the_log_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
