/* role/watch.h - whether a feed sends what its exchange's calendar lets expect: entries of the ledger for what is
 * neither here nor missing by its number.
 *
 * SILENCE: nothing came for longer than feed.NAME.silence while the exchange was in session; over with the next
 * record. SESSION: a session that ended half a day ago has no event of the exchange, though one of the week before it
 * has; over when one comes. What is older is history that nobody waits for.
 * Thread-safety: one owner at a time, the feeder.
 */
#ifndef K2_ROLE_WATCH_H
#define K2_ROLE_WATCH_H

#include "journal/journal.h"
#include "role/intake_plan.h"

struct watch;
/* The plan is borrowed until watch_free. */
struct watch *watch_new(const struct intake_plan *plan, int64_t now_ns);
void watch_free(struct watch *w); /* NULL is fine */
const struct intake_plan *watch_plan(const struct watch *w);
/* After each step of the feed. came: it gave records. */
K2_RC watch_step(struct watch *w, struct ingest *g, bool came, int64_t now_ns, struct k2_err *err);
/* How long until the next step is due, also when the feed has nothing to do. */
int64_t watch_rest(const struct watch *w, int64_t now_ns);

#endif
