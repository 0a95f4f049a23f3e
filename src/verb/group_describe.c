/* verb/group_describe.c - `k2 group describe`: who reads for a group, which partitions, how far. */
#include "verb/group.h"
#include "verb/listing.h"

#include <stdlib.h>

struct member {
    char *name; /* client@host, or the command that holds the directory */
    struct journal_span *spans;
    int n;
};

struct described {
    struct member *at;
    int n;
    char holder[256]; /* of a group of our own; "" = nobody */
};

static void take(void *ctx, const struct journal_member *m) {
    struct described *d = ctx;
    struct k2_buf name = {0};
    k2_buf_printf(&name, "%s %s", m->client, m->host);
    d->at = k2_realloc(d->at, (size_t)(d->n + 1) * sizeof *d->at);
    struct member *out = &d->at[d->n++];
    *out = (struct member){.name = k2_sv_dup(k2_buf_view(&name)), .n = m->span_count};
    out->spans = k2_alloc((size_t)(m->span_count + 1) * sizeof *out->spans);
    if (m->span_count > 0)
        memcpy(out->spans, m->spans, (size_t)m->span_count * sizeof *out->spans);
    k2_buf_free(&name);
}

static void drop(struct described *d) {
    for (int i = 0; i < d->n; i++) {
        free(d->at[i].name);
        free(d->at[i].spans);
    }
    free(d->at);
}

static const char *reader_of(const struct described *d, const struct journal_span *at) {
    for (int i = 0; i < d->n; i++)
        for (int s = 0; s < d->at[i].n; s++)
            if (d->at[i].spans[s].topic == at->topic &&
                d->at[i].spans[s].partition == at->partition)
                return d->at[i].name;
    return d->holder[0] ? d->holder : NULL;
}

static K2_RC put(struct listing *l, const struct verb_context *c, struct journal *j,
                 const struct described *d, const struct journal_span *at, struct k2_err *err) {
    struct group_place p;
    bool known;
    K2_TRY(group_place(j, at, c->now_ns, &known, &p, err));
    if (!known)
        return K2_OK;
    listing_cstring(l, reader_of(d, at));
    listing_cstring(l, p.topic.name);
    listing_number(l, at->partition);
    listing_number(l, at->from);
    listing_number(l, p.end);
    listing_count(l, p.lag);
    listing_count(l, group_seconds(&p));
    return K2_OK;
}

static bool has(const struct journal_span *spans, int n, const struct journal_span *s) {
    for (int i = 0; i < n; i++)
        if (spans[i].topic == s->topic && spans[i].partition == s->partition)
            return true;
    return false;
}

/* What a member was given and has saved nothing of yet begins, as far as is known, at the start. */
static K2_RC put_all(struct listing *l, const struct verb_context *c, struct journal *j,
                     const struct described *d, const struct journal_span *spans, int n,
                     struct k2_err *err) {
    for (int i = 0; i < n; i++)
        K2_TRY(put(l, c, j, d, &spans[i], err));
    for (int i = 0; i < d->n; i++)
        for (int s = 0; s < d->at[i].n; s++)
            if (!has(spans, n, &d->at[i].spans[s])) {
                struct journal_span at = d->at[i].spans[s];
                at.from = 0;
                K2_TRY(put(l, c, j, d, &at, err));
            }
    return K2_OK;
}

static K2_RC list(struct verb_context *c, struct journal *j, const struct described *d,
                  const struct journal_span *spans, int n, struct k2_err *err) {
    static const struct listing_column columns[] = {
        {"member", NULL}, {"topic", NULL}, {"partition", NULL},          {"position", NULL},
        {"end", NULL},    {"lag", NULL},   {"lag_seconds", "behind (s)"}};
    struct listing *l;
    if (n == 0 && d->n == 0)
        return k2_fail(err, K2_E_NOTFOUND, "there is no group %s; k2 group list", c->args[0]);
    K2_TRY(listing_open(c, columns, 7, &l, err));
    int rc = put_all(l, c, j, d, spans, n, err);
    if (rc == K2_OK)
        return listing_close(l, err);
    listing_drop(l);
    return rc;
}

static K2_RC describe(struct verb_context *c, struct journal *j, struct k2_err *err) {
    struct described d = {0};
    struct journal_span *spans = NULL;
    int n = 0;
    int rc = journal_group_members(j, c->args[0], take, &d, err);
    if (rc == K2_OK)
        rc = journal_position_load(j, c->args[0], &spans, &n, err);
    if (rc == K2_OK && n > 0)
        (void)group_holder(c, c->args[0], d.holder);
    if (rc == K2_OK)
        rc = list(c, j, &d, spans, n, err);
    free(spans);
    drop(&d);
    return rc;
}

static int run(struct verb_context *c, struct k2_err *err) {
    struct journal *j;
    K2_TRY(verb_journal(c, JOURNAL_READ, &j, err));
    int rc = describe(c, j, err);
    journal_close(j);
    return rc;
}

static const struct verb_option options[] = {VERB_FORMAT, VERB_OUT, {0}};
static const char *const examples[] = {"k2 group describe sink", NULL};

const struct verb verb_group_describe = {
    .name = "describe",
    .summary = "who reads for a group, partition by partition, and how far behind",
    .usage = "GROUP",
    .about = "A member is a client of Kafka that joined the group, or the command of ours that is "
             "at\n"
             "work in this data directory. Lag is in records and in seconds: how long ago the "
             "first\n"
             "record that was not read was appended.",
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .examples = examples,
    .run = run,
};
