/* A platform whose agents the test steps by hand, with a clock of its own. Here: what becomes of
 * files and directories that it follows. */
#include "platform_helper.h"

#define FOLDER QUIET "[feed.files]\nsource = @/in\n"

static void assert_says(struct place *p, const char *feed, const char *text) {
    struct agent_view v = place_view(p, feed);
    assert_int_equal(v.state, AGENT_UP);
    if (!strstr(v.detail, text))
        fail_msg("'%s' is not in: %s", text, v.detail);
}

static void a_feed_says_what_became_of_its_records(void **state) {
    (void)state;
    struct place p = place_make();
    make_folder(&p);
    place_rows(&p, "1_BHP.csv", 0, 30, 10);
    place_text(&p, "2_CBA.csv", "03/10/2014,10:00:00.000,37.5,100,0,,\nno row\n");
    place_rows(&p, "in/3_RIO.csv", 0, 7, 10);
    place_rows(&p, "in/4_NCM.csv", 0, 5, 10);
    place_text(&p, "in/notes.txt", "what I meant to do");
    place_configure(&p, ASX "symbols = ZZZ\n[feed.bad]\nformat = asx-csv\nsource = @/2_CBA.csv\n"
                            "[feed.files]\nsource = @/in\n");
    place_open(&p);
    place_feed(&p);
    assert_says(&p, "feed.asx", "30 read, 0 kept, 30 filtered since the start; ");
    assert_says(&p, "feed.bad", "2 read, 1 kept, 1 quarantined since the start; ");
    assert_says(&p, "feed.files",
                "12 read, 12 kept since the start; 2 files, 1 passed over (notes.txt); ");
    place_close(&p);
    place_open(&p);
    place_feed(&p);
    assert_says(&p, "feed.bad", "nothing new since the start; ");
    assert_says(&p, "feed.files", "nothing new since the start; 2 files");
    place_free(&p);
}

static void an_empty_file_is_waited_for_without_a_failure(void **state) {
    (void)state;
    struct place p = place_make();
    place_text(&p, "1_BHP.csv", "");
    place_configure(&p, ASX "[feed.guess]\nsource = @/1_BHP.csv\n");
    place_open(&p);
    place_pass(&p, 1);
    assert_says(&p, "feed.asx", "1_BHP.csv is empty yet");
    assert_says(&p, "feed.guess", "1_BHP.csv is empty yet");
    place_rows(&p, "1_BHP.csv", 0, 3, 10);
    place_pass(&p, 1);
    assert_says(&p, "feed.asx", "3 read, ");
    assert_says(&p, "feed.guess", "3 read, ");
    assert_int_equal(place_records(&p, "market.ticks.asx"), 3);
    place_free(&p);
}

static void a_feed_is_given_its_symbol_and_date(void **state) {
    (void)state;
    struct place p = place_make();
    place_rows(&p, "ticks.csv", 0, 4, 10);
    place_configure(&p,
                    QUIET "[feed.named]\nformat = asx-csv\nsource = @/ticks.csv\nsymbol = BHP\n");
    place_open(&p);
    place_feed(&p);
    place_sink(&p);
    place_expect(&p, BHP_DAYS, "2014-03-10,4,4,10\n");
    place_configure(&p,
                    QUIET "[feed.named]\nformat = asx-csv\nsource = @/ticks.csv\nsymbol = CBA\n");
    role_platform_reload(p.platform, p.config);
    place_pass(&p, 1);
    place_sink(&p);
    place_expect(&p, "SELECT symbol, count(*) FROM trades GROUP BY 1 ORDER BY 1", "BHP,4\nCBA,4\n");
    place_free(&p);
}

/* A reload must not take what the check of k2 up refuses either. */
static void a_simulator_without_a_rate_says_so_and_stops_nothing(void **state) {
    (void)state;
    struct place p = place_make();
    place_rows(&p, "1_BHP.csv", 0, 3, 10);
    place_configure(&p, ASX "[feed.still]\nsource = sim:\nrate = 0\n");
    place_open(&p);
    place_feed(&p);
    assert_int_equal(place_view(&p, "feed.still").state, AGENT_DEGRADED);
    assert_non_null(strstr(place_view(&p, "feed.still").why, "rate is 1 to"));
    assert_int_equal(place_records(&p, "market.ticks.asx"), 3);
    place_free(&p);
}

