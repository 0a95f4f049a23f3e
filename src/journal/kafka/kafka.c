/* journal/kafka/kafka.c - a journal of Kafka topics: opening, closing, and what is asked of it.
 *
 * The data directory keeps what is this machine's: the lock that says which command writes, and in kafka/<incarnation>
 * a copy of the schemas (identity.c). A writer is the newest of its transactional.id, "PREFIXk2.writer": an older one, here or elsewhere, can
 * commit nothing any more.
 *
 * Of Kafka's log there are no segments to be seen: all that is kept looks like one that is not sealed yet, and what was
 * removed like one for each part (retain.c).
 */
#include "journal/kafka/kafka.h"

#include "base/clock.h"
#include "base/datadir.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* --- opening --- */

/* Readers have locks there too, for what they do beside reading. */
static int prepare_directory(struct kafka *k, const char *data, const struct journal_options *o,
                             struct k2_err *err) {
    char *run = k2_path(data, "run"), *path = k2_path(run, "journal.lock");
    struct k2_lock **lock = o && o->lock ? o->lock : &k->lock;
    int rc = k2_datadir_check(data, err);
    if (rc == K2_OK)
        rc = k2_fs_mkdirs(run, err);
    if (rc == K2_OK && k->base.mode == JOURNAL_WRITE)
        rc = k2_datadir_mark(data, err);
    if (rc == K2_OK && k->base.mode == JOURNAL_WRITE && !*lock)
        rc = k2_lock_take(path, o && o->command ? o->command : "k2", lock, err);
    free(run);
    free(path);
    return rc;
}

static int become_writer(struct kafka *k, struct k2_err *err) {
    struct k2_buf id = {0};
    k2_buf_printf(&id, "%sk2.writer", k->address.prefix);
    struct kafka_option writing[5 + KAFKA_PRODUCER_OPTIONS] = {
        {"transactional.id", k2_buf_cstr(&id)},
        {"acks", "all"},
        {"enable.idempotence", "true"},
        {"queue.buffering.max.kbytes", "262144"},
        {"queue.buffering.max.messages", "1000000"},
    };
    int n = 5 + kafka_producer_options(k, writing + 5);
    int rc = kafka_connect(k, writing, n, &k->writer, err);
    k2_buf_free(&id);
    return rc;
}

static void observe_open(const struct kafka *k) {
    char number[16], topics[16];
    snprintf(number, sizeof number, "%" PRId32, k->base.incarnation);
    snprintf(topics, sizeof topics, "%" PRId32, k->base.topic_count);
    k2_log(K2_LOG_INFO, "journal is open for writing", "journal", number, "at", k->address.text,
           "topics", topics, NULL);
}

static int open_parts(struct kafka *k, const char *data, const char *url,
                      const struct journal_options *o, struct k2_err *err) {
    int brokers;
    K2_TRY(kafka_address_parse(url, &k->address, err));
    K2_TRY(prepare_directory(k, data, o, err));
    K2_TRY(kafka_connect_reader(k, NULL, 0, &k->asker, err));
    K2_TRY(client_brokers(k->asker, &brokers, err));
    journal_profile_choose(&k->base, brokers);
    if (k->base.mode == JOURNAL_WRITE) /* before it looks where the topics end */
        K2_TRY(become_writer(k, err));
    K2_TRY(kafka_topics_load(k, err));
    K2_TRY(kafka_identify(k, err));
    K2_TRY(k2_registry_open(k->dir, &k->base.registry, err));
    k2_registry_set_copy(k->base.registry, k->address.prefix);
    if (k->base.mode == JOURNAL_WRITE)
        observe_open(k);
    return K2_OK;
}

static int kafka_open(const char *data, const char *url, enum journal_mode mode,
                      const struct journal_options *options, struct journal **out,
                      struct k2_err *err) {
    struct kafka *k = k2_zalloc(sizeof *k);
    journal_init(&k->base, &journal_kafka, mode, options);
    k->data = k2_sv_dup(k2_sv_of(data));
    int rc = open_parts(k, data, url, options, err);
    if (rc != K2_OK) {
        journal_close(&k->base);
        return k2_err_context(err, rc, "open the journal");
    }
    *out = &k->base;
    return K2_OK;
}

static void kafka_close(struct journal *journal) {
    struct kafka *k = kafka_of(journal);
    client_close(k->writer);
    client_close(k->asker);
    for (int i = 0; i < k->idle_count; i++)
        client_close(k->idle[i]);
    for (int32_t i = 0; i < k->base.topic_count; i++)
        free(k->names[i]);
    free((void *)k->names);
    journal_fini(&k->base);
    k2_lock_release(k->lock);
    kafka_address_free(&k->address);
    kafka_parts_free(&k->gone);
    free(k->touched);
    free(k->lent);
    free(k->dir);
    free(k->data);
    free(k);
}

/* --- offsets --- */

