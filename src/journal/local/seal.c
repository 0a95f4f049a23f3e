/* journal/local/seal.c - sealing a segment and giving it its sidecar.
 *
 * Order: all that is written becomes durable; the next file is made and its directory synced; only
 * then are frames written to it. So a file that has a successor is durable as a whole.
 *
 * The sidecar (index.c) needs the records decoded, for the digests, which takes seconds for a full
 * segment. A thread of its own does that: the appender never waits for it, and a sidecar that was
 * not finished when the process ended is made after the next opening.
 */
#include "journal/local/observe.h"
#include "journal/local/tier.h"

#include "base/log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>

/* --- rolling to the next file --- */

/* The file may be left over from an attempt that failed; nothing in it can have been acknowledged.
 */
static int make_file(struct local *j, const char *path, int *fd, struct k2_err *err) {
    K2_TRY(k2_fs_open(path, O_RDWR | O_CREAT, fd, err));
    int rc = k2_fs_truncate(*fd, 0, path, err);
    if (rc == K2_OK)
        rc = k2_fs_sync(*fd, path, err);
    if (rc == K2_OK)
        rc = k2_fs_sync_dir(j->dir, err);
    if (rc != K2_OK)
        (void)!k2_fs_close(*fd, path, NULL);
    return rc;
}

int journal_seal_roll(struct local *j, struct k2_err *err) {
    K2_TRY(journal_sync_wait(j, j->written, err));
    while (j->syncing)
        pthread_cond_wait(&j->changed, &j->base.mutex);
    char *path = journal_segment_path(j->dir, j->durable, ".seg");
    int fd, rc = make_file(j, path, &fd, err);
    if (rc != K2_OK) {
        free(path);
        return k2_err_context(err, rc, "begin a new segment");
    }
    (void)!k2_fs_close(j->fd, j->path, NULL); /* all of it was synced */
    free(j->path);
    j->path = path;
    j->fd = fd;
    j->base_position = j->durable;
    struct segment *full = journal_chain_tail(j);
    full->sealed = true;
    journal_chain_push(j, j->base_position);
    journal_observe_seal(j, full);
    pthread_cond_signal(&j->sealed);
    return K2_OK;
}

/* --- sidecars --- */

static const char **topic_names(const struct local *j) {
    const char **names = k2_alloc((size_t)(j->meta.topic_count + 1) * sizeof *names);
    for (int i = 0; i < j->meta.topic_count; i++)
        names[i] = j->base.topics[i].name;
    return names;
}

/* Reads all records of the segment; the mutex is not held meanwhile. */
static int decode(struct local *j, const struct segment *s, struct journal_digest **digests, int *n,
                  struct k2_err *err) {
    const char **names = topic_names(j);
    int topic_count = j->meta.topic_count;
    pthread_mutex_unlock(&j->base.mutex);
    char *path = NULL;
    int fd = -1,
        rc = journal_tier_open(j->dir, j->base.incarnation, s->index.base, &fd, &path, err);
    struct segment_file file = {path, fd, s->index.base, j->base.incarnation};
    if (rc == K2_OK) {
        rc = journal_digest_segment(j->dir, &file, s->index.end, names, topic_count, &j->stop,
                                    digests, n, err);
        (void)!k2_fs_close(file.fd, path, NULL);
    }
    free(path);
    free(names);
    pthread_mutex_lock(&j->base.mutex);
    return rc;
}

static int save(struct local *j, struct segment *s, struct k2_err *err) {
    char *path = journal_segment_path(j->dir, s->index.base, ".idx");
    pthread_mutex_unlock(&j->base.mutex);
    int rc = journal_index_save(path, j->base.incarnation, &s->index, err);
    pthread_mutex_lock(&j->base.mutex);
    free(path);
    return rc;
}

/* Takes the digests another process has saved; false if there are none. */
static bool borrow(struct local *j, struct segment *s) {
    char *path = journal_segment_path(j->dir, s->index.base, ".idx");
    struct journal_index x;
    bool good = journal_index_load(path, j->base.incarnation, s->index.base, &x, NULL) == K2_OK &&
                x.end == s->index.end && x.digested;
    free(path);
    if (good) {
        s->index.digests = x.digests;
        s->index.digest_count = x.digest_count;
        s->index.digested = true;
        x.digests = NULL;
    }
    journal_index_fini(&x);
    return good;
}

static int digest(struct local *j, struct segment *s, struct k2_err *err) {
    struct journal_digest *digests;
    int n;
    K2_TRY_CTX(decode(j, s, &digests, &n, err), err, "digests of segment %" PRId64, s->index.base);
    if (s->index.digested) { /* another thread was faster */
        free(digests);
        return K2_OK;
    }
    s->index.digests = digests;
    s->index.digest_count = n;
    s->index.digested = true;
    return K2_OK;
}

static void finish(struct local *j, struct segment *s) {
    struct k2_err err = {0};
    int rc = digest(j, s, &err);
    if (rc == K2_OK)
        rc = save(j, s, &err);
    if (rc == K2_OK) {
        s->sidecar = SIDECAR_SAVED;
        k2_buf_free(&s->index.batches);
    } else if (rc != K2_E_CANCELLED) {
        s->sidecar = SIDECAR_FAILED;
        k2_log(K2_LOG_WARN, "journal segment has no index", "why", err.msg, NULL);
    }
    pthread_cond_broadcast(&j->changed);
}

static struct segment *next_bare(const struct local *j) {
    for (int i = 0; i < j->live.n; i++)
        if (j->live.at[i]->sealed && j->live.at[i]->sidecar == SIDECAR_NONE)
            return j->live.at[i];
    return NULL;
}

void *journal_seal_main(void *journal) {
    struct local *j = journal;
    pthread_mutex_lock(&j->base.mutex);
    while (!atomic_load(&j->stop)) {
        struct segment *s = next_bare(j);
        if (s)
            finish(j, s);
        else
            pthread_cond_wait(&j->sealed, &j->base.mutex);
    }
    pthread_mutex_unlock(&j->base.mutex);
    return NULL;
}

int journal_seal_digests(struct local *j, struct segment *s, struct k2_err *err) {
    while (j->threads_run && s->sidecar == SIDECAR_NONE && !atomic_load(&j->stop))
        pthread_cond_wait(&j->changed, &j->base.mutex);
    if (s->index.digested || (j->base.mode == JOURNAL_READ && borrow(j, s)))
        return K2_OK;
    if (s->index.locked)
        K2_TRY_CTX(journal_key_missing(s->index.key, err), err, "digests of segment %020" PRId64,
                   s->index.base);
    return digest(j, s, err);
}

int local_seal(struct journal *journal, struct k2_err *err) {
    struct local *j = local_of(journal);
    if (j->base.mode != JOURNAL_WRITE)
        return k2_fail(err, K2_E_INVALID, "the journal %s is open for reading only", j->dir);
    K2_TRY(local_commit(journal, err));
    pthread_mutex_lock(&j->base.mutex);
    int rc = K2_OK;
    if (j->durable > journal_chain_tail(j)->index.base) {
        struct segment *s = journal_chain_tail(j);
        rc = journal_seal_roll(j, err);
        if (rc == K2_OK)
            rc = journal_seal_digests(j, s, err);
    }
    pthread_mutex_unlock(&j->base.mutex);
    return rc;
}
