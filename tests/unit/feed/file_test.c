/* Files as a source: plain, gzip, standard input, several members, cut and damaged ones; and which
 * format a file is of. */
#include "feed_helper.h"

#include <fcntl.h>

#include "base/fs.h"

#define ROWS 40000 /* several chunks */

static void run(const char *command) {
    if (system(command) != 0)
        fail_msg("%s failed", command);
}

static char *write_rows(const char *dir) {
    char *path = k2_path(dir, "rows.csv");
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    for (int i = 0; i < ROWS; i++)
        fprintf(f, "03/10/2014,10:05:44.516,37.51,%d,3,X,\r\n", i + 1);
    assert_int_equal(fclose(f), 0);
    return path;
}

static int feed(const char *path, size_t step, struct gathered *g, struct k2_err *err) {
    struct feed_options o = plain_options(path);
    o.symbol = K2_SV("BHP");
    return read_file("asx-csv", &o, path, step, g, err);
}

/* Rows 1, 2, 3 ... , and none of them made up. */
static void check_rows(const struct gathered *g) {
    assert_int_equal(g->rejects, 0);
    for (size_t i = 0; i < g->n; i++)
        assert_true(g->all[i].event.trade.quantity == (k2_i128)(i + 1) * INT64_C(10000000000));
}

/* The rows as the gzip program packs them: whole, in two members, and as standard input. */
static void plain_and_gzip_files_of_any_number_of_members_give_the_same_rows(void **state) {
    (void)state;
    static const char *const makes[] = {
        "cp rows.csv out.csv",
        "gzip -9 < rows.csv > out.csv",
        "gzip -1 < rows.csv > out.csv.gz",
        "head -n 7 rows.csv | gzip > out.csv && tail -n +8 rows.csv | gzip >> out.csv",
        ("(head -c 1000 rows.csv | gzip; gzip < /dev/null; tail -c +1001 rows.csv | gzip; "
         "head -c 700 /dev/zero) > out.csv.gz"),
    };
    for (size_t i = 0; i < sizeof makes / sizeof *makes; i++) {
        struct k2_err err = {0};
        struct gathered g;
        char *dir = k2test_dir(), *rows = write_rows(dir), command[5000], path[4200];
        gather_init(&g);
        snprintf(command, sizeof command, "cd '%s' && %s", dir, makes[i]);
        run(command);
        snprintf(path, sizeof path, "%s/out.csv%s", dir, strstr(makes[i], "csv.gz") ? ".gz" : "");
        CHECK_OK(feed(path, i % 2 ? 1000 : 0, &g, &err), &err);
        assert_int_equal(g.events, ROWS);
        check_rows(&g);
        gather_free(&g);
        free(rows);
        k2test_rmdir(dir);
    }
}

static void standard_input_is_a_file_named_minus(void **state) {
    (void)state;
    struct k2_err err = {0};
    struct gathered g;
    char *dir = k2test_dir(), *rows = write_rows(dir);
    int saved = dup(STDIN_FILENO), fd = open(rows, O_RDONLY | O_CLOEXEC);
    gather_init(&g);
    assert_true(fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
    CHECK_OK(feed("-", 0, &g, &err), &err);
    assert_int_equal(g.events, ROWS);
    close(fd);
    dup2(saved, STDIN_FILENO);
    close(saved);
    gather_free(&g);
    free(rows);
    k2test_rmdir(dir);
}

static void write_file(const char *path, struct k2_sv bytes) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
    assert_int_equal(fclose(f), 0);
}

static void a_cut_or_damaged_gzip_file_gives_its_whole_rows_and_then_an_error(void **state) {
    (void)state;
    struct k2_err err = {0};
    char *dir = k2test_dir(), *rows = write_rows(dir), command[5000], path[4200];
    struct k2_buf bytes = {0};
    uint64_t seed = k2test_seed();
    snprintf(command, sizeof command, "gzip -k '%s'", rows);
    run(command);
    snprintf(path, sizeof path, "%s.gz", rows);
    CHECK_OK(k2_fs_read(path, &bytes, &err), &err);
    for (int turn = 0; turn < 40; turn++) {
        struct gathered g;
        size_t n = turn < 20 ? bytes.n * (size_t)turn / 20 : bytes.n;
        size_t at = 40 + k2test_random(&seed) % (bytes.n - 40);
        bytes.p[at] ^= turn < 20 ? 0 : 0xff;
        write_file(path, (struct k2_sv){(char *)bytes.p, n});
        bytes.p[at] ^= turn < 20 ? 0 : 0xff;
        gather_init(&g);
        CHECK_STATUS(feed(path, 0, &g, &err), K2_E_CORRUPT);
        assert_non_null(strstr(err.msg, path));
        assert_true(strstr(err.msg, "cut off at byte") ||
                    (turn > 19 && strstr(err.msg, "near byte")));
        if (turn < 20)
            check_rows(&g); /* behind a flipped bit deflate may give other bytes before it knows */
        assert_true(turn > 19 || turn < 3 || g.events > ROWS * (turn - 2) / 20);
        gather_free(&g);
    }
    k2_buf_free(&bytes);
    free(rows);
    k2test_rmdir(dir);
}

