/* Channels whose numbers count the messages of all kinds, through the journal and back. */
#include "journal/journal.h"

#include "k2test.h"

static const enum k2_kind_id kinds[] = {K2_KIND_TRADE, K2_KIND_QUOTE, K2_KIND_BOOK_EVENT,
                                        K2_KIND_MESSAGE};
enum { KINDS = 4, SYMBOLS = 7, DAY = 20000 };

struct venue {
    char *dir;
    struct journal *journal;
    struct ingest *ingest;
};

static void start(struct venue *v) {
    struct k2_err err;
    const struct journal_options o = {.segment_bytes = 200000};
    CHECK_OK(journal_open(v->dir, JOURNAL_WRITE, &o, &v->journal, &err), &err);
    CHECK_OK(ingest_open(v->journal, NULL, &v->ingest, &err), &err);
}

/* As a kill would: what is not durable is gone, and no checkpoint is written. */
static void stop(struct venue *v) {
    ingest_close(v->ingest);
    journal_close(v->journal);
}

static void set_flags(struct k2_event *e, int32_t flags) {
    switch (e->kind) {
    case K2_KIND_TRADE:
        e->trade.flags = flags;
        break;
    case K2_KIND_QUOTE:
        e->quote.flags = flags;
        break;
    case K2_KIND_BOOK_EVENT:
        e->book_event.flags = flags;
        break;
    default:
        e->message.flags = flags;
    }
}

/* Message n of a unit: its kind and symbol follow from its number. */
static struct k2_event message(struct venue *v, int32_t date, int64_t n, int32_t part) {
    struct k2_event e;
    struct k2_interner *in = ingest_interner(v->ingest);
    char symbol[8];
    k2_event_blank(&e, kinds[(n + part) % KINDS]);
    snprintf(symbol, sizeof symbol, "S%d", (int)(n % SYMBOLS));
    e.head.exchange = k2_intern(in, K2_SV("UNIT"));
    e.head.symbol = k2_intern(in, k2_sv_of(symbol));
    e.head.channel = k2_intern(in, K2_SV("1"));
    e.head.trade_date = date;
    e.head.exchange_sequence_number = n;
    e.head.part = part;
    if (e.kind == K2_KIND_BOOK_EVENT)
        e.book_event.action = k2_intern(in, K2_SV("ADD"));
    if (e.kind == K2_KIND_MESSAGE)
        e.message.message_type = k2_intern(in, K2_SV("x"));
    set_flags(&e, K2_FLAG_SHARED);
    return e;
}

static void give(struct venue *v, int32_t date, int64_t n, int32_t part) {
    struct k2_err err;
    struct k2_event e = message(v, date, n, part);
    CHECK_OK(ingest_event(v->ingest, &e, &err), &err);
}

static void give_all(struct venue *v, int32_t date, int64_t from, int64_t to) {
    for (int64_t n = from; n <= to; n++)
        for (int32_t part = 0; part <= (n % 5 == 0); part++)
            give(v, date, n, part);
}

static struct ingest_stats flushed(struct venue *v) {
    struct k2_err err;
    CHECK_OK(ingest_flush(v->ingest, &err), &err);
    return ingest_stats(v->ingest);
}

static void numbers_of_all_kinds_leave_no_gap_and_are_known_again(void **state) {
    (void)state;
    struct venue v = {.dir = k2test_dir()};
    start(&v);
    give_all(&v, DAY, 1, 20000);
    struct ingest_stats s = flushed(&v);
    assert_int_equal(s.accepted, 24000);
    assert_int_equal(s.gaps, 0);
    stop(&v);
    start(&v); /* read again: from memory nothing is known, from the log everything */
    give_all(&v, DAY, 1, 20001);
    s = flushed(&v);
    assert_int_equal(s.duplicates, 24000);
    assert_int_equal(s.accepted, 1);
    assert_int_equal(s.gaps + s.conflicts, 0);
    stop(&v);
    k2test_rmdir(v.dir);
}

