/* Configuration: which layer wins, what is refused and with which words. */
#include "base/clock.h"
#include "base/config.h"
#include "base/fs.h"
#include "k2test.h"

#include <unistd.h>

static struct k2_err err;
static char *dir, *path;

/* So that what the caller's environment sets, or an earlier test, does not count. */
static void unset_ours(void) {
    for (char **pair = environ; *pair;) {
        char *name = k2_sv_dup((struct k2_sv){*pair, strcspn(*pair, "=")});
        if (strncmp(name, "K2_", 3) == 0 || strncmp(name, "K2TEST_", 7) == 0)
            unsetenv(name);
        else
            pair++;
        free(name);
    }
}

static int make_dir(void **state) {
    (void)state;
    unset_ours();
    dir = k2test_dir();
    path = k2_path(dir, "k2.ini");
    return 0;
}

static int remove_dir(void **state) {
    (void)state;
    unset_ours();
    free(path);
    k2test_rmdir(dir);
    return 0;
}

static int load(const char *text, struct k2_config **c) {
    CHECK_OK(k2_fs_replace(path, k2_sv_of(text), &err), &err);
    return k2_config_load(path, c, &err);
}

static struct k2_config *loaded(const char *text) {
    struct k2_config *c;
    CHECK_OK(load(text, &c), &err);
    return c;
}

static void assert_refused(const char *text, const char *message) {
    struct k2_config *c;
    if (load(text, &c) == K2_OK)
        fail_msg("accepted: %s", text);
    if (!strstr(err.msg, message))
        fail_msg("\"%s\" is not in: %s", message, err.msg);
}

static void add_line(void *ctx, const char *text) {
    k2_buf_printf(ctx, "%s\n", text);
}

static void all_errors_are_told_and_the_rest_is_read(void **state) {
    (void)state;
    struct k2_buf told = {0};
    struct k2_config *c;
    int errors;
    char text[600] = "[journal]\npartitions = none\nurll = a\nretention = ";
    memset(text + strlen(text), 'x', 300);
    size_t n = strlen(text);
    snprintf(text + n, sizeof text - n,
             "\n[sink]\ninterval = 7s\n[feed.a]\nrate = fast\npoll = 9s\n");
    setenv("K2_SINK_COMMIT_ROWS", "many", 1);
    setenv("K2_FEED_A_SEED", "x", 1);
    CHECK_OK(k2_fs_replace(path, k2_sv_of(text), &err), &err);
    CHECK_OK(k2_config_load_all(path, add_line, &told, &c, &errors, &err), &err);
    assert_int_equal(errors, 6);
    static const char *const each[] = {
        "line 2: configuration key journal.partitions",
        "line 3: there is no configuration key journal.urll",
        "line 4: the line is longer",
        "line 8: configuration key feed.a.rate",
        "environment variable K2_SINK_COMMIT_ROWS",
        "environment variable K2_FEED_A_SEED",
    };
    for (size_t i = 0; i < sizeof each / sizeof *each; i++)
        if (!strstr(k2_buf_cstr(&told), each[i]))
            fail_msg("\"%s\" is not in: %s", each[i], k2_buf_cstr(&told));
    assert_int_equal(k2_config_int(c, K2_CONFIG_sink_interval), 7000000000);
    assert_int_equal(k2_config_named_int(c, K2_CONFIG_feed_poll, 0), 9000000000);
    k2_config_free(c);
    k2_buf_free(&told);
}

static void every_default_is_valid_and_says_so(void **state) {
    (void)state;
    struct k2_config *c;
    CHECK_OK(k2_config_load(NULL, &c, &err), &err);
    for (int i = 0; i < K2_CONFIG_COUNT; i++) {
        struct k2_config_entry e = k2_config_entry(c, i);
        assert_string_equal(e.origin, "default");
        assert_true(*e.section && *e.key && *e.meaning);
    }
    assert_string_equal(k2_config_string(c, K2_CONFIG_journal_url), "local:");
    assert_int_equal(k2_config_int(c, K2_CONFIG_journal_partitions), 3);
    assert_int_equal(k2_config_int(c, K2_CONFIG_journal_segment_bytes), 256 << 20);
    assert_int_equal(k2_config_int(c, K2_CONFIG_journal_retention), 90 * K2_NS_PER_DAY);
    k2_config_free(c);
    k2_config_free(NULL);
}

