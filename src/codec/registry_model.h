/* codec/registry_model.h - what schemas.json says, in memory; nothing outside the room includes it.
 *
 * Schemas and names go into a pool that only grows, so whoever was lent a text keeps it until the registry is
 * closed; the model, which says what stands where, is made anew each time the file is read.
 */
#ifndef K2_CODEC_REGISTRY_MODEL_H
#define K2_CODEC_REGISTRY_MODEL_H

#include "codec/compat.h"

#include "base/json.h"

struct model_schema {
    uint32_t id;
    enum k2_schema_type type;
    struct k2_sv text;          /* canonical; a NUL behind it */
    struct k2_schema_ref *refs; /* those it names itself; without texts */
    size_t ref_count;
};

struct model_pool {
    struct model_schema **schemas; /* by id */
    size_t count;
    char **names;
    size_t name_count;
};

struct model_version {
    int version;
    bool deleted; /* softly: it keeps number and id */
    const struct model_schema *schema;
};

enum { MODEL_INHERITED = -1 };

struct model_subject {
    struct k2_sv name;
    bool own; /* of records that K2 writes */
    int level,
        mode; /* enum k2_compat_level, enum k2_registry_mode; MODEL_INHERITED: the global one */
    int64_t asked_ns; /* when a registry service confirmed the newest version; 0 = never */
    struct model_version *versions; /* ascending */
    size_t count;
};

struct model {
    bool of_service; /* the ids are those of a registry service */
    int level, mode;
    struct model_subject *subjects; /* in the order of their first registration */
    size_t count;
};

struct model_given { /* a schema that may be one of the pool's */
    enum k2_schema_type type;
    struct k2_sv text; /* canonical */
    const struct k2_schema_ref *refs;
    size_t ref_count;
};

/* --- the pool --- */
void model_pool_free(struct model_pool *p);
const struct model_schema *model_schema_by_id(const struct model_pool *p, uint32_t id);
const struct model_schema *model_schema_find(const struct model_pool *p,
                                             const struct model_given *g);
/* The id is a free one. */
const struct model_schema *model_schema_add(struct model_pool *p, uint32_t id,
                                            const struct model_given *g);
/* Of one that was never lent to anybody. */
void model_schema_drop(struct model_pool *p, uint32_t id);
/* One more than the greatest; the lowest that is free when that is the last. */
uint32_t model_next_id(const struct model_pool *p);
struct k2_sv model_name(struct model_pool *p, struct k2_sv name);

/* --- the model --- */
void model_init(struct model *m);
void model_free(struct model *m);
struct model_subject *model_subject(const struct model *m, struct k2_sv name); /* or NULL */
struct model_subject *model_subject_make(struct model *m, struct model_pool *p, struct k2_sv name);
void model_subject_remove(struct model *m, struct model_subject *s);
struct model_version *model_version(const struct model_subject *s, int version); /* or NULL */
struct model_version *model_latest(const struct model_subject *s, bool deleted); /* or NULL */
void model_version_add(struct model_subject *s, int version, const struct model_schema *schema);
void model_version_remove(struct model_subject *s, struct model_version *v);
/* Of the file; what is wrong with it is K2_E_CORRUPT or K2_E_VERSION. */
K2_RC model_read(const struct k2_json *doc, struct model_pool *p, struct model *out,
                 struct k2_err *err);
struct k2_json *model_write(const struct model *m, const struct model_pool *p);

#endif
