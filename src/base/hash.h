/* base/hash.h - the hashes of our formats and protocols.
 * Thread-safety: pure functions.
 */
#ifndef K2_BASE_HASH_H
#define K2_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct k2_h128 {
    uint64_t lo, hi;
};

/* Kafka's murmur2 (seed 0x9747b28c), as org.apache.kafka.common.utils.Utils.murmur2 computes it. */
int32_t k2_murmur2(const void *bytes, size_t n);
/* Kafka's default partitioner for a keyed record: (murmur2(key) & 0x7fffffff) mod partitions. */
int32_t k2_kafka_partition(const void *key, size_t n, int32_t partitions);
/* CRC-32C (Castagnoli, RFC 3720 appendix B.4). crc is 0 or the result over the preceding bytes. */
uint32_t k2_crc32c(uint32_t crc, const void *bytes, size_t n);
/* The same without the processor's help; k2_crc32c chooses. Seen from outside only for its test. */
uint32_t k2_crc32c_portable(uint32_t crc, const void *bytes, size_t n);
uint64_t k2_hash64(const void *bytes, size_t n);        /* XXH3, 64 bit, seed 0 */
struct k2_h128 k2_hash128(const void *bytes, size_t n); /* XXH3, 128 bit, seed 0 */
/* k2_hash128 of bytes that come in pieces. */
struct k2_hasher;
struct k2_hasher *k2_hasher_new(void);
void k2_hasher_add(struct k2_hasher *h, const void *bytes, size_t n);
struct k2_h128 k2_hasher_end(struct k2_hasher *h); /* frees it */
/* a + b mod 2^128: the order-free sum that digests use. */
struct k2_h128 k2_h128_add(struct k2_h128 a, struct k2_h128 b);
/* a - b mod 2^128: takes a summand back. */
int k2_h128_cmp(struct k2_h128 a, struct k2_h128 b);
void k2_h128_hex(struct k2_h128 h, char out[33]); /* hi first, lower case, NUL-terminated */
bool k2_h128_parse(const char *hex, size_t n, struct k2_h128 *out); /* what k2_h128_hex wrote */

#endif
