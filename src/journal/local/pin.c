/* journal/local/pin.c - a reader holds retention off while it looks at several parts of the journal.
 *
 * A pin is a shared flock on the oldest segment's file. Retention takes the lock for itself before it
 * removes a segment, and goes from the oldest on: so one lock keeps everything, needs nothing written,
 * and ends with the process that holds it, whichever way that ends.
 */
#include "journal/local/local.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/file.h>

struct local_pin {
    struct journal_pin base;
    int fd;
    char *path;
};

static int lock(int fd, int how) {
    int rc;
    do
        rc = flock(fd, how);
    while (rc < 0 && errno == EINTR);
    return rc;
}

/* The oldest segment as the disk has it now. */
static int oldest(struct local *j, int64_t *base, struct k2_err *err) {
    pthread_mutex_lock(&j->base.mutex);
    int rc = journal_chain_refresh(j, err);
    *base = j->live.at[0]->index.base;
    pthread_mutex_unlock(&j->base.mutex);
    return rc;
}

/* One try. *taken is false when retention removed the segment meanwhile. */
static int try_pin(struct local *j, struct local_pin *p, bool *taken, struct k2_err *err) {
    int64_t base, after;
    *taken = false;
    K2_TRY(oldest(j, &base, err));
    p->path = journal_segment_path(j->dir, base, ".seg");
    if (!k2_fs_exists(p->path))
        return K2_OK;
    K2_TRY(k2_fs_open(p->path, O_RDONLY, &p->fd, err));
    if (lock(p->fd, LOCK_SH) < 0)
        return k2_fail_errno(err, "cannot lock %s", p->path);
    K2_TRY(oldest(j, &after, err));
    *taken = after == base;
    return K2_OK;
}

void local_unpin(struct journal_pin *pin) {
    struct local_pin *p = (struct local_pin *)pin; /* base is its first member */
    if (p->fd >= 0)
        (void)!k2_fs_close(p->fd, p->path, NULL);
    free(p->path);
    free(p);
}

/* Each try that fails has one segment less before it, so it ends. */
int local_pin(struct journal *journal, struct journal_pin **out, struct k2_err *err) {
    struct local *j = local_of(journal);
    for (;;) {
        struct local_pin *p = k2_zalloc(sizeof *p);
        p->base.ops = &journal_local;
        bool taken = false;
        p->fd = -1;
        int rc = try_pin(j, p, &taken, err);
        if (rc == K2_OK && taken) {
            *out = &p->base;
            return K2_OK;
        }
        local_unpin(&p->base);
        K2_TRY(rc);
    }
}

int journal_pin_exclude(const char *path, int *fd, struct k2_err *err) {
    K2_TRY(k2_fs_open(path, O_RDONLY, fd, err));
    if (lock(*fd, LOCK_EX | LOCK_NB) == 0)
        return K2_OK;
    int rc = errno == EWOULDBLOCK ? k2_fail(err, K2_E_FAILED,
                                            "%s is being read; it can go when that has ended", path)
                                  : k2_fail_errno(err, "cannot lock %s", path);
    (void)!k2_fs_close(*fd, path, NULL);
    return rc;
}
