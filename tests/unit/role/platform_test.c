/* A platform whose agents the test steps by hand, with a clock of its own. */
#include "place.h"

#include "base/log.h"
#include "crash/disk.h"

#include <errno.h>

#define QUIET "[http]\nenabled = false\n"
#define ASX QUIET "[feed.asx]\nformat = asx-csv\nsource = @/1_BHP.csv\n"
#define BHP_DAYS                                                                                   \
    "SELECT trade_date, count(*), count(DISTINCT message_id), sum(quantity)::BIGINT "              \
    "FROM trades WHERE symbol = 'BHP' GROUP BY 1 ORDER BY 1"

static void a_fresh_directory_answers_before_anything_was_fed(void **state) {
    (void)state;
    struct place p = place_make();
    place_configure(&p, QUIET);
    place_open(&p);
    place_expect(&p, "SELECT count(*) FROM trades", "0\n");
    place_feed(&p);
    assert_int_equal(place_step(&p, PLACE_SINK), AGENT_FOREVER);
    place_step(&p, PLACE_MAINTENANCE);
    assert_int_equal(place_view(&p, "ingest").state, AGENT_UP);
    assert_int_equal(place_view(&p, "sink").state, AGENT_UP);
    assert_int_equal(place_view(&p, "maintenance").state, AGENT_UP);
    place_free(&p);
}

static void only_one_platform_runs_in_a_directory(void **state) {
    (void)state;
    struct place p = place_make();
    struct role_platform *second;
    char pid[32];
    snprintf(pid, sizeof pid, "pid %ld (k2 up)", (long)getpid());
    place_configure(&p, QUIET);
    place_open(&p);
    CHECK_STATUS(role_platform_open(p.data, p.config, &second, &p.err), K2_E_LOCKED);
    assert_non_null(strstr(p.err.msg, pid));
    place_close(&p);
    place_open(&p);
    place_free(&p);
}

static void a_followed_file_is_read_as_it_grows(void **state) {
    (void)state;
    struct place p = place_make();
    place_rows(&p, "1_BHP.csv", 0, 100, 10);
    place_configure(&p, ASX);
    place_open(&p);
    place_feed(&p);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 100);
    place_rows(&p, "1_BHP.csv", 100, 20000, 10); /* more than one piece */
    place_feed(&p);                              /* not yet looked at again */
    assert_int_equal(place_records(&p, "market.ticks.asx"), 100);
    place_pass(&p, 1);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 20000);
    place_sink(&p);
    place_expect(&p, BHP_DAYS, "2014-03-10,20000,20000,200010000\n");
    place_close(&p);
    place_rows(&p, "1_BHP.csv", 20000, 20010, 10); /* while nothing runs */
    place_open(&p);
    place_feed(&p);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 20010);
    place_free(&p);
}

/* Half a line is not read before its end is there. */
static void a_line_that_is_being_written_waits_for_its_end(void **state) {
    (void)state;
    struct place p = place_make();
    place_text(&p, "1_BHP.csv",
               "03/10/2014,10:00:00.000,37.5,100,0,,\n03/10/2014,10:00:00.001,37.");
    place_configure(&p, ASX);
    place_open(&p);
    place_feed(&p);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 1);
    place_text(&p, "1_BHP.csv",
               "03/10/2014,10:00:00.000,37.5,100,0,,\n"
               "03/10/2014,10:00:00.001,37.6,100,0,,\n");
    place_pass(&p, 1);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 2);
    assert_int_equal(place_records(&p, "market.quarantine.asx"), 0);
    place_free(&p);
}

static void a_missing_file_is_waited_for(void **state) {
    (void)state;
    struct place p = place_make();
    place_configure(&p, ASX "[feed.guess]\nsource = @/2_CBA.csv\n");
    place_open(&p);
    for (int i = 0; i < 10; i++)
        place_pass(&p, 1);
    assert_int_equal(place_view(&p, "ingest").state, AGENT_UP); /* it is the feed's trouble alone */
    assert_int_equal(place_view(&p, "feed.guess").state, AGENT_DEGRADED);
    assert_non_null(strstr(place_view(&p, "feed.guess").why, "2_CBA.csv"));
    place_rows(&p, "1_BHP.csv", 0, 10, 10);
    place_rows(&p, "2_CBA.csv", 0, 20, 10);
    for (int i = 0; i < 6; i++) /* the longest pause of a feed is five seconds */
        place_pass(&p, 1);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 30);
    assert_int_equal(place_view(&p, "feed.asx").state, AGENT_UP);
    assert_int_equal(place_view(&p, "feed.guess").state, AGENT_UP);
    place_free(&p);
}

