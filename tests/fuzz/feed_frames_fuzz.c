/* Fuzz target of the frames in captures and streams. The first byte says what a source is that is no capture, and
 * how the rest is cut into pieces: whole and in pieces it must give the same answers. */
#include <stdlib.h>

#include "feed/capture/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct seen {
    uint64_t sum, answers;
};

static void add(struct seen *s, const void *bytes, size_t n, uint64_t more) {
    s->sum = s->sum * UINT64_C(1099511628211) + (n ? k2_hash64(bytes, n) : 0) + more;
    s->answers++;
}

static int see_frame(void *state, const struct feed_frame *f, const struct feed_sink *sink,
                     struct k2_err *err) {
    struct seen *s = state;
    (void)sink;
    (void)err;
    K2_ASSERT(f->number > 0);
    add(s, f->bytes.p, f->bytes.n, f->offset ^ (uint64_t)f->number ^ (uint64_t)f->time_ns);
    add(s, f->flow_name.p, f->flow_name.n, f->flow);
    return K2_OK;
}

static int see_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    (void)err;
    K2_ASSERT(r->position > 0 && *r->detail);
    add(ctx, r->raw.p, r->raw.n, r->offset ^ (uint64_t)r->position);
    return K2_OK;
}

static int see_filtered(void *ctx, const char *why, struct k2_err *err) {
    (void)err;
    add(ctx, why, strlen(why), 0);
    return K2_OK;
}

static size_t cut(void *state, struct k2_sv bytes) {
    (void)state;
    return (uint8_t)bytes.p[0] < 200 ? (uint8_t)bytes.p[0] : SIZE_MAX;
}

static struct seen ask(struct k2_sv text, enum feed_framing framing, size_t step) {
    struct seen seen = {0};
    const struct feed_sink sink = {&seen, NULL, see_reject, see_filtered};
    const struct feed_frames_options o = {
        .frame = see_frame, .state = &seen, .framing = framing, .cut = cut};
    struct feed_frames *f = feed_frames_new(&o);
    size_t done = 0, shown = 0, used = 0;
    bool last = false;
    while (!last) {
        shown = step == 0 || text.n - shown <= step ? text.n : shown + step;
        last = shown == text.n;
        size_t room = shown - done;
        char *copy = malloc(room ? room : 1);
        memcpy(copy, text.p + done, room);
        K2_ASSERT(feed_frames_decode(f, (struct k2_sv){copy, room}, last, &used, &sink, NULL) ==
                  K2_OK);
        K2_ASSERT(used <= room && (!last || used == room));
        done += used;
        free(copy);
    }
    feed_frames_free(f);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n == 0)
        return 0;
    struct k2_sv text = {(const char *)data + 1, n - 1};
    struct feed_frame first;
    enum feed_framing framing = (enum feed_framing)(data[0] % 5);
    struct seen whole = ask(text, framing, 0), pieces = ask(text, framing, (data[0] >> 2) + 1u);
    K2_ASSERT(whole.sum == pieces.sum && whole.answers == pieces.answers);
    if (feed_frames_first(text, framing, &first))
        K2_ASSERT(first.bytes.p >= text.p && first.bytes.p + first.bytes.n <= text.p + text.n);
    return 0;
}
