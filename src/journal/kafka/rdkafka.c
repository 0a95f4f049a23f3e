/* journal/kafka/rdkafka.c - see client.h: the one file that includes librdkafka.
 *
 * The library is opened with dlopen when the first client is made: who keeps his journal in a directory needs none.
 * Its functions are listed once, in KAFKA_API, with the types of its header, so a prototype that changes is a compile
 * error. Writing follows KIP-98 (transactions; the newest writer of a transactional.id fences the older ones), reading
 * its isolation level read_committed.
 */
#include "journal/kafka/client.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/library.h"
#include "base/log.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

/* clang-format off */
#define KAFKA_API(X)                                                                                 \
    X(rd_kafka_conf_new) X(rd_kafka_conf_destroy) X(rd_kafka_conf_set) X(rd_kafka_conf_set_opaque)   \
    X(rd_kafka_conf_set_oauthbearer_token_refresh_cb) X(rd_kafka_conf_enable_sasl_queue)             \
    X(rd_kafka_sasl_background_callbacks_enable)                                                     \
    X(rd_kafka_oauthbearer_set_token) X(rd_kafka_oauthbearer_set_token_failure)                      \
    X(rd_kafka_conf_set_dr_msg_cb) X(rd_kafka_conf_set_error_cb) X(rd_kafka_conf_set_log_cb)         \
    X(rd_kafka_new) X(rd_kafka_destroy)                   \
    X(rd_kafka_init_transactions) X(rd_kafka_begin_transaction) X(rd_kafka_commit_transaction)       \
    X(rd_kafka_send_offsets_to_transaction) X(rd_kafka_consumer_group_metadata_new)                  \
    X(rd_kafka_consumer_group_metadata_destroy)                                                      \
    X(rd_kafka_abort_transaction) X(rd_kafka_error_string) X(rd_kafka_error_destroy)                 \
    X(rd_kafka_error_is_fatal) X(rd_kafka_error_is_retriable) X(rd_kafka_error_code)                 \
    X(rd_kafka_err2str) X(rd_kafka_last_error) X(rd_kafka_topic_new) X(rd_kafka_topic_destroy)       \
    X(rd_kafka_topic_name) X(rd_kafka_produce) X(rd_kafka_poll) X(rd_kafka_fatal_error)              \
    X(rd_kafka_message_timestamp) X(rd_kafka_message_destroy) X(rd_kafka_message_errstr)             \
    X(rd_kafka_assign) X(rd_kafka_queue_get_consumer) X(rd_kafka_consume_queue) X(rd_kafka_consume_batch_queue)                \
    X(rd_kafka_poll_set_consumer)                                                                    \
    X(rd_kafka_topic_partition_list_new) X(rd_kafka_topic_partition_list_destroy)                    \
    X(rd_kafka_topic_partition_list_add) X(rd_kafka_topic_partition_list_find)                       \
    X(rd_kafka_metadata) X(rd_kafka_metadata_destroy)                                                \
    X(rd_kafka_queue_new) X(rd_kafka_queue_destroy) X(rd_kafka_queue_poll)                           \
    X(rd_kafka_event_destroy) X(rd_kafka_event_error) X(rd_kafka_event_error_string)                 \
    X(rd_kafka_AdminOptions_new) X(rd_kafka_AdminOptions_destroy)                                    \
    X(rd_kafka_AdminOptions_set_request_timeout) X(rd_kafka_AdminOptions_set_operation_timeout)      \
    X(rd_kafka_AdminOptions_set_isolation_level)                                                     \
    X(rd_kafka_NewTopic_new) X(rd_kafka_NewTopic_destroy) X(rd_kafka_NewTopic_set_config)            \
    X(rd_kafka_CreateTopics) X(rd_kafka_event_CreateTopics_result)                                   \
    X(rd_kafka_CreateTopics_result_topics) X(rd_kafka_topic_result_error)                            \
    X(rd_kafka_topic_result_error_string)                                                            \
    X(rd_kafka_TopicCollection_of_topic_names) X(rd_kafka_TopicCollection_destroy)                   \
    X(rd_kafka_DescribeTopics) X(rd_kafka_event_DescribeTopics_result)                               \
    X(rd_kafka_DescribeTopics_result_topics) X(rd_kafka_TopicDescription_topic_id)                   \
    X(rd_kafka_TopicDescription_error) X(rd_kafka_TopicDescription_partitions)                       \
    X(rd_kafka_TopicPartitionInfo_leader) X(rd_kafka_Uuid_base64str)                                 \
    X(rd_kafka_ConfigResource_new) X(rd_kafka_ConfigResource_destroy)                                \
    X(rd_kafka_ConfigResource_destroy_array) X(rd_kafka_ConfigResource_configs)                      \
    X(rd_kafka_ConfigResource_name) X(rd_kafka_ConfigResource_error)                                 \
    X(rd_kafka_ConfigResource_error_string) X(rd_kafka_ConfigResource_add_incremental_config)        \
    X(rd_kafka_ConfigEntry_name) X(rd_kafka_ConfigEntry_value)                                       \
    X(rd_kafka_DescribeConfigs) X(rd_kafka_event_DescribeConfigs_result)                             \
    X(rd_kafka_DescribeConfigs_result_resources)                                                     \
    X(rd_kafka_IncrementalAlterConfigs) X(rd_kafka_event_IncrementalAlterConfigs_result)             \
    X(rd_kafka_IncrementalAlterConfigs_result_resources)                                             \
    X(rd_kafka_DeleteRecords) X(rd_kafka_DeleteRecords_new) X(rd_kafka_DeleteRecords_destroy)        \
    X(rd_kafka_event_DeleteRecords_result) X(rd_kafka_DeleteRecords_result_offsets)                  \
    X(rd_kafka_DescribeConsumerGroups) X(rd_kafka_event_DescribeConsumerGroups_result)               \
    X(rd_kafka_DescribeConsumerGroups_result_groups) X(rd_kafka_ConsumerGroupDescription_error)      \
    X(rd_kafka_ConsumerGroupDescription_member_count) X(rd_kafka_ConsumerGroupDescription_member)    \
    X(rd_kafka_MemberDescription_consumer_id) X(rd_kafka_MemberDescription_client_id)                \
    X(rd_kafka_MemberDescription_host) X(rd_kafka_MemberDescription_assignment)                      \
    X(rd_kafka_MemberAssignment_partitions)                                                          \
    X(rd_kafka_offsets_for_times)                                                                    \
    X(rd_kafka_ListOffsets) X(rd_kafka_event_ListOffsets_result)                                     \
    X(rd_kafka_ListOffsets_result_infos) X(rd_kafka_ListOffsetsResultInfo_topic_partition)           \
    X(rd_kafka_ListOffsetsResultInfo_timestamp)                                                      \
    X(rd_kafka_AlterConsumerGroupOffsets) X(rd_kafka_AlterConsumerGroupOffsets_new)                  \
    X(rd_kafka_AlterConsumerGroupOffsets_destroy)                                                    \
    X(rd_kafka_event_AlterConsumerGroupOffsets_result)                                               \
    X(rd_kafka_AlterConsumerGroupOffsets_result_groups)                                              \
    X(rd_kafka_ListConsumerGroupOffsets) X(rd_kafka_ListConsumerGroupOffsets_new)                    \
    X(rd_kafka_ListConsumerGroupOffsets_destroy)                                                     \
    X(rd_kafka_event_ListConsumerGroupOffsets_result)                                                \
    X(rd_kafka_ListConsumerGroupOffsets_result_groups)                                               \
    X(rd_kafka_group_result_error) X(rd_kafka_group_result_partitions)                               \
    X(rd_kafka_ListConsumerGroups) X(rd_kafka_event_ListConsumerGroups_result)                       \
    X(rd_kafka_ListConsumerGroups_result_valid) X(rd_kafka_ConsumerGroupListing_group_id)            \
    X(rd_kafka_DeleteGroups) X(rd_kafka_DeleteGroup_new) X(rd_kafka_DeleteGroup_destroy)             \
    X(rd_kafka_event_DeleteGroups_result) X(rd_kafka_DeleteGroups_result_groups)
