/* journal/local/sync.c - group commit.
 *
 * One sync serves everything written before it began. The sync thread begins as soon as
 * local_write wakes it, so the appender gathers the next batches meanwhile; a caller of
 * local_flush that finds no sync under way does it itself, which saves two switches of threads
 * when the appender wants to wait anyway (local_commit).
 *
 * A failed sync is final: the kernel may have dropped the pages. The journal then takes nothing
 * more, and what was not durable is cut off the file, so that nobody who opens it later takes pages
 * that are in the cache for bytes that are on the disk.
 */
#include "journal/local/observe.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdlib.h>

static void publish(struct local *j, int64_t position) {
    size_t done = 0;
    for (; done < j->note_count && j->notes[done].position < position; done++) {
        struct k2_err err = {0};
        int rc = journal_chain_add(j, &j->notes[done], &err);
        K2_ASSERT(rc == K2_OK); /* we numbered it ourselves */
        journal_observe_frame(j, &j->notes[done]);
    }
    j->note_count -= done;
    memmove(j->notes, j->notes + done, j->note_count * sizeof *j->notes);
    j->durable = position;
    journal_end_publish(&j->end, position);
}

static void give_up(struct local *j, const struct k2_err *why) {
    j->failed = *why;
    k2_log(K2_LOG_ERROR, "journal stops: a sync failed", "why", why->msg, NULL);
    (void)!k2_fs_truncate(j->fd, j->durable - j->base_position, j->path, NULL);
}

/* Syncs what is written now. Mutex held, but not during the sync; nobody else syncs. */
static void sync_once(struct local *j) {
    int64_t target = j->written;
    struct k2_err err = {0};
    j->syncing = true;
    pthread_mutex_unlock(&j->base.mutex);
    int64_t start = k2_monotonic_ns();
    int rc = k2_fs_sync(j->fd, j->path, &err);
    int64_t took = k2_monotonic_ns() - start;
    pthread_mutex_lock(&j->base.mutex);
    j->syncing = false;
    if (rc == K2_OK) {
        publish(j, target);
        journal_observe_sync(j, took);
    } else {
        give_up(j, &err);
    }
    pthread_cond_broadcast(&j->changed);
}

int journal_sync_wait(struct local *j, int64_t position, struct k2_err *err) {
    if (position > j->written)
        position = j->written;
    while (j->durable < position && j->failed.status == K2_OK) {
        if (j->syncing)
            pthread_cond_wait(&j->changed, &j->base.mutex);
        else
            sync_once(j);
    }
    if (j->durable < position)
        return k2_fail(err, j->failed.status, "%s", j->failed.msg);
    return K2_OK;
}

static void *sync_main(void *arg) {
    struct local *j = arg;
    pthread_mutex_lock(&j->base.mutex);
    while (!atomic_load(&j->stop)) {
        if (!j->syncing && j->durable < j->written && j->failed.status == K2_OK)
            sync_once(j);
        else
            pthread_cond_wait(&j->work, &j->base.mutex);
    }
    pthread_mutex_unlock(&j->base.mutex);
    return NULL;
}

int journal_sync_start(struct local *j, struct k2_err *err) {
    journal_observe_open(j);
    int rc = pthread_create(&j->sync_thread, NULL, sync_main, j);
    if (rc != 0)
        return k2_fail(err, K2_E_IO, "cannot start the journal's sync thread: %s", strerror(rc));
    rc = pthread_create(&j->seal_thread, NULL, journal_seal_main, j);
    if (rc != 0) {
        pthread_mutex_lock(&j->base.mutex);
        atomic_store(&j->stop, true);
        pthread_cond_broadcast(&j->work);
        pthread_mutex_unlock(&j->base.mutex);
        pthread_join(j->sync_thread, NULL);
        return k2_fail(err, K2_E_IO, "cannot start the journal's seal thread: %s", strerror(rc));
    }
    j->threads_run = true;
    return K2_OK;
}

void journal_sync_stop(struct local *j) {
    if (!j->threads_run)
        return;
    pthread_mutex_lock(&j->base.mutex);
    atomic_store(&j->stop, true);
    pthread_cond_broadcast(&j->work);
    pthread_cond_broadcast(&j->sealed);
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->base.mutex);
    pthread_join(j->sync_thread, NULL);
    pthread_join(j->seal_thread, NULL);
    if (j->failed.status != K2_OK) /* a write may have been under way when the sync failed */
        (void)!k2_fs_truncate(j->fd, j->durable - j->base_position, j->path, NULL);
}