/* The last line of a file that is still being written may be a half one. */
static void the_last_line_of_a_file_in_a_directory_waits_until_it_is_whole(void **state) {
    (void)state;
    struct place p = place_make();
    make_folder(&p);
    place_text(&p, "in/1_BHP.csv",
               "03/10/2014,10:00:00.000,37.01,1,0,,\n03/10/2014,10:00:00.001,37.0");
    place_configure(&p, FOLDER);
    place_open(&p);
    place_feed(&p);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 1);
    place_text(&p, "in/1_BHP.csv",
               "03/10/2014,10:00:00.000,37.01,1,0,,\n03/10/2014,10:00:00.001,37.02,2,0,,");
    for (int i = 0; i < 3; i++)
        place_pass(&p, 1);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 1);
    for (int i = 0; i < 3; i++)
        place_pass(&p, QUIET_SECONDS); /* however long the writer rests */
    assert_int_equal(place_records(&p, "market.ticks.asx"), 1);
    place_text(&p, "in/1_BHP.csv",
               "03/10/2014,10:00:00.000,37.01,1,0,,\n03/10/2014,10:00:00.001,37.02,2,0,,\n");
    for (int i = 0; i < 3; i++)
        place_pass(&p, 1);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 2);
    place_sink(&p);
    place_expect(&p, "SELECT count(*), count(DISTINCT price) FROM trades", "2,2\n");
    place_expect(&p, "SELECT count(*) FROM quarantine", "0\n");
    place_free(&p);
}

/* A writer was in the middle of "3000" when the file was replaced by the whole one. */
static void half_a_line_of_a_file_that_is_replaced_is_no_event(void **state) {
    (void)state;
    struct place p = place_make();
    place_text(&p, "1_BHP.csv",
               "03/10/2014,10:00:00.000,37.01,1,0,,\n03/10/2014,10:00:00.001,37.02,3");
    place_configure(&p, ASX);
    place_open(&p);
    place_feed(&p);
    place_text(&p, "new",
               "03/10/2014,10:00:00.000,37.01,1,0,,\n03/10/2014,10:00:00.001,37.02,3000,0,,\n");
    char *from = place_path(&p, "new"), *to = place_path(&p, "1_BHP.csv");
    assert_int_equal(rename(from, to), 0);
    for (int i = 0; i < 3; i++)
        place_pass(&p, 1);
    place_sink(&p);
    place_expect(&p, "SELECT max(quantity)::INT, count(*) FROM trades", "3000,2\n");
    place_expect(&p, "SELECT reason, count(*) FROM quarantine GROUP BY 1", "MALFORMED,1\n");
    free(from);
    free(to);
    place_free(&p);
}

static void a_file_that_is_overwritten_with_as_many_bytes_is_read_anew(void **state) {
    (void)state;
    struct place p = place_make();
    place_rows(&p, "1_BHP.csv", 0, 10, 10);
    place_configure(&p, ASX);
    place_open(&p);
    place_feed(&p);
    place_rows(&p, "1_BHP.csv", 0, 10, 11);
    for (int i = 0; i < 3; i++)
        place_pass(&p, 1);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 20);
    place_free(&p);
}

/* To open it would wait for a writer, and every feed with it. */
static void a_pipe_is_no_source_of_a_feed(void **state) {
    (void)state;
    struct place p = place_make();
    char *path = place_path(&p, "1_BHP.csv");
    assert_int_equal(mkfifo(path, 0666), 0);
    place_configure(&p, ASX);
    place_open(&p);
    place_feed(&p);
    assert_int_equal(place_view(&p, "feed.asx").state, AGENT_DEGRADED);
    assert_non_null(strstr(place_view(&p, "feed.asx").why, "no regular file"));
    free(path);
    place_free(&p);
}

static void a_directory_is_read_and_so_is_what_comes_or_changes(void **state) {
    (void)state;
    struct place p = place_make();
    make_folder(&p);
    place_rows(&p, "in/1_BHP.csv", 0, 10, 10);
    place_rows(&p, "in/2_CBA.csv", 0, 20, 10);
    place_text(&p, "in/README", "not a format of ours");
    place_configure(&p, FOLDER);
    place_open(&p);
    place_feed(&p);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 30);
    place_pass(&p, QUIET_SECONDS);
    assert_int_equal(place_records(&p, "k2.sources"), 2); /* hash and size of each file */
    place_rows(&p, "in/3_RIO.csv", 0, 5, 10);
    place_rows(&p, "in/1_BHP.csv", 10, 15, 10);
    for (int i = 0; i < 3; i++)
        place_pass(&p, QUIET_SECONDS);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 40);
    assert_int_equal(place_records(&p, "k2.sources"), 4);
    place_close(&p);
    place_open(&p);
    for (int i = 0; i < 3; i++)
        place_pass(&p, 1);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 40);
    place_sink(&p);
    place_expect(&p, "SELECT symbol, count(*) FROM trades GROUP BY 1 ORDER BY 1",
                 "BHP,15\nCBA,20\nRIO,5\n");
    place_free(&p);
}

