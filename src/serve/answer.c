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

/* --- finding the route --- */

/* The next part of a path, between two '/'; false at its end. */
static bool next_part(struct k2_sv *rest, struct k2_sv *part) {
    if (!k2_sv_take(rest, '/'))
        return false;
    const char *end = memchr(rest->p, '/', rest->n);
    *part = (struct k2_sv){rest->p, end ? (size_t)(end - rest->p) : rest->n};
    *rest = (struct k2_sv){rest->p + part->n, rest->n - part->n};
    return true;
}

static bool is_any(struct k2_sv part) {
    return part.n > 0 && part.p[0] == '{';
}

/* A fixed part may be sent encoded, too. */
static bool is_part(struct k2_sv want, struct k2_sv got) {
    struct k2_buf text = {0};
    bool same = uri_part(got, &text, NULL) == K2_OK && k2_sv_eq(want, k2_buf_view(&text));
    k2_buf_free(&text);
    return same;
}

/* Whether the path, as it was sent, is the route's; what stands for {...} is captured, still encoded. */
static bool fits(const char *route, struct k2_sv path, struct http_request *r) {
    struct k2_sv rest = k2_sv_of(route), want, got;
    int captured = 0;
    while (next_part(&rest, &want)) {
        if (!next_part(&path, &got))
            return false;
        if (!is_any(want) && !is_part(want, got))
            return false;
        if (is_any(want) && got.n == 0)
            return false;
        if (is_any(want))
            r->captured[captured++] = got;
    }
    return path.n == 0;
}

static bool takes(const struct route *route, const char *method) {
    return strcmp(route->method, method) == 0 ||
           (strcmp(route->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

/* The methods of all lines of this path, as the Allow header has them. */
static const char *allowed(const char *path) {
    enum { GET = 1, POST = 2, PUT = 4, DELETE = 8 };
    static const char *const words[16] = {
        [GET] = "GET, HEAD",
        [POST] = "POST",
        [GET | POST] = "GET, HEAD, POST",
        [DELETE | POST] = "POST, DELETE",
        [DELETE | GET] = "GET, HEAD, DELETE",
        [DELETE | PUT | GET] = "GET, HEAD, PUT, DELETE",
    };
    static const struct {
        const char *name;
        unsigned bit;
    } methods[] = {{"GET", GET}, {"POST", POST}, {"PUT", PUT}, {"DELETE", DELETE}};
    unsigned there = 0;
    for (const struct route *r = serve_routes; r->path; r++)
        for (size_t i = 0; strcmp(r->path, path) == 0 && i < 4; i++)
            there |= strcmp(r->method, methods[i].name) == 0 ? methods[i].bit : 0;
    return words[there] ? words[there] : "GET, HEAD, POST, PUT, DELETE";
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

/* --- answering --- */

/* Each captured part decoded, all in one buffer, to which they point in the end. */
static K2_RC decode(struct http_request *r, struct k2_buf *text, struct k2_err *err) {
    size_t at[HTTP_CAPTURED], n[HTTP_CAPTURED];
    for (int i = 0; i < HTTP_CAPTURED; i++) {
        at[i] = text->n;
        K2_TRY(uri_part(r->captured[i], text, err));
        n[i] = text->n - at[i];
        k2_buf_byte(text, 0);
    }
    for (int i = 0; i < HTTP_CAPTURED; i++)
        r->captured[i] = (struct k2_sv){(const char *)text->p + at[i], n[i]};
    return K2_OK;
}

static void answer_with(struct serve *s, const struct route *route, struct http_request *r,
                        struct http_reply *out) {
    struct k2_buf text = {0};
    struct k2_err err = {0};
    if (decode(r, &text, &err) == K2_OK)
        route->answer(s, r, out);
    else
        serve_problem(out, 400, NULL, "%s", err.msg);
    k2_buf_free(&text);
}

static void route(struct serve *s, const struct http_request *r, const char *path,
                  struct http_reply *out) {
    const struct route *other = NULL; /* of the path, for another method */
    for (const struct route *route = serve_routes; route->path; route++) {
        struct http_request with = *r;
        if (!fits(route->path, k2_sv_of(r->path), &with))
            continue;
        out->route = route->path;
        if (takes(route, r->method)) {
            answer_with(s, route, &with, out);
            return;
        }
        other = route;
    }
    if (!other) {
        not_found(out, path);
        return;
    }
    out->allow = allowed(other->path);
    serve_problem(out, 405, path, "%.32s is not for %s: it takes %s", r->method, path, out->allow);
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
