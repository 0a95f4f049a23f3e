/* Data directories that were moved or copied. */
#include "base/hash.h"
#include "lake_fixture.h"

#include "lake/manifest.h"
#include "lake/reach.h"

static struct k2_err err;
static const struct lake_relocate_options plain;

static char *beside(const char *dir, const char *ending) {
    struct k2_buf b = {0};
    k2_buf_printf(&b, "%s.%s", dir, ending);
    char *path = k2_strdup(k2_buf_cstr(&b));
    k2_buf_free(&b);
    return path;
}

static void shell(const char *what, const char *from, const char *to) {
    char command[4200];
    snprintf(command, sizeof command, "%s '%s' '%s'", what, from, to);
    assert_int_equal(system(command), 0);
}

/* Every file's name, size and change: what a command that writes nothing leaves as it was. */
static struct k2_h128 state_of(const char *dir) {
    char command[4200], line[4096];
    struct k2_buf all = {0};
    snprintf(command, sizeof command, "find '%s' -printf '%%p %%s %%T@ %%C@\\n' | sort", dir);
    FILE *f = popen(command, "r");
    while (fgets(line, sizeof line, f))
        k2_buf_str(&all, line);
    assert_int_equal(pclose(f), 0);
    struct k2_h128 h = k2_hash128(all.p, all.n);
    k2_buf_free(&all);
    return h;
}

/* A lake with three snapshots, closed. */
static struct fixture fixture_three(void) {
    struct fixture f = fixture_new();
    for (int i = 0; i < 3; i++)
        (void)fixture_commit(&f, 16139 + i, 10 * i, 10 * i + 5);
    lake_close(f.lake);
    f.lake = NULL;
    return f;
}

static int is_below(void *ctx, const struct lake_reached *file, struct k2_err *e) {
    (void)e;
    const char *dir = ctx;
    if (strncmp(file->path, dir, strlen(dir)) != 0 || file->path[strlen(dir)] != '/')
        fail_msg("%s is outside of %s", file->path, dir);
    if (k2_fs_size(file->path) != file->bytes)
        fail_msg("%s has not %lld bytes", file->path, (long long)file->bytes);
    return K2_OK;
}

/* Opens at its new place, names nothing outside, and each snapshot has the files it had. */
static void check_at(const char *dir) {
    struct lake *l;
    struct lake_table *t;
    struct lake_verified v;
    CHECK_OK(lake_open(dir, false, &l, &err), &err);
    CHECK_OK(lake_table_load(l, K2_SV("trades"), &t, &err), &err);
    assert_int_equal(t->snapshot_count, 3);
    for (int i = 0; i < 3; i++) {
        struct lake_plan p;
        CHECK_OK(lake_plan(t, t->snapshots[i].id, NULL, 0, &p, &err), &err);
        assert_int_equal(p.file_count, i + 1);
        for (int k = 0; k < p.file_count; k++)
            assert_int_equal(p.files[k].metric_count, 2);
        lake_plan_free(&p);
    }
    CHECK_OK(lake_reach(t->metadata_location, is_below, (void *)(uintptr_t)dir, &err), &err);
    lake_table_free(t);
    CHECK_OK(lake_verify(l, "trades", NULL, NULL, &v, &err), &err);
    lake_close(l);
}

static void moved_directory_is_refused_with_the_remedy_and_stays_as_it_is(void **state) {
    (void)state;
    struct fixture f = fixture_three();
    char *to = beside(f.dir, "moved");
    struct lake *l;
    struct lake_relocation r;
    shell("mv", f.dir, to);
    struct k2_h128 before = state_of(to);
    CHECK_STATUS(lake_open(to, false, &l, &err), K2_E_INVALID);
    assert_non_null(strstr(err.msg, "k2 doctor --fix"));
    assert_non_null(strstr(err.msg, f.dir));
    const struct lake_relocate_options dry = {.dry_run = true};
    CHECK_OK(lake_relocate(to, &dry, &r, &err), &err);
    assert_int_equal(r.tables, 1);
    assert_int_equal(k2_h128_cmp(before, state_of(to)), 0);
    k2test_rmdir(to);
    free(f.dir);
}

