/* Fuzz target of the decoder fix-text: any bytes, whole and in pieces, and every field of each message. */
#define FUZZ_CALENDAR "utc"
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void see_group(void *ctx, const char *name, int index, size_t at) {
    (void)ctx;
    (void)index;
    (void)at;
    see_text(k2_sv_of(name));
}

static void see_end(void *ctx) {
    (void)ctx;
}

static void see_field(void *ctx, const char *name, struct k2_sv text, bool padding, size_t at,
                      size_t size) {
    const size_t *n = ctx;
    (void)padding;
    see_text(k2_sv_of(name));
    see_text(text);
    K2_ASSERT(at + size <= *n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    const struct feed_ops *ops = feed_find(K2_SV("fix-text"));
    const struct feed_visit visit = {&n, see_group, see_end, see_field};
    const struct feed_frame frame = {.bytes = {(const char *)data, n}};
    void *state = calloc(1, ops->state_size);
    (void)!ops->dissect(ops, state, &frame, &visit, NULL);
    ops->fini(state);
    free(state);
    return fuzz_format("fix-text", data, n);
}
