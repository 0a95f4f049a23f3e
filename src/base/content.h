/* base/content.h - what some bytes were: how many, and their hashes, XXH3-128 for us and SHA-256 for who must prove it to
 * others. Thread-safety: one thread per struct k2_content_sum. */
#ifndef K2_BASE_CONTENT_H
#define K2_BASE_CONTENT_H

#include "base/buf.h"
#include "base/sha256.h"

struct k2_content {
    int64_t bytes;
    char xxh128[33], sha256[K2_SHA256_HEX]; /* hex, lower case */
};

struct k2_content_sum;
struct k2_content_sum *k2_content_new(void);
void k2_content_add(struct k2_content_sum *s, struct k2_sv piece);
/* Frees it; NULL is nothing. out may be NULL. */
void k2_content_end(struct k2_content_sum *s, struct k2_content *out);

#endif
