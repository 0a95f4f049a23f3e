/* role/line.c - see line.h.
 *
 * A socket's path may have 107 bytes, a data directory's more: the directory is opened, and the path
 * leads through /proc/self/fd.
 */
#include "role/line.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME "k2.sock"
enum { WAITING = 32, LONGEST = 16 << 20, PIECE = 4096 };

struct line {
    int fd, passed;   /* passed: a descriptor that came and was not given on yet, or -1 */
    struct k2_buf in; /* bytes behind the last whole line */
};

/* --- the name --- */

/* The run directory, to be closed; the address leads through it. */
static int run_address(const char *data, struct sockaddr_un *a) {
    char *run = k2_path(data, "run");
    int dir = open(run, O_PATH | O_DIRECTORY | O_CLOEXEC);
    free(run);
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(a->sun_path, sizeof a->sun_path, "/proc/self/fd/%d/" NAME, dir);
    return dir;
}

static int bind_and_listen(int fd, const struct sockaddr_un *a) {
    if (unlink(a->sun_path) != 0 && errno != ENOENT)
        return -1;
    /* Linux gives the name the mode of the socket. umask would be that of every thread. */
    if (fchmod(fd, 0600) != 0 || bind(fd, (const struct sockaddr *)a, sizeof *a) != 0)
        return -1;
    return listen(fd, WAITING);
}

int line_listen(const char *data, int *fd, struct k2_err *err) {
    struct sockaddr_un a;
    int dir = run_address(data, &a), rc = K2_OK;
    if (dir < 0)
        return k2_fail_errno(err, "open %s/run", data);
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0 || bind_and_listen(*fd, &a) != 0)
        rc = k2_fail_errno(err, "the socket %s/run/" NAME " cannot be made", data);
    close(dir);
    if (rc != K2_OK && *fd >= 0)
        close(*fd);
    return rc;
}

void line_unlisten(const char *data, int fd) {
    struct sockaddr_un a;
    int dir = run_address(data, &a);
    if (dir >= 0) {
        unlink(a.sun_path);
        close(dir);
    }
    close(fd);
}

int line_connect(const char *data, struct line **out, struct k2_err *err) {
    struct sockaddr_un a;
    int dir = run_address(data, &a);
    if (dir < 0)
        return k2_fail(err, K2_E_NOTFOUND, "nothing runs in %s", data);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)&a, sizeof a);
    int why = errno;
    close(dir);
    if (rc == 0) {
        *out = line_new(fd);
        return K2_OK;
    }
    if (fd >= 0)
        close(fd);
    if (why == ENOENT || why == ECONNREFUSED)
        return k2_fail(err, K2_E_NOTFOUND, "nothing runs in %s", data);
    errno = why;
    return k2_fail_errno(err, "connect to %s/run/" NAME, data);
}

struct line *line_new(int fd) {
    struct line *l = k2_zalloc(sizeof *l);
    l->fd = fd;
    l->passed = -1;
    return l;
}

void line_close(struct line *l) {
    if (!l)
        return;
    if (l->passed >= 0)
        close(l->passed);
    close(l->fd);
    k2_buf_free(&l->in);
    free(l);
}

/* --- sending --- */

union control { /* aligned room for one descriptor */
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

static void attach(struct msghdr *m, union control *c, int fd) {
    memset(c, 0, sizeof *c);
    m->msg_control = c->bytes;
    m->msg_controllen = sizeof c->bytes;
    struct cmsghdr *h = CMSG_FIRSTHDR(m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(h), &fd, sizeof fd);
}

static K2_RC send_bytes(int fd, struct k2_sv bytes, int pass, struct k2_err *err) {
    while (bytes.n > 0) {
        struct iovec part = {(void *)(uintptr_t)bytes.p, bytes.n};
        struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
        union control c;
        if (pass >= 0)
            attach(&m, &c, pass);
        ssize_t sent = sendmsg(fd, &m, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return k2_fail_errno(err, "the process at the other end of run/" NAME " has ended");
        pass = -1;
        bytes = (struct k2_sv){bytes.p + sent, bytes.n - (size_t)sent};
    }
    return K2_OK;
}

int line_send(struct line *l, struct k2_json *v, int pass, struct k2_err *err) {
    struct k2_buf text = {0};
    k2_json_dump(v, &text);
    k2_json_free(v);
    k2_buf_str(&text, "\n");
    int rc = send_bytes(l->fd, k2_buf_view(&text), pass, err);
    k2_buf_free(&text);
    return rc;
}

/* --- receiving --- */

static void take_descriptor(struct line *l, struct msghdr *m) {
    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) { /* the last one counts; what came before it is not kept */
            if (l->passed >= 0)
                close(l->passed);
            memcpy(&l->passed, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
        }
    }
}

/* Gives the number of bytes, 0 at the end, -1 with errno. */
static ssize_t receive_some(struct line *l) {
    struct iovec part = {k2_buf_need(&l->in, PIECE), PIECE};
    union control c;
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = c.bytes,
                       .msg_controllen = sizeof c.bytes};
    ssize_t got;
    do {
        got = recvmsg(l->fd, &m, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        take_descriptor(l, &m);
        l->in.n += (size_t)got;
    }
    return got;
}

static K2_RC parse_line(struct line *l, size_t n, struct k2_json **out, struct k2_err *err) {
    int rc = k2_json_parse((struct k2_sv){(const char *)l->in.p, n}, out, err);
    memmove(l->in.p, l->in.p + n + 1, l->in.n - n - 1);
    l->in.n -= n + 1;
    return rc;
}

static void give_descriptor(struct line *l, int *got) {
    if (!got)
        return;
    *got = l->passed;
    l->passed = -1;
}

int line_receive(struct line *l, struct k2_json **out, int *got, struct k2_err *err) {
    *out = NULL;
    if (got)
        *got = -1;
    for (;;) {
        const uint8_t *end = l->in.n ? memchr(l->in.p, '\n', l->in.n) : NULL;
        if (end) {
            give_descriptor(l, got);
            return parse_line(l, (size_t)(end - l->in.p), out, err);
        }
        if (l->in.n > LONGEST)
            return k2_fail(err, K2_E_INVALID, "a line on " NAME " is longer than %d bytes",
                           LONGEST);
        ssize_t n = receive_some(l);
        if (n == 0)
            return K2_OK;
        if (n < 0)
            return errno == ECONNRESET ? K2_OK : k2_fail_errno(err, "read from " NAME);
    }
}

bool line_is_closed(struct line *l) {
    struct pollfd p = {.fd = l->fd, .events = POLLIN | POLLRDHUP};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

int line_descriptor(const struct line *l) {
    return l->fd;
}

bool line_has_more(const struct line *l) {
    return l->in.n > 0 && memchr(l->in.p, '\n', l->in.n) != NULL;
}