static void a_bad_file_does_not_keep_the_others_of_its_directory_from_being_read(void **state) {
    (void)state;
    struct place p = place_make();
    make_folder(&p);
    place_text(&p, "in/1_BHP.csv.gz",
               "\x1f\x8b this is no gzip file at all, whatever its name says");
    place_rows(&p, "in/2_CBA.csv", 0, 20, 10);
    place_configure(&p, FOLDER);
    place_open(&p);
    for (int i = 0; i < 3; i++)
        place_pass(&p, 1);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 20);
    assert_int_equal(place_view(&p, "feed.files").state, AGENT_DEGRADED);
    assert_non_null(strstr(place_view(&p, "feed.files").why, "1_BHP.csv.gz"));
    place_rows(&p, "in/3_RIO.csv", 0, 5, 10);
    for (int i = 0; i < 6; i++)
        place_pass(&p, 1);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 25);
    char *bad = place_path(&p, "in/1_BHP.csv.gz");
    assert_int_equal(unlink(bad), 0);
    for (int i = 0; i < 6; i++)
        place_pass(&p, 1);
    assert_int_equal(place_view(&p, "feed.files").state, AGENT_UP);
    free(bad);
    place_free(&p);
}

/* Its first half can be read: the bad place is met only then. */
static void a_file_that_is_damaged_in_its_middle_is_passed_over_there(void **state) {
    (void)state;
    struct place p = place_make();
    char command[600], *bad = place_path(&p, "in/1_BHP.csv.gz");
    make_folder(&p);
    place_rows(&p, "in/1_BHP.csv", 0, 50000, 10);
    snprintf(command, sizeof command, "gzip -1 '%s/in/1_BHP.csv'", p.root);
    assert_int_equal(system(command), 0);
    FILE *f = fopen(bad, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, 150000, SEEK_SET), 0);
    for (int i = 0; i < 64; i++)
        fputc(0xff, f);
    fclose(f);
    place_rows(&p, "in/2_CBA.csv", 0, 20, 10);
    place_configure(&p, FOLDER);
    place_open(&p);
    for (int i = 0; i < 10; i++)
        place_pass(&p, QUIET_SECONDS);
    assert_int_equal(place_view(&p, "feed.files").state, AGENT_DEGRADED);
    assert_non_null(strstr(place_view(&p, "feed.files").why, "1_BHP.csv.gz"));
    int64_t rows = place_records(&p, "market.ticks.asx");
    assert_in_range(rows, 21, 49999); /* what was whole before it, and the other file */
    for (int i = 0; i < 3; i++)
        place_pass(&p, QUIET_SECONDS);
    assert_int_equal(place_records(&p, "market.ticks.asx"), rows);
    place_sink(&p);
    place_expect(&p, "SELECT count(*) FROM trades WHERE symbol = 'CBA'", "20\n");
    free(bad);
    place_free(&p);
}

/* The first `bytes` bytes of a gzip file of so many rows. */
static void put_packed(struct place *p, const char *name, int rows, long bytes) {
    char command[900];
    place_rows(p, "rows", 0, rows, 10);
    snprintf(command, sizeof command, "cd '%s' && gzip -1 -c rows | head -c %ld >'%s'", p->root,
             bytes, name);
    assert_int_equal(system(command), 0);
}

#define WHOLE 100000000L

/* What is read at once is unpacked in many pieces, also when time passes between them. */
static void a_packed_file_of_a_directory_is_read_to_its_end(void **state) {
    (void)state;
    struct place p = place_make();
    make_folder(&p);
    put_packed(&p, "in/1_BHP.csv.gz", 30000, WHOLE);
    place_configure(&p, FOLDER);
    place_open(&p);
    place_pass(&p, 1);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 30000);
    place_free(&p);
}

static void expect_cut_off_at(struct place *p, const char *feed, long byte) {
    char text[64];
    snprintf(text, sizeof text, "cut off at byte %ld", byte);
    struct agent_view v = place_view(p, feed);
    assert_int_equal(v.state, AGENT_DEGRADED);
    if (!strstr(v.why, text))
        fail_msg("no '%s' in: %s", text, v.why);
}

