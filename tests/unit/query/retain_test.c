#include "k2test.h"
#include "query/query.h"

#include <pthread.h>

enum { EVENTS = 30000 };

static struct ingest_stats put_events(const char *dir, int64_t from, int64_t to) {
    struct k2_err err;
    struct journal *j;
    struct ingest *g;
    struct archive *a;
    struct journal_options o = {.segment_bytes = 1 << 20};
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, &o, &j, &err), &err);
    CHECK_OK(archive_open(j, dir, &a, &err), &err);
    struct ingest_options io = {.archive = archive_history(a)};
    CHECK_OK(ingest_open(j, &io, &g, &err), &err);
    struct k2_interner *in = ingest_interner(g);
    struct k2_event e = {.kind = K2_KIND_TRADE};
    e.trade.exchange = k2_intern(in, K2_SV("SIM"));
    e.trade.channel = k2_intern(in, K2_SV("c"));
    e.trade.trade_date = 20000;
    e.trade.instrument_id = e.trade.receive_timestamp_ns = e.trade.raw_offset = K2_NULL_LONG;
    for (int64_t i = from; i < to; i++) {
        char symbol[8];
        snprintf(symbol, sizeof symbol, "S%d", (int)(i % 7));
        e.trade.symbol = k2_intern(in, k2_sv_of(symbol));
        e.trade.exchange_sequence_number = i;
        e.trade.price = i;
        CHECK_OK(ingest_event(g, &e, &err), &err);
    }
    CHECK_OK(ingest_flush(g, &err), &err);
    struct ingest_stats s = ingest_stats(g);
    ingest_close(g);
    archive_close(a);
    journal_close(j);
    return s;
}

static void sink(const char *dir) {
    struct k2_err err;
    struct journal *j;
    struct lake *l;
    CHECK_OK(journal_open(dir, JOURNAL_READ, NULL, &j, &err), &err);
    CHECK_OK(lake_open(dir, true, &l, &err), &err);
    struct sink_options o = {.commit_rows = 8000};
    CHECK_OK(sink_run(j, l, dir, &o, NULL, &err), &err);
    lake_close(l);
    journal_close(j);
}

static struct retain_report retain(const char *dir, bool dry_run) {
    struct k2_err err;
    struct journal *j;
    struct query_engine *q;
    struct retain_report r;
    CHECK_OK(query_open(dir, NULL, &q, &err), &err);
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), &err);
    CHECK_OK(retain_run(j, dir, q, INT64_MAX, 0, dry_run, &r, &err), &err);
    journal_close(j);
    query_close(q);
    return r;
}

static struct reconcile_report reconcile(const char *dir) {
    struct k2_err err;
    struct query_engine *q;
    struct reconcile_report r;
    CHECK_OK(query_open(dir, NULL, &q, &err), &err);
    CHECK_OK(reconcile_run(dir, q, NULL, NULL, &r, &err), &err);
    query_close(q);
    return r;
}

static void what_no_table_holds_never_goes(void **state) {
    (void)state;
    char *dir = k2test_dir();
    put_events(dir, 1, EVENTS);
    struct k2_err err;
    struct lake *l;
    CHECK_OK(lake_open(dir, true, &l, &err), &err);
    CHECK_OK(lake_table_ensure(l, k2_kind(K2_KIND_TRADE), &err), &err);
    lake_close(l);
    struct retain_report r = retain(dir, false);
    assert_int_equal(r.removed, 0);
    assert_non_null(strstr(r.stopped, "k2 sink"));
    k2test_rmdir(dir);
}

static void removed_segments_are_proven_by_their_digests(void **state) {
    (void)state;
    char *dir = k2test_dir();
    put_events(dir, 1, EVENTS);
    sink(dir);
    assert_true(retain(dir, true).removed > 0);
    struct reconcile_report all = reconcile(dir);
    assert_true(reconcile_equal(&all) && all.by_digest == 0);
    struct retain_report r = retain(dir, false);
    assert_true(r.removed > 0);
    struct reconcile_report rest = reconcile(dir);
    assert_true(reconcile_equal(&rest));
    assert_true(rest.by_digest > 0 && rest.compared > 0);
    assert_int_equal(rest.compared + rest.by_digest, all.compared);
    assert_int_equal(rest.line_count, all.line_count);
    for (int i = 0; i < all.line_count; i++) {
        assert_int_equal(rest.lines[i].journal.rows, all.lines[i].journal.rows);
        assert_int_equal(k2_h128_cmp(rest.lines[i].journal.checksum, all.lines[i].journal.checksum),
                         0);
    }
    reconcile_free(&all);
    reconcile_free(&rest);
    k2test_rmdir(dir);
}

static void compacted_tables_prove_segments_too(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_err err;
    put_events(dir, 1, EVENTS);
    sink(dir);
    const struct compact_options o = {.eager = true};
    struct compact_report merged;
    CHECK_OK(compact_run(dir, NULL, &o, &merged, &err), &err);
    assert_int_equal(merged.files_after, 1);
    assert_true(retain(dir, false).removed > 0);
    struct reconcile_report r = reconcile(dir);
    assert_true(reconcile_equal(&r));
    assert_true(r.by_digest > 0 && r.compared > 0);
    reconcile_free(&r);
    assert_int_equal(put_events(dir, 1, EVENTS).duplicates, EVENTS - 1);
    k2test_rmdir(dir);
}

