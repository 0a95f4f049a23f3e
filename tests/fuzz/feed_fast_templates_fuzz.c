/* Fuzz target of FAST templates: any file is refused with a reason, or messages can be decoded by it. */
#include "feed/fast/fast.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const uint8_t bytes[64] = {0xe0, 0x81, 0x81, 0xc1, 0x82, 0x83, 0xff, 0x80, 0xc0, 0xf8};
    struct fast_templates *t;
    struct k2_err err = {0};
    if (fast_templates_parse((struct k2_sv){(const char *)data, n}, &t, &err) != K2_OK) {
        K2_ASSERT(*err.msg);
        return 0;
    }
    struct fast_decoder d;
    fast_decoder_init(&d, t);
    for (size_t at = 0, size = 1; at < sizeof bytes && size; at += size)
        size = fast_decode(&d, bytes + at, sizeof bytes - at);
    fast_decoder_free(&d);
    fast_templates_free(t);
    return 0;
}
