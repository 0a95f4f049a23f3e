/* query/archive.h - events that the tables hold and the journal does not, for the sequence engine.
 *
 * Retention removes segments whose events are in the tables; a journal may also be younger than its tables.
 * A file that is read again must still add nothing, so the engine's history looks there too.
 * Included by query.h, the room's face. Thread-safety: one thread, the ingest's.
 */
#ifndef K2_QUERY_ARCHIVE_H
#define K2_QUERY_ARCHIVE_H

#include "journal/journal.h"

struct archive;

/* *out is NULL when the journal holds all that the tables hold: then nothing need be asked. The engine is
 * opened on the first question. */
K2_RC archive_open(struct journal *j, const char *data, struct archive **out, struct k2_err *err);
void archive_close(struct archive *a);
/* load is NULL for a NULL archive. */
struct seq_history archive_history(struct archive *a);

#endif
