/* Health and coverage of a small data directory that the test knows. */
#include "world.h"

#include "base/fs.h"

static struct world w;
static struct k2_err err;

/* ASX trades on three weekdays: Monday, Wednesday, and the Monday after. The last is not in the table. */
static int set_up(void **state) {
    static const char *const dates[] = {"2014-03-10", "2014-03-12", "2014-03-17"};
    (void)state;
    world_open(&w);
    for (int i = 0; i < 3; i++) {
        struct k2_event e = world_trade(&w, "ASX", "BHP", world_time(dates[i]), 1, 1);
        world_append(&w, &e);
        world_commit(&w);
        if (i == 1)
            world_sink(&w);
    }
    world_engine(&w);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    world_close(&w);
    return 0;
}

static void look(const char *data, int64_t max_lag_ns, int64_t min_free, struct health *h) {
    const struct health_limits limits = {max_lag_ns, min_free, world_clock_ns};
    *h = (struct health){0};
    health_look(data, &limits, h);
}

static const struct health_row *row_of(const struct health *h, enum health_part part,
                                       const char *name) {
    for (int i = 0; i < h->n; i++) {
        if (h->rows[i].part == part && strcmp(h->rows[i].name, name) == 0)
            return &h->rows[i];
    }
    fail_msg("no row %s %s", health_part_word(part), name);
    return NULL;
}

static void a_look_counts_what_is_there(void **state) {
    (void)state;
    struct health h;
    look(w.dir, 300 * K2_NS_PER_SEC, 0, &h);
    const struct health_row *topic = row_of(&h, HEALTH_TOPIC, "market.ticks.asx");
    const struct health_row *trades = row_of(&h, HEALTH_TABLE, "trades");
    assert_int_equal(topic->records, 3);
    assert_int_equal(topic->last_ns, world_clock_ns - K2_NS_PER_SEC); /* of the last commit */
    assert_int_equal(trades->records, 2);
    assert_int_equal(trades->lag, 1);
    assert_int_equal(trades->lag_ns, K2_NS_PER_SEC);
    assert_int_equal(row_of(&h, HEALTH_TABLE, "quotes")->lag, 0);
    assert_int_equal(row_of(&h, HEALTH_GROUP, "sink")->lag, 1);
    assert_true(row_of(&h, HEALTH_JOURNAL, "journal")->bytes > 0);
    assert_true(row_of(&h, HEALTH_DISK, w.dir)->bytes > 0);
    assert_null(health_weigh(&h));
    assert_int_equal(h.level, HEALTH_GOOD);
    health_free(&h);
}

static void a_table_behind_its_limit_is_degraded(void **state) {
    (void)state;
    struct health h;
    look(w.dir, K2_NS_PER_SEC, 0, &h); /* exactly at the limit is not beyond it */
    assert_null(health_weigh(&h));
    health_free(&h);
    look(w.dir, K2_NS_PER_SEC - 1, 0, &h);
    const struct health_row *why = health_weigh(&h);
    assert_non_null(why);
    assert_string_equal(why->name, "trades");
    assert_int_equal(h.level, HEALTH_DEGRADED);
    health_free(&h);
}

static void a_disk_below_its_limit_is_degraded(void **state) {
    (void)state;
    struct health h;
    look(w.dir, INT64_MAX, 101, &h); /* no disk has that much free */
    const struct health_row *why = health_weigh(&h);
    assert_non_null(why);
    assert_int_equal(why->part, HEALTH_DISK);
    assert_int_equal(h.level, HEALTH_DEGRADED);
    health_free(&h);
}

static void a_directory_without_a_journal_is_down(void **state) {
    (void)state;
    struct health h;
    char *empty = k2test_dir();
    look(empty, INT64_MAX, 0, &h);
    const struct health_row *why = health_weigh(&h);
    assert_non_null(why);
    assert_int_equal(why->part, HEALTH_JOURNAL);
    assert_int_equal(h.level, HEALTH_DOWN);
    health_free(&h);
    k2test_rmdir(empty);
}

static void a_callers_row_takes_part_in_the_level(void **state) {
    (void)state;
    struct health h = {0};
    health_add(&h, HEALTH_PROCESS, "feed")->level = HEALTH_DOWN;
    assert_string_equal(health_weigh(&h)->name, "feed");
    assert_int_equal(h.level, HEALTH_DOWN);
    assert_int_equal(h.rows[0].lag, HEALTH_NONE);
    health_free(&h);
}

/* --- what health is made of --- */

