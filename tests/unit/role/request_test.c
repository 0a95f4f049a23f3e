#include "role/request.h"

#include "k2test.h"

/* As it comes out of the other end of a line: text and back. */
static struct k2_json *travel(struct k2_json *v) {
    struct k2_buf text = {0};
    struct k2_json *out;
    struct k2_err err = {0};
    k2_json_dump(v, &text);
    k2_json_free(v);
    CHECK_OK(k2_json_parse(k2_buf_view(&text), &out, &err), &err);
    k2_buf_free(&text);
    return out;
}

static void every_member_of_an_ingest_arrives(void **state) {
    (void)state;
    const struct request_ingest sent = {.path = "/a/\"b\".csv",
                                        .source = "/a/c \xc3\xa4.csv",
                                        .format = "asx-csv",
                                        .exchange = "ASX",
                                        .symbol = "BHP",
                                        .calendar = "utc",
                                        .symbols = "B*,!BHP",
                                        .date = -719162,
                                        .keep_counting = true};
    struct request_ingest got;
    struct k2_err err = {0};
    struct k2_json *v = travel(request_ingest_json(&sent));
    CHECK_OK(request_ingest_read(v, &got, &err), &err);
    assert_string_equal(got.path, sent.path);
    assert_string_equal(got.source, sent.source);
    assert_string_equal(got.format, sent.format);
    assert_string_equal(got.exchange, sent.exchange);
    assert_string_equal(got.symbol, sent.symbol);
    assert_string_equal(got.calendar, sent.calendar);
    assert_string_equal(got.symbols, sent.symbols);
    assert_int_equal(got.date, sent.date);
    assert_true(got.keep_counting);
    k2_json_free(v);
}

static void what_is_not_given_stays_not_given(void **state) {
    (void)state;
    const struct request_ingest sent = {.source = "-", .format = "asx-csv", .date = INT32_MIN};
    struct request_ingest got;
    struct k2_err err = {0};
    struct k2_json *v = travel(request_ingest_json(&sent));
    CHECK_OK(request_ingest_read(v, &got, &err), &err);
    assert_null(got.path);
    assert_null(got.exchange);
    assert_null(got.symbol);
    assert_null(got.calendar);
    assert_null(got.symbols);
    assert_int_equal(got.date, INT32_MIN);
    assert_false(got.keep_counting);
    k2_json_free(v);
}

static void every_member_of_a_market_arrives_exactly(void **state) {
    (void)state;
    const struct sim_options sent = {.symbols = 7,
                                     .rate = 1000.0 / 3,
                                     .seconds = 0.1,
                                     .seed = UINT64_MAX,
                                     .start_ns = INT64_C(1700000000123456789),
                                     .gaps = 0.01,
                                     .duplicates = 1e-17,
                                     .out_of_order = 0.3,
                                     .quotes = true};
    struct sim_options got;
    struct k2_err err = {0};
    struct k2_json *v = travel(request_sim_json(&sent));
    CHECK_OK(request_sim_read(v, &got, &err), &err);
    assert_int_equal(got.symbols, sent.symbols);
    assert_true(got.seed == sent.seed);
    assert_int_equal(got.start_ns, sent.start_ns);
    assert_true(got.quotes);
    /* To the last bit: another rate would be another market. */
    assert_memory_equal(&got.rate, &sent.rate, sizeof got.rate);
    assert_memory_equal(&got.seconds, &sent.seconds, sizeof got.seconds);
    assert_memory_equal(&got.gaps, &sent.gaps, sizeof got.gaps);
    assert_memory_equal(&got.duplicates, &sent.duplicates, sizeof got.duplicates);
    assert_memory_equal(&got.out_of_order, &sent.out_of_order, sizeof got.out_of_order);
    k2_json_free(v);
}

static void every_count_of_a_report_arrives(void **state) {
    (void)state;
    struct job_report sent = {.done = 5, .all = INT64_MAX}, got;
    int64_t counts[sizeof sent.stats / sizeof(int64_t)];
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        counts[i] = (int64_t)i * 1000003 + 1;
    memcpy(&sent.stats, counts, sizeof counts);
    struct k2_json *v = travel(request_report_json(&sent));
    request_report_read(v, &got);
    assert_memory_equal(&got.stats, &sent.stats, sizeof got.stats); /* also those added later */
    assert_int_equal(got.done, 5);
    assert_int_equal(got.all, INT64_MAX);
    k2_json_free(v);
    request_report_read(NULL, &got); /* an answer without a report */
    assert_int_equal(got.stats.read, 0);
    assert_int_equal(got.all, -1);
}

static void a_failure_arrives_as_it_was(void **state) {
    (void)state;
    struct k2_err sent, got = {0};
    (void)k2_fail(&sent, K2_E_LOCKED, "held by \"pid 5\"");
    sent.retriable = true;
    struct k2_json *v = travel(request_error_json(&sent));
    CHECK_STATUS(request_error_read(v, &got), K2_E_LOCKED);
    assert_string_equal(got.msg, sent.msg);
    assert_int_equal(got.status, K2_E_LOCKED);
    assert_true(got.retriable);
    k2_json_free(v);
    v = k2_json_object();
    CHECK_OK(request_error_read(v, &got), &got);
    k2_json_free(v);
}

static void requests_that_are_not_whole_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"do\":\"ingest\"}",
        "{\"do\":\"ingest\",\"path\":\"/a\"}",
        "{\"do\":\"ingest\",\"format\":\"asx-csv\"}",
        "{\"do\":\"ingest\",\"path\":5,\"format\":[]}",
        "[]",
        "null",
    };
    struct request_ingest r;
    struct sim_options o;
    struct k2_err err = {0};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct k2_json *v;
        CHECK_OK(k2_json_parse(k2_sv_of(texts[i]), &v, &err), &err);
        CHECK_STATUS(request_ingest_read(v, &r, &err), K2_E_INVALID);
        CHECK_STATUS(request_sim_read(v, &o, &err), K2_E_INVALID);
        k2_json_free(v);
    }
}

/* An error never arrives as a success, whatever its number is. */
static void an_error_with_a_wrong_number_is_still_an_error(void **state) {
    (void)state;
    struct k2_json *v;
    struct k2_err err = {0};
    CHECK_OK(k2_json_parse(K2_SV("{\"error\":\"no\",\"status\":0}"), &v, &err), &err);
    CHECK_STATUS(request_error_read(v, &err), K2_E_FAILED);
    k2_json_free(v);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_of_an_ingest_arrives),
        cmocka_unit_test(what_is_not_given_stays_not_given),
        cmocka_unit_test(every_member_of_a_market_arrives_exactly),
        cmocka_unit_test(every_count_of_a_report_arrives),
        cmocka_unit_test(a_failure_arrives_as_it_was),
        cmocka_unit_test(requests_that_are_not_whole_are_refused),
        cmocka_unit_test(an_error_with_a_wrong_number_is_still_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
