/* What the tests of live sources share: a server on the loopback that is driven by hand from the same thread, and the
 * frames that came. */
#ifndef LIVE_HELPER_H
#define LIVE_HELPER_H

#include "k2test.h"

#include "base/clock.h"
#include "feed/live/live.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#define PATIENCE (20 * K2_NS_PER_SEC) /* a busy machine is slow, a good one never waits so long */

struct seen { /* one frame, kept */
    enum feed_live_form form;
    char *text;
    size_t n;
    int64_t received_ns, connection;
    int line;
};

struct live_fixture {
    struct feed_live *live;
    struct k2_err err;
    struct seen seen[4096];
    size_t n;
    size_t max; /* of one poll; 0 = 16 */
};

static inline int listen_on_loopback(int *port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

/* Opens a source of URLs that are separated by blanks. */
static inline void open_live(struct live_fixture *t, struct feed_live_options *o, char *urls) {
    const char *list[8] = {0};
    char *rest = NULL;
    int n = 0;
    for (char *u = strtok_r(urls, " ", &rest); u && n < 7; u = strtok_r(NULL, " ", &rest))
        list[n++] = u;
    o->urls = list;
    CHECK_OK(feed_live_open(o, &t->live, &t->err), &t->err);
    o->urls = NULL;
}

/* One poll; what came is kept. */
static inline size_t look(struct live_fixture *t, int timeout_ms) {
    struct feed_live_frame frames[256];
    size_t n, max = t->max ? t->max : 16;
    CHECK_OK(feed_live_poll(t->live, timeout_ms, frames, max, &n, &t->err), &t->err);
    assert_true(n <= max);
    for (size_t i = 0; i < n; i++) {
        assert_true(t->n < sizeof t->seen / sizeof t->seen[0]);
        struct seen *s = &t->seen[t->n++];
        *s = (struct seen){frames[i].form,       NULL,
                           frames[i].bytes.n,    frames[i].received_ns,
                           frames[i].connection, frames[i].line};
        s->text = malloc(s->n + 1);
        memcpy(s->text, frames[i].bytes.p, s->n);
        s->text[s->n] = 0;
    }
    return n;
}

/* Polls until so many frames of that form were seen in all; fails the test when they do not come. */
static inline const struct seen *await(struct live_fixture *t, enum feed_live_form form,
                                       int count) {
    int64_t until = k2_monotonic_ns() + PATIENCE;
    size_t at = 0;
    int found = 0;
    for (;;) {
        for (; at < t->n; at++)
            if (t->seen[at].form == form && ++found == count)
                return &t->seen[at];
        if (k2_monotonic_ns() > until)
            fail_msg("only %d of %d frames of form %d came; %s", found, count, (int)form,
                     feed_live_state(t->live).why);
        look(t, 20);
    }
}

/* A connection of the source to the server; polls until it is there. */
static inline int accept_one(struct live_fixture *t, int server) {
    int64_t until = k2_monotonic_ns() + PATIENCE;
    struct pollfd p = {.fd = server, .events = POLLIN};
    while (poll(&p, 1, 0) == 0) {
        if (k2_monotonic_ns() > until)
            fail_msg("the source does not connect");
        look(t, 5);
    }
    int fd = accept(server, NULL, NULL);
    assert_true(fd >= 0);
    return fd;
}

/* Reads what the source sends until `end` is in it; polls meanwhile. Gives the bytes, NUL-terminated. */
static inline size_t hear(struct live_fixture *t, int fd, const char *end, char *to, size_t max) {
    int64_t until = k2_monotonic_ns() + PATIENCE;
    size_t n = 0;
    to[0] = 0;
    while (!memmem(to, n, end, strlen(end))) {
        if (k2_monotonic_ns() > until)
            fail_msg("'%s' was not sent, but '%s'", end, to);
        look(t, 1);
        ssize_t got = recv(fd, to + n, max - 1 - n, MSG_DONTWAIT);
        n += got > 0 ? (size_t)got : 0;
        to[n] = 0;
    }
    return n;
}

static inline void say(int fd, const void *bytes, size_t n) {
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

static inline int fixture_up(void **state) {
    *state = calloc(1, sizeof(struct live_fixture));
    return 0;
}

static inline int fixture_down(void **state) {
    struct live_fixture *t = *state;
    feed_live_close(t->live);
    for (size_t i = 0; i < t->n; i++)
        free(t->seen[i].text);
    free(t);
    return 0;
}

#define LIVE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_up, fixture_down)

#endif