static void the_environment_beats_the_file_beats_the_default(void **state) {
    (void)state;
    setenv("K2_JOURNAL_PARTITIONS", "7", 1);
    struct k2_config *c =
        loaded("# a comment\n[journal]\npartitions = 5\nsegment_bytes = 1KB ; small\n"
               "[sink]\ninterval = 250ms\n");
    assert_int_equal(k2_config_int(c, K2_CONFIG_journal_partitions), 7);
    assert_string_equal(k2_config_entry(c, K2_CONFIG_journal_partitions).origin, "environment");
    assert_string_equal(k2_config_entry(c, K2_CONFIG_journal_partitions).value, "7");
    assert_int_equal(k2_config_int(c, K2_CONFIG_journal_segment_bytes), 1024);
    assert_string_equal(k2_config_entry(c, K2_CONFIG_journal_segment_bytes).origin, "file");
    assert_int_equal(k2_config_int(c, K2_CONFIG_sink_interval), 250 * K2_NS_PER_MS);
    assert_string_equal(k2_config_entry(c, K2_CONFIG_sink_commit_rows).origin, "default");
    k2_config_free(c);
}

static void a_key_that_does_not_exist_is_refused_with_the_nearest(void **state) {
    (void)state;
    assert_refused("[journal]\npartition = 5\n", "did you mean journal.partitions?");
    assert_refused("[journl]\nurl = x\n", "did you mean journal.url?");
    assert_refused("[zebra]\nstripes_of_all_kinds = 3\n", "k2 config init lists them");
    assert_refused("\nurl = x\n", "line 2: key url stands before any section");
    assert_refused("[journal]\n\n\npartition = 5\n", "k2.ini line 4: ");
}

static void a_bad_value_is_refused_with_what_is_expected(void **state) {
    (void)state;
    assert_refused("[journal]\npartitions = -1\n", "is not a whole number");
    assert_refused("[journal]\npartitions = three\n",
                   "line 2: configuration key journal.partitions: \"three\" is not a whole number, "
                   "as 8");
    assert_refused("[journal]\nsegment_bytes = 64\n", "\"64\" is not a size, as 64MB");
    assert_refused("[journal]\nsegment_bytes = -1MB\n", "is not a size");
    assert_refused("[journal]\nsegment_bytes = MB\n", "is not a size");
    assert_refused("[journal]\nsegment_bytes = 9999999999TB\n", "is not a size");
    assert_refused("[sink]\ninterval = 60\n", "\"60\" is not a span of time, as 60s");
    assert_refused("[sink]\ninterval =\n", "\"\" is not a span of time");
    setenv("K2_JOURNAL_PARTITIONS", "many", 1);
    assert_refused("", "environment variable K2_JOURNAL_PARTITIONS: ");
}

static void a_line_that_is_no_setting_is_refused_with_its_number(void **state) {
    (void)state;
    struct k2_config *c;
    assert_refused("[journal]\nwhat is this\n[sink]\ninterval = bad\n", "line 2 is neither");
    assert_refused("[journal]\nurl = a\nurl = b\n",
                   "line 3: configuration key journal.url is set a "
                   "second time");
    char text[400] = "[journal]\nurl = ";
    memset(text + strlen(text), 'x', 300);
    assert_refused(text, "line 2: the line is longer than 198 bytes");
    text[10 + 198] = 0;
    c = loaded(text);
    assert_int_equal(strlen(k2_config_string(c, K2_CONFIG_journal_url)), 198 - 6);
    k2_config_free(c);
}

static void a_file_that_is_named_and_missing_is_an_error(void **state) {
    (void)state;
    struct k2_config *c;
    CHECK_STATUS(k2_config_load(path, &c, &err), K2_E_NOTFOUND);
    assert_non_null(strstr(err.msg, path));
}

