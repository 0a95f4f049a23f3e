/* Any text as a .proto file: a file that is accepted is also accepted as its canonical text and compatible with
 * itself in that layout. */
#include "codec/compat.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct k2_schema_text s = {.type = K2_SCHEMA_PROTOBUF, .text = {(const char *)data, size}};
    struct k2_buf canonical = {0};
    struct k2_err err;
    if (k2_schema_parse_check(&s, &canonical, &err) == K2_OK) {
        struct k2_schema_text c = {.type = K2_SCHEMA_PROTOBUF, .text = k2_buf_view(&canonical)};
        struct k2_compat_findings found = {0};
        int rc = k2_compat_check(&c, &s, 1, K2_COMPAT_FULL, &found, &err);
        if ((rc != K2_OK && rc != K2_E_RANGE) || (rc == K2_OK && found.n != 0))
            abort();
        k2_compat_findings_free(&found);
    }
    k2_buf_free(&canonical);
    return 0;
}
