/* bench/pipeline.c - what each stage of the way of the data costs, on one core and this disk.
 *
 *   append   events -> sequence engine -> Avro -> journal, durable; beside a bare loop of pwrite and
 *            fdatasync of the same bytes, blocks and file strategy (the limit)
 *   sink     journal -> Iceberg from Avro, interning and sorting included, all columns; and the ten columns
 *            that the peers are measured with, by the same decoder, sort and writer
 * Rows are those of bench/peers.py, which reads the CSV that --csv writes. Figures are JSON lines on
 * stdout: rates per CPU-second (user + system) beside wall time.
 *
 * Usage: pipeline DIRECTORY [rows, default 4000000] [--csv FILE]
 */
#include "market.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/hist.h"
#include "lake/lake.h"
#include "lake/sort.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static void check(int rc, const struct k2_err *err) {
    if (rc == K2_OK)
        return;
    fprintf(stderr, "pipeline: %s\n", err->msg);
    exit(1);
}

/* --- clock --- */

struct span {
    int64_t wall, cpu;
};

static int64_t cpu_ns(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * K2_NS_PER_SEC +
           (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * K2_NS_PER_US;
}

static struct span begin(void) {
    return (struct span){k2_monotonic_ns(), cpu_ns()};
}

static struct span end(struct span s) {
    return (struct span){k2_monotonic_ns() - s.wall, cpu_ns() - s.cpu};
}

static void report(const char *stage, int64_t rows, struct span s, int64_t bytes) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    printf("{\"stage\":\"%s\",\"rows\":%lld,\"wall_ms\":%lld,\"cpu_ms\":%lld,"
           "\"rows_per_cpu_s\":%lld,\"rows_per_s\":%lld,\"bytes\":%lld,\"max_rss_mb\":%ld}\n",
           stage, (long long)rows, (long long)(s.wall / K2_NS_PER_MS),
           (long long)(s.cpu / K2_NS_PER_MS), (long long)(rows * 1000 / (s.cpu / K2_NS_PER_MS + 1)),
           (long long)(rows * 1000 / (s.wall / K2_NS_PER_MS + 1)), (long long)bytes,
           r.ru_maxrss / 1024);
    fflush(stdout);
}

static void write_csv(const char *path, int64_t rows) {
    FILE *f = fopen(path, "w");
    if (!f) {
        perror(path);
        exit(1);
    }
    struct k2_interner *in = k2_interner_new();
    struct market m;
    market_init(&m, in);
    fputs("exchange,symbol,exchange_ts,recv_ts,sequence,side,price,qty,trade_date,conditions\n", f);
    for (int64_t i = 0; i < rows; i++) {
        struct k2_event e;
        market_next(&m, &e);
        char price[K2_DECIMAL_TEXT], quantity[K2_DECIMAL_TEXT], date[K2_DATE_TEXT];
        k2_decimal_format(e.trade.price, K2_PRICE_SCALE, price);
        k2_decimal_format(e.trade.quantity, K2_QUANTITY_SCALE, quantity);
        k2_date_format(e.trade.trade_date, date);
        struct k2_sv list = k2_interned(in, e.trade.conditions), code = {0};
        k2_blob_next(&list, &code);
        fprintf(f, "%.*s,%.*s,%lld,%lld,%lld,%.*s,%s,%s,%s,%.*s\n",
                K2_SV_ARG(k2_interned(in, e.trade.exchange)),
                K2_SV_ARG(k2_interned(in, e.trade.symbol)),
                (long long)k2_floor_us(e.trade.exchange_timestamp_ns),
                (long long)k2_floor_us(e.trade.receive_timestamp_ns),
                (long long)e.trade.exchange_sequence_number,
                K2_SV_ARG(k2_interned(in, e.trade.side)), price, quantity, date, K2_SV_ARG(code));
    }
    fclose(f);
    k2_interner_free(in);
}

/* --- append --- */

static void bench_append(const char *dir, int64_t rows) {
    struct k2_err err;
    struct journal *j;
    struct ingest *g;
    check(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), &err);
    check(ingest_open(j, NULL, &g, &err), &err);
    struct market *m = k2_alloc(sizeof *m);
    market_init(m, ingest_interner(g));
    struct span s = begin();
    for (int64_t i = 0; i < rows; i++) {
        struct k2_event e;
        market_next(m, &e);
        check(ingest_event(g, &e, &err), &err);
    }
    check(ingest_flush(g, &err), &err);
    report("append", rows, end(s), 0);
    ingest_close(g);
    journal_close(j);
    free(m);
}