static void a_file_that_another_one_replaced_is_read_to_its_end_and_then_the_other(void **state) {
    (void)state;
    struct place p = place_make();
    char *from = place_path(&p, "next"), *to = place_path(&p, "1_BHP.csv");
    place_rows(&p, "1_BHP.csv", 0, 50, 10);
    place_configure(&p, ASX);
    place_open(&p);
    place_feed(&p);
    place_rows(&p, "1_BHP.csv", 50, 60, 10);
    place_pass(&p, 1);
    place_rows(&p, "next", 0, 70, 11);
    assert_int_equal(rename(from, to), 0);
    for (int i = 0; i < 3; i++)
        place_pass(&p, 1);
    place_rows(&p, "1_BHP.csv", 70, 80, 11);
    place_pass(&p, 1);
    place_sink(&p);
    place_expect(&p, BHP_DAYS, "2014-03-10,60,60,1830\n2014-03-11,80,80,3240\n");
    assert_int_equal(place_records(&p, "market.quarantine.asx"), 0);
    free(from);
    free(to);
    place_free(&p);
}

/* Long and many strings: their ids must stay apart, and be forgotten while both are being read. */
static void feeds_share_the_interner_and_none_sees_the_others_strings(void **state) {
    (void)state;
    struct place p = place_make();
    place_rows(&p, "1_BHP.csv", 0, 30000, 10);
    place_rows(&p, "2_CBA.csv", 0, 30000, 10);
    place_configure(&p,
                    ASX "[feed.cba]\nformat = asx-csv\nsource = @/2_CBA.csv\n"
                        "[feed.sim]\nsource = sim:\nrate = 5000\nsim_symbols = 3\nquotes = true\n");
    place_open(&p);
    for (int i = 0; i < 8; i++)
        place_pass(&p, 1);
    place_rows(&p, "1_BHP.csv", 30000, 30005, 10);
    place_rows(&p, "2_CBA.csv", 30000, 30007, 10);
    place_pass(&p, 1);
    place_sink(&p);
    place_expect(&p,
                 "SELECT exchange, symbol, count(*), count(DISTINCT message_id) FROM trades "
                 "WHERE exchange = 'ASX' GROUP BY ALL ORDER BY 2",
                 "ASX,BHP,30005,30005\nASX,CBA,30007,30007\n");
    place_expect(&p,
                 "SELECT count(DISTINCT symbol), count(*) = count(DISTINCT message_id), "
                 "count(DISTINCT channel) FROM trades WHERE exchange = 'SIM'",
                 "3,true,1\n");
    place_free(&p);
}

static void a_simulated_market_goes_on_as_time_does(void **state) {
    (void)state;
    struct place p = place_make();
    place_configure(&p, QUIET "[feed.sim]\nsource = sim:\nrate = 1000\n");
    place_open(&p);
    place_feed(&p);
    int64_t before = place_records(&p, "market.ticks.sim");
    place_pass(&p, 10);
    int64_t after = place_records(&p, "market.ticks.sim");
    assert_in_range(after - before, 9000, 11000); /* bursts: not to the event */
    place_pass(&p, 0);
    assert_int_equal(place_records(&p, "market.ticks.sim"), after);
    place_close(&p);
    place_open(&p); /* another start is another market: nothing is a duplicate */
    place_pass(&p, 1);
    place_pass(&p, 10);
    assert_in_range(place_records(&p, "market.ticks.sim") - after, 9000, 11000);
    place_free(&p);
}

