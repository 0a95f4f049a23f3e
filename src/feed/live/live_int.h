/* feed/live/live_int.h - what the files of this folder know of each other.
 *
 *   live.c       the loop: when links begin and end, what is due, frames handed out
 *   url.c        the addresses of sources
 *   queue.c      frames that wait to be handed out
 *   stream.c     what tcp.c and websocket.c share: a k2_stream and bytes that wait to be sent
 *   tcp.c, udp.c, websocket.c, soupbin.c   the kinds of links: one struct live_ops each
 *   handshake.c  the beginning of a WebSocket: request and answer
 *   habits.c     what venues want to be told on a WebSocket while it is there
 *   rerequest.c  what was missed, asked for at another address
 */
#ifndef K2_FEED_LIVE_LIVE_INT_H
#define K2_FEED_LIVE_LIVE_INT_H

#include "feed/live/live.h"
#include "feed/live/soupbin.h"

#include "base/clock.h"
#include "base/http.h"
#include "base/zip.h"

#include <net/if.h>
#include <netinet/in.h>

enum { LIVE_LINES = 2 };

/* --- url.c --- */

enum live_scheme { LIVE_TCP, LIVE_UDP, LIVE_WS, LIVE_WSS, LIVE_SOUP };

/* What an address begins with ("tcp://"), from 0 on; NULL behind the last. */
const char *live_scheme_at(int i, enum live_scheme *scheme);

struct live_url {
    char *text; /* as it was given */
    enum live_scheme scheme;
    char *target; /* tcp, soupbintcp, ws, wss: for k2_stream_start */
    char *host;   /* ws, wss: of the Host header */
    char *path;   /* ws, wss: with the query; "/" */
    struct sockaddr_in lines[LIVE_LINES];
    int n_lines;
    char interface[IF_NAMESIZE]; /* udp: a name or an IPv4 address; "" = the system's choice */
};

/* K2_E_INVALID says what is wrong and what would be right. */
K2_RC live_url_parse(const char *text, struct live_url *out, struct k2_err *err);
void live_url_free(struct live_url *u); /* safe on a zeroed one */

/* "SCHEMEHOST:PORT" for getaddrinfo; `scheme` with its "://". */
struct live_place {
    char *host;
    char port[6];
};
K2_RC live_place_parse(const char *text, const char *scheme, struct live_place *out,
                       struct k2_err *err);
void live_place_free(struct live_place *p); /* safe on a zeroed one */

/* --- queue.c --- */

struct live_item {
    struct feed_live_frame frame; /* without its bytes */
    size_t at, n;                 /* they are here in the queue's buffer */
};

struct live_queue {
    struct k2_buf bytes;
    struct live_item *items;
    size_t n, cap, given;
};

void live_queue_push(struct live_queue *q, const struct feed_live_frame *f); /* copies the bytes */
/* The next frames, at most max; borrowed until live_queue_clean. */
size_t live_queue_give(struct live_queue *q, struct feed_live_frame *frames, size_t max);
void live_queue_clean(struct live_queue *q); /* forgets what was given, when that was all */
bool live_queue_full(const struct live_queue *q, size_t max);
static inline bool live_queue_empty(const struct live_queue *q) {
    return q->given == q->n;
}
void live_queue_free(struct live_queue *q);

/* --- links --- */

enum live_phase { LIVE_WAITING, LIVE_CONNECTING, LIVE_UP };

struct live_ops;
struct live_ws;
struct live_soup;

struct live_link { /* one connection: wished for, being made, or there */
    struct feed_live *live;
    const struct live_ops *ops;
    const struct live_url *url;
    enum live_phase phase;
    /* Monotonic. try: when waiting; up, heard, first (of its first message; 0 = none yet): when up. */
    int64_t try_ns, wait_ns, up_ns, heard_ns, first_ns;
    bool asked;      /* a ping went out since something was heard */
    bool more;       /* there may be more to read although no descriptor says so */
    bool watched;    /* is in the epoll set */
    bool writing;    /* and waits for room to send */
    int64_t beat_ns; /* when the next beat is due; 0 = never */
    int64_t number;  /* of the connection; 0 = never was one */
    /* stream.c */
    struct k2_stream *stream;
    struct k2_buf out; /* to be sent, from out_at on */
    size_t out_at;
    /* websocket.c, soupbin.c, udp.c */
    struct live_ws *ws;
    struct live_soup *soup;
    struct live_sockets *sockets;
};

