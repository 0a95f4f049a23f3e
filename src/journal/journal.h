/* journal/journal.h - the durable ordered log of everything that happened.
 *
 * Topics of N partitions; each partition is an ordered sequence of records numbered 0, 1, 2 ... (its
 * offsets). A record is a key and a value; the value is in Confluent wire format (codec/avro.h). A URL
 * chooses the backend: "local:" (journal/local) or "kafka://..." (journal/kafka; decision 78). The local one keeps all partitions of a data directory in one chain of segment files, so that one
 * fdatasync makes everything appended before it durable (journal/local/segment.c specifies the bytes).
 *
 * Promises:
 *  - What journal_flush acknowledged survives a power cut. What is not durable is never served to a
 *    reader, in this process or another, so nothing downstream can know a record that is later lost.
 *  - Offsets grow and are never reused; in the local backend they are dense, on Kafka some are no record's (the ends
 *    of transactions), so nothing counts records as to - from. A torn tail is cut at open. Damage below what was
 *    acknowledged is K2_E_CORRUPT, never cut.
 *  - Positions are exclusive ends keyed by (incarnation, topic, partition). The incarnation
 *    (journal_id) is drawn when the journal is created.
 *
 * Thread-safety: a journal opened for writing may be appended to by one thread; journal_flush and
 * readers may run on other threads. Any number of processes may open it for reading; one for writing
 * (lock run/journal.lock names it).
 */
#ifndef K2_JOURNAL_JOURNAL_H
#define K2_JOURNAL_JOURNAL_H

#include "codec/codec.h"

struct journal;

enum journal_mode { JOURNAL_READ, JOURNAL_WRITE };

struct journal_options {
    const char *url;        /* NULL = what journal_use said; borrowed for the call */
    int64_t segment_bytes;  /* 0 = 256 MB: a segment is sealed at about this size */
    int32_t partitions;     /* of a topic made by journal_topic; 0 = as the profile says */
    const char *command;    /* what the lock file says of us; NULL = "k2" */
    int64_t (*clock)(void); /* NULL = k2_now_ns; append times are max(previous, clock) */
    /* Not NULL: the writer's lock is the caller's, who keeps it while the journal is closed and opened anew.
     * Taken into *lock where that is NULL, and not released by journal_close. */
    struct k2_lock **lock;
};

/* Where the journals are that are opened without a url: "local:" until somebody says otherwise. Before any other call. */
K2_RC journal_use(const char *url, struct k2_err *err);
K2_RC journal_url_check(const char *url, struct k2_err *err);
bool journal_is_local(void);
/* The keys of the local journal from now on (docs/encryption.md), 64 hexadecimal digits each. current: new segments are
 * encrypted with it; "" = as the journal is, if that is in the clear; "off" = in the clear from now on. old: keys of older
 * segments, with blanks or commas between them. Before any journal is opened. */
K2_RC journal_use_keys(const char *current, const char *old, struct k2_err *err);
/* Whether they could be used. */
K2_RC journal_check_keys(const char *current, const char *old, struct k2_err *err);
/* Appends the URL as it may be shown: a secret that stands in it is "***", a reference to one (env: file:) stays. */
void journal_url_print(const char *url, struct k2_buf *out);

/* Opens <data>/journal. JOURNAL_WRITE creates it on first use, takes the lock and recovers the tail;
 * JOURNAL_READ on a directory without a journal is K2_E_NOTFOUND. */
K2_RC journal_open(const char *data, enum journal_mode mode, const struct journal_options *options,
                   struct journal **out, struct k2_err *err);
/* NULL is fine. Does not flush: what was not flushed may be lost. */
void journal_close(struct journal *j);
int32_t journal_id(const struct journal *j); /* incarnation, > 0 */
/* The schema registry that lives beside the log; borrowed. */
struct k2_registry *journal_registry(struct journal *j);

/* --- topics --- */

