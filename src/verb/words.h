/* verb/words.h - the words of the command surface: numbers with K and M, sizes, times and zones.
 * All errors are K2_E_USAGE and quote the word.
 */
#ifndef K2_VERB_WORDS_H
#define K2_VERB_WORDS_H

#include "verb/verb.h"

/* A whole number of at least `least`: "50000", "50K", "2M" (by 1000). */
K2_RC words_count(const char *option, const char *text, int64_t least, int64_t *out,
                  struct k2_err *err);
/* A number with a point, not negative: "0.5", "1.5K". For rates, not for data. */
K2_RC words_real(const char *option, const char *text, double *out, struct k2_err *err);
/* Between 0 and 1, or "5%". */
K2_RC words_probability(const char *option, const char *text, double *out, struct k2_err *err);
K2_RC words_bytes(const char *option, const char *text, int64_t *out, struct k2_err *err);
K2_RC words_span(const char *option, const char *text, int64_t *ns, struct k2_err *err);
/* For an answer without a row: a note that nothing is known of an exchange (NULL = none was asked for) or symbol,
 * with the code that is near. */
void words_note_exchange(const struct verb_context *c, const char *exchange);
/* A TIME. tz NULL = UTC; else a zone's name ("Australia/Sydney") or an exchange's code. */
K2_RC words_time(const struct verb_context *c, const char *option, const char *text, const char *tz,
                 int64_t *ns, struct k2_err *err);

#endif
