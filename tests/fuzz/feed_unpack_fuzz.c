/* Fuzz target of the zstd and xz readers: any steps of input and output give the same bytes and verdict. */
#include "base/unpack.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define OUT_MAX ((size_t)1 << 20)

static int unpack(enum k2_packing p, struct k2_sv all, size_t in_step, size_t out_step,
                  struct k2_buf *out) {
    struct k2_unpack *u = k2_unpack_new(p);
    int rc = K2_OK;
    while (rc == K2_OK && all.n && out->n < OUT_MAX) {
        struct k2_sv piece = {all.p, all.n < in_step ? all.n : in_step};
        all.p += piece.n;
        all.n -= piece.n;
        for (size_t made = out_step; rc == K2_OK && (piece.n || made == out_step);) {
            rc = k2_unpack_some(u, &piece, k2_buf_need(out, out_step), out_step, &made, NULL);
            out->n += made;
            if (rc == K2_OK)
                K2_ASSERT(made == out_step || piece.n == 0);
        }
    }
    if (rc == K2_OK && out->n < OUT_MAX)
        rc = k2_unpack_end(u, NULL);
    k2_unpack_free(u);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 2)
        return 0;
    struct k2_sv all = {(const char *)data + 2, n - 2};
    struct k2_buf a = {0}, b = {0};
    enum k2_packing p = data[0] & 1 ? K2_PACKING_ZSTD : K2_PACKING_XZ;
    int whole = unpack(p, all, SIZE_MAX, 65536, &a);
    int pieces = unpack(p, all, data[0] / 8 + 1u, data[1] * 8 + 1u, &b);
    if (a.n < OUT_MAX && b.n < OUT_MAX) {
        K2_ASSERT(whole == pieces);
        K2_ASSERT(k2_sv_eq(k2_buf_view(&a), k2_buf_view(&b)) || whole != K2_OK);
    }
    k2_buf_free(&a);
    k2_buf_free(&b);
    return 0;
}
