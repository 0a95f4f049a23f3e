/* base/zstd.c - see zstd.h. The only file that includes the library's header. */
#include "base/zstd.h"

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

int zstd_pack(struct zstd_packer *p, const void *bytes, size_t n, struct k2_buf *out,
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

/* --- unpacking --- */

struct k2_unzstd {
    ZSTD_DCtx *context;
    bool inside, failed; /* of a frame */
    uint64_t read, made, frames;
    uint8_t magic[4]; /* of the frame, as far as they were seen */
    size_t seen;
    uint64_t frame_at; /* where it begins; counts like read */
};

struct k2_unzstd *k2_unzstd_new(void) {
    struct k2_unzstd *u = k2_zalloc(sizeof *u);
    u->context = ZSTD_createDCtx();
    K2_ASSERT(u->context != NULL);
    return u;
}

void k2_unzstd_free(struct k2_unzstd *u) {
    if (!u)
        return;
    ZSTD_freeDCtx(u->context);
    free(u);
}

static int damaged(struct k2_unzstd *u, const char *what, struct k2_err *err) {
    u->failed = true;
    return k2_fail(err, K2_E_CORRUPT,
                   "the zstd data is damaged near byte %llu (frame %llu, after %llu unpacked "
                   "bytes): %s",
                   (unsigned long long)u->read, (unsigned long long)u->frames + 1,
                   (unsigned long long)u->made, what);
}

/* Whether the frame that begins is one of RFC 8878, 3.1.1 and 3.1.2. The library may also know the formats of before
 * 1.0, which it reads in pieces other than as a whole. */
static bool is_standard(struct k2_unzstd *u, const struct k2_sv *in) {
    for (size_t i = u->seen - (size_t)(u->read - u->frame_at); u->seen < 4 && i < in->n; i++)
        u->magic[u->seen++] = (uint8_t)in->p[i];
    uint32_t magic = (uint32_t)u->magic[3] << 24 | (uint32_t)u->magic[2] << 16 |
                     (uint32_t)u->magic[1] << 8 | u->magic[0];
    return u->seen < 4 || magic == ZSTD_MAGICNUMBER ||
           (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

static void end_frame(struct k2_unzstd *u) {
    u->frames++;
    u->seen = 0;
    u->frame_at = u->read;
}

int k2_unzstd_some(struct k2_unzstd *u, struct k2_sv *in, uint8_t *out, size_t cap,
                   size_t *produced, struct k2_err *err) {
    *produced = 0;
    if (u->failed)
        return damaged(u, "an earlier part was damaged", err);
    while (*produced < cap && (in->n > 0 || u->inside)) {
        if (u->seen < 4 && !is_standard(u, in))
            return damaged(u, "this is no zstd frame, or one of before zstd 1.0", err);
        ZSTD_inBuffer from = {in->p, in->n, 0};
        ZSTD_outBuffer to = {out + *produced, cap - *produced, 0};
        size_t left = ZSTD_decompressStream(u->context, &to, &from);
        in->p += from.pos;
        in->n -= from.pos;
        u->read += from.pos;
        u->made += to.pos;
        *produced += to.pos;
        if (ZSTD_isError(left))
            return damaged(u, ZSTD_getErrorName(left), err);
        u->inside = left > 0;
        if (left == 0)
            end_frame(u);
        if (left > 0 && from.pos == 0 && to.pos == 0)
            break; /* wants more input */
    }
    return K2_OK;
}

int k2_unzstd_end(const struct k2_unzstd *u, struct k2_err *err) {
    if (!u->inside && !u->failed && u->frames > 0)
        return K2_OK;
    return k2_fail(err, K2_E_CORRUPT,
                   "the zstd data is cut off at byte %llu (frame %llu, after %llu unpacked bytes)",
                   (unsigned long long)u->read, (unsigned long long)u->frames + 1,
                   (unsigned long long)u->made);
}
