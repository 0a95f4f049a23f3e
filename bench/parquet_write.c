/* bench/parquet_write.c - rows per CPU-second and bytes per row of the Parquet writer.
 *
 * Two column sets over the same simulated trades (500 symbols, Zipf; time-ordered): the ten columns
 * that the peers were measured with (lake.md §2 and §8) and the 23 of codec/trade.def. The limit
 * they are held against is zstd-1 alone over the same columns as plain arrays, ids instead of
 * strings. Usage: parquet_write [rows, default 2000000] [rows per call, default 65536] [ten|trades]
 */
#include "codec/event.h"
#include "lake/parquet.h"
#include "base/zstd.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SYMBOLS 500
#define STEP_US 17280 /* mean distance of two trades: 5 million a day */
#define REPEATS 3

static uint64_t state = UINT64_C(88172645463325252);

static uint64_t draw(void) { /* xorshift64 */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

struct set {
    const char *name;
    struct parquet_column columns[K2_MAX_FIELDS];
    void *data[K2_MAX_FIELDS];
    size_t size[K2_MAX_FIELDS];
    int n, sort[2];
};

/* What both sets are made from. */
struct market {
    size_t rows;
    struct k2_interner *in;
    uint32_t venues[2], symbols[SYMBOLS], sides[2], codes[4], lists[4], channels[2], extras[8];
    uint16_t zipf[65536];
    int64_t price[SYMBOLS], trade_id[SYMBOLS], offset[3];
};

static uint32_t intern(struct market *m, const char *text) {
    return k2_intern(m->in, k2_sv_of(text));
}

static uint32_t intern_blob(struct market *m, const char *first, const char *second) {
    struct k2_buf blob = {0};
    k2_blob_add(&blob, k2_sv_of(first));
    if (second)
        k2_blob_add(&blob, k2_sv_of(second));
    uint32_t id = k2_intern(m->in, k2_buf_view(&blob));
    k2_buf_free(&blob);
    return id;
}

static void make_zipf(struct market *m) {
    uint64_t sum = 0, total = 0, at = 0;
    for (unsigned i = 0; i < SYMBOLS; i++)
        total += (UINT64_C(1) << 32) / (i + 1);
    for (unsigned i = 0; i < SYMBOLS; i++) {
        sum += (UINT64_C(1) << 32) / (i + 1);
        for (; at < 65536 && at * total < sum * 65536; at++)
            m->zipf[at] = (uint16_t)i;
    }
}

static void make_market(struct market *m, size_t rows) {
    *m = (struct market){.rows = rows, .in = k2_interner_new()};
    make_zipf(m);
    for (unsigned i = 0; i < SYMBOLS; i++) {
        char name[32];
        snprintf(name, sizeof name, "S%c%c%02uUSDT", 'A' + i % 26, 'A' + i / 26 % 26, i % 100);
        m->symbols[i] = intern(m, name);
        m->price[i] = (int64_t)(1 + draw() % 60000) * 100;
        m->trade_id[i] = (int64_t)(draw() % 1000000000);
    }
    const char *const codes[] = {NULL, "@", "@ I", "@ T"};
    for (int i = 0; i < 2; i++) {
        m->venues[i] = intern(m, i ? "kraken" : "binance");
        m->sides[i] = intern(m, i ? "SELL" : "BUY");
        m->channels[i] = intern(m, i ? "kraken-ws-1" : "binance-ws-1");
    }
    for (int i = 1; i < 4; i++) {
        m->codes[i] = intern(m, codes[i]);
        m->lists[i] = intern_blob(m, "@", i == 1 ? NULL : i == 2 ? "I" : "T");
        m->extras[i] = intern_blob(m, "liquidity", codes[i]);
    }
}

static void *column(struct set *s, const char *name, int id, enum parquet_type type, bool optional,
                    size_t rows) {
    static const size_t sizes[] = {4, 4, 4, 4, 4, 4, 8, 8, 16};
    struct parquet_column *c = &s->columns[s->n];
    *c = (struct parquet_column){.name = name,
                                 .field_id = id,
                                 .element_id = 200 + id,
                                 .value_id = 400 + id,
                                 .type = type,
                                 .optional = optional};
    s->size[s->n] = sizes[type];
    return s->data[s->n++] = k2_zalloc(rows * sizes[type]);
}

static k2_i128 *decimals(struct set *s, const char *name, int id, int precision, int scale,
                         size_t rows) {
    k2_i128 *data = column(s, name, id, PARQUET_DECIMAL, false, rows);
    s->columns[s->n - 1].precision = precision;
    s->columns[s->n - 1].scale = scale;
    return data;
}

struct tick {
    unsigned venue, symbol, side, code;
    int64_t us, received_us, price, quantity, trade_id;
};

static struct tick next_tick(struct market *m, int64_t *us) {
    struct tick t = {
        .symbol = m->zipf[draw() & 65535], .venue = draw() % 10 < 3, .side = draw() & 1};
    uint64_t code = draw() % 100, size = (draw() & 0xffff) * (draw() & 0xffff);
    t.code = code < 60 ? 0 : code < 90 ? 1 : code < 97 ? 2 : 3;
    *us += draw() % 3 == 0 ? 0 : (int64_t)(draw() % (3 * STEP_US + 1));
    t.us = *us;
    t.received_us = *us + 500 + (int64_t)(draw() % 4000);
    int64_t *price = &m->price[t.symbol];
    *price += (int64_t)(draw() % 7) - 3;
    if (*price < 100)
        *price = 100;
    t.price = *price * 10000000;
    t.quantity = (int64_t)(1 + ((size >> 16) * (draw() & 0xffff) * 1000 >> 32)) * 10000000;
    t.trade_id = m->trade_id[t.symbol]++;
    return t;
}

static void make_ten(struct market *m, struct set *s) {
    size_t n = m->rows;
    *s = (struct set){.name = "ten", .sort = {2, 4}};
    uint32_t *exchange = column(s, "exchange", 1, PARQUET_STRING, false, n);
    uint32_t *symbol = column(s, "symbol", 2, PARQUET_STRING, false, n);
    int64_t *time = column(s, "exchange_ts", 3, PARQUET_TIMESTAMP_US, false, n);
    int64_t *received = column(s, "recv_ts", 4, PARQUET_TIMESTAMP_US, false, n);
    int64_t *sequence = column(s, "sequence", 5, PARQUET_INT64, false, n);
    uint32_t *side = column(s, "side", 6, PARQUET_STRING, true, n);
    k2_i128 *price = decimals(s, "price", 7, K2_PRICE_PRECISION, K2_PRICE_SCALE, n);
    k2_i128 *quantity = decimals(s, "qty", 8, K2_QUANTITY_PRECISION, K2_QUANTITY_SCALE, n);
    int64_t *trade_id = column(s, "trade_id", 9, PARQUET_INT64, false, n);
    s->columns[8].encoding = PARQUET_PLAIN;
    uint32_t *conditions = column(s, "conditions", 10, PARQUET_STRING, true, n);
    int64_t us = INT64_C(1763596800000000);
    for (size_t i = 0; i < n; i++) {
        struct tick t = next_tick(m, &us);
        exchange[i] = m->venues[t.venue];
        symbol[i] = m->symbols[t.symbol];
        time[i] = t.us;
        received[i] = t.received_us;
        sequence[i] = (int64_t)i + 1000000;
        side[i] = m->sides[t.side];
        price[i] = t.price;
        quantity[i] = t.quantity;
        trade_id[i] = t.trade_id;
        conditions[i] = m->codes[t.code];
    }
}

/* codec/trade.def's field as a column. */
static void field_column(struct set *s, int id, const char *name, enum k2_type type,
                         enum k2_need need, size_t rows) {
    static const enum parquet_type types[] = {[K2_STR] = PARQUET_STRING,
                                              [K2_LIST] = PARQUET_LIST,
                                              [K2_MAP] = PARQUET_MAP,
                                              [K2_LONG] = PARQUET_INT64,
                                              [K2_INT] = PARQUET_INT32,
                                              [K2_DATE] = PARQUET_DATE,
                                              [K2_STAMP] = PARQUET_TIMESTAMP_US,
                                              [K2_PRICE] = PARQUET_DECIMAL,
                                              [K2_QUANTITY] = PARQUET_DECIMAL,
                                              [K2_BYTES] = PARQUET_BINARY};
    bool price = type == K2_PRICE;
    column(s, name, id, types[type], need == K2_OPT, rows);
    s->columns[s->n - 1].precision = price ? K2_PRICE_PRECISION : K2_QUANTITY_PRECISION;
    s->columns[s->n - 1].scale = price ? K2_PRICE_SCALE : K2_QUANTITY_SCALE;
}

static void put_trade(struct set *s, size_t i, const struct k2_trade *t) {
#define K2_FIELD(id, name, type, need, cls, meaning)                                               \
    ((k2_c_##type *)s->data[K2_TRADE_##name])[i] = t->name;
#include "codec/trade.def"
#undef K2_FIELD
}

static struct k2_trade as_trade(struct market *m, const struct tick *t, size_t i) {
    int32_t partition = (int32_t)(t->symbol % 3);
    return (struct k2_trade){.exchange = m->venues[t->venue],
                             .symbol = m->symbols[t->symbol],
                             .instrument_id = 100000 + t->symbol,
                             .trade_date = 20412,
                             .exchange_timestamp = t->us,
                             .exchange_timestamp_ns = t->us * 1000 + (int64_t)(draw() % 1000),
                             .receive_timestamp_ns =
                                 t->received_us * 1000 + (int64_t)(draw() % 1000),
                             .ingest_timestamp = t->us - t->us % 100000 + 200000,
                             .exchange_sequence_number = (int64_t)i + 1000000,
                             .channel = m->channels[t->venue],
                             .price = t->price,
                             .quantity = t->quantity,
                             .side = m->sides[t->side],
                             .conditions = m->lists[t->code],
                             .flags = K2_FLAG_LAST,
                             .extra = m->extras[t->code],
                             .journal_id = 1,
                             .journal_partition = partition,
                             .journal_offset = m->offset[partition]++,
                             .raw_offset = (int64_t)i * 150 + (int64_t)(draw() % 20)};
}

static void make_trades(struct market *m, struct set *s) {
    *s = (struct set){.name = "trades",
                      .sort = {K2_TRADE_exchange_timestamp, K2_TRADE_exchange_sequence_number}};
#define K2_FIELD(id, name, type, need, cls, meaning)                                               \
    field_column(s, id, #name, K2_##type, K2_##need, m->rows);
#include "codec/trade.def"
#undef K2_FIELD
    int64_t us = INT64_C(1763596800000000);
    for (size_t i = 0; i < m->rows; i++) {
        struct tick tick = next_tick(m, &us);
        struct k2_trade t = as_trade(m, &tick, i);
        put_trade(s, i, &t);
    }
}

static void check(int rc, const struct k2_err *err) {
    if (rc == K2_OK)
        return;
    fprintf(stderr, "parquet_write: %s\n", err->msg);
    exit(1);
}

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void write_all(const struct market *m, const struct set *s, const char *path, size_t batch,
                      bool report) {
    struct k2_err err;
    struct parquet_options options = {.sort_columns = s->sort, .sort_count = 2};
    struct parquet_writer *w;
    check(parquet_open(path, s->columns, s->n, &options, &w, &err), &err);
    for (size_t at = 0; at < m->rows; at += batch) {
        const void *data[K2_MAX_FIELDS];
        for (int i = 0; i < s->n; i++)
            data[i] = (const char *)s->data[i] + at * s->size[i];
        size_t n = m->rows - at < batch ? m->rows - at : batch;
        check(parquet_write(w, data, n, m->in, &err), &err);
    }
    check(parquet_close(w, &err), &err);
    struct parquet_info info = parquet_info(w);
    for (int i = 0; report && i < info.metric_count; i++)
        printf("    field %3d  %6.3f B/row\n", info.metrics[i].field_id,
               (double)info.metrics[i].column_size / (double)info.rows);
    parquet_free(w);
}

/* zstd-1 over the plain arrays, in pieces of a page: returns CPU seconds. */
static double pack_plain(const struct market *m, const struct set *s, size_t *bytes) {
    struct zstd_packer *z = zstd_packer_new(1);
    struct k2_buf out = {0};
    struct k2_err err;
    double start = cpu_seconds();
    *bytes = 0;
    for (int c = 0; c < s->n; c++)
        for (size_t at = 0; at < m->rows; at += 20480) {
            size_t n = m->rows - at < 20480 ? m->rows - at : 20480;
            out.n = 0;
            check(zstd_pack(z, (char *)s->data[c] + at * s->size[c], n * s->size[c], &out, &err),
                  &err);
            *bytes += out.n;
        }
    double spent = cpu_seconds() - start;
    k2_buf_free(&out);
    zstd_packer_free(z);
    return spent;
}

static void measure(const struct market *m, const struct set *s, const char *path, size_t batch) {
    double best = 1e9, rows = (double)m->rows;
    struct stat st = {0};
    for (int i = 0; i < REPEATS; i++) {
        double start = cpu_seconds();
        write_all(m, s, path, batch, i == 0 && getenv("K2_BENCH_COLUMNS"));
        double spent = cpu_seconds() - start;
        best = spent < best ? spent : best;
        if (stat(path, &st) != 0 || (i + 1 < REPEATS && unlink(path) != 0))
            exit(1);
    }
    size_t plain_bytes;
    double plain = pack_plain(m, s, &plain_bytes);
    printf("parquet_write %-6s %2d columns  %.2f M rows/CPU-s  %.2f B/row  "
           "(zstd-1 over plain arrays: %.2f M rows/CPU-s, %.2f B/row; ratio %.2f)\n",
           s->name, s->n, rows / best * 1e-6, (double)st.st_size / rows, rows / plain * 1e-6,
           (double)plain_bytes / rows, plain / best);
    if (!getenv("K2_BENCH_KEEP"))
        unlink(path);
}

int main(int argc, char **argv) {
    size_t rows = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000000;
    size_t batch = argc > 2 ? strtoull(argv[2], NULL, 10) : 65536;
    const char *dir = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    for (int k = 0; k < 2; k++) {
        struct market m;
        struct set s;
        if (argc > 3 && strcmp(argv[3], k ? "trades" : "ten") != 0)
            continue;
        make_market(&m, rows);
        if (k == 0)
            make_ten(&m, &s);
        else
            make_trades(&m, &s);
        char path[4096];
        snprintf(path, sizeof path, "%s/k2-bench-%d-%s.parquet", dir, (int)getpid(), s.name);
        measure(&m, &s, path, batch);
        for (int i = 0; i < s.n; i++)
            free(s.data[i]);
        k2_interner_free(m.in);
    }
    return 0;
}
