/* SQL as text: where statements end, what they begin with, what EXPLAIN explains. */
#include "k2test.h"

#include "query/text.h"

static void check_pieces(const char *sql, const char *const *expected) {
    struct k2_sv rest = k2_sv_of(sql), piece;
    for (; *expected; expected++) {
        assert_true(query_text_next(&rest, &piece));
        char *text = k2_sv_dup(k2_sv_trim(piece));
        assert_string_equal(text, *expected);
        free(text);
    }
    assert_false(query_text_next(&rest, &piece));
}

static void semicolons_end_statements_only_outside_of_quotes_and_comments(void **state) {
    (void)state;
    check_pieces("select 1; select 2", (const char *[]){"select 1", "select 2", NULL});
    check_pieces(";;\n-- ;\n select ';' ;", (const char *[]){"select ';'", NULL});
    check_pieces("select 'it''s;' ; x", (const char *[]){"select 'it''s;'", "x", NULL});
    check_pieces("select E'\\';' ; x", (const char *[]){"select E'\\';'", "x", NULL});
    check_pieces("select '\\' ; x", (const char *[]){"select '\\'", "x", NULL});
    check_pieces("select \"a;\"\"b\" ; x", (const char *[]){"select \"a;\"\"b\"", "x", NULL});
    check_pieces("select $$;$$, $t$ $$ ; $t$ ; x",
                 (const char *[]){"select $$;$$, $t$ $$ ; $t$", "x", NULL});
    check_pieces("select $1 ; select $a ; x",
                 (const char *[]){"select $1", "select $a", "x", NULL});
    check_pieces("select /* ; /* ; */ ; */ 1 ; x",
                 (const char *[]){"select /* ; /* ; */ ; */ 1", "x", NULL});
    check_pieces("select 1 -- ; '\n ; x", (const char *[]){"select 1 -- ; '", "x", NULL});
    check_pieces("select name ; x", (const char *[]){"select name", "x", NULL});
}

static void a_text_is_complete_behind_its_semicolon(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool complete;
    } texts[] = {{"", true},          {"-- x", true},        {"select 1", false},
                 {"select 1;", true}, {"select ';", false},  {"select 1; -- x\n", true},
                 {"a; b", false},     {"select $$;", false}, {"select 1 -- ;\n", false},
                 {"a;;", true},       {"/* ; ", true}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (query_text_complete(k2_sv_of(texts[i].text)) != texts[i].complete)
            fail_msg("%s", texts[i].text);
}

static void a_flat_statement_is_one_line(void **state) {
    (void)state;
    struct k2_buf flat = {0};
    query_text_flatten(K2_SV("  select 1, -- one\n\t'a  b' /* x */ ,\n  \"c\"\n;\n\n"), &flat);
    assert_string_equal(k2_buf_cstr(&flat), "select 1, 'a  b' , \"c\" ;");
    k2_buf_free(&flat);
}

static void unfinished_quotes_and_comments_reach_to_the_end(void **state) {
    (void)state;
    static const char *const texts[] = {"select 'a;",   "select \"a;", "select $$;",
                                        "select /* ; ", "select E'\\", "select $t$ ; $t",
                                        "select -- ;"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct k2_sv rest = k2_sv_of(texts[i]), piece;
        assert_true(query_text_next(&rest, &piece));
        assert_int_equal(piece.n, strlen(texts[i]));
        assert_false(query_text_next(&rest, &piece));
    }
    check_pieces("  /* only */ -- comments\n", (const char *[]){NULL});
}

static void check_explained(const char *sql, const char *inner) {
    struct k2_sv rest;
    assert_int_equal(query_text_explained(k2_sv_of(sql), &rest), inner != NULL);
    char *text = k2_sv_dup(rest);
    assert_string_equal(text, inner ? inner : sql);
    free(text);
}

static void explain_gives_way_to_what_it_explains(void **state) {
    (void)state;
    check_explained("select 1", NULL);
    check_explained("explain select 1", "select 1");
    check_explained("/* x */ EXPLAIN ANALYZE select 1", "select 1");
    check_explained("explain (format json) select 1", "select 1");
    check_explained("explain (analyze, format 'json') (select 1)", "(select 1)");
    check_explained("explain (select 1)", "(select 1)");
    check_explained("explain", "");
    check_explained("explainer", NULL);
}

static void literals_and_names_are_quoted(void **state) {
    (void)state;
    struct k2_buf out = {0};
    query_text_literal(&out, K2_SV("it's \"x\""));
    query_text_name(&out, "a\"b'c");
    assert_string_equal(k2_buf_cstr(&out), "'it''s \"x\"'\"a\"\"b'c\"");
    k2_buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(semicolons_end_statements_only_outside_of_quotes_and_comments),
        cmocka_unit_test(a_text_is_complete_behind_its_semicolon),
        cmocka_unit_test(a_flat_statement_is_one_line),
        cmocka_unit_test(unfinished_quotes_and_comments_reach_to_the_end),
        cmocka_unit_test(explain_gives_way_to_what_it_explains),
        cmocka_unit_test(literals_and_names_are_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
