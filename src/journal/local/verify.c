/* journal/local/verify.c - checking every byte.
 *
 * Each frame of each segment: checksum, position, offset continuing its partition, append time not
 * falling, if it is encrypted its tag; each index: its own checksum, and that it lists exactly the frames of its segment. After
 * damage the check goes on at the next valid frame: frames know their position, so none is
 * mistaken. A tiered segment is fetched, which compares its SHA-256, and then checked like any other.
 */
#include "journal/local/tier.h"
#include "journal/local/opener.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct expect { /* the next offset of a partition */
    int32_t topic, partition;
    int64_t offset;
};

struct verify {
    struct local *j;
    void (*finding)(void *ctx, const char *text);
    void *ctx;
    int64_t findings, records;
    struct expect *expects;
    int expect_count;
    int64_t last_ns;
    struct journal_index *seen; /* of the segment being read */
    int64_t end;
    const char *path;
    struct journal_opener opener;
    uint64_t lacking; /* a key that nobody gave, told already */
};

struct target {
    int64_t number, end;
    bool saved;
};

__attribute__((format(printf, 2, 3))) static void report(struct verify *v, const char *fmt, ...) {
    char text[1200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    v->findings++;
    if (v->finding)
        v->finding(v->ctx, text);
}

static struct expect *expected(struct verify *v, int32_t topic, int32_t partition) {
    for (int i = 0; i < v->expect_count; i++)
        if (v->expects[i].topic == topic && v->expects[i].partition == partition)
            return &v->expects[i];
    v->expects = k2_realloc(v->expects, (size_t)(v->expect_count + 1) * sizeof *v->expects);
    v->expects[v->expect_count] = (struct expect){topic, partition, 0};
    return &v->expects[v->expect_count++];
}

/* --- frames --- */

/* What is encrypted under a key that nobody gave is told once a key: only its checksums can be checked. */
static void check_encrypted(struct verify *v, const struct frame *f, const uint8_t *bytes) {
    struct k2_sv records;
    struct k2_err why = {0};
    if (v->seen->batch_count > 0 && f->key != v->seen->key)
        report(v, "%s: the frame at position %" PRId64 " is not encrypted as the one before it",
               v->path, f->position);
    if (f->key == 0 || f->key == v->lacking)
        return;
    int rc = journal_opener_records(&v->opener, v->seen->base, f, bytes, &records, &why);
    if (rc == K2_E_CORRUPT)
        report(v, "%s: the frame at position %" PRId64 ": %s", v->path, f->position, why.msg);
    else if (rc != K2_OK) {
        v->lacking = f->key;
        report(v, "%s and what else has this key: only the checksums were checked: %s", v->path,
               why.msg);
    }
}

static int check_frame(void *ctx, const struct frame *f, const uint8_t *bytes, struct k2_err *err) {
    struct verify *v = ctx;
    (void)err;
    if (f->position >= v->end)
        return K2_OK; /* written after the check began */
    struct expect *e = expected(v, f->topic, f->partition);
    if (f->base_offset != e->offset)
        report(v, "%s: topic %d partition %d goes on at offset %" PRId64 " instead of %" PRId64,
               v->path, f->topic, f->partition, f->base_offset, e->offset);
    if (f->append_ns < v->last_ns)
        report(v, "%s: the append time falls at position %" PRId64, v->path, f->position);
    check_encrypted(v, f, bytes);
    e->offset = f->base_offset + f->count;
    v->last_ns = f->append_ns;
    v->records += f->count;
    journal_index_add(v->seen, f);
    return K2_OK;
}

static int check_frames(struct verify *v, const struct segment_file *file, struct k2_err *err) {
    const struct segment_visitor visitor = {v, check_frame};
    for (int64_t at = file->number; at < v->end;) {
        enum segment_tail tail;
        struct frame next;
        bool found;
        int rc = journal_segment_scan(file, &at, &tail, &visitor, err);
        if (rc != K2_OK && rc != K2_E_CORRUPT)
            return rc;
        if (at >= v->end)
            break;
        K2_TRY(journal_segment_resync(file, at + 1, &next, &found, err));
        int64_t from = at;
        at = found && next.position < v->end ? next.position : v->end;
        report(v, "%s: bytes %" PRId64 " to %" PRId64 " are damaged", file->path,
               from - file->number, at - file->number);
    }
    return K2_OK;
}

static void check_index(struct verify *v, const struct target *t) {
    char *path = journal_segment_path(v->j->dir, t->number, ".idx");
    struct journal_index x;
    struct k2_err err = {0};
    if (journal_index_load(path, v->j->base.incarnation, t->number, &x, &err) != K2_OK) {
        report(v, "%s", err.msg);
    } else {
        if (x.end != t->end || x.batches.n != v->seen->batches.n ||
            memcmp(x.batches.p, v->seen->batches.p, x.batches.n) != 0)
            report(v, "%s does not list what its segment holds", path);
        if (x.key != v->seen->key)
            report(v, "%s is not encrypted as its segment is", path);
        journal_index_fini(&x);
    }
    free(path);
}

/* Of a segment that cannot be read: what follows goes on where its index ends. */
static void expect_next(struct verify *v, int64_t number) {
    char *path = journal_segment_path(v->j->dir, number, ".idx");
    struct journal_index x;
    if (journal_index_load(path, v->j->base.incarnation, number, &x, NULL) == K2_OK) {
        for (int i = 0; i < x.span_count; i++)
            expected(v, x.spans[i].topic, x.spans[i].partition)->offset = x.spans[i].to;
        v->last_ns = x.last_ns;
        journal_index_fini(&x);
    }
    free(path);
}

static int check_segment(struct verify *v, const struct target *t, struct k2_err *err) {
    char *path = NULL;
    struct k2_err why = {0};
    int fd = -1;
    int rc = journal_tier_open(v->j->dir, v->j->base.incarnation, t->number, &fd, &path, &why);
    struct segment_file file = {path, fd, t->number, v->j->base.incarnation};
    struct journal_index seen;
    if (rc != K2_OK) { /* the others are checked all the same */
        report(v, "%s", why.msg);
        expect_next(v, t->number);
        return K2_OK;
    }
    journal_index_init(&seen, t->number);
    v->seen = &seen;
    v->end = t->end;
    v->path = path;
    int64_t before = v->findings;
    rc = check_frames(v, &file, err);
    (void)!k2_fs_close(file.fd, path, NULL);
    if (rc == K2_OK && t->saved && v->findings == before)
        check_index(v, t);
    v->seen = NULL;
    journal_index_fini(&seen);
    free(path);
    return rc;
}

/* --- the rest --- */

/* Loads one; gives the log position of its end, or -1. */
static int64_t check_retired_index(struct verify *v, int64_t number) {
    struct journal_index x;
    struct k2_err why = {0};
    int64_t end = -1;
    char *path = journal_segment_path(v->j->dir, number, ".idx");
    if (journal_index_load(path, v->j->base.incarnation, number, &x, &why) == K2_OK) {
        end = x.end;
        journal_index_fini(&x);
    } else {
        report(v, "%s", why.msg);
    }
    free(path);
    return end;
}

/* The indexes of removed segments must reach from 0 to the oldest kept one without a hole. */
static int check_retired(struct verify *v, struct k2_err *err) {
    char **names;
    size_t n;
    int64_t number, at = 0;
    K2_TRY(k2_fs_list(v->j->dir, &names, &n, err));
    for (size_t i = 0; i < n; i++) {
        if (!journal_segment_name(names[i], ".idx", &number) || number >= v->j->meta.first)
            continue;
        if (at >= 0 && number != at)
            report(v, "%s: the index of the removed segment %" PRId64 " is missing", v->j->dir, at);
        at = check_retired_index(v, number);
    }
    if (at >= 0 && at != v->j->meta.first)
        report(v, "%s: the index of the removed segment %" PRId64 " is missing", v->j->dir, at);
    k2_fs_names_free(names, n);
    return K2_OK;
}

static void check_meta(struct verify *v) {
    struct meta m;
    struct k2_err err = {0};
    if (journal_meta_load(v->j->meta_path, &m, &err) == K2_OK)
        journal_meta_fini(&m);
    else
        report(v, "%s", err.msg);
}

/* What is to be checked, as of now. Mutex held. */
static struct target *snapshot(struct verify *v, int *n) {
    const struct local *j = v->j;
    struct target *out = k2_alloc((size_t)j->live.n * sizeof *out);
    for (int i = 0; i < j->live.n; i++) {
        const struct segment *s = j->live.at[i];
        out[i] = (struct target){s->index.base, s->index.end, s->sidecar == SIDECAR_SAVED};
    }
    for (int t = 0; t < j->meta.topic_count; t++)
        for (int p = 0; p < j->base.topics[t].partitions; p++)
            expected(v, t, p)->offset = j->meta.topics[t].starts[p];
    *n = j->live.n;
    return out;
}

static int check_all(struct verify *v, struct k2_err *err) {
    int n = 0;
    pthread_mutex_lock(&v->j->base.mutex);
    int rc = journal_chain_refresh(v->j, err);
    struct target *targets = rc == K2_OK ? snapshot(v, &n) : NULL;
    if (rc == K2_OK)
        rc = check_retired(v, err);
    pthread_mutex_unlock(&v->j->base.mutex);
    check_meta(v);
    for (int i = 0; rc == K2_OK && i < n; i++)
        rc = check_segment(v, &targets[i], err);
    free(targets);
    return rc;
}

int local_verify(struct journal *journal, void (*finding)(void *ctx, const char *text), void *ctx,
                 int64_t *findings, int64_t *records, struct k2_err *err) {
    struct local *j = local_of(journal);
    struct verify v = {
        .j = j, .finding = finding, .ctx = ctx, .opener = {.incarnation = journal->incarnation}};
    int rc = check_all(&v, err);
    *findings = v.findings;
    *records = v.records;
    free(v.expects);
    journal_opener_fini(&v.opener);
    return rc;
}