static void groups_are_listed_and_what_was_never_renamed_is_none(void **state) {
    (void)state;
    char **names, path[4200];
    size_t n;
    snprintf(path, sizeof path, "%s/journal/positions/left.tmp", w.dir);
    CHECK_OK(k2_fs_replace(path, K2_SV("x"), &err), &err);
    CHECK_OK(journal_groups(w.journal, &names, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_string_equal(names[0], "sink");
    assert_true(journal_group_saved_ns(w.journal, "sink") > 0);
    assert_int_equal(journal_group_saved_ns(w.journal, "nobody"), -1);
    k2_fs_names_free(names, n);
}

static void sizes_of_all_topics_add_up_to_the_log(void **state) {
    (void)state;
    struct journal_segment_info segment;
    int64_t bytes = 0, all = 0;
    for (int i = 0; i < journal_segment_count(w.journal); i++) {
        CHECK_OK(journal_segment(w.journal, i, &segment, &err), &err);
        all += segment.bytes;
    }
    for (int32_t t = 0; t < journal_topic_count(w.journal); t++) {
        struct journal_size sizes[3] = {{.bytes = -1}};
        assert_int_equal(journal_topic_at(w.journal, t).partitions, 3);
        CHECK_OK(journal_sizes(w.journal, t, sizes, &err), &err);
        for (int p = 0; p < 3; p++)
            bytes += sizes[p].bytes;
    }
    assert_int_equal(bytes, all);
    struct journal_size none[3];
    CHECK_STATUS(journal_sizes(w.journal, 99, none, &err), K2_E_NOTFOUND);
}

static void sizes_tell_the_first_and_last_append(void **state) {
    (void)state;
    struct journal_topic t;
    struct journal_size sizes[3];
    CHECK_OK(journal_topic(w.journal, K2_SV("market.ticks.asx"), false, &t, &err), &err);
    CHECK_OK(journal_sizes(w.journal, t.id, sizes, &err), &err);
    for (int p = 0; p < 3; p++) {
        if (sizes[p].segments == 0)
            continue; /* one key: all records are in one partition */
        assert_int_equal(sizes[p].first_append_ns, world_clock_ns - 3 * K2_NS_PER_SEC);
        assert_int_equal(sizes[p].last_append_ns, world_clock_ns - K2_NS_PER_SEC);
    }
}

/* --- coverage --- */

static void sessions_without_rows_are_missing_by_the_calendar(void **state) {
    (void)state;
    struct coverage_report r;
    struct coverage_request request = {.from_ns = INT64_MIN, .to_ns = INT64_MAX};
    world_sink(&w); /* the third day too */
    CHECK_OK(coverage_run(w.engine, w.journal, &request, &r, &err), &err);
    assert_int_equal(r.line_count, 1);
    assert_string_equal(r.lines[0].symbol, "BHP");
    assert_int_equal(r.lines[0].rows, 3);
    assert_int_equal(r.lines[0].first_ns, world_time("2014-03-10"));
    assert_int_equal(r.lines[0].last_ns, world_time("2014-03-17"));
    assert_int_equal(r.lines[0].session_count, 3);
    assert_int_equal(r.lines[0].lacking_count, 3); /* Tuesday, Thursday, Friday; no weekend */
    assert_int_equal(r.lines[0].lacking[0], k2_days_from_civil(2014, 3, 11));
    assert_int_equal(r.lines[0].lacking[1], k2_days_from_civil(2014, 3, 13));
    assert_int_equal(r.lines[0].lacking[2], k2_days_from_civil(2014, 3, 14));
    coverage_free(&r);
}

static void coverage_keeps_to_its_times_and_symbols(void **state) {
    (void)state;
    struct coverage_report r;
    struct coverage_request request = {.from_ns = world_time("2014-03-11"),
                                       .to_ns = world_time("2014-03-17")};
    CHECK_OK(coverage_run(w.engine, NULL, &request, &r, &err), &err);
    assert_int_equal(r.lines[0].rows, 1);
    assert_int_equal(r.lines[0].lacking_count, 0);
    coverage_free(&r);
    request.exchange = K2_SV("MOEX");
    CHECK_OK(coverage_run(w.engine, NULL, &request, &r, &err), &err);
    assert_int_equal(r.line_count, 0);
    coverage_free(&r);
}

/* Records never go back in time, so what came while a clock was ahead holds all that follows up there. */
static void records_of_a_time_to_come_are_a_finding(void **state) {
    (void)state;
    struct health h;
    int64_t clock = world_clock_ns, last = 0;
    CHECK_OK(query_last_append(w.dir, &last, &err), &err);
    assert_int_equal(last, clock - K2_NS_PER_SEC);
    for (int ahead = 0; ahead < 2; ahead++) {
        world_clock_ns = last - ahead * 3600 * K2_NS_PER_SEC;
        look(w.dir, INT64_MAX, 0, &h);
        const struct health_row *journal = row_of(&h, HEALTH_JOURNAL, "journal");
        assert_int_equal(journal->level, ahead ? HEALTH_DEGRADED : HEALTH_GOOD);
        assert_int_equal(strstr(journal->detail, "still to come") != NULL, ahead);
        health_free(&h);
    }
    world_clock_ns = clock;
    CHECK_OK(query_last_append("/nowhere", &last, &err), &err);
    assert_int_equal(last, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_counts_what_is_there),
        cmocka_unit_test(a_table_behind_its_limit_is_degraded),
        cmocka_unit_test(records_of_a_time_to_come_are_a_finding),
        cmocka_unit_test(a_disk_below_its_limit_is_degraded),
        cmocka_unit_test(a_directory_without_a_journal_is_down),
        cmocka_unit_test(a_callers_row_takes_part_in_the_level),
        cmocka_unit_test(groups_are_listed_and_what_was_never_renamed_is_none),
        cmocka_unit_test(sizes_of_all_topics_add_up_to_the_log),
        cmocka_unit_test(sizes_tell_the_first_and_last_append),
        cmocka_unit_test(sessions_without_rows_are_missing_by_the_calendar),
        cmocka_unit_test(coverage_keeps_to_its_times_and_symbols),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