/* The generator alone: to be taken off the append. */
static void bench_generator(int64_t rows) {
    struct k2_interner *in = k2_interner_new();
    struct market *m = k2_alloc(sizeof *m);
    market_init(m, in);
    struct span s = begin();
    int64_t sum = 0;
    for (int64_t i = 0; i < rows; i++) {
        struct k2_event e;
        market_next(m, &e);
        sum += e.trade.exchange_timestamp_ns & 1;
    }
    report(sum ? "generate" : "", rows, end(s), 0);
    free(m);
    k2_interner_free(in);
}

/* --- sink --- */

static void bench_sink(const char *dir) {
    struct k2_err err;
    struct journal *j;
    struct lake *l;
    struct sink_totals t;
    check(journal_open(dir, JOURNAL_READ, NULL, &j, &err), &err);
    check(lake_open(dir, true, &l, &err), &err);
    struct span s = begin();
    check(sink_run(j, l, dir, NULL, &t, &err), &err);
    s = end(s);
    report("sink_all_columns", t.rows, s, t.bytes);
    printf("{\"stage\":\"sink_parts\",\"decode_ms\":%lld,\"sort_ms\":%lld,\"write_ms\":%lld,"
           "\"commit_ms\":%lld,\"commits\":%lld}\n",
           (long long)(t.decode_ns / K2_NS_PER_MS), (long long)(t.sort_ns / K2_NS_PER_MS),
           (long long)(t.write_ns / K2_NS_PER_MS), (long long)(t.commit_ns / K2_NS_PER_MS),
           (long long)t.commits);
    lake_close(l);
    journal_close(j);
}

static void open_spans(struct journal *j, struct journal_reader **r, struct k2_err *err) {
    struct journal_span spans[64];
    int n = 0;
    for (int32_t i = 0; i < journal_topic_count(j); i++) {
        struct journal_topic t = journal_topic_at(j, i);
        for (int32_t p = 0; k2_kind_by_topic(k2_sv_of(t.name)) && p < t.partitions; p++)
            spans[n++] = (struct journal_span){t.id, p, 0, INT64_MAX};
    }
    check(journal_read(j, spans, n, r, err), err);
}

static void bench_decode(const char *dir) {
    struct k2_err err;
    struct journal *j;
    struct journal_reader *r;
    check(journal_open(dir, JOURNAL_READ, NULL, &j, &err), &err);
    struct k2_interner *in = k2_interner_new();
    struct k2_decoder *d =
        k2_decoder_new(k2_kind(K2_KIND_TRADE), in, k2_registry_source(journal_registry(j)));
    struct span s = begin();
    open_spans(j, &r, &err);
    struct journal_batch b;
    int64_t rows = 0, bytes = 0;
    while (journal_next(r, &b, &err) > 0) {
        struct journal_record record;
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record); rows++) {
            struct k2_event e;
            bytes += (int64_t)record.value.n;
            check(k2_decode(d, record.value, &e, &err), &err);
        }
    }
    report("decode", rows, end(s), bytes);
    k2_decoder_free(d);
    k2_interner_free(in);
    journal_reader_close(r);
    journal_close(j);
}

/* The peers' ten columns, by name; both times in microseconds, as the peers get them. */
static int peer_columns(const struct k2_kind *kind, int out[10]) {
    static const char *const names[] = {"exchange",
                                        "symbol",
                                        "exchange_timestamp",
                                        "receive_timestamp_ns",
                                        "exchange_sequence_number",
                                        "side",
                                        "price",
                                        "quantity",
                                        "trade_date",
                                        "conditions"};
    for (int i = 0; i < 10; i++)
        out[i] = k2_field_by_name(kind, k2_sv_of(names[i]));
    return 10;
}

/* What is neither of the peers' columns nor a key of the sort need not be decoded. */
static void drop_others(struct k2_columns *rows, const int pick[10]) {
    bool wanted[K2_MAX_FIELDS] = {false};
    static const char *const keys[] = {"exchange_timestamp_ns", "channel", "epoch", "part"};
    for (int i = 0; i < 10; i++)
        wanted[pick[i]] = true;
    for (int i = 0; i < 4; i++)
        wanted[k2_field_by_name(rows->kind, k2_sv_of(keys[i]))] = true;
    for (int i = 0; i < rows->kind->field_count; i++)
        if (!wanted[i])
            k2_columns_drop(rows, i);
}

struct ten {
    const struct k2_kind *kind;
    struct k2_columns rows;
    struct sort_order order;
    struct parquet_column columns[10];
    int pick[10];
    void *gathered[10];
    int64_t bytes;
    int files;
};

