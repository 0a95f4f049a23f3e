/* bench/kafka.c - what K2's journal on Kafka does beside librdkafka itself, on the same broker.
 *
 *   k2          events -> Avro -> journal (journal_write, journal_flush), as k2 ingest gathers and commits
 *   idempotent  librdkafka with acks=all, idempotence and zstd: the ceiling. It gets the records' bytes ready-made, copies
 *               none of them and waits for none
 *   transaction the same in transactions, committed when so much is sent as K2 gathers
 * Each sends so many trades, at a pace or as fast as it can. Latency is from when a trade was due (from its sending, where
 * there is no pace) until it is known to be durable. Then `k2-read` reads them with journal_next and decodes each, and
 * `fetch` is librdkafka's consumer, which looks at no byte; both read what is committed.
 * One JSON line; CPU time is of this process, with all threads of the library.
 *
 * Usage: kafka BROKERS PREFIX DIRECTORY k2|idempotent|transaction|k2-read|fetch COUNT [a second, default 0 = as many as it can]
 */
#include "market.h"

#include "base/fs.h"
#include "base/hist.h"
#include "base/library.h"
#include "journal/journal.h"
#include "journal/profile.h"

#include <dlfcn.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* What is used of the library, which K2 opens at run time too. */
/* clang-format off */
#define KAFKA_API(X) \
    X(rd_kafka_assign) X(rd_kafka_begin_transaction) X(rd_kafka_commit_transaction) \
    X(rd_kafka_conf_new) X(rd_kafka_conf_set) X(rd_kafka_conf_set_dr_msg_cb) \
    X(rd_kafka_conf_set_opaque) X(rd_kafka_consume_batch_queue) X(rd_kafka_consumer_close) \
    X(rd_kafka_destroy) X(rd_kafka_err2str) X(rd_kafka_error_string) \
    X(rd_kafka_init_transactions) X(rd_kafka_last_error) X(rd_kafka_message_destroy) \
    X(rd_kafka_metadata) X(rd_kafka_metadata_destroy) X(rd_kafka_new) X(rd_kafka_poll) \
    X(rd_kafka_produce) X(rd_kafka_queue_destroy) X(rd_kafka_queue_get_consumer) \
    X(rd_kafka_topic_destroy) X(rd_kafka_topic_new) X(rd_kafka_topic_partition_list_add) \
    X(rd_kafka_topic_partition_list_destroy) X(rd_kafka_topic_partition_list_new)
/* clang-format on */

/* NOLINTNEXTLINE(bugprone-macro-parentheses): the name is declared here */
#define KAFKA_POINTER(name) __typeof__(&name) name;
static struct { KAFKA_API(KAFKA_POINTER) } api;

enum { RING = 65536, SMALL = 262144, MUCH = 8 << 20, NAP_NS = 100000, PATIENCE_MS = 60000 };
enum { MOST_PARTITIONS = 64, POLL_EVERY = 256 };

enum mode { K2, IDEMPOTENT, TRANSACTION, K2_READ, FETCH };

struct load { /* the same trades for all, again and again */
    struct k2_interner *in;
    struct k2_event *events;
    struct k2_buf bytes; /* keys and values */
    struct {
        size_t at, key, value;
    } * ready;
};

struct run {
    const char *brokers, *prefix, *dir;
    enum mode mode;
    int64_t count, rate; /* rate 0 = as many as it can */
    struct load load;
    int64_t start, acknowledged, bytes, wall_ns, cpu_ns;
    int64_t *due; /* of each, when */
    struct k2_hist latency;
};

static void check(int rc, const struct k2_err *err) {
    if (rc == K2_OK)
        return;
    fprintf(stderr, "kafka: %s\n", err->msg);
    exit(1);
}

static void check_kafka(bool good, const char *what, const char *why) {
    if (good)
        return;
    fprintf(stderr, "kafka: %s: %s\n", what, why);
    exit(1);
}

static void check_error(rd_kafka_error_t *e, const char *what) {
    check_kafka(!e, what, e ? api.rd_kafka_error_string(e) : "");
}

