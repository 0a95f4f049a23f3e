/* codec/subjects.h - the registry as others use it: what the REST service and `k2 schema` do.
 *
 * The rules are those of Confluent's Schema Registry 7.x (docs/schemas.md), and so are the numbers of the refusals.
 * Subjects of records that K2 writes stay FULL_TRANSITIVE, and their versions are never removed for good: records in the
 * journal name them. While a registry service gives the ids, or the journal is on Kafka, all this reads and changes
 * nothing: the registry is elsewhere.
 *
 * A call gives K2_OK; or a refusal, which is positive; or a status, which is negative. `err` says it in words; its
 * status is one of K2 in both cases. What is lent lives until the registry is closed.
 * Thread-safety: any thread.
 */
#ifndef K2_CODEC_SUBJECTS_H
#define K2_CODEC_SUBJECTS_H

#include "codec/compat.h"
#include "codec/registry.h"

enum k2_refusal {
    K2_NO_SUBJECT = 40401,
    K2_NO_VERSION = 40402,
    K2_NO_SCHEMA = 40403,
    K2_SUBJECT_DELETED_SOFTLY = 40404,
    K2_SUBJECT_NOT_DELETED = 40405,
    K2_VERSION_DELETED_SOFTLY = 40406,
    K2_VERSION_NOT_DELETED = 40407,
    K2_NO_LEVEL = 40408,
    K2_NO_MODE = 40409,
    K2_INCOMPATIBLE = 409,
    K2_BAD_SCHEMA = 42201,
    K2_BAD_VERSION = 42202,
    K2_BAD_LEVEL = 42203,
    K2_BAD_MODE = 42204,
    K2_NOT_PERMITTED = 42205,
    K2_REFERENCED = 42206,
    K2_BAD_SUBJECT = 42208,
};

enum { K2_VERSION_LATEST = -1, K2_VERSION_ALL = 0 };

struct k2_schema_given {
    enum k2_schema_type type;
    struct k2_sv text;
    const struct k2_schema_ref *refs; /* those it names itself; without texts */
    size_t ref_count;
    uint32_t id; /* mode IMPORT; else 0 */
    int version; /* 0 = the next */
    bool normalize;
};

struct k2_subject_version {
    struct k2_sv subject;
    int version;
    bool deleted;
    uint32_t id;
    enum k2_schema_type type;
    struct k2_sv text;
    const struct k2_schema_ref *refs;
    size_t ref_count;
};

/* --- subjects.c: registering and looking --- */

/* `out` may be NULL. Equal to a version that is there: that version. */
K2_RC k2_subject_register(struct k2_registry *r, struct k2_sv subject,
                          const struct k2_schema_given *g, struct k2_subject_version *out,
                          struct k2_err *err);
/* The version of the subject that is this schema. */
K2_RC k2_subject_find(struct k2_registry *r, struct k2_sv subject, const struct k2_schema_given *g,
                      bool deleted, struct k2_subject_version *out, struct k2_err *err);
K2_RC k2_subject_get(struct k2_registry *r, struct k2_sv subject, int version, bool deleted,
                     struct k2_subject_version *out, struct k2_err *err);
/* Would the schema be taken? version: one of the subject, or K2_VERSION_ALL, those that its level looks at. Findings are
 * none if so; to be freed. */
K2_RC k2_subject_compare(struct k2_registry *r, struct k2_sv subject, int version,
                         const struct k2_schema_given *g, struct k2_compat_findings *out,
                         struct k2_err *err);
/* Has the table of the subject's records a column for every field of this Avro schema, beside those of all schemas that
 * are registered? K2_INCOMPATIBLE if not, as registering it would be. */
K2_RC k2_subject_columns(struct k2_registry *r, struct k2_sv subject, struct k2_sv text,
                         struct k2_err *err);
/* Every version of every subject, subjects by name, versions ascending. The visitor calls nothing of the registry. */
K2_RC k2_subjects_each(struct k2_registry *r, bool deleted,
                       void (*visit)(void *ctx, const struct k2_subject_version *v), void *ctx,
                       struct k2_err *err);
/* A schema by its id, named by a subject or not: subject and version are empty. */
K2_RC k2_subjects_schema(struct k2_registry *r, uint32_t id, struct k2_subject_version *out,
                         struct k2_err *err);

/* --- subjects_delete.c --- */

/* The numbers of the versions that are gone now, in *versions, to be freed. */
K2_RC k2_subject_delete(struct k2_registry *r, struct k2_sv subject, bool permanent, int **versions,
                        size_t *n, struct k2_err *err);
K2_RC k2_subject_delete_version(struct k2_registry *r, struct k2_sv subject, int version,
                                bool permanent, int *deleted, struct k2_err *err);

/* --- subjects_rules.c: levels and modes; subject empty = the global ones --- */

K2_RC k2_subject_level(struct k2_registry *r, struct k2_sv subject, bool or_global,
                       enum k2_compat_level *out, struct k2_err *err);
K2_RC k2_subject_level_set(struct k2_registry *r, struct k2_sv subject, enum k2_compat_level level,
                           struct k2_err *err);
/* Back to the global one; of the global one, to BACKWARD. *was: what it was. */
K2_RC k2_subject_level_clear(struct k2_registry *r, struct k2_sv subject, enum k2_compat_level *was,
                             struct k2_err *err);
K2_RC k2_subject_mode(struct k2_registry *r, struct k2_sv subject, bool or_global,
                      enum k2_registry_mode *out, struct k2_err *err);
/* To IMPORT only while there are no versions, or by force. */
K2_RC k2_subject_mode_set(struct k2_registry *r, struct k2_sv subject, enum k2_registry_mode mode,
                          bool force, struct k2_err *err);
K2_RC k2_subject_mode_clear(struct k2_registry *r, struct k2_sv subject, enum k2_registry_mode *was,
                            struct k2_err *err);

#endif
