/* query/coverage.h - what the tables hold of each exchange, symbol and kind, and what they lack.
 *
 * Rows, times and session dates are the table's. Gaps are those that are open in the journal now, of the
 * channels and session dates in which the symbol has rows: a channel may carry other symbols too, so
 * the missing numbers need not be this symbol's. A session is missing when the exchange's calendar has
 * one on that date, between the first and the last that has rows; the calendars know weekdays, not
 * holidays (feed.h).
 * Included by query.h, the room's face. Thread-safety: one thread.
 */
#ifndef K2_QUERY_COVERAGE_H
#define K2_QUERY_COVERAGE_H

#include "journal/journal.h"

struct query_engine;

struct coverage_line { /* one (table, exchange, symbol) */
    const struct k2_kind *kind;
    char *exchange, *symbol; /* owned by the report */
    int64_t first_ns, last_ns, rows;
    int64_t gaps, missing; /* open gaps of its channels, and the numbers they lack */
    int session_count;     /* session dates that have rows */
    int lacking_count;     /* sessions without rows; -1: the exchange has no calendar of its own */
    int32_t *lacking;      /* their dates; owned by the report */
};

struct coverage_report {
    int line_count;
    struct coverage_line *lines; /* sorted by table, exchange, symbol */
};

struct coverage_request {
    struct k2_sv exchange;  /* empty = all */
    int64_t from_ns, to_ns; /* of the venue's clock, [from, to); INT64_MIN and INT64_MAX = open */
    bool (*wants)(void *ctx, struct k2_sv exchange, struct k2_sv symbol); /* NULL = all */
    void *wants_ctx;
};

/* j NULL: gaps are not known, all counts of them are 0. */
K2_RC coverage_run(struct query_engine *q, struct journal *j, const struct coverage_request *r,
                   struct coverage_report *out, struct k2_err *err);
void coverage_free(struct coverage_report *r);

#endif
