/* journal/ingest.h - the way of an event into the journal: decoder -> sequence engine -> Avro -> log.
 *
 * What is accepted is appended to its kind's topic; what is refused or conflicts goes to the quarantine
 * topic with raw bytes, reason, source and position; duplicates are counted and dropped. Always:
 *     read = accepted + duplicates + conflicts + quarantined + filtered + halted
 * halted: beyond a gap that halted its channel; not stored, and new when it is read again after the halt. Each
 * step in the life of a gap is an event too (ledger.h), in topic market.gaps.EXCHANGE.
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

struct ingest_policy {
    struct k2_sv exchange; /* empty: all that have none of their own */
    struct seq_policy policy;
};

struct ingest_options {
    size_t batch_bytes; /* 0 = 256 KB: gathered before one write */
    /* Accepted events whose segments retention has deleted; load NULL = there are none. */
    struct seq_history archive;
    void (*progress)(void *ctx, int64_t done_bytes, int64_t all_bytes); /* of ingest_file */
    void *progress_ctx;
    const struct ingest_policy *policies; /* none: SEQ_POLICY */
    size_t policy_count;
    bool halt_followed,
        halt_others; /* whether gaps of followed files, and of all else, may halt channels */
    /* Told in words what happened to a source: resumed, replaced, truncated. NULL = nobody. */
    void (*note)(void *ctx, const char *path, const char *text);
    void *note_ctx;
};

struct ingest_stats {
    int64_t read, accepted, duplicates, conflicts, quarantined, filtered;
    int64_t halted;        /* read and not stored: their channels are halted */
    int64_t gaps, missing; /* gaps opened, and the numbers they lacked then */
    int64_t ledger;        /* steps of gaps that were stored */
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
/* Judges and appends what waits for its verdict: the counts are then those of all that was given. */
K2_RC ingest_judge(struct ingest *g, struct k2_err *err);
/* The same, and what is missing is a gap now: it waits no more for what comes late. */
K2_RC ingest_settle(struct ingest *g, struct k2_err *err);
/* Settles, appends and makes durable all that was given so far, with a checkpoint. */
K2_RC ingest_flush(struct ingest *g, struct k2_err *err);
struct ingest_stats ingest_stats(const struct ingest *g); /* since ingest_open */
/* Adds `times` times what another counted: 1, or -1 for the difference of two. */
void ingest_stats_add(struct ingest_stats *sum, const struct ingest_stats *more, int times);
/* A person's step: SEQ_GIVEN_UP or SEQ_ACKNOWLEDGED of the gap that holds number which->from of that channel.
 * K2_E_NOTFOUND: none does. note: NULL = none. *again: it was already. */
K2_RC ingest_mark(struct ingest *g, const struct seq_step *which, const char *actor,
                  const char *note, bool *again, struct k2_err *err);
/* For the gaps that are open now (feed.h); older ones are those from before ingest_open. */
const struct seq_engine *ingest_sequence(const struct ingest *g);
/* Judges, appends and makes durable all that was given so far, but settles nothing, and writes checkpoint
 * and marks only when they are due: the group flush of a loop over sources. Cheap when nothing is new.
 * A run ends with ingest_flush. */
K2_RC ingest_commit(struct ingest *g, struct k2_err *err);
/* Why the ingest itself cannot go on (journal, history): once it failed, every call fails the same way.
 * Close it and open another, which recovers from the log. K2_OK: what failed was a source. */
K2_RC ingest_health(const struct ingest *g, struct k2_err *err);

/* --- sources read step by step --- */

/* A file with its decoder, of which each step reads what is there now. Any number share one struct ingest, its
 * thread and its flushes. Where each of them stands is kept in the journal (topic k2.marks), never ahead of
 * what is durable: after a kill or a power cut a source goes on at its mark, and what it reads twice is
 * dropped as duplicates. Without a mark, or when the file is not the marked one, it is read from the start. */
struct ingest_source;

struct ingest_source_options {
    const struct feed_ops *feed;
    /* As for ingest_file; `source` empty = the path. Strings are copied, `wants` is borrowed. */
    struct feed_options options;
    struct k2_sv
        selection;      /* the text that `wants` was made from: with another one no mark is good */
    bool follow;        /* goes on with what the file gains (feed.h, feed_tail_options) */
    bool halt;          /* its gaps may halt channels */
    bool resume;        /* goes on at its mark, if it has a good one */
    bool keep_counting; /* as for ingest_file; not with follow or resume */
    double
        speed; /* 0 = as fast as it goes; 1 = as it happened, by event time; 10 = ten times as fast */
};

K2_RC ingest_source_open(struct ingest *g, const char *path, const struct ingest_source_options *o,
                         struct ingest_source **out, struct k2_err *err);
/* Reads at most max_bytes and hands what is whole to the ingest. *idle: nothing more at the moment, or (speed)
 * not before its time. On failure the source has ended; ingest_health tells whether the ingest has too. */
K2_RC ingest_source_step(struct ingest_source *s, size_t max_bytes, bool *idle, struct k2_err *err);
struct ingest_source_state {
    int64_t done, all; /* bytes read of the file, and its size (-1 = not known) */
    int64_t read;      /* records so far */
    int64_t restarts;  /* times the file was begun again from its start */
    int64_t wait_ns;   /* speed: how long until the next event is due; 0 = at once or not known */
    bool ended;        /* read to its end, or failed: no step is needed any more */
};
struct ingest_source_state ingest_source_state(const struct ingest_source *s);
/* feed_tail_check_end. */
K2_RC ingest_source_check_end(const struct ingest_source *s, struct k2_err *err);
/* Adds a record of the file to topic k2.sources (journal/source.h): what was read of it and accepted, also in
 * earlier runs as far as the caller knows. Nothing read: no record. */
K2_RC ingest_source_record(struct ingest_source *s, int64_t read, int64_t accepted,
                           struct k2_err *err);
/* Does not flush: what it gave becomes durable with the next ingest_flush or ingest_commit. NULL is fine.
 * Before ingest_close. */
void ingest_source_close(struct ingest_source *s);

#endif
