/* journal/local/observe.h - what the journal tells the metrics and the log. Once a write or a sync, never per
 * record; all of it with the journal's mutex held, or before its threads run. */
#ifndef K2_JOURNAL_OBSERVE_H
#define K2_JOURNAL_OBSERVE_H

#include "journal/local/local.h"

void journal_observe_open(const struct local *j);
void journal_observe_write(int64_t records, int64_t batches, int64_t bytes);
void journal_observe_frame(const struct local *j, const struct frame *f); /* it became durable */
void journal_observe_sync(const struct local *j, int64_t took_ns);
void journal_observe_seal(const struct local *j, const struct segment *s);
void journal_observe_removed(const struct local *j, const struct journal_index *segment);

#endif
