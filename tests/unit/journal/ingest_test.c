#include "journal/journal.h"

#include "base/fs.h"
#include "k2test.h"

static const char rows[] = "03/10/2014,10:00:00.000,37.5,100,0,,\n"
                           "03/10/2014,10:00:00.000,37.5,100,0,,\n" /* equal rows are real events */
                           "03/10/2014,10:00:00.001,37.51,200,2,X,\n"
                           "03/10/2014,10:00:xx.002,37.52,300,0,,\n" /* bad: number 4 is used up */
                           "03/10/2014,10:00:00.003,37.53,400,0,,37.6\n";

/* A data directory is made only in a directory that holds nothing else. */
static void path_of(const char *dir, const char *name, char path[5000]) {
    snprintf(path, 5000, "%s/raw/%s", dir, name);
}

static void put_file(const char *dir, const char *name, const char *text) {
    char path[5000];
    snprintf(path, sizeof path, "%s/raw", dir);
    (void)mkdir(path, 0777);
    path_of(dir, name, path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static struct ingest_stats ingest_options_run(const char *dir, const char *name, bool keep) {
    char path[5000];
    path_of(dir, name, path);
    struct k2_err err;
    struct journal *j;
    struct ingest *g;
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), &err);
    CHECK_OK(ingest_open(j, NULL, &g, &err), &err);
    struct feed_options o = {.date = INT32_MIN, .source = k2_sv_of(path)};
    CHECK_OK(ingest_file(g, path, feed_find(K2_SV("asx-csv")), &o, keep, &err), &err);
    struct ingest_stats s = ingest_stats(g);
    assert_int_equal(s.read, s.accepted + s.duplicates + s.conflicts + s.quarantined + s.filtered);
    ingest_close(g);
    journal_close(j);
    return s;
}

static struct ingest_stats ingest_run(const char *dir, const char *name) {
    return ingest_options_run(dir, name, false);
}

static int64_t records(const char *dir, const char *topic) {
    struct k2_err err;
    struct journal *j;
    struct journal_topic t;
    int64_t ends[64], sum = 0;
    CHECK_OK(journal_open(dir, JOURNAL_READ, NULL, &j, &err), &err);
    if (journal_topic(j, k2_sv_of(topic), false, &t, &err) == K2_OK) {
        CHECK_OK(journal_ends(j, t.id, ends, &err), &err);
        for (int i = 0; i < t.partitions; i++)
            sum += ends[i];
    }
    journal_close(j);
    return sum;
}

static void a_file_read_twice_adds_nothing(void **state) {
    (void)state;
    char *dir = k2test_dir();
    put_file(dir, "1_BHP.csv", rows);
    struct ingest_stats s = ingest_run(dir, "1_BHP.csv");
    assert_int_equal(s.read, 5);
    assert_int_equal(s.bytes, sizeof rows - 1);
    assert_int_equal(s.accepted, 4);
    assert_int_equal(s.quarantined, 1);
    assert_int_equal(s.gaps, 0);
    for (int i = 0; i < 3; i++) {
        s = ingest_run(dir, "1_BHP.csv");
        assert_int_equal(s.duplicates, 4);
        assert_int_equal(s.accepted, 0);
        assert_int_equal(s.requarantined, 1);
        assert_int_equal(s.gaps, 0);
    }
    assert_int_equal(records(dir, "market.ticks.asx"), 4);
    assert_int_equal(records(dir, "market.quarantine.asx"), 1);
    assert_int_equal(records(dir, "k2.sources"), 4); /* the file is the raw: its hash, each time */
    k2test_rmdir(dir);
}

static void a_longer_file_adds_its_tail(void **state) {
    (void)state;
    char *dir = k2test_dir(), longer[1000];
    put_file(dir, "1_BHP.csv", rows);
    ingest_run(dir, "1_BHP.csv");
    snprintf(longer, sizeof longer, "%s03/10/2014,10:00:00.004,37.5,500,0,,\n", rows);
    put_file(dir, "1_BHP.csv", longer);
    struct ingest_stats s = ingest_run(dir, "1_BHP.csv");
    assert_int_equal(s.duplicates, 4);
    assert_int_equal(s.accepted, 1);
    assert_int_equal(s.conflicts, 0);
    k2test_rmdir(dir);
}

