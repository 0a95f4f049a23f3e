/* verb/signals.h - the signals a command answers to.
 *
 * SIGPIPE never kills: who reads our output and stops early (head) gets a quiet end. SIGINT and
 * SIGTERM kill as usual, since every file format of ours survives it; a query is told to stop, and a
 * loop ends after its current round. SIGHUP has `k2 up` read its configuration again.
 */
#ifndef K2_VERB_SIGNALS_H
#define K2_VERB_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

void signals_setup(void);
bool signals_pipe_closed(void); /* somebody stopped reading what we write */
bool signals_terminated(void);  /* a watch has seen SIGTERM */

/* From here on SIGINT and SIGTERM wait until signals_sleep asks for them. Before threads start. */
void signals_hold(void);
/* Sleeps; true when a stop was asked for, before or meanwhile. */
bool signals_sleep(int64_t ns);

/* For what runs until it is told otherwise: SIGHUP waits too, and is told apart. */
enum signals_word { SIGNALS_NOTHING, SIGNALS_STOP, SIGNALS_RELOAD };
void signals_hold_reload(void); /* before threads start */
enum signals_word signals_wait(int64_t ns);

/* A thread that calls `stop` at SIGINT or SIGTERM, until signals_unwatch. Between signals_hold and
 * it a signal waits. */
struct signals_watch;
struct signals_watch *signals_watch(void (*stop)(void *ctx), void *ctx);
void signals_unwatch(struct signals_watch *w);

#endif
