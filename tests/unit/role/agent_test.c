#include "role/agent.h"

#include "base/log.h"
#include "k2test.h"

struct worker { /* an agent's work, as the test wants it to go */
    int rc;     /* of the next steps */
    int64_t rest;
    int steps, resets;
};

static K2_RC work(void *self, int64_t now_ns, int64_t *rest, struct k2_err *err) {
    struct worker *w = self;
    (void)now_ns;
    w->steps++;
    *rest = w->rest;
    return w->rc == K2_OK ? K2_OK : k2_fail(err, w->rc, "trouble %d", w->steps);
}

static void reset(void *self) {
    ((struct worker *)self)->resets++;
}

static const struct agent_ops ops = {work, reset, 0};
static const struct agent_ops eager = {work, NULL, 5 * K2_NS_PER_SEC};

static void a_step_that_works_is_up_and_says_how_long_to_rest(void **state) {
    (void)state;
    struct worker w = {.rest = 7};
    struct agent *a = agent_new("sink", &ops, &w);
    assert_int_equal(agent_view(a).state, AGENT_STARTING);
    assert_int_equal(agent_step(a, 1000), 7);
    struct agent_view v = agent_view(a);
    assert_string_equal(v.name, "sink");
    assert_int_equal(v.state, AGENT_UP);
    assert_int_equal(v.since_ns, 1000);
    assert_int_equal(agent_step(a, 2000), 7);
    assert_int_equal(agent_view(a).since_ns, 1000); /* since the state began */
    assert_int_equal(w.resets, 0);
    agent_free(a);
}

static void the_pause_doubles_with_each_failure_up_to_a_minute(void **state) {
    (void)state;
    struct worker w = {.rc = K2_E_IO};
    struct agent *a = agent_new("sink", &ops, &w);
    const int64_t seconds[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        assert_int_equal(agent_step(a, 5), seconds[i] * K2_NS_PER_SEC);
        assert_int_equal(agent_view(a).state, AGENT_DEGRADED);
        assert_int_equal(w.resets, i + 1);
    }
    assert_int_equal(agent_view(a).failures, 9);
    assert_string_equal(agent_view(a).why, "trouble 9");
    w.rc = K2_OK;
    assert_int_equal(agent_step(a, 6), 0);
    assert_int_equal(agent_view(a).state, AGENT_UP);
    assert_string_equal(agent_view(a).why, "");
    w.rc = K2_E_IO;
    assert_int_equal(agent_step(a, 7), K2_NS_PER_SEC); /* it begins anew */
    agent_free(a);
}

static void an_agent_may_pause_for_less(void **state) {
    (void)state;
    struct worker w = {.rc = K2_E_NOTFOUND};
    struct agent *a = agent_new("feed.x", &eager, &w);
    const int64_t seconds[] = {1, 2, 4, 5, 5};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
        assert_int_equal(agent_step(a, 5), seconds[i] * K2_NS_PER_SEC);
    agent_free(a);
}

static void what_no_trying_mends_is_down_until_it_is_resumed(void **state) {
    (void)state;
    static const int final[] = {K2_E_CORRUPT, K2_E_DATA, K2_E_VERSION};
    for (int i = 0; i < 3; i++) {
        struct worker w = {.rc = final[i]};
        struct agent *a = agent_new("sink", &ops, &w);
        assert_int_equal(agent_step(a, 9), AGENT_FOREVER);
        assert_int_equal(agent_view(a).state, AGENT_DOWN);
        assert_int_equal(agent_view(a).since_ns, 9);
        agent_resume(a);
        assert_int_equal(agent_view(a).state, AGENT_STARTING);
        w.rc = K2_OK;
        agent_step(a, 10);
        assert_int_equal(agent_view(a).state, AGENT_UP);
        agent_free(a);
    }
}

static void the_detail_is_cut_and_never_overflows(void **state) {
    (void)state;
    struct worker w = {0};
    struct agent *a =
        agent_new("a name of more than sixty-four bytes, which nobody would ever choose", &ops, &w);
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    agent_tell(a, "%s", text);
    assert_int_equal(strlen(agent_view(a).detail), sizeof agent_view(a).detail - 1);
    assert_int_equal(strlen(agent_view(a).name), sizeof agent_view(a).name - 1);
    agent_tell(a, "%d rows", 5);
    assert_string_equal(agent_view(a).detail, "5 rows");
    agent_free(a);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR, false); /* failures are expected here */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_that_works_is_up_and_says_how_long_to_rest),
        cmocka_unit_test(the_pause_doubles_with_each_failure_up_to_a_minute),
        cmocka_unit_test(an_agent_may_pause_for_less),
        cmocka_unit_test(what_no_trying_mends_is_down_until_it_is_resumed),
        cmocka_unit_test(the_detail_is_cut_and_never_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
