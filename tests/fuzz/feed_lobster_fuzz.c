/* Fuzz target of the decoders lobster and lobster-book; the first byte says which. */
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    bool book = n > 0 && (data[0] & 0x80);
    fuzz_options.source = book ? K2_SV("AAPL_2012-06-21_34200000_57600000_orderbook_10.csv")
                               : K2_SV("AAPL_2012-06-21_34200000_57600000_message_10.csv");
    return fuzz_format(book ? "lobster-book" : "lobster", data, n);
}
