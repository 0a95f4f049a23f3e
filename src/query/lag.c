/* query/lag.c - how many journal rows no table holds yet. */
#include "query/query_int.h"

#include <stdlib.h>

/* When the oldest record from `from` on was appended, if that is before *oldest. */
static int take_oldest(struct journal *j, const struct journal_topic *topic, int32_t p,
                       int64_t from, int64_t *oldest, struct k2_err *err) {
    int64_t ns;
    K2_TRY(journal_append_at(j, topic->id, p, from, &ns, err));
    if (ns > 0 && (*oldest == 0 || ns < *oldest))
        *oldest = ns;
    return K2_OK;
}

static int topic_lag(struct journal *j, const struct journal_topic *topic,
                     const struct lake_offsets *committed, int64_t before_ns, int64_t *rows,
                     int64_t *oldest, struct k2_err *err) {
    int64_t *ends = k2_zalloc((size_t)topic->partitions * sizeof *ends);
    int64_t *starts = k2_zalloc((size_t)topic->partitions * sizeof *starts);
    bool ours = committed->journal_id == journal_id(j);
    int rc = before_ns ? journal_ends_at(j, topic->id, before_ns, ends, err)
                       : journal_ends(j, topic->id, ends, err);
    if (rc == K2_OK)
        rc = journal_starts(j, topic->id, starts, err);
    for (int32_t p = 0; p < topic->partitions && rc == K2_OK; p++) {
        int64_t done = ours ? lake_offsets_get(committed, topic->name, p) : 0;
        *rows += ends[p] > done ? ends[p] - (done > 0 ? done : 0) : 0;
        int64_t from = done > starts[p] ? done : starts[p];
        if (oldest && from < ends[p])
            rc = take_oldest(j, topic, p, from, oldest, err);
    }
    free(starts);
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

K2_RC query_lag_of(struct journal *j, struct lake *l, const struct k2_kind *kind, int64_t before_ns,
                   int64_t *rows, int64_t *oldest_ns, struct k2_err *err) {
    struct lake_offsets committed;
    *rows = 0;
    if (oldest_ns)
        *oldest_ns = 0;
    K2_TRY(committed_of(l, kind, &committed, err));
    int rc = K2_OK;
    for (int32_t t = 0; t < journal_topic_count(j) && rc == K2_OK; t++) {
        struct journal_topic topic = journal_topic_at(j, t);
        if (k2_kind_by_topic(k2_sv_of(topic.name)) == kind)
            rc = topic_lag(j, &topic, &committed, before_ns, rows, oldest_ns, err);
    }
    lake_offsets_free(&committed);
    return rc;
}

static int all_lags(struct journal *j, struct lake *l, int64_t before_ns, struct query_lag *lag,
                    int n, struct k2_err *err) {
    for (int i = 0; i < n && j; i++)
        K2_TRY_CTX(
            query_lag_of(j, l, k2_kind((enum k2_kind_id)i), before_ns, &lag[i].rows, NULL, err),
            err, "lag of table %s", lag[i].table);
    return K2_OK;
}

static int none_if_missing(int rc, struct k2_err *err) {
    if (rc != K2_E_NOTFOUND)
        return rc;
    k2_err_clear(err);
    return K2_OK;
}

/* Segments are numbered as they were begun, so the first that has records has the first. */
static int64_t first_append(struct journal *j) {
    struct journal_segment_info s;
    if (journal_removed_count(j) > 0 && journal_removed(j, 0, &s, NULL) == K2_OK)
        return s.first_append_ns;
    for (int i = 0; i < journal_segment_count(j); i++)
        if (journal_segment(j, i, &s, NULL) == K2_OK && s.span_count > 0)
            return s.first_append_ns;
    return 0;
}

int query_first_append(const char *data, int64_t *ns, struct k2_err *err) {
    struct journal *j = NULL;
    *ns = 0;
    K2_TRY(none_if_missing(journal_open(data, JOURNAL_READ, NULL, &j, err), err));
    if (j)
        *ns = first_append(j);
    journal_close(j);
    return K2_OK;
}

/* Append times never go back, so the last segment with records has the last. */
static int64_t last_append(struct journal *j) {
    struct journal_segment_info s;
    for (int i = journal_segment_count(j) - 1; i >= 0; i--)
        if (journal_segment(j, i, &s, NULL) == K2_OK && s.span_count > 0)
            return s.last_append_ns;
    return 0;
}

int query_last_append(const char *data, int64_t *ns, struct k2_err *err) {
    struct journal *j = NULL;
    *ns = 0;
    K2_TRY(none_if_missing(journal_open(data, JOURNAL_READ, NULL, &j, err), err));
    if (j)
        *ns = last_append(j);
    journal_close(j);
    return K2_OK;
}

K2_RC query_lag(const char *data, struct query_lag *lag, int max, int *n, struct k2_err *err) {
    return query_lag_before(data, 0, lag, max, n, err);
}

K2_RC query_lag_before(const char *data, int64_t before_ns, struct query_lag *lag, int max, int *n,
                       struct k2_err *err) {
    struct journal *j = NULL;
    struct lake *l = NULL;
    *n = max < K2_KIND_COUNT ? max : K2_KIND_COUNT;
    for (int i = 0; i < *n; i++)
        lag[i] = (struct query_lag){.table = k2_kind((enum k2_kind_id)i)->table};
    K2_TRY(none_if_missing(journal_open(data, JOURNAL_READ, NULL, &j, err), err));
    int rc = j ? none_if_missing(lake_open(data, false, &l, err), err) : K2_OK;
    if (rc == K2_OK)
        rc = all_lags(j, l, before_ns, lag, *n, err);
    lake_close(l);
    journal_close(j);
    return rc;
}
