/* journal/compare.h - events that were decoded once more against those that are known.
 *
 * By identity: exchange, session date, channel, kind (not on channels that all kinds share), epoch, sequence, part. Of
 * each channel and epoch the known events between the lowest and the highest number that was decoded are looked up, in
 * the log and, for segments that retention deleted, in the tables. All that is given is held in memory, some 70 bytes
 * an event.
 * Included by journal.h, the room's face. Thread-safety: one thread.
 */
#ifndef K2_JOURNAL_COMPARE_H
#define K2_JOURNAL_COMPARE_H

#include "feed/feed.h"

struct journal;
struct compare;

enum compare_change {
    COMPARE_SAME,
    COMPARE_ADDED,   /* decoded, and not known */
    COMPARE_CHANGED, /* known with another payload */
    COMPARE_MISSING, /* known, and not decoded */
    COMPARE_CHANGES
};

struct compare_row {
    enum compare_change change;
    enum k2_kind_id
        kind; /* of the event; of a missing one on a channel that all kinds share: SEQ_SHARED */
    struct k2_sv exchange, channel;
    int32_t trade_date, epoch, part;
    int64_t sequence;
    int64_t number; /* among the events that were given, from 0; -1: missing */
};

/* archive: as for ingest_open; load may be NULL. */
struct compare *compare_new(struct journal *j, struct seq_history archive);
void compare_free(struct compare *c);
void compare_add(struct compare *c, const struct k2_event *e, const struct k2_interner *in);
/* Once. Tells each row, the known ones that are the same too; of several events with one identity the first counts,
 * the others are in *repeated. */
K2_RC compare_run(struct compare *c, void (*row)(void *ctx, const struct compare_row *row),
                  void *ctx, int64_t *repeated, struct k2_err *err);

#endif
