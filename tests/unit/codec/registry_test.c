#include "codec/codec.h"
#include "k2test.h"

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
        {"{\"format\":2}", K2_E_VERSION}, {"{\"format\":1}", K2_E_CORRUPT}, {"{", K2_E_CORRUPT}};
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_text_has_one_id_and_ids_survive_reopening),
        cmocka_unit_test(a_change_that_breaks_readers_or_writers_is_refused),
        cmocka_unit_test(a_schema_registered_by_another_process_is_found),
        cmocka_unit_test(newer_formats_and_damaged_files_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
