/* Removing segments: fences, digests, and what must stay known of what is gone. */
#include "base/log.h"
#include "journal/journal.h"
#include "k2test.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct k2_err err;
static int64_t now;

static int64_t clock_of_the_test(void) {
    return now;
}

static struct journal *open_ok(const char *dir, enum journal_mode mode) {
    struct journal_options options = {.clock = clock_of_the_test};
    struct journal *j;
    CHECK_OK(journal_open(dir, mode, &options, &j, &err), &err);
    return j;
}

static void put(struct journal *j, int partition) {
    k2_buf_str(journal_record_begin(j, 0, partition, K2_SV("k")), "value");
    journal_record_end(j, 0);
}

/* Three sealed segments with commits at times 10, 20 ... 90; partition 2 only in the first one. */
static struct journal *fill(const char *dir) {
    struct journal_topic t;
    now = 0;
    struct journal *j = open_ok(dir, JOURNAL_WRITE);
    CHECK_OK(journal_topic(j, K2_SV("raw"), true, &t, &err), &err);
    for (int i = 1; i <= 9; i++) {
        now = 10 * i;
        put(j, 0);
        put(j, 0);
        put(j, i <= 3 ? 2 : 1);
        CHECK_OK(journal_commit(j, &err), &err);
        if (i % 3 == 0)
            CHECK_OK(journal_seal(j, &err), &err);
    }
    return j;
}

static int retain(struct journal *j, const struct journal_retention *rules, char stopped[256]) {
    int removed;
    CHECK_OK(journal_retain(j, rules, &removed, stopped, &err), &err);
    return removed;
}

static void check_times(struct journal *j) {
    for (int64_t at = 0; at <= 100; at += 5) {
        int64_t got[3], commits = at <= 10 ? 0 : (at - 1) / 10;
        commits = commits > 9 ? 9 : commits;
        CHECK_OK(journal_ends_at(j, 0, at, got, &err), &err);
        assert_int_equal(got[0], 2 * commits);
        assert_int_equal(got[2], commits < 3 ? commits : 3);
        assert_int_equal(got[1], commits < 3 ? 0 : commits - 3);
    }
}

static void offsets_and_times_survive_the_segments(void **state) {
    (void)state;
    char *dir = k2test_dir(), stopped[256];
    int64_t ends[3], starts[3];
    struct journal *j = fill(dir), *reader = open_ok(dir, JOURNAL_READ);
    check_times(j);
    check_times(reader);
    struct journal_retention rules = {.older_than_ns = 61, .dry_run = true};
    assert_int_equal(retain(j, &rules, stopped), 2);
    assert_int_equal(journal_segment_count(j), 4);
    rules.dry_run = false;
    assert_int_equal(retain(j, &rules, stopped), 2);
    assert_string_equal(stopped, "");
    for (int round = 0; round < 3; round++) {
        struct journal *k = round == 0 ? reader : j;
        assert_int_equal(journal_segment_count(k), 2);
        CHECK_OK(journal_starts(k, 0, starts, &err), &err);
        CHECK_OK(journal_ends(k, 0, ends, &err), &err);
        assert_int_equal(starts[0], 12);
        assert_int_equal(starts[1], 3);
        assert_int_equal(starts[2], 3); /* nothing of it is left */
        assert_int_equal(ends[2], 3);
        assert_int_equal(ends[0], 18);
        check_times(k);
        if (round == 1) {
            journal_close(j);
            j = open_ok(dir, JOURNAL_WRITE);
        }
    }
    put(j, 2);
    CHECK_OK(journal_commit(j, &err), &err);
    CHECK_OK(journal_ends(j, 0, ends, &err), &err);
    assert_int_equal(ends[2], 4); /* never used again */
    struct journal_reader *r;
    CHECK_STATUS(journal_read(j, &(struct journal_span){0, 0, 11, 99}, 1, &r, &err), K2_E_NOTFOUND);
    assert_non_null(strstr(err.msg, "12"));
    journal_close(reader);
    journal_close(j);
    k2test_rmdir(dir);
}

