/* tests/crash/pipeline.c - see pipeline.h. */
#include "crash/pipeline.h"

#include "base/clock.h"
#include "base/fs.h"
#include "lake/lake_int.h"
#include "query/query.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct whole_file {
    char *path;
    struct k2_h128 hash;
};

/* What the uninterrupted feed leaves in each table. */
static int64_t expected[K2_KIND_COUNT];

static int64_t ticks = INT64_C(1700000000) * 1000000000;

static int64_t tick(void) {
    return ticks += K2_NS_PER_SEC;
}

static const struct journal_options options = {
    .segment_bytes = 4000, .partitions = PIPELINE_PARTITIONS, .clock = tick};

static bool complain(struct pipeline *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static bool complain(struct pipeline *p, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(p->why, sizeof p->why, fmt, args);
    va_end(args);
    return false;
}

/* --- the feed --- */

static int give_unstorable(struct ingest *g, struct k2_err *err) {
    struct k2_interner *in = ingest_interner(g);
    struct k2_event e = {.kind = K2_KIND_TRADE};
    e.trade.exchange = k2_intern(in, K2_SV("SIM"));
    e.trade.symbol = k2_intern(in, K2_SV("AAPL"));
    e.trade.channel = k2_intern(in, K2_SV("too-dear"));
    e.trade.instrument_id = e.trade.receive_timestamp_ns = e.trade.raw_offset = K2_NULL_LONG;
    e.trade.price = k2_pow10(30);
    e.trade.exchange_sequence_number = 1;
    return ingest_event(g, &e, err);
}

static int give_slice(struct ingest *g, int from, int to, struct k2_err *err) {
    const struct sim_options o = {.symbols = 3,
                                  .rate = PIPELINE_EVENTS / 3.0,
                                  .seconds = 3,
                                  .seed = 11,
                                  .start_ns = (INT64_C(1700006400) - 1) * K2_NS_PER_SEC,
                                  .gaps = 0.03,
                                  .duplicates = 0.05,
                                  .out_of_order = 0.05,
                                  .quotes = true};
    struct sim *s;
    struct k2_event e;
    K2_TRY(sim_open(&o, ingest_interner(g), &s, err));
    int rc = from == 0 ? give_unstorable(g, err) : K2_OK;
    for (int i = 0; rc == K2_OK && i < to && sim_next(s, &e); i++)
        if (i >= from)
            rc = ingest_event(g, &e, err);
    sim_close(s);
    return rc == K2_OK ? ingest_flush(g, err) : rc;
}

static int note_durable(struct pipeline *p, struct journal *j, struct k2_err *err) {
    K2_ASSERT(journal_topic_count(j) <= PIPELINE_TOPICS);
    for (int t = 0; t < journal_topic_count(j); t++)
        K2_TRY(journal_ends(j, t, p->m.durable[t], err));
    return K2_OK;
}

int pipeline_ingest(struct pipeline *p, int from, int to, struct k2_err *err) {
    struct journal *j;
    struct ingest *g;
    K2_TRY(journal_open(p->data, JOURNAL_WRITE, &options, &j, err));
    int rc = ingest_open(j, &(struct ingest_options){.batch_bytes = 1500}, &g, err);
    if (rc == K2_OK) {
        rc = give_slice(g, from, to, err);
        if (rc == K2_OK)
            rc = note_durable(p, j, err);
        ingest_close(g);
    }
    journal_close(j);
    return rc;
}

/* --- tables --- */

static int note_committed(struct pipeline *p, struct lake *l, struct k2_err *err) {
    for (int k = 0; k < K2_KIND_COUNT; k++) {
        struct lake_table *t;
        K2_TRY(lake_table_load(l, k2_sv_of(k2_kind((enum k2_kind_id)k)->table), &t, err));
        lake_offsets_free(&p->m.committed[k]);
        int rc = lake_table_offsets(t, &p->m.committed[k], err);
        lake_table_free(t);
        K2_TRY(rc);
        p->m.made[k] = true;
    }
    return K2_OK;
}

static int sink(struct pipeline *p, struct journal *j, struct k2_err *err) {
    struct sink_options o = {.commit_rows = 20, .clock = tick};
    struct sink_totals totals;
    struct lake *l;
    K2_TRY(lake_open(p->data, true, &l, err));
    int rc = sink_run(j, l, p->data, &o, &totals, err);
    if (rc == K2_OK)
        rc = note_committed(p, l, err);
    lake_close(l);
    return rc;
}

int pipeline_sink(struct pipeline *p, struct k2_err *err) {
    struct journal *j;
    K2_TRY(journal_open(p->data, JOURNAL_READ, NULL, &j, err));
    int rc = sink(p, j, err);
    journal_close(j);
    return rc;
}

static int set_limits(struct lake *l, const char *table, struct k2_err *err) {
    struct lake_table *t;
    bool unsure;
    K2_TRY(lake_table_load(l, k2_sv_of(table), &t, err));
    lake_property_set(t, "write.metadata.previous-versions-max", K2_SV("2"));
    lake_property_set(t, "commit.manifest.min-count-to-merge", K2_SV("3"));
    lake_metadata_advance(t, tick() / K2_NS_PER_MS);
    int rc = lake_metadata_swap(l, t, &unsure, err);
    lake_table_free(t);
    return rc;
}

int pipeline_tables(struct pipeline *p, struct k2_err *err) {
    struct lake *l;
    K2_TRY(lake_open(p->data, true, &l, err));
    int rc = K2_OK;
    for (int k = 0; rc == K2_OK && k < K2_KIND_COUNT; k++) {
        const struct k2_kind *kind = k2_kind((enum k2_kind_id)k);
        rc = lake_table_ensure(l, kind, err);
        if (rc == K2_OK)
            rc = set_limits(l, kind->table, err);
    }
    if (rc == K2_OK)
        rc = note_committed(p, l, err);
    lake_close(l);
    return rc;
}

/* --- the workload --- */

int pipeline_run(struct pipeline *p, void (*begin)(void *ctx, const char *step), void *ctx,
                 struct k2_err *err) {
    static const int slices[] = {0, 45, 60, PIPELINE_EVENTS};
    if (begin)
        begin(ctx, "ingest");
    K2_TRY(pipeline_ingest(p, slices[0], slices[1], err));
    if (begin)
        begin(ctx, "tables");
    K2_TRY(pipeline_tables(p, err));
    if (begin)
        begin(ctx, "sink");
    K2_TRY(pipeline_sink(p, err));
    for (int i = 1; i < 3; i++) {
        if (begin)
            begin(ctx, "ingest");
        K2_TRY(pipeline_ingest(p, slices[i], slices[i + 1], err));
        if (begin)
            begin(ctx, "sink");
        K2_TRY(pipeline_sink(p, err));
    }
    return K2_OK;
}

/* --- what was written, as the process saw it --- */

static void remember_file(struct pipeline *p, const char *path) {
    struct k2_buf bytes = {0};
    if (k2_fs_read(path, &bytes, NULL) != K2_OK)
        abort();
    p->files = k2_realloc(p->files, (p->file_count + 1) * sizeof *p->files);
    p->files[p->file_count++] = (struct whole_file){k2_strdup(path), k2_hash128(bytes.p, bytes.n)};
    k2_buf_free(&bytes);
}

static void remember_below(struct pipeline *p, const char *directory) {
    char **names;
    size_t n;
    if (k2_fs_list(directory, &names, &n, NULL) != K2_OK)
        return; /* not made yet */
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        char *path = k2_path(directory, names[i]);
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            remember_below(p, path);
        else if (k2_sv_ends(k2_sv_of(path), K2_SV(".parquet")))
            remember_file(p, path);
        free(path);
    }
    k2_fs_names_free(names, n);
}

