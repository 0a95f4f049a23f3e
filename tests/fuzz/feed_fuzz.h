/* What the fuzz targets of decoders share. The first byte says how the rest is cut into pieces; whole
 * and in pieces it must give the same answers, one for each line. */
#ifndef FEED_FUZZ_H
#define FEED_FUZZ_H

#include <stdlib.h>

#include "feed/feed.h"

#ifndef FUZZ_CALENDAR /* of decoders whose bytes name exchanges that no calendar may be known for */
#define FUZZ_CALENDAR NULL
#endif

/* What the decoder is told of the source; a target may say something else. */
static struct feed_options fuzz_options = {
    .source = {"1_ABC.csv", 9}, .date = INT32_MIN, .calendar = FUZZ_CALENDAR};

struct answers {
    struct k2_interner *in;
    uint64_t events, rejects, filtered;
    struct k2_h128 sum;
    int64_t position;
};

static inline void see_text(struct k2_sv s) { /* reads every byte, for the sanitizer */
    unsigned char sum = 0;
    for (size_t i = 0; i < s.n; i++)
        sum ^= (unsigned char)s.p[i];
    volatile unsigned char sink = sum;
    (void)sink;
}

static inline void fields_group(void *ctx, const char *name, int index, size_t at) {
    (void)ctx;
    (void)index;
    (void)at;
    see_text(k2_sv_of(name));
}

static inline void fields_end(void *ctx) {
    (void)ctx;
}

static inline void fields_field(void *ctx, const char *name, struct k2_sv text, bool padding,
                                size_t at, size_t size) {
    const size_t *n = ctx;
    (void)padding;
    see_text(k2_sv_of(name));
    see_text(text);
    K2_ASSERT(at + size <= *n);
}

/* Reads every field that is told of a frame of *n bytes. */
static inline struct feed_visit see_fields(size_t *n) {
    return (struct feed_visit){n, fields_group, fields_end, fields_field};
}

static inline int see_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                            struct k2_err *err) {
    struct answers *a = ctx;
    struct k2_buf out = {0};
    see_text(raw);
    K2_ASSERT(position >= a->position); /* a message may be several events */
    a->position = position;
    a->events++;
    a->sum = k2_h128_add(a->sum, k2_full_hash(e, a->in));
    int rc = k2_avro_encode(e, a->in, 1, &out, err); /* whatever was accepted can be stored */
    K2_ASSERT(rc == K2_OK);
    k2_buf_free(&out);
    return rc;
}

static inline int see_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    struct answers *a = ctx;
    (void)err;
    see_text(r->raw);
    see_text(k2_sv_of(r->detail));
    K2_ASSERT(r->position >= a->position && r->reason && *r->detail);
    K2_ASSERT(!r->numbered || r->partial);
    a->position = r->position;
    a->rejects++;
    a->sum = k2_h128_add(a->sum, k2_hash128(r->raw.p, r->raw.n));
    return K2_OK;
}

static inline int see_filtered(void *ctx, const char *why, struct k2_err *err) {
    struct answers *a = ctx;
    (void)err;
    K2_ASSERT(*why);
    a->filtered++;
    return K2_OK;
}

/* The decoder goes on in another one, as after a restart. */
static inline void *restart(const struct feed_ops *ops, const struct feed_options *o, void *state,
                            struct k2_interner *in) {
    struct k2_buf saved = {0};
    void *fresh = calloc(1, ops->state_size);
    ops->save(state, &saved);
    ops->fini(state);
    free(state);
    K2_ASSERT(ops->init(ops, fresh, o, in, NULL) == K2_OK);
    K2_ASSERT(ops->restore(fresh, k2_buf_view(&saved)));
    k2_buf_free(&saved);
    return fresh;
}

static inline struct answers ask(const char *format, struct k2_sv text, size_t step) {
    const struct feed_ops *ops = feed_find(k2_sv_of(format));
    struct answers a = {.in = k2_interner_new()};
    struct feed_sink sink = {&a, see_event, see_reject, see_filtered};
    struct feed_options o = fuzz_options;
    void *state = calloc(1, ops->state_size);
    K2_ASSERT(ops->init(ops, state, &o, a.in, NULL) == K2_OK);
    for (size_t done = 0, shown = 0, used; shown < text.n || shown == 0; done += used) {
        shown = step == 0 || text.n - shown <= step ? text.n : shown + step;
        bool last = shown == text.n;
        char *copy = malloc(shown - done + 1); /* its end is the end that may be read */
        memcpy(copy, text.p + done, shown - done);
        copy = realloc(copy, shown - done ? shown - done : 1);
        used = 0;
        K2_ASSERT(ops->decode(state, (struct k2_sv){copy, shown - done}, last, &used, &sink,
                              NULL) == K2_OK);
        K2_ASSERT(used <= shown - done && (!last || used == shown - done));
        free(copy);
        if (last)
            break;
        if (step && ops->save)
            state = restart(ops, &o, state, a.in);
    }
    ops->fini(state);
    free(state);
    k2_interner_free(a.in);
    return a;
}

/* A state from somewhere else is refused, or is one to go on from. */
static inline void ask_after(const char *format, struct k2_sv saved) {
    const struct feed_ops *ops = feed_find(k2_sv_of(format));
    static const char line[] = "03/10/2014,10:05:44.516,37.51,1200,3,X,\n{\"e\":\"trade\"}\n";
    struct answers a = {.in = k2_interner_new(), .position = -1};
    struct feed_sink sink = {&a, see_event, see_reject, see_filtered};
    struct feed_options o = fuzz_options;
    void *state = calloc(1, ops->state_size);
    size_t used;
    K2_ASSERT(ops->init(ops, state, &o, a.in, NULL) == K2_OK);
    (void)(ops->restore && ops->restore(state, saved));
    K2_ASSERT(ops->decode(state, K2_SV(line), true, &used, &sink, NULL) == K2_OK);
    ops->fini(state);
    free(state);
    k2_interner_free(a.in);
}

static inline int fuzz_format(const char *format, const uint8_t *data, size_t n) {
    if (n == 0)
        return 0;
    struct k2_sv text = {(const char *)data + 1, n - 1};
    struct answers whole = ask(format, text, 0), pieces = ask(format, text, data[0] % 64 + 1);
    K2_ASSERT(whole.events == pieces.events && whole.rejects == pieces.rejects);
    K2_ASSERT(whole.filtered == pieces.filtered && k2_h128_cmp(whole.sum, pieces.sum) == 0);
    (void)feed_detect(K2_SV("1_ABC.csv"), text);
    ask_after(format, text);
    return 0;
}

#endif
