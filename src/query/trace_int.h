/* query/trace_int.h - what the files of trace share; nobody else includes it. */
#ifndef K2_QUERY_TRACE_INT_H
#define K2_QUERY_TRACE_INT_H

#include "query/query_int.h"

struct trace {
    struct query_engine *engine; /* may be NULL */
    struct journal *journal;     /* may be NULL */
    const struct trace_id *id;
    struct trace_report *report;
};

/* What every kind has, wherever it stands in the kind's struct. */
struct trace_facts {
    struct k2_sv exchange, symbol, channel;
    int32_t trade_date, epoch, part;
    int64_t sequence;
    int32_t journal, partition;
    int64_t offset, ingest_us;
};

struct trace_facts trace_facts_of(const struct k2_event *e, const struct k2_interner *in);

/* --- trace_find.c --- */

/* Rows of the table of a kind under an SQL condition; gives each to `row`, at most `most`. */
K2_RC trace_each_row(struct trace *t, const struct k2_kind *kind, const char *where, int most,
                     void (*row)(void *ctx, const struct k2_event *e), void *ctx,
                     struct k2_err *err);
/* Records of a kind that no table holds yet and that `wanted` accepts; every column is set and the
 * strings are ids of the report's interner. id NULL = of any exchange; else segments that cannot hold
 * it are passed over. */
K2_RC trace_each_record(struct trace *t, const struct k2_kind *kind, const struct trace_id *id,
                        bool (*wanted)(void *ctx, const struct k2_event *e,
                                       const struct k2_interner *in),
                        void (*row)(void *ctx, const struct k2_event *e), void *ctx,
                        struct k2_err *err);
/* Fills report->rows. */
K2_RC trace_find(struct trace *t, struct k2_err *err);
/* Decodes a record that stands at this place and sets the columns that it does not hold. */
K2_RC trace_decode(struct trace *t, struct k2_decoder *d, const struct journal_batch *b,
                   const struct journal_record *record, struct k2_event *e, struct k2_err *err);

/* --- trace_place.c --- */

K2_RC trace_place_record(struct trace *t, struct k2_err *err);
K2_RC trace_place_row(struct trace *t, struct k2_err *err);

/* --- trace_source.c --- */

K2_RC trace_find_source(struct trace *t, struct k2_err *err);

#endif