static void events_of_removed_segments_are_still_duplicates(void **state) {
    (void)state;
    char *dir = k2test_dir();
    put_events(dir, 1, EVENTS);
    sink(dir);
    assert_true(retain(dir, false).removed > 0);
    struct ingest_stats s = put_events(dir, 1, EVENTS + 5);
    assert_int_equal(s.duplicates, EVENTS - 1);
    assert_int_equal(s.accepted, 5);
    assert_int_equal(s.conflicts + s.gaps, 0);
    k2test_rmdir(dir);
}

/* The journal was lost and begun anew: the tables remember. */
static void events_of_another_journal_are_still_duplicates(void **state) {
    (void)state;
    char *dir = k2test_dir(), command[5000];
    put_events(dir, 1, EVENTS);
    sink(dir);
    snprintf(command, sizeof command, "rm -r '%s/journal'", dir);
    assert_int_equal(system(command), 0);
    struct ingest_stats s = put_events(dir, 1, EVENTS + 5);
    assert_int_equal(s.duplicates, EVENTS - 1);
    assert_int_equal(s.accepted, 5);
    sink(dir);
    struct reconcile_report r = reconcile(dir);
    assert_true(reconcile_equal(&r));
    assert_int_equal(r.other_journal, EVENTS - 1);
    assert_int_equal(r.compared, 5);
    reconcile_free(&r);
    k2test_rmdir(dir);
}

/* A data file goes: rows are missing that the journal holds, and rows that only digests remember. */
static void a_lost_data_file_stops_retention_and_fails_the_proof(void **state) {
    (void)state;
    char *dir = k2test_dir(), pattern[5000];
    put_events(dir, 1, EVENTS);
    sink(dir);
    assert_true(retain(dir, false).removed > 0);
    struct k2_err err;
    struct lake *l;
    struct lake_table *t;
    struct lake_plan p;
    CHECK_OK(lake_open(dir, false, &l, &err), &err);
    CHECK_OK(lake_table_load(l, K2_SV("trades"), &t, &err), &err);
    CHECK_OK(lake_plan(t, 0, NULL, 0, &p, &err), &err);
    assert_true(p.file_count > 1);
    /* Its content replaced by another file's: those rows come twice, its own are gone. */
    snprintf(pattern, sizeof pattern, "cp '%s' '%s'", p.files[1].path, p.files[0].path);
    assert_int_equal(system(pattern), 0);
    lake_plan_free(&p);
    lake_table_free(t);
    lake_close(l);
    struct reconcile_report r = reconcile(dir);
    assert_false(reconcile_equal(&r));
    assert_true(r.missing > 0 && r.extra > 0);
    assert_true(r.first[0] != 0);
    reconcile_free(&r);
    assert_int_equal(retain(dir, false).removed, 0);
    k2test_rmdir(dir);
}

/* --- beside a reconcile --- */

struct beside {
    const char *dir;
    int calls;
    struct retain_report report;
};

static void retain_once(void *ctx, int64_t done, int64_t all) {
    struct beside *b = ctx;
    (void)done;
    (void)all;
    if (b->calls++ == 0)
        b->report = retain(b->dir, false);
}

/* Between two partitions of the comparison, so that the second one's records would be gone. */
static void a_reconcile_under_way_keeps_its_segments(void **state) {
    (void)state;
    char *dir = k2test_dir();
    put_events(dir, 1, EVENTS);
    sink(dir);
    struct k2_err err;
    struct query_engine *q;
    struct reconcile_report r;
    struct beside b = {.dir = dir};
    CHECK_OK(query_open(dir, NULL, &q, &err), &err);
    CHECK_OK(reconcile_run(dir, q, retain_once, &b, &r, &err), &err);
    query_close(q);
    assert_true(b.calls > 1);
    assert_int_equal(b.report.removed, 0);
    assert_non_null(strstr(b.report.stopped, "is being read"));
    assert_true(reconcile_equal(&r));
    assert_int_equal(r.compared, EVENTS - 1);
    reconcile_free(&r);
    assert_true(retain(dir, false).removed > 0);
    k2test_rmdir(dir);
}

static void *retain_all_the_time(void *ctx) {
    struct beside *b = ctx;
    for (int i = 0; i < 6; i++)
        b->calls += retain(b->dir, false).removed;
    return NULL;
}

static void reconcile_and_retention_at_the_same_time_agree(void **state) {
    (void)state;
    char *dir = k2test_dir();
    int removed = 0;
    for (int64_t round = 0; round < 3; round++) {
        pthread_t thread;
        struct beside b = {.dir = dir};
        put_events(dir, 1 + round * EVENTS, 1 + (round + 1) * EVENTS);
        sink(dir);
        assert_int_equal(pthread_create(&thread, NULL, retain_all_the_time, &b), 0);
        for (int i = 0; i < 3; i++) {
            struct reconcile_report r = reconcile(dir);
            assert_true(reconcile_equal(&r));
            assert_int_equal(r.compared + r.by_digest, (round + 1) * EVENTS);
            reconcile_free(&r);
        }
        pthread_join(thread, NULL);
        removed += b.calls;
    }
    removed += retain(dir, false).removed; /* a reader may have been there each time before */
    assert_true(removed > 0);
    k2test_rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_table_holds_never_goes),
        cmocka_unit_test(removed_segments_are_proven_by_their_digests),
        cmocka_unit_test(compacted_tables_prove_segments_too),
        cmocka_unit_test(events_of_removed_segments_are_still_duplicates),
        cmocka_unit_test(events_of_another_journal_are_still_duplicates),
        cmocka_unit_test(a_lost_data_file_stops_retention_and_fails_the_proof),
        cmocka_unit_test(a_reconcile_under_way_keeps_its_segments),
        cmocka_unit_test(reconcile_and_retention_at_the_same_time_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
