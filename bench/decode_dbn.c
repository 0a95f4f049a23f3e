/* bench/decode_dbn.c - the decoder of DBN: nanoseconds a record of mbo, bytes in memory to events.
 *
 * usage: decode_dbn make FILE RECORDS     a synthetic day: orders of 20 instruments are added, changed, filled
 *        decode_dbn decode FILE           decodes it once in pieces of 256 KB; one JSON line
 * As in ingest, the interner is emptied every 8192 events. The peer is bench/dbn.py; both are run by bench/dbn.sh.
 */
#include "base/clock.h"
#include "feed/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define PIECE ((size_t)256 << 10)
#define BATCH 8192
#define MBO_SIZE 56

static uint64_t state = 20261121;

static uint64_t draw(void) { /* splitmix64 */
    uint64_t z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void make_record(uint8_t *p, int64_t ns, uint64_t i) {
    uint64_t r = draw();
    static const char actions[] = "AAAAAAACCCCCCMTF";
    memset(p, 0, MBO_SIZE);
    p[0] = MBO_SIZE / 4;
    p[1] = 0xa0;
    k2_put_u16(p + 2, 1);
    k2_put_u32(p + 4, 5482 + (uint32_t)(r % 20));
    k2_put_u64(p + 8, (uint64_t)ns);
    k2_put_u64(p + 16, 647784000000 + (r >> 8) % 1000000);
    k2_put_u64(p + 24, 3722750000000 + (r >> 30) % 400 * 250000000);
    k2_put_u32(p + 32, 1 + (uint32_t)(r >> 40) % 50);
    p[36] = (uint8_t)(r & 64 ? 128 : 0);
    p[38] = (uint8_t)actions[(r >> 12) & 15];
    p[39] = (uint8_t)(r & 128 ? 'A' : 'B');
    k2_put_u64(p + 40, (uint64_t)ns + 270000 + (r >> 20) % 9999);
    k2_put_u32(p + 48, 14000 + (uint32_t)(r >> 50) % 9999);
    k2_put_u32(p + 52, 1170000 + (uint32_t)i);
}

static int make(const char *path, uint64_t records) {
    const struct feed_dbn_head head = {.dataset = K2_SV("GLBX.MDP3"),
                                       .kind = K2_KIND_BOOK_EVENT,
                                       .start_ns = K2_NULL_LONG,
                                       .end_ns = K2_NULL_LONG};
    struct k2_buf out = {0};
    FILE *f = fopen(path, "wb");
    int64_t ns = INT64_C(1609160400000000000);
    if (!f)
        return 1;
    feed_dbn_writer_free(feed_dbn_writer_new(&head, &out));
    fwrite(out.p, 1, out.n, f);
    k2_buf_free(&out);
    for (uint64_t i = 0; i < records; i++) {
        uint8_t record[MBO_SIZE];
        make_record(record, ns += (int64_t)(draw() % 4000), i);
        fwrite(record, 1, sizeof record, f);
    }
    return fclose(f) != 0;
}

struct count {
    struct k2_interner *in;
    int64_t events, rejects;
};

static int on_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                    struct k2_err *err) {
    struct count *c = ctx;
    (void)e;
    (void)raw;
    (void)position;
    (void)err;
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

static int64_t cpu_ns(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * K2_NS_PER_SEC +
           (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * K2_NS_PER_US;
}

static void read_all(const char *path, struct k2_buf *out) {
    FILE *f = fopen(path, "rb");
    size_t got;
    while (f && (got = fread(k2_buf_need(out, PIECE), 1, PIECE, f)) > 0)
        out->n += got;
    if (f)
        fclose(f);
}

static int decode(const char *path) {
    const struct feed_ops *ops = feed_find(K2_SV("dbn"));
    struct k2_buf bytes = {0};
    struct count c = {.in = k2_interner_new()};
    const struct feed_sink sink = {&c, on_event, on_reject, NULL};
    const struct feed_options o = {.source = K2_SV("bench"), .date = INT32_MIN};
    void *d = k2_zalloc(ops->state_size);
    int rc = ops->init(ops, d, &o, c.in, NULL);
    read_all(path, &bytes);
    int64_t wall = k2_monotonic_ns(), cpu = cpu_ns();
    for (size_t done = 0, used; rc == K2_OK && done < bytes.n; done += used) {
        size_t n = bytes.n - done < PIECE ? bytes.n - done : PIECE;
        struct k2_sv piece = {(const char *)bytes.p + done, n};
        rc = ops->decode(d, piece, done + n == bytes.n, &used, &sink, NULL);
    }
    wall = k2_monotonic_ns() - wall;
    cpu = cpu_ns() - cpu;
    ops->fini(d);
    free(d);
    k2_interner_free(c.in);
    k2_buf_free(&bytes);
    printf("{\"stage\": \"decode_dbn\", \"records\": %lld, \"rejects\": %lld, \"ns_per_record\": "
           "%.1f, "
           "\"cpu_ns_per_record\": %.1f}\n",
           (long long)c.events, (long long)c.rejects, (double)wall / (double)c.events,
           (double)cpu / (double)c.events);
    return rc != K2_OK || c.rejects > 0;
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "make") == 0)
        return make(argv[2], strtoull(argv[3], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "decode") == 0)
        return decode(argv[2]);
    fprintf(stderr, "usage: decode_dbn make FILE RECORDS | decode FILE\n");
    return 2;
}
