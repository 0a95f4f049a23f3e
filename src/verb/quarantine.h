/* verb/quarantine.h - between quarantine.c and quarantine_retry.c: visiting records, and how they are named. */
#ifndef K2_VERB_QUARANTINE_H
#define K2_VERB_QUARANTINE_H

#include "query/query.h"
#include "verb/verb.h"

extern const struct verb quarantine_retry;

/* Opens the journal if there is one, and visits. *journal: its incarnation, or 0. */
K2_RC quarantine_visit(struct verb_context *c, const struct refused_filter *filter,
                       int32_t *journal,
                       K2_RC (*each)(void *ctx, const struct refused *r, bool *stop,
                                     struct k2_err *err),
                       void *ctx, struct k2_err *err);
/* EXCHANGE/PARTITION/OFFSET, with @JOURNAL when it is not the present one. */
void quarantine_put_id(const struct refused *r, int32_t journal, struct k2_buf *out);
/* It says of another record that it was retried. */
bool quarantine_is_mark(const struct refused *r);

#endif
