/* query/compact_merge.c - see compact_merge.h.
 *
 * DESIGN. Two passes of the same kind. The first reads the old files, each on a connection of its own and
 * only while its time has come, merges them and writes the new files; the second reads the new ones back.
 * Both count the rows and add their hashes over every column; the two sums must be equal, and the rows as
 * many as the manifests say. An old file's bytes are compared with its checksum before it is read: damage
 * must not get a fresh checksum. That rows are in order is checked on the way, in both passes.
 *
 * Memory: one row group to be written, a batch and a row group of each file that is open. Strings that are
 * no longer needed are forgotten when all take more than MOST_STRING_BYTES, which is looked at after ROWS rows.
 */
#include "query/compact_merge.h"

#include "codec/added.h"

#include <stdlib.h>

enum { ROWS = 4096, MOST_STRING_BYTES = 64 << 20 };

struct source {
    struct pass *pass;
    const struct lake_file *file;
    struct query_rows *rows; /* NULL: not open yet, or at its end */
};

struct pass {
    struct compact_job *job;
    struct source *sources;
    struct lake_merge_source *merged;
    int n;
    struct k2_interner *in, *spare;
    int date_column;
    int64_t rows;
    struct k2_h128 sum;
    /* What becomes of the rows: */
    bool writes;
    struct lake_data_writer *writer;
    int64_t piece, left; /* rows of a new file; how many the one in hand still takes */
};

/* --- reading --- */

static K2_RC open_source(struct source *s, struct k2_err *err) {
    bool checked;
    struct compact_job *j = s->pass->job;
    const struct query_source from = {.name = (char *)(uintptr_t)j->kind->table,
                                      .table = (struct lake_table *)(uintptr_t)j->table,
                                      .kind = j->kind};
    K2_TRY(parquet_check(s->file->path, &checked, err));
    return query_rows_of_file(j->engine, &from, s->file, s->pass->in, &s->rows, err);
}

static K2_RC next_rows(void *ctx, struct k2_columns *c, struct k2_err *err) {
    struct source *s = ctx;
    if (!s->rows)
        K2_TRY(open_source(s, err));
    K2_TRY_CTX(query_rows_next(s->rows, c, err), err, "read %s", s->file->path);
    if (c->n == 0) {
        query_rows_close(s->rows);
        s->rows = NULL;
    }
    return K2_OK;
}

static void add_source(struct pass *p, const struct lake_file *f) {
    int time = k2_field_by_name(p->job->kind, K2_SV("exchange_timestamp"));
    int64_t last;
    p->sources[p->n] = (struct source){.pass = p, .file = f};
    p->merged[p->n] =
        (struct lake_merge_source){.name = f->path, .ctx = &p->sources[p->n], .next = next_rows};
    compact_times(f, p->job->kind->fields[time].id, &p->merged[p->n].least_us, &last);
    p->n++;
}

static void begin_pass(struct pass *p, struct compact_job *j, int files) {
    *p = (struct pass){.job = j, .in = k2_interner_new(), .spare = k2_interner_new()};
    p->date_column = k2_field_by_name(j->kind, K2_SV("trade_date"));
    p->sources = k2_zalloc((size_t)files * sizeof *p->sources);
    p->merged = k2_zalloc((size_t)files * sizeof *p->merged);
}

static void end_pass(struct pass *p) {
    for (int i = 0; i < p->n; i++)
        query_rows_close(p->sources[i].rows);
    lake_data_drop(p->writer);
    free(p->sources);
    free(p->merged);
    k2_interner_free(p->in);
    k2_interner_free(p->spare);
}

/* --- what is done with the rows --- */

static K2_RC account(struct pass *p, const struct k2_columns *c, struct k2_err *err) {
    const int32_t *dates = c->col[p->date_column];
    for (size_t i = 0; i < c->n; i++) {
        struct k2_event e;
        memset(&e, 0, sizeof e);
        k2_columns_get(c, i, &e);
        p->sum = k2_h128_add(p->sum, k2_full_hash(&e, p->in));
        p->sum = k2_h128_add(p->sum, k2_columns_found_sum(c, i, p->in));
        if (dates[i] != p->job->group->trade_date)
            return k2_fail(err, K2_E_DATA, "a row is in the partition of another date");
    }
    p->rows += (int64_t)c->n;
    return K2_OK;
}

static K2_RC end_file(struct pass *p, struct k2_err *err) {
    struct compact_job *j = p->job;
    struct lake_data_writer *w = p->writer;
    if (!w)
        return K2_OK;
    p->writer = NULL;
    j->added = k2_realloc(j->added, (size_t)(j->added_count + 1) * sizeof *j->added);
    K2_TRY(lake_data_end(w, &j->added[j->added_count], err));
    j->added_count++;
    return K2_OK;
}

