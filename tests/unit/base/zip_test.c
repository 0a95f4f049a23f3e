/* Deflate and gzip: round trips, members one behind the other, every cut and many damages. */
#include "base/zip.h"
#include "k2test.h"

static struct k2_buf noise(uint64_t *seed, size_t n) {
    struct k2_buf b = {0};
    for (size_t i = 0; i < n; i++)
        k2_buf_byte(&b, (uint8_t)(k2test_random(seed) % 7 == 0 ? k2test_random(seed) : 'a'));
    return b;
}

static void what_is_deflated_inflates_to_the_same(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    static const size_t sizes[] = {0, 1, 2, 100, 4095, 4096, 4097, 70000, 1000003};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int level = -1; level <= 9; level += 5) {
            struct k2_err err = {0};
            struct k2_buf in = noise(&seed, sizes[i]), packed = {0}, out = {0};
            k2_buf_str(&out, "kept");
            CHECK_OK(k2_deflate_raw(k2_buf_view(&in), level, &packed, &err), &err);
            CHECK_OK(k2_inflate_raw(k2_buf_view(&packed), sizes[i], &out, &err), &err);
            assert_int_equal(out.n, in.n + 4);
            assert_memory_equal(out.p, "kept", 4);
            if (in.n)
                assert_memory_equal(out.p + 4, in.p, in.n);
            k2_buf_free(&in);
            k2_buf_free(&packed);
            k2_buf_free(&out);
        }
}

static void a_raw_stream_that_is_cut_too_long_or_too_large_is_refused(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct k2_err err = {0};
    struct k2_buf in = noise(&seed, 3000), packed = {0}, out = {0};
    CHECK_OK(k2_deflate_raw(k2_buf_view(&in), 6, &packed, &err), &err);
    for (size_t n = 0; n < packed.n; n++)
        CHECK_STATUS(k2_inflate_raw((struct k2_sv){(char *)packed.p, n}, 9999, &out, &err),
                     K2_E_CORRUPT);
    CHECK_STATUS(k2_inflate_raw(k2_buf_view(&packed), 2999, &out, &err), K2_E_RANGE);
    k2_buf_byte(&packed, 0);
    CHECK_STATUS(k2_inflate_raw(k2_buf_view(&packed), 9999, &out, &err), K2_E_CORRUPT);
    assert_int_equal(out.n, 0);
    k2_buf_free(&in);
    k2_buf_free(&packed);
    k2_buf_free(&out);
}

/* A gzip member by hand around our own deflate; crc by the definition, bit by bit. */
static uint32_t crc32_of(struct k2_sv s) {
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < s.n; i++) {
        crc ^= (uint8_t)s.p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

static void add_member(struct k2_buf *b, struct k2_sv content) {
    struct k2_err err = {0};
    uint8_t trailer[8];
    k2_buf_put(b, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    CHECK_OK(k2_deflate_raw(content, 6, b, &err), &err);
    k2_put_u32(trailer, crc32_of(content));
    k2_put_u32(trailer + 4, (uint32_t)content.n);
    k2_buf_put(b, trailer, 8);
}

/* Shows the bytes `in_step` at a time with `out_step` bytes of room. */
static int gunzip(struct k2_sv all, size_t in_step, size_t out_step, struct k2_buf *out,
                  struct k2_err *err) {
    struct k2_gunzip *g = k2_gunzip_new();
    int rc = K2_OK;
    while (rc == K2_OK && all.n) {
        struct k2_sv piece = {all.p, all.n < in_step ? all.n : in_step};
        all.p += piece.n;
        all.n -= piece.n;
        for (size_t made = out_step; rc == K2_OK && (piece.n || made == out_step);) {
            rc = k2_gunzip_some(g, &piece, k2_buf_need(out, out_step), out_step, &made, err);
            out->n += made;
        }
    }
    if (rc == K2_OK)
        rc = k2_gunzip_end(g, err);
    k2_gunzip_free(g);
    return rc;
}

static void members_behind_each_other_are_one_stream_at_any_step(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct k2_err err = {0};
    struct k2_buf a = noise(&seed, 5000), file = {0};
    add_member(&file, k2_buf_view(&a));
    add_member(&file, K2_SV(""));
    add_member(&file, k2_buf_view(&a));
    k2_buf_put(&file, "\0\0\0", 3);
    static const size_t steps[] = {1, 2, 7, 64, 5000, 100000};
    for (int i = 0; i < 6; i++)
        for (int o = 0; o < 6; o++) {
            struct k2_buf out = {0};
            CHECK_OK(gunzip(k2_buf_view(&file), steps[i], steps[o], &out, &err), &err);
            assert_int_equal(out.n, 10000);
            assert_memory_equal(out.p, a.p, 5000);
            assert_memory_equal(out.p + 5000, a.p, 5000);
            k2_buf_free(&out);
        }
    k2_buf_free(&a);
    k2_buf_free(&file);
}

static void every_cut_is_noticed_and_no_flipped_bit_changes_the_content_unseen(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct k2_err err = {0};
    struct k2_buf a = noise(&seed, 300), file = {0}, out = {0};
    add_member(&file, k2_buf_view(&a));
    for (size_t n = 0; n < file.n; n++) {
        out.n = 0;
        CHECK_STATUS(gunzip((struct k2_sv){(char *)file.p, n}, 50, 64, &out, &err), K2_E_CORRUPT);
        assert_true(out.n <= a.n && (out.n == 0 || memcmp(out.p, a.p, out.n) == 0));
        assert_non_null(strstr(err.msg, "cut off at byte"));
    }
    int unseen = 0;
    for (size_t bit = 80; bit < file.n * 8; bit++) {
        file.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
        out.n = 0;
        int rc = gunzip(k2_buf_view(&file), 50, 64, &out, &err);
        if (rc == K2_OK)
            assert_true(out.n == a.n && memcmp(out.p, a.p, a.n) == 0);
        unseen += rc == K2_OK;
        file.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(unseen < 64); /* bits that deflate does not use */
    k2_buf_str(&file, "junk");
    out.n = 0;
    CHECK_STATUS(gunzip(k2_buf_view(&file), 50, 64, &out, &err), K2_E_CORRUPT);
    assert_int_equal(out.n, 300);
    k2_buf_free(&a);
    k2_buf_free(&file);
    k2_buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_deflated_inflates_to_the_same),
        cmocka_unit_test(a_raw_stream_that_is_cut_too_long_or_too_large_is_refused),
        cmocka_unit_test(members_behind_each_other_are_one_stream_at_any_step),
        cmocka_unit_test(every_cut_is_noticed_and_no_flipped_bit_changes_the_content_unseen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
