/* codec/registry_client.c - see registry_client.h. Requests after Confluent's "Schema Registry API Reference":
 *   POST /subjects/(subject)            {"schema":TEXT}  is it there: its id and version, or 404
 *   POST /subjects/(subject)/versions   {"schema":TEXT}  registers: {"id":ID}; 409 = incompatible, 422 = refused
 *   GET  /schemas/ids/(id)              {"schema":TEXT[,"schemaType":TYPE]}
 * Errors are {"error_code":N,"message":TEXT}.
 */
#include "codec/registry_client.h"

#include "codec/registry.h"

#include "base/clock.h"
#include "base/http.h"
#include "base/json.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 5000, MOST_ANSWER = 4 << 20 };
#define REST_NS (5 * K2_NS_PER_SEC) /* who did not answer is left alone so long */
#define MEDIA "application/vnd.schemaregistry.v1+json"

/* Of k2_registry_use. */
static struct {
    char *url, *authorization, *ca_file;
    int64_t cache_ns;
} service;

struct registry_client {
    _Atomic int64_t away_ns; /* monotonic: when it last failed to answer; 0 = it answers */
};

/* --- the service --- */

static void put_base64(struct k2_sv s, struct k2_buf *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.n; i += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (i + k < s.n ? (uint8_t)s.p[i + k] : 0u);
        for (size_t k = 0; k < 4; k++)
            k2_buf_byte(out, i + k > s.n ? '=' : (uint8_t)digits[bits >> (18 - 6 * k) & 63]);
    }
}

static char *make_authorization(const char *user, const char *password) {
    struct k2_buf plain = {0}, header = {0};
    k2_buf_printf(&plain, "%s:%s", user, password ? password : "");
    k2_buf_str(&header, "Authorization: Basic ");
    put_base64(k2_buf_view(&plain), &header);
    char *text = k2_sv_dup(k2_buf_view(&header));
    k2_buf_free(&plain);
    k2_buf_free(&header);
    return text;
}

static char *copy_of(const char *s) {
    return s && *s ? k2_strdup(s) : NULL;
}

int k2_registry_use(const struct k2_registry_service *s, struct k2_err *err) {
    char *url = copy_of(s->url);
    if (url)
        K2_TRY_CTX(k2_http_check(url, err), err, "registry.url");
    free(service.url);
    free(service.authorization);
    free(service.ca_file);
    for (size_t n = url ? strlen(url) : 0; n > 0 && url[n - 1] == '/'; n--)
        url[n - 1] = 0;
    service.url = url;
    service.authorization = s->user && *s->user ? make_authorization(s->user, s->password) : NULL;
    service.ca_file = copy_of(s->ca_file);
    service.cache_ns = s->cache_ns;
    return K2_OK;
}

bool k2_registry_is_embedded(void) {
    return !service.url;
}

struct registry_client *registry_client_new(void) {
    return service.url ? k2_zalloc(sizeof(struct registry_client)) : NULL;
}

void registry_client_free(struct registry_client *c) {
    free(c);
}

int64_t registry_client_cache_ns(const struct registry_client *c) {
    (void)c;
    return service.cache_ns;
}

/* --- asking --- */

struct ask {
    const char *method;
    struct k2_buf path, body;
    int status;
    struct k2_json *answer; /* NULL unless it was JSON */
};

static void ask_free(struct ask *a) {
    k2_buf_free(&a->path);
    k2_buf_free(&a->body);
    k2_json_free(a->answer);
}

static void put_escaped(struct k2_sv s, struct k2_buf *out) {
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '.' || c == '-' || c == '_')
            k2_buf_byte(out, (uint8_t)c);
        else
            k2_buf_printf(out, "%%%02X", (unsigned char)c);
    }
}

static int away(struct registry_client *c, const char *why, struct k2_err *err) {
    atomic_store(&c->away_ns, k2_monotonic_ns());
    k2_metric_add(k2_metric(K2_METRIC_registry_unavailable, NULL), 1);
    k2_fail_(err, K2_E_UNAVAILABLE, "the schema registry (registry.url) does not answer: %s", why);
    if (err)
        err->retriable = true;
    return K2_E_UNAVAILABLE;
}

/* Nobody else waits for a service that has just been found away. */
static int check_rest(struct registry_client *c, struct k2_err *err) {
    int64_t since = atomic_load(&c->away_ns);
    if (since == 0 || k2_monotonic_ns() - since >= REST_NS)
        return K2_OK;
    k2_fail_(err, K2_E_UNAVAILABLE,
             "the schema registry (registry.url) did not answer a moment ago; it is asked again in "
             "some seconds");
    if (err)
        err->retriable = true;
    return K2_E_UNAVAILABLE;
}

static int ask(struct registry_client *c, struct ask *a, struct k2_err *err) {
    struct k2_buf url = {0}, answer = {0};
    struct k2_err why = {0};
    const char *headers[] = {"Accept: " MEDIA ", application/json", "Content-Type: " MEDIA,
                             service.authorization, NULL};
    K2_TRY(check_rest(c, err));
    k2_buf_printf(&url, "%s%s", service.url, k2_buf_cstr(&a->path));
    const struct k2_http_request request = {.url = k2_buf_cstr(&url),
                                            .method = a->method,
                                            .headers = headers,
                                            .body = k2_buf_view(&a->body),
                                            .timeout_ms = TIMEOUT_MS,
                                            .max_answer = MOST_ANSWER,
                                            .ca_file = service.ca_file};
    int rc = k2_http(&request, &a->status, &answer, &why);
    if (rc == K2_OK && k2_json_parse(k2_buf_view(&answer), &a->answer, NULL) != K2_OK)
        a->answer = NULL;
    if (rc == K2_OK && a->status >= 500)
        k2_fail_(&why, K2_E_IO, "HTTP %d", a->status);
    if (rc != K2_OK || a->status >= 500)
        rc = away(c, why.msg, err);
    else
        atomic_store(&c->away_ns, 0);
    k2_buf_free(&url);
    k2_buf_free(&answer);
    return rc;
}

