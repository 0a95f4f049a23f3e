/* Fuzz target of the decoder dbn: any bytes, whole and in pieces, and every field of each record. */
#define FUZZ_CALENDAR "utc"
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    const struct feed_ops *ops = feed_find(K2_SV("dbn"));
    const struct feed_visit visit = see_fields(&n);
    const struct feed_frame frame = {.bytes = {(const char *)data, n}};
    (void)!ops->dissect(ops, NULL, &frame, &visit, NULL);
    return fuzz_format("dbn", data, n);
}
