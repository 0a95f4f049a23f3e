/* lake/sink_crew.c - several workers of a sink, and what they give put together (sink_worker.h).
 *
 * Each partition belongs to one worker for the whole round, so the offsets that the sets reach never meet. A worker makes
 * its next set while the last one is committed; it never has more than one that waits.
 */
#include "lake/sink_worker.h"

#include <stdlib.h>

struct lane {
    struct sink_crew *crew;
    struct sink_worker *worker;
    pthread_t thread;
    bool running, full, ended; /* ended: its last set was taken */
    struct sink_set set;       /* full */
    int result;                /* of it */
    struct k2_err err;         /* result < 0 */
};

struct sink_crew {
    struct lane *lanes;
    int count;
    pthread_mutex_t mutex; /* guards full, set, result and err of each lane, and stopping */
    pthread_cond_t change;
    bool stopping;
};

/* --- sharing out --- */

static int by_size(const void *a, const void *b) {
    const struct journal_span *x = a, *y = b;
    int64_t n = x->to - x->from, m = y->to - y->from;
    return (n < m) - (n > m);
}

static int least(const int64_t *loads, int n) {
    int at = 0;
    for (int i = 1; i < n; i++)
        at = loads[i] < loads[at] ? i : at;
    return at;
}

/* The largest first, each to whom has least: owner[i] is the lane of spans[i]. */
static void share(const struct journal_span *spans, int n, int lanes, int *owner) {
    int64_t *loads = k2_zalloc((size_t)lanes * sizeof *loads);
    for (int i = 0; i < n; i++) {
        owner[i] = least(loads, lanes);
        loads[owner[i]] += spans[i].to - spans[i].from;
    }
    free(loads);
}

static K2_RC make_worker(struct lane *lane, const struct sink_plan *plan,
                         const struct journal_span *spans, int n, const int *owner, int self,
                         struct k2_err *err) {
    struct journal_span *own = k2_alloc((size_t)(n + 1) * sizeof *own);
    int count = 0;
    for (int i = 0; i < n; i++)
        if (owner[i] == self)
            own[count++] = spans[i];
    int rc = sink_worker_new(plan, own, count, &lane->worker, err);
    free(own);
    return rc;
}

static K2_RC make_workers(struct sink_crew *c, const struct sink_plan *plan,
                          const struct journal_span *spans, int n, struct k2_err *err) {
    struct journal_span *sorted = k2_alloc((size_t)(n + 1) * sizeof *sorted);
    int *owner = k2_alloc((size_t)(n + 1) * sizeof *owner), rc = K2_OK;
    if (n)
        memcpy(sorted, spans, (size_t)n * sizeof *spans);
    qsort(sorted, (size_t)n, sizeof *sorted, by_size);
    share(sorted, n, c->count, owner);
    for (int i = 0; rc == K2_OK && i < c->count; i++)
        rc = make_worker(&c->lanes[i], plan, sorted, n, owner, i, err);
    free(owner);
    free(sorted);
    return rc;
}

/* --- threads --- */

/* Waits until the last set was taken; false: it is time to stop. */
static bool wait_for_room(struct lane *lane) {
    struct sink_crew *c = lane->crew;
    pthread_mutex_lock(&c->mutex);
    while (lane->full && !c->stopping)
        pthread_cond_wait(&c->change, &c->mutex);
    bool on = !c->stopping;
    pthread_mutex_unlock(&c->mutex);
    return on;
}

static void hand_over(struct lane *lane, int result, struct sink_set set, struct k2_err err) {
    struct sink_crew *c = lane->crew;
    pthread_mutex_lock(&c->mutex);
    lane->set = set;
    lane->err = err;
    lane->result = result;
    lane->full = true;
    pthread_cond_broadcast(&c->change);
    pthread_mutex_unlock(&c->mutex);
}

static void *work(void *arg) {
    struct lane *lane = arg;
    int result = 1;
    while (result > 0 && wait_for_room(lane)) {
        struct sink_set set = {0};
        struct k2_err err = {0};
        result = sink_worker_next(lane->worker, &set, &err);
        hand_over(lane, result, set, err);
    }
    return NULL;
}

