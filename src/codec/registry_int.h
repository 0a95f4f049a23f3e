/* codec/registry_int.h - what the files of the registry share; nothing outside the room includes it. */
#ifndef K2_CODEC_REGISTRY_INT_H
#define K2_CODEC_REGISTRY_INT_H

#include "codec/registry.h"
#include "codec/registry_model.h"

#include "base/fs.h"

#include <pthread.h>

struct registry_client;

struct k2_registry {
    char *dir, *path;
    char *prefix; /* of the subjects in a service */
    bool copy;    /* of what a journal on Kafka says */
    pthread_mutex_t mutex;
    struct model model;
    struct model_pool pool;
    int64_t stamp[4];               /* of the file that was read */
    struct registry_client *client; /* NULL = the registry is the file */
};

/* --- registry.c: the file. The mutex is held. --- */

/* Reads the file if it was replaced since. */
K2_RC registry_look(struct k2_registry *r, struct k2_err *err);

struct registry_change { /* of the model and the file, by one process at a time */
    struct k2_lock *lock;
    uint32_t added; /* the id of a schema that is not in the file yet; 0 = none */
};
/* Takes the lock, waiting for it, and looks. */
K2_RC registry_begin(struct k2_registry *r, struct registry_change *c, struct k2_err *err);
/* rc K2_OK: writes the file, durably. Otherwise, or if that fails, all is as it was before. Gives the lock back. */
K2_RC registry_end(struct k2_registry *r, struct registry_change *c, int rc, struct k2_err *err);

/* --- registry_schema.c: schemas with what they refer to --- */

/* What a schema refers to, directly and not, dependencies first; free() it. The texts are the pool's. K2_E_NOTFOUND
 * names what is missing. */
struct registry_refs {
    struct k2_schema_ref *items;
    size_t n;
};
K2_RC registry_resolve(const struct k2_registry *r, const struct k2_schema_ref *refs, size_t n,
                       struct registry_refs *out, struct k2_err *err);
/* Checks the schema and appends its canonical, or normalised, text. K2_E_INVALID, K2_E_RANGE. */
K2_RC registry_canonical(const struct k2_registry *r, const struct model_given *g, bool normalize,
                         struct k2_buf *out, struct k2_err *err);
/* Against versions of the subject that are not deleted: all, or one. Findings are none when it is compatible. */
K2_RC registry_compare(const struct k2_registry *r, const struct model_subject *s,
                       const struct model_version *only, const struct model_given *g,
                       enum k2_compat_level level, struct k2_compat_findings *out,
                       struct k2_err *err);

/* The schema's canonical text under an id of its own: that it has, or else a new one: `id`, or 0 = the next. */
const struct model_schema *registry_schema_make(struct k2_registry *r, struct registry_change *c,
                                                const struct model_given *canonical, uint32_t id);

/* --- registry_service.c: with a registry service. The mutex is held, and given back while the service is asked. --- */

K2_RC registry_service_register(struct k2_registry *r, struct k2_sv subject, struct k2_sv schema,
                                uint32_t *id, struct k2_err *err);
/* Asks for a schema that is not here, and keeps it. */
K2_RC registry_service_fetch(struct k2_registry *r, uint32_t id, struct k2_err *err);

#endif
