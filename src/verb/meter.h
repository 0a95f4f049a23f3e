/* verb/meter.h - a query that takes its time, as the person sees it who waits: a bar on stderr that
 * grows, and Ctrl-C that stops it.
 *
 * The bar is drawn by a thread of its own, only on a terminal and not before half a second has passed.
 */
#ifndef K2_VERB_METER_H
#define K2_VERB_METER_H

#include "verb/verb.h"

struct meter;
/* From here to meter_stop SIGINT and SIGTERM cancel what the engine runs. The engine was opened with
 * signals held (signals.h). */
struct meter *meter_start(const struct verb_context *c, struct query_engine *engine);
void meter_hide(struct meter *m); /* takes the bar away for good: results follow */
void meter_stop(struct meter *m); /* NULL is fine */

#endif
