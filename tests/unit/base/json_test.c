/* base/json: exact integers, stable order, and nothing that is not JSON. */
#include "base/json.h"
#include "k2test.h"

static struct k2_json *parse(const char *text) {
    struct k2_err err = {0};
    struct k2_json *v = NULL;
    CHECK_OK(k2_json_parse(k2_sv_of(text), &v, &err), &err);
    return v;
}

static void check_round(const char *text, const char *expected) {
    struct k2_json *v = parse(text);
    struct k2_buf out = {0};
    k2_json_dump(v, &out);
    assert_string_equal(k2_buf_cstr(&out), expected);
    k2_buf_free(&out);
    k2_json_free(v);
}

static void integers_are_exact_over_all_of_int64(void **state) {
    (void)state;
    check_round("[9223372036854775807,-9223372036854775808,9007199254740993]",
                "[9223372036854775807,-9223372036854775808,9007199254740993]");
    struct k2_err err = {0};
    struct k2_json *v = NULL;
    CHECK_STATUS(k2_json_parse(K2_SV("[9223372036854775808]"), &v, &err), K2_E_INVALID);
}

static void members_keep_their_order_through_changes(void **state) {
    (void)state;
    struct k2_json *v = parse("{\"z\":1,\"a\":2,\"m\":{\"y\":[],\"b\":null}}");
    k2_json_set(v, "a", k2_json_cstring("new"));
    k2_json_set(v, "last", k2_json_bool(true));
    k2_json_remove(v, "z");
    struct k2_buf out = {0};
    k2_json_dump(v, &out);
    assert_string_equal(k2_buf_cstr(&out),
                        "{\"a\":\"new\",\"m\":{\"y\":[],\"b\":null},\"last\":true}");
    struct k2_json *copy = k2_json_copy(v);
    k2_json_append(k2_json_get(k2_json_get(copy, "m"), "y"), k2_json_int(7));
    assert_false(k2_json_equal(v, copy));
    assert_int_equal(k2_json_count(k2_json_get(k2_json_get(v, "m"), "y")), 0);
    k2_json_free(copy);
    k2_json_free(v);
    k2_buf_free(&out);
}

static void broken_text_is_refused_with_its_place(void **state) {
    (void)state;
    static const char *const bad[] = {"",         "{",  "{\"a\":1,\"a\":2}", "[1,]", "nul",
                                      "\"\xff\"", "1 2"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct k2_err err = {0};
        struct k2_json *v = NULL;
        CHECK_STATUS(k2_json_parse(k2_sv_of(bad[i]), &v, &err), K2_E_INVALID);
        assert_non_null(strstr(err.msg, "line"));
    }
}

static void readers_accept_missing_values_and_other_types(void **state) {
    (void)state;
    struct k2_json *v = parse("{\"s\":\"a\\u0000b\",\"n\":3,\"t\":true}");
    struct k2_sv s = {0};
    int64_t n = 0;
    bool t = false;
    assert_true(k2_json_as_string(k2_json_get(v, "s"), &s));
    assert_true(k2_sv_eq(s, K2_SV("a\0b")));
    assert_false(k2_json_as_string(k2_json_get(v, "n"), &s));
    assert_false(k2_json_as_int(k2_json_get(k2_json_get(v, "none"), "deeper"), &n));
    assert_true(k2_json_as_int(k2_json_get(v, "n"), &n) && n == 3);
    assert_true(k2_json_as_bool(k2_json_get(v, "t"), &t) && t);
    assert_int_equal(k2_json_type(NULL), K2_JSON_MISSING);
    assert_null(k2_json_at(v, 0));
    void *iter = NULL;
    struct k2_json *member;
    char order[4] = "";
    for (size_t i = 0; k2_json_next(v, &iter, &s, &member); i++)
        order[i] = s.p[0];
    assert_string_equal(order, "snt");
    k2_json_free(v);
}

static void strings_that_are_not_utf8_are_written_with_replacement_marks(void **state) {
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {{"a\xff z", "\"a\xef\xbf\xbd z\""},
                 {"\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
                 {"\xf0\x9f\x98\x80\x80", "\"\xf0\x9f\x98\x80\xef\xbf\xbd\""},
                 {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct k2_json *v = k2_json_cstring(cases[i].in);
        struct k2_buf out = {0};
        k2_json_dump(v, &out);
        assert_string_equal(k2_buf_cstr(&out), cases[i].out);
        k2_buf_free(&out);
        k2_json_free(v);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_exact_over_all_of_int64),
        cmocka_unit_test(members_keep_their_order_through_changes),
        cmocka_unit_test(broken_text_is_refused_with_its_place),
        cmocka_unit_test(readers_accept_missing_values_and_other_types),
        cmocka_unit_test(strings_that_are_not_utf8_are_written_with_replacement_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
