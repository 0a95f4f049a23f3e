/* role/policies.h - what the configuration says about gaps (sections sequence and exchange.NAME), as an ingest
 * takes it. Thread-safety: none needed; what is read is the caller's. */
#ifndef K2_ROLE_POLICIES_H
#define K2_ROLE_POLICIES_H

#include "base/config.h"
#include "journal/journal.h"

struct policies {
    struct ingest_policy *all; /* the first of all exchanges that have none of their own */
    size_t n;
    bool halt_feeds, halt_files; /* whose gaps may halt channels */
};

/* To be freed also after a failure. */
K2_RC policies_read(const struct k2_config *c, struct policies *out, struct k2_err *err);
void policies_free(struct policies *p);

#endif
