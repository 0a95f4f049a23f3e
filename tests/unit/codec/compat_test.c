/* Schemas of three languages: what is one, what its stored text is, and which changes break. */
#include "codec/compat.h"
#include "k2test.h"

static struct k2_schema_text text_of(enum k2_schema_type type, const char *text) {
    return (struct k2_schema_text){.type = type, .text = k2_sv_of(text)};
}

/* "TYPE PATH" of each finding, with "; " between. */
static void put_findings(const struct k2_compat_findings *f, struct k2_buf *out) {
    for (size_t i = 0; i < f->n; i++)
        k2_buf_printf(out, "%s%s %s", i ? "; " : "", f->items[i].type, f->items[i].path);
}

struct change {
    const char *reader, *writer, *findings;
};

static void check_changes(enum k2_schema_type type, const struct change *changes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct k2_schema_text r = text_of(type, changes[i].reader);
        struct k2_schema_text w = text_of(type, changes[i].writer);
        struct k2_compat_findings found = {0};
        struct k2_err err;
        struct k2_buf text = {0};
        CHECK_OK(k2_compat_check(&r, &w, 1, K2_COMPAT_BACKWARD, &found, &err), &err);
        put_findings(&found, &text);
        if (strcmp(k2_buf_cstr(&text), changes[i].findings) != 0)
            fail_msg("reader %s\nwriter %s\ngives  %s", r.text.p, w.text.p, k2_buf_cstr(&text));
        k2_buf_free(&text);
        k2_compat_findings_free(&found);
    }
}

struct refused {
    const char *text, *why;
};

static void check_refused(enum k2_schema_type type, const struct refused *list, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct k2_schema_text s = text_of(type, list[i].text);
        struct k2_buf out = {0};
        struct k2_err err = {0};
        int rc = k2_schema_parse_check(&s, &out, &err);
        if (rc != K2_E_INVALID || !strstr(err.msg, list[i].why))
            fail_msg("%s\ngives %s: %s", list[i].text, k2_status_name(rc), err.msg);
        k2_buf_free(&out);
    }
}

static void check_form(enum k2_schema_type type, enum k2_schema_form form, const char *text,
                       const char *expected) {
    struct k2_schema_text s = text_of(type, text);
    struct k2_buf out = {0};
    struct k2_err err;
    CHECK_OK(k2_schema_form(&s, form, &out, &err), &err);
    assert_string_equal(k2_buf_cstr(&out), expected);
    k2_buf_free(&out);
}

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* --- Avro --- */

#define RECORD(fields) "{\"type\":\"record\",\"name\":\"T\",\"fields\":[" fields "]}"
#define LONG_A "{\"name\":\"a\",\"type\":\"long\"}"
#define ENUM(symbols) "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[" symbols "]}"

static void what_an_avro_reader_cannot_read_is_found_with_its_place(void **state) {
    (void)state;
    static const struct change changes[] = {
        {RECORD(LONG_A), RECORD("{\"name\":\"a\",\"type\":\"int\"}"), ""},
        {RECORD("{\"name\":\"a\",\"type\":\"int\"}"), RECORD(LONG_A),
         "TYPE_MISMATCH /fields/0/type"},
        {RECORD(LONG_A ",{\"name\":\"b\",\"type\":\"string\"}"), RECORD(LONG_A),
         "READER_FIELD_MISSING_DEFAULT_VALUE /fields/1"},
        {RECORD(LONG_A ",{\"name\":\"b\",\"type\":\"string\",\"default\":\"\"}"), RECORD(LONG_A),
         ""},
        {RECORD("{\"name\":\"b\",\"type\":\"long\",\"aliases\":[\"a\"]}"), RECORD(LONG_A), ""},
        {ENUM("\"A\""), ENUM("\"C\",\"A\",\"B\""), "MISSING_ENUM_SYMBOLS /symbols"},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":4}",
         "{\"type\":\"fixed\",\"name\":\"F\",\"size\":8}", "FIXED_SIZE_MISMATCH /size"},
        {"[\"null\",\"long\"]", "[\"null\",\"string\"]", "MISSING_UNION_BRANCH /1"},
        {"{\"type\":\"map\",\"values\":\"int\"}", "{\"type\":\"map\",\"values\":\"long\"}",
         "TYPE_MISMATCH /values"},
    };
    check_changes(K2_SCHEMA_AVRO, changes, COUNT(changes));
}

