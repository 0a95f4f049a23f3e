/* feed/symbols.h - a SYMBOL list: "BHP,CBA", globs "B*", "@file" with one entry a line, mixed by commas.
 *
 * An exchange in front ("ASX.BHP") is kept apart: the word is split at the first dot behind a known
 * exchange, so BRK.B stays one symbol. A word such as BITMEX.XBTUSD, whose exchange is not built in, is
 * both: the symbol of that name, and XBTUSD of BITMEX.
 * Included by feed.h, the room's face. Thread-safety: immutable once parsed.
 */
#ifndef K2_FEED_SYMBOLS_H
#define K2_FEED_SYMBOLS_H

#include "base/buf.h"
#include "base/err.h"

struct symbols;
/* K2_E_USAGE when the list is empty; a file that cannot be read is its own error. Gives *out. */
K2_RC symbols_parse(const char *list, struct symbols **out, struct k2_err *err);
void symbols_free(struct symbols *s); /* NULL is fine */
/* Appends a list that means the same and needs no file. */
void symbols_text(const struct symbols *s, struct k2_buf *out);
/* The i-th entry; exchange empty = any. False behind the last one. */
bool symbols_at(const struct symbols *s, size_t i, struct k2_sv *exchange, struct k2_sv *pattern);
/* EXCHANGE.SYMBOL at the first dot behind a known exchange; without one the exchange is empty. */
void symbols_split(struct k2_sv word, struct k2_sv *exchange, struct k2_sv *symbol);
/* The other meaning of a word that symbols_split left whole: split at its first dot, whatever exchange stands before
 * it. False when there is none. */
bool symbols_split_other(struct k2_sv word, struct k2_sv *exchange, struct k2_sv *symbol);
/* exchange empty = any. The codes of one exchange (feed_exchange_code) are as good as each other. */
bool symbols_match(const struct symbols *s, struct k2_sv exchange, struct k2_sv symbol);

#endif
