/* What the sequence engine is told of numbers that it forgot, or of channels that it never saw. */
#include "journal/journal.h"

#include "k2test.h"

#include <time.h>

/* Tables that hold nothing: with an archive the engine asks about every channel that it does not know. */
static K2_RC load_nothing(void *ctx, struct k2_sv exchange, int32_t trade_date,
                          struct k2_sv channel, enum k2_kind_id kind, int64_t lo, int64_t hi,
                          void (*put)(void *put_ctx, const struct seq_known *known), void *put_ctx,
                          struct k2_err *err) {
    (void)exchange, (void)trade_date, (void)channel, (void)kind, (void)lo, (void)hi;
    (void)put, (void)put_ctx, (void)err;
    ++*(int *)ctx;
    return K2_OK;
}

static void give(struct ingest *g, const char *channel, int64_t sequence, struct k2_err *err) {
    struct k2_interner *in = ingest_interner(g);
    struct k2_event e = {.kind = K2_KIND_TRADE};
    e.trade.exchange = k2_intern(in, K2_SV("SIM"));
    e.trade.symbol = k2_intern(in, K2_SV("AAPL"));
    e.trade.channel = k2_intern(in, k2_sv_of(channel));
    e.trade.instrument_id = e.trade.receive_timestamp_ns = e.trade.raw_offset = K2_NULL_LONG;
    e.trade.exchange_sequence_number = sequence;
    CHECK_OK(ingest_event(g, &e, err), err);
    CHECK_OK(ingest_judge(g, err), err);
}

/* It remembered the question with an answer that was none, and then went on from that. */
static void a_question_before_the_first_record_of_an_exchange_spoils_none_after_it(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_err err = {0};
    struct journal *j;
    struct ingest *g;
    int asked = 0;
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), &err);
    struct ingest_options o = {.archive = {.ctx = &asked, .load = load_nothing}};
    CHECK_OK(ingest_open(j, &o, &g, &err), &err);
    give(g, "a", 1, &err); /* asked when the topic does not exist */
    give(g, "b", 1, &err); /* asked when it does */
    give(g, "c", 5, &err);
    give(g, "a", 1, &err);
    assert_true(asked >= 3);
    struct ingest_stats s = ingest_stats(g);
    assert_int_equal(s.accepted, 3);
    assert_int_equal(s.duplicates, 1);
    ingest_close(g);
    journal_close(j);
    k2test_rmdir(dir);
}

/* --- many session dates --- */

#define FIRST 12000

static void give_bar(struct ingest *g, const char *channel, int32_t date, int64_t sequence,
                     struct k2_err *err) {
    struct k2_interner *in = ingest_interner(g);
    struct k2_event e;
    k2_event_blank(&e, K2_KIND_BAR);
    e.head.exchange = k2_intern(in, K2_SV("SIM"));
    e.head.symbol = e.head.channel = k2_intern(in, k2_sv_of(channel));
    e.head.trade_date = date;
    e.head.exchange_sequence_number = sequence;
    CHECK_OK(ingest_event(g, &e, err), err);
}

/* A file: a bar of each date from FIRST on, `step` dates at a time (below 0: backwards). */
static struct ingest_stats read_dates(const char *dir, const char *channel, int dates, int step) {
    struct k2_err err = {0};
    struct journal *j;
    struct ingest *g;
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), &err);
    CHECK_OK(ingest_open(j, &(struct ingest_options){0}, &g, &err), &err);
    for (int i = 0; i < dates; i++) {
        int32_t day = step > 0 ? i * step : (dates - 1 - i) * -step;
        give_bar(g, channel, FIRST + day, 1, &err);
    }
    CHECK_OK(ingest_judge(g, &err), &err);
    struct ingest_stats s = ingest_stats(g);
    CHECK_OK(ingest_flush(g, &err), &err);
    ingest_close(g);
    journal_close(j);
    return s;
}

static void dates_that_come_again_are_recognised_in_whatever_order(void **state) {
    (void)state;
    char *dir = k2test_dir();
    assert_int_equal(read_dates(dir, "a", 600, 1).accepted, 600);
    assert_int_equal(read_dates(dir, "b", 600, 1).accepted, 600);
    static const int steps[] = {1, -1, 7, -3};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int n = 600 / abs(steps[i]);
        assert_int_equal(read_dates(dir, "a", n, steps[i]).duplicates, n);
    }
    struct ingest_stats s = read_dates(dir, "b", 700, 1);
    assert_int_equal(s.duplicates, 600);
    assert_int_equal(s.accepted, 100);
    k2test_rmdir(dir);
}

/* CPU time of reading so many dates a second time. */
static double again(int dates) {
    char *dir = k2test_dir();
    assert_int_equal(read_dates(dir, "a", dates, 1).accepted, dates);
    clock_t start = clock();
    assert_int_equal(read_dates(dir, "a", dates, 1).duplicates, dates);
    double took = (double)(clock() - start);
    k2test_rmdir(dir);
    return took;
}

/* The log was read once for each date: ten times the dates cost a hundred times as much. */
static void the_cost_of_many_dates_grows_with_their_number_only(void **state) {
    (void)state;
    double few = again(400), many = again(4000);
    assert_true(many < 30 * few);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_before_the_first_record_of_an_exchange_spoils_none_after_it),
        cmocka_unit_test(dates_that_come_again_are_recognised_in_whatever_order),
        cmocka_unit_test(the_cost_of_many_dates_grows_with_their_number_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
