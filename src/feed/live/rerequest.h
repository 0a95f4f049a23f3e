/* feed/live/rerequest.h - messages that were missed, asked for at a venue's re-request server.
 *
 *   moldudp64://HOST:PORT     MoldUDP64 (rerequest.c quotes the specification)
 *
 * An answer is taken in pieces, so that neither a long gap nor a server that never ends fills the memory.
 *
 * Included by feed.h, the room's face. Thread-safety: any thread; feed_rerequest waits.
 */
#ifndef K2_FEED_LIVE_REREQUEST_H
#define K2_FEED_LIVE_REREQUEST_H

#include "base/buf.h"
#include "base/err.h"

/* More numbers than these are not asked for: some minutes of the busiest feed, and then files are the way. */
#define FEED_REREQUEST_MOST ((int64_t)10000000)

struct feed_rerequest {
    const char *url;
    struct k2_sv session; /* of the messages: the channel of their rows */
    int64_t from, to;
    bool (*goes_on)(void *ctx); /* asked several times a second; NULL = always */
    void *ctx;
};

bool feed_rerequest_is(const char *url); /* by its scheme */
K2_RC feed_rerequest_check(const char *url, struct k2_err *err);
/* Appends to out, as a raw capture (capture/raw.h), the packets with the first of the messages from..to as far as the
 * server has them: at most 65,534 messages, 8 MiB and a packet, and what comes in about five seconds. *through: all
 * messages up to that one came; from - 1 = none, or only later ones. Where it is before `to`, the caller asks for the
 * rest. No message behind `to` is among them, and no packet that brings nothing new.
 * K2_E_NOTFOUND: it answered nothing. K2_E_UNSUPPORTED: the channel is no session of the protocol, or from..to are more
 * than FEED_REREQUEST_MOST. */
K2_RC feed_rerequest(const struct feed_rerequest *r, struct k2_buf *out, int64_t *through,
                     struct k2_err *err);

#endif
