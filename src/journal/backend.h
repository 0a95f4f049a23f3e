/* journal/backend.h - what a backend of the journal is: a table of its functions, and the parts every journal has.
 *
 * Internal to the room. The functions mean what their namesakes in journal.h say. What is gathered and not yet
 * written is the same in every backend (gather.c), for that is the path of each event.
 *
 * Locking: `mutex` guards the list of topics and what a backend says it guards. What belongs to the appender is of its
 * thread alone.
 */
#ifndef K2_JOURNAL_BACKEND_H
#define K2_JOURNAL_BACKEND_H

#include "base/buf.h"
#include "journal/journal.h"

#include <pthread.h>

#define JOURNAL_MAX_PARTITIONS 1024
#define GATHER_ROOM 80  /* bytes before the first gathered record, for a header of the backend */
#define GATHER_RECORD 8 /* bytes before key and value of a record: u32 value bytes, u32 key bytes */

/* The records of one partition that were not yet written. Owned by the appender. */
struct gather {
    struct k2_buf bytes; /* GATHER_ROOM bytes, then the records */
    int32_t topic, partition, count;
    int64_t base_offset, min_event_ns, max_event_ns;
    int64_t next; /* offset of the next record */
};

struct topic {
    const char *name; /* of the backend; lent to callers until close */
    int32_t partitions;
    int32_t version, first; /* see version.h */
    size_t of_n;            /* bytes of the name without the version */
    int64_t *cut;           /* of the version before this one; NULL = none is noted */
    int cut_n;
    int64_t *ends;          /* durable, exclusive */
    struct gather *gathers; /* one per partition; NULL in JOURNAL_READ */
};

struct journal {
    const struct journal_ops *ops;
    enum journal_mode mode;
    int32_t incarnation, partitions;
    const struct journal_profile *profile;
    bool asked_partitions; /* `partitions` are those of journal.partitions, not the profile's */
    struct k2_registry *registry; /* of the appender */
    pthread_mutex_t mutex;
    struct topic *topics;
    int32_t topic_count;
    struct gather *open, **dirty; /* the record that was begun; the gathers that hold records */
    int dirty_count;
    size_t open_at, open_key;
};

struct journal_reader {
    const struct journal_ops *ops;
    struct journal *journal;
};

struct journal_pin {
    const struct journal_ops *ops;
};

