/* verb/signals.h - the three signals a command answers to.
 *
 * SIGPIPE never kills: who reads our output and stops early (head) gets a quiet end. SIGINT and
 * SIGTERM kill as usual, since every file format of ours survives it; a query is told to stop, and a
 * loop ends after its current round.
 */
#ifndef K2_VERB_SIGNALS_H
#define K2_VERB_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

void signals_setup(void);
bool signals_pipe_closed(void); /* somebody stopped reading what we write */

/* From here on SIGINT and SIGTERM wait until signals_sleep asks for them. Before threads start. */
void signals_hold(void);
/* Sleeps; true when a stop was asked for, before or meanwhile. */
bool signals_sleep(int64_t ns);

/* A thread that calls `stop` at SIGINT or SIGTERM, until signals_unwatch. Between signals_hold and
 * it a signal waits. */
struct signals_watch;
struct signals_watch *signals_watch(void (*stop)(void *ctx), void *ctx);
void signals_unwatch(struct signals_watch *w);

#endif
