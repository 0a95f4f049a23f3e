/* bench/decode.c - a decoder of a format: nanoseconds a message of a file's bytes in memory, to events.
 *
 * usage: decode FORMAT FILE [MESSAGES] [EXCHANGE [SYMBOL [MAPPING]]]     - = none
 *
 * The file (also packed, or a member of a zip archive) is decoded again and again by new decoders until that many
 * messages (1,000,000) were read; one JSON line. What the source counts as one is a message: a line, a record, a message
 * of a packet. The bytes are shown in pieces, and behind a piece in which 1,024 messages were reached the interner is
 * emptied, as the owner of a batch does it.
 */
#include "base/clock.h"
#include "feed/feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define PIECE ((size_t)32 << 10)
#define BATCH 1024
#define MOST ((size_t)1 << 30)

struct count {
    struct k2_interner *in;
    int64_t events, rejects, filtered, messages, position;
};

/* Messages behind each other have rising positions; several events of one have the same. */
static void count_message(struct count *c, int64_t position) {
    c->messages += position != c->position;
    c->position = position;
}

static int on_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                    struct k2_err *err) {
    struct count *c = ctx;
    (void)e;
    (void)raw;
    (void)err;
    c->events++;
    count_message(c, position);
    return K2_OK;
}

static int on_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    struct count *c = ctx;
    (void)err;
    c->rejects++;
    count_message(c, r->position);
    return K2_OK;
}

static int on_filtered(void *ctx, const char *why, struct k2_err *err) {
    struct count *c = ctx;
    (void)why;
    (void)err;
    c->filtered++;
    return K2_OK;
}

static int64_t cpu_ns(void) {
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * K2_NS_PER_SEC +
           (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * K2_NS_PER_US;
}

/* What is not consumed is shown again with more behind it. */
static int decode_pieces(const struct feed_ops *ops, void *d, struct k2_sv bytes, struct count *c,
                         const struct feed_sink *sink, struct k2_err *err) {
    int64_t emptied = c->messages;
    size_t piece = PIECE;
    for (size_t done = 0, used; done < bytes.n; done += used) {
        size_t n = bytes.n - done < piece ? bytes.n - done : piece;
        K2_TRY(ops->decode(d, (struct k2_sv){bytes.p + done, n}, done + n == bytes.n, &used, sink,
                           err));
        piece = used ? PIECE : 2 * piece;
        if (c->messages - emptied >= BATCH) {
            emptied = c->messages;
            k2_interner_reset(c->in);
        }
    }
    return K2_OK;
}

static int decode_once(const struct feed_ops *ops, const struct feed_options *o, struct k2_sv bytes,
                       struct count *c, struct k2_err *err) {
    const struct feed_sink sink = {c, on_event, on_reject, on_filtered};
    void *d = k2_zalloc(ops->state_size);
    int rc = ops->init(ops, d, o, c->in, err);
    c->position = 0;
    if (rc == K2_OK)
        rc = decode_pieces(ops, d, bytes, c, &sink, err);
    ops->fini(d);
    free(d);
    k2_interner_reset(c->in);
    return rc;
}

static int measure(const struct feed_ops *ops, const struct feed_options *o, struct k2_sv bytes,
                   int64_t messages, struct k2_err *err) {
    struct count c = {.in = k2_interner_new()};
    int64_t cpu = cpu_ns(), before = -1;
    int rc = K2_OK;
    while (rc == K2_OK && c.messages < messages && c.messages > before) {
        before = c.messages;
        rc = decode_once(ops, o, bytes, &c, err);
    }
    cpu = cpu_ns() - cpu;
    k2_interner_free(c.in);
    if (rc == K2_OK && c.messages == before)
        rc = k2_fail(err, K2_E_INVALID, "there are no messages in it");
    if (rc == K2_OK)
        printf("{\"stage\": \"%s\", \"messages\": %lld, \"events\": %lld, \"rejects\": %lld, "
               "\"cpu_ns_per_message\": %.1f}\n",
               ops->name, (long long)c.messages, (long long)c.events, (long long)c.rejects,
               (double)cpu / (double)c.messages);
    return rc;
}

static const char *argument(int argc, char **argv, int i) {
    return i < argc && strcmp(argv[i], "-") != 0 ? argv[i] : "";
}

int main(int argc, char **argv) {
    struct k2_err err = {0};
    struct k2_buf bytes = {0}, mapping = {0};
    const struct feed_ops *ops;
    if (argc < 3 || argc > 7) {
        fprintf(stderr, "usage: decode FORMAT FILE [MESSAGES] [EXCHANGE [SYMBOL [MAPPING]]]\n");
        return 2;
    }
    struct feed_options o = {.source = k2_sv_of(argv[2]), .date = INT32_MIN};
    o.exchange = k2_sv_of(argument(argc, argv, 4));
    o.symbol = k2_sv_of(argument(argc, argv, 5));
    int rc = feed_load(k2_sv_of(argv[1]), &ops, &err);
    if (rc == K2_OK && *argument(argc, argv, 6))
        rc = feed_file_head(argv[6], MOST, &mapping, &err);
    o.mapping = k2_buf_view(&mapping);
    if (rc == K2_OK)
        rc = feed_file_head(argv[2], MOST, &bytes, &err);
    if (rc == K2_OK)
        rc = measure(ops, &o, k2_buf_view(&bytes), argc > 3 ? strtoll(argv[3], NULL, 10) : 1000000,
                     &err);
    k2_buf_free(&bytes);
    k2_buf_free(&mapping);
    if (rc != K2_OK)
        fprintf(stderr, "decode: %s: %s\n", argv[2], err.msg);
    return rc != K2_OK;
}