static void a_changed_row_is_a_conflict_kept_once(void **state) {
    (void)state;
    char *dir = k2test_dir(), changed[1000];
    put_file(dir, "1_BHP.csv", rows);
    ingest_run(dir, "1_BHP.csv");
    snprintf(changed, sizeof changed, "%s", rows);
    memcpy(strstr(changed, "37.51"), "37.61", 5);
    put_file(dir, "1_BHP.csv", changed);
    for (int i = 0; i < 2; i++) {
        struct ingest_stats s = ingest_run(dir, "1_BHP.csv");
        assert_int_equal(s.conflicts, 1);
        assert_int_equal(s.duplicates, 3);
        assert_int_equal(s.accepted, 0);
    }
    assert_int_equal(records(dir, "market.quarantine.asx"), 2);
    k2test_rmdir(dir);
}

/* Two channels lack nearly all numbers each: the sum is cut, and stays a count. */
static void missing_numbers_beyond_63_bits_are_counted_as_the_most(void **state) {
    (void)state;
    static const char line[] = "{\"e\":\"trade\",\"E\":1,\"s\":\"%s\",\"t\":%lld,\"p\":\"1.5\","
                               "\"q\":\"1\",\"T\":1772445600000,\"m\":true,\"M\":true}\n";
    static const char *const symbols[] = {"BTCUSDT", "ETHUSDT", "XRPUSDT"};
    char *dir = k2test_dir(), path[5000];
    struct k2_buf text = {0};
    struct k2_err err;
    struct journal *j;
    struct ingest *g;
    struct ingest_stats twice = {0};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 2; k++)
            k2_buf_printf(&text, line, symbols[i], k ? (long long)INT64_MAX - 1 : 1LL);
    put_file(dir, "a.json", k2_buf_cstr(&text));
    path_of(dir, "a.json", path);
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), &err);
    CHECK_OK(ingest_open(j, NULL, &g, &err), &err);
    struct feed_options o = {.date = INT32_MIN, .source = k2_sv_of(path)};
    CHECK_OK(ingest_file(g, path, feed_find(K2_SV("binance-json")), &o, false, &err), &err);
    struct ingest_stats s = ingest_stats(g);
    assert_int_equal(s.accepted, 6);
    assert_int_equal(s.gaps, 3);
    assert_int_equal(s.missing, INT64_MAX);
    ingest_stats_add(&twice, &s, 1);
    ingest_stats_add(&twice, &s, 1);
    assert_int_equal(twice.missing, INT64_MAX);
    assert_int_equal(twice.accepted, 12);
    ingest_stats_add(&twice, &s, -1);
    assert_int_equal(twice.accepted, 6);
    ingest_close(g);
    journal_close(j);
    k2_buf_free(&text);
    k2test_rmdir(dir);
}

static void continue_counts_on_after_what_the_journal_holds(void **state) {
    (void)state;
    char *dir = k2test_dir();
    put_file(dir, "1_BHP.csv", rows);
    ingest_run(dir, "1_BHP.csv");
    put_file(dir, "2_BHP.csv", "03/10/2014,11:00:00.000,37.5,7,0,,\n");
    struct ingest_stats s = ingest_options_run(dir, "2_BHP.csv", true);
    assert_int_equal(s.accepted, 1);
    assert_int_equal(s.gaps, 0);
    s = ingest_options_run(dir, "2_BHP.csv", false);
    assert_int_equal(s.conflicts, 1); /* number 1 of that day is another event */
    k2test_rmdir(dir);
}

