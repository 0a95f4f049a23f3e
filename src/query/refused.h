/* query/refused.h - the records in quarantine, and the ledger of gaps: those of the table, and those that only the journal has yet.
 *
 * The cut is the table's offset vector: below it a record is read from the table, from it on from the
 * journal, so each comes once, whatever a sink or retention does meanwhile.
 * Included by query.h, the room's face. Thread-safety: one thread.
 */
#ifndef K2_QUERY_REFUSED_H
#define K2_QUERY_REFUSED_H

#include "journal/journal.h"

struct query_options;

struct refused {
    int32_t journal, partition; /* journal: the incarnation that it came from */
    int64_t offset;
    const struct k2_event *event;
    const struct k2_interner *in; /* of the event's strings; both are borrowed for the call */
};

struct refused_filter {
    const char *exchange;       /* in any case; NULL = all */
    bool one;                   /* only the record at this place of that exchange */
    int32_t journal, partition; /* journal 0: the present one */
    int64_t offset;
};

/* The same for the steps of gaps (journal/ledger.h): those of the table by their time, then those that only the
 * journal has yet. exchange: NULL = all. */
K2_RC refused_visit_gaps(const char *data, struct journal *j, const struct query_options *o,
                         const char *exchange,
                         K2_RC (*visit)(void *ctx, const struct refused *r, bool *stop,
                                        struct k2_err *err),
                         void *ctx, struct k2_err *err);

/* The table's by their time, then the journal's in log order; the visitor sets *stop to end early.
 * j is NULL when there is no journal; no table either is K2_E_NOTFOUND. The engine is only opened when the
 * table has rows. */
K2_RC refused_visit(const char *data, struct journal *j, const struct query_options *o,
                    const struct refused_filter *filter,
                    K2_RC (*visit)(void *ctx, const struct refused *r, bool *stop,
                                   struct k2_err *err),
                    void *ctx, struct k2_err *err);

#endif
