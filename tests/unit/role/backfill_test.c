/* Trades from a venue's REST API: asked for page by page, in pieces that do not grow with the gap. */
#include "role/backfill.h"
#include "webserver.h"

#include <inttypes.h>

struct venue {
    struct webserver web;
    char url[64];
    int64_t last; /* trade that it has */
    bool lies;    /* it answers what was not asked for, again and again */
};

/* Short ones, so that a thousand fit the server's page. */
static int answer(void *ctx, const char *target, char *body, size_t size) {
    const struct venue *v = ctx;
    int64_t from = 0, limit = 0;
    size_t n = 1;
    assert_int_equal(
        sscanf(strstr(target, "fromId="), "fromId=%" SCNd64 "&limit=%" SCNd64, &from, &limit), 2);
    assert_in_range(limit, 1, 1000);
    from = v->lies ? 1 : from;
    snprintf(body, size, "[");
    for (int64_t i = from; i < from + limit && i <= v->last; i++)
        n += (size_t)snprintf(body + n, size - n, "%s{\"id\":%" PRId64 ",\"price\":\"1\"}",
                              i > from ? "," : "", i);
    snprintf(body + n, size - n, "]");
    return 200;
}

static void start(struct venue *v) {
    v->web.answer = answer;
    v->web.ctx = v;
    webserver_start(&v->web);
    snprintf(v->url, sizeof v->url, "http://127.0.0.1:%d/", v->web.port);
}

static int64_t ask(struct venue *v, int64_t from, int64_t to, size_t most, struct k2_buf *out) {
    struct k2_err err;
    int64_t through = -1;
    CHECK_OK(backfill_trades(v->url, "", K2_SV("BTCUSDT"), from, to, most, out, &through, &err),
             &err);
    return through;
}

static size_t lines_of(const struct k2_buf *b) {
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++)
        n += b->p[i] == '\n';
    return n;
}

static void a_long_gap_comes_in_pieces_of_whole_pages(void **state) {
    (void)state;
    enum { ALL = 20500, PIECE = 100000 };
    struct venue v = {.last = INT64_MAX - 5000};
    int64_t next = 1;
    size_t lines = 0, capacity = 0;
    int pieces = 0;
    start(&v);
    while (next <= ALL) {
        struct k2_buf out = {0};
        next = ask(&v, next, ALL, PIECE, &out) + 1;
        assert_true(next > ALL || next % 1000 == 1);
        lines += lines_of(&out);
        capacity = out.n > capacity ? out.n : capacity;
        k2_buf_free(&out);
        pieces++;
    }
    assert_int_equal(next, ALL + 1);
    assert_int_equal(lines, ALL);
    assert_in_range(pieces, 5, 20);
    assert_in_range(capacity, PIECE, PIECE + 100000); /* a page more than a piece */
    assert_int_equal(atomic_load(&v.web.asked), 21);
    assert_non_null(strstr(v.web.targets[1], "symbol=BTCUSDT&fromId=1001&limit=1000"));
    assert_non_null(strstr(v.web.targets[20], "fromId=20001&limit=500"));
    webserver_stop(&v.web);
}

static void what_it_does_not_have_is_not_said_to_be_asked_for(void **state) {
    (void)state;
    struct venue v = {.last = 1500};
    struct k2_buf out = {0};
    start(&v);
    assert_int_equal(ask(&v, 1, 3000, 1 << 20, &out), 1500);
    assert_int_equal(lines_of(&out), 1500);
    out.n = 0;
    assert_int_equal(ask(&v, 1501, 3000, 1 << 20, &out), 1500);
    assert_int_equal(out.n, 0);
    k2_buf_free(&out);
    webserver_stop(&v.web);
}

static void who_answers_the_same_again_and_again_is_asked_no_more(void **state) {
    (void)state;
    struct venue v = {.last = 5000, .lies = true};
    struct k2_buf out = {0};
    start(&v);
    assert_int_equal(ask(&v, 1, 3000, 1 << 20, &out), 1000);
    assert_int_equal(lines_of(&out), 1000);
    assert_int_equal(atomic_load(&v.web.asked), 2);
    k2_buf_free(&out);
    webserver_stop(&v.web);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_gap_comes_in_pieces_of_whole_pages),
        cmocka_unit_test(what_it_does_not_have_is_not_said_to_be_asked_for),
        cmocka_unit_test(who_answers_the_same_again_and_again_is_asked_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
