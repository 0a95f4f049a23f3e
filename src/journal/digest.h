/* journal/digest.h - what a part of the journal holds, per exchange, symbol, kind and session date.
 *
 * Internal to the room. Records of topics that are no event kind's (raw bytes, checkpoints) have no digest.
 * Thread-safety: one thread at a time.
 */
#ifndef K2_JOURNAL_DIGEST_H
#define K2_JOURNAL_DIGEST_H

#include "journal/journal.h"

struct journal_digester;

/* dir: where schemas.json is. */
K2_RC journal_digester_open(const char *dir, struct journal_digester **out, struct k2_err *err);
/* A record that cannot be decoded is an error: what it belongs to has no digest then. */
K2_RC journal_digester_add(struct journal_digester *d, enum k2_kind_id kind, struct k2_sv value,
                           struct k2_err *err);
/* Between batches: forgets the strings seen so far when they are many. */
void journal_digester_rest(struct journal_digester *d);
/* Gives what was added as a heap array (free). */
struct journal_digest *journal_digester_take(struct journal_digester *d, int *n);
void journal_digester_close(struct journal_digester *d); /* NULL is fine */

#endif