struct journal_topic {
    int32_t id; /* dense from 0, of this journal */
    int32_t partitions;
    const char *name; /* borrowed from the journal */
    int32_t version;  /* see version.h; 1 for nearly all */
    int32_t first;    /* the number that its partition 0 has in rows, 0 in version 1 */
    struct k2_sv of;  /* the name without the version; borrowed */
};

/* Finds a topic; in JOURNAL_WRITE mode `create` makes it, durably (the appending thread only). Else
 * K2_E_NOTFOUND. */
K2_RC journal_topic(struct journal *j, struct k2_sv name, bool create, struct journal_topic *out,
                    struct k2_err *err);
int32_t journal_topic_count(struct journal *j);
struct journal_topic journal_topic_at(struct journal *j, int32_t id);
/* The partition of a key: Kafka's default partitioner. */
int32_t journal_partition(const struct journal_topic *t, struct k2_sv key);

/* --- appending --- */

/* Records are gathered per partition in memory and written as one batch each by journal_write.
 * journal_record_begin puts the key and returns the buffer to append the value to (one copy: the codec
 * writes straight into it); journal_record_end closes the record and gives its offset, or
 * journal_record_abort takes it back. event_ns is the event's own time, for the time index. */
struct k2_buf *journal_record_begin(struct journal *j, int32_t topic, int32_t partition,
                                    struct k2_sv key);
int64_t journal_record_end(struct journal *j, int64_t event_ns);
void journal_record_abort(struct journal *j);
size_t journal_pending_bytes(const struct journal *j); /* gathered and not yet written */

/* Writes the gathered batches to the log (page cache); gives the log position they end at. Not
 * durable yet. All records of one write share the append time. */
K2_RC journal_write(struct journal *j, int64_t *position, struct k2_err *err);
/* Waits until everything up to `position` is durable (group commit: one fdatasync serves every caller
 * that waits). The thread that syncs runs while the next batches are gathered and written. */
K2_RC journal_flush(struct journal *j, int64_t position, struct k2_err *err);
/* journal_write + journal_flush. */
K2_RC journal_commit(struct journal *j, struct k2_err *err);

/* journal_commit, and the positions of a group with it: `from` of the spans. On Kafka they are in the same transaction. A
 * local journal saves them behind it, so they may be older than the records after a crash, never newer: who needs both
 * to agree keeps the positions in its records too (derive.h). */
struct journal_span;
K2_RC journal_commit_with(struct journal *j, const char *group, const struct journal_span *spans,
                          int n, struct k2_err *err);

/* --- reading --- */

struct journal_span { /* of one partition: [from, to) */
    int32_t topic, partition;
    int64_t from, to;
};

struct journal_batch { /* borrowed until the next journal_next or close */
    int32_t topic, partition, count;
    int64_t base_offset;
    int64_t append_ns; /* when it was appended: ingest_timestamp of its rows */
    const uint8_t *records;
    size_t bytes;
    int32_t
        row_partition; /* `partition` as rows have it: numbered through all versions of the topic */
};

struct journal_record {
    struct k2_sv key, value;
    int64_t offset;
};

struct journal_reader;
/* Reads the spans in log order (per partition: offset order; a version of a topic behind the one before it), all
 * partitions in one pass. A `to`
 * beyond the durable end means the durable end as of the call. A `from` below the oldest kept offset is
 * K2_E_NOTFOUND and says where it begins. */
K2_RC journal_read(struct journal *j, const struct journal_span *spans, int n,
                   struct journal_reader **out, struct k2_err *err);
/* 1 = a batch, 0 = the end of the spans, negative = error. Batches are cut to the span: `count`,
 * `base_offset` and `records` name exactly the records asked for. Checksums are verified. */
int journal_next(struct journal_reader *r, struct journal_batch *batch, struct k2_err *err);
void journal_reader_close(struct journal_reader *r);
/* Iterates a batch: false at its end. *cursor starts at 0 and is not for the caller to read. */
bool journal_batch_next(const struct journal_batch *b, size_t *cursor, struct journal_record *out);

