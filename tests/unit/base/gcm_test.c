/* AES-256-GCM: that it is that, by two vectors of its authors, and that nothing changed is taken. */
#include "base/gcm.h"
#include "k2test.h"

static const uint8_t zeros[K2_GCM_KEY];

static struct k2_sv view(const void *bytes, size_t n) {
    return (struct k2_sv){(const char *)bytes, n};
}

/* Test cases 13 and 14 of "The Galois/Counter Mode of Operation" (McGrew and Viega). */
static void it_is_aes_256_in_galois_counter_mode(void **state) {
    (void)state;
    static const uint8_t empty[] = {0x53, 0x0f, 0x8a, 0xfb, 0xc7, 0x45, 0x36, 0xb9,
                                    0xa9, 0x63, 0xb4, 0xf1, 0xc4, 0xcb, 0x73, 0x8b};
    static const uint8_t block[] = {0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e,
                                    0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18,
                                    0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0,
                                    0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19};
    struct k2_gcm *g = k2_gcm_new();
    uint8_t out[32];
    k2_gcm_key(g, zeros);
    k2_gcm_seal(g, zeros, view(NULL, 0), view(NULL, 0), out);
    assert_memory_equal(out, empty, sizeof empty);
    k2_gcm_seal(g, zeros, view(NULL, 0), view(zeros, 16), out);
    assert_memory_equal(out, block, sizeof block);
    k2_gcm_free(g);
}

static void whatever_is_changed_is_refused_and_gives_zeros(void **state) {
    (void)state;
    struct k2_gcm *g = k2_gcm_new();
    uint64_t rng = k2test_seed();
    uint8_t key[K2_GCM_KEY], nonce[K2_GCM_NONCE], known[20], text[100], sealed[100 + K2_GCM_TAG];
    uint8_t out[100];
    struct k2_err err;
    CHECK_OK(k2_random_bytes(key, sizeof key, &err), &err);
    CHECK_OK(k2_random_bytes(nonce, sizeof nonce, &err), &err);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)k2test_random(&rng);
    memset(known, 7, sizeof known);
    k2_gcm_key(g, key);
    k2_gcm_seal(g, nonce, view(known, sizeof known), view(text, sizeof text), sealed);
    assert_memory_not_equal(sealed, text, sizeof text);
    assert_true(k2_gcm_open(g, nonce, view(known, sizeof known), view(sealed, sizeof sealed), out));
    assert_memory_equal(out, text, sizeof text);
    struct {
        uint8_t *bytes;
        size_t n;
    } parts[] = {
        {nonce, sizeof nonce}, {known, sizeof known}, {sealed, sizeof sealed}, {key, sizeof key}};
    for (size_t p = 0; p < 4; p++)
        for (size_t bit = 0; bit < 8 * parts[p].n; bit++) {
            parts[p].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            k2_gcm_key(g, key);
            assert_false(
                k2_gcm_open(g, nonce, view(known, sizeof known), view(sealed, sizeof sealed), out));
            parts[p].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            for (size_t i = 0; i < sizeof out; i++)
                assert_int_equal(out[i], 0);
        }
    k2_gcm_free(g);
}

static void random_bytes_differ(void **state) {
    (void)state;
    uint8_t a[32] = {0}, b[32] = {0};
    struct k2_err err;
    CHECK_OK(k2_random_bytes(a, sizeof a, &err), &err);
    CHECK_OK(k2_random_bytes(b, sizeof b, &err), &err);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a, zeros, sizeof a);
    k2_wipe(a, sizeof a);
    assert_memory_equal(a, zeros, sizeof a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_aes_256_in_galois_counter_mode),
        cmocka_unit_test(whatever_is_changed_is_refused_and_gives_zeros),
        cmocka_unit_test(random_bytes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
