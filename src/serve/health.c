/* serve/health.c - what the parts of this process say of themselves. */
#include "serve/serve_int.h"

#include "base/build.h"
#include "base/clock.h"

const char *serve_state_name(enum serve_state state) {
    static const char *const names[] = {"up", "starting", "degraded", "down"};
    return state >= SERVE_UP && state <= SERVE_DOWN ? names[state] : "down";
}

/* From good to bad: a part that is starting is not yet of use, a degraded one is. */
static int rank(enum serve_state state) {
    static const int ranks[] = {
        [SERVE_UP] = 0, [SERVE_DEGRADED] = 1, [SERVE_STARTING] = 2, [SERVE_DOWN] = 3};
    return state >= SERVE_UP && state <= SERVE_DOWN ? ranks[state] : ranks[SERVE_DOWN];
}

void serve_health_look(const struct serve *s, struct health *out) {
    *out = (struct health){.state = SERVE_UP};
    if (!s->hooks.parts)
        return;
    int n = s->hooks.parts(s->hooks.ctx, out->parts, SERVE_PARTS_MAX);
    out->count = n < 0 ? 0 : n < SERVE_PARTS_MAX ? n : SERVE_PARTS_MAX;
    for (int i = 0; i < out->count; i++)
        if (rank(out->parts[i].state) > rank(out->state))
            out->state = out->parts[i].state;
}

bool serve_health_ready(const struct health *h) {
    return rank(h->state) <= rank(SERVE_DEGRADED);
}

struct k2_json *serve_health_parts(const struct health *h) {
    struct k2_json *list = k2_json_array();
    for (int i = 0; i < h->count; i++) {
        const struct serve_part *p = &h->parts[i];
        struct k2_json *v = k2_json_object();
        k2_json_set(v, "name", k2_json_cstring(p->name));
        k2_json_set(v, "state", k2_json_cstring(serve_state_name(p->state)));
        k2_json_set(v, "since", serve_time_json(p->since_ns));
        k2_json_set(v, "why", *p->why ? k2_json_cstring(p->why) : k2_json_null());
        k2_json_set(v, "detail", *p->detail ? k2_json_cstring(p->detail) : k2_json_null());
        k2_json_append(list, v);
    }
    return list;
}

void serve_health(struct serve *s, const struct http_request *r, struct http_reply *out) {
    struct health h;
    struct k2_json *v = k2_json_object();
    (void)r;
    serve_health_look(s, &h);
    k2_json_set(v, "state", k2_json_cstring(serve_state_name(h.state)));
    k2_json_set(v, "ready", k2_json_bool(serve_health_ready(&h)));
    k2_json_set(v, "version", k2_json_cstring(k2_build_version()));
    k2_json_set(v, "started", serve_time_json(s->started_ns));
    k2_json_set(v, "now", serve_time_json(k2_now_ns()));
    k2_json_set(v, "parts", serve_health_parts(&h));
    serve_reply_json(out, serve_health_ready(&h) ? 200 : 503, v);
}

void serve_health_live(struct serve *s, const struct http_request *r, struct http_reply *out) {
    (void)s;
    (void)r;
    out->status = 200;
    out->type = "text/plain; charset=utf-8";
    k2_buf_str(&out->body, "live\n");
}

void serve_health_ready_route(struct serve *s, const struct http_request *r,
                              struct http_reply *out) {
    struct health h;
    (void)r;
    serve_health_look(s, &h);
    out->status = serve_health_ready(&h) ? 200 : 503;
    out->type = "text/plain; charset=utf-8";
    k2_buf_str(&out->body, serve_health_ready(&h) ? "ready\n" : "not ready\n");
    for (int i = 0; i < h.count; i++)
        if (rank(h.parts[i].state) > rank(SERVE_DEGRADED))
            k2_buf_printf(&out->body, "%s is %s%s%s\n", h.parts[i].name,
                          serve_state_name(h.parts[i].state), *h.parts[i].why ? ": " : "",
                          h.parts[i].why);
}
