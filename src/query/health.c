/* query/health.c - see health.h: one pass over journal, tables and disk. */
#include "query/query_int.h"

#include "base/datadir.h"
#include "base/clock.h"
#include "base/fs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/statvfs.h>

/* Machines that share a directory differ by so much. */
#define CLOCK_SLACK (2 * K2_NS_PER_SEC)

enum { MOST_GAPS = 20 }; /* that are to be recovered, with a line of their own */

struct look {
    const char *data;
    const struct health_limits *limits;
    struct health *health;
    struct journal *journal; /* NULL: none, or unreadable */
    struct lake *lake;       /* the same */
};

/* --- rows --- */

const char *health_level_word(enum health_level level) {
    static const char *const words[] = {"healthy", "degraded", "down"};
    return words[level];
}

const char *health_part_word(enum health_part part) {
    static const char *const words[HEALTH_PARTS] = {"process", "journal",    "topic", "table",
                                                    "group",   "quarantine", "gaps",  "disk"};
    return words[part];
}

struct health_row *health_add(struct health *h, enum health_part part, const char *name) {
    h->rows = k2_realloc(h->rows, (size_t)(h->n + 1) * sizeof *h->rows);
    struct health_row *r = &h->rows[h->n++];
    *r = (struct health_row){.part = part,
                             .records = HEALTH_NONE,
                             .pieces = HEALTH_NONE,
                             .bytes = HEALTH_NONE,
                             .last_ns = HEALTH_NONE,
                             .lag = HEALTH_NONE,
                             .lag_ns = HEALTH_NONE};
    snprintf(r->name, sizeof r->name, "%s", name);
    return r;
}

static void fail_row(struct health_row *r, enum health_level level, const struct k2_err *why) {
    r->level = level;
    snprintf(r->detail, sizeof r->detail, "%s", why->msg);
}

const struct health_row *health_weigh(struct health *h) {
    const struct health_row *worst = NULL;
    h->level = HEALTH_GOOD;
    for (int i = 0; i < h->n; i++) {
        if (h->rows[i].level > h->level) {
            h->level = h->rows[i].level;
            worst = &h->rows[i];
        }
    }
    return worst;
}

void health_free(struct health *h) {
    free(h->rows);
    *h = (struct health){0};
}

/* --- the journal --- */

static int64_t sum_directory(const char *data) {
    char *dir = k2_path(data, "journal"), **names;
    size_t n;
    int64_t bytes = 0;
    if (k2_fs_list(dir, &names, &n, NULL) == K2_OK) {
        for (size_t i = 0; i < n; i++) {
            char *path = k2_path(dir, names[i]);
            int64_t size = k2_fs_size(path);
            bytes += size > 0 ? size : 0;
            free(path);
        }
        k2_fs_names_free(names, n);
    }
    free(dir);
    return bytes;
}

/* Records kept of a topic, and when the newest was appended (0 = there is none). */
static int measure_topic(struct journal *j, const struct journal_topic *t, int64_t *records,
                         int64_t *last_ns, struct k2_err *err) {
    size_t size = (size_t)t->partitions * sizeof(int64_t);
    int64_t *starts = k2_zalloc(size), *ends = k2_zalloc(size);
    *records = *last_ns = 0;
    int rc = journal_starts(j, t->id, starts, err);
    if (rc == K2_OK)
        rc = journal_ends(j, t->id, ends, err);
    for (int32_t p = 0; rc == K2_OK && p < t->partitions; p++) {
        int64_t ns = 0;
        *records += ends[p] - starts[p];
        if (ends[p] == starts[p])
            continue;
        rc = journal_last(j, t->id, p, NULL, &ns, err);
        *last_ns = rc == K2_OK && ns > *last_ns ? ns : *last_ns;
    }
    free(starts);
    free(ends);
    return rc;
}

static enum health_part part_of(const struct journal_topic *t) {
    const struct k2_kind *kind = k2_kind_by_topic(k2_sv_of(t->name));
    return kind && kind->id == K2_KIND_QUARANTINE ? HEALTH_QUARANTINE : HEALTH_TOPIC;
}

