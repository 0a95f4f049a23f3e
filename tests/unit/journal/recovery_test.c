/* What the journal makes of a last segment that ends anywhere or holds damage. */
#include "base/fs.h"
#include "base/log.h"
#include "journal/journal.h"
#include "k2test.h"

static struct k2_err err;

static struct journal *open_ok(const char *dir, enum journal_mode mode) {
    struct journal *j;
    CHECK_OK(journal_open(dir, mode, NULL, &j, &err), &err);
    return j;
}

static void put(struct journal *j, int partition, int i) {
    k2_buf_printf(journal_record_begin(j, 0, partition, K2_SV("k")), "value number %d", i);
    journal_record_end(j, i);
}

/* `commits` commits of two batches each; gives the bytes of the only segment after each of them. */
static void fill(const char *dir, int commits, int64_t *sizes) {
    struct journal *j = open_ok(dir, JOURNAL_WRITE);
    struct journal_topic t;
    struct journal_segment_info info;
    CHECK_OK(journal_topic(j, K2_SV("raw"), true, &t, &err), &err);
    for (int i = 0; i < commits; i++) {
        put(j, 0, i);
        put(j, 1, i);
        CHECK_OK(journal_commit(j, &err), &err);
        CHECK_OK(journal_segment(j, 0, &info, &err), &err);
        sizes[i] = info.bytes;
    }
    journal_close(j);
}

static char *segment_path(const char *dir) {
    return k2_path(dir, "journal/00000000000000000000.seg");
}

/* As after a reboot: the shared end says nothing. */
static void forget_end(const char *dir) {
    char *path = k2_path(dir, "run/journal.end");
    unlink(path); /* it may be gone already */
    free(path);
}

static void write_segment(const char *dir, const struct k2_buf *bytes, size_t n) {
    char *path = segment_path(dir);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes->p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    free(path);
}

static void read_segment(const char *dir, struct k2_buf *out) {
    char *path = segment_path(dir);
    CHECK_OK(k2_fs_read(path, out, &err), &err);
    free(path);
}

static int64_t end_of(struct journal *j, int partition) {
    int64_t ends[3];
    CHECK_OK(journal_ends(j, 0, ends, &err), &err);
    return ends[partition];
}

/* Records that are whole in the first n bytes; a commit is two batches of equal length. */
static int64_t whole(const int64_t *sizes, int commits, size_t n, int partition) {
    int64_t count = 0;
    for (int i = 0; i < commits; i++) {
        int64_t before = i ? sizes[i - 1] : 0;
        int64_t end = partition == 0 ? before + (sizes[i] - before) / 2 : sizes[i];
        count += end <= (int64_t)n;
    }
    return count;
}

static void cut_at_every_byte_leaves_the_whole_batches(void **state) {
    (void)state;
    char *dir = k2test_dir();
    int64_t sizes[4];
    struct k2_buf all = {0};
    fill(dir, 4, sizes);
    read_segment(dir, &all);
    assert_int_equal(all.n, sizes[3]);
    for (size_t n = 0; n <= all.n; n++) {
        write_segment(dir, &all, n);
        forget_end(dir);
        struct journal *reader = open_ok(dir, JOURNAL_READ), *j = NULL;
        for (int p = 0; p < 2; p++)
            assert_int_equal(end_of(reader, p), whole(sizes, 4, n, p));
        j = open_ok(dir, JOURNAL_WRITE);
        for (int p = 0; p < 2; p++)
            assert_int_equal(end_of(j, p), whole(sizes, 4, n, p));
        int64_t end = end_of(j, 0);
        put(j, 0, 99);
        CHECK_OK(journal_commit(j, &err), &err);
        assert_int_equal(end_of(reader, 0), end + 1);
        journal_close(j);
        journal_close(reader);
    }
    k2_buf_free(&all);
    k2test_rmdir(dir);
}

static void zero_tail_is_a_clean_end(void **state) {
    (void)state;
    char *dir = k2test_dir();
    int64_t sizes[3], findings, records;
    struct k2_buf all = {0};
    fill(dir, 3, sizes);
    read_segment(dir, &all);
    memset(k2_buf_need(&all, 100000), 0, 100000);
    write_segment(dir, &all, all.n + 100000);
    struct journal *j = open_ok(dir, JOURNAL_READ);
    assert_int_equal(end_of(j, 1), 3);
    CHECK_OK(journal_verify(j, NULL, NULL, &findings, &records, &err), &err);
    assert_int_equal(findings, 0);
    assert_int_equal(records, 6);
    journal_close(j);
    j = open_ok(dir, JOURNAL_WRITE);
    put(j, 1, 3);
    CHECK_OK(journal_commit(j, &err), &err);
    assert_int_equal(end_of(j, 1), 4);
    journal_close(j);
    k2_buf_free(&all);
    k2test_rmdir(dir);
}

