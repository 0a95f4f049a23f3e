/* journal/execution.h - executions on their way into the journal, each
 * answered.
 *
 * An execution is known by (exchange, session date, account, execution id) and
 * not by a number: equal id and equal payload is a duplicate, and the answer
 * names the record that is there; equal id and other payload is a conflict and
 * goes to quarantine. Two ids of one account and date with the same number
 * (feed/rows/executions.c) are a conflict too. All ids that the journal holds
 * are kept in memory (some 200 bytes each), read from it when the first
 * execution comes; what retention deleted is looked up in the tables, by its
 * number. Included by journal.h, the room's face. Thread-safety: as struct
 * ingest.
 */
#ifndef K2_JOURNAL_EXECUTION_H
#define K2_JOURNAL_EXECUTION_H

#include "feed/feed.h"

struct ingest;
struct journal;

enum ingest_receipt_kind {
    RECEIPT_STORED,
    RECEIPT_KNOWN, /* the same was there already */
    RECEIPT_CONFLICT,
    RECEIPT_REFUSED,
    RECEIPT_FILTERED
};

struct ingest_receipt { /* strings are borrowed for the call */
    enum ingest_receipt_kind kind;
    int64_t position;          /* line in the source, from 1 */
    struct k2_sv execution_id; /* as far as it could be read */
    struct k2_sv message_id;
    struct k2_sv topic; /* where the record is; empty: it was stored, and its
                         segment is deleted */
    int32_t partition;
    int64_t offset;
    struct k2_sv reason, detail; /* of those that are not in the journal */
};

struct ingest_executions_options {
    struct feed_options feed; /* `source` is what quarantine records name */
    int64_t position;         /* lines of the source before the text */
    int64_t offset;           /* bytes before it */
    void (*receipt)(void *ctx, const struct ingest_receipt *r);
    void *ctx;
};

/* Decodes whole lines (a header first, if they are CSV) by the format
 * "executions", and tells the receipt of each in their order. Not durable yet:
 * what is told becomes true with the next ingest_commit or ingest_flush. */
K2_RC ingest_executions(struct ingest *g, struct k2_sv text,
                        const struct ingest_executions_options *o, struct k2_err *err);

#endif
