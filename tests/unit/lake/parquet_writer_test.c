/* The writer's promises about the file, its metrics and its failures. What is in the file is judged
 * by outside readers: tests/judge/parquet_judge.py. */
#include "k2test.h"

#include "base/fs.h"
#include "lake/parquet_writer.h"

#include <errno.h>
#include <fcntl.h>

enum { TEXT, PRICE, TIME, NUMBER, TAGS, EXTRA, COLUMNS };

static const struct parquet_column columns[COLUMNS] = {
    {.name = "text", .field_id = 1, .type = PARQUET_STRING, .optional = true},
    {.name = "price", .field_id = 2, .type = PARQUET_DECIMAL, .precision = 20, .scale = 9},
    {.name = "time", .field_id = 3, .type = PARQUET_TIMESTAMP_US, .optional = true},
    {.name = "number", .field_id = 4, .type = PARQUET_INT32},
    {.name = "tags", .field_id = 5, .element_id = 205, .type = PARQUET_LIST, .optional = true},
    {.name = "extra",
     .field_id = 6,
     .element_id = 206,
     .value_id = 406,
     .type = PARQUET_MAP,
     .optional = true},
};

#define ROWS 1000

struct world {
    char *dir, path[4096];
    struct k2_interner *in;
    struct k2_err err;
    struct parquet_writer *w;
    uint32_t text[ROWS], tags[ROWS], extra[ROWS];
    k2_i128 price[ROWS];
    int64_t time[ROWS];
    int32_t number[ROWS];
    const void *data[COLUMNS];
};

static uint32_t intern_pair(struct k2_interner *in, struct k2_sv a, struct k2_sv b) {
    struct k2_buf blob = {0};
    k2_blob_add(&blob, a);
    k2_blob_add(&blob, b);
    uint32_t id = k2_intern(in, k2_buf_view(&blob));
    k2_buf_free(&blob);
    return id;
}

static void fill_rows(struct world *x) {
    uint32_t texts[3] = {0, k2_intern(x->in, K2_SV("BHP")), k2_intern(x->in, K2_SV("CBA"))};
    uint32_t pair = intern_pair(x->in, K2_SV("k"), K2_SV("v"));
    for (int i = 0; i < ROWS; i++) {
        x->text[i] = texts[i % 3];
        x->tags[i] = i % 2 ? pair : 0;
        x->extra[i] = i % 4 ? pair : 0;
        x->price[i] = (i % 50 - 10) * (k2_i128)1000000000;
        x->time[i] = i % 5 ? 1000 + i : K2_NULL_LONG;
        x->number[i] = -i;
    }
}

static int setup(void **state) {
    struct world *x = k2_zalloc(sizeof *x);
    x->dir = k2test_dir();
    snprintf(x->path, sizeof x->path, "%s/data.parquet", x->dir);
    x->in = k2_interner_new();
    fill_rows(x);
    const void *data[COLUMNS] = {x->text, x->price, x->time, x->number, x->tags, x->extra};
    memcpy(x->data, data, sizeof data);
    *state = x;
    return 0;
}

static int teardown(void **state) {
    struct world *x = *state;
    k2_fs_use(NULL);
    parquet_free(x->w);
    k2_interner_free(x->in);
    k2test_rmdir(x->dir);
    free(x);
    return 0;
}

static void open_file(struct world *x, const struct parquet_options *options) {
    CHECK_OK(parquet_open(x->path, columns, COLUMNS, options, &x->w, &x->err), &x->err);
}

static void write_file(struct world *x, size_t rows) {
    CHECK_OK(parquet_write(x->w, x->data, rows, x->in, &x->err), &x->err);
}

static void close_file(struct world *x) {
    CHECK_OK(parquet_close(x->w, &x->err), &x->err);
}

static struct k2_buf read_file(const struct world *x) {
    struct k2_buf bytes = {0};
    struct k2_err err;
    CHECK_OK(k2_fs_read(x->path, &bytes, &err), &err);
    return bytes;
}

