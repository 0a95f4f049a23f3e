/* query/text.h - SQL as text: where statements end, and what word they begin with.
 *
 * This is a lexer only, of what must not be mistaken: strings, quoted names, dollar quotes, comments.
 * A mistake here can refuse a statement but never let one through: each piece is counted again by
 * DuckDB's own parser before it runs.
 */
#ifndef K2_QUERY_TEXT_H
#define K2_QUERY_TEXT_H

#include "base/buf.h"

/* Cuts the next statement off *rest (without its semicolon), leaving out empty ones; false at the end. */
bool query_text_next(struct k2_sv *rest, struct k2_sv *statement);
/* The first word of a statement behind blanks and comments: a name, or one character. Empty at the end. */
struct k2_sv query_text_word(struct k2_sv statement);
/* Takes EXPLAIN, ANALYZE and a list of options off the front of a statement: what is left is the
 * statement explained. False when it does not begin with EXPLAIN. */
bool query_text_explained(struct k2_sv statement, struct k2_sv *inner);
/* Does the text hold the word (ASCII letters in any case), as a whole or as part of another one? */
bool query_text_mentions(struct k2_sv text, const char *word);
/* Appends 'text' with quotes doubled, and "name" with double quotes doubled. */
void query_text_literal(struct k2_buf *out, struct k2_sv text);
void query_text_name(struct k2_buf *out, const char *name);

#endif
