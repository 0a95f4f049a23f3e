/* Log lines: their form in text and JSON, whatever the bytes in them. */
#include "base/json.h"
#include "base/log.h"
#include "k2test.h"

#include <fcntl.h>

/* Stands in for stderr; cmocka's own output is on stdout. */
static int kept_stderr, captured;

static int capture(void **state) {
    (void)state;
    FILE *file = tmpfile();
    kept_stderr = dup(STDERR_FILENO);
    captured = dup(fileno(file));
    dup2(captured, STDERR_FILENO);
    fclose(file);
    return 0;
}

static int restore(void **state) {
    (void)state;
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    close(captured);
    k2_log_setup(K2_LOG_INFO, false);
    return 0;
}

static const char *logged(void) {
    static char text[4096];
    ssize_t n = pread(captured, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = 0;
    return text;
}

static void text_lines_quote_only_what_could_be_misread(void **state) {
    (void)state;
    k2_log_setup(K2_LOG_INFO, false);
    k2_log(K2_LOG_WARN, "gap", "exchange", "ASX", "from", "17", "why", "two words", "none", "",
           "quote", "a\"b", "lines", "a\nb", "nothing", (const char *)NULL, NULL);
    const char *line = logged();
    assert_int_equal(line[10], 'T');
    assert_string_equal(line + 30, " warn gap exchange=ASX from=17 why=\"two words\" none=\"\" "
                                   "quote=\"a\\\"b\" lines=\"a\\nb\" nothing=\"\"\n");
}

static void json_lines_are_objects_whatever_the_bytes(void **state) {
    (void)state;
    k2_log_setup(K2_LOG_DEBUG, true);
    k2_log(K2_LOG_DEBUG, "bad \"event\"", "raw", "\xff\x01\xc3\xa9", NULL);
    struct k2_sv line = k2_sv_of(logged()), text;
    assert_true(k2_sv_ends(line, K2_SV("}\n")));
    struct k2_json *v;
    struct k2_err err;
    CHECK_OK(k2_json_parse(line, &v, &err), &err);
    assert_true(k2_json_as_string(k2_json_get(v, "level"), &text) &&
                k2_sv_eq(text, K2_SV("debug")));
    assert_true(k2_json_as_string(k2_json_get(v, "event"), &text) &&
                k2_sv_eq(text, K2_SV("bad \"event\"")));
    assert_true(k2_json_as_string(k2_json_get(v, "raw"), &text) &&
                k2_sv_eq(text, K2_SV("\xef\xbf\xbd\x01\xc3\xa9")));
    assert_true(k2_json_as_string(k2_json_get(v, "time"), &text) && text.n == 30);
    k2_json_free(v);
}

static void lines_below_the_least_level_are_not_written(void **state) {
    (void)state;
    k2_log_setup(K2_LOG_WARN, false);
    k2_log(K2_LOG_INFO, "quiet", NULL);
    assert_string_equal(logged(), "");
    k2_log(K2_LOG_ERROR, "loud", NULL);
    assert_string_equal(logged() + 30, " error loud\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(text_lines_quote_only_what_could_be_misread, capture,
                                        restore),
        cmocka_unit_test_setup_teardown(json_lines_are_objects_whatever_the_bytes, capture,
                                        restore),
        cmocka_unit_test_setup_teardown(lines_below_the_least_level_are_not_written, capture,
                                        restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