static void a_closed_file_begins_and_ends_with_the_magic(void **state) {
    struct world *x = *state;
    open_file(x, NULL);
    write_file(x, ROWS);
    close_file(x);
    struct k2_buf bytes = read_file(x);
    assert_memory_equal(bytes.p, "PAR1", 4);
    assert_memory_equal(bytes.p + bytes.n - 4, "PAR1", 4);
    assert_true(k2_get_u32(bytes.p + bytes.n - 8) < bytes.n);
    struct parquet_info info = parquet_info(x->w);
    assert_int_equal(info.rows, ROWS);
    assert_int_equal(info.bytes, bytes.n);
    assert_int_equal(parquet_bytes(x->w), bytes.n);
    assert_int_equal(info.split_count, 1);
    assert_int_equal(info.splits[0], 4);
    k2_buf_free(&bytes);
}

static void put_file(const struct world *x, const struct k2_buf *bytes) {
    FILE *f = fopen(x->path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes->p, 1, bytes->n, f), bytes->n);
    assert_int_equal(fclose(f), 0);
}

static void expect_damage(struct world *x, const struct k2_buf *bytes, size_t at) {
    bool checked;
    put_file(x, bytes);
    int rc = parquet_check(x->path, &checked, &x->err);
    if (rc != K2_E_CORRUPT || !strstr(x->err.msg, x->path))
        fail_msg("byte %zu of %zu: %s %s", at, bytes->n, k2_status_name(rc), x->err.msg);
}

/* Pages, page headers, page index, footer, its length, the magic, and the checksum itself. */
static void any_changed_byte_of_a_file_is_found_by_its_checksum(void **state) {
    struct world *x = *state;
    bool checked = false;
    open_file(x, NULL);
    write_file(x, 40);
    close_file(x);
    CHECK_OK(parquet_check(x->path, &checked, &x->err), &x->err);
    assert_true(checked);
    struct k2_buf bytes = read_file(x);
    for (size_t i = 0; i < bytes.n; i++) {
        const uint8_t flips[] = {(uint8_t)(1 << i % 8), 0x20, 0xff};
        for (size_t k = 0; k < sizeof flips; k++) {
            bytes.p[i] ^= flips[k];
            expect_damage(x, &bytes, i);
            bytes.p[i] ^= flips[k];
        }
    }
    size_t n = bytes.n;
    for (bytes.n = 0; bytes.n < n; bytes.n += 7)
        expect_damage(x, &bytes, bytes.n);
    k2_buf_free(&bytes);
}

/* The writer hands the file over in pieces of a megabyte. */
static void a_file_of_several_writes_has_the_right_checksum(void **state) {
    struct world *x = *state;
    bool checked = false;
    const struct parquet_options options = {.row_group_rows = 1000, .page_rows = 5};
    open_file(x, &options);
    for (int i = 0; i < 60; i++)
        write_file(x, ROWS);
    close_file(x);
    assert_true(parquet_bytes(x->w) > 2 << 20);
    CHECK_OK(parquet_check(x->path, &checked, &x->err), &x->err);
    assert_true(checked);
    struct k2_buf bytes = read_file(x);
    bytes.p[1 << 20] ^= 1;
    expect_damage(x, &bytes, 1 << 20);
    k2_buf_free(&bytes);
}

static void a_file_without_a_checksum_is_told_apart_from_a_damaged_one(void **state) {
    struct world *x = *state;
    bool checked = true;
    struct k2_buf bytes = {0};
    k2_buf_sv(&bytes, K2_SV("PAR1 as another program writes it PAR1"));
    put_file(x, &bytes);
    CHECK_OK(parquet_check(x->path, &checked, &x->err), &x->err);
    assert_false(checked);
    bytes.n = 0;
    k2_buf_sv(&bytes, K2_SV("PAR1 by k2 version 7.1 without one PAR1"));
    expect_damage(x, &bytes, 0);
    assert_int_equal(unlink(x->path), 0);
    CHECK_STATUS(parquet_check(x->path, &checked, &x->err), K2_E_NOTFOUND);
    k2_buf_free(&bytes);
}

static void no_rows_make_a_file_without_row_groups(void **state) {
    struct world *x = *state;
    open_file(x, NULL);
    write_file(x, 0);
    close_file(x);
    struct parquet_info info = parquet_info(x->w);
    assert_int_equal(info.rows, 0);
    assert_int_equal(info.split_count, 0);
    assert_int_equal(info.metric_count, 7);
    assert_int_equal(info.metrics[0].lower_n, -1);
    assert_int_equal(info.metrics[0].value_count, 0);
}

