/* Configuration: which layer wins, what is refused and with which words. */
#include "base/clock.h"
#include "base/config.h"
#include "base/fs.h"
#include "k2test.h"

static struct k2_err err;
static char *dir, *path;

static int make_dir(void **state) {
    (void)state;
    dir = k2test_dir();
    path = k2_path(dir, "k2.ini");
    return 0;
}

static int remove_dir(void **state) {
    (void)state;
    unsetenv("K2_JOURNAL_URL");
    unsetenv("K2_JOURNAL_PARTITIONS");
    unsetenv("K2TEST_SECRET");
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
    assert_refused("[zebra]\nstripes_of_all_kinds = 3\n", "k2 config show lists them");
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

static void sections_of_feeds_are_left_for_their_owner(void **state) {
    (void)state;
    struct k2_config *c =
        loaded("[feed.asx]\nanything = goes\nanything = twice\n[journal]\nurl = a\n");
    assert_string_equal(k2_config_string(c, K2_CONFIG_journal_url), "a");
    k2_config_free(c);
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
    assert_null(k2_nearest("dance", words, 4));
    assert_null(k2_nearest(endless, words, 4));
    assert_null(k2_nearest("query", words, 0));
}

#define CONFIG_TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void) {
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(every_default_is_valid_and_says_so),
        CONFIG_TEST(the_environment_beats_the_file_beats_the_default),
        CONFIG_TEST(a_key_that_does_not_exist_is_refused_with_the_nearest),
        CONFIG_TEST(a_bad_value_is_refused_with_what_is_expected),
        CONFIG_TEST(a_line_that_is_no_setting_is_refused_with_its_number),
        CONFIG_TEST(a_file_that_is_named_and_missing_is_an_error),
        CONFIG_TEST(sections_of_feeds_are_left_for_their_owner),
        CONFIG_TEST(a_reference_is_resolved_and_never_shown),
        CONFIG_TEST(a_reference_to_nothing_is_refused),
        CONFIG_TEST(the_nearest_word_is_found_only_if_it_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
