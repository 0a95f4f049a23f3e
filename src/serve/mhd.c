/* serve/mhd.c - http.h by libmicrohttpd, which nothing else knows.
 *
 * Two threads of the library share the connections by epoll. The body of a POST or PUT is gathered, others are counted
 * and dropped. The library
 * answers by itself what is no HTTP at all (400, 505, and 431 when a head is larger than its buffer), in
 * words of its own. The path is handed on as it was sent: it is decoded in one place, uri.c.
 */
#include "serve/http.h"

#include "serve/deadline.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 2, BUFFER_BYTES = 32 << 10, LOOK_NS = 5000000 };

typedef enum MHD_Result result; /* the library's yes and no */

struct http_server {
    struct MHD_Daemon *daemon;
    int fd;
    struct http_limits limits;
    void (*answer)(void *ctx, const struct http_request *r, struct http_reply *out);
    void *ctx;
    struct deadlines *deadlines;
    atomic_int active; /* requests whose head is here and whose answer is not out */
};

struct exchange { /* one request and its answer */
    int64_t began_ns;
    size_t body_bytes;
    bool keeps_body;
    struct k2_buf body;
    int status; /* 0 = not answered yet */
    const char *route;
};

/* --- one request --- */

static const char *header(struct MHD_Connection *c, const char *name) {
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static const char *argument(void *c, const char *name) {
    return MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, name);
}

static size_t head_bytes(struct MHD_Connection *c) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

static bool announces_too_much(const struct http_server *h, struct MHD_Connection *c) {
    int64_t n;
    const char *length = header(c, "Content-Length");
    return length && k2_sv_i64(k2_sv_of(length), &n) && n > (int64_t)h->limits.body_bytes;
}

static void put_headers(struct MHD_Response *response, const struct http_reply *reply) {
    MHD_add_response_header(response, "Content-Type", reply->type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "Vary", "Accept");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(
        response, "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    if (reply->allow)
        MHD_add_response_header(response, "Allow", reply->allow);
}

/* Takes the body. */
static result queue(struct MHD_Connection *c, struct http_reply *reply) {
    k2_buf_need(&reply->body, 1); /* an empty one too is memory to free */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body.n, reply->body.p, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        k2_buf_free(&reply->body);
        return MHD_NO;
    }
    put_headers(response, reply);
    result queued = MHD_queue_response(c, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return queued;
}

static result respond(struct http_server *h, struct MHD_Connection *c, struct exchange *x,
                      const char *method, const char *path, bool too_large) {
    struct http_request request = {.method = method,
                                   .path = path,
                                   .host = header(c, "Host"),
                                   .accept = header(c, "Accept"),
                                   .content_type = header(c, "Content-Type"),
                                   .body = k2_buf_view(&x->body),
                                   .argument = argument,
                                   .of = c,
                                   .head_bytes = head_bytes(c),
                                   .too_large = too_large};
    struct http_reply reply = {0};
    h->answer(h->ctx, &request, &reply);
    x->status = reply.status;
    x->route = reply.route;
    return queue(c, &reply);
}

static result begin(struct http_server *h, struct MHD_Connection *c, const char *method,
                    const char *path, void **state) {
    struct exchange *x = k2_zalloc(sizeof *x);
    *state = x;
    x->began_ns = k2_monotonic_ns();
    x->keeps_body = strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0;
    atomic_fetch_add(&h->active, 1);
    return announces_too_much(h, c) ? respond(h, c, x, method, path, true) : MHD_YES;
}

/* Called with the head, then with each piece of the body, then with no piece. */
static result on_request(void *ctx, struct MHD_Connection *c, const char *path, const char *method,
                         const char *version, const char *body, size_t *n, void **state) {
    struct http_server *h = ctx;
    struct exchange *x = *state;
    (void)version;
    if (!x)
        return begin(h, c, method, path, state);
    if (*n == 0)
        return respond(h, c, x, method, path, false);
    x->body_bytes += *n;
    if (x->body_bytes > h->limits.body_bytes)
        return MHD_NO; /* the connection is closed */
    if (x->keeps_body)
        k2_buf_put(&x->body, body, *n);
    *n = 0;
    return MHD_YES;
}

static void count(const struct exchange *x) {
    char code[16];
    snprintf(code, sizeof code, "%d", x->status);
    k2_metric_add(k2_metric(K2_METRIC_http_requests, x->route, code, NULL), 1);
    k2_metric_record(k2_metric(K2_METRIC_http_request_seconds, x->route, NULL),
                     k2_monotonic_ns() - x->began_ns);
}

static struct deadline *deadline_of(struct MHD_Connection *c) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void on_answered(void *ctx, struct MHD_Connection *c, void **state,
                        enum MHD_RequestTerminationCode how) {
    struct http_server *h = ctx;
    struct exchange *x = *state;
    struct deadline *deadline = deadline_of(c);
    (void)how;
    if (deadline)
        deadline_restart(h->deadlines, deadline);
    if (!x)
        return;
    if (x->status)
        count(x);
    k2_buf_free(&x->body);
    free(x);
    *state = NULL;
    atomic_fetch_sub(&h->active, 1);
}

/* --- connections --- */

static void on_connection(void *ctx, struct MHD_Connection *c, void **deadline,
                          enum MHD_ConnectionNotificationCode what) {
    struct http_server *h = ctx;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*deadline)
            deadline_remove(h->deadlines, *deadline);
        *deadline = NULL;
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info)
        *deadline = deadline_add(h->deadlines, info->connect_fd);
}

static size_t leave_escaped(void *ctx, struct MHD_Connection *c, char *text) {
    (void)ctx;
    (void)c;
    return strlen(text);
}

__attribute__((format(printf, 2, 0))) static void on_log(void *ctx, const char *fmt, va_list args) {
    char text[256];
    (void)ctx;
    int n = vsnprintf(text, sizeof text, fmt, args);
    while (n > 0 && n < (int)sizeof text && text[n - 1] == '\n')
        text[--n] = 0;
    k2_log(K2_LOG_DEBUG, "http", "message", text, NULL);
}

/* --- the server --- */

static struct MHD_Daemon *start(struct http_server *h) {
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
        h, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, h->fd,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)h->limits.connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)BUFFER_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_answered, h, MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
        MHD_OPTION_END);
}

int http_start(int listen_fd, const struct http_limits *limits,
               void (*answer)(void *ctx, const struct http_request *r, struct http_reply *out),
               void *ctx, struct http_server **out, struct k2_err *err) {
    struct http_server *h = k2_zalloc(sizeof *h);
    h->fd = listen_fd;
    h->limits = *limits;
    h->answer = answer;
    h->ctx = ctx;
    int rc = deadlines_new(limits->request_ns, &h->deadlines, err);
    if (rc == K2_OK && !(h->daemon = start(h))) {
        rc = k2_fail_errno(err, "the HTTP library cannot start its threads");
        deadlines_free(h->deadlines);
    }
    if (rc != K2_OK) {
        close(listen_fd);
        free(h);
        return rc;
    }
    *out = h;
    return K2_OK;
}

void http_stop(struct http_server *h, int64_t patience_ns) {
    int64_t until = k2_monotonic_ns() + patience_ns;
    MHD_quiesce_daemon(h->daemon);
    while (atomic_load(&h->active) > 0 && k2_monotonic_ns() < until)
        nanosleep(&(struct timespec){.tv_nsec = LOOK_NS}, NULL);
    MHD_stop_daemon(h->daemon);
    close(h->fd);
    deadlines_free(h->deadlines);
    free(h);
}
