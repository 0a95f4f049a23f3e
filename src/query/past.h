/* query/past.h - what derivations wrote and retention deleted from the journal since, out of the tables
 * (journal/derive.h). */
#ifndef K2_QUERY_PAST_H
#define K2_QUERY_PAST_H

#include "journal/journal.h"

/* data is borrowed as long as it is used. */
struct derive_past query_past(const char *data);

struct query_derived { /* what --verify found */
    int64_t totals, different;
};
/* Compares the totals of one exchange with the same computed by SQL over the tables, up to the positions of the totals;
 * tells each difference in words. K2_E_FAILED: the tables do not hold all of it yet. */
K2_RC query_derived_check(const char *data, const struct derive *d, struct journal *j,
                          enum derive_what what, struct k2_sv exchange,
                          void (*tell)(void *ctx, const char *text), void *ctx,
                          struct query_derived *out, struct k2_err *err);

#endif
