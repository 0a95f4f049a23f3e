/* Fuzz target of executions, CSV and JSON lines. */
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    return fuzz_format("executions", data, n);
}
