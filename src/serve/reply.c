/* serve/reply.c - replies that are JSON. */
#include "serve/serve_int.h"

#include "base/clock.h"

void serve_reply_json(struct http_reply *out, int status, struct k2_json *v) {
    out->status = status;
    out->type = "application/json";
    out->body.n = 0;
    k2_json_dump(v, &out->body);
    k2_buf_byte(&out->body, '\n');
    k2_json_free(v);
}

struct k2_json *serve_time_json(int64_t ns) {
    char text[K2_TIME_TEXT];
    if (ns == 0)
        return k2_json_null();
    k2_time_format(ns, text);
    return k2_json_cstring(text);
}
