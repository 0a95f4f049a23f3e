/* verb/signals.c - see signals.h. */
#include "verb/signals.h"

#include "base/buf.h"
#include "base/clock.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

static volatile sig_atomic_t pipe_closed;

static void on_pipe(int signal) {
    (void)signal;
    pipe_closed = 1;
}

void signals_setup(void) {
    struct sigaction action = {.sa_handler = on_pipe};
    sigaction(SIGPIPE, &action, NULL);
    signal(SIGXFSZ,
           SIG_IGN); /* a file as large as it may be (ulimit -f) is a write that fails: EFBIG */
}

bool signals_pipe_closed(void) {
    return pipe_closed != 0;
}

static atomic_bool terminated;

bool signals_terminated(void) {
    return atomic_load(&terminated);
}

static sigset_t stops(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

static sigset_t stops_and_reload(void) {
    sigset_t set = stops();
    sigaddset(&set, SIGHUP);
    return set;
}

void signals_hold(void) {
    sigset_t set = stops();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void signals_hold_reload(void) {
    sigset_t set = stops_and_reload();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* The signal that came, or 0 when the time is over. */
static int wait_for(const sigset_t *set, int64_t ns) {
    int64_t until = k2_monotonic_ns() + ns;
    for (;;) {
        int64_t left = until - k2_monotonic_ns();
        if (left < 0)
            left = 0;
        struct timespec wait = {left / K2_NS_PER_SEC, left % K2_NS_PER_SEC};
        int signal = sigtimedwait(set, NULL, &wait);
        if (signal > 0)
            return signal;
        if (left == 0)
            return 0; /* else another signal ended the wait early */
    }
}

bool signals_sleep(int64_t ns) {
    sigset_t set = stops();
    return wait_for(&set, ns) != 0;
}

enum signals_word signals_wait(int64_t ns) {
    sigset_t set = stops_and_reload();
    int signal = wait_for(&set, ns);
    return signal == 0 ? SIGNALS_NOTHING : signal == SIGHUP ? SIGNALS_RELOAD : SIGNALS_STOP;
}

struct signals_watch {
    pthread_t thread;
    void (*stop)(void *ctx);
    void *ctx;
};

static void *watch(void *arg) {
    struct signals_watch *w = arg;
    sigset_t set = stops();
    int signal;
    while (sigwait(&set, &signal) == 0) {
        if (signal == SIGTERM)
            atomic_store(&terminated, true);
        w->stop(w->ctx);
    }
    return NULL;
}

struct signals_watch *signals_watch(void (*stop)(void *ctx), void *ctx) {
    struct signals_watch *w = k2_zalloc(sizeof *w);
    w->stop = stop;
    w->ctx = ctx;
    signals_hold();
    if (pthread_create(&w->thread, NULL, watch, w) == 0)
        return w;
    free(w);
    sigset_t set = stops(); /* without the thread a signal just kills, which is safe too */
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    return NULL;
}

void signals_unwatch(struct signals_watch *w) {
    if (!w)
        return;
    pthread_cancel(w->thread); /* sigwait is a cancellation point */
    pthread_join(w->thread, NULL);
    free(w);
}
