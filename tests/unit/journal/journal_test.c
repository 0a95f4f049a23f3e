/* The journal against a simple model in memory, and what its header promises besides durability. */
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "journal/journal.h"
#include "k2test.h"

enum { TOPICS = 2, PARTS = 3, MOST = 4000 };

struct model {
    uint64_t values[TOPICS][PARTS][MOST];
    int64_t next[TOPICS][PARTS], safe[TOPICS][PARTS];
};

static struct journal *open_as(const char *dir, enum journal_mode mode, int64_t segment_bytes) {
    struct journal_options options = {.segment_bytes = segment_bytes};
    struct journal *j;
    struct k2_err err = {0};
    CHECK_OK(journal_open(dir, mode, &options, &j, &err), &err);
    return j;
}

static void make_topics(struct journal *j) {
    struct k2_err err = {0};
    struct journal_topic t;
    CHECK_OK(journal_topic(j, K2_SV("market.raw.a"), true, &t, &err), &err);
    assert_int_equal(t.id, 0);
    CHECK_OK(journal_topic(j, K2_SV("market.raw.b"), true, &t, &err), &err);
    assert_int_equal(t.id, 1);
    assert_int_equal(t.partitions, PARTS);
}

static int64_t put(struct journal *j, int t, int p, uint64_t value) {
    struct k2_buf *b = journal_record_begin(j, t, p, K2_SV("key"));
    k2_buf_put(b, &value, 8);
    for (uint64_t i = 0; i < value % 50; i++)
        k2_buf_byte(b, (uint8_t)value);
    return journal_record_end(j, (int64_t)(value % 1000));
}

/* --- the property test --- */

static void append_some(struct journal *j, struct model *m, uint64_t *rng) {
    for (uint64_t n = k2test_random(rng) % 20; n > 0; n--) {
        int t = (int)(k2test_random(rng) % TOPICS), p = (int)(k2test_random(rng) % PARTS);
        int64_t at = m->next[t][p];
        if (at == MOST)
            continue;
        if (k2test_random(rng) % 8 == 0) {
            k2_buf_str(journal_record_begin(j, t, p, K2_SV("taken back")), "value");
            journal_record_abort(j);
        }
        m->values[t][p][at] = k2test_random(rng);
        assert_int_equal(put(j, t, p, m->values[t][p][at]), at);
        m->next[t][p]++;
    }
}

static void check_batch(const struct model *m, const struct journal_batch *b,
                        int64_t next[TOPICS][PARTS]) {
    size_t cursor = 0;
    struct journal_record record;
    int count = 0;
    assert_int_equal(b->base_offset, next[b->topic][b->partition]);
    for (; journal_batch_next(b, &cursor, &record); count++) {
        uint64_t want = m->values[b->topic][b->partition][record.offset], got;
        assert_int_equal(record.offset, next[b->topic][b->partition]++);
        assert_int_equal(record.value.n, 8 + want % 50);
        memcpy(&got, record.value.p, 8);
        assert_int_equal(got, want);
        assert_true(k2_sv_eq(record.key, K2_SV("key")));
    }
    assert_int_equal(count, b->count);
}

static void read_some(struct journal *j, const struct model *m, uint64_t *rng) {
    struct journal_span spans[TOPICS * PARTS];
    int64_t next[TOPICS][PARTS], stop[TOPICS][PARTS];
    struct journal_reader *r;
    struct journal_batch b;
    struct k2_err err = {0};
    int n = 0, rc;
    for (int t = 0; t < TOPICS; t++)
        for (int p = 0; p < PARTS; p++) {
            int64_t safe = m->safe[t][p];
            int64_t from = safe ? (int64_t)(k2test_random(rng) % (uint64_t)safe) : 0;
            int64_t to = from + (int64_t)(k2test_random(rng) % (uint64_t)(safe + 2));
            next[t][p] = from;
            stop[t][p] = to < safe ? to : safe;
            spans[n++] = (struct journal_span){t, p, from, to};
        }
    CHECK_OK(journal_read(j, spans, n, &r, &err), &err);
    while ((rc = journal_next(r, &b, &err)) == 1)
        check_batch(m, &b, next);
    CHECK_OK(rc, &err);
    assert_memory_equal(next, stop, sizeof next);
    journal_reader_close(r);
}

