/* tests/unit/query/world.h - a small data directory for the tests of the query room: a real journal, the
 * real sink, and a clock that the test turns. Trades are numbered 1, 2, 3 ... per exchange. */
#ifndef WORLD_H
#define WORLD_H

#include "k2test.h"

#include "base/clock.h"
#include "lake/lake.h"
#include "query/query.h"

static int64_t world_clock_ns = INT64_C(1700000000) * 1000000000;

static inline int64_t world_clock(void) {
    return world_clock_ns;
}

struct world {
    char *dir;
    struct journal *journal;
    struct lake *lake;
    struct k2_interner *in;
    struct query_engine *engine;
    int64_t sequence;
    struct k2_err err;
};

static inline void world_journal(struct world *w) {
    struct journal_options options = {.clock = world_clock};
    CHECK_OK(journal_open(w->dir, JOURNAL_WRITE, &options, &w->journal, &w->err), &w->err);
}

static inline void world_open(struct world *w) {
    *w = (struct world){.dir = k2test_dir(), .in = k2_interner_new()};
    CHECK_OK(lake_open(w->dir, true, &w->lake, &w->err), &w->err);
    for (int i = 0; i < K2_KIND_COUNT; i++)
        CHECK_OK(lake_table_ensure(w->lake, k2_kind((enum k2_kind_id)i), &w->err), &w->err);
    world_journal(w);
}

static inline void world_engine(struct world *w) {
    struct query_options options = {.threads = 2};
    CHECK_OK(query_open(w->dir, &options, &w->engine, &w->err), &w->err);
}

static inline void world_close(struct world *w) {
    query_close(w->engine);
    lake_close(w->lake);
    journal_close(w->journal);
    k2_interner_free(w->in);
    k2test_rmdir(w->dir);
}

static inline uint32_t world_str(struct world *w, const char *s) {
    return s ? k2_intern(w->in, k2_sv_of(s)) : 0;
}

/* A trade at `ns`; its date is the UTC date. price in units of 1e-9, quantity of 1e-10. */
static inline struct k2_event world_trade(struct world *w, const char *exchange, const char *symbol,
                                          int64_t ns, int64_t price, int64_t quantity) {
    struct k2_event e = {.kind = K2_KIND_TRADE};
    struct k2_trade *t = &e.trade;
    t->exchange = world_str(w, exchange);
    t->symbol = world_str(w, symbol);
    t->instrument_id = K2_NULL_LONG;
    t->trade_date = k2_date_of(ns);
    t->exchange_timestamp_ns = ns;
    t->exchange_timestamp = k2_floor_us(ns);
    t->receive_timestamp_ns = K2_NULL_LONG;
    t->exchange_sequence_number = ++w->sequence;
    t->channel = world_str(w, "main/1%");
    t->price = price;
    t->quantity = quantity;
    t->flags = K2_FLAG_LAST;
    t->raw_offset = K2_NULL_LONG;
    return e;
}

static inline void world_append(struct world *w, const struct k2_event *e) {
    const struct k2_kind *kind = k2_kind(e->kind);
    struct k2_buf name = {0}, key = {0};
    struct journal_topic topic;
    uint32_t schema;
    k2_topic_name(kind, k2_interned(w->in, e->trade.exchange), &name);
    k2_event_key(e, w->in, &key);
    CHECK_OK(journal_topic(w->journal, k2_buf_view(&name), true, &topic, &w->err), &w->err);
    k2_buf_str(&name, "-value");
    CHECK_OK(k2_registry_register(journal_registry(w->journal), k2_buf_view(&name),
                                  k2_sv_of(kind->avro_schema), &schema, &w->err),
             &w->err);
    struct k2_buf *value = journal_record_begin(
        w->journal, topic.id, journal_partition(&topic, k2_buf_view(&key)), k2_buf_view(&key));
    CHECK_OK(k2_avro_encode(e, w->in, schema, value, &w->err), &w->err);
    journal_record_end(w->journal, e->trade.exchange_timestamp_ns);
    k2_buf_free(&name);
    k2_buf_free(&key);
}

/* Makes what was appended durable; the clock goes on by a second. */
static inline void world_commit(struct world *w) {
    CHECK_OK(journal_commit(w->journal, &w->err), &w->err);
    world_clock_ns += K2_NS_PER_SEC;
}

static inline void world_sink(struct world *w) {
    struct sink_totals totals;
    CHECK_OK(sink_run(w->journal, w->lake, w->dir, NULL, &totals, &w->err), &w->err);
}

static inline int64_t world_time(const char *text) {
    int64_t ns;
    struct k2_err err = {0};
    CHECK_OK(k2_time_parse(k2_sv_of(text), 0, NULL, &ns, &err), &err);
    return ns;
}

/* Runs SQL and gives its rows as text in a format; heap memory. NULL when it failed (w->err says why). */
static inline char *world_ask(struct world *w, const struct query_request *request,
                              enum query_format format, struct query_stats *stats) {
    struct query_result *result;
    char *text = NULL;
    size_t n = 0;
    if (query_run(w->engine, request, &result, &w->err) != K2_OK)
        return NULL;
    FILE *out = open_memstream(&text, &n);
    int rc = query_print(result, format, 0, out, NULL, &w->err);
    fclose(out);
    if (stats) {
        *stats = query_result_stats(result);
        static struct query_scan kept[8];
        for (int i = 0; i < stats->scan_count && i < 8; i++)
            kept[i] = stats->scans[i];
        stats->scans = kept;
    }
    query_result_free(result);
    if (rc == K2_OK)
        return text;
    free(text);
    return NULL;
}

static inline char *world_csv(struct world *w, const char *sql) {
    struct query_request request = {.sql = k2_sv_of(sql)};
    return world_ask(w, &request, QUERY_CSV, NULL);
}

/* The CSV of the rows without the header must be this. */
static inline void world_expect(struct world *w, const char *sql, const char *rows) {
    char *text = world_csv(w, sql);
    if (!text)
        fail_msg("%s: %s", sql, w->err.msg);
    const char *body = strchr(text, '\n');
    assert_string_equal(body ? body + 1 : "", rows);
    free(text);
}

#endif