/* clang-format on */

/* NOLINTNEXTLINE(bugprone-macro-parentheses): the name is declared here */
#define KAFKA_POINTER(name) __typeof__(&name) name;
static struct { KAFKA_API(KAFKA_POINTER) } api;
#undef KAFKA_POINTER

#define WAIT_MS 30000 /* for an answer of the brokers */
#define ANSWER_MS                                                                                  \
    3000 /* for one answer of a partition's leader, before the cluster is asked again who leads */
#define TELL_EVERY (10 * K2_NS_PER_SEC)
#define YOUNG_MS 10000     /* after a topic was made, for each broker to know of it */
#define PATIENCE_MS 120000 /* for brokers that are away while something is to be written */

struct kafka_client {
    rd_kafka_t *rk;
    bool writes, in_transaction;
    rd_kafka_queue_t *queue; /* of a reader */
    rd_kafka_message_t **got;
    int got_count, got_cap;
    rd_kafka_topic_t **topics; /* that were sent to */
    int topic_count;
    char *token;           /* where it is; NULL = none is needed */
    struct k2_err refused; /* why no broker lets us in; while connecting */
    struct k2_err failed;  /* status != 0: a record was not delivered as it should */
};

/* --- loading --- */

#ifdef K2_KAFKA_DIR
#define BUILT_WITH K2_KAFKA_DIR
#else
#define BUILT_WITH NULL
#endif

