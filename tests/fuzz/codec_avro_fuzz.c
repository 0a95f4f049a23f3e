/* Any bytes as a record of every kind, by its current schema and by a changed one. */
#include "codec/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char changed[] =
    "{\"type\":\"record\",\"name\":\"x\",\"fields\":["
    "{\"name\":\"symbol\",\"type\":\"string\"},"
    "{\"name\":\"conditions\",\"type\":[{\"type\":\"array\",\"items\":\"string\"},\"null\"]},"
    "{\"name\":\"extra\",\"type\":{\"type\":\"map\",\"values\":\"string\"}},"
    "{\"name\":\"unknown\",\"type\":[\"null\",\"double\"]},"
    "{\"name\":\"exchange_sequence_number\",\"type\":\"long\"}]}";

static K2_RC find(void *ctx, uint32_t id, struct k2_sv *schema, struct k2_err *err) {
    if (id > 1)
        return k2_fail(err, K2_E_NOTFOUND, "schema %u", id);
    *schema = k2_sv_of(id == 0 ? ((const struct k2_kind *)ctx)->avro_schema : changed);
    return K2_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct k2_interner *in = k2_interner_new();
    struct k2_buf again = {0};
    for (int i = 0; i < K2_KIND_COUNT; i++) {
        const struct k2_kind *kind = k2_kind((enum k2_kind_id)i);
        union {
            const struct k2_kind *c;
            void *v;
        } ctx = {kind};
        struct k2_decoder *d = k2_decoder_new(kind, in, (struct k2_schema_source){ctx.v, find});
        struct k2_event e, back;
        struct k2_sv value = {(const char *)data, size};
        again.n = 0;
        /* What decodes and fits must survive a round trip. */
        if (k2_decode(d, value, &e, NULL) == K2_OK && size > 4 && data[4] == 0 &&
            k2_avro_encode(&e, in, 0, &again, NULL) == K2_OK) {
            K2_ASSERT(k2_decode(d, k2_buf_view(&again), &back, NULL) == K2_OK);
            K2_ASSERT(k2_h128_cmp(k2_row_hash(&e, in), k2_row_hash(&back, in)) == 0);
        }
        k2_decoder_free(d);
    }
    k2_buf_free(&again);
    k2_interner_free(in);
    return 0;
}
