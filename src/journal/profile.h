/* journal/profile.h - what a topic should be like: for one broker on a desk, and for a cluster that must not lose.
 *
 * A profile says with how many partitions and replicas topics are made and what is set of them. Drift is what differs
 * between a profile and the topics as they are. In a directory only the partitions apply.
 *
 * No profile has a retention of brokers: they know nothing of tables. Topics are made with retention.ms -1, and what
 * the tables are proven to hold is removed by k2 maintain after journal.retention, of which a profile says the range.
 * Included by journal.h, the room's face. Thread-safety: journal_use_profile before any other call.
 */
#ifndef K2_JOURNAL_PROFILE_H
#define K2_JOURNAL_PROFILE_H

#include "base/err.h"

struct journal;
struct k2_config;

struct journal_setting {
    const char *key, *value; /* of Kafka's topics */
};

struct journal_profile {
    const char *name;
    int32_t partitions, replicas;
    int64_t retention_ns, longest_ns; /* the range of journal.retention */
    const struct journal_setting *settings;
    int setting_count;
};

/* "dev", "production", or "auto": production where a cluster has brokers for its replicas, else dev. NULL = auto. */
K2_RC journal_use_profile(const char *name, struct k2_err *err);
K2_RC journal_profile_find(const char *name, const struct journal_profile **out,
                           struct k2_err *err); /* "auto" gives NULL */
/* journal.partitions where somebody said it; 0 = the profile says it. */
int32_t journal_profile_asked(const struct k2_config *config);
/* What new topics of this journal are made by. */
const struct journal_profile *journal_profile(const struct journal *j);

/* How a writer gathers what it commits: journal.producer. */
enum journal_producer { JOURNAL_AS_LOAD_ASKS, JOURNAL_LITTLE_DELAY, JOURNAL_MUCH_DATA };
/* "auto", "low-latency" or "high-throughput"; before any other call. */
K2_RC journal_use_producer(const char *name, struct k2_err *err);
K2_RC journal_producer_find(const char *name, enum journal_producer *out, struct k2_err *err);
enum journal_producer journal_producer(void);
/* How many bytes to write before they are waited for, where `asked` are asked for. */
size_t journal_batch_bytes(const struct journal *j, size_t asked);

enum journal_fit {
    JOURNAL_FITS,
    JOURNAL_MENDED,  /* it did not, and does now */
    JOURNAL_DIFFERS, /* and can be mended */
    JOURNAL_FIXED    /* it differs, and no setting changes it */
};

struct journal_property { /* of a topic; borrowed for the call */
    const char *topic, *name, *is, *should;
    enum journal_fit fit;
    const char *how; /* what changes it, where fit is JOURNAL_FIXED */
};

/* Compares the topics with a profile, all or the one that is named (NULL = all), and with `mend` sets what can be set.
 * What was mended is read back before it is told. */
K2_RC journal_profile_compare(struct journal *j, const struct journal_profile *p, const char *topic,
                              bool mend, void (*visit)(void *ctx, const struct journal_property *p),
                              void *ctx, struct k2_err *err);

#endif
