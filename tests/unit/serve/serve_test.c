/* The HTTP server over loopback, spoken to through raw sockets. */
#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "k2test.h"
#include "serve/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

/* --- a server and its client --- */

struct world {
    struct serve *serve;
    struct serve_part parts[3];
    int count;
    atomic_int sleep_ms; /* how long the hook takes */
    atomic_int inside;   /* hooks that run */
};

static int parts(void *ctx, struct serve_part *out, int max) {
    struct world *w = ctx;
    atomic_fetch_add(&w->inside, 1);
    int ms = atomic_load(&w->sleep_ms);
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
    int n = w->count < max ? w->count : max;
    memcpy(out, w->parts, (size_t)n * sizeof *out);
    return n;
}

static void start_with(struct world *w, struct serve_options options) {
    struct k2_err err = {0};
    struct serve_hooks hooks = {.ctx = w, .data = "/srv/<k2> & data", .parts = parts};
    options.listen = options.listen ? options.listen : "127.0.0.1:0";
    CHECK_OK(serve_open(&options, &hooks, &w->serve, &err), &err);
}

static int setup(void **state) {
    struct world *w = calloc(1, sizeof *w);
    w->count = 2;
    w->parts[0] = (struct serve_part){.name = "sink", .detail = "127 rows behind"};
    w->parts[1] = (struct serve_part){.name = "feed.asx", .since_ns = 1772445600 * K2_NS_PER_SEC};
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    serve_close(w->serve);
    free(w);
    return 0;
}

static int dial(const struct world *w) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)serve_port(w->serve)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void say(int fd, const char *bytes, size_t n) {
    while (n) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return; /* it hung up on us, which the answer will tell */
        bytes += sent;
        n -= (size_t)sent;
    }
}

/* All that comes until the server closes; false if that takes longer than 10 s. */
static bool hear(int fd, struct k2_buf *out) {
    int64_t until = k2_monotonic_ns() + 10 * K2_NS_PER_SEC;
    while (k2_monotonic_ns() < until) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 100) <= 0)
            continue;
        ssize_t n = recv(fd, k2_buf_need(out, 65536), 65536, 0);
        if (n <= 0)
            return true;
        out->n += (size_t)n;
    }
    return false;
}

struct answer {
    int status;
    struct k2_buf all;
    const char *head, *body;
};

static struct answer heard(int fd) {
    struct answer a = {0};
    assert_true(hear(fd, &a.all));
    close(fd);
    a.head = k2_buf_cstr(&a.all);
    const char *blank = strstr(a.head, "\r\n\r\n");
    a.body = blank ? blank + 4 : "";
    if (strncmp(a.head, "HTTP/1.", 7) == 0)
        a.status = atoi(a.head + 9);
    return a;
}

static struct answer ask_bytes(const struct world *w, const char *bytes, size_t n) {
    int fd = dial(w);
    say(fd, bytes, n);
    shutdown(fd, SHUT_WR);
    return heard(fd);
}

static struct answer ask(const struct world *w, const char *method, const char *target,
                         const char *headers) {
    struct k2_buf text = {0};
    k2_buf_printf(&text, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method,
                  target, headers);
    int fd = dial(w);
    say(fd, (char *)text.p, text.n);
    k2_buf_free(&text);
    return heard(fd);
}

static void done(struct answer *a) {
    k2_buf_free(&a->all);
}

