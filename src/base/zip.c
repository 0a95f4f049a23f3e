/* base/zip.c - see zip.h. The only file that knows zlib.
 *
 * zlib counts in 32 bits; every call here hands it at most ZIP_STEP bytes a side, so that buffers
 * of any size are fine.
 */
#include "base/zip.h"

#include <stdlib.h>
#include <zlib.h>

#define ZIP_STEP ((size_t)1 << 30)
#define RAW_WINDOW (-15)      /* no header, no trailer */
#define GZIP_WINDOW (15 + 16) /* gzip header and trailer, checked */

static uInt step_of(size_t n) {
    return (uInt)(n < ZIP_STEP ? n : ZIP_STEP);
}

static int no_memory(struct k2_err *err) {
    return k2_fail(err, K2_E_NOMEM, "zlib has no memory for its window");
}

/* zlib reads through a non-const pointer but does not write there. */
static Bytef *input_of(struct k2_sv in) {
    return (Bytef *)(uintptr_t)in.p;
}

/* Runs the stream over all of `in`, growing out; stops at the end of the stream, at an error, or
 * when `limit` bytes are exceeded. Gives zlib's last word. */
static int pump(z_stream *z, int (*turn)(z_stream *, int), struct k2_sv *in, size_t limit,
                struct k2_buf *out) {
    size_t start = out->n;
    int rc = Z_OK;
    while (rc == Z_OK && out->n - start <= limit) {
        uInt give = step_of(in->n), room = step_of(in->n / 2 + 4096);
        z->next_in = input_of(*in);
        z->avail_in = give;
        z->next_out = k2_buf_need(out, room);
        z->avail_out = room;
        rc = turn(z, give == in->n ? Z_FINISH : Z_NO_FLUSH);
        size_t used = give - z->avail_in, made = room - z->avail_out;
        in->p += used;
        in->n -= used;
        out->n += made;
        if (rc == Z_BUF_ERROR && (used || made || z->avail_out == 0))
            rc = Z_OK; /* it only wants more room */
    }
    return rc;
}

