/* serve/deadline.h - sockets that have to get something done by a time.
 *
 * The HTTP library closes a connection that is silent, but not one that sends a byte now and then
 * forever. A thread of ours shuts down the socket of a request that is not whole in time; the library
 * then finds it closed and tidies up as usual. Thread-safety: any thread, but deadlines_free.
 */
#ifndef K2_SERVE_DEADLINE_H
#define K2_SERVE_DEADLINE_H

#include "base/err.h"

#include <stdint.h>

struct deadlines;
struct deadline; /* of one open socket */

K2_RC deadlines_new(int64_t limit_ns, struct deadlines **out, struct k2_err *err);
/* Every socket was taken off before. */
void deadlines_free(struct deadlines *d);
struct deadline *deadline_add(struct deadlines *d, int fd); /* the time runs */
void deadline_restart(struct deadlines *d, struct deadline *one);
/* Before the socket is closed. */
void deadline_remove(struct deadlines *d, struct deadline *one);
int deadlines_count(struct deadlines *d); /* sockets that are open */

#endif