static void a_file_that_exists_is_never_touched(void **state) {
    struct world *x = *state;
    CHECK_OK(k2_fs_create(x->path, K2_SV("precious"), &x->err), &x->err);
    struct parquet_writer *w = NULL;
    CHECK_STATUS(parquet_open(x->path, columns, COLUMNS, NULL, &w, &x->err), K2_E_EXISTS);
    assert_null(w);
    assert_int_equal(k2_fs_size(x->path), 8);
}

static void a_file_that_was_not_closed_is_removed(void **state) {
    struct world *x = *state;
    open_file(x, NULL);
    write_file(x, ROWS);
    assert_true(k2_fs_exists(x->path));
    parquet_free(x->w);
    x->w = NULL;
    assert_false(k2_fs_exists(x->path));
}

/* How the calls are cut is not seen in the file. */
static void rows_give_the_same_file_in_whatever_batches_they_come(void **state) {
    struct world *x = *state;
    struct parquet_options options = {.row_group_rows = 300, .page_rows = 70};
    struct k2_buf first = {0};
    for (size_t batch = ROWS; batch > 0; batch = batch == 1 ? 0 : batch / 9) {
        open_file(x, &options);
        for (size_t at = 0; at < ROWS; at += batch) {
            const void *data[COLUMNS] = {x->text + at,   x->price + at, x->time + at,
                                         x->number + at, x->tags + at,  x->extra + at};
            size_t n = ROWS - at < batch ? ROWS - at : batch;
            CHECK_OK(parquet_write(x->w, data, n, x->in, &x->err), &x->err);
        }
        close_file(x);
        assert_int_equal(parquet_info(x->w).split_count, 4);
        parquet_free(x->w);
        x->w = NULL;
        struct k2_buf bytes = read_file(x);
        if (first.n == 0)
            k2_buf_sv(&first, k2_buf_view(&bytes));
        assert_true(k2_sv_eq(k2_buf_view(&first), k2_buf_view(&bytes)));
        k2_buf_free(&bytes);
        CHECK_OK(k2_fs_unlink(x->path, &x->err), &x->err);
    }
    k2_buf_free(&first);
}

/* Whether n distinct decimals, four times each, are written with a dictionary. */
static bool uses_dictionary(struct world *x, size_t n) {
    const struct parquet_column column = {
        .name = "d", .field_id = 1, .type = PARQUET_DECIMAL, .precision = 20};
    struct parquet_options options = {.row_group_rows = 4 * n};
    k2_i128 *v = k2_alloc(4 * n * sizeof *v);
    for (size_t i = 0; i < 4 * n; i++)
        v[i] = (k2_i128)(i % n);
    CHECK_OK(parquet_open(x->path, &column, 1, &options, &x->w, &x->err), &x->err);
    CHECK_OK(parquet_write(x->w, (const void *const[]){v}, 4 * n, x->in, &x->err), &x->err);
    bool dictionary = x->w->chunks[0].dictionary != 0;
    parquet_free(x->w);
    x->w = NULL;
    free(v);
    return dictionary;
}

static void a_dictionary_is_given_up_when_it_grows_too_large(void **state) {
    struct world *x = *state;
    assert_true(uses_dictionary(x, 65534));
    assert_false(uses_dictionary(x, 65535));
}

static void check_metric(const struct parquet_metrics *m, int id, int64_t values, int64_t nulls,
                         struct k2_sv lower, struct k2_sv upper) {
    assert_int_equal(m->field_id, id);
    assert_int_equal(m->value_count, values);
    assert_int_equal(m->null_count, nulls);
    assert_true(m->column_size > 0);
    assert_int_equal(m->lower_n, lower.n);
    assert_int_equal(m->upper_n, upper.n);
    assert_memory_equal(m->lower, lower.p, lower.n);
    assert_memory_equal(m->upper, upper.p, upper.n);
}