static void check_ends(struct journal *j, const struct model *m) {
    struct k2_err err = {0};
    for (int t = 0; t < TOPICS; t++) {
        int64_t ends[PARTS];
        CHECK_OK(journal_ends(j, t, ends, &err), &err);
        assert_memory_equal(ends, m->safe[t], sizeof ends);
    }
}

static void random_use_equals_the_model(void **state) {
    (void)state;
    char *dir = k2test_dir();
    uint64_t rng = k2test_seed();
    struct model *m = calloc(1, sizeof *m);
    struct k2_err err = {0};
    print_message("K2_SEED=%llu\n", (unsigned long long)rng);
    struct journal *j = open_as(dir, JOURNAL_WRITE, 5000);
    make_topics(j);
    struct journal *reader = open_as(dir, JOURNAL_READ, 0);
    for (int step = 0; step < 400; step++) {
        append_some(j, m, &rng);
        if (k2test_random(&rng) % 2) {
            CHECK_OK(journal_commit(j, &err), &err);
            memcpy(m->safe, m->next, sizeof m->safe);
            check_ends(j, m);
            check_ends(reader, m);
        }
        if (k2test_random(&rng) % 16 == 0) {
            CHECK_OK(journal_seal(j, &err), &err);
            memcpy(m->safe, m->next, sizeof m->safe);
        }
        if (k2test_random(&rng) % 16 == 0) {
            CHECK_OK(journal_commit(j, &err), &err);
            memcpy(m->safe, m->next, sizeof m->safe);
            journal_close(j);
            check_ends(reader, m); /* without a writer */
            j = open_as(dir, JOURNAL_WRITE, 5000);
        }
        read_some(k2test_random(&rng) % 2 ? j : reader, m, &rng);
    }
    int64_t findings, records;
    CHECK_OK(journal_verify(j, NULL, NULL, &findings, &records, &err), &err);
    assert_int_equal(findings, 0);
    assert_true(journal_segment_count(j) > 10);
    journal_close(reader);
    journal_close(j);
    free(m);
    k2test_rmdir(dir);
}

/* --- single promises --- */

static void unflushed_records_are_not_served(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_err err = {0};
    int64_t ends[PARTS];
    struct journal *j = open_as(dir, JOURNAL_WRITE, 0);
    make_topics(j);
    put(j, 0, 1, 42);
    CHECK_OK(journal_ends(j, 0, ends, &err), &err);
    assert_int_equal(ends[1], 0);
    assert_true(journal_pending_bytes(j) > 0);
    CHECK_OK(journal_commit(j, &err), &err);
    assert_int_equal(journal_pending_bytes(j), 0);
    CHECK_OK(journal_ends(j, 0, ends, &err), &err);
    assert_int_equal(ends[1], 1);
    journal_close(j);
    k2test_rmdir(dir);
}

static void second_writer_is_refused_and_readers_are_not(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_err err = {0};
    struct journal *second;
    CHECK_STATUS(journal_open(dir, JOURNAL_READ, NULL, &second, &err), K2_E_NOTFOUND);
    struct journal *j = open_as(dir, JOURNAL_WRITE, 0);
    CHECK_STATUS(journal_open(dir, JOURNAL_WRITE, NULL, &second, &err), K2_E_LOCKED);
    struct journal *reader = open_as(dir, JOURNAL_READ, 0);
    assert_int_equal(journal_id(reader), journal_id(j));
    make_topics(j);
    struct journal_topic t;
    CHECK_OK(journal_topic(reader, K2_SV("market.raw.b"), false, &t, &err), &err);
    CHECK_STATUS(journal_topic(reader, K2_SV("other"), true, &t, &err), K2_E_NOTFOUND);
    CHECK_STATUS(journal_topic(j, K2_SV("bad name"), true, &t, &err), K2_E_INVALID);
    journal_close(reader);
    journal_close(j);
    k2test_rmdir(dir);
}

static void newer_format_version_is_refused(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_err err = {0};
    struct journal *j = open_as(dir, JOURNAL_WRITE, 0);
    journal_close(j);
    char *path = k2_path(dir, "journal/meta");
    CHECK_OK(k2_fs_replace(path, K2_SV("k2-journal 4\nwhatever\n"), &err), &err);
    CHECK_STATUS(journal_open(dir, JOURNAL_READ, NULL, &j, &err), K2_E_VERSION);
    CHECK_STATUS(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), K2_E_VERSION);
    CHECK_OK(k2_fs_replace(path, K2_SV("k2-journal 1\nincarnation 7\ncrc 00000000\n"), &err), &err);
    CHECK_STATUS(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), K2_E_CORRUPT);
    free(path);
    k2test_rmdir(dir);
}

