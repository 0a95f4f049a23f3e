/* Executions of our own orders: names of columns, exact numbers, numbers made
 * of ids, what is refused. */
#include "feed_helper.h"

#define HEADER                                                                                     \
    "execution_id,symbol,exchange,side,price,quantity,transact_time,account,"                      \
    "fee,fee_currency,desk\n"

static const char csv[] =
    HEADER "E1,AAPL,XNAS,buy,190.5,100,2024-03-04T15:00:00.123456789Z,ACC1,-0."
           "35,USD,d1\n"
           "77,MSFT,XNAS,SELL,400,0.5,2024-03-04T15:02:00Z,,,,\n";

static struct gathered decoded(const char *text, size_t step) {
    struct gathered g;
    const struct feed_options o = plain_options("executions");
    gather_init(&g);
    decode_text("executions", &o, k2_sv_of(text), step, &g);
    return g;
}

static void a_row_is_an_execution_with_exact_numbers(void **state) {
    (void)state;
    for (size_t step = 0; step < 40; step += 13) {
        struct gathered g = decoded(csv, step);
        assert_int_equal(g.events, 2);
        assert_int_equal(g.rejects, 0);
        const struct k2_execution *e = &g.all[0].event.execution;
        assert_int_equal(g.all[0].event.kind, K2_KIND_EXECUTION);
        assert_string_equal(text_of(&g, e->execution_id), "E1");
        assert_string_equal(text_of(&g, e->side), "BUY");
        assert_string_equal(text_of(&g, e->channel), "ACC1");
        assert_string_equal(text_of(&g, e->fee_currency), "USD");
        assert_true(e->price == (k2_i128)190500000000);
        assert_true(e->quantity == (k2_i128)1000000000000);
        assert_true(e->fee == -(k2_i128)350000000);
        assert_int_equal(e->exchange_timestamp_ns, 1709564400123456789);
        assert_int_equal(e->epoch, 0);
        gather_free(&g);
    }
}

static void a_decimal_id_is_its_own_number_and_any_other_is_hashed(void **state) {
    (void)state;
    struct gathered g = decoded(csv, 0), again = decoded(csv, 7);
    const struct k2_head *hashed = &g.all[0].event.head, *plain = &g.all[1].event.head;
    assert_int_equal(plain->exchange_sequence_number, 77);
    assert_int_equal(plain->part, 0);
    assert_true(hashed->part > 0);
    assert_true(hashed->exchange_sequence_number >= 0);
    assert_int_equal(hashed->exchange_sequence_number,
                     again.all[0].event.head.exchange_sequence_number);
    assert_int_equal(hashed->part, again.all[0].event.head.part);
    assert_string_equal(text_of(&g, plain->channel), "-");
    gather_free(&g);
    gather_free(&again);
}

static void ids_that_are_no_plain_number_are_hashed(void **state) {
    (void)state;
    static const char *const ids[] = {"007", "-7", "1234567890123456789", "7.0"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char text[400];
        snprintf(text, sizeof text, HEADER "%s,A,XNAS,BUY,1,1,2024-03-04T15:00:00Z,a,,,\n", ids[i]);
        struct gathered g = decoded(text, 0);
        assert_int_equal(g.events, 1);
        assert_true(g.all[0].event.head.part > 0);
        gather_free(&g);
    }
}

static void json_says_the_same_as_csv(void **state) {
    (void)state;
    struct gathered a = decoded(csv, 0);
    struct gathered b =
        decoded("{\"desk\":\"d1\",\"execution_id\":\"E1\",\"symbol\":\"AAPL\","
                "\"exchange\":\"XNAS\","
                "\"side\":\"BUY\",\"price\":190.5,\"quantity\":\"100\",\"account\":"
                "\"ACC1\","
                "\"transact_time\":\"2024-03-04T15:00:00.123456789Z\",\"fee\":\"-0.35\","
                "\"fee_currency\":\"USD\"}\n",
                11);
    assert_int_equal(b.events, 1);
    struct k2_h128 one = k2_payload_hash(&a.all[0].event, a.in);
    struct k2_h128 other = k2_payload_hash(&b.all[0].event, b.in);
    assert_int_equal(k2_h128_cmp(one, other), 0);
    gather_free(&a);
    gather_free(&b);
}

