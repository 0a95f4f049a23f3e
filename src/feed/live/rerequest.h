/* feed/live/rerequest.h - messages that were missed, asked for at a venue's re-request server.
 *
 *   moldudp64://HOST:PORT     MoldUDP64 (rerequest.c quotes the specification)
 *
 * Included by feed.h, the room's face. Thread-safety: any thread; feed_rerequest waits.
 */
#ifndef K2_FEED_LIVE_REREQUEST_H
#define K2_FEED_LIVE_REREQUEST_H

#include "base/buf.h"
#include "base/err.h"

struct feed_rerequest {
    const char *url;
    struct k2_sv session; /* of the messages: the channel of their rows */
    int64_t from, to;
    bool (*goes_on)(void *ctx); /* asked several times a second; NULL = always */
    void *ctx;
};

bool feed_rerequest_is(const char *url); /* by its scheme */
K2_RC feed_rerequest_check(const char *url, struct k2_err *err);
/* Appends to out, as a raw capture (capture/raw.h), the packets with the messages from..to as far as the server has
 * them; waits at most about two seconds for each packet. *through: all messages up to that one came; from - 1 = none.
 * K2_E_NOTFOUND: it answered nothing. K2_E_UNSUPPORTED: the channel is no session of the protocol. */
K2_RC feed_rerequest(const struct feed_rerequest *r, struct k2_buf *out, int64_t *through,
                     struct k2_err *err);

#endif
