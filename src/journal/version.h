/* journal/version.h - the versions of a topic: how it comes to more partitions without breaking the order of a symbol.
 *
 * The partitions of a topic are fixed for its life, since a key's partition follows from their number. More of them come
 * with another topic: market.ticks.sim.v2 is version 2 of market.ticks.sim, which is version 1 and the name of all of
 * them together. A version is appended to once it is *in use*: the journal has noted its cut, the ends of the version
 * before it at that moment, durably and in one step; nothing is appended to that version again. So all records of a key
 * in one version are before all of them in the next, and who reads the versions one after the other, each to its cut,
 * has a key's records in the order they were appended in.
 *
 * The partitions of all versions are numbered through, in the order of the versions: where market.ticks.sim has 3, those
 * of market.ticks.sim.v2 are 3, 4, 5 ... That is the number a row has (journal_partition), so that (journal_id, topic
 * without version, partition, offset) names one record only. Positions and vectors name topics, so they need none of this.
 *
 * Included by journal.h, the room's face. Thread-safety: journal_grow as for appending, the others as for readers.
 */
#ifndef K2_JOURNAL_VERSION_H
#define K2_JOURNAL_VERSION_H

#include "base/buf.h"
#include "base/err.h"

struct journal;
struct journal_topic;

/* "market.ticks.sim.v2" -> "market.ticks.sim" and 2. Every other name is version 1 of itself. */
struct k2_sv journal_version_parse(struct k2_sv name, int32_t *version);
void journal_version_name(struct k2_sv of, int32_t version, struct k2_buf *out);

/* The versions of a topic, oldest first; `of` may be the name of any of them. Gives a heap array (free); topics as
 * journal_topic gives them. K2_E_NOTFOUND: there is no such topic. K2_E_CONFLICT: one in between is gone. */
K2_RC journal_versions(struct journal *j, struct k2_sv of, struct journal_topic **out, int *n,
                       struct k2_err *err);
/* The version that is appended to. `create` makes version 1 where there is none. */
K2_RC journal_topic_newest(struct journal *j, struct k2_sv of, bool create,
                           struct journal_topic *out, struct k2_err *err);
/* The version and its partition that a row's number names. */
K2_RC journal_place(struct journal *j, struct k2_sv of, int32_t row_partition,
                    struct journal_topic *out, int32_t *partition, struct k2_err *err);
/* The noted cut: for each partition of the version before this one its exclusive end. Gives a heap array (free), n = 0
 * where none is noted: of version 1, and of one that is not in use yet. */
void journal_cut(struct journal *j, const struct journal_topic *t, int64_t **cut, int *n);

struct journal_grown {
    int32_t version, partitions, first; /* of the version that is appended to now */
    bool already;                       /* it had so many partitions before */
};

/* Everything appended before goes to the version that was newest, everything after to one with so many partitions, more
 * than it had. Called again after a crash it finishes what was begun. K2_E_INVALID: the topic cannot have versions, or
 * would become narrower. */
K2_RC journal_grow(struct journal *j, struct k2_sv of, int32_t partitions,
                   struct journal_grown *out, struct k2_err *err);

/* --- version_proof.c: the order of every key over all versions, read back --- */

struct journal_version_proof {
    int32_t version, partitions, first;
    int64_t records, keys; /* keys: that have records in this version */
    int64_t late;          /* numbered below the record before them, as what fills a gap is */
    int64_t behind;        /* at or behind the cut that ended the version */
    int64_t misplaced;     /* not in the partition of their key */
    int64_t overtaken;     /* appended after a record of the same key in a later version */
};

/* Reads all versions. Gives one proof a version, a heap array (free). Nothing is wrong when behind, misplaced and overtaken
 * are 0 in all of them. progress (may be NULL) is called batch by batch. */
K2_RC journal_versions_prove(struct journal *j, struct k2_sv of,
                             void (*progress)(void *ctx, int64_t records), void *ctx,
                             struct journal_version_proof **out, int *n, struct k2_err *err);

#endif