static pthread_mutex_t load_lock = PTHREAD_MUTEX_INITIALIZER;
static bool loaded;

static int bind_symbols(void *handle, struct k2_err *err) {
#define KAFKA_SYMBOL(name)                                                                         \
    *(void **)&api.name = dlsym(handle, #name);                                                    \
    if (!api.name)                                                                                 \
        return k2_fail(err, K2_E_VERSION,                                                          \
                       "librdkafka lacks %s: one older than 2.10 was found; set K2_RDKAFKA to "    \
                       "a newer one",                                                              \
                       #name);
    KAFKA_API(KAFKA_SYMBOL)
#undef KAFKA_SYMBOL
    return K2_OK;
}

static int load_locked(struct k2_err *err) {
    void *handle;
    if (loaded)
        return K2_OK;
    K2_TRY(k2_library_open("librdkafka.so.1", "K2_RDKAFKA", BUILT_WITH, &handle, err));
    K2_TRY(bind_symbols(handle, err));
    loaded = true;
    return K2_OK;
}

static int load(struct k2_err *err) {
    pthread_mutex_lock(&load_lock);
    int rc = load_locked(err);
    pthread_mutex_unlock(&load_lock);
    return rc;
}

/* --- waiting --- */

struct deadline {
    int64_t until_ns;
};

static struct deadline deadline_in(int64_t ms) {
    return (struct deadline){k2_monotonic_ns() + ms * K2_NS_PER_MS};
}

/* False when it is too late to wait any more. */
static bool pause_until(const struct deadline *d) {
    const struct timespec pause = {.tv_nsec = 20000000};
    nanosleep(&pause, NULL);
    return k2_monotonic_ns() < d->until_ns;
}

/* --- errors --- */

static int status_of(rd_kafka_resp_err_t code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
        return K2_E_CONFLICT;
    case RD_KAFKA_RESP_ERR__NOENT: /* no leader is known */
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__DESTROY_BROKER: /* it left the cluster while it was asked */
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_OR_FOLLOWER:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
        return K2_E_UNAVAILABLE;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return K2_E_NOTFOUND;
    default:
        return K2_E_FAILED;
    }
}

/* What a broker refuses to let us do: docs/kafka.md has the whole list. */
static const char *permission(rd_kafka_resp_err_t code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return "topics with its prefix: Create, Describe, DescribeConfigs, Read, Write";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        return "groups with its prefix: Describe, Read, Delete";
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        return "the transactional id with its prefix: Describe, Write";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return "the cluster: Describe";
    default:
        return NULL;
    }
}

