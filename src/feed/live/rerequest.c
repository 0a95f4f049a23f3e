/* feed/live/rerequest.c - see rerequest.h: MoldUDP64 1.00, of Nasdaq.
 *
 * "The Request Packet is sent to request the retransmission of a particular message or group of messages", to a
 * re-request server. Its fields, numbers big-endian:
 *
 *   offset 0   session                 10 bytes, text, blanks behind it
 *   offset 10  sequence number          8 bytes: the first message that is wanted
 *   offset 18  requested message count  2 bytes
 *
 * "The response to a valid Request Packet is a standard Downstream Packet unicast back": the same header with the
 * number of its first message and of how many messages it has (0 in a heartbeat, 0xFFFF at the end of the session), and
 * the messages, each with its length in 2 bytes in front. A packet has as many of the wanted messages as fit into it, so
 * the rest is asked for again, from the first that did not come. Who has none of them does not answer.
 *
 * The server is not believed: what it sends costs bounded memory and time, however much it is. A packet is taken only if
 * it has a message behind all that were taken, and what it has behind the last one that was asked for is cut off, or
 * else it would be stored before the venue sends it on the line.
 */
#include "feed/live/rerequest.h"

#include "feed/capture/raw.h"
#include "feed/live/live_int.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCHEME "moldudp64://"
enum {
    SESSION = 10,
    REQUEST = 20,
    HEADER = 20,
    MOST_COUNT = 0xFFFE, /* 0xFFFF in a header is the end of the session */
    MOST_DATAGRAM = 65536,
    PIECE_BYTES = 8 << 20,
    PIECE_MS = 5000,
    PACKETS = 256,   /* between two looks at the clock and at goes_on */
    TRIES = 3,       /* of one request, when nothing of it comes */
    ANSWER_MS = 600, /* for the first packet of an answer */
    MORE_MS = 20,    /* for one more, where a server sends several */
    SLICE_MS = 100   /* between two looks at goes_on */
};

struct asking {
    const struct feed_rerequest *r;
    struct k2_buf *out;
    int fd;
    uint8_t *datagram;
    int64_t last;  /* of this piece */
    int64_t next;  /* the first message that did not come */
    int64_t ahead; /* behind the last message that came */
    size_t full;   /* bytes of out at which the piece ends */
    int64_t until_ns;
};

bool feed_rerequest_is(const char *url) {
    return strncmp(url, SCHEME, strlen(SCHEME)) == 0;
}

int feed_rerequest_check(const char *url, struct k2_err *err) {
    struct live_place place;
    int rc = live_place_parse(url, SCHEME, &place, err);
    live_place_free(&place);
    return rc;
}

/* --- the socket --- */

