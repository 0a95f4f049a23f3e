/* serve/accept.h - the Accept header (RFC 9110, 12.5.1) against what can be sent. */
#ifndef K2_SERVE_ACCEPT_H
#define K2_SERVE_ACCEPT_H

#include "base/buf.h"

/* The index of the offer ("text/plain", lower case) that the header likes best, the first of equals.
 * No header, or none that is wanted: 0, since any answer is better than a refusal. Parameters other
 * than q are not looked at; a range that makes no sense is passed over. */
int accept_best(struct k2_sv header, const char *const *offers, int n);

#endif