static void a_recursive_record_is_compared_once_and_its_difference_found(void **state) {
    (void)state;
    static const struct change changes[] = {
        {RECORD("{\"name\":\"n\",\"type\":[\"null\",\"T\"]},{\"name\":\"v\",\"type\":\"int\"}"),
         RECORD("{\"name\":\"n\",\"type\":[\"null\",\"T\"]},{\"name\":\"v\",\"type\":\"long\"}"),
         "TYPE_MISMATCH /fields/1/type"},
        {RECORD("{\"name\":\"n\",\"type\":[\"null\",\"T\"]}"),
         RECORD("{\"name\":\"n\",\"type\":[\"null\",\"T\"]},{\"name\":\"v\",\"type\":\"long\"}"),
         ""},
    };
    check_changes(K2_SCHEMA_AVRO, changes, COUNT(changes));
}

static void a_finding_says_it_in_the_words_of_the_registry(void **state) {
    (void)state;
    struct k2_schema_text next =
        text_of(K2_SCHEMA_AVRO, RECORD(LONG_A ",{\"name\":\"price\",\"type\":\"bytes\"}"));
    struct k2_schema_text last = text_of(K2_SCHEMA_AVRO, RECORD(LONG_A));
    struct k2_compat_findings found = {0};
    struct k2_err err;
    CHECK_OK(k2_compat_check(&next, &last, 1, K2_COMPAT_FULL, &found, &err), &err);
    assert_int_equal(found.n, 1);
    assert_true(found.items[0].backward);
    assert_string_equal(found.items[0].place, "price");
    assert_string_equal(found.items[0].info, "price");
    assert_string_equal(
        found.items[0].message,
        "{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'The field 'price' at path "
        "'/fields/1' in the new schema has no default value and is missing in the old schema', "
        "additionalInfo:'price'}");
    k2_compat_findings_free(&found);
}

static void what_is_no_avro_schema_is_refused_with_its_place(void **state) {
    (void)state;
    static const struct refused list[] = {
        {"{", "not valid JSON at line 1"},
        {"\"integer\"", "unknown type \"integer\""},
        {RECORD("{\"name\":\"a\",\"type\":\"what\"}"), "at /fields/0/type: unknown type \"what\""},
        {RECORD("{\"name\":\"1a\",\"type\":\"int\"}"), "at /fields/0: a field needs a \"name\""},
        {RECORD(LONG_A "," LONG_A), "field a is there twice"},
        {RECORD("{\"name\":\"a\",\"type\":\"int\",\"default\":\"x\"}"),
         "the default is no value of int"},
        {RECORD("{\"name\":\"a\",\"type\":[\"null\",\"int\"],\"default\":1}"),
         "the union's first type, null"},
        {ENUM("\"A\",\"A\""), "symbol A is there twice"},
        {"[\"int\",\"int\"]", "the union has int twice"},
        {"[\"int\",[\"null\"]]", "a union may not hold a union"},
        {"{\"type\":\"array\"}", "array without \"items\""},
        {"{\"type\":\"fixed\",\"name\":\"F\"}", "needs a \"size\""},
    };
    check_refused(K2_SCHEMA_AVRO, list, COUNT(list));
}

static void the_canonical_avro_text_is_that_of_the_java_library(void **state) {
    (void)state;
    static const char text[] =
        "{ \"name\":\"T\", \"namespace\":\"n\", \"type\":\"record\", \"x\": 1, \"doc\":\"d\",\n"
        " \"fields\": [ {\"type\":{\"type\":\"int\"}, \"name\":\"a\", \"default\": 0.1e1, "
        "\"order\":\"ascending\"},"
        " {\"name\":\"b\",\"type\":{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":4}"
        "}]}";
    static const char double_text[] =
        "{\"name\":\"T\",\"type\":\"record\",\"fields\":[{\"name\":\"a\","
        "\"type\":\"double\",\"default\":0.1}]}";
    static const struct refused wrong[] = {{text, "the default is no value of int"}};
    check_refused(K2_SCHEMA_AVRO, wrong, 1);
    check_form(
        K2_SCHEMA_AVRO, K2_SCHEMA_CANONICAL, double_text,
        "{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":\"a\",\"type\":\"double\","
        "\"default\":0.1}]}");
    check_form(
        K2_SCHEMA_AVRO, K2_SCHEMA_CANONICAL,
        "{\"namespace\":\"n\",\"name\":\"T\",\"type\":\"record\",\"x\":1,\"doc\":\"d\",\"fields\":["
        "{\"type\":{\"type\":\"int\",\"doc\":\"no\"},\"name\":\"a\",\"z\":2,\"order\":"
        "\"ascending\"},"
        "{\"name\":\"t\",\"type\":[\"null\",\"n.T\"],\"default\":null}]}",
        "{\"type\":\"record\",\"name\":\"T\",\"namespace\":\"n\",\"doc\":\"d\",\"fields\":["
        "{\"name\":\"a\",\"type\":\"int\",\"z\":2},"
        "{\"name\":\"t\",\"type\":[\"null\",\"T\"],\"default\":null}],\"x\":1}");
}

