/* journal/profile.c - see profile.h. */
#include "journal/backend.h"

#include "base/clock.h"
#include "base/config.h"

#include <stdio.h>

#define DAY K2_NS_PER_DAY

/* Times are the broker's, so that they rise with the offsets; a replica that lags must not become the leader. */
static const struct journal_setting on_a_desk[] = {
    {"cleanup.policy", "delete"},
    {"retention.ms", "-1"},
    {"retention.bytes", "-1"},
    {"message.timestamp.type", "LogAppendTime"},
    {"unclean.leader.election.enable", "false"},
    {"min.insync.replicas", "1"},
};

static const struct journal_setting in_a_cluster[] = {
    {"cleanup.policy", "delete"},
    {"retention.ms", "-1"},
    {"retention.bytes", "-1"},
    {"message.timestamp.type", "LogAppendTime"},
    {"unclean.leader.election.enable", "false"},
    {"min.insync.replicas", "2"},
    {"compression.type", "zstd"},
};

static const struct journal_profile profiles[] = {
    {"dev", 3, 1, DAY, 3650 * DAY, on_a_desk, sizeof on_a_desk / sizeof *on_a_desk},
    {"production", 12, 3, 90 * DAY, 365 * DAY, in_a_cluster,
     sizeof in_a_cluster / sizeof *in_a_cluster},
};

static const struct journal_profile *used; /* NULL = auto */

int journal_profile_find(const char *name, const struct journal_profile **out, struct k2_err *err) {
    *out = NULL;
    if (!name || strcmp(name, "auto") == 0)
        return K2_OK;
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
        if (strcmp(profiles[i].name, name) == 0)
            *out = &profiles[i];
    return *out ? K2_OK
                : k2_fail(err, K2_E_INVALID, "\"%s\" is no profile: auto, dev or production", name);
}

int journal_use_profile(const char *name, struct k2_err *err) {
    return journal_profile_find(name, &used, err);
}

int32_t journal_profile_asked(const struct k2_config *config) {
    struct k2_config_entry e = k2_config_entry(config, K2_CONFIG_journal_partitions);
    bool said = strcmp(e.origin, "default") != 0;
    return said ? (int32_t)k2_config_int(config, K2_CONFIG_journal_partitions) : 0;
}

const struct journal_profile *journal_profile(const struct journal *j) {
    return j->profile;
}

void journal_profile_choose(struct journal *j, int brokers) {
    const struct journal_profile *dev = &profiles[0], *production = &profiles[1];
    j->profile = used ? used : brokers >= production->replicas ? production : dev;
    j->asked_partitions = j->partitions > 0;
    if (!j->asked_partitions)
        j->partitions = j->profile->partitions;
}

int32_t journal_profile_wanted(const struct journal *j, const struct journal_profile *p) {
    return j->asked_partitions ? j->partitions : p->partitions;
}

int journal_profile_compare(struct journal *j, const struct journal_profile *p, const char *topic,
                            bool mend, void (*visit)(void *ctx, const struct journal_property *p),
                            void *ctx, struct k2_err *err) {
    struct journal_topic t;
    if (topic)
        K2_TRY(journal_topic(j, k2_sv_of(topic), false, &t, err));
    return j->ops->profile_compare(j, p, topic, mend, visit, ctx, err);
}

/* The number of partitions is in every backend fixed for a topic's life: the partition of a key is part of the order
 * that was promised. */
void journal_profile_partitions(const struct journal_topic *t, int32_t should,
                                void (*visit)(void *ctx, const struct journal_property *p),
                                void *ctx) {
    char is[16], wanted[16];
    snprintf(is, sizeof is, "%d", t->partitions);
    snprintf(wanted, sizeof wanted, "%d", should);
    visit(ctx, &(struct journal_property){
                   .topic = t->name,
                   .name = "partitions",
                   .is = is,
                   .should = wanted,
                   .fit = t->partitions == should ? JOURNAL_FITS : JOURNAL_FIXED,
                   .how = "fixed for the topic's life, or the order of a symbol would break: k2 "
                          "topic grow makes another version of it"});
}

/* --- how a writer gathers --- */

static enum journal_producer producer; /* of every journal of this process */

int journal_producer_find(const char *name, enum journal_producer *out, struct k2_err *err) {
    static const char *const names[] = {[JOURNAL_AS_LOAD_ASKS] = "auto",
                                        [JOURNAL_LITTLE_DELAY] = "low-latency",
                                        [JOURNAL_MUCH_DATA] = "high-throughput"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum journal_producer)i;
            return K2_OK;
        }
    return k2_fail(err, K2_E_INVALID, "\"%s\" is none of auto, low-latency, high-throughput", name);
}

int journal_use_producer(const char *name, struct k2_err *err) {
    return journal_producer_find(name, &producer, err);
}

enum journal_producer journal_producer(void) {
    return producer;
}

size_t journal_batch_bytes(const struct journal *j, size_t asked) {
    return j->ops->batch_bytes ? j->ops->batch_bytes(j, asked) : asked;
}
