/* feed/live/live.c - see live.h: the loop that makes connections, keeps them and makes them again.
 *
 * Nothing here waits but feed_live_poll for as long as it was told to: connections are made step by step. All that can
 * happen is behind one epoll descriptor: what the links read from, and one timer that is set to what is due next (a try,
 * a step of a connection being made, a ping, an end by silence, a change of connections; at once, when frames wait).
 *
 * The wait before a try begins at 100 ms and doubles to 30 s; a connection that lived longer than the wait before it
 * starts anew at 100 ms, so that one which works is made again at once and one that ends at once does not hammer the
 * venue. Of each wait a random half is left out, so that many who lost one server do not come back together.
 */
#include "feed/live/live_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define FIRST_WAIT (100 * K2_NS_PER_MS)
#define LAST_WAIT (30 * K2_NS_PER_SEC)
#define CONNECT_TICK (5 * K2_NS_PER_MS)
/* Of a change of connections: both give what they receive for so long after the first message of the new one, which
 * may only be the answer to a subscription, and at most so long after the new one was made. */
#define OVERLAP K2_NS_PER_SEC
#define LONGEST_OVERLAP (10 * K2_NS_PER_SEC)

static const size_t most_frame = (size_t)16 << 20;

/* --- what links tell --- */

static void push(struct feed_live *l, const struct live_link *k, enum feed_live_form form,
                 const char *text) {
    struct feed_live_frame f = {
        .form = form, .bytes = k2_sv_of(text), .received_ns = k2_now_ns(), .connection = k->number};
    live_queue_push(&l->queue, &f);
}

void live_push(struct live_link *k, enum feed_live_form form, struct k2_sv bytes,
               int64_t received_ns, int line) {
    struct feed_live *l = k->live;
    struct feed_live_frame f = {.form = form,
                                .bytes = bytes,
                                .received_ns = received_ns,
                                .line = line,
                                .connection = k->number};
    live_queue_push(&l->queue, &f);
    l->frames++;
    l->bytes += (int64_t)bytes.n;
    if (k->first_ns == 0)
        k->first_ns = k2_monotonic_ns();
}

int live_watch(struct feed_live *l, int fd, bool known, bool writing, struct k2_err *err) {
    struct epoll_event e = {.events = EPOLLIN | (writing ? EPOLLOUT : 0U), .data.fd = fd};
    if (epoll_ctl(l->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) == 0)
        return K2_OK;
    return k2_fail_errno(err, "cannot watch a connection");
}

void live_unwatch(struct feed_live *l, int fd) {
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
}

/* --- the life of a link --- */

static const struct live_ops *ops_of(enum live_scheme scheme) {
    switch (scheme) {
    case LIVE_TCP:
        return &live_tcp;
    case LIVE_UDP:
        return &live_udp;
    case LIVE_SOUP:
        return &live_soupbin;
    default:
        return &live_websocket;
    }
}

static struct live_link *make_link(struct feed_live *l) {
    struct live_link *k = k2_zalloc(sizeof *k);
    k->live = l;
    k->url = &l->urls[l->at_url];
    k->ops = ops_of(k->url->scheme);
    return k;
}

static void free_link(struct live_link *k, bool polite) {
    if (!k)
        return;
    k->ops->end(k, polite);
    free(k);
}

/* A number below n. */
static int64_t chance(struct feed_live *l, int64_t n) {
    l->random ^= l->random << 13;
    l->random ^= l->random >> 7;
    l->random ^= l->random << 17;
    return (int64_t)(l->random % (uint64_t)n);
}

/* The link failed, or its connection did: what follows is a wait, and a try at the next URL. */
static void lose(struct live_link *k, const char *why) {
    struct feed_live *l = k->live;
    int64_t now = k2_monotonic_ns();
    snprintf(l->why, sizeof l->why, "%s", why);
    push(l, k, LIVE_DISCONNECTED, why);
    k->ops->end(k, false);
    l->at_url = (l->at_url + 1) % l->n_urls;
    bool lived = k->phase == LIVE_UP && now - k->up_ns > k->wait_ns;
    int64_t wait = lived || k->wait_ns == 0 ? FIRST_WAIT : 2 * k->wait_ns;
    wait = wait < LAST_WAIT ? wait : LAST_WAIT;
    *k = (struct live_link){.live = l,
                            .ops = k->ops,
                            .url = &l->urls[l->at_url],
                            .wait_ns = wait,
                            .try_ns = now + wait / 2 + chance(l, wait / 2)};
}