static void a_referenced_avro_type_is_known_by_its_name(void **state) {
    (void)state;
    const struct k2_schema_ref ref = {
        K2_SV("n.Leg"), K2_SV("leg"), 1,
        K2_SV("{\"type\":\"record\",\"name\":\"n.Leg\",\"fields\":[]}")};
    struct k2_schema_text s =
        text_of(K2_SCHEMA_AVRO, RECORD("{\"name\":\"l\",\"type\":\"n.Leg\"}"));
    struct k2_buf out = {0};
    struct k2_err err;
    CHECK_STATUS(k2_schema_parse_check(&s, &out, &err), K2_E_INVALID);
    s.refs = &ref;
    s.ref_count = 1;
    CHECK_OK(k2_schema_parse_check(&s, &out, &err), &err);
    assert_string_equal(k2_buf_cstr(&out),
                        "{\"type\":\"record\",\"name\":\"T\",\"fields\":[{\"name\":"
                        "\"l\",\"type\":\"n.Leg\"}]}");
    k2_buf_free(&out);
}

/* --- JSON Schema --- */

#define CLOSED(properties)                                                                         \
    "{\"type\":\"object\",\"properties\":{" properties "},\"additionalProperties\":false}"
#define OPEN(properties) "{\"type\":\"object\",\"properties\":{" properties "}}"
#define LATEST "\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
#define INT_A "\"a\":{\"type\":\"integer\"}"
#define STR_B ",\"b\":{\"type\":\"string\"}"

static void properties_may_leave_open_objects_and_enter_closed_ones(void **state) {
    (void)state;
    static const struct change changes[] = {
        {OPEN(INT_A), OPEN(INT_A STR_B), ""},
        {OPEN(INT_A STR_B), OPEN(INT_A),
         "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/b"},
        {CLOSED(INT_A STR_B), CLOSED(INT_A), ""},
        {CLOSED(INT_A), CLOSED(INT_A STR_B),
         "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL #/properties/b"},
        {CLOSED(INT_A), OPEN(INT_A), "ADDITIONAL_PROPERTIES_REMOVED #/additionalProperties"},
        {"{\"type\":\"object\",\"properties\":{" INT_A "},\"required\":[\"a\"]}", OPEN(INT_A),
         "REQUIRED_ATTRIBUTE_ADDED #/required/a"},
        {"{\"type\":\"object\",\"patternProperties\":{\"^p_\\\\d+$\":{\"type\":\"string\"}}}",
         OPEN("\"p_1\":{\"type\":\"integer\"}"),
         "TYPE_CHANGED #/properties/p_1; "
         "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL #/properties/p_1"},
    };
    check_changes(K2_SCHEMA_JSON, changes, COUNT(changes));
}

