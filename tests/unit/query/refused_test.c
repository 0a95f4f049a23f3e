/* Quarantine over table and journal as one: every record once, whatever sink and retention do. */
#include "k2test.h"

#include "base/clock.h"
#include "journal/quarantine.h"
#include "query/query.h"

#include <pthread.h>
#include <stdatomic.h>

enum { PARTITIONS = 3, MOST = 20000 };

static const struct refused_filter all = {.exchange = NULL};

static void refuse(const char *dir, int from, int to) {
    struct k2_err err;
    struct journal *j;
    struct journal_options o = {.segment_bytes = 1 << 20};
    char raw[1000];
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, &o, &j, &err), &err);
    struct quarantine *q = quarantine_new(j, (struct seq_history){0});
    for (int i = from; i < to; i++) {
        char symbol[8];
        bool stored;
        snprintf(symbol, sizeof symbol, "S%d", i % 7);
        memset(raw, 'a' + i % 26, sizeof raw);
        struct quarantine_record r = {.exchange = K2_SV("SIM"),
                                      .symbol = k2_sv_of(symbol),
                                      .trade_date = 20000,
                                      .source = K2_SV("a file"),
                                      .position = i,
                                      .offset = K2_NULL_LONG,
                                      .reason = K2_SV("MALFORMED"),
                                      .detail = K2_SV("not a number"),
                                      .raw = {raw, sizeof raw}};
        CHECK_OK(quarantine_add(q, &r, k2_now_ns(), &stored, &err), &err);
        assert_true(stored);
    }
    CHECK_OK(journal_commit(j, &err), &err);
    quarantine_free(q);
    journal_close(j);
}

static void sink(const char *dir) {
    struct k2_err err;
    struct journal *j;
    struct lake *l;
    CHECK_OK(journal_open(dir, JOURNAL_READ, NULL, &j, &err), &err);
    CHECK_OK(lake_open(dir, true, &l, &err), &err);
    CHECK_OK(sink_run(j, l, dir, NULL, NULL, &err), &err);
    lake_close(l);
    journal_close(j);
}

static int retain(const char *dir) {
    struct k2_err err;
    struct journal *j;
    struct query_engine *q;
    struct retain_report r;
    CHECK_OK(query_open(dir, NULL, &q, &err), &err);
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), &err);
    CHECK_OK(retain_run(j, dir, q, INT64_MAX, 0, false, &r, &err), &err);
    journal_close(j);
    query_close(q);
    return r.removed;
}

struct seen {
    int count, most; /* most 0: no end */
    int32_t journal; /* of the last one */
    int64_t last[PARTITIONS];
    uint8_t at[PARTITIONS][MOST];
};

static int take(void *ctx, const struct refused *r, bool *stop, struct k2_err *err) {
    struct seen *s = ctx;
    (void)err;
    assert_in_range(r->partition, 0, PARTITIONS - 1);
    assert_in_range(r->offset, 0, MOST - 1);
    assert_int_equal(s->at[r->partition][r->offset]++, 0);
    assert_true(k2_sv_eq(k2_interned(r->in, r->event->quarantine.reason), K2_SV("MALFORMED")));
    if (r->offset > s->last[r->partition])
        s->last[r->partition] = r->offset;
    s->journal = r->journal;
    *stop = ++s->count == s->most;
    return K2_OK;
}

static struct seen *visit(const char *dir, const struct refused_filter *f, int most) {
    static struct seen s;
    struct k2_err err = {0};
    struct journal *j = NULL;
    s = (struct seen){.most = most, .last = {-1, -1, -1}};
    if (journal_open(dir, JOURNAL_READ, NULL, &j, &err) != K2_OK)
        assert_int_equal(err.status, K2_E_NOTFOUND);
    CHECK_OK(refused_visit(dir, j, NULL, f, take, &s, &err), &err);
    journal_close(j);
    return &s;
}

static void assert_dense(const struct seen *s) {
    for (int p = 0; p < PARTITIONS; p++)
        for (int64_t i = 0; i <= s->last[p]; i++)
            assert_int_equal(s->at[p][i], 1);
}

