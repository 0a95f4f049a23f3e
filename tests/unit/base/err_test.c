#include "base/err.h"
#include "k2test.h"

#include <errno.h>

static int fails(struct k2_err *err) {
    return k2_fail(err, K2_E_CORRUPT, "byte %d is wrong", 7);
}

static int adds_context(struct k2_err *err) {
    K2_TRY_CTX(fails(err), err, "file %s", "x");
    return K2_OK;
}

static void context_is_put_in_front_of_the_cause(void **state) {
    (void)state;
    struct k2_err err;
    CHECK_STATUS(adds_context(&err), K2_E_CORRUPT);
    assert_string_equal(err.msg, "file x: byte 7 is wrong");
    assert_int_equal(err.status, K2_E_CORRUPT);
    assert_false(err.retriable);
    CHECK_STATUS(adds_context(NULL), K2_E_CORRUPT);
}

static void a_context_that_does_not_fit_gives_way_to_the_cause(void **state) {
    (void)state;
    struct k2_err err;
    char cause[sizeof err.msg];
    memset(cause, 'c', sizeof cause);
    cause[sizeof cause - 1] = 0;
    int rc = k2_fail(&err, K2_E_IO, "%s", cause);
    CHECK_STATUS(k2_err_context(&err, rc, "context"), K2_E_IO);
    assert_string_equal(err.msg, cause);
    cause[sizeof cause - 6] = 0;
    rc = k2_fail(&err, K2_E_IO, "%s", cause);
    CHECK_STATUS(k2_err_context(&err, rc, "context"), K2_E_IO);
    assert_true(strlen(err.msg) < sizeof err.msg);
    assert_non_null(strstr(err.msg, cause));
}

static void errno_is_told_in_words_and_kept(void **state) {
    (void)state;
    struct k2_err err;
    errno = ENOENT;
    CHECK_STATUS(k2_fail_errno(&err, "open %s", "f"), K2_E_IO);
    assert_string_equal(err.msg, "open f: No such file or directory");
    assert_int_equal(errno, ENOENT);
}

static void every_status_has_a_name_a_meaning_and_an_exit_code(void **state) {
    (void)state;
    for (int i = 0; i < K2_STATUS_COUNT; i++) {
        assert_string_not_equal(k2_status_name(-1 - i), "UNKNOWN");
        assert_in_range(k2_status_exit_code(-1 - i), 1, 3);
        assert_true(strlen(k2_status_meaning(-1 - i)) > 5);
    }
    assert_string_equal(k2_status_name(K2_OK), "OK");
    assert_string_equal(k2_status_name(-999), "UNKNOWN");
    assert_int_equal(k2_status_exit_code(K2_E_USAGE), 2);
    assert_int_equal(k2_status_exit_code(K2_E_DATA), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(context_is_put_in_front_of_the_cause),
        cmocka_unit_test(a_context_that_does_not_fit_gives_way_to_the_cause),
        cmocka_unit_test(errno_is_told_in_words_and_kept),
        cmocka_unit_test(every_status_has_a_name_a_meaning_and_an_exit_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
