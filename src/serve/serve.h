/* serve/serve.h - the doors: HTTP on one address.
 *
 *     GET /               what is here: for people as HTML, for programs as JSON, for curl as text
 *     GET /health         the parts, one by one; 200 when all of them are ready, else 503
 *     GET /health/live    200 while this process answers at all
 *     GET /health/ready   200 or 503, as /health, in one word
 *     GET /metrics        base/metrics.h, for Prometheus
 *     /subjects, /schemas, /compatibility, /config, /mode, /contexts
 *                         the schema registry, as Confluent's Schema Registry answers (docs/schemas.md)
 *
 * A route is one line in serve/routes.c. Errors are application/problem+json (RFC 9457).
 *
 * The server runs on threads of its own. It reads hooks->ctx only through the hooks, which are called
 * from any of those threads, several at a time, and until serve_close has returned: they take a
 * snapshot and return, and never wait for a stage. Nobody is asked who he is, so only a loopback
 * address is accepted unless the options say otherwise, and even then schemas are changed only by who is let.
 * Thread-safety: serve_open and serve_close by one thread; the rest by any.
 */
#ifndef K2_SERVE_SERVE_H
#define K2_SERVE_SERVE_H

#include "base/err.h"

#include <stdint.h>

#define SERVE_LISTEN "127.0.0.1:7420" /* the default of config key http.listen */

struct serve;
struct k2_registry;

enum serve_state { SERVE_UP, SERVE_STARTING, SERVE_DEGRADED, SERVE_DOWN };

struct serve_part { /* one role, backend or feed of this process */
    char name[64];  /* "sink", "feed.asx" */
    enum serve_state state;
    int64_t since_ns; /* wall clock: in this state since; 0 = not known */
    char why[160];    /* why it is not up, in words; empty when it is */
    char detail[160]; /* what it does: "127 rows behind"; may be empty */
};

struct serve_hooks {
    void *ctx;
    const char *data; /* the data directory, for people; borrowed until serve_close; may be NULL */
    /* Fills at most `max` parts and gives their number. NULL = there are none. The process is ready
     * when no part is starting or down: a degraded one still does its work. */
    int (*parts)(void *ctx, struct serve_part *out, int max);
    /* The schema registry, which stays until serve_close. NULL = there is none. */
    K2_RC (*registry)(void *ctx, struct k2_registry **out, struct k2_err *err);
    bool registry_allow_remote; /* with allow_remote: other machines may change schemas */
};

struct serve_options {          /* zero = the default */
    const char *listen;         /* "HOST:PORT", "[::1]:PORT"; port 0 = any free one */
    bool allow_remote;          /* accept an address that other machines can reach */
    int max_connections;        /* 256; more wait until one is closed */
    int64_t request_timeout_ns; /* 10 s: for a request to arrive and its answer to leave */
};

/* Whether serve_open could listen there, without trying: K2_E_INVALID as below. */
K2_RC serve_check(const struct serve_options *options, struct k2_err *err);
/* Listens, then answers. A port in use is K2_E_LOCKED; an address that is not one, or not loopback
 * without allow_remote, is K2_E_INVALID. */
K2_RC serve_open(const struct serve_options *options, const struct serve_hooks *hooks,
                 struct serve **out, struct k2_err *err);
/* serve_open in two calls: takes the address, so that nobody else can have it; and answers. What comes between the
 * two waits. */
K2_RC serve_listen(const struct serve_options *options, struct serve **out, struct k2_err *err);
K2_RC serve_start(struct serve *s, const struct serve_hooks *hooks, struct k2_err *err);
/* Stops listening, lets requests that are being answered end (at most 5 s), and frees. NULL is fine. */
void serve_close(struct serve *s);

int serve_port(const struct serve *s);            /* the one bound, also when 0 was asked for */
const char *serve_address(const struct serve *s); /* "127.0.0.1:7420"; borrowed */

const char *serve_state_name(enum serve_state state); /* "up", "starting", "degraded", "down" */

#endif