static void sections_with_names_keep_their_order_and_their_defaults(void **state) {
    (void)state;
    struct k2_config *c = loaded("[feed.sim]\nsource = sim:\nrate = 50\nquotes = true\n"
                                 "[journal]\nurl = a\n[feed.asx-1]\npoll = 5s\n"
                                 "[feed.sim]\nenabled = false\n");
    assert_int_equal(k2_config_named_count(c, "feed"), 2);
    assert_int_equal(k2_config_named_count(c, "journal"), 0);
    assert_string_equal(k2_config_named_name(c, "feed", 0), "sim");
    assert_string_equal(k2_config_named_name(c, "feed", 1), "asx-1");
    assert_string_equal(k2_config_named_string(c, K2_CONFIG_feed_source, 0), "sim:");
    assert_int_equal(k2_config_named_int(c, K2_CONFIG_feed_rate, 0), 50);
    assert_true(k2_config_named_bool(c, K2_CONFIG_feed_quotes, 0));
    assert_false(k2_config_named_bool(c, K2_CONFIG_feed_enabled, 0));
    assert_string_equal(k2_config_named_string(c, K2_CONFIG_feed_format, 1), "auto");
    assert_int_equal(k2_config_named_int(c, K2_CONFIG_feed_poll, 1), 5 * K2_NS_PER_SEC);
    assert_true(k2_config_named_bool(c, K2_CONFIG_feed_enabled, 1));
    assert_string_equal(k2_config_string(c, K2_CONFIG_journal_url), "a");
    k2_config_free(c);
}

static void what_is_wrong_with_a_section_with_a_name_is_said(void **state) {
    (void)state;
    assert_refused("[feed]\nrate = 1\n", "section [feed] needs a name, as [feed.asx]");
    assert_refused("[feed.]\nrate = 1\n", "section [feed.] needs a name");
    assert_refused("[feed.ASX]\nrate = 1\n", "small letters");
    assert_refused("[feed.abcdefghijklmnopqrstuvwxyz1234567]\nrate = 1\n", "at most 32");
    assert_refused("[feed.asx]\nsources = x\n", "line 2: there is no configuration key "
                                                "feed.asx.sources; did you mean feed.asx.source?");
    assert_refused("[fed.asx]\nsource = x\n", "did you mean feed.asx.source?");
    assert_refused("[feeder.asx]\nzzzzzzzzzzzzzzzzz = x\n", "k2 config init lists them");
    assert_refused("[feed.asx]\nrate = 1\nrate = 2\n", "feed.asx.rate is set a second time");
    assert_refused("[feed.asx]\nrate = fast\n",
                   "configuration key feed.asx.rate: \"fast\" is not a whole number");
    assert_refused("[feed.a-b]\nrate = 1\n[feed.a_b]\nrate = 1\n",
                   "sections [feed.a-b] and [feed.a_b] have the same environment variables");
    assert_refused("[feed.a_sim]\nsymbols = B\n",
                   "[feed.a_sim] needs another name: K2_FEED_A_SIM_SYMBOLS would be read as key "
                   "sim_symbols");
}

static void the_environment_overrides_and_makes_sections_with_names(void **state) {
    (void)state;
    setenv("K2_FEED_MY_ASX_RATE", "7", 1);
    setenv("K2_FEED_ZZ_SIM_SYMBOLS", "9", 1);
    setenv("K2_FEED_BB_SOURCE", "sim:", 1);
    struct k2_config *c = loaded("[feed.my-asx]\nrate = 5\nseed = 2\n");
    assert_int_equal(k2_config_named_count(c, "feed"), 3);
    assert_string_equal(k2_config_named_name(c, "feed", 0), "my-asx");
    assert_int_equal(k2_config_named_int(c, K2_CONFIG_feed_rate, 0), 7);
    assert_int_equal(k2_config_named_int(c, K2_CONFIG_feed_seed, 0), 2);
    assert_string_equal(k2_config_named_name(c, "feed", 1), "bb");
    assert_string_equal(k2_config_named_name(c, "feed", 2), "zz");
    assert_int_equal(k2_config_named_int(c, K2_CONFIG_feed_sim_symbols, 2), 9);
    k2_config_free(c);
    setenv("K2_FEED_ZZ_SIM_SYMBOLS", "many", 1);
    assert_refused("", "environment variable K2_FEED_ZZ_SIM_SYMBOLS: configuration key "
                       "feed.zz.sim_symbols: \"many\" is not");
}

