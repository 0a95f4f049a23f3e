/* role/agent.c - see agent.h. */
#include "role/agent.h"

#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_DOUBLINGS = 6 }; /* 64 s, cut to LONGEST_PAUSE */
#define LONGEST_PAUSE (60 * K2_NS_PER_SEC)

struct agent {
    const struct agent_ops *ops;
    void *self;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t change;
    struct agent_view view;
    bool woken, stopping, running;
    int in_a_row; /* failures */
    pthread_t thread;
};

const char *agent_state_name(enum agent_state s) {
    static const char *const names[] = {"starting", "up", "degraded", "down"};
    return names[s];
}

struct agent *agent_new(const char *name, const struct agent_ops *ops, void *self) {
    struct agent *a = k2_zalloc(sizeof *a);
    pthread_condattr_t clock;
    a->ops = ops;
    a->self = self;
    snprintf(a->view.name, sizeof a->view.name, "%s", name);
    a->view.since_ns = k2_now_ns();
    pthread_mutex_init(&a->mutex, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&a->change, &clock);
    pthread_condattr_destroy(&clock);
    return a;
}

void agent_free(struct agent *a) {
    if (!a)
        return;
    pthread_cond_destroy(&a->change);
    pthread_mutex_destroy(&a->mutex);
    free(a);
}

/* --- one step --- */

bool agent_is_final(int rc) {
    return rc == K2_E_CORRUPT || rc == K2_E_DATA || rc == K2_E_VERSION;
}

static int64_t pause_after(const struct agent *a, int in_a_row) {
    int doublings = in_a_row - 1 < MOST_DOUBLINGS ? in_a_row - 1 : MOST_DOUBLINGS;
    int64_t pause = K2_NS_PER_SEC << doublings;
    int64_t longest = a->ops->longest_pause ? a->ops->longest_pause : LONGEST_PAUSE;
    return pause < longest ? pause : longest;
}

/* Mutex held. */
static void enter(struct agent *a, enum agent_state state, int64_t now_ns, const char *why) {
    if (a->view.state != state)
        a->view.since_ns = now_ns;
    a->view.state = state;
    snprintf(a->view.why, sizeof a->view.why, "%.*s", (int)sizeof a->view.why - 1, why);
}

static void succeed(struct agent *a, int64_t now_ns) {
    pthread_mutex_lock(&a->mutex);
    bool recovered = a->in_a_row > 0;
    a->in_a_row = 0;
    enter(a, AGENT_UP, now_ns, "");
    pthread_mutex_unlock(&a->mutex);
    if (recovered)
        k2_log(K2_LOG_INFO, "role works again", "role", a->view.name, NULL);
}

static int64_t fail(struct agent *a, int rc, const struct k2_err *err, int64_t now_ns) {
    bool final = agent_is_final(rc);
    pthread_mutex_lock(&a->mutex);
    a->view.failures++;
    a->in_a_row++;
    bool first = a->in_a_row == 1 || final;
    enter(a, final ? AGENT_DOWN : AGENT_DEGRADED, now_ns, err->msg);
    int64_t rest = final ? AGENT_FOREVER : pause_after(a, a->in_a_row);
    pthread_mutex_unlock(&a->mutex);
    if (first)
        k2_log(final ? K2_LOG_ERROR : K2_LOG_WARN,
               final ? "role stopped itself" : "role failed and tries again", "role", a->view.name,
               "why", err->msg, NULL);
    if (a->ops->reset)
        a->ops->reset(a->self);
    return rest;
}

int64_t agent_step(struct agent *a, int64_t now_ns) {
    struct k2_err err = {0};
    int64_t rest = 0;
    int rc = a->ops->work(a->self, now_ns, &rest, &err);
    if (rc != K2_OK)
        return fail(a, rc, &err, now_ns);
    succeed(a, now_ns);
    return rest;
}

/* --- the thread --- */

static struct timespec monotonic_in(int64_t ns) {
    int64_t now = k2_monotonic_ns();
    int64_t until = ns < INT64_MAX - now ? now + ns : INT64_MAX;
    return (struct timespec){until / K2_NS_PER_SEC, until % K2_NS_PER_SEC};
}

/* False when it is time to end. */
static bool rest_for(struct agent *a, int64_t ns) {
    struct timespec until = monotonic_in(ns);
    pthread_mutex_lock(&a->mutex);
    int waited = 0;
    /* While it waits to try again nobody hurries it but agent_resume. */
    while (ns > 0 && !(a->woken && a->in_a_row == 0) && !a->stopping && waited == 0)
        waited = ns == AGENT_FOREVER ? pthread_cond_wait(&a->change, &a->mutex)
                                     : pthread_cond_timedwait(&a->change, &a->mutex, &until);
    a->woken = false;
    bool go_on = !a->stopping;
    pthread_mutex_unlock(&a->mutex);
    return go_on;
}

static bool is_down(struct agent *a) {
    pthread_mutex_lock(&a->mutex);
    bool down = a->view.state == AGENT_DOWN;
    pthread_mutex_unlock(&a->mutex);
    return down;
}

static void *drive(void *arg) {
    struct agent *a = arg;
    int64_t rest = 0;
    while (rest_for(a, rest))
        rest = is_down(a) ? AGENT_FOREVER : agent_step(a, k2_now_ns());
    return NULL;
}

int agent_start(struct agent *a, struct k2_err *err) {
    if (pthread_create(&a->thread, NULL, drive, a) != 0)
        return k2_fail(err, K2_E_FAILED, "the thread of role %s cannot be started", a->view.name);
    a->running = true;
    return K2_OK;
}

void agent_stop(struct agent *a) {
    if (!a || !a->running)
        return;
    pthread_mutex_lock(&a->mutex);
    a->stopping = true;
    pthread_cond_broadcast(&a->change);
    pthread_mutex_unlock(&a->mutex);
    pthread_join(a->thread, NULL);
    a->running = false;
}

void agent_wake(struct agent *a) {
    pthread_mutex_lock(&a->mutex);
    a->woken = true;
    pthread_cond_broadcast(&a->change);
    pthread_mutex_unlock(&a->mutex);
}

void agent_resume(struct agent *a) {
    pthread_mutex_lock(&a->mutex);
    if (a->view.state == AGENT_DOWN)
        a->view.state = AGENT_STARTING;
    a->in_a_row = 0;
    pthread_mutex_unlock(&a->mutex);
    agent_wake(a);
}

/* --- what it says --- */

void agent_tell(struct agent *a, const char *fmt, ...) {
    char text[sizeof a->view.detail];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    pthread_mutex_lock(&a->mutex);
    memcpy(a->view.detail, text, sizeof text);
    pthread_mutex_unlock(&a->mutex);
}

struct agent_view agent_view(struct agent *a) {
    pthread_mutex_lock(&a->mutex);
    struct agent_view v = a->view;
    pthread_mutex_unlock(&a->mutex);
    return v;
}
