/* verb/gap_id.h - how gaps and channels are named: EXCHANGE/DATE/CHANNEL/KIND, and behind that /EPOCH/FROM. As in a
 * message_id, '%' and '/' inside of a value are percent-escaped; KIND is shared where all kinds share the numbers. */
#ifndef K2_VERB_GAP_ID_H
#define K2_VERB_GAP_ID_H

#include "verb/verb.h"

#include "journal/journal.h"

void gap_id_channel(const struct seq_step *gap, struct k2_buf *out);
void gap_id_put(const struct seq_step *gap, struct k2_buf *out);
/* K2_E_USAGE when the text is no ID. `words` holds what *out borrows. */
K2_RC gap_id_read(const char *text, struct k2_buf words[2], struct seq_step *out,
                  struct k2_err *err);
/* A step of the user in the life of that gap. note: NULL = none. It says when there is nothing to do. */
K2_RC gap_id_mark(struct verb_context *c, const char *id, enum seq_state state, const char *note,
                  struct k2_err *err);

#endif
