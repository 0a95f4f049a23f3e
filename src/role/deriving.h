/* role/deriving.h - derived totals (journal/derive.h) in a running k2 up: as a role that follows the journal, and as a
 * job that a command asks for.
 *
 *     {"do":"derive","what":"volume"}   is answered by   {"done":{"records":"17","rows":"3"}}
 *
 * Thread-safety: as agent.h; deriving_run from any thread.
 */
#ifndef K2_ROLE_DERIVING_H
#define K2_ROLE_DERIVING_H

#include "base/config.h"
#include "role/feeder.h"

struct deriving;

struct deriving *deriving_new(const char *data, const struct k2_config *config, struct feeder *f);
void deriving_free(struct deriving *d);
struct agent *deriving_agent(struct deriving *d);
void deriving_reload(struct deriving *d, const struct k2_config *config);
void deriving_give_up(struct deriving *d); /* what it waits for ends soon */

/* All that the journal holds now, on the feeder's thread, piece by piece. `watch` as for feeder_run. */
K2_RC deriving_run(struct feeder *f, const char *data, enum derive_what what,
                   bool (*watch)(void *ctx, const struct job_report *so_far), void *ctx,
                   struct derive_report *out, struct k2_err *err);
#define DERIVING_PIECE 100000 /* records of a partition at a time */

#endif