static void moved_tables_keep_every_snapshot(void **state) {
    (void)state;
    struct fixture f = fixture_three();
    char *to = beside(f.dir, "moved");
    struct lake_relocation r;
    shell("mv", f.dir, to);
    CHECK_OK(lake_relocate(to, &plain, &r, &err), &err);
    assert_int_equal(r.tables, 1);
    assert_int_equal(r.files, 3 + 3 + 1); /* manifests, lists, metadata */
    check_at(to);
    char *metadata = k2_path(to, "warehouse/market_data/trades/metadata");
    assert_int_equal(fixture_count(metadata, ""), 7); /* and the old ones are gone */
    free(metadata);
    CHECK_OK(lake_relocate(to, &plain, &r, &err), &err);
    assert_int_equal(r.tables, 0);
    assert_int_equal(r.files, 0);
    k2test_rmdir(to);
    free(f.dir);
}

static void copy_is_refused_while_the_original_is_there_and_leaves_it_alone(void **state) {
    (void)state;
    struct fixture f = fixture_three();
    char *to = beside(f.dir, "copy");
    struct lake *l;
    struct lake_relocation r;
    shell("cp -r", f.dir, to);
    struct k2_h128 original = state_of(f.dir);
    CHECK_STATUS(lake_open(to, false, &l, &err), K2_E_INVALID);
    CHECK_STATUS(lake_open(to, true, &l, &err), K2_E_INVALID);
    CHECK_OK(lake_relocate(to, &plain, &r, &err), &err);
    check_at(to);
    assert_int_equal(k2_h128_cmp(original, state_of(f.dir)), 0);
    check_at(f.dir);
    k2test_rmdir(to);
    fixture_free(&f);
}

/* What a directory can be moved into again and again, under names that look like its own parts. */
static void moved_below_another_warehouse_and_back(void **state) {
    (void)state;
    struct fixture f = fixture_three();
    char *base = beside(f.dir, "x"), *to = NULL;
    struct lake_relocation r;
    struct k2_buf inner = {0};
    k2_buf_printf(&inner, "%s/warehouse/market_data", base);
    CHECK_OK(k2_fs_mkdirs(k2_buf_cstr(&inner), &err), &err);
    k2_buf_str(&inner, "/warehouse");
    to = k2_strdup(k2_buf_cstr(&inner));
    shell("mv", f.dir, to);
    CHECK_OK(lake_relocate(to, &plain, &r, &err), &err);
    assert_int_equal(r.tables, 1);
    check_at(to);
    shell("mv", to, f.dir);
    CHECK_OK(lake_relocate(f.dir, &plain, &r, &err), &err);
    check_at(f.dir);
    k2_buf_free(&inner);
    free(to);
    k2test_rmdir(base);
    k2test_rmdir(f.dir);
}

static void table_that_somebody_keeps_elsewhere_is_no_moved_one(void **state) {
    (void)state;
    struct fixture f = fixture_new();
    struct lake *l;
    struct lake_table *t;
    struct lake_relocation r;
    CHECK_OK(lake_catalog_insert(f.lake->catalog, "other",
                                 "file:///elsewhere/warehouse/a/b/metadata/0.metadata.json", &err),
             &err);
    CHECK_OK(lake_open(f.dir, false, &l, &err), &err);
    CHECK_STATUS(lake_table_load(l, K2_SV("other"), &t, &err), K2_E_INVALID);
    lake_close(l);
    CHECK_OK(lake_relocate(f.dir, &plain, &r, &err), &err);
    assert_int_equal(r.tables, 0);
    fixture_free(&f);
}

static void catalog_that_hard_links_share_is_not_changed(void **state) {
    (void)state;
    struct fixture f = fixture_three();
    char *to = beside(f.dir, "linked");
    struct lake_relocation r;
    shell("cp -al", f.dir, to);
    CHECK_STATUS(lake_relocate(to, &plain, &r, &err), K2_E_INVALID);
    assert_non_null(strstr(err.msg, "hard links"));
    check_at(f.dir);
    k2test_rmdir(to);
    k2test_rmdir(f.dir);
}

static void missing_manifest_stops_the_move_and_changes_nothing(void **state) {
    (void)state;
    struct fixture f = fixture_three();
    char *to = beside(f.dir, "moved"), *metadata;
    struct lake_relocation r;
    shell("mv", f.dir, to);
    metadata = k2_path(to, "warehouse/market_data/trades/metadata");
    char command[4200];
    snprintf(command, sizeof command, "ls '%s'/*-m0.avro | head -n 1 | xargs rm", metadata);
    assert_int_equal(system(command), 0);
    int files = fixture_count(metadata, "");
    CHECK_STATUS(lake_relocate(to, &plain, &r, &err), K2_E_CORRUPT);
    assert_int_equal(fixture_count(metadata, ""), files);
    struct lake *l;
    CHECK_STATUS(lake_open(to, false, &l, &err), K2_E_INVALID);
    free(metadata);
    k2test_rmdir(to);
    free(f.dir);
}