static void look_at_topics(struct look *l, enum health_part part) {
    for (int32_t i = 0; i < journal_topic_count(l->journal); i++) {
        struct journal_topic t = journal_topic_at(l->journal, i);
        int64_t records, last_ns;
        struct k2_err why = {0};
        if (part_of(&t) != part)
            continue;
        struct health_row *r = health_add(l->health, part, t.name);
        r->pieces = t.partitions;
        if (measure_topic(l->journal, &t, &records, &last_ns, &why) != K2_OK) {
            fail_row(r, HEALTH_DOWN, &why);
            continue;
        }
        r->records = records;
        if (last_ns != 0)
            r->last_ns = last_ns;
    }
}

/* The journal's row tells the sum of its topics, whose rows follow. */
static void sum_topics(const struct health *h, int from, struct health_row *journal) {
    journal->records = 0;
    for (int i = from; i < h->n; i++) {
        const struct health_row *r = &h->rows[i];
        if (r->records > 0)
            journal->records += r->records;
        if (r->last_ns > journal->last_ns)
            journal->last_ns = r->last_ns;
    }
}

/* A clock that was ahead once: until it is there again every record is of that time, and no instant holds it. */
static void judge_times(const struct look *l, struct health_row *journal) {
    char last[K2_TIME_TEXT];
    if (journal->last_ns == HEALTH_NONE || journal->last_ns - l->limits->now_ns <= CLOCK_SLACK)
        return;
    k2_time_format(journal->last_ns, last);
    journal->level = HEALTH_DEGRADED;
    snprintf(
        journal->detail, sizeof journal->detail,
        "the last records are of %s, which is still to come: a clock was ahead, and --as-of an "
        "instant before leaves them out",
        last);
}

struct encrypted {
    struct health_row *row;
    int segments, clear, lacking;
    char key[20];
};

static void count_encrypted(void *ctx, const struct journal_encryption *e) {
    struct encrypted *n = ctx;
    if (!e->key[0])
        n->clear += e->segments;
    else
        n->segments += e->segments;
    if (e->given)
        return;
    n->lacking += e->segments;
    snprintf(n->key, sizeof n->key, "%s", e->key);
}

/* Says nothing of a journal in the clear. */
static void describe_encryption(const struct look *l, struct health_row *r) {
    struct encrypted n = {.row = r};
    if (journal_encryption(l->journal, count_encrypted, &n, NULL) != K2_OK || n.segments == 0)
        return;
    if (n.lacking > 0) {
        r->level = HEALTH_DOWN;
        snprintf(
            r->detail, sizeof r->detail,
            "%d of %d segments are encrypted with keys that were not given, one of them %s; k2 "
            "doctor tells more",
            n.lacking, n.segments + n.clear, n.key);
    } else if (n.clear > 0) {
        snprintf(
            r->detail, sizeof r->detail,
            "%d segments are encrypted, %d of before are in the clear until retention removes them",
            n.segments, n.clear);
    } else {
        snprintf(r->detail, sizeof r->detail, "encrypted");
    }
}

/* Says nothing while all of it is here. */
static void describe_places(const struct look *l, struct health_row *r) {
    struct journal_places p;
    size_t n = strlen(r->detail);
    if (journal_places(l->journal, &p, NULL) != K2_OK || p.tiered_segments == 0)
        return;
    snprintf(r->detail + n, sizeof r->detail - n,
             "%s%lld of the segments (%lld MB) are here, %lld (%lld MB) in %.300s", n ? "; " : "",
             (long long)p.local_segments, (long long)(p.local_bytes >> 20),
             (long long)p.tiered_segments, (long long)(p.tiered_bytes >> 20), p.url);
}

static void describe_journal(struct look *l) {
    struct health *h = l->health;
    int at = h->n;
    struct health_row *r = health_add(h, HEALTH_JOURNAL, "journal");
    r->pieces = journal_segment_count(l->journal);
    r->bytes = sum_directory(l->data);
    describe_encryption(l, r);
    describe_places(l, r);
    look_at_topics(l, HEALTH_TOPIC);
    look_at_topics(l, HEALTH_QUARANTINE);
    sum_topics(h, at + 1, &h->rows[at]);
    judge_times(l, &h->rows[at]);
}

