/* journal/topics.c - the topics of an open journal: journal/meta in memory, and the topic calls.
 *
 * Topic names are lent to callers until close, so a reader that reads journal/meta again keeps the
 * names it had.
 */
#include "journal/journal_int.h"

#include "base/hash.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

static void add_topic(struct journal *j, const struct meta_topic *from, struct topic *t) {
    size_t n = (size_t)from->partitions;
    *t = (struct topic){.name = from->name, .partitions = from->partitions};
    t->ends = k2_alloc(n * sizeof *t->ends);
    memcpy(t->ends, from->starts, n * sizeof *t->ends);
    if (j->mode != JOURNAL_WRITE)
        return;
    t->gathers = k2_zalloc(n * sizeof *t->gathers);
    for (size_t p = 0; p < n; p++)
        t->gathers[p].next = from->starts[p];
}

/* Topics are only ever added, so those that are known stay as they are. */
static void follow_meta(struct journal *j, int known) {
    if (j->meta.topic_count == known)
        return;
    j->topics = k2_realloc(j->topics, (size_t)j->meta.topic_count * sizeof *j->topics);
    for (int i = known; i < j->meta.topic_count; i++)
        add_topic(j, &j->meta.topics[i], &j->topics[i]);
}

static bool stamp(const char *path, int64_t out[3]) {
    struct stat st;
    if (stat(path, &st) < 0)
        return false;
    out[0] = (int64_t)st.st_ino;
    out[1] = st.st_mtim.tv_sec;
    out[2] = st.st_mtim.tv_nsec;
    return true;
}

int journal_topics_load(struct journal *j, struct k2_err *err) {
    stamp(j->meta_path, j->meta_stamp);
    K2_TRY(journal_meta_load(j->meta_path, &j->meta, err));
    follow_meta(j, 0);
    return K2_OK;
}

static bool continues(const struct meta *old, const struct meta *now) {
    bool same = now->incarnation == old->incarnation && now->topic_count >= old->topic_count;
    for (int i = 0; same && i < old->topic_count; i++)
        same = strcmp(now->topics[i].name, old->topics[i].name) == 0 &&
               now->topics[i].partitions == old->topics[i].partitions;
    return same;
}

int journal_topics_reload(struct journal *j, struct k2_err *err) {
    int64_t now[3] = {0};
    if (j->mode == JOURNAL_WRITE || !stamp(j->meta_path, now) ||
        memcmp(now, j->meta_stamp, sizeof now) == 0)
        return K2_OK;
    struct meta fresh;
    K2_TRY(journal_meta_load(j->meta_path, &fresh, err));
    if (!continues(&j->meta, &fresh)) {
        journal_meta_fini(&fresh);
        return k2_fail(err, K2_E_CONFLICT, "%s is now of another journal; open it again",
                       j->meta_path);
    }
    int known = j->meta.topic_count;
    for (int i = 0; i < known; i++) {
        char *name = fresh.topics[i].name;
        fresh.topics[i].name = j->meta.topics[i].name;
        j->meta.topics[i].name = name;
    }
    journal_meta_fini(&j->meta);
    j->meta = fresh;
    memcpy(j->meta_stamp, now, sizeof now);
    follow_meta(j, known);
    return K2_OK;
}

void journal_topics_reset(struct journal *j) {
    for (int i = 0; i < j->meta.topic_count; i++)
        memcpy(j->topics[i].ends, j->meta.topics[i].starts,
               (size_t)j->topics[i].partitions * sizeof *j->topics[i].ends);
}

void journal_topics_free(struct journal *j) {
    for (int i = 0; j->topics && i < j->meta.topic_count; i++) {
        for (int p = 0; j->topics[i].gathers && p < j->topics[i].partitions; p++)
            k2_buf_free(&j->topics[i].gathers[p].bytes);
        free(j->topics[i].gathers);
        free(j->topics[i].ends);
    }
    free(j->topics);
    journal_meta_fini(&j->meta);
}

static int find_topic(const struct journal *j, struct k2_sv name) {
    for (int i = 0; i < j->meta.topic_count; i++)
        if (k2_sv_eq(k2_sv_of(j->topics[i].name), name))
            return i;
    return -1;
}

/* Durable before it is known: the meta that holds it is replaced first. */
static int make_topic(struct journal *j, struct k2_sv name, struct k2_err *err) {
    K2_TRY(journal_meta_check_name(name, err));
    int known = j->meta.topic_count;
    struct meta_topic *t = journal_meta_add(&j->meta, name, j->partitions);
    int rc = journal_meta_save(j->meta_path, &j->meta, err);
    if (rc != K2_OK) {
        free(t->name);
        free(t->starts);
        j->meta.topic_count--;
        return rc;
    }
    follow_meta(j, known);
    return K2_OK;
}

static struct journal_topic describe(const struct journal *j, int32_t id) {
    return (struct journal_topic){id, j->topics[id].partitions, j->topics[id].name};
}

static int topic_locked(struct journal *j, struct k2_sv name, bool create,
                        struct journal_topic *out, struct k2_err *err) {
    K2_TRY(journal_topics_reload(j, err));
    int id = find_topic(j, name);
    if (id < 0 && !(create && j->mode == JOURNAL_WRITE))
        return k2_fail(err, K2_E_NOTFOUND, "the journal %s has no topic \"%.*s\"", j->dir,
                       K2_SV_ARG(name));
    if (id < 0) {
        K2_TRY_CTX(make_topic(j, name, err), err, "make topic");
        id = j->meta.topic_count - 1;
    }
    *out = describe(j, id);
    return K2_OK;
}

int journal_topic(struct journal *j, struct k2_sv name, bool create, struct journal_topic *out,
                  struct k2_err *err) {
    pthread_mutex_lock(&j->mutex);
    int rc = topic_locked(j, name, create, out, err);
    pthread_mutex_unlock(&j->mutex);
    return rc;
}

int32_t journal_topic_count(struct journal *j) {
    pthread_mutex_lock(&j->mutex);
    int32_t n = j->meta.topic_count;
    pthread_mutex_unlock(&j->mutex);
    return n;
}

struct journal_topic journal_topic_at(struct journal *j, int32_t id) {
    pthread_mutex_lock(&j->mutex);
    K2_ASSERT(id >= 0 && id < j->meta.topic_count);
    struct journal_topic t = describe(j, id);
    pthread_mutex_unlock(&j->mutex);
    return t;
}

int32_t journal_partition(const struct journal_topic *t, struct k2_sv key) {
    return k2_kafka_partition(key.p, key.n, t->partitions);
}
