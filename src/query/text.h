/* query/text.h - SQL as text: where statements end, and what word they begin with.
 *
 * This is a lexer only, of what must not be mistaken: strings, quoted names, dollar quotes, comments.
 * A mistake here can refuse a statement but never let one through: each piece is counted again by
 * DuckDB's own parser before it runs. Included by query.h, the room's face.
 */
#ifndef K2_QUERY_TEXT_H
#define K2_QUERY_TEXT_H

#include "base/buf.h"

/* Does the text end outside of a statement: with its semicolon, a comment, or nothing at all? */
bool query_text_complete(struct k2_sv text);
/* Cuts the next statement off *rest (without its semicolon), leaving out empty ones; false at the end. */
bool query_text_next(struct k2_sv *rest, struct k2_sv *statement);
/* The first word of a statement behind blanks and comments: a name, or one character. Empty at the end. */
struct k2_sv query_text_word(struct k2_sv statement);
/* Length of the token at the front of s, which is not empty: a word, a quoted run, a comment, a blank or
 * any other single character. */
size_t query_text_token(struct k2_sv s);
/* Appends the statement on one line: comments left out, blanks outside of quotes made single. */
void query_text_flatten(struct k2_sv statement, struct k2_buf *out);
/* Takes EXPLAIN, ANALYZE and a list of options off the front of a statement: what is left is the
 * statement explained. False when it does not begin with EXPLAIN. */
bool query_text_explained(struct k2_sv statement, struct k2_sv *inner);
/* Does the text hold the word (ASCII letters in any case), as a whole or as part of another one? */
bool query_text_mentions(struct k2_sv text, const char *word);
/* Appends 'text' with quotes doubled, and "name" with double quotes doubled. */
void query_text_literal(struct k2_buf *out, struct k2_sv text);
void query_text_name(struct k2_buf *out, const char *name);

#endif