static int fail(rd_kafka_resp_err_t code, const char *what, const char *why, struct k2_err *err) {
    if (permission(code))
        return k2_fail(err, K2_E_FAILED, "%s: %s; the journal's user needs ACLs on %s", what,
                       why ? why : api.rd_kafka_err2str(code), permission(code));

    if (code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
        code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH)
        return k2_fail(err, K2_E_CONFLICT, "%s: another writer has taken over", what);
    return k2_fail(err, status_of(code), "%s: %s", what, why ? why : api.rd_kafka_err2str(code));
}

/* What ended the writer for good. */
static int fatal(struct kafka_client *c, const char *what, struct k2_err *err) {
    char why[256] = "";
    rd_kafka_resp_err_t code = api.rd_kafka_fatal_error(c->rk, why, sizeof why);
    return fail(code, what, why, err);
}

/* Why a record was not delivered as it should: what ended the writer comes before what that led to. */
static int not_delivered(struct kafka_client *c, struct k2_err *err) {
    char why[8];
    if (api.rd_kafka_fatal_error(c->rk, why, sizeof why))
        return fatal(c, "append to the journal", err);
    return k2_fail(err, c->failed.status, "%s", c->failed.msg);
}

/* Of a call that gives an error to be destroyed. */
static int take(rd_kafka_error_t *e, const char *what, struct k2_err *err) {
    if (!e)
        return K2_OK;
    int rc = fail(api.rd_kafka_error_code(e), what, api.rd_kafka_error_string(e), err);
    api.rd_kafka_error_destroy(e);
    return rc;
}

/* What the library tells beside its answers: brokers that come and go. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    (void)rk;
    (void)level;
    k2_log(K2_LOG_DEBUG, "kafka", "facility", facility, "text", text, NULL);
}

/* What no waiting mends, and which property of the address it is about. The library's words begin with the broker. */
static const char *property_of(int code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        return "sasl.username and sasl.password, or token, with sasl.mechanism";
    case RD_KAFKA_RESP_ERR__SSL:
        return "ssl.ca.location";
    default:
        return NULL;
    }
}

/* Whether it is time to say it again: a client that finds nobody tells it with each try. */
static bool is_worth_telling(void) {
    static _Atomic int64_t told_ns;
    int64_t now = k2_monotonic_ns(), last = atomic_load(&told_ns);
    return (last == 0 || now - last >= TELL_EVERY) &&
           atomic_compare_exchange_strong(&told_ns, &last, now);
}

static void on_error(rd_kafka_t *rk, int code, const char *why, void *opaque) {
    struct kafka_client *c = opaque;
    const char *property = property_of(code);
    (void)rk;
    if (property)
        (void)k2_fail(&c->refused, K2_E_FAILED, "%s; check %s in the journal's address", why,
                      property);
    else if (code == RD_KAFKA_RESP_ERR__TRANSPORT && c->refused.status != K2_E_FAILED)
        (void)k2_fail(&c->refused, K2_E_UNAVAILABLE, "%s", why);
    bool all =
        code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN; /* one that goes is followed by another */
    k2_log(all && is_worth_telling() ? K2_LOG_WARN : K2_LOG_DEBUG, "kafka", "code",
           api.rd_kafka_err2str((rd_kafka_resp_err_t)code), "text", why, NULL);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque) {
    struct kafka_client *c = opaque;
    int64_t expected = (int64_t)(intptr_t)m->_private;
    (void)rk;
    if (c->failed.status != K2_OK || (!m->err && (expected < 0 || m->offset == expected)))
        return;
    if (m->err)
        fail(m->err, "append to the journal", NULL, &c->failed);
    else
        (void)k2_fail(&c->failed, K2_E_CONFLICT,
                      "topic %s partition %" PRId32 ": a record got offset %" PRId64
                      " where %" PRId64 " was next: somebody else writes to it",
                      api.rd_kafka_topic_name(m->rkt), m->partition, m->offset, expected);
}

