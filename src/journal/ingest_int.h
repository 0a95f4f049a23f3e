/* journal/ingest_int.h - what the files of the ingest share: judging (ingest.c), files and sources
 * (ingest_source.c). */
#ifndef K2_JOURNAL_INGEST_INT_H
#define K2_JOURNAL_INGEST_INT_H

#include "journal/execution_index.h"
#include "journal/history.h"
#include "journal/marks.h"
#include "journal/quarantine.h"
#include "journal/tally.h"

/* An event that waits for its verdict. */
struct waiting {
    struct k2_event event;
    size_t raw_at, raw_n; /* in g->raw */
    int64_t position;
    uint32_t source; /* in g->names */
};

/* Where events of one kind and exchange go. */
struct route {
    enum k2_kind_id kind;
    uint32_t exchange; /* interned */
    uint32_t schema;
    struct journal_topic topic;
};

/* Of a number space: something wanted came; or who was asked about last, which the journal did not know. */
struct wanted_on {
    bool yes;
    uint32_t exchange;
    int32_t date;
};

struct ingest {
    struct journal *journal;
    struct ingest_options options;
    struct ingest_stats stats;
    struct k2_interner *interner;
    struct k2_interner *names;   /* of sources; kept as long as the ingest */
    struct k2_interner *counted; /* channels whose events a decoder counts */
    uint32_t conflict_source;    /* of the last conflict, in names, and its position there */
    int64_t conflict_position;
    struct seq_engine *engine;
    struct history *history;
    struct quarantine *quarantine;
    struct tally *tally;
    struct marks *marks;           /* NULL until a source resumes */
    struct ingest_source *sources; /* that are open and marked, linked */
    struct waiting *waiting;
    struct seq_item *items;
    size_t count;
    struct k2_buf raw, key;
    struct route *routes;
    size_t route_count;
    struct journal_span appended; /* the record that was appended last; `from` is its offset */
    struct derive_all *derived;   /* NULL until something is */
    struct execution_index *executions;               /* NULL until one came */
    const struct ingest_executions_options *receipts; /* of the call under way */
    int64_t written;  /* log position of the last write, being synced */
    size_t unflushed; /* bytes written since it was waited for them */
    int64_t since_checkpoint;
    int64_t checkpoint_ns, marks_ns;               /* monotonic, when they were saved last */
    struct k2_err failed;                          /* status != 0: the ingest is spent */
    uint32_t source;                               /* in g->names: being read; 0 = none */
    bool source_halts;                             /* its gaps may halt channels */
    bool (*wants)(void *ctx, struct k2_sv symbol); /* of it; NULL = all */
    void *wants_ctx;
    uint32_t wants_symbol; /* the last one asked for, and the answer; 0 = none */
    bool wants_it;
    bool any_passed; /* of the items */
    /* By channel (interned) and kind: whether what is wanted comes there, too. */
    struct wanted_on *wanted_on;
    size_t wanted_on_cap; /* channels */
    char exchange[32];    /* of the last event judged */
};

/* The event, whatever its kind, to its topic. K2_E_RANGE or K2_E_INVALID: the event itself cannot be stored, and
 * nothing was appended. */
K2_RC ingest_append(struct ingest *g, const struct k2_event *e, struct k2_err *err);
/* --- execution.c --- */
/* Sets the verdict of the item; *known is what is there if it is not new. */
K2_RC ingest_execution_judge(struct ingest *g, const struct k2_event *e, struct seq_item *i,
                             struct execution_known *known, struct k2_err *err);
/* What was appended last is this execution. */
void ingest_execution_stored(struct ingest *g, const struct k2_event *e, const struct seq_item *i,
                             struct execution_known *known);
/* The receipt, if somebody waits for it. */
void ingest_execution_answer(struct ingest *g, const struct k2_event *e, const struct seq_item *i,
                             bool stored, const struct execution_known *known, int64_t position);

/* --- derive_all.c --- */
void ingest_derive_close(struct ingest *g);

/* Gives rc; a failure is kept, and the ingest is spent. */
K2_RC ingest_spent(struct ingest *g, int rc, const struct k2_err *why, struct k2_err *err);
/* Takes the steps of gaps that are there, and appends them. note: NULL = none. */
K2_RC ingest_store_steps(struct ingest *g, const char *actor, const char *note, struct k2_err *err);

/* Strings that come only once, such as order ids, must not fill the memory. Only between two steps of a source: within
 * one the decoder has given some events of a message and holds the ids of the others; from one to the next decoders
 * check theirs (feed.h). */
K2_RC ingest_forget_strings(struct ingest *g, struct k2_err *err);

/* What a decoder's events go to. */
struct feed_sink ingest_sink(struct ingest *g);
/* Exchange and time of an event, wherever they stand in its kind. */
void ingest_exchange_and_time(const struct k2_event *e, uint32_t *exchange, int64_t *ns);
/* feed_options.counted, of an ingest: behind what the journal holds. */
int64_t ingest_counted(void *ctx, struct k2_sv exchange, struct k2_sv channel, enum k2_kind_id kind,
                       int32_t date);
/* Something of the source of that name (in g->names) was passed over. */
void ingest_hold(struct ingest *g, uint32_t name);
/* Brings the marks of the open sources up to where they are; what they gave is durable. */
void ingest_collect_marks(struct ingest *g);

#endif