struct live_ops {
    K2_RC (*begin)(struct live_link *k, struct k2_err *err); /* to connect; never waits */
    K2_RC (*step)(struct live_link *k, bool *up, struct k2_err *err);
    /* Puts what has come into the queue until it is full for a caller who takes max. */
    K2_RC (*read)(struct live_link *k, size_t max, struct k2_err *err);
    K2_RC(*flush)
    (struct live_link *k, struct k2_err *err); /* sends what waits; NULL = nothing does */
    K2_RC (*ping)(struct live_link *k, struct k2_err *err); /* NULL: there is no such thing */
    /* Says that we are here, each beat_ns; NULL: there is no such thing. */
    K2_RC (*beat)(struct live_link *k, struct k2_err *err);
    int64_t (*beat_ns)(const struct live_link *k); /* 0 = never; with beat */
    int64_t silence_ns;                            /* where nobody says it; 0 = it may be silent */
    /* Ends and frees what begin made, also half-made. `polite`: says goodbye if it need not wait for it. */
    void (*end)(struct live_link *k, bool polite);
    bool silent; /* silence means nothing: there is no other side that could have gone */
};

extern const struct live_ops live_tcp, live_udp, live_websocket, live_soupbin;

struct live_login {
    char user[7], password[11], session[FEED_SOUP_SESSION + 1]; /* session "": the one under way */
    int64_t number;
};
K2_RC live_soup_login(const char *text, struct live_login *out, struct k2_err *err);

struct feed_live {
    struct live_url *urls;
    int n_urls, at_url; /* of the next try */
    char **send;        /* ended by NULL; NULL = nothing */
    char **headers;     /* the same */
    char *ca_file, *format;
    int64_t silence_ns, rotate_ns;
    size_t max_frame;
    int epoll, timer;
    struct live_link *link, *next; /* next: that will take its place; else NULL */
    struct live_queue queue;
    struct live_login login; /* of SoupBinTCP */
    struct feed_soup soup;   /* what was received of it; also while there is no connection */
    uint64_t random;         /* xorshift, for jitter */
    char why[1024];
    int64_t connections, frames, bytes, dropped, buffer;
};

/* A frame of data of the link. */
void live_push(struct live_link *k, enum feed_live_form form, struct k2_sv bytes,
               int64_t received_ns, int line);
/* Into the epoll set, or out of it; what it waits for may change at each call. */
K2_RC live_watch(struct feed_live *l, int fd, bool known, bool writing, struct k2_err *err);
void live_unwatch(struct feed_live *l, int fd);

/* --- stream.c --- */

enum { LIVE_CONNECT_MS = 5000, LIVE_READ_BYTES = 64 << 10 };

K2_RC live_stream_begin(struct live_link *k, struct k2_err *err);
K2_RC live_stream_step(struct live_link *k, bool *up, struct k2_err *err);
/* As k2_stream_read, and notes that something was heard. */
K2_RC live_stream_read(struct live_link *k, void *to, size_t max, size_t *n, struct k2_err *err);
K2_RC live_stream_flush(struct live_link *k,
                        struct k2_err *err); /* of k->out, and what epoll waits for */
void live_stream_end(struct live_link *k);

/* --- handshake.c --- */

enum { LIVE_KEY_TEXT = 25 }; /* 16 random bytes in base64, and a NUL */

void live_handshake_key(char key[LIVE_KEY_TEXT]);
/* headers: as feed_live_options has them. */
void live_handshake_request(const struct live_url *u, const char *key, char *const *headers,
                            struct k2_buf *out);
/* Whether it is "NAME: VALUE" and not one of the handshake's own; the value is in no message. */
K2_RC live_handshake_header(const char *header, struct k2_err *err);
/* *head: bytes of the answer's head when it is whole and agrees; 0 = more is needed. K2_E_IO: the server does not want
 * to, K2_E_INVALID: it does not speak WebSocket. */
K2_RC live_handshake_answer(struct k2_sv bytes, const char *key, size_t *head, struct k2_err *err);
/* What Sec-WebSocket-Accept has to be. */
void live_handshake_accept(const char *key, char out[29]);

/* --- habits.c --- */

struct live_habit {
    const char *hello; /* said before all else; NULL = nothing */
    int64_t every_ns;  /* how often the beat is due; 0 = never */
    const char *beat;  /* said then */
    const char *
        timed; /* or the channel of such a text, which holds the time; neither: a ping of RFC 6455 */
    const char *question; /* part of a short message that wants an answer; NULL = none does */
    const char *answer;   /* NULL: the message is packed, and is said again with pong */
};

/* NULL: the venue wants nothing, or the format is not known. */
const struct live_habit *live_habit_of(const char *format, const char *url);
enum { LIVE_ANSWER = 256 };
/* h may be NULL. *g: made when it is needed first; the caller's. */
bool live_habit_answer(const struct live_habit *h, struct k2_sv message, struct k2_gunzip **g,
                       char answer[LIVE_ANSWER]);

#endif