static void load_library(void) {
    struct k2_err err;
    void *library;
    check(k2_library_open("librdkafka.so.1", "K2_RDKAFKA", NULL, &library, &err), &err);
#define KAFKA_SYMBOL(name)                                                                         \
    *(void **)&api.name = dlsym(library, #name);                                                   \
    check_kafka(api.name, #name, "librdkafka lacks it");
    KAFKA_API(KAFKA_SYMBOL)
}

static int64_t cpu_ns(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * K2_NS_PER_SEC +
           (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * K2_NS_PER_US;
}

/* --- what is sent --- */

static void make_load(struct load *l) {
    struct k2_err err;
    struct market *m = k2_alloc(sizeof *m);
    l->in = k2_interner_new();
    l->events = k2_alloc(RING * sizeof *l->events);
    l->ready = k2_alloc(RING * sizeof *l->ready);
    market_init(m, l->in);
    for (size_t i = 0; i < RING; i++) {
        market_next(m, &l->events[i]);
        l->ready[i].at = l->bytes.n;
        k2_event_key(&l->events[i], l->in, &l->bytes);
        l->ready[i].key = l->bytes.n - l->ready[i].at;
        check(k2_avro_encode(&l->events[i], l->in, 1, &l->bytes, &err), &err);
        l->ready[i].value = l->bytes.n - l->ready[i].at - l->ready[i].key;
    }
    free(m);
}

static struct k2_sv key_of(const struct run *r, int64_t i) {
    const struct load *l = &r->load;
    return (struct k2_sv){(const char *)l->bytes.p + l->ready[i % RING].at, l->ready[i % RING].key};
}

static struct k2_sv value_of(const struct run *r, int64_t i) {
    struct k2_sv key = key_of(r, i);
    return (struct k2_sv){key.p + key.n, r->load.ready[i % RING].value};
}

static void begin(struct run *r) {
    r->cpu_ns = cpu_ns();
    r->start = k2_monotonic_ns();
}

static void end(struct run *r) {
    r->wall_ns = k2_monotonic_ns() - r->start;
    r->cpu_ns = cpu_ns() - r->cpu_ns;
}

/* How many are due by now: all of them where there is no pace. */
static int64_t due_by_now(const struct run *r) {
    if (r->rate == 0)
        return r->count;
    int64_t n = (k2_monotonic_ns() - r->start) * r->rate / K2_NS_PER_SEC;
    return n < r->count ? n : r->count;
}

/* The i-th is sent now. */
static void note_sent(struct run *r, int64_t i) {
    r->due[i] = r->rate ? r->start + i * K2_NS_PER_SEC / r->rate : k2_monotonic_ns();
    r->bytes += (int64_t)(key_of(r, i).n + value_of(r, i).n);
}

/* All up to the n-th are durable. */
static void note_durable(struct run *r, int64_t n) {
    int64_t now = k2_monotonic_ns();
    for (; r->acknowledged < n; r->acknowledged++)
        k2_hist_record(&r->latency, (uint64_t)(now - r->due[r->acknowledged]));
}

static void nap(void) {
    const struct timespec t = {.tv_nsec = NAP_NS};
    nanosleep(&t, NULL);
}

/* --- K2's journal --- */

struct k2_side {
    struct journal *journal;
    struct journal_topic topic;
    uint32_t schema;
    struct k2_buf key;
    int64_t written, written_count; /* the write before, and how many were sent by then */
    size_t unflushed;
};

static void open_k2(const struct run *r, enum journal_mode mode, const char *topic,
                    struct k2_side *k) {
    struct k2_err err;
    char url[512];
    snprintf(url, sizeof url, "kafka://%s/%s", r->brokers, r->prefix);
    check(journal_use_producer(r->rate ? "low-latency" : "high-throughput", &err), &err);
    const struct journal_options options = {.url = url};
    check(journal_open(r->dir, mode, &options, &k->journal, &err), &err);
    bool writes = mode == JOURNAL_WRITE;
    check(journal_topic(k->journal, k2_sv_of(topic), writes, &k->topic, &err), &err);
    if (writes)
        check(k2_registry_register(journal_registry(k->journal), K2_SV("market.ticks.bench-value"),
                                   k2_sv_of(k2_kind(K2_KIND_TRADE)->avro_schema), &k->schema, &err),
              &err);
}

static void put_k2(struct run *r, struct k2_side *k, int64_t i) {
    struct k2_err err;
    const struct k2_event *e = &r->load.events[i % RING];
    note_sent(r, i);
    k->key.n = 0;
    k2_event_key(e, r->load.in, &k->key);
    struct k2_sv key = k2_buf_view(&k->key);
    struct k2_buf *out =
        journal_record_begin(k->journal, k->topic.id, journal_partition(&k->topic, key), key);
    check(k2_avro_encode(e, r->load.in, k->schema, out, &err), &err);
    journal_record_end(k->journal, e->trade.exchange_timestamp_ns);
}

/* As k2 ingest does: what is gathered is written, and once enough is written all but the last write is waited for. */
static void write_if_full(struct run *r, struct k2_side *k, int64_t sent) {
    struct k2_err err;
    size_t pending = journal_pending_bytes(k->journal),
           enough = journal_batch_bytes(k->journal, SMALL);
    int64_t before = k->written, before_count = k->written_count;
    if (pending < SMALL)
        return;
    check(journal_write(k->journal, &k->written, &err), &err);
    k->written_count = sent;
    k->unflushed += pending;
    if (before == 0 || k->unflushed < enough)
        return;
    k->unflushed = 0;
    check(journal_flush(k->journal, before, &err), &err);
    note_durable(r, before_count);
}

static void commit_k2(struct run *r, struct k2_side *k, int64_t sent) {
    struct k2_err err;
    check(journal_commit(k->journal, &err), &err);
    k->written = k->written_count = 0;
    k->unflushed = 0;
    note_durable(r, sent);
}

static void produce_k2(struct run *r) {
    struct k2_side k = {0};
    open_k2(r, JOURNAL_WRITE, "market.ticks.bench", &k);
    begin(r);
    for (int64_t sent = 0; r->acknowledged < r->count;) {
        int64_t until = due_by_now(r);
        if (sent == until && r->acknowledged == sent)
            nap();
        for (; sent < until; write_if_full(r, &k, sent))
            put_k2(r, &k, sent++);
        if (r->acknowledged < sent)
            commit_k2(r, &k, sent);
    }
    end(r);
    k2_buf_free(&k.key);
    journal_close(k.journal);
}

static int spans_of(const struct k2_side *k, struct journal_span *spans) {
    for (int32_t p = 0; p < k->topic.partitions; p++)
        spans[p] = (struct journal_span){k->topic.id, p, 0, INT64_MAX};
    return k->topic.partitions;
}

static void read_k2(struct run *r) {
    struct k2_err err;
    struct k2_side k = {0};
    struct journal_span spans[MOST_PARTITIONS];
    struct journal_reader *reader;
    struct journal_batch b;
    int more;
    open_k2(r, JOURNAL_READ, "market.ticks.bench", &k);
    struct k2_decoder *d = k2_decoder_new(k2_kind(K2_KIND_TRADE), r->load.in,
                                          k2_registry_source(journal_registry(k.journal)));
    begin(r);
    check(journal_read(k.journal, spans, spans_of(&k, spans), &reader, &err), &err);
    while ((more = journal_next(reader, &b, &err)) > 0) {
        struct journal_record record;
        struct k2_event e;
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record); r->acknowledged++) {
            check(k2_decode(d, record.value, &e, &err), &err);
            r->bytes += (int64_t)(record.key.n + record.value.n);
        }
    }
    check(more, &err);
    end(r);
    journal_reader_close(reader);
    k2_decoder_free(d);
    journal_close(k.journal);
}

/* --- librdkafka --- */

struct raw_side {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    int32_t *partitions; /* of each record of the ring */
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque) {
    struct run *r = opaque;
    (void)rk;
    check_kafka(!m->err, "a record was not delivered", api.rd_kafka_err2str(m->err));
    if (r->mode == TRANSACTION) /* it is durable when that is committed */
        return;
    int64_t due = r->due[(int64_t)(intptr_t)m->_private];
    k2_hist_record(&r->latency, (uint64_t)(k2_monotonic_ns() - due));
    r->acknowledged++;
}

static void set(rd_kafka_conf_t *conf, const char *key, const char *value) {
    char why[256] = "";
    check_kafka(api.rd_kafka_conf_set(conf, key, value, why, sizeof why) == RD_KAFKA_CONF_OK, key,
                why);
}

/* It gathers as producer.c of the journal says for the same pace. */
static void configure_producer(struct run *r, rd_kafka_conf_t *conf) {
    set(conf, "acks", "all");
    set(conf, "enable.idempotence", "true");
    set(conf, "compression.type", "zstd");
    set(conf, "queue.buffering.max.messages", "1000000");
    set(conf, "linger.ms", r->rate ? "0" : "50");
    set(conf, "batch.size", r->rate ? "131072" : "1000000");
    if (r->mode == TRANSACTION)
        set(conf, "transactional.id", "bench");
    api.rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    api.rd_kafka_conf_set_opaque(conf, r);
}

static rd_kafka_t *open_library(struct run *r, rd_kafka_type_t type) {
    char why[256] = "";
    rd_kafka_conf_t *conf = api.rd_kafka_conf_new();
    set(conf, "bootstrap.servers", r->brokers);
    if (type == RD_KAFKA_PRODUCER)
        configure_producer(r, conf);
    else
        set(conf, "group.id", "bench");
    rd_kafka_t *rk = api.rd_kafka_new(type, conf, why, sizeof why);
    check_kafka(rk, "open", why);
    return rk;
}

/* The topic is made as K2 makes its own, and K2's partitioner has chosen before the clock runs. */
static void prepare_raw(struct run *r, struct raw_side *raw) {
    struct k2_side k = {0};
    char name[256];
    open_k2(r, JOURNAL_WRITE, "market.ticks.raw", &k);
    raw->partitions = k2_alloc(RING * sizeof *raw->partitions);
    for (size_t i = 0; i < RING; i++)
        raw->partitions[i] = journal_partition(&k.topic, key_of(r, (int64_t)i));
    journal_close(k.journal);
    raw->rk = open_library(r, RD_KAFKA_PRODUCER);
    snprintf(name, sizeof name, "%smarket.ticks.raw", r->prefix);
    raw->topic = api.rd_kafka_topic_new(raw->rk, name, NULL);
    const struct rd_kafka_metadata *m;
    rd_kafka_resp_err_t code = api.rd_kafka_metadata(raw->rk, 0, raw->topic, &m, PATIENCE_MS);
    check_kafka(!code, "find the topic", api.rd_kafka_err2str(code));
    api.rd_kafka_metadata_destroy(m);
    if (r->mode == TRANSACTION)
        check_error(api.rd_kafka_init_transactions(raw->rk, PATIENCE_MS), "begin to write");
}

static void close_raw(struct raw_side *raw) {
    api.rd_kafka_topic_destroy(raw->topic);
    api.rd_kafka_destroy(raw->rk);
    free(raw->partitions);
}

static void put_raw(struct run *r, const struct raw_side *raw, int64_t i) {
    struct k2_sv key = key_of(r, i), value = value_of(r, i);
    note_sent(r, i);
    while (api.rd_kafka_produce(raw->topic, raw->partitions[i % RING], 0,
                                (void *)(uintptr_t)value.p, value.n, key.p, key.n,
                                (void *)(intptr_t)i) != 0) {
        rd_kafka_resp_err_t code = api.rd_kafka_last_error();
        check_kafka(code == RD_KAFKA_RESP_ERR__QUEUE_FULL, "produce", api.rd_kafka_err2str(code));
        api.rd_kafka_poll(raw->rk, 10);
    }
}

static void produce_idempotent(struct run *r) {
    struct raw_side raw = {0};
    prepare_raw(r, &raw);
    begin(r);
    for (int64_t sent = 0; r->acknowledged < r->count;) {
        int64_t until = due_by_now(r);
        if (sent == until)
            nap();
        for (int i = 0; sent < until && i < POLL_EVERY; i++)
            put_raw(r, &raw, sent++);
        api.rd_kafka_poll(raw.rk, 0);
    }
    end(r);
    close_raw(&raw);
}

static void produce_transactions(struct run *r) {
    struct raw_side raw = {0};
    prepare_raw(r, &raw);
    begin(r);
    for (int64_t sent = 0; r->acknowledged < r->count;) {
        int64_t until = due_by_now(r), begun = r->bytes;
        if (sent == until) {
            nap();
            continue;
        }
        check_error(api.rd_kafka_begin_transaction(raw.rk), "begin");
        for (; sent < until && r->bytes - begun < (r->rate ? SMALL : MUCH); sent++)
            put_raw(r, &raw, sent);
        check_error(api.rd_kafka_commit_transaction(raw.rk, PATIENCE_MS), "commit");
        note_durable(r, sent);
    }
    end(r);
    close_raw(&raw);
}

static void assign_all(const struct run *r, rd_kafka_t *rk) {
    struct k2_side k = {0};
    char name[256];
    open_k2(r, JOURNAL_READ, "market.ticks.bench", &k);
    snprintf(name, sizeof name, "%smarket.ticks.bench", r->prefix);
    rd_kafka_topic_partition_list_t *list = api.rd_kafka_topic_partition_list_new(MOST_PARTITIONS);
    for (int32_t p = 0; p < k.topic.partitions; p++)
        api.rd_kafka_topic_partition_list_add(list, name, p)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t code = api.rd_kafka_assign(rk, list);
    check_kafka(!code, "assign", api.rd_kafka_err2str(code));
    api.rd_kafka_topic_partition_list_destroy(list);
    journal_close(k.journal);
}

static void fetch(struct run *r) {
    static rd_kafka_message_t *got[1024];
    rd_kafka_t *rk = open_library(r, RD_KAFKA_CONSUMER);
    rd_kafka_queue_t *queue = api.rd_kafka_queue_get_consumer(rk);
    begin(r);
    assign_all(r, rk);
    while (r->acknowledged < r->count) {
        ssize_t n = api.rd_kafka_consume_batch_queue(queue, 10, got, 1024);
        for (ssize_t i = 0; i < n; i++) {
            check_kafka(!got[i]->err, "fetch", api.rd_kafka_err2str(got[i]->err));
            r->bytes += (int64_t)(got[i]->key_len + got[i]->len);
            api.rd_kafka_message_destroy(got[i]);
            r->acknowledged++;
        }
    }
    end(r);
    api.rd_kafka_queue_destroy(queue);
    api.rd_kafka_consumer_close(rk);
    api.rd_kafka_destroy(rk);
}

/* --- all of it --- */

static void report(const struct run *r, const char *mode) {
    double q[] = {0.5, 0.99, 0.999};
    printf("{\"stage\":\"kafka\",\"mode\":\"%s\",\"rate\":%lld,\"rows\":%lld,\"wall_ms\":%lld,"
           "\"cpu_ms\":%lld,\"bytes\":%lld,\"per_s\":%lld",
           mode, (long long)r->rate, (long long)r->acknowledged,
           (long long)(r->wall_ns / K2_NS_PER_MS), (long long)(r->cpu_ns / K2_NS_PER_MS),
           (long long)r->bytes, (long long)(r->acknowledged * 1000 / (r->wall_ns / 1000000 + 1)));
    for (int i = 0; i < 3 && r->latency.count > 0; i++)
        printf(",\"p%g_us\":%llu", q[i] * 100,
               (unsigned long long)(k2_hist_quantile(&r->latency, q[i]) / 1000));
    printf("}\n");
}

static const struct {
    const char *name;
    enum mode mode;
    void (*run)(struct run *r);
} modes[] = {{"k2", K2, produce_k2},
             {"idempotent", IDEMPOTENT, produce_idempotent},
             {"transaction", TRANSACTION, produce_transactions},
             {"k2-read", K2_READ, read_k2},
             {"fetch", FETCH, fetch}};

int main(int argc, char **argv) {
    for (size_t i = 0; argc >= 6 && i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(argv[4], modes[i].name) != 0)
            continue;
        struct run *r = k2_zalloc(sizeof *r);
        *r = (struct run){.brokers = argv[1],
                          .prefix = argv[2],
                          .dir = argv[3],
                          .mode = modes[i].mode,
                          .count = atoll(argv[5]),
                          .rate = argc > 6 ? atoll(argv[6]) : 0};
        r->due = k2_alloc((size_t)(r->count + 1) * sizeof *r->due);
        load_library();
        make_load(&r->load);
        modes[i].run(r);
        report(r, modes[i].name);
        return 0;
    }
    fprintf(stderr, "usage: kafka BROKERS PREFIX DIRECTORY k2|idempotent|transaction|k2-read|fetch "
                    "COUNT [a second]\n");
    return 2;
}
