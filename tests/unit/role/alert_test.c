#include "role/alert.h"

#include "webserver.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/metrics.h"

#define NOW (INT64_C(1772445600) * K2_NS_PER_SEC)

struct place {
    struct webserver server;
    int statuses[8]; /* of the answers, in turn; 0 = 200 */
    int answered;
    char *dir;
    struct k2_config *config;
    struct alerter *a;
    int64_t now_ns;
};

static int answer(void *ctx, const char *target, char *body, size_t size) {
    struct place *p = ctx;
    assert_string_equal(target, "/hook");
    snprintf(body, size, "taken");
    int i = p->answered++;
    return i < 8 && p->statuses[i] ? p->statuses[i] : 200;
}

static void make_place(struct place *p) {
    struct k2_err err;
    char path[5000], url[64];
    p->server = (struct webserver){.answer = answer, .ctx = p};
    p->now_ns = NOW;
    webserver_start(&p->server);
    p->dir = k2test_dir();
    snprintf(path, sizeof path, "%s/k2.ini", p->dir);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/hook", p->server.port);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "[alert]\nwebhook = %s\noutage_after = 30s\n", url);
    fclose(f);
    CHECK_OK(k2_config_load(path, &p->config, &err), &err);
    char *run = k2_path(p->dir, "run");
    CHECK_OK(k2_fs_mkdirs(run, &err), &err);
    free(run);
    p->a = alerter_new(p->dir, p->config);
}

static void free_place(struct place *p) {
    alerter_free(p->a);
    webserver_stop(&p->server);
    k2_config_free(p->config);
    k2test_rmdir(p->dir);
}

static void work(struct place *p, int steps) {
    for (int i = 0; i < steps; i++)
        (void)agent_step(alerter_agent(p->a), p->now_ns);
}

static struct seq_step gap(enum seq_state state, int64_t missing, bool halts) {
    return (struct seq_step){.exchange = K2_SV("BINANCE"),
                             .channel = K2_SV("BTC/USDT"),
                             .kind = K2_KIND_TRADE,
                             .trade_date = 20514,
                             .from = 301,
                             .to = 300 + missing,
                             .missing = state == SEQ_FILLED ? 0 : missing,
                             .state = state,
                             .halts = halts,
                             .time_ns = NOW,
                             .opened_ns = NOW,
                             .source = K2_SV("a \"file\"")};
}

static struct seq_step lost(enum seq_state state) {
    return (struct seq_step){.cause = SEQ_DISCONNECT,
                             .exchange = K2_SV("BINANCE"),
                             .channel = K2_SV("btc"),
                             .kind = SEQ_SHARED,
                             .trade_date = 20514,
                             .from = NOW,
                             .to = state == SEQ_FILLED ? NOW + 1 : K2_NULL_LONG,
                             .missing = K2_NULL_LONG,
                             .state = state,
                             .opened_ns = NOW,
                             .why = K2_SV("reset by peer")};
}

static void note(struct place *p, struct seq_step s) {
    alerter_note(p->a, &s);
}

static bool said(const struct place *p, int i, const char *text) {
    return i < p->server.asked && strstr(p->server.bodies[i], text) != NULL;
}

static void gaps_to_recover_and_halts_are_posted_and_so_is_their_end(void **state) {
    (void)state;
    struct place p = {0};
    make_place(&p);
    note(&p, gap(SEQ_OPENED, 9, false)); /* small: only logged */
    note(&p, gap(SEQ_REQUESTED, 20, false));
    work(&p, 3);
    assert_int_equal(p.server.asked, 1);
    assert_true(said(&p, 0, "\"id\":\"BINANCE/2026-03-02/BTC%2FUSDT/trade/0/301\""));
    assert_true(said(&p, 0, "\"level\":\"page\""));
    assert_true(said(&p, 0, "\"missing\":20"));
    assert_true(said(&p, 0, "a \\\"file\\\""));
    note(&p, gap(SEQ_FILLED, 20, false));
    note(&p, gap(SEQ_FILLED, 20, false)); /* nobody was told of it any more */
    work(&p, 3);
    assert_int_equal(p.server.asked, 2);
    assert_true(said(&p, 1, "\"level\":\"resolved\""));
    note(&p, gap(SEQ_OPENED, 200, true));
    work(&p, 2);
    assert_true(said(&p, 2, "halt"));
    free_place(&p);
}

