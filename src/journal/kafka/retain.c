/* journal/kafka/retain.c - removing what is old, behind the same proof as segments of a directory.
 *
 * What may go is a prefix of each partition, in parts of at most PART offsets: appended before the asked time, covered by
 * the last checkpoint of the sequence engine, read by every consumer group. Of a topic of events its digest is computed
 * from the records and the caller's fence compares it with the tables. Then the note of the part is committed
 * (removed.h), and only then the records are deleted (KIP-107). Topics of our own keep their last record.
 *
 * To prove takes as long as reading. A reader that proves leaves the digests in <data>/kafka/<journal>/proofs, and the
 * writer, which has feeds to serve, takes them from there.
 *
 * Parts are numbered by the offsets that lie before them in the order of their removal, so that what a reader has
 * proven and what a writer removes have the same numbers as long as nobody else removes in between
 * (role/retain.c holds a lock for that).
 */
#include "journal/kafka/kafka.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "journal/checkpoint.h"
#include "journal/digest.h"
#include "journal/last_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>

#define PART (INT64_C(1) << 20)
#define STOPPED 256

struct held { /* a consumer group's place in a partition */
    char *group;
    struct journal_span at;
};

struct retention {
    struct kafka *k;
    const struct journal_retention *rules;
    struct k2_buf checkpoint; /* the last one */
    struct held *held;
    int held_count;
    int64_t number; /* of the next part */
    int removed;
    char *stopped; /* STOPPED bytes */
};

/* --- who needs what --- */

static void hold(struct retention *r, const char *group, const struct journal_span *spans, int n) {
    r->held = k2_realloc(r->held, (size_t)(r->held_count + n + 1) * sizeof *r->held);
    for (int i = 0; i < n; i++)
        r->held[r->held_count++] = (struct held){k2_sv_dup(k2_sv_of(group)), spans[i]};
}

static int load_groups(struct retention *r, struct k2_err *err) {
    char **names;
    size_t n;
    K2_TRY(kafka_groups(&r->k->base, &names, &n, err));
    int rc = K2_OK;
    for (size_t i = 0; rc == K2_OK && i < n; i++) {
        struct journal_span *spans = NULL;
        int count = 0;
        rc = kafka_position_load(&r->k->base, names[i], &spans, &count, err);
        if (rc == K2_OK)
            hold(r, names[i], spans, count);
        free(spans);
    }
    k2_fs_names_free(names, n);
    return rc;
}

/* Where the partition's part that may go ends, at most `to`; r->stopped tells what is not the time's doing. */
static int64_t allowed(struct retention *r, const struct journal_topic *t, int32_t partition,
                       int64_t to) {
    int64_t covered = checkpoint_covers(&r->checkpoint, t->name, partition);
    if (covered < to) {
        snprintf(r->stopped, STOPPED,
                 "%s partition %" PRId32 " from offset %" PRId64
                 " on is behind the last checkpoint; the next ingest writes a newer one",
                 t->name, partition, covered);
        to = covered;
    }
    for (int i = 0; i < r->held_count; i++) {
        const struct held *h = &r->held[i];
        if (h->at.topic != t->id || h->at.partition != partition || h->at.from >= to)
            continue;
        snprintf(r->stopped, STOPPED,
                 "consumer group %s has read %s partition %" PRId32 " only up to offset %" PRId64
                 "; if nobody reads for it any more: k2 group remove",
                 h->group, t->name, partition, h->at.from);
        to = h->at.from;
    }
    return to;
}

/* --- digests --- */

static char *proof_path(const struct kafka *k, const struct kafka_part *p) {
    struct k2_buf path = {0};
    k2_buf_printf(&path, "%s/proofs/%s.%" PRId32 ".%" PRId64, k->dir, p->topic, p->span.partition,
                  p->span.from);
    char *text = k2_sv_dup(k2_buf_view(&path));
    k2_buf_free(&path);
    return text;
}

/* Each page is a line: its key, a blank, its value. */
static int save_proof(const struct kafka *k, const struct kafka_part *p, struct k2_err *err) {
    char *path = proof_path(k, p), *dir = k2_path(k->dir, "proofs");
    struct k2_buf text = {0};
    for (int i = 0; i < kafka_part_pages(p); i++) {
        struct k2_buf key = {0}, value = {0};
        kafka_part_page(p, i, &key, &value);
        k2_buf_sv(&text, k2_buf_view(&key));
        k2_buf_byte(&text, ' ');
        k2_buf_sv(&text, k2_buf_view(&value));
        k2_buf_byte(&text, '\n');
        k2_buf_free(&key);
        k2_buf_free(&value);
    }
    int rc = k2_fs_mkdirs(dir, err);
    if (rc == K2_OK)
        rc = k2_fs_replace(path, k2_buf_view(&text), err);
    k2_buf_free(&text);
    free(path);
    free(dir);
    return rc;
}

