/* role/hub.h - where other commands reach a running platform: answers the requests that come over line.h.
 *
 * One thread waits for connections; each connection has a thread of its own while it lasts.
 * Thread-safety: open and close by one thread.
 */
#ifndef K2_ROLE_HUB_H
#define K2_ROLE_HUB_H

#include "role/feeder.h"

struct hub;

struct hub_hooks {
    void *ctx;
    /* The states of all roles, as the member "done" of the answer. */
    struct k2_json *(*status)(void *ctx);
    bool (*resume)(void *ctx, const char *role); /* false: there is no such role */
};

K2_RC hub_open(const char *data, struct feeder *f, const struct hub_hooks *hooks, struct hub **out,
               struct k2_err *err);
/* Ends the connections, and the jobs they asked for. NULL is fine. */
void hub_close(struct hub *h);

#endif
