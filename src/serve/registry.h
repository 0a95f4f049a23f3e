/* serve/registry.h - what the routes of the schema registry share; nothing outside the room includes it.
 *
 * They answer as Confluent's Schema Registry 7.x does (its "Schema Registry API Reference"): JSON, and of what fails
 * {"error_code":N,"message":TEXT}, N being enum k2_refusal, or 50001 when it is our own fault.
 */
#ifndef K2_SERVE_REGISTRY_H
#define K2_SERVE_REGISTRY_H

#include "serve/serve_int.h"

#include "codec/codec.h"

/* --- registry.c --- */

/* The registry; NULL once *out says why not. */
struct k2_registry *registry_of(struct serve *s, struct http_reply *out);
/* The same for who wants to change something. */
struct k2_registry *registry_to_change(struct serve *s, struct http_reply *out);
/* Takes v. */
void registry_reply(struct http_reply *out, struct k2_json *v);
/* What a call of subjects.h gave: v if rc is K2_OK, else the refusal or status. Takes v. */
void registry_answer(struct http_reply *out, int rc, const struct k2_err *err, struct k2_json *v);
void registry_refuse(struct http_reply *out, int rc, const struct k2_err *err);
void registry_error(struct http_reply *out, int code, const char *message);
struct k2_json *registry_one(const char *name, const char *value); /* {name: value} */

/* --- registry_request.c: false, or NULL, once *out says what is wrong --- */

bool registry_flag(const struct http_request *r, const char *name); /* ?NAME=true */
struct registry_page {
    int64_t offset, limit; /* limit -1 = all */
    int64_t seen;
};
bool registry_page_read(const struct http_request *r, struct registry_page *p,
                        struct http_reply *out);
/* Whether the next one is on the page. */
bool registry_page_has(struct registry_page *p);
/* Appends ?subjectPrefix=, decoded. */
bool registry_prefix(const struct http_request *r, struct k2_buf *prefix, struct http_reply *out);
/* A whole version number, "latest" or "-1". */
bool registry_version(const struct http_request *r, int *version, struct http_reply *out);
/* The body as an object; to be freed. */
struct k2_json *registry_body(const struct http_request *r, struct http_reply *out);

struct registry_given { /* a schema in a body */
    struct k2_json *body;
    struct k2_schema_given given;
};
bool registry_given_read(const struct http_request *r, struct registry_given *g,
                         struct http_reply *out);
void registry_given_free(struct registry_given *g);

/* --- registry_subjects.c --- */

void registry_subjects(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_find(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_delete(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_versions(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_register(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_get(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_get_text(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_delete_version(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_referenced_by(struct serve *s, const struct http_request *r, struct http_reply *out);
struct k2_json *registry_version_json(const struct k2_subject_version *v);
void registry_put_schema(struct k2_json *object, const struct k2_subject_version *v);

/* --- registry_schemas.c --- */

void registry_schemas(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_types(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_contexts(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_id(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_id_text(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_id_subjects(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_id_versions(struct serve *s, const struct http_request *r, struct http_reply *out);

/* --- registry_rules.c --- */

void registry_compatible(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_config(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_config_set(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_config_clear(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_mode(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_mode_set(struct serve *s, const struct http_request *r, struct http_reply *out);
void registry_mode_clear(struct serve *s, const struct http_request *r, struct http_reply *out);

#endif
