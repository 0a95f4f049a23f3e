/* feed/live/udp.c - links that are datagrams: one or two lines (A and B), multicast or not. See live_int.h.
 *
 * A group is joined on the interface (IGMP). Linux gives a socket also what others on the machine joined: other groups
 * on the port are kept out by binding to the group's address, the group on other interfaces by IP_MULTICAST_ALL.
 *
 * The time of receipt is the kernel's (SO_TIMESTAMPNS): it holds also when the program was late. What the kernel had to
 * throw away since nobody read it is counted by it (SO_RXQ_OVFL) and told with the next datagram. The lines are read in
 * batches (recvmmsg) and each round is given in the order of receipt.
 */
#include "feed/live/live_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BATCH = 64,
    MOST_DATAGRAM = 65536,
    STRIDE = MOST_DATAGRAM + 64, /* the first bytes of all datagrams do not share one cache set */
    WANTED_BUFFER = 32 << 20,
    CONTROL = 128,
};

struct line {
    int fd; /* -1 = none */
    uint32_t dropped;
    struct mmsghdr heads[BATCH];
    struct iovec parts[BATCH];
    union {
        struct cmsghdr align;
        char bytes[CONTROL];
    } control[BATCH];
    int64_t received_ns[BATCH];
    int n, at; /* of the batch: read, and given */
    uint8_t *bytes;
};

struct live_sockets {
    struct line lines[LIVE_LINES];
};

/* --- sockets --- */

static bool is_group(const struct sockaddr_in *a) {
    return IN_MULTICAST(ntohl(a->sin_addr.s_addr));
}

static int set(int fd, int level, int option, const void *value, socklen_t n, const char *what,
               struct k2_err *err) {
    if (setsockopt(fd, level, option, value, n) == 0)
        return K2_OK;
    return k2_fail_errno(err, "cannot %s", what);
}

static int join(int fd, const struct sockaddr_in *a, const char *interface, struct k2_err *err) {
    struct ip_mreqn request = {.imr_multiaddr = a->sin_addr};
    int off = 0;
    if (interface[0] && inet_pton(AF_INET, interface, &request.imr_address) != 1) {
        request.imr_ifindex = (int)if_nametoindex(interface);
        if (request.imr_ifindex == 0)
            return k2_fail_errno(err, "there is no interface '%s' (ip link shows them)", interface);
    }
    K2_TRY(set(fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off, "leave out what others joined",
               err));
    return set(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request, "join the group", err);
}

/* The largest buffer that is allowed; gives what it became. */
static int64_t enlarge(int fd) {
    int wanted = WANTED_BUFFER, got = 0;
    socklen_t n = sizeof got;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
    getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &n);
    return got;
}

static int prepare(int fd, const struct sockaddr_in *a, const char *interface, struct k2_err *err) {
    int on = 1;
    K2_TRY(set(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on, "have times of receipt", err));
    K2_TRY(set(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on, "have drops counted", err));
    if (is_group(a)) /* several programs may listen to a group */
        K2_TRY(set(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on, "share the port", err));
    else if (interface[0])
        K2_TRY(set(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface),
                   "use that interface (of an address that is no group it is a name)", err));
    if (bind(fd, (const struct sockaddr *)a, sizeof *a) != 0)
        return k2_fail_errno(err, "cannot listen");
    return is_group(a) ? join(fd, a, interface, err) : K2_OK;
}

static int open_line(struct feed_live *l, const struct live_url *u, int i, int *fd,
                     struct k2_err *err) {
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &u->lines[i].sin_addr, text, sizeof text);
    *fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return k2_fail_errno(err, "cannot open a socket");
    int64_t buffer = enlarge(*fd);
    l->buffer = i == 0 || buffer < l->buffer ? buffer : l->buffer;
    int rc = prepare(*fd, &u->lines[i], u->interface, err);
    if (rc != K2_OK && err)
        err->retriable = true;
    return k2_err_context(err, rc, "udp://%s:%d%s%s", text, ntohs(u->lines[i].sin_port),
                          u->interface[0] ? "@" : "", u->interface);
}

static void make_batch(struct line *line) {
    line->bytes = k2_alloc((size_t)BATCH * STRIDE);
    for (int i = 0; i < BATCH; i++)
        line->parts[i] = (struct iovec){line->bytes + (size_t)i * STRIDE, MOST_DATAGRAM};
}