static void time_in_nanoseconds_is_taken_too(void **state) {
    (void)state;
    struct gathered g =
        decoded("{\"execution_id\":\"E\",\"symbol\":\"A\",\"exchange\":\"XNAS\",\"side\":"
                "\"BUY\",\"price\":1,\"quantity\":1,\"transact_time_ns\":"
                "1709564400123456789,\"liquidity\":\"maker\"}\n",
                0);
    assert_int_equal(g.events, 1);
    assert_int_equal(g.all[0].event.head.exchange_timestamp_ns, 1709564400123456789);
    assert_string_equal(text_of(&g, g.all[0].event.execution.liquidity), "MAKER");
    gather_free(&g);
}

static void check_refused(const char *row, const char *reason) {
    char text[600];
    snprintf(text, sizeof text, HEADER "%s\n", row);
    struct gathered g = decoded(text, 0);
    assert_int_equal(g.events, 0);
    assert_int_equal(g.rejects, 1);
    assert_string_equal(g.all[0].reason, reason);
    assert_int_equal(g.all[0].position, 2);
    assert_false(g.all[0].numbered);
    assert_int_equal(g.all[0].raw_n, strlen(row));
    gather_free(&g);
}

static void a_row_that_lacks_something_is_refused_without_a_number(void **state) {
    (void)state;
    check_refused(",A,XNAS,BUY,1,1,2024-03-04T15:00:00Z,a,,,", "INVALID");
    check_refused("E,A,XNAS,BUY,,1,2024-03-04T15:00:00Z,a,,,", "INVALID");
    check_refused("E,A,XNAS,BUY,1,0,2024-03-04T15:00:00Z,a,,,", "INVALID");
    check_refused("E,A,XNAS,BUY,1,-1,2024-03-04T15:00:00Z,a,,,", "INVALID");
    check_refused("E,A,XNAS,BUY,1,1,2024-03-04T15:00:00Z,a,0.1,,", "INVALID");
    check_refused("E,A,XNAS,HOLD,1,1,2024-03-04T15:00:00Z,a,,,", "INVALID");
    check_refused("E,A,XNAS,BUY,x,1,2024-03-04T15:00:00Z,a,,,", "MALFORMED");
    check_refused("E,A,XNAS,BUY,1,1,yesterday,a,,,", "MALFORMED");
    check_refused("E,A,XNAS,BUY,1.0000000001,1,2024-03-04T15:00:00Z,a,,,", "RANGE");
}

static void a_file_without_the_columns_is_refused(void **state) {
    (void)state;
    struct gathered g;
    struct k2_err err = {0};
    const struct feed_options o = plain_options("x");
    const struct feed_ops *ops = feed_find(K2_SV("executions"));
    void *decoder = calloc(1, ops->state_size);
    size_t used;
    gather_init(&g);
    CHECK_OK(ops->init(ops, decoder, &o, g.in, &err), &err);
    assert_int_equal(ops->decode(decoder, K2_SV("a,b,c\n1,2,3\n"), true, &used, &g.sink, &err),
                     K2_E_INVALID);
    assert_non_null(strstr(err.msg, "execution_id"));
    ops->fini(decoder);
    free(decoder);
    gather_free(&g);
}

static void the_format_is_told_by_its_columns(void **state) {
    (void)state;
    const struct feed_ops *found = feed_detect(K2_SV("fills.csv"), k2_sv_of(csv));
    assert_non_null(found);
    assert_string_equal(found->name, "executions");
    found = feed_detect(K2_SV("x"), K2_SV("price,quantity\n1,2\n"));
    assert_true(!found || strcmp(found->name, "executions") != 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_an_execution_with_exact_numbers),
        cmocka_unit_test(a_decimal_id_is_its_own_number_and_any_other_is_hashed),
        cmocka_unit_test(ids_that_are_no_plain_number_are_hashed),
        cmocka_unit_test(json_says_the_same_as_csv),
        cmocka_unit_test(time_in_nanoseconds_is_taken_too),
        cmocka_unit_test(a_row_that_lacks_something_is_refused_without_a_number),
        cmocka_unit_test(a_file_without_the_columns_is_refused),
        cmocka_unit_test(the_format_is_told_by_its_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