static void look_at_journal(struct look *l) {
    struct k2_err why = {0};
    int rc = journal_open(l->data, JOURNAL_READ, NULL, &l->journal, &why);
    if (rc == K2_OK) {
        describe_journal(l);
        return;
    }
    l->journal = NULL;
    if (rc == K2_E_NOTFOUND)
        (void)k2_fail(&why, rc, "%s holds no journal; k2 init, k2 ingest or k2 simulate makes one",
                      l->data);
    fail_row(health_add(l->health, HEALTH_JOURNAL, "journal"), HEALTH_DOWN, &why);
}

/* --- tables --- */

static int64_t summary_number(const struct lake_table *t, int64_t snapshot, const char *key) {
    int64_t n;
    const char *text = lake_snapshot_summary(t, snapshot, key);
    return text && k2_sv_i64(k2_sv_of(text), &n) ? n : HEALTH_NONE;
}

static void describe_table(struct health_row *r, const struct lake_table *t) {
    struct lake_table_info info = lake_table_info(t);
    struct lake_snapshot s;
    r->records = r->pieces = r->bytes = 0;
    if (info.current_snapshot == 0 ||
        lake_snapshot_find(t, info.current_snapshot, &s, NULL) != K2_OK)
        return;
    r->records = s.total_records >= 0 ? s.total_records : HEALTH_NONE;
    r->pieces = s.total_files >= 0 ? s.total_files : HEALTH_NONE;
    r->bytes = summary_number(t, s.id, "total-files-size");
    r->last_ns = s.timestamp_ms * K2_NS_PER_MS;
}

/* How far the table is behind the journal; beyond the limit it is degraded. */
static void describe_lag(struct look *l, const struct k2_kind *kind, struct health_row *r) {
    int64_t oldest;
    struct k2_err why = {0};
    if (!l->journal)
        return;
    if (query_lag_of(l->journal, l->lake, kind, 0, &r->lag, &oldest, &why) != K2_OK) {
        r->lag = HEALTH_NONE;
        fail_row(r, HEALTH_DOWN, &why);
        return;
    }
    int64_t age = oldest > 0 ? l->limits->now_ns - oldest : 0;
    r->lag_ns = age > 0 ? age : 0;
    if (r->lag_ns <= l->limits->max_lag_ns)
        return;
    r->level = HEALTH_DEGRADED;
    snprintf(r->detail, sizeof r->detail,
             "it lacks %" PRId64 " records, the oldest for %" PRId64 " s; k2 sink brings them",
             r->lag, r->lag_ns / K2_NS_PER_SEC);
}

static void look_at_table(struct look *l, const struct k2_kind *kind, const char *name) {
    struct health_row *r = health_add(l->health, HEALTH_TABLE, name);
    struct lake_table *t;
    struct k2_err why = {0};
    int rc = l->lake ? lake_table_load(l->lake, k2_sv_of(name), &t, &why) : K2_E_NOTFOUND;
    if (rc == K2_OK) {
        describe_table(r, t);
        lake_table_free(t);
    } else if (rc == K2_E_NOTFOUND) {
        snprintf(r->detail, sizeof r->detail, "not made yet; k2 sink --once makes it");
    } else {
        fail_row(r, HEALTH_DOWN, &why);
        return;
    }
    if (kind)
        describe_lag(l, kind, r);
}

static void look_at_others(struct look *l) {
    char **names;
    size_t n;
    if (!l->lake || lake_table_names(l->lake, &names, &n, NULL) != K2_OK)
        return;
    for (size_t i = 0; i < n; i++) {
        if (!k2_kind_by_table(k2_sv_of(names[i])))
            look_at_table(l, NULL, names[i]);
    }
    k2_fs_names_free(names, n);
}

static void look_at_tables(struct look *l) {
    struct k2_err why = {0};
    int rc = lake_open(l->data, false, &l->lake, &why);
    if (rc != K2_OK)
        l->lake = NULL;
    if (rc != K2_OK && rc != K2_E_NOTFOUND) {
        fail_row(health_add(l->health, HEALTH_TABLE, "catalog"), HEALTH_DOWN, &why);
        return;
    }
    if (!l->lake && !l->journal)
        return; /* the journal's row says that there is nothing */
    for (int i = 0; i < K2_KIND_COUNT; i++) {
        const struct k2_kind *kind = k2_kind((enum k2_kind_id)i);
        look_at_table(l, kind, kind->table);
    }
    look_at_others(l);
}

