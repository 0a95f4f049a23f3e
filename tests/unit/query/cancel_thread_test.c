/* Cancelling from another thread, time limits, and that an engine lives on after both. */
#include "world.h"

#include <pthread.h>
#include <stdatomic.h>

/* libduckdb is not instrumented: what it does between its own threads cannot be judged here. */
#define EXPORTED __attribute__((visibility("default")))
EXPORTED const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) {
    return "race:libduckdb.so\nmutex:libduckdb.so\ndeadlock:libduckdb.so\n"
           "called_from_lib:libduckdb.so\n";
}

#define ENDLESS "select sum(a.range * b.range) from range(10000000) a, range(10000000) b"

static int set_up(void **state) {
    static struct world w;
    world_open(&w);
    *state = &w;
    return 0;
}

static int tear_down(void **state) {
    world_close(*state);
    return 0;
}

static int run_and_read(struct query_engine *q, const char *sql, struct k2_err *err) {
    struct query_request request = {.sql = k2_sv_of(sql)};
    struct query_result *result;
    int rc = query_run(q, &request, &result, err);
    if (rc != K2_OK)
        return rc;
    FILE *out = fopen("/dev/null", "w");
    rc = query_print(result, QUERY_CSV, 0, out, NULL, err);
    fclose(out);
    query_result_free(result);
    return rc;
}

static void *cancel_soon(void *engine) {
    usleep(200000);
    query_cancel(engine);
    return NULL;
}

static void another_thread_stops_a_query(void **state) {
    struct world *w = *state;
    struct query_engine *q;
    pthread_t thread;
    CHECK_OK(query_open(w->dir, &(struct query_options){.threads = 2}, &q, &w->err), &w->err);
    pthread_create(&thread, NULL, cancel_soon, q);
    CHECK_STATUS(run_and_read(q, ENDLESS, &w->err), K2_E_CANCELLED);
    pthread_join(thread, NULL);
    assert_non_null(strstr(w->err.msg, "cancelled"));
    CHECK_OK(run_and_read(q, "select 1", &w->err), &w->err);
    query_close(q);
}

static void a_time_limit_stops_running_and_reading(void **state) {
    struct world *w = *state;
    struct query_engine *q;
    struct query_options options = {.threads = 2, .timeout_ns = K2_NS_PER_SEC};
    CHECK_OK(query_open(w->dir, &options, &q, &w->err), &w->err);
    CHECK_STATUS(run_and_read(q, ENDLESS, &w->err), K2_E_CANCELLED);
    assert_non_null(strstr(w->err.msg, "time limit of 1.000 s"));
    CHECK_OK(run_and_read(q, "select 1", &w->err), &w->err);
    /* A stream of rows without end is stopped while it is read. */
    CHECK_STATUS(
        run_and_read(q, "select a.range from range(10000000) a, range(10000000) b", &w->err),
        K2_E_CANCELLED);
    CHECK_OK(run_and_read(q, "select 1", &w->err), &w->err);
    query_close(q);
}

struct canceller {
    struct query_engine *engine;
    atomic_bool enough;
};

static void *cancel_often(void *arg) {
    struct canceller *c = arg;
    while (!atomic_load(&c->enough)) {
        usleep(1000);
        query_cancel(c->engine);
    }
    return NULL;
}

/* Wherever the cancel falls, the query answers or is cancelled, and the next ones work. */
static void cancels_at_any_moment_leave_the_engine_whole(void **state) {
    struct world *w = *state;
    struct query_engine *q;
    pthread_t thread;
    int rc = K2_OK, cancelled = 0;
    CHECK_OK(query_open(w->dir, &(struct query_options){.threads = 1}, &q, &w->err), &w->err);
    struct canceller canceller = {.engine = q};
    pthread_create(&thread, NULL, cancel_often, &canceller);
    for (int i = 0; (i < 300 || cancelled == 0) && (rc == K2_OK || rc == K2_E_CANCELLED); i++) {
        rc = run_and_read(q, "select 1; select count(*) from trades; from ticks", &w->err);
        cancelled += rc == K2_E_CANCELLED;
    }
    atomic_store(&canceller.enough, true);
    pthread_join(thread, NULL);
    if (rc != K2_E_CANCELLED)
        CHECK_OK(rc, &w->err);
    CHECK_OK(run_and_read(q, "select count(*) from trades", &w->err), &w->err);
    query_close(q);
}

static void *ask_many(void *dir) {
    struct query_engine *q;
    struct k2_err err = {0};
    CHECK_OK(query_open(dir, &(struct query_options){.threads = 1}, &q, &err), &err);
    for (int i = 0; i < 10; i++)
        CHECK_OK(run_and_read(q, "select count(*) from trades where symbol = 'A'", &err), &err);
    query_close(q);
    return NULL;
}

static void engines_of_one_directory_are_independent(void **state) {
    struct world *w = *state;
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, ask_many, w->dir);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_thread_stops_a_query),
        cmocka_unit_test(a_time_limit_stops_running_and_reading),
        cmocka_unit_test(cancels_at_any_moment_leave_the_engine_whole),
        cmocka_unit_test(engines_of_one_directory_are_independent),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
