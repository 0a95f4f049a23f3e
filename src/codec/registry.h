/* codec/registry.h - the embedded schema registry: subjects, versions, ids in the data directory.
 *
 * Subjects are TOPIC-value (the registry's TopicNameStrategy); equal schema text has one id in all
 * subjects. A new version of a subject must be FULL_TRANSITIVE compatible with every earlier one
 * (architecture, rule "Schemas"). Registration is durable before it returns, so an id is on disk
 * before the first record that uses it.
 * File: <dir>/schemas.json, replaced atomically; format version inside.
 * Thread-safety: one owner at a time; several processes may read, the journal's lock guards writes.
 */
#ifndef K2_CODEC_REGISTRY_H
#define K2_CODEC_REGISTRY_H

#include "codec/avro.h"

struct k2_registry;

K2_RC k2_registry_open(const char *dir, struct k2_registry **out, struct k2_err *err);
void k2_registry_close(struct k2_registry *r);
/* The id of this schema in this subject, registered now if it is new. */
K2_RC k2_registry_register(struct k2_registry *r, struct k2_sv subject, struct k2_sv schema,
                           uint32_t *id, struct k2_err *err);
/* Schema text by id; looks at the file again before it says K2_E_NOTFOUND. Borrowed until close. */
K2_RC k2_registry_schema(struct k2_registry *r, uint32_t id, struct k2_sv *schema,
                         struct k2_err *err);
struct k2_schema_source k2_registry_source(struct k2_registry *r);
/* Visits every version of every subject, in the order of registration; versions count from 1. The
 * subject is borrowed for the call. */
void k2_registry_each(const struct k2_registry *r,
                      void (*visit)(void *ctx, struct k2_sv subject, int version, uint32_t id),
                      void *ctx);
/* K2_OK when a reader with `reader` can read what `writer` wrote; else K2_E_CONFLICT and why. */
K2_RC k2_schema_can_read(struct k2_sv reader, struct k2_sv writer, struct k2_err *err);

#endif
