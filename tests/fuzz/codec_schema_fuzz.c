/* Any text as a writer's schema. */
#include "codec/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static K2_RC find(void *ctx, uint32_t id, struct k2_sv *schema, struct k2_err *err) {
    (void)id;
    (void)err;
    *schema = *(struct k2_sv *)ctx;
    return K2_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct k2_sv text = {(const char *)data, size};
    const struct k2_kind *kind = k2_kind(K2_KIND_TRADE);
    struct k2_interner *in = k2_interner_new();
    struct k2_decoder *d = k2_decoder_new(kind, in, (struct k2_schema_source){&text, find});
    struct k2_event e;
    static const char record[64] = {0};
    int rc = k2_decode(d, (struct k2_sv){record, sizeof record}, &e, NULL);
    (void)rc;
    k2_decoder_free(d);
    k2_interner_free(in);
    return 0;
}
