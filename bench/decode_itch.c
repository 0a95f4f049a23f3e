/* bench/decode_itch.c - a decoder that is a table (docs/layouts.md): nanoseconds a message of NASDAQ TotalView-ITCH 5.0,
 * BinaryFILE bytes in memory to events.
 *
 * usage: decode_itch [MESSAGES]          makes so many (2,000,000) in memory and decodes them; one JSON line
 *        decode_itch make FILE MESSAGES  writes them, for a peer or the profiler
 *
 * The mix is that of a usual day: mostly orders that are added and deleted, some executed, cancelled, replaced. Orders
 * live in a window of the last 65536; instruments are drawn with a heavy tail. As in ingest, the interner is emptied
 * every 8192 events.
 */
#include "base/clock.h"
#include "feed/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define PIECE ((size_t)256 << 10)
#define BATCH 8192
#define STOCKS 8000
#define WINDOW 65536

static uint64_t state = 20261121;

static uint64_t draw(void) { /* splitmix64 */
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* --- making --- */

struct maker {
    struct k2_buf *out;
    uint64_t ns, orders, trades;
    uint16_t stock[WINDOW]; /* of order n, at n % WINDOW */
};

static void put(struct maker *m, uint64_t v, unsigned size) {
    for (unsigned i = size; i-- > 0;)
        k2_buf_byte(m->out, (uint8_t)(v >> (8 * i)));
}

static void put_stock(struct maker *m, unsigned stock) {
    char name[16];
    snprintf(name, sizeof name, "S%u      ", stock % 10000);
    k2_buf_put(m->out, name, 8);
}

static void begin(struct maker *m, char type, unsigned size, unsigned stock) {
    put(m, size, 2);
    put(m, (uint8_t)type, 1);
    put(m, stock, 2);
    put(m, draw() % 4 ? 0 : 2, 2);
    put(m, m->ns += draw() % 20000, 6);
}

static void put_directory(struct maker *m, unsigned stock) {
    begin(m, 'R', 39, stock);
    put_stock(m, stock);
    k2_buf_put(m->out, "QN\0\0\0dNCZ PN N\0\0\0\0N", 20);
}

static unsigned draw_stock(void) {
    uint64_t r = draw();
    return 1 + (unsigned)(r % STOCKS * (r >> 32 & 1023) / 1023 * (r >> 48 & 1023) / 1023);
}

static uint64_t draw_order(const struct maker *m) {
    uint64_t back = 1 + draw() % (WINDOW / 2);
    return back < m->orders ? m->orders - back : m->orders;
}

static void put_add(struct maker *m, char type) {
    unsigned stock = draw_stock();
    begin(m, type, type == 'F' ? 40 : type == 'P' ? 44 : 36, stock);
    put(m, type == 'P' ? 0 : 2 * ++m->orders, 8);
    m->stock[m->orders % WINDOW] = (uint16_t)stock;
    put(m, draw() & 1 ? 'B' : 'S', 1);
    put(m, 100 * (1 + draw() % 9), 4);
    put_stock(m, stock);
    put(m, 1000000 + draw() % 20000 * 100, 4);
    if (type == 'F')
        k2_buf_str(m->out, "NITE");
    if (type == 'P')
        put(m, ++m->trades, 8);
}

static void put_change(struct maker *m, char type) {
    static const struct {
        char type;
        uint8_t size;
    } sizes[] = {{'E', 31}, {'C', 36}, {'X', 23}, {'D', 19}, {'U', 35}};
    uint64_t order = draw_order(m);
    unsigned stock = m->stock[order % WINDOW], i = 0;
    while (sizes[i].type != type)
        i++;
    begin(m, type, sizes[i].size, stock);
    put(m, 2 * order, 8);
    if (type == 'U') {
        put(m, 2 * ++m->orders, 8);
        m->stock[m->orders % WINDOW] = (uint16_t)stock;
    }
    if (type != 'D')
        put(m, 100, 4);
    if (type == 'E' || type == 'C')
        put(m, ++m->trades, 8);
    if (type == 'C')
        put(m, 'Y', 1);
    if (type == 'C' || type == 'U')
        put(m, 1000000 + draw() % 20000 * 100, 4);
}

static void put_message(struct maker *m) {
    /* of 100 messages */
    static const char mix[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAFF"
                              "DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD"
                              "UUUUUUUUEEEEEECPXX";
    char type = mix[draw() % (sizeof mix - 1)];
    if (type == 'A' || type == 'F' || type == 'P')
        put_add(m, type);
    else
        put_change(m, type);
}

static void make(struct k2_buf *out, uint64_t messages) {
    struct maker *m = k2_zalloc(sizeof *m);
    m->out = out;
    m->ns = UINT64_C(34200000000000);
    begin(m, 'S', 12, 0);
    k2_buf_byte(out, 'O');
    for (unsigned i = 1; i <= STOCKS && i < messages; i++)
        put_directory(m, i);
    for (uint64_t i = STOCKS + 1; i < messages; i++)
        put_message(m);
    put(m, 0, 2); /* the end of the session */
    free(m);
}

/* --- decoding --- */

struct count {
    struct k2_interner *in;
    int64_t events, rejects, messages;
};

static int on_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                    struct k2_err *err) {
    struct count *c = ctx;
    (void)e;
    (void)raw;
    (void)err;
    c->messages = position;
    if (++c->events % BATCH == 0)
        k2_interner_reset(c->in);
    return K2_OK;
}

static int on_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    struct count *c = ctx;
    (void)r;
    (void)err;
    c->rejects++;
    return K2_OK;
}

