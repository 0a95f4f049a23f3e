/* Fields of a writer's schema that this build does not know: their values, columns and hashes. */
#include "codec/added.h"
#include "codec/avro.h"

#include "k2test.h"

#include <stdlib.h>

struct writer {
    const char *schema;
    struct k2_buf record;
};

static K2_RC find_schema(void *ctx, uint32_t id, struct k2_sv *schema, struct k2_err *err) {
    (void)id, (void)err;
    *schema = k2_sv_of(((struct writer *)ctx)->schema);
    return K2_OK;
}

#define SYMBOL "{\"name\":\"symbol\",\"type\":\"string\"}"
#define RECORD(fields) "{\"type\":\"record\",\"name\":\"trade\",\"fields\":[" SYMBOL "," fields "]}"
#define OPTIONAL(name, type) "{\"name\":\"" name "\",\"type\":[\"null\"," type "],\"default\":null}"

/* One field of each type that a column can hold. */
static const char all_types[] =
    RECORD(
        OPTIONAL("text", "\"string\"") "," OPTIONAL(
            "raw", "\"bytes\"") "," OPTIONAL("whole",
                                             "\"int\"") "," OPTIONAL("big", "\"long\"") "," OPTIONAL("yes", "\"boolean\"") "," OPTIONAL("day", "{\"type\":\"int\",\"logicalType\":\"date\"}") "," OPTIONAL("us", "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}") "," OPTIONAL("ms", "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}") "," OPTIONAL("price_like",
                                                                                                                                                                                                                                                                                                                                                                         "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":20,"
                                                                                                                                                                                                                                                                                                                                                                         "\"scale\":9}") "," OPTIONAL("fee", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":10,"
                                                                                                                                                                                                                                                                                                                                                                                                             "\"scale\":2}") "," OPTIONAL("real",
                                                                                                                                                                                                                                                                                                                                                                                                                                          "\"double\"") "," OPTIONAL("small", "\"float\"") "," OPTIONAL("mood",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                        "{\"type\":\"enum\",\"name\":\"m\",\"symbols\":[\"GOOD\",\"BAD\"]}") "," OPTIONAL("tags",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                          "{\"type\":\"array\",\"items\":\"string\"}"));
enum { ALL_TYPES = 14 };

static struct writer writer_of(const char *schema) {
    struct writer w = {.schema = schema};
    k2_wire_put_header(&w.record, 7);
    k2_avro_put_bytes(&w.record, K2_SV("BHP"));
    return w;
}

static struct writer full_writer(void) {
    struct writer w = writer_of(all_types);
    struct k2_buf *b = &w.record;
    const double real = 0.1;
    const float small = 0.3F;
    k2_avro_put_long(b, 1), k2_avro_put_bytes(b, K2_SV("up"));
    k2_avro_put_long(b, 1), k2_avro_put_bytes(b, K2_SV("\1\2"));
    k2_avro_put_long(b, 1), k2_avro_put_long(b, -5);
    k2_avro_put_long(b, 1), k2_avro_put_long(b, INT64_MAX);
    k2_avro_put_long(b, 1), k2_buf_byte(b, 1);
    k2_avro_put_long(b, 1), k2_avro_put_long(b, 16346);
    k2_avro_put_long(b, 1), k2_avro_put_long(b, 1234567);
    k2_avro_put_long(b, 1), k2_avro_put_long(b, 1234);
    k2_avro_put_long(b, 1), k2_avro_put_bytes(b, K2_SV("\x05"));
    k2_avro_put_long(b, 1), k2_avro_put_bytes(b, K2_SV("\x7b")); /* 1.23 */
    k2_avro_put_long(b, 1), k2_buf_put(b, &real, sizeof real);
    k2_avro_put_long(b, 1), k2_buf_put(b, &small, sizeof small);
    k2_avro_put_long(b, 1), k2_avro_put_long(b, 1);
    k2_avro_put_long(b, 1), k2_avro_put_long(b, 2);
    k2_avro_put_bytes(b, K2_SV("a")), k2_avro_put_bytes(b, K2_SV("b")), k2_avro_put_long(b, 0);
    return w;
}

static struct writer empty_writer(void) {
    struct writer w = writer_of(all_types);
    for (int i = 0; i < ALL_TYPES; i++)
        k2_avro_put_long(&w.record, 0);
    return w;
}

static struct k2_decoder *decoder(struct writer *w, const struct k2_kind *kind,
                                  struct k2_interner *in) {
    return k2_decoder_new(kind, in, (struct k2_schema_source){w, find_schema});
}

