#include "base/fs.h"
#include "codec/codec.h"
#include "k2test.h"

#include <errno.h>

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"t\",\"fields\":[" fields "]}"
#define A "{\"name\":\"a\",\"type\":\"long\"}"
#define B_OPT ",{\"name\":\"b\",\"type\":[\"null\",\"string\"],\"default\":null}"
#define B_REQ ",{\"name\":\"b\",\"type\":\"string\"}"

static struct k2_registry *reopen(struct k2_registry *r, const char *dir) {
    struct k2_err err;
    k2_registry_close(r);
    CHECK_OK(k2_registry_open(dir, &r, &err), &err);
    return r;
}

static uint32_t put(struct k2_registry *r, const char *subject, const char *schema) {
    struct k2_err err;
    uint32_t id = 0;
    CHECK_OK(k2_registry_register(r, k2_sv_of(subject), k2_sv_of(schema), &id, &err), &err);
    return id;
}

static void equal_text_has_one_id_and_ids_survive_reopening(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = reopen(NULL, dir);
    uint32_t one = put(r, "x-value", RECORD(A));
    assert_int_equal(one, 1);
    assert_int_equal(put(r, "y-value", RECORD(A)), 1);
    assert_int_equal(put(r, "x-value", RECORD(A B_OPT)), 2);
    assert_int_equal(put(r, "x-value", RECORD(A)), 1);
    r = reopen(r, dir);
    assert_int_equal(put(r, "x-value", RECORD(A B_OPT)), 2);
    struct k2_sv text;
    struct k2_err err;
    CHECK_OK(k2_registry_schema(r, 2, &text, &err), &err);
    assert_true(k2_sv_eq(text, k2_sv_of(RECORD(A B_OPT))));
    CHECK_STATUS(k2_registry_schema(r, 3, &text, &err), K2_E_NOTFOUND);
    k2_registry_close(r);
    k2test_rmdir(dir);
}

static void a_change_that_breaks_readers_or_writers_is_refused(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = reopen(NULL, dir);
    put(r, "x", RECORD(A B_OPT));
    const char *bad[] = {
        RECORD(A B_OPT ",{\"name\":\"c\",\"type\":\"long\"}"), /* new without default */
        RECORD("{\"name\":\"b\",\"type\":[\"null\",\"string\"],"
               "\"default\":null}"),                          /* required one removed */
        RECORD("{\"name\":\"a\",\"type\":\"string\"}" B_OPT), /* type changed */
        RECORD(A B_REQ),                                      /* null no longer readable */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct k2_err err;
        uint32_t id;
        CHECK_STATUS(k2_registry_register(r, K2_SV("x"), k2_sv_of(bad[i]), &id, &err),
                     K2_E_CONFLICT);
        assert_non_null(strstr(err.msg, "subject x"));
    }
    k2_registry_close(r);
    k2test_rmdir(dir);
}

/* Avro itself would take both: the bytes are read, as another price. */
static void a_decimal_of_another_scale_or_precision_is_refused(void **state) {
    (void)state;
#define PRICE(precision, scale)                                                                    \
    RECORD("{\"name\":\"p\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\","             \
           "\"precision\":" precision ",\"scale\":" scale "}}")
    char *dir = k2test_dir();
    struct k2_registry *r = reopen(NULL, dir);
    struct k2_err err;
    uint32_t id;
    put(r, "x", PRICE("20", "9"));
    CHECK_STATUS(k2_registry_register(r, K2_SV("x"), K2_SV(PRICE("20", "8")), &id, &err),
                 K2_E_CONFLICT);
    assert_non_null(strstr(err.msg, "the scale was 9 and is 8"));
    CHECK_STATUS(k2_registry_register(r, K2_SV("x"), K2_SV(PRICE("18", "9")), &id, &err),
                 K2_E_CONFLICT);
    k2_registry_close(r);
    k2test_rmdir(dir);
}

static void a_schema_registered_by_another_process_is_found(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *reader = reopen(NULL, dir), *writer = reopen(NULL, dir);
    struct k2_sv text;
    struct k2_err err;
    CHECK_STATUS(k2_registry_schema(reader, 1, &text, &err), K2_E_NOTFOUND);
    put(writer, "x", RECORD(A));
    CHECK_OK(k2_registry_schema(reader, 1, &text, &err), &err);
    k2_registry_close(reader);
    k2_registry_close(writer);
    k2test_rmdir(dir);
}

static void newer_formats_and_damaged_files_are_told_apart(void **state) {
    (void)state;
    char *dir = k2test_dir(), path[5000];
    snprintf(path, sizeof path, "%s/schemas.json", dir);
    const struct {
        const char *text;
        int status;
    } cases[] = {
        {"{\"format\":3}", K2_E_VERSION}, {"{\"format\":1}", K2_E_CORRUPT}, {"{", K2_E_CORRUPT}};
    for (size_t i = 0; i < 3; i++) {
        FILE *f = fopen(path, "w");
        fputs(cases[i].text, f);
        fclose(f);
        struct k2_registry *r;
        struct k2_err err;
        CHECK_STATUS(k2_registry_open(dir, &r, &err), cases[i].status);
        assert_non_null(strstr(err.msg, path));
    }
    k2test_rmdir(dir);
}