static void limits_may_only_become_wider(void **state) {
    (void)state;
    static const struct change changes[] = {
        {"{\"type\":\"number\",\"maximum\":5}", "{\"type\":\"number\",\"maximum\":5.5}",
         "MAXIMUM_DECREASED #/maximum"},
        {"{\"type\":\"number\",\"maximum\":9007199254740993}",
         "{\"type\":\"number\",\"maximum\":9007199254740992}", ""},
        {"{\"type\":\"number\",\"maximum\":9007199254740992}",
         "{\"type\":\"number\",\"maximum\":9007199254740993}", "MAXIMUM_DECREASED #/maximum"},
        {"{\"type\":\"number\",\"multipleOf\":0.01}", "{\"type\":\"number\",\"multipleOf\":0.05}",
         ""},
        {"{\"type\":\"number\",\"multipleOf\":0.05}", "{\"type\":\"number\",\"multipleOf\":0.01}",
         "MULTIPLE_OF_EXPANDED #/multipleOf"},
        {"{\"type\":\"number\",\"multipleOf\":0.03}", "{\"type\":\"number\",\"multipleOf\":0.05}",
         "MULTIPLE_OF_CHANGED #/multipleOf"},
        {"{\"type\":\"integer\"}", "{\"type\":\"number\"}", "TYPE_NARROWED #/"},
        {"{\"type\":\"string\",\"minLength\":1}", "{\"type\":\"string\"}",
         "MIN_LENGTH_ADDED #/minLength"},
        {"{\"enum\":[1,2]}", "{\"enum\":[2,3,1]}", "ENUM_ARRAY_NARROWED #/enum"},
        {"{\"enum\":[1,2]}", "{\"enum\":[2,3]}", "ENUM_ARRAY_CHANGED #/enum"},
        {"{\"not\":{\"type\":\"number\"}}", "{\"not\":{\"type\":\"integer\"}}",
         "NOT_TYPE_EXTENDED #/not"},
        {"{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"maxItems\":2}",
         "{\"type\":\"array\",\"items\":{\"type\":\"null\"},\"maxItems\":2}",
         "TYPE_CHANGED #/items"},
    };
    check_changes(K2_SCHEMA_JSON, changes, COUNT(changes));
}

static void combined_schemas_are_matched_whatever_their_order(void **state) {
    (void)state;
    static const struct change changes[] = {
        {"{\"type\":[\"null\",\"string\"]}", "{\"type\":[\"string\",\"null\"]}", ""},
        {"{\"type\":[\"null\",\"string\"]}", "{\"type\":\"string\"}", ""},
        {"{\"type\":\"string\"}", "{\"type\":[\"null\",\"string\"]}", "TYPE_CHANGED #/"},
        {"{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}",
         "{\"oneOf\":[{\"type\":\"null\"},{\"type\":\"integer\"}]}",
         "COMBINED_TYPE_SUBSCHEMAS_CHANGED #/"},
        {"{\"allOf\":[{\"type\":\"string\"},{\"maxLength\":3}]}",
         "{\"allOf\":[{\"type\":\"string\"}]}", "PRODUCT_TYPE_EXTENDED #/"},
        {"{\"oneOf\":[{\"type\":\"string\"}]}",
         "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", "COMBINED_TYPE_CHANGED #/"},
        {"{\"type\":\"string\",\"enum\":[\"a\"]}", "{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}",
         "COMBINED_TYPE_SUBSCHEMAS_CHANGED #/"},
    };
    check_changes(K2_SCHEMA_JSON, changes, COUNT(changes));
}

static void a_schema_that_refers_to_itself_is_compared_to_its_end(void **state) {
    (void)state;
#define TREE(type)                                                                                 \
    "{\"$ref\":\"#/definitions/n\",\"definitions\":{\"n\":{\"type\":\"object\",\"properties\":{"   \
    "\"next\":{\"$ref\":\"#/definitions/n\"},\"v\":{\"type\":\"" type "\"}}}}}"
    static const struct change changes[] = {
        {TREE("number"), TREE("integer"), ""},
        {TREE("integer"), TREE("number"), "TYPE_NARROWED #/properties/v"},
        {"{" LATEST "\"$ref\":\"#n\",\"$defs\":{\"n\":{\"$anchor\":\"n\",\"type\":\"integer\"}}}",
         "{" LATEST "\"type\":\"number\"}", "TYPE_NARROWED #/"},
    };
    check_changes(K2_SCHEMA_JSON, changes, COUNT(changes));
}

static void what_is_no_json_schema_is_refused_with_its_place(void **state) {
    (void)state;
    static const struct refused list[] = {
        {"[]", "a schema is an object, true or false"},
        {"{\"type\":\"float\"}", "at #/type: \"type\" is a type's name"},
        {OPEN("\"a\":1"), "at #/properties/a: a schema is an object"},
        {"{\"required\":\"a\"}", "at #/required: \"required\" is an array of names"},
        {"{\"maxLength\":-1}", "at #/maxLength: \"maxLength\" is a count"},
        {"{\"$ref\":\"#/definitions/x\"}", "$ref \"#/definitions/x\" leads nowhere"},
        {"{\"$ref\":\"other.json\"}", "leads nowhere"},
        {"{\"anyOf\":[]}", "at #/anyOf"},
    };
    check_refused(K2_SCHEMA_JSON, list, COUNT(list));
    check_form(K2_SCHEMA_JSON, K2_SCHEMA_CANONICAL, "{ \"type\" : \"number\", \"maximum\" : 0.3 }",
               "{\"type\":\"number\",\"maximum\":0.3}");
    check_form(K2_SCHEMA_JSON, K2_SCHEMA_NORMALIZED, "{ \"type\" : \"number\", \"maximum\" : 1e2 }",
               "{\"maximum\":100.0,\"type\":\"number\"}");
}