static void ten_gather(const struct ten *t, const struct sort_group *g, size_t at, size_t n,
                       const void **data) {
    for (int c = 0; c < 10; c++) {
        size_t size = k2_type_size(t->kind->fields[t->pick[c]].type);
        const uint8_t *from = t->rows.col[t->pick[c]];
        data[c] = g->identity ? from + at * size : t->gathered[c];
        if (!g->identity)
            sort_gather(t->gathered[c], from, t->order.rows + at, n, size);
    }
}

static void ten_write(struct ten *t, const char *dir, struct k2_interner *in, struct k2_err *err) {
    sort_columns(&t->order, &t->rows, in);
    for (int i = 0; i < t->order.group_count; i++) {
        const struct sort_group *g = &t->order.groups[i];
        char path[4096];
        snprintf(path, sizeof path, "%s/ten-%d.parquet", dir, t->files++);
        int sort[] = {2, 4};
        struct parquet_options o = {.sort_columns = sort, .sort_count = 2};
        struct parquet_writer *w;
        check(parquet_open(path, t->columns, 10, &o, &w, err), err);
        const void *data[10];
        for (size_t at = g->from; at < g->to; at += 122880) {
            size_t n = g->to - at < 122880 ? g->to - at : 122880;
            ten_gather(t, g, at, n, data);
            check(parquet_write(w, data, n, in, err), err);
        }
        check(parquet_close(w, err), err);
        t->bytes += parquet_info(w).bytes;
        parquet_free(w);
    }
    t->rows.n = 0;
    k2_interner_reset(in);
}

static void bench_ten(const char *dir) {
    struct k2_err err;
    struct journal *j;
    struct journal_reader *r;
    check(journal_open(dir, JOURNAL_READ, NULL, &j, &err), &err);
    struct ten t = {.kind = k2_kind(K2_KIND_TRADE)};
    struct parquet_column all[K2_MAX_FIELDS];
    lake_parquet_columns(t.kind, all);
    peer_columns(t.kind, t.pick);
    int exchange_us = k2_field_by_name(t.kind, K2_SV("exchange_timestamp"));
    for (int i = 0; i < 10; i++) {
        bool received = t.pick[i] == k2_field_by_name(t.kind, K2_SV("receive_timestamp_ns"));
        t.columns[i] = all[received ? exchange_us : t.pick[i]];
        t.gathered[i] = k2_alloc((size_t)122880 * 16);
    }
    k2_columns_init(&t.rows, t.kind, 1000000);
    drop_others(&t.rows, t.pick);
    struct k2_interner *in = k2_interner_new();
    struct k2_decoder *d = k2_decoder_new(t.kind, in, k2_registry_source(journal_registry(j)));
    struct span s = begin();
    open_spans(j, &r, &err);
    struct journal_batch b;
    int64_t rows = 0;
    int64_t *exchange_time = t.rows.col[exchange_us];
    const int64_t *exchange_ns =
        t.rows.col[k2_field_by_name(t.kind, K2_SV("exchange_timestamp_ns"))];
    int64_t *received = t.rows.col[k2_field_by_name(t.kind, K2_SV("receive_timestamp_ns"))];
    while (journal_next(r, &b, &err) > 0) {
        struct journal_record record;
        for (size_t cursor = 0; journal_batch_next(&b, &cursor, &record); rows++) {
            check(k2_decode_row(d, record.value, &t.rows, t.rows.n, &err), &err);
            exchange_time[t.rows.n] = k2_floor_us(exchange_ns[t.rows.n]);
            received[t.rows.n] = k2_floor_us(received[t.rows.n]);
            if (++t.rows.n == t.rows.cap)
                ten_write(&t, dir, in, &err);
        }
    }
    if (t.rows.n)
        ten_write(&t, dir, in, &err);
    report("sink_ten_columns", rows, end(s), t.bytes);
    for (int i = 0; i < 10; i++)
        free(t.gathered[i]);
    k2_columns_free(&t.rows);
    sort_order_free(&t.order);
    k2_decoder_free(d);
    k2_interner_free(in);
    journal_reader_close(r);
    journal_close(j);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: pipeline DIRECTORY [rows] [--csv FILE]\n");
        return 2;
    }
    int64_t rows = argc > 2 ? atoll(argv[2]) : 4000000;
    if (argc > 4 && strcmp(argv[3], "--csv") == 0) {
        write_csv(argv[4], rows);
        return 0;
    }
    bench_generator(rows);
    bench_append(argv[1], rows);
    bench_decode(argv[1]);
    bench_sink(argv[1]);
    bench_ten(argv[1]);
    return 0;
}