/* Into *p what a reader has left for exactly this part; false: nothing. */
static bool load_proof(const struct kafka *k, struct kafka_part *p) {
    char *path = proof_path(k, p);
    struct k2_buf text = {0};
    struct kafka_parts found = {0};
    bool good = k2_fs_read(path, &text, NULL) == K2_OK;
    for (struct k2_sv rest = k2_buf_view(&text); good && rest.n > 0;) {
        struct k2_sv line = k2_sv_split(&rest, '\n'), key = k2_sv_split(&line, ' ');
        good = kafka_parts_read(&found, key, line, NULL) == K2_OK;
    }
    good = good && found.n == 1 && found.at[0].read == found.at[0].pages &&
           found.at[0].span.to == p->span.to && strcmp(found.at[0].topic, p->topic) == 0 &&
           found.at[0].span.partition == p->span.partition && found.at[0].span.from == p->span.from;
    if (good) {
        struct journal_span span = p->span;
        kafka_part_free(p);
        *p = found.at[0];
        p->span = span;
        found.n = 0;
    }
    kafka_parts_free(&found);
    k2_buf_free(&text);
    free(path);
    return good;
}

static void drop_proof(const struct kafka *k, const struct kafka_part *p) {
    char *path = proof_path(k, p);
    (void)!k2_fs_unlink(path, NULL); /* what stays is found by nobody: its part is gone */
    free(path);
}

static void take_time(struct kafka_part *p, const struct journal_batch *b) {
    int64_t ms = b->append_ns / K2_NS_PER_MS;
    if (p->time_count == 0)
        p->first_ns = b->append_ns;
    p->last_ns = b->append_ns;
    if (p->time_count > 0 && p->times[p->time_count - 1].ms == ms)
        return;
    if ((p->time_count & (p->time_count - 1)) == 0)
        p->times = k2_realloc(p->times, (size_t)(2 * p->time_count + 1) * sizeof *p->times);
    p->times[p->time_count++] = (struct kafka_time){ms, b->base_offset};
}

static int take_batch(struct journal_digester *d, enum k2_kind_id kind,
                      const struct journal_batch *b, struct k2_err *err) {
    struct journal_record record;
    for (size_t cursor = 0; journal_batch_next(b, &cursor, &record);)
        K2_TRY_CTX(journal_digester_add(d, kind, record.value, err), err,
                   "partition %" PRId32 " offset %" PRId64, b->partition, record.offset);
    journal_digester_rest(d);
    return K2_OK;
}

static int read_part(struct kafka *k, const struct k2_kind *kind, struct kafka_part *p,
                     struct journal_digester *d, struct k2_err *err) {
    struct journal_reader *reader;
    struct journal_batch b;
    int got, rc = K2_OK;
    K2_TRY(kafka_read(&k->base, &p->span, 1, &reader, err));
    while (rc == K2_OK && (got = kafka_next(reader, &b, err)) != 0) {
        rc = got < 0 ? got : take_batch(d, kind->id, &b, err);
        if (rc == K2_OK)
            take_time(p, &b);
    }
    kafka_reader_close(reader);
    return rc;
}

static int prove(struct retention *r, const struct k2_kind *kind, struct kafka_part *p,
                 struct k2_err *err) {
    struct journal_digester *d;
    if (load_proof(r->k, p))
        return K2_OK;
    K2_TRY(journal_digester_open(r->k->dir, &d, err));
    int rc = read_part(r->k, kind, p, d, err);
    if (rc == K2_OK)
        p->digests = journal_digester_take(d, &p->digest_count);
    journal_digester_close(d);
    return rc == K2_OK && r->rules->dry_run ? save_proof(r->k, p, err) : rc;
}

/* --- pins --- */

struct kafka_pin {
    struct journal_pin base;
    int fd;
    char *path;
};

