/* journal/lanes.h - the records of partitions, handed to several threads by their key.
 *
 * Records of one key go to one lane, in the order in which they are given; lanes do not wait for each other. A symbol that is
 * a thousand times busier than the others fills its own lane's queue, while those behind it in the partition are taken by the
 * other lanes. Offsets may be committed after lanes_drain: everything that was given has its effect then.
 * Thread-safety: one thread gives and drains. A lane is one thread: what the taker changes may belong to it.
 */
#ifndef K2_JOURNAL_LANES_H
#define K2_JOURNAL_LANES_H

#include "journal/journal.h"

/* The record is borrowed for the call. After a failure its lane takes no more. */
typedef int (*lanes_take)(void *ctx, int lane, int32_t topic, const struct journal_record *record,
                          struct k2_err *err);

/* The lane of a key, of so many. */
int lanes_of(struct k2_sv key, int count);

struct lanes;
/* With `threads` one is started for each lane; else records are taken as they are given, by the caller. */
K2_RC lanes_start(int count, bool threads, lanes_take take, void *ctx, struct lanes **out,
                  struct k2_err *err);
/* Copies the record for its lane; waits while 64 MB are queued. */
void lanes_give(struct lanes *l, int32_t topic, const struct journal_record *record);
/* Waits until all that was given is taken; the first lane's failure that there is. */
K2_RC lanes_drain(struct lanes *l, struct k2_err *err);
/* Ends the threads; what was not taken is dropped. NULL is fine. */
void lanes_stop(struct lanes *l);

#endif
