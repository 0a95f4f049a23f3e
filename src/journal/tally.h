/* journal/tally.h - what an ingest counted, by exchange, for the metrics. Added to once for each run of
 * events of one exchange in a batch. Thread-safety: as the ingest's. */
#ifndef K2_JOURNAL_TALLY_H
#define K2_JOURNAL_TALLY_H

#include "journal/ingest.h"

struct tally;

struct tally *tally_new(void);
void tally_free(struct tally *t);
/* What was judged between two states of the statistics: `read` is the sum of the verdicts, since a
 * record is read long before it is judged. An empty exchange counts as UNKNOWN. */
void tally_judged(struct tally *t, struct k2_sv exchange, const struct ingest_stats *before,
                  const struct ingest_stats *after);
/* A gap that is to be recovered, or that halted its channel. */
void tally_gap(struct tally *t, struct k2_sv exchange, bool halts);
/* An entry of the ledger that no number tells. */
void tally_outage(struct k2_sv exchange, enum seq_cause cause);
void tally_refused(struct tally *t, struct k2_sv exchange); /* one record, by its decoder */
/* All that were filtered so far; of which exchange is not known. */
void tally_filtered(struct tally *t, int64_t all);

#endif
