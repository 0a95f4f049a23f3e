/* Offset vectors: any text is read or refused, and what was read is the same after being written.
 * */
#include "lake/lake_int.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct lake_offsets o, again;
    struct k2_buf text = {0};
    if (lake_offsets_parse((struct k2_sv){(const char *)data, size}, &o, NULL) != K2_OK)
        return 0;
    lake_offsets_format(&o, &text);
    if (lake_offsets_parse(k2_buf_view(&text), &again, NULL) != K2_OK ||
        !lake_offsets_equal(&o, &again))
        abort();
    lake_offsets_free(&o);
    lake_offsets_free(&again);
    k2_buf_free(&text);
    return 0;
}