#include "journal/kafka/rdkafka_token.inc"

/* --- opening and closing --- */

static int set(rd_kafka_conf_t *conf, const char *key, const char *value, struct k2_err *err) {
    char why[256];
    if (api.rd_kafka_conf_set(conf, key, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        return k2_fail(err, K2_E_INVALID, "the property %s of the journal's address: %s", key, why);
    return K2_OK;
}

static void use_token(struct kafka_client *c, rd_kafka_conf_t *conf, const char *where) {
    free(c->token);
    c->token = k2_sv_dup(k2_sv_of(where));
    api.rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, on_token);
    api.rd_kafka_conf_enable_sasl_queue(conf, 1);
}

static int configure(struct kafka_client *c, rd_kafka_conf_t *conf,
                     const struct kafka_option *options, int n, struct k2_err *err) {
    for (int i = 0; i < n; i++)
        if (strcmp(options[i].key, KAFKA_TOKEN) == 0)
            use_token(c, conf, options[i].value);
        else
            K2_TRY(set(conf, options[i].key, options[i].value, err));
    return K2_OK;
}

static bool is_writer(const struct kafka_option *options, int n) {
    for (int i = 0; i < n; i++)
        if (strcmp(options[i].key, "transactional.id") == 0)
            return true;
    return false;
}

static int create(struct kafka_client *c, const struct kafka_option *options, int n,
                  struct k2_err *err) {
    char why[256];
    rd_kafka_conf_t *conf = api.rd_kafka_conf_new();
    api.rd_kafka_conf_set_opaque(conf, c);
    api.rd_kafka_conf_set_log_cb(conf, on_log);
    api.rd_kafka_conf_set_error_cb(conf, on_error);
    if (c->writes)
        api.rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    int rc = configure(c, conf, options, n, err);
    if (rc == K2_OK) {
        c->rk = api.rd_kafka_new(c->writes ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf, why,
                                 sizeof why);
        if (!c->rk)
            rc = k2_fail(err, K2_E_INVALID, "connect to Kafka: %s", why);
    }
    if (rc != K2_OK)
        api.rd_kafka_conf_destroy(conf);
    return rc;
}

/* A wrong password is told at once: the library would go on trying for as long as it is let. */
static int find_broker(struct kafka_client *c, struct k2_err *err) {
    struct deadline d = deadline_in(WAIT_MS / 3);
    rd_kafka_resp_err_t code;
    do {
        const struct rd_kafka_metadata *m;
        code = api.rd_kafka_metadata(c->rk, 0, NULL, &m, 500);
        if (!code) {
            api.rd_kafka_metadata_destroy(m);
            return K2_OK;
        }
        api.rd_kafka_poll(c->rk, 0); /* what went wrong is told then */
    } while (c->refused.status != K2_E_FAILED && pause_until(&d));
    if (c->refused.status == K2_E_FAILED)
        return k2_fail(err, K2_E_FAILED, "%s", c->refused.msg);
    return k2_fail(err, K2_E_UNAVAILABLE, "no broker answered within %d s: %s", WAIT_MS / 3000,
                   c->refused.status ? c->refused.msg : api.rd_kafka_err2str(code));
}

static int greet(struct kafka_client *c, struct k2_err *err) {
    if (c->token) /* nobody polls a client that only asks */
        K2_TRY(take(api.rd_kafka_sasl_background_callbacks_enable(c->rk), "use a token", err));
    K2_TRY(find_broker(c, err));
    if (c->writes)
        return take(api.rd_kafka_init_transactions(c->rk, WAIT_MS), "become the writer", err);
    api.rd_kafka_poll_set_consumer(c->rk);
    c->queue = api.rd_kafka_queue_get_consumer(c->rk);
    return K2_OK;
}

int client_open(const struct kafka_option *options, int n, struct kafka_client **out,
                struct k2_err *err) {
    K2_TRY(load(err));
    struct kafka_client *c = k2_zalloc(sizeof *c);
    c->writes = is_writer(options, n);
    int rc = create(c, options, n, err);
    if (rc == K2_OK)
        rc = greet(c, err);
    if (rc != K2_OK)
        client_close(c);
    else
        *out = c;
    return rc;
}

static void drop_messages(struct kafka_client *c) {
    for (int i = 0; i < c->got_count; i++)
        api.rd_kafka_message_destroy(c->got[i]);
    c->got_count = 0;
}

static void undo(struct kafka_client *c) {
    if (c->in_transaction)
        (void)!take(api.rd_kafka_abort_transaction(c->rk, WAIT_MS), "undo", NULL);
    c->in_transaction = false;
}

void client_close(struct kafka_client *c) {
    if (!c)
        return;
    drop_messages(c);
    undo(c);
    for (int i = 0; i < c->topic_count; i++)
        api.rd_kafka_topic_destroy(c->topics[i]);
    if (c->queue)
        api.rd_kafka_queue_destroy(c->queue);
    if (c->rk)
        api.rd_kafka_destroy(c->rk);
    free((void *)c->got);
    free((void *)c->topics);
    free(c->token);
    free(c);
}

/* --- writing --- */

int client_begin(struct kafka_client *c, struct k2_err *err) {
    if (c->in_transaction)
        return K2_OK;
    c->failed = (struct k2_err){0};
    K2_TRY(take(api.rd_kafka_begin_transaction(c->rk), "begin a transaction", err));
    c->in_transaction = true;
    return K2_OK;
}

static rd_kafka_topic_t *topic_of(struct kafka_client *c, const char *name) {
    for (int i = 0; i < c->topic_count; i++)
        if (strcmp(api.rd_kafka_topic_name(c->topics[i]), name) == 0)
            return c->topics[i];
    c->topics = k2_realloc(c->topics, (size_t)(c->topic_count + 1) * sizeof(rd_kafka_topic_t *));
    c->topics[c->topic_count] = api.rd_kafka_topic_new(c->rk, name, NULL);
    return c->topics[c->topic_count++];
}

int client_send(struct kafka_client *c, const char *topic, int32_t partition, struct k2_sv key,
                struct k2_sv value, int64_t expected, struct k2_err *err) {
    rd_kafka_topic_t *t = topic_of(c, topic);
    struct deadline d = deadline_in(PATIENCE_MS);
    for (;;) {
        if (c->failed.status != K2_OK)
            return not_delivered(c, err);
        /* The value is copied: librdkafka declares it writable for those who hand it over. */
        if (api.rd_kafka_produce(t, partition, RD_KAFKA_MSG_F_COPY, (void *)(uintptr_t)value.p,
                                 value.n, key.p, key.n, (void *)(intptr_t)expected) == 0)
            return K2_OK;
        rd_kafka_resp_err_t code = api.rd_kafka_last_error();
        if (code == RD_KAFKA_RESP_ERR__FATAL)
            return fatal(c, "append to the journal", err);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL || k2_monotonic_ns() > d.until_ns)
            return fail(code, "append to the journal", NULL, err);
        api.rd_kafka_poll(c->rk, 10);
    }
}

