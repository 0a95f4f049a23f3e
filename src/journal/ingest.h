/* journal/ingest.h - the way of an event into the journal: decoder -> sequence engine -> Avro -> log.
 *
 * What is accepted is appended to its kind's topic; what is refused or conflicts goes to the quarantine
 * topic with raw bytes, reason, source and position; duplicates are counted and dropped. Always:
 *     read = accepted + duplicates + conflicts + quarantined + filtered
 * The state of the sequence engine is kept as a checkpoint in the topic k2.sequence and rebuilt from the log
 * behind it; what it no longer remembers is looked up in the log, by one pass per channel and batch, or in
 * the tables, by the caller's `archive`.
 * Included by journal.h, the room's face. Thread-safety: one thread per struct ingest; it is the journal's
 * one appender.
 */
#ifndef K2_JOURNAL_INGEST_H
#define K2_JOURNAL_INGEST_H

#include "feed/feed.h"

struct journal;
struct ingest;

struct ingest_options {
    size_t batch_bytes; /* 0 = 256 KB: gathered before one write */
    /* Accepted events whose segments retention has deleted; load NULL = there are none. */
    struct seq_history archive;
    void (*progress)(void *ctx, int64_t done_bytes, int64_t all_bytes);
    void *progress_ctx;
};

struct ingest_stats {
    int64_t read, accepted, duplicates, conflicts, quarantined, filtered;
    int64_t gaps, missing; /* gaps found, and the numbers they lacked when found */
    int64_t out_of_order, resets;
    int64_t requarantined; /* of quarantined and conflicts: stored before, and not again */
    int64_t bytes;         /* of the sources, as read */
};

/* Restores the sequence engine. The journal is open for writing; borrowed. */
K2_RC ingest_open(struct journal *j, const struct ingest_options *o, struct ingest **out,
                  struct k2_err *err);
/* Ends without flushing; NULL is fine. */
void ingest_close(struct ingest *g);

/* Reads one source with a decoder until its end, then flushes (ingest_flush). `o->source` is what
 * quarantine records name. keep_counting: ordinal feeds go on after what the journal holds (--continue).
 * On error what was whole before it is in the journal and is flushed. */
K2_RC ingest_file(struct ingest *g, const char *path, const struct feed_ops *feed,
                  const struct feed_options *o, bool keep_counting, struct k2_err *err);
/* One event that is not from a file (simulator); its strings are ids of ingest_interner. */
K2_RC ingest_event(struct ingest *g, const struct k2_event *e, struct k2_err *err);
struct k2_interner *ingest_interner(struct ingest *g);
/* Judges, appends and makes durable all that was given so far, with a checkpoint. */
K2_RC ingest_flush(struct ingest *g, struct k2_err *err);
struct ingest_stats ingest_stats(const struct ingest *g); /* since ingest_open */
/* Visits the gaps that are open now (feed.h, seq_engine_gaps). */
const struct seq_engine *ingest_sequence(const struct ingest *g);

#endif
