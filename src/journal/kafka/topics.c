/* journal/kafka/topics.c - the topics of the cluster that are this journal's: those with its prefix, but for the one
 * that says which journal it is.
 *
 * Their ids here are dense, in the order of their names as first seen, and of this process only: what is kept names
 * topics, never ids.
 */
#include "journal/kafka/kafka.h"

#include <stdlib.h>
#include <time.h>

#define MOST_LOOKS 500 /* for a topic that was made: not every broker knows at once */

struct found {
    char *name; /* as Kafka has it */
    int32_t partitions;
};

struct listing {
    const struct kafka *k;
    struct found *at;
    size_t n;
};

static struct k2_sv own_name(const struct kafka *k, const char *full) {
    struct k2_sv name = k2_sv_of(full), prefix = k2_sv_of(k->address.prefix);
    return k2_sv_starts(name, prefix) ? (struct k2_sv){name.p + prefix.n, name.n - prefix.n}
                                      : (struct k2_sv){0};
}

/* Other topics of the cluster are nobody's business here. */
static bool is_ours(struct k2_sv name) {
    return (k2_sv_starts(name, K2_SV("market.")) || k2_sv_starts(name, K2_SV("k2."))) &&
           !k2_sv_eq(name, K2_SV(KAFKA_JOURNAL));
}

static void take(void *ctx, const struct kafka_listed *topic) {
    struct listing *l = ctx;
    struct k2_sv own = own_name(l->k, topic->name);
    if (!is_ours(own) || topic->partitions > JOURNAL_MAX_PARTITIONS ||
        journal_topic_find(&l->k->base, own) >= 0)
        return;
    l->at = k2_realloc(l->at, (l->n + 1) * sizeof *l->at);
    l->at[l->n++] = (struct found){k2_sv_dup(k2_sv_of(topic->name)), topic->partitions};
}

static int compare(const void *a, const void *b) {
    return strcmp(((const struct found *)a)->name, ((const struct found *)b)->name);
}

/* Where a writer goes on. Nothing is open in the partitions: its own transactions were ended when it became the
 * writer. */
static int first_offsets(struct kafka *k, const struct found *f, int64_t *next,
                         struct k2_err *err) {
    struct kafka_at *at = k2_alloc((size_t)f->partitions * sizeof *at);
    for (int32_t p = 0; p < f->partitions; p++)
        at[p] = (struct kafka_at){f->name, p, KAFKA_LATEST};
    int rc = client_offsets(k->asker, at, NULL, f->partitions, k->base.mode != JOURNAL_WRITE, err);
    for (int32_t p = 0; p < f->partitions; p++)
        next[p] = at[p].offset;
    free(at);
    return rc;
}

/* Mutex held. Takes the name over. */
static int add(struct kafka *k, struct found *f, struct k2_err *err) {
    int64_t *next = k2_alloc((size_t)f->partitions * sizeof *next);
    int rc = first_offsets(k, f, next, err);
    if (rc == K2_OK) {
        size_t n = (size_t)k->base.topic_count;
        k->names = (char **)k2_realloc((void *)k->names, (n + 1) * sizeof(char *));
        k->names[n] = f->name;
        journal_topic_add(&k->base, own_name(k, f->name).p, f->partitions, next);
        f->name = NULL;
    }
    free(next);
    return rc;
}

static int load(struct kafka *k, struct k2_err *err) {
    struct listing l = {.k = k};
    int rc = client_topics(k->asker, take, &l, err);
    if (rc == K2_OK && l.n > 0)
        qsort(l.at, l.n, sizeof *l.at, compare);
    for (size_t i = 0; i < l.n; i++) {
        if (rc == K2_OK)
            rc = add(k, &l.at[i], err);
        free(l.at[i].name);
    }
    free(l.at);
    return rc;
}

int kafka_topics_load(struct kafka *k, struct k2_err *err) {
    pthread_mutex_lock(&k->base.mutex);
    int rc = load(k, err);
    pthread_mutex_unlock(&k->base.mutex);
    return rc;
}

static int make(struct kafka *k, struct k2_sv name, struct k2_err *err) {
    struct k2_buf own = {0};
    k2_buf_sv(&own, name);
    int rc = kafka_topic_make(k, k2_buf_cstr(&own), k->base.partitions, err);
    if (rc == K2_OK)
        rc = kafka_identify_topic(k, k2_buf_cstr(&own), err);
    k2_buf_free(&own);
    return rc;
}

static int find(struct kafka *k, struct k2_sv name, struct journal_topic *out) {
    pthread_mutex_lock(&k->base.mutex);
    int32_t id = journal_topic_find(&k->base, name);
    if (id >= 0)
        *out = journal_topic_of(&k->base, id);
    pthread_mutex_unlock(&k->base.mutex);
    return id >= 0;
}

int kafka_topic_wait(struct kafka *k, struct k2_sv name, struct journal_topic *out,
                     struct k2_err *err) {
    for (int i = 0; i < MOST_LOOKS; i++) {
        const struct timespec pause = {.tv_nsec = 20000000};
        K2_TRY(kafka_topics_load(k, err));
        if (find(k, name, out))
            return K2_OK;
        nanosleep(&pause, NULL);
    }
    return k2_fail(err, K2_E_UNAVAILABLE,
                   "topic %s%.*s was made and is not listed: was it deleted?", k->address.prefix,
                   K2_SV_ARG(name));
}

int kafka_topic(struct journal *journal, struct k2_sv name, bool create, struct journal_topic *out,
                struct k2_err *err) {
    struct kafka *k = kafka_of(journal);
    if (find(k, name, out))
        return K2_OK;
    K2_TRY(kafka_topics_load(k, err));
    if (find(k, name, out))
        return K2_OK;
    if (!create || k->base.mode != JOURNAL_WRITE)
        return k2_fail(err, K2_E_NOTFOUND, "the journal at %s has no topic \"%.*s\"",
                       k->address.text, K2_SV_ARG(name));
    K2_TRY(make(k, name, err));
    if (k->touched_count == 0) /* else the records that are under way commit it */
        K2_TRY(client_commit(k->writer, err));
    return kafka_topic_wait(k, name, out, err);
}
