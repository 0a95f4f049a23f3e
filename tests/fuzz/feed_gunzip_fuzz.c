/* Fuzz target of the gzip reader: any steps of input and output give the same bytes and verdict. */
#include "base/zip.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define OUT_MAX ((size_t)1 << 20)

static int gunzip(struct k2_sv all, size_t in_step, size_t out_step, struct k2_buf *out) {
    struct k2_gunzip *g = k2_gunzip_new();
    int rc = K2_OK;
    while (rc == K2_OK && all.n && out->n < OUT_MAX) {
        struct k2_sv piece = {all.p, all.n < in_step ? all.n : in_step};
        all.p += piece.n;
        all.n -= piece.n;
        for (size_t made = out_step; rc == K2_OK && (piece.n || made == out_step);) {
            rc = k2_gunzip_some(g, &piece, k2_buf_need(out, out_step), out_step, &made, NULL);
            out->n += made;
        }
    }
    if (rc == K2_OK && out->n < OUT_MAX)
        rc = k2_gunzip_end(g, NULL);
    k2_gunzip_free(g);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 2)
        return 0;
    struct k2_sv all = {(const char *)data + 2, n - 2};
    struct k2_buf a = {0}, b = {0};
    int whole = gunzip(all, SIZE_MAX, 65536, &a);
    int pieces = gunzip(all, data[0] % 32 + 1u, data[1] * 8 + 1u, &b);
    if (a.n < OUT_MAX && b.n < OUT_MAX) {
        K2_ASSERT(whole == pieces);
        K2_ASSERT(k2_sv_eq(k2_buf_view(&a), k2_buf_view(&b)) || whole != K2_OK);
    }
    a.n = 0;
    int rc = k2_inflate_raw(all, OUT_MAX, &a, NULL);
    K2_ASSERT(rc <= K2_OK && a.n <= OUT_MAX);
    k2_buf_free(&a);
    k2_buf_free(&b);
    return 0;
}
