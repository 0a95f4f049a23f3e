/* base/gcm.h - AES-256-GCM (NIST SP 800-38D): bytes that nobody reads or changes without the key.
 *
 * The caller sees to it that a nonce is never used twice under one key: two texts under the same nonce give both
 * of them away. Thread-safety: one thread each. Keys and states are wiped when they are freed.
 */
#ifndef K2_BASE_GCM_H
#define K2_BASE_GCM_H

#include "base/buf.h"
#include "base/err.h"

#define K2_GCM_KEY 32
#define K2_GCM_NONCE 12
#define K2_GCM_TAG 16

struct k2_gcm;
/* Without a key yet. */
struct k2_gcm *k2_gcm_new(void);
void k2_gcm_free(struct k2_gcm *g); /* NULL is fine */
/* Once for many texts: it is what costs. */
void k2_gcm_key(struct k2_gcm *g, const uint8_t key[K2_GCM_KEY]);
/* Writes text.n bytes of ciphertext and then the tag to out, which may not overlap. `known` is bound to it and stays
 * readable. At most 2^31-1 bytes. */
void k2_gcm_seal(struct k2_gcm *g, const uint8_t nonce[K2_GCM_NONCE], struct k2_sv known,
                 struct k2_sv text, uint8_t *out);
/* sealed: what k2_gcm_seal wrote. False, and zeros in out, unless key, nonce, `known` and every bit of it are those it
 * was sealed with. out: sealed.n - K2_GCM_TAG bytes. */
bool k2_gcm_open(struct k2_gcm *g, const uint8_t nonce[K2_GCM_NONCE], struct k2_sv known,
                 struct k2_sv sealed, uint8_t *out);

/* Bytes that nobody can guess. */
K2_RC k2_random_bytes(void *out, size_t n, struct k2_err *err);
/* Zeros that no compiler leaves out. */
void k2_wipe(void *bytes, size_t n);

#endif
