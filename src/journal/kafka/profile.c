/* journal/kafka/profile.c - the topics of the cluster as a profile has them: making them so, seeing where they are not,
 * mending what can be set.
 *
 * The number of partitions and of replicas is of a topic's making. Kafka moves replicas by a plan that names brokers
 * (kafka-reassign-partitions.sh), which is for who knows the machines.
 */
#include "journal/kafka/kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MOST_SETTINGS 16
#define MOST_LOOKS 100 /* for what was set to be seen */

/* What the topic should have; NULL = it does not matter. The one that says which journal this is keeps the last record
 * of each key. */
static const char *wanted(const char *topic, const struct journal_setting *s) {
    if (strcmp(topic, KAFKA_JOURNAL) != 0)
        return s->value;
    if (strcmp(s->key, "cleanup.policy") == 0)
        return "compact";
    bool of_any = strcmp(s->key, "min.insync.replicas") == 0 ||
                  strcmp(s->key, "unclean.leader.election.enable") == 0;
    return of_any ? s->value : NULL;
}

static int options_for(const struct journal_profile *p, const char *topic,
                       struct kafka_option out[MOST_SETTINGS]) {
    int n = 0;
    K2_ASSERT(p->setting_count <= MOST_SETTINGS);
    for (int i = 0; i < p->setting_count; i++)
        if (wanted(topic, &p->settings[i]))
            out[n++] = (struct kafka_option){p->settings[i].key, wanted(topic, &p->settings[i])};
    return n;
}

static int32_t replicas_of(const struct kafka *k, const struct journal_profile *p) {
    return k->address.replication > 0 ? k->address.replication : p->replicas;
}

int kafka_topic_make(struct kafka *k, const char *name, int32_t partitions, struct k2_err *err) {
    const struct journal_profile *p = k->base.profile;
    struct kafka_option options[MOST_SETTINGS];
    struct k2_buf full = {0};
    k2_buf_printf(&full, "%s%s", k->address.prefix, name);
    struct kafka_topic_plan plan = {k2_buf_cstr(&full), partitions, replicas_of(k, p), options,
                                    options_for(p, name, options)};
    int rc = journal_name_check(k2_buf_view(&full), err);
    if (rc == K2_OK)
        rc = client_topic_create(k->asker, &plan, err);
    k2_buf_free(&full);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "profile %s", p->name);
}

/* --- as they are --- */

struct state { /* of one topic */
    char *full;
    const char *name; /* in it, without the prefix */
    int32_t partitions, replicas;
    char *is[MOST_SETTINGS]; /* in the order of the profile's settings; NULL = not told */
};

struct survey {
    struct kafka *k;
    const struct journal_profile *profile;
    const char *only; /* NULL = all topics */
    struct state *at;
    int n;
};

static bool is_wanted(const struct survey *s, const char *name) {
    if (s->only && strcmp(s->only, name) != 0)
        return false;
    return strcmp(name, KAFKA_JOURNAL) == 0 || journal_topic_find(&s->k->base, k2_sv_of(name)) >= 0;
}

static void take_topic(void *ctx, const struct kafka_listed *topic) {
    struct survey *s = ctx;
    size_t prefix = strlen(s->k->address.prefix);
    if (strncmp(topic->name, s->k->address.prefix, prefix) != 0 ||
        !is_wanted(s, topic->name + prefix))
        return;
    s->at = k2_realloc(s->at, (size_t)(s->n + 1) * sizeof *s->at);
    char *full = k2_sv_dup(k2_sv_of(topic->name));
    s->at[s->n++] = (struct state){.full = full,
                                   .name = full + prefix,
                                   .partitions = topic->partitions,
                                   .replicas = topic->replicas};
}

static void take_setting(void *ctx, const char *topic, const char *key, const char *value) {
    struct survey *s = ctx;
    for (int i = 0; i < s->n; i++)
        for (int k = 0; k < s->profile->setting_count && strcmp(s->at[i].full, topic) == 0; k++)
            if (strcmp(s->profile->settings[k].key, key) == 0) {
                free(s->at[i].is[k]);
                s->at[i].is[k] = k2_sv_dup(k2_sv_of(value));
            }
}

static int compare(const void *a, const void *b) {
    return strcmp(((const struct state *)a)->name, ((const struct state *)b)->name);
}

static int look(struct survey *s, struct k2_err *err) {
    const char **names = (const char **)k2_alloc((size_t)(s->n + 1) * sizeof(char *));
    for (int i = 0; i < s->n; i++)
        names[i] = s->at[i].full;
    int rc = s->n > 0 ? client_settings(s->k->asker, names, s->n, take_setting, s, err) : K2_OK;
    free((void *)names);
    return rc;
}

static void free_survey(struct survey *s) {
    for (int i = 0; i < s->n; i++) {
        free(s->at[i].full);
        for (int k = 0; k < MOST_SETTINGS; k++)
            free(s->at[i].is[k]);
    }
    free(s->at);
}

