/* Fuzz target of the decoders of reference tables; the first byte says which. */
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char *const formats[] = {
        "lean-symbols", "lean-securities", "databento-security-master",
        "databento-corporate-actions", "databento-adjustment-factors"};
    return fuzz_format(formats[n > 0 ? (data[0] >> 5) % 5 : 0], data, n);
}
