/* journal/journal_int.h - the parts of an open journal that several files of the room share.
 *
 * Locking: `mutex` guards everything that is not marked otherwise. It is never held during a write
 * or a sync of a segment, only during the rare changes of journal/meta.
 */
#ifndef K2_JOURNAL_JOURNAL_INT_H
#define K2_JOURNAL_JOURNAL_INT_H

#include "base/fs.h"
#include "journal/end.h"
#include "journal/index.h"
#include "journal/journal.h"
#include "journal/meta.h"
#include "journal/segment.h"

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

/* The records of one partition that journal_write has not yet written. Owned by the appender. */
struct gather {
    struct k2_buf bytes; /* FRAME_HEADER bytes of room, then the records */
    struct frame frame;  /* count, event times; the rest is filled in by journal_write */
    int64_t next;        /* offset of the next record */
};

struct topic {
    const char *name;
    int32_t partitions;
    int64_t *ends;          /* durable, exclusive */
    struct gather *gathers; /* one per partition; NULL in JOURNAL_READ */
};

struct journal {
    char *dir, *meta_path;
    enum journal_mode mode;
    int32_t incarnation;
    int64_t segment_bytes;
    int32_t partitions;
    int64_t (*clock)(void);
    struct k2_lock *lock;
    struct k2_registry *registry; /* of the appender */
    struct journal_end end;

    pthread_mutex_t mutex;
    struct meta meta;
    int64_t meta_stamp[3]; /* inode, seconds, nanoseconds of the file it was read from */
    struct topic *topics;  /* as many as meta.topic_count */
    struct segments live, retired;
    struct segments lost; /* a reader's, superseded by a new look; callers may still hold them */
    int64_t durable;      /* log position; what the last live index ends at */
    struct journal_reader *readers;
    struct journal_span *lent; /* the tail's spans as journal_segment gave them last */

    /* Appending; of the appender's thread alone. */
    struct gather *open, **dirty; /* the record that was begun; the gathers that hold records */
    int dirty_count;
    size_t open_at, open_key;
    int64_t last_append_ns;
    int64_t base; /* number of the tail */

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

/* --- chain.c: all segments of the journal --- */
K2_RC journal_chain_open(struct journal *j, struct k2_err *err);
void journal_chain_close(struct journal *j);
/* A reader's view catches up with the durable end; nothing to do for a writer. */
K2_RC journal_chain_refresh(struct journal *j, struct k2_err *err);
/* Takes a durable frame into the last segment's index; K2_E_CORRUPT when it does not continue its
 * partition. */
K2_RC journal_chain_add(struct journal *j, const struct frame *f, struct k2_err *err);
struct segment *journal_chain_push(struct journal *j, int64_t number);
/* The oldest live segment becomes a retired one. */
void journal_chain_retire(struct journal *j);
static inline struct segment *journal_chain_tail(const struct journal *j) {
    return j->live.at[j->live.n - 1];
}

/* --- topics.c --- */
K2_RC journal_topics_load(struct journal *j, struct k2_err *err);
/* A reader reads journal/meta again if it changed. */
K2_RC journal_topics_reload(struct journal *j, struct k2_err *err);
void journal_topics_reset(
    struct journal *j); /* ends back to starts, before the chain is read again */
void journal_topics_free(struct journal *j);

/* --- sync.c: group commit --- */
K2_RC journal_sync_start(struct journal *j, struct k2_err *err);
void journal_sync_stop(struct journal *j);
K2_RC journal_sync_wait(struct journal *j, int64_t position, struct k2_err *err); /* mutex held */

/* --- seal.c: sealing and sidecars --- */
K2_RC journal_seal_roll(struct journal *j,
                        struct k2_err *err); /* mutex held; all is durable after */
void *journal_seal_main(void *journal);
/* Digests and, for a writer, the sidecar of a sealed segment. Mutex held. */
K2_RC journal_seal_digests(struct journal *j, struct segment *s, struct k2_err *err);

/* --- digest.c --- */
/* Decodes all records of a sealed segment; gives the digests. topics: names by id. K2_E_CANCELLED
 * once *stop is set. */
K2_RC journal_digest_segment(const char *dir, const struct segment_file *file, int64_t end,
                             const char *const *topics, int topic_count, const atomic_bool *stop,
                             struct journal_digest **out, int *n, struct k2_err *err);

/* --- time.c --- */
/* Walks the frames of a segment up to its index's end; one that ends before is K2_E_CORRUPT. */
K2_RC journal_segment_visit(struct journal *j, const struct journal_index *x,
                            const struct segment_visitor *visitor, struct k2_err *err);

/* --- journal.c --- */
K2_RC journal_segment_describe(struct journal *j, struct segment *s,
                               struct journal_segment_info *out,
                               struct k2_err *err); /* mutex held */

/* --- pin.c --- */
/* For retention: the segment's file is nobody's any more while *fd is open; K2_E_FAILED if it is pinned. */
K2_RC journal_pin_exclude(const char *path, int *fd, struct k2_err *err);

/* --- reader.c --- */
bool journal_reader_needs(const struct journal *j, int64_t number); /* mutex held */

#endif