static void forget_files(struct pipeline *p) {
    for (size_t i = 0; i < p->file_count; i++)
        free(p->files[i].path);
    free(p->files);
    p->files = NULL;
    p->file_count = 0;
}

void pipeline_cut(struct pipeline *p, uint64_t seed) {
    char *warehouse = k2_path(p->data, "warehouse");
    forget_files(p);
    remember_below(p, warehouse);
    free(warehouse);
    disk_cut(p->disk, seed);
}

/* Data files are written once: one that the catalog names is what it was. */
static bool check_content(struct pipeline *p, const char *path) {
    for (size_t i = 0; i < p->file_count; i++) {
        if (strcmp(p->files[i].path, path) != 0)
            continue;
        struct k2_buf bytes = {0};
        bool same = k2_fs_read(path, &bytes, NULL) == K2_OK &&
                    k2_h128_cmp(k2_hash128(bytes.p, bytes.n), p->files[i].hash) == 0;
        k2_buf_free(&bytes);
        return same || complain(p, "data file %s is torn", path);
    }
    return p->file_count == 0 || complain(p, "data file %s was never written", path);
}

/* --- checks --- */

static void on_finding(void *ctx, const char *text) {
    struct pipeline *p = ctx;
    complain(p, "%s", text);
}

static bool check_journal(struct pipeline *p, struct journal *j) {
    struct k2_err err = {0};
    int64_t findings, records, ends[PIPELINE_PARTITIONS];
    for (int t = 0; t < PIPELINE_TOPICS; t++) {
        bool there = t < journal_topic_count(j);
        if (there && journal_ends(j, t, ends, &err) != K2_OK)
            return complain(p, "ends: %s", err.msg);
        for (int i = 0; i < PIPELINE_PARTITIONS; i++)
            if ((there ? ends[i] : 0) < p->m.durable[t][i])
                return complain(p, "topic %d/%d: %lld records of %lld are left", t, i,
                                there ? (long long)ends[i] : -1, (long long)p->m.durable[t][i]);
    }
    if (journal_verify(j, on_finding, p, &findings, &records, &err) != K2_OK)
        return complain(p, "verify the journal: %s", err.msg);
    return findings == 0;
}

