/* Many clients at once, good ones, silent ones and ones that hang up, and a close in their midst. */
#include "base/clock.h"
#include "base/metrics.h"
#include "k2test.h"
#include "serve/serve.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

enum { THREADS = 6, ROUNDS = 60 };

static atomic_int calls, answered;

static int parts(void *ctx, struct serve_part *out, int max) {
    (void)ctx;
    (void)max;
    out[0] = (struct serve_part){.name = "sink", .detail = "works"};
    atomic_fetch_add(&calls, 1);
    return 1;
}

static int dial(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 10};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Whether an answer with status 200 came. */
static bool get(int port, const char *path, bool wait) {
    char text[256];
    int fd = dial(port);
    if (fd < 0)
        return false;
    int n = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);
    ssize_t got = send(fd, text, (size_t)n, MSG_NOSIGNAL);
    if (wait && got == n)
        got = recv(fd, text, sizeof text, MSG_WAITALL);
    close(fd);
    return wait && got > 12 && strncmp(text, "HTTP/1.1 200", 12) == 0;
}

static void *ask(void *arg) {
    static const char *const paths[] = {"/", "/health", "/metrics"};
    int port = *(int *)arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (get(port, paths[i % 3], i % 10 != 9)) /* each tenth hangs up before the answer */
            atomic_fetch_add(&answered, 1);
    }
    return NULL;
}

static struct serve *open_server(int *port) {
    struct serve_options o = {
        .listen = "127.0.0.1:0", .max_connections = 64, .request_timeout_ns = 5 * K2_NS_PER_SEC};
    struct serve_hooks hooks = {.parts = parts};
    struct serve *s;
    struct k2_err err = {0};
    CHECK_OK(serve_open(&o, &hooks, &s, &err), &err);
    *port = serve_port(s);
    return s;
}

static void all_clients_are_answered_and_none_is_left(void **state) {
    pthread_t threads[THREADS];
    int port;
    (void)state;
    struct serve *s = open_server(&port);
    atomic_store(&answered, 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &port), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&answered), THREADS * ROUNDS / 10 * 9);
    assert_true(atomic_load(&calls) >= THREADS * ROUNDS / 10 * 9 * 2 / 3 - THREADS);
    serve_close(s);
    assert_int_equal(k2_metric_value(k2_metric(K2_METRIC_http_connections, NULL)), 0);
}

static void a_close_among_requests_ends_cleanly(void **state) {
    pthread_t threads[THREADS];
    int port;
    (void)state;
    struct serve *s = open_server(&port);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &port), 0);
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    serve_close(s); /* its hooks are not called any more from here on */
    int after = atomic_load(&calls);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&calls), after);
    assert_int_equal(k2_metric_value(k2_metric(K2_METRIC_http_connections, NULL)), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_clients_are_answered_and_none_is_left),
        cmocka_unit_test(a_close_among_requests_ends_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
