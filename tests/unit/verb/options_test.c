/* Unit tests of verb/options.c. */
#include "k2test.h"

#include "verb/verb.h"

static int nothing(struct verb_context *c, struct k2_err *err) {
    (void)c;
    (void)err;
    return K2_OK;
}

static const struct verb_option tail_options[] = {{"from", "WHERE", "-10", "", NULL, 0},
                                                  {"param", "P", NULL, "", NULL, 'p'},
                                                  {"keys", NULL, NULL, "", NULL, 'k'},
                                                  VERB_FORMAT,
                                                  {0}};
static const struct verb tail = {.name = "tail",
                                 .usage = "TOPIC",
                                 .options = tail_options,
                                 .min_args = 1,
                                 .max_args = 2,
                                 .run = nothing};
static const struct verb *const topic_subs[] = {&tail, NULL};
static const struct verb topic = {.name = "topic", .usage = "tail", .subs = topic_subs};
static const struct verb *const root_subs[] = {&topic, NULL};
static const struct verb root = {.name = "k2", .usage = "", .subs = root_subs, .run = nothing};

/* Parses words separated by blanks. */
static int parse(const char *line, struct verb_context *c, struct k2_err *err) {
    static char text[256];
    static char *words[32];
    int n = 0;
    snprintf(text, sizeof text, "%s", line);
    for (char *w = strtok(text, " "); w; w = strtok(NULL, " "))
        words[n++] = w;
    *err = (struct k2_err){0};
    return verb_parse(&root, n, words, c, err);
}

static void expect(const char *line, struct verb_context *c) {
    struct k2_err err;
    CHECK_OK(parse(line, c, &err), &err);
}

static void refuse(const char *line, const char *text) {
    struct verb_context c;
    struct k2_err err;
    CHECK_STATUS(parse(line, &c, &err), K2_E_USAGE);
    if (!strstr(err.msg, text))
        fail_msg("'%s' is not in: %s", text, err.msg);
    verb_context_fini(&c);
}

static void options_stand_anywhere_and_words_choose_the_verb(void **state) {
    (void)state;
    struct verb_context c;
    expect("--data d topic --quiet tail a --keys b", &c);
    assert_ptr_equal(c.verb, &tail);
    assert_string_equal(c.name, "k2 topic tail");
    assert_string_equal(c.data, "d");
    assert_true(c.quiet);
    assert_true(verb_flag(&c, "keys"));
    assert_int_equal(c.arg_count, 2);
    assert_string_equal(c.args[1], "b");
    verb_context_fini(&c);
}

static void every_way_to_write_a_value_is_read(void **state) {
    (void)state;
    struct verb_context c;
    expect("topic tail t --param a --param=b -p c -pd --param=", &c);
    const char *const want[] = {"a", "b", "c", "d", ""};
    for (int i = 0; i < 5; i++)
        assert_string_equal(verb_value_at(&c, "param", i), want[i]);
    assert_null(verb_value_at(&c, "param", 5));
    assert_string_equal(verb_value(&c, "param"), "");
    verb_context_fini(&c);
}

static void a_value_may_begin_with_one_minus_but_not_with_two(void **state) {
    (void)state;
    struct verb_context c;
    expect("topic tail t --from -1h", &c);
    assert_string_equal(verb_value(&c, "from"), "-1h");
    verb_context_fini(&c);
    refuse("topic tail t --from --keys", "--from needs a value: --from WHERE");
    refuse("topic tail t --from", "--from needs a value");
}

static void defaults_hold_until_a_value_is_given(void **state) {
    (void)state;
    struct verb_context c;
    expect("topic tail t", &c);
    assert_string_equal(verb_value(&c, "from"), "-10");
    assert_string_equal(verb_value(&c, "format"), "table");
    assert_null(verb_value(&c, "param"));
    assert_null(verb_value_at(&c, "from", 0));
    assert_false(verb_flag(&c, "keys"));
    verb_context_fini(&c);
}

static void a_double_dash_ends_the_options(void **state) {
    (void)state;
    struct verb_context c;
    expect("topic tail -- --keys", &c);
    assert_string_equal(c.args[0], "--keys");
    assert_false(verb_flag(&c, "keys"));
    verb_context_fini(&c);
    expect("topic tail -", &c); /* standard input is an argument */
    assert_string_equal(c.args[0], "-");
    verb_context_fini(&c);
}