int client_commit(struct kafka_client *c, struct k2_err *err) {
    if (!c->in_transaction)
        return K2_OK;
    rd_kafka_error_t *e = NULL;
    struct deadline d = deadline_in(PATIENCE_MS);
    do { /* a retriable error has changed nothing; the same call goes on */
        if (e)
            api.rd_kafka_error_destroy(e);
        e = NULL;
        if (c->failed.status != K2_OK)
            break;
        e = api.rd_kafka_commit_transaction(c->rk, WAIT_MS);
    } while (e && api.rd_kafka_error_is_retriable(e) && k2_monotonic_ns() < d.until_ns);
    /* A record that was delivered elsewhere than it had to: the reports have all come by now. */
    if (!e && c->failed.status == K2_OK) {
        c->in_transaction = false;
        return K2_OK;
    }
    int rc = take(e, "commit to the journal", err);
    if (c->failed.status != K2_OK)
        rc = not_delivered(c, err);
    undo(c);
    return rc;
}

/* --- reading --- */

static rd_kafka_topic_partition_list_t *list_of(const struct kafka_at *at, int n) {
    rd_kafka_topic_partition_list_t *list = api.rd_kafka_topic_partition_list_new(n);
    for (int i = 0; i < n; i++)
        api.rd_kafka_topic_partition_list_add(list, at[i].topic, at[i].partition)->offset =
            at[i].offset;
    return list;
}

