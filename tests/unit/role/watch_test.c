#include "role/watch.h"

#include "k2test.h"

#define MONDAY 20773                                       /* 2026-11-16 */
#define OPEN ((MONDAY)*K2_NS_PER_DAY - K2_NS_PER_DAY / 24) /* 10:00 in Sydney, summer time */
#define MINUTE (60 * K2_NS_PER_SEC)

struct place {
    char *dir;
    struct journal *j;
    struct ingest *g;
    struct watch *w;
    struct intake_plan plan;
    int64_t sequence;
};

static void open_place(struct place *p, int64_t now_ns) {
    struct k2_err err;
    CHECK_OK(journal_open(p->dir, JOURNAL_WRITE, NULL, &p->j, &err), &err);
    CHECK_OK(ingest_open(p->j, NULL, &p->g, &err), &err);
    p->w = watch_new(&p->plan, now_ns);
}

static void make_place(struct place *p, char *silence, int64_t now_ns) {
    *p = (struct place){.dir = k2test_dir()};
    p->plan = (struct intake_plan){.name = (char *)(uintptr_t) "asx",
                                   .source = (char *)(uintptr_t) "/data/asx",
                                   .exchange = (char *)(uintptr_t) "ASX",
                                   .calendar = (char *)(uintptr_t) "",
                                   .silence = silence,
                                   .sessions = true};
    open_place(p, now_ns);
}

static void leave(struct place *p) {
    struct k2_err err;
    CHECK_OK(ingest_commit(p->g, &err), &err);
    watch_free(p->w);
    ingest_close(p->g);
    journal_close(p->j);
}

static void free_place(struct place *p) {
    leave(p);
    k2test_rmdir(p->dir);
}

static void trade(struct place *p, int32_t date) {
    struct k2_event e;
    struct k2_err err;
    struct k2_interner *in = ingest_interner(p->g);
    k2_event_blank(&e, K2_KIND_TRADE);
    e.trade.exchange = k2_intern(in, K2_SV("ASX"));
    e.trade.symbol = e.trade.channel = k2_intern(in, K2_SV("BHP"));
    e.trade.trade_date = date;
    e.trade.exchange_timestamp_ns = date * K2_NS_PER_DAY;
    e.trade.exchange_sequence_number = ++p->sequence;
    CHECK_OK(ingest_event(p->g, &e, &err), &err);
    CHECK_OK(ingest_judge(p->g, &err), &err);
}

static void step(struct place *p, bool came, int64_t now_ns) {
    struct k2_err err;
    CHECK_OK(watch_step(p->w, p->g, came, now_ns, &err), &err);
}

static bool is_out(const struct place *p, enum seq_cause cause, int32_t date) {
    const struct ingest_outage o = {
        .cause = cause, .exchange = K2_SV("ASX"), .feed = K2_SV("asx"), .date = date};
    return ingest_is_out(p->g, &o);
}

static void silence_counts_from_the_opening_and_ends_with_the_next_record(void **state) {
    (void)state;
    struct place p;
    char five[] = "5m";
    make_place(&p, five, OPEN - 10 * MINUTE);
    step(&p, false, OPEN - 1);
    step(&p, false, OPEN + 4 * MINUTE);
    assert_false(is_out(&p, SEQ_SILENCE, 0));
    step(&p, false, OPEN + 5 * MINUTE);
    assert_true(is_out(&p, SEQ_SILENCE, 0));
    step(&p, false, OPEN + 6 * MINUTE);
    assert_int_equal(ingest_stats(p.g).ledger, 1);
    leave(&p); /* a restart forgets it not, and the first record ends it */
    open_place(&p, OPEN + 7 * MINUTE);
    assert_true(is_out(&p, SEQ_SILENCE, 0));
    step(&p, true, OPEN + 8 * MINUTE);
    assert_false(is_out(&p, SEQ_SILENCE, 0));
    step(&p, false, OPEN + 12 * MINUTE);
    assert_false(is_out(&p, SEQ_SILENCE, 0));
    free_place(&p);
}

static void nobody_waits_for_data_by_night_or_without_the_rule(void **state) {
    (void)state;
    struct place p;
    char five[] = "5m", none[] = "";
    make_place(&p, five, OPEN);
    step(&p, true, OPEN + 1);
    step(&p, false, OPEN + 10 * 60 * MINUTE); /* 20:00 */
    assert_false(is_out(&p, SEQ_SILENCE, 0));
    step(&p, false, OPEN + 5 * 24 * 60 * MINUTE); /* Saturday */
    assert_false(is_out(&p, SEQ_SILENCE, 0));
    free_place(&p);
    make_place(&p, none, OPEN);
    step(&p, false, OPEN + 4 * 60 * MINUTE);
    assert_false(is_out(&p, SEQ_SILENCE, 0));
    free_place(&p);
}

static void a_session_without_data_is_an_entry_until_its_data_come(void **state) {
    (void)state;
    struct place p;
    char none[] = "";
    int64_t friday = OPEN + 4 * K2_NS_PER_DAY + 30 * MINUTE;
    make_place(&p, none, friday);
    trade(&p, MONDAY);
    trade(&p, MONDAY + 2);
    step(&p, true, friday);
    assert_false(is_out(&p, SEQ_SESSION, MONDAY));
    assert_true(is_out(&p, SEQ_SESSION, MONDAY + 1));
    assert_false(is_out(&p, SEQ_SESSION, MONDAY + 2));
    assert_true(is_out(&p, SEQ_SESSION, MONDAY + 3));
    assert_false(is_out(&p, SEQ_SESSION, MONDAY + 4)); /* today */
    assert_int_equal(ingest_stats(p.g).ledger, 2);     /* nothing before the first, no week-end */
    leave(&p);
    open_place(&p, friday + MINUTE);
    step(&p, false, friday + MINUTE);
    assert_int_equal(ingest_stats(p.g).ledger, 0);
    trade(&p, MONDAY + 1);
    step(&p, true, friday + 3 * MINUTE);
    assert_false(is_out(&p, SEQ_SESSION, MONDAY + 1));
    assert_true(is_out(&p, SEQ_SESSION, MONDAY + 3));
    free_place(&p);
}

static void old_files_make_no_entries(void **state) {
    (void)state;
    struct place p;
    char none[] = "";
    make_place(&p, none, OPEN);
    trade(&p, MONDAY - 1000);
    trade(&p, MONDAY - 990);
    step(&p, true, OPEN + MINUTE);
    assert_int_equal(ingest_stats(p.g).ledger, 0);
    free_place(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_counts_from_the_opening_and_ends_with_the_next_record),
        cmocka_unit_test(nobody_waits_for_data_by_night_or_without_the_rule),
        cmocka_unit_test(a_session_without_data_is_an_entry_until_its_data_come),
        cmocka_unit_test(old_files_make_no_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