static int ask(struct kafka *k, int32_t topic, int64_t which, int64_t *offsets, int64_t *times_ms,
               struct k2_err *err) {
    pthread_mutex_lock(&k->base.mutex);
    bool known = topic >= 0 && topic < k->base.topic_count;
    int32_t n = known ? k->base.topics[topic].partitions : 0;
    const char *name = known ? k->names[topic] : NULL;
    pthread_mutex_unlock(&k->base.mutex);
    if (!known)
        return k2_fail(err, K2_E_NOTFOUND, "the journal at %s has no topic %d", k->address.text,
                       topic);
    struct kafka_at *at = k2_alloc((size_t)n * sizeof *at);
    for (int32_t p = 0; p < n; p++)
        at[p] = (struct kafka_at){name, p, which};
    int rc = client_offsets(k->asker, at, times_ms, n, true, err);
    for (int32_t p = 0; rc == K2_OK && p < n; p++)
        offsets[p] = at[p].offset;
    free(at);
    return rc;
}

int kafka_ends(struct journal *journal, int32_t topic, int64_t *ends, struct k2_err *err) {
    return ask(kafka_of(journal), topic, KAFKA_LATEST, ends, NULL, err);
}

int kafka_starts(struct journal *journal, int32_t topic, int64_t *starts, struct k2_err *err) {
    return ask(kafka_of(journal), topic, KAFKA_EARLIEST, starts, NULL, err);
}

/* Kafka's times are whole milliseconds, and so are the times of appending that readers are given: the first record
 * that is not before T is the same either way. */
static int64_t whole_ms(int64_t ns) {
    int64_t ms = ns / K2_NS_PER_MS + (ns % K2_NS_PER_MS > 0);
    return ms > 0 ? ms : 0;
}

int kafka_offsets_at(struct kafka *k, int32_t topic, int64_t append_ns_before, int64_t *ends,
                     struct k2_err *err) {
    K2_TRY(ask(k, topic, whole_ms(append_ns_before), ends, NULL, err));
    int32_t n = journal_topic_at(&k->base, topic).partitions;
    int64_t *last = k2_alloc((size_t)n * sizeof *last);
    int rc = ask(k, topic, KAFKA_LATEST, last, NULL, err);
    for (int32_t p = 0; rc == K2_OK && p < n; p++)
        if (ends[p] < 0 || ends[p] > last[p]) /* none is that young, or none that is committed */
            ends[p] = last[p];
    free(last);
    return rc;
}

/* The first offset of a removed part that was not appended before; -1 = all of it was. */
static int64_t first_at(const struct kafka_part *p, int64_t ms) {
    for (int i = 0; i < p->time_count; i++)
        if (p->times[i].ms >= ms)
            return p->times[i].offset;
    return -1;
}

/* What is gone is known by its notes. Parts of a partition are in order, of time and of offset. */
int kafka_ends_at(struct journal *journal, int32_t topic, int64_t append_ns_before, int64_t *ends,
                  struct k2_err *err) {
    struct kafka *k = kafka_of(journal);
    struct journal_topic t = journal_topic_at(journal, topic);
    K2_TRY(kafka_offsets_at(k, topic, append_ns_before, ends, err));
    for (int i = k->gone.n - 1; i >= 0; i--) {
        const struct kafka_part *p = &k->gone.at[i];
        int64_t at = strcmp(p->topic, t.name) == 0 ? first_at(p, whole_ms(append_ns_before)) : -1;
        if (at >= 0 && p->span.partition < t.partitions && at < ends[p->span.partition])
            ends[p->span.partition] = at;
    }
    return K2_OK;
}

/* --- what is kept --- */

/* When the first and the last record of each partition were appended; 0 where there is none. */
static int ask_times(struct kafka *k, int32_t topic, struct journal_size *sizes,
                     struct k2_err *err) {
    int32_t n = journal_topic_at(&k->base, topic).partitions;
    int64_t *offsets = k2_alloc(3 * (size_t)n * sizeof *offsets);
    int64_t *first = offsets + n, *last = first + n;
    int rc = ask(k, topic, 0, offsets, first, err); /* the first since 1970 */
    if (rc == K2_OK)
        rc = ask(k, topic, KAFKA_NEWEST, offsets, last, err);
    for (int32_t p = 0; rc == K2_OK && p < n; p++)
        sizes[p] = (struct journal_size){
            .bytes = -1,
            .first_append_ns = first[p] > 0 ? first[p] * K2_NS_PER_MS : 0,
            .last_append_ns = last[p] > 0 ? last[p] * K2_NS_PER_MS : 0,
        };
    free(offsets);
    return rc;
}

int kafka_sizes(struct journal *journal, int32_t topic, struct journal_size *sizes,
                struct k2_err *err) {
    return ask_times(kafka_of(journal), topic, sizes, err);
}

int kafka_segment_count(struct journal *journal) {
    (void)journal;
    return 1;
}

static int add_spans(struct kafka *k, int32_t topic, int *n, struct k2_err *err) {
    int32_t partitions = journal_topic_at(&k->base, topic).partitions;
    int64_t *starts = k2_alloc(2 * (size_t)partitions * sizeof *starts),
            *ends = starts + partitions;
    int rc = kafka_starts(&k->base, topic, starts, err);
    if (rc == K2_OK)
        rc = kafka_ends(&k->base, topic, ends, err);
    k->lent = k2_realloc(k->lent, (size_t)(*n + partitions) * sizeof *k->lent);
    for (int32_t p = 0; rc == K2_OK && p < partitions; p++)
        if (starts[p] < ends[p])
            k->lent[(*n)++] = (struct journal_span){topic, p, starts[p], ends[p]};
    free(starts);
    return rc;
}