static void a_word_with_a_blank_is_text_whatever_it_begins_with(void **state) {
    (void)state;
    static char sql[] = "-- all of them\nSELECT 1", tabbed[] = "--\tSELECT 1",
                value[] = "--param=a b", topic_word[] = "topic", tail_word[] = "tail",
                option[] = "--param";
    char *words[] = {topic_word, tail_word, sql, tabbed, value, option, sql};
    struct verb_context c;
    struct k2_err err;
    CHECK_OK(verb_parse(&root, 7, words, &c, &err), &err);
    assert_int_equal(c.arg_count, 2);
    assert_string_equal(c.args[0], sql);
    assert_string_equal(c.args[1], tabbed);
    assert_string_equal(verb_value_at(&c, "param", 0), "a b");
    assert_string_equal(verb_value_at(&c, "param", 1), sql);
    verb_context_fini(&c);
    refuse("topic tail --comment",
           "there is no option --comment; if it is not meant as one, write -- in front");
    expect("topic tail -- --comment", &c);
    assert_string_equal(c.args[0], "--comment");
    verb_context_fini(&c);
}

static void wrong_words_name_the_nearest_right_one(void **state) {
    (void)state;
    refuse("topc", "there is no command 'topc'; did you mean topic?");
    refuse("topic tial", "there is no command 'tial'; did you mean tail?");
    refuse("topic tail t --fron x", "there is no option --fron; did you mean --from?");
    refuse("topic tail t --quite", "did you mean --quiet?");
    refuse("topic tail t --format jsn", "did you mean json?");
    refuse("topic tail t --log-format xml", "it takes text, json");
    refuse("qqqqqqqqqq", "there is no command 'qqqqqqqqqq'");
}

static void words_of_other_programs_name_what_is_here(void **state) {
    (void)state;
    refuse("consume", "there is no command 'consume'; instead: k2 topic tail TOPIC --follow");
    refuse("SQL", "instead: k2 query");
    refuse("SELECT", "instead: k2 query \"SELECT ...\", the statement in quotes");
    refuse("topic consume t", "there is no command 'consume'; instead: k2 topic tail");
    refuse("topic describe t",
           "there is no command 'describe'"); /* here it has neither show nor list */
    refuse("-C -t t", "there is no option -C; instead: k2 topic tail TOPIC");
    refuse("-c x", "there is no option -c; instead: k2 query");
    refuse("topic tail t -c 3", "there is no option -c; instead: -n N");
    refuse("topic tail t --from-beginning", "instead: --from start");
    refuse("topic tail t -b h", "there is no option -b; instead: there is no broker");
}

static void a_file_alone_is_to_be_ingested(void **state) {
    (void)state;
    refuse("/dev/null", "there is no command '/dev/null'; instead: k2 ingest /dev/null");
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    refuse("topic", "a command is missing");
    refuse("topic tail", "something is missing: k2 topic tail TOPIC");
    refuse("topic tail a b c", "'c' is one word too many");
    refuse("topic tail t --keys=1", "--keys takes no value");
    refuse("topic tail t -kp", "there is no option -kp");
    refuse("topic tail t -x", "there is no option -x");
}

static void help_needs_no_arguments(void **state) {
    (void)state;
    struct verb_context c;
    expect("topic tail --help", &c);
    assert_true(c.help);
    verb_context_fini(&c);
    expect("topic -h", &c);
    assert_true(c.help);
    verb_context_fini(&c);
}

int main(void) {
    unsetenv("K2_DATA");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere_and_words_choose_the_verb),
        cmocka_unit_test(every_way_to_write_a_value_is_read),
        cmocka_unit_test(a_value_may_begin_with_one_minus_but_not_with_two),
        cmocka_unit_test(defaults_hold_until_a_value_is_given),
        cmocka_unit_test(a_double_dash_ends_the_options),
        cmocka_unit_test(a_word_with_a_blank_is_text_whatever_it_begins_with),
        cmocka_unit_test(wrong_words_name_the_nearest_right_one),
        cmocka_unit_test(words_of_other_programs_name_what_is_here),
        cmocka_unit_test(a_file_alone_is_to_be_ingested),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(help_needs_no_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