/* No offset of `least` is above `have`; of this journal. */
static bool is_covered(const struct lake_offsets *have, const struct lake_offsets *least) {
    for (int i = 0; i < least->n; i++)
        if (lake_offsets_get(have, least->at[i].topic, least->at[i].partition) < least->at[i].end)
            return false;
    return least->journal_id == 0 || have->journal_id == least->journal_id;
}

/* Every journal record of a kind becomes one row, so the vector counts the rows. */
static bool check_rows(struct pipeline *p, const struct lake_table *t,
                       const struct lake_offsets *have) {
    struct k2_err err = {0};
    struct lake_plan plan;
    int64_t rows = 0, want = 0;
    bool good = true;
    if (lake_plan(t, 0, NULL, 0, &plan, &err) != K2_OK)
        return complain(p, "plan: %s", err.msg);
    for (int i = 0; i < plan.file_count; i++) {
        rows += plan.files[i].rows;
        good = good && check_content(p, plan.files[i].path);
    }
    lake_plan_free(&plan);
    for (int i = 0; i < have->n; i++)
        want += have->at[i].end > 0 ? have->at[i].end : 0;
    if (good && rows != want)
        return complain(p, "%s: %lld rows, its offsets stand for %lld", lake_table_info(t).name,
                        (long long)rows, (long long)want);
    return good;
}

static bool check_vector(struct pipeline *p, struct journal *j, enum k2_kind_id k,
                         const struct lake_table *t) {
    struct k2_err err = {0};
    struct lake_offsets have;
    if (lake_table_offsets(t, &have, &err) != K2_OK)
        return complain(p, "offsets: %s", err.msg);
    bool good = check_rows(p, t, &have);
    if (good && !is_covered(&have, &p->m.committed[k]))
        good = complain(p, "%s lost a commit", k2_kind(k)->table);
    for (int i = 0; good && i < have.n; i++) {
        struct journal_topic topic;
        int64_t ends[PIPELINE_PARTITIONS];
        if (journal_topic(j, k2_sv_of(have.at[i].topic), false, &topic, &err) != K2_OK ||
            journal_ends(j, topic.id, ends, &err) != K2_OK)
            good = complain(p, "%s: %s", have.at[i].topic, err.msg);
        else if (have.at[i].end > ends[have.at[i].partition])
            good = complain(p, "%s is ahead of the journal", k2_kind(k)->table);
    }
    lake_offsets_free(&have);
    return good;
}

static bool check_table(struct pipeline *p, struct journal *j, struct lake *l, enum k2_kind_id k) {
    struct k2_err err = {0};
    struct lake_table *t;
    struct lake_verified seen = {0};
    const char *name = k2_kind(k)->table;
    int rc = lake_table_load(l, k2_sv_of(name), &t, &err);
    if (rc == K2_E_NOTFOUND && !p->m.made[k])
        return true;
    if (rc != K2_OK)
        return complain(p, "table %s: %s", name, err.msg);
    bool good = check_vector(p, j, k, t);
    lake_table_free(t);
    if (good && lake_verify(l, name, on_finding, p, &seen, &err) != K2_OK)
        return complain(p, "verify %s: %s", name, err.msg);
    return good && seen.findings == 0;
}

static bool check_span(struct pipeline *p, struct journal *j, struct lake *l,
                       const struct journal_span *span) {
    struct k2_err err = {0};
    struct lake_offsets have = {0};
    struct lake_table *t;
    if (span->from == 0)
        return true; /* also of a topic whose maker was killed: a reader saw its name, no more */
    if (span->topic >= journal_topic_count(j))
        return complain(p, "the position of topic %d, which is not there", span->topic);
    const char *topic = journal_topic_at(j, span->topic).name;
    struct k2_sv table = k2_sv_of(k2_kind_by_topic(k2_sv_of(topic))->table);
    if (!l || lake_table_load(l, table, &t, &err) != K2_OK)
        return complain(p, "a position of %s without a table", topic);
    bool good = lake_table_offsets(t, &have, &err) == K2_OK &&
                lake_offsets_get(&have, topic, span->partition) >= span->from;
    lake_offsets_free(&have);
    lake_table_free(t);
    return good || complain(p, "the position of %s is ahead of its table", topic);
}