static void plan_beat(struct live_link *k, int64_t now) {
    int64_t every = k->ops->beat ? k->ops->beat_ns(k) : 0;
    k->beat_ns = every ? now + every : 0;
}

static void come_up(struct live_link *k, int64_t now) {
    k->phase = LIVE_UP;
    k->up_ns = k->heard_ns = now;
    plan_beat(k, now);
    k->number = ++k->live->connections;
    k->more = true;
    push(k->live, k, LIVE_CONNECTED, k->url->text);
}

static int try_to_connect(struct live_link *k, int64_t now, struct k2_err *err) {
    bool up = false;
    if (k->phase == LIVE_WAITING && now < k->try_ns)
        return K2_OK;
    if (k->phase == LIVE_WAITING) {
        k->phase = LIVE_CONNECTING;
        K2_TRY(k->ops->begin(k, err));
    }
    K2_TRY(k->ops->step(k, &up, err));
    if (up)
        come_up(k, now);
    return K2_OK;
}

static int mind_silence(struct live_link *k, int64_t now, struct k2_err *err) {
    int64_t most = k->live->silence_ns, quiet = now - k->heard_ns;
    if (k->ops->silent || most == 0 || quiet < most / 2)
        return K2_OK;
    if (quiet >= most && (k->asked || !k->ops->ping))
        return k2_fail(err, K2_E_IO, "nothing was received for %lld ms%s",
                       (long long)(quiet / K2_NS_PER_MS),
                       k->ops->ping ? ", nor an answer to a ping" : "");
    if (!k->asked && k->ops->ping)
        K2_TRY(k->ops->ping(k, err));
    k->asked = true;
    return K2_OK;
}

static int beat_if_due(struct live_link *k, int64_t now, struct k2_err *err) {
    if (k->beat_ns == 0 || now < k->beat_ns)
        return K2_OK;
    plan_beat(k, now);
    return k->ops->beat(k, err);
}

static int work(struct live_link *k, size_t max, struct k2_err *err) {
    struct feed_live *l = k->live;
    if (k->phase != LIVE_UP)
        return try_to_connect(k, k2_monotonic_ns(), err);
    if (!live_queue_full(&l->queue, max))
        K2_TRY(k->ops->read(k, max, err));
    k->more = live_queue_full(&l->queue, max);
    K2_TRY(beat_if_due(k, k2_monotonic_ns(), err));
    if (k->ops->flush)
        K2_TRY(k->ops->flush(k, err));
    return k->more ? K2_OK : mind_silence(k, k2_monotonic_ns(), err);
}

static void work_on(struct live_link *k, size_t max) {
    struct k2_err err = {0};
    if (work(k, max, &err) != K2_OK)
        lose(k, err.msg);
}

/* --- one connection after another, without a hole --- */

static bool may_rotate(const struct feed_live *l) {
    return l->rotate_ns > 0 && l->link->ops == &live_websocket;
}

/* The new connection has shown that it works. */
static bool replaced(const struct feed_live *l, int64_t now) {
    const struct live_link *next = l->next;
    return next->phase == LIVE_UP && ((next->first_ns && now - next->first_ns >= OVERLAP) ||
                                      now - next->up_ns >= LONGEST_OVERLAP);
}

static void take_next(struct feed_live *l) {
    free_link(l->link, true);
    l->link = l->next;
    l->next = NULL;
}

static void rotate(struct feed_live *l) {
    int64_t now = k2_monotonic_ns();
    bool up = l->link->phase == LIVE_UP;
    if (l->next && !up) { /* it ended before its time: the new one is what there is */
        take_next(l);
    } else if (l->next && replaced(l, now)) {
        push(l, l->link, LIVE_DISCONNECTED, "replaced by the next connection before its age limit");
        take_next(l);
    } else if (!l->next && up && now - l->link->up_ns >= l->rotate_ns) {
        l->next = make_link(l);
    }
}

static void work_on_all(struct feed_live *l, size_t max) {
    work_on(l->link, max);
    if (l->next)
        work_on(l->next, max);
    if (may_rotate(l))
        rotate(l);
}

/* --- what is due --- */

