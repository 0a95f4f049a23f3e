/* verb/status.h - what `k2 status` gathers, and where the roles tell about themselves. */
#ifndef K2_VERB_STATUS_H
#define K2_VERB_STATUS_H

#include "verb/verb.h"

/* Adds a row of HEALTH_PROCESS for everything that runs in the data directory: who holds its locks, and the
 * roles of a running `k2 up`. */
void status_roles(const char *data, struct health *h);

/* Everything: the roles, then what health_look finds, weighed by the configuration's limits. Gives the row
 * that decided the level, or NULL when all is well. */
const struct health_row *status_look(const struct verb_context *c, struct health *h);

#endif
