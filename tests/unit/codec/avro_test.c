#include "random_event.h"

#include <avro.h>

struct fixed_source {
    const char *text;
};

static K2_RC find_fixed(void *ctx, uint32_t id, struct k2_sv *schema, struct k2_err *err) {
    if (id == 404)
        return k2_fail(err, K2_E_NOTFOUND, "no schema 404");
    *schema = k2_sv_of(((struct fixed_source *)ctx)->text);
    return K2_OK;
}

static struct k2_decoder *decoder(const struct k2_kind *kind, struct k2_interner *in,
                                  struct fixed_source *source) {
    return k2_decoder_new(kind, in, (struct k2_schema_source){source, find_fixed});
}

static void check_equal(const struct k2_event *a, const struct k2_event *b) {
    const struct k2_kind *k = k2_kind(a->kind);
    for (int i = 0; i < k->field_count; i++) {
        const struct k2_field *f = &k->fields[i];
        if (!k2_field_in_record(f))
            continue;
        if (memcmp((const uint8_t *)k2_event_fields_const(a) + f->offset,
                   (const uint8_t *)k2_event_fields_const(b) + f->offset,
                   k2_type_size(f->type)) != 0)
            fail_msg("%s.%s differs", k->name, f->name);
    }
}

static void every_event_survives_encoding_and_decoding(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct k2_interner *in = k2_interner_new();
    struct k2_err err;
    for (int kind = 0; kind < K2_KIND_COUNT; kind++) {
        struct fixed_source source = {k2_kind((enum k2_kind_id)kind)->avro_schema};
        struct k2_decoder *d = decoder(k2_kind((enum k2_kind_id)kind), in, &source);
        struct k2_buf b = {0};
        for (int i = 0; i < 3000; i++) {
            struct k2_event e = random_event(&seed, in, (enum k2_kind_id)kind), back;
            memset(&back, 0x5a, sizeof back);
            b.n = 0;
            CHECK_OK(k2_avro_encode(&e, in, 7, &b, &err), &err);
            CHECK_OK(k2_decode(d, k2_buf_view(&b), &back, &err), &err);
            check_equal(&e, &back);
        }
        k2_buf_free(&b);
        k2_decoder_free(d);
    }
    k2_interner_free(in);
}

/* The oracle: libavro reads our bytes by our schema, and writes the same bytes again. */
static void libavro_reads_and_rewrites_the_same_bytes(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct k2_interner *in = k2_interner_new();
    struct k2_err err;
    for (int kind = 0; kind < K2_KIND_COUNT; kind++) {
        const char *text = k2_kind((enum k2_kind_id)kind)->avro_schema;
        avro_schema_t schema;
        assert_int_equal(avro_schema_from_json_length(text, strlen(text), &schema), 0);
        avro_value_iface_t *iface = avro_generic_class_from_schema(schema);
        avro_value_t value;
        avro_generic_value_new(iface, &value);
        for (int i = 0; i < 500; i++) {
            struct k2_event e = random_event(&seed, in, (enum k2_kind_id)kind);
            struct k2_buf b = {0};
            CHECK_OK(k2_avro_encode(&e, in, 1, &b, &err), &err);
            avro_reader_t r = avro_reader_memory((const char *)b.p + 5, (int64_t)b.n - 5);
            avro_value_reset(&value);
            if (avro_value_read(r, &value))
                fail_msg("libavro: %s", avro_strerror());
            char again[8192];
            avro_writer_t w = avro_writer_memory(again, sizeof again);
            assert_int_equal(avro_value_write(w, &value), 0);
            assert_int_equal(avro_writer_tell(w), b.n - 5);
            assert_memory_equal(again, b.p + 5, b.n - 5);
            avro_reader_free(r);
            avro_writer_free(w);
            k2_buf_free(&b);
        }
        avro_value_decref(&value);
        avro_value_iface_decref(iface);
        avro_schema_decref(schema);
    }
    k2_interner_free(in);
}

