/* role/sinker.h - the sink as an agent: journal -> tables, when enough has come or enough time has passed.
 *
 * Thread-safety: as agent.h; sinker_note and sinker_set from any thread.
 */
#ifndef K2_ROLE_SINKER_H
#define K2_ROLE_SINKER_H

#include "base/config.h"
#include "lake/lake.h"
#include "role/agent.h"

struct sinker;

struct sinker *sinker_new(const char *data, const struct k2_config *config);
void sinker_free(struct sinker *s);
struct agent *sinker_agent(struct sinker *s);
void sinker_reload(struct sinker *s, const struct k2_config *config);
/* So many more rows are durable in the journal. */
void sinker_note(struct sinker *s, int64_t rows);
/* Commits what there is now, on the caller's thread; for the end. The agent is stopped. */
K2_RC sinker_finish(struct sinker *s, struct k2_err *err);

#endif
