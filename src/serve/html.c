/* serve/html.c - `/` for people. One page, nothing fetched from anywhere, light and dark. */
#include "serve/serve_int.h"

#include "base/build.h"
#include "base/clock.h"

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>K2</title>\n<style>\n"
    ":root { color-scheme: light dark; --line: #d5d9de; --soft: #5b6672; --good: #1a7f4b;"
    " --warn: #9a6200; --bad: #c0262d; }\n"
    "@media (prefers-color-scheme: dark) { :root { --line: #3a424b; --soft: #9aa6b2;"
    " --good: #4cc38a; --warn: #e5b454; --bad: #ff7b72; } }\n"
    "body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 3rem auto;"
    " padding: 0 1.25rem; }\n"
    "h1 { font-size: 1.75rem; margin: 0; }\n"
    "h2 { font-size: 1rem; margin: 2.25rem 0 .5rem; }\n"
    "p { margin: .25rem 0; color: var(--soft); overflow-wrap: anywhere; }\n"
    "table { border-collapse: collapse; width: 100%; }\n"
    "th, td { text-align: left; vertical-align: top; padding: .45rem .75rem .45rem 0;"
    " border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }\n"
    "th { font-weight: 600; font-size: .85rem; color: var(--soft); }\n"
    "code { font: .95em ui-monospace, monospace; }\n"
    ".up { color: var(--good); } .starting, .degraded { color: var(--warn); }"
    " .down { color: var(--bad); }\n"
    ".up, .starting, .degraded, .down { font-weight: 600; white-space: nowrap; }\n"
    "</style>\n</head>\n<body>\n";

static void put_escaped(struct k2_buf *out, const char *text) {
    for (const char *p = text; *p; p++) {
        if (*p == '<')
            k2_buf_str(out, "&lt;");
        else if (*p == '&')
            k2_buf_str(out, "&amp;");
        else if (*p == '"')
            k2_buf_str(out, "&quot;");
        else
            k2_buf_byte(out, (uint8_t)*p);
    }
}

static void put_state(struct k2_buf *out, enum serve_state state) {
    const char *name = serve_state_name(state);
    k2_buf_printf(out, "<span class=\"%s\">%s</span>", name, name);
}

static void put_part(const struct serve_part *p, struct k2_buf *out) {
    char since[K2_TIME_TEXT] = "";
    if (p->since_ns)
        k2_time_format(p->since_ns, since);
    k2_buf_str(out, "<tr><td>");
    put_escaped(out, p->name);
    k2_buf_str(out, "</td><td>");
    put_state(out, p->state);
    since[since[0] ? 19 : 0] = 0; /* whole seconds */
    k2_buf_printf(out, "</td><td>%s</td><td>", since);
    put_escaped(out, p->why);
    k2_buf_str(out, *p->why && *p->detail ? "; " : "");
    put_escaped(out, p->detail);
    k2_buf_str(out, "</td></tr>\n");
}

static void put_parts(const struct health *h, struct k2_buf *out) {
    if (h->count == 0)
        return;
    k2_buf_str(out, "<h2>Parts</h2>\n<table>\n<tr><th>part</th><th>state</th>"
                    "<th>since (UTC)</th><th>says</th></tr>\n");
    for (int i = 0; i < h->count; i++)
        put_part(&h->parts[i], out);
    k2_buf_str(out, "</table>\n");
}

static void put_routes(struct k2_buf *out) {
    k2_buf_str(out, "<h2>Routes</h2>\n<table>\n<tr><th>route</th><th>gives</th></tr>\n");
    for (const struct route *r = serve_routes; r->path; r++) {
        bool link = strcmp(r->method, "GET") == 0 && !strchr(r->path, '{');
        k2_buf_printf(out,
                      link ? "<tr><td><code>%s <a href=\"%s\">%s</a></code></td><td>"
                           : "<tr><td><code>%s %s</code></td><td>",
                      r->method, r->path, r->path);
        put_escaped(out, r->doc);
        k2_buf_str(out, "</td></tr>\n");
    }
    k2_buf_str(out, "</table>\n");
}

void serve_root_html(const struct serve *s, const struct health *h, struct k2_buf *out) {
    k2_buf_put(out, head, sizeof head - 1);
    k2_buf_str(out, "<h1>K2 ");
    put_state(out, h->state);
    k2_buf_printf(out, "</h1>\n<p>version %s %s</p>\n", k2_build_version(), k2_build_revision());
    if (s->hooks.data) {
        k2_buf_str(out, "<p>data directory <code>");
        put_escaped(out, s->hooks.data);
        k2_buf_str(out, "</code></p>\n");
    }
    put_parts(h, out);
    put_routes(out);
    k2_buf_str(out, "</body>\n</html>\n");
}