/* --- against the profile --- */

static bool differs(const struct survey *s, const struct state *t, int setting) {
    const char *should = wanted(t->name, &s->profile->settings[setting]);
    return should && (!t->is[setting] || strcmp(t->is[setting], should) != 0);
}

/* Which of the topic's settings differ, as bits. */
static unsigned different(const struct survey *s, const struct state *t) {
    unsigned bits = 0;
    for (int i = 0; i < s->profile->setting_count; i++)
        bits |= (unsigned)differs(s, t, i) << i;
    return bits;
}

static int mend_topic(struct survey *s, const struct state *t, unsigned which, struct k2_err *err) {
    struct kafka_option options[MOST_SETTINGS];
    int n = 0;
    for (int i = 0; i < s->profile->setting_count; i++)
        if (which >> i & 1)
            options[n++] = (struct kafka_option){s->profile->settings[i].key,
                                                 wanted(t->name, &s->profile->settings[i])};
    return n > 0 ? client_set(s->k->asker, t->full, options, n, err) : K2_OK;
}

struct telling {
    const struct survey *survey;
    void (*visit)(void *ctx, const struct journal_property *p);
    void *ctx;
};

static void tell_replicas(const struct telling *to, const struct state *t) {
    char is[16], should[16];
    int32_t replicas = replicas_of(to->survey->k, to->survey->profile);
    snprintf(is, sizeof is, "%d", t->replicas);
    snprintf(should, sizeof should, "%d", replicas);
    to->visit(to->ctx, &(struct journal_property){
                           .topic = t->name,
                           .name = "replicas",
                           .is = is,
                           .should = should,
                           .fit = t->replicas == replicas ? JOURNAL_FITS : JOURNAL_FIXED,
                           .how = "kafka-reassign-partitions.sh, which names the brokers"});
}

static void tell_topic(const struct telling *to, const struct state *t, unsigned mended) {
    const struct survey *s = to->survey;
    struct journal_topic topic = {.partitions = t->partitions, .name = t->name};
    int32_t partitions = journal_profile_wanted(&s->k->base, s->profile);
    if (strcmp(t->name, KAFKA_JOURNAL) == 0)
        partitions = 1;
    else if (journal_version_chosen(&s->k->base, t->name))
        partitions = t->partitions;
    journal_profile_partitions(&topic, partitions, to->visit, to->ctx);
    tell_replicas(to, t);
    for (int i = 0; i < s->profile->setting_count; i++) {
        const char *should = wanted(t->name, &s->profile->settings[i]);
        struct journal_property p = {.topic = t->name,
                                     .name = s->profile->settings[i].key,
                                     .is = t->is[i] ? t->is[i] : "",
                                     .should = should};
        p.fit = differs(s, t, i)  ? JOURNAL_DIFFERS
                : mended >> i & 1 ? JOURNAL_MENDED
                                  : JOURNAL_FITS;
        if (should)
            to->visit(to->ctx, &p);
    }
}

static bool all_fit(const struct survey *s) {
    for (int i = 0; i < s->n; i++)
        if (different(s, &s->at[i]))
            return false;
    return true;
}

/* Every topic is mended before any is told, and told as it is then. The controller has answered a moment before every
 * broker knows. */
static int mend_all(struct survey *s, unsigned *mended, struct k2_err *err) {
    const struct timespec pause = {.tv_nsec = 50000000};
    for (int i = 0; i < s->n; i++) {
        mended[i] = different(s, &s->at[i]);
        K2_TRY(mend_topic(s, &s->at[i], mended[i], err));
    }
    int rc = look(s, err);
    for (int i = 0; rc == K2_OK && !all_fit(s) && i < MOST_LOOKS; i++) {
        nanosleep(&pause, NULL);
        rc = look(s, err);
    }
    return rc;
}

int kafka_profile_compare(struct journal *journal, const struct journal_profile *p,
                          const char *topic, bool mend,
                          void (*visit)(void *ctx, const struct journal_property *p), void *ctx,
                          struct k2_err *err) {
    struct kafka *k = kafka_of(journal);
    struct survey s = {.k = k, .profile = p, .only = topic};
    K2_TRY(kafka_topics_load(k, err));
    int rc = client_topics(k->asker, take_topic, &s, err);
    if (rc == K2_OK && s.n > 0)
        qsort(s.at, (size_t)s.n, sizeof *s.at, compare);
    if (rc == K2_OK)
        rc = look(&s, err);
    unsigned *mended = k2_zalloc((size_t)(s.n + 1) * sizeof *mended);
    if (rc == K2_OK && mend)
        rc = mend_all(&s, mended, err);
    for (int i = 0; rc == K2_OK && i < s.n; i++)
        tell_topic(&(struct telling){&s, visit, ctx}, &s.at[i], mended[i]);
    free(mended);
    free_survey(&s);
    return rc;
}