/* Durable end (exclusive) and oldest kept offset of each partition of a topic, refreshed by the call. */
K2_RC journal_ends(struct journal *j, int32_t topic, int64_t *ends, struct k2_err *err);
K2_RC journal_starts(struct journal *j, int32_t topic, int64_t *starts, struct k2_err *err);
/* Returns when something may have been appended since journal_ends was first called after the last wait, at the latest after
 * so many nanoseconds; also sooner, for no reason. A local journal's readers are woken by its writer, whichever process
 * that is, as soon as it has synced; on Kafka this sleeps. One thread waits at a time. */
void journal_wait(struct journal *j, int64_t ns);
/* Holds retention off, in this process or another, until it is released or the process ends: what
 * journal_starts says afterwards can be read. For looks that end; a follower would keep the log for ever. */
struct journal_pin;
K2_RC journal_pin(struct journal *j, struct journal_pin **out, struct k2_err *err);
void journal_unpin(struct journal_pin *p); /* NULL is fine; before journal_close */
/* For each partition of a topic the number of leading records appended before T (exclusive end), for
 * as-of by position. Times index survives retention. */
K2_RC journal_ends_at(struct journal *j, int32_t topic, int64_t append_ns_before, int64_t *ends,
                      struct k2_err *err);

/* When the last record of a partition was appended (0 = it has none), and its value, put into *value (NULL = is not
 * wanted). */
K2_RC journal_last(struct journal *j, int32_t topic, int32_t partition, struct k2_buf *value,
                   int64_t *append_ns, struct k2_err *err);

/* --- consumer positions --- */

/* Durable, one file per group; spans hold topic, partition and `from` (the next offset to read). */
K2_RC journal_position_save(struct journal *j, const char *group, const struct journal_span *spans,
                            int n, struct k2_err *err);
/* Gives a heap array (free); a group without a file has n = 0. */
K2_RC journal_position_load(struct journal *j, const char *group, struct journal_span **spans,
                            int *n, struct k2_err *err);
/* The groups that have saved a position, in byte order; gives an array for k2_fs_names_free. */
K2_RC journal_groups(struct journal *j, char ***names, size_t *n, struct k2_err *err);
/* The group is forgotten, and retention does not ask it any more, until it saves a position again. K2_E_NOTFOUND:
 * there is none. */
K2_RC journal_group_remove(struct journal *j, const char *group, struct k2_err *err);
/* A process that reads for a group as a member of it, as Kafka has them. K2's own roles assign partitions by hand and are
 * none. */
struct journal_member { /* borrowed for the call */
    const char *id, *client, *host;
    const struct journal_span *spans; /* the partitions it was given */
    int span_count;
};
K2_RC journal_group_members(struct journal *j, const char *group,
                            void (*visit)(void *ctx, const struct journal_member *m), void *ctx,
                            struct k2_err *err);
/* When the first record at or behind an offset was appended; 0 = there is none. */
K2_RC journal_append_at(struct journal *j, int32_t topic, int32_t partition, int64_t from,
                        int64_t *append_ns, struct k2_err *err);
/* When a group last saved its position; -1 if it never did. */
int64_t journal_group_saved_ns(const struct journal *j, const char *group);
/* The group raw.EXCHANGE.HASH of a live source is saved every few seconds while that is at work. One that is not saved any
 * more, because its process was killed and never started again, is asked by retention for so long and then no more. */
#define JOURNAL_LIVE_GROUP_HOLDS (30 * K2_NS_PER_DAY)
/* Since when the group of a live source is not saved; 0 = it is at work, or is no such group. */
int64_t journal_group_left_ns(const struct journal *j, const char *group, int64_t now_ns);

/* --- what is known of the log --- */

/* Bytes and times of the records that each partition of a topic keeps; frame headers are counted. Bytes are -1 where
 * the backend does not tell them. */
struct journal_size {
    int64_t bytes, segments, first_append_ns, last_append_ns; /* times are 0 without records */
};
K2_RC journal_sizes(struct journal *j, int32_t topic, struct journal_size *sizes,
                    struct k2_err *err);
