#include "k2test.h"

#include "base/clock.h"
#include "journal/journal.h"

#include <stdlib.h>

struct fixture {
    char *from_dir, *to_dir;
    struct journal *from, *to;
    struct k2_err err;
};

static int64_t now_ns;

static int64_t turned_clock(void) {
    return now_ns += K2_NS_PER_SEC;
}

static struct journal *open_journal(const char *dir, int32_t partitions) {
    struct journal *j;
    struct k2_err err;
    struct journal_options o = {
        .partitions = partitions, .clock = turned_clock, .segment_bytes = 64 << 10};
    CHECK_OK(journal_open(dir, JOURNAL_WRITE, &o, &j, &err), &err);
    return j;
}

static void setup(struct fixture *f) {
    now_ns = INT64_C(1700000000) * K2_NS_PER_SEC;
    *f = (struct fixture){.from_dir = k2test_dir(), .to_dir = k2test_dir()};
    f->from = open_journal(f->from_dir, 3);
    f->to = open_journal(f->to_dir, 3);
}

static void teardown(struct fixture *f) {
    journal_close(f->from);
    journal_close(f->to);
    k2test_rmdir(f->from_dir);
    k2test_rmdir(f->to_dir);
}

static void append(struct journal *j, const char *topic, int from, int to) {
    static const char schema[] = "{\"type\":\"record\",\"name\":\"n\",\"fields\":[{\"name\":\"v\","
                                 "\"type\":\"long\"}]}";
    struct k2_err err;
    struct journal_topic t;
    char subject[64];
    uint32_t id;
    snprintf(subject, sizeof subject, "%s-value", topic);
    CHECK_OK(journal_topic(j, k2_sv_of(topic), true, &t, &err), &err);
    CHECK_OK(k2_registry_register(journal_registry(j), k2_sv_of(subject), K2_SV(schema), &id, &err),
             &err);
    for (int i = from; i < to; i++) {
        char key[16];
        snprintf(key, sizeof key, "K%d", i % 7);
        struct k2_buf *b =
            journal_record_begin(j, t.id, journal_partition(&t, k2_sv_of(key)), k2_sv_of(key));
        k2_wire_put_header(b, id);
        k2_avro_put_long(b, i);
        journal_record_end(j, i);
        if (i % 500 == 499)
            CHECK_OK(journal_commit(j, &err), &err);
    }
    CHECK_OK(journal_commit(j, &err), &err);
}

static int copy(struct fixture *f, const char *topic, int64_t equal, int64_t copied,
                int64_t removed) {
    struct journal_copied done;
    int rc = journal_copy(f->from, f->to, k2_sv_of(topic), NULL, NULL, &done, &f->err);
    if (rc != K2_OK)
        return rc;
    assert_int_equal(done.partitions, 3);
    assert_int_equal(done.equal, equal);
    assert_int_equal(done.copied, copied);
    assert_int_equal(done.removed, removed);
    return K2_OK;
}

static void what_is_there_is_compared_and_the_rest_follows(void **state) {
    (void)state;
    struct fixture f;
    setup(&f);
    append(f.to, "other", 0, 1); /* takes the first schema id of the journal that is copied to */
    append(f.from, "n", 0, 1000);
    CHECK_OK(copy(&f, "n", 0, 1000, 0), &f.err);
    CHECK_OK(copy(&f, "n", 1000, 0, 0), &f.err);
    append(f.from, "n", 1000, 5000);
    CHECK_OK(copy(&f, "n", 1000, 4000, 0), &f.err);
    CHECK_OK(copy(&f, "n", 5000, 0, 0), &f.err);
    teardown(&f);
}

static K2_RC let_go(void *ctx, const struct journal_segment_info *segment, struct k2_err *err) {
    (void)err;
    int *left = ctx;
    (void)segment;
    return (*left)-- > 0 ? K2_OK : K2_E_FAILED;
}

static int remove_segments(struct fixture *f, int n) {
    char why[256];
    int removed;
    struct journal_retention r = {.older_than_ns = INT64_MAX, .may_go = let_go, .ctx = &n};
    CHECK_OK(journal_retain(f->from, &r, &removed, why, &f->err), &f->err);
    return removed;
}

static int64_t oldest(struct fixture *f) {
    struct journal_topic t;
    int64_t starts[3];
    CHECK_OK(journal_topic(f->from, K2_SV("n"), false, &t, &f->err), &f->err);
    CHECK_OK(journal_starts(f->from, t.id, starts, &f->err), &f->err);
    return starts[0] + starts[1] + starts[2];
}

static void a_copy_goes_on_where_retention_took_what_it_has(void **state) {
    (void)state;
    struct fixture f;
    setup(&f);
    append(f.from, "n", 0, 10000);
    CHECK_OK(copy(&f, "n", 0, 10000, 0), &f.err);
    append(f.from, "n", 10000, 20000);
    CHECK_OK(journal_seal(f.from, &f.err), &f.err);
    assert_true(remove_segments(&f, 1) > 0);
    int64_t gone = oldest(&f);
    assert_true(gone > 0 && gone < 10000);
    CHECK_OK(copy(&f, "n", 10000 - gone, 10000, gone), &f.err);
    teardown(&f);
}

static void a_hole_between_both_is_told(void **state) {
    (void)state;
    struct fixture f;
    setup(&f);
    append(f.from, "n", 0, 1000);
    CHECK_OK(copy(&f, "n", 0, 1000, 0), &f.err);
    append(f.from, "n", 1000, 30000);
    CHECK_OK(journal_seal(f.from, &f.err), &f.err);
    remove_segments(&f, 2);
    assert_true(oldest(&f) > 1000);
    assert_int_equal(copy(&f, "n", 0, 0, 0), K2_E_DATA);
    assert_non_null(strstr(f.err.msg, "records between are gone"));
    teardown(&f);
}

static void what_others_wrote_there_is_no_copy(void **state) {
    (void)state;
    struct fixture f;
    setup(&f);
    append(f.from, "n", 0, 100);
    append(f.to, "n", 0, 50);
    append(f.to, "n", 57, 58); /* of the key of 50 */
    assert_int_equal(copy(&f, "n", 0, 0, 0), K2_E_DATA);
    assert_non_null(strstr(f.err.msg, "cannot be a copy"));
    append(f.to, "longer", 0, 8);
    append(f.from, "longer", 0, 3);
    assert_int_equal(copy(&f, "longer", 0, 0, 0), K2_E_DATA);
    journal_close(f.to);
    f.to = open_journal(f.to_dir, 4);
    append(f.from, "wide", 0, 1);
    assert_int_equal(copy(&f, "wide", 0, 0, 0), K2_E_DATA);
    assert_non_null(strstr(f.err.msg, "3 partitions here and 4 there"));
    assert_int_equal(copy(&f, "nothing", 0, 0, 0), K2_E_NOTFOUND);
    teardown(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_there_is_compared_and_the_rest_follows),
        cmocka_unit_test(a_copy_goes_on_where_retention_took_what_it_has),
        cmocka_unit_test(a_hole_between_both_is_told),
        cmocka_unit_test(what_others_wrote_there_is_no_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
