/* Other writers' Iceberg files (K2_SHARED_DATA/iceberg): what is valid loads, what is not is
 * refused and says why. */
#include "lake_fixture.h"
#include "lake/manifest.h"

static char *shared(const char *name) {
    const char *root = getenv("K2_SHARED_DATA");
    if (!root)
        skip();
    char *directory = k2_path(root, "iceberg");
    char *path = k2_path(directory, name);
    free(directory);
    if (!k2_fs_exists(path)) {
        free(path);
        skip();
    }
    return path;
}

static int parse(const char *name, struct lake_table **t, struct k2_err *err) {
    char *path = shared(name);
    struct k2_buf b = {0};
    CHECK_OK(k2_fs_read(path, &b, err), err);
    int rc = lake_metadata_parse(k2_buf_view(&b), "x", path, t, err);
    k2_buf_free(&b);
    free(path);
    return rc;
}

static void valid_metadata_of_version_2_loads(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int fields, snapshots;
        int64_t current;
    } files[] = {
        {"java-core/TableMetadataV2Valid.json", 3, 2, 3055729675574597004},
        {"java-core/TableMetadataV2ValidMinimal.json", 3, 0, 0},
        {"java-core/TableMetadataStatisticsFiles.json", 1, 1, 3055729675574597004},
        {"java-core/TableMetadataPartitionStatisticsFiles.json", 1, 1, 3055729675574597004},
        {"go/table/testdata/TableMetadataV2Valid.json", 3, 2, 3055729675574597004},
        {"go/table/testdata/TableMetadataV2ValidMinimal.json", 3, 0, 0},
        {"rust/iceberg/example_table_metadata_v2.json", 8, 2, 3055729675574597004},
        {"rust/iceberg/example_empty_table_metadata_v2.json", 8, 0, 0},
        {"rust/iceberg/example_table_metadata_v2_deep_history.json", 3, 5, 3059729675574597004},
        {"rust/iceberg/example_table_metadata_v2_partition_evolution.json", 8, 3,
         3059729675574597004},
        {"k2-warehouse/cold/trades_test/metadata/v2.metadata.json", 3, 1, 1116539608799933257},
        {"k2-warehouse/cold/gold_ohlcv_1m/metadata/v1.metadata.json", 12, 0, 0}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct lake_table *t;
        struct k2_err err = {0};
        CHECK_OK(parse(files[i].name, &t, &err), &err);
        struct lake_table_info info = lake_table_info(t);
        assert_int_equal(info.snapshot_count, files[i].snapshots);
        assert_int_equal(info.current_snapshot, files[i].current);
        assert_int_equal(info.field_count, files[i].fields);
        lake_table_free(t);
    }
}

static void invalid_metadata_is_refused_and_says_what_is_wrong(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int status;
        const char *reason;
    } files[] = {
        {"java-core/TableMetadataV2CurrentSchemaNotFound.json", K2_E_CORRUPT, "current-schema-id"},
        {"java-core/TableMetadataV2MissingLastPartitionId.json", K2_E_CORRUPT, "last-partition-id"},
        {"java-core/TableMetadataV2MissingPartitionSpecs.json", K2_E_CORRUPT, "partition-specs"},
        {"java-core/TableMetadataV2MissingSchemas.json", K2_E_CORRUPT, "schemas"},
        {"java-core/TableMetadataV2MissingSortOrder.json", K2_E_CORRUPT, "sort-orders"},
        {"java-core/TableMetadataUnsupportedVersion.json", K2_E_VERSION, "version"},
        {"java-core/TableMetadataV1Valid.json", K2_E_UNSUPPORTED, "version 1"},
        {"java-core/TableMetadataV3ValidMinimal.json", K2_E_VERSION, "version 3"},
        {"rust/iceberg/table_metadata/TableMetadataV1NoValidSchema.json", K2_E_UNSUPPORTED,
         "version 1"},
        {"rust/iceberg/table_metadata/TableMetadataV3ValidEncryption.json", K2_E_VERSION,
         "version 3"},
        {"java-core/org/apache/iceberg/view/ValidViewMetadata.json", K2_E_UNSUPPORTED, "version"},
        {"rust/iceberg/avro_schema_manifest_entry.json", K2_E_CORRUPT, "format-version"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct lake_table *t;
        struct k2_err err = {0};
        int rc = parse(files[i].name, &t, &err);
        if (rc != files[i].status || !strstr(err.msg, files[i].reason))
            fail_msg("%s: %s: %s", files[i].name, k2_status_name(rc), err.msg);
    }
}

/* --- manifest lists --- */

static int parse_list(const char *name, struct lake_manifest_list *list, struct k2_err *err) {
    char *path = shared(name);
    struct k2_buf b = {0};
    CHECK_OK(k2_fs_read(path, &b, err), err);
    int rc = lake_manifest_list_parse(k2_buf_view(&b), list, err);
    k2_buf_free(&b);
    free(path);
    return rc;
}