static K2_RC write(struct pass *p, const struct k2_columns *c, struct k2_err *err) {
    struct compact_job *j = p->job;
    if (!p->writer) {
        K2_TRY(lake_data_begin(j->table, j->kind, j->group->trade_date, 0, &p->writer, err));
        p->left = p->piece;
    }
    K2_TRY(lake_data_write(p->writer, (const void *const *)c->col, c->n, p->in, err));
    p->left -= (int64_t)c->n;
    return p->left == 0 ? end_file(p, err) : K2_OK;
}

/* Strings of rows that are done with are forgotten. */
static void renew_interner(struct pass *p, struct lake_merge *m) {
    if (k2_interner_used(p->in) < MOST_STRING_BYTES)
        return;
    struct k2_interner *full = p->in;
    lake_merge_move(m, p->spare);
    for (int i = 0; i < p->n; i++)
        if (p->sources[i].rows)
            query_rows_use(p->sources[i].rows, p->spare);
    k2_interner_reset(full);
    p->in = p->spare;
    p->spare = full;
}

static K2_RC check_stop(const struct pass *p, struct k2_err *err) {
    const struct compact_options *o = p->job->options;
    return o->stop && o->stop(o->ctx) ? k2_fail(err, K2_E_CANCELLED, "compaction was stopped")
                                      : K2_OK;
}

static K2_RC run_pass(struct pass *p, struct lake_merge *m, struct k2_columns *c,
                      struct k2_err *err) {
    for (;;) {
        bool fresh = !p->writer;
        int64_t room = fresh ? p->piece : p->left;
        c->cap = p->writes && room < ROWS ? (size_t)room : ROWS;
        K2_TRY(check_stop(p, err));
        K2_TRY(lake_merge_next(m, c, err));
        if (c->n == 0)
            return end_file(p, err);
        K2_TRY(account(p, c, err));
        if (p->writes)
            K2_TRY(write(p, c, err));
        renew_interner(p, m);
    }
}

static K2_RC do_pass(struct pass *p, struct k2_err *err) {
    struct k2_columns c;
    k2_columns_init(&c, p->job->kind, ROWS);
    struct lake_merge *m = lake_merge_new(p->job->kind, p->merged, p->n, p->in);
    int rc = run_pass(p, m, &c, err);
    lake_merge_free(m);
    k2_columns_free(&c);
    return rc;
}

/* --- the proof --- */

static K2_RC check_equal(const struct compact_job *j, const struct pass *before,
                         const struct pass *after, struct k2_err *err) {
    char was[33], is[33], date[K2_DATE_TEXT];
    if (before->rows == j->group->rows && after->rows == before->rows &&
        k2_h128_cmp(before->sum, after->sum) == 0)
        return K2_OK;
    k2_h128_hex(before->sum, was);
    k2_h128_hex(after->sum, is);
    k2_date_format(j->group->trade_date, date);
    return k2_fail(err, K2_E_DATA,
                   "the merged files of %s do not hold the rows of the old ones: %lld by the "
                   "manifests, %lld read (sum %s), %lld written (sum %s); the old files stay",
                   date, (long long)j->group->rows, (long long)before->rows, was,
                   (long long)after->rows, is);
}

static K2_RC write_files(struct compact_job *j, struct pass *p, struct k2_err *err) {
    begin_pass(p, j, j->group->n);
    p->writes = true;
    p->piece = (j->group->rows + j->group->pieces - 1) / j->group->pieces;
    if (p->piece < 1)
        p->piece = 1;
    for (int i = 0; i < j->group->n; i++)
        add_source(p, j->group->files[i]);
    return do_pass(p, err);
}

static K2_RC read_back(struct compact_job *j, struct pass *p, struct k2_err *err) {
    begin_pass(p, j, j->added_count + 1);
    for (int i = 0; i < j->added_count; i++)
        add_source(p, &j->added[i]);
    return do_pass(p, err);
}

K2_RC compact_write(struct compact_job *j, struct k2_err *err) {
    struct pass before, after;
    j->added = NULL;
    j->added_count = 0;
    int rc = write_files(j, &before, err);
    end_pass(&before);
    if (rc == K2_OK) {
        rc = read_back(j, &after, err);
        end_pass(&after);
    }
    if (rc == K2_OK)
        rc = check_equal(j, &before, &after, err);
    if (rc != K2_OK) {
        lake_files_discard(j->added, j->added_count);
        lake_files_free(j->added, j->added_count);
        j->added = NULL;
        j->added_count = 0;
    }
    return rc;
}