static void a_packed_file_that_is_cut_off_is_no_whole_file(void **state) {
    (void)state;
    struct place p = place_make();
    make_folder(&p);
    put_packed(&p, "in/1_BHP.csv.gz", 50000, 100000);
    place_rows(&p, "in/2_CBA.csv", 0, 20, 10);
    place_configure(&p, FOLDER);
    place_open(&p);
    place_pass(&p, 1);
    assert_int_equal(place_view(&p, "feed.files").state, AGENT_UP); /* it may still be written */
    for (int i = 0; i < 4; i++)
        place_pass(&p, QUIET_SECONDS);
    expect_cut_off_at(&p, "feed.files", 100000);
    assert_non_null(strstr(place_view(&p, "feed.files").why, "1_BHP.csv.gz"));
    assert_int_equal(place_records(&p, "k2.sources"), 1); /* the other file */
    int64_t rows = place_records(&p, "market.ticks.asx");
    assert_in_range(rows, 1000, 49999);
    for (int i = 0; i < 4; i++)
        place_pass(&p, QUIET_SECONDS);
    assert_int_equal(place_records(&p, "market.ticks.asx"), rows);
    p.now_ns = k2_now_ns() + 100 * K2_NS_PER_SEC; /* the rest arrives */
    put_packed(&p, "in/1_BHP.csv.gz", 50000, WHOLE);
    for (int i = 0; i < 4; i++)
        place_pass(&p, QUIET_SECONDS);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 50020);
    assert_int_equal(place_records(&p, "k2.sources"), 2);
    assert_int_equal(place_view(&p, "feed.files").state, AGENT_UP);
    place_free(&p);
}

static void
a_packed_file_that_is_followed_says_that_it_is_cut_off_until_its_rest_comes(void **state) {
    (void)state;
    static const char config[] = QUIET "[feed.asx]\nformat = asx-csv\nsource = @/1_BHP.csv.gz\n";
    struct place p = place_make();
    static const long cuts[] = {0, 1, 10, 100000};
    place_configure(&p, config);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        put_packed(&p, "1_BHP.csv.gz", 50000, cuts[i]);
        if (i == 0)
            place_open(&p);
        p.now_ns = k2_now_ns();
        for (int k = 0; k < 7; k++) /* longer than a feed that failed rests */
            place_pass(&p, 1);
        assert_int_equal(place_view(&p, "feed.asx").state, AGENT_UP);
        place_pass(&p, 2 * QUIET_SECONDS);
        expect_cut_off_at(&p, "feed.asx", cuts[i]);
    }
    p.now_ns += 60 * K2_NS_PER_SEC;
    place_feed(&p);
    int64_t before = place_records(&p, "market.ticks.asx");
    assert_in_range(before, 1000, 49999);
    put_packed(&p, "1_BHP.csv.gz", 50000, WHOLE);
    place_pass(&p, 60);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 50000);
    assert_int_equal(place_view(&p, "feed.asx").state, AGENT_UP);
    place_free(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_feed_says_what_became_of_its_records),
        cmocka_unit_test(an_empty_file_is_waited_for_without_a_failure),
        cmocka_unit_test(a_feed_is_given_its_symbol_and_date),
        cmocka_unit_test(a_simulator_without_a_rate_says_so_and_stops_nothing),
        cmocka_unit_test(the_last_line_of_a_file_in_a_directory_waits_until_it_is_whole),
        cmocka_unit_test(half_a_line_of_a_file_that_is_replaced_is_no_event),
        cmocka_unit_test(a_file_that_is_overwritten_with_as_many_bytes_is_read_anew),
        cmocka_unit_test(a_pipe_is_no_source_of_a_feed),
        cmocka_unit_test(a_directory_is_read_and_so_is_what_comes_or_changes),
        cmocka_unit_test(a_bad_file_does_not_keep_the_others_of_its_directory_from_being_read),
        cmocka_unit_test(a_file_that_is_damaged_in_its_middle_is_passed_over_there),
        cmocka_unit_test(a_packed_file_of_a_directory_is_read_to_its_end),
        cmocka_unit_test(a_packed_file_that_is_cut_off_is_no_whole_file),
        cmocka_unit_test(
            a_packed_file_that_is_followed_says_that_it_is_cut_off_until_its_rest_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
