/* query/trace.h - the life of one row: where it came from, where it stands, what holds it.
 *
 * A row is named by its whole printed identity, EXCHANGE/DATE/CHANNEL/KIND/EPOCH/SEQUENCE/PART, or by
 * the short form EXCHANGE.SYMBOL.SEQUENCE, which may name several. It is looked for in the tables, and in
 * the part of the journal that no table holds yet.
 * Included by query.h, the room's face. Thread-safety: one thread.
 */
#ifndef K2_QUERY_TRACE_H
#define K2_QUERY_TRACE_H

#include "journal/journal.h"

struct query_engine;

struct trace_id {
    char *exchange;             /* owned, as are the others */
    char *channel;              /* NULL: the short form */
    char *symbol;               /* NULL: the whole identity */
    const struct k2_kind *kind; /* NULL: the short form, any market data */
    int32_t trade_date, epoch, part;
    int64_t sequence;
};

/* K2_E_USAGE when the text is neither form. */
K2_RC trace_parse(const char *text, struct trace_id *out, struct k2_err *err);
void trace_id_free(struct trace_id *id);

struct trace_row {
    struct k2_event event; /* every column; strings are ids of the report's interner */
    bool in_table;         /* else only in the journal so far */
};

enum trace_record {
    TRACE_KEPT,    /* the journal holds the record */
    TRACE_REMOVED, /* retention removed its segment; the digest is kept */
    TRACE_FOREIGN  /* it was written by another journal than the directory has now */
};

struct trace_journal { /* where the record stands */
    enum trace_record state;
    char topic[96];    /* with its version */
    int32_t partition; /* in that topic; the row's number counts through all versions */
    int64_t append_ns;
    uint32_t schema_id;  /* these four of a kept record only */
    int64_t bytes;       /* of its value */
    bool compared, same; /* whether record and table row are equal in every column */
    int64_t segment;     /* number; -1 = not known */
    bool sealed;
    bool digested; /* digest: of the segment's rows of this exchange, symbol, kind and date */
    struct journal_digest digest;
};

struct trace_table { /* where the table row stands */
    char *file;      /* NULL: it was not found */
    int64_t row;     /* in the file, from 0 */
    int64_t file_rows, file_bytes;
    int row_group, row_groups; /* from 0 */
    int64_t brought;           /* the first snapshot that covers it; 0 = not known */
    int64_t brought_ms;
    bool older_gone; /* snapshots before that one are gone: it may have come with one of them */
    int holding, snapshots; /* kept snapshots that contain it, of all that are kept */
    int64_t current;
};

struct trace_source {             /* the file it was decoded from, unless it is live */
    char *path;                   /* NULL: none is recorded */
    char *format, *hash, *sha256; /* sha256 "": the record is older than that */
    char *counted_from;           /* for counted_parse */
    int64_t bytes, read, accepted;
    int64_t time_us;
    bool there;        /* the file is still there, of the same size */
    bool verified;     /* its bytes decode to this very row */
    struct k2_buf raw; /* what stands at the row's place in it; empty if it cannot be read */
};

struct trace_link { /* a quarantined record that names this row */
    char id[96];    /* as k2 quarantine show takes it */
    char *reason, *detail;
    int64_t time_ns;
};

struct trace_report {
    struct k2_interner *in;
    int row_count; /* the rows found, at most TRACE_ROWS */
    struct trace_row *rows;
    int64_t looked_at; /* journal records that were read for it */
    /* Of the row, when there is exactly one: */
    struct trace_journal journal;
    struct trace_table table;
    struct trace_source source;
    int other_count; /* source unknown: files that were read about then and have something else at its place */
    char **others;
    bool live; /* it came from a live source: */
    struct raw_frame frame;
    int link_count;
    struct trace_link *links;
};

#define TRACE_ROWS 50

/* q NULL: there are no tables; j NULL: there is no journal. No row is no failure: row_count is 0. */
K2_RC trace_run(struct query_engine *q, struct journal *j, const struct trace_id *id,
                struct trace_report *out, struct k2_err *err);
/* Its rows alone: what the report says of one row stays empty. */
K2_RC trace_look(struct query_engine *q, struct journal *j, const struct trace_id *id,
                 struct trace_report *out, struct k2_err *err);
void trace_free(struct trace_report *r);

#endif
