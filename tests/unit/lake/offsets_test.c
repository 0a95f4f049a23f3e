/* Offset vectors: sorted, canonical as text, and nothing else is accepted. */
#include "k2test.h"
#include "lake/lake_int.h"

static void expect_text(const struct lake_offsets *o, const char *expected) {
    struct k2_buf b = {0};
    lake_offsets_format(o, &b);
    assert_string_equal(k2_buf_cstr(&b), expected);
    k2_buf_free(&b);
}

static void a_vector_is_sorted_and_marks_partitions_never_read(void **state) {
    (void)state;
    struct lake_offsets o = {.journal_id = 42};
    lake_offsets_set(&o, "market.ticks.xnas", 2, 9);
    lake_offsets_set(&o, "market.ticks.asx", 1, 7);
    lake_offsets_set(&o, "market.ticks.asx", 0, 0);
    lake_offsets_set(&o, "market.ticks.asx", 1, 8);
    expect_text(&o, "{\"journal\":42,\"topics\":{\"market.ticks.asx\":[0,8],"
                    "\"market.ticks.xnas\":[-1,-1,9]}}");
    assert_int_equal(lake_offsets_get(&o, "market.ticks.asx", 1), 8);
    assert_int_equal(lake_offsets_get(&o, "market.ticks.xnas", 0), 0);
    assert_int_equal(lake_offsets_get(&o, "market.ticks.none", 0), 0);
    struct lake_offsets empty = {0};
    expect_text(&empty, "{\"journal\":0,\"topics\":{}}");
    lake_offsets_free(&o);
}

static void random_vectors_come_back_from_their_text(void **state) {
    (void)state;
    uint64_t seed = k2test_seed(), r = seed;
    for (int round = 0; round < 200; round++) {
        struct lake_offsets o = {.journal_id = (int32_t)(k2test_random(&r) >> 34)}, back;
        int64_t model[4][6] = {{0}};
        for (int i = 0; i < 30; i++) {
            int topic = (int)(k2test_random(&r) % 4), p = (int)(k2test_random(&r) % 6);
            char name[16];
            (void)snprintf(name, sizeof name, "t%d", topic);
            model[topic][p] = (int64_t)(k2test_random(&r) >> 1);
            lake_offsets_set(&o, name, p, model[topic][p]);
        }
        struct k2_buf text = {0};
        struct k2_err err = {0};
        lake_offsets_format(&o, &text);
        CHECK_OK(lake_offsets_parse(k2_buf_view(&text), &back, &err), &err);
        assert_int_equal(back.journal_id, o.journal_id);
        assert_true(lake_offsets_equal(&back, &o));
        for (int i = 0; i < 24; i++) {
            char name[16];
            (void)snprintf(name, sizeof name, "t%d", i / 6);
            if (lake_offsets_get(&back, name, i % 6) != model[i / 6][i % 6])
                fail_msg("K2_SEED=%llu round %d", (unsigned long long)seed, round);
        }
        k2_buf_free(&text);
        lake_offsets_free(&o);
        lake_offsets_free(&back);
    }
}

static void vectors_differ_by_journal_or_by_any_end(void **state) {
    (void)state;
    struct lake_offsets a = {.journal_id = 1}, b = {.journal_id = 1};
    lake_offsets_set(&a, "t", 0, 5);
    assert_false(lake_offsets_equal(&a, &b));
    assert_false(lake_offsets_equal(&b, &a));
    lake_offsets_set(&b, "t", 0, 5);
    lake_offsets_set(&b, "t", 1, 0); /* read and empty is as far as never read */
    assert_true(lake_offsets_equal(&a, &b));
    b.journal_id = 2;
    assert_false(lake_offsets_equal(&a, &b));
    lake_offsets_free(&a);
    lake_offsets_free(&b);
}

static void texts_that_are_no_vector_are_corrupt(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"journal\":1}",
        "{\"journal\":-1,\"topics\":{}}",
        "{\"journal\":3000000000,\"topics\":{}}",
        "{\"journal\":\"1\",\"topics\":{}}",
        "{\"journal\":1,\"topics\":[]}",
        "{\"journal\":1,\"topics\":{\"t\":3}}",
        "{\"journal\":1,\"topics\":{\"t\":[-2]}}",
        "{\"journal\":1,\"topics\":{\"t\":[1.5]}}",
        "{\"journal\":1,\"topics\":{\"\":[1]}}",
        "{\"journal\":1,\"topics\":{\"t\":[1],\"t\":[2]}}",
        ("{\"journal\":1,\"topics\":{\"0123456789012345678901234567890123456789012345678901234567"
         "89012345678901234567890123456789012345\":[1]}}")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct lake_offsets o;
        struct k2_err err = {0};
        CHECK_STATUS(lake_offsets_parse(k2_sv_of(bad[i]), &o, &err), K2_E_CORRUPT);
        assert_non_null(strstr(err.msg, "offset vector"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vector_is_sorted_and_marks_partitions_never_read),
        cmocka_unit_test(random_vectors_come_back_from_their_text),
        cmocka_unit_test(vectors_differ_by_journal_or_by_any_end),
        cmocka_unit_test(texts_that_are_no_vector_are_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