static void decode(struct writer *w, struct k2_interner *in, struct k2_event *e) {
    struct k2_err err = {0};
    struct k2_decoder *d = decoder(w, k2_kind(K2_KIND_TRADE), in);
    CHECK_OK(k2_decode(d, k2_buf_view(&w->record), e, &err), &err);
    k2_decoder_free(d);
}

static struct k2_added value_of(struct k2_sv blob, const char *name) {
    struct k2_added a;
    while (k2_added_next(&blob, &a))
        if (k2_sv_eq(a.name, k2_sv_of(name)))
            return a;
    fail_msg("no %s", name);
    return a;
}

static void every_type_that_a_column_can_hold_keeps_its_value(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    struct writer w = full_writer();
    struct k2_event e;
    decode(&w, in, &e);
    assert_true(k2_sv_eq(k2_interned(in, e.trade.symbol), K2_SV("BHP")));
    struct k2_sv blob = k2_interned(in, e.added);
    assert_true(k2_sv_eq(value_of(blob, "text").text, K2_SV("up")));
    assert_true(k2_sv_eq(value_of(blob, "raw").text, K2_SV("\1\2")));
    assert_int_equal(value_of(blob, "whole").number, -5);
    assert_true(value_of(blob, "big").number == INT64_MAX);
    assert_int_equal(value_of(blob, "yes").number, 1);
    assert_int_equal(value_of(blob, "day").type, K2_DATE);
    assert_int_equal(value_of(blob, "us").number, 1234567);
    assert_int_equal(value_of(blob, "ms").number, 1234000);
    assert_true(value_of(blob, "price_like").decimal == 5);
    assert_int_equal(value_of(blob, "fee").type, K2_QUANTITY);
    assert_true(value_of(blob, "fee").decimal == (k2_i128)12300000000);
    assert_true(k2_sv_eq(value_of(blob, "real").text, K2_SV("0.1")));
    assert_true(k2_sv_eq(value_of(blob, "small").text, K2_SV("0.3")));
    assert_true(k2_sv_eq(value_of(blob, "mood").text, K2_SV("BAD")));
    assert_int_equal(value_of(blob, "tags").type, K2_LIST);
    k2_buf_free(&w.record);
    k2_interner_free(in);
}

static struct k2_kind *wide_kind(const char *schema) {
    struct k2_field_list found = {0};
    struct k2_kind *wide = NULL;
    struct k2_err err = {0};
    CHECK_OK(k2_found_fields(k2_kind(K2_KIND_TRADE), k2_sv_of(schema), &found, &err), &err);
    CHECK_OK(k2_kind_widen(k2_kind(K2_KIND_TRADE), &found, &wide, &err), &err);
    k2_field_list_free(&found);
    return wide;
}

static void columns_of_a_wider_kind_hold_the_same_and_hash_the_same(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    struct writer full = full_writer(), empty = empty_writer();
    struct k2_kind *wide = wide_kind(all_types);
    struct k2_err err = {0};
    struct k2_columns c;
    struct k2_event e, back;
    decode(&full, in, &e);
    assert_int_equal(wide->found, ALL_TYPES);
    k2_columns_init(&c, wide, 2);
    struct k2_decoder *d = decoder(&full, wide, in);
    CHECK_OK(k2_decode_row(d, k2_buf_view(&full.record), &c, 0, &err), &err);
    CHECK_OK(k2_decode_row(d, k2_buf_view(&empty.record), &c, 1, &err), &err);
    struct k2_h128 sum = k2_columns_found_sum(&c, 0, in);
    assert_int_equal(k2_h128_cmp(sum, k2_added_sum(k2_interned(in, e.added))), 0);
    assert_int_equal(k2_h128_cmp(k2_columns_found_sum(&c, 1, in), (struct k2_h128){0}), 0);
    k2_columns_get(&c, 0, &back);
    assert_int_equal(back.trade.symbol, e.trade.symbol);
    assert_int_equal(back.added, 0);
    k2_decoder_free(d);
    k2_columns_free(&c);
    k2_kind_narrow(wide);
    k2_buf_free(&full.record);
    k2_buf_free(&empty.record);
    k2_interner_free(in);
}

static void what_is_not_known_is_in_the_row_hash_and_judges_no_duplicates(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    struct writer full = full_writer(), empty = empty_writer();
    struct k2_event with, without;
    decode(&full, in, &with);
    decode(&empty, in, &without);
    assert_int_equal(without.added, 0);
    assert_int_not_equal(k2_h128_cmp(k2_row_hash(&with, in), k2_row_hash(&without, in)), 0);
    assert_int_not_equal(k2_h128_cmp(k2_full_hash(&with, in), k2_full_hash(&without, in)), 0);
    assert_int_equal(k2_h128_cmp(k2_payload_hash(&with, in), k2_payload_hash(&without, in)), 0);
    k2_buf_free(&full.record);
    k2_buf_free(&empty.record);
    k2_interner_free(in);
}