static void a_clock_that_is_set_back_stops_nothing(void **state) {
    (void)state;
    struct place p = place_make();
    place_rows(&p, "1_BHP.csv", 0, 10, 10);
    place_configure(&p, ASX "[feed.sim]\nsource = sim:\nrate = 100\n");
    place_open(&p);
    p.now_ns += 7200 * K2_NS_PER_SEC;
    place_feed(&p);
    place_sink(&p);
    p.now_ns -= 5 * 3600 * K2_NS_PER_SEC;
    place_rows(&p, "1_BHP.csv", 10, 20, 10);
    place_feed(&p);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 20);
    int64_t sent = place_records(&p, "market.ticks.sim");
    place_pass(&p, 10);
    assert_true(place_records(&p, "market.ticks.sim") > sent + 500);
    place_step(&p, PLACE_SINK);
    place_expect(&p, BHP_DAYS, "2014-03-10,20,20,210\n");
    place_free(&p);
}

/* A machine that slept, a clock that was wrong: a market of those hours would be a flood that nobody asked for. */
static void a_clock_that_is_set_forward_floods_nothing(void **state) {
    (void)state;
    struct place p = place_make();
    place_configure(&p, QUIET "[feed.sim]\nsource = sim:\nrate = 1000\n");
    place_open(&p);
    place_pass(&p, 1);
    place_pass(&p, 5);
    int64_t before = place_records(&p, "market.ticks.sim");
    assert_in_range(before, 4000, 6000);
    place_pass(&p, 86400);
    assert_in_range(place_records(&p, "market.ticks.sim") - before, 0, 100);
    place_pass(&p, 5);
    assert_in_range(place_records(&p, "market.ticks.sim") - before, 4000, 6000);
    place_free(&p);
}

/* --- directories --- */

#define FOLDER QUIET "[feed.files]\nsource = @/in\n"

static void make_folder(struct place *p) {
    char *path = place_path(p, "in");
    assert_int_equal(mkdir(path, 0777), 0);
    free(path);
}

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

/* Longer than a file is taken to be still written after a change. */
enum { QUIET_SECONDS = 15 };

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

/* --- reload --- */

static void a_reload_takes_other_feeds_and_leaves_the_same_alone(void **state) {
    (void)state;
    struct place p = place_make();
    place_rows(&p, "1_BHP.csv", 0, 10, 10);
    place_rows(&p, "2_CBA.csv", 0, 20, 10);
    place_configure(&p, ASX "[feed.sim]\nsource = sim:\nrate = 10\n");
    place_open(&p);
    place_feed(&p);
    int64_t since = place_view(&p, "feed.asx").since_ns;
    place_configure(&p, ASX "[feed.cba]\nformat = asx-csv\nsource = @/2_CBA.csv\n"
                            "[feed.off]\nsource = @/nowhere\nenabled = false\n");
    role_platform_reload(p.platform, p.config);
    place_pass(&p, 1);
    assert_int_equal(place_view(&p, "feed.asx").since_ns, since);
    assert_false(place_has_role(&p, "feed.sim"));
    assert_false(place_has_role(&p, "feed.off"));
    assert_int_equal(place_records(&p, "market.ticks.asx"), 30);
    place_configure(&p, QUIET "[feed.asx]\nformat = asx-csv\nsource = @/2_CBA.csv\n");
    role_platform_reload(p.platform, p.config); /* the same name reads another file */
    place_rows(&p, "1_BHP.csv", 10, 99, 10);
    place_rows(&p, "2_CBA.csv", 20, 22, 10);
    place_pass(&p, 1);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 32);
    place_configure(&p, QUIET);
    role_platform_reload(p.platform, p.config);
    place_pass(&p, 1);
    assert_false(place_has_role(&p, "feed.asx"));
    place_free(&p);
}

static void a_feed_that_is_down_is_tried_again_at_a_reload(void **state) {
    (void)state;
    struct place p = place_make();
    static const char config[] = QUIET "[feed.asx]\nformat = asx-csv\nsource = @/1_BHP.csv.gz\n";
    place_text(&p, "1_BHP.csv.gz", "\x1f\x8b this is no gzip file at all, whatever its name says");
    place_configure(&p, config);
    place_open(&p);
    place_feed(&p);
    assert_int_equal(place_view(&p, "feed.asx").state, AGENT_DOWN);
    char *path = place_path(&p, "1_BHP.csv.gz");
    unlink(path);
    free(path);
    place_pass(&p, 3600);
    assert_int_equal(place_view(&p, "feed.asx").state, AGENT_DOWN);
    role_platform_reload(p.platform, p.config);
    place_feed(&p);
    assert_int_not_equal(place_view(&p, "feed.asx").state, AGENT_DOWN);
    place_free(&p);
}

