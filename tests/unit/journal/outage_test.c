#include "journal/journal.h"

#include "k2test.h"

struct place { /* a journal and its ingest, opened anew as a restart would */
    char *dir;
    struct journal *j;
    struct ingest *g;
};

static void open_place(struct place *p) {
    struct k2_err err;
    CHECK_OK(journal_open(p->dir, JOURNAL_WRITE, NULL, &p->j, &err), &err);
    CHECK_OK(ingest_open(p->j, NULL, &p->g, &err), &err);
}

/* flush: with a checkpoint; else what is restored comes from the log alone. */
static void restart(struct place *p, bool flush) {
    struct k2_err err;
    CHECK_OK(flush ? ingest_flush(p->g, &err) : ingest_commit(p->g, &err), &err);
    ingest_close(p->g);
    journal_close(p->j);
    open_place(p);
}

static void close_place(struct place *p) {
    ingest_close(p->g);
    journal_close(p->j);
    k2test_rmdir(p->dir);
}

static void lose(struct place *p, int64_t at_ns) {
    struct k2_err err;
    CHECK_OK(ingest_disconnect(p->g, K2_SV("BINANCE"), K2_SV("btc"), K2_SV("wss://venue/ws"),
                               K2_SV("the venue closed it"), at_ns, &err),
             &err);
}

static void regain(struct place *p, int64_t at_ns) {
    struct k2_err err;
    CHECK_OK(ingest_connect(p->g, K2_SV("BINANCE"), K2_SV("btc"), at_ns, &err), &err);
}

struct seen {
    int n;
    struct seq_step last;
    char why[64], source[64];
};

static void see(void *ctx, const struct seq_step *s) {
    struct seen *seen = ctx;
    seen->n++;
    seen->last = *s;
    snprintf(seen->why, sizeof seen->why, "%.*s", K2_SV_ARG(s->why));
    snprintf(seen->source, sizeof seen->source, "%.*s", K2_SV_ARG(s->source));
}

static struct seen open_entries(const struct place *p) {
    struct seen seen = {0};
    seq_engine_ledger(ingest_sequence(p->g), see, &seen);
    return seen;
}

static void a_lost_connection_is_open_until_the_next_one_and_over_restarts(void **state) {
    (void)state;
    for (int flush = 0; flush < 2; flush++) {
        struct place p = {.dir = k2test_dir()};
        open_place(&p);
        lose(&p, 1772445600000000000);
        lose(&p, 1772445600000000009); /* it is open already */
        assert_int_equal(ingest_stats(p.g).ledger, 1);
        restart(&p, flush);
        struct seen seen = open_entries(&p);
        assert_int_equal(seen.n, 1);
        assert_int_equal(seen.last.cause, SEQ_DISCONNECT);
        assert_int_equal(seen.last.from, 1772445600000000000);
        assert_int_equal(seen.last.trade_date, 20514);
        assert_string_equal(seen.why, "the venue closed it");
        assert_string_equal(seen.source, "wss://venue/ws");
        lose(&p, 1772445600000000010);
        assert_int_equal(ingest_stats(p.g).ledger, 0);
        regain(&p, 1772445601000000000);
        regain(&p, 1772445602000000000); /* nothing is open */
        assert_int_equal(ingest_stats(p.g).ledger, 1);
        restart(&p, flush);
        assert_int_equal(open_entries(&p).n, 0);
        regain(&p, 1772445603000000000);
        assert_int_equal(ingest_stats(p.g).ledger, 0);
        close_place(&p);
    }
}

static void sessions_are_one_entry_for_each_date(void **state) {
    (void)state;
    struct place p = {.dir = k2test_dir()};
    struct k2_err err;
    struct ingest_outage o = {
        .cause = SEQ_SESSION, .exchange = K2_SV("ASX"), .feed = K2_SV("asx"), .why = K2_SV("none")};
    open_place(&p);
    for (int32_t date = 20000; date < 20003; date++) {
        o.date = date;
        o.at_ns = date * INT64_C(86400000000000);
        CHECK_OK(ingest_outage(p.g, &o, &err), &err);
    }
    restart(&p, true);
    o.date = 20001;
    assert_true(ingest_is_out(p.g, &o));
    CHECK_OK(ingest_outage_over(p.g, &o, &err), &err);
    assert_false(ingest_is_out(p.g, &o));
    restart(&p, false);
    assert_int_equal(open_entries(&p).n, 2);
    assert_false(ingest_is_out(p.g, &o));
    close_place(&p);
}

static void an_outage_is_acknowledged_once_and_ends_all_the_same(void **state) {
    (void)state;
    struct place p = {.dir = k2test_dir()};
    struct k2_err err;
    bool again;
    open_place(&p);
    lose(&p, 5000);
    struct seq_step which = open_entries(&p).last;
    which.state = SEQ_ACKNOWLEDGED;
    CHECK_OK(ingest_mark(p.g, &which, "me", "known", &again, &err), &err);
    assert_false(again);
    restart(&p, true);
    which = open_entries(&p).last;
    assert_int_equal(which.state, SEQ_ACKNOWLEDGED);
    CHECK_OK(ingest_mark(p.g, &which, "me", NULL, &again, &err), &err);
    assert_true(again);
    which.from++;
    CHECK_STATUS(ingest_mark(p.g, &which, "me", NULL, &again, &err), K2_E_NOTFOUND);
    regain(&p, 6000);
    assert_int_equal(open_entries(&p).n, 0);
    close_place(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_connection_is_open_until_the_next_one_and_over_restarts),
        cmocka_unit_test(sessions_are_one_entry_for_each_date),
        cmocka_unit_test(an_outage_is_acknowledged_once_and_ends_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
