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
    /* Told of each step of the ledger that was appended; NULL = nobody. Never waits. */
    void (*step)(void *ctx, const struct seq_step *step);
    void *step_ctx;
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
    int64_t requarantined;    /* of quarantined and conflicts: stored before, and not again */
    int64_t bytes;            /* of the sources, as read */
    int64_t conflict_records; /* that the conflicts are: events of one record share it */
    int64_t by_place;         /* of conflicts: of channels whose events the decoder counts */
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
/* journal_grow, between what was given before and what comes after. */
struct journal_grown;
K2_RC ingest_grow(struct ingest *g, struct k2_sv topic, int32_t partitions,
                  struct journal_grown *out, struct k2_err *err);
struct ingest_stats ingest_stats(const struct ingest *g); /* since ingest_open */
/* That of the last event judged; empty before the first. Borrowed until the next one is judged. */
struct k2_sv ingest_exchange(const struct ingest *g);
/* Adds `times` times what another counted: 1, or -1 for the difference of two. */
void ingest_stats_add(struct ingest_stats *sum, const struct ingest_stats *more, int times);
/* A person's step: SEQ_GIVEN_UP or SEQ_ACKNOWLEDGED of the gap that holds number which->from of that channel.
 * K2_E_NOTFOUND: none does. note: NULL = none. *again: it was already. */
K2_RC ingest_mark(struct ingest *g, const struct seq_step *which, const char *actor,
                  const char *note, bool *again, struct k2_err *err);
/* --- a quarantined record once more --- */

struct ingest_retry {
    const struct feed_ops *feed; /* the decoder, mended meanwhile */
    const char *calendar;        /* NULL = the exchange's own */
    struct k2_sv mapping,
        header; /* header: lines that the format wants before any record; may be empty */
    /* The record: as quarantine.def has it. */
    struct k2_sv id; /* its message_id */
    struct k2_sv exchange, symbol, source, raw;
    int32_t date; /* INT32_MIN = not known */
    int64_t position, offset;
    struct k2_sv channel; /* of the number it used up; empty = not numbered */
    int64_t sequence;
    int32_t epoch;
};

enum ingest_retried {
    INGEST_RETRY_ACCEPTED, /* it is an event now, with the number that it had used up */
    INGEST_RETRY_KNOWN,    /* the same event was there already */
    INGEST_RETRY_REFUSED   /* as before; `why` says it */
};

/* Unless it is refused still, a record of reason RETRIED is added that names it, once. Durable with the next flush. */
K2_RC ingest_retry(struct ingest *g, const struct ingest_retry *r, enum ingest_retried *out,
                   struct k2_buf *why, struct k2_err *err);

/* --- what a feed did not send and no number tells (feed.h, outages) ---
 *
 * Entries of the ledger, also of feeds that number nothing. Each is appended at once, is durable with the next
 * flush or commit, and is open until its end is said, also over restarts. To say one again while it is open, or
 * an end where none is open, changes nothing. */
struct ingest_outage {
    enum seq_cause cause;  /* not SEQ_NUMBERS */
    struct k2_sv exchange; /* empty = not known */
    struct k2_sv feed;     /* its name, as in [feed.NAME] */
    int32_t date;          /* SEQ_SESSION: the session date */
    int64_t at_ns;         /* when it began, or ended; UTC */
    struct k2_sv source,
        why; /* of a beginning: the source's path or address, and words; may be empty */
};
K2_RC ingest_outage(struct ingest *g, const struct ingest_outage *o, struct k2_err *err);
K2_RC ingest_outage_over(struct ingest *g, const struct ingest_outage *o, struct k2_err *err);
bool ingest_is_out(const struct ingest *g, const struct ingest_outage *o);
/* The two for connections: one ended at at_ns (LIVE_DISCONNECTED), one began (LIVE_CONNECTED). Who knows at its start
 * when its last frame came in an earlier run says ingest_disconnect with that time before ingest_connect. */
K2_RC ingest_disconnect(struct ingest *g, struct k2_sv exchange, struct k2_sv feed,
                        struct k2_sv url, struct k2_sv why, int64_t at_ns, struct k2_err *err);
K2_RC ingest_connect(struct ingest *g, struct k2_sv exchange, struct k2_sv feed, int64_t at_ns,
                     struct k2_err *err);
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

/* A file, or a live source, with its decoder, of which each step reads what is there now. Any number share one struct ingest, its
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
    bool anew;          /* with resume: from its start all the same, and marked from there */
    bool keep_counting; /* as for ingest_file; not with follow or resume */
    double
        speed; /* 0 = as fast as it goes; 1 = as it happened, by event time; 10 = ten times as fast */
    /* Of live sources (feed_is_live): what feed_live_options has; urls NULL = the path is the only one. Borrowed until
     * it is open. options.exchange must be given; follow, keep_counting and speed are not theirs. */
    const char *const *urls;
    const char *const *send;
    const char *const *headers;
    const char *ca_file;
    const char *feed_name; /* in the ledger; NULL = the path */
    int64_t most_ns;       /* it ends after so long; 0 = never */
    /* Not NULL: it is what the raw topic of options.exchange keeps of this source (raw_decode.h), received in
     * [raw_from_ns, raw_to_ns); nothing is received, and the path is what quarantine records name. */
    const char *raw_source;
    int64_t raw_from_ns, raw_to_ns;
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
/* Of a live source; false: it is a file. */
struct ingest_live_state {
    struct feed_live_state live;
    int64_t twins; /* datagrams that came on both lines, decoded once */
    int64_t next;  /* raw offset behind the last frame that was decoded; -1 = none was */
    bool behind;   /* what an earlier run received is being decoded; nothing is received yet */
};
bool ingest_source_live(const struct ingest_source *s, struct ingest_live_state *out);
/* A descriptor that is readable when a step would find something; -1 = there is none. */
int ingest_source_fd(const struct ingest_source *s);
/* feed_tail_check_end. */
K2_RC ingest_source_check_end(const struct ingest_source *s, struct k2_err *err);
/* Of a live source: what was received and not stored, because its channel was halted, is decoded from the raw topic, and
 * all before it again (ingest_live.h, ingest_live_rewind). The connection goes on. */
K2_RC ingest_source_rewind(struct ingest_source *s, struct k2_err *err);
/* Of a live source: what was asked for elsewhere, as a raw capture, becomes what its connection brought. */
K2_RC ingest_source_give(struct ingest_source *s, struct k2_sv capture, struct k2_err *err);
/* Of a live source that ends for good and is durable: retention does not wait for it any more. */
K2_RC ingest_source_leave(struct ingest_source *s, struct k2_err *err);
/* Of a live source, when its time is over: K2_E_IO, and why, when no connection was ever made. */
K2_RC ingest_source_check_reached(const struct ingest_source *s, struct k2_err *err);
/* Adds a record of the file to topic k2.sources (journal/source.h): what was read of it and accepted, also in
 * earlier runs as far as the caller knows. Nothing read: no record. */
K2_RC ingest_source_record(struct ingest_source *s, int64_t read, int64_t accepted,
                           struct k2_err *err);
/* Does not flush: what it gave becomes durable with the next ingest_flush or ingest_commit. NULL is fine.
 * Before ingest_close. */
void ingest_source_close(struct ingest_source *s);

#endif