static void every_truncation_and_every_extra_byte_is_refused(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct k2_interner *in = k2_interner_new();
    struct k2_err err;
    struct fixed_source source = {k2_kind(K2_KIND_TRADE)->avro_schema};
    struct k2_decoder *d = decoder(k2_kind(K2_KIND_TRADE), in, &source);
    for (int i = 0; i < 50; i++) {
        struct k2_event e = random_event(&seed, in, K2_KIND_TRADE), back;
        struct k2_buf b = {0};
        CHECK_OK(k2_avro_encode(&e, in, 1, &b, &err), &err);
        for (size_t n = 0; n < b.n; n++) {
            uint8_t *copy = malloc(n ? n : 1); /* exact size: the sanitizer sees any byte beyond */
            memcpy(copy, b.p, n);
            CHECK_STATUS(k2_decode(d, (struct k2_sv){(char *)copy, n}, &back, &err), K2_E_CORRUPT);
            free(copy);
        }
        k2_buf_byte(&b, 0);
        CHECK_STATUS(k2_decode(d, k2_buf_view(&b), &back, &err), K2_E_CORRUPT);
        k2_buf_free(&b);
    }
    k2_decoder_free(d);
    k2_interner_free(in);
}

static void what_does_not_fit_is_refused_and_nothing_is_written(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct k2_interner *in = k2_interner_new();
    struct k2_buf b = {0};
    struct k2_event e = random_event(&seed, in, K2_KIND_TRADE);
    e.trade.price = k2_pow10(K2_PRICE_PRECISION);
    CHECK_STATUS(k2_avro_encode(&e, in, 1, &b, NULL), K2_E_RANGE);
    e.trade.price = k2_pow10(K2_PRICE_PRECISION) - 1;
    e.trade.symbol = 0;
    CHECK_STATUS(k2_avro_encode(&e, in, 1, &b, NULL), K2_E_INVALID);
    e.trade.symbol = k2_intern(in, K2_SV("A"));
    e.trade.exchange_timestamp_ns = K2_NULL_LONG;
    CHECK_STATUS(k2_avro_encode(&e, in, 1, &b, NULL), K2_E_INVALID);
    assert_int_equal(b.n, 0);
    k2_buf_free(&b);
    k2_interner_free(in);
}

/* A later version of the trade: `venue` gone, a long and a list added in front, union order turned. */
static const char later[] =
    "{\"type\":\"record\",\"name\":\"trade\",\"fields\":["
    "{\"name\":\"novel\",\"type\":[\"null\",\"long\"],\"default\":null},"
    "{\"name\":\"tags\",\"type\":{\"type\":\"array\",\"items\":\"string\"},\"default\":[]},"
    "{\"name\":\"ratio\",\"type\":\"double\",\"default\":0},"
    "{\"name\":\"symbol\",\"type\":\"string\"},"
    "{\"name\":\"exchange_sequence_number\",\"type\":\"int\"},"
    "{\"name\":\"side\",\"type\":[\"string\",\"null\"],\"default\":\"BUY\"},"
    "{\"name\":\"price\",\"type\":[\"null\",{\"type\":\"bytes\",\"logicalType\":\"decimal\","
    "\"precision\":20,\"scale\":9}],\"default\":null}]}";