/* --- groups --- */

static int group_lag(struct journal *j, const struct journal_span *at, int64_t *lag,
                     int64_t *oldest, struct k2_err *err) {
    struct journal_topic t = journal_topic_at(j, at->topic);
    size_t size = (size_t)t.partitions * sizeof(int64_t);
    int64_t *starts = k2_zalloc(size), *ends = k2_zalloc(size), ns;
    int rc = journal_starts(j, t.id, starts, err);
    if (rc == K2_OK)
        rc = journal_ends(j, t.id, ends, err);
    int64_t from = at->from > starts[at->partition] ? at->from : starts[at->partition];
    if (rc == K2_OK && from < ends[at->partition]) {
        *lag += ends[at->partition] - from;
        rc = journal_append_at(j, t.id, at->partition, from, &ns, err);
        if (rc == K2_OK && ns > 0 && (*oldest == 0 || ns < *oldest))
            *oldest = ns;
    }
    free(starts);
    free(ends);
    return rc;
}

static bool is_place(struct journal *j, const struct journal_span *s) {
    return s->topic >= 0 && s->topic < journal_topic_count(j) && s->partition >= 0 &&
           s->partition < journal_topic_at(j, s->topic).partitions;
}

static int measure_group(struct look *l, const struct journal_span *spans, int n,
                         struct health_row *r, struct k2_err *err) {
    int64_t lag = 0, oldest = 0;
    for (int i = 0; i < n; i++) {
        if (is_place(l->journal, &spans[i]))
            K2_TRY(group_lag(l->journal, &spans[i], &lag, &oldest, err));
    }
    r->lag = lag;
    r->lag_ns = oldest > 0 && oldest < l->limits->now_ns ? l->limits->now_ns - oldest : 0;
    r->pieces = n;
    return K2_OK;
}

/* What it has not read is kept all the same, for a time: whoever wonders why finds the reason here. */
static void tell_left(struct look *l, const char *name, struct health_row *r) {
    int64_t left = journal_group_left_ns(l->journal, name, l->limits->now_ns);
    char until[K2_TIME_TEXT];
    if (left == 0)
        return;
    k2_time_format(left + JOURNAL_LIVE_GROUP_HOLDS, until);
    snprintf(r->detail, sizeof r->detail,
             "its source is not at work; what it has not read is kept until %.10s, or k2 group "
             "remove",
             until);
}

static void look_at_group(struct look *l, const char *name) {
    struct journal_span *spans;
    int n;
    struct k2_err why = {0};
    struct health_row *r = health_add(l->health, HEALTH_GROUP, name);
    r->last_ns = journal_group_saved_ns(l->journal, name);
    int rc = journal_position_load(l->journal, name, &spans, &n, &why);
    if (rc == K2_OK) {
        rc = measure_group(l, spans, n, r, &why);
        free(spans);
    }
    tell_left(l, name, r);
    if (rc != K2_OK)
        fail_row(r, HEALTH_DEGRADED, &why);
}

static void look_at_groups(struct look *l) {
    char **names;
    size_t n;
    if (!l->journal || journal_groups(l->journal, &names, &n, NULL) != K2_OK)
        return;
    for (size_t i = 0; i < n; i++)
        look_at_group(l, names[i]);
    k2_fs_names_free(names, n);
}

/* --- gaps --- */

static struct health_row *gap_row(struct health *h, struct k2_sv exchange) {
    for (int i = 0; i < h->n; i++) {
        if (h->rows[i].part == HEALTH_GAPS && k2_sv_eq(exchange, k2_sv_of(h->rows[i].name)))
            return &h->rows[i];
    }
    char name[64];
    snprintf(name, sizeof name, "%.*s", K2_SV_ARG(exchange));
    struct health_row *r = health_add(h, HEALTH_GAPS, name);
    r->records = r->pieces = 0;
    return r;
}

static void count_gap(void *ctx, struct k2_sv exchange, int32_t trade_date, struct k2_sv channel,
                      enum k2_kind_id kind, int32_t epoch, int64_t from, int64_t to) {
    struct health_row *r = gap_row(ctx, exchange);
    (void)trade_date;
    (void)channel;
    (void)kind;
    (void)epoch;
    r->pieces++;
    r->records = seq_missing_add(r->records, from, to);
}

