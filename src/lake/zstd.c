/* lake/zstd.c - see zstd.h. The only file that includes the library's header. */
#include "lake/zstd.h"

#include <stdlib.h>
#include <zstd.h>

struct zstd_packer {
    ZSTD_CCtx *context;
};

static void set(struct zstd_packer *p, ZSTD_cParameter parameter, int value) {
    K2_ASSERT(!ZSTD_isError(ZSTD_CCtx_setParameter(p->context, parameter, value)));
}

struct zstd_packer *zstd_packer_new(int level) {
    struct zstd_packer *p = k2_zalloc(sizeof *p);
    p->context = ZSTD_createCCtx();
    K2_ASSERT(p->context != NULL);
    set(p, ZSTD_c_compressionLevel, level);
    set(p, ZSTD_c_checksumFlag, 1);
    return p;
}

void zstd_packer_free(struct zstd_packer *p) {
    if (!p)
        return;
    ZSTD_freeCCtx(p->context);
    free(p);
}

K2_RC zstd_pack(struct zstd_packer *p, const void *bytes, size_t n, struct k2_buf *out,
                struct k2_err *err) {
    size_t room = ZSTD_compressBound(n);
    uint8_t *at = k2_buf_need(out, room);
    size_t packed = ZSTD_compress2(p->context, at, room, bytes, n);
    if (ZSTD_isError(packed))
        return k2_fail(err, K2_E_FAILED, "zstd cannot compress %zu bytes: %s", n,
                       ZSTD_getErrorName(packed));
    out->n += packed;
    return K2_OK;
}
