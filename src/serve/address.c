/* serve/address.c - see address.h. */
#include "serve/address.h"

#include "base/buf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

/* --- text --- */

/* Splits "HOST:PORT" and "[HOST]:PORT"; no port leaves *port as it is. */
static bool split(struct k2_sv text, struct k2_sv *host, struct k2_sv *port) {
    if (k2_sv_take(&text, '[')) {
        *host = k2_sv_split(&text, ']');
        if (text.n == 0)
            return text.p != NULL; /* what was cut at ']' is there, what was not is NULL */
        *port = text;
        return k2_sv_take(port, ':');
    }
    struct k2_sv rest = text;
    *host = k2_sv_split(&rest, ':');
    if (host->n < text.n)
        *port = rest;
    return true;
}

static bool set_host(struct address *a, struct k2_sv host) {
    char name[ADDRESS_TEXT];
    if (host.n == 0 || host.n >= sizeof name - 8)
        return false;
    snprintf(name, sizeof name, "%.*s", K2_SV_ARG(host));
    const char *number = strcasecmp(name, "localhost") == 0 ? "127.0.0.1" : name;
    if (inet_pton(AF_INET, number, &a->socket.v4.sin_addr) == 1) {
        a->socket.any.sa_family = AF_INET;
        a->size = sizeof a->socket.v4;
        a->loopback = (ntohl(a->socket.v4.sin_addr.s_addr) >> 24) == 127;
    } else if (inet_pton(AF_INET6, number, &a->socket.v6.sin6_addr) == 1) {
        a->socket.any.sa_family = AF_INET6;
        a->size = sizeof a->socket.v6;
        a->loopback = IN6_IS_ADDR_LOOPBACK(&a->socket.v6.sin6_addr);
    } else {
        return false;
    }
    return true;
}

static void set_port(struct address *a, int port) {
    char host[INET6_ADDRSTRLEN] = "";
    a->port = port;
    if (a->socket.any.sa_family == AF_INET) {
        a->socket.v4.sin_port = htons((uint16_t)port);
        inet_ntop(AF_INET, &a->socket.v4.sin_addr, host, sizeof host);
        snprintf(a->text, sizeof a->text, "%s:%d", host, port);
    } else {
        a->socket.v6.sin6_port = htons((uint16_t)port);
        inet_ntop(AF_INET6, &a->socket.v6.sin6_addr, host, sizeof host);
        snprintf(a->text, sizeof a->text, "[%s]:%d", host, port);
    }
}

int address_parse(const char *text, struct address *out, struct k2_err *err) {
    struct k2_sv host, port = {0};
    int64_t number;
    *out = (struct address){0};
    if (!split(k2_sv_of(text), &host, &port) || !set_host(out, host) || !k2_sv_i64(port, &number) ||
        number < 0 || number > 65535)
        return k2_fail(
            err, K2_E_INVALID,
            "'%.*s' is no address to listen on; one is 127.0.0.1:7420, localhost:7420 or "
            "[::1]:7420 (port 0: any free one)",
            K2_SV_ARG(k2_sv_shown(k2_sv_of(text))));
    set_port(out, (int)number);
    return K2_OK;
}

bool address_host_is_local(const char *host) {
    struct address a = {0};
    struct k2_sv name, port = {0};
    if (!split(k2_sv_of(host), &name, &port))
        return false;
    static const struct k2_sv below = {".localhost", 10};
    if (name.n > below.n && strncasecmp(name.p + name.n - below.n, below.p, below.n) == 0)
        return true;
    return set_host(&a, name) && a.loopback;
}

/* --- socket --- */

static int bind_and_listen(struct address *a, int fd, struct k2_err *err) {
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, &a->socket.any, a->size) == 0 && listen(fd, SOMAXCONN) == 0)
        return K2_OK;
    if (errno == EADDRINUSE)
        return k2_fail(err, K2_E_LOCKED,
                       "address %s is in use by another process; stop it, or set http.listen to "
                       "another port",
                       a->text);
    return k2_fail_errno(err, "cannot listen on %s", a->text);
}

static int find_port(struct address *a, int fd, struct k2_err *err) {
    socklen_t size = a->size;
    if (getsockname(fd, &a->socket.any, &size) != 0)
        return k2_fail_errno(err, "cannot find the port of %s", a->text);
    bool v4 = a->socket.any.sa_family == AF_INET;
    set_port(a, ntohs(v4 ? a->socket.v4.sin_port : a->socket.v6.sin6_port));
    return K2_OK;
}

int address_listen(struct address *a, int *fd, struct k2_err *err) {
    *fd = socket(a->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return k2_fail_errno(err, "cannot open a socket for %s", a->text);
    int rc = bind_and_listen(a, *fd, err);
    if (rc == K2_OK)
        rc = find_port(a, *fd, err);
    if (rc != K2_OK)
        close(*fd);
    return rc;
}
