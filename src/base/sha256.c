/* base/sha256.c - see sha256.h. libcrypto does the work: it uses the processor's own instructions where there are. */
#include "base/sha256.h"

#include "base/err.h"

#include <openssl/evp.h>
#include <stdio.h>

/* Only want of memory makes these fail, and nothing here goes on without memory. */
struct k2_sha256 *k2_sha256_new(void) {
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    K2_ASSERT(md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1);
    return (struct k2_sha256 *)md;
}

void k2_sha256_add(struct k2_sha256 *s, const void *bytes, size_t n) {
    K2_ASSERT(EVP_DigestUpdate((EVP_MD_CTX *)s, bytes, n) == 1);
}

void k2_sha256_end(struct k2_sha256 *s, char out[K2_SHA256_HEX]) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    K2_ASSERT(EVP_DigestFinal_ex((EVP_MD_CTX *)s, digest, &n) == 1 && n == 32);
    EVP_MD_CTX_free((EVP_MD_CTX *)s);
    for (unsigned i = 0; i < n; i++)
        snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
}