static void metrics_are_icebergs_single_values(void **state) {
    struct world *x = *state;
    struct parquet_options options = {.row_group_rows = 300, .page_rows = 70};
    open_file(x, &options);
    write_file(x, ROWS);
    close_file(x);
    struct parquet_info info = parquet_info(x->w);
    assert_int_equal(info.metric_count, 7);
    check_metric(&info.metrics[0], 1, ROWS, 334, K2_SV("BHP"), K2_SV("CBA"));
    check_metric(&info.metrics[1], 2, ROWS, 0, K2_SV("\xfd\xab\xf4\x1c\x00"),
                 K2_SV("\x09\x14\x94\xc6\x00"));
    check_metric(&info.metrics[2], 3, ROWS, 200, K2_SV("\xe9\3\0\0\0\0\0\0"),
                 K2_SV("\xcf\7\0\0\0\0\0\0"));
    check_metric(&info.metrics[3], 4, ROWS, 0, K2_SV("\x19\xfc\xff\xff"), K2_SV("\0\0\0\0"));
    int ids[] = {205, 206, 406};
    int64_t values[] = {1500, 1000, 1000}, nulls[] = {500, 250, 250};
    for (int i = 0; i < 3; i++) {
        const struct parquet_metrics *m = &info.metrics[4 + i];
        assert_int_equal(m->field_id, ids[i]);
        assert_int_equal(m->value_count, values[i]);
        assert_int_equal(m->null_count, nulls[i]);
        assert_true(m->lower_n == -1 && m->upper_n == -1);
    }
}

static void a_null_in_a_required_column_is_refused_by_name_and_row(void **state) {
    struct world *x = *state;
    open_file(x, NULL);
    x->price[17] = K2_NULL_DECIMAL;
    CHECK_STATUS(parquet_write(x->w, x->data, ROWS, x->in, &x->err), K2_E_INVALID);
    assert_non_null(strstr(x->err.msg, "price"));
    assert_non_null(strstr(x->err.msg, "row 17"));
    CHECK_STATUS(parquet_close(x->w, &x->err), K2_E_INVALID);
    assert_non_null(strstr(x->err.msg, "earlier write"));
}

static void a_decimal_that_is_too_wide_is_refused_not_cut(void **state) {
    struct world *x = *state;
    for (int sign = -1; sign <= 1; sign += 2) {
        open_file(x, NULL);
        x->price[3] = sign * (k2_pow10(20) - 1); /* the last that fits */
        write_file(x, ROWS);
        x->price[3] = sign * k2_pow10(20);
        CHECK_STATUS(parquet_write(x->w, x->data, ROWS, x->in, &x->err), K2_E_RANGE);
        assert_non_null(strstr(x->err.msg, "decimal(20,9)"));
        parquet_free(x->w);
        x->w = NULL;
    }
}

static void bytes_that_are_not_utf8_are_refused_in_strings_and_lists(void **state) {
    struct world *x = *state;
    uint32_t bad = k2_intern(x->in, K2_SV("\xff\xfe"));
    uint32_t bad_pair = intern_pair(x->in, K2_SV("ok"), K2_SV("\xc0"));
    uint32_t *cells[] = {&x->text[5], &x->tags[5], &x->extra[5]};
    for (int i = 0; i < 3; i++) {
        uint32_t before = *cells[i];
        *cells[i] = i ? bad_pair : bad;
        open_file(x, NULL);
        CHECK_STATUS(parquet_write(x->w, x->data, ROWS, x->in, &x->err), K2_E_INVALID);
        assert_non_null(strstr(x->err.msg, "UTF-8"));
        parquet_free(x->w);
        x->w = NULL;
        *cells[i] = before;
    }
}

