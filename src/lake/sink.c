/* lake/sink.c - journal -> tables, exactly once.
 *
 * DESIGN. For each kind of event: read the journal from the table's committed offsets in log order, decode
 * into columns until commit_rows are gathered, sort (sort.h), write one Parquet file per trade_date, and
 * commit files and new offsets in one swap (lake_append). The offsets live with the data, so a crash at any
 * point leaves either the old snapshot and orphan files, or the new snapshot: a row can be neither lost nor
 * doubled, and the sink keeps no state of its own. The sink drops nothing: what the journal holds is in the
 * table; duplicates were judged before the journal.
 *
 * Memory is bounded by commit_rows; strings are interned for one commit and then forgotten.
 */
#include "lake/lake.h"
#include "lake/lake_int.h"
#include "lake/sort.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum {
    DEFAULT_COMMIT_ROWS = 1000000,
    ROW_GROUP_ROWS = 122880,
    TRIES = 8,
    LOCK_TRIES = 20,
    LOCK_WAIT_MS = 50,
    MOST_STRING_BYTES =
        64 << 20 /* of one commit: strings that come once must not fill the memory */
};

/* The columns that the sink fills itself, by position in the kind's table. */
struct own_columns {
    int time_us, time_ns, ingest, journal, partition, offset;
};

struct sink {
    struct journal *journal;
    struct lake *lake;
    const struct sink_options *options;
    struct sink_totals *totals;
    const struct k2_kind *kind;
    struct own_columns own;
    struct k2_interner *interner;
    struct k2_decoder *decoder;
    struct k2_columns rows;
    struct sort_order order;
    void *gathered[K2_MAX_FIELDS]; /* one row group of sorted values */
    bool same[K2_MAX_FIELDS];      /* the column has one value in all rows */
    /* one round: from the table's vector to the journal's ends */
    struct lake_table *table;
    struct lake_offsets from, to;
    struct journal_span *spans;
    int span_count;
    int64_t all, done;
    struct journal_reader *reader;
    struct journal_batch batch; /* being consumed; count 0 = none */
    size_t cursor;
    int64_t oldest_ns; /* append time of the oldest row gathered */
    struct lake_file *files;
    int file_count;
};

/* --- decoding --- */

static int need_field(const struct k2_kind *kind, const char *name) {
    int i = k2_field_by_name(kind, k2_sv_of(name));
    K2_ASSERT(i >= 0);
    return i;
}

static struct own_columns own_columns_of(const struct k2_kind *kind) {
    return (struct own_columns){.time_us = need_field(kind, "exchange_timestamp"),
                                .time_ns = need_field(kind, "exchange_timestamp_ns"),
                                .ingest = need_field(kind, "ingest_timestamp"),
                                .journal = need_field(kind, "journal_id"),
                                .partition = need_field(kind, "journal_partition"),
                                .offset = need_field(kind, "journal_offset")};
}

/* The sink's own columns of the rows from `first` on, which came from one batch. */
static void fill_own(struct sink *s, size_t first, int64_t offset) {
    struct k2_columns *c = &s->rows;
    const int64_t *ns = c->col[s->own.time_ns];
    int64_t *us = c->col[s->own.time_us], *ingest = c->col[s->own.ingest];
    int64_t *offsets = c->col[s->own.offset];
    int32_t *journals = c->col[s->own.journal], *partitions = c->col[s->own.partition];
    int64_t now = k2_floor_us(s->batch.append_ns);
    int32_t journal = journal_id(s->journal);
    for (size_t row = first; row < c->n; row++) {
        us[row] = k2_floor_us(ns[row]);
        ingest[row] = now;
        journals[row] = journal;
        partitions[row] = s->batch.partition;
        offsets[row] = offset++;
    }
}

