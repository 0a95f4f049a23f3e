/* query/watch.c - a thread that interrupts a query when its time is over.
 *
 * One thread per query with a time limit, asleep on a condition until the query ends or the limit
 * passes; then it interrupts again every 10 ms until it is stopped, because DuckDB forgets an interrupt
 * that falls between two statements. */
#include "query/query_int.h"

#include "base/clock.h"

#include <time.h>

#define AGAIN_NS (10 * K2_NS_PER_MS)

static struct timespec after(int64_t ns) {
    int64_t at = k2_monotonic_ns() + ns;
    return (struct timespec){at / K2_NS_PER_SEC, at % K2_NS_PER_SEC};
}

static void *watch(void *arg) {
    struct query_watch *w = arg;
    pthread_mutex_lock(&w->lock);
    struct timespec until = after(w->timeout_ns);
    while (!w->stop) {
        if (pthread_cond_timedwait(&w->wake, &w->lock, &until) == 0)
            continue;
        if (w->stop)
            break;
        atomic_store(&w->fired, true);
        duck_interrupt(w->duck);
        until = after(AGAIN_NS);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

K2_RC query_watch_start(struct query_watch *w, struct duck *d, int64_t timeout_ns,
                        struct k2_err *err) {
    if (timeout_ns <= 0)
        return K2_OK;
    w->duck = d;
    w->timeout_ns = timeout_ns;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&w->lock, NULL);
    if (pthread_create(&w->thread, NULL, watch, w) != 0)
        return k2_fail_errno(err, "a thread for the query's time limit");
    w->running = true;
    return K2_OK;
}

bool query_watch_stop(struct query_watch *w) {
    if (w->running) {
        pthread_mutex_lock(&w->lock);
        w->stop = true;
        pthread_cond_signal(&w->wake);
        pthread_mutex_unlock(&w->lock);
        pthread_join(w->thread, NULL);
        pthread_cond_destroy(&w->wake);
        pthread_mutex_destroy(&w->lock);
        w->running = false;
    }
    return atomic_load(&w->fired);
}
