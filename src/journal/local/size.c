/* journal/local/size.c - how many bytes each partition of a topic keeps, and since when.
 *
 * All partitions share the segments, so a partition's bytes are the sum of its frames. Only headers are
 * read, and only of segments that hold the topic.
 */
#include "journal/local/local.h"

#include <stdlib.h>

struct count {
    int32_t topic;
    struct journal_size *sizes;
};

static int count_frame(void *ctx, const struct frame *f, const uint8_t *bytes, struct k2_err *err) {
    const struct count *c = ctx;
    (void)bytes;
    (void)err;
    if (f->topic != c->topic)
        return K2_OK;
    struct journal_size *s = &c->sizes[f->partition];
    s->bytes += f->length;
    if (s->first_append_ns == 0)
        s->first_append_ns = f->append_ns;
    s->last_append_ns = f->append_ns;
    return K2_OK;
}

/* Also notes the segment in the sizes of the partitions that it holds. */
static bool holds(const struct journal_index *x, const struct count *c) {
    bool any = false;
    for (int i = 0; i < x->span_count; i++) {
        if (x->spans[i].topic != c->topic)
            continue;
        any = true;
        c->sizes[x->spans[i].partition].segments++;
    }
    return any;
}

static int count_all(struct local *j, struct count *c, struct k2_err *err) {
    const struct segment_visitor visitor = {c, count_frame};
    K2_TRY(journal_chain_refresh(j, err));
    if (c->topic < 0 || c->topic >= j->meta.topic_count)
        return k2_fail(err, K2_E_NOTFOUND, "the journal %s has no topic %d", j->dir, c->topic);
    memset(c->sizes, 0, (size_t)j->base.topics[c->topic].partitions * sizeof *c->sizes);
    for (int i = 0; i < j->live.n; i++) {
        const struct journal_index *x = &j->live.at[i]->index;
        if (holds(x, c))
            K2_TRY(journal_segment_visit(j, x, &visitor, err));
    }
    return K2_OK;
}

int local_sizes(struct journal *journal, int32_t topic, struct journal_size *sizes,
                struct k2_err *err) {
    struct local *j = local_of(journal);
    struct count c = {topic, sizes};
    pthread_mutex_lock(&j->base.mutex);
    int rc = count_all(j, &c, err);
    pthread_mutex_unlock(&j->base.mutex);
    return rc;
}
