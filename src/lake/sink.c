/* lake/sink.c - journal -> tables, exactly once.
 *
 * DESIGN. For each kind of event: workers read the journal from the table's committed offsets, each its own partitions,
 * decode into columns until commit_rows are gathered among them, sort (sort.h) and write one Parquet file per trade_date
 * (sink_worker.h). One committer, this file, takes what they have and commits files and new offsets in one swap
 * (lake_append). The offsets live with the data, so a crash at any point leaves either the old snapshot and orphan files,
 * or the new snapshot: a row can be neither lost nor doubled, and the sink keeps no state of its own. A second committer
 * finds the vector moved and plans again. The sink drops nothing: what the journal holds is in the table; duplicates were
 * judged before the journal.
 * A version of a topic (journal/version.h) is read when the table holds all of the version before it.
 */
#include "lake/lake.h"
#include "lake/lake_int.h"
#include "lake/sink_worker.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
    DEFAULT_COMMIT_ROWS = 1000000,
    ROWS_WORTH_A_WORKER = 200000, /* fewer and larger files are worth more than a second thread */
    MOST_BY_ITSELF = 4,           /* workers */
    TRIES = 8,
    LOCK_TRIES = 20,
    LOCK_WAIT_MS = 50
};

struct sink {
    struct journal *journal;
    struct lake *lake;
    const struct sink_options *options;
    struct sink_totals *totals;
    struct sink_schemas schemas;
    const struct k2_kind *kind;
    struct k2_kind *wide; /* the same with all the columns of the table */
    /* one round: from the table's vector to the journal's ends */
    struct lake_table *table;
    struct lake_offsets from, to;
    struct journal_span *spans;
    int span_count;
    int64_t all, done;
    bool later; /* a version of a topic waits for another round */
    struct sink_plan plan;
    struct sink_crew *crew;
    struct sink_set set; /* taken and not yet committed */
};

/* --- committing --- */

static void make_commit_id(char out[40]) {
    uint64_t random[2];
    ssize_t n = getrandom(random, sizeof random, 0);
    K2_ASSERT(n == (ssize_t)sizeof random);
    snprintf(out, 40, "sink-%016llx%016llx", (unsigned long long)random[0],
             (unsigned long long)random[1]);
}

static struct k2_series *metric(const struct sink *s, enum k2_metric m) {
    return k2_metric(m, s->kind->table, NULL);
}

static void count_commit(const struct sink *s, const struct lake_append *a, int64_t took) {
    int64_t bytes = 0;
    for (int i = 0; i < a->file_count; i++)
        bytes += a->files[i].bytes;
    k2_metric_add(metric(s, K2_METRIC_sink_rows), s->set.rows);
    k2_metric_add(metric(s, K2_METRIC_sink_files), a->file_count);
    k2_metric_add(metric(s, K2_METRIC_sink_written_bytes), bytes);
    k2_metric_add(metric(s, K2_METRIC_sink_commits), 1);
    k2_metric_record(metric(s, K2_METRIC_sink_commit_seconds), took);
    k2_metric_set(metric(s, K2_METRIC_sink_freshness_seconds), a->now_ns - s->set.oldest_ns);
    k2_metric_set(metric(s, K2_METRIC_sink_last_commit_timestamp_seconds), a->now_ns);
}

static void show_offsets(const struct lake_offsets *held) {
    for (int i = 0; i < held->n; i++) {
        char partition[24];
        snprintf(partition, sizeof partition, "%" PRId32, held->at[i].partition);
        k2_metric_set(k2_metric(K2_METRIC_sink_offset, held->at[i].topic, partition, NULL),
                      held->at[i].end);
    }
}

static void log_commit(const struct sink *s, const struct lake_append *a, int64_t snapshot) {
    char journal[24], id[24], rows[24], files[24];
    snprintf(journal, sizeof journal, "%" PRId32, journal_id(s->journal));
    snprintf(id, sizeof id, "%" PRId64, snapshot);
    snprintf(rows, sizeof rows, "%" PRId64, s->set.rows);
    snprintf(files, sizeof files, "%d", a->file_count);
    k2_log(K2_LOG_INFO, "snapshot is committed", "table", s->kind->table, "snapshot", id, "commit",
           a->commit_id, "journal", journal, "rows", rows, "files", files, NULL);
}

