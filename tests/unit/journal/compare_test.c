/* What is decoded once more against what is known: by identity, per channel and epoch, and on channels that all kinds
 * share without the kind. */
#include "journal/history.h"

#include "k2test.h"

enum { DAY = 20000 };

struct place {
    char *dir;
    struct journal *journal;
    struct ingest *ingest;
    struct compare *compare;
    int64_t counts[COMPARE_CHANGES], repeated;
    struct compare_row last[COMPARE_CHANGES];
};

static struct place open_place(void) {
    struct k2_err err;
    struct place p = {.dir = k2test_dir()};
    CHECK_OK(journal_open(p.dir, JOURNAL_WRITE, NULL, &p.journal, &err), &err);
    CHECK_OK(ingest_open(p.journal, NULL, &p.ingest, &err), &err);
    return p;
}

static void free_place(struct place *p) {
    compare_free(p->compare);
    ingest_close(p->ingest);
    journal_close(p->journal);
    k2test_rmdir(p->dir);
}

static struct k2_event trade(const struct place *p, const char *channel, int32_t epoch, int64_t n,
                             int64_t price) {
    struct k2_event e;
    struct k2_interner *in = ingest_interner(p->ingest);
    k2_event_blank(&e, K2_KIND_TRADE);
    e.head.exchange = k2_intern(in, K2_SV("UNIT"));
    e.head.symbol = k2_intern(in, K2_SV("ABC"));
    e.head.channel = k2_intern(in, k2_sv_of(channel));
    e.head.trade_date = DAY;
    e.head.epoch = epoch;
    e.head.exchange_sequence_number = n;
    e.trade.price = price;
    return e;
}

static struct k2_event message(const struct place *p, int64_t n) {
    struct k2_event e, like = trade(p, "all", 0, n, 0);
    k2_event_blank(&e, K2_KIND_MESSAGE);
    e.head = like.head;
    e.message.message_type = k2_intern(ingest_interner(p->ingest), K2_SV("x"));
    e.message.flags = K2_FLAG_SHARED;
    return e;
}

static void know(struct place *p, struct k2_event e) {
    struct k2_err err;
    CHECK_OK(ingest_event(p->ingest, &e, &err), &err);
}

static void begin(struct place *p) {
    struct k2_err err;
    CHECK_OK(ingest_flush(p->ingest, &err), &err);
    p->compare = compare_new(p->journal, (struct seq_history){0});
}

static void decode(struct place *p, struct k2_event e) {
    compare_add(p->compare, &e, ingest_interner(p->ingest));
}

static void count(void *ctx, const struct compare_row *row) {
    struct place *p = ctx;
    p->counts[row->change]++;
    p->last[row->change] = *row;
}

static void end(struct place *p, int64_t same, int64_t added, int64_t changed, int64_t missing) {
    struct k2_err err;
    CHECK_OK(compare_run(p->compare, count, p, &p->repeated, &err), &err);
    assert_int_equal(p->counts[COMPARE_SAME], same);
    assert_int_equal(p->counts[COMPARE_ADDED], added);
    assert_int_equal(p->counts[COMPARE_CHANGED], changed);
    assert_int_equal(p->counts[COMPARE_MISSING], missing);
}

static void each_event_is_same_added_changed_or_missing(void **state) {
    (void)state;
    struct place p = open_place();
    for (int64_t n = 1; n <= 6; n++)
        if (n != 3)
            know(&p, trade(&p, "1", 0, n, 100 + n));
    begin(&p);
    decode(&p, trade(&p, "1", 0, 5, 105));
    decode(&p, trade(&p, "1", 0, 2, 102));
    decode(&p,
           trade(&p, "1", 0, 3, 103)); /* 4 is missing; 1 and 6 are not between what was decoded */
    decode(&p, trade(&p, "1", 0, 5, 999)); /* the first of an identity counts */
    end(&p, 2, 1, 0, 1);
    assert_int_equal(p.repeated, 1);
    assert_int_equal(p.last[COMPARE_ADDED].sequence, 3);
    assert_int_equal(p.last[COMPARE_ADDED].number, 2);
    assert_int_equal(p.last[COMPARE_MISSING].sequence, 4);
    free_place(&p);
}

static void epochs_and_channels_are_compared_each_for_itself(void **state) {
    (void)state;
    struct place p = open_place();
    for (int64_t n = 1; n <= 3; n++) {
        know(&p, trade(&p, "1", 0, n, 1));
        know(&p, trade(&p, "1", 1, n, 2));
        know(&p, trade(&p, "2", 0, n, 3));
    }
    begin(&p);
    decode(&p, trade(&p, "1", 1, 1, 2));
    decode(&p, trade(&p, "1", 1, 3, 2)); /* 2 of epoch 1 is missing, epoch 0 was not decoded */
    decode(&p, trade(&p, "2", 0, 2, 4));
    decode(&p, trade(&p, "3", 0, 2, 4));
    end(&p, 2, 1, 1, 1);
    assert_int_equal(p.last[COMPARE_MISSING].epoch, 1);
    assert_int_equal(p.last[COMPARE_CHANGED].number, 2);
    free_place(&p);
}

static void another_kind_under_a_shared_number_is_a_change(void **state) {
    (void)state;
    struct place p = open_place();
    for (int64_t n = 1; n <= 4; n++)
        know(&p, message(&p, n));
    begin(&p);
    struct k2_event e = trade(&p, "all", 0, 2, 7);
    e.trade.flags = K2_FLAG_SHARED;
    decode(&p, message(&p, 1));
    decode(&p, e);
    decode(&p, message(&p, 4));
    end(&p, 2, 0, 1, 1);
    assert_int_equal(p.last[COMPARE_CHANGED].kind, K2_KIND_TRADE);
    assert_int_equal(p.last[COMPARE_MISSING].kind, SEQ_SHARED);
    free_place(&p);
}

/* The archive of what retention may remove later: it says what the log still holds. */
static int load_again(void *ctx, struct k2_sv exchange, int32_t trade_date, struct k2_sv channel,
                      enum k2_kind_id kind, int64_t lo, int64_t hi,
                      void (*put)(void *put_ctx, const struct seq_known *known), void *put_ctx,
                      struct k2_err *err) {
    struct seq_history log = history_source(ctx);
    return log.load(log.ctx, exchange, trade_date, channel, kind, lo, hi, put, put_ctx, err);
}

static void what_log_and_tables_both_hold_is_known_once(void **state) {
    (void)state;
    struct place p = open_place();
    struct k2_err err;
    for (int64_t n = 1; n <= 4; n++)
        know(&p, trade(&p, "1", 0, n, 100 + n));
    CHECK_OK(ingest_flush(p.ingest, &err), &err);
    struct history *log = history_new(p.journal, (struct seq_history){0});
    p.compare = compare_new(p.journal, (struct seq_history){.ctx = log, .load = load_again});
    for (int64_t n = 1; n <= 4; n++)
        if (n != 3)
            decode(&p, trade(&p, "1", 0, n, 100 + n));
    end(&p, 3, 0, 0, 1);
    history_free(log);
    free_place(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_is_same_added_changed_or_missing),
        cmocka_unit_test(epochs_and_channels_are_compared_each_for_itself),
        cmocka_unit_test(another_kind_under_a_shared_number_is_a_change),
        cmocka_unit_test(what_log_and_tables_both_hold_is_known_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
