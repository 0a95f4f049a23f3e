/* Fuzz target: any text as a layout, and what is left of it as a frame of the layout. */
#include "feed/layout/layout.h"
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void see_nothing(void *ctx, const char *name, int index, size_t at) {
    (void)ctx;
    (void)index;
    (void)at;
    K2_ASSERT(*name);
}

static void see_end(void *ctx) {
    (void)ctx;
}

static void see_field(void *ctx, const char *name, struct k2_sv text, bool padding, size_t at,
                      size_t size) {
    (void)ctx;
    (void)padding;
    K2_ASSERT(*name && at + size <= (size_t)1 << 20);
    see_text(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char frame[] = "\x00\x05\x41\x01\x02\x03\x04\x05\x00\x02\x42 12 34\xff\xff\xff";
    const struct feed_visit visit = {NULL, see_nothing, see_end, see_field};
    struct layout *l;
    struct k2_err err = {0};
    if (layout_parse((struct k2_sv){(const char *)data, n}, "fuzz", &l, &err) != K2_OK) {
        K2_ASSERT(err.status == K2_E_INVALID && err.msg[0]);
        return 0;
    }
    struct feed_frame f = {.bytes = {frame, sizeof frame - 1}, .time_ns = K2_NULL_LONG};
    void *state = k2_zalloc(l->ops.state_size);
    (void)!l->ops.dissect(&l->ops, state, &f, &visit, &err);
    l->ops.fini(state);
    free(state);
    layout_free(l);
    return 0;
}