/* Decodes the rest of the current batch, as far as there is room. */
static K2_RC decode_batch(struct sink *s, struct k2_err *err) {
    struct journal_record r = {.offset = 0};
    const char *topic = journal_topic_at(s->journal, s->batch.topic).name;
    size_t first = s->rows.n;
    while (s->rows.n < s->rows.cap) {
        if (!journal_batch_next(&s->batch, &s->cursor, &r)) {
            s->batch.count = 0;
            break;
        }
        K2_TRY_CTX(k2_decode_row(s->decoder, r.value, &s->rows, s->rows.n, err), err,
                   "topic %s partition %d offset %lld", topic, s->batch.partition,
                   (long long)r.offset);
        s->rows.n++;
    }
    if (s->rows.n > first) {
        int64_t end = r.offset + 1;
        fill_own(s, first, end - (int64_t)(s->rows.n - first));
        if (s->batch.append_ns < s->oldest_ns)
            s->oldest_ns = s->batch.append_ns;
        lake_offsets_set(&s->to, topic, s->batch.partition, end);
    }
    return K2_OK;
}

/* Everything before the spans' ends was read: what had no record there (journal.h, Kafka's markers) is done too. */
static void reach_ends(struct sink *s) {
    for (int i = 0; i < s->span_count; i++) {
        const struct journal_span *span = &s->spans[i];
        lake_offsets_set(&s->to, journal_topic_at(s->journal, span->topic).name, span->partition,
                         span->to);
    }
}

/* Gathers up to commit_rows rows; s->rows.n == 0 means that the journal's ends are reached. */
static K2_RC gather(struct sink *s, struct k2_err *err) {
    int64_t start = k2_monotonic_ns();
    s->rows.n = 0;
    s->oldest_ns = INT64_MAX;
    while (s->rows.n < s->rows.cap && k2_interner_bytes(s->interner) < MOST_STRING_BYTES) {
        if (s->batch.count == 0) {
            int got = journal_next(s->reader, &s->batch, err);
            if (got < 0)
                return got;
            if (got == 0) {
                reach_ends(s);
                break;
            }
            s->cursor = 0;
        }
        K2_TRY(decode_batch(s, err));
    }
    s->totals->decode_ns += k2_monotonic_ns() - start;
    return K2_OK;
}

/* --- writing --- */

/* Whether all n values are equal: each to the next. */
static bool is_same(const void *values, size_t n, size_t size) {
    return memcmp(values, (const uint8_t *)values + size, (n - 1) * size) == 0;
}

static void find_same(struct sink *s) {
    for (int i = 0; i < s->kind->field_count; i++)
        s->same[i] = is_same(s->rows.col[i], s->rows.n, k2_type_size(s->kind->fields[i].type));
}

/* Points data[] at n sorted rows from `at`: the columns themselves when their order is right or does
 * not matter. */
static void sorted_rows(struct sink *s, const struct sort_group *g, size_t at, size_t n,
                        const void **data) {
    for (int i = 0; i < s->kind->field_count; i++) {
        size_t size = k2_type_size(s->kind->fields[i].type);
        if (g->identity || s->same[i]) {
            data[i] = (const uint8_t *)s->rows.col[i] + at * size;
        } else {
            sort_gather(s->gathered[i], s->rows.col[i], s->order.rows + at, n, size);
            data[i] = s->gathered[i];
        }
    }
}

static K2_RC write_groups(struct sink *s, struct lake_data_writer *w, const struct sort_group *g,
                          struct k2_err *err) {
    const void *data[K2_MAX_FIELDS];
    for (size_t at = g->from; at < g->to; at += ROW_GROUP_ROWS) {
        size_t n = g->to - at < ROW_GROUP_ROWS ? g->to - at : ROW_GROUP_ROWS;
        sorted_rows(s, g, at, n, data);
        K2_TRY(lake_data_write(w, data, n, s->interner, err));
    }
    return K2_OK;
}

static K2_RC write_file(struct sink *s, const struct sort_group *g, struct k2_err *err) {
    struct lake_data_writer *w;
    struct lake_file file;
    K2_TRY(lake_data_begin(s->table, s->kind, g->trade_date, s->options->zstd_level, &w, err));
    int rc = write_groups(s, w, g, err);
    if (rc != K2_OK) {
        lake_data_drop(w);
        return rc;
    }
    K2_TRY(lake_data_end(w, &file, err));
    s->files = k2_realloc(s->files, (size_t)(s->file_count + 1) * sizeof *s->files);
    s->files[s->file_count++] = file;
    s->totals->files++;
    s->totals->bytes += file.bytes;
    return K2_OK;
}

