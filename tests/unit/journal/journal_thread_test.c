/* One appender, its sync and seal threads, a waiting thread and readers of both kinds at once. */
#include "base/log.h"
#include "journal/journal.h"
#include "k2test.h"

#include <pthread.h>
#include <stdatomic.h>

enum { PARTS = 3, COMMITS = 300 };

struct shared {
    struct journal *j;
    atomic_bool done;
    _Atomic int64_t position;
    _Atomic int64_t acknowledged; /* records of each partition */
};

static void put(struct journal *j, int partition, int64_t i) {
    k2_buf_put(journal_record_begin(j, 0, partition, K2_SV("k")), &i, sizeof i);
    assert_int_equal(journal_record_end(j, i), i);
}

/* Reads all from the start and checks it; gives the number of records of the shortest partition. */
static int64_t read_all(struct journal *j) {
    struct journal_span spans[PARTS] = {
        {0, 0, 0, INT64_MAX}, {0, 1, 0, INT64_MAX}, {0, 2, 0, INT64_MAX}};
    struct journal_reader *r;
    struct journal_batch b;
    struct k2_err err = {0};
    int64_t next[PARTS] = {0};
    int rc;
    CHECK_OK(journal_read(j, spans, PARTS, &r, &err), &err);
    while ((rc = journal_next(r, &b, &err)) == 1) {
        struct journal_record record;
        size_t cursor = 0;
        while (journal_batch_next(&b, &cursor, &record)) {
            assert_memory_equal(record.value.p, &next[b.partition], sizeof(int64_t));
            next[b.partition]++;
        }
    }
    CHECK_OK(rc, &err);
    journal_reader_close(r);
    int64_t least = next[0] < next[1] ? next[0] : next[1];
    return least < next[2] ? least : next[2];
}

static void *read_main(void *arg) {
    struct shared *s = arg;
    while (!atomic_load(&s->done)) {
        int64_t before = atomic_load(&s->acknowledged);
        assert_true(read_all(s->j) >= before);
    }
    return NULL;
}

static void *flush_main(void *arg) {
    struct shared *s = arg;
    struct k2_err err = {0};
    while (!atomic_load(&s->done))
        CHECK_OK(journal_flush(s->j, atomic_load(&s->position), &err), &err);
    return NULL;
}

static void readers_see_whole_acknowledged_prefixes(void **state) {
    (void)state;
    char *dir = k2test_dir();
    struct k2_err err = {0};
    struct journal_options options = {.segment_bytes = 8000};
    struct shared s = {0}, other = {0};
    struct journal_topic t;
    pthread_t threads[3];
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, &options, &s.j, &err), &err);
    CHECK_OK(journal_topic(s.j, K2_SV("raw"), true, &t, &err), &err);
    CHECK_OK(journal_open(dir, JOURNAL_READ, NULL, &other.j, &err), &err);
    pthread_create(&threads[0], NULL, read_main, &s);
    pthread_create(&threads[1], NULL, read_main, &other);
    pthread_create(&threads[2], NULL, flush_main, &s);
    for (int64_t i = 0; i < COMMITS; i++) {
        int64_t position;
        for (int p = 0; p < PARTS; p++)
            put(s.j, p, i);
        CHECK_OK(journal_write(s.j, &position, &err), &err);
        atomic_store(&s.position, position);
        if (i % 4)
            continue;
        CHECK_OK(journal_flush(s.j, position, &err), &err);
        atomic_store(&s.acknowledged, i + 1);
        atomic_store(&other.acknowledged, i + 1);
    }
    atomic_store(&s.done, true);
    atomic_store(&other.done, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK_OK(journal_commit(s.j, &err), &err);
    assert_int_equal(read_all(s.j), COMMITS);
    assert_int_equal(read_all(other.j), COMMITS);
    journal_close(other.j);
    journal_close(s.j);
    k2test_rmdir(dir);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_whole_acknowledged_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