static K2_RC start(struct sink_crew *c, struct k2_err *err) {
    for (int i = 0; c->count > 1 && i < c->count; i++) {
        struct lane *lane = &c->lanes[i];
        if (pthread_create(&lane->thread, NULL, work, lane) != 0)
            return k2_fail(err, K2_E_IO,
                           "no thread for worker %d of the sink: set sink.workers "
                           "to less than %d",
                           i + 1, c->count);
        lane->running = true;
    }
    return K2_OK;
}

static void stop(struct sink_crew *c) {
    pthread_mutex_lock(&c->mutex);
    c->stopping = true;
    pthread_cond_broadcast(&c->change);
    pthread_mutex_unlock(&c->mutex);
    for (int i = 0; i < c->count; i++) {
        if (c->lanes[i].running)
            pthread_join(c->lanes[i].thread, NULL);
        c->lanes[i].running = false;
    }
}

/* --- the crew --- */

K2_RC sink_crew_new(const struct sink_plan *plan, const struct journal_span *spans, int n,
                    int workers, struct sink_crew **out, struct k2_err *err) {
    struct sink_crew *c = k2_zalloc(sizeof *c);
    int most = n > 1 ? n : 1;
    c->count = workers < most ? workers : most;
    c->lanes = k2_zalloc((size_t)c->count * sizeof *c->lanes);
    pthread_mutex_init(&c->mutex, NULL);
    pthread_cond_init(&c->change, NULL);
    for (int i = 0; i < c->count; i++)
        c->lanes[i].crew = c;
    int rc = make_workers(c, plan, spans, n, err);
    if (rc == K2_OK)
        rc = start(c, err);
    if (rc == K2_OK)
        *out = c;
    else
        sink_crew_free(c);
    return rc;
}

void sink_crew_free(struct sink_crew *c) {
    if (!c)
        return;
    stop(c);
    for (int i = 0; i < c->count; i++) {
        sink_set_discard(&c->lanes[i].set);
        sink_worker_free(c->lanes[i].worker);
    }
    pthread_cond_destroy(&c->change);
    pthread_mutex_destroy(&c->mutex);
    free(c->lanes);
    free(c);
}

/* --- sets --- */

static void add_set(struct sink_set *to, struct sink_set *from) {
    size_t n = (size_t)to->file_count + (size_t)from->file_count;
    to->files = k2_realloc(to->files, (n + 1) * sizeof *to->files);
    for (int i = 0; i < from->file_count; i++)
        to->files[to->file_count++] = from->files[i];
    free(from->files);
    for (int i = 0; i < from->ends.n; i++) {
        const struct lake_offset *at = &from->ends.at[i];
        lake_offsets_set(&to->ends, at->topic, at->partition, at->end);
    }
    to->ends.journal_id = from->ends.journal_id;
    lake_offsets_free(&from->ends);
    to->rows += from->rows;
    to->oldest_ns = from->oldest_ns < to->oldest_ns ? from->oldest_ns : to->oldest_ns;
    to->decode_ns += from->decode_ns;
    to->sort_ns += from->sort_ns;
    to->write_ns += from->write_ns;
    *from = (struct sink_set){0};
}

/* The next set of one lane, put into *out. */
static int take(struct lane *lane, struct sink_set *out, struct k2_err *err) {
    struct sink_crew *c = lane->crew;
    pthread_mutex_lock(&c->mutex);
    while (!lane->full)
        pthread_cond_wait(&c->change, &c->mutex);
    int result = lane->result;
    if (result >= 0)
        add_set(out, &lane->set);
    else if (err)
        *err = lane->err;
    lane->full = false;
    pthread_cond_broadcast(&c->change);
    pthread_mutex_unlock(&c->mutex);
    return result;
}

static int take_all(struct sink_crew *c, struct sink_set *out, struct k2_err *err) {
    bool more = false;
    *out = (struct sink_set){.oldest_ns = INT64_MAX};
    for (int i = 0; i < c->count; i++) {
        struct lane *lane = &c->lanes[i];
        if (lane->ended)
            continue;
        int result = take(lane, out, err);
        if (result < 0)
            return result;
        lane->ended = result == 0;
        more = more || result > 0;
    }
    return more;
}

int sink_crew_next(struct sink_crew *c, struct sink_set *out, struct k2_err *err) {
    if (c->count == 1)
        return sink_worker_next(c->lanes[0].worker, out, err);
    int more = take_all(c, out, err);
    if (more < 0) {
        stop(c);
        sink_set_discard(out);
    }
    return more;
}
