/* What the sequence engine is told of numbers that it forgot, or of channels that it never saw. */
#include "journal/journal.h"

#include "k2test.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_before_the_first_record_of_an_exchange_spoils_none_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