static void a_name_that_the_table_has_itself_gets_an_underscore(void **state) {
    (void)state;
    struct k2_kind *wide = wide_kind(RECORD(OPTIONAL("journal_offset", "\"long\"") "," OPTIONAL(
        "PRICE", "\"string\"") "," OPTIONAL("message_id", "\"string\"")));
    assert_true(k2_field_by_name(wide, K2_SV("journal_offset_")) >= k2_own_fields(wide));
    assert_true(k2_field_by_name(wide, K2_SV("PRICE_")) >= k2_own_fields(wide));
    assert_true(k2_field_by_name(wide, K2_SV("message_id_")) >= k2_own_fields(wide));
    k2_kind_narrow(wide);
}

static void refuses(const char *schema, const char *why) {
    struct k2_field_list found = {0};
    struct k2_err err = {0};
    CHECK_STATUS(k2_found_fields(k2_kind(K2_KIND_TRADE), k2_sv_of(schema), &found, &err),
                 K2_E_UNSUPPORTED);
    assert_non_null(strstr(err.msg, why));
    k2_field_list_free(&found);
}

static void what_no_column_can_hold_is_refused(void **state) {
    (void)state;
    refuses(RECORD(OPTIONAL("r", "\"trade\"")), "no column"); /* itself */
    refuses(RECORD(OPTIONAL("d", "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":38,"
                                 "\"scale\":2}")),
            "field d is decimal(38,2), which no column of a table can hold; decimals have at most "
            "18 digits before and 10 behind the point");
    refuses(RECORD(OPTIONAL("a", "\"string\"") "," OPTIONAL("A", "\"string\"")), "case of letters");
}

static void a_column_is_of_one_field_only(void **state) {
    (void)state;
    refuses(RECORD(OPTIONAL("message_id", "\"string\"") "," OPTIONAL("message_id_", "\"string\"")),
            "field message_id_ would have column message_id_");
    /* Alone, too: another version of the schema may have the other field. */
    refuses(RECORD(OPTIONAL("message_id_", "\"string\"")), "kept for a field message_id:");
    refuses(RECORD(OPTIONAL("PRICE_", "\"string\"")), "kept for a field PRICE:");
    k2_kind_narrow(wide_kind(RECORD(OPTIONAL("price_", "\"string\"") "," OPTIONAL(
        "message_id__", "\"string\"") "," OPTIONAL("_", "\"string\""))));
}

static void refuses_to_decode(const char *schema, int status, const char *why) {
    struct k2_interner *in = k2_interner_new();
    struct writer w = writer_of(schema);
    struct k2_err err = {0};
    struct k2_event e;
    struct k2_decoder *d = decoder(&w, k2_kind(K2_KIND_TRADE), in);
    CHECK_STATUS(k2_decode(d, k2_buf_view(&w.record), &e, &err), status);
    assert_non_null(strstr(err.msg, why));
    k2_decoder_free(d);
    k2_buf_free(&w.record);
    k2_interner_free(in);
}

static void a_decoder_refuses_two_fields_in_one_column(void **state) {
    (void)state;
    refuses_to_decode(RECORD(OPTIONAL("journal_offset_", "\"long\"")), K2_E_UNSUPPORTED,
                      "kept for a field journal_offset:");
    refuses_to_decode(RECORD(OPTIONAL("a", "\"long\"") "," OPTIONAL("a", "\"long\"")), K2_E_INVALID,
                      "field a twice");
    refuses_to_decode(RECORD(SYMBOL), K2_E_INVALID, "field symbol twice");
}