static void every_entry_is_listed_with_its_variable(void **state) {
    (void)state;
    static const char *const sections[] = {
#define K2_CONFIG_NAMED(section, key, type, def, meaning) #section,
#include "base/config.def"
    };
    int feed_keys = 0;
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        feed_keys += strcmp(sections[i], "feed") == 0;
    setenv("K2_FEED_BB_SOURCE", "env:K2TEST_SECRET", 1);
    setenv("K2TEST_SECRET", "wss://user:pass", 1);
    struct k2_config *c = loaded("[feed.my-asx]\nrate = 5\n");
    assert_int_equal(k2_config_entry_count(c), K2_CONFIG_COUNT + 2 * feed_keys);
    struct k2_config_entry e = k2_config_entry(c, K2_CONFIG_COUNT + K2_CONFIG_feed_rate);
    assert_string_equal(e.section, "feed.my-asx");
    assert_string_equal(e.key, "rate");
    assert_string_equal(e.value, "5");
    assert_string_equal(e.origin, "file");
    struct k2_buf name = {0};
    k2_config_variable(e.section, e.key, &name);
    assert_string_equal(k2_buf_cstr(&name), "K2_FEED_MY_ASX_RATE");
    k2_buf_free(&name);
    e = k2_config_entry(c, K2_CONFIG_COUNT + feed_keys + K2_CONFIG_feed_source);
    assert_string_equal(e.section, "feed.bb");
    assert_string_equal(e.value, "env:K2TEST_SECRET");
    assert_string_equal(k2_config_named_string(c, K2_CONFIG_feed_source, 1), "wss://user:pass");
    k2_config_free(c);
}

static void note_unknown(void *context, const char *name, const char *nearest) {
    struct k2_buf *out = context;
    k2_buf_printf(out, "%s>%s ", name, nearest ? nearest : "");
}

static void variables_that_nobody_knows_are_named(void **state) {
    (void)state;
    struct k2_buf seen = {0};
    setenv("K2_DATA", "/data", 1);
    setenv("K2_JOURNAL_URL", "local:", 1);
    setenv("K2_FEED_BB_SOURCE", "sim:", 1);
    setenv("K2_WEB_SERVICE_HOST", "10.0.0.1", 1);
    setenv("K2_WEB_PORT_80_TCP", "tcp://10.0.0.1:80", 1);
    k2_config_unknown_variables(note_unknown, &seen);
    assert_string_equal(k2_buf_cstr(&seen), "");
    setenv("K2_JOURNL_URL", "x", 1);
    k2_config_unknown_variables(note_unknown, &seen);
    assert_string_equal(k2_buf_cstr(&seen), "K2_JOURNL_URL>K2_JOURNAL_URL ");
    unsetenv("K2_JOURNL_URL");
    seen.n = 0;
    setenv("K2_FEED_BB_SORCE", "x", 1);
    k2_config_unknown_variables(note_unknown, &seen);
    assert_string_equal(k2_buf_cstr(&seen), "K2_FEED_BB_SORCE>K2_FEED_BB_SOURCE ");
    unsetenv("K2_FEED_BB_SORCE");
    seen.n = 0;
    setenv("K2_FOO_FORMAT", "x", 1);
    k2_config_unknown_variables(note_unknown, &seen);
    assert_true(k2_sv_starts(k2_buf_view(&seen), K2_SV("K2_FOO_FORMAT>")));
    k2_buf_free(&seen);
}

/* With every "#" off its keys the file is read, and sets nothing but the defaults. */
static void the_template_is_a_configuration(void **state) {
    (void)state;
    struct k2_buf text = {0};
    k2_config_template(&text);
    struct k2_config *c = loaded(k2_buf_cstr(&text));
    assert_int_equal(k2_config_entry_count(c), K2_CONFIG_COUNT);
    k2_config_free(c);
    struct k2_buf set = {0};
    struct k2_sv rest = k2_buf_view(&text);
    while (rest.n) {
        struct k2_sv line = k2_sv_split(&rest, '\n');
        if (line.n > 1 && line.p[0] == '#' && line.p[1] != ' ')
            k2_sv_take(&line, '#');
        k2_buf_printf(&set, "%.*s\n", K2_SV_ARG(line));
    }
    c = loaded(k2_buf_cstr(&set));
    assert_int_equal(k2_config_entry_count(c), K2_CONFIG_COUNT + K2_CONFIG_NAMED_COUNT);
    for (int i = 0; i < k2_config_entry_count(c); i++)
        assert_string_equal(k2_config_entry(c, i).origin, "file");
    assert_string_equal(k2_config_named_string(c, K2_CONFIG_feed_speed, 0), "max");
    assert_int_equal(k2_config_int(c, K2_CONFIG_journal_partitions), 3);
    k2_config_free(c);
    k2_buf_free(&set);
    k2_buf_free(&text);
}

