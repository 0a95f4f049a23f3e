/* A platform whose agents the test steps by hand, with a clock of its own. Here: a disk, a journal
 * or a sink that fails. */
#include "platform_helper.h"

#include "crash/disk.h"

#include <errno.h>

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
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sync_that_fails_loses_and_doubles_nothing),
        cmocka_unit_test(a_write_that_fails_loses_and_doubles_nothing),
        cmocka_unit_test(nobody_else_takes_a_journal_that_is_opened_anew),
        cmocka_unit_test(a_full_disk_loses_and_doubles_nothing),
        cmocka_unit_test(a_sink_that_fails_catches_up),
        cmocka_unit_test(a_sink_waits_for_another_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
