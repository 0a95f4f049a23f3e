/* Records by key to several threads: in order within a key, each once, and a busy key holds nobody else. */
#include "journal/lanes.h"

#include "k2test.h"

#include <pthread.h>

enum { KEYS = 200, RECORDS = 100000, LANES = 5 };

struct tally {
    int64_t next[KEYS + 1]; /* what the next record of a key must say; of the key's lane alone */
    pthread_mutex_t mutex;
    pthread_cond_t change;
    int64_t others,
        wanted; /* records of keys but 0: so many are taken, so many must be before key 0 goes on */
};

static struct journal_record record_of(int key, char *text, const int64_t *number) {
    int n = snprintf(text, 16, "SIM.S%d", key);
    return (struct journal_record){.key = {text, (size_t)n},
                                   .value = {(const char *)number, sizeof *number},
                                   .offset = *number};
}

static int key_of(struct k2_sv key) {
    int64_t n;
    struct k2_sv number = {key.p + 5, key.n - 5};
    assert_true(k2_sv_i64(number, &n) && n >= 0 && n <= KEYS);
    return (int)n;
}

/* One symbol has a thousand records for each of the others. */
static int skewed(uint32_t *seed) {
    *seed = *seed * 1664525 + 1013904223;
    uint32_t r = *seed >> 8;
    return r % 1000 ? 0 : 1 + (int)(r / 1000 % KEYS);
}

static int count(void *ctx, int lane, int32_t topic, const struct journal_record *r,
                 struct k2_err *err) {
    struct tally *t = ctx;
    int64_t n;
    (void)err;
    memcpy(&n, r->value.p, sizeof n);
    int key = key_of(r->key);
    assert_int_equal(lane, lanes_of(r->key, LANES));
    assert_int_equal(topic, 7);
    assert_int_equal(r->offset, n);
    assert_int_equal(t->next[key], n);
    t->next[key] = n + 1;
    return K2_OK;
}

static void each_key_in_its_order(void **state) {
    (void)state;
    struct k2_err err = {0};
    for (int threads = 0; threads < 2; threads++) {
        struct tally t = {0};
        int64_t given[KEYS + 1] = {0};
        uint32_t seed = 17;
        struct lanes *l;
        CHECK_OK(lanes_start(LANES, threads, count, &t, &l, &err), &err);
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < RECORDS; i++) {
                char text[16];
                int key = skewed(&seed);
                struct journal_record r = record_of(key, text, &given[key]);
                lanes_give(l, 7, &r);
                given[key]++;
            }
            CHECK_OK(lanes_drain(l, &err), &err);
            assert_memory_equal(t.next, given, sizeof given); /* all of it, and now */
        }
        lanes_stop(l);
    }
}

static int wait_for_others(void *ctx, int lane, int32_t topic, const struct journal_record *r,
                           struct k2_err *err) {
    struct tally *t = ctx;
    (void)lane;
    (void)topic;
    (void)err;
    pthread_mutex_lock(&t->mutex);
    if (key_of(r->key) != 0)
        t->others++;
    pthread_cond_broadcast(&t->change);
    while (key_of(r->key) == 0 && t->others < t->wanted)
        pthread_cond_wait(&t->change, &t->mutex);
    pthread_mutex_unlock(&t->mutex);
    return K2_OK;
}

/* The first record's lane stands still until all others are taken: it would for ever if they waited for it. */
static void a_busy_key_holds_no_other_lane(void **state) {
    (void)state;
    struct tally t = {.mutex = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};
    struct k2_err err = {0};
    struct lanes *l;
    char text[16], hot[16];
    int64_t n = 0;
    struct journal_record first = record_of(0, hot, &n);
    for (int key = 1; key <= KEYS; key++)
        t.wanted += lanes_of(record_of(key, text, &n).key, LANES) != lanes_of(first.key, LANES);
    CHECK_OK(lanes_start(LANES, true, wait_for_others, &t, &l, &err), &err);
    for (int i = 0; i < 20000; i++)
        lanes_give(l, 7, &first);
    for (int key = 1; key <= KEYS; key++) {
        struct journal_record r = record_of(key, text, &n);
        if (lanes_of(r.key, LANES) != lanes_of(first.key, LANES))
            lanes_give(l, 7, &r);
    }
    CHECK_OK(lanes_drain(l, &err), &err);
    assert_int_equal(t.others, t.wanted);
    assert_true(t.wanted > KEYS / 2);
    lanes_stop(l);
}

static int refuse_the_third(void *ctx, int lane, int32_t topic, const struct journal_record *r,
                            struct k2_err *err) {
    int64_t *taken = ctx;
    (void)lane;
    (void)topic;
    (void)r;
    return ++*taken == 3 ? k2_fail(err, K2_E_DATA, "the third is bad") : K2_OK;
}

static void a_lane_that_failed_takes_no_more(void **state) {
    (void)state;
    for (int threads = 0; threads < 2; threads++) {
        struct k2_err err = {0};
        struct lanes *l;
        char text[16];
        int64_t taken = 0, n = 0;
        struct journal_record r = record_of(1, text, &n);
        CHECK_OK(lanes_start(LANES, threads, refuse_the_third, &taken, &l, &err), &err);
        for (int i = 0; i < 50000; i++)
            lanes_give(l, 7, &r);
        assert_int_equal(lanes_drain(l, &err), K2_E_DATA);
        assert_string_equal(err.msg, "the third is bad");
        assert_int_equal(taken, 3);
        lanes_stop(l);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_in_its_order),
        cmocka_unit_test(a_busy_key_holds_no_other_lane),
        cmocka_unit_test(a_lane_that_failed_takes_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
