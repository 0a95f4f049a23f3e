/* serve/routes.c - every route there is: one line each. A GET route answers HEAD too. */
#include "serve/serve_int.h"

#include "serve/accept.h"

#include "base/metrics.h"

static void metrics(struct serve *s, const struct http_request *r, struct http_reply *out) {
    static const char *const offers[] = {"text/plain", "application/openmetrics-text"};
    static const char *const types[] = {
        "text/plain; version=0.0.4; charset=utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8"};
    static const enum k2_metrics_format formats[] = {K2_METRICS_PROMETHEUS, K2_METRICS_OPENMETRICS};
    int best = accept_best(k2_sv_of(r->accept), offers, 2);
    (void)s;
    out->status = 200;
    out->type = types[best];
    k2_metrics_write(formats[best], &out->body);
}

const struct route serve_routes[] = {
    {"GET", "/", serve_root, "this page: what is here (HTML, JSON or text, by Accept)"},
    {"GET", "/health", serve_health, "the parts, one by one; 503 when one is starting or down"},
    {"GET", "/health/live", serve_health_live, "200 while the process answers"},
    {"GET", "/health/ready", serve_health_ready_route, "200 when every part works, else 503"},
    {"GET", "/metrics", metrics, "metrics for Prometheus; OpenMetrics when Accept asks for it"},
    {0},
};
