/* serve/problem.c - an error as application/problem+json (RFC 9457). */
#include "serve/serve_int.h"

#include <stdarg.h>
#include <stdio.h>

static const char *title(int status) {
    static const struct {
        int status;
        const char *title;
    } titles[] = {{400, "Bad Request"},
                  {403, "Forbidden"},
                  {404, "Not Found"},
                  {405, "Method Not Allowed"},
                  {413, "Content Too Large"},
                  {414, "URI Too Long"},
                  {431, "Request Header Fields Too Large"}};
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Error";
}

void serve_problem(struct http_reply *out, int status, const char *path, const char *fmt, ...) {
    char detail[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    struct k2_json *v = k2_json_object();
    k2_json_set(v, "type", k2_json_cstring("about:blank"));
    k2_json_set(v, "title", k2_json_cstring(title(status)));
    k2_json_set(v, "status", k2_json_int(status));
    k2_json_set(v, "detail", k2_json_cstring(detail));
    if (path)
        k2_json_set(v, "instance", k2_json_cstring(path));
    serve_reply_json(out, status, v);
    out->type = "application/problem+json";
}
