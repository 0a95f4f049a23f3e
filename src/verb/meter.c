/* verb/meter.c - see meter.h. */
#include "verb/meter.h"

#include "verb/listing.h"
#include "verb/progress.h"
#include "verb/signals.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define EVERY_NS (K2_NS_PER_SEC / 10)
#define BAR 30
#define METER_TEXT 80

struct meter {
    struct query_engine *engine;
    struct signals_watch *watch;
    struct progress line;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool running, stop;
};

static void cancel(void *ctx) {
    query_cancel(ctx);
}

/* "[=====>    ]  52%  1.2 s" */
static void put_bar(double percent, int64_t elapsed_ns, char out[METER_TEXT]) {
    char span[HUMAN_TEXT], bar[BAR + 1];
    int full = (int)(percent * BAR / 100);
    for (int i = 0; i < BAR; i++)
        bar[i] = "=> "[(i >= full) + (i > full)];
    bar[BAR] = 0;
    snprintf(out, METER_TEXT, "[%s] %3d%%  %s", bar, (int)percent, human_span(elapsed_ns, span));
}

static void show(struct meter *m) {
    char text[METER_TEXT], span[HUMAN_TEXT];
    double percent = query_progress(m->engine);
    int64_t elapsed = k2_monotonic_ns() - m->line.start_ns;
    if (percent > 0 && percent <= 100)
        put_bar(percent, elapsed, text);
    else
        snprintf(text, sizeof text, "running, %s", human_span(elapsed, span));
    progress_show(&m->line, "%s (Ctrl-C cancels)", text);
}

static void *draw(void *arg) {
    struct meter *m = arg;
    pthread_mutex_lock(&m->lock);
    while (!m->stop) {
        int64_t at = k2_monotonic_ns() + EVERY_NS;
        struct timespec until = {at / K2_NS_PER_SEC, at % K2_NS_PER_SEC};
        pthread_cond_timedwait(&m->wake, &m->lock, &until);
        if (!m->stop && progress_due(&m->line))
            show(m);
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

static void init_wake(struct meter *m) {
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&m->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&m->lock, NULL);
}

struct meter *meter_start(const struct verb_context *c, struct query_engine *engine) {
    struct meter *m = k2_zalloc(sizeof *m);
    m->engine = engine;
    m->watch = signals_watch(cancel, engine);
    progress_start(&m->line, c);
    init_wake(m);
    m->running = m->line.on && pthread_create(&m->thread, NULL, draw, m) == 0;
    return m;
}

void meter_hide(struct meter *m) {
    if (m->running) {
        pthread_mutex_lock(&m->lock);
        m->stop = true;
        pthread_cond_signal(&m->wake);
        pthread_mutex_unlock(&m->lock);
        pthread_join(m->thread, NULL);
        m->running = false;
    }
    progress_end(&m->line);
}

void meter_stop(struct meter *m) {
    if (!m)
        return;
    meter_hide(m);
    signals_unwatch(m->watch);
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
