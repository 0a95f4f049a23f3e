/* base/lock.c - see fs.h.
 *
 * The lock is the flock, not the file: the file stays after release, because removing it would let
 * two processes lock two files of the same name. Its text is only for the message, so it is written
 * plainly and not synced.
 */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

struct k2_lock {
    int fd;
};

static int held_by_other(int fd, const char *path, struct k2_err *err) {
    char holder[256];
    ssize_t n = pread(fd, holder, sizeof holder, 0);
    struct k2_sv text = k2_sv_trim((struct k2_sv){holder, n > 0 ? (size_t)n : 0});
    if (text.n == 0) /* it has locked the file and not yet signed it */
        text = K2_SV("another process");
    return k2_fail(err, K2_E_LOCKED,
                   "%s is locked by %.*s; wait for it to end, or stop it, and try again", path,
                   K2_SV_ARG(text));
}

/* Returns 0 or -1 with errno. */
static int sign(int fd, const char *command) {
    char text[256];
    int n = snprintf(text, sizeof text, "pid %ld (%s)\n", (long)getpid(), command);
    size_t size = n < (int)sizeof text ? (size_t)n : sizeof text - 1;
    if (ftruncate(fd, 0) < 0)
        return -1;
    return pwrite(fd, text, size, 0) == (ssize_t)size ? 0 : -1;
}

int k2_lock_take(const char *path, const char *command, struct k2_lock **out, struct k2_err *err) {
    int rc, fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return k2_fail_errno(err, "cannot open the lock file %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        rc = errno == EWOULDBLOCK ? held_by_other(fd, path, err)
                                  : k2_fail_errno(err, "cannot lock %s", path);
    else if (sign(fd, command) < 0)
        rc = k2_fail_errno(err, "cannot write the lock file %s", path);
    else
        rc = K2_OK;
    if (rc != K2_OK) {
        close(fd);
        return rc;
    }
    *out = k2_alloc(sizeof **out);
    (*out)->fd = fd;
    return K2_OK;
}

void k2_lock_release(struct k2_lock *lock) {
    if (!lock)
        return;
    /* A failure leaves an old text, which nobody reads once the lock is free. */
    (void)!ftruncate(lock->fd, 0);
    flock(lock->fd, LOCK_UN); /* now, even if a forked child still has the descriptor */
    close(lock->fd);
    free(lock);
}
