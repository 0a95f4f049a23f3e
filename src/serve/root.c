/* serve/root.c - `/`: what is here. HTML for who asks for it, JSON likewise, else text. */
#include "serve/serve_int.h"

#include "serve/accept.h"

#include "base/build.h"
#include "base/clock.h"

static void put_text(const struct serve *s, const struct health *h, struct k2_buf *out) {
    const char *revision = k2_build_revision();
    k2_buf_printf(out, "k2 %s%s%s, %s\n", k2_build_version(), *revision ? " " : "", revision,
                  serve_state_name(h->state));
    if (s->hooks.data)
        k2_buf_printf(out, "data directory %s\n", s->hooks.data);
    k2_buf_str(out, h->count ? "\nparts\n" : "");
    for (int i = 0; i < h->count; i++) {
        const struct serve_part *p = &h->parts[i];
        k2_buf_printf(out, "  %-16s %-9s %s%s%s\n", p->name, serve_state_name(p->state), p->detail,
                      *p->detail && *p->why ? "; " : "", p->why);
    }
    k2_buf_str(out, "\nroutes\n");
    for (const struct route *r = serve_routes; r->path; r++)
        k2_buf_printf(out, "  %-6s %-55s %s\n", r->method, r->path, r->doc);
}

static struct k2_json *routes_json(void) {
    struct k2_json *list = k2_json_array();
    for (const struct route *r = serve_routes; r->path; r++) {
        struct k2_json *v = k2_json_object();
        k2_json_set(v, "method", k2_json_cstring(r->method));
        k2_json_set(v, "path", k2_json_cstring(r->path));
        k2_json_set(v, "about", k2_json_cstring(r->doc));
        k2_json_append(list, v);
    }
    return list;
}

static struct k2_json *json(const struct serve *s, const struct health *h) {
    struct k2_json *v = k2_json_object();
    k2_json_set(v, "name", k2_json_cstring("k2"));
    k2_json_set(v, "version", k2_json_cstring(k2_build_version()));
    k2_json_set(v, "revision", k2_json_cstring(k2_build_revision()));
    k2_json_set(v, "data", s->hooks.data ? k2_json_cstring(s->hooks.data) : k2_json_null());
    k2_json_set(v, "started", serve_time_json(s->started_ns));
    k2_json_set(v, "state", k2_json_cstring(serve_state_name(h->state)));
    k2_json_set(v, "parts", serve_health_parts(h));
    k2_json_set(v, "routes", routes_json());
    return v;
}

void serve_root(struct serve *s, const struct http_request *r, struct http_reply *out) {
    static const char *const offers[] = {"text/plain", "application/json", "text/html"};
    struct health h;
    serve_health_look(s, &h);
    out->status = 200;
    switch (accept_best(k2_sv_of(r->accept), offers, 3)) {
    case 0:
        out->type = "text/plain; charset=utf-8";
        put_text(s, &h, &out->body);
        return;
    case 1:
        serve_reply_json(out, 200, json(s, &h));
        return;
    default:
        out->type = "text/html; charset=utf-8";
        serve_root_html(s, &h, &out->body);
    }
}
