/* Fuzz target of the decoder lean; the first byte says which of its files it is. */
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char *const paths[] = {
        "usa/tick/ibm/20131007_trade.zip/20131007_ibm_Trade_Tick.csv",
        "usa/tick/ibm/20131007_quote.zip/20131007_ibm_Quote_Tick.csv",
        "oanda/tick/eurusd/20140501_quote.zip/20140501_eurusd_tick_quote.csv",
        "comex/minute/gc/20131007_quote.zip/20131007_gc_minute_quote_201312.csv",
        "usa/daily/ibm.zip/ibm.csv",
        "comex/tick/gc/20131007_openinterest.zip/20131007_gc_tick_openinterest_201310.csv",
        "usa/map_files/ibm.csv",
        "usa/factor_files/ibm.csv",
    };
    fuzz_options.source = k2_sv_of(paths[n > 0 ? data[0] >> 5 : 0]);
    return fuzz_format("lean", data, n);
}
