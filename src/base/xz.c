/* base/xz.c - see xz.h. The only file that knows liblzma. */
#include "base/xz.h"

#include <lzma.h>
#include <stdlib.h>

#define MEMORY_MAX (UINT64_C(256) << 20)

struct k2_unxz {
    lzma_stream z;
    enum { XZ_START, XZ_STREAM, XZ_BETWEEN, XZ_FAILED } at;
    uint64_t read, made, streams;
};

static void begin(struct k2_unxz *u) {
    /* The decoder's room is used again. */
    if (lzma_stream_decoder(&u->z, MEMORY_MAX, 0) != LZMA_OK)
        k2_panic(__FILE__, __LINE__, "liblzma has no memory for its decoder");
}

struct k2_unxz *k2_unxz_new(void) {
    struct k2_unxz *u = k2_zalloc(sizeof *u);
    u->z = (lzma_stream)LZMA_STREAM_INIT;
    begin(u);
    return u;
}

void k2_unxz_free(struct k2_unxz *u) {
    if (!u)
        return;
    lzma_end(&u->z);
    free(u);
}

static int damaged(struct k2_unxz *u, const char *what, struct k2_err *err) {
    u->at = XZ_FAILED;
    return k2_fail(err, K2_E_CORRUPT,
                   "the xz data is damaged near byte %llu (stream %llu, after %llu unpacked "
                   "bytes): %s",
                   (unsigned long long)u->read, (unsigned long long)u->streams + 1,
                   (unsigned long long)u->made, what);
}

static const char *meaning(lzma_ret rc) {
    switch (rc) {
    case LZMA_MEMLIMIT_ERROR:
        return "it wants more than 256 MiB of memory";
    case LZMA_FORMAT_ERROR:
        return "no xz stream begins here";
    case LZMA_OPTIONS_ERROR:
        return "it was packed with options that are not known";
    case LZMA_MEM_ERROR:
        return "there is no memory for it";
    default:
        return "a checksum or its structure is wrong";
    }
}

/* Behind a stream: zeros are padding, anything else is another stream. */
static void skip_padding(struct k2_unxz *u, struct k2_sv *in) {
    while (in->n && *in->p == 0) {
        u->read++;
        in->p++;
        in->n--;
    }
    if (in->n == 0)
        return;
    begin(u);
    u->at = XZ_STREAM;
}

/* One turn of the decoder; *more: it is worth another. */
static int turn(struct k2_unxz *u, struct k2_sv *in, uint8_t *out, size_t cap, size_t *made,
                bool *more, struct k2_err *err) {
    u->z.next_in = (const uint8_t *)in->p;
    u->z.avail_in = in->n;
    u->z.next_out = out;
    u->z.avail_out = cap;
    lzma_ret rc = lzma_code(&u->z, LZMA_RUN);
    size_t used = in->n - u->z.avail_in;
    in->p += used;
    in->n -= used;
    *made = cap - u->z.avail_out;
    u->read += used;
    u->made += *made;
    *more = used > 0 || *made > 0;
    if (rc == LZMA_STREAM_END) {
        u->at = XZ_BETWEEN;
        u->streams++;
        return K2_OK;
    }
    return rc == LZMA_OK || rc == LZMA_BUF_ERROR ? K2_OK : damaged(u, meaning(rc), err);
}

int k2_unxz_some(struct k2_unxz *u, struct k2_sv *in, uint8_t *out, size_t cap, size_t *produced,
                 struct k2_err *err) {
    bool more = true;
    *produced = 0;
    if (u->at == XZ_FAILED)
        return damaged(u, "an earlier part was damaged", err);
    while (*produced < cap && more) {
        size_t made = 0;
        if (u->at == XZ_BETWEEN)
            skip_padding(u, in);
        if (u->at == XZ_BETWEEN || (u->at == XZ_START && in->n == 0))
            return K2_OK;
        u->at = XZ_STREAM;
        int rc = turn(u, in, out + *produced, cap - *produced, &made, &more, err);
        *produced += made;
        if (rc != K2_OK)
            return rc;
    }
    return K2_OK;
}

int k2_unxz_end(const struct k2_unxz *u, struct k2_err *err) {
    if (u->at == XZ_BETWEEN)
        return K2_OK;
    return k2_fail(err, K2_E_CORRUPT,
                   "the xz data is cut off at byte %llu (stream %llu, after %llu unpacked bytes)",
                   (unsigned long long)u->read, (unsigned long long)u->streams + 1,
                   (unsigned long long)u->made);
}
