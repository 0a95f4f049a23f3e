/* Fuzz target: any bytes as a frame, against every layout of the program. The first byte says which. What is told
 * must stay inside the frame, and what is accepted must be good enough to be stored. */
#include "feed/layout/layout.h"
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct inside {
    size_t n;
    int depth;
};

static void see_open(void *ctx, const char *name, int index, size_t at) {
    struct inside *i = ctx;
    K2_ASSERT(*name && index >= -1 && at <= i->n);
    i->depth++;
}

static void see_close(void *ctx) {
    struct inside *i = ctx;
    i->depth--;
}

static void see_field(void *ctx, const char *name, struct k2_sv text, bool padding, size_t at,
                      size_t size) {
    struct inside *i = ctx;
    (void)padding;
    K2_ASSERT(*name && at <= i->n && size <= i->n - at);
    see_text(text);
}

static int see_unit_event(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                          struct k2_err *err) {
    struct k2_interner *in = ctx;
    struct k2_buf out = {0};
    see_text(raw);
    K2_ASSERT(position > 0);
    int rc = k2_avro_encode(e, in, 1, &out, err);
    K2_ASSERT(rc == K2_OK);
    k2_buf_free(&out);
    return rc;
}

static int see_unit_reject(void *ctx, const struct feed_reject *r, struct k2_err *err) {
    (void)ctx;
    (void)err;
    see_text(r->raw);
    K2_ASSERT(r->reason && *r->detail && (!r->numbered || r->partial));
    return K2_OK;
}

static int see_nothing(void *ctx, const char *why, struct k2_err *err) {
    (void)ctx;
    (void)err;
    K2_ASSERT(*why);
    return K2_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n == 0)
        return 0;
    const struct layout *l = layout_at(data[0] % layout_count());
    struct k2_interner *in = k2_interner_new();
    struct k2_err err = {0};
    struct inside inside = {.n = n - 1};
    const struct feed_visit visit = {&inside, see_open, see_close, see_field};
    const struct feed_sink sink = {in, see_unit_event, see_unit_reject, see_nothing};
    const struct feed_options o = {.date = INT32_MIN, .calendar = "utc"};
    struct feed_frame f = {.bytes = {(const char *)data + 1, n - 1},
                           .time_ns = INT64_C(1567498463000000000),
                           .number = 1,
                           .flow_name = n & 1 ? K2_SV("udp://1") : K2_SV("tcp://1")};
    void *state = k2_zalloc(l->ops.state_size);
    K2_ASSERT(l->ops.init(&l->ops, state, &o, in, &err) == K2_OK);
    int told = l->ops.dissect(&l->ops, state, &f, &visit, &err);
    K2_ASSERT(told != K2_OK || inside.depth == 0);
    for (int i = 0; i < 2; i++)
        K2_ASSERT(layout_frame(state, &f, &sink, &err) == K2_OK);
    l->ops.fini(state);
    free(state);
    k2_interner_free(in);
    return 0;
}
