#include "random_event.h"

#include "base/clock.h"

#define KNOWN_ROW_HASH "e4e2cecec4f5bff2567e75e7f4de7575"

static void field_ids_and_names_are_unique_and_leave_room_for_nested_ids(void **state) {
    (void)state;
    for (int kind = 0; kind < K2_KIND_COUNT; kind++) {
        const struct k2_kind *k = k2_kind((enum k2_kind_id)kind);
        for (int i = 0; i < k->field_count; i++) {
            assert_in_range(k->fields[i].id, 1, 199);
            assert_int_equal(k2_field_by_id(k, k->fields[i].id), i);
            assert_int_equal(k2_field_by_name(k, k2_sv_of(k->fields[i].name)), i);
        }
    }
}

static void tables_and_topics_name_their_kind(void **state) {
    (void)state;
    struct k2_buf b = {0};
    k2_topic_name(k2_kind(K2_KIND_TRADE), K2_SV("BINANCE-USDM"), &b);
    assert_string_equal(k2_buf_cstr(&b), "market.ticks.binance-usdm");
    assert_ptr_equal(k2_kind_by_topic(k2_buf_view(&b)), k2_kind(K2_KIND_TRADE));
    assert_null(k2_kind_by_topic(K2_SV("market.ticks")));
    assert_null(k2_kind_by_topic(K2_SV("market.ticksy.asx")));
    assert_ptr_equal(k2_kind_by_table(K2_SV("quotes")), k2_kind(K2_KIND_QUOTE));
    assert_null(k2_kind_by_table(K2_SV("nothing")));
    k2_buf_free(&b);
}

static struct k2_event sample(struct k2_interner *in) {
    struct k2_event e = {.kind = K2_KIND_TRADE};
    e.trade.exchange = k2_intern(in, K2_SV("ASX"));
    e.trade.symbol = k2_intern(in, K2_SV("BRK.B"));
    e.trade.channel = k2_intern(in, K2_SV("a/b%c"));
    e.trade.trade_date = k2_days_from_civil(2014, 3, 10);
    e.trade.exchange_sequence_number = 17;
    e.trade.epoch = 2;
    e.trade.part = 1;
    e.trade.instrument_id = e.trade.receive_timestamp_ns = e.trade.raw_offset = K2_NULL_LONG;
    e.trade.price = 5, e.trade.quantity = K2_NULL_DECIMAL;
    return e;
}

static void the_printed_identity_escapes_its_separators(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    struct k2_event e = sample(in);
    struct k2_buf b = {0};
    k2_message_id(&e, in, &b);
    assert_string_equal(k2_buf_cstr(&b), "ASX/2014-03-10/a%2Fb%25c/trade/2/17/1");
    b.n = 0;
    k2_event_key(&e, in, &b);
    assert_string_equal(k2_buf_cstr(&b), "ASX.BRK.B");
    k2_buf_free(&b);
    k2_interner_free(in);
}

static void hashes_see_what_they_must_and_nothing_else(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    struct k2_event a = sample(in), b = a;
    b.trade.raw_offset = 9, b.trade.journal_offset = 9, b.trade.ingest_timestamp = 9;
    assert_int_equal(k2_h128_cmp(k2_payload_hash(&a, in), k2_payload_hash(&b, in)), 0);
    assert_int_equal(k2_h128_cmp(k2_row_hash(&a, in), k2_row_hash(&b, in)), 0);
    assert_int_not_equal(k2_h128_cmp(k2_full_hash(&a, in), k2_full_hash(&b, in)), 0);
    b = a, b.trade.receive_timestamp_ns = 1;
    assert_int_equal(k2_h128_cmp(k2_payload_hash(&a, in), k2_payload_hash(&b, in)), 0);
    assert_int_not_equal(k2_h128_cmp(k2_row_hash(&a, in), k2_row_hash(&b, in)), 0);
    b = a, b.trade.price = 6;
    assert_int_not_equal(k2_h128_cmp(k2_payload_hash(&a, in), k2_payload_hash(&b, in)), 0);
    k2_interner_free(in);
}

/* Ids are local to an interner; hashes are of the strings themselves. */
static void a_hash_does_not_depend_on_the_interner(void **state) {
    (void)state;
    struct k2_interner *x = k2_interner_new(), *y = k2_interner_new();
    k2_intern(y, K2_SV("something first"));
    struct k2_event a = sample(x), b = sample(y);
    assert_int_not_equal(a.trade.symbol, b.trade.symbol);
    assert_int_equal(k2_h128_cmp(k2_row_hash(&a, x), k2_row_hash(&b, y)), 0);
    k2_interner_free(x);
    k2_interner_free(y);
}

/* The hashed bytes are a promise: stored digests depend on this value. */
static void the_row_hash_of_a_known_event_never_changes(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    struct k2_event e = sample(in);
    char hex[33];
    k2_h128_hex(k2_row_hash(&e, in), hex);
    assert_string_equal(hex, KNOWN_ROW_HASH);
    k2_interner_free(in);
}

static void long_values_are_hashed_whole(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    char *big = malloc(100000);
    memset(big, 'x', 100000);
    struct k2_event a = {.kind = K2_KIND_QUARANTINE};
    a.quarantine.raw = k2_intern(in, (struct k2_sv){big, 100000});
    struct k2_event b = a;
    big[99999] = 'y';
    b.quarantine.raw = k2_intern(in, (struct k2_sv){big, 100000});
    assert_int_not_equal(k2_h128_cmp(k2_row_hash(&a, in), k2_row_hash(&b, in)), 0);
    free(big);
    k2_interner_free(in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(field_ids_and_names_are_unique_and_leave_room_for_nested_ids),
        cmocka_unit_test(tables_and_topics_name_their_kind),
        cmocka_unit_test(the_printed_identity_escapes_its_separators),
        cmocka_unit_test(hashes_see_what_they_must_and_nothing_else),
        cmocka_unit_test(a_hash_does_not_depend_on_the_interner),
        cmocka_unit_test(the_row_hash_of_a_known_event_never_changes),
        cmocka_unit_test(long_values_are_hashed_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
