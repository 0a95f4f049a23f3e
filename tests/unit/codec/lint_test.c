/* What market data needs beyond the rules of a schema language. */
#include "codec/lint.h"
#include "k2test.h"

#include "base/clock.h"

static int32_t day(const char *text) {
    int32_t days = 0;
    struct k2_err err;
    CHECK_OK(k2_date_parse(k2_sv_of(text), &days, &err), &err);
    return days;
}

/* "RULE place" of each finding, with "; " between. */
static void check(enum k2_schema_type type, const char *next, const char *last, const char *today,
                  const char *expected) {
    struct k2_schema_text n = {.type = type, .text = k2_sv_of(next)};
    struct k2_schema_text l = {.type = type, .text = k2_sv_of(last)};
    struct k2_lint_findings found = {0};
    struct k2_err err;
    struct k2_buf text = {0};
    CHECK_OK(k2_schema_lint(&n, last ? &l : NULL, day(today), &found, &err), &err);
    for (size_t i = 0; i < found.n; i++)
        k2_buf_printf(&text, "%s%s %s", i ? "; " : "", found.items[i].rule, found.items[i].place);
    assert_string_equal(k2_buf_cstr(&text), expected);
    k2_buf_free(&text);
    k2_lint_findings_free(&found);
}

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"T\",\"fields\":[" fields "]}"
#define SEQ_TIME                                                                                   \
    "{\"name\":\"exchange_sequence_number\",\"type\":\"long\"},"                                   \
    "{\"name\":\"exchange_timestamp\",\"type\":\"long\"}"
#define DECIMAL(name, precision, scale)                                                            \
    ",{\"name\":\"" name "\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\","            \
    "\"precision\":" precision ",\"scale\":" scale "}}"

static void a_price_or_quantity_in_floating_point_is_found_wherever_it_is(void **state) {
    (void)state;
    check(K2_SCHEMA_AVRO, RECORD(SEQ_TIME ",{\"name\":\"lastPx\",\"type\":[\"null\",\"double\"]}"),
          NULL, "2026-10-01", "FLOAT_NUMBER lastPx");
    check(K2_SCHEMA_AVRO,
          RECORD(SEQ_TIME
                 ",{\"name\":\"legs\",\"type\":{\"type\":\"array\",\"items\":{\"type\":\"record\","
                 "\"name\":\"L\",\"fields\":[{\"name\":\"bid_size\",\"type\":\"float\"}]}}}"),
          NULL, "2026-10-01", "FLOAT_NUMBER legs.bid_size");
    check(K2_SCHEMA_AVRO, RECORD("{\"name\":\"temperature\",\"type\":\"double\"}"), NULL,
          "2026-10-01", "");
    check(K2_SCHEMA_JSON,
          "{\"type\":\"object\",\"properties\":{\"price\":{\"type\":\"number\"},\"seq\":{\"type\":"
          "\"integer\"},\"time\":{\"type\":\"string\"}}}",
          NULL, "2026-10-01", "FLOAT_NUMBER price");
    check(
        K2_SCHEMA_PROTOBUF,
        "message T { optional double price = 1; optional int64 seq = 2; optional int64 time = 3; }",
        NULL, "2026-10-01", "FLOAT_NUMBER T.price");
}

static void a_market_event_needs_the_venues_number_and_clock(void **state) {
    (void)state;
    check(K2_SCHEMA_AVRO, RECORD("{\"name\":\"price\",\"type\":\"string\"}"), NULL, "2026-10-01",
          "NO_SEQUENCE ; NO_EXCHANGE_TIME ");
    check(
        K2_SCHEMA_AVRO,
        RECORD("{\"name\":\"price\",\"type\":\"string\"},{\"name\":\"trade_id\",\"type\":\"long\"},"
               "{\"name\":\"ingest_time\",\"type\":\"long\"}"),
        NULL, "2026-10-01", "NO_EXCHANGE_TIME ");
    check(K2_SCHEMA_AVRO, RECORD("{\"name\":\"min_price_increment\",\"type\":\"string\"}"), NULL,
          "2026-10-01", "");
}

static void another_scale_precision_or_unit_of_a_field_breaks(void **state) {
    (void)state;
    check(K2_SCHEMA_AVRO, RECORD(SEQ_TIME DECIMAL("price", "20", "8")),
          RECORD(SEQ_TIME DECIMAL("price", "18", "9")), "2026-10-01",
          "SCALE_CHANGED price; PRECISION_CHANGED price");
    check(K2_SCHEMA_AVRO, RECORD(SEQ_TIME DECIMAL("price", "18", "9")),
          RECORD(SEQ_TIME DECIMAL("price", "18", "9")), "2026-10-01", "");
    check(K2_SCHEMA_AVRO,
          RECORD("{\"name\":\"t\",\"type\":{\"type\":\"long\",\"logicalType\":"
                 "\"timestamp-nanos\"}}"),
          RECORD(
              "{\"name\":\"t\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}}"),
          "2026-10-01", "UNIT_CHANGED t");
    check(K2_SCHEMA_AVRO, RECORD("{\"name\":\"w\",\"type\":\"long\",\"unit\":\"kg\"}"),
          RECORD("{\"name\":\"w\",\"type\":\"long\",\"doc\":\"the weight, unit: lot.\"}"),
          "2026-10-01", "UNIT_CHANGED w");
    check(K2_SCHEMA_AVRO,
          RECORD("{\"name\":\"x\",\"aliases\":[\"w\"],\"type\":\"long\",\"scale\":2}"),
          RECORD("{\"name\":\"w\",\"type\":\"long\",\"scale\":4}"), "2026-10-01",
          "SCALE_CHANGED x");
}