/* --- what cannot be read --- */

static void refused_rows_alone_reach_their_table(void **state) {
    (void)state;
    struct place p = place_make();
    place_text(&p, "1_BHP.csv", "03/10/2014,10:00:xx.002,37.52,300,0,,\n");
    place_configure(&p, ASX);
    place_open(&p);
    place_step(&p, PLACE_SINK); /* its first look, before anything came */
    place_feed(&p);
    place_sink(&p);
    place_expect(&p, "SELECT count(*) FROM quarantine", "1\n");
    place_free(&p);
}

/* --- a journal that fails --- */

static void fed_through_trouble(struct place *p, struct disk *d) {
    place_pass(p, 1);
    assert_int_equal(place_view(p, "ingest").state, AGENT_DEGRADED);
    place_pass(p, 1); /* it is still so */
    disk_heal(d);
    disk_room(d, -1);
    for (int i = 0; i < 5; i++)
        place_pass(p, 1);
    assert_int_equal(place_view(p, "ingest").state, AGENT_UP);
}

/* Everything reopens; what was believed to be read and was not durable is read again, nothing twice. */
static void through_trouble(enum disk_op op, int error, int64_t room) {
    struct place p = place_make();
    struct disk *d = disk_mount(p.root);
    make_folder(&p);
    place_rows(&p, "1_BHP.csv", 0, 1000, 10);
    place_rows(&p, "in/2_CBA.csv", 0, 10, 10);
    place_configure(&p, ASX "[feed.files]\nsource = @/in\n");
    place_open(&p);
    place_pass(&p, QUIET_SECONDS); /* topics and channels are known from now on */
    place_rows(&p, "1_BHP.csv", 1000, 3000, 10);
    place_rows(&p, "in/2_CBA.csv", 10, 2000, 10);
    p.now_ns += QUIET_SECONDS * K2_NS_PER_SEC; /* read as complete, it is not looked at again */
    if (error)
        disk_fail(d, op, "*.seg", 0, error);
    else
        disk_room(d, room);
    fed_through_trouble(&p, d);
    place_rows(&p, "1_BHP.csv", 3000, 3001, 10);
    place_pass(&p, 1);
    place_sink(&p);
    place_expect(
        &p,
        "SELECT symbol, count(*), count(DISTINCT message_id), sum(quantity)::BIGINT FROM trades "
        "GROUP BY 1 ORDER BY 1",
        "BHP,3001,3001,4504501\nCBA,2000,2000,2001000\n");
    disk_unmount(d);
    place_free(&p);
}

static void a_sync_that_fails_loses_and_doubles_nothing(void **state) {
    (void)state;
    through_trouble(DISK_SYNC, EIO, 0);
}

static void a_write_that_fails_loses_and_doubles_nothing(void **state) {
    (void)state;
    through_trouble(DISK_WRITE, EIO, 0);
}

static void nobody_else_takes_a_journal_that_is_opened_anew(void **state) {
    (void)state;
    struct place p = place_make();
    struct journal *j = NULL;
    place_rows(&p, "1_BHP.csv", 0, 100, 10);
    place_configure(&p, ASX);
    struct disk *d = disk_mount(p.root);
    place_open(&p);
    disk_fail(d, DISK_SYNC, "*.seg", 0, EIO);
    for (int i = 0; i < 20 && place_view(&p, "ingest").failures == 0; i++) {
        p.now_ns += K2_NS_PER_SEC;
        place_step(&p, PLACE_INGEST);
    }
    assert_int_equal(place_view(&p, "ingest").state, AGENT_DEGRADED);
    CHECK_STATUS(journal_open(p.data, JOURNAL_WRITE, NULL, &j, &p.err), K2_E_LOCKED);
    assert_non_null(strstr(p.err.msg, "k2 up"));
    disk_heal(d);
    for (int i = 0; i < 10; i++) {
        p.now_ns += 61 * K2_NS_PER_SEC;
        place_step(&p, PLACE_INGEST);
    }
    assert_int_equal(place_view(&p, "ingest").state, AGENT_UP);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 100);
    place_close(&p);
    CHECK_OK(journal_open(p.data, JOURNAL_WRITE, NULL, &j, &p.err), &p.err);
    journal_close(j);
    disk_unmount(d);
    place_free(&p);
}

