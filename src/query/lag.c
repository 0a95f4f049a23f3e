/* query/lag.c - how many journal rows no table holds yet. */
#include "query/query.h"

#include <stdlib.h>

static int topic_lag(struct journal *j, const struct journal_topic *topic,
                     const struct lake_offsets *committed, int64_t *rows, struct k2_err *err) {
    int64_t *ends = k2_zalloc((size_t)topic->partitions * sizeof *ends);
    bool ours = committed->journal_id == journal_id(j);
    int rc = journal_ends(j, topic->id, ends, err);
    for (int32_t p = 0; p < topic->partitions && rc == K2_OK; p++) {
        int64_t done = ours ? lake_offsets_get(committed, topic->name, p) : 0;
        *rows += ends[p] > done ? ends[p] - (done > 0 ? done : 0) : 0;
    }
    free(ends);
    return rc;
}

/* The vector that the table of a kind has committed; nothing when there is no such table. */
static int committed_of(struct lake *l, const struct k2_kind *kind, struct lake_offsets *out,
                        struct k2_err *err) {
    struct lake_table *t;
    *out = (struct lake_offsets){0};
    int rc = l ? lake_table_load(l, k2_sv_of(kind->table), &t, err) : K2_E_NOTFOUND;
    if (rc == K2_E_NOTFOUND) {
        k2_err_clear(err);
        return K2_OK;
    }
    K2_TRY(rc);
    rc = lake_table_offsets(t, out, err);
    lake_table_free(t);
    return rc;
}

static int kind_lag(struct journal *j, struct lake *l, const struct k2_kind *kind, int64_t *rows,
                    struct k2_err *err) {
    struct lake_offsets committed;
    K2_TRY(committed_of(l, kind, &committed, err));
    int rc = K2_OK;
    for (int32_t t = 0; t < journal_topic_count(j) && rc == K2_OK; t++) {
        struct journal_topic topic = journal_topic_at(j, t);
        if (k2_kind_by_topic(k2_sv_of(topic.name)) == kind)
            rc = topic_lag(j, &topic, &committed, rows, err);
    }
    lake_offsets_free(&committed);
    return rc;
}

static int all_lags(struct journal *j, struct lake *l, struct query_lag *lag, int n,
                    struct k2_err *err) {
    for (int i = 0; i < n && j; i++)
        K2_TRY_CTX(kind_lag(j, l, k2_kind((enum k2_kind_id)i), &lag[i].rows, err), err,
                   "lag of table %s", lag[i].table);
    return K2_OK;
}

static int none_if_missing(int rc, struct k2_err *err) {
    if (rc != K2_E_NOTFOUND)
        return rc;
    k2_err_clear(err);
    return K2_OK;
}

K2_RC query_lag(const char *data, struct query_lag *lag, int max, int *n, struct k2_err *err) {
    struct journal *j = NULL;
    struct lake *l = NULL;
    *n = max < K2_KIND_COUNT ? max : K2_KIND_COUNT;
    for (int i = 0; i < *n; i++)
        lag[i] = (struct query_lag){.table = k2_kind((enum k2_kind_id)i)->table};
    K2_TRY(none_if_missing(journal_open(data, JOURNAL_READ, NULL, &j, err), err));
    int rc = j ? none_if_missing(lake_open(data, false, &l, err), err) : K2_OK;
    if (rc == K2_OK)
        rc = all_lags(j, l, lag, *n, err);
    lake_close(l);
    journal_close(j);
    return rc;
}
