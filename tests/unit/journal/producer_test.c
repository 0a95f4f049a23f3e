/* How a writer to Kafka gathers: it goes over to much data under load, and back, and not at each burst or pause. */
#include "base/clock.h"
#include "journal/kafka/kafka.h"
#include "k2test.h"

enum { SMALL = 1000, TIMES = 4, PAUSES = 16 };
#define MUCH ((size_t)8 << 20)

/* So many commits of `bytes` each, `percent` of the time spent in them; how much is gathered afterwards. */
static size_t commits(struct kafka *k, int times, int64_t bytes, int percent) {
    for (int i = 0; i < times; i++) {
        int64_t now = k2_monotonic_ns(), all = 60 * K2_NS_PER_SEC;
        k->producer.since_ns = now - all;
        k->producer.bytes = bytes;
        kafka_producer_observe(k, now - all / 100 * percent);
    }
    return kafka_batch_bytes(&k->base, SMALL);
}

static struct kafka writer(const char *how) {
    static struct kafka_option options[KAFKA_PRODUCER_OPTIONS];
    struct kafka k = {0};
    CHECK_STATUS(journal_use_producer(how, NULL), K2_OK);
    (void)kafka_producer_options(&k, options);
    (void)kafka_batch_bytes(&k.base, SMALL);
    return k;
}

static void full_batches_and_busy_commits_gather_much(void **state) {
    (void)state;
    struct kafka k = writer("auto");
    assert_int_equal(commits(&k, TIMES - 1, SMALL, 60), SMALL);
    assert_int_equal(commits(&k, 1, SMALL, 60), MUCH);
}

static void a_burst_or_quick_commits_do_not(void **state) {
    (void)state;
    struct kafka k = writer("auto");
    for (int i = 0; i < 10; i++) {
        assert_int_equal(commits(&k, TIMES - 1, SMALL, 90), SMALL);
        assert_int_equal(commits(&k, 1, SMALL - 1, 90), SMALL);
    }
    assert_int_equal(commits(&k, 100, SMALL, 40), SMALL);
    assert_int_equal(commits(&k, 100, SMALL - 1, 90), SMALL);
}

static void many_small_commits_gather_little_again(void **state) {
    (void)state;
    struct kafka k = writer("auto");
    assert_int_equal(commits(&k, TIMES, SMALL, 60), MUCH);
    for (int i = 0; i < 10; i++) { /* pauses */
        assert_int_equal(commits(&k, PAUSES - 1, SMALL - 1, 1), MUCH);
        assert_int_equal(commits(&k, 1, SMALL, 1), MUCH);
    }
    assert_int_equal(commits(&k, PAUSES, SMALL - 1, 1), SMALL);
}

static void what_is_fixed_does_not_switch(void **state) {
    (void)state;
    struct kafka little = writer("low-latency");
    assert_int_equal(commits(&little, 100, SMALL, 100), SMALL);
    struct kafka much = writer("high-throughput");
    assert_int_equal(commits(&much, 100, 1, 1), MUCH);
    CHECK_STATUS(journal_use_producer("auto", NULL), K2_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_batches_and_busy_commits_gather_much),
        cmocka_unit_test(a_burst_or_quick_commits_do_not),
        cmocka_unit_test(many_small_commits_gather_little_again),
        cmocka_unit_test(what_is_fixed_does_not_switch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
