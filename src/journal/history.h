/* journal/history.h - what the log knows about events accepted long ago, for the sequence engine. */
#ifndef K2_JOURNAL_HISTORY_H
#define K2_JOURNAL_HISTORY_H

#include "journal/journal.h"

struct history;
/* archive: where segments that retention deleted are looked up; load may be NULL. */
struct history *history_new(struct journal *j, struct seq_history archive);
void history_free(struct history *h);
/* The engine's view of it. Everything appended before a load is made durable by it, so that it is seen. */
struct seq_history history_source(struct history *h);

#endif