static void a_missing_file_and_a_directory_are_errors_with_their_name(void **state) {
    (void)state;
    struct k2_err err = {0};
    struct gathered g;
    struct k2_buf head = {0};
    char *dir = k2test_dir(), path[4200];
    gather_init(&g);
    snprintf(path, sizeof path, "%s/none.csv", dir);
    CHECK_STATUS(feed(path, 0, &g, &err), K2_E_NOTFOUND);
    assert_non_null(strstr(err.msg, "none.csv"));
    CHECK_STATUS(feed(dir, 0, &g, &err), K2_E_IO);
    CHECK_STATUS(feed_file_head(path, 10, &head, &err), K2_E_NOTFOUND);
    write_file(path, K2_SV(""));
    CHECK_OK(feed(path, 0, &g, &err), &err);
    CHECK_OK(feed_file_head(path, 10, &head, &err), &err);
    assert_int_equal(g.n + head.n, 0);
    gather_free(&g);
    k2test_rmdir(dir);
}

static int fail_at_third(void *ctx, const struct k2_event *e, struct k2_sv raw, int64_t position,
                         struct k2_err *err) {
    (void)e, (void)raw;
    ++*(int *)ctx;
    return position < 3 ? K2_OK : k2_fail(err, K2_E_IO, "the journal is full");
}

static void a_failing_callback_ends_the_decoding_with_its_error(void **state) {
    (void)state;
    struct k2_err err = {0};
    struct gathered g;
    int calls = 0;
    char *dir = k2test_dir(), *rows = write_rows(dir);
    gather_init(&g);
    g.sink.ctx = &calls;
    g.sink.event = fail_at_third;
    CHECK_STATUS(feed(rows, 0, &g, &err), K2_E_IO);
    assert_string_equal(err.msg, "the journal is full");
    assert_int_equal(calls, 3);
    gather_free(&g);
    free(rows);
    k2test_rmdir(dir);
}

static void the_head_of_a_file_is_unpacked_and_as_long_as_asked(void **state) {
    (void)state;
    struct k2_err err = {0};
    char *dir = k2test_dir(), *rows = write_rows(dir), command[5000], path[4200];
    snprintf(command, sizeof command, "gzip -k '%s'", rows);
    run(command);
    snprintf(path, sizeof path, "%s.gz", rows);
    for (size_t n = 1; n < 2000000; n *= 7) {
        struct k2_buf a = {0}, b = {0};
        CHECK_OK(feed_file_head(rows, n, &a, &err), &err);
        CHECK_OK(feed_file_head(path, n, &b, &err), &err);
        assert_true(k2_sv_eq(k2_buf_view(&a), k2_buf_view(&b)));
        assert_int_equal(a.n, n < (size_t)k2_fs_size(rows) ? n : (size_t)k2_fs_size(rows));
        k2_buf_free(&a);
        k2_buf_free(&b);
    }
    free(rows);
    k2test_rmdir(dir);
}

static void formats_are_told_by_name_and_first_bytes(void **state) {
    (void)state;
    static const struct {
        const char *name, *head, *format;
    } files[] = {
        {"1_A.csv", "03/10/2014,10:05:44.516,37.51,40000,3,X,\r\n", "asx-csv"},
        {"-", "03/10/2014,05:46:13.604,1.11,0.0,10300,0\r\n03/1", "asx-csv"},
        {"1_A.csv", "Date,Time,Bid,Ask,BidVolume,AskVolume\n03/10/2014,05:46:13.604,1,0,1,0",
         "asx-csv"},
        {"1_A.csv", "company,isin\n1,2\n", NULL},
        {"1_A.csv", "", NULL},
        {"x.gz", "1723161255088176367 {\"stream\":\"a@trade\",\"data\":{\"e\":\"trade\"",
         "binance-json"},
        {"x", "{\"e\":\"trade\",\"s\":\"A\"}", "binance-json"},
        {"x", "5 {\"lastUpdateId\":1,\"bids\":[]}", "binance-json"},
        {"x", "{\"e\": \"trade\", \"s\": \"A\"}", "binance-json"},
        {"x", "7\t{ \"stream\" : \"a@trade\" ,\t\"data\" : {\"e\" : \"trade\"", "binance-json"},
        {"x", "{\"lastUpdateId\" : 1}", "binance-json"},
        {"x", "\xef\xbb\xbf{\"e\":\"trade\",\"s\":\"A\"}", "binance-json"},
        {"1_A.csv",
         "\xef\xbb\xbf"
         "03/10/2014,10:05:44.516,37.51,40000,3,X,\r\n",
         "asx-csv"},
        {"x.json", "{\"e\": 1, \"s\": \"e\"}", NULL},
        {"x.json", "{\"stream\"", NULL},
        {"x.json", "{\"a\":1}", NULL},
        {"x.json", "{", NULL},
        {"x", "\x1f\x8b\x08\x00", NULL},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const struct feed_ops *found =
            feed_detect(k2_sv_of(files[i].name), k2_sv_of(files[i].head));
        const char *name = found ? found->name : "none";
        if (strcmp(name, files[i].format ? files[i].format : "none") != 0)
            fail_msg("%s is told to be %s: %s", files[i].name, name, files[i].head);
    }
    assert_null(feed_find(K2_SV("nothing")));
    for (int i = 0; i < feed_count(); i++) {
        assert_ptr_equal(feed_find(k2_sv_of(feed_at(i)->name)), feed_at(i));
        assert_true(strlen(feed_at(i)->title) > 0 && strlen(feed_at(i)->numbering) > 0);
    }
}