static void a_record_of_another_schema_is_read_by_its_writers_schema(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    struct k2_err err;
    struct fixed_source source = {later};
    struct k2_decoder *d = decoder(k2_kind(K2_KIND_TRADE), in, &source);
    struct k2_buf b = {0};
    k2_buf_put(&b, "\0\0\0\0\x02", 5);
    k2_avro_put_long(&b, 1), k2_avro_put_long(&b, 99); /* novel */
    k2_avro_put_long(&b, -1), k2_avro_put_long(&b, 2); /* tags: one block with a size */
    k2_avro_put_bytes(&b, K2_SV("x")), k2_avro_put_long(&b, 0);
    k2_buf_put(&b, "\0\0\0\0\0\0\0\0", 8); /* ratio */
    k2_avro_put_bytes(&b, K2_SV("BHP")), k2_avro_put_long(&b, 42);
    k2_avro_put_long(&b, 0), k2_avro_put_bytes(&b, K2_SV("SELL")); /* side */
    k2_avro_put_long(&b, 1), k2_avro_put_bytes(&b, K2_SV("\x05")); /* price */
    struct k2_event e;
    CHECK_OK(k2_decode(d, k2_buf_view(&b), &e, &err), &err);
    assert_int_equal(e.trade.exchange_sequence_number, 42);
    assert_true(k2_sv_eq(k2_interned(in, e.trade.symbol), K2_SV("BHP")));
    assert_true(k2_sv_eq(k2_interned(in, e.trade.side), K2_SV("SELL")));
    assert_true(e.trade.price == 5);
    assert_true(e.trade.quantity == K2_NULL_DECIMAL);
    assert_int_equal(e.trade.venue, 0);
    assert_true(e.trade.raw_offset == K2_NULL_LONG);
    assert_true(e.added != 0); /* novel, tags and ratio: added_test.c */
    struct k2_columns c;
    k2_columns_init(&c, k2_kind(K2_KIND_TRADE), 1);
    k2_columns_drop(&c, K2_TRADE_side);
    CHECK_STATUS(k2_decode_row(d, k2_buf_view(&b), &c, 0, &err), K2_E_CONFLICT); /* no column */
    k2_columns_add(&c);
    CHECK_OK(k2_decode_row(d, k2_buf_view(&b), &c, 0, &err), &err);
    assert_int_equal(((int64_t *)c.col[K2_TRADE_exchange_sequence_number])[0], 42);
    assert_int_equal(((uint32_t *)c.col[K2_TRADE_symbol])[0], e.trade.symbol);
    assert_int_equal(c.added[0], e.added);
    assert_true(((int64_t *)c.col[K2_TRADE_raw_offset])[0] == K2_NULL_LONG);
    k2_columns_free(&c);
    for (size_t n = 5; n < b.n; n++)
        CHECK_STATUS(k2_decode(d, (struct k2_sv){(char *)b.p, n}, &e, &err), K2_E_CORRUPT);
    k2_buf_free(&b);
    k2_decoder_free(d);
    k2_interner_free(in);
}

static void a_writer_type_that_would_lose_digits_is_refused(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    struct fixed_source source = {"{\"type\":\"record\",\"name\":\"trade\",\"fields\":[{\"name\":"
                                  "\"price\",\"type\":\"double\"}]}"};
    struct k2_decoder *d = decoder(k2_kind(K2_KIND_TRADE), in, &source);
    struct k2_event e;
    CHECK_STATUS(k2_decode(d, (struct k2_sv){"\0\0\0\0\x02 12345678", 13}, &e, NULL),
                 K2_E_UNSUPPORTED);
    CHECK_STATUS(k2_decode(d, (struct k2_sv){"\0\0\0\x01\x94", 5}, &e, NULL), K2_E_NOTFOUND);
    CHECK_STATUS(k2_decode(d, (struct k2_sv){"\1\0\0\0\1", 5}, &e, NULL), K2_E_CORRUPT);
    k2_decoder_free(d);
    k2_interner_free(in);
}