static void lost_index_of_a_removed_segment_is_not_guessed(void **state) {
    (void)state;
    char *dir = k2test_dir(), stopped[256];
    int64_t got[3], findings, records;
    struct journal *j = fill(dir);
    struct journal_retention rules = {.older_than_ns = 61};
    assert_int_equal(retain(j, &rules, stopped), 2);
    journal_close(j);
    char command[4200];
    snprintf(command, sizeof command, "rm '%s'/journal/00000000000000000000.idx", dir);
    assert_int_equal(system(command), 0);
    j = open_ok(dir, JOURNAL_WRITE);
    CHECK_STATUS(journal_ends_at(j, 0, 25, got, &err), K2_E_NOTFOUND);
    CHECK_OK(journal_ends_at(j, 0, 85, got, &err), &err);
    assert_int_equal(got[0], 16);
    assert_int_equal(got[2], 3); /* by its start: nothing else tells */
    CHECK_OK(journal_verify(j, NULL, NULL, &findings, &records, &err), &err);
    assert_int_equal(findings, 1);
    journal_close(j);
    k2test_rmdir(dir);
}

static int refuse_second(void *ctx, const struct journal_segment_info *s, struct k2_err *e) {
    (void)s;
    return ++*(int *)ctx < 2 ? K2_OK : k2_fail(e, K2_E_DATA, "the table lacks it");
}

static void fences_stop_retention_and_say_why(void **state) {
    (void)state;
    char *dir = k2test_dir(), stopped[256];
    int asked = 0;
    struct journal *j = fill(dir);
    struct journal_retention rules = {.older_than_ns = 1000};
    struct journal_span position = {0, 0, 5, 0};
    CHECK_OK(journal_position_save(j, "sink", &position, 1, &err), &err);
    assert_int_equal(retain(j, &rules, stopped), 0);
    assert_non_null(strstr(stopped, "sink"));
    position.from = 18;
    CHECK_OK(journal_position_save(j, "sink", &position, 1, &err), &err);
    struct journal_reader *r;
    CHECK_OK(journal_read(j, &(struct journal_span){0, 0, 0, 99}, 1, &r, &err), &err);
    assert_int_equal(retain(j, &rules, stopped), 0);
    assert_non_null(strstr(stopped, "read"));
    journal_reader_close(r);
    rules.ctx = &asked;
    rules.may_go = refuse_second;
    assert_int_equal(retain(j, &rules, stopped), 1);
    assert_non_null(strstr(stopped, "the table lacks it"));
    rules = (struct journal_retention){.keep_bytes = 1};
    assert_int_equal(retain(j, &rules, stopped), 2); /* the last one stays */
    assert_int_equal(journal_segment_count(j), 1);
    journal_close(j);
    k2test_rmdir(dir);
}