static int lock_pin(const char *path, int how, int *fd, struct k2_err *err) {
    int rc;
    K2_TRY(k2_fs_open(path, O_RDWR | O_CREAT, fd, err));
    do
        rc = flock(*fd, how);
    while (rc < 0 && errno == EINTR);
    if (rc == 0)
        return K2_OK;
    rc = errno == EWOULDBLOCK
             ? k2_fail(err, K2_E_LOCKED, "the journal is being read; the next round tries again")
             : k2_fail_errno(err, "cannot lock %s", path);
    (void)!k2_fs_close(*fd, path, NULL);
    return rc;
}

/* A shared flock: it ends with the process, whichever way that ends. It holds those of this data directory off. */
int kafka_pin(struct journal *journal, struct journal_pin **out, struct k2_err *err) {
    struct kafka_pin *p = k2_zalloc(sizeof *p);
    p->base.ops = &journal_kafka;
    p->path = k2_path(kafka_of(journal)->dir, "pin");
    int rc = lock_pin(p->path, LOCK_SH, &p->fd, err);
    if (rc != K2_OK) {
        free(p->path);
        free(p);
        return rc;
    }
    *out = &p->base;
    return K2_OK;
}

void kafka_unpin(struct journal_pin *pin) {
    struct kafka_pin *p = (struct kafka_pin *)pin; /* base is its first member */
    (void)!k2_fs_close(p->fd, p->path, NULL);
    free(p->path);
    free(p);
}

/* --- removing --- */

static int note_pages(struct kafka *k, const struct kafka_part *p, struct k2_err *err) {
    int rc = K2_OK;
    for (int i = 0; rc == K2_OK && i < kafka_part_pages(p); i++) {
        struct k2_buf key = {0}, value = {0};
        kafka_part_page(p, i, &key, &value);
        rc = kafka_identify_note(k, k2_buf_cstr(&key), k2_buf_view(&value), err);
        k2_buf_free(&key);
        k2_buf_free(&value);
    }
    return rc == K2_OK ? client_commit(k->writer, err) : rc;
}

static int delete_records(struct kafka *k, const struct kafka_part *p, struct k2_err *err) {
    const struct kafka_at at = {k->names[p->span.topic], p->span.partition, p->span.to};
    return client_delete(k->asker, &at, 1, err);
}

static void observe(const struct retention *r) {
    k2_metric_add(k2_metric(K2_METRIC_retention_segments, NULL), r->removed);
    if (r->stopped[0])
        k2_metric_add(k2_metric(K2_METRIC_retention_stops, NULL), 1);
}

/* Takes the part over once it is gone. */
static int remove_part(struct retention *r, bool of_events, struct kafka_part *p,
                       struct k2_err *err) {
    struct kafka *k = r->k;
    char *path = k2_path(k->dir, "pin");
    int fd, rc = lock_pin(path, LOCK_EX | LOCK_NB, &fd, err);
    if (rc == K2_OK) {
        rc = of_events ? note_pages(k, p, err) : K2_OK;
        if (rc == K2_OK)
            rc = delete_records(k, p, err);
        (void)!k2_fs_close(fd, path, NULL);
    }
    free(path);
    K2_TRY(rc);
    drop_proof(k, p);
    if (of_events) {
        kafka_parts_add(&k->gone, p);
        kafka_parts_sort(&k->gone);
    }
    return K2_OK;
}

/* What keeps the part is told in r->stopped; *went is false then. */
static int consider(struct retention *r, const struct k2_kind *kind, struct kafka_part *p,
                    bool *went, struct k2_err *err) {
    struct k2_err why = {0};
    int rc = K2_OK;
    *went = false;
    if (kind && r->rules->may_go)
        K2_TRY(prove(r, kind, p, err));
    struct journal_segment_info info = kafka_part_info(p, r->number);
    if (r->rules->may_go)
        rc = r->rules->may_go(r->rules->ctx, &info, &why);
    if (rc == K2_OK && !r->rules->dry_run)
        rc = remove_part(r, kind != NULL, p, &why);
    if (rc == K2_E_UNAVAILABLE || rc == K2_E_CONFLICT)
        return k2_fail(err, rc, "%s", why.msg);
    *went = rc == K2_OK;
    if (rc != K2_OK)
        snprintf(r->stopped, STOPPED, "%.*s", STOPPED - 1, why.msg);
    return K2_OK;
}