static K2_RC write_files(struct sink *s, struct k2_err *err) {
    int64_t start = k2_monotonic_ns();
    sort_columns(&s->order, &s->rows, s->interner);
    find_same(s);
    int64_t sorted = k2_monotonic_ns();
    s->totals->sort_ns += sorted - start;
    for (int i = 0; i < s->order.group_count; i++)
        K2_TRY(write_file(s, &s->order.groups[i], err));
    s->totals->write_ns += k2_monotonic_ns() - sorted;
    return K2_OK;
}

/* --- committing --- */

static void make_commit_id(char out[40]) {
    uint64_t random[2];
    ssize_t n = getrandom(random, sizeof random, 0);
    K2_ASSERT(n == (ssize_t)sizeof random);
    snprintf(out, 40, "sink-%016llx%016llx", (unsigned long long)random[0],
             (unsigned long long)random[1]);
}

static void forget_files(struct sink *s) {
    lake_files_free(s->files, s->file_count);
    s->files = NULL;
    s->file_count = 0;
}

static struct k2_series *metric(const struct sink *s, enum k2_metric m) {
    return k2_metric(m, s->kind->table, NULL);
}

static void count_commit(const struct sink *s, const struct lake_append *a, int64_t took) {
    int64_t bytes = 0;
    for (int i = 0; i < a->file_count; i++)
        bytes += a->files[i].bytes;
    k2_metric_add(metric(s, K2_METRIC_sink_rows), (int64_t)s->rows.n);
    k2_metric_add(metric(s, K2_METRIC_sink_files), a->file_count);
    k2_metric_add(metric(s, K2_METRIC_sink_written_bytes), bytes);
    k2_metric_add(metric(s, K2_METRIC_sink_commits), 1);
    k2_metric_record(metric(s, K2_METRIC_sink_commit_seconds), took);
    k2_metric_set(metric(s, K2_METRIC_sink_freshness_seconds), a->now_ns - s->oldest_ns);
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
    snprintf(rows, sizeof rows, "%zu", s->rows.n);
    snprintf(files, sizeof files, "%d", a->file_count);
    k2_log(K2_LOG_INFO, "snapshot is committed", "table", s->kind->table, "snapshot", id, "commit",
           a->commit_id, "journal", journal, "rows", rows, "files", files, NULL);
}

