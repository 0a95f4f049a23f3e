/* journal/kafka/kafka.h - the parts of a journal on Kafka that several files of the folder share.
 *
 * Locking: the base's mutex guards the topics, the idle readers and `durable`. What is the appender's is of its thread.
 */
#ifndef K2_JOURNAL_KAFKA_KAFKA_H
#define K2_JOURNAL_KAFKA_KAFKA_H

#include "base/fs.h"
#include "journal/backend.h"
#include "journal/kafka/client.h"
#include "journal/kafka/removed.h"

#define KAFKA_IDLE 4               /* reading clients that are kept for the next reader */
#define KAFKA_JOURNAL "k2.journal" /* the topic that says which journal this is */
#define KAFKA_CUT "cut/"           /* how the keys of its notes of cuts begin */

struct kafka_address { /* of kafka://HOST:PORT[,HOST:PORT]/PREFIX?property=value&... */
    char *text, *servers, *prefix;
    struct kafka_option *options; /* those of librdkafka; key and value are owned */
    int option_count;
    int32_t replication; /* -1 = the broker's default */
};

struct kafka {
    struct journal base;
    struct kafka_address address;
    char *data;
    char *
        dir; /* <data>/kafka/<incarnation>: the schemas as they are known here; NULL until it is known */
    char **names; /* of the topics, as Kafka has them: with the prefix */
    struct k2_lock *lock;
    struct kafka_client *asker; /* never polled */
    struct kafka_client *idle[KAFKA_IDLE];
    int idle_count;
    struct journal_span *lent; /* as kafka_segment gave them last */
    struct kafka_parts gone;   /* what retention removed, by time of appending */

    /* Appending; of the appender's thread alone. */
    struct kafka_client *writer;
    int64_t written, durable; /* records since it was opened */
    struct {
        int32_t topic, partition;
    } * touched;
    int touched_count;
    int64_t schemas_stamp[3]; /* of the file whose text the journal holds */
    struct {
        bool much; /* is gathered before a commit */
        int times; /* in a row that it should have been otherwise */
        size_t asked;
        int64_t bytes, since_ns; /* of and since the last commit */
    } producer;
    struct k2_err failed; /* status != 0: a commit failed; nothing is accepted any more */
};

static inline struct kafka *kafka_of(const struct journal *j) {
    return (struct kafka *)(uintptr_t)j; /* base is its first member */
}

/* --- address.c --- */
K2_RC kafka_address_parse(const char *url, struct kafka_address *out, struct k2_err *err);
void kafka_address_free(struct kafka_address *a);
/* A client with the address's properties and some more. */
K2_RC kafka_connect(const struct kafka *k, const struct kafka_option *more, int n,
                    struct kafka_client **out, struct k2_err *err);
/* One that does not write. */
K2_RC kafka_connect_reader(const struct kafka *k, const struct kafka_option *more, int n,
                           struct kafka_client **out, struct k2_err *err);
/* A client for reading what is committed; kafka_reader_give gives it back. */
K2_RC kafka_reader_take(struct kafka *k, struct kafka_client **out, struct k2_err *err);
void kafka_reader_give(struct kafka *k, struct kafka_client *c);

/* --- identity.c --- */
/* Which journal the cluster holds; a writer makes it on first use. */
K2_RC kafka_identify(struct kafka *k, struct k2_err *err);
/* Of a topic that was made just now; part of the open transaction. */
K2_RC kafka_identify_topic(struct kafka *k, const char *name, struct k2_err *err);
/* The schemas, if they changed since the journal had them; part of the open transaction. */
K2_RC kafka_identify_schemas(struct kafka *k, struct k2_err *err);

/* Writes a record of this key into the journal's own topic; part of the open transaction. */
K2_RC kafka_identify_note(struct kafka *k, const char *key, struct k2_sv value, struct k2_err *err);

/* --- kafka.c --- */
/* Of each partition the first offset that was not appended before T, of those that are still there. */
K2_RC kafka_offsets_at(struct kafka *k, int32_t topic, int64_t append_ns_before, int64_t *offsets,
                       struct k2_err *err);

/* --- producer.c --- */
enum { KAFKA_PRODUCER_OPTIONS = 3 };
int kafka_producer_options(struct kafka *k, struct kafka_option out[KAFKA_PRODUCER_OPTIONS]);
/* A commit ended that began then. */
void kafka_producer_observe(struct kafka *k, int64_t began_ns);
size_t kafka_batch_bytes(const struct journal *journal, size_t asked);

