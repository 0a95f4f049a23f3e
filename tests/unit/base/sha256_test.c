/* SHA-256 against the vectors of FIPS 180-4 and its test program. */
#include "base/sha256.h"
#include "k2test.h"

static void check(const char *text, size_t times, const char *expected) {
    char hex[K2_SHA256_HEX];
    struct k2_sha256 *s = k2_sha256_new();
    for (size_t i = 0; i < times; i++)
        k2_sha256_add(s, text, strlen(text));
    k2_sha256_end(s, hex);
    assert_string_equal(hex, expected);
}

static void sha256_gives_the_published_digests(void **state) {
    (void)state;
    check("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    check("aaaaaaaaaa", 100000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void pieces_give_what_the_whole_gives(void **state) {
    (void)state;
    char whole[K2_SHA256_HEX], parts[K2_SHA256_HEX];
    struct k2_sha256 *a = k2_sha256_new(), *b = k2_sha256_new();
    k2_sha256_add(a, "market data", 11);
    k2_sha256_add(b, "market", 6);
    k2_sha256_add(b, " data", 5);
    k2_sha256_end(a, whole);
    k2_sha256_end(b, parts);
    assert_string_equal(whole, parts);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sha256_gives_the_published_digests),
                                       cmocka_unit_test(pieces_give_what_the_whole_gives)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