/* Visits the gaps that are open now, as k2 ingest would find them when it starts: of the newest session
 * dates of each exchange (feed.h, seq_engine_gaps). */
K2_RC journal_gaps(struct journal *j,
                   void (*gap)(void *ctx, struct k2_sv exchange, int32_t trade_date,
                               struct k2_sv channel, enum k2_kind_id kind, int32_t epoch,
                               int64_t from, int64_t to),
                   void *ctx, struct k2_err *err);

struct seq_engine;
/* The sequence engine as k2 ingest would find it when it starts, for who only reads: its gaps and halts. To be freed. */
K2_RC journal_sequence(struct journal *j, struct seq_engine **out, struct k2_err *err);

/* How the kept segments are encrypted: those that share a key, the oldest first. Nothing on Kafka. */
struct journal_encryption {
    char key[17]; /* id of the key, 16 hexadecimal digits; "" = in the clear */
    bool given;   /* whether we have the key: they can be read */
    int segments;
    int64_t bytes;
};
K2_RC journal_encryption(struct journal *j,
                         void (*visit)(void *ctx, const struct journal_encryption *e), void *ctx,
                         struct k2_err *err);

/* --- digests, retention, verification --- */

/* Of the rows of one (topic, exchange, symbol, session date) in a segment. */
struct journal_digest {
    char exchange[32], symbol[64];
    enum k2_kind_id kind;
    int32_t trade_date;
    int64_t count, min_sequence, max_sequence;
    struct k2_h128 sum; /* of k2_row_hash, mod 2^128 */
};

struct journal_segment_info {
    int64_t number, bytes, first_append_ns, last_append_ns;
    bool sealed;
    const struct journal_span *spans; /* what it holds of each partition; borrowed */
    int span_count;
    const struct journal_digest *digests; /* sealed segments only; borrowed */
    int digest_count;
};

int journal_segment_count(struct journal *j);
K2_RC journal_segment(struct journal *j, int index, struct journal_segment_info *out,
                      struct k2_err *err);
/* The segments that retention removed: their spans and digests stay, oldest first. */
int journal_removed_count(struct journal *j);
K2_RC journal_removed(struct journal *j, int index, struct journal_segment_info *out,
                      struct k2_err *err);
/* Seals the current segment now (JOURNAL_WRITE), even if it is small. */
K2_RC journal_seal(struct journal *j, struct k2_err *err);

struct journal_retention {
    int64_t older_than_ns; /* append time; segments wholly before it may go */
    int64_t keep_bytes;    /* 0 = no limit; else the oldest go until the rest fits */
    /* The fence. Called once per candidate, oldest first: K2_OK lets it go (the tables hold it, its
     * digest was verified and stored); anything else stops retention there and says why. */
    void *ctx;
    K2_RC (*may_go)(void *ctx, const struct journal_segment_info *segment, struct k2_err *err);
    bool dry_run;
};

/* A dry run needs no journal that is open for writing.
 * Gives the number of segments that went; stopped[0] != 0 tells in words what stopped it. Consumer
 * groups that have not read a segment stop it too. */
K2_RC journal_retain(struct journal *j, const struct journal_retention *r, int *removed,
                     char stopped[256], struct k2_err *err);

/* Checks every byte of every segment and index; each finding is reported; gives their number. */
K2_RC journal_verify(struct journal *j, void (*finding)(void *ctx, const char *text), void *ctx,
                     int64_t *findings, int64_t *records, struct k2_err *err);

#include "journal/derive.h"
#include "journal/execution.h"
#include "journal/image.h"
#include "journal/profile.h"
#include "journal/ingest.h"
#include "journal/ledger.h"
#include "journal/raw_decode.h"
#include "journal/counted.h"
#include "journal/source.h"
#include "journal/compare.h"
#include "journal/copy.h"
#include "journal/tier.h"
#include "journal/version.h"

#endif
