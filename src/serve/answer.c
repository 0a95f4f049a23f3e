/* serve/answer.c - from a request to the line of routes.c that answers it, or to the error. */
#include "serve/serve_int.h"

#include "serve/address.h"
#include "serve/uri.h"

#include "base/config.h"

enum { PATH_MAX_BYTES = 8000, HEAD_MAX_BYTES = 16 << 10, ROUTES_MAX = 64 };

/* False once *out says what is wrong with the request, whatever it asks for. */
static bool check(const struct serve *s, const struct http_request *r, struct http_reply *out) {
    if (r->too_large)
        serve_problem(out, 413, NULL, "nothing here takes a body of that size");
    else if (strlen(r->path) > PATH_MAX_BYTES)
        serve_problem(out, 414, NULL, "the path is longer than %d bytes", PATH_MAX_BYTES);
    else if (r->head_bytes > HEAD_MAX_BYTES)
        serve_problem(out, 431, NULL, "request line and headers are larger than %d bytes",
                      HEAD_MAX_BYTES);
    else if (!s->allow_remote && r->host && !address_host_is_local(r->host))
        serve_problem(out, 403, NULL,
                      "this server answers only requests for localhost, not for '%.64s'; "
                      "http.allow_remote = true lets others in",
                      r->host);
    else
        return true;
    return false;
}

static bool takes(const struct route *route, const char *method) {
    return strcmp(route->method, method) == 0 ||
           (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static void not_found(struct http_reply *out, const char *path) {
    const char *known[ROUTES_MAX];
    int n = 0;
    for (; n < ROUTES_MAX && serve_routes[n].path; n++)
        known[n] = serve_routes[n].path;
    const char *nearest = k2_nearest(path, known, n);
    if (nearest)
        serve_problem(out, 404, path, "there is nothing at %.128s; did you mean %s?", path,
                      nearest);
    else
        serve_problem(out, 404, path, "there is nothing at %.128s; GET / lists what is here", path);
}

static void route(struct serve *s, const struct http_request *r, const char *path,
                  struct http_reply *out) {
    for (const struct route *route = serve_routes; route->path; route++) {
        if (strcmp(route->path, path) != 0)
            continue;
        out->route = route->path;
        if (takes(route, r->method)) {
            route->answer(s, r, out);
            return;
        }
        serve_problem(out, 405, path, "%.32s is not for %s: it only reads", r->method, path);
        out->allow = "GET, HEAD";
        return;
    }
    not_found(out, path);
}

void serve_answer(void *serve, const struct http_request *r, struct http_reply *out) {
    struct k2_buf path = {0};
    struct k2_err err = {0};
    out->route = "other";
    if (!check(serve, r, out))
        return;
    if (uri_path(k2_sv_of(r->path), &path, &err) == K2_OK)
        route(serve, r, k2_buf_cstr(&path), out);
    else
        serve_problem(out, 400, NULL, "%s", err.msg);
    k2_buf_free(&path);
}
