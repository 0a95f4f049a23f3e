/* The agent on a thread of its own. Nothing here is timed: a step is waited for, and what must not happen
 * would take a second or more to be seen as wrong. */
#include "role/agent.h"

#include "base/log.h"
#include "k2test.h"

#include <pthread.h>
#include <stdatomic.h>

struct worker {
    pthread_mutex_t mutex;
    pthread_cond_t stepped;
    int steps;
    _Atomic int rc;
    _Atomic int64_t rest;
};

static K2_RC work(void *self, int64_t now_ns, int64_t *rest, struct k2_err *err) {
    struct worker *w = self;
    (void)now_ns;
    pthread_mutex_lock(&w->mutex);
    w->steps++;
    pthread_cond_broadcast(&w->stepped);
    pthread_mutex_unlock(&w->mutex);
    *rest = atomic_load(&w->rest);
    int rc = atomic_load(&w->rc);
    return rc == K2_OK ? K2_OK : k2_fail(err, rc, "trouble");
}

static const struct agent_ops ops = {work, NULL, 0};

static void worker_init(struct worker *w, int rc, int64_t rest) {
    *w = (struct worker){.rc = rc, .rest = rest};
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->stepped, NULL);
}

static void worker_fini(struct worker *w) {
    pthread_cond_destroy(&w->stepped);
    pthread_mutex_destroy(&w->mutex);
}

static int steps(struct worker *w) {
    pthread_mutex_lock(&w->mutex);
    int n = w->steps;
    pthread_mutex_unlock(&w->mutex);
    return n;
}

static void wait_for_steps(struct worker *w, int n) {
    pthread_mutex_lock(&w->mutex);
    while (w->steps < n)
        pthread_cond_wait(&w->stepped, &w->mutex);
    pthread_mutex_unlock(&w->mutex);
}

static void wait_for_state(struct agent *a, enum agent_state s) {
    while (agent_view(a).state != s)
        usleep(1000);
}

static void it_works_at_once_and_again_when_it_is_woken(void **state) {
    (void)state;
    struct worker w;
    worker_init(&w, K2_OK, AGENT_FOREVER);
    struct agent *a = agent_new("sink", &ops, &w);
    CHECK_OK(agent_start(a, NULL), &(struct k2_err){0});
    wait_for_steps(&w, 1);
    for (int i = 2; i < 20; i++) {
        agent_wake(a);
        wait_for_steps(&w, i);
    }
    agent_stop(a);
    agent_stop(a); /* twice is fine */
    agent_free(a);
    worker_fini(&w);
}

static void a_wake_during_a_step_is_not_lost(void **state) {
    (void)state;
    struct worker w;
    worker_init(&w, K2_OK, AGENT_FOREVER);
    struct agent *a = agent_new("sink", &ops, &w);
    agent_wake(a); /* before it runs: one step serves both */
    CHECK_OK(agent_start(a, NULL), &(struct k2_err){0});
    for (int i = 0; i < 2000; i++)
        agent_wake(a);
    int seen = steps(&w);
    agent_wake(a);
    wait_for_steps(&w, seen + 1);
    agent_stop(a);
    agent_free(a);
    worker_fini(&w);
}

static void waking_does_not_hurry_one_that_fails(void **state) {
    (void)state;
    struct worker w;
    worker_init(&w, K2_E_IO, 0);
    struct agent *a = agent_new("sink", &ops, &w);
    int64_t start = k2_monotonic_ns();
    CHECK_OK(agent_start(a, NULL), &(struct k2_err){0});
    wait_for_steps(&w, 1);
    while (steps(&w) < 2) {
        agent_wake(a);
        usleep(5000);
    }
    assert_true(k2_monotonic_ns() - start >= K2_NS_PER_SEC);
    agent_resume(a); /* but this does: a pause of two seconds has begun */
    wait_for_steps(&w, 3);
    agent_stop(a);
    agent_free(a);
    worker_fini(&w);
}

static void one_that_is_down_rests_until_it_is_resumed(void **state) {
    (void)state;
    struct worker w;
    worker_init(&w, K2_E_CORRUPT, 0);
    struct agent *a = agent_new("sink", &ops, &w);
    CHECK_OK(agent_start(a, NULL), &(struct k2_err){0});
    wait_for_state(a, AGENT_DOWN);
    for (int i = 0; i < 20; i++) {
        agent_wake(a);
        usleep(5000);
    }
    assert_int_equal(steps(&w), 1);
    atomic_store(&w.rc, K2_OK);
    atomic_store(&w.rest, AGENT_FOREVER);
    agent_resume(a);
    wait_for_state(a, AGENT_UP);
    assert_int_equal(steps(&w), 2);
    agent_stop(a); /* out of a rest for ever */
    agent_free(a);
    worker_fini(&w);
}

static void *look_and_wake(void *arg) {
    struct agent *a = arg;
    for (int i = 0; i < 3000; i++) {
        agent_tell(a, "step %d", i);
        agent_wake(a);
        (void)agent_view(a);
    }
    return NULL;
}

static void many_threads_may_look_and_wake(void **state) {
    (void)state;
    struct worker w;
    pthread_t threads[3];
    worker_init(&w, K2_OK, AGENT_FOREVER);
    struct agent *a = agent_new("sink", &ops, &w);
    CHECK_OK(agent_start(a, NULL), &(struct k2_err){0});
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look_and_wake, a), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    agent_stop(a);
    assert_string_equal(agent_view(a).detail, "step 2999");
    agent_free(a);
    worker_fini(&w);
}

int main(void) {
    k2_log_setup(K2_LOG_ERROR, false); /* failures are expected here */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_works_at_once_and_again_when_it_is_woken),
        cmocka_unit_test(a_wake_during_a_step_is_not_lost),
        cmocka_unit_test(waking_does_not_hurry_one_that_fails),
        cmocka_unit_test(one_that_is_down_rests_until_it_is_resumed),
        cmocka_unit_test(many_threads_may_look_and_wake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