static int begin(struct live_link *k, struct k2_err *err) {
    struct live_sockets *s = k2_zalloc(sizeof *s);
    k->sockets = s;
    for (int i = 0; i < LIVE_LINES; i++)
        s->lines[i].fd = -1;
    for (int i = 0; i < k->url->n_lines; i++)
        K2_TRY(open_line(k->live, k->url, i, &s->lines[i].fd, err));
    for (int i = 0; i < k->url->n_lines; i++) {
        make_batch(&s->lines[i]);
        K2_TRY(live_watch(k->live, s->lines[i].fd, false, false, err));
    }
    return K2_OK;
}

static int step(struct live_link *k, bool *up, struct k2_err *err) {
    (void)k;
    (void)err;
    *up = true;
    return K2_OK;
}

/* --- reading --- */

/* The time of receipt; and what was dropped before it, which the kernel counts from the socket's beginning, mod 2^32. */
static int64_t read_control(struct feed_live *l, struct line *line, struct msghdr *head) {
    int64_t received = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(head); c; c = CMSG_NXTHDR(head, c)) {
        struct timespec time;
        uint32_t dropped;
        if (c->cmsg_level != SOL_SOCKET)
            continue;
        if (c->cmsg_type == SCM_TIMESTAMPNS) {
            memcpy(&time, CMSG_DATA(c), sizeof time);
            received = (int64_t)time.tv_sec * K2_NS_PER_SEC + time.tv_nsec;
        } else if (c->cmsg_type == SO_RXQ_OVFL) {
            memcpy(&dropped, CMSG_DATA(c), sizeof dropped);
            l->dropped += (uint32_t)(dropped - line->dropped);
            line->dropped = dropped;
        }
    }
    return received ? received : k2_now_ns();
}

/* Fills the line's batch; none there: n is 0. */
static int read_batch(struct feed_live *l, struct line *line, size_t max, struct k2_err *err) {
    line->n = line->at = 0;
    if (line->fd < 0 || max == 0)
        return K2_OK;
    for (int i = 0; i < BATCH; i++)
        line->heads[i].msg_hdr = (struct msghdr){.msg_iov = &line->parts[i],
                                                 .msg_iovlen = 1,
                                                 .msg_control = &line->control[i],
                                                 .msg_controllen = sizeof line->control[i]};
    unsigned most = max < BATCH ? (unsigned)max : BATCH;
    int n = recvmmsg(line->fd, line->heads, most, MSG_DONTWAIT, NULL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return K2_OK;
    if (n < 0)
        return k2_fail_errno(err, "cannot read datagrams");
    line->n = n;
    for (int i = 0; i < n; i++)
        line->received_ns[i] = read_control(l, line, &line->heads[i].msg_hdr);
    return K2_OK;
}

static void give(struct live_link *k, int i) {
    struct line *line = &k->sockets->lines[i];
    int at = line->at++;
    live_push(k, LIVE_DATAGRAM,
              (struct k2_sv){(const char *)line->parts[at].iov_base, line->heads[at].msg_len},
              line->received_ns[at], i);
}

/* Both batches, by their times of receipt. */
static int merge(struct live_link *k) {
    struct line *a = &k->sockets->lines[0], *b = &k->sockets->lines[1];
    int n = a->n + b->n;
    for (int i = 0; i < n; i++) {
        bool second =
            a->at == a->n || (b->at < b->n && b->received_ns[b->at] < a->received_ns[a->at]);
        give(k, second);
    }
    return n;
}

/* Each line at most half of what there is room for, so that neither waits for the other. */
static int read_some(struct live_link *k, size_t max, struct k2_err *err) {
    struct feed_live *l = k->live;
    int n = 1;
    while (n > 0 && !live_queue_full(&l->queue, max)) {
        size_t room = max - (l->queue.n - l->queue.given);
        size_t share = k->url->n_lines == 2 ? (room + 1) / 2 : room;
        for (int i = 0; i < LIVE_LINES; i++)
            K2_TRY(read_batch(l, &k->sockets->lines[i], share, err));
        n = merge(k);
    }
    return K2_OK;
}

static void end(struct live_link *k, bool polite) {
    (void)polite;
    for (int i = 0; k->sockets && i < LIVE_LINES; i++) {
        struct line *line = &k->sockets->lines[i];
        if (line->fd >= 0)
            close(line->fd); /* leaves the group and the epoll set */
        free(line->bytes);
    }
    free(k->sockets);
    k->sockets = NULL;
}

const struct live_ops live_udp = {
    .begin = begin,
    .step = step,
    .read = read_some,
    .end = end,
    .silent = true,
};
