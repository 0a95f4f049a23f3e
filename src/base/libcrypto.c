/* base/libcrypto.c - see sha256.h and gcm.h. OpenSSL's libcrypto does the work: it uses the processor's own instructions
 * where there are.
 *
 * Only want of memory and wrong use make its calls fail here, and neither is gone on with.
 */
#include "base/gcm.h"
#include "base/sha256.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>

/* --- SHA-256 --- */

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

/* --- AES-256-GCM --- */

struct k2_gcm *k2_gcm_new(void) {
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    K2_ASSERT(c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, NULL, NULL, 1) == 1);
    return (struct k2_gcm *)c;
}

void k2_gcm_free(struct k2_gcm *g) {
    EVP_CIPHER_CTX_free((EVP_CIPHER_CTX *)g);
}

void k2_gcm_key(struct k2_gcm *g, const uint8_t key[K2_GCM_KEY]) {
    K2_ASSERT(EVP_CipherInit_ex((EVP_CIPHER_CTX *)g, NULL, NULL, key, NULL, -1) == 1);
}

/* Begins anew under a nonce: which way, and what is only bound. */
static void begin(EVP_CIPHER_CTX *c, int sealing, const uint8_t *nonce, struct k2_sv known) {
    int n;
    K2_ASSERT(known.n <= INT_MAX);
    K2_ASSERT(EVP_CipherInit_ex(c, NULL, NULL, NULL, nonce, sealing) == 1);
    K2_ASSERT(EVP_CipherUpdate(c, NULL, &n, (const uint8_t *)known.p, (int)known.n) == 1);
}

static void run(EVP_CIPHER_CTX *c, struct k2_sv in, uint8_t *out) {
    int n = 0;
    K2_ASSERT(in.n <= INT_MAX);
    K2_ASSERT(EVP_CipherUpdate(c, out, &n, (const uint8_t *)in.p, (int)in.n) == 1);
    K2_ASSERT((size_t)n == in.n);
}

void k2_gcm_seal(struct k2_gcm *g, const uint8_t nonce[K2_GCM_NONCE], struct k2_sv known,
                 struct k2_sv text, uint8_t *out) {
    EVP_CIPHER_CTX *c = (EVP_CIPHER_CTX *)g;
    int n;
    begin(c, 1, nonce, known);
    run(c, text, out);
    K2_ASSERT(EVP_CipherFinal_ex(c, out + text.n, &n) == 1);
    K2_ASSERT(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, K2_GCM_TAG, out + text.n) == 1);
}

bool k2_gcm_open(struct k2_gcm *g, const uint8_t nonce[K2_GCM_NONCE], struct k2_sv known,
                 struct k2_sv sealed, uint8_t *out) {
    EVP_CIPHER_CTX *c = (EVP_CIPHER_CTX *)g;
    uint8_t tag[K2_GCM_TAG];
    int n;
    K2_ASSERT(sealed.n >= K2_GCM_TAG);
    struct k2_sv text = {sealed.p, sealed.n - K2_GCM_TAG};
    memcpy(tag, sealed.p + text.n, sizeof tag);
    begin(c, 0, nonce, known);
    run(c, text, out);
    K2_ASSERT(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, K2_GCM_TAG, tag) == 1);
    bool good = EVP_CipherFinal_ex(c, out + text.n, &n) == 1;
    if (!good)
        k2_wipe(out, text.n);
    return good;
}

int k2_random_bytes(void *out, size_t n, struct k2_err *err) {
    K2_ASSERT(n <= INT_MAX);
    if (RAND_priv_bytes(out, (int)n) != 1)
        return k2_fail(err, K2_E_IO, "the operating system gives no random numbers");
    return K2_OK;
}

void k2_wipe(void *bytes, size_t n) {
    OPENSSL_cleanse(bytes, n);
}