/* --- Protobuf --- */

#define P3 "syntax = \"proto3\"; package p; "

static void fields_are_the_same_by_number_and_wire_format(void **state) {
    (void)state;
    static const struct change changes[] = {
        {P3 "message T { int64 a = 1; }", P3 "message T { int32 b = 1; }", ""},
        {P3 "message T { sint64 a = 1; }", P3 "message T { int64 a = 1; }",
         "FIELD_SCALAR_KIND_CHANGED #/T/1"},
        {P3 "message T { string a = 1; }", P3 "message T { bytes a = 1; string b = 2; }", ""},
        {P3 "message T { }", P3 "message T { } message U { }", "MESSAGE_REMOVED #/U"},
        {P3 "message T { L a = 1; message L { } }", P3 "message T { string a = 1; message L { } }",
         "FIELD_KIND_CHANGED #/T/1"},
        {P3 "message L { } message M { } message T { L a = 1; }",
         P3 "message L { } message M { } message T { M a = 1; }", "FIELD_NAMED_TYPE_CHANGED #/T/1"},
        {P3 "message T { map<string, int32> a = 1; }",
         P3 "message T { map<string, string> a = 1; }", "FIELD_SCALAR_KIND_CHANGED #/T/1"},
        {P3 "enum E { Z = 0; } message T { E a = 1; }",
         P3 "enum E { Z = 0; } message T { int32 a = 1; }", ""},
        {"package q; message T { }", "package p; message T { }", "PACKAGE_CHANGED #/"},
        {"message T { required int32 a = 1; }", "message T { }", "REQUIRED_FIELD_ADDED #/T/1"},
        {"message T { }", "message T { required int32 a = 1; }", "REQUIRED_FIELD_REMOVED #/T/1"},
        {"message T { repeated int32 a = 1; }", "message T { optional int32 a = 1; }",
         "FIELD_NUMERIC_LABEL_CHANGED #/T/1"},
    };
    check_changes(K2_SCHEMA_PROTOBUF, changes, COUNT(changes));
}

static void fields_may_not_come_to_exclude_each_other(void **state) {
    (void)state;
    static const struct change changes[] = {
        {P3 "message T { oneof o { int32 a = 1; } }", P3 "message T { int32 a = 1; }", ""},
        {P3 "message T { oneof o { int32 a = 1; int32 b = 2; } }",
         P3 "message T { int32 a = 1; int32 b = 2; }", "MULTIPLE_FIELDS_MOVED_TO_ONEOF #/T/o"},
        {P3 "message T { oneof o { int32 a = 1; int32 b = 2; } }",
         P3 "message T { oneof o { int32 a = 1; } int32 b = 2; }",
         "FIELD_MOVED_TO_EXISTING_ONEOF #/T/o"},
        {P3 "message T { oneof o { int32 a = 1; } }",
         P3 "message T { oneof o { int32 a = 1; int32 b = 2; } }", "ONEOF_FIELD_REMOVED #/T/o/2"},
        {P3 "message T { }", P3 "message T { oneof o { int32 a = 1; int32 b = 2; } }", ""},
    };
    check_changes(K2_SCHEMA_PROTOBUF, changes, COUNT(changes));
}