static void put_file(const char *dir, const char *text) {
    char path[5000];
    snprintf(path, sizeof path, "%s/schemas.json", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void count_version(void *ctx, struct k2_sv subject, int version, uint32_t id) {
    (void)subject;
    *(int *)ctx += version * 100 + (int)id;
}

/* What earlier versions of k2 left. */
static void a_file_of_format_1_opens_and_becomes_the_new_one_with_the_next_change(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_err err;
    int sum = 0;
    put_file(dir, "{\"format\":1,\"schemas\":[\"\\\"string\\\"\",\"\\\"int\\\"\"],"
                  "\"subjects\":{\"x\":[1],\"y\":[2]}}");
    struct k2_registry *r = reopen(NULL, dir);
    k2_registry_each(r, count_version, &sum);
    assert_int_equal(sum, 203);
    assert_int_equal(put(r, "x", "\"string\""), 1);
    enum k2_compat_level level;
    CHECK_OK(k2_subject_level(r, K2_SV("x"), false, &level, &err), &err);
    assert_int_equal(level, K2_COMPAT_FULL_TRANSITIVE);
    assert_int_equal(put(r, "z", "\"long\""), 3);
    struct k2_buf text = {0};
    char path[5000];
    snprintf(path, sizeof path, "%s/schemas.json", dir);
    CHECK_OK(k2_fs_read(path, &text, &err), &err);
    assert_non_null(strstr(k2_buf_cstr(&text), "\"format\":2"));
    r = reopen(r, dir);
    assert_int_equal(put(r, "y", "\"int\""), 2);
    assert_int_equal(put(r, "z", "\"long\""), 3);
    k2_buf_free(&text);
    k2_registry_close(r);
    k2test_rmdir(dir);
}

static void a_file_that_names_what_is_not_there_is_damaged(void **state) {
    (void)state;
    char *dir = k2test_dir();
    static const char *const bad[] = {
        "{\"format\":1,\"schemas\":[],\"subjects\":{\"x\":[1]}}",
        "{\"format\":2,\"schemas\":[],\"subjects\":{\"x\":{\"versions\":[{\"version\":1,\"id\":1}]}"
        "}}",
        "{\"format\":2,\"schemas\":[{\"id\":0,\"schema\":\"1\"}],\"subjects\":{}}",
        "{\"format\":2,\"schemas\":[{\"id\":1,\"schema\":\"1\"},{\"id\":1,\"schema\":\"2\"}],"
        "\"subjects\":{}}",
        "{\"format\":2,\"schemas\":[{\"id\":1,\"schema\":\"1\",\"type\":\"XML\"}],\"subjects\":{}}",
        "{\"format\":2,\"compatibility\":\"SOME\",\"schemas\":[],\"subjects\":{}}",
        "{\"format\":2,\"schemas\":[{\"id\":1,\"schema\":\"1\"}],\"subjects\":{\"x\":{\"versions\":"
        "[{\"version\":1,\"id\":1},{\"version\":1,\"id\":1}]}}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct k2_registry *r;
        struct k2_err err;
        put_file(dir, bad[i]);
        CHECK_STATUS(k2_registry_open(dir, &r, &err), K2_E_CORRUPT);
    }
    k2test_rmdir(dir);
}

/* A process that registers while another one has read the file must not lose that one's schema. */
static void two_that_register_beside_each_other_lose_nothing(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *a = reopen(NULL, dir), *b = reopen(NULL, dir);
    assert_int_equal(put(a, "x", "\"string\""), 1);
    assert_int_equal(put(b, "y", "\"int\""), 2);
    assert_int_equal(put(a, "z", "\"int\""), 2);
    assert_int_equal(put(b, "x", "\"string\""), 1);
    int sum = 0;
    a = reopen(a, dir);
    k2_registry_each(a, count_version, &sum);
    assert_int_equal(sum, 305);
    k2_registry_close(a);
    k2_registry_close(b);
    k2test_rmdir(dir);
}

/* Nothing is left of it, here or for the next one, and its id goes to the next. */
static int fail_rename(const char *from, const char *to) {
    (void)from;
    (void)to;
    errno = EIO;
    return -1;
}

static void a_schema_that_cannot_be_written_is_not_registered(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_registry *r = reopen(NULL, dir);
    struct k2_err err;
    struct k2_sv text;
    uint32_t id;
    put(r, "x", "\"string\"");
    struct k2_fs_ops ops = k2_fs_system;
    ops.rename = fail_rename;
    k2_fs_use(&ops);
    CHECK_STATUS(k2_registry_register(r, K2_SV("y"), K2_SV("\"int\""), &id, &err), K2_E_IO);
    k2_fs_use(NULL);
    CHECK_STATUS(k2_registry_schema(r, 2, &text, &err), K2_E_NOTFOUND);
    assert_int_equal(put(r, "y", "\"long\""), 2);
    k2_registry_close(r);
    k2test_rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_text_has_one_id_and_ids_survive_reopening),
        cmocka_unit_test(a_change_that_breaks_readers_or_writers_is_refused),
        cmocka_unit_test(a_decimal_of_another_scale_or_precision_is_refused),
        cmocka_unit_test(a_schema_registered_by_another_process_is_found),
        cmocka_unit_test(newer_formats_and_damaged_files_are_told_apart),
        cmocka_unit_test(a_file_of_format_1_opens_and_becomes_the_new_one_with_the_next_change),
        cmocka_unit_test(a_file_that_names_what_is_not_there_is_damaged),
        cmocka_unit_test(two_that_register_beside_each_other_lose_nothing),
        cmocka_unit_test(a_schema_that_cannot_be_written_is_not_registered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
