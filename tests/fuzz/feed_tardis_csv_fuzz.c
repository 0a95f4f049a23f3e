/* Fuzz target of the decoder tardis-csv; the first byte also says what the file is called. */
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const struct k2_sv names[] = {
        {"rows.csv", 8}, {"liquidations.csv", 16}, {"book_ticker.csv", 15}};
    fuzz_options.source = names[n > 0 ? (data[0] >> 6) % 3 : 0];
    return fuzz_format("tardis-csv", data, n);
}
