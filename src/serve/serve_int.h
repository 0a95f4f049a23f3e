/* serve/serve_int.h - what the files of this room share; nothing outside includes it.
 *
 * The way of a request: mhd.c reads it, answer.c checks it and finds its line in routes.c, the handler
 * fills the reply. A handler that fails gives an error reply by problem.c.
 */
#ifndef K2_SERVE_INT_H
#define K2_SERVE_INT_H

#include "serve/http.h"
#include "serve/serve.h"

#include "base/json.h"

enum { SERVE_PARTS_MAX = 64 };

struct serve {
    struct serve_hooks hooks;
    bool allow_remote;
    int port;
    char address[64];
    int64_t started_ns; /* wall clock */
    int fd;             /* that listens, until http has it; -1 */
    struct http_limits limits;
    struct http_server *http;
};

struct route {
    const char *method, *path;
    void (*answer)(struct serve *s, const struct http_request *r, struct http_reply *out);
    const char *doc; /* one line, for `/` */
};

/* routes.c; ended by a line without a path. A path may have parts such as {subject}, which stand for any one. */
extern const struct route serve_routes[];

/* --- answer.c --- */

void serve_answer(void *serve, const struct http_request *r, struct http_reply *out);

/* --- problem.c: RFC 9457 --- */

void serve_problem(struct http_reply *out, int status, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* --- health.c --- */

struct health {
    struct serve_part parts[SERVE_PARTS_MAX];
    int count;
    enum serve_state state; /* the worst of them; up when there are none */
};

void serve_health_look(const struct serve *s, struct health *out);
bool serve_health_ready(const struct health *h);
struct k2_json *serve_health_parts(const struct health *h);
void serve_health(struct serve *s, const struct http_request *r, struct http_reply *out);
void serve_health_live(struct serve *s, const struct http_request *r, struct http_reply *out);
void serve_health_ready_route(struct serve *s, const struct http_request *r,
                              struct http_reply *out);

/* --- root.c, html.c --- */

void serve_root(struct serve *s, const struct http_request *r, struct http_reply *out);
void serve_root_html(const struct serve *s, const struct health *h, struct k2_buf *out);

/* --- reply.c --- */

/* Takes v. */
void serve_reply_json(struct http_reply *out, int status, struct k2_json *v);
struct k2_json *serve_time_json(int64_t ns); /* RFC 3339; 0 = null */

#endif
