/* Encodings against decoders written from Encodings.md, one value at a time. */
#include "k2test.h"

#include "lake/parquet_encode.h"
#include "lake/parquet_thrift.h"

struct reader {
    const uint8_t *p, *end;
    unsigned bit;
};

static uint64_t read_varint(struct reader *r) {
    uint64_t v = 0;
    for (unsigned shift = 0;; shift += 7) {
        assert_true(r->p < r->end);
        uint8_t b = *r->p++;
        v |= (uint64_t)(b & 127) << shift;
        if (b < 128)
            return v;
    }
}

static int64_t read_zigzag(struct reader *r) {
    uint64_t v = read_varint(r);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static uint64_t read_bits(struct reader *r, unsigned width) {
    uint64_t v = 0;
    for (unsigned i = 0; i < width; i++) {
        assert_true(r->p < r->end);
        v |= (uint64_t)(*r->p >> r->bit & 1) << i;
        r->bit = (r->bit + 1) & 7;
        r->p += r->bit == 0;
    }
    return v;
}

static void check_hybrid(const uint32_t *v, size_t n, unsigned width) {
    struct k2_buf out = {0};
    parquet_put_hybrid(&out, v, n, width);
    struct reader r = {out.p, out.p + out.n, 0};
    size_t at = 0;
    while (at < n) {
        uint64_t header = read_varint(&r), count = header >> 1;
        if (header & 1) {
            for (uint64_t i = 0; i < count * 8; i++, at++) {
                uint64_t got = read_bits(&r, width);
                assert_int_equal(got, at < n ? v[at] : 0);
            }
        } else {
            uint64_t got = read_bits(&r, (width + 7) / 8 * 8);
            for (; count > 0; count--, at++)
                assert_int_equal(at < n ? v[at] : UINT64_MAX, got);
        }
    }
    assert_true(at < n + 8);
    assert_ptr_equal(r.p, r.end);
    k2_buf_free(&out);
}

static uint32_t mask(unsigned width) {
    return width == 32 ? UINT32_MAX : (UINT32_C(1) << width) - 1;
}

static void hybrid_gives_back_random_values_of_every_width(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    for (unsigned width = 0; width <= 32; width++)
        for (size_t n = 0; n < 300; n += n < 20 ? 1 : 37) {
            uint32_t v[300];
            for (size_t i = 0; i < n; i++)
                v[i] = (uint32_t)k2test_random(&seed) & mask(width);
            check_hybrid(v, n, width);
        }
}

static void hybrid_gives_back_runs_of_every_length_between_literals(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    for (int round = 0; round < 300; round++) {
        uint32_t v[2000];
        unsigned width = 1 + (unsigned)(k2test_random(&seed) % 17);
        size_t n = 0;
        while (n < 1900) {
            size_t run = k2test_random(&seed) % 100;
            uint32_t value = (uint32_t)k2test_random(&seed) & mask(width);
            for (size_t i = 0; i < run; i++)
                v[n++] = value;
            for (size_t i = k2test_random(&seed) % 20; n < 2000 && i > 0; i--)
                v[n++] = (uint32_t)k2test_random(&seed) & mask(width);
        }
        check_hybrid(v, n, width);
    }
}

static void long_runs_take_a_few_bytes(void **state) {
    (void)state;
    static uint32_t v[20480];
    struct k2_buf out = {0};
    parquet_put_hybrid(&out, v, 20480, 1);
    assert_true(out.n <= 4);
    out.n = 0;
    parquet_put_run(&out, 0, 20480, 1);
    assert_true(out.n <= 4);
    k2_buf_free(&out);
}

static void check_delta(const int64_t *v, size_t n, bool narrow) {
    struct k2_buf out = {0};
    struct parquet_extent e = parquet_put_delta(&out, v, n, narrow);
    struct reader r = {out.p, out.p + out.n, 0};
    assert_int_equal(read_varint(&r), 128);
    assert_int_equal(read_varint(&r), 4);
    assert_int_equal(read_varint(&r), n);
    uint64_t value = (uint64_t)read_zigzag(&r);
    int64_t lo = INT64_MAX, hi = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        lo = v[i] < lo ? v[i] : lo;
        hi = v[i] > hi ? v[i] : hi;
    }
    for (size_t i = 1; i < n;) {
        int64_t least = read_zigzag(&r);
        const uint8_t *widths = r.p;
        r.p += 4;
        for (int m = 0; m < 4; m++)
            for (int k = 0; k < 32; k++) {
                if (i >= n && k == 0) /* a miniblock that nothing is in has no bytes */
                    assert_int_equal(widths[m], 0);
                assert_true(!narrow || widths[m] <= 32);
                uint64_t d = read_bits(&r, widths[m]);
                if (i == 1 && k == 0 && m == 0)
                    assert_true(value == (uint64_t)v[0]);
                if (i >= n)
                    continue;
                value += (uint64_t)least + d;
                int64_t got = narrow ? (int32_t)(uint32_t)value : (int64_t)value;
                assert_true(got == v[i]);
                i++;
            }
    }
    assert_ptr_equal(r.p, r.end);
    assert_true(e.lo == lo && e.hi == hi);
    k2_buf_free(&out);
}

static void delta_gives_back_values_of_every_width(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    for (unsigned width = 0; width <= 64; width++)
        for (size_t n = 0; n < 600; n += n < 3 ? 1 : n < 140 ? 31 : 127) {
            int64_t v[600];
            for (size_t i = 0; i < n; i++)
                v[i] = width ? (int64_t)(k2test_random(&seed) >> (64 - width)) : 7;
            check_delta(v, n, false);
        }
}

