/* base/http.h - HTTP requests to others (webhooks, venues, registries), and connections that begin as one.
 *
 * Proxies are taken from the environment (https_proxy, no_proxy, ...), as curl does. Messages name the scheme, host and
 * port of a URL and nothing behind it: the path of a webhook is a secret.
 * Thread-safety: k2_http from any thread; one thread per struct k2_stream.
 */
#ifndef K2_BASE_HTTP_H
#define K2_BASE_HTTP_H

#include "base/buf.h"
#include "base/err.h"

struct k2_http_request {
    const char *url;
    const char *method;         /* NULL = GET, or POST with a body */
    const char *const *headers; /* "Name: value", ended by NULL; NULL = none */
    struct k2_sv body;
    int timeout_ms;      /* 0 = 10 s, of the whole exchange */
    size_t max_answer;   /* 0 = 16 MB; a longer answer is K2_E_RANGE */
    const char *ca_file; /* further trust than the system's; NULL = none */
};

/* *status is that of HTTP, also 4xx and 5xx; the body is appended to `answer` (NULL = thrown away; as it was after a
 * failure). K2_E_IO, and whether it is worth another try (retriable): nobody answered. K2_E_INVALID: the URL or a header
 * is wrong. Redirects are followed, at most 5, and from https: to https: only. */
K2_RC k2_http(const struct k2_http_request *r, int *status, struct k2_buf *answer,
              struct k2_err *err);

/* Whether it is the URL of a request: K2_E_INVALID says what is wrong with it. Nobody is asked. */
K2_RC k2_http_check(const char *url, struct k2_err *err);

/* A connection that is the caller's after it is made: what is sent and received are bytes. The URL is SCHEME://HOST[:PORT]
 * with tcp (never through a proxy), http or ws, or with https or wss, which are TLS with the certificate and its name
 * checked; what is behind the port is not looked at. For feeds and WebSocket (RFC 6455). */
struct k2_stream;
/* Begins to connect and does not wait: names are resolved, the connection and TLS are made by k2_stream_step, which is
 * called now and then until *up. timeout_ms is the limit of all that, 0 = 5 s. */
K2_RC k2_stream_start(const char *url, const char *ca_file, int timeout_ms, struct k2_stream **out,
                      struct k2_err *err);
K2_RC k2_stream_step(struct k2_stream *s, bool *up, struct k2_err *err);
/* Both, waiting until it is connected. */
K2_RC k2_stream_open(const char *url, const char *ca_file, int timeout_ms, struct k2_stream **out,
                     struct k2_err *err);
void k2_stream_close(struct k2_stream *s);   /* NULL is fine */
int k2_stream_fd(const struct k2_stream *s); /* to poll, once it is up; borrowed */
/* *n = 0: nothing at the moment. The end of the connection is K2_E_IO. Of TLS, more may be there although the descriptor
 * is not readable: read until nothing comes. */
K2_RC k2_stream_read(struct k2_stream *s, void *to, size_t max, size_t *n, struct k2_err *err);
K2_RC k2_stream_write(struct k2_stream *s, const void *bytes, size_t max, size_t *n,
                      struct k2_err *err);

#endif