static void a_reference_is_resolved_and_never_shown(void **state) {
    (void)state;
    char *secret = k2_path(dir, "secret"), text[5000];
    setenv("K2TEST_SECRET", "kafka://user:pass", 1);
    struct k2_config *c = loaded("[journal]\nurl = env:K2TEST_SECRET\n");
    assert_string_equal(k2_config_string(c, K2_CONFIG_journal_url), "kafka://user:pass");
    assert_string_equal(k2_config_entry(c, K2_CONFIG_journal_url).value, "env:K2TEST_SECRET");
    k2_config_free(c);
    CHECK_OK(k2_fs_create(secret, K2_SV("hidden\n"), &err), &err);
    snprintf(text, sizeof text, "file:%s", secret);
    setenv("K2_JOURNAL_URL", text, 1);
    c = loaded("");
    assert_string_equal(k2_config_string(c, K2_CONFIG_journal_url), "hidden");
    assert_string_equal(k2_config_entry(c, K2_CONFIG_journal_url).value, text);
    k2_config_free(c);
    setenv("K2_JOURNAL_PARTITIONS", text, 1); /* "hidden" is no number, and is not to be quoted */
    assert_refused("", "is not a whole number");
    assert_null(strstr(err.msg, "hidden"));
    free(secret);
}

static void a_reference_to_nothing_is_refused(void **state) {
    (void)state;
    assert_refused(
        "[journal]\nurl = env:K2TEST_SECRET\n",
        "it refers to env:K2TEST_SECRET, but the environment has no K2TEST_SECRET; set it");
    assert_refused("[journal]\nurl = file:/nonexistent/secret\n",
                   "it refers to file:/nonexistent/secret: there is no file /nonexistent/secret");
    char *data = k2_path(dir, "data"), text[5000];
    CHECK_OK(k2_fs_create(data, K2_SV("a,b\n1,2\n"), &err), &err);
    snprintf(text, sizeof text, "file:%s", data);
    setenv("K2_JOURNAL_URL", text, 1);
    assert_refused("", "holds more than one line of text; if the path itself is meant, write it "
                       "without file:");
    free(data);
}

static void the_nearest_word_is_found_only_if_it_is_near(void **state) {
    (void)state;
    static const char *const words[] = {"ingest", "query", "replay", "reconcile"};
    char endless[200];
    memset(endless, 'q', sizeof endless);
    endless[sizeof endless - 1] = 0;
    assert_string_equal(k2_nearest("qery", words, 4), "query");
    assert_string_equal(k2_nearest("recoincile", words, 4), "reconcile");
    assert_string_equal(k2_nearest("replay", words, 4), "replay");
    assert_string_equal(k2_nearest("QERY", words, 4), "query");
    assert_null(k2_nearest("dance", words, 4));
    assert_null(k2_nearest(endless, words, 4));
    assert_null(k2_nearest("query", words, 0));
    assert_string_equal(k2_nearest("REC", words, 4), "reconcile"); /* its beginning */
    assert_null(k2_nearest("re", words, 4));
}

#define CONFIG_TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void) {
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(all_errors_are_told_and_the_rest_is_read),
        CONFIG_TEST(every_default_is_valid_and_says_so),
        CONFIG_TEST(the_environment_beats_the_file_beats_the_default),
        CONFIG_TEST(a_key_that_does_not_exist_is_refused_with_the_nearest),
        CONFIG_TEST(a_bad_value_is_refused_with_what_is_expected),
        CONFIG_TEST(a_line_that_is_no_setting_is_refused_with_its_number),
        CONFIG_TEST(a_file_that_is_named_and_missing_is_an_error),
        CONFIG_TEST(sections_with_names_keep_their_order_and_their_defaults),
        CONFIG_TEST(what_is_wrong_with_a_section_with_a_name_is_said),
        CONFIG_TEST(the_environment_overrides_and_makes_sections_with_names),
        CONFIG_TEST(every_entry_is_listed_with_its_variable),
        CONFIG_TEST(variables_that_nobody_knows_are_named),
        CONFIG_TEST(the_template_is_a_configuration),
        CONFIG_TEST(a_reference_is_resolved_and_never_shown),
        CONFIG_TEST(a_reference_to_nothing_is_refused),
        CONFIG_TEST(the_nearest_word_is_found_only_if_it_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
