/* base/lock.c - see fs.h.
 *
 * The lock is the flock, not the file: the file stays after release, because removing it would let
 * two processes lock two files of the same name. Its text is only for the message, so it is written
 * plainly and not synced.
 */
#include "base/clock.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
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

/* --- looking --- */

/* "pid 12 (k2 ingest)", as sign writes it; anything else is nobody. */
static void read_holder(struct k2_sv text, struct k2_lock_holder *out) {
    text = k2_sv_trim(text);
    struct k2_sv word = k2_sv_split(&text, ' ');
    if (!k2_sv_eq(word, K2_SV("pid")) || !k2_sv_i64(k2_sv_split(&text, ' '), &out->pid))
        out->pid = 0;
    if (k2_sv_take(&text, '(') && k2_sv_ends(text, K2_SV(")")))
        text.n--;
    snprintf(out->command, sizeof out->command, "%.*s", K2_SV_ARG(text));
}

/* Whether the system's list of locks has this process with this file. */
static bool is_listed(int64_t pid, uint64_t inode) {
    FILE *f = fopen("/proc/locks", "re");
    char line[256];
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) {
        int64_t holder;
        uint64_t of;
        found = sscanf(line, "%*s FLOCK %*s %*s %" SCNd64 " %*x:%*x:%" SCNu64, &holder, &of) == 2 &&
                holder == pid && of == inode;
    }
    if (f)
        fclose(f);
    return found;
}

/* The list shows no processes of other containers, so a name that it lacks is asked for by trying:
 * for an instant this is a lock too, but only beside a name that most likely is a dead one. */
static bool is_held(int fd, int64_t pid, uint64_t inode) {
    if (is_listed(pid, inode))
        return true;
    if (flock(fd, LOCK_SH | LOCK_NB) < 0)
        return errno == EWOULDBLOCK;
    flock(fd, LOCK_UN);
    return false;
}

int k2_lock_look(const char *path, struct k2_lock_holder *out, struct k2_err *err) {
    *out = (struct k2_lock_holder){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? K2_OK : k2_fail_errno(err, "cannot read the lock file %s", path);
    char text[256];
    struct stat st = {0};
    ssize_t n = pread(fd, text, sizeof text, 0);
    int rc = n < 0 || fstat(fd, &st) < 0 ? k2_fail_errno(err, "cannot read the lock file %s", path)
                                         : K2_OK;
    if (n > 0) {
        read_holder((struct k2_sv){text, (size_t)n}, out);
        out->since_ns = st.st_mtim.tv_sec * K2_NS_PER_SEC + st.st_mtim.tv_nsec;
        out->alive = out->pid != 0 && is_held(fd, out->pid, st.st_ino);
    }
    close(fd);
    return rc;
}
