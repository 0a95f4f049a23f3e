/* role/orphans.h - outages of feeds that are there no more.
 *
 * Thread-safety: that of the ingest.
 */
#ifndef K2_ROLE_ORPHANS_H
#define K2_ROLE_ORPHANS_H

#include "journal/journal.h"

/* Nobody will end the outages of a feed that is not configured any more, or is switched off: they are given up. What k2
 * ingest receives live is named by its address, and stays. */
K2_RC orphans_give_up(struct ingest *g, bool (*is_fed)(void *ctx, const char *feed), void *ctx,
                      struct k2_err *err);

#endif
