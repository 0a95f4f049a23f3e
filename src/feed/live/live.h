/* feed/live/live.h - sources that are connections: what they receive, as frames with their time of receipt.
 *
 *   tcp://HOST:PORT                               a stream; a frame is what one read gave
 *   soupbintcp://HOST:PORT                        a SoupBinTCP session of Nasdaq's; the login is what is said
 *   udp://GROUP:PORT[,GROUP:PORT][@INTERFACE]     datagrams, one or two lines (A and B) of the same feed; GROUP may be
 *                                                 an address of this machine, for what is sent to it alone
 *   ws://HOST[:PORT]/PATH wss://...               WebSocket messages (RFC 6455)
 *
 * A connection that ends is made again, after a wait that doubles from 100 ms to 30 s with jitter, at the next of its
 * URLs; what it has to send to be served (logins, subscriptions) is sent each time. The owner sees each beginning and end
 * of a connection as a frame of its own, so that what is recorded holds them in their place.
 *
 * Nothing waits but feed_live_poll. Names are resolved and TLS is made step by step too, with a limit of 5 s from the
 * beginning of a try to the end of the WebSocket handshake.
 *
 * Included by feed.h, the room's face. Thread-safety: one thread per struct feed_live.
 */
#ifndef K2_FEED_LIVE_LIVE_H
#define K2_FEED_LIVE_LIVE_H

#include "base/buf.h"
#include "base/err.h"
#include "feed/live/soupbin.h"

enum feed_live_form {
    LIVE_CONNECTED,    /* bytes: the URL */
    LIVE_DISCONNECTED, /* bytes: why, in words */
    LIVE_DATAGRAM,
    LIVE_STREAM, /* bytes of a TCP stream, cut anywhere */
    LIVE_TEXT,   /* a WebSocket message */
    LIVE_BINARY
};

struct feed_live_frame {
    enum feed_live_form form;
    struct k2_sv bytes;  /* borrowed until the next feed_live_poll */
    int64_t received_ns; /* UTC; of datagrams the kernel's time of receipt */
    int line;            /* 0, or 1 of a B line; of WebSocket 0 */
    /* Counts the connections of this source from 1. While one takes another's place (rotate_ns) frames of both come,
     * and messages twice. 0: a LIVE_DISCONNECTED of a try that made no connection. */
    int64_t connection;
};

struct feed_live_options {
    /* The first that works is used; all of one kind; ended by NULL; copied. */
    const char *const *urls;
    /* Said after each connecting (a WebSocket: a text message each; a stream: a line each;
     * SoupBinTCP: one text, USER PASSWORD [SESSION [NUMBER]]); ended by NULL or NULL; copied. */
    const char *const *send;
    /* Of the handshake of a WebSocket, "NAME: VALUE" each; ended by NULL or NULL; copied, and shown to nobody but the
     * server. */
    const char *const *headers;
    /* Name of the format of what comes (feed_ops): some venues want pings of their own, or answers. NULL: RFC 6455's. */
    const char *format;
    const char *ca_file; /* TLS: further trust than the system's; NULL = none */
    /* Nothing for so long ends a connection (of a WebSocket: after a ping had no answer). 0: 30 s of a WebSocket, 15 s of
     * SoupBinTCP, never
     * of a stream, which cannot be asked. Datagrams have no connection that could end. */
    int64_t silence_ns;
    /* A WebSocket is made anew when it is so old (venues end them after 24 h): the new one is connected and gives
     * messages before the old one ends; 0 = never. */
    int64_t rotate_ns;
    size_t max_frame; /* of a WebSocket; 0 = 16 MB; a longer message ends the connection */
};

bool feed_is_live(const char *source); /* by its scheme */
/* K2_E_USAGE: it is XYZ://..., and no live source is; says which there are. */
K2_RC feed_live_check_scheme(const char *source, struct k2_err *err);

struct feed_live;
/* Checks the URLs and options (K2_E_INVALID), connects to nobody yet: feed_live_poll does. */
K2_RC feed_live_open(const struct feed_live_options *o, struct feed_live **out, struct k2_err *err);
void feed_live_close(struct feed_live *l); /* NULL is fine */
/* Waits at most timeout_ms (0 = not) for something, or until a signal comes, then gives what is there, at most max frames.
 * A failing connection is no error of this call: it is a frame and a state. */
K2_RC feed_live_poll(struct feed_live *l, int timeout_ms, struct feed_live_frame *frames,
                     size_t max, size_t *n, struct k2_err *err);
/* Of SoupBinTCP, before the first connection: what was received before of which session. */
void feed_live_go_on(struct feed_live *l, const struct feed_soup *at);
/* An epoll descriptor: readable when a poll would give something, or has something to do. */
int feed_live_fd(const struct feed_live *l);

struct feed_live_state {
    bool connected;
    const char *url;       /* of the connection, or of the next try; borrowed */
    const char *why;       /* the last end of a connection, or of a try, in words; "" */
    int64_t connections;   /* made so far */
    int64_t frames, bytes; /* received, without those that tell of connections */
    int64_t dropped;       /* datagrams that the kernel threw away (SO_RXQ_OVFL) */
    int64_t buffer;        /* udp: bytes that wait in the kernel at most, of each line */
    int64_t next_try_ns;   /* UTC; 0 = connected, or at once */
};
struct feed_live_state feed_live_state(const struct feed_live *l);

#endif
