/* Manifests and manifest lists: any bytes are read or refused. The first byte chooses which. */
#include "lake/manifest.h"

#include <stdlib.h>

static int drop(void *ctx, struct lake_entry *e, struct k2_err *err) {
    (void)err;
    int64_t *sum = ctx;
    for (int i = 0; i < e->file.metric_count; i++)
        *sum += e->file.metrics[i].lower_n + e->file.metrics[i].upper_n;
    *sum += e->file.path[0];
    return K2_OK;
}

static void read_list(struct k2_sv bytes) {
    struct lake_manifest_list list;
    struct k2_err err = {0};
    struct k2_buf again = {0};
    if (lake_manifest_list_parse(bytes, &list, &err) != K2_OK)
        return;
    if (lake_manifest_list_format(&list, 1, 2, 3, &again, &err) != K2_OK)
        abort();
    k2_buf_free(&again);
    lake_manifest_list_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct k2_sv bytes = {(const char *)data + 1, size - 1};
    if (data[0] & 1) {
        read_list(bytes);
        return 0;
    }
    struct lake_manifest_reader reader = {0};
    struct lake_manifest row = {.sequence = 1, .added_snapshot = 2};
    struct k2_err err = {0};
    int64_t sum = 0;
    int rc = lake_manifest_parse(&reader, bytes, "trade_date", &row, drop, &sum, &err);
    if (rc != K2_OK && err.msg[0] == 0)
        abort();
    lake_manifest_reader_free(&reader);
    return 0;
}
