/* role/recover.h - asks for what gaps lack: the agent behind the step REQUESTED.
 *
 * feed.NAME.recover says whom. moldudp64://HOST:PORT is a venue's re-request server (feed/live/rerequest.h): its packets
 * become what the live feed's connection brought; of a feed that is a file they are written to raw/recovered/ and read.
 * An http:// or https:// address is that of Binance's REST API (or of something that answers as it does):
 * historicalTrades of trade channels, aggTrades of SYMBOL@aggTrade ones. What it answers is written to raw/recovered/ as
 * the feed's own messages, and read like any file: late fills. A gap that is still open after some tries is given up,
 * with the reason as its note; one that halts its channel stays open, because giving it up would let the channel go on
 * without it. (A directory as feed.NAME.recover is followed by the feeder itself.)
 * Thread-safety: recoverer_note and recoverer_give_up from any thread.
 */
#ifndef K2_ROLE_RECOVER_H
#define K2_ROLE_RECOVER_H

#include "base/config.h"
#include "journal/journal.h"
#include "role/feeder.h"

struct recoverer;
/* feeder is borrowed: what was fetched goes through it. */
struct recoverer *recoverer_new(const char *data, const struct k2_config *config,
                                struct feeder *feeder);
void recoverer_free(struct recoverer *r); /* NULL is fine */
void recoverer_reload(struct recoverer *r, const struct k2_config *config);
struct agent *recoverer_agent(struct recoverer *r);
/* A step of the ledger was appended. Never waits. r NULL is fine. */
void recoverer_note(struct recoverer *r, const struct seq_step *step);
/* Lets go of work under way, so that the agent stops soon. */
void recoverer_give_up(struct recoverer *r);

#endif