/* What of the ledger somebody should look at: a line for each, with what to do. */
struct grave {
    struct health *health;
    int gaps; /* to be recovered, so far */
};

static void put_entry(struct health *h, const struct seq_step *s, enum health_level level,
                      const char *what, const char *remedy) {
    struct k2_buf id = {0};
    char since[K2_TIME_TEXT];
    ledger_entry_name(s, &id);
    struct health_row *r = health_add(h, HEALTH_GAPS, k2_buf_cstr(&id));
    r->level = level;
    r->pieces = 1;
    r->last_ns = s->opened_ns;
    r->records = s->cause == SEQ_NUMBERS ? s->missing : HEALTH_NONE;
    k2_time_format(s->cause == SEQ_NUMBERS ? s->opened_ns : s->from, since);
    snprintf(r->detail, sizeof r->detail, "%.300s since %.19sZ; %s", what, since, remedy);
    k2_buf_free(&id);
}

static void put_outage(struct health *h, const struct seq_step *s) {
    struct k2_buf what = {0};
    k2_buf_printf(&what, "%s: %.*s", seq_cause_name(s->cause), K2_SV_ARG(s->why));
    put_entry(h, s, s->state == SEQ_OPENED ? HEALTH_DEGRADED : HEALTH_GOOD, k2_buf_cstr(&what),
              "it ends when the feed sends again; k2 gaps ack says that it is known");
    k2_buf_free(&what);
}

static void see_entry(void *ctx, const struct seq_step *s) {
    struct grave *g = ctx;
    if (s->cause != SEQ_NUMBERS)
        put_outage(g->health, s);
    else if (s->halts)
        put_entry(g->health, s, HEALTH_DEGRADED, "its channel is halted by a gap",
                  "k2 gaps fill with the missing numbers, or k2 halt resume without them");
    else if (s->state == SEQ_REQUESTED && g->gaps++ < MOST_GAPS)
        put_entry(g->health, s, HEALTH_GOOD, "to be recovered",
                  "k2 gaps fill with the missing numbers, or k2 gaps ack");
}

static void look_at_gaps(struct look *l) {
    struct k2_err why = {0};
    struct seq_engine *engine = NULL;
    struct grave grave = {.health = l->health};
    if (l->journal && journal_sequence(l->journal, &engine, &why) != K2_OK) {
        fail_row(health_add(l->health, HEALTH_GAPS, "sequence"), HEALTH_DEGRADED, &why);
        return;
    }
    if (!engine)
        return;
    seq_engine_gaps(engine, count_gap, l->health);
    seq_engine_ledger(engine, see_entry, &grave);
    seq_engine_free(engine);
}

/* --- the disk --- */

static void look_at_disk(struct look *l) {
    struct statvfs fs;
    struct health_row *r = health_add(l->health, HEALTH_DISK, l->data);
    if (statvfs(l->data, &fs) < 0) {
        r->level = HEALTH_DOWN;
        snprintf(r->detail, sizeof r->detail, "the directory cannot be read: %s", strerror(errno));
        return;
    }
    int64_t all = (int64_t)fs.f_blocks, free = (int64_t)fs.f_bavail;
    int64_t percent = all > 0 ? (int64_t)((k2_i128)free * 100 / all) : 100;
    r->bytes = free * (int64_t)fs.f_frsize;
    bool low = percent < l->limits->min_free_percent;
    r->level = low ? HEALTH_DEGRADED : HEALTH_GOOD;
    snprintf(r->detail, sizeof r->detail, "%" PRId64 " %% free%s", percent,
             low ? ": free some, or remove old journal segments with k2 maintain" : "");
}

void health_look(const char *data, const struct health_limits *limits, struct health *h) {
    struct look l = {.data = data, .limits = limits, .health = h};
    struct k2_err why = {0};
    if (k2_datadir_expect(data, &why) != K2_OK) { /* all else would only say it again */
        fail_row(health_add(h, HEALTH_JOURNAL, "journal"), HEALTH_DOWN, &why);
        return;
    }
    look_at_journal(&l);
    look_at_tables(&l);
    look_at_groups(&l);
    look_at_gaps(&l);
    look_at_disk(&l);
    lake_close(l.lake);
    journal_close(l.journal);
}