static int64_t soonest(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t link_due(const struct live_link *k, int64_t now) {
    int64_t most = k->live->silence_ns, beat = k->beat_ns ? k->beat_ns : INT64_MAX;
    switch (k->phase) {
    case LIVE_WAITING:
        return k->try_ns;
    case LIVE_CONNECTING:
        return now + CONNECT_TICK;
    default:
        if (k->more)
            return now;
        if (k->ops->silent || most == 0)
            return beat;
        return soonest(beat, k->heard_ns + (k->asked || !k->ops->ping ? most : most / 2));
    }
}

static int64_t rotation_due(const struct feed_live *l) {
    const struct live_link *next = l->next;
    if (!may_rotate(l) || l->link->phase != LIVE_UP)
        return INT64_MAX;
    if (!next)
        return l->link->up_ns + l->rotate_ns;
    if (next->phase != LIVE_UP)
        return INT64_MAX;
    int64_t latest = next->up_ns + LONGEST_OVERLAP;
    return next->first_ns ? soonest(latest, next->first_ns + OVERLAP) : latest;
}

static void set_timer(struct feed_live *l) {
    int64_t now = k2_monotonic_ns();
    int64_t due = soonest(link_due(l->link, now), rotation_due(l));
    if (l->next)
        due = soonest(due, link_due(l->next, now));
    if (!live_queue_empty(&l->queue) || due < 1)
        due = 1; /* long ago: at once */
    struct itimerspec at = {.it_value = {due / K2_NS_PER_SEC, due % K2_NS_PER_SEC}};
    if (due == INT64_MAX)
        at = (struct itimerspec){0};
    K2_ASSERT(timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &at, NULL) == 0);
}

/* --- open and close --- */

static int copy_urls(struct feed_live *l, const char *const *urls, struct k2_err *err) {
    int n = 0;
    while (urls && urls[n])
        n++;
    if (n == 0)
        return k2_fail(err, K2_E_INVALID, "a live source needs a URL");
    l->urls = k2_zalloc((size_t)n * sizeof *l->urls);
    for (int i = 0; i < n; i++) {
        struct live_url *u = &l->urls[i];
        K2_TRY(live_url_parse(urls[i], u, err));
        l->n_urls++;
        if (ops_of(u->scheme) != ops_of(l->urls[0].scheme))
            return k2_fail(err, K2_E_INVALID,
                           "the URLs of one source are of one kind (tcp, udp, or ws and wss); %s "
                           "and %s are not",
                           urls[0], urls[i]);
    }
    return K2_OK;
}

static size_t count_list(const char *const *list) {
    size_t n = 0;
    while (list && list[n])
        n++;
    return n;
}

static char **copy_list(const char *const *list, size_t n) {
    char **out = k2_zalloc((n + 1) * sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i] = k2_strdup(list[i]);
    return out;
}

static void free_list(char **list) {
    for (char **s = list; s && *s; s++)
        free(*s);
    free(list);
}

static int copy_send(struct feed_live *l, const char *const *send, struct k2_err *err) {
    size_t n = count_list(send);
    if (n == 0)
        return K2_OK;
    if (l->urls[0].scheme == LIVE_UDP)
        return k2_fail(err, K2_E_INVALID, "nothing can be sent to a source of datagrams (%s)",
                       l->urls[0].text);
    if (l->urls[0].scheme == LIVE_SOUP && n > 1)
        return k2_fail(err, K2_E_INVALID, "a SoupBinTCP server is told one login (%s)",
                       l->urls[0].text);
    if (l->urls[0].scheme == LIVE_SOUP)
        return live_soup_login(send[0], &l->login, err);
    l->send = copy_list(send, n);
    return K2_OK;
}

static int copy_headers(struct feed_live *l, const char *const *headers, struct k2_err *err) {
    size_t n = count_list(headers);
    if (n > 0 && ops_of(l->urls[0].scheme) != &live_websocket)
        return k2_fail(err, K2_E_INVALID, "only a WebSocket has headers; %s is none",
                       l->urls[0].text);
    for (size_t i = 0; i < n; i++)
        K2_TRY(live_handshake_header(headers[i], err));
    l->headers = copy_list(headers, n);
    return K2_OK;
}

