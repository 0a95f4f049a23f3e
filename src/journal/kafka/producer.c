/* journal/kafka/producer.c - how the writer gathers: for little delay, for much data, or as the load asks.
 *
 * What a transaction costs is mostly the same however much is in it, and linger.ms of librdkafka does not count at its
 * commit, which sends what is there. So what decides between delay and rate is how much is gathered before a commit:
 * what the configuration says (ingest.batch_bytes), or MUCH. A live source that has nothing more to say is committed
 * at once in either.
 *
 * `auto` goes over to much when full batches keep coming and half of the time or more is spent in commits, and back
 * when what was committed is less than a small batch again and again. Four and sixteen times, so that a burst or a
 * pause does not turn it over and back.
 */
#include "journal/kafka/kafka.h"

#include "base/clock.h"
#include "base/metrics.h"

#define MUCH ((size_t)8 << 20)
enum { BUSY_TIMES = 4, IDLE_TIMES = 16 };

static void tell(const struct kafka *k) {
    k2_metric_set(k2_metric(K2_METRIC_journal_producer_bytes, NULL),
                  (int64_t)kafka_batch_bytes(&k->base, k->producer.asked));
}

int kafka_producer_options(struct kafka *k, struct kafka_option out[KAFKA_PRODUCER_OPTIONS]) {
    enum journal_producer p = journal_producer();
    int n = 0;
    k->producer.much = p == JOURNAL_MUCH_DATA;
    k->producer.since_ns = k2_monotonic_ns();
    out[n++] = (struct kafka_option){"linger.ms", p == JOURNAL_LITTLE_DELAY ? "0"
                                                  : p == JOURNAL_MUCH_DATA  ? "50"
                                                                            : "5"};
    out[n++] =
        (struct kafka_option){"batch.size", p == JOURNAL_LITTLE_DELAY ? "131072" : "1000000"};
    out[n++] = (struct kafka_option){"compression.type", "zstd"};
    return n;
}

size_t kafka_batch_bytes(const struct journal *journal, size_t asked) {
    struct kafka *k = kafka_of(journal);
    k->producer.asked = asked;
    return k->producer.much && asked < MUCH ? MUCH : asked;
}

void kafka_producer_observe(struct kafka *k, int64_t began_ns) {
    int64_t now = k2_monotonic_ns(), busy = now - began_ns, all = now - k->producer.since_ns;
    bool full = k->producer.bytes >= (int64_t)k->producer.asked;
    k->producer.since_ns = now;
    k->producer.bytes = 0;
    tell(k);
    if (journal_producer() != JOURNAL_AS_LOAD_ASKS)
        return;
    bool turns = k->producer.much ? !full : full && 2 * busy >= all;
    k->producer.times = turns ? k->producer.times + 1 : 0;
    if (k->producer.times < (k->producer.much ? IDLE_TIMES : BUSY_TIMES))
        return;
    k->producer.much = !k->producer.much;
    k->producer.times = 0;
}
