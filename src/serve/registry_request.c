/* serve/registry_request.c - see registry.h: what a request to the schema registry says.
 *
 * A body has to say that it is JSON: a foreign web page in a browser of this machine can send others without being asked.
 */
#include "serve/registry.h"

#include "serve/uri.h"

#include <stdlib.h>
#include <strings.h>

enum { BAD_REQUEST = 400, BAD_TYPE = 415, BAD_FIELD = 422, MOST_REFERENCES = 1000 };

/* --- the query --- */

static const char *argument(const struct http_request *r, const char *name) {
    return r->argument ? r->argument(r->of, name) : NULL;
}

bool registry_flag(const struct http_request *r, const char *name) {
    const char *value = argument(r, name);
    return value && strcasecmp(value, "true") == 0;
}

static bool read_argument(const struct http_request *r, const char *name, int64_t *value) {
    const char *text = argument(r, name);
    return !text || k2_sv_i64(k2_sv_of(text), value);
}

bool registry_page_read(const struct http_request *r, struct registry_page *p,
                        struct http_reply *out) {
    *p = (struct registry_page){.limit = -1};
    if (read_argument(r, "offset", &p->offset) && read_argument(r, "limit", &p->limit))
        return true;
    registry_error(out, BAD_REQUEST, "offset and limit are whole numbers");
    return false;
}

bool registry_page_has(struct registry_page *p) {
    int64_t at = p->seen++;
    return at >= p->offset && (p->limit < 0 || at - p->offset < p->limit);
}

/* ":*:" is what clients of the Java family put there for all contexts; there is one here. */
bool registry_prefix(const struct http_request *r, struct k2_buf *prefix, struct http_reply *out) {
    struct k2_err err = {0};
    if (uri_part(k2_sv_of(argument(r, "subjectPrefix")), prefix, &err) != K2_OK) {
        registry_error(out, BAD_REQUEST, err.msg);
        return false;
    }
    if (k2_sv_eq(k2_buf_view(prefix), K2_SV(":*:")))
        prefix->n = 0;
    return true;
}

bool registry_version(const struct http_request *r, int *version, struct http_reply *out) {
    struct k2_sv text = r->captured[1];
    int64_t n;
    if (k2_sv_eq(text, K2_SV("latest")) || k2_sv_eq(text, K2_SV("-1"))) {
        *version = K2_VERSION_LATEST;
        return true;
    }
    if (k2_sv_i64(text, &n) && n > 0 && n <= INT32_MAX) {
        *version = (int)n;
        return true;
    }
    struct k2_buf message = {0};
    k2_buf_printf(&message,
                  "The specified version '%.*s' is not a valid version id. Allowed values are "
                  "between [1, 2^31-1] and the string \"latest\"",
                  K2_SV_ARG(k2_sv_shown(text)));
    registry_error(out, K2_BAD_VERSION, k2_buf_cstr(&message));
    k2_buf_free(&message);
    return false;
}

/* --- the body --- */

/* "application/json; charset=utf-8" is application/json. */
static bool is_json(const char *content_type) {
    static const char *const types[] = {"application/vnd.schemaregistry.v1+json",
                                        "application/vnd.schemaregistry+json", "application/json",
                                        "application/octet-stream"};
    struct k2_sv rest = k2_sv_of(content_type);
    struct k2_sv type = k2_sv_trim(k2_sv_split(&rest, ';'));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (type.n == strlen(types[i]) && strncasecmp(type.p, types[i], type.n) == 0)
            return true;
    return false;
}

struct k2_json *registry_body(const struct http_request *r, struct http_reply *out) {
    struct k2_json *body = NULL;
    struct k2_err err = {0};
    if (!is_json(r->content_type)) {
        registry_error(out, BAD_TYPE,
                       "the body has to be JSON: Content-Type: "
                       "application/vnd.schemaregistry.v1+json");
        return NULL;
    }
    if (k2_json_parse(r->body, &body, &err) != K2_OK) {
        registry_error(out, BAD_REQUEST, err.msg);
        return NULL;
    }
    if (k2_json_type(body) == K2_JSON_OBJECT)
        return body;
    k2_json_free(body);
    registry_error(out, BAD_REQUEST, "the body is not a JSON object");
    return NULL;
}

/* --- a schema --- */

static bool is_set(const struct k2_json *v) {
    return v && k2_json_type(v) != K2_JSON_NULL;
}

/* A text that may be missing or null. */
static bool read_text(const struct k2_json *of, const char *name, struct k2_sv *text) {
    const struct k2_json *v = k2_json_get(of, name);
    return !is_set(v) || k2_json_as_string(v, text);
}

/* A whole number that may be missing or null, or -1, which means the same. */
static bool read_number(const struct k2_json *of, const char *name, int64_t *n) {
    const struct k2_json *v = k2_json_get(of, name);
    *n = 0;
    if (is_set(v) && !k2_json_as_int(v, n))
        return false;
    if (*n == -1)
        *n = 0;
    return *n >= 0 && *n <= INT32_MAX;
}

static bool read_reference(const struct k2_json *v, struct k2_schema_ref *ref) {
    int64_t version;
    if (!read_text(v, "name", &ref->name) || !read_text(v, "subject", &ref->subject) ||
        !k2_json_as_int(k2_json_get(v, "version"), &version) || ref->name.n == 0 ||
        ref->subject.n == 0 || version == 0 || version < -1 || version > INT32_MAX)
        return false;
    ref->version = (int)version;
    return true;
}

/* What is wrong with them, or NULL. */
static const char *read_references(const struct k2_json *list, struct k2_schema_given *g) {
    size_t n = k2_json_count(list);
    if (is_set(list) && k2_json_type(list) != K2_JSON_ARRAY)
        return "references are not a list";
    if (n > MOST_REFERENCES)
        return "there are too many references";
    struct k2_schema_ref *refs = n ? k2_zalloc(n * sizeof *refs) : NULL;
    g->refs = refs;
    g->ref_count = n;
    for (size_t i = 0; i < n; i++)
        if (!read_reference(k2_json_at(list, i), &refs[i]))
            return "a reference is not {\"name\":TEXT,\"subject\":TEXT,\"version\":NUMBER}";
    return NULL;
}

static const char *read_given(const struct k2_json *body, struct k2_schema_given *g) {
    struct k2_sv type = K2_SV("AVRO");
    int64_t id, version;
    if (!read_text(body, "schema", &g->text))
        return "schema is not a text";
    if (!read_text(body, "schemaType", &type) || !k2_schema_type_of(type, &g->type))
        return "schemaType is not AVRO, JSON or PROTOBUF";
    if (!read_number(body, "id", &id) || !read_number(body, "version", &version))
        return "id or version is not a number from 1 to 2^31-1";
    if (is_set(k2_json_get(body, "metadata")) || is_set(k2_json_get(body, "ruleSet")))
        return "metadata and rule sets are not kept here";
    g->id = (uint32_t)id;
    g->version = (int)version;
    return read_references(k2_json_get(body, "references"), g);
}

bool registry_given_read(const struct http_request *r, struct registry_given *g,
                         struct http_reply *out) {
    *g = (struct registry_given){.body = registry_body(r, out)};
    if (!g->body)
        return false;
    const char *wrong = read_given(g->body, &g->given);
    g->given.normalize = registry_flag(r, "normalize");
    if (!wrong)
        return true;
    registry_error(out, BAD_FIELD, wrong);
    registry_given_free(g);
    return false;
}

void registry_given_free(struct registry_given *g) {
    free((void *)(uintptr_t)g->given.refs);
    k2_json_free(g->body);
}
