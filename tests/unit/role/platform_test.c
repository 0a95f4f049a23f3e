/* A platform whose agents the test steps by hand, with a clock of its own. */
#include "platform_helper.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_directory_answers_before_anything_was_fed),
        cmocka_unit_test(only_one_platform_runs_in_a_directory),
        cmocka_unit_test(a_followed_file_is_read_as_it_grows),
        cmocka_unit_test(a_line_that_is_being_written_waits_for_its_end),
        cmocka_unit_test(a_missing_file_is_waited_for),
        cmocka_unit_test(a_file_that_another_one_replaced_is_read_to_its_end_and_then_the_other),
        cmocka_unit_test(feeds_share_the_interner_and_none_sees_the_others_strings),
        cmocka_unit_test(a_simulated_market_goes_on_as_time_does),
        cmocka_unit_test(a_clock_that_is_set_back_stops_nothing),
        cmocka_unit_test(a_clock_that_is_set_forward_floods_nothing),
        cmocka_unit_test(a_reload_takes_other_feeds_and_leaves_the_same_alone),
        cmocka_unit_test(a_feed_that_is_down_is_tried_again_at_a_reload),
        cmocka_unit_test(refused_rows_alone_reach_their_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