struct journal_ops {
    const char *scheme; /* of the URL, with its colon */
    K2_RC(*open)
    (const char *data, const char *url, enum journal_mode mode,
     const struct journal_options *options, struct journal **out, struct k2_err *err);
    void (*close)(struct journal *j);
    /* journal_topic of a name that is checked. */
    K2_RC(*topic)
    (struct journal *j, struct k2_sv name, bool create, struct journal_topic *out,
     struct k2_err *err);
    /* Notes the cut of a topic's version, durably; then journal_topic_cut. Nothing is gathered. */
    K2_RC(*cut)
    (struct journal *j, int32_t topic, const int64_t *cut, int n, struct k2_err *err);
    K2_RC (*write)(struct journal *j, int64_t *position, struct k2_err *err);
    K2_RC (*flush)(struct journal *j, int64_t position, struct k2_err *err);
    K2_RC (*commit)(struct journal *j, struct k2_err *err);
    K2_RC(*commit_with)
    (struct journal *j, const char *group, const struct journal_span *spans, int n,
     struct k2_err *err);
    size_t (*batch_bytes)(const struct journal *j, size_t asked); /* NULL = asked */
    /* Who reads for a group now. NULL: nobody can be told. */
    K2_RC(*members)
    (struct journal *j, const char *group, void (*visit)(void *ctx, const struct journal_member *m),
     void *ctx, struct k2_err *err);
    K2_RC(*read)
    (struct journal *j, const struct journal_span *spans, int n, struct journal_reader **out,
     struct k2_err *err);
    int (*next)(struct journal_reader *r, struct journal_batch *batch, struct k2_err *err);
    void (*reader_close)(struct journal_reader *r);
    K2_RC (*ends)(struct journal *j, int32_t topic, int64_t *ends, struct k2_err *err);
    void (*wait)(struct journal *j, int64_t ns); /* NULL = nobody tells: sleeps */
    K2_RC (*starts)(struct journal *j, int32_t topic, int64_t *starts, struct k2_err *err);
    K2_RC(*ends_at)
    (struct journal *j, int32_t topic, int64_t append_ns_before, int64_t *ends, struct k2_err *err);
    /* journal_append_at, where it is known without reading the record; else *known is false. NULL: never. */
    K2_RC(*append_at)
    (struct journal *j, int32_t topic, int32_t partition, int64_t from, bool *known,
     int64_t *append_ns, struct k2_err *err);
    K2_RC (*pin)(struct journal *j, struct journal_pin **out, struct k2_err *err);
    void (*unpin)(struct journal_pin *p);
    K2_RC(*position_save)
    (struct journal *j, const char *group, const struct journal_span *spans, int n,
     struct k2_err *err);
    K2_RC(*position_load)
    (struct journal *j, const char *group, struct journal_span **spans, int *n, struct k2_err *err);
    K2_RC (*groups)(struct journal *j, char ***names, size_t *n, struct k2_err *err);
    K2_RC (*group_remove)(struct journal *j, const char *group, struct k2_err *err);
    int64_t (*group_saved_ns)(const struct journal *j, const char *group);
    K2_RC(*sizes)
    (struct journal *j, int32_t topic, struct journal_size *sizes, struct k2_err *err);
    int (*segment_count)(struct journal *j);
    K2_RC(*segment)
    (struct journal *j, int index, struct journal_segment_info *out, struct k2_err *err);
    int (*removed_count)(struct journal *j);
    K2_RC(*removed)
    (struct journal *j, int index, struct journal_segment_info *out, struct k2_err *err);
    K2_RC (*seal)(struct journal *j, struct k2_err *err);
    K2_RC(*retain)
    (struct journal *j, const struct journal_retention *r, int *removed, char stopped[256],
     struct k2_err *err);
    K2_RC(*verify)
    (struct journal *j, void (*finding)(void *ctx, const char *text), void *ctx, int64_t *findings,
     int64_t *records, struct k2_err *err);
    K2_RC(*profile_compare)
    (struct journal *j, const struct journal_profile *p, const char *topic, bool mend,
     void (*visit)(void *ctx, const struct journal_property *p), void *ctx, struct k2_err *err);
    K2_RC (*image_take)(struct journal *j, struct journal_image *out, struct k2_err *err);
    K2_RC(*image_reach) /* NULL: all files of an image are where they are named */
    (struct journal *j, const char *name, char **path, struct k2_err *err);
    K2_RC(*image_check) /* NULL: segments of an image have no frames of ours */
    (struct journal *j, const char *name, int64_t from, int64_t to, struct k2_err *err);
    K2_RC(*tier) /* NULL: nothing is ever tiered */
    (struct journal *j, const struct journal_tier_options *o, struct journal_tier_report *out,
     struct k2_err *err);
    K2_RC(*places)
    (struct journal *j, struct journal_places *out, struct k2_err *err); /* or NULL */
    /* NULL: K2 encrypts nothing there. */
    K2_RC(*encryption)
    (struct journal *j, void (*visit)(void *ctx, const struct journal_encryption *e), void *ctx,
     struct k2_err *err);
};

extern const struct journal_ops journal_local, journal_kafka;

/* --- journal.c --- */
void journal_init(struct journal *j, const struct journal_ops *ops, enum journal_mode mode,
                  const struct journal_options *options);
void journal_fini(struct journal *j);
K2_RC journal_name_check(struct k2_sv name, struct k2_err *err); /* of a topic, as Kafka has it */
struct journal_topic journal_topic_of(const struct journal *j, int32_t id);
int32_t journal_topic_find(const struct journal *j,
                           struct k2_sv name); /* -1 if there is none; mutex held */
/* Takes a topic up, whose partitions begin and end at `starts` as far as is known. Mutex held. */
void journal_topic_add(struct journal *j, const char *name, int32_t partitions,
                       const int64_t *starts);
/* The cut that is noted for a topic, once. Mutex held. */
void journal_topic_cut(struct journal *j, int32_t topic, const int64_t *cut, int n);
K2_RC journal_group_check(const char *group, struct k2_err *err);

/* --- version.c --- */
/* A topic was taken up: its place among its versions, and theirs. Mutex held. */
void journal_version_place(struct journal *j, int32_t topic);
/* Whether no profile says the topic's partitions: it grew, and a newer version is in use or it is that itself. */
bool journal_version_chosen(struct journal *j, const char *name);

/* --- profile.c --- */
/* By which profile topics are made, in a cluster of so many brokers; partitions that nobody asked for are its own. */
void journal_profile_choose(struct journal *j, int brokers);
/* The partitions a topic should have by a profile: those that were asked for come first. */
int32_t journal_profile_wanted(const struct journal *j, const struct journal_profile *p);
void journal_profile_partitions(const struct journal_topic *t, int32_t should,
                                void (*visit)(void *ctx, const struct journal_property *p),
                                void *ctx);

/* --- tier.c --- */
/* As they are now; `place` has room for K2_STORE_URL_MAX bytes and holds the url. */
void journal_tier_settings(struct journal_tier_settings *out, char *place);

/* --- gather.c --- */
/* What was gathered has been written: gathering begins anew. */
void journal_gather_clear(struct journal *j);
void journal_gather_free(struct journal *j);
/* The size of the record at bytes; 0 if it does not fit into n. */
size_t journal_record_size(const uint8_t *bytes, size_t n);

#endif