/* What the service says of a request that it refused. */
static int refused(const struct ask *a, struct k2_err *err) {
    struct k2_sv message = K2_SV("without a word");
    int64_t code = a->status;
    k2_json_as_string(k2_json_get(a->answer, "message"), &message);
    k2_json_as_int(k2_json_get(a->answer, "error_code"), &code);
    if (a->status == 401 || a->status == 403)
        return k2_fail(err, K2_E_FAILED,
                       "the schema registry (registry.url) lets us not in (HTTP %d): registry.user "
                       "and registry.password say who we are",
                       a->status);
    return k2_fail(err, a->status == 404 ? K2_E_NOTFOUND : K2_E_CONFLICT,
                   "the schema registry (registry.url) refuses: %.*s (%" PRId64 ")",
                   (int)(message.n < 500 ? message.n : 500), message.p, code);
}

static bool read_told(const struct ask *a, struct registry_told *out) {
    int64_t id = 0, version = 0;
    k2_json_as_int(k2_json_get(a->answer, "id"), &id);
    k2_json_as_int(k2_json_get(a->answer, "version"), &version);
    out->id = id > 0 && id <= INT32_MAX ? (uint32_t)id : 0;
    out->version = version > 0 && version <= INT32_MAX ? (int)version : 0;
    return out->id != 0;
}

static int no_sense(const struct ask *a, struct k2_err *err) {
    return k2_fail(
        err, K2_E_INVALID,
        "what answers at registry.url is no schema registry: HTTP %d without what %s asks "
        "for",
        a->status, a->method);
}

/* POST of the schema to the subject, or to its versions. */
static int post(struct registry_client *c, struct k2_sv subject, const char *behind,
                struct k2_sv schema, struct ask *a, struct k2_err *err) {
    struct k2_json *body = k2_json_object();
    k2_json_set(body, "schema", k2_json_string(schema));
    k2_json_dump(body, &a->body);
    k2_json_free(body);
    a->method = "POST";
    k2_buf_str(&a->path, "/subjects/");
    put_escaped(subject, &a->path);
    k2_buf_str(&a->path, behind);
    return ask(c, a, err);
}

static int lookup(struct registry_client *c, struct k2_sv subject, struct k2_sv schema,
                  struct registry_told *out, struct k2_err *err) {
    struct ask a = {0};
    int rc = post(c, subject, "", schema, &a, err);
    if (rc == K2_OK && a.status >= 300)
        rc = refused(&a, err);
    else if (rc == K2_OK && !read_told(&a, out))
        rc = no_sense(&a, err);
    ask_free(&a);
    return rc;
}

static int add(struct registry_client *c, struct k2_sv subject, struct k2_sv schema,
               struct registry_told *out, struct k2_err *err) {
    struct ask a = {0};
    int rc = post(c, subject, "/versions", schema, &a, err);
    if (rc == K2_OK && a.status == 409)
        k2_metric_add(k2_metric(K2_METRIC_registry_compatibility_failures, NULL), 1);
    if (rc == K2_OK && a.status >= 300)
        rc = refused(&a, err);
    else if (rc == K2_OK && !read_told(&a, out))
        rc = no_sense(&a, err);
    ask_free(&a);
    return rc;
}

/* Only the lookup tells the version: some say no more than the id of what they registered. */
int registry_client_register(struct registry_client *c, struct k2_sv subject, struct k2_sv schema,
                             struct registry_told *out, struct k2_err *err) {
    struct registry_told again = {0};
    struct k2_err ignored = {0};
    int rc = lookup(c, subject, schema, out, err);
    if (rc != K2_E_NOTFOUND)
        return rc;
    K2_TRY(add(c, subject, schema, out, err));
    if (out->version == 0 && lookup(c, subject, schema, &again, &ignored) == K2_OK &&
        again.id == out->id)
        *out = again;
    return K2_OK;
}

int registry_client_schema(struct registry_client *c, uint32_t id, enum k2_schema_type *type,
                           struct k2_buf *text, struct k2_err *err) {
    struct ask a = {.method = "GET"};
    struct k2_sv schema = {0}, word = K2_SV("AVRO");
    k2_buf_printf(&a.path, "/schemas/ids/%" PRIu32, id);
    int rc = ask(c, &a, err);
    if (rc == K2_OK && a.status >= 300)
        rc = refused(&a, err);
    else if (rc == K2_OK) {
        k2_json_as_string(k2_json_get(a.answer, "schemaType"), &word);
        if (!k2_json_as_string(k2_json_get(a.answer, "schema"), &schema) || schema.n == 0 ||
            !k2_schema_type_of(word, type))
            rc = no_sense(&a, err);
        else
            k2_buf_sv(text, schema);
    }
    ask_free(&a);
    return rc;
}
