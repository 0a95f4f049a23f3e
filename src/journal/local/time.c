/* journal/local/time.c - where partitions begin and end, now and at a given time.
 *
 * Append times never fall along the log, so all that was appended before T is a prefix of it. The
 * segment in which T falls is looked into batch by batch: a live one by its headers, a removed one
 * by its index, which stays. So the answer is exact to the record, for ever.
 */
#include "journal/local/tier.h"

#include <fcntl.h>
#include <stdlib.h>

static int check_topic(const struct local *j, int32_t topic, struct k2_err *err) {
    if (topic < 0 || topic >= j->meta.topic_count)
        return k2_fail(err, K2_E_NOTFOUND, "the journal %s has no topic %d", j->dir, topic);
    return K2_OK;
}

static int refresh(struct local *j, int32_t topic, struct k2_err *err) {
    K2_TRY(journal_chain_refresh(j, err));
    return check_topic(j, topic, err);
}

/* What is published from here on ends the next wait. */
static void look(struct local *j) {
    if (!j->looked)
        j->seen = journal_end_count(&j->end);
    j->looked = true;
}

int local_ends(struct journal *journal, int32_t topic, int64_t *ends, struct k2_err *err) {
    struct local *j = local_of(journal);
    pthread_mutex_lock(&j->base.mutex);
    look(j);
    int rc = refresh(j, topic, err);
    for (int p = 0; rc == K2_OK && p < j->base.topics[topic].partitions; p++)
        ends[p] = j->base.topics[topic].ends[p];
    pthread_mutex_unlock(&j->base.mutex);
    return rc;
}

/* Without a look before it: from now on. */
void local_wait(struct journal *journal, int64_t ns) {
    struct local *j = local_of(journal);
    pthread_mutex_lock(&j->base.mutex);
    look(j);
    j->looked = false;
    const struct journal_end end = j->end;
    uint32_t seen = j->seen;
    pthread_mutex_unlock(&j->base.mutex);
    journal_end_await(&end, seen, ns);
}

int local_starts(struct journal *journal, int32_t topic, int64_t *starts, struct k2_err *err) {
    struct local *j = local_of(journal);
    pthread_mutex_lock(&j->base.mutex);
    int rc = refresh(j, topic, err);
    for (int p = 0; rc == K2_OK && p < j->base.topics[topic].partitions; p++)
        starts[p] = j->meta.topics[topic].starts[p];
    pthread_mutex_unlock(&j->base.mutex);
    return rc;
}

/* --- at a time --- */

struct question {
    int32_t topic;
    int64_t before;
    int64_t *ends;
};

/* A whole segment lies before T. */
static void take_all(const struct question *q, const struct journal_index *x) {
    for (int i = 0; i < x->span_count; i++)
        if (x->spans[i].topic == q->topic)
            q->ends[x->spans[i].partition] = x->spans[i].to;
}

static int take_frame(void *ctx, const struct frame *f, const uint8_t *bytes, struct k2_err *err) {
    const struct question *q = ctx;
    (void)bytes;
    (void)err;
    if (f->append_ns < q->before && f->topic == q->topic)
        q->ends[f->partition] = f->base_offset + f->count;
    return K2_OK;
}

/* The frames as an index lists them; what it does not tell of them is 0. */
static int visit_index(const struct local *j, int64_t number, const struct segment_visitor *visitor,
                       struct k2_err *err) {
    char *path = journal_segment_path(j->dir, number, ".idx");
    struct journal_index x;
    int rc = journal_index_load(path, j->base.incarnation, number, &x, err);
    free(path);
    K2_TRY(rc);
    struct index_cursor c;
    struct index_batch b;
    journal_index_cursor_init(&c, &x);
    while (rc == K2_OK && journal_index_cursor_next(&c, &b) == 1) {
        const struct frame f = {.length = b.length,
                                .topic = x.spans[b.span].topic,
                                .partition = x.spans[b.span].partition,
                                .count = b.count,
                                .base_offset = b.offset,
                                .append_ns = b.append_ns,
                                .position = b.position};
        rc = visitor->frame(visitor->ctx, &f, NULL, err);
    }
    journal_index_cursor_fini(&c);
    journal_index_fini(&x);
    return rc;
}

static int visit_file(struct local *j, const struct journal_index *x,
                      const struct segment_visitor *visitor, struct k2_err *err) {
    char *path = NULL;
    int fd = -1, rc = journal_tier_open(j->dir, j->base.incarnation, x->base, &fd, &path, err);
    struct segment_file file = {path, fd, x->base, j->base.incarnation};
    int64_t at = x->base;
    if (rc == K2_OK) {
        rc = journal_segment_walk(&file, &at, x->end, visitor, err);
        if (rc == K2_OK && at != x->end)
            rc = k2_fail(err, K2_E_CORRUPT, "%s is damaged", path);
        (void)!k2_fs_close(file.fd, path, NULL);
    }
    free(path);
    return rc;
}