/* Any changed byte of a batch that a later batch knows durable is damage, and nothing is cut. */
static void damage_below_the_acknowledged_is_never_cut(void **state) {
    (void)state;
    char *dir = k2test_dir();
    int64_t sizes[3];
    struct k2_buf all = {0}, after = {0};
    struct journal *j;
    fill(dir, 3, sizes);
    read_segment(dir, &all);
    for (size_t at = 0; at < (size_t)sizes[1]; at++) {
        all.p[at] ^= 0x20;
        write_segment(dir, &all, all.n);
        forget_end(dir);
        CHECK_STATUS(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), K2_E_CORRUPT);
        after.n = 0;
        read_segment(dir, &after);
        assert_int_equal(after.n, all.n);
        all.p[at] ^= 0x20;
    }
    k2_buf_free(&all);
    k2_buf_free(&after);
    k2test_rmdir(dir);
}

static void loss_within_one_boot_shows_by_the_shared_end(void **state) {
    (void)state;
    char *dir = k2test_dir();
    int64_t sizes[3];
    struct k2_buf all = {0};
    struct journal *j;
    fill(dir, 3, sizes);
    read_segment(dir, &all);
    write_segment(dir, &all, all.n - 1); /* nothing behind it tells */
    CHECK_STATUS(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), K2_E_CORRUPT);
    CHECK_STATUS(journal_open(dir, JOURNAL_READ, NULL, &j, &err), K2_E_CORRUPT);
    forget_end(dir);
    j = open_ok(dir, JOURNAL_WRITE);
    assert_int_equal(end_of(j, 1), 2);
    journal_close(j);
    k2_buf_free(&all);
    k2test_rmdir(dir);
}

/* The cut must be real: else the next frame of equal length would join the leftover one again. */
static void frames_behind_a_torn_one_do_not_come_back(void **state) {
    (void)state;
    char *dir = k2test_dir();
    int64_t sizes[3];
    struct k2_buf all = {0};
    fill(dir, 3, sizes);
    read_segment(dir, &all);
    all.p[sizes[1] + 90] ^= 1; /* the first of the two last frames; none of them knows the other */
    write_segment(dir, &all, all.n);
    forget_end(dir);
    struct journal *j = open_ok(dir, JOURNAL_WRITE);
    assert_int_equal(end_of(j, 0), 2);
    put(j, 0, 2);
    CHECK_OK(journal_commit(j, &err), &err);
    journal_close(j);
    j = open_ok(dir, JOURNAL_WRITE);
    assert_int_equal(end_of(j, 0), 3);
    assert_int_equal(end_of(j, 1), 2);
    journal_close(j);
    k2_buf_free(&all);
    k2test_rmdir(dir);
}

static void reader_beside_a_writer_stops_at_the_shared_end(void **state) {
    (void)state;
    char *dir = k2test_dir();
    int64_t sizes[3];
    struct k2_buf all = {0};
    fill(dir, 3, sizes);
    read_segment(dir, &all);
    write_segment(dir, &all, (size_t)sizes[1]);
    forget_end(dir);
    struct journal *j = open_ok(dir, JOURNAL_WRITE);
    write_segment(dir, &all, all.n); /* as if written and not yet synced */
    struct journal *reader = open_ok(dir, JOURNAL_READ);
    assert_int_equal(end_of(reader, 0), 2);
    journal_close(j);
    assert_int_equal(end_of(reader, 0), 3); /* without a writer it syncs and serves it */
    journal_close(reader);
    k2_buf_free(&all);
    k2test_rmdir(dir);
}

static void found(void *ctx, const char *text) {
    (void)text;
    ++*(int *)ctx;
}

