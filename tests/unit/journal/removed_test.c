/* Notes of removed parts: what is written is read, a newer note replaces an older one, half a note is none. */
#include "journal/kafka/removed.h"
#include "k2test.h"

static struct k2_err err;

static struct kafka_part make(int64_t from, int64_t to, int digests, int times) {
    struct kafka_part p = {.topic = k2_sv_dup(K2_SV("market.ticks.x")),
                           .span = {0, 2, from, to},
                           .first_ns = 1000000,
                           .last_ns = 9000000};
    p.digests = k2_zalloc((size_t)(digests + 1) * sizeof *p.digests);
    p.times = k2_zalloc((size_t)(times + 1) * sizeof *p.times);
    p.digest_count = digests;
    p.time_count = times;
    for (int i = 0; i < digests; i++) {
        struct journal_digest *d = &p.digests[i];
        *d = (struct journal_digest){.kind = K2_KIND_TRADE,
                                     .trade_date = 20000 + i,
                                     .count = i + 1,
                                     .min_sequence = INT64_MIN + i,
                                     .max_sequence = INT64_MAX - i,
                                     .sum = {(uint64_t)i, UINT64_MAX - (uint64_t)i}};
        snprintf(d->exchange, sizeof d->exchange, "X");
        snprintf(d->symbol, sizeof d->symbol, "A \"%d\"/\xc3\xa9", i);
    }
    for (int i = 0; i < times; i++)
        p.times[i] = (struct kafka_time){1700000000000 + 3 * i, from + 7 * i};
    return p;
}

static void read_pages(struct kafka_parts *all, const struct kafka_part *p, int first, int end) {
    for (int i = first; i < end; i++) {
        struct k2_buf key = {0}, value = {0};
        kafka_part_page(p, i, &key, &value);
        assert_true(value.n < 1000000);
        CHECK_OK(kafka_parts_read(all, k2_buf_view(&key), k2_buf_view(&value), &err), &err);
        k2_buf_free(&key);
        k2_buf_free(&value);
    }
}

static void check_equal(const struct kafka_part *a, const struct kafka_part *b) {
    assert_string_equal(a->topic, b->topic);
    assert_int_equal(a->span.partition, b->span.partition);
    assert_int_equal(a->span.from, b->span.from);
    assert_int_equal(a->span.to, b->span.to);
    assert_int_equal(a->read, a->pages);
    assert_int_equal(a->digest_count, b->digest_count);
    assert_int_equal(a->time_count, b->time_count);
    for (int i = 0; i < a->digest_count; i++) {
        assert_string_equal(a->digests[i].symbol, b->digests[i].symbol);
        assert_int_equal(a->digests[i].min_sequence, b->digests[i].min_sequence);
        assert_int_equal(a->digests[i].max_sequence, b->digests[i].max_sequence);
        assert_int_equal(k2_h128_cmp(a->digests[i].sum, b->digests[i].sum), 0);
    }
    for (int i = 0; i < a->time_count; i++) {
        assert_int_equal(a->times[i].ms, b->times[i].ms);
        assert_int_equal(a->times[i].offset, b->times[i].offset);
    }
}

static void a_note_of_any_size_is_read_as_it_was_written(void **state) {
    static const int sizes[][2] = {{0, 0}, {1, 1}, {2500, 10000}, {2501, 3}, {7000, 25001}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct kafka_parts all = {0};
        struct kafka_part p = make(100, 1 << 20, sizes[i][0], sizes[i][1]);
        read_pages(&all, &p, 0, kafka_part_pages(&p));
        assert_int_equal(all.n, 1);
        check_equal(&all.at[0], &p);
        kafka_parts_free(&all);
        kafka_part_free(&p);
    }
}

static void a_newer_note_of_the_same_part_replaces_the_older_one(void **state) {
    (void)state;
    struct kafka_parts all = {0};
    struct kafka_part old = make(0, 500, 6000, 9), fresh = make(0, 700, 2, 4);
    read_pages(&all, &old, 0, kafka_part_pages(&old));
    read_pages(&all, &old, 0, 1); /* the same again, before the topic was compacted */
    read_pages(&all, &fresh, 0, 1);
    assert_int_equal(all.n, 1);
    check_equal(&all.at[0], &fresh);
    kafka_parts_free(&all);
    /* After compaction: of the old one only the pages that the new one has not. */
    read_pages(&all, &old, 1, 3);
    read_pages(&all, &fresh, 0, 1);
    check_equal(&all.at[0], &fresh);
    kafka_parts_free(&all);
    kafka_part_free(&old);
    kafka_part_free(&fresh);
}

static void half_a_note_is_not_whole(void **state) {
    (void)state;
    struct kafka_parts all = {0};
    struct kafka_part p = make(0, 500, 6000, 9);
    read_pages(&all, &p, 0, 2);
    assert_int_equal(all.n, 1);
    assert_true(all.at[0].read < all.at[0].pages);
    kafka_parts_free(&all);
    kafka_part_free(&p);
}

static void what_is_no_note_is_refused(void **state) {
    static const char *const bad[][2] = {
        {"removed/t/0/0", "{}"},
        {"removed/t/-1/0/0", "{}"},
        {"removed/t/0/0/0", "{}"},
        {"removed/t/0/0/0", "not json"},
        {"removed/t/0/5/0", "{\"to\":5,\"pages\":1,\"first_ns\":0,\"last_ns\":0}"},
        {"removed/t/0/0/0", "{\"to\":5,\"pages\":0,\"first_ns\":0,\"last_ns\":0}"},
        {"removed/t/0/0/0",
         "{\"to\":5,\"pages\":1,\"first_ns\":0,\"last_ns\":0,\"digests\":[[\"trade\"]]}"},
        {"removed/t/0/0/0", "{\"to\":5,\"pages\":1,\"first_ns\":0,\"last_ns\":0,\"times\":"
                            "[9223372036854775807,0,9223372036854775807,0]}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct kafka_parts all = {0};
        assert_int_not_equal(kafka_parts_read(&all, k2_sv_of(bad[i][0]), k2_sv_of(bad[i][1]), &err),
                             K2_OK);
        kafka_parts_free(&all);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_of_any_size_is_read_as_it_was_written),
        cmocka_unit_test(a_newer_note_of_the_same_part_replaces_the_older_one),
        cmocka_unit_test(half_a_note_is_not_whole),
        cmocka_unit_test(what_is_no_note_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
