/* A statement over a damaged file fails as damage, naming the file; a wrong statement over sound
 * files, and one that never comes to the files, as what it is. */
#include "world.h"

#include "base/fs.h"

struct damaged {
    struct world w;
    char *path;
    struct k2_buf whole; /* the only data file of trades */
};

static char *path_of_trades(struct world *w) {
    struct lake_table *t;
    struct lake_plan plan;
    CHECK_OK(lake_table_load(w->lake, K2_SV("trades"), &t, &w->err), &w->err);
    CHECK_OK(lake_plan(t, 0, NULL, 0, &plan, &w->err), &w->err);
    assert_int_equal(plan.file_count, 1);
    char *path = k2_strdup(plan.files[0].path);
    lake_plan_free(&plan);
    lake_table_free(t);
    return path;
}

static int set_up(void **state) {
    struct damaged *d = k2_zalloc(sizeof *d);
    const int64_t t0 = world_time("2014-03-10T10:00:00Z");
    world_open(&d->w);
    for (int i = 0; i < 500; i++) {
        struct k2_event e =
            world_trade(&d->w, "ASX", i % 2 ? "BHP" : "CBA", t0 + i * 1000000, i, i);
        world_append(&d->w, &e);
    }
    world_commit(&d->w);
    world_sink(&d->w);
    d->path = path_of_trades(&d->w);
    CHECK_OK(k2_fs_read(d->path, &d->whole, &d->w.err), &d->w.err);
    *state = d;
    return 0;
}

static int tear_down(void **state) {
    struct damaged *d = *state;
    world_close(&d->w);
    k2_buf_free(&d->whole);
    free(d->path);
    free(d);
    return 0;
}