/* However the bytes are cut, before the first line of any text format. */
static void a_byte_order_mark_is_of_no_line(void **state) {
    (void)state;
    static const char *const formats[] = {"asx-csv", "binance-json"};
    for (int i = 0; i < 2; i++) {
        const struct feed_fact *fact = feed_find(k2_sv_of(formats[i]))->facts;
        while (strcmp(fact->what, "line") != 0)
            fact++;
        struct k2_buf text = {0};
        k2_buf_printf(&text, "\xef\xbb\xbf%s\nrubbish\n\xef\xbb\xbf%s", fact->text, fact->text);
        for (size_t step = 0; step < 5; step++) {
            struct gathered g;
            struct feed_options o = plain_options("7078_BHP_20140310.csv");
            gather_init(&g);
            decode_text(formats[i], &o, k2_buf_view(&text), step, &g);
            assert_int_equal(g.events, 1);
            assert_int_equal(g.rejects, 2); /* further on it is as wrong as any other byte */
            assert_int_equal(k2_event_raw_offset(&g.all[0].event), 3);
            assert_int_equal(g.all[0].raw_n, strlen(fact->text));
            assert_int_equal(g.all[1].offset, 3 + strlen(fact->text) + 1);
            gather_free(&g);
        }
        k2_buf_free(&text);
        struct gathered g;
        struct feed_options o = plain_options("7078_BHP_20140310.csv");
        gather_init(&g);
        decode_text(formats[i], &o, K2_SV("\xef\xbb\xbf"), 1, &g);
        assert_int_equal(g.n + (size_t)g.filtered, 0);
        gather_free(&g);
    }
}

/* What `k2 feed show` tells is true: each line that it shows gives one event and is told to be of the format,
 * where a line can stand alone. */
static void every_line_that_a_format_shows_is_one_event_of_it(void **state) {
    (void)state;
    for (int i = 0; i < feed_count(); i++) {
        const struct feed_ops *f = feed_at(i);
        int lines = 0, files = 0;
        /* of the others a line needs its file's name or the lines before it, or it is no line but a frame */
        bool alone = strcmp(f->name, "asx-csv") == 0 || strcmp(f->name, "binance-json") == 0 ||
                     strcmp(f->name, "fix-text") == 0;
        for (const struct feed_fact *fact = f->facts; fact->what; fact++) {
            assert_true(strlen(fact->name) > 0 && strlen(fact->text) > 0);
            files += strcmp(fact->what, "file name") == 0;
            if (strcmp(fact->what, "line") != 0 || !alone)
                continue;
            struct gathered g;
            struct feed_options o = plain_options("7078_BHP_20140310.csv");
            int sure;
            const char *why;
            gather_init(&g);
            decode_text(f->name, &o, k2_sv_of(fact->text), 0, &g);
            assert_int_equal(g.events, 1);
            assert_int_equal(g.rejects + g.filtered, 0);
            assert_ptr_equal(feed_detect_why(o.source, k2_sv_of(fact->text), &sure, &why), f);
            assert_true(sure > 50 && strlen(why) > 10);
            gather_free(&g);
            lines++;
        }
        if (files == 0 || (alone && lines == 0))
            fail_msg("%s shows %d lines, %d file names", f->name, lines, files);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_gzip_files_of_any_number_of_members_give_the_same_rows),
        cmocka_unit_test(standard_input_is_a_file_named_minus),
        cmocka_unit_test(a_cut_or_damaged_gzip_file_gives_its_whole_rows_and_then_an_error),
        cmocka_unit_test(a_missing_file_and_a_directory_are_errors_with_their_name),
        cmocka_unit_test(a_failing_callback_ends_the_decoding_with_its_error),
        cmocka_unit_test(the_head_of_a_file_is_unpacked_and_as_long_as_asked),
        cmocka_unit_test(a_byte_order_mark_is_of_no_line),
        cmocka_unit_test(every_line_that_a_format_shows_is_one_event_of_it),
        cmocka_unit_test(formats_are_told_by_name_and_first_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
