/* HTTP requests, and streams: against a server on the loopback that answers what the test says. */
#include "k2test.h"

#include "base/clock.h"
#include "base/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

struct server {
    int fd, port;
    pthread_t thread;
    const char *answers[8]; /* one for each connection; NULL ends */
    int hold_ms;            /* before it answers */
    char heard[8][4096];    /* the requests */
};

/* A head and as much of a body as its Content-Length says. */
static void hear(int fd, char *to, size_t max) {
    size_t n = 0;
    for (;;) {
        const char *end = strstr(to, "\r\n\r\n"), *length = strstr(to, "Content-Length: ");
        size_t body = length ? strtoul(length + 16, NULL, 10) : 0;
        if (end && (size_t)(end + 4 - to) + body <= n)
            return;
        ssize_t got = recv(fd, to + n, max - 1 - n, 0);
        if (got <= 0)
            return;
        n += (size_t)got;
    }
}

static void *serve(void *ctx) {
    struct server *s = ctx;
    for (int i = 0; i < 8 && s->answers[i]; i++) {
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0)
            break;
        hear(fd, s->heard[i], sizeof s->heard[i]);
        usleep((useconds_t)s->hold_ms * 1000);
        send(fd, s->answers[i], strlen(s->answers[i]), MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

static void listen_on_loopback(struct server *s) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(listen(s->fd, 16), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
    s->port = ntohs(a.sin_port);
}

static void begin(struct server *s) {
    listen_on_loopback(s);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void end(struct server *s) {
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
}

static const char *url_of(const struct server *s, const char *path) {
    static char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", s->port, path);
    return url;
}

static void a_get_gives_status_and_body(void **state) {
    struct server s = {.answers = {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"}};
    struct k2_err err = {0};
    struct k2_buf answer = {0};
    int status;
    (void)state;
    begin(&s);
    k2_buf_str(&answer, "before ");
    struct k2_http_request r = {.url = url_of(&s, "/a?b=c")};
    CHECK_OK(k2_http(&r, &status, &answer, &err), &err);
    assert_int_equal(status, 200);
    assert_string_equal(k2_buf_cstr(&answer), "before hello");
    assert_ptr_equal(strstr(s.heard[0], "GET /a?b=c HTTP/1.1\r\n"), s.heard[0]);
    assert_non_null(strstr(s.heard[0], "\r\nUser-Agent: k2/"));
    k2_buf_free(&answer);
    end(&s);
}

static void a_body_is_posted_with_its_headers(void **state) {
    static const char *const headers[] = {"Content-Type: application/json", "X-Token: t", NULL};
    struct server s = {.answers = {"HTTP/1.1 204 No Content\r\n\r\n"}};
    struct k2_err err = {0};
    int status;
    (void)state;
    begin(&s);
    struct k2_http_request r = {
        .url = url_of(&s, "/hook"), .headers = headers, .body = K2_SV("{\"gap\":1}")};
    CHECK_OK(k2_http(&r, &status, NULL, &err), &err);
    assert_int_equal(status, 204);
    assert_ptr_equal(strstr(s.heard[0], "POST /hook HTTP/1.1\r\n"), s.heard[0]);
    assert_non_null(strstr(s.heard[0], "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(s.heard[0], "\r\nX-Token: t\r\n"));
    assert_null(strstr(s.heard[0], "Expect"));
    assert_non_null(strstr(s.heard[0], "\r\n\r\n{\"gap\":1}"));
    end(&s);
}

static void other_methods_are_sent_as_they_are_named(void **state) {
    struct server s = {.answers = {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}};
    struct k2_err err = {0};
    int status;
    (void)state;
    begin(&s);
    struct k2_http_request r = {.url = url_of(&s, "/"), .method = "PUT", .body = K2_SV("x")};
    CHECK_OK(k2_http(&r, &status, NULL, &err), &err);
    assert_ptr_equal(strstr(s.heard[0], "PUT / HTTP/1.1\r\n"), s.heard[0]);
    r = (struct k2_http_request){.url = r.url, .method = "HEAD"};
    CHECK_OK(k2_http(&r, &status, NULL, &err), &err);
    assert_ptr_equal(strstr(s.heard[1], "HEAD / "), s.heard[1]);
    r = (struct k2_http_request){.url = r.url, .method = "POST"};
    CHECK_OK(k2_http(&r, &status, NULL, &err), &err);
    assert_ptr_equal(strstr(s.heard[2], "POST / "), s.heard[2]);
    end(&s);
}

static void an_error_of_the_server_is_an_answer(void **state) {
    struct server s = {.answers = {"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"}};
    struct k2_err err = {0};
    struct k2_buf answer = {0};
    int status;
    (void)state;
    begin(&s);
    struct k2_http_request r = {.url = url_of(&s, "/")};
    CHECK_OK(k2_http(&r, &status, &answer, &err), &err);
    assert_int_equal(status, 503);
    assert_string_equal(k2_buf_cstr(&answer), "busy");
    k2_buf_free(&answer);
    end(&s);
}

static void redirects_are_followed_but_not_for_ever(void **state) {
    struct server s = {
        .answers = {"HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 3\r\n\r\nold",
                    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew"}};
    struct server circle = {0};
    struct k2_err err = {0};
    struct k2_buf answer = {0};
    int status;
    (void)state;
    begin(&s);
    struct k2_http_request r = {.url = url_of(&s, "/old"), .body = K2_SV("x")};
    CHECK_OK(k2_http(&r, &status, &answer, &err), &err);
    assert_string_equal(k2_buf_cstr(&answer), "new");
    assert_ptr_equal(strstr(s.heard[1], "POST /new "), s.heard[1]); /* it stays a POST */
    end(&s);
    for (int i = 0; i < 8; i++)
        circle.answers[i] = "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n";
    begin(&circle);
    r.url = url_of(&circle, "/");
    CHECK_STATUS(k2_http(&r, &status, &answer, &err), K2_E_IO);
    assert_false(err.retriable);
    end(&circle);
    k2_buf_free(&answer);
}

static void an_answer_that_is_too_long_is_refused(void **state) {
    struct server s = {.answers = {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                                   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"}};
    struct k2_err err = {0};
    struct k2_buf answer = {0};
    int status;
    (void)state;
    begin(&s);
    struct k2_http_request r = {.url = url_of(&s, "/"), .max_answer = 4};
    CHECK_STATUS(k2_http(&r, &status, &answer, &err), K2_E_RANGE);
    assert_int_equal(answer.n, 0);
    r.max_answer = 5;
    CHECK_OK(k2_http(&r, &status, &answer, &err), &err);
    k2_buf_free(&answer);
    end(&s);
}

static void who_does_not_answer_may_later(void **state) {
    struct server cut = {.answers = {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"}};
    struct server slow = {.answers = {""}, .hold_ms = 400};
    struct k2_err err = {0};
    struct k2_buf answer = {0};
    int status;
    (void)state;
    begin(&cut);
    struct k2_http_request r = {.url = url_of(&cut, "/"), .timeout_ms = 100};
    CHECK_STATUS(k2_http(&r, &status, &answer, &err), K2_E_IO);
    assert_true(err.retriable);
    assert_int_equal(answer.n, 0); /* as it was */
    end(&cut);
    CHECK_STATUS(k2_http(&r, &status, &answer, &err), K2_E_IO); /* nobody listens there now */
    assert_true(err.retriable);
    begin(&slow);
    r.url = url_of(&slow, "/");
    CHECK_STATUS(k2_http(&r, &status, &answer, &err), K2_E_IO);
    assert_true(err.retriable);
    k2_buf_free(&answer);
    end(&slow);
}

static void secrets_are_in_no_message(void **state) {
    static const char *const bad[] = {"X-Token secret", NULL};
    static const char *const split[] = {"X-Token: secret\r\nX-Other: y", NULL};
    static const char *const urls[] = {"ftp://host/secret", "http://ho st/secret", "", "secret"};
    struct k2_err err = {0};
    int status;
    (void)state;
    struct k2_http_request r = {.url = "http://127.0.0.1:1/secret?token=secret"};
    CHECK_STATUS(k2_http(&r, &status, NULL, &err), K2_E_IO);
    assert_non_null(strstr(err.msg, "http://127.0.0.1:1"));
    assert_null(strstr(err.msg, "secret"));
    for (int i = 0; i < 4; i++) {
        r = (struct k2_http_request){.url = urls[i]};
        CHECK_STATUS(k2_http(&r, &status, NULL, &err), K2_E_INVALID);
        assert_null(strstr(err.msg, "secret"));
    }
    r = (struct k2_http_request){.url = "http://127.0.0.1:1/", .headers = bad};
    CHECK_STATUS(k2_http(&r, &status, NULL, &err), K2_E_INVALID);
    assert_null(strstr(err.msg, "secret"));
    r.headers = split;
    CHECK_STATUS(k2_http(&r, &status, NULL, &err), K2_E_INVALID);
}

static void a_stream_carries_bytes_until_it_ends(void **state) {
    struct server s = {0};
    struct k2_err err = {0};
    struct k2_stream *stream;
    char url[64], bytes[16];
    size_t n;
    (void)state;
    listen_on_loopback(&s);
    snprintf(url, sizeof url, "tcp://localhost:%d", s.port);
    CHECK_OK(k2_stream_open(url, NULL, 0, &stream, &err), &err);
    int peer = accept(s.fd, NULL, NULL);
    CHECK_OK(k2_stream_read(stream, bytes, sizeof bytes, &n, &err), &err);
    assert_int_equal(n, 0); /* nothing yet */
    CHECK_OK(k2_stream_write(stream, "ping", 4, &n, &err), &err);
    assert_int_equal(n, 4);
    assert_int_equal(recv(peer, bytes, sizeof bytes, 0), 4);
    assert_int_equal(send(peer, "pong!", 5, 0), 5);
    struct pollfd p = {.fd = k2_stream_fd(stream), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    CHECK_OK(k2_stream_read(stream, bytes, sizeof bytes, &n, &err), &err);
    assert_int_equal(n, 5);
    assert_memory_equal(bytes, "pong!", 5);
    close(peer);
    assert_int_equal(poll(&p, 1, 5000), 1);
    CHECK_STATUS(k2_stream_read(stream, bytes, sizeof bytes, &n, &err), K2_E_IO);
    assert_non_null(strstr(err.msg, "tcp://localhost:"));
    k2_stream_close(stream);
    close(s.fd);
    CHECK_STATUS(k2_stream_open(url, NULL, 0, &stream, &err), K2_E_IO);
    assert_null(stream);
    assert_true(err.retriable);
    CHECK_STATUS(k2_stream_open("ftp://localhost:1", NULL, 0, &stream, &err), K2_E_INVALID);
    k2_stream_close(NULL);
}

static void a_stream_that_is_not_answered_is_given_up(void **state) {
    struct server s = {0};
    struct k2_err err = {0};
    struct k2_stream *stream;
    char url[64];
    (void)state;
    listen_on_loopback(&s); /* takes connections and never says a word of TLS */
    snprintf(url, sizeof url, "wss://127.0.0.1:%d", s.port);
    int64_t before = k2_monotonic_ns();
    CHECK_STATUS(k2_stream_open(url, NULL, 200, &stream, &err), K2_E_IO);
    assert_in_range(k2_monotonic_ns() - before, 150 * K2_NS_PER_MS, 3 * K2_NS_PER_SEC);
    assert_true(err.retriable);
    close(s.fd);
}

int main(void) {
    setenv("no_proxy", "localhost,127.0.0.1", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_gives_status_and_body),
        cmocka_unit_test(a_body_is_posted_with_its_headers),
        cmocka_unit_test(other_methods_are_sent_as_they_are_named),
        cmocka_unit_test(an_error_of_the_server_is_an_answer),
        cmocka_unit_test(redirects_are_followed_but_not_for_ever),
        cmocka_unit_test(an_answer_that_is_too_long_is_refused),
        cmocka_unit_test(who_does_not_answer_may_later),
        cmocka_unit_test(secrets_are_in_no_message),
        cmocka_unit_test(a_stream_carries_bytes_until_it_ends),
        cmocka_unit_test(a_stream_that_is_not_answered_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