static void what_is_no_proto_file_is_refused_with_its_line(void **state) {
    (void)state;
    static const struct refused list[] = {
        {"", "the file is empty"},
        {P3 "\nmessage T { int32 a; }", "line 2: '=' is expected, not ';'"},
        {P3 "\nmessage T { int32 a = 1;\n int32 b = 1; }",
         "line 3: a and b of p.T have one number, 1"},
        {P3 "message T { int32 a = 19500; }", "19500 is no number of a field"},
        {P3 "message T { What a = 1; }", "declared neither here nor in a reference"},
        {P3 "message T { reserved 1 to 5; int32 a = 3; }", "a = 3 of p.T is reserved"},
        {P3 "message T { required int32 a = 3; }", "proto3 has no required fields"},
        {P3 "enum E { A = 1; }", "the first constant of enum p.E must be 0"},
        {P3 "message T { } message T { }", "p.T is declared twice"},
        {P3 "import \"x.proto\";", "import \"x.proto\" is none of the references"},
        {P3 "/* no end", "a comment does not end"},
        {P3 "message T {", "a name is expected"},
    };
    check_refused(K2_SCHEMA_PROTOBUF, list, COUNT(list));
}

static void the_text_of_a_proto_file_does_not_depend_on_its_layout(void **state) {
    (void)state;
    static const char expected[] = "syntax = \"proto3\";\n"
                                   "message T {\n"
                                   "  repeated .U legs = 1 [deprecated = true];\n"
                                   "  map<string, U> m = 2;\n"
                                   "}\n"
                                   "message U {\n"
                                   "}\n";
    check_form(K2_SCHEMA_PROTOBUF, K2_SCHEMA_CANONICAL,
               "// trades\nsyntax=\"proto3\";message T{repeated .U legs=1[deprecated=true];"
               "map < string , U > m = 2 ;}message U{}",
               expected);
    check_form(K2_SCHEMA_PROTOBUF, K2_SCHEMA_NORMALIZED, expected, expected);
}

/* The bytes are those of protoc. */
static void a_descriptor_in_base64_is_the_file_it_was_made_of(void **state) {
    (void)state;
    static const char given[] =
        "Cgd0LnByb3RvEgFwIrMBCgFUEgwKAWEYASACKANSAWESEAoBbhgCIAMoEUICEAFSAW4SGQoBbRgDIAMo"
        "CzILLnAuVC5NRW50cnlSAW0SDgoBcxgEIAEoCUgAUgFzEg4KAWIYBSABKAxIAFIBYho8CgZNRW50cnkS"
        "EAoDa2V5GAEgASgJUgNrZXkSHAoFdmFsdWUYAiABKA4yBi5wLlQuRVIFdmFsdWU6AjgBIgoKAUUSBQoB"
        "WhAAQgMKAW9KBAgIEAo=";
    static const char text[] = "syntax = \"proto2\";\n"
                               "package p;\n"
                               "message T {\n"
                               "  required int64 a = 1;\n"
                               "  repeated sint32 n = 2 [packed = true];\n"
                               "  map<string, .p.T.E> m = 3;\n"
                               "  oneof o {\n"
                               "    string s = 4;\n"
                               "    bytes b = 5;\n"
                               "  }\n"
                               "  enum E {\n"
                               "    Z = 0;\n"
                               "  }\n"
                               "  reserved 8 to 9;\n"
                               "}\n";
    static const struct change same[] = {{given, text, ""}, {text, given, ""}};
    static const struct refused cut[] = {{"CgUA", "nor a FileDescriptorProto"}};
    check_form(K2_SCHEMA_PROTOBUF, K2_SCHEMA_CANONICAL, given, text);
    check_changes(K2_SCHEMA_PROTOBUF, same, COUNT(same));
    check_refused(K2_SCHEMA_PROTOBUF, cut, COUNT(cut));
}

/* --- levels --- */

#define AB RECORD(LONG_A ",{\"name\":\"b\",\"type\":\"string\"}")
#define AB_DEFAULT RECORD(LONG_A ",{\"name\":\"b\",\"type\":\"string\",\"default\":\"\"}")

static size_t count_findings(const char *next, const char *first, const char *last,
                             enum k2_compat_level level) {
    struct k2_schema_text n = text_of(K2_SCHEMA_AVRO, next);
    struct k2_schema_text e[] = {text_of(K2_SCHEMA_AVRO, first), text_of(K2_SCHEMA_AVRO, last)};
    struct k2_compat_findings found = {0};
    struct k2_err err;
    CHECK_OK(k2_compat_check(&n, e, 2, level, &found, &err), &err);
    size_t count = found.n;
    k2_compat_findings_free(&found);
    return count;
}