static void put_file(const struct damaged *d, size_t n) {
    FILE *f = fopen(d->path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(d->whole.p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* The status of reading every value with an engine of its own: engines keep what they have read. */
static int ask(struct damaged *d, const char *sql) {
    k2_err_clear(&d->w.err);
    world_engine(&d->w);
    char *text = world_csv(&d->w, sql);
    query_close(d->w.engine);
    d->w.engine = NULL;
    int status = text ? K2_OK : d->w.err.status;
    free(text);
    return status;
}

static void expect_damage(struct damaged *d, const char *sql) {
    CHECK_STATUS(ask(d, sql), K2_E_CORRUPT);
    if (!strstr(d->w.err.msg, d->path) || !strstr(d->w.err.msg, "k2 verify"))
        fail_msg("neither the file nor what to do is in: %s", d->w.err.msg);
}

static void a_damaged_file_is_named_whatever_the_engine_says_of_it(void **state) {
    struct damaged *d = *state;
    int damages = 0;
    for (size_t at = 4; at < d->whole.n; at += 1 + d->whole.n / 60) {
        d->whole.p[at] ^= 0x40;
        put_file(d, d->whole.n);
        int rc = ask(d, "SELECT * FROM trades");
        if (rc != K2_OK && rc != K2_E_CORRUPT)
            fail_msg("byte %zu: %s %s", at, k2_status_name(rc), d->w.err.msg);
        damages += rc == K2_E_CORRUPT;
        if (rc == K2_E_CORRUPT)
            assert_non_null(strstr(d->w.err.msg, d->path));
        d->whole.p[at] ^= 0x40;
    }
    assert_true(damages > 30); /* some bits change nothing that a reader looks at */
    put_file(d, d->whole.n);
    CHECK_STATUS(ask(d, "SELECT * FROM trades"), K2_OK);
}

static uint8_t *find(struct damaged *d, const char *text) {
    uint8_t *at = memmem(d->whole.p, d->whole.n, text, strlen(text));
    assert_non_null(at);
    return at;
}

/* Files of other programs, and ours of before there was a checksum. */
static void without_a_checksum_the_engine_is_believed_when_it_speaks_of_the_file(void **state) {
    struct damaged *d = *state;
    uint8_t *marks[] = {find(d, "k2.checksum"), find(d, "k2 version")};
    *marks[0] = *marks[1] = 'x';
    d->whole.p[60] ^= 1;
    put_file(d, d->whole.n);
    CHECK_STATUS(ask(d, "SELECT * FROM trades"), K2_E_CORRUPT);
    assert_non_null(strstr(d->w.err.msg, "without a checksum"));
    d->whole.p[60] ^= 1;
    put_file(d, d->whole.n);
    CHECK_STATUS(ask(d, "SELECT * FROM trades"), K2_OK);
    CHECK_STATUS(ask(d, "SELECT CAST(symbol AS INT) FROM trades"), K2_E_INVALID);
    *marks[0] = *marks[1] = 'k';
    put_file(d, d->whole.n);
}

static void a_short_and_a_missing_file_are_damage(void **state) {
    struct damaged *d = *state;
    put_file(d, d->whole.n - 9);
    expect_damage(d, "SELECT * FROM trades");
    expect_damage(d, "SELECT CAST(symbol AS INT) FROM trades");
    assert_int_equal(unlink(d->path), 0);
    expect_damage(d, "SELECT * FROM trades");
    put_file(d, d->whole.n);
}

static void whole_rows_for_reconcile_say_so_too(void **state) {
    struct damaged *d = *state;
    const struct k2_kind *kind = k2_kind(K2_KIND_TRADE);
    struct query_rows *rows = NULL;
    struct k2_columns columns;
    d->whole.p[100] ^= 1;
    put_file(d, d->whole.n);
    d->whole.p[100] ^= 1;
    world_engine(&d->w);
    k2_columns_init(&columns, kind, 1000);
    int rc = query_rows_open(d->w.engine, kind, NULL, NULL, d->w.in, &rows, &d->w.err);
    if (rc == K2_OK)
        rc = query_rows_next(rows, &columns, &d->w.err);
    query_rows_close(rows);
    k2_columns_free(&columns);
    query_close(d->w.engine);
    d->w.engine = NULL;
    CHECK_STATUS(rc, K2_E_CORRUPT);
    assert_non_null(strstr(d->w.err.msg, d->path));
    put_file(d, d->whole.n);
}

static void a_wrong_statement_over_sound_files_is_no_damage(void **state) {
    struct damaged *d = *state;
    CHECK_STATUS(ask(d, "SELECT CAST(symbol AS INT) FROM trades"), K2_E_INVALID);
    CHECK_STATUS(ask(d, "SELECT regexp_matches(symbol, '(') FROM trades"), K2_E_INVALID);
    CHECK_STATUS(ask(d, "SELECT error(symbol) FROM trades"), K2_E_INVALID);
    CHECK_STATUS(ask(d, "SELECT price * 1e300::DECIMAL(38, 0) FROM trades"), K2_E_INVALID);
    CHECK_STATUS(ask(d, "SELECT nope FROM trades"), K2_E_INVALID);
    CHECK_STATUS(ask(d, "SELECT * FROM nope"), K2_E_NOTFOUND);
}

static void a_statement_that_fails_before_the_files_is_no_damage(void **state) {
    struct damaged *d = *state;
    put_file(d, 20);
    CHECK_STATUS(ask(d, "SELECT nope FROM trades"), K2_E_INVALID);
    CHECK_STATUS(ask(d, "SELECT * FROM quotes"), K2_OK);
    put_file(d, d->whole.n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_file_is_named_whatever_the_engine_says_of_it),
        cmocka_unit_test(without_a_checksum_the_engine_is_believed_when_it_speaks_of_the_file),
        cmocka_unit_test(a_short_and_a_missing_file_are_damage),
        cmocka_unit_test(whole_rows_for_reconcile_say_so_too),
        cmocka_unit_test(a_wrong_statement_over_sound_files_is_no_damage),
        cmocka_unit_test(a_statement_that_fails_before_the_files_is_no_damage),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
