/* journal/local/pin.c - a reader holds retention off while it looks at several parts of the journal.
 *
 * A pin is a shared flock on the oldest segment's file, or on its note (tier_note.c) where the file has gone
 * to the store. Retention takes the lock for itself before it removes a segment, and goes from the oldest on:
 * so one lock keeps everything, needs nothing written, and ends with the process that holds it, whichever
 * way that ends. Tiering takes it too before it removes a file, so a pin never ends up on a file without a name.
 */
#include "journal/local/local.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

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

/* What is locked for a segment: its file, else its note. NULL: neither is there. */
static char *lock_path(const char *dir, int64_t number) {
    static const char *const suffixes[] = {".seg", ".tier"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char *path = journal_segment_path(dir, number, suffixes[i]);
        if (k2_fs_exists(path))
            return path;
        free(path);
    }
    return NULL;
}

static bool is_named(int fd, const char *path) {
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino &&
           a.st_dev == b.st_dev;
}

/* One try. *taken is false when retention removed the segment meanwhile, or its file went to the store. */
static int try_pin(struct local *j, struct local_pin *p, bool *taken, struct k2_err *err) {
    int64_t base, after;
    *taken = false;
    K2_TRY(oldest(j, &base, err));
    p->path = lock_path(j->dir, base);
    if (!p->path)
        return K2_OK;
    p->fd = open(p->path, O_RDONLY | O_CLOEXEC);
    if (p->fd < 0)
        return errno == ENOENT ? K2_OK : k2_fail_errno(err, "cannot open %s", p->path);
    if (lock(p->fd, LOCK_SH) < 0)
        return k2_fail_errno(err, "cannot lock %s", p->path);
    K2_TRY(oldest(j, &after, err));
    *taken = after == base && is_named(p->fd, p->path);
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

static int exclude(const char *path, int *fd, struct k2_err *err) {
    K2_TRY(k2_fs_open(path, O_RDONLY, fd, err));
    int rc = K2_OK;
    if (lock(*fd, LOCK_EX | LOCK_NB) < 0)
        rc = errno == EWOULDBLOCK ? k2_fail(err, K2_E_FAILED,
                                            "%s is being read; it can go when that has ended", path)
                                  : k2_fail_errno(err, "cannot lock %s", path);
    else if (!is_named(*fd, path))
        rc = k2_fail(err, K2_E_FAILED, "%s goes to the store at this moment; it can go after that",
                     path);
    if (rc != K2_OK)
        (void)!k2_fs_close(*fd, path, NULL);
    return rc;
}

int journal_pin_exclude(const char *dir, int64_t number, int *fd, struct k2_err *err) {
    char *path = lock_path(dir, number);
    int rc = path ? exclude(path, fd, err)
                  : k2_fail(err, K2_E_CORRUPT, "%s/%020" PRId64 ".seg is missing", dir, number);
    free(path);
    return rc;
}
