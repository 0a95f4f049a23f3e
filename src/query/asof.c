/* query/asof.c - which snapshot of each table, and which of its rows, a request sees.
 *
 * As of an instant T the answer holds exactly the rows whose records were durable in the journal before
 * T. The journal's time index gives for every partition the number of records appended before T; a row
 * of this journal is in when its offset is below that number. A row of another incarnation of the
 * journal is in when its ingest_timestamp is before T. The snapshot is the oldest one that covers those
 * offsets, so that files written later are not even looked at; when several incarnations fill the
 * table, or none covers them yet (the sink is behind), it is the current one.
 */
#include "query/query_int.h"
#include "query/text.h"

#include "base/clock.h"

#include <stdlib.h>

struct instant {
    int64_t ns;
    struct journal *journal;  /* NULL: there is none */
    struct lake_offsets ends; /* of all topics, before ns */
};

/* --- the journal's positions at T --- */

static int add_topic(struct instant *at, const struct journal_topic *topic, struct k2_err *err) {
    int64_t *ends = k2_zalloc((size_t)topic->partitions * sizeof *ends);
    int rc = journal_ends_at(at->journal, topic->id, at->ns, ends, err);
    for (int32_t p = 0; p < topic->partitions && rc == K2_OK; p++)
        lake_offsets_set(&at->ends, topic->name, p, ends[p]);
    free(ends);
    return rc;
}

static int open_instant(struct query_engine *q, int64_t ns, struct instant *at,
                        struct k2_err *err) {
    *at = (struct instant){.ns = ns};
    int rc = journal_open(q->data, JOURNAL_READ, NULL, &at->journal, err);
    if (rc == K2_E_NOTFOUND) {
        k2_err_clear(err);
        at->journal = NULL;
        return K2_OK;
    }
    K2_TRY(rc);
    at->ends.journal_id = journal_id(at->journal);
    for (int32_t t = 0; t < journal_topic_count(at->journal); t++) {
        struct journal_topic topic = journal_topic_at(at->journal, t);
        K2_TRY(add_topic(at, &topic, err));
    }
    return K2_OK;
}

static void close_instant(struct instant *at) {
    journal_close(at->journal);
    lake_offsets_free(&at->ends);
}

/* --- rows --- */

static bool is_of_kind(const struct lake_offset *o, const struct k2_kind *kind) {
    return k2_kind_by_topic(k2_sv_of(o->topic)) == kind;
}

/* The partition as rows have it: numbered through all versions of the topic. */
static void put_key(const struct instant *at, const struct lake_offset *o,
                    const struct k2_kind *kind, struct k2_buf *key) {
    struct journal_topic t;
    size_t skip = strlen(kind->topic_prefix) + 1;
    if (journal_topic(at->journal, k2_sv_of(o->topic), false, &t, NULL) == K2_OK)
        k2_buf_printf(key, "%.*s/%d", (int)(t.of.n - skip), t.of.p + skip, t.first + o->partition);
}

static void put_time(struct k2_buf *sql, int64_t ns) {
    /* Rows keep microseconds, floor: below T is below T rounded up. */
    int64_t us = ns / K2_NS_PER_US + (ns % K2_NS_PER_US > 0);
    k2_buf_printf(sql, "ingest_timestamp < make_timestamptz(%lld)", (long long)us);
}