static void a_count_that_lies_does_not_make_us_loop_or_allocate(void **state) {
    (void)state;
    struct k2_interner *in = k2_interner_new();
    struct fixed_source source = {later};
    struct k2_decoder *d = decoder(k2_kind(K2_KIND_TRADE), in, &source);
    struct k2_buf b = {0};
    k2_buf_put(&b, "\0\0\0\0\x02", 5);
    k2_avro_put_long(&b, 0);
    k2_avro_put_long(&b, INT64_MAX);
    struct k2_event e;
    CHECK_STATUS(k2_decode(d, k2_buf_view(&b), &e, NULL), K2_E_CORRUPT);
    b.n = 6;
    k2_avro_put_long(&b, INT64_MIN);
    k2_avro_put_long(&b, 1);
    CHECK_STATUS(k2_decode(d, k2_buf_view(&b), &e, NULL), K2_E_CORRUPT);
    k2_buf_free(&b);
    k2_decoder_free(d);
    k2_interner_free(in);
}

/* The encoder by definition. */
static size_t long_by_definition(int64_t v, uint8_t out[10]) {
    uint64_t z = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
    size_t n = 0;
    for (; z >= 0x80; z >>= 7)
        out[n++] = (uint8_t)(z | 0x80);
    out[n++] = (uint8_t)z;
    return n;
}

/* With nothing behind it, and with other bytes: the decoder takes different ways. */
static void check_long(int64_t v) {
    uint8_t bytes[24];
    memset(bytes, 0xff, sizeof bytes);
    size_t n = long_by_definition(v, bytes);
    struct k2_buf b = {0};
    k2_avro_put_long(&b, v);
    assert_int_equal(b.n, n);
    assert_memory_equal(b.p, bytes, n);
    for (size_t behind = 0; behind <= 14; behind++) {
        uint8_t *exact = malloc(n + behind); /* so that the sanitizer sees a read too far */
        memcpy(exact, bytes, n + behind);
        struct k2_sv in = {(const char *)exact, n + behind};
        int64_t back;
        assert_true(k2_avro_get_long(&in, &back));
        assert_true(back == v);
        assert_int_equal(in.n, behind);
        free(exact);
    }
    for (size_t cut = 0; cut < n; cut++) {
        struct k2_sv in = {(const char *)bytes, cut};
        int64_t back;
        assert_false(k2_avro_get_long(&in, &back));
    }
    k2_buf_free(&b);
}

static void longs_of_every_length_are_written_and_read(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    for (int bit = 0; bit < 64; bit++)
        for (int64_t d = -2; d <= 2; d++)
            check_long((int64_t)((UINT64_C(1) << bit) + (uint64_t)d));
    for (int i = 0; i < 2000; i++)
        check_long((int64_t)(k2test_random(&seed) >> k2test_random(&seed) % 64));
    check_long(INT64_MIN);
    check_long(INT64_MAX);
}

