/* journal/kafka/client.h - what of librdkafka is used here, in our own words.
 *
 * Internal to the room; rdkafka.c is the one file that includes the library. The library is opened when the first
 * client is made. Thread-safety: writing and polling belong to one
 * thread at a time; asking and arranging may be done by several. Errors: K2_E_UNAVAILABLE where nobody
 * answered in time, K2_E_CONFLICT where another writer has taken over.
 */
#ifndef K2_JOURNAL_KAFKA_CLIENT_H
#define K2_JOURNAL_KAFKA_CLIENT_H

#include "base/buf.h"
#include "base/err.h"

struct kafka_client;

struct kafka_option {
    const char *key, *value; /* a configuration property of librdkafka, or KAFKA_TOKEN */
};

/* Its value says where a token for SASL/OAUTHBEARER is: file:PATH or env:NAME, the first line of it. A JWT; its claims sub
 * and exp say who we are and until when. */
#define KAFKA_TOKEN "token"

/* Connects and waits until a broker has answered. With a property transactional.id the client is a writer, and every
 * older writer of that id is fenced: what it had not committed is undone. Else it reads. */
K2_RC client_open(const struct kafka_option *options, int n, struct kafka_client **out,
                  struct k2_err *err);
void client_close(struct kafka_client *c); /* NULL is fine; what is not committed is undone */

/* --- writing --- */

K2_RC client_begin(struct kafka_client *c, struct k2_err *err);
/* Copies the record. `expected` is the offset that it must get, or negative: client_commit fails where it got another. */
K2_RC client_send(struct kafka_client *c, const char *topic, int32_t partition, struct k2_sv key,
                  struct k2_sv value, int64_t expected, struct k2_err *err);
/* Waits until all of it is in the log of every in-sync replica, then makes it visible. Where it fails nothing of the
 * transaction is visible, now or later. */
K2_RC client_commit(struct kafka_client *c, struct k2_err *err);

/* --- reading --- */

struct kafka_at {
    const char *topic;
    int32_t partition;
    int64_t offset;
};

struct kafka_message { /* borrowed until the next client_poll */
    const char *topic;
    int32_t partition;
    int64_t offset;  /* of `end`: where the partition ends */
    int64_t time_ms; /* when the broker appended it; -1 if it does not say */
    struct k2_sv key, value;
    bool end; /* no record: the partition has no more that is committed */
};

/* From now on client_poll gives what follows these places. */
K2_RC client_assign(struct kafka_client *c, const struct kafka_at *at, int n, struct k2_err *err);
/* Waits for at most timeout_ms; gives their number, or an error (negative). */
int client_poll(struct kafka_client *c, struct kafka_message *out, int max, int timeout_ms,
                struct k2_err *err);

/* --- asking and arranging --- */

struct kafka_listed { /* borrowed for the call */
    const char *name;
    int32_t partitions, replicas; /* replicas: of the partition that has the fewest */
};
/* Visits all topics. */
K2_RC client_topics(struct kafka_client *c,
                    void (*visit)(void *ctx, const struct kafka_listed *topic), void *ctx,
                    struct k2_err *err);
K2_RC client_brokers(struct kafka_client *c, int *n, struct k2_err *err);
struct kafka_topic_plan {
    const char *name;
    int32_t partitions, replication; /* -1 = the broker's default */
    const struct kafka_option *config;
    int config_count;
};
/* Returns when every partition has a leader. A topic that is there already is K2_E_CONFLICT. */
K2_RC client_topic_create(struct kafka_client *c, const struct kafka_topic_plan *plan,
                          struct k2_err *err);
#define KAFKA_TOPIC_ID 32
/* What the cluster calls the topic for as long as it lives: one that is made anew has another. */
K2_RC client_topic_id(struct kafka_client *c, const char *topic, char id[KAFKA_TOPIC_ID],
                      struct k2_err *err);

/* Visits what is set of the topics, what the brokers set by default too. */
K2_RC client_settings(struct kafka_client *c, const char *const *topics, int n,
                      void (*visit)(void *ctx, const char *topic, const char *key,
                                    const char *value),
                      void *ctx, struct k2_err *err);
/* Sets these and leaves the others as they are. */
K2_RC client_set(struct kafka_client *c, const char *topic, const struct kafka_option *options,
                 int n, struct k2_err *err);

enum { KAFKA_EARLIEST = -2, KAFKA_LATEST = -1, KAFKA_NEWEST = -3 };
/* Replaces at[i].offset, which is one of these or a time in ms since 1970, by the offset: where the partition begins,
 * where it ends, of the record with the greatest time, of the first record not before that time (-1 = none).
 * committed: as readers see it, who stop before transactions that are open. times may be NULL. */
K2_RC client_offsets(struct kafka_client *c, struct kafka_at *at, int64_t *times_ms, int n,
                     bool committed, struct k2_err *err);

/* Deletes the records before these places, in every replica. */
K2_RC client_delete(struct kafka_client *c, const struct kafka_at *at, int n, struct k2_err *err);

/* Offsets of consumer groups. client_group_load visits what the group has saved. */
K2_RC client_group_save(struct kafka_client *c, const char *group, const struct kafka_at *at, int n,
                        struct k2_err *err);
K2_RC client_group_load(struct kafka_client *c, const char *group,
                        void (*visit)(void *ctx, const struct kafka_at *at), void *ctx,
                        struct k2_err *err);
K2_RC client_groups(struct kafka_client *c, void (*visit)(void *ctx, const char *group), void *ctx,
                    struct k2_err *err);
struct
    kafka_member { /* borrowed for the call; `at` are the partitions it was given, without offsets */
    const char *id, *client, *host;
    const struct kafka_at *at;
    int n;
};
K2_RC client_group_members(struct kafka_client *c, const char *group,
                           void (*visit)(void *ctx, const struct kafka_member *m), void *ctx,
                           struct k2_err *err);
/* These offsets of a group are committed with the writer's transaction, or not at all. */
K2_RC client_group_join(struct kafka_client *c, const char *group, const struct kafka_at *at, int n,
                        struct k2_err *err);
K2_RC client_group_delete(struct kafka_client *c, const char *group, struct k2_err *err);

#endif