static void what_is_made_of_other_types_is_carried_as_json(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    struct writer w = writer_of(RECORD(OPTIONAL(
        "r",
        "{\"type\":\"record\",\"name\":\"r\",\"fields\":["
        "{\"name\":\"a\",\"type\":"
        "\"long\"},{\"name\":\"b\",\"type\":\"double\"}]"
        "}") "," OPTIONAL("l",
                          "{\"type\":\"array\",\"items\":"
                          "\"long\"}") "," OPTIONAL("f", "{\"t"
                                                         "ype"
                                                         "\":"
                                                         "\"fi"
                                                         "xed"
                                                         "\","
                                                         "\"na"
                                                         "me\""
                                                         ":\"f"
                                                         "\","
                                                         "\"si"
                                                         "ze\""
                                                         ":2}") ","
                                                                "{\"name\":\"u\",\"type\":["
                                                                "\"null\",\"long\",\"string\"]},"
                                                                "{\"name\":\"v\",\"type\":["
                                                                "\"null\",\"long\",\"string\"]}"));
    const double b = 2.5;
    k2_avro_put_long(&w.record, 1), k2_avro_put_long(&w.record, INT64_MAX);
    k2_buf_put(&w.record, &b, sizeof b);
    k2_avro_put_long(&w.record, 1), k2_avro_put_long(&w.record, 1);
    k2_avro_put_long(&w.record, 9), k2_avro_put_long(&w.record, 0);
    k2_avro_put_long(&w.record, 1), k2_buf_put(&w.record, "\xff\1", 2);
    k2_avro_put_long(&w.record, 2), k2_avro_put_bytes(&w.record, K2_SV("x"));
    k2_avro_put_long(&w.record, 0);
    struct k2_event e;
    decode(&w, in, &e);
    struct k2_sv blob = k2_interned(in, e.added), rest = blob;
    assert_true(
        k2_sv_eq(value_of(blob, "r").text, K2_SV("{\"a\":\"9223372036854775807\",\"b\":\"2.5\"}")));
    assert_true(k2_sv_eq(value_of(blob, "l").text, K2_SV("[9]")));
    assert_true(k2_sv_eq(value_of(blob, "f").text, K2_SV("{\"hex\":\"ff01\"}")));
    assert_true(k2_sv_eq(value_of(blob, "u").text, K2_SV("\"x\"")));
    struct k2_added a;
    int n = 0;
    while (k2_added_next(&rest, &a))
        n++;
    assert_int_equal(n, 4); /* v is null */
    struct k2_decoder *d = decoder(&w, k2_kind(K2_KIND_TRADE), in);
    for (size_t len = K2_WIRE_HEADER; len < w.record.n; len++)
        CHECK_STATUS(k2_decode(d, (struct k2_sv){(const char *)w.record.p, len}, &e, NULL),
                     K2_E_CORRUPT);
    k2_decoder_free(d);
    k2_buf_free(&w.record);
    k2_interner_free(in);
}

static void a_field_that_changes_its_type_is_refused(void **state) {
    (void)state;
    struct k2_field_list found = {0};
    struct k2_err err = {0};
    const struct k2_kind *kind = k2_kind(K2_KIND_TRADE);
    const char *first = RECORD(OPTIONAL("a", "\"string\"")),
               *then = RECORD(OPTIONAL("a", "\"bytes\""));
    CHECK_OK(k2_found_fields(kind, k2_sv_of(first), &found, &err), &err);
    CHECK_OK(k2_found_fields(kind, k2_sv_of(first), &found, &err), &err);
    assert_int_equal(found.n, 1);
    CHECK_STATUS(k2_found_fields(kind, k2_sv_of(then), &found, &err), K2_E_UNSUPPORTED);
    k2_field_list_free(&found);
}

static void more_columns_than_a_table_may_have_are_refused(void **state) {
    (void)state;
    struct k2_field_list found = {0};
    struct k2_kind *wide = NULL;
    struct k2_err err = {0};
    for (int i = 0; i < K2_MAX_FIELDS; i++)
        k2_field_list_add(&found, &(struct k2_field){.name = "x", .meaning = ""});
    CHECK_STATUS(k2_kind_widen(k2_kind(K2_KIND_TRADE), &found, &wide, &err), K2_E_RANGE);
    k2_field_list_free(&found);
}

static void every_truncation_is_refused(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    struct writer w = full_writer();
    struct k2_decoder *d = decoder(&w, k2_kind(K2_KIND_TRADE), in);
    struct k2_event e;
    for (size_t n = K2_WIRE_HEADER; n < w.record.n; n++) {
        char *cut = k2_sv_dup((struct k2_sv){(const char *)w.record.p, n});
        CHECK_STATUS(k2_decode(d, (struct k2_sv){cut, n}, &e, NULL), K2_E_CORRUPT);
        free(cut);
    }
    k2_decoder_free(d);
    k2_buf_free(&w.record);
    k2_interner_free(in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_that_a_column_can_hold_keeps_its_value),
        cmocka_unit_test(columns_of_a_wider_kind_hold_the_same_and_hash_the_same),
        cmocka_unit_test(what_is_not_known_is_in_the_row_hash_and_judges_no_duplicates),
        cmocka_unit_test(a_name_that_the_table_has_itself_gets_an_underscore),
        cmocka_unit_test(what_no_column_can_hold_is_refused),
        cmocka_unit_test(a_column_is_of_one_field_only),
        cmocka_unit_test(a_decoder_refuses_two_fields_in_one_column),
        cmocka_unit_test(what_is_made_of_other_types_is_carried_as_json),
        cmocka_unit_test(a_field_that_changes_its_type_is_refused),
        cmocka_unit_test(more_columns_than_a_table_may_have_are_refused),
        cmocka_unit_test(every_truncation_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
