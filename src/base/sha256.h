/* base/sha256.h - SHA-256 (FIPS 180-4), for what others must be able to check. Thread-safety: one thread each. */
#ifndef K2_BASE_SHA256_H
#define K2_BASE_SHA256_H

#include <stddef.h>

#define K2_SHA256_HEX 65 /* 64 hex digits and NUL */

struct k2_sha256;
struct k2_sha256 *k2_sha256_new(void);
void k2_sha256_add(struct k2_sha256 *s, const void *bytes, size_t n);
/* Frees it. Lower case. */
void k2_sha256_end(struct k2_sha256 *s, char out[K2_SHA256_HEX]);

#endif