static K2_RC commit(struct sink *s, struct k2_err *err) {
    int64_t start = k2_monotonic_ns();
    char id[40];
    make_commit_id(id);
    struct lake_append a = {.files = s->files,
                            .file_count = s->file_count,
                            .from = &s->from,
                            .to = &s->to,
                            .commit_id = id,
                            .now_ns = s->options->clock ? s->options->clock() : k2_now_ns()};
    int64_t snapshot;
    int rc = lake_append(s->lake, s->kind->table, &a, &snapshot, err);
    if (rc == K2_OK && s->rows.n > 0) {
        count_commit(s, &a, k2_monotonic_ns() - start);
        log_commit(s, &a, snapshot);
    }
    if (rc == K2_E_CONFLICT)
        lake_files_discard(s->files, s->file_count);
    forget_files(s);
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

/* One commit's worth: gathered rows become files and a snapshot. */
static K2_RC commit_rows(struct sink *s, struct k2_err *err) {
    int64_t n = (int64_t)s->rows.n;
    K2_TRY(write_files(s, err));
    K2_TRY(commit(s, err));
    copy_offsets(&s->from, &s->to);
    show_offsets(&s->from);
    s->totals->rows += n;
    s->totals->commits++;
    s->done += n;
    k2_metric_set(metric(s, K2_METRIC_sink_lag_rows), s->all - s->done);
    if (s->options->progress)
        s->options->progress(s->options->progress_ctx, s->kind->table, s->done, s->all);
    k2_interner_reset(s->interner);
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
    K2_TRY(lake_table_load(s->lake, k2_sv_of(s->kind->table), &s->table, err));
    K2_TRY(load_offsets(s, err));
    for (int32_t i = 0; i < journal_topic_count(s->journal); i++) {
        struct journal_topic t = journal_topic_at(s->journal, i);
        if (k2_kind_by_topic(k2_sv_of(t.name)) == s->kind)
            K2_TRY(add_spans(s, &t, err));
    }
    k2_metric_set(metric(s, K2_METRIC_sink_lag_rows), s->all);
    if (s->from.journal_id == s->to.journal_id)
        show_offsets(&s->from);
    return K2_OK;
}

static void end_round(struct sink *s) {
    journal_reader_close(s->reader);
    s->reader = NULL;
    s->batch.count = 0;
    lake_table_free(s->table);
    s->table = NULL;
    lake_offsets_free(&s->from);
    lake_offsets_free(&s->to);
    lake_files_discard(s->files, s->file_count);
    forget_files(s);
}

static K2_RC copy_spans(struct sink *s, struct k2_err *err) {
    if (s->span_count == 0)
        return K2_OK;
    K2_TRY(journal_read(s->journal, s->spans, s->span_count, &s->reader, err));
    for (;;) {
        K2_TRY(gather(s, err));
        if (s->rows.n == 0)
            return lake_offsets_equal(&s->from, &s->to) ? K2_OK : commit(s, err);
        K2_TRY(commit_rows(s, err));
    }
}

static K2_RC one_round(struct sink *s, struct k2_err *err) {
    int rc = find_work(s, err);
    if (rc == K2_OK)
        rc = copy_spans(s, err);
    end_round(s);
    return rc;
}

static void open_kind(struct sink *s, const struct k2_kind *kind) {
    s->kind = kind;
    s->own = own_columns_of(kind);
    s->decoder =
        k2_decoder_new(kind, s->interner, k2_registry_source(journal_registry(s->journal)));
    int64_t rows = s->options->commit_rows ? s->options->commit_rows : DEFAULT_COMMIT_ROWS;
    k2_columns_init(&s->rows, kind, (size_t)rows);
    for (int i = 0; i < kind->field_count; i++)
        s->gathered[i] = k2_alloc(ROW_GROUP_ROWS * k2_type_size(kind->fields[i].type));
}

static void close_kind(struct sink *s) {
    for (int i = 0; i < s->kind->field_count; i++)
        free(s->gathered[i]);
    k2_columns_free(&s->rows);
    k2_decoder_free(s->decoder);
    k2_interner_reset(s->interner);
    free(s->spans);
    s->spans = NULL;
}

static K2_RC sink_kind(struct sink *s, const struct k2_kind *kind, struct k2_err *err) {
    K2_TRY_CTX(lake_table_ensure(s->lake, kind, err), err, "table %s", kind->table);
    open_kind(s, kind);
    int rc = K2_E_CONFLICT; /* another sink moved the table: look again */
    for (int i = 0; rc == K2_E_CONFLICT && i < TRIES; i++) {
        k2_metric_add(metric(s, K2_METRIC_sink_retries), i > 0);
        rc = one_round(s, err);
    }
    close_kind(s);
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
        if (i < K2_KINDS_FROM_THE_START || has_topic(s, kind))
            K2_TRY(sink_kind(s, kind, err));
    }
    return save_position(s, err);
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

int sink_run(struct journal *j, struct lake *l, const char *data, const struct sink_options *o,
             struct sink_totals *totals, struct k2_err *err) {
    static const struct sink_options defaults;
    struct sink_totals unused;
    struct sink s = {
        .journal = j, .lake = l, .options = o ? o : &defaults, .totals = totals ? totals : &unused};
    *s.totals = (struct sink_totals){0};
    struct k2_lock *lock = NULL;
    K2_TRY(take_lock(data, &lock, err));
    s.interner = k2_interner_new();
    int rc = sink_all(&s, err);
    k2_interner_free(s.interner);
    sort_order_free(&s.order);
    k2_lock_release(lock);
    return rc;
}