static int copy_options(struct feed_live *l, const struct feed_live_options *o,
                        struct k2_err *err) {
    if (o->silence_ns < 0 || o->rotate_ns < 0)
        return k2_fail(err, K2_E_INVALID, "a span of time is not below 0");
    l->login.number = 1;
    K2_TRY(copy_urls(l, o->urls, err));
    K2_TRY(copy_send(l, o->send, err));
    K2_TRY(copy_headers(l, o->headers, err));
    if (o->rotate_ns > 0 && ops_of(l->urls[0].scheme) != &live_websocket)
        return k2_fail(err, K2_E_INVALID, "only a WebSocket is made anew at an age; %s is none",
                       l->urls[0].text);
    l->silence_ns = o->silence_ns ? o->silence_ns : ops_of(l->urls[0].scheme)->silence_ns;
    l->rotate_ns = o->rotate_ns;
    l->max_frame = o->max_frame ? o->max_frame : most_frame;
    l->ca_file = o->ca_file ? k2_strdup(o->ca_file) : NULL;
    l->format = o->format ? k2_strdup(o->format) : NULL;
    return K2_OK;
}

static int open_descriptors(struct feed_live *l, struct k2_err *err) {
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (l->epoll < 0 || l->timer < 0)
        return k2_fail_errno(err, "cannot make an epoll descriptor and a timer");
    return live_watch(l, l->timer, false, false, err);
}

int feed_live_open(const struct feed_live_options *o, struct feed_live **out, struct k2_err *err) {
    struct feed_live *l = k2_zalloc(sizeof *l);
    *out = NULL;
    l->epoll = l->timer = -1;
    int rc = copy_options(l, o, err);
    if (rc == K2_OK)
        rc = open_descriptors(l, err);
    if (rc != K2_OK) {
        feed_live_close(l);
        return rc;
    }
    if (getrandom(&l->random, sizeof l->random, 0) != sizeof l->random || l->random == 0)
        l->random = (uint64_t)k2_monotonic_ns() | 1;
    l->link = make_link(l);
    set_timer(l);
    *out = l;
    return K2_OK;
}

void feed_live_close(struct feed_live *l) {
    if (!l)
        return;
    free_link(l->next, true);
    free_link(l->link, true);
    if (l->epoll >= 0)
        close(l->epoll);
    if (l->timer >= 0)
        close(l->timer);
    for (int i = 0; i < l->n_urls; i++)
        live_url_free(&l->urls[i]);
    free_list(l->send);
    free_list(l->headers);
    free(l->urls);
    free(l->ca_file);
    free(l->format);
    live_queue_free(&l->queue);
    free(l);
}

/* --- poll --- */

/* Until something is to be given, or the time is over, or a signal came. */
static int wait_for_frames(struct feed_live *l, int timeout_ms, size_t max, struct k2_err *err) {
    int64_t until = k2_monotonic_ns() + timeout_ms * K2_NS_PER_MS;
    for (;;) {
        work_on_all(l, max);
        int64_t left = until - k2_monotonic_ns();
        if (!live_queue_empty(&l->queue) || left <= 0)
            return K2_OK;
        struct epoll_event e;
        set_timer(l);
        int n = epoll_wait(l->epoll, &e, 1, (int)((left + K2_NS_PER_MS - 1) / K2_NS_PER_MS));
        if (n < 0 && errno != EINTR)
            return k2_fail_errno(err, "cannot wait for live sources");
        if (n < 0)
            return K2_OK;
    }
}

int feed_live_poll(struct feed_live *l, int timeout_ms, struct feed_live_frame *frames, size_t max,
                   size_t *n, struct k2_err *err) {
    *n = 0;
    live_queue_clean(&l->queue);
    int rc = K2_OK;
    if (live_queue_empty(&l->queue))
        rc = wait_for_frames(l, timeout_ms, max, err);
    if (rc == K2_OK)
        *n = live_queue_give(&l->queue, frames, max);
    set_timer(l);
    return rc;
}

void feed_live_go_on(struct feed_live *l, const struct feed_soup *at) {
    l->soup.next = at->next;
    memcpy(l->soup.session, at->session, sizeof l->soup.session);
}

int feed_live_fd(const struct feed_live *l) {
    return l->epoll;
}

struct feed_live_state feed_live_state(const struct feed_live *l) {
    const struct live_link *k = l->link;
    struct feed_live_state s = {.connected = k->phase == LIVE_UP,
                                .url = k->url->text,
                                .why = l->why,
                                .connections = l->connections,
                                .frames = l->frames,
                                .bytes = l->bytes,
                                .dropped = l->dropped,
                                .buffer = l->buffer};
    int64_t left = k->try_ns - k2_monotonic_ns();
    if (k->phase == LIVE_WAITING && left > 0)
        s.next_try_ns = k2_now_ns() + left;
    return s;
}