static int run_partition(struct retention *r, const struct journal_topic *t, int32_t partition,
                         int64_t start, int64_t to, bool *goes_on, struct k2_err *err) {
    const struct k2_kind *kind = k2_kind_by_topic(k2_sv_of(t->name));
    int rc = K2_OK;
    for (int64_t from = start; rc == K2_OK && *goes_on && from < to;) {
        int64_t end = to - from > PART ? from + PART : to;
        struct kafka_part p = {.topic = k2_sv_dup(k2_sv_of(t->name)),
                               .span = {t->id, partition, from, end}};
        rc = consider(r, kind, &p, goes_on, err);
        kafka_part_free(&p);
        r->removed += rc == K2_OK && *goes_on;
        r->number += end - from;
        from = end;
    }
    return rc;
}

/* Topics of our own live by their last record, wherever that is. */
static int keep_last(struct retention *r, const struct journal_topic *t, int32_t partition,
                     int64_t *to, struct k2_err *err) {
    int64_t last = -1;
    if (!k2_sv_starts(k2_sv_of(t->name), K2_SV("k2.")) || k2_kind_by_topic(k2_sv_of(t->name)))
        return K2_OK;
    K2_TRY(journal_last_offset(&r->k->base, t->id, partition, &last, err));
    if (last >= 0 && last < *to)
        *to = last;
    return K2_OK;
}

static int run_topic(struct retention *r, const struct journal_topic *t, bool *goes_on,
                     struct k2_err *err) {
    size_t n = (size_t)t->partitions;
    int64_t *starts = k2_alloc(2 * n * sizeof *starts), *cuts = starts + n;
    int rc = kafka_starts(&r->k->base, t->id, starts, err);
    if (rc == K2_OK)
        rc = kafka_offsets_at(r->k, t->id, r->rules->older_than_ns, cuts, err);
    for (int32_t p = 0; rc == K2_OK && *goes_on && p < t->partitions; p++) {
        if (cuts[p] <= starts[p])
            continue;
        int64_t to = allowed(r, t, p, cuts[p]);
        rc = keep_last(r, t, p, &to, err);
        if (rc == K2_OK)
            rc = run_partition(r, t, p, starts[p], to, goes_on, err);
    }
    free(starts);
    return rc;
}

static int compare_topics(const void *a, const void *b) {
    return strcmp(((const struct journal_topic *)a)->name, ((const struct journal_topic *)b)->name);
}

/* By name, since ids are each process's own. */
static int run_topics(struct retention *r, struct k2_err *err) {
    int32_t n = journal_topic_count(&r->k->base);
    struct journal_topic *topics = k2_alloc((size_t)(n + 1) * sizeof *topics);
    bool goes_on = true;
    int rc = K2_OK;
    for (int32_t i = 0; i < n; i++)
        topics[i] = journal_topic_at(&r->k->base, i);
    qsort(topics, (size_t)n, sizeof *topics, compare_topics);
    for (int32_t i = 0; rc == K2_OK && i < n; i++) {
        int64_t *starts = k2_alloc((size_t)topics[i].partitions * sizeof *starts);
        rc = kafka_starts(&r->k->base, topics[i].id, starts, err);
        for (int32_t p = 0; rc == K2_OK && p < topics[i].partitions; p++)
            r->number += starts[p];
        free(starts);
    }
    for (int32_t i = 0; rc == K2_OK && goes_on && i < n; i++)
        rc = run_topic(r, &topics[i], &goes_on, err);
    free(topics);
    return rc;
}

int kafka_retain(struct journal *journal, const struct journal_retention *rules, int *removed,
                 char stopped[256], struct k2_err *err) {
    struct kafka *k = kafka_of(journal);
    struct retention r = {.k = k, .rules = rules, .stopped = stopped};
    *removed = 0;
    stopped[0] = 0;
    if (journal->mode != JOURNAL_WRITE && !rules->dry_run)
        return k2_fail(err, K2_E_INVALID, "the journal at %s is open for reading only",
                       k->address.text);
    int rc = rules->dry_run ? K2_OK : kafka_commit(journal, err);
    if (rc == K2_OK)
        rc = checkpoint_last(journal, &r.checkpoint, err);
    if (rc == K2_OK)
        rc = load_groups(&r, err);
    if (rc == K2_OK)
        rc = run_topics(&r, err);
    *removed = r.removed;
    if (!rules->dry_run)
        observe(&r);
    for (int i = 0; i < r.held_count; i++)
        free(r.held[i].group);
    free(r.held);
    k2_buf_free(&r.checkpoint);
    return rc;
}