/* Retention trusts it: it may be behind the tables, never ahead. */
static bool check_position(struct pipeline *p, struct journal *j, struct lake *l) {
    struct k2_err err = {0};
    struct journal_span *spans;
    int n;
    bool good = true;
    if (journal_position_load(j, "sink", &spans, &n, &err) != K2_OK)
        return complain(p, "position: %s", err.msg);
    for (int i = 0; good && i < n; i++)
        good = check_span(p, j, l, &spans[i]);
    free(spans);
    return good;
}

static bool check_lake(struct pipeline *p, struct journal *j) {
    struct k2_err err = {0};
    struct lake *l = NULL;
    bool good = true;
    int rc = lake_open(p->data, false, &l, &err);
    if (rc != K2_OK && (rc != K2_E_NOTFOUND || p->m.made[0]))
        return complain(p, "%s", err.msg);
    for (int k = 0; l && good && k < K2_KIND_COUNT; k++)
        good = check_table(p, j, l, (enum k2_kind_id)k);
    good = good && check_position(p, j, l);
    lake_close(l);
    return good;
}

bool pipeline_check(struct pipeline *p) {
    struct k2_err err = {0};
    struct journal *j;
    if (journal_open(p->data, JOURNAL_WRITE, &options, &j, &err) != K2_OK)
        return complain(p, "%s", err.msg);
    bool good = check_journal(p, j) && check_lake(p, j);
    journal_close(j);
    return good;
}

/* --- to the end --- */

static int64_t rows_of(const struct pipeline *p, int kind) {
    int64_t rows = 0;
    for (int i = 0; i < p->m.committed[kind].n; i++)
        rows += p->m.committed[kind].at[i].end > 0 ? p->m.committed[kind].at[i].end : 0;
    return rows;
}

/* The journal's records of each kind, all covered by the tables. */
static bool check_complete(struct pipeline *p) {
    int64_t rows[K2_KIND_COUNT];
    for (int k = 0; k < K2_KIND_COUNT; k++)
        rows[k] = rows_of(p, k);
    if (expected[0] == 0)
        memcpy(expected, rows, sizeof expected);
    /* How often numbers were seen missing before they came depends on where a run was cut. */
    for (int k = 0; k < K2_KIND_COUNT; k++)
        if (k != K2_KIND_GAP && rows[k] != expected[k])
            return complain(p, "%s has %lld rows, not %lld", k2_kind((enum k2_kind_id)k)->table,
                            (long long)rows[k], (long long)expected[k]);
    return true;
}

bool pipeline_finish(struct pipeline *p) {
    struct k2_err err = {0};
    forget_files(p);
    if (pipeline_ingest(p, 0, PIPELINE_EVENTS, &err) != K2_OK)
        return complain(p, "ingest after it: %s", err.msg);
    if (pipeline_sink(p, &err) != K2_OK)
        return complain(p, "sink after it: %s", err.msg);
    return check_complete(p) && pipeline_check(p);
}

bool pipeline_reconcile(struct pipeline *p) {
    struct k2_err err = {0};
    struct query_engine *q;
    struct reconcile_report r;
    if (query_open(p->data, &(struct query_options){.threads = 1}, &q, &err) != K2_OK)
        return complain(p, "%s", err.msg);
    int rc = reconcile_run(p->data, q, NULL, NULL, &r, &err);
    query_close(q);
    if (rc != K2_OK)
        return complain(p, "reconcile: %s", err.msg);
    int64_t all = 0;
    for (int k = 0; k < K2_KIND_COUNT; k++)
        all += rows_of(p, k);
    bool good = (reconcile_equal(&r) && r.lag == 0 && r.compared == all) ||
                complain(p, "reconcile: %lld compared, lag %lld: %s", (long long)r.compared,
                         (long long)r.lag, r.first);
    reconcile_free(&r);
    return good;
}

/* --- making --- */

struct pipeline *pipeline_new(void) {
    const char *base = getenv("TMPDIR");
    struct pipeline *p = k2_zalloc(sizeof *p);
    struct k2_buf path = {0};
    k2_buf_printf(&path, "%s/k2crash.XXXXXX", base ? base : "/tmp");
    p->root = k2_strdup(k2_buf_cstr(&path));
    k2_buf_free(&path);
    if (!mkdtemp(p->root))
        abort();
    p->data = k2_path(p->root, "k2");
    p->disk = disk_mount(p->root);
    return p;
}

void pipeline_free(struct pipeline *p) {
    struct k2_buf command = {0};
    disk_unmount(p->disk);
    k2_buf_printf(&command, "rm -rf '%s'", p->root);
    if (system(k2_buf_cstr(&command)) != 0)
        abort();
    k2_buf_free(&command);
    for (int k = 0; k < K2_KIND_COUNT; k++)
        lake_offsets_free(&p->m.committed[k]);
    forget_files(p);
    free(p->root);
    free(p->data);
    free(p);
}
