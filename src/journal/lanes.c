/* journal/lanes.c - see lanes.h.
 *
 * Each lane has chunks of copied records: the one that is filled is the giver's alone, and goes to the queue when it is
 * full, so that the mutex is taken once for thousands of records.
 */
#include "journal/lanes.h"

#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>

enum { CHUNK = 128 << 10, MOST_QUEUED = 64 << 20 };

struct header { /* before the key and value of a record in a chunk */
    int64_t offset;
    int32_t topic;
    uint32_t key, value; /* bytes */
};

struct chunk {
    struct chunk *next;
    struct k2_buf bytes;
};

struct lane {
    struct lanes *lanes;
    int number;
    pthread_t thread;
    struct chunk *filling;       /* the giver's */
    struct chunk *first, **last; /* the queue */
    bool busy;
    int rc; /* of the lane's thread while it is busy */
    struct k2_err err;
};

struct lanes {
    struct lane *at;
    int count, started;
    bool threads;
    lanes_take take;
    void *ctx;
    pthread_mutex_t mutex; /* guards queues, busy, queued and stopping */
    pthread_cond_t work, done;
    size_t queued;
    bool stopping;
};

int lanes_of(struct k2_sv key, int count) {
    return count > 1 ? (int)(k2_hash64(key.p, key.n) % (uint64_t)count) : 0;
}

/* --- a lane's thread --- */

static void free_chunk(struct chunk *c) {
    if (c)
        k2_buf_free(&c->bytes);
    free(c);
}

static void take_chunk(struct lane *lane, const struct chunk *c) {
    const struct lanes *l = lane->lanes;
    for (size_t at = 0; lane->rc == K2_OK && at < c->bytes.n;) {
        struct header h;
        memcpy(&h, c->bytes.p + at, sizeof h);
        const char *key = (const char *)c->bytes.p + at + sizeof h;
        const struct journal_record r = {
            .key = {key, h.key}, .value = {key + h.key, h.value}, .offset = h.offset};
        lane->rc = l->take(l->ctx, lane->number, h.topic, &r, &lane->err);
        at += sizeof h + h.key + h.value;
    }
}

/* Mutex held. NULL: there is none, and the thread is to end. */
static struct chunk *next_chunk(struct lane *lane) {
    struct lanes *l = lane->lanes;
    while (!lane->first && !l->stopping)
        pthread_cond_wait(&l->work, &l->mutex);
    struct chunk *c = l->stopping ? NULL : lane->first;
    if (!c)
        return NULL;
    lane->first = c->next;
    if (!lane->first)
        lane->last = &lane->first;
    return c;
}

static void *lane_main(void *arg) {
    struct lane *lane = arg;
    struct lanes *l = lane->lanes;
    struct chunk *c;
    pthread_mutex_lock(&l->mutex);
    while ((c = next_chunk(lane))) {
        lane->busy = true;
        pthread_mutex_unlock(&l->mutex);
        take_chunk(lane, c);
        size_t bytes = c->bytes.n;
        free_chunk(c);
        pthread_mutex_lock(&l->mutex);
        lane->busy = false;
        l->queued -= bytes;
        pthread_cond_broadcast(&l->done);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

/* --- giving --- */

static void enqueue(struct lane *lane) {
    struct lanes *l = lane->lanes;
    struct chunk *c = lane->filling;
    lane->filling = NULL;
    pthread_mutex_lock(&l->mutex);
    while (l->queued > MOST_QUEUED)
        pthread_cond_wait(&l->done, &l->mutex);
    l->queued += c->bytes.n;
    *lane->last = c;
    lane->last = &c->next;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mutex);
}

static void put(struct lane *lane, int32_t topic, const struct journal_record *r) {
    const struct header h = {r->offset, topic, (uint32_t)r->key.n, (uint32_t)r->value.n};
    if (!lane->filling)
        lane->filling = k2_zalloc(sizeof *lane->filling);
    struct k2_buf *b = &lane->filling->bytes;
    k2_buf_put(b, &h, sizeof h);
    k2_buf_sv(b, r->key);
    k2_buf_sv(b, r->value);
    if (b->n >= CHUNK)
        enqueue(lane);
}

void lanes_give(struct lanes *l, int32_t topic, const struct journal_record *record) {
    struct lane *lane = &l->at[lanes_of(record->key, l->count)];
    if (l->threads)
        put(lane, topic, record);
    else if (lane->rc == K2_OK)
        lane->rc = l->take(l->ctx, lane->number, topic, record, &lane->err);
}

static bool at_work(const struct lanes *l) {
    bool any = false;
    for (int i = 0; i < l->count; i++)
        any |= l->at[i].busy || l->at[i].first;
    return any;
}

int lanes_drain(struct lanes *l, struct k2_err *err) {
    for (int i = 0; i < l->count; i++)
        if (l->at[i].filling)
            enqueue(&l->at[i]);
    pthread_mutex_lock(&l->mutex);
    while (at_work(l))
        pthread_cond_wait(&l->done, &l->mutex);
    pthread_mutex_unlock(&l->mutex);
    for (int i = 0; i < l->count; i++)
        if (l->at[i].rc != K2_OK)
            return k2_fail(err, l->at[i].rc, "%s", l->at[i].err.msg);
    return K2_OK;
}

/* --- start and stop --- */

int lanes_start(int count, bool threads, lanes_take take, void *ctx, struct lanes **out,
                struct k2_err *err) {
    struct lanes *l = k2_zalloc(sizeof *l);
    *l = (struct lanes){.count = count, .threads = threads, .take = take, .ctx = ctx};
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->done, NULL);
    l->at = k2_zalloc((size_t)count * sizeof *l->at);
    for (int i = 0; i < count; i++) {
        l->at[i] = (struct lane){.lanes = l, .number = i};
        l->at[i].last = &l->at[i].first;
    }
    for (; threads && l->started < count; l->started++) {
        int e = pthread_create(&l->at[l->started].thread, NULL, lane_main, &l->at[l->started]);
        if (e != 0) {
            lanes_stop(l);
            return k2_fail(err, K2_E_IO, "cannot start a thread: %s", strerror(e));
        }
    }
    *out = l;
    return K2_OK;
}

static void drop(struct lane *lane) {
    for (struct chunk *c = lane->first; c;) {
        struct chunk *next = c->next;
        free_chunk(c);
        c = next;
    }
    free_chunk(lane->filling);
}

void lanes_stop(struct lanes *l) {
    if (!l)
        return;
    pthread_mutex_lock(&l->mutex);
    l->stopping = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mutex);
    for (int i = 0; i < l->started; i++)
        pthread_join(l->at[i].thread, NULL);
    for (int i = 0; i < l->count; i++)
        drop(&l->at[i]);
    pthread_mutex_destroy(&l->mutex);
    pthread_cond_destroy(&l->work);
    pthread_cond_destroy(&l->done);
    free(l->at);
    free(l);
}
