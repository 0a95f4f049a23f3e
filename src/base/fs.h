/* base/fs.h - the one door through which K2 changes files.
 *
 * Everything that must survive a power cut goes through this table of operations, so that a test can
 * stand a disk in between that forgets what was not synced, tears the last sector, runs full or
 * fails an fsync (tests/crash). Reading is free to use mmap and pread directly.
 *
 * Rules: a new file is durable only after k2_fs_sync(fd) AND k2_fs_sync_dir(its directory); a rename
 * or unlink only after k2_fs_sync_dir of the directory. A failed sync is final: the kernel may have
 * dropped the pages, so the caller must treat the file as lost since its last good sync.
 * Errors: K2_E_IO with path and errno's text. Thread-safety: all functions, from any thread;
 * k2_fs_use only before the first use.
 */
#ifndef K2_BASE_FS_H
#define K2_BASE_FS_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

/* Each returns 0 (open: a descriptor, pwrite: bytes written) or -1 with errno, as the system calls do. */
struct k2_fs_ops {
    int (*open)(const char *path, int flags, mode_t mode);
    ssize_t (*pwrite)(int fd, const void *bytes, size_t n, off_t at);
    int (*truncate)(int fd, off_t size);
    int (*sync)(int fd); /* fdatasync: content and size */
    int (*close)(int fd);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*mkdir)(const char *path, mode_t mode);
    int (*sync_dir)(const char *path);
};

extern const struct k2_fs_ops k2_fs_system;  /* the real thing */
void k2_fs_use(const struct k2_fs_ops *ops); /* NULL = the real thing again */

/* flags as open(2); O_CLOEXEC is added. */
K2_RC k2_fs_open(const char *path, int flags, int *fd, struct k2_err *err);
/* Writes all n bytes, going on after short writes. */
K2_RC k2_fs_pwrite(int fd, const void *bytes, size_t n, int64_t at, const char *path,
                   struct k2_err *err);
K2_RC k2_fs_truncate(int fd, int64_t size, const char *path, struct k2_err *err);
K2_RC k2_fs_sync(int fd, const char *path, struct k2_err *err);
K2_RC k2_fs_close(int fd, const char *path, struct k2_err *err);
K2_RC k2_fs_rename(const char *from, const char *to, struct k2_err *err);
K2_RC k2_fs_unlink(const char *path, struct k2_err *err); /* a missing file is fine */
K2_RC k2_fs_sync_dir(const char *path, struct k2_err *err);
/* Makes the directory and its missing parents; each one made, and the first that was there, is synced
 * in its parent: afterwards `path` is durable, also when an earlier process was killed while making it. */
K2_RC k2_fs_mkdirs(const char *path, struct k2_err *err);
/* Replaces the whole file durably: temporary file beside it, sync, rename, sync of the directory.
 * After a power cut the file holds either the old or the new bytes, never a mixture; the temporary
 * file, whose name ends in ".tmp", may be left and means nothing. */
K2_RC k2_fs_replace(const char *path, struct k2_sv bytes, struct k2_err *err);
/* Creates a file that must not exist yet (K2_E_EXISTS), synced, and its directory too. A power cut
 * before it returns may leave a part of the file under its name. */
K2_RC k2_fs_create(const char *path, struct k2_sv bytes, struct k2_err *err);

/* Reading. Appends the whole file to out; K2_E_NOTFOUND if there is none. */
K2_RC k2_fs_read(const char *path, struct k2_buf *out, struct k2_err *err);
bool k2_fs_exists(const char *path);
bool k2_fs_is_directory(const char *path); /* also through a link */
int64_t k2_fs_size(const char *path);      /* -1 if it cannot be told */
/* Names in a directory in byte order, without "." and ".."; gives an array and its strings, to be
 * freed by k2_fs_names_free. A missing directory is K2_E_NOTFOUND. */
K2_RC k2_fs_list(const char *path, char ***names, size_t *n, struct k2_err *err);
void k2_fs_names_free(char **names, size_t n);
/* "a/b" from parts; gives heap memory. */
char *k2_path(const char *dir, const char *name);
/* Absolute form with symbolic links resolved of an existing path. */
K2_RC k2_fs_absolute(const char *path, char **out, struct k2_err *err);

/* An advisory lock on `path`, held until closed or until the process dies, whichever way it dies
 * (flock): a lock left by a killed process never blocks. The file's text names pid and command of the
 * holder; K2_E_LOCKED says so. */
struct k2_lock;
K2_RC k2_lock_take(const char *path, const char *command, struct k2_lock **out, struct k2_err *err);
void k2_lock_release(struct k2_lock *lock);

struct k2_lock_holder {
    int64_t pid;       /* 0: nobody holds the lock */
    char command[192]; /* as the holder named itself */
    int64_t since_ns;  /* when it took the lock */
    bool alive;        /* false: it was killed; its name is still there, the lock is free */
};
/* Who holds a lock, without taking it. A missing file is nobody. */
K2_RC k2_lock_look(const char *path, struct k2_lock_holder *out, struct k2_err *err);

#endif
