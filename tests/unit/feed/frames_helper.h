/* Frames as text: what a source gives is written down, a line for each answer; however the bytes are cut into
 * pieces, it must be the same text. */
#ifndef K2_TESTS_FRAMES_HELPER_H
#define K2_TESTS_FRAMES_HELPER_H

#include "capture_helper.h"
#include "feed/capture/frames.h"
#include "k2test.h"

#include <inttypes.h>

static inline int log_frame(void *state, const struct feed_frame *f, const struct feed_sink *sink,
                            struct k2_err *err) {
    struct k2_buf *log = state;
    (void)sink;
    (void)err;
    k2_buf_printf(log, "frame %" PRId64 " @%" PRIu64 " ", f->number, f->offset);
    if (f->time_ns != INT64_MIN)
        k2_buf_printf(log, "t=%" PRId64 " ", f->time_ns);
    k2_buf_printf(log, "%s%u %.*s|%.*s|\n", f->datagram ? "d" : "s", f->flow,
                  K2_SV_ARG(f->flow_name), K2_SV_ARG(f->bytes));
    return K2_OK;
}

static inline int log_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    (void)err;
    k2_buf_printf(ctx, "reject %" PRId64 " @%" PRIu64 " %zu bytes: %s\n", r->position, r->offset,
                  r->raw.n, r->detail);
    assert_string_equal(r->reason, "MALFORMED");
    return K2_OK;
}

static inline int log_filtered(void *ctx, const char *why, struct k2_err *err) {
    (void)err;
    k2_buf_printf(ctx, "filtered: %s\n", why);
    return K2_OK;
}

/* Frames that begin with a digit have that many bytes; nothing else is one. */
static inline size_t cut_by_digit(void *state, struct k2_sv bytes) {
    (void)state;
    return bytes.p[0] > '0' && bytes.p[0] <= '9' ? (size_t)(bytes.p[0] - '0') : SIZE_MAX;
}

/* The answers to bytes shown in pieces, whose sizes `next` gives. */
static inline void run_pieces(struct k2_sv bytes, enum feed_framing framing,
                              size_t (*next)(uint64_t *), uint64_t seed, struct k2_buf *log) {
    struct k2_err err = {0};
    const struct feed_sink sink = {log, NULL, log_reject, log_filtered};
    const struct feed_frames_options o = {
        .frame = log_frame, .state = log, .framing = framing, .cut = cut_by_digit};
    struct feed_frames *f = feed_frames_new(&o);
    size_t done = 0, shown = 0;
    bool last = false;
    while (!last) {
        size_t more = next ? next(&seed) : bytes.n;
        shown = bytes.n - shown <= more ? bytes.n : shown + more;
        last = shown == bytes.n;
        size_t n = shown - done, used = 0;
        char *copy = malloc(n ? n : 1); /* its end is the end that may be read */
        memcpy(copy, bytes.p + done, n);
        CHECK_OK(feed_frames_decode(f, (struct k2_sv){copy, n}, last, &used, &sink, &err), &err);
        assert_true(used <= n && (!last || used == n));
        done += used;
        free(copy);
    }
    feed_frames_free(f);
}

static inline size_t one(uint64_t *seed) {
    (void)seed;
    return 1;
}

static inline size_t some(uint64_t *seed) {
    uint64_t r = k2test_random(seed);
    return (size_t)(r >> 8) % (r & 1 ? 8 : 300);
}

/* Checks that all ways of cutting give the same, and gives that. */
static inline const char *answers(struct k2_sv bytes, enum feed_framing framing) {
    static struct k2_buf whole;
    struct k2_buf pieces = {0};
    uint64_t seed = k2test_seed();
    whole.n = 0;
    run_pieces(bytes, framing, NULL, 0, &whole);
    for (int i = 0; i < 20; i++, pieces.n = 0) {
        run_pieces(bytes, framing, i ? some : one, seed + (uint64_t)i, &pieces);
        if (strcmp(k2_buf_cstr(&whole), k2_buf_cstr(&pieces)) != 0)
            fail_msg("K2_SEED=%" PRIu64 ": whole:\n%s\nin pieces (%d):\n%s", seed,
                     k2_buf_cstr(&whole), i, k2_buf_cstr(&pieces));
    }
    k2_buf_free(&pieces);
    return k2_buf_cstr(&whole);
}

static inline void expect_framed(struct maker *m, enum feed_framing framing, const char *expected) {
    assert_string_equal(answers(k2_buf_view(&m->out), framing), expected);
    k2_buf_free(&m->out);
}

static inline void expect(struct maker *m, const char *expected) {
    expect_framed(m, FEED_FRAMING_NONE, expected);
}

static inline void make_fragments(struct maker *m, uint16_t id, struct k2_sv payload,
                                  const int *order, int n, size_t size) {
    struct k2_buf whole = {0};
    k2_buf_sv(&whole, payload);
    wrap_udp(&whole, 1, 2);
    for (int i = 0; i < n; i++) {
        size_t at = (size_t)order[i] * size;
        size_t here = whole.n - at < size ? whole.n - at : size;
        struct k2_buf b = {0};
        k2_buf_put(&b, whole.p + at, here);
        wrap_ip4(&b, 17, id, (uint16_t)(at / 8 | (at + here < whole.n ? 0x2000 : 0)));
        wrap_link(&b, m->link);
        make_packet(m, k2_buf_view(&b));
        k2_buf_free(&b);
    }
    k2_buf_free(&whole);
}

#endif
