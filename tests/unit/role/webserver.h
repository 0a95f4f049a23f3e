/* tests/unit/role/webserver.h - a small HTTP server of a test: answers what it is told to, and keeps what it was asked. */
#ifndef WEBSERVER_H
#define WEBSERVER_H

#include "k2test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

enum { WEBSERVER_MOST = 64 };

struct webserver {
    int fd, port;
    pthread_t thread;
    /* Gives the status; writes the answer's body. */
    int (*answer)(void *ctx, const char *target, char *body, size_t size);
    void *ctx;
    _Atomic int asked;
    char *targets[WEBSERVER_MOST], *bodies[WEBSERVER_MOST]; /* [0, asked) are whole */
};

static inline char *webserver_read(int fd, char *request, size_t size) {
    size_t n = 0, wanted = SIZE_MAX;
    char *body = NULL;
    while (n < size - 1 && n < wanted) {
        ssize_t got = recv(fd, request + n, size - 1 - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
        request[n] = 0;
        if (!body && (body = strstr(request, "\r\n\r\n"))) {
            const char *length = strstr(request, "Content-Length: ");
            body += 4;
            wanted = (size_t)(body - request) + (length ? strtoul(length + 16, NULL, 10) : 0);
        }
    }
    return body ? body : request + n;
}

static inline void webserver_serve(struct webserver *s, int fd) {
    static char request[65536], reply[65536], text[70000];
    char target[4096] = "";
    int at = atomic_load(&s->asked);
    const char *body = webserver_read(fd, request, sizeof request);
    sscanf(request, "%*s %4095s", target);
    reply[0] = 0;
    int status = s->answer(s->ctx, target, reply, sizeof reply);
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 %d Status\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                     status, strlen(reply), reply);
    if (at < WEBSERVER_MOST) {
        s->targets[at] = strdup(target);
        s->bodies[at] = strdup(body);
        atomic_fetch_add(&s->asked, 1);
    }
    (void)!send(fd, text, (size_t)n, MSG_NOSIGNAL);
    close(fd);
}

static inline void *webserver_run(void *arg) {
    struct webserver *s = arg;
    int fd;
    while ((fd = accept(s->fd, NULL, NULL)) >= 0)
        webserver_serve(s, fd);
    return NULL;
}

static inline void webserver_start(struct webserver *s) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(s->fd >= 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->fd, 16), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, webserver_run, s), 0);
}

static inline void webserver_stop(struct webserver *s) {
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
    for (int i = 0; i < atomic_load(&s->asked); i++) {
        free(s->targets[i]);
        free(s->bodies[i]);
    }
}

#endif