static void manifest_lists_of_other_writers_are_read(void **state) {
    (void)state;
    static const char *const names[] = {
        "rust/iceberg/manifests_lists/manifest-list-v2-1.avro",
        "rust/iceberg/manifests_lists/manifest-list-v2-2.avro",
        ("k2-warehouse/cold/trades_test/metadata/"
         "snap-1116539608799933257-1-68aa9e49-90ed-4aa2-bc2e-d4770721b771.avro")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct lake_manifest_list list;
        struct k2_err err = {0};
        CHECK_OK(parse_list(names[i], &list, &err), &err);
        assert_true(list.n > 0);
        for (int k = 0; k < list.n; k++) {
            const struct lake_manifest *m = &list.at[k];
            assert_int_equal(lake_manifest_live_files(m), 1);
        }
        /* Written again by us and read again, it says the same. */
        struct k2_buf ours = {0};
        struct lake_manifest_list again;
        CHECK_OK(lake_manifest_list_format(&list, 1, 0, 1, &ours, &err), &err);
        CHECK_OK(lake_manifest_list_parse(k2_buf_view(&ours), &again, &err), &err);
        assert_int_equal(again.n, list.n);
        for (int k = 0; k < list.n; k++) {
            const struct lake_manifest *a = &list.at[k], *b = &again.at[k];
            assert_string_equal(a->location, b->location);
            assert_int_equal(a->length, b->length);
            assert_int_equal(a->sequence, b->sequence);
            assert_int_equal(a->min_sequence, b->min_sequence);
            assert_int_equal(a->added_snapshot, b->added_snapshot);
            assert_int_equal(a->added_rows, b->added_rows);
            assert_int_equal(a->deleted_files, b->deleted_files);
            assert_int_equal(a->summary_count, b->summary_count);
            for (int s = 0; s < a->summary_count; s++) {
                assert_int_equal(a->summaries[s].contains_null, b->summaries[s].contains_null);
                assert_int_equal(a->summaries[s].contains_nan, b->summaries[s].contains_nan);
                assert_int_equal(a->summaries[s].lower.n, b->summaries[s].lower.n);
                if (a->summaries[s].upper.n > 0)
                    assert_memory_equal(a->summaries[s].upper.p, b->summaries[s].upper.p,
                                        (size_t)a->summaries[s].upper.n);
            }
        }
        k2_buf_free(&ours);
        lake_manifest_list_free(&list);
        lake_manifest_list_free(&again);
    }
}

static K2_RC look(void *ctx, struct lake_entry *e, struct k2_err *err) {
    (void)err;
    assert_int_equal(e->status, LAKE_ADDED);
    assert_int_equal(e->sequence, 1);
    assert_int_equal(e->file_sequence, 1);
    assert_int_equal(e->snapshot, 1116539608799933257);
    assert_int_equal(e->file.rows, 1);
    assert_int_equal(e->file.bytes, 1004);
    assert_true(e->file.metric_count >= 3);
    assert_false(e->has_date);
    ++*(int *)ctx;
    return K2_OK;
}

static void a_manifest_of_the_java_writer_is_read(void **state) {
    (void)state;
    char *path = shared("k2-warehouse/cold/trades_test/metadata/"
                        "68aa9e49-90ed-4aa2-bc2e-d4770721b771-m0.avro");
    struct k2_err err = {0};
    struct k2_buf b = {0};
    struct lake_manifest_reader reader = {0};
    struct lake_manifest row = {.sequence = 1, .added_snapshot = 1116539608799933257};
    int n = 0;
    CHECK_OK(k2_fs_read(path, &b, &err), &err);
    CHECK_OK(lake_manifest_parse(&reader, k2_buf_view(&b), NULL, &row, look, &n, &err), &err);
    assert_int_equal(n, 1);
    lake_manifest_reader_free(&reader);
    k2_buf_free(&b);
    free(path);
}

/* --- codecs --- */

static bool any_leaf(void *ctx, int tag, int64_t number, struct k2_sv bytes) {
    (void)ctx;
    (void)tag;
    (void)number;
    (void)bytes;
    return true;
}

static int every_tag(void *ctx, const char *path) {
    (void)ctx;
    (void)path;
    return 1;
}

static K2_RC count_record(void *ctx, struct k2_err *err) {
    (void)err;
    ++*(int *)ctx;
    return K2_OK;
}

static int read_avro(const char *name, int *records, struct k2_err *err) {
    char inside[256];
    snprintf(inside, sizeof inside, "../avro/%s", name);
    char *path = shared(inside);
    struct k2_buf b = {0};
    struct lake_ocf_reader reader = {0};
    struct lake_ocf_visitor v = {
        .ctx = records, .tag = every_tag, .leaf = any_leaf, .record = count_record};
    CHECK_OK(k2_fs_read(path, &b, err), err);
    *records = 0;
    int rc = lake_ocf_read(&reader, k2_buf_view(&b), &v, err);
    lake_ocf_reader_free(&reader);
    k2_buf_free(&b);
    free(path);
    return rc;
}

static void container_files_are_read_by_codec(void **state) {
    (void)state;
    struct k2_err err = {0};
    int records;
    CHECK_OK(read_avro("data/weather.avro", &records, &err), &err);
    assert_int_equal(records, 5);
    CHECK_OK(read_avro("data/weather-deflate.avro", &records, &err), &err);
    assert_int_equal(records, 5);
    CHECK_STATUS(read_avro("data/weather-snappy.avro", &records, &err), K2_E_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "snappy"));
    CHECK_STATUS(read_avro("data/weather-zstd.avro", &records, &err), K2_E_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "zstandard"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_metadata_of_version_2_loads),
        cmocka_unit_test(invalid_metadata_is_refused_and_says_what_is_wrong),
        cmocka_unit_test(manifest_lists_of_other_writers_are_read),
        cmocka_unit_test(a_manifest_of_the_java_writer_is_read),
        cmocka_unit_test(container_files_are_read_by_codec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
