/* journal/checkpoint.h - the sequence engine's state, kept in the log itself.
 *
 * Topic k2.sequence, partition 0. Each record is the whole state as of an offset vector:
 * Avro {ends: array of {topic string, partition int, end long}, state: bytes (seq_engine_save)}. The last
 * record and the log behind its vector give the state of now.
 */
#ifndef K2_JOURNAL_CHECKPOINT_H
#define K2_JOURNAL_CHECKPOINT_H

#include "journal/journal.h"

/* Everything the engine has judged as new must be durable in the journal before the call. */
K2_RC checkpoint_save(struct journal *j, const struct seq_engine *engine, struct k2_err *err);
/* How far the last checkpoint covers a partition: the engine is rebuilt from what is behind it. INT64_MAX for topics whose
 * records it does not judge. checkpoint_last gives what is asked; empty: there is no checkpoint. */
K2_RC checkpoint_last(struct journal *j, struct k2_buf *out, struct k2_err *err);
int64_t checkpoint_covers(const struct k2_buf *last, const char *topic, int32_t partition);
/* Into a fresh engine. */
K2_RC checkpoint_restore(struct journal *j, struct seq_engine *engine, struct k2_err *err);

#endif
