/* journal/passed.h - numbers that were used up by events that nobody asked for (--symbols), kept in the log itself.
 *
 * Where one sequence counts the messages of several symbols, what is left out is no gap. Its numbers are not in any
 * table, so a restart would miss them: topic k2.passed, partition 0, has them. Each record is Avro {exchange, channel: string,
 * date, epoch: int, ranges: array of {to, span: long}, kind: string}: numbers to - span .. to of the channel's number
 * space, which is a kind's, or "shared" by all (so in records of before there was this field), in the write of the events
 * between them.
 */
#ifndef K2_JOURNAL_PASSED_H
#define K2_JOURNAL_PASSED_H

#include "journal/journal.h"

#define PASSED_TOPIC "k2.passed"

/* Appends those of the judged items that are `passed` and that changed what the engine knows. */
K2_RC passed_append(struct journal *j, const struct seq_item *items, size_t n, struct k2_err *err);

/* Back: each range as an item that only consumes its numbers, strings interned in `in`. */
K2_RC passed_read(struct k2_sv value, struct k2_interner *in,
                  void (*put)(void *ctx, const struct seq_item *item), void *ctx,
                  struct k2_err *err);

#endif