static K2_RC commit(struct sink *s, struct k2_err *err) {
    int64_t start = k2_monotonic_ns();
    char id[40];
    make_commit_id(id);
    struct lake_append a = {.files = s->set.files,
                            .file_count = s->set.file_count,
                            .from = &s->from,
                            .to = &s->to,
                            .commit_id = id,
                            .now_ns = s->options->clock ? s->options->clock() : k2_now_ns()};
    int64_t snapshot;
    int rc = lake_append(s->lake, s->kind->table, &a, &snapshot, err);
    if (rc == K2_OK && s->set.rows > 0) {
        count_commit(s, &a, k2_monotonic_ns() - start);
        log_commit(s, &a, snapshot);
    }
    if (rc == K2_E_CONFLICT)
        sink_set_discard(&s->set);
    sink_set_free(&s->set);
    s->totals->commit_ns += k2_monotonic_ns() - start;
    return rc;
}

static void *copy_of(const void *p, size_t n) {
    void *copy = k2_alloc(n);
    if (n)
        memcpy(copy, p, n);
    return copy;
}

static void copy_offsets(struct lake_offsets *to, const struct lake_offsets *from) {
    lake_offsets_free(to);
    to->journal_id = from->journal_id;
    to->n = from->n;
    to->at = copy_of(from->at, (size_t)from->n * sizeof *from->at);
}

static void count_set(struct sink_totals *t, const struct sink_set *set) {
    for (int i = 0; i < set->file_count; i++)
        t->bytes += set->files[i].bytes;
    t->files += set->file_count;
    t->decode_ns += set->decode_ns;
    t->sort_ns += set->sort_ns;
    t->write_ns += set->write_ns;
}

/* The vector moves on to where the set's files reach. */
static void advance(struct sink *s) {
    for (int i = 0; i < s->set.ends.n; i++) {
        const struct lake_offset *at = &s->set.ends.at[i];
        lake_offsets_set(&s->to, at->topic, at->partition, at->end);
    }
}

/* One commit: the set that was taken becomes a snapshot. */
static K2_RC commit_set(struct sink *s, struct k2_err *err) {
    int64_t n = s->set.rows;
    count_set(s->totals, &s->set);
    advance(s);
    if (n == 0 && lake_offsets_equal(&s->from, &s->to)) {
        sink_set_free(&s->set);
        return K2_OK;
    }
    K2_TRY(commit(s, err));
    copy_offsets(&s->from, &s->to);
    if (n == 0)
        return K2_OK;
    show_offsets(&s->from);
    s->totals->rows += n;
    s->totals->commits++;
    s->done += n;
    k2_metric_set(metric(s, K2_METRIC_sink_lag_rows), s->all - s->done);
    if (s->options->progress)
        s->options->progress(s->options->progress_ctx, s->kind->table, s->done, s->all);
    return K2_OK;
}

/* --- one table --- */

static int64_t own_offset(const struct sink *s, const char *topic, int32_t partition) {
    return s->to.journal_id == s->from.journal_id ? lake_offsets_get(&s->from, topic, partition)
                                                  : 0;
}

static K2_RC add_spans(struct sink *s, const struct journal_topic *t, struct k2_err *err) {
    int64_t *ends = k2_alloc((size_t)t->partitions * sizeof *ends);
    int rc = journal_ends(s->journal, t->id, ends, err);
    for (int32_t p = 0; rc == K2_OK && p < t->partitions; p++) {
        int64_t from = own_offset(s, t->name, p);
        if (from >= ends[p])
            continue;
        s->spans = k2_realloc(s->spans, (size_t)(s->span_count + 1) * sizeof *s->spans);
        s->spans[s->span_count++] = (struct journal_span){t->id, p, from, ends[p]};
        s->all += ends[p] - from;
    }
    free(ends);
    return rc;
}

static K2_RC is_behind(const struct sink *s, const struct journal_topic *t, bool *yes,
                       struct k2_err *err) {
    int64_t *ends = k2_alloc((size_t)t->partitions * sizeof *ends);
    int rc = journal_ends(s->journal, t->id, ends, err);
    for (int32_t p = 0; rc == K2_OK && p < t->partitions; p++)
        *yes = *yes || own_offset(s, t->name, p) < ends[p];
    free(ends);
    return rc;
}

/* Whether the table lacks anything of the versions before this one. */
static K2_RC is_early(const struct sink *s, const struct journal_topic *t, bool *yes,
                      struct k2_err *err) {
    struct journal_topic *all;
    int n, rc = K2_OK;
    *yes = false;
    if (t->version == 1)
        return K2_OK;
    K2_TRY(journal_versions(s->journal, t->of, &all, &n, err));
    for (int i = 0; rc == K2_OK && i < n && all[i].version < t->version; i++)
        rc = is_behind(s, &all[i], yes, err);
    free(all);
    return rc;
}