static void impossible_columns_are_refused_before_a_file_is_made(void **state) {
    struct world *x = *state;
    const struct parquet_column bad[] = {
        {.name = "s", .type = PARQUET_STRING, .encoding = PARQUET_DELTA},
        {.name = "d", .type = PARQUET_DECIMAL, .precision = 39},
        {.name = "d", .type = PARQUET_DECIMAL, .precision = 5, .scale = 6},
        {.name = "", .type = PARQUET_INT32},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_STATUS(parquet_open(x->path, &bad[i], 1, NULL, &x->w, &x->err), K2_E_INVALID);
    CHECK_STATUS(parquet_open(x->path, columns, 0, NULL, &x->w, &x->err), K2_E_INVALID);
    int sort = TAGS;
    struct parquet_options options = {.sort_columns = &sort, .sort_count = 1};
    CHECK_STATUS(parquet_open(x->path, columns, COLUMNS, &options, &x->w, &x->err), K2_E_INVALID);
    assert_false(k2_fs_exists(x->path));
}

/* --- a disk that fails ------------------------------------------------------------------------ */

static int fail_at, calls, syncs, dir_syncs;

static ssize_t failing_pwrite(int fd, const void *bytes, size_t n, off_t at) {
    if (++calls == fail_at) {
        errno = ENOSPC;
        return -1;
    }
    return k2_fs_system.pwrite(fd, bytes, n, at);
}

static int failing_sync(int fd) {
    syncs++;
    if (++calls == fail_at) {
        errno = EIO;
        return -1;
    }
    return k2_fs_system.sync(fd);
}

static int failing_sync_dir(const char *path) {
    dir_syncs++;
    if (++calls == fail_at) {
        errno = EIO;
        return -1;
    }
    return k2_fs_system.sync_dir(path);
}

static void a_disk_that_fails_is_reported_and_leaves_no_file(void **state) {
    struct world *x = *state;
    struct k2_fs_ops ops = k2_fs_system;
    ops.pwrite = failing_pwrite;
    ops.sync = failing_sync;
    ops.sync_dir = failing_sync_dir;
    k2_fs_use(&ops);
    for (fail_at = 1; fail_at <= 4; fail_at++) {
        calls = syncs = dir_syncs = 0;
        open_file(x, NULL);
        write_file(x, ROWS);
        if (fail_at == 4) { /* one write, sync, sync of the directory: nothing left to fail */
            close_file(x);
            assert_true(syncs == 1 && dir_syncs == 1);
            continue;
        }
        CHECK_STATUS(parquet_close(x->w, &x->err), K2_E_IO);
        CHECK_STATUS(parquet_close(x->w, &x->err), K2_E_IO);
        parquet_free(x->w);
        x->w = NULL;
        assert_false(k2_fs_exists(x->path));
    }
}

static void a_closed_writer_takes_no_more_rows(void **state) {
    struct world *x = *state;
    open_file(x, NULL);
    close_file(x);
    CHECK_STATUS(parquet_write(x->w, x->data, ROWS, x->in, &x->err), K2_E_INVALID);
    CHECK_STATUS(parquet_close(x->w, &x->err), K2_E_INVALID);
    assert_int_equal(parquet_info(x->w).rows, 0);
}

/* --- allocations: counted by AddressSanitizer's hooks, so only where it is on ------------------
 */

int __sanitizer_install_malloc_and_free_hooks(void (*taken)(const volatile void *, size_t),
                                              void (*given)(const volatile void *))
    __attribute__((weak));

static size_t allocations;

static void count_allocation(const volatile void *p, size_t n) {
    (void)p;
    (void)n;
    allocations++;
}

static void ignore_free(const volatile void *p) {
    (void)p;
}

static void rows_cost_no_allocation_once_buffers_have_grown(void **state) {
    struct world *x = *state;
    if (!__sanitizer_install_malloc_and_free_hooks)
        skip();
    struct parquet_options options = {.row_group_rows = 700, .page_rows = 100};
    open_file(x, &options);
    for (int i = 0; i < 20; i++)
        write_file(x, ROWS);
    assert_true(__sanitizer_install_malloc_and_free_hooks(count_allocation, ignore_free) > 0);
    allocations = 0;
    for (int i = 0; i < 100; i++)
        write_file(x, ROWS);
    size_t counted = allocations;
    assert_true(counted < 20); /* the footer's arrays double now and then */
    close_file(x);
    assert_true(allocations > counted); /* the hook is alive */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_closed_file_begins_and_ends_with_the_magic, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(any_changed_byte_of_a_file_is_found_by_its_checksum, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_file_of_several_writes_has_the_right_checksum, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_file_without_a_checksum_is_told_apart_from_a_damaged_one,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(no_rows_make_a_file_without_row_groups, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_exists_is_never_touched, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_was_not_closed_is_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_give_the_same_file_in_whatever_batches_they_come,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_dictionary_is_given_up_when_it_grows_too_large, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(metrics_are_icebergs_single_values, setup, teardown),
        cmocka_unit_test_setup_teardown(a_null_in_a_required_column_is_refused_by_name_and_row,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_decimal_that_is_too_wide_is_refused_not_cut, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(bytes_that_are_not_utf8_are_refused_in_strings_and_lists,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(impossible_columns_are_refused_before_a_file_is_made, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_fails_is_reported_and_leaves_no_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_closed_writer_takes_no_more_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_cost_no_allocation_once_buffers_have_grown, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