/* A tiered one is not fetched for that. */
int journal_segment_visit(struct local *j, const struct journal_index *x,
                          const struct segment_visitor *visitor, struct k2_err *err) {
    if (journal_tier_holds(j->dir, x->base) && visit_index(j, x->base, visitor, NULL) == K2_OK)
        return K2_OK;
    return visit_file(j, x, visitor, err);
}

static int look_into_file(struct local *j, const struct journal_index *x, struct question *q,
                          struct k2_err *err) {
    const struct segment_visitor visitor = {q, take_frame};
    return journal_segment_visit(j, x, &visitor, err);
}

static int look_into_index(struct local *j, int64_t number, struct question *q,
                           struct k2_err *err) {
    const struct segment_visitor visitor = {q, take_frame};
    return visit_index(j, number, &visitor, err);
}

static int lost(const struct local *j, struct k2_err *err) {
    return k2_fail(err, K2_E_NOTFOUND,
                   "the indexes %s/*.idx of removed segments are not complete: that time cannot be "
                   "answered",
                   j->dir);
}

/* 1 = answered, 0 = T lies behind all of them. *hole tells whether some of them are missing. */
static int ask_retired(struct local *j, struct question *q, bool *hole, struct k2_err *err) {
    int64_t at = 0;
    *hole = false;
    for (int i = 0; i < j->retired.n; i++) {
        const struct journal_index *x = &j->retired.at[i]->index;
        *hole = *hole || x->base != at;
        at = x->end;
        if (x->last_ns >= q->before) {
            if (*hole)
                return lost(j, err);
            K2_TRY(look_into_index(j, x->base, q, err));
            return 1;
        }
        take_all(q, x);
    }
    *hole = *hole || at != j->meta.first;
    return 0;
}

static int ask_live(struct local *j, struct question *q, struct k2_err *err) {
    for (int i = 0; i < j->live.n; i++) {
        const struct journal_index *x = &j->live.at[i]->index;
        if (x->span_count > 0 && x->last_ns >= q->before)
            return look_into_file(j, x, q, err);
        take_all(q, x);
    }
    return K2_OK;
}

static int ends_at(struct local *j, struct question *q, struct k2_err *err) {
    bool hole;
    K2_TRY(refresh(j, q->topic, err));
    size_t bytes = (size_t)j->base.topics[q->topic].partitions * sizeof *q->ends;
    memset(q->ends, 0, bytes);
    int rc = ask_retired(j, q, &hole, err);
    if (rc != 0)
        return rc < 0 ? rc : K2_OK;
    const struct journal_index *oldest = &j->live.at[0]->index;
    if (hole && (oldest->span_count == 0 || oldest->first_ns >= q->before))
        return lost(j, err);
    memcpy(q->ends, j->meta.topics[q->topic].starts, bytes);
    return ask_live(j, q, err);
}

int local_ends_at(struct journal *journal, int32_t topic, int64_t append_ns_before, int64_t *ends,
                  struct k2_err *err) {
    struct local *j = local_of(journal);
    struct question q = {topic, append_ns_before, ends};
    pthread_mutex_lock(&j->base.mutex);
    int rc = ends_at(j, &q, err);
    pthread_mutex_unlock(&j->base.mutex);
    return rc;
}

/* --- the time of a record --- */

struct wanted {
    int32_t topic, partition;
    int64_t from, append_ns;
    bool found;
};

static int take_time(void *ctx, const struct frame *f, const uint8_t *bytes, struct k2_err *err) {
    struct wanted *w = ctx;
    (void)bytes;
    (void)err;
    if (w->found || f->topic != w->topic || f->partition != w->partition ||
        f->base_offset + f->count <= w->from)
        return K2_OK;
    w->append_ns = f->append_ns;
    w->found = true;
    return K2_OK;
}

/* The segment in which a partition goes on at an offset, or NULL. */
static const struct journal_index *index_of(const struct local *j, const struct wanted *w) {
    for (int i = 0; i < j->live.n; i++) {
        const struct journal_index *x = &j->live.at[i]->index;
        int span = journal_index_span(x, w->topic, w->partition);
        if (span >= 0 && x->spans[span].to > w->from)
            return x;
    }
    return NULL;
}

/* Only of a tiered segment: its index is here, and it need not be fetched. */
int local_append_at(struct journal *journal, int32_t topic, int32_t partition, int64_t from,
                    bool *known, int64_t *append_ns, struct k2_err *err) {
    struct local *j = local_of(journal);
    struct wanted w = {topic, partition, from, 0, false};
    const struct segment_visitor visitor = {&w, take_time};
    pthread_mutex_lock(&j->base.mutex);
    int rc = refresh(j, topic, err);
    const struct journal_index *x = rc == K2_OK ? index_of(j, &w) : NULL;
    if (x && journal_tier_holds(j->dir, x->base) &&
        visit_index(j, x->base, &visitor, NULL) == K2_OK) {
        *known = w.found;
        *append_ns = w.append_ns;
    }
    pthread_mutex_unlock(&j->base.mutex);
    return rc;
}