static void the_state_survives_without_its_checkpoint(void **state) {
    (void)state;
    char *dir = k2test_dir();
    put_file(dir, "1_BHP.csv", rows);
    struct k2_err err;
    struct journal *j;
    struct ingest *g;
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), &err);
    CHECK_OK(ingest_open(j, NULL, &g, &err), &err);
    struct k2_interner *in = ingest_interner(g);
    struct k2_event e = {.kind = K2_KIND_TRADE};
    e.trade.exchange = k2_intern(in, K2_SV("SIM"));
    e.trade.symbol = k2_intern(in, K2_SV("AAPL"));
    e.trade.channel = k2_intern(in, K2_SV("c"));
    e.trade.instrument_id = e.trade.receive_timestamp_ns = e.trade.raw_offset = K2_NULL_LONG;
    /* More than one batch: some are written, no checkpoint. */
    for (int64_t i = 1; i <= 20000; i++) {
        e.trade.exchange_sequence_number = i;
        CHECK_OK(ingest_event(g, &e, &err), &err);
    }
    CHECK_OK(journal_commit(j, &err), &err);
    int64_t accepted = ingest_stats(g).accepted;
    assert_true(accepted > 0 && accepted < 20000);
    ingest_close(g); /* as a kill would */
    journal_close(j);
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), &err);
    CHECK_OK(ingest_open(j, NULL, &g, &err), &err);
    in = ingest_interner(g);
    e.trade.exchange = k2_intern(in, K2_SV("SIM"));
    e.trade.symbol = k2_intern(in, K2_SV("AAPL"));
    e.trade.channel = k2_intern(in, K2_SV("c"));
    for (int64_t i = 1; i <= 20000; i++) {
        e.trade.exchange_sequence_number = i;
        CHECK_OK(ingest_event(g, &e, &err), &err);
    }
    CHECK_OK(ingest_flush(g, &err), &err);
    assert_int_equal(ingest_stats(g).duplicates, accepted);
    assert_int_equal(ingest_stats(g).accepted, 20000 - accepted);
    assert_int_equal(ingest_stats(g).gaps, 0);
    ingest_close(g);
    journal_close(j);
    assert_int_equal(records(dir, "market.ticks.sim"), 20000);
    k2test_rmdir(dir);
}

/* A bad row used up its number; after a kill between log and checkpoint that must not look like a gap. */
static void numbers_of_bad_rows_survive_without_a_checkpoint(void **state) {
    (void)state;
    char *dir = k2test_dir(), command[5000];
    put_file(dir, "1_BHP.csv", rows);
    ingest_run(dir, "1_BHP.csv");
    struct k2_err err;
    struct journal *j;
    struct ingest *g;
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), &err);
    struct journal_topic t;
    CHECK_OK(journal_topic(j, K2_SV("k2.sequence"), false, &t, &err), &err);
    journal_close(j);
    /* Without the checkpoint's topic: as if the run had ended before it was written. */
    snprintf(command, sizeof command,
             "sed -i 's/ k2\\.sequence / k2.forgotten /' '%s/journal/meta'", dir);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command,
             "f='%s/journal/meta'; head -c -13 \"$f\" > \"$f.n\" && mv \"$f.n\" \"$f\"", dir);
    assert_int_equal(system(command), 0);
    struct k2_buf meta = {0};
    char path[5000];
    snprintf(path, sizeof path, "%s/journal/meta", dir);
    CHECK_OK(k2_fs_read(path, &meta, &err), &err);
    k2_buf_printf(&meta, "crc %08x\n", k2_crc32c(0, meta.p, meta.n));
    CHECK_OK(k2_fs_replace(path, k2_buf_view(&meta), &err), &err);
    k2_buf_free(&meta);
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), &err);
    assert_int_equal(journal_topic(j, K2_SV("k2.sequence"), false, &t, NULL), K2_E_NOTFOUND);
    CHECK_OK(ingest_open(j, NULL, &g, &err), &err);
    assert_int_equal(seq_engine_stats(ingest_sequence(g)).gaps_open, 0);
    assert_int_equal(seq_engine_high(ingest_sequence(g), K2_SV("ASX"),
                                     k2_days_from_civil(2014, 3, 10), K2_SV("BHP"), K2_KIND_TRADE),
                     5);
    ingest_close(g);
    journal_close(j);
    k2test_rmdir(dir);
}

