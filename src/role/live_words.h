/* role/live_words.h - lists of texts as one text: the URLs of a live source, what is said to it, and headers.
 *
 * Thread-safety: one owner at a time.
 */
#ifndef K2_ROLE_LIVE_WORDS_H
#define K2_ROLE_LIVE_WORDS_H

#include "base/buf.h"
#include "base/err.h"

#define LIVE_WORDS_SEPARATOR                                                                       \
    '\x1e' /* RS; no control character is in a URL or in JSON as it is sent */

struct live_words {
    char *text;
    const char **at; /* ended by NULL; NULL = no list was given */
};

/* joined NULL or empty: no list. Empty texts are left out. */
void live_words_split(const char *joined, char separator, struct live_words *out);
void live_words_free(struct live_words *w); /* safe on a zeroed one */
/* Appends one more text to a list. */
void live_words_join(struct k2_buf *list, const char *text);
/* A header of the handshake, as a command has it: NAME: VALUE, @FILE with one a line, or env:NAME or file:PATH, which refer
 * to one; VALUE may refer to a secret, too. Appended to the list. No message has what stands behind a reference. */
K2_RC live_words_header(const char *word, struct k2_buf *list, struct k2_err *err);
/* What a configuration or command says is to be sent: a text, or @FILE with one text a line. Appended to the list. */
K2_RC live_words_read(const char *word, struct k2_buf *list, struct k2_err *err);

#endif
