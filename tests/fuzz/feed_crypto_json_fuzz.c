/* Fuzz target of the decoders of crypto venues: the first byte says which. */
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char *const formats[] = {"binance-json",  "coinbase-json", "kraken-json",
                                          "bitstamp-json", "bybit-json",    "okx-json",
                                          "deribit-json",  "gateio-json",   "hyperliquid-json",
                                          "huobi-json",    "tardis-json"};
    if (n == 0)
        return 0;
    return fuzz_format(formats[data[0] % (sizeof formats / sizeof *formats)], data + 1, n - 1);
}