/* a, then a and b with a default, then a and b without: the last reads the second but not the first. */
static void each_of_the_seven_levels_asks_what_it_says(void **state) {
    (void)state;
    assert_int_equal(count_findings(AB, RECORD(LONG_A), AB_DEFAULT, K2_COMPAT_NONE), 0);
    assert_int_equal(count_findings(AB, RECORD(LONG_A), AB_DEFAULT, K2_COMPAT_BACKWARD), 0);
    assert_int_equal(count_findings(AB, RECORD(LONG_A), AB_DEFAULT, K2_COMPAT_BACKWARD_TRANSITIVE),
                     1);
    assert_int_equal(count_findings(AB, RECORD(LONG_A), AB_DEFAULT, K2_COMPAT_FORWARD_TRANSITIVE),
                     0);
    assert_int_equal(count_findings(AB, RECORD(LONG_A), AB_DEFAULT, K2_COMPAT_FULL), 0);
    assert_int_equal(count_findings(AB, RECORD(LONG_A), AB_DEFAULT, K2_COMPAT_FULL_TRANSITIVE), 1);
    assert_int_equal(count_findings(RECORD(LONG_A), AB, AB_DEFAULT, K2_COMPAT_FORWARD), 0);
    assert_int_equal(count_findings(RECORD(LONG_A), AB, AB_DEFAULT, K2_COMPAT_FORWARD_TRANSITIVE),
                     1);
    assert_int_equal(count_findings(RECORD(LONG_A), AB, AB_DEFAULT, K2_COMPAT_BACKWARD_TRANSITIVE),
                     0);
}

static void names_of_levels_and_types_go_both_ways(void **state) {
    (void)state;
    enum k2_compat_level level;
    enum k2_schema_type type;
    for (int i = 0; i < K2_COMPAT_LEVELS; i++) {
        assert_true(
            k2_compat_level_of(k2_sv_of(k2_compat_level_name((enum k2_compat_level)i)), &level));
        assert_int_equal(level, i);
    }
    assert_true(k2_compat_level_of(K2_SV("full_transitive"), &level));
    assert_int_equal(level, K2_COMPAT_FULL_TRANSITIVE);
    assert_false(k2_compat_level_of(K2_SV("FULLY"), &level));
    assert_true(k2_schema_type_of(K2_SV("protobuf"), &type));
    assert_string_equal(k2_schema_type_name(type), "PROTOBUF");
}

static void another_language_is_never_compatible(void **state) {
    (void)state;
    struct k2_schema_text next = text_of(K2_SCHEMA_JSON, "{\"type\":\"string\"}");
    struct k2_schema_text last = text_of(K2_SCHEMA_AVRO, "\"string\"");
    struct k2_compat_findings found = {0};
    struct k2_err err;
    CHECK_OK(k2_compat_check(&next, &last, 1, K2_COMPAT_FULL, &found, &err), &err);
    assert_int_equal(found.n, 1);
    assert_string_equal(found.items[0].message, "Incompatible because of different schema type");
    k2_compat_findings_free(&found);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_avro_reader_cannot_read_is_found_with_its_place),
        cmocka_unit_test(a_recursive_record_is_compared_once_and_its_difference_found),
        cmocka_unit_test(a_finding_says_it_in_the_words_of_the_registry),
        cmocka_unit_test(what_is_no_avro_schema_is_refused_with_its_place),
        cmocka_unit_test(the_canonical_avro_text_is_that_of_the_java_library),
        cmocka_unit_test(a_referenced_avro_type_is_known_by_its_name),
        cmocka_unit_test(properties_may_leave_open_objects_and_enter_closed_ones),
        cmocka_unit_test(limits_may_only_become_wider),
        cmocka_unit_test(combined_schemas_are_matched_whatever_their_order),
        cmocka_unit_test(a_schema_that_refers_to_itself_is_compared_to_its_end),
        cmocka_unit_test(what_is_no_json_schema_is_refused_with_its_place),
        cmocka_unit_test(fields_are_the_same_by_number_and_wire_format),
        cmocka_unit_test(fields_may_not_come_to_exclude_each_other),
        cmocka_unit_test(what_is_no_proto_file_is_refused_with_its_line),
        cmocka_unit_test(the_text_of_a_proto_file_does_not_depend_on_its_layout),
        cmocka_unit_test(a_descriptor_in_base64_is_the_file_it_was_made_of),
        cmocka_unit_test(each_of_the_seven_levels_asks_what_it_says),
        cmocka_unit_test(names_of_levels_and_types_go_both_ways),
        cmocka_unit_test(another_language_is_never_compatible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
