/* serve/serve.c - see serve.h. */
#include "serve/serve_int.h"

#include "serve/address.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CONNECTIONS = 256, BODY_BYTES = 1 << 20 };
#define REQUEST_NS (10 * K2_NS_PER_SEC)
#define PATIENCE_NS (5 * K2_NS_PER_SEC)

static int find_address(const struct serve_options *o, struct address *a, struct k2_err *err) {
    K2_TRY(address_parse(o->listen ? o->listen : SERVE_LISTEN, a, err));
    if (a->loopback || o->allow_remote)
        return K2_OK;
    return k2_fail(
        err, K2_E_INVALID,
        "%s can be reached by other machines, and nobody is asked for a password; listen "
        "on 127.0.0.1, or set http.allow_remote = true",
        a->text);
}

int serve_check(const struct serve_options *options, struct k2_err *err) {
    struct address a;
    return find_address(options, &a, err);
}

static struct http_limits limits_of(const struct serve_options *o) {
    return (struct http_limits){
        .connections = o->max_connections ? o->max_connections : CONNECTIONS,
        .request_ns = o->request_timeout_ns ? o->request_timeout_ns : REQUEST_NS,
        .body_bytes = BODY_BYTES,
    };
}

static int listen_there(struct serve *s, const struct serve_options *o, struct k2_err *err) {
    struct address a;
    K2_TRY(find_address(o, &a, err));
    K2_TRY(address_listen(&a, &s->fd, err));
    s->port = a.port;
    snprintf(s->address, sizeof s->address, "%s", a.text);
    return K2_OK;
}

int serve_listen(const struct serve_options *options, struct serve **out, struct k2_err *err) {
    static const struct serve_options defaults;
    const struct serve_options *o = options ? options : &defaults;
    struct serve *s = k2_zalloc(sizeof *s);
    s->fd = -1;
    s->allow_remote = o->allow_remote;
    s->limits = limits_of(o);
    s->started_ns = k2_now_ns();
    int rc = listen_there(s, o, err);
    if (rc != K2_OK) {
        free(s);
        return k2_err_context(err, rc, "http");
    }
    *out = s;
    return K2_OK;
}

int serve_start(struct serve *s, const struct serve_hooks *hooks, struct k2_err *err) {
    int fd = s->fd;
    if (hooks)
        s->hooks = *hooks;
    s->fd = -1; /* taken, also when it fails */
    K2_TRY_CTX(http_start(fd, &s->limits, serve_answer, s, &s->http, err), err, "http");
    k2_log(K2_LOG_INFO, "http listens", "address", s->address, NULL);
    return K2_OK;
}

int serve_open(const struct serve_options *options, const struct serve_hooks *hooks,
               struct serve **out, struct k2_err *err) {
    struct serve *s = NULL;
    K2_TRY(serve_listen(options, &s, err));
    K2_ASSERT(s);
    int rc = serve_start(s, hooks, err);
    if (rc == K2_OK)
        *out = s;
    else
        serve_close(s);
    return rc;
}

void serve_close(struct serve *s) {
    if (!s)
        return;
    if (s->http) {
        http_stop(s->http, PATIENCE_NS);
        k2_log(K2_LOG_INFO, "http closed", "address", s->address, NULL);
    }
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}

int serve_port(const struct serve *s) {
    return s->port;
}

const char *serve_address(const struct serve *s) {
    return s->address;
}