static void damage_in_a_sealed_segment_is_found_and_the_rest_still_read(void **state) {
    (void)state;
    char *dir = k2test_dir();
    int64_t sizes[4], findings, records;
    int told = 0;
    struct k2_buf all = {0};
    fill(dir, 4, sizes);
    struct journal *j = open_ok(dir, JOURNAL_WRITE);
    CHECK_OK(journal_seal(j, &err), &err);
    put(j, 0, 4);
    CHECK_OK(journal_commit(j, &err), &err);
    journal_close(j);
    read_segment(dir, &all);
    all.p[sizes[0] + 85] ^= 1; /* in the second batch of partition 0 */
    write_segment(dir, &all, all.n);
    j = open_ok(dir, JOURNAL_WRITE);
    CHECK_OK(journal_verify(j, found, &told, &findings, &records, &err), &err);
    assert_int_equal(findings, told);
    assert_int_equal(findings, 2); /* the bytes, and the offsets that are missing after them */
    assert_int_equal(records, 8);
    struct journal_reader *r;
    struct journal_batch b;
    int rc, n = 0;
    CHECK_OK(journal_read(j, &(struct journal_span){0, 1, 0, 9}, 1, &r, &err), &err);
    while ((rc = journal_next(r, &b, &err)) == 1)
        n += b.count;
    CHECK_OK(rc, &err);
    assert_int_equal(n, 4);
    journal_reader_close(r);
    CHECK_OK(journal_read(j, &(struct journal_span){0, 0, 0, 9}, 1, &r, &err), &err);
    assert_int_equal(journal_next(r, &b, &err), 1);
    CHECK_STATUS(journal_next(r, &b, &err), K2_E_CORRUPT);
    journal_reader_close(r);
    journal_close(j);
    k2_buf_free(&all);
    k2test_rmdir(dir);
}

static void missing_segment_is_corrupt(void **state) {
    (void)state;
    char *dir = k2test_dir();
    int64_t sizes[2];
    struct journal *j;
    fill(dir, 2, sizes);
    j = open_ok(dir, JOURNAL_WRITE);
    CHECK_OK(journal_seal(j, &err), &err);
    journal_close(j);
    char *path = segment_path(dir);
    assert_int_equal(unlink(path), 0);
    CHECK_STATUS(journal_open(dir, JOURNAL_WRITE, NULL, &j, &err), K2_E_CORRUPT);
    CHECK_STATUS(journal_open(dir, JOURNAL_READ, NULL, &j, &err), K2_E_CORRUPT);
    free(path);
    k2test_rmdir(dir);
}

static void missing_or_damaged_index_is_made_again(void **state) {
    (void)state;
    char *dir = k2test_dir(), *path = k2_path(dir, "journal/00000000000000000000.idx");
    int64_t sizes[3];
    struct k2_buf first = {0}, again = {0};
    struct journal_segment_info info;
    fill(dir, 3, sizes);
    struct journal *j = open_ok(dir, JOURNAL_WRITE);
    CHECK_OK(journal_seal(j, &err), &err);
    journal_close(j);
    CHECK_OK(k2_fs_read(path, &first, &err), &err);
    for (int round = 0; round < 2; round++) {
        if (round == 0)
            assert_int_equal(unlink(path), 0);
        else
            CHECK_OK(k2_fs_replace(path, (struct k2_sv){(char *)first.p, first.n - 1}, &err), &err);
        j = open_ok(dir, JOURNAL_WRITE);
        assert_int_equal(end_of(j, 1), 3);
        CHECK_OK(journal_segment(j, 0, &info, &err), &err); /* waits for the index */
        journal_close(j);
        again.n = 0;
        CHECK_OK(k2_fs_read(path, &again, &err), &err);
        assert_true(k2_sv_eq(k2_buf_view(&first), k2_buf_view(&again)));
    }
    k2_buf_free(&first);
    k2_buf_free(&again);
    free(path);
    k2test_rmdir(dir);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR, false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_at_every_byte_leaves_the_whole_batches),
        cmocka_unit_test(zero_tail_is_a_clean_end),
        cmocka_unit_test(damage_below_the_acknowledged_is_never_cut),
        cmocka_unit_test(loss_within_one_boot_shows_by_the_shared_end),
        cmocka_unit_test(frames_behind_a_torn_one_do_not_come_back),
        cmocka_unit_test(reader_beside_a_writer_stops_at_the_shared_end),
        cmocka_unit_test(damage_in_a_sealed_segment_is_found_and_the_rest_still_read),
        cmocka_unit_test(missing_segment_is_corrupt),
        cmocka_unit_test(missing_or_damaged_index_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