int k2_deflate_raw(struct k2_sv in, int level, struct k2_buf *out, struct k2_err *err) {
    if (level < -1 || level > 9)
        return k2_fail(err, K2_E_INVALID, "deflate has no level %d; use -1 to 9", level);
    z_stream z = {0};
    if (deflateInit2(&z, level, Z_DEFLATED, RAW_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return no_memory(err);
    struct k2_sv rest = in.n ? in : K2_SV("");
    int rc = pump(&z, deflate, &rest, SIZE_MAX, out);
    deflateEnd(&z);
    K2_ASSERT(rc == Z_STREAM_END);
    return K2_OK;
}

static int inflate_fault(int rc, bool too_long, size_t at, size_t limit, const char *said,
                         struct k2_err *err) {
    if (too_long)
        return k2_fail(err, K2_E_RANGE, "the deflate stream unpacks to more than %zu bytes", limit);
    if (rc == Z_MEM_ERROR)
        return no_memory(err);
    if (rc == Z_BUF_ERROR)
        return k2_fail(err, K2_E_CORRUPT, "the deflate stream is cut off after %zu bytes", at);
    return k2_fail(err, K2_E_CORRUPT, "the deflate stream is damaged before byte %zu: %s", at,
                   said ? said : "no detail");
}

int k2_inflate_raw_front(struct k2_sv *in, size_t limit, struct k2_buf *out, struct k2_err *err) {
    z_stream z = {0};
    if (inflateInit2(&z, RAW_WINDOW) != Z_OK)
        return no_memory(err);
    struct k2_sv rest = in->n ? *in : K2_SV("");
    size_t before = out->n;
    int rc = pump(&z, inflate, &rest, limit, out);
    const char *said = z.msg; /* static text, outlives the stream */
    inflateEnd(&z);
    bool too_long = out->n - before > limit;
    if (rc == Z_STREAM_END && !too_long) {
        *in = rest;
        return K2_OK;
    }
    out->n = before;
    return inflate_fault(rc, too_long, in->n - rest.n, limit, said, err);
}

int k2_inflate_raw(struct k2_sv in, size_t limit, struct k2_buf *out, struct k2_err *err) {
    size_t before = out->n;
    K2_TRY(k2_inflate_raw_front(&in, limit, out, err));
    if (in.n == 0)
        return K2_OK;
    out->n = before;
    return k2_fail(err, K2_E_CORRUPT, "%zu bytes behind the end of the deflate stream", in.n);
}

/* --- gzip --- */

struct k2_gunzip {
    z_stream z;
    enum { GZ_START, GZ_MEMBER, GZ_BETWEEN, GZ_PADDING, GZ_FAILED } at;
    uint64_t read, made, members;
};

struct k2_gunzip *k2_gunzip_new(void) {
    struct k2_gunzip *g = k2_zalloc(sizeof *g);
    if (inflateInit2(&g->z, GZIP_WINDOW) != Z_OK)
        k2_panic(__FILE__, __LINE__, "zlib has no memory for its window");
    return g;
}

void k2_gunzip_free(struct k2_gunzip *g) {
    if (!g)
        return;
    inflateEnd(&g->z);
    free(g);
}

void k2_gunzip_reset(struct k2_gunzip *g) {
    inflateReset(&g->z);
    g->at = GZ_START;
    g->read = g->made = g->members = 0;
}

bool k2_gzip_magic(struct k2_sv head) {
    return head.n >= 2 && (uint8_t)head.p[0] == 0x1f && (uint8_t)head.p[1] == 0x8b;
}

static int damaged(struct k2_gunzip *g, const char *what, struct k2_err *err) {
    g->at = GZ_FAILED;
    return k2_fail(err, K2_E_CORRUPT,
                   "the gzip data is damaged near byte %llu (member %llu, after %llu unpacked "
                   "bytes): %s",
                   (unsigned long long)g->read, (unsigned long long)g->members + 1,
                   (unsigned long long)g->made, what);
}

/* Behind a member: zeros are padding, the first byte of the magic starts the next one. */
static int next_member(struct k2_gunzip *g, struct k2_sv *in, struct k2_err *err) {
    while (in->n && *in->p == 0) {
        g->at = GZ_PADDING;
        g->read++;
        in->p++;
        in->n--;
    }
    if (in->n == 0)
        return K2_OK;
    if (g->at == GZ_PADDING || (uint8_t)*in->p != 0x1f)
        return damaged(g, "bytes that are no gzip member follow the last one", err);
    inflateReset(&g->z);
    g->at = GZ_MEMBER;
    return K2_OK;
}

int k2_gunzip_some(struct k2_gunzip *g, struct k2_sv *in, uint8_t *out, size_t cap,
                   size_t *produced, struct k2_err *err) {
    *produced = 0;
    if (g->at == GZ_FAILED)
        return damaged(g, "an earlier part was damaged", err);
    while (*produced < cap) {
        if (g->at == GZ_BETWEEN || g->at == GZ_PADDING)
            K2_TRY(next_member(g, in, err));
        uInt give = step_of(in->n), room = step_of(cap - *produced);
        if (g->at == GZ_BETWEEN || g->at == GZ_PADDING || (give == 0 && g->at == GZ_START))
            return K2_OK;
        g->at = GZ_MEMBER;
        g->z.next_in = input_of(*in);
        g->z.avail_in = give;
        g->z.next_out = out + *produced;
        g->z.avail_out = room;
        int rc = inflate(&g->z, Z_NO_FLUSH);
        size_t used = give - g->z.avail_in, made = room - g->z.avail_out;
        in->p += used;
        in->n -= used;
        g->read += used;
        g->made += made;
        *produced += made;
        if (rc == Z_STREAM_END) {
            g->at = GZ_BETWEEN;
            g->members++;
        } else if (rc == Z_BUF_ERROR || (rc == Z_OK && in->n == 0 && g->z.avail_out > 0)) {
            return K2_OK; /* wants more input */
        } else if (rc == Z_NEED_DICT) {
            return damaged(g, "it needs a dictionary", err);
        } else if (rc != Z_OK) {
            return damaged(g, g->z.msg ? g->z.msg : "zlib gives no detail", err);
        }
    }
    return K2_OK;
}

int k2_gunzip_end(const struct k2_gunzip *g, struct k2_err *err) {
    if (g->at == GZ_BETWEEN || g->at == GZ_PADDING)
        return K2_OK;
    return k2_fail(err, K2_E_CORRUPT,
                   "the gzip data is cut off at byte %llu (member %llu, after %llu unpacked bytes)",
                   (unsigned long long)g->read, (unsigned long long)g->members + 1,
                   (unsigned long long)g->made);
}
