/* journal/kafka/groups.c - consumer groups, by their names with the journal's prefix.
 *
 * Offsets are saved by their owner when their effect is durable, as Kafka's own tools would set them: so those tools
 * see the lag of each group. The offset of a group carries no journal number: the prefix does that.
 */
#include "journal/kafka/kafka.h"

#include "base/clock.h"

#include <stdlib.h>

static char *group_name(const struct kafka *k, const char *group) {
    struct k2_buf out = {0};
    k2_buf_printf(&out, "%sk2.%s", k->address.prefix, group);
    char *text = k2_sv_dup(k2_buf_view(&out));
    k2_buf_free(&out);
    return text;
}

int kafka_position_save(struct journal *journal, const char *group,
                        const struct journal_span *spans, int n, struct k2_err *err) {
    struct kafka *k = kafka_of(journal);
    char *name = group_name(k, group);
    struct kafka_at *at = k2_alloc((size_t)(n + 1) * sizeof *at);
    for (int i = 0; i < n; i++)
        at[i] = (struct kafka_at){k->names[spans[i].topic], spans[i].partition, spans[i].from};
    int rc = n > 0 ? client_group_save(k->asker, name, at, n, err) : K2_OK;
    free(at);
    free(name);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "save the position of group %s", group);
}

int kafka_group_join(struct kafka *k, const char *group, const struct journal_span *spans, int n,
                     struct k2_err *err) {
    char *name = group_name(k, group);
    struct kafka_at *at = k2_alloc((size_t)(n + 1) * sizeof *at);
    for (int i = 0; i < n; i++)
        at[i] = (struct kafka_at){k->names[spans[i].topic], spans[i].partition, spans[i].from};
    int rc = n > 0 ? client_group_join(k->writer, name, at, n, err) : K2_OK;
    free(at);
    free(name);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "the position of group %s", group);
}

struct saved {
    struct kafka *k;
    struct journal_span *spans;
    int n;
};

static void take(void *ctx, const struct kafka_at *at) {
    struct saved *s = ctx;
    int32_t topic = -1;
    for (int32_t i = 0; i < s->k->base.topic_count; i++)
        if (strcmp(s->k->names[i], at->topic) == 0)
            topic = i;
    if (topic < 0)
        return; /* of a topic that is not this journal's */
    s->spans = k2_realloc(s->spans, (size_t)(s->n + 1) * sizeof *s->spans);
    s->spans[s->n++] = (struct journal_span){topic, at->partition, at->offset, at->offset};
}

int kafka_position_load(struct journal *journal, const char *group, struct journal_span **spans,
                        int *n, struct k2_err *err) {
    struct kafka *k = kafka_of(journal);
    struct saved s = {.k = k};
    char *name = group_name(k, group);
    int rc = client_group_load(k->asker, name, take, &s, err);
    free(name);
    if (rc != K2_OK) {
        free(s.spans);
        return k2_err_context(err, rc, "read the position of group %s", group);
    }
    *spans = s.spans;
    *n = s.n;
    return K2_OK;
}

/* --- who is at it --- */

struct asking {
    struct kafka *k;
    void (*visit)(void *ctx, const struct journal_member *m);
    void *ctx;
};

static void take_member(void *ctx, const struct kafka_member *m) {
    struct asking *a = ctx;
    struct saved s = {.k = a->k};
    for (int i = 0; i < m->n; i++)
        take(&s, &m->at[i]);
    a->visit(a->ctx, &(struct journal_member){m->id, m->client, m->host, s.spans, s.n});
    free(s.spans);
}

int kafka_members(struct journal *journal, const char *group,
                  void (*visit)(void *ctx, const struct journal_member *m), void *ctx,
                  struct k2_err *err) {
    struct asking a = {kafka_of(journal), visit, ctx};
    char *name = group_name(a.k, group);
    int rc = client_group_members(a.k->asker, name, take_member, &a, err);
    free(name);
    return rc == K2_OK ? rc : k2_err_context(err, rc, "group %s", group);
}

/* --- which there are --- */

struct names {
    struct k2_sv prefix;
    char **at;
    size_t n;
};

static void add_name(void *ctx, const char *group) {
    struct names *names = ctx;
    struct k2_sv name = k2_sv_of(group);
    if (!k2_sv_starts(name, names->prefix))
        return;
    name = (struct k2_sv){name.p + names->prefix.n, name.n - names->prefix.n};
    names->at = (char **)k2_realloc((void *)names->at, (names->n + 1) * sizeof(char *));
    names->at[names->n++] = k2_sv_dup(name);
}

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int kafka_groups(struct journal *journal, char ***names, size_t *n, struct k2_err *err) {
    struct kafka *k = kafka_of(journal);
    char *prefix = group_name(k, "");
    struct names found = {.prefix = k2_sv_of(prefix)};
    int rc = client_groups(k->asker, add_name, &found, err);
    free(prefix);
    if (found.n > 0)
        qsort((void *)found.at, found.n, sizeof(char *), compare);
    *names = found.at;
    *n = found.n;
    return rc;
}

int kafka_group_remove(struct journal *journal, const char *group, struct k2_err *err) {
    struct kafka *k = kafka_of(journal);
    char *name = group_name(k, group);
    int rc = client_group_delete(k->asker, name, err);
    free(name);
    return rc;
}

static void count(void *ctx, const struct kafka_at *at) {
    (void)at;
    ++*(int *)ctx;
}

/* Kafka does not tell when a group saved: a group that has offsets has saved just now, as far as can be known. */
int64_t kafka_group_saved_ns(const struct journal *journal, const char *group) {
    const struct kafka *k = kafka_of(journal);
    char *name = group_name(k, group);
    int n = 0;
    int rc = client_group_load(k->asker, name, count, &n, NULL);
    free(name);
    return rc == K2_OK && n > 0 ? k2_now_ns() : -1;
}
