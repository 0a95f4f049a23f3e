/* serve/serve.c - see serve.h. */
#include "serve/serve_int.h"

#include "serve/address.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

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

static struct http_limits limits_of(const struct serve_options *o) {
    return (struct http_limits){
        .connections = o->max_connections ? o->max_connections : CONNECTIONS,
        .request_ns = o->request_timeout_ns ? o->request_timeout_ns : REQUEST_NS,
        .body_bytes = BODY_BYTES,
    };
}

static int start(struct serve *s, const struct serve_options *o, struct k2_err *err) {
    struct address a;
    struct http_limits limits = limits_of(o);
    int fd;
    K2_TRY(find_address(o, &a, err));
    K2_TRY(address_listen(&a, &fd, err));
    s->port = a.port;
    snprintf(s->address, sizeof s->address, "%s", a.text);
    return http_start(fd, &limits, serve_answer, s, &s->http, err);
}

int serve_open(const struct serve_options *options, const struct serve_hooks *hooks,
               struct serve **out, struct k2_err *err) {
    static const struct serve_options defaults;
    const struct serve_options *o = options ? options : &defaults;
    struct serve *s = k2_zalloc(sizeof *s);
    if (hooks)
        s->hooks = *hooks;
    s->allow_remote = o->allow_remote;
    s->started_ns = k2_now_ns();
    int rc = start(s, o, err);
    if (rc != K2_OK) {
        free(s);
        return k2_err_context(err, rc, "http");
    }
    k2_log(K2_LOG_INFO, "http listens", "address", s->address, NULL);
    *out = s;
    return K2_OK;
}

void serve_close(struct serve *s) {
    if (!s)
        return;
    http_stop(s->http, PATIENCE_NS);
    k2_log(K2_LOG_INFO, "http closed", "address", s->address, NULL);
    free(s);
}

int serve_port(const struct serve *s) {
    return s->port;
}

const char *serve_address(const struct serve *s) {
    return s->address;
}
