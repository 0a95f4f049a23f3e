/* journal/ledger.h - the ledger of gaps in the log: steps of the sequence engine as events of kind gap, and back.
 *
 * A step is an event of topic market.gaps.EXCHANGE with the exchange, session date, channel and epoch of the gap.
 * Its sequence is the first missing number. Its part is the step's number (enum seq_state), plus ten times the
 * place of the kind in kinds.def, from 1, whose numbers are missing; 0 of a channel that all kinds share. So each
 * step has one identity, whatever is judged again. Its time is the venue's of the event that showed the gap, in
 * all steps; when the step was made is its receive time.
 * An outage (SILENCE, SESSION, DISCONNECT in column cause) has the feed's name as its channel; its sequence is when
 * it began, gap_to when it ended (null before), ns UTC, and its place in part is 100 and its cause (enum seq_cause).
 * extra: why, in words; halts = yes: the channel is halted by it; note; source and raw_offset: where that event is.
 */
#ifndef K2_JOURNAL_LEDGER_H
#define K2_JOURNAL_LEDGER_H

#include "feed/feed.h"

/* note: NULL = none. */
struct k2_event ledger_event(const struct seq_step *step, const char *actor, const char *note,
                             int64_t now_ns, struct k2_interner *in);
/* Back; views are borrowed from the interner. False: it is none of ours. */
bool ledger_step(const struct k2_event *e, const struct k2_interner *in, struct seq_step *out);

/* Appends the name of a channel, EXCHANGE/DATE/CHANNEL/KIND; and of an entry, with /EPOCH/FROM behind it. As in a
 * message_id, '%' and '/' inside of a value are percent-escaped; KIND is seq_step_word. */
void ledger_channel_name(const struct seq_step *gap, struct k2_buf *out);
void ledger_entry_name(const struct seq_step *gap, struct k2_buf *out);

#endif