static void delta_survives_the_ends_of_its_types(void **state) {
    (void)state;
    const int64_t longs[] = {INT64_MIN, INT64_MAX, 0, -1, INT64_MAX, INT64_MIN, INT64_MIN, 5};
    const int64_t ints[] = {INT32_MIN, INT32_MAX, 0, -1, INT32_MAX, INT32_MIN, INT32_MIN, 5};
    check_delta(longs, 8, false);
    check_delta(ints, 8, true);
    uint64_t seed = k2test_seed();
    int64_t v[500];
    for (size_t i = 0; i < 500; i++)
        v[i] = (int32_t)k2test_random(&seed);
    check_delta(v, 500, true);
}

static void a_rising_sequence_takes_almost_nothing(void **state) {
    (void)state;
    static int64_t v[20480];
    struct k2_buf out = {0};
    for (int64_t i = 0; i < 20480; i++)
        v[i] = 1000000 + i;
    parquet_put_delta(&out, v, 20480, false);
    assert_true(out.n < 20480 / 128 * 5 + 20);
    k2_buf_free(&out);
}

static void fixed_is_big_endian_of_the_width(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    for (unsigned width = 1; width <= 16; width++) {
        k2_i128 v[50];
        struct k2_buf out = {0};
        k2_buf_byte(&out, 0xaa); /* what is there stays */
        for (size_t i = 0; i < 50; i++) {
            k2_u128 raw = (k2_u128)k2test_random(&seed) << 64 | k2test_random(&seed);
            v[i] = (k2_i128)raw >> (128 - 8 * width);
        }
        parquet_put_fixed(&out, v, 50, width);
        assert_int_equal(out.n, 1 + 50 * width);
        for (size_t i = 0; i < 50; i++) {
            k2_i128 got;
            assert_true(k2_decimal_from_be(out.p + 1 + i * width, width, &got));
            assert_true(got == v[i]);
        }
        k2_buf_free(&out);
    }
}

static void plain_integers_are_little_endian(void **state) {
    (void)state;
    const int64_t v[] = {1, -2, INT32_MAX};
    struct k2_buf out = {0};
    struct parquet_extent e = parquet_put_plain(&out, v, 3, true);
    assert_int_equal(out.n, 12);
    assert_memory_equal(out.p, "\1\0\0\0\xfe\xff\xff\xff\xff\xff\xff\x7f", 12);
    assert_true(e.lo == -2 && e.hi == INT32_MAX);
    out.n = 0;
    parquet_put_plain(&out, v, 3, false);
    assert_int_equal(out.n, 24);
    assert_memory_equal(out.p + 8, "\xfe\xff\xff\xff\xff\xff\xff\xff", 8);
    k2_buf_free(&out);
}

static void bit_width_counts_the_bits_of_the_greatest(void **state) {
    (void)state;
    assert_int_equal(parquet_bit_width(0), 0);
    assert_int_equal(parquet_bit_width(1), 1);
    assert_int_equal(parquet_bit_width(2), 2);
    assert_int_equal(parquet_bit_width(65535), 16);
    assert_int_equal(parquet_bit_width(UINT64_MAX), 64);
}

/* Bytes from apache/thrift's description of the compact protocol. */
static void thrift_writes_the_compact_protocol(void **state) {
    (void)state;
    struct k2_buf out = {0};
    struct parquet_thrift t = {.out = &out};
    parquet_thrift_i32(&t, 1, -1);
    parquet_thrift_binary(&t, 3, K2_SV("ab"));
    parquet_thrift_bool(&t, 30, true); /* 27 further: the long form */
    parquet_thrift_struct(&t, 31);
    parquet_thrift_i64(&t, 2, 300);
    parquet_thrift_end(&t);
    parquet_thrift_list(&t, 32, PARQUET_THRIFT_TRUE, 2);
    parquet_thrift_each_bool(&t, true);
    parquet_thrift_each_bool(&t, false);
    parquet_thrift_i16(&t, 33, 2);
    parquet_thrift_end(&t);
    const uint8_t want[] = {0x15, 0x01, 0x28, 0x02, 'a',  'b',  0x01, 0x3c, 0x1c, 0x26,
                            0xd8, 0x04, 0x00, 0x19, 0x21, 0x01, 0x02, 0x14, 0x04, 0x00};
    assert_int_equal(out.n, sizeof want);
    assert_memory_equal(out.p, want, sizeof want);
    k2_buf_free(&out);
}

static void thrift_lists_of_fifteen_carry_their_count_behind(void **state) {
    (void)state;
    struct k2_buf out = {0};
    struct parquet_thrift t = {.out = &out};
    parquet_thrift_list(&t, 1, PARQUET_THRIFT_I64, 14);
    parquet_thrift_list(&t, 2, PARQUET_THRIFT_I64, 300);
    assert_int_equal(out.n, 6);
    assert_memory_equal(out.p, "\x19\xe6\x19\xf6\xac\x02", 6);
    k2_buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hybrid_gives_back_random_values_of_every_width),
        cmocka_unit_test(hybrid_gives_back_runs_of_every_length_between_literals),
        cmocka_unit_test(long_runs_take_a_few_bytes),
        cmocka_unit_test(delta_gives_back_values_of_every_width),
        cmocka_unit_test(delta_survives_the_ends_of_its_types),
        cmocka_unit_test(a_rising_sequence_takes_almost_nothing),
        cmocka_unit_test(fixed_is_big_endian_of_the_width),
        cmocka_unit_test(plain_integers_are_little_endian),
        cmocka_unit_test(bit_width_counts_the_bits_of_the_greatest),
        cmocka_unit_test(thrift_writes_the_compact_protocol),
        cmocka_unit_test(thrift_lists_of_fifteen_carry_their_count_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