static int add_times(struct kafka *k, int32_t topic, struct journal_segment_info *s,
                     struct k2_err *err) {
    int32_t n = journal_topic_at(&k->base, topic).partitions;
    struct journal_size *sizes = k2_alloc((size_t)n * sizeof *sizes);
    int rc = ask_times(k, topic, sizes, err);
    for (int32_t p = 0; rc == K2_OK && p < n; p++) {
        int64_t first = sizes[p].first_append_ns, last = sizes[p].last_append_ns;
        if (first > 0 && (s->first_append_ns == 0 || first < s->first_append_ns))
            s->first_append_ns = first;
        s->last_append_ns = last > s->last_append_ns ? last : s->last_append_ns;
    }
    free(sizes);
    return rc;
}

int kafka_segment(struct journal *journal, int index, struct journal_segment_info *out,
                  struct k2_err *err) {
    struct kafka *k = kafka_of(journal);
    int n = 0;
    if (index != 0)
        return k2_fail(err, K2_E_NOTFOUND, "the journal at %s has no segment at index %d",
                       k->address.text, index);
    *out = (struct journal_segment_info){0};
    for (int32_t t = 0; t < journal_topic_count(journal); t++) {
        K2_TRY(add_spans(k, t, &n, err));
        K2_TRY(add_times(k, t, out, err));
    }
    out->spans = k->lent;
    out->span_count = n;
    return K2_OK;
}

int kafka_removed_count(struct journal *journal) {
    return kafka_of(journal)->gone.n;
}

int kafka_removed(struct journal *journal, int index, struct journal_segment_info *out,
                  struct k2_err *err) {
    struct kafka *k = kafka_of(journal);
    if (index < 0 || index >= k->gone.n)
        return k2_fail(err, K2_E_NOTFOUND, "the journal at %s has no removed part at index %d",
                       k->address.text, index);
    struct kafka_part *p = &k->gone.at[index];
    pthread_mutex_lock(&journal->mutex);
    p->span.topic = journal_topic_find(journal, k2_sv_of(p->topic));
    pthread_mutex_unlock(&journal->mutex);
    *out = kafka_part_info(p, index);
    return K2_OK;
}

int kafka_seal(struct journal *journal, struct k2_err *err) {
    return kafka_commit(journal, err);
}

int kafka_image_take(struct journal *journal, struct journal_image *out, struct k2_err *err) {
    (void)out;
    return k2_fail(err, K2_E_UNSUPPORTED,
                   "the journal at %s is not in the data directory: its brokers' replicas are its "
                   "backup",
                   kafka_of(journal)->address.text);
}

/* Every record is read; the client checks the checksum of each batch. */
int kafka_verify(struct journal *journal, void (*finding)(void *ctx, const char *text), void *ctx,
                 int64_t *findings, int64_t *records, struct k2_err *err) {
    struct journal_segment_info s;
    struct journal_reader *r;
    struct journal_batch b;
    int got;
    *findings = *records = 0;
    K2_TRY(kafka_segment(journal, 0, &s, err));
    K2_TRY(kafka_read(journal, s.spans, s.span_count, &r, err));
    struct k2_err why = {0};
    while ((got = kafka_next(r, &b, &why)) > 0)
        *records += b.count;
    kafka_reader_close(r);
    if (got == K2_E_UNAVAILABLE) {
        if (err)
            *err = why;
        return got;
    }
    if (got < 0) {
        finding(ctx, why.msg);
        ++*findings;
    }
    return K2_OK;
}

const struct journal_ops journal_kafka = {
    .scheme = "kafka://",
    .open = kafka_open,
    .close = kafka_close,
    .topic = kafka_topic,
    .cut = kafka_cut,
    .write = kafka_write,
    .flush = kafka_flush,
    .commit = kafka_commit,
    .commit_with = kafka_commit_with,
    .batch_bytes = kafka_batch_bytes,
    .members = kafka_members,
    .read = kafka_read,
    .next = kafka_next,
    .reader_close = kafka_reader_close,
    .ends = kafka_ends,
    .starts = kafka_starts,
    .ends_at = kafka_ends_at,
    .pin = kafka_pin,
    .unpin = kafka_unpin,
    .position_save = kafka_position_save,
    .position_load = kafka_position_load,
    .groups = kafka_groups,
    .group_remove = kafka_group_remove,
    .group_saved_ns = kafka_group_saved_ns,
    .sizes = kafka_sizes,
    .segment_count = kafka_segment_count,
    .segment = kafka_segment,
    .removed_count = kafka_removed_count,
    .removed = kafka_removed,
    .seal = kafka_seal,
    .retain = kafka_retain,
    .verify = kafka_verify,
    .profile_compare = kafka_profile_compare,
    .image_take = kafka_image_take,
};