static int on_filtered(void *ctx, const char *why, struct k2_err *err) {
    (void)ctx;
    (void)why;
    (void)err;
    return K2_OK;
}

static int64_t cpu_ns(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * K2_NS_PER_SEC +
           (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * K2_NS_PER_US;
}

static int decode(struct k2_sv bytes) {
    const struct feed_ops *ops = feed_find(K2_SV("nasdaq-totalview-itch-5.0"));
    struct count c = {.in = k2_interner_new()};
    const struct feed_sink sink = {&c, on_event, on_reject, on_filtered};
    const struct feed_options o = {.source = K2_SV("bench"), .date = 20514};
    void *d = k2_zalloc(ops->state_size);
    int rc = ops->init(ops, d, &o, c.in, NULL);
    int64_t wall = k2_monotonic_ns(), cpu = cpu_ns();
    for (size_t done = 0, used; rc == K2_OK && done < bytes.n; done += used) {
        size_t n = bytes.n - done < PIECE ? bytes.n - done : PIECE;
        struct k2_sv piece = {bytes.p + done, n};
        rc = ops->decode(d, piece, done + n == bytes.n, &used, &sink, NULL);
    }
    wall = k2_monotonic_ns() - wall;
    cpu = cpu_ns() - cpu;
    ops->fini(d);
    free(d);
    k2_interner_free(c.in);
    printf("{\"stage\": \"decode_itch\", \"messages\": %lld, \"events\": %lld, \"rejects\": %lld, "
           "\"ns_per_message\": %.1f, \"cpu_ns_per_message\": %.1f}\n",
           (long long)c.messages, (long long)c.events, (long long)c.rejects,
           (double)wall / (double)c.messages, (double)cpu / (double)c.messages);
    return rc != K2_OK || c.rejects > 0;
}

int main(int argc, char **argv) {
    bool write = argc == 4 && strcmp(argv[1], "make") == 0;
    uint64_t messages = argc > 1 ? strtoull(argv[argc - 1], NULL, 10) : 2000000;
    struct k2_buf bytes = {0};
    if (messages == 0 || argc > 4 || argc == 3 || (argc == 4 && !write)) {
        fprintf(stderr, "usage: decode_itch [MESSAGES] | make FILE MESSAGES\n");
        return 2;
    }
    make(&bytes, messages);
    int rc = 0;
    if (write) {
        FILE *f = fopen(argv[2], "wb");
        rc = !f || fwrite(bytes.p, 1, bytes.n, f) != bytes.n || fclose(f) != 0;
    } else {
        rc = decode(k2_buf_view(&bytes));
    }
    k2_buf_free(&bytes);
    return rc;
}