/* --- groups.c --- */
/* The positions of a group become part of the writer's open transaction. */
K2_RC kafka_group_join(struct kafka *k, const char *group, const struct journal_span *spans, int n,
                       struct k2_err *err);

/* --- topics.c --- */
K2_RC kafka_topics_load(struct kafka *k, struct k2_err *err);
/* A topic that exists and that not every broker may list yet. */
K2_RC kafka_topic_wait(struct kafka *k, struct k2_sv name, struct journal_topic *out,
                       struct k2_err *err);

/* --- profile.c --- */
/* Makes a topic as the journal's profile says; `name` is without the prefix. */
K2_RC kafka_topic_make(struct kafka *k, const char *name, int32_t partitions, struct k2_err *err);
K2_RC kafka_profile_compare(struct journal *journal, const struct journal_profile *p,
                            const char *topic, bool mend,
                            void (*visit)(void *ctx, const struct journal_property *p), void *ctx,
                            struct k2_err *err);

/* --- the functions of journal_kafka; what they promise is in journal.h --- */
K2_RC kafka_topic(struct journal *journal, struct k2_sv name, bool create,
                  struct journal_topic *out, struct k2_err *err);
K2_RC kafka_cut(struct journal *journal, int32_t topic, const int64_t *cut, int n,
                struct k2_err *err);
K2_RC kafka_write(struct journal *journal, int64_t *position, struct k2_err *err);
K2_RC kafka_flush(struct journal *journal, int64_t position, struct k2_err *err);
K2_RC kafka_commit(struct journal *journal, struct k2_err *err);
K2_RC kafka_commit_with(struct journal *journal, const char *group,
                        const struct journal_span *spans, int n, struct k2_err *err);
K2_RC kafka_read(struct journal *journal, const struct journal_span *spans, int n,
                 struct journal_reader **out, struct k2_err *err);
int kafka_next(struct journal_reader *r, struct journal_batch *batch, struct k2_err *err);
void kafka_reader_close(struct journal_reader *r);
K2_RC kafka_ends(struct journal *journal, int32_t topic, int64_t *ends, struct k2_err *err);
K2_RC kafka_starts(struct journal *journal, int32_t topic, int64_t *starts, struct k2_err *err);
K2_RC kafka_ends_at(struct journal *journal, int32_t topic, int64_t append_ns_before, int64_t *ends,
                    struct k2_err *err);
K2_RC kafka_pin(struct journal *journal, struct journal_pin **out, struct k2_err *err);
void kafka_unpin(struct journal_pin *p);
K2_RC kafka_members(struct journal *journal, const char *group,
                    void (*visit)(void *ctx, const struct journal_member *m), void *ctx,
                    struct k2_err *err);
K2_RC kafka_position_save(struct journal *journal, const char *group,
                          const struct journal_span *spans, int n, struct k2_err *err);
K2_RC kafka_position_load(struct journal *journal, const char *group, struct journal_span **spans,
                          int *n, struct k2_err *err);
K2_RC kafka_groups(struct journal *journal, char ***names, size_t *n, struct k2_err *err);
K2_RC kafka_group_remove(struct journal *journal, const char *group, struct k2_err *err);
int64_t kafka_group_saved_ns(const struct journal *journal, const char *group);
K2_RC kafka_sizes(struct journal *journal, int32_t topic, struct journal_size *sizes,
                  struct k2_err *err);
int kafka_segment_count(struct journal *journal);
K2_RC kafka_segment(struct journal *journal, int index, struct journal_segment_info *out,
                    struct k2_err *err);
int kafka_removed_count(struct journal *journal);
K2_RC kafka_removed(struct journal *journal, int index, struct journal_segment_info *out,
                    struct k2_err *err);
K2_RC kafka_seal(struct journal *journal, struct k2_err *err);
K2_RC kafka_retain(struct journal *journal, const struct journal_retention *r, int *removed,
                   char stopped[256], struct k2_err *err);
K2_RC kafka_verify(struct journal *journal, void (*finding)(void *ctx, const char *text), void *ctx,
                   int64_t *findings, int64_t *records, struct k2_err *err);
K2_RC kafka_image_take(struct journal *journal, struct journal_image *out, struct k2_err *err);

#endif