static void segments_without_meta_are_not_overwritten(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_err err = {0};
    struct journal *j = open_as(dir, JOURNAL_WRITE, 0);
    make_topics(j);
    put(j, 0, 0, 1);
    CHECK_OK(journal_commit(j, &err), &err);
    journal_close(j);
    char *path = k2_path(dir, "journal/meta");
    assert_int_equal(unlink(path), 0);
    CHECK_STATUS(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), K2_E_CORRUPT);
    free(path);
    k2test_rmdir(dir);
}

static void positions_survive_and_belong_to_one_journal(void **state) {
    (void)state;
    char *dir = k2test_dir(), *other = k2test_dir();
    struct k2_err err = {0};
    struct journal_span saved[2] = {{0, 1, 17, 0}, {1, 2, INT64_MAX, 0}}, *got;
    int n;
    struct journal *j = open_as(dir, JOURNAL_WRITE, 0), *k = open_as(other, JOURNAL_WRITE, 0);
    CHECK_OK(journal_position_load(j, "sink", &got, &n, &err), &err);
    assert_int_equal(n, 0);
    CHECK_OK(journal_position_save(j, "sink", saved, 2, &err), &err);
    CHECK_OK(journal_position_load(j, "sink", &got, &n, &err), &err);
    assert_int_equal(n, 2);
    assert_int_equal(got[0].from, 17);
    assert_int_equal(got[1].partition, 2);
    assert_true(got[1].from == INT64_MAX);
    free(got);
    char *from = k2_path(dir, "journal/positions/sink"),
         *to = k2_path(other, "journal/positions/x");
    CHECK_OK(k2_fs_rename(from, to, &err), &err);
    CHECK_STATUS(journal_position_load(k, "x", &got, &n, &err), K2_E_CONFLICT);
    CHECK_STATUS(journal_position_save(j, "../meta", saved, 2, &err), K2_E_INVALID);
    CHECK_STATUS(journal_group_remove(j, "nobody", &err), K2_E_NOTFOUND);
    CHECK_OK(journal_position_save(j, "gone", saved, 2, &err), &err);
    CHECK_OK(journal_group_remove(j, "gone", &err), &err);
    assert_int_equal(journal_group_saved_ns(j, "gone"), -1);
    free(from);
    free(to);
    journal_close(j);
    journal_close(k);
    k2test_rmdir(dir);
    k2test_rmdir(other);
}

static void partitions_are_those_of_kafka(void **state) {
    (void)state;
    struct journal_topic t = {.partitions = 3, .name = "x"};
    assert_int_equal(journal_partition(&t, K2_SV("ASX.BHP")), k2_kafka_partition("ASX.BHP", 7, 3));
}

static void appending_uses_its_buffers_again(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_err err = {0};
    struct journal *j = open_as(dir, JOURNAL_WRITE, 0);
    make_topics(j);
    const uint8_t *where = NULL;
    for (int round = 0; round < 20; round++) {
        struct k2_buf *b = NULL;
        for (int i = 0; i < 1000; i++) {
            b = journal_record_begin(j, 0, 0, K2_SV("key"));
            k2_buf_str(b, "a value of some length");
            journal_record_end(j, 0);
        }
        assert_true(round < 2 || b->p == where); /* the buffer is used again */
        where = b->p;
        CHECK_OK(journal_commit(j, &err), &err);
    }
    journal_close(j);
    k2test_rmdir(dir);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_use_equals_the_model),
        cmocka_unit_test(unflushed_records_are_not_served),
        cmocka_unit_test(second_writer_is_refused_and_readers_are_not),
        cmocka_unit_test(newer_format_version_is_refused),
        cmocka_unit_test(segments_without_meta_are_not_overwritten),
        cmocka_unit_test(positions_survive_and_belong_to_one_journal),
        cmocka_unit_test(partitions_are_those_of_kafka),
        cmocka_unit_test(appending_uses_its_buffers_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
