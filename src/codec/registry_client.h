/* codec/registry_client.h - what is asked of a registry service: any with Confluent's interface.
 * Thread-safety: any thread. Nothing outside the room includes it.
 */
#ifndef K2_CODEC_REGISTRY_CLIENT_H
#define K2_CODEC_REGISTRY_CLIENT_H

#include "codec/compat.h"

struct registry_client;

/* Of the service that k2_registry_use named; NULL if there is none. */
struct registry_client *registry_client_new(void);
void registry_client_free(struct registry_client *c);
int64_t registry_client_cache_ns(const struct registry_client *c);

struct registry_told { /* by the service */
    uint32_t id;
    int version; /* 0 = it did not say */
};

/* All of them: K2_E_UNAVAILABLE, retriable: it does not answer, or has trouble of its own (5xx). After that it is not
 * asked again for some seconds. */

/* Finds the schema in the subject, or registers it. K2_E_CONFLICT: it refuses it. */
K2_RC registry_client_register(struct registry_client *c, struct k2_sv subject, struct k2_sv schema,
                               struct registry_told *out, struct k2_err *err);
/* Appends the text of a schema. K2_E_NOTFOUND: there is none with that id. */
K2_RC registry_client_schema(struct registry_client *c, uint32_t id, enum k2_schema_type *type,
                             struct k2_buf *text, struct k2_err *err);

#endif
