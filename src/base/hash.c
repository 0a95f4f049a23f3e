/* base/hash.c - see hash.h.
 *
 * CRC-32C takes the instruction that x86 has for it where the processor knows it (8 bytes in 3
 * cycles), else a table of half bytes: slow, but small enough to be read and checked.
 */
#include "base/hash.h"

#include "base/buf.h"
#include "base/err.h"

#define XXH_INLINE_ALL /* measured a fifth faster on short keys than a call into the library */
#include <xxhash.h>

int32_t k2_murmur2(const void *bytes, size_t n) {
    const uint32_t m = 0x5bd1e995;
    const uint8_t *p = bytes;
    uint32_t h = 0x9747b28c ^ (uint32_t)n;
    for (; n >= 4; p += 4, n -= 4) {
        uint32_t k = k2_get_u32(p) * m;
        k = (k ^ k >> 24) * m;
        h = h * m ^ k;
    }
    if (n > 0) {
        for (size_t i = 0; i < n; i++)
            h ^= (uint32_t)p[i] << (8 * i);
        h *= m;
    }
    h = (h ^ h >> 13) * m;
    return (int32_t)(h ^ h >> 15);
}

int32_t k2_kafka_partition(const void *key, size_t n, int32_t partitions) {
    return (k2_murmur2(key, n) & 0x7fffffff) % partitions;
}

uint32_t k2_crc32c_portable(uint32_t crc, const void *bytes, size_t n) {
    static const uint32_t half[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    const uint8_t *p = bytes;
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ half[crc & 15];
        crc = crc >> 4 ^ half[crc & 15];
    }
    return ~crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *p,
                                                               size_t n) {
    uint64_t wide = crc;
    for (; n >= 8; p += 8, n -= 8)
        wide = __builtin_ia32_crc32di(wide, k2_get_u64(p));
    crc = (uint32_t)wide;
    for (; n > 0; p++, n--)
        crc = __builtin_ia32_crc32qi(crc, *p);
    return crc;
}
#endif

uint32_t k2_crc32c(uint32_t crc, const void *bytes, size_t n) {
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_sse42(~crc, bytes, n);
#endif
    return k2_crc32c_portable(crc, bytes, n);
}

uint64_t k2_hash64(const void *bytes, size_t n) {
    return XXH3_64bits(bytes, n);
}

struct k2_h128 k2_hash128(const void *bytes, size_t n) {
    XXH128_hash_t h = XXH3_128bits(bytes, n);
    return (struct k2_h128){h.low64, h.high64};
}

struct k2_hasher *k2_hasher_new(void) {
    XXH3_state_t *state = XXH3_createState();
    K2_ASSERT(state != NULL && XXH3_128bits_reset(state) == XXH_OK);
    return (struct k2_hasher *)state;
}

void k2_hasher_add(struct k2_hasher *h, const void *bytes, size_t n) {
    (void)XXH3_128bits_update((XXH3_state_t *)h, bytes, n); /* fails on NULL only */
}

struct k2_h128 k2_hasher_end(struct k2_hasher *h) {
    XXH128_hash_t sum = XXH3_128bits_digest((XXH3_state_t *)h);
    (void)XXH3_freeState((XXH3_state_t *)h);
    return (struct k2_h128){sum.low64, sum.high64};
}

struct k2_h128 k2_h128_add(struct k2_h128 a, struct k2_h128 b) {
    uint64_t lo = a.lo + b.lo;
    return (struct k2_h128){lo, a.hi + b.hi + (lo < a.lo)};
}

int k2_h128_cmp(struct k2_h128 a, struct k2_h128 b) {
    if (a.hi != b.hi)
        return a.hi < b.hi ? -1 : 1;
    return (a.lo > b.lo) - (a.lo < b.lo);
}

void k2_h128_hex(struct k2_h128 h, char out[33]) {
    for (int i = 0; i < 32; i++) {
        uint64_t half = i < 16 ? h.hi : h.lo;
        out[i] = "0123456789abcdef"[half >> (60 - i % 16 * 4) & 15];
    }
    out[32] = 0;
}

bool k2_h128_parse(const char *hex, size_t n, struct k2_h128 *out) {
    static const char digits[] = "0123456789abcdef";
    *out = (struct k2_h128){0, 0};
    for (size_t i = 0; i < n && n == 32; i++) {
        const char *at = memchr(digits, hex[i], 16);
        if (!at)
            return false;
        uint64_t *half = i < 16 ? &out->hi : &out->lo;
        *half = *half << 4 | (uint64_t)(at - digits);
    }
    return n == 32;
}