/* Its ends are looked at first: what they hold was appended after everything of the versions before. */
static K2_RC add_topic(struct sink *s, const struct journal_topic *t, struct k2_err *err) {
    int count = s->span_count;
    int64_t all = s->all;
    bool early;
    K2_TRY(add_spans(s, t, err));
    K2_TRY(is_early(s, t, &early, err));
    if (early && s->span_count > count) {
        s->later = true;
        s->span_count = count;
        s->all = all;
    }
    return K2_OK;
}

/* A vector of another journal says nothing about this one: its rows are in the table, ours are not. */
static K2_RC load_offsets(struct sink *s, struct k2_err *err) {
    K2_TRY(lake_table_offsets(s->table, &s->from, err));
    copy_offsets(&s->to, &s->from);
    if (s->to.journal_id != journal_id(s->journal)) {
        s->to.n = 0;
        s->to.journal_id = journal_id(s->journal);
    }
    return K2_OK;
}

static K2_RC find_work(struct sink *s, struct k2_err *err) {
    s->span_count = 0;
    s->all = s->done = 0;
    s->later = false;
    K2_TRY(lake_table_load(s->lake, k2_sv_of(s->kind->table), &s->table, err));
    K2_TRY(lake_table_kind(s->table, s->kind, &s->wide, err));
    K2_TRY(load_offsets(s, err));
    for (int32_t i = 0; i < journal_topic_count(s->journal); i++) {
        struct journal_topic t = journal_topic_at(s->journal, i);
        if (k2_kind_by_topic(k2_sv_of(t.name)) == s->kind)
            K2_TRY(add_topic(s, &t, err));
    }
    k2_metric_set(metric(s, K2_METRIC_sink_lag_rows), s->all);
    if (s->from.journal_id == s->to.journal_id)
        show_offsets(&s->from);
    return K2_OK;
}

static void end_round(struct sink *s) {
    sink_crew_free(s->crew);
    s->crew = NULL;
    k2_kind_narrow(s->wide);
    s->wide = NULL;
    lake_table_free(s->table);
    s->table = NULL;
    lake_offsets_free(&s->from);
    lake_offsets_free(&s->to);
    sink_set_discard(&s->set);
}

static int workers_of(const struct sink *s) {
    int64_t worth = s->all / ROWS_WORTH_A_WORKER + 1;
    int most = s->options->workers > 0 ? s->options->workers : 1;
    most = most < s->span_count ? most : s->span_count;
    return worth < most ? (int)worth : most;
}

static K2_RC copy_spans(struct sink *s, struct k2_err *err) {
    if (s->span_count == 0)
        return K2_OK;
    int64_t rows = s->options->commit_rows ? s->options->commit_rows : DEFAULT_COMMIT_ROWS;
    int workers = workers_of(s), more = 1;
    s->plan = (struct sink_plan){.journal = s->journal,
                                 .table = s->table,
                                 .kind = s->wide,
                                 .schemas = &s->schemas,
                                 .rows = (size_t)((rows + workers - 1) / workers),
                                 .zstd_level = s->options->zstd_level};
    K2_TRY(sink_crew_new(&s->plan, s->spans, s->span_count, workers, &s->crew, err));
    while (more > 0) {
        more = sink_crew_next(s->crew, &s->set, err);
        if (more >= 0)
            K2_TRY(commit_set(s, err));
    }
    return more;
}

static K2_RC one_round(struct sink *s, struct k2_err *err) {
    int rc = find_work(s, err);
    if (rc == K2_OK)
        rc = copy_spans(s, err);
    end_round(s);
    return rc;
}

/* The table gets columns for the fields that the schemas of its records have and this build does not know. */
static K2_RC add_columns(struct sink *s, struct k2_err *err) {
    struct k2_field_list *found = &s->schemas.found;
    struct k2_kind *wide;
    K2_TRY(k2_kind_widen(s->kind, found, &wide, err));
    int rc = lake_table_ensure(s->lake, wide, err);
    k2_kind_narrow(wide);
    for (int i = 0; rc == K2_OK && i < found->n; i++)
        k2_log(K2_LOG_INFO, "column is added for a field that records have", "table",
               s->kind->table, "column", found->items[i].name, NULL);
    if (rc == K2_OK)
        k2_metric_add(metric(s, K2_METRIC_sink_columns_added), found->n);
    k2_field_list_free(found);
    return rc;
}

/* *grown: not all of it, for the table lacked columns, which it now has. */
static K2_RC try_round(struct sink *s, bool *grown, struct k2_err *err) {
    int rc = one_round(s, err);
    *grown = rc == K2_E_CONFLICT && s->schemas.found.n > 0;
    if (*grown && (rc = add_columns(s, err)) == K2_OK)
        rc = K2_E_CONFLICT;
    k2_field_list_free(&s->schemas.found);
    return rc;
}

