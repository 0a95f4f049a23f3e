/* The containers of JSON messages, and moments as venues write them. */
#include "feed/venue/json_lines.h"
#include "k2test.h"

static void check_record(const char *text, enum json_line found, const char *json, int64_t ns) {
    struct json_lines l = {0};
    struct json_record r;
    struct k2_sv bytes = k2_sv_of(text);
    assert_int_equal(json_line_next(&l, &bytes, true, &r), found);
    if (found == JSON_LINE_MESSAGE && !k2_sv_eq(r.text, k2_sv_of(json)))
        fail_msg("%s gives %.*s", text, K2_SV_ARG(r.text));
    assert_int_equal(r.receive_ns, ns);
    json_lines_free(&l);
}

static void each_form_gives_the_message_and_when_it_was_received(void **state) {
    (void)state;
    const int64_t none = K2_NULL_LONG;
    check_record("{\"a\":1}", JSON_LINE_MESSAGE, "{\"a\":1}", none);
    check_record(" [1,2] \r\n", JSON_LINE_MESSAGE, "[1,2]", none);
    check_record("1700000000123456789 {}\n", JSON_LINE_MESSAGE, "{}", INT64_C(1700000000123456789));
    check_record("1700000000123 trade {}\n", JSON_LINE_MESSAGE, "{}", INT64_C(1700000000123000000));
    check_record("1700000000.25: {}\n", JSON_LINE_MESSAGE, "{}", INT64_C(1700000000250000000));
    check_record("1700000000: [3]\n", JSON_LINE_MESSAGE, "[3]", INT64_C(1700000000000000000));
    check_record("https://a.b/c?d -> 1700000000.5: {}\n", JSON_LINE_MESSAGE, "{}",
                 INT64_C(1700000000500000000));
    check_record("wss://a.b/c <-> 1700000000.5\n", JSON_LINE_NOTE, "", none);
    check_record("wss://a.b/c <- 1700000000.5: {}\n", JSON_LINE_NOTE, "", none);
    check_record("configuration: {}\n", JSON_LINE_NOTE, "", none);
    check_record("1700000000123 trade", JSON_LINE_BAD, "", none);
    check_record("12x {}", JSON_LINE_BAD, "", none);
    check_record("https://a.b/c -> soon: {}", JSON_LINE_BAD, "", none);
    check_record("99999999999999999999: {}", JSON_LINE_BAD, "", none);
}

static void the_address_of_a_connection_holds_until_the_next_one(void **state) {
    (void)state;
    struct json_lines l = {0}, other = {0};
    struct k2_buf saved = {0};
    struct json_record r;
    struct k2_sv bytes = K2_SV("wss://one/ <-> 1.5\n1.5: {}\nhttps://two/x -> 1.5: {}\n1.5: {}\n");
    assert_int_equal(json_line_next(&l, &bytes, true, &r), JSON_LINE_NOTE);
    assert_int_equal(json_line_next(&l, &bytes, true, &r), JSON_LINE_MESSAGE);
    assert_true(k2_sv_eq(r.url, K2_SV("wss://one/")) && !r.answer);
    assert_int_equal(json_line_next(&l, &bytes, true, &r), JSON_LINE_MESSAGE);
    assert_true(k2_sv_eq(r.url, K2_SV("https://two/x")) && r.answer);
    json_lines_save(&l, &saved);
    struct k2_sv in = k2_buf_view(&saved);
    assert_true(json_lines_restore(&other, &in));
    assert_int_equal(json_line_next(&other, &bytes, true, &r), JSON_LINE_MESSAGE);
    assert_true(k2_sv_eq(r.url, K2_SV("wss://one/")) && r.position == 4);
    json_lines_free(&l);
    json_lines_free(&other);
    k2_buf_free(&saved);
}

static void a_message_over_several_lines_is_one_however_it_is_shown(void **state) {
    (void)state;
    static const char text[] = "{\n  \"a\": [\n    1\n  ]\n}\n{\"b\":2}\n[\n  {},\n  {}\n]\n";
    for (size_t step = 1; step < sizeof text; step++) {
        struct json_lines l = {0};
        struct json_record r = {0};
        size_t shown = 0, done = 0, n = sizeof text - 1;
        static const size_t ends[8] = {23, 31, 46};
        int found = 0;
        while (done < n) {
            shown = shown + step < n ? shown + step : n;
            struct k2_sv bytes = {text + done, shown - done};
            while (json_line_next(&l, &bytes, shown == n, &r) == JSON_LINE_MESSAGE) {
                assert_true(found < 3);
                assert_int_equal(bytes.p - text, ends[found]);
                found++;
            }
            done = (size_t)(bytes.p - text);
        }
        assert_int_equal(found, 3);
        json_lines_free(&l);
    }
}

static void an_opening_bracket_without_its_end_is_a_message_alone(void **state) {
    (void)state;
    struct json_lines l = {0};
    struct json_record r;
    struct k2_sv bytes = K2_SV("{\n{\"a\":1}\n");
    assert_int_equal(json_line_next(&l, &bytes, false, &r), JSON_LINE_MORE);
    assert_int_equal(json_line_next(&l, &bytes, true, &r), JSON_LINE_MESSAGE);
    assert_true(k2_sv_eq(r.text, K2_SV("{")));
    assert_int_equal(json_line_next(&l, &bytes, true, &r), JSON_LINE_MESSAGE);
    assert_true(k2_sv_eq(r.text, K2_SV("{\"a\":1}")));
    json_lines_free(&l);
}

static void moments_are_exact_to_the_nanosecond_or_refused(void **state) {
    (void)state;
    int64_t ns;
    assert_true(json_time(K2_SV("1619093543708.2642"), K2_NS_PER_MS, &ns) &&
                ns == INT64_C(1619093543708264200));
    assert_true(json_time(K2_SV("5"), 1, &ns) && ns == 5);
    static const char *const bad[] = {"", "-1", "1.", ".5", "1e3", "1.5x", "9999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(json_time(k2_sv_of(bad[i]), K2_NS_PER_SEC, &ns));
    assert_true(json_time_iso(K2_SV("2021-04-17T16:43:37.448713Z"), &ns) &&
                ns == INT64_C(1618677817448713000));
    assert_true(json_time_iso(K2_SV("2021-04-17 16:43:37+00:00"), &ns) &&
                ns == INT64_C(1618677817000000000));
    static const char *const worse[] = {"2021-04-17",
                                        "2021-02-30T00:00:00Z",
                                        "2021-04-17T24:00:00Z",
                                        "2021-04-17T16:43:37.Z",
                                        "2021-04-17T16:43:37+10:00",
                                        "1969-12-31T23:59:59Z"};
    for (size_t i = 0; i < sizeof worse / sizeof *worse; i++)
        assert_false(json_time_iso(k2_sv_of(worse[i]), &ns));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_gives_the_message_and_when_it_was_received),
        cmocka_unit_test(the_address_of_a_connection_holds_until_the_next_one),
        cmocka_unit_test(a_message_over_several_lines_is_one_however_it_is_shown),
        cmocka_unit_test(an_opening_bracket_without_its_end_is_a_message_alone),
        cmocka_unit_test(moments_are_exact_to_the_nanosecond_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