static int connect_to(const struct live_place *p, int *fd, struct k2_err *err) {
    const struct addrinfo wanted = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(p->host, p->port, &wanted, &found);
    if (failed)
        return k2_fail(err, K2_E_IO, "%s: %s", p->host, gai_strerror(failed));
    *fd = -1;
    errno = EADDRNOTAVAIL;
    for (struct addrinfo *a = found; a && *fd < 0; a = a->ai_next) {
        *fd = socket(a->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (*fd >= 0 && connect(*fd, a->ai_addr, a->ai_addrlen) != 0) {
            close(*fd);
            *fd = -1;
        }
    }
    freeaddrinfo(found);
    return *fd >= 0 ? K2_OK : k2_fail_errno(err, "no way to %s:%s", p->host, p->port);
}

static bool goes_on(const struct asking *a) {
    return !a->r->goes_on || a->r->goes_on(a->r->ctx);
}

static bool is_done(const struct asking *a) {
    return a->next > a->last || a->out->n >= a->full || k2_monotonic_ns() >= a->until_ns;
}

/* False: nothing came in time. */
static bool wait_for_packet(const struct asking *a, int ms) {
    struct pollfd p = {.fd = a->fd, .events = POLLIN};
    int64_t until = k2_monotonic_ns() + ms * K2_NS_PER_MS;
    int64_t left = ms;
    while (left > 0 && goes_on(a)) {
        if (poll(&p, 1, (int)(left < SLICE_MS ? left : SLICE_MS)) > 0)
            return true;
        left = (until - k2_monotonic_ns()) / K2_NS_PER_MS;
    }
    return false;
}

/* --- the protocol --- */

static int send_request(const struct asking *a, struct k2_err *err) {
    uint8_t packet[REQUEST];
    int64_t count = a->last - a->next + 1;
    memset(packet, ' ', SESSION);
    memcpy(packet, a->r->session.p, a->r->session.n);
    for (int i = 0; i < 8; i++)
        packet[SESSION + i] = (uint8_t)((uint64_t)a->next >> 8 * (7 - i));
    packet[18] = (uint8_t)(count >> 8);
    packet[19] = (uint8_t)count;
    if (send(a->fd, packet, sizeof packet, 0) == (ssize_t)sizeof packet)
        return K2_OK;
    return k2_fail_errno(err, "cannot ask %s", a->r->url);
}

static uint64_t number_at(const uint8_t *p, int bytes) {
    uint64_t n = 0;
    for (int i = 0; i < bytes; i++)
        n = n << 8 | p[i];
    return n;
}

/* The session that was asked for, and messages in it that are new; what is damaged behind the header is the decoder's to
 * say. */
static bool is_answer(const struct asking *a, size_t n, uint64_t *first, uint64_t *count) {
    size_t session = SESSION;
    if (n < HEADER)
        return false;
    while (session > 0 && (a->datagram[session - 1] == ' ' || a->datagram[session - 1] == 0))
        session--;
    *first = number_at(a->datagram + SESSION, 8);
    *count = number_at(a->datagram + SESSION + 8, 2);
    bool ours = session == a->r->session.n && memcmp(a->datagram, a->r->session.p, session) == 0;
    return ours && *count > 0 && *count <= MOST_COUNT && *first <= (uint64_t)a->r->to &&
           *first + *count > (uint64_t)a->next &&
           (*first <= (uint64_t)a->next || *first + *count > (uint64_t)a->ahead);
}

/* The datagram's bytes with the first `count` of its messages, which its header says from now on. */
static size_t cut(uint8_t *datagram, size_t n, uint64_t count) {
    size_t at = HEADER;
    for (uint64_t i = 0; i < count; i++) {
        size_t left = n - at;
        size_t message = left < 2 ? 2 : 2 + (size_t)number_at(datagram + at, 2);
        if (message > left)
            return n; /* it ends inside a message that was asked for */
        at += message;
    }
    return at;
}

static void take(struct asking *a, size_t n) {
    uint64_t first, count;
    if (!is_answer(a, n, &first, &count))
        return;
    uint64_t wanted = (uint64_t)a->r->to - first + 1;
    if (count > wanted) {
        count = wanted;
        a->datagram[SESSION + 8] = (uint8_t)(count >> 8);
        a->datagram[SESSION + 9] = (uint8_t)count;
        n = cut(a->datagram, n, count);
    }
    const struct feed_live_frame f = {
        .form = LIVE_DATAGRAM, .bytes = {(char *)a->datagram, n}, .received_ns = k2_now_ns()};
    feed_raw_put(a->out, &f);
    if (first <= (uint64_t)a->next && first + count > (uint64_t)a->next)
        a->next = (int64_t)(first + count);
    if (first + count > (uint64_t)a->ahead)
        a->ahead = (int64_t)(first + count);
}

/* Packets that are there. ECONNREFUSED is an answer too: nobody listens. */
static int read_packets(struct asking *a, struct k2_err *err) {
    for (int i = 0; i < PACKETS && !is_done(a); i++) {
        ssize_t n = recv(a->fd, a->datagram, MOST_DATAGRAM, 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return K2_OK;
        if (n < 0)
            return k2_fail_errno(err, "cannot hear %s", a->r->url);
        take(a, (size_t)n);
    }
    return K2_OK;
}

/* One request and what comes of it. */
static int ask_once(struct asking *a, struct k2_err *err) {
    int64_t before = a->next;
    int64_t until = k2_monotonic_ns() + ANSWER_MS * K2_NS_PER_MS;
    K2_TRY(send_request(a, err));
    while (!is_done(a)) {
        int64_t left = (until - k2_monotonic_ns()) / K2_NS_PER_MS;
        if (!wait_for_packet(a, a->next > before && left > MORE_MS ? MORE_MS : (int)left))
            return K2_OK;
        K2_TRY(read_packets(a, err));
    }
    return K2_OK;
}

static int ask_for_all(struct asking *a, struct k2_err *err) {
    for (int tries = 0; !is_done(a) && tries < TRIES && goes_on(a); tries++) {
        int64_t before = a->next;
        K2_TRY(ask_once(a, err));
        if (a->next > before)
            tries = -1;
    }
    return K2_OK;
}

static K2_RC check_range(const struct feed_rerequest *r, struct k2_err *err) {
    if (r->session.n == 0 || r->session.n > SESSION || r->from < 1 || r->to < r->from ||
        r->to == INT64_MAX)
        return k2_fail(err, K2_E_UNSUPPORTED, "'%.*s' is no session of MoldUDP64",
                       K2_SV_ARG(r->session));
    if (r->to - r->from >= FEED_REREQUEST_MOST)
        return k2_fail(err, K2_E_UNSUPPORTED,
                       "%" PRId64 " messages are missing, and more than %" PRId64
                       " are not asked for at a re-request server",
                       r->to - r->from + 1, FEED_REREQUEST_MOST);
    return K2_OK;
}

int feed_rerequest(const struct feed_rerequest *r, struct k2_buf *out, int64_t *through,
                   struct k2_err *err) {
    struct live_place place;
    struct asking a = {.r = r, .out = out, .fd = -1, .next = r->from, .ahead = r->from};
    *through = r->from - 1;
    K2_TRY(check_range(r, err));
    K2_TRY(live_place_parse(r->url, SCHEME, &place, err));
    a.last = r->to - r->from < MOST_COUNT ? r->to : r->from + MOST_COUNT - 1;
    a.until_ns = k2_monotonic_ns() + PIECE_MS * K2_NS_PER_MS;
    a.datagram = k2_alloc(MOST_DATAGRAM);
    feed_raw_begin(out);
    size_t begun = out->n;
    a.full = begun + PIECE_BYTES;
    int rc = connect_to(&place, &a.fd, err);
    if (rc == K2_OK)
        rc = ask_for_all(&a, err);
    if (a.fd >= 0)
        close(a.fd);
    free(a.datagram);
    live_place_free(&place);
    *through = a.next - 1;
    if (rc != K2_OK || out->n > begun)
        return out->n > begun ? K2_OK : rc;
    return k2_fail(err, K2_E_NOTFOUND, "%s answers nothing", r->url);
}
