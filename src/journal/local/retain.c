/* journal/local/retain.c - removing old segments.
 *
 * Order for each: its index is durable (it stays, index.c), journal/meta moves `first` and the
 * starts past it, then the file goes. A power cut in between leaves a file below `first`, which the
 * next opening removes. The last segment never goes. What is in an object store goes behind (tier.c).
 */
#include "journal/local/observe.h"

#include "base/clock.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define STOPPED_BYTES 256

struct plan {
    const struct journal_retention *rules;
    int64_t bytes; /* of the segments that are left */
    char *stopped; /* STOPPED_BYTES; the reason */
};

static bool is_candidate(const struct plan *p, const struct segment *s) {
    return s->index.last_ns < p->rules->older_than_ns ||
           (p->rules->keep_bytes > 0 && p->bytes > p->rules->keep_bytes);
}

/* --- the fences --- */

__attribute__((format(printf, 2, 3))) static int stop(char *stopped, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(stopped, STOPPED_BYTES, fmt, args);
    va_end(args);
    return K2_E_FAILED;
}

/* Whether the group has read everything of the segment; else *stopped tells. */
static int check_group(struct local *j, const char *group, const struct segment *s, char *stopped) {
    struct journal_span *spans;
    struct k2_err err = {0};
    int n;
    if (local_position_load(&j->base, group, &spans, &n, &err) != K2_OK)
        return stop(stopped, "the position of group %s cannot be read: %s", group, err.msg);
    int rc = K2_OK;
    for (int i = 0; rc == K2_OK && i < n; i++) {
        int at = journal_index_span(&s->index, spans[i].topic, spans[i].partition);
        if (at < 0 || spans[i].from >= s->index.spans[at].to)
            continue;
        rc = stop(stopped,
                  "consumer group %s has read topic %d partition %d only up to offset %" PRId64
                  "; if nobody reads for it any more: k2 group remove",
                  group, spans[i].topic, spans[i].partition, spans[i].from);
    }
    free(spans);
    return rc;
}

/* Its process is gone for good, as far as anybody can tell. */
static bool is_given_up(struct local *j, const char *group) {
    int64_t now = k2_now_ns(), left = journal_group_left_ns(&j->base, group, now);
    return left > 0 && now - left > JOURNAL_LIVE_GROUP_HOLDS;
}

static int check_groups(struct local *j, const struct segment *s, char *stopped) {
    char *dir = k2_path(j->dir, "positions"), **names;
    size_t n;
    struct k2_err err = {0};
    int rc = k2_fs_list(dir, &names, &n, &err);
    free(dir);
    if (rc != K2_OK)
        return stop(stopped, "the consumer groups cannot be listed: %s", err.msg);
    for (size_t i = 0; rc == K2_OK && i < n; i++) {
        bool unfinished = k2_sv_ends(k2_sv_of(names[i]), K2_SV(".tmp")); /* a replacement */
        if (!unfinished && !is_given_up(j, names[i]))
            rc = check_group(j, names[i], s, stopped);
    }
    k2_fs_names_free(names, n);
    return rc;
}

/* Asks everyone who may need the segment. Mutex held; released while the caller's fence runs. */
static int ask(struct local *j, struct plan *p, struct segment *s) {
    struct k2_err err = {0};
    struct journal_segment_info info;
    K2_TRY(check_groups(j, s, p->stopped));
    int rc = journal_segment_describe(j, s, &info, &err);
    if (rc == K2_OK && s->sidecar != SIDECAR_SAVED)
        rc = k2_fail(&err, K2_E_FAILED, "segment %" PRId64 " has no index", s->index.base);
    if (rc == K2_OK && p->rules->may_go) {
        pthread_mutex_unlock(&j->base.mutex);
        rc = p->rules->may_go(p->rules->ctx, &info, &err);
        pthread_mutex_lock(&j->base.mutex);
    }
    /* Last, because a reader may have come meanwhile. */
    if (rc == K2_OK && journal_reader_needs(j, s->index.base))
        rc = k2_fail(&err, K2_E_FAILED, "segment %" PRId64 " is being read", s->index.base);
    if (rc != K2_OK)
        stop(p->stopped, "%s", err.msg[0] ? err.msg : "the caller keeps it and does not say why");
    return rc;
}

/* --- removing --- */

/* The new starts are durable before the file goes; on failure nothing has changed. */
static int drop_oldest(struct local *j, const char *path, struct k2_err *err) {
    struct segment *s = j->live.at[0];
    const struct journal_index *x = &s->index;
    int64_t first = j->meta.first, *old = k2_alloc((size_t)(x->span_count + 1) * sizeof *old);
    for (int i = 0; i < x->span_count; i++) {
        int64_t *start = &j->meta.topics[x->spans[i].topic].starts[x->spans[i].partition];
        old[i] = *start;
        *start = x->spans[i].to;
    }
    j->meta.first = x->end;
    int rc = journal_meta_save(j->meta_path, &j->meta, err);
    if (rc != K2_OK) {
        j->meta.first = first;
        for (int i = 0; i < x->span_count; i++)
            j->meta.topics[x->spans[i].topic].starts[x->spans[i].partition] = old[i];
    }
    free(old);
    K2_TRY(rc);
    journal_chain_retire(j);
    journal_observe_removed(j, x);
    return k2_fs_unlink(path, err);
}

/* *went is false when a reader has pinned it; then p->stopped tells. */
static int remove_oldest(struct local *j, struct plan *p, bool *went, struct k2_err *err) {
    char *path = journal_segment_path(j->dir, j->live.at[0]->index.base, ".seg");
    struct k2_err why = {0};
    int fd, rc = K2_OK;
    *went = journal_pin_exclude(j->dir, j->live.at[0]->index.base, &fd, &why) == K2_OK;
    if (*went) {
        rc = drop_oldest(j, path, err);
        (void)!k2_fs_close(fd, path, NULL); /* nothing was written there */
    } else {
        stop(p->stopped, "%s", why.msg);
    }
    free(path);
    return rc;
}

static int run(struct local *j, struct plan *p, int *removed, struct k2_err *err) {
    for (int i = 0; i < j->live.n;) {
        struct segment *s = j->live.at[i];
        if (!s->sealed || !is_candidate(p, s) || ask(j, p, s) != K2_OK)
            return K2_OK;
        p->bytes -= s->index.end - s->index.base;
        bool went = true;
        if (p->rules->dry_run)
            i++;
        else
            K2_TRY(remove_oldest(j, p, &went, err));
        if (!went)
            return K2_OK;
        ++*removed;
    }
    return K2_OK;
}

int local_retain(struct journal *journal, const struct journal_retention *rules, int *removed,
                 char stopped[256], struct k2_err *err) {
    struct local *j = local_of(journal);
    struct plan p = {rules, 0, stopped};
    *removed = 0;
    stopped[0] = 0;
    if (j->base.mode != JOURNAL_WRITE && !rules->dry_run)
        return k2_fail(err, K2_E_INVALID, "the journal %s is open for reading only", j->dir);
    pthread_mutex_lock(&j->base.mutex);
    p.bytes = j->durable - j->live.at[0]->index.base;
    int rc = run(j, &p, removed, err);
    pthread_mutex_unlock(&j->base.mutex);
    if (stopped[0] && !rules->dry_run)
        k2_metric_add(k2_metric(K2_METRIC_retention_stops, NULL), 1);
    if (rc == K2_OK && *removed > 0 && !rules->dry_run)
        rc = k2_fs_sync_dir(j->dir, err);
    return rc;
}