static void set_saved(const char *dir, const char *group, int64_t days_ago) {
    char path[4300];
    int64_t s = (k2_now_ns() - days_ago * K2_NS_PER_DAY) / K2_NS_PER_SEC;
    const struct timespec times[2] = {{.tv_sec = s}, {.tv_sec = s}};
    snprintf(path, sizeof path, "%s/journal/positions/%s", dir, group);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void the_group_of_a_killed_live_source_holds_for_thirty_days(void **state) {
    (void)state;
    char *dir = k2test_dir(), stopped[256];
    struct journal *j = fill(dir);
    const struct journal_retention rules = {.older_than_ns = 1000};
    const struct journal_span position = {0, 0, 5, 0};
    CHECK_OK(journal_position_save(j, "raw.sim.00000001", &position, 1, &err), &err);
    assert_int_equal(journal_group_left_ns(j, "raw.sim.00000001", k2_now_ns()), 0);
    set_saved(dir, "raw.sim.00000001", 29);
    assert_true(journal_group_left_ns(j, "raw.sim.00000001", k2_now_ns()) > 0);
    assert_int_equal(retain(j, &rules, stopped), 0);
    assert_non_null(strstr(stopped, "raw.sim.00000001"));
    set_saved(dir, "raw.sim.00000001", 31);
    CHECK_OK(journal_position_save(j, "sink", &position, 1, &err), &err);
    set_saved(dir, "sink", 31);
    assert_int_equal(retain(j, &rules, stopped), 0); /* any other group holds for ever */
    assert_non_null(strstr(stopped, "sink"));
    CHECK_OK(journal_group_remove(j, "sink", &err), &err);
    assert_true(retain(j, &rules, stopped) > 0);
    journal_close(j);
    k2test_rmdir(dir);
}

/* --- digests --- */

struct expected {
    int64_t count, least, most;
    struct k2_h128 sum;
};

static void put_trade(struct journal *j, struct k2_interner *in, uint32_t schema, int topic,
                      const char *symbol, int64_t sequence, struct expected *sum) {
    struct k2_event e = {.kind = K2_KIND_TRADE};
    e.trade = (struct k2_trade){.exchange = k2_intern(in, K2_SV("ASX")),
                                .symbol = k2_intern(in, k2_sv_of(symbol)),
                                .channel = k2_intern(in, K2_SV("c")),
                                .instrument_id = K2_NULL_LONG,
                                .receive_timestamp_ns = K2_NULL_LONG,
                                .raw_offset = K2_NULL_LONG,
                                .price = sequence * 1000,
                                .quantity = 5,
                                .trade_date = 20000,
                                .exchange_sequence_number = sequence};
    struct k2_h128 hash = k2_row_hash(&e, in);
    CHECK_OK(k2_avro_encode(&e, in, schema, journal_record_begin(j, topic, 0, K2_SV("k")), &err),
             &err);
    journal_record_end(j, 0);
    sum->least = sum->count++ == 0 || sequence < sum->least ? sequence : sum->least;
    sum->most = sequence > sum->most ? sequence : sum->most;
    sum->sum = k2_h128_add(sum->sum, hash);
}

static void check_digests(struct journal *j, const struct expected *want) {
    struct journal_segment_info info;
    CHECK_OK(journal_segment(j, 0, &info, &err), &err);
    assert_true(info.sealed);
    assert_int_equal(info.digest_count, 2);
    for (int i = 0; i < 2; i++) {
        const struct journal_digest *d = &info.digests[i];
        const struct expected *w = &want[strcmp(d->symbol, "BHP") == 0 ? 0 : 1];
        assert_string_equal(d->exchange, "ASX");
        assert_int_equal(d->kind, K2_KIND_TRADE);
        assert_int_equal(d->trade_date, 20000);
        assert_int_equal(d->count, w->count);
        assert_int_equal(d->min_sequence, w->least);
        assert_int_equal(d->max_sequence, w->most);
        assert_int_equal(k2_h128_cmp(d->sum, w->sum), 0);
    }
}

static void digests_sum_the_rows_of_a_sealed_segment(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct expected want[2] = {{0}, {0}};
    struct journal_topic t;
    uint32_t schema;
    struct k2_interner *in = k2_interner_new();
    struct journal *j = open_ok(dir, JOURNAL_WRITE);
    CHECK_OK(journal_topic(j, K2_SV("market.ticks.asx"), true, &t, &err), &err);
    CHECK_OK(k2_registry_register(journal_registry(j), K2_SV("market.ticks.asx-value"),
                                  k2_sv_of(k2_kind(K2_KIND_TRADE)->avro_schema), &schema, &err),
             &err);
    for (int64_t i = 1; i <= 100; i++)
        put_trade(j, in, schema, t.id, i % 3 ? "BHP" : "CBA", i, &want[i % 3 ? 0 : 1]);
    CHECK_OK(journal_seal(j, &err), &err);
    check_digests(j, want);
    struct journal *reader = open_ok(dir, JOURNAL_READ);
    check_digests(reader, want);
    journal_close(reader);
    journal_close(j);
    j = open_ok(dir, JOURNAL_WRITE); /* from the index file */
    check_digests(j, want);
    journal_close(j);
    k2_interner_free(in);
    k2test_rmdir(dir);
}

static void segment_that_cannot_be_decoded_is_kept(void **state) {
    (void)state;
    char *dir = k2test_dir(), stopped[256];
    struct journal_topic t;
    struct journal_segment_info info;
    struct journal *j = open_ok(dir, JOURNAL_WRITE);
    CHECK_OK(journal_topic(j, K2_SV("market.ticks.asx"), true, &t, &err), &err);
    k2_buf_str(journal_record_begin(j, t.id, 0, K2_SV("k")), "this is not Avro");
    journal_record_end(j, 0);
    assert_int_not_equal(journal_seal(j, &err), K2_OK);
    assert_int_not_equal(journal_segment(j, 0, &info, &err), K2_OK);
    struct journal_retention rules = {.older_than_ns = INT64_MAX};
    assert_int_equal(retain(j, &rules, stopped), 0);
    assert_int_not_equal(stopped[0], 0);
    journal_close(j);
    k2test_rmdir(dir);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_and_times_survive_the_segments),
        cmocka_unit_test(lost_index_of_a_removed_segment_is_not_guessed),
        cmocka_unit_test(fences_stop_retention_and_say_why),
        cmocka_unit_test(the_group_of_a_killed_live_source_holds_for_thirty_days),
        cmocka_unit_test(digests_sum_the_rows_of_a_sealed_segment),
        cmocka_unit_test(segment_that_cannot_be_decoded_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
