/* Fuzz target of executions, CSV and JSON lines; the first byte says which. The first line is given, since one that is
 * neither a header nor an object ends the source. */
#include "feed_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const first[] = {"execution_id,symbol,exchange,side,price,quantity,transact_"
                                    "time,account,fee,fee_currency,desk\n",
                                    "{\"execution_id\":\"0\",\"symbol\":\"A\",\"exchange\":"
                                    "\"XNAS\",\"side\":\"BUY\",\"price\":\"1\","
                                    "\"quantity\":\"1\",\"transact_time_ns\":1}\n"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n == 0)
        return 0;
    struct k2_buf text = {0};
    k2_buf_str(&text, first[data[0] >> 7]);
    k2_buf_put(&text, data + 1, n - 1);
    struct answers whole = ask("executions", k2_buf_view(&text), 0);
    struct answers pieces = ask("executions", k2_buf_view(&text), data[0] % 64 + 1);
    K2_ASSERT(whole.events == pieces.events && whole.rejects == pieces.rejects);
    K2_ASSERT(whole.filtered == pieces.filtered && k2_h128_cmp(whole.sum, pieces.sum) == 0);
    k2_buf_free(&text);
    return 0;
}