/* The condition on a row: its offset below its partition's end, else its ingest time below T. */
static char *row_filter(const struct instant *at, const struct k2_kind *kind) {
    struct k2_buf sql = {0};
    k2_buf_printf(&sql,
                  "CASE WHEN journal_id = %d THEN coalesce(journal_offset < "
                  "CASE lower(exchange) || '/' || CAST(journal_partition AS VARCHAR)",
                  at->ends.journal_id);
    for (int i = 0; i < at->ends.n; i++) {
        const struct lake_offset *o = &at->ends.at[i];
        if (!is_of_kind(o, kind))
            continue;
        struct k2_buf key = {0};
        put_key(at, o, kind, &key);
        k2_buf_str(&sql, " WHEN ");
        query_text_literal(&sql, k2_buf_view(&key));
        k2_buf_printf(&sql, " THEN %lld", (long long)o->end);
        k2_buf_free(&key);
    }
    k2_buf_str(&sql, " WHEN '' THEN 0 END, ");
    put_time(&sql, at->ns);
    k2_buf_str(&sql, ") ELSE ");
    put_time(&sql, at->ns);
    k2_buf_str(&sql, " END");
    char *text = k2_strdup(k2_buf_cstr(&sql));
    k2_buf_free(&sql);
    return text;
}

/* --- snapshots --- */

static bool covers(const struct lake_offsets *have, const struct instant *at,
                   const struct k2_kind *kind) {
    for (int i = 0; i < at->ends.n; i++) {
        const struct lake_offset *o = &at->ends.at[i];
        if (is_of_kind(o, kind) && lake_offsets_get(have, o->topic, o->partition) < o->end)
            return false;
    }
    return true;
}

/* The oldest snapshot that holds every row before T; 0 when another incarnation wrote any of them. */
static int64_t oldest_covering(const struct query_source *s, const struct instant *at) {
    int64_t found = 0;
    int count = lake_table_info(s->table).snapshot_count;
    for (int i = count - 1; i >= 0; i--) {
        struct lake_offsets have = {0};
        int64_t id = lake_snapshot_at(s->table, i).id;
        bool ours = lake_snapshot_offsets(s->table, id, &have, NULL) == K2_OK &&
                    have.journal_id == at->ends.journal_id;
        bool enough = ours && covers(&have, at, s->kind);
        lake_offsets_free(&have);
        if (!ours)
            return 0;
        if (enough)
            found = id;
    }
    return found;
}

static void pin_instant(struct query_source *s, const struct instant *at) {
    if (!s->kind)
        return;
    s->row_filter = row_filter(at, s->kind);
    int64_t snapshot = at->journal ? oldest_covering(s, at) : 0;
    if (snapshot)
        s->snapshot = snapshot;
}

static int pin_snapshot(struct query_sources *sources, const struct query_as_of *as_of,
                        struct k2_err *err) {
    const char *name = as_of->table;
    const char *prefix = LAKE_NAMESPACE ".";
    if (strncmp(name, prefix, strlen(prefix)) == 0)
        name += strlen(prefix);
    if (strcmp(name, "ticks") == 0)
        name = "trades";
    struct query_source *s = query_source_find(sources, name);
    if (!s)
        return k2_fail(err, K2_E_NOTFOUND,
                       "as of %s@%lld: the SQL does not read a table of that name", as_of->table,
                       (long long)as_of->snapshot);
    struct lake_snapshot snapshot;
    K2_TRY_CTX(lake_snapshot_find(s->table, as_of->snapshot, &snapshot, err), err, "as of %s@%lld",
               as_of->table, (long long)as_of->snapshot);
    s->snapshot = snapshot.id;
    return K2_OK;
}

int query_as_of_check(int64_t ns, struct k2_err *err) {
    char now_text[K2_TIME_TEXT];
    int64_t now = k2_now_ns();
    if (ns <= now)
        return K2_OK;
    (void)k2_time_format(now, now_text);
    return k2_fail(err, K2_E_USAGE, "that instant is still to come; now is %s", now_text);
}

K2_RC query_sources_pin(struct query_engine *q, const struct query_as_of *as_of,
                        struct query_sources *s, struct k2_err *err) {
    if (!as_of->set)
        return K2_OK;
    if (as_of->table)
        return pin_snapshot(s, as_of, err);
    struct instant at;
    int rc = open_instant(q, as_of->ns, &at, err);
    for (int i = 0; i < s->n && rc == K2_OK; i++)
        pin_instant(&s->at[i], &at);
    close_instant(&at);
    return rc;
}
