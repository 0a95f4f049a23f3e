/* Unit tests of verb/listing.c, verb/out.c and verb/human.c. */
#include "k2test.h"

#include "verb/listing.h"

#include "base/fs.h"

static int nothing(struct verb_context *c, struct k2_err *err) {
    (void)c;
    (void)err;
    return K2_OK;
}

static const struct verb_option options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const struct verb list = {.name = "list", .usage = "", .options = options, .run = nothing};

static const struct listing_column columns[] = {
    {"name", NULL}, {"row_count", "rows"}, {"bytes", NULL}, {"at", "at (UTC)"}, {"good", NULL}};

static void fill(struct listing *l) {
    listing_cstring(l, "a|b,\"c\"");
    listing_count(l, 1234567);
    listing_bytes(l, 1536);
    listing_time(l, INT64_C(1394398634754000001));
    listing_bool(l, true);
    listing_cstring(l, NULL);
    listing_number(l, INT64_C(9007199254740993)); /* 2^53 + 1 */
    listing_bytes(l, 5);
    listing_null(l);
    listing_bool(l, false);
}

/* The list as --out FILE writes it. Gives heap text. */
static char *written(const char *name, const char *format) {
    char *dir = k2test_dir();
    char path[4200];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    char *words[] = {(char[]){"--out"}, path, (char[]){"--format"},
                     k2_strdup(format ? format : "")};
    struct verb_context c;
    struct k2_err err = {0};
    struct listing *l;
    CHECK_OK(verb_parse(&list, format ? 4 : 2, words, &c, &err), &err);
    CHECK_OK(listing_open(&c, columns, 5, &l, &err), &err);
    fill(l);
    assert_false(k2_fs_exists(path)); /* only when it is complete */
    CHECK_OK(listing_close(l, &err), &err);
    struct k2_buf text = {0};
    CHECK_OK(k2_fs_read(path, &text, &err), &err);
    char **names;
    size_t n;
    CHECK_OK(k2_fs_list(dir, &names, &n, &err), &err);
    assert_int_equal(n, 1); /* nothing else is left behind */
    k2_fs_names_free(names, n);
    char *copy = k2_strdup(k2_buf_cstr(&text));
    k2_buf_free(&text);
    verb_context_fini(&c);
    free(words[3]);
    k2test_rmdir(dir);
    return copy;
}

static void check(const char *name, const char *format, const char *want) {
    char *got = written(name, format);
    assert_string_equal(got, want);
    free(got);
}

static void a_table_is_aligned_and_for_people(void **state) {
    (void)state;
    check("x.txt", "table",
          "name                 rows   bytes  at (UTC)                 good\n"
          "a|b,\"c\"         1,234,567  1.5 KB  2014-03-09 20:57:14.754  yes\n"
          "         9007199254740993     5 B                           no\n");
}

static void markdown_escapes_its_bars(void **state) {
    (void)state;
    check("x.md", NULL,
          "| name | rows | bytes | at (UTC) | good |\n"
          "| --- | ---: | ---: | --- | --- |\n"
          "| a\\|b,\"c\" | 1,234,567 | 1.5 KB | 2014-03-09 20:57:14.754 | yes |\n"
          "|  | 9007199254740993 | 5 B |  | no |\n");
}

static void csv_is_exact_and_quoted(void **state) {
    (void)state;
    check("x.csv", NULL,
          "name,row_count,bytes,at,good\n"
          "\"a|b,\"\"c\"\"\",1234567,1536,2014-03-09T20:57:14.754000001Z,true\n"
          ",9007199254740993,5,,false\n");
}

static void json_is_one_array_with_long_numbers_as_strings(void **state) {
    (void)state;
    check("x.json", NULL,
          "[{\"name\":\"a|b,\\\"c\\\"\",\"row_count\":1234567,\"bytes\":1536,"
          "\"at\":\"2014-03-09T20:57:14.754000001Z\",\"good\":true},\n"
          " {\"name\":null,\"row_count\":\"9007199254740993\",\"bytes\":5,\"at\":null,"
          "\"good\":false}]\n");
}

static void ndjson_is_one_object_a_line(void **state) {
    (void)state;
    char *got = written("x.ndjson", NULL);
    assert_memory_equal(got, "{\"name\"", 7);
    assert_non_null(strstr(got, "true}\n{"));
    free(got);
}

static void the_word_format_wins_over_the_name(void **state) {
    (void)state;
    char *got = written("x.csv", "json");
    assert_int_equal(got[0], '[');
    free(got);
}

static void control_characters_do_not_reach_a_table(void **state) {
    (void)state;
    static const struct listing_column one[] = {{"x", NULL}};
    char *dir = k2test_dir();
    char path[4200];
    snprintf(path, sizeof path, "%s/x.md", dir);
    char *words[] = {(char[]){"--out"}, path};
    struct verb_context c;
    struct k2_err err = {0};
    struct listing *l;
    CHECK_OK(verb_parse(&list, 2, words, &c, &err), &err);
    CHECK_OK(listing_open(&c, one, 1, &l, &err), &err);
    listing_cstring(l, "a\nb\033[2Jc");
    CHECK_OK(listing_close(l, &err), &err);
    struct k2_buf text = {0};
    CHECK_OK(k2_fs_read(path, &text, &err), &err);
    assert_non_null(strstr(k2_buf_cstr(&text), "| a?b?[2Jc |"));
    k2_buf_free(&text);
    verb_context_fini(&c);
    k2test_rmdir(dir);
}

static void numbers_are_said_as_people_read_them(void **state) {
    (void)state;
    char t[HUMAN_TEXT];
    assert_string_equal(human_count(0, t), "0");
    assert_string_equal(human_count(999, t), "999");
    assert_string_equal(human_count(1000, t), "1,000");
    assert_string_equal(human_count(-1234567, t), "-1,234,567");
    assert_string_equal(human_count(INT64_MIN, t), "-9,223,372,036,854,775,808");
    assert_string_equal(human_bytes(1023, t), "1023 B");
    assert_string_equal(human_bytes(1024, t), "1.0 KB");
    assert_string_equal(human_bytes(INT64_MAX, t), "8388607.9 TB");
    assert_string_equal(human_span(999, t), "0 us");
    assert_string_equal(human_span(1500 * K2_NS_PER_MS, t), "1.5 s");
    assert_string_equal(human_span(600 * K2_NS_PER_SEC, t), "10 min");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_aligned_and_for_people),
        cmocka_unit_test(markdown_escapes_its_bars),
        cmocka_unit_test(csv_is_exact_and_quoted),
        cmocka_unit_test(json_is_one_array_with_long_numbers_as_strings),
        cmocka_unit_test(ndjson_is_one_object_a_line),
        cmocka_unit_test(the_word_format_wins_over_the_name),
        cmocka_unit_test(control_characters_do_not_reach_a_table),
        cmocka_unit_test(numbers_are_said_as_people_read_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
