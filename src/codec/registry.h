/* codec/registry.h - the schema registry: subjects, versions, ids.
 *
 * Subjects are TOPIC-value (the registry's TopicNameStrategy); equal schemas have one id in all subjects. It is kept in
 * the journal's directory (file schemas.json, replaced as a whole; registry_model.c specifies it). With a registry
 * service (k2_registry_use) the ids are that service's, and the file is what is known of it here: it is asked only for
 * what the file lacks, or for a subject that it has not confirmed for a while (decision 81).
 *
 * These calls are those of K2 itself, for the subjects of the records it writes: a new version must be FULL_TRANSITIVE
 * compatible with every earlier one (architecture, rule "Schemas"), whatever is configured. Registration is durable
 * before it returns, so an id is on disk before the first record that uses it. What anybody else does with subjects is
 * in subjects.h.
 * Thread-safety: any thread. Several processes may have it open: who writes takes the lock schemas.lock beside the file,
 * who does not find something looks at the file again.
 */
#ifndef K2_CODEC_REGISTRY_H
#define K2_CODEC_REGISTRY_H

#include "codec/avro.h"

struct k2_registry;

enum k2_registry_mode {
    K2_REGISTRY_READWRITE,
    K2_REGISTRY_READONLY,
    K2_REGISTRY_READONLY_OVERRIDE, /* global: whatever the subjects say */
    K2_REGISTRY_IMPORT, /* who registers says the id; nothing is checked for compatibility */
    K2_REGISTRY_MODES
};
/* "READWRITE" ...; the other way in any case of letters. */
const char *k2_registry_mode_name(enum k2_registry_mode mode);
bool k2_registry_mode_of(struct k2_sv name, enum k2_registry_mode *out);

struct k2_registry_service {
    const char *url; /* http(s)://HOST[:PORT][/PATH]; NULL or "" = none: the registry is the file */
    const char *user, *password; /* basic authentication; NULL or "" = none */
    const char *ca_file;         /* to trust beside the system's; NULL or "" = none */
    int64_t cache_ns;            /* a subject is not asked for again so long */
};

/* Of every registry that is opened afterwards. Before any other call. The strings are copied. */
K2_RC k2_registry_use(const struct k2_registry_service *service, struct k2_err *err);
bool k2_registry_is_embedded(void);

K2_RC k2_registry_open(const char *dir, struct k2_registry **out, struct k2_err *err);
void k2_registry_close(struct k2_registry *r);
/* The file is a copy of what a journal on Kafka says: subjects.h changes nothing in it, and in a registry service the
 * subjects have the prefix of that journal's topics. Before any other call. */
void k2_registry_set_copy(struct k2_registry *r, const char *prefix);
/* The id of this schema in this subject, registered now if it is new. K2_E_CONFLICT: it may not follow the versions
 * that are there. K2_E_UNAVAILABLE: the service does not answer, and only it knows. */
K2_RC k2_registry_register(struct k2_registry *r, struct k2_sv subject, struct k2_sv schema,
                           uint32_t *id, struct k2_err *err);
/* Schema text by id; looks at the file again, and asks the service, before it says K2_E_NOTFOUND. Borrowed until
 * close. */
K2_RC k2_registry_schema(struct k2_registry *r, uint32_t id, struct k2_sv *schema,
                         struct k2_err *err);
struct k2_schema_source k2_registry_source(struct k2_registry *r);
/* Visits every version of every subject that is not deleted, in the order of registration. The subject is borrowed until
 * close. */
void k2_registry_each(struct k2_registry *r,
                      void (*visit)(void *ctx, struct k2_sv subject, int version, uint32_t id),
                      void *ctx);

#endif