/* The clock runs from the date in the earlier version; the day it ends the field may go. */
static void a_required_field_goes_thirty_days_after_its_notice(void **state) {
    (void)state;
#define OLD(mark)                                                                                  \
    RECORD("{\"name\":\"a\",\"type\":\"long\"},{\"name\":\"b\",\"type\":\"long\"" mark "}")
#define NEW RECORD("{\"name\":\"a\",\"type\":\"long\"}")
    const char *dated = OLD(",\"deprecated\":\"2026-09-01\"");
    check(K2_SCHEMA_AVRO, NEW, dated, "2026-09-30", "REMOVED_TOO_SOON b");
    check(K2_SCHEMA_AVRO, NEW, dated, "2026-10-01", "");
    check(K2_SCHEMA_AVRO, NEW, OLD(",\"doc\":\"Deprecated since 2026-09-01.\""), "2026-10-01", "");
    check(K2_SCHEMA_AVRO, NEW, OLD(",\"deprecated\":true"), "2026-10-01", "REMOVED_TOO_SOON b");
    check(K2_SCHEMA_AVRO, NEW, OLD(""), "2026-10-01", "REMOVED_TOO_SOON b");
    check(K2_SCHEMA_AVRO, NEW, OLD(",\"default\":0"), "2026-10-01", "");
    check(K2_SCHEMA_JSON, "{\"properties\":{}}",
          "{\"properties\":{\"b\":{\"type\":\"string\"}},\"required\":[\"b\"]}", "2026-10-01",
          "REMOVED_TOO_SOON b");
}

static void the_finding_says_when_the_field_may_go(void **state) {
    (void)state;
    struct k2_schema_text n = {.text = K2_SV(NEW)};
    struct k2_schema_text l = {.text = K2_SV(OLD(",\"deprecated\":\"2026-09-20\""))};
    struct k2_lint_findings found = {0};
    struct k2_err err;
    CHECK_OK(k2_schema_lint(&n, &l, day("2026-10-01"), &found, &err), &err);
    assert_int_equal(found.n, 1);
    assert_string_equal(found.items[0].what, "a required field is removed that was deprecated on "
                                             "2026-09-20: it may go on 2026-10-20, 30 days later");
    k2_lint_findings_free(&found);
}

static void a_recursive_schema_is_walked_once(void **state) {
    (void)state;
    check(K2_SCHEMA_AVRO,
          RECORD(SEQ_TIME ",{\"name\":\"n\",\"type\":[\"null\",\"T\"]},"
                          "{\"name\":\"price\",\"type\":\"double\"}"),
          NULL, "2026-10-01", "FLOAT_NUMBER price");
    check(K2_SCHEMA_JSON,
          "{\"properties\":{\"n\":{\"$ref\":\"#\"},\"price\":{\"type\":\"number\"},\"seq\":{},"
          "\"ts\":{}}}",
          NULL, "2026-10-01", "FLOAT_NUMBER price");
}

/* Two parts that lead back would double the walk at every step. */
static void parts_that_lead_back_to_the_whole_are_walked_once(void **state) {
    (void)state;
    check(K2_SCHEMA_JSON,
          "{\"allOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}],\"type\":\"object\",\"properties\":{"
          "\"price\":{\"type\":\"number\"},\"seq\":{},\"ts\":{}}}",
          NULL, "2026-10-01", "FLOAT_NUMBER price");
    check(K2_SCHEMA_JSON,
          "{\"allOf\":[{\"$ref\":\"#/$defs/p\"},{\"$ref\":\"#/$defs/p\"}],\"$defs\":{\"p\":{"
          "\"anyOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#/$defs/p\"}],\"properties\":{\"price\":{"
          "\"type\":\"number\"},\"seq\":{},\"ts\":{}}}}}",
          NULL, "2026-10-01", "FLOAT_NUMBER price");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_price_or_quantity_in_floating_point_is_found_wherever_it_is),
        cmocka_unit_test(a_market_event_needs_the_venues_number_and_clock),
        cmocka_unit_test(another_scale_precision_or_unit_of_a_field_breaks),
        cmocka_unit_test(a_required_field_goes_thirty_days_after_its_notice),
        cmocka_unit_test(the_finding_says_when_the_field_may_go),
        cmocka_unit_test(a_recursive_schema_is_walked_once),
        cmocka_unit_test(parts_that_lead_back_to_the_whole_are_walked_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
