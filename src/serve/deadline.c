/* serve/deadline.c - see deadline.h.
 *
 * A list in no order, looked through a few times a second: it holds as many entries as there are
 * connections, some hundreds. A socket is shut down under the lock that deadline_remove takes too, so
 * its number cannot have become another's.
 */
#include "serve/deadline.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/metrics.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#define LOOK_NS (100 * K2_NS_PER_MS)

struct deadline {
    struct deadline *next, *before;
    int fd;
    int64_t at; /* monotonic; INT64_MAX = was shut down */
};

struct deadlines {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool stop;
    int64_t limit_ns;
    struct deadline *first;
    int count;
};

static void cut(struct deadline *one) {
    shutdown(one->fd, SHUT_RDWR);
    one->at = INT64_MAX;
    k2_metric_add(k2_metric(K2_METRIC_http_cut, NULL), 1);
}

static void look(struct deadlines *d) {
    int64_t now = k2_monotonic_ns();
    for (struct deadline *one = d->first; one; one = one->next)
        if (one->at < now)
            cut(one);
}

static void *run(void *arg) {
    struct deadlines *d = arg;
    pthread_mutex_lock(&d->mutex);
    while (!d->stop) {
        look(d);
        int64_t until = k2_monotonic_ns() + LOOK_NS;
        struct timespec t = {until / K2_NS_PER_SEC, until % K2_NS_PER_SEC};
        if (d->first)
            pthread_cond_timedwait(&d->wake, &d->mutex, &t);
        else
            pthread_cond_wait(&d->wake, &d->mutex);
    }
    pthread_mutex_unlock(&d->mutex);
    return NULL;
}

int deadlines_new(int64_t limit_ns, struct deadlines **out, struct k2_err *err) {
    struct deadlines *d = k2_zalloc(sizeof *d);
    pthread_condattr_t monotonic;
    d->limit_ns = limit_ns;
    pthread_mutex_init(&d->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&d->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int rc = pthread_create(&d->thread, NULL, run, d);
    if (rc != 0) {
        free(d);
        return k2_fail(err, K2_E_IO, "cannot start a thread of the HTTP server: %s", strerror(rc));
    }
    *out = d;
    return K2_OK;
}

void deadlines_free(struct deadlines *d) {
    pthread_mutex_lock(&d->mutex);
    d->stop = true;
    pthread_cond_signal(&d->wake);
    pthread_mutex_unlock(&d->mutex);
    pthread_join(d->thread, NULL);
    pthread_cond_destroy(&d->wake);
    pthread_mutex_destroy(&d->mutex);
    K2_ASSERT(!d->first);
    free(d);
}

static void show_count(const struct deadlines *d) {
    k2_metric_set(k2_metric(K2_METRIC_http_connections, NULL), d->count);
}

struct deadline *deadline_add(struct deadlines *d, int fd) {
    struct deadline *one = k2_zalloc(sizeof *one);
    one->fd = fd;
    one->at = k2_monotonic_ns() + d->limit_ns;
    pthread_mutex_lock(&d->mutex);
    one->next = d->first;
    if (d->first)
        d->first->before = one;
    else
        pthread_cond_signal(&d->wake);
    d->first = one;
    d->count++;
    show_count(d);
    pthread_mutex_unlock(&d->mutex);
    return one;
}

void deadline_restart(struct deadlines *d, struct deadline *one) {
    pthread_mutex_lock(&d->mutex);
    if (one->at != INT64_MAX)
        one->at = k2_monotonic_ns() + d->limit_ns;
    pthread_mutex_unlock(&d->mutex);
}

void deadline_remove(struct deadlines *d, struct deadline *one) {
    pthread_mutex_lock(&d->mutex);
    if (one->next)
        one->next->before = one->before;
    if (one->before)
        one->before->next = one->next;
    else
        d->first = one->next;
    d->count--;
    show_count(d);
    pthread_mutex_unlock(&d->mutex);
    free(one);
}

int deadlines_count(struct deadlines *d) {
    pthread_mutex_lock(&d->mutex);
    int n = d->count;
    pthread_mutex_unlock(&d->mutex);
    return n;
}
