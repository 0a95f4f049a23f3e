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
/* Into a fresh engine. */
K2_RC checkpoint_restore(struct journal *j, struct seq_engine *engine, struct k2_err *err);

#endif
