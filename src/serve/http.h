/* serve/http.h - requests and replies in our words, and the server that carries them (mhd.c).
 *
 * The library reads requests and writes replies; what they mean is decided in routes.c. A handler runs
 * on a thread of the server, several at a time, and must not wait for anything.
 */
#ifndef K2_SERVE_HTTP_H
#define K2_SERVE_HTTP_H

#include "base/buf.h"
#include "base/err.h"

enum { HTTP_CAPTURED = 2 };

struct http_request { /* borrowed for the call */
    const char *method;
    const char *path;          /* as sent, without the query; still percent-encoded */
    const char *host, *accept; /* NULL = no such header */
    const char *content_type;
    size_t head_bytes; /* of the request line and all header lines */
    bool too_large;    /* its body is over the limit and was not read */
    struct k2_sv body; /* of POST and PUT; that of others is thrown away */
    /* Of the query (?NAME=VALUE), still percent-encoded; NULL = not there. */
    const char *(*argument)(void *of, const char *name);
    void *of;
    /* What stands in the path where the route has {SOMETHING}; decoded. Set by answer.c. */
    struct k2_sv captured[HTTP_CAPTURED];
};

struct http_reply {
    int status;
    const char *type;  /* Content-Type; static text */
    const char *allow; /* the Allow header, or NULL; static text */
    const char *route; /* what answered, for the metrics; static text */
    struct k2_buf body;
};

struct http_limits {
    int connections;    /* open at a time; more wait in the system's queue */
    int64_t request_ns; /* from waiting for a request to the end of its answer */
    size_t body_bytes;  /* of a request */
};

struct http_server;

/* Answers what comes to the listening socket; takes it, also when it fails. */
K2_RC http_start(int listen_fd, const struct http_limits *limits,
                 void (*answer)(void *ctx, const struct http_request *r, struct http_reply *out),
                 void *ctx, struct http_server **out, struct k2_err *err);
/* Accepts no more, waits up to patience_ns for the requests under way, then closes everything. */
void http_stop(struct http_server *h, int64_t patience_ns);

#endif
