/* verb/progress.h - one line on stderr that tells how far long work is; only on a terminal.
 *
 * It is rewritten in place at most ten times a second and gone when the work ends.
 */
#ifndef K2_VERB_PROGRESS_H
#define K2_VERB_PROGRESS_H

#include "verb/verb.h"

struct progress {
    bool on, shown;
    int64_t last_ns; /* monotonic, of the last line */
    int64_t start_ns;
};

void progress_start(struct progress *p, const struct verb_context *c);
/* True when it is time to show a line again; the caller formats only then. */
bool progress_due(struct progress *p);
void progress_show(struct progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void progress_end(struct progress *p); /* takes the line away */

#endif
