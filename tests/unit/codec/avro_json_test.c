/* Records of any schema as JSON. */
#include "codec/codec.h"
#include "k2test.h"

static struct k2_err err;

static void assert_json(const char *schema, struct k2_sv record, const char *json) {
    struct k2_json *v;
    struct k2_buf text = {0};
    CHECK_OK(k2_avro_json(k2_sv_of(schema), record, NULL, &v, &err), &err);
    k2_json_dump(v, &text);
    assert_string_equal(k2_buf_cstr(&text), json);
    k2_json_free(v);
    k2_buf_free(&text);
}

static void assert_refused(const char *schema, struct k2_sv record, int status) {
    struct k2_json *v;
    CHECK_STATUS(k2_avro_json(k2_sv_of(schema), record, NULL, &v, &err), status);
}

static void values_of_every_type_are_printed(void **state) {
    (void)state;
    assert_json("\"long\"", K2_SV("\x01"), "-1");
    assert_json("\"string\"",
                K2_SV("\x06"
                      "abc"),
                "\"abc\"");
    assert_json("\"boolean\"", K2_SV("\x01"), "true");
    assert_json("[\"null\",\"int\"]", K2_SV("\x00"), "null");
    assert_json("[\"null\",\"int\"]", K2_SV("\x02\x0a"), "5");
    assert_json("\"bytes\"", K2_SV("\x04\x00\xff"), "{\"hex\":\"00ff\"}");
    assert_json("\"bytes\"", K2_SV("\x04ok"), "\"ok\"");
    assert_json("{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", K2_SV("\x02"),
                "\"1970-01-01T00:00:00.000001000Z\"");
    assert_json("{\"type\":\"int\",\"logicalType\":\"date\"}", K2_SV("\x02"), "\"1970-01-02\"");
    assert_json("\"long\"", K2_SV("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
                "\"4611686018427387904\"");
}

static void values_made_of_values_are_printed(void **state) {
    (void)state;
    const char *record = "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":"
                         "\"int\"},{\"name\":\"b\",\"type\":{\"type\":\"array\",\"items\":\"long\"}"
                         "},{\"name\":\"c\",\"type\":{\"type\":\"map\",\"values\":\"string\"}}]}";
    assert_json(record,
                K2_SV("\x02\x04\x02\x04\x00\x02\x02k\x02v"
                      "\x00"),
                "{\"a\":1,\"b\":[1,2],\"c\":{\"k\":\"v\"}}");
    /* A block with its size in bytes: the count is negative. */
    assert_json("{\"type\":\"array\",\"items\":\"long\"}", K2_SV("\x03\x04\x02\x04\x00"), "[1,2]");
}

static void what_breaks_the_schema_is_refused(void **state) {
    (void)state;
    const char *list = "{\"type\":\"array\",\"items\":\"null\"}";
    assert_refused("\"long\"", K2_SV(""), K2_E_CORRUPT);
    assert_refused("\"long\"", K2_SV("\x02\x02"), K2_E_CORRUPT);
    assert_refused("\"string\"",
                   K2_SV("\x08"
                         "ab"),
                   K2_E_CORRUPT);
    assert_refused("\"boolean\"", K2_SV("\x02"), K2_E_CORRUPT);
    assert_refused("[\"null\",\"int\"]", K2_SV("\x04"), K2_E_CORRUPT);
    assert_refused(list, K2_SV("\xfe\xff\xff\xff\xff\x0f"), K2_E_CORRUPT);
    assert_refused(list, K2_SV("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02"), K2_E_CORRUPT);
    assert_refused("\"double\"", K2_SV("1234567"), K2_E_CORRUPT);
    assert_refused("{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"]}", K2_SV("\x02"),
                   K2_E_CORRUPT);
    assert_refused("\"some.name\"", K2_SV("12345678"), K2_E_UNSUPPORTED);
    assert_refused("7", K2_SV(""), K2_E_INVALID);
    assert_refused("{", K2_SV(""), K2_E_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_every_type_are_printed),
        cmocka_unit_test(values_made_of_values_are_printed),
        cmocka_unit_test(what_breaks_the_schema_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