static void a_lost_connection_is_posted_only_when_it_lasts(void **state) {
    (void)state;
    struct place p = {0};
    make_place(&p);
    note(&p, lost(SEQ_OPENED));
    p.now_ns = NOW + 29 * K2_NS_PER_SEC;
    assert_int_equal(agent_step(alerter_agent(p.a), p.now_ns), K2_NS_PER_SEC);
    note(&p, lost(SEQ_FILLED));
    p.now_ns = NOW + 31 * K2_NS_PER_SEC;
    work(&p, 2);
    assert_int_equal(p.server.asked, 0);
    note(&p, lost(SEQ_OPENED));
    work(&p, 2);
    assert_int_equal(p.server.asked, 1);
    assert_true(said(&p, 0, "reset by peer"));
    assert_true(said(&p, 0, "\"cause\":\"DISCONNECT\""));
    note(&p, lost(SEQ_FILLED));
    work(&p, 2);
    assert_true(said(&p, 1, "\"level\":\"resolved\""));
    free_place(&p);
}

static void a_server_that_fails_is_asked_again_and_one_that_refuses_is_not(void **state) {
    (void)state;
    struct place p = {.statuses = {503, 503, 200, 403, 200}};
    make_place(&p);
    int64_t failed = k2_metric_value(k2_metric(K2_METRIC_alerts_failed, NULL));
    note(&p, gap(SEQ_REQUESTED, 20, false));
    work(&p, 1);
    assert_int_equal(agent_view(alerter_agent(p.a)).state, AGENT_DEGRADED);
    p.now_ns += 60 * K2_NS_PER_SEC;
    work(&p, 1);
    p.now_ns += 60 * K2_NS_PER_SEC;
    work(&p, 2);
    assert_int_equal(p.server.asked, 3);
    assert_string_equal(p.server.bodies[0], p.server.bodies[2]);
    assert_int_equal(agent_view(alerter_agent(p.a)).state, AGENT_UP);
    note(&p, gap(SEQ_OPENED, 200, true));
    work(&p, 3);
    assert_int_equal(p.server.asked, 4);
    assert_int_equal(k2_metric_value(k2_metric(K2_METRIC_alerts_failed, NULL)), failed + 1);
    free_place(&p);
}

static void a_full_queue_takes_no_more_and_counts_it(void **state) {
    (void)state;
    struct place p = {0};
    make_place(&p);
    int64_t before = k2_metric_value(k2_metric(K2_METRIC_alerts_dropped, NULL));
    for (int i = 0; i < 300; i++) {
        struct seq_step s = gap(SEQ_REQUESTED, 20, false);
        s.from += i * 1000;
        note(&p, s);
    }
    assert_int_equal(k2_metric_value(k2_metric(K2_METRIC_alerts_dropped, NULL)),
                     before + 300 - 256);
    free_place(&p);
    assert_int_equal(k2_metric_value(k2_metric(K2_METRIC_alerts_dropped, NULL)), before + 300);
}

static void the_end_of_what_an_earlier_run_paged_is_told(void **state) {
    (void)state;
    struct place p = {0};
    make_place(&p);
    note(&p, gap(SEQ_REQUESTED, 20, false));
    work(&p, 2);
    assert_int_equal(p.server.asked, 1);
    for (int i = 0; i < 2; i++) { /* the second run finds nothing to tell any more */
        alerter_free(p.a);
        p.a = alerter_new(p.dir, p.config);
        note(&p, gap(SEQ_FILLED, 20, false));
        work(&p, 2);
        assert_int_equal(p.server.asked, 2);
    }
    assert_true(said(&p, 1, "\"level\":\"resolved\""));
    free_place(&p);
}

static void what_ends_while_its_page_may_have_arrived_is_told_to_be_over(void **state) {
    (void)state;
    struct place p = {.statuses = {503}};
    make_place(&p);
    note(&p, gap(SEQ_REQUESTED, 20, false));
    work(&p, 1); /* tried; the answer says nothing about who read it */
    note(&p, gap(SEQ_FILLED, 20, false));
    for (int i = 0; i < 5; i++) {
        p.now_ns += 120 * K2_NS_PER_SEC;
        work(&p, 2);
    }
    assert_int_equal(p.server.asked, 3);
    assert_true(said(&p, 1, "\"level\":\"page\""));
    assert_true(said(&p, 2, "\"level\":\"resolved\""));
    free_place(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps_to_recover_and_halts_are_posted_and_so_is_their_end),
        cmocka_unit_test(a_lost_connection_is_posted_only_when_it_lasts),
        cmocka_unit_test(a_server_that_fails_is_asked_again_and_one_that_refuses_is_not),
        cmocka_unit_test(the_end_of_what_an_earlier_run_paged_is_told),
        cmocka_unit_test(what_ends_while_its_page_may_have_arrived_is_told_to_be_over),
        cmocka_unit_test(a_full_queue_takes_no_more_and_counts_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