static void what_retention_removed_is_read_from_the_table(void **state) {
    (void)state;
    char *dir = k2test_dir();
    refuse(dir, 0, 4000);
    assert_int_equal(visit(dir, &all, 0)->count, 4000);
    sink(dir);
    assert_int_equal(visit(dir, &all, 0)->count, 4000);
    refuse(dir, 4000, 4100);
    assert_true(retain(dir) > 0);
    const struct seen *s = visit(dir, &all, 0);
    assert_int_equal(s->count, 4100);
    assert_dense(s);
    assert_int_equal(visit(dir, &all, 10)->count, 10);
    k2test_rmdir(dir);
}

static void one_record_is_found_wherever_it_is(void **state) {
    (void)state;
    char *dir = k2test_dir();
    refuse(dir, 0, 3000);
    sink(dir);
    refuse(dir, 3000, 3100);
    assert_true(retain(dir) > 0);
    int64_t last = visit(dir, &all, 0)->last[1];
    struct refused_filter f = {.exchange = "sim", .one = true, .partition = 1};
    assert_int_equal(visit(dir, &f, 0)->count, 1);
    f.offset = last;
    assert_int_equal(visit(dir, &f, 0)->count, 1);
    f.journal = visit(dir, &f, 0)->journal;
    assert_int_equal(visit(dir, &f, 0)->count, 1);
    f.journal++;
    assert_int_equal(visit(dir, &f, 0)->count, 0);
    f.journal--;
    f.offset = last + 1;
    assert_int_equal(visit(dir, &f, 0)->count, 0);
    f.offset = last;
    f.exchange = "ASX";
    assert_int_equal(visit(dir, &f, 0)->count, 0);
    k2test_rmdir(dir);
}

static void records_of_a_lost_journal_are_told_apart(void **state) {
    (void)state;
    char *dir = k2test_dir(), command[5000];
    refuse(dir, 0, 50);
    sink(dir);
    int32_t old = visit(dir, &all, 0)->journal;
    snprintf(command, sizeof command, "rm -r '%s/journal'", dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(visit(dir, &all, 0)->count, 50);
    assert_int_equal(visit(dir, &all, 0)->journal, old);
    refuse(dir, 50, 51);
    struct refused_filter f = {.one = true, .journal = old};
    assert_true(visit(dir, &f, 0)->count == 1);
    assert_int_equal(visit(dir, &f, 0)->journal, old);
    k2test_rmdir(dir);
}

static void an_empty_directory_is_said_to_be_one(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_err err = {0};
    CHECK_STATUS(refused_visit(dir, NULL, NULL, &all, take, NULL, &err), K2_E_NOTFOUND);
    k2test_rmdir(dir);
}

struct beside {
    const char *dir;
    atomic_int sunk;
    atomic_bool stop;
};

static void *refuse_and_sink(void *ctx) {
    struct beside *b = ctx;
    for (int i = 0; !b->stop && i < MOST; i += 300) {
        refuse(b->dir, i, i + 300);
        b->sunk = i + 300;
        sink(b->dir);
        retain(b->dir);
    }
    return NULL;
}

static void beside_a_sink_and_retention_none_is_missing_and_none_comes_twice(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct beside b = {.dir = dir};
    pthread_t thread;
    refuse(dir, MOST - 1, MOST);
    assert_int_equal(pthread_create(&thread, NULL, refuse_and_sink, &b), 0);
    while (b.sunk < 1500) {
        int before = b.sunk;
        const struct seen *s = visit(dir, &all, 0);
        assert_true(s->count > before);
        assert_dense(s);
    }
    b.stop = true;
    pthread_join(thread, NULL);
    assert_int_equal(visit(dir, &all, 0)->count, b.sunk + 1);
    k2test_rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_retention_removed_is_read_from_the_table),
        cmocka_unit_test(one_record_is_found_wherever_it_is),
        cmocka_unit_test(records_of_a_lost_journal_are_told_apart),
        cmocka_unit_test(an_empty_directory_is_said_to_be_one),
        cmocka_unit_test(beside_a_sink_and_retention_none_is_missing_and_none_comes_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