static void a_full_disk_loses_and_doubles_nothing(void **state) {
    (void)state;
    through_trouble(DISK_OPS, 0, 1000);
}

static void a_sink_that_fails_catches_up(void **state) {
    (void)state;
    struct place p = place_make();
    struct disk *d = disk_mount(p.root);
    place_rows(&p, "1_BHP.csv", 0, 100, 10);
    place_configure(&p, ASX);
    place_open(&p);
    place_feed(&p);
    disk_fail(d, DISK_SYNC, "*.parquet", 0, EIO);
    p.now_ns += 3600 * K2_NS_PER_SEC;
    assert_int_equal(place_step(&p, PLACE_SINK), K2_NS_PER_SEC);
    assert_int_equal(place_view(&p, "sink").state, AGENT_DEGRADED);
    place_rows(&p, "1_BHP.csv", 100, 150, 10); /* the journal goes on */
    place_pass(&p, 1);
    assert_int_equal(place_records(&p, "market.ticks.asx"), 150);
    disk_heal(d);
    place_sink(&p);
    place_expect(&p, BHP_DAYS, "2014-03-10,150,150,11325\n");
    disk_unmount(d);
    place_free(&p);
}

/* A k2 sink beside it brings the same rows. */
static void a_sink_waits_for_another_one(void **state) {
    (void)state;
    struct place p = place_make();
    struct k2_lock *lock;
    place_rows(&p, "1_BHP.csv", 0, 100, 10);
    place_configure(&p, ASX);
    place_open(&p);
    place_feed(&p);
    char *run = k2_path(p.data, "run"), *path = k2_path(run, "sink.lock");
    CHECK_OK(k2_lock_take(path, "k2 sink", &lock, &p.err), &p.err);
    int64_t rest = place_step(&p, PLACE_SINK);
    assert_true(rest > 0 && rest < K2_NS_PER_SEC);
    assert_int_equal(place_view(&p, "sink").state, AGENT_UP);
    k2_lock_release(lock);
    place_sink(&p);
    place_expect(&p, BHP_DAYS, "2014-03-10,100,100,5050\n");
    free(path);
    free(run);
    place_free(&p);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR, false); /* failures are expected here */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_directory_answers_before_anything_was_fed),
        cmocka_unit_test(only_one_platform_runs_in_a_directory),
        cmocka_unit_test(a_followed_file_is_read_as_it_grows),
        cmocka_unit_test(a_line_that_is_being_written_waits_for_its_end),
        cmocka_unit_test(a_missing_file_is_waited_for),
        cmocka_unit_test(a_feed_says_what_became_of_its_records),
        cmocka_unit_test(an_empty_file_is_waited_for_without_a_failure),
        cmocka_unit_test(a_feed_is_given_its_symbol_and_date),
        cmocka_unit_test(a_simulator_without_a_rate_says_so_and_stops_nothing),
        cmocka_unit_test(a_file_that_another_one_replaced_is_read_to_its_end_and_then_the_other),
        cmocka_unit_test(feeds_share_the_interner_and_none_sees_the_others_strings),
        cmocka_unit_test(a_simulated_market_goes_on_as_time_does),
        cmocka_unit_test(a_clock_that_is_set_back_stops_nothing),
        cmocka_unit_test(a_clock_that_is_set_forward_floods_nothing),
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
        cmocka_unit_test(a_reload_takes_other_feeds_and_leaves_the_same_alone),
        cmocka_unit_test(a_feed_that_is_down_is_tried_again_at_a_reload),
        cmocka_unit_test(refused_rows_alone_reach_their_table),
        cmocka_unit_test(a_sync_that_fails_loses_and_doubles_nothing),
        cmocka_unit_test(a_write_that_fails_loses_and_doubles_nothing),
        cmocka_unit_test(nobody_else_takes_a_journal_that_is_opened_anew),
        cmocka_unit_test(a_full_disk_loses_and_doubles_nothing),
        cmocka_unit_test(a_sink_that_fails_catches_up),
        cmocka_unit_test(a_sink_waits_for_another_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
