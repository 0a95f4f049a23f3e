/* journal/copy.h - the records of a topic into another journal, partition by partition.
 *
 * Keys and values stay what they are, but for the schema id of a value, which becomes the id of the same schema in the
 * other journal's registry. A record keeps its partition and its place among the others of it. Offsets and times of
 * appending are those of the other journal; `raw_offset` inside a row still names the frame in the journal it came from.
 *
 * What the other journal holds of the topic already is compared, record by record, and only what follows is appended. So a
 * copy that was broken off is gone on with by the same call, and a call that copies nothing has shown that both are equal.
 * Included by journal.h, the room's face. Thread-safety: one thread.
 */
#ifndef K2_JOURNAL_COPY_H
#define K2_JOURNAL_COPY_H

#include "codec/codec.h"

struct journal;

struct journal_copied {
    int32_t partitions;
    int64_t equal, copied; /* records that were there, and that were appended */
    int64_t removed;       /* there, and gone by retention where they came from */
};

/* Whether a copy of the topic can mean anything: K2's own state (k2.*) and derived totals name places in their journal,
 * which are others in another. journal_copy refuses them (K2_E_INVALID). */
bool journal_copy_makes_sense(struct k2_sv topic);

/* from: open for reading. to: open for writing; the topic is made with `from`'s number of partitions where `to` was opened
 * with that number. K2_E_DATA: the topic there has another number of partitions, or records that are not those of
 * `from`; what was appended before stays. K2_E_NOTFOUND: `from` has no such topic. progress (may be NULL) is
 * called after each record. */
K2_RC journal_copy(struct journal *from, struct journal *to, struct k2_sv topic,
                   void (*progress)(void *ctx, int64_t records), void *ctx,
                   struct journal_copied *out, struct k2_err *err);

#endif