static void assert_has(const char *text, const char *part) {
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

/* The body is a problem with that status; gives its detail. */
static char *problem_detail(const struct answer *a) {
    struct k2_json *v;
    struct k2_err err = {0};
    int64_t status;
    struct k2_sv detail;
    assert_has(a->head, "Content-Type: application/problem+json\r\n");
    CHECK_OK(k2_json_parse(k2_sv_of(a->body), &v, &err), &err);
    assert_true(k2_json_as_int(k2_json_get(v, "status"), &status));
    assert_int_equal(status, a->status);
    assert_true(k2_json_as_string(k2_json_get(v, "detail"), &detail));
    char *copy = k2_sv_dup(detail);
    k2_json_free(v);
    return copy;
}

static void assert_problem(struct answer a, int status, const char *detail) {
    if (a.status != status)
        fail_msg("got %d, expected %d:\n%.300s", a.status, status, a.head);
    char *text = problem_detail(&a);
    assert_has(text, detail);
    free(text);
    done(&a);
}

/* --- what is asked for --- */

static void the_page_is_text_for_curl_json_for_programs_html_for_browsers(void **state) {
    struct world *w = *state;
    start_with(w, (struct serve_options){0});
    struct answer a = ask(w, "GET", "/", "Accept: */*\r\n");
    assert_int_equal(a.status, 200);
    assert_has(a.head, "Content-Type: text/plain");
    assert_has(a.body, "127 rows behind");
    assert_has(a.body, "/metrics");
    done(&a);
    a = ask(w, "GET", "/", "Accept: application/json\r\n");
    struct k2_json *v;
    struct k2_sv text;
    CHECK_OK(k2_json_parse(k2_sv_of(a.body), &v, NULL), &(struct k2_err){0});
    assert_true(k2_json_as_string(k2_json_get(v, "data"), &text));
    assert_string_equal(text.p, "/srv/<k2> & data");
    assert_int_equal(k2_json_count(k2_json_get(v, "parts")), 2);
    assert_true(k2_json_count(k2_json_get(v, "routes")) >= 5);
    k2_json_free(v);
    done(&a);
    a = ask(w, "GET", "/", "Accept: text/html,application/xml;q=0.9,*/*;q=0.8\r\n");
    assert_has(a.head, "Content-Type: text/html");
    assert_has(a.body, "/srv/&lt;k2> &amp; data");
    assert_has(a.body, "</html>");
    assert_null(strstr(a.body, "src="));
    done(&a);
}

static void health_is_503_while_a_part_is_starting_or_down(void **state) {
    struct world *w = *state;
    start_with(w, (struct serve_options){0});
    static const struct {
        enum serve_state state;
        int status;
    } cases[] = {{SERVE_UP, 200}, {SERVE_DEGRADED, 200}, {SERVE_STARTING, 503}, {SERVE_DOWN, 503}};
    for (size_t i = 0; i < 4; i++) {
        w->parts[1].state = cases[i].state;
        snprintf(w->parts[1].why, sizeof w->parts[1].why, "case %zu", i);
        struct answer a = ask(w, "GET", "/health", "");
        assert_int_equal(a.status, cases[i].status);
        assert_has(a.body, serve_state_name(cases[i].state));
        assert_has(a.body, "2026-03-02T10:00:00.000000000Z");
        done(&a);
        a = ask(w, "GET", "/health/ready", "");
        assert_int_equal(a.status, cases[i].status);
        if (a.status == 503)
            assert_has(a.body, w->parts[1].why);
        done(&a);
        a = ask(w, "GET", "/health/live", "");
        assert_int_equal(a.status, 200);
        done(&a);
    }
}

static void metrics_come_in_the_format_that_is_asked_for(void **state) {
    struct world *w = *state;
    start_with(w, (struct serve_options){0});
    struct answer a = ask(w, "GET", "/metrics", "");
    assert_int_equal(a.status, 200);
    assert_has(a.head, "text/plain; version=0.0.4");
    assert_null(strstr(a.body, "# EOF"));
    done(&a);
    a = ask(
        w, "GET", "/metrics",
        "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n");
    assert_has(a.head, "application/openmetrics-text; version=1.0.0");
    assert_has(a.body, "k2_http_requests_total{route=\"/metrics\",code=\"200\"} ");
    assert_has(a.body, "\n# EOF\n");
    done(&a);
}

static void head_has_the_headers_of_get_and_no_body(void **state) {
    struct world *w = *state;
    start_with(w, (struct serve_options){0});
    struct answer get = ask(w, "GET", "/health/live", ""),
                  head = ask(w, "HEAD", "/health/live", "");
    assert_int_equal(head.status, 200);
    assert_has(get.head, "Content-Length: 5\r\n");
    assert_has(head.head, "Content-Length: 5\r\n");
    assert_string_equal(get.body, "live\n");
    assert_string_equal(head.body, "");
    done(&get);
    done(&head);
}

static void a_connection_carries_many_requests(void **state) {
    struct world *w = *state;
    start_with(w, (struct serve_options){0});
    static const char one[] = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n",
                      last[] = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    int fd = dial(w), live = 0;
    for (int i = 0; i < 20; i++) /* all at once: pipelined */
        say(fd, one, sizeof one - 1);
    say(fd, last, sizeof last - 1);
    struct answer a = heard(fd);
    for (const char *p = a.head; (p = strstr(p, "\r\n\r\nlive\n")); p++)
        live++;
    assert_int_equal(live, 20);
    assert_has(a.head, "routes");
    done(&a);
}

/* --- what is refused --- */

static void an_unknown_path_names_the_nearest(void **state) {
    struct world *w = *state;
    start_with(w, (struct serve_options){0});
    assert_problem(ask(w, "GET", "/metric", ""), 404, "did you mean /metrics?");
    assert_problem(ask(w, "GET", "/health/readyy", ""), 404, "did you mean /health/ready?");
    assert_problem(ask(w, "GET", "/completely/elsewhere", ""), 404, "GET / lists what is here");
    assert_problem(ask(w, "GET", "/metrics/../health", ""), 404, "nothing at /metrics/../health");
    struct answer a = ask(w, "GET", "/%6Detrics?x=1&y=%zz", ""); /* the same path, encoded */
    assert_int_equal(a.status, 200);
    done(&a);
}

static void a_method_that_writes_is_refused_and_told_what_is_allowed(void **state) {
    struct world *w = *state;
    start_with(w, (struct serve_options){0});
    static const char *const methods[] = {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        struct answer a = ask(w, methods[i], "/metrics", "Content-Length: 0\r\n");
        assert_has(a.head, "Allow: GET, HEAD\r\n");
        assert_problem(a, 405, methods[i]);
    }
}

static void a_broken_path_is_a_bad_request(void **state) {
    struct world *w = *state;
    start_with(w, (struct serve_options){0});
    assert_problem(ask(w, "GET", "/metrics%00x", ""), 400, "control character");
    assert_problem(ask(w, "GET", "/metrics%0a", ""), 400, "control character");
    assert_problem(ask(w, "GET", "/%g0", ""), 400, "two hex digits");
    assert_problem(ask(w, "GET", "/%4", ""), 400, "two hex digits");
    assert_problem(ask(w, "GET", "metrics", ""), 400, "begins with '/'");
}

static void what_is_too_large_is_told_so(void **state) {
    struct world *w = *state;
    start_with(w, (struct serve_options){0});
    static char path[9000], headers[18000], huge[70000];
    memset(path, 'a', sizeof path - 1);
    path[0] = '/';
    assert_problem(ask(w, "GET", path, ""), 414, "longer than 8000 bytes");
    memset(headers, 'b', sizeof headers - 1);
    memcpy(headers, "X-Long: ", 8);
    memcpy(headers + sizeof headers - 3, "\r\n", 2);
    assert_problem(ask(w, "GET", "/", headers), 431, "larger than 16384 bytes");
    assert_problem(ask(w, "POST", "/", "Content-Length: 99999999\r\n"), 413, "body");
    memset(huge, 'c', sizeof huge - 1); /* larger than the library's own buffer: in its own words */
    memcpy(huge, "X-Huge: ", 8);
    memcpy(huge + sizeof huge - 3, "\r\n", 2);
    struct answer a = ask(w, "GET", "/", huge);
    assert_true(a.status == 431 || a.status == 413 || a.status == 414 || a.all.n == 0);
    done(&a);
    a = ask(w, "GET", "/health/live", "");
    assert_int_equal(a.status, 200);
    done(&a);
}

static void a_body_that_never_ends_is_cut_off(void **state) {
    struct world *w = *state;
    start_with(w, (struct serve_options){0});
    static const char head[] =
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    static char chunk[65536 + 9];
    memcpy(chunk, "10000\r\n", 7);
    memset(chunk + 7, 'x', 65536);
    memcpy(chunk + 7 + 65536, "\r\n", 2);
    int fd = dial(w), sent = 0;
    say(fd, head, sizeof head - 1);
    for (; sent < 64; sent++) {
        if (send(fd, chunk, sizeof chunk, MSG_NOSIGNAL) < 0)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    struct answer a = heard(fd);
    assert_true(a.status != 200);
    assert_true(sent < 64);
    done(&a);
}

static void a_foreign_host_is_refused_and_a_local_one_is_not(void **state) {
    struct world *w = *state;
    start_with(w, (struct serve_options){0});
    static const struct {
        const char *host;
        int status;
    } cases[] = {{"localhost", 200},         {"LOCALHOST:7420", 200},
                 {"127.0.0.1:1", 200},       {"[::1]:80", 200},
                 {"k2.localhost:1", 200},    {"evil.example", 403},
                 {"localhost.example", 403}, {"10.1.2.3", 403},
                 {"127.0.0.1.example", 403}, {"", 403}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct k2_buf text = {0};
        k2_buf_printf(&text, "GET /health/live HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                      cases[i].host);
        struct answer a = ask_bytes(w, (char *)text.p, text.n);
        if (a.status != cases[i].status)
            fail_msg("host '%s': %d", cases[i].host, a.status);
        done(&a);
        k2_buf_free(&text);
    }
}

static void nonsense_is_answered_with_an_error_or_closed(void **state) {
    struct world *w = *state;
    start_with(w, (struct serve_options){.request_timeout_ns = 200 * K2_NS_PER_MS});
    static const char *const requests[] = {
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", /* no Host */
        "GET / HTTP/1.1\r\nHost localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", /* TLS */
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost", /* cut off */
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct answer a = ask_bytes(w, requests[i], strlen(requests[i]));
        if (a.status != 0 && (a.status < 400 || a.status > 599))
            fail_msg("request %zu: %d", i, a.status);
        done(&a);
    }
    uint64_t seed = k2test_seed();
    for (int i = 0; i < 50; i++) {
        char bytes[300];
        for (size_t n = 0; n < sizeof bytes; n++)
            bytes[n] = (char)k2test_random(&seed);
        struct answer a = ask_bytes(w, bytes, sizeof bytes);
        assert_true(a.status != 200);
        done(&a);
    }
    struct answer a = ask(w, "GET", "/health/live", "");
    assert_int_equal(a.status, 200);
    done(&a);
}

/* --- slow and many --- */

static void a_request_that_trickles_in_is_cut_off(void **state) {
    struct world *w = *state;
    start_with(w, (struct serve_options){.request_timeout_ns = 400 * K2_NS_PER_MS});
    int64_t cut = k2_metric_value(k2_metric(K2_METRIC_http_cut, NULL));
    int fd = dial(w), silent = dial(w);
    const char *text = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Slow: aaaaaaaaaaaaaaaaaa";
    size_t sent = 0;
    for (; sent < strlen(text); sent++) { /* a byte each 50 ms: never silent for long */
        if (send(fd, text + sent, 1, MSG_NOSIGNAL) != 1)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    assert_true(sent < strlen(text));
    struct answer a = heard(fd), b = heard(silent);
    assert_int_equal(b.all.n, 0);
    assert_true(k2_metric_value(k2_metric(K2_METRIC_http_cut, NULL)) >= cut + 2);
    done(&a);
    done(&b);
    a = ask(w, "GET", "/health/live", "");
    assert_int_equal(a.status, 200);
    done(&a);
}

static void more_clients_than_allowed_wait_until_others_leave(void **state) {
    struct world *w = *state;
    start_with(
        w, (struct serve_options){.max_connections = 4, .request_timeout_ns = 500 * K2_NS_PER_MS});
    int idle[12];
    for (int i = 0; i < 12; i++)
        idle[i] = dial(w);
    struct answer a = ask(w, "GET", "/health/live", "");
    assert_int_equal(a.status, 200);
    done(&a);
    for (int i = 0; i < 12; i++)
        close(idle[i]);
}

/* --- opening and closing --- */

static void what_is_being_answered_is_answered_before_the_close(void **state) {
    struct world *w = *state;
    start_with(w, (struct serve_options){0});
    atomic_store(&w->sleep_ms, 300);
    int busy = dial(w), idle = dial(w);
    static const char text[] = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    say(busy, text, sizeof text - 1);
    while (atomic_load(&w->inside) == 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    serve_close(w->serve);
    w->serve = NULL;
    struct answer a = heard(busy), b = heard(idle);
    assert_int_equal(a.status, 200);
    assert_int_equal(b.all.n, 0);
    done(&a);
    done(&b);
}

static void a_port_in_use_is_told_and_a_closed_one_is_free_again(void **state) {
    struct world *w = *state;
    struct k2_err err = {0};
    struct serve *second = NULL;
    char listen[64];
    start_with(w, (struct serve_options){0});
    snprintf(listen, sizeof listen, "%s", serve_address(w->serve));
    struct serve_options same = {.listen = listen};
    CHECK_STATUS(serve_open(&same, NULL, &second, &err), K2_E_LOCKED);
    assert_has(err.msg, listen);
    assert_has(err.msg, "http.listen");
    struct answer a = ask(w, "GET", "/health/live", ""); /* leaves a socket in TIME_WAIT */
    done(&a);
    serve_close(w->serve);
    w->serve = NULL;
    CHECK_OK(serve_open(&same, NULL, &w->serve, &err), &err);
    a = ask(w, "GET", "/health", ""); /* without hooks there are no parts, and it is ready */
    assert_int_equal(a.status, 200);
    done(&a);
}

static void only_loopback_is_listened_on_unless_it_is_said(void **state) {
    struct world *w = *state;
    struct k2_err err = {0};
    static const char *const remote[] = {"0.0.0.0:0", "[::]:0"};
    for (size_t i = 0; i < 2; i++) {
        struct serve_options o = {.listen = remote[i]};
        CHECK_STATUS(serve_open(&o, NULL, &w->serve, &err), K2_E_INVALID);
        assert_has(err.msg, "http.allow_remote");
    }
    start_with(w, (struct serve_options){.listen = "0.0.0.0:0", .allow_remote = true});
    static const char foreign[] =
        "GET /health/live HTTP/1.1\r\nHost: k2.example\r\nConnection: close\r\n\r\n";
    struct answer a = ask_bytes(w, foreign, sizeof foreign - 1);
    assert_int_equal(a.status, 200);
    done(&a);
}

static void addresses_that_are_none_are_refused(void **state) {
    struct world *w = *state;
    static const char *const bad[] = {"",       "7420",         ":7420",        "127.0.0.1",
                                      "::1:80", "[::1]",        "[::1",         "[::1]80",
                                      "a.b:80", "1.2.3.4:x",    "127.0.0.1:-1", "127.0.0.1:65536",
                                      "[]:80",  "localhost: 1", "1.2.3.400:80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct k2_err err = {0};
        struct serve_options o = {.listen = bad[i], .allow_remote = true};
        int rc = serve_open(&o, NULL, &w->serve, &err);
        if (rc != K2_E_INVALID)
            fail_msg("'%s' gave %s", bad[i], k2_status_name(rc));
    }
}

static void localhost_is_an_address(void **state) {
    struct world *w = *state;
    start_with(w, (struct serve_options){.listen = "localhost:0"});
    char expected[64];
    snprintf(expected, sizeof expected, "127.0.0.1:%d", serve_port(w->serve));
    assert_true(serve_port(w->serve) > 0);
    assert_string_equal(serve_address(w->serve), expected);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_page_is_text_for_curl_json_for_programs_html_for_browsers),
        TEST(health_is_503_while_a_part_is_starting_or_down),
        TEST(metrics_come_in_the_format_that_is_asked_for),
        TEST(head_has_the_headers_of_get_and_no_body),
        TEST(a_connection_carries_many_requests),
        TEST(an_unknown_path_names_the_nearest),
        TEST(a_method_that_writes_is_refused_and_told_what_is_allowed),
        TEST(a_broken_path_is_a_bad_request),
        TEST(what_is_too_large_is_told_so),
        TEST(a_body_that_never_ends_is_cut_off),
        TEST(a_foreign_host_is_refused_and_a_local_one_is_not),
        TEST(nonsense_is_answered_with_an_error_or_closed),
        TEST(a_request_that_trickles_in_is_cut_off),
        TEST(more_clients_than_allowed_wait_until_others_leave),
        TEST(what_is_being_answered_is_answered_before_the_close),
        TEST(a_port_in_use_is_told_and_a_closed_one_is_free_again),
        TEST(only_loopback_is_listened_on_unless_it_is_said),
        TEST(addresses_that_are_none_are_refused),
        TEST(localhost_is_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
