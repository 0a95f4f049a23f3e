/* Which frame of the raw topic an event is said to come from, however many were shown. The decoder is one of the test: an
 * event of each frame, or one at the last that began in the first. */
#include "journal/raw_view.h"
#include "k2test.h"

#include "feed/feed_int.h"

#include <inttypes.h>

enum { MANY = 200000, APART = 3, BEFORE = 17, KEPT = 49152 };

struct decoder {
    struct raw_reader reader;
    int64_t kept_to; /* of the frames; 0 = an event of each */
    uint64_t first;  /* the byte of the first frame */
};

static K2_RC decode(void *state, struct k2_sv bytes, bool last, size_t *consumed,
                    const struct feed_sink *sink, struct k2_err *err) {
    struct decoder *d = state;
    struct raw_finding f;
    size_t before = bytes.n;
    int rc = K2_OK;
    while (rc == K2_OK && raw_next(&d->reader, &bytes, last, &f) == RAW_FRAME) {
        struct k2_event e;
        d->first = f.number == 1 ? f.offset : d->first;
        uint64_t at = d->kept_to ? d->first : f.offset;
        const struct feed_head head = {.sequence = f.number, .raw_offset = (int64_t)at};
        feed_event_start(&e, K2_KIND_TRADE, &head);
        if (d->kept_to == 0 || d->kept_to == f.number)
            rc = sink->event(sink->ctx, &e, f.frame.bytes, f.number, err);
    }
    *consumed = before - bytes.n;
    return rc;
}

static const struct feed_ops ops = {.name = "test", .decode = decode};

struct heard {
    int64_t events, of_first, wrong;
};

static K2_RC hear(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                  struct k2_err *err) {
    struct heard *h = ctx;
    int64_t at = k2_event_raw_offset(e);
    (void)raw;
    (void)err;
    h->events++;
    h->of_first += at == BEFORE;
    h->wrong += at != BEFORE + APART * (e->head.exchange_sequence_number - 1) || position != at + 1;
    return K2_OK;
}

static struct heard run(struct decoder *d, int64_t frames) {
    struct raw_view v = {0};
    struct heard h = {0};
    const struct feed_sink sink = {
        .ctx = &h, .event = hear, .reject = feed_nobody.reject, .filtered = feed_nobody.filtered};
    struct k2_err err;
    for (int64_t i = 0; i < frames; i++) {
        char text[32];
        const size_t n = (size_t)snprintf(text, sizeof text, "frame %" PRId64, i);
        const struct feed_live_frame f = {
            .form = LIVE_DATAGRAM, .bytes = {text, n}, .received_ns = i + 1};
        if (raw_view_is_full(&v))
            CHECK_OK(raw_view_decode(&v, &ops, d, &sink, &err), &err);
        assert_false(raw_view_is_full(&v));
        raw_view_show(&v, &f, BEFORE + APART * i);
    }
    CHECK_OK(raw_view_decode(&v, &ops, d, &sink, &err), &err);
    raw_view_free(&v);
    raw_reader_free(&d->reader);
    return h;
}

static void each_event_is_of_its_own_frame(void **state) {
    (void)state;
    struct decoder d = {0};
    struct heard h = run(&d, MANY);
    assert_int_equal(h.events, MANY);
    assert_int_equal(h.wrong, 0);
    assert_int_equal(h.of_first, 1);
}

static void what_a_decoder_kept_is_of_the_frame_it_began_in(void **state) {
    (void)state;
    struct decoder d = {.kept_to = KEPT};
    struct heard h = run(&d, KEPT);
    assert_int_equal(h.events, 1);
    assert_int_equal(h.of_first, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_is_of_its_own_frame),
        cmocka_unit_test(what_a_decoder_kept_is_of_the_frame_it_began_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