int client_assign(struct kafka_client *c, const struct kafka_at *at, int n, struct k2_err *err) {
    drop_messages(c);
    rd_kafka_topic_partition_list_t *list = list_of(at, n);
    rd_kafka_resp_err_t code = api.rd_kafka_assign(c->rk, n > 0 ? list : NULL);
    api.rd_kafka_topic_partition_list_destroy(list);
    return code ? fail(code, "read the journal", NULL, err) : K2_OK;
}

/* What went wrong for one partition, or for all. Brokers that come back are waited for. */
static int message_error(const rd_kafka_message_t *m, struct k2_err *err) {
    if (status_of(m->err) == K2_E_UNAVAILABLE)
        return K2_OK;
    return k2_fail(err, status_of(m->err), "read topic %s partition %" PRId32 ": %s",
                   m->rkt ? api.rd_kafka_topic_name(m->rkt) : "", m->partition,
                   api.rd_kafka_message_errstr(m));
}

static struct kafka_message message_of(const rd_kafka_message_t *m) {
    rd_kafka_timestamp_type_t type;
    int64_t time = m->err ? -1 : api.rd_kafka_message_timestamp(m, &type);
    return (struct kafka_message){.topic = api.rd_kafka_topic_name(m->rkt),
                                  .partition = m->partition,
                                  .offset = m->offset,
                                  .time_ms = time,
                                  .key = {m->key, m->key_len},
                                  .value = {m->payload, m->len},
                                  .end = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF};
}

int client_poll(struct kafka_client *c, struct kafka_message *out, int max, int timeout_ms,
                struct k2_err *err) {
    drop_messages(c);
    if (c->got_cap < max) {
        c->got = k2_realloc(c->got, (size_t)max * sizeof(rd_kafka_message_t *));
        c->got_cap = max;
    }
    /* A batch would be waited for until it is full: one message is, and what came with it is taken along. */
    c->got[0] = api.rd_kafka_consume_queue(c->queue, timeout_ms);
    if (!c->got[0])
        return 0;
    ssize_t more = api.rd_kafka_consume_batch_queue(c->queue, 0, c->got + 1, (size_t)max - 1);
    c->got_count = 1 + (more > 0 ? (int)more : 0);
    int count = 0;
    for (int i = 0; i < c->got_count; i++) {
        const rd_kafka_message_t *m = c->got[i];
        if (m->err && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
            K2_TRY(message_error(m, err));
        else
            out[count++] = message_of(m);
    }
    return count;
}

/* The questions to the brokers, which are many: they are written in files of their own and are part of this one, since
 * the library's types stay in it. */
#include "journal/kafka/rdkafka_topics.inc"

#include "journal/kafka/rdkafka_groups.inc"