static K2_RC run_round(struct sink *s, struct k2_err *err) {
    bool grown = false;
    int rc = K2_E_CONFLICT; /* another sink moved the table: look again */
    for (int i = 0; rc == K2_E_CONFLICT && i < TRIES; i += !grown) {
        k2_metric_add(metric(s, K2_METRIC_sink_retries), i > 0 && !grown);
        rc = try_round(s, &grown, err);
    }
    return rc;
}

static K2_RC sink_kind(struct sink *s, const struct k2_kind *kind, struct k2_err *err) {
    K2_TRY_CTX(lake_table_ensure(s->lake, kind, err), err, "table %s", kind->table);
    s->kind = kind;
    int rc;
    do
        rc = run_round(s, err);
    while (rc == K2_OK && s->later && s->all > 0);
    free(s->spans);
    s->spans = NULL;
    return k2_err_context(err, rc, "sink of table %s", kind->table);
}

/* --- all tables --- */

/* What every table holds, for the retention fence: the group "sink" has read up to there. */
static K2_RC save_position(struct sink *s, struct k2_err *err) {
    struct journal_span *spans = NULL;
    int n = 0, rc = K2_OK;
    for (int32_t i = 0; rc == K2_OK && i < journal_topic_count(s->journal); i++) {
        struct journal_topic t = journal_topic_at(s->journal, i);
        const struct k2_kind *kind = k2_kind_by_topic(k2_sv_of(t.name));
        if (!kind)
            continue;
        rc = lake_table_load(s->lake, k2_sv_of(kind->table), &s->table, err);
        if (rc == K2_OK)
            rc = load_offsets(s, err);
        spans = k2_realloc(spans, (size_t)(n + t.partitions) * sizeof *spans);
        for (int32_t p = 0; rc == K2_OK && p < t.partitions; p++)
            spans[n++] = (struct journal_span){
                .topic = t.id, .partition = p, .from = own_offset(s, t.name, p)};
        end_round(s);
    }
    if (rc == K2_OK && n)
        rc = journal_position_save(s->journal, "sink", spans, n, err);
    free(spans);
    return rc;
}

static bool has_topic(const struct sink *s, const struct k2_kind *kind) {
    for (int32_t i = 0; i < journal_topic_count(s->journal); i++)
        if (k2_kind_by_topic(k2_sv_of(journal_topic_at(s->journal, i).name)) == kind)
            return true;
    return false;
}

static K2_RC sink_all(struct sink *s, struct k2_err *err) {
    for (int i = 0; i < K2_KIND_COUNT; i++) {
        const struct k2_kind *kind = k2_kind((enum k2_kind_id)i);
        if (s->options->only ? s->options->only == kind
                             : i < K2_KINDS_FROM_THE_START || has_topic(s, kind))
            K2_TRY(sink_kind(s, kind, err));
    }
    return s->options->only ? K2_OK : save_position(s, err);
}

/* Upkeep holds the lock for moments (replace.c), another sink for long: only that one is an error. */
static K2_RC take_lock(const char *data, struct k2_lock **lock, struct k2_err *err) {
    const struct timespec pause = {.tv_nsec = LOCK_WAIT_MS * K2_NS_PER_MS};
    char *path = k2_path(data, LAKE_WRITER_LOCK);
    int rc = k2_lock_take(path, "sink", lock, err);
    for (int i = 0; rc == K2_E_LOCKED && i < LOCK_TRIES; i++) {
        (void)nanosleep(&pause, NULL);
        rc = k2_lock_take(path, "sink", lock, err);
    }
    free(path);
    return rc;
}

int sink_workers(int64_t configured) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (configured > 0)
        return (int)configured;
    return processors < 1 ? 1 : processors < MOST_BY_ITSELF ? (int)processors : MOST_BY_ITSELF;
}

int sink_run(struct journal *j, struct lake *l, const char *data, const struct sink_options *o,
             struct sink_totals *totals, struct k2_err *err) {
    static const struct sink_options defaults;
    struct sink_totals unused;
    struct sink s = {
        .journal = j, .lake = l, .options = o ? o : &defaults, .totals = totals ? totals : &unused};
    *s.totals = (struct sink_totals){0};
    struct k2_lock *lock = NULL;
    K2_TRY(take_lock(data, &lock, err));
    s.schemas.source = k2_registry_source(journal_registry(j));
    pthread_mutex_init(&s.schemas.mutex, NULL);
    int rc = sink_all(&s, err);
    pthread_mutex_destroy(&s.schemas.mutex);
    k2_lock_release(lock);
    return rc;
}