static void a_number_that_another_kind_used_is_a_conflict(void **state) {
    (void)state;
    struct venue v = {.dir = k2test_dir()};
    struct k2_err err;
    start(&v);
    give_all(&v, DAY, 1, 9);
    flushed(&v);
    stop(&v);
    start(&v);
    struct k2_event e = message(&v, DAY, 7, 0);
    e.kind = K2_KIND_TRADE; /* it was a message */
    struct k2_event as_trade;
    k2_event_blank(&as_trade, K2_KIND_TRADE);
    as_trade.head = e.head;
    as_trade.trade.flags = K2_FLAG_SHARED;
    CHECK_OK(ingest_event(v.ingest, &as_trade, &err), &err);
    as_trade.trade.flags = 0; /* a number of trades alone is another one */
    CHECK_OK(ingest_event(v.ingest, &as_trade, &err), &err);
    struct ingest_stats s = flushed(&v);
    assert_int_equal(s.conflicts, 1);
    assert_int_equal(s.accepted, 1);
    stop(&v);
    k2test_rmdir(v.dir);
}

static void holes_survive_a_kill_and_are_filled_by_any_kind(void **state) {
    (void)state;
    struct venue v = {.dir = k2test_dir()};
    struct k2_err err;
    start(&v);
    give_all(&v, DAY, 1, 100);
    give_all(&v, DAY, 105, 9000);
    CHECK_OK(ingest_judge(v.ingest, &err), &err);
    CHECK_OK(journal_commit(v.journal, &err), &err);
    stop(&v); /* no checkpoint: replayed from the log, where kinds and partitions lie apart */
    start(&v);
    assert_int_equal(seq_engine_stats(ingest_sequence(v.ingest)).missing, 4);
    assert_int_equal(
        seq_engine_high(ingest_sequence(v.ingest), K2_SV("UNIT"), DAY, K2_SV("1"), SEQ_SHARED),
        9000);
    give_all(&v, DAY, 101, 104);
    struct ingest_stats s = flushed(&v);
    assert_int_equal(s.accepted, 4);
    assert_int_equal(s.out_of_order, 4);
    assert_int_equal(seq_engine_stats(ingest_sequence(v.ingest)).missing, 0);
    stop(&v);
    k2test_rmdir(v.dir);
}

static void a_date_that_the_checkpoint_left_out_is_known_over_all_kinds(void **state) {
    (void)state;
    struct venue v = {.dir = k2test_dir()};
    start(&v);
    for (int32_t day = 0; day < 12; day++)
        give_all(&v, DAY + day, 1, 3000);
    flushed(&v);
    stop(&v);
    start(&v);
    give_all(&v, DAY, 1, 3000);
    give_all(&v, DAY, 3003, 3003);
    struct ingest_stats s = flushed(&v);
    assert_int_equal(s.duplicates, 3600);
    assert_int_equal(s.accepted, 1);
    assert_int_equal(s.missing, 2);
    stop(&v);
    k2test_rmdir(v.dir);
}

/* What cannot be stored uses up its number, of whatever epoch, also when it comes from the log again. */
static void a_refused_record_uses_up_its_shared_number(void **state) {
    (void)state;
    struct venue v = {.dir = k2test_dir()};
    struct k2_err err;
    start(&v);
    for (int64_t n = 1; n <= 9; n++) {
        struct k2_event e = message(&v, DAY, n, 0);
        e.head.epoch = 3;
        if (e.kind == K2_KIND_TRADE)
            e.trade.price = k2_pow10(30);
        CHECK_OK(ingest_event(v.ingest, &e, &err), &err);
    }
    CHECK_OK(ingest_judge(v.ingest, &err), &err);
    assert_int_equal(ingest_stats(v.ingest).quarantined, 2);
    CHECK_OK(journal_commit(v.journal, &err), &err);
    stop(&v);
    start(&v);
    assert_int_equal(seq_engine_stats(ingest_sequence(v.ingest)).gaps_open, 0);
    stop(&v);
    k2test_rmdir(v.dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_all_kinds_leave_no_gap_and_are_known_again),
        cmocka_unit_test(a_number_that_another_kind_used_is_a_conflict),
        cmocka_unit_test(holes_survive_a_kill_and_are_filled_by_any_kind),
        cmocka_unit_test(a_date_that_the_checkpoint_left_out_is_known_over_all_kinds),
        cmocka_unit_test(a_refused_record_uses_up_its_shared_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
