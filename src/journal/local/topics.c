/* journal/local/topics.c - the topics of an open journal: journal/meta in memory, and the topic calls.
 *
 * Topic names are lent to callers until close, so a reader that reads journal/meta again keeps the
 * names it had.
 */
#include "journal/local/local.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Topics are only ever added, so those that are known stay as they are. */
static void follow_meta(struct local *j, int known) {
    for (int i = known; i < j->meta.topic_count; i++) {
        const struct meta_topic *t = &j->meta.topics[i];
        journal_topic_add(&j->base, t->name, t->partitions, t->starts);
    }
    for (int i = 0; i < j->meta.topic_count; i++)
        journal_topic_cut(&j->base, i, j->meta.topics[i].cut, j->meta.topics[i].cut_n);
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

int journal_topics_load(struct local *j, struct k2_err *err) {
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

int journal_topics_reload(struct local *j, struct k2_err *err) {
    int64_t now[3] = {0};
    if (j->base.mode == JOURNAL_WRITE || !stamp(j->meta_path, now) ||
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

void journal_topics_reset(struct local *j) {
    for (int i = 0; i < j->meta.topic_count; i++)
        memcpy(j->base.topics[i].ends, j->meta.topics[i].starts,
               (size_t)j->base.topics[i].partitions * sizeof *j->base.topics[i].ends);
}

/* Durable before it is known: the meta that holds it is replaced first. */
static int make_topic(struct local *j, struct k2_sv name, struct k2_err *err) {
    K2_TRY(journal_name_check(name, err));
    int known = j->meta.topic_count;
    struct meta_topic *t = journal_meta_add(&j->meta, name, j->base.partitions);
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

static int topic_locked(struct local *j, struct k2_sv name, bool create, struct journal_topic *out,
                        struct k2_err *err) {
    K2_TRY(journal_topics_reload(j, err));
    int id = journal_topic_find(&j->base, name);
    if (id < 0 && !(create && j->base.mode == JOURNAL_WRITE))
        return k2_fail(err, K2_E_NOTFOUND, "the journal %s has no topic \"%.*s\"", j->dir,
                       K2_SV_ARG(name));
    if (id < 0) {
        K2_TRY_CTX(make_topic(j, name, err), err, "make topic");
        id = j->meta.topic_count - 1;
    }
    *out = journal_topic_of(&j->base, id);
    return K2_OK;
}

int local_topic(struct journal *journal, struct k2_sv name, bool create, struct journal_topic *out,
                struct k2_err *err) {
    struct local *j = local_of(journal);
    pthread_mutex_lock(&j->base.mutex);
    int rc = topic_locked(j, name, create, out, err);
    pthread_mutex_unlock(&j->base.mutex);
    return rc;
}

static int note_cut(struct local *j, struct meta_topic *t, const int64_t *cut, int n,
                    struct k2_err *err) {
    t->cut = k2_alloc((size_t)n * sizeof *t->cut);
    memcpy(t->cut, cut, (size_t)n * sizeof *t->cut);
    t->cut_n = n;
    int rc = journal_meta_save(j->meta_path, &j->meta, err);
    if (rc != K2_OK) {
        free(t->cut);
        t->cut = NULL;
        t->cut_n = 0;
    }
    return rc;
}

int local_cut(struct journal *journal, int32_t topic, const int64_t *cut, int n,
              struct k2_err *err) {
    struct local *j = local_of(journal);
    pthread_mutex_lock(&j->base.mutex);
    int rc = note_cut(j, &j->meta.topics[topic], cut, n, err);
    if (rc == K2_OK)
        journal_topic_cut(&j->base, topic, cut, n);
    pthread_mutex_unlock(&j->base.mutex);
    return rc;
}

/* Replicas, compression and the like are Kafka's; retention is the process's own. */
int local_profile_compare(struct journal *journal, const struct journal_profile *p,
                          const char *topic, bool mend,
                          void (*visit)(void *ctx, const struct journal_property *p), void *ctx,
                          struct k2_err *err) {
    (void)mend;
    (void)err;
    for (int32_t i = 0; i < journal_topic_count(journal); i++) {
        struct journal_topic t = journal_topic_at(journal, i);
        if (!topic || strcmp(topic, t.name) == 0)
            journal_profile_partitions(&t,
                                       journal_version_chosen(journal, t.name)
                                           ? t.partitions
                                           : journal_profile_wanted(journal, p),
                                       visit, ctx);
    }
    return K2_OK;
}
