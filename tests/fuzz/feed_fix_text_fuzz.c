/* Fuzz target of the decoder fix-text: any bytes, whole and in pieces, and every field of each message. */
#define FUZZ_CALENDAR "utc"
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    const struct feed_ops *ops = feed_find(K2_SV("fix-text"));
    const struct feed_visit visit = see_fields(&n);
    const struct feed_frame frame = {.bytes = {(const char *)data, n}};
    void *state = calloc(1, ops->state_size);
    (void)!ops->dissect(ops, state, &frame, &visit, NULL);
    ops->fini(state);
    free(state);
    return fuzz_format("fix-text", data, n);
}