/* The checkpoint keeps the newest ten session dates of an exchange; what is older is asked of the log. */
static void a_session_date_that_the_checkpoint_left_out_is_still_known(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_err err;
    for (int run = 0; run < 2; run++) {
        struct journal_options jo = {.segment_bytes = 200000};
        struct journal *j;
        struct ingest *g;
        CHECK_OK(journal_open(dir, JOURNAL_WRITE, &jo, &j, &err), &err);
        CHECK_OK(ingest_open(j, NULL, &g, &err), &err);
        struct k2_event e = {.kind = K2_KIND_TRADE};
        e.trade.instrument_id = e.trade.receive_timestamp_ns = e.trade.raw_offset = K2_NULL_LONG;
        for (int day = 0; day < (run ? 1 : 12); day++) {
            for (int64_t i = 0; i < 6000; i++) {
                struct k2_interner *in = ingest_interner(g);
                e.trade.exchange = k2_intern(in, K2_SV("SIM"));
                e.trade.symbol = k2_intern(in, K2_SV("AAPL"));
                e.trade.channel = k2_intern(in, i % 2 ? K2_SV("a") : K2_SV("b"));
                e.trade.trade_date = 20000 + day;
                e.trade.exchange_sequence_number = 10 + i / 2;
                CHECK_OK(ingest_event(g, &e, &err), &err);
            }
        }
        if (run) { /* and one that goes on behind its end */
            e.trade.exchange_sequence_number += 2;
            CHECK_OK(ingest_event(g, &e, &err), &err);
        }
        CHECK_OK(ingest_flush(g, &err), &err);
        struct ingest_stats t = ingest_stats(g);
        assert_int_equal(t.duplicates, run ? 6000 : 0);
        assert_int_equal(t.accepted, run ? 1 : 72000);
        assert_int_equal(t.gaps, run);
        ingest_close(g);
        journal_close(j);
    }
    k2test_rmdir(dir);
}

static void what_no_column_can_hold_is_quarantined_not_lost(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_err err;
    struct journal *j;
    struct ingest *g;
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), &err);
    CHECK_OK(ingest_open(j, NULL, &g, &err), &err);
    struct k2_interner *in = ingest_interner(g);
    struct k2_event e = {.kind = K2_KIND_TRADE};
    e.trade.exchange = k2_intern(in, K2_SV("SIM"));
    e.trade.symbol = k2_intern(in, K2_SV("AAPL"));
    e.trade.channel = k2_intern(in, K2_SV("c"));
    e.trade.instrument_id = e.trade.receive_timestamp_ns = e.trade.raw_offset = K2_NULL_LONG;
    e.trade.price = k2_pow10(30);
    e.trade.exchange_sequence_number = 1;
    CHECK_OK(ingest_event(g, &e, &err), &err);
    CHECK_OK(ingest_flush(g, &err), &err);
    assert_int_equal(ingest_stats(g).quarantined, 1);
    assert_int_equal(ingest_stats(g).accepted, 0);
    ingest_close(g);
    journal_close(j);
    assert_int_equal(records(dir, "market.quarantine.sim"), 1);
    k2test_rmdir(dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_read_twice_adds_nothing),
        cmocka_unit_test(a_longer_file_adds_its_tail),
        cmocka_unit_test(a_changed_row_is_a_conflict_kept_once),
        cmocka_unit_test(missing_numbers_beyond_63_bits_are_counted_as_the_most),
        cmocka_unit_test(continue_counts_on_after_what_the_journal_holds),
        cmocka_unit_test(the_state_survives_without_its_checkpoint),
        cmocka_unit_test(numbers_of_bad_rows_survive_without_a_checkpoint),
        cmocka_unit_test(a_session_date_that_the_checkpoint_left_out_is_still_known),
        cmocka_unit_test(what_no_column_can_hold_is_quarantined_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
