/* serve/routes.c - every route there is: one line each. A GET route answers HEAD too. */
#include "serve/serve_int.h"

#include "serve/accept.h"
#include "serve/registry.h"

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
    {"GET", "/subjects", registry_subjects, "schema registry: the subjects"},
    {"POST", "/subjects/{subject}", registry_find, "the version that this schema is"},
    {"DELETE", "/subjects/{subject}", registry_delete, "deletes; ?permanent=true for good"},
    {"GET", "/subjects/{subject}/versions", registry_versions, "the numbers of its versions"},
    {"POST", "/subjects/{subject}/versions", registry_register, "registers a schema: its id"},
    {"GET", "/subjects/{subject}/versions/{version}", registry_get, "a version, or latest"},
    {"DELETE", "/subjects/{subject}/versions/{version}", registry_delete_version, "deletes it"},
    {"GET", "/subjects/{subject}/versions/{version}/schema", registry_get_text, "its text alone"},
    {"GET", "/subjects/{subject}/versions/{version}/referencedby", registry_referenced_by,
     "ids of the schemas that refer to it"},
    {"GET", "/schemas", registry_schemas, "all versions of all subjects"},
    {"GET", "/schemas/types", registry_types, "AVRO, JSON and PROTOBUF"},
    {"GET", "/schemas/ids/{id}", registry_id, "a schema by its id"},
    {"GET", "/schemas/ids/{id}/schema", registry_id_text, "its text alone"},
    {"GET", "/schemas/ids/{id}/subjects", registry_id_subjects, "the subjects that have it"},
    {"GET", "/schemas/ids/{id}/versions", registry_id_versions, "the versions that are it"},
    {"POST", "/compatibility/subjects/{subject}/versions", registry_compatible,
     "whether a schema would be taken"},
    {"POST", "/compatibility/subjects/{subject}/versions/{version}", registry_compatible,
     "whether it may follow that version"},
    {"GET", "/config", registry_config, "the global compatibility level"},
    {"PUT", "/config", registry_config_set, "sets it"},
    {"DELETE", "/config", registry_config_clear, "back to BACKWARD"},
    {"GET", "/config/{subject}", registry_config, "that of a subject; ?defaultToGlobal=true"},
    {"PUT", "/config/{subject}", registry_config_set, "sets it"},
    {"DELETE", "/config/{subject}", registry_config_clear, "back to the global one"},
    {"GET", "/mode", registry_mode, "the global mode: READWRITE, READONLY, IMPORT ..."},
    {"PUT", "/mode", registry_mode_set, "sets it; ?force=true"},
    {"DELETE", "/mode", registry_mode_clear, "back to READWRITE"},
    {"GET", "/mode/{subject}", registry_mode, "that of a subject; ?defaultToGlobal=true"},
    {"PUT", "/mode/{subject}", registry_mode_set, "sets it; ?force=true"},
    {"DELETE", "/mode/{subject}", registry_mode_clear, "back to the global one"},
    {"GET", "/contexts", registry_contexts, "its contexts: one"},
    {0},
};
