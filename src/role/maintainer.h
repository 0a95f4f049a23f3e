/* role/maintainer.h - upkeep as an agent: journal retention, bringing segments to the object store, expiry of
 * snapshots, orphans, merging small data files.
 *
 * Thread-safety: as agent.h; maintainer_reload from any thread.
 */
#ifndef K2_ROLE_MAINTAINER_H
#define K2_ROLE_MAINTAINER_H

#include "base/config.h"
#include "role/feeder.h"

struct maintainer;

/* feeder is borrowed: segments go through it, because it owns the journal. */
struct maintainer *maintainer_new(const char *data, const struct k2_config *config,
                                  struct feeder *feeder);
void maintainer_free(struct maintainer *m);
struct agent *maintainer_agent(struct maintainer *m);
/* Gives up a merge of data files under way, so that the agent stops soon; none begins after it. */
void maintainer_give_up(struct maintainer *m);
void maintainer_reload(struct maintainer *m, const struct k2_config *config);

#endif
