/* verb/executions.h - `k2 ingest executions`: each row is answered when journal
 * and table hold it. */
#ifndef K2_VERB_EXECUTIONS_H
#define K2_VERB_EXECUTIONS_H

#include "feed/feed.h"
#include "verb/verb.h"

bool verb_executions_wanted(const struct sources *sources);
/* K2_E_DATA: some rows were refused. */
K2_RC verb_executions_run(struct verb_context *c, const struct sources *sources,
                          struct k2_err *err);

#endif
