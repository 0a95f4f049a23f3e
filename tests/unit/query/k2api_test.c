/* The public C API: streams, errors, ownership, and cancelling. */
#include "world.h"

#include "k2/k2.h"
#include "query/arrow.h"

static int set_up(void **state) {
    static struct world w;
    world_open(&w);
    for (int i = 0; i < 5000; i++) {
        struct k2_event e =
            world_trade(&w, "ASX", "BHP", world_time("2014-03-10T10:00:00Z") + i, i, 1);
        world_append(&w, &e);
    }
    world_commit(&w);
    world_sink(&w);
    *state = &w;
    return 0;
}

static int tear_down(void **state) {
    world_close(*state);
    return 0;
}

static k2_handle *open_handle(struct world *w) {
    k2_handle *k2;
    char error[256];
    if (k2_open(w->dir, &k2, error, sizeof error) != 0)
        fail_msg("%s", error);
    return k2;
}

static int64_t count_rows(struct ArrowArrayStream *s) {
    int64_t rows = 0;
    for (;;) {
        struct ArrowArray array;
        assert_int_equal(s->get_next(s, &array), 0);
        if (!array.release)
            return rows;
        rows += array.length;
        array.release(&array);
    }
}

static void rows_come_as_an_arrow_stream(void **state) {
    k2_handle *k2 = open_handle(*state);
    struct ArrowArrayStream s;
    struct ArrowSchema schema;
    char error[256];
    struct k2_param param = {"s", "BHP"};
    assert_int_equal(
        k2_query_arrow(k2,
                       "select price, exchange_timestamp, conditions, extra, sum(1) over "
                       "() as h from trades where symbol = $s",
                       &param, 1, NULL, &s, error, sizeof error),
        0);
    assert_int_equal(s.get_schema(&s, &schema), 0);
    assert_int_equal(schema.n_children, 5);
    static const char *const formats[] = {"d:20,9,128", "tsu:UTC", "+l", "+m", "d:38,0"};
    for (int i = 0; i < 5; i++)
        assert_string_equal(schema.children[i]->format, formats[i]);
    schema.release(&schema);
    assert_int_equal(count_rows(&s), 5000);
    s.release(&s);
    assert_null(s.release);
    k2_close(k2);
}

static void a_stream_outlives_its_handle_and_the_next_query_without_its_rows(void **state) {
    k2_handle *k2 = open_handle(*state);
    struct ArrowArrayStream a, b;
    struct ArrowArray array;
    assert_int_equal(k2_query_arrow(k2, "from trades", NULL, 0, NULL, &a, NULL, 0), 0);
    assert_int_equal(k2_query_arrow(k2, "from trades", NULL, 0, NULL, &b, NULL, 0), 0);
    assert_int_not_equal(a.get_next(&a, &array), 0);
    assert_non_null(strstr(a.get_last_error(&a), "gone"));
    assert_int_equal(b.get_next(&b, &array), 0);
    k2_close(k2);
    assert_true(array.length > 0); /* a batch belongs to whom it was given */
    array.release(&array);
    assert_int_not_equal(b.get_next(&b, &array), 0);
    a.release(&a);
    b.release(&b);
}

static void errors_have_a_number_and_a_message(void **state) {
    k2_handle *k2 = open_handle(*state), *none;
    struct ArrowArrayStream s;
    char error[256];
    static const struct {
        const char *sql, *as_of;
        int code;
    } cases[] = {
        {"selec", NULL, K2_ERR_UNSUPPORTED},
        {"select 1 +", NULL, K2_ERR_INVALID},
        {"from nosuch", NULL, K2_ERR_NOTFOUND},
        {"drop view trades", NULL, K2_ERR_UNSUPPORTED},
        {"from trades", "not a time", K2_ERR_INVALID},
        {"from trades", "2200-01-01", K2_ERR_INVALID},
        {"from trades", "trades@x", K2_ERR_INVALID},
        {"from trades", "trades@7", K2_ERR_NOTFOUND},
        {"", NULL, K2_ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        error[0] = 0;
        int code =
            k2_query_arrow(k2, cases[i].sql, NULL, 0, cases[i].as_of, &s, error, sizeof error);
        if (code != cases[i].code)
            fail_msg("%s: %d %s", cases[i].sql, code, error);
        assert_true(strlen(error) > 10);
        assert_null(s.release);
    }
    assert_int_equal(k2_open("/nonexistent", &none, error, sizeof error), K2_ERR_NOTFOUND);
    assert_null(none);
    if (k2_query_arrow(k2, "from trades", NULL, 0, "2000-01-01", &s, error, sizeof error) != 0)
        fail_msg("%s", error);
    assert_int_equal(count_rows(&s), 0);
    s.release(&s);
    k2_cancel(k2); /* nothing runs: nothing happens */
    assert_int_equal(k2_query_arrow(k2, "from trades", NULL, 0, "now", &s, error, sizeof error), 0);
    assert_int_equal(count_rows(&s), 5000);
    s.release(&s);
    k2_close(k2);
    k2_close(NULL);
    assert_int_equal(strncmp(k2_version(), "0.", 2), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_as_an_arrow_stream),
        cmocka_unit_test(a_stream_outlives_its_handle_and_the_next_query_without_its_rows),
        cmocka_unit_test(errors_have_a_number_and_a_message),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
