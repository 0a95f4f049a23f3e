/* journal/local/local.h - the parts of a local journal that several files of the folder share.
 *
 * Locking: the base's `mutex` guards everything that is not marked otherwise. It is never held during a write
 * or a sync of a segment, only during the rare changes of journal/meta.
 */
#ifndef K2_JOURNAL_LOCAL_LOCAL_H
#define K2_JOURNAL_LOCAL_LOCAL_H

#include "base/fs.h"
#include "journal/backend.h"
#include "journal/local/cipher.h"
#include "journal/local/end.h"
#include "journal/local/index.h"
#include "journal/local/meta.h"
#include "journal/local/segment.h"

#include <pthread.h>
#include <stdatomic.h>

enum sidecar { SIDECAR_NONE, SIDECAR_SAVED, SIDECAR_FAILED };

struct segment {
    struct journal_index index; /* of what is durable; once sealed only its digests change */
    bool sealed;
    enum sidecar sidecar;
};

struct segments { /* in log order */
    struct segment **at;
    int n;
};

struct local {
    struct journal base;
    char *dir, *meta_path;
    int64_t segment_bytes;
    int64_t (*clock)(void);
    struct k2_lock *lock;
    struct journal_end end;
    uint32_t seen; /* publications when local_ends was first called since the last wait */
    bool looked;   /* since the last wait */

    struct meta meta;
    int64_t meta_stamp[3]; /* inode, seconds, nanoseconds of the file it was read from */
    struct segments live, retired;
    struct segments lost; /* a reader's, superseded by a new look; callers may still hold them */
    int64_t durable;      /* log position; what the last live index ends at */
    struct local_reader *readers;
    struct journal_span *lent; /* the tail's spans as local_segment gave them last */

    /* Appending; of the appender's thread alone. */
    int64_t last_append_ns;
    int64_t base_position; /* number of the tail */
    uint64_t
        key; /* id of the master key that is written with; 0: in the clear. Fixed when opened */
    struct journal_cipher *cipher; /* NULL without a key */
    struct k2_buf encrypted;       /* the frame being written */

    /* The tail, shared by appender and sync thread. */
    int fd;
    char *path;
    int64_t written;     /* log position up to which frames are in the page cache */
    struct frame *notes; /* frames between durable and written */
    size_t note_count, note_cap;
    bool syncing;
    struct k2_err failed; /* status != 0: a sync failed; nothing is accepted any more */

    /* Threads of a writer. */
    pthread_t sync_thread, seal_thread;
    bool threads_run;
    atomic_bool stop;
    pthread_cond_t work;    /* for the sync thread: there is something to sync */
    pthread_cond_t sealed;  /* for the seal thread: a segment awaits its sidecar */
    pthread_cond_t changed; /* the durable end or a sidecar moved */
};

static inline struct local *local_of(const struct journal *j) {
    return (struct local *)(uintptr_t)j; /* base is its first member */
}

/* --- the functions of journal_local; what they promise is in journal.h --- */
void local_close(struct journal *journal);
K2_RC local_topic(struct journal *journal, struct k2_sv name, bool create,
                  struct journal_topic *out, struct k2_err *err);
K2_RC local_cut(struct journal *journal, int32_t topic, const int64_t *cut, int n,
                struct k2_err *err);
K2_RC local_write(struct journal *journal, int64_t *position, struct k2_err *err);
K2_RC local_flush(struct journal *journal, int64_t position, struct k2_err *err);
K2_RC local_commit(struct journal *journal, struct k2_err *err);
K2_RC local_commit_with(struct journal *journal, const char *group,
                        const struct journal_span *spans, int n, struct k2_err *err);
K2_RC local_read(struct journal *journal, const struct journal_span *spans, int n,
                 struct journal_reader **out, struct k2_err *err);
int local_next(struct journal_reader *r, struct journal_batch *batch, struct k2_err *err);
void local_reader_close(struct journal_reader *r);
K2_RC local_ends(struct journal *journal, int32_t topic, int64_t *ends, struct k2_err *err);
void local_wait(struct journal *journal, int64_t ns);
K2_RC local_starts(struct journal *journal, int32_t topic, int64_t *starts, struct k2_err *err);
K2_RC local_ends_at(struct journal *journal, int32_t topic, int64_t append_ns_before, int64_t *ends,
                    struct k2_err *err);
K2_RC local_append_at(struct journal *journal, int32_t topic, int32_t partition, int64_t from,
                      bool *known, int64_t *append_ns, struct k2_err *err);
K2_RC local_pin(struct journal *journal, struct journal_pin **out, struct k2_err *err);
void local_unpin(struct journal_pin *p);
K2_RC local_position_save(struct journal *journal, const char *group,
                          const struct journal_span *spans, int n, struct k2_err *err);
K2_RC local_position_load(struct journal *journal, const char *group, struct journal_span **spans,
                          int *n, struct k2_err *err);
