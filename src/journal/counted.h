/* journal/counted.h - where the counting of a file's rows began, for formats that number nothing.
 *
 * With --continue rows count on behind what the journal held then. To decode the file again (k2 redecode, k2 trace) the
 * same beginnings are needed, so its record in k2.sources keeps them, as JSON:
 *
 *     [["ASX","BHP","trade","2014-03-10",934],...]    exchange, channel, kind or "shared", session date, the number before the first
 *
 * What is not in it counts from 1. Included by journal.h, the room's face. Thread-safety: none; one owner at a time.
 */
#ifndef K2_JOURNAL_COUNTED_H
#define K2_JOURNAL_COUNTED_H

#include "base/buf.h"
#include "base/err.h"
#include "codec/codec.h"

#define COUNTED_MOST 20000 /* of a file with more nothing is kept, and counted_parse refuses */

struct counted;

struct counted *counted_new(void);
void counted_free(struct counted *c); /* NULL is fine */
void counted_add(struct counted *c, struct k2_sv exchange, struct k2_sv channel,
                 enum k2_kind_id kind, int32_t date, int64_t last);
/* Appends the text; nothing where everything counts from 1. */
void counted_put(const struct counted *c, struct k2_buf *out);
/* Empty text: everything counts from 1. */
K2_RC counted_parse(struct k2_sv text, struct counted **out, struct k2_err *err);
/* As feed_options.counted; ctx is the struct counted. */
int64_t counted_find(void *ctx, struct k2_sv exchange, struct k2_sv channel, enum k2_kind_id kind,
                     int32_t date);

#endif
