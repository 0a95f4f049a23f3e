/* verb/gap_id.h - names of entries of the ledger (journal/ledger.h) as users say them. */
#ifndef K2_VERB_GAP_ID_H
#define K2_VERB_GAP_ID_H

#include "verb/verb.h"

#include "journal/journal.h"

/* K2_E_USAGE when the text is no ID. `words` holds what *out borrows. */
K2_RC gap_id_read(const char *text, struct k2_buf words[2], struct seq_step *out,
                  struct k2_err *err);
/* A step of the user in the life of that gap. note: NULL = none. It says when there is nothing to do. */
K2_RC gap_id_mark(struct verb_context *c, const char *id, enum seq_state state, const char *note,
                  struct k2_err *err);

#endif
