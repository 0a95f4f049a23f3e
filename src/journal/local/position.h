/* journal/local/position.h - the text of a consumer group's file (position.c). Internal to the room. */
#ifndef K2_JOURNAL_POSITION_H
#define K2_JOURNAL_POSITION_H

#include "journal/local/local.h"

/* Gives a heap array; on failure there is none. */
K2_RC journal_position_parse(struct k2_sv text, int32_t incarnation, struct journal_span **spans,
                             int *n, struct k2_err *err);
void journal_position_format(int32_t incarnation, const struct journal_span *spans, int n,
                             struct k2_buf *out);

#endif
