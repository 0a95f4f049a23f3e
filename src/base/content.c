/* base/content.c - see content.h. */
#include "base/content.h"

#include "base/hash.h"

#include <stdlib.h>

struct k2_content_sum {
    struct k2_hasher *xxh;
    struct k2_sha256 *sha;
    int64_t bytes;
};

struct k2_content_sum *k2_content_new(void) {
    struct k2_content_sum *s = k2_alloc(sizeof *s);
    *s = (struct k2_content_sum){k2_hasher_new(), k2_sha256_new(), 0};
    return s;
}

void k2_content_add(struct k2_content_sum *s, struct k2_sv piece) {
    k2_hasher_add(s->xxh, piece.p, piece.n);
    k2_sha256_add(s->sha, piece.p, piece.n);
    s->bytes += (int64_t)piece.n;
}

void k2_content_end(struct k2_content_sum *s, struct k2_content *out) {
    struct k2_content unasked;
    if (!s)
        return;
    out = out ? out : &unasked;
    out->bytes = s->bytes;
    k2_h128_hex(k2_hasher_end(s->xxh), out->xxh128);
    k2_sha256_end(s->sha, out->sha256);
    free(s);
}