K2_RC local_groups(struct journal *journal, char ***names, size_t *n, struct k2_err *err);
K2_RC local_group_remove(struct journal *journal, const char *group, struct k2_err *err);
int64_t local_group_saved_ns(const struct journal *journal, const char *group);
K2_RC local_sizes(struct journal *journal, int32_t topic, struct journal_size *sizes,
                  struct k2_err *err);
int local_segment_count(struct journal *journal);
K2_RC local_segment(struct journal *journal, int index, struct journal_segment_info *out,
                    struct k2_err *err);
int local_removed_count(struct journal *journal);
K2_RC local_removed(struct journal *journal, int index, struct journal_segment_info *out,
                    struct k2_err *err);
K2_RC local_seal(struct journal *journal, struct k2_err *err);
K2_RC local_retain(struct journal *journal, const struct journal_retention *r, int *removed,
                   char stopped[256], struct k2_err *err);
K2_RC local_verify(struct journal *journal, void (*finding)(void *ctx, const char *text), void *ctx,
                   int64_t *findings, int64_t *records, struct k2_err *err);
K2_RC local_profile_compare(struct journal *journal, const struct journal_profile *p,
                            const char *topic, bool mend,
                            void (*visit)(void *ctx, const struct journal_property *p), void *ctx,
                            struct k2_err *err);
K2_RC local_image_take(struct journal *journal, struct journal_image *out, struct k2_err *err);
K2_RC local_image_reach(struct journal *journal, const char *name, char **path, struct k2_err *err);
K2_RC local_image_check(struct journal *j, const char *name, int64_t from, int64_t to,
                        struct k2_err *err);
K2_RC local_encryption(struct journal *journal,
                       void (*visit)(void *ctx, const struct journal_encryption *e), void *ctx,
                       struct k2_err *err);

/* --- chain.c: all segments of the journal --- */
K2_RC journal_chain_open(struct local *j, struct k2_err *err);
void journal_chain_close(struct local *j);
/* A reader's view catches up with the durable end; nothing to do for a writer. */
K2_RC journal_chain_refresh(struct local *j, struct k2_err *err);
/* Takes a durable frame into the last segment's index; K2_E_CORRUPT when it does not continue its
 * partition. */
K2_RC journal_chain_add(struct local *j, const struct frame *f, struct k2_err *err);
struct segment *journal_chain_push(struct local *j, int64_t number);
/* The oldest live segment becomes a retired one. */
void journal_chain_retire(struct local *j);
static inline struct segment *journal_chain_tail(const struct local *j) {
    return j->live.at[j->live.n - 1];
}

/* --- topics.c --- */
K2_RC journal_topics_load(struct local *j, struct k2_err *err);
/* A reader reads journal/meta again if it changed. */
K2_RC journal_topics_reload(struct local *j, struct k2_err *err);
void journal_topics_reset(
    struct local *j); /* ends back to starts, before the chain is read again */

/* --- sync.c: group commit --- */
K2_RC journal_sync_start(struct local *j, struct k2_err *err);
void journal_sync_stop(struct local *j);
K2_RC journal_sync_wait(struct local *j, int64_t position, struct k2_err *err); /* mutex held */

/* --- seal.c: sealing and sidecars --- */
K2_RC journal_seal_roll(struct local *j, struct k2_err *err); /* mutex held; all is durable after */
void *journal_seal_main(void *journal);
/* Digests and, for a writer, the sidecar of a sealed segment. Mutex held. */
K2_RC journal_seal_digests(struct local *j, struct segment *s, struct k2_err *err);

/* --- encryption.c --- */
/* A writer, once the chain is open: which key is written with, and that it and those of the segments were given. */
K2_RC journal_encryption_settle(struct local *j, struct k2_err *err);
/* A segment has one key or none: another one begins a new segment. After journal_sync_start. */
K2_RC journal_encryption_begin(struct local *j, struct k2_err *err);

/* --- digest.c --- */
/* Decodes all records of a sealed segment; gives the digests. topics: names by id. K2_E_CANCELLED
 * once *stop is set. */
K2_RC journal_digest_segment(const char *dir, const struct segment_file *file, int64_t end,
                             const char *const *topics, int topic_count, const atomic_bool *stop,
                             struct journal_digest **out, int *n, struct k2_err *err);

/* --- time.c --- */
/* Walks the frames of a segment up to its index's end; one that ends before is K2_E_CORRUPT. */
K2_RC journal_segment_visit(struct local *j, const struct journal_index *x,
                            const struct segment_visitor *visitor, struct k2_err *err);

/* --- local.c --- */
K2_RC journal_segment_describe(struct local *j, struct segment *s, struct journal_segment_info *out,
                               struct k2_err *err); /* mutex held */

/* --- pin.c --- */
/* For who removes: nobody pins the segment while *fd is open; K2_E_FAILED if somebody does. */
K2_RC journal_pin_exclude(const char *dir, int64_t number, int *fd, struct k2_err *err);

/* --- reader.c --- */
bool journal_reader_needs(const struct local *j, int64_t number); /* mutex held */

#endif