/* --- lake_ocf_edit: another writer's schema, with fields that we do not know --- */

#define SCHEMA                                                                                     \
    "{\"type\":\"record\",\"name\":\"r\",\"fields\":["                                             \
    "{\"name\":\"before\",\"type\":{\"type\":\"array\",\"items\":\"long\"}},"                      \
    "{\"name\":\"p\",\"type\":[\"null\",\"string\"]},"                                             \
    "{\"name\":\"mid\",\"type\":\"bytes\"},"                                                       \
    "{\"name\":\"n\",\"type\":\"long\"},"                                                          \
    "{\"name\":\"after\",\"type\":\"string\"}]}"

static void put_record(struct k2_buf *b, const char *p, int64_t n) {
    k2_avro_put_long(b, 2);
    k2_avro_put_long(b, -7);
    k2_avro_put_long(b, 1000000);
    k2_avro_put_long(b, 0);
    k2_avro_put_long(b, p != NULL);
    if (p)
        k2_avro_put_bytes(b, k2_sv_of(p));
    k2_avro_put_bytes(b, (struct k2_sv){"\x80\xff\x00", 3});
    k2_avro_put_long(b, n);
    k2_avro_put_bytes(b, K2_SV("tail"));
}

static int tag_of(void *ctx, const char *path) {
    (void)ctx;
    return strcmp(path, "p") == 0 ? 1 : strcmp(path, "n") == 0 ? 2 : 0;
}

static int lengthen(void *ctx, int tag, struct k2_sv encoded, struct k2_buf *out,
                    struct k2_err *e) {
    (void)ctx, (void)e;
    struct k2_sv text;
    int64_t n;
    if (tag == 1) {
        char longer[200];
        assert_true(k2_avro_get_bytes(&encoded, &text));
        snprintf(longer, sizeof longer, "%.*s%0150d", K2_SV_ARG(text), 0);
        k2_avro_put_bytes(out, k2_sv_of(longer));
    } else {
        assert_true(k2_avro_get_long(&encoded, &n));
        k2_avro_put_long(out, n * 1000000007);
    }
    assert_int_equal(encoded.n, 0);
    return K2_OK;
}

static void edited_file_differs_in_the_edited_leaves_only(void **state) {
    (void)state;
    const struct lake_ocf_pair pairs[] = {{"a", K2_SV("1")}, {"b", {"\0x", 2}}};
    const struct lake_ocf_editor editor = {NULL, tag_of, lengthen};
    struct k2_buf records = {0}, file = {0}, want = {0}, wanted = {0}, got = {0};
    char longer[200];
    snprintf(longer, sizeof longer, "x%0150d", 0);
    put_record(&records, "x", 5);
    put_record(&records, NULL, -9);
    put_record(&want, longer, INT64_C(5) * 1000000007);
    put_record(&want, NULL, INT64_C(-9) * 1000000007);
    CHECK_OK(lake_ocf_write(SCHEMA, pairs, 2, k2_buf_view(&records), 2, &file, &err), &err);
    CHECK_OK(lake_ocf_write(SCHEMA, pairs, 2, k2_buf_view(&want), 2, &wanted, &err), &err);
    CHECK_OK(lake_ocf_edit(k2_buf_view(&file), &editor, &got, &err), &err);
    assert_int_equal(got.n, wanted.n);
    assert_memory_equal(got.p, wanted.p, got.n);
    file.p[file.n / 2] ^= 1;
    CHECK_STATUS(lake_ocf_edit(k2_buf_view(&file), &editor, &got, &err), K2_E_CORRUPT);
    k2_buf_free(&records);
    k2_buf_free(&file);
    k2_buf_free(&want);
    k2_buf_free(&wanted);
    k2_buf_free(&got);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moved_directory_is_refused_with_the_remedy_and_stays_as_it_is),
        cmocka_unit_test(moved_tables_keep_every_snapshot),
        cmocka_unit_test(copy_is_refused_while_the_original_is_there_and_leaves_it_alone),
        cmocka_unit_test(moved_below_another_warehouse_and_back),
        cmocka_unit_test(table_that_somebody_keeps_elsewhere_is_no_moved_one),
        cmocka_unit_test(catalog_that_hard_links_share_is_not_changed),
        cmocka_unit_test(missing_manifest_stops_the_move_and_changes_nothing),
        cmocka_unit_test(edited_file_differs_in_the_edited_leaves_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
