/* The hashes against published vectors and against their definitions. */
#include "base/buf.h"
#include "base/hash.h"
#include "k2test.h"

static void murmur2_is_that_of_kafka(void **state) {
    (void)state;
    static const struct { /* org.apache.kafka.common.utils.UtilsTest */
        const char *text;
        int32_t hash;
    } vectors[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        size_t n = strlen(vectors[i].text);
        assert_int_equal(k2_murmur2(vectors[i].text, n), vectors[i].hash);
        assert_int_equal(k2_kafka_partition(vectors[i].text, n, 3),
                         (vectors[i].hash & 0x7fffffff) % 3);
    }
    assert_int_equal(k2_murmur2("", 0), 275646681);
}

/* By the definition: one bit at a time. */
static uint32_t crc_by_bits(uint32_t crc, const uint8_t *p, size_t n) {
    crc = ~crc;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

static void crc32c_gives_the_vectors_of_rfc_3720(void **state) {
    (void)state;
    uint8_t zeros[32] = {0}, ones[32], up[32], down[32];
    memset(ones, 0xff, sizeof ones);
    for (int i = 0; i < 32; i++) {
        up[i] = (uint8_t)i;
        down[i] = (uint8_t)(31 - i);
    }
    uint32_t (*const ways[])(uint32_t, const void *, size_t) = {k2_crc32c, k2_crc32c_portable};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ways[i](0, zeros, 32), 0x8a9136aa);
        assert_int_equal(ways[i](0, ones, 32), 0x62a8ab43);
        assert_int_equal(ways[i](0, up, 32), 0x46dd794e);
        assert_int_equal(ways[i](0, down, 32), 0x113fdb5c);
        assert_int_equal(ways[i](0, "123456789", 9), 0xe3069283);
        assert_int_equal(ways[i](0, NULL, 0), 0);
    }
}

static void crc32c_is_the_same_by_every_way_and_in_pieces(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    uint8_t bytes[300];
    for (int round = 0; round < 3000; round++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)k2test_random(&seed);
        size_t start = k2test_random(&seed) % 16, n = k2test_random(&seed) % 280;
        size_t cut = k2test_random(&seed) % (n + 1);
        uint32_t expected = crc_by_bits(0, bytes + start, n);
        assert_int_equal(k2_crc32c(0, bytes + start, n), expected);
        assert_int_equal(k2_crc32c_portable(0, bytes + start, n), expected);
        uint32_t first = k2_crc32c(0, bytes + start, cut);
        assert_int_equal(k2_crc32c(first, bytes + start + cut, n - cut), expected);
    }
}

/* What libxxhash 0.8.1 gives through its shared library: these are in files, so they never change.
 */
static void xxh3_gives_what_is_stored_in_files(void **state) {
    (void)state;
    char long_text[1000], hex[33];
    memset(long_text, 'x', sizeof long_text);
    const struct {
        struct k2_sv text;
        uint64_t hash;
        const char *hex;
    } vectors[] = {
        {K2_SV(""), 0x2d06800538d394c2, "99aa06d3014798d86001c324468d497f"},
        {K2_SV("a"), 0xe6c632b61e964e1f, "a96faf705af16834e6c632b61e964e1f"},
        {K2_SV("AAPL"), 0xdfb0aa5c25cce8c5, "7fcfa3a89d24366202b2e266bcdddd0b"},
        {K2_SV("The quick brown fox jumps over the lazy dog"), 0xce7d19a5418fb365,
         "ddd650205ca3e7fa24a1cc2e3a8a7651"},
        {{long_text, sizeof long_text}, 0xc0a4877b962cba82, "50a1af5a5f2dcf01c0a4877b962cba82"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        assert_int_equal(k2_hash64(vectors[i].text.p, vectors[i].text.n), vectors[i].hash);
        k2_h128_hex(k2_hash128(vectors[i].text.p, vectors[i].text.n), hex);
        assert_string_equal(hex, vectors[i].hex);
    }
}

static void sums_of_hashes_carry_and_forget_the_order(void **state) {
    (void)state;
    struct k2_h128 a = {UINT64_MAX, 1}, b = {2, UINT64_MAX}, sum = k2_h128_add(a, b);
    assert_true(sum.lo == 1 && sum.hi == 1);
    assert_int_equal(k2_h128_cmp(sum, k2_h128_add(b, a)), 0);
    uint64_t seed = k2test_seed();
    struct k2_h128 forward = {0, 0}, backward = {0, 0}, all[100];
    for (int i = 0; i < 100; i++)
        all[i] = (struct k2_h128){k2test_random(&seed), k2test_random(&seed)};
    for (int i = 0; i < 100; i++) {
        forward = k2_h128_add(forward, all[i]);
        backward = k2_h128_add(backward, all[99 - i]);
    }
    assert_int_equal(k2_h128_cmp(forward, backward), 0);
}

static void hashes_are_ordered_by_their_high_half_first(void **state) {
    (void)state;
    struct k2_h128 small = {9, 1}, large = {1, 2}, larger = {2, 2};
    assert_true(k2_h128_cmp(small, large) < 0 && k2_h128_cmp(large, small) > 0);
    assert_true(k2_h128_cmp(large, larger) < 0 && k2_h128_cmp(larger, large) > 0);
    char hex[33];
    k2_h128_hex((struct k2_h128){0x0123456789abcdef, 0xfedcba9876543210}, hex);
    assert_string_equal(hex, "fedcba98765432100123456789abcdef");
}

static void pieces_hash_as_the_whole_and_hex_is_read_back(void **state) {
    (void)state;
    uint8_t bytes[3000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    for (size_t n = 0; n <= sizeof bytes; n += 37) {
        struct k2_h128 whole = k2_hash128(bytes, n), back;
        char hex[33];
        struct k2_hasher *h = k2_hasher_new();
        for (size_t at = 0, step = 1; at < n; at += step, step = step * 2 + 1) {
            step = step < n - at ? step : n - at;
            k2_hasher_add(h, bytes + at, step);
        }
        assert_int_equal(k2_h128_cmp(k2_hasher_end(h), whole), 0);
        k2_h128_hex(whole, hex);
        assert_true(k2_h128_parse(hex, 32, &back));
        assert_int_equal(k2_h128_cmp(back, whole), 0);
    }
    struct k2_h128 none;
    assert_false(k2_h128_parse("0123456789abcdef0123456789abcde", 31, &none));
    assert_false(k2_h128_parse("0123456789abcdef0123456789abcdeG", 32, &none));
    assert_false(k2_h128_parse("0123456789ABCDEF0123456789abcdef", 32, &none));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(murmur2_is_that_of_kafka),
        cmocka_unit_test(crc32c_gives_the_vectors_of_rfc_3720),
        cmocka_unit_test(crc32c_is_the_same_by_every_way_and_in_pieces),
        cmocka_unit_test(xxh3_gives_what_is_stored_in_files),
        cmocka_unit_test(sums_of_hashes_carry_and_forget_the_order),
        cmocka_unit_test(hashes_are_ordered_by_their_high_half_first),
        cmocka_unit_test(pieces_hash_as_the_whole_and_hex_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