static void a_long_of_more_than_64_bits_is_refused_and_padding_is_not(void **state) {
    (void)state;
    int64_t v;
    struct k2_sv wide = {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02 and more", 19};
    assert_false(k2_avro_get_long(&wide, &v));
    struct k2_sv endless = {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 12};
    assert_false(k2_avro_get_long(&endless, &v));
    struct k2_sv padded = {"\x82\x80\x80\x80\x80\x80\x80\x80\x00 and more", 18};
    assert_true(k2_avro_get_long(&padded, &v));
    assert_int_equal(v, 1);
    assert_int_equal(padded.n, 9);
}

static void a_column_that_was_dropped_is_skipped_and_the_others_are_not(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct k2_err err;
    for (int id = 0; id < K2_KIND_COUNT; id++) {
        const struct k2_kind *kind = k2_kind((enum k2_kind_id)id);
        for (int round = 0; round < 200; round++) {
            struct k2_interner *in = k2_interner_new(), *fresh = k2_interner_new();
            struct fixed_source source = {kind->avro_schema};
            struct k2_decoder *d = decoder(kind, fresh, &source);
            struct k2_event e = random_event(&seed, in, kind->id), expected;
            struct k2_buf b = {0};
            CHECK_OK(k2_avro_encode(&e, in, 1, &b, &err), &err);
            struct k2_columns c;
            k2_columns_init(&c, kind, 1);
            for (int i = 0; i < kind->field_count; i++)
                if (k2test_random(&seed) % 2)
                    k2_columns_drop(&c, i);
            struct k2_columns before = c;
            k2_columns_grow(&c, 3);
            for (int i = 0; i < kind->field_count; i++)
                assert_int_equal(c.col[i] == NULL, before.col[i] == NULL);
            CHECK_OK(k2_decode_row(d, k2_buf_view(&b), &c, 2, &err), &err);
            uint32_t interned = k2_interner_count(fresh);
            CHECK_OK(k2_decode(d, k2_buf_view(&b), &expected, &err), &err);
            bool all_texts = true;
            for (int i = 0; i < kind->field_count; i++) {
                const struct k2_field *f = &kind->fields[i];
                size_t size = k2_type_size(f->type);
                all_texts &= c.col[i] != NULL || !k2_type_is_interned(f->type);
                if (c.col[i] && k2_field_in_record(f))
                    assert_memory_equal((const uint8_t *)c.col[i] + 2 * size,
                                        (const uint8_t *)k2_event_fields(&expected) + f->offset,
                                        size);
            }
            if (all_texts)
                assert_int_equal(interned, k2_interner_count(fresh));
            for (size_t n = 5; n < b.n; n++) /* also of what is skipped */
                CHECK_STATUS(k2_decode_row(d, (struct k2_sv){(char *)b.p, n}, &c, 2, &err),
                             K2_E_CORRUPT);
            k2_columns_free(&c);
            k2_buf_free(&b);
            k2_decoder_free(d);
            k2_interner_free(in);
            k2_interner_free(fresh);
        }
    }
}

static void columns_and_rows_hold_the_same(void **state) {
    (void)state;
    uint64_t seed = k2test_seed();
    struct k2_interner *in = k2_interner_new();
    struct k2_err err;
    struct fixed_source source = {k2_kind(K2_KIND_QUOTE)->avro_schema};
    struct k2_decoder *d = decoder(k2_kind(K2_KIND_QUOTE), in, &source);
    struct k2_columns c;
    k2_columns_init(&c, k2_kind(K2_KIND_QUOTE), 1);
    k2_columns_grow(&c, 64);
    for (size_t i = 0; i < 64; i++) {
        struct k2_event e = random_event(&seed, in, K2_KIND_QUOTE), back;
        struct k2_buf b = {0};
        CHECK_OK(k2_avro_encode(&e, in, 1, &b, &err), &err);
        k2_columns_set(&c, i, &e); /* also the fields that are not in the record */
        CHECK_OK(k2_decode_row(d, k2_buf_view(&b), &c, i, &err), &err);
        k2_columns_get(&c, i, &back);
        struct k2_h128 h = k2_full_hash(&e, in), g = k2_full_hash(&back, in);
        assert_memory_equal(&h, &g, sizeof h);
        k2_buf_free(&b);
    }
    k2_columns_free(&c);
    k2_decoder_free(d);
    k2_interner_free(in);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_survives_encoding_and_decoding),
        cmocka_unit_test(libavro_reads_and_rewrites_the_same_bytes),
        cmocka_unit_test(every_truncation_and_every_extra_byte_is_refused),
        cmocka_unit_test(what_does_not_fit_is_refused_and_nothing_is_written),
        cmocka_unit_test(a_record_of_another_schema_is_read_by_its_writers_schema),
        cmocka_unit_test(a_writer_type_that_would_lose_digits_is_refused),
        cmocka_unit_test(a_count_that_lies_does_not_make_us_loop_or_allocate),
        cmocka_unit_test(longs_of_every_length_are_written_and_read),
        cmocka_unit_test(a_long_of_more_than_64_bits_is_refused_and_padding_is_not),
        cmocka_unit_test(a_column_that_was_dropped_is_skipped_and_the_others_are_not),
        cmocka_unit_test(columns_and_rows_hold_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
